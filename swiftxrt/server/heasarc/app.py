"""A stand-in for the archive of Swift at the HEASARC: queries, links, tar files, folders and the bucket in the cloud."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from anyio import to_thread
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from . import pages, votables
from .adql import AdqlError, Tables
from .columns import CATALOG, COLUMNS
from .files import ROOT, ArchiveFiles, StoredFile
from .tar import asked_folders, write_tar

__all__ = ["BUCKET_PATH", "FILES_PATH", "TAR_PATH", "VO_PATH", "Limits", "make_heasarc_app"]

#: Paths of the services below the address of the server.
VO_PATH = "/xamin/vo"
TAR_PATH = "/xamin/TarServlet"
FILES_PATH = "/FTP"
BUCKET_PATH = f"/{pages.BUCKET}"

_BODY_LIMIT = 1 << 20
_PACKED = "application/x-gzip"
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Limits:
    """How much comes at once.

    Parameters
    ----------
    keys : int
        Files that one reply of the bucket lists at most.
    rows : int or None
        Rows of a table at most; None for no limit.
    """

    keys: int = pages.MOST_KEYS
    rows: int | None = None


_NO_LIMITS = Limits()


class _Archive:
    """What all replies are made of."""

    def __init__(self, tables: Tables, files: ArchiveFiles, places: Mapping[str, str], limits: Limits) -> None:
        self.tables, self.files, self.places, self.limits = tables, files, dict(places), limits

    def links(self, numbers: Iterable[str], address: str) -> list[tuple[Any, ...]]:
        """Where the data of rows are; the address has two slashes in the middle, as at the HEASARC."""
        found: list[tuple[Any, ...]] = []
        for number in numbers:
            name = f"ivo://nasa.heasarc/{CATALOG}?{number}"
            place = self.places.get(number.rpartition("?")[2])
            if place is None:
                found.append((name, "", "No data products found", "", None))
                continue
            month, obsid = place.split("/")
            size = sum(file.size for file in self.files.below(f"{ROOT}/{place}/"))
            url = f"{address}{FILES_PATH}/{ROOT}/{month}//{obsid}/"
            found.append((name, url, "", "directory", size))
        return found


def make_heasarc_app(
    rows: Iterable[Mapping[str, Any]],
    observations: Mapping[str, Sequence[Path]],
    limits: Limits = _NO_LIMITS,
) -> Starlette:
    """Make the ASGI application; who runs it closes its ``state.tables`` at the end.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of ``swiftmastr``; what is missing in them is null.
    observations : mapping of str to sequence of Path
        The files of observations, see `ArchiveFiles`.
    limits : Limits, optional
        How much comes at once.
    """
    table = [tuple(row.get(column.name) for column in COLUMNS) for row in rows]
    obsids = {place.split("/")[1]: place for place in observations}
    number, obsid = (next(i for i, column in enumerate(COLUMNS) if column.name == name) for name in ("__row", "obsid"))
    places = {str(row[number]): obsids[str(row[obsid])] for row in table if row[obsid] in obsids}
    archive = _Archive(Tables(table), ArchiveFiles(observations), places, limits)
    calls: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("POST", f"{VO_PATH}/tap/sync", _query),
        ("GET", f"{VO_PATH}/tap/sync", _query),
        ("GET", f"{VO_PATH}/tap/tables", _tables),
        ("GET", f"{VO_PATH}/tap/tables/{{name}}", _table),
        ("POST", f"{VO_PATH}/datalink/{CATALOG}", _links),
        ("GET", f"{VO_PATH}/datalink/{CATALOG}", _links),
        ("POST", TAR_PATH, _tar),
        ("GET", f"{FILES_PATH}/{{place:path}}", _folder_or_file),
        ("GET", BUCKET_PATH, _bucket),
        ("GET", f"{BUCKET_PATH}/{{key:path}}", _object),
    )
    app = Starlette(routes=[Route(path, _endpoint(archive, call), methods=[verb]) for verb, path, call in calls])
    app.state.tables = archive.tables
    return app


def _endpoint(archive: _Archive, call: Callable[[_Archive, Request, dict[str, list[str]]], Response]) -> Any:
    async def endpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_LIMIT:
                return PlainTextResponse("request too large", status_code=413)
        text = body.decode("utf-8", "replace") or request.url.query
        return await to_thread.run_sync(call, archive, request, parse_qs(text, keep_blank_values=True))

    return endpoint


def _query(archive: _Archive, _: Request, form: dict[str, list[str]]) -> Response:
    asked = {name.upper(): values[0] for name, values in form.items()}
    try:
        wanted = [int(asked["MAXREC"])] if asked.get("MAXREC") else []
        most = min([*wanted, *([] if archive.limits.rows is None else [archive.limits.rows])], default=None)
        found = archive.tables.select(asked.get("QUERY", ""), most)
    except ValueError as error:
        if not isinstance(error, AdqlError):
            error = ValueError(f"MAXREC must be a whole number; got {asked['MAXREC'][:60]}")
        return Response(votables.error_table(str(error)), status_code=400, media_type=votables.MEDIA_TYPE)
    return Response(votables.rows_table(found), media_type=votables.MEDIA_TYPE)


def _tables(_archive: _Archive, _: Request, _form: dict[str, list[str]]) -> Response:
    return Response(votables.tables_page(), media_type="text/xml")


def _table(_archive: _Archive, request: Request, _form: dict[str, list[str]]) -> Response:
    if request.path_params["name"] != CATALOG:
        return PlainTextResponse("no such table", status_code=404)
    return Response(votables.tables_page(), media_type="text/xml")


def _links(archive: _Archive, request: Request, form: dict[str, list[str]]) -> Response:
    numbers = [value for name, values in form.items() if name.upper() == "ID" for value in values]
    address = str(request.base_url).rstrip("/")
    return Response(votables.links_table(archive.links(numbers, address)), media_type=votables.MEDIA_TYPE)


def _tar(archive: _Archive, _: Request, form: dict[str, list[str]]) -> Response:
    folders = asked_folders("".join(form.get("files", [])))
    scratch = tempfile.TemporaryDirectory(prefix="swiftxrt-")
    path = Path(scratch.name) / "heasarc-data.tar"
    if not write_tar(archive.files, folders, path):
        scratch.cleanup()
        return PlainTextResponse("no files found", status_code=404)
    return FileResponse(path, media_type="application/x-tar", background=BackgroundTask(scratch.cleanup))


def _folder_or_file(archive: _Archive, request: Request, _form: dict[str, list[str]]) -> Response:
    place = re.sub("/+", "/", request.path_params["place"])
    folder = place.strip("/")
    file = archive.files.find(folder)
    if file is not None and not place.endswith("/"):
        return _sent(file)
    entries = archive.files.listing(folder)
    if entries is None:
        return HTMLResponse("<html><head><title>404 Not Found</title></head><body>Not Found</body></html>", 404)
    address = quote(f"{FILES_PATH}/{folder}/" if folder else f"{FILES_PATH}/")
    if folder and not place.endswith("/"):
        return RedirectResponse(address, status_code=301)
    return HTMLResponse(pages.folder_page(address, entries))


def _bucket(archive: _Archive, request: Request, _form: dict[str, list[str]]) -> Response:
    try:
        return Response(
            pages.bucket_page(archive.files, request.query_params, archive.limits.keys), media_type="application/xml"
        )
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)


def _object(archive: _Archive, request: Request, form: dict[str, list[str]]) -> Response:
    key = request.path_params["key"]
    if not key:  # the address of the bucket with a slash at its end
        return _bucket(archive, request, form)
    file = archive.files.find(key)
    if file is None:
        return Response(pages.missing_key(key), status_code=404, media_type="application/xml")
    return _sent(file)


def _sent(file: StoredFile) -> Response:
    return FileResponse(file.path, media_type=_PACKED if file.key.endswith(".gz") else _UNKNOWN)
