"""Models: closed forms, names, ties, what is refused."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.absorption import cross_section_cm2
from swiftxrt.fitting.components import COMPONENTS
from swiftxrt.fitting.expression import derivative
from swiftxrt.fitting.gaunt import gaunt_factor
from swiftxrt.fitting.grid import EnergyGrid

NORM = u.ph / (u.cm**2 * u.s * u.keV)
ERG = u.keV.to(u.erg)


@pytest.mark.parametrize("index", [-1.0, 0.5, 1.0, 1.7, 2.0, 3.3])
def test_power_law_integrals(index):
    power_law = models.PowerLaw(index, 2 * NORM)

    def integral(slope, low, high):
        return np.log(high / low) if slope == 0 else (high**slope - low**slope) / slope

    photons = power_law.photons([0.3, 1.1, 10] * u.keV).value
    assert photons == pytest.approx([2 * integral(1 - index, *ends) for ends in ((0.3, 1.1), (1.1, 10))], rel=1e-9)
    flux = power_law.flux("0.3-10 keV").value
    assert flux == pytest.approx(2 * ERG * integral(2 - index, 0.3, 10), rel=1e-6, abs=0)
    assert power_law(4 * u.keV).to_value(NORM) == pytest.approx(2 * 4**-index, rel=1e-9)


@pytest.mark.parametrize("index", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("band", [(0.01, 100), (1e-3, 1e3)])
def test_fluxes_of_bands_over_many_decades(index, band):
    def integral(slope):
        return np.log(band[1] / band[0]) if slope == 0 else (band[1] ** slope - band[0] ** slope) / slope

    power_law = models.PowerLaw(index, 2 * NORM)
    assert power_law.flux(band * u.keV).value == pytest.approx(2 * ERG * integral(2 - index), rel=1e-5, abs=0)
    assert power_law.photons(band * u.keV).value == pytest.approx([2 * integral(1 - index)], rel=1e-5)
    cool = models.BlackBody(0.1 * u.keV, 1.0).flux((1e-3, 1e3) * u.keV).value
    assert cool == pytest.approx(8.0525 * np.pi**4 / 15 * ERG, rel=1e-4, abs=0)


def test_black_body_has_the_luminosity_of_its_norm():
    """8.0525 pi**4 / 15 keV per cm2 and s: 1e39 erg/s at 10 kpc to the digits of XSPEC's constant."""
    flux = models.BlackBody(1 * u.keV, 1.0).flux((1e-3 * u.keV, 100 * u.keV)).value
    assert flux == pytest.approx(8.0525 * np.pi**4 / 15 * ERG, rel=3e-5, abs=0)
    distance = (10 * u.kpc).to_value(u.cm)
    assert flux == pytest.approx(1e39 / (4 * np.pi * distance**2), rel=3e-3, abs=0)


def test_cut_off_and_broken_power_laws():
    cut = models.CutoffPowerLaw(1.4, 5 * u.keV, 1 * NORM)
    assert cut([2, 8] * u.keV).value == pytest.approx([2**-1.4 * np.exp(-0.4), 8**-1.4 * np.exp(-1.6)], rel=1e-6)
    broken = models.BrokenPowerLaw(1.2, 2 * u.keV, 2.7, 1 * NORM)
    assert broken([1, 4] * u.keV).value == pytest.approx([1, 2**1.5 * 4**-2.7], rel=1e-6)
    below, above = (1 - 2**-0.2) / 0.2, 2**1.5 * (2**-1.7 - 4**-1.7) / 1.7
    assert broken.photons([1, 4] * u.keV).value == pytest.approx([below + above], rel=1e-4)


