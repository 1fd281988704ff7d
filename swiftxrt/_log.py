"""The package's logger.

Importing the package attaches a `~logging.NullHandler` only; what is shown is
the user's choice.
"""

from __future__ import annotations

import logging

__all__ = ["log"]

log = logging.getLogger("swiftxrt")
log.addHandler(logging.NullHandler())
