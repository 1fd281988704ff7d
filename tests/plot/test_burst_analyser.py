"""Pictures of the burst analyser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from swiftxrt import BurstAnalyser
from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.plot.burst_analyser import peek_burst, plot_burst
from swiftxrt.wire.burst_analyser import decode_analyser
from tests.wire.burst_replies import FLUXES, SPECTRAL, bat, bin_at


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def burst() -> BurstAnalyser:
    reply = bat(bin_at(-3.0), bin_at(1.0), bin_at(2.0, bad=1), bin_at(3.0, ecf=(0.002, 7e3, -1e-4)), bin_at(4.0, -1e-3))
    reply["Instruments"] += ["XRT", "UVOT"]
    rows = {"columns": FLUXES + SPECTRAL, "data": [bin_at(100.0)[:-1], bin_at(200.0)[:-1]]}
    limit = {"columns": FLUXES, "data": [[900.0, 10, -10, 1e-5, 0, 0]]}
    names = {"Density_WTData": rows, "Density_PCData": rows, "Density_PCULData": limit, "ObservedFlux_PCData": rows}
    reply["XRT"] = {"Datasets": [name.removesuffix("Data") for name in names], **names}
    columns = [name.replace("Flux", "FluxDensity") for name in FLUXES]
    reply["UVOT"] = {
        "Datasets": ["uvw1"],
        "uvw1Data": {"columns": columns, "data": [[500.0, 9, -9, 1e-4, 1e-5, -1e-5]]},
    }
    return decode_analyser(reply, name="GRB 060729", target_id="00221755")


def drawn(ax: Any) -> dict[str, list[float]]:
    """Times of the points by label; points without label belong to those before them."""
    times: dict[str, list[float]] = {}
    for container in ax.containers:
        times.setdefault(container.get_label(), []).extend(container.lines[0].get_xdata().tolist())
    return times


def test_flux_densities_of_all_instruments(burst: BurstAnalyser) -> None:
    ax = burst.plot()
    times = drawn(ax)
    assert times["BAT, snr4"] == [1.0]
    assert times["BAT, snr4, error of the rate"] == [3.0]
    assert times["XRT, WT"] == times["XRT, PC"] == [100.0, 200.0]
    assert "XRT, PC, limit" in times
    assert not [label for label in times if "UVOT" in label]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_ylabel().startswith("Flux density at 10 keV (")
    assert ax.get_title() == "GRB 060729"


def test_linear_axes_show_every_good_bin(burst: BurstAnalyser) -> None:
    times = drawn(plot_burst(burst, log=False))
    assert times["BAT, snr4"] == [-3.0, 1.0, 4.0]
    assert drawn(plot_burst(burst, log=False, show_bad=True))["BAT, snr4"] == [-3.0, 1.0, 2.0, 4.0]
    assert drawn(plot_burst(burst, log=False, total_errors=False))["BAT, snr4"] == [-3.0, 1.0, 3.0, 4.0]


def test_observed_flux_densities_have_the_filters(burst: BurstAnalyser) -> None:
    assert set(drawn(plot_burst(burst, "observed_density", color="k"))) == {"XRT, PC", "UVOT, uvw1"}


def test_what_cannot_be_drawn(burst: BurstAnalyser) -> None:
    with pytest.raises(RequestError, match="band: must be one of observed_density"):
        plot_burst(burst, "flux")
    with pytest.raises(ProductNotAvailableError, match="no such fluxes are there"):
        plot_burst(burst, "bat_band")


def test_peek(burst: BurstAnalyser, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bool] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(True))
    burst.peek()
    observed = BurstAnalyser([burst["xrt_pc_observed_density"]])
    peek_burst(observed)
    assert shown == [True, True]
