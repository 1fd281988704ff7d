"""Spectra, images and whole tables of the local catalogue, as files that replies name."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from swiftxrt.backends.local.catalog import making
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.pictures import thumbnail
from swiftxrt.catalog_fields import fields_of
from swiftxrt.exceptions import NoDataError, RequestRejectedError
from swiftxrt.io.regions import read_regions
from swiftxrt.io.spectrum import read_slice_archive
from swiftxrt.wire import spectrum
from swiftxrt.wire.sxps_tables import read_epochs, read_table_file
from tests import surveyed
from tests.backends.local_catalogs import source_id, surveyed_catalog


@pytest.fixture(scope="module")
def catalog(
    surveyed_archive: Path, surveyed_state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCatalog]:
    made = surveyed_catalog(surveyed_archive, surveyed_state, tmp_path_factory.mktemp("catalog"))
    yield made
    made.close()


def fetched(catalog: LocalCatalog, url: str, folder: Path) -> Path:
    return catalog.fetch(url, folder / url.rsplit("/", 1)[1], overwrite=True)


# --- Spectra -------------------------------------------------------------------


def test_spectrum_of_a_source(catalog: LocalCatalog, tmp_path: Path) -> None:
    content = {"whichCat": "LSXPS", "sourceID": source_id(catalog, "target")}
    reply = catalog.ask("getSXPSSpectrumData", content)
    assert (reply["T0"], reply["DeltaFitStat"], reply["rnames"]) == (126230399.334228, 2.706, ["interval0"])
    part = reply["interval0"]
    assert part["Modes"] == ["PC"]
    assert part["PC"]["Models"] == ["PowerLaw"]
    # Made with 1.7.
    assert part["PC"]["PowerLaw"]["Gamma"] == pytest.approx(1.7, abs=0.4)
    assert part["PC"]["Exposure"] == pytest.approx(2 * surveyed.EXPOSURE_S, rel=0.05)
    path = fetched(catalog, part["DataFile"], tmp_path)
    assert path.name == "interval0.tar.gz"
    with tarfile.open(path) as archive:
        assert {"interval0pcsource.pi", "interval0pc.arf", "interval0.areas"} <= set(archive.getnames())
    (found,) = read_slice_archive(path)
    assert found.counts.sum() > 600
    assert spectrum.decode(reply)["interval0"].data_url == part["DataFile"]


def test_spectrum_is_made_once(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"whichCat": "LSXPS", "sourceID": source_id(catalog, "target")}
    first = catalog.ask("getSXPSSpectrumData", content)
    monkeypatch.setattr(making, "build_product", None)
    assert catalog.ask("getSXPSSpectrumData", content) == first


@pytest.mark.parametrize(("which", "names"), [("discovery", None), ("FULL", None), ("both", ["Discovery", "Full"])])
def test_spectra_of_transients(catalog: LocalCatalog, which: str, names: list[str] | None) -> None:
    reply = catalog.ask("getSXPSSpectrumData", {"sourceID": 1, "transient": True, "specType": which})
    parts = [reply[name] for name in reply] if names else [reply]
    assert names is None or list(reply) == names
    for part in parts:
        assert part["rnames"] == ["interval0"]
        assert "/transients/1/spectrum_" in part["interval0"]["DataFile"]


def test_no_spectrum(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word that the reference client looks for, whatever the reason."""

    def nothing(*arguments: Any, **options: Any) -> Any:
        raise NoDataError("no good time")

    monkeypatch.setattr(making, "build_product", nothing)
    reply = catalog.ask("getSXPSSpectrumData", {"sourceID": source_id(catalog, "soft")})
    assert reply == {"NoSpectrum": "NoSpectrum"}


# --- Images --------------------------------------------------------------------


def test_pictures_of_a_source(catalog: LocalCatalog, tmp_path: Path) -> None:
    content = {"whichCat": "LSXPS", "sourceID": source_id(catalog, "hard")}
    reply = catalog.ask("getSXPSSourceImages", {**content, "bands": "all"})
    assert list(reply) == ["Total", "Soft", "Medium", "Hard", "Expmap"]
    assert fetched(catalog, reply["Total"], tmp_path).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert catalog.ask("getSXPSSourceImages", {**content, "bands": ["hard"]}) == {"Hard": reply["Hard"]}
    transient = catalog.ask("getSXPSSourceImages", {"sourceID": 1, "transient": True, "bands": ["total"]})
    assert list(transient) == ["Total"]
    assert "/transients/1/" in transient["Total"]


def test_source_is_in_the_middle_of_its_picture() -> None:
    image = np.zeros((300, 400))
    image[30, 370] = 100.0
    picture = thumbnail(image, 370.2, 29.8, smooth=True)
    assert picture.shape == (543, 543, 3)
    assert picture[271, 271].tolist() == picture.reshape(-1, 3).max(axis=0).tolist()
    above = thumbnail(image, 370, 20, smooth=True).sum(axis=-1)
    rows, _ = np.nonzero(above == above[:, 271].max())
    assert rows.mean() < 271  # what lies north is above
    assert thumbnail(np.zeros((300, 400)), 5, 5, smooth=False).shape == (543, 543, 3)


