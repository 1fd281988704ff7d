"""The burst analyser from light curves alone: rates times the conversion factor of a power law that is assumed.

There is no spectral evolution here, no BAT and no UVOT. What cannot be known,
such as the error of the photon index, is null.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy import constants

from ....engine.source_models import BAND_CHANNELS, AbsorbedPowerLaw
from ....exceptions import NoDataError, ProductNotAvailableError, UnknownObjectError
from ....io.burst_analyser import write_analyser
from ....io.packages import pack_folder
from ....kinds import ProductKind
from ....mission import Mode
from ....products.calibration import Calibration
from ....wire import lightcurve
from ....wire.burst_analyser import decode_analyser
from ....wire.lightcurve_names import variants_asked
from .burst_targets import Burst, burst_of_target, require_burst

__all__ = ["ASSUMED_INDEX", "ASSUMED_NH_CM2", "FUNCTIONS", "flux_factors"]

#: The spectrum that is assumed: that of a typical afterglow.
ASSUMED_INDEX, ASSUMED_NH_CM2 = 2.0, 1e21

_EVERYTHING = {"targetID": None, "instruments": "all", "bands": "all", "incbad": "both", "nosys": "both"}
#: Bands of the service; its observed flux density is at an energy that is not known here.
_BANDS = ("Density", "XRTBand", "BATBand")
_RATES = re.compile(r"(?P<mode>WT|PC)(?P<flags>(?:_nosys|_incbad)*)")
_DENSITY_AT_KEV = 10.0
_RANGES_KEV = {"XRTBand": (0.3, 10.0), "BATBand": (15.0, 50.0)}
_STEPS = 2000
_README = """Fluxes of {name} from the XRT light curve.

Each table holds rates times one conversion factor, that of a power law of
photon index {index:g} behind a hydrogen column of {column:g} cm-2: it is assumed,
not fitted, so there are no errors of index and factor. Density is the unabsorbed
flux density at 10 keV, XRTBand the unabsorbed flux of 0.3-10 keV, BATBand that
of 15-50 keV.
"""


def analyser(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The tables of the burst analyser, as far as they follow from the light curve.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``targetID``, ``instruments``, ``bands``, ``incbad`` and ``nosys``.
    base_url : str
        Not used.
    """
    burst = burst_of_target(catalog.archive, content.get("targetID"))
    if burst is None or not _asks_for(content.get("instruments", "all"), "xrt"):
        return {"Instruments": []}
    try:
        handle, curves = catalog.bursts.get(burst, ProductKind.LIGHT_CURVE)
    except (ProductNotAvailableError, NoDataError):
        return {"Instruments": []}
    rates = lightcurve.encode(curves, urls={}, **variants_asked(content, nosys="no", incbad="yes"))
    met = float(handle.request.target.t0_met or 0.0)
    tables: dict[str, Any] = {}
    bands = [band for band in _BANDS if _asks_for(content.get("bands", "all"), band)]
    for dataset in rates["Datasets"]:
        match = _RATES.fullmatch(dataset)
        for band in bands if match else ():
            factor = flux_factors(catalog.calibration, Mode(match["mode"]), met)[band]
            tables[f"{band}_{dataset}"] = _fluxes(rates[f"{dataset}Data"], factor)
    if not tables:
        return {"Instruments": []}
    listed = sorted(tables, key=lambda name: _BANDS.index(name.partition("_")[0]))
    return {"Instruments": ["XRT"], "XRT": {"Datasets": listed, **{f"{name}Data": tables[name] for name in listed}}}


