"""Light curves as objects: columns, attributes, and what Astropy's operations leave of them."""

from __future__ import annotations

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table, vstack
from astropy.time import Time
from astropy.timeseries import BinnedTimeSeries, TimeSeries, aggregate_downsample

from swiftxrt.bands import SOFT, TOTAL, EnergyBand
from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.met import met_to_time
from swiftxrt.mission import Mode
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from swiftxrt.products.provenance import Provenance

T0 = 551097137.125

LIGHT_CURVE_COLUMNS = {
    "time": None,
    "time_err_neg": u.s,
    "time_err_pos": u.s,
    "met": u.s,
    "rate": u.ct / u.s,
    "rate_err_neg": u.ct / u.s,
    "rate_err_pos": u.ct / u.s,
    "is_upper_limit": bool,
    "mode": str,
    "obsid": str,
    "snapshot": int,
    "fractional_exposure": float,
    "background_rate": u.ct / u.s,
    "background_rate_err": u.ct / u.s,
    "correction_factor": float,
    "counts": u.ct,
    "background_counts": u.ct,
    "exposure": u.s,
    "significance": float,
    "snr": float,
    "quality": int,
}


def columns() -> dict[str, object]:
    """Both modes, a limit, NaN, a bin before T0; not sorted by time."""
    return {
        "met_s": [T0 + 211.718, T0 - 88.5, T0 + 863.000001, T0 + 63, T0 + 63],
        "time_err_neg": [50.0, 2.0, 3.0, 4.0, 5.5],
        "time_err_pos": 50,
        "rate": [0.84, 2.0, 1.8641, 4.0, np.nan],
        "rate_err_neg": [0.13, 0.1, 0.0, 0.2, np.nan],
        "rate_err_pos": [0.15, 0.1, 0.0, 0.2, np.nan],
        "is_upper_limit": [False, False, True, False, False],
        "mode": ["PC", "WT", "PC", "WT", "PC"],
        "obsid": ["00010724002", "00010724001", "", "00010724001", "00010724002"],
        "counts": [41, 7, 1, 12, 0],
        "snr": [6.4, 3.0, np.inf, 5.0, np.nan],
        "quality": [0, 0, 1, 0, 0],
    }


@pytest.fixture
def curve() -> LightCurve:
    return LightCurve.from_columns(
        columns(),
        t0_met=T0,
        band="0.3-10 keV",
        binning="counts",
        provenance=Provenance(backend="local", inputs=("00010724002",)),
    )


@pytest.fixture
def ratio() -> HardnessCurve:
    values = {
        "met_s": [T0 + 300.0, T0 + 100.0],
        "time_err_neg": [100.0, 100.0],
        "time_err_pos": [100.0, 100.0],
        "hardness_ratio": [1.036908, np.inf],
        "hardness_ratio_err": [0.232593, np.nan],
        "mode": "PC",
        "exposure": [200.0, 78.894299],
    }
    return HardnessCurve.from_columns(
        values, t0_met=T0, soft_band=SOFT, hard_band="1.5-10 keV", binning="counts", provenance=None
    )


