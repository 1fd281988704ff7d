"""Light curves of many sources in one long table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ._curve import MET_DECIMALS, Curve, curve_time
from ._curve_plan import CurvePlan
from ._dataset_curves import columns_together
from ._display import ReadableTable
from .hardness import HardnessCurve
from .lightcurve import LightCurve, LightCurveSet
from .outcomes import Outcomes

__all__ = ["stack_light_curves"]

_FILL: dict[type, Any] = {float: np.nan, int: 0, bool: False, str: ""}
_RATES = tuple(name for name in LightCurveSet.NAMES if name not in LightCurveSet.RATIOS)


def stack_light_curves(
    sets: Outcomes | Mapping[Any, LightCurveSet], *, curves: str | Iterable[str] | None = None
) -> QTable:
    """Put the light curves of many sources into one long table.

    Much faster than stacking the curves one by one: the curves of sets that
    come from a catalogue are not even made for it.

    Parameters
    ----------
    sets : Outcomes or mapping
        Sets by what they are of: what `SwiftXRTClass.gather` gives, or a
        dictionary of names and sets. Of outcomes that failed a
        `PartialResultWarning` tells.
    curves : str or iterable of str, optional
        Which curves of each set, such as ``"total"`` or ``["hr1", "hr2"]``; by
        default those of rates in all bands. Sets without them are left out.

    Returns
    -------
    table : `~astropy.table.QTable`
        Columns ``item`` (number or name, as in `sets`), ``curve``, ``time``, and those of
        `LightCurve` or, for ratios, `HardnessCurve`; sorted by item in their
        order, curve, and time. If the times are those at the barycentre,
        ``meta["barycentred"]`` is true.

    Raises
    ------
    RequestError
        If rates and ratios, or times at the satellite and at the barycentre,
        would come together, or there is no such curve.

    Examples
    --------
    >>> found = SwiftXRT.gather(SwiftXRT.get_light_curve, [209851, 209220])  # doctest: +SKIP
    >>> table = stack_light_curves(found, curves="total")  # doctest: +SKIP
    """
    pairs = _pairs(sets)
    names = _names(curves)
    kind: type[Curve] = HardnessCurve if names[0] in LightCurveSet.RATIOS else LightCurve
    found = [
        (row, place, one.raw(name))
        for row, (_, one) in enumerate(pairs)
        for place, name in enumerate(names)
        if name in one
    ]
    barycentred = {_attribute(curve, "barycentred") for _, _, curve in found}
    if len(barycentred) > 1:
        raise RequestError("times at the satellite and at the barycentre cannot stand in one column; stack them apart")
    parts, owners = _parts([curve for _, _, curve in found], kind)
    columns = {name: _column(name, of, parts) for name, of in kind._schema.items()}
    owner = np.concatenate([np.array([], dtype=int), *owners])
    item, place = (np.array([one[index] for one in found], dtype=int)[owner] for index in (0, 1))
    order = np.lexsort([columns[name] for name in ("is_upper_limit", "mode", "met") if name in columns] + [place, item])
    met_s = np.round(columns["met"][order], MET_DECIMALS)
    labels = np.array([label for label, _ in pairs] or [""])
    data: dict[str, Any] = {
        "item": labels[item[order]],
        "curve": np.array(names)[place[order]],
        "time": curve_time(met_s, barycentred=any(barycentred)),
    }
    for name, of in kind._schema.items():
        values = met_s if name == "met" else columns[name][order]
        data[name] = values if isinstance(of, type) else values << of
    return ReadableTable(data, copy=False, meta={"barycentred": any(barycentred)})


def _pairs(sets: Any) -> list[tuple[Any, LightCurveSet]]:
    """Labels and sets; labels are all numbers or all texts."""
    if isinstance(sets, Outcomes):
        sets.tell_failures()
        done = [one for one in sets if one.is_ok]
        pairs = [(one.item if isinstance(one.item, int | np.integer) else one.name, one.value) for one in done]
    elif isinstance(sets, Mapping) and not isinstance(sets, LightCurveSet):
        pairs = list(sets.items())
    else:
        raise RequestError(
            [("sets", f"outcomes, or a mapping of names to sets, are needed; got {type(sets).__name__}")]
        )
    wrong = [value for _, value in pairs if not isinstance(value, LightCurveSet)]
    if wrong:
        raise RequestError([("sets", f"sets of light curves are needed; got a {type(wrong[0]).__name__}")])
    if all(isinstance(label, int | np.integer) for label, _ in pairs):
        return pairs
    return [(str(label), one) for label, one in pairs]


def _names(curves: Any) -> list[str]:
    names = list(_RATES) if curves is None else [curves] if isinstance(curves, str) else list(curves)
    for name in names:
        if name not in LightCurveSet.NAMES:
            known = f"must be of {', '.join(LightCurveSet.NAMES)}; got {name!r}"
            raise RequestError([("curves", known + nearest(str(name), LightCurveSet.NAMES))])
    if not names or len({name in LightCurveSet.RATIOS for name in names}) > 1:
        raise RequestError([("curves", "rates and hardness ratios have different columns; choose one kind of curve")])
    return list(dict.fromkeys(names))


def _parts(curves: list[Any], kind: type[Curve]) -> tuple[list[Mapping[str, Any]], list[NDArray[np.int64]]]:
    """Columns as plain numbers in the units of the schema, and the place of the curve of each row."""
    plans = [number for number, curve in enumerate(curves) if isinstance(curve, CurvePlan)]
    made = [number for number, curve in enumerate(curves) if not isinstance(curve, CurvePlan)]
    planned, owner = columns_together([curves[number].columns for number in plans])
    columns = {**planned, "met": np.asarray(planned["met_s"], dtype=float)}
    if "is_upper_limit" in columns:  # Limits have no errors, as in the curve itself.
        for name in ("rate_err_neg", "rate_err_pos"):
            columns[name] = np.where(columns["is_upper_limit"], np.nan, columns.get(name, np.nan))
    parts = [
        {name: np.asarray(getattr(curves[number][name], "value", curves[number][name])) for name in kind._schema}
        for number in made
    ]
    owners = [np.array(plans, dtype=int)[owner], *(np.full(len(curves[number]), number) for number in made)]
    return [columns, *parts], owners


def _attribute(curve: Any, name: str) -> Any:
    return curve.options.get(name, False) if isinstance(curve, CurvePlan) else getattr(curve, name)


def _column(name: str, of: Any, parts: Iterable[Mapping[str, Any]]) -> NDArray[Any]:
    """One column of all curves; the usual filling where one lacks it."""
    kind = of if isinstance(of, type) else float
    pieces = [np.asarray(part[name]) if name in part else np.full(len(part["met"]), _FILL[kind]) for part in parts]
    return np.concatenate([np.array([], dtype=kind), *pieces]).astype(kind, copy=False)
