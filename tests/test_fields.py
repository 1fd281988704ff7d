"""The field machinery, with a small request class of its own."""

from __future__ import annotations

import copy
import hashlib
import inspect
import pickle
from collections.abc import Collection, Iterator
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from docutils.core import publish_doctree

from swiftxrt._fields import (
    Band,
    Choice,
    Flag,
    Identifier,
    Integer,
    Many,
    Measure,
    Nested,
    Number,
    Record,
    Text,
    Words,
    nearest,
    par,
    parameter_table,
    record,
)
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import RequestError
from swiftxrt.identifiers import parse_target_id
from swiftxrt.request.lightcurve import ObsidBinning


@record(positional="*names")
class Inner(Record):
    """Inside."""

    names: tuple[str, ...] = par("Names.", Many(Text()))


@record
class Empty(Record):
    """Nothing."""


@record(positional="title")
class Sample(Record):
    """A record for tests.

    Examples
    --------
    >>> 1 + 1
    2
    """

    title: str = par("Title.", Text(), wire="ttl")
    length: u.Quantity = par("Length.", Measure(u.m, 0, above=True), default=2 * u.m, wire="len")
    count: int | None = par("Count.", Integer(1, 9), default=None, wire="cnt", service_default=3, note="Not so.")
    band: EnergyBand | None = par("Band.", Band(), default=None, wire=("lo", "hi"))
    part: Inner | Empty | None = par("Part.", Nested(Inner, Empty), default=None, service_default=Empty())
    only: Inner | None = par("Only.", Nested(Inner), default=None)

    @classmethod
    def _derive(cls, values: dict[str, Any]) -> None:
        values["title"] = values["title"].replace("  ", " ")

    def _check(self) -> Iterator[tuple[str, str]]:
        if self.count and self.length > self.count * u.m:
            yield "length", "too long"


FULL = Sample("a", length=30 * u.cm, count=2, band="0.3-10 keV", part=Inner("x", "y"), only=Inner(names="z"))


def test_values_are_converted():
    assert FULL.length == 0.3 * u.m
    assert FULL.length.unit == u.m
    assert FULL.band == EnergyBand(0.3 * u.keV, 10 * u.keV)
    assert FULL.only.names == ("z",)
    assert Sample("a  b").title == "a b"


def test_none_means_the_default():
    assert Sample("a", length=None).length == 2 * u.m
    assert Sample.from_dict({"title": "a", "length": None}) == Sample("a")


def test_numbers_keep_twelve_digits():
    length = Measure(u.s)
    assert length.convert(2.50731234567 * u.s).value == 2.50731234567
    assert length.to_plain(length.convert(2.50731234567 * u.s)) == "2.50731234567 s"
    assert length.convert(100 * u.ms).value == 0.1  # not 0.1 with the rounding noise of the conversion
    assert Number().convert(1 / 3) == 1 / 3


def test_plain_form():
    plain = {
        "title": "a",
        "length": "0.3 m",
        "count": 2,
        "band": "0.3-10 keV",
        "part": {"type": "Inner", "names": ["x", "y"]},
        "only": {"names": ["z"]},
    }
    assert FULL.to_dict() == plain
    assert Sample.from_dict(plain) == FULL
    assert Sample("a").to_dict() == {"title": "a", "length": "2 m"}


def test_equality_is_by_value_and_class():
    assert FULL.replace() == FULL
    assert FULL.replace(count=4) != FULL
    assert Inner("x") != Sample("x")
    assert Empty() == Empty()
    assert FULL != "a"
    assert len({FULL, FULL.replace(), Sample("a")}) == 2


def test_copies():
    assert pickle.loads(pickle.dumps(FULL)) == FULL
    assert copy.deepcopy(FULL) == FULL
    with pytest.raises(AttributeError):
        FULL.title = "b"


def test_defaults_of_the_service():
    filled = Sample("a", part=Inner("x"), only=Inner("y")).with_defaults()
    assert filled.count == 3
    assert filled.part == Inner("x")
    assert Sample("a").with_defaults().part == Empty()
    assert filled.band is None


def test_representation_is_short():
    assert repr(Sample("a")) == "Sample(title='a')"
    assert "\n" not in repr(FULL)


def test_digest_depends_on_the_content():
    assert FULL.digest == FULL.replace().digest
    assert FULL.digest != FULL.replace(count=4).digest
    assert Empty().digest != ObsidBinning().digest
    # Fixed for good: files and job books keep digests.
    text = '["Sample",{"count":1,"length":"0.5 m","title":"a"}]'
    assert Sample("a", count=1, length=0.5 * u.m).digest == hashlib.sha256(text.encode()).hexdigest()


