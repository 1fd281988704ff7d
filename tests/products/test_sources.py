"""Lists of sources in memory."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList

BAND: dict[str, Any] = {
    "source_number": [1, 2],
    "ra_deg": [32.151, 32.149],
    "dec_deg": [56.946, 56.890],
    "position_err": [3.5, 3.7],
    "counts": [1236, 99],
}
FAINT: dict[str, Any] = {"source_number": [1], "ra_deg": [32.15], "dec_deg": [56.9], "position_err": [np.nan]}


def made(**changes: Any) -> SourceList:
    soft = {**BAND, "rate": [0.5, 0.25], "quality": [0, 2]}
    return SourceList.from_columns({"total": BAND, "soft": soft, **changes})


def test_columns_have_units() -> None:
    table = made()["soft"]
    assert isinstance(table, QTable)
    assert isinstance(table["position"], SkyCoord)
    assert table["position"].frame.name == "icrs"
    assert list(table["position"].ra.deg) == [32.151, 32.149]
    assert table["position_err"].unit == u.arcsec
    assert table["counts"].unit == u.ct
    assert table["rate"][1] == 0.25 * u.ct / u.s
    assert table["source_number"].dtype.kind == table["quality"].dtype.kind == "i"
    assert np.isnan(table["x"]).all()
    assert table["x"].unit == u.pix


def test_columns_of_the_contract() -> None:
    assert made()["total"].colnames == [
        "source_number",
        "position",
        "position_err",
        "ra_err_neg",
        "ra_err_pos",
        "dec_err_neg",
        "dec_err_pos",
        "x",
        "y",
        "counts",
    ]


def test_other_columns_are_kept() -> None:
    table = SourceList.from_columns({"total": {**BAND, "name": ["a", "b"]}})["total"]
    assert list(table["name"]) == ["a", "b"]


def test_mapping() -> None:
    sources = made()
    assert list(sources) == ["total", "soft"]
    assert len(sources) == 2
    assert "soft" in sources
    assert "hard" not in sources
    assert sources.get("hard") is None
    with pytest.raises(ProductNotAvailableError, match=r"there are: total, soft.*soft"):
        sources["sofd"]


def test_merged_table() -> None:
    table = made(hard={name: [] for name in FAINT}).table
    assert table.colnames[0] == "band"
    assert list(table["band"]) == ["total", "total", "soft", "soft"]
    assert np.isnan(table["rate"][:2]).all()
    assert table["rate"].unit == u.ct / u.s
    assert isinstance(table["position"], SkyCoord)
    assert len(SourceList({}).table) == 0


def test_regions() -> None:
    regions = made(hard=FAINT).regions
    assert len(regions) == 4  # The radius of the faint one is not known.
    assert regions[1].meta["text"] == "2"
    assert [region.meta["tag"] for region in regions] == [["total"], ["total"], ["soft"], ["soft"]]
    assert regions[1].radius == 3.7 * u.arcsec
    assert regions[1].center.dec.deg == 56.890


def test_equality_is_by_value() -> None:
    assert made() == made()
    assert SourceList(made(), provenance=Provenance(backend="local")) == made()
    # A hair's breadth of rounding, as coordinates have it after a trip through texts.
    shifted = {**BAND, "ra_deg": [32.151 + 1e-12, 32.149], "counts": [1236 * (1 + 1e-13), 99]}
    assert SourceList.from_columns({"total": shifted}) == SourceList.from_columns({"total": BAND})
    for change in ({"ra_deg": [32.1511, 32.149]}, {"counts": [1236, 98]}, {"source_number": [1, 3]}, {"extra": [1, 2]}):
        assert SourceList.from_columns({"total": {**BAND, **change}}) != SourceList.from_columns({"total": BAND})
    assert made() != made(hard=FAINT)
    assert made() != "sources"


def test_units_do_not_matter_for_equality() -> None:
    table = made()["total"].copy()
    table["position_err"] = table["position_err"].to(u.arcmin)
    assert SourceList({"total": table}) == SourceList.from_columns({"total": BAND})
    assert SourceList.from_columns({"total": BAND}) == SourceList({"total": table})


def test_copies() -> None:
    sources = SourceList(made(), provenance=Provenance(backend="local"))
    for again in (pickle.loads(pickle.dumps(sources)), copy.deepcopy(sources)):
        assert again == sources
        assert again.provenance == sources.provenance


def test_tables_are_its_own() -> None:
    table = made()["total"]
    sources = SourceList({"total": table})
    table["counts"][0] = 5 * u.ct
    assert sources["total"]["counts"][0] == 1236 * u.ct


def without(name: str) -> QTable:
    table = made()["total"].copy()
    table.remove_column(name)
    return table


def with_column(name: str, values: Any) -> QTable:
    table = made()["total"].copy()
    table[name] = values
    return table


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (without("position_err"), "no column 'position_err'"),
        (without("position"), "no column 'position'"),
        (without("counts"), "no column 'counts'"),
        (with_column("position", [1, 2]), "SkyCoord"),
        (with_column("counts", [1, 2]), "must be in ct; it is in no unit"),
        (with_column("rate", [1, 2] * u.ct), "'rate' must be in ct / s"),
        (with_column("source_number", [1.5, 2]), "whole numbers"),
        (with_column("quality", [1.5, 2]), "whole numbers"),
        ([], "QTable"),
    ],
)
def test_schema_is_checked(table: Any, word: str) -> None:
    with pytest.raises(RequestError, match=word):
        SourceList({"total": table})


@pytest.mark.parametrize(
    ("columns", "word"),
    [({"ra_deg": [1]}, "lacks source_number, dec_deg, position_err"), ({**BAND, "counts": [1]}, "different lengths")],
)
def test_columns_must_fit(columns: Any, word: str) -> None:
    with pytest.raises(RequestError, match=word):
        SourceList.from_columns({"total": columns})


def test_representation() -> None:
    assert repr(made(hard={name: [] for name in FAINT})) == "<SourceList: total 2, soft 2, hard 0>"
    assert repr(SourceList({})) == "<SourceList: no band>"
