"""The table of upper limits."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt.bands import SXPS_BAND_NAMES
from swiftxrt.engine.detection_field import BANDS
from swiftxrt.exceptions import RequestError
from swiftxrt.products.limits import COLUMNS, band_names, check_limits, known_values, limit_table, summed_rows

PLAIN = {
    "source_exposure": [90.0, 190.0],
    "image_exposure": [100.0, 200.0],
    "total_counts": [1, 2],
    "total_background_counts": [0.5, 0.7],
    "total_correction_factor": [1.2, 1.3],
}


def test_bands_have_one_list_of_names() -> None:
    assert tuple(BANDS) == SXPS_BAND_NAMES


def test_table_has_units_and_the_usual_order() -> None:
    table = limit_table({"hard_counts": [3, 4], **PLAIN, "my_own": ["a", "b"], "obsid": ["1", "2"]})
    assert table.colnames[:4] == ["my_own", "obsid", "source_exposure", "image_exposure"]
    assert table.colnames[-1] == "hard_counts"
    assert table["total_counts"].unit == u.ct
    assert table["source_exposure"].unit == u.s
    for name in set(table.colnames) & set(COLUMNS) - {"obsid"}:
        assert (getattr(table[name], "unit", None) or u.dimensionless_unscaled) == COLUMNS[name]
    assert check_limits(table) == ("total",)  # the hard band is not complete


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_exposure": None}, "source_exposure: there is no such column"),
        ({"total_counts": [1, 2] * u.s}, "total_counts: must be in ct"),
        ({"image_exposure": [1.0, 2.0]}, "image_exposure: must be in s; it is in no unit"),
        ({"start": [1.0, 2.0]}, "start: must be a Time column"),
        ({"position": ["a", "b"]}, "position: must be a SkyCoord column"),
    ],
)
def test_what_is_no_table_of_limits(change: dict, message: str) -> None:
    table = limit_table(PLAIN)
    for name, values in change.items():
        if values is None:
            table.remove_column(name)
        else:
            table[name] = values
    with pytest.raises(RequestError, match=message):
        check_limits(table)


def test_other_things_are_no_tables() -> None:
    with pytest.raises(RequestError, match="a QTable is needed.*got dict"):
        check_limits(PLAIN)
    with pytest.raises(RequestError, match="hard_counts.*no such column"):
        check_limits(limit_table(PLAIN), ["hard"])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("all", SXPS_BAND_NAMES),
        ("ALL", SXPS_BAND_NAMES),
        ("Hard", ("hard",)),
        (["hard", "total", "hard"], ("total", "hard")),
        (("soft",), ("soft",)),
    ],
)
def test_names_of_bands(given: object, names: tuple[str, ...]) -> None:
    assert band_names(given) == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sofd", "did you mean 'soft'"),
        ([], "got none"),
        (["total", 3], "got 3"),
        (None, "got None"),
        ("0.3-10 keV", "must be 'all' or some of total, soft, medium, hard"),
    ],
)
def test_unknown_bands(given: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        band_names(given)


def test_known_values_of_all_kinds_of_columns() -> None:
    table = QTable({"image_exposure": [1.0, np.nan] * u.ks})
    values, known = known_values(table, "image_exposure")
    np.testing.assert_array_equal(values, [1000.0, 0.0])
    np.testing.assert_array_equal(known, [True, False])
    table["source_exposure"] = Masked([1.0, 2.0] * u.s, mask=[True, False])
    np.testing.assert_array_equal(known_values(table, "source_exposure")[1], [False, True])
    table["soft_correction_factor"] = MaskedColumn([1.5, 2.5], mask=[False, True])
    values, known = known_values(table, "soft_correction_factor")
    np.testing.assert_array_equal(values, [1.5, 0.0])
    np.testing.assert_array_equal(known, [True, False])


def test_stacks_are_told_by_kind_or_by_number() -> None:
    numbers = ["00831816000", "10000020308", "", "20000000000"]
    table = QTable({"obsid": numbers})
    np.testing.assert_array_equal(summed_rows(table), [False, True, False, True])
    table["dataset"] = ["merged", "observation", "stack", ""]
    np.testing.assert_array_equal(summed_rows(table), [True, False, True, False])
    assert not summed_rows(QTable({"x": [1, 2]})).any()


def test_table_goes_through_a_file(tmp_path) -> None:
    place, start = SkyCoord([1.0, 2.0], [3.0, 4.0], unit="deg"), Time(["2020-01-01", "2020-01-02"])
    table = limit_table({**PLAIN, "position": place, "start": start, "outcome": ["limit", "limit"]})
    table.write(tmp_path / "limits.ecsv")
    back = QTable.read(tmp_path / "limits.ecsv")
    assert check_limits(back) == ("total",)
    assert back.colnames == table.colnames
    np.testing.assert_array_equal(back["total_counts"], table["total_counts"])
