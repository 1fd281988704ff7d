"""Sources, transients and datasets as mappings, tables and files."""

from __future__ import annotations

import copy
import json
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.time import Time
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import FormatError, NoDataError, OutputExistsError, ProtocolError, RequestError
from swiftxrt.met import met_to_time
from swiftxrt.products.catalog_dataset import CatalogDataset
from swiftxrt.products.catalog_flags import DetectionFlag, decode_detection_flag, decode_field_flag
from swiftxrt.products.catalog_objects import CatalogSource, CatalogTransient
from tests.catalog.details import DATASET, SOURCE, TRANSIENT

ENTRIES = [
    CatalogSource(SOURCE, asked=11375),
    CatalogTransient(TRANSIENT),
    CatalogDataset(DATASET, asked="00282445000"),
]


def test_values_have_units():
    source = ENTRIES[0]
    assert source["Rate_band0"] == 0.02 * u.ct / u.s
    assert source["HR1"] is None
    assert source["FirstObsMET"] == met_to_time(175893506.972863)
    assert source["NumObs"] == 96
    assert type(source["NumObs"]) is int
    assert source["HasSpec"] is True
    assert source.get("no such field") is None
    assert list(source) == list(SOURCE)
    assert dict(source.items())["IAUName"] == "LSXPS J062131.8-622213"


def test_missing_fields_are_named():
    with pytest.raises(KeyError, match="no field 'Rate_Band0'; did you mean 'Rate_band0'"):
        ENTRIES[0]["Rate_Band0"]
    with pytest.raises(KeyError, match="did you mean"):
        ENTRIES[0].describe("Rate_Band0")
    with pytest.raises(KeyError):
        ENTRIES[0][3]


def test_descriptions():
    source = CatalogSource({**SOURCE, "Newfangled": 3})
    assert source.describe("Err90").startswith("Err90 (arcsec): Radius of the 90% error circle")
    assert source.describe("UL_band0").startswith("UL_band0 (ct / s): ")  # known, though not sent
    assert source.describe("Newfangled") == "Newfangled: not described"
    assert source["Newfangled"] == 3
    assert source.fields["Rate_band0"].unit == "ct / s"
    assert source.fields["Newfangled"].unit == ""


def test_source():
    source = ENTRIES[0]
    assert (source.name, source.source_id, source.replaces) == ("LSXPS J062131.8-622213", 209851, 11375)
    assert (source.position.ra.deg, source.position.dec.deg) == (95.38255019, -62.3702951)
    assert source.error_radius == 3.5 * u.arcsec
    assert source.region.radius == source.error_radius
    assert source.region.meta["text"] == source.name
    assert str(source.detection_flag) == "reasonable, inside a known extended source"
    assert repr(source) == (
        "<CatalogSource LSXPS J062131.8-622213 (209851): 06h21m31.8s -62d22m13.1s, radius 3.5 arcsec (90%), "
        "0.02 ct / s, reasonable, inside a known extended source>"
    )
    bare = CatalogSource({"IAUName": "\x1b[31mX", "LSXPS_ID": 1, "RA": 1, "Decl": 2})
    assert repr(bare) == "<CatalogSource X (1): 00h04m00.0s +02d00m00.0s>"
    assert bare.detection_flag is None is bare.error_radius
    with pytest.raises(NoDataError, match="no error circle of X"):
        bare.region  # noqa: B018


def test_times_are_the_best_that_there_are():
    source = ENTRIES[0]
    assert source.first_observation == source.first_detection == met_to_time(175893506.972863)
    assert source.first_blind_detection is None
    assert source.last_observation == met_to_time(188956137.813723)
    times = CatalogSource({**SOURCE, "lcRanges": None, "FirstObsMET": None}).times
    assert times["event"].tolist() == ["observation", "detection", "blind_detection"]
    assert times["first"].mask.tolist() == [True, False, True]
    assert times["first_error"].value.tolist() == [0, 500, 0]
    assert times["last_error"].value.tolist() == [0, 0, 0]
    assert times["first"][1] == met_to_time(175894000.0)


def test_tables_inside_a_source():
    source = ENTRIES[0]
    assert source.detections["ObsID"].tolist() == ["00221755002", "00221755000"]
    assert source.detections["Exposure"].unit == u.s
    assert source.stack_detections["ObsID"].tolist() == ["10000025185"]
    assert source.non_detections["DatasetID"].tolist() == [3, 4, 5]
    assert len(source.stack_non_detections) == 0
    assert source.cross_matches["Distance"][0] == 1.5 * u.arcsec
    assert isinstance(source["CrossMatch"], QTable)
    assert source["Detections"]["NumStacks"] == 1
    assert len(source["Detections"]["Observations"]) == 2
    total = source.band_details("Total")
    assert total["ObsID"].tolist() == ["00221755002", "00221755000", "00221755003", "00031635001", "00221755002"]
    assert total["DetectionID"].mask.tolist() == [False, True, True, True, True]
    assert source.band_details("soft")["isDet"].tolist() == [1, 0]
    with pytest.raises(RequestError, match="must be one of total, soft, medium, hard; got 'sof'; did you mean 'soft'"):
        source.band_details("sof")
    with pytest.raises(ProtocolError, match="'Detections' was promised to hold tables"):
        CatalogSource({**SOURCE, "Detections": 5}).detections  # noqa: B018


