"""An embedded server for the length of a ``with`` block."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import astropy.units as u

from .._paths import as_path
from ..backends.local.products import LocalBackend
from ..config import conf
from ..exceptions import RequestError, ServerStartError
from ..server.app import make_app
from ..server.limits import DEFAULT_JOB_LIMIT
from ..server.run import listen, make_server
from ..server.users import UserRegistry, owner_key
from .faults.plan import FaultPlan
from .faults.proxy import fault_proxy

__all__ = ["embedded_server"]

_START_TIMEOUT_S = 30.0


@contextmanager
def embedded_server(
    archive: str | Path,
    *,
    state: str | Path | None = None,
    users: Iterable[str] = (),
    job_limit: int | None = DEFAULT_JOB_LIMIT,
    keep: u.Quantity | None = None,
    processes: bool = False,
    workers: int | None = None,
    faults: FaultPlan | None = None,
) -> Iterator[str]:
    """Run the product service on a free port of this machine.

    Inside the block ``swiftxrt.conf.service_url`` points to the server.

    Parameters
    ----------
    archive : path-like
        Folder with observations.
    state : path-like, optional
        Folder for jobs and products; a temporary one by default.
    users : iterable of str, optional
        Registered e-mail addresses; any address is accepted by default.
    job_limit : int or None, optional
        How many jobs of a user may be under way; `None` for no limit.
    keep : `~astropy.units.Quantity`, time, optional
        How long products are kept after submission; by default for ever.
    processes : bool, optional
        Whether to build in worker processes instead of threads.
    workers : int, optional
        How many products are built side by side.
    faults : FaultPlan, optional
        What goes wrong on the way to the server and back; nothing by default.

    Yields
    ------
    url : str
        Address of the server.

    Raises
    ------
    RequestError
        If `archive` is no folder, or an option cannot be used as given.
    ServerStartError
        If the server does not start, or the state folder is in use.
    """
    if faults is not None and not isinstance(faults, FaultPlan):
        raise RequestError(
            [("faults", f"a FaultPlan is needed, such as FaultPlan(faults.reset()); got {faults!r:.60}")]
        )
    archive = as_path(archive, "archive")
    state = None if state is None else as_path(state, "state")
    with (
        tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch,
        LocalBackend(archive, state=state or Path(scratch) / "state", processes=processes, workers=workers) as backend,
        listen("127.0.0.1", 0) as opened,
    ):
        backend.warm_up()
        ready = threading.Event()
        registry = UserRegistry(users, key=owner_key(backend.store.folder))
        app = make_app(backend, registry, Path(scratch) / "files", job_limit=job_limit, keep=keep)
        server = make_server(app, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, name="swiftxrt-server", daemon=True)
        port = opened.getsockname()[1]
        thread.start()
        try:
            if not ready.wait(_START_TIMEOUT_S):
                raise ServerStartError(
                    f"the server on port {port} did not start within {_START_TIMEOUT_S:g} s; the log says why"
                )
            with ExitStack() as stack:
                if faults is not None:
                    port = stack.enter_context(fault_proxy(("127.0.0.1", port), faults))
                url = f"http://127.0.0.1:{port}"
                stack.enter_context(conf.set_temp("service_url", url))
                yield url
        finally:
            server.should_exit = True
            thread.join()
