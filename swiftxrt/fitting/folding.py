"""From photons to counts: the response of one spectrum, as far as a fit needs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..products.countspectrum import CountSpectrum
from .grid import EnergyGrid

__all__ = ["Folding", "Matrix"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

#: Energies that are folded together: their part of a matrix stays near the processor.
_TOGETHER = 100
#: Rows of a matrix without area sum to at most one, up to rounding.
_PROBABILITY = 1.5


class Folding:
    """The response of a spectrum for some bins, each a range of channels.

    Parameters
    ----------
    spectrum : CountSpectrum
        With RMF, and ARF unless the area is in the RMF.
    first, stop : ndarray of int, shape (n_bin,)
        Places of the first channel of each bin, and of the one after its last.

    Raises
    ------
    RequestError
        If a part of the response is missing, or the parts do not match.
    """

    def __init__(self, spectrum: CountSpectrum, first: Places, stop: Places) -> None:
        area = _area(spectrum)
        rows = np.flatnonzero(area > 0)
        self.rows = slice(int(rows[0]), int(rows[-1]) + 1)
        edges = spectrum.rmf.energy_edges.value  # type: ignore[union-attr]  # _area() has looked.
        self.grid = EnergyGrid(edges[self.rows.start : self.rows.stop + 1], is_response=True)
        self._weight = area[self.rows] * spectrum.exposure.value
        self._channels = slice(int(first[0]), int(stop[-1]))
        self._matrix = spectrum.rmf.matrix[self.rows, self._channels]  # type: ignore[union-attr]
        scale = np.broadcast_to(np.asarray(spectrum.areascale, dtype=float), spectrum.counts.shape)
        self._scale = scale[self._channels]
        self._first, self._stop = first - self._channels.start, stop - self._channels.start

    def counts(self, pieces: Floats) -> Floats:
        """Counts expected in each bin from the photons in each piece of the grid."""
        channels = np.einsum("e,ec->c", self.weighted(pieces), self._matrix) * self._scale
        total = np.append(0.0, np.cumsum(channels))
        if np.all(self._stop - self._first == 1):
            return channels[self._first]
        return total[self._stop] - total[self._first]

    def matrix(self, chosen: Places) -> Floats:
        """Counts expected in some of the bins per photon in each bin of the grid, shape (n_energy, n_chosen)."""
        if not chosen.size:
            return np.zeros((self._weight.size, 0))
        first, width = self._first[chosen], (self._stop - self._first)[chosen]
        offsets = np.append(0, np.cumsum(width)[:-1])
        channels = np.arange(width.sum()) - np.repeat(offsets, width) + np.repeat(first, width)
        columns = self._matrix.take(channels, axis=1)
        if np.ptp(self._scale) or self._scale[0] != 1.0:
            columns *= self._scale[channels]
        return columns if np.all(width == 1) else np.add.reduceat(columns, offsets, axis=1)

    def summed(self, chosen: Places) -> Floats:
        """Counts expected in some of the bins together per photon in each bin of the grid, shape (n_energy,)."""
        ends = np.zeros(self._scale.size + 1)
        ends[self._first[chosen]] += 1.0
        ends[self._stop[chosen]] -= 1.0
        marked = np.cumsum(ends)[:-1]
        return np.einsum("ec,c->e", self._matrix, marked * self._scale)

    def weighted(self, pieces: Floats) -> Floats:
        """Photons that hit the detector in each bin of the grid during the exposure."""
        return self.grid.per_bin(pieces) * self._weight


class Matrix:
    """A matrix from photons to counts, for many foldings with it.

    Photons seldom seem to have much more energy than they have: what lies
    beyond the last column that some energies reach is left out.

    Parameters
    ----------
    values : ndarray, shape (n_energy, n_bin)
        Counts expected in each bin per photon of each energy.
    """

    def __init__(self, values: Floats) -> None:
        self._shape = values.shape
        self._parts: list[tuple[slice, slice, Floats]] = []
        for begin in range(0, len(values), _TOGETHER):
            rows = values[begin : begin + _TOGETHER]
            reached = slice(0, int(np.flatnonzero(np.append(True, rows.any(axis=0)))[-1]))
            self._parts.append((slice(begin, begin + _TOGETHER), reached, rows[:, reached]))

    def fold(self, photons: Floats) -> Floats:
        """Counts from several sets of photons, shapes (n_set, n_energy) and (n_set, n_bin)."""
        counts = np.zeros((len(photons), self._shape[1]))
        for rows, reached, part in self._parts:
            # Not BLAS: its threads wait for each other where fits run side by side.
            counts[:, reached] += np.einsum("ke,ec->kc", photons[:, rows], part)
        return counts

    @property
    def total(self) -> Floats:
        """Counts expected in all bins together per photon of each energy, shape (n_energy,)."""
        return np.concatenate([part.sum(axis=1) for *_, part in self._parts])


def _area(spectrum: CountSpectrum) -> Floats:
    """Effective area in each energy bin of the RMF; ones if the RMF has it."""
    name = f"spectrum {spectrum.name}"
    if spectrum.rmf is None:
        raise RequestError([("rmf", "a redistribution matrix is needed; read the spectrum with rmf=...")], name)
    if spectrum.arf is not None:
        spectrum.rmf.check_grid(spectrum.arf)
        area = spectrum.arf.effective_area.value
    elif float(spectrum.rmf.matrix[len(spectrum.rmf.matrix) // 2 :: 97].sum(axis=1).max()) > _PROBABILITY:
        area = np.ones(spectrum.rmf.matrix.shape[0])
    else:
        raise RequestError(
            [("arf", "the effective area is needed, since the redistribution matrix has none; read it with arf=...")],
            name,
        )
    if not np.all(np.isfinite(area)) or not np.any(area > 0):
        raise RequestError([("arf", "has no positive effective area, or values that are not finite")], name)
    return area
