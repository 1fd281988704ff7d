"""Light curves: corrected rates and upper limits of bins.

The formulae are those of the official light curves. They give every printed
digit of the Gaussian bins of AT2018cow (product archive of 2018), and its
Bayesian bins within the 0.001 counts to which these are computed there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from .binning import BinningParameters, Bins, make_bins
from .counts import kbn_interval, kbn_mode, kbn_significance, kbn_upper_limit
from .hardness import hardness_ratio
from .inputs import ExtractedEvents
from .rate_bins import CurveResult, RateBins
from .selection import BandEvents, GoodTime, Sums, select_band, select_obsid

__all__ = ["CurveResult", "RateBins", "StatisticsParameters", "bin_rates", "build_curves", "rates_of_sums"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Significance of a bin without background events.
NO_BACKGROUND_SIGNIFICANCE = 1000.0
#: The official service does not follow the Bayesian significance beyond this
#: (published bins: 4.930 is quoted, 5.004 is not) and quotes (C - B) / sigma_B.
MAX_BAYESIAN_SIGNIFICANCE = 5.0


@dataclass(frozen=True)
class StatisticsParameters:
    """How counts become rates or limits.

    Parameters
    ----------
    significance : float
        A bin less significant than this (sigma) becomes an upper limit.
    bayes_counts : int
        Bins with fewer counts have Bayesian errors.
    bayes_snr : float
        So have bins with a smaller signal-to-noise ratio.
    allow_bayes : bool
        Whether to have Bayesian bins at all; otherwise errors are Gaussian.
    allow_limits : bool
        Whether to have upper limits; otherwise all bins are rates.
    confidence : float
        Probability inside the errors of Bayesian bins.
    limit_confidence : float
        Confidence of upper limits.

    Raises
    ------
    RequestError
        If a value makes no sense.
    """

    significance: float = 3.0
    bayes_counts: int = 15
    bayes_snr: float = 2.4
    allow_bayes: bool = True
    allow_limits: bool = True
    confidence: float = 0.683
    limit_confidence: float = 0.9973

    def __post_init__(self) -> None:
        problems = [
            (name, f"must not be negative; got {getattr(self, name)!r}")
            for name in ("significance", "bayes_counts", "bayes_snr")
            if not getattr(self, name) >= 0
        ]
        problems += [
            (name, f"must be between 0 and 1; got {getattr(self, name)!r}")
            for name in ("confidence", "limit_confidence")
            if not 0 < getattr(self, name) < 1
        ]
        if problems:
            raise RequestError(problems, "statistics of a light curve")


def bin_rates(
    data: ExtractedEvents,
    start_s: Floats,
    stop_s: Floats,
    *,
    channels: tuple[int, int] = (30, 1000),
    statistics: StatisticsParameters | None = None,
    centred: bool = False,
) -> RateBins:
    """Turn the counts of bins into rates and upper limits.

    With C counts, background B and its error in the source region, correction
    factor F and good time E, the rate is (C - B) F / E and its error
    sqrt(C + sigma_B^2) F / E. Where C or the ratio of the two is small, the
    errors come from the posterior of Kraft, Burrows & Nousek (1991), and the
    bin is a limit unless the source is significant.

    Parameters
    ----------
    data : ExtractedEvents
        Events and good time of one mode.
    start_s, stop_s : ndarray, shape (n,)
        Edges of the bins in MET seconds.
    channels : tuple of int, optional
        First and last PI channel of the band, both inside.
    statistics : StatisticsParameters, optional
        How counts become rates or limits.
    centred : bool, optional
        Whether to quote bins at their centre; by default at the mean arrival
        time of their source events (in the middle of good time if there are none).

    Returns
    -------
    bins : RateBins

    Raises
    ------
    RequestError
        If a bin has no good time.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftxrt.engine.inputs import ExtractedEvents
    >>> from swiftxrt.engine.lightcurve import bin_rates
    >>> time, none = np.arange(1.25, 100.0, 2.5), np.empty(0)
    >>> data = ExtractedEvents(
    ...     mode="PC", frame_s=2.5, source_time_s=time, source_pi=np.full(40, 100),
    ...     background_time_s=none, background_pi=none, background_ratio=none,
    ...     gti_start_s=np.array([0.0]), gti_stop_s=np.array([100.0]), gti_snapshot=np.array([0]),
    ...     gti_obsid=np.array(["00012345001"]), gti_ratio=np.array([0.03]),
    ...     correction_time_s=np.array([0.0]), correction_factor=np.array([1.5]),
    ... )
    >>> bins = bin_rates(data, np.array([0.0, 50.0]), np.array([50.0, 100.0]))
    >>> print(bins.counts, bins.rate)
    [20 20] [0.6 0.6]
    """
    statistics = statistics or StatisticsParameters()
    start_s, stop_s = np.asarray(start_s, dtype=float), np.asarray(stop_s, dtype=float)
    band = select_band(data, channels)
    sums = band.before(stop_s).since(band.before(start_s))
    exposure = GoodTime(data.gti_start_s, data.gti_stop_s).between(start_s, stop_s)
    if not (exposure > 0).all():
        raise RequestError(f"{np.sum(~(exposure > 0))} bins have no good time; leave them out", "light curve")
    factor = _correction_factor(data, sums, start_s, stop_s)
    below, above = _systematics(data, channels, factor, start_s, stop_s)
    met_s = (start_s + stop_s) / 2 if centred else _mean_times(data, band, start_s, stop_s)
    first = np.minimum(np.searchsorted(data.gti_stop_s, start_s, side="right"), len(data.gti_stop_s) - 1)
    return RateBins(
        start_s=start_s,
        stop_s=stop_s,
        met_s=met_s,
        time_err_neg=met_s - start_s,
        time_err_pos=stop_s - met_s,
        **rates_of_sums(sums, factor / exposure, statistics),
        counts=sums.counts,
        background_counts=sums.background,
        exposure=exposure,
        fractional_exposure=exposure / (stop_s - start_s),
        background_rate=sums.background / exposure,
        background_rate_err=sums.background_error / exposure,
        correction_factor=factor,
        obsid=data.gti_obsid[first],
        snapshot=data.gti_snapshot[first] + 1,
        quality=np.zeros(len(start_s), dtype=np.int64),
        systematic_neg=below,
        systematic_pos=above,
    )


def build_curves(
    data: ExtractedEvents,
    binning: BinningParameters,
    statistics: StatisticsParameters | None = None,
    *,
    total: tuple[int, int] = (30, 1000),
    soft: tuple[int, int] = (30, 150),
    hard: tuple[int, int] = (150, 1000),
) -> CurveResult:
    """Make the light curves and the hardness ratio of one mode.

    Soft and hard band share their bins. With the method counts these have to
    be full in both bands; with fixed times they may have a length of their
    own; otherwise they are the bins of the total band.

    Parameters
    ----------
    data : ExtractedEvents
        Events and good time of one mode.
    binning : BinningParameters
        How events are put into bins.
    statistics : StatisticsParameters, optional
        How counts become rates or limits, in the total band.
    total, soft, hard : tuple of int, optional
        First and last PI channel of each band, both inside.

    Returns
    -------
    curves : CurveResult

    Raises
    ------
    NoDataError
        If there is no good time.
    """
    bins = make_bins(data, binning, bands=[total])
    colour_bins = _colour_bins(data, binning, bins, [soft, hard])
    gaussian = replace(statistics or StatisticsParameters(), allow_bayes=False, allow_limits=False)
    rates = _rates_of(data, bins, total, statistics)
    soft_rates = _rates_of(data, colour_bins, soft, gaussian)
    hard_rates = _rates_of(data, colour_bins, hard, gaussian)
    if not colour_bins.centred:
        # One time for both bands: the mean over the events of both.
        counts = soft_rates.counts + hard_rates.counts
        both_s = soft_rates.counts * soft_rates.met_s + hard_rates.counts * hard_rates.met_s
        met_s = np.where(counts > 0, both_s / np.maximum(counts, 1), soft_rates.met_s)
        soft_rates, hard_rates = soft_rates.at(met_s), hard_rates.at(met_s)
    return CurveResult(rates, soft_rates, hard_rates, hardness_ratio(soft_rates, hard_rates).defined())


def _colour_bins(data: ExtractedEvents, binning: BinningParameters, bins: Bins, bands: list[tuple[int, int]]) -> Bins:
    if binning.method == "counts":
        return make_bins(data, binning, bands=bands)
    if binning.method == "time" and binning.hardness_width_s is not None:
        return make_bins(data, replace(binning, width_s=binning.hardness_width_s))
    return bins


def _rates_of(
    data: ExtractedEvents, bins: Bins, channels: tuple[int, int], statistics: StatisticsParameters | None
) -> RateBins:
    make = partial(bin_rates, channels=channels, statistics=statistics, centred=bins.centred)
    if bins.obsid is None or np.all(bins.start_s[1:] >= bins.stop_s[:-1]):
        return make(data, bins.start_s, bins.stop_s)
    # Observations that overlap in time do not share their events.
    parts = [
        make(select_obsid(data, obsid), bins.start_s[k : k + 1], bins.stop_s[k : k + 1])
        for k, obsid in enumerate(bins.obsid)
    ]
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(RateBins)}
    return RateBins(**{name: np.concatenate(values) for name, values in columns.items()})


def rates_of_sums(sums: Sums, scale: Floats, statistics: StatisticsParameters) -> dict[str, NDArray]:
    """Rates or limits with their errors and significances; `scale` is correction factor over good time."""
    rate, error = sums.net * scale, sums.net_error * scale
    columns: dict[str, NDArray] = {
        "rate": rate,
        "rate_err_neg": error.copy(),
        "rate_err_pos": error,
        "significance": _background_significance(sums),
        "snr": np.divide(sums.net, sums.net_error, out=np.zeros_like(rate), where=sums.net_error > 0),
        "is_upper_limit": np.zeros(len(rate), dtype=bool),
    }
    sigma = columns["significance"].copy()
    if statistics.allow_bayes:
        bayes = (sums.counts < statistics.bayes_counts) | (columns["snr"] < statistics.bayes_snr)
        sigma[bayes] = _make_bayesian(columns, bayes, sums, scale, statistics.confidence)
    if statistics.allow_limits:
        _make_limits(columns, sigma < statistics.significance, sums, scale, statistics.limit_confidence)
    return columns


def _background_significance(sums: Sums) -> Floats:
    """Net counts over the error of the background; 0 for no counts, 1000 for no background."""
    error = sums.background_error
    without = np.where(sums.counts > 0, NO_BACKGROUND_SIGNIFICANCE, 0.0)
    return np.divide(sums.net, error, out=without, where=error > 0)


def _make_bayesian(columns: dict[str, NDArray], which: Flags, sums: Sums, scale: Floats, confidence: float) -> Floats:
    """Give some bins the most probable rate and the errors of the posterior; returns their significance."""
    counts, background, scale = sums.counts[which], sums.background[which], scale[which]
    mode = kbn_mode(counts, background)
    lower, upper = kbn_interval(counts, background, confidence)
    columns["rate"][which] = mode * scale
    columns["rate_err_neg"][which] = (mode - lower) * scale
    columns["rate_err_pos"][which] = (upper - mode) * scale
    columns["snr"][which] = np.divide(mode, mode - lower, out=np.zeros_like(mode), where=mode > lower)
    sigma = kbn_significance(counts, background)
    quoted = sigma <= MAX_BAYESIAN_SIGNIFICANCE
    columns["significance"][np.flatnonzero(which)[quoted]] = sigma[quoted]
    return sigma


def _make_limits(columns: dict[str, NDArray], which: Flags, sums: Sums, scale: Floats, confidence: float) -> None:
    limit = kbn_upper_limit(sums.counts[which], sums.background[which], confidence)
    columns["rate"][which] = limit * scale[which]
    columns["rate_err_neg"][which] = columns["rate_err_pos"][which] = np.nan
    columns["snr"][which] = np.inf
    columns["is_upper_limit"][which] = True


def _correction_factor(data: ExtractedEvents, sums: Sums, start_s: Floats, stop_s: Floats) -> Floats:
    """Mean correction factor over the events; where there are none, over the time of the bin.

    For bins without events the official light curves average over all time,
    good or not, with the last factor before a gap in force until its end.
    """
    factor = sums.factors / np.maximum(sums.counts, 1)
    empty = sums.counts == 0
    if not empty.any():
        return factor
    if not len(data.correction_factor):
        return np.where(empty, 1.0, factor)
    start_s, stop_s = start_s[empty], stop_s[empty]
    step_s, value = data.correction_time_s, data.correction_factor
    # Integral of the step function from its first step on, which holds before it, too.
    integral = np.append(0.0, np.cumsum(np.diff(step_s) * value[:-1]))

    def before(time_s: Floats) -> Floats:
        row = np.maximum(np.searchsorted(step_s, time_s, side="right") - 1, 0)
        return integral[row] + (time_s - step_s[row]) * value[row]

    factor[empty] = (before(stop_s) - before(start_s)) / (stop_s - start_s)
    return factor


def _systematics(
    data: ExtractedEvents, channels: tuple[int, int], factor: Floats, start_s: Floats, stop_s: Floats
) -> tuple[Floats, Floats]:
    """How far below and above its value the correction factor may lie, as a part of it, because of the position."""
    ratios = np.ones((1, len(factor)))
    for shifted in () if data.correction_shifted is None else data.correction_shifted:
        other = replace(data, correction_factor=shifted)
        band = select_band(other, channels)
        sums = band.before(stop_s).since(band.before(start_s))
        ratios = np.vstack([ratios, _correction_factor(other, sums, start_s, stop_s) / factor])
    return 1.0 - ratios.min(axis=0), ratios.max(axis=0) - 1.0


def _mean_times(data: ExtractedEvents, band: BandEvents, start_s: Floats, stop_s: Floats) -> Floats:
    """Mean arrival time of the source events in each bin; the middle of good time where there are none."""
    first, last = np.searchsorted(band.source_time_s, start_s), np.searchsorted(band.source_time_s, stop_s)
    # Sums of times since the first good time are exact enough; they need an element after the last bin.
    zero_s = data.gti_start_s[0]
    elapsed_s = np.append(band.source_time_s - zero_s, 0.0)
    sums = np.add.reduceat(elapsed_s, np.column_stack([first, last]).ravel())[::2]
    mean_s = zero_s + sums / np.maximum(last - first, 1)
    for k in np.flatnonzero(last == first):
        low_s = np.clip(data.gti_start_s, start_s[k], stop_s[k])
        high_s = np.clip(data.gti_stop_s, start_s[k], stop_s[k])
        mean_s[k] = np.average((low_s + high_s) / 2, weights=high_s - low_s)
    return mean_s
