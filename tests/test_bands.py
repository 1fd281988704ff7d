"""Energy bands."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt.bands import HARD, IMAGE_BANDS, SOFT, TOTAL, EnergyBand
from swiftxrt.exceptions import RequestError


@pytest.mark.parametrize(
    "given_",
    [
        "0.3-1.5 keV",
        "0.3 - 1.5keV",
        "0.3 to 1.5 keV",
        "0.3, 1.5 keV",
        "300-1500 eV",
        "3e2-1.5E3 eV",
        "3e-4-1.5e-3 MeV",
        (0.3 * u.keV, 1500 * u.eV),
        [0.3 * u.keV, 1.5 * u.keV],
        [0.3, 1.5] * u.keV,
        SOFT,
    ],
    ids=str,
)
def test_spellings(given_):
    band = EnergyBand.parse(given_)
    assert band == SOFT
    assert hash(band) == hash(SOFT)
    assert (band.low_kev, band.high_kev) == (0.3, 1.5)


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ("0.3-10", "did you mean '0.3-10 keV'"),
        ("10-0.3 keV", "0 < low < high"),
        ("1-1 keV", "0 < low < high"),
        ("0-10 keV", "0 < low < high"),
        ("-1-10 keV", "0.3-10 keV"),
        ("0.3-10 foo", "'0.3-10 keV', with its unit"),
        ("0.3-10 cm", "an energy is needed"),
        ("soft", "a band is written"),
        ((0.3, 10), "an energy is needed, such as 0.3 \\* u.keV; got 0.3"),
        ((0.3 * u.keV,), "two energies"),
        ((np.nan * u.keV, 1 * u.keV), "0 < low < high"),
        ((1 * u.keV, np.inf * u.keV), "0 < low < high"),
        (([1, 2] * u.keV, 3 * u.keV), "an energy is needed"),
        (3, "two energies"),
        (None, "two energies"),
    ],
    ids=str,
)
def test_what_is_refused(given_, text):
    with pytest.raises(RequestError, match=text):
        EnergyBand.parse(given_)


def test_channels_include_both_ends():
    # The official light curves count PI 30..1000 for 0.3-10 keV.
    assert TOTAL.channels == (30, 1000)
    assert SOFT.channels == (30, 150)
    assert HARD.channels == (150, 1000)
    assert EnergyBand.parse("1.51-10 keV").channels == (151, 1000)
    assert EnergyBand.parse("0.305-1.509 keV").channels == (31, 150)


def test_image_bands_are_those_of_the_service():
    assert [band.text for band in IMAGE_BANDS] == ["0.3-10", "0.3-1.5", "1.51-10"]


def test_text_forms():
    assert str(TOTAL) == "0.3-10 keV"
    assert repr(TOTAL) == "<EnergyBand 0.3-10 keV>"


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.floats(1e-6, 1e3), st.floats(1.001, 1e3)))
def test_text_brings_the_band_back(numbers):
    low, factor = numbers
    band = EnergyBand(low * u.keV, low * factor * u.keV)
    assert EnergyBand.parse(str(band)) == band
    assert pickle.loads(pickle.dumps(band)) == band


def test_comparison_with_other_things():
    assert TOTAL != "0.3-10 keV"
    assert TOTAL != SOFT


def test_text_in_place_of_two_energies():
    assert EnergyBand("0.3-10 keV") == EnergyBand(0.3 * u.keV, 10 * u.keV)
    with pytest.raises(RequestError, match="did you mean '0.3-10 keV'"):
        EnergyBand("0.3-10")
    with pytest.raises(RequestError, match="high"):
        EnergyBand(0.3 * u.keV)
