"""Observations of a folder, as its headers tell them."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt import SwiftXRTClass
from swiftxrt.exceptions import NoDataError, PartialResultWarning
from swiftxrt.testing import small_observation

OBSID = "09999002000"


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
