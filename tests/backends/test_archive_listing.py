"""Lists of files: what is read from them, and what is not believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.time import Time

from swiftxrt.backends.archives import aws_files
from swiftxrt.backends.archives.contents import CONTENTS, choose_contents, folders_of
from swiftxrt.backends.archives.listing import Listing, RemoteFile, Size, inner_path, read_index, read_keys
from swiftxrt.backends.archives.pages import fetched, months_of, unknown
from swiftxrt.backends.archives.pages import page as fetch_page
from swiftxrt.backends.archives.sources import needs_start
from swiftxrt.backends.archives.ukssdc_files import UkssdcFiles, _listing
from swiftxrt.exceptions import NoDataError, ProtocolError, RequestError, ServiceError

URL = "https://archive.invalid/FTP/swift/data/obs/2014_11/00085374001/xrt/event/"
OBSID = "00085374001"

APACHE = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html><head><title>Index of /FTP/swift/data/obs/2014_11/00085374001/xrt/event</title></head><body>
<h1>Index of /FTP/swift/data/obs/2014_11/00085374001/xrt/event</h1>
<a href="https://www.nasa.gov/">NASA</a> <a href="/docs/">docs</a>
<pre><a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <a href="?C=S;O=A">Size</a><hr>
<img src="/icons/back.gif" alt="[DIR]"> <a href="/FTP/swift/data/obs/2014_11/00085374001/xrt/">Parent Directory</a>    -
<img src="/icons/compressed.gif" alt="[   ]"> <a href="sw00085374001xpcw3po_cl.evt.gz">sw00085374001xpcw3po_cl.evt.gz</a> 2014-11-25 22:05   29K
<img src="/icons/compressed.gif" alt="[   ]"> <a href="big.evt.gz">big.evt.gz</a>             25-Nov-2014 22:05  1.4M
<img src="/icons/unknown.gif" alt="[   ]"> <a href="/FTP/swift/data/obs/2014_11/00085374001/xrt/event/tiny.txt">tiny</a> 2014-11-25 22:05  812
<img src="/icons/unknown.gif" alt="[   ]"> <a href="silent.txt">silent.txt</a>
<img src="/icons/folder.gif" alt="[DIR]"> <a href="old%20ones/">old ones/</a>  2014-11-25 22:05    -
<hr></pre></body></html>
"""
TABLE = """<html><head><title>Index of /x</title></head><body><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="a.fits">a.fits</a></td><td align="right">2020-01-02 03:04  </td><td align="right">2.0M</td><td>&nbsp;</td></tr>
<tr><td><a href="b/">b/</a></td><td align="right">2020-01-02 03:04  </td><td align="right">  - </td></tr></table></body></html>"""
NGINX = """<html><head><title>Index of /x/</title></head><body><h1>Index of /x/</h1><hr><pre><a href="../">../</a>
<a href="a.fits">a.fits</a>                                             02-Jan-2020 03:04             2097153
</pre><hr></body></html>"""


def page(*hrefs: str) -> str:
    links = "".join(f'<a href="{href}">x</a> 2020-01-02 03:04  1.0K\n' for href in hrefs)
    return f"<html><head><title>Index of /x</title></head><body><pre>{links}</pre></body></html>"


def index(text: str) -> Listing:
    return read_index(text, URL, "xrt/event/")


def test_page_of_apache() -> None:
    listing = index(APACHE)
    paths = [file.path.removeprefix("xrt/event/") for file in listing.files]
    assert paths == ["sw00085374001xpcw3po_cl.evt.gz", "big.evt.gz", "tiny.txt", "silent.txt"]
    assert listing.files[0].url == f"{URL}sw00085374001xpcw3po_cl.evt.gz"
    assert listing.files[2].url == f"{URL}tiny.txt"
    assert listing.folders == ["xrt/event/old ones/"]
    assert listing.refused == []
    rounded, large, exact, unknown = (file.size for file in listing.files)
    assert rounded is not None
    assert rounded.fits(29 * 1024 + 400)
    assert rounded.fits(29 * 1024 - 400)
    assert not rounded.fits(15_000)
    assert large is not None
    assert large.fits(int(1.4 * 1024**2))
    assert not large.fits(1_000_000)
    assert exact == Size(812, 812)
    assert unknown is None


