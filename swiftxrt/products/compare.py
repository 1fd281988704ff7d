"""Two sets of products side by side."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..kinds import ProductKind
from ._differences import Difference
from ._display import ReadableTable
from ._product_differences import Findings, product_differences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .productset import ProductSet

__all__ = ["COLUMNS", "Comparison", "RequestChange", "compare_products"]

#: Columns of `Comparison.table` with their types.
COLUMNS: dict[str, type] = {
    "product": str,
    "item": str,
    "quantity": str,
    "unit": str,
    "this": float,
    "other": float,
    "difference": float,
    "sigma": float,
    "rms": float,
    "n": int,
    "only_this": int,
    "only_other": int,
    "at": str,
    "identical": bool,
}


class RequestChange(NamedTuple):
    """A parameter that two requests give different values; ``""`` where one does not give it."""

    field: str
    this: str
    other: str


class Comparison:
    """What two sets of products have in common, and what not.

    Made by `ProductSet.compare`; picklable.

    Parameters
    ----------
    differences : sequence of Difference
        The rows.
    missing : mapping of str to str, optional
        What is in one of the sets only, and why.
    request_changes : sequence of RequestChange, optional
        What was asked for differently.
    """

    def __init__(
        self,
        differences: Sequence[Difference],
        *,
        missing: Mapping[str, str] | None = None,
        request_changes: Sequence[RequestChange] = (),
    ) -> None:
        self._differences = tuple(differences)
        self._missing = dict(missing or {})
        self._request_changes = tuple(request_changes)

    @property
    def table(self) -> QTable:
        """The differences, one row for each quantity that both sets have.

        =========================== =====================================================
        column                      meaning
        =========================== =====================================================
        product, item, quantity     what is compared; `item` is a band and mode, a
                                    spectrum, a model, ...
        unit                        unit of `this`, `other` and `difference`
        this, other, difference     the values that differ most in units of their
                                    errors, and ``this - other``
        sigma                       their difference over the combined error; NaN where
                                    no error is known (exposures, limits)
        rms                         root mean square of the same over all `n` values
        n                           number of values that have a partner
        only_this, only_other       number of values without one
        at                          which of the values differ most
        identical                   whether all values and errors are the same numbers
        =========================== =====================================================

        Errors are combined as if the two were independent. Two analyses of
        the same photons agree much better than that.
        """
        return ReadableTable(
            [np.array([getattr(row, name) for row in self._differences], dtype=kind) for name, kind in COLUMNS.items()],
            names=list(COLUMNS),
        )

    @property
    def missing(self) -> Mapping[str, str]:
        """What one of the sets lacks: name of the product or its part, to where it is and why not in the other."""
        return MappingProxyType(self._missing)

    @property
    def request_changes(self) -> tuple[RequestChange, ...]:
        """Parameters that the two requests, with all defaults filled in, give different values."""
        return self._request_changes

    @property
    def pulls(self) -> tuple[NDArray[np.float64], ...]:
        """For each row of `table`, all differences over their combined errors, with sign."""
        return tuple(row.pulls for row in self._differences)

    @property
    def identical(self) -> bool:
        """Whether every number of both sets is the same, and nothing is in one only."""
        return not self._missing and all(row.identical for row in self._differences)

    def agrees(self, *, sigma: float = 3.0, complete: bool = True) -> bool:
        """Whether nothing differs by more than its error allows.

        Of many values one is far off by chance: the largest of `n` differences
        counts as a difference of the same probability in a single value.
        Quantities without a known error, such as exposures and upper limits,
        stand in `table` but are not judged.

        Parameters
        ----------
        sigma : float, optional
            The most that a difference may be, in units of the combined error.
        complete : bool, optional
            Whether both sets must also have the same products, bins and
            sources; if not, only what has a partner is judged.

        Returns
        -------
        agrees : bool
            False if nothing at all could be judged.

        Raises
        ------
        RequestError
            If `sigma` is not a positive number.
        """
        if isinstance(sigma, bool) or not isinstance(sigma, int | float | np.floating) or not sigma > 0:
            raise RequestError([("sigma", f"a positive number is needed; got {sigma!r}")], "comparison")
        if complete and (self._missing or any(row.only_this or row.only_other for row in self._differences)):
            return False
        judged = [_as_single(row.sigma, row.pulls.size) for row in self._differences if row.pulls.size]
        return bool(judged) and max(judged) <= sigma

    def plot(self, *, ax: Axes | None = None, **artist_kwargs: Any) -> Axes:
        """Draw all differences in units of their errors; see `swiftxrt.plot.compare.plot_comparison`."""
        from ..plot.compare import plot_comparison

        return plot_comparison(self, ax=ax, **artist_kwargs)

    def peek(self) -> None:
        """Draw all differences and show them."""
        from ..plot.compare import peek_comparison

        peek_comparison(self)

    def _remarks(self) -> Iterator[tuple[str, list[str]]]:
        """Headings and lines that stand below the table."""
        if self._missing:
            yield "In one of the two only", [f"{name}: {reason}" for name, reason in self._missing.items()]
        if self._request_changes:
            changes = (
                f"{field}: {this or 'not set'} (this), {other or 'not set'} (other)"
                for field, this, other in self._request_changes
            )
            yield "Asked for differently", list(changes)

    def __str__(self) -> str:
        lines = [self._summary()]
        if self._differences:
            lines += ["", *self._shown().pformat(max_lines=-1, max_width=-1, align=_alignment())]
        for heading, items in self._remarks():
            lines += ["", f"{heading}:", *(f"  {item}" for item in items)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self._summary())}</p>"]
        if self._differences:
            parts += self._shown().pformat(max_lines=-1, max_width=-1, html=True, align=_alignment())
        for heading, items in self._remarks():
            entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
            parts.append(f"<p>{html.escape(heading)}:</p><ul>{entries}</ul>")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return f"<Comparison: {self._summary()}>"

    def _summary(self) -> str:
        if self.identical and self._differences:
            return f"{len(self._differences)} quantities, all identical"
        sigmas = [row.sigma for row in self._differences if not np.isnan(row.sigma)]
        text = f"{len(self._differences)} quantities"
        text += f", at most {max(sigmas):.3g} sigma apart" if sigmas else ", none with an error to judge it by"
        alone = sum(row.only_this + row.only_other for row in self._differences)
        text += f", {alone} values without a partner" if alone else ""
        return text + (f", {len(self._missing)} missing in one of the two" if self._missing else "")

    def _shown(self) -> QTable:
        """The table as text, for people."""
        rows = [[_shown(getattr(row, name)) for name in COLUMNS] for row in self._differences]
        return QTable(rows=rows, names=list(COLUMNS), dtype=[str] * len(COLUMNS))


def _as_single(sigma: float, n: int) -> float:
    """The difference in one value that is as improbable as `sigma` for the largest of `n` (Gaussian, two-sided)."""
    chance = math.erfc(sigma / math.sqrt(2))
    if n == 1 or not 0 < chance < 1:  # zero where the probability is too small to be told from it
        return sigma
    return -NormalDist().inv_cdf(-math.expm1(n * math.log1p(-chance)) / 2)


def _alignment() -> list[str]:
    return ["<" if kind is str else ">" for kind in COLUMNS.values()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.5g}"
    return str(value)


def compare_products(this: ProductSet, other: ProductSet) -> Comparison:
    """Compare two sets of products; see `ProductSet.compare`."""
    findings = Findings()
    for kind in ProductKind:
        if kind in this and kind in other:
            product_differences(kind, this[kind], other[kind], findings)
        elif kind in this:
            findings.missing[kind.title] = f"only in this; other: {other.failed.get(kind, 'not asked for')}"
        elif kind in other:
            findings.missing[kind.title] = f"only in other; this: {this.failed.get(kind, 'not asked for')}"
    changes = _request_changes(this.request, other.request)
    return Comparison(findings.rows, missing=findings.missing, request_changes=changes)


def _request_changes(this: Any, other: Any) -> list[RequestChange]:
    if this is None or other is None:
        return []
    plain = [dict(_leaves(request.with_defaults().to_dict())) for request in (this, other)]
    fields = dict.fromkeys([*plain[0], *plain[1]])
    pairs = ((field, plain[0].get(field, ""), plain[1].get(field, "")) for field in fields)
    return [RequestChange(*pair) for pair in pairs if pair[1] != pair[2]]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """All values of nested mappings, as texts under dotted names."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield path, ", ".join(value)
    else:
        yield path, str(value)
