"""The table of what the reference client refuses, and what becomes of it here."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    CountsBinning,
    ExtractionSettings,
    FirstHours,
    ImageRequest,
    LightCurveRequest,
    ObsidBinning,
    PositionRequest,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.exceptions import RequestError

TABLE = Path(__file__).parents[2] / "docs" / "_tables" / "invalid_requests.csv"
GAP = 1e8 * u.s
IMAGE = ImageRequest()


def counts(**values: Any) -> CountsBinning:
    return CountsBinning(pc_counts=20, wt_counts=30, **values)


#: By number: what is written here, and the field of the problem where it is refused.
WRITTEN: dict[int, tuple[Callable[[], Any], str | None]] = {
    1: (lambda: XRTRequest(target=Target("X")), ""),
    2: (lambda: counts(wt_max_gap=GAP), None),
    3: (lambda: counts(wt_max_gap=GAP), None),
    4: (lambda: SpectrumRequest(redshift=1), None),
    5: (lambda: SpectrumRequest(delta_statistic=1), None),
    6: (lambda: CountsBinning(), "pc_counts wt_counts"),
    7: (lambda: LightCurveRequest(binning=ObsidBinning(), data=FirstHours()), "data"),
    10: (lambda: SpectrumRequest(data=FirstHours()), None),
    11: (lambda: PositionRequest("standard", data=FirstHours()), None),
    12: (lambda: ExtractionSettings(centroid=True), None),
    13: (lambda: SourceDetectionRequest(), "data"),
    14: (lambda: Target("X", position=SkyCoord(10, -5, unit="deg")), None),
    15: (lambda: ExtractionSettings(centroid_method="Simple"), None),
    16: (lambda: ImageRequest(energies="0.3-10"), "energies"),
    17: (lambda: PositionRequest("standard", astrometric_all_data=True), "astrometric_all_data"),
    19: (lambda: XRTRequest(target=Target("X"), image=IMAGE).replace(image=IMAGE), None),
    20: (lambda: SpectrumRequest(models="powerlaw"), None),
    21: (lambda: ExtractionSettings(centroid_attempts=np.int64(5)), None),
}


def rows() -> list[list[str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def test_the_table_has_all_of_them():
    assert [row[0] for row in rows()] == [str(number) for number in range(1, 22)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_table_tells_the_truth(row):
    number, outcome = int(row[0]), row[3]
    if outcome == "cannot be expressed":
        assert number not in WRITTEN
        return
    call, field = WRITTEN[number]
    assert outcome == ("accepted" if field is None else "refused")
    if field is None:
        call()
        return
    with pytest.raises(RequestError) as caught:
        call()
    assert " ".join(name for name, _ in caught.value.problems) == field


def test_what_is_made_of_them_is_what_was_meant():
    request = XRTRequest(
        target=Target("X", position=SkyCoord(10, -5, unit="deg")),
        light_curve=LightCurveRequest(binning=counts(wt_max_gap=GAP)),
        spectrum=SpectrumRequest(redshift=1, delta_statistic=1, models="powerlaw", data=FirstHours()),
        position=PositionRequest("standard", data=FirstHours()),
        extraction=ExtractionSettings(centroid_method="Simple", centroid_attempts=np.int64(5)),
    )
    sent = request.to_wire(user="me@example.org")
    expected = {"wtmaxgap": 100000000, "zval": 1.0, "dchi": 1.0, "specobstime": 12, "posobstime": 12, "poserr": 1}
    expected |= {"RA": 10.0, "Dec": -5.0, "centMeth": "simple", "maxCentTries": 5}
    assert {key: sent[key] for key in expected} == expected
    assert [model.lower() for model in sent["models"]] == ["powerlaw"]
    assert all(isinstance(sent[key], float) for key in ("RA", "Dec", "zval", "dchi"))
