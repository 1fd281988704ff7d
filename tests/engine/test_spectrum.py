"""Pulse-height spectra of extracted events."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.engine.extracted import Extraction, SnapshotRegion
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.spectrum import pulse_height_spectrum
from swiftxrt.exceptions import NoDataError
from swiftxrt.mission import Mode
from swiftxrt.products.gti import GTI


def _region(snapshot: int, obsid: str, start_s: float, exposure_s: float, source_area: float) -> SnapshotRegion:
    return SnapshotRegion(
        obsid=obsid, snapshot=snapshot, mode=Mode.PC, start_s=start_s, stop_s=start_s + exposure_s, x_pix=500.0,
        y_pix=500.0, ra_deg=150.0, dec_deg=20.0, angle_deg=0.0, source_inner_pix=0.0, source_radius_pix=20.0,
        background_inner_pix=60.0, background_outer_pix=190.0, source_area_pix=source_area,
        background_area_pix=100_000.0, exposure_s=exposure_s, live_fraction=0.99, net_rate_cps=0.1, correction=1.2,
        psf_fraction=0.9, off_axis_arcmin=1.0, centroided=True,
        psf_fractions=(0.9,) * 6,
    )  # fmt: skip


@pytest.fixture
def extraction() -> Extraction:
    """Three snapshots of 100, 300 and 200 s in two observations; one source event every 2 s."""
    starts, lengths = np.array([1000.0, 7000.0, 90000.0]), np.array([100.0, 300.0, 200.0])
    obsids = ["00099999001", "00099999001", "00099999002"]
    source = np.concatenate([np.arange(a, a + b, 2.0) + 1.0 for a, b in zip(starts, lengths, strict=True)])
    background = np.concatenate([np.arange(a, a + b, 10.0) + 5.0 for a, b in zip(starts, lengths, strict=True)])
    ratio = np.array([0.012, 0.012, 0.007])
    events = ExtractedEvents(
        mode="PC", frame_s=2.5073, source_time_s=source, source_pi=np.arange(source.size) % 1000,
        background_time_s=background, background_pi=np.full(background.size, 77),
        background_ratio=np.repeat(ratio, (lengths / 10).astype(int)), gti_start_s=starts, gti_stop_s=starts + lengths,
        gti_snapshot=np.arange(3), gti_obsid=np.array(obsids), gti_ratio=ratio, correction_time_s=starts,
        correction_factor=np.full(3, 1.2),
    )  # fmt: skip
    regions = tuple(
        _region(k, obsids[k], starts[k], lengths[k], area) for k, area in enumerate((1200.0, 1000.0, 700.0))
    )
    return Extraction(events, regions, (), (), ())


def test_everything_is_counted(extraction: Extraction) -> None:
    spectrum = pulse_height_spectrum(extraction)
    assert spectrum.source_counts.shape == spectrum.background_counts.shape == (1024,)
    assert spectrum.source_counts.sum() == 300
    assert np.array_equal(spectrum.source_counts, np.bincount(extraction.events.source_pi, minlength=1024))
    assert spectrum.background_counts[77] == 60
    assert spectrum.exposure_s == pytest.approx(600 * 0.99)
    assert spectrum.mode == "PC"
    assert spectrum.gti == GTI(extraction.events.gti_start_s, extraction.events.gti_stop_s)
    assert spectrum.mean_met == pytest.approx(extraction.events.source_time_s.mean())


def test_backscale_is_the_mean_area_weighted_by_exposure(extraction: Extraction) -> None:
    spectrum = pulse_height_spectrum(extraction)
    assert spectrum.backscale_source == pytest.approx((100 * 1200 + 300 * 1000 + 200 * 700) / 600 / 1e6)
    assert spectrum.backscale_background == pytest.approx(0.1)
    assert spectrum.net_counts == pytest.approx(300 - 60 * (100 * 1200 + 300 * 1000 + 200 * 700) / 600 / 1e5)


def test_time_intervals_are_half_open(extraction: Extraction) -> None:
    spectrum = pulse_height_spectrum(extraction, 1051.0, 7101.0)
    times = extraction.events.source_time_s
    assert spectrum.source_counts.sum() == np.count_nonzero((times >= 1051.0) & (times < 7101.0))
    assert spectrum.exposure_s == pytest.approx((49 + 101) * 0.99)
    assert spectrum.region_exposure_s == pytest.approx([49 * 0.99, 101 * 0.99])
    assert spectrum.region_counts.tolist() == [25, 50]
    assert [region.snapshot for region in spectrum.regions] == [0, 1]
    several = pulse_height_spectrum(extraction, [1000.0, 90000.0], [1010.0, 90020.0])
    assert several.source_counts.sum() == 15
    assert several.gti == GTI([1000.0, 90000.0], [1010.0, 90020.0])


def test_slices_add_up(extraction: Extraction) -> None:
    whole = pulse_height_spectrum(extraction)
    by_obsid = [pulse_height_spectrum(extraction, obsids=[obsid]) for obsid in ("00099999001", "00099999002")]
    by_snapshot = [pulse_height_spectrum(extraction, snapshots=[k]) for k in range(3)]
    by_time = [pulse_height_spectrum(extraction, None, 7000.0), pulse_height_spectrum(extraction, 7000.0)]
    for parts in (by_obsid, by_snapshot, by_time):
        assert np.array_equal(sum(part.source_counts for part in parts), whole.source_counts)
        assert np.array_equal(sum(part.background_counts for part in parts), whole.background_counts)
        assert sum(part.exposure_s for part in parts) == pytest.approx(whole.exposure_s)
    assert by_obsid[1].backscale_source == pytest.approx(7e-4)
    assert by_snapshot[1].exposure_s == pytest.approx(300 * 0.99)


def test_conditions_hold_together(extraction: Extraction) -> None:
    spectrum = pulse_height_spectrum(extraction, 0.0, 7100.0, obsids=["00099999001"], snapshots=[1, 2])
    assert spectrum.exposure_s == pytest.approx(100 * 0.99)


def test_interval_without_source_events_has_a_mean_time(extraction: Extraction) -> None:
    spectrum = pulse_height_spectrum(extraction, [1001.5, 90001.5], [1002.5, 90002.5])
    assert spectrum.source_counts.sum() == 0
    assert spectrum.mean_met == pytest.approx((1002.0 + 90002.0) / 2)
    assert spectrum.net_counts == pytest.approx(0.0)


def test_nothing_left(extraction: Extraction) -> None:
    with pytest.raises(NoDataError, match="no good time of the source is left"):
        pulse_height_spectrum(extraction, 2000.0, 3000.0)
    with pytest.raises(NoDataError):
        pulse_height_spectrum(extraction, obsids=["00099999009"])
