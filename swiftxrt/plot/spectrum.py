"""Pictures of spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from numpy.typing import NDArray

from ..exceptions import NoDataError, RequestError
from ..products.grouping import GOOD, GroupingRule
from ._axes import COLOURS, axis_label, mode_colour, new_axes, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..products.countspectrum import CountSpectrum
    from ..products.spectrum import XRTSpectrum
    from ..products.spectrumset import SpectrumSet

__all__ = ["peek_spectra", "peek_spectrum", "plot_spectra", "plot_spectrum"]

Floats = NDArray[np.float64]

#: What is shown of the XRT; of other instruments, all that is good and not below any window.
_BAND_KEV = (0.3, 10.0)
_ANY_BAND_KEV = (0.1, np.inf)
_TICKS_KEV = (0.1, 0.3, 0.5, *(digit * 10.0**power for power in range(6) for digit in (1.0, 2.0, 5.0)))
_MINOR_TICKS_KEV = tuple(
    digit * 10.0**power
    for power in range(-1, 6)
    for digit in range(1, 10)
    if not any(abs(digit * 10.0**power / tick - 1) < 1e-6 for tick in _TICKS_KEV)
)
_SET_COLOURS = tuple(COLOURS[name] for name in ("vermillion", "blue", "green", "purple", "orange", "sky blue", "black"))
_BACKGROUND_COLOUR = "0.6"
# Between these, numbers on the vertical axis are short without powers of ten.
_PLAIN = (1e-3, 1e4)
# Groups for the eye: about so many if there are few counts, and never more
# counts in a group than this.
_WANTED_GROUPS = 15
_MOST_COUNTS = 20
# Rates with errors of their own are grouped to this for the eye.
_CLEAR = 3.0


def plot_spectrum(
    spectrum: XRTSpectrum,
    *,
    ax: Axes | None = None,
    min_counts: int | None = None,
    steps: bool = False,
    background: bool = False,
    **artist_kwargs: Any,
) -> Axes:
    """Draw a spectrum over energy, with both axes logarithmic.

    Parameters
    ----------
    spectrum : XRTSpectrum
        What to draw; masked bins are left out.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; new axes with a title by default.
    min_counts : int, optional
        Counts per group. By default a spectrum whose bins are single channels
        is grouped so that its shape can be seen (rates with errors of their
        own to a ratio of signal to noise of 3), and any other is drawn as it
        is; 0 never groups.
    steps : bool, optional
        Draw a line in steps with error bars instead of crosses.
    background : bool, optional
        Also draw the background expected in the source region, in grey, and
        a legend that tells it from the net spectrum.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.errorbar`, e.g. ``color``, ``label``.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Notes
    -----
    Bars are standard deviations. Bins in which the background exceeds the
    source have no place on a logarithmic axis; an arrow starts at value plus
    error where that is positive.
    """
    shown = _prepared(spectrum, min_counts)
    if ax is None:
        ax = new_axes(figsize=(6.8, 4.6))
        ax.set_title(_title(spectrum), fontsize="medium")
    _remember_limits(ax)
    colour = COLOURS["black"] if spectrum.counts is None else mode_colour(spectrum.counts.mode_name)
    style = {"color": colour, "linewidth": 1.3, **artist_kwargs}
    good = _good_bins(shown)
    low, high = _bin_limits(shown)
    value = shown.flux.value
    error = np.zeros_like(value) if shown.uncertainty is None else shown.uncertainty.array
    _label_axes(ax, shown.unit)
    with_background = background and _draw_background(ax, shown)
    if with_background and spectrum.counts is not None:
        style.setdefault("label", spectrum.counts.name)
    _draw(ax, low[good], high[good], value[good], error[good], steps=steps, style=style)
    _widen_limits(ax, low[good], high[good], value[good], error[good], band=_shown_band(spectrum))
    if with_background:
        ax.legend(frameon=False)
    return ax


def plot_spectra(
    spectra: SpectrumSet, *, ax: Axes | None = None, min_counts: int | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw all spectra of a set into one diagram, with a legend.

    Parameters
    ----------
    spectra : SpectrumSet
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; new axes by default.
    min_counts : int, optional
        As for `plot_spectrum`.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If the set is empty.
    """
    if len(spectra) == 0:
        raise RequestError("there is no spectrum to draw; the set is empty")
    if ax is None:
        ax = new_axes(figsize=(6.8, 4.6))
        ax.set_title(", ".join(dict.fromkeys(map(_object_name, spectra.count_spectra))), fontsize="medium")
    modes = {spectrum.mode for spectrum in spectra.count_spectra}
    by_mode = len(modes) == len(spectra) and None not in modes
    for number, (stem, spectrum) in enumerate(spectra.items()):
        mode = spectra.count_spectra[number].mode_name
        colour = mode_colour(mode) if by_mode else _SET_COLOURS[number % len(_SET_COLOURS)]
        plot_spectrum(spectrum, ax=ax, min_counts=min_counts, **{"color": colour, "label": stem, **artist_kwargs})
    ax.legend(frameon=False)
    return ax


def peek_spectrum(spectrum: XRTSpectrum) -> None:
    """Draw a spectrum with its background and show it."""
    plot_spectrum(spectrum, background=True)
    show()


def peek_spectra(spectra: SpectrumSet) -> None:
    """Draw all spectra of a set and show them."""
    plot_spectra(spectra)
    show()


def _title(spectrum: XRTSpectrum) -> str:
    """Which spectrum it is, and of how many counts."""
    counts = spectrum.counts
    if counts is None:
        return ""
    total = f"{counts.counts.sum()} counts in"
    if not counts.has_poisson_counts:
        total = f"{float(counts.net_rate.value):.4g} ct/s,"
    text = f"{_name(counts)}, {total} {counts.exposure.value:.5g} s"
    return ", ".join(filter(None, (_object_name(counts), text)))


def _name(counts: CountSpectrum) -> str:
    """Name of the spectrum, for other instruments than the XRT with theirs."""
    return counts.name if counts.mode is not None else f"{counts.name} ({counts.telescope} {counts.instrument})"


def _shown_band(spectrum: XRTSpectrum) -> tuple[float, float]:
    counts = spectrum.counts
    return _BAND_KEV if counts is None or counts.mode is not None else _ANY_BAND_KEV


def _object_name(counts: CountSpectrum) -> str:
    return str(counts.header.get("OBJECT", "")).strip()


def _prepared(spectrum: XRTSpectrum, min_counts: int | None) -> XRTSpectrum:
    """The spectrum with the groups to draw."""
    if min_counts is not None:
        return spectrum.group(min_counts=min_counts) if min_counts else spectrum
    counts = spectrum.counts
    if counts is None or _has_groups(counts) or not counts.counts.any():
        return spectrum
    if not counts.has_poisson_counts:
        return _clear(spectrum)
    edges = spectrum.energy_edges.value
    inside = (counts.energy_edges.value[:-1] >= edges.min()) & (counts.energy_edges.value[1:] <= edges.max())
    wanted = int(np.clip(counts.counts[inside].sum() // _WANTED_GROUPS, 1, _MOST_COUNTS))
    return spectrum.group(min_counts=wanted)


def _has_groups(counts: CountSpectrum) -> bool:
    """Whether channels are joined; other programs flag each as a group of its own and mean none."""
    return counts.is_grouped if counts.mode is not None else bool(np.any(counts.grouping == -1))


def _clear(spectrum: XRTSpectrum) -> XRTSpectrum:
    """Rates in groups that stand out from their noise; as they are if none does."""
    try:
        return spectrum.group(signal_to_noise=_CLEAR)
    except NoDataError:
        return spectrum


def _good_bins(spectrum: XRTSpectrum) -> NDArray[np.bool_]:
    finite = np.isfinite(spectrum.flux.value)
    return finite if spectrum.mask is None else finite & ~spectrum.mask


def _bin_limits(spectrum: XRTSpectrum) -> tuple[Floats, Floats]:
    edges = spectrum.energy_edges.value
    return np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])


def _label_axes(ax: Axes, unit: u.UnitBase) -> None:
    """Logarithmic axes, the energies with the numbers one would say."""
    ax.set_xscale("log")
    ax.set_yscale("log", nonpositive="clip")
    ax.xaxis.set_major_locator(FixedLocator(_TICKS_KEV))
    ax.xaxis.set_minor_locator(FixedLocator(_MINOR_TICKS_KEV))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda energy_kev, _: f"{energy_kev:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value, ax)))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: _minor_number(value, ax)))
    ax.set_xlabel(axis_label("Energy", u.keV))
    ax.set_ylabel(axis_label(_flux_name(unit), unit))


def _number(value: float, ax: Axes) -> str:
    """A number on the vertical axis as text: plain where that is short for all of them, else as a power of ten."""
    low, high = ax.get_ylim()
    lowest = low if _is_short(ax) else 10 ** np.ceil(np.log10(low))
    if lowest > _PLAIN[0] * 0.999 and high < _PLAIN[1]:
        return f"{value:.10g}"
    power = np.floor(np.log10(value))
    mantissa = round(value / 10**power)
    factor = "" if mantissa == 1 else rf"{mantissa} \times "
    return f"${factor}10^{{{power:.0f}}}$"


def _minor_number(value: float, ax: Axes) -> str:
    """Labels between powers of ten, where the axis has few of those."""
    first_digit = round(value / 10 ** np.floor(np.log10(value)))
    return _number(value, ax) if _is_short(ax) and first_digit in (2, 3, 5) else ""


def _is_short(ax: Axes) -> bool:
    """Whether the vertical axis spans hardly more than a decade."""
    low, high = ax.get_ylim()
    return high < 15 * low


def _flux_name(unit: u.UnitBase) -> str:
    if unit.is_equivalent(u.ct / (u.s * u.keV)) or unit.is_equivalent(u.ct / u.s):
        return "Net count rate"
    if unit.is_equivalent(u.ct / u.keV) or unit.is_equivalent(u.ct):
        return "Net counts"
    return "Flux"


def _draw(ax: Axes, low: Floats, high: Floats, value: Floats, error: Floats, *, steps: bool, style: Any) -> None:
    centre = np.sqrt(np.maximum(low, 1e-3) * high)
    up = value > 0
    across = None if steps else [(centre - low)[up], (high - centre)[up]]
    bars = ax.errorbar(centre[up], value[up], error[up], across, **{"linestyle": "none", **style})
    if steps:
        edges, level = _outline(low[up], high[up], value[up])
        ax.plot(edges, level, color=bars.lines[2][0].get_color()[0], linewidth=style["linewidth"])
    limit = (~up) & (value + error > 0)
    if np.any(limit):
        top = (value + error)[limit]
        plain = {key: item for key, item in style.items() if key != "label"}
        ax.errorbar(
            centre[limit],
            top,
            0.35 * top,
            [(centre - low)[limit], (high - centre)[limit]],
            uplims=True,
            **{**plain, "linestyle": "none", "linewidth": 0.6, "alpha": 0.4},
        )


def _outline(low: Floats, high: Floats, value: Floats) -> tuple[Floats, Floats]:
    """A line in steps along bins, interrupted where they are not contiguous."""
    energy_kev: list[float] = []
    level: list[float] = []
    for index in range(len(value)):
        if index and not np.isclose(low[index], high[index - 1]):
            energy_kev.append(low[index])
            level.append(np.nan)
        energy_kev += [low[index], high[index]]
        level += [value[index], value[index]]
    return np.array(energy_kev), np.array(level)


def _draw_background(ax: Axes, shown: XRTSpectrum, wanted_groups: int = _WANTED_GROUPS) -> bool:
    """The background scaled to the source region, in groups of its own: the source's would hold too few counts.

    Tells whether there was one to draw.
    """
    source = shown.counts
    if source is None or source.background is None or not source.background.counts.any():
        return False
    low_kev, high_kev = np.sort(shown.energy_edges.value[[0, -1]])
    edges = source.energy_edges.value
    inside = np.flatnonzero((edges[:-1] > low_kev - 1e-6) & (edges[1:] < high_kev + 1e-6))
    first, last = (int(source.channel[inside[end]]) for end in (0, -1))
    if source.background.has_poisson_counts:
        total = int(source.background.counts[inside].sum())
        rule = GroupingRule(min_counts=max(1, total // wanted_groups))
    else:
        rule = GroupingRule(signal_to_noise=_CLEAR)
    flags = source.background.group_channels(rule, first, last)
    grouped = source.replace(quality=flags.quality, grouping=flags.grouping).grouped()
    good = (grouped.quality == GOOD) & (grouped.background_counts > 0)
    if not good.any():
        return False
    low, high = grouped.energy_edges.value[:-1][good], grouped.energy_edges.value[1:][good]
    ratio, area = (np.broadcast_to(one, good.shape)[good] for one in (grouped.background_ratio, grouped.areascale))
    per_count = ratio * source.per_count(shown.unit, (high - low) * u.keV, area).value
    counts = grouped.background_counts[good]
    spread = np.sqrt(counts) if grouped.background_err is None else grouped.background_err[good]
    value, error = counts * per_count, spread * per_count
    # One entry in the legend for the backgrounds of several spectra.
    label = "_background" if "background" in ax.get_legend_handles_labels()[1] else "background"
    style = {"color": _BACKGROUND_COLOUR, "linewidth": 1.0, "zorder": 1, "label": label}
    _draw(ax, low, high, value, error, steps=False, style=style)
    _widen_limits(ax, low, high, value, error, band=_shown_band(shown))
    return True


def _remember_limits(ax: Axes) -> None:
    """Note how far the data of others reach that are on the axes already."""
    if hasattr(ax, "_swiftxrt_limits"):
        return
    limits = (np.inf, 0.0, np.inf, 0.0)
    if ax.has_data():
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        limits = (left if left > 0 else np.inf, right, bottom if bottom > 0 else np.inf, top)
    ax._swiftxrt_limits = limits  # type: ignore[attr-defined]


def _widen_limits(
    ax: Axes, low: Floats, high: Floats, value: Floats, error: Floats, *, band: tuple[float, float]
) -> None:
    """Limits that hold this spectrum and those drawn before."""
    if value.size == 0:
        return
    drawn = ax._swiftxrt_limits  # type: ignore[attr-defined]
    up = value > 0
    tops = (value + error)[value + error > 0]
    bottoms = np.maximum(value[up] - error[up], 0.3 * value[up])
    limits = (
        min(drawn[0], max(low[low > 0].min(initial=high.min()), band[0] * 0.93)),
        max(drawn[1], min(high.max(), band[1]) * 1.05),
        min(drawn[2], bottoms.min(initial=np.inf) * 0.7),
        max(drawn[3], tops.max(initial=0.0) * 1.5),
    )
    ax._swiftxrt_limits = limits  # type: ignore[attr-defined]
    ax.set_xlim(limits[0] * 0.98, limits[1])
    if 0 < limits[2] < limits[3]:
        ax.set_ylim(limits[2], limits[3])
