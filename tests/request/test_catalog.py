"""What is asked of a catalogue."""

from __future__ import annotations

import json
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.utils.masked import Masked

from swiftxrt import Column
from swiftxrt.catalog_fields import CatalogField, fields_of
from swiftxrt.exceptions import RequestError
from swiftxrt.request.catalog import CatalogQuery

PLACE = SkyCoord(123.456, -43.221, unit="deg")
FIELDS = fields_of("LSXPS", "sources")


def test_a_query_without_anything_is_the_whole_table() -> None:
    query = CatalogQuery()
    assert query.to_dict() == {"catalog": "LSXPS", "table": "sources"}
    assert query.chosen(FIELDS) == tuple(name for name, field in FIELDS.items() if field.is_default)
    assert query.bound(FIELDS) == ()


def test_values_are_kept_in_one_spelling() -> None:
    query = CatalogQuery(
        catalog="lsxps",
        table="Sources",
        position=PLACE.galactic,
        radius=12 * u.arcmin,
        where=Column("Err90") < 5 * u.arcsec,
        columns=["RA", "Decl", "RA"],
        sort_by=" Err90 ",
        descending=True,
        limit=np.int64(5),
        subset="Ultra-Clean",
    )
    assert query.to_dict() == {
        "catalog": "LSXPS",
        "table": "sources",
        "position": pytest.approx([123.456, -43.221]),
        "radius": "12.0 arcmin",
        "where": ["Err90 < 5.0 arcsec"],
        "columns": ["RA", "Decl"],
        "sort_by": "Err90",
        "descending": True,
        "limit": 5,
        "subset": "ultraclean",
    }
    assert json.loads(json.dumps(query.to_dict())) == query.to_dict()
    again = pickle.loads(pickle.dumps(query))
    assert again == query
    assert hash(again) == hash(query)
    assert query != CatalogQuery()
    assert query != "query"


@pytest.mark.parametrize("columns", ["all", "*", "ALL"])
def test_all_columns(columns: str) -> None:
    assert CatalogQuery(columns=columns).chosen(FIELDS) == tuple(FIELDS)


def test_one_column_or_none_that_is_usual() -> None:
    assert CatalogQuery(columns="RA").chosen(FIELDS) == ("RA",)
    assert CatalogQuery().chosen({"RA": CatalogField("RA", "float")}) is None


def test_positions_of_bursts() -> None:
    assert CatalogQuery(catalog="UK_XRT").position_columns == ("RA", "Decl")
    # The reference client compares with SPER_Decl here.
    assert CatalogQuery(catalog="UK_XRT", position_from="Enhanced").position_columns == ("Enh_RA", "Enh_Decl")
    assert CatalogQuery(catalog="SDC_GRB", position_from="xrt").position_columns == ("XRT_RA", "XRT_Dec")
    assert CatalogQuery(catalog="LSXPS", table="xcorr").position_columns == ("Ext_RA", "Ext_Decl")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"catalog": "2SXPSS"}, "did you mean '2SXPS'"),
        ({"catalog": None}, "must be one of LSXPS"),
        ({"table": "source"}, "did you mean 'sources'"),
        ({"catalog": "2SXPS", "table": "transients"}, "2SXPS has the tables"),
        ({"position": "GK Per", "radius": 1 * u.deg}, "a SkyCoord is needed"),
        ({"position": SkyCoord([1, 2], [3, 4], unit="deg"), "radius": 1 * u.deg}, "one position is needed"),
        ({"position": SkyCoord(np.nan, 3, unit="deg"), "radius": 1 * u.deg}, "must be finite"),
        ({"position": SkyCoord(Masked(1.0, mask=True) * u.deg, 3 * u.deg), "radius": 1 * u.deg}, "masked"),
        ({"position": SkyCoord(1, 3, unit="deg", frame="altaz"), "radius": 1 * u.deg}, "celestial frame"),
        ({"position": PLACE}, "a cone needs a radius"),
        ({"name": "GK Per"}, "a cone needs a radius"),
        ({"name": " ", "radius": 1 * u.deg}, "a name, or a position"),
        ({"name": 5, "radius": 1 * u.deg}, "a name, or a position"),
        ({"name": "GK Per", "position": PLACE, "radius": 1 * u.deg}, "not both"),
        ({"radius": 1 * u.deg}, "needs a position or a name"),
        ({"name": "x", "radius": 5}, "an angle with its unit"),
        ({"name": "x", "radius": "5 arcsec"}, "an angle with its unit"),
        ({"name": "x", "radius": 5 * u.s}, "an angle with its unit"),
        ({"name": "x", "radius": [5, 6] * u.deg}, "an angle with its unit"),
        ({"name": "x", "radius": np.nan * u.deg}, "above 0 and at most 180 deg"),
        ({"name": "x", "radius": -1 * u.deg}, "above 0 and at most 180 deg"),
        ({"name": "x", "radius": 0 * u.deg}, "above 0 and at most 180 deg"),
        ({"name": "x", "radius": 180.1 * u.deg}, "the whole sky"),
        ({"where": "RA > 5"}, "comparisons of columns"),
        ({"columns": []}, "the list of columns is empty"),
        ({"columns": 5}, "'all' or a list"),
        ({"columns": [5]}, "the name of a column"),
        ({"columns": {"RA": 1}}, "'all' or a list"),
        ({"sort_by": 5}, "the name of a column"),
        ({"sort_by": "distance"}, "in cones only"),
        ({"descending": True}, "give a column to sort by"),
        ({"descending": "yes"}, "True or False"),
        ({"name": "x", "radius": 1 * u.deg, "sort_by": "distance", "descending": True}, "nearest first"),
        ({"limit": 0}, "at least 1"),
        ({"limit": True}, "at least 1"),
        ({"limit": 5.0}, "at least 1"),
        ({"subset": "cleen"}, "did you mean 'clean'"),
        ({"subset": 5}, "must be 'clean'"),
        ({"subset": "clean", "table": "detections"}, "LSXPS detections has no subsets"),
        ({"subset": "clean", "catalog": "UK_XRT"}, "has no subsets"),
        ({"position_from": "XRT"}, "LSXPS has one position of each object; leave it out; got 'XRT'"),
        ({"position_from": "xrtt", "catalog": "SDC_GRB"}, "did you mean 'XRT'"),
    ],
)
def test_what_cannot_be_asked(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        CatalogQuery(**given)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        CatalogQuery(limit=-1, subset="x", radius=5)  # type: ignore[arg-type]
    assert [field for field, _ in caught.value.problems] == ["radius", "limit", "subset", "radius"]
    query = CatalogQuery(where=[Column("Rate_band") > 1, Column("Err90") < 5], columns=["IAUname"], sort_by="Rat")
    with pytest.raises(RequestError) as caught:
        query.bound(FIELDS)
    told = str(caught.value)
    assert "LSXPS sources has no column 'Rate_band'; did you mean 'Rate_band" in told
    assert "did you mean 'IAUName'" in told
    assert "no column 'Rat'" in told
    assert "a quantity in arcsec is needed" in told


def test_half_a_circle_is_the_whole_sky() -> None:
    assert CatalogQuery(name="x", radius=180 * u.deg).radius == 180 * u.deg


def test_without_a_list_of_columns_names_are_not_checked() -> None:
    assert CatalogQuery(where=Column("new") > 5, sort_by="other").bound({})[0].clauses[0].value == 5
    with pytest.raises(RequestError, match="nothing is known of the unit"):
        CatalogQuery(where=Column("new") > 5 * u.s).bound({})
