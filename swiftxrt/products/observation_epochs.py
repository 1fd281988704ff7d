"""Observations of a source in time: days since an event, and epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Column, QTable, Table
from astropy.time import Time
from astropy.utils.masked import get_data_and_mask
from numpy.typing import NDArray

from ..exceptions import RequestError

__all__ = ["days_since", "group_epochs", "observation_starts", "select_days"]

_WHAT = "selection of observations"
_GAP = 1.0 * u.day
_LOCAL = "times of scale 'local' cannot be compared with others; say what it is, such as scale='utc'"
_PER = {"obsid": "each observation is an epoch", "day": "each day, UTC"}


def days_since(table: Table, epoch: Time) -> u.Quantity:
    """Days from an event, such as an outburst, to the start of each observation.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Observations, as of `~swiftxrt.SwiftXRTClass.query_observations`.
    epoch : `~astropy.time.Time`
        The event.

    Returns
    -------
    days : `~astropy.units.Quantity`
        Negative before the event.

    Raises
    ------
    RequestError
        If `epoch` is no time, or the table has no column ``start`` with times.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astropy.time import Time
    >>> from swiftxrt import days_since
    >>> table = QTable({"obsid": ["00031968001"], "start": Time(["2011-04-24T12:00:00"])})
    >>> days_since(table, Time("2011-04-14"))
    <Quantity [10.5] d>
    """
    starts = observation_starts(table)
    return u.Quantity((starts - _moment("epoch", epoch)).to(u.day))


def select_days(table: Table, epoch: Time, start: u.Quantity, stop: u.Quantity) -> QTable:
    """The observations that began in a range of days after an event.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Observations.
    epoch : `~astropy.time.Time`
        The event.
    start, stop : `~astropy.units.Quantity`
        The range, both ends included.

    Returns
    -------
    selected : `~astropy.table.QTable`
        The rows, in their order; none is an answer too.

    Raises
    ------
    RequestError
        If something cannot be used as given.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.table import QTable
    >>> from astropy.time import Time
    >>> from swiftxrt import select_days
    >>> starts = Time(["2011-04-15", "2011-05-15", "2011-06-15"])
    >>> table = QTable({"obsid": ["00031968001", "00031968002", "00031968003"], "start": starts})
    >>> select_days(table, Time("2011-04-14"), 20 * u.day, 40 * u.day)["obsid"].tolist()
    ['00031968002']
    """
    first, last = _days("start", start), _days("stop", stop)
    if first > last:
        raise RequestError([("start", f"{start} is after stop={stop}; exchange the two")], _WHAT)
    days = days_since(table, epoch)
    chosen: QTable = table[(days >= first) & (days <= last)]
    return chosen


def group_epochs(
    table: Table, *, max_gap: u.Quantity | None = None, per: str | None = None, epoch: Time | None = None
) -> QTable:
    """Gather observations that follow closely upon each other into epochs.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Observations, as of `~swiftxrt.SwiftXRTClass.query_observations`.
    max_gap : `~astropy.units.Quantity`, optional
        An epoch ends where nothing was observed for longer than this; 1 day if
        not given.
    per : {"obsid", "day"}, optional
        In place of gaps: each observation, or each day (UTC), is an epoch.
    epoch : `~astropy.time.Time`, optional
        An event; labels then say how many days later an epoch began.

    Returns
    -------
    grouped : `~astropy.table.QTable`
        The observations by their start, with the columns ``epoch``, a number
        from 1 on, and ``epoch_label``, a text that no other epoch has.

    Raises
    ------
    RequestError
        If something cannot be used as given.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.table import QTable
    >>> from astropy.time import Time
    >>> from swiftxrt import group_epochs
    >>> starts = Time(["2011-09-03T17:54", "2011-09-03T18:02", "2011-09-05T14:49"])
    >>> table = QTable({"obsid": ["00031968059", "00032089001", "00031968060"], "start": starts})
    >>> group_epochs(table)["epoch", "epoch_label"].pprint()
    epoch epoch_label
    ----- -----------
        1  2011-09-03
        1  2011-09-03
        2  2011-09-05
    """
    longest = _check_grouping(per, max_gap)
    if epoch is not None:
        _moment("epoch", epoch)
    starts = observation_starts(table)
    if per == "obsid" and "obsid" not in table.colnames:
        raise RequestError([("table", f"a column 'obsid' is needed for per='obsid'; {_columns(table)}")], _WHAT)
    ordered = table[np.argsort(starts.mjd, kind="stable")] if len(table) else table.copy()
    starts = observation_starts(ordered)
    numbers = _numbers(ordered, starts, longest, per)
    grouped = ordered if isinstance(ordered, QTable) else QTable(ordered)
    grouped["epoch"] = Column(numbers, dtype=int, description="Number of the epoch")
    labels = _labels(grouped, starts, numbers, per, epoch)
    grouped["epoch_label"] = Column(labels, dtype=str, description="Name of the epoch")
    return grouped


def observation_starts(table: Any) -> Time:
    """The column ``start`` of a table of observations.

    Raises
    ------
    RequestError
        If there is none, or a time is not known.
    """
    if not isinstance(table, Table):
        raise RequestError([("table", f"a table of observations is needed; got {type(table).__name__}")], _WHAT)
    if "start" not in table.colnames:
        text = f"a column 'start' with times is needed, as query_observations makes it; {_columns(table)}"
        raise RequestError([("table", text)], _WHAT)
    starts: Time = table["start"]
    if not isinstance(starts, Time):
        text = "its column 'start' must have times, such as Time(table['start'], format='mjd'); got"
        raise RequestError([("table", f"{text} a {type(starts).__name__}")], _WHAT)
    if np.any(starts.mask):
        raise RequestError([("table", "the start of an observation is masked; leave it out")], _WHAT)
    if starts.scale == "local":
        raise RequestError([("table", f"its column 'start': {_LOCAL}")], _WHAT)
    return starts


def _columns(table: Table) -> str:
    return f"this table has {', '.join(table.colnames[:8]) or 'no columns'}"


def _check_grouping(per: Any, max_gap: Any) -> u.Quantity:
    """The longest gap within an epoch, if it is gaps that count."""
    if per is not None and not (isinstance(per, str) and per in _PER):
        kinds = " or ".join(f"{name!r} ({text})" for name, text in _PER.items())
        text = f"must be {kinds}; got {per!r:.60}; for epochs between gaps leave it out, and give max_gap"
        raise RequestError([("per", text)], _WHAT)
    if per is not None and max_gap is not None:
        text = f"give per={per!r} ({_PER[per]}) or max_gap (an epoch ends at a longer gap), not both"
        raise RequestError([("per", text)], _WHAT)
    longest = _days("max_gap", _GAP if max_gap is None else max_gap)
    if longest < 0:
        raise RequestError([("max_gap", f"must not be negative; got {max_gap}")], _WHAT)
    return longest


def _numbers(table: Table, starts: Time, longest: u.Quantity, per: str | None) -> NDArray[np.int64]:
    """The epoch of each observation, from 1 on."""
    if not len(table):
        return np.zeros(0, dtype=np.int64)
    if per == "obsid":
        known: dict[str, int] = {}
        return np.array([known.setdefault(str(one), len(known) + 1) for one in table["obsid"]], dtype=np.int64)
    if per == "day":
        days = np.floor(starts.utc.mjd)
        return np.cumsum(np.diff(days, prepend=days[0]) > 0) + 1
    ends = np.maximum.accumulate(_ends_mjd(table, starts))
    gaps = starts.utc.mjd[1:] - ends[:-1]
    return np.concatenate([[1], np.cumsum(gaps > longest.to_value(u.day)) + 1]).astype(np.int64)


def _ends_mjd(table: Table, starts: Time) -> NDArray[np.float64]:
    """When each observation ended; where that is not known, after its exposure at the earliest."""
    ends = np.asarray(starts.utc.mjd, dtype=float)
    if "exposure" in table.colnames:
        exposure, is_unknown = get_data_and_mask(table["exposure"])
        ends = ends + np.where(is_unknown, 0.0, _exposure_days(exposure))
    if "stop" in table.colnames and isinstance(table["stop"], Time):
        stops = table["stop"]
        ends = np.where(stops.mask, ends, np.maximum(ends, stops.utc.unmasked.mjd))
    return ends


def _exposure_days(exposure: Any) -> NDArray[np.float64]:
    try:
        days: NDArray[np.float64] = u.Quantity(exposure, u.s).to_value(u.day)
    except (TypeError, ValueError) as error:
        text = f"its column 'exposure' must have times, such as seconds: {error}"
        raise RequestError([("table", text)], _WHAT) from error
    return days


def _labels(
    table: Table, starts: Time, numbers: NDArray[np.int64], per: str | None, epoch: Time | None
) -> Sequence[str]:
    """The names of the epochs: days since an event, ObsIDs, or dates, as exact as they must be to tell them apart."""
    if not len(table):
        return []
    firsts = np.unique(numbers, return_index=True)[1]
    if epoch is not None:
        days = days_since(table, epoch).to_value(u.day)[firsts]
        forms: Iterable[list[str]] = ([f"day {day:z.{decimals}f}" for day in days] for decimals in range(1, 9))
    elif per == "obsid":
        forms = [[str(one) for one in table["obsid"][firsts]]]
    else:
        exact = [str(one) for one in starts[firsts].utc.isot]
        forms = ([one[:size].replace(":", "") for one in exact] for size in (10, 16, 19, 23))
    names: list[str] = []
    for names in forms:
        if len(set(names)) == len(names):
            break
    else:
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    return [names[number - 1] for number in numbers]


def _moment(name: str, value: Any) -> Time:
    if (
        not isinstance(value, Time)
        or not value.isscalar
        or np.any(value.mask)
        or not np.isfinite(value.jd1 + value.jd2)
    ):
        raise RequestError([(name, f"one Time is needed, such as Time('2011-04-14'); got {value!r:.60}")], _WHAT)
    if value.scale == "local":
        raise RequestError([(name, _LOCAL)], _WHAT)
    return value


def _days(name: str, value: Any) -> u.Quantity:
    """A length of time."""
    if isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.day) and not np.isnan(value):
        return value
    text = f"a length of time with its unit is needed, such as 10 * u.day; got {value!r:.60}"
    raise RequestError([(name, text)], _WHAT)
