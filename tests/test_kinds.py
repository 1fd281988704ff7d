"""The table of product kinds."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from swiftxrt.kinds import ProductKind
from swiftxrt.request.bundle import XRTRequest


def test_names_are_those_of_the_service():
    # Codes of status and archives, flags of requests, names of the reference client.
    assert {kind.code: (kind.flag, kind.swifttools_name) for kind in ProductKind} == {
        "lc": ("lc", "LightCurve"),
        "spec": ("spec", "Spectrum"),
        "psf": ("dopsf", "StandardPos"),
        "enh": ("doenh", "EnhancedPos"),
        "xastrom": ("doxastrom", "AstromPos"),
        "image": ("image", "Image"),
        "sourceDet": ("sourceDet", "SourceDet"),
    }


@pytest.mark.parametrize("kind", ProductKind)
def test_kind(kind):
    assert ProductKind.from_code(kind.code) is kind
    assert ProductKind(kind.value) is kind
    assert str(kind) == kind.value
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert kind.title == kind.value.replace("_", " ")
    assert kind.is_position is kind.value.endswith("position")


def test_every_kind_has_its_slot_in_the_request():
    slots = {field.name for field in XRTRequest.__record_fields__}
    assert {kind.slot for kind in ProductKind} <= slots


def test_flags_appear_in_reference_requests():
    path = Path(__file__).parent / "data" / "golden_requests.json"
    keys = {key for payload in json.loads(path.read_text(encoding="utf-8"))["requests"].values() for key in payload}
    assert {kind.flag for kind in ProductKind} <= keys


def test_unknown_code():
    with pytest.raises(KeyError):
        ProductKind.from_code("curve")
