"""Cleaned events made anew from raw ones, with ``xrtpipeline``."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from astropy.coordinates import SkyCoord

from ...._atomic import output_errors, usable_folder
from ...._paths import as_path
from ...._stopping import Stop
from ....exceptions import HEASoftError, NoDataError, OutputExistsError, RequestError, SwiftXRTError
from ....identifiers import parse_obsid
from ....products.observation import Observation
from ....products.outcomes import Outcome, Outcomes
from .installation import HEASoft, find_heasoft
from .running import Runner

__all__ = ["reprocess_observations"]

_RAW = "sw{obsid}x*po_uf*.evt*"
_CLEAN = re.compile(r"sw\d{11}x(pc|wt)w\dpo_cl\.evt")
#: What a cleaned observation needs beside its events.
_KEPT = ("auxil", "xrt/hk")


def reprocess_observations(
    archive: Any,
    location: Any,
    *,
    obsids: str | Iterable[str] | None = None,
    position: SkyCoord | None = None,
    at_once: int = 1,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Outcomes:
    """Make cleaned events anew with the pipeline and the calibration of HEASoft.

    Parameters
    ----------
    archive : path-like
        Folder with observations as downloaded; the raw events
        (``contents="unfiltered"``), ``"hk"`` and ``"auxil"`` are needed.
    location : path-like
        Where the new observations go, in the same layout: a folder for
        ``SwiftXRT(backend="local", archive=location)``.
    obsids : str or iterable of str, optional
        Which ones; by default all.
    position : `~astropy.coordinates.SkyCoord`, optional
        Of the source, which matters to windowed timing; by default that of the
        target in the files.
    at_once : int, optional
        How many pipelines run side by side.
    overwrite : bool, optional
        Whether observations that exist at `location` are made again and
        replaced; otherwise they are an error of their own.
    progress : callable, optional
        Called with each ObsID when it has ended.

    Returns
    -------
    outcomes : Outcomes
        One for each ObsID: an `~swiftxrt.Observation`, or why there is none.

    Raises
    ------
    HEASoftError
        If HEASoft is not there.
    NoDataError
        If there is no observation.
    RequestError
        If an argument cannot be used.
    StorageError
        If nothing can be written to `location`.
    """
    heasoft = find_heasoft()
    folder, place = as_path(archive, "archive"), as_path(location, "location")
    if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
        raise RequestError([("at_once", f"a whole number from 1 on is needed; got {at_once!r}")], "reprocessing")
    if position is not None and not (isinstance(position, SkyCoord) and position.isscalar):
        raise RequestError([("position", f"one SkyCoord is needed; got {position!r}")], "reprocessing")
    if not folder.is_dir():
        raise RequestError([("archive", f"there is no folder {str(folder)!r}")], "reprocessing")
    there = sorted(path.name for path in folder.iterdir() if re.fullmatch(r"\d{11}", path.name))
    given = [obsids] if isinstance(obsids, str) else obsids
    wanted = there if given is None else list(dict.fromkeys(parse_obsid(one) for one in given))
    if not wanted:
        raise NoDataError(f"there is no folder of an observation, named by its ObsID, in {folder}")
    usable_folder(place)
    stop, outcomes = Stop(), []
    one = partial(_reprocess, heasoft=heasoft, archive=folder, place=place, position=position, overwrite=overwrite,
                  check=stop.check)  # fmt: skip
    pool = ThreadPoolExecutor(at_once)
    try:
        for outcome in pool.map(partial(_attempt, make=one), wanted):
            outcomes.append(outcome)
            if progress is not None:
                progress(outcome.item)
    finally:
        stop.request()  # Ctrl-C ends the pipelines too
        pool.shutdown(cancel_futures=True)
    return Outcomes(outcomes)


def _attempt(obsid: str, *, make: Callable[[str], Observation]) -> Outcome:
    try:
        return Outcome(obsid, make(obsid))
    except SwiftXRTError as error:
        return Outcome(obsid, error=error)


def _reprocess(
    obsid: str, *, heasoft: HEASoft, archive: Path, place: Path, position: SkyCoord | None, overwrite: bool,
    check: Callable[[], None],
) -> Observation:  # fmt: skip
    source, target = archive / obsid, place / obsid
    if target.exists() and not overwrite:
        raise OutputExistsError(f"{target} exists; overwrite=True replaces it")
    if not list((source / "xrt" / "event").glob(_RAW.format(obsid=obsid))):
        raise NoDataError(
            f"there are no raw events (sw{obsid}x*po_uf.evt) in {source / 'xrt' / 'event'}; "
            "download_observations(..., contents=('unfiltered', 'hk', 'auxil')) fetches what is needed"
        )
    # Beside the target, so that the finished folder moves into its place in one step.
    with output_errors(target), tempfile.TemporaryDirectory(dir=place, prefix=".sx") as scratch:
        work, new = Path(scratch), Path(scratch) / "new"
        (work / "in").symlink_to(source.resolve())
        runner = Runner(heasoft, work, check=check)
        where = ("OBJECT", "OBJECT") if position is None else (position.icrs.ra.deg, position.icrs.dec.deg)
        runner.run(
            "xrtpipeline",
            indir="in", outdir="out", steminputs=f"sw{obsid}", exitstage=2, srcra=where[0], srcdec=where[1],
            datamode="ALL", obsmode="POINTING", createexpomap=False, clobber=True,
        )  # fmt: skip
        cleaned = [path for path in sorted((work / "out").glob("*")) if _CLEAN.match(path.name)]
        if not cleaned:
            raise HEASoftError(f"xrtpipeline left no cleaned events of {obsid}; perhaps there is no good time")
        (new / "xrt" / "event").mkdir(parents=True)
        for path in cleaned:
            path.rename(new / "xrt" / "event" / path.name)
        for part in _KEPT:
            if (source / part).is_dir():
                shutil.copytree(source / part, new / part)
        if target.exists():
            target.rename(work / "old")
        new.rename(target)
    return Observation.open(target)
