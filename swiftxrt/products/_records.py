"""The files of the spacecraft's record that belong to an observation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["attitude_file", "housekeeping_file"]

# Where the archive keeps them, from the folder xrt/event.
_ATTITUDE_FOLDERS = (".", "../../auxil", "../auxil", "auxil")
_HOUSEKEEPING_FOLDERS = (".", "../hk", "hk", "xrt/hk")


def attitude_file(obsid: str, folders: Sequence[Path]) -> Path | None:
    """The attitude file, corrected for jumps (``pat``) or as it came down (``sat``); None if there is none."""
    names = [f"sw{obsid}{kind}.fits" for kind in ("pat", "sat")]
    return _first(folders, _ATTITUDE_FOLDERS, names)


def housekeeping_file(obsid: str, folders: Sequence[Path]) -> Path | None:
    """The file with the frame headers; None if there is none."""
    return _first(folders, _HOUSEKEEPING_FOLDERS, [f"sw{obsid}xhd.hk"])


def _first(folders: Sequence[Path], beside: Iterable[str], names: Iterable[str]) -> Path | None:
    """The first file there is, better names before nearer folders."""
    places = [folder / step for folder in folders for step in beside]
    found = (place / f"{name}{packed}" for name in names for place in places for packed in ("", ".gz"))
    return next((path.resolve() for path in found if path.is_file()), None)
