"""Which data a product is made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import astropy.units as u

from .._fields import Identifier, Many, Measure, Record, par, record
from ..identifiers import parse_obsid
from ._rows import obsids_of
from ._values import Intervals, Span, interval_text, parse_intervals

__all__ = ["AllData", "FirstHours", "Observations", "Selection", "TimeIntervals", "parse_selection", "selection_text"]


@record
class AllData(Record):
    """All data of the target."""


@record(positional="*obsids")
class Observations(Record):
    """The data of some observations.

    Examples
    --------
    >>> from swiftxrt import Observations
    >>> Observations("00032459001", "00032459002")
    Observations(obsids=('00032459001', '00032459002'))
    """

    obsids: tuple[str, ...] = par("ObsIDs (eleven digits).", Many(Identifier(parse_obsid, "ObsID")))

    if TYPE_CHECKING:  # Checkers of types do not see what `record` allows.

        def __init__(self, *obsids: Any) -> None: ...

    @classmethod
    def _meant_by(cls, value: Any) -> str:
        items = value if isinstance(value, list | tuple) else [value]
        texts = [item for item in items if isinstance(item, str) and item.strip().removeprefix("sw").isdecimal()]
        return f"Observations({', '.join(map(repr, texts))})" if texts and len(texts) == len(items) else ""

    @classmethod
    def from_table(cls, table: Any) -> Observations:
        """Take the observations of a list.

        Parameters
        ----------
        table : `~astropy.table.Table`, mapping, or iterable of rows
            With a column ``obsid`` (or ``obs_id``, in any case).

        Returns
        -------
        observations : Observations
            In the order of the table, without repeats.

        Raises
        ------
        RequestError
            If there is no such column, or no ObsID in it.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from swiftxrt import Observations
        >>> Observations.from_table(Table({"obsid": ["00032459001", "00032459002"]}))
        Observations(obsids=('00032459001', '00032459002'))
        """
        return cls(*obsids_of(table))


@record(positional="*intervals")
class TimeIntervals(Record):
    """The data of some intervals of time.

    Each interval is a pair of `~astropy.time.Time`, or of seconds: mission
    elapsed time, or time since T0 in a request with ``times_since_t0``. In an
    `~swiftxrt.XRTRequest` times turn into seconds.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import TimeIntervals
    >>> len(TimeIntervals((0 * u.s, 1000 * u.s), (5000 * u.s, 20000 * u.s)).intervals)
    2
    """

    intervals: tuple[Span, ...] = par("Pairs (start, stop).", Intervals())

    if TYPE_CHECKING:

        def __init__(self, *intervals: Any) -> None: ...


@record(positional="hours")
class FirstHours(Record):
    """The data taken within some time after the start of the first observation."""

    hours: u.Quantity = par(
        "How long after the start.",
        Measure(u.h, 0, above=True),
        default=12 * u.h,
        note="12 h by default in the documentation, but the reference client wants it given. It is always sent.",
    )

    if TYPE_CHECKING:

        def __init__(self, hours: Any = ...) -> None: ...


Selection = AllData | Observations | TimeIntervals | FirstHours

_OBSIDS = re.compile(r"\s*(?:sw)?[0-9]+\s*(?:,\s*(?:sw)?[0-9]+\s*)*,?\s*")


def selection_text(selection: Observations | TimeIntervals) -> str:
    """A selection as the service writes it: ObsIDs, or intervals, with commas between them."""
    if isinstance(selection, Observations):
        return ",".join(selection.obsids)
    return ",".join(interval_text(pair) for pair in selection.intervals)


def parse_selection(text: str, *, relative: bool = True) -> Observations | TimeIntervals:
    """Read a selection as the service writes it.

    Parameters
    ----------
    text : str
        ``"00032459001,00032459002"`` or ``"608713541-608714541"``.
    relative : bool, optional
        Whether small numbers in intervals may be seconds since T0; otherwise
        they are MJD.

    Returns
    -------
    selection : Observations or TimeIntervals

    Raises
    ------
    RequestError
        If the text is neither.
    """
    if _OBSIDS.fullmatch(text):
        return Observations(*filter(None, (item.strip() for item in text.split(","))))
    return TimeIntervals(*parse_intervals(text, relative=relative))
