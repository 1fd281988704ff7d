"""Events of a source in both modes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from astropy.coordinates import SkyCoord

from ..exceptions import NoDataError
from ..mission import Mode
from ..products.events import EventList
from ..request.bundle import XRTRequest
from .data import Data
from .extracted import Extraction, ExtractionParameters
from .extraction import extract

__all__ = ["extract_modes"]

_COLUMNS = ("met", "x", "y", "detx", "dety", "pi", "grade", "bad_pixels")
_ATTITUDE = ("met", "ra_deg", "dec_deg", "roll_deg")
#: So many extractions are kept, so that a light curve is binned anew without extracting its events again.
KEPT = 4


class _Kept:
    """The extractions used last, by what they were made from."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Extraction] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: str, make: Callable[[], Extraction]) -> Extraction:
        """What is kept under a key, or else what `make` gives."""
        with self._guard:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._guard:
            self._found[key] = made
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
        return made


_kept = _Kept()


def extract_modes(
    request: XRTRequest, data: Data, parameters: ExtractionParameters, progress: Callable[..., None]
) -> tuple[dict[Mode, Extraction], list[str]]:
    """Take source and background events out of the data of both modes.

    Both are extracted before anything is made of them, so that the steps of a
    product come one after the other. The same events, position and parameters
    give what was found before.

    Parameters
    ----------
    request : XRTRequest
        Says where the source is.
    data : Data
        The data.
    parameters : ExtractionParameters
        How to extract.
    progress : callable
        Told the mode, as news of the first step.

    Returns
    -------
    extractions : dict of Mode to Extraction
        Windowed timing first; a mode without events is left out.
    left_out : list of str
        Why a mode with data was left out.
    """
    extractions: dict[Mode, Extraction] = {}
    left_out: list[str] = []
    for mode in (Mode.WT, Mode.PC):
        lists = data.of(mode)
        if not lists:
            continue
        progress(0, f"{mode.value} mode")
        try:
            extractions[mode] = _extracted(lists, request.target.position, parameters)
        except NoDataError as error:
            left_out.append(f"{mode.value} mode was left out: {error}")
    return extractions, left_out


def _extracted(lists: Sequence[EventList], position: SkyCoord, parameters: ExtractionParameters) -> Extraction:
    digest = hashlib.blake2b(repr((position.icrs.ra.deg, position.icrs.dec.deg, parameters)).encode())
    for events in lists:
        _add(digest, events)
    return _kept.get(digest.hexdigest(), lambda: extract(lists, position, parameters))


def _add(digest: hashlib.blake2b, events: EventList) -> None:
    """Add all of an event list that an extraction depends on to a digest."""
    digest.update(repr((events.obsid, events.mode, sorted(events.header.items()))).encode())
    attitude = () if events.attitude is None else (getattr(events.attitude, name) for name in _ATTITUDE)
    for values in (events.gti.start, events.gti.stop, *attitude, *(getattr(events, name) for name in _COLUMNS)):
        if values is not None:
            digest.update(repr((values.dtype, values.shape)).encode())
            digest.update(np.ascontiguousarray(values).tobytes())
