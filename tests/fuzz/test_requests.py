"""Files with requests, written by hand or damaged: they are read, or there is a `RequestError`."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt import (
    AllData,
    CountsBinning,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    Observations,
    PositionRequest,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.exceptions import RequestError

REQUEST = XRTRequest(
    target=Target("GRB 200416A", target_ids="00966554", t0=608713541.952 * u.s),
    extraction=ExtractionSettings(),
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), data=Observations("00966554001")),
    spectrum=SpectrumRequest(),
    position=PositionRequest("standard", "enhanced"),
    image=ImageRequest(),
    sources=SourceDetectionRequest(data=AllData()),
)
READERS = {"json": XRTRequest.from_json, "yaml": XRTRequest.from_yaml}
TEXTS = {"json": REQUEST.to_json(), "yaml": REQUEST.to_yaml()}
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(
        [
            *(
                "1e3",
                "NaN",
                "inf",
                "-1",
                "2026-01-01",
                "2026-99-99T00:00:00",
                "10 keV",
                "5 m",
                "1 s to 2 s",
                "00012345001",
            ),
            *(
                "!!python/object:os.system",
                "*a",
                "&a",
                "\0",
                "\ud800",
                "total",
                "all",
                "CountsBinning",
                "1:30:00",
                "0o17",
            ),
        ]
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            found += _places(content[key], (*path, key))
    return found


def _with(content: Any, number: int, value: Any) -> Any:
    """The document with another value in one of its places."""
    places = _places(content)
    path = places[number % len(places)]
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return content


@pytest.mark.parametrize("kind", READERS)
def test_requests_as_written(kind: str) -> None:
    assert READERS[kind](TEXTS[kind]) == REQUEST


@pytest.mark.parametrize("kind", READERS)
def test_other_values(kind: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(st.lists(st.tuples(st.integers(0, 10**6), _VALUES), min_size=1, max_size=3))
    def check(changes: list[tuple[int, Any]]) -> None:
        content = json.loads(TEXTS["json"])
        for number, value in changes:
            content = _with(content, number, value)
        text = json.dumps(content) if kind == "json" else yaml.safe_dump(content)
        if sound(lambda: READERS[kind](text)):
            request = READERS[kind](text)
            assert XRTRequest.from_json(request.to_json()) == request
            assert XRTRequest.from_yaml(request.to_yaml()) == request

    check()


@pytest.mark.parametrize("kind", READERS)
def test_other_texts(kind: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(
        st.floats(0, 1), st.integers(0, 30), st.one_of(_SCALARS, st.text("{}[]:,-&*!|>%@`'\"\n\t #?a1", max_size=12))
    )
    def check(part: float, removed: int, added: Any) -> None:
        place = int(part * len(TEXTS[kind]))
        text = TEXTS[kind][:place] + str(added) + TEXTS[kind][place + removed :]
        sound(lambda: READERS[kind](text))

    check()


@pytest.mark.parametrize("kind", READERS)
def test_anything(kind: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(st.one_of(st.text(), _VALUES))
    def check(content: Any) -> None:
        sound(lambda: READERS[kind](content if isinstance(content, str) else json.dumps(content)))

    check()


#: Ten lists in ten lists in ten lists ...
_BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("json", "[" * 100_000),
        ("json", '{"target":' * 20_000),
        ("json", "9" * 5000),
        ("json", '{"target": {"name": "\\ud800"}}'),
        ("json", '{"target": {"name": "x"}, "target": 3}'),
        ("yaml", "[" * 500),
        ("yaml", "- " * 3000),
        ("yaml", _BOMB + "target: *a9\n"),
        ("yaml", "target: &a [*a]"),
        ("yaml", "target: !!python/object/apply:os.system ['false']"),
        ("yaml", "a: 1\n---\nb: 2\n"),
        ("yaml", "? [1, 2]\n: 3\n"),
        ("yaml", "? {a: 1}\n: 3\n"),
        ("yaml", "2026-13-45: 1"),
        ("yaml", "target: 0000-00-00"),
        ("yaml", "target: !!int x"),
        ("yaml", "target: !!float {}"),
        ("yaml", "target: !!binary ="),
        ("yaml", "target: !!timestamp x"),
        ("yaml", "1:2:3:4:5:" * 50),
        ("yaml", "x: " + "9" * 5000),
    ],
)
def test_what_must_not_be_read(kind: str, text: str) -> None:
    with pytest.raises(RequestError):
        READERS[kind](text)
