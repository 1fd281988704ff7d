"""What is asked of a list of observations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..exceptions import IdentifierError, RequestError
from ..identifiers import parse_obsid, parse_target_id
from ..mission import Mode
from ._values import Instant, SkyPoint, utc_text

__all__ = ["ObservationQuery"]

_WHAT = "query of observations"
_WHOLE_SKY_DEG = 180.0


@dataclass(frozen=True, eq=False)
class ObservationQuery:
    """A question for observations; all conditions that are given must hold.

    Parameters
    ----------
    position : `~astropy.coordinates.SkyCoord`, optional
        Centre of a cone in which the telescope pointed.
    radius : `~astropy.units.Quantity`, optional
        Radius of the cone.
    start, stop : `~astropy.time.Time`, optional
        Observations that began at `start` or later, and not after `stop`.
    mode : Mode or str, optional
        Observations with data of that mode.
    min_exposure : `~astropy.units.Quantity`, optional
        Exposure of the XRT at least, in `mode` if that is given.
    target_id : str, int or iterable, optional
        Targets.
    obsid : str, int or iterable, optional
        Observations.

    Raises
    ------
    RequestError
        If something cannot be used as given; all problems are reported at once.
    """

    position: SkyCoord | None = None
    radius: u.Quantity | None = None
    start: Time | None = None
    stop: Time | None = None
    mode: Any = None
    min_exposure: u.Quantity | None = None
    target_id: Any = None
    obsid: Any = None

    def __post_init__(self) -> None:
        problems: list[tuple[str, str]] = []
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, None if value is None else check(value))
            except (IdentifierError, ValueError) as error:
                problems.append((name, str(error)))
        problems = problems or list(self._problems())
        if problems:
            raise RequestError(problems, _WHAT)

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.start is not None and self.stop is not None and self.start > self.stop:
            yield "start", f"{utc_text(self.start)} is after stop={utc_text(self.stop)}; exchange the two"
        if self.position is not None and self.radius is None:
            yield "radius", "a cone needs a radius, such as 12 * u.arcmin"
        if all(value is None for value in (self.position, self.start, self.stop, self.target_id, self.obsid)):
            text = "give a position, an ObsID, a target ID or a time range; that would be all observations of Swift"
            yield "position", text

    @property
    def ids(self) -> tuple[str, ...]:
        """The observations and targets that are asked for by number."""
        return (*(self.obsid or ()), *(self.target_id or ()))

    @property
    def radius_deg(self) -> float:
        """Radius of the cone."""
        return 0.0 if self.radius is None else float(self.radius.to_value(u.deg))

    @property
    def exposure_name(self) -> str:
        """The column that `min_exposure` and `mode` are about."""
        return "exposure" if self.mode is None else f"exposure_{self.mode.value.lower()}"

    @property
    def least_exposure_s(self) -> float | None:
        """Seconds that the exposure must have at least."""
        return None if self.min_exposure is None else float(self.min_exposure.to_value(u.s))

    def to_dict(self) -> dict[str, Any]:
        """What is asked, in plain values."""
        plain: Mapping[str, Callable[[Any], Any]] = {
            "position": lambda value: [float(value.ra.deg), float(value.dec.deg)],
            "radius": lambda value: f"{value}",
            "start": utc_text,
            "stop": utc_text,
            "mode": lambda value: value.value,
            "min_exposure": lambda value: f"{value}",
            "target_id": list,
            "obsid": list,
        }
        given = {name: getattr(self, name) for name in plain if name != "radius" or self.position is not None}
        return {name: plain[name](value) for name, value in given.items() if value is not None}


def _radius(value: Any) -> u.Quantity:
    if not (isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.deg)):
        raise ValueError(f"one angle is needed, such as 12 * u.arcmin; got {value!r:.60}")
    if not 0 < value.to_value(u.deg) <= _WHOLE_SKY_DEG:
        raise ValueError(f"an angle above 0 and up to 180 deg is needed; got {value}")
    return u.Quantity(value)


def _moment(value: Any) -> Time:
    if not isinstance(value, Time):
        raise ValueError(f"a Time is needed, such as Time('2011-08-01'); got {value!r:.60}")
    Instant().convert(value)  # one time, known and finite
    return value.utc


def _mode(value: Any) -> Mode:
    text = value.strip().upper() if isinstance(value, str) else value
    try:
        return Mode(text)
    except ValueError:
        raise ValueError(f"must be 'PC' or 'WT', or None for all; got {value!r:.60}") from None


def _exposure(value: Any) -> u.Quantity:
    if not (isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.s)):
        raise ValueError(f"one time is needed, such as 1 * u.ks; got {value!r:.60}")
    if not (np.isfinite(value.value) and value.value >= 0):
        raise ValueError(f"must be finite and not negative; got {value}")
    return u.Quantity(value)


def _ids(parse: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        several = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
        found = tuple(dict.fromkeys(parse(one.item() if isinstance(one, np.generic) else one) for one in several))
        if not found:
            raise ValueError("none is given; leave it out to ask without")
        return found

    return check


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "position": SkyPoint().convert,
    "radius": _radius,
    "start": _moment,
    "stop": _moment,
    "mode": _mode,
    "min_exposure": _exposure,
    "target_id": _ids(parse_target_id),
    "obsid": _ids(parse_obsid),
}
