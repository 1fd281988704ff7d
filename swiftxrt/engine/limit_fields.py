"""Data sets searched for sources, kept for the positions that are asked for next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..products.calibration import Calibration
from ..products.events import EventList
from .detection import Detection, find_sources
from .detection_field import DetectionBand, Field
from .exposure import map_exposure
from .grid import enclosing_wcs
from .hot_pixels import hot_events
from .image import stack_images

__all__ = ["DataSetFields", "LimitFields"]

#: What is kept may take so much memory.
MOST_BYTES = 512 * 2**20


@dataclass(frozen=True, eq=False)
class _Searched:
    """A band of a data set."""

    field: Field
    detection: Detection

    @classmethod
    def of(cls, field: Field, like: Field | None) -> _Searched:
        """Search a field; what it has in common with another band is kept once."""
        found = find_sources(field)
        common = ("time_s", "off_axis_arcmin")
        images = {name: _small(getattr(field, name)) for name in ("counts", "source_s", "background_s")}
        images |= {name: _small(getattr(field, name)) if like is None else getattr(like, name) for name in common}
        kept = replace(found, background=_small(found.background), model=_small(found.model))
        return cls(replace(field, **images), kept)

    @property
    def n_bytes(self) -> int:
        return 5 * int(self.field.counts.nbytes)


def _small(image: NDArray[Any]) -> NDArray[Any]:
    """In single precision: seven digits of an expected number of counts are plenty."""
    return image.astype(np.float32)


class DataSetFields:
    """The part of the sky that a data set saw, searched band by band when it is first needed.

    Parameters
    ----------
    lists : sequence of EventList
        Photon counting mode.
    calibration : Calibration
        Point spread function and vignetting.
    """

    def __init__(self, lists: Sequence[EventList], calibration: Calibration) -> None:
        self._lists, self._calibration = tuple(lists), calibration
        self._bands: dict[str, _Searched] = {}
        self._guard = threading.Lock()
        self.wcs: WCS = enclosing_wcs(lists)
        exposure = map_exposure(lists, self.wcs)
        rows, cols = (np.flatnonzero((exposure.time_s > 0).any(axis=axis)) for axis in (1, 0))
        #: Whether any pixel was seen.
        self.is_seen = bool(rows.size)
        if self.is_seen:
            self._window = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
            part = exposure[self._window]
            self._exposure = replace(part, time_s=part.time_s.copy(), square_s=part.square_s.copy())
            self._hot = [hot_events(events) for events in lists]

    @property
    def corner(self) -> tuple[int, int]:
        """First row and column of the part that was seen."""
        rows, cols = self._window
        return int(rows.start), int(cols.start)

    def searched(self, band: DetectionBand) -> tuple[Field, Detection]:
        """The field in a band, and the sources in it."""
        with self._guard:
            if band.name not in self._bands:
                like = next((one.field for one in self._bands.values()), None)
                self._bands[band.name] = _Searched.of(self._field(band), like)
            found = self._bands[band.name]
        return found.field, found.detection

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        exposure = 2 * int(self._exposure.time_s.nbytes) if self.is_seen else 0
        return 2 * exposure + sum(one.n_bytes for one in list(self._bands.values()))

    def _field(self, band: DetectionBand) -> Field:
        counts = stack_images(self._lists, band.channels, wcs=self.wcs, exposure=False, left_out=self._hot).counts
        return Field.of(
            counts[self._window],
            self._exposure,
            band.energy_kev,
            self._calibration,
            vignetting_kev=band.vignetting_kev,
        )


class LimitFields:
    """Data sets that were used last, as many as memory is given for.

    Parameters
    ----------
    calibration : Calibration
        Point spread function and vignetting.
    most_bytes : int, optional
        How much memory; with 0 only the last one is kept.
    """

    def __init__(self, calibration: Calibration, *, most_bytes: int = MOST_BYTES) -> None:
        self.calibration, self._most_bytes = calibration, most_bytes
        self._kept: OrderedDict[tuple[int, ...], DataSetFields] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, lists: Sequence[EventList]) -> DataSetFields:
        """Those of a data set, the very event lists."""
        key = tuple(map(id, lists))  # what is kept holds them, so that no others can have these numbers
        with self._guard:
            found = self._kept.get(key)
        made = found or DataSetFields(lists, self.calibration)
        with self._guard:
            made = self._kept.setdefault(key, made)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(one.n_bytes for one in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
        return made