def test_transient():
    transient = ENTRIES[1]
    assert (transient.transient_id, transient.source_id) == (576, 366116)
    assert transient.classification == "Confirmed transient"
    assert transient["BestUpperLimitBand"] == "0.3 — 10 keV"
    assert "two  blanks" in transient.notes
    assert CatalogTransient({**TRANSIENT, "Notes": None}).notes == ""
    assert abs(transient.discovery - Time("2022-05-30T08:13:33")) < 1 * u.s
    assert transient.observations()["target_id"].tolist() == ["00015190", "00015190", "00044002"]
    assert transient.observations("discovery")["obsid"].tolist() == ["03103545001"]
    assert "(576, LSXPS 366116)" in repr(transient)
    assert "(576)" in repr(CatalogTransient({**TRANSIENT, "LSXPS_ID": None}))


def test_dataset():
    dataset = ENTRIES[2]
    assert (dataset.obsid, dataset.dataset_id, dataset.target_id) == ("00282445000", 9725, "00282445")
    assert (dataset.is_stack, dataset.is_obsolete, dataset.stacks) == (False, False, ("10000014634",))
    assert dataset.exposure == 34467.9 * u.s
    assert dataset.stop is None
    assert dataset.sources["position"].ra.deg.tolist() == [32.1, 32.2]
    assert isinstance(dataset["Sources"], QTable)
    assert dataset.detections()["Rate"].value.tolist() == [0.04]
    assert len(dataset.detections("hard")) == 0
    assert CatalogDataset({"DatasetID": 1, "ObsID": 10000014634}).exposure is None
    assert repr(dataset) == "<CatalogDataset 00282445000 (9725): observation, 34.5 ks, GRB070616, 2 sources>"


def test_table_of_one_row():
    table = ENTRIES[0].table
    assert len(table) == 1
    assert table["position"][0].ra.deg == SOURCE["RA"]
    assert table["Rate_band0"].info.description.startswith("Mean count rate")
    assert table["HR1"].mask[0]
    assert table.meta == {"catalog": "LSXPS", "kind": "source"}
    assert "Detections" not in table.colnames


@pytest.mark.parametrize("entry", ENTRIES, ids=repr)
def test_frozen_comparable_picklable(entry):
    again = pickle.loads(pickle.dumps(entry))
    assert again == entry == copy.deepcopy(entry) == type(entry).from_dict(entry.to_dict())
    assert hash(again) == hash(entry)
    assert again.asked == entry.asked
    changed = type(entry)({**entry.record, "IAUName": "X"})
    assert changed != entry
    assert entry != entry.record
    assert entry != object.__new__(type("Other", (), {}))
    with pytest.raises(AttributeError, match="cannot be set"):
        entry.catalog = "2SXPS"
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del entry.catalog
    for name in entry:
        if isinstance(entry[name], dict | list):
            entry[name].clear()
    entry.record.clear()
    entry.record.setdefault("x", 1)
    for value in entry.record.values():
        if isinstance(value, dict | list):
            value.clear()
    assert entry == again
    with pytest.raises(ProtocolError, match=f"this is not a {entry.kind}"):
        type(entry).from_dict({"kind": "x"})


def test_what_is_no_number_is_missing():
    source = CatalogSource(
        {**SOURCE, "Rate_band0": float("nan"), "UL_band0": "NaN", "UL_band1": np.float32(2), "x": np.inf}
    )
    assert source["Rate_band0"] is None is source["UL_band0"]
    assert source["UL_band1"] == 2 * u.ct / u.s
    assert source == CatalogSource(source.record)
    with pytest.raises(ProtocolError, match="numbers, texts, lists and objects only"):
        CatalogSource({**SOURCE, "x": {1, 2}})


def test_a_reply_is_the_same_as_its_copy():
    reply = {**SOURCE, "Rate_band0": float("nan"), "CrossMatch": [{"Ext_Err90": float("nan")}]}
    entry = CatalogSource.of_reply(reply, catalog="LSXPS", asked=1)
    assert entry == CatalogSource(reply) == pickle.loads(pickle.dumps(entry))
    assert entry.record["CrossMatch"] == [{"Ext_Err90": None}]
    assert entry["Rate_band0"] is None
    with pytest.raises(ProtocolError, match="lack RA"):
        CatalogSource.of_reply({**SOURCE, "RA": float("nan")}, catalog="LSXPS", asked=1)


