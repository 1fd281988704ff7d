"""Examples of the documentation run in a folder of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftxrt.exceptions import SwiftXRTWarning


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _cautions_are_shown_elsewhere() -> Iterator[None]:
    """Let examples go on after a warning about the data, as a session would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SwiftXRTWarning)
        yield
