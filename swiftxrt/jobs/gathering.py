"""Putting the products of a job together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .. import exceptions
from .._log import log
from ..exceptions import (
    FormatError,
    JobError,
    PartialResultWarning,
    ProductNotAvailableError,
    ServiceError,
    SwiftXRTError,
    SwiftXRTWarning,
    warn,
)
from ..kinds import ProductKind
from ..products.productset import ProductSet
from ..products.provenance import CLIENT, Provenance, joined, provenance_of, utc_now
from ..products.replies import kept_replies
from ..products.report import JobReport
from .protocol import JobHandle

__all__ = ["gather", "tell_cautions"]


def gather(collect: Callable[[ProductKind], Any], handle: JobHandle, report: JobReport) -> ProductSet:
    """Collect all products of a job that has ended; those that cannot be had do not cost the others.

    Parameters
    ----------
    collect : callable
        Fetches one product.
    handle : JobHandle
        The job.
    report : JobReport
        Its last state, for the error.

    Returns
    -------
    products : ProductSet

    Raises
    ------
    JobError
        If not a single product came.

    Warns
    -----
    PartialResultWarning
        If a product was made but could not be fetched or read.
    """
    products: dict[ProductKind, Any] = {}
    failed: dict[ProductKind, str] = {}
    unread: list[SwiftXRTError] = []
    with kept_replies() as replies:
        for kind in handle.request.kinds:
            try:
                products[kind] = collect(kind)
            except ProductNotAvailableError as error:
                failed[kind] = error.reason
            except (ServiceError, FormatError) as error:
                failed[kind] = str(error)
                unread.append(error)
                log.warning("job %s: the %s could not be fetched: %s", handle.id, kind.title, error)
    if not products:
        reasons = "; ".join(f"{kind.title}: {reason}" for kind, reason in failed.items())
        hint = ": call result() again later" if unread else ""
        message = f"job {handle.id} {'gave' if unread else 'made'} no product ({reasons}){hint}"
        raise JobError(message, job_id=handle.id, report=report) from next(iter(unread), None)
    if unread:
        told = "; ".join(map(str, unread))
        warn(
            f"products of job {handle.id} could not be fetched: {told}; call product() to try again",
            PartialResultWarning,
            stacklevel=4,
        )
    provenance = _provenance(handle, products.values())
    return ProductSet(products, failed=failed, request=handle.request, provenance=provenance, replies=replies)


def tell_cautions(kind: ProductKind, product: Any) -> None:
    """Warn of what whoever made a product warned of; the warnings point at the caller of who calls this."""
    for category, message in provenance_of(product).cautions:
        warn(f"{kind.title}: {message}", getattr(exceptions, category, SwiftXRTWarning), stacklevel=4)


def _provenance(handle: JobHandle, products: Iterable[Any]) -> Provenance:
    """Where a set comes from: what its products have in common is told by themselves."""
    told = joined(map(provenance_of, products))
    return replace(
        told,
        backend=told.backend or handle.backend,
        request_digest=handle.request.digest,
        calibration=(),
        notes=(),
        cautions=(),
        created=utc_now(),
        job_id=handle.id,
        client=CLIENT,
    )
