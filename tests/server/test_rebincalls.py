"""The four calls that bin a light curve anew, as the reference client sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase
from swiftxrt.server.handlers import API_PATH, FUNCTIONS, Service
from swiftxrt.server.users import UserRegistry

from .conftest import USER, FakeBackend

Rebin = Callable[..., dict[str, Any]]
LIGHT_CURVE = {"name": "constant source", "getTargs": 1, "getCoords": 1, "getT0": 1, "cent": 0, "useSXPS": 0, "lc": 1}
LIGHT_CURVE |= {"binMeth": "counts", "pccounts": 20, "wtcounts": 30, "dynamic": 1}
TIME = {"type": "UOB_LC", "objectID": "1", "binMeth": "time", "pcBinTime": 100, "wtBinTime": 100, "name": "X"}


def caller(service: Service) -> Rebin:
    def call(function: object, /, **payload: Any) -> dict[str, Any]:
        return service.answer(API_PATH, {**payload, "APIFunc": function, "APIVersion": "1.0.5"}, "http://server")

    return call


@pytest.fixture
def rebin(service: Service, ask, backend: FakeBackend) -> Rebin:
    """A service with a finished light curve, job 1."""
    ask("run_userobject.php", **LIGHT_CURVE)
    backend.end("1", Kind.LIGHT_CURVE, "a light curve")
    return caller(service)


def test_start_state_and_end(rebin: Rebin, ask, backend: FakeBackend) -> None:
    assert rebin("rebinLightCurve", **TIME) == {"OK": 1, "APIVersion": "1.0.5", "JobID": 2}
    assert backend.jobs["2"].handle.rebin_of == "1"
    binning = backend.jobs["2"].handle.request.light_curve.binning
    assert type(binning).__name__ == "TimeBinning"
    assert rebin("checkRebinStatus", JobID=2) == {"OK": 1, "APIVersion": "1.0.5", "status": 2, "text": "Queued"}
    backend.set_status("2", Kind.LIGHT_CURVE, phase=Phase.EXECUTING)
    assert rebin("checkRebinStatus", JobID="2")["text"] == "Running"
    assert ask("getNumJobs.php")["numJobs"] == 1
    assert len(ask("listOldJobs.php")["jobs"]) == 1
    assert rebin("cancelRebin", JobID=2) == {"OK": 1, "APIVersion": "1.0.5"}
    assert rebin("checkRebinStatus", JobID=2)["status"] == -4
    # What has ended cannot be cancelled: the client looks for nothing but the "OK".
    assert "OK" not in rebin("cancelRebin", JobID=2)


def test_a_rebinning_is_no_job(rebin: Rebin, ask) -> None:
    rebin("rebinLightCurve", **TIME)
    for path in ("checkProductStatus.php", "canceljob.php", "getOldProduct.php", "tprods/getLCData.php"):
        assert "not owned" in ask(path, JobID=2, what="lc")["ERROR"]
    for function in ("checkRebinStatus", "cancelRebin"):
        assert "ERROR" in rebin(function, JobID=1)
    assert "ERROR" in rebin("rebinLightCurve", **TIME | {"objectID": "2"})
    assert "ERROR" in rebin("downloadLightCurve", type="REBIN_LC", objectID=1)


@pytest.mark.parametrize("function", list(FUNCTIONS))
@pytest.mark.parametrize("job_id", [4711, "x", None, "", [], 1.5])
def test_unknown_job(rebin: Rebin, function: str, job_id: object) -> None:
    kind = {"rebinLightCurve": "UOB_LC", "downloadLightCurve": "REBIN_LC"}.get(function)
    reply = rebin(function, **({"type": kind, "objectID": job_id} if kind else {"JobID": job_id}), binMeth="obsid")
    assert set(reply) == {"ERROR", "ERRORTEXT"}
    assert "no job" in reply["ERRORTEXT"]


@pytest.mark.parametrize("function", [None, 5, "queryDB", "", [], "__init__"])
def test_unknown_function(rebin: Rebin, function: object) -> None:
    reply = rebin(function)
    assert set(reply) == {"ERROR", "ERRORTEXT"}
    assert "no function" in reply["ERRORTEXT"]


def test_parameters_that_cannot_be_are_all_named(rebin: Rebin) -> None:
    reply = rebin("rebinLightCurve", **TIME | {"binMeth": "weeks", "minEnergy": 11})
    assert reply["ERRORTEXT"].startswith("There were problems with the parameters you supplied.")
    assert {"binMeth", "minen"} <= set(reply["ERRORTEXT"].replace(".", " ").split())
    assert "type" in rebin("rebinLightCurve", **TIME | {"type": "SXPS"})["ERRORTEXT"]


def test_unfinished_light_curve_cannot_be_binned_anew(rebin: Rebin, ask, backend: FakeBackend) -> None:
    ask("run_userobject.php", **LIGHT_CURVE)
    assert "QUEUED" in rebin("rebinLightCurve", **TIME | {"objectID": "2"})["ERRORTEXT"]
    ask("run_userobject.php", name="X", getTargs=1, getCoords=1, image=1)
    assert "no job" in rebin("rebinLightCurve", **TIME | {"objectID": "3"})["ERRORTEXT"]


def test_rebinnings_count_as_jobs_of_the_owner(rebin: Rebin, ask) -> None:
    assert [rebin("rebinLightCurve", **TIME).get("OK") for _ in range(4)] == [1, 1, 1, None]
    assert "3 jobs that have not ended" in ask("run_userobject.php", **LIGHT_CURVE)["ERROR"]


def test_unfinished_and_failed_rebinning(rebin: Rebin, backend: FakeBackend) -> None:
    rebin("rebinLightCurve", **TIME)
    result = {"type": "REBIN_LC", "objectID": 2}
    assert "QUEUED" in rebin("downloadLightCurve", **result)["ERRORTEXT"]
    backend.end("2", Kind.LIGHT_CURVE, error="nothing left in /data/x/y")
    reply = rebin("downloadLightCurve", **result)
    assert (reply["OK"], reply["Datasets"], reply["NOLC"]) == (1, [], "nothing left in (a folder of the server)")


# ---------------------------------------------------------------- with the engine


@pytest.fixture(scope="module")
def engine(small_archive: Path) -> Iterator[tuple[Rebin, LocalBackend]]:
    with LocalBackend(small_archive) as backend:
        service = Service(backend, UserRegistry())
        service.answer("run_userobject.php", {"UserID": USER, **LIGHT_CURVE}, "http://server")
        wait(backend, "1")
        yield caller(service), backend


def wait(backend: LocalBackend, job_id: str) -> None:
    while not backend.poll(backend.recall(job_id)).phase.is_final:
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("words", "binning"),
    [
        ({"binMeth": "time", "pcBinTime": 100.0, "wtBinTime": 10.0, "matchHR": True}, "Time"),
        ({"binMeth": "counts", "pcCounts": 40, "wtCounts": 30, "dynamic": False, "timeFormat": "s"}, "Counts"),
        ({"binMeth": "observation", "wtMaxGap": 1e7, "pcMaxGap": 10**7}, "ObsID"),
        ({"binMeth": "snapshot", "minEnergy": 0.5, "maxEnergy": 8.0, "softLo": 0.5, "hardHi": 8}, "Snapshot"),
        ({"binMeth": "counts", "pcCounts": 20, "wtCounts": 30, "dynamic": True, "timeFormat": "MJD"}, "Counts"),
    ],
)
def test_light_curve_binned_anew(engine, words: dict[str, Any], binning: str) -> None:
    rebin, backend = engine
    started = rebin("rebinLightCurve", type="UOB_LC", objectID="1", name="constant source", **words)
    assert started["OK"] == 1, started
    wait(backend, str(started["JobID"]))
    assert rebin("checkRebinStatus", JobID=started["JobID"])["status"] == 4
    plain = rebin("downloadLightCurve", type="REBIN_LC", objectID=started["JobID"], incbad="no", nosys="no")
    assert plain["Binning"] == binning
    assert plain["TimeFormat"] == ("MJD" if words.get("timeFormat") == "MJD" else "MET")
    assert "PC" in plain["Datasets"]
    assert plain["PCData"]["URL"].startswith(f"http://server/user_objects/tprods/USERPROD_{started['JobID']}/lc/")
    # By default bins without a reliable centroid are in it.
    assert "PC_incbad" in rebin("downloadLightCurve", type="REBIN_LC", objectID=started["JobID"])["Datasets"]
