"""Texts from elsewhere, made fit for a message, a log and a terminal.

What a service says may end up in an error, a warning or a log record. All of
them pass through `printable`, so that no text can move the cursor, forge a
line of a log or turn the direction of writing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["LONGEST_MESSAGE", "first_few", "printable", "without_paths"]

#: Characters of one message; long lists of problems stay whole, a whole reply does not.
LONGEST_MESSAGE = 20_000

# Escape sequences of terminals, in their short and their long form, with those that set the title.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,512}"
    r"(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]{0,4}[0-~]?"
)
# Other control characters, ends of lines that are none, marks that turn or hide text, halves of characters.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_ENDS_OF_LINES = re.compile(r"\s*[\r\n]+\s*")
_QUOTED_PATH = re.compile(r"""(["'])(?:/|[A-Za-z]:\\)[^"']+\1""")
_PATH = re.compile(r"""(?<![\w:/.<>\])])(?:/[^\s/:;,"'()<>]+){2,}/?|\b[A-Za-z]:\\[^\s:;,"'()<>]+""")


def printable(text: str, limit: int = LONGEST_MESSAGE, *, lines: bool = False) -> str:
    r"""The text without anything that is not meant to be read.

    Parameters
    ----------
    text : str
        Any text.
    limit : int, optional
        Number of characters after which it is cut.
    lines : bool, optional
        Whether it may have several lines; otherwise they become one.

    Returns
    -------
    text : str

    Examples
    --------
    >>> from swiftxrt._printable import printable
    >>> printable("all \x1b[31mred\x1b[0m\r\nroot: logged in"), printable("abcdef", 4)
    ('all red root: logged in', 'abc…')
    """
    if len(text) > 4 * limit:  # nothing of the rest will be shown
        text = text[: 4 * limit]
    if not text.isprintable():
        text = _SEQUENCES.sub("", text)
        text = text.replace("\r\n", "\n") if lines else _ENDS_OF_LINES.sub(" ", text).strip()
        text = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_few(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Several names in a sentence: the first ones, and how many more there are.

    Examples
    --------
    >>> from swiftxrt._printable import first_few
    >>> first_few(["a", "b", "c", "d"], 2), first_few(["a", "b"], 2)
    ('a, b and 2 more', 'a, b')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more


def without_paths(text: str) -> str:
    """A text without the folders of this machine; names of files stay."""
    return _PATH.sub(lambda found: _name(found[0]), _QUOTED_PATH.sub(lambda found: _name(found[0][1:-1]), text))


def _name(path: str) -> str:
    """The file's name, or nothing but a mark for a folder."""
    last = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    return last if "." in last.strip(".") else "(a folder of the server)"
