"""The catalogue of a folder: built once, kept, and built again when the observations change."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...._atomic import atomic_path, usable_folder
from ...._log import log
from ....catalog_fields import CATALOGS, fields_of
from ....engine.catalogue import Catalogue, make_catalogue, obsid_of
from ....engine.catalogue_fluxes import fixed_power_law
from ....engine.catalogue_transients import find_transients
from ....exceptions import FormatError, NoDataError, RequestError
from ....mission import Mode
from ....products.calibration import Calibration
from ....products.events import EventList
from ....products.observation import Observation
from ..archive import Archive
from .build_sources import SourceRows, transient_details
from .build_tables import bin_rows, data_source_rows, dataset_rows, detection_rows, hardness_rows, point_rows
from .burst_tables import add_bursts
from .clock import FORM, uk_civil
from .numbering import renumbered
from .store import CatalogStore

__all__ = ["FILES", "epoch_paths", "fill_store", "open_catalog", "pc_events"]

_FILE, _EPOCHS = "catalog.sqlite", "epochs"
#: Where files are that replies name.
FILES = "files"
_STAMP = "%Y%m%dT%H%M%S"
#: What is written differs from what other versions of this program wrote.
_VERSION = 1
_NESTED = ("table", "object", "list")


def open_catalog(archive: Archive, folder: Path, calibration: Calibration) -> CatalogStore:
    """The catalogue of an archive; built if it is not there, or the observations or the calibration have changed.

    Parameters
    ----------
    archive : Archive
        The observations.
    folder : Path
        Where it is kept.
    calibration : Calibration
        Of the engine.

    Raises
    ------
    NoDataError
        If there are no observations.
    StorageError
        If it cannot be kept.
    """
    observations = archive.observations
    digest = _digest(archive, observations, calibration)
    usable_folder(folder)
    path = folder / _FILE
    before = _opened(path)
    if before is not None:
        if before.about.get("digest") == digest:
            return before
        log.info("the observations or the calibration have changed: the catalogue is built again")
    try:
        with closing(CatalogStore()) as made:
            fill_store(made, pc_events(observations), calibration, digest=digest, before=before)
            add_bursts(made, archive)
            _keep(made, path, before)
        shutil.rmtree(folder / FILES, ignore_errors=True)  # made of the catalogue before
    finally:
        if before is not None:
            before.close()
    return CatalogStore(path)


def epoch_paths(folder: Path) -> dict[str, Path]:
    """Earlier catalogues by the time when they were made (``20220817T100001``), the oldest first."""
    return {path.stem: path for path in sorted((folder / _EPOCHS).glob("*.sqlite"))}


def pc_events(observations: Sequence[Observation]) -> list[EventList]:
    """Photon-counting events of the observations whose files can be read."""
    lists = []
    for observation in observations:
        if Mode.PC not in observation.modes:
            continue
        try:
            lists.append(observation.events(Mode.PC))
        except (NoDataError, FormatError, RequestError, OSError) as error:
            log.warning("left out of the catalogue: %s: %s", observation.obsid, error)
    return lists


def fill_store(
    store: CatalogStore,
    lists: Sequence[EventList],
    calibration: Calibration,
    *,
    digest: str = "",
    before: CatalogStore | None = None,
) -> None:
    """Make the catalogue of some observations and write it to a store.

    Parameters
    ----------
    store : CatalogStore
        An empty one.
    lists : sequence of EventList
        The observations.
    calibration : Calibration
        Of the engine.
    digest : str, optional
        Of what it is made of.
    before : CatalogStore, optional
        The catalogue that it replaces: sources keep their numbers.
    """
    made_at = datetime.now(UTC)
    catalogue = make_catalogue(lists, calibration=calibration, progress=lambda note: log.info("catalogue: %s", note))
    for note in catalogue.left_out:
        log.warning("left out of the catalogue: %s", note)
    catalogue, gone = renumbered(catalogue, *_numbered(before))
    about = {"digest": digest, "made": made_at.strftime(FORM)}
    _add_tables(store, catalogue, calibration, about["made"])
    store.add("gone", gone, ["LSXPS_ID", "IAUName", "RA", "Decl", "Successors"])
    store.add("about", [{"name": name, "value": value} for name, value in about.items()])
    log.info("catalogue: %d sources in %d datasets", len(catalogue.sources), len(catalogue.searches))


def _add_tables(store: CatalogStore, catalogue: Catalogue, calibration: Calibration, made: str) -> None:
    sources = SourceRows(catalogue, fixed_power_law(calibration)).rows()
    by_number = {row["LSXPS_ID"]: row for row in sources}
    found_at = uk_civil(made)
    transients = [
        transient_details(one, index, catalogue, by_number, found_at)
        for index, one in enumerate(find_transients(catalogue), start=1)
    ]
    datasets = dataset_rows(catalogue, made)
    obsids = {one.number: obsid_of(one, catalogue.searches) for one in catalogue.searches}
    rows: dict[str, list[dict[str, Any]]] = {
        "LSXPS_sources": sources,
        "LSXPS_datasets": datasets,
        "LSXPS_detections": detection_rows(catalogue),
        "LSXPS_obssources": data_source_rows(catalogue),
        "LSXPS_transients": [{**one, "Classification": one["ClassificationCode"]} for one in transients],
    }
    for info in (one for one in CATALOGS.values() if one.is_sxps):
        for table in info.tables:
            columns = [name for name, field in fields_of(info.name, table).items() if field.kind not in _NESTED]
            found = rows.get(f"{info.name}_{table}", [])
            store.add(f"{info.name}_{table}", [{name: row.get(name) for name in columns} for row in found], columns)
    store.add("dataset_details", datasets, [*fields_of("LSXPS", "dataset")])
    store.add("transient_details", transients, [*fields_of("LSXPS", "transient")])
    store.add("bins", list(bin_rows(catalogue, obsids)), ["LSXPS_ID", "DatasetID", "Snapshot", "Band"])
    store.add("hardness", list(hardness_rows(catalogue, obsids)), ["LSXPS_ID", "DatasetID", "Snapshot", "Ratio"])
    store.add("points", point_rows(catalogue), ["DetectionID", "DatasetID", "Band"])
    store.index("bins", "LSXPS_ID")
    store.index("hardness", "LSXPS_ID")
    store.index("LSXPS_sources", "LSXPS_ID")
    store.index("LSXPS_obssources", "LSXPS_ID")


def _numbered(before: CatalogStore | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The sources of the catalogue before, and those that were gone already."""
    if before is None:
        return [], []
    sources = before.select("SELECT LSXPS_ID, IAUName, RA, Decl, Err90 FROM LSXPS_sources")
    return sources, before.select("SELECT LSXPS_ID, IAUName, RA, Decl FROM gone")


