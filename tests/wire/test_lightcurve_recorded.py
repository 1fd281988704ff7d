"""Replies recorded from the service, read and sent again, and the form of API versions below 1.10."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swiftxrt.exceptions import ServiceWarning
from swiftxrt.products.lightcurve import LightCurveSet
from swiftxrt.wire.lightcurve import decode, encode, file_urls

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "recorded_light_curves.json").read_text(encoding="utf-8"))
BURST = RECORDED["burst"]
ALL = {"nosys": "both", "incbad": "both"}


def burst(names: list[str] | None = None) -> dict[str, Any]:
    """GRB 220427A: recorded names of datasets, filled with the recorded tables."""
    tables = {"UL": "limits", "Hard": "band", "Soft": "band", "HR": "ratio"}
    reply = {"Datasets": names or BURST["Datasets"]}
    for name in reply["Datasets"]:
        reply[f"{name}Data"] = BURST[tables.get(name.split("_")[0][2:], "rates")]
    return reply | {key: BURST[key] for key in ("Binning", "TimeFormat", "T0")}


def numbers(reply: dict[str, Any]) -> dict[str, Any]:
    """What a reply says, whatever form it is in: numbers for texts, one name for the limits' column."""
    content: dict[str, Any] = {"Datasets": reply["Datasets"], "T0": reply.get("T0"), "Binning": reply["Binning"]}
    for name in reply["Datasets"]:
        table = reply[f"{name}Data"]
        columns = ["Rate" if column == "UpperLimit" else column for column in table["columns"]]
        rows = [[_number(column, cell) for column, cell in zip(columns, row, strict=True)] for row in table["data"]]
        content[name] = {"columns": columns, "data": sorted(rows, key=lambda row: row[0])}
    return content


def _number(column: str, cell: Any) -> Any:
    return str(cell)[-11:] if column == "ObsID" else float(cell)


def again(reply: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(encode(decode(reply), urls={}, **ALL), allow_nan=False))


def test_job() -> None:
    assert numbers(again(RECORDED["job"])) == numbers(RECORDED["job"])


def test_burst_with_all_variants() -> None:
    assert len(BURST["Datasets"]) == 34
    assert numbers(again(burst())) == numbers(burst())


@pytest.mark.parametrize("suffixes", [("",), ("_incbad",), ("", "_nosys"), ("", "_incbad")])
def test_burst_with_some_variants(suffixes: tuple[str, ...]) -> None:
    chosen = burst([name for name in BURST["Datasets"] if "".join(name.partition("_")[1:]) in suffixes])
    sent = again(chosen)
    if suffixes == ("_incbad",):  # The least flagged curves count as the plain ones.
        sent["Datasets"] = [f"{name}_incbad" for name in sent["Datasets"]]
        sent |= {f"{name}Data": sent[f"{name.removesuffix('_incbad')}Data"] for name in sent["Datasets"]}
    assert numbers(sent) == numbers(chosen)


def test_burst_is_understood() -> None:
    curves = decode(burst())
    assert set(curves.variants) == {"with_unreliable", "without_systematics"}
    assert set(curves.variants["with_unreliable"].variants) == {"without_systematics"}
    assert len(curves.total.in_mode("PC")) == len(BURST["rates"]["data"]) == 39
    assert not curves.total["is_upper_limit"].any()
    unreliable = curves.variants["with_unreliable"].total
    assert unreliable.upper_limits["rate"].value.tolist() == [0.001821]
    assert curves.total.elapsed.value[0] == 231.329


