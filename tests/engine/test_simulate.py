"""Simulated event lists against closed forms, published numbers and real files."""

from __future__ import annotations

import dataclasses

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from swiftxrt.engine import response_tables as tables
from swiftxrt.engine.demonstration import default_scene, field_sources
from swiftxrt.engine.geometry import live_map, nominal_pointing
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_field, simulate_labelled, simulate_observations
from swiftxrt.engine.simulated_photons import Photons, _channels
from swiftxrt.engine.simulated_pileup import merge_piled_up
from swiftxrt.engine.simulated_readout import bad_pixels
from swiftxrt.engine.source_models import (
    ENERGY_KEV,
    AbsorbedPowerLaw,
    Afterglow,
    Constant,
    Flare,
    TabulatedSpectrum,
)
from swiftxrt.engine.source_shapes import BetaModel, ImageShape
from swiftxrt.exceptions import RequestError
from swiftxrt.mission import BAD_COLUMNS_DETX, PC_FRAME_TIME_S, PIXEL_ARCSEC, Mode

EARLY_S, LATE_S = 1.3e8, 5.0e8  # Before and after the columns were damaged.
SPECTRUM = AbsorbedPowerLaw(1.7, 5e20)


def scene_of(rate_cps=0.0, *, start_s=EARLY_S, number=1, duration_s=1000.0, **changes):
    """One constant source, steady on the boresight."""
    source = Source("target", 150.0, 20.0, Constant(rate_cps), SPECTRUM)
    values = {
        "name": "test",
        "target_id": "09999003",
        "sources": (source,),
        "snapshots": tuple(Snapshot(start_s + 5760.0 * i, duration_s) for i in range(number)),
        "pointing_scatter_arcmin": 0.0,
        "jitter_arcsec": 0.0,
        "drift_arcsec": 0.0,
        "roll_drift_deg_per_day": 0.0,
        "background_cps_per_pixel": 0.0,
    }
    return Scene(**(values | changes))


def in_band(events):
    return (events.pi >= 30) & (events.pi <= 1000)


def detected_weights():
    return SPECTRUM.detected / SPECTRUM.detected.sum()


@pytest.fixture(scope="module")
def burst():
    return simulate_labelled(default_scene(), seed=1)


# --- Random numbers ---------------------------------------------------------


def test_same_seed_same_events(burst):
    again = simulate_observations(default_scene(), seed=1)
    assert again == [simulated.events for simulated in burst]


def test_other_seed_other_events(burst):
    other = simulate_observations(default_scene(), seed=2)
    assert not np.array_equal(other[0].met[:100], burst[0].events.met[:100])


def test_a_source_keeps_its_photons_when_another_is_added():
    scene = scene_of(0.3, background_cps_per_pixel=7.5e-7, start_s=LATE_S)
    other = Source("other", 150.05, 20.05, Constant(0.2), SPECTRUM)
    (alone,) = simulate_labelled(scene, seed=5)
    (both,) = simulate_labelled(dataclasses.replace(scene, sources=(*scene.sources, other)), seed=5)
    assert (both.source == 1).sum() > 100
    old = both.source != 1
    for name in ("met", "x", "y", "pi", "grade"):
        assert np.array_equal(getattr(both.events, name)[old], getattr(alone.events, name))


def test_snapshots_are_independent():
    first = simulate_observations(scene_of(0.3, number=1), seed=5)[0]
    both = simulate_observations(scene_of(0.3, number=2), seed=5)[0]
    assert np.array_equal(both.met[: len(first)], first.met)
    assert np.array_equal(both.pi[: len(first)], first.pi)


# --- Files ------------------------------------------------------------------


def test_default_scene_has_the_parts_of_a_burst(burst):
    files = [(simulated.events.obsid, simulated.events.mode) for simulated in burst]
    assert files == [
        ("09999001000", Mode.WT),
        ("09999001000", Mode.PC),
        ("09999001001", Mode.PC),
        ("09999001002", Mode.PC),
    ]
    target = sum(int((simulated.source == 0).sum()) for simulated in burst)
    assert 2000 < target < 8000
    assert sum(simulated.events.exposure.value for simulated in burst) == pytest.approx(7850, rel=0.01)
    assert (burst[-1].source == 0).sum() < 10  # Nothing but an upper limit after six days.


