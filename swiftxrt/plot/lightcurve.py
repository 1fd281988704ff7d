"""Pictures of light curves and hardness ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import Mode
from ..products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from ._axes import MODE_MARKERS, axis_label, mode_colour, new_axes, new_panels, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["peek_curve", "peek_overview", "plot_hardness", "plot_light_curve", "plot_overview"]

_STYLE = {"linestyle": "none", "markersize": 3.5, "elinewidth": 0.9, "capsize": 0}
_LIMIT_STYLE = {"uplims": True, "marker": "none", "label": "_limits"}
_DAY_S = 86400.0
#: Range of rates from which on the axis is logarithmic anyway.
# A first bin that begins at less than this part of its time begins at T0.
_CLOSE_TO_T0 = 0.01
_WIDE_RANGE = 30.0
#: Length of an arrow: part of the limit (logarithmic axis) or of the highest value (linear axis).
_ARROW_LOG, _ARROW_LINEAR = 0.4, 0.06


def plot_light_curve(
    curve: LightCurve, *, ax: Axes | None = None, elapsed: bool | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw rates with error bars and upper limits as arrows, modes in their colours.

    Both axes are logarithmic if time counts from T0 and all bins lie after it;
    the rate also if it varies by more than a factor of 30. An axes that has
    data already keeps its scales.

    Parameters
    ----------
    curve : LightCurve
        What to draw.
    ax : Axes, optional
        Where to; a new figure by default.
    elapsed : bool, optional
        Whether to draw over the time since T0 (or since the first bin)
        instead of dates; by default if the curve has a T0.
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
    ax = _prepare(curve, ax, elapsed, log_rate=True)
    detections, limits = curve.detections, curve.upper_limits
    values = {
        "y": detections["rate"].value,
        "yerr": np.array([detections["rate_err_neg"].value, detections["rate_err_pos"].value]),
    }
    _draw(ax, detections, elapsed, values, "{mode}", artist_kwargs)
    if len(limits):
        height = limits["rate"].value
        is_log = ax.get_yscale() == "log"
        length = _ARROW_LOG * height if is_log else np.full(len(height), _ARROW_LINEAR * np.nanmax(curve["rate"].value))
        _draw(ax, limits, elapsed, {"y": height, "yerr": length}, "", {**artist_kwargs, **_LIMIT_STYLE})
        _name_limits(ax, limits, artist_kwargs)
    ax.set_ylabel(axis_label(f"Count rate, {curve.band}", u.ct / u.s))
    ax.legend(frameon=False)
    return ax


def plot_hardness(
    curve: HardnessCurve, *, ax: Axes | None = None, elapsed: bool | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw a hardness ratio with error bars; ratios that are not finite are left out.

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
    ax = _prepare(curve, ax, elapsed, log_rate=False)
    shown = curve[np.isfinite(curve["hardness_ratio"])]
    values = {"y": np.asarray(shown["hardness_ratio"]), "yerr": np.asarray(shown["hardness_ratio_err"])}
    _draw(ax, shown, elapsed, values, "{mode}", artist_kwargs)
    formula = curve.formula.replace(", hard", "\nhard")  # The catalogue's needs two lines.
    ax.set_ylabel(f"Hardness ratio\n{formula}")
    ax.legend(frameon=False)
    return ax


def plot_overview(curves: LightCurveSet, *, elapsed: bool | None = None) -> Axes:
    """Draw the rate in the total band and, if there is one, the hardness ratio below it.

    Parameters
    ----------
    curves : LightCurveSet
        What to draw.
    elapsed : bool, optional
        As for `plot_light_curve`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel; the other one is ``ax.figure.axes[1]``.
    """
    ratio = curves.get("hardness_ratio")
    if ratio is None or not len(ratio):
        return plot_light_curve(curves.total, elapsed=elapsed)
    upper, lower = new_panels([2, 1])
    plot_light_curve(curves.total, ax=upper, elapsed=elapsed)
    scale = upper.get_xscale()
    plot_hardness(ratio, ax=lower, elapsed=elapsed)
    if lower.get_xscale() != scale:  # Bins before T0 may be in one of the two only.
        lower.set_xscale(scale)
    if legend := lower.get_legend():
        legend.remove()
    upper.set_xlabel("")
    return upper


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


def _use_elapsed(curve: Any, elapsed: bool | None) -> bool:
    return curve.t0_met is not None if elapsed is None else elapsed


def _prepare(curve: Any, ax: Axes | None, elapsed: bool | None, *, log_rate: bool) -> Axes:
    """Make the axes, its time axis and its scales."""
    if not len(curve):
        raise RequestError("there is nothing to draw: the curve has no bins")
    ax = new_axes() if ax is None else ax
    fresh = not ax.has_data()
    if fresh and log_rate and _is_wide(curve["rate"].value):
        ax.set_yscale("log", nonpositive="clip")
    if not _use_elapsed(curve, elapsed):
        ax.set_xlabel("Date (UTC)")
        if fresh:
            locator = AutoDateLocator()
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        return ax
    since = "T0" if curve.t0_met is not None else "the first bin"
    ax.set_xlabel(axis_label(f"Time since {since}", u.s))
    if fresh and curve.t0_met is not None and _is_after_t0(curve):
        ax.set_xscale("log")
        if log_rate and np.any(curve["rate"].value > 0):
            ax.set_yscale("log", nonpositive="clip")
    return ax


def _is_after_t0(curve: Any) -> bool:
    """Whether a logarithmic time axis makes sense: no bin begins at T0 itself, or before."""
    elapsed_s = curve.elapsed.value
    return bool(np.min(elapsed_s - curve["time_err_neg"].value) > _CLOSE_TO_T0 * np.min(elapsed_s) > 0)


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


def _time_axis(curve: Any, elapsed: bool | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Position and the two errors of the bins on the time axis."""
    errors = np.array([curve["time_err_neg"].value, curve["time_err_pos"].value])
    if _use_elapsed(curve, elapsed):
        return curve.elapsed.value, errors
    return date2num(curve.time.utc.datetime64), errors / _DAY_S


def _draw(
    ax: Axes, curve: Any, elapsed: bool | None, values: dict[str, Any], label: str, artist_kwargs: dict[str, Any]
) -> None:
    """Error bars, one set for each mode."""
    x, xerr = _time_axis(curve, elapsed)
    modes = np.asarray(curve["mode"])
    for mode in (Mode.WT, Mode.PC):
        rows = modes == mode.value
        if rows.any():
            style = {"color": mode_colour(mode), "marker": MODE_MARKERS[mode], "label": label.format(mode=mode.value)}
            chosen = {name: value[..., rows] for name, value in values.items()}
            ax.errorbar(x[rows], xerr=xerr[:, rows], **chosen, **{**_STYLE, **style, **artist_kwargs})
