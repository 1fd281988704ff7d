"""Jobs over a backend that does what the test says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import (
    FormatError,
    JobError,
    JobLostError,
    JobTimeoutError,
    OfflineError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    ServiceError,
    ServiceUnavailableError,
)
from swiftxrt.jobs import waiting
from swiftxrt.jobs.job import Job
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.jobs.waiting import PatientLook
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.report import JobReport, Phase, ProductStatus, Step, StepState
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, SnapshotBinning
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target

REQUEST = XRTRequest(target=Target(name="X"), image=ImageRequest(), spectrum=SpectrumRequest())


class ScriptedBackend:
    """Reports the phases it was given, one set per poll, the last for ever."""

    name = "scripted"
    capabilities = frozenset(Kind)
    min_poll_interval_s = 10.0

    def __init__(self, *script: tuple[Phase, Phase]) -> None:
        self.script = list(script)
        self.polls = 0
        self.cancelled: list[Kind] = []

    def poll(self, handle: JobHandle) -> JobReport:
        phases = self.script[min(self.polls, len(self.script) - 1)]
        self.polls += 1
        texts = ["" if phase is not Phase.ERROR else "too few counts" for phase in phases]
        return JobReport(
            handle.id,
            {k: ProductStatus(p, t) for k, p, t in zip((Kind.SPECTRUM, Kind.IMAGE), phases, texts, strict=True)},
        )

    def cancel(self, handle: JobHandle, kinds: Iterable[Kind]) -> JobReport:
        self.cancelled += kinds
        return self.poll(handle)

    def collect(self, handle: JobHandle, kind: Kind) -> Any:
        return f"the {kind.title}"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def make(*script: tuple[Phase, Phase]) -> Job:
    return Job(JobHandle("7", "scripted", REQUEST), ScriptedBackend(*script))  # type: ignore[arg-type]


def test_looking_at_a_job_asks_nobody() -> None:
    job = make((Phase.COMPLETED, Phase.COMPLETED))
    assert (job.phase, job.report) == (Phase.UNKNOWN, None)
    assert "7" in repr(job)
    assert job._backend.polls == 0
    job.refresh()
    assert job.phase is Phase.COMPLETED


def test_wait_polls_no_faster_than_the_backend_allows(clock: Clock) -> None:
    job = make(*[(Phase.QUEUED, Phase.EXECUTING)] * 4, (Phase.COMPLETED, Phase.COMPLETED))
    seen = []
    job.wait(progress=seen.append)
    assert len(clock.pauses) == 4
    assert min(clock.pauses) >= 10.0
    assert clock.pauses == sorted(clock.pauses)
    assert [report.phase for report in seen] == [Phase.EXECUTING] * 4 + [Phase.COMPLETED]


def test_wait_ends_at_the_total_deadline_and_the_job_goes_on(clock: Clock) -> None:
    job = make((Phase.EXECUTING, Phase.EXECUTING))
    with pytest.raises(JobTimeoutError, match="goes on") as caught:
        job.wait(timeout=1 * u.min, progress=False)
    assert clock.now == pytest.approx(60.0)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.report.phase is Phase.EXECUTING
    assert not job._backend.cancelled


class FlakyBackend(ScriptedBackend):
    """Cannot be reached for the first looks."""

    failures = 5
    error: ServiceError = ServiceUnavailableError("no network")

    def poll(self, handle: JobHandle) -> JobReport:
        self.failures -= 1
        if self.failures >= 0:
            raise self.error
        return super().poll(handle)


NONSENSE = ProtocolError("this is HTML")


@pytest.mark.fault_case(29)
@pytest.mark.parametrize("error", [ServiceUnavailableError("no network"), NONSENSE])
def test_waiting_survives_a_service_that_is_away_for_a_while(clock: Clock, error: ServiceError) -> None:
    backend = FlakyBackend((Phase.COMPLETED, Phase.COMPLETED))
    backend.error = error
    job = Job(JobHandle("7", "scripted", REQUEST), backend)  # type: ignore[arg-type]
    assert job.wait(progress=False).phase is Phase.COMPLETED
    backend.failures = 6
    with pytest.raises(type(error)) as caught:
        job.wait(progress=False)
    assert "get_job('7')" in caught.value.__notes__[-1]
    backend.failures = 100
    with pytest.raises(JobTimeoutError, match="goes on"):
        job.wait(timeout=25 * u.s, progress=False)


@pytest.mark.parametrize("outage_s", [0.0, 7200.0])
def test_nonsense_is_forgiven_for_an_hour_once_the_service_was_reached(clock: Clock, outage_s: float) -> None:
    """Also in lists, which count failed connections themselves."""
    backend = FlakyBackend((Phase.EXECUTING, Phase.EXECUTING))
    job = Job(JobHandle("7", "scripted", REQUEST), backend)  # type: ignore[arg-type]
    look = PatientLook(job.refresh, "7", "scripted", outage_s=outage_s)
    backend.failures, backend.error = 0, NONSENSE
    assert look() is not None
    backend.failures = 1000
    for _ in range(59):
        clock.sleep(60.0)
        assert look() is None
    clock.sleep(60.0)
    with pytest.raises(ProtocolError, match="this is HTML"):
        look()


def test_waiting_without_network_on_purpose_ends_at_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def poll(self: ScriptedBackend, handle: JobHandle) -> JobReport:
        raise OfflineError("conf.offline is set")

    monkeypatch.setattr(ScriptedBackend, "poll", poll)
    with pytest.raises(OfflineError):
        make((Phase.QUEUED, Phase.QUEUED)).wait(progress=False)
    assert clock.pauses == []


def test_waiting_ends_when_nothing_is_told_any_more(clock: Clock) -> None:
    lost = make((Phase.UNKNOWN, Phase.COMPLETED))
    with pytest.raises(JobLostError, match="no longer tells"):
        lost.wait(progress=False)
    assert lost._backend.polls == 6
    silent = [(Phase.UNKNOWN, Phase.UNKNOWN)] * 5
    job = make(*silent, (Phase.EXECUTING, Phase.UNKNOWN), *silent, (Phase.COMPLETED, Phase.COMPLETED))
    assert job.wait(progress=False).phase is Phase.COMPLETED


def test_cancelling_nothing_asks_for_nothing() -> None:
    job = make((Phase.EXECUTING, Phase.EXECUTING))
    assert job.cancel([]).phase is Phase.EXECUTING
    assert job._backend.cancelled == []


def test_job_that_was_accepted_a_moment_ago_is_pending() -> None:
    backend = RebinningBackend((Phase.COMPLETED, Phase.COMPLETED))
    request = REQUEST.replace(light_curve=LightCurveRequest(binning=SnapshotBinning()))
    job = Job.accepted(JobHandle("7", "scripted", request), backend)  # type: ignore[arg-type]
    assert (job.phase, job.report.phase) == (Phase.PENDING, Phase.PENDING)
    assert "PENDING" in repr(job)
    assert job.rebin().phase is Phase.PENDING
    with pytest.raises(ProductNotAvailableError, match="PENDING: call wait"):
        job.product("image")
    assert backend.polls == 0


@pytest.mark.parametrize("phases", [(Phase.ERROR, Phase.COMPLETED), (Phase.ABORTED, Phase.COMPLETED)])
def test_cancelling_after_the_end_changes_nothing(
    clock: Clock, phases: tuple[Phase, Phase], caplog: pytest.LogCaptureFixture
) -> None:
    job = make(phases)
    before = job.result(progress=False).failed
    for _ in range(2):
        caplog.clear()
        with caplog.at_level("INFO", logger="swiftxrt"):
            report = job.cancel()
        assert "job 7: nothing is left to cancel" in caplog.text
        assert "image: COMPLETED: could not be cancelled: already finished" in str(report)
        assert report.products[Kind.SPECTRUM].remark
    assert job._backend.cancelled == []
    assert job.result(progress=False).failed == before
    with pytest.raises(ProductNotAvailableError) as caught:
        job.product("spectrum")
    assert caught.value.reason == before[Kind.SPECTRUM]


def test_only_what_is_open_is_cancelled() -> None:
    job = make((Phase.COMPLETED, Phase.EXECUTING))
    job.refresh()
    report = job.cancel()
    assert job._backend.cancelled == [Kind.IMAGE]
    assert report.products[Kind.SPECTRUM].remark == "could not be cancelled: already finished"
    assert report.products[Kind.IMAGE].remark == ""


def test_progress_of_a_job_never_goes_back() -> None:
    class Rounds(ScriptedBackend):
        states = ((2, 1), (1, 0), (2, 2))

        def poll(self, handle: JobHandle) -> JobReport:
            steps = tuple(Step("a", StepState(state)) for state in self.states[self.polls])
            self.polls += 1
            return JobReport(handle.id, {Kind.SPECTRUM: ProductStatus(Phase.EXECUTING, "", steps)})

    job = Job(JobHandle("7", "scripted", REQUEST), Rounds())  # type: ignore[arg-type]
    assert [job.refresh().fraction for _ in range(3)] == [0.75, 0.75, 1.0]


def test_set_says_where_it_comes_from(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Provenance(backend="local", software="x 1", inputs=("a",), service="s", api_version="2", notes=("n",))

    def collect(self: ScriptedBackend, handle: JobHandle, kind: Kind) -> Any:
        return Position(SkyCoord(1 * u.deg, 2 * u.deg), 3 * u.arcsec, provenance=told)

    assert make((Phase.COMPLETED, Phase.COMPLETED)).result(progress=False).provenance.backend == "scripted"
    monkeypatch.setattr(ScriptedBackend, "collect", collect)
    found = make((Phase.COMPLETED, Phase.COMPLETED)).result(progress=False).provenance
    assert (found.backend, found.software, found.inputs, found.notes) == ("local", "x 1", ("a",), ())
    assert (found.service, found.api_version, found.job_id) == ("s", "2", "7")
    assert found.request_digest == REQUEST.digest
    assert found.client.startswith("swiftxrt ")
    assert found.created


@pytest.mark.parametrize("timeout", [60, 3 * u.m, [1, 2] * u.s, float("nan") * u.s, -1 * u.s])
def test_wait_wants_a_time(timeout: Any) -> None:
    with pytest.raises(RequestError, match="timeout"):
        make((Phase.EXECUTING, Phase.EXECUTING)).wait(timeout=timeout)


def test_result_keeps_what_came_and_says_why_the_rest_did_not(clock: Clock) -> None:
    products = make((Phase.ERROR, Phase.COMPLETED)).result(progress=False)
    assert products["image"] == "the image"
    assert products.failed == {Kind.SPECTRUM: "too few counts"}
    assert products.request == REQUEST


def test_cancelled_products_are_named_so(clock: Clock) -> None:
    products = make((Phase.ABORTED, Phase.COMPLETED)).result(progress=False)
    assert products.failed == {Kind.SPECTRUM: "it was cancelled"}


def test_no_product_at_all_is_an_error(clock: Clock) -> None:
    with pytest.raises(JobError, match="too few counts"):
        make((Phase.ERROR, Phase.ABORTED)).result(progress=False)


def test_product_before_its_end() -> None:
    job = make((Phase.EXECUTING, Phase.COMPLETED))
    with pytest.raises(ProductNotAvailableError, match="wait"):
        job.product("image")
    job.refresh()
    assert job.product("image") == "the image"
    with pytest.raises(ProductNotAvailableError, match="EXECUTING"):
        job.product(Kind.SPECTRUM)


def test_cancel_some_or_all() -> None:
    job = make((Phase.EXECUTING, Phase.EXECUTING))
    job.cancel("image")
    assert job._backend.cancelled == [Kind.IMAGE]
    job.cancel()
    assert job._backend.cancelled == [Kind.IMAGE, Kind.SPECTRUM, Kind.IMAGE]
    with pytest.raises(RequestError, match="did you mean 'spectrum'"):
        job.cancel(["spectra"])


def test_product_that_cannot_be_read_does_not_cost_the_others(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(self: ScriptedBackend, handle: JobHandle, kind: Kind) -> Any:
        if kind is Kind.SPECTRUM:
            raise FormatError("damaged", "x.tar.gz")
        return "the image"

    monkeypatch.setattr(ScriptedBackend, "collect", collect)
    with pytest.warns(PartialResultWarning, match="x.tar.gz: damaged; call product"):
        products = make((Phase.COMPLETED, Phase.COMPLETED)).result(progress=False)
    assert list(products) == [Kind.IMAGE]
    assert products.failed == {Kind.SPECTRUM: "x.tar.gz: damaged"}
    with pytest.raises(JobError, match="x.tar.gz: damaged.*again later") as caught:
        make((Phase.COMPLETED, Phase.ERROR)).result(progress=False)
    assert isinstance(caught.value.__cause__, FormatError)


def test_parameters_and_kind_of_job() -> None:
    handle = JobHandle("7", "scripted", REQUEST, rebin_of="3", parameters={"lc": 1})
    job = Job(handle, ScriptedBackend((Phase.QUEUED, Phase.QUEUED)))  # type: ignore[arg-type]
    assert (job.parameters["lc"], job.rebin_of) == (1, "3")
    with pytest.raises(TypeError):
        job.parameters["lc"] = 2  # type: ignore[index]
    assert handle == JobHandle("7", "scripted", REQUEST, rebin_of="3", parameters={"lc": 2})
    assert len({handle, handle}) == 1


class RebinningBackend(ScriptedBackend):
    def rebin(self, handle: JobHandle, request: LightCurveRequest) -> JobHandle:
        self.asked = request
        new = REQUEST.replace(light_curve=request, image=None, spectrum=None)
        return JobHandle("8", self.name, new, rebin_of=handle.id)


def test_rebinning_keeps_what_is_not_changed() -> None:
    before = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), band="1-10 keV")
    backend = RebinningBackend((Phase.COMPLETED, Phase.COMPLETED))
    job = Job(JobHandle("7", "scripted", REQUEST.replace(light_curve=before)), backend)  # type: ignore[arg-type]
    new = job.rebin(SnapshotBinning(), significance=5)
    assert backend.asked == before.replace(binning=SnapshotBinning(), significance=5)
    assert (new.id, new.rebin_of, new.kinds) == ("8", "7", (Kind.LIGHT_CURVE,))
    assert job.rebin(band="2-10 keV", soft="2-3 keV").request.light_curve.binning == before.binning
    with pytest.raises(RequestError, match="did you mean 'significance'"):
        job.rebin(significanse=5)
    with pytest.raises(RequestError, match="light_curve: is not part of this job, which has spectrum, image"):
        make((Phase.COMPLETED, Phase.COMPLETED)).rebin(SnapshotBinning())


@pytest.mark.parametrize(
    ("phases", "overall"),
    [
        ((Phase.COMPLETED, Phase.ERROR), Phase.COMPLETED),
        ((Phase.ABORTED, Phase.ERROR), Phase.ERROR),
        ((Phase.ABORTED, Phase.ABORTED), Phase.ABORTED),
        ((Phase.QUEUED, Phase.EXECUTING), Phase.EXECUTING),
        ((Phase.QUEUED, Phase.COMPLETED), Phase.QUEUED),
        ((Phase.SUSPENDED, Phase.QUEUED), Phase.QUEUED),
        ((Phase.UNKNOWN, Phase.COMPLETED), Phase.UNKNOWN),
    ],
)
def test_phase_of_the_whole_job(phases: tuple[Phase, Phase], overall: Phase) -> None:
    assert make(phases).refresh().phase is overall
