"""Who may use an embedded server."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from .._log import log
from ..exceptions import RequestError, ServerStartError

__all__ = ["UserRegistry", "owner_key"]

_KEY_FILE = "owner.key"
_KEY_BYTES = 32
#: The longest address that mail can have (RFC 5321).
_LONGEST = 254
# Addresses may have a # inside.
_COMMENT = re.compile(r"(?:^|\s)#")


class UserRegistry:
    """Registered e-mail addresses, in memory only; elsewhere their owners have a name made with a key.

    Parameters
    ----------
    addresses : iterable of str, optional
        Registered addresses. Without any, and without a file, every address is
        accepted.
    file : Path, optional
        A file with one address per line; text after ``#`` is a comment. It is
        read again when it has changed, so users can be added and removed while
        the server runs.
    key : bytes, optional
        Secret of the state folder (`owner_key`); without it owners are known
        only as long as the registry lives.

    Raises
    ------
    RequestError
        If an address is malformed or the file cannot be read.
    """

    def __init__(self, addresses: Iterable[str] = (), *, file: Path | None = None, key: bytes | None = None) -> None:
        self._key = key if key is not None else secrets.token_bytes(_KEY_BYTES)
        self._given = frozenset(_checked("users", address) for address in addresses)
        self._file = file
        self._stamp: tuple[int, int, int] | None = None
        self._listed: frozenset[str] = frozenset()
        if file is not None:
            self._stamp = _stamp(file)
            self._listed = _read(file)

    def owner(self, address: object) -> str | None:
        """The name under which jobs of an address are kept, or `None` if it may not use the server.

        Parameters
        ----------
        address : object
            As the client sent it; upper and lower case are the same.
        """
        known = _normal(address)
        if known is None or not self._accepts(known):
            return None
        return hmac.new(self._key, known.encode(), hashlib.sha256).hexdigest()

    def _accepts(self, address: str) -> bool:
        if self._file is None:
            return not self._given or address in self._given
        self._look_again(self._file)
        return address in self._given or address in self._listed

    def _look_again(self, file: Path) -> None:
        """Read a file that has changed; one that cannot be read changes nothing."""
        try:
            stamp = _stamp(file)
            if stamp != self._stamp:
                self._listed, self._stamp = _read(file), stamp
        except RequestError as error:
            log.error("the users stay as they are: %s", error)


def owner_key(folder: Path) -> bytes:
    """The secret of a state folder, made when it is first asked for.

    Parameters
    ----------
    folder : Path
        The state folder; it must exist.

    Raises
    ------
    ServerStartError
        If the secret can be neither read nor written.
    """
    path = folder / _KEY_FILE
    try:
        if not path.exists():
            new = folder / f".{_KEY_FILE}.{os.getpid()}"
            new.touch(mode=0o600)
            new.write_bytes(secrets.token_bytes(_KEY_BYTES))
            new.rename(path)
        key = path.read_bytes()
    except OSError as error:
        raise ServerStartError(f"the key of the users cannot be kept in {folder} ({error})") from error
    if len(key) != _KEY_BYTES:
        raise ServerStartError(
            f"{path} is damaged; put a copy of it back, or remove it: then jobs of before belong to nobody"
        )
    return key


def _normal(address: object) -> str | None:
    """An address in the form in which it is compared, or `None` if it cannot be one."""
    if not isinstance(address, str) or len(address) > _LONGEST:
        return None
    text = unicodedata.normalize("NFC", address.strip().casefold())
    name, at, host = text.rpartition("@")
    if not (name and at and host) or not text.isprintable() or any(letter.isspace() for letter in text):
        return None
    return text


def _checked(field: str, address: str) -> str:
    known = _normal(address)
    if known is None:
        raise RequestError([(field, f"an e-mail address is needed; got {address!r}")])
    return known


def _read(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError([("users", f"the file of registered addresses cannot be read: {error}")]) from error
    words = (_COMMENT.split(line, maxsplit=1)[0].strip() for line in lines)
    return frozenset(_checked(f"users, {file.name}", word) for word in words if word)


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        state = file.stat()
    except OSError as error:
        raise RequestError([("users", f"the file of registered addresses cannot be read: {error}")]) from error
    return state.st_mtime_ns, state.st_size, state.st_ino
