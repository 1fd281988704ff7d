"""What a backend says about a job: phases, and the progress of each product as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from html import escape

from ..kinds import ProductKind

__all__ = ["ALREADY_ENDED", "JobReport", "JobSummary", "Phase", "ProductStatus", "Step", "StepState"]

#: Why most products that are not cancelled are not, in the words of all backends.
ALREADY_ENDED = "already finished"


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

    @property
    def mark(self) -> str:
        """The sign before a step in texts."""
        return _MARKS[self]


_MARKS = {StepState.WAITING: "[ ]", StepState.ACTIVE: "[>]", StepState.DONE: "[x]"}


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

    def __str__(self) -> str:
        return _indented(_step_lines((self,)))


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
    preface : str
        What the backend says before the steps, e.g. which filters it tries.
    remark : str
        What came of an attempt to cancel the product, if it was in vain.
    """

    phase: Phase
    text: str = ""
    steps: tuple[Step, ...] = ()
    running_s: float | None = None
    preface: str = ""
    remark: str = ""

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

    @property
    def summary(self) -> str:
        """Phase, text, remark and time in one line."""
        running = self.phase is Phase.EXECUTING and self.running_s is not None
        time = f" for {timedelta(seconds=int(self.running_s or 0))}" if running else ""
        words = "; ".join(filter(None, (self.text, self.remark)))
        return f"{self.phase}{time}{f': {words}' if words else ''}"

    def __str__(self) -> str:
        return _indented(_product_lines("", self))


# From the least to the most advanced: the least advanced open product rules.
_ORDER = (Phase.UNKNOWN, Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED, Phase.EXECUTING)


