"""Running the application: socket, TLS and proxy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from ..exceptions import ServerStartError
from .proxy import Proxy

__all__ = ["Certificate", "listen", "make_server"]


@dataclass(frozen=True)
class Certificate:
    """Files (PEM) with a certificate and its private key.

    Parameters
    ----------
    certificate, key : Path
        The files.
    """

    certificate: Path
    key: Path

    def check(self) -> None:
        """Look whether the two can be used.

        Raises
        ------
        ServerStartError
            If not.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise ServerStartError(
                f"the certificate {self.certificate} with the key {self.key} cannot be used: {error}"
            ) from error


def listen(host: str, port: int) -> socket.socket:
    """Open a socket to listen on.

    Raises
    ------
    ServerStartError
        If the port is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio turns off Nagle's algorithm, which would cost 40 ms per reply.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def make_server(
    app: Starlette,
    started: Callable[[], None],
    *,
    certificate: Certificate | None = None,
    proxy: Proxy | None = None,
) -> uvicorn.Server:
    """Make the server; `started` is called once it accepts connections.

    Parameters
    ----------
    app : Starlette
        The application.
    started : callable
        Called without arguments.
    certificate : Certificate, optional
        With it, the server speaks HTTPS and nothing else.
    proxy : Proxy, optional
        Runs as long as the server.

    Raises
    ------
    ServerStartError
        If the certificate cannot be used.
    """
    if certificate is not None:
        certificate.check()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        ssl_certfile=None if certificate is None else certificate.certificate,
        ssl_keyfile=None if certificate is None else certificate.key,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if proxy is not None:
                await proxy.start()
            started()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if proxy is not None:
                await proxy.stop()
            await super().shutdown(sockets)

    return Server(config)
