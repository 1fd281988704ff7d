"""Tutorials: programs that become pages; the build of the documentation runs them."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from swiftxrt import conf

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = sorted((DOCS / "tutorial_sources").glob("*.py"))
ONE = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)


def cells(path: Path) -> list[str]:
    """What stands between the marks of a tutorial, the docstring first."""
    return re.split(r"^# %%\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def code(cell: str) -> str:
    return "\n".join(line for line in cell.splitlines() if not line.startswith("#"))


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Names that are read or set, imports included in the latter."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        found |= {
            (alias.asname or alias.name).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


@pytest.fixture(scope="module")
def helpers() -> ModuleType:
    """The module of the documentation that sorts tutorials and cleans up after them."""
    spec = importlib.util.spec_from_file_location("tutorials", DOCS / "_ext" / "tutorials.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_five_and_all_have_their_place(helpers):
    key = helpers.ReadingOrder("anywhere")
    assert sorted(key(path.name) for path in TUTORIALS) == [0, 1, 2, 3, 4]


def test_the_list_is_in_the_table_of_contents():
    assert re.search(r"^   tutorials/index$", (DOCS / "index.rst").read_text(encoding="utf-8"), flags=re.MULTILINE)


@ONE
def test_title_and_code(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), path.name))
    assert docstring is not None
    title, line, *_ = docstring.splitlines()
    assert title
    assert line == "=" * len(title)
    assert "\n\n" in docstring  # a sentence or two, for the list of tutorials


@ONE
def test_it_says_what_to_change_for_the_real_service(path):
    (stand_in,) = [cell for cell in cells(path) if "leave out this" in " ".join(cell.replace("#", " ").split())]
    text = " ".join(line.lstrip("# ") for line in stand_in.splitlines() if line.startswith("#"))
    assert re.search(r"\*\*For the real \w+( \w+)? leave out this cell\*\*", text)


@ONE
def test_nothing_is_missed_when_that_cell_is_left_out(path):
    """Other cells use nothing of it but what the text tells to write in its place, and its end is a cell of its own."""
    (place,) = [number for number, cell in enumerate(cells(path)) if "leave out this" in cell.replace("\n# ", " ")]
    stand_in = cells(path)[place]
    made = names(ast.parse(code(stand_in)), ast.Store)
    told = set(re.findall(r"(?:``| as )(swift)\b", stand_in))
    known: set[str] = set()
    for number, cell in enumerate(cells(path)[1:], start=1):
        if number == place:
            continue
        tree = ast.parse(code(cell))
        is_end = code(cell).split()[-1:] in (["stand_in.close()"], ["service.close()"])
        known |= names(tree, ast.Store)
        missed = (names(tree, ast.Load) & made) - known - told
        assert not missed or (is_end and missed <= {"stand_in", "service"})


@ONE
def test_no_file_of_this_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.<])/(home|root|tmp|work|Users|mnt)\b", text)
    assert "tempfile.mkdtemp()" in text
    assert set(re.findall(r"[\w.]+@[\w.]+", text)) <= {"you@example.org"}


def test_a_tutorial_leaves_nothing_behind(helpers, monkeypatch):
    before = (conf.cache_dir, conf.poll_interval, tempfile.gettempdir(), warnings.formatwarning)
    monkeypatch.setenv("SWIFTXRT_USER", "me@example.org")
    helpers.clean_start({}, "one.py", when="before")
    folder = Path(tempfile.mkdtemp())
    assert Path(conf.cache_dir).parent == folder.parent
    assert warnings.formatwarning(UserWarning("text"), UserWarning, "/a/file.py", 3) == "UserWarning: text\n"
    conf.poll_interval = 0.1
    os.environ["SWIFTXRT_USER"] = "you@example.org"
    os.environ["SWIFTXRT_OF_THE_TUTORIAL"] = "1"
    helpers.clean_start({}, "one.py", when="after")
    assert os.environ["SWIFTXRT_USER"] == "me@example.org"
    assert "SWIFTXRT_OF_THE_TUTORIAL" not in os.environ
    assert not folder.parent.exists()
    assert (conf.cache_dir, conf.poll_interval, tempfile.gettempdir(), warnings.formatwarning) == before
