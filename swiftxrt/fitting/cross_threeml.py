"""The same fit by threeML, for comparisons.

Counts, grouping and response are ours; the components of the model
(astromodels), their integration over energies, folding, likelihood and
minimiser (Minuit) are those of threeML.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from ..exceptions import FitError, RequestError
from .cross_common import imported, positive_edges
from .fitdata import FitData
from .minimise import Minimum
from .problem import Evaluation, Problem

__all__ = ["fit_with_threeml"]

Floats = NDArray[np.float64]

#: Functions of astromodels: name, and for each of our parameters its name there and the factor to its unit and sign.
_FUNCTIONS = MappingProxyType(
    {
        "powerlaw": ("Powerlaw", {"photon_index": ("index", -1.0), "norm": ("K", 1.0)}),
        "cutoffpowerlaw": (
            "Cutoff_powerlaw",
            {"photon_index": ("index", -1.0), "cutoff_energy": ("xc", 1.0), "norm": ("K", 1.0)},
        ),
        "brokenpowerlaw": (
            "Broken_powerlaw",
            {
                "photon_index_low": ("alpha", -1.0),
                "break_energy": ("xb", 1.0),
                "photon_index_high": ("beta", -1.0),
                "norm": ("K", 1.0),
            },
        ),
        "tbabs": ("TbAbs", {"nh": ("NH", 1e-22)}),
        "ztbabs": ("TbAbs", {"nh": ("NH", 1e-22), "redshift": ("redshift", 1.0)}),
        "constant": ("Constant", {"factor": ("k", 1.0)}),
    }
)
#: It varies the logarithms of these, which need a lower limit; 1e18 per cm2 absorb nothing.
_LEAST = MappingProxyType({"NH": 1e-4, "K": 1e-30})
_NOTHING = 1e-30
#: It takes three points of each energy bin, too few where absorption has an edge: bins are handed over in pieces.
_LOG_STEP, _MOST_PIECES = 0.002, 50
#: A step of the minimiser, in parts of the value.
_FIRST_STEP = 0.05


def fit_with_threeml(problem: Problem, start: Floats) -> Minimum:
    """Fit with threeML.

    Parameters
    ----------
    problem : Problem
        Data, model and free parameters.
    start : ndarray
        Where to begin.

    Returns
    -------
    minimum : Minimum
        Values that threeML finds, and its likelihood as a statistic like ours.

    Raises
    ------
    RequestError
        If it is not installed, has no equivalent of the model, or of the
        statistic.
    FitError
        If its minimiser fails.
    """
    _check(problem)
    threeml, astromodels = _imported("threeML"), _imported("astromodels")
    spectra = [_spectrum(threeml, item, number) for number, item in enumerate(problem.data)]
    sources, parameters = zip(*(_source(astromodels, problem, i, start) for i in range(len(spectra))), strict=True)
    model = astromodels.Model(*sources)
    free = _share(astromodels, problem, model, parameters)
    for number, spectrum in enumerate(spectra):
        spectrum.assign_to_source(_name(number))
    likelihood = threeml.JointLikelihood(model, threeml.DataList(*spectra), verbose=False)
    likelihood.set_minimizer("minuit")
    try:
        likelihood.fit(quiet=True, compute_covariance=False)
    except _imported("threeML.minimizer.minimization").FitFailed as error:
        raise FitError(f"the minimiser of threeML failed: {error}; set other values to start with") from error
    x = np.array([parameter.value / factor for parameter, factor in free])
    statistic = sum(
        2.0 * (_saturated(item) - one.get_log_like()) for item, one in zip(problem.data, spectra, strict=True)
    )
    return Minimum(x, Evaluation(float(statistic), *problem.evaluate(x)[1:]), is_converged=True)


def _imported(name: str) -> Any:
    return imported("threeml", name)


def _check(problem: Problem) -> None:
    """Refuse what threeML cannot do the same way."""
    problems = []
    unknown = [name for name in problem.layout.model.components if _kind(name) not in _FUNCTIONS]
    if unknown:
        problems.append(f"threeML has no equivalent of {', '.join(unknown)}, only of {', '.join(_FUNCTIONS)}")
    if any(data.statistic_name == "chi2" for data in problem.data):
        problems.append("'threeml' compares statistics of counts; use statistic='wstat' or 'cstat'")
    if any(np.ndim(data.spectrum.background_ratio) for data in problem.data):
        problems.append("threeML takes one ratio to the background; this one changes from channel to channel")
    if problems:
        raise RequestError([("backend", text) for text in problems], "fit")


def _kind(name: str) -> str:
    return name.partition("_")[0]  # Components of which there are several are numbered.


def _name(number: int) -> str:
    return f"source{number}"


def _spectrum(threeml: Any, data: FitData, number: int) -> Any:
    """Our bins as channels, with the columns of the response that belong to them."""
    spectrum, folding = data.spectrum, data.folding
    chosen, rmf = folding.rows, spectrum.rmf
    area = np.ones(rmf.matrix.shape[0]) if spectrum.arf is None else spectrum.arf.effective_area.value  # type: ignore[union-attr]
    energies = positive_edges(rmf, chosen)  # type: ignore[arg-type]
    parts = np.clip(np.ceil(np.diff(np.log(energies)) / _LOG_STEP), 1, _MOST_PIECES).astype(int)
    matrix = np.repeat(folding.matrix(np.arange(data.counts.size)) * area[chosen, np.newaxis], parts, axis=0)
    pieces = np.arange(parts.sum() + 1)
    energies = np.interp(pieces, np.append(0, np.cumsum(parts)), energies)
    low, high = data.edges_kev
    edges, exposure = np.append(low, high[-1]), float(spectrum.exposure.value)
    response = _imported("threeML.utils.OGIP.response").InstrumentResponse(matrix.T, edges, energies)
    binned = _imported("threeML.utils.spectrum.binned_spectrum")
    observed = binned.BinnedSpectrumWithDispersion(data.counts, exposure, response, is_poisson=True)
    background = None
    if data.background is not None:
        scale = 1.0 / float(spectrum.background_ratio)
        background = binned.BinnedSpectrum(data.background, exposure, edges, scale_factor=scale, is_poisson=True)
    return threeml.DispersionSpectrumLike(f"spectrum{number}", observed, background, verbose=False)


def _source(astromodels: Any, problem: Problem, number: int, start: Floats) -> tuple[Any, list[tuple[Any, float]]]:
    """The model of one spectrum, and its parameters with their factors in the order of ours."""
    layout = problem.layout
    model, values = layout.model, layout.values(start, number)
    functions = [getattr(astromodels, _FUNCTIONS[_kind(name)][0])() for name in model.components]
    found = []
    for place, (slot, value) in enumerate(zip(model.slots, values, strict=True)):
        owner = model.component_of(place)
        theirs, factor = _FUNCTIONS[_kind(model.components[owner])][1][slot.definition.name]
        parameter = functions[owner].parameters[theirs]
        low, high = sorted((slot.low * factor, slot.high * factor))
        worth = value * factor
        if parameter.has_transformation():
            low = max(low, _LEAST.get(theirs, 0.0) if worth > _LEAST.get(theirs, 0.0) else _NOTHING)
            worth = max(worth, low)
        # Minuit is lost between limits that are too far apart.
        parameter.bounds = low, None if slot.high == slot.definition.high and slot.definition.is_linear else high
        parameter.value, parameter.free = worth, False
        parameter.delta = _FIRST_STEP * max(abs(parameter.value), slot.definition.scale * abs(factor))
        found.append((parameter, factor))
    spectrum = model.combined(functions)
    return astromodels.PointSource(_name(number), ra=0, dec=0, spectral_shape=spectrum), found


def _share(
    astromodels: Any, problem: Problem, model: Any, parameters: tuple[list[tuple[Any, float]], ...]
) -> list[tuple[Any, float]]:
    """Free the parameters of the fit, and link those that follow them; gives the free ones."""
    layout, free = problem.layout, []
    for number, item in enumerate(layout.free):
        owner = item.spectrum or 0
        leader, factor = parameters[owner][item.place]
        leader.free = True
        free.append((leader, factor))
        for spectrum in range(layout.n_spectra):
            for place in layout.touches(number, spectrum):
                follower, other = parameters[spectrum][place]
                if follower is not leader:
                    ratio = layout.root(place)[1] * other / factor
                    law = astromodels.Line(a=0.0, b=ratio)
                    law.a.free = law.b.free = False
                    model.link(follower, leader, law)
    return free


def _saturated(data: FitData) -> float:
    """Logarithm of the likelihood of a model that agrees with the counts, as threeML normalises it."""
    counts = data.counts if data.background is None else np.append(data.counts, data.background)
    return float(np.sum(xlogy(counts, counts) - counts - gammaln(counts + 1.0)))
