"""Sky images."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.wcs import WCS

from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.products._wcs import celestial_wcs, same_wcs, sky_wcs, wcs_cards
from swiftxrt.products.image import SkyImage
from swiftxrt.products.provenance import Provenance

CENTRE = SkyCoord(150.0, 20.0, unit="deg", frame="fk5")


def make(*, exposure=True, band="0.3-10 keV", seed=1):
    rng = np.random.default_rng(seed)
    wcs = sky_wcs(150.0, 20.0)
    counts = CCDData(rng.poisson(0.01, (1000, 1000)), unit=u.ct, wcs=wcs, meta={"OBS_ID": "00012345001"})
    times = np.full((1000, 1000), 1000.0)
    times[:100] = 0
    return SkyImage(
        counts, CCDData(times, unit=u.s, wcs=wcs) if exposure else None, EnergyBand.parse(band) if band else None
    )


def test_parts():
    image = make()
    assert image.shape == (1000, 1000)
    assert image.wcs is image.counts.wcs
    assert image.band == EnergyBand.parse("0.3-10 keV")
    with pytest.raises(AttributeError):
        image.band = None


def test_rate():
    image = make()
    rate = image.rate
    assert rate.unit == u.ct / u.s
    assert np.isnan(rate.data[:100]).all()
    np.testing.assert_allclose(rate.data[100:], image.counts.data[100:] / 1000)
    assert rate.wcs is image.wcs


def test_rate_needs_an_exposure():
    with pytest.raises(NoDataError, match="no exposure map"):
        _ = make(exposure=False).rate


def test_cutout():
    image = make()
    where = image.wcs.pixel_to_world(600, 300)
    part = image.cutout(where, 2 * u.arcmin)
    # 120 arcsec are 50.9 pixels of 2.3573 arcsec.
    assert part.shape == (51, 51)
    np.testing.assert_array_equal(part.counts.data, image.counts.data[275:326, 575:626])
    np.testing.assert_array_equal(part.exposure.data, image.exposure.data[275:326, 575:626])
    assert part.wcs.pixel_to_world(25, 25).separation(where).arcsec < 1e-6
    assert part.exposure.wcs.pixel_to_world(25, 25).separation(where).arcsec < 1e-6
    assert part.band == image.band
    assert part.counts.meta["OBS_ID"] == "00012345001"
    part.counts.data[:] = 99
    assert image.counts.data.max() < 99


def test_cutout_of_height_and_width():
    assert make(exposure=False).cutout(CENTRE, [1, 3] * u.arcmin).shape == (25, 76)


def test_cutout_at_the_edge_is_trimmed():
    image = make()
    part = image.cutout(image.wcs.pixel_to_world(0, 500), 1 * u.arcmin)
    assert part.shape == (25, 13)


def test_nothing_to_cut_out():
    with pytest.raises(NoDataError, match="no pixel"):
        make().cutout(SkyCoord(10, 20, unit="deg"), 1 * u.arcmin)


@pytest.mark.parametrize(
    ("position", "size", "field"),
    [
        ((150, 20), 1 * u.arcmin, "position"),
        (SkyCoord([150, 151], [20, 21], unit="deg"), 1 * u.arcmin, "position"),
        (CENTRE, 25, "size"),
        (CENTRE, 25 * u.s, "size"),
        (CENTRE, -1 * u.arcmin, "size"),
        (CENTRE, [1, 2, 3] * u.arcmin, "size"),
    ],
)
def test_arguments_of_cutout(position, size, field):
    with pytest.raises(RequestError, match=field):
        make().cutout(position, size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.zeros((3, 3))}, "CCDData with unit ct"),
        ({"counts": CCDData(np.zeros((3, 3)), unit=u.s, wcs=sky_wcs(1, 2))}, "unit ct"),
        ({"counts": CCDData(np.zeros(3), unit=u.ct)}, "two-dimensional"),
        ({"counts": CCDData(np.zeros((3, 3)), unit=u.ct)}, "celestial WCS"),
        ({"counts": CCDData(np.zeros((3, 3)), unit=u.ct, wcs=WCS(naxis=2))}, "celestial WCS"),
        ({"exposure": np.zeros((1000, 1000))}, "unit s"),
        ({"exposure": CCDData(np.zeros((1000, 1000)), unit=u.ct)}, "unit s"),
        ({"exposure": CCDData(np.zeros((10, 10)), unit=u.s)}, "shape"),
        ({"band": "0.3-10 keV"}, "EnergyBand"),
    ],
)
def test_what_cannot_be_an_image(change, message):
    image = make()
    with pytest.raises(RequestError, match=message):
        SkyImage(**{"counts": image.counts, "exposure": image.exposure, **change})


def test_equality():
    image = make()
    assert image == make()
    assert image != make(seed=2)
    assert image != make(exposure=False)
    assert make(exposure=False) != image
    assert image != make(band="0.3-1.5 keV")
    assert image != make(band=None)
    assert image != "image"
    moved = SkyImage(CCDData(image.counts.data, unit=u.ct, wcs=sky_wcs(150.001, 20)), image.exposure, image.band)
    assert image != moved
    other_maker = SkyImage(image.counts, image.exposure, image.band, Provenance(backend="local"))
    assert image == other_maker
    with pytest.raises(TypeError):
        hash(image)


def test_pickle():
    image = make()
    again = pickle.loads(pickle.dumps(image))
    assert again == image
    assert again.counts.meta == image.counts.meta


def test_repr():
    image = make()
    total = image.counts.data.sum()
    assert repr(image) == f"<SkyImage 1000 x 1000 pix, {total} ct, 0.3-10 keV, exposure up to 1000.0 s>"
    assert repr(make(exposure=False, band=None)) == f"<SkyImage 1000 x 1000 pix, {total} ct>"


# --- Coordinate systems -------------------------------------------------------------


def test_cards_give_the_same_system_again():
    wcs = sky_wcs(150.12345678901234, -20.98765432109876, "ICRS")
    cards = wcs_cards(wcs)
    assert cards["CRVAL1"] == 150.12345678901234
    assert "EQUINOX" not in cards
    assert same_wcs(celestial_wcs(cards, (1000, 1000)), wcs)


def test_rotated_systems_survive():
    wcs = sky_wcs(150, 20)
    wcs.wcs.pc = [[0.8, -0.6], [0.6, 0.8]]
    wcs.wcs.set()
    assert same_wcs(celestial_wcs(wcs_cards(wcs), (1000, 1000)), wcs)
    assert not same_wcs(wcs, sky_wcs(150, 20))


def test_no_celestial_system():
    assert celestial_wcs({}, (3, 3)) is None
    assert celestial_wcs({"CTYPE1": "X", "CTYPE2": "Y"}, (3, 3)) is None
    assert same_wcs(None, None)
    assert not same_wcs(None, sky_wcs(1, 2))


def test_old_spelling_of_the_frame():
    cards = wcs_cards(sky_wcs(150, 20))
    cards["RADECSYS"] = cards.pop("RADESYS")
    assert celestial_wcs(cards, (1000, 1000)).wcs.radesys == "FK5"
