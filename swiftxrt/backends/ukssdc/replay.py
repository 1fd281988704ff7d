"""Products made anew from what the service once sent for them."""

from __future__ import annotations

from typing import Any

from ...jobs.protocol import JobHandle
from ...kinds import ProductKind
from ...products.replies import ServiceReply
from ...request.bundle import XRTRequest
from . import collecting
from .answers import ToldAnswers

__all__ = ["decode_reply"]


def decode_reply(kind: ProductKind, reply: ServiceReply, request: XRTRequest) -> Any:
    """Make a product of a recorded reply; nobody is asked.

    Parameters
    ----------
    kind : ProductKind
        Which product.
    reply : ServiceReply
        What the service sent.
    request : XRTRequest
        The request, as the service completed it.

    Returns
    -------
    product : object
        The class depends on the kind; see `~swiftxrt.ProductSet`.

    Raises
    ------
    ServiceError, FormatError, ProductNotAvailableError
        If the record is not complete, or cannot be read.
    """
    handle = JobHandle(reply.job_id, "ukssdc", request, reply.url, rebin_of=reply.rebin_of)
    return collecting.collect(ToldAnswers(reply.answers), handle, kind, reply.provenance)
