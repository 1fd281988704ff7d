"""The embedded server: the product service's protocol around any backend."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..exceptions import ServerStartError
from ..jobs.protocol import HostingBackend
from .files import ProductFiles
from .handlers import PATHS, Service
from .users import UserRegistry

__all__ = ["listen", "make_app", "make_server"]

_BODY_LIMIT = 1 << 20


class _Reply(JSONResponse):
    """JSON as the service sends it: text/html, and NaN allowed."""

    media_type = "text/html"

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


def make_app(backend: HostingBackend, users: UserRegistry, files: Path) -> Starlette:
    """Make the ASGI application.

    Parameters
    ----------
    backend : HostingBackend
        What builds the products.
    users : UserRegistry
        Who may use the server.
    files : Path
        Folder for the archives that clients download.
    """
    service = Service(backend, users)
    products = ProductFiles(backend, files)

    def call(path: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await _body(request)
            if body is None:
                return PlainTextResponse("request too large", status_code=413)
            try:
                payload = json.loads(body)
            except ValueError:
                payload = None
            base_url = str(request.base_url).rstrip("/")
            return _Reply(await run_in_threadpool(service.answer, path, payload, base_url))

        return endpoint

    async def download(request: Request) -> Response:
        found = await run_in_threadpool(products.find, str(request.path_params["job_id"]), request.path_params["name"])
        return FileResponse(found) if found else PlainTextResponse("not found", status_code=404)

    routes = [Route(f"/user_objects/{path}", call(path), methods=["POST"]) for path in PATHS]
    routes.append(Route("/user_objects/tprods/USERPROD_{job_id:int}/{name:path}", download, methods=["GET"]))
    return Starlette(routes=routes)


async def _body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            return None
    return body


def listen(host: str, port: int) -> socket.socket:
    """Open the server's socket.

    Raises
    ------
    ServerStartError
        If the port is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen()
    except (OSError, OverflowError) as error:
        opened.close()
        raise ServerStartError(
            f"cannot listen on {host} port {port}: {error}; choose another port, or 0 for any free one"
        ) from error
    return opened


def make_server(app: Starlette, started: Callable[[], None]) -> uvicorn.Server:
    """Make the server; `started` is called once it accepts connections."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    return Server(config)
