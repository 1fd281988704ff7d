"""HTTP to the service: one session, deadlines, typed errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .._atomic import atomic_path
from .._log import log
from ..config import conf
from ..exceptions import FormatError, ProtocolError, ServiceError, ServiceUnavailableError
from ..wire.envelope import redact

__all__ = ["SecretText", "Transport"]

_CHUNK = 1 << 16
_EXCERPT = 300
_POOL = 8


class SecretText(str):
    """A text that does not show in tracebacks with variables, as debuggers and error trackers make them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<not shown>"


class _SecretBytes(bytes):
    """The same for bytes."""

    def __repr__(self) -> str:
        return "<not shown>"


class Transport:
    """All traffic with one service.

    Parameters
    ----------
    base_url : str
        Address of the service; replies may point to this host only.
    user : str
        Registered e-mail address, removed from every reply and error text.
    """

    def __init__(self, base_url: str, user: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"conf.service_url must be an http or https address; it is {base_url!r}", url=base_url)
        self.base_url = base_url.rstrip("/")
        self._user = SecretText(user)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"swiftxrt/{_version()} {self._session.headers['User-Agent']}"
        for scheme in ("http://", "https://"):
            # No retries: a submission must never be sent twice.
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_POOL, max_retries=0))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def post(self, path: str, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """Send JSON, return the decoded reply, the user's address taken out of it, and where it comes from.

        Raises
        ------
        ServiceUnavailableError
            If there is no answer in time or the service is down.
        ProtocolError
            If the reply is not JSON.
        """
        url = f"{self.base_url}/{path}"
        body = _SecretBytes(json.dumps(dict(payload), allow_nan=False).encode("ascii"))
        log.debug("POST %s", url)
        deadline = time.monotonic() + conf.total_timeout
        with self._open("POST", url, deadline, data=body, headers={"Content-Type": "application/json"}) as response:
            text = self._text(response, deadline)
        if "@" in self._user:  # another name could be a word of any reply
            text = redact(text, self._user)
        try:
            return json.loads(text), url
        except ValueError as error:
            raise ProtocolError(
                f"{url} answered with something that is not JSON",
                advice="the service may be under maintenance: try again later",
                url=url,
                status=response.status_code,
                payload_excerpt=redact(text, self._user)[:_EXCERPT],
            ) from error

    def _text(self, response: requests.Response, deadline: float) -> str:
        return b"".join(self._chunks(response, deadline)).decode("utf-8", errors="replace")

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
        deadline = time.monotonic() + conf.total_timeout
        with atomic_path(path, overwrite=overwrite) as temporary:
            with self._open("GET", url, deadline) as response, temporary.open("wb") as file:
                for chunk in self._chunks(response, deadline):
                    file.write(chunk)
            promised = response.headers.get("Content-Length", "")
            encoded = response.headers.get("Content-Encoding", "identity") != "identity"
            if promised.isdecimal() and not encoded and temporary.stat().st_size != int(promised):
                raise FormatError(f"incomplete: {temporary.stat().st_size} of {promised} bytes came; try again", path)
        return path

    def _open(self, method: str, url: str, deadline: float, **arguments: Any) -> requests.Response:
        timeout = (conf.connect_timeout, conf.read_timeout)
        try:
            response = self._session.request(
                method, url, timeout=timeout, stream=True, allow_redirects=False, **arguments
            )
        except requests.ReadTimeout as error:
            raise ServiceUnavailableError(
                f"{url} did not answer within {conf.read_timeout:g} s (conf.read_timeout); try again later", url=url
            ) from error
        except requests.RequestException as error:
            failure = ServiceUnavailableError(
                f"{url} cannot be reached ({type(error).__name__}: {redact(str(error), self._user)}); "
                "check the network and conf.service_url, or try again later",
                url=url,
            )
            failure.was_sent = not _never_connected(error)
            raise failure from error
        if response.status_code == 200:
            return response
        with response:
            kind = ServiceUnavailableError if response.status_code in (429, 500, 502, 503, 504) else ServiceError
            raise kind(
                f"{url} answered with HTTP status {response.status_code} {response.reason}; try again later",
                url=url,
                status=response.status_code,
                payload_excerpt=self._excerpt(response, deadline),
            )

    def _chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        try:
            for chunk in _pieces(response):
                if time.monotonic() > deadline:
                    raise ServiceUnavailableError(
                        f"{response.url} was still sending after {conf.total_timeout:g} s (conf.total_timeout)",
                        url=response.url,
                    )
                yield chunk
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ServiceUnavailableError(
                f"the connection to {response.url} broke ({type(error).__name__}); try again", url=response.url
            ) from error

    def _excerpt(self, response: requests.Response, deadline: float) -> str:
        """The beginning of an error page, as far as it comes."""
        try:
            start = next(self._chunks(response, deadline), b"")
        except ServiceUnavailableError:
            return ""
        return redact(start.decode("utf-8", errors="replace"), self._user)[:_EXCERPT]

    def _confine(self, url: str) -> None:
        if _origin(url) != _origin(self.base_url):
            raise ServiceError(
                f"the service pointed to {url}, which does not lie at {self.base_url}; not followed. If the service "
                "has moved, set conf.service_url",
                url=url,
            )

    def __repr__(self) -> str:
        return f"<Transport to {self.base_url}>"


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The decoded body as it arrives."""
    read = getattr(response.raw, "read1", None)
    if read is None:  # urllib3 before 2.2, which waits for whole pieces: a trickle hits deadlines late
        yield from response.iter_content(_CHUNK)
        return
    while piece := read(_CHUNK, decode_content=True):
        yield piece


def _never_connected(error: requests.RequestException) -> bool:
    """Whether an error came before anything could be sent."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, urllib3.exceptions.NewConnectionError)


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; the usual port need not be written."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port


def _version() -> str:
    try:
        return version("swiftxrt")
    except PackageNotFoundError:
        return "unknown"
