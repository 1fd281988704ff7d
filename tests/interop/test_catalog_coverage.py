"""Every public name of the reference client's modules for catalogues and bursts is tried against our server."""

from __future__ import annotations

import ast
import importlib
import inspect
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_coverage import words_of

with warnings.catch_warnings():
    # distutils, which swifttools still imports, and its own escapes
    warnings.simplefilter("ignore")
    pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
    pytest.importorskip("swifttools.ukssdc.main", reason="swifttools needs setuptools")
    MODULES = {
        name: importlib.import_module(f"swifttools.ukssdc.{name}".rstrip("."))
        for name in ("", "data", "data.SXPS", "data.GRB", "query.SXPS", "query.GRB")
    }

HERE = Path(__file__).parent

#: Test, and the names it is for: functions with their module, members of both kinds of query by their own name.
COVERED: dict[str, list[str]] = {
    "test_query.py::test_cone_with_filters": [
        *("addConeSearch", "addFilter", "sortCol", "sortDir", "subset", "showConeSearch", "showFilters", "isValid"),
        *("doConeSearch", "locked", "submit", "results", "haveResults", "numRows", "checkLock"),
    ],
    "test_query.py::test_cone_around_a_name": ["resolvedRA", "resolvedDec", "resolvedInfo"],
    "test_query.py::test_parameters_of_a_cone": [
        *("coneName", "removeConeSearch", "coneRA", "coneDec", "coneRadius", "coneUnits", "editConeSearch"),
    ],
    "test_query.py::test_columns_and_metadata": [
        *("getMetadata", "cols", "metadata", "defaultCols", "obsColumn", "targetColumn", "raCol", "decCol", "dbName"),
        *("table", "tables", "subsets", "addCol", "removeCol", "removeAllCols", "colsToGet"),
    ],
    "test_query.py::test_rows": ["maxRows", "firstRow", "silent", "verbose", "unlock", "ObsIDAsString"],
    "test_query.py::test_filters_and_products_can_be_taken_back": [
        *("clearProduct", "clearProducts", "reset", "removeFilter", "filters", "removeAllFilters"),
    ],
    "test_query.py::test_observations_of_results": ["downloadObsData"],
    "test_query.py::test_sources": [
        *("getSourceDetails", "getDetails", "sourceDetails", "getObsList", "sourceObsList", "saveSourceImages"),
        *("saveImages", "makeProductRequest"),
    ],
    "test_query.py::test_full_table_of_a_query": ["getFullTable", "fullTable"],
    "test_query.py::test_datasets_of_a_query": ["getDatasetDetails", "datasetDetails", "saveDatasetImages"],
    "test_query.py::test_transients_of_a_query": ["getTransientDetails", "transientDetails", "saveTransientImages"],
    "test_query.py::test_bursts": [
        *("cats", "cat", "posSource", "posSources", "getPositions", "positions", "clearPositions"),
    ],
    "test_query.py::test_curves_of_bursts": [
        *("getLightCurves", "lightCurves", "plotLightCurves", "saveLightCurves", "clearLightCurves"),
    ],
    "test_query.py::test_spectra_of_bursts": ["getSpectra", "spectra", "saveSpectra", "clearSpectra"],
    "test_query.py::test_burst_analyser_of_bursts": [
        *("getBurstAnalyser", "burstAnalyser", "ban", "saveBurstAnalyser", "clearBurstAnalysers"),
    ],
    "test_query.py::test_observations_of_bursts": ["getObsData"],
    "test_query.py::test_two_catalogues_of_bursts": [
        *("setAuxCat", "getAuxCat", "auxCat", "mergeResults", "removeAuxCat"),
    ],
    "test_query.py::test_observations": ["data.downloadObsData", "data.downloadObsDataByTarget"],
    "test_query.py::test_helpers": ["ukssdc.bayesRate", "ukssdc.plotLightCurve", "ukssdc.mergeLightCurveBins"],
    "test_query.py::test_merging_upper_limits": ["ukssdc.mergeUpperLimits"],
    "test_sxps.py::test_source_details": ["data.SXPS.getSourceDetails"],
    "test_sxps.py::test_light_curves": ["data.SXPS.getLightCurves"],
    "test_sxps.py::test_saving_light_curves": ["data.SXPS.saveLightCurves"],
    "test_sxps.py::test_spectra": ["data.SXPS.getSpectra", "data.SXPS.saveSpectra"],
    "test_sxps.py::test_source_images": ["data.SXPS.saveSourceImages"],
    "test_sxps.py::test_transients": ["data.SXPS.getTransientDetails"],
    "test_sxps.py::test_upper_limits": ["data.SXPS.getUpperLimits"],
    "test_sxps.py::test_failed_upper_limit": ["data.SXPS.getFailedUpperLimit"],
    "test_sxps.py::test_datasets": ["data.SXPS.getDatasetDetails"],
    "test_sxps.py::test_dataset_images": ["data.SXPS.saveDatasetImages"],
    "test_sxps.py::test_full_tables": ["data.SXPS.getFullTable"],
    "test_sxps.py::test_old_tables": ["data.SXPS.listOldTables"],
    "test_sxps.py::test_observations": ["data.SXPS.getObsList"],
    "test_sxps.py::test_product_requests": ["data.SXPS.makeProductRequest"],
    "test_grb.py::test_names": ["data.GRB.GRBNameToTargetID"],
    "test_grb.py::test_light_curves": ["data.GRB.getLightCurves"],
    "test_grb.py::test_saving_light_curves": ["data.GRB.saveLightCurves"],
    "test_grb.py::test_rebinning": [
        *("data.GRB.rebinLightCurve", "data.GRB.checkRebinStatus", "data.GRB.rebinComplete"),
        "data.GRB.getRebinnedLightCurve",
    ],
    "test_grb.py::test_cancelling": ["data.GRB.cancelRebin", "data.GRB.cancelTimeslice"],
    "test_grb.py::test_spectra": ["data.GRB.getSpectra"],
    "test_grb.py::test_files_of_the_spectra": ["data.GRB.saveSpectra"],
    "test_grb.py::test_time_slices": [
        *("data.GRB.timesliceSpectrum", "data.GRB.checkTimesliceStatus", "data.GRB.timesliceComplete"),
    ],
    "test_grb.py::test_burst_analyser": ["data.GRB.getBurstAnalyser"],
    "test_grb.py::test_saving_the_burst_analyser": ["data.GRB.saveBurstAnalyser", "data.GRB.saveSingleBurstAn"],
    "test_grb.py::test_positions": ["data.GRB.getPositions"],
    "test_grb.py::test_observations": ["data.GRB.getObsData"],
}