def analyser_files(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The address of all tables of the burst analyser in one archive.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``targetID``.
    base_url : str
        Address under which the client sees the server.
    """
    burst = require_burst(catalog.archive, content.get("targetID"))
    handle = catalog.bursts.ended(burst, ProductKind.LIGHT_CURVE)
    path = catalog.files / "burst_analyser" / burst.target_id / handle.id / f"{burst.target_id}.tar.gz"
    if not path.exists():
        found = analyser(catalog, {**_EVERYTHING, "targetID": burst.target_id}, base_url)
        if not found["Instruments"]:
            raise UnknownObjectError(f"there is no such thing: {burst.name} has no light curve to take fluxes from")
        _pack(found, burst, path)
    return {"URL": catalog.address(path, base_url)}


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "downloadBurstAnalyser": analyser,
    "getBurstAnalyserTarURL": analyser_files,
}


def _asks_for(given: Any, word: str) -> bool:
    words = given if isinstance(given, list | tuple) else [given]
    return bool({str(one).strip().lower() for one in words} & {"all", word.lower()})


def _fluxes(table: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """A table of rates as one of fluxes."""
    columns = dict(zip(table["columns"], zip(*table["data"], strict=True), strict=True))
    times = {name: columns[name] for name in ("Time", "TimePos", "TimeNeg")}
    ends = {"": "Rate", "Pos": "RatePos", "Neg": "RateNeg"}
    fluxes = {f"Flux{end}": [float(rate) * factor for rate in columns[name]] for end, name in ends.items()}
    number = len(columns["Time"])
    unknown = {"FluxPosWithECFErr": None, "FluxNegWithECFErr": None}
    spectral = {"Gamma": ASSUMED_INDEX, "GammaPos": None, "GammaNeg": None}
    factors = {"ECF": factor, "ECFPos": None, "ECFNeg": None}
    everything = {**times, **fluxes, **{name: [one] * number for name, one in (unknown | spectral | factors).items()}}
    return {"columns": list(everything), "data": [list(row) for row in zip(*everything.values(), strict=True)]}


def flux_factors(calibration: Calibration, mode: Mode, met: float) -> dict[str, float]:
    """Flux or flux density for a corrected count rate of 1 ct/s, by band of the service.

    Parameters
    ----------
    calibration : Calibration
        Has the response.
    mode : Mode
        Of the light curve.
    met : float
        When, in MET seconds.

    Returns
    -------
    factors : dict of str to float
        In Jy for ``Density``, else in erg cm-2 s-1.
    """
    model = AbsorbedPowerLaw(ASSUMED_INDEX, ASSUMED_NH_CM2)
    arf, rmf = calibration.arf(mode, mode.grades, met), calibration.rmf(mode, mode.grades, met)
    edges = rmf.energy_edges.to_value(u.keV)
    centres = (edges[1:] + edges[:-1]) / 2
    counts = rmf.fold(model.photon_density(centres) * np.diff(edges), arf, 1 * u.s).value
    first, last = BAND_CHANNELS
    rate = float(counts[(rmf.channels >= first) & (rmf.channels <= last)].sum())
    free = AbsorbedPowerLaw(ASSUMED_INDEX, 0.0)
    at_10_kev = _DENSITY_AT_KEV * float(free.photon_density(_DENSITY_AT_KEV))
    factors = {"Density": (at_10_kev * constants.h / (u.cm**2 * u.s)).to_value(u.Jy)}
    for band, (low, high) in _RANGES_KEV.items():
        energy = np.geomspace(low, high, _STEPS)
        flux = np.trapezoid(energy * free.photon_density(energy), energy)
        factors[band] = float((flux * u.keV).to_value(u.erg))
    return {band: factor / rate for band, factor in factors.items()}


def _pack(found: Mapping[str, Any], burst: Burst, path: Path) -> None:
    """All tables, with a word on what they are, as one archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        folder = Path(scratch) / burst.target_id
        folder.mkdir()
        tables = decode_analyser(found, name=burst.name, target_id=burst.target_id)
        write_analyser(tables, folder, overwrite=False)
        text = _README.format(name=burst.name, index=ASSUMED_INDEX, column=ASSUMED_NH_CM2)
        (folder / "README.txt").write_text(text, encoding="utf-8")
        pack_folder(Path(scratch), [Path(folder.name)], path, overwrite=True)
