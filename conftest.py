"""What holds for every test and every example in the documentation."""

from __future__ import annotations

import csv
import gc
import importlib.util
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

os.environ["MPLBACKEND"] = "Agg"  # before anything imports pyplot, as specutils does


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep configuration, cache, keyring and job book of the user out of the tests, and the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, str(home))
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.delenv(name, raising=False)
        for name in ("CALDB", "SWIFTXRT_ARCHIVE", "SWIFTXRT_USER"):
            patch.delenv(name, raising=False)
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield


@pytest.fixture(scope="session")
def _data_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("data")
    return (base / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_data_folder(_data_folders: Iterator[Path]) -> Iterator[Path]:
    """Give every test a job book and a cache of its own: embedded servers give their jobs the same numbers."""
    from swiftxrt.config import conf

    folder = next(_data_folders)
    with conf.set_temp("data_dir", str(folder / "data")), conf.set_temp("cache_dir", str(folder / "cache")):
        yield folder


@pytest.fixture(scope="session")
def _watch() -> Iterator[Any]:
    """What looks for e-mail addresses in everything the tests make."""
    path = Path(__file__).parent / "tests" / "secrecy.py"
    spec = importlib.util.spec_from_file_location("secrecy", path)
    assert spec is not None
    assert spec.loader is not None
    secrecy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(secrecy)
    watch = secrecy.Watch()
    with pytest.MonkeyPatch.context() as patch:
        secrecy.install(patch, watch)
        yield watch


@pytest.fixture(autouse=True)
def _no_address_gets_out(_watch: Any, _own_data_folder: Path) -> Iterator[None]:
    """Fail when the registered address of a user is somewhere that people keep or pass on."""
    yield
    _watch.files.add(_own_data_folder)
    if found := _watch.finish():
        pytest.fail("an e-mail address got out:\n" + "\n".join(found))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do not wait for long before something is tried again, or looked for."""
    from swiftxrt.config import conf
    from swiftxrt.jobs import reconciling

    monkeypatch.setattr(reconciling, "_LEAST_SETTLING_S", 0.0)
    with conf.set_temp("retry_wait", 1e-3):
        yield


@pytest.fixture(autouse=True)
def _no_open_figures() -> Iterator[None]:
    """Fail when a test leaves a figure open."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        pyplot.close("all")
        pytest.fail("the test left figures open")


@pytest.fixture(scope="module", autouse=True)
def _no_running_threads() -> Iterator[None]:
    """Fail when the tests of a module leave a thread running.

    Not after each test: a server shared by a module keeps its workers. Sockets
    and files left open are found by pytest itself, which turns their
    ResourceWarning into an error.
    """
    threads = set(threading.enumerate())
    yield
    # A backend that a fixture keeps open may start its workers at any time.
    left = [one for one in threading.enumerate() if one not in threads and not one.name.startswith("swiftxrt-worker")]
    if left:
        gc.collect()  # ends the workers of pools that nobody uses any more
    deadline = time.monotonic() + 5
    for thread in left:
        thread.join(timeout=max(0.0, deadline - time.monotonic()))
    alive = [thread.name for thread in left if thread.is_alive()]
    if alive:
        pytest.fail(f"the tests of this module left threads running: {', '.join(alive)}")


# The faults that are numbered in tests/reliability/cases.csv: which tests show what becomes of each.

FAULT_CASES = Path(__file__).parent / "tests" / "reliability" / "cases.csv"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that asks for the table of faults."""
    parser.addoption("--fault-table", type=Path, metavar="FILE", help="write a table of the faults tested in this run")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "fault_case(*numbers): the test shows the outcome of these numbered faults")


@pytest.fixture(autouse=True)
def _fault_case(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Note in the report of a test which faults it is about."""
    for marker in request.node.iter_markers("fault_case"):
        for number in marker.args:
            record_property("fault_case", number)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table of faults; fail if one of them has no test, or one that fails."""
    path = session.config.getoption("--fault-table")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if path is None or reporter is None:  # no reporter: one of several processes that run the tests
        return
    passed, failed = (_count_cases(reporter, *outcomes) for outcomes in (["passed"], ["failed", "error"]))
    with FAULT_CASES.open(newline="") as file:
        cases = list(csv.DictReader(file))
    unknown = (set(passed) | set(failed)) - {int(case["number"]) for case in cases}
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["No.", "Where", "What happens", "What you get", "Tests"])
        for case in cases:
            number = int(case["number"])
            tests = f"{failed[number]} failed" if failed[number] else str(passed[number] or "none")
            table.writerow([number, case["group"], case["fault"], case["outcome"], tests])
    without = [case["number"] for case in cases if not passed[int(case["number"])] or failed[int(case["number"])]]
    if without or unknown:
        reporter.write_line(f"faults without a test that passes: {', '.join(without)}; unknown: {sorted(unknown)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _count_cases(reporter: pytest.TerminalReporter, *outcomes: str) -> Counter[int]:
    """How many tests of each fault had one of these outcomes."""
    reports = [report for outcome in outcomes for report in reporter.stats.get(outcome, [])]
    return Counter(value for one in reports for name, value in one.user_properties if name == "fault_case")
