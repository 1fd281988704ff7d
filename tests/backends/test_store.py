"""The job store of the local engine."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from swiftxrt.backends.local.store import JobStore
from swiftxrt.exceptions import JobError, JobLostError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase, Step, StepState
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target

REQUEST = XRTRequest(
    target=Target(name="X", target_ids=("00012345",)), image=ImageRequest(), spectrum=SpectrumRequest()
)
QUEUED = {Kind.SPECTRUM: Phase.QUEUED, Kind.IMAGE: Phase.QUEUED}


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "state")


def test_a_job_is_found_again_by_another_process(store: JobStore) -> None:
    added = store.add(REQUEST, "owner", QUEUED)
    again = JobStore(store.folder).get(added.id)
    assert again == added
    assert again.request == REQUEST
    assert again.submitted.tzinfo is not None


def test_jobs_of_one_owner_newest_first(store: JobStore) -> None:
    ids = [store.add(REQUEST, owner, QUEUED).id for owner in ("a", "b", "a")]
    assert [job.id for job in store.jobs("a")] == [ids[2], ids[0]]
    assert len(store.jobs()) == 3


@pytest.mark.parametrize("job_id", ["1", "", "x", "-1", "1; DROP TABLE jobs", "9" * 30])
def test_unknown_jobs_are_lost(store: JobStore, job_id: str) -> None:
    with pytest.raises(JobLostError):
        store.get(job_id)
    with pytest.raises(JobLostError):
        store.report(job_id)


def test_store_that_is_gone_or_damaged(store: JobStore) -> None:
    (store.folder / "jobs.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(JobError, match="cannot be read or written"):
        store.get("1")
    shutil.rmtree(store.folder)
    with pytest.raises(JobError, match="may be gone"):
        store.jobs()


def test_phases_change_only_from_what_is_expected(store: JobStore) -> None:
    job = store.add(REQUEST, "", QUEUED).id
    assert store.move(job, Kind.IMAGE, [Phase.QUEUED], Phase.EXECUTING)
    assert not store.move(job, Kind.IMAGE, [Phase.QUEUED], Phase.EXECUTING)
    assert store.move(job, Kind.IMAGE, [Phase.QUEUED, Phase.EXECUTING], Phase.ABORTED)
    assert not store.move(job, Kind.IMAGE, [Phase.EXECUTING], Phase.COMPLETED)
    assert store.phase(job, Kind.IMAGE) is Phase.ABORTED
    assert store.phase(job, Kind.SPECTRUM) is Phase.QUEUED


def test_progress_is_refused_after_a_cancellation(store: JobStore) -> None:
    job = store.add(REQUEST, "", QUEUED).id
    steps = [Step("a", StepState.DONE), Step("b", StepState.ACTIVE, "note")]
    assert not store.set_steps(job, Kind.IMAGE, steps)
    store.move(job, Kind.IMAGE, [Phase.QUEUED], Phase.EXECUTING)
    assert store.set_steps(job, Kind.IMAGE, steps)
    status = store.report(job).products[Kind.IMAGE]
    assert status.steps == tuple(steps)
    assert 0 <= status.running_s < 60
    store.move(job, Kind.IMAGE, [Phase.EXECUTING], Phase.ABORTED)
    assert not store.set_steps(job, Kind.IMAGE, steps)


def test_open_products_oldest_first(store: JobStore) -> None:
    first, second = (store.add(REQUEST, "", QUEUED).id for _ in range(2))
    store.move(first, Kind.SPECTRUM, [Phase.QUEUED], Phase.ERROR, "no data")
    assert [(job, kind) for job, kind, _ in store.open_products()] == [
        (first, Kind.IMAGE),
        (second, Kind.SPECTRUM),
        (second, Kind.IMAGE),
    ]
    assert store.report(first).products[Kind.SPECTRUM].text == "no data"


def test_failed_addition_leaves_nothing(store: JobStore) -> None:
    with pytest.raises((AttributeError, sqlite3.Error)):
        store.add(REQUEST, "", {Kind.IMAGE: None})  # type: ignore[dict-item]
    assert store.jobs() == []
