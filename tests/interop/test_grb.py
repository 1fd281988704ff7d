"""Every public function of the reference client's burst module at our server, beside our client."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt import SwiftXRTClass
from swiftxrt.exceptions import UnknownObjectError
from swiftxrt.products._datasets import split_set, variant
from swiftxrt.products.lightcurve import LightCurveSet
from swiftxrt.products.spectrumset import SpectrumSet
from tests.interop.field import NAME, TARGET

T0 = 608713541.952
LIMIT = 5 * u.min

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def grb(ukssdc: Any) -> Any:
    """``swifttools.ukssdc.data.GRB``."""
    return importlib.import_module("swifttools.ukssdc.data.GRB")


@pytest.fixture(scope="module")
def ours(client: SwiftXRTClass) -> LightCurveSet:
    return client.get_light_curve(grb=NAME)


@pytest.fixture(scope="module")
def our_spectra(client: SwiftXRTClass) -> SpectrumSet:
    return client.get_spectra(grb=NAME)


def assert_same_curves(theirs: dict[str, Any], ours: LightCurveSet, suffix: str = "", *, mjd: bool = False) -> None:
    """Every dataset without further flags has the same columns with the same numbers."""
    curves = variant(ours, suffix)
    assert curves is not None
    for dataset in split_set(curves, mjd=mjd):
        frame = theirs[f"{dataset.name}{suffix}"]
        names = {"Rate": "UpperLimit"} if dataset.kind == "UL" else {}
        assert len(frame) == len(dataset) > 0
        for column, values in dataset.values.items():
            np.testing.assert_allclose(frame[names.get(column, column)], values, rtol=1e-12, atol=1e-9)


def assert_same_spectra(theirs: dict[str, Any], ours: SpectrumSet) -> None:
    """Slices, modes, times and exposures are the same."""
    assert list(theirs["rnames"]) == list(ours.slices)
    for label, members in ours.slices.items():
        assert theirs[label]["Modes"] == [one.mode.value for one in members]
        for one in members:
            block = theirs[label][one.mode.value]
            assert block["Exposure"] == pytest.approx(one.exposure.to_value("s"))
            assert "NOFIT" in block  # the local engine makes spectra, and fits none


def test_names(grb: Any, client: SwiftXRTClass) -> None:
    assert grb.GRBNameToTargetID(NAME) == grb.GRBNameToTargetID("GRB200416A") == TARGET
    assert grb.GRBNameToTargetID("GRB 990101") is None
    with pytest.raises(UnknownObjectError):
        client.get_light_curve(grb="GRB 050101Z")


def test_light_curves(grb: Any, ours: LightCurveSet, tmp_path: Path) -> None:
    both = grb.getLightCurves(GRBName=NAME, saveData=False, returnData=True, incbad="both", nosys="both")
    assert (both["Binning"], both["TimeFormat"], both["T0"]) == ("Counts", "MET", T0)
    # All bins of this burst are reliable, so there is nothing besides that would have more of them.
    for suffix in ("", "_nosys"):
        assert_same_curves(both, ours, suffix)
    assert not any("_incbad" in name for name in both["Datasets"])
    usual = grb.getLightCurves(GRBName=NAME, saveData=False, returnData=True)
    assert_same_curves(usual, ours, "_incbad")
    grb.getLightCurves(targetID=TARGET, destDir=str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} >= {"WTCURVE_incbad.qdp", "PCCURVE_incbad.qdp", "PCHR_incbad.qdp"}
    saved = grb.getLightCurves(targetID=[TARGET], saveData=False, returnData=True)
    assert list(saved) == [TARGET]
    assert all("_incbad" in name for name in saved[TARGET]["Datasets"])


def test_burst_without_a_light_curve(grb: Any) -> None:
    nothing = grb.getLightCurves(targetID=12345, saveData=False, returnData=True)
    assert nothing["Datasets"] == []
    assert "NOLC" in nothing
    # The reference client sends null for names that it does not know.
    assert "NOLC" in grb.getLightCurves(GRBName="GRB 990101", saveData=False, returnData=True)


def test_saving_light_curves(grb: Any, tmp_path: Path) -> None:
    curves = grb.getLightCurves(GRBName=NAME, saveData=False, returnData=True)
    grb.saveLightCurves(curves, destDir=str(tmp_path), whichDatasets=["PC_incbad"])
    lines = (tmp_path / "PC_incbad.dat").read_text().splitlines()
    assert len(lines) == len(curves["PC_incbad"])
    assert float(lines[0].split(",")[3]) == pytest.approx(curves["PC_incbad"]["Rate"].iloc[0])


def test_rebinning(grb: Any, client: SwiftXRTClass, wait: Callable[[Callable[[], bool]], None]) -> None:
    job = grb.rebinLightCurve(GRBName=NAME, binMeth="obsid", timeFormat="MJD")
    assert set(grb.checkRebinStatus(job)) == {"statusCode", "statusText"}
    wait(lambda: grb.rebinComplete(job))
    theirs = grb.getRebinnedLightCurve(job, saveData=False, returnData=True, incbad="no")
    assert (theirs["Binning"], theirs["TimeFormat"]) == ("ObsID", "MJD")
    assert grb.cancelRebin(job) is False  # it has ended
    ours = client.get_burst_job(job, "light_curve").result(timeout=LIMIT)
    assert len(ours.total.in_mode("PC")) == 2
    assert_same_curves(theirs, ours, mjd=True)


def test_spectra(grb: Any, our_spectra: SpectrumSet, tmp_path: Path) -> None:
    # With pictures it fails for spectra without a fit (the name of the result is not set yet): they are left out.
    theirs = grb.getSpectra(GRBName=NAME, returnData=True, saveImages=False, destDir=str(tmp_path))
    assert theirs["rnames"] == ["interval0", "late_time"]
    assert theirs["late_time"]["Modes"] == ["PC"]
    assert theirs["T0"] == T0
    assert theirs["late_time"]["Start"] == 4000.0
    assert_same_spectra(theirs, our_spectra)
    assert {path.name for path in tmp_path.iterdir()} == {"interval0.tar.gz", "late_time.tar.gz"}
    assert "NoSpectrum" in grb.getSpectra(targetID=12345, returnData=True, saveData=False, saveImages=False)


def test_files_of_the_spectra(grb: Any, our_spectra: SpectrumSet, tmp_path: Path, monkeypatch: Any) -> None:
    theirs = grb.getSpectra(targetID=TARGET, returnData=True, saveData=False, saveImages=False)
    monkeypatch.chdir(tmp_path)  # it changes the folder to unpack, and stays there
    grb.saveSpectra(theirs, destDir=str(tmp_path), saveImages=False, extract=True)
    counts = fits.getdata(tmp_path / "interval0pcsource.pi", "SPECTRUM")["COUNTS"]
    ours = next(one for one in our_spectra.slices["interval0"] if one.mode.value == "PC")
    np.testing.assert_array_equal(counts, ours.counts)


def test_time_slices(grb: Any, client: SwiftXRTClass, wait: Callable[[Callable[[], bool]], None]) -> None:
    job = grb.timesliceSpectrum(GRBName=NAME, slices={"early": ["80-800", "WT"], "mixed": ["80-300,500-900", "PC"]})
    assert set(grb.checkTimesliceStatus(job)) == {"statusCode", "statusText"}
    wait(lambda: grb.timesliceComplete(job))
    theirs = grb.getSpectra(JobID=job, returnData=True, saveData=False, saveImages=False)
    assert (theirs["early"]["Modes"], theirs["mixed"]["Start"], theirs["mixed"]["Stop"]) == (["WT"], 80.0, 900.0)
    assert grb.cancelTimeslice(job) is False  # it has ended
    assert_same_spectra(theirs, client.get_burst_job(job, "spectrum").result(timeout=LIMIT))


def test_cancelling(grb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that have not ended can be cancelled: here their work begins late."""
    from swiftxrt.engine import build as engine

    monkeypatch.setattr(engine, "build_product", lambda *args, progress, **options: _slow(progress))
    rebin = grb.rebinLightCurve(targetID=TARGET, binMeth="snapshot")
    slices = grb.timesliceSpectrum(targetID=TARGET, slices={"a": "OBS09999001000-OBS09999001001"}, redshift=0.5)
    assert grb.cancelRebin(rebin) is True
    assert grb.cancelTimeslice(slices) is True
    assert grb.checkRebinStatus(rebin)["statusCode"] == grb.checkTimesliceStatus(slices)["statusCode"] == -4


