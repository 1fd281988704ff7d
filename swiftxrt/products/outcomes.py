"""What came of a question about many objects: one outcome for each, in the order in which they were named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from astropy.table import QTable

from ..exceptions import PartialResultWarning, SwiftXRTError, warn

__all__ = ["Outcome", "Outcomes"]

_MOST_NAMED = 5


@dataclass(frozen=True)
class Outcome:
    """What came of one of many.

    Parameters
    ----------
    item : object
        What was asked about, as it was given.
    value : object or None
        What came; None if nothing did.
    error : SwiftXRTError or None
        Why nothing came.
    """

    item: Any
    value: Any = None
    error: SwiftXRTError | None = None

    @property
    def is_ok(self) -> bool:
        """Whether something came."""
        return self.error is None

    def get(self) -> Any:
        """What came, or the error raised.

        Raises
        ------
        SwiftXRTError
            The error.
        """
        if self.error is not None:
            raise self.error
        return self.value


class Outcomes(Sequence[Outcome]):
    """The outcomes for many objects, in the order in which they were named.

    A failure of one takes nothing from the others. Picklable.

    Parameters
    ----------
    outcomes : iterable of Outcome
        One for each object.

    Examples
    --------
    >>> from swiftxrt.exceptions import UnknownObjectError
    >>> from swiftxrt.products.outcomes import Outcome, Outcomes
    >>> some = Outcomes([Outcome(1, "a curve"), Outcome(2, error=UnknownObjectError("there is no source 2"))])
    >>> some
    <Outcomes: 1 of 2>
    >>> some[:1].values
    ['a curve']
    >>> some.failed[0].error
    UnknownObjectError('there is no source 2')
    """

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._outcomes = tuple(outcomes)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...

    @overload
    def __getitem__(self, index: slice) -> Outcomes: ...

    def __getitem__(self, index: int | slice) -> Outcome | Outcomes:
        if isinstance(index, slice):
            return Outcomes(self._outcomes[index])
        return self._outcomes[index]

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._outcomes)

    @property
    def values(self) -> list[Any]:
        """What came, without the failures; a `PartialResultWarning` tells of them."""
        failed = self.failed
        if failed:
            shown = "; ".join(f"{one.item!s:.60}: {one.error}" for one in failed[:_MOST_NAMED])
            more = f"; and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
            warn(f"{len(failed)} of {len(self)} are missing: {shown}{more}", PartialResultWarning)
        return [one.value for one in self if one.is_ok]

    @property
    def failed(self) -> list[Outcome]:
        """The failures."""
        return [one for one in self if not one.is_ok]

    @property
    def table(self) -> QTable:
        """An overview: columns ``item``, ``ok`` and ``error`` (text, empty where there is none)."""
        columns = {
            "item": [str(one.item) for one in self],
            "ok": [one.is_ok for one in self],
            "error": [str(one.error or "") for one in self],
        }
        return QTable(columns, dtype=(str, bool, str))

    def __repr__(self) -> str:
        return f"<Outcomes: {len(self) - len(self.failed)} of {len(self)}>"
