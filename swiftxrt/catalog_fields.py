"""The catalogues of the service, their tables, and what each field of them is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import product
from types import MappingProxyType
from typing import Any

from ._fields import nearest
from .exceptions import RequestError

__all__ = ["CATALOGS", "CatalogField", "CatalogInfo", "catalog_info", "fields_of", "table_name"]

#: What a field holds: numbers, truth values sent as 0 and 1, texts, times (MET in seconds; MJD, UTC; barycentric JD,
#: TDB; dates in UTC, or in the civil time of the United Kingdom), ObsIDs, target IDs, and nested tables or objects.
KINDS = (
    *("int", "float", "flag", "text", "met", "mjd", "jd_tdb", "utc", "uk_date", "obsid", "target_id"),
    *("table", "object", "list"),
)

_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_WORDS = re.compile(r"\{([1-9]):([^{}]*)\}")


@dataclass(frozen=True)
class CatalogField:
    """One field of a catalogue.

    Parameters
    ----------
    name : str
        The name that the catalogue gives it.
    kind : str
        One of `KINDS`.
    unit : str
        As astropy reads it; empty if there is none.
    description : str
        What it is.
    ucd : str
        Its unified content descriptor, if one fits.
    is_default : bool
        Whether it is among the columns that come if none are chosen.
    """

    name: str
    kind: str
    unit: str = ""
    description: str = ""
    ucd: str = ""
    is_default: bool = False


@dataclass(frozen=True)
class CatalogInfo:
    """One catalogue.

    Parameters
    ----------
    name : str
        As on the wire.
    title : str
        What it is.
    tables : tuple of str
        Its tables, the usual one first.
    positions : mapping of str to (str, str)
        Pairs of columns that are positions, by what they are from; the first is the usual one.
    id_column, name_column : str
        Identifier and name of a source or burst in the usual table.
    """

    name: str
    title: str
    tables: tuple[str, ...]
    positions: Mapping[str, tuple[str, str]]
    id_column: str
    name_column: str

    @property
    def is_sxps(self) -> bool:
        """Whether it is a catalogue of point sources, and not of bursts."""
        return self.name.endswith("SXPS")


_SXPS = {"best": ("RA", "Decl")}

#: The catalogues by name.
CATALOGS: Mapping[str, CatalogInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            CatalogInfo(
                "LSXPS",
                "Living Swift-XRT Point Source catalogue (Evans et al. 2023, MNRAS 518, 174)",
                ("sources", "datasets", "detections", "obssources", "xcorr", "transients", "oldstacks"),
                _SXPS,
                "LSXPS_ID",
                "IAUName",
            ),
            CatalogInfo(
                "2SXPS",
                "Second Swift-XRT Point Source catalogue (Evans et al. 2020, ApJS 247, 54)",
                ("sources", "datasets", "detections", "xcorr"),
                _SXPS,
                "2SXPS_ID",
                "IAUName",
            ),
            CatalogInfo(
                "UK_XRT",
                "Live XRT gamma-ray burst catalogue (Evans et al. 2009, MNRAS 397, 1177)",
                ("XRTLiveCat",),
                {
                    "best": ("RA", "Decl"),
                    "onboard": ("Onboard_RA", "Onboard_Decl"),
                    "sper": ("SPER_RA", "SPER_Decl"),
                    "standard": ("PSF_RA", "PSF_Decl"),
                    "enhanced": ("Enh_RA", "Enh_Decl"),
                },
                "targetID",
                "name",
            ),
            CatalogInfo(
                "SDC_GRB",
                "Swift gamma-ray burst table of the Goddard Space Flight Center",
                ("SDC_Data_Table",),
                {"BAT": ("BAT_RA", "BAT_Dec"), "XRT": ("XRT_RA", "XRT_Dec"), "UVOT": ("UVOT_RA", "UVOT_Dec")},
                "TriggerNumber",
                "Name",
            ),
            CatalogInfo(
                "BAT_GRB",
                "Swift-BAT gamma-ray burst catalogue (Lien et al. 2016, ApJ 829, 7)",
                ("BATGRBCat",),
                {"BAT": ("RA_ground", "DEC_ground")},
                "Trig_ID",
                "GRBname",
            ),
        )
    }
)


def catalog_info(catalog: Any) -> CatalogInfo:
    """A catalogue by its name, in upper or lower case.

    Raises
    ------
    RequestError
        If there is no such catalogue.
    """
    by_name = {name.lower(): info for name, info in CATALOGS.items()}
    if isinstance(catalog, str) and catalog.strip().lower() in by_name:
        return by_name[catalog.strip().lower()]
    hint = nearest(catalog, CATALOGS) if isinstance(catalog, str) else ""
    raise RequestError([("catalog", f"must be one of {', '.join(CATALOGS)}; got {catalog!r:.60}{hint}")])


def table_name(catalog: str, table: Any = None) -> str:
    """The name of a table as the service spells it.

    Parameters
    ----------
    catalog : str
        The catalogue.
    table : str, optional
        In upper or lower case; the usual one by default.

    Raises
    ------
    RequestError
        If the catalogue has no such table.
    """
    info = catalog_info(catalog)
    if table is None:
        return info.tables[0]
    by_name = {name.lower(): name for name in info.tables}
    wanted = {"extcatmatches": "xcorr"}.get(str(table).lower(), str(table).lower())
    if isinstance(table, str) and wanted in by_name:
        return by_name[wanted]
    hint = nearest(table, info.tables) if isinstance(table, str) else ""
    allowed = f"{info.name} has the tables {', '.join(info.tables)}"
    raise RequestError([("table", f"{allowed}; got {table!r:.60}{hint}")])


def fields_of(catalog: str, table: str) -> Mapping[str, CatalogField]:
    """The known fields of a table, by name, in their usual order.

    Parameters
    ----------
    catalog : str
        The catalogue, as in `CATALOGS`.
    table : str
        One of its tables; or of LSXPS ``"source"``, ``"dataset"``, ``"transient"`` (details), ``"source_detections"``,
        ``"source_nondetections"`` and ``"dataset_sources"`` (tables in them).

    Returns
    -------
    fields : mapping of str to CatalogField
        Empty if nothing is known of the table.
    """
    return _fields_in(f"{catalog.lower()}_{table.lower()}")


@cache
def _fields_in(name: str) -> Mapping[str, CatalogField]:
    """The fields of one file.

    A row without a kind is a field of the table that a row ``@table`` names;
    ``*`` is all fields of it that no row speaks of, and ``-field`` leaves one out.
    """
    path = files("swiftxrt.data") / "fields" / f"{name}.csv"
    if not path.is_file():
        return MappingProxyType({})
    rows = [
        (field, row)
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        for field in _expanded(row)
    ]
    spoken_of = {field.name.lstrip("-") for field, row in rows}
    base: Mapping[str, CatalogField] = {}
    found: dict[str, CatalogField] = {}
    for field, _ in rows:
        if field.name.startswith("@"):
            base = _fields_in(field.name[1:])
        elif field.name == "*":
            found |= {name: other for name, other in base.items() if name not in spoken_of}
        elif not field.name.startswith("-"):
            found[field.name] = field if field.kind else replace(base[field.name], is_default=field.is_default)
    return MappingProxyType(found)


def _expanded(row: Mapping[str, str | None]) -> Iterator[CatalogField]:
    """The fields of a row.

    ``Rate_band{0|1}{|_pos|_neg}`` stands for six of them; in the other cells
    ``{1:soft|hard}`` is the word that belongs to the choice in the first group.
    """
    texts = {key: row[key] or "" for key in ("name", "kind", "unit", "ucd", "default", "description")}
    parts = _ALTERNATIVES.split(texts.pop("name"))
    choices = [range(part.count("|") + 1) if number % 2 else range(1) for number, part in enumerate(parts)]
    for chosen in product(*choices):
        name = "".join(
            part.split("|")[index] if number % 2 else part
            for number, (part, index) in enumerate(zip(parts, chosen, strict=True))
        )
        told = {key: _chosen(text, chosen[1::2]) for key, text in texts.items()}
        yield CatalogField(
            name, told["kind"], told["unit"], told["description"], told["ucd"], is_default=told["default"] == "1"
        )


def _chosen(text: str, groups: Sequence[int]) -> str:
    """A text with the words that belong to the choices in the name."""
    return _WORDS.sub(lambda found: found[2].split("|")[groups[int(found[1]) - 1]], text)
