"""Source and background regions of the user's own."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from regions import CirclePixelRegion, CircleSkyRegion, EllipseAnnulusPixelRegion, PixCoord, Regions

from swiftxrt import ExtractionSettings
from swiftxrt._ds9 import region_text
from swiftxrt.engine.extraction import Extraction, ExtractionParameters, extract
from swiftxrt.engine.geometry import nominal_pointing, sky_to_pixel
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.spectrum import pulse_height_spectrum
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.mission import PIXEL_ARCSEC
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

TARGET = SkyCoord(150.0, 20.0, unit="deg")
START_S = 1.3e8  # No bad columns.
RATE, DURATION_S = 1.0, 2000.0


def observation(
    mode: str = "PC", *, obsid: str = "00099999001", start_s: float = START_S, pointing=TARGET
) -> EventList:
    """A source without pile-up and some background; PA_PNT such that DETX runs against x."""
    rng = np.random.default_rng(4)
    header = {
        "OBS_ID": obsid, "RA_PNT": pointing.ra.deg, "DEC_PNT": pointing.dec.deg, "PA_PNT": 0.0, "WM1STCOL": 200,
        "WMCOLNUM": 200,
    }  # fmt: skip
    gti, none = GTI([start_s], [start_s + DURATION_S]), np.zeros(0, dtype=int)
    blank = EventList(met=none, x=none, y=none, pi=none, grade=none, gti=gti, mode=mode, header=header)
    x0, y0 = sky_to_pixel(blank.wcs, TARGET)
    n, behind = round(RATE * DURATION_S), 4000
    dx, dy = KingPSF.at().sample(n, rng, max_radius_pix=150.0)
    x = np.append(x0 + dx, rng.uniform(200, 800, behind))
    y = np.append(y0 + dy, rng.uniform(200, 800, behind))
    place = nominal_pointing(0.0, *sky_to_pixel(blank.wcs, pointing))
    detx, dety = place.to_detector(x, y, place.offset[0])
    if mode == "WT":  # One dimension: everything on the row of the source.
        dety = np.full(x.size, place.to_detector(x0, y0, place.offset[0])[1])
        x, y = place.to_sky(detx, dety, place.offset[0])
        kept = np.abs(detx - 300.5) < 99
    else:
        kept = np.hypot(detx - 307, dety - 296) < 310
    columns = {"x": x, "y": y, "detx": detx, "dety": dety}
    return EventList(
        **{name: np.rint(values[kept]) for name, values in columns.items()},
        met=np.sort(rng.uniform(start_s, start_s + DURATION_S, int(kept.sum()))),
        pi=np.full(int(kept.sum()), 150), grade=np.zeros(int(kept.sum())), gti=gti, mode=mode, header=header,
    )  # fmt: skip


def extracted(source: str | None, background: str | None = None, **options) -> Extraction:
    parameters = ExtractionParameters(centroid=False, source_region=source, background_region=background, **options)
    return extract([observation()], TARGET, parameters)


def shape(text: str) -> str:
    return f"fk5\n{text.format(c='150.0,20.0')}"


AREAS = {
    "circle({c},47.146\")": np.pi * 20**2,
    "annulus({c},11.7865\",47.146\")": np.pi * (20**2 - 5**2),
    "ellipse({c},23.573\",47.146\",30)": np.pi * 20 * 10,
    "box({c},94.292\",47.146\",20)": 40 * 20,
    "ellipse({c},11.7865\",23.573\",35.3595\",47.146\",30)": np.pi * (15 * 20 - 5 * 10),
    "box({c},23.573\",23.573\",94.292\",70.719\",20)": 40 * 30 - 10 * 10,
    "polygon(150.02,20.02,149.98,20.02,150.0,19.98)": 0.5 * 0.04 * np.cos(np.radians(20)) * 0.04 * (3600 / PIXEL_ARCSEC) ** 2,
    "circle({c},47.146\")\n-circle({c},11.7865\")": np.pi * (20**2 - 5**2),
}  # fmt: skip


@pytest.mark.parametrize("text", AREAS, ids=lambda text: text.split("(")[0] + (" excluded" if "-" in text else ""))
def test_every_shape(text: str) -> None:
    """Areas, counts, corrected rates and the words for the region."""
    extraction = extracted(shape(text))
    (region,) = extraction.regions
    assert region.source_area_pix == pytest.approx(AREAS[text], rel=0.02)
    assert region.source_backscale == region.source_area_pix / 1e6
    assert region.source_ds9 == shape(text)
    events = extraction.events
    net = events.source_pi.size - events.background_ratio.sum()
    corrected = net * region.correction / (DURATION_S * region.live_fraction)
    assert corrected == pytest.approx(RATE, abs=4 * np.sqrt(events.source_pi.size) * region.correction / DURATION_S)
    assert region.psf_fractions[1] == pytest.approx(region.psf_fraction, rel=0.01)
    assert pulse_height_spectrum(extraction).regions == extraction.regions


def test_a_circle_of_ones_own_is_the_circle() -> None:
    """The same events and numbers as the engine's own circle of 20 pixels, and a fixed radius whatever the rate."""
    own = extracted(shape(f'circle({{c}},{20 * PIXEL_ARCSEC}")'))
    usual = extracted(None, source_radius_max_pix=20.0, pileup_rate_pc=100.0)
    assert np.array_equal(own.source_masks[0], usual.source_masks[0])
    assert own.regions[0].correction == pytest.approx(usual.regions[0].correction, rel=1e-9)
    assert own.regions[0].source_radius_pix == pytest.approx(20.0, abs=0.1)
    assert np.array_equal(own.background_masks[0], usual.background_masks[0])


