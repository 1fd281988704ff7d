"""Source-list replies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import PartialResultWarning, ProtocolError
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList
from swiftxrt.wire.envelope import success
from swiftxrt.wire.sources import decode, encode

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "golden_exchanges.json").read_text(encoding="utf-8")
)["exchanges"]["exchange_40_source_list"]["reply"]["json"]


def engine_list() -> SourceList:
    """A list as our engine makes it, with awkward numbers and texts."""
    columns: dict[str, Any] = {
        "source_number": [1, 2],
        "ra_deg": [32.15120780191234, 359.9999999],
        "dec_deg": [56.945708820951, -1e-9],
        "position_err": [3.51785655609393, np.nan],
        "ra_err_neg": [0.25, 1e-7],
        "ra_err_pos": [0.26, 1e-9],
        "dec_err_neg": [0.24, 0.5],
        "dec_err_pos": [0.23, np.inf],
        "x": [504.0032304685, 1.0],
        "y": [470.4, 1000.0],
        "counts": [1236, 3.5],
        "rate": [1e-3, 1e-20],
        "rate_err_neg": [1e-4, 1e22],
        "rate_err_pos": [1e-4, np.nan],
        "exposure": [1234.5, 1e5],
        "snr": [30.0, 1 / 3],
        "quality": [0, 2],
        "off_axis": [3.25, 11.0],
        "in_stray_light": [True, False],
        "remark": ["bright", ""],
    }
    soft = {name: columns[name][:1] for name in ("source_number", "ra_deg", "dec_deg", "position_err")}
    nothing = {name: [] for name in soft}
    return SourceList.from_columns({"total": columns, "soft": soft, "hard": nothing})


def test_recorded_list() -> None:
    sources = decode(RECORDED)
    assert list(sources) == ["total"]
    table = sources["total"]
    assert list(table["source_number"]) == [1, 2]
    assert list(table["position"].ra.deg) == [32.1512078019, 32.1491304755]
    assert list(table["x"].to_value(u.pix)) == [504.0032304685, 505.8163867861]
    assert list(table["counts"].to_value(u.ct)) == [1236, 99]
    assert "l" not in table.colnames
    np.testing.assert_allclose(table["dec_err_neg"].to_value(u.deg), [0.0000688257, 0.0002128258])
    # The service adds the statistical errors on the sky to a systematic one of 3.5 arcsec.
    ra, dec = ((table[f"{axis}_err_neg"] + table[f"{axis}_err_pos"]) / 2 for axis in ("ra", "dec"))
    total = np.sqrt(ra**2 + dec**2 + (3.5 * u.arcsec) ** 2)
    np.testing.assert_allclose(total.to_value(u.arcsec), table["position_err"].to_value(u.arcsec), rtol=1e-4)


def test_recorded_list_is_sent_as_it_came() -> None:
    again = encode(decode(RECORDED))
    assert list(again) == ["Total"]
    for row, recorded in zip(again["Total"], RECORDED["Total"], strict=True):
        assert list(row) == list(recorded)
        for key, value in recorded.items():
            # Our transformation of Galactic coordinates differs by 0.03 arcsec.
            tolerance = 1e-5 if key in "lb" else 1e-12
            assert float(row[key]) == pytest.approx(float(value), rel=1e-12, abs=tolerance), key
        assert (row["sno"], row["C"]) == (recorded["sno"], recorded["C"])


def test_what_is_sent_is_read_back() -> None:
    sources = engine_list()
    content = json.loads(json.dumps(encode(sources), allow_nan=False))
    assert list(content) == ["Total", "Soft", "Hard"]
    assert content["Hard"] == []
    again = decode(content)
    assert again == sources
    assert again["total"]["quality"].dtype.kind == "i"
    assert again["total"]["snr"].dtype.kind == "f"


def test_every_value_is_a_text_that_the_reference_client_takes() -> None:
    for rows in encode(engine_list()).values():
        for row in rows:
            for key, value in row.items():
                assert isinstance(value, str), key
                if re.search(r"\d", value):
                    (float if "." in value else int)(value)


def test_texts_with_digits_are_left_out() -> None:
    columns: dict[str, Any] = {"source_number": [1], "ra_deg": [1.0], "dec_deg": [2.0], "position_err": [3.0]}
    (row,) = encode(SourceList.from_columns({"total": {**columns, "name": ["J1234"], "word": ["new"]}}))["Total"]
    assert "name" not in row
    assert row["word"] == "new"


class _Answer:
    status_code = 200
    reason = "OK"

    def __init__(self, content: dict[str, Any]) -> None:
        self.text = json.dumps(content, allow_nan=False)


def test_swifttools_takes_the_reply() -> None:
    """Unmodified swifttools reads the same numbers."""
    module = pytest.importorskip("swifttools.ukssdc.xrt_prods.prod_request")
    sources = engine_list()
    replies = [
        {"sourceDet": {"statusCode": 4, "statusText": "Complete", "progress": {"GotProgress": 0}}, "JobID": 1},
        encode(sources),
    ]
    client = module.XRTProductRequest("somebody@example.org", silent=True, useDeprecate=False)
    client.addProduct("SourceDet")
    client._submitted, client._jobID, client._status = True, "951", 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.requests, "post", lambda *args, **kwargs: _Answer(success(replies.pop(0))))
        got = client.retrieveSourceList(returnData=True)
    assert list(got) == ["Total", "Soft", "Hard"]
    first = got["Total"][0]
    assert (first["sno"], first["C"], first["quality"], first["remark"]) == (1, 1236, 0, "bright")
    assert got["Total"][1]["rate"] == 1e-20
    assert got["Total"][1]["ra_neg"] == pytest.approx(-1e-7 / 3600)
    assert (got["Soft"][0]["ra"], got["Hard"]) == (32.15120780191234, [])


def test_reading_is_tolerant() -> None:
    sources = decode(
        {
            "Total": [
                {"sno": 7, "ra": 10, "dec": "-20.5", "err90": None, "C": "x", "rate": 0.5, "quality": "1", "Var": "3"},
                {"ra": "11.0", "dec": -20, "err90": "4.5", "extra": "J1", "Var": "4", "band": "odd", "exposure": "nan"},
            ],
            "SOFT": [],
            "JobID": 951,
            "Note": "hello",
            "Hard": None,
        },
        Provenance(backend="ukssdc"),
    )
    assert list(sources) == ["total", "soft"]
    assert sources.provenance.backend == "ukssdc"
    table = sources["total"]
    assert list(table["source_number"]) == [7, 2]
    assert np.isnan(table["position_err"][0])
    assert np.isnan(table["counts"]).all()
    assert table["rate"][0] == 0.5 * u.ct / u.s
    assert list(table["quality"]) == [1, -1]
    assert (table["Var"].dtype.kind, list(table["Var"])) == ("i", [3, 4])
    assert list(table["extra"]) == ["", "J1"]
    assert list(table["band_sent"]) == ["", "odd"]
    assert list(sources.table["band"]) == ["total", "total"]
    assert np.isnan(table["exposure"]).all()
    assert len(sources.regions) == 1
    assert len(sources["soft"]) == 0


def test_sources_without_position_are_left_out() -> None:
    rows = [{"sno": "1", "ra": "10.0", "dec": "20.0"}, {"sno": "2", "ra": "x", "dec": "1"}, None, {"ra": 1, "dec": 91}]
    with pytest.warns(PartialResultWarning, match="3 of 4 sources in the band 'total'"):
        sources = decode({"Total": rows})
    assert list(sources["total"]["source_number"]) == [1]


@pytest.mark.parametrize("bad", [None, [], "x", {}, {"JobID": 3}, {"Total": None}])
def test_replies_that_are_none(bad: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(bad)


def test_numbers_too_large_for_a_whole_number_are_replaced() -> None:
    rows = [{"sno": 9.3e18, "ra": 10, "dec": 20}, {"sno": 4, "ra": 11, "dec": 20}]
    table = decode({"Total": rows})["total"]
    assert table["source_number"].tolist() == [1, 4]
