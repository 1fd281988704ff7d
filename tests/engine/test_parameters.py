"""Every setting of a request reaches the engine."""

from __future__ import annotations

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    CountsBinning,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    Mode,
    PositionRequest,
    Target,
    TimeBinning,
    TimeIntervals,
    XRTRequest,
)
from swiftxrt.engine import make_position
from swiftxrt.engine.calibration import PSF_V006, EmbeddedCalibration
from swiftxrt.engine.data import Data, intervals_met
from swiftxrt.engine.make_lightcurve import binning_parameters, statistics_parameters
from swiftxrt.engine.parameters import extraction_parameters, grade_limits
from swiftxrt.engine.position import PositionFit
from swiftxrt.products.provenance import Provenance


def test_extraction() -> None:
    settings = ExtractionSettings(
        centroid=False,
        centroid_method="iterative",
        centroid_tolerance=90 * u.arcsec,
        centroid_attempts=4,
        super_soft=True,
        pileup_rate_pc=0.7 * u.ct / u.s,
        pileup_rate_wt=80 * u.ct / u.s,
        source_radius_max=12 * u.pix,
    ).with_defaults()
    made = extraction_parameters(settings, "4")
    assert (made.centroid, made.method, made.tolerance_arcmin, made.attempts) == (False, "iterative", 1.5, 4)
    assert (made.pileup_rate_pc, made.pileup_rate_wt, made.source_radius_max_pix) == (0.7, 80.0, 12.0)
    assert (made.super_soft, made.grades) == (True, (0, 4))


def test_grades() -> None:
    plain = ExtractionSettings().with_defaults()
    assert grade_limits(plain, "all", Mode.PC) == (0, 12)
    assert grade_limits(plain, "4", Mode.PC) == (0, 4)
    assert grade_limits(plain, "4", Mode.WT) == (0, 2)
    assert grade_limits(ExtractionSettings(super_soft=True).with_defaults(), "all", Mode.PC) == (0, 0)


def test_counts_binning_and_statistics() -> None:
    binning = CountsBinning(
        pc_counts=21, wt_counts=31, dynamic=False, rate_factor=9, bin_factor=1.4, min_counts=14, min_snr=2.2,
        pc_bin=5 * u.s, wt_bin=1 * u.s, pc_max_gap=1 * u.h, wt_max_gap=10 * u.min,
    )  # fmt: skip
    request = LightCurveRequest(
        binning=binning, significance=4, bayes_counts=16, bayes_snr=2.5, upper_limits="pc", bayesian="wt",
        min_fractional_exposure=0.1,
    ).with_defaults()  # fmt: skip
    pc, wt = (binning_parameters(request, mode) for mode in (Mode.PC, Mode.WT))
    assert (pc.method, pc.counts, pc.min_bin_s, pc.max_gap_s) == ("counts", 21, 5.0, 3600.0)
    assert (wt.counts, wt.min_bin_s, wt.max_gap_s) == (31, 1.0, 600.0)
    assert (pc.dynamic, pc.rate_factor, pc.bin_factor, pc.min_counts, pc.min_snr) == (False, 9, 1.4, 14, 2.2)
    assert pc.min_fractional_exposure == 0.1
    pc_rates, wt_rates = (statistics_parameters(request, mode) for mode in (Mode.PC, Mode.WT))
    assert (pc_rates.significance, pc_rates.bayes_counts, pc_rates.bayes_snr) == (4, 16, 2.5)
    assert (pc_rates.allow_limits, pc_rates.allow_bayes) == (True, False)
    assert (wt_rates.allow_limits, wt_rates.allow_bayes) == (False, True)


def test_time_binning() -> None:
    request = LightCurveRequest(
        binning=TimeBinning(pc_bin=50 * u.s, wt_bin=5 * u.s),
        match_hardness_bins=False,
        pc_hardness_bin=200 * u.s,
        wt_hardness_bin=20 * u.s,
    ).with_defaults()
    pc, wt = (binning_parameters(request, mode) for mode in (Mode.PC, Mode.WT))
    assert (pc.method, pc.width_s, pc.hardness_width_s) == ("time", 50.0, 200.0)
    assert (wt.width_s, wt.hardness_width_s) == (5.0, 20.0)
    matched = request.replace(match_hardness_bins=True)
    assert binning_parameters(matched, Mode.PC).hardness_width_s is None


@pytest.mark.parametrize(("since_t0", "start"), [(True, 6.0e8 + 10), (False, 6.1e8)])
def test_intervals_count_from_where_the_request_says(since_t0: bool, start: float) -> None:
    edge = (10 if since_t0 else 6.1e8) * u.s
    intervals = TimeIntervals((edge, edge + 5 * u.s))
    request = XRTRequest(
        target=Target(name="X", t0=6.0e8 * u.s), image=ImageRequest(data=intervals), times_since_t0=since_t0
    )
    assert intervals_met(request.image.data.intervals, request) == [(start, start + 5)]


def test_position(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def fit(lists: object, position: SkyCoord, **options: object) -> PositionFit:
        asked.update(options)
        return PositionFit(position, 4.0, 2.0, 50.0, 0.01, 1000.0, 9.0, 500.0, 500.0, ("00012345001",), ())

    monkeypatch.setattr(make_position, "standard_position", fit)
    request = XRTRequest(
        target=Target(name="X", position=SkyCoord(10 * u.deg, 20 * u.deg)),
        position=PositionRequest(
            kinds="standard", search_radius=15 * u.arcsec, method="centroid", centroid_method="iterative"
        ),
    ).with_defaults()
    other = EmbeddedCalibration(PSF_V006)
    made = make_position.make(request, Data(pc=("events",), wt=()), Provenance(), lambda *_: None, other)
    assert asked.pop("calibration") is other
    assert made.provenance.calibration == ("swxpsf20010101v006",)
    assert made.systematic == 3.5 * u.arcsec
    assert asked == {"search_radius_arcsec": 15.0, "method": "centroid", "centroid_method": "iterative"}
    assert made.radius == 4.0 * u.arcsec