def test_the_best_guess_of_a_size_is_in_the_middle() -> None:
    assert Size(10, 20).middle == 15
    assert Size(7, 7).middle == 7
    assert (str(Size(7, 7)), str(Size(10, 20))) == ("7", "10 to 20")


def test_other_servers() -> None:
    listing = read_index(TABLE, "https://a.invalid/x/", "")
    assert [file.path for file in listing.files] == ["a.fits"]
    assert listing.folders == ["b/"]
    assert listing.files[0].size is not None
    assert listing.files[0].size.fits(2 * 1024**2)
    assert [file.size for file in read_index(NGINX, "https://a.invalid/x/", "").files] == [Size(2097153, 2097153)]


@pytest.mark.parametrize(
    "href",
    [
        "../../../../etc/passwd",
        "https://other.invalid/FTP/swift/data/obs/2014_11/00085374001/xrt/event/a.fits",
        "//other.invalid/a.fits",
        "/a.fits",
        "http://archive.invalid/FTP/swift/data/obs/2014_11/00085374001/xrt/event/a.fits",
        "ftp://archive.invalid/a.fits",
        "javascript:alert(1)",
        "http://[broken/a.fits",
        "?C=N;O=D",
        "a.fits?x=1",
        "deeper/a.fits",
        ".",
        "./",
        "#top",
        "",
    ],
)
def test_links_to_elsewhere_are_no_files(href: str) -> None:
    listing = index(page(href, "good.fits"))
    assert [file.path for file in listing.files] == ["xrt/event/good.fits"]
    assert (listing.folders, listing.refused) == ([], [])


@pytest.mark.parametrize(
    "href",
    [
        "%2e%2e%2fa.fits",
        "..%2F..%2Fa.fits",
        "a%2Fb.fits",
        "%5C%5Cserver%5Ca.fits",
        "c%3A%5Ca.fits",
        "aux.fits",
        "NUL",
        "com1.gz",
        ".bashrc",
        "-rf",
        "~root",
        "a%00.fits",
        "a%0Ab.fits",
        "%E2%80%AEstif.a",
        "a" * 300 + ".fits",
        "..%2f/",
        "con/",
    ],
)
def test_names_that_are_not_safe_are_set_aside(href: str) -> None:
    listing = index(page(href, "good.fits"))
    assert [file.path for file in listing.files] == ["xrt/event/good.fits"]
    assert len(listing.refused) == 1
    assert listing.folders == []
    assert "1 names" in listing.refusal
    assert "\n" not in listing.refusal
    assert len(listing.refusal) < 250


def test_names_are_written_into_addresses_as_addresses_need_it() -> None:
    (file,) = index(page("a%20b%23c%25.fits")).files
    assert (file.path, file.url) == ("xrt/event/a b#c%.fits", f"{URL}a%20b%23c%25.fits")


def test_names_that_are_one_to_some_systems_are_set_aside() -> None:
    listing = index(page("a.fits", "A.FITS", "a.fits"))
    assert [file.path for file in listing.files] == ["xrt/event/a.fits"]
    assert len(listing.refused) == 2


def test_a_few_of_the_names_that_are_set_aside_are_shown() -> None:
    three, four = (index(page(*(f".x{number}" for number in range(many)))).refusal for many in (3, 4))
    assert three.endswith("('xrt/event/.x0', 'xrt/event/.x1', 'xrt/event/.x2')")
    assert four.startswith("4 names")
    assert four.endswith("('xrt/event/.x0', 'xrt/event/.x1', 'xrt/event/.x2', ...)")


def test_thousands_of_entries() -> None:
    listing = index(page(*(f"file{number}.fits" for number in range(5_000))))
    assert len(listing.files) == 5_000


