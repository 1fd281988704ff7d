"""Details of sources, transients and datasets: questions as recorded, replies as recorded, and odd ones."""

from __future__ import annotations

import html
import json
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import (
    IdentifierError,
    NoDataError,
    PartialResultWarning,
    ProtocolError,
    RequestError,
    ServiceWarning,
    SupersededError,
    UnknownObjectError,
)
from swiftxrt.met import met_to_time
from swiftxrt.products.catalog_dataset import CatalogDataset
from swiftxrt.products.catalog_objects import CatalogSource, CatalogTransient
from tests.catalog.details import DATASET, SOURCE, TRANSIENT, sent, with_observations
from tests.catalog.replay import Replay, fixture

INFO, TRANS, AS_SOURCES, DATA = "getSXPSSourceInfo", "getSXPSTransInfo", "getSXPSTransAsSources", "getSXPSDatasetInfo"
NAME = "LSXPS J062131.8-622213"


def service(**functions: Any) -> tuple[SwiftXRTClass, Replay]:
    made, backend = SwiftXRTClass(), Replay(functions)
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


def asked(call: str, *args: Any, **options: Any) -> dict[str, Any]:
    return getattr(SwiftXRTClass(), call)(*args, get_query_payload=True, **options)


# ---------------------------------------------------------------- questions


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "lsxps j062131.8-622213",
        "LSXPSJ062131.8-622213",
        "J062131.8-622213",
        "  LSXPS  J062131.8 -622213 ",
        "LSXPS J062131.8\u2212622213",
    ],
)
def test_names_in_every_spelling(name):
    assert asked("get_source", name)["sourceName"] == NAME


@pytest.mark.parametrize(
    "number", [209851, np.int64(209851), np.uint32(209851), "209851", " 209851", {"LSXPS_ID": 209851, "IAUName": NAME}]
)
def test_numbers_in_every_spelling(number):
    payload = asked("get_source", number)
    assert payload["sourceID"] == 209851
    assert type(payload["sourceID"]) is int


def test_rows_and_objects_name_a_source():
    table = QTable({"LSXPS_ID": np.ma.MaskedArray([1, 2], mask=[False, True]), "IAUName": ["x", NAME]})
    assert asked("get_source", table[0])["sourceID"] == 1
    assert asked("get_source", table[1])["sourceName"] == NAME
    assert asked("get_source", CatalogSource(SOURCE))["sourceID"] == 209851
    assert asked("get_source", CatalogTransient(TRANSIENT))["sourceID"] == 366116
    assert asked("get_transient", {"TransientID": 576})["sourceID"] == 576
    assert asked("get_transient", CatalogTransient(TRANSIENT))["sourceID"] == 576
    assert asked("get_dataset", {"DatasetID": 5, "ObsID": "00282445000"})["DatasetID"] == 5
    assert asked("get_dataset", {"ObsID": "00282445000"})["ObsID"] == "00282445000"
    assert asked("get_dataset", CatalogDataset(DATASET))["DatasetID"] == 9725


@pytest.mark.parametrize("value", ["Swift J073006.8-193709", "swiftj073006.8-193709", "J073006.8-193709"])
def test_transients_by_name(value):
    assert asked("get_transient", value)["sourceName"] == "Swift J073006.8-193709"
    if value[0] != "J":  # The name alone says that it is a transient.
        assert asked("get_source", value)["sourceName"] == ["Swift J073006.8-193709"]


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        ("00282445000", {"ObsID": "00282445000"}),
        ("sw00282445000", {"ObsID": "00282445000"}),
        (282445000, {"ObsID": "00282445000"}),
        (10000025185, {"ObsID": "10000025185"}),
        (9725, {"DatasetID": 9725}),
        (np.int32(9725), {"DatasetID": 9725}),
    ],
)
def test_obsids_and_numbers_of_datasets(dataset, key):
    payload = asked("get_dataset", dataset)
    assert {name: payload[name] for name in key} == key
    assert len(payload) == 4


