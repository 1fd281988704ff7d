"""Observations of a folder, as its headers tell them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import pytest
from astropy.io import fits
from astropy.time import Time

from swiftxrt import SwiftXRTClass
from swiftxrt.backends.local.headers import EventHeader
from swiftxrt.backends.local.observations import archive_rows
from swiftxrt.exceptions import NoDataError, PartialResultWarning
from swiftxrt.met import estimate_utcf, met_to_time
from swiftxrt.products.events import EventList
from swiftxrt.testing import small_observation

OBSID = "09999002000"
PC = EventHeader(
    mode="PC", object_name="T Pyx", frame="icrs", pointing_deg=(10.0, 20.0), target_deg=None, roll_deg=30.0,
    trigger_met=None, start_met=6.00001e8, stop_met=6.00002e8, utcf_s=-30.0, exposure_s=500.0,
    made="2020-01-02T03:04:05",
)  # fmt: skip
WT = EventHeader(
    mode="WT", object_name="slew", frame="icrs", pointing_deg=(11.0, 21.0), target_deg=None, roll_deg=40.0,
    trigger_met=None, start_met=6.0e8, stop_met=6.000001e8, utcf_s=None, exposure_s=50.0, made="2020-01-03",
)  # fmt: skip


def folder_with(*headers: EventHeader) -> Any:
    """What looks like a folder with one observation."""
    one = SimpleNamespace(obsid="00031968001")
    return SimpleNamespace(
        observations=[one], headers=lambda observations: [(one, list(headers)) for one in observations]
    )


@pytest.mark.parametrize("headers", [(PC, WT), (WT, PC)])
def test_an_observation_in_two_modes(headers: tuple[EventHeader, ...]) -> None:
    """Name, pointing and roll are those of the longer exposure; the times hold both."""
    (row,) = archive_rows(folder_with(*headers))
    assert (row.obsid, row.name, row.roll_deg) == ("00031968001", "T Pyx", 30.0)
    assert (row.ra_deg, row.dec_deg) == pytest.approx((10.0, 20.0), abs=1e-9)
    assert (row.exposure_s, row.exposure_pc_s, row.exposure_wt_s) == (550.0, 500.0, 50.0)
    second = 1 / 86400
    assert row.start_mjd == pytest.approx(met_to_time(6.0e8, utcf=estimate_utcf(6.0e8)).mjd, abs=1e-3 * second)
    assert row.stop_mjd == pytest.approx(met_to_time(6.00002e8, utcf=-30.0).mjd, abs=1e-3 * second)
    assert row.processing_date_mjd == 58851.0
    assert row.row is row.uvot_exposure_s is row.bat_exposure_s is row.archive_date_mjd is None


@pytest.mark.parametrize("made", ["", "yesterday"])
def test_a_date_of_processing_that_is_none_is_unknown(made: str) -> None:
    (row,) = archive_rows(folder_with(replace(PC, made=made)))
    assert row.processing_date_mjd is None


def test_an_observation_without_readable_events_is_left_out() -> None:
    assert archive_rows(folder_with()) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An observation of two snapshots, of a burst, with a correction of the clock of its own."""
    folder = tmp_path_factory.mktemp("two")
    small_observation(folder, duration=100 * u.s, snapshots=2)
    (path,) = folder.rglob("*.evt.gz")
    with fits.open(path) as hdus:
        cards = {"TRIGTIME": 5e8, "PROCDATE": "2021-01-02", "DATE": "2022-01-02", "UTCFINIT": -40.0, "PA_PNT": 123.0}
        for hdu in hdus:
            hdu.header.update(cards)
        hdus.writeto(path, overwrite=True)
    return folder


def test_what_is_kept_of_a_header(folder: Path) -> None:
    (path,) = folder.rglob("*.evt.gz")
    events, header = EventList.read(path), EventHeader.read([path])
    cards = fits.getheader(path, 1)
    assert (len(events.gti), header.mode, header.object_name) == (2, "PC", events.object_name)
    assert header.pointing_deg == (cards["RA_PNT"], cards["DEC_PNT"]) != (cards["RA_OBJ"], cards["DEC_OBJ"])
    assert header.target_deg == (cards["RA_OBJ"], cards["DEC_OBJ"])
    assert (header.roll_deg, header.trigger_met, header.utcf_s, header.made) == (123.0, 5e8, -40.0, "2021-01-02")
    assert (header.start_met, header.stop_met) == (events.gti.start[0], events.gti.stop[-1])
    assert header.exposure_s == events.exposure.to_value(u.s) < header.stop_met - header.start_met


def test_ranges_of_time_hold_their_ends(folder: Path) -> None:
    client = SwiftXRTClass(backend="local", archive=folder)
    found = client.query_observations(start=Time("2016-01-01"))
    begin = found["start"][0]
    assert abs(begin - met_to_time(EventHeader.read(list(folder.rglob("*.evt.gz"))).start_met, utcf=-40.0)) < 1 * u.ms
    assert found["roll"][0] == 123 * u.deg
    tick = 1 * u.s
    for start, stop, count in (
        (begin, begin, 1),
        (begin.tt - tick, begin.tdb + tick, 1),
        (begin.tt + tick, None, 0),
        (None, begin.tt - tick, 0),
    ):
        assert len(client.query_observations(start=start, stop=stop)) == count


def test_an_observation_without_pointing_data_is_told(tmp_path: Path) -> None:
    small_observation(tmp_path, duration=100 * u.s)
    events = tmp_path / "00031968777" / "xrt" / "event"
    events.mkdir(parents=True)
    (events / "sw00031968777xpcw2sl_cl.evt.gz").touch()
    client = SwiftXRTClass(backend="local", archive=tmp_path)
    reason = r"no cleaned XRT pointing data .*00031968777; found 1 slew event file"
    for choice in ({"obsid": "00031968777"}, {"target_id": "00031968"}):
        with pytest.raises(NoDataError, match=f"there is no observation .*: {reason}$"):
            client.query_observations(**choice)
    with pytest.warns(PartialResultWarning, match=f"{reason}; the others are given"):
        assert client.query_observations(obsid=["00031968777", OBSID])["obsid"].tolist() == [OBSID]
    with pytest.raises(NoDataError, match="00031968778 .*; check the number, or ask by position$"):
        client.query_observations(obsid="00031968778")
