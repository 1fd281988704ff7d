"""``swiftxrt serve``: the product service on observations on disk."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from ..backends.local.products import LocalBackend
from ..exceptions import RequestError
from ..server.app import listen, make_app, make_server
from ..server.users import UserRegistry

__all__ = ["run"]


def run(archive: Path, *, host: str, port: int, state: Path | None, users: Iterable[str], workers: int | None) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Raises
    ------
    RequestError
        If the archive does not exist or an address is malformed.
    ServerStartError
        If the port or the state folder is in use.
    """
    users = list(users)
    for address in users:
        if "@" not in address:
            raise RequestError([("--user", f"an e-mail address is needed; got {address!r}")])
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swiftxrt-")))
        opened = stack.enter_context(listen(host, port))
        folder = state or scratch / "state"
        backend = stack.enter_context(LocalBackend(archive, state=folder, processes=True, workers=workers))
        backend.warm_up()
        app = make_app(backend, UserRegistry(users), scratch / "files")
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{opened.getsockname()[1]}"
        server = make_server(app, lambda: print(f"Serving on {address}", flush=True))
        # uvicorn stops on a signal and then raises it again: let that second one pass.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        server.run(sockets=[opened])
    return 0
