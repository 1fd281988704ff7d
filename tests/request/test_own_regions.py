"""Regions of the user's own in requests."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from regions import CirclePixelRegion, CircleSkyRegion, EllipseSkyRegion, PixCoord, RegionMeta, Regions

from swiftxrt import ExtractionSettings, LightCurveRequest, SnapshotBinning, Target, XRTRequest
from swiftxrt.exceptions import RequestError

CENTRE = SkyCoord(21.738, 33.125, unit="deg", frame="fk5")
CIRCLE = CircleSkyRegion(CENTRE, 47 * u.arcsec)
HOLE = CircleSkyRegion(CENTRE, 10 * u.arcsec, meta=RegionMeta({"include": False}))
TEXT = 'fk5\ncircle(21.738,33.125,47.0")\n-circle(21.738,33.125,10.0")'


def request(**settings) -> XRTRequest:
    target = Target(name="source", position=CENTRE, target_ids=["00012345"])
    return XRTRequest(
        target=target,
        light_curve=LightCurveRequest(binning=SnapshotBinning()),
        extraction=ExtractionSettings(**settings),
    )


@pytest.mark.parametrize("given", [[CIRCLE, HOLE], Regions([CIRCLE, HOLE]), TEXT, TEXT.replace("fk5", "# x\nfk5")])
def test_every_form_is_kept_as_text(given) -> None:
    assert ExtractionSettings(source_region=given).source_region == TEXT


def test_one_shape_and_pixels() -> None:
    assert ExtractionSettings(source_region=CIRCLE).source_region == TEXT.rsplit("\n", 1)[0]
    pixels = CirclePixelRegion(PixCoord(499.0, 510.5), 20)
    assert ExtractionSettings(background_region=pixels).background_region == "image\ncircle(500.0,511.5,20.0)"
    union = CIRCLE | EllipseSkyRegion(CENTRE, 1 * u.arcmin, 2 * u.arcmin)
    assert ExtractionSettings(source_region=union).source_region.count("\n") == 2


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "source.reg"
    path.write_text(f"# Region file format: DS9 version 4.1\n{TEXT}\n", encoding="utf-8")
    assert ExtractionSettings(source_region=path).source_region == TEXT
    assert ExtractionSettings(source_region=str(path)).source_region == TEXT


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("circle(21.738,33.125,0.01)", "no region could be read; each shape needs a frame"),
        ("fk5\ncircle(1,2,3\")\nblob(4,5,6)", "not every line could be read"),
        ("", "no region file can be read"),
        ('fk5\ncircle(10,20,1e400")', "every number of a region must be finite"),
        ('fk5\ncircle(10,20,-5")', "must be strictly positive"),
        ("nowhere.reg", "no region file can be read at 'nowhere.reg'"),
        (Regions([]), "the list of regions is empty"),
        (7, "a DS9 text or the path of one are needed; got 7"),
        ([CIRCLE, "x"], "a DS9 text or the path of one are needed"),
        (CIRCLE & EllipseSkyRegion(CENTRE, 1 * u.arcmin, 2 * u.arcmin), "only unions"),
    ],
)  # fmt: skip
def test_what_is_none(given, problem: str) -> None:
    with pytest.raises(RequestError, match=r"source_region") as caught:
        ExtractionSettings(source_region=given)
    assert problem in str(caught.value)


def test_files_that_hold_no_region(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text("circle(1,2,3)\n", encoding="utf-8")
    with pytest.raises(RequestError, match="each shape needs a frame"):
        ExtractionSettings(source_region=path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match="no region file can be read"):
        ExtractionSettings(source_region=path)
    path.write_bytes(b"#" * 3_000_000)
    with pytest.raises(RequestError, match="too large for a region file"):
        ExtractionSettings(source_region=path)


def test_all_forms_of_a_request_bring_them_back() -> None:
    asked = request(source_region=[CIRCLE, HOLE])
    assert XRTRequest.from_json(asked.to_json()) == asked
    assert XRTRequest.from_yaml(asked.to_yaml()) == asked
    assert XRTRequest.from_dict(json.loads(json.dumps(asked.to_dict()))).digest == asked.digest
    assert asked.digest not in (request().digest, request(source_region=CIRCLE).digest)
    assert asked.with_defaults().extraction.source_region == TEXT


def test_a_document_cannot_name_files(tmp_path: Path) -> None:
    """Only the user's own code may."""
    path = tmp_path / "a.reg"
    path.write_text(TEXT, encoding="utf-8")
    plain = request().to_dict()
    plain["extraction"]["source_region"] = str(path)
    with pytest.raises(RequestError, match="the regions cannot be understood"):
        XRTRequest.from_dict(plain)
    plain["extraction"]["source_region"] = 7
    with pytest.raises(RequestError, match="the text of a DS9 file is needed"):
        XRTRequest.from_dict(plain)
