"""Requests for the epochs of a source."""

from __future__ import annotations

from typing import Any

import pytest
from astropy.table import MaskedColumn, Table

from swiftxrt import (
    AllData,
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    Observations,
    PositionRequest,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.exceptions import IdentifierError, RequestError
from swiftxrt.request.epochs import epoch_requests, observations_by_epoch

FIRST, SECOND, THIRD = "00031968059", "00032089001", "00031968060"
REQUEST = XRTRequest(
    target=Target("T Pyx"),
    image=ImageRequest(bands="0.3-10 keV"),
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), data=AllData()),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Table({"obsid": [FIRST, SECOND]}), {FIRST: (FIRST,), SECOND: (SECOND,)}),
        (Table({"obsid": [FIRST, SECOND, FIRST], "epoch": [2, 1, 2]}), {"2": (FIRST,), "1": (SECOND,)}),
        (
            Table({"obsid": [FIRST, SECOND, THIRD], "epoch": [1, 1, 2], "epoch_label": ["day 142", "day 142", "day 144"]}),
            {"day 142": (FIRST, SECOND), "day 144": (THIRD,)},
        ),
        (FIRST, {FIRST: (FIRST,)}),
        ([FIRST, THIRD], {FIRST: (FIRST,), THIRD: (THIRD,)}),
        ([31968059], {FIRST: (FIRST,)}),
        ({"early": FIRST, 2: [SECOND, THIRD]}, {"early": (FIRST,), "2": (SECOND, THIRD)}),
        (Table({"obsid": [FIRST, SECOND], "epoch": ["day 1", "day 2"]})[1], {"day 2": (SECOND,)}),
    ],
)  # fmt: skip
def test_observations_by_epoch(given: Any, expected: dict[str, tuple[str, ...]]) -> None:
    found = observations_by_epoch(given)
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ([], RequestError, "at least one observation is needed"),
        ({}, RequestError, "at least one observation is needed"),
        (Table({"obsid": []}), RequestError, "at least one observation is needed"),
        (Table({"number": [1]}), RequestError, "a column obsid is needed; there are number"),
        (["123"], IdentifierError, "123"),
        (None, IdentifierError, "None"),
        ({"early": FIRST, "late": []}, RequestError, "epoch 'late' has none; leave it out"),
        (
            Table({"obsid": [FIRST, SECOND], "epoch": MaskedColumn([1, 2], mask=[False, True])}),
            RequestError,
            "row 1 has no epoch; leave it out, or give it one",
        ),
        (Table({"obsid": [FIRST], "epoch_label": [" "]}), RequestError, "row 0 has no epoch_label"),
    ],
)
def test_what_names_no_observations(given: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        observations_by_epoch(given)


def test_each_product_is_made_of_the_epoch() -> None:
    requests = epoch_requests(REQUEST, {"early": [FIRST, SECOND], "late": THIRD})
    assert list(requests) == ["early", "late"]
    early = requests["early"]
    assert early.image is not None
    assert early.light_curve is not None
    assert early.image.data == early.light_curve.data == Observations(FIRST, SECOND)
    assert early.light_curve.binning == REQUEST.light_curve.binning  # type: ignore[union-attr]
    assert (early.target, early.spectrum) == (REQUEST.target, None)


def test_every_kind_of_product_is_made_of_the_epoch() -> None:
    parts = {
        "light_curve": REQUEST.light_curve, "image": REQUEST.image, "spectrum": SpectrumRequest(),
        "position": PositionRequest("standard"), "sources": SourceDetectionRequest(data=AllData()),
    }  # fmt: skip
    complete = XRTRequest(target=Target("T Pyx"), **parts)
    (early,) = epoch_requests(complete, {"early": FIRST}).values()
    assert {name: getattr(early, name).data for name in parts} == dict.fromkeys(parts, Observations(FIRST))


def test_a_request_is_needed() -> None:
    with pytest.raises(RequestError, match="an XRTRequest is needed; got Target"):
        epoch_requests(Target("T Pyx"), [FIRST])  # type: ignore[arg-type]
