"""The job book behind the class users talk to."""

from __future__ import annotations

import pickle
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import ImageRequest, JobBook, PositionRequest, SwiftXRT, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.backends.local import scheduler
from swiftxrt.backends.ukssdc.connection import Connection
from swiftxrt.config import data_folder
from swiftxrt.exceptions import (
    JobBookError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
    SwiftXRTWarning,
)
from swiftxrt.testing.server import embedded_server

NAME = "constant source"
USER = "somebody@example.org"
IMAGE = XRTRequest(target=Target(NAME), image=ImageRequest())


@pytest.fixture
def service(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwiftXRTClass]:
    """The embedded service, which accepts and never works."""
    monkeypatch.setattr(scheduler, "run_product", lambda *task: None)
    with embedded_server(small_archive, users=[USER]), SwiftXRTClass(user=USER) as made:
        yield made


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Calls whose replies get lost."""
    post = Connection._post
    lost: set[str] = set()

    def lose(self: Connection, path: str, message: Any) -> Any:
        reply = post(self, path, message)
        if path.rpartition("/")[2] in lost:
            raise ServiceUnavailableError("the connection broke")
        return reply

    monkeypatch.setattr(Connection, "_post", lose)
    return lost


SUBMIT, LIST, RECALL = "run_userobject.php", "listOldJobs.php", "getOldProduct.php"


def test_jobs_of_both_backends_are_in_the_book(service: SwiftXRTClass, small_archive: Path, tmp_path: Path) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive, state=tmp_path / "state") as local:
        job, here = service.submit(IMAGE), local.submit(IMAGE)
        assert local.job_book.path == service.job_book.path == Path(conf.data_dir) / "jobs.sqlite"
        second, first = service.job_book.find()
        assert (first.backend, first.service, first.job_id) == ("ukssdc", conf.service_url, job.id)
        assert (second.backend, second.service, second.job_id) == ("local", str(tmp_path / "state"), here.id)
        assert first.request == second.request == IMAGE
        assert (first.resolved, second.resolved) == (job.request, here.request)
        job.cancel()
        assert [str(phase) for phase in service.job_book.entry(first.entry).phases.values()] == ["ABORTED"]
        assert local.get_job(here.id).request == here.request
        assert len(service.job_book.find()) == 2


@pytest.mark.fault_case(56)
def test_lost_reply_makes_no_second_job(service: SwiftXRTClass, broken: set[str]) -> None:
    broken.add(SUBMIT)
    first = service.submit(IMAGE)
    assert first.request.target.target_ids is not None
    assert (first.id, service.count_active_jobs()) == ("1", 1)
    broken.add(LIST)
    with pytest.raises(ServiceUnavailableError, match="may have arrived"):
        service.submit(IMAGE)
    broken.clear()
    with SwiftXRTClass(user=USER) as later, pytest.warns(ServiceWarning, match="job 2 was made") as caught:
        assert later.submit(IMAGE).id == "2"
    assert caught[0].filename == __file__
    assert service.count_active_jobs() == 2


@pytest.mark.fault_case(1)
def test_service_that_is_not_there(service: SwiftXRTClass) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    with conf.set_temp("service_url", nobody), pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        service.submit(IMAGE)
    (entry,) = service.job_book.find(service=nobody)
    assert (entry.state, entry.is_open) == ("refused", False)


@pytest.mark.fault_case(6)
def test_connection_that_breaks(service: SwiftXRTClass) -> None:
    def hang_up(server: socket.socket) -> None:
        while not over.is_set():
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                # Unread bytes make the end of the connection a reset.

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        nobody = f"http://127.0.0.1:{address[1]}"
        thread = threading.Thread(target=hang_up, args=(server,))
        thread.start()
        with conf.set_temp("service_url", nobody), pytest.raises(SubmissionUncertainError, match="may have arrived"):
            service.submit(IMAGE)
        over.set()
        with socket.create_connection(address) as last:
            last.sendall(b"x")
        thread.join()
    (entry,) = service.job_book.find(service=nobody)
    assert entry.state == "uncertain"


def test_methods_that_wait_go_through_the_book(service: SwiftXRTClass, broken: set[str]) -> None:
    broken.update([SUBMIT, LIST])
    with pytest.raises(ServiceUnavailableError, match="may have arrived"):
        service.make_image(NAME)
    (entry,) = service.job_book.find()
    assert entry.state == "uncertain"


def test_list_of_jobs_shows_book_and_service(service: SwiftXRTClass, broken: set[str]) -> None:
    with SwiftXRTClass(user=USER) as elsewhere, conf.set_temp("data_dir", conf.data_dir + "-elsewhere"):
        elsewhere.submit(XRTRequest(target=Target(NAME), position=PositionRequest("standard")))
    mine = service.submit(IMAGE)
    mine.refresh()
    book = service.job_book
    gone = service.get_job(mine.id)._handle
    book.record(conf.service_url, type(gone)("77", "ukssdc", gone.request, None, gone.submitted), USER)
    book.record(conf.service_url, type(gone)("78", "ukssdc", gone.request), "other@example.org")
    book.record_rebinning(1, type(gone)("5", "ukssdc", gone.request, None, None, mine.id))
    open_one = book.intend("ukssdc", conf.service_url, IMAGE, USER)
    book.lose(open_one, "lost")
    broken.add(LIST)
    with pytest.raises(ServiceUnavailableError):
        service.list_jobs()
    broken.clear()
    book.lose(open_one, "lost")
    jobs = service.list_jobs()
    rows = {row["job_id"]: row for row in jobs}
    assert set(rows) == {"1", "2", "77", ""}
    assert [rows[number]["recorded"] for number in ("1", "2", "77", "")] == ["", "accepted", "accepted", "uncertain"]
    assert [rows[number]["phase"] for number in ("1", "2", "77", "")] == ["", "QUEUED", "UNKNOWN", ""]
    assert all(row["image"] == (row["job_id"] != "1") and row["name"] == NAME and not row["available"] for row in jobs)
    times = jobs["submitted"][~jobs["submitted"].mask]
    assert list(times.isot) == sorted(times.isot, reverse=True)


@pytest.mark.fault_case(56)
def test_job_from_the_book_of_another_machine(service: SwiftXRTClass, tmp_path: Path) -> None:
    job = service.submit(IMAGE)
    job.refresh()
    text = service.job_book.export_json()
    with conf.set_temp("data_dir", str(tmp_path / "elsewhere")), service(user=USER) as elsewhere:
        assert elsewhere.list_jobs()["recorded"][0] == ""
        assert elsewhere.job_book.import_json(text) == 1
        for _ in range(2):
            row = elsewhere.list_jobs()[0]
            assert (row["recorded"], row["phase"]) == ("accepted", "QUEUED")
            assert elsewhere.get_job(job.id).request == job.request  # it is this user's from now on
        (entry,) = elsewhere.job_book.find()
        assert entry.owner_mark == elsewhere.job_book.mark_of(USER)


def test_lost_job_shows_up_in_the_list(service: SwiftXRTClass, broken: set[str]) -> None:
    broken.update([SUBMIT, LIST])
    with pytest.raises(ServiceUnavailableError):
        service.submit(IMAGE)
    broken.clear()
    jobs = service.list_jobs()
    assert (list(jobs["job_id"]), list(jobs["recorded"])) == (["1"], ["accepted"])
    assert service.get_job("1").id == "1"
    assert service.submit(IMAGE).id == "2"


def test_job_is_found_without_the_service(service: SwiftXRTClass, broken: set[str]) -> None:
    job = service.submit(IMAGE)
    broken.add(RECALL)
    with pytest.warns(ServiceWarning, match="as the job book knows it") as caught:
        again = service.get_job(job.id)
    assert caught[0].filename == __file__
    assert (again.id, again.request, again.url) == (job.id, job.request, job.url)
    again.refresh()


def test_forgotten_job_stays_in_the_list_of_the_service(service: SwiftXRTClass) -> None:
    job = service.submit(IMAGE)
    job.forget()
    assert service.job_book.find() == []
    assert list(service.list_jobs()["recorded"]) == [""]
    assert service.get_job(job.id).id == job.id
    assert list(service.list_jobs()["recorded"]) == ["accepted"]


@pytest.fixture
def no_place(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "file").write_text("in the way")
    with conf.set_temp("data_dir", str(tmp_path / "file" / "data")):
        yield


def test_nothing_is_sent_that_cannot_be_written_down(service: SwiftXRTClass, no_place: None) -> None:
    with pytest.raises(JobBookError, match=r"conf\.data_dir"):
        service.submit(IMAGE)
    with pytest.raises(JobBookError):
        _ = service.job_book
    assert service.count_active_jobs() == 0


def test_reading_needs_no_book(service: SwiftXRTClass, tmp_path: Path) -> None:
    job = service.submit(IMAGE)
    (tmp_path / "file").write_text("in the way")
    with conf.set_temp("data_dir", str(tmp_path / "file" / "data")):
        with pytest.warns(SwiftXRTWarning, match="nothing is written down") as caught:
            assert service.get_job(job.id).request == job.request
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert list(service.list_jobs()["job_id"]) == [job.id]  # said once


def test_local_engine_needs_no_book(small_archive: Path, no_place: None) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        with pytest.warns(SwiftXRTWarning, match="nothing is written down") as caught:
            job = local.submit(IMAGE)
        assert caught[0].filename == __file__
        job.forget()
        assert len(job.result(progress=False).image) == 3


def test_book_follows_the_configuration(tmp_path: Path) -> None:
    with SwiftXRTClass(user=USER) as client:
        before = client.job_book
        assert client.job_book is before
        with conf.set_temp("data_dir", str(tmp_path / "elsewhere")):
            assert client.job_book.path == tmp_path / "elsewhere" / "jobs.sqlite"
        assert client.job_book.path == before.path
        copy = pickle.loads(pickle.dumps(client))
        assert copy._book is None
        assert copy.job_book.path == before.path
        copy.close()
    assert isinstance(SwiftXRT.job_book, JobBook)
    SwiftXRT.close()


def test_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with conf.set_temp("data_dir", ""):
        assert data_folder().name == "swiftxrt"
        if sys.platform == "linux":
            monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
            assert data_folder() == tmp_path / "swiftxrt"
    with conf.set_temp("data_dir", "~/mine"):
        assert data_folder() == Path.home() / "mine"
    assert not data_folder().exists()