def test_transient() -> None:
    """Only the form with unreliable bins was sent, as dates; days have eleven digits, seconds six decimals."""
    reply = RECORDED["transient"]
    curves = decode(reply)
    assert (len(curves.total), curves.total.binning, curves.total.t0_met) == (12, "counts", None)
    assert not curves.variants
    sent = encode(curves, urls={}, mjd=True)
    for ours, theirs in zip(sent["PCData"]["data"], reply["PC_incbadData"]["data"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-11)


def test_rebinned_curve() -> None:
    """It calls its times MJD, which they are not."""
    with pytest.warns(ServiceWarning, match="calls its times MJD"):
        curve = decode(RECORDED["rebin"]).total
    assert (curve.binning, curve["obsid"].tolist()) == ("obsid", ["00016843001"])
    assert curve.elapsed.value.tolist() == [231.329]


def test_addresses_of_the_burst_archive_have_our_names() -> None:
    """One of the recorded addresses lacks its ending, which the service's own files have."""
    ours = file_urls("https://www.swift.ac.uk/xrt_curves/01104343")
    different = {name for name, url in BURST["urls"].items() if ours[name] != url}
    assert different == {"WT_incbad"}


class TestOldLayout:
    """As clients of API 1.9 read it (Swift-SOT/swifttools, commit 088e98a, retrieveLightCurve and plotLC)."""

    COLUMNS = ["Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg", "FracExp", "BGrate", "BGerr", "CorrFact"]
    COLUMNS += ["CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR"]

    def curves(self) -> LightCurveSet:
        return decode(burst())

    def test_columns_of_the_documentation(self) -> None:
        reply = encode(self.curves(), urls={}, layout="old", incbad="yes")
        assert reply["PCData"]["columns"] == reply["PCULData"]["columns"] == self.COLUMNS
        assert reply["PCHardData"]["columns"] == ["Time", "T_+ve", "T_-ve", "Rate", "RateErr"]
        assert reply["PCHRData"]["columns"] == ["Time", "T_+ve", "T_-ve", "HR", "HRErr"]

    @pytest.mark.parametrize(("nosys", "incbad"), [("no", "no"), ("yes", "no"), ("no", "yes"), ("yes", "yes")])
    def test_names_have_no_flags(self, nosys: str, incbad: str) -> None:
        reply = encode(self.curves(), urls={}, layout="old", nosys=nosys, incbad=incbad)
        limits = ["PCUL"] if incbad == "yes" else []
        expected = ["WT", "WTHard", "WTSoft", "WTHR", "PC", *limits, "PCHard", "PCSoft", "PCHR"]
        assert reply["datasets"] == reply["Datasets"] == expected

    def test_names_of_several_variants_keep_them(self) -> None:
        reply = encode(self.curves(), urls={}, layout="old", nosys="both")
        assert {"WT", "WT_nosys"} <= set(reply["datasets"])

    def test_numbers_are_the_same(self) -> None:
        old, new = (encode(self.curves(), urls={}, layout=layout) for layout in ("old", "new"))
        for name in old["Datasets"]:
            assert old[f"{name}Data"]["data"] == new[f"{name}Data"]["data"]

    def test_every_column_becomes_a_number(self) -> None:
        """The client turns all of them into numbers, so there is no column of ObsIDs, nor of our quality."""
        curves = decode(RECORDED["rebin"] | {"TimeFormat": "MET"})
        curves.total["quality"] = 2
        reply = encode(curves, urls={}, layout="old")
        assert reply["PCData"]["columns"] == self.COLUMNS
        assert np.isfinite(np.array(reply["PCData"]["data"], dtype=float)).all()
        assert "ObsID" in encode(curves, urls={})["PCData"]["columns"]

    def test_addresses(self) -> None:
        urls = file_urls("https://host/lc")
        reply = encode(self.curves(), urls=urls, layout="old", incbad="yes")
        assert reply["PCData"]["URL"] == "https://host/lc/PCCURVE_incbad.qdp"

    def test_is_read_back(self) -> None:
        curves = self.curves()
        reply = encode(curves, urls={}, layout="old")
        del reply["Datasets"]  # Clients below 1.10 knew the other spelling only.
        assert decode(reply).first_difference(LightCurveSet(**curves)) == ""

    def test_deprecated_mode_of_the_present_client_gives_the_same(self) -> None:
        """It renames what comes in the new layout."""
        new, old = (encode(self.curves(), urls={}, layout=layout, incbad="yes") for layout in ("new", "old"))
        rename = {"TimePos": "T_+ve", "TimeNeg": "T_-ve", "RatePos": "Ratepos", "RateNeg": "Rateneg"}
        for name in new["Datasets"]:
            renamed = [rename.get(column, column) for column in new[f"{name}Data"]["columns"]]
            assert old[f"{name.split('_')[0]}Data"]["columns"] == renamed
