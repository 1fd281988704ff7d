"""The stand-in for the HEASARC, asked by `astroquery.heasarc` as it is, by plain HTTP and as a bucket."""

from __future__ import annotations

import http.client
import tarfile
import threading
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astroquery.exceptions import NoResultsWarning
from astroquery.heasarc import HeasarcClass

from swiftxrt import conf
from swiftxrt.exceptions import RequestError
from swiftxrt.server.heasarc.adql import AdqlError, Tables
from swiftxrt.server.heasarc.columns import COLUMNS
from swiftxrt.server.heasarc.files import ArchiveFiles
from swiftxrt.server.heasarc.pages import bucket_page
from swiftxrt.server.heasarc.tar import asked_folders, write_tar
from swiftxrt.testing.heasarc import HeasarcServer, heasarc_server

OBSID = "09999002000"
PLACE = SkyCoord(150, 20, unit="deg")
CORNERS = SkyCoord([149.5, 150.5, 150], [19.5, 19.5, 20.5], unit="deg")
EVENTS = f"xrt/event/sw{OBSID}xpcw3po_cl.evt.gz"
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"

pytestmark = [
    pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning"),
    pytest.mark.filterwarnings("ignore:.*VOTable:astropy.utils.exceptions.AstropyWarning"),
]


@pytest.fixture(scope="module")
def server(small_archive: Path) -> Iterator[HeasarcServer]:
    with heasarc_server(small_archive) as running:
        yield running


@pytest.fixture
def heasarc(server: HeasarcServer) -> HeasarcClass:
    made = HeasarcClass()
    made.VO_URL, made.TAR_URL = server.vo_url, server.tar_url
    return made


def test_a_cone_with_the_default_columns_and_radius(heasarc: HeasarcClass) -> None:
    rows = heasarc.query_region(PLACE, catalog="swiftmastr")
    assert rows.colnames == [
        "name", "obsid", "ra", "dec", "start_time", "processing_date", "xrt_exposure", "uvot_exposure",
        "bat_exposure", "archive_date", "__row",
    ]  # fmt: skip
    assert rows["obsid"].tolist() == [OBSID]
    assert heasarc.get_default_radius("swiftmastr") == 12 * u.arcmin
    far = SkyCoord(150, 21, unit="deg")
    with pytest.warns(NoResultsWarning):
        assert len(heasarc.query_region(far, catalog="swiftmastr", radius=30 * u.arcmin)) == 0


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"spatial": "box", "position": PLACE, "width": 10 * u.arcmin}, 1),
        ({"spatial": "box", "position": SkyCoord(150, 20.5, unit="deg"), "width": 10 * u.arcmin}, 0),
        ({"spatial": "polygon", "polygon": CORNERS}, 1),
        ({"spatial": "polygon", "polygon": CORNERS.directional_offset_by(0 * u.deg, 1.5 * u.deg)}, 0),
        ({"spatial": "all-sky"}, 1),
    ],
)
@pytest.mark.filterwarnings("ignore:No matching rows")
def test_other_shapes(heasarc: HeasarcClass, options: dict[str, Any], count: int) -> None:
    assert len(heasarc.query_region(catalog="swiftmastr", **options)) == count


def test_free_queries_and_what_tables_there_are(heasarc: HeasarcClass) -> None:
    found = heasarc.query_tap(
        "SELECT TOP 1 obsid, xrt_expo_pc FROM public.swiftmastr WHERE xrt_expo_pc > 100"
    ).to_table()
    assert found["obsid"].tolist() == [OBSID]
    assert found["xrt_expo_pc"].unit == u.s
    assert heasarc.list_catalogs(master=True)["name"].tolist() == ["swiftmastr"]
    assert len(heasarc.list_columns("swiftmastr", full=True)) == len(COLUMNS)
    assert len(heasarc.list_columns("swiftmastr")) == 10
    with pytest.raises(Exception, match="no such table"):
        heasarc.query_tap("SELECT * FROM elsewhere")


