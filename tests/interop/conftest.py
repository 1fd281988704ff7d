"""The reference client, pointed to our server, and one job that both clients look at."""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import SwiftXRTClass
from swiftxrt.jobs.job import Job
from swiftxrt.products.productset import ProductSet
from swiftxrt.testing.server import embedded_server
from tests.interop.field import make_field

USER = "tutorial@example.org"
NAME = "SIM_GRB 200416A"
_REAL_HOST = "https://www.swift.ac.uk"
_LOOKS = 3000


@dataclass
class Memory:
    """What outlives a server: its folder and the job in it."""

    state: Path
    job_id: str = ""


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return Memory(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def url(burst_archive: Path, memory: Memory) -> Iterator[str]:
    """A server; the second module gets another one, which takes up the jobs of the first."""
    with embedded_server(burst_archive, state=memory.state, users=[USER, "other@example.org"]) as address:
        yield address


@pytest.fixture(scope="module")
def prods(url: str) -> Iterator[Any]:
    """``swifttools.ukssdc.xrt_prods``, whose calls to the service go to our server."""
    with warnings.catch_warnings():
        # distutils, which swifttools still imports, and its own escapes
        warnings.simplefilter("ignore")
        pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
        module = pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools needs setuptools")
    requests = module.prod_request.requests
    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "post"):
            patch.setattr(requests, name, _redirected(getattr(requests, name), url))
        yield module


def _redirected(call: Callable[..., Any], url: str) -> Callable[..., Any]:
    return lambda address, *args, **kwargs: call(address.replace(_REAL_HOST, url), *args, **kwargs)


@pytest.fixture(scope="module")
def tutorial(prods: Any, memory: Memory) -> Any:
    """The tutorial of the service and the other products, to the end of the job, in the words of swifttools."""
    request = prods.XRTProductRequest(USER, silent=True)
    request.deprecate = False
    if memory.job_id:
        request.copyOldJob(memory.job_id, becomeThis=True)
        return request
    request.setGlobalPars(
        getTargs=True,
        centroid=True,
        name=NAME,
        RA=335.6985,
        Dec=-7.5179,
        centMeth="simple",
        useSXPS=False,
        T0=608713541.952,
        posErr=1,
    )
    request.addLightCurve(binMeth="counts", pcCounts=20, wtCounts=30, dynamic=True)
    request.addSpectrum(hasRedshift=False)
    request.addStandardPos()
    request.addEnhancedPos()
    request.addAstromPos(useAllObs=True)
    request.addImage(energies="0.3-10,1-4")
    request.addSourceDet(whichData="all", whichBands="all")
    assert request.isValid() == (True, "")
    assert request.submit(), request.submitError
    memory.job_id = request.JobID
    code, cancelled = request.cancelProducts(["AstromPos"])
    assert (code, cancelled) == (1, {"AstromPos": {"code": 0, "text": "Job cancelled OK"}})
    wait_until(lambda: request.complete)
    return request


@pytest.fixture
def attached(tutorial: Any, prods: Any) -> Any:
    """A request of swifttools that has just found the job again: some calls spoil the one they are made on."""
    request = prods.XRTProductRequest(USER, silent=True, useDeprecate=False)
    request.copyOldJob(tutorial.JobID, becomeThis=True)
    return request


@pytest.fixture(scope="module")
def job(tutorial: Any) -> Iterator[Job]:
    """The same job through our client."""
    with SwiftXRTClass(user=USER) as client:
        found = client.get_job(tutorial.JobID)
        found.refresh()
        yield found


@pytest.fixture(scope="module")
def ours(job: Job) -> ProductSet:
    return job.result(timeout=5 * u.min, progress=False)


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(_LOOKS):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it takes too long")


@pytest.fixture(scope="session")
def wait() -> Callable[[Callable[[], bool]], None]:
    return wait_until


# ---------------------------------------------------------------- catalogues and bursts


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Observations of a field with a burst."""
    folder = tmp_path_factory.mktemp("field")
    make_field(folder)
    return folder


@pytest.fixture(scope="session")
def field_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the servers of all modules keep: the catalogue is built once."""
    return tmp_path_factory.mktemp("catalogue")


@pytest.fixture(scope="module")
def field_url(field: Path, field_state: Path) -> Iterator[str]:
    """A server with the catalogue of the field."""
    with embedded_server(field, state=field_state) as address:
        yield address


@pytest.fixture(scope="module")
def ukssdc(field_url: str) -> Iterator[Any]:
    """``swifttools.ukssdc`` whose calls go to our server; nothing else of it is changed."""
    import matplotlib as mpl

    mpl.use("agg")
    with warnings.catch_warnings():
        # distutils, which swifttools still imports, and its own escapes
        warnings.simplefilter("ignore")
        pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
        module = pytest.importorskip("swifttools.ukssdc.main", reason="swifttools needs setuptools")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "APIURL", f"{field_url}/API/main.php")
        yield importlib.import_module("swifttools.ukssdc")


@pytest.fixture(scope="module")
def client(field_url: str) -> Iterator[SwiftXRTClass]:
    """Our client at the same server."""
    with SwiftXRTClass(user=USER) as made:
        yield made
