"""Pictures of when a source was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import Row, Table
from astropy.time import Time
from astropy.utils.masked import get_data_and_mask
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from numpy.typing import NDArray

from ..exceptions import IdentifierError, RequestError
from ..identifiers import parse_obsid
from ..products.observation_epochs import days_since, observation_starts
from ._axes import COLOURS, axis_label, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_timeline"]

_WHAT = "timeline"
_SIZE = (8.0, 3.8)


def plot_timeline(
    table: Table, *, selected: Any = None, epoch: Time | None = None, ax: Axes | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw the exposure of observations against time.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Observations, as of `~swiftxrt.SwiftXRTClass.query_observations`.
    selected : table, array of truth values, or iterable of str, optional
        Observations that are marked: rows of a table, a mask for `table`, or
        ObsIDs.
    epoch : `~astropy.time.Time`, optional
        An event; the axis then counts days since then, instead of dates.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.
    **artist_kwargs
        For `~matplotlib.axes.Axes.plot`, e.g. ``color`` of what is not marked.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If there is no observation, or something cannot be used as given.
    """
    starts = observation_starts(table)
    if not len(table):
        raise RequestError([("table", "there is no observation to draw")], _WHAT)
    if "exposure" not in table.colnames:
        raise RequestError([("table", "a column 'exposure' is needed, as query_observations makes it")], _WHAT)
    is_marked = _marked(table, selected)
    time = date2num(starts.utc.to_datetime()) if epoch is None else days_since(table, epoch).to_value(u.day)
    exposure, is_unknown = get_data_and_mask(table["exposure"])
    heights = np.where(is_unknown, 0.0, u.Quantity(exposure).to_value(u.ks))
    ax = new_axes(figsize=_SIZE) if ax is None else ax
    style: dict[str, Any] = {"color": COLOURS["blue"], "label": "observations", **artist_kwargs}
    _draw(ax, time[~is_marked], heights[~is_marked], {"marker": "o", "markersize": 4.5, **style})
    if is_marked.any():
        marks = {"color": COLOURS["vermillion"], "marker": "D", "markersize": 6.5, "label": "selected", "zorder": 3}
        _draw(ax, time[is_marked], heights[is_marked], marks)
        # Above the axes: with many observations there is no room between the lines.
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
    _label(ax, epoch)
    return ax


def _draw(ax: Axes, time: NDArray[np.float64], heights: NDArray[np.float64], style: dict[str, Any]) -> None:
    """Points, with lines down to the axis."""
    if len(time):
        ax.vlines(time, 0.0, heights, color=style["color"], linewidth=0.8, alpha=0.45, zorder=1)
        ax.plot(time, heights, linestyle="none", **style)


def _label(ax: Axes, epoch: Time | None) -> None:
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel(axis_label("XRT exposure", u.ks))
    if epoch is not None:
        ax.set_xlabel(f"Days since {str(epoch.utc.isot)[:16].removesuffix('T00:00')} (UTC)")
        return
    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel("Start of the observation (UTC)")


def _marked(table: Table, selected: Any) -> NDArray[np.bool_]:
    """Which observations are selected."""
    if selected is None:
        return np.zeros(len(table), dtype=bool)
    if isinstance(selected, np.ndarray | list | tuple) and len(selected) and np.asarray(selected).dtype == bool:
        mask = np.asarray(selected)
        if mask.shape != (len(table),):
            text = f"a truth value for each of the {len(table)} observations is needed; got {mask.size}"
            raise RequestError([("selected", text)], _WHAT)
        return mask
    obsids = _obsids(selected)
    there = [str(one) for one in table["obsid"]]
    unknown = sorted(obsids - set(there))
    if unknown:
        raise RequestError([("selected", f"{', '.join(unknown[:5])} is not in the table")], _WHAT)
    return np.array([one in obsids for one in there], dtype=bool)


def _obsids(selected: Any) -> set[str]:
    """The ObsIDs that a table, a row or a list names."""
    if isinstance(selected, Table | Row):
        if "obsid" not in selected.colnames:
            raise RequestError([("selected", "the table has no column 'obsid'")], _WHAT)
        selected = selected["obsid"]
    several = [selected] if isinstance(selected, str) else selected
    try:
        return {parse_obsid(str(one) if isinstance(one, np.str_) else one) for one in several}
    except (TypeError, IdentifierError) as error:
        raise RequestError([("selected", f"a table, a mask or ObsIDs are needed: {error}")], _WHAT) from None
