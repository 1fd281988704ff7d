"""Showing the progress of a job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from astropy.utils.console import ProgressBar

from ..products.report import JobReport

__all__ = ["callback_display", "terminal_display"]

_STEPS = 100


@contextmanager
def callback_display(callback: Callable[[JobReport], None]) -> Iterator[Callable[[JobReport], None]]:
    """Hand every report to a function of the user's."""
    yield callback


@contextmanager
def terminal_display(title: str, *, enabled: bool) -> Iterator[Callable[[JobReport], None]]:
    """A progress bar on a terminal, and nothing in a pipe."""
    if not enabled or not sys.stderr.isatty():
        yield lambda report: None
        return
    with ProgressBar(_STEPS, file=sys.stderr) as bar:
        yield lambda report: bar.update(round(report.fraction * _STEPS))
