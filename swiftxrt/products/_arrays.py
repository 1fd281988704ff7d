"""Read-only arrays for immutable products."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..exceptions import RequestError

__all__ = ["integers", "quantities", "readonly"]


def readonly(values: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """The values as a read-only array in native byte order; copied unless it is one already."""
    wanted = np.dtype(dtype)
    if isinstance(values, np.ndarray) and type(values) is np.ndarray and values.dtype == wanted:
        if not values.flags.writeable and values.base is None:
            return values
    array = np.array(values, dtype=wanted)
    array.flags.writeable = False
    return array


def integers(values: Any, name: str, dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """A read-only one-dimensional array of whole numbers, refusing anything else."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iuf" or not np.array_equal(array, np.rint(array)):
        raise RequestError([(name, f"a one-dimensional array of whole numbers is needed; got {_short(values)}")])
    return readonly(values if array.dtype == dtype else array, dtype)


def quantities(values: Any, unit: u.UnitBase, name: str) -> u.Quantity:
    """A read-only Quantity array in the given unit, refusing bare numbers and other units."""
    if not isinstance(values, u.Quantity) or not values.unit.is_equivalent(unit):
        raise RequestError([(name, f"a Quantity in {unit} is needed; got {_short(values)}")])
    if values.unit == unit and not values.value.flags.writeable and type(values) is u.Quantity:
        return values
    return u.Quantity(readonly(values.to_value(unit)), unit, copy=False)


def _short(value: Any) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) < 80 else text[:77] + "..."
