"""Upper limits: the reference client and ours ask the same server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import SwiftXRTClass, conf, merge_upper_limits
from swiftxrt.backends.local.catalog import limits as served
from swiftxrt.engine.demonstration import default_scene
from swiftxrt.met import time_to_met
from swiftxrt.wire.sxps_limits import BAND_FLAGS, BAND_NUMBERS

BURST = default_scene().sources[0]
#: A steady source of the field, a place without one, and one far away.
SOURCE = SkyCoord(BURST.ra_deg + 0.07, BURST.dec_deg + 0.03, unit="deg")
EMPTY = SkyCoord(BURST.ra_deg - 0.05, BURST.dec_deg - 0.04, unit="deg")
FAR = SkyCoord(10.0, 20.0, unit="deg")
#: One that was not there in the first observation.
NEW = SkyCoord(BURST.ra_deg + 0.02, BURST.dec_deg - 0.09, unit="deg")


@pytest.fixture(autouse=True)
def ask_anew() -> Iterator[None]:
    with conf.set_temp("cache", False):
        yield


@pytest.fixture
def data(ukssdc: Any) -> Any:
    from swifttools.ukssdc.data import SXPS

    return SXPS


def same(theirs: Any, ours: Any) -> None:
    """The table of the reference client holds what ours does."""
    assert theirs["ObsID"].tolist() == [one or "" for one in ours["obsid"]]
    names = {
        f"{band}_{key}": f"{band.lower()}_{ours}"
        for band in ("Total", "Soft", "Medium", "Hard")
        for key, ours in (BAND_NUMBERS | BAND_FLAGS).items()
    }
    names |= {"SourceExposure": "source_exposure", "ImageExposure": "image_exposure"}
    compared = [name for name in theirs.columns if name in names]
    assert len(compared) >= 6
    for name in compared:
        values = u.Quantity(ours[names[name]]).value if "Is" not in name and "From" not in name else ours[names[name]]
        sign = -1 if name.endswith("RateNeg") else 1
        np.testing.assert_allclose(
            theirs[name].to_numpy(dtype=float), sign * np.asarray(values, dtype=float), rtol=1e-12
        )


@pytest.mark.parametrize(
    ("place", "options"),
    [
        (SOURCE, {}),
        (EMPTY, {"bands": ["soft", "hard"], "data": "all", "detections_as_rates": True}),
        (NEW, {"data": "all", "detections_as_rates": True, "use_catalog_values": True}),
        (NEW, {"data": "all", "detections_as_rates": True, "skip_detections": True}),
        (SOURCE, {"data": "all", "skip_detections": True}),
        (EMPTY, {"confidence": 0.9545}),
    ],
    ids=["source", "rates", "catalogue", "new", "nothing left", "two sigma"],
)
def test_both_clients_get_the_same(data: Any, client: SwiftXRTClass, place: SkyCoord, options: dict[str, Any]) -> None:
    words = {
        "bands": options.get("bands", ["total"]),
        "whichData": options.get("data", "deepest"),
        "detectionsAsRates": options.get("detections_as_rates", False),
        "useCatValues": options.get("use_catalog_values", False),
        "skipDetections": options.get("skip_detections", False),
        "sigma": 2.0 if "confidence" in options else 3.0,
    }
    theirs = data.getUpperLimits(RA=float(place.ra.deg), Dec=float(place.dec.deg), **words)
    ours = client.get_upper_limits(place, **options)
    rows = ours[ours["obsid"] != ""]
    same(theirs["ULData"], rows)
    assert (theirs["ULData"]["SourceExposure"] > 0.1 * theirs["ULData"]["ImageExposure"]).all()  # both in seconds
    nearby = theirs["DetData"]["SourceName"].tolist() if "DetData" in theirs else []
    assert set(ours["catalog_source"]) == {"; ".join(nearby)}
    assert bool(nearby) == (place is not EMPTY)
    if options.get("skip_detections"):
        blind = {"source": 3, "new": 2}  # in both observations and the stack; in the second one and the stack
        expected = {id(SOURCE): 3 - blind["source"], id(NEW): 3 - blind["new"], id(EMPTY): 3}[id(place)]
        assert len(rows) == expected
    elif options.get("data") == "all":
        assert [one[0] for one in rows["obsid"]] == ["1", "0", "0"]


def test_the_questions_are_the_same(data: Any, client: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the form of times, in which no zone is lost."""
    sent = []
    monkeypatch.setattr(data.base, "submitAPICall", lambda name, asked, **others: sent.append(dict(asked)) or {})
    data.getUpperLimits(RA=12.5, Dec=3.5, bands=["total", "hard"], whichData="all", detectionsAsRates=True)
    data.getUpperLimits(name="GK Per", timeFormat="met")
    place = SkyCoord(12.5, 3.5, unit="deg")
    options = {"bands": ["total", "hard"], "data": "all", "detections_as_rates": True}
    ours = client.get_upper_limits(place, get_query_payload=True, **options)
    ours += client.get_upper_limits("GK Per", get_query_payload=True)
    for theirs, mine in zip(sent, ours, strict=True):
        mine = {key: value for key, value in mine.items() if key not in ("APIFunc", "APIVersion")}
        assert json.dumps({**theirs, "timeFormat": "met"}) == json.dumps(mine)


