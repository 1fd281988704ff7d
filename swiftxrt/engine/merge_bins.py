"""Bins of a light curve put together afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import vstack
from numpy.typing import NDArray

from ..exceptions import RequestError
from .lightcurve import StatisticsParameters, rates_of_sums
from .selection import Sums

if TYPE_CHECKING:
    from ..products.lightcurve import LightCurve

__all__ = ["merged"]

#: Bins that overlap by less are adjacent: their times are rounded to the microsecond.
_ADJACENT_S = 1e-5
_NEEDED = ("counts", "background_counts", "background_rate_err", "correction_factor", "exposure")


def merged(curve: LightCurve, rows: Any, statistics: StatisticsParameters | None = None) -> LightCurve:
    """A light curve in which some bins have become one.

    Parameters
    ----------
    curve : LightCurve
        The curve.
    rows : slice, sequence of int or of bool
        Which of its bins to merge.
    statistics : StatisticsParameters, optional
        How counts become a rate or a limit.

    Raises
    ------
    RequestError
        If there are fewer than two bins, they are of different modes, others
        of this mode lie between them, or their counts are not known.
    """
    chosen = np.zeros(len(curve), dtype=bool)
    try:
        chosen[rows] = True
    except (IndexError, TypeError, ValueError) as error:
        raise RequestError([("rows", f"must say which of the {len(curve)} bins; got {rows!r} ({error})")]) from error
    part = curve[chosen]
    _check(part)
    _check_between(curve, chosen)
    statistics = statistics or StatisticsParameters(limit_confidence=float(curve.confidence))
    one = type(curve).from_columns(
        _columns(part, statistics),
        t0_met=curve.t0_met,
        band=curve.band,
        binning=curve.binning,
        confidence=statistics.limit_confidence,
        barycentred=curve.barycentred,
        provenance=curve.provenance,
    )
    rest = curve[~chosen]
    if not len(rest):
        return one
    result = vstack([rest, one], metadata_conflicts="silent")
    result.sort("met")
    return result


def _check(part: LightCurve) -> None:
    problems = []
    if len(part) < 2:
        problems.append(("rows", f"at least two bins are needed; got {len(part)}"))
    if len(set(part["mode"])) > 1:
        problems.append(("rows", "bins of PC and WT mode cannot be merged; choose those of one mode"))
    unknown = [name for name in _NEEDED if not np.isfinite(_plain(part, name)).all()]
    if unknown:
        problems.append(("rows", f"some of these bins have no {', '.join(unknown)}; merging needs them"))
    if problems:
        raise RequestError(problems, "merging of bins")


def _check_between(curve: LightCurve, chosen: NDArray[np.bool_]) -> None:
    """Refuse a bin that would lie over others; bins of overlapping observations may do so already."""
    met_s = _plain(curve, "met")
    start_s, stop_s = met_s - _plain(curve, "time_err_neg"), met_s + _plain(curve, "time_err_pos")
    same_mode = np.asarray(curve["mode"]) == curve["mode"][np.flatnonzero(chosen)[0]]

    def overlapped(low_s: float, high_s: float) -> NDArray[np.bool_]:
        return (start_s < high_s - _ADJACENT_S) & (stop_s > low_s + _ADJACENT_S)

    before = [overlapped(*ends) for ends in zip(start_s[chosen], stop_s[chosen], strict=True)]
    between = overlapped(start_s[chosen].min(), stop_s[chosen].max()) & ~np.any(before, axis=0) & ~chosen & same_mode
    rows = np.flatnonzero(between).tolist()
    if rows:
        listed = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise RequestError(
            [
                (
                    "rows",
                    f"the merged bin would lie over {len(rows)} other{'s' * (len(rows) > 1)} of this mode (row {listed}); "
                    f"merge adjacent bins, choose these too, or take them out of the curve first",
                )
            ],
            "merging of bins",
        )


def _plain(part: LightCurve, name: str) -> NDArray[np.float64]:
    return np.asarray(getattr(part[name], "value", part[name]), dtype=float)


def _columns(part: LightCurve, statistics: StatisticsParameters) -> dict[str, Any]:
    counts, background, exposure = (_plain(part, name) for name in ("counts", "background_counts", "exposure"))
    factor, total_s = _plain(part, "correction_factor"), exposure.sum()
    background_error = np.sqrt(np.sum((_plain(part, "background_rate_err") * exposure) ** 2))
    # So many background events have the relative error of the sum.
    events = (background.sum() / background_error) ** 2 if background_error > 0 else 0.0
    # Without events in the source region time is the weight.
    mean_factor = np.average(factor, weights=counts if counts.sum() > 0 else exposure)
    sums = Sums(*(np.array([value]) for value in (counts.sum(), events, background.sum(), counts @ factor)))
    rates = rates_of_sums(sums, np.array([mean_factor / total_s]), statistics)
    met_s = _plain(part, "met")
    middle = float(np.average(met_s, weights=counts)) if counts.sum() > 0 else float(met_s.mean())
    start, stop = np.min(met_s - _plain(part, "time_err_neg")), np.max(met_s + _plain(part, "time_err_pos"))
    return {
        "met_s": middle,
        "time_err_neg": middle - start,
        "time_err_pos": stop - middle,
        **rates,
        "mode": str(part["mode"][0]),
        "obsid": str(part["obsid"][0]),
        "snapshot": int(part["snapshot"][0]),
        "counts": counts.sum(),
        "background_counts": background.sum(),
        "exposure": total_s,
        "fractional_exposure": total_s / (stop - start),
        "background_rate": background.sum() / total_s,
        "background_rate_err": background_error / total_s,
        "correction_factor": mean_factor,
        "quality": int(np.bitwise_or.reduce(np.asarray(part["quality"], dtype=np.int64))),
    }
