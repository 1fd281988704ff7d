"""What the tutorials are built with: their order, and a clean start for each."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import ExitStack
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

_LONG_WARNING = warnings.formatwarning
# What is to be undone after a tutorial, the last one first.
_undo = ExitStack()


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
    _undo.close()
    if when == "after":
        return
    _undo.callback(_restore, dict(os.environ), {name: getattr(conf, name) for name in conf}, tempfile.tempdir)
    folder = _undo.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    tempfile.tempdir = folder
    conf.cache_dir, conf.data_dir = f"{folder}/cache", f"{folder}/data"
    warnings.formatwarning = _short_warning


def _restore(environment: dict[str, str], settings: dict[str, Any], folder: str | None) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    for name, value in settings.items():
        setattr(conf, name, value)
    tempfile.tempdir = folder
    warnings.formatwarning = _LONG_WARNING


def _short_warning(message: Any, category: type[Warning], *place: Any) -> str:
    """A warning as a reader should see it, without the place in the files of whoever builds the pages."""
    return f"{category.__name__}: {message}\n"
