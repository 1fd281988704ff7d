"""What the unmodified reference client gets from our server, beside what our client gets for the same job."""

from __future__ import annotations

import gzip
import tarfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt import CountsBinning, ObsidBinning
from swiftxrt.engine import build as engine
from swiftxrt.io.spectrum import read_slice_archive
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.lightcurve import LightCurve, LightCurveSet
from swiftxrt.products.report import Phase

T0 = 608713541.952
USER = "tutorial@example.org"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")

RATES = {
    "Rate": "rate",
    "RatePos": "rate_err_pos",
    "RateNeg": "-rate_err_neg",
    "TimePos": "time_err_pos",
    "TimeNeg": "-time_err_neg",
    "FracExp": "fractional_exposure",
    "BGrate": "background_rate",
    "BGerr": "background_rate_err",
    "CorrFact": "correction_factor",
    "CtsInSrc": "counts",
    "BGInSrc": "background_counts",
    "Exposure": "exposure",
    "Sigma": "significance",
    "SNR": "snr",
    "ObsID": "obsid",
}
#: Our columns by those of each kind of dataset; a minus turns the sign.
COLUMNS: dict[str, dict[str, str]] = {
    "": RATES,
    "UL": {key: value for key, value in RATES.items() if key not in ("Rate", "RatePos", "RateNeg")}
    | {"UpperLimit": "rate"},
    "Hard": {"Rate": "rate", "RateErr": "rate_err_pos", "TimePos": "time_err_pos", "TimeNeg": "-time_err_neg"},
    "Soft": {"Rate": "rate", "RateErr": "rate_err_pos", "TimePos": "time_err_pos", "TimeNeg": "-time_err_neg"},
    "HR": {
        "HR": "hardness_ratio",
        "HRErr": "hardness_ratio_err",
        "TimePos": "time_err_pos",
        "TimeNeg": "-time_err_neg",
        "Exposure": "exposure",
    },
}
_CURVES = {"": "total", "UL": "total", "Hard": "hard", "Soft": "soft", "HR": "hardness_ratio"}
_VARIANTS = {
    "": (),
    "nosys": ("without_systematics",),
    "incbad": ("with_unreliable",),
    "nosys_incbad": ("with_unreliable", "without_systematics"),
}


def rows_of(curves: LightCurveSet, dataset: str) -> Any:
    """Our rows for a dataset of the service, such as ``PCUL_incbad``."""
    name, _, suffix = dataset.partition("_")
    mode, kind = name[:2], name[2:]
    for variant in _VARIANTS[suffix]:
        curves = curves.variants.get(variant, curves)
    curve = curves[_CURVES[kind]]
    wanted = np.asarray(curve["mode"]) == mode
    if kind in ("", "UL"):
        wanted &= np.asarray(curve["is_upper_limit"]) == (kind == "UL")
    return curve[wanted]


def assert_same_curves(theirs: dict[str, Any], curves: LightCurveSet, *, mjd: bool = False) -> None:
    """Every value of every dataset, and no rows beyond them."""
    for dataset in theirs["Datasets"]:
        frame, rows = theirs[dataset], rows_of(curves, dataset)
        assert len(frame) == len(rows) > 0, dataset
        kind = dataset.partition("_")[0][2:]
        assert set(COLUMNS[kind]) <= set(frame.columns) | {"Exposure"}, dataset
        for column, name in COLUMNS[kind].items():
            if column in frame.columns:
                values = np.asarray(rows[name.lstrip("-")])
                values = -values if name.startswith("-") else values
                if mjd and column.startswith("Time"):  # days then, and differences of MJD
                    np.testing.assert_allclose(frame[column], values / 86400, rtol=0, atol=1e-11, err_msg=column)
                else:
                    np.testing.assert_array_equal(frame[column], values, err_msg=f"{dataset} {column}")
        if mjd:
            np.testing.assert_allclose(frame["Time"], rows["time"].utc.mjd, rtol=0, atol=1e-10)
        else:
            np.testing.assert_allclose(frame["Time"], rows.elapsed.to_value(u.s), rtol=0, atol=2e-6)
    for suffix in {name.partition("_")[2] for name in theirs["Datasets"]}:
        for name, kinds in {"total": ("", "UL"), "soft": ("Soft",), "hardness_ratio": ("HR",)}.items():
            tail = f"_{suffix}" if suffix else ""
            sent = [f"{mode}{kind}{tail}" for mode in ("WT", "PC") for kind in kinds if f"{mode}{kind}{tail}" in theirs]
            chosen = curves
            for variant in _VARIANTS[suffix]:
                chosen = chosen.variants.get(variant, chosen)
            assert sum(len(theirs[dataset]) for dataset in sent) == len(chosen[name])


