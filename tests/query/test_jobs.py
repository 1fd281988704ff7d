"""Jobs through the class users talk to."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import astropy.units as u
import pytest
from astropy.table import QTable
from astropy.time import Time

from swiftxrt import (
    AllData,
    CountsBinning,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    SwiftXRTClass,
    Target,
    XRTRequest,
)
from swiftxrt.backends.local import scheduler
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.exceptions import JobLostError, RequestError, RequestWarning
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobSummary, Phase
from swiftxrt.query.joblist import job_table

NAME = "constant source"
CURVE = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30))
IMAGE = XRTRequest(target=Target(NAME), image=ImageRequest())
COLUMNS = ["job_id", "name", "phase", "submitted", *(kind.value for kind in Kind), "available", "recorded"]


@pytest.fixture
def local(small_archive: Path, tmp_path: Path) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(backend="local", archive=small_archive, state=tmp_path / "state") as made:
        yield made


def test_list_and_number_of_jobs(local: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local.list_jobs().colnames == COLUMNS
    assert (len(local.list_jobs()), local.count_active_jobs()) == (0, 0)
    first = local.submit(IMAGE)
    first.wait(progress=False)
    monkeypatch.setattr(scheduler, "run_product", lambda *task: None)
    second = local.submit(IMAGE.replace(light_curve=CURVE))
    jobs = local.list_jobs()
    assert list(jobs["job_id"]) == [second.id, first.id]
    assert list(jobs["name"]) == [NAME] * 2
    assert list(jobs["available"]) == [False, True]
    assert list(jobs["light_curve"]) == [True, False]
    assert list(jobs["image"]) == [True, True]
    assert not any(jobs["sources"])
    assert abs((jobs["submitted"][1] - Time(first.submitted)).to_value(u.s)) < 1e-3
    assert jobs["submitted"].scale == "utc"
    assert jobs["submitted"][0] > jobs["submitted"][1]
    assert local.count_active_jobs() == 1
    second.cancel()
    assert local.count_active_jobs() == 0


def test_table_of_jobs() -> None:
    when = datetime(2020, 7, 23, 17, 32, 29, 500000, tzinfo=UTC)
    table = job_table(
        [JobSummary("3414", "GRB 200416A", when, (Kind.SPECTRUM,), True), JobSummary("7", "", None, (), False)]
    )
    assert isinstance(table, QTable)
    assert table["submitted"][0].isot == "2020-07-23T17:32:29.500"
    assert list(table["submitted"].mask) == [False, True]
    assert [table[name].dtype.kind for name in COLUMNS if name != "submitted"] == ["U", "U", "U", *"b" * 8, "U"]
    assert [kind for kind in Kind if table[kind.value][0]] == [Kind.SPECTRUM]
    empty = job_table([])
    assert (empty.colnames, len(empty), empty["submitted"].scale) == (COLUMNS, 0, "utc")
    assert [empty[name].dtype.kind for name in COLUMNS if name != "submitted"] == ["U", "U", "U", *"b" * 8, "U"]


def _submit_elsewhere(archive: Path, state: Path, results: multiprocessing.Queue[str]) -> None:
    with SwiftXRTClass(backend="local", archive=archive, state=state) as other:
        job = other.submit(IMAGE)
        job.wait(progress=False)
        results.put(job.id)


def test_job_of_another_process(small_archive: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_submit_elsewhere, args=(small_archive, tmp_path / "state", results))
    process.start()
    job_id = results.get(timeout=120)
    process.join(timeout=60)
    results.close()
    results.join_thread()
    process.close()
    with SwiftXRTClass(backend="local", archive=small_archive, state=tmp_path / "state") as here:
        (listed,) = here.list_jobs()["job_id"]
        assert listed == job_id
        job = here.get_job(int(job_id))
        assert job.refresh().phase is Phase.COMPLETED
        assert len(job.result(progress=False).image) == 3
        # An old job as a template.
        again = here.submit(job.request.replace(light_curve=CURVE))
        assert set(again.kinds) == {Kind.IMAGE, Kind.LIGHT_CURVE}
        assert again.request.target == job.request.target
        again.wait(progress=False)
        with pytest.raises(JobLostError):
            here.get_job("999")


def test_folder_for_jobs_is_for_the_local_engine(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        SwiftXRTClass(user="x@example.org", state=tmp_path, archive=tmp_path).list_jobs()
    assert [field for field, _ in caught.value.problems] == ["archive", "state"]


def test_doubtful_requests_are_warned_of(local: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "run_product", lambda *task: None)
    doubtful = IMAGE.replace(
        light_curve=CURVE, extraction=ExtractionSettings(centroid=True, centroid_tolerance=30 * u.arcmin)
    )
    with pytest.warns(RequestWarning, match="centroid_tolerance") as caught:
        job = local.submit(doubtful)
    assert caught[0].filename == __file__
    assert job.kinds == doubtful.kinds


def test_methods_that_wait_warn_whoever_called_them(local: SwiftXRTClass) -> None:
    wide = ExtractionSettings(centroid=True, centroid_tolerance=30 * u.arcmin)
    with pytest.warns(RequestWarning, match="centroid_tolerance") as caught:
        local.make_image(NAME, extraction=wide)
    assert caught[0].filename == __file__


def test_source_detection_asks_for_sources(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = object()
    asked: list[XRTRequest] = []
    submit = LocalBackend.submit

    def remember(self: LocalBackend, request: XRTRequest):
        asked.append(request)
        return submit(self, request)

    def finish(state: Path, archive: Path, job_id: str, kind: Kind, *others: object) -> None:
        backend.store.move(job_id, kind, [Phase.QUEUED], Phase.COMPLETED)

    monkeypatch.setattr(LocalBackend, "submit", remember)
    monkeypatch.setattr(LocalBackend, "collect", lambda self, handle, kind: found)
    monkeypatch.setattr(scheduler, "run_product", finish)
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        backend = local._backend
        assert local.detect_sources(NAME, data=AllData(), bands="all", fit_stray_light=False) is found
    (request,) = asked
    assert request.kinds == (Kind.SOURCES,)
    assert (request.sources.data, request.sources.bands, request.sources.fit_stray_light) == (AllData(), "all", False)
