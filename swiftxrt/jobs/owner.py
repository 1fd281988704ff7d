"""Telling the users of a service apart without keeping their addresses."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

__all__ = ["ANYBODY", "KEY_NAME", "key_of_folder", "owner_mark"]

#: Stands for a user whom only the key of another book could tell.
ANYBODY = "?"
KEY_NAME = "owner.key"
_HEX_DIGITS = 64


def key_of_folder(folder: Path) -> bytes:
    """The secret key of a data folder, made at first use and readable by its owner alone.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    key : bytes

    Raises
    ------
    OSError
        If it can be neither read nor written.
    """
    path = folder / KEY_NAME
    key = _read(path)
    if key is None:
        _make(path)
        key = _read(path)
    if key is None:
        raise OSError(f"{path} is not a key; remove it")
    return key


def owner_mark(key: bytes, owner: str) -> str:
    """What stands for an address in files: the same for the same address, and of no use without the key.

    Parameters
    ----------
    key : bytes
        As `key_of_folder` gives it.
    owner : str
        The address; whoever needs none has no mark either.

    Returns
    -------
    mark : str
    """
    address = owner.strip().casefold()
    return hmac.new(key, address.encode(), hashlib.sha256).hexdigest() if address else ""


def _read(path: Path) -> bytes | None:
    """The key, or `None` if there is none, or half of one."""
    try:
        text = path.read_text(encoding="ascii").strip()
        return bytes.fromhex(text) if len(text) == _HEX_DIGITS else None
    except FileNotFoundError:
        return None
    except ValueError:  # not hexadecimal, not even ASCII
        return None


def _make(path: Path) -> None:
    """Write a key; if another process is faster, its key stays."""
    temporary = path.with_name(f".part-{secrets.token_hex(4)}-{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_HEX_DIGITS // 2) + "\n")
        if path.exists() and _read(path) is None:
            os.replace(temporary, path)  # what is there is damaged
        else:
            _publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path) -> None:
    """Give a file its name unless the name is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            os.replace(temporary, path)
