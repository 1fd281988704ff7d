"""Pictures of comparisons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import RequestError
from ..mission import Mode
from ._axes import COLOURS, mode_colour, new_axes, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..products.compare import Comparison

__all__ = ["peek_comparison", "plot_comparison"]

_LINE_SIGMA = 3.0
#: Half of the axis at least, and where it becomes logarithmic.
_LEAST_SIGMA, _LINEAR_SIGMA = 4.0, 12.0
#: Items of one mode: ``total PC``, ``interval0pc``.
_MODE = re.compile(r"(?P<name>.+?)(?: (?P<curve>PC|WT)|(?P<spectrum>pc|wt))")


def plot_comparison(comparison: Comparison, *, ax: Axes | None = None, **artist_kwargs: Any) -> Axes:
    """Draw every difference over its combined error, one line of points for each quantity.

    Both modes share a line, in their colours. Differences of infinitely many
    sigma (of values without any error) are arrows at the edge. Rows without
    errors are left out, and so are variants of light curves, which mostly
    repeat the curves themselves.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to; a new figure by default.
    **artist_kwargs
        For `~matplotlib.axes.Axes.plot`, e.g. ``color``.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If no difference has an error.
    """
    table = comparison.table
    rows = [row for row, pulls in enumerate(comparison.pulls) if pulls.size and "/" not in table["item"][row]]
    if not rows:
        raise RequestError("there is nothing to draw: no difference has an error")
    lines: dict[str, list[tuple[str, NDArray[np.float64]]]] = {}
    for row in rows:
        title, mode = _line(table[row])
        lines.setdefault(title, []).append((mode, comparison.pulls[row]))
    for members in lines.values():
        members.sort(key=lambda member: member[0], reverse=True)  # WT comes before PC in time.
    if ax is None:
        ax = new_axes(figsize=(7.4, 1.0 + 0.3 * len(lines)))
    edge = _edge([comparison.pulls[row] for row in rows])
    for height, members in enumerate(lines.values()):
        for (mode, pulls), shift in zip(members, _shifts(len(members)), strict=True):
            style = {"color": mode_colour(mode), **artist_kwargs}
            _draw_row(ax, height + shift, pulls, edge, style, small=len(members) > 1)
    _decorate(ax, edge, [_label(title, members) for title, members in lines.items()])
    modes = {mode for members in lines.values() for mode, _ in members}
    _legend(ax, [mode for mode in Mode if mode.value in modes], artist_kwargs)
    return ax


def peek_comparison(comparison: Comparison) -> None:
    """Draw a comparison and show it."""
    plot_comparison(comparison)
    show()


def _edge(pulls: list[NDArray[np.float64]]) -> float:
    """Where the axis ends."""
    sizes = np.abs(np.concatenate(pulls))
    return max(_LEAST_SIGMA, 1.15 * float(sizes[np.isfinite(sizes)].max(initial=0.0)))


def _line(row: Any) -> tuple[str, str]:
    """What a line is called, and the mode that a row of the table belongs to; empty for both or none."""
    item = str(row["item"])
    match = _MODE.fullmatch(item)
    mode = (match["curve"] or match["spectrum"]).upper() if match else ""
    item = match["name"] if match else item
    return f"{row['product']} {item}".strip().replace("_", " ") + f": {row['quantity']}", mode


def _shifts(number: int) -> NDArray[np.float64]:
    """Where the members of a line stand, so that they do not cover each other."""
    return (np.arange(number) - (number - 1) / 2) * 0.5 / max(number - 1, 1)


def _draw_row(
    ax: Axes, height: float, pulls: NDArray[np.float64], edge: float, style: dict[str, Any], *, small: bool
) -> None:
    finite = pulls[np.isfinite(pulls)]
    single = {"marker": "o", "markersize": 4 if small else 5}
    many = {
        "marker": "|",
        "markersize": 6 if small else 9,
        "alpha": max(0.25, min(1.0, 12 / np.sqrt(finite.size or 1))),
    }
    ax.plot(
        finite, np.full(finite.size, height), linestyle="none", **{**(single if finite.size == 1 else many), **style}
    )
    for sign, marker in ((1, ">"), (-1, "<")):
        if np.any(pulls == sign * np.inf):
            ax.plot(sign * edge, height, marker=marker, markersize=7, clip_on=False, zorder=3, **style)


def _label(title: str, members: list[tuple[str, NDArray[np.float64]]]) -> str:
    number = sum(pulls.size for _, pulls in members)
    return f"{title} ({number})" if number > len(members) else title


def _legend(ax: Axes, modes: list[Mode], artist_kwargs: dict[str, Any]) -> None:
    """The colours of the modes, if they are told by their colours."""
    if not modes or "color" in artist_kwargs:
        return
    for mode in modes:
        ax.plot([], [], linestyle="none", marker="o", color=mode_colour(mode), label=mode.value)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(modes), frameon=False, borderpad=0.1)


def _decorate(ax: Axes, edge: float, labels: list[str]) -> None:
    if edge > _LINEAR_SIGMA:
        ax.set_xscale("symlog", linthresh=_LINE_SIGMA, linscale=1.5)
    ax.set_xlim(-edge, edge)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_yticks(range(len(labels)), labels)
    ax.hlines(np.arange(len(labels) - 1) + 0.5, 0, 1, transform=ax.get_yaxis_transform(), color="0.8", linewidth=0.6)
    ax.axvline(0, color=COLOURS["black"], linewidth=0.8, zorder=0)
    ax.axvspan(-_LINE_SIGMA, _LINE_SIGMA, color="0.92", zorder=-1)
    ax.set_xlabel("(this \N{MINUS SIGN} other) / combined error")
