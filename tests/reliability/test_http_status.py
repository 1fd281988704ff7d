"""Faults 22 to 35: what the client makes of the statuses of HTTP, over a real socket."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt import SwiftXRTClass, XRTRequest, conf
from swiftxrt.exceptions import (
    FormatError,
    ProtocolError,
    ServiceError,
    ServiceUnavailableError,
    StorageError,
    SubmissionUncertainError,
)
from swiftxrt.jobs.entries import EntryState
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.faults import Fault, Reply, Request

Asked = Callable[[str], Callable[[], int]]

pytestmark = pytest.mark.usefixtures("plain_surroundings")


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def parts_of(requests: list[Request]) -> list[str | None]:
    """Which part of the file each request wants."""
    return [dict(request.headers).get("Range") for request in requests]


@pytest.mark.fault_case(22)
def test_words_of_a_refusal_are_shown(plan: FaultPlan, client: SwiftXRTClass, wanted: XRTRequest, asked: Asked) -> None:
    plan.replace(faults.status(400, '{"OK": 0, "ERROR": "the target is behind the Sun"}'))
    number, submitted = asked("count"), asked("submit")
    for do in (client.count_active_jobs, lambda: client.submit(wanted)):
        with pytest.raises(ServiceError, match="400.*behind the Sun") as caught:
            do()
        assert caught.value.status == 400
        assert not isinstance(caught.value, ServiceUnavailableError)
    assert (number(), submitted()) == (1, 1)
    assert client.job_book.find()[0].state is EntryState.REFUSED


@pytest.mark.fault_case(23)
@pytest.mark.parametrize("status", [401, 403])
def test_who_asks_is_to_be_looked_at(plan: FaultPlan, client: SwiftXRTClass, status: int, asked: Asked) -> None:
    plan.replace(faults.status(status, "you are not known here"))
    number = asked("list")
    with pytest.raises(ServiceError, match=rf"{status}.*not known here.*registered e-mail address \(conf.user\)"):
        client.list_jobs()
    assert number() == 1


@pytest.mark.fault_case(24)
def test_missing_product_is_no_file(plan: FaultPlan, job: Job, tmp_path: Path, asked: Asked) -> None:
    plan.replace(faults.status(404, "<html>no such page</html>").on("file"))
    number = asked("file")
    with pytest.raises(ServiceError, match="404.*not available") as caught:
        job.download(tmp_path / "here", kinds="image")
    assert caught.value.status == 404
    assert number() == 1
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "here"])


@pytest.mark.fault_case(25)
@pytest.mark.parametrize("status", [408, 425, 429])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_service_says_how_long_to_wait(
    plan: FaultPlan, client: SwiftXRTClass, pauses: list[float], status: int, form: str
) -> None:
    date = datetime.now(UTC) + timedelta(hours=1)
    plan.replace(faults.status(status, retry_after=7 * u.s if form == "seconds" else date).on(count=1))
    assert client.count_active_jobs() == 0
    # Of an hour, no more is waited than conf.retry_after_max.
    assert pauses == [7.0 if form == "seconds" else conf.retry_after_max]


@pytest.mark.fault_case(25)
def test_no_wait_goes_beyond_the_deadline(plan: FaultPlan, client: SwiftXRTClass, pauses: list[float]) -> None:
    plan.replace(faults.status(429, retry_after=100 * u.s))
    with (
        conf.set_temp("total_timeout", 50.0),
        pytest.raises(ServiceUnavailableError, match="asks to wait 100 s") as caught,
    ):
        client.count_active_jobs()
    assert (pauses, caught.value.retry_after) == ([], 100.0)


@pytest.mark.fault_case(26)
def test_pauses_grow_before_it_is_given_up(
    plan: FaultPlan, client: SwiftXRTClass, pauses: list[float], requests: list[Request]
) -> None:
    plan.replace(faults.status(429, "too many requests"))
    with conf.set_temp("retry_wait", 1.0), pytest.raises(ServiceUnavailableError, match="429.*too many") as caught:
        client.count_active_jobs()
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert caught.value.attempts == 5


@pytest.mark.fault_case(27)
def test_failure_of_the_service_is_not_tried_again(plan: FaultPlan, client: SwiftXRTClass, asked: Asked) -> None:
    plan.replace(faults.status(500, "out of memory"))
    number = asked("list")
    with pytest.raises(ServiceUnavailableError, match="500.*out of memory"):
        client.list_jobs()
    assert number() == 1


@pytest.mark.fault_case(28)
@pytest.mark.parametrize("status", [502, 503, 504])
def test_passing_failures(plan: FaultPlan, client: SwiftXRTClass, pauses: list[float], status: int) -> None:
    plan.replace(faults.status(status).on(count=3))
    assert client.count_active_jobs() == 0
    assert len(pauses) == 3
    plan.replace(faults.status(status, "back soon"))
    with pytest.raises(ServiceUnavailableError, match=f"{status}.*back soon") as caught:
        client.count_active_jobs()
    assert (caught.value.status, caught.value.attempts) == (status, 5)


@pytest.mark.fault_case(28)
def test_submission_is_sent_once_whatever_fails(
    plan: FaultPlan, client: SwiftXRTClass, wanted: XRTRequest, asked: Asked
) -> None:
    plan.replace(faults.status(503))
    number = asked("submit")
    with pytest.raises(SubmissionUncertainError, match="may have arrived"):
        client.submit(wanted)
    assert number() == 1


@pytest.mark.parametrize(
    ("fault", "said", "kind", "said_of_file"),
    [
        pytest.param(
            *(faults.html(), r"web page \(Maintenance\).*maintenance", ProtocolError, r"web page \(Maintenance\)"),
            marks=pytest.mark.fault_case(29),
            id="page",
        ),
        pytest.param(
            *(faults.empty(), "empty reply.*maintenance", FormatError, "it is empty"),
            marks=pytest.mark.fault_case(30),
            id="nothing",
        ),
        pytest.param(
            *(faults.empty(204), "empty reply.*maintenance", ServiceError, "204"),
            marks=pytest.mark.fault_case(31),
            id="204",
        ),
    ],
)
def test_what_is_neither_reply_nor_file(
    plan: FaultPlan,
    job: Job,
    tmp_path: Path,
    fault: Fault,
    said: str,
    kind: type[Exception],
    said_of_file: str,
    asked: Asked,
) -> None:
    replies, files = asked("status"), asked("file")
    plan.replace(fault.on("status"))
    with pytest.raises(ProtocolError, match=said):
        job.refresh()
    assert replies() == 1
    plan.replace(fault.on("file"))
    with pytest.raises(kind, match=said_of_file):
        job.download(tmp_path, kinds="image")
    assert files() == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("then", "parts"),
    [
        pytest.param([], [None, "bytes=1000-"], id="rest"),
        pytest.param(
            [faults.wrong_content_range()],
            [None, "bytes=1000-", None],
            marks=pytest.mark.fault_case(32),
            id="other part",
        ),
        pytest.param([faults.ignore_range()], [None, "bytes=1000-"], marks=pytest.mark.fault_case(33), id="whole"),
        pytest.param([faults.status(416)], [None, "bytes=1000-", None], marks=pytest.mark.fault_case(34), id="416"),
        pytest.param(
            [faults.changed_validator()], [None, "bytes=1000-"], marks=pytest.mark.fault_case(35), id="changed"
        ),
        pytest.param(
            [faults.changed_validator(honest=False)],
            [None, "bytes=1000-", None],
            marks=pytest.mark.fault_case(35),
            id="changed, with part",
        ),
    ],
)
def test_download_goes_on_only_with_its_own_rest(
    plan: FaultPlan,
    job: Job,
    tmp_path: Path,
    then: list[Fault],
    parts: list[str | None],
    requests: list[Request],
    noting: Fault,
) -> None:
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    good = job.download(tmp_path / "good", kinds="image")[ProductKind.IMAGE]
    plan.replace(
        noting.on("file"),
        faults.truncate(1000).on("file", count=1),
        *(fault.on("file", after=1, count=1) for fault in then),
    )
    bad = job.download(tmp_path / "bad", kinds="image")[ProductKind.IMAGE]
    assert bad.read_bytes() == good.read_bytes()
    assert parts_of(requests) == parts
    assert names(tmp_path / "bad") == [bad.name]


@pytest.mark.fault_case(34)
def test_whole_file_before_the_last_look(
    plan: FaultPlan, job: Job, tmp_path: Path, requests: list[Request], noting: Fault
) -> None:
    """All had come when the connection broke: the service says so, and nothing comes twice."""
    good = job.download(tmp_path, kinds="image", stem="good")[ProductKind.IMAGE]
    size = good.stat().st_size
    plan.replace(
        noting.on("file"),
        # Without an announced length the end of the file cannot be told from a break.
        faults.truncate(size, framing="chunked").on("file", count=1),
    )
    bad = job.download(tmp_path, kinds="image", stem="bad")[ProductKind.IMAGE]
    assert bad.read_bytes() == good.read_bytes()
    assert parts_of(requests) == [None, f"bytes={size}-"]


@pytest.mark.fault_case(32)
def test_part_that_ends_behind_the_end(
    plan: FaultPlan, job: Job, tmp_path: Path, requests: list[Request], noting: Fault
) -> None:
    """The size of the whole is known from nowhere else."""

    def smaller(request: Request, reply: Reply) -> Reply:
        part, _, total = str(reply.header("Content-Range")).partition("/")
        return reply.with_headers({"Content-Range": f"{part}/{int(total) - 1}"})

    good = job.download(tmp_path, kinds="image", stem="good")[ProductKind.IMAGE]
    plan.replace(
        noting.on("file"),
        faults.truncate(1000, framing="chunked").on("file", count=1),
        Fault("smaller whole", smaller).on("file", after=1, count=1),
    )
    bad = job.download(tmp_path, kinds="image", stem="bad")[ProductKind.IMAGE]
    assert bad.read_bytes() == good.read_bytes()
    assert parts_of(requests) == [None, "bytes=1000-", None]


@pytest.mark.fault_case(72)
def test_rest_for_which_there_is_no_room(
    plan: FaultPlan, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    """Another program has filled the disk while the connection was broken."""
    usage = shutil.disk_usage(tmp_path)
    free = iter([10**12, 1])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=next(free)))
    files = asked("file")
    plan.replace(faults.truncate(1000).on("file", count=1))
    with pytest.raises(StorageError, match="needs .* bytes, and 1 are free"):
        job.download(tmp_path, kinds="image")
    assert files() == 2
    assert names(tmp_path) == []
