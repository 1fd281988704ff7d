"""Sources found in an image, by energy band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, vstack
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import ProductNotAvailableError, RequestError
from ._display import ReadableTable
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from regions import Regions

    from .image import SkyImage

__all__ = ["COLUMN_UNITS", "SourceList"]

_INTEGERS = ("source_number", "quality")
_NEEDED_UNITS: dict[str, u.UnitBase] = {
    "position_err": u.arcsec,
    "ra_err_neg": u.arcsec,
    "ra_err_pos": u.arcsec,
    "dec_err_neg": u.arcsec,
    "dec_err_pos": u.arcsec,
    "x": u.pix,
    "y": u.pix,
    "counts": u.ct,
}
_OPTIONAL_UNITS: dict[str, u.UnitBase] = {
    "rate": u.ct / u.s,
    "rate_err_neg": u.ct / u.s,
    "rate_err_pos": u.ct / u.s,
    "exposure": u.s,
    "background_counts": u.ct,
    "snr": u.dimensionless_unscaled,
    "likelihood": u.dimensionless_unscaled,
    "off_axis": u.arcmin,
    **{
        f"{band}_{name}": u.ct / u.s
        for band in ("total", "soft", "medium", "hard")
        for name in ("rate", "rate_err_neg", "rate_err_pos", "limit")
    },
    **{f"{ratio}{name}": u.dimensionless_unscaled for ratio in ("hr1", "hr2") for name in ("", "_err_neg", "_err_pos")},
}
#: Units of all columns that are numbers with a unit, or plain fractions.
COLUMN_UNITS: Mapping[str, u.UnitBase] = {**_NEEDED_UNITS, **_OPTIONAL_UNITS}

#: Numbers closer than this (relative) are equal: coordinates go through degrees and text.
_SAME = 1e-9


class SourceList(Mapping[str, QTable]):
    """Sources by energy band: a mapping from the band's name to a table.

    Bands are called ``"total"``, ``"soft"``, ``"medium"`` and ``"hard"``; a
    search in one band has the first only. Picklable, compared by value
    (without provenance).

    Columns of each table: ``source_number``; ``position`` (ICRS);
    ``position_err`` (radius of the error circle, 90 %); ``ra_err_neg``,
    ``ra_err_pos``, ``dec_err_neg``, ``dec_err_pos`` (errors on the sky,
    positive); ``x``, ``y`` (pixel of the image, FITS counting from 1);
    ``counts``. Where known also ``rate``, ``rate_err_neg``, ``rate_err_pos``,
    ``exposure``, ``background_counts``, ``snr``, ``likelihood``, ``quality``
    (0 good, 1 reasonable, 2 poor) and ``off_axis``; where all bands were searched also,
    for each band, ``<band>_rate``, ``<band>_rate_err_neg``, ``<band>_rate_err_pos``,
    ``<band>_limit`` (three sigma) and ``<band>_flag`` (quality of the source there; 3
    if only the measurement at its place shows it; -1 if it is not seen), and the
    hardness ratios ``hr1`` (medium - soft) / (medium + soft) and ``hr2`` (hard -
    medium) / (hard + medium) with ``hr1_err_neg`` and so on. There may be others.

    Parameters
    ----------
    tables : mapping of str to `~astropy.table.QTable`
        One table per band; without rows where nothing was found.
    provenance : Provenance, optional
        Where the list comes from.

    Raises
    ------
    RequestError
        If a column is missing or of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftxrt.products.sources import SourceList
    >>> band = {"source_number": [1, 2], "ra_deg": [32.151, 32.149], "dec_deg": [56.946, 56.890],
    ...         "position_err": [3.5, 3.7], "counts": [1236, 99]}
    >>> sources = SourceList.from_columns({"total": band})
    >>> sources
    <SourceList: total 2>
    >>> sources["total"]["counts"]
    <Quantity [1236.,   99.] ct>
    """

    def __init__(self, tables: Mapping[str, QTable], *, provenance: Provenance | None = None) -> None:
        problems = [problem for band, table in tables.items() for problem in _problems(band, table)]
        if problems:
            raise RequestError(problems, "list of sources")
        self._tables = {band: ReadableTable(table) for band, table in tables.items()}
        self._provenance = provenance or Provenance()

    @classmethod
    def from_columns(
        cls, bands: Mapping[str, Mapping[str, NDArray[Any]]], *, provenance: Provenance | None = None
    ) -> SourceList:
        """Make a list from plain arrays.

        Parameters
        ----------
        bands : mapping of str to mapping of str to array
            For each band the columns in the units given above (arcsec, ct,
            s, ...), and ``ra_deg``, ``dec_deg`` (ICRS) in place of
            ``position``. Errors, pixels and counts that are left out become
            NaN; other columns are kept as they are.
        provenance : Provenance, optional
            Where the list comes from.

        Raises
        ------
        RequestError
            If number, position or its error are missing, or lengths differ.
        """
        return cls({band: _table(band, columns) for band, columns in bands.items()}, provenance=provenance)

    @property
    def provenance(self) -> Provenance:
        """Where the list comes from."""
        return self._provenance

    @property
    def table(self) -> QTable:
        """All bands in one table, with a first column ``band``; numbers that a band lacks are NaN."""
        parts = []
        floats = [name for name in COLUMN_UNITS if any(name in table.colnames for table in self._tables.values())]
        for band, table in self._tables.items():
            part = ReadableTable({"band": np.full(len(table), band), **{name: table[name] for name in table.colnames}})
            for name in floats:
                if name not in table.colnames:
                    part[name] = _with_unit(np.full(len(table), np.nan), COLUMN_UNITS[name])
            parts.append(part)
        if not parts:
            return ReadableTable(names=("band",), dtype=(str,))
        return vstack(parts, metadata_conflicts="silent")

    @property
    def regions(self) -> Regions:
        """Error circles of all bands, with the source's number as text and the band as tag."""
        from regions import Regions as RegionList

        return RegionList([circle for band in self._tables for circle in self.band_regions(band)])

    def band_regions(self, band: str) -> Regions:
        """Error circles of the sources of one band; those without known radius are left out.

        Raises
        ------
        ProductNotAvailableError
            If there is no band of that name.
        """
        from regions import CircleSkyRegion, RegionMeta
        from regions import Regions as RegionList

        circles = []
        for row in self[band]:
            if row["position_err"] > 0:
                meta = RegionMeta({"text": str(row["source_number"]), "tag": [band]})
                circles.append(CircleSkyRegion(row["position"], row["position_err"], meta=meta))
        return RegionList(circles)

    def __getitem__(self, band: str) -> QTable:
        """The sources of a band.

        Raises
        ------
        ProductNotAvailableError
            If there is no band of that name.
        """
        if band not in self._tables:
            known = ", ".join(self._tables) or "none"
            raise ProductNotAvailableError(
                f"source list in the band {band!r}", f"there are: {known}{nearest(str(band), self._tables)}"
            )
        return self._tables[band]

    def get(self, band: str, default: Any = None) -> Any:
        """The sources of a band, or `default` if there is none of that name."""
        return self._tables.get(band, default)

    def __contains__(self, band: object) -> bool:
        return band in self._tables

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> SourceList:
        """Read a folder that `write` made, or an archive of it.

        Raises
        ------
        FormatError
            If it is not such a folder, or a file in it is damaged.
        """
        from ..io.sources import read_sources

        return read_sources(folder)

    def write(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a table (ECSV) and DS9 regions for each band to a folder.

        Raises
        ------
        RequestError
            If the name is that of a file, such as ``"x.ecsv"``.
        OutputExistsError
            If a file exists and `overwrite` is False.
        """
        from ..io.sources import write_sources

        return write_sources(self, folder, overwrite=overwrite)

    def plot(self, *, ax: Axes | None = None, image: SkyImage | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the sources, alone or over an image; see `swiftxrt.plot.sources.plot_sources`."""
        from ..plot.sources import plot_sources

        return plot_sources(self, ax=ax, image=image, **artist_kwargs)

    def peek(self) -> None:
        """Draw the sources and show them."""
        from ..plot.sources import peek_sources

        peek_sources(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SourceList):
            return NotImplemented
        return list(self._tables) == list(other._tables) and all(
            _same(table, other._tables[band]) for band, table in self._tables.items()
        )

    __hash__ = None  # type: ignore[assignment]  # The tables may change.

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._tables, self._provenance)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{band} {len(table)}" for band, table in self._tables.items())
        return f"<SourceList: {numbers or 'no band'}>"