def replayed(call: str) -> list[dict[str, Any]]:
    """What our client sends for a call of the reference client."""
    lookup = {"lookup": {"576": 366116}}
    made, backend = service(**{INFO: SOURCE, TRANS: TRANSIENT, AS_SOURCES: lookup, DATA: DATASET})
    ours = {
        "getSourceDetails(sourceID=11375)": lambda: made.get_source(11375),
        "getObsList(sourceID=1, useObs='allCat')": lambda: made.get_source_observations(1),
        "getTransientDetails(sourceID=576)": lambda: made.get_transient(576),
        "getTransientDetails(sourceID=576, transAsSource=True)": lambda: made.get_source(transient=576),
        "getDatasetDetails(ObsID='00282445000')": lambda: made.get_dataset("00282445000"),
        "getDatasetDetails(DatasetID=229018)": lambda: made.get_dataset(dataset_id=229018),
    }
    ours[call]()
    return [made._catalog.asked[number][1] | {"APIFunc": name} for number, (name, _) in enumerate(backend.asked)]


@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.ServiceWarning")
@pytest.mark.parametrize(
    "call",
    [
        "getSourceDetails(sourceID=11375)",
        "getObsList(sourceID=1, useObs='allCat')",
        "getTransientDetails(sourceID=576)",
        "getTransientDetails(sourceID=576, transAsSource=True)",
        "getDatasetDetails(ObsID='00282445000')",
        "getDatasetDetails(DatasetID=229018)",
    ],
)
def test_questions_are_those_of_the_reference_client(validation_data, call):
    recorded = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")["calls"]
    theirs = next(one["requests"] for one in recorded if one["call"] == call)
    assert replayed(call) == [{k: v for k, v in one.items() if k != "APIVersion"} for one in theirs]


def test_questions_are_the_same_bytes(validation_data):
    cases = fixture(validation_data, "query", "wire_requests_sxps_products.json")["cases"]
    bodies = next(case["calls"] for case in cases if case["case"] == "source details byID")
    assert [json.dumps(asked("get_source", number)) for number in (1, 2)] == [one["raw_body"] for one in bodies]


@pytest.mark.parametrize(
    ("call", "args", "options", "text"),
    [
        ("get_source", (), {}, "either a source, by name or number, or the transient"),
        ("get_source", (1,), {"transient": 2}, "either a source, by name or number, or the transient"),
        ("get_source", ("GK Per",), {}, "query_object"),
        ("get_source", ("2SXPS J062131.8-622213",), {}, "not a name of LSXPS; the match in LSXPS"),
        ("get_source", (0,), {}, "a name such as"),
        ("get_source", (-5,), {}, "a name such as"),
        ("get_source", (True,), {}, "a name such as"),
        ("get_source", (2.5,), {}, "a name such as"),
        ("get_source", (np.nan,), {}, "a name such as"),
        ("get_source", ("",), {}, "a name such as"),
        ("get_source", ([1, 2],), {}, "a name such as"),
        ("get_source", ({"RA": 1.0},), {}, "a row must have LSXPS_ID or IAUName; it has RA"),
        ("get_source", (2**63,), {}, "a name such as"),
        ("get_source", (1,), {"catalog": "2SXPS"}, "details of sources of LSXPS only; rows of 2SXPS come from"),
        ("get_source", (1,), {"catalog": "LSXP"}, "did you mean 'LSXPS'"),
        ("get_transient", (1,), {"catalog": "2SXPS"}, "transients of LSXPS only"),
        ("get_transient", (NAME,), {}, "it is that of a source: get_source gives it"),
        ("get_transient", (CatalogSource(SOURCE),), {}, "a source is not a transient"),
        ("get_dataset", (), {}, "either an ObsID or dataset_id"),
        ("get_dataset", ("00282445000",), {"dataset_id": 1}, "either an ObsID or dataset_id"),
        ("get_dataset", (), {"dataset_id": "x"}, "the number of a dataset"),
        ("get_dataset", (9725,), {"catalog": "2SXPS"}, "details of datasets of LSXPS only"),
    ],
    ids=str,
)
def test_questions_that_cannot_be_asked(call, args, options, text):
    with pytest.raises(RequestError, match=text):
        asked(call, *args, **options)


