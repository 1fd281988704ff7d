"""One request and its reply; whatever goes wrong becomes an error of ours."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from ..._printable import printable
from ...config import conf
from ...exceptions import OfflineError, ProtocolError, ServiceError, ServiceUnavailableError
from ...wire.envelope import redact
from .encodings import EncodingError, as_text, gist, unpacked
from .sockets import Exchange, exchange
from .waiting import PASSING, Deadline, retry_after

__all__ = ["Asked", "Reply", "body_of", "opened", "refusal"]

_PIECE = 1 << 18
_EXCERPT = 300
_PAGE_START = 1 << 16
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_ADVICE = {
    401: "the service wants to know who asks: check the registered e-mail address (conf.user)",
    403: "the service does not allow this: check the registered e-mail address (conf.user), and that the job is yours",
    404: "not available there: it may not exist, not exist yet, or have expired; look at list_jobs()",
    407: "a proxy wants to know who asks: check the variables HTTPS_PROXY and HTTP_PROXY",
    410: "not available there any more: it has expired; submit the request again",
}


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes
    ----------
    method, url : str
        What is asked.
    deadline : Deadline
        Until when the reply must have come.
    user : str
        Who asks; removed from all error texts.
    headers : mapping
        More headers.
    body : bytes or None
        What is sent along.
    patience_s : float
        Seconds to wait for the next bytes, if that is more than ``conf.read_timeout``.
    setting : str
        What users set to say where the service is.
    """

    method: str
    url: str
    deadline: Deadline
    user: str
    headers: Mapping[str, str]
    body: bytes | None = None
    patience_s: float = 0.0
    setting: str = "conf.service_url"

    @property
    def read_timeout_s(self) -> float:
        """Seconds to wait for the next bytes."""
        return max(float(conf.read_timeout), self.patience_s)

    def unavailable(self, message: str, **evidence: Any) -> ServiceUnavailableError:
        """An error about this request."""
        return ServiceUnavailableError(f"{self.url} {redact(message, self.user)}", url=self.url, **evidence)


class Reply:
    """A reply whose body is still on its way.

    Parameters
    ----------
    response : requests.Response
        The reply.
    asked : Asked
        What it answers.
    mine : Exchange
        The exchange it belongs to.
    """

    def __init__(self, response: requests.Response, asked: Asked, mine: Exchange) -> None:
        self.asked = asked
        self.status = response.status_code
        self.headers = response.headers
        self._response = response
        self._exchange = mine

    @property
    def length(self) -> int | None:
        """Bytes of the body on its way, if the service says so."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and not self._is_chunked else None

    @property
    def has_known_end(self) -> bool:
        """Whether a body that breaks off can be told from one that ends."""
        return self._is_chunked or self.length is not None

    @property
    def encoding(self) -> str:
        """How the body is packed."""
        return self.headers.get("Content-Encoding", "")

    @property
    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, still packed.

        Raises
        ------
        ServiceUnavailableError
            If it breaks off, or the time is over.
        """
        come, length = 0, self.length
        try:
            for piece in _raw_pieces(self._response):
                if self.asked.deadline.left() <= 0:
                    raise _too_late(self.asked)
                come += len(piece)
                yield piece
        except _FAULTS as error:
            raise _failure(self.asked, self._exchange, error, f"broke off after {come} bytes") from error
        if length is not None and come != length:
            raise self.asked.unavailable(f"broke off: {come} of {length} bytes came; try again")


@contextmanager
def opened(session: requests.Session, asked: Asked) -> Iterator[Reply]:
    """Send a request; the reply is there as long as the block lasts, whatever its status.

    Raises
    ------
    ServiceUnavailableError
        If nobody answers.
    ServiceError
        If there is somebody who cannot be trusted.
    """
    with exchange(asked.deadline, asked.read_timeout_s) as mine:
        if conf.offline:
            text = f"{asked.url} is not asked because conf.offline is set; set conf.offline = False when there is a network"
            raise OfflineError(text, url=asked.url)
        try:
            response = session.request(
                asked.method,
                asked.url,
                data=asked.body,
                headers=dict(asked.headers),
                timeout=(_first_patience(asked), asked.read_timeout_s),
                stream=True,
                allow_redirects=False,
            )
        except _FAULTS as error:
            raise _failure(asked, mine, error, "cannot be reached") from error
        except ValueError as error:  # an address that the libraries below do not take
            raise ServiceError(f"{asked.url} cannot be asked: {error}", url=asked.url) from error
    with response:
        yield Reply(response, asked, mine)


