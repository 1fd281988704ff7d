"""From counts to upper limits and rates, and the limits of several data sets together.

With N counts in a circle, B of them expected from the background, the
correction factor F for the part of the point spread function that the circle
does not see, and the exposure T, the limit is ``F / T`` times the upper end of
the interval of Kraft, Burrows & Nousek (1991); see `swiftxrt.engine.counts`.
Data sets are merged by their sums: ``N = sum N_i``, ``B = sum B_i``, ``T = sum
T_i`` and ``F = sum F_i T_i / T``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ..products.limits import (
    DETECTION,
    LIMIT,
    NOT_OBSERVED,
    SOURCE_NEARBY,
    UNANSWERED,
    band_names,
    check_limits,
    known_values,
    limit_table,
    summed_rows,
)
from .counts import kbn_interval, kbn_mode

__all__ = [
    "DEFAULT_CONFIDENCE",
    "RATE_CONFIDENCE",
    "check_probability",
    "limit_columns",
    "merge_upper_limits",
    "outcomes",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Three sigma, as the service has it.
DEFAULT_CONFIDENCE = 0.9973
#: Of the errors of rates.
RATE_CONFIDENCE = 0.683

# Sums of whole numbers may miss them by rounding.
_ROUNDING = 1e-6
# Positions farther apart than this (arcsec) are not the same.
_SAME_ARCSEC = 1.0
_MOST_NAMED = 5


def merge_upper_limits(
    table: QTable,
    *,
    confidence: float = DEFAULT_CONFIDENCE,
    detection_threshold: float | None = None,
    group_by: str | Sequence[Any] | NDArray[Any] | None = None,
    bands: str | Sequence[str] = "all",
) -> QTable:
    """Upper limits, or rates, of several observations together.

    Counts, background and exposures are added up, correction factors averaged
    over the exposure; limits and rates are worked out anew from the sums,
    whatever the confidence of those in the table.

    Rows that are sums themselves (stacks and merged rows) are left out of
    groups that hold observations, whose events would count twice; a group of
    one such row gives the same data back. Rows that were not observed, and
    those in which an exposure is masked or NaN, count for nothing; a row in
    which the counts, the background or the correction factor of a band is
    masked or NaN counts for nothing in that band, with its exposure.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As ``SwiftXRT.get_upper_limits`` gives; needed are the columns
        ``source_exposure`` and ``image_exposure`` and, for each band,
        ``total_counts``, ``total_background_counts`` and
        ``total_correction_factor``.
    confidence : float, optional
        Probability of the limits, between 0 and 1: 0.9973, three sigma, as in
        the limits of the service. The reference client rounds to 0.997, for
        which limits are 1 to 2 per cent lower.
    detection_threshold : float, optional
        A source is detected if the interval of this probability does not
        reach down to zero; by default `confidence`.
    group_by : str or array, optional
        A column, or a label for each row: rows of one value are merged. By
        default ``position_number`` if there is such a column, else all rows
        are one group.
    bands : str or sequence of str, optional
        ``"all"`` for those that are complete in the table, or names of bands
        that must be there.

    Returns
    -------
    merged : `~astropy.table.QTable`
        One row for each group, in the order in which they appear; labels
        that were given are in the column ``group``. Where
        nothing was observed exposures and counts are zero, limits NaN. Rates
        are NaN where nothing was detected.

    Raises
    ------
    RequestError
        If columns or bands are missing, numbers are negative, a probability is
        not between 0 and 1, or a group holds several stacks and nothing else,
        so that nobody knows which observations they share.

    Examples
    --------
    >>> from swiftxrt import merge_upper_limits
    >>> from swiftxrt.products.limits import limit_table
    >>> table = limit_table({
    ...     "source_exposure": [135.2, 1302.7], "image_exposure": [190.6, 1313.8], "total_counts": [1, 3],
    ...     "total_background_counts": [0.055, 0.534], "total_correction_factor": [1.703, 1.218]})
    >>> merged = merge_upper_limits(table)
    >>> print(f"{merged['total_upper_limit'][0]:.3f}")
    0.011 ct / s
    """
    confidence = check_probability("confidence", confidence)
    threshold = confidence if detection_threshold is None else detection_threshold
    threshold = check_probability("detection_threshold", threshold)
    wanted = band_names(bands)
    anything = isinstance(bands, str) and bands.strip().lower() == "all"
    every = check_limits(table, () if anything else wanted)
    wanted = tuple(band for band in wanted if band in every)
    if not wanted:
        columns = "<band>_counts, <band>_background_counts and <band>_correction_factor"
        raise RequestError([("bands", f"no band of the table has all of {columns}")], "merging upper limits")
    names, group, first = _groups(table, group_by)
    image_s, image_known = known_values(table, "image_exposure")
    source_s, source_known = known_values(table, "source_exposure")
    _check_positive(table, ("source_exposure", "image_exposure"))
    used = _without_sums(table, group, image_known & source_known & (image_s > 0))
    columns = _general(table, group, first, used) | names
    for name, values in (("source_exposure", source_s), ("image_exposure", image_s)):
        columns[name] = np.bincount(group[used], values[used], minlength=first.size)
    found = {}
    for band in wanted:
        sums = _band_sums(table, band, group, first.size, used, image_s)
        found[band] = limit_columns(*sums, confidence, threshold, rates=True)
        columns |= {f"{band}_{name}": values for name, values in found[band].items()}
    detected = np.any([part["is_detected"] for part in found.values()], axis=0)
    columns["outcome"] = _outcomes(table, first, columns, detected)
    columns["confidence"] = np.full(first.size, confidence)
    return limit_table(columns, meta={**table.meta, "detection_threshold": threshold})


def limit_columns(
    counts: Floats,
    background: Floats,
    factor: Floats,
    exposure_s: Floats,
    confidence: float,
    threshold: float,
    *,
    rates: bool,
) -> dict[str, NDArray[Any]]:
    """Columns of one band of a table of upper limits, without the name of the band.

    Parameters
    ----------
    counts, background : ndarray
        Counts in the circle, and those expected from the background.
    factor : ndarray
        Correction factor.
    exposure_s : ndarray
        Exposure in seconds; limits are NaN where it is zero.
    confidence, threshold : float
        Of limits, and of detections.
    rates : bool
        Whether detections are given as rates.

    Returns
    -------
    columns : dict of str to ndarray
    """
    seen = (exposure_s > 0) & np.isfinite(factor)
    # What was not seen gets some numbers, and NaN afterwards.
    n, b = (np.where(seen, values, 0.0) for values in (counts, background))
    scale = np.divide(factor, exposure_s, out=np.full(n.shape, np.nan), where=seen)
    columns: dict[str, NDArray[Any]] = {"upper_limit": kbn_interval(n, b, confidence)[1] * scale}
    if rates:
        detected = seen & (kbn_interval(n, b, threshold)[0] > 0)
        mode, (lower, upper) = kbn_mode(n, b), kbn_interval(n, b, RATE_CONFIDENCE)
        parts = {"rate": mode, "rate_err_neg": mode - lower, "rate_err_pos": upper - mode}
        columns |= {name: np.where(detected, values * scale, np.nan) for name, values in parts.items()}
        columns["is_detected"] = detected
    return columns | {"counts": counts, "background_counts": background, "correction_factor": factor}


def outcomes(observed: Flags, detected: Flags) -> NDArray[np.str_]:
    """What came out, in words."""
    return np.where(observed, np.where(detected, DETECTION, LIMIT), NOT_OBSERVED)


def _outcomes(table: Table, first: Integers, columns: dict[str, Any], detected: Flags) -> NDArray[np.str_]:
    """The same, for groups of rows that a service may have had something to say about."""
    observed = columns["image_exposure"] > 0
    found = outcomes(observed, detected).astype(object)
    if "catalog_source" in columns:
        found[(columns["catalog_source"] != "") & ~detected] = SOURCE_NEARBY
    if "outcome" in table.colnames:
        before = np.asarray(table["outcome"])[first]
        unanswered = np.isin(before, UNANSWERED) & ~observed
        found[unanswered] = before[unanswered]
    return found.astype(str)


def check_probability(name: str, value: Any) -> float:
    """A probability between 0 and 1.

    Raises
    ------
    RequestError
        If it is not; per cent are recognised.
    """
    number = float(value) if isinstance(value, int | float | np.number) and not isinstance(value, bool) else np.nan
    if not 0.0 < number < 1.0:
        hint = f"; for per cent write {number / 100:.10g}" if 1.0 < number < 100.0 else ""
        text = f"must be a probability between 0 and 1, as in 0.9973; got {value!r:.60}{hint}"
        raise RequestError([(name, text)], "upper limits")
    return number


def _groups(table: Table, group_by: Any) -> tuple[dict[str, Any], Integers, Integers]:
    """Columns with the labels of the groups, the group of each row, and the first row of each group."""
    together = group_by is None and "position_number" not in table.colnames
    if group_by is None:
        group_by = np.zeros(len(table), dtype=int) if together else "position_number"
    name = group_by if isinstance(group_by, str) else ""
    if name and name not in table.colnames:
        raise RequestError([("group_by", f"there is no column {name!r}{nearest(name, table.colnames)}")])
    labels = np.asarray(table[name] if name else group_by)
    if labels.shape != (len(table),):
        raise RequestError(
            [("group_by", f"one label is needed for each of the {len(table)} rows; got the shape {labels.shape}")]
        )
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    # Groups come in the order of the table, not of their labels.
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    first = first[order]
    columns = {} if together else {name: table[name][first]} if name else {"group": labels[first]}
    return columns, rank[group.reshape(labels.shape)], first


def _without_sums(table: Table, group: Integers, used: Flags) -> Flags:
    """The rows that may be added up: a stack holds the events of its observations already."""
    sums = summed_rows(table) & used
    size = int(group.max(initial=-1)) + 1
    single = np.bincount(group[used & ~sums], minlength=size)
    stacks = np.bincount(group[sums], minlength=size)
    bad = np.flatnonzero((single == 0) & (stacks > 1))
    if bad.size:
        rows = np.flatnonzero(sums & (group == bad[0]))[:_MOST_NAMED].tolist()
        text = f"several stacks and no observations (rows {rows}, among others): they may share events, so that"
        raise RequestError([("table", f"{text} they cannot be added up; take data='observations', or one stack")])
    return used & ~(sums & (single[group] > 0))


def _general(table: Table, group: Integers, first: Integers, used: Flags) -> dict[str, Any]:
    """Columns that say what the rows are."""
    columns: dict[str, Any] = {"dataset": np.full(first.size, "merged"), "obsid": np.full(first.size, "")}
    columns["n_observations"] = _observations(table, group, first.size, used)
    if "position" in table.colnames and isinstance(table["position"], SkyCoord):
        place = table["position"]
        # Names that nobody knows have no position, and are not far from anything.
        if not np.any(place.separation(place[first][group]).arcsec >= _SAME_ARCSEC):
            columns["position"] = place[first]
            for name in ("position_number", "nearest_source", "catalog_source", "message"):
                # Distances are of one data set, unless they are those of a catalogue.
                if name in table.colnames and (name == "position_number" or "catalog_source" in table.colnames):
                    columns[name] = table[name][first]
    for name, last in (("start", False), ("stop", True)):
        if name in table.colnames and isinstance(table[name], Time):
            columns[name] = _outermost(table[name], group, first, used, last)
    return columns


def _observations(table: Table, group: Integers, size: int, used: Flags) -> Any:
    """How many observations are in each group; masked where that is not known."""
    if "n_observations" not in table.colnames:
        return np.bincount(group[used], minlength=size)
    number = np.ma.filled(np.ma.asarray(table["n_observations"]), 0)
    unknown = used & np.broadcast_to(np.ma.getmaskarray(np.ma.asarray(table["n_observations"])), used.shape)
    total = np.bincount(group[used], number[used], minlength=size).astype(int)
    return np.ma.MaskedArray(total, np.isin(np.arange(size), group[unknown])) if unknown.any() else total


def _outermost(times: Time, group: Integers, first: Integers, used: Flags, last: bool) -> Time:
    """The first, or the last, of the times of each group; masked where nothing was used."""
    usable = used & ~np.broadcast_to(np.asarray(times.mask), times.shape)
    moment = np.where(usable, np.asarray(times.unmasked.mjd if times.masked else times.mjd), np.nan)
    order = np.lexsort((-moment if last else moment, group))  # NaN come last
    _, place = np.unique(group[order], return_index=True)
    chosen = times[order[place]].copy()
    nothing = ~usable[order[place]]
    if nothing.any():
        chosen[nothing] = np.ma.masked
    return chosen


def _band_sums(
    table: Table, band: str, group: Integers, size: int, used: Flags, image_s: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts, background, correction factor and exposure of each group."""
    names = [f"{band}_{name}" for name in ("counts", "background_counts", "correction_factor")]
    _check_positive(table, names)
    (n, n_known), (b, b_known), (factor, factor_known) = (known_values(table, name) for name in names)
    rows = used & n_known & b_known & factor_known

    def total(values: Floats) -> Floats:
        return np.bincount(group[rows], values[rows], minlength=size)

    exposure_s = total(image_s)
    weighted = np.divide(total(factor * image_s), exposure_s, out=np.full(size, np.nan), where=exposure_s > 0)
    # Counts are whole numbers; a sum that is not is cut off, as by the reference client.
    return np.floor(total(n) + _ROUNDING), total(b), weighted, exposure_s


def _check_positive(table: Table, names: Sequence[str]) -> None:
    for name in names:
        rows = np.flatnonzero(known_values(table, name)[0] < 0)
        if rows.size:
            shown = f"rows {rows[:_MOST_NAMED].tolist()}{' and more' if rows.size > _MOST_NAMED else ''}"
            raise RequestError([(name, f"must not be negative; it is in {shown}")], "merging upper limits")
