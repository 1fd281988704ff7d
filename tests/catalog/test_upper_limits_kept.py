"""Upper limits at many positions: what is kept, asked again, waited for, and taken up after a crash."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import conf
from swiftxrt.catalog import limit_journal, limits
from swiftxrt.exceptions import (
    OfflineError,
    PartialResultWarning,
    ProtocolError,
    RequestRejectedError,
    ServiceUnavailableError,
    ServiceWarning,
)
from tests.catalog.limit_replies import PLACE, THREE, UL, Clock, reply, row, service


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cache"
    with conf.set_temp("cache_dir", str(folder)):
        yield folder / "limits"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "_now", made.now)
    monkeypatch.setattr(limits, "_clock", made.now)
    monkeypatch.setattr(limits, "_sleep", made.sleep)
    monkeypatch.setattr(limit_journal, "_now", made.now)
    return made


# ---------------------------------------------------------------- many, kept and resumed


def test_answers_are_kept_and_asked_for_once(clock: Clock, cache: Path) -> None:
    client, backend = service(lambda asked: reply(row(Total_UpperLimit=asked["RA"])))
    first = client.get_upper_limits(THREE)
    assert len(backend.asked) == 3
    again, other = service(reply())
    second = again.get_upper_limits(THREE[::-1])
    assert not other.asked
    assert first["total_upper_limit"].value.tolist() == [10.0, 20.0, 30.0]
    assert second["total_upper_limit"].value.tolist() == [30.0, 20.0, 10.0]
    assert not list(cache.glob("*.reply"))
    # Another question, or another service, is not answered by it.
    for settings in ({"bands": "hard"}, {"data": "all"}, {"confidence": 0.95}, {"catalog": "2SXPS"}):
        assert again.get_upper_limits(THREE[:1], **settings)["position_number"].tolist() == [0]
    assert len(other.asked) == 4
    other.service = "https://elsewhere.invalid"
    again.get_upper_limits(THREE[:1])
    assert len(other.asked) == 5
    other.service = backend.service
    again.get_upper_limits(THREE[:2], refresh=True)
    assert len(other.asked) == 7
    clock.time += conf.cache_expiry + 1
    again.get_upper_limits(THREE)
    assert len(other.asked) == 10


def test_positions_that_stand_twice_are_asked_once() -> None:
    client, backend = service(reply())
    found = client.get_upper_limits([PLACE, THREE[0], PLACE, "GK Per", "GK Per"])
    assert found["position_number"].tolist() == [0, 1, 2, 3, 4]
    assert set(found["outcome"]) == {"limit"}
    assert len(backend.asked) == 3


def test_what_somebody_else_asks_meanwhile_is_not_asked_again() -> None:
    other, elsewhere = service(reply(row("7")))

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        other.get_upper_limits(THREE[1:])
        return reply()

    client, backend = service(answer)
    with conf.set_temp("max_connections", 1):
        found = client.get_upper_limits(THREE)
    assert found["obsid"].tolist() == ["00031635001", "00000000007", "00000000007"]
    assert (len(backend.asked), len(elsewhere.asked)) == (1, 2)


def test_nothing_is_kept_if_that_is_not_wanted(cache: Path) -> None:
    client, backend = service(reply())
    with conf.set_temp("cache", False):
        for _ in range(2):
            client.get_upper_limits(PLACE)
    assert len(backend.asked) == 2
    assert not cache.exists()


def test_where_nothing_can_be_kept(cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file in the way")
    client, _ = service(reply())
    with pytest.warns(ServiceWarning, match="answers are not kept in .*limits") as caught:
        assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert caught[0].filename == __file__


def test_a_damaged_file_of_answers_is_put_aside(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.mkdir(parents=True)
    (cache / "limits.sqlite").write_bytes(b"not a database" * 100)
    client, backend = service(reply())
    with caplog.at_level(logging.WARNING, "swiftxrt"):
        for _ in range(2):
            client.get_upper_limits(PLACE)
    assert "damaged" in caplog.text
    assert (cache / "limits.sqlite.damaged").exists()
    assert len(backend.asked) == 1


def test_a_few_are_asked_side_by_side() -> None:
    guard, inside, most = threading.Lock(), 0, 0
    together = threading.Barrier(3, timeout=10)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        together.wait()
        with guard:
            inside -= 1
        return reply()

    client, _ = service(answer)
    with conf.set_temp("max_connections", 3):
        client.get_upper_limits(SkyCoord(np.arange(12.0), np.zeros(12), unit="deg"))
    assert most == 3


def test_after_many_failures_the_rest_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_FAILURES", 5)

    def answer(asked: dict[str, Any]) -> Any:
        return reply() if asked["RA"] == 0 else ServiceUnavailableError("is down", url="u")

    client, backend = service(answer)
    places = SkyCoord(np.arange(50.0), np.zeros(50), unit="deg")
    with conf.set_temp("max_connections", 1), pytest.warns(PartialResultWarning, match="49 of 50"):
        found = client.get_upper_limits(places)
    assert len(backend.asked) == 6
    assert "is down" in found["message"][5]
    assert "not asked, as the last 5 questions to the service failed: is down" in found["message"][49]
    backend.functions[UL] = ServiceUnavailableError("is down", url="u")
    with pytest.raises(ServiceUnavailableError, match="is down"):
        client.get_upper_limits(places[1:])
    backend.functions[UL] = reply()
    assert set(client.get_upper_limits(places)["outcome"]) == {"limit"}


def test_failures_now_and_then_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_FAILURES", 3)
    down = ServiceUnavailableError("is down", url="u")
    client, backend = service(lambda asked: down if round(asked["RA"]) % 3 else reply())
    with conf.set_temp("max_connections", 1), pytest.warns(PartialResultWarning):
        found = client.get_upper_limits(SkyCoord(np.arange(12.0), np.zeros(12), unit="deg"))
    assert len(backend.asked) == 12
    assert found["outcome"].tolist() == ["limit", "failed", "failed"] * 4


def test_offline_what_is_kept_is_given() -> None:
    client, backend = service(reply())
    client.get_upper_limits(THREE[:2])
    backend.functions[UL] = OfflineError("not asked because conf.offline is set", url="u")
    assert client.get_upper_limits(THREE[:2])["outcome"].tolist() == ["limit"] * 2
    with pytest.warns(PartialResultWarning), conf.set_temp("max_connections", 1):
        found = client.get_upper_limits(SkyCoord(np.arange(10.0, 40.0, 5), np.full(6, 1.0), unit="deg"))
    assert found["outcome"].tolist() == ["limit", *["failed"] * 5]
    assert len(backend.asked) == 3
    with pytest.raises(OfflineError):
        client.get_upper_limits(THREE[2])


# ---------------------------------------------------------------- calculations that take long


def test_a_slow_calculation_is_asked_for_until_it_is_done(clock: Clock) -> None:
    client, backend = service([{"TIMEOUT": "a1"}, {"TIMEOUT": "a1"}, {"TIMEOUT": "a1"}, reply()])
    found = client.get_upper_limits(PLACE)
    assert found["outcome"].tolist() == ["limit"]
    assert [content for _, content in backend.asked[1:]] == [{"ULID": "a1"}] * 3
    assert clock.waits == [15.0, 30.0, 60.0]
    client.get_upper_limits(PLACE)
    assert len(backend.asked) == 4


def test_waiting_ends(clock: Clock) -> None:
    client, backend = service({"TIMEOUT": "a1"})
    with pytest.warns(PartialResultWarning, match="1 timed out; the same call asks for them again"):
        found = client.get_upper_limits(PLACE, timeout=5 * u.min)
    assert found["outcome"].tolist() == ["timed out"]
    assert sum(clock.waits) <= 300
    assert len(backend.asked) == 5
    # Next time it is there: the position is not asked about again.
    backend.functions[UL] = reply()
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert backend.asked[-1][1] == {"ULID": "a1"}
    assert len(backend.asked) == 6


def test_a_calculation_that_the_service_gave_up_is_begun_anew(clock: Clock) -> None:
    client, backend = service({"TIMEOUT": "a1"})
    with pytest.warns(PartialResultWarning):
        client.get_upper_limits(PLACE, timeout=0 * u.s)
    clock.time += limits.JOB_LIFE_S + 1
    backend.functions[UL] = [{"TIMEOUT": "a1"}, {"TIMEOUT": "b2"}, reply()]
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1", None, "b2"]


@pytest.mark.parametrize("text", ["Your upper limit was not found", "There is nothing of that name here"])
def test_a_result_that_is_gone_is_asked_for_anew(clock: Clock, text: str) -> None:
    """As when the session ended between the service's reply and our file."""
    client, backend = service([{"TIMEOUT": "a1"}, {"ERROR": 1, "ERRORTEXT": text}, reply()])
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1", None]


