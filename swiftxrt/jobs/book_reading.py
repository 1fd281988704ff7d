"""Looking things up in the job book."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from pathlib import Path

from ..exceptions import JobBookError
from ..kinds import ProductKind
from ._book_file import BookFile
from ._book_rows import entries_where, number_of, place_of, states_of
from .entries import BookEntry, EntryState, ProductRecord
from .owner import ANYBODY

__all__ = ["BookReading"]


class BookReading(ABC):
    """The methods of `~swiftxrt.jobs.book.JobBook` that change nothing."""

    path: Path
    _file: BookFile

    @abstractmethod
    def mark_of(self, owner: str) -> str:
        """The mark that stands for an address."""

    def entry(self, number: int) -> BookEntry:
        """One entry.

        Raises
        ------
        JobBookError
            If there is none with that number.
        """
        with self._file.read() as connection:
            found = entries_where(connection, "entry = ?", (number,))
        if not found:
            raise JobBookError(f"there is no entry {number} in the job book {self.path}", self.path)
        return found[0]

    def find(
        self,
        *,
        backend: str | None = None,
        service: str | None = None,
        owner: str | None = None,
        job_id: str | None = None,
        digest: str | None = None,
        ticket: str | None = None,
        delivered: bool | None = None,
        state: EntryState | str | Iterable[EntryState | str] | None = None,
    ) -> list[BookEntry]:
        """Entries that agree with everything given, newest first.

        Parameters
        ----------
        backend, service, owner, job_id, digest, ticket : str, optional
            What they must have. Entries that came from another book without
            an owner (`import_json`) are those of every user.
        delivered : bool, optional
            Whether their jobs were handed to whoever asked for them.
        state : EntryState, str or iterable of them, optional
            Their states; all but forgotten ones by default.

        Returns
        -------
        entries : list of BookEntry
        """
        wanted = {
            "backend": backend,
            "service": None if service is None else place_of(service),
            "job_id": job_id,
            "digest": digest,
            "ticket": ticket,
            "delivered": delivered,
        }
        given = {column: value for column, value in wanted.items() if value is not None}
        several = {"state": states_of(state)}
        if owner is not None:
            mark = self.mark_of(owner)
            several["owner"] = [mark, ANYBODY] if mark else [mark]
        conditions = [f"{column} = ?" for column in given]
        conditions += [f"{column} IN ({', '.join('?' * len(values))})" for column, values in several.items()]
        with self._file.read() as connection:
            return entries_where(
                connection, " AND ".join(conditions), (*given.values(), *chain.from_iterable(several.values()))
            )

    def job_ids(self, backend: str, service: str) -> set[str]:
        """The jobs of a service that the book knows, also those it was told to forget; without rebinnings."""
        query = "SELECT job_id FROM entries WHERE backend = ? AND service = ? AND job_id <> '' AND rebin_of IS NULL"
        with self._file.read() as connection:
            return {job_id for (job_id,) in connection.execute(query, (backend, place_of(service)))}

    def products(self, entry: int | BookEntry) -> dict[ProductKind, ProductRecord]:
        """What became of the products of a job, as far as it was written down."""
        query = "SELECT kind, path, reason, updated FROM products WHERE entry = ? ORDER BY kind"
        with self._file.read() as connection:
            rows = connection.execute(query, (number_of(entry),)).fetchall()
        found = {}
        for word, path, reason, updated in rows:
            kind = ProductKind.of(word)
            found[kind] = ProductRecord(kind, Path(path) if path else None, reason, datetime.fromisoformat(updated))
        return found
