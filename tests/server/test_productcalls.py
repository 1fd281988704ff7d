"""Calls that fetch products: what the reference client needs to find in the replies."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList
from swiftxrt.server.handlers import Service
from swiftxrt.server.users import UserRegistry
from swiftxrt.wire.envelope import PROVENANCE

from .conftest import EVERYTHING, USER

POSITION_PATHS = {
    Kind.STANDARD_POSITION: "tprods/getPSFPos.php",
    Kind.ENHANCED_POSITION: "tprods/getEnhPos.php",
    Kind.ASTROMETRIC_POSITION: "tprods/getAstromPos.php",
}
RATES = ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg", "FracExp", "BGrate", "BGerr", "CorrFact"]
RATES += ["CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR"]


@pytest.fixture
def job(ask, everything) -> str:
    return ask("run_userobject.php", **everything)["JobID"]


# ---------------------------------------------------------------- positions


@pytest.mark.parametrize("kind", list(POSITION_PATHS))
@pytest.mark.parametrize("catalog", [None, "LSXPS"])
def test_position(ask, backend, job: str, kind: Kind, catalog: str | None) -> None:
    name = kind.value.removesuffix("_position")
    if kind is Kind.ENHANCED_POSITION and catalog:
        return
    backend.end(job, kind, Position(SkyCoord(10.5 * u.deg, -2.25 * u.deg), 3.5 * u.arcsec, kind=name, catalog=catalog))
    reply = ask(POSITION_PATHS[kind], JobID=job)
    reply.pop(PROVENANCE)
    expected: dict[str, Any] = {
        "OK": 1,
        "APIVersion": "1.12",
        "GotPos": 1,
        "RA": "10.5",
        "Dec": "-2.25",
        "Err90": "3.5",
    }
    if kind is not Kind.ENHANCED_POSITION:
        expected["FromSXPS"] = int(catalog is not None)
    if catalog:
        expected["WhichSXPS"] = catalog
    assert reply == expected
    assert type(reply["GotPos"]) is int


@pytest.mark.parametrize("kind", list(POSITION_PATHS))
def test_no_position_is_an_answer(ask, backend, job: str, kind: Kind) -> None:
    backend.end(job, kind, error="no UVOT data in /data/archive/00012345001/uvot")
    reply = ask(POSITION_PATHS[kind], JobID=job)
    assert (reply["OK"], reply["GotPos"]) == (1, 0)
    assert type(reply["GotPos"]) is int
    assert reply["Reason"] == "no UVOT data in (a folder of the server)"


def test_both_addresses_of_the_astrometric_position(ask, backend, job: str) -> None:
    backend.end(job, Kind.ASTROMETRIC_POSITION, error="no")
    assert ask("tprods/getXastromPos.php", JobID=job) == ask("tprods/getAstromPos.php", JobID=job)


# ---------------------------------------------------------------- sources


def source_list() -> SourceList:
    tiny = np.array([1e-7, 0.5])
    columns = {
        "source_number": np.array([1, 2]),
        "ra_deg": np.array([10.0, 1e-9]),
        "dec_deg": np.array([-1e-8, 5.0]),
        **dict.fromkeys(("position_err", "ra_err_neg", "ra_err_pos", "dec_err_neg", "dec_err_pos", "x", "y"), tiny),
        "counts": np.array([1e20, 3.0]),
        "rate": tiny,
        "snr": np.array([np.inf, np.nan]),
    }
    return SourceList.from_columns(dict.fromkeys(("total", "soft", "medium", "hard"), columns))


def test_source_list_is_what_the_reference_client_can_read(ask, backend, job: str) -> None:
    backend.end(job, Kind.SOURCES, source_list())
    reply = ask("tprods/getSourceDetResults.php", JobID=job)
    assert {key: reply.pop(key) for key in ("OK", "APIVersion")} == {"OK": 1, "APIVersion": "1.12"}
    # The client takes every key for a band, every value for a text, and texts with digits for numbers.
    assert list(reply) == ["Total", "Soft", "Medium", "Hard"]
    for row in (row for rows in reply.values() for row in rows):
        assert {"sno", "x", "y", "ra", "ra_pos", "ra_neg", "dec", "dec_pos", "dec_neg", "err90", "C"} <= set(row)
        for key, text in row.items():
            assert isinstance(text, str), key
            if re.search(r"\d", text):
                float(text) if "." in text else int(text)
    assert [int(row["sno"]) for row in reply["Total"]] == [1, 2]


def test_provenance_of_a_source_list_comes_only_to_those_who_ask(ask, backend, job: str) -> None:
    told = Provenance(backend="local", notes=("a note",))
    backend.end(job, Kind.SOURCES, SourceList(source_list(), provenance=told))
    reply = ask("tprods/getSourceDetResults.php", JobID=job, Provenance="yes")
    assert reply["Provenance"] == {"backend": "local", "notes": ["a note"]}
    assert "Provenance" not in ask("tprods/getSourceDetResults.php", JobID=job, Provenance="no")


def test_sources_that_were_not_looked_for(ask, job: str) -> None:
    reply = ask("tprods/getSourceDetResults.php", JobID=job)
    assert reply["OK"] == 0
    assert set(reply) == {"OK", "APIVersion", "ERROR"}


# ---------------------------------------------------------------- products of the engine


@pytest.fixture(scope="module")
def made(small_archive: Path) -> Iterator[tuple[Service, str]]:
    """A service with one finished job: light curve, spectrum and standard position."""
    with LocalBackend(small_archive) as backend:
        service = Service(backend, UserRegistry([USER]))
        payload = {key: value for key, value in EVERYTHING.items() if key not in ("RA", "Dec", "doenh", "doxastrom")}
        payload |= {"name": "constant source", "getCoords": 1, "lcobs": "all", "posobs": "all", "specobs": "all"}
        payload |= {"image": 0, "sourceDet": 0, "getT0": 1}
        for key in ("Tstart", "uselcobs", "useposobs"):
            del payload[key]
        reply = service.answer("run_userobject.php", {"UserID": USER, **payload}, "http://server")
        handle = backend.recall(reply["JobID"])
        while not backend.poll(handle).phase.is_final:
            time.sleep(0.05)
        yield service, handle.id


def fetch(made: tuple[Service, str], path: str, **payload: Any) -> dict[str, Any]:
    service, job_id = made
    return service.answer(path, {"UserID": USER, "JobID": job_id, **payload}, "http://server")


def test_light_curve(made) -> None:
    reply = fetch(made, "tprods/getLCData.php", nosys="no", incbad="no", api_version="1.12")
    assert reply["OK"] == 1
    assert (reply["Binning"], reply["TimeFormat"]) == ("Counts", "MET")
    assert isinstance(reply["T0"], float)
    assert reply["Datasets"][0] == "PC"
    assert set(reply["Datasets"]) <= {"PC", "PCUL", "PCHard", "PCSoft", "PCHR"}
    for name in reply["Datasets"]:
        table = reply[f"{name}Data"]
        assert table["URL"].startswith(f"http://server/user_objects/tprods/USERPROD_{made[1]}/lc/PC")
        assert all(len(row) == len(table["columns"]) for row in table["data"])
        for column, *values in zip(table["columns"], *table["data"], strict=True):
            if column != "ObsID":
                assert all(math.isfinite(float(value)) or value in ("nan", "inf") for value in values)
    rates = reply["PCData"]
    assert rates["columns"][: len(RATES)] == RATES
    first = dict(zip(rates["columns"], rates["data"][0], strict=True))
    assert first["TimeNeg"] <= 0 < first["TimePos"]
    assert first["RateNeg"] < 0 < first["RatePos"]


@pytest.mark.parametrize(
    ("wanted", "suffixes"),
    [
        ({}, {""}),
        ({"nosys": "no", "incbad": "no"}, {""}),
        ({"nosys": "yes", "incbad": "no"}, {"_nosys"}),
        ({"nosys": "no", "incbad": "yes"}, {"_incbad"}),
        ({"nosys": True, "incbad": 1}, {"_nosys_incbad"}),
        ({"nosys": False, "incbad": " No "}, {""}),
    ],
)
def test_variants_of_the_light_curve(made, wanted: dict[str, Any], suffixes: set[str]) -> None:
    names = fetch(made, "tprods/getLCData.php", **wanted)["Datasets"]
    assert {re.sub(r"^(WT|PC)(UL|Hard|Soft|HR)?", "", name) for name in names} == suffixes


def test_both_variants_hold_the_plain_one(made) -> None:
    plain = fetch(made, "tprods/getLCData.php")["Datasets"]
    both = fetch(made, "tprods/getLCData.php", nosys="both", incbad="both")["Datasets"]
    assert set(plain) <= set(both)


@pytest.mark.parametrize("odd", ["maybe", 2, 1.0, None, [], "", "y"])
def test_variants_that_do_not_exist(made, odd: object) -> None:
    reply = fetch(made, "tprods/getLCData.php", nosys=odd)
    assert reply["OK"] == 0
    assert reply["listErr"][0]["list"] == ["nosys must be no, yes, both"]


@pytest.mark.parametrize("version", ["1.9", "0.1", 0.1, 1.9, "1.9.3"])
def test_old_clients_get_the_old_layout(made, version: object) -> None:
    reply = fetch(made, "tprods/getLCData.php", api_version=version)
    assert "PCData" in reply or "PC" in reply
    assert "TimePos" not in str(reply)
    assert "T_+ve" in str(reply)
    spectra = fetch(made, "tprods/getSpecData.php", api_version=version)
    assert "Modes" not in str(spectra)
    assert "HavePC" in str(spectra)


@pytest.mark.parametrize("version", ["1.10", "1.12", "2", "1.100", None, "new", [], 1.12])
def test_others_get_the_new_one(made, version: object) -> None:
    assert "TimePos" in str(fetch(made, "tprods/getLCData.php", api_version=version))
    assert "Modes" in str(fetch(made, "tprods/getSpecData.php", api_version=version))


def test_spectra(made) -> None:
    reply = fetch(made, "tprods/getSpecData.php")
    assert reply["OK"] == 1
    assert isinstance(reply["T0"], float)
    assert "GalNH_unfitted" in reply
    assert reply["DeltaFitStat"] == 2.706
    assert reply["rnames"] == ["interval0"]
    block = reply["interval0"]
    assert block["DataFile"] == f"http://server/user_objects/tprods/USERPROD_{made[1]}/spec/interval0.tar.gz"
    assert block["Modes"] == ["PC"]
    assert {"MeanTime", "Exposure"} <= set(block["PC"])
    assert block["Start"] < block["Stop"]


def test_failed_spectrum_is_an_answer_one_under_way_is_not(ask, backend, job: str) -> None:
    assert ask("tprods/getSpecData.php", JobID=job)["OK"] == 0
    backend.end(job, Kind.SPECTRUM, error="no events in '/data/archive'")
    reply = ask("tprods/getSpecData.php", JobID=job)
    assert (reply["OK"], reply["rnames"]) == (1, [])
    assert {"T0", "GalNH_unfitted", "NoSpectrum"} <= set(reply)
    assert "data/archive" not in str(reply)


def test_products_that_are_not_there_are_refused(ask, backend, job: str) -> None:
    for path in ("tprods/getLCData.php", "tprods/getSpecData.php"):
        reply = ask(path, JobID=job)
        assert (reply["OK"], reply["APIVersion"]) == (0, "1.12")
        assert "QUEUED" in reply["ERROR"]
    backend.end(job, Kind.LIGHT_CURVE, error="the source was never observed")
    assert "never observed" in ask("tprods/getLCData.php", JobID=job)["ERROR"]
