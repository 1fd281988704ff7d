"""Products of all kinds in one folder."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Position, ProductSet, SourceList
from swiftxrt.exceptions import FormatError
from swiftxrt.io.manifest import read_product, write_product
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.provenance import Provenance

SOURCES = SourceList.from_columns(
    {"total": {"source_number": [1], "ra_deg": [10.0], "dec_deg": [-20.0], "position_err": [3.5], "rate": [0.125]}},
    provenance=Provenance(backend="local"),
)


def test_lists_of_sources_are_kept(tmp_path: Path) -> None:
    folder = ProductSet({Kind.SOURCES: SOURCES}).write(tmp_path / "products")
    again = ProductSet.read(folder)["sources"]
    assert again == SOURCES
    assert again.provenance == SOURCES.provenance
    (folder / "sources" / "sources_total.ecsv").write_text("changed")
    with pytest.raises(FormatError, match="changed since"):
        ProductSet.read(folder)


@pytest.mark.parametrize("catalog", [None, "2SXPS"])
def test_positions_keep_their_catalogue(tmp_path: Path, catalog: str | None) -> None:
    made = Position(SkyCoord(10 * u.deg, -20 * u.deg), 3.5 * u.arcsec, catalog=catalog)
    write_product(Kind.STANDARD_POSITION, made, tmp_path / "x")
    assert read_product(Kind.STANDARD_POSITION, tmp_path / "x") == made
    assert Position.read(tmp_path / "x") == made