class TestColumns:
    def test_names_order_units_and_types(self, curve):
        assert curve.colnames == list(LIGHT_CURVE_COLUMNS)
        assert isinstance(curve["time"], Time)
        for name, kind in list(LIGHT_CURVE_COLUMNS.items())[1:]:
            if isinstance(kind, type):
                assert {"b": bool, "U": str, "f": float, "i": int}[curve[name].dtype.kind] is kind
            else:
                assert isinstance(curve[name], u.Quantity)
                assert curve[name].unit == kind

    def test_time_follows_from_met(self, curve):
        assert np.max(np.abs((curve.time - met_to_time(curve.met)).sec)) == 0
        assert curve.time.scale == "utc"

    def test_absent_columns_are_unknown(self, curve):
        assert np.all(np.isnan(curve["background_rate"]))
        assert np.all(np.isnan(curve["exposure"].value))
        bare = LightCurve.from_columns(
            {"met_s": [T0], "time_err_neg": 1, "time_err_pos": 1, "rate": 1, "mode": "WT"},
            t0_met=None,
            band=TOTAL,
            binning="time",
        )
        assert (bare["obsid"][0], bare["snapshot"][0], bare["quality"][0]) == ("", 0, 0)
        assert not bare["is_upper_limit"][0]
        assert np.isnan(bare["rate_err_neg"][0])

    def test_rows_are_sorted_by_time_then_mode_then_limit(self, curve):
        assert curve.elapsed.value.tolist() == [-88.5, 63.0, 63.0, 211.718, 863.000001]
        assert list(curve["mode"]) == ["WT", "PC", "WT", "PC", "PC"]
        both = LightCurve.from_columns(
            {"met_s": T0 * np.ones(2), "time_err_neg": 1, "time_err_pos": 1, "rate": [2, 1], "mode": "PC"}
            | {"is_upper_limit": [True, False]},
            t0_met=T0,
            band=TOTAL,
            binning="time",
        )
        assert both["rate"].value.tolist() == [1, 2]

    def test_limits_have_no_errors(self, curve):
        limit = curve.upper_limits
        assert limit["rate"].value == [1.8641]
        assert np.isnan(limit["rate_err_neg"].value).all()
        assert np.isnan(limit["rate_err_pos"].value).all()
        assert np.isnan(curve["rate_err_pos"].value).sum() == 2  # The limit, and the bin of unknown rate.

    def test_met_is_a_whole_number_of_microseconds(self):
        one = {"met_s": [551097348.71800012, 551097348.7180013], "time_err_neg": 1, "time_err_pos": 1}
        values = one | {"rate": 1.0, "mode": "PC"}
        curve = LightCurve.from_columns(values, t0_met=551097137.00000011, band=TOTAL, binning="time")
        assert curve.met.value.tolist() == [551097348.718, 551097348.718001]
        assert curve.t0_met == 551097137.0
        assert curve.elapsed.value.tolist() == [211.718, 211.718001]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"rates": [1]}, "did you mean 'rate'"),
            ({"rate": None}, "rate"),
            ({"rate": [1.0, 2.0]}, r"\(2,\) values for 5 bins"),
            ({"rate": [1.0, 2.0, 3.0, 4.0, 5.0] * u.ct / u.s}, "plain numbers"),
            ({"mode": "LR"}, "must be one of PC, WT"),
            ({"time_err_neg": -1.0}, "positive"),
            ({"rate_err_neg": -0.1}, "positive"),
            ({"met_s": [np.nan] * 5}, "finite time"),
            ({"counts": "many"}, "cannot be read as float"),
        ],
    )
    def test_bad_columns_are_refused(self, change, words):
        values = {name: value for name, value in {**columns(), **change}.items() if value is not None}
        with pytest.raises(RequestError, match=words):
            LightCurve.from_columns(values, t0_met=T0, band=TOTAL, binning="counts")

    def test_bad_attributes_are_refused(self):
        with pytest.raises(RequestError, match="must be one of counts, time"):
            LightCurve.from_columns(columns(), t0_met=T0, band=TOTAL, binning="orbit")
        with pytest.raises(RequestError, match=r"did you mean '0\.3-10 keV'"):
            LightCurve.from_columns(columns(), t0_met=T0, band="0.3-10", binning="counts")

    def test_constructor_checks_columns_units_and_types(self, curve):
        plain = QTable(curve)
        assert LightCurve(plain).equals(curve)
        for name, wrong in (("rate", plain["rate"].value), ("mode", np.zeros(5)), ("met", plain["met"].value * u.m)):
            broken = plain.copy()
            broken.replace_column(name, wrong)
            with pytest.raises(RequestError, match=name):
                LightCurve(broken)
        del plain["snr"]
        with pytest.raises(RequestError, match="snr: missing"):
            LightCurve(plain)

    def test_constructor_converts_units(self, curve):
        plain = QTable(curve)
        plain["exposure"] = np.full(5, 2.0) * u.min
        assert LightCurve(plain)["exposure"].unit == u.s
        assert LightCurve(plain)["exposure"].value.tolist() == [120.0] * 5

    def test_more_columns_are_welcome(self, curve):
        curve["flux"] = curve["rate"] * (4e-11 * u.erg / u.cm**2 / u.ct)
        assert curve.copy()["flux"].unit.is_equivalent("erg / (s cm2)")


