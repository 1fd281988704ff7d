"""Laws of requests in the words of the service, over requests made from the field table."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import astropy.units as u
from hypothesis import HealthCheck, given, settings

from swiftxrt.request.bundle import XRTRequest
from swiftxrt.wire.jobpars import completed_request, job_parameters
from swiftxrt.wire.names import ALIASES, field_of_key, is_known_key

USER = "somebody@example.org"


def _requests():
    """The strategy that the tests of requests use too."""
    path = Path(__file__).parents[1] / "request" / "test_properties.py"
    spec = importlib.util.spec_from_file_location("request_strategies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.requests()


REQUESTS = _requests()
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(REQUESTS)
def test_what_is_sent_is_read_as_the_same_request(request):
    sent = json.loads(json.dumps(request.to_wire(user=USER), allow_nan=False))
    again = XRTRequest.from_wire(sent)
    assert again == request
    assert not again.unrecognized
    assert json.dumps(again.to_wire(user=USER)) == json.dumps(sent)


@QUICK
@given(REQUESTS)
def test_what_is_reported_is_the_completed_request(request):
    # In a job nothing is left to be found.
    target = request.target
    if target.resolve_t0:
        request = request.replace(target=target.replace(resolve_t0=False, t0=700000000 * u.s))
    told = json.loads(json.dumps(job_parameters(request, USER)))
    assert XRTRequest.from_wire(told) == request.with_defaults()
    assert completed_request(told, request.to_wire(user=USER)) == request.with_defaults()


@QUICK
@given(REQUESTS)
def test_other_spellings_and_unknown_keys_change_nothing(request):
    sent = request.to_wire(user=USER)
    other = {ALIASES[key][-1] if key in ALIASES else key: value for key, value in sent.items()}
    again = XRTRequest.from_wire(other | {"outdir": "USERPROD_1", "pcmaxbin": None, "zzz": [1]})
    assert again == request
    assert dict(again.unrecognized) == {"outdir": "USERPROD_1", "zzz": [1]}


@QUICK
@given(REQUESTS)
def test_every_key_that_is_sent_is_known(request):
    for key, value in request.to_wire(user=USER).items():
        assert is_known_key(key)
        assert type(value) in (str, int, float, list)
        assert field_of_key(key) or key in {"api_name", "api_version", "UserID", "getCoords", "getTargs", "specz"}
