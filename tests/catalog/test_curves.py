"""Light curves of catalogued sources and transients: questions and replies as recorded, and odd ones."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from swiftxrt import LightCurve, LightCurveSet, SwiftXRTClass, Target, conf, stack_light_curves
from swiftxrt.exceptions import (
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    RequestError,
    ServiceWarning,
    SupersededError,
    SwiftXRTError,
    UnknownObjectError,
)
from swiftxrt.products.outcomes import Outcome, Outcomes
from swiftxrt.wire import api
from tests.catalog.replay import Replay, fixture
from tests.wire.test_lightcurve_catalogue import reply as one_row_each

FUNCTION = "getSXPSLC"
NAME = "LSXPS J062131.8-622213"
SYNONYMS = {"obsid": "Observation", "obs": "Observation", "snapshot": "Snapshot", "counts": "Counts"}
FLAGS = {
    "showObs": "show_obsids",
    "hideBadPup": "hide_piled_up",
    "mergeAliases": "merge_aliases",
    "getAllTypes": "all_types",
    "groupRates": "group_rates",
    "groupULs": "group_limits",
    "groupHRss": "group_hr",
    "retroAsUL": "retrospective_as_limits",
    "nondetAsUL": "undetected_as_limits",
    "getRetroHR": "retrospective_hr",
}
TRANSIENT = ["PC_incbad", "PCUL_incbad", "PCHard_incbad", "PCSoft_incbad", "PCHR_incbad", "PC_nosys_incbad"]


def reply(*names: str) -> dict[str, Any]:
    """One row in each dataset, also in those of transients."""
    words = {name: name.partition("_")[0][2:] if name.startswith("PC") else name for name in names}
    tables = one_row_each(
        *(
            f"{word}{number}" if word.startswith("HR") else f"{number}{word}"
            for number, word in enumerate(words.values())
        )
    )
    made = {"TimeFormat": "MJD", "T0": 0, "Binning": "Observation", "Datasets": list(names)}
    found = [value for key, value in tables.items() if key.endswith("Data")]
    return copy.deepcopy({**made, **{f"{name}Data": table for name, table in zip(names, found, strict=True)}})


def service(**functions: Any) -> tuple[SwiftXRTClass, Replay]:
    made, backend = SwiftXRTClass(), Replay(functions)
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


def asked(*args: Any, **options: Any) -> dict[str, Any]:
    """What is sent for a light curve."""
    names = ["PC"] if "transient" in options else ["Total_rates"]
    swift, backend = service(getSXPSLC=reply(*names))
    swift.get_light_curve(*args, **options)
    (content,) = backend.sent(FUNCTION)
    return api.seal(FUNCTION, content)


def options_of(body: dict[str, Any]) -> dict[str, Any]:
    """The call that asks what a recorded request asks."""
    identifier = body.get("sourceID", body.get("sourceName"))
    options: dict[str, Any] = {"transient" if body.get("transient") else "source": identifier, "show_obsids": False}
    options["catalog"] = body["whichCat"]
    if body["binning"] is not None:
        options["binning"] = body["binning"]
    if not body.get("transient"):
        options["bands"] = body["bands"]
        options["time_format"] = body["timeFormat"]
    return options | {ours: body[theirs] for theirs, ours in FLAGS.items() if theirs in body}


def recorded_requests(validation_data: Path) -> list[dict[str, Any]]:
    calls = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")["calls"]
    cases = fixture(validation_data, "query", "wire_requests_sxps_products.json")["cases"]
    bodies = [body for call in calls for body in call["requests"]]
    bodies += [call["body"] for case in cases for call in case["calls"] if call["method"] == "POST"]
    for name in ("source_J062131.8-622213", "transient_J073006.8-193709"):
        bodies.append(fixture(validation_data, "sxps", "wire", f"getSXPSLC_{name}.json")["request"])
    return [body for body in bodies if body["APIFunc"] == FUNCTION]


# ---------------------------------------------------------------- questions


def test_every_recorded_request(validation_data: Path) -> None:
    """The bodies have the same bytes, but for names that the recording made up and words that are not said."""
    bodies = recorded_requests(validation_data)
    assert len(bodies) > 12
    for body in bodies:
        real = dict(body)
        real["binning"] = SYNONYMS.get(str(real["binning"]), real["binning"] or "Observation")
        if not real.get("transient"):
            real["timeFormat"] = real["timeFormat"] or "Swift MET"
        if "sourceName" in real:  # "A" and "Swift J1" are no names
            real["sourceName"] = "Swift J073006.8-193709" if real.get("transient") else NAME
        got = asked(**options_of(real))
        assert list(got.items()) == list(real.items())


def test_what_is_asked_if_nothing_is_said() -> None:
    assert asked(209851) == {
        "whichCat": "LSXPS",
        "bands": "all",
        "binning": "Observation",
        "timeFormat": "Swift MET",
        "showObs": True,
        "sourceID": 209851,
        "APIFunc": FUNCTION,
        "APIVersion": "1.0.5",
    }


def test_the_older_catalogue() -> None:
    assert asked("2SXPS J062131.8-622213", catalog="2SXPS")["whichCat"] == "2SXPS"


def test_transients_in_observations() -> None:
    content = asked(transient="Swift J073006.8-193709", binning="snapshot", time_format="mjd")
    assert (content["binning"], content["timeFormat"], content["bands"]) == ("Snapshot", None, "all")
    assert "showObs" not in content


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"binning": "counts"}, "for transients and bursts"),
        ({"binning": "weekly"}, "must be one of observation, snapshot, counts"),
        ({"binning": "observatoin"}, "did you mean 'observation'"),
        ({"bands": "ultraviolet"}, "must be one of total, soft, medium, hard, hr1, hr2"),
        ({"bands": []}, "'all', or some of"),
        ({"bands": 3}, "'all', or some of"),
        ({"time_format": "utc"}, "must be one of met, mjd, tdb"),
        ({"show_obsids": "yes"}, "True or False is needed"),
        ({"group_rates": 1}, "True or False is needed"),
        ({"all_types": True, "group_hr": False}, "leave out group_hr"),
        ({"catalog": "UK_XRT"}, "those of LSXPS and 2SXPS"),
        ({"source": None, "transient": 5, "bands": "total"}, "cannot be chosen for a transient"),
        ({"source": None, "transient": 5, "time_format": "tdb"}, "come in MJD"),
        ({"source": None, "transient": 5, "all_types": True}, "cannot be chosen for a transient"),
        ({"source": None, "transient": 5, "group_hr": True}, "cannot be chosen for a transient"),
        ({"source": None, "transient": 5, "catalog": "2SXPS"}, "LSXPS only"),
        ({"source": None, "grb": "GRB 060729", "bands": "total"}, "for catalogued sources and transients"),
        ({"source": None}, "one object is needed, as source=... or transient=... or grb=...; none"),
        ({"transient": 5}, "got source and transient"),
        ({"source": "3C 273"}, "query_object"),
    ],
)
def test_bad_options_end_before_anything_is_asked(options: dict[str, Any], text: str) -> None:
    swift, backend = service()
    with pytest.raises(RequestError, match=text):
        swift.get_light_curve(**{"source": 1, **options})
    assert not backend.asked


def test_the_name_of_a_transient_stands_for_its_source() -> None:
    name = "Swift J073006.8-193709"
    swift, backend = service(getSXPSTransAsSources={"lookup": {name: 366116}}, getSXPSLC=reply("Total_rates"))
    swift.get_light_curve(name)
    assert backend.sent("getSXPSTransAsSources") == [{"whichCat": "LSXPS", "sourceName": [name]}]
    assert backend.sent(FUNCTION)[0]["sourceID"] == 366116
    swift, _ = service(getSXPSTransAsSources={"lookup": {name: "MISSING"}})
    with pytest.raises(UnknownObjectError, match="not yet"):
        swift.get_light_curve(name)


# ---------------------------------------------------------------- replies


def test_recorded_source(validation_data: Path) -> None:
    exchange = fixture(validation_data, "sxps", "wire", "getSXPSLC_source_J062131.8-622213.json")
    rows = exchange["reply"]["Total_ratesData"]["data"]
    limits = exchange["reply"]["Total_ULData"]["data"]
    swift, _ = service(getSXPSLC=exchange["reply"])
    curve = swift.get_light_curve(NAME, bands="total", time_format="mjd").total
    found, above = curve.detections, curve.upper_limits
    assert (len(rows), len(limits)) == (len(found), len(above)) == (44, 51)
    for name, index, sign in (("rate", 3, 1), ("rate_err_pos", 4, 1), ("rate_err_neg", 5, -1), ("counts", 6, 1)):
        assert found[name].value.tolist() == [sign * row[index] for row in sorted(rows)]
    assert above["rate"].value.tolist() == [row[3] for row in sorted(limits)]
    assert np.allclose(found.time.utc.mjd, [row[0] for row in sorted(rows)], rtol=0, atol=1e-10)
    assert found["time_err_pos"][0] == 0.068862 * 86400 * u.s
    assert (curve.binning, curve.band, curve.barycentred) == ("obsid", "0.3-10 keV", False)
    assert curve.provenance.service == "https://replay.invalid"


def test_recorded_transient(validation_data: Path) -> None:
    exchange = fixture(validation_data, "sxps", "wire", "getSXPSLC_transient_J073006.8-193709.json")
    swift, _ = service(getSXPSLC=exchange["reply"])
    curve = swift.get_light_curve(transient="Swift J073006.8-193709", binning="counts").total
    rows = exchange["reply"]["PC_incbadData"]["data"]
    assert curve["rate"].value.tolist() == [row[3] for row in rows]
    assert curve["snr"].tolist() == [row[-1] for row in rows]
    assert set(curve["mode"]) == {"PC"}
    assert curve.binning == "counts"


@pytest.mark.parametrize(
    ("folder", "name", "key"),
    [
        ("sxps", "lc_J062131.8-622213_obsid_mjd", "Datasets"),
        ("sxps", "lc_J051152.3-621925_grouping", "getAllTypes"),
        ("sxps", "lc_J051152.3-621925_grouping", "retroAsUL_ungrouped"),
        ("sxps", "lc_J051152.3-621925_grouping", "retroAsUL_grouped"),
        ("sxps", "lc_allTypes_datasets_3sources", "Datasets"),
        ("sxps", "transient_lc_J073006.8-193709_counts", "Datasets"),
        ("query", "sxps_lc_datasets_total_soft", "value"),
        ("query", "sxps_lc_datasets_after_adding_hr1", "value"),
    ],
)
def test_every_recorded_list_of_datasets(validation_data: Path, folder: str, name: str, key: str) -> None:
    """All that was listed arrives: one bin of each dataset, under one of the curves or variants."""
    names = fixture(validation_data, folder, f"{name}.json")[key]
    swift, _ = service(getSXPSLC=reply(*names))
    curves = swift.get_light_curve(**({"transient": 5} if "PC_incbad" in names else {"source": 1}))

    def count(one: LightCurveSet) -> int:
        return sum(len(curve) for curve in one.values()) + sum(map(count, one.variants.values()))

    grouped = any(part in each for each in names for part in ("_blind", "_retro", "_nondet"))
    assert count(curves) >= len(names) if grouped else count(curves) == len(names)


def test_recorded_keys_in_tdb(validation_data: Path) -> None:
    keys = fixture(validation_data, "sxps", "lc_J221755.4-082100_snapshot_tdb_keys.json")["keys"]
    names = keys[: keys.index("TimeFormat")]
    swift, _ = service(getSXPSLC=in_tdb(*names))
    curves = swift.get_light_curve(1, bands=["total", "hard", "HR1"], binning="snapshot", time_format="tdb")
    assert set(curves) == {"total", "hard", "hr1"}


def in_tdb(*names: str) -> dict[str, Any]:
    """A reply with Julian dates: the first row at 2454000.5 + 54001 - 54000 + ..., as MJD + 2400000.5."""
    made = reply(*names)
    for name in names:
        for row in made[f"{name}Data"]["data"]:
            row[0] += 2400000.5
    return {**made, "TimeFormat": "TDB"}


def test_times_at_the_barycentre(tmp_path: Path) -> None:
    swift, _ = service(getSXPSLC=in_tdb("Total_rates", "Total_UL", "HR1"))
    curves = swift.get_light_curve(1, time_format="tdb")
    for curve in curves.values():
        assert curve.barycentred is True
        assert curve.time.scale == "tdb"
        assert curve["time_err_pos"][0] == 43200 * u.s
        assert "barycentre" in " ".join(curve.provenance.notes)
    expected = Time([54001, 54002], format="mjd", scale="tdb")
    assert np.all(np.abs((curves.total.time - expected).sec) < 1e-4)
    # As in files that were corrected: seconds since 2001-01-01 (MJDREF = 51910.00074287037), counted in TDB.
    assert np.allclose(curves.total["met"].value, (np.array([54001, 54002]) - 51910.00074287037) * 86400, atol=1e-4)
    assert "2006-09-23T00:00:00 TDB" not in repr(curves.total)
    assert repr(curves.total).endswith("TDB>")
    for folder, format_ in (("fits", "ogip.lc"), ("text", "ascii.ecsv")):
        curves.write(tmp_path / folder, format=format_)
        assert LightCurveSet.read(tmp_path / folder).equals(curves)
    assert curves.total[:1].barycentred is True
    assert curves.total.plot().get_xlabel() == "Date (TDB, barycentre)"
    plt.close("all")


def test_times_at_the_satellite_are_another_thing() -> None:
    swift, _ = service(getSXPSLC=[in_tdb("Total_rates"), reply("Total_rates")])
    first, second = swift.get_light_curve(1, time_format="tdb"), swift.get_light_curve(1)
    assert "barycentred" in first.first_difference(second)
    with pytest.raises(RequestError, match="stack them apart"):
        stack_light_curves({1: first, 2: second})


def test_times_in_the_clock_of_the_satellite_lose_nothing() -> None:
    made = {**reply("Total_rates"), "TimeFormat": "Swift MET", "T0": 0}
    made["Total_ratesData"]["data"][0][:3] = [551097348.718123, 50.5, -50.5]
    swift, _ = service(getSXPSLC=made)
    curve = swift.get_light_curve(1).total
    assert curve["met"][0].value == 551097348.718123
    assert curve["time_err_neg"][0] == 50.5 * u.s
    assert curve.t0_met is None


@pytest.mark.parametrize(("raw", "ours"), [("obslc", "obsid"), ("sslc", "snapshot"), ("Snapshot", "snapshot")])
def test_raw_names_of_binnings(raw: str, ours: str) -> None:
    swift, _ = service(getSXPSLC={**reply("Total_rates"), "Binning": raw})
    assert swift.get_light_curve(1).total.binning == ours


def test_a_reply_without_binning_and_format() -> None:
    made = {key: value for key, value in reply("Total_rates").items() if key != "Binning"}
    swift, _ = service(getSXPSLC=made)
    assert swift.get_light_curve(1, binning="snapshot").total.binning == "snapshot"


@pytest.mark.parametrize("column", ["UpperLimit", "Rate"])
def test_both_names_of_limits(column: str) -> None:
    made = reply("Total_UL")
    made["Total_ULData"]["columns"][3] = column
    swift, _ = service(getSXPSLC=made)
    assert swift.get_light_curve(1).total.upper_limits["rate"].value.tolist() == [1]


def test_obsids_and_odd_cells() -> None:
    made = reply("Total_rates")
    table = made["Total_ratesData"]
    table["columns"].append("ObsID")
    first = table["data"][0]
    table["data"] = [
        [*first[:6], None, "NaN", "inf", "12.5", 31635001],
        [54009.0, *first[1:], "::ObsID=00221755002"],
    ]
    swift, _ = service(getSXPSLC=made)
    curve = swift.get_light_curve(1).total
    assert curve["obsid"].tolist() == ["00031635001", "00221755002"]
    assert np.isnan(curve["counts"][0])
    assert np.isnan(curve["background_counts"][0])
    assert np.isinf(curve["correction_factor"][0])
    assert curve["exposure"][0] == 12.5 * u.s


def test_both_forms_of_errors_of_ratios() -> None:
    made = reply("HR1", "HR2")
    made["HR2Data"] = {
        "columns": ["Time", "TimePos", "TimeNeg", "HR", "HRErr"],
        "data": [[54001.0, 0.5, -0.5, 0.1, 0.7]],
    }
    swift, _ = service(getSXPSLC=made)
    curves = swift.get_light_curve(1)
    assert curves.hr1["hardness_ratio_err"].tolist() == [pytest.approx(0.3)]
    assert curves.hr2["hardness_ratio_err"].tolist() == [0.7]
    assert len(curves.total) == 0


def test_transients_with_unreliable_bins_only() -> None:
    """What the service was recorded to send: nothing but curves with flags."""
    swift, _ = service(getSXPSLC=reply(*TRANSIENT))
    curves = swift.get_light_curve(transient=576, binning="counts")
    assert {name: len(curve) for name, curve in curves.items()} == {
        "total": 2,
        "soft": 1,
        "hard": 1,
        "hardness_ratio": 1,
    }
    assert set(curves.variants) == {"without_systematics"}


# ---------------------------------------------------------------- sources that were replaced


NEWER = [
    {"LSXPS_ID": 129723, "IAUName": "LSXPS J000000.0+000000", "RA": 1.0, "Decl": 2.0, "Err90": 3.0},
    {"LSXPS_ID": 129724, "IAUName": "LSXPS J000002.0+000000", "RA": 1.1, "Decl": 2.0, "Err90": 3.0},
]


def test_the_only_successor_is_followed() -> None:
    swift, backend = service(getSXPSLC=[{"newerSources": NEWER[:1]}, reply("Total_rates")])
    with pytest.warns(ServiceWarning, match="in place of 11375"):
        curves = swift.get_light_curve(11375, bands="soft", merge_aliases=False)
    assert len(curves.total) == 1
    first, second = backend.sent(FUNCTION)
    assert second == {**first, "sourceID": 129723}


def test_successors_of_names_are_asked_for_by_number() -> None:
    swift, backend = service(getSXPSLC=[{"newerSources": NEWER[:1]}, reply("Total_rates")])
    with pytest.warns(ServiceWarning):
        swift.get_light_curve(NAME)
    second = backend.sent(FUNCTION)[1]
    assert "sourceName" not in second
    assert second["sourceID"] == 129723


def test_several_successors_are_for_a_choice() -> None:
    swift, _ = service(getSXPSLC={"newerSources": NEWER, "Binning": "obslc"})
    with pytest.raises(SupersededError, match="it became LSXPS J000000.0") as caught:
        swift.get_light_curve(37562)
    assert caught.value.successors["LSXPS_ID"].tolist() == [129723, 129724]


def test_recorded_split(validation_data: Path) -> None:
    split = fixture(validation_data, "sxps", "wire", "getSXPSSourceInfo_split_37562.json")["reply"]
    swift, _ = service(getSXPSLC=split)
    with pytest.raises(SupersededError) as caught:
        swift.get_light_curve(37562)
    newer = split.get("data", split)["newerSources"]
    assert caught.value.successors["LSXPS_ID"].tolist() == [row["LSXPS_ID"] for row in newer]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"Datasets": [], "TimeFormat": "MJD"}, ProductNotAvailableError),
        ({"ERROR": 1, "ERRORTEXT": "Source is not found in the LSXPS catalogue."}, UnknownObjectError),
        ({"TimeFormat": "MJD"}, SwiftXRTError),
    ],
)
def test_no_light_curve(sent: dict[str, Any], error: type[Exception]) -> None:
    swift, _ = service(getSXPSLC=sent)
    with pytest.raises(error):
        swift.get_light_curve(1)


# ---------------------------------------------------------------- many


def many() -> tuple[SwiftXRTClass, Any]:
    def answer(content: dict[str, Any]) -> dict[str, Any]:
        if content["sourceID"] == 3:
            return {"ERROR": 1, "ERRORTEXT": "Source 3 is not found"}
        made = reply("Total_rates", "Total_UL", "Soft_rates", "HR1")
        made["Total_ratesData"]["data"][0][3] = float(content["sourceID"])
        return made

    swift, _ = service(getSXPSLC=answer)
    return swift, swift.gather(swift.get_light_curve, [2, 3, 1])


def test_one_long_table() -> None:
    _, found = many()
    with pytest.warns(PartialResultWarning, match="1 of 3 are missing: 3:"):
        table = stack_light_curves(found)
    assert table["item"].tolist() == [2, 2, 2, 1, 1, 1]
    assert table["curve"].tolist() == ["total", "total", "soft"] * 2
    assert table["rate"].value.tolist() == [2, 2, 3, 1, 2, 3]
    assert table["is_upper_limit"].tolist() == [False, True, False] * 2
    assert table["rate"].unit == u.ct / u.s
    assert table.meta["barycentred"] is False


def test_rows_of_tables_go_by_their_names() -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates"))
    rows = QTable({"LSXPS_ID": [1, 2], "IAUName": ["LSXPS J1", "LSXPS J2"], "Rate": [0.1, 0.2]})
    found = swift.gather(lambda row: swift.get_light_curve(1), rows)
    assert list(dict.fromkeys(stack_light_curves(found)["item"].tolist())) == ["LSXPS J1", "LSXPS J2"]
    assert found.table["item"].tolist() == ["LSXPS J1", "LSXPS J2"]
    place = SkyCoord(83.6, -5.4, unit="deg")
    items = [rows[1], QTable({"a": [1]})[0], {"name": "X"}, {}, place, Target("Y"), 3, "Z"]
    names = ["LSXPS J2", "row 0", "X", "object", "83.60000 -5.40000", "Y", "3", "Z"]
    assert [Outcome(item).name for item in items] == names
    masked = QTable({"IAUName": np.ma.masked_array(["?"], mask=[True]), "LSXPS_ID": [7]})
    assert Outcome(masked[0]).name == "7"


def test_the_long_table_is_what_the_curves_are() -> None:
    made = reply("Total_rates", "Total_UL", "Soft_rates", "Hard_UL", "HR1", "HR2")
    # Limits of the product generator have errors, of zero.
    made["Total_ULData"]["columns"] = [*made["Total_ULData"]["columns"], "RatePos", "RateNeg"]
    made["Total_ULData"]["data"][0] += [0.0, 0.0]
    swift, _ = service(getSXPSLC=made)
    curves = swift.get_light_curve(1)
    before = stack_light_curves({"a": curves, "b": curves}), stack_light_curves({"a": curves}, curves=["hr2", "hr1"])
    for name in curves:
        assert len(curves[name])  # made now
    after = stack_light_curves({"a": curves, "b": curves}), stack_light_curves({"a": curves}, curves=["hr2", "hr1"])
    for one, two in zip(before, after, strict=True):
        assert (
            one.colnames
            == two.colnames
            == ["item", "curve", "time", *type(curves["hr1" if one is before[1] else "soft"])._schema]
        )
        for column in one.colnames:
            if column == "time":
                assert np.all(one[column] == two[column])
            else:
                first, second = (np.asarray(getattr(table[column], "value", table[column])) for table in (one, two))
                assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f"), column
    total = before[0][before[0]["curve"] == "total"]
    assert np.all(total["met"][:2] == curves.total["met"])
    assert np.all(np.isnan(total["rate_err_pos"][total["is_upper_limit"]]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"curves": ["total", "hr1"]}, "choose one kind"),
        ({"curves": "totl"}, "did you mean 'total'"),
        ({"curves": []}, "choose one kind"),
    ],
)
def test_what_cannot_be_stacked(options: dict[str, Any], text: str) -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates"))
    with pytest.raises(RequestError, match=text):
        stack_light_curves({1: swift.get_light_curve(1)}, **options)


def test_only_sets_are_stacked() -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates"))
    curves = swift.get_light_curve(1)
    for wrong in (curves, [curves], {1: curves.total}):
        with pytest.raises(RequestError, match="needed; got"):
            stack_light_curves(wrong)  # type: ignore[arg-type]
    assert len(stack_light_curves({})) == 0


def test_curves_are_made_when_they_are_looked_at() -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates", "Soft_rates"))
    curves = swift.get_light_curve(1)
    assert "soft" in curves
    assert len(stack_light_curves({1: curves})) == 2
    assert not isinstance(curves.raw("soft"), LightCurve)
    assert curves.soft is curves["soft"]
    assert pickle.loads(pickle.dumps(curves)).equals(curves)


@pytest.mark.parametrize("layout", ["folders", "stems"])
def test_writing_many(tmp_path: Path, layout: str) -> None:
    _, found = many()
    with pytest.warns(PartialResultWarning):
        places = found.write(tmp_path, layout=layout, format="ascii.ecsv")
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.ecsv"))
    mark = "/" if layout == "folders" else "_"
    assert names == [f"{item}{mark}{name}.ecsv" for item in (1, 2) for name in ("hr1", "soft", "total")]
    if layout == "folders":
        assert LightCurveSet.read(places[0]).equals(found[0].value)
    with pytest.warns(PartialResultWarning), pytest.raises(OutputExistsError):
        found.write(tmp_path, layout=layout, format="ascii.ecsv")
    with pytest.warns(PartialResultWarning):
        found.write(tmp_path, layout=layout, format="ascii.ecsv", overwrite=True)


def test_names_stay_in_their_folder(tmp_path: Path) -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates"))
    found = swift.gather(lambda item: swift.get_light_curve(1), ["../out", "../out", {"IAUName": "A/B"}, NAME])
    found.write(tmp_path / "here")
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["A_B", NAME, "out", "out-2"]
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    swift, _ = service(getSXPSLC=reply("Total_rates"))
    found = swift.gather(swift.get_light_curve, [1])
    with pytest.raises(RequestError, match="did you mean 'folders'"):
        found.write(tmp_path, layout="folder")
    with pytest.raises(RequestError, match="layout='folders'"):
        found.write(tmp_path, layout="stems", format="ukssdc.qdp")
    with pytest.raises(RequestError, match="is a int"):
        swift.gather(lambda item: item, [1]).write(tmp_path)


@pytest.mark.parametrize(
    "name", ["lc_save_log_single", "lc_save_log_allTypes", "lc_save_log_list_flat", "lc_save_log_list_subdirs"]
)
def test_files_have_the_recorded_names(validation_data: Path, tmp_path: Path, name: str) -> None:
    """Replies with the datasets of a recorded log, written for other programs, make the files that it tells of."""
    recorded = fixture(validation_data, "sxps", f"{name}.json")
    lines = recorded["log"]
    asked_for = [line.split("`")[1] for line in lines if line.startswith("Getting data for")]
    written = [line.split("`")[1].split("/", 1)[1] for line in lines if line.startswith("Writing file")]
    keys = [line.partition("[")[2].split("]")[0] for line in lines if line.startswith("Returned keys")]
    replies = [reply(*[key.strip("' ")[:-4] for key in one.split(",") if key.endswith("Data'")]) for one in keys]
    swift, _ = service(getSXPSLC=replies)
    one_by_one = [swift.get_light_curve(source, time_format="mjd") for source in asked_for]
    found = Outcomes(Outcome(source, curves) for source, curves in zip(asked_for, one_by_one, strict=True))
    layout = "stems" if name.endswith("flat") else "folders"
    found.write(tmp_path, layout=layout, format="ukssdc.dat")
    kept = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.dat"))
    if len(asked_for) == 1:
        kept = [name.partition("/")[2] for name in kept]
    assert kept == sorted(written)


def test_text_for_other_programs(tmp_path: Path) -> None:
    made = reply("Total_rates", "Total_UL", "HR1")
    made["Total_ratesData"]["columns"].append("ObsID")
    made["Total_ratesData"]["data"][0].append("00221755000")
    swift, _ = service(getSXPSLC=[made, in_tdb("Total_rates"), reply("PC_incbad", "PCHR_incbad")])
    swift.get_light_curve(1).write(tmp_path / "a", format="ukssdc.dat")
    rates, limits, ratio = (
        (tmp_path / "a" / f"{name}_MJD_Observation.dat").read_text() for name in ("Total_rates", "Total_UL", "HR1")
    )
    sent = made["Total_ratesData"]["data"][0]
    cells = rates.rstrip("\n").split(",")
    assert [float(cell) for cell in cells[:-1]] == pytest.approx(sent[:-1], abs=1e-9)
    assert cells[-1] == "00221755000"
    assert [float(cell) for cell in limits.split(",")] == pytest.approx(made["Total_ULData"]["data"][0], abs=1e-9)
    assert [float(cell) for cell in ratio.split(",")] == pytest.approx([54003, 0.5, -0.5, 3, 0.3], abs=1e-9)
    swift.get_light_curve(1).write(tmp_path / "b", format="ukssdc.dat")
    text = (tmp_path / "b" / "Total_rates_TDB_Observation.dat").read_text()
    assert float(text.split(",")[0]) == pytest.approx(2454001.5, abs=1e-9)
    with pytest.raises(RequestError, match="ukssdc.qdp"):
        swift.get_light_curve(transient=1).write(tmp_path / "c", format="ukssdc.dat")