def test_background_region() -> None:
    extraction = extracted(None, shape('annulus({c},200",400")'), pileup_rate_pc=100.0)
    (region,) = extraction.regions
    assert region.background_area_pix == pytest.approx(np.pi * (400**2 - 200**2) / PIXEL_ARCSEC**2, rel=0.01)
    assert region.background_ds9.startswith("fk5\nannulus(")
    assert region.source_ds9.startswith("fk5\ncircle(150.0000")
    events = extraction.events
    assert events.background_pi.size == pytest.approx(4000 / 600**2 * region.background_area_pix, rel=0.15)
    assert events.gti_ratio[0] == region.source_area_pix / region.background_area_pix


def test_pixels_are_those_of_the_earliest_observation() -> None:
    moved = SkyCoord(150.03, 20.02, unit="deg")
    early, late = observation(), observation(obsid="00099999002", start_s=START_S + 1e5, pointing=moved)
    x0, y0 = sky_to_pixel(early.wcs, TARGET)
    text = region_text(CirclePixelRegion(PixCoord(x0, y0), 15.0))
    extraction = extract([late, early], TARGET, ExtractionParameters(centroid=False, source_region=text))
    first, second = extraction.regions
    assert (first.obsid, second.obsid) == ("00099999001", "00099999002")
    assert first.source_area_pix == pytest.approx(second.source_area_pix, rel=0.02)
    assert first.correction == pytest.approx(second.correction, rel=0.02)


def test_physical_pixels_of_ds9() -> None:
    """Counted from 1 in the words of DS9: X and Y of the event file."""
    x0, y0 = sky_to_pixel(observation().wcs, TARGET)
    own = ExtractionSettings(source_region=f"physical\nellipse({x0 + 1},{y0 + 1},5,10,15,20,30)")
    assert own.source_region == region_text(EllipseAnnulusPixelRegion(PixCoord(x0, y0), 10, 30, 20, 40, 30 * u.deg))
    there = extracted(own.source_region).source_masks[0]
    radii = ",".join(f'{pixels * PIXEL_ARCSEC}"' for pixels in (5, 10, 15, 20))
    on_sky = extracted(shape(f"ellipse({{c}},{radii},30)"))
    assert np.count_nonzero(there != on_sky.source_masks[0]) <= 0.01 * there.sum()


