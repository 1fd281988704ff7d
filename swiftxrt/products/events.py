"""Event lists: the photons of one observation in one mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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
from numpy.typing import NDArray

from ..bands import EnergyBand
from ..exceptions import RequestError
from ..met import met_to_time
from ..mission import CHANNEL_KEV, SKY_SIZE, Mode
from ._arrays import readonly
from ._event_facts import EventFacts
from ._event_header import as_mode, completed, image_cards, restricted
from ._regions import region_raster
from .attitude import Attitude
from .gti import GTI
from .image import SkyImage

__all__ = ["BAD_PIXEL_DTYPE", "FLAGGED_BAD_PIXEL_DTYPE", "EventList"]

Integers = NDArray[np.integer[Any]]

#: One row of a list of bad pixels: the lowest pixel (RAW), 1 pixel, 2 column
#: or 3 row, and how many pixels it extends along RAWY.
BAD_PIXEL_DTYPE = np.dtype([("rawx", "i4"), ("rawy", "i4"), ("type", "i4"), ("yextent", "i4")])
#: The same with the column ``BADFLAG``, which says who found it; 0 where that is not known.
FLAGGED_BAD_PIXEL_DTYPE = np.dtype([*BAD_PIXEL_DTYPE.descr, ("badflag", "u2")])

_INTEGER_COLUMNS = ("x", "y", "pi", "grade", "rawx", "rawy", "detx", "dety", "pha")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EventList(EventFacts):
    """Events of one mode with their good time intervals; immutable.

    Events are sorted by time when the list is made. All columns have shape
    (n,) and are read-only.

    Parameters
    ----------
    met : array_like of float
        Mission elapsed time in seconds as in the file; in photon counting
        mode the start of the readout frame.
    x, y : array_like of int
        Sky pixels counted from 0 (one less than in FITS files).
    pi : array_like of int
        Pulse-invariant channel, 10 eV each.
    grade : array_like of int
        Event grade.
    gti : GTI
        Good time intervals.
    mode : Mode or str
        ``"PC"`` or ``"WT"``.
    header : mapping
        Header cards of the EVENTS extension. ``OBS_ID``, ``RA_PNT``,
        ``DEC_PNT`` and ``PA_PNT`` are needed; times and exposures that are
        missing are worked out from `gti`. ``RA_NOM`` and ``DEC_NOM`` are the
        sky position of the image's reference pixel, by default the pointing.
    rawx, rawy, detx, dety, pha, status : array_like of int, optional
        Detector columns as in the file (RAW from 0, DET from 1).
    bad_pixels : structured ndarray, optional
        Fields ``rawx, rawy, type, yextent`` and, if known, ``badflag``, as in
        the BADPIX extension.
    attitude : Attitude, optional
        Where the telescope pointed; not part of comparisons.
    path : path-like, optional
        The file the events come from.

    Raises
    ------
    RequestError
        If columns differ in length or the header lacks a needed card.
    """

    met: NDArray[np.float64]
    x: Integers
    y: Integers
    pi: Integers
    grade: Integers
    gti: GTI
    mode: Mode
    header: Mapping[str, Any]
    rawx: Integers | None = None
    rawy: Integers | None = None
    detx: Integers | None = None
    dety: Integers | None = None
    pha: Integers | None = None
    status: Integers | None = None
    bad_pixels: NDArray[Any] | None = None
    attitude: Attitude | None = None
    path: Path | None = field(default=None)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.gti, GTI):
            raise RequestError([("gti", f"a GTI is needed; got {self.gti!r}")], "event list")
        put(self, "mode", as_mode(self.mode))
        put(self, "path", None if self.path is None else Path(self.path))
        put(self, "header", completed(self.header, self.gti, self.mode))
        put(self, "met", readonly(self.met))
        for name in _INTEGER_COLUMNS:
            put(self, name, _optional(getattr(self, name), np.int32))
        put(self, "status", _optional(self.status, np.uint16))
        put(self, "bad_pixels", _bad_pixel_rows(self.bad_pixels))
        self._check_and_sort()

    def _check_and_sort(self) -> None:
        columns = self._columns()
        wrong = [(name, f"{array.shape} instead of ({self.met.size},)") for name, array in columns.items()]
        wrong = [item for item, array in zip(wrong, columns.values(), strict=True) if array.shape != (self.met.size,)]
        if wrong:
            raise RequestError(wrong, "event list")
        if not np.isfinite(self.met).all():
            raise RequestError([("met", "times must be finite")], "event list")
        if np.any(self.met[1:] < self.met[:-1]):
            order = np.argsort(self.met, kind="stable")
            for name, array in columns.items():
                object.__setattr__(self, name, _read_only(array[order]))

    def _columns(self) -> dict[str, NDArray[Any]]:
        """The event columns there are."""
        values = {name: getattr(self, name) for name in ("met", *_INTEGER_COLUMNS, "status")}
        return {name: array for name, array in values.items() if array is not None}

    # --- Derived columns ------------------------------------------------------

    @property
    def met_mid_s(self) -> NDArray[np.float64]:
        """Times of the middle of the readout frame, MET seconds.

        Photon counting files give the start of the frame (``TIMEPIXR`` 0);
        official light curves are binned on its middle.
        """
        return self.met + (0.5 - float(self.header["TIMEPIXR"])) * self.frame_s

    @property
    def energy(self) -> u.Quantity:
        """Energy of each event in keV, the lower edge of its channel."""
        return self.pi * CHANNEL_KEV * u.keV

    @property
    def time(self) -> Time:
        """Time of each event, UTC, with the clock correction of the file if it has one."""
        return met_to_time(self.met, utcf=self.utcf)

    @property
    def position(self) -> SkyCoord:
        """Sky position of each event; NaN for events without sky pixel."""
        missing = (self.x < 0) | (self.y < 0)
        x, y = np.where(missing, np.nan, self.x), np.where(missing, np.nan, self.y)
        ra_deg, dec_deg = self.wcs.wcs_pix2world(x, y, 0)
        return SkyCoord(ra_deg, dec_deg, unit="deg", frame=self._frame)

    @property
    def table(self) -> QTable:
        """The events as a table with units; the header is in its meta."""
        columns: dict[str, Any] = {"time": self.time, "met": self.met * u.s, "energy": self.energy}
        columns |= {name: array for name, array in self._columns().items() if name != "met"}
        return QTable(columns, meta=dict(self.header))

    # --- Parts and images -----------------------------------------------------

    def select(
        self,
        *,
        gti: GTI | None = None,
        band: EnergyBand | str | None = None,
        region: Any = None,
        grades: tuple[int, int] | None = None,
    ) -> EventList:
        """The events that meet all conditions given.

        Parameters
        ----------
        gti : GTI, optional
            Keep these times; good time and exposure shrink accordingly.
        band : EnergyBand or str, optional
            Keep this band, such as ``"0.3-10 keV"``; both ends belong to it.
        region : region or list of regions, optional
            Keep events inside a shape of `regions`, on the sky or in 0-based
            sky pixels. Shapes marked as excluded are taken out of a list.
        grades : tuple of int, optional
            Lowest and highest grade to keep.

        Returns
        -------
        events : EventList
            May hold no event at all.

        Raises
        ------
        RequestError
            If a condition is not of the right type.

        Examples
        --------
        >>> import astropy.units as u
        >>> from regions import CircleSkyRegion
        >>> events = EventList.read("sw00085374001xpcw3po_cl.evt.gz")  # doctest: +SKIP
        >>> events.select(region=CircleSkyRegion(events.pointing, 47 * u.arcsec),
        ...               band="0.3-10 keV")  # doctest: +SKIP
        """
        kept = np.ones(len(self), dtype=bool)
        changes: dict[str, Any] = {}
        if gti is not None:
            if not isinstance(gti, GTI):
                raise RequestError([("gti", f"a GTI is needed; got {gti!r}")], "selection")
            changes = {"gti": self.gti & gti, "header": restricted(self.header, self.gti & gti)}
            kept &= gti.contains(self.met)
        if band is not None:
            kept &= _between(self.pi, EnergyBand.parse(band).channels)
        if grades is not None:
            kept &= _between(self.grade, _grade_pair(grades))
        if region is not None:
            # One more pixel, for the events without a place on the image.
            kept &= np.append(region_raster(region, self.wcs), False)[self._flat_pixel]
        return self._taken(np.flatnonzero(kept), changes)

    def _taken(self, index: NDArray[np.intp], changes: Mapping[str, Any]) -> EventList:
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {name: _read_only(array.take(index)) for name, array in self._columns().items()}
        return type(self)(**(values | dict(changes)))

    @cached_property
    def _flat_pixel(self) -> NDArray[np.intp]:
        """Index into the flattened sky image; events off the image share the index behind its end."""
        flat = np.multiply(self.y, SKY_SIZE, dtype=np.intp)
        flat += self.x
        # Unsigned, what is negative becomes large: one comparison for both ends.
        outside = (self.x.view(np.uint32) >= SKY_SIZE) | (self.y.view(np.uint32) >= SKY_SIZE)
        flat[outside] = SKY_SIZE**2
        return _read_only(flat)

    def to_image(self, band: EnergyBand | str | None = None) -> SkyImage:
        """Counts per sky pixel.

        Parameters
        ----------
        band : EnergyBand or str, optional
            Energies to count; all events when not given, which is what the
            official ``_sk.img`` files hold.

        Returns
        -------
        image : SkyImage
            1000 x 1000 pixels; events without sky pixel are left out.
        """
        chosen = None if band is None else EnergyBand.parse(band)
        flat = self._flat_pixel if chosen is None else self._flat_pixel[_between(self.pi, chosen.channels)]
        counts = np.bincount(flat, minlength=SKY_SIZE**2)[: SKY_SIZE**2]
        data = counts.astype(np.int32).reshape(SKY_SIZE, SKY_SIZE)
        return SkyImage(CCDData(data, unit=u.ct, wcs=self.wcs.deepcopy(), meta=image_cards(self.header)), band=chosen)

    # --- Files, comparison, display -------------------------------------------

    @classmethod
    def read(cls, path: str | PathLike[str]) -> EventList:
        """Read an XRT event file, plain or gzipped.

        Raises
        ------
        FormatError
            If the file is not FITS, is damaged, comes from another
            telescope or in a mode other than photon counting and windowed
            timing, was taken during a slew, or lacks events, columns or good
            time intervals.
        NoDataError
            If the file is sound but holds no event.
        """
        from ..io.events import read_events

        return read_events(path)

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write an XRT event file, named ``.evt`` or ``.fits`` (gzipped if ``.gz`` follows).

        Raises
        ------
        RequestError
            If the name has another ending, or a value does not fit into its column.
        OutputExistsError
            If `path` exists and `overwrite` is false.
        """
        from ..io.events import write_events

        return write_events(self, path, overwrite=overwrite)

    def __len__(self) -> int:
        return int(self.met.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EventList):
            return NotImplemented
        mine, theirs = self._columns(), other._columns()
        return (
            self.mode is other.mode
            and self.gti == other.gti
            and self.header == other.header
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
            and _same_rows(self.bad_pixels, other.bad_pixels)
        )

    __hash__ = None  # type: ignore[assignment]  # Compared by content, which is too much to hash.

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), {item.name: getattr(self, item.name) for item in fields(self)})

    def __repr__(self) -> str:
        energies = f"{self.pi.min() / 100:.2f}-{self.pi.max() / 100:.2f} keV, " if len(self) else ""
        word = "event" if len(self) == 1 else "events"
        return (
            f"<EventList {self.obsid} {self.mode.value}: {len(self)} {word}, {energies}"
            f"{self.exposure.value:.1f} s live, {len(self.gti)} GTI>"
        )


