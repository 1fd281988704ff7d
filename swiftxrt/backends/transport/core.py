"""All traffic with one service."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import requests

from ..._log import log
from ...config import conf
from ...exceptions import ServiceError
from .addresses import confined, redirected, split
from .documents import document
from .encodings import ACCEPTED, as_text
from .fetching import Fetched, fetch
from .limits import gate
from .replies import Asked, Reply, body_of, opened, refusal
from .sockets import Adapter
from .waiting import Deadline, repeat

__all__ = ["SecretText", "Transport"]

_POOL = 16
_MOST_REDIRECTIONS = 5
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_ENVIRONMENT = (*_PROXIES, *map(str.upper, _PROXIES), "REQUEST_METHOD", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_MOVED = (301, 302, 303, 307, 308)
_MOVED_WITH_BODY = (307, 308)


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
    """All traffic with one service, from any number of threads.

    Parameters
    ----------
    base_url : str
        Address of the service; replies may point to this host, and to those of
        ``conf.service_hosts``, only.
    user : str
        Registered e-mail address, removed from every reply and error text.
    setting : str, optional
        What users set to say where the service is, for error texts.
    rate : str, optional
        The setting that says how many requests a second the service gets at most.
    """

    def __init__(
        self,
        base_url: str,
        user: str,
        *,
        setting: str = "conf.service_url",
        rate: str = "requests_per_second",
    ) -> None:
        try:
            self._origin = replace(split(base_url)[0], setting=setting)
        except ValueError as error:
            shown = re.sub(r"//[^/]*@", "//…@", base_url)  # a password is nobody's business
            raise ServiceError(
                f"{setting} must be an http or https address, such as 'https://www.swift.ac.uk'; {shown!r} is "
                f"none: {error}",
                url=shown,
            ) from None
        self.base_url = base_url.rstrip("/")
        self._user = SecretText(user)
        self._setting, self._rate = setting, rate
        self._gates = {self._origin: gate(self._origin)}
        self._session = _session()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def post(
        self,
        path: str,
        payload: Mapping[str, Any],
        *,
        repeatable: bool = False,
        deadline_s: float | None = None,
        patience_s: float = 0.0,
        keep: Path | None = None,
    ) -> tuple[Any, str]:
        """Send JSON, return the decoded reply, the user's address taken out of it, and where it comes from.

        Parameters
        ----------
        path : str
            The call, below the address of the service.
        payload : mapping
            What to send.
        repeatable : bool, optional
            Whether it does no harm if the service gets it twice, so that it
            may be sent again when there is no reply. A submission is not.
        deadline_s : float, optional
            Seconds that it may take with all repetitions; by default ``conf.total_timeout``.
        patience_s : float, optional
            Seconds to wait for the next bytes, if that is more than ``conf.read_timeout``.
        keep : Path, optional
            Where the body of the reply is written, as it came, before it is decoded.

        Raises
        ------
        ServiceUnavailableError
            If there is no answer in time or the service is down.
        ProtocolError
            If the reply is not JSON.
        ServiceError
            If the service refuses, or points elsewhere.
        """
        url = f"{self.base_url}/{path}"
        body = _SecretBytes(json.dumps(dict(payload), allow_nan=False).encode("ascii"))
        headers = {"Content-Type": "application/json", "Accept-Encoding": ACCEPTED}
        deadline = Deadline(conf.total_timeout if deadline_s is None else deadline_s)
        asked = Asked("POST", url, deadline, self._user, headers, body, patience_s, self._setting)

        def attempt() -> Any:
            with self._answered(asked) as reply:
                if reply.status not in (200, 204):
                    raise refusal(reply)
                return document(reply, keep)

        return repeat(attempt, retries=conf.retries if repeatable else 0, deadline=deadline, gain=_no_gain), url

    def read(self, url: str) -> str:
        """The text of a page; asked for again when there is no reply.

        Parameters
        ----------
        url : str
            Where it is.

        Raises
        ------
        ServiceUnavailableError
            If there is no answer in time or the service is down.
        ProtocolError
            If it is larger than ``conf.max_reply``.
        ServiceError
            If the address lies outside the service, or the service refuses.
        """
        deadline = Deadline(conf.total_timeout)
        address = confined(url, self._origin)
        asked = Asked("GET", address, deadline, self._user, {"Accept-Encoding": ACCEPTED}, setting=self._setting)

        def attempt() -> str:
            with self._answered(asked) as reply:
                if reply.status != 200:
                    raise refusal(reply)
                return as_text(body_of(reply), reply.headers.get("Content-Type", ""))

        return repeat(attempt, retries=conf.retries, deadline=deadline, gain=_no_gain)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, str, bytes]:
        """Ask something that does no harm if it arrives twice.

        Parameters
        ----------
        method, url : str
            What is asked.
        headers : mapping
            More headers.
        body : bytes or None
            What is sent along.

        Returns
        -------
        status : int
            200, or that of a refusal that tells its reason as a table of the Virtual Observatory.
        kind : str
            What the body is, in the words of the service.
        body : bytes

        Raises
        ------
        ServiceUnavailableError
            If there is no answer in time or the service is down.
        ProtocolError
            If it is larger than ``conf.max_reply``.
        ServiceError
            If the address lies outside the service, or the service refuses.
        """
        deadline = Deadline(conf.total_timeout)
        address = confined(url, self._origin)
        full = {**headers, "Accept-Encoding": ACCEPTED}
        asked = Asked(method, address, deadline, self._user, full, body, setting=self._setting)

        def attempt() -> tuple[int, str, bytes]:
            with self._answered(asked) as reply:
                kind = reply.headers.get("Content-Type", "")
                if reply.status != 200 and (reply.status >= 500 or "votable" not in kind):
                    raise refusal(reply)
                return reply.status, kind, body_of(reply)

        return repeat(attempt, retries=conf.retries, deadline=deadline, gain=_no_gain)

    def fetch(self, url: str, path: Path, *, overwrite: bool = False, resume: bool = True) -> Path:
        """Download a file; it appears complete or not at all. See `download`."""
        return self.download(url, path, overwrite=overwrite, resume=resume).path

    def download(
        self,
        url: str,
        path: Path,
        *,
        overwrite: bool = False,
        resume: bool = True,
        deadline_s: float | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        check: Callable[[Path], None] | None = None,
    ) -> Fetched:
        """Download a file, go on where an earlier attempt ended; the file appears complete or not at all.

        Threads and processes that want the same file at once get one download.

        Parameters
        ----------
        url : str
            Where it is.
        path : Path
            Where it goes.
        overwrite : bool, optional
            Whether an existing file may be replaced.
        resume : bool, optional
            Whether the rest of an earlier attempt may be used, and left behind
            by this one.
        deadline_s : float, optional
            Seconds that it may take with all repetitions; by default ``conf.total_timeout``.
        progress : callable, optional
            Called with the bytes that are there and those that there will be, if known.
        check : callable, optional
            Called with what came before it takes its place; an error that it raises keeps it away.

        Raises
        ------
        ServiceError
            If the address lies outside the service, or the download fails.
        FormatError
            If it is not a file of the kind that its name says.
        OutputExistsError
            If the file exists and `overwrite` is False.
        StorageError
            If it cannot be written.
        """
        deadline = Deadline(conf.total_timeout if deadline_s is None else deadline_s)

        def ask(headers: Mapping[str, str]) -> Any:
            return self._answered(Asked("GET", address, deadline, self._user, headers, setting=self._setting))

        address = confined(url, self._origin)
        options: dict[str, Any] = {"overwrite": overwrite, "resume": resume, "progress": progress, "check": check}
        return fetch(ask, address, Path(path), deadline=deadline, **options)

    @contextmanager
    def _answered(self, asked: Asked) -> Iterator[Reply]:
        """The reply to a request, after all redirections that may be followed."""
        for _ in range(_MOST_REDIRECTIONS + 1):
            with self._passage(asked), opened(self._session, asked) as reply:
                if reply.status not in _MOVED:
                    log.debug("%s %s: status %d", asked.method, asked.url, reply.status)
                    yield reply
                    return
                asked = self._followed(asked, reply)
        raise ServiceError(
            f"{asked.url}: more than {_MOST_REDIRECTIONS} redirections; set {self._setting} to where the service is",
            url=asked.url,
        )

    def _passage(self, asked: Asked) -> Any:
        origin, _ = split(asked.url)
        return self._gates.setdefault(origin, gate(origin)).passage(asked.deadline, self._rate)

    def _followed(self, asked: Asked, reply: Reply) -> Asked:
        """The same request to where a reply points."""
        has_body = asked.body is not None
        if has_body and reply.status not in _MOVED_WITH_BODY:
            raise ServiceError(
                f"{asked.url} answered with HTTP status {reply.status}: it has moved, and what was sent would be lost on "
                f"the way there; set {self._setting} to its new address",
                url=asked.url,
                status=reply.status,
            )
        try:
            target = redirected(asked.url, reply.headers.get("Location"), self._origin, with_body=has_body)
        except ServiceError as error:
            error.status = reply.status
            raise
        log.debug("%s is now at %s", asked.url, target)
        return replace(asked, url=target)

    def __repr__(self) -> str:
        return f"<Transport to {self.base_url}>"


class _Session(requests.Session):
    """Looks for the proxies and certificates of a host again only when the environment has changed: it takes long."""

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[tuple[str | None, ...], Mapping[str, Any]] = {}

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No address: `Transport` follows redirections, and one that cannot be read would leave the connection open."""

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:  # type: ignore[override]
        """As the base class does it; what is given is the same with every request of ours."""
        known = (*url.split("/")[:3], *map(os.environ.get, _ENVIRONMENT))
        if known not in self._settings:
            self._settings[known] = super().merge_environment_settings(url, *given)
        return dict(self._settings[known])


def _session() -> requests.Session:
    """A session that takes proxies and certificates from the environment, but no passwords and no cookies."""
    session = _Session()
    session.headers["User-Agent"] = f"swiftxrt/{_version()} {requests.utils.default_user_agent()}"
    session.auth = _no_password
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(pool_maxsize=max(_POOL, int(conf.max_connections)), max_retries=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _no_password(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In place of what ``.netrc`` may hold for the host."""
    return request


def _no_gain() -> int:
    return 0


def _version() -> str:
    try:
        return version("swiftxrt")
    except PackageNotFoundError:
        return "unknown"