def _digest(archive: Archive, observations: Sequence[Observation], calibration: Calibration) -> str:
    """Of names, sizes and times of the files, and of the calibration."""
    told = json.dumps([_VERSION, list(calibration.sources), list(_files(archive.folder, observations))])
    return hashlib.sha256(told.encode()).hexdigest()


def _files(folder: Path, observations: Sequence[Observation]) -> Iterator[tuple[str, int, int]]:
    for observation in observations:
        for path in observation.files.get(Mode.PC, ()):
            try:
                stat = path.stat()
            except OSError:  # gone since it was listed: what cannot be read is left out
                continue
            yield (
                str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path),
                stat.st_size,
                stat.st_mtime_ns,
            )


def _opened(path: Path) -> CatalogStore | None:
    """The catalogue in a file, if there is one that can be used."""
    if not path.is_file():
        return None
    store = CatalogStore(path)
    try:
        if store.about.get("digest"):
            return store
    except sqlite3.DatabaseError as error:
        log.warning("the catalogue in %s is damaged (%s) and is built again", path, error)
    store.close()
    return None


def _keep(made: CatalogStore, path: Path, before: CatalogStore | None) -> None:
    """Put a catalogue in its place, and the one before among the earlier ones."""
    if before is not None:
        stamp = datetime.strptime(before.about["made"], FORM).strftime(_STAMP)
        (path.parent / _EPOCHS).mkdir(exist_ok=True)
        with atomic_path(path.parent / _EPOCHS / f"{stamp}.sqlite", overwrite=True) as temporary:
            before.save(temporary)
        before.close()
    with atomic_path(path, overwrite=True) as temporary:
        made.save(temporary)
