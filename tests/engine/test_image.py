"""Stacked images and exposure maps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from swiftxrt import ImageRequest, Target, XRTRequest
from swiftxrt.engine import make_images
from swiftxrt.engine.data import Data
from swiftxrt.engine.geometry import nominal_pointing, pixel_to_sky, sky_to_pixel
from swiftxrt.engine.image import centred_wcs, exposure_at, stack_exposure, stack_images
from swiftxrt.engine.psf import vignetting
from swiftxrt.exceptions import RequestError
from swiftxrt.met import met_to_time, met_to_time_nominal
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI
from swiftxrt.products.image import SkyImage
from swiftxrt.products.provenance import Provenance

EARLY_MET = 1.3e8
HEADER = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 25.0}


def _observation(
    ra_deg: float = 150.0, start_s: float = EARLY_MET, place: SkyCoord | None = None, bad_pixels=None
) -> EventList:
    """1000 events of PI 100 at one place or all over the detector, and one of PI 20 somewhere."""
    rng = np.random.default_rng(int(start_s) % 1000)
    header = {**HEADER, "RA_PNT": ra_deg}
    gti, nothing = GTI([start_s], [start_s + 500.0]), np.zeros(0, dtype=int)
    blank = EventList(met=nothing, x=nothing, y=nothing, pi=nothing, grade=nothing, gti=gti, mode="PC", header=header)
    pointing = nominal_pointing(25.0, *sky_to_pixel(blank.wcs, blank.pointing))
    if place is None:
        detx, dety = rng.uniform(10, 590, (2, 1000))
        x, y = pointing.to_sky(detx, dety, pointing.offset[0])
    else:
        x, y = np.repeat(sky_to_pixel(blank.wcs, place), 1000).reshape(2, 1000)
        detx, dety = pointing.to_detector(x, y, pointing.offset[0])
    pi = np.append(np.full(999, 100), 20)
    return EventList(
        met=start_s + np.linspace(0, 497, 1000), x=np.rint(x), y=np.rint(y), detx=np.rint(detx), dety=np.rint(dety),
        pi=pi, grade=np.zeros(1000), gti=gti, mode="PC", header=header, bad_pixels=bad_pixels,
    )  # fmt: skip


def test_one_observation_is_counted_as_it_is() -> None:
    events = _observation()
    image = stack_images([events], None, exposure=False)
    assert np.array_equal(image.counts, events.to_image().counts.data)
    assert image.exposure_s is None
    assert image.notes == ()
    assert stack_images([events], exposure=False).counts.sum() == 999
    assert stack_images([events], (20, 99), exposure=False).counts.sum() == 1


def test_keywords_are_those_of_the_official_image(validation_data: Path) -> None:
    """Times, observation and pointing; dates ignore the clock drift there, ten seconds in 2014, which UTCFINIT tells."""
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt"
    events = EventList.read(folder / "event" / "sw00085374001xpcw3po_cl.evt.gz")
    made = _made(events)
    official = fits.getheader(folder / "products" / "sw00085374001xpc_sk.img.gz")
    keys = "OBS_ID TARG_ID SEG_NUM DATE-OBS DATE-END MJD-OBS TSTART TSTOP MJDREFI MJDREFF TIMESYS TIMEUNIT"
    keys += " TIMEREF CLOCKAPP UTCFINIT ONTIME LIVETIME EXPOSURE RA_PNT DEC_PNT PA_PNT TELESCOP INSTRUME DATAMODE"
    for meta in (made.counts.meta, made.exposure.meta):
        assert {key: meta[key] for key in keys.split()} == {key: official[key] for key in keys.split()}
    drift_s = (met_to_time_nominal(official["TSTART"]) - met_to_time(official["TSTART"], utcf=official["UTCFINIT"])).sec
    assert drift_s == pytest.approx(9.76, abs=0.01)


def test_keywords_of_several_observations(tmp_path: Path) -> None:
    """What differs is left out; the file names the observations."""
    early, late = _observation(), _observation(start_s=EARLY_MET + 1e5)
    late = dataclasses.replace(late, header={**late.header, "OBS_ID": "00099999002", "OBJECT": "other"})
    made = _made(late, early)
    meta = made.counts.meta
    assert "OBS_ID" not in meta
    assert (meta["TSTART"], meta["TSTOP"]) == (early.gti.start[0], late.gti.stop[-1])
    assert (meta["DATE-OBS"], meta["DATE-END"]) == (early.header["DATE-OBS"], late.header["DATE-END"])
    assert (meta["ONTIME"], meta["RA_PNT"], meta["TIMESYS"]) == (1000.0, 150.0, "TT")
    again = SkyImage.read(made.write(tmp_path / "a.fits"))
    assert again.counts.meta == meta
    history = list(fits.getheader(tmp_path / "a.fits")["HISTORY"])
    assert history == ["made from 00099999002", "made from 00099999001"]


def _made(*lists: EventList) -> SkyImage:
    request = XRTRequest(target=Target(name="X", position=lists[0].pointing), image=ImageRequest()).with_defaults()
    provenance = Provenance(inputs=tuple(events.obsid for events in lists))
    return make_images.make(request, Data(pc=lists, wt=()), provenance, lambda *_, **__: None)[0]


def test_exposure_is_the_field_of_view() -> None:
    image = stack_images([_observation()])
    assert image.exposure_s is not None
    # The pointing is measured to a fraction of a pixel, so the rim is a little blurred.
    assert np.mean((image.exposure_s == 0) | np.isclose(image.exposure_s, 500.0)) > 0.99
    area = image.exposure_s.sum() / 500.0
    assert area == pytest.approx(299_900, rel=5e-3)  # Circle of 314 pixels cut by the square.
    assert image.exposure_s[499, 499] == pytest.approx(500.0)
    assert image.exposure_s[5, 5] == 0.0
    assert "no vignetting" in image.notes[0]


def test_bad_columns_are_seen_on_the_sky() -> None:
    column = np.array([(100, 0, 2, 600)], dtype=BAD_PIXEL_DTYPE)  # DETX 101 and its neighbours.
    whole, holed = stack_images([_observation()]), stack_images([_observation(bad_pixels=column)])
    assert (whole.exposure_s - holed.exposure_s).sum() / 500.0 == pytest.approx(
        3 * 475, rel=0.05
    )  # The circle is 475 pixels high there.
    # The lost pixels lie along one line, 3 pixels wide.
    lost = np.argwhere(whole.exposure_s > holed.exposure_s)
    assert np.linalg.svd(lost - lost.mean(axis=0))[1][1] / np.sqrt(lost.shape[0]) < 1.2


def test_vignetting_on_demand() -> None:
    events = _observation()
    x, y = np.array([499.0, 300.0]), np.array([499.0, 499.0])
    ratio = exposure_at(events, x, y, vignetted_kev=1.5) / exposure_at(events, x, y)
    # Boresight DET (294.6, 298.8), optical axis (300, 300).
    assert ratio[0] == pytest.approx(1.0, abs=1e-3)
    assert vignetting(1.5, 8.2) < ratio[1] < vignetting(1.5, 7.4)


def test_observations_are_moved_to_one_tangent_point() -> None:
    place = SkyCoord(150.02, 20.03, unit="deg")
    lists = [_observation(place=place), _observation(ra_deg=150.1, start_s=EARLY_MET + 1e5, place=place)]
    wcs = centred_wcs(lists, place)
    image = stack_images(lists, wcs=wcs)
    row, column = np.nonzero(image.counts)
    assert image.counts.sum() == 2 * 999
    # Places are known to half a pixel: file pixels of one, spread over one more.
    assert np.hypot(column - 499.5, row - 499.5).max() < 2.3
    weight = image.counts[row, column]
    assert np.average(column, weights=weight) == pytest.approx(499.5, abs=0.5)
    assert image.exposure_s is not None
    assert image.exposure_s[499, 499] == pytest.approx(1000.0)
    assert image.obsids == ("00099999001",)
    assert any("tangent point" in note for note in image.notes)
    assert np.array_equal(stack_images(lists, wcs=wcs, exposure=False).counts, image.counts)
    other = stack_images(lists, wcs=wcs, exposure=False, seed=1)
    assert not np.array_equal(other.counts, image.counts)


def test_events_can_be_left_out() -> None:
    events, other = _observation(), _observation(start_s=EARLY_MET + 1e5)
    dropped = np.arange(len(events)) < 300
    whole, part = (
        stack_images([events, other], exposure=False, left_out=left_out) for left_out in (None, [dropped, ~dropped])
    )
    assert whole.counts.sum() == 2 * 999
    assert part.counts.sum() == 999 - 300 + 300
    assert np.all(part.counts <= whole.counts)


def test_spreading_keeps_the_sky_flat() -> None:
    """Whole pixels moved without spreading would leave a pattern of empty rows and columns."""
    gti = GTI([EARLY_MET], [EARLY_MET + 500.0])
    y, x = np.divmod(np.arange(1_000_000), 1000)
    ones = np.ones(x.size, dtype=int)
    events = EventList(
        met=np.full(x.size, EARLY_MET), x=x, y=y, pi=100 * ones, grade=0 * ones, gti=gti, mode="PC", header=HEADER
    )
    wcs = centred_wcs([events], SkyCoord(150.03, 20.01, unit="deg"))
    inner = stack_images([events], wcs=wcs, exposure=False).counts[300:700, 300:700]
    assert inner.mean() == pytest.approx(1.0, rel=5e-3)
    assert inner.mean(axis=0).std() < 0.05
    assert inner.mean(axis=1).std() < 0.05


def test_exposure_of_any_place() -> None:
    lists = [_observation(), _observation(ra_deg=150.3, start_s=EARLY_MET + 1e5)]
    wcs = centred_wcs(lists)
    x, y = sky_to_pixel(wcs, pixel_to_sky(lists[1].wcs, 499.5, 499.5))
    seen = stack_exposure(lists, wcs, np.array([499.5, x]), np.array([499.5, y]))
    assert seen == pytest.approx([500.0, 500.0])


def test_distant_pointings_make_a_larger_image() -> None:
    lists = [_observation(), _observation(ra_deg=150.6, start_s=EARLY_MET + 1e5)]
    image = stack_images(lists)
    assert image.exposure_s is not None
    assert image.counts.shape == image.exposure_s.shape
    assert 1400 < image.counts.shape[0] < 1700
    # The corners of the detector see no sky and need not be on the image.
    assert 0.98 * 2 * 999 < image.counts.sum() <= 2 * 999
    assert image.exposure_s.sum() == pytest.approx(2 * stack_images(lists[:1]).exposure_s.sum(), rel=2e-3)


def test_two_targets_make_no_image() -> None:
    lists = [_observation(), _observation(ra_deg=160.0, start_s=EARLY_MET + 1e5)]
    with pytest.raises(RequestError, match="deg apart"):
        stack_images(lists)
    with pytest.raises(RequestError, match="deg apart"):
        stack_images(lists, wcs=centred_wcs(lists), exposure=False)


def test_events_outside_the_good_time_are_not_counted() -> None:
    events = dataclasses.replace(_observation(), gti=GTI([EARLY_MET + 100.0], [EARLY_MET + 200.0]))
    image = stack_images([events], exposure=False)
    within = np.count_nonzero((events.met >= EARLY_MET + 97.4) & (events.met < EARLY_MET + 200.0))
    assert image.counts.sum() == pytest.approx(within, abs=1)
    assert any("lie outside its good time" in note for note in image.notes)


def test_windowed_timing_gives_no_image() -> None:
    events = _observation()
    strip = EventList(
        met=events.met, x=events.x, y=events.y, pi=events.pi, grade=events.grade, gti=events.gti, mode="WT",
        header=HEADER,
    )  # fmt: skip
    with pytest.raises(RequestError, match="photon counting"):
        stack_images([strip])
    with pytest.raises(RequestError):
        stack_images([])