def test_absorption_is_averaged_within_bins():
    """In bins of 5 eV over the edge of oxygen the mean transmission is not that of the middle."""
    model = models.TBabs(1e22 / u.cm**2) * models.PowerLaw(0, 1 * NORM)
    edges = np.linspace(0.50, 0.58, 17)
    fine = np.linspace(0.50, 0.58, 16_001)
    passed = np.exp(-1e22 * cross_section_cm2(fine))
    exact = np.array([np.trapezoid(passed[k : k + 1001], fine[k : k + 1001]) for k in range(0, 16_000, 1000)])
    ours = model.photons(edges * u.keV).value
    middle = np.exp(-1e22 * cross_section_cm2((edges[1:] + edges[:-1]) / 2)) * 0.005
    assert np.abs(ours / exact - 1).max() < 0.25 * np.abs(middle / exact - 1).max()
    assert ours.sum() == pytest.approx(exact.sum(), rel=2e-3)


def test_redshifted_absorption():
    model = models.ZTBabs(1e22 / u.cm**2, redshift=1.0)
    ratio = (model * models.PowerLaw(2, 1 * NORM))(1 * u.keV) / models.PowerLaw(2, 1 * NORM)(1 * u.keV)
    assert ratio.value == pytest.approx(np.exp(-1e22 * cross_section_cm2(2.0)), rel=1e-9)


def test_first_bin_may_begin_at_zero():
    assert np.isfinite(models.PowerLaw(2, 1 * NORM).photons([0, 0.005, 0.01] * u.keV).value).all()


@pytest.mark.parametrize("name", COMPONENTS)
def test_slopes_are_derivatives(name):
    component = COMPONENTS[name]
    values = {"nh": 1e21, "redshift": 0.3, "photon_index": 1.7, "cutoff_energy": 4.0, "norm": 1e-3}
    grid = EnergyGrid(np.linspace(0.3, 8, 40))
    own = np.array([values.get(item.name, 1.5) for item in component.parameters])
    at = component.evaluate(grid, *own)
    for place, item in enumerate(component.parameters):
        if item.name not in component.log_slopes:
            continue
        step = 1e-5 * own[place] * (np.arange(own.size) == place)
        difference = (component.evaluate(grid, *(own + step)) - component.evaluate(grid, *(own - step))) / (
            2 * step.sum()
        )
        slope = at * component.log_slopes[item.name](grid, *own)
        assert slope * own[place] == pytest.approx(difference * own[place], rel=1e-5, abs=1e-9 * np.abs(at).max())


def test_derivative_of_an_expression():
    tree = ("*", (0, ("+", (1, 2))))
    arrays = [np.array([2.0]), np.array([3.0]), np.array([5.0])]
    assert derivative(tree, arrays, 0, np.array([1.0])) == pytest.approx([8.0])
    assert derivative(tree, arrays, 2, np.array([1.0])) == pytest.approx([2.0])


def test_names_are_short_where_that_is_unique():
    model = models.TBabs() * models.ZTBabs(redshift=0.1) * (models.PowerLaw() + models.PowerLaw())
    assert model.expression == "tbabs*ztbabs*(powerlaw_1+powerlaw_2)"
    assert list(model.parameters)[:3] == ["tbabs.nh", "ztbabs.nh", "redshift"]
    assert model.set({"powerlaw_2.photon_index": 3}).parameters["powerlaw_2.photon_index"].value == 3
    assert models.PowerLaw().set({"powerlaw.photon_index": 3}).parameters["photon_index"].value == 3


def test_models_are_immutable_values():
    model = models.TBabs() * models.PowerLaw()
    changed = model.set(nh=3e21 / u.cm**2).freeze("nh").bound("photon_index", 1, 3)
    assert model.parameters["nh"].value == 1e21 / u.cm**2
    assert changed.parameters["nh"].frozen
    assert changed.parameters["photon_index"].bounds == (1, 3)
    assert not changed.thaw("nh").parameters["nh"].frozen
    assert pickle.loads(pickle.dumps(changed)) == changed != model
    assert hash(changed) == hash(model)