def _rebuilt(cls: type[EventList], values: dict[str, Any]) -> EventList:
    """Unpickle; pickled arrays come back writable and are owned by nobody else."""
    for array in values.values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return cls(**values)


def _same_rows(first: NDArray[Any] | None, second: NDArray[Any] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


def _optional(values: Any, dtype: Any) -> NDArray[Any] | None:
    return None if values is None else readonly(values, dtype)


def _bad_pixel_rows(values: Any) -> NDArray[Any] | None:
    """Rows with flags; those without one are given the flag 0."""
    if values is None:
        return None
    if isinstance(values, np.ndarray) and values.dtype == FLAGGED_BAD_PIXEL_DTYPE:
        return readonly(values, FLAGGED_BAD_PIXEL_DTYPE)
    given = np.array(values, dtype=BAD_PIXEL_DTYPE)
    rows = np.zeros(given.shape, dtype=FLAGGED_BAD_PIXEL_DTYPE)
    for name in BAD_PIXEL_DTYPE.names or ():
        rows[name] = given[name]
    return _read_only(rows)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _between(values: Integers, limits: tuple[int, int]) -> NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])


def _grade_pair(grades: Any) -> tuple[int, int]:
    pair = tuple(grades) if isinstance(grades, tuple | list) else ()
    if len(pair) != 2 or not all(isinstance(value, int | np.integer) for value in pair) or pair[0] > pair[1]:
        raise RequestError([("grades", f"lowest and highest grade are needed, such as (0, 12); got {grades!r}")])
    return int(pair[0]), int(pair[1])
