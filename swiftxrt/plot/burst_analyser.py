"""Figures of what the burst analyser has."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes

from ..exceptions import ProductNotAvailableError, RequestError
from ..products._burst_tables import BANDS, CurveName
from ..products.burst_analyser import BurstAnalyser
from ._axes import COLOURS, axis_label, mode_colour, new_axes, show

__all__ = ["peek_burst", "plot_burst"]

_TITLES = {
    "observed_density": "Observed flux density",
    "density": "Flux density at 10 keV",
    "xrt_band": "Flux, 0.3-10 keV",
    "bat_band": "Flux, 15-50 keV",
}
_STYLE: dict[str, Any] = {"linestyle": "none", "markersize": 3, "linewidth": 0.8}
# Blue and vermillion are the modes of the XRT.
_FILTERS = {
    "white": ("purple", "D"),
    "v": ("green", "D"),
    "b": ("sky blue", "D"),
    "u": ("yellow", "D"),
    "uvw1": ("orange", "D"),
    "uvm2": ("green", "^"),
    "uvw2": ("purple", "^"),
}
_MARKERS = {"WT": "s", "PC": "o"}
# Of the BAT, whose bins begin before the trigger.
_COARSEST_FIRST = ("snr4", "snr5", "snr6", "snr7", "10s", "1s", "64ms", "4ms")


def plot_burst(
    analyser: BurstAnalyser,
    band: str = "density",
    *,
    bat_binning: str | None = None,
    evolution: bool = True,
    show_bad: bool = False,
    total_errors: bool = True,
    log: bool = True,
    ax: Axes | None = None,
    **artist_kwargs: Any,
) -> Axes:
    """Draw the fluxes of all instruments against the time since the trigger.

    Parameters
    ----------
    analyser : BurstAnalyser
        What to draw.
    band : str, optional
        ``"density"``, ``"xrt_band"``, ``"bat_band"`` or ``"observed_density"``;
        with the last one the filters of the UVOT are drawn too.
    bat_binning : str, optional
        Which bins of the BAT; by default the first of snr4, ..., snr7, 10s,
        1s, 64ms and 4ms that there are.
    evolution : bool, optional
        Whether the spectrum of the BAT may change with time.
    show_bad : bool, optional
        Whether bins are drawn against which the service advises.
    total_errors : bool, optional
        Whether errors hold those of the conversion factors where these are
        known; bins without known ones are open symbols with the error of the count rate.
    log : bool, optional
        Whether both axes are logarithmic. Bins before the trigger, and fluxes
        below zero, are left out then.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; new axes by default.
    **artist_kwargs
        For `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If there is no such band.
    ProductNotAvailableError
        If there is nothing to draw.
    """
    if band not in BANDS:
        raise RequestError([("band", f"must be one of {', '.join(BANDS)}; got {band!r:.60}")], "figure")
    chosen = _chosen(analyser, band, bat_binning, evolution)
    if not chosen:
        there = ", ".join(analyser) or "nothing"
        raise ProductNotAvailableError(f"figure of {_TITLES[band].lower()}", f"no such fluxes are there, but {there}")
    ax = new_axes() if ax is None else ax
    if log:
        ax.set_xscale("log")
        ax.set_yscale("log", nonpositive="clip")
    for key in chosen:
        table = analyser[key]
        kept = _kept(table, show_bad=show_bad, log=log)
        style = {**_STYLE, **_look(CurveName.from_dict(table.meta)), **artist_kwargs}
        _draw(ax, table[kept], style, total_errors=total_errors)
    ax.set_xlabel(axis_label("Time since the trigger", u.s))
    ax.set_ylabel(axis_label(_TITLES[band], BANDS[band].unit))
    ax.set_title(analyser.name or analyser.target_id)
    ax.legend(frameon=False, fontsize="small")
    return ax


def peek_burst(analyser: BurstAnalyser) -> None:
    """Draw the flux densities at 10 keV, or the first band that there is, and show them."""
    there = {CurveName.from_dict(table.meta).band for table in analyser.values()}
    plot_burst(analyser, next((band for band in ("density", *BANDS) if band in there), "density"))
    show()


def _chosen(analyser: BurstAnalyser, band: str, bat_binning: str | None, evolution: bool) -> list[str]:
    """Names of the tables to draw."""
    binnings = [bat_binning] if bat_binning is not None else _COARSEST_FIRST
    found = (analyser.names("BAT", band, binning=one, evolution=evolution) for one in binnings)
    chosen = [*next(filter(None, found), ())]
    for mode in ("WT", "PC"):
        chosen += analyser.names("XRT", band, mode=mode)
    if band == "observed_density":
        chosen += analyser.names("UVOT")
    return chosen


def _kept(table: QTable, *, show_bad: bool, log: bool) -> Any:
    """Which bins are drawn."""
    flux = table[CurveName.from_dict(table.meta).flux.column].value
    kept = np.isfinite(flux)
    if "is_bad" in table.colnames and not show_bad:
        kept &= ~np.asarray(table["is_bad"])
    return kept & (table["time"].value > 0) & (flux > 0) if log else kept


def _look(name: CurveName) -> dict[str, Any]:
    """Colour, marker and label of a table."""
    if name.instrument == "BAT":
        return {"color": COLOURS["black"], "marker": ".", "markersize": 5, "label": f"BAT, {name.binning}"}
    if name.instrument == "XRT":
        return {"color": mode_colour(name.mode), "marker": _MARKERS[name.mode], "label": f"XRT, {name.mode}"}
    colour, marker = _FILTERS.get(name.band, ("black", "D"))
    return {"color": COLOURS[colour], "marker": marker, "label": f"UVOT, {name.band}"}


def _draw(ax: Axes, table: QTable, style: dict[str, Any], *, total_errors: bool) -> None:
    """Error bars; limits as arrows, open symbols where the total error is not known."""
    column = CurveName.from_dict(table.meta).flux.column
    errors = _errors(table, f"{column}_err")
    total = _errors(table, f"{column}_total_err") if f"{column}_total_err_neg" in table.colnames else errors
    known = np.all(np.isfinite(total), axis=0)
    limit = np.asarray(table["is_upper_limit"])
    shown = total if total_errors else errors
    for rows, yerr, other in (
        (known & ~limit, shown, {}),
        (~known & ~limit, errors, {"markerfacecolor": "none", "label": f"{style['label']}, error of the rate"}),
    ):
        if not total_errors:
            rows, other = ~limit if not other else np.zeros(len(table), bool), {}
        if rows.any():
            _bars(ax, table[rows], np.nan_to_num(yerr[:, rows]), {**style, **other})
    if limit.any():
        length = 0.3 * table[column].value[limit]
        _bars(ax, table[limit], np.array([length, length]), {**style, "uplims": True, "label": ""})
        named = {**style, "marker": r"$\downarrow$", "markersize": 10, "label": f"{style['label']}, limit"}
        ax.errorbar([], [], **named)  # error bars do not show arrows in a legend


def _bars(ax: Axes, table: QTable, yerr: Any, style: dict[str, Any]) -> None:
    column = CurveName.from_dict(table.meta).flux.column
    times = np.array([table["time_err_neg"].value, table["time_err_pos"].value])
    ax.errorbar(table["time"].value, table[column].value, yerr, times, **style)


def _errors(table: QTable, name: str) -> Any:
    return np.array([table[f"{name}_neg"].value, table[f"{name}_pos"].value])
