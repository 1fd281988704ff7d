"""A stand-in for the archive of the HEASARC, for the length of a ``with`` block."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time

from .._paths import as_path
from ..backends.local.archive import Archive
from ..backends.local.observations import archive_rows
from ..config import conf
from ..exceptions import RequestError, ServerStartError
from ..products.observation import Observation
from ..products.observation_table import ObservationRow
from ..server.heasarc.app import BUCKET_PATH, FILES_PATH, TAR_PATH, VO_PATH, Limits, make_heasarc_app
from ..server.heasarc.files import ROOT
from ..server.heasarc.pages import MOST_KEYS
from ..server.run import listen, make_server
from .faults.plan import FaultPlan
from .faults.proxy import fault_proxy

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["HeasarcServer", "heasarc_server"]

_START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class HeasarcServer:
    """Where the services of a stand-in are.

    Parameters
    ----------
    url : str
        Address of the server.
    """

    url: str

    @property
    def vo_url(self) -> str:
        """Queries and links: ``VO_URL`` of `astroquery.heasarc`, ``conf.heasarc_url`` of this package."""
        return f"{self.url}{VO_PATH}"

    @property
    def tar_url(self) -> str:
        """Tar files: ``TAR_URL`` of `astroquery.heasarc`."""
        return f"{self.url}{TAR_PATH}"

    @property
    def files_url(self) -> str:
        """Folders and files, below which are the months."""
        return f"{self.url}{FILES_PATH}/{ROOT}"

    @property
    def aws_url(self) -> str:
        """The bucket, as in the cloud."""
        return f"{self.url}{BUCKET_PATH}"


@contextmanager
def heasarc_server(
    archive: str | Path | None = None,
    *,
    rows: Table | None = None,
    max_keys: int = MOST_KEYS,
    max_rows: int | None = None,
    faults: FaultPlan | None = None,
) -> Iterator[HeasarcServer]:
    """Run what looks like the archive of Swift at the HEASARC on a free port of this machine.

    It answers queries of ``swiftmastr`` (TAP), links (datalink), tar files,
    folders and files, and the bucket in the cloud (S3), as far as
    `astroquery.heasarc` and this package ask for them. Inside the block the
    settings of this package point to it; for `astroquery.heasarc` set
    ``Heasarc.VO_URL`` and ``Heasarc.TAR_URL``.

    Parameters
    ----------
    archive : path-like, optional
        Folder with observations.
    rows : `~astropy.table.Table`, optional
        Rows of ``swiftmastr``, such as those of a query made earlier, in
        place of what the headers of the observations say. There may be rows of
        observations without files.
    max_keys : int, optional
        How many files one reply of the bucket lists at most.
    max_rows : int, optional
        How many rows one reply to a query has at most; no limit by default.
    faults : FaultPlan, optional
        What goes wrong on the way to the server and back; nothing by default.

    Yields
    ------
    server : HeasarcServer
        Where the services are.

    Raises
    ------
    RequestError
        If an option cannot be used as given.
    NoDataError
        If there is no observation in `archive`.
    ServerStartError
        If the server does not start.
    """
    _check(archive, rows, faults, max_keys=max_keys, max_rows=max_rows)
    folder = None if archive is None else Archive(as_path(archive, "archive"))
    found = [] if folder is None else archive_rows(folder)
    table = _given(rows) if rows is not None else [_master_row(number, row) for number, row in enumerate(found, 1)]
    places = {} if folder is None else _places(folder.observations, table)
    with listen("127.0.0.1", 0) as opened, ExitStack() as stack:
        ready = threading.Event()
        app = make_heasarc_app(table, places, Limits(max_keys, max_rows))
        server = make_server(app, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, name="swiftxrt-heasarc", daemon=True)
        thread.start()
        try:
            port = opened.getsockname()[1]
            if not ready.wait(_START_TIMEOUT_S):
                raise ServerStartError(f"the server on port {port} did not start within {_START_TIMEOUT_S:g} s")
            if faults is not None:
                port = stack.enter_context(fault_proxy(("127.0.0.1", port), faults))
            there = HeasarcServer(f"http://127.0.0.1:{port}")
            for name, address in _settings(there).items():
                stack.enter_context(conf.set_temp(name, address))
            yield there
        finally:
            stack.close()
            server.should_exit = True
            thread.join()
            app.state.tables.close()


def _settings(server: HeasarcServer) -> dict[str, str]:
    """The settings of this package that say where the archive is."""
    return {
        "heasarc_url": server.vo_url,
        "heasarc_files_url": server.files_url,
        "aws_url": server.aws_url,
    }


def _check(archive: Any, rows: Any, faults: Any, **limits: Any) -> None:
    problems = []
    if archive is None and rows is None:
        problems.append(("archive", "a folder with observations, or rows, are needed"))
    if rows is not None and not {"obsid", "ra", "dec", "start_time"} <= set(getattr(rows, "colnames", ())):
        problems.append(("rows", "a table with the columns obsid, ra, dec, start_time of swiftmastr is needed"))
    for name, most in limits.items():
        if not (most is None and name == "max_rows") and (
            not isinstance(most, int) or isinstance(most, bool) or most < 1
        ):
            problems.append((name, f"a whole number from 1 on is needed; got {most!r:.60}"))
    if faults is not None and not isinstance(faults, FaultPlan):
        problems.append(("faults", f"a FaultPlan is needed; got {faults!r:.60}"))
    if problems:
        raise RequestError(problems, "stand-in")


def _given(rows: Table) -> list[dict[str, Any]]:
    """Rows of a table in plain values; numbers are given to those that have none."""
    table = [{name: _plain(row[name]) for name in rows.colnames} for row in rows]
    return [{"__row": number, **row} for number, row in enumerate(table, 1)]


def _plain(value: Any) -> Any:
    if value is np.ma.masked:
        return None
    value = getattr(value, "value", value)
    return value.item() if isinstance(value, np.generic) else value


def _master_row(number: int, row: ObservationRow) -> dict[str, Any]:
    """A row of ``swiftmastr`` from the headers."""
    return {
        "__row": number,
        "name": row.name,
        "obsid": row.obsid,
        "ra": row.ra_deg,
        "dec": row.dec_deg,
        "roll_angle": row.roll_deg,
        "start_time": row.start_mjd,
        "stop_time": row.stop_mjd,
        "processing_date": row.processing_date_mjd,
        "target_id": row.obsid[:8],
        "xrt_exposure": row.exposure_s,
        "xrt_expo_pc": row.exposure_pc_s,
        "xrt_expo_wt": row.exposure_wt_s,
    }


def _places(observations: Sequence[Observation], table: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Path, ...]]:
    """The files of each observation by where the HEASARC would have them: in the folder of the month of its start."""
    starts = {row["obsid"]: float(row["start_time"]) for row in table}
    found = {}
    for one in observations:
        if one.obsid in starts:
            month = Time(starts[one.obsid], format="mjd", scale="utc").strftime("%Y_%m")
            found[f"{month}/{one.obsid}"] = _paths(one)
    return found


def _paths(observation: Observation) -> tuple[Path, ...]:
    """The folders of an observation, and event files outside of them."""
    events = [path for paths in observation.files.values() for path in paths]
    inside = {path: next((one for one in path.parents if one.name == observation.obsid), path) for path in events}
    return tuple(dict.fromkeys(inside.values()))
