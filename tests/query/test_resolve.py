"""What users may name as a target."""

from __future__ import annotations

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from swiftxrt import Target
from swiftxrt.exceptions import RequestError, RequestWarning
from swiftxrt.query.resolve import as_target

COORD = SkyCoord(335.6985, -7.5179, unit="deg")


def test_target_and_name_are_taken_as_they_are() -> None:
    target = Target("GRB 200416A", t0=608713541.952 * u.s)
    assert as_target(target) is target
    assert as_target("GRB 200416A") == Target("GRB 200416A")
    assert as_target(COORD) == Target.from_position(COORD)


@pytest.mark.parametrize("column", ["obsid", "OBS_ID", "target_id", "Targ_ID"])
def test_row_with_an_id_is_an_observation(column: str) -> None:
    number = "00966554" if "targ" in column.lower() else "00966554000"
    table = QTable({"name": ["GRB 200416A"], column: [number], "position": [COORD]})
    expected = Target("GRB 200416A", position=COORD, target_ids=["00966554"])
    assert as_target(table[0]) == expected
    assert as_target({"name": "GRB 200416A", column: number, "position": COORD}) == expected


def test_pointing_of_an_observation_is_doubtful() -> None:
    row = {"name": "X", "obsid": "00966554000", "ra": 335.6985, "dec": -7.5179}
    with pytest.warns(RequestWarning, match="where the telescope pointed"):
        assert as_target(row).position == COORD


def test_other_rows_are_sources() -> None:
    source = {"IAUName": "2SXPS J222247.6-073104", "RA": 335.6985, "Decl": -7.5179}
    expected = Target(source["IAUName"], position=COORD, resolve_t0=True)
    assert as_target(source) == expected
    assert as_target(Table([source])[0]) == expected
    # Rows of detections name their ObsID too, but what they are about is the source.
    assert as_target({**source, "ObsID": "00966554000"}) == expected


@pytest.mark.parametrize("value", [None, 3, (335.6985, -7.5179), ["GRB 200416A"], b"GRB 200416A"])
def test_what_is_no_target(value: object) -> None:
    with pytest.raises(RequestError, match="a name, a SkyCoord or a row of a table is needed") as caught:
        as_target(value)
    assert caught.value.problems[0][0] == "target"


def test_whole_table_is_refused() -> None:
    with pytest.raises(RequestError, match="give one of them"):
        as_target(Table({"obsid": ["00966554000"], "name": ["X"]}))