def test_others_do_not_wait_for_a_slow_one(clock: Clock) -> None:
    first = {10.0: {"TIMEOUT": "a1"}}
    client, backend = service(
        lambda asked: reply(row("7")) if "ULID" in asked else first.get(asked["RA"], reply(row("8")))
    )
    found = client.get_upper_limits(THREE)
    assert found["obsid"].tolist() == ["00000000007", "00000000008", "00000000008"]
    assert [("ULID" in content) for _, content in backend.asked] == [False, False, False, True]


def test_a_service_that_is_down_takes_no_calculation_away(clock: Clock) -> None:
    down = ServiceUnavailableError("is down", url="u")
    client, backend = service([{"TIMEOUT": "a1"}, down, down, reply()])
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 4
    client, backend = service([{"TIMEOUT": "a1"}, down])
    with pytest.warns(PartialResultWarning, match="timed out"):
        found = client.get_upper_limits(THREE[0])
    assert found["outcome"].tolist() == ["timed out"]


# ---------------------------------------------------------------- crashes and garbage


def test_a_reply_that_was_written_but_not_read_is_taken_up(cache: Path) -> None:
    """Killed between the two: the reply is in its file only."""
    client, backend = service(reply())
    put = limit_journal.LimitJournal.put
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        client.get_upper_limits(PLACE)
    assert limit_journal.LimitJournal.put is put
    assert len(list(cache.glob("*.reply"))) == 1
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 1
    assert not list(cache.glob("*.reply"))
    client.get_upper_limits(PLACE)
    assert len(backend.asked) == 1


