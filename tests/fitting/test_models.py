"""Models: closed forms, names, ties, what is refused."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from scipy.special import kv

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
    assert flux == pytest.approx(2 * ERG * integral(2 - index, 0.3, 10), rel=1e-6)
    assert power_law(4 * u.keV).to_value(NORM) == pytest.approx(2 * 4**-index, rel=1e-9)


def test_black_body_has_the_luminosity_of_its_norm():
    """8.0525 pi**4 / 15 keV per cm2 and s: 1e39 erg/s at 10 kpc to the digits of XSPEC's constant."""
    flux = models.BlackBody(1 * u.keV, 1.0).flux((1e-3 * u.keV, 100 * u.keV)).value
    assert flux == pytest.approx(8.0525 * np.pi**4 / 15 * ERG, rel=3e-5)
    distance = (10 * u.kpc).to_value(u.cm)
    assert flux == pytest.approx(1e39 / (4 * np.pi * distance**2), rel=3e-3)


def test_cut_off_and_broken_power_laws():
    cut = models.CutoffPowerLaw(1.4, 5 * u.keV, 1 * NORM)
    assert cut([2, 8] * u.keV).value == pytest.approx([2**-1.4 * np.exp(-0.4), 8**-1.4 * np.exp(-1.6)], rel=1e-6)
    broken = models.BrokenPowerLaw(1.2, 2 * u.keV, 2.7, 1 * NORM)
    assert broken([1, 4] * u.keV).value == pytest.approx([1, 2**1.5 * 4**-2.7], rel=1e-6)
    below, above = (1 - 2**-0.2) / 0.2, 2**1.5 * (2**-1.7 - 4**-1.7) / 1.7
    assert broken.photons([1, 4] * u.keV).value == pytest.approx([below + above], rel=1e-4)


def test_bremsstrahlung_is_nearly_born_approximation_at_high_temperature():
    """Gaunt factor sqrt(3)/pi exp(x/2) K0(x/2), and Elwert's correction of a few per cent."""
    x = np.array([0.1, 1.0, 3.0])
    born = np.sqrt(3) / np.pi * np.exp(x / 2) * kv(0, x / 2)
    assert gaunt_factor(x, 100.0, 1) == pytest.approx(born, rel=0.03)


def test_gaunt_factors_between_the_points_of_the_table():
    """Computed with 20 digits from the hypergeometric functions of Karzas & Latter (1961)."""
    cases = [
        (1.0, 1, 1.0, 0.98990640),
        (1.0, 2, 0.37, 1.43306886),
        (0.3, 1, 3.3, 0.74958619),
        (20, 2, 0.02, 2.65446436),
    ]
    for temperature, charge, x, exact in cases:
        assert gaunt_factor(np.array([x]), temperature, charge) == pytest.approx([exact], rel=2e-4)


def test_mean_gaunt_factor():
    """Averaged over photon energies it is near 1.2, the value that textbooks recommend (Rybicki & Lightman 1979)."""
    x = np.linspace(1e-3, 30, 30_000)
    assert np.trapezoid(gaunt_factor(x, 1.0, 1) * np.exp(-x), x) == pytest.approx(1.2, abs=0.05)


def test_cross_section_agrees_with_the_published_table():
    """Rows of xsect_tbabs_wilm.fits (astromodels 2.6.0), in 1e-22 cm2; thinned to 1e-4."""
    assert cross_section_cm2([0.1000265, 19.99470329]) * 1e22 == pytest.approx([608.92047, 0.00097589], rel=2e-4)
    assert cross_section_cm2(1.0) == pytest.approx(1.7375e-22, rel=1e-4)
    assert cross_section_cm2(40.0) / cross_section_cm2(20.0) == pytest.approx(1 / 8, rel=1e-2)


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
        (lambda m: m.bound("photon_index", 3, 4), "must be within"),
        (lambda m: m.freeze("norm"), "no value yet"),
        (lambda m: m * models.PowerLaw(), "cannot be multiplied"),
        (lambda m: m + models.TBabs(), "cannot be added"),
        (lambda m: m.flux(), "has no value yet"),
        (lambda m: m([1, 2]), "energies are needed"),
        (lambda m: models.TBabs().flux(), "emits no photons"),
        (lambda m: m.set(norm=1 * NORM).photons([2, 1] * u.keV), "increasing"),
    ],
)
def test_what_is_refused(change, text):
    with pytest.raises(RequestError, match=text):
        change(models.TBabs() * models.PowerLaw())


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