def problems(call) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        call()
    return dict(caught.value.problems)


def test_all_problems_at_once():
    found = problems(lambda: Sample(length=3, count=2.5, bnd=1, part="x"))
    assert set(found) == {"title", "length", "count", "bnd", "part"}
    assert "did you mean 'band'" in found["bnd"]
    assert "is needed: Title." in found["title"]


def test_all_problems_of_the_plain_form_at_once():
    found = problems(lambda: Sample.from_dict({"length": 3, "bnd": 1, "only": {"nams": 1}, "part": {"type": "Iner"}}))
    assert set(found) == {"title", "length", "bnd", "only.nams", "only.names", "part"}
    assert "did you mean 'Inner'" in found["part"]


@record
class Pair(Record):
    """Two fields that go together."""

    first: Inner | None = par("First.", Nested(Inner), default=None)
    second: int | None = par("Second.", Integer(), default=None)
    third: int = par("Third.", Integer(), default=1)

    @classmethod
    def _check_given(cls, names: Collection[str]) -> Iterator[tuple[str, str]]:
        if "first" in names and "second" not in names:
            yield "second", "goes with first"


def test_rules_about_what_is_given():
    """They see what was given, right or wrong, and stand beside all other problems."""
    assert problems(lambda: Pair(first=Inner("x"))) == {"second": "goes with first"}
    assert problems(lambda: Pair(first=Inner("x"), second=None)) == {"second": "goes with first"}
    assert set(problems(lambda: Pair(first=3, third=0.5))) == {"first", "second", "third"}
    assert set(problems(lambda: Pair(first=Inner("x"), second=0.5))) == {"second"}
    assert Pair(first=Inner("x"), second=2).second == 2


def test_rules_about_what_is_given_in_plain_form():
    # A part that cannot be read is given all the same.
    found = problems(lambda: Pair.from_dict({"first": {"nams": 1}, "third": "x"}))
    assert set(found) == {"first.nams", "first.names", "second", "third"}
    assert "first" not in problems(lambda: Pair.from_dict({"first": None, "third": "x"}))
    assert set(problems(lambda: Pair.from_dict({"first": {"names": ["x"]}, "second": "x"}))) == {"second"}


def test_rules_between_fields():
    assert problems(lambda: Sample("a", count=1)) == {"length": "too long"}
    assert problems(lambda: FULL.replace(length=5 * u.m)) == {"length": "too long"}


@pytest.mark.parametrize(
    ("call", "field", "text"),
    [
        (lambda: Sample("a", "b"), "title", "more than once"),
        (lambda: Sample("a", title="b"), "title", "more than once"),
        (lambda: Empty(1), "", "Empty takes no parameters"),
        (lambda: record(type("Plain", (Record,), {"__annotations__": {"x": "int"}, "x": par("X.", Integer())}))(1), "",
         "parameters are given by name \\(x\\)"),
        (lambda: Sample("a", part=Inner), "part", "the class itself"),
        (lambda: Sample("a", part=3), "part", "an object of Inner or Empty is needed; got 3"),
        (lambda: Sample("a", only="Inner"), "only", "did you mean 'Inner'"),
        (lambda: Sample.from_dict({"title": "a", "only": 3}), "only", "a mapping of fields"),
        (lambda: Sample.from_dict({"title": "a", "part": {"names": []}}), "part",
         "'type' is missing, which must be one of Inner, Empty; what is given fits 'type: Inner'"),
        (lambda: Sample.from_dict({"title": "a", "part": {"type": ["Inner"]}}), "part", "'type' must be one of"),
    ],
)  # fmt: skip
def test_wrong_calls(call, field, text):
    with pytest.raises(RequestError, match=text) as caught:
        call()
    assert caught.value.problems[0][0] == field


