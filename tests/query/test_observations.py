"""Observations, of the HEASARC's table and of a folder."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time

from swiftxrt import SwiftXRT, SwiftXRTClass, Target, conf
from swiftxrt.backends.transport import Transport
from swiftxrt.exceptions import (
    NoDataError,
    OfflineError,
    PartialResultWarning,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
)
from swiftxrt.products.observation_table import COLUMNS
from swiftxrt.query.observations import ObservationAsking, ObservationChoice
from swiftxrt.testing import FaultPlan, faults, small_observation
from swiftxrt.testing.heasarc import heasarc_server

T_PYX = SkyCoord(136.1729423, -32.37986193, unit="deg")
OBSID = "09999002000"
PLACE = SkyCoord(150, 20, unit="deg")
ROWS = Table(
    {
        "obsid": ["00031968003", "00031968001", "00031968002", "00032089001"],
        "name": ["TPyx"] * 4,
        "ra": [136.1, 136.2, 136.3, 136.17],
        "dec": [-32.38, -32.37, -32.36, -32.38],
        "start_time": [55667.5, 55665.5, 55666.25, 55807.75],
        "stop_time": [55667.6, 55665.6, 55666.5, 55807.9],
        "xrt_exposure": [1000.5, 2000.0, 300.0, 0.0],
        "xrt_expo_pc": [1000.5, 0.0, 100.0, 0.0],
        "xrt_expo_wt": [0.0, 2000.0, 200.0, 0.0],
        "roll_angle": [10.0, 20.0, 30.0, 40.0],
        "archive_date": [55680, 55680, 55680, 55820],
        "__row": [11, 12, 13, 14],
    }
)


@pytest.fixture(scope="module")
def archive() -> Iterator[None]:
    with heasarc_server(rows=ROWS):
        yield


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> SwiftXRTClass:
    folder = tmp_path_factory.mktemp("local")
    small_observation(folder, duration=100 * u.s)
    return SwiftXRTClass(backend="local", archive=folder)


def obsids(table: QTable) -> list[str]:
    return [str(one) for one in table["obsid"]]


@pytest.mark.usefixtures("archive")
class TestConditions:
    def test_a_cone(self) -> None:
        found = SwiftXRT.query_observations(T_PYX, radius=5 * u.arcmin)
        assert obsids(found) == ["00031968001", "00031968003", "00032089001"]
        assert found["start"].mjd.tolist() == [55665.5, 55667.5, 55807.75]
        assert found["exposure"].to_value(u.s).tolist() == [2000.0, 1000.5, 0.0]
        assert found["row"].tolist() == [12, 11, 14]
        assert found["distance"].unit == u.arcmin
        assert found["archive_date"].value.tolist() == ["2011-04-29", "2011-04-29", "2011-09-16"]
        assert found["roll"].to_value(u.deg).tolist() == [20.0, 10.0, 40.0]
        np.testing.assert_allclose(found["distance"], found["position"].separation(T_PYX), rtol=1e-12)
        assert found.meta["request"] == SwiftXRT.query_observations(T_PYX, radius=5 * u.arcmin, get_query_payload=True)
        assert found.meta["source"] == "heasarc"
        assert found.meta["query"] == {"position": [136.1729423, -32.37986193], "radius": "5.0 arcmin"}
        assert SwiftXRT.query_observations(target_id="00032089").meta["query"] == {"target_id": ["00032089"]}

    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ({"target_id": "00031968"}, ["1", "2", "3"]),
            ({"target_id": 31968, "mode": "wt"}, ["1", "2"]),
            ({"target_id": 31968, "min_exposure": 0.3 * u.ks}, ["1", "2", "3"]),
            ({"target_id": 31968, "min_exposure": 150 * u.s, "mode": "WT"}, ["1", "2"]),
            ({"target_id": 31968, "min_exposure": 150 * u.s, "mode": "PC"}, ["3"]),
            ({"obsid": ["00031968003", 31968001, "sw00031968003"]}, ["1", "3"]),
            ({"obsid": np.array(["00031968003"])}, ["3"]),
            ({"start": Time(55666.25, format="mjd"), "stop": Time(55667.5, format="mjd")}, ["2", "3"]),
            ({"start": Time(55666.26, format="mjd"), "stop": Time(55700.0, format="mjd")}, ["3"]),
            ({"start": Time(55666.25, format="mjd"), "stop": Time(55666.25, format="mjd")}, ["2"]),
            ({"start": Time(55667.0, format="mjd"), "stop": Time(55667.5, format="mjd").tt - 30 * u.s}, []),
            ({"start": Time(55667.5, format="mjd").tt + 30 * u.s, "stop": Time(55668, format="mjd")}, []),
            ({"start": Time(55667.5, format="mjd").tt - 30 * u.s, "stop": Time(55668, format="mjd")}, ["3"]),
            ({"position": T_PYX}, ["1", "2", "3", "1"]),
            ({"position": SkyCoord(10, 0, unit="deg"), "radius": 150 * u.deg}, ["1", "2", "3", "1"]),
        ],
    )
    def test_others(self, choice: dict[str, Any], expected: list[str]) -> None:
        assert [one[-1] for one in obsids(SwiftXRT.query_observations(**choice))] == expected

    def test_nothing_is_an_answer_for_places_and_times(self) -> None:
        full = SwiftXRT.query_observations(T_PYX)
        for found in (
            SwiftXRT.query_observations(SkyCoord(0, 0, unit="deg")),
            SwiftXRT.query_observations(T_PYX, min_exposure=1 * u.Ms),
        ):
            assert len(found) == 0
            assert found.colnames == full.colnames
            assert [type(found[name]) for name in found.colnames] == [type(full[name]) for name in full.colnames]

    @pytest.mark.parametrize(
        ("choice", "message"),
        [
            ({"obsid": "00031968099"}, "no observation 00031968099"),
            ({"target_id": [12345, 12346]}, "observation of target 00012345, 00012346"),
            ({"obsid": "00031968001", "mode": "PC"}, "with mode as given"),
        ],
    )
    def test_unknown_numbers(self, choice: dict[str, Any], message: str) -> None:
        with pytest.raises(NoDataError, match=message):
            SwiftXRT.query_observations(**choice)

    def test_some_numbers_unknown(self) -> None:
        with pytest.warns(PartialResultWarning, match="no observation 00031968099 .*others are given") as caught:
            found = SwiftXRT.query_observations(obsid=["00031968001", "00031968099"])
        assert obsids(found) == ["00031968001"]
        assert caught[0].filename == __file__

    def test_many_numbers_take_several_questions(self) -> None:
        numbers = [f"00031968{segment:03d}" for segment in range(499, 0, -1)]
        with pytest.warns(PartialResultWarning, match="and 491 more"):
            assert len(SwiftXRT.query_observations(obsid=numbers)) == 3

    def test_numbers_of_all_questions_come_together(self) -> None:
        unknown = [f"00031968{segment:03d}" for segment in range(10, 509)]
        numbers = ["00031968001", *unknown[:198], "00031968002", *unknown[198:], "00031968003"]
        with pytest.warns(PartialResultWarning, match="and 494 more"):
            assert obsids(SwiftXRT.query_observations(obsid=numbers)) == sorted({numbers[0], numbers[199], numbers[-1]})

    def test_conditions_hold_for_observations_and_targets(self) -> None:
        with pytest.warns(PartialResultWarning, match="no observation 00032089001 at .* with mode as given"):
            found = SwiftXRT.query_observations(obsid="00032089001", target_id="00031968", mode="WT")
        assert obsids(found) == ["00031968001", "00031968002"]

    def test_targets(self) -> None:
        by_place = SwiftXRT.query_observations(T_PYX, radius=5 * u.arcmin)
        for position in (Target("T Pyx", position=T_PYX), "136.1729423 -32.37986193", "09 04 41.506, -32 22 47.50"):
            assert obsids(SwiftXRT.query_observations(position, radius=5 * u.arcmin)) == obsids(by_place)
        assert len(SwiftXRT.query_observations(Target("T Pyx", target_ids=["00032089"]))) == 1

    def test_names_are_asked_of_name_servers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SkyCoord, "from_name", lambda name: T_PYX)
        assert len(SwiftXRT.query_observations("T Pyx", radius=5 * u.arcmin)) == 3
        with conf.set_temp("offline", value=True), pytest.raises(OfflineError, match="name servers are not asked"):
            SwiftXRT.query_observations("T Pyx")

    def test_what_is_wrong_is_told_before_a_name_is_looked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SkyCoord, "from_name", lambda name: pytest.fail("asked"))
        with pytest.raises(RequestError, match="min_exposure"):
            SwiftXRT.query_observations("T Pyx", min_exposure=5)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "give a position, an ObsID, a target ID or a time range"),
        ({"mode": "PC"}, "give a position"),
        ({"position": 5}, "position: a SkyCoord, a name or a Target"),
        ({"position": ""}, "name"),
        ({"position": SkyCoord([1, 2], [3, 4], unit="deg")}, "one position"),
        ({"position": SkyCoord(np.nan, 4, unit="deg")}, "finite"),
        ({"position": PLACE, "radius": 5}, "radius: one angle"),
        ({"position": PLACE, "radius": -5 * u.arcmin}, "above 0"),
        ({"position": PLACE, "radius": 181 * u.deg}, "above 0 and up to 180 deg"),
        ({"position": PLACE, "radius": np.nan * u.deg}, "above 0"),
        ({"position": PLACE, "radius": [1, 2] * u.deg}, "one angle"),
        ({"position": PLACE, "radius": 5 * u.s}, "one angle"),
        ({"position": PLACE, "mode": "IM"}, "must be 'PC' or 'WT'"),
        ({"position": PLACE, "mode": 5}, "must be 'PC' or 'WT'"),
        ({"position": PLACE, "min_exposure": 100}, "one time is needed"),
        ({"position": PLACE, "min_exposure": -1 * u.s}, "finite and not negative; got -1.0 s"),
        ({"position": PLACE, "min_exposure": np.inf * u.s}, "finite and not negative; got inf s"),
        ({"position": PLACE, "start": 55666.0}, "a Time is needed"),
        ({"position": PLACE, "start": "2011-04-14"}, "a Time is needed"),
        ({"position": PLACE, "stop": Time([55666, 55667], format="mjd")}, "one finite value"),
        ({"start": Time("2011-04-14", scale="local")}, "start: UTC cannot be told from a time of scale 'local'"),
        (
            {"start": Time(55667, format="mjd"), "stop": Time(55666, format="mjd")},
            "start: 2011-04-16T00:00:00.000 is after stop=2011-04-15T00:00:00.000; exchange the two",
        ),
        ({"obsid": 5}, "eleven digits"),
        ({"obsid": "31968001"}, "eleven digits"),
        ({"obsid": 3.5}, "eleven digits"),
        ({"obsid": []}, "none is given"),
        ({"target_id": "31968"}, "eight digits"),
        ({"target_id": "00031968001"}, "target of that ObsID"),
        ({"target_id": [True]}, "eight digits"),
    ],
)
@pytest.mark.parametrize("backend", ["ukssdc", "local"])
def test_bad_input(choice: dict[str, Any], message: str, backend: str, local: SwiftXRTClass) -> None:
    with pytest.raises(RequestError, match=message):
        (local if backend == "local" else SwiftXRT).query_observations(**choice)


def test_all_problems_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        SwiftXRT.query_observations(PLACE, radius=5, mode="IM", obsid=5)
    assert [field for field, _ in caught.value.problems] == ["radius", "mode", "obsid"]


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "error", "message"),
        [
            (faults.html("<html><body>We are moving</body></html>"), ProtocolError, "no table of observations"),
            (faults.empty(), ProtocolError, "no table of observations"),
            (faults.truncate(0.5, framing="close"), ProtocolError, "no table of observations"),
            (faults.truncate(0.5), ServiceUnavailableError, "try again"),
            (faults.status(503), ServiceUnavailableError, "503"),
            (faults.status(404), ServiceError, "check conf.heasarc_url"),
            (faults.reset(), ServiceUnavailableError, "try again"),
            (faults.never_answer(), ServiceUnavailableError, "did not answer within 0.3 s"),
            (faults.endless_body(), ProtocolError, "more than 100000 bytes"),
            (faults.redirect("http://192.0.2.1/other"), ServiceError, "192.0.2.1|moved"),
        ],
    )
    def test_errors(self, fault: Any, error: type[Exception], message: str) -> None:
        with (
            heasarc_server(rows=ROWS, faults=FaultPlan(fault)),
            conf.set_temp("retries", 0),
            conf.set_temp("read_timeout", 0.3),
            conf.set_temp("max_reply", 100_000),
            pytest.raises(error, match=message) as caught,
        ):
            SwiftXRT.query_observations(T_PYX)
        assert type(caught.value) is error

    def test_a_passing_fault_passes(self) -> None:
        plan = FaultPlan(faults.status(503).on(count=1))
        with heasarc_server(rows=ROWS, faults=plan), conf.set_temp("retry_wait", 0.0):
            assert len(SwiftXRT.query_observations(T_PYX)) == 4

    def test_a_slow_archive_is_left_when_the_time_is_over(self) -> None:
        plan = FaultPlan(faults.drip(20 * u.byte / u.s))
        with (
            heasarc_server(rows=ROWS, faults=plan),
            conf.set_temp("total_timeout", 0.5),
            pytest.raises(ServiceUnavailableError, match="conf.total_timeout"),
        ):
            SwiftXRT.query_observations(T_PYX)

    def test_nobody_there(self) -> None:
        with (
            conf.set_temp("heasarc_url", "http://127.0.0.1:9/vo"),
            conf.set_temp("retries", 0),
            pytest.raises(ServiceUnavailableError, match="check the network and conf.heasarc_url"),
        ):
            SwiftXRT.query_observations(T_PYX)

    def test_no_network_wanted(self) -> None:
        with conf.set_temp("offline", value=True), pytest.raises(OfflineError, match=r"conf\.offline"):
            SwiftXRT.query_observations(T_PYX)

    def test_a_part_of_the_rows_is_told(self) -> None:
        with heasarc_server(rows=ROWS, max_rows=2):
            with pytest.warns(PartialResultWarning, match="the first 2 observations only") as caught:
                assert len(SwiftXRT.query_observations(T_PYX)) == 2
            assert caught[0].filename == __file__

    @pytest.mark.parametrize(
        ("old", "new", "error", "message"),
        [
            (b'name="obsid"', b'name="other"', ProtocolError, "has no obsid"),
            (b"00031968001", b"0003196800x", ProtocolError, "eleven digits"),
            (b'value="OK"/>', b'value="ERROR">no such table</INFO>', RequestRejectedError, "refused .*no such table"),
            (b"55665.5", b"", ProtocolError, "no start_time"),
        ],
    )
    def test_nonsense(self, old: bytes, new: bytes, error: type[Exception], message: str) -> None:
        with heasarc_server(rows=ROWS) as server:
            body = _reply(server.vo_url)
        plan = FaultPlan(faults.replace_body(body.replace(old, new), media_type="application/x-votable+xml"))
        with heasarc_server(rows=ROWS, faults=plan), pytest.raises(error, match=message):
            SwiftXRT.query_observations(T_PYX)

    def test_a_question_that_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("swiftxrt.backends.archives.heasarc._CATALOG", "elsewhere")
        with heasarc_server(rows=ROWS), pytest.raises(RequestRejectedError, match="no such table"):
            SwiftXRT.query_observations(T_PYX)

    def test_connections_are_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed: list[str] = []
        close = Transport.close
        monkeypatch.setattr(Transport, "close", lambda transport: (closed.append(transport.base_url), close(transport)))
        with heasarc_server(rows=ROWS) as server:
            SwiftXRT.query_observations(T_PYX)
            with pytest.raises(NoDataError):
                SwiftXRT.query_observations(obsid="00031968099")
            assert closed == [server.vo_url] * 2


def _reply(url: str) -> bytes:
    import urllib.parse
    import urllib.request

    payload = SwiftXRT.query_observations(T_PYX, get_query_payload=True)
    form = urllib.parse.urlencode({"QUERY": payload["QUERY"], "LANG": "ADQL", "REQUEST": "doQuery"}).encode()
    with urllib.request.urlopen(f"{url}/tap/sync", data=form, timeout=30) as reply:
        content: bytes = reply.read()
        return content


class TestLocal:
    @pytest.mark.parametrize("place", [PLACE, SkyCoord(0, 0, unit="deg"), None])
    def test_the_same_table_as_of_the_archive(self, local: SwiftXRTClass, place: SkyCoord | None) -> None:
        """Of a folder and of a stand-in with that folder, full and without rows."""
        since = Time("2016-01-01")
        here = local.query_observations(place, start=since)
        with heasarc_server(local._backend.archive.folder):  # type: ignore[attr-defined]
            there = SwiftXRT.query_observations(place, start=since)
        assert len(here) == len(there) == (place is not None and place.ra == 0 * u.deg) ^ 1
        assert here.colnames == there.colnames == [name for name in COLUMNS if place is not None or name != "distance"]
        assert here.meta.keys() == there.meta.keys()
        assert here.meta["query"] == there.meta["query"]
        for name in here.colnames:
            ours, theirs = here[name], there[name]
            assert type(ours) is type(theirs), name
            assert ours.info.description == theirs.info.description == COLUMNS[name]
            for detail in ("unit", "dtype", "format", "scale", "out_subfmt"):
                assert getattr(ours, detail, None) == getattr(theirs, detail, None), (name, detail)
            if name == "position":
                assert (ours.separation(theirs) < 1 * u.uas).all()
            elif name != "row":
                assert (ours == theirs).tolist() == [True] * len(here) or ours.mask.all(), name
                assert np.array_equal(getattr(ours, "mask", False), getattr(theirs, "mask", False)), name

    def test_values(self, local: SwiftXRTClass) -> None:
        found = local.query_observations(PLACE)
        (observation,) = local._backend.archive.observations  # type: ignore[attr-defined]
        events = observation.events("PC")
        assert obsids(found) == [OBSID]
        assert found["target_id"].tolist() == [OBSID[:8]]
        assert found["exposure"][0] == found["exposure_pc"][0] == events.exposure
        assert found["exposure_wt"][0] == 0 * u.s
        assert abs(found["start"][0] - events.start) < 1 * u.ms
        assert abs(found["stop"][0] - events.stop) < 1 * u.ms
        assert found["position"][0].separation(events.pointing) < 1 * u.mas
        assert found["uvot_exposure"].mask.tolist() == [True]
        assert found.meta["source"] == "local"
        assert found.meta["request"]["archive"] == str(local._backend.archive.folder)  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("choice", "count"),
        [
            ({"position": "SIM_constant source"}, 1),
            ({"position": Target("constant source")}, 1),
            ({"position": PLACE, "radius": 0.1 * u.arcmin}, 0),
            ({"position": PLACE, "mode": "WT"}, 0),
            ({"position": PLACE, "min_exposure": 1 * u.ks}, 0),
            ({"obsid": OBSID, "mode": "PC"}, 1),
            ({"target_id": OBSID[:8], "start": Time("2016-01-01")}, 1),
            ({"start": Time("2018-01-01")}, 0),
        ],
    )
    def test_conditions(self, local: SwiftXRTClass, choice: dict[str, Any], count: int) -> None:
        assert len(local.query_observations(**choice)) == count

    def test_unknown(self, local: SwiftXRTClass) -> None:
        with pytest.raises(NoDataError, match="no observation 00031968001"):
            local.query_observations(obsid="00031968001")
        with pytest.raises(NoDataError, match="constant source"):
            local.query_observations("Crab")

    def test_a_damaged_observation_is_told(self, tmp_path: Path) -> None:
        small_observation(tmp_path, duration=100 * u.s)
        other = tmp_path / "00012345001" / "xrt" / "event" / "sw00012345001xpcw3po_cl.evt"
        other.parent.mkdir(parents=True)
        other.write_bytes(b"SIMPLE  =")
        damaged = SwiftXRTClass(backend="local", archive=tmp_path)
        with pytest.warns(PartialResultWarning, match=r"1 of 2 observations .* 00012345001 \(") as caught:
            assert obsids(damaged.query_observations(PLACE)) == [OBSID]
        assert caught[0].filename == __file__
        assert obsids(damaged.query_observations(obsid=OBSID)) == [OBSID]  # Nobody asked for the other one.


def test_signatures_agree() -> None:
    named = inspect.signature(ObservationAsking.query_observations).parameters
    assert set(named) - {"self", "position", "get_query_payload"} == set(ObservationChoice.__annotations__)
