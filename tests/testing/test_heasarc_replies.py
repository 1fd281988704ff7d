"""Replies of the stand-in for the HEASARC in detail: geometry, limits, folders and listings."""

from __future__ import annotations

import asyncio
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from astropy.table import Table
from astroquery.heasarc import HeasarcClass
from starlette.applications import Starlette

from swiftxrt.server.heasarc import adql, pages
from swiftxrt.server.heasarc.adql import AdqlError, Tables
from swiftxrt.server.heasarc.app import FILES_PATH, TAR_PATH, VO_PATH, make_heasarc_app
from swiftxrt.server.heasarc.columns import COLUMNS
from swiftxrt.server.heasarc.files import ROOT, ArchiveFiles
from swiftxrt.server.heasarc.pages import bucket_page, folder_page
from swiftxrt.testing.heasarc import heasarc_server

OBSID = "00031968059"
PLACE = f"2011_09/{OBSID}"
FOLDER = f"{FILES_PATH}/{ROOT}/{PLACE}"
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@pytest.fixture
def tables() -> Iterator[Tables]:
    """Four observations near the zero of right ascension, and at high declination."""
    places = [(359.9, 10.0), (0.1, 10.0), (10.0, 80.0), (12.0, 80.0)]
    rows = [{"__row": number, "ra": ra, "dec": dec} for number, (ra, dec) in enumerate(places, 1)]
    made = Tables([tuple(row.get(column.name) for column in COLUMNS) for row in rows])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ("CIRCLE('ICRS',0,10,0.0985)", [1, 2]),
        ("CIRCLE('ICRS',0,10,0.0984)", []),
        ("CIRCLE('ICRS',10,80,0.34)", [3]),
        ("CIRCLE('ICRS',10,80,0.35)", [3, 4]),
        ("BOX('ICRS',0,10,0.198,0.1)", [1, 2]),
        ("BOX('ICRS',0,10,0.196,0.1)", []),
        ("BOX('ICRS',0.1,10.06,0.1,0.1)", []),
        ("BOX('ICRS',0.1,10.04,0.1,0.1)", [2]),
        ("BOX('ICRS',11,80,0.36,0.1)", [3, 4]),
        ("POLYGON('ICRS',359.8,9.9,0.2,9.9,0,10.2)", [1, 2]),
        ("POLYGON('ICRS',359.8,9.9,0.0,9.9,0,10.2)", [1]),
        ("POLYGON('ICRS',0.2,9.9,0.4,9.9,0.4,10.2)", []),
    ],
)
def test_shapes(tables: Tables, shape: str, rows: list[int]) -> None:
    query = f"SELECT __row FROM swiftmastr WHERE CONTAINS(POINT('ICRS',ra,dec),{shape})=1 ORDER BY __row"
    assert [row[0] for row in tables.select(query).rows] == rows


def test_functions(tables: Tables) -> None:
    query = "SELECT DISTANCE(POINT('ICRS',ra,dec),POINT('ICRS',0.1,10)) FROM swiftmastr WHERE __row < 3 ORDER BY __row"
    assert [row[0] for row in tables.select(query).rows] == pytest.approx([0.196962, 0.0], abs=1e-6)
    query = "SELECT SPLIT_PART('a.b', '.', 1), SPLIT_PART('a.b', '.', 2), SPLIT_PART('a.b', '.', 3)"
    assert tables.select(query).rows == [("a", "b", "")]
    assert tables.select("SELECT TOP 2 __row FROM swiftmastr ORDER BY dec DESC, ra").rows == [(3,), (4,)]


@pytest.mark.parametrize(("most", "count", "is_cut"), [(None, 4, False), (4, 4, False), (3, 3, True), (0, 0, True)])
def test_what_is_cut_is_told(tables: Tables, most: int | None, count: int, is_cut: bool) -> None:
    found = tables.select("SELECT * FROM swiftmastr", most)
    assert (len(found.rows), found.is_cut) == (count, is_cut)


