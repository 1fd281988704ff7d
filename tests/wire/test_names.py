"""Names of parameters, the service's and ours."""

from __future__ import annotations

import json
from pathlib import Path

from swiftxrt.wire import names

GOLDEN = Path(__file__).parents[1] / "data" / "golden_requests.json"


def test_names_of_parameters_both_ways():
    assert names.field_of_key("poserr") == names.field_of_key("posErr") == "extraction.centroid_tolerance"
    assert names.field_of_key("Dec") == "target.position"
    assert names.field_of_key("pccounts") == "light_curve.binning.pc_counts"
    assert names.field_of_key("usespecobs") == "spectrum.data"
    assert names.field_of_key("wtmaxGap") == "light_curve.binning.wt_max_gap"
    assert names.field_of_key("whatSXPS") is None
    assert names.key_of_field("extraction.centroid_tolerance") == "poserr"
    assert names.key_of_field("position.data") == "posobs"
    assert names.key_of_field("light_curve") == "lc"
    assert names.key_of_field("extraction") is None


def test_every_key_of_the_reference_requests_has_a_field():
    envelope = {"api_name", "api_version", "UserID"}
    derived = {"getCoords", "getTargs", "specz"}
    keys = (
        {key for payload in json.loads(GOLDEN.read_text(encoding="utf-8"))["requests"].values() for key in payload}
        - envelope
        - derived
    )
    assert {key for key in keys if names.field_of_key(key) is None} == set()
