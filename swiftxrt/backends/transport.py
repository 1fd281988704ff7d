"""HTTP to the service: one session, deadlines, typed errors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from .._atomic import atomic_path
from .._log import log
from ..config import conf
from ..exceptions import FormatError, ProtocolError, ServiceError, ServiceUnavailableError

__all__ = ["Transport"]

_CHUNK = 1 << 16
_EXCERPT = 300
_POOL = 8


class Transport:
    """All traffic with one service.

    Parameters
    ----------
    base_url : str
        Address of the service; replies may point to this host only.
    user : str
        Registered e-mail address, removed from every error text.
    """

    def __init__(self, base_url: str, user: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"conf.service_url must be an http or https address; it is {base_url!r}", url=base_url)
        self.base_url = base_url.rstrip("/")
        self._user = user
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"swiftxrt/{_version()} {self._session.headers['User-Agent']}"
        for scheme in ("http://", "https://"):
            # No retries: a submission must never be sent twice.
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_POOL, max_retries=0))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def post(self, path: str, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """Send JSON, return the decoded reply and its address.

        Raises
        ------
        ServiceUnavailableError
            If there is no answer in time or the service is down.
        ProtocolError
            If the reply is not JSON.
        """
        url = f"{self.base_url}/{path}"
        body = json.dumps(dict(payload), allow_nan=False).encode("ascii")
        log.debug("POST %s", url)
        with self._open("POST", url, data=body, headers={"Content-Type": "application/json"}) as response:
            text = self._text(response)
        try:
            return json.loads(text), url
        except ValueError as error:
            raise ProtocolError(
                f"{url} answered with something that is not JSON; the service may be under maintenance: try again later",
                url=url,
                status=response.status_code,
                payload_excerpt=self._redact(text[:_EXCERPT]),
            ) from error

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Download a file; it appears complete or not at all.

        Raises
        ------
        ServiceError
            If the address lies outside the service, or the download fails.
        FormatError
            If fewer bytes came than the service promised.
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        self._confine(url)
        with atomic_path(path, overwrite=overwrite) as temporary:
            with self._open("GET", url) as response, temporary.open("wb") as file:
                for chunk in self._chunks(response):
                    file.write(chunk)
            promised = response.headers.get("Content-Length")
            encoded = response.headers.get("Content-Encoding", "identity") != "identity"
            if promised is not None and not encoded and temporary.stat().st_size != int(promised):
                raise FormatError(f"incomplete: {temporary.stat().st_size} of {promised} bytes came; try again", path)
        return path

    def _open(self, method: str, url: str, **arguments: Any) -> requests.Response:
        timeout = (conf.connect_timeout, conf.read_timeout)
        try:
            response = self._session.request(
                method, url, timeout=timeout, stream=True, allow_redirects=False, **arguments
            )
        except requests.RequestException as error:
            raise ServiceUnavailableError(
                f"{url} cannot be reached ({type(error).__name__}: {self._redact(str(error))}); "
                "check the network and conf.service_url, or try again later",
                url=url,
            ) from error
        if response.status_code == 200:
            return response
        with response:
            kind = ServiceUnavailableError if response.status_code in (429, 500, 502, 503, 504) else ServiceError
            raise kind(
                f"{url} answered with HTTP status {response.status_code} {response.reason}; try again later",
                url=url,
                status=response.status_code,
                payload_excerpt=self._redact(response.text[:_EXCERPT]),
            )

    def _chunks(self, response: requests.Response) -> Any:
        deadline = time.monotonic() + conf.total_timeout
        try:
            for chunk in response.iter_content(_CHUNK):
                if time.monotonic() > deadline:
                    raise ServiceUnavailableError(
                        f"{response.url} was still sending after {conf.total_timeout:g} s (conf.total_timeout)",
                        url=response.url,
                    )
                yield chunk
        except requests.RequestException as error:
            raise ServiceUnavailableError(
                f"the connection to {response.url} broke ({type(error).__name__}); try again", url=response.url
            ) from error

    def _text(self, response: requests.Response) -> str:
        return b"".join(self._chunks(response)).decode("utf-8", errors="replace")

    def _confine(self, url: str) -> None:
        allowed, asked = urlsplit(self.base_url), urlsplit(url)
        if (asked.scheme, asked.netloc) != (allowed.scheme, allowed.netloc):
            raise ServiceError(
                f"the service pointed to {asked.scheme}://{asked.netloc}, which is not {self.base_url}; not followed",
                url=url,
            )

    def _redact(self, text: str) -> str:
        return text.replace(self._user, "<your e-mail address>") if self._user else text

    def __repr__(self) -> str:
        return f"<Transport to {self.base_url}>"


def _version() -> str:
    try:
        return version("swiftxrt")
    except PackageNotFoundError:
        return "unknown"