class TestAttributes:
    def test_values(self, curve, ratio):
        assert (curve.band, curve.binning, curve.confidence, curve.t0_met) == ("0.3-10 keV", "counts", 0.9973, T0)
        assert curve.provenance == Provenance(backend="local", inputs=("00010724002",))
        assert abs((curve.t0 - met_to_time(T0)).sec) == 0
        assert (ratio.definition, ratio.soft_band, ratio.hard_band) == ("hard/soft", "0.3-1.5 keV", "1.5-10 keV")

    @pytest.mark.parametrize(
        "operation",
        [
            lambda c: c[:],
            lambda c: c[np.ones(len(c), dtype=bool)],
            lambda c: c.copy(),
            copy.copy,
            copy.deepcopy,
            lambda c: pickle.loads(pickle.dumps(c)),
            lambda c: vstack([c[:1], c[1:]]),
            lambda c: c[c.colnames],
            type,
        ],
        ids=["slice", "mask", "copy", "copy.copy", "deepcopy", "pickle", "vstack", "all columns", "constructor"],
    )
    def test_survive(self, curve, ratio, operation):
        for one in (curve, ratio):
            result = operation(one) if operation is not type else type(one)(one)
            assert type(result) is type(one)
            assert result.first_difference(one) == ""
            assert result.provenance == one.provenance

    def test_of_a_slice_are_its_own(self, curve):
        part = curve[:2]
        part.t0_met = 0.0
        assert curve.t0_met == T0

    def test_no_reference_time(self):
        values = columns()
        curve = LightCurve.from_columns(values, t0_met=None, band=TOTAL, binning="counts")
        assert curve.t0 is None
        assert curve.elapsed.value.tolist() == [2.0, 153.5, 153.5, 302.218, 953.500001]
        assert curve[:0].elapsed.shape == (0,)

    def test_zero_is_a_reference_time(self):
        curve = LightCurve.from_columns(columns(), t0_met=0.0, band=TOTAL, binning="counts")
        assert curve.t0_met == 0.0
        assert curve.elapsed.value.tolist() == curve.met.value.tolist()

    def test_band_may_be_an_object(self):
        band = EnergyBand(300 * u.eV, 1500 * u.eV)
        assert LightCurve.from_columns(columns(), t0_met=T0, band=band, binning="counts").band == "0.3-1.5 keV"


