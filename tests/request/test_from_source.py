"""Requests for products of catalogued sources, as recorded from the reference client."""

from __future__ import annotations

import ast
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import (
    AllData,
    CatalogSource,
    CatalogTransient,
    ExtractionSettings,
    FirstHours,
    ImageRequest,
    LightCurveRequest,
    Observations,
    PositionRequest,
    SnapshotBinning,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.exceptions import NoDataError, RequestError, RequestWarning
from tests.catalog.details import SOURCE, TRANSIENT, sent, with_observations
from tests.catalog.replay import fixture

CURVE = LightCurveRequest(binning=SnapshotBinning())


def source_of(recorded: dict[str, Any], obsids: list[str], t0: float | None = None) -> CatalogSource:
    details = {**SOURCE, "IAUName": recorded["name"], "RA": recorded["RA"], "Decl": recorded["Dec"], "lcRanges": None}
    if t0 is not None:
        details |= {"FirstBlindDetMET": t0, "FirstObsMET": None, "FirstDetMET": None}
    return CatalogSource(with_observations(details, obsids, {"00010000001": True}))


def assert_same_globals(request: XRTRequest, recorded: dict[str, Any]) -> None:
    wire = request.to_wire(user="someone@example.org")
    assert (wire["name"], wire["RA"], wire["Dec"]) == (recorded["name"], recorded["RA"], recorded["Dec"])
    assert (bool(wire["cent"]), wire["poserr"]) == (recorded["centroid"], recorded["posErr"])
    flags = ("useSXPS", "getTargs", "getT0")
    assert {name: bool(wire[name]) for name in flags} == {name: recorded[name] for name in flags}
    assert wire.get("Tstart") == recorded.get("T0")
    targets = recorded.get("targ", "").split(",") if recorded.get("targ") else []
    # Those of transients are recorded without their zeros.
    assert [int(one) for one in wire.get("targ", "").split(",") if one] == [int(one) for one in targets]


def printed(lines: list[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Globals, and parameters of the light curve, of the requests in a log."""
    found = []
    for line in lines:
        if line.startswith("Globals: "):
            found.append((ast.literal_eval(line.removeprefix("Globals: ")), {}))
        elif line.startswith("lc:"):
            found[-1][1].update(ast.literal_eval(line.removeprefix("lc:").strip()))
    return found


def recorded_requests(validation_data) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    names = ("productrequest_17092_blind", "productrequest_17092_sourceDetails", "productrequest_list_log")
    logs = [fixture(validation_data, "sxps", f"{name}.json") for name in names]
    found = [pair for log in logs for pair in printed([*log["log"], *log.get("printed", [])])]
    queried = fixture(validation_data, "query", "sxps_make_product_request_blind.json")["value"]
    return found + [(one["globals"], one["lc"]) for one in queried.values()]


def test_recorded_requests_for_blind_detections(validation_data):
    recorded = recorded_requests(validation_data)
    assert len(recorded) == 7
    for settings, curve in recorded:
        source = source_of(settings, curve["useObs"].split(",") if curve["useObs"] else [], settings["T0"])
        options = {"light_curve": CURVE, "spectrum": SpectrumRequest(), "t0": "first_blind_detection", "use": "blind"}
        if not curve["useObs"]:  # The reference client makes a request without any data.
            with pytest.raises(NoDataError, match="there are some for 'retrospective'"):
                XRTRequest.from_source(source, **options)
            continue
        if settings["T0"] == round(settings["T0"], -3):
            with pytest.warns(RequestWarning, match="rounded FirstBlindDetMET") as told:
                request = XRTRequest.from_source(source, **options)
            assert [one.filename for one in told] == [__file__]
        else:
            request = XRTRequest.from_source(source, **options)
        assert_same_globals(request, settings)
        wire = request.to_wire(user="someone@example.org")
        assert (wire["lcobs"], wire["uselcobs"]) == (curve["whichData"], curve["useObs"])
        assert (wire["specobs"], wire["usespecobs"]) == (curve["whichData"], curve["useObs"])


def test_recorded_request_for_all_data(validation_data):
    recorded = fixture(validation_data, "sxps", "productrequest_17092_all.json")["globalPars"]
    request = XRTRequest.from_source(source_of(recorded, ["00050950004"]), light_curve=CURVE)
    assert_same_globals(request, recorded)
    assert request.light_curve.data == AllData()


@pytest.mark.parametrize("number", [30, 576])
def test_recorded_requests_for_transients(validation_data, number):
    if number == 576:
        ((settings, curve),) = printed(fixture(validation_data, "sxps", "transient_productrequest_576.json")["log"])
    else:
        curve = fixture(validation_data, "query", "sxps_transient_product_request_lc_pars.json")["value"]
        assert curve == fixture(validation_data, "sxps", "query_transient_productrequest.json")["lcPars"]
        settings = None
    transient = CatalogTransient(sent(validation_data, f"getSXPSTransInfo_{number}"))
    request = XRTRequest.from_source(transient, light_curve=CURVE, t0="discovery", use="new")
    if settings is not None:
        assert_same_globals(request, settings)
    assert ",".join(request.light_curve.data.obsids) == curve["useObs"]
    assert Target.from_transient(transient, use="new") == request.target


def test_products_get_the_observations_unless_they_have_their_own():
    source = CatalogSource(SOURCE)
    hours = SpectrumRequest(data=FirstHours(3 * u.h))
    request = XRTRequest.from_source(
        source,
        light_curve=CURVE,
        spectrum=hours,
        position=PositionRequest("standard"),
        image=ImageRequest(),
        use="detections",
    )
    chosen = Observations("00221755002", "00221755000", "00221755003")
    assert request.light_curve.data == request.position.data == request.image.data == chosen
    assert request.spectrum == hours
    assert request.target == Target(source.name, position=source.position, target_ids=["00221755"], resolve_t0=True)


def test_observations_by_any_choice():
    source = CatalogSource(SOURCE)
    assert XRTRequest.from_source(source, light_curve=CURVE, use="catalog").light_curve.data.obsids == tuple(
        source.observations("all")["obsid"]
    )
    assert Target.from_source(source, use="non_detections").target_ids == ("00031635", "00221755")
    assert Target.from_source(source, use="ALL").target_ids is None
    assert Target.from_transient(CatalogTransient(TRANSIENT), use="discovery").target_ids == ("03103545",)
    assert Target.from_transient(CatalogTransient(TRANSIENT)).t0_met == TRANSIENT["DetectionMET"]
    for use in ("nonDet", 5):
        with pytest.raises(RequestError, match="must be one of"):
            Target.from_source(source, use=use)


def test_fallback():
    empty = CatalogSource({**SOURCE, "Detections": {}})
    assert Target.from_source(empty, use="blind", fallback="all").target_ids is None
    assert Target.from_source(empty, use="blind", fallback="retrospective").target_ids == ("00221755",)
    request = XRTRequest.from_source(empty, light_curve=CURVE, use="blind", fallback="all")
    assert request.light_curve.data == AllData()
    with pytest.raises(NoDataError):
        Target.from_source(
            CatalogSource({**SOURCE, "Detections": {}, "NonDetections": {}}), use="blind", fallback="catalog"
        )


def test_times_are_complete_where_they_can_be():
    assert Target.from_source(CatalogSource(SOURCE), t0="first_detection").t0_met == 175893506.972863
    with pytest.raises(RequestError, match="no FirstBlindDetMET; it has first_observation, first_detection"):
        Target.from_source(CatalogSource(SOURCE), t0="first_blind_detection")


@pytest.mark.parametrize("make", [Target.from_source, Target.from_transient])
def test_warnings_point_to_the_caller(make):
    source = CatalogSource({**SOURCE, "FirstObsMET": None, "lcRanges": None})
    with pytest.warns(RequestWarning, match="rounded FirstDetMET") as told:
        make(source, t0="first_detection")
    assert [one.filename for one in told] == [__file__]


def test_rows_do_for_all_observations():
    row = CatalogSource(SOURCE).table[0]
    request = XRTRequest.from_source(row, light_curve=CURVE, t0="first_observation")
    assert request.target.t0_met == 175893506.972863
    assert request.extraction == ExtractionSettings(centroid=False, centroid_tolerance=1 * u.arcmin, use_sxps=True)
    with pytest.raises(RequestError, match="a row has none"):
        XRTRequest.from_source(row, light_curve=CURVE, use="blind")


def test_settings_can_be_given():
    extraction = ExtractionSettings(super_soft=True)
    assert (
        XRTRequest.from_source(CatalogSource(SOURCE), light_curve=CURVE, extraction=extraction).extraction == extraction
    )
    with pytest.raises(RequestError, match="no product is asked for"):
        XRTRequest.from_source(CatalogSource(SOURCE))
