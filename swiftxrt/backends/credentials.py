"""The e-mail address that is registered with the service: where it is found, where it is kept.

It is the only thing the service asks for, so whoever knows it can see and
cancel the user's jobs: errors, logs and representations never show it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, NamedTuple

from .._log import log
from .._threads import DaemonThreads
from ..config import conf
from ..exceptions import RequestError, StorageError
from .transport import SecretText

__all__ = [
    *("REGISTRATION_URL", "FoundUser", "check_user", "find_user", "forget_user", "masked", "registered_user"),
    "store_user",
]

#: Where an address is registered, once; a link in a mail confirms it.
REGISTRATION_URL = "https://www.swift.ac.uk/user_objects/register.php"

ENVIRONMENT_VARIABLE = "SWIFTXRT_USER"

_OTHER_PLACES = f"set conf.user or the environment variable {ENVIRONMENT_VARIABLE} instead"

# Under these names the system's keyring keeps the address.
_SERVICE, _ENTRY = "swiftxrt", "registered address"
# How long a request waits for the keyring, and a user who may have to unlock it.
_READ_TIMEOUT_S = 3.0
_WRITE_TIMEOUT_S = 60.0
#: The longest address that mail can have (RFC 5321).
_LONGEST = 254


class FoundUser(NamedTuple):
    """An address, and in words where it was found."""

    address: SecretText
    place: str


def registered_user(argument: str | None = None) -> SecretText:
    """The registered e-mail address.

    Parameters
    ----------
    argument : str, optional
        The address as a caller gave it; it comes first.

    Returns
    -------
    address : SecretText
        A text that hides itself in representations.

    Raises
    ------
    RequestError
        If there is none, or it cannot be an e-mail address. The error does not show it.
    """
    found = find_user(argument)
    if found is not None:
        return found.address
    in_keyring = ", or keep it in the keyring of the system with the command 'swiftxrt user set'"
    text = (
        f"the service needs a registered e-mail address. Register once at {REGISTRATION_URL}, then give "
        f"SwiftXRT(user='...'), or set conf.user or the environment variable {ENVIRONMENT_VARIABLE}"
        f"{in_keyring if _KEYRING.is_usable else ' (the keyring of the system cannot be used here)'}"
    )
    raise RequestError([("user", text)])


def check_user(argument: str | None) -> None:
    """Refuse an argument that cannot be an address; without one, other places tell it later."""
    if not _is_blank(argument):
        _checked(argument, "the argument user")


def _is_blank(given: object) -> bool:
    return given is None or (isinstance(given, str) and not given.strip())


def find_user(argument: str | None = None) -> FoundUser | None:
    """The registered address and where it is from, or `None`; arguments and errors as for `registered_user`."""
    places: tuple[tuple[str, Callable[[], str | None]], ...] = (
        ("the argument user", lambda: argument),
        ("conf.user", lambda: conf.user),
        (f"the environment variable {ENVIRONMENT_VARIABLE}", lambda: os.environ.get(ENVIRONMENT_VARIABLE)),
        ("the keyring of the system", _KEYRING.read),
    )
    for place, look in places:
        given = look()
        if not _is_blank(given):
            return FoundUser(_checked(given, place), place)
    return None


def store_user(address: str) -> None:
    """Keep the registered address in the keyring of the system.

    Parameters
    ----------
    address : str
        The address.

    Raises
    ------
    RequestError
        If it cannot be an e-mail address.
    StorageError
        If there is no keyring that can be used.
    """
    _KEYRING.write(_checked(address, "the address"))


def forget_user() -> bool:
    """Remove the registered address from the keyring of the system; the other places stay as they are.

    Returns
    -------
    was_there : bool
        Whether there was one.

    Raises
    ------
    StorageError
        If there is no keyring that can be used.
    """
    return _KEYRING.remove()


def masked(address: str) -> str:
    """An address that its owner recognises, such as ``y…@example.org``."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"


def _checked(given: Any, place: str) -> SecretText:
    """An address as it can be sent; nothing of it goes into the error."""
    text = given.strip() if isinstance(given, str) else ""
    name, at, host = text.partition("@")
    is_plain = text.isprintable() and not any(letter.isspace() for letter in text)
    if not (name and at and host and is_plain) or "@" in host or len(text) > _LONGEST:
        raise RequestError(
            [
                (
                    "user",
                    f"{place} is not an e-mail address, such as name@institute.edu: one @, text on both sides of it, no "
                    f"spaces, not more than {_LONGEST} characters; it is not shown here",
                )
            ]
        )
    return SecretText(text)


class _Keyring:
    """The keyring of the system, asked in a thread: it may be missing, broken, or wait for a desktop for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading: Future[Any] | None = None

    def read(self) -> str | None:
        """The address, or `None`; an answer that comes too late is there at the next call."""
        with self._lock:
            is_new = self._reading is None
            if self._reading is None:
                self._reading = _in_thread(_read)
            try:
                error = self._reading.exception(timeout=_READ_TIMEOUT_S if is_new else 0)
            except FutureTimeoutError:
                if is_new:
                    log.debug("the keyring of the system did not answer within %g s", _READ_TIMEOUT_S)
                return None
            if error is not None:  # it stays so: the same backend would fail again
                if is_new:
                    log.debug("the keyring of the system cannot be used (%s)", type(error).__name__)
                return None
            address: str | None = self._reading.result()
            if address is None:
                self._reading = None  # it may be put there meanwhile
            return address

    @property
    def is_usable(self) -> bool:
        """Whether it answered when it was read last."""
        with self._lock:
            return self._reading is None or (self._reading.done() and self._reading.exception() is None)

    def write(self, address: SecretText) -> None:
        try:
            if self._change(_write, address):
                return
        except StorageError as error:
            raise StorageError(f"{error}; {_OTHER_PLACES}") from None
        raise StorageError(f"the keyring of the system keeps nothing; {_OTHER_PLACES}")

    def remove(self) -> bool:
        return bool(self._change(_remove))

    def _change(self, call: Callable[..., Any], *values: Any) -> Any:
        with self._lock:
            self._reading = None
            doing = _in_thread(call, *values)
            try:
                error = doing.exception(timeout=_WRITE_TIMEOUT_S)
            except FutureTimeoutError:
                raise _unusable(f"it did not answer within {_WRITE_TIMEOUT_S:g} s") from None
            if error is not None:
                # The text of the error is that of another program, which knows the address.
                raise _unusable(type(error).__name__) from None
            return doing.result()


_KEYRING = _Keyring()


def _in_thread(call: Callable[..., Any], *values: Any) -> Future[Any]:
    thread = DaemonThreads(1)
    future = thread.submit(call, *values)
    thread.shutdown(wait=False)  # it ends after this call
    return future


def _read() -> str | None:
    import keyring

    found = keyring.get_password(_SERVICE, _ENTRY)
    return None if found is None else SecretText(found)


def _write(address: SecretText) -> bool:
    import keyring

    keyring.set_password(_SERVICE, _ENTRY, str(address))
    return bool(keyring.get_password(_SERVICE, _ENTRY) == address)


def _remove() -> bool:
    import keyring

    if keyring.get_password(_SERVICE, _ENTRY) is None:
        return False
    keyring.delete_password(_SERVICE, _ENTRY)
    return True


def _unusable(reason: str) -> StorageError:
    return StorageError(f"the keyring of the system cannot be used ({reason})")
