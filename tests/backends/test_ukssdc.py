"""The backend of the service, over replies of every kind."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from swiftxrt import ImageRequest, LightCurveRequest, SnapshotBinning, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.backends.ukssdc.products import UKSSDCBackend
from swiftxrt.exceptions import (
    ProductNotAvailableError,
    ProtocolError,
    ServiceUnavailableError,
    ServiceWarning,
)
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.wire import envelope

USER = "someone@example.org"
URL = "https://www.swift.ac.uk/user_objects/tprods/USERPROD_951/"
REQUEST = XRTRequest(target=Target("X"), image=ImageRequest(), light_curve=LightCurveRequest(binning=SnapshotBinning()))
HANDLE = JobHandle("951", "ukssdc", REQUEST, URL)


class FakeTransport:
    base_url = conf.service_url

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def post(self, path: str, payload: dict[str, Any]) -> tuple[Any, str]:
        self.sent.append((path, payload))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply, f"{self.base_url}/{path}"

    def close(self) -> None:
        pass


@pytest.fixture
def answering() -> Callable[[Any], UKSSDCBackend]:
    def make(reply: Any) -> UKSSDCBackend:
        backend = UKSSDCBackend(user=f" {USER} ")
        backend._transport, backend._transport_user = FakeTransport(reply), USER  # type: ignore[assignment]
        return backend

    return make


@pytest.mark.parametrize("parameters", [[], None, {"RA": "x", "Dec": "y"}])
def test_accepted_job_is_not_lost_over_its_parameters(answering: Any, parameters: Any) -> None:
    backend = answering(envelope.success({"URL": URL, "JobID": 951, "jobPars": parameters}))
    with pytest.warns(ServiceWarning, match="951 was accepted"):
        handle = backend.submit(REQUEST)
    assert (handle.id, handle.request, handle.url) == ("951", REQUEST, URL.rstrip("/"))
    assert handle.submitted.tzinfo is not None
    assert backend._transport.sent[0][1]["UserID"] == USER


def test_acceptance_without_a_job(answering: Any) -> None:
    with pytest.raises(ProtocolError, match="lacks JobID"):
        answering(envelope.success({"URL": URL, "jobPars": {}})).submit(REQUEST)


def test_failed_submission_says_that_it_may_have_arrived(answering: Any) -> None:
    with pytest.raises(ServiceUnavailableError, match="list of your jobs") as caught:
        answering(ServiceUnavailableError("no answer", url="u", status=502)).submit(REQUEST)
    assert caught.value.status == 502


def test_old_job(answering: Any) -> None:
    parameters = {"name": "X", "RA": "150", "Dec": "20", "targ": "00012345", "image": 1, "cent": 1, "useSXPS": 0}
    handle = answering(envelope.success({"URL": URL, "oldJob": 951, "jobPars": parameters})).recall("951")
    assert handle.request.kinds == (Kind.IMAGE,)
    assert handle.submitted is None
    with pytest.raises(ProtocolError, match="job 951"):
        answering(envelope.success({"URL": URL, "oldJob": 951, "jobPars": {"RA": "x"}})).recall("951")


def test_complete_product_that_the_service_does_not_have(answering: Any) -> None:
    with pytest.raises(ProductNotAvailableError, match="light curve: the service refused: no data") as caught:
        answering(envelope.failure("no data")).collect(HANDLE, Kind.LIGHT_CURVE)
    assert caught.value.kind == "light curve"
    with pytest.raises(ProductNotAvailableError, match="download"):
        answering({}).collect(HANDLE, Kind.SOURCES)


def test_new_user_gets_a_new_transport(answering: Any) -> None:
    backend = answering({})
    before = backend._http()
    assert backend._http() is before
    backend._user = "other@example.org"
    assert backend._http() is not before
    backend.close()


def test_address_stays_out_of_pickles_and_texts(answering: Any) -> None:
    for thing in (answering({}), SwiftXRTClass(user=USER)):
        assert USER not in repr(thing)
        assert USER.encode() not in pickle.dumps(thing)
        assert type(pickle.loads(pickle.dumps(thing))) is type(thing)
        assert type(copy.copy(thing)) is type(thing)
