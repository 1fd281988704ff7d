"""Merged upper limits against independent numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, vstack
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt import merge_upper_limits
from swiftxrt.engine.counts import kbn_interval, kbn_mode
from swiftxrt.engine.merge_limits import limit_columns
from swiftxrt.exceptions import RequestError
from swiftxrt.products.limits import limit_table

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_upper_limits.json").read_text(encoding="utf-8"))
NAMES = {"Counts": "counts", "BGCounts": "background_counts", "CorrectionFactor": "correction_factor"}
RESULTS = {**NAMES, "UpperLimit": "upper_limit", "Rate": "rate", "RatePos": "rate_err_pos", "IsDetected": "is_detected"}
EXPOSURES = {"SourceExposure": "source_exposure", "ImageExposure": "image_exposure", "ObsID": "obsid"}


def table_of(case: dict[str, Any]) -> QTable:
    columns = {}
    for name, values in zip(case["columns"], np.transpose(np.array(case["rows"], dtype=object)), strict=True):
        band, _, rest = name.partition("_")
        ours = EXPOSURES.get(name) or f"{band.lower()}_{NAMES[rest]}"
        columns[ours] = values.astype(str if name == "ObsID" else float)
    return limit_table(columns)


def made(**changes: Any) -> QTable:
    """Three observations of one position, and one of another."""
    columns = {
        "position_number": [0, 0, 0, 1],
        "dataset": ["observation"] * 4,
        "source_exposure": [900.0, 500.0, 2000.0, 100.0],
        "image_exposure": [1000.0, 600.0, 2500.0, 120.0],
        "total_counts": [2.0, 1.0, 4.0, 0.0],
        "total_background_counts": [0.4, 0.2, 1.1, 0.1],
        "total_correction_factor": [1.2, 1.5, 1.3, 1.4],
    }
    return limit_table(columns | changes)


def test_intervals_worked_out_elsewhere() -> None:
    n, b, confidence, lower, upper, mode = np.array(GOLDEN["intervals"]).T
    found = kbn_interval(n, b, confidence)
    np.testing.assert_allclose(found[0], lower, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[1], upper, rtol=1e-9)
    np.testing.assert_allclose(kbn_mode(n, b), mode, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", [c for c in GOLDEN["merges"] if c["rows"]], ids=lambda case: case["name"])
def test_merges_worked_out_elsewhere(case: dict[str, Any]) -> None:
    options = case["options"]
    table = table_of(case)
    if case["name"] == "doc_table_default":  # a stack with its own observations: only the sums are tested
        table.remove_column("obsid")
    probabilities = {
        ours: options[theirs] / (100 if options[theirs] > 1 else 1)
        for ours, theirs in (("confidence", "conf"), ("detection_threshold", "detThresh"))
        if theirs in options
    }
    merged = merge_upper_limits(table, bands=options.get("bands", "all"), **({"confidence": 0.997} | probabilities))
    assert len(merged) == 1
    for band, exact in case["exact"].items():
        for name, value in exact.items():
            column, sign = ("rate_err_neg", -1) if name == "RateNeg" else (RESULTS[name], 1)
            found = u.Quantity(merged[f"{band.lower()}_{column}"][0]).value
            assert found == pytest.approx(sign * value, rel=1e-6)
    others = {"total", "soft", "medium", "hard"} - {band.lower() for band in case["exact"]}
    assert not [name for name in merged.colnames if name.partition("_")[0] in others]


def test_published_rows_of_the_server() -> None:
    """Limits and one rate of the swifttools documentation: exposure, counts, background, factor, limit."""
    rows = np.array(
        [
            (190.5548, 1, 0.054678, 1.703401, 0.072142),
            (1313.8252, 3, 0.533764, 1.218156, 0.010449),
            (3913.8953, 13, 13.770363, 1.348728, 0.004883),
            (3151.6761, 5, 0.830020, 1.276016, 0.005775),
            (55395.777, 17, 22.100154, 1.326975, 0.000321),
            (36730.54, 575, 579.319382, 1.422133, 0.002796),
        ]
    )
    exposure, n, b, factor, limit = rows.T
    found = limit_columns(n, b, factor, exposure, 0.9973, 0.9973, rates=True)
    # The last but one is printed with three digits.
    np.testing.assert_allclose(found["upper_limit"], limit, rtol=5e-3)
    np.testing.assert_array_equal(found["is_detected"], [False, False, False, True, False, False])
    rate = [found[name][3] for name in ("rate", "rate_err_pos", "rate_err_neg")]
    np.testing.assert_allclose(rate, [0.001688, 0.001065, 0.000786], atol=1.01e-6)
    assert np.isnan(found["rate"][[0, 1, 2, 4, 5]]).all()


def test_groups_are_merged_at_once_and_keep_their_order() -> None:
    table = made(position_number=[7, 7, 7, 3])
    merged = merge_upper_limits(table)
    assert merged["position_number"].tolist() == [7, 3]
    for number in (7, 3):
        alone = merge_upper_limits(table[table["position_number"] == number])
        row = merged[merged["position_number"] == number]
        for name in merged.colnames:
            np.testing.assert_array_equal(row[name], alone[name])
    assert merged["n_observations"].tolist() == [3, 1]
    assert merged["dataset"].tolist() == ["merged", "merged"]
    assert merged["outcome"].tolist() == ["detection", "limit"]
    # Everything together, by a column of one's own, and by labels.
    assert merge_upper_limits(table, group_by=np.zeros(4))["total_counts"].value.tolist() == [7]
    table["year"] = ["2011", "2010", "2011", "2010"]
    assert merge_upper_limits(table, group_by="year")["year"].tolist() == ["2011", "2010"]
    labels = merge_upper_limits(table, group_by=["b", "a", "b", "a"])
    assert labels["total_counts"].value.tolist() == [6, 1]
    assert labels["group"].tolist() == ["b", "a"]


def test_many_groups() -> None:
    rng = np.random.default_rng(1)
    rows = 20_000
    columns = {
        "position_number": rng.permutation(np.repeat(np.arange(rows // 4), 4)),
        "source_exposure": np.full(rows, 900.0),
        "image_exposure": np.full(rows, 1000.0),
        "total_counts": rng.poisson(1.0, rows),
        "total_background_counts": np.full(rows, 1.0),
        "total_correction_factor": np.full(rows, 1.25),
    }
    merged = merge_upper_limits(limit_table(columns))
    assert len(merged) == rows // 4
    assert merged["total_counts"].sum() == columns["total_counts"].sum() * u.ct
    expected = kbn_interval(merged["total_counts"].value, 4.0, 0.9973)[1] * 1.25 / 4000.0
    np.testing.assert_allclose(merged["total_upper_limit"].value, expected)


def test_stacks_are_never_merged_with_their_observations() -> None:
    kinds = ["stack", "observation", "observation", "observation"]
    merged = merge_upper_limits(made(dataset=kinds))
    assert merged["total_counts"].value.tolist() == [5, 0]
    np.testing.assert_array_equal(merged["image_exposure"].value, [3100.0, 120.0])
    # Those of the service have ObsIDs of their own.
    table = made(obsid=["10000020308", "00831816000", "00831816001", "00831816002"])
    table.remove_column("dataset")
    assert merge_upper_limits(table)["total_counts"].value.tolist() == [5, 0]
    # A stack alone gives its own limit back, as does a merged row.
    alone = merge_upper_limits(made(dataset=kinds)[:1])
    assert alone["total_counts"].value.tolist() == [2]
    again = merge_upper_limits(merged)
    np.testing.assert_array_equal(again["total_upper_limit"], merged["total_upper_limit"])
    with pytest.raises(RequestError, match="several stacks and no observations"):
        merge_upper_limits(made(dataset=["stack", "stack", "stack", "observation"]))


@pytest.mark.parametrize("column", ["image_exposure", "source_exposure"])
@pytest.mark.parametrize("value", ["masked", np.nan, 0.0])
def test_rows_without_exposure_count_for_nothing(column: str, value: Any) -> None:
    table = made()
    if value == "masked":
        table[column] = Masked(table[column], mask=[False, True, False, False])
    else:
        table[column][1] = value * u.s
    if column == "source_exposure" and value == 0.0:  # nothing seen in the circle, but the sums stand
        table["image_exposure"][1] = 0.0 * u.s
    merged, clean = merge_upper_limits(table), merge_upper_limits(made()[[0, 2, 3]])
    for name in merged.colnames:
        np.testing.assert_array_equal(merged[name], clean[name])


def test_a_row_may_lack_a_band() -> None:
    soft = {
        "soft_counts": [1.0, np.nan, 2.0, 0.0],
        "soft_background_counts": [0.1, 0.1, 0.1, 0.1],
        "soft_correction_factor": [1.2, 1.5, 1.3, 1.4],
    }
    merged = merge_upper_limits(made(**soft))
    assert merged["total_counts"][0] == 7 * u.ct
    assert merged["soft_counts"][0] == 3 * u.ct
    # Its exposure does not count in that band either.
    factor = (1.2 * 1000 + 1.3 * 2500) / 3500
    assert merged["soft_correction_factor"][0] == pytest.approx(factor)
    limit = kbn_interval(3.0, 0.2, 0.9973)[1] * factor / 3500
    assert merged["soft_upper_limit"][0].value == pytest.approx(float(limit))


def test_nothing_observed() -> None:
    start = Time(["2020-01-01"] * 4)
    table = made(image_exposure=Masked(np.ones(4) * u.s, mask=[True, True, True, False]), start=start)
    merged = merge_upper_limits(table)
    assert merged["start"].mask.tolist() == [True, False]
    assert merged["outcome"].tolist() == ["not observed", "limit"]
    assert merged["image_exposure"][0] == 0 * u.s
    assert merged["total_counts"][0] == 0 * u.ct
    assert np.isnan(merged["total_upper_limit"][0])
    assert np.isnan(merged["total_correction_factor"][0])
    assert not merged["total_is_detected"][0]
    empty = merge_upper_limits(table[:0])
    assert len(empty) == 0
    assert empty.colnames == [name for name in merged.colnames if name in empty.colnames]
    # Zero background and zero counts are no trouble.
    merged = merge_upper_limits(made(total_background_counts=np.zeros(4), total_counts=np.zeros(4)))
    assert merged["total_upper_limit"][1].value == pytest.approx(-np.log(0.0027) * 1.4 / 120)


def test_places_and_times() -> None:
    place = SkyCoord([10.0, 10.0, 10.0, 20.0], [0.0, 0.0, 0.0, 5.0], unit="deg")
    start = Time(["2020-01-02", "2020-01-01", "2020-01-03", "2021-01-01"])
    merged = merge_upper_limits(made(position=place, start=start, stop=start + 1 * u.h))
    assert merged["position"].ra.deg.tolist() == [10.0, 20.0]
    assert merged["start"].isot.tolist() == ["2020-01-01T00:00:00.000", "2021-01-01T00:00:00.000"]
    assert merged["stop"].isot.tolist() == ["2020-01-03T01:00:00.000", "2021-01-01T01:00:00.000"]
    everything = merge_upper_limits(made(position=place), group_by=np.ones(4))
    assert "position" not in everything.colnames  # there is no one place
    start[1] = np.ma.masked
    start[3] = np.ma.masked
    merged = merge_upper_limits(made(start=start))
    assert merged["start"][0].isot == "2020-01-02T00:00:00.000"
    assert merged["start"].mask.tolist() == [False, True]


def test_confidence_of_detections_and_limits() -> None:
    table = made()[:2]
    both = merge_upper_limits(table, confidence=0.9973, detection_threshold=0.68)
    assert both["total_is_detected"][0]
    assert both["outcome"][0] == "detection"
    assert not merge_upper_limits(table)["total_is_detected"][0]
    # The reference client rounds three sigma to 0.997.
    ratio = merge_upper_limits(table, confidence=0.997)["total_upper_limit"] / both["total_upper_limit"]
    assert 0.97 < ratio[0] < 0.99
    assert both["confidence"].tolist() == [0.9973]
    assert both.meta["detection_threshold"] == 0.68


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 95.0}, "confidence: must be a probability.*write 0.95"),
        ({"confidence": 1}, "between 0 and 1"),
        ({"confidence": np.nan}, "between 0 and 1"),
        ({"confidence": True}, "between 0 and 1"),
        ({"confidence": "0.9"}, "between 0 and 1"),
        ({"detection_threshold": 0.0}, "detection_threshold: must be"),
        ({"bands": "totel"}, "did you mean 'total'"),
        ({"bands": "hard"}, "hard_counts: there is no such column"),
        ({"group_by": "position_numbers"}, "did you mean 'position_number'"),
        ({"group_by": [1, 2]}, "one label is needed for each of the 4 rows"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        merge_upper_limits(made(), **options)


@pytest.mark.parametrize(
    "name", ["total_counts", "total_background_counts", "total_correction_factor", "image_exposure"]
)
def test_negative_numbers(name: str) -> None:
    table = made()
    table[name][2] = -1 * (table[name].unit or 1)
    with pytest.raises(RequestError, match=rf"{name}: must not be negative; it is in rows \[2\]"):
        merge_upper_limits(table)


def test_tables_without_bands() -> None:
    with pytest.raises(RequestError, match="no band of the table"):
        merge_upper_limits(limit_table({"source_exposure": [1.0], "image_exposure": [1.0]}))


def test_tables_that_were_joined() -> None:
    """Tables of two calls: the groups are what the user says."""
    both = vstack([made(), made()], metadata_conflicts="silent")
    merged = merge_upper_limits(both)
    assert merged["total_counts"].value.tolist() == [14, 0]
