"""The catalogue of a folder is built once, kept, and built again when the observations change."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.catalog import build
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.lookup import find_source, superseding_stacks
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.catalog_fields import CATALOGS, fields_of
from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from swiftxrt.engine.catalogue import Catalogue, make_catalogue
from swiftxrt.engine.catalogue_rates import joined
from swiftxrt.engine.make_limits import DataSet
from swiftxrt.exceptions import NoDataError
from tests import surveyed


class Maker:
    """Stands in for the engine; counts its calls."""

    def __init__(self, made: Catalogue) -> None:
        self.made, self.calls = made, 0

    def __call__(self, lists: Any, **options: Any) -> Catalogue:
        self.calls += 1
        self.obsids = [events.obsid for events in lists]
        return self.made


@pytest.fixture
def maker(surveyed_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Maker:
    made = Maker(surveyed_catalogue)
    monkeypatch.setattr(build, "make_catalogue", made)
    return made


@pytest.fixture
def archive(surveyed_archive: Path, tmp_path: Path) -> Archive:
    return Archive(shutil.copytree(surveyed_archive, tmp_path / "archive"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


@pytest.fixture
def opened(archive: Archive, folder: Path) -> Iterator[Any]:
    stores: list[CatalogStore] = []

    def open_again(calibration: Any = EMBEDDED) -> CatalogStore:
        if stores:
            stores[-1].close()
        stores.append(build.open_catalog(archive, folder, calibration))
        return stores[-1]

    yield open_again
    for store in stores:
        store.close()


def event_file(archive: Archive, obsid: str) -> Path:
    (path,) = (archive.folder / obsid).rglob("*xpcw*po_cl.evt*")
    return path


def touch(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))


def ids(store: CatalogStore) -> dict[str, int]:
    return {row["IAUName"]: row["LSXPS_ID"] for row in store.select("SELECT IAUName, LSXPS_ID FROM LSXPS_sources")}


def test_all_tables_are_there(opened: Any, maker: Maker) -> None:
    store = opened()
    assert maker.obsids == list(surveyed.OBSIDS)
    for info in (one for one in CATALOGS.values() if one.is_sxps):
        for table in info.tables:
            assert store.columns(f"{info.name}_{table}") == list(fields_of(info.name, table))
    assert store.select('SELECT * FROM "2SXPS_sources"') == []
    members = store.select("SELECT COUNT(*) AS n FROM LSXPS_detections WHERE ObsSourceID NOT IN "
                           "(SELECT ObsSourceID FROM LSXPS_obssources)")  # fmt: skip
    assert members == [{"n": 0}]


def test_catalogue_is_built_once(opened: Any, maker: Maker, archive: Archive, folder: Path) -> None:
    first = ids(opened())
    assert ids(opened()) == first
    with_catalog = LocalCatalog(archive, folder, EMBEDDED)
    assert ids(with_catalog.store) == first
    with_catalog.close()
    assert maker.calls == 1
    assert [path.name for path in folder.iterdir()] == ["catalog.sqlite"]


@pytest.mark.parametrize("what", ["time", "gone", "calibration"])
def test_changes_build_it_again(opened: Any, maker: Maker, archive: Archive, folder: Path, what: str) -> None:
    first = opened()
    made, names = first.about["made"], ids(first)
    (folder / "files" / "old").mkdir(parents=True)
    if what == "time":
        touch(event_file(archive, surveyed.OBSIDS[0]))
    elif what == "gone":
        shutil.rmtree(archive.folder / surveyed.OBSIDS[0])
    calibration = EMBEDDED_BY_NAME["v006"] if what == "calibration" else EMBEDDED
    assert ids(opened(calibration)) == names
    assert maker.calls == 2
    assert list((folder / "files").iterdir()) == []
    (stamp,) = build.epoch_paths(folder)
    assert stamp == made.replace("-", "").replace(":", "").replace(" ", "T")


def test_earlier_tables_can_still_be_had(
    opened: Any, maker: Maker, archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    number = len(ids(opened()))
    with_time = folder / "catalog.sqlite"
    store = CatalogStore(with_time)
    store.select("UPDATE about SET value = '2021-03-04 05:06:07' WHERE name = 'made'")
    store.close()
    maker.made = replace(maker.made, sources=(), bins=joined([]), snapshots=joined([]))
    touch(event_file(archive, surveyed.OBSIDS[0]))
    catalog = LocalCatalog(archive, folder, EMBEDDED)
    try:
        content = catalog.ask("getOldSXPSTables", {})
        assert [next(iter(content[kind])) for kind in ("hourly", "daily")] == ["2021-03-04 05:06:07 UTC", "2021-03-04"]
        assert len(content["hourly"]) == 2
        for epoch, rows in (("2021-03-04", number), (None, 0)):
            reply = catalog.ask("getSXPSTable", {"table": "sources", **({"epoch": epoch} if epoch else {})})
            path = catalog.fetch(reply["URL"], tmp_path / reply["FILE"])
            import gzip

            text = gzip.decompress(path.read_bytes()) if epoch else path.read_bytes()
            assert len(text.splitlines()) == rows + 1
        assert reply["FILE"] == "LSXPS_Sources.csv"
    finally:
        catalog.close()


def test_sources_keep_their_numbers(opened: Any, maker: Maker, archive: Archive) -> None:
    """Those that are new have numbers that no source had; what is gone is remembered."""
    every = maker.made
    maker.made = replace(every, sources=every.sources[2:], bins=joined([]), snapshots=joined([]))
    first = ids(opened())
    touch(event_file(archive, surveyed.OBSIDS[0]))
    maker.made = every
    second = ids(opened())
    assert {name: second[name] for name in first} == first
    new = sorted(second[name] for name in set(second) - set(first))
    assert new == [max(first.values()) + 1, max(first.values()) + 2]
    touch(event_file(archive, surveyed.OBSIDS[1]))
    maker.made = replace(every, sources=every.sources[:-1], bins=joined([]), snapshots=joined([]))
    store = opened()
    (lost,) = set(second) - set(ids(store))
    assert store.select("SELECT LSXPS_ID, Successors FROM gone") == [{"LSXPS_ID": second[lost], "Successors": "[]"}]


def test_names_numbers_and_stacks_of_before(opened: Any, maker: Maker, archive: Archive) -> None:
    """A source that moved a little has another name; a stack that grew has another number; nothing is forgotten."""
    every = maker.made
    stack = every.searches[-1]
    small = lists_of(stack.data_set.lists[0], exposure_s=100.0)
    maker.made = replace(every, searches=(*every.searches[:-1], replace(stack, data_set=small)))
    first = opened()
    old_names = ids(first)
    touch(event_file(archive, surveyed.OBSIDS[0]))
    maker.made = moved(every)
    second = opened()
    assert sorted(ids(second).values()) == sorted(old_names.values())
    for name, number in old_names.items():
        assert find_source(second, {"sourceName": name})["LSXPS_ID"] == number
    assert len(set(old_names) - set(ids(second))) > 0
    rows = second.select("SELECT DatasetID, ObsID, DataVersion FROM LSXPS_datasets")
    assert [tuple(row.values()) for row in rows] == [
        (1, surveyed.OBSIDS[0], 1),
        (2, surveyed.OBSIDS[1], 1),
        (4, "10000000001", 2),
    ]
    (old,) = second.select("SELECT DatasetID, ObsID, DataVersion, IsObsoleteStack FROM LSXPS_oldstacks")
    assert tuple(old.values()) == (3, "10000000001", 1, 1)
    newer = superseding_stacks(second, {"DatasetID": 3})["LatestVersion"]
    assert (newer["DatasetID"], newer["ObsID"], newer["DataVersion"]) == (4, 10000000001, 2)
    assert {row["DatasetID"] for row in second.select("SELECT DatasetID FROM bins")} == {1, 2, 4}
    assert {row["DatasetID"] for row in second.select("SELECT DatasetID FROM points")} == {1, 2, 4}


def test_everything_gone_and_back_again(opened: Any, maker: Maker, archive: Archive) -> None:
    """Sources and observations that come back have the numbers that they had; stacks are new versions."""
    every = maker.made
    first = opened()
    names, transients = ids(first), first.select("SELECT TransientID, LSXPS_ID FROM transient_details")
    single = replace(every, searches=every.searches[1:2], sources=(), bins=joined([]), snapshots=joined([]))
    touch(event_file(archive, surveyed.OBSIDS[0]))
    maker.made = single
    second = opened()
    assert [row["DatasetID"] for row in second.select("SELECT DatasetID FROM LSXPS_datasets")] == [2]
    assert [row["ObsID"] for row in second.select("SELECT ObsID FROM LSXPS_oldstacks")] == ["10000000001"]
    assert superseding_stacks(second, {"ObsID": "10000000001"}) == {}
    touch(event_file(archive, surveyed.OBSIDS[0]))
    maker.made = every
    third = opened()
    assert ids(third) == names
    assert third.select("SELECT TransientID, LSXPS_ID FROM transient_details") == transients
    rows = third.select("SELECT DatasetID, ObsID, DataVersion FROM LSXPS_datasets")
    assert [tuple(row.values()) for row in rows][-1] == (4, "10000000001", 2)
    assert [row["DatasetID"] for row in rows] == [1, 2, 4]


def lists_of(events: Any, *, exposure_s: float) -> DataSet:
    """A stack like one of the observations, as far as names and good time go."""
    gti = SimpleNamespace(exposure_s=exposure_s, start=events.gti.start, stop=events.gti.stop, snapshots=list)
    parts = [_Seen(events, gti, obsid) for obsid in surveyed.OBSIDS]
    return DataSet(tuple(parts))  # type: ignore[arg-type]


class _Seen:
    """An event list with other facts."""

    def __init__(self, events: Any, gti: Any, obsid: str) -> None:
        self.events, self.gti, self.obsid = events, gti, obsid

    def __getattr__(self, name: str) -> Any:
        return getattr(self.events, name)

    def __len__(self) -> int:
        return len(self.events)


def moved(catalogue: Catalogue) -> Catalogue:
    """The same, with all detections 0.5 arcsec farther north."""

    def further(one: Any) -> Any:
        return replace(one, values={**one.values, "dec_deg": one.values["dec_deg"] + 0.5 / 3600.0})

    sources = []
    for source in catalogue.sources:
        members = [
            replace(one, detections={band: further(each) for band, each in one.detections.items()})
            for one in source.members
        ]
        sources.append(replace(source, members=tuple(members)))
    return replace(catalogue, sources=tuple(sources))


def test_damaged_event_file_does_not_spoil_it(
    opened: Any, maker: Maker, archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    path = event_file(archive, surveyed.OBSIDS[0])
    path.write_bytes(path.read_bytes()[:4000])
    with caplog.at_level(logging.WARNING, logger="swiftxrt"):
        opened()
    assert maker.obsids == [surveyed.OBSIDS[1]]
    assert surveyed.OBSIDS[0] in caplog.text


def test_damaged_catalogue_is_built_again(opened: Any, maker: Maker, folder: Path) -> None:
    opened().close()
    content = bytearray((folder / "catalog.sqlite").read_bytes())
    content[: len(content) // 2] = b"\0" * (len(content) // 2)
    (folder / "catalog.sqlite").write_bytes(content)
    assert ids(opened())
    (folder / "catalog.sqlite").write_bytes(b"")
    assert ids(opened())
    assert maker.calls == 3


def test_failure_leaves_the_old_one(opened: Any, maker: Maker, archive: Archive, folder: Path) -> None:
    opened().close()
    before = (folder / "catalog.sqlite").read_bytes()
    touch(event_file(archive, surveyed.OBSIDS[0]))

    def broken(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    maker.__class__ = type("Broken", (Maker,), {"__call__": broken})
    with pytest.raises(KeyboardInterrupt):
        opened()
    assert (folder / "catalog.sqlite").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["catalog.sqlite"]


def test_observations_without_anything(opened: Any, monkeypatch: pytest.MonkeyPatch, surveyed_catalogue: Any) -> None:
    """Windowed timing only, and fields without a source."""
    monkeypatch.setattr(build, "make_catalogue", lambda lists, **options: make_catalogue([]))
    assert ids(opened()) == {}
    searches = tuple(replace(one, detections=dict.fromkeys(one.detections, ())) for one in surveyed_catalogue.searches)
    empty = replace(surveyed_catalogue, searches=searches, sources=(), bins=joined([]), snapshots=joined([]))
    monkeypatch.setattr(build, "make_catalogue", lambda lists, **options: empty)
    store = opened(EMBEDDED_BY_NAME["v006"])
    assert [row["NumSrc_band0"] for row in store.select("SELECT NumSrc_band0 FROM LSXPS_datasets")] == [0, 0, 0]


def test_folder_without_observations(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NoDataError, match="no XRT event file"):
        build.open_catalog(Archive(tmp_path), folder, EMBEDDED)
    assert not folder.exists()
