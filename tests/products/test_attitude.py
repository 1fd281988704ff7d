"""The record of the pointing."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.gti import GTI


def test_samples_are_sorted_and_sound():
    record = Attitude([30.0, 10.0, np.nan, 20.0], [3.0, 1.0, 9.0, 2.0], [0.0, 0.0, 0.0, 99.0], [5.0, 5.0, 5.0, 5.0])
    assert record.met.tolist() == [10.0, 30.0]
    assert record.ra_deg.tolist() == [1.0, 3.0]
    assert not record.met.flags.writeable
    assert record.roll.unit == u.deg
    assert record.coord.ra.deg == pytest.approx([1.0, 3.0])
    assert record.time.scale == "utc"
    again = pickle.loads(pickle.dumps(record))
    assert np.array_equal(again.met, record.met)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([], [], [], []), "no sample"),
        (([1.0], [1.0], [np.nan], [1.0]), "no sample"),
        (([1.0, 2.0], [1.0], [1.0], [1.0]), "one length"),
    ],
)
def test_what_is_no_record(columns, words):
    with pytest.raises(RequestError, match=words):
        Attitude(*columns)
    with pytest.raises(RequestError, match="housekeeping"):
        Attitude([1.0], [1.0], [1.0], [1.0], kind="guess")


def test_coverage():
    met = np.concatenate([np.arange(0.0, 100.0, 2.5), np.arange(200.0, 300.0, 2.5)])
    record = Attitude(met, met * 0, met * 0, met * 0)
    assert record.covers([-20.0, -10.0, 50.0, 110.0, 150.0, 190.0, 250.0, 310.0, 330.0]).tolist() == [
        False, True, True, True, False, True, True, True, False
    ]  # fmt: skip
    assert Attitude([0.0, 29.0], [0, 0], [0, 0], [0, 0]).covers(14.5).all()
    part = record.within(GTI([210.0], [220.0]))
    assert part is not None
    assert (part.met[0], part.met[-1]) == (200.0, 247.5)
    assert record.within(GTI([1000.0], [1100.0])) is None
