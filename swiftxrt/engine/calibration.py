"""The calibration that comes with the package.

Coefficients of the point spread function and the vignetting, and the tables
of `swiftxrt.engine.response_tables`, each with its source. It serves where no
calibration files are at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..mission import Mode
from ..products.calibration import PSFCoefficients, VignettingCoefficients
from ..products.response import ARF, RMF
from .redistribution import embedded_arf, embedded_rmf

__all__ = ["EMBEDDED", "EMBEDDED_BY_NAME", "PSF_V004", "PSF_V006", "VIGNETTING", "EmbeddedCalibration"]

#: ``swxpsf20010101v004.fits``, extension ``PSF_COEF``: a King profile without Gaussian, for both modes.
PSF_V004 = PSFCoefficients(
    name="swxpsf20010101v004",
    gauss_fraction=(0.0, 0.0, 0.0, 0.0),
    gauss_sigma=(1.0, 0.0, 0.0, 0.0),
    core=(2.34732, -3.33966e-3, -8.40089e-4, 2.52944e-4),
    slope=(1.52877, 7.65975e-4, -2.94131e-4, 3.72197e-5),
)

#: The profile of the 2SXPS catalogue (Evans et al. 2020, ApJS 247, 54), which ``swxpsf20010101v006.fits`` is quoted
#: to hold: sigma 7.42 arcsec, core 3.726 arcsec, slope 1.305, for all energies and angles. Its wings are wide: 18 per
#: cent of the events are beyond 20 pixels, against 10 per cent with `PSF_V004`.
PSF_V006 = PSFCoefficients(
    name="swxpsf20010101v006",
    gauss_fraction=(0.075, 0.0, 0.0, 0.0),
    gauss_sigma=(3.149, 0.0, 0.0, 0.0),
    core=(1.581, 0.0, 0.0, 0.0),
    slope=(1.305, 0.0, 0.0, 0.0),
)

#: ``swxvign20010101v001.fits``.
VIGNETTING = VignettingCoefficients(name="swxvign20010101v001", p0=1.248e-4, p1=1.55219, p2=1.85628e-3)


@dataclass(frozen=True)
class EmbeddedCalibration:
    """Coefficients and tables that come with the package.

    Parameters
    ----------
    psf_coefficients : PSFCoefficients, optional
        Point spread function of both modes.
    vignetting : VignettingCoefficients, optional
        Loss of area off axis.

    Examples
    --------
    Use the wider profile of the 2SXPS catalogue:

    >>> from swiftxrt.engine.calibration import PSF_V006, EmbeddedCalibration
    >>> EmbeddedCalibration(PSF_V006).sources[0]
    'swxpsf20010101v006'
    """

    psf_coefficients: PSFCoefficients = PSF_V004
    vignetting: VignettingCoefficients = VIGNETTING

    @property
    def sources(self) -> tuple[str, ...]:
        """What it is made of; see `swiftxrt.products.calibration.Calibration`."""
        return (
            self.psf_coefficients.name,
            self.vignetting.name,
            "embedded effective area and redistribution (since 2013, all grades)",
        )

    def psf(self, mode: Mode) -> PSFCoefficients:
        """Point spread function of a mode."""
        return self.psf_coefficients

    def arf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> ARF:
        """Area on axis: the same table for every mode, grade and date."""
        return embedded_arf()

    def rmf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> RMF:
        """Redistribution of the mode: the same for every grade and date."""
        return embedded_rmf(mode)


#: The calibration used where none is given.
EMBEDDED = EmbeddedCalibration()

#: The same with either PSF, by the version of its file.
EMBEDDED_BY_NAME = {"v004": EMBEDDED, "v006": EmbeddedCalibration(PSF_V006)}