class TestSubsets:
    def test_detections_and_limits(self, curve):
        assert len(curve.detections) == 4
        assert len(curve.upper_limits) == 1
        assert isinstance(curve.detections, LightCurve)

    @pytest.mark.parametrize("mode", ["PC", "WT", Mode.PC, Mode.WT])
    def test_one_mode(self, curve, ratio, mode):
        for one in (curve, ratio):
            part = one.in_mode(mode)
            assert type(part) is type(one)
            assert (part.t0_met, part.binning) == (one.t0_met, one.binning)
            assert part.met.value.tolist() == one.met.value[np.asarray(one["mode"]) == str(Mode(mode).value)].tolist()
        assert len(curve.in_mode("PC")) + len(curve.in_mode("WT")) == len(curve)

    def test_mode_that_is_not_there(self, curve):
        assert len(curve.in_mode("PC").in_mode("WT")) == 0
        with pytest.raises(RequestError, match="must be one of PC, WT; got 'pc'; did you mean 'PC'"):
            curve.in_mode("pc")
        with pytest.raises(RequestError, match="must be one of PC, WT; got None"):
            curve.in_mode(None)

    @pytest.mark.parametrize(
        ("start", "stop", "elapsed_s"),
        [
            (None, None, [-88.5, 63, 63, 211.718, 863.000001]),
            (63 * u.s, None, [63, 63, 211.718, 863.000001]),
            (None, 63 * u.s, [-88.5]),
            (1 * u.min, 863.000001 * u.s, [63, 63, 211.718]),
            (0.01 * u.day, None, []),
        ],
    )
    def test_time_since_t0(self, curve, start, stop, elapsed_s):
        """The start belongs to it, the stop does not."""
        part = curve.since_t0(start, stop)
        assert isinstance(part, LightCurve)
        assert part.elapsed.value.tolist() == elapsed_s
        assert part.t0_met == curve.t0_met

    @pytest.mark.parametrize("limit", [100, 3 * u.m, [1, 2] * u.s, "1 ks"])
    def test_time_since_t0_has_a_unit(self, curve, limit):
        with pytest.raises(RequestError, match=r"start: a time such as 1000 \* u.s is needed"):
            curve.since_t0(limit)
        with pytest.raises(RequestError, match=r"stop: a time such as 1000 \* u.s is needed"):
            curve.since_t0(stop=limit)

    def test_time_since_no_t0(self):
        curve = LightCurve.from_columns(columns(), t0_met=None, band=TOTAL, binning="time")
        with pytest.raises(RequestError, match="t0: is not known"):
            curve.since_t0(1 * u.s)

    def test_columns_alone_are_plain_tables(self, curve):
        for part, kind in ((curve["time", "rate"], TimeSeries), (curve[["rate", "met"]], QTable)):
            assert isinstance(part, kind)
            assert not isinstance(part, LightCurve)
        assert len(curve["time", "rate"]) == 5

    def test_downsampling_of_time_and_rate_works(self, curve):
        series = curve.detections["time", "rate"]
        binned = aggregate_downsample(series, time_bin_size=100 * u.s, aggregate_func=np.nansum)
        assert np.nansum(binned["rate"].value) == pytest.approx(6.84)

    def test_binned(self, curve):
        binned = curve.to_binned()
        assert type(binned) is BinnedTimeSeries
        assert np.allclose(binned.time_bin_size.to_value(u.s), [52.0, 55.5, 54.0, 100.0, 53.0])
        start = met_to_time(curve.met.value - curve["time_err_neg"].value)
        assert np.max(np.abs((binned.time_bin_start - start).sec)) < 1e-5
        assert binned["rate"].unit == u.ct / u.s
        assert binned.meta["band"] == "0.3-10 keV"


class TestProvenance:
    @pytest.mark.parametrize("given", [None, {}, Provenance()])
    def test_is_always_one(self, given):
        curve = LightCurve.from_columns(columns(), t0_met=T0, band=TOTAL, binning="counts", provenance=given)
        assert curve.provenance == LightCurveSet(curve).provenance == Provenance()

    def test_of_a_set(self, curve, ratio):
        assert LightCurveSet(curve, hardness_ratio=ratio).provenance == curve.provenance

    def test_of_curves_from_two_places(self, curve):
        other = curve.copy()
        other.provenance = Provenance(backend="ukssdc", inputs=("curve.qdp",), notes=("a note",))
        both = vstack([curve, other])
        assert both.provenance == Provenance("local, ukssdc", inputs=("00010724002", "curve.qdp"), notes=("a note",))
        assert curve.provenance.backend == "local"

    def test_of_a_slice_is_its_own(self, curve):
        part = curve[:2]
        part.provenance = Provenance(backend="ukssdc")
        assert curve.provenance.backend == "local"

    @pytest.mark.parametrize("wrong", [3, "local", [3]])
    def test_of_another_kind(self, curve, wrong):
        with pytest.raises(RequestError, match="provenance: a Provenance"):
            curve.provenance = wrong

    def test_in_binned_series_is_plain(self, curve):
        assert curve.to_binned().meta["provenance"] == {"backend": "local", "inputs": ["00010724002"]}


