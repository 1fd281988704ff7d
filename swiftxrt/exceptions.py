"""Every error and warning this package raises on purpose.

All errors descend from `SwiftXRTError`; those for which Python has a fitting
class descend from that too, so ``except ValueError`` works as expected.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from astropy.utils.exceptions import AstropyUserWarning

from ._printable import printable

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "CalibrationWarning",
    "CentroidWarning",
    "FitError",
    "FitWarning",
    "FormatError",
    "HEASoftError",
    "IdentifierError",
    "JobBookError",
    "JobError",
    "JobLostError",
    "JobTimeoutError",
    "MetadataWarning",
    "NoDataError",
    "NotRegisteredError",
    "OfflineError",
    "OutputExistsError",
    "PartialResultWarning",
    "PileUpWarning",
    "ProductNotAvailableError",
    "ProtocolError",
    "RequestError",
    "RequestRejectedError",
    "RequestWarning",
    "ServerStartError",
    "ServiceError",
    "ServiceUnavailableError",
    "ServiceWarning",
    "StorageError",
    "SubmissionUncertainError",
    "SupersededError",
    "SwiftXRTError",
    "SwiftXRTWarning",
    "UnknownObjectError",
]


class SwiftXRTError(Exception):
    """Base class of all errors of this package.

    Parameters
    ----------
    text : str
        The message. Control characters and escape sequences of terminals,
        which the words of a service might hold, are taken out.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text, lines=True))

    def __reduce__(self) -> tuple[Any, ...]:
        # Constructors of errors make the text of their arguments, so that these cannot be had from `args`.
        return _rebuild, (type(self), self.args, dict(vars(self)))


def _rebuild(cls: type[SwiftXRTError], args: tuple[Any, ...], state: dict[str, Any]) -> SwiftXRTError:
    """Unpickle an error."""
    error = cls.__new__(cls)
    error.args = args
    vars(error).update(state)
    return error


class RequestError(SwiftXRTError, ValueError):
    """A request, or another argument, cannot be used as given.

    Parameters
    ----------
    problems : iterable of (str, str), or str
        Pairs of field name and what is wrong with it; a plain string stands
        for one problem without a field.
    what : str, optional
        What was being built; it opens the message.

    Attributes
    ----------
    problems : tuple of (str, str)
        All problems found, as (field, message).
    """

    def __init__(self, problems: Iterable[tuple[str, str]] | str, what: str = "") -> None:
        if isinstance(problems, str):
            problems = (("", problems),)
        self.problems: tuple[tuple[str, str], ...] = tuple(
            (printable(field), printable(message, lines=True)) for field, message in problems
        )
        self.what = what
        lines = [f"{field}: {message}" if field else message for field, message in self.problems]
        opening = f"{what} cannot be used as given" if what else ""
        if len(lines) == 1:
            text = f"{opening}: {lines[0]}" if opening else lines[0]
        else:
            text = "\n".join([opening + ":" if opening else "Several problems:"] + [f"* {line}" for line in lines])
        super().__init__(text)


class IdentifierError(SwiftXRTError, ValueError):
    """An ObsID, target ID or catalogue identifier is malformed."""


class NoDataError(SwiftXRTError, LookupError):
    """No observation, or no event, is left in the selection."""


class FitError(SwiftXRTError, ArithmeticError):
    """A model cannot be fitted to a spectrum: the statistic is not finite where the fit begins, or a program failed."""


