"""Pictures of fitted spectra."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

from swiftxrt import CountSpectrum, Mode, fit, models, plot_fits
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.fitting.folded import FoldedSpectrum
from swiftxrt.fitting.simulate import simulate_spectrum
from swiftxrt.fitting.statistics import wstat
from swiftxrt.plot._axes import COLOURS, MODE_COLOURS, axis_label
from swiftxrt.plot._fit_bins import shown_bins
from swiftxrt.plot.fit import peek_fit, plot_fit
from swiftxrt.products.outcomes import Outcome, Outcomes
from tests.fitting.conftest import small_response

PER = u.ct / (u.s * u.keV)
EXPOSURE_S = 1000.0


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def folded(
    counts: Any, *, label: str = "interval0pc", background: float = 2.0, terms: bool = False, statistic: str = "wstat"
) -> FoldedSpectrum:
    """Bins of 0.1 keV from 0.3 keV on; the background is scaled by 0.1, the model is ten counts in each bin."""
    counts = np.asarray(counts, dtype=float)
    edges = 0.3 + 0.1 * np.arange(len(counts) + 1)
    outside, ratio = np.full(len(counts), background), np.full(len(counts), 0.1)
    per_count = PER / (EXPOSURE_S * 0.1)
    model = np.full(len(counts), 10.0)
    return FoldedSpectrum(
        label=label,
        energy_low=edges[:-1] * u.keV,
        energy_high=edges[1:] * u.keV,
        counts=counts,
        background_counts=outside,
        background_ratio=ratio,
        rate=(counts - ratio * outside) * per_count,
        rate_err=np.sqrt(np.maximum(counts, 1) + ratio**2 * outside) * per_count,
        model_counts=model,
        model_rate=model * per_count,
        statistic_name=statistic,
        terms={"powerlaw": 0.7 * model * per_count, "blackbody": 0.3 * model * per_count} if terms else {},
    )


def fitted(*spectra: FoldedSpectrum, modes: Any = (Mode.PC, Mode.WT)) -> Any:
    shown = [SimpleNamespace(mode=mode) for mode, _ in zip(modes, spectra, strict=False)]
    return SimpleNamespace(folded=tuple(spectra), spectra=tuple(shown))


ONE = fitted(folded([12, 15, 20, 11, 10, 14]))
TWO = fitted(folded([12, 15, 20]), folded([40, 50, 60], label="interval0wt"))


def drawn(axes: Any) -> list[Axes]:
    """Everything must also come out of the renderer without a warning."""
    axes = np.ravel(axes)
    axes[0].figure.canvas.draw()
    return list(axes)


def values(ax: Axes, number: int = 0) -> list[float]:
    return ax.containers[number].lines[0].get_ydata().tolist()


def test_data_model_and_residuals() -> None:
    upper, lower = drawn(plot_fit(ONE))
    rate = ONE.folded[0].rate.value
    np.testing.assert_allclose(values(upper), rate)
    (line,) = [one for one in upper.lines if len(one.get_xdata()) == 12]
    np.testing.assert_allclose(line.get_ydata(), 0.1)
    np.testing.assert_allclose(values(lower), ONE.folded[0].residuals)
    np.testing.assert_allclose(
        lower.containers[0].get_children()[-1].get_segments()[0][:, 1], values(lower)[0] + np.array([-1, 1])
    )
    assert (upper.get_xscale(), upper.get_yscale(), lower.get_yscale()) == ("log", "log", "linear")
    assert lower.get_xlabel() == axis_label("Energy", u.keV)
    assert upper.get_xlabel() == ""


def test_energies_are_the_numbers_one_would_say() -> None:
    wide = fitted(folded(np.full(97, 20)))
    _, lower = drawn(plot_fit(wide))
    left, right = lower.get_xlim()
    shown = [tick.label1.get_text() for tick in lower.xaxis.get_major_ticks() if left <= tick.get_loc() <= right]
    assert shown == ["0.3", "0.5", "1", "2", "3", "5", "10"]


def test_a_real_fit() -> None:
    """Nothing that the figure needs is missing in what a fit gives."""
    truth = models.TBabs(2e21 / u.cm**2) * models.PowerLaw(1.9, 5e-3 * u.ph / (u.cm**2 * u.s * u.keV))
    empty = CountSpectrum(counts=np.zeros(100, dtype=int), exposure=2000 * u.s, mode="PC", **small_response())
    result = fit(simulate_spectrum(truth, like=empty, seed=1), truth, errors=False)
    upper, lower = drawn(result.plot(color="k"))
    assert 15 < len(values(upper)) < 97
    assert np.mean(np.abs(values(lower))) < 1.3
    assert drawn(plot_fits([result, result]))
    early = fit(simulate_spectrum(truth, like=empty.replace(label="early"), seed=1), truth, errors=False)
    assert (early.folded[0].label, early.table["spectrum"][0], early.to_dict()["spectra"]) == ("early PC",) * 2 + (
        ["early PC"],
    )


def test_residuals_are_those_of_the_statistic() -> None:
    """One count where ten are expected is no deviation by nine sigma."""
    few = [1, 0, 12, 10.2]
    outside, ratio, model = np.full(4, 2.0), np.full(4, 0.1), np.full(4, 10.0)
    signs = [-1, -1, 1, 0]
    expected = signs * np.sqrt(wstat(few, outside, ratio, model))
    assert expected[0] == pytest.approx(-3.8, abs=0.1)
    for statistic, wanted, label in (
        ("wstat", expected, "$\\pm\\sqrt{W}$"),
        ("cstat", [-3.67, -4.47, 0.61, 0.063], "$\\pm\\sqrt{C}$"),
        ("chi2", (np.array(few) - 10.2) / np.sqrt([1.02, 1.02, 12.02, 10.22]), "(Data $-$ model)\n/ error"),
    ):
        one = folded(few, statistic=statistic, background=0.0 if statistic == "cstat" else 2.0)
        _, lower = drawn(plot_fit(fitted(one), min_significance=0))
        np.testing.assert_allclose(values(lower), wanted, rtol=0.01, atol=1e-6)
        assert label in lower.get_ylabel()
    both = fitted(folded(few), folded(few, statistic="chi2"))
    assert drawn(plot_fit(both))[1].get_ylabel() == "Residual\n" r"($\sigma$)"


def test_residuals_of_bins_put_together_are_those_of_their_counts() -> None:
    counts = [1, 0, 2, 3, 20, 25]
    first = np.array([0, 4])
    together = folded(counts).residuals_of_groups(first)
    np.testing.assert_allclose(together, [-1, 1] * np.sqrt(wstat([6, 45], [8, 4], [0.1, 0.1], [40, 20])))
    assert shown_bins(folded(counts), 2.0, 4).residual[0] == pytest.approx(together[0])
    # Of the background in a group counts what it is in the source region.
    parts = {name: getattr(folded(counts), name) for name in folded(counts).__dataclass_fields__}
    uneven = FoldedSpectrum(
        **{**parts, "background_ratio": np.array([0.1, 0.3] * 3), "background_counts": np.array([0.0, 4] * 3)}
    )
    np.testing.assert_allclose(
        uneven.residuals_of_groups(first), [-1, 1] * np.sqrt(wstat([6, 45], [8, 4], [0.3, 0.3], [40, 20]))
    )
    chi = folded(counts, statistic="chi2")
    variance = np.maximum(counts, 1) + 0.02
    np.testing.assert_allclose(
        chi.residuals_of_groups(first), [(6 - 40.8) / np.sqrt(variance[:4].sum()), (45 - 20.4) / np.sqrt(45.04)]
    )
    nothing = FoldedSpectrum(**{**parts, "background_counts": np.zeros(6)})
    np.testing.assert_allclose(
        nothing.residuals_of_groups(first), [-1, 1] * np.sqrt(wstat([6, 45], [0, 0], [0.1, 0.1], [40, 20]))
    )


def test_ratio_and_no_residuals() -> None:
    upper, lower = drawn(plot_fit(ONE, residuals="ratio"))
    np.testing.assert_allclose(values(lower), np.array(values(upper)) / 0.1)
    (alone,) = drawn(plot_fit(ONE, residuals=None))
    assert alone.get_xlabel() == axis_label("Energy", u.keV)


def test_modes_have_their_colours_and_others_too() -> None:
    upper, _ = drawn(plot_fit(TWO))
    assert [one.lines[0].get_color() for one in upper.containers] == [MODE_COLOURS[Mode.PC], MODE_COLOURS[Mode.WT]]
    assert [text.get_text() for text in upper.get_legend().get_texts()] == ["interval0pc", "interval0wt"]
    upper, _ = drawn(plot_fit(fitted(*TWO.folded, modes=(None, None))))
    assert upper.containers[0].lines[0].get_color() != upper.containers[1].lines[0].get_color()


def test_parts_of_a_sum_are_dotted() -> None:
    summed = fitted(folded([12, 15, 20], terms=True))
    dotted = [one for one in plot_fit(summed)[0].lines if one.get_linestyle() == ":"]
    assert len(dotted) == 2
    assert {one.get_color() for one in dotted} == {COLOURS["black"]}
    assert not [one for one in plot_fit(summed, components=False)[0].lines if one.get_linestyle() == ":"]


def test_few_counts_are_put_together_for_the_eye() -> None:
    faint = folded([1, 0, 2, 3, 0, 0, 4, 1, 0, 2, 5, 1] * 4)
    bins = shown_bins(faint, 3.0, 60)
    assert 4 < len(bins.rate) < 12
    significant = bins.rate[:-1] / bins.error[:-1]
    assert np.all(significant >= 3.0)
    # No count is lost: rates times widths add up to all.
    width = bins.high - bins.low
    assert np.sum(bins.rate * width) == pytest.approx(np.sum(faint.rate.value * 0.1))
    np.testing.assert_allclose(bins.model, 0.1)
    # The error is that of the counts together, without one count for each empty bin.
    number = round(width[0] / 0.1)
    counts = faint.counts[:number].sum()
    assert bins.error[0] == pytest.approx(np.sqrt(counts + 0.01 * 2 * number) / EXPOSURE_S / width[0])
    upper, _ = drawn(plot_fit(fitted(faint)))
    assert len(values(upper)) == len(bins.rate)
    assert len(values(drawn(plot_fit(fitted(faint), min_significance=0))[0])) == np.count_nonzero(faint.rate > 0)


def test_spectra_of_the_same_name_are_numbered_like_their_parameters() -> None:
    three = fitted(folded([12, 15]), folded([12, 15], label="other"), folded([40, 50]), modes=[Mode.PC] * 3)
    upper, _ = drawn(plot_fit(three))
    assert [one.get_text() for one in upper.get_legend().get_texts()] == ["interval0pc [0]", "other", "interval0pc [2]"]


def test_rates_that_are_zero_but_for_rounding_do_not_stretch_the_axis() -> None:
    nothing = folded([40, 50, 30, 20, 0.2 + 1e-12, 20])
    upper, _ = drawn(plot_fit(fitted(nothing), min_significance=0))
    assert len(values(upper)) == 5
    low, high = upper.get_ylim()
    assert high < 1e4 * low


def test_groups_end_at_gaps_and_at_the_most_bins() -> None:
    faint = folded([0] * 12)
    assert len(shown_bins(faint, 3.0, 5).rate) == 3
    high = faint.energy_high.copy()
    high[3] -= 0.05 * u.keV
    gap = FoldedSpectrum(**{**{name: getattr(faint, name) for name in faint.__dataclass_fields__}, "energy_high": high})
    assert shown_bins(gap, 3.0, 60).low.tolist() == pytest.approx([0.3, 0.7])
    assert np.isnan(plot_fit(fitted(gap))[0].lines[-1].get_ydata()).sum() == 1


def test_errors_of_rates_that_are_no_counts_add_in_squares() -> None:
    faint = folded([4, 4, 4, 4])
    parts = {name: getattr(faint, name) for name in faint.__dataclass_fields__}
    rates = FoldedSpectrum(**{**parts, "rate_err": np.full(4, 0.05) * PER})
    bins = shown_bins(rates, 1.4, 60)
    assert bins.error[0] == pytest.approx(np.sqrt(len(rates.rate) / len(bins.rate)) * 0.05 / (4 / len(bins.rate)))


def test_negative_rates_are_arrows() -> None:
    upper, _ = drawn(plot_fit(fitted(folded([20, 0, 20], background=3.0)), min_significance=0))
    assert len(values(upper)) == 2
    assert len(values(upper, 1)) == 1


def test_axes_that_are_given() -> None:
    _, axes = plt.subplots(2)
    assert list(plot_fit(ONE, axes=axes)) == list(axes)
    _, ax = plt.subplots()
    assert list(plot_fit(ONE, axes=ax, residuals=None, color="k")) == [ax]


def test_a_panel_for_each_fit() -> None:
    axes = plot_fits([ONE, TWO, ONE, ONE], columns=3, labels=["a", "b", "c", "d"])
    drawn(axes)
    assert axes.shape == (4, 2)
    assert [ax.get_title() for ax in axes[:, 0]] == ["a", "b", "c", "d"]
    assert len({ax.get_xlim() for ax in axes.flat}) == 1
    assert len({ax.get_ylim() for ax in axes[:, 0]}) == 1
    # Two and two, rather than three and one.
    assert [ax.get_ylabel() != "" for ax in axes[:, 0]] == [True, False, True, False]
    assert [ax.get_xlabel() != "" for ax in axes[:, 1]] == [False, False, True, True]
    assert plot_fits([ONE], residuals=None).shape == (1, 1)
    assert {ax.get_ylabel() for ax in axes[[0, 2], 1]} == {"Residual\n" r"($\pm\sqrt{W}$)"}
    mixed = plot_fits([ONE, fitted(folded([12, 15], statistic="chi2"))], columns=1)
    assert {ax.get_ylabel() for ax in mixed[:, 1]} == {"Residual\n" r"($\sigma$)"}


def test_fits_that_failed_have_an_empty_panel() -> None:
    outcomes = Outcomes([Outcome("first", value=ONE), Outcome("second", error=NoDataError("no counts"))])
    axes = plot_fits(outcomes)
    drawn(axes)
    assert [ax.get_title() for ax in axes[:, 0]] == ["first", "second"]
    assert plot_fits([ONE])[0, 0].get_title() == "interval0pc"
    assert [text.get_text() for text in axes[1, 0].texts] == ["no fit\nno counts"]


def test_reasons_stay_in_their_panel() -> None:
    long = "20 MeV costs $5: " + 30 * "interval0pc has no counts "
    outcomes = Outcomes([Outcome("one", value=ONE), *[Outcome(n, error=NoDataError(long)) for n in (2, 3)]])
    axes = plot_fits(outcomes)
    drawn(axes)
    (text,) = axes[1, 0].texts
    inside, panel = text.get_window_extent(), axes[1, 0].get_window_extent()
    assert panel.x0 < inside.x0 < inside.x1 < panel.x1
    assert panel.y0 < inside.y0 < inside.y1 < panel.y1
    assert text.get_text().endswith("...")


def test_looking_at_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    peek_fit(ONE)
    assert shown == [1]


@pytest.mark.parametrize(
    "options",
    [
        {"residuals": "rato"},
        {"residuals": True},
        {"min_significance": -1},
        {"max_bins": 0},
        {"axes": [None]},
        {"result": 5},
    ],
)
def test_what_cannot_be_drawn(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        plot_fit(**{"result": ONE, **options})


@pytest.mark.parametrize("options", [{"results": []}, {"columns": 0}, {"labels": ["a", "b"]}, {"residuals": "rato"}])
def test_panels_that_cannot_be_drawn(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        plot_fits(**{"results": [ONE], **options})
