"""Replies of the burst analyser: instruments, binnings, datasets and their tables.

``BAT`` and ``BAT_NoEvolution`` have a level of binnings, ``XRT`` and ``UVOT``
have not. Each dataset is a table ``<name>Data`` with ``columns`` and ``data``
(rows); tables of hardness ratios stand beside the list of datasets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import PartialResultWarning, ProductNotAvailableError, ProtocolError, RequestError, warn
from ..products._burst_tables import BANDS, HARDNESS, CurveName, flux_table, hardness_table
from ..products.burst_analyser import BurstAnalyser
from ..products.provenance import Provenance
from .reading import names, number, number_column, yes

__all__ = ["BINNINGS", "INSTRUMENTS", "SERVICE_BANDS", "ask_analyser", "decode_analyser"]

#: Our names of instruments, bands and binnings of the BAT, and those of the service in questions.
INSTRUMENTS = {"bat": "BAT", "xrt": "XRT", "uvot": "UVOT"}
SERVICE_BANDS = {
    "observed_density": "ObservedFlux",
    "density": "Density",
    "xrt_band": "XRTBand",
    "bat_band": "BATBand",
}
BINNINGS = {
    **{f"snr{level}": f"snr{level}" for level in (4, 5, 6, 7)},
    "4ms": "timedel0.004",
    "64ms": "timedel0.064",
    "1s": "timedel1",
    "10s": "timedel10",
}

_KIND = "burst analyser"
_BAND_OF = {word.lower(): band for band, word in SERVICE_BANDS.items()}
_XRT = re.compile(r"(?P<band>[A-Za-z]+)_(?P<mode>WT|PC)(?P<limit>UL|_UL)?(?P<flags>(?:_nosys|_incbad)*)")
_LIMIT = re.compile(r"_?UL$")
_RATIO = re.compile(r"HRData(?:_(?P<mode>WT|PC))?(?P<flags>(?:_nosys|_incbad)*)")
_SINCE = re.compile(r"_sinceT0$", re.IGNORECASE)
_TIME_BINS = re.compile(r"TimeBins_", re.IGNORECASE)

# Columns of fluxes and of hardness ratios; their errors have Pos and Neg behind them.
_FLUXES = ("Flux", "FluxDensity", "Rate")
_SPECTRAL = {"Gamma": "photon_index", "ECF": "ecf"}
_RATIOS = {
    "HR": "hardness_ratio",
    "Gamma": "photon_index",
    "ECF_ObservedDensity": "ecf_observed_density",
    **{f"ECF_{word}": f"ecf_{band}" for band, word in SERVICE_BANDS.items()},
}
_SIDES = {"": "", "Pos": "_pos", "Neg": "_neg"}


# ---------------------------------------------------------------- the question


def ask_analyser(
    target: int,
    *,
    instruments: Any = ("bat", "xrt", "uvot"),
    bands: Any = ("density",),
    bat_binning: Any = ("snr4",),
    with_unreliable: bool = True,
    without_systematics: bool = False,
) -> dict[str, Any]:
    """The question for tables; each list is of our words or those of the service, or ``"all"``.

    Raises
    ------
    RequestError
        If there is no such instrument, band or binning.
    """
    flags = {"with_unreliable": with_unreliable, "without_systematics": without_systematics}
    wrong = {key: value for key, value in flags.items() if value is not True and value is not False}
    if wrong:
        raise RequestError(
            [(key, f"True or False is needed; got {value!r:.40}") for key, value in wrong.items()], _KIND
        )
    return {
        "targetID": target,
        "instruments": _words("instruments", instruments, INSTRUMENTS),
        "bands": _words("bands", bands, SERVICE_BANDS),
        "BATBinning": _words("bat_binning", bat_binning, BINNINGS),
        "incbad": "yes" if with_unreliable else "no",
        "nosys": "yes" if without_systematics else "no",
    }


def _words(field: str, given: Any, allowed: Mapping[str, str]) -> str | list[str]:
    """The service's words for ours."""
    if isinstance(given, u.Quantity):
        given = list(np.atleast_1d(given))
    items = [given] if isinstance(given, str) or not isinstance(given, Collection) else list(given)
    if items == ["all"]:
        return "all"
    known = {**{word.lower(): word for word in allowed.values()}, **allowed}
    problems, words = [], []
    for item in items:
        word = _time_word(item) if isinstance(item, u.Quantity) else item
        if isinstance(word, str) and word.strip().lower() in known:
            words.append(known[word.strip().lower()])
        else:
            hint = nearest(word, allowed) if isinstance(word, str) else ""
            problems.append((field, f"must be 'all' or of {', '.join(allowed)}; got {item!r:.60}{hint}"))
    if problems or not items:
        raise RequestError(problems or [(field, f"is empty; name some of {', '.join(allowed)}")], _KIND)
    return list(dict.fromkeys(words))


