"""The tables of the burst analyser: names, units, errors.

Errors of the conversion factor (ECF) follow from those of the photon index.
Where that is not known to any side the service tells an error many orders of
magnitude above the factor itself; here it is NaN. A factor need not grow with
the index, so both its limits can lie on one side of it; the error to the
other side is zero then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from ._display import ReadableTable

__all__ = [
    "BANDS",
    "HARDNESS",
    "CurveName",
    "FluxBand",
    "flux_table",
    "has_evolution",
    "hardness_table",
    "total_errors",
]

_FLUX = u.erg / u.cm**2 / u.s
_RATE = u.ct / u.s
#: Times are kept to the microsecond, so that equal ones are equal after any way of writing them.
_DECIMALS = 6
#: A conversion factor with a larger relative error is not known: those of real spectra are below 10, others above 1000.
_LARGEST_ECF_ERROR = 100.0

#: Stands in the place of a band for tables of hardness ratios.
HARDNESS = "hardness"


@dataclass(frozen=True)
class FluxBand:
    """What the fluxes of a table are: name of their column, unit, and a sentence."""

    column: str
    unit: u.UnitBase
    description: str


#: Kinds of flux for BAT and XRT.
BANDS = {
    "observed_density": FluxBand(
        "flux_density", u.Jy, "observed flux density in the native band of the instrument, at one energy for each"
    ),
    "density": FluxBand("flux_density", u.Jy, "unabsorbed flux density at 10 keV"),
    "xrt_band": FluxBand("flux", _FLUX, "unabsorbed flux, 0.3-10 keV"),
    "bat_band": FluxBand("flux", _FLUX, "unabsorbed flux, 15-50 keV"),
}
_FILTER = FluxBand("flux_density", u.Jy, "observed flux density in a filter of the UVOT")


@dataclass(frozen=True)
class CurveName:
    """What a table of the burst analyser is about.

    Parameters
    ----------
    instrument : str
        ``"BAT"``, ``"XRT"`` or ``"UVOT"``.
    band : str
        One of `BANDS`, a filter of the UVOT, or ``"hardness"``.
    binning : str
        Of the BAT: ``"snr4"``, ``"snr4_since_t0"``, ``"64ms"``, ...
    mode : str
        Of the XRT: ``"WT"`` or ``"PC"``.
    evolution : bool
        Whether the spectrum may change with time; only the BAT has fluxes
        with one conversion factor for all times too.
    with_unreliable : bool
        Whether bins without a reliable centroid are included.
    without_systematics : bool
        Whether the systematic error of WT mode is left out.
    service_name : str
        What the service and its clients call the table.
    """

    instrument: str
    band: str
    binning: str = ""
    mode: str = ""
    evolution: bool = True
    with_unreliable: bool = False
    without_systematics: bool = False
    service_name: str = ""

    @property
    def key(self) -> str:
        """Name in a `~swiftxrt.BurstAnalyser`, such as ``"bat_snr4_density"``."""
        evolution = "" if self.evolution else "no_evolution"
        flags = ("without_systematics", "with_unreliable")
        words = [self.instrument, self.mode, evolution, self.binning, self.band]
        words += [flag for flag in flags if getattr(self, flag)]
        return "_".join(filter(None, words)).lower()

    @property
    def flux(self) -> FluxBand:
        """What its fluxes are."""
        return BANDS.get(self.band, _FILTER)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the metadata of the table."""
        return {**asdict(self), "description": self._description}

    @property
    def _description(self) -> str:
        return "hardness ratio and conversion factors" if self.band == HARDNESS else self.flux.description

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CurveName:
        """Rebuild from `to_dict`; other keys are ignored."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__ if name in plain})


def flux_table(values: Mapping[str, NDArray[Any]], name: CurveName) -> QTable:
    """A table of fluxes.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n,)
        ``time``, ``value`` and if known ``photon_index`` and ``ecf``, all but
        the time with ``<name>_pos`` and ``<name>_neg``, signed limits relative
        to the value, and so is the time's; ``is_upper_limit``, and for the BAT ``is_bad``.
    name : CurveName
        What it is about.

    Returns
    -------
    table : QTable
        Sorted by time; all errors positive.
    """
    flux = name.flux
    table = _times(values)
    limit = np.asarray(values.get("is_upper_limit", np.zeros(len(table), bool)), dtype=bool)
    below, above = (np.where(limit, np.nan, side) for side in _sizes(values, "value"))
    _add(table, flux.column, values["value"], (below, above), flux.unit)
    if "ecf" in values:
        ecf = values["ecf"], *_ecf_errors(values, "ecf")
        total = total_errors(values["value"], below, above, *ecf)
        for side, errors in zip(("neg", "pos"), total, strict=True):
            table[f"{flux.column}_total_err_{side}"] = errors << flux.unit
    if "photon_index" in values:
        _add(table, "photon_index", values["photon_index"], _sizes(values, "photon_index"), u.one)
    if "ecf" in values:
        _add(table, "ecf", ecf[0], ecf[1:], flux.unit / _RATE)
    table["is_upper_limit"] = limit
    if "is_bad" in values:
        table["is_bad"] = np.asarray(values["is_bad"], dtype=bool)
    table.meta.update(name.to_dict())
    return table[np.argsort(table["time"], kind="stable")]


def hardness_table(values: Mapping[str, NDArray[Any]], name: CurveName) -> QTable:
    """A table of hardness ratios, and the photon index and conversion factors that follow from them.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n,)
        As for `flux_table`, with ``hardness_ratio`` and ``ecf_<band>``.
    name : CurveName
        What it is about.
    """
    table = _times(values)
    for column in ("hardness_ratio", "photon_index"):
        if column in values:
            _add(table, column, values[column], _sizes(values, column), u.one)
    for band, flux in BANDS.items():
        column = f"ecf_{band}"
        if column in values:
            _add(table, column, values[column], _ecf_errors(values, column), flux.unit / _RATE)
    table.meta.update(name.to_dict())
    return table[np.argsort(table["time"], kind="stable")]


def has_evolution(table: QTable) -> bool:
    """Whether the conversion factors of a table differ from bin to bin."""
    factors = [
        name for name in table.colnames if name.startswith("ecf") and not name.endswith(("_err_neg", "_err_pos"))
    ]
    known = (np.unique(np.asarray(table[name].value)) for name in factors)
    return any(np.count_nonzero(np.isfinite(values)) > 1 for values in known)


def total_errors(
    flux: NDArray[np.float64],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    ecf: NDArray[np.float64],
    ecf_below: NDArray[np.float64],
    ecf_above: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of fluxes with those of the conversion factors in quadrature, down and up, all positive.

    A larger factor makes a negative flux more negative, so there the errors of
    the factor change sides. NaN where the factor or its error is not known.
    """
    negative = flux < 0
    down, up = np.where(negative, ecf_above, ecf_below), np.where(negative, ecf_below, ecf_above)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.abs(flux / ecf)
        totals = np.hypot(below, scale * down), np.hypot(above, scale * up)
    return np.where(np.isfinite(totals[0]), totals[0], np.nan), np.where(np.isfinite(totals[1]), totals[1], np.nan)


