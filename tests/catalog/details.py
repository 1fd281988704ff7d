"""Details of a source, a transient and a dataset, small but with every kind of field; and recorded ones as they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.catalog.replay import fixture

SOURCE: dict[str, Any] = {
    "IAUName": "LSXPS J062131.8-622213",
    "LSXPS_ID": 209851,
    "RA": 95.38255019,
    "Decl": -62.3702951,
    "Err90": 3.5,
    "DetFlag": 5,
    "Rate_band0": 0.02,
    "HR1": None,
    "NumObs": 96,
    "HasSpec": 1,
    "FirstObsMET": 175893506.972863,
    "LastObsMET": 188956137.813723,
    "FirstDetMET": 175894000,
    "LastDetMET": 188956000,
    "FirstBlindDetMET": None,
    "lcRanges": {"MET_lo": 175893506.972863, "MET_hi": 188956137.813723},
    "NearestNeighbour_name": None,
    "Detections": {
        "NumStacks": 1,
        "NumObservations": 2,
        "Stacks": [{"DatasetID": 9, "ObsID": 10000025185, "Exposure": 1e5}],
        "Observations": [
            {"DatasetID": 1, "ObsID": 221755002, "Exposure": 900.5, "Total_Info": {"DetectionID": 7, "Rate": 0.1}},
            {"DatasetID": 2, "ObsID": "00221755000", "Exposure": 500.0, "Total_Info": {"sourceID": 209851, "C": 3}},
        ],
    },
    "NonDetections": {
        "NumStacks": 0,
        "NumObservations": 3,
        "Observations": [
            {"DatasetID": 3, "ObsID": 221755003, "Total_Info": {"isDet": 0}, "Soft_Info": {"isDet": 1, "C": 5}},
            {"DatasetID": 4, "ObsID": 31635001, "Total_Info": {"isDet": 0}, "Soft_Info": {"isDet": 0}},
            {"DatasetID": 5, "ObsID": 221755002, "Total_Info": {}},
        ],
    },
    "CrossMatch": [
        {
            "LSXPS_ID": 209851,
            "Distance": 1.5,
            "ExtCat_ID": "2SXPS J0",
            "Catalogue": "2SXPS",
            "Ext_RA": 95.4,
            "Ext_Decl": -62.3,
        },
    ],
}

TRANSIENT: dict[str, Any] = {
    "TransientID": 576,
    "IAUName": "Swift J073006.8-193709",
    "LSXPS_ID": 366116,
    "Classification": "Confirmed transient",
    "RA": 112.5284106332,
    "Decl": -19.6192622721,
    "Err90": 5.7,
    "DetectionMET": 675591242.228083,
    "DetectionDate": "2022-05-30 09:13:32",
    "BestUpperLimitBand": "0.3 &#8212; 10 keV",
    "Notes": "Récurrent:\n two  blanks ",
    "DiscoveryObs": "03103545001",
    "AllNewObs": ["00015190001", "00015190002", "00044002095"],
    "AllNewTargs": [15190, 44002],
}

DATASET: dict[str, Any] = {
    "DatasetID": 9725,
    "ObsID": "00282445000",
    "RA": 32.2,
    "Decl": 56.9,
    "ExposureUsed": 34467.9,
    "StartTime_MET": 203705152.477843,
    "StartTime_UTC": "2007-06-16 16:45:50",
    "IsStackedImage": 0,
    "IsObsoleteStack": 0,
    "TargetID": 282445,
    "TargetObjectName": "GRB070616",
    "inStack": [10000014634],
    "Sources": [
        {
            "LSXPS_ID": 1,
            "RA": 32.1,
            "Decl": 56.9,
            "Total_DetectionDetails": {"DetectionID": 5, "Rate": 0.04, "DetFlag": 0},
        },
        {"LSXPS_ID": 2, "RA": 32.2, "Decl": 56.8, "Total_NonDetectionDetails": {"sourceID": 2, "band": 0}},
    ],
}


def sent(validation_data: Path, name: str) -> Any:
    """The content of a recorded reply; rows that the recording left out are not in it."""
    reply = shown(fixture(validation_data, "sxps", "wire", f"{name}.json")["reply"])
    return {key: value for key, value in reply.items() if key not in ("OK", "APIVersion")}


def shown(value: Any) -> Any:
    """What is left of a display that leaves out rows and columns."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items() if key != "..."}
    if isinstance(value, list):
        return [shown(one) for one in value if not (isinstance(one, dict) and one.get("DatasetID") == "...")]
    return value


def with_observations(details: dict[str, Any], blind: list[str], others: dict[str, bool]) -> dict[str, Any]:
    """Details with these observations: blind detections, and others with whether the rate is above zero there."""
    infos = ("Total_Info", "Soft_Info", "Medium_Info", "Hard_Info")
    rows = [
        {"ObsID": int(obsid), "DatasetID": 1, **{name: {"isDet": int(found and name == "Hard_Info")} for name in infos}}
        for obsid, found in others.items()
    ]
    return {
        **details,
        "Detections": {"NumStacks": 0, "Observations": [{"ObsID": int(obsid), "DatasetID": 1} for obsid in blind]},
        "NonDetections": {"NumStacks": 0, "Observations": rows},
    }
