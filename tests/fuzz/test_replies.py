"""Replies with anything in any place: they are read, or there is an error of ours."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import SwiftXRTError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.provenance import Provenance
from swiftxrt.request.lightcurve import LightCurveRequest
from swiftxrt.wire import envelope, history, jobpars, lightcurve, position, rebin, sources, spectrum, status
from swiftxrt.wire.request import from_wire

REFUSALS = ("02", "13", "22", "32", "72", "74")
URL, USER, JOB = "http://service/call", "user@example.org", "951"
_DATA = Path(__file__).parents[1] / "data"
_EXCHANGES = json.loads((_DATA / "golden_exchanges.json").read_text(encoding="utf-8"))["exchanges"]
_CURVES = json.loads((_DATA / "recorded_light_curves.json").read_text(encoding="utf-8"))
_REQUESTS = json.loads((_DATA / "golden_requests.json").read_text(encoding="utf-8"))
_KINDS = (Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.ENHANCED_POSITION)


def _open(reply: Any) -> dict[str, Any]:
    return envelope.open_reply(reply, user=USER, url=URL, job_id=JOB)


def _curves(reply: Any) -> Any:
    content = _open(reply)
    rebin.check_light_curve(content)
    return lightcurve.decode(content, t0_met=6e8)


def _rebinned(reply: Any) -> Any:
    content = rebin.open_reply(reply, url=URL, job_id=JOB)
    rebin.check_light_curve(content)
    return lightcurve.decode(content)


def _spectra(reply: Any) -> Any:
    return spectrum.decode(_open(reply)).assemble({}, unread={"c": "damaged"}, provenance=Provenance())


def _accepted(reply: Any) -> Any:
    parameters = _open(reply).get("jobPars")
    if not isinstance(parameters, dict):
        return None
    return jobpars.completed_request(parameters, {"name": "GRB", "lc": 1, "cent": 0})


def _old_job(reply: Any) -> Any:
    _, parameters = history.decode_old_job(_open(reply))
    return from_wire(parameters)


#: Which replies, and who reads them.
READERS: dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]] = {
    "acceptance": (("01", "02"), _accepted),
    "status": (("10", "11", "12", "13", "14"), lambda reply: status.decode_status(_open(reply), JOB, _KINDS)),
    "cancellation": (("20", "21", "22"), lambda reply: status.decode_cancel(_open(reply), _KINDS)),
    "position": (
        ("30", "31", "32", "33", "34"),
        lambda reply: position.decode(_open(reply), Kind.STANDARD_POSITION, Provenance()),
    ),
    "sources": (("40",), lambda reply: sources.decode(_open(reply))),
    "light curve": (("50", "51", "job", "catalogued", "transient"), _curves),
    "spectra": (("60", "61"), _spectra),
    "earlier job": (("70",), _old_job),
    "list of jobs": (("71", "72"), lambda reply: history.decode_jobs(_open(reply))),
    "number of jobs": (("73", "74"), lambda reply: history.decode_count(_open(reply))),
    "rebinning": (("80",), lambda reply: rebin.decode_job(rebin.open_reply(reply, url=URL, job_id=JOB))),
    "state of a rebinning": (
        ("81",),
        lambda reply: rebin.decode_status(rebin.open_reply(reply, url=URL, job_id=JOB), JOB),
    ),
    "end of a rebinning": (("82",), lambda reply: rebin.decode_cancel(reply, url=URL, job_id=JOB)),
    "rebinned light curve": (("83", "rebin"), _rebinned),
    "provenance": (("provenance",), lambda reply: Provenance.from_dict(reply) if isinstance(reply, dict) else None),
}


def _reply(name: str) -> Any:
    if name == "provenance":
        return Provenance(backend="local", inputs=("a",), cautions=(("PileUpWarning", "bright"),)).to_dict()
    if name in _CURVES:
        return {"OK": 1, "APIVersion": "1.12", **_CURVES[name]}
    return next(one["reply"]["json"] for key, one in _EXCHANGES.items() if key.startswith(f"exchange_{name}"))


#: What programs in other languages, and people, write for numbers, truth and nothing.
_SPELLINGS = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), -0.0),
        *("", " ", "0", "1", "1e3", "1E400", "-inf", "NaN", "nan", "null", "true", "no", "0x1F", "１２", "1,5", "1_0"),
        *(
            "2026-01-01 00:00:00",
            "0000-00-00",
            "\0",
            "\ud800",
            "\x1b[2J",
            "../../x",
            "::ObsID=00012345001",
            "PC",
            "all",
        ),
        *([], {}, [[]], [None], {"a": {}}, {"": None}, ["a", 1], [[1, 2], [3]], {"message": ["x"]}),
    ]
)
JUNK = st.one_of(
    _SPELLINGS,
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.recursive(
        _SPELLINGS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)
_ACTIONS = ("replace", "replace", "remove", "rename", "graft", "repeat", "as text", "as list", "in an object")
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(_ACTIONS), st.integers(0, 10**6), JUNK), min_size=1, max_size=5
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a JSON document."""
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield (*path, key)
            yield from places(content[key], (*path, key))


