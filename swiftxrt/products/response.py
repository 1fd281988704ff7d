"""Instrument response of a spectrum: effective area (ARF) and redistribution matrix (RMF)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ._arrays import quantities, readonly
from ._keywords import Keyword, propagated

__all__ = ["ARF", "RMF"]

_PER_AREA_TIME = 1 / (u.cm**2 * u.s)
# Energy grids written by different programs differ by rounding and by the
# lowest edge, which some of them move away from zero.
_GRID_TOLERANCE_KEV = 2e-4
# Sum of the probabilities for one energy, with room for rounding.
_MOST_LIKELY = 1.05


class _Response:
    """What ARF and RMF share: value equality, pickling, copying."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, item.name), getattr(other, item.name)) for item in _fields(self))

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), {item.name: _picklable(getattr(self, item.name)) for item in _fields(self)})

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self  # Immutable.


def _fields(response: Any) -> tuple[Any, ...]:
    return fields(response)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(two))
    return bool(one == two)


def _picklable(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _rebuild(cls: Any, values: dict[str, Any]) -> Any:
    return cls(**values)


def _packed(matrix: NDArray[np.float64]) -> tuple[Any, ...]:
    """A matrix as a quarter of its bytes: where it is not zero, and what is there, as short as files have it."""
    used = matrix != 0
    values = matrix[used]
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return matrix.shape, np.packbits(used), single if np.array_equal(single, values) else values


def _rebuild_rmf(values: dict[str, Any], packed: tuple[Any, ...]) -> RMF:
    shape, used, numbers = packed
    matrix = np.zeros(shape)
    matrix[np.unpackbits(used, count=matrix.size).reshape(shape).astype(bool)] = numbers
    matrix.flags.writeable = False  # So that it need not be copied.
    return RMF(**values, matrix=matrix)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ARF(_Response):
    """Effective area of the telescope for one source position and extraction region.

    Parameters
    ----------
    energy_edges : `~astropy.units.Quantity`, shape (n_energy + 1,), energy
        Edges of the photon energy bins, increasing.
    effective_area : `~astropy.units.Quantity`, shape (n_energy,), area
        Area in each bin. The detection efficiency of the XRT's CCD is in the RMF.
    telescope, instrument : str, optional
        Names as in ``TELESCOP`` and ``INSTRUME``; by default those of the Swift XRT.
    filter_name : str, optional
        ``FILTER``.
    header : mapping, optional
        Further FITS keywords.

    Raises
    ------
    RequestError
        If a unit is missing or the shapes do not fit.
    """

    energy_edges: u.Quantity
    effective_area: u.Quantity
    telescope: str = "SWIFT"
    instrument: str = "XRT"
    filter_name: str = "NONE"
    header: Mapping[str, Keyword] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy_edges", _edges(self.energy_edges, "energy_edges"))
        object.__setattr__(self, "effective_area", quantities(self.effective_area, u.cm**2, "effective_area"))
        object.__setattr__(self, "header", propagated(self.header))
        if self.effective_area.shape != (self.energy_edges.size - 1,):
            raise RequestError(
                f"{self.energy_edges.size - 1} energy bins need as many areas; got {self.effective_area.shape}", "ARF"
            )

    def area_at(self, energy: u.Quantity) -> u.Quantity:
        """Effective area at photon energies, interpolated between the bins' centres."""
        edges_kev = self.energy_edges.value
        wanted_kev = quantities(energy, u.keV, "energy").value
        centre_kev = (edges_kev[1:] + edges_kev[:-1]) / 2
        return u.Quantity(np.interp(wanted_kev, centre_kev, self.effective_area.value), u.cm**2)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ARF:
        """Read an OGIP ARF file.

        Raises
        ------
        FormatError
            If the file is not an ARF or is damaged.
        """
        from ..io.response import read_arf

        return read_arf(path)

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write an OGIP ARF file.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        from ..io.response import write_arf

        return write_arf(self, path, overwrite=overwrite)

    def __repr__(self) -> str:
        peak = np.argmax(self.effective_area)
        edges = self.energy_edges.value
        return (
            f"<ARF {edges[0]:g}-{edges[-1]:g} keV, {self.effective_area.size} bins, "
            f"peak {self.effective_area[peak]:.1f} at {(edges[peak] + edges[peak + 1]) / 2:.2f} keV>"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RMF(_Response):
    """Redistribution matrix: the probability that a photon is counted in a channel.

    The rows of XRT matrices do not sum to one, because the detection
    efficiency of the CCD is in them; they are never renormalised.

    Parameters
    ----------
    matrix : array_like, shape (n_energy, n_channel)
        Probabilities.
    energy_edges : `~astropy.units.Quantity`, shape (n_energy + 1,), energy
        Edges of the photon energy bins, increasing.
    channel_edges : `~astropy.units.Quantity`, shape (n_channel + 1,), energy
        Nominal energies of the channels' edges (EBOUNDS), increasing.
    first_channel : int, optional
        Number of the first channel; 0 for the XRT.
    telescope, instrument : str, optional
        Names as in ``TELESCOP`` and ``INSTRUME``; by default those of the Swift XRT.
    filter_name, channel_type : str, optional
        ``FILTER`` and ``CHANTYPE``.
    includes_area : bool, optional
        Whether the effective area is in the matrix already, so that no ARF is
        needed. By default this is taken from the numbers: no probability
        exceeds one.
    header : mapping, optional
        Further FITS keywords.

    Raises
    ------
    RequestError
        If a unit is missing or the shapes do not fit.
    """

    matrix: NDArray[np.float64]
    energy_edges: u.Quantity
    channel_edges: u.Quantity
    first_channel: int = 0
    telescope: str = "SWIFT"
    instrument: str = "XRT"
    filter_name: str = "NONE"
    channel_type: str = "PI"
    includes_area: bool = None  # type: ignore[assignment]  # Filled below.
    header: Mapping[str, Keyword] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", readonly(self.matrix))
        object.__setattr__(self, "energy_edges", _edges(self.energy_edges, "energy_edges"))
        object.__setattr__(self, "channel_edges", _edges(self.channel_edges, "channel_edges"))
        object.__setattr__(self, "header", propagated(self.header))
        expected = (self.energy_edges.size - 1, self.channel_edges.size - 1)
        if self.matrix.shape != expected:
            raise RequestError(f"the edges need a matrix of shape {expected}; got {self.matrix.shape}", "RMF")
        if self.includes_area is None:
            object.__setattr__(self, "includes_area", bool(self.matrix.sum(axis=1).max(initial=0.0) > _MOST_LIKELY))

    def __reduce__(self) -> tuple[Any, ...]:
        # Spectra and fits carry their matrix with them, between processes too.
        _, values = super().__reduce__()[1]
        return _rebuild_rmf, ({name: value for name, value in values.items() if name != "matrix"}, _packed(self.matrix))

    def numbered_like(self, channel: NDArray[np.int64]) -> RMF:
        """The same matrix, its channels counted from the same number as those of a spectrum of as many.

        Some programs count the channels of a spectrum from 0 and those of its
        matrix from 1, or the other way round.
        """
        shift = int(channel[0]) - self.first_channel
        if len(channel) != self.matrix.shape[1] or abs(shift) != 1:
            return self
        return replace(self, first_channel=int(channel[0]))

    @property
    def channels(self) -> NDArray[np.int64]:
        """Channel numbers, shape (n_channel,)."""
        return np.arange(self.first_channel, self.first_channel + self.matrix.shape[1])

    @cached_property
    def fwhm_channels(self) -> NDArray[np.float64]:
        """Full width at half maximum of the response at the energy of each channel, in channels, at least 1."""
        edges = self.channel_edges.value
        row = np.searchsorted(self.energy_edges.value, (edges[1:] + edges[:-1]) / 2) - 1
        return np.array([_fwhm(self.matrix[k]) for k in np.clip(row, 0, len(self.matrix) - 1)])

    def fold(
        self, photons_per_cm2_s: u.Quantity | NDArray[np.float64], arf: ARF | None, exposure: u.Quantity
    ) -> u.Quantity:
        """Counts expected in each channel from a photon spectrum.

        Parameters
        ----------
        photons_per_cm2_s : `~astropy.units.Quantity` or ndarray, shape (n_energy,)
            Photons in each bin of `energy_edges`, per area and time; bare
            numbers are per cm² and s.
        arf : ARF or None
            Effective area on the same energies. None if it is in the photon
            numbers or in the matrix already; these are then per time only.
        exposure : `~astropy.units.Quantity`, time
            Live time.

        Returns
        -------
        counts : `~astropy.units.Quantity`, shape (n_channel,), ct

        Raises
        ------
        RequestError
            If the ARF has other energies, or a shape or unit does not fit.
        """
        incident = _incident(photons_per_cm2_s, with_area=arf is not None)
        if incident.shape != (self.matrix.shape[0],):
            raise RequestError(f"photons in {self.matrix.shape[0]} bins are needed; got shape {incident.shape}")
        if arf is not None:
            self.check_grid(arf)
            incident = incident * arf.effective_area.value
        exposure_s = float(quantities(exposure, u.s, "exposure").value)
        return u.Quantity(exposure_s * (incident @ self.matrix), u.ct, copy=False)

    def check_grid(self, arf: ARF) -> None:
        """Refuse an effective area with other energies than this matrix.

        Parameters
        ----------
        arf : ARF
            Effective area.

        Raises
        ------
        RequestError
            If number or edges of the energy bins differ, other than by rounding.
        """
        one, two = self.energy_edges.value, arf.energy_edges.value
        if one.shape != two.shape or not np.allclose(one, two, rtol=1e-6, atol=_GRID_TOLERANCE_KEV):
            raise RequestError(
                f"ARF and RMF have different energy bins ({two.size - 1} over {two[0]:g}-{two[-1]:g} keV "
                f"and {one.size - 1} over {one[0]:g}-{one[-1]:g} keV); take those made for one spectrum"
            )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> RMF:
        """Read an OGIP RMF file.

        Raises
        ------
        FormatError
            If the file is not an RMF or is damaged.
        """
        from ..io.response import read_rmf

        return read_rmf(path)

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write an OGIP RMF file.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        from ..io.response import write_rmf

        return write_rmf(self, path, overwrite=overwrite)

    def __repr__(self) -> str:
        energy, channel = self.energy_edges.value, self.channel_edges.value
        return (
            f"<RMF {self.matrix.shape[0]} energies {energy[0]:g}-{energy[-1]:g} keV, "
            f"{self.matrix.shape[1]} channels {channel[0]:g}-{channel[-1]:.4g} keV>"
        )


def _fwhm(row: NDArray[np.float64]) -> float:
    """Width of the highest peak of a row at half its height, with straight lines between the channels."""
    peak = int(row.argmax())
    half = row[peak] / 2
    low, high = peak, peak
    while low > 0 and row[low - 1] > half:
        low -= 1
    while high < row.size - 1 and row[high + 1] > half:
        high += 1
    before, after = row[low - 1] if low > 0 else 0.0, row[high + 1] if high < row.size - 1 else 0.0
    ends = [(row[end] - half) / (row[end] - beyond) for end, beyond in ((low, before), (high, after)) if half > 0]
    return max(float(high - low + sum(ends)), 1.0)


def _edges(values: Any, name: str) -> u.Quantity:
    edges = quantities(values, u.keV, name)
    if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges.value) > 0):
        raise RequestError([(name, "at least two increasing energies are needed")])
    return edges


def _incident(photons: Any, with_area: bool) -> NDArray[np.float64]:
    """Photon numbers without unit, per cm² and s (per s if there is no area to multiply with)."""
    if not isinstance(photons, u.Quantity):
        return np.asarray(photons, dtype=float)
    unit = _PER_AREA_TIME if with_area else 1 / u.s
    for counted in (unit, u.ph * unit, u.ct * unit):
        if photons.unit.is_equivalent(counted):
            return np.asarray(photons.to_value(counted))
    raise RequestError(f"photon numbers in {u.ph * unit} are needed (summed over each energy bin); got {photons.unit}")
