"""Files of catalogues with damage in any place: they are read and can be used, or there is an error of ours."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from hypothesis import given, settings

from swiftxrt import CatalogDataset, CatalogSource, CatalogTransient
from swiftxrt.catalog.tablequery import select_rows
from swiftxrt.catalog.tables import read_table
from swiftxrt.io.catalog_files import import_table, open_table
from swiftxrt.request.catalog import CatalogQuery
from tests.catalog.details import DATASET, SOURCE, TRANSIENT
from tests.catalog.test_tables import CSV
from tests.fuzz.test_files import CHANGES, damaged

pytest.importorskip("pyarrow", reason="whole tables need the extra 'tables'")

_ALL = CatalogQuery(columns="all")
_CONE = CatalogQuery(position=SkyCoord(249.2, 7.7, unit="deg"), radius=1 * u.deg, columns=["LSXPS_ID", "IAUName"])


def _imported(path: Path) -> QTable:
    kept = path.with_name("imported.parquet")
    import_table(path, kept, "LSXPS", "sources", {})
    return _kept(kept)


def _kept(path: Path) -> QTable:
    kept = open_table(path)
    select_rows(kept, _CONE)
    return read_table(kept, _ALL)


READERS: dict[str, Callable[[Path], Any]] = {
    "table.csv": _imported,
    "table.csv.gz": _imported,
    "table.fits": _imported,
    "table.fits.gz": _imported,
    "table.parquet": _kept,
    "source.json": CatalogSource.read,
    "source.ecsv": CatalogSource.read,
    "transient.ecsv": CatalogTransient.read,
    "dataset.json": CatalogDataset.read,
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    (folder / "table.csv").write_text(CSV)
    (folder / "table.csv.gz").write_bytes(gzip.compress(CSV.encode(), mtime=0))
    buffer = io.BytesIO()
    Table.read(CSV, format="ascii.csv")[:1].filled().write(buffer, format="fits")
    (folder / "table.fits").write_bytes(buffer.getvalue())
    (folder / "table.fits.gz").write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    import_table(folder / "table.csv", folder / "table.parquet", "LSXPS", "sources", {})
    for ending in ("json", "ecsv"):
        CatalogSource(SOURCE).write(folder / f"source.{ending}")
    CatalogTransient(TRANSIENT).write(folder / "transient.ecsv")
    CatalogDataset(DATASET).write(folder / "dataset.json")
    return folder


@pytest.mark.parametrize("name", READERS)
def test_sound_files(name: str, originals: Path) -> None:
    assert repr(READERS[name](originals / name))


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str, originals: Path, tmp_path: Path, sound: Any) -> None:
    original = (originals / name).read_bytes()

    @settings.get_profile("fuzz")
    @given(CHANGES)
    def check(changes: list[tuple[float, str, int, bytes]]) -> None:
        if name.endswith(".gz") and changes[0][2] % 2:
            content = gzip.compress(damaged(gzip.decompress(original), changes), 1)
        else:
            content = damaged(original, changes)
        (tmp_path / name).write_bytes(content)
        sound(lambda: READERS[name](tmp_path / name))

    check()


@pytest.mark.parametrize("name", READERS)
def test_foreign_content(name: str, originals: Path, tmp_path: Path, sound: Any) -> None:
    """Something else under the name of the file: of another kind, a page, nothing, a folder."""
    others = [(originals / other).read_bytes() for other in READERS]
    for content in [*others, b"", b"\0" * 3000, b"<html>maintenance</html>", b"\x1f\x8b", b"\xff" * 100, b"SIMPLE  ="]:
        (tmp_path / name).write_bytes(content)
        sound(lambda: READERS[name](tmp_path / name))
    (tmp_path / name).unlink()
    sound(lambda: READERS[name](tmp_path / name))
    (tmp_path / name).mkdir()
    sound(lambda: READERS[name](tmp_path / name))
