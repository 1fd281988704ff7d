"""The recorded print of the burst analyser as the service sends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.catalog.replay import fixture

FLUXES = ["Time", "TimePos", "TimeNeg", "Flux", "FluxPos", "FluxNeg"]
SPECTRAL = ["Gamma", "GammaPos", "GammaNeg", "ECF", "ECFPos", "ECFNeg"]


def frames(validation_data: Path) -> list[dict[str, Any]]:
    """All recorded tables of GRB 201013A; long ones have their first and last five rows."""
    found: list[dict[str, Any]] = fixture(validation_data, "grb", "ban_grb201013a_full_print.json")["frames"]
    return found


def recorded_reply(validation_data: Path) -> dict[str, Any]:
    """A reply with the recorded tables."""
    reply: dict[str, Any] = {"Instruments": ["BAT", "BAT_NoEvolution", "XRT", "UVOT"]}
    for frame in frames(validation_data):
        block = reply.setdefault(frame["instrument"], {})
        if frame["binning"]:
            known = block.setdefault("Binning", [])
            known += [frame["binning"]] * (frame["binning"] not in known)
            block = block.setdefault(frame["binning"], {})
        if frame["dataset"].startswith("HRData"):
            block[frame["dataset"]] = as_sent(frame)
        else:
            block.setdefault("Datasets", []).append(frame["dataset"])
            block[f"{frame['dataset']}Data"] = as_sent(frame)
    factors = fixture(validation_data, "grb", "ban_grb201013a_BATNoEvo_ECFs.json")["value"]
    reply["BAT_NoEvolution"]["ECFs"] = factors
    return reply


def as_sent(frame: dict[str, Any]) -> dict[str, Any]:
    """A printed table: without the columns and rows that were not shown, truth as 0 and 1."""
    kept = [number for number, column in enumerate(frame["columns"]) if column != "..."]
    rows = [[row[number] for number in kept] for row in frame["rows"] if row[0] != "..."]
    return {
        "columns": [frame["columns"][number] for number in kept],
        "data": [[int(cell) if isinstance(cell, bool) else cell for cell in row] for row in rows],
    }


def bat(
    *rows: list[Any], band: str = "Density", binning: str = "SNR4", columns: list[str] | None = None
) -> dict[str, Any]:
    """A reply with one table of the BAT."""
    table = {"columns": columns or [*FLUXES, *SPECTRAL, "BadBin"], "data": list(rows)}
    curves = {"Datasets": [band], f"{band}Data": table}
    return {"Instruments": ["BAT"], "BAT": {"Binning": [binning], binning: curves}}


def bin_at(
    time: float, flux: float = 1e-3, ecf: tuple[float, float, float] = (0.002, 0.0004, -0.0003), bad: Any = 0
) -> list[Any]:
    """A row of such a table."""
    return [time, 0.5, -0.5, flux, 1e-4, -1e-4, 1.5, 0.2, -0.1, *ecf, bad]
