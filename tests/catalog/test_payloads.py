"""What would be sent for products that the service has ready: the same as is sent, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import RequestError, ServiceError
from tests.catalog.example_burst import example
from tests.catalog.replay import Replay
from tests.catalog.replies import REPLIES

NAME, TRANSIENT = "LSXPS J062131.8-622213", "Swift J073006.8-193709"


def service() -> SwiftXRTClass:
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = Replay(dict.fromkeys(REPLIES, ServiceError("no reply")))
    return made


@pytest.mark.parametrize(
    ("method", "args", "options", "function"),
    [
        ("get_light_curve", (NAME,), {"bands": ["total", "HR1"], "time_format": "tdb"}, "getSXPSLC"),
        ("get_light_curve", (209851,), {"catalog": "2sxps", "all_types": True}, "getSXPSLC"),
        ("get_light_curve", (), {"transient": TRANSIENT, "binning": "counts"}, "getSXPSLC"),
        ("get_spectra", (NAME,), {}, "getSXPSSpectrumData"),
        ("get_spectra", (), {"transient": 576, "which": "full"}, "getSXPSSpectrumData"),
        ("get_previews", (NAME,), {"bands": ["soft"]}, "getSXPSSourceImages"),
        ("get_images", ("00282445000",), {"bands": "total", "types": ["counts"]}, "getSXPSDatasetImages"),
        ("get_images", (), {"dataset_id": 9725, "regions": False}, "getSXPSDatasetImages"),
    ],
)
def test_catalogued_objects(method: str, args: Any, options: dict[str, Any], function: str) -> None:
    swift = service()
    payload = getattr(swift, method)(*args, **options, get_query_payload=True)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]
    assert (payload.pop("APIFunc"), payload.pop("APIVersion")) == (function, "1.0.5")
    with pytest.raises(ServiceError, match="no reply"):
        getattr(swift, method)(*args, **options)
    assert swift._catalog.asked[0] == (function, payload)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "options", "function"),
    [
        ("get_light_curve", {}, "downloadLightCurve"),
        ("get_spectra", {}, "downloadSpectrum"),
        ("get_position", {"kind": "standard"}, "getGRBPositions"),
        ("get_positions", {"kinds": ["enhanced"]}, "getGRBPositions"),
        ("get_burst_analyser", {"bands": "all"}, "downloadBurstAnalyser"),
    ],
)
def test_bursts(method: str, options: dict[str, Any], function: str) -> None:
    swift = example()
    call = getattr(swift, method)
    first = (
        (lambda grb, **more: call(grb=grb, **more)) if method not in ("get_positions", "get_burst_analyser") else call
    )
    payload = first("00221755", **options, get_query_payload=True)
    with pytest.raises(RequestError, match="asked for the number of 'GRB 060729' before .*; give the trigger number"):
        first("GRB 060729", **options, get_query_payload=True)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]
    first("GRB 060729", **options)
    sent = [(name, content) for name, content in swift._catalog.asked if name != "GRBNameToTargetID"]  # type: ignore[attr-defined]
    assert {**sent[0][1], "APIFunc": function, "APIVersion": "1.0.5"} == payload
    # Its number is known now.
    assert first("060729", **options, get_query_payload=True) == payload


def test_a_transient_in_place_of_a_source() -> None:
    swift = service()
    for call in (swift.get_light_curve, swift.get_spectra, swift.get_previews):
        with pytest.raises(RequestError, match=f"source: .* give transient='{TRANSIENT}', or the name of the source"):
            call(TRANSIENT, get_query_payload=True)
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_what_cannot_be_asked_is_told() -> None:
    swift = service()
    with pytest.raises(RequestError, match="bands: must be one of"):
        swift.get_light_curve(NAME, bands="x", get_query_payload=True)
    with pytest.raises(RequestError, match="of a burst everything comes at once"):
        swift.get_light_curve(grb=221755, bands="total", get_query_payload=True)
    with pytest.raises(RequestError, match="kind: must be one of"):
        swift.get_position(grb=221755, kind="x", get_query_payload=True)
