"""Scripted faults for the embedded server.

Most functions make a `Fault` that strikes every request; its method `Fault.on`
says which ones it is to strike. A `FaultPlan` holds the faults.
"""

from __future__ import annotations

from .archives import ARCHIVE_TRICKS, hostile_archive
from .connection import (
    delay,
    drip,
    duplicate_headers,
    huge_headers,
    longer,
    lose_reply,
    never_answer,
    reset,
    reset_in_body,
    set_headers,
    stall,
    truncate,
    wrong_length,
)
from .hostile import (
    HOSTILE_NAMES,
    control_characters,
    deep_json,
    endless_body,
    gzip_bomb,
    hostile_file,
    hostile_urls,
    rename,
)
from .plan import CALLS, Fault, FaultPlan, Incident, Reply, Request
from .replies import (
    bad_encoding,
    bad_json,
    change_reply,
    change_texts,
    empty,
    encoded,
    html,
    redirect,
    replace_body,
    status,
)
from .service import changed_validator, ignore_range, vanish, wrong_content_range

__all__ = [
    "ARCHIVE_TRICKS",
    "CALLS",
    "Fault",
    "FaultPlan",
    "HOSTILE_NAMES",
    "Incident",
    "Reply",
    "Request",
    "bad_encoding",
    "bad_json",
    "change_reply",
    "change_texts",
    "changed_validator",
    "control_characters",
    "deep_json",
    "delay",
    "drip",
    "duplicate_headers",
    "empty",
    "encoded",
    "endless_body",
    "gzip_bomb",
    "hostile_archive",
    "hostile_file",
    "hostile_urls",
    "html",
    "huge_headers",
    "ignore_range",
    "longer",
    "lose_reply",
    "never_answer",
    "redirect",
    "rename",
    "replace_body",
    "reset",
    "reset_in_body",
    "set_headers",
    "stall",
    "status",
    "truncate",
    "vanish",
    "wrong_content_range",
    "wrong_length",
]
