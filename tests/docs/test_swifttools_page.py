"""Everything public in the part of swifttools for catalogues has a place on the page for those who come from there."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

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
