"""Replies with nonsense in any place: what is sound is read, and nothing fails in an unexpected way."""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import PartialResultWarning, ProductNotAvailableError, ProtocolError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList
from swiftxrt.products.spectrumset import SpectrumSet
from swiftxrt.wire import position, sources, spectrum

EXCHANGES = json.loads((Path(__file__).parents[1] / "data" / "golden_exchanges.json").read_text(encoding="utf-8"))[
    "exchanges"
]
JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    1e400,
    float("nan"),
    10**400,
    "",
    "nan",
    "-inf",
    "x/y z",
    "1e999",
    "0x10",
    [],
    [None],
    [[]],
    ["a", 3],
    {},
    {"a": {}},
    {"a": 1},
    "PowerLaw",
    "PC",
    ["PC"],
]
REPLIES = ["exchange_60_spectrum", "exchange_61_spectrum_missing_parts"]
FOUND = {
    label: [CountSpectrum(counts=np.arange(50), exposure=100 * u.s, mode=mode, label=label)]
    for label, mode in (("interval0", "WT"), ("b", "PC"), ("c", "PC"))
}


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a JSON document."""
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield (*path, key)
            yield from places(content[key], (*path, key))


def with_junk(content: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The document with one value replaced."""
    changed = copy.deepcopy(content)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = junk
    return changed


def without(content: Any, path: tuple[Any, ...]) -> Any:
    """The document without one of its values."""
    changed = copy.deepcopy(content)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return changed


def variants(content: Any) -> Iterator[Any]:
    """The document with nonsense in one place, and in several."""
    dice = random.Random(7)
    for path in places(content):
        yield without(content, path)
        for junk in dice.sample(JUNK, 5):
            yield with_junk(content, path, junk)
    for _ in range(100):
        changed = content
        for _ in range(dice.randint(2, 5)):
            everywhere = list(places(changed))
            if everywhere:
                changed = with_junk(changed, dice.choice(everywhere), dice.choice(JUNK))
        yield changed


@pytest.mark.parametrize("name", REPLIES)
def test_spectra(name: str) -> None:
    refused = 0
    for content in variants(EXCHANGES[name]["reply"]["json"]):
        try:
            made = spectrum.decode(content).assemble(FOUND, unread={"c": "damaged"}, provenance=Provenance())
        except ProtocolError:
            refused += 1
            continue
        assert isinstance(made, SpectrumSet)
        assert all(made.missing.values())
        repr(made.fits), made.fit_table, made.intervals
    assert refused < 100  # Only replies without any slice.


def test_positions() -> None:
    content = EXCHANGES["exchange_34_astrom_pos"]["reply"]["json"] | {"WhichSXPS": "2SXPS"}
    for changed in variants(content):
        try:
            found = position.decode(changed, Kind.ASTROMETRIC_POSITION, Provenance())
        except (ProtocolError, ProductNotAvailableError):
            continue
        assert isinstance(found, Position)


def test_source_lists() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PartialResultWarning)
        for changed in variants(EXCHANGES["exchange_40_source_list"]["reply"]["json"]):
            try:
                found = sources.decode(changed)
            except ProtocolError:
                continue
            assert isinstance(found, SourceList)
            assert sources.decode(sources.encode(found)) == found
