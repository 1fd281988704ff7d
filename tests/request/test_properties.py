"""Laws that hold for every request, over requests made from the field table itself."""

from __future__ import annotations

import contextlib
import json
import pickle

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from swiftxrt._fields import Band, Choice, Flag, Identifier, Integer, Many, Measure, Nested, Number, Record, Text, Words
from swiftxrt.exceptions import RequestError
from swiftxrt.request._values import Instant, Intervals, SkyPoint
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.extraction import LOCAL_ONLY
from swiftxrt.request.lightcurve import LightCurveRequest
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.spectrum import TimeSlices
from swiftxrt.request.target import Target

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

# Hundredths of a keV.
ENERGY = st.integers(30, 999)


def number_for(kind) -> st.SearchStrategy[float]:
    low = 0.0 if kind.minimum is None else kind.minimum
    high = 1e6 if kind.maximum is None else kind.maximum
    return st.floats(low + 0.001 if kind.above else low, high, allow_nan=False).map(
        lambda value: max(low, round(value, 6))
    )


def measure_for(kind: Measure) -> st.SearchStrategy[u.Quantity]:
    numbers = st.integers(1, 500).map(float) if kind.whole else number_for(kind)
    return numbers.map(lambda value: value * kind.unit)


def spans() -> st.SearchStrategy[list]:
    """Intervals of mission elapsed time, which are allowed as seconds since T0 too."""
    pair = st.tuples(st.floats(2e8, 3e8), st.floats(1e-3, 1e5))
    return st.lists(pair.map(lambda p: (p[0] * u.s, (p[0] + p[1]) * u.s)), min_size=1, max_size=3)


def band() -> st.SearchStrategy[str]:
    return st.tuples(ENERGY, ENERGY).map(lambda pair: f"{min(pair) / 100}-{(max(pair) + 1) / 100} keV")


def words(kind: Words) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(kind.words), min_size=1, max_size=3)


def strategy_for(kind) -> st.SearchStrategy:
    """Values that a kind of field accepts."""
    labels = st.text("abcXYZ019", min_size=1, max_size=8)
    makers = {
        Flag: lambda: st.booleans(),
        Integer: lambda: st.integers(kind.minimum or 0, 1000),
        Number: lambda: number_for(kind),
        Measure: lambda: measure_for(kind),
        Words: lambda: words(kind),
        Choice: lambda: st.sampled_from(kind.words),
        Identifier: lambda: st.integers(1, 10**8 - 1).map(lambda n: f"{n:0{8 if 'target' in kind.name else 11}d}"),
        Band: band,
        SkyPoint: lambda: st.builds(
            lambda ra, dec: SkyCoord(ra, dec, unit="deg"), st.floats(0, 359.999), st.floats(-90, 90)
        ),
        Instant: lambda: st.floats(1.3e8, 8e8).map(lambda met: met * u.s),
        Intervals: spans,
        Text: lambda: labels,
        Nested: lambda: st.one_of([records(cls) for cls in kind.classes]),
        Many: lambda: st.lists(strategy_for(kind.kind), min_size=1, max_size=kind.most or 3),
    }
    return next(make() for cls, make in makers.items() if isinstance(kind, cls))


def optional(draw: st.DrawFn, values: dict, name: str, strategy: st.SearchStrategy) -> None:
    if draw(st.booleans()):
        values[name] = draw(strategy)


def inside(total: tuple[int, int]) -> st.SearchStrategy[tuple[int, int]]:
    """Energies of a band within another, in units of 0.01 keV."""
    return st.tuples(st.integers(total[0], total[1] - 1), st.integers(total[0] + 1, total[1])).map(
        lambda pair: (min(pair), max(max(pair), min(pair) + 1))
    )


@st.composite
def bands(draw: st.DrawFn) -> dict[str, str]:
    """Total, soft and hard band of a light curve, each given or not where it may be left out."""
    whole = (30, 1000)
    total = draw(st.just(whole) | inside(whole))
    chosen = {"band": total} if total != whole or draw(st.booleans()) else {}
    for name, left_out in (("soft", total[0] < 150), ("hard", total[1] > 150)):
        if not left_out or draw(st.booleans()):
            chosen[name] = draw(inside(total))
    return {name: f"{low / 100}-{high / 100} keV" for name, (low, high) in chosen.items()}


# Fields that depend on others of the same object; `complete` takes care of them. Regions have no key of the service.
DEPENDENT = {"band", "soft", "hard", "astrometric_all_data", "resolve_t0", "times_since_t0", *LOCAL_ONLY}


@st.composite
def complete(draw: st.DrawFn, cls: type[Record], values: dict) -> Record:
    if cls is LightCurveRequest:
        values |= draw(bands())
    if cls is Target and "t0" not in values:
        optional(draw, values, "resolve_t0", st.booleans())
    if cls is PositionRequest:
        switch = st.booleans() if "astrometric" in values["kinds"] else st.just(False)
        optional(draw, values, "astrometric_all_data", switch)
    return cls(**values)


