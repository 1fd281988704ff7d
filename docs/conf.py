"""Settings of the documentation; it builds without a network."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swiftxrt import __version__

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

os.environ["MPLBACKEND"] = "Agg"
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "swiftxrt"
author = "swiftxrt developers"
copyright = f"{datetime.now(UTC).year}, {author}"  # the name is Sphinx's
release = __version__
version = ".".join(release.split(".")[:2])

extensions = [
    "catalog_columns",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "parameter_tables",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_automodapi.automodapi",
    "sphinx_automodapi.smart_resolver",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_ext", "conftest.py", "tutorial_sources"]
templates_path: list[str] = []
default_role = "obj"

plot_formats = [("png", 120)]
plot_html_show_source_link = False
plot_html_show_formats = False
plot_include_source = True

# The tutorials are run while the pages are built. Names are those of docs/_ext/tutorials.py.
sphinx_gallery_conf = {
    "examples_dirs": "tutorial_sources",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "tutorials.ReadingOrder",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib", "tutorials.clean_start"),
    "reset_modules_order": "both",
    "first_notebook_cell": '# python -m pip install "swiftxrt[server,tables]"\n%matplotlib inline',
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e6,  # how fast the machine is that builds the pages concerns nobody
    "write_computation_times": False,
}

automodapi_toctreedirnm = "api"
automodsumm_inherited_members = False
autodoc_typehints = "none"  # the types, with units and shapes, are in the docstrings
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Every reference must lead somewhere. Names of other packages are exempt: their
# indexes are on the network. `sphinx-build -t online` fetches them and links.
nitpicky = True
EXTERNAL = {
    "astropy": "https://docs.astropy.org/en/stable/",
    "astroquery": "https://astroquery.readthedocs.io/en/latest/",
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "python": "https://docs.python.org/3/",
    "regions": "https://astropy-regions.readthedocs.io/en/stable/",
    "requests": "https://requests.readthedocs.io/en/latest/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "specutils": "https://specutils.readthedocs.io/en/stable/",
}
nitpick_ignore_regex = [
    (r"py:.*", rf"({'|'.join(EXTERNAL)}|dask|hypothesis|lsdb|pytest|starlette|stingray|uvicorn)(\..*)?"),
    # The standard library.
    (
        r"py:.*",
        r"(abc|asyncio|collections|concurrent|contextlib|datetime|enum|functools|logging|os|pathlib|typing)\..*",
    ),
    # Private base classes.
    (r"py:class", r"swiftxrt\..*\b_\w+.*"),
    # Builtins and base classes without a module, from the "Bases:" lines.
    (r"py:.*", r"(bool|bytes|dict|float|frozenset|int|list|object|set|str|tuple|type|None|True|False)"),
]

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["tables.css", "tutorials.css"]
html_title = f"swiftxrt {version}"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "swiftxrt"},
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
# Next to the pages at the top there is nothing to list; tutorials need the room for their code.
html_sidebars = {"*": [], "tutorials/*": []}


def resolve_by_ending(app: Sphinx, env: Any, node: Any, contnode: nodes.Element) -> nodes.Element | None:
    """Link ``GTI.exposure`` or ``swiftxrt.products.gti.GTI`` to where the object is documented.

    Public objects are documented under their public name, ``swiftxrt.GTI``;
    docstrings may use the short name or that of the module that defines them.
    An inherited member leads to its class. A plain lower-case word is the name
    of a parameter or a column and leads nowhere.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if target.isidentifier() and target.islower() and target != "swiftxrt":
        return contnode
    parts = target.split(".")
    wanted = [".".join(parts[start:]) for start in range(len(parts))] if parts[0] == "swiftxrt" else [target]
    wanted += [name.rpartition(".")[0] for name in wanted if name.count(".") == 1]
    domain = env.get_domain("py")
    for ending in wanted:
        names = [name for name in domain.objects if name == ending or name.endswith(f".{ending}")]
        if names:
            name = min(names, key=lambda found: (found.count("."), found))
            page = node.get("refdoc", env.docname)
            return domain.resolve_xref(env, page, app.builder, "obj", name, node, contnode)
    return None


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("missing-reference", resolve_by_ending, priority=700)
    if app.tags.has("online"):
        app.setup_extension("sphinx.ext.intersphinx")
        app.config.intersphinx_mapping = {name: (address, None) for name, address in EXTERNAL.items()}
