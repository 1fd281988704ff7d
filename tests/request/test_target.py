"""Targets: positions, identifiers and reference times."""

from __future__ import annotations

import datetime as dt
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.time import Time, TimeDelta

from swiftxrt.exceptions import RequestError
from swiftxrt.request.target import Target

TRIGGER_MET = 608713541.952


def test_trigger_time_survives_exactly():
    target = Target("GRB 200416A", t0=TRIGGER_MET * u.s)
    assert target.t0_met == TRIGGER_MET
    assert isinstance(target.t0, Time)
    assert target.t0.scale == "utc"
    # The service quotes the trigger as 07:05:17 UT.
    assert target.t0.isot.startswith("2020-04-16T07:05:17")
    assert Target("GRB 200416A", t0=target.t0).t0_met == TRIGGER_MET
    from_tdb = Target("GRB 200416A", t0=target.t0.tdb)
    assert from_tdb == target
    assert (from_tdb.t0.scale, from_tdb.t0.format) == ("utc", "isot")


def test_no_reference_time():
    assert Target("X").t0_met is None
    assert Target("X").t0 is None


@pytest.mark.parametrize("ra", [335.6985, 0.1, 1 / 3, 359.9999999, 1e-7, 0])
def test_position_is_kept_exactly(ra):
    target = Target("X", position=SkyCoord(ra, -7.5179, unit="deg"))
    assert (target.position.ra.deg, target.position.dec.deg) == (ra, -7.5179)
    again = Target.from_dict(target.to_dict())
    assert (again.position.ra.deg, again.position.dec.deg) == (ra, -7.5179)
    assert pickle.loads(pickle.dumps(target)) == target


@pytest.mark.parametrize(
    "position",
    [
        SkyCoord("10h00m00s -30d00m00s"),
        SkyCoord(150, -30, unit="deg").galactic,
        SkyCoord(150, -30, unit="deg").transform_to("supergalactic"),
    ],
)
def test_conversions_leave_no_noise(position):
    kept = Target("X", position=position)
    assert kept.to_dict()["position"] == {"ra": "150 deg", "dec": "-30 deg"}
    assert Target.from_dict(kept.to_dict()) == kept


@pytest.mark.fault_case(86)
def test_other_frames_become_icrs():
    # The Galactic centre (Blaauw et al. 1960 in J2000).
    position = Target("Sgr A", position=SkyCoord(0, 0, unit="deg", frame="galactic")).position
    assert position.frame.name == "icrs"
    assert position.separation(SkyCoord("17h45m37.2s -28d56m10s")) < 1 * u.arcsec
    nearby = SkyCoord(10 * u.deg, 20 * u.deg, distance=3 * u.kpc, obstime="J2010")
    assert Target("X", position=nearby) == Target("X", position=SkyCoord(10, 20, unit="deg"))


@pytest.mark.fault_case(86)
@pytest.mark.parametrize(
    ("position", "text"),
    [
        ((335.6985, -7.5179), "a SkyCoord is needed"),
        ("22h22m47s -07d31m04s", "a SkyCoord is needed"),
        (SkyCoord([1, 2], [3, 4], unit="deg"), "one position is needed"),
        (SkyCoord(np.nan, 3, unit="deg"), "must be finite"),
        (SkyCoord(1 * u.deg, 2 * u.deg, frame="altaz"), "a celestial frame"),
        (SkyCoord(1 * u.deg, 2 * u.deg, frame="itrs", representation_type="unitspherical"), "a celestial frame"),
    ],
    ids=repr,
)
def test_positions_refused(position, text):
    with pytest.raises(RequestError, match=text) as caught:
        Target("X", position=position)
    assert caught.value.problems[0][0] == "position"


@pytest.mark.fault_case(86)
@pytest.mark.parametrize(
    ("plain", "text"),
    [
        ({"ra": "400 deg", "dec": "0 deg"}, "0 <= RA <= 360"),
        ({"ra": "-1 deg", "dec": "0 deg"}, "0 <= RA <= 360"),
        ({"ra": "40 deg", "dec": "91 deg"}, "-90 <= Dec <= 90"),
        ({"ra": "nan deg", "dec": "0 deg"}, "0 <= RA <= 360"),
        ({"ra": 40, "dec": "0 deg"}, "ra needs an angle with its unit"),
        ({"ra": "40", "dec": "0 deg"}, "ra needs an angle with its unit"),
        ({"ra": "40 m", "dec": "40 keV"}, "dec needs an angle with its unit"),
        ({"ra": "40 deg"}, "is written as ra"),
        ("40 0 deg", "is written as ra"),
    ],
)
def test_plain_positions_refused(plain, text):
    with pytest.raises(RequestError, match=text):
        Target.from_dict({"name": "X", "position": plain})


def test_sexagesimal_position():
    target = Target.from_dict({"name": "X", "position": {"ra": "22h22m47.64s", "dec": "-7d31m04.44s"}})
    assert target.position.separation(SkyCoord(335.6985, -7.5179, unit="deg")) < 1 * u.mas


