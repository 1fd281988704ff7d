"""What is kept of the products of a service: in the cache, and in bundles."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import (
    AllData,
    ImageRequest,
    LightCurveRequest,
    Observation,
    PositionRequest,
    ProductSet,
    SnapshotBinning,
    SourceDetectionRequest,
    SpectrumRequest,
    SwiftXRTClass,
    TimeBinning,
    TimeSlice,
    TimeSlices,
    XRTRequest,
    conf,
)
from swiftxrt.backends.cache import CachedJob
from swiftxrt.config import cache_folder
from swiftxrt.exceptions import FormatError, JobLostError, OfflineError, PartialResultWarning, ServiceError
from swiftxrt.io import bundle
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.provenance import provenance_of, utc_now
from swiftxrt.products.replies import Answer
from swiftxrt.query.resolve import as_target
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.server import embedded_server

NAME = "constant source"
USER = "some.body@example.org"
OTHER = "other@example.org"


class Service:
    """An embedded service with one job that has ended."""

    def __init__(self, url: str, plan: FaultPlan, archive: Path) -> None:
        self.url = url
        self.plan = plan
        self.request = request(archive)
        self.job = self.submit(self.request)

    def submit(self, wanted: XRTRequest) -> Job:
        with SwiftXRTClass(user=USER) as xrt:
            job = xrt.submit(wanted)
            job.wait(progress=False)
        return job

    @contextmanager
    def expecting(self, **calls: int) -> Iterator[None]:
        """How often the service is asked in the block, for each kind of call."""
        before = self.plan.seen
        yield
        assert dict(self.plan.seen - before) == calls


def request(archive: Path) -> XRTRequest:
    (place,) = {path.parents[2] for path in archive.rglob("*_cl.evt.gz")}
    (good,) = [Observation.open(place).events("PC").gti]
    start, stop = float(good.start[0]), float(good.stop[-1])
    slices = TimeSlices(
        TimeSlice(label="before", intervals=((start - 2000) * u.s, (start - 1000) * u.s)),
        TimeSlice(label="early", intervals=(start * u.s, (start + stop) / 2 * u.s)),
        TimeSlice(label="during", intervals=(start * u.s, stop * u.s)),
    )
    return XRTRequest(
        target=as_target(NAME),
        light_curve=LightCurveRequest(binning=SnapshotBinning()),
        spectrum=SpectrumRequest(slices=slices),
        position=PositionRequest("standard", "enhanced"),
        image=ImageRequest(),
        sources=SourceDetectionRequest(data=AllData()),
    )


def only_sources(wanted: XRTRequest) -> XRTRequest:
    """A request that is done at once."""
    return wanted.replace(image=None, spectrum=None, light_curve=None, position=None)


@pytest.fixture(scope="module")
def service(small_archive: Path) -> Iterator[Service]:
    plan = FaultPlan()
    with embedded_server(small_archive, users=[USER, OTHER], faults=plan) as url:
        yield Service(url, plan, small_archive)


@pytest.fixture(autouse=True)
def _no_faults(service: Service) -> Iterator[None]:
    yield
    service.plan.clear()


@pytest.fixture(scope="module")
def products(service: Service) -> ProductSet:
    """The products, and what came for them."""
    return service.job.result(progress=False)


# ---------------------------------------------------------------- the cache


def test_products_are_fetched_once(service: Service, products: ProductSet, caplog: pytest.LogCaptureFixture) -> None:
    with service.expecting(status=1, product=4, file=3):
        first = service.job.result(progress=False)
    with service.expecting(status=1), caplog.at_level(logging.INFO, "swiftxrt"):
        second = service.job.result(progress=False)
    assert first == second == products
    assert "getLCData.php comes from the cache, fetched at 20" in caplog.text
    for kind in second:
        fetched = {answer.fetched for answer in first.replies[kind].answers}
        told = provenance_of(second[kind])
        assert f"from the cache, fetched at {min(fetched)}" in told.notes
        assert not any("from the cache" in note for note in provenance_of(first[kind]).notes)
        assert all(answer.from_cache for answer in second.replies[kind].answers)
    assert all("from the cache, fetched at" in str(one.provenance.notes) for one in second.spectrum.count_spectra)


def test_nothing_is_kept_with_the_cache_switched_off(service: Service) -> None:
    with conf.set_temp("cache", False):
        for _ in range(2):
            with service.expecting(product=1):
                service.job.product("sources")
    assert not cache_folder().exists()


def test_another_user_gets_nothing_of_it(service: Service) -> None:
    service.job.product("sources")
    other = SwiftXRTClass(user=OTHER)
    with pytest.raises(JobLostError):
        other.get_job(service.job.id)
    same = SwiftXRTClass(user=USER.upper()).get_job(service.job.id)
    same.refresh()
    with service.expecting():
        same.product("sources")


@pytest.mark.parametrize("fault", [faults.bad_json(), faults.html(), faults.status(500)])
def test_errors_are_never_kept(service: Service, fault: faults.Fault, products: ProductSet) -> None:
    service.plan.add(fault.on("product"), fault.on("file"))
    for kind in (Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.IMAGE):
        with pytest.raises((ServiceError, FormatError)):
            service.job.product(kind)
    service.plan.clear()
    assert not list(cache_folder().rglob("*.reply"))
    assert service.job.product("image") == products.image


def test_parts_of_a_product_are_not_kept(service: Service, products: ProductSet, tmp_path: Path) -> None:
    service.plan.add(faults.status(404).on("file", path="*early.tar.gz"))
    with pytest.warns(PartialResultWarning, match="early"):
        part = service.job.result(progress=False)
    assert list(part.spectrum) == ["duringpc"]
    service.plan.clear()
    with service.expecting(product=1, file=2):
        assert service.job.product("spectrum") == products.spectrum
    # What was missing is missing in the bundle, for the same reason.
    with pytest.warns(PartialResultWarning, match="early"):
        again = ProductSet.read_bundle(part.write_bundle(tmp_path / "part"))
    assert again == part
    assert again.spectrum.missing == part.spectrum.missing


def test_kept_replies_of_an_earlier_job_with_that_number_are_removed(service: Service) -> None:
    with SwiftXRTClass(user=USER) as xrt:
        number = int(max(xrt.list_jobs()["job_id"], key=int)) + 1
        ours = CachedJob(service.url, USER, f"job {number}")
        ours.put([Answer("call", {}, "of a service that was set up anew", utc_now())])
        job = xrt.submit(only_sources(service.request))
        assert job.id == str(number)
    assert ours.get("call", {}) is None


def test_a_lost_job_is_forgotten(service: Service) -> None:
    for lose in ("refresh", "recall"):
        service.job.product("sources")
        service.plan.add(faults.vanish(service.job.id))
        with pytest.raises(JobLostError):
            service.job.refresh() if lose == "refresh" else SwiftXRTClass(user=USER).get_job(service.job.id)
        service.plan.clear()
        with service.expecting(product=1):
            service.job.product("sources")


# ---------------------------------------------------------------- without a network


def test_offline_everything_comes_from_here(service: Service, products: ProductSet) -> None:
    SwiftXRTClass(user=USER).get_job(service.job.id).result(progress=False)
    with service.expecting(), conf.set_temp("offline", True):
        with conf.set_temp("data_dir", conf.data_dir + "-empty"):  # so it is not the job book that knows it
            job = SwiftXRTClass(user=USER).get_job(service.job.id)
        assert job.request == service.job.request
        assert job.parameters == service.job.parameters
        assert job.result(progress=False) == products


@pytest.mark.parametrize(
    "act", ["list_jobs", "count_active_jobs", "submit", "get_job", "cancel", "download", "rebin", "wait"]
)
def test_offline_nothing_is_sent(service: Service, act: str, tmp_path: Path) -> None:
    xrt = SwiftXRTClass(user=USER)
    acts: dict[str, Any] = {
        "submit": lambda: xrt.submit(service.request),
        "get_job": lambda: xrt.get_job(service.job.id),
        "cancel": lambda: service.job.cancel(),
        "download": lambda: service.job.download(tmp_path),
        "rebin": lambda: service.job.rebin(TimeBinning(pc_bin=500 * u.s)),
        "wait": lambda: service.job.wait(progress=False),
    }
    with (
        service.expecting(),
        conf.set_temp("offline", True),
        pytest.raises(OfflineError, match=r"conf\.offline") as caught,
    ):
        (acts.get(act) or getattr(xrt, act))()
    assert USER not in str(caught.value)
    assert not caught.value.was_sent
    if act == "submit":
        assert xrt.job_book.find(state="uncertain") == []
        service.submit(only_sources(service.request))


def test_offline_says_what_is_missing(service: Service) -> None:
    job = SwiftXRTClass(user=USER).get_job(service.job.id)
    job.wait(progress=False)
    with service.expecting(), conf.set_temp("offline", True):
        with pytest.raises(
            OfflineError, match=rf"getSourceDetResults.php answered about job {job.id} is not in the cache"
        ):
            job.product("sources")
        with conf.set_temp("cache", False), pytest.raises(OfflineError, match=r"conf\.cache switches off"):
            job.product("sources")


def test_statuses_in_flight_are_not_kept(service: Service) -> None:
    with SwiftXRTClass(user=USER) as xrt:
        job = xrt.submit(only_sources(service.request))
        service.plan.add(faults.change_reply(_running).on("status"))
        xrt.get_job(job.id).refresh()
        assert not list(cache_folder().rglob("*.reply"))
        service.plan.clear()
        job.wait(progress=False)
    assert len(list(cache_folder().rglob("*.reply"))) == 2  # the last status, and the parameters


def _running(reply: Any) -> Any:
    codes = reply.get("statusCodes")
    if codes:
        reply["statusCodes"] = dict.fromkeys(codes, 2)
    return reply


# ---------------------------------------------------------------- bundles


@pytest.mark.parametrize("name", ["bundle", "\N{GREEK SMALL LETTER GAMMA} 1.zip"])
def test_bundles_give_equal_products(
    products: ProductSet, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = products.write_bundle(tmp_path / name)

    def never(kind: Kind, folder: Path) -> None:
        raise AssertionError(f"{kind} is read as it was saved, and not from its reply")

    monkeypatch.setattr(bundle, "read_product", never)
    with conf.set_temp("offline", True), conf.set_temp("user", ""):
        again = ProductSet.read_bundle(path)
    assert again == products
    assert dict(again.failed) == dict(products.failed)
    assert again.request == products.request
    assert again.provenance == products.provenance
    for kind in products:
        assert provenance_of(again[kind]) == provenance_of(products[kind])
    comparison = products.compare(again)
    assert comparison.identical
    assert not comparison.missing


def test_replies_are_what_was_sent(products: ProductSet) -> None:
    assert set(products.replies) == set(products)
    assert "Datasets" in products.replies[Kind.LIGHT_CURVE].content
    assert products.replies[Kind.IMAGE].content is None
    ((url, archive),) = products.replies[Kind.IMAGE].files.items()
    assert url.endswith("/image.tar.gz")
    assert archive[:2] == b"\x1f\x8b"


def test_replies_of_the_local_engine_are_none(small_archive: Path, tmp_path: Path) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        made = local.submit(request(small_archive).replace(image=None, sources=None)).result(progress=False)
    assert dict(made.replies) == {}
    again = ProductSet.read_bundle(made.write_bundle(tmp_path / "local.zip"))
    assert again == made
    for kind in made:
        assert provenance_of(again[kind]).calibration == provenance_of(made[kind]).calibration


def test_bundles_of_rebinnings(service: Service, tmp_path: Path) -> None:
    rebinned = service.job.rebin(TimeBinning(pc_bin=300 * u.s))
    first = rebinned.result(progress=False)
    assert ProductSet.read_bundle(first.write_bundle(tmp_path / "rebinned")) == first
    with service.expecting(rebin=1):  # the status
        assert rebinned.result(progress=False) == first
    with service.expecting(), conf.set_temp("offline", True):
        assert rebinned.result(progress=False) == first


def test_what_changed_since(service: Service, products: ProductSet, tmp_path: Path) -> None:
    path = products.write_bundle(tmp_path / "before.zip")
    other = service.request.replace(
        light_curve=LightCurveRequest(binning=TimeBinning(pc_bin=300 * u.s)), spectrum=None, sources=None, image=None
    )
    later = service.submit(other).result(progress=False)
    comparison = later.compare(ProductSet.read_bundle(path))
    assert not comparison.identical
    assert {change.field.split(".")[0] for change in comparison.request_changes} >= {"light_curve", "spectrum"}
    assert any("spectrum" in what for what in comparison.missing)
    assert "standard position" in set(comparison.table["product"])


def test_no_address_is_in_anything(
    service: Service, products: ProductSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "swiftxrt"):
        job = SwiftXRTClass(user=USER).get_job(service.job.id)
        job.result(progress=False)
        again = job.result(progress=False)
        again.write_bundle(tmp_path / "bundle")
        again.write_bundle(tmp_path / "bundle.zip")
    texts = [
        (path.name, path.read_bytes()) for path in [*tmp_path.rglob("*"), *cache_folder().rglob("*")] if path.is_file()
    ]
    assert sum(name.endswith(".reply") for name, _ in texts) >= 7
    texts += [("pickled set", pickle.dumps(again)), ("pickled job", pickle.dumps(job)), ("log", caplog.text.encode())]
    texts += [("shown", repr((again.replies, again.request, job)).encode())]
    for name, data in texts:
        for inner, content in unpacked(name, data):
            assert b"some.body" not in content.lower(), inner


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """All that is in a file, whatever it is packed in."""
    yield name, data
    if name.endswith(".reply"):
        header, _, body = data.partition(b"\n")
        yield from unpacked("body.tar.gz" if b'"file": true' in header else "body", body)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.namelist():
                yield from unpacked(f"{name}/{one}", archive.read(one))
    elif name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in filter(tarfile.TarInfo.isfile, archive):
                file = archive.extractfile(member)
                assert file is not None
                yield from unpacked(f"{name}/{member.name}", file.read())
    elif name.endswith(".gz"):
        yield name, gzip.decompress(data)
