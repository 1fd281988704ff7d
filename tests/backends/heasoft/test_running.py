"""Running single tasks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from swiftxrt.backends.local.heasoft.installation import find_heasoft
from swiftxrt.backends.local.heasoft.running import Runner
from swiftxrt.exceptions import HEASoftError

from .conftest import FakeHEASoft


class _StoppedError(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


def _has_ended(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_the_scripts_of_heasoft_are_read(heasoft: FakeHEASoft) -> None:
    found = find_heasoft()
    assert found.environment["HEA_MARK"] == f"read {heasoft.folder}"
    assert found.version == "29Jan2017_V6.20"
    assert "HEA_MARK" not in os.environ
    assert "HEA_MARK" not in repr(found)


@pytest.mark.parametrize(("given", "expected"), [("mine", "mine"), ("", "of the script")])
def test_calibration_that_is_set_up_stays_so(
    heasoft: FakeHEASoft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    script = tmp_path / "caldb" / "software" / "tools" / "caldbinit.sh"
    script.parent.mkdir(parents=True)
    script.write_text('CALDBCONFIG="of the script"; export CALDBCONFIG\n')
    monkeypatch.setenv("CALDB", str(tmp_path / "caldb"))
    monkeypatch.setenv("CALDBCONFIG", given)
    assert find_heasoft().environment["CALDBCONFIG"] == expected


def test_what_scripts_print_is_no_setting(heasoft: FakeHEASoft) -> None:
    (heasoft.folder / "headas-init.sh").write_text("printf 'HEA_PRINTED=1\\0HEA_TOO=1\\n'\n")
    assert not {"HEA_PRINTED", "HEA_TOO"} & set(find_heasoft().environment)


def test_scripts_that_fail_are_an_error(heasoft: FakeHEASoft) -> None:
    (heasoft.folder / "headas-init.sh").write_text("exit 4\n")
    with pytest.raises(HEASoftError, match="cannot be initialised"):
        find_heasoft()


def test_the_version_is_asked_in_the_surroundings_of_tasks(heasoft: FakeHEASoft) -> None:
    (heasoft.folder / "bin" / "fversion").write_text('#!/bin/sh\necho "$HEA_MARK"\n')
    assert find_heasoft().version == f"read {heasoft.folder}"


def test_without_a_version_it_is_unknown(heasoft: FakeHEASoft) -> None:
    (heasoft.folder / "bin" / "fversion").write_text("#!/bin/sh\nexit 1\n")
    assert find_heasoft().version == "unknown"


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [({"infile": "a", "wrong": 1}, "parameter wrong is unknown"), ({}, "parameter infile would be asked for")],
)
def test_stand_ins_are_strict(heasoft: FakeHEASoft, folder: Path, parameters: dict[str, object], problem: str) -> None:
    with pytest.raises(HEASoftError, match=problem):
        Runner(find_heasoft(), folder).run("ftgrouppha", **parameters)  # type: ignore[arg-type]


def test_a_task_that_hangs_is_stopped_with_its_children(heasoft: FakeHEASoft, folder: Path) -> None:
    heasoft.behave("xrtexpomap", "hang")
    runner = Runner(find_heasoft(), folder, time_limit_s=3.0)
    with pytest.raises(HEASoftError, match="xrtexpomap did not end within 3 s and was stopped"):
        runner.run("xrtexpomap", infile="a")
    assert _has_ended(int((heasoft.folder / "child").read_text()))


def test_who_gives_up_stops_the_task(heasoft: FakeHEASoft, folder: Path) -> None:
    heasoft.behave("xrtexpomap", "hang")
    child = heasoft.folder / "child"

    def check() -> None:
        if child.exists():
            raise _StoppedError

    with pytest.raises(_StoppedError):
        Runner(find_heasoft(), folder, check=check).run("xrtexpomap", infile="a")
    assert _has_ended(int(child.read_text()))


def test_a_task_deaf_to_requests_is_killed(heasoft: FakeHEASoft, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.backends.local.heasoft.running._GRACE_S", 0.2)
    child = heasoft.folder / "child"
    deaf = heasoft.folder / "bin" / "xrtexpomap"
    deaf.write_text(f'#!/bin/sh\ntrap "" TERM\necho $$ > "{child}"\nwhile true; do sleep 0.1; done\n')
    with pytest.raises(HEASoftError, match="was stopped"):
        Runner(find_heasoft(), folder, time_limit_s=1.0).run("xrtexpomap")
    assert _has_ended(int(child.read_text()))


def test_what_outlives_its_task_is_killed(heasoft: FakeHEASoft, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.backends.local.heasoft.running._GRACE_S", 0.2)
    child = heasoft.folder / "child"
    deaf = f'trap "" TERM; echo $$ > "{child}"; while true; do sleep 0.1; done'
    (heasoft.folder / "bin" / "xrtexpomap").write_text(f"#!/bin/sh\nsh -c '{deaf}' &\nwait\n")

    def check() -> None:
        if child.exists() and child.read_text().strip():
            raise _StoppedError

    with pytest.raises(_StoppedError):
        Runner(find_heasoft(), folder, check=check).run("xrtexpomap")
    assert _has_ended(int(child.read_text()))


def test_a_task_that_is_no_program_is_an_error(heasoft: FakeHEASoft, folder: Path) -> None:
    (heasoft.folder / "bin" / "xrtexpomap").write_bytes(b"\x7fELF of another kind of computer")
    with pytest.raises(HEASoftError, match="xrtexpomap cannot be started: .*[Ff]ormat"):
        Runner(find_heasoft(), folder).run("xrtexpomap")


def test_truth_values_are_yes_and_no(heasoft: FakeHEASoft, folder: Path) -> None:
    runner = Runner(find_heasoft(), folder)
    with pytest.raises(HEASoftError):
        runner.run("ftgrouppha", infile=Path("/far/away/a.pha"), clobber=True, history=False, groupscale=1)
    assert heasoft.calls[-1]["parameters"] == {
        "infile": "/far/away/a.pha", "clobber": "yes", "history": "no", "groupscale": "1",
    }  # fmt: skip
    assert runner.commands == ["ftgrouppha infile=a.pha clobber=yes history=no groupscale=1"]


def test_interrupts_of_the_terminal_do_not_reach_tasks(heasoft: FakeHEASoft, folder: Path) -> None:
    seen = heasoft.folder / "group"
    program = heasoft.folder / "bin" / "ftgrouppha"
    program.write_text(f'#!/bin/sh\nps -o pgid= -p $$ > "{seen}"\n')
    Runner(find_heasoft(), folder).run("ftgrouppha")
    assert int(seen.read_text()) != os.getpgid(0)
    assert signal.getsignal(signal.SIGINT) is not None
