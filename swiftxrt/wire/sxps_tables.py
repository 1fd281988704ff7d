"""Whole tables of the SXPS catalogues and their earlier versions, in the words of the service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .._printable import printable
from ..exceptions import ProtocolError

__all__ = ["EPOCHS", "TABLE", "Epoch", "read_epochs", "read_table_file", "table_request"]

TABLE, EPOCHS = "getSXPSTable", "getOldSXPSTables"

_SUBSETS = {"ultraclean": "ultra-clean"}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


@dataclass(frozen=True)
class Epoch:
    """An earlier version of the tables.

    Parameters
    ----------
    name : str
        As the service wants it.
    interval : str
        ``"hourly"`` or ``"daily"``.
    time : datetime
        When it was made (UTC).
    tables : tuple of str
        What it contains, as far as the service says.
    """

    name: str
    interval: str
    time: datetime
    tables: tuple[str, ...] = ()

    @property
    def stamp(self) -> str:
        """Its time as a part of a file name."""
        return f"{self.time:%Y%m%dT%H%M%S}"


def table_request(
    catalog: str, table: str, subset: str | None = None, epoch: str | None = None, form: str = "csv"
) -> dict[str, Any]:
    """The arguments of a call for a table.

    Parameters
    ----------
    catalog, table : str
        Which one, as the service spells it.
    subset : {"clean", "ultraclean"}, optional
        Only the reliable entries.
    epoch : str, optional
        Name of an earlier version.
    form : {"csv", "fits"}, optional
        Form of the file.
    """
    chosen = {"subset": _SUBSETS.get(subset or "", subset), "epoch": epoch}
    return {
        "whichCat": catalog,
        "table": table,
        **{key: value for key, value in chosen.items() if value is not None},
        "format": form,
    }


def read_table_file(content: Mapping[str, Any]) -> tuple[str, str]:
    """Address and name of the file in the reply to a call for a table.

    Raises
    ------
    ProtocolError
        If they are missing, or do not belong together.
    """
    url, file = content.get("URL"), content.get("FILE")
    if not isinstance(url, str) or not isinstance(file, str):
        raise ProtocolError("the reply names no file (URL, FILE)")
    name = PurePosixPath(file).name
    if not _FILE_NAME.fullmatch(name) or _last_part(url) != name:
        raise ProtocolError(f"the reply names a file {printable(file, 100)!r} that {printable(url, 200)} is not")
    return url, name


def _last_part(url: str) -> str:
    """The name of the file at an address; an empty one if it is no address."""
    try:
        return PurePosixPath(unquote(urlsplit(url).path)).name
    except ValueError:
        return ""


def read_epochs(content: Mapping[str, Any]) -> list[Epoch]:
    """The earlier versions in the reply to a call for them, oldest first.

    Raises
    ------
    ProtocolError
        If they are something else.
    """
    found = [
        Epoch(name, interval, _time(name), _names(tables))
        for interval in ("hourly", "daily")
        for name, tables in _object(content.get(interval), interval).items()
    ]
    return sorted(found, key=lambda epoch: (epoch.time, epoch.interval))


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if value is None or value == []:  # what PHP makes of an empty object
        return {}
    if not isinstance(value, Mapping):
        raise ProtocolError(f"{name} epochs were promised; got {value!r:.80}")
    return value


def _time(name: str) -> datetime:
    try:
        return datetime.fromisoformat(name.removesuffix(" UTC"))
    except ValueError as error:
        raise ProtocolError(f"an epoch such as '2022-08-17 10:00:01 UTC' was promised; got {name!r:.80}") from error


def _names(tables: Any) -> tuple[str, ...]:
    if isinstance(tables, Mapping | list):
        return tuple(printable(str(one), 100) for one in tables)
    return ()
