"""The real, unmodified `swifttools` client does the tutorial against our server.

Its numbers are compared with what our client gets for the same job.
"""

from __future__ import annotations

import time
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import SwiftXRTClass
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.testing.server import embedded_server

with warnings.catch_warnings():
    # distutils, which swifttools still imports, and its own escapes
    warnings.simplefilter("ignore")
    swifttools = pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
    prods = pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools needs setuptools (extra 'interop')")

USER = "tutorial@example.org"
NAME = "SIM_GRB 200416A"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def url(burst_archive: Path) -> Iterator[str]:
    with embedded_server(burst_archive, users=[USER]) as address:
        yield address


@pytest.fixture(scope="module")
def request_(url: str) -> Any:
    """The tutorial of the service, to the end of the job, in the words of swifttools."""
    request = prods.XRTProductRequest(USER, silent=True)
    request._baseURL = f"{url}/user_objects"
    request.deprecate = False
    request.setGlobalPars(
        getTargs=True,
        centroid=True,
        name=NAME,
        RA=335.6985,
        Dec=-7.5179,
        centMeth="simple",
        useSXPS=False,
        T0=608713541.952,
        posErr=1,
    )
    request.addLightCurve(binMeth="counts", pcCounts=20, wtCounts=30, dynamic=True)
    request.addSpectrum(hasRedshift=False)
    request.addStandardPos()
    request.addEnhancedPos()
    request.addAstromPos(useAllObs=True)
    assert request.isValid() == (True, "")
    assert request.submit(), request.submitError
    status, cancelled = request.cancelProducts(["AstromPos"])
    assert status == 1
    assert cancelled["AstromPos"] == {"code": 0, "text": "Job cancelled OK"}
    for _ in range(600):
        if request.complete:
            return request
        time.sleep(0.2)
    raise AssertionError(request.checkProductStatus())


@pytest.fixture(scope="module")
def ours(url: str, request_: Any):
    """The same job through our client."""
    job = SwiftXRTClass(user=USER).get_job(request_.JobID)
    return job.result(timeout=1 * u.min, progress=False)


def test_submission_fills_the_request_in(request_: Any) -> None:
    assert request_.URL.endswith(f"/user_objects/tprods/USERPROD_{request_.JobID}")
    assert request_.globalPars["T0"] == 608713541.952
    assert set(request_.globalPars["targ"].split(",")) >= {request_.globalPars["targ"].split(",")[0]}
    assert request_.getLightCurvePars("timeFormat") == "s"
    assert request_.getLightCurvePars("pcCounts") == 20
    assert request_.getSpectrumPars("deltaFitStat") == 2.706


def test_status(request_: Any) -> None:
    report = request_.checkProductStatus()
    codes = {name: entry["statusCode"] for name, entry in report.items()}
    assert codes == {"LightCurve": 4, "Spectrum": 4, "StandardPos": 4, "EnhancedPos": -3, "AstromPos": -4}
    assert all(entry["progressText"] for entry in report.values())


@pytest.mark.parametrize("name", ["WT", "PC"])
def test_light_curve(request_: Any, ours: Any, name: str) -> None:
    theirs = request_.retrieveLightCurve(nosys="no", incbad="no", returnData=True)
    assert theirs["Binning"] == "Counts"
    assert theirs["T0"] == 608713541.952
    curve = ours.light_curve.total
    mine = curve[(np.asarray(curve["mode"]) == name) & ~np.asarray(curve["is_upper_limit"])]
    frame = theirs[name]
    assert len(frame) == len(mine) > 5
    pairs = {
        "Rate": mine["rate"],
        "RatePos": mine["rate_err_pos"],
        "RateNeg": -mine["rate_err_neg"],
        "TimePos": mine["time_err_pos"],
        "TimeNeg": -mine["time_err_neg"],
        "FracExp": mine["fractional_exposure"],
        "BGrate": mine["background_rate"],
        "BGerr": mine["background_rate_err"],
        "CorrFact": mine["correction_factor"],
        "CtsInSrc": mine["counts"],
        "BGInSrc": mine["background_counts"],
        "Exposure": mine["exposure"],
        "Sigma": mine["significance"],
        "SNR": mine["snr"],
    }
    for column, values in pairs.items():
        np.testing.assert_array_equal(frame[column], u.Quantity(values).value, err_msg=column)
    np.testing.assert_allclose(frame["Time"], mine.elapsed.to_value(u.s), rtol=0, atol=2e-6)


