"""What holds for every test and every example in the documentation."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

os.environ["MPLBACKEND"] = "Agg"  # before anything imports pyplot, as specutils does


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep configuration, cache and job book of the user out of the tests, and the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, str(home))
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.delenv(name, raising=False)
        for name in ("CALDB", "SWIFTXRT_ARCHIVE", "SWIFTXRT_USER"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def _data_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("data")
    return (base / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_data_folder(_data_folders: Iterator[Path]) -> Iterator[None]:
    """Give every test a job book of its own; the folder is made when it is used."""
    from swiftxrt.config import conf

    with conf.set_temp("data_dir", str(next(_data_folders))):
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
