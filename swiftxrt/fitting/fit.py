"""Fitting models to spectra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from ..exceptions import FitError, FitWarning, RequestError, warn
from ..products.countspectrum import CountSpectrum
from ..products.fit import FitParameter
from ..products.spectrumset import SpectrumSet
from .fitdata import FitData, count_spectrum
from .layout import Layout
from .minimise import Minimum, minimise
from .model import Model, as_band
from .problem import Problem
from .profile import BetterMinimumError, Interval, covariance, profile_interval
from .rates import rise_of
from .result import FitResult
from .starts import first_start, other_starts

__all__ = ["FitSettings", "fit", "fitted"]

Floats = NDArray[np.float64]

#: How often a lower minimum that errors come across may begin the fit anew.
_MOST_RESTARTS = 5
_UNKNOWN = Interval(np.nan, np.nan)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What `fit` can be told, with its parameters."""

    band: Any = None
    statistic: str | None = None
    free: Iterable[str] = ()
    confidence: float = 0.9
    delta_statistic: float | None = None
    errors: bool = True
    starts: int = 1
    seed: int | None = None
    backend: str = "swiftxrt"


def fit(
    spectra: Any,
    model: Model,
    *,
    band: Any = None,
    statistic: str | None = None,
    free: Iterable[str] = (),
    confidence: float = 0.9,
    delta_statistic: float | None = None,
    errors: bool = True,
    starts: int = 1,
    seed: int | None = None,
    backend: str = "swiftxrt",
) -> FitResult:
    """Fit a model to a spectrum, or to several together.

    Bad channels are left out, and channels that are grouped are fitted as
    groups; for the statistics of counts no grouping is needed.

    Parameters
    ----------
    spectra : CountSpectrum, XRTSpectrum, SpectrumSet, or sequence or mapping of these
        What to fit; several are fitted jointly.
    model : Model
        The model, made of components of `swiftxrt.models`.
    band : EnergyBand, text or pair of energies, optional
        What to fit; by default 0.3-10 keV of XRT spectra, and all good
        channels of others. Bins that reach over a limit are left out.
    statistic : {"wstat", "cstat", "chi2"}, optional
        Poisson counts with a measured background (the default if there is
        one), Poisson counts without background, or chi squared.
    free : iterable of str, optional
        Parameters that each spectrum of a joint fit has for itself. One that
        is frozen in the model, such as the ``factor`` of a `Constant`, keeps
        its value for the first spectrum.
    confidence : float, optional
        Probability of the errors.
    delta_statistic : float, optional
        Rise of the statistic that defines the errors, in place of `confidence`.
    errors : bool, optional
        Whether to compute errors.
    starts : int, optional
        How many points to begin at; the lowest minimum counts.
    seed : int, optional
        Seed of all starts but the first.
    backend : {"swiftxrt", "sherpa", "threeml"}, optional
        What does the fit; the others, which have to be installed, are there
        for comparisons. threeML gives values without errors, and has no
        equivalent of some models.

    Returns
    -------
    result : FitResult
        Parameters with errors, the statistic, fluxes and more.

    Raises
    ------
    RequestError
        If the model or an option cannot be used, a response is missing, or
        the parts of a spectrum do not fit together.
    NoDataError
        If there is nothing to fit: no good bin, no counts, no exposure.
    FitError
        If the model cannot be evaluated where the fit begins.

    Warns
    -----
    FitWarning
        If the fit did not converge, or a parameter or error ends at a bound.

    Examples
    --------
    >>> from swiftxrt import fit, models
    >>> result = fit(spectrum, models.TBabs() * models.PowerLaw())  # doctest: +SKIP
    >>> result.parameters["photon_index"]  # doctest: +SKIP
    <FitParameter 2.37 (-0.097, +0.101)>
    """
    settings = FitSettings(
        band=band, statistic=statistic, free=free, confidence=confidence, delta_statistic=delta_statistic,
        errors=errors, starts=starts, seed=seed, backend=backend,
    )  # fmt: skip
    result = fitted(spectra, model, settings)
    if result.messages:
        warn(f"fit of {result.model.expression}: {'; '.join(result.messages)}", FitWarning)
    return result


