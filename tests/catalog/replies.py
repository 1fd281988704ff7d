"""What a service says to each of its functions about catalogues and bursts: small replies, as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.catalog.details import DATASET, SOURCE, TRANSIENT
from tests.catalog.replay import URL, metadata
from tests.catalog.stores import SOURCES
from tests.wire.burst_replies import bat, bin_at
from tests.wire.test_lightcurve_catalogue import reply as curve_reply

_KINDS = {"LSXPS_ID": "INT", "RA": "COORDH", "Decl": "COORDD", "FirstObsDate": "UTC", "Novelty": "NUM", "Notes": "TXT"}
_LIMITS = {
    "StartTime": 275000000.0,
    "StopTime": "2010-01-01 00:00:00",
    "ObsID": 31635001,
    "SourceExposure": "900.0",
    "Total_UpperLimit": 0.0123,
    "Total_RateNeg": -0.1,
    "Total_Counts": 2,
    "Total_IsDetected": "no",
}
_SPECTRUM = {
    "T0": 0,
    "rnames": ["interval0"],
    "interval0": {
        "Modes": ["PC"],
        "Start": 10,
        "Stop": 1000,
        "DataFile": f"{URL}/interval0.tar.gz",
        "PC": {
            "Models": ["PowerLaw"],
            "PowerLaw": {"Gamma": 2, "GammaPos": 0.1, "GammaNeg": -0.1, "NH": 1e21, "Image": f"{URL}/a.gif"},
        },
    },
}
_IMAGES = {"Total": {"Image": f"{URL}/a.img.gz", "BackgroundMap": "NOTFOUND"}, "Expmap": f"{URL}/e.img.gz"}
_POSITIONS = {
    f"{kind}_{key}": value
    for kind in ("Best", "SPER")
    for key, value in zip(("RA", "Decl", "Err90"), (95.3, -62, "1.4"), strict=True)
}

#: By function; some have another reply under a word.
REPLIES: Mapping[str, Any] = {
    "getMetadata": metadata([{"ColName": name, "Type": kind} for name, kind in _KINDS.items()]),
    "queryDB": {
        "Results": SOURCES[:3],
        "NumRows": 3,
        "ResolvedInfo": "by SIMBAD",
        "ResolvedRA": 1.0,
        "ResolvedDec": 2.0,
    },
    "getSXPSSourceInfo": {"data": SOURCE},
    "older": {"newerSources": [{"LSXPS_ID": 5, "IAUName": "LSXPS J062131.8-622213", "RA": 95.4, "Decl": -62.4}] * 2},
    "getSXPSTransInfo": TRANSIENT,
    "getSXPSTransAsSources": {"lookup": {"576": 366116}},
    "getSXPSDatasetInfo": {"data": DATASET},
    "stack": {"SupersedingStacks": {"LatestVersion": {"DatasetID": 5, "ObsID": 10000000668}}},
    "getSXPSLC": curve_reply("Total_rates", "HR1_blind"),
    "getSXPSSpectrumData": _SPECTRUM,
    "both": {"Full": _SPECTRUM, "Discovery": {"NoSpectrum": 1}},
    "getSXPSSourceImages": {"Total": f"{URL}/Total.png", "Soft": "NOTFOUND", "Expmap": f"{URL}/e.png"},
    "getSXPSDatasetImages": _IMAGES,
    "getSXPSUL": {"Columns": list(_LIMITS), "ULData": [_LIMITS], "DetData": [{"Distance": 3.5, "SourceName": "x"}]},
    "late": {"TIMEOUT": 123},
    "getOldSXPSTables": {"hourly": {"2022-08-17 10:00:01 UTC": {"sources": 1}}, "daily": {"2022-08-16": []}},
    "getSXPSTable": {"URL": f"{URL}/t/LSXPS_Sources.csv", "FILE": "t/LSXPS_Sources.csv"},
    "GRBNameToTargetID": {"targetID": 221755},
    "downloadLightCurve": curve_reply("PC", "WT"),
    "downloadSpectrum": _SPECTRUM,
    "getGRBPositions": _POSITIONS,
    "downloadBurstAnalyser": bat(bin_at(1.0), bin_at(2.0, bad=1)),
    "getBurstAnalyserTarURL": {"URL": f"{URL}/all.tar.gz"},
    "getGRBTargetList": {"targetList": ["00221755", 221756]},
    "getObsByTarg": {"obsList": ["00221755000", 221755001]},
    "rebinLightCurve": {"JobID": 1234},
    "checkRebinStatus": {"status": 4, "text": "Complete"},
}
