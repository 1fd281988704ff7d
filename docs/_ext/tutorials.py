"""What the tutorials are built with: their order, and a clean start for each."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from swiftxrt import conf

__all__ = ["ReadingOrder", "clean_start"]

_ORDER = (
    "t_pyx.py",
    "grb_in_five_minutes.py",
    "many_jobs.py",
    "tour_of_lsxps.py",
    "moving_from_swifttools.py",
)

_original_format = warnings.formatwarning
_original_environment: dict[str, str] = {}
_folders: list[tempfile.TemporaryDirectory[str]] = []


class ReadingOrder:
    """Key by which the tutorials are sorted."""

    def __init__(self, src_dir: str | Path) -> None:
        del src_dir  # the same for every folder

    def __repr__(self) -> str:
        return type(self).__name__

    def __call__(self, filename: str | Path) -> int:
        """Place of a tutorial in the list."""
        return _ORDER.index(Path(filename).name)


def clean_start(gallery_conf: dict[str, Any], fname: str, when: str) -> None:
    """Keep settings, environment and files of a tutorial from the next one and from the rest of the pages."""
    del gallery_conf, fname
    if when == "before":
        _original_environment.update(os.environ)
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        _folders.append(folder)
        tempfile.tempdir = folder.name
        conf.cache_dir, conf.data_dir = f"{folder.name}/cache", f"{folder.name}/data"
        warnings.formatwarning = _short_warning
        return
    warnings.formatwarning = _original_format
    conf.reset()
    tempfile.tempdir = None
    for name in set(os.environ) - set(_original_environment):
        del os.environ[name]
    os.environ.update(_original_environment)
    while _folders:
        _folders.pop().cleanup()


def _short_warning(message: Any, category: type[Warning], *place: Any) -> str:
    """A warning as a reader should see it, without the place in the files of whoever builds the pages."""
    return f"{category.__name__}: {message}\n"
