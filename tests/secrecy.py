"""A look at everything the tests make that people keep or pass on: is there an e-mail address in it?

The conftest at the top loads this for every test. All users in the tests have
addresses at ``example.org``; messages that give an example use another place.
What is looked at: errors and warnings of ours with all they hold, records of the
log, ``repr``, ``str`` and pickles of what users hold, job books and lists of
jobs, the cache, and bundles.
"""

from __future__ import annotations

import logging
import pickle
import re
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ADDRESS = re.compile(rb"[^\s@]@(sub\.)?example\.org", re.IGNORECASE)


class Watch(logging.Handler):
    """Collects what one test makes.

    Handlers and hooks run in any thread, so a find is kept until the test ends.
    """

    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.found: list[str] = []
        self.evidence: list[tuple[str, dict[str, Any]]] = []
        self.held: list[weakref.ref[Any]] = []
        self.files: set[Path] = set()
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.check("log", record.getMessage(), repr(record.args), record.exc_text or "")

    def check(self, where: str, *contents: str | bytes) -> None:
        """Note an address that is in one of some contents."""
        for content in contents:
            self.seen += 1
            data = content.encode("utf-8", "replace") if isinstance(content, str) else content
            if match := ADDRESS.search(data):
                self.found.append(f"{where}: {data[max(0, match.start() - 80) : match.end() + 20]!r}")

    def finish(self) -> list[str]:
        """Look at what lives longer than one moment; return all finds of the test."""
        for name, content in self.evidence:
            self.check(name, repr(content))
        for reference in self.held:
            held = reference()
            if held is not None:
                self.check(f"repr of {type(held).__name__}", *shown(held))
        for path in self.files:
            for file in (path, *path.parent.glob(f"{path.name}-*")) if not path.is_dir() else path.rglob("*"):
                if file.is_file():
                    self.check(str(file), file.read_bytes(), str(file))
        found = self.found
        self.found, self.evidence, self.held, self.files = [], [], [], set()
        return found


def shown(held: Any) -> Iterator[str | bytes]:
    """What an object shows of itself, and its pickle if it has one."""
    with suppress(Exception):  # closed, or half made by a test of just that
        yield from (repr(held), str(held))
    with suppress(Exception):  # most of these cannot be pickled
        yield pickle.dumps(held)


def watch_class(patch: pytest.MonkeyPatch, cls: type, then: Any) -> None:
    """Call something after each object of a class is made."""
    original = cls.__init__

    def made(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        then(self)

    patch.setattr(cls, "__init__", made)


def install(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    """Watch the package for the rest of the run."""
    from swiftxrt import exceptions
    from swiftxrt.backends.transport import Transport
    from swiftxrt.backends.ukssdc.products import UKSSDCBackend
    from swiftxrt.jobs.book import JobBook
    from swiftxrt.jobs.job import Job
    from swiftxrt.products.productset import ProductSet
    from swiftxrt.query.core import SwiftXRTClass

    def told(problem: Exception | Warning) -> None:
        # Its class has not finished with it: what it holds is looked at when the test ends.
        watch.check(type(problem).__name__, repr(problem.args))
        watch.evidence.append((type(problem).__name__, vars(problem)))

    for cls in (exceptions.SwiftXRTError, exceptions.SwiftXRTWarning):
        watch_class(patch, cls, told)
    for cls in (Job, JobBook, ProductSet, SwiftXRTClass, Transport, UKSSDCBackend):
        watch_class(patch, cls, lambda made: watch.held.append(weakref.ref(made)))
    watch_class(patch, JobBook, lambda book: watch.files.add(Path(book.path)))
    original = ProductSet.write_bundle

    def write_bundle(self: ProductSet, path: Any, **options: Any) -> Any:
        written = original(self, path, **options)
        watch.files.add(Path(path))
        return written

    patch.setattr(ProductSet, "write_bundle", write_bundle)
    logging.getLogger("swiftxrt").addHandler(watch)
