"""What the headers of event files say, kept on disk so that unchanged files are not read again."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from ..._log import log
from ...config import cache_folder, conf
from ...mission import Mode
from ...products.events import EventList
from ...products.observation import merged

__all__ = ["EventHeader", "HeaderIndex", "Stamped", "pointings"]

#: The number changes with what is kept of a file.
_FILE = "headers-1.sqlite"
#: Files whose headers are kept; the oldest go first.
_MOST = 200_000
_PATIENCE_S = 2.0
_TABLE = "CREATE TABLE IF NOT EXISTS headers (place TEXT PRIMARY KEY, stamp TEXT NOT NULL, header TEXT NOT NULL)"
_PRUNE = f"DELETE FROM headers WHERE rowid <= (SELECT MAX(rowid) FROM headers) - {_MOST}"


@dataclass(frozen=True)
class EventHeader:
    """What a search needs to know of the events of one mode.

    Parameters
    ----------
    mode : str
        ``"PC"`` or ``"WT"``.
    object_name : str
        Name of the target.
    frame : str
        System of the positions.
    pointing_deg : tuple of float
        Mean pointing, degrees.
    target_deg : tuple of float or None
        Position of the target, degrees.
    roll_deg : float
        Roll angle.
    trigger_met : float or None
        Trigger of a burst.
    start_met, stop_met : float
        Limits of the good time.
    utcf_s : float or None
        Clock correction of the file.
    exposure_s : float
        Live time.
    made : str
        When the file was made, as it says.
    """

    mode: str
    object_name: str
    frame: str
    pointing_deg: tuple[float, float]
    target_deg: tuple[float, float] | None
    roll_deg: float
    trigger_met: float | None
    start_met: float
    stop_met: float
    utcf_s: float | None
    exposure_s: float
    made: str

    @classmethod
    def read(cls, paths: Sequence[Path]) -> EventHeader:
        """Read the event files of one mode of an observation.

        Raises
        ------
        NoDataError
            If there is no event.
        FormatError, RequestError
            If a file is damaged, or they do not belong together.
        """
        events = merged([EventList.read(path) for path in paths])
        head, gti = events.header, events.gti
        trigger = head.get("TRIGTIME")
        target = (head["RA_OBJ"], head["DEC_OBJ"]) if events.target_position is not None else None
        return cls(
            mode=events.mode.value,
            object_name=events.object_name,
            frame=str(head["RADESYS"]).lower(),
            pointing_deg=(float(head["RA_PNT"]), float(head["DEC_PNT"])),
            target_deg=None if target is None else (float(target[0]), float(target[1])),
            roll_deg=float(head["PA_PNT"]),
            trigger_met=float(trigger) if isinstance(trigger, int | float) else None,
            start_met=float(gti.start[0]),
            stop_met=float(gti.stop[-1]),
            utcf_s=events.utcf,
            exposure_s=float(events.exposure.to_value(u.s)),
            made=str(head.get("PROCDATE", head.get("DATE", ""))),
        )

    @property
    def pointing(self) -> SkyCoord:
        """Mean pointing direction."""
        return SkyCoord(*self.pointing_deg, unit="deg", frame=self.frame)

    @property
    def target_position(self) -> SkyCoord | None:
        """Position of the target as commanded."""
        return None if self.target_deg is None else SkyCoord(*self.target_deg, unit="deg", frame=self.frame)

    @property
    def kind(self) -> Mode:
        """The mode."""
        return Mode(self.mode)


def pointings(headers: Iterable[EventHeader]) -> SkyCoord:
    """Where the telescope pointed, one array (ICRS)."""
    several = list(headers)
    lon, lat = np.zeros(len(several)), np.zeros(len(several))
    for frame in {one.frame for one in several}:
        rows = [number for number, one in enumerate(several) if one.frame == frame]
        places = SkyCoord([several[row].pointing_deg for row in rows], unit="deg", frame=frame).icrs
        lon[rows], lat[rows] = places.ra.deg, places.dec.deg
    return SkyCoord(lon, lat, unit="deg", frame="icrs")


_NAMES = [one.name for one in fields(EventHeader)]
_PAIRS = ("pointing_deg", "target_deg")


class Stamped(NamedTuple):
    """Event files as they are now.

    Parameters
    ----------
    place : str
        Their paths.
    stamp : str
        Their sizes and when they were changed.
    """

    place: str
    stamp: str

    @staticmethod
    def place_of(paths: Sequence[Path]) -> str:
        """The paths as one text."""
        return "\n".join(str(path.absolute()) for path in paths)

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Stamped:
        """Look at some files.

        Raises
        ------
        OSError
            If one is not there.
        """
        stats = [path.stat() for path in paths]
        return cls(cls.place_of(paths), json.dumps([[stat.st_size, stat.st_mtime_ns] for stat in stats]))


class HeaderIndex:
    """Headers of event files, in the folder of ``conf.cache_dir`` and in memory.

    On disk nothing is kept if ``conf.cache`` is false; that the file cannot be
    read or written is no error.
    """

    def __init__(self) -> None:
        self._known: dict[Stamped, EventHeader] = {}
        self._new: dict[Stamped, EventHeader] = {}
        self._guard = threading.Lock()  # the server searches in several threads

    def get(self, files: Stamped) -> EventHeader | None:
        """The header of files that have not changed since."""
        return self._known.get(files)

    def add(self, files: Stamped, header: EventHeader) -> None:
        """Keep a header; it is on disk after `save`."""
        with self._guard:
            self._known[files] = self._new[files] = header

    def load(self, places: Sequence[str]) -> None:
        """Take up what an earlier session kept of some files that are not known yet."""
        with self._guard:
            there = {files.place for files in self._known}
        wanted = [place for place in places if place not in there]
        if not wanted:
            return
        _use(lambda store: self._take(store, wanted), make=False)

    def _take(self, store: sqlite3.Connection, places: Sequence[str]) -> None:
        for place in places:
            for stamp, text in store.execute("SELECT stamp, header FROM headers WHERE place = ?", [place]):
                header = _read(text)
                if header is not None:
                    with self._guard:
                        self._known[Stamped(place, stamp)] = header

    def save(self) -> None:
        """Write down what is new."""
        with self._guard:
            new, self._new = self._new, {}
        if not new:
            return
        rows = [(*files, _written(header)) for files, header in new.items()]

        def write(store: sqlite3.Connection) -> None:
            store.executemany("INSERT OR REPLACE INTO headers VALUES (?, ?, ?)", rows)
            store.execute(_PRUNE)

        _use(write, make=True)


def _use(work: Callable[[sqlite3.Connection], None], *, make: bool) -> None:
    """Do something with the file of the headers, if there is one; what fails is told in the log."""
    path = cache_folder() / _FILE
    if not conf.cache or not (make or path.is_file()):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(path, timeout=_PATIENCE_S)
        try:
            with store:
                store.execute(_TABLE)
                work(store)
        finally:
            store.close()
    except (OSError, sqlite3.Error) as error:
        log.info("headers of event files are not kept in %s: %s", path, error)
        if type(error) is sqlite3.DatabaseError:  # no such file: the next session makes a new one
            path.unlink(missing_ok=True)


def _written(header: EventHeader) -> str:
    return json.dumps(asdict(header))


def _read(text: str) -> EventHeader | None:
    """The header, or `None` if another version wrote it."""
    try:
        values: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict) or sorted(values) != sorted(_NAMES):
        return None
    pairs = {name: tuple(values[name]) for name in _PAIRS if values[name]}
    return EventHeader(**{**values, **pairs})
