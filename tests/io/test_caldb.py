"""Calibration files: which are found, which is chosen, and what is said when none fits."""

from __future__ import annotations

import gzip
import pickle
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

from swiftxrt import conf
from swiftxrt.engine.calibration import PSF_V004, PSF_V006, VIGNETTING
from swiftxrt.exceptions import CalibrationWarning, FormatError, NoDataError, RequestError
from swiftxrt.io.caldb import open_caldb, substrate_at
from swiftxrt.met import time_to_met
from swiftxrt.mission import Mode
from tests.caldb_files import CPF, MATRICES, psf_table, save, vignetting_table, write_caldb


def met(day: str) -> float:
    return float(time_to_met(Time(day, scale="utc")))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_caldb(tmp_path)


def test_newest_coefficients_of_each_mode(tree: Path) -> None:
    calibration = open_caldb(tree)
    assert calibration is not None
    assert calibration.psf(Mode.PC) == PSF_V006
    assert astuple(calibration.psf(Mode.WT))[1:] == astuple(PSF_V004)[1:]
    assert calibration.vignetting == VIGNETTING
    assert calibration.sources == ("swxpsf20010101v006.fits", "swxvign20010101v001.fits")


@pytest.mark.parametrize("place", [".", "data/swift/xrt"])
def test_tree_is_found_from_either_end(tree: Path, place: str) -> None:
    assert open_caldb(tree / place).psf(Mode.PC) == PSF_V006


@pytest.mark.parametrize(
    ("mode", "grades", "day", "substrate", "value"),
    [
        (Mode.PC, (0, 12), "2006-12-30", None, 0.1),
        (Mode.PC, (0, 12), "2007-08-20", None, 0.2),
        (Mode.PC, (0, 12), "2007-09-10", None, 0.3),
        (Mode.PC, (0, 12), "2012-12-30", None, 0.3),
        (Mode.PC, (0, 12), "2013-01-02", None, 0.5),  # the higher version
        (Mode.PC, (0, 4), "2020-01-01", None, 0.6),
        (Mode.PC, (0, 0), "2020-01-01", None, 0.7),
        (Mode.WT, (0, 2), "2020-01-01", None, 0.8),  # not that for one position in the window
        (Mode.PC, (0, 12), "2020-01-01", 0, 0.2),  # the voltage of the header counts
    ],
)
def test_matrix_of_mode_grades_date_and_voltage(
    tree: Path, mode: Mode, grades: tuple[int, int], day: str, substrate: int | None, value: float
) -> None:
    rmf = open_caldb(tree).rmf(mode, grades, met(day), substrate)
    assert rmf.matrix.max() == value
    assert MATRICES[rmf.header["CALFILE"]] == value


def test_area(tree: Path) -> None:
    arf = open_caldb(tree).arf(Mode.WT, (0, 2), met("2020-01-01"))
    assert arf.effective_area.value.tolist() == [90.0] * 8
    assert arf.header["CALFILE"] == "swxwt0to2s6_20010101v014.arf"


def test_voltage_of_the_date() -> None:
    assert [substrate_at(met(day)) for day in ("2007-08-30", "2007-09-01")] == [0, 6]


def test_missing_file_says_what_was_looked_for(tree: Path) -> None:
    calibration = open_caldb(tree)
    with pytest.raises(NoDataError) as caught:
        calibration.rmf(Mode.WT, (0, 0), met("2010-03-04"))
    for word in ("RMF", "WT mode", "grades 0 to 0", "6 V", "2010-03-04", "swxwt0s6_*.rmf", "swxwt0to2s6_20131212v015"):
        assert word in str(caught.value)


def test_index_tells_bad_files(tree: Path) -> None:
    names = ["swxpsf20010101v006.fits", "swxpsf20010101v006.fits", "swxpsf20010101v004.fits"]
    index = fits.BinTableHDU.from_columns(
        [fits.Column("CAL_FILE", "40A", array=names), fits.Column("CAL_QUAL", "I", array=[5, 5, 0])], name="CIF"
    )
    save(tree / "data/swift/xrt/caldb.indx", index)
    assert open_caldb(tree).psf(Mode.PC) == PSF_V004


