"""Spectra that keep the exact edges of their bins, whatever is done to them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np
from astropy.nddata import StdDevUncertainty
from specutils import SpectralAxis, Spectrum

from ..exceptions import NoDataError, RequestError
from .countspectrum import CountSpectrum

__all__ = ["BinnedSpectrum"]

#: What specutils leaves in ``meta``: coordinate objects that cannot be pickled.
_LEFTOVERS = ("original_wcs",)


def _keeping_edges(name: str) -> Callable[..., Any]:
    """The inherited method `name`, its result made an `BinnedSpectrum` with our edges."""
    inherited = getattr(Spectrum, name)

    @functools.wraps(inherited)
    def method(self: BinnedSpectrum, *args: Any, **kwargs: Any) -> Any:
        return self._adopted(inherited(self, *args, **kwargs))

    return method


def _like_operator(name: str) -> Callable[..., Any]:
    """A method of `astropy.nddata.NDArithmeticMixin` by way of the operator that keeps the edges."""

    def method(self: BinnedSpectrum, operand: Any) -> Any:
        return getattr(self, name)(operand)

    method.__doc__ = f"The same as the operator, ``{name}``."
    return method


class BinnedSpectrum(Spectrum):  # type: ignore[misc]  # specutils has no types.
    """A `specutils.Spectrum` with exact edges of its bins, and the counts that it was made from.

    The edges stay exact through slicing, arithmetic, conversion, copying and
    pickling; `specutils.Spectrum` derives them from the bins' centres, and
    cannot be pickled. The counts are lost in arithmetic.
    """

    def __init__(
        self,
        flux: u.Quantity | None = None,
        spectral_axis: u.Quantity | None = None,
        *args: Any,
        counts: CountSpectrum | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(flux, spectral_axis, *args, **kwargs)
        self._counts = counts
        self._edges = _edges_of(self._spectral_axis)

    @property
    def spectral_axis(self) -> SpectralAxis:
        """Centres of the bins, as `specutils.SpectralAxis` with our edges."""
        axis = self._spectral_axis
        return _with_edges(axis, self._edges) if "_edges" in self.__dict__ else axis

    @property
    def bin_edges(self) -> u.Quantity:
        """Edges of the bins in the unit of the spectral axis, shape (n_bin + 1,)."""
        return self._edges.copy()

    @property
    def energy_edges(self) -> u.Quantity:
        """Edges of the bins in keV, shape (n_bin + 1,), in the order of the bins."""
        with np.errstate(divide="ignore"):
            return self._edges.to(u.keV, u.spectral())

    @property
    def counts(self) -> CountSpectrum | None:
        """The counts this spectrum was made from, all channels, also after slicing.

        None for the result of arithmetic or a shift, which they no longer describe.
        """
        return self._counts

    # Slicing, copying and pickling.

    def __getitem__(self, item: Any) -> Any:
        """A part of the spectrum, by bin numbers or by energies (``s[0.3 * u.keV : 10 * u.keV]``).

        By energies, those bins are taken whose centre is inside, as
        `specutils` does it.

        Raises
        ------
        NoDataError
            If no bin is inside.
        RequestError
            If the bins would not be contiguous.
        """
        used = self._slice(item)
        if used.start >= used.stop:
            low, high = np.sort(self._edges.value[[0, -1]])
            raise NoDataError(f"no bin is selected; the spectrum covers {low:g} to {high:g} {self._edges.unit}")
        uncertainty = None if self.uncertainty is None else self.uncertainty[used]
        mask = None if self.mask is None else self.mask[used]
        edges = self._edges[used.start : used.stop + 1]
        return self._made(self.flux[used], self._spectral_axis[used], edges, uncertainty, mask, counts=self._counts)

    def _slice(self, item: Any) -> slice:
        size = self._spectral_axis.size
        if isinstance(item, tuple) and len(item) == 1:
            item = item[0]
        if isinstance(item, int | np.integer):
            if not -size <= item < size:
                raise IndexError(f"bin {item} of {size}")
            return slice(item % size, item % size + 1)
        if not isinstance(item, slice) or item.step not in (None, 1):
            raise RequestError(
                f"only contiguous bins can be taken, as in s[10:20] or s[1 * u.keV : 2 * u.keV]; got {item!r}"
            )
        if isinstance(item.start, u.Quantity) or isinstance(item.stop, u.Quantity):
            return self._slice_between(item.start, item.stop)
        return slice(*item.indices(size)[:2])

    def _slice_between(self, start: u.Quantity | None, stop: u.Quantity | None) -> slice:
        centre = self._spectral_axis.value
        limits = []
        for limit, default in ((start, centre.min()), (stop, centre.max())):
            try:
                limits.append(default if limit is None else limit.to_value(self._spectral_axis.unit, u.spectral()))
            except (AttributeError, u.UnitConversionError):
                raise RequestError(f"limits must be energies, wavelengths or frequencies; got {limit!r}") from None
        inside = (centre >= min(limits)) & (centre <= max(limits))
        if stop is not None:
            inside &= centre != limits[1]  # The upper end is open, as in all slices.
        number = np.flatnonzero(inside)
        return slice(int(number[0]), int(number[-1]) + 1) if number.size else slice(0, 0)

    def _made(
        self,
        flux: u.Quantity,
        axis: SpectralAxis,
        edges: u.Quantity,
        uncertainty: Any,
        mask: Any,
        *,
        meta: Mapping[str, Any] | None = None,
        counts: CountSpectrum | None = None,
    ) -> Self:
        """A new spectrum of this class with given edges."""
        kept = {key: value for key, value in (self.meta if meta is None else meta).items() if key not in _LEFTOVERS}
        _with_edges(axis, edges)
        new_uncertainty = None if uncertainty is None else type(uncertainty)(uncertainty.array, unit=uncertainty.unit)
        new_mask = None if mask is None else np.array(mask)
        return type(self)(
            flux, axis, uncertainty=new_uncertainty, mask=new_mask, meta=copy.deepcopy(kept), counts=counts
        )

    def _adopted(self, result: Any) -> Any:
        """The result of an inherited operation on the values, with our axis and edges."""
        if not isinstance(result, Spectrum):
            return result
        axis = copy.deepcopy(self._spectral_axis)
        return self._made(result.flux, axis, self._edges, result.uncertainty, result.mask)

    def _copy(self, **changes: Any) -> Self:
        """What functions of specutils make their results with, such as smoothing."""
        made = super()._copy(**changes)
        return made if "spectral_axis" in changes else self._adopted(made)  # type: ignore[no-any-return]

    def __copy__(self) -> Self:
        axis = copy.deepcopy(self._spectral_axis)
        return self._made(self.flux.copy(), axis, self._edges, self.uncertainty, self.mask, counts=self._counts)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        kept = {key: value for key, value in self.meta.items() if key not in _LEFTOVERS}
        error = self.uncertainty
        values = {
            "flux": self.flux,
            "centres": u.Quantity(self._spectral_axis),
            "edges": self._edges,
            "uncertainty": None if error is None else (type(error), np.array(error.array), error.unit),
            "mask": self.mask,
            "meta": kept,
            "counts": self._counts,
            "redshift": float(self.redshift),
        }
        return _rebuild, (type(self), values)

    # Arithmetic and conversion.

    __add__ = _keeping_edges("__add__")
    __radd__ = _keeping_edges("__radd__")
    __sub__ = _keeping_edges("__sub__")
    __rsub__ = _keeping_edges("__rsub__")
    __mul__ = _keeping_edges("__mul__")
    __rmul__ = _keeping_edges("__rmul__")
    __truediv__ = _keeping_edges("__truediv__")
    add = _like_operator("__add__")
    subtract = _like_operator("__sub__")
    multiply = _like_operator("__mul__")
    divide = _like_operator("__truediv__")

    def __pow__(self, power: float) -> Self:
        """A power of the values, their errors to first order (specutils drops them)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            flux = self.flux**power
            slope = np.abs(power * self.flux.value ** (power - 1))
        uncertainty = None
        if self.uncertainty is not None:
            uncertainty = StdDevUncertainty(slope * self.uncertainty.array, unit=flux.unit)
        return self._made(flux, copy.deepcopy(self._spectral_axis), self._edges, uncertainty, self.mask)

    def __rtruediv__(self, other: Any) -> Self:
        return self**-1 * other  # type: ignore[no-any-return]

    def __neg__(self) -> Self:
        return self * -1  # type: ignore[no-any-return]  # What is inherited fails in specutils 2.4.

    def with_spectral_axis_unit(
        self, unit: u.UnitBase | str, velocity_convention: Any = None, rest_value: u.Quantity | None = None
    ) -> Self:
        """The same spectrum over another spectral unit; edges are converted, not derived again."""
        converted = super().with_spectral_axis_unit(unit, velocity_convention, rest_value)
        axis = converted._spectral_axis
        edges = SpectralAxis(self._edges, doppler_convention=self.velocity_convention, doppler_rest=self.rest_value)
        with np.errstate(divide="ignore"):  # Zero energy is infinite wavelength.
            new_edges = u.Quantity(edges.to(axis.unit, doppler_convention=velocity_convention, doppler_rest=rest_value))
        return self._made(
            converted.flux,
            axis,
            new_edges,
            converted.uncertainty,
            converted.mask,
            meta=converted.meta,
            counts=self._counts,
        )

    def shift_spectrum_to(self, *, redshift: Any = None, radial_velocity: Any = None) -> None:
        """Shift the axis, and the edges with it, in place; see `specutils.Spectrum`. `counts` becomes None."""
        before = self._spectral_axis.value[0]
        super().shift_spectrum_to(redshift=redshift, radial_velocity=radial_velocity)
        self._edges = self._edges * (self._spectral_axis.value[0] / before)
        self._counts = None  # They are at the old energies.


def _edges_of(axis: SpectralAxis) -> u.Quantity:
    """Edges given with an axis, else those that specutils derives from its centres."""
    given = getattr(axis, "_bin_edges", None)
    if given is not None:
        return u.Quantity(given)
    if axis.size > 1:
        return SpectralAxis._edges_from_centers(axis.value, axis.unit)
    raise RequestError("a spectrum of one bin needs the edges of the bin as its spectral axis")


def _with_edges(axis: SpectralAxis, edges: u.Quantity) -> SpectralAxis:
    """Attach edges where specutils itself keeps given ones."""
    axis._bin_edges = edges
    return axis


def _rebuild(cls: type[BinnedSpectrum], values: dict[str, Any]) -> BinnedSpectrum:
    axis = _with_edges(SpectralAxis(values["centres"], redshift=values["redshift"]), values["edges"])
    error = values["uncertainty"]
    return cls(
        values["flux"],
        axis,
        uncertainty=None if error is None else error[0](error[1], unit=error[2]),
        mask=values["mask"],
        meta=values["meta"],
        counts=values["counts"],
    )
