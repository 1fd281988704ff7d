"""Odd and broken replies about jobs: state, cancellation, lists, rebinning, and a job whose products are damaged.

Over a real socket, through the public client; what is not concerned is kept.
"""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest

from swiftxrt import SnapshotBinning, SwiftXRTClass
from swiftxrt.exceptions import (
    JobError,
    JobLostError,
    PartialResultWarning,
    ProtocolError,
    ServiceError,
    ServiceWarning,
)
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase

POSITION = {"GotPos": 1, "RA": "10.5", "Dec": "-3", "Err90": "3.5", "FromSXPS": 0}


# Status

STATUS = {
    "null": (None, Phase.UNKNOWN),
    "not there": (..., Phase.UNKNOWN),
    "unheard of": (17, Phase.UNKNOWN),
    "word": ("done", Phase.UNKNOWN),
    "list": ([4], Phase.UNKNOWN),
    "infinite": (float("inf"), Phase.UNKNOWN),
    "number as text": ("4", Phase.COMPLETED),
    "negative as text": ("-3", Phase.ERROR),
    "real number": (4.0, Phase.COMPLETED),
}


@pytest.mark.fault_case(62)
@pytest.mark.parametrize("fault", STATUS)
def test_odd_status_codes(fault: str, played: Any, find_job: Any) -> None:
    code, phase = STATUS[fault]
    job = find_job("lc", "spec", lc=2, spec=2)
    reply = played.statuses(spec=3, lc=code)
    if code is ...:
        del reply["lc"]
    played.answer("checkProductStatus.php", reply)
    report = job.refresh()
    assert report.products[Kind.LIGHT_CURVE].phase is phase
    assert report.products[Kind.SPECTRUM].phase is Phase.EXECUTING


@pytest.mark.parametrize(
    "progress",
    [
        ...,
        None,
        "soon",
        {},
        {"GotProgress": 1},
        {"GotProgress": 1, "ProgressSteps": "many", "TimeRunning": 5},
        {"GotProgress": 1, "ProgressSteps": [None, {}, {"StepLabel": None, "StepStatus": "x", "SubStep": 3}]},
        {"GotProgress": "1", "ProgressSteps": [], "TimeRunning": "a:b:c", "PreProgress": 17},
    ],
)
def test_progress_is_never_an_error(progress: Any, played: Any, find_job: Any) -> None:
    job = find_job("lc", lc=2)
    reply = played.statuses(lc=3)
    reply["lc"]["progress"] = progress
    if progress is ...:
        del reply["lc"]["progress"]
    played.answer("checkProductStatus.php", reply)
    assert job.refresh().products[Kind.LIGHT_CURVE].phase is Phase.EXECUTING
    assert "light curve" in str(job.report).lower()


@pytest.mark.parametrize("entry", ["Complete", 4, [4]])
def test_status_that_is_no_object(entry: Any, played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("lc")
    played.answer("checkProductStatus.php", played.ok(JobID=951, lc=entry))
    with pytest.raises(ProtocolError, match="light curve") as caught:
        job.refresh()
    check_error(caught.value)
    assert job.phase is Phase.COMPLETED


def test_silent_service_ends_the_waiting_and_leaves_what_is_there(played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("psf", "image", image=3)
    played.answer("checkProductStatus.php", played.statuses(psf=4, image=None))
    played.answer("tprods/getPSFPos.php", played.ok(GotPos=1, RA="10.5", Dec="-3", Err90="3.5", FromSXPS=0))
    with pytest.raises(JobLostError, match="no longer tells") as caught:
        job.result(progress=False)
    check_error(caught.value)
    assert caught.value.report.products[Kind.STANDARD_POSITION].phase is Phase.COMPLETED
    assert job.product("standard_position").radius == 3.5 * u.arcsec


@pytest.mark.fault_case(62)
def test_service_that_is_back_in_time(played: Any, find_job: Any) -> None:
    job = find_job("lc", lc=3)
    played.answer("checkProductStatus.php", played.statuses(lc=None), played.ok(JobID=951), played.statuses(lc=4))
    assert job.wait(progress=False).phase is Phase.COMPLETED


@pytest.mark.parametrize("codes", [None, "all", [0]])
def test_cancellation_without_codes(codes: Any, played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("lc", lc=3)
    played.answer("canceljob.php", played.ok(JobID=951, status={}, statusCodes=codes))
    with pytest.raises(ProtocolError, match="statusCodes") as caught:
        job.cancel()
    check_error(caught.value)


@pytest.mark.parametrize("codes", [{}, {"lc": None}, {"lc": "0"}, {"lc": 17}, {"spec": 0}])
def test_cancellation_with_odd_codes_ends_in_the_state_of_the_job(codes: Any, played: Any, find_job: Any) -> None:
    job = find_job("lc", lc=3)
    played.answer("canceljob.php", played.ok(JobID="951", status={}, statusCodes=codes))
    played.answer("checkProductStatus.php", played.statuses(lc="-4"))
    assert job.cancel().products[Kind.LIGHT_CURVE].phase is Phase.ABORTED


# Lists of jobs

OLD_JOB = {"JobID": 3414, "Name": "X", "DateSubmitted": "2020-07-23 17:32:29", "Spectrum": True, "hasProd": True}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"JobID": "3414"},
        {"Spectrum": 1, "hasProd": "1"},
        {"Moon": True},
        {"SourceDet": None},
        {"DateSubmitted": "yesterday"},
        {"DateSubmitted": None},
    ],
)
def test_list_of_jobs_in_any_spelling(changes: dict[str, Any], played: Any, client: SwiftXRTClass) -> None:
    played.answer("listOldJobs.php", played.ok(jobs=[OLD_JOB | changes]))
    jobs = client.list_jobs()
    assert list(jobs["job_id"]) == ["3414"]
    assert [bool(jobs[kind.value][0]) for kind in (Kind.SPECTRUM, Kind.SOURCES)] == [True, False]
    assert bool(jobs["available"][0])


