"""Identifiers of observations and targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftxrt.exceptions import IdentifierError
from swiftxrt.identifiers import parse_obsid, parse_target_id, segment_of, target_id_of


@pytest.mark.parametrize("value", ["00085374001", "sw00085374001", " 00085374001 ", 85374001, np.int64(85374001)])
def test_obsid(value):
    assert parse_obsid(value) == "00085374001"


@pytest.mark.parametrize("value", ["00085374", 85374, np.int32(85374), " 00085374"])
def test_target_id(value):
    assert parse_target_id(value) == "00085374"


@pytest.mark.parametrize(
    "value", ["85374001", "0008537400a", "", "٠٠٠٨٥٣٧٤٠٠١", None, 0, -1, 10**11, True, 85374001.0, b"00085374001"]
)
def test_bad_obsid(value):
    with pytest.raises(IdentifierError, match="eleven digits, such as '00085374001'"):
        parse_obsid(value)


@pytest.mark.parametrize("value", [58990, np.int64(58990), "58990", "00058990", 9999999])
def test_target_given_as_obsid_is_recognised(value):
    target = f"{int(value):08d}"
    with pytest.raises(
        IdentifierError, match=f"the ObsIDs of target {target} are written .{target}001., .{target}002."
    ):
        parse_obsid(value)


@pytest.mark.parametrize("value", ["85374", "000853740", "", None, 0, 10**8, True, 1.5, "٠٠٠٨٥٣٧٤"])
def test_bad_target_id(value):
    with pytest.raises(IdentifierError, match="eight digits, such as '00085374'"):
        parse_target_id(value)


def test_obsid_given_as_target_id_is_recognised():
    with pytest.raises(IdentifierError, match="'00085374' is the target of that ObsID"):
        parse_target_id("00085374001")


@given(st.integers(10**7, 10**11 - 1))
def test_parts_make_the_whole(number):
    obsid = parse_obsid(number)
    assert target_id_of(obsid) + segment_of(obsid) == obsid
    assert int(obsid) == number
