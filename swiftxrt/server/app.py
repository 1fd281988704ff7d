"""The embedded server: the product service's protocol around any backend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..jobs.protocol import HostingBackend
from .expiry import Expiry
from .files import ProductFiles
from .handlers import API_PATH, PATHS, Service
from .limits import DEFAULT_JOB_LIMIT, JobLimit
from .payload import read_payload
from .users import UserRegistry

__all__ = ["make_app"]

_BODY_LIMIT = 1 << 20
#: Threads for quick calls such as polls, and others for what takes its time: reading
#: products and packing archives. So a poll never waits for an archive, and the few
#: slow ones at a time do not get in each other's way; nor does either wait for who waits
#: until the catalogue is built, or a product of a burst.
_QUICK_THREADS, _SLOW_THREADS, _WAITING_THREADS = 16, 2, 4


class _Reply(JSONResponse):
    """JSON as the service sends it: text/html, not to be stored, and NaN allowed."""

    media_type = "text/html"

    def __init__(self, content: Any) -> None:
        super().__init__(content, headers={"Cache-Control": "no-store"})

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


def make_app(
    backend: HostingBackend,
    users: UserRegistry,
    files: Path,
    *,
    job_limit: int | None = DEFAULT_JOB_LIMIT,
    keep: u.Quantity | None = None,
) -> Starlette:
    """Make the ASGI application.

    Parameters
    ----------
    backend : HostingBackend
        What builds the products.
    users : UserRegistry
        Who may use the server.
    files : Path
        Folder for the archives that clients download.
    job_limit : int or None, optional
        How many jobs of a user may be under way; `None` for no limit.
    keep : `~astropy.units.Quantity`, time, optional
        How long products are kept after submission; by default for ever.

    Raises
    ------
    RequestError
        If an option cannot be used as given.
    """
    products = ProductFiles(backend, files)
    expiry = None if keep is None else Expiry(keep, products)
    service = Service(backend, users, job_limit=JobLimit(job_limit), expiry=expiry)
    quick, slow, waiting = map(CapacityLimiter, (_QUICK_THREADS, _SLOW_THREADS, _WAITING_THREADS))

    def call(path: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
            except ClientDisconnect:
                return PlainTextResponse("bad request", status_code=400)
            if body is None:
                return PlainTextResponse("request too large", status_code=413)
            payload = read_payload(body)
            base_url = str(request.base_url).rstrip("/")
            limiter = slow if service.is_slow(path, payload) else quick
            if service.may_wait(path, payload):
                limiter = waiting
            return _Reply(await to_thread.run_sync(service.answer, path, payload, base_url, limiter=limiter))

        return endpoint

    async def download(request: Request) -> Response:
        job_id, name = str(request.path_params["job_id"]), request.path_params["name"]
        found = await to_thread.run_sync(products.find, job_id, name, limiter=slow)
        return FileResponse(found) if found else PlainTextResponse("not found", status_code=404)

    async def catalog_file(request: Request) -> Response:
        found = await to_thread.run_sync(backend.catalog.find, request.path_params["name"], limiter=slow)
        return FileResponse(found) if found else PlainTextResponse("not found", status_code=404)

    routes = [Route(f"/user_objects/{path}", call(path), methods=["POST"]) for path in PATHS]
    routes.append(Route(f"/{API_PATH}", call(API_PATH), methods=["POST"]))
    routes.append(Route("/user_objects/tprods/USERPROD_{job_id:int}/{name:path}", download, methods=["GET"]))
    routes.append(Route("/catalog_files/{name:path}", catalog_file, methods=["GET"]))
    return Starlette(routes=routes)


async def _body(request: Request) -> bytes | None:
    """The body, or `None` if it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            return None
    return bytes(body)
