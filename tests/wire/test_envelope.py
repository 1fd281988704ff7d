"""Envelope of requests and replies."""

from __future__ import annotations

import pytest

from swiftxrt.exceptions import JobLostError, NotRegisteredError, ProtocolError, RequestRejectedError
from swiftxrt.wire import envelope

USER = "someone@example.org"
URL = "http://127.0.0.1/user_objects/x.php"


def test_seal_adds_identity_and_version() -> None:
    sealed = envelope.seal({"JobID": "951"}, USER)
    assert sealed == {"UserID": USER, "JobID": "951", "api_name": "xrt_prods", "api_version": "1.12"}


def test_success_is_opened_without_its_envelope() -> None:
    assert envelope.open_reply(envelope.success({"a": 1}), user=USER, url=URL) == {"a": 1}


@pytest.mark.parametrize("reply", [None, [], "text", {}, {"a": 1}])
def test_reply_without_ok_is_a_protocol_error(reply: object) -> None:
    with pytest.raises(ProtocolError, match="no 'OK'"):
        envelope.open_reply(reply, user=USER, url=URL)


def test_refusal_lists_all_problems() -> None:
    reply = envelope.failure("There were problems", [("invalid values", ["poserr is 0.01", "RA is missing", "odd"])])
    with pytest.raises(RequestRejectedError, match="target.position: is missing") as caught:
        envelope.open_reply(reply, user=USER, url=URL)
    assert caught.value.problems == (
        ("extraction.centroid_tolerance", "is 0.01"),
        ("target.position", "is missing"),
        ("", "invalid values: odd"),
    )


def test_unknown_user_is_told_what_to_do_and_not_quoted() -> None:
    reply = envelope.failure(f"The user `{USER}` is not recognised / validated")
    with pytest.raises(NotRegisteredError, match="register it once") as caught:
        envelope.open_reply(reply, user=USER, url=URL)
    assert USER not in str(caught.value)
    assert USER not in repr(caught.value.__dict__)


def test_foreign_job_is_lost() -> None:
    reply = envelope.failure(f"Job 951 is not owned by user {USER}")
    with pytest.raises(JobLostError) as caught:
        envelope.open_reply(reply, user=USER, url=URL, job_id="951")
    assert caught.value.job_id == "951"
    assert USER not in str(caught.value)
