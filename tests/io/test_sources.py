"""Lists of sources on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt.exceptions import FormatError, OutputExistsError, RequestError
from swiftxrt.io.packages import pack_folder
from swiftxrt.io.regions import read_regions
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList

BAND: dict[str, Any] = {
    "source_number": [1, 2],
    "ra_deg": [32.15120780191234, 359.9999999],
    "dec_deg": [56.945708820951, -1e-9],
    "position_err": [3.51785655609393, 3.7],
    "counts": [1236, 99.5],
    "quality": [0, 2],
    "name": ["J1", "J2"],
}


def made() -> SourceList:
    nothing = {name: [] for name in ("source_number", "ra_deg", "dec_deg", "position_err")}
    bands = SourceList.from_columns({"total": BAND, "hard": nothing})
    return SourceList(bands, provenance=Provenance(backend="local", notes=("a", "b")))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = made().write(tmp_path / "new" / "sources")
    assert sorted(path.name for path in folder.iterdir()) == [
        "sources.json",
        "sources_hard.ecsv",
        "sources_total.ecsv",
        "sources_total.reg",
    ]
    again = SourceList.read(folder)
    assert again == made()
    assert again.provenance == made().provenance
    assert list(again["total"]["position"].ra.deg) == BAND["ra_deg"]
    assert again["total"]["quality"].dtype.kind == "i"
    circles = read_regions(folder / "sources_total.reg")
    assert circles[1].radius == 3.7 * u.arcsec
    assert str(circles[1].meta["text"]) == "2"


@pytest.mark.parametrize("ending", ["tar.gz", "tar", "zip"])
def test_archives_are_read(tmp_path: Path, ending: str) -> None:
    made().write(tmp_path / "USERPROD_1" / "sourceDet")
    path = pack_folder(tmp_path, [Path("USERPROD_1/sourceDet")], tmp_path / f"sourceDet.{ending}")
    assert SourceList.read(path) == made()


def test_nothing_is_lost(tmp_path: Path) -> None:
    made().write(tmp_path)
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        made().write(tmp_path)
    made().write(tmp_path, overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sources.json").write_text("mine")
    with pytest.raises(OutputExistsError):
        made().write(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["sources.json"]
    with pytest.raises(OutputExistsError, match="is a file"):
        made().write(tmp_path / "sources.json")


@pytest.mark.parametrize(
    "index",
    ["", "{}", "[]", '{"bands": ["total"]}', '{"bands": 3, "provenance": {}}', '{"bands": ["x"], "provenance": {}}'],
)
def test_damaged_indexes(tmp_path: Path, index: str) -> None:
    made().write(tmp_path)
    (tmp_path / "sources.json").write_text(index)
    with pytest.raises(FormatError):
        SourceList.read(tmp_path)


@pytest.mark.parametrize("content", ["", "nonsense\n1\n", "# %ECSV 1.0\n# ---\n# datatype: 3\na b\n"])
def test_damaged_tables(tmp_path: Path, content: str) -> None:
    made().write(tmp_path)
    (tmp_path / "sources_total.ecsv").write_text(content)
    with pytest.raises(FormatError):
        SourceList.read(tmp_path)


def test_bands_cannot_lead_elsewhere(tmp_path: Path) -> None:
    made().write(tmp_path / "mine")
    (tmp_path / "sources_total.ecsv").write_text((tmp_path / "mine" / "sources_total.ecsv").read_text())
    (tmp_path / "mine" / "sources_total.ecsv").unlink()
    index = tmp_path / "mine" / "sources.json"
    index.write_text(json.dumps({"bands": ["x/../../sources_total"], "provenance": {}}))
    with pytest.raises(FormatError):
        SourceList.read(tmp_path / "mine")


def test_places_without_list(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FormatError, match=r"sources\.json"):
            SourceList.read(place)
    (tmp_path / "psf").mkdir()
    (tmp_path / "psf" / "results.dat").write_text("NOPOS")
    with pytest.raises(FormatError, match="no archive of a list of sources"):
        SourceList.read(pack_folder(tmp_path, [Path("psf")], tmp_path / "psf.tar"))


def test_a_list_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"sources\.table\.write\('sources\.ecsv'\)"):
        made().write(tmp_path / "x.ecsv")
    assert not list(tmp_path.iterdir())


@pytest.mark.fault_case(55, 77)
def test_bands_of_any_name(tmp_path: Path) -> None:
    names = ["../../x", "a/b", "A", "a", "\u202ex", "n\0l"]
    sources = SourceList.from_columns(dict.fromkeys(names, BAND))
    folder = sources.write(tmp_path / "one" / "sources")
    assert SourceList.read(folder) == sources
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {folder}
