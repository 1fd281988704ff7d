"""Requests for light curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import astropy.units as u

from .._fields import Band, Choice, Flag, Integer, Measure, Nested, Number, Record, par, record, wire_keys
from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..mission import Mode
from .extraction import ELSEWHERE
from .selection import AllData, Observations, TimeIntervals

__all__ = ["CountsBinning", "LightCurveRequest", "ObsidBinning", "SnapshotBinning", "TimeBinning"]

# The same documented bin times serve as shortest and as fixed bins.
_PC_BIN = 2.51 * u.s
_WT_BIN = 0.5 * u.s
_DURATION = Measure(u.s, 0, above=True)


def _width(mode: Mode, name: str, decimals: int) -> Measure:
    """A fixed bin; one shorter than a frame, whose length may be given rounded down, would be empty for the most part."""
    shortest = math.floor(mode.frame_time_s * 10**decimals) / 10**decimals
    return Measure(u.s, shortest, reason=f"a frame in {name} mode takes {mode.frame_time_s:g} s")


_PC_WIDTH = _width(Mode.PC, "photon counting", 1)
_WT_WIDTH = _width(Mode.WT, "windowed timing", 4)

_GAP_NOTE = (
    "The documentation calls it ``{0}MaxGap`` and the reference client sends ``{0}maxGap``, but the service's jobs "
    "have ``{0}maxgap``, which is sent. All three are read."
)
_BIN_NOTE = "Optional in one documentation of the service, needed in an older one. Both bins are always sent."


@record
class CountsBinning(Record):
    """Bins that are closed when they hold enough counts.

    The numbers of counts are those at 1 ct/s. With `dynamic` they change by
    `bin_factor` for each factor of `rate_factor` in the count rate.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import CountsBinning
    >>> CountsBinning(pc_counts=20, wt_counts=30).dynamic
    True
    """

    pc_counts: int = par("Counts per bin in photon counting mode.", Integer(1), wire="pccounts")
    wt_counts: int = par("Counts per bin in windowed timing mode.", Integer(1), wire="wtcounts")
    dynamic: bool = par("Whether the counts per bin follow the count rate.", Flag(), default=True, wire="dynamic")
    rate_factor: float | None = par(
        "Factor in rate that counts as one step.",
        Number(1, above=True),
        default=None,
        wire="ratefact",
        service_default=10,
    )
    bin_factor: float | None = par(
        "Factor in counts per bin for each step.", Number(1), default=None, wire="binfact", service_default=1.5
    )
    min_counts: int | None = par(
        "Fewest counts per bin that `dynamic` may lead to.",
        Integer(0),
        default=None,
        wire="mincmin",
        service_default=15,
    )
    min_snr: float | None = par(
        "Signal-to-noise ratio a bin must reach.",
        Number(0),
        default=None,
        wire="minsnr",
        service_default=2.4,
        note="2.4 is documented, but jobs of the service report 1.5. Nothing is sent unless it is set.",
    )
    pc_bin: u.Quantity | None = par(
        "Shortest bin in photon counting mode.", _DURATION, default=None, wire="pcbin", service_default=_PC_BIN
    )
    wt_bin: u.Quantity | None = par(
        "Shortest bin in windowed timing mode.", _DURATION, default=None, wire="wtbin", service_default=_WT_BIN
    )
    pc_max_gap: u.Quantity | None = par(
        "Longest gap inside a bin in photon counting mode.",
        _DURATION,
        default=None,
        wire="pcmaxgap",
        service_default=1e8 * u.s,
        note=_GAP_NOTE.format("pc"),
    )
    wt_max_gap: u.Quantity | None = par(
        "Longest gap inside a bin in windowed timing mode.",
        _DURATION,
        default=None,
        wire="wtmaxgap",
        service_default=1e8 * u.s,
        note=_GAP_NOTE.format("wt"),
    )


@record
class TimeBinning(Record):
    """Bins of fixed length, counted from T0 or from the start of the data."""

    pc_bin: u.Quantity = par("Bin in photon counting mode.", _PC_WIDTH, default=_PC_BIN, wire="pcbin", note=_BIN_NOTE)
    wt_bin: u.Quantity = par("Bin in windowed timing mode.", _WT_WIDTH, default=_WT_BIN, wire="wtbin", note=_BIN_NOTE)


@record
class SnapshotBinning(Record):
    """One bin for each snapshot, that is, each uninterrupted pointing."""


@record
class ObsidBinning(Record):
    """One bin for each observation."""


_DEFAULT_BANDS = {"soft": SOFT, "hard": HARD}

# What to say to those who give parameters of the binning to the light curve.
_OF_BINNING = {
    name: f"it belongs to the binning: binning={cls.__name__}({field.name}=...)"
    for cls in (CountsBinning, TimeBinning)
    for field in cls.__record_fields__
    for name in (field.name, *wire_keys(field))
}


def _common(first: EnergyBand, second: EnergyBand) -> EnergyBand | None:
    """What two bands have in common, if anything."""
    low, high = max(first.low_kev, second.low_kev), min(first.high_kev, second.high_kev)
    return EnergyBand(low * u.keV, high * u.keV) if low < high else None


@record
class LightCurveRequest(Record):
    """A light curve with its hardness ratio.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import CountsBinning, LightCurveRequest
    >>> request = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), band="0.3-10 keV")
    >>> request.band
    <EnergyBand 0.3-10 keV>
    """

    _elsewhere: ClassVar[Mapping[str, str]] = {**ELSEWHERE, **_OF_BINNING}

    binning: CountsBinning | TimeBinning | SnapshotBinning | ObsidBinning = par(
        "How the bins are made.",
        Nested(CountsBinning, TimeBinning, SnapshotBinning, ObsidBinning),
        wire="binMeth",
    )
    band: EnergyBand | None = par(
        "Total band.", Band(TOTAL), default=None, wire=("minen", "maxen"), service_default=TOTAL
    )
    soft: EnergyBand | None = par(
        "Soft band, within the total band; the default is cut to it.",
        Band(TOTAL),
        default=None,
        wire=("soft1", "soft2"),
        service_default=SOFT,
    )
    hard: EnergyBand | None = par(
        "Hard band, within the total band; the default is cut to it.",
        Band(TOTAL),
        default=None,
        wire=("hard1", "hard2"),
        service_default=HARD,
    )
    significance: float | None = par(
        "Significance in sigma from which a bin is a detection.",
        Number(0, above=True),
        default=None,
        wire="sigmin",
        service_default=3,
    )
    grades: str | None = par(
        "All event grades of the mode, grade 0, or grades 0-4.",
        Choice("all", "0", "4"),
        default=None,
        wire="grades",
        service_default="all",
    )
    upper_limits: str | None = par(
        "In which modes bins without a detection become upper limits.",
        Choice("no", "pc", "wt", "both"),
        default=None,
        wire="allowUL",
        service_default="both",
    )
    bayesian: str | None = par(
        "In which modes bins with few counts get Bayesian errors.",
        Choice("no", "pc", "wt", "both"),
        default=None,
        wire="allowB",
        service_default="both",
        note="Called ``allowBayes`` in one place, but jobs of the service have ``allowB``, which is sent. Both are read.",
    )
    bayes_counts: float | None = par(
        "Counts below which errors are Bayesian.", Number(0), default=None, wire="bayesCounts", service_default=15
    )
    bayes_snr: float | None = par(
        "Signal-to-noise ratio below which errors are Bayesian.",
        Number(0),
        default=None,
        wire="bayesSNR",
        service_default=2.4,
    )
    time_format: str | None = par(
        "Time axis of the service's files: seconds since T0 (``s``, ``sec``) or MJD (``m``, ``mjd``).",
        Choice("s", "m", "mjd", "sec"),
        default=None,
        wire="lctimetype",
        service_default="s",
        note="The documentation has ``s`` and ``m`` only, the reference client also takes the others. The word is sent "
        "as it is given.",
    )
    min_fractional_exposure: float | None = par(
        "Fractional exposure below which bins are dropped.", Number(0, 1), default=None, wire="femin", service_default=0
    )
    match_hardness_bins: bool | None = par(
        "Whether the hardness ratio has the bins of the light curve.",
        Flag(),
        default=None,
        wire="hrbin",
        service_default=True,
        note="Documented as true by default, but jobs of the service with counts binning report 0, and the reference "
        "client takes a number. 1 or 0 is sent if it is set.",
    )
    pc_hardness_bin: u.Quantity | None = par(
        "Bin of the hardness ratio in photon counting mode.",
        _PC_WIDTH,
        default=None,
        wire="pchrbin",
        service_default=_PC_BIN,
    )
    wt_hardness_bin: u.Quantity | None = par(
        "Bin of the hardness ratio in windowed timing mode.",
        _WT_WIDTH,
        default=None,
        wire="wthrbin",
        service_default=_WT_BIN,
    )
    data: AllData | Observations | TimeIntervals | None = par(
        "The data to use.",
        Nested(AllData, Observations, TimeIntervals),
        default=None,
        wire=("lcobs", "uselcobs"),
        service_default=AllData(),
    )

    def _check(self) -> Iterator[tuple[str, str]]:
        total = self.band or TOTAL
        for name in ("soft", "hard"):
            band: EnergyBand | None = getattr(self, name)
            if band and not (total.low_kev <= band.low_kev and band.high_kev <= total.high_kev):
                yield name, f"must lie within the total band {total}; got {band}"
            if band is None and _common(_DEFAULT_BANDS[name], total) is None:
                yield name, f"is needed, because its default {_DEFAULT_BANDS[name]} is outside the band {total}"

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; a soft or hard band that is the default one follows the total band."""
        if "band" in changes:
            total = self.band or TOTAL
            followers = {name for name, band in _DEFAULT_BANDS.items() if getattr(self, name) == _common(band, total)}
            changes = {**dict.fromkeys(followers), **changes}
        return super().replace(**changes)

    def with_defaults(self) -> Self:
        """A copy in which unset fields hold the service's defaults, soft and hard band cut to the total band."""
        total = self.band or TOTAL
        bands = {name: getattr(self, name) or _common(band, total) for name, band in _DEFAULT_BANDS.items()}
        return super(LightCurveRequest, self.replace(**bands)).with_defaults()
