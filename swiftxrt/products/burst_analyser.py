"""What the burst analyser makes of a gamma-ray burst: fluxes of BAT, XRT and UVOT side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.timeseries import TimeSeries
from astropy.utils.masked import Masked

from .._calls import clear_calls
from .._fields import nearest
from ..exceptions import ProductNotAvailableError, RequestError
from ._burst_tables import HARDNESS, CurveName, has_evolution
from ._display import ReadableSeries, ReadableTable
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BurstAnalyser"]

_TITLE = "burst analyser curve"


@clear_calls
class BurstAnalyser(Mapping[str, QTable]):
    """The tables of the burst analyser for one burst, by name.

    A mapping; `curve` finds a table by what it is about, `overview` lists
    them. Times count from the trigger, in seconds; all errors are positive.

    ==================================== ==============================================
    column                               meaning
    ==================================== ==============================================
    time, time_err_neg, time_err_pos     bin time since the trigger, and from it to
                                         start and end of the bin
    flux or flux_density                 flux (erg/cm2/s) or flux density (Jy)
    …_err_neg, …_err_pos                 1-sigma errors of the count rate
    …_total_err_neg, …_total_err_pos     with those of the conversion factor in
                                         quadrature; NaN where that has no error
    photon_index, ecf                    and their errors: flux = count rate x ecf
    is_upper_limit                       whether the flux is a limit; its errors are NaN
    is_bad                               (BAT) whether the service advises against it
    hardness_ratio, ``ecf_…``            in tables of hardness ratios
    ==================================== ==============================================

    Parameters
    ----------
    tables : iterable of `~astropy.table.QTable`
        The tables, with what they are about in their ``meta``.
    name : str
        The burst.
    target_id : str
        Its target ID.
    constant_ecf : mapping of str to `~astropy.units.Quantity`, optional
        The factors of those fluxes of the BAT that are made without spectral
        evolution, by band.
    missing : mapping of str to str, optional
        What could not be read, and why.
    provenance : Provenance, optional
        Where the tables come from.
    """

    def __init__(
        self,
        tables: Sequence[QTable],
        *,
        name: str = "",
        target_id: str = "",
        constant_ecf: Mapping[str, u.Quantity] | None = None,
        missing: Mapping[str, str] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self._names = {CurveName.from_dict(table.meta).key: CurveName.from_dict(table.meta) for table in tables}
        if len(self._names) != len(tables):
            raise RequestError([("tables", "several are about the same")], "burst analyser")
        self._tables = dict(zip(self._names, tables, strict=True))
        self.name = name
        self.target_id = target_id
        self.constant_ecf: Mapping[str, u.Quantity] = MappingProxyType(dict(constant_ecf or {}))
        self.missing: Mapping[str, str] = MappingProxyType(dict(missing or {}))
        self.provenance = provenance or Provenance()

    def __getitem__(self, key: str) -> QTable:
        if key not in self._tables:
            hint = nearest(str(key), self._tables) or f"; there are: {', '.join(self._tables) or 'none'}"
            raise ProductNotAvailableError(_TITLE, f"{key!r} is not there{hint}")
        return self._tables[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The table of that name, or `default` if there is none."""
        return self._tables.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._tables

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def instruments(self) -> tuple[str, ...]:
        """The instruments that have tables: some of ``"BAT"``, ``"XRT"``, ``"UVOT"``."""
        return tuple(dict.fromkeys(one.instrument for one in self._names.values()))

    @property
    def overview(self) -> QTable:
        """What there is: a row for each table, with its name, what it is about and how many bins it has.

        ``evolution`` tells whether the factor from rates to fluxes changes with
        time, as it does with the spectrum; where all bins of a table have one
        factor, or there is none, as for the UVOT, it is False.
        """
        rows = [(key, one, self._tables[key]) for key, one in self._names.items()]
        texts = ("instrument", "band", "binning", "mode")
        table = ReadableTable({"name": np.array([key for key, *_ in rows], dtype=str)})
        for text in texts:
            table[text] = np.array([getattr(one, text) for _, one, _ in rows], dtype=str)
        table["evolution"] = np.array(
            [one.evolution and has_evolution(content) for _, one, content in rows], dtype=bool
        )
        table["bins"] = np.array([len(content) for *_, content in rows], dtype=int)
        for column, count in (("is_bad", "bad"), ("is_upper_limit", "limits")):
            numbers = [np.count_nonzero(one[column]) if column in one.colnames else 0 for *_, one in rows]
            table[count] = np.array(numbers, dtype=int)
        return table

    def names(
        self,
        instrument: str | None = None,
        band: str | None = None,
        *,
        binning: str | None = None,
        mode: str | None = None,
        evolution: bool | None = None,
    ) -> tuple[str, ...]:
        """The names of the tables that are about something.

        Parameters
        ----------
        instrument : str, optional
            ``"BAT"``, ``"XRT"`` or ``"UVOT"``.
        band : str, optional
            ``"density"`` (at 10 keV), ``"xrt_band"``, ``"bat_band"``,
            ``"observed_density"``, a filter of the UVOT, or ``"hardness"``.
        binning : str, optional
            Of the BAT, such as ``"snr4"``, ``"snr4_since_t0"`` or ``"64ms"``.
        mode : str, optional
            Of the XRT, ``"WT"`` or ``"PC"``.
        evolution : bool, optional
            Whether the spectrum of the BAT may change with time.
        """
        wanted = {"instrument": instrument, "band": band, "binning": binning, "mode": mode, "evolution": evolution}
        given = {name: value.lower() if isinstance(value, str) else value for name, value in wanted.items()}
        given = {name: value for name, value in given.items() if value is not None}

        def matches(one: CurveName) -> bool:
            values = {name: getattr(one, name) for name in given}
            return {name: text.lower() if isinstance(text, str) else text for name, text in values.items()} == given

        return tuple(key for key, one in self._names.items() if matches(one))

    def curve(
        self,
        instrument: str,
        band: str,
        *,
        binning: str | None = None,
        mode: str | None = None,
        evolution: bool = True,
    ) -> QTable:
        """The one table that is about something; parameters as for `names`.

        Raises
        ------
        ProductNotAvailableError
            If there is none.
        RequestError
            If there are several; the message names them.
        """
        given = {"instrument": instrument, "band": band, "binning": binning, "mode": mode}
        found = self.names(**given, evolution=evolution)
        if len(found) > 1:
            raise RequestError(f"several tables are meant: {', '.join(found)}; tell binning or mode, or use the name")
        if not found:
            words = " and ".join(str(value) for value in given.values() if value is not None)
            there = ", ".join(self.names(str(instrument)) or self) or "none"
            hint = self._hint(given)
            raise ProductNotAvailableError(_TITLE, f"nothing is there for {words:.100}{hint}; there are: {there}")
        return self[found[0]]

    def _hint(self, given: Mapping[str, Any]) -> str:
        """What may be meant by words that none of the tables has."""
        for name, word in given.items():
            known = [text for one in self._names.values() if (text := getattr(one, name))]
            if isinstance(word, str) and word.lower() not in map(str.lower, known):
                return nearest(word, known)
        return ""

    def joined(
        self, instrument: str, *, binning: str | None = None, mode: str | None = None, evolution: bool = True
    ) -> QTable:
        """The fluxes of all bands in one table, joined by the times of the bins.

        Not all bands have the same bins, so some values are masked; which bins
        are bad differs too.

        Parameters
        ----------
        instrument, binning, mode, evolution
            As for `names`.

        Returns
        -------
        table : `~astropy.table.QTable`
            The times, and for each band ``<band>``, its errors, and
            ``<band>_is_bad`` and ``<band>_is_upper_limit`` where they are known.

        Raises
        ------
        ProductNotAvailableError
            If there are no fluxes.
        RequestError
            If a band is there more than once.
        """
        keys = self.names(instrument, binning=binning, mode=mode, evolution=evolution)
        chosen = [(self._names[key], self._tables[key]) for key in keys if self._names[key].band != HARDNESS]
        if not chosen:
            hint = self._hint({"instrument": instrument, "binning": binning, "mode": mode})
            there = ", ".join(self) or "none"
            raise ProductNotAvailableError(_TITLE, f"there are no fluxes of {instrument}{hint}; there are: {there}")
        if len({one.band for one, _ in chosen}) < len(chosen):
            raise RequestError(f"bands are there more than once: {', '.join(keys)}; tell binning or mode")
        return _joined(chosen)

    def time_series(self, key: str, t0: Time) -> TimeSeries:
        """A table with absolute times.

        Parameters
        ----------
        key : str
            Its name.
        t0 : `~astropy.time.Time`
            The trigger, such as ``t0`` of the light curve of the burst.

        Returns
        -------
        series : `~astropy.timeseries.TimeSeries`
            With the time since the trigger as ``elapsed``.
        """
        if not isinstance(t0, Time) or not t0.isscalar:
            raise RequestError([("t0", f"one Time is needed; got {t0!r:.60}")])
        table = QTable(self[key], copy=True)
        table.rename_column("time", "elapsed")
        series = ReadableSeries(table, time=t0 + table["elapsed"])
        series.meta.update(self[key].meta)
        return series

    def first_difference(self, other: Any) -> str:
        """Where two differ first, in words; empty if they hold the same. Provenance does not count."""
        if not isinstance(other, BurstAnalyser):
            return f"a {type(other).__name__} is not a BurstAnalyser"
        for what in ("name", "target_id", "_names"):
            if getattr(self, what) != getattr(other, what):
                return f"{what}: {getattr(self, what)} is not {getattr(other, what)}"
        if dict(self.constant_ecf) != dict(other.constant_ecf):
            return f"constant_ecf: {dict(self.constant_ecf)} is not {dict(other.constant_ecf)}"
        return next((f"{key}: {text}" for key in self if (text := _difference(self[key], other[key]))), "")

    def equals(self, other: Any) -> bool:
        """Whether two hold the same tables; NaN equals NaN, and provenance does not count."""
        return not self.first_difference(other)

    def __eq__(self, other: object) -> bool:
        return self.equals(other) if isinstance(other, BurstAnalyser) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        options = {name: getattr(self, name) for name in ("name", "target_id", "provenance")}
        options |= {"constant_ecf": dict(self.constant_ecf), "missing": dict(self.missing)}
        return _rebuild, (list(self._tables.values()), options)

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> BurstAnalyser:
        """Read a folder that `write` made.

        Raises
        ------
        FormatError
            If it is not such a folder, or a file in it is damaged.
        """
        from ..io.burst_analyser import read_analyser

        return read_analyser(folder)

    def write(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write each table to a file of a folder, which is made if needed; `read` reads it.

        The files are ECSV, which keeps units and all digits, and are called as
        those of the service's client: ``BAT_HR.ecsv``, ``BAT_SNR4_Density.ecsv``,
        ``XRT_Density_PC_incbad.ecsv``, ``UVOT_uvw1.ecsv``.

        Returns
        -------
        folder : Path
            The folder; `read` takes it.

        Raises
        ------
        RequestError
            If the name is that of a file, such as ``"x.ecsv"``.
        OutputExistsError
            If a file exists and `overwrite` is False; nothing is written then.
        """
        from ..io.burst_analyser import write_analyser

        return write_analyser(self, folder, overwrite=overwrite)

    def plot(self, band: str = "density", *, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the fluxes of all instruments; see `swiftxrt.plot.burst_analyser.plot_burst`."""
        from ..plot.burst_analyser import plot_burst

        return plot_burst(self, band, ax=ax, **options)

    def peek(self) -> None:
        """Draw the flux densities at 10 keV and show them."""
        from ..plot.burst_analyser import peek_burst

        peek_burst(self)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{one} {len(self.names(one))}" for one in self.instruments)
        return f"<BurstAnalyser {self.name or self.target_id}: {len(self)} tables{numbers and f' ({numbers})'}>"


def _rebuild(tables: Sequence[QTable], options: dict[str, Any]) -> BurstAnalyser:
    return BurstAnalyser(tables, **options)


_TIMES = ("time", "time_err_neg", "time_err_pos")


def _joined(chosen: Sequence[tuple[CurveName, QTable]]) -> QTable:
    """One row for each bin that any table has."""
    bins = [np.array([table[name].value for name in _TIMES]).T for _, table in chosen]
    every, places = np.unique(np.concatenate(bins), axis=0, return_inverse=True)
    ends = np.cumsum([len(one) for one in bins])[:-1]
    joined = ReadableTable({name: every[:, number] << u.s for number, name in enumerate(_TIMES)})
    for (one, table), rows in zip(chosen, np.split(places.ravel(), ends), strict=True):
        missing = np.ones(len(every), dtype=bool)
        missing[rows] = False
        flux = one.flux.column
        for column in table.colnames:
            if column.startswith(flux):
                joined[one.band + column.removeprefix(flux)] = _spread(table[column], rows, missing)
            elif column.startswith("is_"):
                joined[f"{one.band}_{column}"] = _spread(table[column], rows, missing)
    return joined


def _spread(column: Any, rows: np.ndarray, missing: np.ndarray) -> Any:
    """The values of a column in their rows of a longer one."""
    plain = np.asarray(getattr(column, "value", column))
    values = np.zeros(len(missing), dtype=plain.dtype)
    values[rows] = plain
    if isinstance(column, u.Quantity):
        return Masked(values << column.unit, mask=missing)
    return MaskedColumn(values, mask=missing)


def _difference(one: QTable, other: QTable) -> str:
    if one.colnames != other.colnames or len(one) != len(other):
        return f"{len(one)} rows of {one.colnames} are not {len(other)} rows of {other.colnames}"
    for name in one.colnames:
        mine, theirs = one[name], other[name]
        if getattr(mine, "unit", None) != getattr(theirs, "unit", None):
            return f"{name}: the unit {mine.unit} is not {theirs.unit}"
        first, second = (np.asarray(getattr(column, "value", column)) for column in (mine, theirs))
        if not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
            return f"column {name} has other values"
    return ""
