"""Metadata of tables as JSON, with times, quantities and positions in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

__all__ = ["from_json", "to_json"]

#: Says in a JSON object which Astropy object it stands for.
_KIND = "astropy"


def to_json(content: Mapping[str, Any]) -> str:
    """ASCII text of metadata; what JSON does not know is told in words.

    Parameters
    ----------
    content : mapping
        Numbers, texts, times, quantities, positions, and lists and mappings of them.
    """
    return json.dumps(_plain(content))


def from_json(text: str) -> dict[str, Any]:
    """What `to_json` wrote.

    Raises
    ------
    ValueError
        If it is no such text.
    """
    content = json.loads(text, object_hook=_restored)
    if not isinstance(content, dict):
        raise ValueError("the metadata are no mapping")
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, SkyCoord):
        place = value.icrs
        return {_KIND: "SkyCoord", "ra_deg": place.ra.deg.tolist(), "dec_deg": place.dec.deg.tolist()}
    if isinstance(value, Time):
        days = [np.asarray(part).tolist() for part in (value.jd1, value.jd2)]
        return {_KIND: "Time", "utc": np.asarray(value.utc.isot).tolist(), "scale": value.scale, "jd": days}
    if isinstance(value, u.Quantity):
        return {_KIND: "Quantity", "value": np.asarray(value.value).tolist(), "unit": value.unit.to_string()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _restored(content: dict[str, Any]) -> Any:
    match content.get(_KIND):
        case "SkyCoord":
            return SkyCoord(content["ra_deg"], content["dec_deg"], unit="deg", frame="icrs")
        case "Time":
            made = Time(*content["jd"], format="jd", scale=content["scale"])
            made.format = "isot"
            return made
        case "Quantity":
            return u.Quantity(content["value"], content["unit"])
    return content
