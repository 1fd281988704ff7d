"""``swiftxrt serve``: the product service on observations on disk."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u

from ..backends.local.products import LocalBackend
from ..exceptions import NoDataError, RequestError
from ..server.app import make_app
from ..server.proxy import SERVICE_HOST, Proxy
from ..server.run import Certificate, listen, make_server
from ..server.users import UserRegistry, owner_key

__all__ = ["ServeOptions", "run"]


@dataclass(frozen=True)
class ServeOptions:
    """The options of the command, checked one by one but not yet together."""

    archive: Path
    host: str
    port: int
    state: Path | None
    users: tuple[str, ...]
    users_file: Path | None
    job_limit: int
    keep_days: float | None
    workers: int | None
    certificate: Path | None
    certificate_key: Path | None
    proxy_port: int | None

    def tls(self) -> Certificate | None:
        """Certificate and key, if given.

        Raises
        ------
        RequestError
            If options are missing that belong together.
        """
        if (self.certificate is None) != (self.certificate_key is None):
            raise RequestError([("--certificate", "must be given together with --certificate-key")])
        if self.certificate is None or self.certificate_key is None:
            if self.proxy_port is not None:
                raise RequestError([("--proxy-port", f"needs a --certificate for {SERVICE_HOST}, and its key")])
            return None
        return Certificate(self.certificate, self.certificate_key)


def run(options: ServeOptions) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Raises
    ------
    RequestError
        If the archive does not exist, an address is malformed or options do
        not go together.
    ServerStartError
        If a port or the state folder is in use, or the certificate cannot be
        used.
    """
    tls = options.tls()
    # Until the server runs a signal is as good as Ctrl-C: else it would leave folders behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swiftxrt-")))
        opened = stack.enter_context(listen(options.host, options.port))
        proxy_socket = None
        if options.proxy_port is not None:
            proxy_socket = stack.enter_context(listen(options.host, options.proxy_port))
        folder = options.state or scratch / "state"
        backend = stack.enter_context(
            LocalBackend(options.archive, state=folder, processes=True, workers=options.workers)
        )
        users = UserRegistry(options.users, file=options.users_file, key=owner_key(backend.store.folder))
        keep = None if options.keep_days is None else options.keep_days * u.day
        app = make_app(backend, users, scratch / "files", job_limit=options.job_limit or None, keep=keep)
        proxy = None if proxy_socket is None else Proxy(proxy_socket, _reachable(opened))
        lines = _announcement(opened, proxy_socket, secure=tls is not None)
        server = make_server(app, lambda: print(lines, flush=True), certificate=tls, proxy=proxy)
        _warn_of_empty(backend)
        backend.warm_up()
        # uvicorn stops on a signal and then raises it again: let that second one pass.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        server.run(sockets=[opened])
    return 0


def _warn_of_empty(backend: LocalBackend) -> None:
    try:
        _ = backend.archive.observations
    except NoDataError as error:
        print(f"swiftxrt: there is nothing to serve yet: {error}; what is put there later is found", file=sys.stderr)


def _announcement(opened: socket.socket, proxy: socket.socket | None, *, secure: bool) -> str:
    lines = [f"Serving on {'https' if secure else 'http'}://{_shown(opened)}"]
    if proxy is not None:
        lines.append(f"Standing for {SERVICE_HOST} behind the proxy http://{_shown(proxy)}")
    return "\n".join(lines)


def _shown(opened: socket.socket) -> str:
    host, port = opened.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reachable(opened: socket.socket) -> tuple[str, int]:
    """Address under which the server reaches itself, even if it listens on all of them."""
    host, port = opened.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port
