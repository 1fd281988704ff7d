"""The package's logger.

Importing the package attaches a `~logging.NullHandler` only; what is shown is
the user's choice.
"""

from __future__ import annotations

import logging

from ._printable import printable

__all__ = ["log"]


class _OneLine(logging.Filter):
    """Keeps the words of a service from forging lines of a log or moving the cursor of a terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), ()
        return True


log = logging.getLogger("swiftxrt")
log.addFilter(_OneLine())
log.addHandler(logging.NullHandler())
