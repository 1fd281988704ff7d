"""Event files made unusable, as other programs or a bad line might."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits

__all__ = [
    "Change",
    "altered",
    "as_float",
    "cards",
    "file_of",
    "good_times",
    "keep",
    "no_values",
    "reference_as_one_number",
    "twice",
    "without",
]

T0 = 5e8
Change = Callable[[fits.HDUList], None]


def file_of(archive: Path, pattern: str = "*po_cl.evt.gz") -> Path:
    (path,) = archive.rglob(pattern)
    return path


def altered(path: Path, change: Change) -> None:
    """Change a file in place, as another program would."""
    with fits.open(path, memmap=False) as file:
        hdus = fits.HDUList([hdu.copy() for hdu in file])
    for hdu in hdus:
        for card in ("DATASUM", "CHECKSUM"):
            hdu.header.remove(card, ignore_missing=True)
    change(hdus)
    hdus.writeto(path, overwrite=True)


def without(*names: str) -> Change:
    def change(hdus: fits.HDUList) -> None:
        _replace(hdus, [column for column in hdus["EVENTS"].columns if column.name not in names])

    return change


def as_float(name: str, bad: int) -> Change:
    """A column of floating point numbers, the first of them NaN."""

    def change(hdus: fits.HDUList) -> None:
        values = hdus["EVENTS"].data[name].astype(float)
        values[:bad] = np.nan
        others = [column for column in hdus["EVENTS"].columns if column.name != name]
        _replace(hdus, [*others, fits.Column(name, "D", array=values)])

    return change


def _replace(hdus: fits.HDUList, columns: list[fits.Column]) -> None:
    old = hdus["EVENTS"].header
    table = fits.BinTableHDU.from_columns(fits.ColDefs(columns), name="EVENTS")
    table.header.extend([card for card in old.cards if not card.keyword.startswith("T") or len(card.keyword) < 6])
    for key in ("TELESCOP", "TIMESYS", "TIMEUNIT", "TIMEDEL", "TIMEPIXR"):
        table.header[key] = old[key]
    hdus["EVENTS"] = table


def keep(chosen: Callable[[np.ndarray], np.ndarray]) -> Change:
    def change(hdus: fits.HDUList) -> None:
        data = hdus["EVENTS"].data
        hdus["EVENTS"].data = data[chosen(data)]

    return change


def good_times(*pairs: tuple[float, float]) -> Change:
    def change(hdus: fits.HDUList) -> None:
        start, stop = np.array(pairs, dtype=float).T + T0
        columns = [fits.Column(name, "D", array=values) for name, values in (("START", start), ("STOP", stop))]
        hdus["GTI"] = fits.BinTableHDU.from_columns(columns, name="GTI")

    return change


def cards(**values: object) -> Change:
    def change(hdus: fits.HDUList) -> None:
        for hdu in hdus:
            hdu.header.update(values)

    return change


def reference_as_one_number(hdus: fits.HDUList) -> None:
    for hdu in hdus:
        for card in ("MJDREFI", "MJDREFF"):
            hdu.header.remove(card, ignore_missing=True)
        hdu.header["MJDREF"] = 55197.00076602


def no_values(**columns: int) -> Change:
    """The first forty events have the null value."""

    def change(hdus: fits.HDUList) -> None:
        for name, null in columns.items():
            hdus["EVENTS"].data[name][:40] = null

    return change


def twice(hdus: fits.HDUList) -> None:
    hdus["EVENTS"].data = np.concatenate([hdus["EVENTS"].data, hdus["EVENTS"].data])
