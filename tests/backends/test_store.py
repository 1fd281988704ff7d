"""The job store of the local engine."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from swiftxrt.backends.local.store import OPEN_PHASES, JobStore
from swiftxrt.exceptions import JobError, JobLostError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobSummary, Phase, ProductStatus, Step, StepState
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
    inner = (Step("c", StepState.DONE, "1 of 2", (Step("d"),)), Step("e"))
    steps = [Step("a", StepState.DONE), Step("b", StepState.ACTIVE, "note", inner)]
    assert not store.set_steps(job, Kind.IMAGE, steps)
    store.move(job, Kind.IMAGE, [Phase.QUEUED], Phase.EXECUTING)
    assert store.set_steps(job, Kind.IMAGE, steps)
    status = store.report(job).products[Kind.IMAGE]
    assert status.steps == tuple(steps)
    assert 0 <= status.running_s < 60
    store.move(job, Kind.IMAGE, [Phase.EXECUTING], Phase.ABORTED)
    assert not store.set_steps(job, Kind.IMAGE, steps)
    assert store.report(job).products[Kind.IMAGE] == ProductStatus(Phase.ABORTED)


def test_open_products_oldest_first(store: JobStore) -> None:
    first, second = (store.add(REQUEST, "", QUEUED).id for _ in range(2))
    store.move(first, Kind.SPECTRUM, [Phase.QUEUED], Phase.ERROR, "no data")
    assert [(one.job_id, one.kind) for one in store.open_products()] == [
        (first, Kind.IMAGE),
        (second, Kind.SPECTRUM),
        (second, Kind.IMAGE),
    ]
    assert store.report(first).products[Kind.SPECTRUM].text == "no data"


def test_summaries_of_one_owner(store: JobStore) -> None:
    first, other, second = (store.add(REQUEST, owner, QUEUED) for owner in ("a", "b", "a"))
    store.add(REQUEST, "a", {Kind.LIGHT_CURVE: Phase.QUEUED}, rebin_of=first.id)
    store.move(first.id, Kind.IMAGE, [Phase.QUEUED], Phase.COMPLETED)
    store.move(second.id, Kind.IMAGE, [Phase.QUEUED], Phase.ERROR)
    store.product_folder(first.id, Kind.IMAGE).mkdir(parents=True)
    kinds = (Kind.SPECTRUM, Kind.IMAGE)
    assert store.summaries("a") == [
        JobSummary(second.id, "X", second.submitted, kinds, available=False),
        JobSummary(first.id, "X", first.submitted, kinds, available=True),
    ]
    shutil.rmtree(store.job_folder(first.id))
    assert not store.summaries("a")[1].available
    assert [job.id for job in store.summaries("b")] == [other.id]
    assert store.summaries("nobody") == []


def test_number_of_open_jobs_counts_jobs_and_rebinnings(store: JobStore) -> None:
    first, _, second = (store.add(REQUEST, owner, QUEUED).id for owner in ("a", "b", "a"))
    store.add(REQUEST, "a", {Kind.LIGHT_CURVE: Phase.SUSPENDED}, rebin_of=first)
    assert (store.count_open("a"), store.count_open("b"), store.count_open("c")) == (3, 1, 0)
    for phase in (Phase.EXECUTING, Phase.ABORTED):
        store.move(second, Kind.IMAGE, OPEN_PHASES, phase)
        assert store.count_open("a") == 3
    store.move(second, Kind.SPECTRUM, OPEN_PHASES, Phase.ERROR)
    assert store.count_open("a") == 2


def test_rebinning_knows_its_job(store: JobStore) -> None:
    parent = store.add(REQUEST, "a", QUEUED)
    child = store.add(REQUEST, "a", {Kind.LIGHT_CURVE: Phase.QUEUED}, rebin_of=parent.id)
    assert (store.get(parent.id).rebin_of, store.get(child.id).rebin_of) == (None, parent.id)
    assert store.get(child.id) == child


_OLD_SCHEMA = """
CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL,
    request TEXT NOT NULL, submitted TEXT NOT NULL);
CREATE TABLE products (job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, kind TEXT NOT NULL,
    phase TEXT NOT NULL, text TEXT NOT NULL DEFAULT '', steps TEXT NOT NULL DEFAULT '[]', started REAL,
    PRIMARY KEY (job, kind));
CREATE INDEX jobs_by_owner ON jobs(owner);
"""


def test_older_state_folder_is_taken_over(tmp_path: Path) -> None:
    """As it was made before light curves could be binned anew, with steps that have none inside."""
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection, connection:
        connection.executescript(_OLD_SCHEMA)
        row = ("a", "X", json.dumps(REQUEST.to_dict()), "2026-01-02T03:04:05+00:00")
        connection.execute("INSERT INTO jobs (owner, name, request, submitted) VALUES (?, ?, ?, ?)", row)
        connection.execute(
            "INSERT INTO products (job, kind, phase, steps) VALUES (1, 'image', 'EXECUTING', '[[\"a\", 2, \"n\"]]')"
        )
    for _ in range(2):  # and once more, when it is a new one
        store = JobStore(tmp_path)
        assert store.get("1").request == REQUEST
        assert store.get("1").rebin_of is None
        assert store.report("1").products[Kind.IMAGE].steps == (Step("a", StepState.DONE, "n"),)
    assert store.get(store.add(REQUEST, "a", QUEUED, rebin_of="1").id).rebin_of == "1"


def test_failed_addition_leaves_nothing(store: JobStore) -> None:
    with pytest.raises((AttributeError, sqlite3.Error)):
        store.add(REQUEST, "", {Kind.IMAGE: None})  # type: ignore[dict-item]
    assert store.jobs() == []