@dataclass(frozen=True)
class JobReport:
    """Last known state of a job.

    ``str(report)`` shows the progress as a tree; notebooks show it as a list.

    Parameters
    ----------
    job_id : str
        The job.
    products : mapping of ProductKind to ProductStatus
        State of each product asked for.
    time : datetime
        When the report was made (UTC).
    reached : float
        Share of the work that an earlier report had as done.

    Examples
    --------
    >>> from swiftxrt import ProductKind
    >>> from swiftxrt.products.report import JobReport, Phase, ProductStatus, Step, StepState
    >>> steps = (Step("Prepare data", StepState.DONE), Step("Build spectra", StepState.ACTIVE, "1 of 3"))
    >>> print(JobReport("951", {ProductKind.SPECTRUM: ProductStatus(Phase.EXECUTING, "", steps, 83.0)}))
    job 951: EXECUTING
      spectrum: EXECUTING for 0:01:23
        [x] Prepare data
        [>] Build spectra (1 of 3)
    """

    job_id: str
    products: Mapping[ProductKind, ProductStatus]
    time: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)
    reached: float = field(default=0.0, compare=False)

    @classmethod
    def accepted(cls, job_id: str, kinds: Iterable[ProductKind]) -> JobReport:
        """The state of a job of which only that it was accepted is known."""
        return cls(job_id, {kind: ProductStatus(Phase.PENDING) for kind in kinds})

    @property
    def phase(self) -> Phase:
        """The least advanced open phase; else what came of the products.

        A job of which one product was made is ``COMPLETED``, whatever became
        of the others: `failed` tells.
        """
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
    def is_final(self) -> bool:
        """Whether every product has ended, one way or the other."""
        return all(status.phase.is_final for status in self.products.values())

    @property
    def completed(self) -> tuple[ProductKind, ...]:
        """The products whose work has come to its end.

        That there is something to show for it is known only when it is
        fetched: a search that found no position is complete too.
        """
        return tuple(kind for kind, status in self.products.items() if status.phase is Phase.COMPLETED)

    @property
    def failed(self) -> tuple[ProductKind, ...]:
        """The products that failed or were cancelled; their status says why."""
        return tuple(kind for kind, status in self.products.items() if status.phase in (Phase.ERROR, Phase.ABORTED))

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1.

        It never gets less from one report on a job to the next, also where a
        service goes through the same steps several times.
        """
        if not self.products:
            return self.reached
        return max(self.reached, sum(status.fraction for status in self.products.values()) / len(self.products))

    def after(self, earlier: JobReport | None) -> JobReport:
        """The same report, knowing how far the work was before: what had ended then stays so."""
        if earlier is None:
            return self
        products = {kind: _not_undone(status, earlier.products.get(kind)) for kind, status in self.products.items()}
        return replace(self, products=products, reached=earlier.fraction)

    def not_cancelled(self, reasons: Mapping[ProductKind, str]) -> JobReport:
        """The same report, with a remark on products that could not be cancelled.

        Parameters
        ----------
        reasons : mapping of ProductKind to str
            Why; an empty text stands for a product that was cancelled now.
        """
        products = {kind: _remarked(status, reasons.get(kind, "")) for kind, status in self.products.items()}
        return replace(self, products=products)

    @property
    def summary(self) -> str:
        """The phase and how many products failed, in one line."""
        failed = f", {len(self.failed)} of {len(self.products)} products failed or cancelled" if self.failed else ""
        return f"job {self.job_id}: {self.phase}{failed}"

    def __str__(self) -> str:
        lines = [(0, self.summary)]
        for kind, status in self.products.items():
            lines += [(depth + 1, text) for depth, text in _product_lines(f"{kind.title}: ", status)]
        return _indented(lines)

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{escape(kind.title)}</b>: {escape(status.summary)}"
            f"{'<br>' + escape(status.preface) if status.preface else ''}{_step_list(status.steps)}</li>"
            for kind, status in self.products.items()
        )
        return f"<div><p>{escape(self.summary)}</p><ul>{items}</ul></div>"


@dataclass(frozen=True)
class JobSummary:
    """One line of the list of jobs.

    Parameters
    ----------
    id : str
        Identifier.
    name : str
        Name of the target.
    submitted : datetime or None
        When the job was accepted (UTC), if known.
    kinds : tuple of ProductKind
        The products asked for.
    available : bool
        Whether there are files to be had.
    """

    id: str
    name: str
    submitted: datetime | None
    kinds: tuple[ProductKind, ...]
    available: bool


def _not_undone(status: ProductStatus, earlier: ProductStatus | None) -> ProductStatus:
    if earlier is None or not earlier.phase.is_final or status.phase.is_final:
        return status
    return replace(earlier, remark=status.remark)


def _remarked(status: ProductStatus, reason: str) -> ProductStatus:
    if not reason:
        return status
    in_vain = "is cancelled already" if status.phase is Phase.ABORTED else f"could not be cancelled: {reason}"
    return replace(status, remark=in_vain)


# Trees are lists of (depth, line).
_Line = tuple[int, str]


def _product_lines(title: str, status: ProductStatus) -> list[_Line]:
    preface = [(1, status.preface)] if status.preface else []
    return [(0, title + status.summary), *preface, *_step_lines(status.steps, 1)]


def _step_lines(steps: Iterable[Step], depth: int = 0) -> Iterator[_Line]:
    for step in steps:
        yield depth, f"{step.state.mark} {step.label}{f' ({step.note})' if step.note else ''}"
        yield from _step_lines(step.steps, depth + 1)


def _indented(lines: Iterable[_Line]) -> str:
    return "\n".join("  " * depth + text for depth, text in lines)


def _step_list(steps: tuple[Step, ...]) -> str:
    """Steps as a list for notebooks; the active ones are set in bold."""
    if not steps:
        return ""
    items = ""
    for step in steps:
        text = escape(f"{step.state.mark} {step.label}{f' ({step.note})' if step.note else ''}")
        items += f"<li>{f'<b>{text}</b>' if step.state is StepState.ACTIVE else text}{_step_list(step.steps)}</li>"
    return f'<ul style="list-style: none">{items}</ul>'
