"""The part of a file that has come so far, and what must hold for the rest to be put behind it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from ..._atomic import name_beside
from ..._log import log

__all__ = ["Mark", "Partial", "range_of"]

_LONGEST_MARK = 20_000
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True)
class Mark:
    """By what a file is known again.

    Attributes
    ----------
    url : str
        Where it comes from.
    validator : str
        Its strong entity tag, or the time of its last change; empty if there is none.
    total : int or None
        Its size in bytes.
    """

    url: str
    validator: str = ""
    total: int | None = None

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], total: int | None) -> Mark:
        """What the headers of a reply say."""
        tag, changed = headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip()
        if len(tag) < 3 or not tag.startswith('"') or not tag.endswith('"'):  # also weak ones, W/"…"
            tag = ""
        return cls(url, tag or (changed if _is_settled(changed, headers.get("Date", "")) else ""), total)


def _is_settled(changed: str, sent: str) -> bool:
    """Whether a file cannot have changed again within the second of its last change."""
    try:
        return parsedate_to_datetime(changed) < parsedate_to_datetime(sent)
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


class Partial:
    """The beginning of a file, beside the place where the file goes.

    Parameters
    ----------
    target : Path
        Where the file goes.
    """

    def __init__(self, target: Path) -> None:
        self.path = name_beside(target, ".", ".part")
        self.lock = name_beside(target, ".", ".lock")
        self._mark_path = name_beside(target, ".", ".part.json")
        self.mark: Mark | None = None

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def take_up(self, url: str) -> None:
        """Use what an earlier attempt left, if it is of the same file; remove it otherwise."""
        mark = self._read_mark()
        usable = mark is not None and mark.url == url and mark.validator and not self.path.is_symlink()
        if mark is not None and usable and 0 < self.size <= (mark.total or self.size):
            self.mark = mark
        else:
            self.discard()

    def begin(self, mark: Mark) -> None:
        """Begin anew."""
        self.discard()
        self.path.touch()
        if mark.validator:
            self._mark_path.write_text(json.dumps(asdict(mark)), encoding="utf-8")
            self.mark = mark

    def settle(self) -> None:
        """Keep the part for another attempt if that can know the file again; remove it otherwise."""
        if self.mark is None or self.size == 0:
            self.discard()

    def discard(self) -> None:
        """Remove it."""
        self.mark = None
        for path in (self._mark_path, self.path):
            path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Take the place of the file."""
        os.replace(self.path, target)
        self.discard()

    def _read_mark(self) -> Mark | None:
        try:
            with self._mark_path.open(encoding="utf-8") as file:
                found: Any = json.loads(file.read(_LONGEST_MARK))
            mark = Mark(str(found["url"]), str(found["validator"]), found["total"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, RecursionError, OSError) as error:
            log.debug("what is known of %s cannot be read (%s): it is fetched anew", self.path, error)
            return None
        is_size = mark.total is None or (isinstance(mark.total, int) and not isinstance(mark.total, bool))
        return mark if is_size and mark.validator.isprintable() and mark.validator.isascii() else None


def range_of(headers: Mapping[str, str]) -> tuple[int | None, int | None, int | None]:
    """First byte, last byte and size of the whole, as ``Content-Range`` tells them."""
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None, None, None
    first, last, total = (None if text in (None, "*") else int(text) for text in found.groups())
    return first, last, total
