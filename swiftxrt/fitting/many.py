"""The same fit to many spectra, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields, replace
from time import monotonic
from typing import Any

from .._fields import nearest
from .._log import log
from .._workers import WorkerPool, end_with_parent
from ..exceptions import FitWarning, RequestError, SwiftXRTError, warn
from ..products.countspectrum import CountSpectrum
from ..products.outcomes import Outcome
from ..products.response import RMF
from ..products.spectrumset import SpectrumSet
from .fit import FitSettings, fitted
from .fitdata import count_spectrum
from .model import Model
from .outcomes import FitOutcomes
from .result import FitResult

__all__ = ["fit_many"]

#: Worker processes have to save at least so much time: their start takes seconds.
_WORTH_S = 6.0
Group = tuple[CountSpectrum, ...]
Fits = Iterator[tuple[int, FitResult | SwiftXRTError]]


def fit_many(
    spectra: Any,
    model: Model,
    *,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> FitOutcomes:
    """Fit a model to each of many spectra.

    Parameters
    ----------
    spectra : sequence, mapping or SpectrumSet
        Spectra; one that is itself a sequence is fitted jointly. The names of
        a mapping name the outcomes.
    model : Model
        The model.
    processes : int, optional
        Worker processes; by default one per processor core as soon as the
        first fits show that these save time.
    progress : callable, optional
        Told how many fits are done, and how many there are.
    **options
        As for `fit`.

    Returns
    -------
    outcomes : FitOutcomes
        One for each spectrum in their order: `FitResult`, or the error of
        those that could not be fitted.

    Raises
    ------
    RequestError
        If `processes` is no positive number, `progress` no function, or
        something is no spectrum.

    Warns
    -----
    FitWarning
        How many fits did not converge, and of how many a parameter or an error ends at a bound, or other messages
        need care; they are in the results, and in the table of the outcomes.
    """
    if processes is not None and (isinstance(processes, bool) or not isinstance(processes, int) or processes < 1):
        raise RequestError([("processes", f"a positive whole number is needed; got {processes!r}")], "fit_many")
    if progress is not None and not callable(progress):
        raise RequestError([("progress", f"a function of two numbers is needed; got {progress!r}")], "fit_many")
    settings = _settings(options)
    groups = _groups(spectra)
    found: dict[int, FitResult | SwiftXRTError] = {}
    for index, value in _all([group for _, group in groups], model, settings, processes):
        found[index] = value
        if progress is not None:
            progress(len(found), len(groups))
    _tell([value for value in found.values() if isinstance(value, FitResult)], len(groups))
    return FitOutcomes(_outcome(name, found[index]) for index, (name, _) in enumerate(groups))


def _tell(results: list[FitResult], number: int) -> None:
    """One warning for all fits that need care."""
    lost = sum(not one.is_converged for one in results)
    told = sum(one.is_converged and bool(one.messages) for one in results)
    texts = [f"{lost} of {number} fits did not converge"] if lost else []
    if told:
        example = next(one.messages[0] for one in results if one.is_converged and one.messages)
        texts.append(f"{told} of {number} fits have messages, such as {example!r}")
    if texts:
        warn(f"{'; '.join(texts)}; see messages of each result, or the column messages of the table", FitWarning)


def _settings(options: dict[str, Any]) -> FitSettings:
    known = [item.name for item in fields(FitSettings)]
    unknown = [
        (name, f"is no option of fit; there are {', '.join(known)}{nearest(name, known)}")
        for name in options
        if name not in known
    ]
    if unknown:
        raise RequestError(unknown, "fit_many")
    return FitSettings(**options)


def _groups(spectra: Any) -> list[tuple[Any, Group]]:
    """The spectra of each fit, with what the fit is called."""
    if isinstance(spectra, SpectrumSet):
        return [(item.name, (item,)) for item in spectra.count_spectra]
    if not isinstance(spectra, Sequence | Mapping):
        text = f"a sequence of spectra, or a mapping from names to spectra, is needed; got {type(spectra).__name__}"
        raise RequestError([("spectra", text)], "fit_many")
    named = spectra.items() if isinstance(spectra, Mapping) else ((None, item) for item in spectra)
    groups = [(name, _group(item)) for name, item in named]
    return [("+".join(one.name for one in group) if name is None else name, group) for name, group in groups]


def _group(item: Any) -> Group:
    return tuple(map(count_spectrum, item)) if isinstance(item, Sequence) else (count_spectrum(item),)


def _outcome(name: Any, value: FitResult | SwiftXRTError) -> Outcome:
    return Outcome(name, error=value) if isinstance(value, SwiftXRTError) else Outcome(name, value)


def _one(group: Group, model: Model, settings: FitSettings) -> FitResult | SwiftXRTError:
    try:
        return fitted(group, model, settings)
    except SwiftXRTError as error:
        return error


def _all(groups: list[Group], model: Model, settings: FitSettings, processes: int | None) -> Fits:
    """One fit after the other, and side by side what is left when that is asked for, or saves time."""
    number = min(processes or os.cpu_count() or 1, len(groups))
    if processes is not None and number > 1:
        yield from _side_by_side(groups, model, settings, number)
        return
    taken_s, begin = 0.0, monotonic()
    for index, value in _here(groups, model, settings):
        taken_s += monotonic() - begin
        yield index, value
        done, begin = index + 1, monotonic()
        left = len(groups) - done
        if processes is None and left * taken_s / done * (1 - 1 / number) > _WORTH_S:
            for more, later in _side_by_side(groups[done:], model, settings, min(number, left)):
                yield done + more, later
            return


def _here(groups: list[Group], model: Model, settings: FitSettings) -> Fits:
    for index, group in enumerate(groups):
        found = _one(group, model, settings)
        if isinstance(found, FitResult):
            found.forget()
        yield index, found


def _side_by_side(groups: list[Group], model: Model, settings: FitSettings, number: int) -> Fits:
    """Fits in worker processes. Matrices, which many spectra share, go to each worker once."""
    matrices, tokens = _distinct([item.rmf for group in groups for item in group])
    lean = iter([_lean(item) for group in groups for item in group])
    token = iter(tokens)
    pool = WorkerPool(number, _begin, (matrices,))
    with pool:
        futures: dict[Future[Any], int] = {}
        for index, group in enumerate(groups):
            parts = [(next(lean), next(token)) for _ in group]
            futures[pool.submit(_work, parts, model, settings)] = index
        for future in as_completed(futures):
            index = futures[future]
            try:
                found = future.result()
            except BrokenProcessPool:
                # As where they cannot start, or the memory is not enough for all.
                log.warning("fit_many: the worker processes ended, and the fit of %d goes on without them", index)
                found = _one(groups[index], model, settings)
            yield index, replace(found, spectra=groups[index]) if isinstance(found, FitResult) else found


def _distinct(matrices: list[RMF | None]) -> tuple[list[RMF], list[int | None]]:
    """Different matrices, and for each spectrum which is its own."""
    found: list[RMF] = []
    places: dict[int, int] = {}
    alike: dict[tuple[Any, ...], list[int]] = {}
    tokens: list[int | None] = []
    for rmf in matrices:
        if rmf is None:
            tokens.append(None)
            continue
        if id(rmf) not in places:
            key = (rmf.matrix.shape, rmf.first_channel, float(rmf.matrix[::53, ::17].sum()))
            same = [place for place in alike.get(key, ()) if found[place] == rmf]
            if not same:
                alike.setdefault(key, []).append(len(found))
                found.append(rmf)
            places[id(rmf)] = same[0] if same else len(found) - 1
        tokens.append(places[id(rmf)])
    return found, tokens


def _lean(spectrum: CountSpectrum) -> CountSpectrum:
    """A spectrum without its matrices, for the way to a worker."""
    outside = spectrum.background
    return spectrum.replace(rmf=None, background=None if outside is None else outside.replace(rmf=None, arf=None))


_MATRICES: list[RMF] = []


def _begin(matrices: list[RMF]) -> None:
    """Prepare a worker: it gets the matrices, leaves Ctrl-C to the main process, and ends with it."""
    _MATRICES[:] = matrices
    end_with_parent()


def _work(parts: list[tuple[CountSpectrum, int | None]], model: Model, settings: FitSettings) -> Any:
    group = tuple(item if token is None else item.replace(rmf=_MATRICES[token]) for item, token in parts)
    found = _one(group, model, settings)
    return replace(found, spectra=()) if isinstance(found, FitResult) else found
