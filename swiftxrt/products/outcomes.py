"""What came of a question about many objects: one outcome for each, in the order in which they were named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Row

from .._printable import first_few
from ..exceptions import PartialResultWarning, SwiftXRTError, warn

__all__ = ["Outcome", "Outcomes"]

_MOST_NAMED = 5
# Columns that say which object a row is about: names rather than numbers.
_NAMES = ("IAUName", "name", "LSXPS_ID", "2SXPS_ID", "TransientID", "ObsID", "DatasetID")


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
    def name(self) -> str:
        """What the object is called in tables and file names: of a row of a table, the name in it."""
        return _name(self.item)

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


def _name(item: Any) -> str:
    if isinstance(item, SkyCoord):  # its name is that of the frame
        return str(item.to_string(precision=5))
    if isinstance(item, Row | Mapping):
        there = item.colnames if isinstance(item, Row) else item
        names = [str(item[name]) for name in _NAMES if name in there and not np.ma.is_masked(item[name])]
        return names[0] if names else f"row {item.index}" if isinstance(item, Row) else "object"
    return str(getattr(item, "name", item))


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
        self.tell_failures()
        return [one.value for one in self if one.is_ok]

    def tell_failures(self) -> None:
        """Warn of the failures, if there are any, with a `PartialResultWarning`."""
        if failed := self.failed:
            shown = first_few([f"{one.name:.60}: {one.error}" for one in failed], _MOST_NAMED, "; ")
            warn(f"{len(failed)} of {len(self)} are missing: {shown}", PartialResultWarning)

    @property
    def failed(self) -> list[Outcome]:
        """The failures."""
        return [one for one in self if not one.is_ok]

    @property
    def table(self) -> QTable:
        """An overview: columns ``item`` (its name), ``ok`` and ``error`` (text, empty where there is none)."""
        columns = {
            "item": [one.name for one in self],
            "ok": [one.is_ok for one in self],
            "error": [str(one.error or "") for one in self],
        }
        return QTable(columns, dtype=(str, bool, str))

    def write(
        self,
        location: str | PathLike[str],
        *,
        layout: str = "folders",
        format: str | None = None,  # noqa: A002
        overwrite: bool = False,
    ) -> list[Path]:
        """Write light curves or spectra of many objects.

        Parameters
        ----------
        location : path-like
            Folder for all; made if needed.
        layout : {"folders", "stems"}, optional
            Whether each object gets a folder with its name, or all files go
            into one, beginning with its name; spectra need the former.
        format : str, optional
            As for `LightCurveSet.write`.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Returns
        -------
        folders : list of Path
            What `LightCurveSet.read` or `SpectrumSet.read` reads; `location` for ``"stems"``.

        Raises
        ------
        RequestError
            If what came cannot be written so.
        OutputExistsError
            If a file exists and `overwrite` is False.

        Warns
        -----
        PartialResultWarning
            If there are failures, of which nothing is written.
        """
        from ..io.outcomes import write_outcomes

        return write_outcomes(self, location, layout=layout, format=format, overwrite=overwrite)

    def __repr__(self) -> str:
        return f"<Outcomes: {len(self) - len(self.failed)} of {len(self)}>"
