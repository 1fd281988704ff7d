"""Folders that cannot be written to, for everything that is saved as several files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swiftxrt import Observation
from swiftxrt.exceptions import OutputExistsError, StorageError
from swiftxrt.io import _folders
from swiftxrt.testing import small_observation


def test_simulated_observations(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written .*; name another place"):
        small_observation(tmp_path / "file" / "x")
    assert isinstance(small_observation(tmp_path / "new"), Observation)


@pytest.mark.parametrize("looked_at", ["is_dir", "exists"])
def test_folder_that_must_not_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_at: str) -> None:
    def refuse(self: Any) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, looked_at, refuse)
    with pytest.raises(StorageError, match="x: cannot be written .*permissions"):
        _folders.folder_to_write(tmp_path / "x", "a set", "...")


def test_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputExistsError, match="is a file"):
        _folders.folder_to_write(tmp_path / "file", "a set", "...")
