"""Source lists of the product service.

A reply has one list per band and nothing else; each source is an object of
texts. The reference client turns every text with a digit into a number, whole
if there is no point in it, and fails over anything else: `encode` keeps to
that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import PartialResultWarning, ProtocolError, warn
from ..products.provenance import Provenance
from ..products.sources import COLUMN_UNITS, SourceList
from .reading import number, text

__all__ = ["decode", "encode"]

#: Keys of the service and our columns of the same meaning; lists of texts on the wire, degrees for `_ANGLES`.
_COLUMNS = {
    "sno": "source_number",
    "x": "x",
    "y": "y",
    "ra": "ra_deg",
    "ra_pos": "ra_err_pos",
    "ra_neg": "ra_err_neg",
    "dec": "dec_deg",
    "dec_pos": "dec_err_pos",
    "dec_neg": "dec_err_neg",
    "err90": "position_err",
    "l": "",  # Galactic coordinates follow from the position.
    "b": "",
    "C": "counts",
}
#: Errors of the coordinates: degrees on the wire, those of RA not multiplied with cos(Dec), negative downwards.
_ERRORS = ("ra_pos", "ra_neg", "dec_pos", "dec_neg")
_INTEGERS = ("source_number", "quality")
#: Names that a key of the service cannot have as a column.
_RESERVED = {"band", "position", *_COLUMNS.values()}
_ARCSEC_PER_DEG = 3600.0


def encode(sources: SourceList) -> dict[str, Any]:
    """The content of a source-list reply: one list per band, every value a text.

    Columns that the protocol does not have keep their names. Texts with
    digits are left out, because they would stop the reference client.
    """
    return {band.capitalize(): _encode_band(sources, band) for band in sources}


def _encode_band(sources: SourceList, band: str) -> list[dict[str, str]]:
    table = sources[band]
    position = table["position"]
    columns = {name: _plain(table[name], COLUMN_UNITS.get(name)) for name in table.colnames if name != "position"}
    columns.update({"ra_deg": position.ra.deg, "dec_deg": position.dec.deg})
    derived = {"l": position.galactic.l.deg, "b": position.galactic.b.deg}
    documented = {key: derived[key] if key in derived else columns.pop(name) for key, name in _COLUMNS.items()}
    for key in _ERRORS:
        sign = -1 if key.endswith("neg") else 1
        documented[key] = sign * documented[key] / _ARCSEC_PER_DEG / _stretch(key, position.dec.deg)
    texts = {key: [_text(value) for value in values.tolist()] for key, values in documented.items()}
    texts["C"] = [_text(int(count) if count.is_integer() else count) for count in documented["C"].tolist()]
    for name, values in columns.items():
        if values.dtype.kind in "biuf" or not any(re.search(r"\d", str(value)) for value in values):
            texts[name] = [_text(value) for value in values.tolist()]
    return [{key: values[row] for key, values in texts.items()} for row in range(len(table))]


def _plain(column: Any, unit: u.UnitBase | None) -> NDArray[Any]:
    """A column as a plain array, in the unit it has on the wire."""
    if isinstance(column, u.Quantity):
        return np.asarray(column.value if unit is None else column.to_value(unit))
    return np.asarray(column)


def _stretch(key: str, dec_deg: NDArray[np.float64]) -> Any:
    """Sky angle over coordinate difference: cos(Dec) for errors of RA."""
    return np.cos(np.deg2rad(dec_deg)) if key.startswith("ra") else 1.0


def _text(value: Any) -> str:
    """A value as a text that the reference client can take: whole numbers plain, others with a point."""
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, float):
        return str(value)
    digits = repr(value)
    return digits if "." in digits or not math.isfinite(value) else digits.replace("e", ".0e")


def decode(reply: Mapping[str, Any], provenance: Provenance | None = None) -> SourceList:
    """Read a source-list reply.

    Numbers may come as such, and keys may be missing; errors and counts that
    are not told become NaN. Keys that the service does not document become
    columns of their own. What is not a list of sources is passed over.

    Parameters
    ----------
    reply : mapping
        The content of the reply.
    provenance : Provenance, optional
        Where it comes from.

    Returns
    -------
    sources : SourceList
        With the bands of the reply, in lower case.

    Raises
    ------
    ProtocolError
        If there is no list in the reply.

    Warns
    -----
    PartialResultWarning
        If sources without readable position were left out.
    """
    if not isinstance(reply, Mapping):
        raise ProtocolError("a source-list reply must be a JSON object", payload_excerpt=repr(reply)[:300])
    lists = {str(key).lower(): value for key, value in reply.items() if isinstance(value, list)}
    if not lists:
        raise ProtocolError("the reply holds no list of sources", payload_excerpt=repr(dict(reply))[:300])
    return SourceList.from_columns(
        {band: _decode_band(band, rows) for band, rows in lists.items()}, provenance=provenance
    )


def _decode_band(band: str, rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
    usable = [row for row in rows if isinstance(row, Mapping) and _has_position(row)]
    if len(usable) < len(rows):
        warn(
            f"{len(rows) - len(usable)} of {len(rows)} sources in the band {band!r} have no readable position "
            "and are left out",
            PartialResultWarning,
        )
    numbers = {key: np.array([number(row.get(key)) for row in usable], dtype=float) for key in _COLUMNS}
    for key in _ERRORS:
        numbers[key] = np.abs(numbers[key]) * _ARCSEC_PER_DEG * _stretch(key, numbers["dec"])
    columns: dict[str, NDArray[Any]] = {name: numbers[key] for key, name in _COLUMNS.items() if name}
    columns["source_number"] = _whole(numbers["sno"], np.arange(1, len(usable) + 1))
    for key in dict.fromkeys(str(key) for row in usable for key in row):
        if key not in _COLUMNS:
            columns[f"{key}_sent" if key in _RESERVED else key] = _column(key, [row.get(key) for row in usable])
    return columns


def _has_position(row: Mapping[str, Any]) -> bool:
    ra_deg, dec_deg = number(row.get("ra")), number(row.get("dec"))
    return math.isfinite(ra_deg) and abs(dec_deg) <= 90


def _whole(values: NDArray[np.float64], otherwise: Any) -> NDArray[np.int64]:
    return np.where(np.abs(values) < 2.0**63, values, otherwise).astype(np.int64)


def _column(key: str, values: Sequence[Any]) -> NDArray[Any]:
    """A column that the service does not document: whole numbers, numbers, else texts."""
    numbers = np.array([number(value) for value in values], dtype=float)
    if key in _INTEGERS:
        return _whole(numbers, -1)
    if key in COLUMN_UNITS:
        return numbers
    said = [text(value) for value in values]
    if any(math.isnan(value) and word.lower() not in ("", "nan") for value, word in zip(numbers, said, strict=True)):
        return np.array(said)
    if said and all(re.fullmatch(r"[+-]?\d{1,18}", word) for word in said):
        return np.array([int(word) for word in said], dtype=np.int64)
    return numbers if any(said) else np.array(said, dtype=str)
