"""Variants of light curves: without unreliable bins, and without the systematic error of windowed timing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from swiftxrt import (
    CountsBinning,
    ExtractionSettings,
    LightCurveRequest,
    LightCurveSet,
    Mode,
    ObsidBinning,
    SnapshotBinning,
    Target,
    TimeBinning,
    XRTRequest,
)
from swiftxrt.engine import make_lightcurve
from swiftxrt.engine.data import Data
from swiftxrt.engine.extraction import ExtractionParameters, extract
from swiftxrt.engine.geometry import live_columns
from swiftxrt.engine.lightcurve import StatisticsParameters, bin_rates
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.rate_bins import RateBins
from swiftxrt.engine.regions import aperture
from swiftxrt.engine.scene import Scene, Snapshot
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.mission import PIXEL_ARCSEC
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI
from swiftxrt.products.provenance import Provenance
from swiftxrt.testing.synthetic import small_scene
from swiftxrt.wire.lightcurve import decode, encode

POSITION = SkyCoord(150.0, 20.0, unit="deg")
START_S = 5.0e8
FIXED = ExtractionParameters(centroid=False)
CLEAR_ARCMIN, BESIDE_ARCMIN, ON_ARCMIN = -1.5, -0.4, -0.2  # Distances of the pointing from the bad columns.


@dataclass(frozen=True)
class Steps:
    """A count rate for each ten thousand seconds."""

    rates: tuple[float, ...]

    def rate_cps(self, met_s: Any) -> NDArray[np.float64]:
        return np.array(self.rates)[((np.asarray(met_s) - START_S) // 1e4).astype(int)]


def observed(*rates: float, duration_s: float = 600.0, **scene_options: Any) -> list[EventList]:
    """Observations 00 to n of one snapshot each, with these count rates."""
    scene = small_scene(rate=1 * u.ct / u.s)
    source = dataclasses.replace(scene.sources[0], curve=Steps(rates))
    snapshots = tuple(Snapshot(START_S + 1e4 * k, duration_s, segment=k) for k in range(len(rates)))
    changed: Scene = dataclasses.replace(scene, sources=(source,), snapshots=snapshots, **scene_options)
    return simulate_observations(changed, seed=5)


def build(events: list[EventList], binning: Any = None, *, significance: float = 3, **extraction: Any) -> LightCurveSet:
    request = XRTRequest(
        target=Target(name="X", position=POSITION, t0=START_S * u.s),
        light_curve=LightCurveRequest(binning=binning or ObsidBinning(), significance=significance),
        extraction=ExtractionSettings(**extraction),
    ).with_defaults()
    pc, wt = (tuple(one for one in events if one.mode is mode) for mode in (Mode.PC, Mode.WT))
    return make_lightcurve.make(request, Data(pc=pc, wt=wt), Provenance(), lambda *_, **__: None)


def obsids(curve: Any) -> list[str]:
    return [obsid[-1] for obsid in curve["obsid"]]


def renumbered(curves: LightCurveSet, numbers: dict[int, int]) -> LightCurveSet:
    """The same curves with other numbers of their snapshots: those of a variant count the snapshots left out, too."""
    made = {name: curve.copy() for name, curve in curves.items()}
    for curve in made.values():
        curve["snapshot"] = [numbers.get(number, number) for number in curve["snapshot"].tolist()]
    return LightCurveSet(**made)


@pytest.fixture(scope="module")
def fading() -> list[EventList]:
    """Photon counting: seen, not seen, seen again."""
    return observed(0.3, 0.0, 0.3)


class TestUnreliable:
    def test_observation_without_centroid(self, fading: list[EventList]) -> None:
        curves = build(fading)
        assert list(curves.variants) == ["with_unreliable"]
        complete = curves.variants["with_unreliable"].total
        assert obsids(curves.total) == ["0", "2"]
        assert obsids(complete) == ["0", "1", "2"]
        assert complete["snapshot"].tolist() == [1, 2, 3]
        assert curves.total["snapshot"].tolist() == [1, 3]  # One number, one snapshot, in all variants.
        assert curves.total["quality"].tolist() == [0, 0]
        assert complete["quality"].tolist() == [0, 1, 0]
        assert complete["is_upper_limit"].tolist() == [False, True, False]
        # What both have is the same.
        shared = complete[complete["quality"] == 0]
        for name in ("met", "rate", "rate_err_pos", "counts", "background_rate", "exposure", "correction_factor"):
            found, expected = (np.asarray(one[name], dtype=float) for one in (shared, curves.total))
            assert found == pytest.approx(expected, rel=1e-12, nan_ok=True), name
        assert obsids(curves.hardness_ratio) == ["0", "2"]

    def test_warning_says_where_they_are(self, fading: list[EventList]) -> None:
        (caution,) = build(fading).total.provenance.cautions
        assert caution[0] == "CentroidWarning"
        assert "no centroid in 1 PC observations (09999002001)" in caution[1]
        assert "only in variants['with_unreliable']" in caution[1]

    @pytest.mark.parametrize("binning", [TimeBinning(pc_bin=270 * u.s, wt_bin=1 * u.s), SnapshotBinning()])
    def test_bins_are_the_same_in_both(self, fading: list[EventList], binning: Any) -> None:
        """Fixed times are on one grid, which begins with the first good time, reliable or not."""
        curves = build(fading[1:], binning)
        complete = curves.variants["with_unreliable"].total
        assert len(complete) > len(curves.total) > 0
        assert set(curves.total.met.value) < set(complete.met.value)
        assert set(complete[complete["quality"] == 0].met.value) == set(curves.total.met.value)

    def test_bins_of_counts_are_filled_anew(self, fading: list[EventList]) -> None:
        curves = build(fading, CountsBinning(pc_counts=40, wt_counts=30, dynamic=False))
        complete = curves.variants["with_unreliable"].total
        lost_s = START_S + 1e4
        assert not np.any((curves.total.met.value > lost_s) & (curves.total.met.value < lost_s + 600))
        assert curves.total["exposure"].sum() < complete["exposure"].sum()
        assert complete["quality"].sum() == 1
        assert not curves.total["quality"].any()
        only = build([fading[0], fading[2]], CountsBinning(pc_counts=40, wt_counts=30, dynamic=False))
        assert LightCurveSet(**curves).first_difference(renumbered(only, {2: 3})) == ""

    def test_not_asked_for(self, fading: list[EventList]) -> None:
        """Without centroids there is nothing to rely on, or not to: all bins are what they are."""
        curves = build(fading, centroid=False)
        assert not curves.variants
        assert obsids(curves.total) == ["0", "1", "2"]
        assert not curves.total["quality"].any()
        assert not curves.total.provenance.cautions

    def test_all_seen(self, fading: list[EventList]) -> None:
        assert not build([fading[0], fading[2]]).variants

    def test_none_seen(self, fading: list[EventList]) -> None:
        """Honest: a curve at the position given, every bin marked, and a warning; the service flags its name."""
        curves = build(fading[1:2])
        assert not curves.variants
        assert curves.total["quality"].tolist() == [1]
        (caution,) = curves.total.provenance.cautions
        assert "no bin is reliable" in caution[1]
        assert encode(curves, urls={}, incbad="no")["Datasets"] == []
        assert encode(curves, urls={}, incbad="yes")["Datasets"] == ["PCUL_incbad", "PCHard_incbad", "PCSoft_incbad"]

    def test_one_mode_only(self) -> None:
        """Windowed timing sees the source, photon counting does not."""
        curves = build(observed(20.0, 0.0))
        assert set(curves.total["mode"]) == {"WT"}
        complete = curves.variants["with_unreliable"]
        assert set(complete.total["mode"]) == {"WT", "PC"}
        assert list(curves.variants) == ["with_unreliable", "without_systematics"]
        assert list(complete.variants) == ["without_systematics"]

    @pytest.mark.parametrize("which", ["all", "none seen", "both modes"])
    def test_the_same_over_the_wire(self, fading: list[EventList], which: str) -> None:
        chosen = {"all": fading, "none seen": fading[1:2], "both modes": observed(20.0, 0.0)}
        curves = build(chosen[which])
        again = decode(encode(curves, urls={}, nosys="both", incbad="both"))
        assert again.first_difference(curves) == ""


def windowed(pointing_arcmin: float, *, rate: float = 30.0, snapshots: int = 1, **options: Any) -> list[EventList]:
    options = {"pointing_offset_arcmin": (pointing_arcmin, 0.0), "wt_above_cps": 0.1, "pc_below_cps": 0.01} | options
    events = observed(*(rate,) * snapshots, duration_s=300.0, **options)
    assert {one.mode for one in events} == {Mode.WT}
    return events


def systematic(curves: LightCurveSet, side: str) -> NDArray[np.float64]:
    """What is in the errors of a set beyond its variant without systematics, as a part of the rate."""
    with_it, without = (one.total[f"rate_err_{side}"].value for one in (curves, curves.variants["without_systematics"]))
    return np.sqrt(np.maximum(with_it**2 - without**2, 0)) / curves.total["rate"].value


class TestSystematics:
    def test_nothing_far_from_bad_columns(self) -> None:
        curves = build(windowed(CLEAR_ARCMIN))
        assert list(curves.variants) == ["without_systematics"]
        assert systematic(curves, "pos").max() < 1e-4
        assert systematic(curves, "neg").max() < 1e-4

    @pytest.mark.parametrize(("pointing", "low", "high"), [(BESIDE_ARCMIN, 0.01, 0.03), (ON_ARCMIN, 0.05, 0.25)])
    def test_more_the_closer_they_are(self, pointing: float, low: float, high: float) -> None:
        """Official curves have up to 0.12 upwards and 0.19 downwards."""
        curves = build(windowed(pointing))
        for side in ("pos", "neg"):
            assert low < systematic(curves, side)[0] < high

    @pytest.mark.parametrize("pointing", [BESIDE_ARCMIN, ON_ARCMIN])
    def test_size_follows_from_the_profile(self, pointing: float) -> None:
        """Fractions on live columns, integrated by hand over the two-dimensional profile."""
        events = windowed(pointing, jitter_arcsec=0.0, drift_arcsec=0.0)[0]
        extraction = extract([events], POSITION, FIXED)
        (region,), (snapshot,) = extraction.regions, split_snapshots(events)
        place = aperture(snapshot, region.x_pix, region.y_pix)
        psf = KingPSF.at(1.5, place.off_axis_arcmin)
        y = np.sinh(np.linspace(-12.0, 12.0, 4001))
        fine = np.linspace(-0.45, 0.45, 10)  # Each column in ten parts.

        def fraction(shift_pix: float) -> float:
            columns = np.arange(602)
            used = live_columns(snapshot.live) & (np.abs(columns - place.detx) <= region.source_radius_pix)
            x = (columns[used, None] + fine - place.detx - shift_pix).ravel()
            return float(np.trapezoid(psf.profile(np.hypot(x[:, None], y)), y, axis=1).sum() / 10)

        below, above = (fraction(0.0) / fraction(shift / PIXEL_ARCSEC) for shift in (-1.6, 1.6))
        data = extraction.events
        assert data.correction_shifted is not None
        found = (data.correction_shifted / data.correction_factor).mean(axis=1)
        # The engine rounds the place of the source on the detector to a quarter of a pixel.
        np.testing.assert_allclose(found - 1, np.array([below, above]) - 1, rtol=0.06)

    def test_errors_grow_and_nothing_else_changes(self) -> None:
        curves = build(windowed(ON_ARCMIN))
        without = curves.variants["without_systematics"]
        assert np.all(curves.total["rate_err_neg"] > without.total["rate_err_neg"])
        assert np.all(curves.total["rate_err_pos"] > without.total["rate_err_pos"])
        same = set(curves.total.colnames) - {"time", "rate_err_neg", "rate_err_pos", "snr"}
        assert all(np.array_equal(curves.total[name], without.total[name]) for name in same)
        np.testing.assert_allclose(curves.total["snr"], (curves.total["rate"] / curves.total["rate_err_neg"]).value)
        # In a band both sides are the same, and the ratio does not depend on it.
        for name in ("soft", "hard"):
            assert np.all(curves[name]["rate_err_pos"] > without[name]["rate_err_pos"])
            assert np.array_equal(curves[name]["rate_err_pos"], curves[name]["rate_err_neg"])
            assert np.allclose(curves[name]["snr"], (curves[name]["rate"] / curves[name]["rate_err_neg"]).value)
        assert curves.hardness_ratio.first_difference(without.hardness_ratio) == ""
        assert any("windowed timing" in note and "systematic" in note for note in curves.total.provenance.notes)

    def test_bands_tell_all_that_the_rates_follow_from(self) -> None:
        curves = build(windowed(ON_ARCMIN))
        for band in (curves.soft, curves.hard):
            net = (band["counts"] - band["background_counts"]) * band["correction_factor"]
            assert np.allclose(net / band["exposure"], band["rate"])
            assert np.allclose(band["background_counts"] / band["exposure"], band["background_rate"])
            assert np.all(band["counts"] > 0)
            assert np.all(band["significance"] > 3)
            assert np.all((band["fractional_exposure"] > 0) & (band["fractional_exposure"] <= 1))
            assert not band["is_upper_limit"].any()
        # Channel 150 belongs to both bands.
        assert np.sum(curves.soft["counts"] + curves.hard["counts"]) >= np.sum(curves.total["counts"])

    def test_limits_have_none(self) -> None:
        curves = build(windowed(ON_ARCMIN), significance=1e6)
        assert curves.total["is_upper_limit"].all()
        assert curves.total.first_difference(curves.variants["without_systematics"].total) == ""

    def test_without_unreliable_snapshots(self) -> None:
        """What is left has the systematic errors that it has alone."""
        events = observed(30.0, 0.11, 30.0, duration_s=100.0, wt_above_cps=0.1, pc_below_cps=0.01,
                          pointing_offset_arcmin=(ON_ARCMIN, 0.0))  # fmt: skip
        assert {one.mode for one in events} == {Mode.WT}
        curves = build(events)
        assert obsids(curves.total) == ["0", "2"]
        assert obsids(curves.variants["with_unreliable"].total) == ["0", "1", "2"]
        alone = renumbered(build([events[0], events[2]]), {2: 3})
        assert LightCurveSet(**curves).first_difference(LightCurveSet(**alone)) == ""
        assert systematic(curves, "pos").min() > 0.05

    def test_photon_counting_has_none(self) -> None:
        events = observed(0.3, pointing_offset_arcmin=(ON_ARCMIN, 0.0))
        assert not build(events).variants
        assert extract(events, POSITION, FIXED).events.correction_shifted is None

    def test_factors_belong_to_their_times(self) -> None:
        """Observations whose good times alternate."""
        (whole,) = windowed(ON_ARCMIN)
        start = float(whole.gti.start[0])
        outer = GTI.from_pairs([(start, start + 100.0), (start + 200.0, start + 300.0)])
        inner = GTI.from_pairs([(start + 100.0, start + 200.0)])
        parts = [whole.select(gti=gti) for gti in (outer, inner)]
        both, *alone = (extract(lists, POSITION, FIXED).events for lists in (parts, *([part] for part in parts)))
        assert np.all(np.diff(both.correction_time_s) > 0)
        for one in alone:
            rows = np.isin(both.correction_time_s, one.correction_time_s)
            assert np.array_equal(both.correction_factor[rows], one.correction_factor)
            assert np.array_equal(both.correction_shifted[:, rows], one.correction_shifted)

    def test_it_covers_the_error_of_the_aspect(self) -> None:
        """Positions off by 1.6 arcsec per axis, as those of the archive: rates scatter as the errors say."""
        events = windowed(BESIDE_ARCMIN, snapshots=40, rate=60.0, aspect_error_arcsec=1.6)
        curves = build(events, centroid=False)
        without = curves.variants["without_systematics"].total
        spread = (curves.total["rate"] / curves.total["rate"].mean() - 1).value
        chi2, chi2_without = (
            float(np.sum((spread * curves.total["rate"].value / curve["rate_err_pos"].value) ** 2)) / 39
            for curve in (curves.total, without)
        )
        assert chi2_without > 2.0
        assert 0.5 < chi2 < 1.6


def test_systematic_factors_are_told_as_the_service_does() -> None:
    """Replies and files have them in the columns SYS_NEG and SYS_POS of rates in windowed timing."""
    curves = build(windowed(ON_ARCMIN))
    reply = encode(curves, urls={}, nosys="both")
    table = reply["WTData"]
    assert table["columns"][14:] == ["SNR", "SYS_NEG", "SYS_POS", "ObsID", "Snapshot"]
    rate, error = curves.total["rate"].value[0], curves.variants["without_systematics"].total["rate_err_neg"].value[0]
    low, high = table["data"][0][15:17]
    assert low == pytest.approx(1 - systematic(curves, "neg")[0])
    assert high == pytest.approx(1 + systematic(curves, "pos")[0])
    assert np.hypot(error, rate * (1 - low)) == pytest.approx(curves.total["rate_err_neg"].value[0])
    assert reply["WT_nosysData"]["columns"][14:] == ["SNR", "ObsID", "Snapshot"]
    assert decode(reply).first_difference(curves) == ""


class TestOfficialSystematics:
    """Twelve official WTCURVE files name their systematic factors (columns SYS_NEG and SYS_POS)."""

    NAMES = ("Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg", "FracExp", "BGrate", "BGerr", "CorrFact")
    NAMES += ("CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR", "SYS_NEG", "SYS_POS")

    def test_errors_are_made_of_them_as_here(self, validation_data: Any) -> None:
        paths = sorted((validation_data / "grb_lightcurves" / "swift_xrt_curves").glob("*/WTCURVE.qdp"))
        n_bins = 0
        for path in paths:
            rows = [line.split() for line in path.read_text().splitlines() if line[:1].isdigit()]
            official = dict(zip(self.NAMES, np.array(rows, dtype=float).T, strict=True))
            n_bins += len(rows)
            statistical = self.statistical(official)
            made = statistical.with_systematics()
            np.testing.assert_allclose(made.rate_err_pos, official["Ratepos"], rtol=4e-6)
            np.testing.assert_allclose(made.rate_err_neg, -official["Rateneg"], rtol=4e-6)
            np.testing.assert_allclose(made.snr, official["SNR"], rtol=4e-6)
        assert (len(paths), n_bins) == (12, 10840)

    def statistical(self, official: dict[str, NDArray[np.float64]]) -> RateBins:
        counts, exposure = official["CtsInSrc"], official["Exposure"]
        error = np.sqrt(counts + (official["BGerr"] * exposure) ** 2) * official["CorrFact"] / exposure
        rate, nothing = official["Rate"], np.zeros(len(counts))
        values = dict.fromkeys((field.name for field in dataclasses.fields(RateBins)), nothing)
        values |= {"rate": rate, "rate_err_neg": error, "rate_err_pos": error, "snr": rate / error}
        values |= {"is_upper_limit": np.zeros(len(rate), dtype=bool)}
        values |= {"systematic_neg": 1 - official["SYS_NEG"], "systematic_pos": official["SYS_POS"] - 1}
        return RateBins(**values)


def test_bins_average_over_their_events() -> None:
    """Two steps of factors, of which the first has three quarters of the events."""
    from swiftxrt.engine.inputs import ExtractedEvents

    none = np.empty(0)
    data = ExtractedEvents(
        mode="WT", frame_s=0.0018, source_time_s=np.r_[np.linspace(1, 49, 75), np.linspace(51, 99, 25)],
        source_pi=np.full(100, 200), background_time_s=none, background_pi=none, background_ratio=none,
        gti_start_s=np.array([0.0]), gti_stop_s=np.array([100.0]), gti_snapshot=np.array([0]),
        gti_obsid=np.array(["00012345001"]), gti_ratio=np.array([0.03]),
        correction_time_s=np.array([0.0, 50.0]), correction_factor=np.array([2.0, 1.0]),
        correction_shifted=np.array([[1.8, 1.0], [2.4, 0.9]]),
    )  # fmt: skip
    bins = bin_rates(data, np.array([0.0]), np.array([100.0]), statistics=StatisticsParameters(allow_bayes=False))
    assert bins.correction_factor[0] == pytest.approx(1.75)
    assert bins.systematic_neg[0] == pytest.approx(1 - (0.75 * 1.8 + 0.25 * 1.0) / 1.75)
    assert bins.systematic_pos[0] == pytest.approx((0.75 * 2.4 + 0.25 * 0.9) / 1.75 - 1)
    made = bins.with_systematics()
    assert made.rate_err_pos[0] == pytest.approx(np.hypot(bins.rate_err_pos[0], bins.rate[0] * bins.systematic_pos[0]))
    assert (
        bins.with_systematics(symmetric=True).rate_err_pos[0] == bins.with_systematics(symmetric=True).rate_err_neg[0]
    )
