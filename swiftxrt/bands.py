"""Energy bands and the pulse-invariant channels they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import astropy.units as u

from .exceptions import RequestError
from .mission import CHANNEL_KEV

__all__ = ["EnergyBand"]

_NUMBER = r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.)"
_TEXT = re.compile(rf"\s*{_NUMBER}\s*(?:-|to|,)\s*{_NUMBER}\s*([A-Za-z]+)?\s*")


@dataclass(frozen=True)
class EnergyBand:
    """An energy band of the XRT.

    Both ends belong to the band: an event of channel PI is inside when
    ``100 E_low <= PI <= 100 E_high`` (10 eV channels). The UKSSDC light-curve
    products count this way, which is why its default image bands are
    0.3-1.5 keV and 1.51-10 keV.

    Parameters
    ----------
    low, high : `~astropy.units.Quantity`
        Limits, as energies; 0 < low < high. A text such as ``"0.3-10 keV"``
        in place of both is read by `parse`.

    Raises
    ------
    RequestError
        If a limit has no energy unit or the limits are not in order.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import EnergyBand
    >>> EnergyBand(0.3 * u.keV, 10 * u.keV)
    <EnergyBand 0.3-10 keV>
    >>> EnergyBand.parse("300-1500 eV").channels
    (30, 150)
    """

    low: u.Quantity
    high: u.Quantity = None

    def __post_init__(self) -> None:
        if isinstance(self.low, str) and self.high is None:
            parsed = EnergyBand.parse(self.low)
            object.__setattr__(self, "low", parsed.low)
            object.__setattr__(self, "high", parsed.high)
        for name in ("low", "high"):
            value = getattr(self, name)
            if not isinstance(value, u.Quantity) or value.unit.physical_type != "energy" or not value.isscalar:
                raise RequestError([(name, f"an energy is needed, such as 0.3 * u.keV; got {value!r}")], "energy band")
            # Ten significant digits remove the rounding noise of eV to keV.
            object.__setattr__(self, name, float(f"{value.to_value(u.keV):.10g}") * u.keV)
        if not 0 < self.low.value < self.high.value < float("inf"):
            raise RequestError(
                [("", f"limits must satisfy 0 < low < high; got {self.low:g} and {self.high:g}")], "energy band"
            )

    @classmethod
    def parse(cls, value: Any) -> EnergyBand:
        """Make a band from a band, a text such as ``"0.3-10 keV"``, or two energies.

        Raises
        ------
        RequestError
            If `value` cannot be read as a band; bare numbers are refused.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            match = _TEXT.fullmatch(value)
            if match and match.group(3):
                try:
                    unit = u.Unit(match.group(3))
                    low, high = float(match.group(1)), float(match.group(2))
                except ValueError:
                    pass
                else:
                    return cls(low * unit, high * unit)
            hint = f"; did you mean '{value.strip()} keV'?" if match and not match.group(3) else ""
            raise RequestError(
                [("", f"a band is written like '0.3-10 keV', with its unit; got {value!r}{hint}")], "energy band"
            )
        if isinstance(value, u.Quantity) and value.shape == (2,):
            return cls(value[0], value[1])
        if isinstance(value, tuple | list) and len(value) == 2:
            return cls(value[0], value[1])
        raise RequestError(
            [("", f"a band is an EnergyBand, a text like '0.3-10 keV' or two energies; got {value!r}")], "energy band"
        )

    @property
    def low_kev(self) -> float:
        """Lower limit in keV."""
        return float(self.low.value)

    @property
    def high_kev(self) -> float:
        """Upper limit in keV."""
        return float(self.high.value)

    @property
    def channels(self) -> tuple[int, int]:
        """First and last PI channel, both inside the band."""
        # The small shift keeps 0.29999999 keV from losing its channel.
        first = -int(-(self.low_kev / CHANNEL_KEV - 1e-6) // 1)
        last = int((self.high_kev / CHANNEL_KEV + 1e-6) // 1)
        return first, last

    @property
    def text(self) -> str:
        """The limits as ``"0.3-10"``, in keV without the unit."""
        return f"{self.low_kev:.10g}-{self.high_kev:.10g}"

    def __str__(self) -> str:
        return f"{self.text} keV"

    def __repr__(self) -> str:
        return f"<EnergyBand {self}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EnergyBand):
            return NotImplemented
        return (self.low_kev, self.high_kev) == (other.low_kev, other.high_kev)

    def __hash__(self) -> int:
        return hash((self.low_kev, self.high_kev))


TOTAL = EnergyBand(0.3 * u.keV, 10.0 * u.keV)
SOFT = EnergyBand(0.3 * u.keV, 1.5 * u.keV)
HARD = EnergyBand(1.5 * u.keV, 10.0 * u.keV)
#: Bands of source lists and upper limits, those of the SXPS catalogues: 0.3-10, 0.3-1, 1-2 and 2-10 keV. The limits
#: in channels, of which no two narrow bands share one, are in `swiftxrt.engine.detection_field`.
SXPS_BAND_NAMES = ("total", "soft", "medium", "hard")
#: Bands of the service's images; 1.51 keV keeps them from overlapping.
IMAGE_BANDS = (TOTAL, SOFT, EnergyBand(1.51 * u.keV, 10.0 * u.keV))
