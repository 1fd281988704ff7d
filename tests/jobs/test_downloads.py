"""Many files at once, over real connections."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt._stopping import Stop, check, sleep
from swiftxrt.backends.transport import Transport
from swiftxrt.config import conf
from swiftxrt.exceptions import (
    OutputExistsError,
    RequestError,
    ServiceError,
    ServiceUnavailableError,
    StorageError,
)
from swiftxrt.jobs.downloads import DownloadResult, download_all, results_table, retry_failed

CONTENT = {f"/{number}": f"file {number} ".encode() * 1000 for number in range(12)}


class Files(BaseHTTPRequestHandler):
    """Serves what `CONTENT` holds; `/stall/…` begins and goes no further, `/silent/…` says nothing."""

    protocol_version = "HTTP/1.1"
    asked: Counter[str] = Counter()
    missing: set[str] = set()
    cut: set[str] = set()
    guard = threading.Lock()
    goes_on = threading.Event()

    def do_GET(self) -> None:
        with Files.guard:
            Files.asked[self.path] += 1
        if self.path.startswith("/silent"):
            self.goes_on.wait(20)
            return
        content = CONTENT.get(f"/{self.path.rpartition('/')[2]}", b"")
        if not content or self.path in self.missing:
            self.send_error(404)
            return
        first = int(self.headers["Range"][6:].partition("-")[0]) if "Range" in self.headers else 0
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        if self.path.startswith("/stall") or self.path in self.cut:
            self.wfile.write(content[first : first + 4000])
            self.wfile.flush()
            if self.path in self.cut:
                self.close_connection = True
            else:
                self.goes_on.wait(20)
            return
        self.wfile.write(content[first:])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def url(server: str) -> Iterator[str]:
    Files.asked.clear()
    Files.missing.clear()
    Files.cut.clear()
    Files.goes_on.clear()
    yield server
    Files.goes_on.set()


@pytest.fixture
def fetch(url: str) -> Iterator[Callable[..., str]]:
    transport = Transport(url, "someone")
    with conf.set_temp("retries", 0):
        yield partial(_fetch, transport)
    transport.close()


def _fetch(transport: Transport, source: str, path: Path, *, overwrite: bool) -> str:
    return transport.download(source, path, overwrite=overwrite).outcome


class Counting:
    """Counts how many files are fetched at once."""

    def __init__(self, fetch: Callable[..., str]) -> None:
        self._fetch = fetch
        self._guard = threading.Lock()
        self._now = self.most = 0

    def __call__(self, source: str, path: Path, *, overwrite: bool) -> str:
        with self._guard:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return self._fetch(source, path, overwrite=overwrite)
        finally:
            with self._guard:
                self._now -= 1


def items(url: str, folder: Path, count: int = 12) -> list[tuple[str, Path]]:
    return [(f"{url}/{number}", folder / f"{number}.dat") for number in range(count)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_come_in_the_order_asked_for(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    seen: list[DownloadResult] = []
    counting = Counting(fetch)
    results = download_all(counting, items(url, tmp_path), workers=3, progress=seen.append)
    assert [(one.source, one.path) for one in results] == items(url, tmp_path)
    assert {one.outcome for one in results} == {"fetched"}
    for one in results:
        content = CONTENT[f"/{one.path.stem}"]
        assert (one.path.read_bytes(), one.size, one.error) == (content, len(content), None)
    assert sorted(seen, key=lambda one: str(one.path)) == sorted(results, key=lambda one: str(one.path))
    assert counting.most == 3
    assert names(tmp_path) == sorted(f"{number}.dat" for number in range(12))


def test_configured_number_at_once(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    counting = Counting(fetch)
    with conf.set_temp("download_workers", 1):
        download_all(counting, items(url, tmp_path))
    assert counting.most == 1


def test_nothing_to_do(fetch: Callable[..., str]) -> None:
    assert download_all(fetch, []) == []
    assert results_table([]).colnames == ["source", "path", "size", "outcome", "time", "error"]


@pytest.mark.fault_case(24)
def test_one_failure_costs_nothing_else_and_only_it_is_retried(
    url: str, fetch: Callable[..., str], tmp_path: Path
) -> None:
    Files.missing.update(("/3", "/7"))
    results = download_all(fetch, items(url, tmp_path))
    assert [one.path.stem for one in results if one.is_failed] == ["3", "7"]
    assert all(isinstance(one.error, ServiceError) for one in results if one.is_failed)
    assert names(tmp_path) == sorted(f"{number}.dat" for number in range(12) if number not in (3, 7))
    table = results_table(results)
    assert table["size"].unit == u.byte
    assert table["time"].unit == u.s
    assert "404" in table["error"][3]
    assert list(table["outcome"] == "failed") == [one.is_failed for one in results]
    Files.asked.clear()
    Files.missing.remove("/3")
    again = retry_failed(fetch, results)
    assert dict(Files.asked) == {"/3": 1, "/7": 1}
    assert [one.is_failed for one in again] == [number == 7 for number in range(12)]
    assert [one.path for one in again] == [one.path for one in results]
    assert again[0] is results[0]


@pytest.mark.fault_case(7, 8)
def test_rest_of_a_file_is_fetched(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    Files.cut.add("/1")
    results = download_all(fetch, items(url, tmp_path, 2))
    assert [one.outcome for one in results] == ["fetched", "failed"]
    assert "1.dat" not in names(tmp_path)
    Files.cut.clear()
    results = retry_failed(fetch, results)
    assert [one.outcome for one in results] == ["fetched", "resumed"]
    assert (tmp_path / "1.dat").read_bytes() == CONTENT["/1"]
    assert names(tmp_path) == ["0.dat", "1.dat"]


@pytest.mark.fault_case(74)
def test_existing_files_are_kept_or_replaced(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "0.dat").write_text("mine")
    (tmp_path / "1.dat").write_bytes(CONTENT["/1"])
    kept = download_all(fetch, items(url, tmp_path, 3))
    assert [(one.outcome, one.size) for one in kept][:2] == [("kept", 4), ("kept", len(CONTENT["/1"]))]
    assert dict(Files.asked) == {"/2": 1}
    assert (tmp_path / "0.dat").read_text() == "mine"
    replaced = download_all(fetch, items(url, tmp_path, 3), overwrite=True)
    assert {one.outcome for one in replaced} == {"fetched"}
    assert [(tmp_path / f"{number}.dat").read_bytes() for number in range(3)] == [CONTENT[f"/{n}"] for n in range(3)]


@pytest.mark.fault_case(75)
@pytest.mark.parametrize("fault", ["missing", "cut"])
def test_old_file_stays_when_replacing_fails(url: str, fetch: Callable[..., str], tmp_path: Path, fault: str) -> None:
    getattr(Files, fault).add("/0")
    (tmp_path / "0.dat").write_text("mine")
    (result,) = download_all(fetch, items(url, tmp_path, 1), overwrite=True)
    assert result.is_failed
    assert (tmp_path / "0.dat").read_text() == "mine"


@pytest.mark.fault_case(74, 77)
def test_targets_that_are_something_else(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "0.dat").mkdir()
    (folder / "1.dat").symlink_to(elsewhere)
    (folder / "2.dat").symlink_to(tmp_path / "nowhere")
    results = download_all(fetch, items(url, folder, 3), overwrite=True)
    assert isinstance(results[0].error, OutputExistsError)
    assert [one.outcome for one in results[1:]] == ["fetched", "fetched"]
    assert not (folder / "1.dat").is_symlink()
    assert elsewhere.read_text() == "not mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.fault_case(77)
def test_two_sources_for_one_file_are_refused(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    for name in ("a.dat", "A.dat"):
        with pytest.raises(RequestError, match="cannot both be saved"):
            download_all(fetch, [(f"{url}/0", tmp_path / "a.dat"), (f"{url}/1", tmp_path / "x" / ".." / name)])
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(RequestError, match="a name of its own"):
        download_all(fetch, [(f"{url}/0", tmp_path / "a.dat"), (f"{url}/1", tmp_path / "link" / "a.dat")])
    assert not Files.asked


@pytest.mark.fault_case(76)
def test_what_is_asked_for_twice_is_fetched_once(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    results = download_all(fetch, items(url, tmp_path, 2) * 2)
    assert [one.path.stem for one in results] == ["0", "1", "0", "1"]
    assert dict(Files.asked) == {"/0": 1, "/1": 1}


@pytest.mark.parametrize("workers", [0, -1, 2.0, "4", True])
def test_unusable_numbers_of_workers(fetch: Callable[..., str], workers: object) -> None:
    with pytest.raises(RequestError, match="workers"):
        download_all(fetch, [], workers=workers)  # type: ignore[arg-type]


@pytest.mark.fault_case(72)
def test_disk_that_is_full(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT["/9"]) + 100, before[1]))
    try:
        results = download_all(fetch, [(f"{url}/{number}", tmp_path / str(number)) for number in (9, 10)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [one.outcome for one in results] == ["fetched", "failed"]
    assert isinstance(results[1].error, StorageError)
    assert "make room" in str(results[1].error)
    assert names(tmp_path) == ["9"]


@pytest.mark.fault_case(73)
def test_folder_that_must_not_be_written(url: str, fetch: Callable[..., str]) -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("needs a folder that not even the administrator can write to")
    (result,) = download_all(fetch, [(f"{url}/0", Path("/proc/self/0.dat"))])
    assert isinstance(result.error, StorageError)
    assert "/proc/self/0.dat" in str(result.error)


@pytest.mark.fault_case(84, 85)
def test_permissions_and_working_folder(url: str, fetch: Callable[..., str], tmp_path: Path) -> None:
    where, before = Path.cwd(), os.umask(0o027)
    try:
        (result,) = download_all(fetch, items(url, tmp_path, 1))
    finally:
        os.umask(before)
    assert oct(result.path.stat().st_mode & 0o777) == "0o640"
    assert Path.cwd() == where


class Interrupting:
    """Interrupts the main thread at the first result, as Ctrl-C does."""

    def __call__(self, result: DownloadResult) -> None:
        raise KeyboardInterrupt


@pytest.mark.fault_case(70)
@pytest.mark.parametrize("where", ["stall", "silent"])
def test_interrupt_ends_everything_at_once(url: str, fetch: Callable[..., str], tmp_path: Path, where: str) -> None:
    before = set(threading.enumerate())
    wanted = [(f"{url}/{where}/{number}", tmp_path / f"{number}.dat") for number in range(1, 12)]
    with pytest.raises(KeyboardInterrupt):
        download_all(fetch, [(f"{url}/0", tmp_path / "0.dat"), *wanted], workers=4, progress=Interrupting())
    ours = [one for one in set(threading.enumerate()) - before if one.name.startswith("swiftxrt")]
    assert ours == []
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["0.dat"]
    assert len(Files.asked) <= 5
    Files.goes_on.set()


@pytest.mark.fault_case(70)
def test_ctrl_c_in_a_script(url: str, tmp_path: Path) -> None:
    script = f"""
        import signal
        from pathlib import Path
        from swiftxrt.backends.transport import Transport
        from swiftxrt.jobs.downloads import download_all
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
        transport = Transport({url!r}, "someone")
        def fetch(source, path, overwrite):
            return transport.download(source, path).outcome
        items = [(f"{url}/stall/{{n}}", Path({str(tmp_path)!r}) / f"{{n}}.dat") for n in range(4)]
        download_all(fetch, items, workers=2)
    """
    running = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while sum(Files.asked.values()) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    finally:
        running.kill()
        running.wait()
    assert b"KeyboardInterrupt" in told
    assert not [name for name in names(tmp_path) if not name.startswith(".")]


def test_mistake_in_a_fetcher_is_not_hidden(tmp_path: Path) -> None:
    def broken(source: str, path: Path, *, overwrite: bool) -> str:
        raise TypeError("a mistake")

    with pytest.raises(TypeError, match="a mistake"):
        download_all(broken, [("x", tmp_path / "x")])


def test_errors_of_the_system_become_ours(tmp_path: Path) -> None:
    def broken(source: str, path: Path, *, overwrite: bool) -> str:
        raise OSError(5, "Input/output error")

    (result,) = download_all(broken, [("x", tmp_path / "x")])
    assert isinstance(result.error, StorageError)


def test_stop_reaches_only_the_threads_that_heed_it() -> None:
    stop = Stop()
    stop.request()
    check()
    sleep(0.0)
    for wait in (check, partial(sleep, 60.0)):
        with pytest.raises(KeyboardInterrupt), stop.heeded():
            wait()
    check()


@pytest.mark.fault_case(28)
def test_pause_between_attempts_ends_with_the_stop(url: str, tmp_path: Path) -> None:
    Files.cut.add("/0")
    transport = Transport(url, "someone")
    with (
        conf.set_temp("retries", 3),
        conf.set_temp("retry_wait", 60.0),
        pytest.raises(KeyboardInterrupt),
    ):
        download_all(partial(_fetch, transport), items(url, tmp_path, 2), progress=Interrupting())
    transport.close()
    assert names(tmp_path)[-1] == "1.dat"


def test_failure_is_told_with_the_error() -> None:
    error = ServiceUnavailableError("down")
    table = results_table([DownloadResult("s", Path("p"), "failed", error=error)])
    assert tuple(table["source", "path", "outcome", "error"][0]) == ("s", "p", "failed", "down")
