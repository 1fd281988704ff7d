"""Replies that are odd rather than broken, over a real socket: unusual cells, sizes, characters, order."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import ProductNotAvailableError, ProtocolError, RequestRejectedError
from swiftxrt.kinds import ProductKind as Kind

COLUMNS = ("Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg", "CtsInSrc", "ObsID")
ROW = [100.0, 10.0, -10.0, 2.5, 0.5, -0.5, 25, "00012345001"]


@pytest.fixture
def curve_of(played: Any, find_job: Any) -> Callable[..., Any]:
    """The light curve that comes of some rows, or of a whole reply as text."""

    def get(*rows: list[Any], text: str | bytes | None = None, **content: Any) -> Any:
        job = find_job("lc")
        table = {"columns": list(COLUMNS), "data": list(rows)}
        reply = played.ok(Datasets=["PC"], PCData=table, Binning="Counts", TimeFormat="MET", T0=6e8) | content
        played.answer("tprods/getLCData.php", reply if text is None else text)
        return job.product("light_curve").total

    return get


def cell(name: str, value: Any) -> list[Any]:
    row = list(ROW)
    row[COLUMNS.index(name)] = value
    return row


@pytest.mark.fault_case(39)
def test_an_error_with_data_is_an_error(curve_of: Any, played: Any, client: SwiftXRTClass) -> None:
    with pytest.raises(ProductNotAvailableError, match="the disk is full"):
        curve_of(ROW, OK=0, ERROR="the disk is full")
    played.answer("getNumJobs.php", {"OK": 0, "ERROR": "too busy", "numJobs": 3})
    with pytest.raises(RequestRejectedError, match="too busy"):
        client.count_active_jobs()


@pytest.mark.fault_case(45)
def test_keys_nobody_knows(curve_of: Any, played: Any, client: SwiftXRTClass) -> None:
    plain = curve_of(ROW)
    extra = curve_of(ROW, NewThing={"deep": [1, None]}, Another="<b>text</b>")
    assert list(extra["rate"]) == list(plain["rate"])
    played.answer("getNumJobs.php", played.ok(numJobs=2, Weather="fine"))
    assert client.count_active_jobs() == 2


@pytest.mark.fault_case(50)
def test_times_out_of_order_and_twice(curve_of: Any) -> None:
    curve = curve_of(*[cell("Time", when) for when in (300.0, 100.0, 200.0, 100.0)])
    np.testing.assert_allclose(curve["met"].value - 6e8, [100.0, 100.0, 200.0, 300.0])


@pytest.mark.fault_case(51)
@pytest.mark.parametrize(
    "written", ["00012345001", 12345001, 12345001.0, "12345001", "::ObsID=00012345001", "::ObsID=12345001"]
)
def test_obsids_in_any_spelling(written: Any, curve_of: Any) -> None:
    assert list(curve_of(cell("ObsID", written))["obsid"]) == ["00012345001"]


@pytest.mark.fault_case(52)
def test_many_rows(curve_of: Any) -> None:
    """As many as come in bounded memory: about a kilobyte for each row at its worst."""
    number = 30_000
    rows = [[10.0 * row, 5.0, -5.0, 2.5, 0.5, -0.5, 25, 12345001] for row in range(number)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        curve = curve_of(*rows)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert len(curve) == number
    assert curve["met"][-1] == (6e8 + 10.0 * (number - 1)) * u.s
    assert peak < 2000 * number


@pytest.mark.fault_case(53)
def test_reply_nested_without_end(curve_of: Any, check_error: Any) -> None:
    deep = '{"OK": 1, "APIVersion": "1.12", "Datasets": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(ProtocolError) as caught:
        curve_of(text=deep)
    check_error(caught.value)


@pytest.mark.fault_case(53)
def test_reply_that_is_too_large(curve_of: Any, check_error: Any) -> None:
    with conf.set_temp("max_reply", 100_000), pytest.raises(ProtocolError, match="max_reply") as caught:
        curve_of(text=json.dumps({"OK": 1, "text": "x" * 200_000}))
    check_error(caught.value)


def reply_text(curve_of: Any, **changes: Any) -> str:
    table = {"columns": list(COLUMNS), "data": [ROW]}
    reply = {"OK": 1, "APIVersion": "1.12", "Datasets": ["PC"], "PCData": table, "TimeFormat": "MET", "T0": 6e8}
    return json.dumps(reply | {"Binning": "Counts"} | changes)


@pytest.mark.fault_case(54)
def test_byte_order_mark(curve_of: Any) -> None:
    assert len(curve_of(text=b"\xef\xbb\xbf" + reply_text(curve_of).encode())) == 1


@pytest.mark.fault_case(54)
def test_latin_1(curve_of: Any) -> None:
    assert len(curve_of(text=reply_text(curve_of, Note="NOTE").replace("NOTE", "é").encode("latin-1"))) == 1


@pytest.mark.fault_case(54)
def test_nan_that_is_no_json(curve_of: Any) -> None:
    text = reply_text(curve_of).replace("2.5", "NaN")
    assert np.isnan(curve_of(text=text)["rate"].value).all()


@pytest.mark.fault_case(54)
def test_keys_that_come_twice(curve_of: Any) -> None:
    """The last one counts, as everywhere with JSON."""
    text = reply_text(curve_of)
    assert len(curve_of(text='{"T0": 17, ' + text[1:])) == 1
    assert curve_of(text='{"T0": 17, ' + text[1:]).t0_met == 6e8


STRANGE = [
    'a "quoted" [name]',
    "a/b\\c",
    "../../x",
    "N\N{SNOWMAN}VA \N{GRINNING FACE}",
    "\u202egpj.exe",
    "a\x00b\x1b[2J",
]


@pytest.mark.fault_case(55)
@pytest.mark.parametrize("name", STRANGE)
def test_strange_names(name: str, played: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    """What a service says is shown without harm, and no file gets a name from it."""
    parameters = {"name": name, "targ": "00966554", "RA": "335.6985", "Dec": "-7.5179", "cent": 0}
    parameters[Kind.STANDARD_POSITION.flag] = 1
    played.answer("getOldProduct.php", played.ok(oldJob=951, URL="https://www.swift.ac.uk/x", jobPars=parameters))
    played.answer("checkProductStatus.php", played.statuses(psf=4))
    played.answer("tprods/getPSFPos.php", played.ok(GotPos=1, RA="10.5", Dec="-3", Err90="3.5", FromSXPS=0))
    job = client.get_job(951)
    products = job.result(progress=False)
    target = tmp_path / "out"
    products.write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for path in target.rglob("*"):
        assert path.name.isascii()
        assert path.name.isprintable()
    for shown in (repr(job), repr(products), str(job.report)):
        assert "\x1b" not in shown
        assert "\x00" not in shown
        assert "\u202e" not in shown
