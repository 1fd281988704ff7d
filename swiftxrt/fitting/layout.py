"""Which parameters of a model a fit varies, and how they reach the models of all spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from .model import Model
from .parameters import Slot

__all__ = ["Free", "Layout"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Free:
    """One free parameter of a fit.

    Parameters
    ----------
    name : str
        Name; with the number of the spectrum, as in ``"norm[1]"``, if each spectrum has its own.
    place : int
        Place of the parameter in the model.
    spectrum : int or None
        The spectrum that it belongs to; None for all.
    slot : Slot
        Value to start with, and bounds.
    """

    name: str
    place: int
    spectrum: int | None
    slot: Slot


class Layout:
    """The free parameters of a fit.

    Parameters
    ----------
    model : Model
        The model of all spectra.
    n_spectra : int
        How many there are.
    own : sequence of str, optional
        Parameters that each spectrum has for itself. One that is frozen in
        the model keeps its value for the first spectrum.

    Raises
    ------
    RequestError
        If a name is not known or tied, or nothing is free.
    """

    def __init__(self, model: Model, n_spectra: int, own: Sequence[str] = ()) -> None:
        if not model.is_additive:
            raise RequestError([("model", f"{model.expression} emits no photons; multiply it with what does")], "fit")
        self.model, self.n_spectra = model, n_spectra
        self.own = tuple(dict.fromkeys(model.place(name) for name in own))
        for place in self.own:
            if model.slots[place].tied_to is not None:
                raise RequestError(
                    [("free", f"{model.names[place]} is tied and cannot be free for each spectrum")], "fit"
                )
        self._roots = [_root(model.slots, place) for place in range(len(model.slots))]
        self.free = tuple(self._free())
        self.low = np.array([item.slot.low for item in self.free])
        self.high = np.array([item.slot.high for item in self.free])
        self.step = np.array([item.slot.definition.scale for item in self.free])
        if not self.free:
            raise RequestError([("model", "all parameters are frozen; thaw one")], "fit")

    def _free(self) -> list[Free]:
        found = []
        for place, (name, slot) in enumerate(zip(self.model.names, self.model.slots, strict=True)):
            if slot.tied_to is not None:
                continue
            if place in self.own and self.n_spectra > 1:
                numbers = range(1 if slot.is_frozen else 0, self.n_spectra)
                found += [Free(f"{name}[{i}]", place, i, slot) for i in numbers]
            elif not slot.is_frozen:
                found.append(Free(name, place, None, slot))
        return found

    def root(self, place: int) -> tuple[int, float]:
        """The parameter that one follows, itself if it is not tied, and the ratio to it."""
        return self._roots[place]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(item.name for item in self.free)

    def start(self) -> Floats:
        """Values to start with; NaN where they are to be estimated."""
        return np.array([item.slot.value for item in self.free])

    def values(self, x: Floats, spectrum: int) -> Floats:
        """Values of all parameters of the model of one spectrum."""
        own = np.array([slot.value for slot in self.model.slots])
        for item, value in zip(self.free, x, strict=True):
            if item.spectrum is None or item.spectrum == spectrum:
                own[item.place] = value
        return np.array([factor * own[root] for root, factor in self._roots])

    def touches(self, number: int, spectrum: int) -> tuple[int, ...]:
        """Places of the parameters that one free parameter changes in the model of one spectrum."""
        item = self.free[number]
        if item.spectrum not in (None, spectrum):
            return ()
        return tuple(place for place, (root, _) in enumerate(self._roots) if root == item.place)

    @property
    def may_be_negative(self) -> bool:
        """Whether the bounds or ties allow that something emits fewer than no photons, as absorption lines do."""
        return any(slot.definition.is_linear and (slot.low < 0 or slot.factor < 0) for slot in self.model.slots)

    def model_of(self, x: Floats, spectrum: int) -> Model:
        """The model of one spectrum with values from a fit."""
        slots = list(self.model.slots)
        values = self.values(x, spectrum)
        for place, slot in enumerate(slots):
            if slot.tied_to is None:
                # A value that was estimated may have come out at a bound by rounding.
                slots[place] = replace(slot, value=float(np.clip(values[place], slot.low, slot.high)))
        return self.model.with_slots(slots)


def _root(slots: Sequence[Slot], place: int) -> tuple[int, float]:
    """The parameter at the end of a chain of ties, and the ratio to it."""
    factor = 1.0
    while (target := slots[place].tied_to) is not None:
        factor *= slots[place].factor
        place = target
    return place, factor
