"""Search for all point sources in a field.

Sliding cells find where there are more events than the background lets
expect; the point spread function is fitted there; what the fit makes likely is
taken into the model, the background is mapped without it, and the cells are
searched again, until nothing more is found. The way is that of the Swift
catalogues 1SXPS and 2SXPS (Evans et al. 2014, ApJS 210, 8; 2020, ApJS 247, 54);
cells, thresholds and background maps are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .detection_background import background_map
from .detection_cells import find_candidates, local_background
from .detection_field import Field, PointSource
from .detection_fit import TRIAL_RADIUS_PIX, gain_of, likelihood, settle_source, sum_of, try_source
from .detection_quality import likelihood_limits

__all__ = ["Detection", "find_sources"]

Floats = NDArray[np.float64]

_PASSES = 5
# Two sources closer than this are one; beside a core spoilt by pile-up they keep the same distance.
_APART_PIX = 5.0


@dataclass(frozen=True, eq=False)
class Detection:
    """Result of `find_sources`.

    Parameters
    ----------
    sources : tuple of PointSource
        The most likely first.
    background : ndarray, shape (ny, nx)
        Expected background counts per pixel.
    model : ndarray, shape (ny, nx)
        Expected counts of all sources.
    """

    sources: tuple[PointSource, ...]
    background: Floats
    model: Floats


def find_sources(field: Field, least_likelihood: float | None = None) -> Detection:
    """Find the point sources in a field.

    Parameters
    ----------
    field : Field
        Image and exposures.
    least_likelihood : float, optional
        `swiftxrt.engine.detection_fit.likelihood` that a source must have; by
        default that of a source of poor quality.

    Returns
    -------
    detection : Detection
    """
    search = _Search(field, least_likelihood)
    for number in range(_PASSES):
        found = search.add_candidates()
        if number and not found:
            break
        search.refine()
    search.refine()
    ordered = sorted(search.sources, key=lambda source: -source.gain)
    return Detection(tuple(ordered), search.background, search.model)


class _Search:
    """Sources found so far, with the background map and the picture of all sources."""

    def __init__(self, field: Field, least_likelihood: float | None) -> None:
        self.field, self.least = field, least_likelihood
        self.sources: list[PointSource] = []
        #: Gain that a source must have at least.
        self.worth = gain_of(float(likelihood_limits(1e9)[-1]) if least_likelihood is None else least_likelihood)
        #: Candidates too weak to be sources, and the counts around them below which they may be some.
        self.hopeless: dict[tuple[float, float], Floats] = {}
        self.background = local_background(field)
        self.model = np.zeros_like(field.counts)
        seen = field.background_s > 0
        self.level = max(float(field.counts[seen].mean()) if seen.any() else 0.0, 1e-9)

    def add_candidates(self) -> int:
        """Take what is likely among the candidates into the model; returns how many."""
        before = len(self.sources)
        for place in find_candidates(self.field, self.background + self.model):
            window = self.field.window(*place, TRIAL_RADIUS_PIX)
            expected = self.background[window] + self.model[window]
            if place in self.hopeless and (expected >= self.hopeless[place]).all():
                continue
            source = try_source(self.field, sum_of(self.background, self.model), *place, worth=self.worth)
            if source is None:
                continue
            if self._wanted(source, self.sources):
                self._keep(self._settled(source, self.sources), self.sources)
            elif (shortfall := self._shortfall(source)) > 0.0:
                # Of S counts on a part d less background the likelihood gains S d at most.
                lower = 0.5 * shortfall / max(source.rate_cps * self.field.longest_s, shortfall)
                self.hopeless[place] = (1.0 - lower) * expected
        return len(self.sources) - before

    def refine(self) -> None:
        """Map the background without the sources, and fit each of them anew, the brightest first."""
        self.background = background_map(self.field, self.model)
        kept: list[PointSource] = []
        for source in sorted(self.sources, key=lambda source: -source.rate_cps):
            source.add_to(self.model, self.field, self.level, -1.0)
            self._keep(self._settled(source, kept), kept)
        self.sources = kept

    def _settled(self, source: PointSource, among: list[PointSource]) -> PointSource | None:
        return settle_source(self.field, self.background, self.model, source, among, worth=self.worth)

    def _keep(self, source: PointSource | None, among: list[PointSource]) -> None:
        if source is not None and self._wanted(source, among):
            source.add_to(self.model, self.field, self.level)
            among.append(source)

    def _wanted(self, source: PointSource, among: list[PointSource]) -> bool:
        if any(source.distance_pix(other) < _APART_PIX + other.hole_pix for other in among):
            return False
        return self._shortfall(source) <= 0.0

    def _shortfall(self, source: PointSource) -> float:
        """By how much the likelihood of a source is too low."""
        sureness = float(likelihood(source.gain))
        if self.least is not None:
            return self.least - sureness
        level = self.field.value(self.background, source.x_pix, source.y_pix)
        return float(likelihood_limits(level)[-1]) - sureness
