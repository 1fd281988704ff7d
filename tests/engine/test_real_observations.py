"""The engine's geometry on real observations, against official products where there are any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from scipy import ndimage

from swiftxrt.engine.calibration import EMBEDDED, PSF_V006, EmbeddedCalibration
from swiftxrt.engine.exposure import map_exposure
from swiftxrt.engine.extraction import ExtractionParameters, extract
from swiftxrt.engine.geometry import fit_pointing, live_map, look_up, off_axis_arcmin, ring_pixels
from swiftxrt.engine.image import stack_images
from swiftxrt.engine.position import standard_position
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.engine.spectrum import pulse_height_spectrum
from swiftxrt.mission import SNAPSHOT_GAP_S, Mode
from swiftxrt.products._wcs import celestial_wcs
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList

BLAZAR = SkyCoord("01h26m57.2s +33d07m30s")  # 1WHSP J012657.2+330730
BURST = SkyCoord("19h13m03.5s +19d46m24.2s")  # GRB 221009A, Williams et al. 2023


@pytest.fixture(scope="module")
def blazar(validation_data: Path) -> EventList:
    (path,) = validation_data.glob("deepsky_archive_obs/obs/2014_11/00085374001/xrt/event/*xpcw3po_cl.evt.gz")
    return EventList.read(path)


@pytest.fixture(scope="module")
def burst_lists(validation_data: Path) -> dict[str, EventList]:
    paths = sorted((validation_data / "event_lists_grb221009A").glob("*.evt.gz"))
    assert paths
    return {path.name.split(".")[0]: EventList.read(path) for path in paths}


# --- 00085374001 -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["detect", "centroid"])
def test_position_of_the_blazar(blazar: EventList, method: str) -> None:
    fit = standard_position([blazar], BLAZAR, method=method)
    assert fit.coord.separation(BLAZAR).arcsec < 5.0
    assert 3.6 < fit.radius_arcsec < 4.1
    assert fit.radius_statistical_arcsec * np.sqrt(fit.counts) == pytest.approx(16.0, rel=0.3)
    assert fit.counts == pytest.approx(88, rel=0.15)
    assert fit.significance > 20


def test_pointing_agrees_with_the_attitude(blazar: EventList) -> None:
    """Attitude of the housekeeping file: roll + 270 - 0.17 degrees, boresight DET (294.63, 298.78)."""
    snapshot = split_snapshots(blazar)[1]
    assert snapshot.pointing.measured
    # The second snapshot gives most of the exposure and so the header's roll.
    beyond = (np.degrees(np.angle(snapshot.pointing.rotation)) - blazar.roll.value) % 360.0
    assert beyond == pytest.approx(269.83, abs=0.1)
    (detx, dety) = snapshot.pointing.to_detector(499.5, 499.5, snapshot.pointing.offset.mean())
    assert (detx, dety) == pytest.approx((294.63, 298.78), abs=0.5)


def test_extraction_of_the_blazar(blazar: EventList) -> None:
    extraction = extract([blazar], BLAZAR)
    assert [region.source_radius_pix for region in extraction.regions] == [15.0, 20.0]
    assert extraction.position.separation(BLAZAR).arcsec < 5.0
    assert all(1.05 < region.correction < 1.3 for region in extraction.regions)
    # XIMAGE on this and 00085374005 together: 0.0542 +- 0.0041 ct/s, PSF-corrected.
    spectrum = pulse_height_spectrum(extraction)
    factor = np.average([region.correction for region in extraction.regions], weights=spectrum.region_counts)
    error = np.sqrt(spectrum.source_counts.sum()) / spectrum.exposure_s
    assert spectrum.net_counts / spectrum.exposure_s * factor == pytest.approx(0.0542, abs=3 * np.hypot(error, 0.0041))


def test_image_is_the_official_one(blazar: EventList, validation_data: Path) -> None:
    (path,) = validation_data.glob("deepsky_archive_obs/obs/2014_11/00085374001/xrt/products/*xpc_sk.img.gz")
    assert np.array_equal(stack_images([blazar], None, exposure=False).counts, fits.getdata(path))


def test_exposure_map_is_close_to_the_official_one(blazar: EventList, validation_data: Path) -> None:
    """Made from the events alone; the official one used the attitude file."""
    (path,) = validation_data.glob("deepsky_archive_obs/obs/2014_11/00085374001/xrt/products/*xpc_ex.img.gz")
    official = fits.getdata(path)
    ours = stack_images([blazar]).exposure_s
    assert ours is not None
    assert ours.max() == pytest.approx(official.max(), abs=1e-3)
    _compare(ours, official, total=1e-3, within_two_per_cent=0.94)


def _compare(ours: np.ndarray, official: np.ndarray, total: float, within_two_per_cent: float) -> None:
    assert ours.sum() == pytest.approx(official.sum(), rel=total)
    y, x = np.mgrid[0 : ours.shape[0], 0 : ours.shape[1]]
    inner = (np.hypot(x - 499.5, y - 499.5) < 255) & (ours > 0) & (official > 0)  # 10 arcmin
    ratio = ours[inner] / official[inner]
    assert np.median(ratio) == pytest.approx(1.0, abs=1e-3)
    assert np.mean(np.abs(ratio - 1) < 0.02) > within_two_per_cent


# --- GRB 221009A: very bright, in dust rings -----------------------------------------


def test_every_event_list_gives_an_extraction_and_a_spectrum(burst_lists: dict[str, EventList]) -> None:
    for name, events in burst_lists.items():
        extraction = extract([events], BURST)
        found = extraction.events
        low, high = Mode.PC.grades
        assert ((events.grade >= low) & (events.grade <= high)).all(), name
        x, y = events.wcs.world_to_pixel(extraction.position)
        inner = {(region.source_inner_pix, region.source_radius_pix) for region in extraction.regions}
        distance = np.hypot(events.x - x, events.y - y)
        largest = max(outer for _, outer in inner)
        assert extraction.source_masks[0].sum() == found.source_time_s.size > 100, name
        assert (distance[extraction.source_masks[0]] <= largest + 0.1).all(), name
        assert not (extraction.source_masks[0] & extraction.background_masks[0]).any(), name
        assert found.gti_start_s.size == len(events.gti), name
        assert sum(region.exposure_s for region in extraction.regions) == pytest.approx(events.gti.exposure_s), name
        assert all(0.0 < region.ratio < 0.1 for region in extraction.regions), name
        assert all(1.05 < region.correction < 25 for region in extraction.regions), name
        assert np.isfinite(found.correction_factor).all(), name
        spectrum = pulse_height_spectrum(extraction)
        assert spectrum.source_counts.sum() == found.source_time_s.size, name
        assert spectrum.exposure_s == pytest.approx(events.exposure.value, rel=1e-3), name
        assert spectrum.net_counts > 0, name


@pytest.mark.parametrize(
    ("calibration", "radius_pix", "median"), [(EMBEDDED, 30.0, 0.05), (EmbeddedCalibration(PSF_V006), 20.0, 0.03)]
)
def test_corrected_rates_are_the_official_ones(
    burst_lists: dict[str, EventList], calibration: EmbeddedCalibration, radius_pix: float, median: float
) -> None:
    """Corrected rates of the published light curve over each event list (exposure-weighted).

    The source is piled up, and the dust rings give it wings. The official
    curve was made with the newer profile and circles of 20 pixels.
    """
    official = {
        "sw006_1": 3.194,
        "sw006_2": 2.678,
        "sw006_4": 2.033,
        "sw008_1": 1.241,
        "sw008_2": 0.993,
        "sw010_1": 0.366,
    }
    parameters = ExtractionParameters(calibration=calibration, source_radius_max_pix=radius_pix)
    ratios = []
    for name, rate in official.items():
        extraction = extract([burst_lists[name]], BURST, parameters)
        spectrum = pulse_height_spectrum(extraction)
        found = extraction.events
        at = np.searchsorted(found.correction_time_s, found.source_time_s, side="right") - 1
        factor = found.correction_factor[at].mean()
        ratios.append(factor * spectrum.net_counts / spectrum.exposure_s / rate)
        assert ratios[-1] == pytest.approx(1.0, abs=0.28), name
    assert np.median(ratios) == pytest.approx(1.0, abs=median + 0.05)


def test_observations_of_the_burst_together(burst_lists: dict[str, EventList]) -> None:
    lists = list(burst_lists.values())
    extraction = extract(lists, BURST)
    starts = extraction.events.gti_start_s
    assert np.all(starts[1:] > extraction.events.gti_stop_s[:-1])
    assert [region.snapshot for region in extraction.regions] == list(range(len(extraction.regions)))
    assert extraction.position.separation(BURST).arcsec < 4.0
    fit = standard_position([burst_lists["sw010_1"], burst_lists["sw010_2"]], BURST)
    assert fit.coord.separation(BURST).arcsec < fit.radius_arcsec
    assert fit.radius_statistical_arcsec < 0.7


def test_events_lie_in_the_field_of_view(burst_lists: dict[str, EventList]) -> None:
    """And keep away from bad columns and their neighbours."""
    for name, events in burst_lists.items():
        live = live_map(Mode.PC, float(events.met[0]), None)
        assert np.mean(look_up(live, events.detx, events.dety)) == 1.0, name
        columns = events.bad_pixels[events.bad_pixels["type"] == 2]
        beside = live_map(Mode.PC, 0.0) & ~live_map(Mode.PC, 0.0, columns)
        inside = np.mean(look_up(beside, events.detx, events.dety))
        assert inside < 0.03 * beside.mean(), name


def test_exposure_maps_of_the_burst(burst_lists: dict[str, EventList], validation_data: Path) -> None:
    """Up to 4009 bad pixels, of which those that were found late have live neighbours."""
    for name in ("sw004_1", "sw010_2"):
        with fits.open(validation_data / "event_lists_grb221009A" / f"{name}_ex.img.gz") as file:
            official, wcs = file[0].data, celestial_wcs(file[0].header, file[0].data.shape)
        assert wcs is not None
        ours = map_exposure([burst_lists[name]], wcs).time_s
        # 0.998 in the first, where DETX 295 is found to be dead.
        _compare(ours, official, total=3e-3, within_two_per_cent=0.93)
        assert np.sqrt(np.mean((ours - official)[official > 0] ** 2)) < 0.025 * official.max()


def test_neighbours_of_bad_pixels_hold_no_events_if_known_early(burst_lists: dict[str, EventList]) -> None:
    """Counted against what the good pixels around them hold: 0 of 1500 and 1000 of 1400 events."""
    counted, expected = {"early": 0.0, "late": 0.0}, {"early": 0.0, "late": 0.0}
    field = live_map(Mode.PC, 0.0)
    for events in burst_lists.values():
        image = np.zeros(field.shape)
        np.add.at(image, (events.dety, events.detx), 1.0)
        live = live_map(Mode.PC, float(events.met[0]), events.bad_pixels)
        bare = {"early": events.bad_pixels["badflag"] & 67 > 0, "late": events.bad_pixels["badflag"] == 32}
        maps = {kind: _dead(events.bad_pixels[rows]) for kind, rows in bare.items()}
        around = {
            kind: ndimage.binary_dilation(dead, np.ones((3, 3))) & ~_dead(events.bad_pixels)
            for kind, dead in maps.items()
        }
        good = live & ~around["late"]
        mean = ndimage.uniform_filter(image * good, 31) / np.maximum(ndimage.uniform_filter(good * 1.0, 31), 0.05)
        for kind, other in (("early", "late"), ("late", "early")):
            ring = around[kind] & ~around[other] & field
            counted[kind] += image[ring].sum()
            expected[kind] += mean[ring].sum()
    assert counted["early"] == 0
    assert expected["early"] > 1000
    assert counted["late"] / expected["late"] == pytest.approx(0.75, abs=0.1)


def _dead(rows: np.ndarray) -> np.ndarray:
    """The bad pixels themselves."""
    dead = np.zeros((602, 602), dtype=bool)
    for row in rows:
        dead[row["rawy"] + 1 : row["rawy"] + 1 + max(row["yextent"], 1), row["rawx"] + 1] = True
    return dead


def test_frame_headers_agree_with_the_events(blazar: EventList, validation_data: Path) -> None:
    """Attitude of the housekeeping file against the unfiltered events, which fix the pointing to 0.1 pixel."""
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt"
    record = Attitude.read(folder / "hk" / "sw00085374001xhd.hk.gz")
    unfiltered = EventList.read(folder / "event" / "sw00085374001xpcw3po_uf.evt.gz")
    pairs = [split_snapshots(item, blazar.gti) for item in (replace(blazar, attitude=record), unfiltered)]
    for ours, exact in zip(*pairs, strict=True):
        assert (ours.pointing.source, exact.pointing.source) == ("housekeeping", "events")
        start_s, length_s, offset = ours.steps
        assert abs(np.degrees(np.angle(ours.pointing.rotation / exact.pointing.rotation))) < 0.01
        for place in ((300.0, 300.0), (100.0, 100.0), (500.0, 100.0)):
            x, y = ours.pointing.to_sky(*place, offset)
            true_x, true_y = exact.pointing.to_sky(*place, exact.pointing.offset_at(start_s + length_s / 2))
            assert np.sqrt(np.mean((x - true_x) ** 2 + (y - true_y) ** 2)) < 0.4


# --- AT2018cow: official correction factors ------------------------------------------


def test_official_correction_factors(validation_data: Path) -> None:
    """Factors of 23 snapshots, every 10 s, from 1.1 to 2.3 as the source moves over bad columns.

    The events of the official source region stand in for the whole field;
    snapshots with pile-up have factors of rings and are left out.
    """
    folder = validation_data / "uklc_AT2018cow"
    with fits.open(folder / "pccorr.fits.gz") as file:
        official_s, official = (np.array(file[1].data[name], dtype=float) for name in ("TIME", "CORRFACT"))
    with fits.open(folder / "pcsourcetotal.evt.gz") as file:
        rows, gti, bad = file["EVENTS"].data, file["GTI"].data, file["BADPIX"].data
        live = live_map(Mode.PC, 5.5e8, _bad(bad))
        columns = {
            name: np.array(rows[name], dtype=float) for name in ("TIME", "X", "Y", "DETX", "DETY", "SRCRAD", "PUPRAD")
        }
        start, stop = np.array(gti["START"]), np.array(gti["STOP"])
    new = np.flatnonzero(start[1:] - stop[:-1] > SNAPSHOT_GAP_S) + 1
    ratios = []
    for first, last in zip(start[np.r_[0, new]], stop[np.r_[new - 1, -1]], strict=True):
        ours = (columns["TIME"] >= first - 3) & (columns["TIME"] <= last + 3)
        theirs = (official_s >= first - 3) & (official_s <= last + 3) & np.isfinite(official)
        if not ours.any() or columns["PUPRAD"][ours].max() > 0:
            continue
        ratios.append(_mean_factor(columns, ours, live, official_s[theirs]) / (1 / np.mean(1 / official[theirs])))
    assert len(ratios) >= 15
    assert np.median(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.std(ratios) < 0.05
    assert np.max(np.abs(np.array(ratios) - 1)) < 0.15


def _bad(rows: np.ndarray) -> np.ndarray:
    found = np.zeros(len(rows), dtype=BAD_PIXEL_DTYPE)
    for name in BAD_PIXEL_DTYPE.names:
        found[name] = rows[name.upper()]
    return found


def _mean_factor(columns: dict[str, np.ndarray], ours: np.ndarray, live: np.ndarray, step_s: np.ndarray) -> float:
    """Correction factor of a snapshot, mean as counts feel it, from the engine's parts."""
    x0, y0 = 461.1677, 490.8523  # Centre of the official region, 244.0013231 +22.2677752
    time_s, x, y, detx, dety = (columns[name][ours] for name in ("TIME", "X", "Y", "DETX", "DETY"))
    pointing = fit_pointing(time_s, x - 1, y - 1, detx, dety)
    assert pointing is not None
    offset = pointing.offset_at(step_s + 5.0)
    angle = float(np.mean(off_axis_arcmin(*pointing.to_detector(x0, y0, offset))))
    pixel_x, pixel_y = ring_pixels(x0, y0, columns["SRCRAD"][ours][0])
    share = KingPSF.at(1.5, angle).pixel_fractions(pixel_x - x0, pixel_y - y0)
    kept = [share @ look_up(live, *pointing.to_detector(pixel_x, pixel_y, value)) for value in offset]
    return float(1 / np.mean(kept) / vignetting(1.5, angle))


def test_official_regions_follow_the_table(validation_data: Path) -> None:
    """Source and background events of AT2018cow: circles of 25 and 30 pixels, background from 60 pixels on."""
    folder = validation_data / "uklc_AT2018cow"
    with fits.open(folder / "pcsourcetotal.evt.gz") as file:
        rows = file["EVENTS"].data
        distance = np.hypot(rows["X"] - 1 - 461.1677, rows["Y"] - 1 - 490.8523)
        for radius in np.unique(rows["SRCRAD"]):
            inside = distance[rows["SRCRAD"] == radius]
            assert np.mean(inside <= radius) > 0.95
            assert inside.max() < radius + 1.5
    with fits.open(folder / "pcbacktotal.evt.gz") as file:
        rows = file["EVENTS"].data
        assert np.hypot(rows["X"] - 1 - 461.1677, rows["Y"] - 1 - 490.8523).min() > 59.5


def test_given_position_is_kept_without_centroid(blazar: EventList) -> None:
    extraction = extract([blazar], BLAZAR, ExtractionParameters(centroid=False))
    assert extraction.position.separation(BLAZAR).arcsec < 0.05
    assert not extraction.regions[0].centroided
