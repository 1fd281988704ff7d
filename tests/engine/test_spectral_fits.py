"""Fits of the spectra of a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import ARF, RMF, CountSpectrum, SpectrumRequest, models, simulate_spectrum
from swiftxrt.engine import spectral_fits
from swiftxrt.engine.spectral_fits import fit_spectra
from swiftxrt.fitting.fit import fitted
from swiftxrt.fitting.profile import BetterMinimumError

EDGES = np.linspace(0.2, 10.2, 401) * u.keV


def _blank(**changes: Any) -> CountSpectrum:
    channels = np.linspace(0.0, 10.24, 1025) * u.keV
    centre = (EDGES[1:] + EDGES[:-1]).value / 2
    matrix = np.exp(-0.5 * ((channels[:-1].value + 0.005 - centre[:, None]) / 0.05) ** 2)
    matrix *= 0.9 / matrix.sum(axis=1, keepdims=True)
    values: dict[str, Any] = {
        "counts": np.zeros(1024, int), "exposure": 2 * u.ks, "mode": "PC", "backscale": 1e-3,
        "arf": ARF(energy_edges=EDGES, effective_area=np.full(400, 100.0) * u.cm**2),
        "rmf": RMF(matrix=matrix, energy_edges=EDGES, channel_edges=channels),
        "background": CountSpectrum(counts=np.ones(1024, int), exposure=2 * u.ks, mode="PC", backscale=4e-2),
    }  # fmt: skip
    return CountSpectrum(**{**values, **changes})


@pytest.fixture(scope="module")
def drawn() -> CountSpectrum:
    truth = models.TBabs(2e21 / u.cm**2) * models.PowerLaw(2.1, 5e-3 / u.cm**2 / u.s / u.keV)
    return simulate_spectrum(truth, like=_blank(), seed=3)


def _fit(spectrum: CountSpectrum, **options: Any) -> tuple[dict[str, Any], dict[str, str]]:
    told: list[str] = []
    fits, missing = fit_spectra([spectrum], SpectrumRequest(**options).with_defaults(), told.append)
    asked = options.get("models", ["PowerLaw"])
    assert told in ([], [f"{name} fit of interval0pc" for name in asked])
    return dict(fits.get("interval0pc", {})), missing


def test_a_power_law_by_default(drawn: CountSpectrum) -> None:
    fits, missing = _fit(drawn)
    assert missing == {}
    fit = fits["PowerLaw"]
    assert fit.delta_statistic == 2.706
    assert (fit.model, list(fit.parameters)) == ("PowerLaw", ["nh", "photon_index", "norm"])
    for name, truth in (("nh", 2e21), ("photon_index", 2.1), ("norm", 5e-3)):
        item = fit.parameters[name]
        # Three times the 90 % error is five sigma.
        assert item.value.value - 3 * item.err_neg.value < truth < item.value.value + 3 * item.err_pos.value
    assert 0 < fit.flux_observed.value < fit.flux_unabsorbed.value
    assert fit.net_rate == drawn.net_rate
    bins = drawn.group(min_counts=1).grouped()
    assert fit.dof <= np.count_nonzero(bins.quality == 0) - 3


def test_errors_follow_the_request(drawn: CountSpectrum) -> None:
    wide, narrow = (_fit(drawn, delta_statistic=rise)[0]["PowerLaw"].parameters for rise in (2.706, 1.0))
    assert wide["photon_index"].value == narrow["photon_index"].value
    assert wide["photon_index"].err_pos.value == pytest.approx(1.645 * narrow["photon_index"].err_pos.value, rel=0.05)


def test_a_redshift_moves_the_absorber(drawn: CountSpectrum) -> None:
    here, there = (_fit(drawn, redshift=redshift)[0]["PowerLaw"].parameters for redshift in (None, 1.0))
    assert there["redshift"].frozen
    assert there["redshift"].value == 1
    assert there["nh"].value > 3 * here["nh"].value


def test_each_model_by_itself(drawn: CountSpectrum) -> None:
    fits, missing = _fit(drawn, models=["blackbody", "APEC"])
    assert list(fits) == ["blackbody"]
    assert fits["blackbody"].model == "blackbody"
    assert fits["blackbody"].parameters["temperature"].unit == u.keV
    assert list(missing) == ["interval0pc/APEC"]
    assert "the service fits it" in missing["interval0pc/APEC"]


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({}, {"fit": False}, "fits were not asked for"),
        ({}, {"galactic_absorber": True}, "the Galactic column towards the source"),
        ({"arf": None}, {}, "without response"),
        ({"rmf": None, "arf": None}, {}, "without response"),
        ({"counts": np.zeros(1024, int)}, {}, "fewer than 10 net counts"),
    ],
)
def test_why_a_spectrum_is_not_fitted(
    drawn: CountSpectrum, changes: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    fits, missing = _fit(drawn.replace(**changes), **options)
    assert fits == {}
    assert reason in missing["interval0pc"]


def test_a_fit_without_a_minimum_is_no_result(drawn: CountSpectrum, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.fitting.minimise._MOST_STEPS", 1)
    monkeypatch.setattr("swiftxrt.fitting.minimise._SIMPLEX_CALLS", 3)
    monkeypatch.setattr(spectral_fits, "fitted", lambda *given: fitted(*given[:2], replace(given[2], errors=False)))
    fits, missing = _fit(drawn)
    assert fits == {}
    assert missing["interval0pc/PowerLaw"].startswith("the fit failed: it did not converge")


def test_a_flux_that_is_not_found_takes_only_its_fit(drawn: CountSpectrum, monkeypatch: pytest.MonkeyPatch) -> None:
    def lower(objective: Any, best: Any, *rest: Any) -> None:
        raise BetterMinimumError(best.x)

    monkeypatch.setattr("swiftxrt.fitting.fluxes.profile_interval", lower)
    fits, missing = _fit(drawn)
    assert fits == {}
    assert "a lower statistic was found on the way to an error of the flux" in missing["interval0pc/PowerLaw"]


def test_a_fit_that_fails_has_a_reason(drawn: CountSpectrum) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectral_fits, "_against", lambda spectrum, request: "")
        fits, missing = _fit(drawn.replace(arf=None, rmf=None))
    assert fits == {}
    assert missing["interval0pc/PowerLaw"].startswith("the fit failed: ")
