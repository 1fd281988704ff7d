"""Where the telescope pointed, as the spacecraft recorded it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from ..exceptions import RequestError
from ..met import met_to_time
from ._arrays import readonly
from .gti import GTI

__all__ = ["KINDS", "Attitude"]

#: What a record comes from: an attitude file, or the frame headers of the housekeeping file.
KINDS = ("attitude", "housekeeping")

# Between two samples further apart than this (s) nobody knows where the
# telescope pointed. Attitude files have five samples a second, frame headers
# one in 2.5 s, with gaps of some frames.
_LONGEST_GAP_S = 30.0
_COLUMNS = ("met", "ra_deg", "dec_deg", "roll_deg")


@dataclass(frozen=True, eq=False, repr=False)
class Attitude:
    """Pointing directions and roll angles, in order of time; immutable.

    Samples with values that are not finite are left out.

    Parameters
    ----------
    met : array_like, shape (n,)
        Mission elapsed time in seconds.
    ra_deg, dec_deg : array_like, shape (n,)
        Pointing direction, FK5 (J2000), in degrees.
    roll_deg : array_like, shape (n,)
        Position angle of the spacecraft as ``PA_PNT``, in degrees.
    kind : str, optional
        ``"attitude"`` for an attitude file, ``"housekeeping"`` for the frame
        headers of the XRT.
    path : path-like, optional
        The file they come from.

    Raises
    ------
    RequestError
        If there is no sound sample, or the columns differ in length.

    Examples
    --------
    >>> from swiftxrt.products.attitude import Attitude
    >>> record = Attitude([10.0, 12.5], [150.0, 150.001], [20.0, 20.0], [25.0, 25.0])
    >>> record
    <Attitude attitude: 2 samples, MET 10.0 to 12.5 s>
    """

    met: NDArray[np.float64]
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    roll_deg: NDArray[np.float64]
    kind: str = "attitude"
    path: Path | None = None

    def __post_init__(self) -> None:
        columns = [np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)) for name in _COLUMNS]
        if columns[0].ndim != 1 or len({column.shape for column in columns}) != 1:
            raise RequestError(
                f"columns of one length are needed; got {[column.shape for column in columns]}", "attitude"
            )
        if self.kind not in KINDS:
            raise RequestError([("kind", f"one of {', '.join(KINDS)} is needed; got {self.kind!r}")], "attitude")
        sound = np.isfinite(columns).all(axis=0) & (np.abs(columns[2]) <= 90.0)
        if not sound.any():
            raise RequestError("there is no sample with finite time, direction and roll", "attitude")
        order = np.flatnonzero(sound)[np.argsort(columns[0][sound], kind="stable")]
        for name, column in zip(_COLUMNS, columns, strict=True):
            object.__setattr__(self, name, readonly(column[order]))
        object.__setattr__(self, "path", None if self.path is None else Path(self.path))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Attitude:
        """Read an attitude file (``sw...pat.fits``, ``sw...sat.fits``) or housekeeping file (``sw...xhd.hk``).

        Raises
        ------
        FormatError
            If the file is damaged or holds neither.
        """
        from ..io.attitude import read_attitude

        return read_attitude(path)

    @property
    def time(self) -> Time:
        """Times of the samples, UTC."""
        return met_to_time(self.met)

    @property
    def coord(self) -> SkyCoord:
        """Pointing directions."""
        return SkyCoord(self.ra_deg, self.dec_deg, unit="deg", frame="fk5")

    @property
    def roll(self) -> u.Quantity:
        """Position angles of the spacecraft in degrees."""
        return self.roll_deg * u.deg

    def within(self, gti: GTI) -> Attitude | None:
        """The samples from just before to just after good time, or None if there are none."""
        near = GTI(gti.start - _LONGEST_GAP_S, gti.stop + _LONGEST_GAP_S).contains(self.met)
        if not near.any():
            return None
        return replace(self, **{name: getattr(self, name)[near] for name in _COLUMNS})

    def covers(self, met: ArrayLike) -> NDArray[np.bool_]:
        """Whether there is a sample close enough (15 s) to times in MET seconds."""
        time_s = np.atleast_1d(np.asarray(met, dtype=float))
        after = np.searchsorted(self.met, time_s)
        neighbours = self.met[np.maximum(after - 1, 0)], self.met[np.minimum(after, self.met.size - 1)]
        return np.min([np.abs(time_s - sample) for sample in neighbours], axis=0) <= _LONGEST_GAP_S / 2

    def __len__(self) -> int:
        return int(self.met.size)

    def __repr__(self) -> str:
        word = "sample" if len(self) == 1 else "samples"
        return f"<Attitude {self.kind}: {len(self)} {word}, MET {self.met[0]:.1f} to {self.met[-1]:.1f} s>"