def test_links_and_a_download_of_all(heasarc: HeasarcClass, server: HeasarcServer, tmp_path: Path) -> None:
    links = heasarc.locate_data(heasarc.query_region(PLACE, catalog="swiftmastr"))
    assert links["access_url"].tolist() == [f"{server.files_url}/2016_11//{OBSID}/"]
    assert links["sciserver"].tolist() == [f"/FTP/swift/data/obs/2016_11/{OBSID}/"]
    heasarc.download_data(links, location=str(tmp_path))
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        f"{OBSID}/{EVENTS}"
    ]
    assert links["content_length"][0] == (tmp_path / OBSID / EVENTS).stat().st_size


def test_rows_without_files(tmp_path: Path) -> None:
    rows = Table({"obsid": ["00012345001"], "ra": [10.0], "dec": [5.0], "start_time": [56000.0], "__row": [7]})
    with heasarc_server(rows=rows) as server:
        heasarc = HeasarcClass()
        heasarc.VO_URL, heasarc.TAR_URL = server.vo_url, server.tar_url
        found = heasarc.query_region(SkyCoord(10, 5, unit="deg"), catalog="swiftmastr")
        links = heasarc.locate_data(found)
        assert links["error_message"].tolist() == ["No data products found"]


def test_recorded_answers_come_back_as_they_were(validation_data: Path, small_archive: Path) -> None:
    """Names, order, units, types and values are those that astroquery once got of the HEASARC itself."""
    recorded = Table.read(validation_data / "query_results" / "tpyx_swiftmastr_selected8.ecsv")
    with heasarc_server(small_archive, rows=recorded) as server:
        heasarc = HeasarcClass()
        heasarc.VO_URL, heasarc.TAR_URL = server.vo_url, server.tar_url
        rows = heasarc.query_region(SkyCoord(136.1729, -32.3799, unit="deg"), catalog="swiftmastr")
        links = heasarc.locate_data(rows)
    assert rows.colnames == recorded.colnames
    for name in recorded.colnames:
        assert rows[name].tolist() == recorded[name].tolist(), name
        assert rows[name].unit == recorded[name].unit, name
        assert rows[name].dtype.kind == {"U": "O"}.get(recorded[name].dtype.kind, recorded[name].dtype.kind), name
    theirs = Table.read(validation_data / "query_results" / "tpyx_locate_data8.ecsv")
    assert links.colnames == theirs.colnames
    assert sorted(links["ID"]) == sorted(theirs["ID"])
    assert links["content_length"].unit == theirs["content_length"].unit


def test_masked_cells_of_given_rows_are_null() -> None:
    rows = Table(
        {"obsid": ["00012345001", "00012345002"], "ra": [10.0] * 2, "dec": [5.0] * 2, "start_time": [5e4, 6e4]}
    )
    rows["xrt_expo_pc"] = MaskedColumn([1.0, 2.0], mask=[True, False])
    rows["archive_date"] = MaskedColumn([55000, 56000], mask=[False, True])
    rows["name"] = MaskedColumn(["a", "b"], mask=[True, False])
    with heasarc_server(rows=rows) as server:
        heasarc = HeasarcClass()
        heasarc.VO_URL = server.vo_url
        query = "SELECT xrt_expo_pc, archive_date, name FROM swiftmastr ORDER BY start_time"
        found = heasarc.query_tap(query).to_table()
    assert found["xrt_expo_pc"].mask.tolist() == [True, False]
    assert found["archive_date"].mask.tolist() == [False, True]
    assert found["name"].tolist() == ["", "b"]


def test_the_bucket_as_astroquery_asks_it(heasarc: HeasarcClass, server: HeasarcServer, tmp_path: Path) -> None:
    boto3, botocore = pytest.importorskip("boto3"), pytest.importorskip("botocore")
    anybody = botocore.client.Config(signature_version=botocore.UNSIGNED)
    resource = boto3.resource("s3", config=anybody, endpoint_url=server.url, region_name="us-east-1")
    heasarc.s3_resource, heasarc.s3_client = resource, resource.meta.client
    links = heasarc.locate_data(heasarc.query_region(PLACE, catalog="swiftmastr"))
    heasarc.download_data(links, host="aws", location=str(tmp_path))
    assert (tmp_path / OBSID / EVENTS).is_file()