def test_number_of_a_dataset_is_not_a_short_obsid():
    with pytest.raises(IdentifierError, match=r"eleven digits.*; the number of a dataset is given as dataset_id=9725"):
        asked("get_dataset", "9725")


# ---------------------------------------------------------------- recorded replies


def assert_same_values(entry, recorded, nested):
    """Every recorded value, in its unit."""
    for name, value in recorded.items():
        got, field = entry[name], entry.fields[name]
        if name in nested or field.kind in ("uk_date", "utc", "object", "list"):
            continue
        assert field.description, name
        if value is None:
            assert got is None, name
        elif field.kind == "text":
            assert got == html.unescape(value), name
        elif field.kind == "met":
            assert abs(got - Time(entry._time(name))) < 1 * u.us
        elif field.kind in ("obsid", "target_id"):
            assert int(got) == int(value), name
        elif isinstance(got, Time):
            assert getattr(got, "mjd" if field.kind == "mjd" else "jd") == value, name
        else:
            assert (got.to_value(field.unit) if field.unit else got) == value, name


@pytest.mark.parametrize(
    ("name", "source_id", "fixture_name"),
    [
        ("getSXPSSourceInfo_11375", 129723, "source_details_11375_superseded_by_129723"),
        ("getSXPSSourceInfo_209920", 209920, None),
    ],
)
def test_recorded_sources(validation_data, name, source_id, fixture_name):
    made, _ = service(**{INFO: sent(validation_data, name)})
    source = made.get_source(source_id)
    assert (source.source_id, source.replaces, len(source)) == (source_id, None, 245)
    recorded = sent(validation_data, name)["data"]
    if fixture_name is not None:
        recorded = fixture(validation_data, "sxps", f"{fixture_name}.json")["details"]
    assert set(recorded) == set(source)
    assert_same_values(source, recorded, ("Detections", "NonDetections", "CrossMatch", "lcRanges"))
    assert source["lcRanges"] == recorded["lcRanges"]
    assert len(source.table.colnames) == 245 - 4 + 1  # the nested ones, and the position


def test_recorded_source_in_full(validation_data):
    recorded = fixture(validation_data, "sxps", "source_details_1.json")["details"]["LSXPS J163700.6+073914"]
    flat = {
        name: value for name, value in recorded.items() if name not in ("Detections", "NonDetections", "CrossMatch")
    }
    made, _ = service(**{INFO: {"data": flat}})
    source = made.get_source("LSXPS J163700.6+073914")
    assert_same_values(source, flat, ("lcRanges",))
    # Recorded dates are those of the spacecraft's clock, which is off by some seconds.
    assert abs(source.first_observation - Time("2005-01-07T03:18:19")) < 2 * u.s
    assert source["FirstObsDate"] == Time("2005-01-07T03:18:19")
    assert len(source.detections) == 0 == len(source.cross_matches)
    assert "LSXPS_ID" in source.cross_matches.colnames


def test_recorded_cross_matches(validation_data):
    table = fixture(validation_data, "sxps", "source_crossmatch_106107.json")["CrossMatch"]
    rows = [dict(zip(table["columns"][1:], row[1:], strict=True)) for row in table["rows"]]
    made, _ = service(**{INFO: {"data": {**SOURCE, "LSXPS_ID": 106107, "CrossMatch": rows}}})
    found = made.get_source(106107).cross_matches
    assert list(found["ExtCat_ID"]) == [row["ExtCat_ID"] for row in rows]
    assert found["Distance"].to_value(u.arcsec).tolist() == [row["Distance"] for row in rows]
    assert found["Ext_Err90"].mask.tolist() == [row["Ext_Err90"] == "NaN" for row in rows]
    assert found["position"][0].ra.deg == rows[0]["Ext_RA"]


