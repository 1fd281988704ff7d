"""Sets of spectra with fits and what is missing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.fit import FitParameter, SpectralFit
from swiftxrt.products.gti import GTI
from swiftxrt.products.spectrumset import SpectrumSet

FIT = SpectralFit("PowerLaw", {"photon_index": FitParameter(2.0, 0.1, 0.2)}, statistic=90.5, dof=88)
APEC = SpectralFit("APEC", {"temperature": FitParameter(4 * u.keV)}, net_rate=7 * u.ct / u.s)


def counted(**changes: Any) -> CountSpectrum:
    values: dict[str, Any] = {"counts": np.arange(50), "exposure": 100 * u.s, "mode": "PC", "gti": GTI([100], [200])}
    return CountSpectrum(**{**values, **changes})


def made(**changes: Any) -> SpectrumSet:
    values: dict[str, Any] = {
        "fits": {"interval0pc": {"PowerLaw": FIT, "APEC": APEC}},
        "missing": {"late": "no data in this time slice", "interval0pc/Blackbody": "the fit failed"},
        "galactic_nh": 5e20 / u.cm**2,
        "intervals": {"late": (1000, 2000)},
        "urls": {"interval0": "http://host/interval0.tar.gz"},
        "t0_met": 50.0,
    }
    return SpectrumSet([counted(mode="WT", gti=GTI([60], [90])), counted()], **{**values, **changes})


def test_fits_know_the_rate_of_their_spectrum() -> None:
    fits = made().fits["interval0pc"]
    assert list(fits) == ["PowerLaw", "APEC"]
    assert fits["PowerLaw"].net_rate == counted().net_rate
    assert fits["PowerLaw"].parameters == FIT.parameters
    assert fits["APEC"].net_rate == 7 * u.ct / u.s


def test_missing_parts() -> None:
    missing = made().missing
    assert missing["late"] == "no data in this time slice"
    assert missing["interval0pc/Blackbody"] == "the fit failed"
    assert missing["interval0wt/arf"] == "the spectrum has no effective area (ARF)"
    assert {f"interval0pc/{part}" for part in ("arf", "rmf", "background")} <= set(missing)
    with_background = SpectrumSet([counted(background=counted())])
    assert set(with_background.missing) == {"interval0pc/arf", "interval0pc/rmf"}
    said = SpectrumSet([counted()], missing={"interval0pc/arf": "it was damaged"})
    assert said.missing["interval0pc/arf"] == "it was damaged"


def test_intervals_of_all_slices() -> None:
    """As asked for where that is known, else the good time of all modes."""
    intervals = made().intervals
    assert {label: tuple(pair.to_value(u.s)) for label, pair in intervals.items()} == {
        "interval0": (60, 200),
        "late": (1000, 2000),
    }
    asked = SpectrumSet([counted(interval=(0, 500)), counted(mode="WT", gti=None)])
    assert tuple(asked.intervals["interval0"].to_value(u.s)) == (0, 500)
    assert dict(SpectrumSet([counted(gti=None)]).intervals) == {}


def test_table_of_all_fits() -> None:
    table = made().fit_table
    assert list(table["spectrum"]) == ["interval0pc", "interval0pc"]
    assert list(table["model"]) == ["PowerLaw", "APEC"]
    assert table["temperature"][1] == 4 * u.keV
    assert table["photon_index"].mask.tolist() == [False, True]
    assert len(SpectrumSet([counted()]).fit_table) == 0


def test_equality_counts_what_was_measured() -> None:
    assert made() == made(missing={}, intervals={}, urls={})
    for change in ({"fits": {}}, {"galactic_nh": None}, {"t0_met": None}):
        assert made() != made(**change)
    assert SpectrumSet([counted()]) == SpectrumSet([counted()], fits={"interval0pc": {}})


def test_copies_keep_everything() -> None:
    spectra = made()
    for again in (pickle.loads(pickle.dumps(spectra)), copy.deepcopy(spectra)):
        assert again == spectra
        assert again.missing == spectra.missing
        assert again.urls == spectra.urls
        assert tuple(again.intervals["late"].value) == (1000, 2000)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"fits": {"elsewhere": {"PowerLaw": FIT}}}, "no spectra, of elsewhere"),
        ({"fits": {"interval0pc": {"PowerLaw": 3}}}, "SpectralFit"),
        ({"galactic_nh": 5e20}, "column density"),
        ({"galactic_nh": 5 * u.keV}, "column density"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(RequestError, match=word):
        made(**changes)


def test_fits_without_spectrum_need_a_reason() -> None:
    spectra = made(fits={"latepc": {"PowerLaw": FIT}}, missing={"latepc": "its archive is damaged"})
    assert spectra.fits["latepc"]["PowerLaw"] == FIT
    assert "latepc" not in spectra


def test_representation() -> None:
    assert repr(made()) == "<SpectrumSet interval0wt, interval0pc: 2450 ct, 2 fits>"
    assert repr(SpectrumSet([])) == "<SpectrumSet empty: 0 ct>"
