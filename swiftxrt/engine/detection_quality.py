"""How sure a source is: limits of the likelihood, found with simulated empty fields."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Quality", "likelihood_limits", "rate_quality"]

Floats = NDArray[np.float64]


class Quality(IntEnum):
    """Flag of a source, as in the SXPS catalogues; `NONE` is not listed."""

    GOOD = 0
    REASONABLE = 1
    POOR = 2
    NONE = 3


# Background per pixel at which the limits hold, and the limits for good,
# reasonable and poor sources. Of all sources so good or better 0.3, 1 and 10 per
# cent are false, as for 2SXPS (Evans et al. 2020), in fields with active
# galaxies and nothing else. They are those of benchmarks/validation/source_detection.py,
# a little higher in the shallowest field, where the few events make the
# likelihood coarse. A field of 1 ks has 7e-4 in the total band.
_LEVELS: Floats = np.array([2e-4, 7e-4, 2e-3, 7e-3, 2e-2, 7e-2])
_LIMITS: Floats = np.array(
    [
        [12.5, 12.0, 11.8, 11.3, 10.7, 10.0],
        [11.4, 10.7, 10.3, 9.9, 9.4, 8.7],
        [9.0, 8.1, 7.7, 7.4, 6.9, 6.5],
    ]
)


def likelihood_limits(background_per_pix: ArrayLike) -> Floats:
    """Least likelihoods of good, reasonable and poor sources.

    Parameters
    ----------
    background_per_pix : float or array, shape (n,)
        Expected background counts per pixel.

    Returns
    -------
    limits : ndarray, shape (3,) or (3, n)
    """
    level = np.log(np.maximum(np.asarray(background_per_pix, dtype=float), 1e-9))
    return np.array([np.interp(level, np.log(_LEVELS), limits) for limits in _LIMITS])


def rate_quality(likelihood: ArrayLike, background_per_pix: ArrayLike) -> Any:
    """`Quality` of sources as whole numbers.

    Parameters
    ----------
    likelihood : float or array, shape (n,)
        `swiftxrt.engine.detection_fit.likelihood` of the sources.
    background_per_pix : float or array, shape (n,)
        Expected background counts per pixel where they are.
    """
    return (np.asarray(likelihood) < likelihood_limits(background_per_pix)).sum(axis=0)