def _rebuild(tables: dict[str, QTable], provenance: Provenance) -> SourceList:
    return SourceList(tables, provenance=provenance)


def _problems(band: str, table: Any) -> Iterator[tuple[str, str]]:
    """What keeps a table from being a list of sources."""
    if not isinstance(table, QTable):
        yield band, f"a QTable is needed; got {type(table).__name__}"
        return
    for name in ("source_number", "position", *_NEEDED_UNITS):
        if name not in table.colnames:
            yield band, f"has no column {name!r}"
    if "position" in table.colnames and not isinstance(table["position"], SkyCoord):
        yield band, "the column 'position' must be a SkyCoord"
    for name in set(_INTEGERS) & set(table.colnames):
        if table[name].dtype.kind not in "iu":
            yield band, f"the column {name!r} must hold whole numbers"
    for name in set(COLUMN_UNITS) & set(table.colnames):
        unit = getattr(table[name], "unit", None) or u.dimensionless_unscaled
        if not unit.is_equivalent(COLUMN_UNITS[name]):
            yield band, f"the column {name!r} must be in {COLUMN_UNITS[name]}; it is in {str(unit) or 'no unit'}"


def _table(band: str, columns: Mapping[str, NDArray[Any]]) -> QTable:
    missing = [name for name in ("source_number", "ra_deg", "dec_deg", "position_err") if name not in columns]
    lengths = {np.size(values) for values in columns.values()}
    if missing or len(lengths) > 1:
        what = f"lacks {', '.join(missing)}" if missing else f"has columns of different lengths {sorted(lengths)}"
        raise RequestError([(band, what)], "list of sources")
    size = np.size(columns["ra_deg"])
    table = QTable({"source_number": np.asarray(columns["source_number"], dtype=np.int64).reshape(size)})
    ra_deg, dec_deg = (np.asarray(columns[name], dtype=float) for name in ("ra_deg", "dec_deg"))
    table["position"] = SkyCoord(ra_deg * u.deg, dec_deg * u.deg, frame="icrs")
    for name, unit in COLUMN_UNITS.items():
        if name in columns or name in _NEEDED_UNITS:
            values = columns.get(name, np.full(size, np.nan))
            table[name] = _with_unit(np.asarray(values, dtype=float), unit)
    for name in columns:
        if name not in ("source_number", "ra_deg", "dec_deg", *COLUMN_UNITS):
            table[name] = np.asarray(columns[name], dtype=np.int64 if name in _INTEGERS else None)
    return table


def _with_unit(values: NDArray[Any], unit: u.UnitBase) -> Any:
    return values if unit == u.dimensionless_unscaled else u.Quantity(values, unit)


def _same(first: QTable, second: QTable) -> bool:
    if set(first.colnames) != set(second.colnames) or len(first) != len(second):
        return False
    return all(_same_column(first[name], second[name]) for name in first.colnames)


def _same_column(first: Any, second: Any) -> bool:
    if isinstance(first, SkyCoord):
        return bool(np.all(first.separation(second).deg < _SAME))
    if isinstance(first, u.Quantity):
        second = u.Quantity(second).to_value(first.unit)
        first = first.value
    first, second = np.asarray(first), np.asarray(second)
    if first.dtype.kind == second.dtype.kind == "f":
        return np.allclose(first, second, rtol=_SAME, atol=0, equal_nan=True)
    return np.array_equal(first, second)
