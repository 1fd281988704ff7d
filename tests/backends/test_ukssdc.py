"""The backend of the service, over replies of every kind."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    CountsBinning,
    FirstHours,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    SnapshotBinning,
    SpectrumRequest,
    SwiftXRTClass,
    Target,
    XRTRequest,
    conf,
)
from swiftxrt.backends.ukssdc import connection
from swiftxrt.backends.ukssdc.products import UKSSDCBackend
from swiftxrt.catalog import spectrum_archives
from swiftxrt.exceptions import (
    FormatError,
    JobLostError,
    NotRegisteredError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceUnavailableError,
    ServiceWarning,
)
from swiftxrt.jobs.job import Job
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.report import JobSummary, Phase
from swiftxrt.request.extraction import ExtractionSettings
from swiftxrt.wire import envelope, status
from swiftxrt.wire.jobpars import job_parameters

USER = "someone@example.org"
URL = "https://www.swift.ac.uk/user_objects/tprods/USERPROD_951/"
REQUEST = XRTRequest(target=Target("X"), image=ImageRequest(), light_curve=LightCurveRequest(binning=SnapshotBinning()))
HANDLE = JobHandle("951", "ukssdc", REQUEST, URL.rstrip("/"))
REBINNED = JobHandle("77", "ukssdc", REQUEST.replace(image=None), rebin_of="951")


class FakeTransport:
    """Gives the replies one after the other, the last one for ever."""

    base_url = conf.service_url

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def post(self, path: str, payload: dict[str, Any], **_: Any) -> tuple[Any, str]:
        self.sent.append((path, json.loads(json.dumps(payload))))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply, f"{self.base_url}/{path}"

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        self.sent.append((url, {}))
        if "absent" in url:
            raise ServiceUnavailableError("not there", url=url)
        path.write_bytes(b"")
        return path

    def download(self, url: str, path: Path, *, overwrite: bool = False) -> Any:
        self.fetch(url, path)
        return SimpleNamespace(outcome="fetched")

    def close(self) -> None:
        pass


@pytest.fixture
def answering() -> Callable[..., UKSSDCBackend]:
    def make(*replies: Any) -> UKSSDCBackend:
        backend = UKSSDCBackend(user=f" {USER} ")
        service = backend._service
        service._transport, service._transport_user = FakeTransport(*replies), USER  # type: ignore[assignment]
        return backend

    return make


def sent(backend: UKSSDCBackend) -> list[tuple[str, dict[str, Any]]]:
    return backend._service._transport.sent  # type: ignore[union-attr]


@pytest.mark.parametrize("parameters", [[], None, {"RA": "x", "Dec": "y"}])
def test_accepted_job_is_not_lost_over_its_parameters(answering: Any, parameters: Any) -> None:
    backend = answering(envelope.success({"URL": URL, "JobID": 951, "jobPars": parameters}))
    with pytest.warns(ServiceWarning, match="951 was accepted"):
        handle = backend.submit(REQUEST)
    assert (handle.id, handle.request, handle.url) == ("951", REQUEST, URL.rstrip("/"))
    assert handle.submitted.tzinfo is not None
    assert sent(backend)[0][1]["UserID"] == USER


@pytest.mark.parametrize("name", ["source_region", "background_region"])
def test_regions_of_ones_own_are_refused(answering: Any, name: str) -> None:
    backend = answering(envelope.success({"URL": URL, "JobID": 951, "jobPars": []}))
    own = ExtractionSettings(**{name: 'fk5\ncircle(21.7,33.1,47")'})
    with pytest.raises(RequestError, match=rf"extraction\.{name}: .* use the local engine"):
        backend.submit(REQUEST.replace(extraction=own))
    assert not sent(backend)


def test_unreadable_setting_leaves_the_target_that_was_found(answering: Any) -> None:
    parameters = {"RA": "150", "Dec": "20", "targ": "00012345", "lc": 1, "binMeth": "moon"}
    with pytest.warns(ServiceWarning, match="moon"):
        handle = answering(envelope.success({"URL": URL, "JobID": 951, "jobPars": parameters})).submit(REQUEST)
    assert handle.request.target.target_ids == ("00012345",)
    assert handle.request.target.position.ra.deg == 150
    assert handle.request.replace(target=REQUEST.target) == REQUEST


def test_what_the_service_completed_comes_back_into_the_request(answering: Any) -> None:
    request = XRTRequest(
        target=Target("X", resolve_t0=True),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
        spectrum=SpectrumRequest(data=FirstHours(3 * u.h)),
        position=PositionRequest("astrometric"),
    )
    parameters = {
        "UserID": USER,
        "RA": "150.5",
        "Dec": "-20.25",
        "targ": "00012345,00012346",
        "Tstart": 608713541.952,
        "minsnr": "1.5",
        "image": 0,
        "sourceDet": None,
        "pccounts": "",
        "spec": 0,
        "minen": "0.3",
        "maxen": "10",
        "whatSXPS": "LSXPS",
        "dopsf": 1,
    }
    handle = answering(envelope.success({"URL": URL, "JobID": "951", "jobPars": parameters})).submit(request)
    found = handle.request
    assert found.target.position.ra.deg == 150.5
    assert found.target.target_ids == ("00012345", "00012346")
    assert (found.target.t0_met, found.target.resolve_t0) == (608713541.952, False)
    assert found.light_curve.binning.pc_counts == 20
    assert found.light_curve.binning.min_snr == 1.5
    assert str(found.light_curve.band) == "0.3-10 keV"
    assert found.spectrum.data == FirstHours(3 * u.h)
    # What was asked for stays, and the standard position, which the astrometric one is built on, is made too.
    assert found.kinds == (Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.STANDARD_POSITION, Kind.ASTROMETRIC_POSITION)
    assert handle.parameters["whatSXPS"] == "LSXPS"
    assert "UserID" not in handle.parameters
    known = {"submitted": handle.submitted, "service": "https://www.swift.ac.uk"}
    assert handle == JobHandle("951", "ukssdc", found, URL.rstrip("/"), **known)


def test_completed_request_is_the_one_that_the_server_keeps(answering: Any) -> None:
    """What the embedded server stores comes back the same: defaults, target, times."""
    request = XRTRequest(
        target=Target("X", resolve_t0=True),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), band="0.5-5 keV"),
        spectrum=SpectrumRequest(redshift=0.3),
        position=PositionRequest(kinds=("standard", "enhanced", "astrometric"), data=FirstHours(2 * u.h)),
        image=ImageRequest(bands=["0.3-10 keV", "1-2 keV"]),
    )
    position = SkyCoord(150.123456789 * u.deg, -20.987654321 * u.deg)
    target = Target("X", position=position, target_ids=("00012345",), t0=608713541.952 * u.s)
    stored = request.with_defaults().replace(target=target)
    reply = {"URL": URL, "JobID": "7", "jobPars": json.loads(json.dumps(job_parameters(stored, USER)))}
    assert answering(envelope.success(reply)).submit(request).request == stored


@pytest.mark.parametrize("missing", ["URL", "JobID"])
def test_acceptance_without_a_job(answering: Any, missing: str) -> None:
    reply = {"URL": URL, "JobID": 951, "jobPars": {}} | {missing: None}
    with pytest.raises(ProtocolError, match=f"lacks {missing}"):
        answering(envelope.success(reply)).submit(REQUEST)


def test_failed_submission(answering: Any) -> None:
    with pytest.raises(ServiceUnavailableError, match="no answer") as caught:
        answering(ServiceUnavailableError("no answer", url="u", status=502)).submit(REQUEST)
    assert caught.value.status == 502


def test_old_job(answering: Any) -> None:
    parameters = {"name": "X", "RA": "150", "Dec": "20", "targ": "00012345", "image": 1, "cent": 1, "useSXPS": 0}
    handle = answering(envelope.success({"URL": URL, "oldJob": 951, "jobPars": parameters})).recall("951")
    assert handle.request.kinds == (Kind.IMAGE,)
    assert handle.submitted is None
    assert handle.parameters == parameters
    with pytest.raises(ProtocolError, match="job 951"):
        answering(envelope.success({"URL": URL, "oldJob": 951, "jobPars": {"RA": "x"}})).recall("951")


def test_old_job_without_target_ids(answering: Any) -> None:
    parameters = {"name": "X", "RA": "150", "Dec": "20", "targ": "{}", "image": 1, "cent": 1, "useSXPS": 0}
    handle = answering(envelope.success({"URL": URL, "oldJob": 951, "jobPars": parameters})).recall("951")
    assert handle.request.target.target_ids is None
    assert handle.request.target.position.ra.deg == 150


# Places

PLACES = ("https://first.example", "https://second.example/")


class Service(FakeTransport):
    """One of several services, all of which have a job 951."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def post(self, path: str, payload: dict[str, Any], **_: Any) -> tuple[Any, str]:
        self.sent.append((path, payload))
        if payload.get("APIFunc") == "rebinLightCurve":
            return {"OK": 1, "JobID": 77}, path
        if "APIFunc" in payload:
            return {"OK": 1, "status": 3}, path
        parameters = job_parameters(REQUEST.with_defaults(), USER)
        state = {"lc": {"statusCode": 4}, "image": {"statusCode": 3}, "statusCodes": {"lc": 1, "image": 0}}
        url = f"{self.base_url}/951"
        return envelope.success({"URL": url, "JobID": 951, "oldJob": 951, "jobPars": parameters} | state), path


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: dict[str, Service] = {}
    monkeypatch.setattr(connection, "Transport", lambda url, user: made.setdefault(url, Service(url)))
    with conf.set_temp("user", USER):
        yield made


