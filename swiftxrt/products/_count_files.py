"""Spectra of counts in files, and as pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bands import EnergyBand

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .countspectrum import CountSpectrum
    from .spectrum import XRTSpectrum

__all__ = ["CountFiles"]

PathLike = str | os.PathLike[str]


class CountFiles:
    """The methods of `CountSpectrum` that read, write and draw."""

    if TYPE_CHECKING:

        def to_spectrum(self) -> XRTSpectrum:
            """As in `CountSpectrum`."""

    @classmethod
    def read(
        cls,
        path: PathLike,
        *,
        background: PathLike | None = None,
        arf: PathLike | None = None,
        rmf: PathLike | None = None,
        extension: int | str | None = None,
        row: int | None = None,
    ) -> CountSpectrum:
        """Read an OGIP PHA file, of the XRT or of another instrument.

        Parameters
        ----------
        path : path-like
            The file; may be gzipped.
        background, arf, rmf : path-like, optional
            Companion files. By default those named in the header are looked
            for next to `path`; one that is not there is left out with a warning.
        extension : int or str, optional
            Which spectrum of a file with several: number of the HDU (from 0,
            the primary one), or the name of the source, which stands in
            ``NAME``, ``OBJECT`` or ``SOURCEID``.
        row : int, optional
            Which spectrum of a table with one in each row (PHA type II), from 1.

        Raises
        ------
        FormatError
            If a file is not what it should be, damaged, or holds several
            spectra and none is chosen.
        """
        from ..io.pha import own_name, read_pha

        found = read_pha(path, background=background, arf=arf, rmf=rmf, extension=extension, row=row)
        return found.replace(file_name=own_name(found, path)) if extension is None and row is None else found

    @classmethod
    def from_oda(cls, products: Any, *, source: str | None = None, systematic: float | None = None) -> CountSpectrum:
        """Make a spectrum of what the INTEGRAL online platform (``oda_api``) returned.

        Parameters
        ----------
        products : object
            The ``DataCollection`` that ``get_product`` returns, a sequence of
            its ``NumpyDataProduct``, or one of them that holds a spectrum.
            ARF and RMF of the same source are used if they are there.
        source : str, optional
            Name of the source, if there are spectra of several.
        systematic : float, optional
            Systematic error as a fraction; by default that in the data.

        Raises
        ------
        RequestError
            If there is no spectrum, or that of several sources and none is named.
        FormatError
            If the data are not those of a spectrum.
        """
        from ..io.oda import read_oda

        return read_oda(products, source=source, systematic=systematic)

    def write(
        self,
        path: PathLike,
        *,
        overwrite: bool = False,
        backfile: str | None = None,
        ancrfile: str | None = None,
        respfile: str | None = None,
    ) -> Path:
        """Write an OGIP PHA file and its companions.

        ``x.pha`` is accompanied by ``x_bkg.pha``, ``x.arf`` and ``x.rmf``, as
        far as there is background and response.

        Parameters
        ----------
        path : path-like
            Name ending with ``.pha``, ``.pi``, ``.fits`` or ``.fit``; ``.gz``
            after it compresses.
        overwrite : bool, optional
            Whether existing files may be replaced.
        backfile, ancrfile, respfile : str, optional
            Names of files to stand in the header (``BACKFILE``, ``ANCRFILE``,
            ``RESPFILE``) instead of that of a companion, which then is not
            written; ``"none"`` for no file.

        Returns
        -------
        path : Path
            The PHA file; `read` takes it.

        Raises
        ------
        RequestError
            If the name has another ending, or one for the header cannot stand there.
        OutputExistsError
            If one of the files exists and `overwrite` is False.
        """
        from ..io.pha import write_pha

        links = {"BACKFILE": backfile, "ANCRFILE": ancrfile, "RESPFILE": respfile}
        return write_pha(self, path, overwrite=overwrite, links=links)  # type: ignore[arg-type]  # It is a CountSpectrum.

    def write_xspec(
        self,
        folder: PathLike,
        *,
        model: Any = None,
        statistic: str | None = None,
        band: EnergyBand | str | None = None,
        with_spectra: Iterable[CountSpectrum] = (),
        overwrite: bool = False,
    ) -> Path:
        """Write a folder with which XSPEC can fit the spectrum: PHA files, companions and scripts.

        ``@fit.xcm``, typed in XSPEC within the folder, loads data and model
        and fits; ``load.xcm`` only loads, and is what PyXspec's
        ``Xset.restore`` takes.

        Parameters
        ----------
        folder : path-like
            A new folder, or one to put the files into.
        model : model, optional
            What is to be fitted, from `swiftxrt.models`.
        statistic : {"cstat", "chi"}, optional
            By default ``"cstat"`` (with a background, XSPEC's W-stat) for
            counts, ``"chi"`` for rates with errors of their own.
        band : EnergyBand or str, optional
            Energies to be fitted; by default 0.3-10 keV of the XRT, and all
            good channels of other instruments.
        with_spectra : iterable of CountSpectrum, optional
            Further spectra that are fitted with this one, all with the same parameters.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Returns
        -------
        path : Path
            The script ``fit.xcm``; ``load.xcm`` without a model.

        Raises
        ------
        RequestError
            If an argument cannot be used.
        OutputExistsError
            If a file exists and `overwrite` is False.
        """
        from ..io.xspec import write_xspec

        spectra = [self, *with_spectra]
        return write_xspec(spectra, folder, model=model, statistic=statistic, band=band, overwrite=overwrite)  # type: ignore[arg-type]

    def plot(self, *, ax: Axes | None = None, min_counts: int | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the net count rate per energy; see `swiftxrt.plot.spectrum.plot_spectrum`."""
        return self.to_spectrum().plot(ax=ax, min_counts=min_counts, **artist_kwargs)

    def peek(self) -> None:
        """Draw the spectrum and show it."""
        self.to_spectrum().peek()
