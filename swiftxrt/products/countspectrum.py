"""Counts per channel with all that is needed to use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from dataclasses import replace as dataclass_replace
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import NoDataError, RequestError
from ..mission import Mode
from ._arrays import integers, quantities
from ._count_changes import CountChanges
from ._count_checks import (
    LABEL,
    as_mode,
    counted,
    fractions,
    keyword_text,
    region_text,
    scaling,
    shape_problems,
    value_problems,
)
from ._count_files import CountFiles
from ._keywords import Keyword, propagated
from .grouping import GOOD, GroupedCounts, grouped_counts
from .gti import GTI
from .provenance import Provenance
from .response import ARF, RMF

if TYPE_CHECKING:
    from .spectrum import XRTSpectrum

__all__ = ["LABEL", "CountSpectrum"]

_CHANNELS_PER_KEV = 100


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CountSpectrum(CountChanges, CountFiles):
    """A spectrum as it was counted: counts per channel, background, response.

    Immutable, picklable, compared by value (without provenance and name of the file). It is what
    PHA files hold and what statistics need; `to_spectrum` makes the
    `specutils.Spectrum` of it.

    Parameters
    ----------
    counts : array_like of int, shape (n_channel,)
        Counts in each channel of the source region. With `counts_err` they
        are real numbers: rates with errors, times the exposure.
    exposure : `~astropy.units.Quantity`, time
        Live time.
    mode : Mode or str, optional
        ``"PC"`` or ``"WT"``; None for other instruments than the XRT.
    counts_err : array_like of float, shape (n_channel,), optional
        Standard deviations, where the counts are no photons as they were
        counted, but the result of a deconvolution or subtraction; see
        `has_poisson_counts`.
    telescope, instrument : str, optional
        Names as in ``TELESCOP`` and ``INSTRUME``; those of the Swift XRT if
        there is a mode.
    filter_name, channel_type : str, optional
        ``FILTER`` and ``CHANTYPE``.
    channel : array_like of int, shape (n_channel,), optional
        Channel numbers, contiguous; from 0 by default.
    energy_edges : `~astropy.units.Quantity`, shape (n_channel + 1,), optional
        Edges of the channels; by default those of the RMF, without one 10 eV
        per channel of the XRT, and NaN for others.
    backscale : float or array_like, shape (n_channel,), optional
        Area of the region (sky pixels / 1e6 in XRT files).
    areascale : float or array_like, shape (n_channel,), optional
        Area scaling factor.
    quality, grouping : array_like of int, shape (n_channel,), optional
        OGIP flags: quality 0 is good; grouping 1 starts a group and -1
        continues it, 0 means no grouping.
    systematic : array_like of float, shape (n_channel,), optional
        Systematic error of each channel as a fraction of its counts (OGIP ``SYS_ERR``); fits use it, with
        the statistic chi-squared.
    background : CountSpectrum, optional
        Background region, same channels.
    arf : ARF, optional
        Effective area.
    rmf : RMF, optional
        Redistribution matrix.
    grades : tuple of int, optional
        Lowest and highest event grade of the XRT; by default that of the mode.
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
    file_name : str, optional
        What the file was called that it was read from, without endings, if not after label and mode; see `name`.

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

    counts: NDArray[Any]
    exposure: u.Quantity
    mode: Mode | None = None
    counts_err: NDArray[np.float64] | None = None
    telescope: str = None  # type: ignore[assignment]
    instrument: str = None  # type: ignore[assignment]
    filter_name: str = "NONE"
    channel_type: str = "PI"
    channel: NDArray[np.int64] = None  # type: ignore[assignment]  # Optional fields are filled below.
    energy_edges: u.Quantity = None
    backscale: float | NDArray[np.float64] = 1.0
    areascale: float | NDArray[np.float64] = 1.0
    quality: NDArray[np.int64] = None  # type: ignore[assignment]
    grouping: NDArray[np.int64] = None  # type: ignore[assignment]
    systematic: NDArray[np.float64] = None  # type: ignore[assignment]
    background: CountSpectrum | None = None
    arf: ARF | None = None
    rmf: RMF | None = None
    grades: tuple[int, int] | None = None
    gti: GTI | None = None
    label: str = "interval0"
    interval: tuple[float, float] | None = None
    mean_event_met: float | None = None
    header: Mapping[str, Keyword] = field(default_factory=dict)
    source_region: str | None = None
    background_region: str | None = None
    provenance: Provenance = field(default_factory=Provenance)
    file_name: str = ""

    def __post_init__(self) -> None:
        counts, errors = counted(self.counts, self.counts_err)
        self._set(mode=as_mode(self.mode), counts=counts, counts_err=errors, header=propagated(self.header))
        if self.counts.size == 0:
            raise RequestError([("counts", "at least one channel is needed")], "CountSpectrum")
        channel = np.arange(self.counts.size) if self.channel is None else self.channel
        self._set(channel=integers(channel, "channel"), exposure=quantities(self.exposure, u.s, "exposure"))
        for name in ("quality", "grouping"):
            flags = np.zeros(self.counts.size) if getattr(self, name) is None else getattr(self, name)
            self._set(**{name: integers(flags, name)})
        self._set(systematic=fractions(self.systematic, self.counts.size))
        self._set_origin()
        self._set(backscale=scaling(self.backscale, "backscale"), areascale=scaling(self.areascale, "areascale"))
        if self.interval is not None:
            self._set(interval=(float(self.interval[0]), float(self.interval[1])))
        if self.mean_event_met is not None:
            self._set(mean_event_met=float(self.mean_event_met))
        self._set(energy_edges=self._edges())
        problems = [*shape_problems(self), *value_problems(self)]
        if problems:
            raise RequestError(problems, "CountSpectrum")
        background = self.background
        if background is not None and not _same(background.energy_edges, self.energy_edges):
            self._set(background=background.replace(energy_edges=self.energy_edges))

    def _set_origin(self) -> None:
        """What was observed with what, and where."""
        for name, of_xrt in (("telescope", "SWIFT"), ("instrument", "XRT")):
            given = getattr(self, name)
            default = "UNKNOWN" if self.mode is None else of_xrt
            self._set(**{name: default if given is None else keyword_text(given, name).upper()})
        for name in ("filter_name", "channel_type"):
            self._set(**{name: keyword_text(getattr(self, name), name)})
        for name in ("source_region", "background_region"):
            self._set(**{name: region_text(getattr(self, name), name)})
        if self.grades is not None:
            self._set(grades=(int(self.grades[0]), int(self.grades[1])))
        elif self.mode is not None:
            self._set(grades=self.mode.grades)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _edges(self) -> u.Quantity:
        if self.energy_edges is not None:
            return quantities(self.energy_edges, u.keV, "energy_edges")
        if self.rmf is not None:
            return self.rmf.channel_edges
        if self.mode is None:
            return quantities(np.full(self.channel.size + 1, np.nan) * u.keV, u.keV, "energy_edges")
        edges = np.append(self.channel, self.channel[-1:] + 1) / _CHANNELS_PER_KEV
        return quantities(edges * u.keV, u.keV, "energy_edges")

    def grouped(self) -> GroupedCounts:
        """Sums over the groups, bad ones included."""
        return grouped_counts(self)

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
            If `unit` is of another kind, or the energies of the channels are
            not known.
        NoDataError
            If no channel is good.
        """
        from .spectrum import XRTSpectrum

        if not self.has_energies:
            told = "the energies of its channels are not known; give its RMF, as in CountSpectrum.read(..., rmf=...)"
            raise RequestError(f"{self.name} has no energy axis: {told}")
        bins = self.grouped()
        good = np.flatnonzero(bins.quality == GOOD)
        if good.size == 0:
            raise NoDataError(f"{self.name} has no good channel; group it with fewer counts per group")
        used = slice(good[0], good[-1] + 1)
        if not subtract_background:
            bins = dataclass_replace(bins, background_ratio=0.0)
        edges = bins.energy_edges[good[0] : good[-1] + 2]
        area = bins.areascale[used] if isinstance(bins.areascale, np.ndarray) else bins.areascale
        factor = self.per_count(u.Unit(unit), np.diff(edges), area)
        return XRTSpectrum.from_bins(
            bins.net_counts[used] * factor, bins.net_counts_err[used] * factor, edges, bins.quality[used] != GOOD, self
        )

    def replace(self, **changes: Any) -> CountSpectrum:
        """A copy with some fields changed."""
        return dataclass_replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CountSpectrum):
            return NotImplemented
        names = (item.name for item in fields(self) if item.name not in ("provenance", "file_name"))
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return _rebuild, ({**values, "header": dict(self.header)},)

    def __deepcopy__(self, memo: dict[int, Any]) -> CountSpectrum:
        return self  # Immutable.

    def __repr__(self) -> str:
        edges = self.energy_edges.value
        background = f"{self.background.counts.sum():g} ct background" if self.background else "no background"
        name = self.name if self.mode is not None else f"{self.name} ({self.telescope} {self.instrument})"
        total = f"{self.counts.sum()} ct in {self.exposure:.6g}"
        if not self.has_poisson_counts:
            total = f"{float(self.counts.sum() / self.exposure.value):.4g} ct/s with errors in {self.exposure:.6g}"
        energies = f"{edges[0]:g}-{edges[-1]:.4g} keV" if self.has_energies else "of unknown energies"
        return (
            f"<CountSpectrum {name}: {total}, {self.counts.size} channels {energies}, {background}, "
            f"{'' if self.arf else 'no '}ARF, {'' if self.rmf else 'no '}RMF>"
        )


def _rebuild(values: dict[str, Any]) -> CountSpectrum:
    return CountSpectrum(**values)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
        if one is None or two is None:
            return False
        return np.array_equal(np.asarray(one), np.asarray(two), equal_nan=True)
    return bool(one == two)
