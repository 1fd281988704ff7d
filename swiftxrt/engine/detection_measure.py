"""Counts, rates and errors of the sources found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .counts import kbn_interval
from .detection import Detection
from .detection_errors import source_position_errors
from .detection_field import Field, PointSource
from .detection_fit import likelihood
from .detection_quality import rate_quality
from .region_rules import source_radius_pix

__all__ = ["measure_sources", "unevenness"]

Floats = NDArray[np.float64]

# From so many counts on errors are Gaussian, as in the SXPS catalogues.
_GAUSSIAN_COUNTS = 100
_CONFIDENCE = 0.683
# A region that loses its core to pile-up reaches so many times as far.
_RING_FACTOR = 4.0

_COLUMNS = (
    "x_pix", "y_pix", "x_err_neg", "x_err_pos", "y_err_neg", "y_err_pos", "radius90_pix", "counts",
    "background_counts", "rate", "rate_err_neg", "rate_err_pos", "snr", "exposure", "likelihood", "off_axis",
)  # fmt: skip

# Blocks on which the background is tested: so many events each, if their width allows it.
_BLOCK_EVENTS = 20.0
_BLOCK_PIX = (16, 64)
_LEAST_EXPECTED = 1.0


def measure_sources(field: Field, detection: Detection) -> dict[str, Floats]:
    """Properties of the sources, one array each, in the order of `Detection.sources`.

    Counts are those in a circle whose radius follows from the count rate, as
    for light curves (a ring where pile-up spoils the core); the background in
    it is that of the map and of the other sources. Rates are corrected for the
    part of the profile outside, for dead pixels and for vignetting; errors are
    those of Kraft, Burrows & Nousek (1991), from 100 counts on sqrt(C + B).

    Parameters
    ----------
    field : Field
        Image and exposures.
    detection : Detection
        What was found in it.

    Returns
    -------
    columns : dict of str to ndarray
        ``x_pix, y_pix`` (0-based), their errors ``x_err_neg, x_err_pos,
        y_err_neg, y_err_pos`` (68 per cent) and ``radius90_pix``
        (statistical), ``counts, background_counts, rate, rate_err_neg,
        rate_err_pos, snr, exposure, likelihood, quality, off_axis``.
    """
    everything = detection.background + detection.model
    rows = [_measure(field, everything, source) for source in detection.sources]
    columns = {name: np.array([row[name] for row in rows]) for name in _COLUMNS}
    level = [field.value(detection.background, source.x_pix, source.y_pix) for source in detection.sources]
    return {**columns, "quality": rate_quality(columns["likelihood"], np.array(level))}


def _measure(field: Field, everything: Floats, source: PointSource) -> dict[str, float]:
    others = _without(everything, field, source)
    errors = source_position_errors(field, others, source)
    raw_cps = source.rate_cps * _relative(field, source)
    radius = max(source_radius_pix(raw_cps), _RING_FACTOR * source.hole_pix)
    disc = field.disc(source.x_pix, source.y_pix, radius, source.hole_pix)
    share = source.shares(field, disc)
    counts, background = disc.sum(field.counts), max(disc.sum(others), 0.0)
    seen_s = float((share * disc.of(field.source_s)).sum())
    rate, neg, pos = (value / seen_s for value in _net(counts, background))
    return {
        "x_pix": source.x_pix,
        "y_pix": source.y_pix,
        "x_err_neg": errors.x_neg,
        "x_err_pos": errors.x_pos,
        "y_err_neg": errors.y_neg,
        "y_err_pos": errors.y_pos,
        "radius90_pix": errors.radius90,
        "counts": counts,
        "background_counts": background,
        "rate": rate,
        "rate_err_neg": neg,
        "rate_err_pos": pos,
        "snr": rate / neg if neg > 0 else 0.0,
        "exposure": float(np.average(disc.of(field.time_s), weights=share)),
        "likelihood": likelihood(source.gain),
        "off_axis": field.value(field.off_axis_arcmin, source.x_pix, source.y_pix),
    }


def _without(everything: Floats, field: Field, source: PointSource) -> Floats:
    """Expected counts without those of one source, in the part of the image around it."""
    others = everything.copy()
    window = field.window(source.x_pix, source.y_pix, 60.0)
    grid_y, grid_x = np.mgrid[window]
    psf = field.psf(source.x_pix, source.y_pix)
    own = source.rate_cps * field.source_s[window]
    others[window] -= own * psf.pixel_fractions(grid_x - source.x_pix, grid_y - source.y_pix)
    return others


def _relative(field: Field, source: PointSource) -> float:
    """Vignetting at a source, averaged over the time it was seen."""
    time_s = field.value(field.time_s, source.x_pix, source.y_pix)
    return field.value(field.source_s, source.x_pix, source.y_pix) / time_s if time_s > 0 else 1.0


def _net(counts: float, background: float) -> tuple[float, float, float]:
    """Net counts with their lower and upper error, both positive."""
    net = counts - background
    if counts >= _GAUSSIAN_COUNTS:
        return net, float(np.sqrt(counts + background)), float(np.sqrt(counts + background))
    lower, upper = kbn_interval(counts, background, _CONFIDENCE)
    mode = max(net, 0.0)
    return mode, mode - float(lower), float(upper) - mode


def unevenness(field: Field, detection: Detection) -> tuple[float, int]:
    """Whether the background map holds.

    Chi square per degree of freedom of the counts in blocks of the field
    without the sources, and the number of blocks. It is about 1 where the map
    holds, more with diffuse emission or stray light.
    """
    clear = (field.background_s > 0) & (detection.model < 0.5 * detection.background)
    level = float(detection.background[clear].mean()) if clear.any() else 0.0
    side = int(np.clip(np.sqrt(_BLOCK_EVENTS / max(level, 1e-12)), *_BLOCK_PIX))
    found, expected = (
        _block_sums(np.where(clear, image, 0.0), side)
        for image in (field.counts, detection.background + detection.model)
    )
    used = expected >= _LEAST_EXPECTED
    if not used.any():
        return 1.0, 0
    return float(np.mean((found[used] - expected[used]) ** 2 / expected[used])), int(used.sum())


def _block_sums(image: Floats, side: int) -> Floats:
    starts = [np.arange(0, n, side) for n in image.shape]
    return np.asarray(np.add.reduceat(np.add.reduceat(image, starts[0], axis=0), starts[1], axis=1))