def test_names_and_positions_as_text(data: Any, client: SwiftXRTClass) -> None:
    text = f"{SOURCE.ra.deg:.6f}, {SOURCE.dec.deg:.6f}"
    theirs = data.getUpperLimits(position=text)
    assert theirs["ResolvedRA"] == pytest.approx(SOURCE.ra.deg, abs=1e-6)
    assert theirs["ResolvedInfo"].startswith(f"Parsed '{text}' as (")
    (name,) = theirs["DetData"]["SourceName"]
    named = data.getUpperLimits(name=name)
    assert named["ResolvedInfo"].startswith(f"Resolved '{name}' as (")
    ours = client.get_upper_limits([text, name])
    same(theirs["ULData"], ours[:1])
    same(named["ULData"], ours[1:])
    with pytest.raises(RuntimeError, match="was not found"):
        data.getUpperLimits(name="nobody")


def test_times_in_every_form(data: Any, client: SwiftXRTClass) -> None:
    start = client.get_upper_limits(SOURCE)["start"][0]
    told = {
        form: data.getUpperLimits(RA=SOURCE.ra.deg, Dec=SOURCE.dec.deg, timeFormat=form)["ULData"]["StartTime"][0]
        for form in ("cal", "met", "MJD", "tdb")
    }
    assert told["cal"] == start.iso[:19] or told["cal"] == (start + 0.5 * u.s).iso[:19]
    assert told["MJD"] == pytest.approx(start.mjd, abs=1e-9)
    assert abs(told["tdb"] - start.tdb.jd) * 86400 < 510
    assert told["met"] == pytest.approx(time_to_met(start), abs=1e-3)


def test_where_nothing_was_observed(data: Any, client: SwiftXRTClass) -> None:
    theirs = data.getUpperLimits(RA=10.0, Dec=20.0, detectionsAsRates=True)
    assert len(theirs["ULData"]) == 0
    assert client.get_upper_limits(FAR, detections_as_rates=True)["outcome"].tolist() == ["not observed"]


def test_merged_limits(data: Any, ukssdc: Any, client: SwiftXRTClass) -> None:
    theirs = data.getUpperLimits(RA=EMPTY.ra.deg, Dec=EMPTY.dec.deg, whichData="all", bands=["total", "hard"])["ULData"]
    merged = ukssdc.mergeUpperLimits(theirs, rows=theirs["ObsID"] < "10000000000", conf=0.9973)
    table = client.get_upper_limits(EMPTY, data="all", bands=["total", "hard"])
    ours = merge_upper_limits(table)
    for band in ("Total", "Hard"):
        factor = float(ours[f"{band.lower()}_correction_factor"][0]) / ours["image_exposure"][0].value
        found = ours[f"{band.lower()}_upper_limit"][0].value
        # The grid of the reference client has steps of 0.001 counts.
        assert found == pytest.approx(merged[f"{band}_UpperLimit"], abs=0.002 * factor)
        assert ours[f"{band.lower()}_counts"][0].value == merged[f"{band}_Counts"]
        assert ours[f"{band.lower()}_background_counts"][0].value == pytest.approx(merged[f"{band}_BGCounts"])


def test_calculations_that_take_too_long(data: Any, client: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(served, "_PATIENCE_S", 0.0)
        begun = data.getUpperLimits(RA=EMPTY.ra.deg, Dec=EMPTY.dec.deg)
        assert list(begun) == ["TIMEOUT"]
    found = data.getFailedUpperLimit(begun["TIMEOUT"])
    assert found["ULData"]["Total_UpperLimit"][0] > 0
    with pytest.raises(RuntimeError, match="was not found"):  # it is given out once
        data.getFailedUpperLimit(begun["TIMEOUT"])
    from swiftxrt.catalog import limits

    monkeypatch.setattr(served, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(limits, "_FIRST_PAUSE_S", 0.2)
    ours = client.get_upper_limits(EMPTY)
    assert ours["outcome"].tolist() == ["limit"]
    assert ours["total_upper_limit"][0].value == found["ULData"]["Total_UpperLimit"][0]
