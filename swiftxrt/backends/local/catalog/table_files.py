"""Whole tables and their earlier versions, in the words of the service."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...._fields import nearest
from ....catalog_fields import CatalogInfo, catalog_info, table_name
from ....exceptions import RequestRejectedError
from ....io.catalog_export import write_catalog_table
from ....wire.sxps_tables import EPOCHS, TABLE
from .build import epoch_paths
from .clock import FORM
from .making import kept_file, place_for
from .store import CatalogStore
from .tables import columns_of, query_rows

__all__ = ["FUNCTIONS", "epochs", "table_file"]

_FORMS = ("csv", "fits")
_SUBSETS = {"clean": "clean", "ultraclean": "ultra-clean", "ultra-clean": "ultra-clean"}
_STAMP = "%Y%m%dT%H%M%S"
#: Tables in the names of files.
_TITLES = {"obssources": "ObsSources", "oldstacks": "OldStacks"}
_MOST_ROWS = 2**31 - 1


def epochs(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The versions of the tables that can be had, by hour and by day; the last one is the current one.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the tables.
    content : mapping
        Not used.
    base_url : str
        Not used.
    """
    found: dict[str, Any] = {"hourly": {}, "daily": {}}
    info = catalog_info("LSXPS")
    for name, stamp in _epoch_names(catalog).items():
        tables = {table: f"{_stem(info, table)}_{stamp}.csv.gz" for table in info.tables}
        found["hourly" if name.endswith("UTC") else "daily"][name] = tables
    return found


def table_file(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The file with a table.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the tables.
    content : mapping
        Of the call: ``whichCat``, ``table``, ``format`` and, if wanted, ``subset`` and ``epoch``.
    base_url : str
        Address under which the client sees the server.
    """
    info = catalog_info(content.get("whichCat") or "LSXPS")
    if not info.is_sxps:
        raise RequestRejectedError(f"whole tables are there of LSXPS and 2SXPS; whichCat was {info.name}")
    table = table_name(info.name, content.get("table"))
    form = str(content.get("format") or _FORMS[0]).lower()
    if form not in _FORMS:
        raise RequestRejectedError(f"format must be csv or fits; got {content['format']!r:.40}")
    subset, stamp = _subset(content), _asked_epoch(catalog, info, content)
    name = "_".join(part for part in (_stem(info, table), subset, stamp) if part)
    path = place_for(catalog, "tables", f"{name}.{form}{'.gz' if stamp else ''}")
    with catalog.making, _opened(catalog, stamp) as store:
        kept_file(path, lambda new: _write(store, info.name, table, subset, form, new))
    return {"URL": catalog.address(path, base_url), "FILE": path.name}


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {EPOCHS: epochs, TABLE: table_file}


def _stem(info: CatalogInfo, table: str) -> str:
    return f"{info.name}_{_TITLES.get(table, table.title())}"


def _subset(content: Mapping[str, Any]) -> str:
    """Name of the part of the table; empty for all of it."""
    given = content.get("subset")
    if given is None:
        return ""
    word = str(given).strip().lower()
    if word not in _SUBSETS:
        raise RequestRejectedError(f"subset must be clean or ultra-clean; got {given!r:.40}")
    return _SUBSETS[word]


def _asked_epoch(catalog: Any, info: CatalogInfo, content: Mapping[str, Any]) -> str:
    """Stamp of the version that is asked for; empty for the current one."""
    epoch = content.get("epoch")
    if epoch is None:
        return ""
    if info.name != "LSXPS":
        raise RequestRejectedError(f"{info.name} does not change and has no epochs")
    names = _epoch_names(catalog)
    if epoch not in names:
        raise RequestRejectedError(f"there is no epoch {str(epoch)[:40]!r}{nearest(str(epoch)[:40], names)}")
    return names[epoch]


def _epoch_names(catalog: Any) -> dict[str, str]:
    """Names of the versions, and when they were made: all by the second, and the last of each day by the day."""
    current = datetime.strptime(catalog.store.about["made"], FORM)
    made = sorted({*(datetime.strptime(stamp, _STAMP) for stamp in epoch_paths(catalog.folder)), current})
    hourly = {f"{one:{FORM}} UTC": f"{one:{_STAMP}}" for one in made}
    return hourly | {f"{one:%Y-%m-%d}": f"{one:{_STAMP}}" for one in made}


@contextmanager
def _opened(catalog: Any, stamp: str) -> Iterator[CatalogStore]:
    """The tables of a version."""
    path = epoch_paths(catalog.folder).get(stamp)
    if path is None:  # the current one
        yield catalog.store
        return
    store = CatalogStore(path)
    try:
        yield store
    except sqlite3.DatabaseError as error:
        raise RequestRejectedError(f"the tables of the epoch {stamp} are damaged: {error}") from error
    finally:
        store.close()


def _write(store: CatalogStore, catalog: str, table: str, subset: str, form: str, path: Path) -> None:
    columns = columns_of(store, catalog, table)
    question = {"database": catalog, "table": table, "cols": list(columns), "numRows": _MOST_ROWS}
    held = SimpleNamespace(store_of=lambda info: store, opened_store=lambda info: store)
    rows = query_rows(held, {**question, "subset": subset or None}, "")["Results"]
    write_catalog_table(rows, columns, path, form=form, overwrite=True)