def test_no_jobs(played: Any, client: SwiftXRTClass) -> None:
    played.answer("listOldJobs.php", played.ok(jobs=[]))
    jobs = client.list_jobs()
    assert len(jobs) == 0
    assert {"job_id", "name", "submitted", "available"} <= set(jobs.colnames)


@pytest.mark.parametrize("broken", [1, None, {"Name": "no ID"}, {"JobID": None}])
def test_job_without_identifier_is_left_out(broken: Any, played: Any, client: SwiftXRTClass) -> None:
    played.answer("listOldJobs.php", played.ok(jobs=[broken, OLD_JOB]))
    with pytest.warns(ServiceWarning, match="1 of 2 jobs"):
        jobs = client.list_jobs()
    assert list(jobs["job_id"]) == ["3414"]


@pytest.mark.parametrize("jobs", [..., None, "none", {"1": {}}])
def test_unreadable_list_of_jobs(jobs: Any, played: Any, client: SwiftXRTClass, check_error: Any) -> None:
    played.answer("listOldJobs.php", played.ok(**({} if jobs is ... else {"jobs": jobs})))
    with pytest.raises(ProtocolError) as caught:
        client.list_jobs()
    check_error(caught.value)


@pytest.mark.parametrize("number", [..., None, "many", [], -1, "nan"])
def test_unreadable_number_of_jobs(number: Any, played: Any, client: SwiftXRTClass, check_error: Any) -> None:
    played.answer("getNumJobs.php", played.ok(**({} if number is ... else {"numJobs": number})))
    with pytest.raises(ProtocolError) as caught:
        client.count_active_jobs()
    check_error(caught.value)


@pytest.mark.parametrize("parameters", [..., None, "text", {"RA": "x"}])
def test_old_job_that_cannot_be_read(parameters: Any, played: Any, client: SwiftXRTClass, check_error: Any) -> None:
    content = {"oldJob": 951, "URL": f"{played.url}/x"} | ({} if parameters is ... else {"jobPars": parameters})
    played.answer("getOldProduct.php", played.ok(**content))
    with pytest.raises(ProtocolError) as caught:
        client.get_job(951)
    check_error(caught.value)


# Rebinning


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"ERROR": 4, "ERRORTEXT": "no such light curve", "APIVersion": "1.0.5"}, ServiceError),
        ({"ERROR": "moon", "OK": 1}, ServiceError),
        ({"OK": 1, "APIVersion": "1.0.5"}, ProtocolError),
        ({"OK": 1, "JobID": None}, ProtocolError),
        ({"OK": 1, "JobID": "many"}, ProtocolError),
        ({"JobID": 77}, ProtocolError),
    ],
)
def test_rebinning_that_does_not_start(
    reply: Any, expected: type[ServiceError], played: Any, find_job: Any, check_secrecy: Any
) -> None:
    job = find_job("lc")
    played.answer("/API/main.php", reply)
    with pytest.raises(expected) as caught:
        job.rebin(SnapshotBinning())
    check_secrecy(caught.value)


@pytest.mark.parametrize("status", [None, 17, "done", ...])
def test_rebinning_of_unknown_state(status: Any, played: Any, find_job: Any) -> None:
    job = find_job("lc")
    state = {"OK": 1, "text": "?"} | ({} if status is ... else {"status": status})
    played.answer("/API/main.php", {"OK": 1, "JobID": "77"}, state)
    assert job.rebin(SnapshotBinning()).refresh().products[Kind.LIGHT_CURVE].phase is Phase.UNKNOWN


# The whole job


@pytest.mark.fault_case(60)
def test_one_unreadable_product_does_not_cost_the_others(played: Any, find_job: Any, archive: Any) -> None:
    job = find_job("lc", "psf", "enh", "image")
    played.answer("tprods/getLCData.php", "<html></html>")
    played.answer("tprods/getPSFPos.php", played.ok(**POSITION))
    played.answer("tprods/getEnhPos.php", played.ok(**(POSITION | {"RA": "x"})))
    played.answer("tprods/USERPROD_951/image.tar.gz", b"BYTES")
    with pytest.warns(PartialResultWarning):
        products = job.result(progress=False)
    assert set(products) == {Kind.STANDARD_POSITION}
    assert set(products.failed) == {Kind.LIGHT_CURVE, Kind.ENHANCED_POSITION, Kind.IMAGE}
    assert all(products.failed.values())


@pytest.mark.fault_case(61)
def test_job_of_which_nothing_can_be_read(played: Any, find_job: Any, check_error: Any) -> None:
    job = find_job("lc", "psf", psf=-3)
    played.answer("tprods/getLCData.php", "<html></html>")
    with pytest.raises(JobError, match="light curve") as caught:
        job.result(progress=False)
    check_error(caught.value)