class TestEquality:
    def test_rows_one_by_one(self, curve):
        """As Astropy compares tables, but unknown numbers are equal: otherwise no row of a curve would equal itself."""
        other = curve.copy()
        assert np.isnan(curve["rate_err_pos"]).any()
        assert (curve == other).tolist() == [True] * 5
        assert (curve != other).tolist() == [False] * 5
        other["rate"][3] *= 2
        assert (curve == other).tolist() == [True, True, True, False, True]
        assert np.all((curve == curve[:2]) == np.False_)
        assert (curve == "a curve") is False
        assert (curve[:0] == other[:0]).tolist() == []

    def test_sets_have_one_answer(self, curve, ratio):
        def made(total):
            return LightCurveSet(total, hardness_ratio=ratio, variants={"with_unreliable": LightCurveSet(total)})

        other = curve.copy()
        other.provenance = Provenance(backend="ukssdc")
        assert (made(curve) == made(other)) is True
        assert (made(curve) != made(other)) is False
        other["rate"][3] *= 2
        assert (made(curve) == made(other)) is False
        assert (LightCurveSet(curve, variants={"blind": LightCurveSet(curve)}) == LightCurveSet(curve)) is False
        assert (LightCurveSet(curve) == {"total": curve}) is False

    def test_provenance_does_not_count(self, curve):
        other = curve.copy()
        other.provenance = Provenance(backend="ukssdc")
        assert curve.equals(other)

    @pytest.mark.parametrize("name", list(LIGHT_CURVE_COLUMNS))
    def test_every_column_counts(self, curve, name):
        other = QTable(curve)
        row = 3
        if name == "time":
            other["time"] = other["time"] + 2e-6 * u.s
        elif name in ("mode", "obsid"):
            other[name][row] = "WT" if name == "mode" else "00010724009"
        elif name == "is_upper_limit":
            other[name][row] = True
        else:
            values = other[name].copy()
            unit = getattr(values, "unit", None) or 1
            values[row] = (
                9 * unit if name in ("snapshot", "quality") or np.isnan(values[row]) else values[row] + 1e-6 * unit
            )
            other[name] = values
        assert not curve.equals(LightCurve(other))
        assert f"column '{name}', row" in curve.first_difference(LightCurve(other))

    @pytest.mark.parametrize("name", ["t0_met", "band", "binning", "confidence"])
    def test_attributes_count(self, curve, name):
        other = curve.copy()
        setattr(other, name, {"t0_met": None, "band": "1-2 keV", "binning": "time", "confidence": 0.9}[name])
        assert curve.first_difference(other).startswith(name)

    def test_time_may_be_rounded_to_nanoseconds(self, curve):
        other = QTable(curve)
        other["time"] = Time(curve.time.isot, format="isot", scale="utc")
        assert curve.equals(LightCurve(other))

    def test_others_are_different(self, curve, ratio):
        assert not curve.equals(ratio)
        assert not curve.equals(QTable(curve))
        assert not curve.equals(curve[:-1])
        assert "5 rows" in curve.first_difference(curve[:-1])


class TestDisplay:
    def test_one_line(self, curve, ratio):
        assert repr(curve) == "<LightCurve of 5 bins, 1 upper limit, 0.3-10 keV, -90.5 s to 913.000001 s since T0>"
        assert repr(ratio).startswith("<HardnessCurve of 2 bins, (1.5-10 keV) / (0.3-1.5 keV), 0 s to 400 s")
        assert repr(curve[:0]) == "<LightCurve of 0 bins, 0.3-10 keV>"

    def test_dates_without_reference_time(self):
        curve = LightCurve.from_columns(columns(), t0_met=None, band=TOTAL, binning="counts")
        assert "2018-06-19T10:30:27 to 2018-06-19T10:46:18" in repr(curve)

    def test_table_is_still_there(self, curve):
        assert "time_err_neg" in str(curve)
        assert "<table" in curve._repr_html_()


