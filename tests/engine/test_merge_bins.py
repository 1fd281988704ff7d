"""Bins put together afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt import LightCurve
from swiftxrt.engine.binning import BinningParameters
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import build_curves
from swiftxrt.exceptions import RequestError

FIELDS = ("rate", "rate_err_neg", "rate_err_pos", "counts", "background_counts", "exposure", "correction_factor")
LABELS = ("met_s", "time_err_neg", "time_err_pos", "is_upper_limit", "obsid", "snapshot")
FIELDS += ("background_rate", "background_rate_err", "fractional_exposure", "significance", "snr", "met")


def curve(width_s: float, counts: int = 400, background: int = 100) -> LightCurve:
    """A constant source in bins of one length, with two correction factors."""
    rng = np.random.default_rng(8)
    time_s = np.sort(rng.uniform(0, 1000, counts))
    behind_s = np.sort(rng.uniform(0, 1000, background))
    data = ExtractedEvents(
        mode="PC", frame_s=2.5, source_time_s=time_s, source_pi=np.full(counts, 100), background_time_s=behind_s,
        background_pi=np.full(background, 100), background_ratio=np.full(background, 0.05), gti_start_s=np.array([0.0]),
        gti_stop_s=np.array([1000.0]), gti_snapshot=np.array([0]), gti_obsid=np.array(["00012345001"]),
        gti_ratio=np.array([0.05]), correction_time_s=np.array([0.0, 500.0]), correction_factor=np.array([1.2, 1.8]),
    )  # fmt: skip
    bins = build_curves(data, BinningParameters(method="time", width_s=width_s)).total
    columns = {name: getattr(bins, name) for name in FIELDS if name != "met"}
    columns |= {name: getattr(bins, name) for name in LABELS}
    return LightCurve.from_columns(columns | {"mode": "PC"}, t0_met=0.0, band="0.3-10 keV", binning="time")


@pytest.mark.parametrize("counts", [400, 12, 3])
def test_merged_bins_are_those_made_at_once(counts: int) -> None:
    """Gaussian, Bayesian and a limit: the sum of four bins is the bin of four times the length."""
    fine, coarse = curve(250.0, counts), curve(1000.0, counts)
    merged = fine.merge_bins(slice(None))
    assert len(fine) == 4
    for name in FIELDS:
        if name == "met":  # The bins are quoted at their centre, a merged one at the mean of its counts.
            continue
        # The factor of a limit is the mean over time.
        tolerance = 0.1 if coarse["is_upper_limit"][0] and name in ("rate", "correction_factor") else 0.02
        assert np.asarray(merged[name])[0] == pytest.approx(np.asarray(coarse[name])[0], rel=tolerance, nan_ok=True), (
            name
        )
    start, stop = merged["met"] - merged["time_err_neg"], merged["met"] + merged["time_err_pos"]
    assert (start[0].value, stop[0].value) == pytest.approx((0.0, 1000.0), abs=1e-5)


def test_the_other_bins_stay() -> None:
    fine = curve(125.0)
    merged = fine.merge_bins([2, 3])
    assert len(merged) == 7
    assert merged["counts"].sum() == fine["counts"].sum()
    assert (np.diff(merged["met"].value) > 0).all()
    assert (merged.t0_met, merged.band, merged.binning) == (fine.t0_met, fine.band, fine.binning)
    assert merged[:2].equals(fine[:2])
    assert isinstance(merged, LightCurve)


def test_gaps_lower_the_fractional_exposure() -> None:
    fine = curve(125.0)
    gap = fine[[1, 4, 6]]
    merged = gap.merge_bins([0, 1])
    assert len(merged) == 2
    assert merged["exposure"][0] == gap["exposure"][:2].sum()
    assert merged["fractional_exposure"][0] == pytest.approx(2 / 4)
    assert merged["rate"][0].value == pytest.approx(
        merged["correction_factor"][0]
        * (merged["counts"] - merged["background_counts"])[0].value
        / merged["exposure"][0].value
    )


def test_other_bins_may_not_lie_between() -> None:
    fine = curve(125.0)
    with pytest.raises(RequestError, match=r"over 2 others of this mode \(row 3, 4\); merge adjacent bins"):
        fine.merge_bins([2, 5])
    with pytest.raises(RequestError, match=r"over 6 others of this mode \(row 1, 2, 3, 4, 5, \.\.\.\)"):
        fine.merge_bins([0, 7])
    other = fine.copy()
    other["mode"] = ["PC", "PC", "PC", "WT", "PC", "PC", "PC", "PC"]
    assert len(other.merge_bins([2, 4])) == 7  # Modes follow each other within a snapshot.


def test_bins_that_overlap_already() -> None:
    """As those of observations whose snapshots alternate: what lay over a bin before may do so after."""
    fine = curve(250.0)
    fine["time_err_pos"][1] = fine["time_err_pos"][1] + 250 * fine["time_err_pos"].unit  # To the end of the third.
    assert len(fine.merge_bins([0, 1])) == 3
    with pytest.raises(RequestError, match=r"over 1 other of this mode \(row 1\)"):
        fine[[0, 2, 3]].merge_bins([0, 2])


def test_labels_are_those_of_the_first() -> None:
    fine = curve(250.0)
    fine["snapshot"], fine["obsid"] = [1, 2, 2, 3], ["00012345001", "00012345002", "00012345002", "00012345003"]
    merged = fine.merge_bins([1, 2, 3])
    assert merged["snapshot"].tolist() == [1, 2]
    assert merged["obsid"].tolist() == ["00012345001", "00012345002"]


def test_flags_of_quality_add_up() -> None:
    """A merged bin has every flag of its parts."""
    fine = curve(250.0)
    fine["quality"] = [1, 2, 0, 0]
    assert fine.merge_bins([0, 1, 2])["quality"].tolist() == [3, 0]


def test_rows_may_be_flags() -> None:
    fine = curve(250.0)
    assert fine.merge_bins(np.array([True, True, False, False])).equals(fine.merge_bins([0, 1]))


def test_what_cannot_be_merged() -> None:
    fine = curve(250.0)
    with pytest.raises(RequestError, match="at least two bins are needed; got 1"):
        fine.merge_bins([1])
    with pytest.raises(RequestError, match="must say which of the 4 bins"):
        fine.merge_bins([7])
    with pytest.raises(RequestError, match="must say which of the 4 bins"):
        fine.merge_bins("all")
    other = fine.copy()
    other["mode"] = ["PC", "WT", "PC", "PC"]
    with pytest.raises(RequestError, match="PC and WT mode cannot be merged"):
        other.merge_bins([0, 1])
    columns = {"met_s": [1.0, 2.0], "time_err_neg": 0.5, "time_err_pos": 0.5, "rate": 1.0, "mode": "PC"}
    bare = LightCurve.from_columns(columns, t0_met=None, band="0.3-10 keV", binning="time")
    with pytest.raises(RequestError, match="have no counts"):
        bare.merge_bins([0, 1])
