"""Observations: the event files of one ObsID."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.time import Time

from .._paths import as_path
from ..exceptions import FormatError, MetadataWarning, NoDataError, RequestError, warn
from ..identifiers import parse_obsid, target_id_of
from ..mission import DETECTOR_SIZE, Mode
from ._event_header import as_mode
from ._merging import merged
from ._records import attitude_file, housekeeping_file
from .attitude import Attitude
from .events import EventList

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
        place = as_path(folder, "folder")
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
            events = merged([EventList.read(path) for path in self._files[wanted]])
            self._events[wanted] = replace(events, attitude=self._record_for(events))
        return self._events[wanted]

    @cached_property
    def attitude(self) -> Attitude | None:
        """Where the telescope pointed: from the attitude file, else the housekeeping file; None without either.

        Files are looked for beside the event files and in the folders
        ``auxil`` and ``hk`` of the archive; ``pat`` (corrected) before ``sat``.

        Raises
        ------
        FormatError
            If the file is damaged.
        """
        return self._records[0] if self._records else None

    @cached_property
    def housekeeping(self) -> QTable:
        """Frame headers of the XRT (``sw...xhd.hk``): times, pointing, roll, mode, on-board rate, temperature.

        Raises
        ------
        NoDataError
            If there is no housekeeping file.
        FormatError
            If it is damaged.
        """
        from ..io.attitude import read_housekeeping

        path = housekeeping_file(self._obsid, self._places())
        if path is None:
            raise NoDataError(f"there is no housekeeping file sw{self._obsid}xhd.hk beside the events or in ../hk")
        return read_housekeeping(path)

    def exposure_map(self, *, energy: u.Quantity | None = None) -> CCDData:
        """How long each pixel of the sky image was seen, in photon counting mode.

        Parameters
        ----------
        energy : `~astropy.units.Quantity`, optional
            Take the vignetting at this energy into account; the official maps
            are without.

        Returns
        -------
        exposure : `~astropy.nddata.CCDData`
            Good time in seconds (dead time not taken off), on the grid of
            ``events("PC").to_image()``. Notes on the pointing are in
            ``meta["NOTES"]``.

        Raises
        ------
        NoDataError
            If there are no photon-counting data.
        RequestError
            If `energy` is no positive energy.
        """
        from ..engine.exposure import map_exposure

        if energy is not None and not (
            isinstance(energy, u.Quantity) and energy.isscalar and energy.unit.is_equivalent(u.keV) and energy > 0
        ):
            raise RequestError([("energy", f"a positive energy is needed, such as 1.5 * u.keV; got {energy!r}")])
        events = self.events(Mode.PC)
        found = map_exposure([events], events.wcs)
        data = found.time_s if energy is None else found.vignetted_s(float(energy.to_value(u.keV)))
        return CCDData(data, unit=u.s, wcs=events.wcs, meta={"VIGNAPP": energy is not None, "NOTES": found.notes})

    def bad_columns(self, mode: Mode | str) -> tuple[int, ...]:
        """Columns of the detector (DETX) of which at least half the pixels are listed as bad.

        Parameters
        ----------
        mode : Mode or str
            ``"PC"`` or ``"WT"``.
        """
        rows = self.events(mode).bad_pixels
        lost = np.zeros(DETECTOR_SIZE + 2)
        if rows is not None:
            seen = (rows["rawx"] >= 0) & (rows["rawx"] < DETECTOR_SIZE)
            np.add.at(lost, rows["rawx"][seen] + 1, np.maximum(rows["yextent"][seen], 1))
        return tuple(np.flatnonzero(lost >= DETECTOR_SIZE / 2).tolist())

    def _places(self) -> tuple[Path, ...]:
        """Folders of the event files."""
        return tuple(dict.fromkeys(path.parent for paths in self._files.values() for path in paths))

    @cached_property
    def _records(self) -> list[Attitude]:
        """The best record first."""
        paths = (find(self._obsid, self._places()) for find in (attitude_file, housekeeping_file))
        return [Attitude.read(path) for path in paths if path is not None]

    def _record_for(self, events: EventList) -> Attitude | None:
        """The part of the first record that covers the good time, else of the first that covers a part of it."""
        try:
            near = [part for record in self._records if (part := record.within(events.gti)) is not None]
        except FormatError as error:
            warn(f"the pointing of {self._obsid} is taken from its events: {error}", MetadataWarning)
            return None
        limits = np.concatenate([events.gti.start, events.gti.stop])
        return next((part for part in near if part.covers(limits).all()), near[0] if near else None)

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
