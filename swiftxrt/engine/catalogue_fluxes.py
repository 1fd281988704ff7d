"""From rates to fluxes with an assumed spectrum."""

from __future__ import annotations

from functools import cache

from ..products.calibration import Calibration
from .calibration import EmbeddedCalibration
from .source_models import AbsorbedPowerLaw

__all__ = ["ASSUMED_INDEX", "ASSUMED_NH_CM2", "fixed_power_law"]

#: The spectrum that is assumed: a power law of the photon index of typical active galaxies, behind the matter of a
#: typical line of sight away from the Galactic plane.
ASSUMED_INDEX, ASSUMED_NH_CM2 = 1.7, 3e20


def fixed_power_law(calibration: Calibration) -> tuple[float, float] | None:
    """Observed and unabsorbed flux of 0.3-10 keV for a count, in erg cm-2 ct-1; None without the embedded response."""
    return _factors() if isinstance(calibration, EmbeddedCalibration) else None


@cache
def _factors() -> tuple[float, float]:
    absorbed, free = AbsorbedPowerLaw(ASSUMED_INDEX, ASSUMED_NH_CM2), AbsorbedPowerLaw(ASSUMED_INDEX, 0.0)
    return absorbed.flux_per_rate, free.flux_per_rate * free.rate_cps / absorbed.rate_cps
