"""What the header of an event list says, with units."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.wcs import WCS

from ..exceptions import NoDataError
from ..identifiers import parse_obsid
from ..met import met_to_time
from ._event_header import live_fraction
from ._wcs import sky_wcs
from .gti import GTI

__all__ = ["EventFacts"]


class EventFacts:
    """The part of an event list that follows from its header and good time."""

    header: Mapping[str, Any]
    gti: GTI

    @cached_property
    def wcs(self) -> WCS:
        """System of the sky image, 1000 x 1000 pixels with reference pixel 500.5 (FITS count)."""
        head = self.header
        return sky_wcs(head["RA_NOM"], head["DEC_NOM"], head["RADESYS"], head["EQUINOX"])

    @property
    def obsid(self) -> str:
        """Eleven digits."""
        return parse_obsid(self.header["OBS_ID"])

    @property
    def object_name(self) -> str:
        """Name of the target as in the header; may be empty."""
        return str(self.header.get("OBJECT", ""))

    @property
    def pointing(self) -> SkyCoord:
        """Mean pointing direction."""
        return SkyCoord(self.header["RA_PNT"], self.header["DEC_PNT"], unit="deg", frame=self._frame)

    @property
    def target_position(self) -> SkyCoord | None:
        """Position of the target as commanded, None where the header has none."""
        if "RA_OBJ" not in self.header or "DEC_OBJ" not in self.header:
            return None
        return SkyCoord(self.header["RA_OBJ"], self.header["DEC_OBJ"], unit="deg", frame=self._frame)

    @property
    def _frame(self) -> str:
        return str(self.header["RADESYS"]).lower()

    @property
    def roll(self) -> u.Quantity:
        """Mean position angle of the spacecraft in degrees."""
        return float(self.header["PA_PNT"]) * u.deg

    @property
    def utcf(self) -> float | None:
        """Clock correction UTCF in seconds, None where the header has none."""
        value = self.header.get("UTCFINIT")
        return None if value is None else float(value)

    @property
    def frame_s(self) -> float:
        """Time resolution (readout frame) in seconds."""
        return float(self.header["TIMEDEL"])

    @property
    def exposure(self) -> u.Quantity:
        """Live time in seconds: good time less dead time."""
        return float(self.header["EXPOSURE"]) * u.s

    @property
    def live_fraction(self) -> float:
        """Live time over good time."""
        return live_fraction(self.header)

    @property
    def start(self) -> Time:
        """Beginning of the first good time interval, UTC."""
        return met_to_time(self._limits_s()[0], utcf=self.utcf)

    @property
    def stop(self) -> Time:
        """End of the last good time interval, UTC."""
        return met_to_time(self._limits_s()[1], utcf=self.utcf)

    def _limits_s(self) -> tuple[float, float]:
        if not len(self.gti):
            raise NoDataError(f"no good time is left in {self!r}")
        return float(self.gti.start[0]), float(self.gti.stop[-1])
