"""Laws that hold for every request, over requests made from the field table itself."""

from __future__ import annotations

import contextlib
import json
import pickle

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftxrt._fields import Band, Choice, Flag, Identifier, Integer, Many, Measure, Nested, Number, Record, Text, Words
from swiftxrt.exceptions import RequestError
from swiftxrt.request._values import Instant, Intervals, SkyPoint
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.spectrum import TimeSlices

# Total bands stay at their default, so these lie inside.
ENERGY = st.integers(30, 999)


def number_for(kind) -> st.SearchStrategy[float]:
    low = 0.0 if kind.minimum is None else kind.minimum
    high = 1e6 if kind.maximum is None else kind.maximum
    return st.floats(low + 0.001 if kind.above else low, high, allow_nan=False).map(lambda value: round(value, 6))


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


# Fields that other fields forbid together with theirs; they are tested one by one elsewhere.
EXCLUDED = {"band", "soft", "astrometric_all_data", "resolve_t0", "times_since_t0"}


def records(cls: type[Record]) -> st.SearchStrategy:
    """Objects of a request class with some of its fields set."""
    needed = {f.name: strategy_for(f.metadata["kind"]) for f in cls.__record_fields__ if f.metadata["required"]}
    free = {
        f.name: strategy_for(f.metadata["kind"])
        for f in cls.__record_fields__
        if not f.metadata["required"] and f.name not in EXCLUDED
    }
    if cls is TimeSlices:
        needed = {"slices": needed["slices"].filter(lambda items: len({i.label for i in items}) == len(items))}
    return st.fixed_dictionaries(needed, optional=free).map(lambda values: cls(**values))


@st.composite
def requests(draw) -> XRTRequest:
    fields = {f.name: f.metadata["kind"] for f in XRTRequest.__record_fields__ if f.name not in EXCLUDED}
    slots = ["light_curve", "spectrum", "position", "image", "sources"]
    wanted = draw(st.lists(st.sampled_from(slots), min_size=1, max_size=2, unique=True))
    names = ["target", "extraction", "notify", *wanted]
    values = {name: draw(strategy_for(fields[name])) for name in names}
    since_t0 = values["target"].t0 is not None and draw(st.booleans())
    return XRTRequest(**values, times_since_t0=since_t0 or None)


QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(requests())
def test_every_form_brings_the_request_back(request):
    assert XRTRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert XRTRequest.from_yaml(request.to_yaml()) == request
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
