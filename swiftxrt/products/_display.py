"""Tables that are shown with as many digits as one reads, and hold and write all of them.

Astropy's own way, a format of the columns, is also used when a table is
written to a text file, where it would lose digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.table.pprint import TableFormatter
from astropy.timeseries import TimeSeries

__all__ = ["ReadableSeries", "ReadableTable", "ShortNumbers"]

_FORMAT = ".6g"
#: Columns that need more than six digits: mission elapsed time to the millisecond.
_FORMATS = {"met": ".3f"}


class ShortNumbers(TableFormatter):
    """Shows numbers with six digits, unless a column has a format of its own."""

    def _pformat_table(self, table: Table, *args: Any, **options: Any) -> Any:
        return super()._pformat_table(_shown(table), *args, **options)


class ReadableTable(QTable):
    """A `~astropy.table.QTable` that is shown with short numbers, and loses nothing in FITS and VOTable files."""

    TableFormatter = ShortNumbers

    def write(self, *args: Any, **options: Any) -> None:
        """Write the table as `~astropy.table.Table.write` does; metadata, positions and times go into all files.

        In FITS and VOTable files positions are two columns in degrees, times are texts, and the metadata are one
        JSON text. `swiftxrt.read_table` reads everything back.

        Parameters
        ----------
        *args, **options
            As for `~astropy.table.Table.write`: the file and, unless its name tells, the ``format``; ``overwrite``.
        """
        from ..io.tables import write_table

        write_table(self, *args, **options)


class ReadableSeries(TimeSeries):
    """A `~astropy.timeseries.TimeSeries` that is shown with short numbers."""

    TableFormatter = ShortNumbers


def _degrees(position: SkyCoord) -> str:
    """A position to a few hundredths of an arcsecond."""
    return f"{position.spherical.lon.deg:.5f},{position.spherical.lat.deg:.5f}"


def _shown(table: Table) -> QTable:
    """A copy of a table with formats for its numbers."""
    copy = QTable(table, copy_indices=False)
    for name in copy.colnames:
        column = copy[name]
        if isinstance(column, SkyCoord):
            column.info.format = _degrees
        values = np.asarray(getattr(column, "value", column)) if hasattr(column, "dtype") else None
        if values is not None and values.dtype.kind == "f" and column.info.format is None:
            column.info.format = _FORMATS.get(name, _FORMAT)
    return copy
