"""Calls about what is catalogued, from payload to reply."""

from __future__ import annotations

from typing import Any

import pytest

from swiftxrt.server.handlers import API_PATH, Service


@pytest.fixture
def call(service: Service) -> Any:
    return lambda **payload: service.answer(API_PATH, {**payload, "APIVersion": "1.0.5"}, "http://server")


def test_content_gets_an_envelope(call: Any) -> None:
    assert call(APIFunc="getSXPSSourceInfo", sourceID=1) == {"OK": 1, "APIVersion": "1.0.5", "data": {"LSXPS_ID": 1}}


def test_what_there_is_not(call: Any) -> None:
    """As the service says it: two keys and nothing else; folders of the server are nobody's business."""
    reply = call(APIFunc="getSXPSSourceInfo", sourceID=2)
    assert set(reply) == {"ERROR", "ERRORTEXT"}
    assert "no such source" in reply["ERRORTEXT"]
    assert "/srv" not in reply["ERRORTEXT"]


def test_unknown_function(call: Any) -> None:
    assert "no function" in call(APIFunc="getSXPSTea")["ERRORTEXT"]


def test_light_curves_of_bursts_belong_to_the_catalogue(call: Any) -> None:
    assert "downloadLightCurve" in call(APIFunc="downloadLightCurve", type="GRB", objectID=1)["ERRORTEXT"]