def test_units_are_converted():
    assert models.TBabs(1 * u.Unit("1e22 cm-2")).parameters["nh"].value == 1e22 / u.cm**2
    assert models.BlackBody(500 * u.eV).parameters["temperature"].value == 0.5 * u.keV
    hot = models.Bremsstrahlung(1e8 * u.K).bound("temperature", low=1e7 * u.K).parameters["temperature"]
    assert hot.value.to_value(u.keV) == pytest.approx(8.617333, rel=1e-6)  # k of the SI.
    assert hot.bounds[0].to_value(u.keV) == pytest.approx(0.8617333, rel=1e-6)
    assert models.PowerLaw(2, 1e-3 / (u.cm**2 * u.s * u.keV)).parameters["norm"].value == 1e-3 * NORM


def test_ties_follow_chains_and_untie():
    model = models.PowerLaw(1.5) + models.PowerLaw(2.5) + models.PowerLaw(3.5)
    first, second, third = (f"powerlaw_{n}.photon_index" for n in (1, 2, 3))
    tied = model.tie(third, to=second, factor=2).tie(second, to=first, factor=0.5)
    assert [tied.parameters[name].value for name in (first, second, third)] == [1.5, 0.75, 1.5]
    assert tied.parameters[third].tied == second
    assert tied.untie(second).parameters[second].value == 0.75
    joined = models.TBabs() * tied
    assert joined.parameters[third].value == 1.5


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: m.tie("nh", to="nh"), "loop"),
        (lambda m: m.tie("nh", to="photon_index"), "is in 1 / cm2 and cannot follow photon_index, which has no unit"),
        (lambda m: m.tie("nh", to="nothing"), "has the parameters"),
        (lambda m: m.set(nhh=1), "did you mean 'nh'"),
        (lambda m: m.set(nh=1e21), "Quantity in"),
        (lambda m: m.set(nh=[1, 2] / u.cm**2), "Quantity in"),
        (lambda m: m.set(photon_index=None), "only norms"),
        (lambda m: m.set(photon_index=11), "must be within"),
        (lambda m: m.bound("photon_index", 3, 1), "low < high"),
        (lambda m: m.bound("photon_index", high=np.inf), "a number is needed; got inf"),
        (lambda m: m.set(photon_index=np.nan), "a number is needed; got nan"),
        (lambda m: models.PowerLaw(11), "must be within -3 and 10; got 11"),
        (
            lambda m: m.bound("photon_index", 3, 4),
            r"photon_index: its value 2 is outside of the new bounds 3 and 4; call \.set\(photon_index=\.\.\.\) first",
        ),
        (
            lambda m: m.bound("tbabs.nh", 2e21 / u.cm**2),
            r"value 1e\+21 1 / cm2 is .*\.set\({'tbabs\.nh': \.\.\.}\) first",
        ),
        (lambda m: m.freeze("norm"), "no value yet"),
        (lambda m: m * models.PowerLaw(), "cannot be multiplied"),
        (lambda m: m + models.TBabs(), "cannot be added"),
        (lambda m: m.flux(), "has no value yet"),
        (lambda m: m([1, 2]), "energies are needed"),
        (lambda m: m.set(norm=1 * NORM)([0, 2] * u.keV), "energies must be positive"),
        (lambda m: m.set(norm=1 * NORM).photons([-1, 2] * u.keV), "energies must be positive"),
        (lambda m: m.tie("nh", to="nh", factor="2"), "factor: a finite number is needed; got '2'"),
        (lambda m: m.tie("nh", to="nh", factor=np.inf), "factor: a finite number is needed; got inf"),
        (lambda m: models.BlackBody(0.5), "temperature: kT as an energy, such as 0.5 \\* u.keV, or a temperature"),
        (lambda m: models.TBabs(1e21 * u.K), "nh: a Quantity in 1 / cm2"),
        (lambda m: models.TBabs().flux(), "emits no photons"),
        (lambda m: m.set(norm=1 * NORM).photons([2, 1] * u.keV), "increasing"),
    ],
)
def test_what_is_refused(change, text):
    with pytest.raises(RequestError, match=text):
        change(models.TBabs() * models.PowerLaw())


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Powerlaw", "PowerLaw"), ("TBAbs", "TBabs"), ("bbody", "BlackBody"), ("bremss", "Bremsstrahlung")],
)
def test_unknown_names_are_told_with_what_was_meant(name, meant):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'; did you mean '{meant}'") as caught:
        getattr(models, name)
    assert caught.value.name == name
    assert not hasattr(models, name)
    with pytest.raises(AttributeError, match="'apec'; it has BlackBody, .*, ZTBabs$"):
        _ = models.apec


