"""The local catalogue follows the observations, makes only what is asked for, and tells what it does."""

from __future__ import annotations

import io
import logging
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.catalog import build, current, host
from swiftxrt.backends.local.catalog.current import CurrentStore
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.backends.local.catalog.telling import BuildReport, build_progress
from swiftxrt.engine.calibration import EMBEDDED
from swiftxrt.engine.catalogue import make_catalogue
from swiftxrt.exceptions import NoDataError
from tests import surveyed


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(current, "_clock", made)
    return made


class Files:
    """Files that change when somebody says so, and the stores made of them."""

    def __init__(self, clock: Clock, look_s: float = 0.0) -> None:
        self.clock, self.look_s, self.state, self.looks = clock, look_s, "a", 0
        self.made: list[str] = []

    def sign(self) -> str:
        self.looks += 1
        self.clock.now += self.look_s
        return self.state

    def make(self) -> CatalogStore:
        self.made.append(self.state)
        store = CatalogStore()
        store.add("about", [{"name": "digest", "value": self.state}])
        return store


def test_it_is_made_again_when_files_have_changed(clock: Clock) -> None:
    files = Files(clock)
    store = CurrentStore(files.make, files.sign)
    assert store.opened is None
    first = store.get()
    files.state = "b"
    assert store.get() is first  # not looked at again so soon
    clock.now += 3.0
    second = store.get()
    assert second.about == {"digest": "b"}
    assert first.about == {"digest": "a"}  # somebody may still read it
    clock.now += 3.0
    assert store.get() is second
    assert (files.made, files.looks) == (["a", "b"], 3)
    store.close()
    with pytest.raises(Exception, match="closed"):
        first.select("SELECT 1")


def test_long_looks_are_rare(clock: Clock) -> None:
    files = Files(clock, look_s=1.0)
    store = CurrentStore(files.make, files.sign)
    store.get()
    clock.now += 15.0
    store.get()
    assert files.looks == 1
    clock.now += 6.0
    store.get()
    assert files.looks == 2
    store.close()


def test_a_question_sees_one_state(clock: Clock) -> None:
    files = Files(clock)
    store = CurrentStore(files.make, files.sign)
    with store.pinned():
        first = store.get()
        files.state, clock.now = "b", 10.0
        with store.pinned():
            assert store.get() is first
        others: list[Any] = []
        thread = threading.Thread(target=lambda: others.append(store.get()))
        thread.start()
        thread.join()
        assert store.get() is first
        assert others[0] is not first
    assert store.get() is others[0]
    store.close()


def test_a_failure_is_told_each_time(clock: Clock) -> None:
    files = Files(clock)
    store = CurrentStore(files.make, files.sign)
    first = store.get()
    state, files.state = files.state, "b"

    def broken() -> CatalogStore:
        raise NoDataError("nothing there")

    good, store._make = store._make, broken
    clock.now += 3.0
    for _ in range(2):
        with pytest.raises(NoDataError):
            store.get()
    store._make, files.state = good, state
    assert store.get() is first
    store.close()


@pytest.fixture
def fast_build(surveyed_catalogue: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The catalogue takes no time; gives the number of observations of each."""
    made: list[int] = []

    def stand_in(lists: Any, *, progress: Any, **options: Any) -> Any:
        made.append(len(lists))
        progress("search of something (1/1)", 0.25)
        return surveyed_catalogue

    monkeypatch.setattr(build, "make_catalogue", stand_in)
    return made


def test_a_session_sees_new_observations(
    surveyed_archive: Path, tmp_path: Path, clock: Clock, fast_build: list[int]
) -> None:
    folder = shutil.copytree(surveyed_archive, tmp_path / "archive")
    shutil.move(folder / surveyed.OBSIDS[1], tmp_path / surveyed.OBSIDS[1])
    catalog = LocalCatalog(Archive(folder), tmp_path / "catalog", EMBEDDED)
    ask = {"database": "LSXPS", "table": "sources", "cols": ["LSXPS_ID"]}
    rows = catalog.ask("queryDB", ask)["Results"]
    shutil.move(tmp_path / surveyed.OBSIDS[1], folder / surveyed.OBSIDS[1])
    clock.now += 60.0
    assert catalog.ask("queryDB", ask)["Results"] == rows
    assert fast_build == [1, 2]
    assert len(build.epoch_paths(catalog.folder)) == 1
    catalog.close()


def test_only_what_is_asked_for_is_built(
    surveyed_archive: Path, tmp_path: Path, fast_build: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = LocalCatalog(Archive(surveyed_archive), tmp_path / "catalog", EMBEDDED)
    assert catalog.ask("queryDB", {"database": "UK_XRT", "table": "XRTLiveCat"})["Results"] == []
    for name, table in (("UK_XRT", "XRTLiveCat"), ("LSXPS", "sources")):
        assert catalog.ask("getMetadata", {"database": name, "table": table})["metadata"]["metadata"]
    cone = {"database": "UK_XRT", "table": "XRTLiveCat", "searchName": "survey", "searchRad": 5}
    with monkeypatch.context() as patch:
        patch.setattr(host, "open_catalog", None)
        target = next(iter(catalog.archive.objects().values()))
        assert catalog.ask("queryDB", {**cone, "searchName": target})["ResolvedRA"] == pytest.approx(150.0, abs=0.1)
    assert fast_build == []
    assert catalog.ask("getSXPSDatasetInfo", {"DatasetID": 1})["data"]["DatasetID"] == 1
    assert fast_build == [2]
    catalog.close()


def test_building_is_told(
    surveyed_archive: Path, tmp_path: Path, fast_build: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    catalog = LocalCatalog(Archive(surveyed_archive), tmp_path / "catalog", EMBEDDED)
    with caplog.at_level(logging.INFO, logger="swiftxrt"):
        assert catalog.store.about
    catalog.close()
    assert "made of 2 observations" in caplog.messages[0]
    assert "catalogue: search of something (1/1)" in caplog.messages


def test_progress_is_shown_on_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with build_progress("made of 3 observations") as tell:
        tell("search of stack of <2> observations (3/3)", 0.6)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert " 60% catalogue: search of stack" in shown
    assert shown.rstrip(" ").endswith("done\n") or "100% catalogue: done" in shown
    assert "&lt;2&gt;" in BuildReport("stack of <2>", 0.5)._repr_html_()


def test_the_engine_tells_how_far_it_is(surveyed_catalogue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from swiftxrt.engine import catalogue as module

    searches = iter(surveyed_catalogue.searches)
    lists = [one.data_set.lists[0] for one in surveyed_catalogue.searches[:2]]
    monkeypatch.setattr(module, "FieldImages", lambda *arguments: object())
    monkeypatch.setattr(module, "search_field", lambda *arguments, **options: next(searches))
    nothing = surveyed_catalogue.bins[:0]
    monkeypatch.setattr(module, "measure_field", lambda *arguments: (nothing, nothing))
    told: list[tuple[str, float]] = []
    make_catalogue(lists, progress=lambda note, fraction: told.append((note, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (len(told), fractions[0]) == (6, 0.0)
    assert max(fractions) < 1.0
    assert [note.rsplit(" ", 1)[-1] for note, _ in told] == ["(1/3)", "(2/3)", "(3/3)"] * 2
