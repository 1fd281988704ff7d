"""Targets and selections from rows of tables, as archives and catalogues write them."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time

from swiftxrt.exceptions import RequestError, RequestWarning
from swiftxrt.request.selection import Observations
from swiftxrt.request.target import Target

RA, DEC = 335.6985, -7.5179
COORD = SkyCoord(RA, DEC, unit="deg")
GRB = Target("GRB 200416A", position=COORD, target_ids=["00966554"])


def problems(call) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        call()
    return dict(caught.value.problems)


# ---------------------------------------------------------------- positions


def test_position_names_itself():
    target = Target.from_position(COORD)
    # 335.6985 deg = 22h22m47.64s; -7.5179 deg = -7d31m04.44s.
    assert target == Target("J222247.6-073104.4", position=COORD)
    assert Target.from_position(COORD.galactic).name == target.name
    assert Target.from_position(COORD, name="GRB 200416A").name == "GRB 200416A"
    assert (target.target_ids, target.t0, target.resolve_t0) == (None, None, False)


@pytest.mark.parametrize(
    "position",
    [
        (RA, DEC),
        "J222247.6-073104.4",
        None,
        SkyCoord([1, 2], [3, 4], unit="deg"),
        SkyCoord(1, 2, unit="deg", frame="altaz"),
    ],
    ids=repr,
)
def test_what_is_no_position(position):
    assert set(problems(lambda: Target.from_position(position))) == {"position"}
    assert set(problems(lambda: Target.from_position(position, name="X"))) == {"position"}
    if position is not None:
        assert set(problems(lambda: Target.from_observation({"obsid": 966554000}, position=position))) == {"position"}


# ---------------------------------------------------------------- observations


@pytest.mark.parametrize("name", ["name", "OBJECT", "object_name", "Target_Name"])
@pytest.mark.parametrize(
    "number", [{"obsid": "00966554000"}, {"OBS_ID": 966554000}, {"target_id": 966554}, {"Targ_ID": " 966554"}]
)
@pytest.mark.parametrize(
    "position", [{"position": COORD}, {"coord": COORD.galactic}, {"RA_OBJ": RA, "DEC_OBJ": DEC}], ids=str
)
def test_observation(name, number, position):
    row = {name: "GRB 200416A", "exposure": 3.0, **number, **position}
    target = Target.from_observation(row)
    assert (target.name, target.target_ids) == ("GRB 200416A", ("00966554",))
    assert target.position.separation(COORD) < 1e-6 * u.arcsec


def test_row_of_an_astropy_table():
    table = QTable({"obsid": ["00966554000", "00031653001"], "name": ["GRB 200416A", "Y"], "position": [COORD, COORD]})
    assert Target.from_observation(table[0]) == GRB
    assert Target.from_observation(table[1]).target_ids == ("00031653",)


def test_units_of_columns_are_heeded():
    table = Table({"object": ["GRB 200416A"], "target_id": [966554]})
    table["ra_obj"] = Column([RA / 15], unit=u.hourangle)
    table["dec_obj"] = Column([DEC * 60], unit=u.arcmin)
    position = Target.from_observation(table[0]).position
    assert position.separation(COORD) < 1e-6 * u.arcsec
    table = QTable({"object": ["X"], "target_id": [966554], "ra_obj": [RA] * u.deg, "dec_obj": [DEC * 60] * u.arcmin})
    assert Target.from_observation(table[0]).position.separation(COORD) < 1e-6 * u.arcsec
    sexagesimal = {"object": "X", "obsid": "00966554000", "ra_obj": "22h22m47.64s", "dec_obj": "-7d31m04.44s"}
    assert Target.from_observation(sexagesimal).position.separation(COORD) < 1e-3 * u.arcsec


def test_pointing_is_not_the_source():
    row = {"name": "GRB 200416A", "obsid": "00966554000", "RA": RA, "Dec": DEC}
    with pytest.warns(RequestWarning, match="where the telescope pointed") as caught:
        assert Target.from_observation(row) == GRB
    assert caught[0].filename == __file__
    # No warning where the position of the source is known.
    assert Target.from_observation(row, position=COORD) == GRB
    assert Target.from_observation({**row, "RA": 0.0, "ra_obj": RA, "dec_obj": DEC}) == GRB


def test_gaps_in_a_table():
    table = Table(
        {
            "name": MaskedColumn(["GRB 200416A", "-"], mask=[False, True]),
            "target_id": MaskedColumn([966554, 0], mask=[False, True]),
            "obsid": ["00966554000", "00031653001"],
            "ra_obj": [RA, np.nan],
            "dec_obj": [DEC, np.nan],
        },
        masked=True,
    )
    assert Target.from_observation(table[0]) == GRB
    assert "the row has neither a name nor a position" in problems(lambda: Target.from_observation(table[1]))["name"]
    named = Target.from_observation({"name": "Y", "target_id": None, "obsid": "00031653001", "ra_obj": np.nan})
    assert named == Target("Y", target_ids=["00031653"])


@pytest.mark.parametrize(
    ("row", "field", "text"),
    [
        ({}, "name", "neither a name nor a position"),
        ({"ra_obj": 400.0, "dec_obj": 0.0}, "ra_obj and dec_obj", "0 <= RA <= 360"),
        ({"name": "X", "ra_obj": "wide", "dec_obj": 0.0}, "ra_obj", "an angle, or a number of degrees"),
        ({"name": "X", "ra_obj": 3 * u.s, "dec_obj": 0.0}, "ra_obj", "an angle, or a number of degrees"),
        ({"name": ["X", "Y"]}, "name", "one value is needed"),
        (3, "", "one row of a table, or a mapping, is needed; got 3"),
        ("GRB 200416A", "", "one row of a table"),
        (Table({"name": ["X", "Y"]}), "", "a table of 2 rows: give one of them"),
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [Target.from_observation, Target.from_source])
def test_rows_that_cannot_be_used(make, row, field, text):
    assert text in problems(lambda: make(row))[field]


def test_bad_ids_are_refused():
    with pytest.raises(ValueError, match="target ID"):
        Target.from_observation({"name": "X", "target_id": "12x"})


# ---------------------------------------------------------------- sources

SOURCE = {
    "IAUName": "2SXPS J222247.6-073104",
    "RA": RA,
    "Decl": DEC,
    "FirstObsMET": 608713541.952,
    "FirstBlindDetMET": 608720000.75,
    "FirstDetMET": 608715000.5,
    "DetectionMET": np.nan,
}


def test_source():
    target = Target.from_source(SOURCE)
    assert target == Target("2SXPS J222247.6-073104", position=COORD, resolve_t0=True)
    assert target.target_ids is None  # All observations of that position.


@pytest.mark.parametrize(
    "row",
    [
        {"name": SOURCE["IAUName"], "ra": RA, "dec": DEC},
        {"iauname": SOURCE["IAUName"], "name": "other", "position": COORD},
        {"IAUName": SOURCE["IAUName"].encode(), "RA": str(RA), "Dec": str(DEC)},
        Table([SOURCE])[0],
        np.array([(SOURCE["IAUName"], RA, DEC)], dtype=[("IAUName", "U30"), ("RA", float), ("Decl", float)])[0],
    ],
    ids=["dec", "skycoord", "texts", "row", "record"],
)
def test_source_in_other_forms(row):
    assert Target.from_source(row) == Target.from_source(SOURCE)


def test_source_without_name_is_named_by_its_position():
    assert Target.from_source({"RA": RA, "Decl": DEC}).name == "J222247.6-073104.4"


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ("first_observation", 608713541.952),
        ("first_blind_detection", 608720000.75),
        ("first_detection", 608715000.5),
        ("discovery", 700000000.25),
    ],
)
def test_reference_time_of_a_source(wanted, met):
    target = Target.from_source({**SOURCE, "DetectionMET": 700000000.25}, t0=wanted)
    assert (target.t0_met, target.resolve_t0) == (met, False)


def test_rounded_reference_time_is_completed_or_told():
    rounded = {**SOURCE, "FirstDetMET": 608714000}
    assert Target.from_source(rounded, t0="first_detection").t0_met == SOURCE["FirstObsMET"]
    ranges = {**rounded, "FirstObsMET": None, "lcRanges": {"MET_lo": 608713999.25}}
    assert Target.from_source(ranges, t0="first_detection").t0_met == 608713999.25
    with pytest.warns(RequestWarning, match="rounded FirstDetMET, which may be off by 500 s"):
        target = Target.from_source({**rounded, "FirstObsMET": None}, t0="first_detection")
    assert target.t0_met == 608714000


def test_rows_have_no_lists_of_observations():
    assert "a row has none" in problems(lambda: Target.from_source(SOURCE, use="blind"))["use"]


def test_reference_time_in_other_forms():
    times = {"FirstObsMET": Time("2020-04-16T07:05:17"), "FirstDetMET": 608713.5 * u.ks, "DetectionMET": "6.1e8"}
    row = {**SOURCE, **times}
    assert abs(Target.from_source(row, t0="first_observation").t0 - times["FirstObsMET"]) < 1 * u.us
    assert Target.from_source(row, t0="first_detection").t0_met == 608713500
    assert Target.from_source(row, t0="DISCOVERY").t0_met == 6.1e8
    table = Table([SOURCE])
    table["FirstObsMET"] = Column([608713.5], unit=u.ks)
    assert Target.from_source(table[0], t0="first_observation").t0_met == 608713500


@pytest.mark.parametrize(
    ("row", "wanted", "text"),
    [
        (SOURCE, "first_detektion", "did you mean 'first_detection'"),
        (SOURCE, 608713541.952, "must be one of 'first_observation'"),
        (SOURCE, "discovery", "no DetectionMET; it has first_observation, first_blind_detection, first_detection"),
        ({"name": "X"}, "first_detection", "no FirstDetMET; it has no such time"),
    ],
)
def test_reference_time_refused(row, wanted, text):
    assert text in problems(lambda: Target.from_source(row, t0=wanted))["t0"]


def test_reference_time_that_is_no_number():
    found = problems(lambda: Target.from_source({**SOURCE, "FirstDetMET": "early"}, t0="first_detection"))
    assert "a mission elapsed time is needed; got 'early'" in found["firstdetmet"]


# ---------------------------------------------------------------- lists of observations

OBSIDS = ("00032459001", "00032459002")


@pytest.mark.parametrize(
    "table",
    [
        Table({"obsid": list(OBSIDS), "name": ["a", "b"]}),
        QTable({"OBS_ID": [32459001, 32459002]}),
        Table({"obsid": [32459001.0, 32459002.0]}),
        Table({"obsid": [b"00032459001", b"00032459002"]}),
        Table({"ObsID": [*OBSIDS, OBSIDS[0]]}),
        {"obsid": list(OBSIDS)},
        [{"obsid": OBSIDS[0]}, {"obs_id": OBSIDS[1]}],
        list(Table({"obsid": list(OBSIDS)})),
        np.array([("00032459001",), ("00032459002",)], dtype=[("obsid", "U11")]),
    ],
    ids=["table", "numbers", "floats", "bytes", "repeated", "mapping", "mappings", "rows", "array"],
)
def test_observations_of_a_table(table):
    assert Observations.from_table(table) == Observations(*OBSIDS)


def test_observations_of_one_row_and_of_a_part():
    table = Table({"obsid": list(OBSIDS)})
    assert Observations.from_table(table[0]) == Observations(OBSIDS[0])
    assert Observations.from_table(table[1:]) == Observations(OBSIDS[1])


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (Table({"id": ["1"]}), "a column obsid is needed; there are id"),
        (Table({"obsid": MaskedColumn(list(OBSIDS), mask=[False, True])}), "row 1 has no ObsID"),
        ([{"obsid": OBSIDS[0]}, {"name": "X"}], "row 1 has no ObsID"),
        (Table({"obsid": ["", OBSIDS[0]]}), "row 0 has no ObsID"),
        (Table({"obsid": np.array([], dtype=str)}), "is needed"),
        ([], "is needed"),
        ("00032459001", "a table with a column obsid is needed"),
        (3, "a table with a column obsid is needed"),
    ],
    ids=["column", "masked", "lacking", "blank", "empty", "nothing", "text", "number"],
)
def test_tables_without_observations(table, text):
    assert text in problems(lambda: Observations.from_table(table))["obsids"]
