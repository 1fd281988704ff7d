"""Bursts by name, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import ProductNotAvailableError, ProtocolError, RequestError, UnknownObjectError
from swiftxrt.products.provenance import Provenance
from swiftxrt.wire import grb
from tests.catalog.replay import fixture

BURST = "GRB 060729"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (BURST, BURST),
        ("GRB060729", BURST),
        ("060729", BURST),
        (" grb  060729 ", BURST),
        ("GRB_060729", BURST),
        ("grb-060729a", "GRB 060729A"),
        ("130603b", "GRB 130603B"),
        ("GRB 051221A", "GRB 051221A"),
        ("GRB 991216", "GRB 991216"),
        ("Swift J1644+57", "Swift J1644+57"),
        ("GRB 130427324", "GRB 130427324"),
    ],
)
def test_names_in_every_spelling(given: str, name: str) -> None:
    assert grb.parse_burst(given) == name


@pytest.mark.parametrize("given", [221755, "221755", "00221755", " 221755 ", np.int64(221755)])
def test_numbers_of_targets(given: Any) -> None:
    assert grb.parse_burst(given) == 221755


def test_six_digits_are_a_date_where_they_can_be_one() -> None:
    assert grb.parse_burst("120305") == "GRB 120305"
    assert grb.parse_burst(120305) == 120305
    assert grb.parse_burst("121305") == 121305
    assert grb.parse_burst("991216") == 991216
    assert grb.parse_burst("030101") == 30101  # before Swift


@pytest.mark.parametrize(
    "given", [None, "", "  ", True, 1.5, 221755.0, -3, "-221755", 10**8, "12.5", [1], "x" * 61, "a\0b"]
)
def test_what_is_no_burst(given: Any) -> None:
    with pytest.raises(RequestError, match=r"grb: is the name or the number of a burst.*got"):
        grb.parse_burst(given)


def test_zero_is_not_sent() -> None:
    with pytest.raises(RequestError, match="did not trigger the BAT: use the name"):
        grb.parse_burst(0)
    with pytest.raises(RequestError, match="use the name"):
        grb.parse_burst("00000000")


def test_the_only_burst_of_a_day_may_have_its_letter_or_not() -> None:
    assert grb.other_spellings("GRB 060729") == ("GRB 060729A",)
    assert grb.other_spellings("GRB 060729A") == ("GRB 060729",)
    assert grb.other_spellings("GRB 060729B") == grb.other_spellings("Swift J1644+57") == ()


@pytest.mark.parametrize("reply", [{"NOTFOUND": 1}, {"targetID": None}])
def test_unknown_names(reply: dict[str, Any]) -> None:
    with pytest.raises(UnknownObjectError, match=r"'GRB 999999'.*query_catalog"):
        grb.decode_target(reply, "GRB 999999")


@pytest.mark.parametrize("reply", [{}, {"targetID": "many"}, {"targetID": 0}, {"targetID": 1.5}, {"targetID": -4}])
def test_replies_that_name_no_target(reply: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="names no target"):
        grb.decode_target(reply, BURST)


@pytest.mark.parametrize("target", [221755, "221755", "00221755", 221755.0])
def test_targets_in_every_form(target: Any) -> None:
    assert grb.decode_target({"targetID": target}, BURST) == 221755


@pytest.mark.parametrize("value", [1, "1", "yes"])
def test_no_light_curve_and_no_spectrum(value: Any) -> None:
    with pytest.raises(ProductNotAvailableError, match="no light curve: the service has none of GRB 060729"):
        grb.check_light_curve({"NOLC": value, "Datasets": []}, BURST)
    with pytest.raises(ProductNotAvailableError, match="no spectrum: the service has none of GRB 060729"):
        grb.check_spectra({"NoSpectrum": value}, BURST)
    grb.check_light_curve({"Datasets": []}, BURST)
    with pytest.raises(ProductNotAvailableError, match="too faint"):
        grb.check_spectra({"NoSpectrum": "too faint"}, BURST)


def test_recorded_positions(validation_data: Path) -> None:
    positions = fixture(validation_data, "grb", "positions_grb080319b.json")["value"]
    found = grb.decode_positions(positions, Provenance())
    assert list(found) == ["best", "enhanced", "standard", "onboard"]
    assert found["best"] == found["enhanced"]
    assert found["best"].kind == "enhanced"
    assert [one.radius.value for one in found.values()] == [1.4, 1.4, 3.5, 4.7]
    assert found["standard"].coord.ra.deg == 217.9197187854
    assert found["onboard"].coord.dec.deg == 36.3041


def test_recorded_positions_of_another_burst(validation_data: Path) -> None:
    positions = fixture(validation_data, "grb", "positions_grb060218.json")["value"]
    found = grb.decode_positions(positions, Provenance())
    assert list(found) == ["best", "enhanced", "standard"]
    assert found["standard"].radius == 3.52461 * u.arcsec


def test_recorded_positions_of_some_kinds(validation_data: Path) -> None:
    value = fixture(validation_data, "grb", "positions_selected_two_grbs.json")["value"]
    found = {name: grb.decode_positions(one, Provenance()) for name, one in value.items()}
    assert {name: list(one) for name, one in found.items()} == {name: ["enhanced"] for name in value}
    assert found["GRB 101225A"]["enhanced"].coord.ra.deg == 0.19792


def test_the_best_position_alone() -> None:
    best = {"Best_RA": "10.5", "Best_Decl": -3, "Best_Err90": "1.4"}
    found = grb.decode_positions(best, Provenance())
    assert (list(found), found["best"].kind) == (["best"], "best")


@pytest.mark.parametrize(
    "cells",
    [("x", 1, 1), (1, None, 1), (1, 2, None), (1, 2, 0), (1, 95, 1), (float("nan"), 1, 1), (1, 2, -1), (True, 1, 1)],
)
def test_positions_that_are_none(cells: tuple[Any, ...]) -> None:
    reply = dict(zip(("Enhanced_RA", "Enhanced_Decl", "Enhanced_Err90"), cells, strict=True))
    with pytest.raises(ProtocolError, match="no readable enhanced position"):
        grb.decode_positions(reply, Provenance())


def test_kinds_of_position() -> None:
    assert grb.position_words(["best", "SPER ", "onboard"]) == ["Best", "SPER", "Onboard"]
    with pytest.raises(RequestError, match=r"kind: must be one of best, enhanced.*did you mean 'enhanced'"):
        grb.position_words(["enhnced"])
    with pytest.raises(RequestError, match="kind: must be one of"):
        grb.position_words([3])  # type: ignore[list-item]
