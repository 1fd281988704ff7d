"""The query objects of the reference client at our server, beside our client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import Column, SwiftXRTClass
from swiftxrt.catalog_fields import fields_of
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.engine.merge_limits import merge_upper_limits
from tests.interop.field import NAME, TARGET

COLUMNS = ["LSXPS_ID", "IAUName", "RA", "Decl", "Err90", "Rate_band0"]
CENTRE = SkyCoord(335.7, -7.5, unit="deg")
SOURCE = 2
OBSIDS = ["09999001000", "09999001001"]
USER = "tutorial@example.org"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def query(ukssdc: Any) -> Any:
    """``swifttools.ukssdc.query``."""
    import swifttools.ukssdc.query as module

    return module


@pytest.fixture
def sources(query: Any) -> Any:
    """A query that found the sources."""
    made = query.SXPSQuery()
    made.submit()
    return made


@pytest.fixture
def bursts(query: Any) -> Any:
    """A query that found the burst."""
    made = query.GRBQuery()
    made.submit()
    return made


def only(made: Any, column: str, value: Any) -> Any:
    """Which rows of a query are to be used."""
    return made.results[column] == value


def assert_same_rows(results: Any, ours: QTable, columns: Sequence[str]) -> None:
    """Numbers and texts of some columns are the same, row for row."""
    assert len(results) == len(ours) > 0
    for name in columns:
        values = (
            np.ma.filled(getattr(ours[name], "value", ours[name]), np.nan)
            if ours[name].dtype.kind == "f"
            else ours[name]
        )
        if np.asarray(values).dtype.kind in "fi":
            found = np.asarray(results[name], dtype=float)
            np.testing.assert_allclose(found, np.asarray(values, dtype=float), rtol=1e-12)
        else:
            assert list(results[name]) == list(values)


# ---------------------------------------------------------------- what every query has


def test_cone_with_filters(query: Any, client: SwiftXRTClass, capsys: pytest.CaptureFixture[str]) -> None:
    made = query.SXPSQuery()
    made.addConeSearch(ra=335.7, dec=-7.5, radius=380, units="arcsec")
    made.addFilter(("Rate_band0", ">", 0.01))
    made.addCol(COLUMNS)
    made.sortCol, made.sortDir, made.subset = "Rate_band0", "DESC", "clean"
    made.showConeSearch()
    made.showFilters()
    shown = capsys.readouterr().out
    assert "380.0 arcsec around (335.7, -7.5)" in shown
    assert "Rate_band0 > 0.01" in shown
    assert made.isValid()
    assert made.doConeSearch
    assert not made.locked
    made.submit()
    ours = client.query_region(
        CENTRE, radius=380 * u.arcsec, columns=COLUMNS, subset="clean", sort_by="Rate_band0", descending=True,
        where=[Column("Rate_band0") > 0.01 * u.ct / u.s],
    )  # fmt: skip
    assert_same_rows(made.results, ours, COLUMNS)
    np.testing.assert_allclose(made.results["_r"], ours["distance"].to_value("arcsec"), atol=1e-5)
    places = SkyCoord(made.results["RA"], made.results["Decl"], unit="deg")
    np.testing.assert_allclose(made.results["_r"], CENTRE.separation(places).arcsec, atol=1e-3)
    assert made.haveResults
    assert made.locked
    assert made.numRows == len(ours) == 3
    assert (made.subset, made.sortCol) == ("clean", "Rate_band0")
    with pytest.raises(RuntimeError, match="locked"):
        made.checkLock()
    with pytest.raises(AttributeError):
        _ = made.sortDir  # its own name is misspelt there; what was set is sent


def test_cone_around_a_name(query: Any, client: SwiftXRTClass) -> None:
    made = query.SXPSQuery()
    made.addConeSearch(name=NAME, radius=5, units="arcmin")
    made.submit()
    assert (made.resolvedRA, made.resolvedDec) == pytest.approx((335.6985, -7.5179))
    assert NAME in made.resolvedInfo
    assert_same_rows(made.results, client.query_object(NAME, radius=5 * u.arcmin), ["IAUName", "Rate_band0"])


def test_parameters_of_a_cone(query: Any) -> None:
    made = query.SXPSQuery()
    made.addConeSearch(position="22 22 48 -07 30 00", radius=300)
    assert made.coneName
    assert made.isValid()
    made.removeConeSearch()
    made.coneName = "nobody"
    assert made.coneName == "nobody"
    assert not made.doConeSearch
    made = query.SXPSQuery()
    made.coneRA, made.coneDec, made.coneRadius, made.coneUnits = 335.7, -7.5, 6.0, "arcmin"
    assert (made.coneRA, made.coneDec, made.coneRadius, made.coneUnits) == (335.7, -7.5, 6.0, "arcmin")
    with pytest.raises(ValueError, match="not both"):
        made.editConeSearch(1.0, 2.0, 3.0)  # it hands the unit on as the name of an object


def test_columns_and_metadata(query: Any, client: SwiftXRTClass) -> None:
    made = query.SXPSQuery(table="datasets")
    made.getMetadata()
    ours = client.list_columns("LSXPS", "datasets")
    assert list(made.cols) == list(made.metadata["ColName"]) == list(ours["name"])
    described = dict(zip(made.metadata["ColName"], made.metadata["Description"], strict=True))
    assert described["ObsID"] == fields_of("LSXPS", "datasets")["ObsID"].description != ""
    assert made.defaultCols == [str(name) for name, usual in zip(ours["name"], ours["default"], strict=True) if usual]
    assert (made.obsColumn, made.targetColumn, made.raCol, made.decCol) == ("ObsID", None, None, None)
    assert (made.dbName, made.table, made.cat, made.cats) == ("LSXPS", "datasets", "LSXPS", ["LSXPS", "2SXPS"])
    assert "sources" in made.tables
    assert made.subsets == ("clean", "ultraclean")
    made.addCol("ObsID")
    made.addCol(["DatasetID", "RA"])
    made.removeCol("RA")
    assert made.colsToGet == ["ObsID", "DatasetID"]
    made.removeAllCols()
    assert made.colsToGet is None


def test_rows(query: Any, client: SwiftXRTClass) -> None:
    made = query.SXPSQuery()
    made.maxRows, made.firstRow = 2, 1
    assert (made.maxRows, made.firstRow, made.silent, made.verbose) == (2, 1, True, False)
    made.submit()
    assert made.numRows == 2
    assert list(made.results["LSXPS_ID"]) == list(client.query_catalog(limit=3)["LSXPS_ID"][1:])
    made.unlock()
    with pytest.raises(ValueError, match="val must be"):
        made.ObsIDAsString = 1
    assert made.ObsIDAsString is False  # true ones fail there when the query is sent


def test_filters_and_products_can_be_taken_back(sources: Any) -> None:
    sources.getSourceDetails(subset=only(sources, "LSXPS_ID", SOURCE))
    sources.clearProduct("sourceDetails")
    assert sources.sourceDetails is None
    sources.clearProducts()
    sources.reset()
    assert not sources.haveResults
    sources.addFilter(("RA", ">", 0))
    sources.addFilter(("Decl", "<", 0))
    sources.removeFilter(0)
    assert len(sources.filters) == 1
    sources.removeAllFilters()
    assert sources.filters == []


def test_observations_of_results(query: Any, tmp_path: Path, field: Path) -> None:
    made = query.SXPSQuery(table="datasets")
    made.addFilter(("IsStackedImage", "=", 0))
    made.submit()
    made.downloadObsData(instruments=["xrt"], destDir=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == OBSIDS
    assert len(list(tmp_path.rglob("*.evt.gz"))) == len(list(field.rglob("*.evt.gz")))


# ---------------------------------------------------------------- catalogues


def test_sources(sources: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    subset = only(sources, "LSXPS_ID", SOURCE)
    ours = client.get_source(SOURCE)
    sources.getSourceDetails(subset=subset)
    sources.getDetails(subset=subset)
    assert sources.sourceDetails[SOURCE]["IAUName"] == ours.name
    sources.getObsList(subset=subset, useObs="blind")
    assert sources.sourceObsList[SOURCE]["obsList"] == list(
        client.get_source_observations(SOURCE, which="blind")["obsid"]
    )
    sources.saveSourceImages(subset=subset, destDir=str(tmp_path / "a"))
    sources.saveImages(subset=subset, destDir=str(tmp_path / "b"))
    names = [sorted(path.name for path in (tmp_path / one).rglob("*.png")) for one in ("a", "b")]
    assert names[0] == names[1]
    assert "Total.png" in names[0]
    made = sources.makeProductRequest(USER, subset=subset, T0="firstDet", useObs="blind", addProds=["StandardPos"])
    assert made[SOURCE].getGlobalPars("name") == ours.name


def test_light_curves_of_sources(sources: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    subset = only(sources, "LSXPS_ID", SOURCE)
    sources.getLightCurves(subset=subset, bands=["total"], binning="obs", timeFormat="MJD")
    rates = sources.lightCurves[SOURCE]["Total_rates"]["Rate"]
    np.testing.assert_allclose(rates, client.get_light_curve(SOURCE).total.detections["rate"].value, rtol=1e-12)
    figure, axes = sources.plotLightCurves(SOURCE, whichCurves=["Total_rates"], ylog=True)
    assert axes.get_xlabel() == "MJD"
    assert len(axes.containers[0].lines[0].get_xdata()) == len(rates)
    plt.close(figure)
    sources.saveLightCurves(destDir=str(tmp_path))
    assert [path.name for path in (tmp_path / str(SOURCE)).iterdir()] == ["Total_rates_MJD_Observation.dat"]
    sources.clearLightCurves()
    assert sources.lightCurves is None


def test_spectra_of_sources(sources: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    sources.getSpectra(subset=only(sources, "LSXPS_ID", SOURCE))
    exposure = client.get_spectra(SOURCE).count_spectra[0].exposure.to_value("s")
    assert sources.spectra[SOURCE]["interval0"]["PC"]["Exposure"] == pytest.approx(exposure)
    sources.saveSpectra(destDir=str(tmp_path), saveImages=False)  # pictures of fits, which there are not
    assert (tmp_path / str(SOURCE) / "interval0.tar.gz").stat().st_size > 1000
    sources.clearSpectra()
    assert sources.spectra is None


def test_full_table_of_a_query(sources: Any, client: SwiftXRTClass) -> None:
    sources.getFullTable()
    assert_same_rows(sources.fullTable, client.get_catalog_table("sources"), ["LSXPS_ID", "Rate_band0"])


def test_datasets_of_a_query(query: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    made = query.SXPSQuery(table="datasets")
    made.submit()
    subset = only(made, "DatasetID", 1)
    made.getDatasetDetails(subset=subset, byDatasetID=True)
    assert made.datasetDetails[1]["ObsID"] in (OBSIDS[0], int(OBSIDS[0]))
    assert made.datasetDetails[1]["ExposureUsed"] == client.get_dataset(dataset_id=1).exposure.to_value("s")
    made.saveDatasetImages(subset=subset, destDir=str(tmp_path), bands=["total"], types=["image"])
    assert list(tmp_path.rglob("*_total.img.gz"))


def test_transients_of_a_query(query: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    made = query.SXPSQuery(table="transients")
    made.submit()
    assert_same_rows(made.results, client.query_catalog(table="transients"), ["TransientID", "IAUName"])
    made.getTransientDetails()
    assert made.transientDetails[1]["IAUName"] == client.get_transient(1).name
    made.saveTransientImages(destDir=str(tmp_path))
    assert (tmp_path / "1" / "Total.png").is_file()


def test_catalogue_without_rows(query: Any, client: SwiftXRTClass) -> None:
    made = query.SXPSQuery(cat="2SXPS")
    made.submit()
    assert made.numRows == len(client.query_catalog(catalog="2SXPS")) == 0


# ---------------------------------------------------------------- bursts


def test_bursts(bursts: Any, client: SwiftXRTClass) -> None:
    assert bursts.cats == ["UK_XRT", "SDC_GRB", "BAT_GRB"]
    assert bursts.cat == "UK_XRT"
    assert bursts.posSource == "best"
    assert "Enhanced" in bursts.posSources
    assert_same_rows(bursts.results, client.query_catalog(catalog="UK_XRT"), ["name", "RA", "Decl"])
    bursts.getPositions()
    best = client.get_position(grb=NAME)
    assert float(bursts.positions[NAME]["Best_RA"]) == best.coord.ra.deg
    bursts.clearPositions()
    assert bursts.positions is None


def test_curves_of_bursts(bursts: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    # Without byName or byID it asks for the wrong thing if the name was not retrieved.
    bursts.getLightCurves(byID=True)
    rates = bursts.lightCurves[TARGET]["PC_incbad"]["Rate"]
    ours = client.get_light_curve(grb=NAME).total.detections.in_mode("PC")
    np.testing.assert_allclose(rates, ours["rate"].value, rtol=1e-12)
    figure, axes = bursts.plotLightCurves(TARGET, whichCurves=["PC_incbad"], xlog=True, ylog=True)
    assert axes.get_xscale() == "log"
    plt.close(figure)
    bursts.saveLightCurves(destDir=str(tmp_path))
    assert (tmp_path / str(TARGET) / "PC_incbad.dat").is_file()
    bursts.clearLightCurves()
    assert bursts.lightCurves is None


def test_spectra_of_bursts(bursts: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    bursts.getSpectra(byName=True)
    assert bursts.spectra[NAME]["rnames"] == list(client.get_spectra(grb=NAME).slices)
    bursts.saveSpectra(destDir=str(tmp_path), saveImages=False)  # pictures of fits, which there are not
    assert (tmp_path / NAME / "late_time.tar.gz").is_file()
    bursts.clearSpectra()
    assert bursts.spectra is None


def test_burst_analyser_of_bursts(bursts: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    bursts.getBurstAnalyser(byName=True, bands=["Density"])
    theirs = bursts.burstAnalyser[NAME]["XRT"]
    ours = client.get_burst_analyser(NAME)["xrt_pc_density_with_unreliable"]
    np.testing.assert_allclose(theirs["Density_PC_incbad"]["Flux"], ours["flux_density"].value, rtol=1e-12)
    assert bursts.ban is bursts.burstAnalyser
    bursts.saveBurstAnalyser(destDir=str(tmp_path))
    assert (tmp_path / NAME / "XRT_Density_PC_incbad.dat").is_file()
    bursts.clearBurstAnalysers()
    assert bursts.burstAnalyser is None


def test_observations_of_bursts(bursts: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    bursts.getObsData(instruments=["xrt"], destDir=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == client.get_burst_observations(NAME)


def test_two_catalogues_of_bursts(query: Any) -> None:
    made = query.GRBQuery()
    made.setAuxCat("SDC_GRB")
    assert made.getAuxCat() == made.auxCat.cat == "SDC_GRB"
    made.submit()
    made.mergeResults()
    assert list(made.results["name"]) == list(made.results["Name"]) == [NAME]
    assert list(made.results["TriggerNumber"]) == [TARGET]
    made.removeAuxCat()
    assert made.getAuxCat() is None
    other = query.GRBQuery()
    other.setAuxCat("BAT_GRB")  # no row of it can be had from XRT data
    with pytest.raises(KeyError):
        other.submit()  # without rows it looks for the name in a table without columns


# ---------------------------------------------------------------- what is worked out without a server


def test_observations(ukssdc: Any, tmp_path: Path) -> None:
    from swifttools.ukssdc.data import downloadObsData, downloadObsDataByTarget

    downloadObsData(OBSIDS[0], instruments=["XRT"], destDir=str(tmp_path / "one"), match="*pc*")
    assert [path.name for path in (tmp_path / "one").rglob("*.gz")] == [f"sw{OBSIDS[0]}xpcw3po_cl.evt.gz"]
    downloadObsDataByTarget(TARGET, instruments=["XRT"], destDir=str(tmp_path / "all"))
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == OBSIDS
    with pytest.raises(RuntimeError, match="Cannot find obs"):
        downloadObsData("00000000000", destDir=str(tmp_path / "none"))


def test_helpers(ukssdc: Any, bursts: Any, client: SwiftXRTClass) -> None:
    lower, upper, _ = ukssdc.bayesRate(7, 2.5, 0.9)
    assert (lower, upper) == pytest.approx(np.array(kbn_interval(7, 2.5, 0.9)), rel=1e-3)
    bursts.getLightCurves(byName=True)
    figure, axes = ukssdc.plotLightCurve(bursts.lightCurves[NAME], whichCurves=["WT_incbad"], xlog=True)
    assert axes.get_xscale() == "log"
    plt.close(figure)
    curve = bursts.lightCurves[NAME]["PC_incbad"].copy()
    is_limit, _, made = ukssdc.mergeLightCurveBins(curve, rows=curve.index < 2, forceRate=True)
    ours = client.get_light_curve(grb=NAME).total.detections.in_mode("PC")
    assert not is_limit
    assert made["CtsInSrc"] == ours["counts"][:2].sum().value
    assert made["Exposure"] == pytest.approx(ours["exposure"][:2].sum().to_value("s"))


def test_merging_upper_limits(ukssdc: Any, client: SwiftXRTClass) -> None:
    from swifttools.ukssdc.data.SXPS import getUpperLimits

    table = getUpperLimits(RA=335.65, Dec=-7.55, whichData="all", timeFormat="MET")["ULData"]
    rows = [str(obsid) in OBSIDS or int(obsid) in map(int, OBSIDS) for obsid in table["ObsID"]]
    theirs = ukssdc.mergeUpperLimits(table, rows=rows, bands=["total"], detectionsAsRates=False, conf=0.9973)
    limits = client.get_upper_limits(SkyCoord(335.65, -7.55, unit="deg"), data="all")
    (ours,) = merge_upper_limits(limits)
    assert theirs["Total_Counts"] == ours["total_counts"].value
    assert theirs["Total_UpperLimit"] == pytest.approx(ours["total_upper_limit"].value, rel=1e-3)
