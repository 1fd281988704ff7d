"""Models in the words of XSPEC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .components import Component
from .expression import Tree, expression_text
from .parameters import Slot

__all__ = ["XspecModel", "XspecParameter", "xspec_model"]


@dataclass(frozen=True)
class XspecParameter:
    """A parameter in the name and unit of XSPEC.

    Parameters
    ----------
    component, name : str
        Names in XSPEC, such as ``"TBabs"`` and ``"nH"``.
    value : float
        Value; NaN if it is not known yet.
    frozen : bool
        Whether it is frozen.
    low, high : float
        Bounds.
    link : tuple of (int, float) or None
        Number of the parameter that it follows, counted from 1, and their ratio.
    """

    component: str
    name: str
    value: float
    frozen: bool
    low: float
    high: float
    link: tuple[int, float] | None = None


@dataclass(frozen=True)
class XspecModel:
    """A model for XSPEC.

    Parameters
    ----------
    expression : str
        What follows the command ``model``, such as ``"TBabs*(powerlaw+bbody)"``.
    parameters : tuple of XspecParameter
        In the order in which XSPEC asks for them.
    """

    expression: str
    parameters: tuple[XspecParameter, ...]


def xspec_model(
    components: Sequence[Component], tree: Tree, slots: Sequence[Slot], values: NDArray[np.float64]
) -> XspecModel:
    """Translate a model.

    XSPEC numbers components in the order of the expression, and so do we.

    Parameters
    ----------
    components, tree, slots : sequence of Component, Tree, sequence of Slot
        Parts of the model.
    values : ndarray
        Values of all parameters, ties followed.
    """
    owners = [component.xspec_name for component in components for _ in component.parameters]
    parameters = []
    for owner, slot, value in zip(owners, slots, values, strict=True):
        definition = slot.definition
        link = None
        if slot.tied_to is not None:
            ratio = slot.factor * slots[slot.tied_to].definition.xspec_unit / definition.xspec_unit
            link = (slot.tied_to + 1, ratio)
        number, low, high = (item / definition.xspec_unit for item in (float(value), slot.low, slot.high))
        parameters.append(XspecParameter(owner, definition.xspec_name, number, slot.is_frozen, low, high, link))
    names = [component.xspec_name for component in components]
    return XspecModel(expression_text(tree, components, names=names), tuple(parameters))
