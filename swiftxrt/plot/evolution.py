"""Parameters of fits against time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, Table, vstack
from astropy.time import Time
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ..products.outcomes import Outcomes
from ._axes import COLOURS, axis_label, new_panels
from ._parameter_names import parameter_label, power_of_ten, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_parameter_evolution"]

Floats = NDArray[np.float64]

_WHAT = "parameter evolution"
_NEGATIVE, _POSITIVE = "_err_neg", "_err_pos"
_STYLE: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 4,
    "elinewidth": 1.0,
    "color": COLOURS["blue"],
}
#: Columns of times, in the order in which they are looked for.
_TIMES = ("time", "days", "start", "epoch")
#: A range of values that needs a logarithmic axis.
_WIDE_RANGE = 30.0
#: An arrow down, which begins at the point that it marks, and twice its length.
_ARROW = Path(
    [(0, 0), (0, -1), (-0.25, -0.65), (0, -1), (0.25, -0.65)],
    [Path.MOVETO, Path.LINETO, Path.LINETO, Path.MOVETO, Path.LINETO],
)
_ARROW_POINTS = 26.0
#: Room above and below, as a part of the height, which an arrow needs.
_ROOM = 0.2
#: How fits that failed are marked, and how high in a panel.
_FAILED: dict[str, Any] = {"marker": "x", "markersize": 5, "color": "0.55", "linestyle": "none", "label": "no fit"}
_FAILED_HEIGHT = 0.06
#: Up to so many fits their names stand on the axis.
_MOST_NAMES = 12
_PANEL_INCH, _MARGIN_INCH, _WIDTH_INCH = 1.7, 0.9, 6.4


def plot_parameter_evolution(
    results: Table | Outcomes | Sequence[Any],
    names: str | Iterable[str] | None = None,
    *,
    x: str | Time | u.Quantity | None = None,
    epoch: Time | None = None,
    axes: Sequence[Axes] | None = None,
    **artist_kwargs: Any,
) -> NDArray[Any]:
    """Draw parameters of fits against time, one above the other.

    A value without an error below is an upper limit, one without an error
    above is a lower limit; both are arrows that begin where the error ends.
    Values without errors are open symbols. Axes of values over a wide range
    are logarithmic unless an error reaches down to zero.

    Parameters
    ----------
    results : `~astropy.table.QTable`, Outcomes or sequence of results
        A table with columns ``<name>``, ``<name>_err_neg`` and
        ``<name>_err_pos``, or results of fits (`~swiftxrt.SpectralFit`, or
        what `swiftxrt.fit` gives). Fits that failed, whose place is known,
        are grey crosses at the bottom.
    names : str or iterable of str, optional
        Parameters; by default all that have errors.
    x : str, `~astropy.time.Time` or `~astropy.units.Quantity`, optional
        Times: a column of the table, whose errors are used if there are any,
        or one value for each row, of outcomes for all or for those that
        succeeded. By default the column ``time``, ``days``,
        ``start`` or ``epoch``, or else the names of the outcomes or the
        number of the fit.
    epoch : `~astropy.time.Time`, optional
        Count days from here instead of drawing dates; for times of type
        `~astropy.time.Time`.
    axes : sequence of `~matplotlib.axes.Axes`, optional
        Where to draw, one for each parameter; a new figure by default.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    axes : ndarray of `~matplotlib.axes.Axes`
        One for each parameter.

    Raises
    ------
    RequestError
        If there is nothing to draw, a column is missing, or times do not fit.
    """
    table, is_there = _tabled(results)
    chosen = _names(table, names)
    places = _places(table, x, epoch, is_there)
    if axes is None:
        height = _PANEL_INCH * len(chosen) + _MARGIN_INCH
        drawn = np.array(new_panels([1] * len(chosen), (_WIDTH_INCH, height)), dtype=object)
    else:
        drawn = np.array(list(np.ravel(np.asarray(axes, dtype=object))), dtype=object)
        if len(drawn) != len(chosen):
            raise RequestError([("axes", f"{len(chosen)} are needed, one for each parameter; got {len(drawn)}")], _WHAT)
    for ax, name in zip(drawn, chosen, strict=True):
        _draw(ax, _Values.of(table, name), name, places, {**_STYLE, **artist_kwargs})
    if places.is_date:
        locator = AutoDateLocator()
        drawn[-1].xaxis.set_major_locator(locator)
        drawn[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif places.is_count:
        drawn[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    named = _named(results)
    if places.is_count and 0 < len(named) <= _MOST_NAMES:
        drawn[-1].set_xticks(np.arange(1.0, len(named) + 1), named, rotation=30, ha="right", rotation_mode="anchor")
    else:
        drawn[-1].set_xlabel(places.label)
    if places.failed.size:
        drawn[0].legend(handles=[drawn[0].lines[-1]], loc="best", fontsize="small", frameon=False, handletextpad=0.1)
    if axes is None:
        drawn[0].figure.align_ylabels()
    return drawn


@dataclass(frozen=True)
class _Places:
    """Where the rows are on the horizontal axis."""

    label: str
    x: Floats
    error: Floats | None = None
    is_date: bool = False
    is_count: bool = False
    failed: Floats = field(default_factory=lambda: np.zeros(0))

    def without(self, is_there: NDArray[np.bool_]) -> _Places:
        """Those of the fits that failed apart, where they are known."""
        if is_there.all() or len(self.x) != is_there.size:
            return self
        return replace(self, x=self.x[is_there], failed=self.x[~is_there])


@dataclass(frozen=True)
class _Values:
    """A parameter with its errors."""

    value: Floats
    low: Floats
    high: Floats
    unit: u.UnitBase

    @classmethod
    def of(cls, table: Table, name: str) -> _Values:
        """The columns of a parameter."""
        unit = getattr(table[name], "unit", None) or u.dimensionless_unscaled
        value = _numbers(table[name], unit, name)
        there = [f"{name}{end}" in table.colnames for end in (_NEGATIVE, _POSITIVE)]
        if not all(there):
            return cls(value, np.full_like(value, np.nan), np.full_like(value, np.nan), unit)
        low, high = (np.abs(_numbers(table[f"{name}{end}"], unit, name)) for end in (_NEGATIVE, _POSITIVE))
        return cls(value, low, high, unit)


def _named(results: Any) -> list[str]:
    """What the fits are called, if they have names of their own."""
    if not isinstance(results, Outcomes):
        return []
    names = [str(one.item) for one in results]
    return names if len(set(names)) == len(names) else []


def _tabled(results: Any) -> tuple[Table, NDArray[np.bool_]]:
    """One table of all results, and which of the fits have one."""
    if isinstance(results, Table):
        if not len(results):
            raise RequestError([("results", "the table has no rows")], _WHAT)
        return results, np.ones(len(results), dtype=bool)
    items = list(results) if isinstance(results, Iterable) else [results]
    is_there = np.ones(len(items), dtype=bool)
    if isinstance(results, Outcomes):
        is_there = np.array([item.is_ok for item in results], dtype=bool)
        items = [item.value for item in results if item.is_ok]
    if not items or not all(isinstance(getattr(item, "table", None), Table) for item in items):
        text = "a table, or at least one result of a fit is needed"
        raise RequestError([("results", f"{text}; got {len(items)} items" if items else text)], _WHAT)
    # Notes on fits are not drawn, and need not be alike.
    tables = [QTable(item.table, copy=False) for item in items]
    return vstack(tables, metadata_conflicts="silent"), is_there


def _names(table: Table, names: Any) -> list[str]:
    with_errors = [name for name in table.colnames if f"{name}{_NEGATIVE}" in table.colnames]
    if names is None:
        found = [name for name in with_errors if name not in _TIMES]
        if not found:
            raise RequestError([("names", f"no column has errors, as in nh{_NEGATIVE}, nh{_POSITIVE}")], _WHAT)
        return found
    chosen = [names] if isinstance(names, str) else list(names)
    problems = [
        ("names", f"there is no {name!r}{nearest(str(name), with_errors)}; there are {', '.join(with_errors)}")
        for name in chosen
        if name not in table.colnames
    ]
    if problems or not chosen:
        raise RequestError(problems or [("names", "at least one is needed")], _WHAT)
    return chosen


def _places(table: Table, x: Any, epoch: Time | None, is_there: NDArray[np.bool_]) -> _Places:
    if x is None:
        x = next((name for name in _TIMES if name in table.colnames), None)
        if x is None:
            places = _Places("Number of the fit", np.arange(1.0, is_there.size + 1), is_count=True)
            return places.without(is_there)
    error = None
    name = x if isinstance(x, str) else ""
    if isinstance(x, str):
        if x not in table.colnames:
            raise RequestError([("x", f"there is no column {x!r}{nearest(x, table.colnames)}")], _WHAT)
        ends = [f"{x}{end}" for end in (_NEGATIVE, _POSITIVE)]
        error = [table[end] for end in ends] if all(end in table.colnames for end in ends) else None
        x = table[x]
    if (given := len(np.atleast_1d(x))) not in (len(table), is_there.size):
        other = "" if is_there.all() else f", or {len(table)} for those that succeeded"
        text = f"{is_there.size} values are needed, one for each fit{other}; got {given}"
        raise RequestError([("x", text)], _WHAT)
    return _places_at(x, name, error, epoch).without(is_there)


def _places_at(x: Any, name: str, error: list[Any] | None, epoch: Time | None) -> _Places:
    """Times as numbers on an axis."""
    if isinstance(x, Time):
        widths = None if error is None else np.array([one.to_value(u.day) for one in error])
        if epoch is not None:
            return _Places(f"Days since {epoch.utc.isot[:19].replace('T', ' ')}", (x - epoch).to_value(u.day), widths)
        return _Places("Date (UTC)", date2num(x.utc.datetime64), widths, is_date=True)
    if epoch is not None:
        raise RequestError([("epoch", "days since then can be counted for x of type Time only, which x is not")], _WHAT)
    unit = getattr(x, "unit", None) or u.dimensionless_unscaled
    widths = None if error is None else np.array([_numbers(one, unit, "x") for one in error])
    label = f"Time ({unit.to_string()})" if unit.is_equivalent(u.s) else axis_label(spoken(name), unit).strip()
    return _Places(label, _numbers(x, unit, "x"), widths)


def _numbers(column: Any, unit: u.UnitBase, name: str) -> Floats:
    try:
        values = u.Quantity(getattr(column, "unmasked", column), dtype=float).to_value(unit)
    except (TypeError, ValueError, u.UnitsError) as error:
        raise RequestError([(name, f"numbers in {unit} are needed ({error})")], _WHAT) from error
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), values.shape)
    return np.where(mask, np.nan, values)


def _draw(ax: Axes, values: _Values, name: str, places: _Places, style: dict[str, Any]) -> None:
    known = values.value[np.isfinite(values.value)]
    lowest = np.concatenate([known, (values.value - values.low)[np.isfinite(values.value - values.low)]])
    is_log = bool(known.size and lowest.min() > 0 and known.max() > _WIDE_RANGE * known.min())
    power = 0 if is_log else power_of_ten(known)
    value, low, high = (one / 10.0**power for one in (values.value, values.low, values.high))
    if is_log:
        ax.set_yscale("log", nonpositive="clip")
    has_low, has_high = np.isfinite(low), np.isfinite(high)
    for rows, errors, look in (
        (has_low & has_high, np.array([low, high]), {}),
        (~has_low & ~has_high, None, {"markerfacecolor": "white"}),
    ):
        if rows.any():
            error = None if errors is None else errors[:, rows]
            ax.errorbar(places.x[rows], value[rows], error, _across(places, rows), **{**style, **look})
    for rows, ends, is_upper in ((~has_low & has_high, value + high, True), (has_low & ~has_high, value - low, False)):
        if rows.any():
            _limits(ax, places, ends, rows, style, is_upper=is_upper)
    if places.failed.size:
        height = np.full(places.failed.size, _FAILED_HEIGHT)
        ax.plot(places.failed, height, transform=ax.get_xaxis_transform(), **_FAILED)
    ax.margins(y=_ROOM)
    ax.set_ylabel(parameter_label(name, values.unit, power))


def _limits(ax: Axes, places: _Places, ends: Floats, rows: Any, style: dict[str, Any], *, is_upper: bool) -> None:
    """Arrows from where the errors end; all of the same length on the page."""
    plain = {key: item for key, item in style.items() if key not in ("marker", "markersize", "label")}
    ax.errorbar(places.x[rows], ends[rows], None, _across(places, rows), **plain, marker="_", markersize=8)
    arrow = _ARROW if is_upper else _ARROW.transformed(Affine2D().scale(1, -1))
    look = {"marker": arrow, "markersize": _ARROW_POINTS, "fillstyle": "none", "linestyle": "none", "clip_on": False}
    ax.plot(places.x[rows], ends[rows], **{**look, "color": plain["color"]})


def _across(places: _Places, rows: Any) -> Floats | None:
    return None if places.error is None else places.error[:, rows]
