"""Parameters of fits against time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from matplotlib.axes import Axes
from matplotlib.dates import num2date

from swiftxrt import FitParameter, SpectralFit, plot_parameter_evolution
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.products.outcomes import Outcome, Outcomes

EPOCH = Time("2019-04-01T00:00:00")
NH = 1e21 / u.cm**2
FLUX = 1e-11 * u.erg / u.cm**2 / u.s


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def table() -> QTable:
    return QTable(
        {
            "time": EPOCH + [1, 2, 4] * u.day,
            "photon_index": [1.7, 2.0, 2.2],
            "photon_index_err_neg": [0.1, 0.2, 0.3],
            "photon_index_err_pos": [0.2, 0.3, 0.4],
            "nh": [1, 2, 3] * NH,
            "nh_err_neg": [0.5, np.nan, 0.4] * NH,
            "nh_err_pos": [0.6, 0.7, np.nan] * NH,
            "dof": [10, 20, 30],
        }
    )


def drawn(axes: Any) -> list[Axes]:
    """Everything must also come out of the renderer without a warning."""
    axes[0].figure.canvas.draw()
    return list(axes)


def points(ax: Axes, number: int = 0) -> list[list[float]]:
    return ax.containers[number].lines[0].get_xydata().tolist()


def test_one_panel_for_each_parameter_with_errors() -> None:
    axes = drawn(plot_parameter_evolution(table()))
    assert [ax.get_ylabel().split("\n")[0] for ax in axes] == ["Photon index", r"$N_\mathregular{H}$"]
    assert [ax.get_xlabel() for ax in axes] == ["", "Date (UTC)"]
    (x, y), *_ = points(axes[0])
    assert (num2date(x).isoformat()[:19], y) == ("2019-04-02T00:00:00", 1.7)
    bars = [segment[:, 1].tolist() for segment in axes[0].containers[0].lines[2][0].get_segments()]
    np.testing.assert_allclose(bars[1], [1.8, 2.3])


def test_days_from_an_epoch() -> None:
    axes = drawn(plot_parameter_evolution(table(), "photon_index", epoch=EPOCH))
    assert points(axes[0]) == [[1.0, 1.7], [2.0, 2.0], [4.0, 2.2]]
    assert axes[0].get_xlabel() == "Days since 2019-04-01 00:00:00"


def test_powers_of_ten_go_to_the_label() -> None:
    (ax,) = drawn(plot_parameter_evolution(table(), ["nh"], epoch=EPOCH))
    assert "10^{21}" in ax.get_ylabel()
    assert points(ax) == [[1.0, 1.0]]


def test_one_sided_errors_are_limits() -> None:
    (ax,) = drawn(plot_parameter_evolution(table(), ["nh"], epoch=EPOCH))
    assert points(ax, 1) == [[2.0, 2.7]]
    assert points(ax, 2) == [[4.0, pytest.approx(2.6)]]
    arrows = [line.get_marker().vertices[:, 1] for line in ax.lines if hasattr(line.get_marker(), "vertices")]
    assert [np.sign(ends.sum()) for ends in arrows] == [-1, 1]


def test_values_without_errors_are_open() -> None:
    data = table()
    data["nh_err_neg"][0] = data["nh_err_pos"][0] = np.nan
    (ax,) = drawn(plot_parameter_evolution(data, ["nh"], epoch=EPOCH))
    assert ax.containers[0].lines[0].get_markerfacecolor() == "white"
    (ax,) = drawn(plot_parameter_evolution(data, "dof", epoch=EPOCH))
    assert ax.containers[0].lines[0].get_markerfacecolor() == "white"
    assert len(points(ax)) == 3


def test_masked_values_are_left_out() -> None:
    data = table()
    data["photon_index_err_neg"] = Masked(data["photon_index_err_neg"], mask=[True, False, False]) * u.one
    (ax,) = drawn(plot_parameter_evolution(data, "photon_index", epoch=EPOCH))
    assert len(points(ax)) == 2
    assert points(ax, 1) == [[1.0, pytest.approx(1.9)]]


def test_wide_ranges_are_logarithmic() -> None:
    data = table()
    data["nh"][2] = 100 * NH
    axes = drawn(plot_parameter_evolution(data))
    assert [ax.get_yscale() for ax in axes] == ["linear", "log"]


@pytest.mark.parametrize(
    ("x", "label"),
    [
        ([0.1, 0.5, 0.9] * u.one, ""),
        ([1, 2, 3] * u.keV, r"($\mathregular{keV}$)"),
        ("dof", "Dof"),
        ([1, 2, 3] * u.ks, "Time (ks)"),
        (EPOCH + [1, 2, 3] * u.day, "Date (UTC)"),
        ("days", "Time (d)"),
    ],
)
def test_times_of_choice(x: Any, label: str) -> None:
    data = table()
    data["days"] = [1, 2, 3] * u.day
    data["days_err_neg"] = data["days_err_pos"] = [0.1, 0.2, 0.3] * u.day
    axes = drawn(plot_parameter_evolution(data, ["nh"], x=x))
    assert axes[0].get_xlabel() == label
    if isinstance(x, str) and x == "days":
        assert axes[0].containers[0].has_xerr


def result(index: float) -> SpectralFit:
    parameters = {"photon_index": FitParameter(index * u.one, 0.1 * u.one, 0.1 * u.one)}
    flux = FitParameter(FLUX, 0.1 * FLUX, 0.1 * FLUX)
    return SpectralFit("PowerLaw", parameters, flux_observed=flux, flux_unabsorbed=flux, statistic=1.0, dof=2)


def test_results_of_fits() -> None:
    axes = drawn(plot_parameter_evolution([result(1.5), result(2.5)]))
    assert len(axes) == 3
    assert points(axes[0]) == [[1.0, 1.5], [2.0, 2.5]]
    assert axes[-1].get_xlabel() == "Number of the fit"
    assert all(place == round(place) for place in axes[-1].get_xticks())


def test_names_of_components_are_short_enough_for_a_panel() -> None:
    data = QTable({"time": table()["time"]})
    kt = [1.0, 2.0, 3.0] * u.keV
    for name, values in (
        ("bremsstrahlung.temperature", kt),
        ("tbabs.nh", [1, 2, 3] * NH),
        ("powerlaw_1.norm", kt / kt),
    ):
        data[name] = values
        data[f"{name}_err_neg"] = data[f"{name}_err_pos"] = 0.1 * values
    axes = drawn(plot_parameter_evolution(data))
    labels = ["Bremsstrahlung\ntemperature", "Tbabs\n$N_", "Powerlaw 1\nnorm"]
    for ax, label in zip(axes, labels, strict=True):
        assert ax.get_ylabel().startswith(label)
        assert ax.yaxis.label.get_window_extent().height <= ax.get_window_extent().height


@pytest.mark.parametrize("start", [0.1, 1.0])
def test_errors_that_reach_zero_need_a_linear_axis(start: float) -> None:
    """On a logarithmic one they would look like errors that end above zero."""
    data = table()
    data["nh"] = [start, 20, 100] * NH
    data["nh_err_neg"], data["nh_err_pos"] = [[start, 5, 5], [1, 5, 5]] * NH
    (ax,) = drawn(plot_parameter_evolution(data, "nh"))
    assert ax.get_yscale() == "linear"


def test_fits_that_failed_are_crosses_at_their_times() -> None:
    error = NoDataError("no counts")
    outcomes = Outcomes([Outcome("a", value=result(1.5)), Outcome("b", error=error), Outcome("c", value=result(2.5))])
    for x, unit in (([1, 2, 3] * u.day, 1.0), (EPOCH + [1, 2, 3] * u.day, 1.0), (None, 1.0)):
        axes = drawn(plot_parameter_evolution(outcomes, ["photon_index", "flux_observed"], x=x))
        (first, _), (last, _) = points(axes[0])
        assert last - first == pytest.approx(2 * unit)
        for ax in axes:
            (cross,) = [line for line in ax.lines if line.get_label() == "no fit"]
            assert cross.get_xdata() == pytest.approx([first + unit])
        assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["no fit"]
    assert [text.get_text() for text in axes[-1].get_xticklabels()] == ["a", "b", "c"]
    (ax,) = drawn(plot_parameter_evolution(outcomes, "photon_index", x=[1, 3] * u.day))
    assert points(ax) == [[1.0, 1.5], [3.0, 2.5]]
    assert ax.get_legend() is None
    with pytest.raises(RequestError, match="3 values are needed, one for each fit, or 2 for those that .* got 4"):
        plot_parameter_evolution(outcomes, "photon_index", x=[1, 2, 3, 4] * u.day)


def test_names_of_outcomes_stand_on_the_axis_unless_two_are_alike() -> None:
    outcomes = [Outcome(name, value=result(1.5)) for name in ("early", "late")]
    axes = drawn(plot_parameter_evolution(Outcomes(outcomes), "photon_index"))
    assert [text.get_text() for text in axes[-1].get_xticklabels()] == ["early", "late"]
    axes = drawn(plot_parameter_evolution(Outcomes(outcomes[:1] * 2), "photon_index"))
    assert axes[-1].get_xlabel() == "Number of the fit"


def test_widths_of_times() -> None:
    data = table()
    data["time_err_neg"] = data["time_err_pos"] = [6, 12, 18] * u.hour
    for options in ({}, {"epoch": EPOCH}):
        (ax,) = drawn(plot_parameter_evolution(data, "photon_index", **options))
        bars = [np.ptp(segment[:, 0]) for segment in ax.containers[0].lines[2][0].get_segments()]
        np.testing.assert_allclose(bars, [0.5, 1.0, 1.5], atol=1e-6)


def test_axes_that_are_given() -> None:
    _, axes = plt.subplots(2)
    assert list(plot_parameter_evolution(table(), axes=axes, color="k")) == list(axes)


@pytest.mark.parametrize(
    ("results", "options"),
    [
        (table()[:0], {}),
        (table(), {"names": "photon_indx"}),
        (table(), {"names": []}),
        (table()["time", "dof"], {}),
        (table(), {"x": "tim"}),
        (table(), {"x": [1, 2] * u.day}),
        (table(), {"x": ["a", "b", "c"]}),
        (table(), {"x": [1, 2, 3] * u.day, "epoch": EPOCH}),
        (table(), {"axes": [None]}),
        ([], {}),
        ([1], {}),
        (5, {}),
    ],
)
def test_what_cannot_be_drawn(results: Any, options: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        plot_parameter_evolution(results, **options)
