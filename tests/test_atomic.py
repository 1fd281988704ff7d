"""Old or new, never half."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt._atomic import atomic_path
from swiftxrt.exceptions import OutputExistsError, RequestError


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def test_new_file(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_string_and_a_relative_path_are_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_path("b.txt") as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == ["b.txt"]


def test_an_existing_file_is_kept_unless_told(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OutputExistsError, match="overwrite=True"), atomic_path(path):
        raise AssertionError("the block must not run")
    assert path.read_text() == "old"
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(path, overwrite=True) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_made_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OutputExistsError), atomic_path(path) as temporary:
        temporary.write_text("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]


def test_folders(tmp_path):
    with pytest.raises(OutputExistsError, match="is a folder"), atomic_path(tmp_path, overwrite=True):
        pass
    with pytest.raises(RequestError, match="make it first"), atomic_path(tmp_path / "no" / "a.txt"):
        pass


def test_the_ending_is_kept_so_that_astropy_compresses(tmp_path):
    path = tmp_path / "a.fits.gz"
    with atomic_path(path) as temporary:
        fits.PrimaryHDU(np.zeros(3)).writeto(temporary)
    with gzip.open(path) as stream:
        assert stream.read(6) == b"SIMPLE"
