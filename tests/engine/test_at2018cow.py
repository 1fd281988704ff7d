"""The official light curves of AT2018cow, made again from the official event lists.

The archive of UKSSDC (2018-07-01, target 00010724, photon counting) holds the
extracted events, the correction factors and the curves made of them. Its log
gives the parameters: PI 30 to 1000 in bins of 100 s, hardness of PI 30-150
against 150-1000 in bins of 200 s, both counted from the first good time, and
the defaults for everything else.
"""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.engine.binning import BinningParameters, time_bins
from swiftxrt.engine.hardness import hardness_ratio
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import StatisticsParameters, bin_rates, build_curves
from swiftxrt.engine.selection import snapshot_numbers

T0_S = 551097137.0  # t0.date
CURVE = (
    "time",
    "pos",
    "neg",
    "rate",
    "rate_pos",
    "rate_neg",
    "fraction",
    "bg",
    "bg_err",
    "factor",
    "counts",
    "bg_counts",
)
CURVE += ("exposure", "sigma", "snr")
RATIO = ("time", "pos", "neg", "hard", "hard_err", "hard_sigma", "soft", "soft_err", "soft_sigma", "ratio", "ratio_err")
RATIO += ("fraction", "exposure")


@pytest.fixture(scope="module")
def folder(validation_data):
    return validation_data / "uklc_AT2018cow"


@pytest.fixture(scope="module")
def data(folder):
    """What the official program binned: shifted to the middle of the frames, with the areas of each event."""
    source, gti = fits.getdata(folder / "pcsourcetotal.evt.gz", 1), fits.getdata(folder / "pcsourcetotal.evt.gz", "GTI")
    background = fits.getdata(folder / "pcbacktotal.evt.gz", 1)
    factors = fits.getdata(folder / "pccorr.fits.gz", 1)
    frame_s = fits.getval(folder / "pcsourcetotal.evt.gz", "TIMEDEL", 1)
    start_s, stop_s = gti["START"].astype(float), gti["STOP"].astype(float)
    return ExtractedEvents(
        mode="PC",
        frame_s=frame_s,
        source_time_s=source["TIME"].astype(float) + frame_s / 2,
        source_pi=source["PI"].astype(np.int64),
        background_time_s=background["TIME"].astype(float) + frame_s / 2,
        background_pi=background["PI"].astype(np.int64),
        background_ratio=background["SRCAREA"] / background["BGAREA"].astype(float),
        gti_start_s=start_s,
        gti_stop_s=stop_s,
        gti_snapshot=snapshot_numbers(start_s, stop_s),
        gti_obsid=np.full(len(start_s), "00010724002"),
        gti_ratio=np.full(len(start_s), np.nan),
        correction_time_s=factors["TIME"].astype(float),
        correction_factor=factors["CORRFACT"].astype(float),
    )


def table(path, names):
    """The rows of a QDP file, as the text that was printed."""
    rows = [line.split() for line in path.read_text().splitlines() if line[:1].isdigit()]
    return dict(zip(names, np.array(rows).T, strict=True))


@pytest.fixture(scope="module")
def official(folder):
    return table(folder / "PCCURVE.qdp", CURVE)


@pytest.fixture(scope="module")
def bins(data):
    edges = time_bins(data, 100.0)
    return bin_rates(data, edges.start_s, edges.stop_s, centred=True)


@pytest.fixture(scope="module")
def rates(bins):
    return bins.take(~bins.is_upper_limit)


@pytest.fixture(scope="module")
def gaussian(official):
    """Which official bins are not Bayesian."""
    return official["counts"].astype(int) >= 15


def agrees(values, printed, form):
    return np.array([f"{value:{form}}" for value in values]) == printed


def single_precision(exposure, width_s):
    """The official program keeps the fractional exposure in single precision."""
    return (exposure / width_s).astype(np.float32).astype(float) * width_s


