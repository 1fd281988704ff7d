"""The text format QDP: numbers, READ lines, comments and rows of NO.

QDP is a format for plots: rows of numbers, ``READ TERR`` and ``READ SERR``
lines saying which columns have two-sided or symmetric errors, comments after
``!``, and rows of ``NO`` between tables. Names of columns stand in a comment
too, for which the READ lines are not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._paths import as_path
from ..exceptions import FormatError

__all__ = ["QdpSection", "read_comments", "read_qdp"]

_READ = re.compile(r"READ\s+([TS])ERR((?:\s+\d+)*)\s*$", re.IGNORECASE)
_LABELS = re.compile(r"!?\s*(?:::Snapshot=(\d+))?::ObsID=(\d+)\s*$")
_TIME_NAMES = ("time", "mjd", "tdb")
# Letters may begin commands to the plotting program; a web page begins with "<".
_COMMAND = re.compile(r"[A-Za-z@]")


@dataclass(frozen=True, eq=False)
class QdpSection:
    """One table of a QDP file.

    Parameters
    ----------
    name : str
        What the comment above the table calls it, such as ``"PC data"``, or ``""``.
    columns : tuple of str
        Names from the comment that lists them; without one ``col1``,
        ``col1_perr``, ``col1_nerr``, ``col1_err`` … after the READ lines.
    rows : ndarray, shape (n_row, n_column)
        The numbers, NaN for ``NO``.
    obsids : tuple of str
        ObsID at the end of each row; empty if there is none.
    snapshots : tuple of int
        Snapshot before each of these, or 0; empty like `obsids`.
    named : bool
        Whether the file names its columns.
    """

    name: str
    columns: tuple[str, ...]
    rows: NDArray[np.float64]
    obsids: tuple[str, ...]
    snapshots: tuple[int, ...]
    named: bool

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """Values of a column."""
        return self.rows[:, self.columns.index(column)]


@dataclass
class _Parser:
    """Collects lines into sections."""

    path: Path
    pending: list[str] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    sections: list[QdpSection] = field(default_factory=list)

    def feed(self, number: int, line: str) -> None:
        if not line:
            return
        if line[0] in "!#":
            self._comment(line.lstrip("!# \t"))
        elif line[0].isdigit() or line[0] in "+-.":
            self.lines.append((number, line))
        elif match := _READ.match(line):
            self.errors |= {int(column): match.group(1).upper() for column in match.group(2).split()}
        elif set(line.split()) == {"NO"}:
            self.close()
        elif line.split()[0].lower() in ("no", "nan", "inf"):
            self.lines.append((number, line))
        elif not _COMMAND.match(line):
            raise FormatError(f"line {number} is no QDP: {line[:60]!r}", self.path)

    def _comment(self, text: str) -> None:
        if self.lines:  # A new table may follow without a row of NO.
            self.close()
        self.pending.append(text)

    def close(self) -> None:
        """End a table."""
        for text in self.pending:
            names = _column_names(text)
            self.header = names or self.header
        titles = [text for text in self.pending if text and not _column_names(text) and not _READ.match(text)]
        self.pending = []
        if not self.lines:
            return
        rows, obsids, snapshots = self._numbers()
        named = len(self.header) in (rows.shape[1], rows.shape[1] + 1)  # A column ObsID is not among the numbers.
        columns = self.header[: rows.shape[1]] if named else _default_columns(rows.shape[1], self.errors)
        name = titles[-1] if titles else ""
        self.sections.append(QdpSection(name, tuple(columns), rows, obsids, snapshots, named))
        self.lines = []

    def _numbers(self) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
        obsids: list[str] = []
        snapshots: list[int] = []
        cells = []
        for _, line in self.lines:
            match = _LABELS.search(line) if "::" in line else None
            obsids.append(match.group(2).zfill(11) if match else "")
            snapshots.append(int(match.group(1) or 0) if match else 0)
            cells.append((line[: match.start()] if match else line).replace("NO", "nan"))
        try:
            rows = np.loadtxt(cells, ndmin=2, comments="!")
        except ValueError as error:
            first, last = self.lines[0][0], self.lines[-1][0]
            raise FormatError(f"lines {first} to {last} should be a table of numbers: {error}", self.path) from error
        return (rows, tuple(obsids), tuple(snapshots)) if any(obsids) else (rows, (), ())


def _column_names(text: str) -> list[str]:
    """Names of columns, if a comment lists them."""
    names = [name.strip() for name in text.split("\t") if name.strip()] if "\t" in text else text.split()
    is_list = len(names) > 2 and (names[0].lower() in _TIME_NAMES or names[0] == "col1")
    return names if is_list else []


def _default_columns(n_columns: int, errors: Mapping[int, str]) -> list[str]:
    """Names after the READ lines: a column with two-sided errors takes three."""
    names: list[str] = []
    number = 0
    while len(names) < n_columns:
        number += 1
        endings = {"T": ("", "_perr", "_nerr"), "S": ("", "_err")}.get(errors.get(number, ""), ("",))
        names += [f"col{number}{ending}" for ending in endings]
    return names[:n_columns]


def read_qdp(path: str | PathLike[str]) -> list[QdpSection]:
    """Read the tables of a QDP file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    sections : list of QdpSection
        In the order of the file.

    Raises
    ------
    FormatError
        If there is no such file, or it is not text, holds something else, or no table at all.
    """
    path = as_path(path, "path")
    parser = _Parser(path)
    for number, line in enumerate(_lines(path), start=1):
        parser.feed(number, line)
    parser.close()
    if not parser.sections:
        raise FormatError("has no rows of numbers, so it is no QDP light curve", path)
    return parser.sections


def read_comments(path: Path) -> list[str]:
    """The comments above the first row of numbers."""
    comments = []
    for line in _lines(path):
        if line[:1] in ("!", "#"):
            comments.append(line.lstrip("!# \t"))
        elif line[:1].isdigit():
            break
    return comments


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from (line.strip() for line in file)
    except UnicodeDecodeError as error:
        raise FormatError("is not a text file, so no QDP", path) from error
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", path) from error
