"""Pictures of spectra."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.plot._axes import mode_colour
from swiftxrt.plot.spectrum import plot_spectrum
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.spectrum import XRTSpectrum
from swiftxrt.products.spectrumset import SpectrumSet


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    style = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == style


def counted(**changes: Any) -> CountSpectrum:
    energy = (np.arange(1024) + 0.5) / 100
    rng = np.random.default_rng(11)
    background = CountSpectrum(counts=rng.poisson(0.5, 1024), exposure=900 * u.s, mode="PC", backscale=0.02)
    values = {"counts": rng.poisson(40 * np.exp(-energy)), "exposure": 1000 * u.s, "mode": "PC", "backscale": 0.001}
    return CountSpectrum(**{**values, "background": background, "header": {"OBJECT": "A star"}, **changes})


@pytest.fixture
def spectrum() -> XRTSpectrum:
    return counted().to_spectrum()


def drawn(ax: plt.Axes) -> list[Any]:
    return [item for item in ax.containers if not str(item.get_label()).startswith("_")]


def test_axes_are_readable(spectrum: XRTSpectrum) -> None:
    ax = spectrum.plot()
    ax.figure.savefig(io.BytesIO(), dpi=40)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    low, high = ax.get_xlim()
    shown = [tick.get_text() for tick, at in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True) if low < at < high]
    assert shown == ["0.3", "0.5", "1", "2", "5"]
    assert ax.get_xlabel() == r"Energy ($\mathregular{keV}$)"
    assert ax.get_ylabel().startswith("Net count rate (")
    assert "keV^{-1}" in ax.get_ylabel()


def test_values_are_drawn_with_bars(spectrum: XRTSpectrum) -> None:
    ax = spectrum.plot(min_counts=25, label="here")
    grouped = spectrum.group(min_counts=25)
    (bars,) = drawn(ax)
    np.testing.assert_allclose(bars.lines[0].get_ydata(), grouped.flux.value)
    across, along = (np.array(lines.get_segments()) for lines in bars.lines[2])
    np.testing.assert_allclose(
        across[:, :, 0], np.transpose([grouped.energy_edges.value[:-1], grouped.energy_edges.value[1:]])
    )
    np.testing.assert_allclose(along[:, 1, 1], (grouped.flux.value + grouped.uncertainty.array))
    assert ax.get_ylim()[1] > along[:, 1, 1].max()
    assert bars.lines[2][0].get_color()[0] == pytest.approx(mpl.colors.to_rgba(mode_colour("PC")))


def bins(ax: plt.Axes) -> int:
    return sum(len(item.lines[0].get_ydata()) for item in ax.containers[:1])


def test_grouped_for_the_eye_unless_told_otherwise(spectrum: XRTSpectrum) -> None:
    assert bins(spectrum.plot()) == spectrum.group(min_counts=20).flux.size
    faint = counted(
        counts=np.bincount([40, 60, 80, 90, 100, 120, 150, 200, 300, 400] * 3, minlength=1024),
        background=None,
    ).to_spectrum()
    assert bins(faint.plot()) == faint.group(min_counts=2).flux.size
    grouped = spectrum.group(min_counts=50)
    assert bins(grouped.plot()) == grouped.flux.size
    assert bins(spectrum.plot(min_counts=0)) == np.count_nonzero(spectrum.flux.value > 0)
    empty = counted(counts=np.zeros(1024, dtype=int), background=None).to_spectrum()
    assert bins(empty.plot()) == 0


def test_bins_below_the_background_get_arrows() -> None:
    counts = np.zeros(1024, dtype=int)
    counts[40:60] = 5
    ax = counted(counts=counts).to_spectrum().plot(min_counts=0)
    assert len(ax.containers) == 2
    assert any(line.get_marker() == mpl.lines.CARETDOWNBASE for line in ax.containers[1].lines[1])


def test_masked_bins_are_left_out() -> None:
    masked = counted(quality=np.where(np.arange(1024) == 100, 5, 0)).group(min_counts=20).to_spectrum()
    assert masked.mask.any()
    ax = masked.plot(steps=True)
    assert bins(ax) == masked.flux.size - masked.mask.sum()
    (outline,) = [line for line in ax.lines if np.isnan(line.get_ydata()).any()]
    energy = outline.get_xdata()
    assert np.count_nonzero(np.isnan(outline.get_ydata())) == 1
    assert energy[0] == masked.energy_edges[0].value
    assert energy[-1] == masked.energy_edges[-1].value


def test_background_is_scaled(spectrum: XRTSpectrum) -> None:
    ax = spectrum.plot(background=True)
    source, background = counted(), counted().background
    assert background is not None
    (grey,) = [item for item in ax.containers if item.get_label() == "background"]
    segments = np.array(grey.lines[2][0].get_segments())
    low, high, level = segments[:, 0, 0], segments[:, 1, 0], segments[:, 0, 1]
    expected = source.background_ratio * background.counts[30 : round(high[-1] * 100)].sum() / 1000
    assert ((high - low) * level).sum() == pytest.approx(expected)
    assert ax.get_ylim()[0] < level.min()
    without = counted(background=None).to_spectrum().plot(background=True)
    assert len(without.containers) == 1
    assert without.get_legend() is None


def entries(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_legend_tells_the_background(spectrum: XRTSpectrum) -> None:
    assert sorted(entries(spectrum.plot(background=True))) == ["background", "interval0pc"]
    assert sorted(entries(spectrum.plot(background=True, label="mine"))) == ["background", "mine"]
    assert spectrum.plot().get_legend() is None
    both = SpectrumSet([counted(mode="WT"), counted()]).plot(background=True)
    assert sorted(entries(both)) == ["background", "interval0pc", "interval0wt"]


def test_axes_of_others_are_used(spectrum: XRTSpectrum) -> None:
    _, ax = plt.subplots()
    assert plot_spectrum(spectrum[1 * u.keV : 2 * u.keV], ax=ax, color="k") is ax
    spectrum.plot(ax=ax)
    low, high = ax.get_xlim()
    assert low < 0.35
    assert high > 5
    assert plt.get_fignums() == [ax.figure.number]


def test_data_of_others_stay_in_sight(spectrum: XRTSpectrum) -> None:
    _, ax = plt.subplots()
    ax.plot([0.1, 50], [1e-6, 1e3])
    spectrum.plot(ax=ax)
    assert ax.get_xlim()[1] >= 50
    assert ax.get_ylim()[1] >= 1e3


@pytest.mark.parametrize(
    ("unit", "name"), [("ct / s", "Net count rate"), ("ct", "Net counts"), ("ct / keV", "Net counts")]
)
def test_labels_follow_the_unit(unit: str, name: str) -> None:
    assert counted().to_spectrum(unit=unit).plot().get_ylabel().startswith(f"{name} (")


def test_nothing_to_draw() -> None:
    ax = XRTSpectrum([np.nan, np.nan] * u.ct / u.s / u.keV, [0.3, 1, 10] * u.keV).plot()
    assert bins(ax) == 0
    assert ax.get_xlabel().startswith("Energy")


def test_results_of_arithmetic_can_be_drawn(spectrum: XRTSpectrum) -> None:
    ax = (spectrum.group(min_counts=20) / (3 * u.cm**2)).plot()
    assert ax.get_ylabel().startswith("Flux (")
    wave = spectrum.group(min_counts=20).with_spectral_axis_unit("Angstrom")
    assert wave.plot().get_xlabel().startswith("Energy")


def test_small_ranges_have_labels_too() -> None:
    flat = XRTSpectrum([2.0, 3.0, 4.0] * u.ct / u.s / u.keV, [0.3, 1, 2, 10] * u.keV)
    ax = flat.plot()
    ax.figure.savefig(io.BytesIO(), dpi=40)
    labels = [text.get_text() for text in ax.yaxis.get_ticklabels(which="both")]
    assert {"2", "3", "5"} <= set(labels)
    tiny = flat * 1e-6
    ax = tiny.plot()
    ax.figure.savefig(io.BytesIO(), dpi=40)
    assert r"$2 \times 10^{-6}$" in [text.get_text() for text in ax.yaxis.get_ticklabels(which="both")]


@pytest.mark.parametrize("limits", [(5e-5, 0.3), (1e-3, 0.3), (8e-4, 5.0), (5e-4, 5e-3), (0.1, 3e5), (2e-3, 9e3)])
def test_numbers_on_the_axis_have_one_style(spectrum: XRTSpectrum, limits: tuple[float, float]) -> None:
    ax = spectrum.plot()
    ax.set_ylim(limits)
    ax.figure.savefig(io.BytesIO(), dpi=40)
    ticks = [*ax.yaxis.get_major_ticks(), *ax.yaxis.get_minor_ticks()]
    shown = [tick.label1.get_text() for tick in ticks if limits[0] <= tick.get_loc() <= limits[1]]
    powers = {"10^" in text for text in shown if text}
    assert powers == {limits not in ((1e-3, 0.3), (8e-4, 5.0), (2e-3, 9e3))}


def test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    two = SpectrumSet([counted(mode="WT"), counted()])
    ax = two.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["interval0wt", "interval0pc"]
    colours = [tuple(item.lines[2][0].get_color()[0]) for item in drawn(ax)]
    assert colours == [mpl.colors.to_rgba(mode_colour(mode)) for mode in ("WT", "PC")]
    three = SpectrumSet([counted(label=label) for label in "abc"]).plot()
    assert len({tuple(item.lines[2][0].get_color()[0]) for item in drawn(three)}) == 3
    with pytest.raises(RequestError, match="no spectrum to draw"):
        SpectrumSet([]).plot()


def test_peek_shows(monkeypatch: pytest.MonkeyPatch, spectrum: XRTSpectrum) -> None:
    shown: list[str] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gca().get_title()))
    spectrum.peek()
    (spectrum.group(min_counts=20) * 2).peek()
    SpectrumSet([counted()]).peek()
    assert shown == [f"A star, interval0pc, {counted().counts.sum()} counts in 1000 s", "", "A star"]


def test_pictures_have_titles(spectrum: XRTSpectrum) -> None:
    title = f"A star, interval0pc, {counted().counts.sum()} counts in 1000 s"
    assert spectrum.plot().get_title() == counted().plot().get_title() == title
    assert SpectrumSet([counted(mode="WT"), counted()]).plot().get_title() == "A star"
    _, ax = plt.subplots()
    assert spectrum.plot(ax=ax).get_title() == ""


def test_counts_draw_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf().number))
    _, ax = plt.subplots()
    assert counted().plot(ax=ax, min_counts=30, color="red") is ax
    assert mpl.colors.to_hex(ax.containers[0].lines[2][0].get_color()[0]) == "#ff0000"
    counted().peek()
    assert len(shown) == 1


def rates(**changes: Any) -> CountSpectrum:
    """Rates with errors of their own, as of a hard X-ray telescope."""
    edges = np.geomspace(15, 1000, 81)
    counts = 4e4 * (edges[:-1] / 20) ** -1.5
    values = {"counts": counts, "counts_err": np.full(80, 60.0), "exposure": 1000 * u.s, "energy_edges": edges * u.keV}
    return CountSpectrum(**{**values, "telescope": "INTEGRAL", "instrument": "IBIS", "label": "Crab", **changes})


def test_other_instruments_have_their_own_energies() -> None:
    ax = rates().plot()
    ax.figure.savefig(io.BytesIO(), dpi=40)
    low, high = ax.get_xlim()
    assert 10 < low < 15
    assert high > 700
    shown = [tick.get_text() for tick, at in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True) if low < at < high]
    assert shown[:5] == ["20", "50", "100", "200", "500"]
    assert ax.get_title() == f"Crab (INTEGRAL IBIS), {rates().net_rate.value:.4g} ct/s, 1000 s"


def test_rates_are_grouped_for_the_eye() -> None:
    """To three times their noise, unless channels are joined already."""
    bars = drawn(rates().plot(label="x"))[0]
    heights = rates().group(signal_to_noise=3).to_spectrum().flux.value
    np.testing.assert_allclose(bars.lines[0].get_ydata(), heights)
    flags = np.where(np.arange(80) % 4 == 0, 1, -1)
    assert len(drawn(rates(grouping=flags).plot(label="x"))[0].lines[0].get_ydata()) == 20
    # Each channel a group of its own is no grouping, whatever the file says.
    bars = drawn(rates(grouping=np.ones(80)).plot(label="x"))[0]
    np.testing.assert_allclose(bars.lines[0].get_ydata(), heights)
    lost = rates(counts=np.full(80, 1.0))
    assert len(drawn(lost.plot(label="x"))[0].lines[0].get_ydata()) == 80


def test_background_with_errors_of_its_own() -> None:
    background = rates(counts=np.full(80, 2000.0), counts_err=np.full(80, 100.0))
    counted = rates(counts=np.full(80, 9000), counts_err=None, background=background)
    ax = plot_spectrum(counted.to_spectrum(), background=True, min_counts=0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["background", "Crab"]
    grey = next(item for item in ax.containers if item.get_label() == "background")
    widths = np.diff(counted.energy_edges.value)
    np.testing.assert_allclose(grey.lines[0].get_ydata(), 2.0 / widths)


def test_spectra_of_several_instruments_differ_in_colour() -> None:
    spectra = SpectrumSet([counted(), rates(), rates(label="Vela")])
    ax = spectra.plot()
    colours = [item.lines[2][0].get_color()[0].tolist() for item in drawn(ax)]
    assert len({tuple(colour) for colour in colours}) == 3
    low, high = ax.get_xlim()
    assert low < 0.3 < 700 < high
