"""Handing products to workers, with workers that the test plays itself."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from swiftxrt._threads import DaemonThreads
from swiftxrt.backends.local.queue import Task
from swiftxrt.backends.local.scheduler import Scheduler
from swiftxrt.backends.local.store import JobStore
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.target import Target

REQUEST = XRTRequest(
    target=Target("X", target_ids=("00012345",)), image=ImageRequest(), position=PositionRequest("standard")
)


class Pool(DaemonThreads):
    """Keeps what it is given; the test says when each is done."""

    def __init__(self) -> None:
        self.given: list[tuple[Future, str, Kind]] = []
        self.broken = False
        self.was_shut_down = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        if self.broken:
            raise BrokenProcessPool("died while idle")
        if self.was_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future = Future()
        _, _, job_id, kind, *_ = args
        self.given.append((future, job_id, kind))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.was_shut_down = True
        for future, _, _ in self.given:
            future.cancel()


class Scene:
    def __init__(self, folder: Path, workers: int = 1, *, processes: bool | None = False) -> None:
        self.store = JobStore(folder)
        self.pools: list[Pool] = []
        self.scheduler = Scheduler(self.store, folder, processes=processes, workers=workers)
        self.scheduler._make_executor = self._make_pool  # type: ignore[method-assign]

    def _make_pool(self) -> Pool:
        self.pools.append(Pool())
        return self.pools[-1]

    @property
    def given(self) -> list[str]:
        """The jobs whose products were handed out, in order."""
        return [job_id for pool in self.pools for _, job_id, _ in pool.given]

    @property
    def running(self) -> list[Future]:
        return [future for pool in self.pools for future, _, _ in pool.given if not future.done()]

    def add(self, owner: str, **phases: Phase) -> str:
        found = {Kind(name): phase for name, phase in (phases or {"image": Phase.QUEUED}).items()}  # type: ignore[call-arg]
        job = self.store.add(REQUEST, owner, found)
        for kind, phase in found.items():
            if phase is Phase.QUEUED:
                self.scheduler.put(owner, job.id, kind)
        return job.id

    def finish(self, number: int = 0, error: Exception | None = None) -> None:
        future = self.running[number]
        future.set_running_or_notify_cancel()
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "state")


def test_no_more_products_are_handed_out_than_there_are_workers(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state", workers=3)
    for _ in range(50):
        scene.add("a")
    assert len(scene.running) == 3
    for done in range(47):
        scene.finish(1)
        assert len(scene.running) == 3
        assert len(scene.given) == 4 + done
    for _ in range(3):
        scene.finish()
    assert scene.running == []
    assert sorted(scene.given, key=int) == [str(number) for number in range(1, 51)]
    assert len(scene.pools) == 1


def test_owners_take_turns(scene: Scene) -> None:
    jobs = {owner: [scene.add(owner) for _ in range(3)] for owner in "ab"}
    jobs["c"] = [scene.add("c")]
    while scene.running:
        scene.finish()
    a, b, (c,) = jobs.values()
    assert scene.given == [a[0], a[1], b[0], c, a[2], b[1], b[2]]


def test_cancelled_products_are_not_handed_out(scene: Scene) -> None:
    jobs = [scene.add("a") for _ in range(3)]
    scene.scheduler.drop("a", jobs[1], Kind.IMAGE)
    while scene.running:
        scene.finish()
    assert scene.given == [jobs[0], jobs[2]]


def test_products_that_end_at_once_do_not_pile_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may call back before the next is handed out: with a call inside a call, 3000 of them are too many."""

    def done_already(self: Pool, fn: Any, /, *args: Any) -> Future:
        future: Future = Future()
        future.set_result(None)
        self.given.append((future, args[2], args[3]))
        return future

    first = scene.add("a")
    jobs = [scene.add("a") for _ in range(10)] + [str(number) for number in range(100, 3100)]
    for job in jobs[10:]:
        scene.scheduler.put("a", job, Kind.IMAGE)
    monkeypatch.setattr(Pool, "submit", done_already)
    scene.finish()
    assert scene.given == [first, *jobs]


