"""The calls of the service, in the name of one user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import conf
from ...exceptions import RequestError
from ...wire import envelope
from ..transport import SecretText, Transport

__all__ = ["Connection"]

_OBJECTS = "user_objects"
_API = "API/main.php"


class Connection:
    """Asks the service whose address is in ``conf.service_url``.

    Parameters
    ----------
    user : str, optional
        Registered e-mail address; by default ``conf.user`` or the environment
        variable ``SWIFTXRT_USER``. It is left out of pickles.
    """

    def __init__(self, user: str | None = None) -> None:
        self.user = user
        self._transport: Transport | None = None
        self._transport_user = ""

    def __getstate__(self) -> dict[str, Any]:
        return {"user": None, "_transport": None, "_transport_user": ""}

    @property
    def sender(self) -> SecretText:
        """The user's address.

        Raises
        ------
        RequestError
            If none is known.
        """
        user = (self.user or conf.user or os.environ.get("SWIFTXRT_USER", "")).strip()
        if not user:
            raise RequestError(
                [
                    (
                        "user",
                        "the service needs a registered e-mail address: register once on its registration page, "
                        "then give SwiftXRT(user='...'), set conf.user or the environment variable SWIFTXRT_USER",
                    )
                ]
            )
        return SecretText(user)

    @property
    def transport(self) -> Transport:
        """The way to the service; made anew when ``conf.service_url`` or the user has changed."""
        base_url, user = conf.service_url.rstrip("/"), self.sender
        if self._transport is None or (self._transport.base_url, self._transport_user) != (base_url, user):
            self.close()
            self._transport, self._transport_user = Transport(base_url, user), user
        return self._transport

    def call(
        self, path: str, payload: Mapping[str, Any], *, job_id: str | None = None, sealed: bool = False
    ) -> dict[str, Any]:
        """Make a call of the product service and return the content of the reply.

        Parameters
        ----------
        path : str
            The call, e.g. ``"canceljob.php"``.
        payload : mapping
            What to send.
        job_id : str, optional
            The job that it is about.
        sealed : bool, optional
            Whether the payload already says who asks.

        Raises
        ------
        ServiceError, JobLostError
            If there is no answer, or none that can be used.
        """
        sender = self.sender
        message = payload if sealed else envelope.seal(payload, sender)
        reply, url = self.transport.post(f"{_OBJECTS}/{path}", message)
        return envelope.open_reply(reply, user=sender, url=url, job_id=job_id)

    def call_api(self, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """Make a call of the other kind, which names its function in the payload; return reply and address."""
        return self.transport.post(_API, payload)

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Download a file; see `Transport.fetch`."""
        return self.transport.fetch(url, path, overwrite=overwrite)

    def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            self._transport.close()
