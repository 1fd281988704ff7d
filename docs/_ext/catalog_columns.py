"""``catalog-columns``: the columns of a table of a catalogue, from the tables that the package decodes them with.

The argument is a catalogue and a table, such as ``LSXPS sources``; with the option ``beyond``, only the columns that
another table of the catalogue does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import astropy.units as u
from docutils.parsers.rst import directives
from parameter_tables import _Table, list_table
from sphinx.application import Sphinx

from swiftxrt.catalog_fields import CatalogField, fields_of

#: What values of a kind are; numbers have their unit instead.
KINDS = {
    "flag": "true or false",
    "text": "text",
    "int": "whole number",
    "met": "time",
    "mjd": "time",
    "jd_tdb": "time (TDB)",
    "utc": "time",
    "uk_date": "time",
    "obsid": "text, 11 digits",
    "target_id": "text, 8 digits",
    "table": "table",
    "object": "mapping",
    "list": "list",
}


def rows(fields: Mapping[str, CatalogField]) -> Iterator[tuple[str, ...]]:
    """Names, units or kinds, descriptions and descriptors; a star marks the usual columns."""
    yield "Column", "Unit or kind", "Meaning", "UCD"
    for field in fields.values():
        unit = u.Unit(field.unit)
        shown = unit.to_string() if unit.is_equivalent(u.deg) else unit.to_string("unicode")
        kind = shown if field.unit else KINDS.get(field.kind, "")
        mark = " \\*" if field.is_default else ""
        words = "; ".join(f"``{word}``" for word in filter(None, field.ucd.split(";")))
        yield f"``{field.name}``{mark}", kind, field.description, words


class CatalogColumns(_Table):
    """Columns of a table of a catalogue."""

    has_content = False
    option_spec = {**_Table.option_spec, "beyond": directives.unchanged_required}

    def lines(self) -> Iterator[str]:
        catalog, table = self.arguments[0].split()
        fields = fields_of(catalog, table)
        if not fields:
            raise ValueError(f"nothing is known of {catalog} {table}")
        if other := self.options.get("beyond"):
            known = fields_of(catalog, other)
            fields = {name: field for name, field in fields.items() if name not in known}
        yield from list_table(list(rows(fields)), self.options.get("widths", "27 12 38 23"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_directive("catalog-columns", CatalogColumns)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
