"""The recorded exchanges about jobs, replayed: submission, state, cancellation, history, rebinning, downloads.

The fixture ``scene`` plays the server's side and compares what our client sends
with what the reference client sent; what comes out is in each test.
"""

from __future__ import annotations

import ast
import gzip
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import CountsBinning, SwiftXRTClass
from swiftxrt.exceptions import (
    JobLostError,
    NotRegisteredError,
    RequestRejectedError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
)
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase, StepState

T0 = 608713541.952


def test_every_exchange_is_replayed(exchanges: dict[str, Any], differences: dict[str, Any]) -> None:
    replayed = [
        node.name.removeprefix("test_")
        for path in Path(__file__).parent.glob("test_*_exchanges.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_exchange_")
    ]
    assert sorted(replayed) == sorted(exchanges)
    assert len(exchanges) == 32
    assert set(differences) <= set(exchanges)


def test_exchange_01_submit_ok(scene: Any) -> None:
    job = scene.client.submit(scene.request())
    assert job.id == "951"
    assert job.url == f"{scene.played.url}/user_objects/tprods/USERPROD_951"
    assert job.request.target.t0_met == T0
    assert job.request.target.target_ids == ("00966554",)
    # The recorded reply reports more products than were asked for.
    assert set(job.request.kinds) == set(Kind)
    assert job.request.extraction.centroid_method == "simple"
    assert job.request.light_curve.binning == CountsBinning(pc_counts=20, wt_counts=30)
    assert job.parameters["whatSXPS"] == "LSXPS"
    assert "UserID" not in job.parameters


def test_exchange_02_submit_listErr(scene: Any) -> None:
    with pytest.raises(RequestRejectedError, match="problems with the parameters") as caught:
        scene.client.submit(scene.request())
    fields = [field for field, _ in caught.value.problems]
    assert fields == ["target.position", "extraction.centroid", "extraction.centroid_tolerance"]
    assert "must be between 1 and 6" in str(caught.value)


def test_exchange_03_submit_http_error(scene: Any) -> None:
    with pytest.raises(ServiceUnavailableError, match="may have arrived") as caught:
        scene.client.submit(scene.request())
    assert caught.value.status == 500


def test_exchange_04_submit_html_200(scene: Any) -> None:
    with pytest.raises(SubmissionUncertainError, match="a web page; the request .* may have arrived") as caught:
        scene.client.submit(scene.request())
    assert caught.value.payload_excerpt == "<html></html>"


def recorded_job(scene: Any) -> Job:
    """The job whose products the recorded status request names; looked at only by the exchange itself."""
    reply = scene.exchange["reply"]["json"]
    codes = scene.exchange["request"]["json"]["what"].split(",")
    job = scene.find_job(*codes, **dict.fromkeys(codes, 1))
    scene.played.asked.clear()
    scene.played.answer(scene.exchange["request"]["path"], reply)
    return job


def test_exchange_10_status_progress(scene: Any) -> None:
    report = recorded_job(scene).refresh()
    phases = {kind.code: status.phase for kind, status in report.products.items()}
    assert phases.pop("psf") is Phase.COMPLETED
    assert set(phases.values()) == {Phase.EXECUTING}
    assert len(phases) == 5
    spectrum = report.products[Kind.SPECTRUM]
    assert spectrum.running_s == 1240
    assert [step.state for step in spectrum.steps] == [StepState.DONE, StepState.ACTIVE]
    assert spectrum.steps[1].note == "Working on spectrum: Obs_00081637001 (14/156)"
    assert [step.label for step in spectrum.steps[1].steps] == ["Extract data.", "Fit spectrum."]
    enhanced = report.products[Kind.ENHANCED_POSITION]
    assert enhanced.preface == "Trying using the v,b,white filters:"
    for text in ("Obs_00081637001 (14/156)", "Fit spectrum.", "v,b,white filters"):
        assert text in str(report)


def test_exchange_11_status_all_done(scene: Any) -> None:
    report = recorded_job(scene).wait(progress=False)
    phases = [status.phase for status in report.products.values()]
    assert phases == [Phase.COMPLETED, Phase.ABORTED]
    assert report.phase.is_final


def test_exchange_12_status_unknown_product(scene: Any) -> None:
    report = recorded_job(scene).refresh()
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.UNKNOWN
    assert not report.phase.is_final


def test_exchange_13_status_not_owner(scene: Any) -> None:
    with pytest.raises(JobLostError, match="not owned") as caught:
        recorded_job(scene).refresh()
    assert caught.value.job_id == "951"


def test_exchange_14_status_subset(scene: Any) -> None:
    report = recorded_job(scene).refresh()
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.QUEUED
    assert list(report.products) == [Kind.LIGHT_CURVE]


def test_exchange_20_cancel_ok(scene: Any) -> None:
    job = scene.find_job("lc", "spec", lc=3)
    scene.played.answer("checkProductStatus.php", scene.played.statuses(lc=-4, spec=4))
    report = job.cancel("light_curve")
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.ABORTED
    assert report.products[Kind.SPECTRUM].phase is Phase.COMPLETED


