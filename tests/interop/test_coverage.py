"""Every public name of the reference client's product module is tried against our server."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import warnings
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    # distutils, which swifttools still imports, and its own escapes
    warnings.simplefilter("ignore")
    pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
    prods = pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools needs setuptools")

HERE = Path(__file__).parent
PRODUCTS = ("LightCurve", "Spectrum", "StandardPos", "EnhancedPos", "AstromPos", "Image", "SourceDet")
PER_PRODUCT = ("{}", "has{}", "add{}", "remove{}", "set{}Pars", "get{}Pars", "remove{}Par")

#: Test, and the names of ``XRTProductRequest`` it is for; ``Class.name`` and functions of the module by their own name.
COVERED: dict[str, list[str]] = {
    "test_requests.py::test_each_product": [form.format(name) for name in PRODUCTS for form in PER_PRODUCT],
    "test_requests.py::test_products_by_name": [
        "addProduct",
        "hasProd",
        "setProductPars",
        "getProductPars",
        "removeProductPar",
        "removeProduct",
    ],
    "test_requests.py::test_copies_of_products": ["copyProd", "getProduct"],
    "test_requests.py::test_globals": ["setGlobalPars", "getGlobalPars", "globalPars", "getAllPars"],
    "test_requests.py::test_text_of_a_request_is_read_by_both": ["getJSON", "getJSONDict", "setFromJSON", "UserID"],
    "test_requests.py::test_what_is_missing": ["isValid", "submitError"],
    "test_requests.py::test_switches": ["deprecate", "useDeprecate", "showDepWarnings", "silent"],
    "test_requests.py::test_product_objects": [
        f"ProductRequest.{name}"
        for name in (
            "validType",
            "prodType",
            "needGlobals",
            "useGlobals",
            "pythonParsToJSONPars",
            "usesGlobal",
            "isValid",
            "silent",
            "complete",
            "setPars",
            "updatePars",
            "removePar",
            "getPars",
            "getJSONDict",
        )
    ],
    "test_swifttools.py::test_submission_fills_the_request_in": ["submitted", "URL", "JobID", "subRetData", "jobPars"],
    "test_swifttools.py::test_submitted_requests_are_closed": ["submit", "status", "statusCode"],
    "test_swifttools.py::test_state": ["checkProductStatus", "complete", "statusText"],
    "test_swifttools.py::test_cancelling": ["cancelProducts"],
    "test_swifttools.py::test_list_of_jobs": ["listOldJobs", "xrt_prods.listOldJobs"],
    "test_swifttools.py::test_work_in_progress": ["countActiveJobs", "xrt_prods.countActiveJobs"],
    "test_swifttools.py::test_old_job_as_a_template": ["copyOldJob", "productList"],
    "test_swifttools.py::test_downloads": ["downloadProducts"],
    "test_swifttools.py::test_single_download_and_stem": ["ProductRequest.downloadProd"],
    "test_swifttools.py::test_version_check": ["xrt_prods.checkAPI"],
    "test_results.py::test_light_curve": ["retrieveLightCurve", "lcData"],
    "test_results.py::test_plot": ["plotLC"],
    "test_results.py::test_standard_position": ["retrieveStandardPos", "standardPos"],
    "test_results.py::test_positions_that_there_are_not": [
        "retrieveEnhancedPos",
        "enhancedPos",
        "retrieveAstromPos",
        "astromPos",
    ],
    "test_results.py::test_source_list": ["retrieveSourceList", "sourceList"],
    "test_results.py::test_spectra": ["retrieveSpectralFits", "specData"],
    "test_results.py::test_files_of_the_spectra": ["saveSpectralData"],
    "test_results.py::test_rebinning": [
        "rebinLightCurve",
        "RebinID",
        "checkRebinStatus",
        "rebinComplete",
        "getRebinnedLightCurve",
    ],
    "test_results.py::test_cancelling_a_rebinning": ["cancelRebin"],
}

#: What does not work there, why, and the test that asserts just that and goes the way that works.
DEFECTS: dict[str, tuple[str, str]] = {
    "add...(clobber=True)": (
        "it calls a method whose name is misspelt; the product is removed first",
        "test_requests.py::test_replacing_a_product_is_broken_there",
    ),
    "RebinID": ("it does not exist before a rebinning; it is read afterwards", "test_requests.py::test_switches"),
    "removeStandardPosPar": (
        "parameters that positions share are not found; nor for the other positions",
        "test_requests.py::test_each_product",
    ),
    "retrieveStandardPos": (
        "it overwrites the state of the request, and so does retrieveSourceList; each gets a request of its own",
        "test_results.py::test_standard_position",
    ),
    "retrieveSpectralFits": (
        "in the default mode it wants keys that a reply need not have; our server sends them",
        "test_results.py::test_spectra_in_its_default_mode",
    ),
    "plotLC": ("it does not heed the name of a file; the figure itself is looked at", "test_results.py::test_plot"),
    "saveSpectralData": (
        "with pictures it fails for spectra without a fit; they are left out",
        "test_results.py::test_files_of_the_spectra",
    ),
    "cancelRebin": (
        "the name of what it calls is changed inside a class; the function behind it is called",
        "test_results.py::test_cancelling_a_rebinning",
    ),
    "jobPars": (
        "they are lost when a job is found again; those of a submitted request are read",
        "test_swifttools.py::test_job_found_again",
    ),
    "cancelProducts": (
        "the overall code is always 1, and nothing is asked after the end; the codes of the products are read",
        "test_swifttools.py::test_cancelling",
    ),
}


def public_names() -> set[str]:
    """All that is public in the module and below: methods and properties of its classes, and functions."""
    found = set()
    modules = [prods] + [
        importlib.import_module(f"{prods.__name__}.{one.name}") for one in pkgutil.iter_modules(prods.__path__)
    ]
    for module in modules:
        for name, thing in vars(module).items():
            if name.startswith("_") or not getattr(thing, "__module__", "").startswith(prods.__name__):
                continue
            if inspect.isclass(thing):
                found |= {f"{name}.{member}" for member in dir(thing) if not member.startswith("_")}
            elif inspect.isfunction(thing):
                found.add(f"xrt_prods.{name}")
    return found


def qualified(name: str) -> str:
    return name if "." in name else f"XRTProductRequest.{name}"


def words_of(tree: ast.AST) -> set[str]:
    """Names of attributes, and texts, in some code."""
    nodes = list(ast.walk(tree))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_every_public_name_is_covered() -> None:
    claimed = [qualified(name) for names in COVERED.values() for name in names]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == public_names()
    assert len(claimed) > 100


@pytest.mark.parametrize("test", sorted({*COVERED, *(test for _, test in DEFECTS.values())}))
def test_the_tests_do_what_the_table_says(test: str) -> None:
    file, _, function = test.partition("::")
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    functions: dict[str, Any] = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert function in functions
    words = words_of(functions[function])
    if function == "test_each_product":  # its names stand in the table above it
        words |= words_of(ast.Module([node for node in tree.body if isinstance(node, ast.Assign)], []))
    assert {name.rpartition(".")[2] for name in COVERED.get(test, ())} <= words
