"""Plans of exposures against simulations and closed forms."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.counts import kbn_significance, kbn_upper_limit
from swiftxrt.engine.plan import _detection_probability, plan_exposure
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.scene import Scene, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Sinusoid
from swiftxrt.exceptions import RequestError

PLACE = SkyCoord(150.0, 20.0, unit="deg")
RATE = u.ct / u.s
# Before the columns were damaged, and without scatter: as plans assume.
STEADY = {"pointing_scatter_arcmin": 0.0, "jitter_arcsec": 0.0, "drift_arcsec": 0.0, "pile_up": False}


def counted(rate: float, radius_pix: float, number: int, exposure_s: float, offset: float = 0.0) -> np.ndarray:
    """Events of 0.3-10 keV in a circle around the source, in so many simulated snapshots."""
    from astropy.time import Time

    source = Source.at(PLACE, rate=rate * RATE)
    scene = Scene.of(
        source, exposure=number * exposure_s * u.s, snapshot=exposure_s * u.s, start=Time("2005-02-12"),
        pointing_offset_arcmin=(offset, 0.0), **STEADY,
    )  # fmt: skip
    (events,) = simulate_observations(scene, seed=11)
    x, y = events.wcs.world_to_pixel(PLACE)
    chosen = (np.hypot(events.x - x, events.y - y) <= radius_pix) & (events.pi >= 30) & (events.pi <= 1000)
    starts = np.array([one.start_s for one in scene.snapshots])
    return np.bincount(np.searchsorted(starts, events.met[chosen] + 0.1) - 1, minlength=number)


@pytest.mark.parametrize(("rate", "exposure_s", "offset"), [(0.004, 1000.0, 0.0), (0.3, 300.0, 0.0), (0.3, 300.0, 8.0)])
def test_counts_and_chances_are_those_of_simulations(rate: float, exposure_s: float, offset: float) -> None:
    number, live_s = 100, exposure_s * 0.996
    # The boresight is 5.4 pixels off the optical axis.
    (plan,) = plan_exposure(rate * RATE, live_s * u.s, off_axis=(offset + (0.2 if offset == 0 else 0.0)) * u.arcmin)
    counts = counted(rate, plan["radius"].to_value(u.arcsec) / 2.3573, number, exposure_s, offset)
    expected = (plan["source_counts"] + plan["background_counts"]).value
    # A frame that is not complete is not read: up to 2.5 s less.
    assert counts.mean() == pytest.approx(expected, abs=3 * np.sqrt(expected / number) + expected * 2.5 / exposure_s)
    background = plan["background_counts"].value
    found = (kbn_significance(counts, background) >= 3).mean()
    assert found == pytest.approx(plan["detection_probability"], abs=0.1)
    error = np.std(counts) * (plan["rate"] / plan["source_counts"]).value
    assert plan["rate_error"].value == pytest.approx(error, rel=0.2)


def test_corrected_rate_is_the_true_one() -> None:
    for rate in (1e-4, 1e-2, 1.0):
        plan = plan_exposure(rate * RATE, [0.1, 10] * u.ks, off_axis=5 * u.arcmin)
        assert plan["rate"].value == pytest.approx(rate, rel=0.02)
        assert plan["radius"].unit == u.arcsec
    assert (plan["source_counts"][1] / plan["source_counts"][0]).value == pytest.approx(100)


def test_bright_source_in_closed_form() -> None:
    """No background: Poisson errors of the counts in 30 pixels, all corrected with the profile at 1.5 keV."""
    (plan,) = plan_exposure(0.58 * RATE, 10 * u.ks, background=0 * RATE)
    factor = 1 / float(KingPSF.at(1.5, 0.0).enclosed(30.0))
    counts = plan["source_counts"].value
    assert counts == pytest.approx(0.58e4 / factor, rel=0.01)
    assert plan["rate_error"].value == pytest.approx(np.sqrt(counts) * factor / 1e4, rel=0.01)
    assert plan["snr"] == pytest.approx(np.sqrt(counts), rel=0.01)
    assert np.isinf(plan["significance"])
    assert plan["detection_probability"] == pytest.approx(1)
    assert plan["radius"].value == pytest.approx(30 * 2.3573, rel=1e-3)


def test_radius_follows_the_rate() -> None:
    radii = [plan_exposure(rate * RATE, 1 * u.ks)["radius"][0].value / 2.3573 for rate in (2e-4, 2e-3, 0.03, 0.3, 2)]
    assert radii == pytest.approx([5, 9, 15, 25, 30], rel=1e-3)


def test_pile_up_is_told() -> None:
    piled = [bool(plan_exposure(rate * RATE, 1 * u.ks)["pile_up"][0]) for rate in (0.5, 0.7)]
    assert piled == [False, True]
    assert not plan_exposure(100 * RATE, 1 * u.ks, mode="WT")["pile_up"][0]
    assert plan_exposure(200 * RATE, 1 * u.ks, mode="WT")["pile_up"][0]


def test_limit_of_an_empty_place_is_the_mean_over_the_counts() -> None:
    """12 pixels of 7.5e-7 ct/s each."""
    background = np.pi * 144 * 7.5e-7 * 1e4
    rng = np.random.default_rng(1)
    limits = kbn_upper_limit(rng.poisson(background, 20_000), background)
    factor = 1 / float(KingPSF.at(1.5, 4.0).enclosed(12.0) * vignetting(1.5, 4.0))
    (plan,) = plan_exposure(0 * RATE, 10 * u.ks, off_axis=4 * u.arcmin)
    assert plan["upper_limit"].value == pytest.approx(limits.mean() * factor / 1e4, rel=0.02)
    assert np.isnan(plan["position_radius"])
    assert plan["snr"] == plan["significance"] == 0
    assert plan["detection_probability"] < 0.003


def test_detection_probability_is_a_sum_over_counts() -> None:
    for source, background in ((3.0, 0.5), (10.0, 4.0), (0.5, 0.0), (40.0, 100.0)):
        draws = np.random.default_rng(2).poisson(source + background, 50_000)
        found = (kbn_significance(draws, background) >= 3).mean()
        assert _detection_probability(source + background, background) == pytest.approx(found, abs=0.01)


def test_position_radius_is_that_of_the_mission() -> None:
    """Statistical 90 per cent radius of 15 to 20 arcsec over the root of the counts, then 3.5 arcsec."""
    (plan,) = plan_exposure(0.05 * RATE, 2 * u.ks)
    statistical = np.sqrt(plan["position_radius"].value ** 2 - 3.5**2)
    assert 14 < statistical * np.sqrt(0.05 * 2000) < 20
    (long,) = plan_exposure(0.05 * RATE, 2000 * u.ks)
    assert long["position_radius"].value == pytest.approx(3.5, abs=0.01)


def test_flux_and_source_are_the_same() -> None:
    flux = 1e-12 * u.erg / u.s / u.cm**2
    one, two = plan_exposure(flux, 1 * u.ks), plan_exposure(Source.at(PLACE, flux=flux), 1 * u.ks)
    assert one["rate"][0] == two["rate"][0]
    hard = plan_exposure(Source.at(PLACE, flux=flux, photon_index=0.5), 1 * u.ks)
    assert hard["source_counts"][0] < one["source_counts"][0]


def test_very_long_exposures_have_finite_values() -> None:
    plan = plan_exposure(1.0 * RATE, 1e4 * u.ks)
    assert np.isfinite([plan[name][0].value if hasattr(plan[name][0], "value") else plan[name][0] for name in
                        ("rate_error", "snr", "significance", "upper_limit", "position_radius")]).all()  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1.0, 1 * u.ks), "a Source, a count rate or a flux"),
        ((1 * u.m, 1 * u.ks), "source|rate"),
        ((-1 * RATE, 1 * u.ks), "at least 0"),
        ((RATE * 1, 1000), "exposure"),
        ((RATE * 1, 0 * u.s), "exposure"),
        ((Source.at(PLACE, rate=1 * RATE, extent=1 * u.arcmin), 1 * u.ks), "constant point source"),
        ((Source.at(PLACE, rate=Sinusoid(1, 0.1, 10)), 1 * u.ks), "constant point source"),
    ],
)
def test_plans_say_what_is_wrong(arguments: tuple[object, object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        plan_exposure(*arguments)  # type: ignore[arg-type]


def test_calibration_of_plans_goes_by_name() -> None:
    plans = [plan_exposure(0.1 * RATE, 1 * u.ks, calibration=name)["rate_error"][0] for name in ("v004", "v006")]
    assert plans[0] == plan_exposure(0.1 * RATE, 1 * u.ks)["rate_error"][0] != plans[1]


def test_plans_are_shown_with_short_numbers() -> None:
    plan = plan_exposure(0.01 * RATE, 1 * u.ks)
    assert max(len(word) for line in plan.pformat() for word in line.split()) <= len("detection_probability")
    assert max(len(word) for word in plan.pformat()[-1].split()) <= len("0.000123456")


@pytest.mark.parametrize(
    "options",
    [
        *({"off_axis": 3}, {"off_axis": 1 * u.deg}, {"background": 1 * u.s}, {"mode": "PU"}),
        *({"calibration": "v005"}, {"calibration": None}),
    ],
)
def test_options_of_plans_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(RequestError, match=next(iter(options))):
        plan_exposure(1 * RATE, 1 * u.ks, **options)  # type: ignore[arg-type]