def test_images_of_an_observation(catalog: LocalCatalog, tmp_path: Path) -> None:
    obsid = surveyed.OBSIDS[0]
    reply = catalog.ask("getSXPSDatasetImages", {"ObsID": obsid, "bands": "all", "types": "all", "getRegions": True})
    assert list(reply) == ["Total", "Soft", "Medium", "Hard", "Expmap"]
    assert list(reply["Soft"]) == ["Image", "BackgroundMap", "BackgroundMapWithSources", "Region"]
    names = [url.rsplit("/", 1)[1] for url in [*reply["Soft"].values(), *reply["Total"].values(), reply["Expmap"]]]
    assert names == [
        *(f"{obsid}_band1{end}" for end in (".img.gz", "_final_BGmap.img.gz", "_final_BGmap_w_source.img.gz")),
        "band1.reg",
        *(f"{obsid}_total{end}" for end in (".img.gz", "_final_BGmap.img.gz", "_final_BGmap_w_source.img.gz")),
        "total.reg",
        f"{obsid}_ex.img.gz",
    ]
    paths = {kind: fetched(catalog, url, tmp_path) for kind, url in reply["Total"].items()}
    data = {kind: fits.getdata(path) for kind, path in paths.items() if kind != "Region"}
    # The maps tell what was seen: of the sources, and without them.
    expected, seen = data["BackgroundMapWithSources"].sum(), data["Image"].sum()
    assert expected == pytest.approx(seen, rel=0.1)
    assert data["BackgroundMap"].sum() < expected - 500
    exposure = fits.getdata(fetched(catalog, reply["Expmap"], tmp_path))
    assert exposure.max() == pytest.approx(surveyed.EXPOSURE_S, rel=0.01)
    regions = read_regions(paths["Region"])
    centres = SkyCoord([one.center for one in regions]).icrs
    x, y = WCS(fits.getheader(paths["Image"])).world_to_pixel(centres)
    brightest = np.unravel_index(np.argmax(data["BackgroundMapWithSources"]), exposure.shape)
    assert np.hypot(x - brightest[1], y - brightest[0]).min() < 2


def test_images_that_are_chosen(catalog: LocalCatalog) -> None:
    content = {"DatasetID": 3, "bands": ["SOFT"], "types": ["bgmap", "Image"]}
    reply = catalog.ask("getSXPSDatasetImages", content)
    assert list(reply) == ["Soft"]
    assert {kind: url.rsplit("/", 1)[1] for kind, url in reply["Soft"].items()} == {
        "Image": "10000000001_band1.img.gz",
        "BackgroundMap": "10000000001_band1_final_BGmap.img.gz",
    }
    assert list(catalog.ask("getSXPSDatasetImages", {"DatasetID": 1, "bands": ["expmap"]})) == ["Expmap"]


# --- Whole tables --------------------------------------------------------------


@pytest.mark.parametrize(("table", "rows"), [("sources", None), ("datasets", 3), ("transients", 1), ("xcorr", 0)])
def test_whole_tables(catalog: LocalCatalog, tmp_path: Path, table: str, rows: int | None) -> None:
    known = list(fields_of("LSXPS", table))
    for form in ("csv", "fits"):
        reply = catalog.ask("getSXPSTable", {"whichCat": "LSXPS", "table": table, "format": form})
        url, name = read_table_file(reply)
        assert name == f"LSXPS_{table.title()}.{form}"
        read = Table.read(fetched(catalog, url, tmp_path), format="ascii.csv" if form == "csv" else "fits")
        assert read.colnames == known
        assert len(read) == (len(catalog.store.select("SELECT 1 FROM LSXPS_sources")) if rows is None else rows)


def test_parts_of_tables_and_the_other_catalogue(catalog: LocalCatalog, tmp_path: Path) -> None:
    for word in ("ultraclean", "ultra-clean"):
        reply = catalog.ask("getSXPSTable", {"whichCat": "LSXPS", "table": "sources", "subset": word})
        assert reply["FILE"] == "LSXPS_Sources_ultra-clean.csv"
    read = Table.read(fetched(catalog, reply["URL"], tmp_path), format="ascii.csv")
    assert set(read["DetFlag"]) == {0}
    empty = catalog.ask("getSXPSTable", {"whichCat": "2SXPS", "table": "sources"})
    header = fetched(catalog, empty["URL"], tmp_path).read_text().splitlines()
    assert [line.split(",")[0] for line in header] == ["2SXPS_ID"]


def test_epochs_end_with_the_current_tables(catalog: LocalCatalog, tmp_path: Path) -> None:
    content = catalog.ask("getOldSXPSTables", {})
    made = catalog.store.about["made"]
    assert list(content["hourly"]) == [f"{made} UTC"]
    assert list(content["daily"]) == [made[:10]]
    (newest, *_) = read_epochs(content)[::-1]
    stamp = newest.stamp
    for name in (f"{made} UTC", made[:10]):
        reply = catalog.ask("getSXPSTable", {"table": "datasets", "epoch": name})
        assert reply["FILE"] == f"LSXPS_Datasets_{stamp}.csv.gz" == content["hourly"][f"{made} UTC"]["datasets"]
    assert len(Table.read(fetched(catalog, reply["URL"], tmp_path), format="ascii.csv")) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"table": "sources", "format": "xml"}, "csv or fits"),
        ({"table": "sources", "subset": "dirty"}, "clean or ultra-clean"),
        ({"table": "sources", "epoch": "1999-01-01"}, "no epoch"),
        ({"table": "sources", "epoch": "2022-01-01", "whichCat": "2SXPS"}, "does not change"),
        ({"table": "XRTLiveCat", "whichCat": "UK_XRT"}, "LSXPS and 2SXPS"),
    ],
)
def test_tables_that_there_are_not(catalog: LocalCatalog, content: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestRejectedError, match=told):
        catalog.ask("getSXPSTable", content)
