"""Whole tables: had once, kept with units, renewed, read in part, searched; and files that are none."""

from __future__ import annotations

import errno
import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.catalog import tables
from swiftxrt.catalog_fields import fields_of
from swiftxrt.exceptions import (
    FormatError,
    NoDataError,
    OfflineError,
    ProtocolError,
    RequestError,
    ServiceError,
    StorageError,
    SwiftXRTError,
)
from swiftxrt.io import _catalog_csv, catalog_files
from swiftxrt.request.catalog import CatalogQuery
from swiftxrt.request.constraints import Column
from tests.catalog.replay import Replay, fixture

pytest.importorskip("pyarrow", reason="whole tables need the extra 'tables'")

HOURS = ["2022-08-17 10:00:01 UTC", "2022-08-17 11:00:02 UTC"]
DAYS = ["2022-08-16", "2022-08-17"]
EPOCHS = {"hourly": {name: {} for name in HOURS}, "daily": {name: {} for name in DAYS}}
SITE = "https://replay.invalid/sxps"
CSV = """LSXPS_ID,IAUName,RA,Decl,Err90,DetFlag,StrayLightWarning,NearestNeighbour_ID,FirstObsDate,Rate_band0,Exposure,New
1,LSXPS J163700.6+073914,249.25254,7.65391,7.1,0,0,2,2006-07-29 20:18:25,0.01,1000.5,a
2,LSXPS J163647.0+074206,249.19612,7.70193,7.3,1,1,,2010-01-01 00:00:00,NaN,2000,b
9007199254740993,LSXPS J115006.7+641942,177.52833,64.32839,6.5,2,0,1,,0.03,3000,
4,lsxps j155612.3-181111,239.05134,-18.1866,5.4,0,0,2,2022-01-01 12:00:00,0.02,4000,d
"""


class Service(Replay):
    """A service with a table of sources, which may be renewed."""

    def __init__(self, content: bytes | str = CSV, name: str = "LSXPS_Sources.csv", **functions: Any) -> None:
        super().__init__({"getOldSXPSTables": EPOCHS, "getSXPSTable": reply(name), **functions})
        self.files = {f"{SITE}/{name}": content.encode() if isinstance(content, str) else content}

    @property
    def asked_for_tables(self) -> list[dict[str, Any]]:
        return self.sent("getSXPSTable")


