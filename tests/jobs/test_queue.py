"""Lists of jobs: what is submitted when, what is kept, and how a list goes on after an end of any kind."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import (
    JobBookError,
    JobError,
    JobLostError,
    JobTimeoutError,
    OutputExistsError,
    RequestError,
    RequestRejectedError,
    StorageError,
    SwiftXRTError,
)
from swiftxrt.jobs import batches
from swiftxrt.jobs.batches import BatchLock
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.joblist import JobList
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.productset import ProductSet
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.target import Target

LONG = 60 * u.s
Run = Callable[..., JobList]


def request(name: str, *kinds: str) -> XRTRequest:
    return XRTRequest(target=Target(name), position=PositionRequest(*(kinds or ("standard",))))


def requests(number: int) -> list[XRTRequest]:
    return [request(f"S{index}") for index in range(number)]


def outcomes(jobs: JobList) -> list[str]:
    return [item.outcome.value for item in jobs]


def reset(many: Any) -> None:
    many.calls.clear()
    many.collected.clear()


# From beginning to end


def test_all_jobs_of_a_list(many: Any, run: Run, books: JobBook) -> None:
    wanted = requests(12)
    jobs = run(wanted, max_active=3)
    results = jobs.gather(timeout=LONG)
    assert len(jobs) == 12
    assert [item.request for item in jobs] == wanted
    assert outcomes(jobs) == ["done"] * 12
    assert many.peak == 3
    assert [round(one.position.coord.ra.deg) % 360 for one in results] == [int(i.job_id) % 360 for i in jobs]
    assert sorted(int(item.job_id) for item in jobs) == list(range(951, 963))
    assert set(many.collected.values()) == {1}
    assert jobs[3].folder == jobs.folder / "0004-S3"
    assert ProductSet.read(jobs[3].folder) == results[3]
    entry = books.find(job_id=jobs[3].job_id)[0]
    assert books.products(entry)[Kind.STANDARD_POSITION].path == jobs[3].folder / "standard_position"
    assert [item.index for item in jobs[2:4]] == [2, 3]
    assert repr(jobs[3]) == f"<BatchItem 3 for 'S3': done, job {jobs[3].job_id}>"
    assert repr(jobs).endswith(": 12 jobs: 12 done>")
    assert jobs[0].job.id == jobs[0].job_id


def test_no_thread_is_left_when_a_list_has_ended(run: Run) -> None:
    before = threading.active_count()
    jobs = run(requests(3)).wait(timeout=LONG)
    jobs._queue.join()
    assert threading.active_count() == before


def test_table(many: Any, run: Run) -> None:
    jobs = run([request("S0"), request("a failed one"), request("a partial one", "standard", "enhanced")])
    table = jobs.wait(timeout=LONG).table
    assert table.colnames == ["index", "name", "outcome", "products", "phase", "job_id", "elapsed", "folder", "error"]
    assert list(table["outcome"]) == ["done", "failed", "partial"]
    assert list(table["phase"]) == ["COMPLETED", "ERROR", "COMPLETED"]
    assert list(table["products"]) == ["1 of 1", "0 of 1", "1 of 2"]
    assert table["elapsed"].unit == u.s
    assert (table["elapsed"] < 60 * u.s).all()
    assert list(table["error"]) == ["", table["error"][1], ""]
    many.held.clear()
    assert np.isnan(run(requests(2), max_active=1).table["elapsed"][1])


def test_next_job_is_submitted_when_one_ends(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(5), max_active=2)
    with pytest.raises(JobTimeoutError, match=r"more to come after .*it goes on"):
        jobs.wait(timeout=0.2 * u.s)
    assert outcomes(jobs).count("running") == 2
    assert many.calls["submit"] == 2
    many.held.set()
    assert outcomes(jobs.wait(timeout=LONG)) == ["done"] * 5


def test_jobs_of_other_sessions_count(many: Any, run: Run) -> None:
    many.others = 4
    run(requests(4)).wait(timeout=LONG)  # conf.max_active_jobs is 5
    assert many.peak == 5


def test_refusal_for_too_many_jobs_is_waited_for(many: Any, run: Run) -> None:
    many.limit = 2
    assert outcomes(run(requests(6), max_active=5).wait(timeout=LONG)) == ["done"] * 6
    assert many.calls["refused"] > 0


def test_no_request_costs_the_others(run: Run) -> None:
    names = ["S0", "refused", "a failed one", "lost", "S4"]
    jobs = run([request(name) for name in names])
    results = jobs.gather(errors="return", timeout=LONG)
    assert outcomes(jobs) == ["done", "failed", "failed", "failed", "done"]
    assert [type(one) for one in results[1:4]] == [RequestRejectedError, JobError, JobLostError]
    assert "too few counts" in str(results[2])
    with pytest.raises(RequestRejectedError, match="refused") as caught:
        jobs.gather()
    assert "one of 3 without products" in caught.value.__notes__[0]
    with pytest.raises(JobLostError):
        jobs[3].result()
    with pytest.raises(RequestError, match="'raise' or 'return'"):
        jobs.gather(errors="ignore")


def test_partial_result(run: Run) -> None:
    (item,) = run([request("a partial one", "standard", "enhanced")]).wait(timeout=LONG)
    assert (item.outcome, item.error) == ("partial", None)
    assert item.result().failed == {Kind.ENHANCED_POSITION: "no UVOT data"}


def test_same_request_twice_makes_one_job(many: Any, run: Run) -> None:
    jobs = run([*requests(2), *requests(1)])
    assert [item.index for item in jobs.as_completed(timeout=LONG)] in ([0, 2, 1], [1, 0, 2])
    assert many.calls["submit"] == 2
    assert jobs[0].job_id == jobs[2].job_id


def test_items_as_they_end(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(4), max_active=4)
    items = jobs.as_completed(timeout=LONG)
    threading.Timer(0.05, many.held.set).start()
    first = next(items)
    assert first.outcome == "done"
    assert {first.index, *(item.index for item in items)} == {0, 1, 2, 3}
    assert len(list(jobs.as_completed())) == 4


def test_result_of_one(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(2))
    with pytest.raises(JobTimeoutError):
        jobs[1].result(timeout=0 * u.s)
    assert (jobs[1].folder, jobs[1].error) == (None, None)
    many.held.set()
    assert len(jobs[1].result(timeout=LONG)) == 1


def test_event_loop_goes_on_meanwhile(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(3))

    async def main() -> tuple[JobList, list[int]]:
        async def others() -> None:
            await asyncio.sleep(0.05)
            many.held.set()

        task = asyncio.create_task(others())
        there = await jobs
        await task
        return there, [item.index async for item in jobs]

    there, seen = asyncio.run(asyncio.wait_for(main(), 60))
    assert there is jobs
    assert sorted(seen) == [0, 1, 2]
    assert not jobs._queue.changed._listeners


def test_progress(many: Any, run: Run) -> None:
    seen: list[Any] = []
    run(requests(3), progress=seen.append).wait(timeout=LONG)
    assert seen[-1].is_final
    assert seen[-1].fraction == 1
    assert str(seen[-1]).endswith(": 3 jobs: 3 done")
    assert "<progress" in seen[-1]._repr_html_()
    assert not seen[0].is_final
    assert all(one.fraction <= two.fraction + 1e-9 for one, two in zip(seen, seen[1:], strict=False))


# What cannot be begun


@pytest.mark.parametrize(
    ("wanted", "options", "message"),
    [
        ([], {}, "list is empty"),
        ([1], {}, r"requests\[0\].*got int"),
        (request("S0"), {}, "list of XRTRequest is needed"),
        (requests(1), {"name": " "}, "name for the list"),
        (requests(1), {"max_active": 0}, "1 or more"),
        (requests(1), {"max_active": True}, "1 or more"),
    ],
)
def test_bad_arguments(many: Any, run: Run, wanted: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        run(wanted, **options)
    assert not many.calls


def test_list_in_two_processes(run: Run, many: Any) -> None:
    many.held.clear()
    jobs = run(requests(2))
    with pytest.raises(JobBookError, match="another process works on this list"):
        BatchLock(jobs._queue.batch)
    many.held.set()
    jobs.wait(timeout=LONG)
    jobs._queue.join()
    BatchLock(jobs._queue.batch).release()


# Going on


def test_finished_list_asks_nobody(many: Any, run: Run) -> None:
    run([*requests(2), request("a failed one")]).wait(timeout=LONG).close()
    reset(many)
    again = run([*requests(2), request("a failed one")])
    assert outcomes(again) == ["done", "done", "failed"]
    assert len(again[0].result()) == 1
    assert isinstance(again[2].error, JobError)
    assert again[2].error.job_id == again[2].job_id
    assert not many.calls
    assert list(again.table["phase"]) == ["COMPLETED", "COMPLETED", "ERROR"]
    assert (again.table["elapsed"] < 60 * u.s).all()


def test_only_what_is_missing_is_done(many: Any, run: Run) -> None:
    many.endless_from = 4
    first = run(requests(10), max_active=2)
    while len(first._queue.ended) < 4 or many.calls["submit"] < 6:
        time.sleep(0.001)
    first.close()
    with pytest.raises(JobError, match="closed before everything had ended"):
        first.wait()
    assert sorted(outcomes(first)) == ["done"] * 4 + ["running"] * 2 + ["waiting"] * 4
    finished = set(many.collected)
    reset(many)
    many.endless_from = 1000
    jobs = run(requests(10))
    assert jobs is not first
    assert outcomes(jobs.wait(timeout=LONG)) == ["done"] * 10
    assert many.calls["submit"] == 4
    assert len(many.collected) == 6
    assert not finished & set(many.collected)
    assert len(many.jobs) == 10


def test_open_list_is_given_again(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(3))
    assert run(requests(3), max_active=1) is jobs
    many.held.set()
    jobs.wait(timeout=LONG)


def test_products_that_were_removed_are_fetched_again(many: Any, run: Run) -> None:
    jobs = run(requests(2)).wait(timeout=LONG)
    folder, job_id = jobs[0].folder, jobs[0].job_id
    jobs.close()
    shutil.rmtree(folder)
    del jobs
    reset(many)
    again = run(requests(2)).wait(timeout=LONG)
    assert (again[0].folder, again[0].job_id) == (folder, job_id)
    assert (many.calls["submit"], dict(many.collected)) == (0, {f"{job_id} standard_position": 1})


def test_process_that_ends_between_saving_and_writing_it_down(
    many: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def broken(*args: Any) -> None:
            raise JobBookError("killed")

        patch.setattr(batches.Batch, "update", broken)
        jobs = run(requests(1))
        with pytest.raises(JobBookError, match="killed"):
            jobs.wait(timeout=LONG)
    (jobs.folder / ".0001-S0-abc").mkdir()
    many.collected.clear()
    assert outcomes(run(requests(1)).wait(timeout=LONG)) == ["done"]
    assert not many.collected
    assert [path.name for path in jobs.folder.iterdir()] == ["0001-S0"]


def test_folder_that_holds_something_else(many: Any, run: Run) -> None:
    first = run(requests(1)).wait(timeout=LONG)
    many.held.clear()
    jobs = run([*requests(1), request("S1")], location=first.folder)
    (jobs.folder / "0002-S1").mkdir()
    assert sorted(path.name for path in jobs.folder.iterdir()) == ["0001-S0", "0002-S1"]
    many.held.set()
    jobs.wait(timeout=LONG)
    assert [item.folder.name for item in jobs] == ["0001-S0-2", "0002-S1-2"]
    jobs.close()
    assert [item.folder.name for item in run([*requests(1), request("S1")])] == ["0001-S0-2", "0002-S1-2"]


def test_list_with_a_name_can_grow(many: Any, run: Run) -> None:
    first = run(requests(2), name="my bursts/../x").wait(timeout=LONG)
    assert first.folder.name == "my_bursts_x"
    reset(many)
    jobs = run([request("new"), *requests(2)], name="my bursts/../x").wait(timeout=LONG)
    assert many.calls["submit"] == 1
    assert [item.folder.name for item in jobs] == ["0003-new", "0001-S0", "0002-S1"]
    # Another name, or none, is another list.
    assert run(requests(2), name="others").wait(timeout=LONG).folder.name == "others"
    assert len(many.jobs) == 5


def test_location(run: Run, tmp_path: Any) -> None:
    jobs = run(requests(1), location=tmp_path / "here").wait(timeout=LONG)
    assert jobs[0].folder == tmp_path / "here" / "0001-S0"
    jobs.close()
    with pytest.raises(
        RequestError, match="begun with the folder .*here, and there are products in it; leave location out"
    ):
        run(requests(1), location=tmp_path / "there")


@pytest.mark.fault_case(73)
@pytest.mark.parametrize("bad", ["taken", "taken/folder", "a\0b", "b" * 300, 5, "", "~nobody-has-this-name/x"])
def test_location_that_cannot_be_used(many: Any, run: Run, tmp_path: Path, bad: Any) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(SwiftXRTError), contextlib.chdir(tmp_path):
        run(requests(1), location=bad, name="bound to nothing")
    assert many.calls == {}
    jobs = run(requests(1), location=tmp_path / "good", name="bound to nothing").wait(timeout=LONG)
    assert jobs[0].folder == tmp_path / "good" / "0001-S0"


def test_location_that_is_no_longer_there(many: Any, run: Run, tmp_path: Path) -> None:
    many.held.clear()
    jobs = run(requests(2), location=tmp_path / "first")
    while len(many.jobs) < 2:
        many.held.wait(0.001)
    jobs.folder.rmdir()
    jobs.folder.touch()
    many.held.set()
    with pytest.raises(
        StorageError, match="first/0001-S0: cannot be written|first/0002-S1: cannot be written"
    ) as caught:
        jobs.wait(timeout=LONG)
    assert "another location=" in caught.value.__notes__[0]
    with pytest.raises(OutputExistsError, match="first is a file"):
        run(requests(2))
    again = run(requests(2), location=tmp_path / "second").wait(timeout=LONG)
    assert outcomes(again) == ["done"] * 2
    assert len(many.jobs) == 2
    assert (tmp_path / "second" / "0002-S1").is_dir()
    again.close()
    with pytest.raises(RequestError, match="there are products in it"):
        run(requests(2), location=tmp_path / "third")
    assert not (tmp_path / "third").exists()
    assert run(requests(2)).folder == tmp_path / "second"


def test_list_at_work_moves_before_there_are_products(many: Any, run: Run, tmp_path: Path) -> None:
    many.held.clear()
    first = run(requests(2), location=tmp_path / "first")
    with pytest.raises(StorageError):
        run(requests(2), location="/dev/null/x")
    assert first._queue.is_running
    second = run(requests(2), location=tmp_path / "second")
    many.held.set()
    assert outcomes(second.wait(timeout=LONG)) == ["done"] * 2
    assert (len(many.jobs), second.folder) == (2, tmp_path / "second")
    with pytest.raises(JobError, match="closed"):
        first.wait(timeout=LONG)


def test_what_is_no_item(run: Run) -> None:
    jobs = run(requests(3))
    for bad, error in ((3, IndexError), (-4, IndexError), ("a", TypeError)):
        with pytest.raises(error, match="this list has 3 items, numbered from 0 on; got"):
            jobs[bad]
    with pytest.raises(TypeError, match="cannot be pickled, .*submit_many"):
        pickle.dumps(jobs)
    for timeout in (3, -1 * u.s):
        with pytest.raises(RequestError, match="timeout"):
            jobs.as_completed(timeout=timeout)
    for bad in (5, "yes", None):
        with pytest.raises(RequestError, match="progress: must be True, False or a function"):
            run(requests(3), progress=bad)
    assert run(requests(1) * 3, name="x").wait(timeout=LONG).__repr__() == "<JobList x: 1 job: 1 done; 3 items>"
    assert re.fullmatch(r"S0-[0-9a-f]{8}", jobs.folder.name)


def test_forgotten_list_begins_anew(many: Any, run: Run) -> None:
    first = run(requests(2)).wait(timeout=LONG)
    folder = first.folder
    first.forget()
    second = run(requests(2)).wait(timeout=LONG)
    assert len(many.jobs) == 4
    assert second.folder != folder
    assert folder.is_dir()