def test_recorded_successor_is_told(validation_data):
    made, _ = service(**{INFO: sent(validation_data, "getSXPSSourceInfo_11375")})
    with pytest.warns(ServiceWarning, match=r"LSXPS has LSXPS J174527.1-290217 \(129723\) in place of 11375"):
        source = made.get_source(11375)
    assert (source.source_id, source.replaces) == (129723, 11375)


@pytest.mark.parametrize("wrapped", [True, False])
def test_recorded_split_source(validation_data, wrapped):
    newer = fixture(validation_data, "sxps", "source_split_37562.json")["newerSources"]
    reply = {"newerSources": newer}
    made, _ = service(**{INFO: {"data": reply} if wrapped else reply})
    with pytest.raises(
        SupersededError, match=r"source 37562 is no longer in LSXPS; it became LSXPS J230213.6\+585406"
    ) as caught:
        made.get_source(37562)
    successors = caught.value.successors
    assert successors["LSXPS_ID"].tolist() == [122876, 142890, 312964, 129714]
    assert successors["position"][1].dec.deg == newer[1]["Decl"]
    assert successors["Err90"].unit == u.arcsec


def test_only_successor_is_followed():
    replies = [{"newerSources": [{"LSXPS_ID": 209851, "IAUName": NAME}]}, {"data": SOURCE}]
    made, backend = service(**{INFO: replies})
    with pytest.warns(ServiceWarning, match="in place of 5"):
        assert made.get_source(5).replaces == 5
    assert [content["sourceID"] for content in backend.sent(INFO)] == [5, 209851]


def test_successors_that_go_round_in_circles():
    made, backend = service(**{INFO: {"newerSources": [{"LSXPS_ID": 5, "IAUName": NAME}]}})
    with pytest.raises(SupersededError, match="again and again"):
        made.get_source(5)
    assert len(backend.asked) == 5


@pytest.mark.parametrize("number", [1, 10, 30, 576])
def test_recorded_transients(validation_data, number):
    if number == 576:
        recorded = fixture(validation_data, "sxps", "transient_details_576.json")["details"]
    else:
        recorded = fixture(validation_data, "query", "sxps_transient_details_1_10_30.json")["value"][str(number)]
    content = sent(validation_data, f"getSXPSTransInfo_{number}")
    made, _ = service(**{TRANS: content})
    transient = made.get_transient(number)
    assert (transient.transient_id, transient.source_id) == (number, recorded["LSXPS_ID"])
    assert_same_values(transient, recorded, ())
    assert transient["BestUpperLimitBand"] == "0.3 \u2014 10 keV"
    assert transient.observations("discovery")["obsid"].tolist() == [recorded["DiscoveryObs"]]
    assert [int(one) for one in dict.fromkeys(transient.observations()["target_id"])] == recorded["AllNewTargs"]


def test_recorded_dates_are_civil_time(validation_data):
    made, _ = service(**{TRANS: sent(validation_data, "getSXPSTransInfo_576")})
    transient = made.get_transient(576)
    assert transient["DetectionDate"] == Time("2022-05-30T08:13:32")
    assert abs(transient["DetectionDate"] - transient.discovery) < 2 * u.s


def test_recorded_transient_as_source(validation_data):
    recorded = fixture(validation_data, "sxps", "transient_details_576_asSource.json")["details"]
    flat = {
        name: value for name, value in recorded.items() if name not in ("Detections", "NonDetections", "CrossMatch")
    }
    made, backend = service(**{AS_SOURCES: {"lookup": {"576": 366116}}, INFO: {"data": flat}})
    for source in (made.get_source(transient=576), made.get_source(CatalogTransient(TRANSIENT))):
        assert source.source_id == 366116
        assert source.replaces is None
        assert_same_values(source, flat, ("lcRanges",))
        # Only the range of the light curve has the start in full.
        assert source.first_detection == met_to_time(flat["lcRanges"]["MET_lo"])
        assert source.first_observation is None
        assert source.times["first"].mask.tolist() == [True, False, False]
        assert source.times["first_error"].value.tolist() == [0, 0, 0]
    assert backend.sent(AS_SOURCES) == [{"whichCat": "LSXPS", "sourceID": [576]}]


