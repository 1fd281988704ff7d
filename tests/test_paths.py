"""Paths as users give them, and numbers in the configuration."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from swiftxrt._atomic import atomic_path, output_errors, usable_folder
from swiftxrt._paths import as_path
from swiftxrt.config import conf
from swiftxrt.exceptions import OutputExistsError, RequestError, StorageError


@pytest.mark.parametrize("value", ["a/b", Path("a/b"), b"a/b"])
def test_paths_in_every_form(value: Any) -> None:
    assert as_path(value, "folder") == Path("a", "b")


def test_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert as_path("~/x", "folder") == tmp_path / "x"
    assert as_path(Path("~"), "folder") == tmp_path
    with atomic_path("~/x.txt") as temporary:
        temporary.write_text("here")
    assert (tmp_path / "x.txt").read_text() == "here"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "a path is needed, such as 'results'.*got None"),
        (3, "got 3"),
        (["a"], r"got \['a'\]"),
        ("", "got ''"),
        ("a\0b", "NUL character"),
        ("x/" + "ä" * 128, "a name of 256 bytes"),
        ("\ud800", "no file name can hold"),
        ("~nobody-has-this-name/x", "no home folder"),
    ],
)
def test_what_is_no_path(value: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        as_path(value, "folder")
    assert caught.value.problems[0][0] == "folder"
    with pytest.raises(RequestError), atomic_path(value):
        pass


def test_usable_folder(tmp_path: Path) -> None:
    assert usable_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputExistsError, match="is a file; name a folder"):
        usable_folder(tmp_path / "file")
    with pytest.raises(StorageError, match="file/x: cannot be written .*; name another place"):
        usable_folder(tmp_path / "file" / "x")


def test_folder_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(StorageError, match="Read-only file system.*may be written to"):
        usable_folder(tmp_path)


def test_errors_name_what_the_user_gave() -> None:
    with pytest.raises(StorageError, match="^mine: is full$") as caught, output_errors("mine"):
        raise StorageError("is full", ".part-1234")
    assert caught.value.path == "mine"
    first = StorageError("is full", "mine")
    with pytest.raises(StorageError) as caught, output_errors("mine"):
        raise first
    assert caught.value is first


@pytest.mark.parametrize("name", ["max_active_jobs", "max_connections", "download_workers", "retries", "read_timeout"])
def test_impossible_numbers_in_the_configuration(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} not valid: .*too small"), conf.set_temp(name, -3):
        pass
