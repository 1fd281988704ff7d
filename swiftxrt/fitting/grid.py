"""Energies at which models are evaluated: several points within each bin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .absorption import cross_section_cm2

__all__ = ["EnergyGrid"]

Floats = NDArray[np.float64]

#: Points within a bin: at least so many, and no wider apart (in ln E) than this in any case.
_LEAST_POINTS, _MOST_POINTS, _WIDEST_LOG_STEP = 5, 4000, 0.01
#: At edges of the absorption wide bins need a smaller distance, in ln E or in keV, whichever is larger.
_LOG_STEP, _STEP_KEV = 0.002, 0.00105
#: A lowest edge of zero, which XRT responses have, moves to this part of the next edge.
_ABOVE_ZERO = 0.1
_REMEMBERED = 4
_NARROW = 1e-6
#: Bins with edges farther apart than this in ln E have pieces of the same width in ln E, others in E.
_WIDE = 0.7
#: Standard deviation that lines have at least in fits, in widths of a bin.
_BLUR = 0.5


class EnergyGrid:
    """Bins in photon energy, each cut into narrow pieces.

    Absorption changes within the bins of a response, by a factor at the edges
    of oxygen and iron: models are evaluated in the middle of each piece and
    summed over the pieces of a bin.

    Parameters
    ----------
    edges_kev : ndarray, shape (n_bin + 1,)
        Increasing; only the first may be zero.
    log_step : float, optional
        Largest width of a piece in ln E, unless that is less than an electronvolt.
    is_response : bool, optional
        Whether the bins are those of a response, much narrower than its resolution.

    Attributes
    ----------
    low_kev, high_kev : ndarray, shape (n_piece,)
        Edges of the pieces.
    energy_kev : ndarray, shape (n_piece,)
        Middle of the pieces in ln E.
    log_energy, log_width : ndarray, shape (n_piece,)
        Its logarithm, and the widths of the pieces in ln E.
    """

    def __init__(self, edges_kev: Floats, *, log_step: float = _LOG_STEP, is_response: bool = False) -> None:
        self._is_response = is_response
        edges = np.array(edges_kev, dtype=float)
        if edges[0] <= 0:
            edges[0] = _ABOVE_ZERO * edges[1]
        width, log_width = np.diff(edges), np.diff(np.log(edges))
        wanted = np.maximum(np.minimum(log_width / log_step, width / _STEP_KEV), log_width / _WIDEST_LOG_STEP)
        number = np.clip(np.ceil(wanted), _LEAST_POINTS, _MOST_POINTS).astype(int)
        self._starts = np.append(0, np.cumsum(number)[:-1])
        position = np.arange(number.sum()) - np.repeat(self._starts, number)
        low = np.repeat(edges[:-1], number) + position * np.repeat(width / number, number)
        if np.any(log_width > _WIDE):
            factor = np.exp(position * np.repeat(log_width / number, number))
            low = np.where(np.repeat(log_width > _WIDE, number), np.repeat(edges[:-1], number) * factor, low)
        # Each piece ends where the next one begins: nothing lies between.
        self.low_kev, self.high_kev = low, np.append(low[1:], edges[-1])
        log_low, log_high = np.log(self.low_kev), np.log(self.high_kev)
        self.log_energy = (log_low + log_high) / 2
        self.log_width = log_high - log_low
        self.energy_kev = np.exp(self.log_energy)
        self._sections: dict[float, Floats] = {}

    @classmethod
    def at(cls, energy_kev: Floats) -> EnergyGrid:
        """One very narrow piece at each of some energies, in any order."""
        grid = cls.__new__(cls)
        grid._is_response = False
        grid.energy_kev = np.asarray(energy_kev, dtype=float)
        grid.log_energy = np.log(grid.energy_kev)
        grid.log_width = np.full_like(grid.log_energy, _NARROW)
        grid.low_kev, grid.high_kev = (grid.energy_kev * np.exp(sign * _NARROW / 2) for sign in (-1.0, 1.0))
        grid._starts = np.arange(grid.energy_kev.size)
        grid._sections = {}
        return grid

    def cross_section_cm2(self, redshift: float = 0.0) -> Floats:
        """Cross section of interstellar matter for the photons of each piece; remembered for a few redshifts."""
        if redshift not in self._sections:
            if len(self._sections) >= _REMEMBERED:
                self._sections.clear()
            self._sections[redshift] = cross_section_cm2(self.energy_kev * (1.0 + redshift))
        return self._sections[redshift]

    def blur_kev(self, energy_kev: float) -> float:
        """Standard deviation by which lines at an energy are widened: else they would jump from bin to bin in a fit."""
        if not self._is_response:
            return 0.0
        edges = np.append(self.low_kev[self._starts], self.high_kev[-1])
        place = np.clip(np.searchsorted(edges, energy_kev, side="right"), 1, self._starts.size)
        return _BLUR * float(edges[place] - edges[place - 1])

    def per_bin(self, pieces: Floats) -> Floats:
        """Sums over the pieces of each bin."""
        return np.add.reduceat(pieces, self._starts)
