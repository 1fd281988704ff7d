"""The reference pages of columns are made from the tables that the package decodes them with."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import swiftxrt
from swiftxrt.catalog_fields import CATALOGS, KINDS, fields_of

pytest.importorskip("sphinx", reason="pages need the extra 'docs'")

DOCS = Path(swiftxrt.__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def extension() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "_ext"))
        import catalog_columns

        yield catalog_columns
    for name in ("catalog_columns", "parameter_tables"):
        sys.modules.pop(name, None)


def test_a_row_says_all_that_is_known(extension: ModuleType) -> None:
    head, *rows = extension.rows(fields_of("LSXPS", "sources"))
    assert len(rows) == len(fields_of("LSXPS", "sources"))
    known = {row[0].split("``")[1]: row for row in rows}
    assert known["RA"] == ("``RA`` \\*", "deg", "Right ascension (J2000)", "``pos.eq.ra``; ``meta.main``")
    assert known["FirstObsMET"][1] == "time"
    assert known["PowFlux"][1].startswith("erg")
    assert len(head) == len(rows[0])


def test_every_kind_without_a_unit_is_explained(extension: ModuleType) -> None:
    assert set(KINDS) - {"float"} == set(extension.KINDS)


def test_every_table_is_on_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("catalog_columns_*.rst"))
    shown = set(re.findall(r"^\.\. catalog-columns:: (\S+ \S+)$", pages, re.MULTILINE))
    tables = {f"{catalog} {table}" for catalog, info in CATALOGS.items() for table in info.tables}
    assert tables - shown == {"LSXPS oldstacks"}  # has the columns of the datasets
    assert set(fields_of("LSXPS", "oldstacks")) == set(fields_of("LSXPS", "datasets"))
    for name in shown:
        assert fields_of(*name.split())
