"""A local catalogue of the surveyed field, built already."""

from __future__ import annotations

import shutil
from pathlib import Path

from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.engine.calibration import EMBEDDED


def surveyed_catalog(archive: Path, state: Path, folder: Path) -> LocalCatalog:
    """It, in a folder of its own; close it."""
    shutil.copytree(state / "catalog", folder, dirs_exist_ok=True)
    return LocalCatalog(Archive(archive), folder, EMBEDDED)


def source_id(catalog: LocalCatalog, name: str) -> int:
    """Number of a source that was simulated."""
    from astropy.coordinates import SkyCoord

    from tests import surveyed

    offset = surveyed.NEW[0] if name == "new" else surveyed.STEADY[name][0]
    rows = catalog.store.select("SELECT LSXPS_ID, RA, Decl FROM LSXPS_sources")
    places = SkyCoord([row["RA"] for row in rows], [row["Decl"] for row in rows], unit="deg")
    return int(rows[int(surveyed.place(offset).separation(places).argmin())]["LSXPS_ID"])
