"""Observations: the event files of one ObsID."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..exceptions import NoDataError, RequestError
from ..identifiers import parse_obsid, target_id_of
from ..mission import Mode
from ._event_header import as_mode
from ._wcs import same_wcs
from .events import EventList
from .gti import GTI

__all__ = ["EVENT_FILE", "Observation", "event_files", "merged"]

#: Name of a cleaned event file taken while pointing: ObsID, mode, window.
EVENT_FILE = re.compile(r"sw(?P<obsid>\d{11})x(?P<mode>pc|wt)(?:w\d)?po_cl\.evt(?:\.gz)?", re.IGNORECASE)

# What else an observation may hold, for the message when nothing fits.
_OTHER_FILES = (
    (re.compile(r"sw\d{11}x(pc|wt)\w*sl_\w+\.evt(\.gz)?", re.IGNORECASE), "slew event file"),
    (re.compile(r"sw\d{11}x(pc|wt)\w*st_\w+\.evt(\.gz)?", re.IGNORECASE), "settling event file"),
    (re.compile(r"sw\d{11}x(pc|wt)\w*po_uf\w*\.evt(\.gz)?", re.IGNORECASE), "unfiltered event file"),
    (re.compile(r"sw\d{11}x\w+\.evt(\.gz)?", re.IGNORECASE), "event file of another mode"),
    (re.compile(r".*\.evt(\.gz)?", re.IGNORECASE), "event file without an archive name"),
)

# Grids that differ by less than this (pixels) are taken as one.
_SAME_GRID_PIX = 0.1


class Observation:
    """The cleaned pointing data of one ObsID, read when they are needed.

    Holds paths until events are asked for, and pickles as paths.

    Parameters
    ----------
    obsid : str
        Eleven digits.
    files : mapping of Mode to path or sequence of paths
        Event files of each mode; an observation has several of one mode when
        the window of the CCD changed.

    Raises
    ------
    IdentifierError
        If `obsid` is malformed.
    RequestError
        If a mode is unknown.
    NoDataError
        If there is no file.

    Examples
    --------
    >>> observation = Observation.open("archive/00085374001")  # doctest: +SKIP
    >>> observation.events("PC")  # doctest: +SKIP
    <EventList 00085374001 PC: 553 events, 0.21-10.12 keV, 1565.8 s live, 2 GTI>
    """

    def __init__(self, obsid: str, files: Mapping[Any, str | PathLike[str] | Sequence[str | PathLike[str]]]) -> None:
        self._obsid = parse_obsid(obsid)
        self._files = {as_mode(mode): _paths(value) for mode, value in files.items()}
        self._files = {mode: self._files[mode] for mode in Mode if self._files.get(mode)}
        if not self._files:
            raise NoDataError(f"no event file was given for observation {self._obsid}")
        self._events: dict[Mode, EventList] = {}

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Observation:
        """Open an observation in the layout of the Swift archive.

        Parameters
        ----------
        folder : path-like
            The folder named after the ObsID, one inside it (such as ``xrt``
            or ``xrt/event``), or one around this single observation.

        Raises
        ------
        NoDataError
            If it holds no cleaned XRT pointing data; the message says what it
            holds instead.
        RequestError
            If it is not a folder, or holds several observations.
        """
        place = Path(folder)
        found = event_files(place)
        if not found:
            raise NoDataError(f"no cleaned XRT pointing data (sw...po_cl.evt) in {place}; {_inventory(place)}")
        if len(found) > 1:
            listed = ", ".join(sorted(found)[:3]) + (", ..." if len(found) > 3 else "")
            raise RequestError(
                [("folder", f"{place} holds {len(found)} observations ({listed}); open one of their folders")],
                "observation",
            )
        obsid, files = next(iter(found.items()))
        return cls(obsid, files)

    @property
    def obsid(self) -> str:
        """Eleven digits."""
        return self._obsid

    @property
    def target_id(self) -> str:
        """Eight digits."""
        return target_id_of(self._obsid)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Modes there are data of."""
        return tuple(self._files)

    @property
    def files(self) -> dict[Mode, tuple[Path, ...]]:
        """The event files of each mode."""
        return dict(self._files)

    def events(self, mode: Mode | str) -> EventList:
        """The events of one mode; read once, then kept.

        Parameters
        ----------
        mode : Mode or str
            ``"PC"`` or ``"WT"``.

        Raises
        ------
        RequestError
            If there is no such mode.
        NoDataError
            If the observation has no data of that mode, or no event.
        FormatError
            If a file is damaged.
        """
        wanted = as_mode(mode)
        if wanted not in self._files:
            there = " and ".join(item.value for item in self._files)
            raise NoDataError(f"observation {self._obsid} has no {wanted.value} data; it has {there}")
        if wanted not in self._events:
            self._events[wanted] = merged([EventList.read(path) for path in self._files[wanted]])
        return self._events[wanted]

    @property
    def header(self) -> dict[str, Any]:
        """Header of the first mode's events."""
        return dict(self._first.header)

    @property
    def name(self) -> str:
        """Name of the target as in the header."""
        return self._first.object_name

    @property
    def pointing(self) -> SkyCoord:
        """Mean pointing direction."""
        return self._first.pointing

    @property
    def target_position(self) -> SkyCoord | None:
        """Position of the target (``RA_OBJ``, ``DEC_OBJ``), if the header has one."""
        return self._first.target_position

    @property
    def start(self) -> Time:
        """Beginning of the good time of all modes, UTC."""
        return min(self.events(mode).start for mode in self._files)

    @property
    def stop(self) -> Time:
        """End of the good time of all modes, UTC."""
        return max(self.events(mode).stop for mode in self._files)

    @property
    def _first(self) -> EventList:
        return self.events(self.modes[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Observation):
            return NotImplemented
        return (self._obsid, self._files) == (other._obsid, other._files)

    def __hash__(self) -> int:
        return hash((self._obsid, tuple(self._files.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return Observation, (self._obsid, self._files)

    def __repr__(self) -> str:
        parts = [
            mode.value if len(paths) == 1 else f"{mode.value} ({len(paths)} files)"
            for mode, paths in self._files.items()
        ]
        return f"<Observation {self._obsid}: {', '.join(parts)}>"


def event_files(folder: str | PathLike[str]) -> dict[str, dict[Mode, tuple[Path, ...]]]:
    """All cleaned pointing event files below a folder, by ObsID and mode.

    A file that is there twice, plain and gzipped or in two places, is listed
    once: the first by path, the plain one before the gzipped one.

    Parameters
    ----------
    folder : path-like
        Where to look, at any depth.

    Returns
    -------
    files : dict
        Sorted by ObsID.

    Raises
    ------
    RequestError
        If it is not a folder.
    """
    by_name: dict[str, Path] = {}
    for path in _walk(Path(folder)):
        if EVENT_FILE.fullmatch(path.name):
            by_name.setdefault(path.name.lower().removesuffix(".gz"), path)
    found: dict[str, dict[Mode, tuple[Path, ...]]] = {}
    for name, path in sorted(by_name.items()):
        match = EVENT_FILE.fullmatch(name)
        assert match is not None
        files = found.setdefault(match["obsid"], {})
        mode = as_mode(match["mode"])
        files[mode] = (*files.get(mode, ()), path)
    return found


def _walk(folder: Path) -> Iterable[Path]:
    """All files below a folder, in a fixed order."""
    if not folder.is_dir():
        raise RequestError([("folder", f"there is no folder {str(folder)!r}")], "observation")
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place) / name for name in sorted(names))


def _inventory(folder: Path) -> str:
    """What a folder without pointing data holds."""
    kinds: Counter[str] = Counter()
    total = 0
    for path in _walk(folder):
        total += 1
        kind = next((text for pattern, text in _OTHER_FILES if pattern.fullmatch(path.name)), None)
        kinds.update([kind] if kind else [])
    if kinds:
        return "found " + ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in kinds.items())
    return f"found {total} files, none with events" if total else "the folder is empty"


def _paths(value: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[Path, ...]:
    items = [value] if isinstance(value, str | PathLike) else value
    return tuple(Path(item) for item in items)


def merged(lists: Sequence[EventList]) -> EventList:
    """One event list from several of the same ObsID and mode.

    Sky pixels are counted on the grid of the first list; where the grids
    differ, events move to the nearest pixel of it.

    Parameters
    ----------
    lists : sequence of EventList
        At least one.

    Raises
    ------
    RequestError
        If they differ in mode or ObsID.
    """
    first = lists[0]
    if len(lists) == 1:
        return first
    if any((item.mode, item.obsid) != (first.mode, first.obsid) for item in lists):
        raise RequestError("only event lists of one ObsID and mode can be merged", "event list")
    gti = GTI(np.concatenate([item.gti.start for item in lists]), np.concatenate([item.gti.stop for item in lists]))
    good_s = sum(item.gti.exposure_s for item in lists)
    live_fraction = sum(item.live_fraction * item.gti.exposure_s for item in lists) / good_s
    pixels = [_on_grid(item, first) for item in lists]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(item, name) for item in lists])
        for name in ("met", "pi", "grade", "rawx", "rawy", "detx", "dety", "pha", "status")
        if all(getattr(item, name) is not None for item in lists)
    }
    timing = ("ONTIME", "LIVETIME", "EXPOSURE", "TSTART", "TSTOP", "TELAPSE", "DATE-OBS", "DATE-END", "MJD-OBS")
    kept = {key: value for key, value in first.header.items() if key not in timing}
    bad_pixels = [item.bad_pixels for item in lists if item.bad_pixels is not None]
    return EventList(
        **columns,
        x=np.concatenate([x for x, _ in pixels]),
        y=np.concatenate([y for _, y in pixels]),
        gti=gti,
        mode=first.mode,
        header={**kept, "DEADC": live_fraction},
        bad_pixels=np.unique(np.concatenate(bad_pixels)) if bad_pixels else None,
    )


def _on_grid(events: EventList, reference: EventList) -> tuple[Any, Any]:
    """Sky pixels of the events on the grid of another list."""
    centre = events.wcs.wcs.crpix - 1
    shift = reference.wcs.wcs_world2pix([events.wcs.wcs_pix2world([centre], 0)[0]], 0)[0] - centre
    if same_wcs(events.wcs, reference.wcs) or np.all(np.abs(shift) < _SAME_GRID_PIX):
        return events.x, events.y
    placed = (events.x >= 0) & (events.y >= 0)
    sky = events.wcs.wcs_pix2world(np.column_stack([events.x, events.y]).astype(float), 0)
    moved = np.rint(reference.wcs.wcs_world2pix(sky, 0)).astype(int)
    return np.where(placed, moved[:, 0], events.x), np.where(placed, moved[:, 1], events.y)
