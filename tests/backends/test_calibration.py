"""Which calibration the local engine works with, from the argument to the product."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt import SpectrumRequest, SwiftXRT, Target, XRTRequest, conf
from swiftxrt.backends.local.calibration import choose_calibration, name_of
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.engine.calibration import EMBEDDED, PSF_V006
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind
from swiftxrt.mission import Mode
from tests.caldb_files import write_caldb

REQUEST = XRTRequest(target=Target("constant source"), spectrum=SpectrumRequest())


def test_choices(tmp_path: Path) -> None:
    assert choose_calibration() is EMBEDDED
    assert choose_calibration("v006").psf(Mode.PC) == PSF_V006
    assert choose_calibration(write_caldb(tmp_path)).folder == tmp_path
    with conf.set_temp("caldb", "v006"):
        assert choose_calibration().psf(Mode.PC) == PSF_V006
        assert choose_calibration("v004") is EMBEDDED


@pytest.mark.parametrize("choice", ["v004", "v006", "folder"])
def test_name_gives_the_same_calibration_again(tmp_path: Path, choice: str) -> None:
    calibration = choose_calibration(write_caldb(tmp_path) if choice == "folder" else choice)
    assert choose_calibration(name_of(calibration)) == calibration


def test_folder_without_calibration(small_archive: Path, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="swxpsf"):
        LocalBackend(small_archive, caldb=tmp_path)
    with pytest.raises(RequestError, match="folder with calibration files"):
        LocalBackend(small_archive, caldb=tmp_path / "nothing")


def test_what_is_no_calibration_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "caldb").mkdir()
    for given, words in (
        ("nowhere", r"must be a folder with calibration files .*, or 'v004' or 'v006'; there is no folder 'nowhere'$"),
        ("v005", "did you mean 'v00[46]'"),
        (tmp_path / "cladb", "there is no folder '.*cladb'; did you mean 'caldb'"),
        (6, "caldb"),
    ):
        with pytest.raises(RequestError, match=words):
            SwiftXRT(backend="local", caldb=given)
    with pytest.raises(NoDataError, match="swxpsf"):
        SwiftXRT(backend="local", caldb=tmp_path / "caldb")
    assert SwiftXRT(backend="local", caldb="v006")._made == {}


def test_service_takes_no_calibration(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="caldb: is for backend='local'"):
        SwiftXRT(caldb=tmp_path).get_job("1")


def made(backend: LocalBackend):
    handle = backend.submit(REQUEST)
    Job(handle, backend).wait(timeout=2 * u.min, progress=False)
    (spectrum,) = backend.collect(handle, ProductKind.SPECTRUM).count_spectra
    return spectrum


def test_files_reach_the_product(small_archive: Path, tmp_path: Path) -> None:
    with LocalBackend(small_archive, caldb=write_caldb(tmp_path), workers=1) as backend:
        spectrum = made(backend)
    told = " ".join(spectrum.provenance.calibration)
    for name in ("swxpsf20010101v006.fits", "swxpc0to12s6_20010101v013.arf", "swxpc0to12s6_20130101v014.rmf"):
        assert name in told
    assert "approximation" not in told
    assert spectrum.rmf.matrix.max() == 0.5
    assert 50 < spectrum.arf.effective_area.value.max() < 90


def test_embedded_profile_reaches_the_product(small_archive: Path) -> None:
    with LocalBackend(small_archive, caldb="v006", workers=1) as backend:
        spectrum = made(backend)
    assert "swxpsf20010101v006" in spectrum.provenance.calibration[0]
