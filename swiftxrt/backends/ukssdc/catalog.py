"""The catalogue interface of the service in Leicester, or of a server that speaks like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import conf
from ...wire import api
from ..transport import Transport
from .connection import API

__all__ = ["UKSSDCCatalog"]

#: Functions that start something each time they arrive; everything else only looks.
_STARTING = frozenset({"rebinLightCurve", "timesliceSpectrum"})
#: Functions whose reply exists only once: asking again, or a second look, finds nothing.
_ONCE = frozenset({"getSXPSUL"})
#: Functions that answer late, and seconds after which they certainly do: limits are worked out for five minutes.
_LATE_S = {"getSXPSUL": 330.0}


class UKSSDCCatalog:
    """Asks the service about what is catalogued; nobody's address is needed, or sent.

    Attributes
    ----------
    base_url : str
        Address of the service: that of ``conf.service_url`` when this was made.
    """

    name = "ukssdc"

    def __init__(self) -> None:
        self.base_url = conf.service_url.rstrip("/")
        self._transport: Transport | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_transport": None}

    @property
    def service(self) -> str:
        """Address of the service."""
        return self.base_url

    @property
    def transport(self) -> Transport:
        """The way to the service."""
        if self._transport is None:
            self._transport = Transport(self.base_url, "")
        return self._transport

    def ask(
        self, function: str, content: Mapping[str, Any], *, deadline_s: float | None = None, keep: Path | None = None
    ) -> dict[str, Any]:
        """Call a function; see `swiftxrt.catalog.protocol.CatalogBackend.ask`."""
        repeatable = function not in _STARTING and not (function in _ONCE and "ULID" in content)
        reply, url = self.transport.post(
            API,
            api.seal(function, content),
            repeatable=repeatable,
            deadline_s=deadline_s,
            patience_s=_LATE_S.get(function, 0.0),
            keep=keep,
        )
        return api.open_reply(reply, url=url)

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Download a file; see `swiftxrt.catalog.protocol.CatalogBackend.fetch`."""
        return self.transport.fetch(url, path, overwrite=overwrite)

    def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
