"""A service that plays back what it is given, over real HTTP on this machine, and recorded exchanges for it."""

from __future__ import annotations

import json
import logging
import pickle
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import SwiftXRTClass, XRTRequest, conf
from swiftxrt.exceptions import SwiftXRTError
from swiftxrt.io.spectrum import write_slice_archive
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.countspectrum import CountSpectrum

OBJECTS = "/user_objects/"
REAL_HOST = "https://www.swift.ac.uk"
PLACEHOLDERS = ("YOUR_EMAIL_ADDRESS", "NO-ONE")  # of whoever asks, in the recorded exchanges
JOB = "951"
JOB_URL = f"{REAL_HOST}/user_objects/tprods/USERPROD_{JOB}"
#: Parameters of a job as the service reports them; flags say which products it has.
PARAMETERS = {
    "name": "GRB 200416A",
    "targ": "00966554",
    "RA": "335.6985",
    "Dec": "-7.5179",
    "cent": 0,
    "useSXPS": 0,
    "Tstart": 608713541.952,
}
PRODUCT_PARAMETERS: dict[str, dict[str, Any]] = {
    "lc": {"lc": 1, "binMeth": "counts", "pccounts": 20, "wtcounts": 30, "dynamic": 1},
    "spec": {"spec": 1, "specz": 0},
    "sourceDet": {"sourceDet": 1, "detobs": "all", "detbands": "all"},
}

