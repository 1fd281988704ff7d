"""Where products come from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from swiftxrt.products.provenance import CLIENT, Provenance, joined, utc_now

FULL = Provenance(
    backend="local",
    request_digest="d1",
    software="swiftxrt 0",
    inputs=("a", "b"),
    calibration=("c",),
    notes=("n",),
    cautions=(("PileUpWarning", "bright"),),
    created="2020-01-01T00:00:00+00:00",
    service="https://x",
    api_version="1.12",
    job_id="7",
    client="other",
)


def test_plain_and_back() -> None:
    assert Provenance.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL
    assert Provenance.from_dict({}) == Provenance()


@pytest.mark.parametrize("junk", [3, None, {"a": 1}, [1, {"a": 1}, None], [["a"], ["a", 1], "ab"]])
def test_values_of_another_kind_are_ignored(junk: Any) -> None:
    """What a service or a file tells is for show, and stops nobody."""
    made = Provenance.from_dict({**dict.fromkeys(vars(FULL), junk), "unknown": 1})
    words = ("ab",) if isinstance(junk, list) and "ab" in junk else ()
    assert made == Provenance(inputs=words, calibration=words, notes=words)
    assert joined([made, FULL]).backend == "local"


def test_what_was_told_and_what_is_known_here() -> None:
    here = Provenance(
        backend="ukssdc", request_digest="d2", software="y", service="https://here", job_id="9", client="me"
    )
    arrived = FULL.received(here)
    assert (arrived.backend, arrived.request_digest, arrived.notes) == ("local", "d1", ("n",))
    assert (arrived.service, arrived.job_id, arrived.client, arrived.api_version) == ("https://here", "9", "me", "")
    assert Provenance().received(here) == here


def test_several_in_one() -> None:
    other = Provenance(backend="ukssdc", request_digest="d1", inputs=("b", "c"))
    both = joined([FULL, other, FULL])
    assert (both.backend, both.request_digest, both.inputs) == ("local, ukssdc", "d1", ("a", "b", "c"))
    assert both.cautions == FULL.cautions
    assert joined([]) == Provenance()


def test_client_and_moment() -> None:
    assert CLIENT.startswith("swiftxrt ")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(utc_now())).total_seconds() < 60