def fitted(spectra: Any, model: Model, settings: FitSettings) -> FitResult:
    """As `fit`, without warnings: for threads, which share the filters of warnings."""
    items = _spectra(spectra)
    rise = _rise(settings.confidence, settings.delta_statistic)
    _check_options(model, settings.starts, settings.backend)
    limits = None if settings.band is None else as_band(settings.band)
    data = [FitData.of(item, limits, settings.statistic) for item in items]
    problem = Problem(data, Layout(model, len(items), _names(settings.free)))
    if settings.backend != "swiftxrt":
        from .cross_check import fit_elsewhere

        best = fit_elsewhere(settings.backend, problem, first_start(problem))
    else:
        best = _search(problem, settings.starts, settings.seed)
    intervals = [_UNKNOWN] * len(best.x)
    # Errors are ours, around a minimum of our statistic: with another folding there is another one.
    with_errors = settings.errors and settings.backend != "threeml"
    if with_errors:
        best, intervals = _intervals(problem, best, rise)
    return _result(problem, best, intervals, rise, limits, settings.backend, with_errors=with_errors)


def _spectra(given: Any) -> tuple[CountSpectrum, ...]:
    if isinstance(given, SpectrumSet):
        items = given.count_spectra
    elif isinstance(given, Sequence | Mapping):
        several = given.values() if isinstance(given, Mapping) else given
        items = tuple(count_spectrum(item) for item in several)
    else:
        items = (count_spectrum(given),)
    if not items:
        raise RequestError([("spectra", "at least one spectrum is needed; got none")], "fit")
    return items


def _names(free: Iterable[str]) -> tuple[str, ...]:
    return (free,) if isinstance(free, str) else tuple(free)


def _rise(confidence: float, delta_statistic: float | None) -> float:
    if delta_statistic is None:
        return rise_of(confidence)
    if (
        isinstance(delta_statistic, bool)
        or not isinstance(delta_statistic, int | float)
        or not 0 < delta_statistic < np.inf
    ):
        raise RequestError(
            [("delta_statistic", f"a positive number is needed, such as 2.706; got {delta_statistic!r}")], "fit"
        )
    return float(delta_statistic)


def _check_options(model: Any, starts: Any, backend: Any) -> None:
    problems = []
    if not isinstance(model, Model):
        text = "a model is needed, such as models.TBabs() * models.PowerLaw()"
        problems.append(("model", f"{text}; got {model!r}"))
    if isinstance(starts, bool) or not isinstance(starts, int) or starts < 1:
        problems.append(("starts", f"a positive whole number is needed; got {starts!r}"))
    if backend not in ("swiftxrt", "sherpa", "threeml"):
        problems.append(("backend", f"one of swiftxrt, sherpa, threeml is needed; got {backend!r}"))
    if problems:
        raise RequestError(problems, "fit")


def _search(problem: Problem, starts: int, seed: int | None) -> Minimum:
    first = first_start(problem)
    if not np.isfinite(problem.evaluate(first).statistic):
        named = ", ".join(f"{name} = {value:.4g}" for name, value in zip(problem.layout.names, first, strict=True))
        raise FitError(
            f"the model has no finite statistic at {named}; set other values to start with, or narrower bounds"
        )
    best = minimise(problem, first)
    for point in other_starts(problem, first, starts - 1, seed):
        if np.isfinite(problem.evaluate(point).statistic):
            found = minimise(problem, point, robust=False)
            if found.at.statistic < best.at.statistic:
                best = found
    return best


def _intervals(problem: Problem, best: Minimum, rise: float) -> tuple[Minimum, list[Interval]]:
    """Limits of all free parameters; a lower minimum that is met on the way takes the place of the first."""
    for _ in range(_MOST_RESTARTS):
        sigma = np.sqrt(np.diag(covariance(problem, best)))
        try:
            return best, [profile_interval(problem, best, k, float(sigma[k]), rise) for k in range(len(best.x))]
        except BetterMinimumError as better:
            best = minimise(problem, better.x)
    return best, [_UNKNOWN] * len(best.x)


