"""The class users talk to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astroquery.query import BaseQuery

from ..backends.registry import check_backend, make_backend
from ..config import data_folder
from ..exceptions import JobBookError, ProductNotAvailableError, RequestError, SwiftXRTWarning, warn
from ..jobs import submission
from ..jobs.book import JobBook
from ..jobs.job import Job
from ..jobs.protocol import ProductBackend
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
from ..request.spectrum import SpectrumRequest
from ..request.target import Target
from .joblist import job_table
from .resolve import as_target

__all__ = ["SwiftXRT", "SwiftXRTClass"]

TargetLike = Target | str | SkyCoord


class SwiftXRTClass(BaseQuery):
    """Swift-XRT products on demand, as Astropy objects.

    ``swiftxrt.SwiftXRT`` is a ready instance that uses the service in
    Leicester; call it, or this class, for another set-up.

    Parameters
    ----------
    backend : {"ukssdc", "local"}, optional
        Where requests run: on the service, or on observations on disk.
    user : str, optional
        Registered e-mail address for the service; by default ``conf.user`` or
        the environment variable ``SWIFTXRT_USER``. It is left out of pickles.
    archive : path-like, optional
        Folder with observations for the local engine; by default
        ``conf.archive`` or the environment variable ``SWIFTXRT_ARCHIVE``.
    state : path-like, optional
        Folder where the local engine keeps its jobs, so that they can be found
        again, and go on, in a later session; one session at a time. By default
        they are lost when this one ends.

    Examples
    --------
    >>> from swiftxrt import SwiftXRT
    >>> local = SwiftXRT(backend="local", archive="observations")  # doctest: +SKIP
    >>> curves = local.make_light_curve("GRB 200416A", binning=SnapshotBinning())  # doctest: +SKIP
    """

    def __init__(
        self,
        backend: str = "ukssdc",
        *,
        user: str | None = None,
        archive: str | Path | None = None,
        state: str | Path | None = None,
    ) -> None:
        super().__init__()
        check_backend(backend)
        self._backend_name = backend
        self._user = user
        self._archive = archive
        self._state = state
        self._made: ProductBackend | None = None
        self._book: JobBook | None = None
        self._has_book = True

    @property
    def _backend(self) -> ProductBackend:
        """The backend, made at first use: importing the package touches nothing."""
        if self._made is None:
            self._made = make_backend(self._backend_name, user=self._user, archive=self._archive, state=self._state)
        return self._made

    @property
    def job_book(self) -> JobBook:
        """The job book in ``conf.data_dir``: everything that was submitted from this machine.

        Raises
        ------
        JobBookError
            If it cannot be used.
        """
        path = (data_folder() / "jobs.sqlite").absolute()
        if self._book is None or self._book.path != path:
            self._book = JobBook(path)
        return self._book

    def _book_if_any(self, stacklevel: int = 4) -> JobBook | None:
        """The job book, or `None`, with one warning, where it cannot be used."""
        try:
            return self.job_book
        except JobBookError as error:
            if self._has_book:
                warn(f"nothing is written down: {error}", SwiftXRTWarning, stacklevel=stacklevel)
            self._has_book = False
            return None

    def __call__(self, *args: Any, **kwargs: Any) -> SwiftXRTClass:
        """Make an instance with another set-up; arguments as for the class."""
        return type(self)(*args, **kwargs)

    def _response_hook(self, response: Any, *args: Any, **kwargs: Any) -> None:
        """Not used: astroquery's hook would decode every body, whatever its size."""

    def submit(self, request: XRTRequest) -> Job:
        """Hand over a request and return at once.

        The submission is written into the job book before it is sent. If the
        reply is lost, the list of jobs tells what became of it: the job is
        found, and never made twice.

        Parameters
        ----------
        request : XRTRequest
            What to make.

        Returns
        -------
        job : Job

        Raises
        ------
        RequestError
            If `request` is not an `~swiftxrt.XRTRequest`, or a setting is missing.
        ServiceError
            If the service cannot be reached or refuses.
        SubmissionUncertainError
            If the reply was lost and the list of jobs cannot be read either.
            Submitting the request again looks there first.
        JobBookError
            If the submission cannot be written down; nothing was sent then.
        NoDataError
            If the local engine has no observation of the target.

        Warns
        -----
        RequestWarning
            If the request is probably not what was meant: its ``cautions``.
        ServiceWarning
            If nothing was sent, because the job of an earlier submission was
            found whose reply was lost.
        """
        if not isinstance(request, XRTRequest):
            raise RequestError([("request", f"an XRTRequest is needed; got {type(request).__name__}")])
        warn_about(request)
        return self._submit(request)

    def get_job(self, job_id: str | int) -> Job:
        """Find a job that was submitted earlier, perhaps in another session.

        It is written into the job book, if it is not there yet.

        Parameters
        ----------
        job_id : str or int
            Its identifier.

        Returns
        -------
        job : Job

        Raises
        ------
        JobLostError
            If the backend does not know it.
        ServiceError
            If the service cannot be asked.

        Warns
        -----
        ServiceWarning
            If the service cannot be asked, and the job is given as the job
            book knows it.
        """
        book = self._book_if_any()
        if book is None:
            return Job(self._backend.recall(str(job_id)), self._backend)
        return submission.find_job(self._backend, book, str(job_id))

    def list_jobs(self) -> QTable:
        """All jobs of the user, newest first.

        The service lists jobs of earlier sessions and of its web page too,
        the local engine those in its folder. Jobs in the job book that are no
        longer listed there follow, and submissions whose reply was lost; if
        the service made a job of them, it is found here. Light curves that
        were binned anew are not listed.

        Returns
        -------
        jobs : `~astropy.table.QTable`
            Columns ``job_id`` and ``name`` (of the target), both text,
            ``submitted`` (`~astropy.time.Time`, UTC, masked where it is not
            known), one column of truth values for each kind of product
            (``light_curve`` ... ``sources``), ``available``, whether there
            are files to be had, ``phase``, the last state that was seen from
            here, and ``recorded``, what the job book says: ``accepted``;
            ``uncertain`` for a submission whose reply was lost, which has no
            ``job_id``; nothing for jobs from elsewhere.

        Raises
        ------
        NotRegisteredError
            If the service does not know the user.
        ServiceError
            If the service cannot be reached or answers nonsense.

        Examples
        --------
        >>> jobs = SwiftXRT.list_jobs()  # doctest: +SKIP
        >>> old = SwiftXRT.get_job(jobs["job_id"][0])  # doctest: +SKIP
        >>> again = SwiftXRT.submit(old.request)  # doctest: +SKIP
        """
        book = self._book_if_any()
        if book is None:
            return job_table(self._backend.list_jobs())
        listed = submission.read_jobs(self._backend, book)
        place = {"backend": self._backend.name, "service": self._backend.service, "owner": self._backend.sender}
        return job_table(listed, book.find(**place))

    def count_active_jobs(self) -> int:
        """How many jobs of the user have not ended.

        The service asks not to have more than about five at a time.

        Returns
        -------
        number : int

        Raises
        ------
        NotRegisteredError, ServiceError
            As for `list_jobs`.
        """
        return self._backend.count_active_jobs()

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
        """Build one spectrum and wait for it.

        Parameters
        ----------
        target, extraction, timeout
            As for `make_light_curve`.
        mode : {"PC", "WT"}, optional
            Which mode to return; by default the one with more source counts.
        **parameters
            Fields of `~swiftxrt.SpectrumRequest`.

        Returns
        -------
        spectrum : XRTSpectrum

        Raises
        ------
        ProductNotAvailableError
            If there is no spectrum in that mode.
        RequestError, ServiceError, NoDataError, ProductNotAvailableError, JobTimeoutError
            As for ``submit``, ``Job.wait`` and ``Job.product``.
        """
        modes = [one.value for one in Mode]
        if mode is not None and mode not in modes:
            raise RequestError([("mode", f"must be one of {', '.join(modes)}; got {mode!r}")], "spectrum")
        spectra = self.make_spectra(target, extraction=extraction, timeout=timeout, **parameters)
        found = [one for one in spectra.count_spectra if mode in (None, one.mode)]
        if not found:
            raise ProductNotAvailableError("spectrum", f"there is none in mode {mode}; there are {', '.join(spectra)}")
        return spectra[max(found, key=lambda one: int(one.counts.sum())).stem]

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

    def _submit(self, request: XRTRequest) -> Job:
        backend = self._backend
        # The local engine keeps its jobs itself, and none of its replies gets lost.
        book = self._book_if_any(stacklevel=5) if backend.name == "local" else self.job_book
        return Job(backend.submit(request), backend) if book is None else submission.submit(backend, book, request)

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

    def close(self) -> None:
        """Close connections and stop the local engine; the next request starts anew.

        Jobs of the local engine that have not ended are lost, unless it has a
        folder for them (``state``); those of the service go on.
        """
        if self._made is not None:
            self._made.close()
            self._made = None
        if self._book is not None:
            self._book.close()

    def __enter__(self) -> SwiftXRTClass:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # A pickle travels: it holds neither connections nor the user's address.
        return {**vars(self), "_made": None, "_user": None, "_book": None}

    def __repr__(self) -> str:
        return f"<SwiftXRT on {self._backend_name!r}>"


SwiftXRT = SwiftXRTClass()
