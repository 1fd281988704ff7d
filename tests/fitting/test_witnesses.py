"""Fits of real spectra against XSPEC, sherpa and threeML.

Swift J/1ES 0647+250, XRT, WT (observation 00032646038) and PC (00032646039), products of the UKSSDC.

XSPEC 12.12.1: published logs ``USERPROD_22485{0,1}_powlaw_tbabs_{param,stat}_tbl.dat`` of the repository
spletts/xrt_workflow: ``tbabs * powerlaw`` with N_H = 1.57e21 frozen, chi squared, groups of 20 counts, 0.3-10 keV.

Sherpa 4.18.0, built from its sources: the same counts, responses and model, folded and minimised by sherpa
(Levenberg-Marquardt, then the simplex with a tolerance of 1e-14).

threeML 2.6.1 with astromodels 2.6.0, wheels of PyPI: its TbAbs, Powerlaw and Cutoff_powerlaw, integrated, folded and
minimised by it (Minuit). It interpolates the cross section in other ways and integrates by Simpson's rule, so that it
agrees less closely.
"""

from __future__ import annotations

import astropy.units as u
import pytest

from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.io.spectrum import read_slice_archive

COLUMN = 1.57e21 / u.cm**2


@pytest.fixture(scope="module")
def spectra(validation_data):
    folder = validation_data / "uk_spec_1ES0647"
    return {
        mode: read_slice_archive(folder / f"Obs_{obsid}.tar.gz")[0]
        for mode, obsid in (("WT", "00032646038"), ("PC", "00032646039"))
    }


@pytest.mark.parametrize(
    ("mode", "index", "norm", "chi2", "dof"),
    [("WT", 2.28752, 0.0281025, 142.2455674, 130), ("PC", 1.95398, 0.0209234, 13.17862528, 12)],
)
def test_published_fits_of_xspec(spectra, mode, index, norm, chi2, dof):
    model = models.TBabs(COLUMN).freeze("nh") * models.PowerLaw()
    found = fit(spectra[mode].group(min_counts=20), model, statistic="chi2", delta_statistic=1.0)
    assert found.dof == dof
    assert found.parameters["photon_index"].value.value == pytest.approx(index, abs=0.005)
    assert found.parameters["norm"].value.value == pytest.approx(norm, rel=0.005)
    assert found.statistic == pytest.approx(chi2, abs=0.1)


def test_published_errors_of_xspec(spectra):
    """Limits of the same log, for a rise of 1."""
    model = models.TBabs(COLUMN).freeze("nh") * models.PowerLaw()
    found = fit(spectra["WT"].group(min_counts=20), model, statistic="chi2", delta_statistic=1.0)
    index, norm = found.parameters["photon_index"], found.parameters["norm"]
    assert index.err_neg.value == pytest.approx(2.28752 - 2.25554461, rel=0.02)
    assert index.err_pos.value == pytest.approx(2.320012826 - 2.28752, rel=0.02)
    assert norm.err_neg.value == pytest.approx(0.0281025 - 0.02753729768, rel=0.02)
    assert norm.err_pos.value == pytest.approx(0.02866606833 - 0.0281025, rel=0.02)


SHERPA = [
    # Mode, what is fitted, statistic, values.
    ("WT", models.TBabs() * models.PowerLaw(), {}, 737.493538500, [1.68630955e21, 2.36790661, 3.01646945e-2]),
    ("PC", models.TBabs() * models.PowerLaw(), {}, 446.257779382, [1.97150040e21, 2.17734794, 2.43798719e-2]),
    (
        "WT",
        models.TBabs() * models.PowerLaw(),
        {"background": None},
        785.310537469,
        [1.09847113e21, 2.16495191, 2.69433887e-2],
    ),
    (
        "WT",
        models.TBabs(COLUMN).freeze("nh") * models.PowerLaw(),
        {"min_counts": 20},
        142.242466632,
        [2.29080864, 0.02816327],
    ),
    (
        "PC",
        models.TBabs(COLUMN).freeze("nh") * models.PowerLaw(),
        {"min_counts": 20},
        13.216916134,
        [1.95711083, 0.02096183],
    ),
    (
        "WT",
        models.service_model(galactic_nh=1e21 / u.cm**2, redshift=0.3),
        {"min_counts": 1},
        451.321456638,
        [8.42556712e20, 2.27541461, 2.85873528e-2],
    ),
    ("WT", models.TBabs() * models.Bremsstrahlung(), {}, 706.306708083, [6.41716672e20, 2.26570948, 3.36038193e-2]),
    (
        "WT",
        models.TBabs() * models.CutoffPowerLaw(2, 5 * u.keV),
        {},
        705.607611366,
        [5.45611375e20, 1.16339780, 1.92890526, 3.97136970e-2],
    ),
]


@pytest.mark.parametrize(("mode", "model", "change", "statistic", "values"), SHERPA)
def test_fits_of_sherpa(spectra, mode, model, change, statistic, values):
    spectrum = spectra[mode]
    if "background" in change:
        spectrum = spectrum.replace(background=None)
    least = change.get("min_counts")
    spectrum = spectrum if least is None else spectrum.group(min_counts=least)
    found = fit(spectrum, model, statistic="chi2" if least == 20 else None, errors=False)
    assert found.statistic == pytest.approx(statistic, abs=1e-6)
    assert found.values == pytest.approx(values, rel=1e-4)


THREEML = [
    # Mode, what is done to the spectrum, statistic, values.
    ("WT", None, 737.483509, [1.6849543e21, 2.3676213, 3.0159958e-2]),
    ("PC", None, 446.255803, [1.9705695e21, 2.1772980, 2.4376714e-2]),
    ("WT", "min_background_counts", 124.276488, [1.5022191e21, 2.2639188, 2.8722737e-2]),
    ("PC", "min_background_counts", 39.451719, [1.7276379e21, 2.0953610, 2.2895667e-2]),
    ("WT", "no background", 785.308691, [1.0986949e21, 2.1650556, 2.6945938e-2]),
    ("PC", "no background", 448.031332, [1.8380798e21, 2.1216813, 2.3661191e-2]),
]


@pytest.mark.parametrize(("mode", "change", "statistic", "values"), THREEML)
def test_fits_of_threeml(spectra, mode, change, statistic, values):
    spectrum = spectra[mode]
    if change == "no background":
        spectrum = spectrum.replace(background=None)
    elif change is not None:
        spectrum = spectrum.group(min_background_counts=1)
    found = fit(spectrum, models.TBabs() * models.PowerLaw(), errors=False)
    assert found.statistic == pytest.approx(statistic, abs=0.015)
    assert found.values == pytest.approx(values, rel=1e-3)


def test_joint_fit_of_sherpa(spectra):
    found = fit(list(spectra.values()), models.TBabs() * models.PowerLaw(), free=["norm"], errors=False)
    assert found.statistic == pytest.approx(1190.697098692, abs=1e-6)
    assert found.values == pytest.approx([1.70878157e21, 2.34769650, 3.01535747e-2, 2.43822621e-2], rel=1e-4)


@pytest.mark.parametrize(("mode", "errors"), [("WT", (0.0974, 0.1009)), ("PC", (0.2730, 0.2960))])
def test_errors_of_sherpa(spectra, mode, errors):
    """90 per cent errors of the index by sherpa's ``conf``."""
    index = fit(spectra[mode], models.TBabs() * models.PowerLaw()).parameters["photon_index"]
    assert (index.err_neg.value, index.err_pos.value) == pytest.approx(errors, rel=4e-3)
