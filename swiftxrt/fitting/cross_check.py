"""The same fit by other packages, for comparisons.

With sherpa, counts, response and model are ours; folding, statistic and
minimisers are its own. For threeML see `swiftxrt.fitting.cross_threeml`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..products.countspectrum import CountSpectrum
from .cross_common import imported, positive_edges
from .cross_threeml import fit_with_threeml
from .fitdata import FitData
from .minimise import Minimum
from .problem import Evaluation, Problem

__all__ = ["fit_elsewhere", "fit_with_sherpa"]

Floats = NDArray[np.float64]

_SHERPA_TOLERANCE = 1e-10


def fit_elsewhere(backend: str, problem: Problem, start: Floats) -> Minimum:
    """Fit with another package.

    Parameters
    ----------
    backend : {"sherpa", "threeml"}
        The package.
    problem : Problem
        Data, model and free parameters.
    start : ndarray
        Where to begin.

    Returns
    -------
    minimum : Minimum
        Values and statistic that it finds.

    Raises
    ------
    RequestError
        If it is not installed, or cannot do such a fit.
    FitError
        If its minimiser fails.
    """
    return {"sherpa": fit_with_sherpa, "threeml": fit_with_threeml}[backend](problem, start)


def fit_with_sherpa(problem: Problem, start: Floats) -> Minimum:
    """Fit with sherpa.

    Parameters
    ----------
    problem : Problem
        Data, model and free parameters.
    start : ndarray
        Where to begin.

    Returns
    -------
    minimum : Minimum
        Values and statistic that sherpa finds.

    Raises
    ------
    RequestError
        If it is not installed, or the spectra have different statistics.
    """
    sherpa_fit, data, stats, optmethods, models = (
        _imported(name) for name in ("fit", "data", "stats", "optmethods", "models.model")
    )
    instrument = _imported("astro.instrument")
    names = {item.statistic_name for item in problem.data}
    if len(names) > 1:
        raise RequestError(
            [("backend", f"sherpa takes one statistic for all spectra; got {', '.join(sorted(names))}")], "fit"
        )
    spectra = [_sherpa_spectrum(item) for item in problem.data]
    ours = _sherpa_models(problem, start)
    folded = [instrument.Response1D(one)(model) for one, model in zip(spectra, ours, strict=True)]
    statistic = {"wstat": stats.WStat, "cstat": stats.CStat, "chi2": stats.Chi2DataVar}[names.pop()]()
    together = data.DataSimulFit("all", spectra), models.SimulFitModel("all", folded)
    # Its Levenberg-Marquardt ends some 1e-6 above the minimum; the simplex goes on from there.
    for method in (optmethods.LevMar(), optmethods.NelderMead()):
        method.config["ftol"] = _SHERPA_TOLERANCE
        found = sherpa_fit.Fit(*together, stat=statistic, method=method).fit()
    x = start.copy()
    for number, name in enumerate(problem.layout.names):
        x[number] = _parameter(ours, name).val * _scale(start[number], problem.step[number])
    return Minimum(x, Evaluation(float(found.statval), *problem.evaluate(x)[1:]), bool(found.succeeded))


def _imported(name: str) -> Any:
    return imported("sherpa", f"sherpa.{name}")


def _scale(value: float, step: float) -> float:
    """Worth of one in sherpa's parameters, which are best of the order of one."""
    return max(abs(value), step)


def _parameter(models: list[Any], name: str) -> Any:
    return next(
        item for model in models for item in model.pars if item.fullname.endswith(f"|{name}") and not item.frozen
    )


