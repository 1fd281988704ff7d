"""Tables of observations: written and read, and those of a tutorial."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from astropy.time import Time

from swiftxrt import SwiftXRT, SwiftXRTClass, days_since, group_epochs, read_table, select_days
from swiftxrt.testing.heasarc import heasarc_server

T_PYX = SkyCoord(136.1729423, -32.37986193, unit="deg")


@pytest.fixture(scope="module")
def local(small_archive: Path) -> SwiftXRTClass:
    return SwiftXRTClass(backend="local", archive=small_archive)


@pytest.mark.parametrize("name", ["found.ecsv", "found.fits", "found.vot"])
def test_tables_can_be_written_and_read(local: SwiftXRTClass, tmp_path: Path, name: str) -> None:
    found = group_epochs(local.query_observations(SkyCoord(150, 20, unit="deg")))
    found.write(tmp_path / name)
    again = read_table(tmp_path / name)
    assert again.colnames == found.colnames
    assert again["obsid"].tolist() == found["obsid"].tolist()
    assert again["start"].isot.tolist() == found["start"].isot.tolist()
    assert (again["exposure"] == found["exposure"]).all()
    assert again["uvot_exposure"].mask.tolist() == [True]
    assert again["archive_date"].mask.tolist() == [True]
    assert again["position"].separation(found["position"]).max() < 1 * u.uas
    assert again.meta["request"] == found.meta["request"]


@pytest.fixture(scope="module")
def recorded(validation_data: Path) -> tuple[Table, Table]:
    """Rows of the query of a tutorial on T Pyx: some of all, and those that it chose."""
    folder = validation_data / "query_results"
    some = Table.read(folder / "tpyx_swiftmastr_displayed_rows_of_224.ecsv")
    return some, Table.read(folder / "tpyx_swiftmastr_selected8.ecsv")


class TestTPyx:
    """The tutorial's query, as it was answered, through this package."""

    def test_rows(self, recorded: tuple[Table, Table]) -> None:
        for table in recorded:
            with heasarc_server(rows=table):
                found = SwiftXRT.query_observations(T_PYX, radius=25 * u.arcmin)
            expected = table[np.argsort(table["start_time"])]
            assert found["obsid"].tolist() == expected["obsid"].tolist()
            for name, theirs in (("start", "start_time"), ("archive_date", "archive_date"), ("processing_date",) * 2):
                assert found[name].mjd.tolist() == expected[theirs].tolist()
            for name in ("exposure", "uvot_exposure", "bat_exposure"):
                theirs = "xrt_exposure" if name == "exposure" else name
                assert found[name].to_value(u.s).tolist() == expected[theirs].tolist()
            assert found["position"].ra.deg.tolist() == expected["ra"].tolist()
            assert found["row"].tolist() == expected["__row"].tolist()

    def test_the_range_of_days_that_the_tutorial_chose(self, recorded: tuple[Table, Table]) -> None:
        some, chosen = recorded
        outburst = Time("2011-04-14")
        with heasarc_server(rows=vstack([some, chosen])):
            found = SwiftXRT.query_observations(T_PYX, radius=25 * u.arcmin)
        picked = select_days(found, outburst, 142 * u.day, 149 * u.day)
        assert sorted(picked["obsid"]) == sorted(chosen["obsid"].tolist())
        assert np.all(days_since(picked, outburst) > 142 * u.day)
        grouped = group_epochs(picked, epoch=outburst)
        assert grouped["epoch"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
        assert list(dict.fromkeys(grouped["epoch_label"])) == ["day 142.7", "day 144.6", "day 146.5", "day 148.8"]
