"""What goes wrong in a scripted server, when, and a record of it."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import urlsplit

from ...exceptions import RequestError
from ._values import is_number

__all__ = ["CALLS", "Fault", "FaultPlan", "Incident", "Reply", "Request"]

Headers = tuple[tuple[str, str], ...]

_BY_NAME = {
    "run_userobject.php": "submit",
    "checkProductStatus.php": "status",
    "canceljob.php": "cancel",
    "getOldProduct.php": "recall",
    "listOldJobs.php": "list",
    "getNumJobs.php": "count",
}
#: Kinds of calls that faults can be restricted to.
CALLS = (*_BY_NAME.values(), "product", "file", "rebin", "other")
_METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True)
class Request:
    """A request as it came in.

    Parameters
    ----------
    method : str
        ``"GET"``, ``"HEAD"`` or ``"POST"``.
    target : str
        Path, with the query if there is one.
    headers : tuple of (str, str)
        The headers; not shown, as they may hold secrets.
    body : bytes
        The body; not shown, as it holds the user's address.
    """

    method: str
    target: str
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def call(self) -> str:
        """What kind of call it is, one of ``CALLS``."""
        path = self.path
        if path == "/API/main.php":
            return "rebin"
        name = path.removeprefix("/user_objects/")
        if name.startswith("tprods/USERPROD_"):
            return "file"
        return "product" if name.startswith("tprods/get") else _BY_NAME.get(name, "other")

    @property
    def json(self) -> Any:
        """The decoded JSON of the body; `None` if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def without_headers(self, *names: str) -> Request:
        """The same request without some of its headers."""
        return replace(self, headers=_without(self.headers, names))


@dataclass(frozen=True)
class Reply:
    """A reply, and how it is sent.

    Parameters
    ----------
    status : int
        HTTP status code.
    headers : tuple of (str, str)
        The headers but those that say how long the reply is.
    body : bytes
        The body.
    filler, filler_size : bytes and float
        What follows the body, over and over, and how many bytes of it; may be
        infinite.
    framing : {"length", "chunked", "close"}
        How the client learns where the body ends: from ``Content-Length``, in
        chunks, or as the connection is closed.
    length : str, optional
        What ``Content-Length`` says; by default the truth.
    delay_s : float
        How long the client waits for the first byte.
    rate : float, optional
        Bytes per second; by default as fast as it goes.
    drip_head : bool
        Whether status and headers are sent at that rate too.
    send : float, optional
        How much of the body is sent before the connection comes to its
        `ending`: a part of it if below 1, else bytes. By default all.
    send_head : bool
        Whether status and headers are sent; without them nothing is.
    ending : {"keep", "close", "reset", "hang"}
        What becomes of the connection afterwards.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    filler: bytes = b""
    filler_size: float = 0
    framing: Literal["length", "chunked", "close"] = "length"
    length: str | None = None
    delay_s: float = 0.0
    rate: float | None = None
    drip_head: bool = False
    send: float | None = None
    send_head: bool = True
    ending: Literal["keep", "close", "reset", "hang"] = "keep"

    def header(self, name: str) -> str | None:
        """The first header of a name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_headers(self, headers: Mapping[str, str | None]) -> Reply:
        """The same reply with some headers set, or, with `None`, removed."""
        kept = _without(self.headers, headers)
        return replace(self, headers=kept + tuple((key, text) for key, text in headers.items() if text is not None))

    def content(self) -> Iterator[bytes]:
        """Pieces of the body with its filler."""
        yield self.body
        left = self.filler_size
        while left > 0 and self.filler:
            piece = self.filler if left >= len(self.filler) else self.filler[: int(left)]
            left -= len(piece)
            yield piece


def _without(headers: Headers, names: Collection[str]) -> Headers:
    lower = {name.lower() for name in names}
    return tuple((key, value) for key, value in headers if key.lower() not in lower)


def _same_request(request: Request) -> Request:
    return request