@pytest.mark.parametrize("lacking", ["IAUName", "LSXPS_ID", "RA", "Decl"])
def test_without_identity_there_is_no_source(lacking):
    with pytest.raises(ProtocolError, match=f"lack {lacking}"):
        CatalogSource({**SOURCE, lacking: None})


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("entry", ENTRIES, ids=repr)
@pytest.mark.parametrize("form", ["json", "ecsv"])
def test_files(tmp_path, entry, form):
    path = tmp_path / f"entry.{form}"
    assert entry.write(path) == path
    again = type(entry).read(path)
    assert again == entry
    assert json.dumps(again.to_dict()) == json.dumps(entry.to_dict())
    with pytest.raises(OutputExistsError):
        entry.write(path)
    entry.write(path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


TEXTS = st.text() | st.just("\ud800")
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
NESTED = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)


@settings(max_examples=60, deadline=None)
@given(value=NESTED)
@example(value="")
@example(value=" in front and behind ")
@example(value='two\nlines, "quoted"')
@example(value=2**63)
@example(value=2**64)
@example(value=-(2**70))
@example(value={"a": [None, "x", 1.5]})
def test_files_keep_every_value(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("entry")
    source = CatalogSource({**SOURCE, "Extra": value, "Rate_band0": value if isinstance(value, float) else 1.5})
    for form in ("json", "ecsv"):
        again = CatalogSource.read(source.write(folder / f"entry.{form}"))
        assert json.dumps(again.record) == json.dumps(source.record)


def test_table_file_tells_units(tmp_path):
    source = CatalogSource({**SOURCE, "NearestNeighbour": 1e80})
    table = Table.read(source.write(tmp_path / "entry.ecsv"))
    assert table["NearestNeighbour"].unit == u.arcsec
    assert table["Rate_band0"].unit == u.ct / u.s
    assert table["FirstObsMET"].unit == u.s
    assert table["Err90"].description.startswith("Radius of the 90%")
    assert table["HR1"].mask[0]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.json", "{", "that could be read"),
        ("x.json", "[]", "holds no source"),
        ("x.json", '{"kind": "transient", "record": {}}', "this is not a source of a catalogue, but transient"),
        ("x.json", '{"kind": "source", "record": {"RA": 1}}', "lack IAUName"),
        ("x.ecsv", "a b\n1 2\n", "that could be read"),
        (
            "x.ecsv",
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n# schema: astropy-2.0\na\n1\n",
            "one entry",
        ),
    ],
    ids=str,
)
def test_files_that_hold_something_else(tmp_path, name, content, text):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(FormatError, match=text):
        CatalogSource.read(path)


def test_files_that_are_not_there_or_have_other_names(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        CatalogSource.read(tmp_path / "none.json")
    for call in (lambda: ENTRIES[0].write(tmp_path / "x.fits"), lambda: CatalogSource.read(tmp_path / "x.fits")):
        with pytest.raises(RequestError, match=r"must end with .json or .ecsv"):
            call()


# ---------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("flag", "meaning"),
    [
        (0, DetectionFlag(0, "good")),
        (1, DetectionFlag(1, "reasonable")),
        (2, DetectionFlag(2, "poor")),
        (3, DetectionFlag(3, "unknown")),
        (5, DetectionFlag(5, "reasonable", in_extended_source=True)),
        (10, DetectionFlag(10, "poor", badly_fitted_pileup=True)),
        (22, DetectionFlag(22, "poor", in_extended_source=True, flagged_by_hand=True)),
        (np.int64(16), DetectionFlag(16, "good", flagged_by_hand=True)),
        (-1, None),
        (None, None),
    ],
)
def test_detection_flags(flag, meaning):
    assert decode_detection_flag(flag) == meaning


def test_clean_detections():
    assert [decode_detection_flag(flag).is_clean for flag in (0, 1, 2, 3, 4, 5, 16)] == [True, True, *[False] * 5]
    assert (
        str(decode_detection_flag(30))
        == "poor, inside a known extended source, piled up and badly fitted, flagged by hand"
    )


@pytest.mark.parametrize("flag", [1.0, "1", True])
def test_flags_that_are_none(flag):
    with pytest.raises(RequestError, match="a whole number"):
        decode_detection_flag(flag)


def test_field_flags():
    assert decode_field_flag(0) == decode_field_flag(None) == ()
    assert decode_field_flag(15) == (
        "stray light, fitted",
        "diffuse emission",
        "stray light, badly fitted",
        "trouble with a bright source",
    )
