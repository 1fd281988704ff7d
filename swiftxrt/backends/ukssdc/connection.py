"""The calls of the service, in the name of one user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import conf
from ...wire import envelope
from ..credentials import registered_user
from ..transport import SecretText, Transport

__all__ = ["API", "OBJECTS", "Connection"]

#: Where the calls of the product service are, and the other kind, which names its function in the payload.
OBJECTS = "user_objects"
API = "API/main.php"
_VERSION = re.compile(r"\d[\w.]{0,15}", re.ASCII)
# Calls that do nothing more when they arrive twice: they only look, or end what has ended then. A submission, or
# a new binning, makes another job each time and is never repeated.
_REPEATABLE = frozenset(
    (
        *("checkProductStatus.php", "canceljob.php", "getNumJobs.php", "getOldProduct.php", "listOldJobs.php"),
        *("tprods/getAstromPos.php", "tprods/getEnhPos.php", "tprods/getPSFPos.php"),
        *("tprods/getLCData.php", "tprods/getSourceDetResults.php", "tprods/getSpecData.php"),
        *("cancelRebin", "checkRebinStatus", "downloadLightCurve"),
    )
)


class Connection:
    """Asks one service, and stays with it.

    Parameters
    ----------
    user : str, optional
        Registered e-mail address; by default that of `swiftxrt.backends.credentials.registered_user`.
        It is left out of pickles.

    Attributes
    ----------
    base_url : str
        Address of the service: that of ``conf.service_url`` when the connection was made.
    api_version : str
        The version of its protocol that the service told last.
    """

    def __init__(self, user: str | None = None) -> None:
        self.user = user
        self.base_url = conf.service_url.rstrip("/")
        self.api_version = ""
        self._transport: Transport | None = None
        self._transport_user = ""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "user": None, "_transport": None, "_transport_user": ""}

    @property
    def sender(self) -> SecretText:
        """The user's address.

        Raises
        ------
        RequestError
            If none is known, or it cannot be an e-mail address.
        """
        return registered_user(self.user)

    @property
    def transport(self) -> Transport:
        """The way to the service; made anew when the user has changed."""
        user = self.sender
        if self._transport is None or self._transport_user != user:
            self.close()
            self._transport, self._transport_user = Transport(self.base_url, user), user
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
        reply, url = self._post(f"{OBJECTS}/{path}", message)
        self._note_version(reply)
        return envelope.open_reply(reply, user=sender, url=url, job_id=job_id)

    def ask(self, path: str, payload: Mapping[str, Any]) -> Any:
        """Make a call of either kind and return the reply as it came, envelope and all.

        Parameters
        ----------
        path : str
            The call, with the folder it is in.
        payload : mapping
            What to send.
        """
        if path == API:
            return self._post(path, payload)[0]
        reply, _ = self._post(path, envelope.seal(payload, self.sender))
        self._note_version(reply)
        return reply

    def call_api(self, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """Make a call of the other kind, which names its function in the payload; return reply and address."""
        return self._post(API, payload)

    def _post(self, path: str, message: Mapping[str, Any]) -> tuple[Any, str]:
        name = message.get("APIFunc") if path == API else path.removeprefix(f"{OBJECTS}/")
        return self.transport.post(path, message, repeatable=name in _REPEATABLE)

    def _note_version(self, reply: Any) -> None:
        version = str(reply.get("APIVersion")) if isinstance(reply, Mapping) else ""
        if _VERSION.fullmatch(version):
            self.api_version = version

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Download a file; see `Transport.fetch`."""
        return self.transport.fetch(url, path, overwrite=overwrite)

    def download(self, url: str, path: Path, *, overwrite: bool = False) -> str:
        """Download a file and tell how it came; see `Transport.download`."""
        return self.transport.download(url, path, overwrite=overwrite).outcome

    def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            self._transport.close()
