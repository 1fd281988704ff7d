"""The layers of the package, and what importing it costs.

The table of layers is ``docs/developer/layers.csv``, which the documentation
shows too. A module imports its own package and lower ranks, never a neighbour
of the same rank; the few exceptions are listed below.
"""

from __future__ import annotations

import ast
import csv
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import swiftxrt

PACKAGE = Path(swiftxrt.__file__).parent
LAYERS = Path(__file__).parents[1] / "docs" / "developer" / "layers.csv"

with LAYERS.open(encoding="utf-8", newline="") as table:
    RANK = {row["package"]: int(row["rank"]) for row in csv.DictReader(table)}

# Edges that go up: only inside methods of these names, from one package to another.
UPWARD = {
    ("products", "plot"): {"plot", "peek"},
    ("fitting", "plot"): {"plot", "peek"},
    ("fitting", "io"): {"write_xspec"},
    ("products", "engine"): {"exposure_map", "merge_bins"},
    ("products", "io"): {
        "read",
        "write",
        "open",
        "read_bundle",
        "write_bundle",
        "housekeeping",
        "read_pha",
        "write_pha",
        "from_oda",
        "write_xspec",
    },
    ("products", "backends"): {"read_bundle"},
    ("request", "wire"): {"to_wire", "from_wire"},
}
# Packages whose parts do not know each other, and the parts that everyone there may use.
SEPARATE_PARTS = {"backends": {"base", "cache", "credentials", "transport"}}
# Who may put the parts together.
ASSEMBLY = {"backends", "backends.registry"}
# Ranks whose members may use each other.
OPEN_RANKS = {0, 7}
# Edges that go down and yet are forbidden: the server is given its backend.
FORBIDDEN = {("server", "backends")}

# Third-party packages that may be imported in some places only (for type hints: anywhere).
ONLY_IN = {
    "astroquery": ("query", "backends.archives"),
    "dask": ("scale",),
    "distributed": ("scale",),
    "hats": ("scale",),
    "lsdb": ("scale",),
    "matplotlib": ("plot",),
    "pytest": ("testing",),
    "pyvo": ("backends.archives",),
    "requests": ("backends.transport", "query.core"),
    "specutils": ("products._binned", "products.spectrum", "io.specutils"),
    "starlette": ("server",),
    "swifttools": (),
    "urllib3": ("backends.transport",),
    "uvicorn": ("server",),
}
# Slow to import and seldom needed: inside functions only.
INSIDE_FUNCTIONS = {"pyarrow", "regions"}
# What the engine must not touch: files, networks, figures.
ENGINE_BANS = {"astropy.io", "astropy.visualization", "http", "os", "pathlib", "shutil", "socket", "tempfile", "urllib"}


@dataclass(frozen=True)
class Import:
    """One imported module, and where the statement stands."""

    name: str
    line: int
    method: str = ""
    in_function: bool = False
    for_typing: bool = False

    @property
    def is_ours(self) -> bool:
        return self.name == "swiftxrt" or self.name.startswith("swiftxrt.")

    @property
    def part(self) -> str:
        """The module within our package; ``__init__`` for the package itself."""
        return self.name.removeprefix("swiftxrt").lstrip(".") or "__init__"


class ImportFinder(ast.NodeVisitor):
    """Collects the imports of one module, ours resolved to absolute module names."""

    def __init__(self, module: str, is_package: bool, modules: set[str]) -> None:
        self.found: list[Import] = []
        self._package = module if is_package else module.rpartition(".")[0]
        self._modules = modules
        self._scopes: list[ast.AST] = []
        self._for_typing = False

    def visit(self, node: ast.AST) -> None:
        is_scope = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        self._scopes += [node] * is_scope
        super().visit(node)
        if is_scope:
            self._scopes.pop()

    def visit_If(self, node: ast.If) -> None:
        before, self._for_typing = self._for_typing, "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body:
            self.visit(statement)
        self._for_typing = before
        for statement in node.orelse:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parents = self._package.split(".")
            base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            self._add(whole if whole in self._modules or not base.startswith("swiftxrt") else base, node.lineno)

    def _add(self, name: str, line: int) -> None:
        functions = [scope for scope in self._scopes if not isinstance(scope, ast.ClassDef)]
        is_method = len(self._scopes) > 1 and isinstance(self._scopes[0], ast.ClassDef)
        method = self._scopes[1].name if is_method and functions else ""  # type: ignore[attr-defined]
        self.found.append(Import(name, line, method, bool(functions), self._for_typing))


