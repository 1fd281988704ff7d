"""The real, unmodified `swifttools` client lives with our server: submission, state, history, downloads, errors."""

from __future__ import annotations

import json
import tarfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import SwiftXRTClass
from swiftxrt.engine import build as engine
from swiftxrt.exceptions import JobLostError, NotRegisteredError
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase, StepState

USER = "tutorial@example.org"
NAME = "SIM_GRB 200416A"
CODES = {Phase.COMPLETED: 4, Phase.ABORTED: -4, Phase.ERROR: -3, Phase.EXECUTING: 3, Phase.QUEUED: 2, Phase.PENDING: 1}
KINDS = {kind.swifttools_name: kind for kind in Kind}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def image_request(prods: Any, user: str = USER, **globals_: Any) -> Any:
    request = prods.XRTProductRequest(user, silent=True, useDeprecate=False)
    request.setGlobalPars(**({"name": NAME, "getTargs": True, "getCoords": True} | globals_))
    request.setGlobalPars(centroid=False, useSXPS=False)
    request.addImage()
    return request


@pytest.fixture(scope="module")
def submitted(prods: Any, wait: Callable[..., None]) -> Any:
    """A request as it is after submission, not one that was found again."""
    request = image_request(prods, getT0=True)
    assert request.submit(), request.submitError
    wait(lambda: request.complete)
    return request


def test_submission_fills_the_request_in(submitted: Any, url: str) -> None:
    assert submitted.submitted
    assert f"{url}/user_objects/tprods/USERPROD_{submitted.JobID}" == submitted.URL
    mine = SwiftXRTClass(user=USER).get_job(submitted.JobID)
    assert submitted.globalPars["T0"] == mine.request.target.t0_met == 608713541.952
    assert submitted.globalPars["RA"] == mine.request.target.position.ra.deg
    assert submitted.globalPars["targ"].split(",") == list(mine.request.target.target_ids)
    assert not {"getCoords", "getTargs", "getT0"} & set(submitted.globalPars)
    assert submitted.getImagePars("whichData") == "all"
    assert submitted.getImagePars("energies") == ",".join(
        f"{band.low_kev:g}-{band.high_kev:g}" for band in mine.request.image.bands
    )
    assert submitted.subRetData["jobPars"] is submitted.jobPars
    reported = {key: value for key, value in submitted.jobPars.items() if key != "UserID"}
    assert {key: mine.parameters[key] for key in reported} == reported
    assert mine.url == submitted.URL


def test_submitted_requests_are_closed(submitted: Any) -> None:
    for change in (submitted.submit, submitted.addSpectrum, submitted.removeImage):
        with pytest.raises(RuntimeError, match="submitted"):
            change()
    assert submitted.status == (submitted.statusCode, submitted.statusText)
    assert submitted.status == (2, "Job finished, all products complete or failed")


def test_state(tutorial: Any, attached: Any, job: Job) -> None:
    report = attached.checkProductStatus()
    mine = job.refresh()
    assert set(report) == set(KINDS)
    for name, entry in report.items():
        status = mine.products[KINDS[name]]
        assert entry["statusCode"] == CODES[status.phase], name
        assert entry["progressText"] == "No progress information available"
        assert status.text in ("", entry["statusText"])
    codes = {name: entry["statusCode"] for name, entry in report.items()}
    assert codes == dict.fromkeys(KINDS, 4) | {"EnhancedPos": -3, "AstromPos": -4}
    assert attached.complete
    assert mine.phase.is_final
    assert attached.statusText == "Job finished, all products complete or failed"
    subset = attached.checkProductStatus(["Image"])
    assert subset == {"Image": report["Image"]}


def test_work_in_progress(prods: Any, tutorial: Any, monkeypatch: pytest.MonkeyPatch, wait: Any) -> None:
    """A product that is held up half way: steps, notes and the number of active jobs."""
    reached, go_on = threading.Event(), threading.Event()
    build = engine.build_product

    def held_up(*args: Any, progress: Any, **kwargs: Any) -> Any:
        progress(1, "observation 2 / 3")
        reached.set()
        assert go_on.wait(300)
        return build(*args, progress=progress, **kwargs)

    monkeypatch.setattr(engine, "build_product", held_up)
    client = SwiftXRTClass(user=USER)
    request = image_request(prods)
    try:
        assert request.submit(), request.submitError
        assert reached.wait(300)
        entry = request.checkProductStatus()["Image"]
        mine = client.get_job(request.JobID).refresh().products[Kind.IMAGE]
        assert tutorial.countActiveJobs() == prods.countActiveJobs(USER) == client.count_active_jobs() == 1
        assert not request.complete
    finally:
        go_on.set()
    assert (entry["statusCode"], entry["statusText"]) == (3, "Running")
    assert mine.phase is Phase.EXECUTING
    assert mine.steps[1].note == "observation 2 / 3"
    marks = {StepState.DONE: "  {} - DONE", StepState.ACTIVE: "  ** {} - ACTIVE -- observation 2 / 3**"}
    lines = [marks.get(step.state, "  {}").format(step.label) for step in mine.steps]
    assert entry["progressText"].splitlines()[: len(lines)] == lines
    assert "The job has been running for 00:00:" in entry["progressText"]
    wait(lambda: request.complete)