@pytest.mark.parametrize(
    "text",
    [
        "<html><head><title>Down for maintenance</title></head><body><a href='a.fits'>a</a></body></html>",
        "",
        "not a page",
        APACHE[: len(APACHE) // 2],
        APACHE[:-60],
    ],
)
def test_other_pages_and_parts_of_pages_are_errors(text: str) -> None:
    with pytest.raises(ProtocolError):
        index(text)


def test_places_that_are_too_deep() -> None:
    assert inner_path("/".join("abcdefgh")) == "a/b/c/d/e/f/g/h"
    assert inner_path("/".join("abcdefghi")) is None
    assert inner_path("") is None
    assert inner_path("a//b") is None


PREFIX = f"swift/data/obs/2014_11/{OBSID}/"
BASE = f"https://bucket.invalid/{PREFIX}"


def keys(*rows: str, more: str = "<IsTruncated>false</IsTruncated>") -> str:
    inner = "".join(f"<Contents><Key>{row}</Key><Size>7</Size></Contents>" for row in rows)
    return f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{more}{inner}</ListBucketResult>'


def read(text: str) -> tuple[Listing, str | None]:
    return read_keys(text, "https://bucket.invalid/?list-type=2", PREFIX, BASE)


def test_list_of_s3() -> None:
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>a/b=</NextContinuationToken>"
    listing, token = read(keys(f"{PREFIX}xrt/", f"{PREFIX}xrt/event/a+b&amp;.evt.gz", more=more))
    assert listing.files == [RemoteFile("xrt/event/a+b&.evt.gz", f"{BASE}xrt/event/a%2Bb%26.evt.gz", Size(7, 7))]
    assert token == "a/b="
    assert read(keys()) == (Listing(), None)


@pytest.mark.parametrize(
    "key", [f"{PREFIX}../../a", "elsewhere/a.fits", f"{PREFIX}/a", f"{PREFIX}nul", f"{PREFIX}a/.hidden", f"/{PREFIX}a"]
)
def test_keys_that_lead_elsewhere(key: str) -> None:
    listing, _ = read(keys(key, f"{PREFIX}good"))
    assert [file.path for file in listing.files] == ["good"]
    assert listing.refused == [key]


@pytest.mark.parametrize(
    "text",
    [
        "<Error><Code>AccessDenied</Code></Error>",
        "<html><body>sorry</body></html>",
        keys(f"{PREFIX}a")[:-5],
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ListBucketResult>&b;</ListBucketResult>',
        keys(more="<IsTruncated>true</IsTruncated>"),
        "",
    ],
)
def test_other_documents_are_errors(text: str) -> None:
    with pytest.raises(ProtocolError):
        read(text)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("events", "xrt/event/sw00085374001xpcw3po_cl.evt.gz"),
        ("events", "xrt/event/sw00085374001xwtw2po_cl.evt"),
        ("unfiltered", "xrt/event/sw00085374001xpcw3po_uf.evt.gz"),
        ("unfiltered", "xrt/event/sw00085374001xwtw2sl_ufre.evt.gz"),
        ("attitude", "auxil/sw00085374001sat.fits.gz"),
        ("attitude", "auxil/sw00085374001pat.fits.gz"),
        ("attitude", "auxil/sw00085374001uat.fits.gz"),
        ("hk", "xrt/hk/sw00085374001xhd.hk.gz"),
        ("exposure", "xrt/products/sw00085374001xpc_ex.img.gz"),
        ("images", "xrt/products/sw00085374001xpc_sk.img.gz"),
        ("products", "xrt/products/sw00085374001x_skim.gif"),
        ("uvot", "uvot/image/sw00085374001ubb_sk.img.gz"),
        ("all", "anything"),
    ],
)
def test_parts(content: str, path: str) -> None:
    assert CONTENTS[content].takes(path)
    others = {"events", "unfiltered", "attitude", "hk", "exposure", "images", "uvot", "bat", "log", "tdrss"} - {content}
    if content not in ("products", "all"):
        assert not any(CONTENTS[other].takes(path) for other in others)


def test_official_names(validation_data: Any) -> None:
    folder = validation_data / "deepsky_archive_obs" / "obs" / "2014_11" / OBSID
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    taken = {name: sum(CONTENTS[name].takes(path) for path in there) for name in CONTENTS}
    assert taken["events"] == 1
    assert taken["unfiltered"] == 5
    assert (taken["exposure"], taken["images"], taken["products"], taken["hk"]) == (1, 1, 3, 4)
    assert taken["all"] == taken["xrt"] == len(there)


