"""Products made by the tasks of HEASoft, here by stand-ins that are strict about their parameters."""

from __future__ import annotations

import gc
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt import (
    AllData,
    EventList,
    ImageRequest,
    LightCurveRequest,
    Observations,
    ObsidSlices,
    Scene,
    SnapshotBinning,
    SnapshotSlices,
    Source,
    SpectrumRequest,
    SwiftXRTClass,
    Target,
    TimeBinning,
    XRTRequest,
    simulate_observations,
)
from swiftxrt.backends.local.heasoft import build
from swiftxrt.exceptions import HEASoftError, ProductNotAvailableError, RequestError
from swiftxrt.mission import Mode

from .conftest import FakeHEASoft, install

TARGET = Target("SIM_star")
FIRST, SECOND = "09999004000", "09999004001"
ONE = Observations(FIRST)
BINNING = TimeBinning(pc_bin=50 * u.s, wt_bin=10 * u.s)
REQUEST = XRTRequest(
    target=TARGET,
    spectrum=SpectrumRequest(),
    image=ImageRequest(bands="0.5-10 keV"),
    light_curve=LightCurveRequest(binning=BINNING),
)


def _without_path(events: Any, name: str) -> Any:
    """As events of several files, which were joined."""
    return None if name == "path" else object.__getattribute__(events, name)


class Made:
    """Products of both observations, by HEASoft and by the engine of this package."""

    def __init__(self, heasoft: FakeHEASoft, archive: Path) -> None:
        self.heasoft = heasoft
        before = Path.cwd()
        with SwiftXRTClass(backend="local", archive=archive, caldb="v004", engine="heasoft") as client:
            self.epochs = client.make_epochs(REQUEST, [FIRST, SECOND])
        assert Path.cwd() == before
        with SwiftXRTClass(backend="local", archive=archive, caldb="v004") as client:
            self.expected = client.make_epochs(REQUEST, [FIRST])[FIRST]

    def calls(self, task: str) -> list[dict[str, Any]]:
        return [call for call in self.heasoft.calls if call["task"] == task]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, observed: Path, calibration_folder: Path) -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as patch:
        heasoft = install(tmp_path_factory.mktemp("stand ins") / "heasoft", calibration_folder, patch)
        yield Made(heasoft, observed)


@pytest.fixture
def xrt(heasoft: FakeHEASoft, observed: Path) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(backend="local", archive=observed, caldb="v004", engine="heasoft") as client:
        yield client


def test_all_products_of_both_observations(made: Made) -> None:
    assert list(made.epochs) == [FIRST, SECOND]
    assert [dict(products.failed) for products in made.epochs.values()] == [{}, {}]


def test_a_spectrum_has_the_counts_of_the_region(made: Made, calibration_folder: Path) -> None:
    (counted,), (expected,) = (one.spectrum.count_spectra for one in (made.epochs[FIRST], made.expected))
    assert counted.source_region == expected.source_region
    np.testing.assert_array_equal(counted.counts, expected.counts)
    assert counted.exposure.to_value(u.s) == pytest.approx(expected.exposure.to_value(u.s), rel=1e-6)
    assert counted.is_grouped
    assert counted.arf.area_at(1 * u.keV) == 120 * u.cm**2
    assert counted.rmf.matrix.shape == (240, 1024)
    assert counted.background is not None
    assert made.calls("ftgrouppha")[0]["parameters"]["respfile"] == str(calibration_folder / "swxpc.rmf")
    (spectral,) = [
        call["parameters"]
        for call in made.calls("xrtproducts")
        if call["parameters"]["phafile"] != "NONE" and FIRST in call["parameters"]["infile"]
    ]
    assert spectral["expofile"] == "x_ex.img"
    assert (spectral["bkgextract"], spectral["correctlc"]) == ("yes", "no")


def test_the_provenance_tells_the_commands_and_no_folders(made: Made, observed: Path) -> None:
    provenance = made.epochs[FIRST].spectrum.count_spectra[0].provenance
    assert provenance.software == "HEASoft 29Jan2017_V6.20"
    (ran,) = [note for note in provenance.notes if note.startswith("ran xrtproducts")]
    assert f"infile=sw{FIRST}xpcw3po_cl.evt.gz" in ran
    assert not [note for note in provenance.notes if str(observed) in note or "/tmp" in note]