def test_recorded_dataset(validation_data):
    recorded = fixture(validation_data, "sxps", "dataset_details_00282445000.json")
    content = sent(validation_data, "getSXPSDatasetInfo_00282445000")
    details = recorded["Sources_row0_Total_DetectionDetails"]
    content["data"]["Sources"][0]["Total_DetectionDetails"] = details
    made, _ = service(**{DATA: content})
    dataset = made.get_dataset("00282445000")
    flat = {name: value for name, value in recorded["details"].items() if name != "Sources"}
    assert_same_values(dataset, flat, ())
    assert (dataset.obsid, dataset.dataset_id, dataset.target_id) == ("00282445000", 9725, "00282445")
    assert (dataset.target_name, dataset.stacks) == ("GRB070616", ("10000014634",))
    assert abs(dataset.start - Time(recorded["details"]["StartTime_UTC"])) < 1 * u.s
    assert len(dataset.sources) == recorded["details"]["SourcesThisField"] == 29
    found = dataset.detections("total")
    assert found["SNR"][0] == recorded["SNR"] == 31.0509
    assert found["Rate"][0] == details["Rate"] * u.ct / u.s
    assert found["LSXPS_ID"][0] == 209540


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("name", ["by_datasetid", "by_obsid"])
def test_recorded_stacks_that_were_replaced(validation_data, name, wrapped):
    stacks = fixture(validation_data, "sxps", f"dataset_superseded_{name}.json")["SupersedingStacks"]
    reply = {"SupersedingStacks": stacks}
    made, _ = service(**{DATA: {"data": reply} if wrapped else reply})
    with pytest.raises(SupersededError, match="it became 10000025185") as caught:
        made.get_dataset("10000000668") if name == "by_obsid" else made.get_dataset(dataset_id=229018)
    row = caught.value.successors[0]
    assert (row["ObsID"], row["DatasetID"], row["ExposureUsed"]) == ("10000025185", 229389, 48359.9 * u.s)


def test_recorded_obsolete_stack(validation_data):
    flag = fixture(validation_data, "sxps", "dataset_obsolete_228895.json")["IsObsoleteStack"]
    stack = {**DATASET, "DatasetID": 228895, "ObsID": 10000000668, "IsStackedImage": 1, "IsObsoleteStack": flag}
    made, _ = service(**{DATA: {"data": stack}})
    dataset = made.get_dataset(dataset_id=228895)
    assert (dataset.is_obsolete, dataset.is_stack, dataset.target_id) == (True, True, None)
    assert "obsolete stack" in repr(dataset)


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        (("sxps", "dataset_details_list_keys.json"), "keys"),
        (("query", "sxps_dataset_details_keys_mixed.json"), "value"),
    ],
)
def test_recorded_lists_of_datasets(validation_data, parts, keys):
    wanted = fixture(validation_data, *parts)[keys]

    def reply(content):
        return {
            "data": {**DATASET, "ObsID": content.get("ObsID", "00000010001"), "DatasetID": content.get("DatasetID", 1)}
        }

    made, _ = service(**{DATA: reply})
    outcomes = made.gather(made.get_dataset, wanted)
    assert [one.item for one in outcomes] == wanted
    assert [one.value.obsid if isinstance(one.item, str) else one.value.dataset_id for one in outcomes] == wanted


@pytest.mark.parametrize("name", ["sxps_sourcedetails_keys_by_id", "sxps_sourcedetails_keys_by_name"])
def test_recorded_lists_of_sources(validation_data, name):
    wanted = fixture(validation_data, "query", f"{name}.json")["value"]

    def reply(content):
        return {"data": {**SOURCE, "LSXPS_ID": content.get("sourceID", 1), "IAUName": content.get("sourceName", NAME)}}

    made, _ = service(**{INFO: reply})
    outcomes = made.gather(made.get_source, wanted)
    assert [one.value.source_id if name.endswith("id") else one.value.name for one in outcomes] == wanted


