"""Folders with which XSPEC fits spectra: PHA files, their companions, and two scripts.

``load.xcm`` has only what XSPEC's own command ``save`` would write, so that
PyXspec's ``Xset.restore`` takes it; ``fit.xcm`` loads that and fits. All names
are relative to the folder.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .._atomic import atomic_path, check_target, usable_folder
from .._paths import as_path
from ..bands import TOTAL, EnergyBand
from ..exceptions import RequestError
from ..fitting.model import Model
from ..fitting.xspec import XspecModel, XspecParameter
from ..products.countspectrum import CountSpectrum
from .pha import companion_names, write_pha

__all__ = ["write_xspec"]

PathLike = str | os.PathLike[str]

#: Statistics by the names that we give them, and what XSPEC calls them. With a background, its cstat is W.
_STATISTICS = {"cstat": "cstat", "wstat": "cstat", "chi": "chi", "chi2": "chi"}
#: XSPEC scales norms before it fits; this one is for those that are not known.
_UNKNOWN_NORM = 1e-3
_LARGEST = 1e20
#: Part of a value by which XSPEC changes it at first.
_STEP = 0.01
_LOAD, _FIT = "load.xcm", "fit.xcm"
_HEAD = "# Run XSPEC in the folder of this file and type @{name}\n"
_SETTINGS = ("method leven 100 0.0001", "abund wilm", "xsect vern", "systematic 0")


def write_xspec(
    spectra: Sequence[CountSpectrum],
    folder: PathLike,
    *,
    model: Model | Sequence[Model] | None = None,
    own: Sequence[str] = (),
    statistic: str | None = None,
    band: EnergyBand | str | tuple[float, float] | None = None,
    regroup: bool = True,
    delta_statistic: float = 2.706,
    overwrite: bool = False,
) -> Path:
    """Write spectra, their companions and the scripts ``load.xcm`` and ``fit.xcm``.

    Parameters
    ----------
    spectra : sequence of CountSpectrum
        What is fitted together.
    folder : path-like
        Where to write; made if it is not there.
    model : Model or sequence of Model, optional
        One model for all, or one for each spectrum, which then differ in
        values only.
    own : sequence of str, optional
        Parameters that each spectrum has for itself; one that is frozen is
        so for the first spectrum only.
    statistic : str, optional
        ``"cstat"`` (also ``"wstat"``) or ``"chi"`` (also ``"chi2"``); several,
        one for each spectrum, joined by ``+``. By default cstat for counts.
    band : EnergyBand, str or (float, float), optional
        Energies to be fitted, numbers in keV; by default 0.3-10 keV of the
        XRT, and all good channels of others.
    regroup : bool, optional
        Whether counts that are not grouped are joined to at least one in each
        group, without which XSPEC's W-stat is biased.
    delta_statistic : float, optional
        Rise of the statistic that defines the errors.
    overwrite : bool, optional
        Whether existing files may be replaced.

    Returns
    -------
    path : Path
        ``fit.xcm``, or ``load.xcm`` without a model.

    Raises
    ------
    RequestError
        If there is no spectrum, one has no RMF, or an argument cannot be used.
    OutputExistsError
        If a file exists and `overwrite` is False.
    """
    if not spectra:
        raise RequestError([("spectra", "at least one spectrum is needed")], "XSPEC folder")
    for spectrum in spectra:
        if spectrum.rmf is None:
            told = f"XSPEC needs the RMF of each spectrum, and {spectrum.name} has none; see with_response(rmf=...)"
            raise RequestError([("spectra", told)], "XSPEC folder")
    folder = as_path(folder, "folder")
    names = _names(spectra)
    models = _models(model, len(spectra))
    grouped = [one.group(min_counts=1) if regroup and _is_bare(one) else one for one in spectra]
    statistics = _statistics(statistic, spectra)
    groups = len(spectra) if own and len(spectra) > 1 else 1
    data = _with_statistics(statistics, _data(names, groups))
    load = _HEAD.format(name=_LOAD) + "\n".join([*_SETTINGS, *data, "ignore bad", *_ignored(spectra, band)])
    scripts = {_LOAD: load + "\n"}
    if models:
        lines, free = _parameters([one.to_xspec() for one in models[:groups]], _own_places(models[0], own))
        scripts[_LOAD] += "\n".join([f"model {models[0].to_xspec().expression}", *lines]) + "\n"
        scripts[_FIT] = _fit_script(free, delta_statistic)
    usable_folder(folder)
    for name in (*scripts, *_files(spectra, names)):
        check_target(folder / name, overwrite)
    written: dict[int, str] = {}
    for name, one in zip(names, grouped, strict=True):
        write_pha(one, folder / f"{name}.pha", overwrite=overwrite, known=written)
    for name, text in scripts.items():
        with atomic_path(folder / name, overwrite) as temporary:
            temporary.write_text(text, encoding="ascii")
    return folder / list(scripts)[-1]


def _is_bare(spectrum: CountSpectrum) -> bool:
    return spectrum.has_poisson_counts and not spectrum.is_grouped and bool(spectrum.counts.any())


def _names(spectra: Sequence[CountSpectrum]) -> list[str]:
    """Names of the files without ending, as XSPEC takes them; none twice."""
    names: list[str] = []
    for number, spectrum in enumerate(spectra, start=1):
        name = re.sub(r"[^A-Za-z0-9_.]+", "_", spectrum.name).lstrip("._") or "spectrum"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def _files(spectra: Sequence[CountSpectrum], names: Sequence[str]) -> Iterator[str]:
    for spectrum, name in zip(spectra, names, strict=True):
        yield f"{name}.pha"
        companions = companion_names(Path(f"{name}.pha"))
        parts = {"BACKFILE": spectrum.background, "ANCRFILE": spectrum.arf, "RESPFILE": spectrum.rmf}
        yield from (companions[key] for key, part in parts.items() if part is not None)


def _models(model: Model | Sequence[Model] | None, number: int) -> tuple[Model, ...]:
    if model is None:
        return ()
    models = (model,) * number if isinstance(model, Model) else tuple(model)
    if len(models) != number or not all(isinstance(one, Model) for one in models):
        told = f"a model of swiftxrt.models, or one for each of the {number} spectra, is needed; got {model!r:.80}"
        raise RequestError([("model", told)], "XSPEC folder")
    return models


def _own_places(model: Model, own: Sequence[str]) -> set[int]:
    """Places of the parameters that each spectrum has for itself."""
    known = (*model.names, *model.full_names)
    unknown = [name for name in own if name not in known]
    if unknown:
        told = f"the model has no parameter {', '.join(unknown)}; it has {', '.join(model.names)}"
        raise RequestError([("own", told)], "XSPEC folder")
    return {model.place(name) for name in own}


def _statistics(statistic: str | None, spectra: Sequence[CountSpectrum]) -> list[str]:
    """What XSPEC calls the statistic of each spectrum."""
    if statistic is None:
        given = ["cstat" if one.has_poisson_counts else "chi" for one in spectra]
    else:
        given = statistic.split("+") if isinstance(statistic, str) else [""]
        given = given * len(spectra) if len(given) == 1 else given
    if len(given) != len(spectra) or any(one not in _STATISTICS for one in given):
        told = f"'cstat' or 'chi' is needed; got {statistic!r}"
        raise RequestError([("statistic", told)], "XSPEC folder")
    counted = [one.has_poisson_counts for one in spectra]
    if any(_STATISTICS[one] == "cstat" and not counts for one, counts in zip(given, counted, strict=True)):
        raise RequestError([("statistic", "rates with errors of their own need 'chi'")], "XSPEC folder")
    return [_STATISTICS[one] for one in given]


def _with_statistics(statistics: Sequence[str], data: str) -> list[str]:
    """Commands that load the spectra: what comes first is for spectra to come, a number is that of one that is there."""
    others = [f"statistic {name} {number}" for number, name in enumerate(statistics, start=1) if name != statistics[0]]
    return [f"statistic {statistics[0]}", data, *others]


def _data(names: Sequence[str], groups: int) -> str:
    """All spectra, each in a data group of its own if they have parameters of their own."""
    places = (f"{number if groups > 1 else 1}:{number} {name}.pha" for number, name in enumerate(names, start=1))
    return f"data {' '.join(places)}"


def _ignored(spectra: Sequence[CountSpectrum], band: EnergyBand | str | tuple[float, float] | None) -> Iterator[str]:
    """What lies outside of the band; XSPEC takes numbers with a point for energies in keV."""
    limits: tuple[float, float] | None = None
    if isinstance(band, tuple) and all(isinstance(limit, int | float) for limit in band):
        limits = (float(band[0]), float(band[1]))
    elif band is not None:
        parsed = EnergyBand.parse(band)
        limits = (parsed.low_kev, parsed.high_kev)
    for number, spectrum in enumerate(spectra, start=1):
        chosen = limits or ((TOTAL.low_kev, TOTAL.high_kev) if spectrum.mode is not None else None)
        if chosen is not None:
            yield f"ignore {number}:**-{_number(chosen[0])}"
            yield f"ignore {number}:{_number(chosen[1])}-**"


def _parameters(models: Sequence[XspecModel], own: set[int]) -> tuple[list[str], list[int]]:
    """A line for each parameter of each data group, and the numbers of those that are free."""
    lines: list[str] = []
    free: list[int] = []
    for group, model in enumerate(models):
        first = group * len(model.parameters)
        for place, parameter in enumerate(model.parameters):
            if parameter.link is not None:
                lines.append(_linked(first + parameter.link[0], parameter.link[1]))
            elif group and place not in own:
                lines.append(_linked(place + 1, 1.0))
            else:
                # As in our fits: one that is frozen keeps its value for the first spectrum, and is free for all others.
                is_frozen = parameter.frozen and not (group and place in own)
                lines.append(_values(parameter, is_frozen=is_frozen))
                if not is_frozen:
                    free.append(first + place + 1)
    return lines, free


def _linked(number: int, ratio: float) -> str:
    return f"= p{number}" if ratio == 1.0 else f"= {_number(ratio)}*p{number}"


def _values(parameter: XspecParameter, *, is_frozen: bool) -> str:
    """Value, first step (negative if frozen), and the bounds, soft and hard."""
    value = _UNKNOWN_NORM if math.isnan(parameter.value) else parameter.value
    low, high = max(parameter.low, -_LARGEST), min(parameter.high, _LARGEST)
    step = _STEP * abs(value) or _STEP
    numbers = (value, -step if is_frozen else step, low, low, high, high)
    return " ".join(_number(number) for number in numbers)


def _fit_script(free: Sequence[int], delta_statistic: float) -> str:
    errors = [f"error {_number(delta_statistic)} {' '.join(map(str, free))}"] if free else []
    return _HEAD.format(name=_FIT) + "\n".join(["query yes", f"@{_LOAD}", "renorm", "fit", *errors]) + "\n"


def _number(value: float) -> str:
    """All digits, and always a point or an exponent, which tells an energy from a channel."""
    text = repr(float(value))
    return text if "." in text or "e" not in text else text.replace("e", ".0e")