def _times(values: Mapping[str, NDArray[Any]]) -> ReadableTable:
    table = ReadableTable()
    below, above = _sizes(values, "time")
    for column, numbers in (("time", values["time"]), ("time_err_neg", below), ("time_err_pos", above)):
        table[column] = np.round(numbers, _DECIMALS) << u.s
    return table


def _add(
    table: QTable,
    column: str,
    numbers: NDArray[np.float64],
    errors: tuple[NDArray[np.float64], ...],
    unit: u.UnitBase,
) -> None:
    names = (column, f"{column}_err_neg", f"{column}_err_pos")
    for one, plain in zip(names, (numbers, *errors), strict=True):
        table[one] = plain if unit is u.one else plain << unit


def _sizes(values: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors down and up; downward ones come with either sign."""
    unknown = np.full(len(values["time"]), np.nan)
    return np.abs(values.get(f"{name}_neg", unknown)), np.abs(values.get(f"{name}_pos", unknown))


def _ecf_errors(values: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of a conversion factor down and up, NaN where they mean nothing."""
    factor = values[name]
    unknown = np.full(len(factor), np.nan)
    ends = np.array([values.get(f"{name}_{side}", unknown) for side in ("neg", "pos")])
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.abs(ends / factor) <= _LARGEST_ECF_ERROR
    ends = np.where(known, ends, np.nan)
    # The end that lies on the other side says nothing about its own.
    lowest, highest = np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[1])
    lowest, highest = (np.where(np.isnan(side), end, side) for side, end in zip((lowest, highest), ends, strict=True))
    return np.maximum(-lowest, 0.0), np.maximum(highest, 0.0)
