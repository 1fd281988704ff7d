"""Edges of bins, against the rule carried out event by event and against published bins."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.engine import filling
from swiftxrt.engine.binning import BinningParameters, counts_bins, make_bins, snapshot_bins, time_bins
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import bin_rates
from swiftxrt.exceptions import NoDataError, RequestError

BANDS = {"one band": ((30, 1000),), "two bands": ((30, 150), (150, 1000))}


def make_data(spans, source_s, *, background_s=(), frame_s=2.5, factor=1.0, steps_s=None, obsid=None, seed=0):
    """Extracted events with good time in `spans`, each a snapshot of its own."""
    rng = np.random.default_rng(seed)
    source_s, background_s = np.sort(np.asarray(source_s, float)), np.sort(np.asarray(background_s, float))
    start_s, stop_s = np.asarray(spans, float).reshape(-1, 2).T
    steps_s = np.array([0.0]) if steps_s is None else steps_s
    return ExtractedEvents(
        mode="PC",
        frame_s=frame_s,
        source_time_s=source_s,
        source_pi=rng.integers(30, 1001, len(source_s)),
        background_time_s=background_s,
        background_pi=rng.integers(30, 1001, len(background_s)),
        background_ratio=np.full(len(background_s), 0.04),
        gti_start_s=start_s,
        gti_stop_s=stop_s,
        gti_snapshot=np.arange(len(start_s)),
        gti_obsid=np.asarray(["00012345001"] * len(start_s) if obsid is None else obsid),
        gti_ratio=np.full(len(start_s), 0.04),
        correction_time_s=steps_s,
        correction_factor=np.broadcast_to(np.asarray(factor, float), len(steps_s)).copy(),
    )


def random_data(rng, rate):
    """A few snapshots, in frames or not, with background and steps of the correction factor."""
    frame_s, quantised = float(rng.choice([2.5073, 0.3, 0.0017675])), bool(rng.integers(2))
    events = int(rng.integers(5, 500))
    spans, start = [], 1000.0
    for _ in range(rng.integers(1, 6)):
        length = max(round(events / rate / 3 * rng.uniform(0.3, 2) / frame_s), 3) * frame_s
        spans.append((start, start + length))
        start += length + rng.choice([30.0, 400.0, 5000.0])

    def times(number):
        chosen = np.array(spans)[rng.integers(len(spans), size=number)]
        offset = rng.uniform(0, chosen[:, 1] - chosen[:, 0])
        return chosen[:, 0] + ((np.floor(offset / frame_s) + 0.5) * frame_s if quantised else offset)

    background_s = times(int(events * 10 ** rng.uniform(-1, 1.5)))
    steps_s = np.concatenate([np.arange(*span, 10.0) for span in spans])
    factor = rng.uniform(1, 3, len(steps_s))
    seed = int(rng.integers(2**32))
    return make_data(
        spans, times(events), background_s=background_s, frame_s=frame_s, factor=factor, steps_s=steps_s, seed=seed
    )


def fill_by_hand(data, rule, bands):
    """The rule of `swiftxrt.engine.filling`, one event after the other."""
    sets = []
    for low, high in bands:
        source = (data.source_pi >= low) & (data.source_pi <= high)
        other = (data.background_pi >= low) & (data.background_pi <= high)
        times = data.source_time_s[source]
        row = np.maximum(np.searchsorted(data.correction_time_s, times, side="right") - 1, 0)
        sets.append((times, data.correction_factor[row], data.background_time_s[other], data.background_ratio[other]))

    def needed(rate):
        if not rule.dynamic:
            return rule.counts
        power = math.trunc(math.log10(rate) / math.log10(rule.rate_factor)) if rate > 0 else -99
        return max(rule.min_counts, 1, int(rule.counts * rule.bin_factor**power + 1e-9))

    def full(start, stop):
        rate, fewest = 0.0, np.inf
        for times, factor, others, ratio in sets:
            events, behind = (times >= start) & (times < stop), (others >= start) & (others < stop)
            n, b = events.sum(), ratio[behind].sum()
            if n == 0 or n - b < rule.min_snr * math.sqrt(n + b**2 / max(behind.sum(), 1)):
                return False
            rate += (n - b) * factor[events].mean() / (stop - start)
            fewest = min(fewest, n)
        return stop - start >= rule.min_bin_s - 1e-6 and fewest >= needed(rate)

    all_times = np.unique(np.concatenate([times for times, *_ in sets]))
    bins, start = [], None
    for k, (open_s, close_s) in enumerate(zip(data.gti_start_s, data.gti_stop_s, strict=True)):
        start, filled = open_s if start is None else start, False
        inside = all_times[(all_times >= open_s) & (all_times < close_s)]
        for time, following in zip(inside, np.append(inside, np.inf)[1:], strict=True):
            stop = min(time + data.frame_s / 2, following, close_s)
            if full(start, stop):
                bins.append([start, stop])
                start, filled = stop, True
        last = k + 1 == len(data.gti_start_s)
        if filled:
            bins[-1][1], start = close_s, None
        elif last or data.gti_start_s[k + 1] - close_s > rule.max_gap_s:
            bins.append([start, close_s])
            start = None
    return np.array(bins)


class TestCounts:
    @pytest.mark.parametrize("bands", BANDS)
    @pytest.mark.parametrize("pieces", ["few", "many"])
    @pytest.mark.parametrize("seed", range(25))
    def test_the_same_as_event_by_event(self, monkeypatch, seed, pieces, bands):
        if pieces == "few":
            # So that short data exercise everything that is done in portions.
            monkeypatch.setattr(filling, "_PROPOSED", (3, 8))
            monkeypatch.setattr(filling, "_FOUND", (1, 4))
        rng = np.random.default_rng([seed, len(pieces), len(bands)])
        data = random_data(rng, rate=10 ** rng.uniform(-1.5, 3))
        rule = BinningParameters(
            counts=int(rng.integers(1, 40)),
            dynamic=bool(rng.integers(2)),
            rate_factor=float(rng.choice([2, 3, 10])),
            bin_factor=float(rng.choice([1, 1.1, 1.5, 2])),
            min_counts=int(rng.integers(0, 20)),
            min_snr=float(rng.choice([0, 1.5, 2.4, 4])),
            min_bin_s=float(rng.choice([0, 0.5, 5.01])),
            max_gap_s=float(rng.choice([100, 1000, 1e8])),
        )
        found = counts_bins(data, rule, bands=BANDS[bands])
        expected = fill_by_hand(data, rule, BANDS[bands])
        np.testing.assert_allclose(np.column_stack([found.start_s, found.stop_s]), expected, rtol=0, atol=1e-9)

    def test_events_and_good_time_are_kept(self):
        data = random_data(np.random.default_rng(5), rate=3.0)
        bins = counts_bins(data, BinningParameters())
        rates = bin_rates(data, bins.start_s, bins.stop_s)
        assert rates.counts.sum() == len(data.source_time_s)
        assert rates.exposure.sum() == pytest.approx(np.sum(data.gti_stop_s - data.gti_start_s))
        assert not bins.centred

    @pytest.mark.parametrize(
        ("counts", "rate", "needed"),
        [
            (20, 0.05, 15),
            (20, 0.5, 20),
            (20, 5.0, 20),
            (20, 50.0, 30),
            (30, 5.0, 30),
            (30, 50.0, 45),
            (30, 500.0, 67),
            (30, 5000.0, 101),
        ],
    )
    def test_counts_needed_in_published_curves(self, counts, rate, needed):
        """Most frequent numbers of counts in the bins of 25 bursts, 20 (PC) or 30 (WT) wanted."""
        time_s = 1000.0 + np.arange(0.5, 4 * needed) / rate
        data = make_data([(1000.0, 1000.0 + 4 * needed / rate)], time_s, frame_s=1e-4 / rate)
        bins = counts_bins(data, BinningParameters(counts=counts, min_bin_s=0.0))
        assert bin_rates(data, bins.start_s, bins.stop_s).counts.tolist() == [needed] * 4

    def test_events_of_one_frame_stay_together(self):
        data = make_data([(1000.0, 1025.0)], np.repeat(1001.25 + 2.5 * np.arange(10), 3))
        bins = counts_bins(data, BinningParameters(counts=10, dynamic=False))
        np.testing.assert_allclose(bins.start_s, [1000.0, 1010.0])
        np.testing.assert_allclose(bins.stop_s, [1010.0, 1025.0])

    def test_rest_of_a_snapshot_joins_its_last_bin(self):
        times = np.concatenate([1000 + np.arange(35.0), 9000 + np.arange(20.0)])
        data = make_data([(1000, 1035), (9000, 9020)], times, frame_s=0.5)
        bins = counts_bins(data, BinningParameters(counts=20, dynamic=False))
        assert bin_rates(data, bins.start_s, bins.stop_s).counts.tolist() == [35, 20]
        np.testing.assert_allclose(bins.stop_s, [1035, 9020])

    def test_bins_go_on_over_gaps(self):
        times = np.concatenate([1000 + np.arange(12.0), 9000 + np.arange(30.0), 30000 + np.arange(5.0)])
        data = make_data([(1000, 1012), (9000, 9030), (30000, 30005)], times, frame_s=0.5)
        for gap, counts in ((1e8, [20, 22, 5]), (1000.0, [12, 30, 5])):
            bins = counts_bins(data, BinningParameters(counts=20, dynamic=False, max_gap_s=gap))
            assert bin_rates(data, bins.start_s, bins.stop_s).counts.tolist() == counts

    def test_no_events(self):
        bins = counts_bins(make_data([(1000, 1100), (5000, 5100)], []), BinningParameters(max_gap_s=10.0))
        np.testing.assert_allclose(bins.start_s, [1000, 5000])
        bins = counts_bins(make_data([(1000, 1100), (5000, 5100)], []), BinningParameters())
        np.testing.assert_allclose([bins.start_s, bins.stop_s], [[1000], [5100]])

    # One snapshot each of GRB 221009A: file, its start (s after the burst), centre (FITS pixels of the file) and
    # radii (pixels) of the region. The official regions are not published; these give exactly the official counts.
    REGIONS = [
        ("sw008_1", 227044, (449.284, 485.654), (5, 20), 17),
        ("sw008_3", 278069, (447.659, 485.279), (3, 20), 14),
        ("sw006_2", 129314.4, (410.550, 553.849), (7, 20), 13),
    ]

    @pytest.mark.parametrize(("name", "first_s", "centre", "radii", "number"), REGIONS)
    def test_published_bins_of_a_burst(self, validation_data, name, first_s, centre, radii, number):
        """The default parameters give every edge, count and mean arrival time of the official bins."""
        curve = json.loads(
            (validation_data / "grb_lightcurves/json_incbad/PC_incbad/GRB_221009A.json").read_text(encoding="utf-8")
        )
        columns = {key: np.array(list(value.values()), float) for key, value in curve.items()}
        path = validation_data / f"event_lists_grb221009A/{name}.evt.gz"
        events, gti = fits.getdata(path, "EVENTS"), fits.getdata(path, "GTI")
        zero_s = 687014249.0
        k = int(np.argmin(np.abs(gti["START"] - zero_s - first_s)))
        radius = np.hypot(events["X"] - centre[0], events["Y"] - centre[1])
        inside = (radius >= radii[0]) & (radius < radii[1]) & (events["PI"] >= 30) & (events["PI"] <= 1000)
        time_s = events["TIME"][inside].astype(float) + 2.5073 / 2
        start_s, stop_s = max(float(gti["START"][k]), zero_s + first_s), float(gti["STOP"][k])
        shown = (columns["Time"] + zero_s > start_s) & (columns["Time"] + zero_s < stop_s)
        official = {key: value[shown] for key, value in columns.items()}
        if start_s == zero_s + first_s:
            start_s = zero_s + official["Time"][0] + official["TimeNeg"][0]
        data = make_data([(start_s, stop_s)], time_s[(time_s > start_s) & (time_s < stop_s)], frame_s=2.5073)
        data = replace(data, correction_factor=np.array([np.median(official["CorrFact"])]))
        bins = make_bins(data, BinningParameters())
        rates = bin_rates(data, bins.start_s, bins.stop_s)
        assert len(bins) == shown.sum() == number
        assert rates.counts.tolist() == official["CtsInSrc"].tolist()
        # The zero time of the curve is known to 0.01 s.
        for found, expected in (
            (bins.start_s, official["Time"] + official["TimeNeg"]),
            (bins.stop_s, official["Time"] + official["TimePos"]),
            (rates.met_s, official["Time"]),
        ):
            difference = found - zero_s - expected
            assert np.ptp(difference) < 0.006
            assert np.abs(difference).max() < 0.01

    def test_no_published_bin_has_fewer_counts_than_needed(self, validation_data):
        """Except for the last bin of a curve, at the rate over all its time."""
        number = exact = 0
        for path in sorted((validation_data / "grb_lightcurves/json_incbad").glob("*/*.json")):
            curve = json.loads(path.read_text(encoding="utf-8"))
            columns = {key: np.array(list(value.values()), float) for key, value in curve.items()}
            if not len(columns["Rate"]):
                continue
            need = filling._Need(BinningParameters(counts=20 if path.parent.name == "PC_incbad" else 30))
            needed = need.at(columns["Rate"] * columns["FracExp"])
            fewer = np.flatnonzero(columns["CtsInSrc"] < needed)
            assert set(fewer.tolist()) <= {len(needed) - 1}, path.name
            number, exact = number + len(needed), exact + np.sum(columns["CtsInSrc"] == needed)
        assert exact > 0.75 * number > 10000


class TestTime:
    def test_grid_from_the_first_good_time(self):
        data = make_data([(1003.0, 1103.0), (1350.0, 1360.0), (9003.0, 9004.0)], [])
        bins = time_bins(data, 50.0)
        np.testing.assert_allclose(bins.start_s, [1003, 1053, 1303, 1353, 9003])
        np.testing.assert_allclose(bins.stop_s - bins.start_s, 50)
        assert bins.centred

    def test_grid_from_a_given_time(self):
        data = make_data([(1003.0, 1103.0)], [])
        np.testing.assert_allclose(time_bins(data, 50.0, t0_s=1010.0).start_s, [960, 1010, 1060])
        np.testing.assert_allclose(time_bins(data, 50.0, t0_s=2010.0).start_s, [960, 1010, 1060])

    def test_poor_bins_are_left_out(self):
        data = make_data([(1000.0, 1100.0), (1190.0, 1200.0)], [])
        assert len(time_bins(data, 100.0, min_fractional_exposure=0.05)) == 2
        assert len(time_bins(data, 100.0, min_fractional_exposure=0.1)) == 1

    def test_years_between(self):
        data = make_data([(0.0, 10.0), (6e8, 6e8 + 10)], [])
        assert len(time_bins(data, 2.51)) == 9

    @pytest.mark.parametrize("width_s", [1e-9, 9.9e-5])
    def test_too_many(self, width_s):
        data = make_data([(1003.0, 1053.0), (9003.0, 9053.0)], [])
        with pytest.raises(RequestError, match=r"100 s of PC data into more than 1,000,000 bins; give .* of 0.0001 s"):
            time_bins(data, width_s)

    def test_through_the_parameters(self):
        data = make_data([(1003.0, 1103.0)], [])
        bins = make_bins(data, BinningParameters(method="time", width_s=50.0, t0_s=1010.0, min_fractional_exposure=0.9))
        np.testing.assert_allclose(bins.start_s, [1010])


class TestSnapshotsAndObservations:
    @pytest.fixture
    def data(self):
        spans = [(0, 100), (120, 200), (5000, 5100), (10000, 10100), (20000, 20100)]
        data = make_data(spans, [], obsid=["2", "2", "1", "2", "3"])
        return replace(data, gti_snapshot=np.array([0, 0, 1, 2, 3]))

    def test_snapshots(self, data):
        bins = make_bins(data, BinningParameters(method="snapshot"))
        np.testing.assert_allclose(bins.start_s, [0, 5000, 10000, 20000])
        np.testing.assert_allclose(bins.stop_s, [200, 5100, 10100, 20100])
        assert np.array_equal(snapshot_bins(data).stop_s, bins.stop_s)

    def test_observations(self, data):
        bins = make_bins(data, BinningParameters(method="obsid"))
        assert bins.obsid.tolist() == ["2", "1", "3"]
        np.testing.assert_allclose(bins.start_s, [0, 5000, 20000])
        np.testing.assert_allclose(bins.stop_s, [10100, 5100, 20100])


@pytest.mark.parametrize("method", ["counts", "time", "snapshot", "obsid"])
def test_no_good_time(method):
    with pytest.raises(NoDataError, match="no good time in PC mode"):
        make_bins(make_data([], []), BinningParameters(method=method))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "orbit"),
        ("counts", 0),
        ("rate_factor", 1.0),
        ("bin_factor", 0.9),
        ("min_snr", -1.0),
        ("min_bin_s", math.nan),
        ("width_s", 0.0),
        ("min_fractional_exposure", 1.0),
        ("hardness_width_s", -5.0),
    ],
)
def test_parameters_that_make_no_sense(field, value):
    with pytest.raises(RequestError, match=field):
        BinningParameters(**{field: value})
