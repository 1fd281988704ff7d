"""Curves that are made when somebody first looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..exceptions import ProductNotAvailableError
from ._curve import Curve

__all__ = ["CurvePlan", "PlannedCurves"]


@dataclass(frozen=True, eq=False)
class CurvePlan:
    """What a curve is made of.

    To make a table of Astropy takes a hundred times as long as to read its
    numbers; of the many curves of many sources most are never looked at, or
    only all together (`swiftxrt.stack_light_curves`).

    Parameters
    ----------
    kind : type
        `LightCurve` or `HardnessCurve`.
    columns : callable
        Gives the columns for ``kind.from_columns``; has to succeed.
    options : mapping
        The other arguments for it.
    """

    kind: type[Curve]
    columns: Callable[[], Mapping[str, Any]]
    options: Mapping[str, Any]

    def make(self) -> Any:
        """The curve."""
        return self.kind.from_columns(self.columns(), **self.options)  # type: ignore[attr-defined]


class PlannedCurves(Mapping[str, Any]):
    """A mapping of names to curves, some of which are made when they are first asked for."""

    def __init__(self, curves: Mapping[str, Any]) -> None:
        self._curves = dict(curves)

    def __getitem__(self, name: str) -> Any:
        if name not in self._curves:
            raise KeyError(f"no {name!r} in this set; it has {', '.join(self._curves)}")
        curve = self._curves[name]
        if isinstance(curve, CurvePlan):
            curve = self._curves[name] = curve.make()
        return curve

    def __contains__(self, name: object) -> bool:
        return name in self._curves

    def __iter__(self) -> Iterator[str]:
        return iter(self._curves)

    def __len__(self) -> int:
        return len(self._curves)

    def _get(self, name: str) -> Any:
        if name not in self._curves:
            raise ProductNotAvailableError(f"{name} curve", f"the set has only {', '.join(self._curves)}")
        return self[name]

    def raw(self, name: str) -> Any:
        """A curve, or the plan of one that was not made yet."""
        return self._curves[name]
