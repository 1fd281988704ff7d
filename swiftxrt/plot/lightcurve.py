"""Pictures of light curves and hardness ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import astropy.units as u
import numpy as np
from astropy.time import Time
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import Mode
from ..products._curve import MET_DECIMALS
from ..products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from ._axes import MODE_MARKERS, axis_label, mode_colour, new_axes, new_panels, show
from ._legend import free_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["peek_curve", "peek_overview", "plot_hardness", "plot_light_curve", "plot_overview"]

_STYLE = {"linestyle": "none", "markersize": 3.5, "elinewidth": 0.9, "capsize": 0}
_LIMIT_STYLE = {"uplims": True, "marker": "none", "label": "_limits"}
#: Of points whose error is not known.
_UNKNOWN = "error not known"
_UNKNOWN_STYLE = {"markerfacecolor": "white", "zorder": 1.9}
_DAY_S = 86400.0
#: A first bin that begins at less than this part of its time begins at T0.
_CLOSE_TO_T0 = 0.01
#: Most bins in this part of the time are too many for a linear axis.
_CROWDED = 0.03
#: Range of rates from which on the axis is logarithmic anyway.
_WIDE_RANGE = 30.0
#: Length of an arrow: part of the limit (logarithmic axis) or of the highest value (linear axis).
_ARROW_LOG, _ARROW_LINEAR = 0.4, 0.06


def plot_light_curve(
    curve: LightCurve, *, ax: Axes | None = None, elapsed: bool | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw rates with error bars and upper limits as arrows, modes in their colours.

    Both axes are logarithmic if time counts from T0 and all bins lie after it, or their middles
    do and reach over more than a factor of 30; the rate also if it varies by more than that factor. An axes that has
    data already keeps its scales. Without T0 time are dates, unless these would
    put most of the bins in one place: then it counts from the first bin. Rates
    whose error is not known are open symbols.

    Parameters
    ----------
    curve : LightCurve
        What to draw.
    ax : Axes, optional
        Where to; a new figure by default.
    elapsed : bool, optional
        Whether to draw over the time since T0 (or since the first bin)
        instead of dates; by default if that is easier to read.
    **artist_kwargs
        For `~matplotlib.axes.Axes.errorbar`, e.g. ``color`` and ``label``.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If the curve is empty.
    """
    return _light_curve(curve, ax, _TimeAxis.of(curve, elapsed), artist_kwargs)


def _light_curve(curve: LightCurve, ax: Axes | None, axis: _TimeAxis, artist_kwargs: dict[str, Any]) -> Axes:
    ax = _prepare(curve, ax, axis, log_rate=True)
    detections, limits = curve.detections, curve.upper_limits
    values = {
        "y": detections["rate"].value,
        "yerr": np.array([detections["rate_err_neg"].value, detections["rate_err_pos"].value]),
    }
    _draw(ax, detections, axis, values, artist_kwargs)
    if len(limits):
        height = limits["rate"].value
        is_log = ax.get_yscale() == "log"
        length = _ARROW_LOG * height if is_log else np.full(len(height), _ARROW_LINEAR * np.nanmax(curve["rate"].value))
        _draw(ax, limits, axis, {"y": height, "yerr": length}, {**artist_kwargs, **_LIMIT_STYLE})
        _name_limits(ax, limits, artist_kwargs)
    ax.set_ylabel(axis_label(f"Count rate, {curve.band}", u.ct / u.s))
    free_legend(ax)
    return ax