def at(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def changed(content: Any, changes: list[tuple[int, str, int, Any]]) -> Any:
    """The document after changes in some places."""
    made = copy.deepcopy(content)
    for number, action, other, junk in changes:
        everywhere = list(places(made))
        if not everywhere:
            return copy.deepcopy(junk)
        path = everywhere[number % len(everywhere)]
        parent, key = at(made, path[:-1]), path[-1]
        if action == "replace":
            parent[key] = copy.deepcopy(junk)
        elif action == "remove":
            del parent[key]
        elif action == "rename" and isinstance(parent, dict):
            names = [one[-1] for one in everywhere if isinstance(one[-1], str)]
            parent[names[other % len(names)]] = parent.pop(key)
        elif action == "graft":
            parent[key] = copy.deepcopy(at(made, everywhere[other % len(everywhere)]))
        elif action == "repeat" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif action == "as text":
            parent[key] = str(parent[key])
        elif action == "as list":
            parent[key] = [parent[key]]
        else:
            parent[key] = {"a": parent[key]}
    return made


@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.ServiceWarning")  # of times that are no MJD
@pytest.mark.parametrize("name", READERS)
def test_replies_as_they_should_be(name: str) -> None:
    replies, read = READERS[name]
    for reply in replies:
        try:
            assert repr(read(_reply(reply)))
        except SwiftXRTError:
            assert reply in REFUSALS


@pytest.mark.parametrize("name", READERS)
def test_replies(name: str, sound: Any) -> None:
    replies, read = READERS[name]

    @settings.get_profile("fuzz")
    @given(st.sampled_from(replies), CHANGES)
    def check(reply: str, changes: list[tuple[int, str, int, Any]]) -> None:
        content = changed(_reply(reply), changes)
        sound(lambda: read(content))

    check()


@pytest.mark.parametrize("name", READERS)
def test_anything(name: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(JUNK)
    def check(content: Any) -> None:
        sound(lambda: READERS[name][1](content))

    check()


@pytest.mark.parametrize("kind", ["requests", "job_parameters"])
def test_parameters(kind: str, sound: Any) -> None:
    """What clients send to a server; it is also what replies tell of jobs."""

    @settings.get_profile("fuzz")
    @given(st.sampled_from(sorted(_REQUESTS[kind])), CHANGES)
    def check(name: str, changes: list[tuple[int, str, int, Any]]) -> None:
        content = _REQUESTS[kind][name]
        payload = changed(content.get("json", content), changes)
        if not isinstance(payload, dict):
            return
        if sound(lambda: from_wire(payload)):
            _check_request(payload, sound)
        sound(lambda: rebin.read_rebin(payload, LightCurveRequest()))

    check()


def _check_request(payload: dict[str, Any], sound: Any) -> None:
    """A request that was read can be used like any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        request = from_wire(payload)
    sound(lambda: request.cautions)
    sound(lambda: request.with_defaults().to_wire(user=USER))
    sound(lambda: type(request).from_json(request.to_json()))
    sound(lambda: type(request).from_yaml(request.to_yaml()))
