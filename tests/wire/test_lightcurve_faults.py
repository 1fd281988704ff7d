"""Light-curve replies that are damaged: what can be read is kept, the rest is named."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from swiftxrt.exceptions import PartialResultWarning, ProtocolError, ServiceWarning
from swiftxrt.products.provenance import Provenance
from swiftxrt.wire.lightcurve import decode, read_columns

T0 = 608713541.952
RATES = ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg"]
BAND = ["Time", "TimePos", "TimeNeg", "Rate", "RateErr"]
RATIO = ["Time", "TimePos", "TimeNeg", "HR", "HRErr"]


def reply() -> dict[str, Any]:
    """Rates and limits of both modes and a ratio, one row each."""
    tables = {
        "WT": (RATES, [80.5, 1.5, -1.2, 31.0, 2.5, -2.4]),
        "PC": (RATES, ["231.329", "9.456", "-10.603", "2.492634", "0.547598", "-0.547598"]),
        "PCUL": (RATES, [246742.809, 172770.106, -96881.981, 0.001821, 0, 0]),
        "PCSoft": (BAND, [243.52, 19.831, -22.794, 1.15125, 0.251]),
        "PCHR": (RATIO, [243.52, 19.831, -22.794, 1.149509, 0.344784]),
    }
    data = {f"{name}Data": {"columns": list(columns), "data": [list(row)]} for name, (columns, row) in tables.items()}
    return {"Datasets": list(tables), **data, "Binning": "Counts", "TimeFormat": "MET", "T0": T0}


def without(name: str) -> dict[str, Any]:
    """The reply as if that dataset had never been there."""
    whole = reply()
    whole["Datasets"].remove(name)
    del whole[f"{name}Data"]
    return whole


def table(change: Any) -> Any:
    """A change to the table of the PC rates."""
    return lambda whole: change(whole["PCData"])


def add_column(name: str, cell: Any) -> Any:
    def change(one: dict[str, Any]) -> None:
        one["columns"].append(name)
        one["data"][0].append(cell)

    return table(change)


def cell(column: str, value: Any) -> Any:
    return table(lambda one: one["data"][0].__setitem__(RATES.index(column), value))


FAULTS = {
    "listed but absent": (lambda r: r.pop("PCData"), "'PC' is listed but there is no table 'PCData'"),
    "no table": (lambda r: r.update(PCData=[1]), "'PC' is listed but there is no table"),
    "null": (lambda r: r.update(PCData=None), "'PC' is listed but there is no table"),
    "no columns": (table(lambda t: t.pop("columns")), "'PCData' needs the lists 'columns' and 'data'; it has data"),
    "no rows": (table(lambda t: t.pop("data")), "'PCData' needs the lists 'columns' and 'data'; it has columns"),
    "short row": (table(lambda t: t["data"][0].pop()), "row 0 of 'PC' should have 6 values: \\['231.329'"),
    "long row": (table(lambda t: t["data"].append([1] * 7)), "row 1 of 'PC' should have 6 values: \\[1, 1"),
    "row is no list": (table(lambda t: t["data"].append({"Time": 1})), "row 1 of 'PC'"),
    "word": (cell("Rate", "bright"), "Rate of 'PC' should hold numbers: .*bright"),
    "list": (cell("Rate", [1]), "Rate of 'PC' should hold numbers"),
    "no time": (cell("Time", None), "'PC' has rows without a time"),
    "infinite time": (cell("Time", "inf"), "'PC' has rows without a time"),
    "no date": (cell("Time", 1e12), "'PC' has times that are no dates, such as 1e\\+12"),
    "endless": (cell("TimePos", 1e308), "'PC' has times that are no dates, such as 1e\\+308"),
    "negative error": (cell("RatePos", -0.5), "'PC' has negative values of RatePos"),
    "negative width": (cell("TimePos", "-9.456"), "'PC' has negative values of TimePos"),
    "column missing": (table(lambda t: t["columns"].__setitem__(3, "Flux")), "'PC' lacks Rate; its columns are Time,"),
    "column twice": (add_column("Rate", 1), "'PC' has the column Rate more than once: Time, TimePos"),
    "column in both spellings": (add_column("T_+ve", 1), "'PC' has the column TimePos more than once"),
    "limit and rate": (add_column("UpperLimit", 1), "'PC' has the column Rate more than once"),
    "bad ObsID": (add_column("ObsID", "sw1"), "ObsID of 'PC' should hold ObsIDs of up to eleven digits; got 'sw1'"),
    "numbers for columns": (table(lambda t: t.update(columns=[1, 2, 3, 4, 5, 6])), "'PC' lacks Time"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_damaged_dataset_is_left_out_and_named(name: str) -> None:
    change, words = FAULTS[name]
    damaged = reply()
    change(damaged)
    with pytest.warns(PartialResultWarning, match=f"left out of the light curve: .*{words}"):
        curves = decode(damaged)
    assert curves.first_difference(decode(without("PC"))) == ""
    assert curves.total["mode"].tolist() == ["WT", "PC"]
    assert curves.total["is_upper_limit"].tolist() == [False, True]


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_left_is_an_error(name: str) -> None:
    change, words = FAULTS[name]
    damaged = reply()
    change(damaged)
    damaged["Datasets"] = ["PC"]
    with pytest.raises(ProtocolError, match=f"none of the 'Datasets' of the reply can be read: .*{words}"):
        decode(damaged)


def test_one_warning_names_all() -> None:
    damaged = reply()
    damaged["PCHRData"]["data"][0].pop()
    del damaged["WTData"]
    with pytest.warns(PartialResultWarning) as caught:
        curves = decode(damaged, provenance=Provenance(backend="ukssdc", notes=("a note",)))
    (text,) = [str(item.message) for item in caught]
    for name in ("PCHR", "WT"):
        assert f"'{name}'" in text
    assert list(curves) == ["total", "soft"]
    assert curves.total.provenance.notes == ("a note", text)


def test_the_caller_is_named() -> None:
    with pytest.warns(PartialResultWarning) as caught:
        decode(reply() | {"PCData": None})
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["PCMedium", "XRT", "Total_fluxes", "HR3", "PC_nosys_more", "", 1, None])
def test_unknown_names(name: Any) -> None:
    damaged = reply()
    damaged["Datasets"].append(name)
    with pytest.warns(ServiceWarning, match=f"dataset '{name}' that this version does not know"):
        assert decode(damaged).equals(decode(reply()))
    with pytest.raises(ProtocolError, match=f"none of the 'Datasets' .* dataset '{name}' that this version"):
        decode(reply() | {"Datasets": [name]})


def test_catalogue_and_job_in_one_reply() -> None:
    damaged = reply()
    damaged["Datasets"].append("Total_rates")
    damaged["Total_ratesData"] = damaged["PCData"]
    with pytest.warns(ServiceWarning, match="dataset 'Total_rates' that this version does not know"):
        assert decode(damaged).equals(decode(reply()))


def test_name_listed_twice_counts_once() -> None:
    damaged = reply()
    damaged["Datasets"].append("PC")
    assert decode(damaged).equals(decode(reply()))


def test_unflagged_curves_damaged() -> None:
    """The curve with unreliable bins does not take the place of the one that is damaged."""
    damaged = {key: value for key, value in reply().items() if key in ("TimeFormat", "T0", "PCData")}
    damaged |= {"Datasets": ["PC", "PC_incbad"], "PC_incbadData": damaged.pop("PCData"), "PCData": None}
    with pytest.warns(PartialResultWarning, match="'PC' is listed"):
        curves = decode(damaged)
    assert len(curves.total) == 0
    assert len(curves.variants["with_unreliable"].total) == 1


class TestNoFaults:
    def test_dataset_without_rows(self) -> None:
        sparse = reply()
        for name in ("PC", "PCUL", "WT", "PCHR"):
            sparse[f"{name}Data"]["data"] = []
        curves = decode(sparse)
        assert {name: len(curve) for name, curve in curves.items()} == {"total": 0, "soft": 1, "hardness_ratio": 0}
        assert (curves.total.t0_met, curves.total.binning) == (T0, "counts")

    def test_nothing_but_empty_datasets(self) -> None:
        sparse = {"Datasets": ["PC"], "PCData": {"columns": RATES, "data": []}}
        assert len(decode(sparse).total) == 0

    @pytest.mark.parametrize("text", ["NaN", "nan", "-nan", " nan ", None])
    def test_not_a_number(self, text: Any) -> None:
        whole = reply()
        cell("RatePos", text)(whole)
        assert np.isnan(decode(whole).total["rate_err_pos"].value[1])

    @pytest.mark.parametrize("text", ["inf", "INF", "Infinity", "+inf"])
    def test_infinite(self, text: str) -> None:
        whole = reply()
        cell("RatePos", text)(whole)
        assert np.isinf(decode(whole).total["rate_err_pos"].value[1])

    def test_downward_errors_of_either_sign(self) -> None:
        whole = reply()
        cell("RateNeg", 0.547598)(whole)
        cell("TimeNeg", 10.603)(whole)
        assert decode(whole).equals(decode(reply()))

    @pytest.mark.parametrize(("column", "value"), [("Comment", "good"), ("Fluence", 3.0), ("URL", "https://host/1")])
    def test_unknown_columns_are_left_out(self, column: str, value: Any) -> None:
        whole = reply()
        add_column(column, value)(whole)
        assert decode(whole).equals(decode(reply()))

    def test_addresses_stay_texts(self) -> None:
        whole = {"Total_ratesData": {"columns": ["Time", "URL"], "data": [[1, "https://host/1"]]}}
        assert read_columns(whole, "Total_rates")["URL"].tolist() == ["https://host/1"]


class TestReferenceTime:
    @pytest.mark.parametrize("value", [None, 0, "0", ""])
    def test_of_the_request(self, value: Any) -> None:
        whole = reply() | {"T0": value}
        assert decode(whole, t0_met=T0).equals(decode(reply()))
        del whole["T0"]
        assert decode(whole, t0_met=T0).equals(decode(reply()))

    def test_of_the_reply_counts_first(self) -> None:
        assert decode(reply(), t0_met=6e8).total.t0_met == T0

    @pytest.mark.parametrize("value", ["yesterday", [1], "nan", "inf", -5, {"met": 1}])
    def test_unreadable(self, value: Any) -> None:
        with pytest.warns(ServiceWarning, match="T0 should be a MET in seconds; got .* taken from the request"):
            assert decode(reply() | {"T0": value}, t0_met=T0).equals(decode(reply()))
        with pytest.raises(
            ProtocolError, match="T0 should be a MET in seconds; got .* left out; .*tell it with t0_met"
        ):
            decode(reply() | {"T0": value})

    def test_not_needed_with_dates(self) -> None:
        row = [59856.6854732141, 0.298197037037037, -0.298197037037037, 0.01042551, 0.002058491, -0.002058491]
        whole = {"Datasets": ["PC"], "PCData": {"columns": RATES, "data": [row]}, "TimeFormat": "MJD", "T0": "soon"}
        with pytest.warns(ServiceWarning, match="it is left out"):
            curve = decode(whole).total
        assert curve.t0_met is None
        assert curve.time.mjd[0] == pytest.approx(row[0], abs=1e-11)

    def test_missing(self) -> None:
        whole = reply()
        del whole["T0"]
        with pytest.raises(ProtocolError, match="'PC' has times since a T0 that the reply does not name.*t0_met"):
            decode(whole)

    def test_missing_for_some_datasets_only(self) -> None:
        whole = reply() | {"T0": None}
        for name in whole["Datasets"][1:]:
            whole[f"{name}Data"]["data"][0][0] = 608713773.281
        with pytest.warns(PartialResultWarning, match="'WT' has times since a T0"):
            assert decode(whole).total["mode"].tolist() == ["PC", "PC"]

    def test_date_in_its_place(self) -> None:
        """An MJD is no MET: the times lie before the launch."""
        with pytest.warns(ServiceWarning, match="times such as 80.5 s since T0 = 58288.4 lie outside of the mission"):
            assert len(decode(reply() | {"T0": 58288.4}).total) == 3


class TestTimeFormat:
    @pytest.mark.parametrize("word", ["MET", "met", "Swift MET", " SWIFT MET ", None, ""])
    def test_spacecraft_clock(self, word: str | None) -> None:
        assert decode(reply() | {"TimeFormat": word}).equals(decode(reply()))

    def test_absent(self) -> None:
        whole = reply()
        del whole["TimeFormat"]
        assert decode(whole).equals(decode(reply()))

    @pytest.mark.parametrize("word", ["JD", "weeks", 5])
    def test_unknown(self, word: Any) -> None:
        with pytest.raises(ProtocolError, match="ask for the time format MET or MJD"):
            decode(reply() | {"TimeFormat": word})

    def test_seconds_called_dates(self) -> None:
        """As in a recorded reply of a rebinned curve."""
        with pytest.warns(ServiceWarning, match="calls its times MJD, but such as 80.5 are none: .* s since T0"):
            curves = decode(reply() | {"TimeFormat": "MJD"})
        assert curves.equals(decode(reply()))

    def test_seconds_called_dates_without_t0(self) -> None:
        whole = reply() | {"TimeFormat": "MJD", "T0": None, "Datasets": ["PCSoft"]}
        with pytest.warns(ServiceWarning, match="times such as 243.52 MJD lie outside of the mission; check T0"):
            curve = decode(whole).soft
        assert curve.time.mjd[0] == pytest.approx(243.52, abs=1e-9)


@pytest.mark.parametrize("datasets", [None, "PC", {"PC": 1}, 3])
def test_no_list_of_datasets(datasets: Any) -> None:
    with pytest.raises(ProtocolError, match="has a list of its 'Datasets'"):
        decode(reply() | {"Datasets": datasets})
    whole = reply()
    del whole["Datasets"]
    with pytest.raises(ProtocolError, match="among the keys WTData, PCData"):
        decode(whole)


def test_sound_reply_has_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(decode(reply()).total) == 3
