"""The methods of `~swiftxrt.SwiftXRT` that submit requests and find jobs again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from astropy.table import QTable

from ..config import data_folder
from ..exceptions import JobBookError, RequestError, SwiftXRTWarning, warn
from ..jobs import submission
from ..jobs.book import JobBook
from ..jobs.job import Job
from ..jobs.protocol import ProductBackend, check_job_id
from ..request.bundle import XRTRequest
from ..request.cautions import warn_about
from .joblist import job_table

if TYPE_CHECKING:
    from ..jobs.joblist import JobList
    from ..jobs.outcome import ListReport

__all__ = ["JobAsking"]


class JobAsking:
    """Jobs of a backend, and the book that they are written into."""

    _book: JobBook | None
    _has_book: bool
    _lists: WeakSet[JobList]

    @property
    @abstractmethod
    def _backend(self) -> ProductBackend:
        """Where requests run."""

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

    def submit_many(
        self,
        requests: Iterable[XRTRequest],
        *,
        max_active: int | None = None,
        location: str | Path | None = None,
        name: str | None = None,
        progress: Callable[[ListReport], None] | bool = True,
    ) -> JobList:
        """Run many requests, a few at a time, and keep their products on disk.

        Returns at once. The list is in the job book: if the process ends,
        however it does, the same call goes on with what is missing. Products
        that are on disk are not made again, jobs that run are found again, and
        the next ones are submitted when others end.

        Parameters
        ----------
        requests : iterable of XRTRequest
            What to make. The same request twice makes one job.
        max_active : int, optional
            How many jobs of yours may be under way at a time, those of other
            sessions included; by default ``conf.max_active_jobs``.
        location : path-like, optional
            Folder for the products, in a folder for each request; by default
            one in the data folder of this package. It can be changed as long
            as there are no products in it.
        name : str, optional
            A name by which the list is found again, also when requests were
            added or left out; by default it is the same list if the requests
            are the same. With other observations (``archive``) or another
            calibration (``caldb``) of the local engine it is another list.
        progress : bool or callable, optional
            Whether to show the progress while the list is waited for (on a
            terminal and in a notebook), or a function that is called with
            each new report.

        Returns
        -------
        jobs : JobList
            An item for each request, in their order.

        Raises
        ------
        RequestError
            If something else than requests was given, or another location
            than when the list was begun, and there are products in that one.
        StorageError
            If nothing can be written to the location; the list is not begun then.
        JobBookError
            If the job book cannot be used, or another process works on the
            list.

        Warns
        -----
        RequestWarning
            If a request is probably not what was meant: its ``cautions``.

        Examples
        --------
        >>> jobs = SwiftXRT.submit_many(requests, name="bursts of 2020")  # doctest: +SKIP
        >>> for item in jobs.as_completed():  # doctest: +SKIP
        ...     print(item.request.target.name, item.outcome)
        """
        from ..jobs.openlist import checked_requests, open_list

        wanted = checked_requests(requests)
        for request in dict.fromkeys(wanted):
            warn_about(request)
        backend = self._backend
        # What the local engine makes depends on its archive and calibration, wherever it keeps its jobs.
        origin = backend.origin if backend.name == "local" else backend.service
        options = {"max_active": max_active, "location": location, "name": name, "progress": progress}
        jobs = open_list(backend, self.job_book, wanted, origin=origin, **options)
        self._lists.add(jobs)
        return jobs

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
        RequestError
            If `job_id` is not the number of a job.
        JobLostError
            If neither the backend nor, for a light curve that was binned anew,
            the job book knows it.
        ServiceError
            If the service cannot be asked.

        Warns
        -----
        ServiceWarning
            If the service cannot be asked, and the job is given as the job
            book knows it.
        """
        wanted = check_job_id(job_id)
        book = self._book_if_any()
        if book is None:
            return Job(self._backend.recall(wanted), self._backend)
        return submission.find_job(self._backend, book, wanted)

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
            ``phase``, the last state that was seen from here, ``submitted``
            (`~astropy.time.Time`, UTC, masked where it is not known), one
            column of truth values for each kind of product (``light_curve``
            ... ``sources``), ``available``, whether there are files to be
            had, and ``recorded``, what the job book says: ``accepted``;
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

    def _submit(self, request: XRTRequest) -> Job:
        backend = self._backend
        # The local engine keeps its jobs itself, and none of its replies gets lost.
        book = self._book_if_any(stacklevel=5) if backend.name == "local" else self.job_book
        if book is None:
            return Job.accepted(backend.submit(request), backend)
        return submission.submit(backend, book, request)