def at(place: str) -> Any:
    return conf.set_temp("service_url", place)


def test_job_stays_with_its_service(places: Any, tmp_path: Path) -> None:
    """A number is that of another job at another service."""
    client = SwiftXRTClass()
    with at(PLACES[0]):
        first = client.submit(REQUEST)
        refreshed = first.rebin(SnapshotBinning())
    with at(PLACES[1]):
        second, again = client.submit(REQUEST), pickle.loads(pickle.dumps(first))
        with at(PLACES[0]):
            found = client.get_job("951")
        assert [job.service for job in (first, again, found, refreshed)] == ["https://first.example"] * 4
        before = len(places["https://second.example"].sent)
        for job in (first, again, found, refreshed):
            job.refresh()
            job.cancel("light_curve")
            job.rebin()
        first.download(tmp_path, kinds="light_curve")
        assert len(places["https://second.example"].sent) == before
        assert (second.service, client.submit(REQUEST).service) == ("https://second.example",) * 2
        second.refresh()
        assert len(places["https://second.example"].sent) == before + 2
    assert any("https://first.example/951/lc.tar.gz" in path for path, _ in places["https://first.example"].sent)
    client.close()


def test_pause_between_looks_is_that_of_the_jobs_service(places: Any) -> None:
    with at("http://127.0.0.1:8080"):
        backend = UKSSDCBackend()
    with at(PLACES[0]):
        assert (backend.min_poll_interval_s, UKSSDCBackend().min_poll_interval_s) == (0.2, 60.0)