def test_windowed_timing_cuts_the_line_through_the_source() -> None:
    box = shape(f'box({{c}},{40 * PIXEL_ARCSEC}",{10 * PIXEL_ARCSEC}",90)')
    hole = f'{box}\n-box(150.0,20.0,{8 * PIXEL_ARCSEC}",{10 * PIXEL_ARCSEC}",90)'
    whole, ring = (
        extract([observation("WT")], TARGET, ExtractionParameters(centroid=False, source_region=text))
        for text in (box, hole)
    )
    assert whole.regions[0].source_area_pix == pytest.approx(5 * 40, abs=5)
    assert ring.regions[0].source_area_pix == pytest.approx(5 * 32, abs=10)
    assert whole.regions[0].psf_fraction == pytest.approx(float(KingPSF.at().line_enclosed(20.0)), rel=0.02)
    assert ring.regions[0].psf_fraction < whole.regions[0].psf_fraction / 2
    assert 0 < ring.events.source_pi.size < whole.events.source_pi.size


def test_piled_up_sources_are_warned_of() -> None:
    extraction = extracted(shape('circle({c},60")'), pileup_rate_pc=0.6)
    ((category, text),) = extraction.cautions
    assert category == "PileUpWarning"
    assert "the source region given was used as it is" in text


def test_regions_outside_the_field() -> None:
    with pytest.raises(NoDataError, match="the source region given is outside the field of view of all 1 PC"):
        extracted('fk5\ncircle(151.0,20.0,47")')
    with pytest.raises(NoDataError, match="the background region given is outside"):
        extracted(None, 'fk5\ncircle(151.0,20.0,47")')


def test_regions_outside_the_field_say_where_they_are() -> None:
    with pytest.raises(NoDataError, match=r"source region given .* it is at best 56\.4 arcmin from the pointing"):
        extracted('fk5\ncircle(151.0,20.0,47")')


def test_region_without_a_pixel() -> None:
    with pytest.raises(NoDataError, match="the source region given holds no pixel .* make it larger"):
        extracted('fk5\ncircle(150.0001,20.0001,0.1")')


@pytest.mark.parametrize("text", ['fk5; -circle(150,20,47")', "image\n-circle(500,500,20)\n-box(500,500,9,9,0)"])
def test_exclusions_alone_are_no_region(text: str) -> None:
    with pytest.raises(RequestError, match="source_region: .*only shapes that are cut out"):
        ExtractionSettings(source_region=text)
    with pytest.raises(RequestError, match="background_region: .*only shapes that are cut out"):
        ExtractionSettings(background_region=Regions.parse(text, format="ds9"))
    with pytest.raises(RequestError, match="source_region: .*only shapes that are cut out"):
        extracted(text)


def test_regions_partly_outside_are_clipped() -> None:
    extraction = extracted(shape('circle({c},60")'), 'fk5\ncircle(150.19,20.0,200")', pileup_rate_pc=100.0)
    assert any("background region is clipped" in note for note in extraction.notes)
    assert extraction.regions[0].background_area_pix < 0.9 * np.pi * (200 / PIXEL_ARCSEC) ** 2


def test_region_without_the_source() -> None:
    extraction = extracted('fk5\ncircle(150.05,20.0,20")', pileup_rate_pc=100.0)
    assert any("less than a tenth" in note for note in extraction.notes)


def test_text_that_is_none() -> None:
    with pytest.raises(RequestError, match="source_region: no region could be read; each shape needs a frame"):
        extracted("circle(150,20,0.01)")


def test_shapes_of_the_package_regions_become_text() -> None:
    circle = CircleSkyRegion(TARGET.fk5, 47 * u.arcsec)
    text = region_text(circle)
    assert text.splitlines()[0] == "fk5"
    assert region_text(Regions([circle])) == region_text([circle]) == region_text(text) == text
