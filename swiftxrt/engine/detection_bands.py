"""What the sources of one band look like in the others: rates or limits at their places, and hardness ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .counts import kbn_interval, kbn_mode, kbn_upper_limit
from .detection import Detection
from .detection_field import Field
from .limits import Apertures, measure_apertures
from .psffit import SIGMAS_90

__all__ = ["FOUND_LATER", "NOT_FOUND", "BandSearch", "across_bands", "hardness"]

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]

#: Flag of a band in which a source was not found, but is significant where another band has it; and where it is not.
FOUND_LATER, NOT_FOUND = 3, -1
_CONFIDENCE, _DETECTED = 0.683, 0.9973
# Sources of two bands are one if they are closer than three sigma, within these limits (pixels).
_SIGMAS = 3.0 / SIGMAS_90
_CLOSE_PIX = (2.0, 10.0)
# Hardness ratios 1 and 2 compare these bands (2SXPS).
_RATIOS = {"hr1": ("soft", "medium"), "hr2": ("medium", "hard")}
_QUANTILES = (np.arange(200) + 0.5) / 200.0
_ONE_SIGMA = (0.1585, 0.8415)


@dataclass(frozen=True, eq=False)
class BandSearch:
    """What was found in one band, and its properties as `swiftxrt.engine.detection_measure.measure_sources` has them."""

    field: Field
    detection: Detection
    measured: Mapping[str, NDArray[Any]]

    @property
    def exposure_s(self) -> float:
        """Good time where it is longest."""
        return float(self.field.time_s.max())

    def spoilt(self) -> NDArray[np.bool_]:
        """Sources whose core pile-up spoils."""
        return np.array([source.hole_pix > 0 for source in self.detection.sources], dtype=bool)


def across_bands(searches: Mapping[str, BandSearch], band: str) -> Columns:
    """Measure the sources of one band in all bands.

    Counts in circles of 12 pixels as for upper limits (`swiftxrt.engine.limits`); the rate
    is the most probable one, with the interval of Kraft, Burrows & Nousek
    (1991) of 68.3 per cent, the limit that of 99.73 per cent.

    Parameters
    ----------
    searches : mapping of str to BandSearch
        All bands, on the same pixels.
    band : str
        The one whose sources are meant.

    Returns
    -------
    columns : dict of str to ndarray
        For each band ``<band>_rate``, ``<band>_rate_err_neg``, ``<band>_rate_err_pos``, ``<band>_limit``
        and ``<band>_flag`` (quality if it was found there, 3 if only the measurement shows it, -1 if not); ``hr1``
        and ``hr2`` with errors. Rates are NaN where pile-up spoils the core or next to nothing was seen.
    """
    own = searches[band]
    x, y, radius = (np.asarray(own.measured[name], dtype=float) for name in ("x_pix", "y_pix", "radius90_pix"))
    apertures = {name: _apertures(search, x, y) for name, search in searches.items()}
    columns: Columns = {}
    for name, aperture in apertures.items():
        columns |= _rates(name, aperture, searches[name].exposure_s, own.spoilt())
        columns[f"{name}_flag"] = _flags(searches[name], aperture, x, y, radius)
    for name, (soft, hard) in _RATIOS.items():
        if soft in apertures and hard in apertures:
            value, neg, pos = hardness(
                *(getattr(apertures[one], part) for one in (soft, hard) for part in ("counts", "background")),
                apertures[soft].correction_factor / apertures[hard].correction_factor,
            )
            columns |= {name: value, f"{name}_err_neg": neg, f"{name}_err_pos": pos}
    return columns


def hardness(
    soft: ArrayLike, soft_background: ArrayLike, hard: ArrayLike, hard_background: ArrayLike, scale: ArrayLike = 1.0
) -> tuple[Floats, Floats, Floats]:
    """Hardness ratio (H - S) / (H + S) with its lower and upper error, both positive.

    H and S are net counts; the ratio is that of their most probable values,
    the errors reach to the quantiles of 15.85 and 84.15 per cent of the
    posterior of both, each with a flat prior for counts that are not negative.

    Parameters
    ----------
    soft, hard : float or array
        Counts.
    soft_background, hard_background : float or array
        Expected background counts.
    scale : float or array, optional
        Exposure of the hard band over that of the soft one.

    Returns
    -------
    ratio, err_neg, err_pos : ndarray
        NaN where neither band has net counts, or the scale is not known.
    """
    given = (np.atleast_1d(np.asarray(value, dtype=float)) for value in (soft, soft_background, hard, hard_background))
    arrays = np.broadcast_arrays(*given, np.atleast_1d(np.asarray(scale, dtype=float)))
    rows = [_one_hardness(*(float(value) for value in row)) for row in zip(*arrays, strict=True)]
    ratio, neg, pos = np.array(rows, dtype=float).reshape(-1, 3).T
    return ratio, neg, pos


def _one_hardness(soft: float, soft_b: float, hard: float, hard_b: float, scale: float) -> tuple[float, float, float]:
    if not np.isfinite([soft, soft_b, hard, hard_b, scale]).all() or max(soft - soft_b, hard - hard_b) <= 0:
        return (np.nan, np.nan, np.nan)
    s, h = max(soft - soft_b, 0.0), max(hard - hard_b, 0.0) / scale
    value = (h - s) / (h + s)
    many_s, many_h = _posterior(soft, soft_b)[:, None], _posterior(hard, hard_b) / scale
    low, high = np.quantile((many_h - many_s) / (many_h + many_s), _ONE_SIGMA)
    return value, max(value - float(low), 0.0), max(float(high) - value, 0.0)


def _posterior(counts: float, background: float) -> Floats:
    """Quantiles of the net counts: a gamma distribution of net and background counts, cut off at the background."""
    whole = special.gammaincc(counts + 1.0, background)
    return np.maximum(special.gammainccinv(counts + 1.0, _QUANTILES * whole) - background, 1e-12)


def _apertures(search: BandSearch, x: Floats, y: Floats) -> Apertures:
    return measure_apertures(
        search.field,
        search.detection,
        x,
        y,
        exposure_s=search.exposure_s,
    )


def _rates(name: str, aperture: Apertures, exposure_s: float, spoilt: NDArray[np.bool_]) -> Columns:
    seen_s = np.where(aperture.observed & ~spoilt, exposure_s / aperture.correction_factor, np.nan)
    counts, background = aperture.counts, aperture.background
    mode = kbn_mode(counts, background)
    lower, upper = kbn_interval(counts, background, _CONFIDENCE)
    return {
        f"{name}_rate": mode / seen_s,
        f"{name}_rate_err_neg": (mode - lower) / seen_s,
        f"{name}_rate_err_pos": (upper - mode) / seen_s,
        f"{name}_limit": kbn_upper_limit(counts, background, _DETECTED) / seen_s,
    }


def _flags(search: BandSearch, aperture: Apertures, x: Floats, y: Floats, radius: Floats) -> NDArray[np.int64]:
    lower, _ = kbn_interval(aperture.counts, aperture.background, _DETECTED)
    flags = np.where(lower > 0, FOUND_LATER, NOT_FOUND)
    found = search.measured
    if not np.size(found["x_pix"]) or not x.size:
        return flags
    apart = np.hypot(x[:, None] - found["x_pix"], y[:, None] - found["y_pix"])
    allowed = np.clip(_SIGMAS * np.hypot(radius[:, None], found["radius90_pix"]), *_CLOSE_PIX)
    best = np.argmin(np.where(apart <= allowed, apart, np.inf), axis=1)
    rows = np.arange(x.size)
    same = apart[rows, best] <= allowed[rows, best]
    return np.where(same, np.asarray(found["quality"])[best], flags)
