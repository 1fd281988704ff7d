"""Replies that are kept on this computer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.backends import cache
from swiftxrt.backends.cache import CachedJob, clear_cache
from swiftxrt.config import cache_folder
from swiftxrt.products.provenance import utc_now
from swiftxrt.products.replies import Answer

USER = "Somebody@example.org"
SERVICE = "https://www.swift.ac.uk"
CALL = "user_objects/tprods/getPSFPos.php"
ASKED = {"JobID": "951"}
CONTENT = {"OK": 1, "RA": 1.25, "Err90": float("inf"), "name": "Äther \N{SNOWMAN}", "deep": [{"a": None}]}


def answer(content: object = CONTENT, call: str = CALL, fetched: str = "") -> Answer:
    return Answer(call, ASKED, content, fetched or utc_now())


def job(number: int = 951, user: str = USER, service: str = SERVICE) -> CachedJob:
    return CachedJob(service, user, f"job {number}")


def files() -> list[Path]:
    return sorted(path for path in cache_folder().rglob("*.reply"))


@pytest.mark.parametrize("content", [CONTENT, [], "text", b"\x1f\x8b\n\0binary", b""])
def test_answers_come_back_as_they_were(content: object) -> None:
    kept = answer(content)
    job().put([kept])
    again = job().get(CALL, ASKED)
    assert again == replace(kept, from_cache=True)
    assert again is not None
    assert list(again.content) == list(content)  # type: ignore[call-overload]  # the order, too


def test_only_the_same_question_is_answered() -> None:
    job().put([answer()])
    assert job().get(CALL, {"JobID": "952"}) is None
    assert job().get("user_objects/tprods/getEnhPos.php", ASKED) is None
    assert job(952).get(CALL, ASKED) is None
    assert job(user="other@example.org").get(CALL, ASKED) is None
    assert job(service="https://elsewhere.example").get(CALL, ASKED) is None
    assert job(user=f" {USER.upper()}").get(CALL, ASKED) is not None


def test_failures_and_kept_answers_are_not_kept_again() -> None:
    job().put([replace(answer(None), error="it broke"), replace(answer(), from_cache=True)])
    assert not cache_folder().exists()


def test_addresses_are_nowhere() -> None:
    words = [f"mail to {USER}", {"UserID": USER.lower()}, USER.encode()]
    job().put([answer(), *(answer(text, call=f"call{number}") for number, text in enumerate(words))])
    assert len(files()) == 1
    told = [str(path.relative_to(cache_folder())).encode() + path.read_bytes() for path in files()]
    assert all(b"somebody" not in text.lower() and b"swift.ac.uk" not in text for text in told)
    if os.name == "posix":
        assert files()[0].parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\n",
        b"{}\n{}",
        b"null\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe",
        lambda data: data[:-1],
        lambda data: data.replace(b"951", b"952"),
        lambda data: data.replace(b"1.25", b"1.26"),
        lambda data: data.replace(b'"format": 1', b'"format": 2'),
        lambda data: data.replace(b'"fetched": "2', b'"fetched": "x'),
    ],
)
def test_damaged_answers_are_none_and_removed(damage: object, caplog: pytest.LogCaptureFixture) -> None:
    job().put([answer()])
    (path,) = files()
    path.write_bytes(damage(path.read_bytes()) if callable(damage) else damage)  # type: ignore[arg-type]
    with caplog.at_level(logging.DEBUG, "swiftxrt"):
        assert job().get(CALL, ASKED) is None
    assert "damaged" in caplog.text
    assert files() == []
    job().put([answer()])
    assert job().get(CALL, ASKED) is not None


def test_answers_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    job().put([answer(fetched="2026-01-01T00:00:00+00:00")])
    start = 1_767_225_600.0
    with conf.set_temp("cache_expiry", 3600.0):
        monkeypatch.setattr(cache, "_now", lambda: start + 3599)
        assert job().get(CALL, ASKED) is not None
        monkeypatch.setattr(cache, "_now", lambda: start - 80_000)  # another computer's clock
        assert job().get(CALL, ASKED) is not None
        monkeypatch.setattr(cache, "_now", lambda: start + 3601)
        assert job().get(CALL, ASKED) is None
    assert files() == []


def test_oldest_answers_give_way() -> None:
    with conf.set_temp("cache_size", 3000):
        for number in range(6):
            job(number).put([answer(b"x" * 800)])
            for age, path in enumerate(sorted(files(), key=lambda one: one.stat().st_mtime_ns)):
                os.utime(path, (age, age + 0.5))
        left = [number for number in range(6) if job(number).get(CALL, ASKED) is not None]
        job(7).put([answer(b"x" * 4000)])
    assert left == [4, 5]
    assert job(7).get(CALL, ASKED) is None


def test_size_is_looked_at_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(cache, "_files", lambda folder: looked.append(folder) or [])
    for number in range(20):
        job(number).put([answer()])
    assert len(looked) == 1


def test_nothing_is_kept_or_read_when_switched_off() -> None:
    job().put([answer()])
    with conf.set_temp("cache", False):
        assert job().get(CALL, ASKED) is None
        job(952).put([answer()])
    assert job().get(CALL, ASKED) is not None
    assert job(952).get(CALL, ASKED) is None


def test_forgetting_one_job_and_all() -> None:
    job(1).put([answer()])
    job(2).put([answer()])
    job(1).forget()
    assert job(1).get(CALL, ASKED) is None
    assert job(2).get(CALL, ASKED) is not None
    clear_cache()
    assert job(2).get(CALL, ASKED) is None
    assert files() == []
    clear_cache()  # there is nothing
    job(3).put([answer()])
    SwiftXRTClass().clear_cache()
    assert files() == []


def test_looking_makes_no_folder() -> None:
    assert job().get(CALL, ASKED) is None
    job().forget()
    assert not cache_folder().exists()


def test_a_folder_that_cannot_be_used_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with conf.set_temp("cache_dir", str(tmp_path / "file")), caplog.at_level(logging.INFO, "swiftxrt"):
        job().put([answer()])
        assert job().get(CALL, ASKED) is None
    assert "no replies are kept" in caplog.text
    job().put([answer()])
    (path,) = files()
    path.unlink()
    path.mkdir()
    assert job().get(CALL, ASKED) is None
    with caplog.at_level(logging.INFO, "swiftxrt"):
        job().put([answer()])
    assert "are not kept" in caplog.text


def test_old_answers_stay_when_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    job().put([answer("old")])
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> None:
        write(path, data[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        job().put([answer("new")])
    again = job().get(CALL, ASKED)
    assert again is not None
    assert again.content == "old"
    assert len(list(files()[0].parent.iterdir())) == 1


def test_place_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with conf.set_temp("cache_dir", ""):
        if sys.platform.startswith("linux"):
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
            assert cache_folder() == tmp_path / "swiftxrt"
        assert cache_folder().name
    with conf.set_temp("cache_dir", "~/mine"):
        assert cache_folder() == Path.home() / "mine"


MANY = """
import sys
from swiftxrt import conf
from swiftxrt.backends.cache import CachedJob
from swiftxrt.products.provenance import utc_now
from swiftxrt.products.replies import Answer
for size in (10**9, 5000):
    with conf.set_temp("cache_dir", sys.argv[1]), conf.set_temp("cache_size", size):
        for turn in range(60):
            job = CachedJob("https://x", "me@example.org", f"job {turn % 4}")
            job.put([Answer("call", {"turn": turn % 3}, [turn % 3] * 500, utc_now())])
            found = job.get("call", {"turn": turn % 3})
            assert found is None or found.content == [turn % 3] * 500
            if turn % 20 == 19:
                job.forget()
"""


def test_processes_share_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path / "shared")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[1] for process in running] == ["", ""]
    left = [path.name for path in (tmp_path / "shared").rglob("*") if path.is_file()]
    assert all(name.endswith(".reply") or name == "owner.key" for name in left)


def test_header_is_one_line_of_json() -> None:
    job().put([answer()])
    header, _, body = files()[0].read_bytes().partition(b"\n")
    assert json.loads(header)["asked"] == ASKED
    assert json.loads(body) == CONTENT
