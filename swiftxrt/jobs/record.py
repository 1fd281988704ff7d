"""What a job writes into the job book about itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._log import log
from ..exceptions import JobBookError
from ..kinds import ProductKind
from ..products.report import JobReport
from .book import JobBook
from .entries import plain_status
from .protocol import JobHandle, ProductBackend

__all__ = ["JobRecord", "if_possible"]


def if_possible(write: Callable[..., Any], *arguments: Any) -> bool:
    """Write into the book, where failing must not cost more than the record.

    Returns
    -------
    written : bool
        False if the book could not be written; the log says why.
    """
    try:
        write(*arguments)
    except JobBookError as error:
        log.warning("not written into the job book: %s", error)
        return False
    return True


class JobRecord:
    """The entry of one job in the job book.

    A copy in another process, as pickling makes it, writes nothing.

    Parameters
    ----------
    book : JobBook or None
        The book; without one nothing is written.
    entry : int
        Number of the entry.
    """

    def __init__(self, book: JobBook | None, entry: int) -> None:
        self.book = book
        self.entry = entry
        self._status: dict[str, list[str]] = {}

    @classmethod
    def of(cls, book: JobBook, backend: ProductBackend, handle: JobHandle) -> JobRecord:
        """Write a job down that is known to exist, and give its record."""
        return cls._if_possible(book, book.record, backend.service, handle, backend.sender)

    @classmethod
    def _if_possible(cls, book: JobBook, record: Callable[..., int], *arguments: Any) -> JobRecord:
        try:
            return cls(book, record(*arguments))
        except JobBookError as error:
            log.warning("not written into the job book: %s", error)
            return cls(None, 0)

    def report(self, report: JobReport) -> None:
        """Write down the state of the job, if it has changed."""
        status = plain_status(report)
        if self.book is not None and status != self._status and if_possible(self.book.report, self.entry, report):
            self._status = status

    def product(self, kind: ProductKind, path: Path | None, reason: str = "") -> None:
        """Write down where a product was saved, or why there is none."""
        if self.book is not None:
            if_possible(self.book.product, self.entry, kind, path, reason)

    def of_rebinning(self, handle: JobHandle) -> JobRecord:
        """Write down a rebinning of the job, and give its record."""
        if self.book is None:
            return JobRecord(None, 0)
        return self._if_possible(self.book, self.book.record_rebinning, self.entry, handle)

    def forget(self) -> None:
        """Remove the entry.

        Raises
        ------
        JobBookError
            If the book cannot be written.
        """
        if self.book is not None:
            self.book.forget(self.entry)
            self.book = None

    def __reduce__(self) -> tuple[Any, ...]:
        return JobRecord, (None, self.entry)
