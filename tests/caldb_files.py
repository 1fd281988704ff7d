"""A small CALDB to write, for tests."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits

from swiftxrt import ARF, RMF
from swiftxrt.engine.calibration import PSF_V004, PSF_V006, VIGNETTING
from swiftxrt.products.calibration import PSFCoefficients

EDGES = np.linspace(0.2, 10.2, 9) * u.keV
CPF = Path("data/swift/xrt/cpf")


def save(path: Path, *hdus: fits.BinTableHDU, origin: tuple[str, str] = ("SWIFT", "XRT")) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for hdu in hdus:
        hdu.header.update(TELESCOP=origin[0], INSTRUME=origin[1])
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)


def psf_table(coefficients: PSFCoefficients, name: str) -> fits.BinTableHDU:
    rows = np.array(astuple(coefficients)[1:])
    columns = [fits.Column("PARAM", "2A", array=["P0", "P1", "P2", "P3"])]
    columns += [fits.Column(f"COEF{k}", "D", array=rows[:, k]) for k in range(4)]
    return fits.BinTableHDU.from_columns(columns, name=name)


def vignetting_table() -> fits.BinTableHDU:
    values = astuple(VIGNETTING)[1:]
    return fits.BinTableHDU.from_columns(
        [fits.Column(f"PAR{k}", "D", array=[value]) for k, value in enumerate(values)], name="VIG_COEF"
    )


def save_area(path: Path, area: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ARF(energy_edges=EDGES, effective_area=np.full(8, area) * u.cm**2).write(path)


def save_matrix(path: Path, value: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = np.eye(8, 1024, k=100) * value
    RMF(matrix=matrix, energy_edges=EDGES, channel_edges=np.linspace(0.0, 10.24, 1025) * u.keV).write(path)


MATRICES = {
    "swxpc0to12s0_20010101v012.rmf": 0.1,
    "swxpc0to12s0_20070101v012.rmf": 0.2,
    "swxpc0to12s6_20010101v014.rmf": 0.3,
    "swxpc0to12s6_20130101v013.rmf": 0.4,
    "swxpc0to12s6_20130101v014.rmf": 0.5,
    "swxpc0to4s6_20130101v014.rmf": 0.6,
    "swxpc0s6_20130101v014.rmf": 0.7,
    "swxwt0to2s6_20131212v015.rmf": 0.8,
    "swxwt0to2s6psf1_20131212v001.rmf": 0.9,
}


def write_caldb(folder: Path) -> Path:
    """A small CALDB with an older and a newer PSF."""
    cpf = folder / CPF
    save(cpf / "psf" / "swxpsf20010101v004.fits", psf_table(PSF_V004, "PSF_COEF"))
    both = (psf_table(PSF_V006, "PC_PSF_COEF"), psf_table(PSF_V004, "WT_PSF_COEF"))
    save(cpf / "psf" / "swxpsf20010101v006.fits", *both)
    save(cpf / "vign" / "swxvign20010101v001.fits", vignetting_table())
    save_area(cpf / "arf" / "swxpc0to12s6_20010101v013.arf", 100.0)
    save_area(cpf / "arf" / "swxwt0to2s6_20010101v014.arf", 90.0)
    for name, value in MATRICES.items():
        save_matrix(cpf / "rmf" / name, value)
    return folder