def edge_problem(importer: str, imported: Import) -> str | None:
    """Why `importer` (a module within the package) must not have this import of ours."""
    source, target = importer.partition(".")[0], imported.part.partition(".")[0]
    if source not in RANK or target not in RANK:
        return f"{source if source not in RANK else target} is not in {LAYERS.name}"
    if source == target:
        return part_problem(importer, imported.part)
    if (source, target) in FORBIDDEN:
        return f"{source} must not import {target}"
    if RANK[target] < RANK[source] or RANK[source] == RANK[target] in OPEN_RANKS:
        return None
    if imported.method in UPWARD.get((source, target), ()):
        return None
    return f"{source} (rank {RANK[source]}) must not import {imported.part} (rank {RANK[target]})"


def part_problem(importer: str, imported: str) -> str | None:
    """Why one part of a package must not import another part of the same package."""
    package, source, target = importer.split(".")[0], *((f"{name}..").split(".")[1] for name in (importer, imported))
    shared = SEPARATE_PARTS.get(package)
    if shared is None or importer in ASSEMBLY or source == target or target in shared | {""}:
        return None
    return f"{importer} must not import its neighbour {imported}"


def outside_problem(importer: str, imported: Import) -> str | None:
    """Why `importer` must not have this import of a third-party or standard module."""
    if imported.for_typing:
        return None
    root = imported.name.partition(".")[0]
    if root in ONLY_IN and not any(f"{importer}.".startswith(f"{place}.") for place in ONLY_IN[root]):
        return f"{root} belongs into {' and '.join(ONLY_IN[root]) or 'no module'}"
    if root in INSIDE_FUNCTIONS and not imported.in_function:
        return f"{root} is imported inside functions only"
    if importer.startswith("engine") and any(f"{imported.name}.".startswith(f"{ban}.") for ban in ENGINE_BANS):
        return f"the engine must not import {imported.name}"
    return None


# A pool of workers gives every error of a task to whoever asks for its result.
HANDS_ERRORS_ON = ("_threads",)


def is_blanket(handler: ast.ExceptHandler) -> bool:
    """Whether an except clause catches everything."""
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(item).rpartition(".")[2] in ("Exception", "BaseException") for item in caught)


