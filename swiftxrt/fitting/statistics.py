"""Fit statistics: what a bin adds, and its slope and curvature.

All are minus twice the logarithm of the likelihood ratio to a model that
agrees with the data, so that a change by 1 is one standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["STATISTICS", "ChiSquare", "Poisson", "Terms", "background_level", "poisson_deviance", "wstat"]

Floats = NDArray[np.float64]

#: Fit statistics by the names that users give.
STATISTICS = ("wstat", "cstat", "chi2")
#: No model predicts less: the logarithm stays finite.
_LEAST = 1e-100
#: Counts over a far too large expectation, minus one: as small as numbers can be.
_NEARLY_NOTHING = -1.0 + 2.0**-53


class Terms(NamedTuple):
    """What bins add to a statistic, with half the first and second derivative by the counts predicted."""

    statistic: Floats
    slope: Floats
    curvature: Floats


def poisson_deviance(counts: Floats, expected: Floats) -> Floats:
    """Deviance of Poisson counts, ``2 (mu - N + N ln(N / mu))``, with ``0 ln 0 = 0``."""
    expected = np.maximum(expected, _LEAST)
    # ln(1 + x) keeps its digits where counts and expectation are close to each other.
    excess = np.maximum(np.where(counts > 0, counts - expected, 0.0) / expected, _NEARLY_NOTHING)
    return 2.0 * (expected - counts + counts * np.log1p(excess))


def background_level(counts: Floats, background: Floats, ratio: Floats, model: Floats) -> tuple[Floats, Floats]:
    """The most likely background and its slope.

    The counts expected in the background region that maximise the likelihood
    of both regions, for counts of the source expected by a model: the positive
    root of ``r (1 + r) b**2 + ((1 + r) m - r (S + B)) b - B m = 0``.

    Parameters
    ----------
    counts, background : ndarray
        Counts S and B in the source and background regions.
    ratio : ndarray
        Factor r from background counts to those in the source region; positive.
    model : ndarray
        Counts m of the source.

    Returns
    -------
    level, slope : ndarray
        The background b, and its derivative by m.
    """
    linear = (1.0 + ratio) * model - ratio * (counts + background)
    root = np.sqrt(linear**2 + 4.0 * ratio * (1.0 + ratio) * background * model)
    # Two forms of the root, each free of cancellation where it is used.
    with np.errstate(divide="ignore", invalid="ignore"):
        above = 2.0 * background * model / (linear + root)
    level = np.where(linear > 0, above, (root - linear) / (2.0 * ratio * (1.0 + ratio)))
    slope = (background - (1.0 + ratio) * level) / np.maximum(root, _LEAST)
    return level, slope


def wstat(counts: Floats, background: Floats, ratio: Floats, model: Floats) -> Floats:
    """W statistic of each bin: Poisson counts with a background that was measured, and is as likely as possible.

    Parameters
    ----------
    counts, background : array_like
        Counts in the source and background regions.
    ratio : array_like
        Factor from background counts to those in the source region.
    model : array_like
        Counts of the source that the model predicts.

    Returns
    -------
    statistic : ndarray
        That of XSPEC (``cstat`` with a background), zero counts included.
    """
    arrays = np.broadcast_arrays(*(np.asarray(item, dtype=float) for item in (counts, background, ratio, model)))
    source, outside, share, expected = arrays
    return Poisson(source, outside, share).terms(expected).statistic


@dataclass(frozen=True, eq=False)
class Poisson:
    """Poisson counts, with or without a measured background.

    Parameters
    ----------
    counts : ndarray, shape (n_bin,)
        Counts in the source region.
    background : ndarray or None, shape (n_bin,)
        Counts in the background region; without, the statistic of Cash (1979)
        in the form of XSPEC.
    ratio : ndarray, shape (n_bin,)
        Factor from background counts to those in the source region.
    """

    counts: Floats
    background: Floats | None
    ratio: Floats

    def terms(self, model: Floats) -> Terms:
        """Statistic of each bin, and its derivatives.

        A prediction below zero, as of an absorption line that is too deep, counts as next to nothing.
        """
        is_flat, model = model < 0, np.maximum(model, _LEAST)
        if self.background is None:
            level, slope, expected = np.zeros_like(model), np.zeros_like(model), model
        else:
            level, slope = background_level(self.counts, self.background, self.ratio, model)
            expected = np.maximum(model + self.ratio * level, _LEAST)
        statistic = poisson_deviance(self.counts, expected)
        if self.background is not None:
            statistic = statistic + poisson_deviance(self.background, level)
        part = self.counts / expected
        curvature = np.maximum(part / expected * (1.0 + self.ratio * slope), 0.0)
        return Terms(statistic, np.where(is_flat, 0.0, 1.0 - part), np.where(is_flat, 0.0, curvature))

    def expected(self, model: Floats) -> tuple[Floats, Floats]:
        """Counts expected in the source and in the background region; of the source none where a model is negative."""
        model = np.maximum(model, 0.0)
        if self.background is None:
            return model, np.zeros_like(model)
        level, _ = background_level(self.counts, self.background, self.ratio, np.maximum(model, _LEAST))
        return model + self.ratio * level, level

    def zero_statistic(self) -> float:
        """What bins without counts add, apart from twice the counts predicted."""
        if self.background is None:
            return 0.0
        empty = self.counts == 0
        return float(2.0 * self.background[empty] @ np.log1p(self.ratio[empty]))


@dataclass(frozen=True, eq=False)
class ChiSquare:
    """Net counts with Gaussian errors.

    Parameters
    ----------
    net : ndarray, shape (n_bin,)
        Counts without background.
    variance : ndarray, shape (n_bin,)
        Their variance.
    """

    net: Floats
    variance: Floats

    def terms(self, model: Floats) -> Terms:
        """Statistic of each bin, and its derivatives."""
        pull = (model - self.net) / self.variance
        return Terms(pull * (model - self.net), pull, 1.0 / self.variance)
