"""Replies of the Virtual Observatory: tables, errors, what tables there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .adql import Found
from .columns import CATALOG, COLUMNS

__all__ = ["MEDIA_TYPE", "error_table", "links_table", "rows_table", "tables_page"]

MEDIA_TYPE = "application/x-votable+xml"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OPEN = '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
_CLOSE = "</RESOURCE></VOTABLE>\n"
_KNOWN = {column.name: column for column in COLUMNS}
_TEXT = 'datatype="char" arraysize="*"'
#: As the HEASARC has it: the ID of the column of the ObsIDs is another one than its name.
_IDS = {"obsid": "DataLinkID"}
#: Units of the list of columns, and how tables with rows spell them.
_UNITS = {"degree": "deg", "mjd": "d"}
_LINKS = (
    ("ID", _TEXT),
    ("access_url", _TEXT),
    ("service_def", _TEXT),
    ("error_message", _TEXT),
    ("semantics", _TEXT),
    ("description", _TEXT),
    ("content_type", _TEXT),
    ("content_length", 'datatype="long" unit="byte"'),
)


def rows_table(found: Found) -> str:
    """The reply to a query."""
    fields = [_field(name, [row[number] for row in found.rows]) for number, name in enumerate(found.names)]
    status = '<INFO name="QUERY_STATUS" value="OK"/>'
    cut = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>' if found.is_cut else ""
    return f"{_HEAD}{_OPEN}{status}{_table(fields, found.rows)}{cut}{_CLOSE}"


def error_table(message: str) -> str:
    """The reply to a query that cannot be answered."""
    return f'{_HEAD}{_OPEN}<INFO name="QUERY_STATUS" value="ERROR">{escape(message)}</INFO>{_CLOSE}'


def links_table(rows: Iterable[Sequence[Any]]) -> str:
    """Where the data of some rows are: values of ID, access_url, error_message, content_type and content_length."""
    full = [(one, url, "", said, "#this", "", kind, size) for one, url, said, kind, size in rows]
    fields = [f"<FIELD name={quoteattr(name)} {kind}/>" for name, kind in _LINKS]
    status = '<INFO name="QUERY_STATUS" value="OK"/>'
    return f"{_HEAD}{_OPEN}{status}{_table(fields, full)}{_CLOSE}"


def tables_page() -> str:
    """Which tables there are, with all columns."""
    return (
        f'{_HEAD}<vosi:tableset xmlns:vosi="http://www.ivoa.net/xml/VOSITables/v1.0" '
        'xmlns:vod="http://www.ivoa.net/xml/VODataService/v1.1" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><schema><name>public</name>'
        f"{table_page()}</schema></vosi:tableset>\n"
    )


def table_page() -> str:
    """One table with its columns."""
    columns = "".join(
        f"<column><name>{column.name}</name><description>{escape(column.text)}</description>"
        f"<unit>{column.unit}</unit>"
        f'<dataType xsi:type="vod:VOTableType">{column.kind}</dataType></column>'
        for column in COLUMNS
    )
    return f"<table><name>{CATALOG}</name><description>Swift Master Catalog</description>{columns}</table>"


def _field(name: str, values: Sequence[Any]) -> str:
    known = _KNOWN.get(name)
    kind = known.kind if known is not None else _kind_of(values)
    spelt = _TEXT if kind == "char" else f'datatype="{kind}"'
    unit = f" unit={quoteattr(_UNITS.get(known.unit, known.unit))}" if known is not None and known.unit else ""
    return f"<FIELD ID={quoteattr(_IDS.get(name, name))} name={quoteattr(name)} {spelt}{unit}/>"


def _kind_of(values: Sequence[Any]) -> str:
    there = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in there) and there:
        return "long"
    return "double" if all(isinstance(value, int | float) for value in there) and there else "char"


def _table(fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = "".join(f"<TR>{''.join(map(_cell, row))}</TR>" for row in rows)
    return f"<TABLE>{''.join(fields)}<DATA><TABLEDATA>{lines}</TABLEDATA></DATA></TABLE>"


def _cell(value: Any) -> str:
    if value is None:
        return "<TD/>"
    return f"<TD>{escape(value) if isinstance(value, str) else repr(value)}</TD>"