def body_of(reply: Reply) -> bytes:
    """The whole body, unpacked.

    Raises
    ------
    ServiceUnavailableError
        If it breaks off.
    ProtocolError
        If it is larger than ``conf.max_reply``, or not packed as its headers say.
    """
    limit = int(conf.max_reply)
    problem = ""
    body: bytes | None = None
    try:
        body = None if (reply.length or 0) > limit else _up_to(limit, unpacked(reply.pieces(), reply.encoding))
    except EncodingError as error:
        problem = str(error)
    # Raised where no variable holds a reply, in which the user's address may stand.
    if problem:
        raise ProtocolError(
            f"the reply of {reply.asked.url} cannot be read: {problem}", url=reply.asked.url, status=reply.status
        )
    if body is None:
        raise ProtocolError(
            f"the reply of {reply.asked.url} has more than {limit} bytes (conf.max_reply) and was not read",
            advice="ask for less, or set conf.max_reply higher if it should be so large",
            url=reply.asked.url,
            status=reply.status,
        )
    return body


def _up_to(limit: int, parts: Iterator[bytes]) -> bytes | None:
    """All parts together, unless they have more bytes than the limit."""
    collected, size = [], 0
    for part in parts:
        size += len(part)
        if size > limit:
            return None
        collected.append(part)
    return b"".join(collected)


def refusal(reply: Reply) -> ServiceError:
    """The error for a reply with another status than the one hoped for."""
    status, url = reply.status, reply.asked.url
    text = _beginning(reply)
    reason = printable(str(reply._response.reason or ""), 60)
    said = gist(text)
    advice = _ADVICE.get(status) or ("try again later" if status >= 500 or status in PASSING else "")
    message = "; ".join(filter(None, (f"{url} answered with HTTP status {status} {reason}".rstrip(), said, advice)))
    evidence: dict[str, Any] = {"url": url, "status": status, "payload_excerpt": text[:_EXCERPT]}
    if status < 500 and status not in PASSING:
        return ServiceError(message, **evidence)
    wait = retry_after(reply.headers)
    asks = "" if wait is None else f" (the service asks to wait {wait:.0f} s)"
    failure = ServiceUnavailableError(message + asks, **evidence)
    failure.retry_after = wait
    return failure


def _beginning(reply: Reply) -> str:
    """The beginning of a page, as far as it comes."""
    start = b""
    try:
        for part in unpacked(reply.pieces(), reply.encoding):
            start += part
            if len(start) >= _PAGE_START:
                break
    except (ServiceUnavailableError, EncodingError) as error:
        start += f" ({error})".encode() if not start else b""
    text = as_text(start[:_PAGE_START], reply.headers.get("Content-Type", ""))
    return redact(text, reply.asked.user)


def _raw_pieces(response: requests.Response) -> Iterator[bytes]:
    """The packed body as it arrives."""
    # `read` would wait until a piece is whole, or the deadline over.
    while piece := response.raw.read1(_PIECE, decode_content=False):
        yield piece


def _first_patience(asked: Asked) -> float:
    left = asked.deadline.left()
    if left <= 0:
        raise _unsent(asked, f"was not asked within {asked.deadline.seconds:g} s")
    return min(conf.connect_timeout, left)


def _unsent(asked: Asked, message: str) -> ServiceUnavailableError:
    failure = asked.unavailable(message)
    failure.was_sent = False
    return failure


def _failure(asked: Asked, mine: Exchange, error: BaseException, what: str) -> ServiceError:
    """What a fault of the libraries below means."""
    causes = list(_causes(error))
    untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return ServiceError(
            f"{asked.url} cannot prove that it is what it claims to be ({_told(untrusted)}); nothing was sent. "
            "Check the address and the clock of this computer; behind a proxy that reads along, set REQUESTS_CA_BUNDLE",
            url=asked.url,
        )
    if not mine.was_sent:
        if asked.deadline.left() <= 0:
            return _unsent(asked, f"was not reached within {asked.deadline.seconds:g} s (conf.total_timeout)")
        return _unsent(
            asked, f"{what} ({_told(causes[-1])}); check the network and {asked.setting}, or try again later"
        )
    if asked.deadline.left() <= 0:
        return _too_late(asked)
    if any(isinstance(cause, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError) for cause in causes):
        setting = " (conf.read_timeout)" if asked.read_timeout_s == conf.read_timeout else ""
        return asked.unavailable(f"did not answer within {asked.read_timeout_s:g} s{setting}; try again later")
    return asked.unavailable(f"{what}: the connection broke ({_told(causes[-1])}); try again")


def _too_late(asked: Asked) -> ServiceUnavailableError:
    return asked.unavailable(
        f"was still at it after {asked.deadline.seconds:g} s (conf.total_timeout); try again later"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those it came from, the first of them last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = [one for one in (getattr(error, "reason", None), *error.args) if isinstance(one, BaseException)]
        before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        error = inner[0] if inner else before  # type: ignore[assignment]


def _told(error: BaseException) -> str:
    text = (
        getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    )
    return printable(str(text), 200)
