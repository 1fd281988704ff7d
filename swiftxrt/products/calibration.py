"""What a calibration of the XRT provides to whatever measures with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..mission import Mode
from .response import ARF, RMF

__all__ = [
    "CALIBRATION_FILE",
    "EMBEDDED_NAME",
    "Calibration",
    "Coefficients",
    "PSFCoefficients",
    "VignettingCoefficients",
    "is_embedded",
]

#: Header keyword of a response: the calibration file it is, or is made from.
CALIBRATION_FILE = "CALFILE"
#: Its value for what comes with the package.
EMBEDDED_NAME = "embedded approximation"

#: c0, c1, c2, c3 of ``c0 + c1 t + c2 e + c3 e t`` with t = off-axis angle / 0.1 arcmin and e = energy / 0.1 keV.
Coefficients = tuple[float, float, float, float]


@dataclass(frozen=True)
class PSFCoefficients:
    """Coefficients of the point spread function: a Gaussian core and a King profile.

    The profile at a distance r is proportional to
    ``P0 exp(-r**2 / (2 P1**2)) + (1 - P0) (1 + (r / P2)**2)**-P3``. Each of P0
    to P3 depends on energy and off-axis angle as ``c0 + c1 t + c2 e + c3 e t``
    with t = angle / 0.1 arcmin and e = energy / 0.1 keV.

    Parameters
    ----------
    name : str
        Calibration file they come from, for notes and provenance.
    gauss_fraction : tuple of 4 floats
        P0, height of the Gaussian relative to the sum at r = 0.
    gauss_sigma : tuple of 4 floats
        P1, standard deviation of the Gaussian in sky pixels.
    core : tuple of 4 floats
        P2, core radius of the King profile in sky pixels.
    slope : tuple of 4 floats
        P3, exponent of the King profile.
    """

    name: str
    gauss_fraction: Coefficients
    gauss_sigma: Coefficients
    core: Coefficients
    slope: Coefficients


@dataclass(frozen=True)
class VignettingCoefficients:
    """Coefficients of the vignetting ``1 - (p0 p1**E + p2) angle**2``, E in keV, angle in arcmin.

    Parameters
    ----------
    name : str
        Calibration file they come from, for notes and provenance.
    p0, p1, p2 : float
        The coefficients.
    """

    name: str
    p0: float
    p1: float
    p2: float


def is_embedded(response: ARF | RMF) -> bool:
    """Whether a response comes from the approximate tables of the package."""
    return response.header.get(CALIBRATION_FILE) == EMBEDDED_NAME


class Calibration(Protocol):
    """Point spread function, vignetting, effective area and redistribution of the XRT.

    `swiftxrt.engine.calibration.EMBEDDED` comes with the package;
    `swiftxrt.io.caldb.open_caldb` reads calibration files.
    """

    @property
    def vignetting(self) -> VignettingCoefficients:
        """Loss of area off axis."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """Files, or embedded tables, that this calibration is made of."""
        ...

    def psf(self, mode: Mode) -> PSFCoefficients:
        """Point spread function of a mode."""
        ...

    def arf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> ARF:
        """Area of mirror and filter on axis, without loss of PSF.

        Parameters
        ----------
        mode : Mode
            Mode of the CCD.
        grades : tuple of int
            Lowest and highest event grade.
        met : float
            When, in MET seconds.
        substrate : int, optional
            Substrate voltage of the CCD in V (header keyword ``XRTVSUB``): 0
            or 6; that of the date when not given.
        """
        ...

    def rmf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> RMF:
        """Redistribution matrix with the efficiency of the CCD in it; parameters as those of `arf`."""
        ...