def _same_reply(request: Request, reply: Reply) -> Reply:
    return reply


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, and when; `swiftxrt.testing.faults` makes the usual ones.

    Parameters
    ----------
    name : str
        Its name in the log.
    change : callable, optional
        Makes of the request and the reply what is sent.
    prepare : callable, optional
        Changes the request before the server sees it.
    processed : bool, optional
        Whether the server sees the request at all; if not, the reply that
        `change` is given is empty.
    call : str, optional
        Only for requests of this kind, one of ``CALLS``; all by default.
    path : str, optional
        Only for paths like this, with ``*`` and ``?``.
    method : str, optional
        Only for this method.
    after : int, optional
        How many of these requests go well first.
    count : int, optional
        How many are struck; by default all that follow.
    probability : float, optional
        How likely one of them is struck.

    Raises
    ------
    RequestError
        If a parameter cannot be used as given.
    """

    name: str
    change: Callable[[Request, Reply], Reply] = field(default=_same_reply, repr=False)
    prepare: Callable[[Request], Request] = field(default=_same_request, repr=False)
    processed: bool = True
    call: str = ""
    path: str = "*"
    method: str = ""
    after: int = 0
    count: int | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if self.call and self.call not in CALLS:
            problems.append(("call", f"one of {', '.join(CALLS)} is needed; got {self.call!r}"))
        if self.method and (not isinstance(self.method, str) or self.method.upper() not in _METHODS):
            problems.append(("method", f"one of {', '.join(_METHODS)} is needed; got {self.method!r}"))
        if not is_number(self.after):
            problems.append(("after", f"a number from 0 on is needed; got {self.after!r}"))
        if self.count is not None and not is_number(self.count):
            problems.append(("count", f"a number from 0 on, or None, is needed; got {self.count!r}"))
        if not isinstance(self.probability, int | float) or not 0 <= self.probability <= 1:
            problems.append(("probability", f"a number from 0 to 1 is needed; got {self.probability!r}"))
        if problems:
            raise RequestError(problems, "fault")

    def on(
        self,
        call: str = "",
        *,
        path: str = "*",
        method: str = "",
        after: int = 0,
        count: int | None = None,
        probability: float = 1.0,
    ) -> Fault:
        """The same fault for certain requests only; the parameters are those of `Fault`.

        Examples
        --------
        >>> from swiftxrt.testing import faults
        >>> faults.status(503).on("status", after=2, count=1)
        Fault(name='status 503', processed=False, call='status', path='*', method='',
              after=2, count=1, probability=1.0)
        """
        return replace(self, call=call, path=path, method=method, after=after, count=count, probability=probability)

    def matches(self, request: Request) -> bool:
        """Whether a request is of the kind that can be struck."""
        return (
            self.call in ("", request.call)
            and self.method.upper() in ("", request.method)
            and fnmatchcase(request.path, self.path)
        )


@dataclass(frozen=True)
class Incident:
    """One entry of a plan's log.

    Parameters
    ----------
    request : int
        Number of the request, from 1 on.
    fault : str
        Name of the fault.
    call : str
        Kind of the call, one of ``CALLS``.
    method, path : str
        What was asked for; the content of a request is never kept.
    """

    request: int
    fault: str
    call: str
    method: str
    path: str


class FaultPlan:
    """Which faults strike which requests; can be changed while the server runs.

    All faults that strike a request act on it, in the order of the plan. With
    the same seed, and the same requests in the same order, the same requests
    are struck.

    Parameters
    ----------
    *faults : Fault
        The faults.
    seed : int, optional
        Seed of the random numbers.

    Raises
    ------
    RequestError
        If something else than faults is given.

    Examples
    --------
    >>> from swiftxrt.testing import FaultPlan, faults
    >>> plan = FaultPlan(faults.lose_reply().on("submit", count=1), faults.status(502).on(probability=0.05), seed=3)
    >>> [fault.name for fault in plan.faults]
    ['lose reply', 'status 502']
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._number = 0
        self._log: list[Incident] = []
        self._seen: Counter[str] = Counter()
        self.add(*faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults in their order."""
        with self._lock:
            return tuple(rule.fault for rule in self._rules)

    @property
    def log(self) -> tuple[Incident, ...]:
        """What struck which request, in this order."""
        with self._lock:
            return tuple(self._log)

    @property
    def seen(self) -> Counter[str]:
        """How many requests came in of each kind of call, struck or not."""
        with self._lock:
            return Counter(self._seen)

    def add(self, *faults: Fault) -> None:
        """Add faults behind those that are there."""
        _check(faults)
        with self._lock:
            self._append(faults)

    def replace(self, *faults: Fault) -> None:
        """Put faults in the place of those that are there; log and numbers stay."""
        _check(faults)
        with self._lock:
            self._rules = []
            self._append(faults)

    def _append(self, faults: Sequence[Fault]) -> None:
        first = len(self._rules)
        self._rules += [
            _Rule(fault, random.Random(f"{self._seed}:{first + number}")) for number, fault in enumerate(faults)
        ]

    def clear(self) -> None:
        """Let all go well from now on; log and numbers stay."""
        self.replace()

    def strike(self, request: Request) -> list[Fault]:
        """The faults that strike a request, which are counted and written to the log."""
        with self._lock:
            self._number += 1
            self._seen[request.call] += 1
            struck = [rule.fault for rule in self._rules if rule.strikes(request)]
            self._log += [
                Incident(self._number, fault.name, request.call, request.method, request.path) for fault in struck
            ]
        return struck


def _check(faults: Sequence[object]) -> None:
    problems = [
        (f"faults[{number}]", f"a Fault is needed, as in FaultPlan(faults.reset(), faults.html()); got {fault!r:.60}")
        for number, fault in enumerate(faults)
        if not isinstance(fault, Fault)
    ]
    if problems:
        raise RequestError(problems, "plan of faults")


class _Rule:
    """A fault with its counters."""

    def __init__(self, fault: Fault, dice: random.Random) -> None:
        self.fault = fault
        self._dice = dice
        self._matched = self._struck = 0

    def strikes(self, request: Request) -> bool:
        fault = self.fault
        if not fault.matches(request):
            return False
        self._matched += 1
        if self._matched <= fault.after or (fault.count is not None and self._struck >= fault.count):
            return False
        if self._dice.random() >= fault.probability:
            return False
        self._struck += 1
        return True