def test_header_follows_the_good_time(burst):
    for simulated in burst:
        events = simulated.events
        head = events.header
        assert head["ONTIME"] == pytest.approx(events.gti.exposure_s)
        assert head["EXPOSURE"] == pytest.approx(head["ONTIME"] * head["DEADC"])
        assert (head["TSTART"], head["TSTOP"]) == (events.gti.start[0], events.gti.stop[-1])
        assert head["OBJECT"] == "SIM_GRB 200416A"
        assert head["SIMULATE"] is True
        assert head["TRIGTIME"] == 608713541.952
        assert (head["TARG_ID"], head["SEG_NUM"]) == (9999001, int(events.obsid[8:]))
        assert head["UTCFINIT"] == pytest.approx(-24.81, abs=0.1)


def test_start_date_is_nominal(burst):
    """DATE-OBS ignores the clock drift of 19.8 s that the true time accounts for."""
    events = burst[0].events
    assert events.header["DATE-OBS"] == "2020-04-16T07:06:56"
    assert events.start.isot.startswith("2020-04-16T07:06:37")


def test_events_are_in_the_good_time_on_frames(burst):
    for simulated in burst:
        events = simulated.events
        assert events.gti.contains(events.met).all()
        interval = np.searchsorted(events.gti.start, events.met, side="right") - 1
        frame = (events.met - events.gti.start[interval]) / events.frame_s
        expected = 0.0 if events.mode is Mode.PC else 0.5
        assert np.abs(frame - np.floor(frame + 1e-3) - expected).max() < 1e-3
        length = np.array([stop - start for start, stop in events.gti]) / events.frame_s
        assert np.abs(length - np.rint(length)).max() < 1e-3


def test_modes_do_not_overlap_and_follow_the_rate(burst):
    windowed, counting = burst[0].events, burst[1].events
    assert (windowed.gti & counting.gti).exposure_s == 0
    scene = default_scene()
    assert scene.expected_rate(windowed.gti.start)[0] > 5
    assert scene.expected_rate(windowed.gti.stop)[0] == pytest.approx(1.0, rel=0.01)
    assert counting.gti.start[0] - windowed.gti.stop[-1] < 3


def test_columns_have_legal_values(burst):
    for simulated in burst:
        events = simulated.events
        low, high = events.mode.grades
        assert low <= events.grade.min() <= events.grade.max() <= high
        assert 20 <= events.pi.min() <= events.pi.max() <= 1023
        assert np.array_equal(events.detx, events.rawx + 1)
        assert not events.status.any()
        assert simulated.source.size == len(events)


def test_no_events_on_or_beside_bad_columns(burst):
    for simulated in burst:
        events = simulated.events
        for first, last in BAD_COLUMNS_DETX[events.mode]:
            assert not ((events.detx >= first) & (events.detx <= last)).any()
        near = {rawx + step + 1 for rawx in events.bad_pixels["rawx"] for step in (-1, 0, 1)}
        assert near >= {detx for first, last in BAD_COLUMNS_DETX[events.mode] for detx in range(first, last + 1)}
        assert not near & set(events.detx.tolist())


def test_detector_was_whole_before_the_damage():
    (events,) = simulate_observations(scene_of(2.0), seed=1)
    assert len(events.bad_pixels) == 0
    assert ((events.detx >= 291) & (events.detx <= 294)).sum() > 200


# --- Rates ------------------------------------------------------------------


def test_number_of_source_events_is_poisson_about_the_truth():
    """Rate x live time x the share of the PSF on the detector, over 40 seeds."""
    scene = scene_of(0.5)
    pulls = []
    for seed in range(40):
        (events,) = simulate_observations(scene, seed=seed)
        psf = float(KingPSF.at(1.7, 0.2).enclosed(313.0))
        expected = float(scene.expected_rate(EARLY_S)) * events.exposure.value * psf
        pulls.append((in_band(events).sum() - expected) / np.sqrt(expected))
    assert abs(np.mean(pulls)) < 3 / np.sqrt(40)
    assert 0.7 < np.std(pulls) < 1.3