def _time_word(width: u.Quantity) -> str:
    """Our word for a bin of so long."""
    if not width.isscalar or not width.unit.is_equivalent(u.s):
        return str(width)
    seconds = float(width.to_value(u.s))
    return f"{round(seconds * 1000)}ms" if seconds < 1 else f"{seconds:g}s"


# ---------------------------------------------------------------- the reply


def decode_analyser(
    content: Mapping[str, Any],
    *,
    name: str,
    target_id: str,
    provenance: Provenance | None = None,
    asked: Mapping[str, Any] | None = None,
) -> BurstAnalyser:
    """Read a reply.

    What can be read is kept. A table is left out, with a
    `PartialResultWarning`, if it is listed but absent, lacks a column that is
    needed, has rows of other lengths or cells that are no numbers, or if what
    it is about is not known. Limits become rows of the table that they belong to.

    Parameters
    ----------
    content : mapping
        The reply.
    name, target_id : str
        The burst.
    provenance : Provenance, optional
        Where the reply is from.
    asked : mapping, optional
        What was asked for in words of users, for the error if there is nothing.

    Raises
    ------
    ProductNotAvailableError
        If the service has nothing.
    ProtocolError
        If there is no list of instruments, or nothing can be read.
    """
    listed = content.get("Instruments")
    if not isinstance(listed, list):
        shown = ", ".join(map(str, content)) or "nothing"
        raise ProtocolError(f"the reply of the burst analyser has no list of 'Instruments'; it has {shown:.200}")
    reader = _Reader()
    for instrument in names(listed):
        reader.read(instrument, content.get(instrument))
    if reader.missing:
        told = "; ".join(f"{what}: {why}" for what, why in reader.missing.items())
        if not reader.tables:
            raise ProtocolError(f"nothing in the reply of the burst analyser can be read: {told:.1000}")
        warn(f"left out of the burst analyser: {told:.1000}", PartialResultWarning)
    if not reader.tables:
        raise ProductNotAvailableError(f"{_KIND} data", _nothing(name or target_id, asked or {}))
    return BurstAnalyser(
        reader.tables,
        name=name,
        target_id=target_id,
        constant_ecf=reader.constant_ecf,
        missing=reader.missing,
        provenance=provenance,
    )


def _nothing(burst: str, asked: Mapping[str, Any]) -> str:
    """Why there may be nothing, and what to do."""
    words = {key: asked[key] for key in ("instruments", "bands", "bat_binning") if key in asked}
    if not words:
        return f"the service has none of {burst}"
    shown = ", ".join(f"{key}={value!r:.60}" for key, value in words.items())
    return f"the service has none of {burst} with {shown}; ask for other instruments or bands, or for 'all'"


class _Reader:
    """Reads the instruments of a reply, and remembers what could not be read."""

    def __init__(self) -> None:
        self._fluxes: dict[str, tuple[CurveName, list[dict[str, NDArray[Any]]]]] = {}
        self._ratios: list[QTable] = []
        self.constant_ecf: dict[str, u.Quantity] = {}
        self.missing: dict[str, str] = {}

    @property
    def tables(self) -> list[QTable]:
        """What was read."""
        return [*self._ratios, *(flux_table(_stacked(parts), name) for name, parts in self._fluxes.values())]

    def read(self, instrument: str, block: Any) -> None:
        """Read one of ``Instruments``."""
        if not isinstance(block, Mapping):
            self.missing[instrument] = "it is listed, but there is nothing of it"
        elif instrument in ("BAT", "BAT_NoEvolution"):
            self._read_ratios("BAT", block)
            self._read_factors(block.get("ECFs"))
            for binning in names(block.get("Binning")):
                self._read_curves(instrument, binning, block.get(binning))
        elif instrument in ("XRT", "UVOT"):
            self._read_ratios(instrument, block)
            self._read_curves(instrument, "", block)
        else:
            self.missing[instrument] = "this version does not know the instrument"

    def _read_factors(self, factors: Any) -> None:
        for word, value in factors.items() if isinstance(factors, Mapping) else ():
            band = _BAND_OF.get(str(word).lower())
            if band is not None and np.isfinite(number(value)):
                self.constant_ecf[band] = number(value) * BANDS[band].unit / (u.ct / u.s)

    def _read_ratios(self, instrument: str, block: Mapping[str, Any]) -> None:
        for key, table in block.items():
            match = _RATIO.fullmatch(str(key))
            if match is None:
                continue
            mode = match["mode"] or ""
            known_as = "_".join(filter(None, (instrument, "HR", mode)))
            name = CurveName(instrument, HARDNESS, mode=mode, service_name=known_as, **_flags(match["flags"]))
            try:
                values = _values(_columns(table), _RATIOS, ("Time", "HR"))
                self._ratios.append(hardness_table(values, name))
            except ProtocolError as error:
                self.missing[f"{instrument} {key}"] = error.message

    def _read_curves(self, instrument: str, binning: str, block: Any) -> None:
        where = f"{instrument} {binning}".strip()
        if not isinstance(block, Mapping):
            self.missing[where] = "it is listed, but there is nothing of it"
            return
        for dataset in names(block.get("Datasets")):
            found = _name(instrument, binning, dataset)
            if found is None:
                self.missing[f"{where} {dataset}"] = "this version does not know what it is about"
                continue
            name, is_limit = found
            try:
                values = _fluxes(block.get(f"{dataset}Data"), is_limit, bad_bins=name.instrument == "BAT")
                self._fluxes.setdefault(name.key, (name, []))[1].append(values)
            except ProtocolError as error:
                self.missing[f"{where} {dataset}"] = error.message


