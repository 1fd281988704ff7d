"""What the notes of products say about pointing and regions."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    AllData,
    LightCurveRequest,
    PositionRequest,
    SnapshotBinning,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.engine.build import build_product
from swiftxrt.engine.extracted import SnapshotRegion
from swiftxrt.engine.region_notes import pointing_notes, region_notes
from swiftxrt.kinds import ProductKind
from swiftxrt.mission import Mode
from swiftxrt.products.observation import Observation
from swiftxrt.products.provenance import provenance_of
from swiftxrt.testing.synthetic import small_observation

REGION = SnapshotRegion(
    obsid="00099999001", snapshot=0, mode=Mode.PC, start_s=0.0, stop_s=100.0, x_pix=500.0, y_pix=500.0, ra_deg=10.0,
    dec_deg=20.0, angle_deg=0.0, source_inner_pix=0.0, source_radius_pix=20.0, background_inner_pix=60.0,
    background_outer_pix=190.0, source_area_pix=1200.0, background_area_pix=1e5, exposure_s=100.0, live_fraction=1.0,
    net_rate_cps=0.1, correction=1.2, psf_fraction=0.9, off_axis_arcmin=2.0, centroided=True,
    psf_fractions=(0.9,) * 6, pointing="attitude",
)  # fmt: skip
RING = "ring of 60 to 190 pixels (141 to 448 arcsec)"


def test_regions_of_snapshots() -> None:
    piled = replace(REGION, source_inner_pix=4.0, source_radius_pix=30.0, pointing="housekeeping")
    radii = [REGION, REGION, REGION, replace(REGION, source_radius_pix=25.0), piled]
    regions = [replace(region, snapshot=k) for k, region in enumerate(radii)]
    assert region_notes(regions) == (
        "PC: pointing from the attitude file in 4 of 5 snapshots, the frame headers in 1 of 5 snapshots",
        "PC: source regions: radius 20 pixels (47.1 arcsec) in 3 of 5 snapshots, radius 25 pixels (58.9 arcsec) in 1, "
        "radius 30 pixels (70.7 arcsec) in 1",
        "PC: left out of their middle for pile-up: radius 4 pixels (9.4 arcsec) in 1 of 5 snapshots",
        f"PC: background regions: {RING} in 5 of 5 snapshots",
    )


def test_snapshots_piled_up_in_part() -> None:
    told = " ".join(region_notes([REGION, replace(REGION, source_inner_pix=4.0)]))
    assert "in 2 of 2 parts of snapshots" in told


def test_many_sizes_are_a_range() -> None:
    many = [replace(REGION, snapshot=k, source_radius_pix=12.0 + k) for k in range(6)]
    assert region_notes(many)[1] == "PC: source regions: radius 12 to 17 pixels (28 to 40 arcsec) in 6 of 6 snapshots"


def test_regions_of_the_users_own_and_none() -> None:
    own = replace(REGION, source_shape='fk5\ncircle(10,20,40")', background_shape='fk5\ncircle(11,20,40")')
    assert [note.split(": ", 2)[2] for note in region_notes([own])[1:]] == ["the user's own in 1 of 1 snapshots"] * 2
    assert "background regions: none in view" in region_notes([replace(own, background_area_pix=0.0)])[2]


def test_windowed_timing_has_half_lengths() -> None:
    strip = replace(REGION, mode=Mode.WT, background_outer_pix=600.0)
    assert region_notes([strip])[1:] == (
        "WT: source regions: half length 20 pixels (47.1 arcsec) in 1 of 1 snapshots",
        "WT: background regions: columns at a distance of 60 to 600 pixels (141 to 1414 arcsec) in 1 of 1 snapshots",
    )


def test_no_snapshots_no_note() -> None:
    assert pointing_notes([]) == ()


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    return small_observation(tmp_path_factory.mktemp("two"), seed=5, rate=0.2 * u.ct / u.s, snapshots=2)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (ProductKind.LIGHT_CURVE, {"light_curve": LightCurveRequest(binning=SnapshotBinning())}),
        (ProductKind.SPECTRUM, {"spectrum": SpectrumRequest(data=AllData())}),
        (ProductKind.STANDARD_POSITION, {"position": PositionRequest(kinds={"standard"}, data=AllData())}),
    ],
)
def test_products_tell_how_they_were_made(observation: Observation, kind: ProductKind, wanted: dict) -> None:
    target = Target(name="X", position=SkyCoord(150 * u.deg, 20 * u.deg))
    made = build_product(kind, XRTRequest(target=target, **wanted), [observation])
    provenances = [provenance_of(made)]
    if kind is ProductKind.SPECTRUM:
        provenances.append(made.count_spectra[0].provenance)
    for provenance in provenances:
        told = "; ".join(provenance.notes)
        assert "pointing from the" in told
        assert "in 2 of 2 snapshots" in told
        used = " ".join(provenance.calibration)
        assert "swxpsf20010101v004" in used
        assert "swxvign20010101v001" in used or kind is ProductKind.STANDARD_POSITION
        if kind is not ProductKind.STANDARD_POSITION:
            assert "PC: source regions: radius" in told
            assert f"PC: background regions: {RING} in 2 of 2 snapshots" in told
