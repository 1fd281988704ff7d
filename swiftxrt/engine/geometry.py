"""Where things are: sky pixels, the detector on the sky, field of view, areas.

Sky pixels are 0-based (FITS value minus one), detector pixels are the DETX
and DETY of the event files (1 to 600). In one snapshot the two are related by
a rotation and an offset that follows the pointing. Both are measured from the
events themselves, which carry both coordinates, or come from the record of the
spacecraft (`swiftxrt.engine.pointing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy import ndimage

from ..mission import BAD_COLUMNS_DETX, DETECTOR_SIZE, OPTICAL_AXIS_DET, PIXEL_ARCSEC, SKY_SIZE, Mode

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = [
    "BORESIGHT_DET",
    "FIELD_CENTRE_DET",
    "FIELD_RADIUS_PIX",
    "Pointing",
    "fit_pointing",
    "live_columns",
    "live_map",
    "look_up",
    "nominal_pointing",
    "off_axis_arcmin",
    "pixel_to_sky",
    "record_pointing",
    "ring_pixels",
    "sky_to_pixel",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Field of view on the detector: inside this circle (12.34 arcmin) and the
#: square below. It is the smallest circle around the events of nine event
#: lists of GRB 221009A and of 00085374001, and sharp: the last pixel inside
#: has 141 events, the first outside none.
FIELD_RADIUS_PIX = 314.0
FIELD_CENTRE_DET = (307.0, 296.0)
_FIELD_EDGE_DET = (3, 598)

# Boresight, and the angle that DETX makes with the sky beyond the roll;
# measured with the frame headers of 00085374001 against its 37,000 unfiltered
# events and, to 0.04 pixel and 0.005 degrees the same, in 00085374005.
BORESIGHT_DET = (294.63, 298.78)
_ROLL_OFFSET_DEG = 269.83

# Bad pixels with one of these flags (CALDB, found on board, 64) were known
# before events were made from pixels: no event has one among its neighbours.
# In 11 event lists their neighbours hold 0 events where 2000 would be, those
# of pixels that were found afterwards (hot: 8, flickering: 32) 31 and 75 per
# cent. The official exposure maps follow the same rule.
_KNOWN_BAD = 1 | 2 | 64
# Beyond this median distance (pixels) events and the fitted pointing have
# nothing to do with each other, as while the spacecraft slews.
_WORST_FIT_PIX = 3.0

# The micrometeoroid that damaged the columns hit on 2005-05-27.
_DAMAGE_MET = 138_844_800.0
_MIN_EVENTS = 8


def sky_to_pixel(wcs: WCS, position: SkyCoord) -> tuple[float, float]:
    """0-based sky pixel (x, y) of a position."""
    x_pix, y_pix = wcs.world_to_pixel(position)
    return float(x_pix), float(y_pix)


def pixel_to_sky(wcs: WCS, x_pix: float, y_pix: float) -> SkyCoord:
    """ICRS position of a 0-based sky pixel."""
    return wcs.pixel_to_world(x_pix, y_pix).icrs


def off_axis_arcmin(detx: Any, dety: Any) -> Any:
    """Angle from the optical axis in arcminutes, for detector pixels."""
    return np.hypot(detx - OPTICAL_AXIS_DET[0], dety - OPTICAL_AXIS_DET[1]) * PIXEL_ARCSEC / 60.0


@dataclass(frozen=True, eq=False)
class Pointing:
    """The detector on the sky during one snapshot.

    With sky pixels as complex numbers, ``x + iy = offset - rotation (detx -
    i dety)``: DETX runs against the rotation because the sky is seen from
    inside.

    Parameters
    ----------
    rotation : complex
        Of modulus one.
    time_s : ndarray, shape (n,)
        MET at which the offset is known, increasing.
    offset : ndarray of complex, shape (n,)
        Sky pixel of the detector's origin at these times.
    measured : bool
        Whether it was measured in this snapshot; otherwise it is the mean
        pointing of the header, good to some tens of pixels.
    source : str, optional
        ``"events"``, ``"attitude"``, ``"housekeeping"`` or ``"header"``.
    """

    rotation: complex
    time_s: Floats
    offset: NDArray[np.complex128]
    measured: bool
    source: str = "events"

    def offset_at(self, time_s: Any) -> Any:
        """Offset at any time (MET s), linear between the nodes and constant outside."""
        return np.interp(time_s, self.time_s, self.offset)

    def to_detector(self, x_pix: Any, y_pix: Any, offset: Any) -> tuple[Any, Any]:
        """Detector pixel (detx, dety) of sky pixels, for an offset of `offset_at`."""
        # (offset - x - iy) times the conjugate of the rotation; faster in real numbers.
        x, y = np.real(offset) - np.asarray(x_pix), np.imag(offset) - np.asarray(y_pix)
        cosine, sine = self.rotation.real, self.rotation.imag
        return x * cosine + y * sine, x * sine - y * cosine

    def to_sky(self, detx: Any, dety: Any, offset: Any) -> tuple[Any, Any]:
        """Sky pixel (x, y) of detector pixels; the inverse of `to_detector`."""
        sky = offset - self.rotation * (np.asarray(detx) - 1j * np.asarray(dety))
        return sky.real, sky.imag

    @property
    def column_angle_deg(self) -> float:
        """Angle of the direction of growing DETX on the sky image, from x to y, in degrees (-180 to 180)."""
        return float(np.degrees(np.angle(-self.rotation)))

    def along_columns(self, x_pix: Any, y_pix: Any, x0_pix: float, y0_pix: float) -> Any:
        """Distance in pixels from (x0, y0) along the direction of growing DETX."""
        shift = (np.asarray(x_pix) - x0_pix) + 1j * (np.asarray(y_pix) - y0_pix)
        return (-shift * np.conj(self.rotation)).real

    def moved_along_columns(self, x_pix: float, y_pix: float, distance_pix: float) -> tuple[float, float]:
        """Sky pixel at a distance from (x, y) in the direction of growing DETX."""
        moved = complex(x_pix, y_pix) - distance_pix * self.rotation
        return moved.real, moved.imag


def fit_pointing(time_s: Floats, x_pix: Any, y_pix: Any, detx: Any, dety: Any) -> Pointing | None:
    """Measure the pointing from the events of one snapshot.

    The events are taken in groups of neighbours in time, about 10 s long. The
    rotation follows from the shape of each group (least squares about the
    group means), the offset of each group from its mean; groups that spread
    over more than a pixel, as while the spacecraft settles, do not count for
    the rotation.

    Parameters
    ----------
    time_s : ndarray, shape (n,)
        MET of the events.
    x_pix, y_pix, detx, dety : array, shape (n,)
        Sky and detector pixels of the events.

    Returns
    -------
    pointing : Pointing or None
        None if there are fewer than 8 events, or if half of them lie more
        than 3 pixels from where they should.
    """
    n = time_s.size
    if n < _MIN_EVENTS:
        return None
    order = np.argsort(time_s, kind="stable")
    time = time_s[order]
    sky = np.asarray(x_pix, dtype=float)[order] + 1j * np.asarray(y_pix, dtype=float)[order]
    det = np.asarray(detx, dtype=float)[order] - 1j * np.asarray(dety, dtype=float)[order]
    size = max(4, int(np.ceil(n * 10.0 / (time[-1] - time[0] + 10.0))))
    group = np.minimum(np.arange(n) // size, max(n // size - 1, 0))
    number = np.bincount(group)

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        return (np.bincount(group, values.real) + 1j * np.bincount(group, values.imag)) / number

    sky_shape, det_shape = sky - mean(sky)[group], det - mean(det)[group]
    steady = np.ones(number.size, dtype=bool)
    rotation = 1.0 + 0.0j
    for _ in range(8):
        use = steady[group]
        slope = -np.sum(sky_shape[use] * det_shape[use].conj())
        rotation = complex(slope / abs(slope)) if abs(slope) > 0 else rotation
        spread = np.sqrt(np.bincount(group, np.abs(sky_shape + rotation * det_shape) ** 2) / number)
        steady = spread <= max(1.0, float(np.median(spread)))
    found = Pointing(rotation, mean(time + 0j).real, mean(sky + rotation * det), measured=True)
    misfit = np.abs(sky + rotation * det - found.offset_at(time))
    return found if np.median(misfit) <= _WORST_FIT_PIX else None


def record_pointing(time_s: Floats, roll_deg: Floats, x_pix: Any, y_pix: Any, source: str) -> Pointing:
    """The pointing that a record of the spacecraft gives.

    Parameters
    ----------
    time_s : ndarray, shape (n,)
        MET of the samples, increasing.
    roll_deg : ndarray, shape (n,)
        Roll angles; within a snapshot they are constant to 0.001 degrees.
    x_pix, y_pix : array, shape (n,)
        0-based sky pixels of the pointing directions.
    source : str
        What record it is.
    """
    roll = roll_deg[0] + np.median((roll_deg - roll_deg[0] + 180.0) % 360.0 - 180.0)
    rotation = complex(np.exp(1j * np.radians(roll + _ROLL_OFFSET_DEG)))
    offset = np.asarray(x_pix) + 1j * np.asarray(y_pix) + rotation * (BORESIGHT_DET[0] - 1j * BORESIGHT_DET[1])
    return Pointing(rotation, time_s, offset, measured=True, source=source)


def nominal_pointing(roll_deg: float, x_pix: float, y_pix: float) -> Pointing:
    """The pointing that the header of an observation gives.

    Parameters
    ----------
    roll_deg : float
        ``PA_PNT``.
    x_pix, y_pix : float
        Sky pixel of the pointing direction.
    """
    rotation = complex(np.exp(1j * np.radians(roll_deg + _ROLL_OFFSET_DEG)))
    offset = x_pix + 1j * y_pix + rotation * (BORESIGHT_DET[0] - 1j * BORESIGHT_DET[1])
    return Pointing(rotation, np.zeros(1), np.array([offset]), measured=False, source="header")


def live_map(
    mode: Mode, met: float, bad_pixels: NDArray[Any] | None = None, columns: tuple[int, int] | None = None
) -> Flags:
    """Which detector pixels give events.

    Pixels beside a bad one give none either if it was known as bad when
    events were made from pixels (flags 1, 2 and 64 of ``BADFLAG``). Where the
    file has no flags this is taken to be so for all. The official exposure
    maps of 00085374001 and GRB 221009A follow the same rule.

    Parameters
    ----------
    mode : Mode
        Photon counting has a round field of view, windowed timing a window of
        columns.
    met : float
        Time in MET seconds; the damaged columns are bad since 2005-05-27.
    bad_pixels : structured ndarray, optional
        Rows ``rawx, rawy, type, yextent`` and, if there are flags,
        ``badflag``, of the file's ``BADPIX`` extension.
    columns : tuple of int, optional
        First and last DETX of the window.

    Returns
    -------
    live : ndarray of bool, shape (602, 602)
        Indexed ``[dety, detx]``; rows and columns 0 and 601 are dead.
    """
    bad = _bad_map(bad_pixels)
    if met > _DAMAGE_MET:
        for first, last in BAD_COLUMNS_DETX[mode]:
            bad[:, first : last + 1] = True
    det = np.arange(DETECTOR_SIZE + 2)
    inside = np.zeros(bad.shape, dtype=bool)
    first, last = columns or (_FIELD_EDGE_DET if mode is Mode.PC else (1, DETECTOR_SIZE))
    inside[1:-1, max(first, 1) : min(last, DETECTOR_SIZE) + 1] = True
    if mode is Mode.PC:
        inside[: _FIELD_EDGE_DET[0]] = inside[_FIELD_EDGE_DET[1] + 1 :] = False
        inside &= np.hypot(det[:, None] - FIELD_CENTRE_DET[1], det - FIELD_CENTRE_DET[0]) <= FIELD_RADIUS_PIX
    return inside & ~bad


def _bad_map(bad_pixels: NDArray[Any] | None) -> Flags:
    """Bad pixels, and the neighbours of those that were known early."""
    bad, known = np.zeros((2, DETECTOR_SIZE + 2, DETECTOR_SIZE + 2), dtype=bool)
    if bad_pixels is None:
        return bad
    flagged = "badflag" in (bad_pixels.dtype.names or ())
    flags = bad_pixels["badflag"] if flagged else np.zeros(len(bad_pixels), dtype=int)
    early = (flags == 0) | (flags & _KNOWN_BAD > 0)
    columns = (np.asarray(bad_pixels[name], dtype=np.intp) for name in ("rawx", "rawy", "yextent"))
    for rawx, rawy, length, is_early in zip(*columns, early, strict=True):
        if 0 <= rawx < DETECTOR_SIZE and 0 <= rawy < DETECTOR_SIZE:
            part = (slice(rawy + 1, rawy + 1 + max(length, 1)), rawx + 1)
            bad[part] = True
            known[part] |= is_early
    return bad | ndimage.binary_dilation(known, np.ones((3, 3), dtype=bool))


def live_columns(live: Flags) -> Flags:
    """Columns of a `live_map` of which at least half the pixels give events, shape (602,)."""
    return live.sum(axis=0) >= DETECTOR_SIZE / 2


def look_up(live: Flags, detx: Any, dety: Any) -> Flags:
    """Values of a `live_map` at detector positions; False outside."""
    column = np.clip(np.rint(detx), 0, DETECTOR_SIZE + 1).astype(np.intp)
    row = np.clip(np.rint(dety), 0, DETECTOR_SIZE + 1).astype(np.intp)
    return live[row, column]


def ring_pixels(
    x_pix: float, y_pix: float, outer_pix: float, inner_pix: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of the sky image whose centre lies in a circle or ring.

    Events carry whole pixels, so this is exactly the set of places from which
    events are taken.

    Parameters
    ----------
    x_pix, y_pix : float
        Centre.
    outer_pix, inner_pix : float
        Limits ``inner <= r <= outer``.

    Returns
    -------
    x, y : ndarray of int
        0-based pixels, inside the sky image.
    """
    x = np.arange(max(int(np.floor(x_pix - outer_pix)), 0), min(int(np.ceil(x_pix + outer_pix)) + 1, SKY_SIZE))
    y = np.arange(max(int(np.floor(y_pix - outer_pix)), 0), min(int(np.ceil(y_pix + outer_pix)) + 1, SKY_SIZE))
    grid_x, grid_y = np.meshgrid(x, y)
    radius = np.hypot(grid_x - x_pix, grid_y - y_pix)
    inside = (radius >= inner_pix) & (radius <= outer_pix)
    return grid_x[inside], grid_y[inside]
