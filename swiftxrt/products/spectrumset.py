"""The spectra of one request: every time slice in every mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .._fields import nearest
from ..exceptions import ProductNotAvailableError, RequestError
from .countspectrum import CountSpectrum
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .spectrum import XRTSpectrum

__all__ = ["SpectrumSet"]


class SpectrumSet(Mapping[str, "XRTSpectrum"]):
    """Spectra by the name of their time slice and mode, such as ``"interval0pc"``.

    A mapping to `XRTSpectrum`; these are made when first asked for.
    Immutable, picklable, compared by value (without provenance).

    Parameters
    ----------
    count_spectra : iterable of CountSpectrum
        The spectra as counted, one per slice and mode.
    fits : mapping of str to mapping, optional
        Fits by name of the spectrum, then by name of the model.
    t0_met : float, optional
        Time zero (MET, s).
    provenance : Provenance, optional
        Where the set comes from.

    Raises
    ------
    RequestError
        If two spectra have the same slice and mode, or a fit belongs to none.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt.products.countspectrum import CountSpectrum
    >>> from swiftxrt.products.spectrumset import SpectrumSet
    >>> counts = CountSpectrum(counts=[0] * 100 + [4] * 100, exposure=1000 * u.s, mode="PC")
    >>> spectra = SpectrumSet([counts])
    >>> spectra["interval0pc"]
    <XRTSpectrum interval0pc: 200 bins, 0-2 keV, mean 0.2 ct / (keV s)>
    """

    def __init__(
        self,
        count_spectra: Iterable[CountSpectrum],
        *,
        fits: Mapping[str, Mapping[str, Any]] | None = None,
        t0_met: float | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        spectra = tuple(count_spectra)
        self._counts = {spectrum.stem: spectrum for spectrum in spectra}
        self._made: dict[str, XRTSpectrum] = {}
        self._fits = {stem: MappingProxyType(dict(models)) for stem, models in (fits or {}).items()}
        self._t0_met = None if t0_met is None else float(t0_met)
        self._provenance = provenance or Provenance()
        if len(self._counts) != len(spectra):
            raise RequestError(f"each slice has one spectrum per mode; got {', '.join(item.stem for item in spectra)}")
        unknown = [stem for stem in self._fits if stem not in self._counts]
        if unknown:
            raise RequestError(f"there are fits, but no spectra, of {', '.join(unknown)}")

    @property
    def count_spectra(self) -> tuple[CountSpectrum, ...]:
        """The spectra as counted, in the order of the mapping."""
        return tuple(self._counts.values())

    @property
    def fits(self) -> Mapping[str, Mapping[str, Any]]:
        """Fits by name of the spectrum, then by name of the model; empty if none were made."""
        return MappingProxyType(self._fits)

    @property
    def t0_met(self) -> float | None:
        """Time zero (MET, s), if there is one."""
        return self._t0_met

    @property
    def provenance(self) -> Provenance:
        """Where the set comes from."""
        return self._provenance

    @property
    def slices(self) -> Mapping[str, tuple[CountSpectrum, ...]]:
        """Spectra by time slice: label to one spectrum per mode."""
        by_label: dict[str, tuple[CountSpectrum, ...]] = {}
        for spectrum in self._counts.values():
            by_label[spectrum.label] = (*by_label.get(spectrum.label, ()), spectrum)
        return MappingProxyType(by_label)

    def __getitem__(self, stem: str) -> XRTSpectrum:
        """The spectrum of a slice and mode.

        Raises
        ------
        ProductNotAvailableError
            If there is none of that name.
        """
        if stem not in self._counts:
            known = ", ".join(self._counts) or "none"
            raise ProductNotAvailableError(
                f"spectrum {stem!r}", f"there are: {known}{nearest(str(stem), self._counts)}"
            )
        if stem not in self._made:
            self._made[stem] = self._counts[stem].to_spectrum()
        return self._made[stem]

    def get(self, stem: str, default: Any = None) -> Any:
        """The spectrum of a slice and mode, or `default` if there is none."""
        return self[stem] if stem in self._counts else default

    def __contains__(self, stem: object) -> bool:
        return stem in self._counts

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpectrumSet):
            return NotImplemented
        return (self.count_spectra, self._t0_met, self._fits) == (other.count_spectra, other._t0_met, other._fits)

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        fits = {stem: dict(models) for stem, models in self._fits.items()}
        return _rebuild, (self.count_spectra, fits, self._t0_met, self._provenance)

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> SpectrumSet:
        """Read a folder that `write` made.

        Raises
        ------
        FormatError
            If it is not such a folder, or a file in it is damaged.
        """
        from ..io.spectrum import read_set

        return read_set(folder)

    def write(self, folder: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write PHA files with companions, and an index, to a folder.

        Fits are not written.

        Raises
        ------
        OutputExistsError
            If a file exists and `overwrite` is False.
        """
        from ..io.spectrum import write_set

        write_set(self, folder, overwrite=overwrite)

    def plot(self, *, ax: Axes | None = None, min_counts: int | None = None, **artist_kwargs: Any) -> Axes:
        """Draw all spectra into one diagram; see `swiftxrt.plot.spectrum.plot_spectra`."""
        from ..plot.spectrum import plot_spectra

        return plot_spectra(self, ax=ax, min_counts=min_counts, **artist_kwargs)

    def peek(self) -> None:
        """Draw all spectra and show them."""
        from ..plot.spectrum import peek_spectra

        peek_spectra(self)

    def __repr__(self) -> str:
        counts = sum(int(spectrum.counts.sum()) for spectrum in self._counts.values())
        return f"<SpectrumSet {', '.join(self._counts) or 'empty'}: {counts} ct>"


def _rebuild(
    count_spectra: tuple[CountSpectrum, ...],
    fits: dict[str, dict[str, Any]],
    t0_met: float | None,
    provenance: Provenance,
) -> SpectrumSet:
    return SpectrumSet(count_spectra, fits=fits, t0_met=t0_met, provenance=provenance)
