"""Observations from the archives: whole, or chosen parts of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, Row, Table
from astropy.time import Time

from .._paths import as_path
from .._printable import first_few
from ..backends.archives.contents import choose_contents
from ..backends.archives.downloading import DownloadProgress, FileRow, download_files
from ..backends.archives.sources import check_source, make_source, needs_start
from ..config import conf
from ..exceptions import NoDataError, PartialResultWarning, RequestError, SwiftXRTError, warn
from ..identifiers import parse_obsid
from ..jobs.progress import display
from ..products.observation import Observation
from ..request.observations import ObservationQuery

__all__ = ["ObservationDownloads"]

_MOST_NAMED = 3
_COLUMN = "obsid"

_Starts = dict[str, Time | SwiftXRTError | None]


class ObservationDownloads:
    """Downloads of observations; mixed into `swiftxrt.SwiftXRTClass`."""

    def download_observations(
        self,
        observations: Table | Row | str | Iterable[str],
        *,
        location: str | PathLike[str] = ".",
        contents: str | Iterable[str] = ("events",),
        source: str = "heasarc",
        overwrite: bool = False,
        progress: Callable[[DownloadProgress], None] | bool = False,
    ) -> QTable:
        """Download observations, or chosen parts of them, from an archive.

        The layout of the archive is kept: ``<location>/<obsid>/xrt/event/...``,
        so that `~swiftxrt.Observation` and the local engine find everything.
        Several files come at once. What is here already and whole stays, so
        that the same call again fetches only what is missing, from where it
        broke off if the archive can do that.

        Parameters
        ----------
        observations : `~astropy.table.Table`, row of one, str or iterable of str
            What to download: rows of `query_observations`, or any table with a
            column ``obsid``; or ObsIDs. Rows of several targets may be mixed,
            and an observation that is there twice is downloaded once.
        location : path-like, optional
            The folder, made if needed; by default the current one.
        contents : str or iterable of str, optional
            The parts: ``"events"`` (cleaned, while pointing), ``"unfiltered"``,
            ``"attitude"``, ``"hk"``, ``"exposure"`` (maps), ``"images"``,
            ``"products"`` (of the XRT), ``"xrt"``, ``"auxil"``, ``"log"``,
            ``"tdrss"``, ``"uvot"``, ``"bat"``, or ``"all"``.
        source : {"heasarc", "ukssdc", "aws"}, optional
            The archive of HEASARC; that of the service in Leicester, where the
            XRT data were processed anew with recent software, there are no
            products, and observations of the last days are had from the
            quick-look; or the copy of HEASARC's archive at Amazon.
        overwrite : bool, optional
            Whether files that are here and whole are fetched anew, for
            instance as the archive has processed the observation again.
        progress : bool or callable, optional
            Whether to show the progress (on a terminal and in a notebook), or
            a function that is called when it is known what there is, and
            after each file.

        Returns
        -------
        files : `~astropy.table.QTable`
            A row for each file: ``obsid``; ``content``, the first of `contents`
            that it belongs to; ``url``; ``path``, where it is here; ``size``;
            ``outcome``; ``time``, how long it took; ``error_type`` and
            ``error``, empty where nothing went wrong. The outcome is
            ``"fetched"``; ``"resumed"``, if the beginning was here; ``"kept"``,
            if all was; ``"absent"`` in a row for a part that the observation
            does not have there; or ``"failed"``, also in a row for an
            observation that the archive does not have.

        Raises
        ------
        RequestError
            If an argument cannot be used, or there is no column ``obsid``.
        IdentifierError
            If something is no ObsID.
        StorageError
            If nothing can be written, or the disk has not enough room.
        ServiceError
            If the setting of the archive's address is none.

        Warns
        -----
        PartialResultWarning
            If something failed. What could be had is there; call again for
            the rest.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> found = SwiftXRT.query_observations("T Pyx")  # doctest: +SKIP
        >>> files = SwiftXRT.download_observations(  # doctest: +SKIP
        ...     found[found["exposure_pc"] > 5 * u.ks], location="tpyx", contents=("events", "attitude", "hk")
        ... )
        """
        rows = self._download(observations, location, contents, source, overwrite, progress)
        _warn_about(rows)
        return _as_table(rows, source)

    def get_observation(
        self,
        obsid: str,
        *,
        location: str | PathLike[str] = ".",
        contents: str | Iterable[str] = ("events", "attitude", "hk"),
        source: str = "heasarc",
        overwrite: bool = False,
    ) -> Observation:
        """Download an observation and open it.

        Parameters
        ----------
        obsid : str
            Eleven digits.
        location : path-like, optional
            Folder for the observation's own folder; what is there already and
            whole is not fetched again. With ``conf.offline`` set nothing is.
        contents : str or iterable of str, optional
            The parts, as for `download_observations`; events are always among them.
        source : {"heasarc", "ukssdc", "aws"}, optional
            The archive, as for `download_observations`.
        overwrite : bool, optional
            As for `download_observations`.

        Returns
        -------
        observation : Observation

        Raises
        ------
        NoDataError
            If the archive does not have the observation, or no cleaned
            pointing data of the XRT.
        ServiceError, FormatError
            If its events cannot be had.
        RequestError, IdentifierError, StorageError
            As for `download_observations`.

        Warns
        -----
        PartialResultWarning
            If something else than the events failed.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> observation = SwiftXRT.get_observation("00085374001", location="archive")  # doctest: +SKIP
        """
        wanted = parse_obsid(obsid)
        folder = as_path(location, "location") / wanted
        if conf.offline and folder.is_dir():
            return Observation.open(folder)
        names = [one.name for one in choose_contents(contents)]
        rows = self._download(wanted, location, ("events", *names), source, overwrite, progress=False)
        for one in rows:
            if one.error is not None and (one.content == "events" or len(rows) == 1):
                raise one.error
        if not any(one.content == "events" and one.outcome != "absent" for one in rows):
            raise NoDataError(f"observation {wanted} has no cleaned XRT pointing data at {check_source(source)}")
        _warn_about(rows)
        return Observation.open(folder)

    def _download(
        self, observations: Any, location: Any, contents: Any, source: Any, overwrite: bool, progress: Any
    ) -> list[FileRow]:
        """Check the arguments, and download."""
        chosen = choose_contents(contents)
        name = check_source(source)
        place = as_path(location, "location")
        starts = _observations(observations)
        if needs_start(name):
            starts = _with_starts(starts)
        archive = make_source(name)
        try:
            with display("observations", progress, in_words=True) as show:
                return download_files(archive, starts, place, chosen, overwrite=overwrite, progress=show)
        finally:
            archive.close()


def _with_starts(starts: _Starts) -> _Starts:
    """When observations began, looked up where it is not known."""
    missing = [obsid for obsid, start in starts.items() if start is None]
    if not missing:
        return starts
    from ..backends.archives.heasarc import HeasarcObservations

    found: _Starts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PartialResultWarning)  # each that is not known gets its row
            found = _observations(HeasarcObservations().find(ObservationQuery(obsid=missing)))
    except NoDataError:
        found = {}
    except SwiftXRTError as error:
        found = dict.fromkeys(missing, error)
    return {obsid: found.get(obsid) or _unlisted(obsid) if start is None else start for obsid, start in starts.items()}


def _warn_about(rows: list[FileRow]) -> None:
    """Say what could not be had."""
    failed = [str(one.error) for one in rows if one.error is not None]
    if failed:
        shown = first_few(failed, _MOST_NAMED, "; ")
        text = f"{len(failed)} of {len(rows)} could not be downloaded: {shown}. The same call tries them again"
        warn(text, PartialResultWarning, stacklevel=4)


def _unlisted(obsid: str) -> NoDataError:
    return NoDataError(f"there is no observation {obsid} in the table of observations (swiftmastr)")


def _observations(given: Any) -> _Starts:
    """ObsIDs, in their order, and when each began, where it is known."""
    table = Table(given) if isinstance(given, Row) else given
    if not isinstance(table, Table):
        listed = [given] if isinstance(given, str) or not isinstance(given, Iterable) else given
        return dict.fromkeys((parse_obsid(one) for one in listed), None)
    if _COLUMN not in table.colnames:
        names = ", ".join(table.colnames[:8])
        text = f"a table needs a column {_COLUMN!r}, as query_observations makes it; this one has {names or 'none'}"
        raise RequestError([("observations", text)], "download")
    starts = table["start"] if "start" in table.colnames and isinstance(table["start"], Time) else [None] * len(table)
    found: _Starts = {}
    for value, start in zip(table[_COLUMN], starts, strict=True):
        obsid = parse_obsid(value)
        if found.get(obsid) is None:
            found[obsid] = None if start is None or np.any(start.mask) else start
    return found


def _as_table(rows: list[FileRow], source: str) -> QTable:
    """One row for each file."""
    table = QTable(
        {
            "obsid": np.array([one.obsid for one in rows], dtype=str),
            "content": np.array([one.content for one in rows], dtype=str),
            "url": np.array([one.url for one in rows], dtype=str),
            "path": np.array([str(one.path) for one in rows], dtype=str),
            "size": np.array([one.size for one in rows], dtype=float) << u.byte,
            "outcome": np.array([one.outcome for one in rows], dtype=str),
            "time": np.array([one.seconds for one in rows], dtype=float) << u.s,
            "error_type": np.array(["" if one.error is None else type(one.error).__name__ for one in rows], dtype=str),
            "error": np.array(["" if one.error is None else str(one.error) for one in rows], dtype=str),
        },
        meta={"source": check_source(source)},
    )
    table["size"].info.format, table["time"].info.format = ".0f", ".2f"
    return table
