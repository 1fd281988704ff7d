"""A server that runs for months: what it holds in memory does not grow with the jobs it has done."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
import requests
from astropy.coordinates import SkyCoord

from swiftxrt.backends.local import products
from swiftxrt.engine import build as engine
from swiftxrt.kinds import ProductKind
from swiftxrt.products.position import Position
from swiftxrt.testing.server import embedded_server

from .conftest import USER

KEPT = 4
BEFORE, JOBS = 6, 16
#: Every so many jobs ask for an image too.
IMAGE_EVERY = 5
#: Far fewer than jobs, but a reply or a thread may just be on its way out.
SLACK = 4
OURS = ("swiftxrt.", "astropy.", "starlette.", "uvicorn.", "sqlite3.", "_io.", "socket.", "threading.")


@pytest.fixture
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new position for each job, and one image for all."""
    build, guard, images = engine.build_product, threading.Lock(), []

    def instant(kind: ProductKind, *arguments: Any, **options: Any) -> Any:
        if kind is not ProductKind.IMAGE:
            return Position(SkyCoord(10, 20, unit="deg"), 3.5 * u.arcsec)
        with guard:
            if not images:
                images.append(build(kind, *arguments, **options))
            return images[0]

    monkeypatch.setattr(engine, "build_product", instant)


def live() -> Counter[str]:
    """How many objects there are of each type; plain ones such as texts are not told apart."""
    gc.collect()
    names = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return Counter({name: number for name, number in names.items() if name.startswith(OURS)})


def do_job(client: requests.Session, url: str, number: int) -> None:
    """Submit a job, wait for it and fetch everything."""

    def ask(path: str, **payload: Any) -> dict[str, Any]:
        reply = client.post(f"{url}/user_objects/{path}", json={"UserID": USER, **payload}, timeout=60).json()
        assert reply["OK"] == 1, reply
        return reply

    kinds = {"psf": ProductKind.STANDARD_POSITION} | ({"image": ProductKind.IMAGE} if number % IMAGE_EVERY == 0 else {})
    asked = {kind.flag: 1 for kind in kinds.values()}
    job_id = ask(
        "run_userobject.php", name="constant source", getTargs=1, getCoords=1, Tstart=6e8 + number, getT0=0, **asked
    )["JobID"]
    deadline = time.monotonic() + 60
    for code in kinds:
        while ask("checkProductStatus.php", JobID=job_id, what=code)[code]["statusCode"] < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        archive = client.get(f"{url}/user_objects/tprods/USERPROD_{job_id}/{code}.zip", timeout=60)
        assert archive.content.startswith(b"PK")
    ask("tprods/getPSFPos.php", JobID=job_id)
    ask("getOldProduct.php", oldJob=job_id)
    ask("listOldJobs.php")


@pytest.mark.usefixtures("made_at_once")
def test_finished_jobs_do_not_stay_in_memory(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_KEPT_JOBS", KEPT)
    with embedded_server(small_archive) as url, requests.Session() as client:
        for number in range(BEFORE):
            do_job(client, url, number)
        before, threads = live(), threading.active_count()
        for number in range(BEFORE, JOBS):
            do_job(client, url, number)
        after = live()
        assert {name: number for name, number in (after - before).items() if number > SLACK} == {}
        assert threading.active_count() <= threads + SLACK