class TestSet:
    def test_is_a_mapping_of_what_exists(self, curve, ratio):
        curves = LightCurveSet(curve, soft=curve, hardness_ratio=ratio)
        assert list(curves) == ["total", "soft", "hardness_ratio"]
        assert curves["soft"] is curves.soft
        assert curves.get("hard") is None
        assert "hard" not in curves
        with pytest.raises(KeyError, match="total, soft, hardness_ratio"):
            curves["hard"]
        with pytest.raises(ProductNotAvailableError, match="total, soft, hardness_ratio"):
            _ = curves.hard

    def test_variants(self, curve):
        curves = LightCurveSet(curve, variants={"with_unreliable": LightCurveSet(curve[:2])})
        assert len(curves.variants["with_unreliable"].total) == 2
        with pytest.raises(TypeError):
            curves.variants["x"] = curves

    def test_pickle(self, curve, ratio):
        curves = LightCurveSet(curve, hardness_ratio=ratio, variants={"without_systematics": LightCurveSet(curve)})
        again = pickle.loads(pickle.dumps(curves))
        assert again.equals(curves)

    def test_equality_sees_everything(self, curve, ratio):
        curves = LightCurveSet(curve, hardness_ratio=ratio)
        assert curves.first_difference(LightCurveSet(curve)).startswith("curves")
        assert curves.first_difference(LightCurveSet(curve[1:], hardness_ratio=ratio)).startswith("total:")
        other = LightCurveSet(curve, hardness_ratio=ratio, variants={"with_unreliable": LightCurveSet(curve)})
        assert curves.first_difference(other).startswith("variants")
        assert not curves.equals(curve)

    def test_wrong_members_are_refused(self, curve, ratio):
        with pytest.raises(RequestError, match="hardness_ratio: a HardnessCurve is needed"):
            LightCurveSet(curve, hardness_ratio=curve)
        with pytest.raises(RequestError, match="total: a LightCurve is needed"):
            LightCurveSet(ratio)
        with pytest.raises(RequestError, match="with_unreliable, without_systematics, blind"):
            LightCurveSet(curve, variants={"nosys": LightCurveSet(curve)})

    def test_curves_of_a_catalogue(self, curve, ratio):
        curves = LightCurveSet(curve, medium=curve, hr1=ratio, hr2=ratio, variants={"blind": LightCurveSet(curve)})
        assert list(curves) == ["total", "medium", "hr1", "hr2"]
        assert curves.medium is curve
        assert curves.hr1 is curves.hr2 is ratio
        with pytest.raises(ProductNotAvailableError, match="hardness_ratio"):
            _ = curves.hardness_ratio
        with pytest.raises(RequestError, match="hr1: a HardnessCurve is needed"):
            LightCurveSet(curve, hr1=curve)
        assert pickle.loads(pickle.dumps(curves)).equals(curves)

    def test_formula_of_a_ratio(self, ratio):
        assert ratio.formula == f"({ratio.hard_band}) / ({ratio.soft_band})"
        ratio.definition = "(hard-soft)/(hard+soft)"
        assert ratio.formula == f"(hard-soft)/(hard+soft), hard ({ratio.hard_band}), soft ({ratio.soft_band})"
        assert ratio.formula in repr(ratio)

    def test_nested_variants_survive(self, curve, ratio):
        deepest = LightCurveSet(curve[:1])
        middle = LightCurveSet(curve[:2], hardness_ratio=ratio, variants={"without_systematics": deepest})
        curves = LightCurveSet(curve, variants={"with_unreliable": middle, "without_systematics": deepest})
        for again in (pickle.loads(pickle.dumps(curves)), copy.deepcopy(curves)):
            assert again.first_difference(curves) == ""
            assert len(again.variants["with_unreliable"].variants["without_systematics"].total) == 1

    def test_repr(self, curve, ratio):
        assert repr(LightCurveSet(curve, hardness_ratio=ratio)) == "<LightCurveSet of total 5, hardness_ratio 2 bins>"


def test_fresh_table_is_astropys_own(curve):
    """Reading a column does not change the curve, and tables made from one are independent."""
    table = Table(curve)
    table["rate"][0] = 99
    assert curve["rate"][0].value == 2.0
