"""Count rates of models, and the rise of a statistic that belongs to a probability."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from ..bands import TOTAL
from ..exceptions import RequestError
from .folding import Folding
from .problem import Problem

__all__ = ["band_rate", "rise_of"]


def rise_of(confidence: Any, parameters: int = 1) -> float:
    """Rise of the statistic for a probability, for one parameter or several together.

    Raises
    ------
    RequestError
        If the probability is not between 0 and 1.
    """
    if isinstance(confidence, bool) or not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise RequestError(
            [("confidence", f"a probability between 0 and 1 is needed, such as 0.9; got {confidence!r}")]
        )
    return float(2.0 * gammaincinv(parameters / 2.0, float(confidence)))  # Of chi squared; scipy.stats loads slowly.


def band_rate(problem: Problem, x: NDArray[np.float64], number: int) -> float:
    """Rate (ct/s) that a model predicts: of the XRT between 0.3 and 10 keV, of others in the fitted bins."""
    data, layout = problem.data[number], problem.layout
    spectrum, folding, inside = data.spectrum, data.folding, data.first
    if spectrum.mode is not None:
        low, high = TOTAL.channels
        inside = np.flatnonzero((spectrum.channel >= low) & (spectrum.channel <= high))
        folding = Folding(spectrum, inside, inside + 1)
    counts = folding.counts(layout.model.combined(layout.model.arrays(folding.grid, layout.values(x, number))))
    scale = np.broadcast_to(np.asarray(spectrum.areascale, dtype=float), spectrum.counts.shape)[inside]
    seen = scale > 0
    return float((counts[seen] / scale[seen]).sum() / spectrum.exposure.value)