def reply(name: str) -> dict[str, Any]:
    return {"URL": f"{SITE}/{name}", "FILE": f"sxps/{name}"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    with conf.set_temp("cache_dir", str(tmp_path / "cache")):
        yield tmp_path / "cache"


def client(service: Replay) -> SwiftXRTClass:
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = service
    return made


def get(service: Replay, table: str = "sources", **choice: Any) -> QTable:
    return client(service).get_catalog_table(table, **choice)


def ids(table: Table) -> list[int]:
    return [int(value) for value in table["LSXPS_ID"]]


def kept_files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_a_table_has_units_times_positions_and_descriptions() -> None:
    table = get(Service())
    assert table.colnames == ["position", *CSV.splitlines()[0].split(",")]
    assert ids(table) == [1, 2, 2**53 + 1, 4]
    assert table["Rate_band0"].unit == u.ct / u.s
    assert table["Rate_band0"].mask.tolist() == [False, True, False, False]
    assert table["NearestNeighbour_ID"].tolist() == [2, None, 1, 2]
    assert table["StrayLightWarning"].tolist() == [False, True, False, False]
    assert abs((table["FirstObsDate"][0] - Time("2006-07-29 19:18:25")).to_value("s")) < 1e-6  # from summer time
    assert table["FirstObsDate"].mask.tolist() == [False, False, True, False]
    assert isinstance(table["position"], SkyCoord)
    assert table["position"].dec.deg[3] == -18.1866
    assert table["Err90"].info.description == fields_of("LSXPS", "sources")["Err90"].description
    assert table["New"].tolist() == ["a", "b", None, "d"]  # unknown to this version
    assert table.meta["version"] == HOURS[-1]
    assert table.meta["service"] == "https://replay.invalid"


def test_it_is_had_once_and_renewed_when_there_is_a_newer_version(cache: Path) -> None:
    service = Service()
    first, again = get(service), get(service)
    assert len(service.asked_for_tables) == 1
    assert ids(first) == ids(again)
    assert kept_files(cache) == ["LSXPS_sources_all_current_20220817T110002.parquet"]
    newer = "2022-08-17 12:00:01 UTC"
    service.functions["getOldSXPSTables"] = {**EPOCHS, "hourly": {name: {} for name in [*HOURS, newer]}}
    service.files[f"{SITE}/LSXPS_Sources.csv"] = CSV.replace("\n4,", "\n5,").encode()
    assert ids(get(service))[-1] == 5
    assert len(service.asked_for_tables) == 2
    assert kept_files(cache) == ["LSXPS_sources_all_current_20220817T120001.parquet"]


def test_what_is_sent_is_what_the_reference_client_sends(validation_data: Path) -> None:
    recorded = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")
    requests = [one for case in recorded["calls"] for one in case["requests"]] if "calls" in recorded else []
    sent = [one for one in requests or _all_requests(recorded) if one.get("APIFunc") == "getSXPSTable"]
    envelope = {"APIFunc": "getSXPSTable", "APIVersion": "1.0.5"}
    service = Service()
    get(service)
    assert {**service.asked_for_tables[0], **envelope} in sent


def _all_requests(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        return [node] if "APIFunc" in node else [one for part in node.values() for one in _all_requests(part)]
    return [one for part in node for one in _all_requests(part)] if isinstance(node, list) else []


def test_subsets_and_epochs_are_kept_apart(cache: Path) -> None:
    packed = gzip.compress(CSV.encode())
    name = "LSXPS_Sources_ultra-clean_20220817T000001.csv.gz"
    service = Service(packed, name)
    table = get(service, subset="ultra-clean", epoch="2022-08-17")
    expected = {"whichCat": "LSXPS", "table": "sources", "subset": "ultra-clean", "epoch": "2022-08-17"}
    assert service.asked_for_tables == [{**expected, "format": "csv"}]
    assert table.meta["version"] == "2022-08-17"
    assert table.meta["source_file"] == name
    asked = len(service.asked)
    get(service, subset="ultraclean", epoch="2022-08-17")
    assert len(service.asked) == asked  # an epoch does not change
    get(service, subset="ultraclean")
    assert kept_files(cache) == [
        "LSXPS_sources_ultraclean_current_20220817T110002.parquet",
        "LSXPS_sources_ultraclean_epoch_20220817.parquet",
    ]


def test_an_unknown_epoch_is_an_error_with_the_nearest() -> None:
    with pytest.raises(RequestError, match=r"no version '2022-08-71'.*2022-08-17.*list_catalog_epochs"):
        get(Service(), epoch="2022-08-71")
    for wrong in (17, ""):
        with pytest.raises(RequestError, match="the name of an epoch is needed"):
            get(Service(), epoch=wrong)


def test_a_catalogue_that_does_not_change_is_had_once() -> None:
    content = CSV.replace("LSXPS_ID", "2SXPS_ID").replace("LSXPS J", "2SXPS J")
    service = Service(content, "2SXPS_Sources.csv")
    table = get(service, catalog="2SXPS")
    get(service, catalog="2SXPS")
    assert [name for name, _ in service.asked] == ["getSXPSTable"]
    assert table["2SXPS_ID"][0] == 1
    with pytest.raises(RequestError, match="2SXPS does not change and has no epochs"):
        get(service, catalog="2SXPS", epoch="2022-08-17")


def test_tables_of_bursts_are_not_had_as_a_whole() -> None:
    with pytest.raises(RequestError, match="query_catalog gets all rows"):
        get(Service(), None, catalog="UK_XRT")  # type: ignore[arg-type]


def test_a_service_without_epochs_is_asked_once_a_day(cache: Path) -> None:
    service = Service(getOldSXPSTables={"hourly": [], "daily": []})
    get(service)
    get(service)
    assert len(service.asked_for_tables) == 1
    assert kept_files(cache)[0].startswith("LSXPS_sources_all_current_")


def test_epochs_are_listed_oldest_first(validation_data: Path) -> None:
    recorded = fixture(validation_data, "sxps", "oldtables_keys.json")
    told = {
        "hourly": {name: {"sources": "a.csv"} for name in recorded["hourly_first5"]},
        "daily": {name: {} for name in recorded["daily_first5"]},
    }
    epochs = client(Service(getOldSXPSTables=told)).list_catalog_epochs()
    assert epochs["epoch"][0] == "2022-08-16"
    assert set(epochs["epoch"]) == set(recorded["hourly_first5"] + recorded["daily_first5"])
    assert np.all(np.diff(epochs["time"].mjd) >= 0)
    row = epochs[epochs["epoch"] == "2022-08-17 10:00:01 UTC"][0]
    assert (row["interval"], row["time"].isot) == ("hourly", "2022-08-17T10:00:01.000")
    with pytest.raises(RequestError, match="2SXPS has no epochs"):
        client(Service()).list_catalog_epochs("2SXPS")


def test_no_epochs_are_an_empty_table() -> None:
    epochs = client(Service(getOldSXPSTables={})).list_catalog_epochs()
    assert len(epochs) == 0
    assert epochs.colnames == ["epoch", "interval", "time"]


@pytest.mark.parametrize("told", [{"hourly": ["x"]}, {"daily": {"yesterday": {}}}, {"daily": "2022-08-17"}])
def test_epochs_that_are_none_are_errors(told: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="promised"):
        client(Service(getOldSXPSTables=told)).list_catalog_epochs()


def test_only_the_columns_that_are_wanted() -> None:
    service = Service()
    table = get(service, columns=["Rate_band0", "LSXPS_ID"])
    assert table.colnames == ["Rate_band0", "LSXPS_ID"]
    assert get(service, columns=["RA", "Decl"]).colnames == ["position", "RA", "Decl"]
    with pytest.raises(RequestError, match=r"no column 'Rate_bnad0'.*Rate_band0"):
        get(service, columns=["Rate_bnad0"])


def test_offline_the_newest_version_is_used_and_told(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    with conf.set_temp("offline", True), pytest.raises(OfflineError, match="not on this computer"):
        get(service)
    get(service, epoch="2022-08-16")
    get(service)
    asked = len(service.asked)
    with conf.set_temp("offline", True), caplog.at_level("INFO", logger="swiftxrt"):
        assert get(service).meta["version"] == HOURS[-1]
        assert get(service, epoch="2022-08-16").meta["version"] == "2022-08-16"
        with pytest.raises(OfflineError):
            get(service, epoch="2022-08-17")
    assert f"the version of {HOURS[-1]}" in caplog.text
    assert len(service.asked) == asked


def test_whole_numbers_may_have_a_decimal_point() -> None:
    table = get(Service(CSV.replace(",0,2,2006", ",0.0,2.0,2006")))
    assert table["NearestNeighbour_ID"].tolist() == [2, None, 1, 2]
    assert table["StrayLightWarning"].tolist() == [False, True, False, False]
    assert ids(table) == [1, 2, 2**53 + 1, 4]  # in another column: no digit is lost
    with pytest.raises(ProtocolError, match="not a whole number"):
        get(Service(CSV.replace(",0,2,2006", ",0,2.5,2006")), epoch="2022-08-16")


@pytest.mark.parametrize("large", [str(2**53 + 1), str(2**64)])
def test_whole_numbers_lose_no_digits(large: str) -> None:
    text = CSV.replace(f"\n{2**53 + 1},", f"\n{large},")
    with pytest.raises(FormatError, match="too many digits"):
        get(Service(text.replace("\n2,", "\n2.0,")))
    if int(large) > 2**63:
        with pytest.raises(FormatError, match="too many digits"):
            get(Service(text))


def test_empty_tables_keep_their_types() -> None:
    table = get(Service(CSV.splitlines()[0] + "\n"))
    assert len(table) == 0
    assert table["Rate_band0"].unit == u.ct / u.s
    assert table["LSXPS_ID"].dtype == np.int64
    assert isinstance(table["FirstObsDate"], Time)


BAD = {
    "another table": ("DetectionID,DatasetID,Band,Rate,RA,Decl\n1,2,0,0.1,10,20\n", "like the table detections"),
    "obssources": ("ObsSourceID,DatasetID,LSXPS_ID,OSNum,Exposure\n1,2,3,4,5\n", "like the table obssources"),
    "a page": ("<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "is not the table LSXPS sources"),
    "a row cut off": (CSV[:-40], "cut off"),
    "a text for a number": (CSV.replace("7.65391", "north"), "no sound LSXPS sources table"),
    "nothing": ("", "cut off"),
    "one name twice": (CSV.replace("New", "IAUName", 1), "several columns of one name"),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_are_not_the_table_are_errors(name: str, cache: Path) -> None:
    content, message = BAD[name]
    with pytest.raises(FormatError, match=message):
        get(Service(content))
    assert kept_files(cache) == []


def test_compressed_files_that_are_cut_off_are_errors(cache: Path) -> None:
    rows = "".join(f"{number},LSXPS J{number:013d},{number % 360},{number % 90}\n" for number in range(5000))
    packed = gzip.compress(f"LSXPS_ID,IAUName,RA,Decl\n{rows}".encode())
    with pytest.raises(FormatError):
        get(Service(packed[: len(packed) // 2], "LSXPS_Sources.csv.gz"))
    assert kept_files(cache) == []


def fits_bytes(table: Table, *, packed: bool = False) -> bytes:
    stream = io.BytesIO()
    table.write(stream, format="fits")
    return gzip.compress(stream.getvalue()) if packed else stream.getvalue()


def test_tables_may_come_as_fits() -> None:
    table = Table({"LSXPS_ID": [1, 2], "IAUName": ["LSXPS J1", "LSXPS J2"], "RA": [10.0, np.nan], "Decl": [1.0, 2.0]})
    table["FirstObsDate"] = ["2006-07-29 20:18:25", ""]
    made = get(Service(fits_bytes(table), "LSXPS_Sources.fits"))
    assert ids(made) == [1, 2]
    assert made["RA"].mask.tolist() == [False, True]
    assert made["FirstObsDate"].mask.tolist() == [False, True]
    query = CatalogQuery(where=Column("RA").is_null())
    assert ids(tables.query_table(Service(), query)) == [2]
    again = get(Service(fits_bytes(table, packed=True), "LSXPS_Sources.fits.gz"), epoch="2022-08-16")
    assert again["IAUName"].tolist() == ["LSXPS J1", "LSXPS J2"]


def test_fits_files_that_are_cut_off_or_have_no_table_are_errors() -> None:
    whole = fits_bytes(Table({"LSXPS_ID": np.arange(3000), "IAUName": ["LSXPS J1"] * 3000}))
    with pytest.raises(FormatError):
        get(Service(whole[: len(whole) // 2], "LSXPS_Sources.fits"))
    with pytest.raises(FormatError, match="no table"):
        get(Service(whole[:2880], "LSXPS_Sources.fits"))


@pytest.mark.parametrize(
    "told",
    [{}, {"URL": 1, "FILE": "a.csv"}, {"URL": f"{SITE}/a.csv", "FILE": "b.csv"}, reply("..csv"), reply("a.exe")],
)
def test_replies_without_a_proper_file_are_errors(told: dict[str, Any], cache: Path) -> None:
    with pytest.raises(ProtocolError):
        get(Service(getSXPSTable=told))
    assert kept_files(cache) == []


def test_a_full_disk_leaves_the_older_version(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet

    service = Service()
    get(service)
    before = kept_files(cache)

    class Full(pyarrow.parquet.ParquetWriter):  # type: ignore[misc]
        def write_table(self, *args: Any, **options: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pyarrow.parquet, "ParquetWriter", Full)
    service.functions["getOldSXPSTables"] = {"hourly": {"2023-01-01 10:00:01 UTC": {}}}
    with pytest.raises(StorageError, match="full"):
        get(service)
    assert kept_files(cache) == before
    with conf.set_temp("offline", True):
        assert len(get(service)) == 4


def test_a_download_that_fails_leaves_nothing_new(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()

    def fail(url: str, path: Path, *, overwrite: bool = False) -> Path:
        raise ServiceError("the connection broke")

    monkeypatch.setattr(service, "fetch", fail)
    with pytest.raises(ServiceError, match="broke"):
        get(service)
    assert kept_files(cache) == []


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(SwiftXRTError, match=r"swiftxrt\[tables\]"):
        get(Service())


def test_damaged_and_foreign_files_are_told(tmp_path: Path, cache: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    service = Service()
    get(service)
    path = next(cache.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="damaged; remove it"):
        get(service)
    pa.parquet.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(FormatError, match="no table of a catalogue"):
        get(service)
    with pytest.raises(FormatError, match="no such file"):
        catalog_files.open_table(tmp_path / "none.parquet")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in parts of a few rows, as large files are in parts of thousands."""
    monkeypatch.setattr(_catalog_csv, "_PART", 150)
    monkeypatch.setattr(catalog_files, "_GROUP", 7)


def rows_of(number: int) -> str:
    """A row, with something missing in some."""
    neighbour, rate = ("", "NaN") if number % 5 == 0 else (number % 3, 0.1 * number)
    date = "" if number % 4 == 0 else f"2010-07-{number % 28 + 1:02d} 12:00:00"
    name = "" if number == 11 else f"LSXPS J{number:05d}"
    return f"{number},{name},{number % 360},{number % 90},{neighbour},{date},{rate}"


MANY = "\n".join(
    ["LSXPS_ID,IAUName,RA,Decl,NearestNeighbour_ID,FirstObsDate,Rate_band0", *map(rows_of, range(1, 61)), "", ""]
)


@pytest.mark.parametrize("name", ["LSXPS_Sources.csv", "LSXPS_Sources.csv.gz"])
def test_large_files_are_read_in_parts_which_stay_in_order(name: str, small_parts: None) -> None:
    service = Service(gzip.compress(MANY.encode()) if name.endswith(".gz") else MANY, name)
    made, again = get(service), get(service)
    assert len(service.asked_for_tables) == 1
    assert ids(made) == list(range(1, 61))
    assert np.flatnonzero(made["Rate_band0"].mask).tolist() == list(range(4, 60, 5))
    assert np.flatnonzero(made["FirstObsDate"].mask).tolist() == list(range(3, 60, 4))
    assert np.flatnonzero(made["IAUName"].mask).tolist() == [10]
    assert made.colnames == again.colnames
    for column in made.colnames[1:]:
        assert repr(made[column]) == repr(again[column]), column
    assert ids(tables.query_table(service, CatalogQuery(where=Column("LSXPS_ID").between(20, 22)))) == [20, 21, 22]


def test_a_table_that_has_just_come_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "read_columns", None)
    made = get(Service(), columns=["LSXPS_ID", "RA"])
    assert made.colnames == ["LSXPS_ID", "RA"]
    made["RA"][0] = 1 * u.deg
    assert made["RA"][0] == 1 * u.deg
    with pytest.raises(RequestError, match="no column 'RAs'"):
        get(Service(), columns=["RAs"], epoch="2022-08-16")


@pytest.mark.parametrize("damage", ["60,LSXPS J0006", "60,LSXPS J00060,1,1,2,,many"])
def test_damage_in_a_later_part_is_found(damage: str, small_parts: None, cache: Path) -> None:
    with pytest.raises(FormatError, match="cut off"):
        get(Service(MANY[: MANY.index("\n60,") + 1] + damage))
    assert kept_files(cache) == []


def test_new_columns_have_the_type_of_all_their_values(small_parts: None) -> None:
    later = ["", "", "", *["1"] * 10, "2.5", *["3"] * 10, "yes"]
    rows = [f"{number},LSXPS J{number:05d},1,2,{value}" for number, value in enumerate(later * 2)]
    table = get(Service("\n".join(["LSXPS_ID,IAUName,RA,Decl,New", *rows])))
    assert table["New"].tolist() == [value or None for value in later * 2]


# Queries of a kept table.


@pytest.fixture
def kept(cache: Path) -> Service:
    service = Service()
    get(service)
    service.asked.clear()
    return service


def search(service: Service, **choice: Any) -> QTable:
    found = tables.query_table(service, CatalogQuery(**choice))
    assert service.asked == []
    return found


RATE = u.ct / u.s


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Column("Rate_band0") > 0.015 * RATE, [2**53 + 1, 4]),
        (Column("Rate_band0") != 0.01 * RATE, [2**53 + 1, 4]),
        (Column("Rate_band0").is_null(), [2]),
        (Column("Rate_band0").is_not_null(), [1, 2**53 + 1, 4]),
        (Column("DetFlag").between(0, 1), [1, 2, 4]),
        ((Column("DetFlag") < 1) | (Column("DetFlag") > 1), [1, 2**53 + 1, 4]),
        (Column("IAUName").like("LSXPS J16%"), [1, 2]),
        (Column("IAUName").like("lsxps j1_5%"), [2**53 + 1, 4]),
        (Column("IAUName").not_like("LSXPS J16%"), [2**53 + 1, 4]),
        (Column("IAUName") == "LSXPS J155612.3-181111", [4]),
        (Column("IAUName") == "lsxps j163700.6+073914", [1]),
        (Column("LSXPS_ID") == 2**53 + 1, [2**53 + 1]),
        (Column("FirstObsDate") < Time("2006-07-29 19:18:26"), [1]),
        (Column("FirstObsDate") < Time("2006-07-29 19:18:24"), []),
        (Column("StrayLightWarning") == True, [2]),  # noqa: E712
        (Column("Exposure") >= 2 * u.ks, [2, 2**53 + 1, 4]),
        ([Column("DetFlag") == 0, Column("Rate_band0") < 0.015 * RATE], [1]),
        ([], [1, 2, 2**53 + 1, 4]),
    ],
    ids=str,
)
def test_constraints_choose_rows(kept: Service, where: Any, found: list[int]) -> None:
    assert ids(search(kept, where=where)) == found


def test_cones_come_with_distances_and_the_nearest_first(kept: Service) -> None:
    centre = SkyCoord(249.2, 7.7, unit="deg")
    table = search(kept, position=centre, radius=6 * u.arcmin)
    assert ids(table) == [2, 1]
    assert table.colnames[:2] == ["position", "distance"]
    assert table["distance"].unit == u.arcmin
    assert u.allclose(table["distance"], centre.separation(table["position"]), rtol=1e-9)
    assert len(search(kept, position=centre, radius=180 * u.deg)) == 4
    assert len(search(kept, position=SkyCoord(0, -80, unit="deg"), radius=1 * u.arcsec)) == 0
    assert ids(search(kept, position=centre, radius=6 * u.arcmin, where=Column("DetFlag") < 1)) == [1]


def test_cones_across_the_meridian_and_at_a_pole() -> None:
    rows = ["1,a,359.9999,0.0", "2,b,0.0001,0.0", "3,c,10,89.9999", "4,d,190,89.9999", "5,e,,"]
    service = Service("\n".join(["LSXPS_ID,IAUName,RA,Decl", *rows]) + "\n")
    get(service)
    service.asked.clear()
    assert sorted(ids(search(service, position=SkyCoord(0, 0, unit="deg"), radius=1 * u.arcsec))) == [1, 2]
    assert sorted(ids(search(service, position=SkyCoord(100, 90, unit="deg"), radius=1 * u.arcsec))) == [3, 4]
    tiny = search(service, position=SkyCoord(0.0001 + 1e-7, 0, unit="deg"), radius=1 * u.mas)
    assert u.isclose(tiny["distance"][0], 0.36 * u.mas, rtol=1e-4)


def test_rows_are_sorted_and_cut(kept: Service) -> None:
    assert ids(search(kept, sort_by="DetFlag", limit=3)) == [1, 4, 2]
    assert ids(search(kept, sort_by="DetFlag", descending=True)) == [2**53 + 1, 2, 1, 4]
    assert ids(search(kept, sort_by="Rate_band0")) == [2, 1, 4, 2**53 + 1]
    assert ids(search(kept, sort_by="FirstObsDate", descending=True)) == [4, 2, 1, 2**53 + 1]
    assert ids(search(kept, sort_by="IAUName", columns=["LSXPS_ID"])) == [2**53 + 1, 4, 2, 1]
    assert search(kept, sort_by="IAUName", columns=["LSXPS_ID"]).colnames == ["LSXPS_ID"]
    assert ids(search(kept, limit=2)) == [1, 2]


def test_usual_columns_come_if_none_are_chosen(kept: Service) -> None:
    usual = {name for name, field in fields_of("LSXPS", "sources").items() if field.is_default}
    table = search(kept)
    assert set(table.colnames) - {"position"} == usual & set(CSV.splitlines()[0].split(","))
    assert "New" in search(kept, columns="all").colnames
    assert table.meta["version"] == HOURS[-1]
    assert table.meta["query"]["table"] == "sources"


def test_queries_that_cannot_be_answered_here(kept: Service) -> None:
    with pytest.raises(RequestError, match="no column 'Rate_bnad0'"):
        search(kept, where=Column("Rate_bnad0") > 1)
    with pytest.raises(RequestError, match="SkyCoord"):
        search(kept, name="GK Per", radius=1 * u.arcmin)
    with pytest.raises(NoDataError, match=r"get_catalog_table\('datasets'"):
        search(kept, table="datasets")
    with pytest.raises(NoDataError, match="subset='clean'"):
        search(kept, subset="clean")


def test_the_same_through_the_face_of_the_package(kept: Service) -> None:
    found = client(kept).query_catalog(where=Column("DetFlag") < 1, offline=True)
    assert ids(found) == [1, 4]
    assert kept.asked == []


DATASETS = """DatasetID,ObsID,TargetID,RA
1,::ObsID=00020666001,20666,1.0
2,00009999001,9999,2.0
3,00030000002,00030000,3.0
4,10000000123,,4.0
"""


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Column("TargetID") > 20666, [3]),
        (Column("TargetID") >= "00020666", [1, 3]),
        (Column("TargetID") == "20666", [1]),
        (Column("TargetID").between(9999, 20666), [1, 2]),
        (Column("TargetID").is_null(), [4]),
        (Column("ObsID") == "00020666001", [1]),
        (Column("ObsID") != "00009999001", [1, 3, 4]),
        (Column("ObsID") < "00030000002", [1, 2]),
    ],
    ids=str,
)
def test_identifiers_are_compared_as_numbers(where: Any, found: list[int]) -> None:
    service = Service(DATASETS, "LSXPS_Datasets.csv")
    get(service, "datasets")
    service.asked.clear()
    assert search(service, table="datasets", where=where)["DatasetID"].tolist() == found


def test_identifiers_are_sorted_as_numbers() -> None:
    service = Service(DATASETS, "LSXPS_Datasets.csv")
    get(service, "datasets")
    service.asked.clear()
    assert search(service, table="datasets", sort_by="TargetID")["DatasetID"].tolist() == [4, 2, 1, 3]
    assert search(service, table="datasets", sort_by="ObsID")["DatasetID"].tolist() == [2, 1, 3, 4]
    with pytest.raises(RequestError, match="holds numbers"):
        search(service, table="datasets", where=Column("TargetID") > "many")
