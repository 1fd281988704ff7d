"""Showing the progress of a job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from astropy.utils.console import ProgressBar

from ..products.report import JobReport

__all__ = ["ProgressCallback", "callback_display", "display", "terminal_display"]

#: Called with each new report while a job is waited for.
ProgressCallback = Callable[[JobReport], None]

_STEPS = 100


def display(title: str, progress: ProgressCallback | bool) -> AbstractContextManager[ProgressCallback]:
    """What shows the reports on a job, as the user wants it."""
    return callback_display(progress) if callable(progress) else terminal_display(title, enabled=bool(progress))


@contextmanager
def callback_display(callback: ProgressCallback) -> Iterator[ProgressCallback]:
    """Hand every report to a function of the user's."""
    yield callback


@contextmanager
def terminal_display(title: str, *, enabled: bool) -> Iterator[ProgressCallback]:
    """A progress bar on a terminal, and nothing in a pipe."""
    if not enabled or not sys.stderr.isatty():
        yield lambda report: None
        return
    with ProgressBar(_STEPS, file=sys.stderr) as bar:
        yield lambda report: bar.update(round(report.fraction * _STEPS))
