"""The same numbers from other packages: stingray, astropy, regions, photutils, and quadrature.

What sherpa makes of our spectra and responses is in tests/io.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.stats import poisson_conf_interval
from numpy.typing import NDArray
from regions import CircleAnnulusPixelRegion, CirclePixelRegion, PixCoord
from scipy import integrate

from swiftxrt import GTI, EventList, Mode
from swiftxrt.engine.binning import time_bins
from swiftxrt.engine.calibration import PSF_V004, PSF_V006
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.engine.extraction import extract
from swiftxrt.engine.geometry import ring_pixels
from swiftxrt.engine.lightcurve import bin_rates
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.mission import SKY_SIZE
from swiftxrt.products.calibration import PSFCoefficients
from swiftxrt.testing.synthetic import small_scene

PLACE = SkyCoord(150.0, 20.0, unit="deg")


@pytest.fixture(scope="module")
def stingray() -> Any:
    """The package."""
    with warnings.catch_warnings():
        # It tells when it is imported what else could be installed.
        warnings.simplefilter("ignore", UserWarning)
        return pytest.importorskip("stingray", reason="stingray is not installed")


@pytest.fixture(scope="module")
def simulated() -> dict[Mode, EventList]:
    """A short observation in each mode."""
    lists = [
        simulate_observations(small_scene(duration=300 * u.s, rate=rate * u.ct / u.s, snapshots=2), seed=3)[0]
        for rate in (0.4, 30.0)
    ]
    return {events.mode: events for events in lists}


def pairs(gti: GTI) -> NDArray[np.float64]:
    """Starts and stops in two columns."""
    return np.column_stack([gti.start, gti.stop])


# --- Events --------------------------------------------------------------------------------


def compare_events(stingray: Any, path: Path) -> None:
    ours, theirs = EventList.read(path), stingray.EventList.read(str(path), fmt="hea")
    assert len(ours) == theirs.ncounts > 100
    # Both take the middle of the readout frame.
    np.testing.assert_allclose(np.asarray(theirs.time, dtype=float), ours.met_mid_s, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(theirs.pi, ours.pi)
    # It moves good time by half a frame, too, which files give as it is.
    moved_s = ours.met_mid_s[0] - ours.met[0]
    np.testing.assert_allclose(np.asarray(theirs.gti, dtype=float) - moved_s, pairs(ours.gti), rtol=0, atol=1e-6)
    assert theirs.mjdref == pytest.approx(51910 + 7.428703703703703e-4, abs=1e-11)


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
@pytest.mark.parametrize("mode", list(Mode))
def test_stingray_reads_the_same_events(
    stingray: Any, simulated: dict[Mode, EventList], mode: Mode, tmp_path: Path
) -> None:
    compare_events(stingray, simulated[mode].write(tmp_path / "events.evt.gz"))


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
def test_stingray_reads_the_same_real_events(stingray: Any, validation_data: Path) -> None:
    files = sorted(validation_data.glob("deepsky_archive_obs/**/*po_cl.evt.gz"))
    assert files
    compare_events(stingray, max(files, key=lambda path: path.stat().st_size))


def test_stingray_counts_as_many_in_each_bin(stingray: Any, simulated: dict[Mode, EventList]) -> None:
    data = extract([simulated[Mode.WT]], PLACE).events
    width_s = 5.0
    bins = time_bins(data, width_s)
    ours = bin_rates(data, bins.start_s, bins.stop_s)
    kept = (data.source_pi >= 30) & (data.source_pi <= 1000)
    gti = np.column_stack([data.gti_start_s, data.gti_stop_s])
    events = stingray.EventList(data.source_time_s[kept], gti=gti)
    theirs = events.to_lc(width_s, tstart=float(data.gti_start_s[0]), tseg=float(np.ptp(gti)) + width_s)
    which = np.rint((bins.start_s - data.gti_start_s[0]) / width_s).astype(int)
    np.testing.assert_array_equal(ours.counts, theirs.counts[which])
    assert ours.counts.sum() == kept.sum() == theirs.counts.sum()


# --- Good time -----------------------------------------------------------------------------


def random_gti(rng: np.random.Generator, number: int) -> GTI:
    return GTI(*np.sort(rng.uniform(0, 1000, 2 * number)).reshape(-1, 2).T)


@pytest.mark.parametrize("seed", range(20))
def test_good_time_as_stingray_has_it(stingray: Any, seed: int) -> None:
    algebra, rng = stingray.gti, np.random.default_rng(seed)
    first, second = random_gti(rng, rng.integers(2, 30)), random_gti(rng, rng.integers(2, 30))
    both, either = first & second, first | second
    np.testing.assert_array_equal(pairs(both), np.reshape(algebra.cross_two_gtis(pairs(first), pairs(second)), (-1, 2)))
    np.testing.assert_array_equal(pairs(either), algebra.join_gtis(pairs(first), pairs(second)))
    whole = GTI([-10.0], [1010.0])
    bad = algebra.get_btis(pairs(second), start_time=-10.0, stop_time=1010.0)
    np.testing.assert_array_equal(pairs(second.inverted(whole)), bad)
    np.testing.assert_array_equal(pairs(first - second), np.reshape(algebra.cross_two_gtis(pairs(first), bad), (-1, 2)))
    for gti in (first, both, either):
        assert gti.exposure_s == pytest.approx(algebra.get_total_gti_length(pairs(gti)), rel=1e-12)
    time_s = np.sort(rng.uniform(-20, 1020, 500))
    inside = algebra.create_gti_mask(time_s, pairs(first), dt=0.0, epsilon=0.0)
    np.testing.assert_array_equal(first.contains(time_s), inside)


# --- Statistics ----------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.683, 0.9, 0.9973])
def test_many_intervals_at_once_as_astropy_has_them_one_by_one(confidence: float) -> None:
    rng = np.random.default_rng(17)
    background = rng.uniform(0.05, 20.0, 60)
    counts = rng.poisson(background + rng.uniform(0, 30, 60)).clip(1)
    theirs = [
        np.ravel(poisson_conf_interval(int(n), "kraft-burrows-nousek", background=b, confidence_level=confidence))
        for n, b in zip(counts, background, strict=True)
    ]
    np.testing.assert_allclose(np.transpose(kbn_interval(counts, background, confidence)), theirs, rtol=1e-6, atol=1e-6)


# --- Point spread function -----------------------------------------------------------------


@pytest.mark.parametrize("coefficients", [PSF_V004, PSF_V006], ids=lambda one: one.name)
@pytest.mark.parametrize(("energy_kev", "off_axis_arcmin"), [(0.5, 0.0), (1.5, 3.0), (6.0, 10.0)])
def test_parts_of_the_psf_by_quadrature(
    coefficients: PSFCoefficients, energy_kev: float, off_axis_arcmin: float
) -> None:
    psf = KingPSF.at(energy_kev, off_axis_arcmin, coefficients)

    def density(y: float, x: float) -> float:
        return float(psf.profile(np.hypot(x, y)))

    for radius in (2.0, 12.0, 30.0):
        circle, _ = integrate.quad(lambda r: 2 * np.pi * r * psf.profile(r), 0, radius, epsabs=1e-12)
        assert psf.enclosed(radius) == pytest.approx(circle, rel=1e-8)
    # A strip is what a line through the plane adds up to; the profile is symmetric.
    line = [2 * integrate.quad(density, 0, np.inf, args=(x,), epsabs=1e-13)[0] for x in (1.0, 10.0, 25.0)]
    for x, by_quadrature in zip((1.0, 10.0, 25.0), line, strict=True):
        slope = (psf.line_enclosed(x + 1e-3) - psf.line_enclosed(x - 1e-3)) / 4e-3
        assert slope == pytest.approx(by_quadrature, rel=1e-5)
    # The accuracy that is promised for the central pixel, and from the second on.
    for x, y, accuracy in ((0, 0, 1.5e-2), (1, 0, 2e-3), (2, 0, 2e-3), (12, 9, 2e-3)):
        pixel, _ = integrate.dblquad(density, x - 0.5, x + 0.5, y - 0.5, y + 0.5, epsabs=1e-10)
        assert psf.pixel_fractions(x, y) == pytest.approx(pixel, rel=accuracy)


# --- Regions -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counts_image() -> NDArray[np.float64]:
    """Few counts everywhere."""
    return np.random.default_rng(7).poisson(0.2, (SKY_SIZE, SKY_SIZE)).astype(float)


RINGS = [(498.3, 510.8, 20.0, 0.0), (505.13, 490.0, 30.0, 8.5), (500.25, 502.75, 190.0, 60.0)]


@pytest.mark.parametrize(("x", "y", "outer", "inner"), RINGS)
def test_counts_in_rings_as_regions_has_them(
    counts_image: NDArray[np.float64], x: float, y: float, outer: float, inner: float
) -> None:
    centre = PixCoord(x, y)
    shape = CircleAnnulusPixelRegion(centre, inner, outer) if inner else CirclePixelRegion(centre, outer)
    theirs = shape.to_mask(mode="center").get_values(counts_image)
    columns, rows = ring_pixels(x, y, outer, inner)
    assert columns.size == theirs.size
    assert counts_image[rows, columns].sum() == theirs.sum() > 0


@pytest.mark.parametrize(("x", "y", "outer", "inner"), RINGS)
def test_counts_in_rings_as_photutils_has_them(
    counts_image: NDArray[np.float64], x: float, y: float, outer: float, inner: float
) -> None:
    aperture = pytest.importorskip("photutils.aperture", reason="photutils is not installed")
    ring = aperture.CircularAnnulus((x, y), inner, outer) if inner > 0 else aperture.CircularAperture((x, y), outer)
    columns, rows = ring_pixels(x, y, outer, inner)
    theirs = aperture.aperture_photometry(counts_image, ring, method="center")["aperture_sum"][0]
    assert counts_image[rows, columns].sum() == pytest.approx(float(theirs))
