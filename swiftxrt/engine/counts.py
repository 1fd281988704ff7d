"""Statistics of a few counts on a known background.

The posterior of the source counts S, when N counts were found and B are
expected from the background, is that of Kraft, Burrows & Nousek (1991, ApJ
374, 344) with a flat prior for S >= 0::

    p(S) proportional to exp(-(S + B)) (S + B)^N

so that S + B follows a gamma distribution of shape N + 1, cut off below B.
With Q the regularised upper incomplete gamma function, the probability of
more than S is Q(N + 1, S + B) / Q(N + 1, B). Everything here follows from that
closed form; nothing is tabulated or integrated on a grid. Where Q underflows
(B far above N) its continued fraction (Abramowitz & Stegun 6.5.31) is used.

The classical limits are those of Garwood (1936, Biometrika 28, 437) and
Gehrels (1986, ApJ 303, 336): the mean counts for which so few, or so many,
would be found too seldom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcinv, gammainc, gammaincc, gammainccinv, gammaincinv, gammaln, xlogy

from ..exceptions import RequestError

__all__ = [
    "bayesian_upper_limit",
    "classical_interval",
    "classical_lower_limit",
    "classical_upper_limit",
    "kbn_interval",
    "kbn_mode",
    "kbn_significance",
    "kbn_upper_limit",
    "poisson_tail",
]

Floats = NDArray[np.float64]

# Below this probability Q(N + 1, B) loses digits, then underflows.
_TAIL = 1e-200
_MAX_STEPS = 100


def kbn_mode(counts: ArrayLike, background: ArrayLike) -> Floats:
    """Most probable number of source counts.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like
        Counts expected from the background, B >= 0.

    Returns
    -------
    mode : ndarray
        max(N - B, 0), broadcast.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite.
    """
    n, b, _ = _checked(counts, background, 0.5)
    return np.asarray(np.maximum(n - b, 0.0))


def kbn_interval(counts: ArrayLike, background: ArrayLike, confidence: ArrayLike = 0.683) -> tuple[Floats, Floats]:
    """Shortest interval that holds the source counts with some probability.

    Every value inside is more probable than any outside, so the interval
    starts at zero unless zero is less probable than its upper end.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like
        Counts expected from the background, B >= 0.
    confidence : array_like, optional
        Probability inside, between 0 and 1. Light curves of the UKSSDC use 0.683.

    Returns
    -------
    lower, upper : ndarray
        Limits in counts, broadcast.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.

    Examples
    --------
    >>> from swiftxrt.engine.counts import kbn_interval
    >>> lower, upper = kbn_interval(5, 0.83)
    >>> print(f"{lower:.4f} {upper:.4f}")
    2.2268 6.8012
    """
    given = _checked(counts, background, confidence)
    shape = given[0].shape
    n, b, conf = (part.ravel() for part in given)
    inside = gammaincc(n + 1.0, b)
    lower, upper = np.zeros_like(n), np.empty_like(n)
    # Zero is outside if the values more probable than it suffice.
    two_sided = (n > b) & (gammaincc(n + 1.0, _mirror(n, b)) < (1.0 - conf) * inside)
    one_sided = ~two_sided
    upper[one_sided] = _one_sided(n[one_sided], b[one_sided], conf[one_sided], inside[one_sided])
    low, high = _equal_density(n[two_sided], (conf * inside)[two_sided])
    lower[two_sided] = np.maximum(low - b[two_sided], 0.0)
    upper[two_sided] = high - b[two_sided]
    return lower.reshape(shape), upper.reshape(shape)


def kbn_upper_limit(counts: ArrayLike, background: ArrayLike, confidence: ArrayLike = 0.9973) -> Floats:
    """Upper limit as the UKSSDC quotes it: the upper end of the shortest interval.

    For a source that is not detected at this confidence the interval starts at
    zero, and the upper end is the ordinary one-sided limit as well.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like
        Counts expected from the background, B >= 0.
    confidence : array_like, optional
        Probability; 0.9973 ("3 sigma") in light curves.

    Returns
    -------
    limit : ndarray
        Source counts, broadcast.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.
    """
    return kbn_interval(counts, background, confidence)[1]


def bayesian_upper_limit(counts: ArrayLike, background: ArrayLike, confidence: ArrayLike = 0.9973) -> Floats:
    """Source counts with a posterior probability `confidence` below them, whether a source is detected or not.

    The same as `kbn_upper_limit` where the shortest interval begins at zero,
    less where it does not. For N = 0 it is ``-ln(1 - confidence)`` whatever
    the background.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like
        Counts expected from the background, B >= 0.
    confidence : array_like, optional
        Probability below the limit, between 0 and 1.

    Returns
    -------
    limit : ndarray
        Source counts, broadcast.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.
    """
    given = _checked(counts, background, confidence)
    n, b, conf = (part.ravel() for part in given)
    return _one_sided(n, b, conf, gammaincc(n + 1.0, b)).reshape(given[0].shape)


def classical_upper_limit(counts: ArrayLike, background: ArrayLike = 0.0, confidence: ArrayLike = 0.9973) -> Floats:
    """Source counts with which N or fewer are found with probability ``1 - confidence`` (Gehrels 1986).

    It is above the truth in at least the part `confidence` of all cases, but
    says little where the counts are far below the background: it may be zero.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like, optional
        Counts expected from the background, B >= 0.
    confidence : array_like, optional
        Probability, between 0 and 1.

    Returns
    -------
    limit : ndarray
        Source counts, broadcast; zero if even the background alone is too much.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.
    """
    n, b, conf = _checked(counts, background, confidence)
    return np.asarray(np.maximum(gammainccinv(n + 1.0, 1.0 - conf) - b, 0.0))


def classical_lower_limit(counts: ArrayLike, background: ArrayLike = 0.0, confidence: ArrayLike = 0.9973) -> Floats:
    """Source counts with which N or more are found with probability ``1 - confidence`` (Gehrels 1986).

    Parameters
    ----------
    counts, background, confidence
        As for `classical_upper_limit`.

    Returns
    -------
    limit : ndarray
        Source counts, broadcast; zero if the background alone is enough.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.
    """
    n, b, conf = _checked(counts, background, confidence)
    lower = np.where(n > 0, gammaincinv(np.maximum(n, 1.0), 1.0 - conf), 0.0)
    return np.asarray(np.maximum(lower - b, 0.0))


def classical_interval(
    counts: ArrayLike, background: ArrayLike = 0.0, confidence: ArrayLike = 0.683
) -> tuple[Floats, Floats]:
    """Central interval of Garwood (1936): each end misses with probability ``(1 - confidence) / 2``.

    Parameters
    ----------
    counts, background, confidence
        As for `classical_upper_limit`.

    Returns
    -------
    lower, upper : ndarray
        Limits in counts, broadcast.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite, or a confidence is not between 0 and 1.
    """
    n, b, conf = _checked(counts, background, confidence)
    one_sided = (1.0 + conf) / 2.0
    return classical_lower_limit(n, b, one_sided), classical_upper_limit(n, b, one_sided)


def kbn_significance(counts: ArrayLike, background: ArrayLike) -> Floats:
    """How many sigma a source is away from zero.

    The z for which the shortest interval of the two-sided Gaussian
    probability erf(z / sqrt 2) just reaches down to S = 0.

    Parameters
    ----------
    counts : array_like
        Counts found, N >= 0.
    background : array_like
        Counts expected from the background, B >= 0.

    Returns
    -------
    significance : ndarray
        Zero where N <= B, infinite where B = 0 < N.

    Raises
    ------
    RequestError
        If counts or background are negative or not finite.
    """
    n, b, _ = _checked(counts, background, 0.5)
    found = n > b
    n, b = np.where(found, n, 1.0), np.where(found, b, 0.0)
    z = np.sqrt(2.0) * erfcinv(gammaincc(n + 1.0, _mirror(n, b)) / gammaincc(n + 1.0, b))
    return np.where(found, z, 0.0)


def poisson_tail(counts: ArrayLike, mean: ArrayLike) -> Floats:
    """Probability of at least so many counts.

    Parameters
    ----------
    counts : array_like
        Counts, whole numbers.
    mean : array_like
        Mean of their Poisson distribution.

    Returns
    -------
    probability : ndarray
        P(N, mean), the regularised lower incomplete gamma function; 1 for no counts.
    """
    n = np.asarray(counts, dtype=float)
    return np.where(n > 0, gammainc(np.maximum(n, 1.0), mean), 1.0)


def _checked(counts: ArrayLike, background: ArrayLike, confidence: ArrayLike) -> tuple[Floats, Floats, Floats]:
    n, b, conf = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (counts, background, confidence)))
    problems = [
        (name, "must be finite and not negative")
        for name, part in (("counts", n), ("background", b))
        if not (np.isfinite(part) & (part >= 0)).all()
    ]
    if not ((conf > 0) & (conf < 1)).all():
        problems.append(("confidence", "must be between 0 and 1, as in 0.683"))
    if problems:
        raise RequestError(problems, "count statistics")
    return n, b, conf


def _mirror(n: Floats, b: Floats) -> Floats:
    """The x above the mode with the density of x = b; for b >= n the mode."""
    ratio = np.minimum(b, n) / np.maximum(n, 1e-300)
    with np.errstate(divide="ignore"):
        depth = ratio - 1.0 - np.log(ratio)
    return n * np.exp(_density_root(np.where(n > 0, depth, 0.0), +1.0))


def _one_sided(n: Floats, b: Floats, conf: Floats, inside: Floats) -> Floats:
    """S with probability `conf` below; `inside` is Q(n + 1, b)."""
    upper = np.empty_like(n)
    tail = inside < _TAIL
    body = ~tail
    upper[body] = gammainccinv(n[body] + 1.0, (1.0 - conf[body]) * inside[body]) - b[body]
    if tail.any():
        upper[tail] = _one_sided_tail(n[tail], b[tail], conf[tail])
    return np.maximum(upper, 0.0)


def _one_sided_tail(n: Floats, b: Floats, conf: Floats) -> Floats:
    """The same far in the tail, from the logarithm of Q.

    ln Q is concave in S, so Newton's steps from S = 0 overshoot once and then
    come back without ever crossing the solution.
    """
    target, at_zero = np.log1p(-conf), np.log(_tail_ratio(n, b))
    s = np.zeros_like(n)
    for _ in range(_MAX_STEPS):
        ratio = _tail_ratio(n, b + s)
        excess = n * np.log1p(s / b) - s + np.log(ratio) - at_zero - target
        step = excess * ratio
        s = s + step
        if np.all(np.abs(step) <= 1e-8 * s):
            break
    return s


def _tail_ratio(n: Floats, x: Floats) -> Floats:
    """Probability above x over the density at x, for x well above n.

    Continued fraction of the upper incomplete gamma function by the modified Lentz method.
    """
    term = x - n
    c, d = np.full_like(x, 1e300), 1.0 / term
    value = d
    for k in range(1, 10 * _MAX_STEPS):
        numerator = k * (n + 1.0 - k)
        term = term + 2.0
        c = term + numerator / c
        d = 1.0 / (term + numerator * d)
        value = value * c * d
        if np.all(np.abs(c * d - 1.0) < 1e-15):
            break
    return x * value


def _equal_density(n: Floats, mass: Floats) -> tuple[Floats, Floats]:
    """The two x of one density with probability `mass` between them.

    The unknown is u with ln p(mode) - ln p = u^2 / 2. Were the posterior
    Gaussian, u would be the number of sigma of `mass`; the difference is small,
    so Newton's method on the number of sigma converges at once.
    """
    wanted = np.sqrt(2.0) * erfcinv(1.0 - mass)
    at_mode = np.exp(xlogy(n, n) - n - gammaln(n + 1.0))
    u = wanted
    for _ in range(_MAX_STEPS):
        low, high = _levels(n, u)
        z = np.sqrt(2.0) * erfcinv(gammainc(n + 1.0, low) + gammaincc(n + 1.0, high))
        slope = np.exp((z**2 - u**2) / 2) * at_mode * u * (low / (n - low) + high / (high - n)) * np.sqrt(np.pi / 2)
        step = (wanted - z) / slope
        u = np.maximum(u + step, u / 4)
        if np.all(np.abs(step) <= 1e-6 * u):
            break
    return _levels(n, u)


def _levels(n: Floats, u: Floats) -> tuple[Floats, Floats]:
    """The x below and above the mode where the density is exp(-u^2 / 2) of its peak."""
    depth = u**2 / (2.0 * n)
    return n * np.exp(_density_root(depth, -1.0)), n * np.exp(_density_root(depth, +1.0))


def _density_root(depth: Floats, side: float) -> Floats:
    """Solve exp(y) - 1 - y = depth for the y of the given sign."""
    depth = np.minimum(depth, 1e300)
    root = side * np.sqrt(2.0 * np.minimum(depth, 0.5))
    near = root - root**2 / 6 + root**3 / 36
    far = np.log1p(depth + np.log1p(depth)) if side > 0 else np.expm1(-1.0 - depth) - depth
    y = np.where(depth < 0.5, near, far)
    for _ in range(_MAX_STEPS):
        slope = np.expm1(y)
        error = slope - y - depth
        newton = error / np.where(slope == 0, 1.0, slope)
        # Halley's correction; the second derivative is slope + 1.
        step = newton / (1.0 - newton * (1.0 + 1.0 / np.where(slope == 0, 1.0, slope)) / 2)
        y = y - step
        if np.all(np.abs(step) <= 1e-7 * np.abs(y)):
            break
    return y
