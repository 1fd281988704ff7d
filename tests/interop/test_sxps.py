"""Every public function of the reference client's catalogue module at our server, beside our client."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from swiftxrt import SwiftXRTClass, Target
from swiftxrt.exceptions import UnknownObjectError
from swiftxrt.products.lightcurve import LightCurve
from swiftxrt.products.spectrumset import SpectrumSet

SOURCE, TRANSIENT, DATASET = 2, 1, 1
OBSIDS = ["09999001000", "09999001001"]
BANDS = ("Total", "Soft", "Medium", "Hard")
USER = "tutorial@example.org"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def sxps(ukssdc: Any) -> Any:
    """``swifttools.ukssdc.data.SXPS``."""
    return importlib.import_module("swifttools.ukssdc.data.SXPS")


def assert_same_record(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """All plain fields are the same; tables are looked at by themselves."""
    plain = {name: value for name, value in theirs.items() if isinstance(value, str | int | float | None)}
    assert plain == {name: ours[name] for name in plain}
    assert len(plain) > 20


def assert_same_rates(rates: Any, limits: Any, curve: LightCurve) -> None:
    """Rates and limits of a band are those of our curve."""
    pairs = ((rates, curve.detections, "Rate"), (limits, curve.upper_limits, "UpperLimit"))
    for frame, part, column in pairs:
        assert len(part) == (0 if frame is None else len(frame))
        if frame is not None:
            np.testing.assert_allclose(frame[column], part["rate"].value, rtol=1e-12)
            np.testing.assert_allclose(frame["Exposure"], part["exposure"].value, rtol=1e-12)


def assert_same_spectra(theirs: Mapping[str, Any], ours: SpectrumSet) -> None:
    (spectrum,) = ours.count_spectra
    assert (theirs["rnames"], theirs["interval0"]["Modes"]) == (["interval0"], ["PC"])
    assert theirs["interval0"]["PC"]["Exposure"] == pytest.approx(spectrum.exposure.to_value("s"))


def test_source_details(sxps: Any, client: SwiftXRTClass) -> None:
    ours = client.get_source(SOURCE)
    theirs = sxps.getSourceDetails(sourceID=SOURCE)
    assert_same_record(theirs, ours.record)
    by_name = sxps.getSourceDetails(sourceName=[ours.name])
    assert by_name[ours.name]["LSXPS_ID"] == SOURCE
    observations = theirs["Detections"]["Observations"]
    assert [str(obsid).zfill(11) for obsid in observations["ObsID"]] == list(ours.detections["ObsID"])
    with pytest.raises(RuntimeError, match="not found"):
        sxps.getSourceDetails(sourceID=99)
    with pytest.raises(UnknownObjectError):
        client.get_source(99)


def test_light_curves(sxps: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    ours = client.get_light_curve(SOURCE, binning="snapshot")
    theirs = sxps.getLightCurves(
        # Not silent, as the silent mode does not rename the rates of limits (its arguments are in another order).
        sourceID=SOURCE, binning="snapshot", timeFormat="MET", silent=False, saveData=False, returnData=True
    )  # fmt: skip
    assert (theirs["Binning"], theirs["TimeFormat"]) == ("Snapshot", "Swift MET")
    for band in BANDS:
        assert_same_rates(theirs.get(f"{band}_rates"), theirs.get(f"{band}_UL"), ours[band.lower()])
    np.testing.assert_allclose(theirs["Total_rates"]["Time"], ours["total"].detections["met"].value, atol=1e-5)
    np.testing.assert_allclose(theirs["HR1"]["HR"], ours["hr1"]["hardness_ratio"], rtol=1e-12)
    sxps.getLightCurves(sourceID=[SOURCE], bands=["Total"], destDir=str(tmp_path))
    assert {path.name.partition("_")[0] for path in (tmp_path / str(SOURCE)).iterdir()} == {"Total"}


def test_saving_light_curves(sxps: Any, tmp_path: Path) -> None:
    curves = sxps.getLightCurves(sourceID=SOURCE, binning="obsid", timeFormat="MJD", saveData=False, returnData=True)
    rates = curves["Total_rates"]
    length_s = 86400.0 * (rates["TimePos"] - rates["TimeNeg"])  # days, as the times
    assert ((rates["Exposure"] <= length_s + 0.01) & (length_s < 86400.0)).all()
    sxps.saveLightCurves(curves, destDir=str(tmp_path), whichDatasets=["Total_rates"])
    lines = (tmp_path / "Total_rates_MJD_Observation.dat").read_text().splitlines()
    assert [float(line.split(",")[3]) for line in lines] == pytest.approx(list(curves["Total_rates"]["Rate"]))


def test_spectra(sxps: Any, client: SwiftXRTClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = client.get_spectra(SOURCE)
    theirs = sxps.getSpectra(sourceID=SOURCE, saveData=False, returnData=True)
    assert_same_spectra(theirs, ours)
    monkeypatch.chdir(tmp_path)  # it changes the folder to unpack, and stays there
    # With pictures it fails for spectra without a fit: they are left out.
    sxps.saveSpectra(theirs, destDir=str(tmp_path), saveImages=False, extract=True)
    counts = fits.getdata(tmp_path / "interval0pcsource.pi", "SPECTRUM")["COUNTS"]
    np.testing.assert_array_equal(counts, ours.count_spectra[0].counts)


def test_source_images(sxps: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    sxps.saveSourceImages(sourceID=SOURCE, destDir=str(tmp_path / "theirs"))
    client.get_previews(SOURCE, location=tmp_path / "ours")
    theirs, ours = (
        {path.name: path.read_bytes() for path in (tmp_path / who).rglob("*.png")} for who in ("theirs", "ours")
    )
    assert theirs == ours
    assert set(theirs) == {f"{name}.png" for name in (*BANDS, "Expmap")}


def test_transients(sxps: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    ours = client.get_transient(TRANSIENT)
    assert_same_record(sxps.getTransientDetails(sourceID=TRANSIENT), ours.record)
    as_source = sxps.getTransientDetails(sourceID=TRANSIENT, transAsSource=True)
    assert as_source["LSXPS_ID"] == ours.source_id == client.get_source(transient=TRANSIENT).source_id
    curves = sxps.getLightCurves(sourceID=TRANSIENT, transient=True, silent=False, saveData=False, returnData=True)
    bins = client.get_light_curve(transient=TRANSIENT)
    np.testing.assert_allclose(curves["PC_incbad"]["Rate"], bins.total.detections["rate"].value, rtol=1e-12)
    np.testing.assert_allclose(curves["PCUL_incbad"]["UpperLimit"], bins.total.upper_limits["rate"].value, rtol=1e-12)
    spectra = sxps.getSpectra(sourceID=TRANSIENT, transient=True, specType="both", saveData=False, returnData=True)
    for which in ("Full", "Discovery"):
        assert_same_spectra(spectra[which], client.get_spectra(transient=TRANSIENT, which=which.lower()))
    sxps.saveSourceImages(sourceID=TRANSIENT, transient=True, destDir=str(tmp_path))
    assert (tmp_path / str(TRANSIENT) / "Total.png").read_bytes()[:4] == b"\x89PNG"


def test_upper_limits(sxps: Any, client: SwiftXRTClass) -> None:
    place = SkyCoord(335.65, -7.55, unit="deg")
    options: dict[str, Any] = {"whichData": "all", "timeFormat": "MET", "detectionsAsRates": True}
    theirs = sxps.getUpperLimits(RA=335.65, Dec=-7.55, **options)["ULData"]
    ours = client.get_upper_limits(place, data="all", detections_as_rates=True)
    assert len(theirs) == len(ours) == 3
    for part, column in (("UpperLimit", "upper_limit"), ("Counts", "counts"), ("BGCounts", "background_counts")):
        found = ours[f"total_{column}"]
        np.testing.assert_allclose(theirs[f"Total_{part}"], np.asarray(found, dtype=float), rtol=1e-12)
    by_text = sxps.getUpperLimits(position="335.65 -7.55", **options)
    assert by_text["ResolvedRA"] == pytest.approx(335.65)
    known = client.get_source(SOURCE).position
    near = sxps.getUpperLimits(RA=known.ra.deg, Dec=known.dec.deg, skipDetections=True)
    assert list(near["DetData"]["SourceName"]) == [client.get_source(SOURCE).name]
    assert near["ULData"].empty


def test_failed_upper_limit(sxps: Any) -> None:
    with pytest.raises(RuntimeError, match="not found"):
        sxps.getFailedUpperLimit("1")


def test_datasets(sxps: Any, client: SwiftXRTClass) -> None:
    ours = client.get_dataset(dataset_id=DATASET)
    theirs = sxps.getDatasetDetails(DatasetID=DATASET)
    assert_same_record(theirs, ours.record)
    assert sxps.getDatasetDetails(ObsID=[ours.obsid])[ours.obsid]["DatasetID"] == DATASET
    assert len(theirs["Sources"]) == len(ours.sources)


def test_dataset_images(sxps: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    sxps.saveDatasetImages(DatasetID=DATASET, getRegions=True, destDir=str(tmp_path), subDirs=False)
    ours = client.get_images(dataset_id=DATASET)
    assert len(list(tmp_path.iterdir())) == 17
    np.testing.assert_array_equal(fits.getdata(tmp_path / f"{OBSIDS[0]}_total.img.gz"), ours["total"].counts.data)
    assert (tmp_path / "total.reg").read_text(encoding="utf-8")


def test_full_tables(sxps: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    ours = client.get_catalog_table("sources")
    theirs = sxps.getFullTable(table="sources", saveData=False, returnData=True)
    assert list(theirs.columns) == [name for name in ours.colnames if name != "position"]
    np.testing.assert_allclose(theirs["Rate_band0"], ours["Rate_band0"].value, rtol=1e-12)
    clean = sxps.getFullTable(table="sources", subset="ultra-clean", saveData=False, returnData=True)
    assert len(clean) == len(client.get_catalog_table("sources", subset="ultra-clean"))
    sxps.getFullTable(table="datasets", format="fits", destDir=str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert len(fits.getdata(path, 1)) == 3


def test_old_tables(sxps: Any, client: SwiftXRTClass) -> None:
    listed = sxps.listOldTables()
    assert {*listed["hourly"], *listed["daily"]} == set(client.list_catalog_epochs()["epoch"])
    (epoch,) = listed["hourly"]
    old = sxps.getFullTable(table="sources", epoch=epoch, saveData=False, returnData=True)
    assert len(old) == len(client.get_catalog_table("sources", epoch=epoch))


def test_observations(sxps: Any, client: SwiftXRTClass) -> None:
    blind = sxps.getObsList(sourceID=SOURCE, useObs="blind")
    ours = client.get_source_observations(SOURCE, which="blind")
    assert blind["obsList"] == list(ours["obsid"])
    assert blind["targList"] == sorted(set(ours["target_id"]))


def test_product_requests(sxps: Any, client: SwiftXRTClass) -> None:
    source = client.get_source(SOURCE)
    made = sxps.makeProductRequest(USER, sourceID=SOURCE, T0="firstObs", useObs="allCat", addProds=["StandardPos"])
    sent = made.getJSONDict()
    ours = Target.from_source(source, t0="first_observation", use="catalog")
    assert (sent["name"], sent["Tstart"]) == (ours.name, pytest.approx(ours.t0_met, abs=1.0))
    assert (sent["RA"], sent["Dec"]) == pytest.approx((ours.position.ra.deg, ours.position.dec.deg))
    assert sent["targ"] == ",".join(ours.target_ids or ())
    assert sent["useposobs"] == ",".join(OBSIDS)
    late = sxps.makeProductRequest(USER, sourceID=TRANSIENT, transient=True, useObs="new", addProds=["LightCurve"])
    assert late.getJSONDict()["uselcobs"] == OBSIDS[1]
