"""Envelope of requests and replies."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable

import pytest

from swiftxrt.exceptions import JobLostError, NotRegisteredError, ProtocolError, RequestRejectedError, ServiceWarning
from swiftxrt.wire import envelope

USER = "someone@example.org"
URL = "http://127.0.0.1/user_objects/x.php"


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_said", set())


def opened(**reply: object) -> dict:
    return envelope.open_reply({"OK": 1, "APIVersion": "1.12", **reply}, user=USER, url=URL)


def heard(replies: Iterable[dict]) -> list[str]:
    """What is warned of when replies come in, one after the other."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for reply in replies:
            assert opened(a=1, **reply) == {"a": 1}
    assert all(one.category is ServiceWarning for one in caught)
    return [str(one.message) for one in caught]


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


@pytest.mark.parametrize("no", [0, "0", False, None, "", 0.0, " 0 ", "false", "No", "0.0"])
def test_every_no_is_a_no(no: object) -> None:
    with pytest.raises(RequestRejectedError, match="no reason given"):
        opened(OK=no)


@pytest.mark.parametrize("yes", [1, 2, "1", "2", True, 1.0, "1.0", "true", "YES", 7])
def test_every_yes_is_a_yes(yes: object) -> None:
    assert opened(OK=yes, a=1) == {"a": 1}


@pytest.mark.parametrize("neither", ["perhaps", [], {}, [0], float("nan"), "nan"])
def test_what_is_neither_is_no_reply(neither: object) -> None:
    with pytest.raises(ProtocolError, match="'OK' is"):
        opened(OK=neither)


def test_version_may_be_missing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "swiftxrt"):
        assert envelope.open_reply({"OK": 1, "a": 1}, user=USER, url=URL) == {"a": 1}
    assert "does not tell the version" in caplog.text


@pytest.mark.parametrize("version", [0.1, "1.12", "1.9", 1, "1.11.9", "v1.12", [], "?", 1.12])
def test_versions_up_to_ours_pass_silently(version: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(APIVersion=version)


def test_a_newer_version_is_told_once_for_each() -> None:
    texts = heard({"APIVersion": version} for version in ("1.13", "1.13", 2, "1.12.0.1", 2, "1.13"))
    assert [text.split()[4] for text in texts] == ["1.13", "2", "1.12.0.1"]
    assert all("update" in text for text in texts)


def test_cancellation_of_which_nothing_came_is_no_refusal() -> None:
    reply = {"OK": 0, "APIVersion": "1.12", "JobID": 951, "status": {"lc": "?"}, "statusCodes": {"lc": 1}}
    assert envelope.open_reply(reply, user=USER, url=URL)["statusCodes"] == {"lc": 1}


def test_deprecation_becomes_a_warning_once_for_each_type() -> None:
    notices = [{"type": kind, "message": f"Dear {USER}, change {kind}"} for kind in ("old", "old", "older", "old")]
    assert heard({"deprecationWarning": notice} for notice in notices) == [
        "the service says: Dear <your e-mail address>, change old",
        "the service says: Dear <your e-mail address>, change older",
    ]


@pytest.mark.parametrize(
    ("notice", "text"),
    [("change", "change"), ({"message": "change"}, "change"), ({"type": "old"}, "old"), (["a"], "a"), ({"x": 1}, "x")],
)
def test_odd_deprecations_are_passed_on(notice: object, text: str) -> None:
    with pytest.warns(ServiceWarning, match=text):
        opened(deprecationWarning=notice)


@pytest.mark.parametrize("notice", [None, "", {}, [], 0])
def test_empty_deprecations_say_nothing(notice: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened(deprecationWarning=notice) == {}


@pytest.mark.parametrize(
    ("groups", "problems"),
    [
        (None, ()),
        ([], ()),
        (5, (("", "5"),)),
        ("odd", (("", "odd"),)),
        ({"label": "bad", "list": ["poserr is 0.01"]}, (("extraction.centroid_tolerance", "is 0.01"),)),
        ({"label": "bad", "list": "poserr is 0.01"}, (("extraction.centroid_tolerance", "is 0.01"),)),
        ([{"label": "needed", "list": ["Dec"]}], (("target.position", "needed"),)),
        ({"label": "bad"}, (("", "bad"),)),
        ({"label": "bad", "list": []}, (("", "bad"),)),
        ({"list": ["what", None, 3]}, (("", "what"), ("", "None"), ("", "3"))),
        ({"poserr": "too small"}, (("extraction.centroid_tolerance", "too small"),)),
        ([3, {"label": "x", "list": 7}, ["a", "b"], {}], (("", "3"), ("", "x: 7"), ("", "a"), ("", "b"))),
    ],
)
def test_strange_lists_of_problems_lose_nothing(groups: object, problems: tuple) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        opened(OK=0, ERROR="no", listErr=groups)
    assert caught.value.problems == problems


def test_problems_that_are_nested_without_end() -> None:
    groups: list = []
    for _ in range(5000):
        groups = [groups]
    with pytest.raises(RequestRejectedError, match="no"):
        opened(OK=0, ERROR="no", listErr=groups)


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
