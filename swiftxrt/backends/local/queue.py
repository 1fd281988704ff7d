"""What is built next when many wait."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from ...kinds import ProductKind

__all__ = ["FairQueue", "Task"]


class Task(NamedTuple):
    """One product that waits to be built."""

    job_id: str
    kind: ProductKind
    #: How often its worker has died.
    restarts: int = 0


class FairQueue:
    """Products of several owners: the owners take turns, each with what waited longest.

    Whoever comes anew waits for one product of each of the others, however
    many they have queued. It is not safe for threads by itself.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Task]] = OrderedDict()

    def put(self, owner: str, task: Task, *, first: bool = False) -> None:
        """Queue a product, behind all others of its owner or, with `first`, before them."""
        line = self._lines.setdefault(owner, deque())
        if first:
            line.appendleft(task)
        else:
            line.append(task)

    def take(self) -> tuple[str, Task] | None:
        """Owner and product whose turn it is, or `None` if nothing waits."""
        if not self._lines:
            return None
        owner, line = self._lines.popitem(last=False)
        task = line.popleft()
        if line:
            self._lines[owner] = line
        return owner, task

    def drop(self, owner: str, job_id: str, kind: ProductKind) -> None:
        """Take a product out, if it is still there."""
        line = self._lines.get(owner, deque())
        for task in line:
            if (task.job_id, task.kind) == (job_id, kind):
                line.remove(task)
                break
        if owner in self._lines and not line:
            del self._lines[owner]

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())