def test_light_curve_follows_the_truth():
    curve = Afterglow(EARLY_S - 100.0, level_cps=1.0, breaks_s=(), slopes=(1.5,), flares=())
    scene = scene_of(duration_s=3000.0, wt_above_cps=1e9, pc_below_cps=1e8)
    scene = dataclasses.replace(scene, sources=(dataclasses.replace(scene.target, curve=curve),))
    (events,) = simulate_observations(scene, seed=3)
    edges = EARLY_S + 2.5073 * np.array([0, 40, 100, 200, 400, 1190])
    counts, _ = np.histogram(events.met[in_band(events)], edges)
    # 100 to 3100 s after the trigger: closed form of the integral of 1000^1.5 t^-1.5.
    elapsed = edges - EARLY_S + 100.0
    truth = 1000**1.5 * 2 * -np.diff(elapsed**-0.5) * events.live_fraction * 0.994
    assert np.abs((counts - truth) / np.sqrt(truth)).max() < 3.5


def test_afterglow_is_continuous_and_flares():
    curve = Afterglow(0.0, level_cps=0.8, flares=())
    for when_s in (300.0, 8000.0):
        before, after = curve.rate_cps([when_s * (1 - 1e-9), when_s * (1 + 1e-9)])
        assert before == pytest.approx(after, rel=1e-6)
    assert curve.rate_cps(1000.0) == pytest.approx(0.8)
    assert curve.rate_cps(600.0) / curve.rate_cps(1200.0) == pytest.approx(2**0.5)
    assert curve.rate_cps(20000.0) / curve.rate_cps(40000.0) == pytest.approx(2**1.2)
    flaring = dataclasses.replace(curve, flares=(Flare(200.0, 15.0, 5.0),))
    assert flaring.rate_cps(200.0) == pytest.approx(5 * curve.rate_cps(200.0))
    assert curve.rate_cps(-10.0) == 0


def test_vignetting_law():
    """Events at 8 arcmin against those on axis: the mean of 1 - (p0 p1^E + p2) 64."""
    centre = scene_of(4.0, number=4, wt_above_cps=1e9)
    offset = dataclasses.replace(centre, pointing_offset_arcmin=(0.0, 8.0))
    (on_axis,), (off_axis,) = (simulate_labelled(scene, seed=4) for scene in (centre, offset))
    kept = np.hypot(off_axis.events.detx - 300, off_axis.events.dety - 300)
    theta = np.median(kept) * PIXEL_ARCSEC / 60
    assert theta == pytest.approx(8.0, abs=0.3)
    law = 1 - (1.248e-4 * 1.55219**ENERGY_KEV + 1.85628e-3) * theta**2
    expected = detected_weights() @ law
    # A little more of the wings falls off the detector: 1.2 against 0.6 per cent.
    ratio = len(off_axis.events) / len(on_axis.events)
    assert ratio == pytest.approx(expected * 0.994, abs=0.025)


def test_background_level_and_spectrum():
    scene = scene_of(background_cps_per_pixel=7.5e-7, number=20, duration_s=2500.0)
    (events,) = simulate_observations(scene, seed=6)
    # The cosmic third loses 2.1e-3 theta^2 of its photons: 4 per cent on average here.
    inside = np.hypot(events.detx - 300.0, events.dety - 300.0) < 150
    rate = (inside & in_band(events)).sum() / (np.pi * 150**2 * events.exposure.value)
    assert rate == pytest.approx(7.5e-7 * (1 - 0.36 * 0.037), rel=0.06)
    # Published 0.39 and 0.18; three quarters of the latter are cosmic and lose 17 per cent by vignetting.
    shares = [
        ((events.pi >= lo) & (events.pi < hi)).sum() / in_band(events).sum() for lo, hi in ((30, 100), (100, 200))
    ]
    assert shares == pytest.approx([0.40, 0.165], abs=0.02)