def test_light_curve(attached: Any, ours: Any) -> None:
    theirs = attached.retrieveLightCurve(nosys="no", incbad="no", returnData=True)
    assert theirs is attached.lcData
    assert theirs["Binning"] == "Counts"
    assert theirs["TimeFormat"] == "MET"
    assert theirs["T0"] == T0 == ours.light_curve.total.t0_met
    assert {"WT", "WTHard", "WTSoft", "WTHR", "PC", "PCHard", "PCSoft", "PCHR"} <= set(theirs["Datasets"])
    assert set(theirs["URLs"]) == set(theirs["Datasets"])
    assert len(theirs["WT"]) > 5
    assert len(theirs["PC"]) > 5
    assert_same_curves(theirs, ours.light_curve)


@pytest.mark.parametrize("nosys", ["yes", "no", "both"])
@pytest.mark.parametrize("incbad", ["yes", "no", "both"])
def test_variants_of_the_light_curve(attached: Any, ours: Any, nosys: str, incbad: str) -> None:
    theirs = attached.retrieveLightCurve(nosys=nosys, incbad=incbad, returnData=True)
    suffixes = {name.partition("_")[2] for name in theirs["Datasets"]}
    assert all(("nosys" in suffix) <= (nosys != "no") for suffix in suffixes)
    assert all(("incbad" in suffix) <= (incbad != "no") for suffix in suffixes)
    assert_same_curves(theirs, ours.light_curve)


def test_light_curve_in_its_default_mode(attached: Any, ours: Any) -> None:
    """Old column names, and an answer without being asked for one."""
    plain = attached.retrieveLightCurve(nosys=False, incbad=False, returnData=True)
    attached.deprecate = True
    theirs = attached.retrieveLightCurve(nosys=False, incbad=False)
    old = {"TimePos": "T_+ve", "TimeNeg": "T_-ve", "RatePos": "Ratepos", "RateNeg": "Rateneg", "UpperLimit": "Rate"}
    for dataset in plain["Datasets"]:
        np.testing.assert_array_equal(theirs[dataset], plain[dataset].rename(columns=old))
    np.testing.assert_array_equal(theirs["PC"]["Ratepos"], rows_of(ours.light_curve, "PC")["rate_err_pos"].value)