def test_recorded_error(validation_data):
    made, _ = service(**{DATA: fixture(validation_data, "query", "error_reply.json")["value"]})
    with pytest.raises(UnknownObjectError, match="10000000668"):
        made.get_dataset("10000000668")


# ---------------------------------------------------------------- observations


def lists(validation_data) -> list[tuple[str, Any]]:
    """Recorded lists of observations: which, and the recording."""
    by_id = fixture(validation_data, "sxps", "obslist_blind_209851_209220.json")["result"]
    all_cat = fixture(validation_data, "sxps", "obslist_J073006.9-193710_allCat.json")["result"]
    all_det = fixture(validation_data, "query", "sxps_obslist_alldet.json")["value"]
    return [
        ("blind", by_id["209851"]),
        ("blind", by_id["209220"]),
        ("all", all_cat),
        *(("detections", o) for o in all_det.values()),
    ]


def test_recorded_lists_of_observations(validation_data):
    for which, recorded in lists(validation_data):
        obsids = recorded["obsList"]
        half = len(obsids) // 2 if which != "blind" else len(obsids)
        blind = [] if recorded.get("printed") else obsids[:half]
        others = dict.fromkeys(obsids[len(blind) :], which == "detections")
        if which == "detections":
            others["00000010001"] = False
        made, _ = service(**{INFO: {"data": with_observations(SOURCE, blind, others)}})
        table = made.get_source_observations(209851, which=which, fallback="all")
        assert table["obsid"].tolist() == obsids
        assert list(dict.fromkeys(table["target_id"])) == recorded["targList"]


def test_observations_by_what_was_detected():
    source = CatalogSource(SOURCE)
    lists = {
        which: source.observations(which)["obsid"].tolist()
        for which in ("all", "blind", "retrospective", "Non-Detections", "detections")
    }
    assert lists == {
        "blind": ["00221755002", "00221755000"],
        "retrospective": ["00221755003"],
        "Non-Detections": ["00031635001", "00221755002"],
        "detections": ["00221755002", "00221755000", "00221755003"],
        "all": ["00221755002", "00221755000", "00221755003", "00031635001"],
    }
    table = source.observations("all")
    assert table["detection"].tolist() == ["blind", "blind", "retrospective", "none"]
    assert table["dataset_id"].tolist() == [1, 2, 3, 4]
    assert table.meta["which"] == "all"


def test_no_observations():
    only_stacks = CatalogSource({**SOURCE, "Detections": {"NumStacks": 1, "NumObservations": 0}})
    with pytest.raises(
        NoDataError, match=r"no observation for 'blind'.*there are some for 'retrospective', 'detections'"
    ):
        only_stacks.observations("blind")
    assert only_stacks.observations("blind", fallback="all").meta["which"] == "all"
    with pytest.raises(NoDataError):
        CatalogSource({**SOURCE, "Detections": {}, "NonDetections": {}}).observations("blind", fallback="all")
    for name in ("nonDet", 3):
        with pytest.raises(RequestError, match="must be one of blind, retrospective"):
            only_stacks.observations(name)
    with pytest.raises(RequestError, match="'new' or 'discovery' for a transient"):
        CatalogTransient(TRANSIENT).observations("blind")
    with pytest.raises(NoDataError, match="no observation is listed"):
        CatalogTransient({**TRANSIENT, "AllNewObs": None}).observations()


@pytest.mark.parametrize(
    "rows", [{"Observations": 5}, {"Observations": [5]}, [], "x", {"Observations": [{"ObsID": "x"}]}]
)
def test_observations_that_cannot_be_read(rows):
    if rows == []:
        assert len(CatalogSource({**SOURCE, "NonDetections": rows}).observations()) == 2
        return
    with pytest.raises(ProtocolError, match="observation"):
        CatalogSource({**SOURCE, "NonDetections": rows}).observations()


def test_known_source_is_not_asked_for_again():
    made, backend = service()
    assert len(made.get_source_observations(CatalogSource(SOURCE))) == 4
    assert backend.asked == []


