"""Settings of a request as the engine's parameters."""

from __future__ import annotations

import astropy.units as u

from ..mission import Mode
from ..products.calibration import Calibration
from ..request.extraction import ExtractionSettings
from .calibration import EMBEDDED
from .extracted import ExtractionParameters

__all__ = ["extraction_parameters", "grade_limits"]

_GRADES = {"0": (0, 0), "4": (0, 4)}


def grade_limits(settings: ExtractionSettings, grades: str | None, mode: Mode) -> tuple[int, int]:
    """Lowest and highest grade for the setting ``"all"``, ``"0"`` or ``"4"``."""
    lowest, highest = (0, 0) if settings.super_soft else _GRADES.get(grades or "all", mode.grades)
    return lowest, min(highest, mode.grades[1])


def extraction_parameters(
    settings: ExtractionSettings, grades: str | None, calibration: Calibration = EMBEDDED
) -> ExtractionParameters:
    """Parameters of `swiftxrt.engine.extraction.extract`.

    Parameters
    ----------
    settings : ExtractionSettings
        With defaults filled in.
    grades : str or None
        The grade setting of the product.
    calibration : Calibration, optional
        Point spread function and vignetting.
    """
    largest = settings.source_radius_max
    return ExtractionParameters(
        centroid=settings.centroid,
        method=settings.centroid_method,
        tolerance_arcmin=1.0
        if settings.centroid_tolerance is None
        else float(settings.centroid_tolerance.to_value(u.arcmin)),
        attempts=settings.centroid_attempts,
        pileup_rate_pc=float(settings.pileup_rate_pc.to_value(u.ct / u.s)),
        pileup_rate_wt=float(settings.pileup_rate_wt.to_value(u.ct / u.s)),
        source_radius_max_pix=30.0 if largest is None else float(largest.to_value(u.pix)),
        super_soft=settings.super_soft,
        grades=_GRADES.get(grades or "all"),
        source_region=settings.source_region,
        background_region=settings.background_region,
        calibration=calibration,
    )
