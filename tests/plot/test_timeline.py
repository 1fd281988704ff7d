"""Pictures of when a source was observed."""

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

from swiftxrt import plot_timeline
from swiftxrt.exceptions import RequestError
from swiftxrt.products.observation_table import ObservationRow, observations_table

EVENT = Time("2011-04-14")
TABLE = observations_table(
    ObservationRow(f"0003196800{number}", "T Pyx", 136.0, -32.0, EVENT.mjd + day, 1000.0 * number)
    for number, day in enumerate([1.5, 20.0, 40.0], 1)
)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def points(ax: Any) -> dict[str, list[tuple[float, float]]]:
    return {line.get_label(): [(float(x), float(y)) for x, y in line.get_xydata()] for line in ax.get_lines()}


@pytest.mark.parametrize(
    "selected",
    [TABLE[1:2], TABLE[1], [False, True, False], np.array([False, True, False]), ["00031968002"], "00031968002"],
)
def test_selected_ones_are_marked(selected: Any) -> None:
    ax = plot_timeline(TABLE, selected=selected, epoch=EVENT)
    drawn = points(ax)
    assert drawn["observations"] == [(pytest.approx(1.5), 1.0), (pytest.approx(40.0), 3.0)]
    assert drawn["selected"] == [(pytest.approx(20.0), 2.0)]
    assert ax.get_xlabel() == "Days since 2011-04-14 (UTC)"
    assert ax.get_ylabel() == "XRT exposure (ks)".replace("ks", r"$\mathregular{ks}$")
    assert ax.get_ylim()[0] == 0
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["observations", "selected"]


def test_dates_and_axes_of_ones_own() -> None:
    _, own = plt.subplots()
    ax = plot_timeline(TABLE, ax=own, color="black", marker="s")
    assert ax is own
    assert ax.get_xlabel() == "Start of the observation (UTC)"
    assert ax.get_legend() is None
    (line,) = ax.get_lines()
    assert (line.get_color(), line.get_marker()) == ("black", "s")
    ax.figure.canvas.draw()


@pytest.mark.parametrize("selected", [[], TABLE[:0], None])
def test_nothing_marked(selected: Any) -> None:
    assert set(points(plot_timeline(TABLE, selected=selected))) == {"observations"}


def test_all_marked() -> None:
    assert set(points(plot_timeline(TABLE, selected=TABLE))) == {"selected"}


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (TABLE[:0], {}, "no observation to draw"),
        (QTable({"obsid": ["1"]}), {}, "column 'start'"),
        (TABLE["obsid", "start"], {}, "column 'exposure'"),
        (TABLE, {"epoch": 5.0}, "one Time"),
        (TABLE, {"selected": ["00012345001"]}, "00012345001 is not in the table"),
        (TABLE, {"selected": [True, False]}, "each of the 3 observations"),
        (TABLE, {"selected": QTable({"a": [1]})}, "no column 'obsid'"),
        (TABLE, {"selected": 5}, "a table, a mask or ObsIDs"),
        (TABLE, {"selected": ["x"]}, "a table, a mask or ObsIDs"),
    ],
)
def test_bad_input(table: QTable, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        plot_timeline(table, **options)


def test_the_axis_counts_kiloseconds_of_any_unit() -> None:
    table = TABLE.copy()
    table["exposure"] = table["exposure"].to(u.hour)
    assert points(plot_timeline(table, epoch=EVENT))["observations"][0][1] == pytest.approx(1.0)


def test_an_exposure_that_is_not_known_is_drawn_as_none() -> None:
    unknown = QTable(TABLE, copy=True)
    unknown["exposure"] = Masked([7.0] * len(TABLE) * u.ks, mask=np.arange(len(TABLE)) == 0)
    ax = plot_timeline(unknown, epoch=EVENT)
    ax.figure.canvas.draw()
    assert ax.lines[0].get_ydata()[0] == 0.0
    assert ax.lines[0].get_ydata()[1] == 7.0