def records(cls: type[Record]) -> st.SearchStrategy:
    """Objects of a request class with some of its fields set."""
    fields = {f.name: f for f in cls.__record_fields__ if f.name not in DEPENDENT}
    needed = {name: strategy_for(f.metadata["kind"]) for name, f in fields.items() if f.metadata["required"]}
    free = {name: strategy_for(f.metadata["kind"]) for name, f in fields.items() if not f.metadata["required"]}
    if cls is TimeSlices:
        needed = {"slices": needed["slices"].filter(lambda items: len({i.label for i in items}) == len(items))}
    return st.fixed_dictionaries(needed, optional=free).flatmap(lambda values: complete(cls, dict(values)))


@st.composite
def requests(draw: st.DrawFn) -> XRTRequest:
    fields = {f.name: strategy_for(f.metadata["kind"]) for f in XRTRequest.__record_fields__}
    slots = ["light_curve", "spectrum", "position", "image", "sources"]
    wanted = draw(st.lists(st.sampled_from(slots), min_size=1, max_size=3, unique=True))
    values = {name: draw(fields[name]) for name in ["target", *wanted]}
    for name in ("extraction", "notify"):
        optional(draw, values, name, fields[name])
    has_t0 = values["target"].t0 is not None or values["target"].resolve_t0
    optional(draw, values, "times_since_t0", st.booleans() if has_t0 else st.just(False))
    return XRTRequest(**values)


def classes_of(cls: type[Record]) -> set[type[Record]]:
    """A request class and those of all its parts."""
    kinds = [f.metadata["kind"] for f in cls.__record_fields__]
    nested = [getattr(kind, "kind", kind) for kind in kinds]
    return {cls}.union(*(classes_of(c) for kind in nested if isinstance(kind, Nested) for c in kind.classes))


def contents(value: object) -> set[type]:
    return {type(item) for item in (value if isinstance(value, tuple) else (value,))}


@pytest.mark.parametrize("cls", sorted(classes_of(XRTRequest), key=lambda c: c.__name__), ids=lambda c: c.__name__)
def test_every_field_is_generated(cls):
    """With another value than its default, and with each sort of object; else the laws would say nothing about it."""
    fields = {f.name: f for f in cls.__record_fields__}
    nested = {name: getattr(f.metadata["kind"], "kind", f.metadata["kind"]) for name, f in fields.items()}
    wanted = {(name, c) for name, kind in nested.items() if isinstance(kind, Nested) for c in kind.classes}
    found: set[tuple[str, type]] = set()
    changed: set[str] = set()

    @settings(QUICK, max_examples=150, derandomize=True, database=None, phases=[Phase.generate])
    @given(requests() if cls is XRTRequest else records(cls))
    def collect(made):
        values = {name: getattr(made, name) for name in fields}
        changed.update(name for name, value in values.items() if value is not None and value != fields[name].default)
        found.update((name, item) for name, value in values.items() for item in contents(value))

    collect()
    assert set(fields) - set(LOCAL_ONLY) == changed
    assert wanted <= found


@QUICK
@given(requests())
def test_every_form_brings_the_request_back(request):
    assert XRTRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert XRTRequest.from_yaml(request.to_yaml()) == request
    assert XRTRequest.from_json(request.to_json()) == request
    assert pickle.loads(pickle.dumps(request)) == request
    sent = json.loads(json.dumps(request.to_wire(user="somebody@example.org")))
    again = XRTRequest.from_wire(sent)
    assert again == request
    assert again.to_wire(user="somebody@example.org") == sent
    assert again.digest == request.digest


@QUICK
@given(requests())
def test_the_service_may_send_numbers_as_texts(request):
    sent = request.to_wire(user="somebody@example.org")
    as_texts = {key: value if isinstance(value, list) else str(value) for key, value in sent.items()}
    assert XRTRequest.from_wire(as_texts) == request


@QUICK
@given(requests())
def test_filling_in_defaults_is_done_once(request):
    filled = request.with_defaults()
    assert filled.with_defaults() == filled
    assert filled.kinds == request.kinds
    assert XRTRequest.from_wire(filled.to_wire(user="a@b")) == filled


@QUICK
@given(requests(), st.data())
def test_any_wrong_type_is_a_request_error(request, data):
    """A value of a sort that no field takes never gets through, nor does it end in another error."""
    plain = request.to_dict()
    name = data.draw(st.sampled_from(sorted(set(plain) - {"notify"})))
    plain[name] = data.draw(st.sampled_from([3.5, "x", [1], {"nothing": 1}, {1: 2}]))
    with pytest.raises(RequestError) as caught:
        XRTRequest.from_dict(plain)
    assert any(field.split(".")[0] == name for field, _ in caught.value.problems)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@QUICK
@given(requests(), st.data())
def test_any_json_from_outside_is_read_or_refused(request, data):
    sent = request.to_wire(user="a@b")
    for key in data.draw(st.lists(st.sampled_from(sorted(sent)), max_size=4)):
        sent[key] = data.draw(JSON)
    with contextlib.suppress(RequestError):
        assert XRTRequest.from_wire(sent).kinds
