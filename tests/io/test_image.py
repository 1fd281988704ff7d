"""Image files."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS

from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import FormatError, OutputExistsError, RequestError
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.image import SkyImage
from swiftxrt.products.provenance import Provenance

META = {"OBS_ID": "00012345001", "EXPOSURE": 1565.80442731197, "XRTFLAG": True, "OBJECT": "T Pyx"}


def make(*, exposure=True, band="0.3-10 keV", provenance=None):
    rng = np.random.default_rng(1)
    wcs = sky_wcs(150.12345678901234, 20.1)
    counts = CCDData(rng.poisson(0.01, (1000, 1000)).astype(np.int32), unit=u.ct, wcs=wcs, meta=dict(META))
    times = CCDData(rng.uniform(0, 1500, (1000, 1000)), unit=u.s, wcs=wcs)
    return SkyImage(
        counts,
        times if exposure else None,
        EnergyBand.parse(band) if band else None,
        provenance or Provenance(),
    )


@pytest.mark.parametrize("name", ["a.fits", "a.img.gz"])
@pytest.mark.parametrize("exposure", [True, False])
@pytest.mark.parametrize("band", ["0.3-10 keV", "300-1500 eV", None])
def test_round_trip(tmp_path, name, exposure, band):
    image = make(exposure=exposure, band=band)
    path = image.write(tmp_path / name)
    again = SkyImage.read(path)
    assert again == image
    assert again.counts.meta == META
    assert again.counts.data.dtype == np.int32
    assert again.counts.data.dtype.isnative


def test_provenance_survives(tmp_path):
    provenance = Provenance(backend="local", inputs=("00012345001", "00012345002"), notes=("ρ is not ASCII; " * 20,))
    again = SkyImage.read(make(provenance=provenance).write(tmp_path / "a.fits"))
    assert again.provenance == provenance


def test_cutout_survives(tmp_path):
    part = make().cutout(make().wcs.pixel_to_world(300, 700), 3 * u.arcmin)
    assert SkyImage.read(part.write(tmp_path / "a.fits")) == part


def test_astropy_reads_it_without_complaint(tmp_path):
    image = make()
    path = image.write(tmp_path / "a.fits")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True, memmap=False) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "EXPOSURE"]
            header = hdus[0].header
            assert (header["E_MIN"], header["E_MAX"], header["BUNIT"]) == (0.3, 10, "count")
            assert header["TOTCTS"] == image.counts.data.sum()
            assert hdus[1].header["BUNIT"] == "s"
            wcs = WCS(header)
            np.testing.assert_array_equal(hdus[0].data, image.counts.data)
    assert wcs.pixel_to_world(10, 20).separation(image.wcs.pixel_to_world(10, 20)).arcsec < 1e-9


def test_existing_files_are_kept(tmp_path):
    path = make().write(tmp_path / "a.fits")
    with pytest.raises(OutputExistsError):
        make(band=None).write(path)
    assert SkyImage.read(path) == make()
    make(band=None).write(path, overwrite=True)
    assert SkyImage.read(path) == make(band=None)


def test_exposure_of_another_file(tmp_path):
    image = make()
    counts = make(exposure=False).write(tmp_path / "sk.fits")
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 20.0})
    fits.PrimaryHDU(image.exposure.data, header=header).writeto(tmp_path / "ex.fits")
    assert SkyImage.read(counts, exposure=tmp_path / "ex.fits") == image
    with pytest.raises(FormatError, match="no such file"):
        SkyImage.read(counts, exposure=tmp_path / "none.fits")


def test_exposure_maps_are_no_counts(tmp_path):
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    seconds = fits.Header({**header, "BUNIT": "s"})
    for data, head, found in ((np.full((5, 5), 0.5), header, "not whole numbers"), (np.ones((5, 5)), seconds, "in s")):
        fits.PrimaryHDU(data, header=head).writeto(tmp_path / "a.img", overwrite=True)
        with pytest.raises(FormatError, match=rf"{found}.*exposure map.*exposure=map_path"):
            SkyImage.read(tmp_path / "a.img")
    fits.PrimaryHDU(np.ones((5, 5)), header=fits.Header({**header, "BUNIT": "count"})).writeto(tmp_path / "b.img")
    assert SkyImage.read(tmp_path / "b.img", exposure=tmp_path / "a.img").rate.data.tolist() == [[1.0] * 5] * 5


def test_official_exposure_map_is_no_image(validation_data):
    (path,) = validation_data.glob("deepsky_archive_obs/obs/*/00085374001/xrt/products/sw00085374001xpc_ex.img.gz")
    with pytest.raises(FormatError, match="exposure map"):
        SkyImage.read(path)


@pytest.mark.parametrize("name", ["a.png", "a.img.png", "a.png.gz", "a.evt"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(RequestError, match=r"\.fits, \.fit, \.img, or these with \.gz"):
        make().write(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_fits_cannot_hold_is_left_out(tmp_path):
    image = make()
    image.counts.meta.update(
        {"longer than eight": 1, "LIST": [1], "GREEK": "ρ", "CRPIX1": 3.0, "CD1_1": 2.0, "PC1_2": 0.5}
    )
    assert SkyImage.read(image.write(tmp_path / "a.fits")).counts.meta == META


def test_not_an_image(tmp_path):
    def refused(hdus, message):
        path = tmp_path / "a.fits"
        fits.HDUList(hdus).writeto(path, overwrite=True)
        with pytest.raises(FormatError, match=message) as caught:
            SkyImage.read(path)
        assert caught.value.path == str(path)

    refused([fits.PrimaryHDU()], "no two-dimensional image")
    refused([fits.PrimaryHDU(np.zeros(5))], "no two-dimensional image")
    refused([fits.PrimaryHDU(np.zeros((5, 5)))], "no celestial")
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "E_MIN": 5.0, "E_MAX": 1.0})
    refused([fits.PrimaryHDU(np.zeros((5, 5)), header=header)], "not a sky image")
    del header["E_MAX"]
    refused([fits.PrimaryHDU(np.zeros((5, 5)), header=header)], "not a sky image")
    wrong = fits.ImageHDU(np.zeros((4, 4)), header=header, name="EXPOSURE")
    del header["E_MIN"]
    refused([fits.PrimaryHDU(np.zeros((5, 5)), header=header), wrong], "shape")
    header["XRTPROV"] = "{broken"
    refused([fits.PrimaryHDU(np.zeros((5, 5)), header=header)], "not a sky image")


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_truncated(tmp_path, name):
    path = make().write(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(FormatError):
        SkyImage.read(path)


def test_official_image_and_exposure_map(validation_data):
    """Counts and longest exposure (1572.0771 s) are those of the files; both have the same grid."""
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/products"
    image = SkyImage.read(folder / "sw00085374001xpc_sk.img.gz", exposure=folder / "sw00085374001xpc_ex.img.gz")
    assert image.counts.data.sum() == 553
    assert image.exposure.data.max() == pytest.approx(1572.0771, abs=1e-3)
    assert image.wcs.wcs.crval.tolist() == [21.73395, 33.06915]
    assert image.wcs.wcs.radesys == "FK5"
    assert np.nansum(image.rate.data) == pytest.approx(553 / 1500, rel=0.1)
    assert image.counts.meta["OBS_ID"] == "00085374001"
    assert "CRPIX1P" not in image.counts.meta


def test_official_image_survives_writing(validation_data, tmp_path):
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/products"
    image = SkyImage.read(folder / "sw00085374001xpc_sk.img.gz", exposure=folder / "sw00085374001xpc_ex.img.gz")
    again = SkyImage.read(image.write(tmp_path / "a.fits.gz"))
    assert again == image
    assert again.counts.meta == image.counts.meta