def _result(
    problem: Problem,
    best: Minimum,
    intervals: list[Interval],
    rise: float,
    band: tuple[float, float] | None,
    backend: str,
    *,
    with_errors: bool,
) -> FitResult:
    layout = problem.layout
    messages = (*_messages(layout, best, intervals, with_errors=with_errors), *_below_zero(problem, best.x))
    values = best.x.copy()
    values.flags.writeable = False
    result = FitResult(
        spectra=tuple(item.spectrum for item in problem.data),
        model=layout.model_of(best.x, 0),
        own=tuple(layout.model.full_names[place] for place in layout.own),
        free_names=layout.names,
        values=values,
        parameters=MappingProxyType(_parameters(layout, best.x, intervals)),
        statistic=best.at.statistic,
        statistic_name="+".join(item.statistic_name for item in problem.data),
        n_bins=sum(item.counts.size for item in problem.data),
        is_converged=best.is_converged,
        messages=messages,
        delta_statistic=rise,
        confidence=float(gammainc(0.5, rise / 2.0)),
        band=band,
        backend=backend,
    )
    result.__dict__["problem"] = problem  # Else it would be made again for the first flux.
    return result


def _messages(layout: Layout, best: Minimum, intervals: list[Interval], *, with_errors: bool) -> Iterable[str]:
    if not best.is_converged:
        yield "it did not converge; try other start values, starts=10, or a simpler model"
    for number, (item, interval) in enumerate(zip(layout.free, intervals, strict=True)):
        unit, value = item.slot.definition.unit, best.x[number]
        for side, bound, limit in (("low", layout.low, interval.low), ("high", layout.high, interval.high)):
            text = f"{bound[number]:g} {unit}".rstrip()
            if value == bound[number]:
                yield f"{item.name} is at its {'lowest' if side == 'low' else 'highest'} value {text}"
            elif side in interval.ends_at:
                yield f"the {'lower' if side == 'low' else 'upper'} error of {item.name} ends at its bound {text}"
            elif with_errors and np.isnan(limit):
                yield f"no {'lower' if side == 'low' else 'upper'} error of {item.name} was found"
        if best.at.curvature[number, number] == 0 and value not in (layout.low[number], layout.high[number]):
            yield f"nothing depends on {item.name}"


def _below_zero(problem: Problem, x: Floats) -> Iterable[str]:
    if not problem.layout.may_be_negative:
        return
    below = sum(int(np.sum(problem.predicted(x, number) < 0)) for number in range(len(problem.data)))
    if below:
        yield (
            f"the model is below zero in {below} bin{'s' * (below > 1)}, where no further change counts: "
            "a norm may be far too low; bound it closer to zero"
        )


def _parameters(layout: Layout, x: Floats, intervals: list[Interval]) -> dict[str, FitParameter]:
    """All parameters with errors; those that each spectrum has for itself once for each."""
    found = {}
    limits = {(item.place, item.spectrum): interval for item, interval in zip(layout.free, intervals, strict=True)}
    for place, (name, slot) in enumerate(zip(layout.model.names, layout.model.slots, strict=True)):
        root, factor = layout.root(place)
        several = root in layout.own and layout.n_spectra > 1
        for spectrum in range(layout.n_spectra) if several else (None,):
            value = layout.values(x, spectrum or 0)[place]
            interval = limits.get((root, spectrum))
            unit = slot.definition.unit
            if interval is None:
                item = FitParameter(value * unit, frozen=True)
            else:
                ends = sorted((factor * interval.low, factor * interval.high))
                low, high = np.maximum([value - ends[0], ends[1] - value], 0.0)
                item = FitParameter(value * unit, low * unit, high * unit)
            found[name if spectrum is None else f"{name}[{spectrum}]"] = item
    return found
