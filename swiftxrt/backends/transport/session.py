"""A session for packages that bring their own calls: with our deadlines, limits, repetitions and errors."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import requests
import urllib3

from .core import Transport

__all__ = ["ArchiveSession"]

_FORM = "application/x-www-form-urlencoded"


class ArchiveSession(requests.Session):
    """Looks like a session of requests; all that is asked goes through a `Transport`, and is whole when it returns.

    Parameters
    ----------
    transport : Transport
        To the service; addresses elsewhere are refused.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport

    def request(self, method: Any, url: Any, params: Any = None, data: Any = None, **_: Any) -> requests.Response:  # type: ignore[override]
        """Ask; options such as `timeout` have no effect.

        Parameters
        ----------
        method, url : str
            What is asked.
        params, data : mapping, optional
            Of the address, and of the form that is sent.

        Raises
        ------
        ServiceError
            If there is no answer, or one that is a refusal without a table that tells why.
        """
        request = requests.Request(method, url, params=params, data=dict(data) if data else None)
        prepared = request.prepare()
        body = prepared.body.encode("ascii") if isinstance(prepared.body, str) else prepared.body
        headers = {"Content-Type": _FORM} if body else {}
        status, kind, content = self._transport.ask(str(method).upper(), str(prepared.url), headers, body)
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(prepared.url), prepared
        response.headers["Content-Type"] = kind
        response.raw = urllib3.HTTPResponse(BytesIO(content), status=status, preload_content=False)
        return response
