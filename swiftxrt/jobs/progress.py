"""Showing the progress of a job, or of many."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

from astropy.utils.console import ProgressBar

from ..products.report import JobReport

__all__ = [
    *("ProgressCallback", "Report", "callback_display", "display", "line_display", "notebook_display"),
    "terminal_display",
]

#: Called with each new report while a job is waited for.
ProgressCallback = Callable[[JobReport], None]

_STEPS = 100
_BAR = 20


class Report(Protocol):
    """What can be shown: ``_repr_html_`` is for notebooks."""

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1."""
        ...


_Shown = TypeVar("_Shown", bound=Report)


def display(
    title: str, progress: Callable[[_Shown], None] | bool, *, in_words: bool = False
) -> AbstractContextManager[Callable[[_Shown], None]]:
    """What shows the reports on a job, or on many (`in_words`), as the user wants it."""
    if callable(progress):
        return callback_display(progress)
    if progress and (shell := _notebook()) is not None:
        return notebook_display(shell)
    terminal = line_display if in_words else terminal_display
    return terminal(title, enabled=bool(progress))


@contextmanager
def callback_display(callback: Callable[[_Shown], None]) -> Iterator[Callable[[_Shown], None]]:
    """Hand every report to a function of the user's."""
    yield callback


@contextmanager
def terminal_display(title: str, *, enabled: bool) -> Iterator[Callable[[Report], None]]:
    """A progress bar on a terminal, and nothing in a pipe."""
    if not enabled or not sys.stderr.isatty():
        yield lambda report: None
        return
    with ProgressBar(_STEPS, file=sys.stderr) as bar:
        yield lambda report: bar.update(round(report.fraction * _STEPS))


@contextmanager
def line_display(title: str, *, enabled: bool) -> Iterator[Callable[[Report], None]]:
    """A line on a terminal with a bar and the report in words, and nothing in a pipe."""
    if not enabled or not sys.stderr.isatty():
        yield lambda report: None
        return

    def show(report: Report) -> None:
        text = f"|{'=' * round(report.fraction * _BAR):<{_BAR}}| {report}"
        width = shutil.get_terminal_size().columns - 1  # a full line would make a new one each time
        sys.stderr.write(f"\r{text:<{width}.{width}}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\n")


@contextmanager
def notebook_display(show: Callable[..., Any]) -> Iterator[Callable[[Report], None]]:
    """The report itself, under the cell and always up to date."""
    places: list[Any] = []

    def update(report: Report) -> None:
        if places:
            places[0].update(report)
        else:
            places.append(show(report, display_id=True))

    yield update


def _notebook() -> Callable[..., Any] | None:
    """The function that shows things in a notebook; `None` if this is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display as show

    return show