# ---------------------------------------------------------------- odd replies


@pytest.mark.parametrize("reply", [{"data": None}, {"data": {}}, {"data": []}, {}])
def test_empty_replies(reply):
    made, _ = service(**{INFO: reply, TRANS: reply, DATA: reply})
    for ask, what in (
        (made.get_source, "source 5"),
        (made.get_transient, "transient 5"),
        (made.get_dataset, "dataset 5"),
    ):
        with pytest.raises(UnknownObjectError, match=f"LSXPS has no {what}"):
            ask(5)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"data": [1]}, "details of an object were promised"),
        ({"data": {**SOURCE, "RA": None}}, "lack RA"),
        ({"data": {**SOURCE, "Decl": 91}}, "position of a source is 95.3826, 91 degrees"),
        ({"data": {**SOURCE, "Decl": "south"}}, "a number was promised; got 'south'"),
        ({"newerSources": 5}, "a list of rows was promised"),
        ({"newerSources": [5]}, "a list of rows was promised"),
    ],
    ids=str,
)
def test_replies_that_break_the_promise(reply, text):
    made, _ = service(**{INFO: reply})
    with pytest.raises(ProtocolError, match=text):
        made.get_source(209851)


@pytest.mark.parametrize("stacks", [5, {"OtherStacks": 5}])
def test_stacks_that_break_the_promise(stacks):
    made, _ = service(**{DATA: {"SupersedingStacks": stacks}})
    with pytest.raises(ProtocolError, match="promised"):
        made.get_dataset(5)


@pytest.mark.parametrize("reply", [{"newerSources": []}, {"newerSources": None}])
def test_source_without_successor(reply):
    made, _ = service(**{INFO: reply})
    with pytest.raises(SupersededError, match="nothing has taken its place") as caught:
        made.get_source(5)
    assert len(caught.value.successors) == 0


@pytest.mark.parametrize("lookup", [{"576": "MISSING"}, {}, {"576": None}])
def test_transient_that_is_no_source_yet(lookup):
    made, _ = service(**{AS_SOURCES: {"lookup": lookup}})
    with pytest.raises(UnknownObjectError, match=r"transient 576 is not among the sources.*get_transient\(576\)"):
        made.get_source(transient=576)


@pytest.mark.parametrize(("found", "key"), [("366116", {"sourceID": 366116}), (NAME, {"sourceName": NAME})])
def test_sources_of_transients_by_name_and_number(found, key):
    made, backend = service(**{AS_SOURCES: {"lookup": {"576": found}}, INFO: {"data": {**SOURCE, "LSXPS_ID": 366116}}})
    assert made.get_source(transient=576).source_id == 366116
    assert backend.sent(INFO) == [{"whichCat": "LSXPS", **key}]


@pytest.mark.parametrize("lookup", [5, {"576": True}, {"576": [1]}])
def test_lookup_that_breaks_the_promise(lookup):
    made, _ = service(**{AS_SOURCES: {"lookup": lookup}})
    with pytest.raises(ProtocolError, match="promised"):
        made.get_source(transient=576)


def test_uncatalogued_transient_as_source():
    with pytest.raises(RequestError, match="not among the sources of LSXPS"):
        asked("get_source", CatalogTransient({**TRANSIENT, "LSXPS_ID": None}))


def test_a_failure_takes_nothing_from_the_others():
    def reply(content):
        known = content["sourceID"] == 209851
        return {"data": SOURCE} if known else {"ERROR": 1, "ERRORTEXT": "Source is not found in the LSXPS catalogue."}

    made, _ = service(**{INFO: reply})
    outcomes = made.gather(made.get_source, [209851, 7, "GK Per", 209851])
    assert [one.is_ok for one in outcomes] == [True, False, False, True]
    assert [type(one.error).__name__ for one in outcomes.failed] == ["UnknownObjectError", "RequestError"]
    with pytest.warns(PartialResultWarning):
        assert outcomes.values == [CatalogSource(SOURCE)] * 2
