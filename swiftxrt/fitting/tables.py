"""Results of fits as rows of tables, and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
from astropy.table import QTable

from ..products._display import ReadableTable

if TYPE_CHECKING:
    from .result import FitResult

__all__ = ["result_dict", "result_row"]


def result_row(result: FitResult) -> QTable:
    """One row with all values; see `FitResult.table`."""
    columns: dict[str, Any] = {
        "spectrum": [", ".join(one.name for one in result.spectra)],
        "model": [result.model.expression],
    }
    for name, item in result.parameters.items():
        columns[name] = u.Quantity([item.value])
        if not item.frozen:
            columns[f"{name}_err_neg"], columns[f"{name}_err_pos"] = (
                u.Quantity([error]) for error in (item.err_neg, item.err_pos)
            )
    columns |= {"statistic": [result.statistic], "dof": [result.dof], "converged": [result.is_converged]}
    return ReadableTable(columns)


def result_dict(result: FitResult) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "spectra": [one.name for one in result.spectra],
        "model": result.model.expression,
        "parameters": {name: item.to_dict() for name, item in result.parameters.items()},
        "statistic": result.statistic,
        "statistic_name": result.statistic_name,
        "dof": result.dof,
        "n_bins": result.n_bins,
        "converged": result.is_converged,
        "messages": list(result.messages),
        "delta_statistic": result.delta_statistic,
        "confidence": result.confidence,
        "band_kev": None if result.band is None else list(result.band),
        "backend": result.backend,
    }
