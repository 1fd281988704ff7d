"""Tables that are made from the code when the documentation is built.

``parameter-table``
    the parameters of a request class,
``column-table``
    columns of a product with the units they have in the code; the meaning of
    each stands in the body, which must name every column and no other,
``swifttools-table``
    parameters of swifttools and what they are called here; the body adds what
    the definitions do not say,
``config-table``
    settings with their defaults, those that are named or ``all``.

A name that the code does not know is a warning, that is, an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import astropy.units as u
from astropy.config import ConfigItem
from astropy.coordinates import SkyCoord
from astropy.time import Time
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from swiftxrt._fields import Record, parameter_table, wire_keys
from swiftxrt.config import Conf
from swiftxrt.products._curve import Curve
from swiftxrt.products.sources import COLUMN_UNITS, SourceList
from swiftxrt.wire.names import ALIASES, SWIFTTOOLS_NAMES

# Between where a parameter of swifttools is found here and what is different about it.
_SEPARATOR = " -- "


def find(path: str) -> Any:
    """An object by its dotted name.

    Raises
    ------
    ValueError
        If there is none.
    """
    module, *names = path.split(".")
    found = import_module(module)
    for name in names:
        module = f"{module}.{name}"
        if not hasattr(found, name):
            try:
                import_module(module)
            except ImportError:
                raise ValueError(f"there is no {path}") from None
        found = getattr(found, name)
    return found


def list_table(rows: list[tuple[str, ...]], widths: str) -> list[str]:
    """A table in reStructuredText, its first row the header; a cell may have several lines."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: code-table", f"   :widths: {widths}", ""]
    for row in rows:
        for number, cell in enumerate(row):
            first, *others = cell.splitlines() or [""]
            lines.append(f"   {'  -' if number else '* -'} {first}".rstrip())
            lines += [f"       {line}".rstrip() for line in others]
    return lines


def read_body(lines: list[str]) -> dict[str, str]:
    """The field list in the body of a directive: ``:name: text``, continued on indented lines.

    Raises
    ------
    ValueError
        If a line is neither, or a name is given twice.
    """
    entries: dict[str, str] = {}
    name = ""
    for line in filter(str.strip, lines):
        if line.startswith(":") and ":" in line[1:]:
            name, _, text = line[1:].partition(":")
            if name in entries:
                raise ValueError(f"{name!r} is given twice")
            entries[name] = text.strip()
        elif name and line[0].isspace():
            entries[name] = f"{entries[name]} {line.strip()}".strip()
        else:
            raise ValueError(f"lines like ':name: text' are needed; got {line!r}")
    return entries


def columns_of(owner: Any) -> dict[str, Any]:
    """Columns of a class of products, or of a table: name to unit or to type.

    Raises
    ------
    ValueError
        If it has none.
    """
    if isinstance(owner, Mapping):
        return dict(owner)
    if isinstance(owner, type) and issubclass(owner, Curve):
        return {"time": Time, **owner._schema}
    if owner is SourceList:
        return {"source_number": int, "position": SkyCoord, **COLUMN_UNITS, "quality": int}
    raise ValueError(f"{owner!r} has no columns")


def config_rows(names: list[str]) -> list[tuple[str, ...]]:
    """Settings with their defaults and what they mean.

    Raises
    ------
    ValueError
        If there is no setting of a name.
    """
    known = {name: item for name, item in vars(Conf).items() if isinstance(item, ConfigItem)}
    if unknown := set(names) - {"all", *known}:
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
    rows = [("Setting", "Default", "Meaning")]
    for name in known if names == ["all"] else names:
        default = known[name].defaultvalue
        rows.append((f"``{name}``", f"``{default}``" if default != "" else "", known[name].description))
    return rows