def test_tasks_share_no_parameter_files_and_leave_nothing(made: Made) -> None:
    folders = {call["pfiles"].split(";")[0] for call in made.heasoft.calls}
    assert len(folders) == 6  # three products of two observations
    assert not any(Path(folder).exists() for folder in folders)
    assert {call["folder"] for call in made.heasoft.calls} == {str(Path(folder).parent) for folder in folders}


def test_an_image_has_the_map_of_the_task(made: Made) -> None:
    (image,), (expected,) = (one.image for one in (made.epochs[FIRST], made.expected))
    np.testing.assert_array_equal(image.counts.data, expected.counts.data)
    assert image.exposure is not None
    assert image.exposure.data.min() == image.exposure.data.max() == pytest.approx(400, rel=0.02)
    assert image.provenance.software.startswith("HEASoft")


def test_a_light_curve_is_corrected_and_without_background(made: Made) -> None:
    curve = made.epochs[FIRST].light_curve.total
    assert set(curve["mode"]) == {"PC"}
    assert set(curve["obsid"]) == {FIRST}
    assert len(curve) in (8, 9)
    (parameters,) = [
        call["parameters"]
        for call in made.calls("xrtproducts")
        if call["parameters"]["lcfile"] != "NONE" and FIRST in call["parameters"]["infile"]
    ]
    assert (parameters["binsize"], parameters["pilow"], parameters["pihigh"]) == ("50.0", "30", "1000")
    assert parameters["correctlc"] == "yes"
    # The stand-in corrects by 1.25.
    spectrum = made.expected.spectrum.count_spectra[0]
    mean = np.average(curve["rate"].value, weights=curve["fractional_exposure"])
    assert mean == pytest.approx(1.25 * spectrum.net_rate.to_value(u.ct / u.s), rel=0.1)
    assert np.all(curve["rate_err_pos"] > 0)


def test_tasks_are_told_exactly_this(made: Made, calibration_folder: Path) -> None:
    events, attitude, frames = f"sw{FIRST}xpcw3po_cl.evt.gz", f"sw{FIRST}sat.fits.gz", f"sw{FIRST}xhd.hk.gz"
    calls = {task: [call["parameters"] for call in made.calls(task)] for task in ("xrtexpomap", "xrtproducts")}
    maps = [one for one in calls["xrtexpomap"] if FIRST in one["infile"]]
    assert maps == [
        {"infile": events, "attfile": attitude, "hdfile": frames, "outdir": ".", "stemout": "x", "vigflag": "no",
         "clobber": "yes"}
    ] * 2  # fmt: skip
    common = {
        "infile": events, "outdir": ".", "stemout": "x", "regionfile": "src.reg", "bkgextract": "yes",
        "bkgregionfile": "bkg.reg", "gtifile": "good.gti", "imagefile": "NONE", "ra": "0.0", "dec": "0.0",
        "radius": "20.0", "clobber": "yes",
    }  # fmt: skip
    spectral, timed = sorted(
        (one for one in calls["xrtproducts"] if FIRST in one["infile"]), key=lambda one: one["lcfile"]
    )
    assert spectral == {
        **common, "expofile": "x_ex.img", "phafile": "s.pha", "bkgphafile": "b.pha", "arffile": "s.arf",
        "lcfile": "NONE", "bkglcfile": "NONE", "correctlc": "no", "attfile": "NONE", "hdfile": "NONE",
    }  # fmt: skip
    assert timed == {
        **common, "expofile": "NONE", "phafile": "NONE", "bkgphafile": "NONE", "lcfile": "s.lc", "bkglcfile": "b.lc",
        "lccorrfile": "c.lc", "binsize": "50.0", "pilow": "30", "pihigh": "1000", "correctlc": "yes", "pcnframe": "0",
        "wtnframe": "0", "attfile": attitude, "hdfile": frames,
    }  # fmt: skip
    assert made.calls("ftgrouppha")[0]["parameters"] == {
        "infile": "s.pha", "outfile": "g.pha", "backfile": "b.pha", "respfile": str(calibration_folder / "swxpc.rmf"),
        "grouptype": "min", "groupscale": "1", "clobber": "yes",
    }  # fmt: skip