def test_ties_in_a_loop_are_refused_with_the_loop():
    model = models.PowerLaw() + models.PowerLaw()
    tied = model.tie("powerlaw_1.photon_index", to="powerlaw_2.photon_index")
    with pytest.raises(RequestError, match="powerlaw_2.photon_index -> powerlaw_1.photon_index -> powerlaw_2"):
        tied.tie("powerlaw_2.photon_index", to="powerlaw_1.photon_index")


def test_models_of_the_service():
    plain = models.service_model("powerlaw")
    assert plain.expression == "tbabs*powerlaw"
    model = models.service_model("BlackBody", galactic_nh=5e20 / u.cm**2, redshift=0.3)
    assert model.expression == "tbabs*ztbabs*blackbody"
    assert model.parameters["tbabs.nh"].frozen
    assert model.parameters["redshift"].value == 0.3
    with pytest.raises(RequestError, match="APEC needs XSPEC"):
        models.service_model("APEC")
    with pytest.raises(RequestError, match="galactic_nh"):
        models.service_model(redshift=1.0)


def test_models_in_the_words_of_xspec():
    model = models.TBabs(3e21 / u.cm**2) * (models.PowerLaw(1.5, 1e-3 * NORM) + models.BlackBody(0.2 * u.keV, 1e-5))
    tied = (model * models.ZTBabs(redshift=0.1)).tie("ztbabs.nh", to="tbabs.nh", factor=2)
    xspec = tied.to_xspec()
    assert xspec.expression == "TBabs*(powerlaw+bbody)*zTBabs"
    assert [item.name for item in xspec.parameters] == ["nH", "PhoIndex", "norm", "kT", "norm", "nH", "Redshift"]
    assert xspec.parameters[0].value == pytest.approx(0.3)
    assert xspec.parameters[5].link == (1, 2.0)
    assert xspec.parameters[6].frozen


def test_wide_bins_with_edges_of_the_absorption():
    """Bins of 50 eV against narrow ones: oxygen, iron and neon have edges within."""
    model = models.TBabs(5e21 / u.cm**2) * models.PowerLaw(2, 1e-3 * NORM)
    wide = model.photons(np.linspace(0.3, 2.3, 41) * u.keV).value
    narrow = model.photons(np.linspace(0.3, 2.3, 20001) * u.keV).value.reshape(40, 500).sum(axis=1)
    assert wide == pytest.approx(narrow, rel=6e-3)


def test_bremsstrahlung_is_the_emission_of_its_plasma():
    """Emission of 6.842e-38 Z**2 n_e n_Z T**-0.5 exp(-x) g erg per s, cm3 and Hz, with 0.085 helium per hydrogen."""
    plasma = models.Bremsstrahlung(2 * u.keV, 1.0)
    energy = np.array([0.5, 2.0, 6.0])
    gaunt = gaunt_factor(energy / 2, 2.0, 1) + 0.085 * 4 * gaunt_factor(energy / 2, 2.0, 2)
    assert plasma(energy * u.keV).value == pytest.approx(gaunt * np.exp(-energy / 2) / energy / np.sqrt(2), rel=1e-6)
    kelvin_per_kev, planck_erg = 1.160452e7, 6.62607e-27
    assert 6.842e-38 / planck_erg / np.sqrt(kelvin_per_kev) == pytest.approx(3.02e-15, rel=5e-3, abs=0)


