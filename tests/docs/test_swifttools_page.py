"""Everything public in the part of swifttools for catalogues has a place on the page for those who come from there."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import LightCurveRequest, SwiftXRTClass
from swiftxrt.query.catalog_queries import RowChoice

PAGE = Path(__file__).parents[2] / "docs" / "coming_from_swifttools.rst"
MODULES = ("", ".data", ".data.SXPS", ".data.GRB")
QUERIES = (".query.SXPS.SXPSQuery", ".query.GRB.GRBQuery")
#: Of the objects for queries, what has no counterpart.
BESIDE = {"silent", "verbose", "checkLock"}


def _import(name: str) -> Any:
    with warnings.catch_warnings():
        # distutils, which swifttools still imports, and its own escapes
        warnings.simplefilter("ignore")
        pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
        pytest.importorskip("swifttools.ukssdc.query", reason="swifttools needs setuptools")
        return importlib.import_module(f"swifttools.ukssdc{name}")


def _words() -> set[str]:
    return {
        word
        for code in re.findall(r"``([^`]+)``", PAGE.read_text(encoding="utf-8"))
        for word in re.findall(r"\w+", code)
    }


@pytest.mark.parametrize("name", MODULES)
def test_functions(name: str) -> None:
    found = {key for key, value in vars(_import(name)).items() if inspect.isfunction(value) and not key.startswith("_")}
    assert found
    assert sorted(found - _words()) == []


@pytest.mark.parametrize("name", QUERIES)
def test_queries(name: str) -> None:
    module, _, kind = name.rpartition(".")
    found = {key for key in dir(getattr(_import(module), kind)) if not key.startswith("_")}
    assert sorted(found - _words() - BESIDE) == []


def _calls() -> list[tuple[str, list[str]]]:
    """Methods of ours in the tables, with the names of the arguments that they are shown with."""
    cells = re.findall(r"^   \* - .*\n     - (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    codes = [code for cell in cells for code in re.findall(r"``([^`]+)``", cell)]
    found = [call for code in codes for call in re.findall(r"\b(\w+)\(([^()]*)", code)]
    return [(name, re.findall(r"(\w+)=", words)) for name, words in found if hasattr(SwiftXRTClass, name)]


def test_our_calls_can_be_made() -> None:
    calls = _calls()
    assert len(calls) > 30
    open_ended = {one for kind in (RowChoice, LightCurveRequest) for one in kind.__annotations__}
    for name, words in calls:
        parameters = inspect.signature(getattr(SwiftXRTClass, name)).parameters
        takes_others = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
        assert sorted(set(words) - set(parameters) - (open_ended if takes_others else set())) == [], name
