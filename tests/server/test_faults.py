"""Downloads in parts from the embedded server, without and with faults."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.testing import FaultPlan, embedded_server, faults

SUBMISSION = {
    "UserID": "me@example.org",
    "name": "constant source",
    "getTargs": 1,
    "getCoords": 1,
    "getT0": 1,
    "cent": 0,
    "useSXPS": 0,
    "image": 1,
    "imobs": "all",
}


class Client:
    """Knows nothing of this package."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")

    def _open(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[Any, bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def post(self, path: str, **payload: Any) -> dict[str, Any]:
        body = json.dumps(payload | {"UserID": "me@example.org"}).encode()
        return json.loads(self._open("POST", f"/user_objects/{path}", body, {})[1])

    def get(self, path: str, **headers: str) -> tuple[Any, bytes]:
        return self._open("GET", path, None, {key.replace("_", "-"): text for key, text in headers.items()})


@pytest.fixture(scope="module")
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture(scope="module")
def client(small_archive: Path, plan: FaultPlan) -> Iterator[Client]:
    with embedded_server(small_archive, faults=plan) as url:
        yield Client(url)


@pytest.fixture(scope="module")
def path(client: Client) -> str:
    """Where the archive with the image is."""
    reply = client.post("run_userobject.php", **SUBMISSION)
    for _ in range(1200):
        status = client.post("checkProductStatus.php", JobID=reply["JobID"], what="image")["image"]["statusCode"]
        if status == 4:
            return f"/user_objects/tprods/USERPROD_{reply['JobID']}/image.zip"
        time.sleep(0.1)
    raise AssertionError(status)


def test_parts_are_of_the_file_they_were_begun_with(client: Client, path: str) -> None:
    first, whole = client.get(path)
    tag, date = first.getheader("ETag"), first.getheader("Last-Modified")
    assert first.getheader("Accept-Ranges") == "bytes"
    for validator in (tag, date):
        response, part = client.get(path, Range="bytes=1000-", If_Range=validator)
        assert (response.status, part) == (206, whole[1000:])
        assert response.getheader("Content-Range") == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
        assert response.getheader("ETag") == tag
    response, part = client.get(path, Range="bytes=1000-", If_Range='"another"')
    assert (response.status, part) == (200, whole)
    response, _ = client.get(path, Range=f"bytes={len(whole)}-")
    assert (response.status, response.getheader("Content-Range")) == (416, f"bytes */{len(whole)}")


def test_faulty_parts(client: Client, path: str, plan: FaultPlan) -> None:
    whole = client.get(path)[1]
    plan.add(faults.truncate(100).on("file", count=1))
    with pytest.raises(http.client.IncompleteRead):
        client.get(path)
    plan.replace(faults.ignore_range())
    assert client.get(path, Range="bytes=100-")[1] == whole
    plan.replace(faults.wrong_content_range())
    response, part = client.get(path, Range="bytes=100-")
    assert part == whole[100:]
    assert response.getheader("Content-Range").startswith("bytes 101-")
    plan.replace(faults.hostile_file("parent"))
    assert b"../escaped.txt" in client.get(path)[1]
    plan.replace(faults.vanish())
    assert client.get(path)[0].status == 404
    plan.clear()
    assert client.get(path)[1] == whole
