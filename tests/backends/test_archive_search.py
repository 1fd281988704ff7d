"""The search for observations reads each event file once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Target, conf
from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.headers import EventHeader, HeaderIndex, Stamped, pointings
from swiftxrt.exceptions import NoDataError
from swiftxrt.testing.synthetic import small_observation

FILE = "sw09999002000xpcw3po_cl.evt.gz"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Grows by the paths whenever event files are read; nothing is known of any at first."""
    read, found = EventHeader.read, []

    def counted(paths: Sequence[Path]) -> EventHeader:
        found.extend(path.name for path in paths)
        return read(paths)

    monkeypatch.setattr(EventHeader, "read", counted)
    with conf.set_temp("cache_dir", str(tmp_path / "cache")):
        yield found


def test_unchanged_files_are_read_once(small_archive: Path, reads: list[str]) -> None:
    archive = Archive(small_archive)
    first = archive.resolve(Target("constant source", resolve_t0=True))
    assert reads == [FILE]
    for target in (
        Target("constant source", resolve_t0=True),
        Target("other", position=SkyCoord(150 * u.deg, 20 * u.deg), resolve_t0=True),
        Target("other", target_ids="09999002", resolve_t0=True),
    ):
        again = archive.resolve(target)
        assert (again.target_ids, again.t0_met) == (first.target_ids, first.t0_met)
    with pytest.raises(NoDataError, match="constant source"):
        archive.resolve(Target("nothing"))
    assert reads == [FILE]


def test_changed_and_damaged_files_are_read_again(
    tmp_path: Path, reads: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "archive"
    small_observation(folder, duration=100 * u.s)
    archive = Archive(folder)
    target = Target("constant source")
    archive.resolve(target)
    (file,) = folder.rglob("*.evt*")
    content = file.read_bytes()
    reads.clear()
    file.write_bytes(content[:100])
    with pytest.raises(NoDataError, match="damaged"):
        archive.resolve(target)
    assert "left out of the search" in caplog.text
    file.write_bytes(content)
    os.utime(file, (1, 1))
    assert archive.resolve(target).target_ids == ("09999002",)
    assert len(reads) > 1


def test_a_file_of_the_same_time_and_another_size_is_another(tmp_path: Path) -> None:
    path = tmp_path / FILE
    stamps = set()
    for content in (b"a", b"ab"):
        path.write_bytes(content)
        os.utime(path, ns=(5, 5))
        stamps.add(Stamped.of([path]))
    assert len(stamps) == 2


TARGET = Target("constant source", resolve_t0=True)


def index_file(folder: Path) -> Path:
    (found,) = (folder / "cache").glob("headers*.sqlite")
    return found


def test_a_later_session_reads_no_file_again(small_archive: Path, tmp_path: Path, reads: list[str]) -> None:
    first = Archive(small_archive).resolve(TARGET)
    later = Archive(small_archive).resolve(TARGET)
    assert reads == [FILE]
    assert (later.t0_met, later.target_ids) == (first.t0_met, first.target_ids)
    assert later.position.separation(first.position) == 0 * u.deg
    (known,) = Archive(small_archive).headers(Archive(small_archive).observations)[0][1]
    (read,) = [EventHeader.read(paths) for one in Archive(small_archive).observations for paths in one.files.values()]
    assert known == read


def test_what_is_kept_goes_with_the_files(tmp_path: Path, reads: list[str]) -> None:
    folder = tmp_path / "archive"
    small_observation(folder, duration=100 * u.s)
    Archive(folder).resolve(TARGET)
    (file,) = folder.rglob("*.evt*")
    os.utime(file, (1, 1))
    assert Archive(folder).resolve(TARGET).target_ids == ("09999002",)
    assert reads == [FILE, FILE]
    with sqlite3.connect(index_file(tmp_path)) as store:
        assert store.execute("SELECT COUNT(*) FROM headers").fetchone() == (1,)
    store.close()


@pytest.mark.parametrize("damage", ["not a file of this kind", "unknown fields", "no JSON"])
def test_an_index_that_cannot_be_read_is_made_anew(
    small_archive: Path, tmp_path: Path, reads: list[str], damage: str
) -> None:
    Archive(small_archive).resolve(TARGET)
    path = index_file(tmp_path)
    if damage == "not a file of this kind":
        path.write_bytes(b"x" * 4096)
    else:
        with sqlite3.connect(path) as store:
            store.execute("UPDATE headers SET header = ?", ['{"mode": "PC"}' if damage == "unknown fields" else "{"])
        store.close()
    for _ in range(3):
        assert Archive(small_archive).resolve(TARGET).target_ids == ("09999002",)
    assert reads == [FILE, FILE]


def test_nothing_is_kept_where_that_is_not_wanted_or_possible(
    small_archive: Path, tmp_path: Path, reads: list[str]
) -> None:
    with conf.set_temp("cache", value=False):
        Archive(small_archive).resolve(TARGET)
    assert not (tmp_path / "cache").exists()
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert Archive(small_archive).resolve(TARGET).target_ids == ("09999002",)
    assert reads == [FILE, FILE]


def test_pointings_in_several_systems_are_one_array() -> None:
    place = SkyCoord(10 * u.deg, 20 * u.deg)

    def header(frame: str) -> EventHeader:
        there = place.transform_to(frame)
        return EventHeader("PC", "X", frame, (there.ra.deg, there.dec.deg), None, 0.0, None, 1.0, 2.0, None, 1.0, "")

    found = pointings([header("icrs"), header("fk4"), header("fk5")])
    assert (found.separation(place) < 1 * u.mas).all()


def test_several_threads_may_search(tmp_path: Path, reads: list[str]) -> None:
    index = HeaderIndex()
    header = EventHeader("PC", "X", "fk5", (0.0, 0.0), None, 0.0, None, 1.0, 2.0, None, 1.0, "")

    def work(thread: int) -> None:
        for number in range(200):
            files = Stamped(f"{thread}-{number}", "1")
            index.load([files.place])
            index.add(files, header)
            if number % 50 == 0:
                index.save()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    index.save()
    later = HeaderIndex()
    later.load([f"{thread}-{number}" for thread in range(4) for number in range(200)])
    assert all(later.get(Stamped(f"{thread}-{number}", "1")) == header for thread in range(4) for number in range(200))