@pytest.mark.parametrize("target_ids", ["00966554", ["00966554"], 966554, ("00966554", "00966554")])
def test_target_ids(target_ids):
    assert Target("X", target_ids=target_ids).target_ids == ("00966554",)


@pytest.mark.parametrize("target_ids", ["966554", [], ["00966554", "x"], "00966554000", 1.5])
def test_target_ids_refused(target_ids):
    with pytest.raises(RequestError) as caught:
        Target("X", target_ids=target_ids)
    assert caught.value.problems[0][0] == "target_ids"


@pytest.mark.fault_case(88)
@pytest.mark.parametrize(
    "t0",
    [
        TRIGGER_MET,
        "2020-04-16",
        3 * u.m,
        [1, 2] * u.s,
        np.nan * u.s,
        Time([58955, 58956], format="mjd"),
        Time(np.ma.masked_array([58955.0], mask=[True]), format="mjd")[0],
        TimeDelta(3 * u.s),
        dt.datetime(2020, 4, 16),
    ],
    ids=repr,
)
def test_times_refused(t0):
    with pytest.raises(RequestError, match="a Time, or seconds such as") as caught:
        Target("X", t0=t0)
    assert caught.value.problems[0][0] == "t0"


@pytest.mark.fault_case(88)
def test_time_of_unknown_scale():
    with pytest.raises(RequestError, match=r"scale 'local'; .* scale='utc'; got 2020-04-16") as caught:
        Target("X", t0=Time("2020-04-16", scale="local"))
    assert caught.value.problems[0][0] == "t0"


@pytest.mark.fault_case(88)
@pytest.mark.parametrize("t0", [58955.3 * u.day, 53329 * u.d])
def test_days_that_look_like_a_date(t0):
    with pytest.raises(RequestError, match=r"modified Julian date; give Time\(5\d+.*, format='mjd'\)"):
        Target("X", t0=t0)
    with pytest.raises(RequestError, match="modified Julian date"):
        Target.from_dict({"name": "X", "t0": f"{t0.value} d"})
    assert Target("X", t0=7045.3 * u.day).t0_met == pytest.approx(7045.3 * 86400)


@pytest.mark.parametrize(
    "plain",
    [
        "608713541.952 s",
        "169087.0949866667 h",
        "2020-04-16T07:05:17.137718558",
        "2020-04-16 07:05:17.137718558",
        dt.datetime(2020, 4, 16, 7, 5, 17, 137718),
        dt.datetime(2020, 4, 16, 8, 5, 17, 137718, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    ],
    ids=str,
)
def test_spellings_of_a_time(plain):
    assert Target.from_dict({"name": "X", "t0": plain}).t0_met == pytest.approx(TRIGGER_MET, abs=2e-6)


def test_date_is_midnight():
    t0 = Target.from_dict({"name": "X", "t0": dt.date(2020, 4, 16)}).t0
    assert abs(t0 - Time("2020-04-16T00:00:00")) < 1 * u.us


@pytest.mark.parametrize("plain", [608713541.952, "soon", "58955.3", "3 m", ["608713541 s"], True])
def test_plain_times_refused(plain):
    with pytest.raises(RequestError, match="t0"):
        Target.from_dict({"name": "X", "t0": plain})


def test_given_and_to_be_resolved():
    with pytest.raises(RequestError, match="leave out one of the two"):
        Target("X", t0=TRIGGER_MET * u.s, resolve_t0=True)
    assert Target("X", resolve_t0=True).resolve_t0 is True


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_name_is_needed(name):
    with pytest.raises(RequestError, match="name"):
        Target(name)


def test_from_name_asks_nobody_unless_told(monkeypatch):
    monkeypatch.setattr(SkyCoord, "from_name", lambda name: pytest.fail("asked for the position"))
    assert Target.from_name("T Pyx") == Target("T Pyx")


def test_from_name_with_position(monkeypatch):
    asked = []
    found = SkyCoord(136.17, -32.38, unit="deg")
    monkeypatch.setattr(SkyCoord, "from_name", lambda name: (asked.append(name), found)[1])
    assert Target.from_name(" T Pyx ", resolve=True) == Target("T Pyx", position=found)
    assert asked == ["T Pyx"]


def test_from_name_unknown(monkeypatch):
    def refuse(name):
        raise NameResolveError("no such object")

    monkeypatch.setattr(SkyCoord, "from_name", refuse)
    with pytest.raises(RequestError, match=r"no position found for 'T Pix'.*no such object"):
        Target.from_name("T Pix", resolve=True)


def test_representation():
    target = Target("X", position=SkyCoord(335.6985, -7.5179, unit="deg"), t0=TRIGGER_MET * u.s)
    assert repr(target) == (
        "Target(name='X', position=<SkyCoord (ICRS) 335.6985, -7.5179 deg>, t0=<Time 2020-04-16T07:05:17.137719 UTC>)"
    )
