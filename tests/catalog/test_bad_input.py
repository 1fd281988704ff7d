"""What users give that cannot be, and what catalogues hold that is odd: each has an outcome with a type."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.utils.masked import Masked

from swiftxrt import Column, SwiftXRTClass, conf
from swiftxrt.exceptions import (
    FormatError,
    IdentifierError,
    NoDataError,
    ProtocolError,
    RequestError,
    StorageError,
    UnknownObjectError,
)
from swiftxrt.io import catalog_files
from tests.catalog.details import DATASET, SOURCE, TRANSIENT
from tests.catalog.replay import Replay, metadata
from tests.catalog.replies import REPLIES
from tests.catalog.stores import local_catalog
from tests.catalog.test_tables import CSV, Service

NAME = "LSXPS J062131.8-622213"
PLACE = SkyCoord(0.0, 0.0, unit="deg")
KINDS = {
    "LSXPS_ID": "INT",
    "RA": "COORDH",
    "Decl": "COORDD",
    "Rate_band0": "NUM",
    "FirstObsDate": "UTC",
    "Notes": "TXT",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    with conf.set_temp("cache_dir", str(tmp_path / "cache")):
        yield tmp_path / "cache"


def service(backend: Replay | None = None, **functions: Any) -> SwiftXRTClass:
    """A client of a service that has these replies, and the usual ones to other questions."""
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = backend or Replay({**REPLIES, **functions})  # type: ignore[assignment]
    return made


def rows(*cells: dict[str, Any], **kinds: str) -> SwiftXRTClass:
    """A client of a service whose sources are these."""
    columns = metadata([{"ColName": name, "Type": kind} for name, kind in {**KINDS, **kinds}.items()])
    return service(getMetadata=columns, queryDB={"Results": list(cells), "NumRows": len(cells)})


# ---------------------------------------------------------------- what users give


def test_unknown_sources() -> None:
    told = {"ERROR": 1, "ERRORTEXT": "Source `5` is not found in the LSXPS catalogue."}
    swift = service(getSXPSSourceInfo=told, getSXPSLC=told, getSXPSSpectrumData=told, getSXPSSourceImages=told)
    calls = (swift.get_source, swift.get_light_curve, swift.get_spectra, swift.get_previews)
    for call in (*calls, swift.get_source_observations):
        with pytest.raises(UnknownObjectError, match="`5` is not found"):
            call(5)  # type: ignore[operator]


def test_a_source_that_is_unknown_takes_nothing_from_the_others() -> None:
    told = {"ERROR": 1, "ERRORTEXT": "no such source"}
    swift = service(getSXPSSourceInfo=lambda sent: {"data": SOURCE} if sent["sourceID"] == 209851 else told)
    found = swift.gather(swift.get_source, [5, 209851, "nonsense", np.int64(209851)])
    assert [type(one.error) for one in found] == [UnknownObjectError, type(None), RequestError, type(None)]
    assert [one.value.name for one in found if one.error is None] == [NAME, NAME]


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "lsxps j062131.8-622213",
        "LSXPSJ062131.8-622213",
        "J062131.8-622213",
        "  LSXPS   J062131.8 -622213 ",
        "LSXPS J062131.8\u2212622213",
        "LSXPS J062131.8\u2013622213",
    ],
)
def test_names_in_any_spelling(name: str) -> None:
    swift = service()
    assert swift.get_source(name, get_query_payload=True)["sourceName"] == NAME
    swift.get_light_curve(name)
    backend: Any = swift._catalog
    assert backend.sent("getSXPSLC")[-1]["sourceName"] == NAME


@pytest.mark.parametrize(
    "name", ["", " ", "GK Per", "LSXPS", "J0621", "LSXPS J062131.8-622213b", "\0", "é", "x" * 9999]
)
def test_names_that_are_none(name: str) -> None:
    swift = service()
    for call in (swift.get_source, swift.get_transient, swift.get_light_curve, swift.get_spectra, swift.get_previews):
        with pytest.raises(RequestError, match="is needed") as caught:
            call(name)  # type: ignore[operator]
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize("number", [0, -1, 2**63, 1.5, True, None, float("nan"), np.float64(5), "１２", [1], {}, b"5"])
def test_numbers_that_are_none(number: Any) -> None:
    swift = service()
    for call in (swift.get_source, swift.get_transient, swift.get_light_curve, swift.get_spectra, swift.get_previews):
        with pytest.raises(RequestError):
            call(number)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("call", "args", "options"),
    [
        ("get_source", (NAME,), {"transient": 576}),
        ("get_source", (), {}),
        ("get_source_observations", (209851,), {"transient": "Swift J073006.8-193709"}),
        ("get_dataset", ("00282445000",), {"dataset_id": 9725}),
        ("get_dataset", (), {}),
        ("get_images", ("00282445000",), {"dataset_id": 9725}),
        ("get_light_curve", (NAME,), {"transient": 576}),
        ("get_light_curve", (NAME,), {"grb": "GRB 060729"}),
        ("get_spectra", (), {"transient": 576, "grb": "GRB 060729"}),
        ("get_previews", (209851,), {"transient": 576}),
    ],
)
def test_name_and_number_together_or_none(call: str, args: Any, options: Any) -> None:
    swift = service()
    with pytest.raises(RequestError, match=r"give either|one object is needed"):
        getattr(swift, call)(*args, **options)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_objects_of_another_catalogue() -> None:
    swift = service()
    with pytest.raises(RequestError, match="is not a name of LSXPS; the match in LSXPS is found"):
        swift.get_source("2SXPS J062131.8-622213")
    with pytest.raises(RequestError, match="is not a name of 2SXPS"):
        swift.get_light_curve(NAME, catalog="2SXPS")
    for row in ({"2SXPS_ID": 5, "IAUName": "2SXPS J062131.8-622213"}, {"2SXPS_ID": 5}, {"targetID": 20666}):
        with pytest.raises(RequestError):
            swift.get_source(row)
    with pytest.raises(RequestError, match="details of sources of LSXPS only"):
        swift.get_source(209851, catalog="2SXPS")
    with pytest.raises(RequestError, match="not of UK_XRT"):
        swift.get_light_curve(209851, catalog="UK_XRT")
    with pytest.raises(RequestError, match=r"row of a catalogue of bursts is needed"):
        swift.get_light_curve(grb={"LSXPS_ID": 5})
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_datasets_that_are_none() -> None:
    swift = service()
    for dataset in ("GRB 060729", "1", "123456789012", -5, 1.5, "０００31635001"):
        with pytest.raises((IdentifierError, RequestError)):
            swift.get_dataset(dataset)
        with pytest.raises((IdentifierError, RequestError)):
            swift.get_images(dataset)


def test_transients_are_in_one_catalogue_only() -> None:
    swift = service()
    name = "Swift J073006.8-193709"
    for call in (swift.get_transient, swift.get_source):
        with pytest.raises(RequestError, match="LSXPS only"):
            call(name, catalog="2SXPS")
    for call in (swift.get_light_curve, swift.get_spectra, swift.get_previews):
        with pytest.raises(RequestError, match="LSXPS only"):
            call(transient=name, catalog="2SXPS")  # type: ignore[operator]
    with pytest.raises(RequestError, match="transients"):
        swift.query_catalog(catalog="2SXPS", table="transients")
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "position",
    [
        SkyCoord(np.nan, 0.0, unit="deg"),
        SkyCoord(0.0, np.nan, unit="deg"),
        SkyCoord(Masked(1.0 * u.deg, mask=True), 0 * u.deg),
        SkyCoord([1.0, 2.0], [1.0, 2.0], unit="deg"),
        SkyCoord(Masked([1.0, 2.0] * u.deg, mask=[True, False]), [0, 0] * u.deg),
        "",
        " ",
        5,
        (1.0, 2.0),
    ],
    ids=str,
)
def test_positions_that_are_no_centre(position: Any) -> None:
    swift = rows()
    for call in (swift.query_catalog, swift.query_region):
        with pytest.raises(RequestError):
            call(position, radius=1 * u.arcmin)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "radius", [np.nan * u.deg, np.inf * u.deg, 0 * u.deg, -1 * u.deg, 181 * u.deg, 5, 5 * u.s, None]
)
def test_radii_that_are_none(radius: Any) -> None:
    with pytest.raises(RequestError, match="radius"):
        rows().query_region(PLACE, radius=radius)


@pytest.mark.parametrize("value", [np.nan * u.ct / u.s, np.inf * u.ct / u.s, 1.0, 1 * u.s, "x"])
def test_values_that_do_not_fit_a_column(value: Any) -> None:
    with pytest.raises(RequestError):
        rows().query_catalog(where=Column("Rate_band0") > value)


@pytest.mark.parametrize(
    "positions",
    [
        SkyCoord(Masked([1.0, 2.0] * u.deg, mask=[False, True]), [0, 0] * u.deg),
        SkyCoord([1.0, np.nan], [0.0, 0.0], unit="deg"),
        QTable({"position": SkyCoord(Masked([1.0, 2.0] * u.deg, mask=[False, True]), [0, 0] * u.deg)}),
        [PLACE, SkyCoord(np.nan, 0, unit="deg")],
    ],
    ids=["masked", "NaN", "table", "list"],
)
def test_limits_at_positions_that_are_masked(positions: Any) -> None:
    swift = service()
    with pytest.raises(RequestError, match=r"position"):
        swift.get_upper_limits(positions)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_masked_numbers_of_rows_name_nothing() -> None:
    table = QTable({"LSXPS_ID": np.ma.MaskedArray([5, 6], mask=[True, False])})
    with pytest.raises(RequestError, match="a row must have LSXPS_ID"):
        service().get_source(table[0])
    assert service().get_source(table[1], get_query_payload=True)["sourceID"] == 6


# ---------------------------------------------------------------- cones


def test_empty_cones() -> None:
    found = rows().query_region(PLACE, radius=1 * u.arcsec)
    assert len(found) == 0
    assert found.colnames[:3] == ["position", "distance", "LSXPS_ID"]
    assert found["distance"].unit == u.arcsec
    assert isinstance(found["position"], SkyCoord)
    assert found["Rate_band0"].unit == u.ct / u.s


def test_cones_of_the_whole_sky(tmp_path: Path) -> None:
    local = local_catalog(tmp_path / "store")
    swift = service(local)  # type: ignore[arg-type]
    found = swift.query_region(PLACE, radius=180 * u.deg)
    assert sorted(found["LSXPS_ID"]) == [11, 12, 13, 14]
    assert found["distance"].max() == 90 * u.deg
    local.close()
    kept = service(Service())
    assert len(kept.get_catalog_table()) == 4
    assert len(kept.query_region(PLACE, radius=180 * u.deg, offline=True)) == 4


def test_cones_without_distances() -> None:
    """A service that does not tell how far away the rows are."""
    found = rows({"LSXPS_ID": 1, "RA": 0.0, "Decl": 0.0}).query_region(PLACE, radius=1 * u.deg)
    assert found["distance"].mask.tolist() == [True]


# ---------------------------------------------------------------- what catalogues hold


def test_cells_without_a_value() -> None:
    cells: list[Any] = [None, "NaN", "nan", "", "null", float("nan"), "0.5"]
    found = rows(*({"LSXPS_ID": 1, "RA": 1, "Decl": cell, "Rate_band0": cell} for cell in cells)).query_catalog()
    assert found["Rate_band0"].mask.tolist() == [True] * 6 + [False]
    assert found["Rate_band0"][-1] == 0.5 * u.ct / u.s
    assert found["position"].masked
    source = service(
        getSXPSSourceInfo={"data": {**SOURCE, "Rate_band0": "NaN", "HR1": "NaN", "Err90": None}}
    ).get_source(NAME)
    assert (source["Rate_band0"], source["HR1"], source.error_radius) == (None, None, None)
    assert "radius" not in repr(source)


def test_whole_numbers_beyond_those_of_doubles() -> None:
    exact = [2**53 + 1, str(2**53 + 3), 2**63 - 1, None]
    found = rows(*({"LSXPS_ID": number} for number in exact)).query_catalog()
    assert found["LSXPS_ID"].tolist() == [2**53 + 1, 2**53 + 3, 2**63 - 1, None]
    with pytest.raises(ProtocolError, match="'LSXPS_ID' are not what the catalogue promises"):
        rows({"LSXPS_ID": 2**64}).query_catalog()
    source = service(getSXPSSourceInfo={"data": {**SOURCE, "LSXPS_ID": str(2**53 + 1)}}).get_source(NAME)
    assert source.source_id == 2**53 + 1
    kept = service(Service()).get_catalog_table(columns=["LSXPS_ID"])
    assert 9007199254740993 in kept["LSXPS_ID"]


def test_texts_in_other_scripts_and_with_entities() -> None:
    texts = [
        "Récurrent",
        "Σ = 5σ",
        "0.3 &#8212; 10 keV",
        "a &amp; b &lt;5",
        "AT&T",
        "\ud83d\ude00",
        "\x1b[2Jx",
    ]
    found = rows(*({"LSXPS_ID": 1, "Notes": text} for text in texts)).query_catalog()
    told = found["Notes"].tolist()
    assert told[:5] == ["Récurrent", "Σ = 5σ", "0.3 \u2014 10 keV", "a & b <5", "AT&T"]
    assert all(text.isprintable() for text in told)
    transient = service(getSXPSTransInfo=TRANSIENT).get_transient(576)
    assert transient.notes.startswith("Récurrent")
    assert transient["BestUpperLimitBand"] == "0.3 \u2014 10 keV"
    assert "\x1b" not in repr(service(getSXPSTransInfo={**TRANSIENT, "Classification": "\x1b[2J"}).get_transient(576))


def test_dates_in_civil_time_of_the_united_kingdom() -> None:
    dates = ["2006-07-29 20:18:25", "2010-01-01 00:00:00", "2012-03-25 02:30:00", "0000-00-00 00:00:00", None]
    found = rows(*({"LSXPS_ID": 1, "FirstObsDate": date} for date in dates)).query_catalog()
    times = found["FirstObsDate"]
    assert times.scale == "utc"
    assert [time[:19] for time in times[:3].unmasked.isot] == [
        "2006-07-29T19:18:25",
        "2010-01-01T00:00:00",
        "2012-03-25T01:30:00",
    ]
    assert times.mask.tolist() == [False] * 3 + [True] * 2
    kept = service(Service()).get_catalog_table(columns=["FirstObsDate"])
    assert kept["FirstObsDate"].unmasked.isot[0][:19] == "2006-07-29T19:18:25"


@pytest.mark.parametrize("date", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1858-11-17 00:00:00"])
def test_dates_that_stand_for_nothing(date: str) -> None:
    assert rows({"LSXPS_ID": 1, "FirstObsDate": date}).query_catalog()["FirstObsDate"].mask.tolist() == [True]


@pytest.mark.parametrize("met", [1e300, "1E400", -1e12, 883526444.0])
def test_times_that_stand_for_nothing(met: Any) -> None:
    odd = {**SOURCE, "FirstObsMET": met, "lcRanges": {"MET_lo": met, "MET_hi": met}}
    source = service(getSXPSSourceInfo={"data": odd}).get_source(NAME)
    assert source["FirstObsMET"] is source.first_observation is None
    assert source.times["first"].mask.tolist() == [True, False, True]
    assert service(getSXPSTransInfo={**TRANSIENT, "DetectionMET": met}).get_transient(576).discovery is None


def test_dates_that_are_none() -> None:
    with pytest.raises(ProtocolError, match="FirstObsDate"):
        rows({"LSXPS_ID": 1, "FirstObsDate": "yesterday"}).query_catalog()


def test_columns_that_come_and_go() -> None:
    """A version of the catalogue that has a column more, and lacks another, is what counts."""
    newer = {name: kind for name, kind in KINDS.items() if name != "Rate_band0"} | {"Novelty": "NUM"}
    columns = metadata([{"ColName": name, "Type": kind} for name, kind in newer.items()])
    reply = {"Results": [{"LSXPS_ID": 1, "Novelty": "0.5", "Unannounced": [1]}], "NumRows": 1}
    swift = service(getMetadata=columns, queryDB=reply)
    found = swift.query_catalog(where=Column("Novelty") > 0.1)
    assert found["Novelty"].tolist() == [0.5]
    assert found["Unannounced"].tolist() == [[1]]
    with pytest.raises(RequestError, match="Rate_band0"):
        swift.query_catalog(columns=["Rate_band0"])
    without = CSV.replace("Rate_band0", "Rate_band9")
    kept = service(Service(without)).get_catalog_table()
    assert "Rate_band9" in kept.colnames
    with pytest.raises(RequestError, match="has no column 'Rate_band0'.*Rate_band9"):
        service(Service(without)).get_catalog_table(columns=["Rate_band0"])


def test_details_of_the_wrong_kind() -> None:
    """What names an object must be right; what is wrong elsewhere is an error where it is asked for."""
    for wrong in ({"RA": [1]}, {"Decl": "inf"}, {"LSXPS_ID": "five"}, {"IAUName": {}}, {"RA": 10**400}):
        with pytest.raises(ProtocolError):
            service(getSXPSSourceInfo={"data": {**SOURCE, **wrong}}).get_source(NAME)
    odd = {**SOURCE, "Rate_band0": [1], "Err90": 0}
    odd["Detections"] = {"Observations": [{**SOURCE["Detections"]["Observations"][0], "DatasetID": {}}]}
    source = service(getSXPSSourceInfo={"data": odd}).get_source(NAME)
    with pytest.raises(ProtocolError, match="Rate_band0"):
        source["Rate_band0"]
    with pytest.raises(NoDataError, match="no error circle"):
        _ = source.region
    with pytest.raises(ProtocolError, match="DatasetID"):
        source.observations()


def test_datasets_without_a_position() -> None:
    bare = {name: value for name, value in DATASET.items() if name not in ("RA", "Decl")}
    dataset = service(getSXPSDatasetInfo={"data": {**bare, "inStack": 5, "Sources": 5}}).get_dataset(9725)
    with pytest.raises(NoDataError, match="no position"):
        _ = dataset.position
    for name in ("stacks", "sources"):
        with pytest.raises(ProtocolError, match="a list of"):
            getattr(dataset, name)


# ---------------------------------------------------------------- whole tables

DATASETS = "DatasetID,ObsID,RA,Decl,ExposureUsed\n1,00030842027,0.0,0.0,5\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DATASETS, "is like the table datasets"),
        (CSV.replace("LSXPS_ID", "2SXPS_ID", 1), "not the table LSXPS sources"),
        (CSV[: CSV.rindex(",")], "cut off"),
        (CSV[:20], "not the table|cut off"),
        ("", "cut off"),
        ("<html>maintenance</html>", "not the table|cut off"),
        (CSV.replace("1000.5", "a lot"), "no sound LSXPS sources table"),
        (b"\xff\xfe" + CSV.encode(), "no sound LSXPS sources table"),
    ],
    ids=[
        "another table",
        "another catalogue",
        "cut in a row",
        "cut in the head",
        "empty",
        "a page",
        "no number",
        "no text",
    ],
)
def test_files_that_are_not_the_table(content: str | bytes, message: str, cache: Path) -> None:
    with pytest.raises(FormatError, match=message):
        service(Service(content)).get_catalog_table()
    assert [path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_cones_in_a_table_without_positions() -> None:
    swift = service(Service(CSV.replace("Decl", "Declination")))
    swift.get_catalog_table()
    with pytest.raises(RequestError, match="no column Decl"):
        swift.query_region(PLACE, radius=1 * u.deg, columns=["LSXPS_ID"], offline=True)


def test_a_disk_that_is_full(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(catalog_files._pyarrow().parquet.ParquetWriter, "write_table", no_space)
    with pytest.raises(StorageError, match="No space left"):
        service(Service()).get_catalog_table()
    assert [path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
