"""The commands, as a user types them."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import swiftxrt
from swiftxrt.cli.main import main
from swiftxrt.config import cache_folder, data_folder
from swiftxrt.exceptions import SwiftXRTWarning

FILES = (
    *("lightcurve.ecsv", "lightcurve.fits", "lightcurve.png", "spectrum.pha", "spectrum_bkg.pha", "spectrum.png"),
    *("image.fits", "image.png", "position.reg", "request.yaml", "summary.txt"),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "swiftxrt-demo"
    errors = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(errors),
        swiftxrt.conf.set_temp("data_dir", str(tmp_path_factory.mktemp("data") / "none")),
        swiftxrt.conf.set_temp("cache_dir", str(tmp_path_factory.mktemp("cache") / "none")),
    ):
        warnings.simplefilter("always", SwiftXRTWarning)
        assert main(["demo", "--output", str(output)]) == 0
        assert not data_folder().exists()  # the user's job book has nothing of it
        assert not cache_folder().exists()
    # The burst has faded in the last observation, and the user is told; its photons do not pile up in this scene.
    assert "CentroidWarning: light curve: no centroid in 1 PC observations" in errors.getvalue()
    assert "PileUpWarning" not in errors.getvalue()
    return output


def test_demo_writes_all_files(demo: Path) -> None:
    assert [name for name in FILES if not (demo / name).is_file()] == []
    assert sorted(path.name for path in (demo / "archives").iterdir()) == [
        *("image.tar.gz", "lc.tar.gz", "psf.tar.gz", "spec.tar.gz"),
    ]


def test_demo_products_can_be_read(demo: Path) -> None:
    curve = swiftxrt.LightCurve.read(demo / "lightcurve.ecsv")
    assert curve.equals(swiftxrt.LightCurve.read(demo / "lightcurve.fits", format="ogip.lc"))
    assert set(curve["mode"]) == {"PC", "WT"}
    assert curve.upper_limits is not None
    spectrum = swiftxrt.CountSpectrum.read(demo / "spectrum.pha")
    assert spectrum.counts.sum() > 100
    assert spectrum.background.counts.sum() > 0
    assert swiftxrt.SkyImage.read(demo / "image.fits").counts.data.sum() > 100
    request = swiftxrt.XRTRequest.read(demo / "request.yaml")
    assert len(request.kinds) == 6
    with fits.open(demo / "spectrum.pha") as hdus:
        hdus.verify("exception")


def test_demo_finds_what_was_simulated(demo: Path) -> None:
    summary = (demo / "summary.txt").read_text()
    assert "SIM_GRB 200416A" in summary
    assert "No astrometric position" in summary
    assert "it was cancelled" in summary
    assert "UVOT" in summary
    # Index of the scene.
    indices = [float(text) for text in re.findall(r"  PowerLaw .*photon_index = ([\d.]+) \(-", summary)]
    assert indices == pytest.approx([1.95, 1.95], abs=0.2)
    offset = next(line for line in summary.splitlines() if "offset from target" in line)
    assert float(offset.split()[-2]) < 5.0


def test_demo_refuses_a_folder_with_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["demo", "--output", str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_demo_names_the_observations_there_are(
    small_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(
        ["demo", "--archive", str(small_archive), "--obsid", "00012345001", "--output", str(tmp_path / "new")]
    )
    assert status == 1
    assert "09999002000" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_demo_says_where_observations_are_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["demo", "--archive", str(tmp_path / "empty"), "--output", str(tmp_path / "new")]) == 1
    told = capsys.readouterr().err
    assert "no XRT event file below" in told
    assert "<obsid>/xrt/event/sw<obsid>" in told


def test_demo_wants_a_real_obsid(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--obsid", "12"])
    assert "eleven digits" in capsys.readouterr().err


def test_demo_on_a_real_observation(validation_data: Path, tmp_path: Path) -> None:
    archive = validation_data / "deepsky_archive_obs" / "obs" / "2014_11"
    output = tmp_path / "real"
    assert main(["demo", "--archive", str(archive), "--obsid", "00085374001", "--output", str(output)]) == 0
    assert [name for name in FILES if not (output / name).is_file()] == []
    offset = next(line for line in (output / "summary.txt").read_text().splitlines() if "offset from target" in line)
    assert float(offset.split()[-2]) < 5.0


def test_simulate_is_repeatable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert main(["simulate", str(tmp_path / name), "--seed", "7"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2
    first, second = (
        [swiftxrt.EventList.read(path) for path in sorted((tmp_path / name).rglob("*.evt.gz"))] for name in ("a", "b")
    )
    assert first == second
    assert np.sum([len(events) for events in first]) > 1000
    assert main(["simulate", str(tmp_path / "a")]) == 1
    assert "replace them with --overwrite" in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "a"), "--seed", "8", "--overwrite"]) == 0
    other = [swiftxrt.EventList.read(path) for path in sorted((tmp_path / "a").rglob("*.evt.gz"))]
    assert len(other) == len(first)
    assert other != first


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_missing_extra_is_named(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("swiftxrt.server", "swiftxrt.cli.", package))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("demo", "serve"):
        monkeypatch.delattr(f"swiftxrt.cli.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["serve", "--archive", str(tmp_path)]) == 1
    assert "swiftxrt[server]" in capsys.readouterr().err


def test_files_that_cannot_be_written_are_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["simulate", str(tmp_path / "file" / "below")]) == 1
    assert "file" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert swiftxrt.__version__ in capsys.readouterr().out
