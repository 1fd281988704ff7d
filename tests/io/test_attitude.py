"""Attitude files and frame headers."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.exceptions import FormatError, OutputExistsError
from swiftxrt.io.attitude import read_attitude, read_housekeeping, write_attitude
from swiftxrt.products.attitude import Attitude

TIME_S = 4.0e8 + np.arange(6.0)


def _record(kind: str = "attitude") -> Attitude:
    return Attitude(TIME_S, 150.0 + 1e-4 * np.arange(6), np.full(6, 20.0), np.full(6, 359.99), kind=kind)


@pytest.mark.parametrize("kind", ["attitude", "housekeeping"])
@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_round_trip(tmp_path, kind, name):
    record = _record(kind)
    path = write_attitude(record, tmp_path / name)
    again = Attitude.read(path)
    assert (again.kind, again.path) == (kind, path)
    for column in ("met", "ra_deg", "dec_deg", "roll_deg"):
        np.testing.assert_array_equal(getattr(again, column), getattr(record, column))
    with pytest.raises(OutputExistsError):
        write_attitude(record, path)


def _file(path, columns, name="ATTITUDE", **cards):
    table = fits.BinTableHDU.from_columns([fits.Column(*item[:2], array=item[2]) for item in columns], name=name)
    table.header.update(cards)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    return path


def test_time_zero_and_lower_case_are_understood(tmp_path):
    pointing = np.column_stack([np.full(6, 150.0), np.full(6, 20.0), np.full(6, 30.0)])
    path = _file(tmp_path / "a.fits", [("time", "D", TIME_S), ("pointing", "3D", pointing)], TIMEZERO=10.0)
    assert read_attitude(path).met[0] == TIME_S[0] + 10.0


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([("TIME", "D", TIME_S)], "lacks the columns POINTING"),
        ([("TIME", "D", TIME_S), ("POINTING", "2D", np.ones((6, 2)))], "three angles"),
        ([("TIME", "D", TIME_S), ("POINTING", "3D", np.full((6, 3), np.nan))], "no sample with finite"),
        ([("TIME", "D", TIME_S[:0]), ("POINTING", "3D", np.ones((0, 3)))], "is empty"),
    ],
)
def test_unusable_files_say_why(tmp_path, columns, words):
    with pytest.raises(FormatError, match=words):
        read_attitude(_file(tmp_path / "a.fits", columns))


def test_another_table_is_no_attitude(tmp_path):
    path = _file(tmp_path / "a.fits", [("TIME", "D", TIME_S)], name="GTI")
    with pytest.raises(FormatError, match="it has PRIMARY, GTI"):
        read_attitude(path)
    with pytest.raises(FormatError, match="no housekeeping file"):
        read_housekeeping(path)
    with pytest.raises(FormatError, match="no such file"):
        read_attitude(tmp_path / "b.fits")


def test_frames_have_units(tmp_path):
    columns = [
        ("TIME", "D", TIME_S),
        ("RA", "E", np.arange(6)),
        ("CCDTemp", "E", np.full(6, -57.0)),
        ("Other", "E", TIME_S),
    ]
    frames = read_housekeeping(_file(tmp_path / "a.hk", columns, name="FRAME"))
    assert frames.colnames == ["met", "time", "ra", "ccd_temperature"]
    assert [str(frames[name].unit) for name in ("met", "ra", "ccd_temperature")] == ["s", "deg", "deg_C"]
    assert frames["time"].scale == "utc"
    bad = _file(tmp_path / "b.hk", [("TIME", "D", np.where(TIME_S > 0, np.nan, 0))], name="FRAME")
    with pytest.raises(FormatError, match="has no time"):
        read_housekeeping(bad)


def test_real_frame_headers(validation_data):
    path = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/hk/sw00085374001xhd.hk.gz"
    record = Attitude.read(path)
    assert repr(record) == "<Attitude housekeeping: 804 samples, MET 437040841.4 to 437133354.5 s>"
    frames = read_housekeeping(path)
    assert len(frames) == 805  # One of them has no pointing direction.
    assert np.count_nonzero(frames["settled"]) == 631
    assert np.nanmax(frames["ccd_temperature"].value) < -47
