"""A local catalogue with rows that are written here, not made of observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from astropy.coordinates import SkyCoord

from swiftxrt import Target
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.exceptions import NoDataError

SOURCES = [
    {
        "LSXPS_ID": number,
        "IAUName": name,
        "RA": ra,
        "Decl": dec,
        "Err90": err,
        "Rate_band0": rate,
        "HR1": hr1,
        "DetFlag": det,
        "FieldFlag": field,
        "FirstObsMET": 2.0e8 + number,
        "Notes": notes,
    }
    for number, name, ra, dec, err, rate, hr1, det, field, notes in [
        (11, "LSXPS J000000.0+000000", 0.0, 0.0, 3.5, 0.5, -0.2, 0, 0, "bright"),
        (12, "LSXPS J000002.4+000000", 0.01, 0.0, 4.5, 0.05, None, 1, 0, None),
        (13, "LSXPS J235957.6+000000", 359.99, 0.0, 5.5, 0.005, 0.9, 2, 0, "50%_sure"),
        (14, "LSXPS J120000.0+900000", 180.0, 90.0, 3.5, None, 0.1, 0, 1, "at the pole"),
        (15, "LSXPS J000000.0-001200", None, None, None, 0.02, 0.3, 0, 0, "position unknown"),
    ]
]
DATASETS = [
    {"DatasetID": 7, "ObsID": "00030842027", "RA": 0.0, "Decl": 0.0, "ExposureUsed": 1549.5, "FieldFlag": 0},
    {"DatasetID": 8, "ObsID": "10000000668", "RA": 0.1, "Decl": 0.0, "ExposureUsed": 6017.5, "FieldFlag": 2},
]
BURSTS = [
    {
        "targetID": 20666,
        "name": "GRB 160623A",
        "RA": 315.29807,
        "Decl": 42.22097,
        "Err90": 1.5,
        "Enh_RA": 315.2981,
        "Enh_Decl": 42.2210,
        "SPER_RA": None,
        "SPER_Decl": None,
        "NumLCBreaks": 1,
    },
    {
        "targetID": 173780,
        "name": "GRB 051221A",
        "RA": 328.70252,
        "Decl": 16.89067,
        "Err90": 1.5,
        "Enh_RA": None,
        "Enh_Decl": None,
        "SPER_RA": None,
        "SPER_Decl": None,
        "NumLCBreaks": 2,
    },
]
TABLES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "LSXPS_sources": SOURCES,
    "LSXPS_datasets": DATASETS,
    "UK_XRT_XRTLiveCat": BURSTS,
    "BAT_GRB_BATGRBCat": [
        {"GRBname": "GRB 051221A", "Trig_ID": 173780, "RA_ground": 328.712, "DEC_ground": 16.8912, "T90": 1.392},
        {"GRBname": "GRB 060218", "Trig_ID": 191157, "RA_ground": 50.3838, "DEC_ground": 16.9108, "T90": 0.0},
    ],
}


def local_catalog(folder: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]] = TABLES) -> LocalCatalog:
    """A catalogue that has these tables; close it."""
    archive: Any = SimpleNamespace(folder=folder, resolve=_observed)
    catalog = LocalCatalog(archive, folder, archive)
    store = CatalogStore()
    for name, rows in tables.items():
        store.add(name, rows)
    catalog._sources._store = catalog._burst_tables._store = store
    return catalog


def _observed(target: Target) -> Target:
    """One target was observed."""
    if target.name != "T Pyx":
        raise NoDataError(f"no observation of {target.name}")
    return target.replace(position=SkyCoord(0.01, 0.0, unit="deg"))
