"""What a backend says about a job: phases, steps and a report per product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from ..kinds import ProductKind

__all__ = ["JobReport", "Phase", "ProductStatus", "Step", "StepState"]


class Phase(str, Enum):
    """State of a job or of one of its products, in the words of IVOA UWS."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    SUSPENDED = "SUSPENDED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ABORTED = "ABORTED"
    ERROR = "ERROR"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Phase.COMPLETED, Phase.ABORTED, Phase.ERROR)

    def __str__(self) -> str:
        return self.value


class StepState(int, Enum):
    """State of one step; the values are those of the service."""

    WAITING = 0
    ACTIVE = 1
    DONE = 2


@dataclass(frozen=True)
class Step:
    """One step of building a product.

    Parameters
    ----------
    label : str
        What is done.
    state : StepState
        Whether it is waiting, active or done.
    note : str
        Details, e.g. which spectrum is being made.
    steps : tuple of Step
        Steps inside this one.
    """

    label: str
    state: StepState = StepState.WAITING
    note: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class ProductStatus:
    """State of one product of a job.

    Parameters
    ----------
    phase : Phase
        The state.
    text : str
        The state in the backend's words, or the reason of a failure.
    steps : tuple of Step
        Progress; empty when none is known.
    running_s : float or None
        Seconds since work on the product began.
    """

    phase: Phase
    text: str = ""
    steps: tuple[Step, ...] = ()
    running_s: float | None = None

    @property
    def fraction(self) -> float:
        """Share of the steps that are done, 0 to 1; 1 once the state is final."""
        if self.phase.is_final:
            return 1.0
        if not self.steps:
            return 0.0
        done = sum(
            1.0 if step.state is StepState.DONE else 0.5 * (step.state is StepState.ACTIVE) for step in self.steps
        )
        return done / len(self.steps)


# From the least to the most advanced: the least advanced open product rules.
_ORDER = (Phase.UNKNOWN, Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED, Phase.EXECUTING)


@dataclass(frozen=True)
class JobReport:
    """Last known state of a job.

    Parameters
    ----------
    job_id : str
        The job.
    products : mapping of ProductKind to ProductStatus
        State of each product asked for.
    time : datetime
        When the report was made (UTC).
    """

    job_id: str
    products: Mapping[ProductKind, ProductStatus]
    time: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    @property
    def phase(self) -> Phase:
        """The least advanced open phase; else what came of the products."""
        phases = [status.phase for status in self.products.values()]
        open_phases = [phase for phase in phases if not phase.is_final]
        if open_phases:
            running = Phase.EXECUTING in open_phases
            return Phase.EXECUTING if running else min(open_phases, key=_ORDER.index)
        for phase in (Phase.COMPLETED, Phase.ERROR, Phase.ABORTED):
            if phase in phases:
                return phase
        return Phase.UNKNOWN

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1."""
        if not self.products:
            return 0.0
        return sum(status.fraction for status in self.products.values()) / len(self.products)
