"""Tables on the screen: few digits there, all of them in memory and in files."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from astropy.table import QTable, vstack

from swiftxrt.products.fit import FitParameter, SpectralFit
from swiftxrt.products.lightcurve import LightCurve
from swiftxrt.products.sources import SourceList

THIRD = 1 / 3


@pytest.fixture
def curve() -> LightCurve:
    columns = {"met_s": [551097348.123456], "time_err_neg": 5, "time_err_pos": 5, "rate": THIRD, "mode": "PC"}
    return LightCurve.from_columns(columns, t0_met=0, band="0.3-10 keV", binning="time")


@pytest.fixture
def sources() -> SourceList:
    band = {"source_number": [1], "ra_deg": [100 * THIRD], "dec_deg": [-THIRD], "position_err": [10 * THIRD]}
    return SourceList.from_columns({"total": band})


def parts(curve):
    yield curve["time", "met", "rate"]
    yield curve[["met", "rate"]]
    yield vstack([curve, curve])["met", "rate"]
    yield pickle.loads(pickle.dumps(curve["met", "rate"]))
    yield copy.deepcopy(curve)["met", "rate"]


def test_curves_and_parts_of_them(curve):
    for table in parts(curve):
        for text in (str(table), table._repr_html_(), "\n".join(table.pformat())):
            assert "0.333333" in text
            assert "0.3333333" not in text
            assert "551097348.123" in text
            assert "551097348.1234" not in text
        assert table["rate"].value[0] == THIRD
    assert "0.3333333" not in "\n".join(curve.pformat(max_width=-1))


def test_a_format_of_the_user_stays(curve):
    curve["rate"].info.format = ".2f"
    assert "0.33 " in f"{curve['rate', 'met']} "
    assert "0.333" not in str(curve["rate", "met"])


def test_files_have_all_digits(curve, tmp_path):
    for number, table in enumerate(parts(curve)):
        str(table)
        table.write(tmp_path / f"{number}.ecsv")
        assert QTable.read(tmp_path / f"{number}.ecsv")["rate"].value[0] == THIRD


def test_sources(sources, tmp_path):
    for table in (sources["total"], sources.table):
        text = "\n".join(table.pformat(max_width=-1))
        assert "33.33333,-0.33333" in text
        assert "3.33333 " in text
    assert SourceList.read(sources.write(tmp_path / "found"))["total"]["position_err"].value[0] == 10 * THIRD


def test_fits():
    table = SpectralFit("PowerLaw", {"photon_index": FitParameter(THIRD, 0.1, 0.2)}).table
    assert "0.3333333" not in "\n".join(table.pformat(max_width=-1))
    assert table["photon_index"][0] == THIRD
    assert np.isnan(table["statistic"][0])