#: Names that never ask the service: they look results up in other archives.
ELSEWHERE = {"doCatSearch", "doSIMBADSearch", "doVizierSearch", "SIMBAD", "Vizier"}

#: What does not work there, why, and the test that asserts just that and goes the way that works.
DEFECTS: dict[str, tuple[str, str]] = {
    "sortDir": ("it can be set, but not read: its name is misspelt", "test_query.py::test_cone_with_filters"),
    "editConeSearch": ("it hands the unit on as a name", "test_query.py::test_parameters_of_a_cone"),
    "ObsIDAsString": ("with it queries fail before they are sent", "test_query.py::test_rows"),
    "setAuxCat": (
        "a second catalogue without rows in the answer is an error",
        "test_query.py::test_two_catalogues_of_bursts",
    ),
    "data.SXPS.getLightCurves": (
        "in its silent mode the rates of limits keep their name, and then cannot be drawn",
        "test_sxps.py::test_light_curves",
    ),
    "data.SXPS.saveSpectra": (
        "with pictures it fails for spectra without a fit; they are left out",
        "test_sxps.py::test_spectra",
    ),
    "data.GRB.getSpectra": (
        "with pictures it fails for spectra without a fit; they are left out",
        "test_grb.py::test_spectra",
    ),
    "data.GRB.getLightCurves": (
        "names that nobody knows are asked for as null, which is answered",
        "test_grb.py::test_burst_without_a_light_curve",
    ),
}


def public_names() -> set[str]:
    """Functions of the modules, and members of the two kinds of query."""
    found = set()
    for name, module in MODULES.items():
        for public, thing in vars(module).items():
            if public.startswith("_"):
                continue
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                found |= {member for member in dir(thing) if not member.startswith("_")}
            elif inspect.isfunction(thing) and not name.startswith("query"):
                found.add(f"{name or 'ukssdc'}.{public}")
    return found


def test_every_public_name_is_covered() -> None:
    claimed = [name for names in COVERED.values() for name in names]
    assert len(claimed) == len(set(claimed))
    assert {*claimed, *ELSEWHERE} == public_names()
    assert len(claimed) > 120


@pytest.mark.parametrize("test", sorted({*COVERED, *(test for _, test in DEFECTS.values())}))
def test_the_tests_do_what_the_table_says(test: str) -> None:
    file, _, function = test.partition("::")
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    functions: dict[str, Any] = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert function in functions
    words = words_of(functions[function])
    words |= {node.id for node in ast.walk(functions[function]) if isinstance(node, ast.Name)}
    words |= {
        one.arg
        for node in ast.walk(functions[function])
        if isinstance(node, ast.Call)
        for one in node.keywords
        if one.arg
    }
    assert {name.rpartition(".")[2] for name in COVERED.get(test, ())} <= words
