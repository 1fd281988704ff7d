"""The columns of the table ``swiftmastr``, and the other tables that clients of the HEASARC look into."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CATALOG", "COLUMNS", "META_ROWS", "MasterColumn", "default_columns"]

#: Name of the table of observations.
CATALOG = "swiftmastr"
_TITLE = "Swift Master Catalog"
_RADIUS_ARCMIN = 12


class MasterColumn(NamedTuple):
    """A column of ``swiftmastr``.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        ``"char"``, ``"double"`` or ``"long"``.
    unit : str
        Unit as the table has it; times are MJD (UTC).
    order : int
        Place among the columns that come when none are chosen; 0 if it does not.
    text : str
        What it is.
    """

    name: str
    kind: str
    unit: str
    order: int
    text: str


COLUMNS = tuple(
    MasterColumn(*row)
    for row in (
        ("__row", "long", "", 0, "Unique row identifier"),
        ("name", "char", "", 1, "Name of the target"),
        ("obsid", "char", "", 2, "Unique observation identifier"),
        ("ra", "double", "degree", 3, "Right ascension of the pointing"),
        ("dec", "double", "degree", 4, "Declination of the pointing"),
        ("roll_angle", "double", "degree", 0, "Roll angle"),
        ("start_time", "double", "mjd", 5, "Start of the observation"),
        ("stop_time", "double", "mjd", 0, "End of the observation"),
        ("processing_date", "double", "mjd", 6, "Date of the processing"),
        ("processing_version", "char", "", 0, "Version of the processing script"),
        ("target_id", "char", "", 0, "Identifier of the target"),
        ("xrt_exposure", "double", "s", 7, "Exposure of the XRT, all modes"),
        ("xrt_expo_pc", "double", "s", 0, "Exposure of the XRT in photon counting mode"),
        ("xrt_expo_wt", "double", "s", 0, "Exposure of the XRT in windowed timing mode"),
        ("uvot_exposure", "double", "s", 8, "Exposure of the UVOT"),
        ("bat_exposure", "double", "s", 9, "Exposure of the BAT"),
        ("archive_date", "long", "mjd", 10, "Date on which the data came into the archive"),
    )
)

#: What ``metainfo`` has of it: name, type, relation, value.
META_ROWS: tuple[tuple[str, str, str, str], ...] = (
    *((f"{CATALOG}.{column.name}", "parameter", "order", str(column.order)) for column in COLUMNS if column.order),
    (CATALOG, "table", "defaultSearchRadius", str(_RADIUS_ARCMIN)),
)


def default_columns() -> list[str]:
    """The columns that come when none are chosen."""
    chosen = sorted((column.order, column.name) for column in COLUMNS if column.order)
    return [name for _, name in chosen]
