"""What every kind of curve has: bins on a time axis and a strict set of columns."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import astropy.units as u
import numpy as np
from astropy.table import QTable, TableAttribute
from astropy.time import Time
from astropy.timeseries import BinnedTimeSeries, TimeSeries

from ..exceptions import RequestError
from ..met import met_to_time, met_to_time_nominal
from ..mission import Mode
from ._curve_provenance import ProvenanceAttribute
from ._display import ReadableSeries, ReadableTable, ShortNumbers

__all__ = ["BINNINGS", "MET_DECIMALS", "TIME_COLUMNS", "Curve", "curve_time"]

BINNINGS = ("counts", "time", "snapshot", "obsid", "unknown")
#: Digits of a second kept in MET and T0. A MET of today has a resolution of
#: 0.12 microseconds in double precision, so taking T0 off and adding it again
#: gives the same number.
MET_DECIMALS = 6
#: Columns next to `time` in every curve: name -> unit, or Python type of a plain column.
TIME_COLUMNS: dict[str, Any] = {"time_err_neg": u.s, "time_err_pos": u.s, "met": u.s}

_MODES = tuple(mode.value for mode in Mode)
_DTYPES: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: np.str_}
_KINDS = {float: "f", int: "iu", bool: "b", str: "U"}
_DEFAULTS: dict[type, Any] = {float: np.nan, int: 0, bool: False, str: ""}


class Curve(TimeSeries):
    """What light curves and hardness ratios share: a time axis with bins, and a strict set of columns."""

    TableFormatter = ShortNumbers

    t0_met = TableAttribute()
    binning = TableAttribute(default="unknown")
    barycentred = TableAttribute(default=False)
    #: Where the curve comes from (`~swiftxrt.Provenance`); stacked curves have that of all.
    provenance = ProvenanceAttribute()

    _title: ClassVar[str] = ""
    #: Column name -> unit of a quantity, or Python type of a plain column; `time` comes before them.
    _schema: ClassVar[dict[str, Any]] = {}
    #: Attributes that count when two curves are compared.
    _compared: ClassVar[tuple[str, ...]] = ("t0_met", "binning", "barycentred")

    def __init__(self, data: Any = None, *, time: Any = None, **options: Any) -> None:
        super().__init__(data, time=time, **options)
        if self.colnames:  # Astropy makes empty tables first and adds the columns one by one.
            self._check()

    def _check(self) -> None:
        problems = [(name, "missing") for name in self._schema if name not in self.colnames]
        for name in self._schema.keys() & set(self.colnames):
            column, kind = self[name], self._schema[name]
            if not isinstance(kind, type):
                unit = getattr(column, "unit", None)
                if unit is None or not unit.is_equivalent(kind):
                    problems.append((name, f"a quantity in {kind:s} is needed; the unit is {str(unit)!r}"))
                elif unit != kind:
                    self[name] = column.to(kind)
            elif np.asarray(column).dtype.kind not in _KINDS[kind]:
                problems.append((name, f"values of type {kind.__name__} are needed; got {column.dtype}"))
        problems = problems or self._value_problems()
        if problems:
            raise RequestError(problems, self._title)

    def _value_problems(self) -> list[tuple[str, str]]:
        problems = []
        if not np.all(np.isfinite(self["met"].value)):
            problems.append(("met", "every bin needs a finite time"))
        for name in (name for name in self._schema if "_err" in name):
            if np.any(np.asarray(getattr(self[name], "value", self[name])) < 0):  # NaN is not.
                problems.append((name, "errors are given as positive numbers, in both directions"))
        wrong = sorted(set(np.unique(np.asarray(self["mode"])).tolist()) - set(_MODES))
        if wrong:
            problems.append(("mode", f"must be one of {', '.join(_MODES)}; got {', '.join(map(repr, wrong))}"))
        if self.binning not in BINNINGS:
            problems.append(("binning", f"must be one of {', '.join(BINNINGS)}; got {self.binning!r}"))
        return problems

    @classmethod
    def _from_columns(
        cls,
        columns: Mapping[str, Any],
        needed: Sequence[str],
        t0_met: float | None,
        *,
        barycentred: bool,
        **other: Any,
    ) -> Self:
        """Build from plain arrays, in the canonical order of rows: time, then mode, then limits last."""
        plain = _plain_columns(cls._title, columns, cls._schema, needed)
        plain["met"] = np.round(plain["met"], MET_DECIMALS)
        keys = [plain[name] for name in ("is_upper_limit", "mode", "met") if name in plain]
        order = np.lexsort(keys)
        data: dict[str, Any] = {"time": curve_time(plain["met"][order], barycentred=barycentred)}
        for name, kind in cls._schema.items():
            values = plain[name][order]
            data[name] = values if isinstance(kind, type) else values << kind
        t0_met = None if t0_met is None else round(float(t0_met), MET_DECIMALS)
        return cls(data, t0_met=t0_met, barycentred=barycentred, **other)

    def __getitem__(self, item: Any) -> Any:
        names = isinstance(item, list | tuple) and item and all(isinstance(name, str) for name in item)
        if names and not self._schema.keys() <= set(item):  # Without all its columns it is no longer such a curve.
            part = ReadableTable(self, copy=False)[list(item)]
            return ReadableSeries(part) if "time" in item else part
        result = super().__getitem__(item)
        if isinstance(result, Curve) and "__attributes__" in result.meta:
            # Astropy shares the attributes of a slice with the original.
            result.meta["__attributes__"] = dict(result.meta["__attributes__"])
        return result

    @property
    def t0(self) -> Time | None:
        """The reference time, or None (`~astropy.time.Time`, UTC; TDB if the curve is `barycentred`)."""
        return None if self.t0_met is None else curve_time(self.t0_met, barycentred=self.barycentred)

    @property
    def met(self) -> u.Quantity:
        """Mission elapsed time of the bins, in seconds."""
        return self["met"]

    @property
    def elapsed(self) -> u.Quantity:
        """Time since `t0`, or since the start of the first bin where there is no `t0`, in seconds."""
        met_s = self["met"].value
        if self.t0_met is not None:
            origin_s = self.t0_met
        else:
            origin_s = np.min(met_s - self["time_err_neg"].value, initial=np.inf) if len(self) else 0.0
        return np.round(met_s - origin_s, MET_DECIMALS) << u.s

    def in_mode(self, mode: Mode | str) -> Self:
        """The bins of one mode.

        Parameters
        ----------
        mode : Mode or str
            ``"PC"`` or ``"WT"``.

        Returns
        -------
        curve : LightCurve or HardnessCurve
            Without any bin if there are none.

        Raises
        ------
        RequestError
            If there is no such mode.

        Examples
        --------
        >>> from swiftxrt import LightCurve
        >>> columns = {"met_s": [10, 20], "time_err_neg": 5, "time_err_pos": 5, "rate": 1.0, "mode": ["WT", "PC"]}
        >>> curve = LightCurve.from_columns(columns, t0_met=0, band="0.3-10 keV", binning="time")
        >>> len(curve.in_mode("PC"))
        1
        """
        name = mode.value if isinstance(mode, Mode) else mode
        if name not in _MODES:
            close = str(name).upper()
            hint = f"; did you mean {close!r}?" if close in _MODES else ""
            raise RequestError([("mode", f"must be one of {', '.join(_MODES)}; got {mode!r}{hint}")], self._title)
        return self[np.asarray(self["mode"]) == name]

    def since_t0(self, start: u.Quantity | None = None, stop: u.Quantity | None = None) -> Self:
        """The bins whose time lies between two times since T0.

        Parameters
        ----------
        start, stop : `~astropy.units.Quantity`, time, optional
            First time, and the time that is no longer inside; without a limit
            by default.

        Returns
        -------
        curve : LightCurve or HardnessCurve

        Raises
        ------
        RequestError
            If the curve has no T0, or a limit is no time.
        """
        if self.t0_met is None:
            raise RequestError(
                [("t0", "is not known; select by time or met, as in curve[curve.met > ...]")], self._title
            )
        kept = np.ones(len(self), dtype=bool)
        if start is not None:
            kept &= self.elapsed >= _duration("start", start, self._title)
        if stop is not None:
            kept &= self.elapsed < _duration("stop", stop, self._title)
        return self[kept]

    def to_binned(self) -> BinnedTimeSeries:
        """The same bins with their start and size.

        Returns
        -------
        series : `~astropy.timeseries.BinnedTimeSeries`
            `time_bin_start` and `time_bin_size`, and all columns but the
            time and its errors; where inside the bin `time` lay is lost.
        """
        size = self["time_err_neg"] + self["time_err_pos"]
        data = QTable({name: self[name] for name in self._schema if not name.startswith("time_err")})
        binned = BinnedTimeSeries(data, time_bin_start=self.time - self["time_err_neg"], time_bin_size=size)
        binned.meta.update(self.meta.get("__attributes__", {}) | {"provenance": self.provenance.to_dict()})
        return binned

    def __eq__(self, other: object) -> Any:
        """Row by row, as tables compare, but NaN equals NaN; see `equals` for whole curves."""
        if not isinstance(other, Curve) or len(self) != len(other) or self.colnames != other.colnames:
            return super().__eq__(other)
        equal = [_same(self[name], other[name]) for name in self.colnames]
        return np.logical_and.reduce(equal) if equal else np.ones(0, dtype=bool)

    __hash__ = None  # type: ignore[assignment]  # The content is arrays, and may change.

    def first_difference(self, other: Any) -> str:
        """Where two curves differ first, in words; empty if they are equal (see `equals`)."""
        if type(self) is not type(other):
            return f"a {type(other).__name__} is not a {type(self).__name__}"
        for name in self._compared:
            if getattr(self, name) != getattr(other, name):
                return f"{name}: {getattr(self, name)!r} is not {getattr(other, name)!r}"
        if self.colnames != other.colnames or len(self) != len(other):
            return f"{len(self)} rows of {self.colnames} are not {len(other)} rows of {other.colnames}"
        for name in self.colnames:
            rows = np.flatnonzero(~_same(self[name], other[name]))
            if rows.size:
                return f"column {name!r}, row {rows[0]}: {self[name][rows[0]]!s} is not {other[name][rows[0]]!s}"
        return ""

    def equals(self, other: Any) -> bool:
        """Whether two curves hold the same.

        Columns are compared value by value, NaN equals NaN; `time` has to
        agree to a microsecond since files may hold it with nine decimals
        (`met` is exact). Attributes count, except `provenance`.
        """
        return not self.first_difference(other)

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        *,
        format: str | None = None,  # noqa: A002
        table: str | None = None,
        t0_met: float | None = None,
        columns: Sequence[str] | None = None,
    ) -> Self:
        """Read a curve from a file.

        Parameters
        ----------
        path : path-like
            The file.
        format : str, optional
            ``"ogip.lc"`` (FITS), ``"ascii.ecsv"``, ``"ukssdc.qdp"``, or a
            table format of Astropy; by default found from the file.
        table : str, optional
            Dataset of a QDP file, such as ``"PC"``, ``"PCUL"`` or ``"WT"``;
            by default all that belong together.
        t0_met : float, optional
            Reference time of a QDP file as MET in seconds, where neither the
            file nor its neighbours (``t0.date``, ``curve.qdp``) name it.
        columns : sequence of str, optional
            Column names of a QDP file without a header line, in the service's spelling.

        Raises
        ------
        FormatError
            If the file is not such a curve.
        """
        from ..io.lightcurve import read_curve

        return read_curve(cls, path, format=format, table=table, t0_met=t0_met, columns=columns)

    def write(
        self,
        path: str | PathLike[str],
        *,
        format: str | None = None,  # noqa: A002
        overwrite: bool = False,
    ) -> Path:
        """Write to ``"ogip.lc"`` (FITS) or ``"ascii.ecsv"``; both are lossless.

        By default the format follows the ending: ``.fits``, ``.lc`` or ``.ecsv``.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is false.
        """
        from ..io.lightcurve import write_curve

        return write_curve(self, path, format=format, overwrite=overwrite)

    def peek(self) -> None:
        """Show the curve."""
        from ..plot.lightcurve import peek_curve

        peek_curve(self)


def curve_time(met_s: Any, *, barycentred: bool) -> Time:
    """The time of a MET in seconds: UTC at the satellite, or TDB at the barycentre of the solar system."""
    return met_to_time_nominal(met_s, scale="tdb") if barycentred else met_to_time(met_s)


def _duration(name: str, value: Any, title: str) -> u.Quantity:
    if not isinstance(value, u.Quantity) or not value.isscalar or not value.unit.is_equivalent(u.s):
        raise RequestError([(name, f"a time such as 1000 * u.s is needed; got {value!r}")], title)
    return value


def _plain_columns(
    title: str, columns: Mapping[str, Any], schema: Mapping[str, Any], needed: Sequence[str]
) -> dict[str, np.ndarray]:
    """Check the arrays given and fill in the rest, all of one length."""
    names = {"met_s" if name == "met" else name: name for name in schema}
    problems = [(name, "is needed") for name in needed if name not in columns]
    for name, value in columns.items():
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
            problems.append((name, f"is not a column of a {title}; {hint}"))
        elif isinstance(value, u.Quantity):
            problems.append((name, "plain numbers in the unit of the column are needed, not a quantity"))
    if problems:
        raise RequestError(problems, title)
    plain = {}
    for key, name in names.items():
        kind = schema[name] if isinstance(schema[name], type) else float
        try:
            plain[name] = np.asarray(columns.get(key, _DEFAULTS[kind]), dtype=_DTYPES[kind])
        except (TypeError, ValueError) as error:
            raise RequestError([(key, f"cannot be read as {kind.__name__}: {error}")], title) from error
    length = len(np.atleast_1d(plain["met"]))
    wrong = [
        (name, f"{a.shape} values for {length} bins") for name, a in plain.items() if a.shape not in ((), (length,))
    ]
    if wrong:
        raise RequestError(wrong, title)
    if not np.all(np.isfinite(plain["met"])):
        raise RequestError([("met_s", "every bin needs a finite time")], title)
    return {name: np.broadcast_to(array, length) for name, array in plain.items()}


def _same(one: Any, other: Any) -> np.ndarray:
    """Where two columns agree."""
    if isinstance(one, Time) and isinstance(other, Time):
        return np.abs((one - other).sec) < 1e-6
    if getattr(one, "unit", None) != getattr(other, "unit", None):
        return np.zeros(len(one), dtype=bool)
    first, second = (np.asarray(getattr(column, "value", column)) for column in (one, other))
    equal = np.asarray(first == second)
    if first.dtype.kind == "f" and second.dtype.kind == "f":
        equal = equal | (np.isnan(first) & np.isnan(second))
    return equal


def summary(curve: Curve, *details: str) -> str:
    """One line about a curve: size, details, time range."""
    name, n_bins = type(curve).__name__, len(curve)
    parts = [f"{n_bins} bin{'s' * (n_bins != 1)}", *(detail for detail in details if detail)]
    if n_bins and curve.t0_met is not None:
        start = np.min(curve.elapsed - curve["time_err_neg"])
        stop = np.max(curve.elapsed + curve["time_err_pos"])
        parts.append(f"{start:.10g} to {stop:.10g} since T0")
    elif n_bins:
        time, scale = (curve.time.tdb, " TDB") if curve.barycentred else (curve.time.utc, "")
        parts.append(f"{time.min().isot[:19]} to {time.max().isot[:19]}{scale}")
    return f"<{name} of {', '.join(parts)}>"
