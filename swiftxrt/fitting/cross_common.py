"""What fits by other packages share."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..products.response import RMF

__all__ = ["imported", "positive_edges"]

#: Where the lowest energy is zero, which others refuse: this part of the next.
_LOWEST = 0.1


def imported(backend: str, name: str) -> Any:
    """A module of a package that need not be there.

    Raises
    ------
    RequestError
        If it cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        text = f"{backend!r} needs the package {package}, which cannot be imported ({error})"
        raise RequestError([("backend", f"{text}; install it, or leave backend out")], "fit") from error


def positive_edges(rmf: RMF, chosen: slice = slice(None)) -> NDArray[np.float64]:
    """Edges of the energy bins of a matrix, or of some of them, all above zero."""
    bins = range(*chosen.indices(rmf.matrix.shape[0]))
    edges = np.array(rmf.energy_edges.value[bins.start : bins.stop + 1])
    edges[0] = edges[0] or _LOWEST * edges[1]
    return edges