def test_layout_for_older_clients(attached: Any, prods: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server sends to a client before 1.10 is what this one makes of today's layout for its old users."""
    attached.deprecate = True
    made_there = attached.retrieveLightCurve()
    monkeypatch.setattr(prods.XRTProductRequest, "_apiVer", "1.9")
    sent = attached.retrieveLightCurve()
    for dataset in made_there["Datasets"]:
        wanted = made_there[dataset].drop(columns=["ObsID", "Snapshot"], errors="ignore")  # told for all bins today
        assert list(sent[dataset].columns) == list(wanted.columns)
        np.testing.assert_array_equal(sent[dataset], wanted)


def test_plot(attached: Any, ours: Any) -> None:
    """It draws our rates; the name of a file is not heeded there."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    attached.retrieveLightCurve(nosys="no", incbad="no")
    figure, axes = attached.plotLC(xlog=True, ylog=True)
    drawn = [np.asarray(line.get_ydata()) for line in axes.lines]
    pyplot.close(figure)
    assert any(np.array_equal(one, rows_of(ours.light_curve, "PC")["rate"].value) for one in drawn)
    assert any(np.array_equal(one, rows_of(ours.light_curve, "WT")["rate"].value) for one in drawn)
    assert axes.get_xlabel() == f"Time since MET={T0} (s)"


def test_standard_position(attached: Any, ours: Any) -> None:
    theirs = attached.retrieveStandardPos(returnData=True)
    assert theirs is attached.standardPos
    mine = ours.standard_position
    assert (theirs["GotPos"], theirs["FromSXPS"]) == (True, False)
    found = [float(theirs[key]) for key in ("RA", "Dec", "Err90")]
    assert found == [mine.coord.ra.deg, mine.coord.dec.deg, mine.radius.to_value(u.arcsec)]
    with pytest.raises(TypeError, match="not supported"):
        _ = attached.status  # spoiled by the call


def test_positions_that_there_are_not(attached: Any, ours: Any) -> None:
    """UVOT is needed for the one, the other was cancelled."""
    for retrieve, name, kind in (
        (attached.retrieveEnhancedPos, "enhancedPos", Kind.ENHANCED_POSITION),
        (attached.retrieveAstromPos, "astromPos", Kind.ASTROMETRIC_POSITION),
    ):
        theirs = retrieve(returnData=True)
        assert theirs["GotPos"] is False
        assert theirs["Reason"] == "No position could be determined."
        assert getattr(attached, name) is theirs
        assert ours.failed[kind]


def test_source_list(attached: Any, ours: Any) -> None:
    theirs = attached.retrieveSourceList(returnData=True)
    assert list(theirs) == ["Total", "Soft", "Medium", "Hard"]
    assert [band.lower() for band in theirs] == list(ours.sources)
    assert len(theirs["Total"]) >= 1
    for band, sources in theirs.items():
        mine = ours.sources[band.lower()]
        assert len(sources) == len(mine) == len(attached.sourceList[band])
        pairs = {
            "sno": mine["source_number"],
            "x": mine["x"].to_value(u.pix),
            "y": mine["y"].to_value(u.pix),
            "ra": mine["position"].ra.deg,
            "dec": mine["position"].dec.deg,
            "err90": mine["position_err"].to_value(u.arcsec),
            "C": mine["counts"].to_value(u.ct),
        }
        for key, values in pairs.items():
            np.testing.assert_allclose([source[key] for source in sources], values, rtol=1e-12, err_msg=f"{band} {key}")
            assert all(isinstance(cell, str) for cell in attached.sourceList[band][key]) or not len(sources)
        for name in mine.colnames:  # ours beyond those of the service
            if name in sources[0] and name not in pairs:
                values = [float(source[name]) for source in sources]  # it leaves "nan" as it comes
                np.testing.assert_allclose(values, u.Quantity(mine[name]).value, rtol=1e-12, err_msg=f"{band} {name}")
        signs = {"ra_pos": "ra_err_pos", "ra_neg": "-ra_err_neg", "dec_pos": "dec_err_pos", "dec_neg": "-dec_err_neg"}
        for key, name in signs.items():
            wanted = mine[name.lstrip("-")].to_value(u.deg) * (-1 if name.startswith("-") else 1)
            if key.startswith("ra"):  # on the wire they are differences of coordinates
                wanted = wanted / np.cos(mine["position"].dec.rad)
            np.testing.assert_allclose([source[key] for source in sources], wanted, rtol=1e-9, err_msg=f"{band} {key}")


def test_spectra(attached: Any, ours: Any) -> None:
    theirs = attached.retrieveSpectralFits(returnData=True)
    assert theirs is attached.specData
    assert theirs["T0"] == T0
    assert theirs["DeltaFitStat"] == 2.706
    assert theirs["rnames"] == ["interval0"]
    block = theirs["interval0"]
    assert {f"interval0{mode.lower()}" for mode in block["Modes"]} == set(ours.spectrum)
    for mode in block["Modes"]:
        stem = f"interval0{mode.lower()}"
        mine = ours.spectrum[stem].counts
        assert block[mode]["Exposure"] == mine.exposure.to_value(u.s)
        assert block[mode]["MeanTime"] == pytest.approx(mine.mean_met.to_value(u.s) - T0, abs=1e-6)
        assert block[mode]["Models"] == ["PowerLaw"]
        fit = ours.spectrum.fits[stem]["PowerLaw"]
        assert block[mode]["PowerLaw"]["Gamma"] == fit.parameters["photon_index"].value.value
        assert block[mode]["PowerLaw"]["ObsFlux"] == fit.flux_observed.value.value
        assert block[mode]["PowerLaw"]["Dof"] == fit.dof


def test_spectra_in_its_default_mode(attached: Any) -> None:
    attached.deprecate = True
    theirs = attached.retrieveSpectralFits()
    assert theirs["rnames"] == ["interval0"]
    assert theirs["interval0"]["DataFile"].endswith("interval0.tar.gz")
    with pytest.raises(RuntimeError, match="old structure"):
        attached.saveSpectralData()


def test_files_of_the_spectra(attached: Any, ours: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="until you download"):
        attached.saveSpectralData()
    attached.retrieveSpectralFits()
    attached.saveSpectralData(destDir=str(tmp_path / "spec"), saveImages=False)
    read = {one.stem: one for one in read_slice_archive(tmp_path / "spec" / "interval0.tar.gz")}
    assert read == {stem: spectrum.counts for stem, spectrum in ours.spectrum.items()}
    monkeypatch.chdir(tmp_path)  # extracting leaves the process in another folder
    attached.saveSpectralData(destDir=str(tmp_path / "out"), saveImages=False, extract=True, removeTar=True)
    for stem, spectrum in ours.spectrum.items():
        (path,) = (tmp_path / "out").rglob(f"{stem}source.pi")
        with fits.open(path) as hdus:
            np.testing.assert_array_equal(hdus["SPECTRUM"].data["COUNTS"], spectrum.counts.counts)


@pytest.fixture(scope="module")
def archives(tutorial: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives") / "files"
    tutorial.downloadProducts(str(folder), format="tar.gz", stem="my_")
    for path in folder.glob("my_*.tar.gz"):
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    return folder / f"USERPROD_{tutorial.JobID}"


def test_images_in_the_archive(archives: Path, ours: Any) -> None:
    lines = (archives / "image" / "images.log").read_text().splitlines()
    assert [line.split("\t") for line in lines] == [["1", "0.3", "10"], ["2", "1", "4"]]
    for number, image in enumerate(ours.image, start=1):
        with gzip.open(archives / "image" / f"image{number}.img.gz") as file, fits.open(file) as hdus:
            np.testing.assert_array_equal(hdus[0].data, image.counts.data)
            assert hdus[0].header["CRVAL1"] == image.wcs.wcs.crval[0]
    with gzip.open(archives / "image" / "summed_ex.img.gz") as file, fits.open(file) as hdus:
        np.testing.assert_array_equal(hdus[0].data, ours.image[0].exposure.data)


def test_light_curve_files_in_the_archive(archives: Path, ours: Any) -> None:
    for mode in ("WT", "PC"):
        curve = LightCurve.read(archives / "lc" / f"{mode}CURVE.qdp", format="ukssdc.qdp")
        mine = rows_of(ours.light_curve, mode)
        np.testing.assert_allclose(curve["rate"].value, mine["rate"].value, rtol=1e-5)


# Rebinning: parameters as the reference client takes them, and the same for ours.
REBINNINGS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "obsid": ({"binMeth": "obsid"}, ObsidBinning(), {}),
    "counts": (
        {"binMeth": "counts", "pcCounts": 40, "wtCounts": 60, "dynamic": False, "timeFormat": "m"},
        CountsBinning(pc_counts=40, wt_counts=60, dynamic=False),
        {"time_format": "m"},
    ),
}


@pytest.mark.parametrize("name", REBINNINGS)
def test_rebinning(
    name: str, attached: Any, job: Job, wait: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters, binning, fields = REBINNINGS[name]
    attached.rebinLightCurve(**parameters)
    assert isinstance(attached.RebinID, int)
    assert set(attached.checkRebinStatus()) == {"statusCode", "statusText"}
    wait(attached.rebinComplete)
    assert attached.checkRebinStatus() == {"statusCode": 4, "statusText": "Complete"}
    theirs = attached.getRebinnedLightCurve(returnData=True, nosys="no", incbad="no", destDir=str(tmp_path / "lc"))
    rebinned = job.rebin(binning, **fields)
    assert rebinned.kinds == (Kind.LIGHT_CURVE,)
    mine = rebinned.result(timeout=5 * u.min, progress=False).light_curve
    assert mine.total.binning == name
    assert_same_curves(theirs, mine, mjd="time_format" in fields)
    assert theirs["Binning"] == {"obsid": "ObsID", "counts": "Counts"}[name]
    assert theirs["TimeFormat"] == ("MJD" if fields else "MET")
    saved = LightCurve.read(tmp_path / "lc" / "PCCURVE.qdp", format="ukssdc.qdp", t0_met=T0)
    np.testing.assert_allclose(saved["rate"].value, rows_of(mine, "PC")["rate"].value, rtol=1e-5)
    assert "ERROR" not in capsys.readouterr().out


def test_cancelling_a_rebinning(attached: Any, prods: Any, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The method is broken there: inside a class its name is changed; the function behind it works."""
    go_on = threading.Event()
    build = engine.build_product

    def held_up(*args: Any, **kwargs: Any) -> Any:
        assert go_on.wait(300)
        return build(*args, **kwargs)

    monkeypatch.setattr(engine, "build_product", held_up)
    cancel = prods.prod_request.dl._cancelRebin
    try:
        attached.rebinLightCurve(binMeth="snapshot")
        mine = job.rebin(ObsidBinning())
        with pytest.raises(AttributeError, match="cancelRebin"):
            attached.cancelRebin()
        assert cancel(attached.RebinID) is True
        assert cancel(attached.RebinID) is False  # it has ended
        assert mine.cancel().products[Kind.LIGHT_CURVE].phase is Phase.ABORTED
        assert mine.cancel().products[Kind.LIGHT_CURVE].phase is Phase.ABORTED
    finally:
        go_on.set()
    assert attached.checkRebinStatus() == {"statusCode": -4, "statusText": "Cancelled at your request"}
    assert not attached.rebinComplete()
    with pytest.raises(RuntimeError, match="not complete"):
        attached.getRebinnedLightCurve(returnData=True)


def test_rebinning_what_cannot_be(attached: Any, prods: Any) -> None:
    with pytest.raises(RuntimeError, match="error occurred"):
        attached.rebinLightCurve(binMeth="moon")
    attached._jobID = "987654"
    with pytest.raises(RuntimeError, match="error occurred"):
        attached.rebinLightCurve(binMeth="obsid")
    with pytest.raises(RuntimeError, match="error occurred"):
        prods.prod_request.dl._checkRebinStatus(987654)


def test_warnings_are_about_nothing_else(attached: Any) -> None:
    """The server does not make the reference client warn of an old version."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        attached.checkProductStatus()
    assert not [one for one in caught if "latest version" in str(one.message)]