def test_only_the_cosmic_background_is_vignetted():
    """1 to 2 keV: 78 per cent are cosmic and lose 24 per cent 10.8 arcmin off axis; above 5 keV 5 per cent are."""
    (events,) = simulate_observations(scene_of(background_cps_per_pixel=7.5e-6, number=6), seed=6)
    radius = np.hypot(events.detx - 300.0, events.dety - 300.0)
    for first, last, ratio in ((100, 200, 0.81), (500, 1000, 0.98)):
        chosen = (events.pi >= first) & (events.pi < last)
        inner = (chosen & (radius < 150)).sum() / 150**2
        outer = (chosen & (radius > 260) & (radius < 290)).sum() / (290**2 - 260**2)
        assert outer / inner == pytest.approx(ratio, abs=0.07)


def test_background_is_like_a_real_field(validation_data):
    """Events per second, without those of the two sources, of 00085374001 and 00085374005."""
    (simulated,) = simulate_observations(scene_of(background_cps_per_pixel=7.5e-7, start_s=LATE_S, number=4), seed=6)
    for real in (validation_data / "deepsky_archive_obs" / "obs").rglob("*xpcw3po_cl.evt.gz"):
        with fits.open(real) as hdus:
            table, exposure = hdus["EVENTS"].data, hdus["EVENTS"].header["EXPOSURE"]
            hard = (table["PI"] >= 200) & (table["PI"] <= 1000)
            rate = hard.sum() / exposure
        ours = ((simulated.pi >= 200) & (simulated.pi <= 1000)).sum() / simulated.exposure.value
        assert ours == pytest.approx(rate, rel=0.35)


# --- Place ------------------------------------------------------------------


def test_enclosed_energy_is_that_of_the_king_profile():
    """Published for 1.5 keV on axis: 0.737 in 8, 0.824 in 12, 0.896 in 20, 0.931 in 30 pixels."""
    (simulated,) = simulate_labelled(scene_of(4.0, number=12, wt_above_cps=1e9), seed=7)
    events = simulated.events
    x0, y0 = events.wcs.world_to_pixel(SkyCoord(150.0, 20.0, unit="deg"))
    radius = np.hypot(events.x - x0, events.y - y0)
    middle = np.abs(events.pi - 150) < 50
    for outer, fraction in ((8, 0.737), (12, 0.824), (20, 0.896), (30, 0.931)):
        assert (radius[middle] <= outer).mean() == pytest.approx(fraction, abs=0.012)
    psf = KingPSF.at(ENERGY_KEV, 0.2)
    expected = detected_weights() @ psf.enclosed(10.0) / (detected_weights() @ psf.enclosed(320.0))
    assert (radius <= 10.0).mean() == pytest.approx(expected, abs=0.012)


def test_detector_lies_on_the_sky_as_in_real_files():
    """DETX flipped, then turned by roll + 269.83 deg; boresight at DET (294.63, 298.78)."""
    roll_deg = 326.96
    scene = scene_of(start_s=LATE_S, background_cps_per_pixel=3e-6, roll_deg=roll_deg)
    (events,) = simulate_observations(scene, seed=8)
    design = np.stack([events.detx, events.dety, np.ones(len(events))], axis=1).astype(float)
    x_row, y_row = (np.linalg.lstsq(design, column.astype(float), rcond=None)[0] for column in (events.x, events.y))
    angle = np.radians(roll_deg + 269.83)
    assert x_row[:2] == pytest.approx([-np.cos(angle), -np.sin(angle)], abs=2e-3)
    assert y_row[:2] == pytest.approx([-np.sin(angle), np.cos(angle)], abs=2e-3)
    boresight = np.linalg.solve([x_row[:2], y_row[:2]], [499.5 - x_row[2], 499.5 - y_row[2]])
    assert boresight == pytest.approx([294.63, 298.78], abs=0.1)


def test_windowed_timing_is_a_line_through_the_source(burst):
    simulated = burst[0]
    events, source = simulated.events, simulated.source == 0
    assert np.unique(events.dety).size == 1
    assert events.detx.min() >= 200
    assert events.detx.max() <= 399
    x0, y0 = events.wcs.world_to_pixel(events.target_position)
    # The line runs along DETX: its direction is -exp(i (roll + 269.83 deg)).
    along = -np.exp(1j * np.radians(events.roll.value + 269.83))
    shift = ((events.x - x0) + 1j * (events.y - y0)) * np.conj(along)
    assert np.abs(shift.imag).max() < 6  # Jitter, drift and rounding.
    assert abs(np.median(shift.real[source])) < 0.5


