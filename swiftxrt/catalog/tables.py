"""Whole tables, kept on this computer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from .._atomic import output_errors, usable_folder
from .._fields import nearest
from .._filelock import hold
from .._log import log
from ..config import cache_folder, conf
from ..exceptions import NoDataError, OfflineError, ProtocolError, RequestError, ServiceUnavailableError
from ..io.catalog_files import ENDINGS, KeptTable, import_table, open_table, read_columns
from ..products.catalog_table import catalog_table
from ..request.catalog import CatalogQuery
from ..wire import sxps_tables as wire
from .protocol import CatalogBackend
from .tablequery import select_rows

__all__ = ["epochs_table", "get_table", "kept_table", "query_table", "read_table"]

_Columns = dict[str, NDArray[Any]]

_FOLDER = "tables"
_SUFFIX = ".parquet"
#: The only catalogue whose tables change.
_LIVING = "LSXPS"
_FINAL = "final"
# What begins the names of the versions of a file that were the newest, and that were asked for.
_CURRENT, _EPOCH = "current", "epoch"


def epochs_table(backend: CatalogBackend) -> Table:
    """The earlier versions of the tables of LSXPS, oldest first."""
    found = wire.read_epochs(backend.ask(wire.EPOCHS, {}))
    times = Time(np.array([one.time for one in found], dtype="datetime64[us]").astype(str), format="isot", scale="utc")
    columns = {
        "epoch": np.array([one.name for one in found], dtype=str),
        "interval": np.array([one.interval for one in found], dtype=str),
        "time": times,
    }
    return Table(columns, meta={"catalog": _LIVING, "service": backend.service})


def get_table(backend: CatalogBackend, query: CatalogQuery, *, epoch: str | None = None) -> QTable:
    """A table, or some columns of it, after getting it if it is not here or there is a newer one.

    Parameters
    ----------
    backend : CatalogBackend
        Where it is from.
    query : CatalogQuery
        Catalogue, table, subset and columns are looked at.
    epoch : str, optional
        Name of an earlier version; by default the newest.

    Raises
    ------
    RequestError
        If there is no such version, table or column.
    OfflineError
        If ``conf.offline`` is set and the table is not on this computer.
    FormatError
        If what came is another table, or damaged.
    ServiceError
        If it cannot be had.
    StorageError
        If it cannot be kept.
    """
    _check(query, epoch)
    if conf.offline:
        kept, columns = _newest(backend, query, epoch), None
        if kept is None:
            text = f"conf.offline is set, and the table {_title(query)} is not on this computer"
            raise OfflineError(f"{text}; get it once with conf.offline = False")
    else:
        kept, columns = _refreshed(backend, query, epoch)
    return read_table(open_table(kept), query, columns)


def query_table(backend: CatalogBackend, query: CatalogQuery) -> QTable:
    """Rows of the newest version of a table on this computer; nobody is asked.

    Raises
    ------
    NoDataError
        If it is not here.
    RequestError
        If the query does not fit the table.
    """
    path = _newest(backend, query, None)
    if path is None:
        known = f"SwiftXRT.get_catalog_table({query.table!r}, catalog={query.catalog!r}"
        subset = f", subset={query.subset!r})" if query.subset else ")"
        advice = (
            f"get it once with {known}{subset}"
            if query.info.is_sxps
            else "it is not there as a whole: leave out offline"
        )
        raise NoDataError(f"the table {_title(query)} is not on this computer; {advice}")
    kept = open_table(path)
    return select_rows(kept, query, meta=_told(kept))


def kept_table(backend: CatalogBackend, query: CatalogQuery) -> KeptTable | None:
    """The newest version of a table on this computer, if there is one."""
    path = _newest(backend, query, None)
    return None if path is None else open_table(path)


def read_table(kept: KeptTable, query: CatalogQuery, columns: _Columns | None = None) -> QTable:
    """The columns that a query names, by default all, of a table on this computer; read unless they are given."""
    names = _names(query)
    names = list(kept.fields) if names is None else names
    problems = [
        ("columns", f"{_title(query)} has no column {name!r}{nearest(name, kept.fields, most=3)}")
        for name in names
        if name not in kept.fields
    ]
    if problems:
        raise RequestError(problems, "catalogue table")
    lon, lat = query.position_columns
    columns = read_columns(kept.path, names) if columns is None else {name: columns[name] for name in names}
    meta = {"catalog": query.catalog, "table": query.table, **_told(kept)}
    return catalog_table(columns, kept.fields, positions={"position": (lon, lat)}, meta=meta)


def _names(query: CatalogQuery) -> list[str] | None:
    """The columns that are wanted; None for all."""
    return None if query.columns in (None, "all") else list(query.columns)


def _told(kept: KeptTable) -> dict[str, Any]:
    """What the metadata of a table say about the version it is from."""
    if conf.offline:
        log.info("the version of %s of %s %s is used", kept.meta["version"], kept.meta["catalog"], kept.meta["table"])
    return {key: value for key, value in kept.meta.items() if value is not None}


def _check(query: CatalogQuery, epoch: str | None) -> None:
    if not query.info.is_sxps:
        text = "whole tables are there of LSXPS and 2SXPS; query_catalog gets all rows of the others"
        raise RequestError([("catalog", f"{text}; got {query.catalog!r}")], "catalogue table")
    if epoch is None:
        return
    if not isinstance(epoch, str) or not epoch.strip():
        text = "the name of an epoch is needed, such as '2022-08-17'; SwiftXRT.list_catalog_epochs() lists them"
        raise RequestError([("epoch", f"{text}; got {epoch!r:.60}")], "catalogue table")
    if query.catalog != _LIVING:
        raise RequestError([("epoch", f"{query.catalog} does not change and has no epochs")], "catalogue table")


def _refreshed(backend: CatalogBackend, query: CatalogQuery, epoch: str | None) -> tuple[Path, _Columns | None]:
    """The version that is wanted, from here or from the service, and its columns if they have just been read."""
    folder = usable_folder(_folder(backend))
    with _alone(folder / f"{_stem(query)}.lock"):
        if epoch is not None and (found := _file(backend, query, _EPOCH, _stamp(epoch))).is_file():
            return found, None
        version, stamp = _version(backend, query, epoch)
        path = _file(backend, query, _CURRENT if epoch is None else _EPOCH, stamp)
        if path.is_file():
            return path, None
        columns = _download(backend, query, epoch, version, path)
        if epoch is None:
            _remove_older(path, query)
        return path, columns


def _version(backend: CatalogBackend, query: CatalogQuery, epoch: str | None) -> tuple[str, str]:
    """Name and stamp of the version that the service would give now."""
    if query.catalog != _LIVING:
        return query.catalog, _FINAL
    epochs = wire.read_epochs(backend.ask(wire.EPOCHS, {}))
    if epoch is None:
        if not epochs:  # a service that keeps no earlier versions: one a day
            today = datetime.now(UTC)
            return f"{today:%Y-%m-%d}", f"{today:%Y%m%d}T000000"
        return epochs[-1].name, epochs[-1].stamp
    names = {one.name: one for one in epochs}
    if epoch not in names:
        text = f"there is no version {epoch!r:.60}{nearest(epoch, names, most=3)}"
        raise RequestError([("epoch", f"{text}; SwiftXRT.list_catalog_epochs() lists all")], "catalogue table")
    return epoch, _stamp(epoch)


def _download(backend: CatalogBackend, query: CatalogQuery, epoch: str | None, version: str, path: Path) -> _Columns:
    """Get a table from the service and keep it; the columns that are wanted."""
    table = str(query.table)
    content = backend.ask(wire.TABLE, wire.table_request(query.catalog, table, query.subset, epoch))
    url, name = wire.read_table_file(content)
    ending = next((one for one in sorted(ENDINGS, key=len, reverse=True) if name.endswith(one)), None)
    if ending is None:
        raise ProtocolError(f"a table with one of the endings {', '.join(ENDINGS)} was promised; got {name!r}")
    log.info("the table %s of %s is downloaded", _title(query), version)
    # Of the newest version always the same name: what is left of a download that broke off is taken up or replaced.
    raw = path.with_name(f"{_stem(query)}_{_stamp(epoch) if epoch else _CURRENT}{ending}")
    try:
        backend.fetch(url, raw, overwrite=True)
        meta = {
            "subset": query.subset,
            "version": version,
            "source_file": name,
            "service": backend.service,
            "retrieved": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        }
        about = {"catalog": query.catalog, "table": table, **meta}
        return import_table(raw, path, query.catalog, table, about, names=_names(query))
    finally:
        with output_errors(raw):
            raw.unlink(missing_ok=True)


def _newest(backend: CatalogBackend, query: CatalogQuery, epoch: str | None) -> Path | None:
    """The newest file of a table, or that of an epoch."""
    if epoch is not None:
        path = _file(backend, query, _EPOCH, _stamp(epoch))
        return path if path.is_file() else None
    found = [*_files(_folder(backend), query, _CURRENT), *_files(_folder(backend), query, _EPOCH)]
    return max(found, key=lambda path: path.stem.rpartition("_")[2], default=None)


def _remove_older(path: Path, query: CatalogQuery) -> None:
    """Remove what the newest version has replaced; versions that were asked for by name stay."""
    for other in _files(path.parent, query, _CURRENT):
        if other != path:
            try:
                other.unlink(missing_ok=True)
            except OSError as error:  # somebody reads it, on some systems
                log.debug("%s cannot be removed: %s", other, error)


def _files(folder: Path, query: CatalogQuery, kind: str) -> Iterator[Path]:
    return folder.glob(f"{_stem(query)}_{kind}_*{_SUFFIX}")


def _folder(backend: CatalogBackend) -> Path:
    """Where the tables of a service are."""
    return cache_folder() / _FOLDER / hashlib.sha256(backend.service.encode()).hexdigest()[:16]


def _file(backend: CatalogBackend, query: CatalogQuery, kind: str, stamp: str) -> Path:
    return _folder(backend) / f"{_stem(query)}_{kind}_{stamp}{_SUFFIX}"


def _stem(query: CatalogQuery) -> str:
    return f"{query.catalog}_{query.table}_{query.subset or 'all'}"


def _stamp(epoch: str) -> str:
    """The name of an epoch as a part of a file name; those of days come before those of their hours."""
    return "".join(letter for letter in epoch.replace(" ", "T", 1).removesuffix(" UTC") if letter.isalnum())[:60]


def _title(query: CatalogQuery) -> str:
    return f"{query.catalog} {query.table}" + (f" ({query.subset})" if query.subset else "")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One download of a table at a time, across processes."""
    try:
        with hold(path, conf.total_timeout):
            yield
    except TimeoutError as error:
        raise ServiceUnavailableError("another process has been getting this table for too long; try again") from error
