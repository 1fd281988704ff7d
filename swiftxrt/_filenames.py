"""Names of files: whatever a text holds, a name that every file system takes and that stays in its folder.

Names that come from a service or an archive are made safe here before they
touch the disk, and so are names made of what a user calls a source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["distinct_names", "name_key", "safe_name"]

#: File systems allow 255 bytes; the rest is for what is put around a name while a file is on its way.
_MOST_BYTES = 200
# What leads out of a folder, hides a file or looks like an option of a command.
_LEADING = " ./\\-~"
_TRAILING = " ."
_FORBIDDEN = frozenset('/\\<>:"|?*')
# Control, invisible (also those that turn the direction of writing), half and unassigned characters, odd line ends.
_UNFIT = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_GAP = "\0"
_GAPS = re.compile(f"{_GAP}+")
_SUFFIX = re.compile(r"(?:\.[A-Za-z0-9]{1,8}){1,2}$")
# Names that stand for devices in Windows, whatever their ending.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)


def safe_name(text: str, *, default: str = "file") -> str:
    """A file name made of a text.

    Parameters
    ----------
    text : str
        Any text: the name of a source, the end of a URL, a name in an archive.
    default : str, optional
        What to take if nothing of the text can be used.

    Returns
    -------
    name : str
        Of at most 200 bytes, without separators of folders, control or
        invisible characters, leading dots or dashes, trailing dots or spaces.
        A name that is safe already comes back unchanged.

    Examples
    --------
    >>> from swiftxrt._filenames import safe_name
    >>> safe_name("GRB 200416A"), safe_name("../../x"), safe_name("3C 273/jet"), safe_name("AUX.fits")
    ('GRB 200416A', 'x', '3C 273_jet', '_AUX.fits')
    """
    text = unicodedata.normalize("NFC", text).lstrip(_LEADING)
    name = _GAPS.sub("_", "".join(_fit(character) for character in text)).lstrip(_LEADING)
    if len(name.encode()) > _MOST_BYTES:
        name = _shortened(name)
    name = name.rstrip(_TRAILING) or default
    return f"_{name}" if _DEVICE.match(name) else name


def _fit(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return _GAP if character in _FORBIDDEN or category in _UNFIT else character


def _shortened(name: str) -> str:
    suffix = match[0] if (match := _SUFFIX.search(name)) else ""
    kept = name.removesuffix(suffix).encode()[: _MOST_BYTES - len(suffix)]
    return kept.decode("utf-8", "ignore").rstrip(_TRAILING) + suffix


def name_key(name: str) -> str:
    """What two names have in common that are one name to some file system: case and the form of accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def distinct_names(texts: Iterable[str], *, default: str = "file") -> list[str]:
    """File names made of texts, no two of them alike, not even in another case.

    Parameters
    ----------
    texts : iterable of str
        Any texts.
    default : str, optional
        As for `safe_name`.

    Returns
    -------
    names : list of str
        In the order of the texts; the second of two that are alike gets ``-2``
        before its ending.

    Examples
    --------
    >>> from swiftxrt._filenames import distinct_names
    >>> distinct_names(["Vela X-1.fits", "vela x-1.fits"])
    ['Vela X-1.fits', 'vela x-1-2.fits']
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        plain = name = safe_name(text, default=default)
        suffix = match[0] if (match := _SUFFIX.search(plain)) else ""
        number = 1
        while name_key(name) in taken:
            number += 1
            name = f"{plain.removesuffix(suffix)}-{number}{suffix}"
        taken.add(name_key(name))
        names.append(name)
    return names