def test_exchange_21_cancel_partial(scene: Any) -> None:
    job = scene.find_job("lc", "spec", lc=3, spec=3)
    scene.played.answer("checkProductStatus.php", scene.played.statuses(lc=-4, spec=4))
    phases = {kind: status.phase for kind, status in job.cancel().products.items()}
    assert phases == {Kind.LIGHT_CURVE: Phase.ABORTED, Kind.SPECTRUM: Phase.COMPLETED}


def test_exchange_22_cancel_error(scene: Any) -> None:
    with pytest.raises(JobLostError, match="not owned"):
        scene.find_job("lc", "spec", lc=3, spec=3).cancel()


def test_exchange_70_old_job(scene: Any) -> None:
    job = scene.client.get_job(800)
    assert job.id == "800"
    request = job.request
    assert set(request.kinds) == set(Kind)
    assert (request.target.name, request.target.target_ids, request.target.t0_met) == ("GRB 200416A", ("00966554",), T0)
    assert (request.target.position.ra.deg, request.target.position.dec.deg) == (335.6985, -7.5179)
    assert request.light_curve.binning == CountsBinning(pc_counts=20, wt_counts=30, dynamic=True)
    assert request.sources.bands == "total"
    assert job.parameters["whatSXPS"] == "LSXPS"
    assert "UserID" not in job.parameters


def test_exchange_71_list_old_jobs(scene: Any) -> None:
    table = scene.client.list_jobs()
    assert len(table) == 1
    row = table[0]
    assert (row["job_id"], row["name"], bool(row["available"])) == ("3414", "GRB 200416A", True)
    assert row["submitted"].iso == "2020-07-23 17:32:29.000"
    assert row["submitted"].scale == "utc"
    assert [kind for kind in Kind if row[kind.value]] == [Kind.SPECTRUM]


def test_exchange_72_list_old_jobs_error(scene: Any, user: str) -> None:
    with SwiftXRTClass(user=user) as nobody, pytest.raises(NotRegisteredError, match="register") as caught:
        nobody.list_jobs()
    assert user not in str(caught.value)


def test_exchange_73_count_active(scene: Any) -> None:
    assert scene.client.count_active_jobs() == 3


def test_exchange_74_count_active_error(scene: Any, user: str) -> None:
    with SwiftXRTClass(user=user) as nobody, pytest.raises(NotRegisteredError, match="register"):
        nobody.count_active_jobs()


def rebinning(scene: Any) -> Job:
    """A rebinning with the ID 77; what the recorded exchange answers is set again after it."""
    start = scene.exchanges["exchange_80_rebin"]["reply"]["json"]
    job = scene.find_job("lc")
    scene.played.answer("/API/main.php", start, scene.exchange["reply"]["json"])
    new = job.rebin(CountsBinning(pc_counts=20, wt_counts=30, dynamic=True))
    scene.played.asked.clear()
    return new


def test_exchange_80_rebin(scene: Any) -> None:
    new = scene.find_job("lc").rebin(CountsBinning(pc_counts=20, wt_counts=30, dynamic=True), time_format="mjd")
    assert new.id == "77"
    assert new.kinds == (Kind.LIGHT_CURVE,)
    binning = new.request.light_curve.binning
    assert (binning.pc_counts, binning.wt_counts, binning.dynamic) == (20, 30, True)


def test_exchange_81_rebin_status(scene: Any) -> None:
    report = rebinning(scene).refresh()
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.EXECUTING


def test_exchange_82_rebin_cancel(scene: Any) -> None:
    new = rebinning(scene)
    cancelled = {"OK": 1, "status": -4, "text": "Cancelled", "APIVersion": "1.0.5"}
    scene.played.answer("/API/main.php", scene.exchange["reply"]["json"], cancelled)
    assert new.cancel().products[Kind.LIGHT_CURVE].phase is Phase.ABORTED


def test_exchange_83_rebin_get(scene: Any) -> None:
    new = rebinning(scene)
    finished = {"OK": 1, "status": 4, "text": "Complete", "APIVersion": "1.0.5"}
    scene.played.answer("/API/main.php", finished)
    new.refresh()
    scene.played.asked.clear()
    scene.played.answer("/API/main.php", scene.exchange["reply"]["json"])
    with pytest.warns(ServiceWarning, match="calls its times MJD"):  # and has seconds
        total = new.product("light_curve").total
    assert total["met"][0].value == pytest.approx(T0 + 231.329, abs=2e-6)
    assert list(total["obsid"]) == ["00016843001"]
    assert total["rate"][0] == 2.492634 * u.ct / u.s
    assert total["counts"][0] == 21 * u.ct


def test_exchange_90_download(scene: Any) -> None:
    content = gzip.compress(b"BYTES")  # a look at the first bytes tells an archive from something else
    scene.played.answer(scene.exchange["request"]["path"], content)
    paths = scene.find_job("lc").download(scene.folder, kinds="light_curve")
    assert dict(paths) == {Kind.LIGHT_CURVE: scene.folder / "lc.tar.gz"}
    assert (scene.folder / "lc.tar.gz").read_bytes() == content
