"""The HEASoft of this computer: where it is, and the surroundings that its tasks need."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ....exceptions import HEASoftError

__all__ = ["TASKS", "HEASoft", "find_heasoft"]

#: The tasks that are run.
TASKS = ("xrtexpomap", "xrtproducts", "xrtpipeline", "ftgrouppha")

_HOW = (
    "initialise HEASoft and its calibration in the shell that starts Python (. $HEADAS/headas-init.sh; "
    ". $CALDB/software/tools/caldbinit.sh), or leave out engine='heasoft'"
)
# What the scripts of HEASoft and CALDB set for the shell that reads them.
_INITIALISE = """
if [ -f "$HEADAS/headas-init.sh" ]; then . "$HEADAS/headas-init.sh"; fi
if [ -z "$CALDBCONFIG" ] && [ -f "$CALDB/software/tools/caldbinit.sh" ]; then
    . "$CALDB/software/tools/caldbinit.sh"
fi
printf 'swiftxrt\\0'
env -0
"""
_PATIENCE_S = 60


@dataclass(frozen=True)
class HEASoft:
    """An installation.

    Parameters
    ----------
    folder : Path
        ``HEADAS``.
    environment : mapping of str to str
        Variables for its tasks.
    tasks : mapping of str to str
        Path of each task.
    version : str
        What ``fversion`` tells; ``"unknown"`` without it.
    """

    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    tasks: Mapping[str, str] = field(repr=False)
    version: str = "unknown"


def find_heasoft(environment: Mapping[str, str] | None = None) -> HEASoft:
    """Find the HEASoft that the environment names.

    Parameters
    ----------
    environment : mapping, optional
        By default that of this process.

    Returns
    -------
    heasoft : HEASoft

    Raises
    ------
    HEASoftError
        If there is none, it has no calibration, or tasks are missing; the
        message says what to do.
    """
    given = dict(os.environ if environment is None else environment)
    folder = given.get("HEADAS", "")
    if not folder:
        raise HEASoftError(f"HEASoft is not set up: the environment variable HEADAS is not set; {_HOW}")
    if not Path(folder).is_dir():
        raise HEASoftError(f"HEASoft is not there: HEADAS is {folder!r}, which is no folder; {_HOW}")
    if not given.get("CALDB"):
        raise HEASoftError(f"HEASoft has no calibration: the environment variable CALDB is not set; {_HOW}")
    complete = _initialised(given)
    path = os.pathsep.join([str(Path(folder) / "bin"), complete.get("PATH", "")])
    found = {task: shutil.which(task, path=path) for task in TASKS}
    missing = [task for task, place in found.items() if place is None]
    if missing:
        raise HEASoftError(
            f"HEASoft in {folder} lacks {', '.join(missing)}; install its Swift tasks and ftools; {_HOW}"
        )
    tasks = {task: place for task, place in found.items() if place is not None}
    return HEASoft(Path(folder), complete, tasks, _version(path, complete))


def _initialised(given: dict[str, str]) -> dict[str, str]:
    """The variables after the scripts of HEASoft and CALDB; they do no harm twice."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", _INITIALISE],
            env=given, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise HEASoftError(f"HEASoft cannot be initialised: {error}; {_HOW}") from error
    # Whatever the scripts themselves print stands before the mark.
    lines = done.stdout.partition(b"swiftxrt\0")[2].split(b"\0")
    pairs = (os.fsdecode(line).partition("=") for line in lines if b"=" in line)
    return {name: value for name, _, value in pairs}


def _version(path: str, environment: Mapping[str, str]) -> str:
    tool = shutil.which("fversion", path=path)
    if tool is None:
        return "unknown"
    try:
        done = subprocess.run(
            [tool],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.decode("utf-8", "replace").strip() or "unknown"
