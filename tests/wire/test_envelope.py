"""Envelope of requests and replies."""

from __future__ import annotations

import pytest

from swiftxrt.exceptions import JobLostError, NotRegisteredError, ProtocolError, RequestRejectedError, ServiceWarning
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


@pytest.mark.parametrize("no", [0, "0", False, None, ""])
def test_every_no_is_a_no(no: object) -> None:
    with pytest.raises(RequestRejectedError, match="no reason given"):
        envelope.open_reply({"OK": no, "APIVersion": "1.12"}, user=USER, url=URL)


def test_cancellation_of_which_nothing_came_is_no_refusal() -> None:
    reply = {"OK": 0, "APIVersion": "1.12", "JobID": 951, "status": {"lc": "?"}, "statusCodes": {"lc": 1}}
    assert envelope.open_reply(reply, user=USER, url=URL)["statusCodes"] == {"lc": 1}


def test_deprecation_becomes_a_warning() -> None:
    reply = envelope.success({"a": 1, "deprecationWarning": {"type": "old", "message": f"Dear {USER}, change"}})
    with pytest.warns(ServiceWarning, match="Dear <your e-mail address>, change"):
        assert envelope.open_reply(reply, user=USER, url=URL) == {"a": 1}


@pytest.mark.parametrize("groups", [5, {"label": "x"}, [3, {"label": "x", "list": 7}]])
def test_strange_lists_of_problems(groups: object) -> None:
    reply = {"OK": 0, "APIVersion": "1.12", "ERROR": "no", "listErr": groups}
    with pytest.raises(RequestRejectedError) as caught:
        envelope.open_reply(reply, user=USER, url=URL)
    assert caught.value.problems == ()


def test_address_is_removed_in_any_spelling_and_before_the_text_is_cut() -> None:
    with pytest.raises(ProtocolError) as caught:
        envelope.open_reply("x" * 290 + USER.upper(), user=USER, url=URL)
    assert "SOMEONE" not in caught.value.payload_excerpt


def test_foreign_job_is_lost() -> None:
    reply = envelope.failure(f"Job 951 is not owned by user {USER}")
    with pytest.raises(JobLostError) as caught:
        envelope.open_reply(reply, user=USER, url=URL, job_id="951")
    assert caught.value.job_id == "951"
    assert USER not in str(caught.value)
