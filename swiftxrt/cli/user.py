"""``swiftxrt user``: the registered address in the keyring of the system."""

from __future__ import annotations

import sys

from ..backends.credentials import REGISTRATION_URL, find_user, forget_user, masked, registered_user, store_user

__all__ = ["forget", "set_", "show"]


def set_() -> int:
    """Keep the address that is typed, or comes through a pipe.

    It is not taken from the command line, which every user of the machine can
    read and which shells write down.
    """
    if sys.stdin.isatty():
        print(f"Addresses are registered at {REGISTRATION_URL}", file=sys.stderr)
        print("Registered e-mail address: ", end="", file=sys.stderr, flush=True)
    address = sys.stdin.readline()
    store_user(address)
    print(f"{masked(address.strip())} is in the keyring of the system.")
    return _warn_of_others()


def show() -> int:
    """Say which address is used, with most of it left out, and where it is from."""
    found = find_user()
    if found is None:
        registered_user()  # raises, and says what to do
    else:
        print(f"{masked(found.address)}, from {found.place}")
    return 0


def forget() -> int:
    """Remove the address from the keyring."""
    print("Removed from the keyring of the system." if forget_user() else "The keyring of the system has no address.")
    return _warn_of_others()


def _warn_of_others() -> int:
    """Tell of an address that is used in place of the one in the keyring."""
    found = find_user()
    if found is not None and "keyring" not in found.place:
        print(f"swiftxrt: {found.place} has an address, {masked(found.address)}, and comes first", file=sys.stderr)
    return 0