def test_a_timeout_that_was_written_but_not_read_is_taken_up(cache: Path, clock: Clock) -> None:
    client, backend = service([{"TIMEOUT": "a1"}, reply()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        with pytest.warns(PartialResultWarning):
            client.get_upper_limits(PLACE, timeout=0 * u.s)
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1"]


@pytest.mark.parametrize(
    "garbage", [b"<html>", b'{"OK": 1', b'{"ERROR": 1, "ERRORTEXT": "no"}', b"[1, 2]", b"[" * 99999]
)
def test_a_file_that_is_no_reply_is_asked_for_anew(cache: Path, garbage: bytes) -> None:
    client, backend = service(reply())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        client.get_upper_limits(PLACE)
    (left,) = cache.glob("*.reply")
    left.write_bytes(garbage)
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 2
    assert not list(cache.glob("*.reply"))


def test_a_reply_that_cannot_be_understood_is_kept(cache: Path) -> None:
    client, backend = service({"ULData": "?", "Columns": []})
    for number in (1, 2):
        with pytest.raises(ProtocolError, match="ULData"):
            client.get_upper_limits(PLACE)
        assert len(backend.asked) == number
    (kept,) = cache.glob("*.unreadable")
    assert '"ULData": "?"' in kept.read_text()
    backend.functions[UL] = reply()
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]


def test_a_refusal_is_not_kept(cache: Path) -> None:
    client, backend = service([{"ERROR": 1, "ERRORTEXT": "Too busy"}, reply()])
    with pytest.raises(RequestRejectedError):
        client.get_upper_limits(PLACE)
    assert not list(cache.glob("*.reply"))
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 2


def test_old_answers_make_room(cache: Path, clock: Clock) -> None:
    client, backend = service(reply())
    for place in THREE:
        client.get_upper_limits(place)
        clock.time += 60
    with conf.set_temp("cache_size", 500):  # one answer has about 250 bytes
        client.get_upper_limits(THREE[2])
    assert len(backend.asked) == 3
    client.get_upper_limits(THREE)
    assert 4 <= len(backend.asked) <= 5