@pytest.mark.parametrize(
    ("kind", "given_", "stored"),
    [
        (Flag(), np.True_, True),
        (Integer(0), np.int64(3), 3),
        (Number(0), 3, 3.0),
        (Number(), np.float32(0.5), 0.5),
        (Number(), 50 * u.percent, 0.5),
        (Measure(u.arcmin), 30 * u.arcsec, 0.5 * u.arcmin),
        (Measure(u.arcmin), "30 arcsec", 0.5 * u.arcmin),
        (Measure(u.s), np.float32(2) * u.s, 2 * u.s),
        (Measure(u.ct / u.s), 2 * u.ct / u.ks, 0.002 * u.ct / u.s),
        (Text(), " x ", "x"),
        (Choice("PowerLaw", "APEC"), "powerlaw ", "PowerLaw"),
        (Identifier(parse_target_id, "target ID"), 85374, "00085374"),
        (Many(Integer(), most=2), 3, (3,)),
        (Many(Integer()), (3, 4, 3), (3, 4)),
        (Many(Text()), (name for name in "ab"), ("a", "b")),
        (Words("a", "b", "c"), ["c", "A"], ("a", "c")),
    ],
)
def test_conversion(kind, given_, stored):
    value = kind.convert(given_)
    assert value == stored
    assert type(value) is type(stored)
    # Every stored value comes back from its plain form.
    assert kind.convert(kind.from_plain(kind.to_plain(value))) == stored


@pytest.mark.parametrize(
    ("kind", "given_", "text"),
    [
        (Flag(), 1, "True or False"),
        (Flag(), "yes", "True or False"),
        (Integer(), True, "whole number"),
        (Integer(), 2.0, "whole number"),
        (Integer(1), 0, ">= 1"),
        (Integer(None, 3), 4, "<= 3"),
        (Number(), "3", "number without unit"),
        (Number(), 3 * u.s, "number without unit"),
        (Number(), True, "number without unit"),
        (Number(), float("nan"), "finite"),
        (Number(0, above=True), 0, "> 0"),
        (Number(0, 1), 1.5, ">= 0 and <= 1"),
        (Measure(u.arcmin), 3, r"such as 20 \* u.arcmin; got 3"),
        (Measure(u.ct / u.s), 3, r"such as 20 \* u.Unit\('ct / s'\)"),
        (Measure(u.arcmin), "3", "compatible unit"),
        (Measure(u.arcmin), "3 foo", "with unit"),
        (Measure(u.arcmin), "wide", "with unit"),
        (Measure(u.arcmin), 3 * u.s, "compatible unit"),
        (Measure(u.arcmin), [3, 4] * u.arcmin, "one value"),
        (Measure(u.arcmin), np.inf * u.arcmin, "finite"),
        (Measure(u.arcmin), np.nan * u.arcmin, "finite"),
        (Measure(u.arcmin, 0, above=True), -3 * u.arcsec, "> 0 arcmin"),
        (Measure(u.s, 2, reason="a frame"), 1 * u.s, r">= 2 s \(a frame\); got 1.0 s"),
        (Measure(u.pix, whole=True), 2.5 * u.pix, "whole number of pix"),
        (Measure(u.pix, whole=True), np.inf * u.pix, "finite"),
        (Text(), " ", "a text is needed"),
        (Text(), 3, "a text is needed"),
        (Text(str.isalnum, "letters only"), "a b", "letters only"),
        (Choice("simple", "iterative"), "simpel", "did you mean 'simple'"),
        (Choice("simple", "iterative"), 1, "must be one of 'simple', 'iterative'; got 1"),
        (Band(EnergyBand.parse("0.3-10 keV")), "0.2-10 keV", "must lie within 0.3-10 keV"),
        (Band(), "0.3-10", "did you mean '0.3-10 keV'"),
        (Many(Integer()), [], "at least one"),
        (Many(Integer(), most=2), [1, 2, 3], "1 to 2"),
        (Words("a", "b"), "ab", "must be one of 'a', 'b'"),
    ],
)
def test_refusal(kind, given_, text):
    with pytest.raises(ValueError, match=text):
        kind.convert(given_)


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        (Flag(), True, 1),
        (Flag(inverted=True), True, 0),
        (Flag(inverted=True), False, 1),
        (Integer(), 3, 3),
        (Number(), 2.0, 2),
        (Number(always_float=True), 2.0, 2.0),
        (Measure(u.arcmin), 90 * u.arcsec, 1.5),
        (Measure(u.s), 1e8 * u.s, 100000000),
        (Choice("all", "0"), "0", "0"),
        (Band(), "0.3-10 keV", "0.3-10"),
        (Many(Text(), joined=True), ("a", "b"), "a,b"),
        (Many(Text()), ("a", "b"), ["a", "b"]),
    ],
)
def test_wire_form(kind, value, sent):
    stored = kind.convert(value)
    result = kind.to_wire(stored)
    assert result == sent
    assert type(result) is type(sent)
    assert kind.from_wire(result) == stored


