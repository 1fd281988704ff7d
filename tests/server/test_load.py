"""Several users at once: nothing is lost, and nobody waits for all jobs of another."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
import requests

from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.backends.local.store import JobStore
from swiftxrt.engine import build as engine
from swiftxrt.kinds import ProductKind
from swiftxrt.products.report import Phase
from swiftxrt.server.handlers import API_PATH, Service
from swiftxrt.server.run import listen
from swiftxrt.testing.server import embedded_server
from swiftxrt.testing.synthetic import small_observation

USERS = [f"user{number}@example.org" for number in range(4)]
JOBS_EACH = 5
LIGHT_CURVE = {"name": "constant source", "getTargs": 1, "getCoords": 1, "cent": 0, "lc": 1, "binMeth": "snapshot"}


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by each job whose light curve is complete."""
    move, found = JobStore.move, []

    def watched(self: JobStore, job_id: str, kind: ProductKind, before: Any, after: Phase, text: str = "") -> bool:
        moved = move(self, job_id, kind, before, after, text)
        if moved and after is Phase.COMPLETED:
            found.append(job_id)
        return moved

    monkeypatch.setattr(JobStore, "move", watched)
    return found


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Nothing is built before this is set; and as all jobs want the same light curve, the engine makes it once."""
    go, build, made = threading.Event(), engine.build_product, []

    def once(*arguments: Any, **options: Any) -> Any:
        assert go.wait(60)
        if not made:
            made.append(build(*arguments, **options))
        return made[0]

    monkeypatch.setattr(engine, "build_product", once)
    return go


def asker(url: str) -> Callable[..., dict[str, Any]]:
    def ask(path: str, user: str, **payload: Any) -> dict[str, Any]:
        reply = requests.post(f"{url}/user_objects/{path}", json={"UserID": user, **payload}, timeout=120)
        assert reply.status_code == 200
        return reply.json()

    return ask


def test_four_users_with_five_jobs_each(tmp_path: Path, ended: list[str], held: threading.Event) -> None:
    small_observation(tmp_path, duration=100 * u.s)
    with embedded_server(tmp_path, workers=1, job_limit=JOBS_EACH) as url, ThreadPoolExecutor(12) as clients:
        ask = asker(url)
        # User by user: first come, first served would do all jobs of the first one first.
        owners = {
            ask("run_userobject.php", user, **LIGHT_CURVE)["JobID"]: user for user in USERS for _ in range(JOBS_EACH)
        }
        assert len(owners) == len(USERS) * JOBS_EACH
        assert [ask("getNumJobs.php", user)["numJobs"] for user in USERS] == [JOBS_EACH] * len(USERS)
        held.set()

        def wait(job_id: str) -> int:
            code = 0
            while 0 <= code < 4:
                time.sleep(0.05)
                code = ask("checkProductStatus.php", owners[job_id], JobID=job_id, what="lc")["lc"]["statusCode"]
            return code

        assert set(clients.map(wait, owners)) == {4}
        for user in USERS:
            assert ask("getNumJobs.php", user)["numJobs"] == 0
            mine = {str(one["JobID"]) for one in ask("listOldJobs.php", user)["jobs"] if one["hasProd"]}
            assert mine == {job_id for job_id, owner in owners.items() if owner == user}
        newest = {user: job_id for job_id, user in owners.items()}
        replies = clients.map(lambda user: ask("tprods/getLCData.php", user, JobID=newest[user]), newest)
        assert all(reply["Datasets"][0] == "PC" for reply in replies)
        address = f"{url}/user_objects/tprods/USERPROD_"
        archives = clients.map(lambda job_id: requests.get(f"{address}{job_id}/lc.zip", timeout=120), newest.values())
        assert all(archive.content.startswith(b"PK") for archive in archives)
    assert sorted(ended, key=int) == sorted(owners, key=int)
    done: Counter[str] = Counter()
    for job_id in ended:
        done[owners[job_id]] += 1
        # The first job was begun before there were others.
        assert max(done.values()) - min(done[user] for user in USERS) <= 2, ended


def test_users_at_the_limit_submitting_at_once_do_not_get_past_it(small_archive: Path) -> None:
    with embedded_server(small_archive, workers=1, job_limit=3) as url, ThreadPoolExecutor(12) as clients:
        ask = asker(url)
        slow = LIGHT_CURVE | {"spec": 1, "specz": 0, "dopsf": 1, "image": 1}
        replies = list(clients.map(lambda _: ask("run_userobject.php", USERS[0], **slow), range(12)))
        accepted = [reply["JobID"] for reply in replies if reply["OK"] == 1]
        assert len(accepted) == 3
        assert all("3 at a time" in reply["ERROR"] for reply in replies if reply["OK"] == 0)


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system has no priorities of processes")
def test_workers_give_way_to_the_server(small_archive: Path) -> None:
    with LocalBackend(small_archive, processes=True, workers=1) as backend:
        backend.warm_up()
        of_worker = backend._scheduler._executor.submit(os.getpriority, os.PRIO_PROCESS, 0).result()
    assert of_worker > os.getpriority(os.PRIO_PROCESS, 0) or of_worker == 19


def test_replies_are_not_held_back() -> None:
    """asyncio turns Nagle's algorithm off only where it knows that a socket speaks TCP."""
    with listen("127.0.0.1", 0) as opened:
        assert opened.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("path", "payload", "slow"),
    [
        ("tprods/getLCData.php", {}, True),
        ("tprods/getSpecData.php", None, True),
        ("checkProductStatus.php", {}, False),
        ("tprods/getPSFPos.php", {}, False),
        (API_PATH, {"APIFunc": "downloadLightCurve"}, True),
        (API_PATH, {"APIFunc": "checkRebinStatus"}, False),
        (API_PATH, {"APIFunc": []}, False),
        (API_PATH, [], False),
        (API_PATH, None, False),
    ],
)
def test_polls_do_not_wait_behind_products(path: str, payload: Any, slow: bool) -> None:
    assert Service.is_slow(path, payload) == slow


@pytest.mark.parametrize(
    ("path", "payload", "waits"),
    [
        (API_PATH, {"APIFunc": "queryDB"}, True),
        (API_PATH, {"APIFunc": "downloadLightCurve", "type": "GRB"}, True),
        (API_PATH, {"APIFunc": "downloadLightCurve", "type": "REBIN_LC"}, False),
        (API_PATH, {"APIFunc": "checkSliceStatus"}, False),
        (API_PATH, {"APIFunc": "checkRebinStatus"}, False),
        (API_PATH, {"APIFunc": []}, False),
        (API_PATH, None, False),
        ("tprods/getLCData.php", {"APIFunc": "queryDB"}, False),
    ],
)
def test_downloads_do_not_wait_behind_the_catalogue(path: str, payload: Any, waits: bool) -> None:
    assert Service.may_wait(path, payload) == waits
