"""Rates and limits of bins, against published rows, closed forms and simulated sources."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import norm

from swiftxrt.engine.binning import BinningParameters
from swiftxrt.engine.counts import kbn_interval, kbn_upper_limit
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import RateBins, StatisticsParameters, bin_rates, build_curves
from swiftxrt.exceptions import NoDataError, RequestError


def make_data(spans, source_s, background_s=(), *, ratio=0.04, pi=500, steps=((0.0, 1.0),), obsid=None):
    """Extracted events with good time in `spans`, each a snapshot of its own."""
    source_s, background_s = np.sort(np.asarray(source_s, float)), np.sort(np.asarray(background_s, float))
    start_s, stop_s = np.asarray(spans, float).reshape(-1, 2).T
    return ExtractedEvents(
        mode="PC",
        frame_s=0.5,
        source_time_s=source_s,
        source_pi=np.broadcast_to(np.asarray(pi), len(source_s)).copy(),
        background_time_s=background_s,
        background_pi=np.full(len(background_s), 150),
        background_ratio=np.broadcast_to(np.asarray(ratio, float), len(background_s)).copy(),
        gti_start_s=start_s,
        gti_stop_s=stop_s,
        gti_snapshot=np.arange(len(start_s)),
        gti_obsid=np.asarray(obsid or ["00012345001"] * len(start_s)),
        gti_ratio=np.full(len(start_s), 0.04),
        correction_time_s=np.array([step[0] for step in steps]),
        correction_factor=np.array([step[1] for step in steps]),
    )


def one_bin(counts, exposure, *, background=(0, 0.0), factor=1.0, length=None, **options):
    """The bin with so many counts and background events (number, ratio)."""
    times = np.linspace(0, exposure, counts + 2)[1:-1]
    others = np.linspace(0, exposure, background[0] + 2)[1:-1]
    data = make_data([(0.0, exposure)], times, others, ratio=background[1], steps=[(0.0, factor)])
    return bin_rates(data, np.array([0.0]), np.array([length or exposure]), **options)


# Rows of GRB 220427A (swifttools documentation): seconds back and on, rate, error, fractional exposure,
# background rate and error, correction factor, counts, background, exposure, sigma, SNR; background events.
PUBLISHED = [
    (10.603, 9.456, 2.492634, 0.547598, 1.0, 0.006904, 0.003088, 2.396688, 21, 0.138491, 20.058508, 336.828549, 4.551939, 5),
    (13.928, 8.638, 2.458382, 0.502403, 1.0, 0.001227, 0.001227, 2.314148, 24, 0.027698, 22.565840, 865.481752, 4.893247, 1),
    (17.577, 15.019, 1.561949, 0.333009, 1.0, 0.0, 0.0, 2.314176, 22, 0.0, 32.595080, 1000.0, 4.690416, 0),
    (140.627, 152.728, 0.090189, 0.023810, 1.0, 0.001118, 0.000219, 1.803255, 15, 0.327916, 293.355360, 228.147331, 3.787794, 26),
    (117.789, 137.957, 0.145418, 0.032956, 0.990174, 0.001046, 0.000228, 1.865945, 20, 0.264856, 253.232572, 341.460864, 4.412544, 21),
    (309.753, 449.956, 0.033220, 0.008030, 1.0, 0.000588, 0.000073, 1.437743, 18, 0.446400, 759.708920, 317.029134, 4.137071, 65),
]  # fmt: skip


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_gaussian_bins(row):
    back, on, rate, error, fraction, background_rate, background_error, factor, counts, background, *rest = row
    exposure, sigma, snr, events = rest
    found = one_bin(counts, exposure, background=(events, background / max(events, 1)), factor=factor, length=back + on)
    assert found.rate[0] == pytest.approx(rate, abs=2e-6)
    assert found.rate_err_pos[0] == found.rate_err_neg[0] == pytest.approx(error, abs=2e-6)
    assert found.fractional_exposure[0] == pytest.approx(fraction, abs=3e-5)
    assert found.background_rate[0] == pytest.approx(background_rate, abs=1e-6)
    assert found.background_rate_err[0] == pytest.approx(background_error, abs=1e-6)
    assert found.significance[0] == pytest.approx(sigma, rel=2e-4)
    assert found.snr[0] == pytest.approx(snr, rel=2e-6)
    assert not found.is_upper_limit[0]


def test_published_bayesian_bin():
    """LSXPS: 19 counts on 8.694409; Bayesian because of the low signal-to-noise ratio."""
    found = one_bin(19, 5867.082, background=(100, 0.08694409), factor=1.360940)
    assert found.rate[0] == pytest.approx(0.002391, abs=1e-6)
    assert found.rate_err_pos[0] == pytest.approx(0.001095, abs=1e-6)
    assert found.rate_err_neg[0] == pytest.approx(0.000939, abs=1e-6)
    assert found.significance[0] == pytest.approx(3.094026, rel=1e-4)
    assert found.snr[0] == pytest.approx(2.546578, rel=1e-4)


def test_published_bin_at_the_edge_of_gaussian():
    """15 counts and a signal-to-noise ratio of 2.441 are just enough."""
    found = one_bin(15, 7424.1153, background=(1719, 5.540165 / 1719), factor=1.589993)
    assert found.rate[0] == pytest.approx(0.002026, abs=1e-6)
    assert found.rate_err_pos[0] == found.rate_err_neg[0] == pytest.approx(0.000830, abs=1e-6)
    assert found.snr[0] == pytest.approx(2.441, abs=1e-3)


def test_published_limit():
    """GRB 220427A: 3 counts on 1.2247."""
    found = one_bin(3, 9811.0649, background=(600, 1.2247 / 600), factor=1.6836, length=9811.0649 / 0.0364)
    assert found.is_upper_limit[0]
    assert found.rate[0] == pytest.approx(0.001821, abs=1e-6)
    assert found.significance[0] == pytest.approx(1.4103, rel=5e-4)
    assert found.background_rate_err[0] == pytest.approx(5e-6, abs=5e-7)
    assert np.isinf(found.snr[0])
    assert np.isnan([found.rate_err_neg[0], found.rate_err_pos[0]]).all()


class TestSignificance:
    """As in AT2018cow and M51 ULX-7: counts, background events, background, significance."""

    @pytest.mark.parametrize(
        ("counts", "events", "background", "sigma"),
        [
            (10, 161, 1.22002, 4.9298),  # the largest Bayesian one that was published
            (4, 2, 0.058925, 94.586931),  # the smallest that was not: it would be 5.0036
            (2, 0, 0.0, 1000.0),
            (0, 0, 0.0, 0.0),
            (0, 3, 0.1, 0.0),
        ],
    )
    def test_bayesian_up_to_five_sigma(self, counts, events, background, sigma):
        found = one_bin(counts, 100.0, background=(events, background / max(events, 1)))
        assert found.significance[0] == pytest.approx(sigma, rel=1e-4)

    def test_no_detection_without_enough_of_it(self):
        # 2 and 3 counts on 0.23 are 2.1 and 3.1 sigma.
        options = {"background": (8, 0.0287)}
        assert one_bin(2, 100.0, **options).is_upper_limit[0]
        assert not one_bin(3, 100.0, **options).is_upper_limit[0]
        strict = StatisticsParameters(significance=3.2)
        assert one_bin(3, 100.0, statistics=strict, **options).is_upper_limit[0]


class TestSwitches:
    background = (50, 0.05)

    def test_no_limits(self):
        found = one_bin(3, 50.0, background=self.background, statistics=StatisticsParameters(allow_limits=False))
        lower, upper = kbn_interval(3, 2.5)
        assert not found.is_upper_limit[0]
        np.testing.assert_allclose(found.rate, 0.5 / 50)
        np.testing.assert_allclose(found.rate_err_neg, (0.5 - lower) / 50)
        np.testing.assert_allclose(found.rate_err_pos, (upper - 0.5) / 50)

    def test_no_bayesian_bins(self):
        plain = StatisticsParameters(allow_bayes=False)
        found = one_bin(3, 50.0, background=self.background, statistics=plain)
        assert found.is_upper_limit[0]  # (3 - 2.5) / 0.35 sigma
        assert found.rate[0] == pytest.approx(float(kbn_upper_limit(3, 2.5)) / 50)
        found = one_bin(4, 50.0, background=self.background, statistics=plain)
        assert not found.is_upper_limit[0]
        np.testing.assert_allclose(found.rate_err_pos, np.sqrt(4 + 2.5**2 / 50) / 50)
        np.testing.assert_allclose(found.rate_err_neg, found.rate_err_pos)

    def test_neither(self):
        plain = StatisticsParameters(allow_bayes=False, allow_limits=False)
        found = one_bin(1, 50.0, background=self.background, statistics=plain)
        np.testing.assert_allclose(found.rate, -1.5 / 50)
        assert not found.is_upper_limit[0]

    def test_when_bins_are_bayesian(self):
        options = {"background": (0, 0.0)}
        assert np.ptp([one_bin(14, 50.0, **options).rate_err_pos, one_bin(14, 50.0, **options).rate_err_neg]) > 0
        gaussian = one_bin(14, 50.0, statistics=StatisticsParameters(bayes_counts=14), **options)
        assert gaussian.rate_err_pos == gaussian.rate_err_neg
        bayesian = one_bin(14, 50.0, statistics=StatisticsParameters(bayes_counts=14, bayes_snr=4.0), **options)
        assert bayesian.rate_err_pos > bayesian.rate_err_neg

    @pytest.mark.parametrize(
        ("field", "value"),
        [("significance", -1.0), ("bayes_snr", np.nan), ("confidence", 68.3), ("limit_confidence", 1.0)],
    )
    def test_senseless(self, field, value):
        with pytest.raises(RequestError, match=field):
            StatisticsParameters(**{field: value})


class TestColumns:
    def test_time_is_the_mean_arrival_time_or_the_centre(self):
        data = make_data([(100.0, 150.0), (160.0, 200.0)], [101.0, 102.0, 133.0, 170.0])
        edges = np.array([100.0, 150.0]), np.array([150.0, 200.0])
        found = bin_rates(data, *edges)
        np.testing.assert_allclose(found.met_s, [112.0, 170.0])
        np.testing.assert_allclose(found.met_s - found.time_err_neg, edges[0])
        np.testing.assert_allclose(found.met_s + found.time_err_pos, edges[1])
        np.testing.assert_allclose(bin_rates(data, *edges, centred=True).met_s, [125.0, 175.0])

    def test_time_of_a_bin_without_events(self):
        data = make_data([(5e8, 5e8 + 10.0), (5e8 + 90.0, 5e8 + 120.0)], [])
        found = bin_rates(data, np.array([5e8]), np.array([5e8 + 100.0]))
        np.testing.assert_allclose(found.met_s, 5e8 + 50.0, rtol=0, atol=1e-6)
        assert found.exposure == pytest.approx(20.0)
        assert found.fractional_exposure == pytest.approx(0.2)

    def test_correction_factor(self):
        """Mean over the events; over time, good or not, where there are none."""
        steps = [(100.0, 1.2), (110.0, 2.0), (120.0, 1.0)]
        data = make_data([(100.0, 105.0), (110.0, 140.0)], [104.0, 110.0, 112.0, 119.9], steps=steps)
        found = bin_rates(data, np.array([100.0, 120.0]), np.array([120.0, 140.0]))
        np.testing.assert_allclose(found.correction_factor, [(1.2 + 3 * 2.0) / 4, 1.0])
        empty = bin_rates(
            replace(data, source_time_s=np.empty(0), source_pi=np.empty(0)), np.array([95.0]), np.array([125.0])
        )
        np.testing.assert_allclose(empty.correction_factor, (15 * 1.2 + 10 * 2.0 + 5 * 1.0) / 30)

    def test_no_correction_factors(self):
        data = make_data([(0.0, 100.0)], [10.0], steps=[])
        np.testing.assert_array_equal(
            bin_rates(data, np.array([0.0, 50.0]), np.array([50.0, 100.0])).correction_factor, 1.0
        )

    def test_background_of_several_areas(self):
        data = make_data([(0.0, 100.0)], np.arange(30.0), [10.0, 20.0, 30.0], ratio=[0.1, 0.2, 0.6])
        found = bin_rates(data, np.array([0.0]), np.array([100.0]))
        assert found.background_counts[0] == pytest.approx(0.9)
        assert found.background_rate_err[0] == pytest.approx(0.9 / np.sqrt(3) / 100)

    def test_channels(self):
        data = make_data([(0.0, 100.0)], np.arange(40.0), pi=np.repeat([30, 150, 1000, 1001], 10))
        for channels, counts in (((30, 1000), 30), ((30, 150), 20), ((150, 1000), 20)):
            assert bin_rates(data, np.array([0.0]), np.array([100.0]), channels=channels).counts == counts

    def test_observation_of_the_first_good_time(self):
        data = make_data([(0, 10), (20, 30), (40, 50)], [5.0, 25.0, 45.0], obsid=["1", "2", "3"])
        found = bin_rates(data, np.array([0.0, 10.0, 22.0, 35.0]), np.array([10.0, 22.0, 35.0, 60.0]))
        assert found.obsid.tolist() == ["1", "2", "2", "3"]
        assert not found.quality.any()

    def test_bins_need_good_time(self):
        with pytest.raises(RequestError, match="1 bins have no good time"):
            bin_rates(make_data([(0, 10)], []), np.array([0.0, 10.0]), np.array([10.0, 20.0]))

    def test_taking_some(self):
        data = make_data([(0.0, 100.0)], np.arange(40.0))
        found = bin_rates(data, np.array([0.0, 50.0]), np.array([50.0, 100.0]))
        part = found.take(found.is_upper_limit)
        assert len(part) == 1
        assert all(len(getattr(part, field.name)) == 1 for field in fields(RateBins))


class TestCurves:
    @pytest.fixture
    def data(self):
        rng = np.random.default_rng(3)
        spans = [(0.0, 900.0), (5700.0, 6700.0), (11400.0, 12000.0)]
        times = np.concatenate([rng.uniform(*span, int(0.3 * (span[1] - span[0]))) for span in spans])
        others = np.concatenate([rng.uniform(*span, int(0.1 * (span[1] - span[0]))) for span in spans])
        pi = rng.choice([60, 120, 150, 300, 900], len(times))
        return make_data(spans, times, others, pi=pi, steps=[(0.0, 1.3), (6000.0, 2.0)], obsid=["1", "1", "2"])

    @pytest.mark.parametrize(("method", "bins"), [("time", 14), ("snapshot", 3), ("obsid", 2)])
    def test_bins_of_the_bands(self, data, method, bins):
        curves = build_curves(data, BinningParameters(method=method, width_s=200.0))
        assert len(curves.total) == len(curves.soft) == len(curves.hard) == len(curves.hardness) == bins
        assert np.array_equal(curves.soft.met_s, curves.total.met_s)
        both = curves.soft.counts + curves.hard.counts
        twice = bin_rates(data, curves.total.start_s, curves.total.stop_s, channels=(150, 150)).counts
        assert np.array_equal(both - twice, curves.total.counts)

    @pytest.mark.parametrize("method", ["counts", "time", "snapshot", "obsid"])
    def test_bins_are_labelled_with_their_first_good_time(self, data, method):
        curves = build_curves(data, BinningParameters(method=method, width_s=1500.0, counts=200))
        for bins in (curves.total, curves.soft, curves.hard, curves.hardness):
            started = np.searchsorted([900.0, 6700.0, 12000.0], bins.start_s, side="right")
            assert bins.snapshot.tolist() == (started + 1).tolist()
            assert bins.obsid.tolist() == np.array(["1", "1", "2"])[started].tolist()
        expected = {"counts": [1, 2, 3], "time": [1, 2, 3], "snapshot": [1, 2, 3], "obsid": [1, 3]}[method]
        assert sorted(set(curves.total.snapshot.tolist())) == expected

    def test_bands_have_bins_of_their_own_with_counts(self, data):
        curves = build_curves(data, BinningParameters(counts=20))
        assert (curves.total.counts >= 20).all()
        assert (np.minimum(curves.soft.counts, curves.hard.counts) >= 20).all()
        assert len(curves.soft) == len(curves.hardness) < len(curves.total)
        # One time for both: the mean over the events of both.
        inside = [data.source_time_s[data.source_pi <= 150], data.source_time_s[data.source_pi >= 150]]
        for k in range(len(curves.soft)):
            low, high = curves.soft.start_s[k], curves.soft.stop_s[k]
            events = np.concatenate([times[(times >= low) & (times < high)] for times in inside])
            assert curves.hardness.met_s[k] == curves.hard.met_s[k] == pytest.approx(events.mean())

    def test_bands_without_events_in_counts(self, data):
        curves = build_curves(replace(data, source_pi=np.full(len(data.source_pi), 60)), BinningParameters())
        assert len(curves.hard) == 1
        assert curves.hard.counts[0] == 0
        assert curves.hardness.hardness_ratio[0] < 0

    def test_hardness_bins_of_other_length(self, data):
        curves = build_curves(data, BinningParameters(method="time", width_s=100.0, hardness_width_s=500.0))
        assert set(np.round(curves.total.stop_s - curves.total.start_s)) == {100}
        assert set(np.round(curves.hard.stop_s - curves.hard.start_s)) == {500}

    def test_observations_that_overlap(self):
        times = np.concatenate([np.arange(0, 40.0), np.arange(100, 110.0), np.arange(200, 220.0)])
        spans = [(0, 40), (100, 110), (200, 220)]
        data = make_data(spans, times + 0.25, obsid=["7", "8", "7"])
        total = build_curves(data, BinningParameters(method="obsid")).total
        assert total.obsid.tolist() == ["7", "8"]
        assert total.snapshot.tolist() == [1, 2]
        assert total.counts.tolist() == [60, 10]
        np.testing.assert_allclose(total.exposure, [60, 10])
        np.testing.assert_allclose(total.fractional_exposure, [60 / 220, 1])

    def test_bands_are_gaussian(self, data):
        curves = build_curves(data, BinningParameters(method="time", width_s=20.0))
        for band in (curves.soft, curves.hard):
            assert band.counts.min() < 5
            assert not band.is_upper_limit.any()
            assert np.array_equal(band.rate_err_neg, band.rate_err_pos)

    def test_no_good_time(self):
        with pytest.raises(NoDataError):
            build_curves(make_data([], []), BinningParameters())


class TestKnownSource:
    """A steady source on a background, 400 times; good time 500 s in bins of 50 s."""

    factor, ratio = 1.4, 0.05

    def simulate(self, source_rate, background_counts):
        rng = np.random.default_rng(20180616)
        spans = [(1000.0 * k, 1000.0 * k + 500.0) for k in range(400)]
        number = rng.poisson((source_rate / self.factor * 50 + background_counts) * 4000)
        number_behind = rng.poisson(background_counts / self.ratio * 4000)

        def times(n):
            return 1000.0 * rng.integers(400, size=n) + rng.uniform(0, 500.0, n)

        data = make_data(spans, times(number), times(number_behind), ratio=self.ratio, steps=[(0.0, self.factor)])
        start_s = (1000.0 * np.arange(400)[:, None] + 50.0 * np.arange(10)).ravel()
        return data, start_s, start_s + 50.0

    @pytest.mark.parametrize(("rate", "background"), [(1.0, 0.5), (4.0, 10.0)])
    def test_gaussian_errors_cover_the_truth(self, rate, background):
        found = bin_rates(*self.simulate(rate, background))
        assert found.counts.min() >= 15
        pull = (found.rate - rate) / np.sqrt(rate / 50 * self.factor + 2 * background * (self.factor / 50) ** 2)
        assert np.abs(pull.mean()) < 4 / np.sqrt(4000)
        covered = np.mean((rate > found.rate - found.rate_err_neg) & (rate < found.rate + found.rate_err_pos))
        assert covered == pytest.approx(1 - 2 * norm.sf(1), abs=0.03)

    def test_few_counts(self):
        """The Bayesian interval covers a little more or less than 68.3 per cent, in steps of single counts."""
        rate, background = 0.2, 0.3
        found = bin_rates(*self.simulate(rate, background), statistics=StatisticsParameters(allow_limits=False))
        assert found.counts.max() < 25
        net = (found.counts - found.background_counts) * found.correction_factor / found.exposure
        assert net.mean() == pytest.approx(rate, abs=4 * net.std() / np.sqrt(4000))
        low, high = found.rate - found.rate_err_neg, found.rate + found.rate_err_pos
        assert 0.66 < np.mean((rate >= low) & (rate <= high)) < 0.78

    def test_limits(self):
        """99.73 per cent limits lie above the truth as often, and no source is found more often than by chance."""
        found = bin_rates(*self.simulate(0.0, 3.0))
        assert 0.0005 < np.mean(~found.is_upper_limit) < 0.005
        found = bin_rates(*self.simulate(0.05, 3.0))
        limits = found.take(found.is_upper_limit)
        assert np.mean(limits.rate > 0.05) > 0.99
