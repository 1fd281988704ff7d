"""Mission elapsed time against published relations."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import RequestError
from swiftxrt.met import estimate_utcf, fuller_met, met_to_time, met_to_time_nominal, mjd_to_met, time_to_met


@pytest.mark.parametrize(
    ("met", "date_obs"),
    # TSTART and DATE-OBS of public event files.
    [(717624081.39261, "2023-09-28T20:01:16.392"), (473443929.0172, "2016-01-02T16:12:05.017")],
)
def test_nominal_time_is_that_of_headers(met, date_obs):
    assert abs(met_to_time_nominal(met).utc - Time(date_obs, scale="utc")) < 1 * u.ms


def test_nominal_scale_is_terrestrial_time():
    time = met_to_time_nominal([0.0, 100.0])
    assert time.scale == "tt"
    assert time.shape == (2,)


def test_header_clock_correction():
    # UTCF -32.092 s on 2023-09-28: 27.092 s before the nominal time (five leap seconds since 2001).
    met = 717624081.39261
    correction = met_to_time(met, utcf=-32.092) - met_to_time_nominal(met)
    assert correction.to_value(u.s) == pytest.approx(-27.092, abs=1e-5)


def test_trigger_time_of_an_official_product():
    # AT2018cow: T0 = MET 551097137.0 is quoted as 2018 Jun 19 at 10:31:55.845 UT; UTCFINIT is -21.130.
    quoted = Time("2018-06-19T10:31:55.845", scale="utc")
    assert abs(met_to_time(551097137.0, utcf=-21.130) - quoted) < 0.03 * u.s
    assert abs(met_to_time(551097137.0) - quoted) < 0.03 * u.s


@pytest.mark.parametrize(
    ("met", "utcfinit"),
    # UTCFINIT of public event files; none of these is in the table that is interpolated.
    [
        (437132161.6, -12.76018),
        (630203133.3, -26.18858),
        (687292318.3, -30.01922),
        (687492653.9, -30.03704),
    ],
)
def test_estimated_clock_correction(met, utcfinit):
    assert estimate_utcf(met) == pytest.approx(utcfinit, abs=0.2)


@pytest.mark.parametrize(
    ("met", "utcfinit"),
    # The rows of the table itself: drift minus the leap seconds since 2001 (1, 2, 3, 3, 4, 4, 5 ...).
    [(190110646.7, -1.68954), (333803450.4, -7.21224), (473443929.0, -15.64118), (717624081.4, -32.092)],
)
def test_table_holds_the_published_values(met, utcfinit):
    assert estimate_utcf(met) == pytest.approx(utcfinit, abs=1e-5)


def test_estimate_goes_on_outside_the_table():
    met = np.array([1.3e8, 1.5e8, 7.5e8, 7.8e8])
    slope = np.diff(estimate_utcf(met))[[0, 2]] / np.diff(met)[[0, 2]]
    assert (slope < 0).all()
    assert (np.abs(slope) < 1e-7).all()


@pytest.mark.parametrize(
    "day", ["2005-12-31", "2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31"]
)  # IERS Bulletin C
def test_leap_seconds(day):
    before = Time(f"{day}T23:59:59.5", scale="utc")
    after = before + 2 * u.s  # one of the two is the leap second
    assert after.isot.endswith("T00:00:00.500")
    met = time_to_met(Time([before, after]))
    assert met[1] - met[0] == pytest.approx(2, abs=1e-5)
    assert abs(met_to_time(met) - Time([before, after])).max() < 1 * u.us
    # The estimate steps by one second there, and nowhere else nearby.
    assert estimate_utcf(met[1]) - estimate_utcf(met[0]) == pytest.approx(-1, abs=1e-5)


def test_day_of_a_leap_second_has_86401_seconds():
    noon = Time("2016-12-31T12:00:00", scale="utc")
    midnight = Time("2016-12-31T00:00:00", scale="utc")
    assert time_to_met(noon) - time_to_met(midnight) == pytest.approx(43200, abs=0.01)


def test_time_against_terrestrial_time():
    met = np.linspace(1.3e8, 7.3e8, 50)
    leap_seconds = np.searchsorted([157766401.0, 252460802.0, 362793603.0, 457401604.0, 504921605.0], met)
    clock = met + estimate_utcf(met) + leap_seconds
    # 64.184 s = TT - UTC on 2001-01-01.
    expected = Time(51910, (clock + 64.184) / 86400, format="mjd", scale="tt")
    assert abs(met_to_time(met) - expected).max() < 1 * u.us


METS = st.floats(1.2e8, 8e8).map(lambda met: round(met, 6))


@settings(max_examples=200, deadline=None)
@given(METS)
def test_round_trip(met):
    assert time_to_met(met_to_time(met)) == met


@settings(max_examples=50, deadline=None)
@given(METS, st.floats(-40, 0))
def test_round_trip_with_given_correction(met, utcf):
    assert time_to_met(met_to_time(met, utcf=utcf), utcf=utcf) == pytest.approx(met, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(METS, min_size=2, max_size=2, unique=True))
def test_order_is_kept(mets):
    first, second = sorted(mets)
    assert met_to_time(first) < met_to_time(second)


def test_shape_and_form():
    time = met_to_time(np.array([[6e8, 6.1e8]]))
    assert time.shape == (1, 2)
    assert (time.scale, time.format, time.precision) == ("utc", "isot", 6)
    assert met_to_time(6e8 * u.s) == met_to_time(6e8)
    assert met_to_time((6e8 / 3600) * u.h).isot == met_to_time(6e8).isot
    assert isinstance(time_to_met(met_to_time(6e8)), float)


def test_other_scales():
    time = met_to_time(608713541.952)
    assert time_to_met(time.tdb) == 608713541.952
    assert time_to_met(time.tt) == 608713541.952


def test_times_of_unknown_scale():
    with pytest.raises(RequestError, match="scale 'local'; .* scale='utc'; got 2020-04-16"):
        time_to_met(Time("2020-04-16", scale="local"))


def test_real_headers(validation_data):
    """UTCFINIT of all event files at hand, against the estimate."""
    from astropy.io import fits

    files = sorted(validation_data.rglob("*_cl.evt*"))
    assert files
    found = 0
    for path in files:
        header = fits.getheader(path, "EVENTS")
        if "UTCFINIT" not in header:
            continue
        found += 1
        assert estimate_utcf(header["TSTART"]) == pytest.approx(header["UTCFINIT"], abs=0.2), path.name
        start = met_to_time_nominal(header["TSTART"]).utc
        assert abs(start - Time(header["DATE-OBS"], scale="utc")) < 1.01 * u.s, path.name
    assert found


@pytest.mark.parametrize(
    ("met", "others", "expected"),
    [
        (175893506.972863, [175894000], (175893506.972863, 0)),  # complete already
        (175894000, [None, 188956137.8, 175893506.972863], (175893506.972863, 0)),
        (677535000, [677536939.25, 677534939.25], (677534939.25, 0)),
        (677535000, [677535000, 677536939.25], (677535000, 500)),
        (677535000, [], (677535000, 500)),
        (0, [], (0, 0)),
    ],
)
def test_rounded_times_of_catalogues(met, others, expected):
    assert fuller_met(met, others) == expected


def test_dates_as_numbers_are_as_good_as_times():
    rng = np.random.default_rng(3)
    dates = np.concatenate([rng.uniform(53300, 61000, 500), [53735.9999999, 53736.0, 57753.99999, 57754.0, 54000.5]])
    expected = time_to_met(Time(dates, format="mjd", scale="utc"))
    assert np.allclose(mjd_to_met(dates), expected, rtol=0, atol=1.1e-6)
    assert mjd_to_met(54000.5) == time_to_met(Time(54000.5, format="mjd", scale="utc"))


def test_times_at_the_barycentre_count_from_the_same_date():
    time = met_to_time_nominal(6.0e8, scale="tdb")
    assert time.scale == "tdb"
    assert time.jd == met_to_time_nominal(6.0e8).jd
