"""Extraction of simulated observations with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.extraction import Extraction, ExtractionParameters, extract
from swiftxrt.engine.geometry import nominal_pointing, ring_pixels, sky_to_pixel
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.region_rules import pileup_radius_pix, source_radius_pix
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.mission import Mode
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI

TARGET = SkyCoord(150.0, 20.0, unit="deg")
EARLY_MET = 1.3e8  # Before the detector was damaged: no bad columns.
FIXED = ExtractionParameters(centroid=False)
FRAME_S = 2.5073
NEIGHBOURS = ((100.0, 20.0, 0.1), (-40.0, -90.0, 0.03), (20.0, 130.0, 0.012))


def observation(
    rate_cps: float,
    *,
    seed: int = 1,
    start_s: float = EARLY_MET,
    snapshots: int = 1,
    duration_s: float = 1000.0,
    obsid: str = "00099999001",
    offset_pix: tuple[float, float] = (0.0, 0.0),
    background_per_ks: float = 7.5e-4,
    neighbours: tuple[tuple[float, float, float], ...] = (),
    detector: bool = True,
) -> EventList:
    """Photon counting observation; rates are on-axis rates over the whole profile, events all of PI 150.

    Neighbours are (dx, dy, rate) relative to the pointing.
    """
    rng = np.random.default_rng(seed)
    starts = start_s + 5754.0 * np.arange(snapshots)
    gti = GTI(starts, starts + duration_s)
    header = {"OBS_ID": obsid, "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 80.0}
    nothing = np.zeros(0, dtype=int)
    blank = EventList(met=nothing, x=nothing, y=nothing, pi=nothing, grade=nothing, gti=gti, mode="PC", header=header)
    centre = sky_to_pixel(blank.wcs, TARGET)
    pointing = nominal_pointing(80.0, centre[0] - offset_pix[0], centre[1] - offset_pix[1])
    x, y, met = [], [], []
    for start in starts:
        for dx, dy, rate in ((0.0, 0.0, rate_cps), *neighbours):
            angle = np.hypot(offset_pix[0] + dx, offset_pix[1] + dy) * 2.3573 / 60
            n = rng.poisson(rate * duration_s * vignetting(1.5, angle))
            shift = KingPSF.at(1.5, angle).sample(n, rng, max_radius_pix=300.0)
            x.append(centre[0] + dx + shift[0])
            y.append(centre[1] + dy + shift[1])
            met.append(start + rng.uniform(0, duration_s, n))
        n = rng.poisson(background_per_ks * duration_s / 1000 * 1000**2)
        x.append(rng.uniform(-0.5, 999.5, n))
        y.append(rng.uniform(-0.5, 999.5, n))
        met.append(start + rng.uniform(0, duration_s, n))
    columns = [np.concatenate(values) for values in (x, y, met)]
    detx, dety = pointing.to_detector(columns[0], columns[1], pointing.offset[0])
    seen = (np.hypot(detx - 307, dety - 296) < 314) & (np.abs(detx - 300.5) < 298) & (np.abs(dety - 300.5) < 298)
    x, y, met, detx, dety = (values[seen] for values in (*columns, detx, dety))
    n = int(seen.sum())
    extra = {"detx": np.rint(detx), "dety": np.rint(dety)} if detector else {}
    return EventList(
        met=np.floor((met - start_s) / FRAME_S) * FRAME_S + start_s, x=np.rint(x), y=np.rint(y),
        pi=np.full(n, 150), grade=np.zeros(n), gti=gti, mode="PC", header=header, **extra,
    )  # fmt: skip


def corrected_rate(extraction: Extraction) -> tuple[float, float]:
    """Corrected rate over everything, per live second, and its error; each event with the factor in force."""
    events = extraction.events
    which = np.searchsorted(events.correction_time_s, events.source_time_s, side="right") - 1
    good = (events.source_pi >= 30) & (events.source_pi <= 1000)
    kept = (events.background_pi >= 30) & (events.background_pi <= 1000)
    factor = events.correction_factor[which][good].mean()
    live_s = sum(region.exposure_s * region.live_fraction for region in extraction.regions)
    net = good.sum() - events.background_ratio[kept].sum()
    return factor * net / live_s, factor * np.sqrt(good.sum()) / live_s


# --- Rules -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate_cps", "radius_pix"),
    [(2.0, 30), (0.5, 25), (0.2, 25), (0.07, 20), (0.03, 15), (0.007, 12), (0.003, 9), (7e-4, 7), (1e-4, 5), (-1, 5)],
)
def test_source_radius_follows_the_rate(rate_cps: float, radius_pix: float) -> None:
    """Evans et al. 2007, table 1."""
    assert source_radius_pix(rate_cps) == radius_pix


@pytest.mark.parametrize(
    ("rate_cps", "mode", "radius_pix"),
    [(0.7, Mode.PC, 3), (2, Mode.PC, 6), (4, Mode.PC, 7), (6, Mode.PC, 8), (20, Mode.PC, 10), (160, Mode.WT, 2),
     (350, Mode.WT, 4), (2000, Mode.WT, 16)],
)  # fmt: skip
def test_piled_up_radius_follows_the_rate(rate_cps: float, mode: Mode, radius_pix: float) -> None:
    """Table of xrtgrblc in arcsec, in whole pixels of 2.36 arcsec."""
    assert pileup_radius_pix(rate_cps, mode) == radius_pix


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"method": "Simple"}, "'simple' or 'iterative'"), ({"attempts": 0}, "positive"),
     ({"tolerance_arcmin": -1.0}, "positive"), ({"source_radius_max_pix": float("nan")}, "positive")],
)  # fmt: skip
def test_parameters_are_checked(changes: dict, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        ExtractionParameters(**changes)


# --- One observation -----------------------------------------------------------------


def test_counts_are_those_of_the_regions() -> None:
    events = observation(0.3)
    extraction = extract([events], TARGET, FIXED)
    (region,) = extraction.regions
    x0, y0 = sky_to_pixel(events.wcs, TARGET)
    distance = np.hypot(events.x - x0, events.y - y0)
    assert region.source_radius_pix == 25.0
    assert np.array_equal(extraction.source_masks[0], distance <= 25.0)
    assert np.array_equal(extraction.background_masks[0], (distance >= 60.0) & (distance <= 190.0))
    found = extraction.events
    assert np.array_equal(found.source_time_s, np.sort(events.met_mid_s[distance <= 25.0]))
    assert found.source_pi.size == found.source_time_s.size
    assert found.background_time_s.size == extraction.background_masks[0].sum()


def test_areas_and_exposure() -> None:
    events = observation(0.3)
    extraction = extract([events], TARGET, FIXED)
    (region,) = extraction.regions
    assert region.source_area_pix == ring_pixels(region.x_pix, region.y_pix, 25.0)[0].size
    assert region.background_area_pix == pytest.approx(np.pi * (190**2 - 60**2), rel=2e-3)
    assert region.ratio == pytest.approx(25**2 / (190**2 - 60**2), rel=1e-2)
    assert region.source_backscale == pytest.approx(np.pi * 625 / 1e6, rel=1e-2)
    assert region.background_backscale * region.ratio == pytest.approx(region.source_backscale)
    assert region.exposure_s == pytest.approx(1000.0)
    assert region.live_fraction == pytest.approx(0.99600601)
    found = extraction.events
    assert np.allclose(found.background_ratio, region.ratio)
    assert np.allclose(found.gti_ratio, region.ratio)
    assert (found.mode, found.frame_s) == ("PC", pytest.approx(2.5073))
    assert extraction.position.separation(TARGET).arcsec < 0.01


@pytest.mark.parametrize("offset_pix", [(0.0, 0.0), (110.0, 60.0)])
def test_correction_is_the_loss_of_psf_and_vignetting(offset_pix: tuple[float, float]) -> None:
    """On a detector without bad pixels: one over enclosed fraction times vignetting."""
    extraction = extract([observation(0.3, offset_pix=offset_pix)], TARGET, FIXED)
    (region,) = extraction.regions
    # The boresight is 5.5 pixels from the optical axis.
    assert region.off_axis_arcmin == pytest.approx(np.hypot(*offset_pix) * 2.3573 / 60, abs=0.25)
    psf = KingPSF.at(1.5, region.off_axis_arcmin)
    expected = 1 / (psf.enclosed(region.source_radius_pix) * vignetting(1.5, region.off_axis_arcmin))
    assert region.correction == pytest.approx(expected, rel=2e-3)
    assert np.allclose(extraction.events.correction_factor, region.correction, rtol=1e-6)
    assert np.all(np.diff(extraction.events.correction_time_s) > 0)
    assert extraction.events.correction_time_s[0] == extraction.events.gti_start_s[0]


@pytest.mark.parametrize(("rate_cps", "offset_pix"), [(0.4, (0.0, 0.0)), (0.4, (150.0, 30.0)), (0.03, (0.0, 0.0))])
def test_corrected_rate_is_the_true_one(rate_cps: float, offset_pix: tuple[float, float]) -> None:
    lists = [observation(rate_cps, seed=5, snapshots=6, offset_pix=offset_pix)]
    found, error = corrected_rate(extract(lists, TARGET, FIXED))
    live = lists[0].live_fraction  # The events above are per second of good time.
    # The profile is cut off at 300 pixels: 1 per cent more than without.
    assert found * live == pytest.approx(rate_cps, abs=3 * error + 0.012 * rate_cps)


def test_radius_is_capped() -> None:
    capped = ExtractionParameters(centroid=False, source_radius_max_pix=10.0)
    assert extract([observation(0.3)], TARGET, capped).regions[0].source_radius_pix == 10.0


def test_faint_snapshots_share_one_radius() -> None:
    extraction = extract([observation(0.004, snapshots=6)], TARGET, FIXED)
    assert {region.source_radius_pix for region in extraction.regions} <= {9.0, 12.0}
    assert len({region.source_radius_pix for region in extraction.regions}) == 1


def test_centroid_moves_the_region() -> None:
    given = SkyCoord(150.004, 20.003, unit="deg")
    extraction = extract([observation(0.3)], given)
    assert extraction.regions[0].centroided
    assert extraction.position.separation(TARGET).arcsec < 1.5
    kept = extract([observation(0.3)], given, ExtractionParameters(tolerance_arcmin=0.1))
    ((category, text),) = kept.cautions
    assert category == "CentroidWarning"
    assert "the position given was used" in text
    assert not kept.regions[0].centroided
    assert kept.position.separation(given).arcsec < 0.01
    assert any("no centroid" in note and "00099999001" in note for note in kept.notes)


def test_grades_and_channels() -> None:
    events = observation(0.3)
    half = np.arange(len(events)) % 2
    changed = {name: getattr(events, name) for name in ("met", "x", "y", "detx", "dety", "gti", "mode", "header")}
    mixed = EventList(**changed, pi=np.where(half, 150, 20), grade=np.where(half, 0, 5))
    everything = extract([mixed], TARGET, FIXED)
    assert set(everything.events.source_pi.tolist()) == {20, 150}  # Bands are cut later.
    assert everything.regions[0].net_rate_cps == pytest.approx(0.15 * 0.92, rel=0.2)
    for parameters in (
        ExtractionParameters(centroid=False, super_soft=True),
        ExtractionParameters(centroid=False, grades=(0, 4)),
    ):
        assert set(extract([mixed], TARGET, parameters).events.source_pi.tolist()) == {150}


def test_other_sources_are_left_out_of_the_background() -> None:
    plain = extract([observation(0.1, seed=3)], TARGET, FIXED)
    crowded = extract([observation(0.1, seed=3, neighbours=NEIGHBOURS)], TARGET, FIXED)
    assert crowded.regions[0].background_area_pix < plain.regions[0].background_area_pix - 500
    densities = [item.background_masks[0].sum() / item.regions[0].background_area_pix for item in (plain, crowded)]
    assert densities[1] == pytest.approx(densities[0], rel=0.25)
    faint = ring_pixels(crowded.regions[0].x_pix + 20.0, crowded.regions[0].y_pix + 130.0, 8.0)
    events = observation(0.1, seed=3, neighbours=NEIGHBOURS)
    beside = np.isin(events.x * 1000 + events.y, faint[0] * 1000 + faint[1])
    assert beside.sum() >= 6
    assert not crowded.background_masks[0][beside].any()
    assert any("other sources" in note for note in crowded.notes)
    assert not any("other sources" in note for note in plain.notes)


def test_without_detector_columns_the_header_tells_the_pointing() -> None:
    with_columns = extract([observation(0.3)], TARGET, FIXED)
    without = extract([observation(0.3, detector=False)], TARGET, FIXED)
    assert without.regions[0].correction == pytest.approx(with_columns.regions[0].correction, rel=2e-3)
    assert any("bad columns are not accounted for" in note for note in without.notes)
    assert not any("bad columns" in note for note in with_columns.notes)


# --- Pile-up ----------------------------------------------------------------------------


def thinned(events: EventList, *, radius_pix: float = 4.0, kept: float = 0.4, seed: int = 5) -> EventList:
    """The same with most of the events in the middle lost, as pile-up does it."""
    x0, y0 = sky_to_pixel(events.wcs, TARGET)
    lost = (np.hypot(events.x - x0, events.y - y0) <= radius_pix) & (
        np.random.default_rng(seed).uniform(size=len(events)) > kept
    )
    columns = ("met", "x", "y", "pi", "grade", "detx", "dety")
    kept_columns = {name: getattr(events, name)[~lost] for name in columns}
    return EventList(**kept_columns, gti=events.gti, mode="PC", header=dict(events.header))


def test_pile_up_leaves_the_middle_out() -> None:
    extraction = extract([thinned(observation(2.5))], TARGET, FIXED)
    ((category, text),) = extraction.cautions
    assert category == "PileUpWarning"
    assert "1 of 1 PC snapshots are piled up, all the time or part of it (raw rate up to 1." in text
    assert "out to 5 pixels" in text
    (region,) = extraction.regions
    assert (region.source_inner_pix, region.source_radius_pix, region.pileup) == (5.0, 30.0, "profile")
    assert region.source_ds9.splitlines()[1].startswith("annulus(150.0000")
    psf = KingPSF.at(1.5, region.off_axis_arcmin)
    share = psf.enclosed(30.0) - psf.enclosed(5.0)
    assert region.correction == pytest.approx(1 / share / vignetting(1.5, region.off_axis_arcmin), rel=0.05)
    assert any("falls short of the PSF" in note for note in extraction.notes)
    found, error = corrected_rate(extraction)
    assert found == pytest.approx(2.5, abs=3 * error)


def test_bright_source_without_pile_up_keeps_its_middle() -> None:
    extraction = extract([observation(1.6)], TARGET, FIXED)
    assert [(region.source_inner_pix, region.pileup) for region in extraction.regions] == [(0.0, "")]
    assert extraction.cautions == ()


def test_pile_up_threshold_is_the_users() -> None:
    piled = thinned(observation(2.5))
    tolerant = ExtractionParameters(centroid=False, pileup_rate_pc=1000.0)
    untouched = extract([piled], TARGET, tolerant)
    assert untouched.regions[0].source_inner_pix == 0.0
    assert untouched.cautions == ()
    faint, strict = thinned(observation(0.5)), ExtractionParameters(centroid=False, pileup_rate_pc=0.1)
    assert extract([faint], TARGET, FIXED).regions[0].source_inner_pix == 0.0
    assert extract([faint], TARGET, strict).regions[0].source_inner_pix >= 3.0


def test_piled_up_part_of_a_snapshot_has_regions_of_its_own() -> None:
    bright, faint = thinned(observation(3.0, duration_s=400.0)), observation(0.2, start_s=EARLY_MET + 400.0, seed=3)
    columns = ("met", "x", "y", "pi", "grade", "detx", "dety")
    both = EventList(
        **{name: np.concatenate([getattr(bright, name), getattr(faint, name)]) for name in columns},
        gti=bright.gti | faint.gti, mode="PC", header=dict(bright.header),
    )  # fmt: skip
    extraction = extract([both], TARGET, FIXED)
    first, second = extraction.regions
    assert (first.snapshot, second.snapshot) == (0, 0)
    assert first.source_inner_pix >= 3.0
    assert (second.source_inner_pix, second.source_radius_pix) == (0.0, 25.0)
    assert first.stop_s == pytest.approx(EARLY_MET + 400.0, abs=50.0)
    assert first.exposure_s + second.exposure_s == pytest.approx(1400.0)
    assert extraction.region_of_gti.tolist() == [0, 1]
    assert extraction.events.gti_snapshot.tolist() == [0, 0]
    assert "1 of 1 PC snapshots" in extraction.cautions[0][1]
    # One bin for the whole snapshot; the factor is that of each event's own region.
    found, _ = corrected_rate(extraction)
    assert 0.5 < found < 1.3


def test_small_regions_grow_beyond_the_hole() -> None:
    small = ExtractionParameters(centroid=False, source_radius_max_pix=5.0, pileup_rate_pc=0.3)
    extraction = extract([thinned(observation(2.5), radius_pix=6.0, kept=0.3)], TARGET, small)
    (region,) = extraction.regions
    assert region.source_inner_pix >= 5.0
    assert region.source_radius_pix == region.source_inner_pix + 5.0
    assert any("enlarged because pile-up" in note for note in extraction.notes)


# --- Several observations ------------------------------------------------------------------


def test_observations_are_merged_in_order_of_time() -> None:
    late = observation(0.3, seed=1, start_s=EARLY_MET + 50000.0, snapshots=2, obsid="00099999002")
    early = observation(0.3, seed=2, snapshots=3)
    extraction = extract([late, early], TARGET, FIXED)
    found = extraction.events
    assert [region.obsid for region in extraction.regions] == ["00099999001"] * 3 + ["00099999002"] * 2
    assert [region.snapshot for region in extraction.regions] == [0, 1, 2, 3, 4]
    assert found.gti_snapshot.tolist() == [0, 1, 2, 3, 4]
    assert found.gti_obsid.tolist() == [region.obsid for region in extraction.regions]
    for name in ("source_time_s", "background_time_s", "gti_start_s", "correction_time_s"):
        assert np.all(np.diff(getattr(found, name)) >= 0), name
    assert np.all(found.gti_start_s[1:] > found.gti_stop_s[:-1])
    assert [mask.size for mask in extraction.source_masks] == [len(late), len(early)]
    assert sum(mask.sum() for mask in extraction.source_masks) == found.source_time_s.size
    assert found.source_time_s.min() >= early.gti.start[0]


def test_observations_may_be_interleaved() -> None:
    outer, inner = observation(0.3, seed=1), observation(0.3, seed=2, obsid="00099999002")
    third = GTI([EARLY_MET + 400.0], [EARLY_MET + 600.0])
    extraction = extract([outer.select(gti=outer.gti - third), inner.select(gti=third)], TARGET, FIXED)
    found = extraction.events
    assert found.gti_obsid.tolist() == ["00099999001", "00099999002", "00099999001"]
    assert found.gti_snapshot.tolist() == [0, 1, 0]
    for name in ("source_time_s", "background_time_s", "gti_start_s", "correction_time_s"):
        assert np.all(np.diff(getattr(found, name)) >= 0), name


def test_source_on_dead_pixels_has_a_finite_factor() -> None:
    events = observation(0.3)
    (region,) = extract([events], TARGET, FIXED).regions
    place = nominal_pointing(80.0, *sky_to_pixel(events.wcs, events.pointing))
    column = round(float(place.to_detector(region.x_pix, region.y_pix, place.offset[0])[0]))
    dead = np.array([(rawx, 0, 2, 600) for rawx in range(column - 40, column + 40)], dtype=BAD_PIXEL_DTYPE)
    names = ("met", "x", "y", "pi", "grade", "detx", "dety", "gti", "mode", "header")
    blind = EventList(**{name: getattr(events, name) for name in names}, bad_pixels=dead)
    extraction = extract([blind], TARGET, FIXED)
    assert np.isfinite(extraction.events.correction_factor).all()
    assert extraction.regions[0].correction > 20
    assert any("above 5" in note for note in extraction.notes)


def test_time_is_not_used_twice() -> None:
    events = observation(0.3)
    once, twice = extract([events], TARGET, FIXED), extract([events, events], TARGET, FIXED)
    assert twice.events.source_time_s.size == once.events.source_time_s.size
    assert twice.events.gti_start_s.size == 1
    assert any("another event list covers" in note for note in twice.notes)


def test_observations_that_do_not_see_the_source_are_skipped() -> None:
    away = observation(0.0, seed=2, start_s=EARLY_MET + 1e5, obsid="00099999002", offset_pix=(400.0, 0.0))
    extraction = extract([observation(0.3), away], TARGET, FIXED)
    assert [region.obsid for region in extraction.regions] == ["00099999001"]
    assert not extraction.source_masks[1].any()
    assert any("outside the field of view" in note and "00099999002" in note for note in extraction.notes)
    with pytest.raises(
        NoDataError, match=r"outside the field of view of all 1 PC event lists: the position is at best 15\.\d"
    ):
        extract([away], TARGET, FIXED)


def test_source_at_the_edge_is_clipped() -> None:
    extraction = extract([observation(0.6, offset_pix=(0.0, 285.0), seed=9)], TARGET, FIXED)
    (region,) = extraction.regions
    assert region.source_area_pix < 0.97 * np.pi * region.source_radius_pix**2
    assert any("clipped by the edge" in note for note in extraction.notes)
    assert 30_000 < region.background_area_pix < 80_000


def test_what_cannot_be_done_is_refused() -> None:
    events = observation(0.3, duration_s=100.0)
    with pytest.raises(RequestError, match="at least one event list"):
        extract([], TARGET)
    with pytest.raises(RequestError, match="single SkyCoord"):
        extract([events], SkyCoord([1, 2], [3, 4], unit="deg"))
    other = EventList(
        met=events.met, x=events.x, y=events.y, pi=events.pi, grade=events.grade, gti=events.gti, mode="WT",
        header={"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 80.0},
    )  # fmt: skip
    with pytest.raises(NoDataError, match="no good time"):
        extract([events.select(gti=GTI.empty())], TARGET)
    with pytest.raises(RequestError, match="one mode"):
        extract([events, other], TARGET)


def test_snapshot_without_events_counts_as_exposure() -> None:
    events = observation(0.3, snapshots=2)
    first = events.met < events.gti.start[1]
    names = ("met", "x", "y", "pi", "grade", "detx", "dety")
    columns = {name: getattr(events, name)[first] for name in names}
    half = EventList(**columns, gti=events.gti, mode="PC", header=dict(events.header))
    extraction = extract([half], TARGET, FIXED)
    assert [region.exposure_s for region in extraction.regions] == pytest.approx([1000.0, 1000.0])
    assert extraction.regions[1].net_rate_cps == 0.0
    assert extraction.regions[1].correction > 1.0


# --- With the full simulator: bad columns, drifting pointing, windowed timing ---------------------


def _simulated(
    rate_cps: float, mode: Mode, seed: int, offset_arcmin: tuple[float, float], start_s: float = 6e8
) -> list[EventList]:
    windowed = mode is Mode.WT
    scene = Scene(
        name="test",
        target_id="09999001",
        sources=(Source("target", 150.0, 20.0, Constant(rate_cps), AbsorbedPowerLaw()),),
        snapshots=tuple(Snapshot(start_s + 5754.0 * k, 700.0, 0) for k in range(3)),
        wt_above_cps=1e-4 if windowed else 1e8,
        pc_below_cps=1e-5 if windowed else 1e7,
        pointing_offset_arcmin=offset_arcmin,
        pointing_scatter_arcmin=0.3,
    )
    return [events for events in simulate_observations(scene, seed=seed) if events.mode is mode]


@pytest.mark.parametrize(
    ("mode", "rate_cps", "offset_arcmin", "method"),
    [
        (Mode.PC, 0.45, (0.0, 0.0), "iterative"),
        (Mode.PC, 0.45, (4.0, 3.0), "simple"),
        (Mode.WT, 12.0, (0.0, 0.0), "simple"),
        (Mode.WT, 2.0, (1.0, 1.0), "simple"),
    ],
)
def test_bad_columns_are_corrected_for(mode: Mode, rate_cps: float, offset_arcmin, method: str) -> None:
    """At offset 0 the source drifts over the dead columns, which takes up to half of its events."""
    extraction = extract(_simulated(rate_cps, mode, 3, offset_arcmin), TARGET, ExtractionParameters(method=method))
    found, error = corrected_rate(extraction)
    # PSF and vignetting at one energy; in windowed timing wings in the background, and the
    # position beside a dead column, where a tenth of a pixel changes the factor by per cents.
    accuracy = 0.02 if mode is Mode.PC else 0.04
    assert found == pytest.approx(rate_cps, abs=3 * error + accuracy * rate_cps)
    assert all(region.centroided for region in extraction.regions)
    if offset_arcmin == (0.0, 0.0):
        assert np.ptp(extraction.events.correction_factor) > 0.05


def test_windowed_timing_regions() -> None:
    extraction = extract(_simulated(5.0, Mode.WT, 1, (0.0, 0.0), EARLY_MET), TARGET, FIXED)
    for region in extraction.regions:
        assert region.source_radius_pix == 30.0
        # The official box of 141.6 x 11.8 arcsec (00032646038) has 297.5 and 297.8 square pixels.
        assert region.source_area_pix == pytest.approx(300.0, abs=5.0)
        # About 35 columns of the window on either side are more than 60 pixels away.
        assert 60 * 5 <= region.background_area_pix <= 85 * 5
        # Its long axis is at PA_PNT + 90 degrees, as here (PA_PNT 260 degrees).
        assert abs((region.angle_deg - 350.0 + 90.0) % 180.0 - 90.0) < 1.5
    assert extraction.events.mode == "WT"
    assert extraction.events.frame_s == pytest.approx(0.0017675)


def test_bright_windowed_timing_source_loses_its_middle() -> None:
    lists = _simulated(260.0, Mode.WT, 1, (0.0, 0.0), EARLY_MET)[:1]
    extraction = extract(lists, TARGET, FIXED)
    assert "WT snapshots" in extraction.cautions[0][1]
    # 260 ct/s above the limit of 150: two columns on either side take enough away.
    assert (extraction.regions[0].source_inner_pix, extraction.regions[0].pileup) == (2.0, "columns")
    assert extraction.regions[0].source_ds9.splitlines()[2].startswith("-box(")
    found, error = corrected_rate(extraction)
    assert found == pytest.approx(260.0, abs=4 * error + 0.04 * 260)