def read(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask without anything that follows redirections or repeats."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0), timeout=30)
    try:
        connection.request(method, url[len(f"http://{parts.netloc}") :], headers=headers)
        reply = connection.getresponse()
        return reply.status, {name.lower(): text for name, text in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def test_folders(server: HeasarcServer) -> None:
    status, headers, _ = read(f"{server.files_url}/2016_11/{OBSID}/xrt/event")
    assert (status, headers["location"]) == (301, f"/FTP/swift/data/obs/2016_11/{OBSID}/xrt/event/")
    status, headers, body = read(f"{server.files_url}/2016_11/{OBSID}/xrt/event/")
    page = body.decode()
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert f'<a href="sw{OBSID}xpcw3po_cl.evt.gz">sw{OBSID}xpcw3po..&gt;</a>' in page
    assert f"<title>Index of /FTP/swift/data/obs/2016_11/{OBSID}/xrt/event</title>" in page
    for above, inside in (("", "2016_11/"), ("/2016_11", f"{OBSID}/"), (f"/2016_11/{OBSID}", "xrt/")):
        assert f'<a href="{inside}">{inside}</a>' in read(f"{server.files_url}{above}/")[2].decode()
    for missing in ("/2016_12/", f"/2016_11/{OBSID}/uvot/", f"/2016_11/{OBSID}/xrt/event/none.evt", "/../../../etc/"):
        assert read(f"{server.files_url}{missing}")[0] == 404


@pytest.mark.parametrize("where", ["files", "aws"])
def test_files_whole_in_part_and_their_headers(server: HeasarcServer, small_archive: Path, where: str) -> None:
    folder = server.files_url if where == "files" else f"{server.aws_url}/swift/data/obs"
    url = f"{folder}/2016_11/{OBSID}/{EVENTS}"
    (content,) = [path.read_bytes() for path in small_archive.rglob("*.evt.gz")]
    status, headers, body = read(url)
    assert (status, body) == (200, content)
    assert "content-encoding" not in headers
    status, headers, body = read(url, "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", str(len(content)))
    status, headers, body = read(url, Range="bytes=100-199")
    assert (status, body) == (206, content[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(content)}"
    status, _, body = read(url, **{"Range": "bytes=100-", "If-Range": '"another"'})
    assert (status, body) == (200, content)


def listed(server: HeasarcServer, **query: str) -> ET.Element:
    return ET.fromstring(read(f"{server.aws_url}/?{urlencode({'list-type': '2', **query})}")[2])


def test_the_bucket(server: HeasarcServer) -> None:
    full = listed(server, prefix=f"swift/data/obs/2016_11/{OBSID}/")
    assert [one.text for one in full.iter(f"{S3}Key")] == [f"swift/data/obs/2016_11/{OBSID}/{EVENTS}"]
    folders = listed(server, prefix=f"swift/data/obs/2016_11/{OBSID}/", delimiter="/")
    prefixes = [one.text for one in folders.findall(f"{S3}CommonPrefixes/{S3}Prefix")]
    assert prefixes == [f"swift/data/obs/2016_11/{OBSID}/xrt/"]
    status, _, body = read(f"{server.aws_url}/swift/none")
    assert (status, b"NoSuchKey" in body) == (404, True)
    assert read(f"{server.aws_url}?list-type=2&max-keys=many")[0] == 400
    assert read(f"{server.aws_url}?list-type=2&continuation-token=%20")[0] == 400


def test_lists_of_the_bucket_go_on(tmp_path: Path) -> None:
    for name in ("a", "b/c", "b/d", "e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "elsewhere").symlink_to("/etc/hostname")
    files = ArchiveFiles({"2020_01/00012345001": [tmp_path]})
    prefix = "swift/data/obs/2020_01/00012345001/"
    keys, asked = [], {"prefix": prefix}
    while True:
        page = ET.fromstring(bucket_page(files, asked, most=3))
        keys.append([str(one.text).removeprefix(prefix) for one in page.iter(f"{S3}Key")])
        if page.findtext(f"{S3}IsTruncated") == "false":
            break
        asked = {"prefix": prefix, "continuation-token": str(page.findtext(f"{S3}NextContinuationToken"))}
    assert keys == [["a", "b/c", "b/d"], ["e"]]


def test_tar_files_are_asked_for_by_place() -> None:
    text = ">/FTP/swift/data/obs/2020_01//00012345001/&&>/FTP/swift/x&&>/etc/passwd&&"
    assert asked_folders(text) == ["swift/data/obs/2020_01/00012345001", "swift/x"]


PLACE_OF_EVENTS = f"swift/data/obs/2016_11/{OBSID}/xrt/event/a.evt"


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        (f"swift/data/obs/2016_11/{OBSID}", [f"{OBSID}/xrt/event/a.evt"]),
        ("swift", [PLACE_OF_EVENTS]),
        (PLACE_OF_EVENTS, ["a.evt"]),
        (f"swift/data/obs/2016_11/{OBSID[:-1]}", []),
    ],
)
def test_folders_are_packed_under_their_own_names(tmp_path: Path, folder: str, names: list[str]) -> None:
    events = tmp_path / OBSID / "xrt" / "event"
    events.mkdir(parents=True)
    (events / "a.evt").write_text("a")
    files = ArchiveFiles({f"2016_11/{OBSID}": [tmp_path / OBSID]})
    assert write_tar(files, [folder], tmp_path / "x.tar") == len(names)
    with tarfile.open(tmp_path / "x.tar") as packed:
        assert packed.getnames() == names


def test_a_tar_file_of_nothing(server: HeasarcServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(server.tar_url, data=urlencode({"files": ">/FTP/swift/none/&&"}).encode(), timeout=30)


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE swiftmastr",
        "DELETE FROM metainfo",
        "ATTACH 'x' AS y",
        "DETACH public",
        "",
        "PRAGMA page_size",
        "SELECT",
    ],
)
def test_nothing_but_questions_is_answered(query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables = Tables([])
    try:
        before = tables.select("SELECT COUNT(*) FROM metainfo, (SELECT COUNT(*) FROM swiftmastr)").rows
        with pytest.raises(AdqlError):
            tables.select(query)
        assert tables.select("SELECT COUNT(*) FROM metainfo, (SELECT COUNT(*) FROM swiftmastr)").rows == before
        assert not list(tmp_path.iterdir())
    finally:
        tables.close()


def test_settings_point_to_it_inside_the_block_only(small_archive: Path) -> None:
    before = conf.heasarc_url, conf.heasarc_files_url, conf.aws_url
    with heasarc_server(small_archive) as server:
        assert (conf.heasarc_url, conf.heasarc_files_url, conf.aws_url) == (
            server.vo_url, server.files_url, server.aws_url,
        )  # fmt: skip
    assert before == (conf.heasarc_url, conf.heasarc_files_url, conf.aws_url)


def test_nothing_stays_open(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Tables] = []
    threads = set(threading.enumerate())
    monkeypatch.setattr("swiftxrt.server.heasarc.app.Tables", lambda rows: made.append(Tables(rows)) or made[-1])
    with heasarc_server(small_archive):
        assert made[0].select("SELECT COUNT(*) FROM swiftmastr").rows == [(1,)]
    with pytest.raises(AdqlError, match="closed"):
        made[0].select("SELECT COUNT(*) FROM swiftmastr")
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize(
    "options", [{}, {"rows": Table({"a": [1]})}, {"archive": "x", "max_keys": 0}, {"archive": "x", "faults": 1}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError), heasarc_server(**options):
        pass
