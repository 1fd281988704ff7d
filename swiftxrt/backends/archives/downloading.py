"""Downloads of observations: what there is, what is here already, and the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
from astropy.time import Time

from ..._atomic import output_errors, too_full, usable_folder
from ..._log import log
from ..._stopping import Stop
from ..._threads import side_by_side
from ...config import conf
from ...exceptions import FormatError, ProtocolError, ServiceError, SwiftXRTError
from ...jobs.downloads import DownloadResult, download_all
from ..transport.contents import check_content
from .contents import Content
from .listing import Listing, RemoteFile
from .sources import ArchiveSource

__all__ = ["DownloadProgress", "FileRow", "download_files"]

_LOOK_S = 0.2
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class FileRow:
    """What became of one file of an observation; or of a part of it, or all of it, if there are no files.

    Attributes
    ----------
    obsid, content : str
        The observation, and the name of the part; empty if it is about the whole observation.
    url : str
        Where it is.
    path : Path
        Where it is here, or was to be.
    outcome : {"fetched", "resumed", "kept", "absent", "failed"}
        As of `swiftxrt.jobs.downloads.DownloadResult`; ``absent`` is a part
        that the observation does not have in the archive.
    size : int
        Bytes.
    seconds : float
        How long it took.
    error : SwiftXRTError or None
        Why it failed.
    """

    obsid: str
    content: str
    url: str
    path: Path
    outcome: str
    size: int = 0
    seconds: float = 0.0
    error: SwiftXRTError | None = None


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is.

    Attributes
    ----------
    done, total : int
        Files that are there or have failed, and all.
    size, total_size : `~astropy.units.Quantity`
        Bytes of the files that are there, and of all as the archive lists
        them; zero for files of which it does not.
    failed : int
        Files that could not be had.
    latest : str
        The file that ended last; empty at the beginning.
    """

    done: int
    total: int
    size: u.Quantity
    total_size: u.Quantity
    failed: int = 0
    latest: str = ""

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1: of the bytes, if they are known."""
        if self.done >= self.total:
            return 1.0
        if self.total_size.value > 0:
            return min(1.0, float(self.size / self.total_size))
        return self.done / self.total

    def __str__(self) -> str:
        sizes = f"{_megabytes(self.size)}" + (f" of {_megabytes(self.total_size)}" if self.total_size.value > 0 else "")
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.total} files, {sizes} MB{failed}"

    def _repr_html_(self) -> str:
        return f"<progress value='{self.fraction:.3f}'></progress> {self}"


def _megabytes(size: u.Quantity) -> str:
    return f"{size.to_value('Mbyte'):.1f}"


@dataclass(frozen=True)
class _Wanted:
    """A file that is to be here."""

    obsid: str
    content: str
    remote: RemoteFile
    path: Path


def download_files(
    source: ArchiveSource,
    observations: Mapping[str, Time | SwiftXRTError | None],
    location: Path,
    contents: Sequence[Content],
    *,
    overwrite: bool,
    progress: Callable[[DownloadProgress], None],
) -> list[FileRow]:
    """Bring parts of observations to a folder, in the layout of the archive.

    Parameters
    ----------
    source : ArchiveSource
        Where they are.
    observations : mapping of str to Time, SwiftXRTError or None
        When each began, if that is known, or why it is not.
    location : Path
        The folder; made if needed.
    contents : sequence of Content
        The parts.
    overwrite : bool
        Whether complete files that are here are fetched anew.
    progress : callable
        Called when it is known what there is, and after each file.

    Returns
    -------
    rows : list of FileRow
        In the order of the observations, of the parts, and of the archive.

    Raises
    ------
    StorageError
        If nothing can be written, or the disk has not enough room for all of it.
    """
    usable_folder(location)
    found = _find_all(source, observations, contents)
    rows: list[FileRow | _Wanted] = []
    for obsid, listing in found.items():
        rows += _planned(source, obsid, listing, location / obsid, contents)
    wanted = {one.path: one for one in rows if isinstance(one, _Wanted)}
    _check_room(location, wanted.values() if overwrite else [one for one in wanted.values() if not one.path.exists()])
    had = _fetch_all(source, wanted, overwrite, progress)
    return [_row_of(one, had[one.path]) if isinstance(one, _Wanted) else one for one in rows]


def _find_all(
    source: ArchiveSource, observations: Mapping[str, Time | SwiftXRTError | None], contents: Sequence[Content]
) -> dict[str, Listing | SwiftXRTError]:
    """What there is of each observation, asked side by side; one that fails does not cost the others."""
    stop = Stop()

    def find(obsid: str) -> Listing | SwiftXRTError:
        start = observations[obsid]
        if isinstance(start, SwiftXRTError):
            return start
        try:
            with stop.heeded():
                stop.check()
                return source.find(obsid, start, contents)
        except SwiftXRTError as error:
            log.warning("observation %s is not downloaded: %s", obsid, error)
            return error

    with side_by_side(min(int(conf.download_workers), len(observations)), patience_s=_PATIENCE_S) as pool:
        try:
            started = {obsid: pool.submit(find, obsid) for obsid in observations}
            return {obsid: _result(future) for obsid, future in started.items()}
        finally:
            stop.request()


def _result(future: Future[Listing | SwiftXRTError]) -> Listing | SwiftXRTError:
    """What comes; not in one wait, as some systems deliver an interrupt only between two."""
    while not future.done():
        wait([future], timeout=_LOOK_S)
    return future.result()


def _planned(
    source: ArchiveSource, obsid: str, found: Listing | SwiftXRTError, folder: Path, contents: Sequence[Content]
) -> list[FileRow | _Wanted]:
    """The files of one observation, part by part, and a row for what there is none of."""
    if isinstance(found, SwiftXRTError):
        url = found.url or "" if isinstance(found, ServiceError) else ""
        return [FileRow(obsid, "", url, folder, "failed", error=found)]
    rows: list[FileRow | _Wanted] = []
    taken: set[str] = set()
    for content in contents:
        files = [file for file in found.files if content.takes(file.path)]
        rows += [_Wanted(obsid, content.name, file, folder / file.path) for file in files if file.path not in taken]
        taken.update(file.path for file in files)
        if not files:
            rows.append(FileRow(obsid, content.name, "", folder / content.folder, "absent"))
    if found.refusal:
        error = ProtocolError(
            f"not all files of {obsid} in the archive {source.name} were fetched: {found.refusal}",
            advice="report it to the archive",
        )
        rows.append(FileRow(obsid, "", "", folder, "failed", error=error))
    return rows


def _check_room(location: Path, missing: Iterable[_Wanted]) -> None:
    """Refuse what will not fit before anything is fetched."""
    needed = sum(one.remote.size.least for one in missing if one.remote.size is not None)
    with output_errors(location):
        free = shutil.disk_usage(location).free
    if needed > free:
        raise too_full(location, needed, free)


class _Tally:
    """Counts what has come, and tells it.

    Parameters
    ----------
    wanted : mapping of Path to _Wanted
        All files.
    progress : callable
        Is told.
    """

    def __init__(self, wanted: Mapping[Path, _Wanted], progress: Callable[[DownloadProgress], None]) -> None:
        self._wanted = wanted
        self._progress = progress
        self._total = sum(one.remote.size.middle for one in wanted.values() if one.remote.size is not None)
        self._size = self._failed = 0
        self.done: dict[Path, DownloadResult] = {}
        self._tell("")

    def add(self, result: DownloadResult) -> None:
        """Count a file."""
        self.done[result.path] = result
        self._size += result.size
        self._failed += result.is_failed
        self._tell(self._wanted[result.path].remote.path)

    def _tell(self, latest: str) -> None:
        size, total = self._size * u.byte, self._total * u.byte
        self._progress(DownloadProgress(len(self.done), len(self._wanted), size, total, self._failed, latest))


def _fetch_all(
    source: ArchiveSource,
    wanted: Mapping[Path, _Wanted],
    renew: bool,
    progress: Callable[[DownloadProgress], None],
) -> dict[Path, DownloadResult]:
    """Fetch files side by side; with `renew` also those that are here."""

    def fetch(url: str, path: Path, *, overwrite: bool) -> str:
        return _fetch(source, wanted[path], renew=renew)

    tally = _Tally(wanted, progress)
    # Whether a file that is here stays is for `_fetch` to say, which looks into it.
    download_all(fetch, [(one.remote.url, path) for path, one in wanted.items()], overwrite=True, progress=tally.add)
    return tally.done


def _fetch(source: ArchiveSource, wanted: _Wanted, *, renew: bool) -> str:
    """Fetch a file, or look whether the one that is here is whole."""
    remote, path = wanted.remote, wanted.path

    def check(what: Path) -> None:
        size = what.stat().st_size
        if remote.size is not None and not remote.size.fits(size):
            raise FormatError(f"has {size} bytes, and the archive lists {remote.size}; try again", path)
        check_content(what, path, url=remote.url, whole=False)

    if not renew and path.is_file():
        try:
            check(path)
        except (FormatError, ProtocolError) as error:
            log.info("fetched anew: %s", error)
        else:
            return "kept"
    path.parent.mkdir(parents=True, exist_ok=True)
    return source.download(remote.url, path, check)


def _row_of(wanted: _Wanted, had: DownloadResult) -> FileRow:
    url = wanted.remote.url
    return FileRow(wanted.obsid, wanted.content, url, wanted.path, had.outcome, had.size, had.seconds, had.error)
