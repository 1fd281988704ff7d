"""What a service sent for a product, as it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..kinds import ProductKind
from .provenance import Provenance

__all__ = ["Answer", "ServiceReply", "hand_over", "kept_replies"]


@dataclass(frozen=True)
class Answer:
    """One answer of a service.

    Parameters
    ----------
    call : str
        What was asked: the path of a call, or the address of a file.
    asked : mapping of str to object
        What was sent along, without the address of the user.
    content : object
        What came: the decoded JSON, or the bytes of a file; `None` after a failure.
    fetched : str
        When it came: UTC, ISO 8601.
    from_cache : bool
        Whether it was not fetched then and there, but had been kept.
    error : str
        Why nothing came.
    """

    call: str
    asked: Mapping[str, Any]
    content: Any = field(repr=False)
    fetched: str
    from_cache: bool = False
    error: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and not the reply to a call."""
        return isinstance(self.content, bytes)


@dataclass(frozen=True)
class ServiceReply:
    """Everything that a service sent for one product.

    Parameters
    ----------
    job_id : str
        The job.
    answers : tuple of Answer
        In the order in which they came; they are all it takes to make the
        product again.
    url : str or None
        Where the files of the job are, or were.
    rebin_of : str or None
        The job whose light curve was binned anew.
    provenance : Provenance
        What was known of the product before it came.
    """

    job_id: str
    answers: tuple[Answer, ...]
    url: str | None = None
    rebin_of: str | None = None
    provenance: Provenance = field(default=Provenance(), repr=False)

    @property
    def content(self) -> Any:
        """The reply to the first call, decoded from JSON; `None` if there are only files."""
        return next((one.content for one in self.answers if not one.is_file and not one.error), None)

    @property
    def files(self) -> dict[str, bytes]:
        """Files by their addresses."""
        return {one.call: one.content for one in self.answers if one.is_file}


_wanted: ContextVar[dict[ProductKind, ServiceReply] | None] = ContextVar("swiftxrt_replies", default=None)


@contextmanager
def kept_replies() -> Iterator[dict[ProductKind, ServiceReply]]:
    """Ask for the replies behind all products that are collected in the block, in this thread.

    Yields
    ------
    replies : dict of ProductKind to ServiceReply
        Filled by backends that have any.
    """
    replies: dict[ProductKind, ServiceReply] = {}
    token = _wanted.set(replies)
    try:
        yield replies
    finally:
        _wanted.reset(token)


def hand_over(kind: ProductKind, reply: ServiceReply) -> None:
    """Give the reply behind a product to whoever asked for it."""
    replies = _wanted.get()
    if replies is not None:
        replies[kind] = reply
