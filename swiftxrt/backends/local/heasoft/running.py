"""Running one task of HEASoft after the other, apart from everything else on the computer."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...._log import log
from ....exceptions import HEASoftError
from .installation import HEASoft

__all__ = ["Runner"]

Value = str | float | bool | Path

_LOOK_S = 0.1
_GRACE_S = 2.0
_LINES_SHOWN = 5


class Runner:
    """Runs tasks in a folder of their own.

    A task finds its parameter files in a private folder (``PFILES``), so that
    tasks side by side do not change each other's, gets all parameters on the
    command line, and can ask nothing: its standard input is closed. The
    working directory of this process stays what it is.

    Parameters
    ----------
    heasoft : HEASoft
        The installation.
    folder : Path
        Where the tasks work and write; it must exist.
    check : callable, optional
        Called again and again while a task runs; what it raises ends the task.
    time_limit_s : float, optional
        Longest time for one task.
    """

    def __init__(
        self,
        heasoft: HEASoft,
        folder: Path,
        *,
        check: Callable[[], None] = lambda: None,
        time_limit_s: float = 3600.0,
    ) -> None:
        self.heasoft, self.folder, self.check, self.time_limit_s = heasoft, folder, check, time_limit_s
        #: The commands run, without folders: for the provenance of products.
        self.commands: list[str] = []
        self._parameters = folder / "pfiles"
        self._parameters.mkdir()

    def run(self, task: str, **parameters: Value) -> str:
        """Run a task and wait for it.

        Parameters
        ----------
        task : str
            One of `swiftxrt.backends.local.heasoft.installation.TASKS`.
        **parameters
            Parameters of the task; truth values become ``yes`` and ``no``.

        Returns
        -------
        output : str
            What it printed.

        Raises
        ------
        HEASoftError
            If it cannot be started, fails, or takes too long; the message ends with the last
            lines that it printed.
        """
        arguments = [f"{name}={_text(value)}" for name, value in parameters.items()]
        self.commands.append(" ".join([task, *(_without_folder(one) for one in arguments)]))
        output = self.folder / f"{len(self.commands):02d}_{task}.log"
        log.info("running %s", self.commands[-1])
        code = self._wait(self._start(task, arguments, output), task)
        text = output.read_text("utf-8", "replace")
        if code != 0:
            raise HEASoftError(f"{task} failed with status {code}: {_last_lines(text)}")
        return text

    def made(self, name: str, task: str) -> Path:
        """A file that a task should have written; some end with status 0 and write nothing.

        Raises
        ------
        HEASoftError
            If it is not there.
        """
        path = self.folder / name
        if not path.is_file():
            printed = sorted(self.folder.glob(f"*_{task}.log"))
            told = _last_lines(printed[-1].read_text("utf-8", "replace")) if printed else "it printed nothing"
            raise HEASoftError(f"{task} wrote no {name}: {told}")
        return path

    def _start(self, task: str, arguments: list[str], output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as printed:
            try:
                return subprocess.Popen(
                    [self.heasoft.tasks[task], *arguments],
                    cwd=self.folder,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise HEASoftError(f"{task} cannot be started: {error}") from error

    def _environment(self) -> dict[str, str]:
        return {
            **self.heasoft.environment,
            "PFILES": f"{self._parameters};{self.heasoft.folder / 'syspfiles'}",
            "HEADASNOQUERY": "1",
            "HEADASPROMPT": "/dev/null",
        }

    def _wait(self, process: subprocess.Popen[bytes], task: str) -> int:
        deadline = time.monotonic() + self.time_limit_s
        try:
            while True:
                try:
                    return process.wait(timeout=_LOOK_S)
                except subprocess.TimeoutExpired:
                    self.check()
                if time.monotonic() > deadline:
                    raise HEASoftError(f"{task} did not end within {self.time_limit_s:g} s and was stopped")
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a task with everything it has started, also what outlives it."""
    if process.poll() is not None:
        return
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):  # nobody is left, which systems tell in either way
            os.killpg(process.pid, wanted)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE_S)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _without_folder(argument: str) -> str:
    name, _, value = argument.partition("=")
    return f"{name}={Path(value).name or value}" if os.sep in value else argument


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LINES_SHOWN:]) or "it printed nothing"
