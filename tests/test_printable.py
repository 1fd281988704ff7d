"""Texts from elsewhere."""

from __future__ import annotations

import pickle

import pytest

from swiftxrt._log import log
from swiftxrt._printable import printable
from swiftxrt.exceptions import ProductNotAvailableError, ServiceError, ServiceWarning, StorageError, warn

HOSTILE = "a\x1b[2J\x1b]0;t\x07b\u202ec\r\nroot: d\x9b1me\ud800"
CLEAN = "ab\N{REPLACEMENT CHARACTER}c root: de\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain ± é 宇宙 text", "plain ± é 宇宙 text"),
        ("tab\there", "tab\there"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]52;c;QUFB\x1b\\x", "x"),
        ("\x1b(B\x1bcx", "x"),
        ("\x1b\x1b[31mx", "x"),
        ("\x1b", ""),
        ("\0\x08\x7f\x84", "\N{REPLACEMENT CHARACTER}" * 4),
        ("one\r\n\n  two\n", "one two"),
        ("\u200b\u2028\u2066\ufeff", "\N{REPLACEMENT CHARACTER}" * 4),
        (HOSTILE, CLEAN),
    ],
)
def test_one_line(text: str, clean: str) -> None:
    assert printable(text) == clean
    printable(text).encode()


def test_several_lines() -> None:
    assert printable("a\r\n* b\n* c\rd", lines=True) == "a\n* b\n* c\N{REPLACEMENT CHARACTER}d"


def test_length() -> None:
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("x" * 11, 10) == "x" * 9 + "…"
    assert len(printable("x" * 10_000_000)) == 20_000
    assert len(printable("\x1b[0m" * 10_000_000, 10)) <= 10


def test_errors_warnings_and_records_are_clean(caplog: pytest.LogCaptureFixture) -> None:
    errors = [ServiceError(HOSTILE, url=HOSTILE, payload_excerpt=HOSTILE), StorageError(HOSTILE, HOSTILE)]
    errors += [ProductNotAvailableError("image", HOSTILE)]
    for error in errors:
        assert not set(str(error)) & set("\x1b\x07\x9b\r\u202e\ud800")
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert errors[0].message == str(errors[0])
    with pytest.warns(ServiceWarning) as caught:
        warn(HOSTILE, ServiceWarning)
    assert "\x1b" not in str(caught[0].message)
    with caplog.at_level("INFO", "swiftxrt"):
        log.info("said: %s, %d", HOSTILE, 3)
    assert caplog.messages == [f"said: {CLEAN}, 3"]
