"""The same products of a source at several times."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u

from ..exceptions import JobTimeoutError, RequestError, SwiftXRTError
from ..jobs.job import Job
from ..jobs.waiting import seconds_of
from ..products.epochs import EpochSet
from ..products.outcomes import Outcome
from ..products.productset import ProductSet
from ..request.bundle import XRTRequest
from ..request.cautions import warn_about
from ..request.epochs import epoch_requests, observations_by_epoch

if TYPE_CHECKING:
    from ..jobs.joblist import JobList

__all__ = ["EpochMaking"]


class EpochMaking:
    """The method of `~swiftxrt.SwiftXRT` that makes products of each epoch."""

    _backend_name: str

    @abstractmethod
    def _submit(self, request: XRTRequest) -> Job:
        """Hand over a request; see ``SwiftXRT.submit``."""

    @abstractmethod
    def submit_many(self, requests: Any, *, location: str | Path | None = None) -> JobList:
        """Run many requests; see ``SwiftXRT.submit_many``."""

    def make_epochs(
        self,
        request: XRTRequest,
        observations: Any,
        *,
        location: str | Path | None = None,
        timeout: u.Quantity | None = None,
    ) -> EpochSet:
        """Make the same products of each epoch, side by side, and wait for them.

        The local engine works on as many epochs at once as it has processes
        (``conf.max_workers``); the service gets a few at a time. An epoch that
        fails takes nothing from the others.

        Parameters
        ----------
        request : XRTRequest
            What to make. Which observations each product is made from is
            replaced by those of the epoch.
        observations : `~astropy.table.Table`, or sequence or mapping of str
            A table as of `query_observations`, with a column ``epoch`` as of
            `swiftxrt.group_epochs`; without one each ObsID is an epoch. Or
            ObsIDs, or a mapping from names of epochs to ObsIDs.
        location : path-like, optional
            Folder for the products, in a folder for each epoch. The same call
            goes on with what is missing there, whatever ended it. Without it
            the products of the local engine are in memory only, and those of
            the service in the data folder of this package.
        timeout : `~astropy.units.Quantity`, optional
            Total time to wait.

        Returns
        -------
        epochs : EpochSet
            The products by epoch; ``epochs.failed`` says why one has none.

        Raises
        ------
        RequestError
            If there is no observation, or something is not what it should be.
        JobTimeoutError
            If the time is over. The same call goes on with the rest, except
            where the products are in memory only: that ends all of them, as
            Ctrl-C does.
        RequestError, ServiceError, StorageError, JobBookError
            As for ``submit_many``.

        Examples
        --------
        >>> epochs = local.make_epochs(request, group_epochs(table))  # doctest: +SKIP
        >>> fits = fit_many(epochs.spectra(), model)  # doctest: +SKIP
        """
        by_epoch = observations_by_epoch(observations)
        requests = epoch_requests(request, by_epoch)
        try:
            if location is None and self._backend_name == "local":
                advice = "give them more time, or a location, where the same call goes on with what is missing"
                warn_about(next(iter(requests.values())))
                outcomes = self._made_at_once(requests, timeout)
            else:
                advice = "the same call goes on with what is missing"
                with self.submit_many(requests.values(), location=location) as jobs:
                    jobs.wait(timeout=timeout)
                    outcomes = [_attempt(label, item.result) for label, item in zip(requests, jobs, strict=True)]
        except JobTimeoutError as error:
            raise JobTimeoutError(f"not all of {len(requests)} epochs were done within {timeout}; {advice}") from error
        return EpochSet(outcomes, by_epoch)

    def _made_at_once(self, requests: dict[str, XRTRequest], timeout: u.Quantity | None) -> list[Outcome]:
        """All jobs are handed over before the first is waited for."""
        deadline = math.inf if timeout is None else time.monotonic() + seconds_of(timeout, "timeout")
        with ExitStack() as unfinished:
            jobs: dict[str, Outcome] = {}
            for label, one in requests.items():
                jobs[label] = _attempt(label, partial(self._submit, one))
                if jobs[label].is_ok:
                    unfinished.callback(jobs[label].value.cancel)
            made = [one if one.error else _attempt(label, partial(_result, one.value, deadline))
                    for label, one in jobs.items()]  # fmt: skip
            # After an error nobody holds these jobs, and their threads would keep Python from ending.
            unfinished.pop_all()
        return made


def _attempt(label: str, make: Callable[[], Any]) -> Outcome:
    """What came of an epoch; what is wrong with all of them, or with the time, is raised."""
    try:
        return Outcome(label, make())
    except (RequestError, JobTimeoutError):
        raise
    except SwiftXRTError as error:
        return Outcome(label, error=error)


def _result(job: Job, deadline: float) -> ProductSet:
    left = deadline - time.monotonic()
    return job.result(timeout=None if math.isinf(left) else max(left, 0.0) * u.s)
