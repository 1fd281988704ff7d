"""The spectra of one request: every time slice in every mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from .._fields import nearest
from ..exceptions import ProductNotAvailableError, RequestError
from .countspectrum import CountSpectrum
from .fit import COLUMN_UNIT, SpectralFit
from .provenance import Provenance

if TYPE_CHECKING:
    from astropy.table import QTable
    from matplotlib.axes import Axes

    from .spectrum import XRTSpectrum

__all__ = ["PARTS", "SpectrumSet"]

#: Parts that a spectrum should have, with their titles.
PARTS = {"background": "background spectrum", "arf": "effective area (ARF)", "rmf": "redistribution matrix (RMF)"}


class SpectrumSet(Mapping[str, "XRTSpectrum"]):
    """Spectra by the name of their time slice and mode, such as ``"interval0pc"``.

    A mapping to `XRTSpectrum`; these are made when first asked for.
    Immutable, picklable, compared by value (without provenance, addresses
    and the reasons why something is missing).

    Parameters
    ----------
    count_spectra : iterable of CountSpectrum
        The spectra as counted, one per slice and mode.
    fits : mapping of str to mapping of str to SpectralFit, optional
        Fits by name of the spectrum, then by name of the model.
    missing : mapping of str to str, optional
        What is not there, with the reason; see `missing`.
    galactic_nh : `~astropy.units.Quantity`, optional
        Galactic column towards the source, if no fit includes it.
    intervals : mapping of str to (float, float), optional
        Start and stop (MET, s) of time slices without spectrum.
    urls : mapping of str to str, optional
        Address of the files of each time slice.
    t0_met : float, optional
        Time zero (MET, s).
    provenance : Provenance, optional
        Where the set comes from.

    Raises
    ------
    RequestError
        If two spectra have the same slice and mode, if a fit belongs to none
        that is there or missing, or if something is not of its kind.

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
        fits: Mapping[str, Mapping[str, SpectralFit]] | None = None,
        missing: Mapping[str, str] | None = None,
        galactic_nh: u.Quantity | None = None,
        intervals: Mapping[str, tuple[float, float]] | None = None,
        urls: Mapping[str, str] | None = None,
        t0_met: float | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        spectra = tuple(count_spectra)
        self._counts = {spectrum.stem: spectrum for spectrum in spectra}
        self._made: dict[str, XRTSpectrum] = {}
        self._missing = {str(what): str(reason) for what, reason in (missing or {}).items()}
        self._fits = {stem: self._models(stem, models) for stem, models in (fits or {}).items() if models}
        self._galactic_nh = np.nan * COLUMN_UNIT if galactic_nh is None else galactic_nh
        self._intervals = {label: (float(pair[0]), float(pair[1])) for label, pair in (intervals or {}).items()}
        self._urls = dict(urls or {})
        self._t0_met = None if t0_met is None else float(t0_met)
        self._provenance = provenance or Provenance()
        problems = list(self._problems(spectra, fits or {}))
        if problems:
            raise RequestError(problems, "set of spectra")

    def _models(self, stem: str, models: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fits of a spectrum, with its count rate where they do not tell one."""
        spectrum = self._counts.get(stem)
        complete = {
            name: replace(fit, net_rate=spectrum.net_rate)
            if spectrum is not None and isinstance(fit, SpectralFit) and np.isnan(fit.net_rate)
            else fit
            for name, fit in models.items()
        }
        return MappingProxyType(complete)

    def _problems(self, spectra: tuple[CountSpectrum, ...], fits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if len(self._counts) != len(spectra):
            stems = ", ".join(item.stem for item in spectra)
            advice = "label of its own, as in spectrum.replace(label='2012')"
            yield "count_spectra", f"each slice has one spectrum per mode; got {stems}; give each a {advice}"
        unknown = [stem for stem in fits if stem not in self._counts and stem not in self._missing]
        if unknown:
            yield "fits", f"there are fits, but no spectra, of {', '.join(unknown)}"
        wrong = [stem for stem, models in self._fits.items() for fit in models.values() if type(fit) is not SpectralFit]
        if wrong:
            yield "fits", f"SpectralFit objects are needed; those of {', '.join(wrong)} are not"
        column = self._galactic_nh
        if not isinstance(column, u.Quantity) or not column.isscalar or not column.unit.is_equivalent(COLUMN_UNIT):
            yield "galactic_nh", f"a column density is needed, such as 5e20 / u.cm**2; got {column!r}"

    @property
    def count_spectra(self) -> tuple[CountSpectrum, ...]:
        """The spectra as counted, in the order of the mapping."""
        return tuple(self._counts.values())

    @property
    def fits(self) -> Mapping[str, Mapping[str, SpectralFit]]:
        """Fits by name of the spectrum, then by name of the model; only where there are any."""
        return MappingProxyType(self._fits)

    @property
    def fit_table(self) -> QTable:
        """All fits, one row each: name of the spectrum, then the columns of `SpectralFit.table`.

        Parameters that a model does not have are masked.
        """
        from astropy.table import vstack

        from ._display import ReadableTable

        rows = []
        for stem, models in self._fits.items():
            for fit in models.values():
                row = fit.table
                row.add_column([stem], name="spectrum", index=0)
                rows.append(row)
        return vstack(rows) if rows else ReadableTable(names=("spectrum", "model"), dtype=(str, str))

    @property
    def missing(self) -> Mapping[str, str]:
        """What is not there, with the reason.

        Keys name a time slice (``"interval0"``), a spectrum
        (``"interval0pc"``; if that is there, its fits are missing), a fit
        (``"interval0pc/APEC"``), or a part of a spectrum
        (``"interval0pc/arf"``, ``"interval0pc/rmf"``,
        ``"interval0pc/background"``).
        """
        parts = {
            f"{stem}/{name}": f"the spectrum has no {title}"
            for stem, spectrum in self._counts.items()
            for name, title in PARTS.items()
            if getattr(spectrum, name) is None
        }
        return MappingProxyType({**parts, **self._missing})

    @property
    def galactic_nh(self) -> u.Quantity:
        """Galactic column towards the source, if no fit includes it; NaN if not known."""
        return self._galactic_nh

    @property
    def intervals(self) -> Mapping[str, u.Quantity]:
        """Start and stop (MET, s) of each time slice: as asked for, else of its good time."""
        pairs = {label: _interval(members) or self._intervals.get(label) for label, members in self.slices.items()}
        pairs.update({label: pair for label, pair in self._intervals.items() if label not in pairs})
        return MappingProxyType({label: u.Quantity(pair, u.s) for label, pair in pairs.items() if pair is not None})

    @property
    def urls(self) -> Mapping[str, str]:
        """Address of the files of each time slice, where the set came from a service."""
        return MappingProxyType(self._urls)

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
        mine, theirs = (one._galactic_nh.to_value(COLUMN_UNIT) for one in (self, other))
        return (self.count_spectra, self._t0_met, self._fits) == (
            other.count_spectra,
            other._t0_met,
            other._fits,
        ) and np.array_equal(mine, theirs, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def __reduce__(self) -> tuple[Any, ...]:
        options = {
            "fits": {stem: dict(models) for stem, models in self._fits.items()},
            "missing": self._missing,
            "galactic_nh": self._galactic_nh,
            "intervals": self._intervals,
            "urls": self._urls,
            "t0_met": self._t0_met,
            "provenance": self._provenance,
        }
        return _rebuild, (self.count_spectra, options)

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

    def write(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write PHA files with companions, and an index with the fits, to a folder.

        Returns
        -------
        folder : Path
            The folder; `read` takes it.

        Raises
        ------
        RequestError
            If the name is that of a file, such as ``"x.pha"``.
        OutputExistsError
            If a file exists and `overwrite` is False.
        """
        from ..io.spectrum import write_set

        return write_set(self, folder, overwrite=overwrite)

    @classmethod
    def read_pha(cls, path: str | PathLike[str]) -> SpectrumSet:
        """Read all spectra of one PHA file, of type I or II (OGIP memo 92-007).

        Parameters
        ----------
        path : path-like
            The file; backgrounds and responses that it names are looked for
            next to it.

        Raises
        ------
        FormatError
            If it is not a PHA file of the XRT, or damaged.
        """
        from ..io.pha2 import read_pha_rows

        return cls(read_pha_rows(path))

    def write_pha(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write all spectra as the rows of one PHA file (type II), with their companions beside it.

        Fits and the reasons why something is missing are not written; `write`
        keeps them.

        Parameters
        ----------
        path : path-like
            Name ending with ``.pha``, ``.pi``, ``.fits`` or ``.fit``; ``.gz``
            after it compresses.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Returns
        -------
        path : Path
            The file; `read_pha` takes it.

        Raises
        ------
        RequestError
            If there is no spectrum, or they have different channels.
        OutputExistsError
            If one of the files exists and `overwrite` is False.
        """
        from ..io.pha2 import write_pha_rows

        return write_pha_rows(self.count_spectra, path, overwrite=overwrite)

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
        number = sum(len(models) for models in self._fits.values())
        fits = f", {number} fit{'s' * (number > 1)}" if number else ""
        return f"<SpectrumSet {', '.join(self._counts) or 'empty'}: {counts} ct{fits}>"


def _rebuild(count_spectra: tuple[CountSpectrum, ...], options: dict[str, Any]) -> SpectrumSet:
    return SpectrumSet(count_spectra, **options)


def _interval(members: tuple[CountSpectrum, ...]) -> tuple[float, float] | None:
    """Start and stop (MET, s) of a slice as asked for, else of its good time."""
    asked = [member.interval for member in members if member.interval is not None]
    good = [(float(m.gti.start[0]), float(m.gti.stop[-1])) for m in members if m.gti is not None and len(m.gti)]
    pairs = asked or good
    if not pairs:
        return None
    return min(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