def test_density_has_the_shape_of_the_energies():
    law = models.PowerLaw(2, 1 * NORM)
    assert law(2 * u.keV).shape == ()
    assert law([[1, 2], [4, 8]] * u.keV).to_value(NORM) == pytest.approx(np.array([[1, 0.25], [1 / 16, 1 / 64]]))


def test_equality():
    one = models.TBabs() * models.PowerLaw()
    assert one == models.TBabs() * models.PowerLaw()
    assert one != models.PowerLaw()
    assert one != models.ZTBabs() * models.PowerLaw()
    assert one + models.BlackBody() != models.TBabs() * (models.PowerLaw() + models.BlackBody())
    assert one != one.set(photon_index=1.9)
    assert one != one.freeze("nh")
    assert one != "tbabs*powerlaw"


def test_what_a_model_says_of_itself():
    model = (models.PowerLaw() + models.PowerLaw(1.5, 1 * NORM)).freeze("powerlaw_2.norm")
    tied = model.tie("powerlaw_1.photon_index", to="powerlaw_2.photon_index", factor=2)
    assert repr(tied) == (
        "<Model powerlaw_1+powerlaw_2: powerlaw_1.photon_index = 2 x powerlaw_2.photon_index, "
        "powerlaw_1.norm = to be estimated, powerlaw_2.photon_index = 1.5, "
        "powerlaw_2.norm = 1 ph / (keV s cm2) (frozen)>"
    )
    back = pickle.loads(pickle.dumps(tied))
    assert back == tied
    assert back.parameters["powerlaw_1.photon_index"].factor == 2
    assert back.parameters["powerlaw_1.photon_index"].value == 3


def test_defaults_of_parameters():
    frozen = [
        name
        for name, item in (models.Constant() * models.ZTBabs() * models.PowerLaw()).parameters.items()
        if item.frozen
    ]
    assert frozen == ["factor", "redshift"]
    assert models.BlackBody(0.05 * u.keV).parameters["temperature"].bounds[0] == 1e-3 * u.keV
    assert models.Bremsstrahlung(0.05 * u.keV).parameters["temperature"].bounds[0] == 0.01 * u.keV


def test_values_at_their_bounds_are_allowed():
    law = models.PowerLaw(2.0).bound("photon_index", 2.0, 3.0)
    assert law.set(photon_index=3.0).parameters["photon_index"].value == 3.0
    with pytest.raises(RequestError, match="bounds must be low < high; got 2 and 2$"):
        law.bound("photon_index", 2.0, 2.0)
    assert models.TBabs(0 / u.cm**2).parameters["nh"].value == 0 / u.cm**2


def test_what_is_tied_cannot_be_set():
    tied = (models.PowerLaw() + models.PowerLaw()).tie("powerlaw_2.photon_index", to="powerlaw_1.photon_index")
    with pytest.raises(RequestError, match="is tied to powerlaw_1.photon_index; set that one, or untie it first"):
        tied.set({"powerlaw_2.photon_index": 1.5})
    with pytest.raises(RequestError, match="several components of powerlaw_1.powerlaw_2 have one; name one of"):
        tied.set(photon_index=1.5)
    with pytest.raises(RequestError, match="nh: a value to start with is needed"):
        models.TBabs(None)


def test_without_absorption_columns_are_zero_frozen_and_untied():
    model = (models.TBabs(1e21 / u.cm**2) * models.ZTBabs(redshift=0.1) * models.PowerLaw(2, 1 * NORM)).tie(
        "ztbabs.nh", to="tbabs.nh", factor=2
    )
    bare = model.bound("tbabs.nh", low=1e20 / u.cm**2).unabsorbed()
    for name in ("tbabs.nh", "ztbabs.nh"):
        item = bare.parameters[name]
        assert (item.value, item.frozen, item.tied) == (0 / u.cm**2, True, None)
        assert item.bounds[0] <= item.value
    assert bare.flux() == models.PowerLaw(2, 1 * NORM).flux()
    assert bare.flux().unit == u.erg / (u.cm**2 * u.s)
    assert bare.flux(energy=False).unit == u.ph / (u.cm**2 * u.s)
