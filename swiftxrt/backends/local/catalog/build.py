"""The catalogue of a folder: built once, kept, and built again when the observations change."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields as dataclass_fields
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
from .clock import FORM, uk_civil
from .dataset_numbering import KnownDataset, with_kept_datasets
from .numbering import renumbered
from .remembered import Remembered
from .store import CatalogStore
from .telling import build_progress

__all__ = [
    *("FILES", "VERSION_DIGITS", "burst_digest", "catalog_digest", "epoch_paths", "fill_store", "open_catalog"),
    "pc_events",
]

_FILE, _EPOCHS = "catalog.sqlite", "epochs"
#: Where files are that replies name, and so many digits of the digest of a catalogue name the folder of its files.
FILES, VERSION_DIGITS = "files", 12
_STAMP = "%Y%m%dT%H%M%S"
#: What is written differs from what other versions of this program wrote.
_VERSION = 3
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
    digest = catalog_digest(archive, observations, calibration)
    usable_folder(folder)
    path = folder / _FILE
    before = _opened(path)
    last = "" if before is None else before.about["digest"]
    if before is not None:
        if last == digest:
            return before
        log.info("the observations or the calibration have changed: the catalogue is built again")
    try:
        with closing(CatalogStore()) as made:
            fill_store(made, pc_events(observations), calibration, digest=digest, before=before)
            _keep(made, path, before)
        _tidy(folder, [digest, last])
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
        The catalogue that it replaces: numbers and names of it are kept.
    """
    made_at = datetime.now(UTC)
    with build_progress(f"made of {len(lists)} observations, which takes some seconds for each") as progress:
        catalogue = make_catalogue(lists, calibration=calibration, progress=progress)
    for note in catalogue.left_out:
        log.warning("left out of the catalogue: %s", note)
    past = Remembered.of(before)
    catalogue, gone = renumbered(catalogue, past.sources, past.gone)
    catalogue, datasets = with_kept_datasets(catalogue, past.datasets)
    about = {"digest": digest, "made": made_at.strftime(FORM)}
    _add_tables(store, catalogue, past, calibration, about["made"])
    store.add("gone", gone, ["LSXPS_ID", "IAUName", "RA", "Decl", "Err90", "Successors"])
    store.add("known_datasets", [one.row for one in datasets], [item.name for item in dataclass_fields(KnownDataset)])
    store.add("about", [{"name": name, "value": value} for name, value in about.items()])
    log.info("catalogue: %d sources in %d datasets", len(catalogue.sources), len(catalogue.searches))


def _add_tables(
    store: CatalogStore, catalogue: Catalogue, past: Remembered, calibration: Calibration, made: str
) -> None:
    sources = SourceRows(catalogue, fixed_power_law(calibration)).rows()
    by_number = {row["LSXPS_ID"]: row for row in sources}
    found_at = uk_civil(made)
    found_transients = find_transients(catalogue)
    numbers = past.transient_ids([one.source.number for one in found_transients])
    transients = [
        transient_details(one, numbers[one.source.number], catalogue, by_number, found_at) for one in found_transients
    ]
    datasets = dataset_rows(catalogue, made)
    obsids = {one.number: obsid_of(one, catalogue.searches) for one in catalogue.searches}
    rows: dict[str, list[dict[str, Any]]] = {
        "LSXPS_sources": sources,
        "LSXPS_datasets": datasets,
        "LSXPS_detections": detection_rows(catalogue),
        "LSXPS_obssources": data_source_rows(catalogue),
        "LSXPS_transients": [{**one, "Classification": one["ClassificationCode"]} for one in transients],
        "LSXPS_oldstacks": past.superseded(row["DatasetID"] for row in datasets),
    }
    for info in (one for one in CATALOGS.values() if one.is_sxps):
        for table in info.tables:
            columns = [name for name, field in fields_of(info.name, table).items() if field.kind not in _NESTED]
            found = rows.get(f"{info.name}_{table}", [])
            store.add(f"{info.name}_{table}", [{name: row.get(name) for name in columns} for row in found], columns)
    store.add("dataset_details", datasets, [*fields_of("LSXPS", "dataset")])
    store.add("transient_details", transients, [*fields_of("LSXPS", "transient")])
    store.add("names", past.all_names(sources), ["LSXPS_ID", "IAUName"])
    known = [{"LSXPS_ID": source, "TransientID": number} for source, number in numbers.items()]
    store.add("transient_ids", known, ["LSXPS_ID", "TransientID"])
    store.add("bins", list(bin_rows(catalogue, obsids)), ["LSXPS_ID", "DatasetID", "Snapshot", "Band"])
    store.add("hardness", list(hardness_rows(catalogue, obsids)), ["LSXPS_ID", "DatasetID", "Snapshot", "Ratio"])
    store.add("points", point_rows(catalogue), ["DetectionID", "DatasetID", "Band"])
    store.index("bins", "LSXPS_ID")
    store.index("hardness", "LSXPS_ID")
    store.index("LSXPS_sources", "LSXPS_ID")
    store.index("LSXPS_obssources", "LSXPS_ID")


def catalog_digest(archive: Archive, observations: Sequence[Observation], calibration: Calibration) -> str:
    """Of names, sizes and times of the files, and of the calibration."""
    return _digest([_VERSION, list(calibration.sources), list(_files(archive.folder, observations, (Mode.PC,)))])


def burst_digest(archive: Archive, observations: Sequence[Observation]) -> str:
    """The same for the files of all modes."""
    return _digest(list(_files(archive.folder, observations, tuple(Mode))))


def _digest(told: list[Any]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _files(folder: Path, observations: Sequence[Observation], modes: Sequence[Mode]) -> Iterator[tuple[str, int, int]]:
    for path in (path for one in observations for mode in modes for path in one.files.get(mode, ())):
        try:
            stat = path.stat()
        except OSError:  # gone since it was listed: what cannot be read is left out
            continue
        yield (
            str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path),
            stat.st_size,
            stat.st_mtime_ns,
        )


def _tidy(folder: Path, digests: Sequence[str]) -> None:
    """Remove files made of earlier catalogues; somebody may still be fetching those of the last one."""
    kept = {digest[:VERSION_DIGITS] for digest in digests}
    for path in (folder / FILES).glob("*"):
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


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