def _sherpa_models(problem: Problem, start: Floats) -> list[Any]:
    """One model for each spectrum, with a parameter for each that is free; shared ones are linked to the first."""
    models, parameter = _imported("models.model"), _imported("models.parameter")
    layout = problem.layout

    class Ours(models.ArithmeticModel):  # type: ignore[name-defined, misc]  # Sherpa may not be there.
        def __init__(self, number: int) -> None:
            self.number = number
            pars = []
            for place, name in enumerate(layout.names):
                worth = _scale(start[place], problem.step[place])
                pars.append(
                    parameter.Parameter(
                        f"m{number}",
                        f"|{name}",
                        start[place] / worth,
                        layout.low[place] / worth,
                        layout.high[place] / worth,
                    )
                )
            self.worth = np.array([_scale(value, step) for value, step in zip(start, problem.step, strict=True)])
            super().__init__(f"m{number}", pars)

        def calc(self, p: Any, *args: Any, **kwargs: Any) -> Floats:
            folding = problem.data[self.number].folding
            values = layout.values(np.asarray(p) * self.worth, self.number)
            photons = folding.grid.per_bin(layout.model.combined(layout.model.arrays(folding.grid, values)))
            found = np.zeros(len(args[0]))
            found[folding.rows] = photons
            return found

    made = [Ours(number) for number in range(layout.n_spectra)]
    for place, item in enumerate(layout.free):
        owner = 0 if item.spectrum is None else item.spectrum
        for number, model in enumerate(made):
            if number != owner and item.spectrum is None:
                model.pars[place].link = made[0].pars[place]
            elif number != owner:
                model.pars[place].freeze()
    return made


def _sherpa_errors(spectrum: CountSpectrum) -> dict[str, Floats | None]:
    """Errors where they do not follow from the counts; systematic ones of the background among those of the source."""
    variance, outside = (spectrum.systematic * spectrum.counts) ** 2, spectrum.background
    if outside is not None:
        variance = variance + (spectrum.background_ratio * outside.systematic * outside.counts) ** 2
    return {"staterror": spectrum.counts_err, "syserror": np.sqrt(variance) if np.any(variance) else None}


def _sherpa_spectrum(data: FitData) -> Any:
    pha, spectrum = _imported("astro.data"), data.spectrum
    rmf, arf = spectrum.rmf, spectrum.arf
    channel = np.asarray(spectrum.channel) - int(spectrum.channel[0]) + 1
    made = pha.DataPHA(data.name, channel, np.asarray(spectrum.counts, dtype=float), **_sherpa_errors(spectrum))
    made.exposure, made.backscal, made.areascal = spectrum.exposure.value, spectrum.backscale, spectrum.areascale
    edges, n_energy, n_channel = positive_edges(rmf), *rmf.matrix.shape  # type: ignore[arg-type, union-attr]
    one = np.ones(n_energy, dtype=int)
    bounds = rmf.channel_edges.value  # type: ignore[union-attr]
    made.set_rmf(
        pha.DataRMF(
            "rmf",
            n_channel,
            edges[:-1],
            edges[1:],
            one,
            one,
            one * n_channel,
            rmf.matrix.ravel(),
            1,
            bounds[:-1],
            bounds[1:],  # type: ignore[union-attr]
        )
    )
    if arf is not None:
        made.set_arf(
            pha.DataARF("arf", edges[:-1], edges[1:], np.array(arf.effective_area.value), exposure=made.exposure)
        )
    if spectrum.background is not None:
        counts = np.asarray(spectrum.background.counts, dtype=float)
        outside = pha.DataPHA("background", channel, counts, staterror=spectrum.background.counts_err)
        outside.exposure = spectrum.background.exposure.value
        outside.backscal, outside.areascal = spectrum.background.backscale, spectrum.background.areascale
        made.set_background(outside)
    grouping, used = np.ones(channel.size, dtype=int), np.zeros(channel.size, dtype=bool)
    for first, stop in zip(data.first, data.stop, strict=True):
        grouping[first + 1 : stop] = -1
        used[first] = True
    made.grouping, made.grouped = grouping, True
    made.units = "channel"
    if spectrum.background is not None:
        outside.grouping, outside.grouped = grouping, True
        if data.statistic_name == "chi2":
            made.subtract()
    made.mask = used[grouping == 1]
    return made