def test_limits_and_hardness(request_: Any, ours: Any) -> None:
    theirs = request_.retrieveLightCurve(nosys="no", incbad="no", returnData=True)
    limits = ours.light_curve.total.upper_limits
    sent = [name for name in ("WTUL", "PCUL") if name in theirs]
    assert sum(len(theirs[name]) for name in sent) == len(limits)
    for name in sent:
        mine = limits[np.asarray(limits["mode"]) == name[:2]]
        np.testing.assert_array_equal(theirs[name]["UpperLimit"], mine["rate"].value)
    ratio = ours.light_curve.hardness_ratio
    for mode in ("WT", "PC"):
        mine = ratio[np.asarray(ratio["mode"]) == mode]
        if len(mine):
            np.testing.assert_array_equal(theirs[f"{mode}HR"]["HR"], u.Quantity(mine["hardness_ratio"]).value)
            np.testing.assert_array_equal(theirs[f"{mode}HR"]["HRErr"], u.Quantity(mine["hardness_ratio_err"]).value)
    assert len(ratio) > 5


def test_old_style_light_curve_and_plot(request_: Any) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    request_.retrieveLightCurve(nosys="no", incbad="no")
    figure, _ = request_.plotLC(xlog=True, ylog=True)
    pyplot.close(figure)


def test_positions(request_: Any, ours: Any) -> None:
    enhanced = request_.retrieveEnhancedPos(returnData=True)
    assert enhanced["GotPos"] is False
    assert request_.retrieveAstromPos(returnData=True)["GotPos"] is False
    standard = request_.retrieveStandardPos(returnData=True)
    mine = ours.standard_position
    assert standard["GotPos"] is True
    assert standard["FromSXPS"] is False
    assert float(standard["RA"]) == mine.coord.ra.deg
    assert float(standard["Dec"]) == mine.coord.dec.deg
    assert float(standard["Err90"]) == mine.radius.to_value(u.arcsec)


def test_spectra(request_: Any, ours: Any) -> None:
    theirs = request_.retrieveSpectralFits(returnData=True)
    assert theirs["T0"] == 608713541.952
    assert theirs["rnames"] == ["interval0"]
    block = theirs["interval0"]
    for mode in block["Modes"]:
        mine = next(one for one in ours.spectrum.count_spectra if one.stem == f"interval0{mode.lower()}")
        assert block[mode]["Exposure"] == mine.exposure.to_value(u.s)
        assert block[mode]["MeanTime"] == pytest.approx(mine.mean_met.to_value(u.s) - 608713541.952, abs=1e-6)
        assert "NOFIT" in block[mode]
    assert len(block["Modes"]) == len(ours.spectrum)


def test_spectra_in_its_default_mode(request_: Any) -> None:
    request_.deprecate = True
    try:
        theirs = request_.retrieveSpectralFits()
    finally:
        request_.deprecate = False
    assert theirs["rnames"] == ["interval0"]
    assert theirs["interval0"]["DataFile"].endswith("interval0.tar.gz")


def test_downloads(request_: Any, tmp_path: Path) -> None:
    paths = request_.downloadProducts(str(tmp_path / "new"), format="zip")
    assert set(paths) == {"LightCurve", "Spectrum", "StandardPos", "EnhancedPos", "AstromPos"}
    for name, path in paths.items():
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert archive.namelist(), name


def test_errors_reach_the_user(url: str) -> None:
    request = prods.XRTProductRequest("stranger@example.org", silent=True)
    request._baseURL = f"{url}/user_objects"
    request.setGlobalPars(getTargs=True, getCoords=True, name=NAME, centroid=False, useSXPS=False)
    request.addImage()
    assert not request.submit()
    assert "not recognised" in request.submitError


def test_our_client_sees_the_same_products(ours: Any) -> None:
    assert set(ours) == {Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.STANDARD_POSITION}
    assert set(ours.failed) == {Kind.ENHANCED_POSITION, Kind.ASTROMETRIC_POSITION}
