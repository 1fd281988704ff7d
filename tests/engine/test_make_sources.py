"""Lists of sources from event lists to the product."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import AllData, ProductKind, SourceDetectionRequest, Target, XRTRequest
from swiftxrt.engine import make_sources
from swiftxrt.engine.build import build_product, step_labels
from swiftxrt.engine.data import Data
from swiftxrt.engine.image import stack_images
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant
from swiftxrt.exceptions import NoDataError
from swiftxrt.mission import PIXEL_ARCSEC, Mode
from swiftxrt.products.events import EventList
from swiftxrt.products.observation import Observation
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList

# Offsets from the target in arcmin, count rate, photon index.
TRUTH = (((0.0, 0.0), 0.15, 1.7), ((4.0, -3.0), 0.05, 1.0), ((-5.0, 2.0), 0.05, 4.0))
TARGET = SkyCoord(150.0, 60.0, unit="deg")
PLACES = SkyCoord([TARGET.spherical_offsets_by(*(offset * u.arcmin)) for offset, _, _ in TRUTH])


def scene(*, pile_up: bool = False, rate: float = 0.15) -> Scene:
    """Two observations of 1 ks on different days, with pointings that differ by some arcmin."""
    rates = (rate, *(level for _, level, _ in TRUTH[1:]))
    sources = tuple(
        Source(str(k), float(place.ra.deg), float(place.dec.deg), Constant(level), AbsorbedPowerLaw(index, 1e20))
        for k, (place, level, (_, _, index)) in enumerate(zip(PLACES, rates, TRUTH, strict=True))
    )
    snapshots = (Snapshot(5e8, 1000.0, 0), Snapshot(5e8 + 5 * 86400.0, 1000.0, 1))
    return Scene(
        "X",
        "09999004",
        sources,
        snapshots,
        pile_up=pile_up,
        pointing_scatter_arcmin=1.5,
        pc_below_cps=99,
        wt_above_cps=100,
    )


@pytest.fixture(scope="module")
def lists() -> list[EventList]:
    return simulate_observations(scene(), seed=3)


def request(bands: str = "all") -> XRTRequest:
    return XRTRequest(target=Target("X"), sources=SourceDetectionRequest(data=AllData(), bands=bands)).with_defaults()


def made_from(lists: list[EventList], bands: str = "total", steps: list[int] | None = None) -> SourceList:
    provenance = Provenance(backend="local", notes=("before",), cautions=(("A", "b"),))
    progress = (lambda index, note="": None) if steps is None else (lambda index, note="": steps.append(index))
    return make_sources.make(request(bands), Data(pc=tuple(lists), wt=()), provenance, progress)


def test_sources_of_two_observations_in_all_bands(lists: list[EventList]) -> None:
    steps: list[int] = []
    found = made_from(lists, "all", steps)
    assert list(found) == ["total", "soft", "medium", "hard"]
    total = found["total"]
    good = total[total["quality"] == 0]
    assert len(good) == 3
    best, apart, _ = PLACES.match_to_catalog_sky(good["position"])
    assert sorted(best) == [0, 1, 2]
    assert np.all(apart < 1.3 * good["position_err"][best])
    rates = [rate for _, rate, _ in TRUTH] * u.ct / u.s
    assert np.all(abs(good["rate"][best] - rates) < 3.5 * good["rate_err_pos"][best])
    assert total["source_number"].tolist() == list(range(1, len(total) + 1))
    assert np.all(np.diff(total["likelihood"]) <= 0)
    assert np.all(total["exposure"] < 2001 * u.s)
    assert total["exposure"][0] > 1700 * u.s

    assert steps == [1, 2, 2, 2, 2]
    assert max(steps) == len(make_sources.STEPS) - 1

    # The hard source is brighter above 2 keV, the soft one below 1 keV.
    rate_of = {}
    for band in ("soft", "hard"):
        best, apart, _ = PLACES.match_to_catalog_sky(found[band]["position"])
        rate_of[band] = np.where(apart < 15 * u.arcsec, found[band]["rate"][best].value, 0.0)
    assert rate_of["hard"][1] > 2 * rate_of["soft"][1]
    assert rate_of["soft"][2] > 2 * rate_of["hard"][2]


def test_pixels_and_errors_belong_to_the_position(lists: list[EventList]) -> None:
    """Pixels count from 1 in the system of the images of the same request."""
    table = made_from(lists)["total"]
    wcs = stack_images(lists, exposure=False).wcs
    place = wcs.pixel_to_world(table["x"].value - 1.0, table["y"].value - 1.0)
    assert np.all(place.separation(table["position"]) < 1e-3 * u.arcsec)
    statistical = np.sqrt(table["position_err"].value ** 2 - 3.5**2)
    one = np.mean([table[name].value for name in ("ra_err_neg", "ra_err_pos", "dec_err_neg", "dec_err_pos")], axis=0)
    # 90 per cent of two dimensions against 68 per cent of one.
    assert np.median(statistical / one) == pytest.approx(2.146, rel=0.25)


def test_error_of_right_ascension_has_its_side(lists: list[EventList], monkeypatch: pytest.MonkeyPatch) -> None:
    measure = make_sources.measure_sources

    def lopsided(*parts: object) -> dict[str, np.ndarray]:
        columns = measure(*parts)
        return {**columns, "x_err_pos": columns["x_err_pos"] + 100.0, "y_err_pos": columns["y_err_pos"] + 50.0}

    monkeypatch.setattr(make_sources, "measure_sources", lopsided)
    table = made_from(lists[:1])["total"]
    assert np.all(table["ra_err_neg"] > 100 * PIXEL_ARCSEC * u.arcsec)
    assert np.all(table["ra_err_pos"] < 50 * u.arcsec)
    assert np.all(table["dec_err_pos"] > 50 * PIXEL_ARCSEC * u.arcsec)
    assert np.all(table["dec_err_neg"] < 50 * u.arcsec)


def test_provenance(lists: list[EventList]) -> None:
    provenance = made_from(lists[:1]).provenance
    assert provenance.notes[0] == "before"
    assert provenance.cautions == (("A", "b"),)
    assert any("stray light" in note for note in provenance.notes)
    assert any("swxpsf20010101v004" in text for text in provenance.calibration)


def test_hot_pixels_are_left_out(lists: list[EventList]) -> None:
    """Twelve soft events on one detector pixel, in the middle of nowhere."""
    events = lists[0]
    number, wcs = 12, events.wcs
    x, y = (int(pixel) for pixel in wcs.world_to_pixel(TARGET.spherical_offsets_by(-4 * u.arcmin, -5 * u.arcmin)))
    extra = {"met": np.full(number, events.met[0]), "x": x, "y": y, "pi": 40, "grade": 3, "detx": 150, "dety": 150}
    columns = {name: np.append(getattr(events, name), np.full(number, value)) for name, value in extra.items()}
    made = EventList(**columns, gti=events.gti, mode="PC", header=events.header)
    found = made_from([made])
    assert f"{number} events of hot pixels were left out" in found.provenance.notes
    place = wcs.pixel_to_world(x, y)
    assert np.all(found["total"]["position"].separation(place) > 30 * u.arcsec)


def test_cautions_about_pile_up_and_uneven_background(lists: list[EventList]) -> None:
    piled_up = made_from(simulate_observations(scene(pile_up=True, rate=2.0), seed=4)[:1])
    assert [name for name, _ in piled_up.provenance.cautions[1:]] == ["PileUpWarning"]
    assert piled_up["total"]["rate"][0].value == pytest.approx(2.0, rel=0.1)

    events, rng = lists[0], np.random.default_rng(1)
    number, angle = 200, rng.uniform(0.0, 2 * np.pi, 200)
    radius = rng.uniform(120.0, 140.0, number)
    x, y = np.rint(500 + radius * np.cos(angle)), np.rint(500 + radius * np.sin(angle))
    columns = {
        "met": np.append(events.met, np.full(number, events.met[-1])), "x": np.append(events.x, x),
        "y": np.append(events.y, y), "pi": np.append(events.pi, np.full(number, 100)),
        "grade": np.append(events.grade, np.zeros(number)),
    }  # fmt: skip
    ringed = made_from([EventList(**columns, gti=events.gti, mode="PC", header=events.header)])
    assert "CalibrationWarning" in [name for name, _ in ringed.provenance.cautions]


def test_observations_beyond_the_image_are_named(lists: list[EventList]) -> None:
    header = {**lists[1].header, "RA_NOM": lists[1].header["RA_NOM"] + 0.5, "OBS_ID": "09999004002"}
    far = dataclasses.replace(lists[1], header=header)
    assert not any("outside the image" in note for note in made_from(lists).provenance.notes)
    assert any("09999004002 lie outside the image" in note for note in made_from([lists[0], far]).provenance.notes)


def test_windowed_timing_alone_gives_no_list() -> None:
    with pytest.raises(NoDataError, match="windowed timing only"):
        make_sources.make(request(), Data(pc=(), wt=("events",)), Provenance(), lambda *_: None)


def test_build(small_archive: Path) -> None:
    """Through the same door as all products; the source at RA 150, Dec 20 has 0.3 ct/s."""
    observation = Observation.open(next(small_archive.glob("*")))
    steps: list[int] = []
    wanted = request("total").replace(target=Target("X", position=SkyCoord(150.0, 20.0, unit="deg")))
    found = build_product(
        ProductKind.SOURCES, wanted, [observation], progress=lambda index, note="": steps.append(index)
    )
    assert list(found) == ["total"]
    assert found["total"]["rate"][0].value == pytest.approx(0.3, rel=0.25)
    assert found["total"]["position"][0].separation(wanted.target.position) < found["total"]["position_err"][0]
    assert found.provenance.inputs == ("09999002000",)
    assert any("fit_stray_light" in note for note in found.provenance.notes)
    assert steps == list(range(len(step_labels(ProductKind.SOURCES))))
    assert observation.modes == (Mode.PC,)
