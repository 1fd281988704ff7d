"""Where things are: sky pixels, the detector on the sky, field of view, areas.

Sky pixels are 0-based (FITS value minus one), detector pixels are the DETX
and DETY of the event files (1 to 600). In one snapshot the two are related by
a rotation and an offset that follows the pointing; both are measured from the
events themselves, which carry both coordinates, so no attitude file is
needed.
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
    "FIELD_RADIUS_PIX",
    "Pointing",
    "fit_pointing",
    "live_columns",
    "live_map",
    "look_up",
    "nominal_pointing",
    "off_axis_arcmin",
    "pixel_to_sky",
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
_FIELD_CENTRE_DET = (307.0, 296.0)
_FIELD_EDGE_DET = (3, 598)

# Boresight, and the angle that DETX makes with the sky beyond the roll in the
# header; measured with attitudes of 00085374001 and 00085374005.
_BORESIGHT_DET = (294.63, 298.78)
_ROLL_OFFSET_DEG = 269.83

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
        Whether the events themselves were used; otherwise it is the mean
        pointing of the header, good to some tens of pixels.
    """

    rotation: complex
    time_s: Floats
    offset: NDArray[np.complex128]
    measured: bool

    def offset_at(self, time_s: Any) -> Any:
        """Offset at any time (MET s), linear between the nodes and constant outside."""
        return np.interp(time_s, self.time_s, self.offset)

    def to_detector(self, x_pix: Any, y_pix: Any, offset: Any) -> tuple[Any, Any]:
        """Detector pixel (detx, dety) of sky pixels, for an offset of `offset_at`."""
        det = (offset - (np.asarray(x_pix) + 1j * np.asarray(y_pix))) * np.conj(self.rotation)
        return det.real, -det.imag

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
        None if there are fewer than 8 events.
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
    return Pointing(rotation, mean(time + 0j).real, mean(sky + rotation * det), measured=True)


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
    offset = x_pix + 1j * y_pix + rotation * (_BORESIGHT_DET[0] - 1j * _BORESIGHT_DET[1])
    return Pointing(rotation, np.zeros(1), np.array([offset]), measured=False)


def live_map(
    mode: Mode, met: float, bad_pixels: NDArray[Any] | None = None, columns: tuple[int, int] | None = None
) -> Flags:
    """Which detector pixels give events.

    Pixels beside a bad one give none either: the ground software rejects
    events whose 3x3 surroundings hold a bad pixel. In the event lists of GRB
    221009A the neighbours of bad columns hold 1 per cent of the events of
    good pixels, those of single bad pixels 20 per cent.

    Parameters
    ----------
    mode : Mode
        Photon counting has a round field of view, windowed timing a window of
        columns.
    met : float
        Time in MET seconds; the damaged columns are bad since 2005-05-27.
    bad_pixels : structured ndarray, optional
        Rows ``rawx, rawy, type, yextent`` of the file's ``BADPIX`` extension.
    columns : tuple of int, optional
        First and last DETX of the window.

    Returns
    -------
    live : ndarray of bool, shape (602, 602)
        Indexed ``[dety, detx]``; rows and columns 0 and 601 are dead.
    """
    bad = np.zeros((DETECTOR_SIZE + 2, DETECTOR_SIZE + 2), dtype=bool)
    if bad_pixels is not None:
        for row in bad_pixels:
            x, y, length = int(row["rawx"]) + 1, int(row["rawy"]) + 1, max(int(row["yextent"]), 1)
            bad[y : y + length, x] = True
    bad = ndimage.binary_dilation(bad, np.ones((3, 3), dtype=bool))
    if met > _DAMAGE_MET:
        for first, last in BAD_COLUMNS_DETX[mode]:
            bad[:, first : last + 1] = True
    det = np.arange(DETECTOR_SIZE + 2)
    inside = np.zeros(bad.shape, dtype=bool)
    first, last = columns or (_FIELD_EDGE_DET if mode is Mode.PC else (1, DETECTOR_SIZE))
    inside[1:-1, max(first, 1) : min(last, DETECTOR_SIZE) + 1] = True
    if mode is Mode.PC:
        inside[: _FIELD_EDGE_DET[0]] = inside[_FIELD_EDGE_DET[1] + 1 :] = False
        inside &= np.hypot(det[:, None] - _FIELD_CENTRE_DET[1], det - _FIELD_CENTRE_DET[0]) <= FIELD_RADIUS_PIX
    return inside & ~bad


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
