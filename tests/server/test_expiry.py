"""Products that have been kept long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import astropy.units as u
import pytest
import requests

from swiftxrt import ImageRequest, LightCurveRequest, ObsidBinning, SwiftXRTClass, Target, XRTRequest
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.server.expiry import Expiry
from swiftxrt.server.files import ProductFiles
from swiftxrt.server.handlers import Service
from swiftxrt.server.users import UserRegistry
from swiftxrt.testing.server import embedded_server

from .conftest import START, USER, FakeBackend

IMAGE = {"UserID": USER, "name": "X", "getTargs": 1, "getCoords": 1, "image": 1}


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_products_go_after_their_time_and_jobs_stay(backend: FakeBackend, tmp_path: Path) -> None:
    clock = Clock()
    files = ProductFiles(backend, tmp_path)
    service = Service(backend, UserRegistry([USER]), expiry=Expiry(7 * u.day, files, now=clock))

    def ask(path: str, **payload: object) -> dict:
        return service.answer(path, {"UserID": USER, **payload}, "http://server")

    ask("run_userobject.php", **IMAGE)
    ask("run_userobject.php", **IMAGE)
    backend.end("1", Kind.IMAGE, "an image")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "image.zip").touch()
    clock.now = START + timedelta(days=7)
    assert [one["hasProd"] for one in ask("listOldJobs.php")["jobs"]] == [False, True]
    clock.now += timedelta(minutes=59)  # looked already in this hour
    assert [one["hasProd"] for one in ask("listOldJobs.php")["jobs"]] == [False, True]
    clock.now += timedelta(minutes=1)
    assert [(one["JobID"], one["hasProd"]) for one in ask("listOldJobs.php")["jobs"]] == [(2, False), (1, False)]
    assert not (tmp_path / "1").exists()
    assert not backend.jobs["2"].expired  # it has not ended
    assert ask("checkProductStatus.php", JobID=1, what="image")["image"]["statusCode"] == 4
    assert files.find("1", "image.zip") is None
    assert files.find("1", "all.tar") is None


def test_a_start_looks_at_once(backend: FakeBackend, tmp_path: Path) -> None:
    clock = Clock()
    service = Service(backend, UserRegistry([USER]))
    service.answer("run_userobject.php", IMAGE, "http://server")
    backend.end("1", Kind.IMAGE, "an image")
    clock.now = START + timedelta(days=30)
    service = Service(
        backend, UserRegistry([USER]), expiry=Expiry(7 * u.day, ProductFiles(backend, tmp_path), now=clock)
    )
    service.answer("getNumJobs.php", {"UserID": USER}, "http://server")
    assert backend.jobs["1"].expired


@pytest.mark.parametrize("keep", [7, 7 * u.m, -1 * u.day, 0 * u.day, [1, 2] * u.day, float("nan") * u.day, 1e9 * u.yr])
def test_times_that_are_none(backend: FakeBackend, tmp_path: Path, keep: object) -> None:
    with pytest.raises(RequestError, match="keep"):
        Expiry(keep, ProductFiles(backend, tmp_path))


def test_local_backend_removes_files_and_remembers(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(
        target=Target("constant source"), image=ImageRequest(), light_curve=LightCurveRequest(binning=ObsidBinning())
    )
    with LocalBackend(small_archive, state=tmp_path, workers=1) as backend:
        client = SwiftXRTClass(backend="local", archive=small_archive)
        client._made[""] = backend
        job = client.submit(request)
        job.wait(timeout=2 * u.min, progress=False)
        handle = backend.recall(job.id)
        assert backend.expire(handle.submitted) == []
        assert backend.expire(datetime.now(UTC) + timedelta(seconds=1)) == [job.id]
        assert backend.expire(datetime.now(UTC) + timedelta(seconds=1)) == []
        assert [(one.id, one.available) for one in backend.list_jobs()] == [(job.id, False)]
        for kind in (Kind.IMAGE, Kind.LIGHT_CURVE):
            with pytest.raises(ProductNotAvailableError, match="no longer kept"):
                backend.collect(handle, kind)
        assert not list(tmp_path.rglob("*.fits*"))
    with LocalBackend(small_archive, state=tmp_path, workers=1) as backend:
        assert [one.available for one in backend.list_jobs()] == [False]


def test_jobs_under_way_do_not_expire(small_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = XRTRequest(target=Target("constant source"), image=ImageRequest())
    with LocalBackend(small_archive, state=tmp_path, workers=1) as backend:
        monkeypatch.setattr(backend._scheduler, "put", lambda *_, **__: None)
        backend.submit(request)
        assert backend.expire(datetime.now(UTC) + timedelta(days=1)) == []


def test_over_http(small_archive: Path) -> None:
    with embedded_server(small_archive, keep=1e-3 * u.s) as url:
        client = SwiftXRTClass(user=USER)
        job = client.submit(XRTRequest(target=Target("constant source"), image=ImageRequest()))
        # The look at the first call was in the same hour: nothing is removed yet.
        assert job.result(timeout=2 * u.min, progress=False).image
        assert requests.get(f"{url}/user_objects/tprods/USERPROD_{job.id}/image.zip", timeout=30).status_code == 200
