"""Pictures of light curves: what is drawn where, on which axes."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.dates import num2date

from swiftxrt.bands import HARD, SOFT, TOTAL
from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.plot import lightcurve as plots
from swiftxrt.plot._axes import MODE_COLOURS, axis_label
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet

T0 = 551097137.0


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make_curve(elapsed_s=(100.0, 200.0, 1e4, 2e4), *, t0_met=T0, rate=(50.0, 20.0, 0.5, 0.1)) -> LightCurve:
    values = {
        "met_s": T0 + np.array(elapsed_s),
        "time_err_neg": 5.0,
        "time_err_pos": 10.0,
        "rate": rate,
        "rate_err_neg": np.abs(rate) / 10,
        "rate_err_pos": np.abs(rate) / 5,
        "mode": ["WT", "WT", "PC", "PC"],
        "is_upper_limit": [False, False, False, True],
    }
    return LightCurve.from_columns(values, t0_met=t0_met, band=TOTAL, binning="counts")


def make_ratio(elapsed_s=(150.0, 1e4)) -> HardnessCurve:
    values = {
        "met_s": T0 + np.array(elapsed_s),
        "time_err_neg": 50.0,
        "time_err_pos": 50.0,
        "hardness_ratio": [1.2, np.inf],
        "hardness_ratio_err": [0.2, np.nan],
        "mode": ["WT", "PC"],
    }
    return HardnessCurve.from_columns(values, t0_met=T0, soft_band=SOFT, hard_band=HARD, binning="counts")


def legend_of(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def bars(ax, label):
    """Markers and bars of the entry of the legend."""
    return next(one for one in ax.containers if one.get_label() == label)


class TestLightCurve:
    def test_points_and_bars_are_the_columns(self):
        ax = plots.plot_light_curve(make_curve())
        points, _, (horizontal, vertical) = bars(ax, "WT")
        assert points.get_xdata().tolist() == [100.0, 200.0]
        assert points.get_ydata().tolist() == [50.0, 20.0]
        assert np.allclose(horizontal.get_segments()[0], [[95.0, 50.0], [110.0, 50.0]])
        assert np.allclose(vertical.get_segments()[1], [[200.0, 18.0], [200.0, 24.0]])

    def test_modes_keep_their_colours(self):
        ax = plots.plot_light_curve(make_curve())
        for mode, colour in MODE_COLOURS.items():
            assert bars(ax, mode.value)[0].get_color() == colour

    def test_limits_are_arrows_down_from_the_limit(self):
        ax = plots.plot_light_curve(make_curve())
        assert legend_of(ax) == ["WT", "PC", "PC limit (99.73 %)"]
        _, (arrow,), (_, vertical) = bars(ax, "_limits")
        assert arrow.get_marker() == mpl.lines.CARETDOWNBASE
        ((bottom, top),) = [segment[:, 1] for segment in vertical.get_segments()]
        assert top == 0.1
        assert 0 < bottom < top

    def test_logarithmic_after_t0(self):
        ax = plots.plot_light_curve(make_curve())
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert ax.get_xlabel() == axis_label("Time since T0", "s")
        assert ax.get_ylabel().startswith("Count rate, 0.3-10 keV (")

    def test_linear_with_bins_before_t0(self):
        ax = plots.plot_light_curve(make_curve((-10.0, 20.0, 30.0, 40.0), rate=(1.0, 1.1, 1.2, 1.3)))
        assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
        assert bars(ax, "WT")[0].get_xdata()[0] == -10.0

    def test_dates_without_t0(self):
        ax = plots.plot_light_curve(make_curve(t0_met=None))
        assert ax.get_xlabel() == "Date (UTC)"
        first = num2date(bars(ax, "WT")[0].get_xdata()[0])
        assert first.isoformat()[:19] == "2018-06-19T10:33:35"  # T0 is 10:31:55.87 by the UTCF table.
        left, right = bars(ax, "WT")[2][0].get_segments()[0][:, 0]
        assert (right - left) * 86400 == pytest.approx(15.0, abs=1e-3)

    def test_axis_of_choice(self):
        assert plots.plot_light_curve(make_curve(), elapsed=False).get_xlabel() == "Date (UTC)"
        ax = plots.plot_light_curve(make_curve(t0_met=None), elapsed=True)
        assert ax.get_xlabel() == axis_label("Time since 2018-06-19 10:33:30", "s")
        assert ax.get_xscale() == "linear"

    def test_without_t0_most_bins_in_one_place_are_drawn_apart(self):
        """On an axis of dates all but the last would be one point."""
        curve = make_curve((100.0, 200.0, 300.0, 1e5), t0_met=None)
        ax = plots.plot_light_curve(curve)
        assert ax.get_xlabel() == axis_label("Time since 2018-06-19 10:33:30", "s")
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert bars(ax, "WT")[0].get_xdata().tolist() == [5.0, 105.0]
        # The first bin reaches back to zero, which is not the end of the axis.
        assert ax.get_xlim()[0] == 2.5
        assert ax.get_xlim()[1] > 1e5
        assert plots.plot_light_curve(curve, elapsed=False).get_xlabel() == "Date (UTC)"
        curve["time_err_neg"][:] = 0  # Nothing to begin a logarithmic axis with.
        assert plots.plot_light_curve(curve).get_xlabel() == "Date (UTC)"

    def test_unknown_errors_are_open_symbols(self):
        curve = make_curve()
        curve["rate_err_pos"][0] = np.nan
        ax = plots.plot_light_curve(curve)
        assert legend_of(ax) == ["WT", "WT, error not known", "PC", "PC limit (99.73 %)"]
        points, _, stems = bars(ax, "WT, error not known")
        assert points.get_xdata().tolist() == [100.0]
        assert points.get_markerfacecolor() == "white"
        assert len(stems) == 1  # The extent of the bin, no error.
        assert bars(ax, "WT")[0].get_xdata().tolist() == [200.0]

    @pytest.mark.parametrize("first", [4.0, 5.0])
    def test_a_first_bin_that_reaches_t0_does_not_make_time_linear(self, first):
        ax = plots.plot_light_curve(make_curve((first, 100.0, 1e4, 2e4)))
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert 1 < ax.get_xlim()[0] < first

    @pytest.mark.parametrize("elapsed_s", [(-50.0, 100.0, 1e4, 2e4), (4.0, 20.0, 40.0, 60.0)])
    def test_time_is_linear_before_t0_and_for_short_times(self, elapsed_s):
        assert plots.plot_light_curve(make_curve(elapsed_s)).get_xscale() == "linear"

    def test_the_ratio_below_hides_no_bins(self):
        curves = LightCurveSet(make_curve((4.0, 100.0, 1e4, 2e4)), hardness_ratio=make_ratio((40.0, 1e4)))
        upper = plots.plot_overview(curves)
        assert upper.get_xlim()[0] < 4
        assert upper.get_xlim()[1] > 2e4

    def test_wide_range_of_rates_is_logarithmic_on_dates(self):
        assert plots.plot_light_curve(make_curve(t0_met=None)).get_yscale() == "log"
        narrow = make_curve(t0_met=None, rate=(2.0, 1.0, 1.0, 1.0))
        assert plots.plot_light_curve(narrow).get_yscale() == "linear"

    def test_axes_with_data_keep_their_scales(self):
        _, ax = plt.subplots()
        ax.plot([1, 2], [3, 4])
        assert plots.plot_light_curve(make_curve(), ax=ax) is ax
        assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")

    def test_artist_keywords(self):
        ax = plots.plot_light_curve(make_curve(), color="black", label="mine", alpha=0.5)
        assert legend_of(ax)[:2] == ["mine", "mine"]
        assert bars(ax, "mine")[0].get_color() == "black"
        assert bars(ax, "_limits")[2][0].get_alpha() == 0.5

    def test_method_and_empty_curve(self):
        assert make_curve().plot().get_xlabel() == axis_label("Time since T0", "s")
        with pytest.raises(RequestError, match="no bins"):
            make_curve()[:0].plot()

    def test_only_limits(self):
        ax = make_curve().upper_limits.plot()
        assert legend_of(ax) == ["PC limit (99.73 %)"]

    def test_rates_that_are_not_known_or_positive_do_not_disturb(self):
        ax = plots.plot_light_curve(make_curve(rate=(50.0, np.nan, -0.2, 0.1)))
        ax.figure.canvas.draw()
        assert ax.get_ylim()[0] > 0.01


class TestHardness:
    def test_only_finite_ratios(self):
        ax = make_ratio().plot()
        assert legend_of(ax) == ["WT"]
        assert bars(ax, "WT")[0].get_ydata().tolist() == [1.2]
        assert ax.get_ylabel() == "Hardness ratio\n(1.5-10 keV) / (0.3-1.5 keV)"
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")

    def test_label_tells_definition_and_bands(self):
        ratio = make_ratio()
        assert plots.plot_hardness(ratio).get_ylabel() == "Hardness ratio\n(1.5-10 keV) / (0.3-1.5 keV)"
        ratio.definition = "(hard-soft)/(hard+soft)"
        label = "Hardness (H-S)/(H+S)\nH 1.5-10, S 0.3-1.5 keV"
        assert plots.plot_hardness(ratio).get_ylabel() == label


class TestOverview:
    def test_two_panels_share_their_time_axis(self):
        upper = LightCurveSet(make_curve(), hardness_ratio=make_ratio()).plot()
        lower = upper.figure.axes[1]
        assert upper.get_shared_x_axes().joined(upper, lower)
        assert (upper.get_xlabel(), lower.get_xlabel()) == ("", axis_label("Time since T0", "s"))
        assert lower.get_xscale() == "log"
        assert lower.get_position().y0 < upper.get_position().y0

    def test_bins_before_t0_in_the_rates_only(self):
        curve = make_curve((-10.0, 20.0, 30.0, 40.0))
        upper = plots.plot_overview(LightCurveSet(curve, hardness_ratio=make_ratio()))
        assert upper.get_xscale() == "linear"

    def test_dates_have_the_format_of_dates(self):
        upper = plots.plot_overview(LightCurveSet(make_curve(), hardness_ratio=make_ratio()), elapsed=False)
        upper.figure.canvas.draw()
        labels = [label.get_text() for label in upper.figure.axes[1].get_xticklabels()]
        assert any(":" in label for label in labels)

    def test_one_panel_without_ratio(self):
        assert len(LightCurveSet(make_curve()).plot().figure.axes) == 1


def test_only_peek_shows(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "show", lambda: shown.append(len(plt.get_fignums())))
    make_curve().plot()
    LightCurveSet(make_curve()).plot()
    assert shown == []
    make_curve().peek()
    make_ratio().peek()
    LightCurveSet(make_curve()).peek()
    assert shown == [3, 4, 5]


class TestUnknownRatios:
    """The hard band of faint bins has no counts: the ratio is zero or less and nobody knows its error."""

    def made(self) -> HardnessCurve:
        values = {"met_s": T0 + np.array([150.0, 1e4, 2e4]), "time_err_neg": 50.0, "time_err_pos": 50.0, "mode": "PC"}
        values |= {"hardness_ratio": [1.2, -0.1, np.nan], "hardness_ratio_err": [0.2, np.nan, np.nan]}
        return HardnessCurve.from_columns(values, t0_met=T0, soft_band=SOFT, hard_band=HARD, binning="counts")

    def test_are_open_symbols(self):
        ax = plots.plot_hardness(self.made())
        assert legend_of(ax) == ["PC", "PC, error not known"]
        assert bars(ax, "PC")[0].get_xdata().tolist() == [150.0]
        assert bars(ax, "PC, error not known")[0].get_ydata().tolist() == [-0.1]

    def test_are_told_in_the_overview(self):
        upper = LightCurveSet(make_curve(), hardness_ratio=self.made()).plot()
        assert legend_of(upper.figure.axes[1]) == ["PC, error not known"]
        assert LightCurveSet(make_curve(), hardness_ratio=make_ratio()).plot().figure.axes[1].get_legend() is None

    def test_both_panels_count_from_one_time_without_t0(self):
        curve, ratio = make_curve((100.0, 200.0, 300.0, 1e5), t0_met=None), self.made()
        ratio.t0_met = None
        upper = LightCurveSet(curve, hardness_ratio=ratio).plot()
        assert bars(upper.figure.axes[1], "PC")[0].get_xdata().tolist() == [55.0]


def test_the_ratio_of_choice():
    curves = LightCurveSet(make_curve(), hr1=make_ratio((150.0, 2e4)), hr2=make_ratio((300.0, 2e4)))

    def first(**options):
        lower = curves.plot(**options).figure.axes[1]
        return bars(lower, "WT")[0].get_xdata()[0]

    assert (first(), first(hardness="hr2")) == (150.0, 300.0)
    assert len(curves.plot(hardness=False).figure.axes) == 1
    assert curves.plot(elapsed=False).figure.axes[1].get_xlabel() == "Date (UTC)"
    with pytest.raises(RequestError, match="hr1"):
        curves.plot(hardness="hr3")
    with pytest.raises(ProductNotAvailableError):
        curves.plot(hardness="hardness_ratio")
