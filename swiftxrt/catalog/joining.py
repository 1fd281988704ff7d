"""Bursts that are in two catalogues."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from astropy.table import QTable, Table

from ..catalog_fields import CATALOGS
from ..exceptions import RequestError

__all__ = ["join_bursts"]

_NAMES = {info.name: info.name_column for info in CATALOGS.values() if not info.is_sxps}
_WHAT = "join_bursts"


def join_bursts(first: Table, second: Table) -> QTable:
    """Join the rows of two catalogues of bursts that are about the same burst.

    Bursts are recognised by their names; case and spaces do not matter.
    Bursts that only one of the tables has are left out.

    Parameters
    ----------
    first, second : `~astropy.table.QTable`
        Results of ``SwiftXRT.query_catalog``, from different catalogues or
        with different columns; both with the column of names.

    Returns
    -------
    both : `~astropy.table.QTable`
        In the order of `first`; its columns, then those of `second`. Where
        both have a column of one name, that of `second` gets the name of its
        catalogue at the end, as in ``position_UK_XRT``. ``meta["joined"]``
        holds the metadata of `second`.

    Raises
    ------
    RequestError
        If a table has no column with names of bursts.

    Examples
    --------
    >>> from swiftxrt import Column, SwiftXRT, join_bursts
    >>> short = SwiftXRT.query_catalog(catalog="BAT_GRB", where=Column("T90") < 2 * u.s)  # doctest: +SKIP
    >>> breaks = SwiftXRT.query_catalog(catalog="UK_XRT", where=Column("NumLCBreaks") >= 1)  # doctest: +SKIP
    >>> both = join_bursts(short, breaks)  # doctest: +SKIP
    """
    rows_of = defaultdict(list)
    for number, name in enumerate(_names("second", second)):
        rows_of[name].append(number)
    pairs = [(one, other) for one, name in enumerate(_names("first", first)) if name for other in rows_of[name]]
    left, right = np.array(pairs, dtype=int).reshape(-1, 2).T
    joined = first[left]
    suffix = f"_{second.meta.get('catalog', '2')}"
    for name in second.colnames:
        free = name if name not in joined.colnames else name + suffix
        if free in joined.colnames:
            raise RequestError([("second", f"both tables have {name!r} and {free!r}; rename one")], _WHAT)
        joined[free] = second[name][right]
    joined.meta = {**first.meta, "joined": dict(second.meta)}
    return joined


def _names(argument: str, table: Any) -> list[str]:
    """Names of the bursts in a table in one spelling; empty where there is none."""
    if not isinstance(table, Table):
        raise RequestError([(argument, f"a table is needed, from query_catalog(); got {table!r:.60}")], _WHAT)
    catalog = table.meta.get("catalog")
    wanted = [_NAMES[catalog]] if catalog in _NAMES else list(_NAMES.values())
    column = next((name for name in wanted if name in table.colnames), None)
    if column is None:
        text = f"there is no column {' or '.join(wanted)}; choose it too, with columns=[{wanted[0]!r}, ...]"
        raise RequestError([(argument, text)], _WHAT)
    return ["" if name is np.ma.masked else "".join(str(name).split()).lower() for name in table[column]]