def test_windowed_timing_has_its_own_bins(heasoft: FakeHEASoft, tmp_path: Path) -> None:
    star = Source.at(SkyCoord(150.0, 20.0, unit="deg"), rate=5 * u.ct / u.s)
    simulate_observations(Scene.of(star, exposure=100 * u.s, name="star", mode="WT"), tmp_path / "wt")
    with SwiftXRTClass(backend="local", archive=tmp_path / "wt", caldb="v004", engine="heasoft") as xrt:
        curve = xrt.make_light_curve(TARGET, binning=BINNING, data=ONE).total
    assert [call["parameters"]["binsize"] for call in heasoft.calls if call["task"] == "xrtproducts"] == ["10.0"]
    assert set(curve["mode"]) == {"WT"}
    np.testing.assert_allclose(curve["time_err_pos"].to_value(u.s), 5.0)


def test_without_frame_headers_a_spectrum_has_no_map(heasoft: FakeHEASoft, observed: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(observed / FIRST, archive / FIRST)
    shutil.rmtree(archive / FIRST / "xrt" / "hk")
    with SwiftXRTClass(backend="local", archive=archive, caldb="v004", engine="heasoft") as xrt:
        spectrum = xrt.make_spectrum(TARGET, data=ONE)
        with pytest.raises(ProductNotAvailableError, match="needs the housekeeping file of the observation"):
            xrt.make_light_curve(TARGET, binning=BINNING, data=ONE)
    assert [call["task"] for call in heasoft.calls] == ["xrtproducts", "ftgrouppha"]
    assert heasoft.calls[0]["parameters"]["expofile"] == "NONE"
    assert "without attitude and frame headers the ARF knows no bad columns" in spectrum.counts.provenance.notes
    assert spectrum.counts.gti is not None


def test_a_job_that_is_cancelled_ends_its_task(xrt: SwiftXRTClass, heasoft: FakeHEASoft) -> None:
    heasoft.behave("xrtexpomap", "hang")
    child = heasoft.folder / "child"
    job = xrt.submit(XRTRequest(target=TARGET, image=ImageRequest(bands="0.5-10 keV", data=ONE)))
    for _ in range(600):
        if child.exists() and child.read_text():
            break
        time.sleep(0.05)
    job.cancel()
    for _ in range(600):
        try:
            os.kill(int(child.read_text()), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the task goes on")


def test_the_region_is_that_of_the_longest_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    regions = [
        SimpleNamespace(obsid=FIRST, exposure_s=exposure, source_ds9=f"region {exposure}")
        for exposure in (100, 300, 200)
    ]
    extractions = {Mode.PC: SimpleNamespace(regions=regions)}
    monkeypatch.setattr(build, "extract_modes", lambda *_: (extractions, ["left out"]))
    monkeypatch.setattr(build, "region_notes", lambda regions: ["a note"])
    data: Any = SimpleNamespace(of=lambda mode: [SimpleNamespace(obsid=obsid, mode=mode) for obsid in (FIRST, SECOND)])
    found, notes = build._regions(REQUEST.with_defaults(), data, None, lambda *_: None)
    assert {key: region.source_ds9 for key, region in found.items()} == {(FIRST, Mode.PC): "region 300"}
    assert notes[:2] == ("left out", "a note")
    assert notes[2].endswith(f"that of its longest snapshot; the snapshots of {FIRST} differ")
    assert notes[3].endswith(f"no good time: {SECOND} PC")


def test_the_engines_can_be_compared(made: Made) -> None:
    table = made.epochs[FIRST].compare(made.expected).table
    assert {"spectrum", "image", "light_curve"} <= {str(kind).replace(" ", "_") for kind in table["product"]}


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda xrt: xrt.make_position(TARGET), "the tasks of HEASoft do not make it here; engine='swiftxrt' does"),
        (
            lambda xrt: xrt.make_spectra(TARGET, data=AllData()),
            r"take one observation at a time, and there are 2 \(0999900400",
        ),
        (lambda xrt: xrt.make_spectra(TARGET, slices=SnapshotSlices()), "not SnapshotSlices"),
        (lambda xrt: xrt.make_image(TARGET, bands="0.3-10 keV"), "take one observation at a time"),
        (lambda xrt: xrt.make_light_curve(TARGET, binning=SnapshotBinning()), "bins of equal length"),
    ],
)  # fmt: skip
def test_what_heasoft_does_not_make_has_a_reason(xrt: SwiftXRTClass, ask: object, reason: str) -> None:
    with pytest.raises(ProductNotAvailableError, match=reason):
        ask(xrt)  # type: ignore[operator]