def test_windowed_timing_has_the_collapsed_profile():
    """King profile of 1.5 keV summed along y: 0.737 in |x| < 5, 0.866 in 10, 0.934 in 20, 0.988 in the window."""
    (events,) = simulate_observations(scene_of(20.0), seed=14)
    assert events.mode is Mode.WT
    shift = np.abs(events.detx - 294.63)
    for half_width, fraction in ((5, 0.737), (10, 0.866), (20, 0.934)):
        # Whole columns: |x| < w + 0.5 on average.
        inside = 0.5 * ((shift < half_width - 0.37).mean() + (shift < half_width + 0.37).mean())
        assert inside == pytest.approx(fraction / 0.988, abs=0.012)


def test_pointing_scatter_is_capped_and_wobbles():
    scene = scene_of(2.0, number=6, pointing_scatter_arcmin=3.0, jitter_arcsec=1.5, start_s=EARLY_S)
    (events,) = simulate_observations(scene, seed=9)
    places = []
    for number in range(6):
        now = np.abs(events.met - scene.snapshots[number].start_s - 500) < 501
        places.append((np.median(events.detx[now]), np.median(events.dety[now])))
    distance = np.hypot(*(np.array(places) - [294.63, 298.78]).T) * PIXEL_ARCSEC / 60
    assert 1.0 < distance.max() < 3.6
    assert np.ptp(distance) > 0.3


def test_aspect_error_shifts_the_sky_only():
    (right,), (wrong,) = (
        simulate_observations(scene_of(2.0, aspect_error_arcsec=error), seed=10) for error in (0.0, 20.0)
    )
    assert np.array_equal(right.detx, wrong.detx)
    shift = np.array([np.mean(wrong.x - right.x), np.mean(wrong.y - right.y)])
    assert 1 < np.hypot(*shift) < 40


# --- Energies, grades, pile-up ----------------------------------------------


def test_channels_follow_the_redistribution():
    """Chi-square of 200 000 photons of 1.5 keV against the matrix row."""
    rng = np.random.Generator(np.random.PCG64(1))
    channels = _channels(np.full(200_000, 1.5), rng)
    row = tables.redistribution(1.5)[0] / tables.quantum_efficiency(1.5) * 200_000
    observed = np.bincount(channels, minlength=1024)
    used = row > 20
    chi_square = np.sum((observed[used] - row[used]) ** 2 / row[used])
    assert chi_square < used.sum() + 4 * np.sqrt(2 * used.sum())


def test_spectrum_of_a_source():
    (events,) = simulate_observations(scene_of(4.0, number=4, wt_above_cps=1e9), seed=11)
    folded = (SPECTRUM.detected / tables.quantum_efficiency(ENERGY_KEV)) @ tables.redistribution(ENERGY_KEV)
    for first, last in ((30, 100), (100, 200), (200, 1000)):
        share = ((events.pi >= first) & (events.pi < last)).sum() / in_band(events).sum()
        assert share == pytest.approx(folded[first:last].sum() / folded[30:1001].sum(), abs=0.012)


def test_grades_are_those_of_real_data():
    """Photon counting at 1 to 1.5 keV: 72 per cent single pixels, 15 per cent grade 1."""
    (events,) = simulate_observations(scene_of(4.0, number=2, wt_above_cps=1e9), seed=12)
    grade = events.grade[(events.pi >= 100) & (events.pi < 150)]
    assert (grade == 0).mean() == pytest.approx(0.725, abs=0.03)
    assert (grade == 1).mean() == pytest.approx(0.15, abs=0.03)
    assert (events.grade <= 4).mean() > 0.9