def _slow(progress: Callable[[int], None]) -> Any:
    for _ in range(600):
        progress(0)  # ends the work when it was cancelled
        time.sleep(0.05)
    raise AssertionError("it was not cancelled")


def test_burst_analyser(grb: Any, client: SwiftXRTClass, tmp_path: Path) -> None:
    theirs = grb.getBurstAnalyser(GRBName=NAME, returnData=True, saveData=False)
    assert theirs["Instruments"] == ["XRT"]  # of the other instruments there are no data here
    ours = client.get_burst_analyser(NAME, bands="all")
    assert {f"XRT_{name}" for name in theirs["XRT"]["Datasets"]} == {one.meta["service_name"] for one in ours.values()}
    for table in ours.values():
        frame = theirs["XRT"][table.meta["service_name"].removeprefix("XRT_")]
        column = "flux" if "flux" in table.colnames else "flux_density"
        np.testing.assert_allclose(frame["Flux"], table[column].value, rtol=1e-12)
        np.testing.assert_allclose(frame["ECF"], table["ecf"].value, rtol=1e-12)
        assert frame["ECFPos"].isna().all()
    rates = client.get_light_curve(grb=NAME).total.detections.in_mode("PC")["rate"]
    pc = theirs["XRT"]["XRTBand_PC_incbad"]
    np.testing.assert_allclose(pc["Flux"], rates.value * pc["ECF"].iloc[0], rtol=1e-12)
    grb.getBurstAnalyser(targetID=TARGET, saveData=False, downloadTar=True, destDir=str(tmp_path))
    assert (tmp_path / "09999001.tar.gz").stat().st_size > 1000


