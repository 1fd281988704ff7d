"""What the pages of the documentation must say."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import swiftxrt
from swiftxrt._fields import Record, wire_keys
from swiftxrt.wire.names import SWIFTTOOLS_NAMES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("requesting", "jobs", "results", "coming_from_swifttools")

# Parameters of the reference client that are spelt otherwise in the tables of names, or are old names.
OTHER_SPELLINGS = {"wtmaxGap": "wtMaxGap", "pcmaxGap": "pcMaxGap", "timeType": "timeFormat"}


def page(name: str) -> str:
    return (DOCS / f"{name}.rst").read_text(encoding="utf-8")


def directives(text: str, name: str) -> list[tuple[str, list[str]]]:
    """Arguments and body of every directive of a name."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if match := re.match(rf"(\s*)\.\. {name}:: (.*)", line):
            body = []
            for other in lines[number + 1 :]:
                if other.strip() and not other.startswith(match[1] + "   "):
                    break
                body.append(other.strip())
            found.append((match[2].strip(), body))
    return found


@pytest.fixture(scope="module")
def prods() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # distutils, and escapes in its texts
        pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
        return pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools needs setuptools")


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_in_the_table_of_contents(name):
    assert re.search(rf"^   {name}$", page("index"), flags=re.MULTILINE)


def test_every_class_of_requests_has_its_table():
    tables = {argument for argument, _ in directives(page("requesting"), "parameter-table")}
    for name in swiftxrt.__all__:
        cls = getattr(swiftxrt, name)
        if isinstance(cls, type) and issubclass(cls, Record) and cls.__record_fields__:
            # Selections are in a table of their own, and a tuple of slices is explained by its items.
            shown = f"swiftxrt.{name}" in tables
            assert shown or name in ("Observations", "TimeIntervals", "FirstHours", "TimeSlices"), name


def public_names(prods: Any) -> dict[str, list[str]]:
    """Public names of the reference client with the arguments of each."""
    from swifttools.ukssdc.xrt_prods.prod_base import ProductRequest

    found = {}
    for owner in (prods.XRTProductRequest, ProductRequest, prods):
        for name, item in vars(owner).items():
            callable_item = item.__func__ if isinstance(item, staticmethod) else item
            if name.startswith("_") or inspect.ismodule(item) or inspect.isclass(item):
                continue
            arguments = inspect.signature(callable_item).parameters if inspect.isfunction(callable_item) else {}
            keywords = [word for word, one in arguments.items() if one.kind is not inspect.Parameter.VAR_KEYWORD]
            if owner is not ProductRequest:
                found[name] = [word for word in keywords if word != "self"]
            else:
                found.setdefault(name, [])
    return {name: words for name, words in found.items() if name not in ("version", "productVars")}


def test_every_public_name_of_swifttools_is_translated(prods):
    first_cells = re.findall(r"^   \* - (.*)$", page("coming_from_swifttools"), flags=re.MULTILINE)
    said = set(re.findall(r"\w+", " ".join(re.findall(r"``(.+?)``", " ".join(first_cells)))))
    names = public_names(prods)
    assert len(names) > 100
    assert [name for name in names if name not in said] == []
    assert {word for words in names.values() for word in words} - said == set()
    constructor = set(inspect.signature(prods.XRTProductRequest.__init__).parameters) - {"self"}
    assert constructor - said == set()


def test_the_tables_of_parameters_hold_every_key_once():
    shown: Counter[str] = Counter()
    for argument, body in directives(page("coming_from_swifttools"), "swifttools-table"):
        keys = set()
        for path in argument.split():
            cls = getattr(swiftxrt, path.removeprefix("swiftxrt."))
            keys |= {key for field in cls.__record_fields__ for key in wire_keys(field) if key in SWIFTTOOLS_NAMES}
        keys |= {match[1] for line in body if (match := re.match(r":(\w+):", line))}
        shown.update(keys)
    assert set(shown) == set(SWIFTTOOLS_NAMES)
    assert [key for key, number in shown.items() if number > 1] == []


def test_every_parameter_of_swifttools_has_a_key(prods):
    variables = prods.productVars
    names = {name for product in variables.prodParTypes.values() for name in product}
    known = {*SWIFTTOOLS_NAMES, *SWIFTTOOLS_NAMES.values()}
    names |= set(prods.XRTProductRequest._globalTypes)
    assert len(names) > 70
    assert {OTHER_SPELLINGS.get(name, name) for name in names} - known == set()


def test_the_two_requests_are_the_same(prods):
    """The example for swifttools makes what the page says it sends."""
    text = page("coming_from_swifttools")
    code = text[text.index("   from swifttools") : text.index("   if not request.submit()")]
    space: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(inspect.cleandoc(code), space)
    literal = re.search(r">>> theirs = (\{.*?\n\.\.\. \})", text, flags=re.DOTALL)
    theirs = ast.literal_eval(literal[1].replace("\n...", "\n"))
    assert space["request"].getJSONDict() == {key: theirs[key] for key in space["request"].getJSONDict()}
    assert set(theirs) - set(space["request"].getJSONDict()) <= {"api_name", "api_version", "UserID"}
