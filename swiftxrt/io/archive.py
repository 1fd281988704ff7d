"""Folders in the layout of the Swift archive: ``<obsid>/xrt/event/sw<obsid>x...``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .._atomic import usable_folder
from .._log import log
from ..exceptions import FormatError, NoDataError, RequestError
from ..mission import Mode
from ..products.events import EventList
from ..products.observation import Observation, event_files
from ._fitsfile import load_fits
from .attitude import write_attitude
from .events import read_events

__all__ = ["event_path", "find_observations", "write_observation"]

# Names in the archive, whatever the mode and level.
_ARCHIVE_NAME = re.compile(r"sw\d{11}x", re.IGNORECASE)
# Event lists of a region have its radius beside each event.
_REGION_COLUMN = "SRCRAD"
_MOST_REASONS = 3
# The usual window of each mode: the whole frame in PC, 200 columns in WT.
_WINDOW = {Mode.PC: 3, Mode.WT: 2}


def find_observations(folder: str | os.PathLike[str]) -> list[Observation]:
    """All observations below a folder that have cleaned XRT pointing data.

    Files are known by their names in the archive. Where there is none, every
    file ``*.evt`` or ``*.evt.gz`` without an archive name is opened, and sorted
    by the ObsID and mode in its header; files that are no XRT event lists, or
    hold the events of one region only, are left out, with a word in the log.

    Parameters
    ----------
    folder : path-like
        Where to look, at any depth.

    Returns
    -------
    observations : list of Observation
        Sorted by ObsID, each once; empty if there are none.

    Raises
    ------
    RequestError
        If it is not a folder.
    NoDataError
        If all files had to be left out; the message says why.
    """
    found = event_files(folder) or _files_by_header(Path(folder))
    return [Observation(obsid, files) for obsid, files in found.items()]


def _files_by_header(folder: Path) -> dict[str, dict[Mode, tuple[Path, ...]]]:
    found: dict[str, dict[Mode, tuple[Path, ...]]] = {}
    reasons: list[str] = []
    for path in sorted(folder.rglob("*.evt*")):
        if not path.name.lower().endswith((".evt", ".evt.gz")) or _ARCHIVE_NAME.match(path.name):
            continue
        try:
            events = read_events(path)
            _require_field(path)
        except (FormatError, NoDataError) as error:
            log.warning("left out: %s", error)
            reasons.append(str(error))
            continue
        files = found.setdefault(events.obsid, {})
        files[events.mode] = (*files.get(events.mode, ()), path)
    if reasons and not found:
        more = f" (and {len(reasons) - _MOST_REASONS} more, see the log)" if len(reasons) > _MOST_REASONS else ""
        raise NoDataError(f"no event file below {folder} can be used: {'; '.join(reasons[:_MOST_REASONS])}{more}")
    return dict(sorted(found.items()))


def _require_field(path: Path) -> None:
    """Refuse the event lists that the product service gives with light curves: no background can be taken from them."""
    if _REGION_COLUMN in load_fits(path)["EVENTS"].columns.names:
        raise FormatError(
            f"this holds the events of one region (it has the column {_REGION_COLUMN}), as the product service takes "
            "them out of all observations; give the event files of the observations",
            path,
        )


def event_path(archive: str | os.PathLike[str], obsid: str, mode: Mode) -> Path:
    """Where the archive keeps the cleaned pointing events of a mode."""
    name = f"sw{obsid}x{mode.value.lower()}w{_WINDOW[mode]}po_cl.evt.gz"
    return Path(archive) / obsid / "xrt" / "event" / name


def write_observation(events: Sequence[EventList], folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the event lists of one observation in archive layout, with the record of the pointing if they have one.

    Parameters
    ----------
    events : sequence of EventList
        Lists of one ObsID, one for each mode. Of records of one kind that of
        the last list is written.
    folder : path-like
        The archive; the folder of the observation is made in it.
    overwrite : bool, optional
        Whether existing files may be replaced.

    Returns
    -------
    path : `~pathlib.Path`
        Folder of the observation.

    Raises
    ------
    RequestError
        If there is no list, or two ObsIDs or twice the same mode.
    OutputExistsError
        If a file exists and `overwrite` is false.
    """
    lists = [events] if isinstance(events, EventList) else list(events)
    obsids = {item.obsid for item in lists}
    modes = [item.mode for item in lists]
    if len(obsids) != 1 or len(set(modes)) != len(modes):
        raise RequestError(
            [("events", f"one ObsID and one list for each mode are needed; got ObsIDs {sorted(obsids)} and "
                        f"modes {[mode.value for mode in modes]}")],
            "observation",
        )  # fmt: skip
    obsid = obsids.pop()
    for item in lists:
        path = event_path(folder, obsid, item.mode)
        usable_folder(path.parent)
        item.write(path, overwrite=overwrite)
    for record in {item.attitude.kind: item.attitude for item in lists if item.attitude is not None}.values():
        path = _record_path(Path(folder) / obsid, obsid, record.kind)
        usable_folder(path.parent)
        write_attitude(record, path, overwrite=overwrite)
    return Path(folder) / obsid


def _record_path(folder: Path, obsid: str, kind: str) -> Path:
    if kind == "attitude":
        return folder / "auxil" / f"sw{obsid}pat.fits.gz"
    return folder / "xrt" / "hk" / f"sw{obsid}xhd.hk.gz"