def test_saving_the_burst_analyser(grb: Any, tmp_path: Path) -> None:
    theirs = grb.getBurstAnalyser(GRBName=NAME, bands=["Density"], returnData=True, saveData=False)
    grb.saveBurstAnalyser(theirs, destDir=str(tmp_path / "all"), silent=True)
    grb.saveSingleBurstAn(theirs, destDir=str(tmp_path / "one"), asQDP=True)
    names = {f"XRT_{name}" for name in theirs["XRT"]["Datasets"]}
    assert {path.stem for path in (tmp_path / "all").iterdir()} == names
    assert {path.name for path in (tmp_path / "one").iterdir()} == {f"{name}.qdp" for name in names}


def test_positions(grb: Any, client: SwiftXRTClass) -> None:
    theirs = grb.getPositions(GRBName=NAME)
    best = client.get_positions(NAME)["best"]
    for kind in ("Best", "Standard"):
        assert float(theirs[f"{kind}_RA"]) == best.coord.ra.deg
        assert float(theirs[f"{kind}_Decl"]) == best.coord.dec.deg
        assert float(theirs[f"{kind}_Err90"]) == best.radius.to_value("arcsec")
    assert theirs["Enhanced_RA"] is theirs["Onboard_Err90"] is None
    some = grb.getPositions(targetID=[TARGET], positions=["SPER", "Best"])[TARGET]
    assert set(some) == {f"{kind}_{cell}" for kind in ("SPER", "Best") for cell in ("RA", "Decl", "Err90")}


def test_observations(grb: Any, client: SwiftXRTClass, field: Path, tmp_path: Path) -> None:
    grb.getObsData(GRBName=NAME, instruments=["xrt"], destDir=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == client.get_burst_observations(NAME)
    for path in (one for one in field.rglob("*") if one.is_file()):
        assert (tmp_path / path.relative_to(field)).read_bytes() == path.read_bytes()
