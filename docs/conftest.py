"""Examples of the documentation run in a folder of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError

from swiftxrt.exceptions import SwiftXRTWarning
from swiftxrt.testing import heasarc, server


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _one_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for the name servers, which need a network."""

    def found(name: str) -> SkyCoord:
        if name != "Crab":
            raise NameResolveError(f"the examples know no {name!r}")
        return SkyCoord(83.6332, 22.0145, unit="deg")

    monkeypatch.setattr(SkyCoord, "from_name", found)


@pytest.fixture(autouse=True)
def _cautions_are_shown_elsewhere() -> Iterator[None]:
    """Let examples go on after a warning about the data, as a session would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SwiftXRTWarning)
        yield


@pytest.fixture(autouse=True)
def _no_server_outlives_its_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the servers of a page whose examples ended with an error: their threads would go on for ever."""
    managers = []

    def remember(original: Callable[..., Any]) -> Callable[..., Any]:
        def remembered(*args: Any, **options: Any) -> Any:
            managers.append(original(*args, **options))
            return managers[-1]

        return remembered

    monkeypatch.setattr(server, "embedded_server", remember(server.embedded_server))
    monkeypatch.setattr(heasarc, "heasarc_server", remember(heasarc.heasarc_server))
    yield
    for manager in reversed(managers):
        manager.gen.close()