def test_cancelling(prods: Any, attached: Any) -> None:
    """Too late, twice, and in time: the codes of the service, and the same states for our client."""
    finished = {"code": 1, "text": "Job could not be cancelled - has it already finished?"}
    attached._status = 1  # cancelling is refused there after the end
    assert attached.cancelProducts(["LightCurve"]) == (1, {"LightCurve": finished})
    request = image_request(prods)
    request.addSpectrum(hasRedshift=False)
    assert request.submit(), request.submitError
    code, first = request.cancelProducts()
    assert code == 1
    assert set(first) == {"Image", "Spectrum"}
    assert {entry["code"] for entry in first.values()} <= {0, 1}
    mine = SwiftXRTClass(user=USER).get_job(request.JobID)
    phases = mine.refresh().products
    for name, entry in first.items():
        if entry["code"] == 0:
            assert phases[KINDS[name]].phase is Phase.ABORTED
    assert {entry["code"] for entry in request.cancelProducts()[1].values()} == {1}
    assert {kind: status.phase for kind, status in mine.cancel().products.items()} == {
        kind: status.phase for kind, status in phases.items()
    }


def test_list_of_jobs(prods: Any, tutorial: Any, submitted: Any) -> None:
    theirs = prods.listOldJobs(USER)
    assert theirs == tutorial.listOldJobs()
    assert theirs == prods.XRTProductRequest(USER).listOldJobs()
    mine = SwiftXRTClass(user=USER).list_jobs()
    assert len(theirs) == len(mine) >= 2
    assert [str(entry["JobID"]) for entry in theirs] == list(mine["job_id"])
    assert {str(tutorial.JobID), str(submitted.JobID)} <= set(mine["job_id"])
    for entry, row in zip(theirs, mine, strict=True):
        assert entry["Name"] == row["name"] == NAME
        assert entry["DateSubmitted"] == row["submitted"].utc.strftime("%Y-%m-%d %H:%M:%S")
        assert entry["hasProd"] is bool(row["available"])
        assert {name: entry[name] for name in KINDS} == {name: bool(row[kind.value]) for name, kind in KINDS.items()}
        assert type(entry["JobID"]) is int


def test_jobs_that_have_not_ended(prods: Any, tutorial: Any, wait: Callable[..., None]) -> None:
    mine = SwiftXRTClass(user=USER)
    wait(lambda: prods.countActiveJobs(USER) == 0)
    assert tutorial.countActiveJobs() == mine.count_active_jobs() == 0
    assert prods.countActiveJobs("other@example.org") == 0


def test_old_job_as_a_template(prods: Any, tutorial: Any, job: Job) -> None:
    copy = prods.XRTProductRequest(USER, useDeprecate=False)
    copy.copyOldJob(int(tutorial.JobID))
    assert not copy.submitted
    assert copy.statusCode == 0
    assert copy.statusText == "Preparing the request"
    assert copy.isValid() == (True, "")
    assert copy.getLightCurvePars("pcCounts") == 20
    # Lost there on the way: whether times count from T0, and the largest gaps.
    again = type(job.request).from_wire(copy.getJSONDict())
    lost = {"notify": None, "times_since_t0": None}
    binning = job.request.light_curve.binning.replace(pc_max_gap=None, wt_max_gap=None)
    assert again.replace(**lost) == job.request.replace(
        light_curve=job.request.light_curve.replace(binning=binning), **lost
    )
    assert copy.productList == [Kind.of(name).code for name in job.kinds]


def test_job_found_again(attached: Any, tutorial: Any) -> None:
    assert attached.submitted
    assert str(attached.JobID) == str(tutorial.JobID)
    assert attached.URL.endswith(f"USERPROD_{tutorial.JobID}")
    with pytest.raises(KeyError):
        _ = attached.jobPars  # lost there on the way
    assert attached.subRetData == {"URL": attached.URL}
    assert attached.productList


