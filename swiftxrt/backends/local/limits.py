"""Upper limits measured in the observations of a folder."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from weakref import WeakKeyDictionary

from astropy.coordinates import SkyCoord
from astropy.table import QTable

from ..._log import log
from ...engine.limit_fields import LimitFields
from ...engine.make_limits import LimitSettings, make_limits
from ...exceptions import NoDataError
from ...mission import Mode
from ...products.calibration import Calibration
from ...products.events import EventList
from ...products.observation import Observation
from .archive import Archive

__all__ = ["measure_upper_limits"]

_Key = tuple[tuple[Path, int, int], ...]
#: So many event lists are kept, of so many events together.
_MOST_LISTS, _MOST_EVENTS = 2000, 5_000_000


class _Known:
    """What was read and searched for limits, kept for the next positions until the files change.

    Parameters
    ----------
    calibration : Calibration
        Of the engine.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.fields = LimitFields(calibration)
        self._lists: OrderedDict[_Key, EventList | None] = OrderedDict()
        self._guard = threading.Lock()

    def events(self, observation: Observation) -> EventList | None:
        """Those of photon counting; None if there are none in the file."""
        stats = ((path, path.stat()) for path in observation.files[Mode.PC])
        key = tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
        with self._guard:
            if key not in self._lists:
                self._lists[key] = _read(observation)
            self._lists.move_to_end(key)
            found = self._lists[key]
            while len(self._lists) > 1 and (len(self._lists) > _MOST_LISTS or self._n_events > _MOST_EVENTS):
                self._lists.popitem(last=False)
        return found

    @property
    def _n_events(self) -> int:
        return sum(len(events) for events in self._lists.values() if events is not None)


_known: WeakKeyDictionary[Archive, _Known] = WeakKeyDictionary()
_known_guard = threading.Lock()


def measure_upper_limits(
    archive: Archive,
    positions: SkyCoord,
    settings: LimitSettings,
    calibration: Calibration,
    *,
    end_met: float | None = None,
) -> QTable:
    """Upper limits at positions from all observations that cover them.

    Images, exposure maps and backgrounds are kept in memory, so that only the
    first position of a field takes seconds.

    Parameters
    ----------
    archive : Archive
        The observations.
    positions : `~astropy.coordinates.SkyCoord`, shape (n,)
        Where.
    settings : LimitSettings
        How.
    calibration : Calibration
        Of the engine.
    end_met : float, optional
        Observations that begin later are not used.

    Raises
    ------
    NoDataError
        If the archive is empty.
    FormatError
        If an event file is damaged.
    """
    with _known_guard:
        known = _known.get(archive)
        if known is None or known.fields.calibration is not calibration:
            known = _known[archive] = _Known(calibration)
    lists = _event_lists(known, archive.covering(positions))
    if end_met is not None:
        lists = [events for events in lists if len(events.gti) and float(events.gti.start[0]) < end_met]
    return make_limits(
        lists,
        positions,
        settings,
        calibration=calibration,
        progress=lambda note: log.info("upper limits: %s", note),
        fields=known.fields,
    )


def _event_lists(known: _Known, observations: Iterable[Observation]) -> list[EventList]:
    read = (known.events(one) for one in observations if Mode.PC in one.modes)
    return [events for events in read if events is not None]


def _read(observation: Observation) -> EventList | None:
    try:
        return observation.events(Mode.PC)
    except NoDataError as error:  # very short exposures leave sound files without any event
        log.info("left out: %s", error)
        return None
