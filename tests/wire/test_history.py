"""Earlier jobs: lists, parameters, numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from swiftxrt.exceptions import ProtocolError, ServiceWarning
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobSummary
from swiftxrt.wire import history

# From the service's documentation of its raw replies.
RECORDED = {
    "JobID": 3414,
    "Name": "GRB 200416A",
    "DateSubmitted": "2020-07-23 17:32:29",
    "LightCurve": False,
    "Spectrum": True,
    "StandardPos": False,
    "EnhancedPos": False,
    "AstromPos": False,
    "Image": False,
    "hasProd": True,
}
WHEN = datetime(2020, 7, 23, 17, 32, 29, tzinfo=UTC)


def test_recorded_list() -> None:
    (job,) = history.decode_jobs({"jobs": [RECORDED]})
    assert job == JobSummary("3414", "GRB 200416A", WHEN, (Kind.SPECTRUM,), True)


def test_list_round_trip() -> None:
    jobs = [
        JobSummary("12", "Näme", WHEN.astimezone(timezone(timedelta(hours=5))), tuple(Kind), True),
        JobSummary("11", "", None, (), False),
    ]
    reply = json.loads(json.dumps(history.encode_jobs(jobs)))
    assert history.decode_jobs(reply) == jobs
    assert reply["jobs"][0]["DateSubmitted"] == "2020-07-23 17:32:29"
    assert all(reply["jobs"][0][kind.swifttools_name] is True for kind in Kind)
    assert reply["jobs"][1]["hasProd"] is False
    assert history.decode_jobs(history.encode_jobs([])) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"JobID": "3414"}, {}),
        ({"DateSubmitted": "yesterday"}, {"submitted": None}),
        ({"DateSubmitted": None}, {"submitted": None}),
        ({"DateSubmitted": "2020-13-23 17:32:29"}, {"submitted": None}),
        ({"Name": None}, {"name": ""}),
        ({"Name": 47}, {"name": "47"}),
        ({"Spectrum": "1", "Image": "0", "SourceDet": 1}, {"kinds": (Kind.SPECTRUM, Kind.SOURCES)}),
        ({"hasProd": "no"}, {"available": False}),
        ({"hasProd": None}, {"available": False}),
    ],
)
def test_odd_rows_are_read_as_far_as_they_go(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    (job,) = history.decode_jobs({"jobs": [RECORDED | changes]})
    wanted = {"id": "3414", "name": "GRB 200416A", "submitted": WHEN, "kinds": (Kind.SPECTRUM,), "available": True}
    assert job == JobSummary(**(wanted | expected))


def test_job_without_identifier_does_not_cost_the_others() -> None:
    with pytest.warns(ServiceWarning, match="2 of 3 jobs"):
        jobs = history.decode_jobs({"jobs": [{"Name": "X"}, RECORDED, 7]})
    assert [job.id for job in jobs] == ["3414"]


@pytest.mark.parametrize("jobs", [..., None, "x", {"1": {}}, [1], [{"Name": "no ID"}]])
def test_unreadable_lists(jobs: Any) -> None:
    with pytest.raises(ProtocolError):
        history.decode_jobs({} if jobs is ... else {"jobs": jobs})


@pytest.mark.parametrize("given", [3, "3", 3.0, " 3 "])
def test_numbers_of_jobs(given: Any) -> None:
    assert history.decode_count({"numJobs": given}) == 3
    assert history.encode_count(3) == {"numJobs": 3}


@pytest.mark.parametrize("given", [None, "many", -1, 1.5, [], float("nan"), float("inf"), True])
def test_unreadable_numbers_of_jobs(given: Any) -> None:
    with pytest.raises(ProtocolError, match="how many jobs"):
        history.decode_count({"numJobs": given})


def test_old_job() -> None:
    reply = history.encode_old_job("951", "https://x/USERPROD_951", {"lc": 1})
    assert reply == {"oldJob": 951, "URL": "https://x/USERPROD_951", "jobPars": {"lc": 1}}
    assert history.decode_old_job(reply | {"URL": "https://x/"}) == ("https://x", {"lc": 1})
    for part in ("URL", "jobPars"):
        for value in (None, ""):
            with pytest.raises(ProtocolError, match="lacks"):
                history.decode_old_job(reply | {part: value})
