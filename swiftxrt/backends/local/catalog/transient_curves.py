"""Light curves of transients, from the maker of light curves."""

from __future__ import annotations

import json
from typing import Any

from ....kinds import ProductKind
from ....request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning, SnapshotBinning
from ....wire import lightcurve
from .making import covering, kept_file, make_product, place_for

__all__ = ["transient_curves"]

_COUNTS_PER_BIN = 20
_BINNING: dict[str, Any] = {
    "counts": CountsBinning(pc_counts=_COUNTS_PER_BIN, wt_counts=_COUNTS_PER_BIN),
    "obslc": ObsidBinning(),
    "sslc": SnapshotBinning(),
}


def transient_curves(catalog: Any, transient: dict[str, Any], binning: str) -> dict[str, Any]:
    """The content of the reply: rates, limits, two bands and their ratio, times in MJD.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    transient : dict
        Its details.
    binning : {"counts", "obslc", "sslc"}
        How.
    """
    path = place_for(catalog, "transients", str(transient["TransientID"]), f"{binning}.json")
    with catalog.making:
        kept_file(path, lambda new: new.write_text(json.dumps(_made(catalog, transient, binning)), encoding="ascii"))
    return dict(json.loads(path.read_text(encoding="ascii")))


def _made(catalog: Any, transient: dict[str, Any], binning: str) -> dict[str, Any]:
    # A bin of so many counts would reach back over the time when there were none.
    obsids = transient["AllNewObs"] if binning == "counts" else covering(catalog, transient["LSXPS_ID"])
    curves = make_product(
        catalog,
        ProductKind.LIGHT_CURVE,
        transient,
        obsids,
        light_curve=LightCurveRequest(binning=_BINNING[binning]),
    )
    reply = lightcurve.encode(curves, urls={}, nosys="both", incbad="both", mjd=True)
    return {"TimeFormat": "MJD", "T0": 0, "Binning": binning, **_as_of_transients(reply)}


def _as_of_transients(reply: dict[str, Any]) -> dict[str, Any]:
    """The datasets under their names with ``_incbad``, as the service has them: nothing is left out of them."""
    made: dict[str, Any] = {"Datasets": []}
    for name in reply["Datasets"]:
        for suffix in ("_incbad", "_nosys_incbad"):
            new = f"{name}{suffix}"
            made["Datasets"].append(new)
            made[f"{new}Data"] = reply[f"{name}Data"]
    return made
