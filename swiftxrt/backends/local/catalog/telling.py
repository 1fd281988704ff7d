"""Telling how far the making of a catalogue is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

from ...._log import log
from ....jobs.progress import display

__all__ = ["BuildReport", "build_progress"]


@dataclass(frozen=True)
class BuildReport:
    """How far it is.

    Parameters
    ----------
    note : str
        What is done now.
    fraction : float
        Share of the work that is done.
    """

    note: str
    fraction: float

    def __str__(self) -> str:
        return f"{self.fraction:4.0%} catalogue: {self.note}"

    def _repr_html_(self) -> str:
        return f'<div><progress max="1" value="{self.fraction:.3f}"></progress> {escape(str(self))}</div>'


@contextmanager
def build_progress(title: str) -> Iterator[Callable[[str, float], None]]:
    """Shows notes and fractions as the progress of jobs is shown, and writes them to the log."""
    with display("catalogue", progress=True, in_words=True) as show:

        def tell(note: str, fraction: float) -> None:
            log.info("catalogue: %s", note)
            show(BuildReport(note, fraction))

        tell(title, 0.0)
        yield tell
        show(BuildReport("done", 1.0))
