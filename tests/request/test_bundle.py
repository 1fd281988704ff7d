"""Whole requests: cross checks, YAML, files."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

import swiftxrt
from swiftxrt.exceptions import FormatError, OutputExistsError, RequestError
from swiftxrt.kinds import ProductKind
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.selection import AllData, Observations, TimeIntervals
from swiftxrt.request.sources import SourceDetectionRequest
from swiftxrt.request.spectrum import SpectrumRequest, TimeSlice, TimeSlices
from swiftxrt.request.target import Target

T0 = 608713541.952
TIMES = Time(["2020-04-16T08:00:00", "2020-04-16T09:00:00"])
IMAGE = XRTRequest(target=Target("X"), image=ImageRequest())


def sliced(intervals, **values) -> XRTRequest:
    """A request that holds the same intervals in two places."""
    return XRTRequest(
        **{"target": Target("X", t0=T0 * u.s)} | values,
        spectrum=SpectrumRequest(slices=TimeSlices(TimeSlice(label="early", intervals=intervals))),
        image=ImageRequest(data=TimeIntervals(*intervals)),
    )


def problems(call) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        call()
    return dict(caught.value.problems)


def test_kinds_have_one_order():
    request = XRTRequest(
        target=Target("X"),
        sources=SourceDetectionRequest(data=AllData()),
        position=PositionRequest("astrometric", "standard"),
        light_curve=LightCurveRequest(binning=ObsidBinning()),
    )
    assert request.kinds == (
        ProductKind.LIGHT_CURVE,
        ProductKind.STANDARD_POSITION,
        ProductKind.ASTROMETRIC_POSITION,
        ProductKind.SOURCES,
    )
    assert IMAGE.kinds == (ProductKind.IMAGE,)


def test_something_must_be_asked_for():
    assert "light_curve, spectrum, position, image, sources" in problems(lambda: XRTRequest(target=Target("X")))[""]


def test_what_is_no_target():
    assert "an object of Target is needed" in problems(lambda: IMAGE.replace(target="GRB 200416A"))["target"]
    assert "; write Target('GRB 200416A'), or" in problems(lambda: IMAGE.replace(target="GRB 200416A"))["target"]
    assert "Target.from_position" in problems(lambda: IMAGE.replace(target=SkyCoord(1, 2, unit="deg")))["target"]
    assert "is needed" in problems(lambda: XRTRequest(image=ImageRequest()))["target"]


def test_unknown_parameter():
    assert "did you mean 'light_curve'" in problems(lambda: IMAGE.replace(lightcurve=1))["lightcurve"]


def test_cross_checks_come_together():
    target = Target("X")
    found = problems(lambda: XRTRequest(target=target, times_since_t0=True))
    assert set(found) == {"", "times_since_t0"}
    found = problems(lambda: sliced([(0 * u.s, 1000 * u.s)], target=target))
    assert set(found) == {"spectrum.slices.early", "image.data"}
    assert "launch of Swift" in found["image.data"]
    assert "times_since_t0=True" in found["image.data"]


def test_seconds_since_t0():
    assert sliced([(-100 * u.s, 1000 * u.s)], times_since_t0=True).times_since_t0
    later = Target("X", resolve_t0=True)
    assert sliced([(0 * u.s, 1000 * u.s)], times_since_t0=True, target=later).target.resolve_t0


def test_mission_elapsed_time():
    request = sliced([(608713541 * u.s, 608714541 * u.s)])
    assert request.image.data.intervals[0][0] == 608713541 * u.s


def test_times_become_mission_elapsed_time():
    request = sliced([(TIMES[0], TIMES[1])])
    start, stop = request.spectrum.slices.slices[0].intervals[0]
    # UTCF -25.1 s on 2020-04-16, between those of files of 2018 and 2021.
    assert start.value == pytest.approx((TIMES[0] - Time("2001-01-01")).to_value(u.s) - 5 + 25.1, abs=1)
    assert (stop - start).to_value(u.s) == pytest.approx(3600, abs=1e-3)
    assert request.image.data.intervals[0] == (start, stop)
    assert sliced([(start, stop)]) == request


def test_times_become_seconds_since_t0():
    request = sliced([(TIMES[0], TIMES[1])], times_since_t0=True)
    start, stop = request.spectrum.slices.slices[0].intervals[0]
    assert start.value == pytest.approx((TIMES[0] - request.target.t0).to_value(u.s), abs=1e-3)
    assert (stop - start).to_value(u.s) == pytest.approx(3600, abs=1e-3)
    mixed = sliced([(TIMES[0], TIMES[1]), (0 * u.s, 10 * u.s)], times_since_t0=True)
    assert mixed.image.data.intervals[1] == (0 * u.s, 10 * u.s)


def test_times_need_a_known_t0():
    found = problems(lambda: sliced([(TIMES[0], TIMES[1])], times_since_t0=True, target=Target("X", resolve_t0=True)))
    assert set(found) == {"spectrum.slices.early", "image.data"}
    assert "target.t0" in found["image.data"]


FULL = XRTRequest(
    target=Target("GRB 200416A", target_ids=["00031653", "00966554"], t0=T0 * u.s),
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), upper_limits="no", grades="4"),
    spectrum=SpectrumRequest(
        slices=TimeSlices(TimeSlice(label="early", intervals=(0 * u.s, 1 * u.ks))), data=Observations("00031653001")
    ),
    position=PositionRequest("standard", "enhanced"),
    image=ImageRequest(bands=["0.3-10 keV", "1-4 keV"]),
    times_since_t0=True,
)


def test_yaml_brings_the_request_back():
    text = FULL.to_yaml()
    assert "'00031653'" in text  # Without quotes it would be an octal number.
    nines = IMAGE.replace(image=ImageRequest(data=Observations("00032459001"))).to_yaml()
    assert "'00032459001'" in nines  # A text to YAML 1.1, a number to YAML 1.2.
    assert "t0: 608713541.952 s" in text
    assert XRTRequest.from_yaml(text) == FULL
    assert XRTRequest.from_yaml(text).digest == FULL.digest


def test_yaml_by_hand():
    request = XRTRequest.from_yaml(
        """
        target:
          name: GRB 200416A
          position: {ra: 22h22m47.64s, dec: -7.5179 deg}
          t0: 2020-04-16T07:05:17Z
        light_curve:
          binning: {type: ObsidBinning}
          grades: 4
          upper_limits: no
          data:
            type: TimeIntervals
            intervals: [[2020-04-16 08:00:00, 2020-04-17], [610000000 s, 610001000 s]]
        extraction: {centroid: false}
        """
    )
    assert request.light_curve.grades == "4"
    assert request.light_curve.upper_limits == "no"
    assert abs(request.target.t0 - Time("2020-04-16T07:05:17")) < 1 * u.us
    (start, stop), (second, _) = request.light_curve.data.intervals
    assert (stop - start).to_value(u.s) == pytest.approx(57600, abs=0.01)
    assert second == 610000000 * u.s


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("target: [", "this is not YAML"),
        ("target: {name: X}\nimage: {}\nimage: {}", "'image' is given twice, in lines 2 and 3"),
        ("target: {name: X}\nimage:\n  data: {type: AllData,\n   type: AllData}", "'type' is .* in lines 3 and 4"),
        ("target: {name: X}\nimage: {data: {}}", "image.data: 'type' is missing, .* of AllData, .*TimeIntervals$"),
        (
            "target: {name: X}\nlight_curve: {binning: {pc_counts: 20}}",
            "light_curve.binning: 'type' is missing.*what is given fits 'type: CountsBinning'",
        ),
        ("just a text", "the parameters by name; got 'just a text'"),
        ("", "the parameters by name; got None"),
        ("target: {nam: X}\nimage: {}", "did you mean 'name'"),
        ("target: {name: X}\nimge: {}", "did you mean 'image'"),
        ("target: {name: X, target_ids: [00031653]}\nimage: {}", "in quotes"),
        ("target: {name: X}\nimage: 3", "a mapping of fields"),
        ("target: {name: X}\nspectrum: {slices: {type: Single}}", "did you mean 'SingleSlice'"),
        ("target: !!python/object:os.system {}", "this is not YAML"),
    ],
)
def test_bad_yaml(text, message):
    with pytest.raises(RequestError, match=message):
        XRTRequest.from_yaml(text)


def test_bad_yaml_is_reported_completely():
    text = "target: {nam: X}\nimage: {bands: [0.3-10], grade: 3}\nnotify: maybe"
    assert set(problems(lambda: XRTRequest.from_yaml(text))) == {
        "target.nam", "target.name", "image.bands", "image.grade", "notify",
    }  # fmt: skip


def test_files(tmp_path):
    path = tmp_path / "request.yaml"
    FULL.write(path)
    assert XRTRequest.read(path) == FULL
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        IMAGE.write(str(path))
    assert XRTRequest.read(str(path)) == FULL
    IMAGE.write(path, overwrite=True)
    assert XRTRequest.read(path) == IMAGE
    assert [item.name for item in tmp_path.iterdir()] == ["request.yaml"]


@pytest.mark.parametrize(("name", "first"), [("r.json", "{"), ("r.JSON", "{"), ("r.yaml", "target:"), ("r", "target:")])
def test_form_follows_the_name_of_the_file(tmp_path, name, first):
    path = tmp_path / name
    FULL.write(path)
    assert path.read_text(encoding="utf-8").splitlines()[0] == first
    assert XRTRequest.read(path) == FULL


def test_json_brings_the_request_back():
    text = FULL.to_json()
    assert json.loads(text) == FULL.to_dict()
    assert len(text.splitlines()) > 20  # For people to edit.
    assert XRTRequest.from_json(text) == FULL
    named = IMAGE.replace(target=Target("η Car"))
    assert "η Car" in named.to_json()
    assert XRTRequest.from_json(named.to_json()) == named


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not JSON"),
        ("target: {name: X}", "this is not JSON"),
        ('{"target": {"name": "X", "t0": NaN}, "image": {}}', "NaN is not a number of JSON"),
        ('{"target": {"name": "X", "name": "Y"}, "image": {}}', "'name' is given twice"),
        ("[" * 100000, "this is not JSON"),
        ("[1]", r"the parameters by name; got \[1\]"),
        ('{"target": {"name": "X"}, "imge": {}}', "did you mean 'image'"),
        ('{"target": {"name": "X", "targetid": 3}, "image": {}}', "target.targetid: .*did you mean 'target_ids'"),
        # The words of the service are not those of a file: they say what they are called here.
        ('{"target": {"name": "X"}, "image": {"useimobs": "all"}}', "what the service calls 'useimobs' is 'data' here"),
        (b"{}", "a JSON text is needed"),
    ],
    ids=["open", "yaml", "nan", "twice", "deep", "list", "unknown", "inside", "service", "bytes"],
)
def test_bad_json(text, message):
    with pytest.raises(RequestError, match=message):
        XRTRequest.from_json(text)


def test_unknown_keys_in_files_are_errors(tmp_path):
    plain = {**IMAGE.to_dict(), "imgae": {}, "extraction": {"poserr": 1}}
    for name, text in (("r.json", json.dumps(plain)), ("r.yaml", json.dumps(plain))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = problems(lambda name=name: XRTRequest.read(tmp_path / name))
        assert set(found) == {"imgae", "extraction.poserr"}
        assert "'centroid_tolerance' here" in found["extraction.poserr"]


def test_problems_of_all_parts_come_at_once():
    plain = {
        "target": {"name": "", "position": {"ra": "400 deg", "dec": "0 deg"}, "target_ids": ["x"]},
        "light_curve": {"binning": {"type": "CountsBinning", "pc_counts": 0}, "band": "0.2-10 keV", "soft": "9-8 keV"},
        "spectrum": {
            "redshift": -1,
            "models": ["mekal"],
            "slices": {"type": "TimeSlices", "slices": [{"label": "a b"}]},
        },
        "position": {"kinds": ["standart"], "data": {"type": "FirstHours", "hours": "-1 h"}},
        "sources": {"bands": "soft"},
        "extraction": {"centroid_attempts": 0},
        "times_since_t0": 3,
    }
    assert set(problems(lambda: XRTRequest.from_dict(plain))) == {
        "target.name", "target.position", "target.target_ids",
        "light_curve.binning.pc_counts", "light_curve.binning.wt_counts", "light_curve.band", "light_curve.soft",
        "spectrum.redshift", "spectrum.models", "spectrum.slices.slices.label", "spectrum.slices.slices.intervals",
        "position.kinds", "position.data.hours", "sources.bands", "sources.data",
        "extraction.centroid_attempts", "times_since_t0",
    }  # fmt: skip


def test_nothing_asked_for_is_said_beside_the_rest():
    found = problems(lambda: XRTRequest.from_dict({"target": {"nam": "X"}, "extraction": {"centroid": 3}}))
    assert set(found) == {"", "target.nam", "target.name", "extraction.centroid"}
    # A product that cannot be read is asked for all the same.
    assert "" not in problems(lambda: XRTRequest.from_dict({"target": {"name": "X"}, "image": {"bands": "x"}}))
    assert "" not in problems(lambda: XRTRequest(target=Target("X"), image=3))


# ---------------------------------------------------------------- words of the service

SENT = {**IMAGE.to_wire(user="somebody@example.org"), "mystery": 3, "centMeth": "3", "later": [1, {"a": None}]}


def test_what_has_no_place_is_kept():
    request = XRTRequest.from_wire(SENT)
    assert request.unrecognized == {"mystery": 3, "centMeth": "3", "later": [1, {"a": None}]}
    assert IMAGE.unrecognized == {}
    with pytest.raises(TypeError):
        request.unrecognized["mystery"] = 4


def test_what_has_no_place_is_not_part_of_the_request():
    request = XRTRequest.from_wire(SENT)
    assert request == IMAGE
    assert (hash(request), request.digest, repr(request)) == (hash(IMAGE), IMAGE.digest, repr(IMAGE))
    assert request.to_wire(user="a@b") == IMAGE.to_wire(user="a@b")
    assert XRTRequest.from_yaml(request.to_yaml()).unrecognized == {}


@pytest.mark.parametrize(
    "copied",
    [
        lambda request: pickle.loads(pickle.dumps(request)),
        copy.copy,
        copy.deepcopy,
        lambda request: request.replace(notify=False),
        lambda request: request.with_defaults(),
    ],
    ids=["pickle", "copy", "deepcopy", "replace", "with_defaults"],
)
def test_copies_keep_what_has_no_place(copied):
    request = XRTRequest.from_wire(SENT)
    assert copied(request).unrecognized == request.unrecognized
    assert copied(IMAGE).unrecognized == {}


@pytest.mark.parametrize(
    ("part", "text", "method", "field"),
    [
        ({"lc": 1, "binMeth": "obsid"}, "uselcobs", "lcobs", "light_curve.data"),
        ({"spec": 1}, "usespecobs", "specobs", "spectrum.data"),
        ({"dopsf": 1}, "useposobs", "posobs", "position.data"),
        ({"image": 1}, "useimobs", "imobs", "image.data"),
        ({"sourceDet": 1}, "usedetobs", "detobs", "sources.data"),
    ],
)
def test_selection_needs_its_text(part, method, text, field):
    """The reference client sends such requests; what the service makes of them is not known."""
    sent = {"name": "X", "getTargs": 1, **part, method: "user"}
    assert set(problems(lambda: XRTRequest.from_wire(sent))) == {field}
    assert set(problems(lambda: XRTRequest.from_wire({**sent, text: ""}))) == {field}
    slot, name = field.split(".")
    request = XRTRequest.from_wire({**sent, text: "00032459001"})
    assert getattr(getattr(request, slot), name) == Observations("00032459001")


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "request.yaml"
    FULL.write(path)

    def fail(self, *args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("swiftxrt.request.bundle.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        IMAGE.write(path, overwrite=True)
    assert XRTRequest.read(path) == FULL
    assert [item.name for item in tmp_path.iterdir()] == ["request.yaml"]


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        XRTRequest.read(tmp_path / "missing.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(FormatError, match="cannot be read"):
        XRTRequest.read(binary)
    with pytest.raises(RequestError, match="no folder"):
        FULL.write(tmp_path / "nowhere" / "request.yaml")


def test_pickle():
    copy = pickle.loads(pickle.dumps(FULL))
    assert copy == FULL
    assert copy.target.t0_met == T0
    assert hash(copy) == hash(FULL)


def test_digest_is_the_same_in_another_process(tmp_path):
    FULL.write(tmp_path / "request.yaml")
    code = "import sys; from swiftxrt import XRTRequest; print(XRTRequest.read(sys.argv[1]).digest)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "request.yaml")],
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": str(Path(swiftxrt.__file__).parents[1])},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == FULL.digest
