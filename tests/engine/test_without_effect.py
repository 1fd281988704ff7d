"""What the user is told about settings that make no difference here."""

from __future__ import annotations

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import (
    AllData,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    ProductKind,
    SnapshotBinning,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    XRTRequest,
)
from swiftxrt.engine.build import build_product
from swiftxrt.engine.without_effect import settings_without_effect
from swiftxrt.products.provenance import provenance_of
from swiftxrt.testing.synthetic import small_observation

TARGET = Target(name="X", position=SkyCoord(150 * u.deg, 20 * u.deg))
CURVE = {"light_curve": LightCurveRequest(binning=SnapshotBinning())}


def _said(kind: ProductKind, **parts: object) -> list[str]:
    """The settings spoken of."""
    return [note.split("=")[0] for note in settings_without_effect(XRTRequest(target=TARGET, **parts), kind)]


def test_nothing_is_said_of_defaults() -> None:
    every = XRTRequest(
        target=TARGET, spectrum=SpectrumRequest(), position=PositionRequest("standard"), image=ImageRequest(),
        sources=SourceDetectionRequest(data=AllData(), fit_stray_light=False), **CURVE,
    )  # fmt: skip
    for request in (every, every.with_defaults()):
        for kind in every.kinds:
            assert settings_without_effect(request, kind) == ()


def test_shared_settings() -> None:
    sxps = {"extraction": ExtractionSettings(use_sxps=True), "spectrum": SpectrumRequest(), "image": ImageRequest()}
    assert _said(ProductKind.LIGHT_CURVE, **sxps, **CURVE) == ["extraction.use_sxps"]
    assert _said(ProductKind.SPECTRUM, **sxps) == ["extraction.use_sxps"]
    assert _said(ProductKind.IMAGE, **sxps) == []
    assert _said(ProductKind.IMAGE, image=ImageRequest(), notify=True) == ["notify"]
    mjd = LightCurveRequest(binning=SnapshotBinning(), time_format="mjd")
    assert _said(ProductKind.LIGHT_CURVE, light_curve=mjd) == ["light_curve.time_format"]


def test_centroid_method_counts_for_centroids_only() -> None:
    for method, said in ((None, True), ("detect", True), ("centroid", False)):
        position = PositionRequest("standard", method=method, centroid_method="iterative")
        expected = ["position.centroid_method"] if said else []
        assert _said(ProductKind.STANDARD_POSITION, position=position) == expected


def test_stray_light_is_fitted_by_default_elsewhere() -> None:
    for wanted in (None, True):
        sources = SourceDetectionRequest(data=AllData(), fit_stray_light=wanted)
        assert _said(ProductKind.SOURCES, sources=sources) == ["sources.fit_stray_light"]


def test_notes_reach_every_product(tmp_path) -> None:
    observation = small_observation(tmp_path)
    request = XRTRequest(
        target=Target(name="X", position=SkyCoord(150 * u.deg, 20 * u.deg)), notify=True,
        spectrum=SpectrumRequest(redshift=0.1), position=PositionRequest("standard"), image=ImageRequest(bands="0.3-10 keV"),
        sources=SourceDetectionRequest(data=AllData()), **CURVE,
    )  # fmt: skip
    for kind in request.kinds:
        notes = provenance_of(build_product(kind, request, [observation])).notes
        assert set(settings_without_effect(request, kind)) <= set(notes)
        assert any(note.startswith("notify=True has no effect: ") for note in notes)
        assert len(notes) > len(settings_without_effect(request, kind))