class FormatError(SwiftXRTError, OSError):
    """A file is not what it claims to be, or is damaged.

    Parameters
    ----------
    message : str
        What is wrong and what was expected.
    path : path-like, optional
        The file concerned.
    """

    def __init__(self, message: str, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else str(path)
        self.reason = printable(message, lines=True)
        super().__init__(f"{self.path}: {message}" if self.path else message)


class StorageError(SwiftXRTError, OSError):
    """A file cannot be written: the disk is full, or the folder read-only.

    Parameters
    ----------
    message : str
        What happened and what to do next.
    path : path-like, optional
        The file concerned.
    """

    def __init__(self, message: str, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else str(path)
        self.reason = printable(message, lines=True)
        super().__init__(f"{self.path}: {message}" if self.path else message)


class OutputExistsError(SwiftXRTError, FileExistsError):
    """The place to write to exists and overwriting was not asked for."""


class ProductNotAvailableError(SwiftXRTError, LookupError):
    """A product could not be made, or does not exist.

    Parameters
    ----------
    kind : str
        The product, e.g. ``"enhanced position"``.
    reason : str
        Why there is none, in the words of whoever made it.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = printable(reason, lines=True)
        super().__init__(f"no {kind}: {self.reason}")


class UnknownObjectError(SwiftXRTError, LookupError):
    """A catalogue has no such source, dataset, transient or burst."""


class SupersededError(UnknownObjectError):
    """What was asked for is no longer in the catalogue: several newer ones, or none, are in its place.

    Parameters
    ----------
    message : str
        What is gone and what there is now.
    successors : `~astropy.table.QTable` or None
        The newer sources or stacks, for a choice; none if it is not known.

    Attributes
    ----------
    successors : `~astropy.table.QTable` or None
        As given.
    """

    def __init__(self, message: str, successors: Any = None) -> None:
        self.successors = successors
        super().__init__(message)


class ServiceError(SwiftXRTError):
    """The service, or the way to it, failed.

    Parameters
    ----------
    message : str
        What happened and what to do next.
    url : str, optional
        The address that was asked.
    status : int, optional
        HTTP status code.
    payload_excerpt : str, optional
        The beginning of the reply, for a bug report.

    Attributes
    ----------
    attempts : int
        How often it was tried in all.
    """

    attempts: int = 1

    def __init__(
        self, message: str, *, url: str | None = None, status: int | None = None, payload_excerpt: str | None = None
    ) -> None:
        self.message = printable(message, lines=True)
        self.url = None if url is None else printable(url)
        self.status = status
        self.payload_excerpt = None if payload_excerpt is None else printable(payload_excerpt, lines=True)
        super().__init__(self.message)


class ServiceUnavailableError(ServiceError):
    """The service cannot be reached, is overloaded, or did not answer in time.

    Attributes
    ----------
    was_sent : bool
        False if there was no connection, so that certainly nothing arrived.
    retry_after : float or None
        Seconds after which the service wants to be asked again, if it said so.
    """

    was_sent: bool = True
    retry_after: float | None = None


class OfflineError(ServiceUnavailableError):
    """The service was not asked because ``conf.offline`` is set, and the answer is not on this computer."""

    was_sent = False


class SubmissionUncertainError(ServiceUnavailableError):
    """A request was sent, the reply was lost, and it is not known yet whether there is a job.

    Submitting the same request again looks at the service's list of jobs
    before anything is sent.
    """


class ProtocolError(ServiceError):
    """A reply is not what the protocol says it should be.

    Parameters
    ----------
    message : str
        What is wrong with the reply.
    advice : str, optional
        What to do next.
    **evidence
        As for `ServiceError`.
    """

    def __init__(
        self, message: str, *, advice: str = "try again later, and report it if it stays so", **evidence: Any
    ) -> None:
        self.advice = printable(advice)
        super().__init__(message, **evidence)

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}"


class RequestRejectedError(ServiceError):
    """The service refused the request; `problems` holds its reasons in our field names.

    Attributes
    ----------
    problems : tuple of (str, str)
        Reasons, as (field, message).
    """

    def __init__(self, message: str, *, problems: Iterable[tuple[str, str]] = (), **evidence: Any) -> None:
        self.problems = tuple((field, printable(text)) for field, text in problems)
        super().__init__(message, **evidence)


class NotRegisteredError(ServiceError):
    """The service does not know the e-mail address it was given."""


class ServerStartError(SwiftXRTError, OSError):
    """The embedded server could not start, for instance because the port is in use."""


class JobBookError(SwiftXRTError, OSError):
    """The job book cannot be read or written.

    Parameters
    ----------
    message : str
        What is wrong and what to do next.
    path : path-like, optional
        The file of the book.
    """

    def __init__(self, message: str, path: str | PathLike[str] | None = None) -> None:
        self.message = message
        self.path = None if path is None else str(path)
        super().__init__(message)


class JobError(SwiftXRTError):
    """A job ended without any product.

    Parameters
    ----------
    message : str
        What happened and what to do next.
    job_id : str, optional
        The job.
    report : JobReport, optional
        The last known state.
    """

    def __init__(self, message: str, *, job_id: str | None = None, report: Any = None) -> None:
        self.message = message
        self.job_id = job_id
        self.report = report
        super().__init__(message)


class JobTimeoutError(JobError, TimeoutError):
    """The time allowed for waiting is over; the job itself goes on."""


class JobLostError(JobError):
    """The service no longer knows the job."""


class HEASoftError(SwiftXRTError):
    """HEASoft is not there, or one of its tasks failed."""


class SwiftXRTWarning(AstropyUserWarning):
    """Base class of all warnings of this package."""


class RequestWarning(SwiftXRTWarning):
    """A request can be used as given, but is probably not what was meant."""


class PileUpWarning(SwiftXRTWarning):
    """The source is bright enough for photon pile-up."""


class CentroidWarning(SwiftXRTWarning):
    """No reliable centroid; the position given was used."""


class CalibrationWarning(SwiftXRTWarning):
    """An approximate or missing calibration was used."""


class PartialResultWarning(SwiftXRTWarning):
    """Some of what was asked for is missing."""


class FitWarning(SwiftXRTWarning):
    """The result of a fit needs care: it did not converge, or a parameter or its error ends at a bound."""


class MetadataWarning(SwiftXRTWarning):
    """Metadata of a file are missing or inconsistent."""


class ServiceWarning(SwiftXRTWarning):
    """The service said something the user should know."""


def warn(message: str, category: type[SwiftXRTWarning], *, stacklevel: int = 3) -> None:
    """Issue a warning that points at the caller of the function that warns."""
    warnings.warn(printable(message, lines=True), category, stacklevel=stacklevel)
