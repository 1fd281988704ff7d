"""The same file wanted by several threads or processes comes once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.backends.transport import Transport
from swiftxrt.exceptions import OutputExistsError, ServiceUnavailableError, SwiftXRTError

FETCH = """
import sys
from pathlib import Path
from swiftxrt.backends.transport import Transport
base, target = sys.argv[1:]
print("ready", flush=True)
print(Transport(base, "someone@example.org").download(f"{base}/x", Path(target)).outcome)
"""


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


class Gate:
    """Lets an answer go when told."""

    def __init__(self, server: Any, content: bytes) -> None:
        self.opened = threading.Event()
        self.answer = server.http(content)

    def __call__(self, _: Any) -> bytes:
        self.opened.wait(10)
        return self.answer


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("overwrite", [False, True])
def test_threads(server: Any, transport: Transport, tmp_path: Path, *, overwrite: bool) -> None:
    target = tmp_path / "x"
    if overwrite:
        target.write_bytes(b"old")
    gate = Gate(server, b"content")
    server.script = [gate]
    with ThreadPoolExecutor(6) as pool:
        started = threading.Barrier(6)

        def fetch() -> str:
            started.wait(10)
            return transport.download(f"{server.url}/x", target, overwrite=overwrite).outcome

        work = [pool.submit(fetch) for _ in range(6)]
        wait_for(lambda: server.asked)
        time.sleep(0.1)  # all others have come to the lock
        gate.opened.set()
        outcomes = sorted(one.result(20) for one in work)
    assert outcomes == ["fetched", *["kept"] * 5]
    assert len(server.asked) == 1
    assert target.read_bytes() == b"content"
    assert names(tmp_path) == ["x"]


def test_processes(server: Any, transport: Transport, tmp_path: Path) -> None:
    target = tmp_path / "x"
    gate = Gate(server, b"content")
    server.script = [gate]
    mine = threading.Thread(target=lambda: transport.download(f"{server.url}/x", target))
    mine.start()
    wait_for(lambda: server.asked)
    command = [sys.executable, "-c", FETCH, server.url, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        time.sleep(0.3)  # it has come to the lock
        gate.opened.set()
        assert other.stdout.readline() == "kept\n"
    mine.join(20)
    assert len(server.asked) == 1
    assert names(tmp_path) == ["x"]


def test_another_file_for_the_same_place(server: Any, transport: Transport, tmp_path: Path) -> None:
    target = tmp_path / "x"
    gate = Gate(server, b"first")
    server.script = [gate, server.http(b"second")]
    outcome: list[str | SwiftXRTError] = []

    def other(overwrite: bool) -> None:
        try:
            outcome.append(transport.download(f"{server.url}/y", target, overwrite=overwrite).outcome)
        except OutputExistsError as error:
            outcome.append(error)

    first = threading.Thread(target=lambda: transport.download(f"{server.url}/x", target))
    first.start()
    wait_for(lambda: server.asked)
    others = [threading.Thread(target=other, args=(overwrite,)) for overwrite in (False, True)]
    for thread in others:
        thread.start()
    time.sleep(0.1)
    gate.opened.set()
    for thread in (first, *others):
        thread.join(20)
    assert "fetched" in outcome
    # Who must not replace anything meets either the first file, or the one that it wants, made by the other.
    assert "kept" in outcome or any(isinstance(one, OutputExistsError) for one in outcome)
    assert target.read_bytes() == b"second"


def test_waiting_has_a_deadline(server: Any, transport: Transport, tmp_path: Path) -> None:
    gate = Gate(server, b"content")
    server.script = [gate]
    first = threading.Thread(target=lambda: transport.download(f"{server.url}/x", tmp_path / "x"))
    first.start()
    wait_for(lambda: server.asked)
    with pytest.raises(ServiceUnavailableError, match="somebody else has been fetching") as caught:
        transport.download(f"{server.url}/x", tmp_path / "x", deadline_s=0.1)
    gate.opened.set()
    first.join(20)
    assert not caught.value.was_sent


def test_who_waited_takes_over_from_one_who_failed(
    server: Any, transport: Transport, tmp_path: Path, pauses: list[float]
) -> None:
    gate = Gate(server, b"")
    gate.answer = server.http(b"no", 404)
    server.script = [gate, server.http(b"content")]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(transport.download, f"{server.url}/x", tmp_path / "x")
        wait_for(lambda: server.asked)
        second = pool.submit(transport.download, f"{server.url}/x", tmp_path / "x")
        time.sleep(0.1)
        gate.opened.set()
        assert first.exception(20) is not None
        assert second.result(20).outcome == "fetched"
    assert names(tmp_path) == ["x"]


@pytest.mark.skipif(os.name == "nt", reason="processes are not killed so there")
def test_process_that_is_killed_leaves_no_lock(server: Any, transport: Transport, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000

    def stalling(asked: Any) -> Any:
        yield server.http(content[:300_000], length=len(content), ETag='"v1"')
        server.stop.wait(20)

    server.script = [stalling, server.file(content)]
    target = tmp_path / "x"
    victim = subprocess.Popen([sys.executable, "-c", FETCH, server.url, str(target)], stdout=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / ".x.part").exists() and (tmp_path / ".x.part").stat().st_size > 200_000)
    victim.kill()
    victim.wait(20)
    assert not target.exists()
    found = transport.download(f"{server.url}/x", target)
    assert (found.outcome, target.read_bytes() == content) == ("resumed", True)
    assert int(server.asked[1].headers["range"].strip("bytes=-")) > 200_000
    assert names(tmp_path) == ["x"]