def test_a_question_without_end_is_left(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adql, "_LONGEST_S", -1.0)
    with pytest.raises(AdqlError, match="interrupted"):
        tables.select("SELECT COUNT(*) FROM metainfo a, metainfo b, metainfo c, metainfo d, metainfo e")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An observation with files of several kinds."""
    folder = tmp_path / "archive" / OBSID
    for name in ("xrt/event/a.evt", "xrt/event/a.evt.gz", "auxil/sat & pat.fits", "m.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x" * 1000)
    return folder


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks an application in this process."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def get(self, address: str) -> Reply:
        return asyncio.run(self._ask("GET", address, b""))

    def post(self, address: str, form: list[tuple[str, str]]) -> Reply:
        return asyncio.run(self._ask("POST", address, urllib.parse.urlencode(form).encode()))

    async def _ask(self, method: str, address: str, body: bytes) -> Reply:
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not waiting:  # the client stays until the reply is whole
                await asyncio.Event().wait()
            return waiting.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        path, _, query = address.partition("?")
        scope = {
            "type": "http", "method": method, "path": urllib.parse.unquote(path), "query_string": query.encode(),
            "scheme": "http", "server": ("here", 80), "headers": [(b"host", b"here")],
        }  # fmt: skip
        await self.app(scope, receive, send)
        headers = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
        return Reply(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.fixture
def client(folder: Path, tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "b.evt").write_text("beside")
    rows = [{"__row": 5, "obsid": OBSID, "name": "A & <B>", "start_time": 55807.7, "xrt_exposure": 0.1 + 0.2}]
    app = make_heasarc_app(rows, {PLACE: [folder, tmp_path / "b.evt"]})
    yield Client(app)
    app.state.tables.close()


def fields(client: Client, query: str) -> tuple[list[dict[str, str]], list[str | None]]:
    reply = client.post(f"{VO_PATH}/tap/sync", [("QUERY", query)])
    assert reply.status == 200
    table = ET.fromstring(reply.body)
    space = "{http://www.ivoa.net/xml/VOTable/v1.3}"
    return [one.attrib for one in table.iter(f"{space}FIELD")], [one.text for one in table.iter(f"{space}TD")]


def test_texts_and_numbers_come_through(client: Client) -> None:
    found, cells = fields(client, "SELECT name, xrt_exposure, obsid FROM swiftmastr")
    assert cells == ["A & <B>", "0.30000000000000004", OBSID]
    assert [one["ID"] for one in found] == ["name", "xrt_exposure", "DataLinkID"]
    assert found[2]["name"] == "obsid"


def test_refusals(client: Client) -> None:
    reply = client.post(f"{VO_PATH}/tap/sync", [("QUERY", "SELECT 1"), ("MAXREC", "many")])
    assert (reply.status, "MAXREC must be a whole number; got many" in reply.text) == (400, True)
    reply = client.post(f"{VO_PATH}/tap/sync", [("QUERY", "1" * (1 << 20))])
    assert (reply.status, reply.text) == (413, "request too large")
    assert client.get(f"{VO_PATH}/tap/tables/elsewhere").status == 404


def test_links_tell_the_size_of_all_files(client: Client) -> None:
    reply = client.post(f"{VO_PATH}/datalink/swiftmastr", [("ID", "5"), ("ID", "6")])
    cells = [one.text or "" for one in ET.fromstring(reply.body).iter("{http://www.ivoa.net/xml/VOTable/v1.3}TD")]
    first, second = cells[:8], cells[8:]
    assert first[0] == "ivo://nasa.heasarc/swiftmastr?5"
    assert first[1].endswith(f"{FILES_PATH}/{ROOT}/2011_09//{OBSID}/")
    assert first[6:] == ["directory", str(4000 + len("beside"))]
    assert second[3] == "No data products found"


def test_files_and_folders(client: Client) -> None:
    assert client.get(f"{FOLDER}/xrt/event/a.evt.gz").headers["content-type"] == "application/x-gzip"
    assert client.get(f"{FOLDER}/xrt/event/a.evt").headers["content-type"] == "application/octet-stream"
    assert client.get(f"{FOLDER}/xrt/event/b.evt").text == "beside"
    assert client.get(f"{FOLDER}/xrt/event/a.ev").status == 404
    assert client.get(f"{FOLDER}/auxil/sat%20%26%20pat.fits").text == "x" * 1000
    page = client.get(f"{FOLDER}/").text
    assert page.index('href="auxil/"') < page.index('href="xrt/"') < page.index('href="m.txt"')
    page = client.get(f"{FOLDER}/auxil/").text
    assert '<a href="sat%20%26%20pat.fits">sat &amp; pat.fits</a>' in page
    assert "1.0K" in client.get(f"{FOLDER}/xrt/event/").text


def test_tar_files_leave_nothing_behind(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name, status in ((f"{ROOT}/{PLACE}", 200), ("swift/none", 404)):
        assert client.post(TAR_PATH, [("files", f">/FTP/{name}/&&")]).status == status
        assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "  0 "), (972, "972 "), (1000, "1.0K"), (10_189, " 10K"), (2_000_000, "1.9M"), (300_000_000, "286M")],
)
def test_sizes_are_rounded_as_apache_does(size: int, text: str) -> None:
    assert pages._rounded(size) == text


def keys(files: ArchiveFiles, **asked: Any) -> list[str]:
    options = {name.replace("_", "-"): str(value) for name, value in asked.items()}
    page = ET.fromstring(bucket_page(files, {"prefix": f"{ROOT}/{PLACE}/", **options}))
    return [str(one.text).removeprefix(f"{ROOT}/{PLACE}/") for one in page.iter(f"{S3}Key")]


def test_options_of_the_bucket(folder: Path) -> None:
    files = ArchiveFiles({PLACE: [folder]})
    every = ["auxil/sat & pat.fits", "m.txt", "xrt/event/a.evt", "xrt/event/a.evt.gz"]
    assert keys(files) == every
    assert keys(files, start_after=f"{ROOT}/{PLACE}/xrt/event/a.evt") == every[3:]
    assert keys(files, max_keys=2) == every[:2]
    assert keys(files, encoding_type="url")[0] == "auxil/sat%20%26%20pat.fits"
    assert keys(files, delimiter="/") == ["m.txt"]
    for count, is_more in ((3, "true"), (4, "false")):
        page = ET.fromstring(bucket_page(files, {"prefix": f"{ROOT}/{PLACE}/"}, most=count))
        assert page.findtext(f"{S3}IsTruncated") == is_more


def test_links_on_pages_keep_their_names(folder: Path) -> None:
    entries = ArchiveFiles({PLACE: [folder]}).listing(f"{ROOT}/{PLACE}/auxil")
    assert entries is not None
    assert "sat%20%26%20pat.fits" in folder_page("/FTP/x/", entries)


def test_the_settings_are_those_of_the_services() -> None:
    rows = Table({"obsid": [OBSID], "ra": [10.0], "dec": [5.0], "start_time": [55807.7]})
    with heasarc_server(rows=rows) as server:
        heasarc = HeasarcClass()
        heasarc.VO_URL = server.vo_url
        assert len(heasarc.query_tap("SELECT * FROM swiftmastr WHERE ra = 10 AND dec = 5")) == 1
        with urllib.request.urlopen(f"{server.aws_url}?list-type=2", timeout=30) as reply:
            assert reply.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.files_url}/", timeout=30)