def test_flat_folder_with_other_names_and_gzip(tree: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for kind in ("psf", "vign"):
        for path in (tree / CPF / kind).iterdir():
            path.rename(flat / path.name)
    (flat / "my_swxpc0to12s6_20130101v014.rmf.gz").write_bytes(
        gzip.compress((tree / CPF / "rmf" / "swxpc0to12s6_20130101v014.rmf").read_bytes())
    )
    header = fits.Header()
    header.update(CCNM0001="SPECRESP", CBD10001="DATAMODE(PHOTON)", CBD20001="GRADE(G0:12)", CBD30001="XRTVSUB(6)")
    header["CVSD0001"] = "2009-01-01"
    area = fits.BinTableHDU.from_columns(
        [
            fits.Column(name, "D", array=[value])
            for name, value in (("ENERG_LO", 0.5), ("ENERG_HI", 1.5), ("SPECRESP", 7.0))
        ],
        header=header,
        name="SPECRESP",
    )
    save(flat / "own.arf", area)
    (flat / "notes.txt").write_text("not a calibration file")
    calibration = open_caldb(flat)
    assert calibration.rmf(Mode.PC, (0, 12), met("2020-01-01")).header["CALFILE"] == "my_swxpc0to12s6_20130101v014.rmf"
    assert calibration.arf(Mode.PC, (0, 12), met("2020-01-01")).effective_area.value == [7.0]
    with pytest.raises(NoDataError, match="own.arf"):
        calibration.arf(Mode.PC, (0, 12), met("2008-12-30"))


@pytest.mark.parametrize("kind", ["psf", "vign"])
def test_folder_without_coefficients(tree: Path, kind: str) -> None:
    for path in (tree / CPF / kind).iterdir():
        path.unlink()
    with pytest.raises(NoDataError, match=f"swx{kind}"):
        open_caldb(tree)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="folder with calibration files"):
        open_caldb(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["psf/swxpsf20010101v009.fits", "vign/swxvign20010101v009.fits"])
def test_coefficients_of_another_mission(tree: Path, name: str) -> None:
    tables = [psf_table(PSF_V006, "PSF_COEF")] if "psf" in name else [vignetting_table()]
    save(tree / CPF / name, *tables, origin=("CHANDRA", "ACIS"))
    with pytest.raises(FormatError, match="CHANDRA"):
        open_caldb(tree)


def test_response_of_another_mission(tree: Path) -> None:
    path = tree / CPF / "arf" / "swxpc0to12s6_20010101v013.arf"
    with fits.open(path) as hdus:
        hdus[1].header["TELESCOP"] = "XMM"
        hdus.writeto(tree / CPF / "arf" / "swxpc0to12s6_20010101v020.arf")
    with pytest.raises(FormatError, match="XMM"):
        open_caldb(tree).arf(Mode.PC, (0, 12), met("2020-01-01"))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (psf_table(PSF_V006, "WT_PSF_COEF"), "PC_PSF_COEF or PSF_COEF"),
        (fits.BinTableHDU.from_columns([fits.Column("COEF0", "D", array=np.zeros(4))], name="PSF_COEF"), "COEF1"),
    ],
)
def test_damaged_psf(tree: Path, table: fits.BinTableHDU, problem: str) -> None:
    save(tree / CPF / "psf" / "swxpsf20010101v009.fits", table)
    with pytest.raises(FormatError, match=problem):
        open_caldb(tree)


def test_settings_and_environment(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_caldb() is None
    monkeypatch.setenv("CALDB", str(tree))
    assert open_caldb().folder == tree
    with conf.set_temp("caldb", str(tmp_path / "elsewhere")), pytest.raises(RequestError):
        open_caldb()
    with conf.set_temp("caldb", str(tree)):
        monkeypatch.setenv("CALDB", "")
        assert open_caldb().folder == tree


@pytest.mark.parametrize("place", ["https://heasarc.gsfc.nasa.gov/FTP/caldb", "{tmp}"])
def test_environment_of_another_mission_is_told_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("CALDB", place.format(tmp=tmp_path))
    with pytest.warns(CalibrationWarning, match="CALDB is not used"):
        assert open_caldb() is None


def test_calibration_travels(tree: Path) -> None:
    calibration = open_caldb(tree)
    assert pickle.loads(pickle.dumps(calibration)) == calibration


def test_real_matrix(validation_data: Path, tree: Path) -> None:
    """A matrix of the real CALDB is found by its name, in a folder of its own."""
    real = validation_data / "caldb_like" / "swxpc0to12s6_20130101v014.rmf.gz"
    target = tree / CPF / "rmf" / real.name.replace("v014", "v099")
    target.symlink_to(real)
    rmf = open_caldb(tree).rmf(Mode.PC, (0, 12), met("2020-01-01"), 6)
    assert rmf.matrix.shape == (2400, 1024)
    assert rmf.matrix[300].sum() == pytest.approx(0.849, abs=0.002)
