"""A job: one request at work in a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import astropy.units as u

from .._log import log
from .._paths import as_path
from ..exceptions import ProductNotAvailableError, RequestError
from ..kinds import ProductKind
from ..products.productset import ProductSet
from ..products.report import ALREADY_ENDED, JobReport
from ..request.bundle import XRTRequest
from .choice import Kinds, chosen_kinds
from .downloading import ARCHIVE_FORMATS, Downloads, SavingPlan, not_available
from .gathering import gather, tell_cautions
from .progress import ProgressCallback
from .protocol import JobHandle, ProductBackend
from .record import JobRecord
from .watched import Watched

__all__ = ["ARCHIVE_FORMATS", "Job"]


class Job(Watched):
    """One request at work in a backend.

    Attributes never touch the network: they show the last known state, which
    `refresh`, `wait` and `cancel` renew. Jobs are made by ``SwiftXRT.submit``
    and ``SwiftXRT.get_job``. A job stays with the service it was made with,
    whatever ``conf.service_url`` becomes.

    Parameters
    ----------
    handle : JobHandle
        What the backend gave at submission.
    backend : ProductBackend
        The backend.
    record : JobRecord, optional
        Where it is written down what becomes of the job.
    report : JobReport, optional
        What is known of its state.
    """

    def __init__(
        self,
        handle: JobHandle,
        backend: ProductBackend,
        *,
        record: JobRecord | None = None,
        report: JobReport | None = None,
    ) -> None:
        self._handle = handle
        self._backend = backend
        self._record = record or JobRecord(None, 0)
        self._report = report

    @classmethod
    def accepted(cls, handle: JobHandle, backend: ProductBackend, *, record: JobRecord | None = None) -> Job:
        """A job that was accepted a moment ago; parameters as for the class."""
        return cls(handle, backend, record=record, report=JobReport.accepted(handle.id, handle.request.kinds))

    @property
    def id(self) -> str:
        """Identifier; with it the job can be found again from another process."""
        return self._handle.id

    @property
    def backend(self) -> str:
        """Name of the backend."""
        return self._handle.backend

    @property
    def service(self) -> str:
        """Where it is: the address of the service, or the folder in which the local engine keeps its jobs."""
        return self._handle.service

    @property
    def request(self) -> XRTRequest:
        """The request with the values the backend resolved or completed."""
        return self._handle.request

    @property
    def url(self) -> str | None:
        """Where the products can be fetched, if anywhere."""
        return self._handle.url

    @property
    def submitted(self) -> datetime | None:
        """When the job was accepted (UTC); `None` for a job of the service that was found again."""
        return self._handle.submitted

    @property
    def kinds(self) -> tuple[ProductKind, ...]:
        """The products asked for."""
        return self._handle.request.kinds

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters in the words of the service, as it reported them; those of the local engine look alike."""
        return MappingProxyType(dict(self._handle.parameters))

    @property
    def rebin_of(self) -> str | None:
        """The job whose light curve was binned anew; `None` for an ordinary job."""
        return self._handle.rebin_of

    @property
    def _runner(self) -> ProductBackend:
        return self._backend

    def refresh(self) -> JobReport:
        """Ask the backend for the state of the job; what has ended stays so, whatever it says.

        Returns
        -------
        report : JobReport

        Raises
        ------
        ServiceError
            If the backend cannot be reached or answers nonsense.
        JobLostError
            If the backend no longer knows the job.
        """
        return self._note(self._backend.poll(self._handle))

    def cancel(self, kinds: Kinds | None = None) -> JobReport:
        """Cancel some products, or all.

        Products that have already ended stay as they are, so cancelling twice
        or too late does no harm; the remark of their status in the report says
        that nothing was cancelled, and why.

        Parameters
        ----------
        kinds : ProductKind, str or iterable of them, optional
            What to cancel, e.g. ``["astrometric_position"]``; all by default.

        Returns
        -------
        report : JobReport

        Raises
        ------
        RequestError
            If a product is not part of the job.
        ServiceError, JobLostError
            As for `refresh`.
        """
        chosen = self._choose(kinds)
        known = self._report.products if self._report else {}
        ended = [kind for kind in chosen if kind in known and known[kind].phase.is_final]
        left = [kind for kind in chosen if kind not in ended]
        if not left:
            log.info("job %s: nothing is left to cancel", self.id)
        report = self._backend.cancel(self._handle, left) if left else self._backend.poll(self._handle)
        return self._note(report.not_cancelled(dict.fromkeys(ended, ALREADY_ENDED)))

    def result(self, *, timeout: u.Quantity | None = None, progress: ProgressCallback | bool = True) -> ProductSet:
        """Wait for the job and collect all its products.

        Parameters
        ----------
        timeout, progress
            As for `wait`.

        Returns
        -------
        products : ProductSet
            ``products.failed`` says why a product is missing.

        Raises
        ------
        JobTimeoutError
            If the time is over.
        JobError
            If not a single product came.
        ServiceError, JobLostError
            As for `wait`.

        Warns
        -----
        PartialResultWarning
            If a product was made but could not be fetched or read.
        """
        report = self.wait(timeout=timeout, progress=progress)
        return gather(self.product, self._handle, report)

    def product(self, kind: ProductKind | str) -> Any:
        """Collect one product that has ended.

        Parameters
        ----------
        kind : ProductKind or str
            Which one, e.g. ``"spectrum"``.

        Returns
        -------
        product : object
            The class depends on the kind; see `~swiftxrt.ProductSet`.

        Raises
        ------
        ProductNotAvailableError
            If it failed, was cancelled or, by the last report, has not ended.
        RequestError
            If it is not part of the job.
        ServiceError
            If the backend cannot be reached or answers nonsense.
        FormatError
            If its files are damaged.
        """
        (kind,) = self._choose(kind)
        if (missing := not_available(kind, self._report)) is not None:
            raise missing
        try:
            product = self._backend.collect(self._handle, kind)
        except ProductNotAvailableError as error:
            self._record.product(kind, None, error.reason)
            raise
        tell_cautions(kind, product)
        return product

    def rebin(self, binning: Any = None, **fields: Any) -> Job:
        """Bin the finished light curve anew, which is much faster than building it.

        Parameters
        ----------
        binning : CountsBinning, TimeBinning, SnapshotBinning or ObsidBinning, optional
            How to bin.
        **fields
            Further fields of `~swiftxrt.LightCurveRequest`. What is not given
            stays as it is in the request of this job.

        Returns
        -------
        job : Job
            A job with the light curve as its only product. The service keeps
            such jobs apart: they are not in ``SwiftXRT.list_jobs``, and it
            does not find them for ``SwiftXRT.get_job``.

        Raises
        ------
        RequestError
            If the job has no light curve, or a field cannot be used.
        ProductNotAvailableError, RequestRejectedError
            If the light curve was not made, or not yet.
        ServiceError, JobLostError
            As for `refresh`.

        Examples
        --------
        >>> import astropy.units as u
        >>> from swiftxrt import SnapshotBinning
        >>> coarse = job.rebin(SnapshotBinning())  # doctest: +SKIP
        >>> coarse.result(timeout=5 * u.min).light_curve.total  # doctest: +SKIP
        """
        before = self.request.light_curve
        if before is None:
            have = ", ".join(kind.value for kind in self.kinds)
            raise RequestError([("light_curve", f"is not part of this job, which has {have}")], "rebinning")
        changes = fields if binning is None else {**fields, "binning": binning}
        handle = self._backend.rebin(self._handle, before.replace(**changes))
        return Job.accepted(handle, self._backend, record=self._record.of_rebinning(handle))

    def download(
        self,
        location: str | Path = ".",
        *,
        kinds: Kinds | None = None,
        archive_format: str = "tar.gz",
        extract: bool = False,
        stem: str | None = None,
        overwrite: bool = False,
    ) -> Downloads:
        """Save the files of products, as archives or unpacked.

        Names in the folder are the codes of the service: ``lc.tar.gz``, or
        ``lc`` for the folder with what was in it. Several products are fetched
        at once (``conf.download_workers``). What is broken off is taken up
        where it ended when it is downloaded to the same place again.

        Parameters
        ----------
        location : path-like, optional
            Folder; made if it does not exist.
        kinds : ProductKind, str or iterable of them, optional
            Which products; all that are complete by default.
        archive_format : {"tar.gz", "tar", "zip"}, optional
            Kind of archive.
        extract : bool, optional
            Whether the archives are unpacked, each into a folder of its own,
            and not kept.
        stem : str, optional
            Beginning of the names, followed by ``_``.
        overwrite : bool, optional
            Whether existing files, or folders of an earlier download, are
            replaced; each when the new one is complete.

        Returns
        -------
        saved : Downloads
            A mapping of product to the archive or folder that was saved.
            ``saved.failed`` says why others are missing, ``saved.table`` has a
            row for each product, with path, size, outcome and error, and
            ``saved.retry()`` tries again what failed.

        Raises
        ------
        RequestError
            If the format, the stem or a product cannot be used.
        OutputExistsError
            If a file exists and `overwrite` is False; nothing was fetched then.
        ProductNotAvailableError, ServiceError, FormatError, StorageError
            If no product could be had, all for the same reason; a StorageError
            also if the folder cannot be written to, and nothing is fetched then.
        JobError
            If no product could be had, for different reasons.

        Warns
        -----
        PartialResultWarning
            If some products that are complete, or that were asked for by name,
            could not be had; the others are saved.
        """
        chosen = self._choose(kinds)
        if not chosen:
            have = ", ".join(kind.value for kind in self.kinds)
            raise RequestError([("kinds", f"name at least one of {have}; got {kinds!r:.60}")], "download")
        plan = SavingPlan(
            self._backend,
            self._handle,
            self._record,
            self.refresh,
            as_path(location, "location"),
            archive_format=archive_format,
            extract=extract,
            stem=stem,
            overwrite=overwrite,
            tolerant=kinds is None,
        )
        return plan.save(chosen)

    def forget(self) -> None:
        """Remove the job from the job book.

        Nothing is cancelled and no file is removed. The service goes on
        listing the job, and ``SwiftXRT.get_job`` finds it as before.

        Raises
        ------
        JobBookError
            If the book cannot be written.
        """
        self._record.forget()

    def _note(self, report: JobReport) -> JobReport:
        report = super()._note(report)
        self._record.report(report)
        return report

    def _choose(self, kinds: Kinds | None) -> Sequence[ProductKind]:
        return self.kinds if kinds is None else chosen_kinds(kinds, self.kinds, f"job {self.id}")

    def __repr__(self) -> str:
        number = len(self.kinds)
        what = f"{number} product{'s' * (number != 1)} for {self.request.target.name!r}"
        return f"<Job {self.id} on {self.backend}: {self.phase}, {what}>"