@pytest.mark.parametrize(
    ("kind", "received", "stored"),
    [
        (Flag(), "yes", True),
        (Flag(inverted=True), "0", True),
        (Integer(), "10", 10),
        (Integer(), 10.0, 10),
        (Number(), "2.5e3", 2500.0),
        (Measure(u.arcmin), "1.5", 1.5 * u.arcmin),
        (Choice("simple", "iterative"), "SIMPLE", "simple"),
        (Choice("simple", "iterative"), "3", None),
        (Choice("simple", "iterative"), -1, None),
        (Choice("all", "0", "4"), 4, "4"),
        (Choice("all", "0", "4"), 5, None),
        (Text(), 3079, "3079"),
        (Many(Text(), joined=True), "{a, b}", ("a", "b")),
        (Many(Text()), "a,b", ("a", "b")),
        (Many(Text()), 31653, ("31653",)),
        (Many(Choice("PowerLaw", "APEC")), ["PowerLaw", 3], None),
    ],
)
def test_tolerant_reading(kind, received, stored):
    assert kind.from_wire(received) == stored


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        (Integer(), "x"),
        (Integer(), None),
        (Integer(), "inf"),
        (Number(), []),
        (Measure(u.s), "x"),
        (Many(Text(), joined=True), 2.5),
        (Many(Text()), True),
        (Many(Text()), {"a": 1}),
    ],
)
def test_unreadable(kind, received):
    with pytest.raises(ValueError, match="needed; got"):
        kind.from_wire(received)


def test_words_that_yaml_takes_for_something_else():
    limits = Choice("no", "both")
    assert limits.from_plain(False) == "no"
    assert Choice("all", "4").from_plain(4) == "4"
    with pytest.raises(ValueError, match="'no', 'both'; got 'yes'"):
        limits.from_plain(True)
    # 00031653 without quotes is the octal number 13227.
    with pytest.raises(ValueError, match="in quotes"):
        Identifier(parse_target_id, "target ID").from_plain(13227)


def test_nearest_word():
    assert nearest("centroid_methd", ["centroid", "centroid_method"]) == "; did you mean 'centroid_method'?"
    assert nearest("POWERLAW", ["PowerLaw"]) == "; did you mean 'PowerLaw'?"
    # The beginning of a word is nearer than a shorter word.
    assert nearest("Rate", ["RA", "Rate_band0", "Rate_band1"]) == "; did you mean 'Rate_band0'?"
    assert nearest("Ra", ["Declination", "Rate_band0"]) == ""
    assert nearest("zzz", ["centroid"]) == ""
    assert nearest("x", []) == ""


def test_nearest_words_in_their_order():
    bands = ["Rate_band0", "Rate_band1", "Rate_band2", "Rate_band3", "Rate_band0_pos"]
    assert nearest("Rate_band", bands) == "; did you mean 'Rate_band0'?"
    assert nearest("Rate_band", bands, most=3) == "; did you mean 'Rate_band0', 'Rate_band1' or 'Rate_band2'?"
    assert nearest("HR", ["HR1", "HR2"], most=3) == "; did you mean 'HR1' or 'HR2'?"
    assert nearest("rate_band1", bands, most=3) == "; did you mean 'Rate_band1'?"


def test_signature_lists_the_fields():
    assert str(inspect.signature(Sample)).startswith("(title: 'str', *, length: 'u.Quantity' = <Quantity 2. m>, count")
    assert str(inspect.signature(Inner)) == "(*names)"
    assert inspect.signature(Sample).parameters["title"].default is inspect.Parameter.empty


def test_docstring_describes_the_fields():
    doc = inspect.getdoc(Sample)
    assert doc.index("Parameters") < doc.index("Examples")
    assert "title : str\n    Title.\n" in doc
    assert "count : int >= 1 and <= 9, optional\n    Count.\n    Default: left to the service (``3``)." in doc
    assert inspect.getdoc(Empty) == "Nothing."


def test_parameter_table():
    table = parameter_table(Sample)
    assert "``title``" in table
    for text in ("needed", "``ttl``", "``lo``, ``hi``", "left to the service (``3``)", "``2 m``", "not set", "–"):
        assert f"- {text}\n" in table
    assert "- Count. *Note:* Not so.\n" in table
    assert table.count("*Note:*") == 1
    tree = publish_doctree(table.replace("`~", "`"), settings_overrides={"report_level": 5})
    rows = list(tree.findall(lambda node: node.tagname == "row"))
    assert len(rows) == 1 + len(Sample.__record_fields__)
    assert all(len(row.children) == 5 for row in rows)
