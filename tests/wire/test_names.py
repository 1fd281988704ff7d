"""Names of parameters, the service's and ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swiftxrt._fields import wire_keys
from swiftxrt.kinds import ProductKind
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


def names_of_the_reference_client() -> dict[str, set[str]]:
    """Keys and what they are called in Python, from the tables of the reference client itself."""
    xrt_prods = pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools is not installed")
    tables = pytest.importorskip("swifttools.ukssdc.xrt_prods.productVars")
    found: dict[str, set[str]] = {}

    def add(name: str, renamed: dict[str, str]) -> None:
        found.setdefault(renamed.get(name, name), set()).add(name)

    client = xrt_prods.XRTProductRequest
    for name in {**client._globalTypes, **client._globalPythonParsToJSONPars}:
        add(name, client._globalPythonParsToJSONPars)
    for product, renamed in tables.prodPythonParsToJSONPars.items():
        old = tables.deprecatedPars[product]
        for name in {*tables.prodParTypes[product], *tables.prodUseGlobals[product], *renamed} - {*old}:
            add(name, renamed)
    return found


def test_names_are_those_of_the_reference_client():
    theirs = names_of_the_reference_client()
    wrong = {key: name for key, name in names.SWIFTTOOLS_NAMES.items() if name not in theirs.get(key, ())}
    assert wrong == {}


def test_no_name_of_the_reference_client_is_missing():
    unknown = set(names_of_the_reference_client()) - set(names.SWIFTTOOLS_NAMES)
    # Its tables of types have another spelling of the gaps than its table of names.
    assert unknown <= {"wtmaxGap", "pcmaxGap"}
    assert all(names.is_known_key(key) for key in unknown)


def test_every_parameter_we_send_has_a_name_in_the_reference_client():
    ours = {key for _, cls in names._PARTS for field in cls.__record_fields__ for key in wire_keys(field)}
    flags = {kind.flag for kind in ProductKind}
    assert ours - flags - set(names.SWIFTTOOLS_NAMES) == set()