@pytest.mark.parametrize(
    ("rate_cps", "whole", "core", "ring"),
    [(0.3, 0.98, None, None), (0.6, 0.94, 0.89, 0.985), (2.0, 0.83, 0.68, 0.96), (5.0, 0.64, None, None)],
)
def test_pile_up_loses_events(rate_cps, whole, core, ring):
    """Share of the photons that is left, anywhere, within 4 and from 4 to 30 pixels.

    From an independent Monte Carlo of merged 3x3 islands, in which a photon on another one leaves an
    accepted grade in 67 per cent of cases; the shapes of the merged charges leave a little less.
    """
    number = int(6 / rate_cps) + 1
    scene = scene_of(rate_cps, number=number, wt_above_cps=1e9)
    (single,) = simulate_observations(scene, seed=13)
    (piled,) = simulate_observations(dataclasses.replace(scene, pile_up=True), seed=13)
    assert piled.pi.mean() > single.pi.mean()
    assert piled.header["SIMPILE"] is True
    centre = single.wcs.world_to_pixel(SkyCoord(150.0, 20.0, unit="deg"))
    alone, left = (np.hypot(events.x - centre[0], events.y - centre[1]) for events in (single, piled))
    for first, last, expected in ((0, 999, whole), (0, 4, core), (4, 30, ring)):
        if expected is not None:
            ratio = ((left >= first) & (left < last)).sum() / ((alone >= first) & (alone < last)).sum()
            assert ratio == pytest.approx(expected, abs=0.04)


def test_piled_up_photons_have_the_sum_of_the_energies_and_the_grade_of_their_shape():
    """Two singles side by side are a double, in one corner nothing, on one pixel a single; other frames are others."""
    frame = np.array([0, 0, 1, 1, 2, 2, 3, 4])
    detx = np.array([100.0, 101, 100, 101, 100, 100, 50, 50])
    dety = np.array([100.0, 100, 100, 101, 100, 100, 50, 50])
    pi = np.array([100, 150, 100, 150, 100, 150, 80, 90])
    zero = np.zeros(8)
    photons = Photons(np.arange(8.0), detx, dety, pi, np.zeros(8, dtype=int), zero, zero)
    events, frames, grade = merge_piled_up(photons, frame, np.zeros(8, dtype=int), Mode.PC)
    assert frames.tolist() == [0, 2, 3, 4]
    assert events.pi.tolist() == [250, 250, 80, 90]
    assert events.detx.tolist() == [101.0, 100.0, 50.0, 50.0]
    assert grade[0] in (1, 2, 3, 4)
    assert grade[1:].tolist() == [0, 0, 0]
    split = np.array([0, 11, 0, 11, 0, 11, 0, 0])  # Four pixels each: their neighbours spoil them.
    _, frames, grade = merge_piled_up(photons, frame, split, Mode.PC)
    assert frames.tolist() == [2, 3, 4]
    assert grade.tolist() == [11, 0, 0]


def test_windowed_timing_piles_up_at_high_rates():
    """Photons of one row time and neighbouring columns: 1.7675 ms, so a per cent at some ten ct/s."""
    scene = scene_of(300.0, duration_s=100.0)
    (single,) = simulate_observations(scene, seed=13)
    (piled,) = simulate_observations(dataclasses.replace(scene, pile_up=True), seed=13)
    assert 0.85 < len(piled) / len(single) < 0.97
    assert piled.grade.max() <= 2


# --- Background -------------------------------------------------------------


def test_particles_grow_towards_an_edge_and_the_share_of_the_sky_is_the_users():
    scene = scene_of(background_cps_per_pixel=7.5e-6, number=4, cosmic_share=0.0, particle_gradient=(0.2, 0.0))
    (events,) = simulate_observations(scene, seed=6)
    right, left = (events.detx > 300).sum(), (events.detx < 300).sum()
    assert right / left == pytest.approx(1.1 / 0.9, rel=0.06)
    upper, lower = (events.dety > 300).sum(), (events.dety < 300).sum()
    assert upper / lower == pytest.approx(1.0, rel=0.06)
    (cosmic,) = simulate_observations(dataclasses.replace(scene, cosmic_share=1.0), seed=6)
    assert (cosmic.pi > 500).mean() < 0.06 < (events.pi > 500).mean()


def test_flickering_pixels_are_soft_and_in_one_place():
    scene = scene_of(flickering_pixels=3, number=2, background_cps_per_pixel=1e-8)
    (events,) = simulate_observations(scene, seed=6)
    places, number = np.unique(np.stack([events.detx, events.dety]), axis=1, return_counts=True)
    assert 3 <= (number > 3).sum() <= 6
    assert places.shape[0] == 2
    assert np.median(events.pi) < 40


