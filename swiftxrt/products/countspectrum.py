"""Counts per channel with all that is needed to use them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from dataclasses import replace as dataclass_replace
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import EnergyBand
from ..exceptions import NoDataError, RequestError
from ..mission import Mode
from ._arrays import integers, quantities
from ._count_checks import LABEL, as_mode, fractions, region_text, shape_problems, value_problems
from ._count_facts import CountFacts
from ._keywords import Keyword, propagated
from .grouping import BAD, GOOD, LAST_BAD_CHANNEL, LEFT_OVER, GroupedCounts, GroupingRule
from .gti import GTI
from .provenance import Provenance
from .response import ARF, RMF

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .spectrum import XRTSpectrum

__all__ = ["LABEL", "CountSpectrum"]

_CHANNELS_PER_KEV = 100


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CountSpectrum(CountFacts):
    """A spectrum as it was counted: integer counts per channel, background, response.

    Immutable, picklable, compared by value (without provenance). It is what
    PHA files hold and what statistics need; `to_spectrum` makes the
    `specutils.Spectrum` of it.

    Parameters
    ----------
    counts : array_like of int, shape (n_channel,)
        Counts in each channel of the source region.
    exposure : `~astropy.units.Quantity`, time
        Live time.
    mode : Mode or str
        ``"PC"`` or ``"WT"``.
    channel : array_like of int, shape (n_channel,), optional
        Channel numbers, contiguous; from 0 by default.
    energy_edges : `~astropy.units.Quantity`, shape (n_channel + 1,), optional
        Edges of the channels; by default those of the RMF, without one 10 eV
        per channel.
    backscale : float, optional
        Area of the region (sky pixels / 1e6 in XRT files).
    areascale : float, optional
        Area scaling factor.
    quality, grouping : array_like of int, shape (n_channel,), optional
        OGIP flags: quality 0 is good; grouping 1 starts a group and -1
        continues it, 0 means no grouping.
    systematic : array_like of float, shape (n_channel,), optional
        Systematic error of each channel as a fraction of its counts (OGIP ``SYS_ERR``); it is kept for programs that
        fit, nothing here uses it.
    background : CountSpectrum, optional
        Background region, same channels.
    arf : ARF, optional
        Effective area.
    rmf : RMF, optional
        Redistribution matrix.
    grades : tuple of int, optional
        Lowest and highest event grade; by default that of the mode.
    gti : GTI, optional
        Good time of the source region.
    label : str, optional
        Name of the time slice.
    interval : tuple of float, optional
        Start and stop (MET, s) of the time slice as asked for.
    mean_event_met : float, optional
        Mean arrival time of the source counts (MET, s).
    header : mapping, optional
        Further FITS keywords.
    source_region, background_region : str, optional
        DS9 region text.
    provenance : Provenance, optional
        Where the spectrum comes from.

    Raises
    ------
    RequestError
        If values have no units, or do not fit together.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt.products.countspectrum import CountSpectrum
    >>> spectrum = CountSpectrum(counts=[0] * 100 + [4] * 100, exposure=1000 * u.s, mode="PC")
    >>> spectrum
    <CountSpectrum interval0pc: 400 ct in 1000 s, 200 channels 0-2 keV, no background, no ARF, no RMF>
    >>> spectrum.group(min_counts=20).grouped().counts.max()
    np.int64(20)
    """

    counts: NDArray[np.int64]
    exposure: u.Quantity
    mode: Mode
    channel: NDArray[np.int64] = None  # type: ignore[assignment]  # Optional fields are filled below.
    energy_edges: u.Quantity = None
    backscale: float = 1.0
    areascale: float = 1.0
    quality: NDArray[np.int64] = None  # type: ignore[assignment]
    grouping: NDArray[np.int64] = None  # type: ignore[assignment]
    systematic: NDArray[np.float64] = None  # type: ignore[assignment]
    background: CountSpectrum | None = None
    arf: ARF | None = None
    rmf: RMF | None = None
    grades: tuple[int, int] = None  # type: ignore[assignment]
    gti: GTI | None = None
    label: str = "interval0"
    interval: tuple[float, float] | None = None
    mean_event_met: float | None = None
    header: Mapping[str, Keyword] = field(default_factory=dict)
    source_region: str | None = None
    background_region: str | None = None
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        self._set(mode=as_mode(self.mode), counts=integers(self.counts, "counts"), header=propagated(self.header))
        if self.counts.size == 0:
            raise RequestError([("counts", "at least one channel is needed")], "CountSpectrum")
        channel = np.arange(self.counts.size) if self.channel is None else self.channel
        self._set(channel=integers(channel, "channel"), exposure=quantities(self.exposure, u.s, "exposure"))
        for name in ("quality", "grouping"):
            flags = np.zeros(self.counts.size) if getattr(self, name) is None else getattr(self, name)
            self._set(**{name: integers(flags, name)})
        self._set(systematic=fractions(self.systematic, self.counts.size))
        for name in ("source_region", "background_region"):
            self._set(**{name: region_text(getattr(self, name), name)})
        grades = self.mode.grades if self.grades is None else (int(self.grades[0]), int(self.grades[1]))
        self._set(grades=grades, backscale=float(self.backscale), areascale=float(self.areascale))
        if self.interval is not None:
            self._set(interval=(float(self.interval[0]), float(self.interval[1])))
        if self.mean_event_met is not None:
            self._set(mean_event_met=float(self.mean_event_met))
        self._set(energy_edges=self._edges())
        problems = [*shape_problems(self), *value_problems(self)]
        if problems:
            raise RequestError(problems, "CountSpectrum")
        if self.background is not None and not np.array_equal(self.background.energy_edges, self.energy_edges):
            self._set(background=self.background.replace(energy_edges=self.energy_edges))

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _edges(self) -> u.Quantity:
        if self.energy_edges is not None:
            return quantities(self.energy_edges, u.keV, "energy_edges")
        if self.rmf is not None:
            return self.rmf.channel_edges
        edges = np.append(self.channel, self.channel[-1:] + 1) / _CHANNELS_PER_KEV
        return quantities(edges * u.keV, u.keV, "energy_edges")

    def group(
        self,
        *,
        min_counts: int | None = None,
        signal_to_noise: float | None = None,
        optimal: bool = False,
        band: EnergyBand | None = None,
    ) -> CountSpectrum:
        """Set grouping flags.

        Channels 0 to 29 (below 0.3 keV) become bad (quality 5). From there on
        channels are joined until a group is complete; channels at the end
        that make no group get quality 2. With ``min_counts=1`` these are the
        flags of the service's ``.pi`` files, and of ``grppha`` with ``bad
        0-29`` and ``group min``. Flags set by earlier grouping are replaced;
        bad channels stay bad, and no group contains one.

        Parameters
        ----------
        min_counts : int, optional
            Counts, background included, that a group must have.
        signal_to_noise : float, optional
            Net counts over their error that a group must have; not together
            with another rule.
        optimal : bool, optional
            Whether to join channels to the width of Kaastra & Bleeker (2016),
            which follows from the RMF and the counts; with `min_counts` at
            least so wide.
        band : EnergyBand, optional
            Channels outside become bad.

        Returns
        -------
        spectrum : CountSpectrum
            The same counts with other flags.

        Raises
        ------
        RequestError
            If no rule is given or a value cannot be used, or `optimal` is
            asked for without an RMF.
        """
        rule = GroupingRule(min_counts, signal_to_noise, optimal)
        if band is None:
            return self.group_channels(rule, int(self.channel[0]), int(self.channel[-1]))
        return self.group_channels(rule, *EnergyBand.parse(band).channels)

    def group_channels(self, rule: GroupingRule, first: int, last: int) -> CountSpectrum:
        """`group` within the channels from `first` to `last`, both included."""
        bad = (self.quality != GOOD) & (self.quality != LEFT_OVER)
        quality = np.where(bad, self.quality, GOOD)
        quality[(self.channel <= LAST_BAD_CHANNEL) | (self.channel < first) | (self.channel > last)] = BAD
        grouping, left_over = rule.flags(self, quality == GOOD)
        quality[left_over] = LEFT_OVER
        return self.replace(quality=quality, grouping=grouping)

    def grouped(self) -> GroupedCounts:
        """Sums over the groups, bad ones included."""
        start = np.flatnonzero(self.grouping != -1)
        start = start if start.size and start[0] == 0 else np.append(0, start)
        edges = self.energy_edges.value[np.append(start, self.counts.size)]
        outside = np.zeros_like(self.counts) if self.background is None else self.background.counts
        return GroupedCounts(
            energy_edges=u.Quantity(edges, u.keV),
            counts=np.add.reduceat(self.counts, start),
            background_counts=np.add.reduceat(outside, start),
            background_ratio=self.background_ratio,
            quality=np.maximum.reduceat(self.quality, start),
        )

    def to_spectrum(self, *, unit: u.UnitBase | str = "ct / (s keV)", subtract_background: bool = True) -> XRTSpectrum:
        """The same as `specutils.Spectrum`: background-subtracted count rate per energy.

        One bin per group, or per channel without grouping. Bad bins at both
        ends are left out, bad bins between good ones are masked.

        Parameters
        ----------
        unit : unit, optional
            Counts, counts per time, per energy, or both.
        subtract_background : bool, optional
            Whether to subtract the scaled background.

        Returns
        -------
        spectrum : XRTSpectrum
            Errors as in `GroupedCounts.net_counts_err`.

        Raises
        ------
        RequestError
            If `unit` is of another kind.
        NoDataError
            If no channel is good.
        """
        from .spectrum import XRTSpectrum

        bins = self.grouped()
        good = np.flatnonzero(bins.quality == GOOD)
        if good.size == 0:
            raise NoDataError(f"{self.stem} has no good channel; group it with fewer counts per group")
        used = slice(good[0], good[-1] + 1)
        if not subtract_background:
            bins = dataclass_replace(bins, background_ratio=0.0)
        edges = bins.energy_edges[good[0] : good[-1] + 2]
        factor = self.per_count(u.Unit(unit), np.diff(edges))
        return XRTSpectrum.from_bins(
            bins.net_counts[used] * factor, bins.net_counts_err[used] * factor, edges, bins.quality[used] != GOOD, self
        )

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        background: str | os.PathLike[str] | None = None,
        arf: str | os.PathLike[str] | None = None,
        rmf: str | os.PathLike[str] | None = None,
    ) -> CountSpectrum:
        """Read an OGIP PHA file of the XRT.

        Parameters
        ----------
        path : path-like
            The file; may be gzipped.
        background, arf, rmf : path-like, optional
            Companion files. By default those named in the header are looked
            for next to `path`; one that is not there is left out with a warning.

        Raises
        ------
        FormatError
            If a file is not what it should be, or damaged.
        """
        from ..io.spectrum import read_pha

        return read_pha(path, background=background, arf=arf, rmf=rmf)

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write an OGIP PHA file and its companions.

        ``x.pha`` is accompanied by ``x_bkg.pha``, ``x.arf`` and ``x.rmf``, as
        far as there is background and response.

        Parameters
        ----------
        path : path-like
            Name ending with ``.pha``, ``.pi``, ``.fits`` or ``.fit``; ``.gz``
            after it compresses.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Raises
        ------
        RequestError
            If the name has another ending.
        OutputExistsError
            If one of the files exists and `overwrite` is False.
        """
        from ..io.spectrum import write_pha

        write_pha(self, path, overwrite=overwrite)

    def plot(self, *, ax: Axes | None = None, min_counts: int | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the net count rate per energy; see `swiftxrt.plot.spectrum.plot_spectrum`."""
        return self.to_spectrum().plot(ax=ax, min_counts=min_counts, **artist_kwargs)

    def peek(self) -> None:
        """Draw the spectrum and show it."""
        self.to_spectrum().peek()

    def replace(self, **changes: Any) -> CountSpectrum:
        """A copy with some fields changed."""
        return dataclass_replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CountSpectrum):
            return NotImplemented
        names = (item.name for item in fields(self) if item.name != "provenance")
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return _rebuild, ({**values, "header": dict(self.header)},)

    def __deepcopy__(self, memo: dict[int, Any]) -> CountSpectrum:
        return self  # Immutable.

    def __repr__(self) -> str:
        edges = self.energy_edges.value
        background = f"{self.background.counts.sum()} ct background" if self.background else "no background"
        return (
            f"<CountSpectrum {self.stem}: {self.counts.sum()} ct in {self.exposure:.6g}, {self.counts.size} channels "
            f"{edges[0]:g}-{edges[-1]:.4g} keV, {background}, "
            f"{'' if self.arf else 'no '}ARF, {'' if self.rmf else 'no '}RMF>"
        )


def _rebuild(values: dict[str, Any]) -> CountSpectrum:
    return CountSpectrum(**values)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(two))
    return bool(one == two)
