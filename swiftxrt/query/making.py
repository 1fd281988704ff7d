"""Products in one call: ask for one, wait, return it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..exceptions import PartialResultWarning, ProductNotAvailableError, RequestError, warn
from ..jobs.job import Job
from ..kinds import ProductKind
from ..mission import Mode
from ..products.image import SkyImage
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.sources import SourceList
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest
from ..request.cautions import warn_about
from ..request.extraction import ExtractionSettings
from ..request.image import ImageRequest
from ..request.lightcurve import LightCurveRequest
from ..request.position import PositionRequest
from ..request.sources import SourceDetectionRequest
from ..request.spectrum import ObsidSlices, SnapshotSlices, SpectrumRequest, TimeSlices
from ..request.target import Target
from .resolve import as_target

__all__ = ["ProductMaking"]

TargetLike = Target | str | SkyCoord


class ProductMaking:
    """The methods of `~swiftxrt.SwiftXRT` that make one product and wait for it."""

    @abstractmethod
    def _submit(self, request: XRTRequest) -> Job:
        """Hand over a request; see ``SwiftXRT.submit``."""

    def make_light_curve(
        self,
        target: TargetLike,
        *,
        binning: Any,
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> LightCurveSet:
        """Build a light curve and wait for it.

        Parameters
        ----------
        target : Target, str or `~astropy.coordinates.SkyCoord`
            The source.
        binning : CountsBinning, TimeBinning, SnapshotBinning or ObsidBinning
            How to bin.
        extraction : ExtractionSettings, optional
            Centroiding, pile-up and regions.
        timeout : `~astropy.units.Quantity`, optional
            Total time to wait.
        **parameters
            Further fields of `~swiftxrt.LightCurveRequest`.

        Returns
        -------
        curves : LightCurveSet

        Raises
        ------
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        request = LightCurveRequest(binning=binning, **parameters)
        curves: LightCurveSet = self._make(target, ProductKind.LIGHT_CURVE, extraction, timeout, light_curve=request)
        return curves

    def make_spectra(
        self,
        target: TargetLike,
        *,
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> SpectrumSet:
        """Build spectra and wait for them.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        **parameters
            Fields of `~swiftxrt.SpectrumRequest`, such as ``slices`` or ``redshift``.

        Returns
        -------
        spectra : SpectrumSet
            One spectrum per time slice and mode, keyed like ``"interval0pc"``.

        Raises
        ------
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        request = SpectrumRequest(**parameters)
        spectra: SpectrumSet = self._make(target, ProductKind.SPECTRUM, extraction, timeout, spectrum=request)
        return spectra

    def make_spectrum(
        self,
        target: TargetLike,
        *,
        mode: str | None = None,
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> Any:
        """Build one spectrum and wait for it; `make_spectra` gives those of several time slices or of both modes.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        mode : {"PC", "WT"}, optional
            Which mode to return; by default the one with more source counts.
        **parameters
            Fields of `~swiftxrt.SpectrumRequest`; ``slices`` may be one slice only.

        Returns
        -------
        spectrum : XRTSpectrum

        Raises
        ------
        RequestError
            If spectra of several slices are asked for; nothing is submitted then.
        ProductNotAvailableError
            If there is no spectrum in that mode.
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.

        Warns
        -----
        PartialResultWarning
            If there are spectra of both modes, and `mode` does not say which one.
        """
        modes = [one.value for one in Mode]
        if mode is not None and mode not in modes:
            raise RequestError([("mode", f"must be one of {', '.join(modes)}; got {mode!r}")], "spectrum")
        _check_one_slice(parameters.get("slices"))
        spectra = self.make_spectra(target, extraction=extraction, timeout=timeout, **parameters)
        found = [one for one in spectra.count_spectra if mode in (None, one.mode)]
        if not found:
            raise ProductNotAvailableError("spectrum", f"there is none in mode {mode}; there are {', '.join(spectra)}")
        best = max(found, key=lambda one: int(one.counts.sum())).stem
        if len(found) > 1:
            warn(
                f"{len(found)} spectra were made ({', '.join(one.stem for one in found)}), and {best}, which has the most "
                "counts, is returned; say which by mode=, or take all of make_spectra()",
                PartialResultWarning,
            )
        return spectra[best]

    def make_position(
        self,
        target: TargetLike,
        *,
        kind: str = "standard",
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> Position:
        """Measure the position of a source and wait for it.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        kind : {"standard", "enhanced", "astrometric"}, optional
            Which position.
        **parameters
            Further fields of `~swiftxrt.PositionRequest`.

        Returns
        -------
        position : Position

        Raises
        ------
        ProductNotAvailableError
            If no position was found; the error says why.
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        if "kinds" in parameters:
            raise RequestError([("kinds", "one position is made here: give kind=; submit() takes several kinds")])
        request = PositionRequest(kinds=(kind,), **parameters)
        product = ProductKind(f"{request.kinds[0]}_position")
        position: Position = self._make(target, product, extraction, timeout, position=request)
        return position

    def make_image(
        self,
        target: TargetLike,
        *,
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> Sequence[SkyImage]:
        """Build sky images and wait for them.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        **parameters
            Fields of `~swiftxrt.ImageRequest`, such as ``bands``.

        Returns
        -------
        images : tuple of SkyImage
            One per energy band.

        Raises
        ------
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        request = ImageRequest(**parameters)
        images: Sequence[SkyImage] = self._make(target, ProductKind.IMAGE, extraction, timeout, image=request)
        return images

    def detect_sources(
        self,
        target: TargetLike,
        *,
        data: Any,
        extraction: ExtractionSettings | None = None,
        timeout: u.Quantity | None = None,
        **parameters: Any,
    ) -> SourceList:
        """Search a field for sources and wait for the list.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        data : AllData, Observations or TimeIntervals
            The data to use.
        **parameters
            Further fields of `~swiftxrt.SourceDetectionRequest`, such as ``bands``.

        Returns
        -------
        sources : SourceList
            One table per energy band.

        Raises
        ------
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        request = SourceDetectionRequest(data=data, **parameters)
        found: SourceList = self._make(target, ProductKind.SOURCES, extraction, timeout, sources=request)
        return found

    def _make(
        self,
        target: TargetLike,
        kind: ProductKind,
        extraction: ExtractionSettings | None,
        timeout: u.Quantity | None,
        **slot: Any,
    ) -> Any:
        settings = {} if extraction is None else {"extraction": extraction}
        request = XRTRequest(target=as_target(target), **slot, **settings)
        warn_about(request, stacklevel=4)  # to whoever called the method that called this one
        job = self._submit(request)
        try:
            job.wait(timeout=timeout)
        except KeyboardInterrupt as interruption:
            if job.backend == "local":  # nobody holds this job, and its threads would keep Python from ending
                job.cancel()
            else:
                interruption.add_note(f"job {job.id} on {job.backend} goes on: get_job({job.id!r}) finds it again")
            raise
        return job.product(kind)


def _check_one_slice(slices: Any) -> None:
    """Refuse what makes several spectra where one is wanted."""
    number = f"{len(slices.slices)} slices" if isinstance(slices, TimeSlices) else f"{type(slices).__name__}()"
    if isinstance(slices, SnapshotSlices | ObsidSlices) or (isinstance(slices, TimeSlices) and len(slices.slices) > 1):
        text = f"one spectrum is made here, and {number} make several: make_spectra() gives them all, by name"
        raise RequestError([("slices", text)], "spectrum")