# --- Shapes, spectra and off-axis angles ------------------------------------


def test_beta_model_has_its_profile():
    """Half of the light of beta = 2/3, cut off at infinity, lies within sqrt(3) core radii."""
    shape = BetaModel(30.0, reach_arcsec=1e6)
    rng = np.random.Generator(np.random.PCG64(1))
    x, y = shape.places(200_000, None, np.array([500.0, 400.0]), rng)
    radius = np.hypot(x - 500.0, y - 400.0) * PIXEL_ARCSEC
    assert (radius < 30.0 * np.sqrt(3.0)).mean() == pytest.approx(0.5, abs=0.005)
    assert np.median(x) == pytest.approx(500.0, abs=0.2)


def test_extended_source_is_wider_than_the_profile_and_keeps_its_counts():
    scene = scene_of(2.0, wt_above_cps=1e9)
    wide = dataclasses.replace(scene.target, shape=BetaModel(40.0, reach_arcsec=200.0))
    (point,), (cluster,) = (
        simulate_observations(dataclasses.replace(scene, sources=(source,)), seed=3) for source in (scene.target, wide)
    )
    spread = [np.median(np.hypot(events.x - 499.5, events.y - 499.5)) for events in (point, cluster)]
    assert spread[1] > 3 * spread[0]
    assert len(cluster) / len(point) == pytest.approx(1.0, abs=0.06)


def test_image_gives_the_shape():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 20.0], [2, 2]
    wcs.wcs.cdelt = [-0.02, 0.02]
    brightness = np.zeros((3, 3))
    brightness[0, 0] = brightness[2, 2] = 1.0
    scene = scene_of(2.0, wt_above_cps=1e9)
    source = dataclasses.replace(scene.target, shape=ImageShape(brightness, wcs))
    (events,) = simulate_observations(dataclasses.replace(scene, sources=(source,)), seed=3)
    # Pixels of 0.02 degrees are 30.5 of the XRT; the two are in opposite corners.
    along, across = events.x + events.y - 999, events.x - events.y
    assert (np.abs(across) < 40).mean() > 0.85
    assert (np.abs(along) > 20).mean() > 0.85
    assert source.shape.centroid.separation(SkyCoord(150, 20, unit="deg")).arcsec < 0.1


def test_sources_off_axis_are_vignetted_and_blurred():
    """10 arcmin off axis, 1.5 keV: 79 per cent of the photons; profile with the coefficients of the calibration."""
    (on_axis,), (off_axis,) = (
        simulate_observations(
            scene_of(4.0, wt_above_cps=1e9, number=2, pointing_offset_arcmin=(offset, 0.0), start_s=EARLY_S), seed=4
        )
        for offset in (0.0, 10.0)
    )
    middle = [np.abs(events.pi - 150) < 50 for events in (on_axis, off_axis)]
    assert middle[1].sum() / middle[0].sum() == pytest.approx(0.79, abs=0.05)


def test_spectrum_of_a_table_is_that_of_the_channels():
    """All photons between 2 and 3 keV."""
    spectrum = TabulatedSpectrum((1.999, 2.0, 3.0, 3.001), (0.0, 1.0, 1.0, 0.0))
    scene = scene_of(2.0, wt_above_cps=1e9)
    source = dataclasses.replace(scene.target, spectrum=spectrum)
    (events,) = simulate_observations(dataclasses.replace(scene, sources=(source,)), seed=3)
    assert ((events.pi > 190) & (events.pi < 310)).mean() > 0.9


# --- Attitude, frames, exposure ---------------------------------------------


@pytest.fixture(scope="module")
def pointed():
    """Two snapshots near the pole, where north turns within the field, with an error of the aspect."""
    source = Source("target", 40.0, 85.0, Constant(0.5), SPECTRUM)
    snapshots = (Snapshot(LATE_S, 600.0), Snapshot(LATE_S + 6000, 600.0, roll_deg=100.0))
    scene = scene_of(
        sources=(source,), snapshots=snapshots, background_cps_per_pixel=3e-6, pointing_scatter_arcmin=1.5,
        jitter_arcsec=1.5, drift_arcsec=5.0, aspect_error_arcsec=10.0,
    )  # fmt: skip
    (observation,) = simulate_field(scene, seed=2)
    return observation