class TestRates:
    def test_the_same_bins(self, bins, rates, official):
        assert (len(rates), bins.is_upper_limit.sum()) == (264, 5)
        assert agrees(rates.met_s - T0_S, official["time"], ".3f").all()
        assert agrees(rates.time_err_pos, official["pos"], ".3f").all()
        assert agrees(-rates.time_err_neg, official["neg"], ".3f").all()

    def test_counts_background_and_correction(self, rates, official):
        assert agrees(rates.counts, official["counts"], "d").all()
        assert agrees(rates.background_counts, official["bg_counts"], ".6f").all()
        assert agrees(rates.correction_factor, official["factor"], ".6f").all()

    def test_exposure(self, rates, official):
        np.testing.assert_allclose(rates.exposure, official["exposure"].astype(float), rtol=0, atol=4e-6)
        exposure = single_precision(rates.exposure, 100.0)
        assert agrees(exposure, official["exposure"], ".6f").all()
        assert agrees(exposure / 100.0, official["fraction"], ".6f").all()

    @pytest.mark.parametrize(
        ("column", "name", "form", "sign"),
        [
            ("rate", "rate", ".6e", 1),
            ("rate_err_pos", "rate_pos", ".6e", 1),
            ("rate_err_neg", "rate_neg", ".6e", -1),
            ("significance", "sigma", ".6f", 1),
            ("snr", "snr", ".6f", 1),
        ],
    )
    def test_every_digit_of_gaussian_bins(self, rates, official, gaussian, column, name, form, sign):
        assert gaussian.sum() == 184
        scale = rates.exposure / single_precision(rates.exposure, 100.0) if name.startswith("rate") else 1.0
        assert agrees((sign * scale * getattr(rates, column))[gaussian], official[name][gaussian], form).all()

    def test_background_rate(self, rates, official):
        scale = rates.exposure / single_precision(rates.exposure, 100.0)
        assert agrees(rates.background_rate * scale, official["bg"], ".6e").all()
        assert agrees(rates.background_rate_err * scale, official["bg_err"], ".6e").all()

    @pytest.mark.parametrize(
        ("column", "name", "sign", "steps"),
        [("rate", "rate", 1, 0.5), ("rate_err_pos", "rate_pos", 1, 1.5), ("rate_err_neg", "rate_neg", -1, 1.5)],
    )
    def test_bayesian_bins_to_the_step_of_the_official_posterior(
        self, rates, official, gaussian, column, name, sign, steps
    ):
        """It is sampled every 0.001 counts, so the mode is off by up to half a step, the errors by more."""
        found = getattr(rates, column)[~gaussian]
        difference = np.abs(sign * found - official[name][~gaussian].astype(float))
        counts = difference * (rates.exposure / rates.correction_factor)[~gaussian]
        assert len(counts) == 80
        assert counts.max() < steps * 1e-3 + 1e-5

    def test_significance_of_bayesian_bins(self, rates, official, gaussian):
        found, printed = rates.significance[~gaussian], official["sigma"][~gaussian].astype(float)
        bayesian = printed < 5
        assert bayesian.sum() == 4
        np.testing.assert_allclose(found[bayesian], printed[bayesian], rtol=1e-4)
        assert agrees(found[~bayesian], official["sigma"][~gaussian][~bayesian], ".6f").all()

    def test_snr_of_bayesian_bins(self, rates, official, gaussian):
        np.testing.assert_allclose(rates.snr[~gaussian], official["snr"][~gaussian].astype(float), rtol=6e-4)


def test_every_upper_limit(bins, folder):
    limits, official = bins.take(bins.is_upper_limit), table(folder / "PCUL.qdp", CURVE)
    assert agrees(limits.met_s - T0_S, official["time"], ".3f").all()
    assert agrees(limits.counts, official["counts"], "d").all()
    for column, name, form in (
        ("background_counts", "bg_counts", ".4f"),
        ("exposure", "exposure", ".4f"),
        ("fractional_exposure", "fraction", ".4f"),
        ("correction_factor", "factor", ".4f"),
        ("background_rate", "bg", ".4e"),
        ("background_rate_err", "bg_err", ".4e"),
    ):
        assert agrees(getattr(limits, column), official[name], form).all(), column
    # Limits in counts are rounded to 0.001 there, so that five digits agree to 1.5 in the last.
    np.testing.assert_allclose(limits.rate, official["rate"].astype(float), rtol=1e-4)
    np.testing.assert_allclose(limits.significance, official["sigma"].astype(float), rtol=2e-4)
    assert np.isinf(limits.snr).all()


class TestHardness:
    @pytest.fixture
    def printed(self, folder):
        return table(folder / "PCHR.qdp", RATIO)

    @pytest.fixture
    def bands(self, data):
        edges = time_bins(data, 200.0)
        plain = StatisticsParameters(allow_bayes=False, allow_limits=False)
        options = {"statistics": plain, "centred": True}
        return tuple(
            bin_rates(data, edges.start_s, edges.stop_s, channels=channels, **options)
            for channels in ((30, 150), (150, 1000))
        )

    def test_every_digit_of_the_bands(self, bands, printed):
        soft, hard = bands
        assert len(soft) == 145
        assert agrees(soft.met_s - T0_S, printed["time"], ".3f").all()
        scale = soft.exposure / single_precision(soft.exposure, 200.0)
        for band, name in ((soft, "soft"), (hard, "hard")):
            assert agrees(band.rate * scale, printed[name], ".6f").all()
            assert agrees(band.rate_err_pos * scale, printed[f"{name}_err"], ".6f").all()
            assert agrees(band.significance, printed[f"{name}_sigma"], ".6f").all()

    def test_every_digit_of_the_ratio(self, bands, printed):
        found = hardness_ratio(*bands)
        # Without soft counts the official ratio is inf (one bin) or nan (one bin).
        defined = bands[0].counts > 0
        assert (~defined).sum() == 2
        assert np.isnan(found.hardness_ratio[~defined]).all()
        assert agrees(found.hardness_ratio[defined], printed["ratio"][defined], ".6f").all()
        with_error = defined & (bands[1].counts > 0)
        assert (printed["ratio_err"][~with_error] == "-nan").all()
        assert agrees(found.hardness_ratio_err[with_error], printed["ratio_err"][with_error], ".6f").all()


def test_the_same_in_one_call(data, rates, official):
    """As a request for fixed times is carried out."""
    binning = BinningParameters(method="time", width_s=100.0, hardness_width_s=200.0)
    curves = build_curves(data, binning)
    assert np.array_equal(curves.total.take(~curves.total.is_upper_limit).rate, rates.rate)
    assert len(curves.soft) == len(curves.hard) == 145
    assert len(curves.hardness) == 143