def code_problems(tree: ast.Module, part: str) -> Iterator[tuple[int, str]]:
    """Statements that have no place in `part`, as (line, what is wrong)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and is_blanket(node) and part not in HANDS_ERRORS_ON:
            yield node.lineno, "blanket except"
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node.lineno, "star import"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print" and not part.startswith("cli"):
                yield node.lineno, "print outside cli"
            if node.func.id == "open" and part.startswith("engine"):
                yield node.lineno, "the engine must not open files"


def problems(source: str, module: str, *, is_package: bool = False, modules: set[str] | None = None) -> list[str]:
    """Everything in the source of one module that breaks a rule."""
    tree = ast.parse(source)
    finder = ImportFinder(module, is_package, modules or set(MODULES))
    finder.visit(tree)
    part = module.removeprefix("swiftxrt").lstrip(".") or "__init__"
    found = list(code_problems(tree, part))
    for imported in finder.found:
        problem = edge_problem(part, imported) if imported.is_ours else outside_problem(part, imported)
        found += [(imported.line, problem)] if problem else []
    return [f"{module}, line {line}: {text}" for line, text in sorted(found)]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_module_keeps_to_its_layer(module):
    path = MODULES[module]
    found = problems(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
    assert not found, "\n".join(found)


def test_every_package_has_a_rank():
    present = {path.stem for path in PACKAGE.glob("*.py")}
    present |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert present - set(RANK) == set()


def test_no_import_cycles():
    graph = {}
    for module, path in MODULES.items():
        finder = ImportFinder(module, path.name == "__init__.py", set(MODULES))
        finder.visit(ast.parse(path.read_text(encoding="utf-8")))
        graph[module] = {
            found.name for found in finder.found if found.is_ours and not found.in_function and not found.for_typing
        }
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("products.gti", "from ..wire import values", "rank 1"),
        ("products.gti", "from ..request.target import Target", "rank 1"),
        ("request.target", "import swiftxrt.products.gti", "rank 1"),
        ("engine.counts", "from .. import io", "must not import io"),
        ("engine.counts", "from .. import Mode", "must not import __init__"),
        ("engine.counts", "def f():\n    from ..wire import status", "must not import wire.status"),
        ("engine.counts", "from astropy.io import fits", "the engine"),
        ("engine.counts", "import astropy.io.fits", "the engine"),
        ("engine.counts", "from astropy import io", "the engine"),
        ("engine.counts", "open('x')", "the engine"),
        ("products.image", "def plot(self):\n    from ..plot import image", "must not import plot.image"),
        ("products.image", "class A:\n    def show(self):\n        from ..plot import image", "must not import plot"),
        ("products.image", "class A:\n    def plot(self):\n        from ..io import image", "must not import io"),
        ("request.bundle", "class A:\n    def read(self):\n        from ..io import image", "must not import io"),
        ("backends.local", "from .ukssdc import products", "neighbour"),
        ("backends.archives.heasarc", "from ..local.archive import find", "neighbour"),
        ("backends.base", "from . import registry", "neighbour"),
        ("server.app", "from ..backends.local import products", "server must not"),
        ("server.app", "from ..query.core import SwiftXRT", "rank 6"),
        ("brandnew", "import swiftxrt.mission", "is not in layers.csv"),
        ("io.image", "import matplotlib.pyplot as plt", "matplotlib belongs into plot"),
        ("products.image", "def f():\n    import matplotlib", "matplotlib belongs into plot"),
        ("products.events", "import regions", "inside functions"),
        ("wire.status", "import requests", "requests belongs into backends.transport"),
        ("testing.server", "import uvicorn", "uvicorn belongs into server"),
        ("io.image", "import swifttools.ukssdc", "no module"),
        ("query.core", "print('x')", "print outside cli"),
        ("query.core", "try:\n    x\nexcept Exception:\n    pass", "blanket"),
        ("query.core", "try:\n    x\nexcept (ValueError, BaseException):\n    pass", "blanket"),
        ("query.core", "try:\n    x\nexcept:\n    pass", "blanket"),
        ("query.core", "from numpy import *", "star import"),
    ],
)
def test_offences_are_found(module, source, expected):
    known = {f"swiftxrt.{name}" for name in ("io", "wire.status", "wire.values", "plot.image", "backends.registry")}
    assert len(found := problems(source, f"swiftxrt.{module}", modules=known)) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("products.gti", "from ..exceptions import RequestError"),
        ("products.gti", "from . import report"),
        ("mission", "from .bands import EnergyBand"),
        ("wire.status", "from ..products.report import Phase"),
        ("products.image", "class A:\n    def peek(self):\n        from ..plot import image"),
        ("products.events", "class A:\n    @classmethod\n    def read(cls):\n        from ..io.events import read"),
        ("request.bundle", "class A:\n    def to_wire(self):\n        from ..wire import request"),
        ("products.events", "def f():\n    from regions import Regions"),
        ("products.image", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from matplotlib.axes import Axes"),
        ("backends.local.products", "from ..base import Catalog\nfrom . import workers"),
        ("backends.ukssdc.products", "from ..transport import Transport"),
        ("backends.registry", "def f():\n    from .local import products"),
        ("backends.transport", "import requests\nimport urllib3"),
        ("cli.main", "print('x')\nfrom ..testing import clock"),
        ("query.core", "try:\n    x\nexcept (ValueError, OSError):\n    pass"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert problems(source, f"swiftxrt.{module}") == []


def loaded_after(statements: str) -> set[str]:
    """Modules that the statements load in a fresh interpreter."""
    code = f"import sys; before = set(sys.modules)\n{textwrap.dedent(statements)}\n"
    code += "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_but_itself():
    roots = {name.partition(".")[0] for name in loaded_after("import swiftxrt")}
    assert roots - set(sys.stdlib_module_names) == {"swiftxrt"}


HEAVY = {"astroquery", "dask", "lsdb", "matplotlib", "regions", "specutils", "starlette", "uvicorn"}
# The public modules that need a heavy package: matplotlib, specutils and astroquery.
HEAVY_MODULES = {"plot.evolution", "plot.fit", "plot.panels", "plot.timeline", "products.spectrum", "query.core"}


def test_light_names_load_no_heavy_package():
    light = [name for module, names in swiftxrt._PUBLIC.items() if module not in HEAVY_MODULES for name in names]
    roots = {name.partition(".")[0] for name in loaded_after(f"from swiftxrt import {', '.join(light)}")}
    assert roots & HEAVY == set()


def test_worker_processes_load_no_distributions():
    """scipy.stats takes a third of the start of a worker; scipy.special has the functions that are needed."""
    modules = loaded_after("import swiftxrt.engine.build, swiftxrt.engine.catalogue_rates, swiftxrt.fitting.many")
    assert "scipy.stats" not in modules


@pytest.mark.parametrize("name", swiftxrt.__all__)
def test_public_name_resolves(name):
    assert getattr(swiftxrt, name) is not None
    assert name in dir(swiftxrt)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'SwiftXTR'"):
        _ = swiftxrt.SwiftXTR


def test_type_checkers_see_the_same_public_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.asname: (node.module or "") for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert typed == {**swiftxrt._MODULE_OF, "exceptions": ""}