EXCHANGES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "golden_exchanges.json").read_text(encoding="utf-8")
)["exchanges"]
_VARIANTS = ({"nosys": "both", "incbad": "both"}, "all variants of a light curve are fetched at once")
#: Where our request differs from the recorded one on purpose, and why.
DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "exchange_40_source_list": (
        {"Provenance": "yes"},
        "embedded servers tell it; the real service is not asked for it",
    ),
    "exchange_50_light_curve": _VARIANTS,
    "exchange_51_light_curve_obsid_incbad": _VARIANTS,
    "exchange_80_rebin": ({"timeFormat": "mjd"}, "the name of the format as everywhere else in the protocol"),
    "exchange_83_rebin_get": _VARIANTS,
}
#: Identifiers, which the service takes and gives as numbers and as texts.
_IDENTIFIERS = ("JobID", "oldJob", "objectID")
#: What an error may tell the user to do.
_ADVICE = re.compile(
    r"try again|register|submit|look |look for|check |report it|ask |give |call |set |get_job|list_jobs|download\(\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    method: str
    path: str
    json: Any


class Playback:
    """Gives each address its answers, one after the other, the last one for ever; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, list[tuple[int, bytes]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, *replies: Any, status: int = 200) -> None:
        """Set the answers of an address: objects are sent as JSON, texts and bytes as they are.

        Addresses of the real service in them become addresses here.
        """
        self._answers[_full(path)] = [(status, self._body(reply)) for reply in replies]

    def asked_at(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == _full(path)]

    def reply_to(self, asked: Asked) -> tuple[int, bytes]:
        self.asked.append(asked)
        answers = self._answers.get(asked.path)
        if not answers:
            return 404, b"<html>no such page</html>"
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _body(self, reply: Any) -> bytes:
        if isinstance(reply, bytes):
            return reply
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return text.replace(REAL_HOST, self.url).encode()

    @staticmethod
    def ok(**content: Any) -> dict[str, Any]:
        return {"OK": 1, "APIVersion": "1.12", **content}

    @staticmethod
    def refusal(text: str, **content: Any) -> dict[str, Any]:
        return {"OK": 0, "APIVersion": "1.12", "ERROR": text, **content}

    @classmethod
    def statuses(cls, **codes: Any) -> dict[str, Any]:
        """The status reply for products by their codes."""
        entries = {
            code: {"statusCode": value, "statusText": "", "progress": {"GotProgress": 0}}
            for code, value in codes.items()
        }
        return cls.ok(JobID=int(JOB), **entries)


def _full(path: str) -> str:
    return path if path.startswith("/") else OBJECTS + path


def _handler(playback: Playback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(Asked("POST", self.path, json.loads(body)))

        def do_GET(self) -> None:
            self._reply(Asked("GET", self.path, None))

        def _reply(self, asked: Asked) -> None:
            status, body = playback.reply_to(asked)
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture
def played() -> Iterator[Playback]:
    playback = Playback()
    try:
        with conf.set_temp("service_url", playback.url):
            yield playback
    finally:
        playback.close()


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """Ask the service each time: some tests change what it says of the same product."""
    with conf.set_temp("cache", False):
        yield


@pytest.fixture
def user() -> str:
    """Who asks; the address must not get out."""
    return "Someone.Known@example.org"


@pytest.fixture
def client(user: str) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(user=user) as made:
        yield made


@pytest.fixture
def find_job(played: Playback, client: SwiftXRTClass) -> Callable[..., Job]:
    """A job with the products of these codes, found again and all complete unless a code says otherwise."""

    def find(*codes: str, **status_codes: Any) -> Job:
        parameters = dict(PARAMETERS)
        for code in codes:
            parameters |= PRODUCT_PARAMETERS.get(code, {Kind.from_code(code).flag: 1})
        played.answer("getOldProduct.php", played.ok(oldJob=int(JOB), URL=JOB_URL, jobPars=parameters))
        played.answer("checkProductStatus.php", played.statuses(**(dict.fromkeys(codes, 4) | status_codes)))
        job = client.get_job(JOB)
        job.refresh()
        return job

    return find


@pytest.fixture
def archive(tmp_path) -> Callable[..., bytes]:
    """The archive of one time slice with a spectrum in each mode."""

    def pack(label: str = "interval0", *modes: str) -> bytes:
        members = [
            CountSpectrum(counts=[0] * 30 + [2] * 994, exposure=100 * u.s, mode=mode, label=label)
            for mode in modes or ("WT",)
        ]
        path = tmp_path / f"{label}.tar.gz"
        write_slice_archive(members, path, t0_met=PARAMETERS["Tstart"], position=None)
        return path.read_bytes()

    return pack


@dataclass
class Scene:
    """One recorded exchange, and what plays it."""

    exchange: dict[str, Any]
    exchanges: dict[str, Any]
    played: Playback
    client: SwiftXRTClass
    find_job: Callable[..., Job]
    archive: Callable[..., bytes]
    folder: Path

    def request(self) -> XRTRequest:
        return XRTRequest.from_wire(self.exchange["request"]["json"])

    def product(self, code: str) -> Any:
        return self.find_job(code).product(Kind.from_code(code))


@pytest.fixture
def exchanges() -> dict[str, Any]:
    return EXCHANGES


@pytest.fixture
def differences() -> dict[str, Any]:
    return DIFFERENCES


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    played: Playback,
    client: SwiftXRTClass,
    user: str,
    find_job: Any,
    archive: Any,
    tmp_path: Path,
) -> Iterator[Scene]:
    """The recorded exchange that the test is named after; afterwards, what we sent is compared with it."""
    name = request.node.name.removeprefix("test_")
    exchange = EXCHANGES[name]
    sent, reply = exchange["request"], exchange["reply"]
    played.answer(sent["path"], reply.get("json", reply.get("text")), status=reply["status"])
    yield Scene(exchange, EXCHANGES, played, client, find_job, archive, tmp_path / "out")
    ours = next(asked for asked in played.asked if asked.path == sent["path"])
    assert ours.method == sent["method"]
    if sent["json"] is not None:
        expected = {key: user if value in PLACEHOLDERS else value for key, value in sent["json"].items()}
        changed, _ = DIFFERENCES.get(name, ({}, ""))
        assert _spelled_alike(ours.json) == _spelled_alike(expected | changed)
        assert all(sent["json"].get(key) != value for key, value in changed.items()), "a difference that is none"


def _spelled_alike(message: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if key in _IDENTIFIERS else value for key, value in message.items()}


@pytest.fixture(autouse=True)
def _nothing_told_in_logs(caplog: pytest.LogCaptureFixture, user: str) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert user.lower() not in caplog.text.lower()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.jobs.waiting.time.sleep", lambda seconds: None)


def texts_of(error: BaseException) -> Iterator[str]:
    """All that the error and its causes show, with the local variables on the way (but not those of the tests)."""
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield from getattr(error, "__notes__", ())
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if not {"tests", "_pytest"} & set(Path(frame.f_code.co_filename).parts):
            yield from map(_shown, frame.f_locals.values())
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from texts_of(other)


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except AttributeError:  # of something half made
        return ""


@pytest.fixture
def check_secrecy(user: str) -> Callable[[BaseException], None]:
    """Nothing that belongs to an error shows the user's address."""

    def check(error: BaseException) -> None:
        for text in texts_of(error):
            assert user.lower() not in text.lower()

    return check


@pytest.fixture
def check_error(check_secrecy: Callable[[BaseException], None]) -> Callable[[BaseException], None]:
    """What holds for every error a broken service can cause: it says what to do, travels, and hides the address."""

    def check(error: BaseException) -> None:
        assert isinstance(error, SwiftXRTError)
        assert _ADVICE.search(str(error)), f"says nothing about what to do: {error}"
        travelled = pickle.loads(pickle.dumps(error))
        assert (type(travelled), str(travelled)) == (type(error), str(error))
        check_secrecy(error)

    return check
