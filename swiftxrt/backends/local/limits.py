"""Upper limits measured in the observations of a folder."""

from __future__ import annotations

from astropy.coordinates import SkyCoord
from astropy.table import QTable

from ..._log import log
from ...engine.make_limits import LimitSettings, make_limits
from ...exceptions import NoDataError
from ...mission import Mode
from ...products.calibration import Calibration
from ...products.events import EventList
from .archive import Archive

__all__ = ["measure_upper_limits"]


def measure_upper_limits(
    archive: Archive, positions: SkyCoord, settings: LimitSettings, calibration: Calibration
) -> QTable:
    """Upper limits at positions from all observations that cover them.

    Raises
    ------
    NoDataError
        If the archive is empty.
    FormatError
        If an event file is damaged.
    """
    lists: list[EventList] = []
    for observation in archive.covering(positions):
        if Mode.PC in observation.modes:
            try:
                lists.append(observation.events(Mode.PC))
            except NoDataError as error:  # very short exposures leave sound files without any event
                log.info("left out: %s", error)
    return make_limits(
        lists,
        positions,
        settings,
        calibration=calibration,
        progress=lambda note: log.info("upper limits: %s", note),
    )