def _name(instrument: str, binning: str, dataset: str) -> tuple[CurveName, bool] | None:
    """What a dataset is about, and whether it holds limits."""
    if instrument == "XRT":
        match = _XRT.fullmatch(dataset)
        band = _BAND_OF.get(match["band"].lower()) if match else None
        if match is None or band is None:
            return None
        limit = match["limit"] or ""
        known_as = f"XRT_{dataset.replace(limit, '', 1)}"
        flags = _flags(match["flags"])
        return CurveName("XRT", band, mode=match["mode"], service_name=known_as, **flags), bool(limit)
    plain = _LIMIT.sub("", dataset)
    if instrument == "UVOT":
        return CurveName("UVOT", plain.lower(), service_name=f"UVOT_{plain}"), plain != dataset
    band = _BAND_OF.get(plain.lower())
    if band is None:
        return None
    ours = _SINCE.sub("_since_t0", _TIME_BINS.sub("", binning)).lower()
    known_as = f"{instrument}_{binning}_{plain}"
    name = CurveName("BAT", band, binning=ours, evolution=instrument == "BAT", service_name=known_as)
    return name, plain != dataset


def _flags(text: str) -> dict[str, Any]:
    return {"with_unreliable": "_incbad" in text, "without_systematics": "_nosys" in text}


def _fluxes(table: Any, is_limit: bool, *, bad_bins: bool) -> dict[str, NDArray[Any]]:
    """The columns of a table of fluxes."""
    columns = _columns(table)
    if "UpperLimit" in columns:
        columns["Rate"] = columns.pop("UpperLimit")
    flux = next((name for name in _FLUXES if name in columns), _FLUXES[0])
    values = _values(columns, {flux: "value", **_SPECTRAL}, ("Time", flux))
    values["is_upper_limit"] = np.full(len(values["time"]), is_limit)
    if bad_bins:
        values["is_bad"] = _truths(columns)
    return values


def _truths(columns: Mapping[str, Sequence[Any]]) -> NDArray[np.bool_]:
    """Which bins are bad."""
    if "BadBin" not in columns:
        raise ProtocolError("it does not say which bins are bad (BadBin)")
    flags = [yes(cell) for cell in columns["BadBin"]]
    if None in flags:
        raise ProtocolError("BadBin should be 0 or 1")
    return np.array(flags, dtype=bool)


def _columns(table: Any) -> dict[str, Sequence[Any]]:
    """The cells of a table by column."""
    if not isinstance(table, Mapping):
        raise ProtocolError("it is listed, but there is no table of it")
    columns, rows = table.get("columns"), table.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise ProtocolError("its table needs the lists 'columns' and 'data'")
    if len(set(map(str, columns))) < len(columns):
        raise ProtocolError("a column is there twice")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ProtocolError(f"row {place} should have {len(columns)} values")
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {str(column): values for column, values in zip(columns, cells, strict=True)}


def _values(
    columns: Mapping[str, Sequence[Any]], wanted: Mapping[str, str], needed: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Numbers of the columns that are known, under our names."""
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise ProtocolError(f"it lacks {', '.join(lacking)}; its columns are {', '.join(columns)}")
    pairs = [
        (f"{theirs}{side}", f"{ours}{suffix}")
        for theirs, ours in {"Time": "time", **wanted}.items()
        for side, suffix in _SIDES.items()
    ]
    values = {ours: number_column(name, columns[name]) for name, ours in pairs if name in columns}
    if not np.all(np.isfinite(values["time"])):
        raise ProtocolError("it has rows without a time")
    return values


def _stacked(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Columns of rates and limits below each other; NaN where one has not what the other has."""
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: np.concatenate([part.get(key, np.full(len(part["time"]), np.nan)) for part in parts]) for key in keys}
