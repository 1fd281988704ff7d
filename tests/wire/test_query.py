"""Questions for rows of catalogues in the words of the service, and its answers."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from swiftxrt import Column
from swiftxrt.catalog_fields import CATALOGS, CatalogField, fields_of
from swiftxrt.exceptions import ProtocolError, RequestError
from swiftxrt.request.catalog import CatalogQuery
from swiftxrt.request.constraints import OPERATORS, Clause, Constraint
from swiftxrt.wire import api
from swiftxrt.wire.query import (
    PAGE,
    RowRequest,
    read_resolved,
    read_row_request,
    read_rows,
    row_request,
)
from swiftxrt.wire.query_columns import encode_metadata, read_metadata
from tests.catalog.replay import fixture

# Bodies that the reference client (swifttools 4.0.5) sent, letter by letter.
CONE = (
    '{"database": "obs", "table": "swiftmastr", "adUnits": "deg", "sortDir": "DESC", "numRows": 3, "cols": ["name", '
    '"obsid"], "sortBy": "xrt_exposure", "constraints": [{"colName": "xrt_exposure", "filter": ">", "val": 1000, '
    '"combiner": "OR", "filter2": "<", "val2": 200}, {"colName": "target_id", "filter": "IS NULL", "val": null, '
    '"combiner": "OR", "filter2": "<", "val2": 10000}, {"colName": "ra", "filter": "BETWEEN", "val": [100, 200], '
    '"combiner": null, "filter2": null, "val2": null}, {"colName": "name", "filter": "LIKE", "val": "GK%", "combiner": '
    'null, "filter2": null, "val2": null}], "searchRA": 123.456, "searchDec": -43.221, "searchRad": 1.0, "firstRow": '
    '0, "APIFunc": "queryDB", "APIVersion": "1.0.5"}'
)
BURSTS = (
    '{"database": "BAT_GRB", "table": "BATGRBCat", "adUnits": "arcsec", "sortDir": "ASC", "numRows": 1000, "cols": '
    '["GRBname", "Trig_ID", "RA_ground", "DEC_ground", "T90"], "constraints": [{"colName": "T90", "filter": "<", '
    '"val": 2, "combiner": null, "filter2": null, "val2": null}], "searchName": "GRB 060729", "searchRad": 2.0, '
    '"RACol": "RA_ground", "DecCol": "DEC_ground", "firstRow": 0, "APIFunc": "queryDB", "APIVersion": "1.0.5"}'
)
#: The same questions in our words: by the name of the recorded case, in the order of its calls for rows.
ASKED: dict[str, list[dict[str, Any]]] = {
    "sxps subset position": [
        {"name": "06 21 31, -62 22 13", "radius": 12 * u.arcmin, "subset": "Clean"},
    ],
    "grb cone": [
        {
            "catalog": "UK_XRT",
            "position": SkyCoord("12 13 14", "-13 14 15", unit=("hourangle", "deg")),
            "radius": 2 * u.arcmin,
        }
    ],
    "grb aux, silent: cone goes only to primary?": [
        {"catalog": "BAT_GRB", "name": "GRB 060729", "radius": 2 * u.arcsec, "where": Column("T90") < 2 * u.s},
        {"catalog": "UK_XRT", "where": Column("NumLCBreaks") >= 1},
    ],
    "grb aux, not silent": [
        {"catalog": "BAT_GRB", "name": "GRB 060729", "radius": 2 * u.arcsec},
        {"catalog": "UK_XRT", "name": "GRB 060729", "radius": 2 * u.arcsec},
    ],
    "GRBQuery default by target": [{"catalog": "UK_XRT", "columns": ["targetID"]}],
    "getSourceDetails on datasets returns": [{"table": "datasets"}],
    "zero rows aux": [{"catalog": "UK_XRT"}, {"catalog": "BAT_GRB"}],
}


def body(request: RowRequest) -> str:
    return json.dumps(api.seal("queryDB", request.encode()))


@pytest.mark.parametrize("recorded", [CONE, BURSTS])
def test_bodies_are_those_of_the_reference_client(recorded: str) -> None:
    assert body(read_row_request(json.loads(recorded))) == recorded


def test_query_becomes_the_body_of_the_reference_client() -> None:
    query = CatalogQuery(**ASKED["grb aux, silent: cone goes only to primary?"][0])
    usual = {one: CatalogField(one, "", is_default=True) for one in ("GRBname", "Trig_ID", "RA_ground", "DEC_ground")}
    fields = {**usual, "T90": CatalogField("T90", "float", "s", is_default=True)}
    assert body(row_request(query, fields)) == BURSTS


def test_every_recorded_body_is_read_and_written_alike(validation_data: Path) -> None:
    bodies = [
        call["raw_body"]
        for case in fixture(validation_data, "query", "wire_requests_query.json")["cases"]
        for call in case["calls"]
        if call["body"]["APIFunc"] == "queryDB"
    ]
    assert len(bodies) == 32
    for recorded in bodies:
        assert body(read_row_request(json.loads(recorded))) == recorded


def test_every_recorded_question_is_asked_alike(validation_data: Path) -> None:
    cases = fixture(validation_data, "query", "wire_requests_query.json")["cases"]
    sent = {
        case["case"]: [call["body"] for call in case["calls"] if call["body"]["APIFunc"] == "queryDB"]
        for case in cases
        if any(call["body"]["database"] in CATALOGS and call["body"]["APIFunc"] == "queryDB" for call in case["calls"])
    }
    assert set(sent) == set(ASKED)
    for case, bodies in sent.items():
        for recorded, asked in zip(bodies, ASKED[case], strict=True):
            query = CatalogQuery(**asked)
            known = fields_of(query.catalog, str(query.table))
            # What the recording server called its usual columns.
            fields = {
                name: CatalogField(name, known[name].kind, known[name].unit, is_default=True)
                for name in recorded["cols"]
            }
            fields = fields | {one.column: known[one.column] for one in query.where if one.column not in fields}
            ours = api.seal("queryDB", row_request(query, fields).encode())
            assert list(ours) == list(recorded)
            if "subset" in recorded:
                recorded["subset"] = recorded["subset"].lower()  # it was sent as it had been typed
            for key in ("searchRA", "searchDec"):
                if key in recorded:
                    recorded[key] = pytest.approx(recorded[key], abs=1e-12)
            assert ours == recorded


@pytest.mark.parametrize(
    ("radius", "unit", "number"),
    [
        (5 * u.arcsec, "arcsec", 5.0),
        (5 * u.arcmin, "arcmin", 5.0),
        (1 * u.deg, "deg", 1.0),
        (500 * u.mas, "arcsec", 0.5),
        (0.001 * u.rad, "arcsec", pytest.approx(206.264806)),
    ],
)
def test_units_of_radii(radius: u.Quantity, unit: str, number: Any) -> None:
    request = row_request(CatalogQuery(name="x", radius=radius), {})
    assert (request.radius_unit, request.radius) == (unit, number)
    assert "RACol" not in request.encode()


@pytest.mark.parametrize(("limit", "rows"), [(None, PAGE), (3, 3), (PAGE, PAGE), (5000, PAGE)])
def test_rows_of_the_first_page(limit: int | None, rows: int) -> None:
    assert row_request(CatalogQuery(limit=limit), {}).encode()["numRows"] == rows


def test_distance_is_the_usual_order() -> None:
    query = CatalogQuery(name="x", radius=1 * u.deg, sort_by="distance")
    assert "sortBy" not in row_request(query, {"RA": CatalogField("RA", "float")}).encode()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(texts, numbers)


@st.composite
def clauses(draw: Any) -> Clause:
    operator = draw(st.sampled_from(sorted(OPERATORS)))
    wanted = OPERATORS[operator]
    return Clause(operator, None if wanted == 0 else draw(values) if wanted == 1 else (draw(values), draw(values)))


@st.composite
def constraints(draw: Any) -> Constraint:
    column, first = draw(texts), draw(clauses())
    if draw(st.booleans()):
        return Constraint(column, (first,))
    return Constraint(column, (first, draw(clauses())), draw(st.sampled_from(["AND", "OR"])))


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
degrees = st.floats(-360, 360)
requests = st.builds(
    RowRequest,
    catalog=words,
    table=words,
    radius_unit=st.sampled_from(["arcsec", "arcmin", "deg"]),
    descending=st.booleans(),
    num_rows=st.integers(0, 10**9),
    first_row=st.integers(0, 10**9),
    subset=st.none() | words,
    columns=st.none() | st.lists(words, min_size=1, max_size=4).map(tuple),
    sort_by=st.none() | words,
    constraints=st.lists(constraints(), max_size=3).map(tuple),
    ra=st.none() | degrees,
    dec=st.none() | degrees,
    name=st.none() | words,
    radius=st.none() | st.floats(0, 1e6),
    position_columns=st.none() | st.tuples(words, words),
)


@given(requests)
def test_what_is_written_is_read(request: RowRequest) -> None:
    assert read_row_request(json.loads(json.dumps(request.encode(), allow_nan=False))) == request


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [*RowRequest("a", "b", constraints=(), name="x", ra=1, dec=1, radius=1, position_columns=("a", "b")).encode()]
KEYS += ["subset", "cols", "sortBy", "constraints"]


@given(st.dictionaries(st.sampled_from(KEYS), junk, max_size=4))
def test_junk_is_refused_with_our_error(content: dict[str, Any]) -> None:
    with suppress(RequestError):
        read_row_request(content)


@given(st.dictionaries(st.sampled_from(["Results", "NumRows", "ResolvedInfo", "ResolvedRA", "metadata"]), junk))
def test_replies_of_junk(content: dict[str, Any]) -> None:
    for read in (
        lambda: read_rows(content, 5),
        lambda: read_resolved(content),
        lambda: read_metadata(content, "a", "b"),
    ):
        with suppress(ProtocolError):
            read()


def test_rows() -> None:
    assert read_rows({"Results": [{"a": 1}], "NumRows": "1"}, 1) == [{"a": 1}]
    assert read_rows({"Results": [], "NumRows": 0}, 1) == []
    with pytest.raises(ProtocolError, match="2 rows, and has 1"):
        read_rows({"Results": [{"a": 1}], "NumRows": 2}, 5)
    with pytest.raises(ProtocolError, match="at most 1 were asked for"):
        read_rows({"Results": [{"a": 1}, {"a": 1}], "NumRows": 2}, 1)
    for content in ({"NumRows": 1}, {"Results": [[1, 2]], "NumRows": 1}, {"Results": {}, "NumRows": 0}):
        with pytest.raises(ProtocolError, match="Results"):
            read_rows(content, 5)


def test_resolved_names() -> None:
    # Recorded: protocol of the service, cone around GK Per.
    text = "Resolved 'GK Per' as (52.80004119305, 43.90429720867) via SIMBAD"
    content = {"ResolvedInfo": text, "ResolvedRA": "52.80004119305", "ResolvedDec": 43.90429720867}
    assert read_resolved(content) == (text, 52.80004119305, 43.90429720867)
    assert read_resolved({}) is None
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_resolved({"ResolvedInfo": text})
    for dec in ("nan", 91):
        with pytest.raises(ProtocolError, match="is none"):
            read_resolved({"ResolvedInfo": text, "ResolvedRA": 1, "ResolvedDec": dec})
    told = read_resolved({"ResolvedInfo": "via \x1b[31mred", "ResolvedRA": 1, "ResolvedDec": 1})
    assert told is not None
    assert "\x1b" not in told.text


ROW = {"ColName": "RA", "Class": "BASIC XRT", "Description": "theirs", "Type": "COORDH", "IsObsCol": 0}


def test_metadata_add_to_what_is_known() -> None:
    rows = [
        ROW,
        {"ColName": "New", "Class": "MISC", "Description": "A new one (s)", "Type": "NUM"},
        {"ColName": "Obs", "Class": None, "Type": "INT", "IsObsCol": "1"},
        {"ColName": "Where", "Type": "COORDD"},
        {"ColName": "When", "Type": "UTC"},
        {"ColName": "What", "Type": None},
    ]
    fields = read_metadata({"metadata": {"columns": ["ColName"], "metadata": rows}}, "LSXPS", "sources")
    known = fields_of("LSXPS", "sources")["RA"]
    assert fields["RA"] == CatalogField("RA", "float", "deg", known.description, known.ucd, is_default=True)
    assert fields["New"] == CatalogField("New", "float", "", "A new one (s)")
    assert [fields[name].kind for name in ("Obs", "Where", "When", "What")] == ["obsid", "float", "utc", "text"]
    assert fields["Where"].unit == "deg"
    # The rows may be lists as well.
    listed = {"metadata": {"columns": list(ROW), "metadata": [list(ROW.values())]}}
    assert read_metadata(listed, "LSXPS", "sources") == {"RA": fields["RA"]}


def test_recorded_metadata(validation_data: Path) -> None:
    table = fixture(validation_data, "query", "grb_sdc_metadata.json")["table"]
    rows = [row for row in table["rows"] if row[0] != "..."]
    content = {"metadata": {"columns": table["columns"], "metadata": rows}}
    fields = read_metadata(content, "SDC_GRB", "SDC_Data_Table")
    assert len(fields) == 10
    assert fields["BAT_RA"].unit == "deg"
    assert fields["BAT_RA"].is_default
    assert fields["TriggerTime"].kind == "utc"


@pytest.mark.parametrize(
    "content",
    [{}, {"metadata": []}, {"metadata": {"metadata": []}}, {"metadata": {"metadata": [{"Name": 1}]}}, {"metadata": 5}],
)
def test_metadata_that_cannot_be_read(content: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="metadata"):
        read_metadata(content, "LSXPS", "sources")


@pytest.mark.parametrize("info", CATALOGS.values(), ids=str)
def test_metadata_are_read_as_they_were_written(info: Any) -> None:
    for table in info.tables:
        known = fields_of(info.name, table)
        content = encode_metadata(known.values(), info.name_column, info.id_column)
        assert json.loads(json.dumps(content)) == content
        read = read_metadata(content, info.name, table)
        assert list(read) == list(known)
        for name in set(known) - {info.name_column}:
            assert read[name] == known[name]
    assert encode_metadata([], "", "") == {"metadata": {"columns": [], "metadata": []}}
