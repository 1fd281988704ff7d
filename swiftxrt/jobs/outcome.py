"""How the requests of a list are doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from html import escape

__all__ = ["ListReport", "Outcome"]


class Outcome(str, Enum):
    """State of one request of a list."""

    #: Not submitted yet.
    WAITING = "waiting"
    #: There is a job, or products that are being fetched.
    RUNNING = "running"
    #: Every product was made and is on disk.
    DONE = "done"
    #: Some products are on disk, others were not made.
    PARTIAL = "partial"
    #: There is no product.
    FAILED = "failed"
    #: Cancelled before there was a product.
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (Outcome.WAITING, Outcome.RUNNING)

    @property
    def has_products(self) -> bool:
        """Whether there are products on disk."""
        return self in (Outcome.DONE, Outcome.PARTIAL)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class ListReport:
    """How a list of jobs is doing.

    Parameters
    ----------
    name : str
        What the list is called.
    counts : mapping of Outcome to int
        How many requests are in which state.
    fraction : float
        Share of the work that is done, 0 to 1.
    trouble : str
        Why the service cannot be reached just now; empty if it can.
    """

    name: str
    counts: Mapping[Outcome, int]
    fraction: float
    trouble: str = ""

    @property
    def is_final(self) -> bool:
        """Whether every request has ended, one way or the other."""
        return all(outcome.is_final for outcome, number in self.counts.items() if number)

    def __str__(self) -> str:
        total = sum(self.counts.values())
        parts = ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in Outcome if self.counts.get(outcome))
        trouble = f" ({self.trouble})" if self.trouble else ""
        return f"{self.name}: {total} job{'s' * (total != 1)}: {parts}{trouble}"

    def _repr_html_(self) -> str:
        return f'<div><progress max="1" value="{self.fraction:.3f}"></progress> {escape(str(self))}</div>'
