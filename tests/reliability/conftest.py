"""The embedded service with a finished job, faults that strike it, and the client that users have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt import ImageRequest, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.backends.transport import waiting
from swiftxrt.jobs.job import Job
from swiftxrt.testing import FaultPlan, embedded_server
from swiftxrt.testing.faults import Fault, Request

USER = "someone.known@example.org"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(scope="session")
def wanted() -> XRTRequest:
    """A request that is quickly done."""
    return XRTRequest(target=Target("constant source"), image=ImageRequest())


@pytest.fixture(scope="module")
def _served(small_archive: Path, wanted: XRTRequest) -> Iterator[tuple[str, FaultPlan, str]]:
    """Address of the service, what goes wrong there, and the number of a job that is complete."""
    plan = FaultPlan()
    with embedded_server(small_archive, faults=plan) as url:
        with SwiftXRTClass(user=USER) as client:
            job = client.submit(wanted)
            job.wait(timeout=60 * u.s, progress=False)
        yield url, plan, job.id


@pytest.fixture
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxies and certificates of this machine, and no reply from earlier."""
    for name in (*PROXIES, *map(str.upper, PROXIES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with conf.set_temp("cache", False):
        yield


@pytest.fixture
def service(_served: tuple[str, FaultPlan, str]) -> str:
    """Address of the service, which ``conf.service_url`` points to."""
    return _served[0]


@pytest.fixture
def plan(_served: tuple[str, FaultPlan, str]) -> Iterator[FaultPlan]:
    """What goes wrong: nothing before and after each test."""
    yield _served[1]
    _served[1].clear()


@pytest.fixture
def asked(plan: FaultPlan) -> Callable[[str], Callable[[], int]]:
    """How many requests of a kind came in from now on."""

    def start(call: str) -> Callable[[], int]:
        before = plan.seen[call]
        return lambda: plan.seen[call] - before

    return start


@pytest.fixture
def requests() -> list[Request]:
    """What `noting` has seen."""
    return []


@pytest.fixture
def noting(requests: list[Request]) -> Fault:
    """Notes the requests; nothing goes wrong."""

    def note(request: Request) -> Request:
        requests.append(request)
        return request

    return Fault("noting", prepare=note)


@pytest.fixture
def client_of() -> Callable[[str], AbstractContextManager[SwiftXRTClass]]:
    """A client of the service at some address."""

    @contextmanager
    def ask(url: str) -> Iterator[SwiftXRTClass]:
        with conf.set_temp("service_url", url), SwiftXRTClass(user=USER) as made:
            yield made

    return ask


@pytest.fixture
def client(service: str) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(user=USER) as made:
        yield made


@pytest.fixture
def job(client: SwiftXRTClass, plan: FaultPlan, _served: tuple[str, FaultPlan, str]) -> Job:
    """A job with an image, which is complete."""
    plan.clear()
    found = client.get_job(_served[2])
    found.refresh()
    return found


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take no time here; the die always shows its highest number."""
    taken: list[float] = []
    monkeypatch.setattr(waiting, "_sleep", taken.append)
    monkeypatch.setattr(waiting, "_random", lambda: 1.0)
    return taken
