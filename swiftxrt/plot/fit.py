"""Pictures of fitted spectra: data, model and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogFormatterMathtext
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ..products.outcomes import Outcomes
from ._axes import COLOURS, axis_label, energy_axis, mode_colour, show
from ._fit_bins import ShownBins, shown_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fitting.folded import FoldedSpectrum
    from ..fitting.result import FitResult

__all__ = ["peek_fit", "plot_fit", "plot_fits"]

Floats = NDArray[np.float64]

_WHAT = "figure of a fit"
_RESIDUALS = ("delta", "ratio")
_SET_COLOURS = tuple(COLOURS[name] for name in ("vermillion", "blue", "green", "purple", "orange", "sky blue"))
_HEIGHTS = (3, 1)
#: Width and height of the figure of one fit, and of a panel of several.
_ONE_INCH, _PANEL_INCH = (6.4, 5.4), (3.2, 3.2)
#: Around the panels: left, right, below, above; and between them, as parts of a panel.
_MARGINS_INCH, _GAPS = (1.0, 0.15, 0.6, 0.35), (0.1, 0.2)
_SIGNIFICANCE, _MOST_SIGNIFICANT, _MOST_BINS = 3.0, 10.0, 60
#: Points that one wants to see, and bins with so many counts that are drawn as they are if there are not more.
_WANTED_POINTS, _MOST_POINTS, _MANY_COUNTS = 50, 80, 10
#: The vertical axis reaches down to this part of the faintest significant point at most.
_BELOW, _ABOVE = 0.4, 2.0
#: Rates below this part of their error, among them those that differ from zero by rounding only, are upper limits.
_LEAST_SEEN = 0.1
#: From here to there on the plain page of residuals.
_LEAST_DELTA, _LEAST_RATIO = 3.0, (0.5, 1.5)
#: What is drawn as residuals, by the statistic of the fit, and of fits with several.
_DELTA_LABELS = {
    "wstat": "Residual\n" r"($\pm\sqrt{W}$)", "cstat": "Residual\n" r"($\pm\sqrt{C}$)", "chi2": "(Data $-$ model)\n/ error",
}  # fmt: skip
_DELTA_LABEL = "Residual\n" r"($\sigma$)"
#: Letters in a line, and in all, of why there is no fit.
_REASON_WIDTH, _MOST_REASON = 38, 300
_FAINT_LINE = {"color": "0.5", "linewidth": 0.8, "zorder": 1}


def plot_fit(
    result: FitResult,
    *,
    axes: Sequence[Axes] | Axes | None = None,
    residuals: str | None = "delta",
    min_significance: float | None = None,
    max_bins: int = _MOST_BINS,
    components: bool = True,
    legend: bool = True,
    **artist_kwargs: Any,
) -> NDArray[Any]:
    """Draw the spectra of a fit with the folded model, and residuals below.

    Parameters
    ----------
    result : FitResult
        What `swiftxrt.fit` gave.
    axes : sequence of `~matplotlib.axes.Axes`, optional
        Where to draw: one for the spectra and, with residuals, one for these;
        a new figure by default.
    residuals : str or None, optional
        ``"delta"``: as the statistic of the fit counts them, see
        `FoldedSpectrum.residuals`: the signed root of what the counts of a bin
        add to a statistic of counts, and data minus model over the error for
        chi squared. ``"ratio"``: data over model. None for none.
    min_significance : float, optional
        Put neighbouring bins together until their rate is so many errors, for
        the figure only. By default 3 to 10, by the number of counts, unless the
        spectrum was grouped so for the fit; 0 never does.
    max_bins : int, optional
        Most bins put together.
    components : bool, optional
        Whether the parts of a sum are drawn too (dotted).
    legend : bool, optional
        Whether to name the spectra.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    axes : ndarray of `~matplotlib.axes.Axes`
        That of the spectra and, if there are any, that of the residuals.

    Raises
    ------
    RequestError
        If an argument is unusable.
    """
    _check(result, residuals, min_significance, max_bins)
    drawn = _axes(axes, residuals)
    colours = _colours(result)
    limits: list[tuple[float, float]] = []
    for folded, colour, label in zip(result.folded, colours, _labels(result.folded), strict=True):
        significance = _default_significance(folded) if min_significance is None else min_significance
        bins = shown_bins(folded, significance, max_bins)
        style = {"linestyle": "none", "color": colour, "linewidth": 1.1, "label": label, **artist_kwargs}
        model_colour = COLOURS["black"] if len(colours) == 1 else colour
        _draw_spectrum(drawn[0], folded, bins, style, model_colour, components=components)
        limits.append(_heights(bins))
        if len(drawn) > 1:
            _draw_residuals(drawn[1], bins, str(residuals), style)
    _finish(drawn, result.folded, limits, residuals)
    if legend:
        drawn[0].legend(frameon=False, fontsize="small")
    return drawn


def plot_fits(
    results: Sequence[FitResult] | Outcomes,
    *,
    columns: int = 3,
    labels: Sequence[str] | None = None,
    residuals: str | None = "delta",
    share: bool = True,
    **options: Any,
) -> NDArray[Any]:
    """Draw several fits, a panel for each, such as those of the epochs of a source.

    Parameters
    ----------
    results : sequence of FitResult, or Outcomes
        Of outcomes those that failed have an empty panel that tells why.
    columns : int, optional
        Most panels in a row; rows are filled evenly.
    labels : sequence of str, optional
        Above the panels; by default the names of the outcomes, or of the spectra.
    residuals : str or None, optional
        As for `plot_fit`.
    share : bool, optional
        Whether all panels have the same axes.
    **options
        Further options of `plot_fit`.

    Returns
    -------
    axes : ndarray of `~matplotlib.axes.Axes`, shape (n, 2), or (n, 1) without residuals
        Those of each fit.

    Raises
    ------
    RequestError
        If there is no fit, or an argument is unusable.
    """
    outcomes: list[Any] = list(results)
    items = [one.value if isinstance(results, Outcomes) else one for one in outcomes]
    made = [one for one in items if one is not None]
    if not made:
        raise RequestError([("results", "at least one fit is needed")], _WHAT)
    if not isinstance(columns, int) or columns < 1:
        raise RequestError([("columns", f"a number from 1 on is needed; got {columns!r}")], _WHAT)
    if labels is not None and len(labels) != len(items):
        raise RequestError([("labels", f"{len(items)} are needed, one for each fit; got {len(labels)}")], _WHAT)
    for one in made:
        _check(one, residuals, options.get("min_significance"), options.get("max_bins", _MOST_BINS))
    # As many in each row as the number of rows allows: four are 2 x 2 rather than 3 + 1.
    columns = -(-len(items) // -(-len(items) // columns))
    panels = _panel_axes(len(items), columns, 1 if residuals is None else 2, share=share)
    reach: list[Any] = []
    for number, (item, pair) in enumerate(zip(items, panels, strict=True)):
        title = _title(outcomes[number]) if labels is None else str(labels[number])
        pair[0].set_title(title, fontsize="small")
        if item is None:
            _say_missing(pair, outcomes[number])
            continue
        plot_fit(item, axes=pair, residuals=residuals, **{"legend": len(item.folded) > 1, **options})
        reach.append([(*ax.get_xlim(), *ax.get_ylim()) for ax in pair])
    if residuals == "delta" and len({one.statistic_name for item in made for one in item.folded}) > 1:
        for lower in panels[:, 1]:
            lower.set_ylabel(_DELTA_LABEL)
    _share(panels, np.array(reach), columns, share=share)
    return panels


def peek_fit(result: FitResult) -> None:
    """Draw a fit and show it."""
    plot_fit(result)
    show()


def _check(result: Any, residuals: Any, min_significance: Any, max_bins: Any) -> None:
    problems = []
    if not hasattr(result, "folded"):
        problems.append(("result", f"a result of swiftxrt.fit is needed; got {type(result).__name__}"))
    if residuals is not None and residuals not in _RESIDUALS:
        hint = nearest(str(residuals), _RESIDUALS)
        problems.append(("residuals", f"must be one of {', '.join(_RESIDUALS)}, or None; got {residuals!r}{hint}"))
    if min_significance is not None and not (isinstance(min_significance, int | float) and min_significance >= 0):
        problems.append(("min_significance", f"a number from 0 on is needed; got {min_significance!r}"))
    if not isinstance(max_bins, int) or max_bins < 1:
        problems.append(("max_bins", f"a number from 1 on is needed; got {max_bins!r}"))
    if problems:
        raise RequestError(problems, _WHAT)


def _axes(axes: Any, residuals: str | None) -> NDArray[Any]:
    wanted = 1 if residuals is None else 2
    if axes is None:
        figure = plt.figure(figsize=_ONE_INCH)
        figure.set_layout_engine("constrained", hspace=0, h_pad=0.02)
        ratios = {"height_ratios": _HEIGHTS[:wanted]}
        return np.array(figure.subplots(wanted, 1, sharex=True, squeeze=False, gridspec_kw=ratios)[:, 0], dtype=object)
    given = np.array(list(np.ravel(np.asarray(axes, dtype=object))), dtype=object)
    if len(given) != wanted:
        text = f"{wanted} are needed, for the spectra{' and the residuals' if wanted > 1 else ''}; got {len(given)}"
        raise RequestError([("axes", text)], _WHAT)
    return given


def _panel_axes(number: int, columns: int, each: int, *, share: bool) -> NDArray[Any]:
    """Axes of several fits, one below the other in each panel; shape (number, each)."""
    rows = -(-number // columns)
    left, right, low, high = _MARGINS_INCH
    width, height = left + right + _PANEL_INCH[0] * columns, low + high + _PANEL_INCH[1] * rows
    figure = plt.figure(figsize=(width, height))
    grid = figure.add_gridspec(
        rows, columns, left=left / width, right=1 - right / width, bottom=low / height, top=1 - high / height,
        wspace=_GAPS[0] if share else 2.2 * _GAPS[0], hspace=_GAPS[1],
    )  # fmt: skip
    made = np.empty((number, each), dtype=object)
    for place in range(number):
        inner = grid[place // columns, place % columns].subgridspec(each, 1, height_ratios=_HEIGHTS[:each], hspace=0)
        for part in range(each):
            made[place, part] = figure.add_subplot(inner[part], sharex=made[place, 0] if part else None)
    return made


def _labels(spectra: Sequence[FoldedSpectrum]) -> list[str]:
    """Their names, with numbers where several have the same name."""
    names = [one.label for one in spectra]
    return [f"{name} [{number}]" if names.count(name) > 1 else name for number, name in enumerate(names)]


def _colours(result: FitResult) -> list[str]:
    """Those of the modes if they tell the spectra apart."""
    modes: list[Any] = [getattr(one, "mode", None) for one in result.spectra]
    if None not in modes and len(set(modes)) == len(modes):
        return [mode_colour(mode) for mode in modes]
    return [_SET_COLOURS[number % len(_SET_COLOURS)] for number in range(len(modes))]


def _default_significance(folded: FoldedSpectrum) -> float:
    """So that there are about as many bins as one can see; groups of the fit stay if they are not more."""
    if len(folded.rate) <= _MOST_POINTS and np.median(folded.counts) >= _MANY_COUNTS:
        return 0.0
    width = (folded.energy_high - folded.energy_low).value
    error = np.sqrt(np.sum((folded.rate_err.value * width)[folded.counts > 0] ** 2))
    total = np.sum(folded.rate.value * width) / error if error > 0 else 0.0
    return float(np.clip(total / np.sqrt(_WANTED_POINTS), _SIGNIFICANCE, _MOST_SIGNIFICANT))


def _draw_spectrum(
    ax: Axes, folded: FoldedSpectrum, bins: ShownBins, style: dict[str, Any], colour: str, *, components: bool
) -> None:
    up = _seen(bins)
    ax.errorbar(bins.centre[up], bins.rate[up], bins.error[up], bins.across[:, up], **style)
    limit = ~up & (bins.rate + bins.error > 0)
    if limit.any():
        top = (bins.rate + bins.error)[limit]
        plain = {**style, "label": "_limit", "alpha": 0.5}
        ax.errorbar(bins.centre[limit], top, 0.35 * top, bins.across[:, limit], **plain, uplims=True)
    edges, level = _outline(folded, folded.model_rate.value)
    ax.plot(edges, level, color=colour, linewidth=1.5, zorder=3)
    for term in folded.terms.values() if components else ():
        ax.plot(*_outline(folded, term.value), color=colour, linewidth=1.0, linestyle=":", zorder=2.5)


def _seen(bins: ShownBins) -> NDArray[np.bool_]:
    return (bins.rate > 0) & (bins.rate > _LEAST_SEEN * bins.error)


def _outline(folded: FoldedSpectrum, rate: Floats) -> tuple[Floats, Floats]:
    """A line in steps along the bins of the fit, interrupted where there are gaps."""
    low, high = folded.energy_low.value, folded.energy_high.value
    edges = np.column_stack([low, high]).ravel()
    level = np.repeat(rate, 2)
    gaps = 2 * (np.flatnonzero(low[1:] > high[:-1] * (1 + 1e-6)) + 1)
    return np.insert(edges, gaps, np.nan), np.insert(level, gaps, np.nan)


def _draw_residuals(ax: Axes, bins: ShownBins, kind: str, style: dict[str, Any]) -> None:
    value, error = bins.residual, np.ones_like(bins.residual)
    if kind == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            value, error = bins.rate / bins.model, bins.error / bins.model
    known = np.isfinite(value) & np.isfinite(error)
    ax.errorbar(
        bins.centre[known], value[known], error[known], bins.across[:, known], **{**style, "label": "_residuals"}
    )


def _heights(bins: ShownBins) -> tuple[float, float]:
    """Lower and upper end of the vertical axis for these bins."""
    up = _seen(bins)
    seen = np.concatenate([bins.rate[up], bins.model[bins.model > 0]])
    if not seen.size:
        return np.inf, 0.0
    low = np.min(np.maximum(bins.rate - bins.error, _BELOW * bins.rate)[up], initial=np.inf)
    return min(low, 0.7 * np.min(bins.rate[up], initial=np.inf)), _ABOVE * float(
        np.max((bins.rate + bins.error)[up], initial=seen.max())
    )


def _finish(drawn: NDArray[Any], folded: Sequence[FoldedSpectrum], limits: Any, residuals: str | None) -> None:
    """Scales, limits and names."""
    upper, lower = drawn[0], drawn[-1]
    left = min(one.energy_low.value[0] for one in folded)
    right = max(one.energy_high.value[-1] for one in folded)
    for ax in drawn:
        energy_axis(ax)
        ax.set_xlim(max(left, 1e-3) * 0.95, right * 1.05)
    upper.set_yscale("log", nonpositive="clip")
    low, high = min(one[0] for one in limits), max(one[1] for one in limits)
    if 0 < low < high < np.inf:
        upper.set_ylim(0.8 * low, high)
    upper.yaxis.set_major_formatter(LogFormatterMathtext())
    upper.set_ylabel(axis_label("Net rate", u.ct / (u.s * u.keV)))
    if residuals is None:
        return
    upper.set_xlabel("")
    upper.tick_params(axis="x", which="both", labelbottom=False)
    lower.axhline(0 if residuals == "delta" else 1, **_FAINT_LINE)
    bottom, top = lower.get_ylim()
    if residuals == "delta":
        reach = max(_LEAST_DELTA, abs(bottom), abs(top))
        lower.set_ylim(-reach, reach)
        names = {one.statistic_name for one in folded}
        lower.set_ylabel(_DELTA_LABELS[names.pop()] if len(names) == 1 else _DELTA_LABEL)
    else:
        lower.set_ylim(max(0.0, min(bottom, _LEAST_RATIO[0])), max(top, _LEAST_RATIO[1]))
        lower.set_ylabel("Data / model")
    upper.figure.align_ylabels(list(drawn))


def _say_missing(pair: NDArray[Any], outcome: Any) -> None:
    for ax in pair:
        energy_axis(ax)
        ax.tick_params(axis="x", which="both", labelbottom=ax is pair[-1])
    pair[0].set_yscale("log")
    reason = shorten(str(outcome.error or ""), _MOST_REASON, placeholder=" ...")
    text = "\n".join(["no fit", *wrap(reason, _REASON_WIDTH)]).replace("$", r"\$")
    where = {"transform": pair[0].transAxes, "ha": "center", "va": "center"}
    pair[0].text(0.5, 0.5, text, **where, color="0.4", fontsize="small")
    if len(pair) > 1:
        pair[0].set_xlabel("")


def _title(outcome: Any) -> str:
    """What the fit is called, or else its spectra."""
    item = getattr(outcome, "item", None)
    return ", ".join(one.label for one in outcome.folded) if item is None else f"{item!s:.40}"


def _share(panels: NDArray[Any], reach: Floats, columns: int, *, share: bool) -> None:
    """The same limits everywhere, and names on the outer panels only."""
    for number, pair in enumerate(panels):
        for part, ax in enumerate(pair):
            if share:
                left, right, low, high = (reach[:, part, end] for end in range(4))
                ax.set(xlim=(left.min(), right.max()), ylim=(low.min(), high.max()))
            if number % columns:
                ax.set_ylabel("")
                ax.tick_params(axis="y", which="both", labelleft=not share)
        if number + columns < len(panels):
            pair[-1].set_xlabel("")