def test_attitude_puts_the_events_where_they_are(pointed):
    events, attitude = pointed.files[0].events, pointed.attitude
    index = np.searchsorted(attitude.met, events.met + 0.5 * PC_FRAME_TIME_S)
    x, y = events.wcs.world_to_pixel(attitude.coord[index])
    away = []
    for k in range(0, len(events), 7):
        sky = SkyCoord(attitude.ra_deg[index[k]], attitude.dec_deg[index[k]], unit="deg", frame="fk5")
        north = sky.directional_offset_by(0 * u.deg, 1 * u.arcsec)
        direction = np.diff(np.transpose(events.wcs.world_to_pixel(SkyCoord([sky, north]))), axis=0)[0]
        turned = np.degrees(np.arctan2(-direction[0], direction[1]))  # North on the image, from y to -x.
        pointing = nominal_pointing(attitude.roll_deg[index[k]] + turned, x[k], y[k])
        place = pointing.to_sky(events.detx[k], events.dety[k], pointing.offset[0])
        away.append((place[0] - events.x[k], place[1] - events.y[k]))
    assert np.abs(np.mean(away, axis=0)).max() < 0.1
    assert np.std(away, axis=0).max() < 0.6  # Two roundings and the second between rows.
    assert np.ptp(attitude.roll_deg) > 90


def test_frames_hold_all_events(pointed):
    assert sum(int(one.counts.sum()) for one in pointed.frames) == len(pointed.files[0].events)
    for one in pointed.frames:
        assert np.allclose(one.stop_s - one.start_s, PC_FRAME_TIME_S)
        assert np.allclose(one.start_s[1:], one.stop_s[:-1])


def test_true_exposure_is_the_good_time_and_has_the_bad_columns(pointed):
    exposure = pointed.exposure()
    good_s = pointed.files[0].events.gti.exposure_s
    assert exposure.max() == pytest.approx(good_s)
    events = pointed.files[0].events
    assert (exposure[events.y, events.x] > 0).mean() > 0.999
    live = sum(
        one.counts.size * PC_FRAME_TIME_S * live_map(Mode.PC, LATE_S, bad_pixels(Mode.PC, LATE_S)).sum()
        for one in pointed.frames
    )
    assert exposure.sum() == pytest.approx(live, rel=2e-3)


# --- Scenes -----------------------------------------------------------------


def test_scene_says_what_is_wrong():
    with pytest.raises(RequestError, match="target is missing"):
        scene_of(sources=())
    with pytest.raises(RequestError, match="nothing is observed"):
        scene_of(snapshots=())
    with pytest.raises(RequestError, match="overlap"):
        scene_of(snapshots=(Snapshot(0.0, 100.0), Snapshot(50.0, 100.0)))
    with pytest.raises(RequestError, match="at least one frame"):
        scene_of(snapshots=(Snapshot(0.0, 1.0),))
    with pytest.raises(RequestError, match="names must differ"):
        scene_of(sources=(scene_of().target,) * 2)
    with pytest.raises(RequestError, match="one more slope"):
        Afterglow(0.0, slopes=(1.0,))


def test_field_sources_follow_the_number_counts():
    """N(>S) = 150 (S / 1e-14)^-1.2 per square degree."""
    made = [field_sources(10.0, -5.0, seed=seed, least_flux_cgs=1e-14) for seed in range(30)]
    area = np.pi * (11.0 / 60) ** 2
    flux = np.array([source.curve.level_cps * source.spectrum.flux_per_rate for field in made for source in field])
    assert flux.size / 30 == pytest.approx(150 * area, rel=0.1)
    assert (flux > 3e-14).sum() / 30 == pytest.approx(150 * 3**-1.2 * area, rel=0.2)


def test_no_source_is_near_the_burst_of_the_default_scene():
    scene = default_scene()
    target = SkyCoord(scene.target.ra_deg, scene.target.dec_deg, unit="deg")
    others = SkyCoord([(source.ra_deg, source.dec_deg) for source in scene.sources[1:]], unit="deg")
    assert target.separation(others).arcmin.min() > 3.5
