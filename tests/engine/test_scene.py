"""Sources and scenes from quantities, spectra from whatever describes them."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.modeling.models import PowerLaw1D
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.time import Time
from astropy.wcs import WCS

from swiftxrt.engine.scene import Scene, Source
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Sinusoid, SummedSpectrum, TabulatedCurve
from swiftxrt.engine.source_shapes import BetaModel
from swiftxrt.engine.source_spectra import spectrum_from
from swiftxrt.exceptions import RequestError

PLACE = SkyCoord(150.0, 20.0, unit="deg")
RATE = 0.2 * u.ct / u.s
DENSITY = 1 / (u.cm**2 * u.s * u.keV)
ENERGY = np.geomspace(0.2, 12.0, 500) * u.keV


def power_law(energy: u.Quantity) -> u.Quantity:
    return energy.to_value(u.keV) ** -1.7 * DENSITY


@pytest.mark.parametrize(
    "given",
    [
        power_law,
        PowerLaw1D(amplitude=1.0, x_0=1.0, alpha=1.7),
        PowerLaw1D(amplitude=1.0 * u.ph / (u.cm**2 * u.s * u.keV), x_0=1 * u.keV, alpha=1.7),
        QTable([ENERGY, power_law(ENERGY)], names=["energy", "flux"]),
        QTable([ENERGY[::-1].to(u.AA, u.spectral()), (power_law(ENERGY) * ENERGY)[::-1].to(1 / (u.cm**2 * u.s))]),
        (ENERGY.to(u.Hz, u.spectral()), power_law(ENERGY).to(1 / (u.m**2 * u.s * u.J))),
        AbsorbedPowerLaw(1.7, 0.0),
    ],
    ids=["function", "model", "model with units", "table", "wavelength and energy flux", "pair", "own"],
)
def test_the_same_spectrum_in_other_words(given: object) -> None:
    """The power law of 1 photon per cm2, s and keV at 1 keV behind 5e20 cm-2."""
    assert spectrum_from(given, 5e20).rate_cps == pytest.approx(AbsorbedPowerLaw(1.7, 5e20).rate_cps, rel=1e-3)


def test_spectra_add_up_and_scale() -> None:
    one, two = AbsorbedPowerLaw(1.7, 5e20), spectrum_from(power_law, 1e21)
    both = one + 2.0 * two
    assert both.rate_cps == pytest.approx(one.rate_cps + 2 * two.rate_cps)
    assert (3.0 * both).rate_cps == pytest.approx(3 * both.rate_cps)
    behind = spectrum_from(both, 1e21)
    assert isinstance(behind, SummedSpectrum)
    assert behind.rate_cps == pytest.approx(
        AbsorbedPowerLaw(1.7, 1.5e21).rate_cps + 2 * AbsorbedPowerLaw(1.7, 2e21).rate_cps, rel=1e-3
    )
    with pytest.raises(TypeError):
        one + 3.0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "an astropy model"),
        (lambda energy: energy.value, "returns no quantity"),
        ((ENERGY, ENERGY), "photons per area"),
        ((ENERGY, -power_law(ENERGY)), "not negative"),
        ((ENERGY, power_law(ENERGY)[1:]), "differ in shape"),
        ((ENERGY + 20 * u.keV, power_law(ENERGY)), "no photons that the XRT sees"),
        (QTable({"energy": [1.0, 2.0], "flux": [1.0, 2.0]}), "has no unit"),
        (QTable({"energy": [1.0, 2.0] * u.keV}), "columns of energy and of flux"),
    ],
)
def test_no_spectra(given: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        spectrum_from(given)


def test_flux_gives_the_rate_of_the_embedded_response() -> None:
    """0.260 ct/s for 1e-11 erg/cm2/s of photon index 1.7 behind 5e20 cm-2, to the accuracy of the responses."""
    source = Source.at(PLACE, flux=1e-11 * u.erg / u.s / u.cm**2)
    assert source.rate.to_value(u.ct / u.s) == pytest.approx(0.260, rel=0.02)
    assert Source.at(PLACE, flux=1e-14 * u.W / u.m**2).rate == source.rate
    model = PowerLaw1D(amplitude=1.0, x_0=1.0, alpha=1.7)
    absorbed = Source.at(PLACE, flux=1e-11 * u.erg / u.s / u.cm**2, spectrum=model, column_density=5e20 / u.cm**2)
    assert absorbed.rate.value == pytest.approx(source.rate.value, rel=1e-3)


def test_spectrum_alone_says_how_bright() -> None:
    source = Source.at(PLACE, spectrum=1e-3 * AbsorbedPowerLaw(2.0, 1e21))
    assert source.rate.value == pytest.approx(1e-3 * AbsorbedPowerLaw(2.0, 1e21).rate_cps)


def test_light_curve_as_times_and_rates() -> None:
    times = Time(["2020-01-01", "2020-01-02"])
    source = Source.at(PLACE, rate=(times, [2.0, 1.0] * u.ct / u.s))
    assert isinstance(source.curve, TabulatedCurve)
    first = source.curve.met_s[0]
    assert source.curve.rate_cps(first + np.array([-10, 0, 43200, 1e6])) == pytest.approx([2, 2, 1.5, 1])


def test_sinusoid() -> None:
    curve = Sinusoid(2.0, 0.5, 100.0, maximum_met_s=10.0)
    assert curve.rate_cps([10.0, 35.0, 60.0]) == pytest.approx([3, 2, 1])
    with pytest.raises(RequestError, match="fraction from 0 to 1"):
        Sinusoid(1.0, 2.0, 1.0)


def test_extended_sources() -> None:
    source = Source.at(PLACE, rate=RATE, extent=1 * u.arcmin, beta=0.7)
    assert source.shape == BetaModel(60.0, 0.7)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (
        ["RA---TAN", "DEC--TAN"],
        [150, 20],
        [2, 2],
        [-0.01, 0.01],
    )
    image = CCDData(np.ones((3, 3)), wcs=wcs, unit=u.one)
    assert Source.at(image=image, rate=RATE).position.separation(PLACE).arcsec < 1e-3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": None}, "how bright is it"),
        ({"rate": 3}, "a quantity in ct / s"),
        ({"rate": -RATE}, "at least 0"),
        ({"rate": [1, 2] * RATE}, "one value"),
        ({"flux": 1e-12 * u.erg / u.s / u.cm**2}, "not both"),
        ({"position": None}, "a SkyCoord"),
        ({"position": SkyCoord([1, 2], [3, 4], unit="deg")}, "a SkyCoord of one"),
        ({"extent": 3 * u.s}, "arcsec"),
        ({"extent": -1 * u.arcsec}, "core radius within"),
        ({"extent": 1 * u.arcmin, "beta": 0.4}, "beta above 0.5"),
        ({"extent": 1 * u.arcmin, "image": 3}, "not both"),
        ({"image": np.ones((2, 2))}, "data and wcs"),
        ({"spectrum": 3}, "an astropy model"),
        ({"photon_index": 99}, "from -10 to 10"),
        ({"photon_index": "x"}, "photon_index: a number from -10 to 10 is needed; got 'x'"),
        ({"extent": 1 * u.arcmin, "beta": "x"}, "beta: a number is needed; got 'x'"),
        ({"column_density": 1 * u.cm}, "1 / cm2"),
        ({"name": " "}, "a text"),
        ({"rate": (Time(["2020-01-02", "2020-01-01"]), [1, 2] * RATE)}, "ascending times"),
    ],
)
def test_sources_say_what_is_wrong(changes: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Source.at(**({"position": PLACE, "rate": RATE} | changes))  # type: ignore[arg-type]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        Source.at("here", rate=1, extent=2 * u.s, column_density=1)  # type: ignore[arg-type]
    assert {name for name, _ in caught.value.problems} == {"position", "rate", "extent", "column_density"}
    with pytest.raises(RequestError) as caught:
        Scene.of(Source.at(PLACE, rate=RATE), exposure=3, mode="PU", roll=1 * u.s, colour="red")  # type: ignore[arg-type]
    assert {"exposure", "mode", "colour"} <= {name for name, _ in caught.value.problems}


def test_exposures_become_observations_and_snapshots() -> None:
    source = Source.at(PLACE, rate=RATE)
    scene = Scene.of(source, exposure=[4, 1] * u.ks, start=Time("2021-03-04"), roll=[10, 200] * u.deg)
    assert [(one.segment, one.duration_s, one.roll_deg) for one in scene.snapshots] == [
        *[(0, pytest.approx(4000 / 3), 10)] * 3,
        (1, 1000, 200),
    ]
    assert scene.exposure == 5 * u.ks
    assert abs(scene.start - Time("2021-03-04")) < 1 * u.ms
    assert np.diff([one.start_s for one in scene.snapshots]) == pytest.approx([5754, 5754, 86400 - 2 * 5754])
    assert scene.pile_up
    starts = Time(["2021-03-04", "2021-04-04"])
    assert (
        Scene.of(source, exposure=[1, 1] * u.ks, start=starts).snapshots[1].start_s > scene.snapshots[-1].stop_s + 1e6
    )


def test_scene_looks_where_it_is_told() -> None:
    source = Source.at(PLACE, rate=RATE)
    pointing = PLACE.spherical_offsets_by(3 * u.arcmin, -2 * u.arcmin)
    assert Scene.of(source, pointing=pointing).pointing_offset_arcmin == pytest.approx((3, -2))
    assert Scene.of(source, mode="WT").wt_above_cps < 0
    assert Scene.of(source, jitter_arcsec=0.0).jitter_arcsec == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": 2020}, "a Time"),
        (
            {"start": "2020-01-01"},
            r"start: a Time is needed, such as Time\('2020-01-01T12:00:00'\) .*; got '2020-01-01'",
        ),
        ({"start": [Time("2020-01-01")]}, r"start: a Time is needed, such as Time\(\[...\]\)"),
        ({"name": 5}, "name: a text is needed; got 5"),
        ({"target_id": "5"}, "target_id: a target ID has eight digits, .*; got '5'"),
        ({"pile_up": "no"}, "pile_up: True or False is needed; got 'no'"),
        ({"start": Time("1999-01-01")}, "start: the launch of Swift, 2004-11-20, or later is needed; got .*1999"),
        ({"start": Time(["2003-01-01", "2020-02-01"]), "exposure": [1, 1] * u.ks}, "start: the launch of Swift"),
        ({"roll": [1, 2, 3] * u.deg}, "one value, or one for each"),
        ({"start": Time(["2020-01-01", "2020-02-01"])}, "one value, or one for each"),
        ({"background": 1}, "ct / s"),
        ({"exposure": [1, 1] * u.ks, "start": Time(["2020-01-01", "2020-01-01"])}, "overlap"),
        ({"cosmic_share": 2.0}, "share of 0 to 1"),
        ({"particle_gradient": (2.0, 0.0)}, "from -1 to 1"),
        ({"pointing": 3}, "SkyCoord"),
    ],
)
def test_scenes_say_what_is_wrong(changes: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Scene.of(Source.at(PLACE, rate=RATE), **changes)  # type: ignore[arg-type]


def test_scene_needs_a_source() -> None:
    with pytest.raises(RequestError, match="target is missing"):
        Scene.of([])
    for given in (5, [5], [Source.at(PLACE, rate=RATE), None]):
        with pytest.raises(RequestError, match="sources: a Source, or several, is needed; got"):
            Scene.of(given, exposure=1 * u.ks, pointing=PLACE)  # type: ignore[arg-type]


def test_one_mistake_is_one_problem() -> None:
    source = Source.at(PLACE, rate=RATE)
    with pytest.raises(RequestError) as caught:
        Scene.of(source, roll=3)  # type: ignore[arg-type]
    assert caught.value.problems == (("roll", "a quantity in deg is needed; got 3"),)
    with pytest.raises(RequestError, match="did you mean 'jitter_arcsec'"):
        Scene.of(source, jiter_arcsec=3)
