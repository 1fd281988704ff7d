"""Who may use an embedded server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["UserRegistry"]


class UserRegistry:
    """Registered e-mail addresses, kept as digests only.

    Parameters
    ----------
    addresses : iterable of str, optional
        The registered addresses. Without any, every address is accepted.
    """

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self._owners = {_digest(address) for address in addresses}

    def owner(self, address: object) -> str | None:
        """The name under which jobs of an address are kept, or `None` if it may not use the server."""
        if not isinstance(address, str) or "@" not in address:
            return None
        owner = _digest(address)
        return owner if not self._owners or owner in self._owners else None


def _digest(address: str) -> str:
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()
