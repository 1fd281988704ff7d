"""The embedded server over a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import pytest
import requests

from swiftxrt import (
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    ObsidBinning,
    PositionRequest,
    SpectrumRequest,
    SwiftXRTClass,
    Target,
    XRTRequest,
)
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.exceptions import (
    JobLostError,
    NotRegisteredError,
    RequestRejectedError,
    ServerStartError,
)
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.provenance import provenance_of
from swiftxrt.products.report import JobReport, Phase, ProductStatus
from swiftxrt.server import files as files_module
from swiftxrt.server.files import ProductFiles
from swiftxrt.server.run import listen
from swiftxrt.testing import server as testing_server
from swiftxrt.testing.server import embedded_server

USER = "user@example.org"
OTHER = "other@example.org"
TIMEOUT = 3 * u.min


def full_request(name: str) -> XRTRequest:
    return XRTRequest(
        target=Target(name=name, resolve_t0=True),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
        spectrum=SpectrumRequest(),
        position=PositionRequest(kinds=("standard", "enhanced", "astrometric")),
        image=ImageRequest(),
    )


@pytest.fixture(scope="module")
def url(small_archive: Path) -> Iterator[str]:
    with embedded_server(small_archive, users=[USER, OTHER]) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> SwiftXRTClass:
    return SwiftXRTClass(user=USER)


@pytest.fixture(scope="module")
def job(client: SwiftXRTClass):
    made = client.submit(full_request("constant source"))
    made.wait(timeout=TIMEOUT, progress=False)
    return made


def post(url: str, path: str, payload: object) -> dict:
    reply = requests.post(f"{url}/user_objects/{path}", data=json.dumps(payload), timeout=30)
    assert reply.status_code == 200
    return reply.json()


def test_products_are_those_of_the_engine_in_process(job, small_archive: Path) -> None:
    remote = job.result(progress=False)
    backend = SwiftXRTClass(backend="local", archive=small_archive)
    local = backend.submit(full_request("constant source")).result(timeout=TIMEOUT, progress=False)
    assert set(remote) == set(local) == {Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.STANDARD_POSITION, Kind.IMAGE}
    for name in ("total", "soft", "hard", "hardness_ratio"):
        assert remote.light_curve[name].equals(local.light_curve[name]), name
    assert len(local.light_curve.total) > 3
    assert remote.spectrum == local.spectrum
    assert remote.standard_position == local.standard_position
    assert remote.image == local.image
    assert remote.failed == local.failed
    assert "UVOT" in remote.failed[Kind.ENHANCED_POSITION]
    assert remote.request == local.request
    # The server tells how it made them.
    for product in (remote.light_curve, remote.spectrum, remote.standard_position, remote.image):
        assert provenance_of(product).backend == "local"
        assert provenance_of(product).notes


def test_job_is_found_again(client: SwiftXRTClass, job) -> None:
    again = client.get_job(job.id)
    assert again.refresh().phase is Phase.COMPLETED
    assert again.request.target == job.request.target
    with pytest.raises(JobLostError):
        client.get_job("4711")


def test_jobs_of_others_are_not_shown(url: str, job) -> None:
    with pytest.raises(JobLostError):
        SwiftXRTClass(user=OTHER).get_job(job.id)


def test_unregistered_user(url: str) -> None:
    with pytest.raises(NotRegisteredError) as caught:
        SwiftXRTClass(user="nobody@example.org").submit(full_request("constant source"))
    assert "nobody" not in str(caught.value)


def test_unknown_object_is_refused_with_what_there_is(client: SwiftXRTClass) -> None:
    with pytest.raises(RequestRejectedError, match="constant source"):
        client.submit(full_request("GRB 000000A"))


def test_parameter_errors_come_as_a_list(url: str) -> None:
    bad = {
        "UserID": USER,
        "name": "X",
        "getTargs": 1,
        "getCoords": 1,
        "cent": 0,
        "useSXPS": 0,
        "lc": 1,
        "binMeth": "weeks",
    }
    reply = post(url, "run_userobject.php", bad)
    assert (reply["OK"], reply["APIVersion"]) == (0, "1.12")
    assert "problems with the parameters" in reply["ERROR"]
    assert any("weeks" in item for group in reply["listErr"] for item in group["list"])


def test_history(url: str, job) -> None:
    listed = post(url, "listOldJobs.php", {"UserID": USER})
    mine = next(one for one in listed["jobs"] if one["JobID"] == int(job.id))
    assert mine["Name"] == "constant source"
    assert (mine["LightCurve"], mine["SourceDet"], mine["hasProd"]) == (True, False, True)
    assert post(url, "getNumJobs.php", {"UserID": USER})["numJobs"] == 0
    assert post(url, "listOldJobs.php", {"UserID": OTHER})["jobs"] == []


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_archives(job, tmp_path: Path, suffix: str) -> None:
    paths = job.download(tmp_path, archive_format=suffix)
    assert set(paths) == {Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.STANDARD_POSITION, Kind.IMAGE}
    for kind, path in paths.items():
        if suffix == "zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        else:
            with tarfile.open(path) as archive:
                names = archive.getnames()
        assert names
        assert all(name.startswith(f"USERPROD_{job.id}/{kind.code}/") for name in names)
    assert any(name.endswith("images.log") for name in names)


def test_single_files_and_everything(job) -> None:
    curve = requests.get(f"{job.url}/lc/PCCURVE.qdp", timeout=30)
    assert curve.text.startswith("READ TERR")
    everything = requests.get(f"{job.url}/all.tar.gz", timeout=30)
    with tarfile.open(fileobj=io.BytesIO(everything.content)) as archive:
        codes = {name.split("/")[1] for name in archive.getnames()}
    assert codes == {"lc", "spec", "psf", "enh", "xastrom", "image"}


@pytest.mark.parametrize(
    "path",
    [
        *("nothing.tar.gz", "lc/nothing.qdp", "lc.rar", "", "lc/%00", "lc/" + "x" * 300, "/etc/hosts", "lc//etc/hosts"),
        *("lc/..%2f..%2f..%2fjobs.sqlite", "..%2f..%2fjobs.sqlite", "..%2flc.tar.gz"),
    ],
)
def test_nothing_else_can_be_fetched(job, path: str) -> None:
    assert requests.get(f"{job.url}/{path}", timeout=30).status_code == 404
    assert requests.get(job.url.replace("_1", "_4711") + "/lc.zip", timeout=30).status_code == 404


def test_archive_of_everything_grows_with_the_job(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(target=Target(name="constant source"), image=ImageRequest(), spectrum=SpectrumRequest())
    with LocalBackend(small_archive) as backend:
        handle = backend.submit(request)
        _wait(backend, handle)
        files = ProductFiles(backend, tmp_path)
        report = backend.poll(handle)
        early = {**report.products, Kind.SPECTRUM: ProductStatus(Phase.EXECUTING)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "poll", lambda handle: JobReport(handle.id, early))
            codes = [_codes(files.find(handle.id, "all.tar"))]
        codes.append(_codes(files.find(handle.id, "all.tar")))
    assert codes == [{"image"}, {"image", "spec"}]


def _codes(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return {name.split("/")[1] for name in archive.getnames()}


def test_server_that_does_not_start_says_so(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing_server, "_START_TIMEOUT_S", 0.01)
    monkeypatch.setattr("uvicorn.Server.startup", lambda self, sockets=None: asyncio.sleep(0.2))
    with pytest.raises(ServerStartError, match="did not start"), embedded_server(small_archive):
        raise AssertionError


def test_download_can_be_looked_at_and_resumed(job) -> None:
    whole = requests.get(f"{job.url}/lc.tar", timeout=30).content
    head = requests.head(f"{job.url}/lc.tar", timeout=30)
    assert (head.status_code, int(head.headers["Content-Length"]), head.content) == (200, len(whole), b"")
    part = requests.get(f"{job.url}/lc.tar", headers={"Range": "bytes=100-199"}, timeout=30)
    assert part.status_code == 206
    assert part.content == whole[100:200]
    beyond = requests.get(f"{job.url}/lc.tar", headers={"Range": "bytes=999999999-"}, timeout=30)
    assert beyond.status_code == 416


def test_archive_of_what_failed_holds_the_reason(job) -> None:
    with tarfile.open(fileobj=io.BytesIO(requests.get(f"{job.url}/enh.tar.gz", timeout=30).content)) as archive:
        (member,) = archive.getmembers()
        assert member.name == f"USERPROD_{job.id}/enh/README.txt"
        assert b"UVOT" in archive.extractfile(member).read()


def test_archive_of_what_is_under_way_is_not_there(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(target=Target(name="constant source"), image=ImageRequest())
    with LocalBackend(small_archive) as backend, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend._scheduler, "put", lambda *_, **__: None)
        handle = backend.submit(request)
        files = ProductFiles(backend, tmp_path)
        assert files.find(handle.id, "image.zip") is None
        assert files.find(handle.id, "all.zip") is None
        assert files.find("4711", "all.zip") is None


def test_archives_of_two_jobs_are_packed_side_by_side(small_archive: Path, tmp_path: Path) -> None:
    """While one archive is being packed, others are not held up."""
    request = XRTRequest(target=Target(name="constant source"), image=ImageRequest())
    with LocalBackend(small_archive) as backend, pytest.MonkeyPatch.context() as patch:
        handles = [backend.submit(request) for _ in range(2)]
        for handle in handles:
            _wait(backend, handle)
        files = ProductFiles(backend, tmp_path)
        meeting = threading.Barrier(2, timeout=30)
        pack = files_module.pack_folder

        def pack_together(*arguments: object) -> Path:
            meeting.wait()
            return pack(*arguments)

        patch.setattr(files_module, "pack_folder", pack_together)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda handle: files.find(handle.id, "image.tar"), handles))
    assert all(path is not None for path in found)
    assert found[0] != found[1]


def test_cancellation_of_work_under_way_and_after_the_end(small_archive: Path, job) -> None:
    assert job.cancel().phase is Phase.COMPLETED
    with embedded_server(small_archive, workers=1):
        running = SwiftXRTClass(user=USER).submit(full_request("constant source"))
        report = running.cancel(["astrometric_position", "image"])
        assert report.products[Kind.IMAGE].phase is Phase.ABORTED
        assert report.products[Kind.ASTROMETRIC_POSITION].phase is Phase.ABORTED
        running.cancel(["image"])
        products = running.result(timeout=TIMEOUT, progress=False)
    assert products.failed[Kind.IMAGE] == "it was cancelled"
    assert Kind.LIGHT_CURVE in products


def test_jobs_survive_a_restart(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(target=Target(name="constant source"), image=ImageRequest(), spectrum=SpectrumRequest())
    with LocalBackend(small_archive, state=tmp_path, workers=1) as backend:
        handle = backend.submit(request)
        with pytest.raises(ServerStartError, match="another"):
            LocalBackend(small_archive, state=tmp_path)
    # Whatever state it was in, the next backend on the same folder takes it up.
    with LocalBackend(small_archive, state=tmp_path) as backend:
        again = SwiftXRTClass(backend="local", archive=small_archive)
        again._made[""] = backend
        products = again.get_job(handle.id).result(timeout=TIMEOUT, progress=False)
    assert set(products) == {Kind.IMAGE, Kind.SPECTRUM}


def test_worker_that_dies_takes_only_its_product_along(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(
        target=Target(name="constant source"),
        light_curve=LightCurveRequest(binning=ObsidBinning()),
        image=ImageRequest(),
    )
    with LocalBackend(small_archive, state=tmp_path, processes=True, workers=1) as backend:
        handle = backend.submit(request)
        pool = backend._scheduler._executor
        for process in pool._processes.values():
            process.kill()
        report = _wait(backend, handle)
    phases = {status.phase for status in report.products.values()}
    assert phases <= {Phase.COMPLETED, Phase.ERROR}
    assert Phase.COMPLETED in phases


def _wait(backend: LocalBackend, handle, attempts: int = 600):
    import time

    for _ in range(attempts):
        report = backend.poll(handle)
        if report.phase.is_final:
            return report
        time.sleep(0.1)
    raise AssertionError(report)


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerStartError, match="choose another port"):
            listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ServerStartError):
        listen("127.0.0.1", 99999)


def test_no_address_is_stored(small_archive: Path, tmp_path: Path) -> None:
    with embedded_server(small_archive, state=tmp_path, users=[USER]):
        request = XRTRequest(target=Target(name="constant source"), image=ImageRequest())
        SwiftXRTClass(user=USER).submit(request).wait(timeout=TIMEOUT, progress=False)
    digest = hashlib.sha256(USER.encode()).hexdigest().encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "jobs.sqlite" for path in files)
    for path in files:
        assert USER.encode() not in path.read_bytes(), path
        # One who knows an address cannot find its jobs without the key.
        assert digest not in path.read_bytes(), path


def test_owners_are_known_after_a_restart(small_archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(target=Target(name="constant source"), image=ImageRequest())
    with embedded_server(small_archive, state=tmp_path):
        job = SwiftXRTClass(user=USER).submit(request)
    with embedded_server(small_archive, state=tmp_path):
        assert SwiftXRTClass(user=USER.upper()).get_job(job.id).request == job.request
        with pytest.raises(JobLostError):
            SwiftXRTClass(user=OTHER).get_job(job.id)