@pytest.mark.parametrize("archive_format", ["zip", "tar", "tar.gz"])
def test_downloads(attached: Any, job: Job, archive_format: str, tmp_path: Path) -> None:
    theirs = attached.downloadProducts(str(tmp_path / "theirs"), format=archive_format)
    assert set(theirs) == set(KINDS)
    mine = job.download(tmp_path / "mine", archive_format=archive_format)
    assert set(mine) == {kind for kind, status in job.refresh().products.items() if status.phase is Phase.COMPLETED}
    for name, path in theirs.items():
        kind = KINDS[name]
        assert Path(path).name == f"{kind.code}.{archive_format}"
        contents = contents_of(Path(path))
        assert contents, name
        assert all(member.startswith(f"USERPROD_{attached.JobID}/{kind.code}/") for member in contents), name
        if kind in mine:
            assert contents_of(mine[kind]) == contents


def test_single_download_and_stem(attached: Any, url: str, tmp_path: Path) -> None:
    address = f"{url}/user_objects/tprods/USERPROD_{attached.JobID}"
    one = attached.Image.downloadProd(address, str(tmp_path), "zip", False, True, "my_")
    assert Path(one).name == "my_image.zip"
    with pytest.raises(RuntimeError, match="exists"):
        attached.downloadProducts(str(tmp_path), what=["Image"], format="zip", stem="my_")
    attached.downloadProducts(str(tmp_path), what=["Image"], format="zip", stem="my_", clobber=True)
    with urllib.request.urlopen(f"{address}/all.zip") as reply:
        (tmp_path / "all.zip").write_bytes(reply.read())
    assert set(contents_of(Path(one))) < set(contents_of(tmp_path / "all.zip"))
    with pytest.raises(ValueError, match="not a valid format"):
        attached.downloadProducts(str(tmp_path), format="rar")


def contents_of(path: Path) -> dict[str, bytes]:
    """Files of an archive, without the time in the header of compressed ones."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    with tarfile.open(path) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive.getmembers() if one.isfile()}


def test_unregistered_address(prods: Any, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = "stranger@example.org"
    request = image_request(prods, stranger)
    assert not request.submit()
    assert f"The user `{stranger}` is not recognised / validated" in request.submitError
    assert prods.listOldJobs(stranger) is None
    assert prods.countActiveJobs(stranger) == -1
    assert capsys.readouterr().out.count(f"ERROR: The user `{stranger}` is not recognised / validated") == 2
    mine = SwiftXRTClass(user=stranger)
    for call in (mine.list_jobs, mine.count_active_jobs, lambda: mine.get_job(1)):
        with pytest.raises(NotRegisteredError):
            call()


def test_job_of_another_user(prods: Any, tutorial: Any, attached: Any) -> None:
    other = prods.XRTProductRequest("other@example.org")
    with pytest.raises(RuntimeError, match="is not owned by user other@example.org"):
        other.copyOldJob(tutorial.JobID)
    attached._userID, attached._complete = "other@example.org", False
    sentence = f"Job {tutorial.JobID} is not owned by user other@example.org"
    assert sentence in attached.checkProductStatus()["ERROR"]
    assert not attached.complete
    assert attached.retrieveLightCurve(returnData=True)["ERROR"] is True
    assert sentence in attached.retrieveEnhancedPos(returnData=True)["Reason"]
    assert sentence in attached.retrieveSpectralFits(returnData=True)["Reason"]
    assert sentence in attached.retrieveSourceList(returnData=True)["Reason"]
    with pytest.raises(JobLostError):
        SwiftXRTClass(user="other@example.org").get_job(tutorial.JobID)


def test_refused_parameters_come_in_the_words_of_the_client(prods: Any) -> None:
    request = image_request(prods)
    request.addLightCurve(binMeth="counts", pcCounts=20, wtCounts=30, dynamic=True, minEnergy=5.0, maxEnergy=1.0)
    assert not request.submit()
    assert request.statusCode == 3
    assert "There were problems with the parameters you supplied." in request.submitError
    assert "LightCurve: minEnergy" in request.submitError
    request.setLightCurvePars(minEnergy=0.3, maxEnergy=10.0)
    assert request.submit(), request.submitError  # a refused request can be put right
    request.cancelProducts()


def test_pointed_by_its_own_settings(prods: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redirection: two settings of swifttools cover what is asked of a request."""
    monkeypatch.undo()
    request = image_request(prods)
    request._baseURL = f"{url}/user_objects"
    assert request.submit(), request.submitError
    assert request.URL.startswith(url)
    request.cancelProducts()


def test_version_check(prods: Any, url: str, recwarn: pytest.WarningsRecorder) -> None:
    call = urllib.request.Request(
        f"{url}/user_objects/getNumJobs.php", data=json.dumps({"UserID": USER}).encode(), method="POST"
    )
    with urllib.request.urlopen(call) as reply:
        prods.prod_request.checkAPI(json.load(reply))
    assert not [one for one in recwarn if "latest version" in str(one.message)]
