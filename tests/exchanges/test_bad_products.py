"""Odd and broken replies about products: positions, light curves, spectra, source lists.

Over a real socket, through the public client. What can be read is kept, with a
warning about the rest; if nothing can be read, the error says what to do.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import (
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    ServiceWarning,
)

# Positions

POSITION = {"GotPos": 1, "RA": "10.5", "Dec": "-3", "Err90": "3.5", "FromSXPS": 0}


@pytest.mark.fault_case(43)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"RA": 10.5, "Dec": -3, "Err90": 3.5},
        {"RA": " 10.50 ", "Dec": "-3.0e0"},
        {"GotPos": "1", "FromSXPS": "0"},
        {"GotPos": True, "FromSXPS": None},
        {"moon": {"is": "full"}},
    ],
)
def test_position_in_any_spelling(changes: dict[str, Any], played: Any, find_job: Any) -> None:
    job = find_job("psf")
    played.answer("tprods/getPSFPos.php", played.ok(**(POSITION | changes)))
    position = job.product("standard_position")
    assert (position.coord.ra.deg, position.coord.dec.deg, position.radius) == (10.5, -3, 3.5 * u.arcsec)
    assert position.catalog is None


@pytest.mark.fault_case(44)
@pytest.mark.parametrize("got", [0, "0", False, "no", None])
def test_no_position(got: Any, played: Any, find_job: Any) -> None:
    job = find_job("psf")
    played.answer("tprods/getPSFPos.php", played.ok(**(POSITION | {"GotPos": got})))
    with pytest.raises(ProductNotAvailableError, match="could not determine a position"):
        job.product("standard_position")


@pytest.mark.parametrize(
    "changes",
    [
        {"GotPos": "moon"},
        {"GotPos": [1]},
        {"RA": None},
        {"RA": "10h30m"},
        {"RA": [10]},
        {"RA": "nan"},
        {"RA": "inf"},
        {"RA": 1e400},
        {"Dec": "nan"},
        {"Dec": "91"},
        {"Err90": "nan"},
        {"Err90": "-inf"},
        {"Err90": "-3.5"},
        {"Err90": ""},
    ],
)
def test_unreadable_position(changes: dict[str, Any], played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("psf")
    played.answer("tprods/getPSFPos.php", played.ok(**(POSITION | changes)))
    with pytest.raises(ProtocolError, match="no readable standard position") as caught:
        job.product("standard_position")
    check_error(caught.value)


# Light curves

COLUMNS = "Time TimePos TimeNeg Rate RatePos RateNeg FracExp BGrate BGerr CorrFact CtsInSrc BGInSrc Exposure Sigma SNR"
ROW = [
    231.329,
    9.456,
    -10.603,
    2.492634,
    0.547598,
    -0.547598,
    1,
    0.006904,
    0.003088,
    2.396688,
    21,
    0.138491,
    20,
    336,
    4,
]
SHORT = ("Time", "TimePos", "TimeNeg", "Rate", "RateErr")


def table(*rows: list[Any], columns: Any = None) -> dict[str, Any]:
    return {"columns": COLUMNS.split() if columns is None else list(columns), "data": list(rows)}


def curve_of(played: Any, find_job: Any, **content: Any) -> Any:
    job = find_job("lc")
    defaults = {"Datasets": ["PC"], "PCData": table(ROW), "Binning": "Counts", "TimeFormat": "MET", "T0": 6e8}
    played.answer("tprods/getLCData.php", played.ok(**(defaults | content)))
    return job.product("light_curve")


def changed(name: str, value: Any) -> list[Any]:
    row = list(ROW)
    row[COLUMNS.split().index(name)] = value
    return row


@pytest.mark.fault_case(43)
def test_numbers_as_texts_and_texts_as_numbers(played: Any, find_job: Any) -> None:
    plain = curve_of(played, find_job).total
    texts = curve_of(played, find_job, PCData=table([str(value) for value in ROW]), T0="6e8").total
    assert plain.equals(texts)
    assert plain["rate"][0] == 2.492634 * u.ct / u.s
    with_obsid = curve_of(played, find_job, PCData=table([*ROW, 16843001], columns=[*COLUMNS.split(), "ObsID"]))
    assert list(with_obsid.total["obsid"]) == ["00016843001"]


@pytest.mark.fault_case(43)
@pytest.mark.parametrize("value", ["nan", "NaN", None, float("nan")])
def test_nan_is_kept_as_not_known(value: Any, played: Any, find_job: Any) -> None:
    curve = curve_of(played, find_job, PCData=table(changed("BGrate", value), ROW)).total
    np.testing.assert_array_equal(curve["background_rate"].value, [math.nan, 0.006904])
    assert list(curve["rate"].value) == [2.492634] * 2


@pytest.mark.fault_case(43)
@pytest.mark.parametrize("value", ["inf", "Infinity", float("inf")])
def test_infinity_is_kept(value: Any, played: Any, find_job: Any) -> None:
    curve = curve_of(played, find_job, PCData=table(changed("SNR", value))).total
    assert curve["snr"][0] == math.inf


@pytest.mark.fault_case(48)
@pytest.mark.parametrize("data", [{"PCData": table()}, {"Datasets": [], "NOLC": 1}, {"Datasets": []}])
def test_no_rows(data: dict[str, Any], played: Any, find_job: Any) -> None:
    """A table without rows is a curve without bins; no table at all is no curve."""
    if data.get("Datasets") == []:
        with pytest.raises(ProductNotAvailableError, match="light curve"):
            curve_of(played, find_job, **data)
        return
    assert len(curve_of(played, find_job, **data).total) == 0


@pytest.mark.fault_case(48)
def test_some_tables_without_rows(played: Any, find_job: Any) -> None:
    names = ["WT", "PC", "PCUL", "PCHR"]
    empty = {f"{name}Data": table() for name in ("WT", "PCUL")} | {
        "PCHRData": table(columns=(*SHORT[:3], "HR", "HRErr"))
    }
    curves = curve_of(played, find_job, Datasets=names, **empty)
    assert len(curves.total) == 1
    assert len(curves.hardness_ratio) == 0


BROKEN_TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "named but not there": ({}, "PCHR"),
    "null": ({"PCHRData": None}, "PCHR"),
    "list": ({"PCHRData": [[1, 2]]}, "PCHR"),
    "no columns": ({"PCHRData": {"data": [[1]]}}, "columns"),
    "no rows": ({"PCHRData": {"columns": ["Time"]}}, "data"),
    "short row": ({"PCHRData": table([1, 1, -1, 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "row 0"),
    "long row": ({"PCHRData": table([1, 1, -1, 1, 1, 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "row 0"),
    "row that is a number": ({"PCHRData": table(3, columns=(*SHORT[:3], "HR", "HRErr"))}, "row 0"),
    "column twice": ({"PCHRData": table([1, 1, -1, 1, 2], columns=(*SHORT[:3], "HR", "HR"))}, "HR"),
    "no time": ({"PCHRData": table([1, -1, 1, 1], columns=("TimePos", "TimeNeg", "HR", "HRErr"))}, "Time"),
    "time not a number": ({"PCHRData": table(["nan", 1, -1, 1, 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "time"),
    "time infinite": ({"PCHRData": table(["inf", 1, -1, 1, 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "time"),
    "word for a number": ({"PCHRData": table([1, 1, -1, "high", 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "HR"),
    "list for a number": ({"PCHRData": table([1, 1, -1, [1], 1], columns=(*SHORT[:3], "HR", "HRErr"))}, "HR"),
}


#: Numbers of these faults, where they have one.
NUMBERS = {"named but not there": 46, "short row": 47, "long row": 47, "column twice": 49}
FAULTS = [
    pytest.param(name, marks=[pytest.mark.fault_case(NUMBERS[name])] if name in NUMBERS else [])
    for name in BROKEN_TABLES
]


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_table(fault: str, played: Any, find_job: Any) -> None:
    """One table that cannot be read: the others are kept, and a warning tells."""
    content, words = BROKEN_TABLES[fault]
    with pytest.warns(PartialResultWarning, match=words):
        curves = curve_of(played, find_job, Datasets=["PC", "PCHR"], **content)
    assert curves.total["rate"][0] == 2.492634 * u.ct / u.s
    assert "hardness_ratio" not in curves


@pytest.mark.parametrize("fault", FAULTS)
def test_only_broken_tables(fault: str, played: Any, find_job: Any, check_error: Any) -> None:
    content, words = BROKEN_TABLES[fault]
    with pytest.raises(ProtocolError, match=words) as caught:
        curve_of(played, find_job, Datasets=["PCHR"], **content)
    check_error(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"Datasets": None}, "Datasets"),
        ({"Datasets": "PC"}, "Datasets"),
        ({"Datasets": [1]}, "Datasets"),
        ({"TimeFormat": "stardate"}, "STARDATE"),
        ({"TimeFormat": "TDB"}, "T0"),  # seconds, which are no Julian dates
    ],
)
def test_unreadable_light_curve(
    content: dict[str, Any], words: str, played: Any, find_job: Any, check_error: Any
) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        curve_of(played, find_job, **content)
    check_error(caught.value)


def test_absolute_times_without_t0(played: Any, find_job: Any) -> None:
    total = curve_of(played, find_job, PCData=table(changed("Time", 6e8)), T0=None).total
    assert total["met"][0] == 6e8 * u.s


@pytest.mark.parametrize("t0", [..., None, "", 0, "yesterday", [6e8], "nan"])
def test_reply_without_t0(t0: Any, played: Any, find_job: Any) -> None:
    """Times can only count from the T0 of the request then."""
    job = find_job("lc")
    reply = played.ok(Datasets=["PC"], PCData=table(ROW), Binning="Counts", TimeFormat="MET", T0=t0)
    if t0 is ...:
        del reply["T0"]
    played.answer("tprods/getLCData.php", reply)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ServiceWarning)
        total = job.product("light_curve").total
    assert total.t0_met == job.request.target.t0_met == 608713541.952
    assert total["met"][0].value == pytest.approx(608713541.952 + 231.329, abs=2e-6)


def test_dataset_nobody_knows(played: Any, find_job: Any) -> None:
    with pytest.warns(ServiceWarning, match="PCMoon"):
        curves = curve_of(played, find_job, Datasets=["PCMoon", "PC"], PCMoonData=table(ROW))
    assert len(curves.total) == 1


# Spectra


def test_slices_of_which_some_cannot_be_had(played: Any, find_job: Any, archive: Any) -> None:
    job = find_job("spec")
    folder = f"{played.url}/user_objects"
    played.answer("good.tar.gz", archive("good", "PC"))
    played.answer("damaged.tar.gz", b"\x1f\x8b not an archive")
    fit = {"MeanTime": "1.5", "Exposure": "100", "Models": ["PowerLaw", "APEC"], "APEC": None}
    played.answer(
        "tprods/getSpecData.php",
        played.ok(
            T0="6e8",
            DeltaFitStat="2.706",
            GalNH_unfitted=None,
            rnames=["good", "damaged", "absent", "nameless", "elsewhere"],
            good={"DataFile": f"{folder}/good.tar.gz", "Start": "0", "Stop": "nan", "Modes": ["PC"], "PC": fit},
            damaged={"DataFile": f"{folder}/damaged.tar.gz", "Modes": ["PC"]},
            absent={"DataFile": f"{folder}/absent.tar.gz", "Modes": ["PC"]},
            elsewhere={"DataFile": "https://elsewhere.example.org/x.tar.gz", "Modes": ["PC"]},
        ),
    )
    with pytest.warns(PartialResultWarning):
        spectra = job.product("spectrum")
    assert list(spectra) == ["goodpc"]
    assert spectra.t0_met == 6e8
    assert {"damaged", "absent", "nameless", "elsewhere"} <= set(spectra.missing)
    assert {"goodpc/PowerLaw", "goodpc/APEC"} <= set(spectra.missing)


@pytest.mark.parametrize(
    "content", [{"NoSpectrum": 1}, {"rnames": [], "NoSpectrum": "too few counts"}, {"rnames": [], "T0": 1}]
)
def test_no_spectrum(content: dict[str, Any], played: Any, find_job: Any) -> None:
    job = find_job("spec")
    played.answer("tprods/getSpecData.php", played.ok(**content))
    with pytest.raises(ProductNotAvailableError, match="spectrum"):
        job.product("spectrum")


def test_spectrum_reply_without_slices(played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("spec")
    played.answer("tprods/getSpecData.php", played.ok(T0=1))
    with pytest.raises(ProtocolError, match="rnames") as caught:
        job.product("spectrum")
    check_error(caught.value)


# Source lists

SOURCE = {
    "sno": "1", "x": "504.0", "y": "470.4", "ra": "32.15", "ra_pos": "0.0001", "ra_neg": "-0.0001", "dec": "56.94",
    "dec_pos": "0.0001", "dec_neg": "-0.0001", "err90": "3.5", "C": "1236",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{}, {key: float(value) for key, value in SOURCE.items()}, {"moon": "full"}, {"x": "nan", "C": None}, {"l": "inf"}],
)
def test_source_list_in_any_spelling(changes: dict[str, Any], played: Any, find_job: Any) -> None:
    job = find_job("sourceDet")
    played.answer("tprods/getSourceDetResults.php", played.ok(Total=[SOURCE | changes], Soft=[]))
    sources = job.product("sources")
    assert len(sources["total"]) == 1
    assert len(sources["soft"]) == 0
    assert sources["total"]["position"][0].ra.deg == pytest.approx(32.15, abs=1e-12)
    assert sources["total"]["position_err"][0] == 3.5 * u.arcsec


@pytest.mark.parametrize("broken", [1, None, {"sno": "1"}, SOURCE | {"ra": "x"}, SOURCE | {"dec": "inf"}])
def test_source_without_position_is_left_out(broken: Any, played: Any, find_job: Any) -> None:
    job = find_job("sourceDet")
    played.answer("tprods/getSourceDetResults.php", played.ok(Total=[broken, SOURCE], Soft=[]))
    with pytest.warns(PartialResultWarning, match="1 of 2 sources"):
        sources = job.product("sources")
    assert len(sources["total"]) == 1
    assert len(sources["soft"]) == 0


@pytest.mark.parametrize("bands", [{}, {"Total": None}, {"Total": "none"}, {"Total": {"sno": 1}}])
def test_unreadable_source_list(bands: dict[str, Any], played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("sourceDet")
    played.answer("tprods/getSourceDetResults.php", played.ok(**bands))
    with pytest.raises(ProtocolError) as caught:
        job.product("sources")
    check_error(caught.value)