def test_an_observation_that_does_not_see_the_source_is_left_out(heasoft: FakeHEASoft, tmp_path: Path) -> None:
    star, far = (SkyCoord(150.0, 20.0 + step, unit="deg") for step in (0.0, 0.212))
    for number, centre in enumerate((star, far)):
        scene = Scene.of(Source.at(centre, rate=0.3 * u.ct / u.s), exposure=200 * u.s, name="star", mode="PC",
                         start=Time("2014-11-01") + number * u.day, target_id=f"0999900{number + 4}")  # fmt: skip
        simulate_observations(scene, tmp_path / "both")
    with SwiftXRTClass(backend="local", archive=tmp_path / "both", caldb="v004", engine="heasoft") as xrt:
        spectra = xrt.make_spectra(
            Target("star", position=star), data=Observations(FIRST, "09999005000"), slices=ObsidSlices()
        )
    (one,) = spectra.count_spectra
    assert one.label == f"Obs_{FIRST}"
    assert [note for note in spectra.provenance.notes if "not in the field of view" in note and "PC" in note]


@pytest.mark.parametrize(
    ("task", "how", "reason"),
    [
        ("xrtproducts", "fail", "xrtproducts failed with status 3: .*no events in the region"),
        ("xrtproducts", "silent", "xrtproducts wrote no s.pha: .*something, but the status is 0"),
        ("xrtexpomap", "silent", "xrtexpomap wrote no x_ex.img"),
    ],
)
def test_a_task_that_fails_has_its_last_words(
    xrt: SwiftXRTClass, heasoft: FakeHEASoft, task: str, how: str, reason: str
) -> None:
    heasoft.behave(task, how)
    with pytest.raises(ProductNotAvailableError, match=reason):
        xrt.make_spectrum(TARGET, data=ONE)


def test_an_observation_that_cannot_be_prepared_leaves_nothing(
    xrt: SwiftXRTClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(EventList, "__getattribute__", _without_path)
    with pytest.raises(ProductNotAvailableError, match="has several event files in mode PC"):
        xrt.make_image(TARGET, bands="0.5-10 keV", data=ONE)
    gc.collect()  # a folder that nobody removed would warn here
    assert not list(tmp_path.glob("sx*"))


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("HEADAS", None, "the environment variable HEADAS is not set; initialise HEASoft"),
        ("HEADAS", "/nowhere", "HEADAS is '/nowhere', which is no folder"),
        ("CALDB", None, "the environment variable CALDB is not set"),
    ],
)
def test_without_heasoft_it_is_said_at_once(
    heasoft: FakeHEASoft, observed: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, match: str
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(HEASoftError, match=match):
        SwiftXRTClass(backend="local", archive=observed, engine="heasoft")


def test_a_task_that_is_missing_is_named(heasoft: FakeHEASoft, observed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (heasoft.folder / "bin" / "ftgrouppha").unlink()
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(HEASoftError, match=f"{re.escape(str(heasoft.folder))} lacks ftgrouppha"):
        SwiftXRTClass(backend="local", archive=observed, engine="heasoft")


def test_engines_have_names(observed: Path) -> None:
    with pytest.raises(
        RequestError, match="must be one of 'swiftxrt', 'heasoft'; got 'heasof'; did you mean 'heasoft'"
    ):
        SwiftXRTClass(backend="local", archive=observed, engine="heasof")
    with pytest.raises(RequestError, match="is for backend='local'"):
        SwiftXRTClass(engine="heasoft")


def test_lists_of_jobs_of_the_engines_differ(xrt: SwiftXRTClass, observed: Path) -> None:
    assert xrt._backend.origin == f"{observed} by heasoft"  # type: ignore[attr-defined]
