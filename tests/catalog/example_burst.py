"""A service that has one made-up burst, for the examples of the documentation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np

from swiftxrt import CountSpectrum, SwiftXRTClass, conf
from swiftxrt.io.spectrum import write_slice_archive
from tests.catalog.replay import Replay
from tests.wire.burst_replies import FLUXES, SPECTRAL

__all__ = ["example"]

_TARGET, _T0 = 221755, 175893141
_RATES = ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg"]
_FIT = {
    "GalacticNH": 4.5e20,
    "NH": 1.1e21,
    "NHPos": 1e20,
    "NHNeg": -1e20,
    "Redshift_abs": 0.54,
    "Gamma": 2.05,
    "GammaPos": 0.04,
    "GammaNeg": -0.04,
    "ObsFlux": 2.1e-11,
    "ObsFluxPos": 6e-13,
    "ObsFluxNeg": -6e-13,
    "UnabsFlux": 2.9e-11,
    "UnabsFluxPos": 8e-13,
    "UnabsFluxNeg": -8e-13,
    "Cstat": 512.3,
    "Dof": 540,
    "FitChi": 520.1,
}
_POSITION = {"RA": 95.32454, "Decl": -62.37025, "Err90": "1.4"}
_FOLDER = "https://replay.invalid/xrt_spectra/00221755"


def example() -> SwiftXRTClass:
    """The entry point, with this service behind it."""
    made = SwiftXRTClass()
    functions: dict[str, Any] = {
        "GRBNameToTargetID": lambda sent: {"targetID": _TARGET} if sent["name"] == "GRB 060729" else {"NOTFOUND": 1},
        "downloadLightCurve": _light_curve(),
        "downloadSpectrum": lambda sent: _spectra("early" if sent["type"] == "timeslice" else "interval0"),
        "getGRBPositions": _positions(),
        "downloadBurstAnalyser": _analyser(),
        "getGRBTargetList": {"targetList": ["00221755"]},
        "getObsByTarg": {"obsList": ["00221755000", "00221755001"]},
        "rebinLightCurve": {"JobID": 1234},
        "checkRebinStatus": {"status": 4, "text": "Complete"},
        "timesliceSpectrum": {"JobID": 1518},
        "checkSliceStatus": {"status": 4, "text": "Complete"},
    }
    files = {f"{_FOLDER}/{label}.tar.gz": _archive(label) for label in ("interval0", "early")}
    made._catalogs[conf.service_url.rstrip("/")] = Replay(functions, files)
    return made


def _light_curve() -> dict[str, Any]:
    def table(start: float, stop: float, number: int) -> dict[str, Any]:
        times = np.geomspace(start, stop, number)
        rows = [[t, 0.05 * t, -0.05 * t, 300 / t, 30 / t, -30 / t] for t in times.tolist()]
        return {"columns": _RATES, "data": rows}

    tables = {"WT_incbad": table(130, 400, 8), "PC_incbad": table(500, 1e6, 12)}
    tables |= {"WT": tables["WT_incbad"], "PC": table(500, 4e5, 10)}
    return {
        "Datasets": list(tables),
        **{f"{name}Data": one for name, one in tables.items()},
        "Binning": "Counts",
        "TimeFormat": "MET",
        "T0": _T0,
    }


def _spectra(label: str) -> dict[str, Any]:
    block = {"Models": ["PowerLaw"], "PowerLaw": _FIT, "Exposure": 1000.0, "MeanTime": 5000.0}
    whole = {"DataFile": f"{_FOLDER}/{label}.tar.gz", "Start": 130.0, "Stop": 1e5, "Modes": ["PC"], "PC": block}
    return {"T0": _T0, "DeltaFitStat": 2.706, "rnames": [label], label: whole}


def _archive(label: str) -> bytes:
    counts = CountSpectrum(counts=[0] * 30 + [2] * 994, exposure=1000 * u.s, mode="PC", label=label)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slice.tar.gz"
        write_slice_archive([counts], path, t0_met=float(_T0))
        return path.read_bytes()


def _positions() -> dict[str, Any]:
    reply: dict[str, Any] = {f"{word}_{key}": None for word in ("SPER", "Onboard") for key in _POSITION}
    for word in ("Best", "Enhanced"):
        reply |= {f"{word}_{key}": value for key, value in _POSITION.items()}
    return reply | {"Standard_RA": 95.3243, "Standard_Decl": -62.3703, "Standard_Err90": 3.5}


def _analyser() -> dict[str, Any]:
    bat = [_bin(t, 1e-3 / t, 0.002, bad=int(t > 60)) for t in np.geomspace(1, 100, 10).tolist()]
    bat[-1][len(FLUXES) + 4] = 7500.0  # no upper limit of the photon index
    xrt = [_bin(t, 2e-3 / t, 1e-4)[:-1] for t in np.geomspace(130, 1e6, 20).tolist()]
    uvot = {"columns": [name.replace("Flux", "FluxDensity") for name in FLUXES]}
    curves = {"Datasets": ["Density"], "DensityData": {"columns": [*FLUXES, *SPECTRAL, "BadBin"], "data": bat}}
    return {
        "Instruments": ["BAT", "XRT", "UVOT"],
        "BAT": {"Binning": ["SNR4"], "SNR4": curves},
        "XRT": {
            "Datasets": ["Density_PC_incbad"],
            "Density_PC_incbadData": {"columns": [*FLUXES, *SPECTRAL], "data": xrt},
        },
        "UVOT": {
            "Datasets": ["uvw1", "uvw1_UL"],
            "uvw1Data": {**uvot, "data": [[800.0, 10, -10, 1e-4, 1e-5, -1e-5]]},
            "uvw1_ULData": {**uvot, "data": [[9e5, 500, -500, 2e-6, 0, 0]]},
        },
    }


def _bin(time: float, flux: float, ecf: float, bad: int = 0) -> list[Any]:
    fluxes = [time, 0.05 * time, -0.05 * time, flux, 0.1 * flux, -0.1 * flux]
    return [*fluxes, 1.9, 0.2, -0.2, ecf, 0.2 * ecf, -0.2 * ecf, bad]