def test_folders_to_look_into() -> None:
    assert folders_of(choose_contents(("events", "attitude"))) == {"xrt/event/": False, "auxil/": False}
    assert folders_of(choose_contents(("events", "xrt", "hk", "AUXIL", "attitude"))) == {"xrt/": True, "auxil/": True}
    assert folders_of(choose_contents(("images", "exposure"))) == {"xrt/products/": False}
    assert folders_of(choose_contents(["all", "events", "bat"])) == {"": True}


@pytest.mark.parametrize("contents", ["event", ("events", "nothing"), (), [1], None, 5])
def test_parts_that_there_are_not(contents: Any) -> None:
    with pytest.raises(RequestError, match="'events'"):
        choose_contents(contents)


def test_months() -> None:
    assert months_of(OBSID, Time("2014-11-25T10:00:00")) == ["2014_11"]
    assert months_of(OBSID, Time("2014-11-30T23:59:00")) == ["2014_11", "2014_12"]
    assert months_of(OBSID, Time("2015-01-01T00:01:00")) == ["2015_01", "2014_12"]
    # Folders go by UTC, wherever the time comes from.
    assert months_of(OBSID, Time("2014-12-01T00:00:30", scale="tt")) == ["2014_11", "2014_12"]
    with pytest.raises(NoDataError, match="query_observations"):
        months_of(OBSID, None)


def test_archives_with_folders_for_months() -> None:
    assert {name: needs_start(name) for name in ("heasarc", "aws", "ukssdc")} == {
        "heasarc": True, "aws": True, "ukssdc": False,
    }  # fmt: skip


def test_where_else_an_observation_may_be() -> None:
    text = f"there is no observation {OBSID} at https://a"
    for start, hint in ((3, "; one of the last days may be at source='ukssdc' already"), (300, "")):
        assert str(unknown(OBSID, "https://a", Time.now() - start * u.day)) == text + hint
    assert str(unknown(OBSID, "https://a")) == text


class _Refusing:
    """A connection to an archive that refuses everything."""

    def __init__(self, status: int) -> None:
        self.error = ServiceError("write to the registered address", url=URL, status=status)

    def read(self, url: str) -> str:
        raise self.error

    def download(self, url: str, path: Path, **_: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "does not give it to everybody"), (403, "does not give it to everybody"), (404, "listed, but not there"),
     (410, "not there any more"), (418, "write to the registered address")],
)  # fmt: skip
def test_refusals_are_about_files(status: int, reason: str, tmp_path: Path) -> None:
    refusing: Any = _Refusing(status)
    with pytest.raises(ServiceError, match=reason) as caught:
        fetched(refusing, URL, tmp_path / "a", lambda path: None)
    assert caught.value.status == status
    if status == 404:
        assert fetch_page(refusing, URL) is None
        return
    with pytest.raises(ServiceError, match=reason) as caught:
        fetch_page(refusing, URL)
    assert caught.value.status == status


def test_reprocessed_data_are_asked_for_before_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(UkssdcFiles, "_list", lambda self, obsid, version: asked.append(version))
    with pytest.raises(NoDataError, match=OBSID):
        UkssdcFiles().find(OBSID, None, choose_contents("events"))
    assert asked == ["uk_reproc", "uk"]


def test_a_bucket_with_names_that_cannot_be_used_has_the_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_files, "page", lambda transport, url: keys(f"{PREFIX}../a"))
    listing = aws_files.AwsFiles().find(OBSID, Time("2014-11-25"), choose_contents("events"))
    assert (listing.files, listing.refused) == ([], [f"{PREFIX}../a"])


def test_files_that_the_service_names_twice_are_one() -> None:
    listing = _listing(["xrt/event/a#1.evt.gz"] * 2, "https://a.invalid/b/", URL)
    assert listing.files == [RemoteFile("xrt/event/a#1.evt.gz", "https://a.invalid/b/xrt/event/a%231.evt.gz")]
    assert listing.refused == []
