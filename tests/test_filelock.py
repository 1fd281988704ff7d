"""One at a time."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import _filelock
from swiftxrt._filelock import hold

fcntl = pytest.importorskip("fcntl")


def test_lock_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path, 1.0, "note") as holder:
        assert path.read_text() == "note"
        assert (holder.waited, holder.earlier) == (False, "")
    assert list(tmp_path.iterdir()) == []


def test_lock_left_by_a_dead_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("a note that is longer than the next one")
    with hold(path, 0.0, "mine") as holder:
        assert not holder.waited
        assert path.read_text() == "mine"


def test_waiting(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path, 1.0, "first"):
        with pytest.raises(TimeoutError), hold(path, 0.0):
            raise AssertionError
        assert path.exists()
    assert list(tmp_path.iterdir()) == []


def test_many_threads(tmp_path: Path) -> None:
    inside, most, notes = 0, 0, []

    def work(number: int) -> None:
        nonlocal inside, most
        with hold(tmp_path / "lock", 30.0, str(number)) as holder:
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)
            notes.append(holder.earlier)
            inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(notes) == 12
    assert list(tmp_path.iterdir()) == []


def test_error_in_the_block_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "lock", 1.0):
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "lock").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError), hold(tmp_path / "lock", 1.0, "note"):  # noqa: PT011
        raise AssertionError
    assert (tmp_path / "mine").read_text() == "mine"


def test_file_of_another_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path, 1.0):
        path.unlink()
        path.write_text("other")
    assert path.read_text() == "other"


@pytest.mark.parametrize(("code", "works"), [(errno.ENOLCK, True), (errno.EBADF, False)])
def test_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int, *, works: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level("DEBUG", "swiftxrt"):
        if works:
            with hold(tmp_path / "lock", 1.0):
                pass
            assert "has no locks" in caplog.text
        else:
            with pytest.raises(OSError, match="no locks"), hold(tmp_path / "lock", 1.0):
                raise AssertionError


def test_longest_note(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", 1.0, "x" * 100_000):
        assert (tmp_path / "lock").stat().st_size == _filelock._LONGEST_NOTE


def test_lock_on_a_file_that_is_gone_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real, calls = tmp_path / "lock", _filelock._try, []

    def late(file: Any) -> bool:
        calls.append(file)
        if len(calls) == 1:  # whoever held it has just removed it, and somebody else made a new one
            path.unlink()
            path.write_text("other")
        return real(file)

    monkeypatch.setattr(_filelock, "_try", late)
    with hold(path, 5.0, "mine"):
        assert path.read_text() == "mine"
    assert len(calls) == 2