def test_job_of_another_service_is_refused(places: Any, tmp_path: Path) -> None:
    with at(PLACES[0]):
        handle = UKSSDCBackend().submit(REQUEST)
    with at(PLACES[1]):
        other = UKSSDCBackend()
    for act in (
        lambda: other.poll(handle),
        lambda: other.cancel(handle, REQUEST.kinds),
        lambda: other.collect(handle, Kind.IMAGE),
        lambda: other.rebin(handle, REQUEST.light_curve),
        lambda: other.download(handle, Kind.IMAGE, tmp_path / "image.zip", overwrite=False),
    ):
        with pytest.raises(JobLostError, match="job 951 belongs to https://first.example"):
            act()
    assert list(places) == ["https://first.example"]


@pytest.mark.parametrize("job_id", ["abc", "", None, True, -1, "9.5", "../7", "\u0664"])
def test_what_is_no_number_of_a_job_is_not_asked_for(places: Any, job_id: Any) -> None:
    with pytest.raises(RequestError, match="job_id: the number of a job is needed"):
        SwiftXRTClass().get_job(job_id)
    assert not places


def test_rebinning_is_found_in_the_job_book(places: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SwiftXRTClass()
    made = client.submit(REQUEST).rebin(SnapshotBinning())
    with pytest.warns(ServiceWarning, match="job 77 is an ordinary job.*'951'"):
        assert client.get_job("77").rebin_of is None
    owned = "Job 77 is not owned by user x"
    monkeypatch.setattr(Service, "post", lambda self, path, payload, **options: (envelope.failure(owned), path))
    found = client.get_job(77)
    assert (found.id, found.rebin_of, found.request, found.phase) == ("77", "951", made.request, Phase.PENDING)
    made.forget()
    with pytest.raises(JobLostError, match="numbers of their own.*rebin"):
        client.get_job("77")
    client.close()


def test_job_of_another_user(answering: Any) -> None:
    backend = answering(envelope.failure(f"Job 951 is not owned by user {USER}"))
    for ask in (
        lambda: backend.recall("951"),
        lambda: backend.poll(HANDLE),
        lambda: backend.cancel(HANDLE, REQUEST.kinds),
    ):
        with pytest.raises(JobLostError, match="not owned by user <your") as caught:
            ask()
        assert caught.value.job_id == "951"


def test_each_cancellation_tells_what_came_of_it(answering: Any) -> None:
    cancelled = envelope.success({"statusCodes": {"lc": 0, "image": 1}}, code=2)
    state = envelope.success({"lc": {"statusCode": -4}, "image": {"statusCode": 4}})
    report = answering(cancelled, state).cancel(HANDLE, REQUEST.kinds)
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.ABORTED
    assert report.products[Kind.LIGHT_CURVE].text == ""
    assert report.products[Kind.IMAGE].text == ""
    assert "image: COMPLETED: could not be cancelled: already finished" in str(report)


def test_second_cancellation_says_so(answering: Any) -> None:
    state = envelope.success({"lc": {"statusCode": -4}, "image": {"statusCode": 3}})
    backend = answering(envelope.success({"statusCodes": {"lc": 1, "image": 3}}, code=2), state)
    report = backend.cancel(HANDLE, REQUEST.kinds)
    curve = report.products[Kind.LIGHT_CURVE]
    assert (curve.text, curve.remark) == ("", "is cancelled already")
    assert "does not say why" in report.products[Kind.IMAGE].remark
    assert sent(backend)[0] == (
        "user_objects/canceljob.php",
        {"UserID": USER, "JobID": "951", "what": "lc,image", "api_name": "xrt_prods", "api_version": "1.12"},
    )


def test_list_and_number_of_jobs(answering: Any) -> None:
    row = {"JobID": 3414, "Name": "X", "DateSubmitted": "2020-07-23 17:32:29", "Spectrum": True, "hasProd": True}
    backend = answering(envelope.success({"jobs": [row]}))
    when = datetime(2020, 7, 23, 17, 32, 29, tzinfo=UTC)
    assert backend.list_jobs() == [JobSummary("3414", "X", when, (Kind.SPECTRUM,), True)]
    assert answering(envelope.success({"numJobs": "3"})).count_active_jobs() == 3
    with pytest.raises(NotRegisteredError):
        answering(envelope.failure(f"The user `{USER}` is not recognised / validated")).count_active_jobs()


# Rebinning


def test_life_of_a_rebinning(answering: Any) -> None:
    done = {"OK": 1, "status": 4, "text": "Complete"}
    backend = answering({"OK": 1, "JobID": 77}, {"OK": 1, "status": 3, "text": "Running"}, done)
    job = Job(HANDLE, backend).rebin(CountsBinning(pc_counts=20, wt_counts=30), time_format="mjd")
    assert (job.id, job.rebin_of, job.kinds, job.url) == ("77", "951", (Kind.LIGHT_CURVE,), None)
    assert job.request.light_curve.binning.pc_counts == 20
    assert job.request.light_curve.time_format == "mjd"
    assert job.refresh().phase is Phase.EXECUTING
    assert job.refresh().phase is Phase.COMPLETED
    start, state, _ = sent(backend)
    assert start == (
        "API/main.php",
        {
            "type": "UOB_LC",
            "objectID": "951",
            "binMeth": "counts",
            "pcCounts": 20,
            "wtCounts": 30,
            "dynamic": True,
            "timeFormat": "mjd",
            "name": "X",
            "APIFunc": "rebinLightCurve",
            "APIVersion": "1.0.5",
        },
    )
    assert state == ("API/main.php", {"JobID": 77, "APIFunc": "checkRebinStatus", "APIVersion": "1.0.5"})


def test_rebinning_again_starts_from_the_job_itself(answering: Any) -> None:
    backend = answering({"OK": 1, "JobID": "78"})
    assert Job(REBINNED, backend).rebin().rebin_of == "951"
    assert sent(backend)[0][1]["objectID"] == "951"


def test_cancelled_rebinning(answering: Any) -> None:
    backend = answering({"OK": 1}, {"OK": 1, "status": -4, "text": "Cancelled"})
    assert Job(REBINNED, backend).cancel().phase is Phase.ABORTED
    assert sent(backend)[0][1] == {"JobID": 77, "APIFunc": "cancelRebin", "APIVersion": "1.0.5"}
    late = answering({"APIVersion": "1.0.5"}, {"OK": 1, "status": 4, "text": "Complete"})
    report = Job(REBINNED, late).cancel()
    assert report.products[Kind.LIGHT_CURVE].remark == "could not be cancelled: already finished"


def test_rebinning_that_is_refused_or_lost(answering: Any) -> None:
    refused = answering({"ERROR": 4, "ERRORTEXT": "too many bins", "APIVersion": "1.0.5"})
    with pytest.raises(RequestRejectedError, match="too many bins"):
        refused.rebin(HANDLE, REQUEST.light_curve)
    with pytest.raises(ProductNotAvailableError, match="too many bins"):
        refused.collect(REBINNED, Kind.LIGHT_CURVE)
    lost = answering({"ERROR": 1, "ERRORTEXT": "There is no job 77 with a light curve."})
    with pytest.raises(JobLostError) as caught:
        lost.poll(REBINNED)
    assert caught.value.job_id == "77"
    with pytest.raises(ProtocolError, match="does not name it"):
        answering({"OK": 1}).rebin(HANDLE, REQUEST.light_curve)
    with pytest.raises(ProtocolError, match="'OK'"):
        answering({"JobID": 77}).rebin(HANDLE, REQUEST.light_curve)


def test_rebinning_without_a_curve(answering: Any, tmp_path: Path) -> None:
    backend = answering({"OK": 1, "Datasets": [], "NOLC": 1})
    with pytest.raises(ProductNotAvailableError, match="no light curve: nothing is left"):
        backend.collect(REBINNED, Kind.LIGHT_CURVE)
    path, payload = sent(backend)[0]
    assert path == "API/main.php"
    assert payload == {
        "type": "REBIN_LC",
        "objectID": 77,
        "incbad": "both",
        "nosys": "both",
        "APIFunc": "downloadLightCurve",
        "APIVersion": "1.0.5",
    }
    with pytest.raises(ProductNotAvailableError, match="use product"):
        backend.download(REBINNED, Kind.LIGHT_CURVE, tmp_path / "lc.zip", overwrite=False)


# Results


def test_complete_product_that_the_service_does_not_have(answering: Any) -> None:
    with pytest.raises(ProductNotAvailableError, match="light curve: the service refused: no data") as caught:
        answering(envelope.failure("no data")).collect(HANDLE, Kind.LIGHT_CURVE)
    assert caught.value.kind == "light curve"


def test_light_curves_are_asked_for_with_all_their_variants(answering: Any) -> None:
    backend = answering(envelope.failure("no data"))
    with pytest.raises(ProductNotAvailableError):
        backend.collect(HANDLE, Kind.LIGHT_CURVE)
    ((path, payload),) = sent(backend)
    assert path == "user_objects/tprods/getLCData.php"
    assert (payload["nosys"], payload["incbad"]) == ("both", "both")


def slices(*urls: str) -> dict[str, Any]:
    blocks = {f"s{n}": {"DataFile": url, "Modes": ["PC"]} for n, url in enumerate(urls)}
    return envelope.success({"T0": 6e8, "rnames": list(blocks), **blocks})


def read_slice(path: Path) -> tuple[CountSpectrum, ...]:
    if path.name == "slice1.tar.gz":
        raise FormatError("damaged", path)
    return (CountSpectrum(counts=[1] * 100, exposure=10 * u.s, mode="PC", label=path.name[:6].replace("slice", "s")),)


def test_spectra_of_which_some_slices_cannot_be_had(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum_archives, "read_slice_archive", read_slice)
    handle = JobHandle("951", "ukssdc", REQUEST.replace(spectrum=SpectrumRequest()), URL)
    backend = answering(slices("https://x/0", "https://x/damaged", "https://x/absent"))
    with pytest.warns(PartialResultWarning, match="s1: .*damaged; s2: not there"):
        spectra = backend.collect(handle, Kind.SPECTRUM)
    assert len(spectra) == 1
    assert {"s1", "s2"} <= set(spectra.missing)
    with pytest.raises(ServiceUnavailableError, match="not there"):
        answering(slices("https://x/absent", "https://x/damaged")).collect(handle, Kind.SPECTRUM)
    nothing = envelope.success({"rnames": ["s0"], "s0": {"NOSPEC": "too few counts"}})
    with pytest.raises(ProductNotAvailableError, match="too few counts"):
        answering(nothing).collect(handle, Kind.SPECTRUM)


def test_list_of_sources(answering: Any) -> None:
    source = {"sno": "1", "x": "504.0", "y": "470.4", "ra": "32.15", "dec": "56.94", "err90": "3.5", "C": "12"}
    source |= {
        f"{axis}_{side}": f"{sign}0.0001" for axis in ("ra", "dec") for side, sign in (("pos", ""), ("neg", "-"))
    }
    backend = answering(envelope.success({"Total": [source]}))
    found = backend.collect(HANDLE, Kind.SOURCES)
    assert found["total"]["position"][0].ra.deg == 32.15
    path, payload = sent(backend)[0]
    assert path == "user_objects/tprods/getSourceDetResults.php"
    assert "Provenance" not in payload
    assert found.provenance.backend == "ukssdc"
    backend._service.base_url = "http://server.example"
    backend.collect(replace(HANDLE, id="952", service=""), Kind.SOURCES)
    assert sent(backend)[1][1]["Provenance"] == "yes"


def test_product_says_where_it_comes_from(answering: Any) -> None:
    backend = answering(envelope.success({"GotPos": 1, "RA": 32.15, "Dec": 56.94, "Err90": 3.5}))
    backend._service.api_version = "1.12"
    found = backend.collect(HANDLE, Kind.STANDARD_POSITION).provenance
    assert (found.backend, found.service, found.job_id) == ("ukssdc", "https://www.swift.ac.uk", "951")
    assert (found.request_digest, found.api_version) == (REQUEST.digest, "1.12")
    assert found.client.startswith("swiftxrt ")
    assert found.software == "Swift-XRT product service"
    assert datetime.fromisoformat(found.created).tzinfo is not None


def test_what_an_embedded_server_tells_comes_first(answering: Any) -> None:
    told = {"backend": "local", "software": "swiftxrt 0", "client": "other", "job_id": "3", "notes": ["a"]}
    position = envelope.success({"GotPos": 1, "RA": 32.15, "Dec": 56.94, "Err90": 3.5, "Provenance": told})
    found = answering(position).collect(HANDLE, Kind.STANDARD_POSITION).provenance
    assert (found.backend, found.software, found.notes) == ("local", "swiftxrt 0", ("a",))
    assert (found.job_id, found.service, found.request_digest) == ("951", "https://www.swift.ac.uk", REQUEST.digest)
    assert found.client != "other"


@pytest.mark.parametrize(("told", "known"), [("1.13", "1.13"), (1.12, "1.12"), ("<b>", ""), (None, ""), ("1" * 99, "")])
def test_version_of_the_protocol_is_noted(answering: Any, told: Any, known: str) -> None:
    backend = answering({"OK": 1, "APIVersion": told, "numJobs": 0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ServiceWarning)
        backend.count_active_jobs()
    assert backend._service.api_version == known
    assert pickle.loads(pickle.dumps(backend))._service.api_version == known


# The sender


def test_new_user_gets_a_new_transport(answering: Any) -> None:
    service = answering({})._service
    before = service.transport
    assert service.transport is before
    service.user = "other@example.org"
    assert service.transport is not before
    service.close()


def test_address_stays_out_of_pickles_and_texts(answering: Any) -> None:
    for thing in (answering({}), SwiftXRTClass(user=USER)):
        assert USER not in repr(thing)
        assert USER.encode() not in pickle.dumps(thing)
        assert type(pickle.loads(pickle.dumps(thing))) is type(thing)
        assert type(copy.copy(thing)) is type(thing)
    assert USER not in repr(answering({})._service.sender)


def test_every_code_of_a_cancellation_has_a_reason() -> None:
    assert not status.CancelCode.CANCELLED.reason
    assert all(code.reason for code in status.CancelCode if code is not status.CancelCode.CANCELLED)
