"""Light curves of many sources in one long table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ._curve import MET_DECIMALS, Curve, curve_time
from ._curve_plan import CurvePlan
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
        Columns ``item`` (as in `sets`), ``curve``, ``time``, and those of
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
    parts = [_plain(curve, kind) for _, _, curve in found]
    sizes = [len(part["met"]) for part in parts]
    barycentred = {_attribute(curve, "barycentred") for (_, _, curve), size in zip(found, sizes, strict=True) if size}
    if len(barycentred) > 1:
        raise RequestError("times at the satellite and at the barycentre cannot stand in one column; stack them apart")
    columns = {name: _column(name, of, parts, sizes) for name, of in kind._schema.items()}
    item, place = (np.repeat([one[index] for one in found], sizes).astype(int) for index in (0, 1))
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
        pairs = [(one.item, one.value) for one in sets if one.is_ok]
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


def _plain(curve: Any, kind: type[Curve]) -> Mapping[str, Any]:
    """Columns as plain numbers in the units of the schema."""
    if isinstance(curve, CurvePlan):
        columns = dict(curve.columns())
        columns["met"] = np.asarray(columns.pop("met_s"), dtype=float)
        if "is_upper_limit" in columns:  # Limits have no errors, as in the curve itself.
            limit = np.asarray(columns["is_upper_limit"], dtype=bool)
            for name in ("rate_err_neg", "rate_err_pos"):
                columns[name] = np.where(limit, np.nan, columns.get(name, np.nan))
        return columns
    return {name: np.asarray(getattr(curve[name], "value", curve[name])) for name in kind._schema}


def _attribute(curve: Any, name: str) -> Any:
    return curve.options.get(name, False) if isinstance(curve, CurvePlan) else getattr(curve, name)


def _column(name: str, of: Any, parts: Iterable[Mapping[str, Any]], sizes: Iterable[int]) -> NDArray[Any]:
    """One column of all curves; the usual filling where one lacks it."""
    kind = of if isinstance(of, type) else float

    def pieces() -> Iterator[NDArray[Any]]:
        for part, size in zip(parts, sizes, strict=True):
            yield np.asarray(part[name]) if name in part else np.full(size, _FILL[kind])

    return np.concatenate([np.array([], dtype=kind), *pieces()]).astype(kind if kind is not str else str, copy=False)
