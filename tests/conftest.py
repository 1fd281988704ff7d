"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy with other things makes no test fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def validation_data() -> Path:
    """Folder with real XRT data; tests that need it skip where there is none."""
    folder = os.environ.get("SWIFTXRT_VALIDATION_DATA")
    if not folder:
        pytest.skip("SWIFTXRT_VALIDATION_DATA is not set: real XRT files are not part of the package")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SWIFTXRT_VALIDATION_DATA is not a folder: {path}")
    return path


@pytest.fixture(scope="session")
def burst_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive with the simulated burst of the demo."""
    from swiftxrt.testing.synthetic import simulate

    folder = tmp_path_factory.mktemp("burst")
    simulate(folder)
    return folder


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive with one short observation of a constant source, in photon counting mode only."""
    from swiftxrt.testing.synthetic import small_observation

    folder = tmp_path_factory.mktemp("small")
    small_observation(folder)
    return folder


@pytest.fixture(scope="session")
def surveyed_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive with two observations of a field of known sources; see `tests.surveyed`."""
    from tests.surveyed import observe

    folder = tmp_path_factory.mktemp("surveyed")
    observe(folder)
    return folder


@pytest.fixture(scope="session")
def surveyed_catalogue(surveyed_archive: Path) -> Any:
    """The catalogue of that archive as the engine makes it."""
    from swiftxrt.backends.local.archive import Archive
    from swiftxrt.backends.local.catalog.build import pc_events
    from swiftxrt.engine.catalogue import make_catalogue

    return make_catalogue(pc_events(Archive(surveyed_archive).observations))


@pytest.fixture(scope="session")
def surveyed_state(surveyed_archive: Path, surveyed_catalogue: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State folder of a local backend, or an embedded server, that has the catalogue of that archive already."""
    from swiftxrt.backends.local.archive import Archive
    from swiftxrt.backends.local.catalog import build
    from swiftxrt.engine.calibration import EMBEDDED

    state = tmp_path_factory.mktemp("surveyed-state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "make_catalogue", lambda lists, **options: surveyed_catalogue)
        build.open_catalog(Archive(surveyed_archive), state / "catalog", EMBEDDED).close()
    return state