def column_rows(columns: Mapping[str, Any], meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Columns with their units from the code and their meanings from the page.

    Raises
    ------
    ValueError
        If the page leaves out a column, or names one that does not exist.
    """
    # A name may stand for several columns: ``rate_err_neg, rate_err_pos``.
    named = {name.strip() for names in meanings for name in names.split(",")}
    if named != set(columns):
        raise ValueError(
            f"columns not described: {sorted(set(columns) - named)}; unknown: {sorted(named - set(columns))}"
        )
    rows = [("Column", "Unit", "Meaning")]
    for names, meaning in meanings.items():
        parts = [name.strip() for name in names.split(",")]
        units = dict.fromkeys(_unit(columns[name]) for name in parts)
        rows.append((", ".join(f"``{name}``" for name in parts), ", ".join(units), meaning))
    return rows


def _unit(kind: Any) -> str:
    """Unit, or type, of a column."""
    if isinstance(kind, type):
        return (
            ""
            if kind is float
            else f"`~{kind.__module__}.{kind.__name__}`"
            if "." in kind.__module__
            else kind.__name__
        )
    unit = u.Unit(kind)
    # The signs of minutes and seconds of arc alone are hardly seen.
    return unit.to_string() if unit.is_equivalent(u.deg) else unit.to_string("unicode")


def swifttools_rows(classes: list[tuple[str, type[Record]]], remarks: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Parameters of swifttools, what they are called here, and what is different.

    Parameters
    ----------
    classes : list of (str, type)
        Request classes with the name under which users meet them.
    remarks : mapping of str to str
        Remarks by key of the service; ``place -- remark`` for a key that no
        field has.

    Raises
    ------
    ValueError
        If a remark is about a key that nobody has, or a key has no place.
    """
    places: dict[tuple[str, ...], list[str]] = {}
    notes: dict[tuple[str, ...], list[str]] = {}
    for title, cls in classes:
        for field in cls.__record_fields__:
            if keys := tuple(key for key in wire_keys(field) if key in SWIFTTOOLS_NAMES):
                places.setdefault(keys, []).append(f"``{title}.{field.name}``")
                notes.setdefault(keys, []).append(field.metadata["kind"].describe())
    for key, remark in remarks.items():
        place, separator, text = remark.rpartition(_SEPARATOR)
        keys = next((keys for keys in places if key in keys), (key,))
        if key not in SWIFTTOOLS_NAMES:
            raise ValueError(f"{key!r} is no parameter of swifttools")
        if not separator and keys not in places:
            raise ValueError(f"say where {key!r} is found: 'place -- remark'")
        places[keys] = [place] if separator else places[keys]
        notes[keys] = [text] if separator else [*notes[keys], text]
    rows = [("There", "Key", "Here", "What changes")]
    for keys, place in places.items():
        spellings = dict.fromkeys(spelling for key in keys for spelling in (key, *ALIASES.get(key, ())))
        rows.append(
            (
                ", ".join(f"``{SWIFTTOOLS_NAMES[key]}``" for key in keys),
                ", ".join(f"``{spelling}``" for spelling in spellings),
                " or ".join(dict.fromkeys(place)),
                ". ".join(text.rstrip(".") for text in dict.fromkeys(notes[keys]) if text),
            )
        )
    return rows


class _Table(SphinxDirective):
    """A directive that writes reStructuredText and has it parsed."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"widths": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        try:
            text = list(self.lines())
        except ValueError as error:
            raise self.error(str(error)) from None
        # Pages are built anew when the code changes, as far as Sphinx can know: always.
        self.env.note_reread()
        holder = nodes.Element()
        self.state.nested_parse(StringList(text, source=f"<{self.name}>"), self.content_offset, holder)
        return holder.children

    def lines(self) -> Iterator[str]:
        """The text to parse."""
        raise NotImplementedError


class ParameterTable(_Table):
    """Parameters of a request class."""

    has_content = False

    def lines(self) -> Iterator[str]:
        cls = find(self.arguments[0])
        if not (isinstance(cls, type) and issubclass(cls, Record)):
            raise ValueError(f"{self.arguments[0]} is no request class")
        if not cls.__record_fields__:
            yield "*No parameters.*"
            return
        head, *rest = parameter_table(cls).splitlines()
        widths = self.options.get("widths", "19 20 14 13 34")
        yield from (head, "   :class: code-table", f"   :widths: {widths}", *rest)


class ColumnTable(_Table):
    """Columns of a product."""

    def lines(self) -> Iterator[str]:
        columns = columns_of(find(self.arguments[0]))
        yield from list_table(
            column_rows(columns, read_body(list(self.content))), self.options.get("widths", "34 12 54")
        )


class SwifttoolsTable(_Table):
    """Parameters of swifttools."""

    def lines(self) -> Iterator[str]:
        classes = [(name.rpartition(".")[2], find(name)) for name in self.arguments[0].split()]
        rows = swifttools_rows(classes, read_body(list(self.content)))
        yield from list_table(rows, self.options.get("widths", "16 16 31 37"))


class ConfigTable(_Table):
    """Settings."""

    has_content = False

    def lines(self) -> Iterator[str]:
        yield from list_table(config_rows(self.arguments[0].split()), self.options.get("widths", "24 20 56"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_directive("parameter-table", ParameterTable)
    app.add_directive("column-table", ColumnTable)
    app.add_directive("swifttools-table", SwifttoolsTable)
    app.add_directive("config-table", ConfigTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