def plot_hardness(
    curve: HardnessCurve, *, ax: Axes | None = None, elapsed: bool | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw a hardness ratio with error bars.

    Ratios that are not finite are left out; those without a known error, such
    as those of bins without hard counts, are open symbols.

    Parameters
    ----------
    curve : HardnessCurve
        What to draw.
    ax, elapsed, **artist_kwargs
        As for `plot_light_curve`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If the curve is empty.
    """
    return _hardness(curve, ax, _TimeAxis.of(curve, elapsed), artist_kwargs)


def _hardness(curve: HardnessCurve, ax: Axes | None, axis: _TimeAxis, artist_kwargs: dict[str, Any]) -> Axes:
    ax = _prepare(curve, ax, axis, log_rate=False)
    shown = curve[np.isfinite(curve["hardness_ratio"])]
    values = {"y": np.asarray(shown["hardness_ratio"]), "yerr": np.asarray(shown["hardness_ratio_err"])}
    _draw(ax, shown, axis, values, artist_kwargs)
    ax.set_ylabel(_hardness_label(curve))
    free_legend(ax)
    return ax


def _hardness_label(curve: HardnessCurve) -> str:
    """Two lines, no longer than a small panel is high."""
    if curve.definition == "hard/soft":
        return f"Hardness ratio\n{curve.formula}"
    formula = curve.definition.replace("hard", "H").replace("soft", "S")
    return f"Hardness {formula}\nH {str(curve.hard_band).removesuffix(' keV')}, S {curve.soft_band}"


def plot_overview(curves: LightCurveSet, *, hardness: bool | str = True, elapsed: bool | None = None) -> Axes:
    """Draw the rate in the total band and, if there is one, a hardness ratio below it.

    Parameters
    ----------
    curves : LightCurveSet
        What to draw.
    hardness : bool or str, optional
        Whether to draw a ratio, or which; by default the first that there is.
    elapsed : bool, optional
        As for `plot_light_curve`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel; the other one is ``ax.figure.axes[1]``.

    Raises
    ------
    RequestError
        If the curve is empty, or there cannot be a ratio of that name.
    ProductNotAvailableError
        If there is no ratio of that name.
    """
    ratio = _ratio(curves, hardness)
    if ratio is None:
        return plot_light_curve(curves.total, elapsed=elapsed)
    upper, lower = new_panels([2, 1])
    axis = _TimeAxis.of(curves.total, elapsed)
    _light_curve(curves.total, upper, axis, {})
    left, right = upper.get_xlim()
    _hardness(ratio, lower, axis, {})
    lower.set_xlim(min(left, lower.get_xlim()[0]), max(right, lower.get_xlim()[1]))
    if legend := lower.get_legend():  # Modes have their colours above.
        legend.remove()
        _name_unknown(lower)
    upper.set_xlabel("")
    return upper


def _ratio(curves: LightCurveSet, hardness: bool | str) -> HardnessCurve | None:
    """The ratio to draw, None for none."""
    if isinstance(hardness, str):
        if hardness not in curves.RATIOS:
            text = f"must be one of {', '.join(curves.RATIOS)}, or tell whether to draw one; got {hardness!r}"
            raise RequestError([("hardness", text)], "figure")
        return cast("HardnessCurve", getattr(curves, hardness))
    if not hardness:
        return None
    there = (curves.get(name) for name in curves.RATIOS)
    return next((one for one in there if one is not None and len(one)), None)


def peek_curve(curve: LightCurve | HardnessCurve) -> None:
    """Draw one curve and show it."""
    if isinstance(curve, HardnessCurve):
        plot_hardness(curve)
    else:
        plot_light_curve(curve)
    show()


def peek_overview(curves: LightCurveSet) -> None:
    """Draw the overview and show it."""
    plot_overview(curves)
    show()


@dataclass(frozen=True)
class _TimeAxis:
    """What the time of a plot counts from.

    Parameters
    ----------
    label : str
        Label of the axis.
    origin_met : float or None
        Zero of the axis, MET in seconds; None for dates.
    is_log : bool
        Whether the axis is logarithmic.
    """

    label: str
    origin_met: float | None = None
    is_log: bool = False

    @classmethod
    def of(cls, curve: LightCurve | HardnessCurve, elapsed: bool | None) -> _TimeAxis:
        """The axis for a curve."""
        crowded = curve.t0_met is None and _is_crowded(curve)
        if not (curve.t0_met is not None or crowded if elapsed is None else elapsed):
            return cls("Date (TDB, barycentre)" if curve.barycentred else "Date (UTC)")
        if curve.t0_met is not None:
            is_log = len(curve) > 0 and (_is_after_t0(curve) or _is_spread(curve))
            return cls(axis_label("Time since T0", u.s), curve.t0_met, is_log)
        start = np.min(_dates(curve) - curve["time_err_neg"]) if len(curve) else None
        since = "the first bin" if start is None else f"{start.isot[:10]} {start.isot[11:19]}"
        first_met = np.min(curve.met.value - curve["time_err_neg"].value, initial=np.inf)
        return cls(axis_label(f"Time since {since}", u.s), float(first_met), crowded)

    def places(self, curve: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position and the two errors of the bins on the axis."""
        errors = np.array([curve["time_err_neg"].value, curve["time_err_pos"].value])
        if self.origin_met is None:
            return date2num(_dates(curve).datetime64), errors / _DAY_S
        return np.round(curve.met.value - self.origin_met, MET_DECIMALS), errors


def _dates(curve: Any) -> Time:
    """The times of the bins in the scale in which they are dates."""
    return curve.time.tdb if curve.barycentred else curve.time.utc


def _prepare(curve: Any, ax: Axes | None, axis: _TimeAxis, *, log_rate: bool) -> Axes:
    """Make the axes, its time axis and its scales."""
    if not len(curve):
        raise RequestError("there is nothing to draw: the curve has no bins")
    ax = new_axes() if ax is None else ax
    ax.set_xlabel(axis.label)
    if ax.has_data():
        return ax
    if axis.origin_met is None:
        locator = AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    if axis.is_log:
        ax.set_xscale("log")
    if axis.is_log and not _is_after_t0(curve):  # The first bin begins at zero, infinitely far to the left.
        x, (_, after) = axis.places(curve)
        ax.set_xlim(0.5 * np.min(x), 2 * np.max(x + after))
    if log_rate and (_is_wide(curve["rate"].value) or (axis.is_log and np.any(curve["rate"].value > 0))):
        ax.set_yscale("log", nonpositive="clip")
    return ax


def _is_after_t0(curve: Any) -> bool:
    """Whether a logarithmic time axis makes sense: no bin begins at T0 itself, or before."""
    elapsed_s = curve.elapsed.value
    return bool(np.min(elapsed_s - curve["time_err_neg"].value) > _CLOSE_TO_T0 * np.min(elapsed_s) > 0)


def _is_spread(curve: Any) -> bool:
    """Whether all bins, though the first begins at T0 or before, are better seen on a logarithmic time axis."""
    elapsed_s = curve.elapsed.value
    return bool(0 < _WIDE_RANGE * np.min(elapsed_s) < np.max(elapsed_s))


def _is_crowded(curve: Any) -> bool:
    """Whether most bins lie close to the first one, compared with the last one."""
    elapsed_s = curve.elapsed.value
    if not len(elapsed_s) or not np.min(elapsed_s) > 0:
        return False
    return bool(np.mean(elapsed_s < _CROWDED * np.max(elapsed_s)) > 0.5)


def _is_wide(rate_cps: NDArray[np.float64]) -> bool:
    positive = rate_cps[rate_cps > 0]
    return positive.size > 0 and bool(positive.max() > _WIDE_RANGE * positive.min())


def _name_limits(ax: Axes, limits: LightCurve, artist_kwargs: dict[str, Any]) -> None:
    """Entries of the legend for limits: an arrow, which error bars do not show there."""
    for mode in (Mode.WT, Mode.PC):
        if np.any(np.asarray(limits["mode"]) == mode.value):
            colour = artist_kwargs.get("color", mode_colour(mode))
            label = f"{mode.value} limit ({100 * limits.confidence:.4g} %)"
            ax.errorbar([], [], linestyle="none", marker=r"$\downarrow$", markersize=10, color=colour, label=label)


def _draw(ax: Axes, curve: Any, axis: _TimeAxis, values: dict[str, Any], artist_kwargs: dict[str, Any]) -> None:
    """Error bars, one set for each mode; open symbols where there are no errors."""
    x, xerr = axis.places(curve)
    modes = np.asarray(curve["mode"])
    known = np.all(np.isfinite(np.atleast_2d(values["yerr"])), axis=0)
    for mode in (Mode.WT, Mode.PC):
        for rows, style in ((known, {}), (~known, _UNKNOWN_STYLE)):
            chosen = rows & (modes == mode.value)
            if not chosen.any():
                continue
            options = {"color": mode_colour(mode), "marker": MODE_MARKERS[mode], "label": mode.value}
            options |= {**_STYLE, **artist_kwargs, **style}
            if style:
                options["label"] = f"{artist_kwargs.get('label', mode.value)}, {_UNKNOWN}"
            yerr = None if style else values["yerr"][..., chosen]
            ax.errorbar(x[chosen], values["y"][chosen], yerr, xerr[:, chosen], **options)


def _name_unknown(ax: Axes) -> None:
    """A legend of the open symbols alone, if there are any."""
    handles = [pair for pair in zip(*ax.get_legend_handles_labels(), strict=True) if pair[1].endswith(_UNKNOWN)]
    if handles:
        free_legend(ax, *zip(*handles, strict=True), fontsize="small")
