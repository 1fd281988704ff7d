"""What a broken or odd service can send, over a real socket, through the public client.

Each fault gives a typed error that says what to do next, or a warning, and what
was not concerned is kept. The user's address is in none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import ImageRequest, LightCurveRequest, SnapshotBinning, SwiftXRTClass, Target, XRTRequest
from swiftxrt.exceptions import (
    JobLostError,
    NotRegisteredError,
    ProductNotAvailableError,
    ProtocolError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
)
from swiftxrt.jobs.job import Job
from swiftxrt.products.report import Phase

USER = "Someone.Known@example.org"
REQUEST = XRTRequest(
    target=Target("X", target_ids="00012345"),
    light_curve=LightCurveRequest(binning=SnapshotBinning()),
    image=ImageRequest(),
)


# Every call of the client, with the address it asks.
CALLS: dict[str, tuple[str, Callable[[SwiftXRTClass, Callable[..., Job]], Any]]] = {
    "submit": ("run_userobject.php", lambda client, find_job: client.submit(REQUEST)),
    "refresh": ("checkProductStatus.php", lambda client, find_job: find_job("lc").refresh()),
    "cancel": ("canceljob.php", lambda client, find_job: find_job("lc", lc=3).cancel()),
    "standard_position": (
        "tprods/getPSFPos.php",
        lambda client, find_job: find_job("psf").product("standard_position"),
    ),
    "enhanced_position": (
        "tprods/getEnhPos.php",
        lambda client, find_job: find_job("enh").product("enhanced_position"),
    ),
    "astrometric_position": (
        "tprods/getAstromPos.php",
        lambda client, find_job: find_job("xastrom").product("astrometric_position"),
    ),
    "light_curve": ("tprods/getLCData.php", lambda client, find_job: find_job("lc").product("light_curve")),
    "spectrum": ("tprods/getSpecData.php", lambda client, find_job: find_job("spec").product("spectrum")),
    "sources": ("tprods/getSourceDetResults.php", lambda client, find_job: find_job("sourceDet").product("sources")),
    "get_job": ("getOldProduct.php", lambda client, find_job: client.get_job(951)),
    "list_jobs": ("listOldJobs.php", lambda client, find_job: client.list_jobs()),
    "count_active_jobs": ("getNumJobs.php", lambda client, find_job: client.count_active_jobs()),
    "rebin": ("/API/main.php", lambda client, find_job: find_job("lc").rebin(SnapshotBinning())),
}
WITHOUT_JOB = ("submit", "get_job", "list_jobs", "count_active_jobs")
OWN_JOB = ("refresh", "cancel", "get_job")
PRODUCTS = ("standard_position", "enhanced_position", "astrometric_position", "light_curve", "spectrum", "sources")

#: What comes instead of a reply, and what part of the error tells.
NO_REPLY = {
    "html": ("<html><body>Down for maintenance, Someone.known@EXAMPLE.org</body></html>", "a web page"),
    "nothing": ("", "an empty reply"),
    "cut short": ('{"OK": 1, "APIVersion": "1.12", "JobID": 9', "not JSON"),
    "list": ([1, 2], "'OK'|not what"),
    "number": (17, "'OK'|not what"),
    "null": (None, "'OK'|not what"),
    "empty object": ({}, "'OK'|not what"),
    "no OK": ({"APIVersion": "1.12", "JobID": 951, "URL": "https://www.swift.ac.uk", "numJobs": 1}, "'OK'|not what"),
}


#: Numbers of these faults, where they have one.
NUMBERS = {"html": 29, "nothing": 30, "no OK": 36}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=[pytest.mark.fault_case(NUMBERS[name])] if name in NUMBERS else []) for name in NO_REPLY],
)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_reply(
    call: str, fault: str, played: Any, client: SwiftXRTClass, find_job: Any, check_error: Any
) -> None:
    path, do = CALLS[call]
    reply, words = NO_REPLY[fault]
    # Whether nonsense means that there is a job, only the list of jobs could tell.
    expected = SubmissionUncertainError if call == "submit" else ProtocolError
    with pytest.raises(expected, match=words) as caught:
        do(client, after(find_job, lambda: played.answer(path, reply)))
    check_error(caught.value)
    assert caught.value.url == f"{played.url}/{path.lstrip('/')}" or caught.value.url.endswith(path)


def after(find_job: Callable[..., Job], then: Callable[[], None]) -> Callable[..., Job]:
    """`find_job`, with something done once the job is found; also done at once, for calls that need no job."""
    then()

    def find(*codes: str, **status_codes: Any) -> Job:
        job = find_job(*codes, **status_codes)
        then()
        return job

    return find


@pytest.mark.parametrize(("status", "expected"), [(404, ServiceError), (500, ServiceUnavailableError)])
@pytest.mark.parametrize("call", CALLS)
def test_http_errors(
    call: str,
    status: int,
    expected: type[ServiceError],
    played: Any,
    client: SwiftXRTClass,
    find_job: Any,
    check_error: Any,
) -> None:
    path, do = CALLS[call]
    with pytest.raises(expected) as caught:
        do(client, after(find_job, lambda: played.answer(path, f"<html>{USER}</html>", status=status)))
    check_error(caught.value)
    assert caught.value.status == status


@pytest.mark.parametrize("call", CALLS)
def test_service_that_is_gone(call: str, played: Any, client: SwiftXRTClass, find_job: Any, check_error: Any) -> None:
    def found(*codes: str, **status_codes: Any) -> Job:
        job = find_job(*codes, **status_codes)
        played.close()
        return job

    if call in WITHOUT_JOB:
        played.close()
    with pytest.raises(ServiceUnavailableError, match="cannot be reached") as caught:
        CALLS[call][1](client, found)
    check_error(caught.value)


@pytest.mark.parametrize("call", [call for call in CALLS if call != "rebin"])
def test_address_that_is_not_registered(
    call: str, played: Any, client: SwiftXRTClass, find_job: Any, check_error: Any
) -> None:
    path, do = CALLS[call]
    reply = played.refusal(f"The user `{USER}` is not recognised / validated")
    with pytest.raises(NotRegisteredError, match="<your e-mail address>") as caught:
        do(client, after(find_job, lambda: played.answer(path, reply)))
    check_error(caught.value)


@pytest.mark.fault_case(63, 64)
@pytest.mark.parametrize("call", [*OWN_JOB, *PRODUCTS])
def test_job_of_another_user_or_vanished_job(
    call: str, played: Any, client: SwiftXRTClass, find_job: Any, check_error: Any
) -> None:
    path, do = CALLS[call]
    reply = played.refusal(f"Job 951 is not owned by user {USER}")
    with pytest.raises(JobLostError, match="not owned") as caught:
        do(client, after(find_job, lambda: played.answer(path, reply)))
    check_error(caught.value)
    assert caught.value.job_id == "951"


@pytest.mark.fault_case(63)
def test_job_that_vanishes_while_it_is_waited_for(played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("lc", lc=3)
    gone = played.refusal(f"Job 951 is not owned by user {USER}")
    played.answer("checkProductStatus.php", played.statuses(lc=3), gone)
    with pytest.raises(JobLostError) as caught:
        job.wait(progress=False)
    check_error(caught.value)
    assert job.phase is Phase.EXECUTING


@pytest.mark.parametrize("call", ["submit", "refresh", "get_job", "list_jobs", "count_active_jobs"])
def test_refusal_in_unknown_words(call: str, played: Any, client: SwiftXRTClass, find_job: Any) -> None:
    path, do = CALLS[call]
    with pytest.raises(RequestRejectedError, match="The moon is full") as caught:
        do(client, after(find_job, lambda: played.answer(path, played.refusal(f"The moon is full, {USER}"))))
    assert USER not in str(caught.value)


@pytest.mark.parametrize("call", PRODUCTS)
def test_product_refused_in_unknown_words(
    call: str, played: Any, client: SwiftXRTClass, find_job: Any, check_secrecy: Any
) -> None:
    path, do = CALLS[call]
    with pytest.raises(ProductNotAvailableError, match="The moon is full") as caught:
        do(client, after(find_job, lambda: played.answer(path, played.refusal(f"The moon is full, {USER}"))))
    check_secrecy(caught.value)


@pytest.mark.fault_case(37)
def test_refusal_without_words(played: Any, client: SwiftXRTClass) -> None:
    played.answer("run_userobject.php", {"OK": 0, "APIVersion": "1.12"})
    with pytest.raises(RequestRejectedError, match="no reason given"):
        client.submit(REQUEST)


@pytest.mark.fault_case(38)
@pytest.mark.parametrize(
    ("groups", "problems"),
    [
        ([{"label": "Wrong:", "list": ["poserr is 9"]}], (("extraction.centroid_tolerance", "is 9"),)),
        ([{"label": "Wrong:", "list": ["moon is full", f"{USER} is tired"]}], None),
        ([{"label": "Wrong:", "list": "poserr"}, "text", {"list": [17]}, {}], None),
        ("poserr", None),
        (None, ()),
        ({"label": "x"}, None),
    ],
)
def test_lists_of_problems(groups: Any, problems: Any, played: Any, client: SwiftXRTClass, check_secrecy: Any) -> None:
    played.answer("run_userobject.php", played.refusal("There were problems.", listErr=groups))
    with pytest.raises(RequestRejectedError, match="There were problems") as caught:
        client.submit(REQUEST)
    if problems is not None:
        assert caught.value.problems == problems
    check_secrecy(caught.value)


@pytest.mark.fault_case(40, 42)
@pytest.mark.parametrize("version", [..., None, 1.12, 0.1, "1.12", "1.9", "moon"])
def test_version_of_the_service_need_not_be_told(version: Any, played: Any, client: SwiftXRTClass) -> None:
    reply = {"OK": 1, "numJobs": "3"} | ({} if version is ... else {"APIVersion": version})
    played.answer("getNumJobs.php", reply)
    assert client.count_active_jobs() == 3


@pytest.mark.fault_case(41)
@pytest.mark.parametrize("version", ["2", "1.12.0.1", "99.1"])
def test_newer_version_is_a_warning(version: Any, played: Any, client: SwiftXRTClass) -> None:
    played.answer("getNumJobs.php", {"OK": 1, "numJobs": 3, "APIVersion": version})
    with pytest.warns(ServiceWarning, match="look for an update"):
        assert client.count_active_jobs() == 3


def test_deprecation_is_passed_on(played: Any, client: SwiftXRTClass) -> None:
    notice = {"type": "lc", "message": f"{USER}: light curves will look different"}
    played.answer("getNumJobs.php", played.ok(numJobs=0, deprecationWarning=notice))
    with pytest.warns(ServiceWarning, match="<your e-mail address>: light curves"):
        assert client.count_active_jobs() == 0


def test_archive_that_is_not_there(find_job: Any, tmp_path: Path, check_error: Any) -> None:
    with pytest.raises(ServiceError, match="404") as caught:
        find_job("lc").download(tmp_path, kinds="light_curve")
    check_error(caught.value)
    assert not list(tmp_path.iterdir())


# Submission


@pytest.mark.parametrize("missing", ["URL", "JobID"])
@pytest.mark.parametrize("left", ["nothing", "null"])
def test_accepted_without_a_job(missing: str, left: str, played: Any, client: SwiftXRTClass, check_error: Any) -> None:
    reply = played.ok(URL=f"{played.url}/x", JobID="951", jobPars={"UserID": USER})
    reply = {key: value for key, value in reply.items() if key != missing} | ({missing: None} if left == "null" else {})
    played.answer("run_userobject.php", reply)
    with pytest.raises(SubmissionUncertainError, match=f"accepted, but the reply lacks {missing}") as caught:
        client.submit(REQUEST)
    check_error(caught.value)


@pytest.mark.parametrize(
    "parameters",
    [None, "text", [], {"RA": "x"}, {"RA": "nan", "Dec": "1"}, {"lc": 1, "binMeth": "moon"}],
)
def test_accepted_with_parameters_that_cannot_be_read(parameters: Any, played: Any, client: SwiftXRTClass) -> None:
    played.answer("run_userobject.php", played.ok(URL=f"{played.url}/x", JobID=951, jobPars=parameters))
    with pytest.warns(ServiceWarning, match="951 was accepted"):
        job = client.submit(REQUEST)
    assert job.id == "951"
    assert job.request.kinds == REQUEST.kinds
    assert job.request.target == REQUEST.target


def test_parameters_without_a_value_are_those_that_were_sent(played: Any, client: SwiftXRTClass) -> None:
    nothing = {"lc": 1, "binMeth": None, "name": "", "targ": "00012345", "RA": None}
    played.answer("run_userobject.php", played.ok(URL=f"{played.url}/x", JobID=951, jobPars=nothing))
    job = client.submit(REQUEST)
    assert job.request.target == REQUEST.target
    assert job.request.light_curve == REQUEST.light_curve