def test_failure_nobody_thought_of_ends_the_product_and_frees_its_place(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = scene.add("a"), scene.add("a")
    with caplog.at_level("CRITICAL"):
        scene.finish(error=ZeroDivisionError("oops"))
    status = scene.store.report(first).products[Kind.IMAGE]
    assert (status.phase, status.text) == (Phase.ERROR, "the engine failed: ZeroDivisionError: oops")
    assert scene.given == [first, second]


def test_dead_worker_takes_the_pool_along_and_all_are_built_again_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state", workers=2)
    jobs = [scene.add("a") for _ in range(4)]
    scene.store.move(jobs[0], Kind.IMAGE, [Phase.QUEUED], Phase.EXECUTING)
    for _ in range(2):
        scene.finish(error=BrokenProcessPool("died"))
    assert len(scene.pools) == 2
    assert set(scene.given[2:]) == set(jobs[:2])
    assert scene.store.phase(jobs[0], Kind.IMAGE) is Phase.QUEUED
    while scene.running:
        scene.finish()
    assert set(scene.given[4:]) == set(jobs[2:])


def test_worker_that_dies_again_and_again(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    job = scene.add("a")
    with caplog.at_level("CRITICAL"):
        for _ in range(3):
            scene.finish(error=BrokenProcessPool("died"))
    assert scene.given == [job] * 3
    assert "fewer workers" in scene.store.report(job).products[Kind.IMAGE].text
    assert scene.running == []


def test_cancelled_product_whose_worker_dies_stays_cancelled(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    job = scene.add("a")
    scene.store.move(job, Kind.IMAGE, [Phase.QUEUED], Phase.ABORTED)
    with caplog.at_level("CRITICAL"):
        scene.finish(error=BrokenProcessPool("died"))
    assert scene.given == [job]
    assert scene.store.phase(job, Kind.IMAGE) is Phase.ABORTED


def test_pool_that_broke_while_idle_is_replaced(scene: Scene) -> None:
    scene.add("a")
    scene.finish()
    scene.pools[0].broken = True
    job = scene.add("a")
    assert len(scene.pools) == 2
    assert scene.given[1:] == [job]


def test_astrometric_position_comes_right_after_the_standard_position(scene: Scene) -> None:
    waiting = scene.add("a", standard_position=Phase.QUEUED, astrometric_position=Phase.SUSPENDED)
    scene.add("a")
    scene.store.move(waiting, Kind.STANDARD_POSITION, [Phase.QUEUED], Phase.COMPLETED)
    scene.finish()
    assert scene.pools[0].given[-1][1:] == (waiting, Kind.ASTROMETRIC_POSITION)
    assert scene.store.phase(waiting, Kind.ASTROMETRIC_POSITION) is Phase.QUEUED


def test_pool_that_cannot_be_made_does_not_stop_the_others(scene: Scene) -> None:
    make = scene.scheduler._make_executor

    def fail() -> Pool:
        raise OSError("no more processes")

    scene.scheduler._make_executor = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no more"):
        scene.add("a")
    scene.scheduler._make_executor = make  # type: ignore[method-assign]
    second = scene.add("a")
    scene.finish()
    assert scene.given == ["1", second]


def test_closing_takes_nothing_more(scene: Scene) -> None:
    for _ in range(3):
        scene.add("a")
    scene.scheduler.close()
    assert scene.pools[0].was_shut_down
    scene.add("a")
    assert len(scene.given) == 1
    assert scene.store.count_open("a") == 4  # still queued, for whoever takes up the state folder


def test_pool_that_is_shut_down_just_now(scene: Scene) -> None:
    """`close` may come between the choice of a product and its handing over."""
    job = scene.add("a")
    pool = scene.pools[0]
    scene.scheduler.close()
    scene.scheduler._hand_over(pool, "a", Task(job, Kind.IMAGE))
    assert len(pool.given) == 1


def test_processes_come_when_products_wait_for_the_one_thread(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state", workers=3, processes=None)
    first = scene.add("a")
    assert scene.scheduler._help is None
    others = [scene.add("a") for _ in range(4)]
    assert scene.given == [first]
    assert scene.scheduler._help is not None
    scene.scheduler._help.cancel()
    scene.scheduler._take_processes()
    assert len(scene.pools) == 2
    # What the thread makes is one of three.
    assert scene.given == [first, *others[:2]]
    scene.finish(0)
    assert [job for _, job, _ in scene.pools[1].given] == others[:3]
    scene.scheduler.close()
    assert [pool.was_shut_down for pool in scene.pools] == [True, True]


def test_no_processes_where_nothing_waits(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state", workers=3, processes=None)
    scene.add("a"), scene.add("a")
    scene.finish()
    scene.finish()
    assert scene.scheduler._help is not None
    scene.scheduler._help.cancel()
    scene.scheduler._take_processes()
    assert scene.scheduler._help is None
    scene.add("a")
    assert len(scene.pools) == 1
