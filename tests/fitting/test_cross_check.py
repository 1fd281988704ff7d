"""Fits by sherpa and threeML, where they are installed."""

from __future__ import annotations

from importlib.util import find_spec

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.cross_check import fit_elsewhere
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.minimise import minimise
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.starts import first_start


def test_a_package_that_is_missing_is_named(spectrum, absorbed, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("swiftxrt.fitting.cross_common.import_module", missing)
    with pytest.raises(RequestError, match="'sherpa' needs the package sherpa.*install it"):
        fit(spectrum, absorbed, backend="sherpa")


@pytest.mark.skipif(find_spec("sherpa") is None, reason="sherpa is not installed")
def test_sherpa_finds_the_same(spectrum, absorbed):
    ours, theirs = (fit(spectrum, absorbed, errors=False, backend=name) for name in ("swiftxrt", "sherpa"))
    assert theirs.statistic == pytest.approx(ours.statistic, abs=1e-6)
    assert theirs.values == pytest.approx(ours.values, rel=1e-3)
    assert theirs.backend == "sherpa"


@pytest.mark.skipif(find_spec("sherpa") is None, reason="sherpa is not installed")
@pytest.mark.parametrize("kind", ["systematic", "rates", "background"])
def test_sherpa_has_the_same_errors(spectrum, absorbed, kind):
    """Systematic errors, those of rates, and those of the background."""
    grouped = spectrum.replace(grouping=np.where(np.arange(100) % 5 == 0, 1, -1))
    if kind == "systematic":
        grouped = grouped.replace(systematic=np.full(100, 0.2))
    if kind == "rates":
        errors = 1.7 * np.sqrt(np.maximum(spectrum.counts, 1.0))
        grouped = grouped.replace(counts=spectrum.counts * 1.0, counts_err=errors, background=None, mode=None)
    if kind == "background":
        rough = grouped.background.replace(
            systematic=np.full(100, 3.0), counts=np.full(100, 3.0), counts_err=np.full(100, 4.0)
        )
        grouped = grouped.replace(background=rough)
    model = absorbed.set(nh=2e21 / u.cm**2).freeze("nh")
    ours, theirs = (
        fit(grouped, model, statistic="chi2", errors=False, backend=name) for name in ("swiftxrt", "sherpa")
    )
    assert theirs.statistic == pytest.approx(ours.statistic, abs=1e-5)
    assert theirs.values == pytest.approx(ours.values, rel=1e-3)


def problem_of(spectra, model, *, statistic=None, own=()):
    return Problem([FitData.of(one, None, statistic) for one in spectra], Layout(model, len(spectra), own))


def test_threeml_that_is_missing_is_named(spectrum, absorbed, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("swiftxrt.fitting.cross_common.import_module", missing)
    problem = problem_of([spectrum], absorbed)
    with pytest.raises(RequestError, match="'threeml' needs the package threeML.*install it"):
        fit_elsewhere("threeml", problem, first_start(problem))


@pytest.mark.parametrize(
    ("model", "statistic", "message"),
    [
        (models.TBabs() * models.BlackBody(0.5 * u.keV), None, "threeML has no equivalent of blackbody, only of"),
        (models.PowerLaw() + models.Bremsstrahlung(1 * u.keV), None, "no equivalent of bremsstrahlung"),
        (models.PowerLaw(), "chi2", "'threeml' compares statistics of counts; use statistic='wstat'"),
    ],
)
def test_what_threeml_does_not_do(spectrum, model, statistic, message):
    problem = problem_of([spectrum.group(min_counts=20, band="0.5-8 keV")], model, statistic=statistic)
    with pytest.raises(RequestError, match=message):
        fit_elsewhere("threeml", problem, first_start(problem))


def test_threeml_has_one_ratio_to_the_background(spectrum, absorbed):
    outside = spectrum.background.replace(backscale=np.linspace(9.0, 11.0, 100))
    problem = problem_of([spectrum.replace(background=outside)], absorbed)
    with pytest.raises(RequestError, match="changes from channel to channel"):
        fit_elsewhere("threeml", problem, first_start(problem))


THREEML = [
    # Name, model, options of the fit.
    ("W", models.TBabs() * models.PowerLaw(), {}),
    ("Cash", models.TBabs() * models.PowerLaw(), {"no_background": True}),
    ("two columns", models.service_model(galactic_nh=1e21 / u.cm**2, redshift=0.1), {}),
    ("cut-off", models.PowerLaw(1.5, 4e-3 / (u.cm**2 * u.s * u.keV)) * models.Constant(1.2), {}),
    (
        "tied",
        (models.TBabs(2e21 / u.cm**2).freeze("nh") * (models.PowerLaw(1.2) + models.PowerLaw(2.6)))
        .tie("powerlaw_2.norm", to="powerlaw_1.norm", factor=0.5)
        .freeze("powerlaw_2.photon_index"),
        {},
    ),
    ("joint", models.TBabs() * models.PowerLaw(), {"own": ("norm",)}),
]


@pytest.mark.skipif(find_spec("threeML") is None, reason="threeML is not installed")
@pytest.mark.filterwarnings("ignore")  # Its own, at import and after.
@pytest.mark.parametrize(("name", "model", "options"), THREEML, ids=[item[0] for item in THREEML])
def test_threeml_finds_the_same(spectrum, name, model, options):
    one = spectrum.replace(background=None) if options.get("no_background") else spectrum
    own = options.get("own", ())
    spectra = [one, one.replace(exposure=one.exposure * 2)] if own else [one]
    problem = problem_of(spectra, model, own=own)
    start = first_start(problem)
    ours, theirs = minimise(problem, start), fit_elsewhere("threeml", problem, start)
    # It integrates over energies in another way, which shows in bins of 50 eV where absorption has an edge.
    assert theirs.at.statistic == pytest.approx(ours.at.statistic, abs=0.06)
    assert theirs.x == pytest.approx(ours.x, rel=6e-3)
