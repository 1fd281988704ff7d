"""Effective areas, redistribution and flux conversion against official files and published figures.

    SWIFTXRT_VALIDATION_DATA=folder python benchmarks/validation/effective_area.py

``areas``    our ARF over the official one for the regions of four public spectra, with either PSF: at 1.5 keV, and
             smallest and largest ratio over 0.5 to 8 keV relative to that. Bad columns and exposure maps, which the
             official files consider, are not known here. For two of them the correction factor that the service
             worked out (PSF, vignetting and bad columns at 1.5 keV) stands beside ours.
``matrix``   an absorbed power law folded with the embedded matrix over that folded with the matrix of 2013, by band.
``fluxes``   flux per corrected count of absorbed power laws over those of six GCN circulars of the XRT team.

Numbers depend on the files only.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.response_tables import transmission
from swiftxrt.engine.source_models import AbsorbedPowerLaw
from swiftxrt.mission import Mode
from swiftxrt.products.response import ARF, RMF

Floats = NDArray[np.float64]

MET = 6e8
REFERENCE_KEV = 1.5
BAND_KEV = np.linspace(0.5, 8.0, 751)
MATRIX = "caldb_like/swxpc0to12s6_20130101v014.rmf.gz"
CHANNELS = (30, 40, 60, 100, 150, 200, 300, 500, 800, 1000)


@dataclass(frozen=True)
class Case:
    """An official ARF, its region (radii in pixels, half widths of a strip) and what its history says."""

    name: str
    file: str
    mode: Mode
    inner_pix: float
    outer_pix: float
    off_axis_arcmin: float
    psf: str
    correction: float | None = None


SPECTRA, SERVICE = "xrtproducts_spectra", "uk_spec_1ES0647"
CASES = (
    Case("circle 19.1 px", f"{SPECTRA}/2M02594633_00092220001_pc/target_sr.arf", Mode.PC, 0.0, 19.09, 2.28, "v005"),
    Case("circle 20 px", f"{SPECTRA}/OP313_00036384074_pc/swift_xrt_00036384074.arf", Mode.PC, 0.0, 20.0, 3.83, "v006"),
    Case("strip 60 px", f"{SERVICE}/Obs_00032646038.tar.gz", Mode.WT, 0.0, 30.0, 3.03, "v006", 1.13580),
    Case("annulus 5.5-30 px", f"{SERVICE}/Obs_00032646039.tar.gz", Mode.PC, 5.5, 30.03, 5.92, "v006", 4.07659),
)

#: Photon index, column (cm-2), observed and unabsorbed flux per count (1e-11 erg cm-2).
CIRCULARS = (
    (1.56, 4.1e20, 4.2, 4.4),
    (1.89, 4.3e21, 4.2, 6.3),
    (2.05, 3.98e21, 3.8, 6.1),
    (1.97, 1.8e20, 3.2, 3.4),
    (2.38, 7.5e21, 3.7, 8.8),
    (2.3, 1.2e22, 4.4, 11.0),
)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The ARF itself, taken out of an archive of the service."""
    if path.name.endswith(".arf"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as archive:
        member = next(item for item in archive if item.name.endswith(".arf"))
        archive.extract(member, folder, filter="data")
        yield Path(folder) / member.name


def centres(edges: Floats) -> Floats:
    return (edges[1:] + edges[:-1]) / 2


def loss(case: Case, version: str, energy_kev: Floats) -> Floats:
    """PSF fraction times vignetting, without bad pixels."""
    psf = KingPSF.at(energy_kev, case.off_axis_arcmin, EMBEDDED_BY_NAME[version].psf(case.mode))
    held = psf.enclosed if case.mode is Mode.PC else psf.line_enclosed
    return np.asarray((held(case.outer_pix) - held(case.inner_pix)) * vignetting(energy_kev, case.off_axis_arcmin))


def areas(folder: Path) -> None:
    """Sizes and shapes of ARFs."""
    print(f"{'region':18} {'file':5} {'cm2':>6}  PSF  {'ratio':>6} {'shape over 0.5-8 keV':>22} {'1/loss':>7} service")
    on_axis = EMBEDDED.arf(Mode.PC, (0, 12), MET)
    for case in CASES:
        with unpacked(folder / case.file) as path:
            official = ARF.read(path)
        energy = centres(official.energy_edges.value)
        for version in EMBEDDED_BY_NAME:
            ours = np.interp(energy, centres(on_axis.energy_edges.value), on_axis.effective_area.value)
            ours = ours * loss(case, version, energy)
            ratio = np.interp(BAND_KEV, energy, ours / official.effective_area.value)
            middle = float(np.interp(REFERENCE_KEV, BAND_KEV, ratio))
            size = float(np.interp(REFERENCE_KEV, energy, official.effective_area.value))
            factor = 1.0 / float(loss(case, version, np.array([REFERENCE_KEV]))[0])
            print(
                f"{case.name:18} {case.psf:5} {size:6.1f}  {version} {middle:6.3f} "
                f"{ratio.min() / middle:12.3f} {ratio.max() / middle:9.3f} {factor:7.3f} {case.correction or ''}"
            )


def matrix(folder: Path) -> None:
    """Folded spectra."""
    real, ours = RMF.read(folder / MATRIX), EMBEDDED.rmf(Mode.PC, (0, 12), MET)
    energy = centres(ours.energy_edges.value)
    area = np.interp(energy, energy, EMBEDDED.arf(Mode.PC, (0, 12), MET).effective_area.value)
    print("\nchannels       " + "".join(f"{f'{a}-{b}':>9}" for a, b in zip(CHANNELS[:-1], CHANNELS[1:], strict=True)))
    for index, column in ((1.0, 1e20), (2.0, 1e21), (3.0, 1e22)):
        incident = energy**-index * transmission(np.maximum(energy, 0.1), column) * area
        folded, expected = incident @ ours.matrix, incident @ real.matrix
        ratios = [folded[a:b].sum() / expected[a:b].sum() for a, b in zip(CHANNELS[:-1], CHANNELS[1:], strict=True)]
        print(f"{index:3.1f} {column:8.0e}   " + "".join(f"{ratio:9.3f}" for ratio in ratios))


def fluxes() -> None:
    """Conversion factors."""
    print(f"\n{'index':>5} {'column':>8} {'observed':>9} {'unabsorbed':>11}")
    for index, column, observed, unabsorbed in CIRCULARS:
        absorbed, bare = AbsorbedPowerLaw(index, column), AbsorbedPowerLaw(index, 0.0)
        whole = bare.flux_per_rate * bare.rate_cps / absorbed.rate_cps
        print(
            f"{index:5.2f} {column:8.1e} {absorbed.flux_per_rate * 1e11 / observed:9.3f} "
            f"{whole * 1e11 / unabsorbed:11.3f}"
        )


def main() -> None:
    folder = Path(os.environ["SWIFTXRT_VALIDATION_DATA"])
    areas(folder)
    matrix(folder)
    fluxes()


if __name__ == "__main__":
    main()
