"""What users call sources, transients and datasets, as the service calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from astropy.table import Row

from ..catalog_fields import catalog_info
from ..exceptions import IdentifierError, RequestError
from ..identifiers import parse_obsid
from ..products.catalog_dataset import CatalogDataset
from ..products.catalog_objects import CatalogSource, CatalogTransient

__all__ = ["Key", "catalog_with_details", "dataset_key", "is_transient_name", "source_key", "transient_key"]

#: What an object is called in a question: one key with a number or a name.
Key = dict[str, int | str]

_NAME = re.compile(r"(?P<catalog>[A-Za-z0-9]*?)\s*J\s*(?P<ra>\d{6}\.\d)\s*(?P<dec>[+-]\d{6})", re.IGNORECASE)
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
_TRANSIENTS = "Swift"
_WITH_DETAILS = "LSXPS"
# Numbers below are those of datasets; ObsIDs that have lost their zeros are larger.
_FIRST_OBSID = 10_000_000
_EXAMPLES = {
    "source": "a name such as 'LSXPS J062131.8-622213', its number, or a row of the catalogue",
    "transient": "a name such as 'Swift J073006.8-193709', its number among the transients, or a row of their table",
}


def catalog_with_details(catalog: Any, what: str) -> str:
    """The name of a catalogue, if the service has details of its objects.

    Parameters
    ----------
    catalog : str
        The catalogue.
    what : str
        What is asked for, such as ``"details of sources"``.

    Raises
    ------
    RequestError
        If there is no such catalogue, or nothing of the kind in it.
    """
    name = catalog_info(catalog).name
    if name == _WITH_DETAILS:
        return name
    text = f"the service has {what} of {_WITH_DETAILS} only; rows of {name} come from query_catalog(catalog={name!r})"
    raise RequestError([("catalog", text)])


def source_key(source: Any, catalog: str) -> Key:
    """What a source is called in a question.

    Parameters
    ----------
    source : str, int, row, CatalogSource or CatalogTransient
        As users give it.
    catalog : str
        The catalogue.

    Returns
    -------
    key : dict
        ``{"sourceID": 209851}`` or ``{"sourceName": "LSXPS J062131.8-622213"}``.

    Raises
    ------
    RequestError
        If it is nothing of the kind, or of another catalogue.
    """
    if isinstance(source, CatalogTransient):
        if source.source_id is None:
            raise RequestError(
                [("source", f"transient {source.name} is not among the sources of {catalog}, or not yet")]
            )
        return {"sourceID": source.source_id}
    if isinstance(source, CatalogSource):
        return {"sourceID": source.source_id}
    info = catalog_info(catalog)
    return _key(source, "source", info.name, (info.id_column, info.name_column))


def transient_key(transient: Any) -> Key:
    """What a transient is called in a question; see `source_key`."""
    if isinstance(transient, CatalogTransient):
        return {"sourceID": transient.transient_id}
    if isinstance(transient, CatalogSource):
        text = (
            f"a source is not a transient, even if it was one: {transient.name!r}; {_EXAMPLES['transient']} is needed"
        )
        raise RequestError([("transient", text)])
    return _key(transient, "transient", _TRANSIENTS, ("TransientID", "IAUName"))


def is_transient_name(value: Any) -> bool:
    """Whether something is the name of a transient."""
    match = _NAME.fullmatch(value.strip().translate(_MINUS)) if isinstance(value, str) else None
    return match is not None and match["catalog"].lower() == _TRANSIENTS.lower()


def dataset_key(dataset: Any = None, dataset_id: Any = None) -> Key:
    """What a dataset is called in a question.

    Parameters
    ----------
    dataset : str, int, row or CatalogDataset, optional
        An ObsID in any spelling, which as an integer has lost its zeros; a
        smaller integer is the number of a dataset.
    dataset_id : int, optional
        The number of a dataset.

    Returns
    -------
    key : dict
        ``{"ObsID": "00282445000"}`` or ``{"DatasetID": 9725}``.

    Raises
    ------
    RequestError
        If both or none are given, or they are something else.
    IdentifierError
        If a text is not an ObsID.
    """
    if (dataset is None) == (dataset_id is None):
        raise RequestError([("dataset", "give either an ObsID or dataset_id, the number of a dataset")])
    if dataset_id is not None:
        return {"DatasetID": _number(dataset_id, "dataset_id", "the number of a dataset, such as 9725,")}
    if isinstance(dataset, CatalogDataset):
        return {"DatasetID": dataset.dataset_id}
    cells = _cells(dataset, ("DatasetID", "ObsID"))
    if cells is not None:
        return dataset_key(dataset_id=cells["DatasetID"]) if "DatasetID" in cells else dataset_key(cells["ObsID"])
    if _is_whole(dataset) and 0 < int(dataset) < _FIRST_OBSID:
        return {"DatasetID": int(dataset)}
    try:
        return {"ObsID": parse_obsid(dataset)}
    except IdentifierError as error:
        text = str(dataset).strip()
        hint = f"; the number of a dataset is given as dataset_id={int(text)}" if text.isdecimal() else ""
        raise IdentifierError(f"{error}{hint}") from None


def _key(value: Any, what: str, catalog: str, columns: tuple[str, str]) -> Key:
    """The key of something that is called by number or name."""
    cells = _cells(value, columns)
    if cells is not None:
        column = columns[0] if columns[0] in cells else columns[1]
        return _key(cells[column], what, catalog, columns)
    if _is_whole(value) or (isinstance(value, str) and value.strip().isdecimal()):
        return {"sourceID": _number(value, what, _EXAMPLES[what])}
    if isinstance(value, str):
        return {"sourceName": _name(value, what, catalog)}
    raise RequestError([(what, f"{_EXAMPLES[what]} is needed; got {value!r:.60}")])


def _name(text: str, what: str, catalog: str) -> str:
    """A name as the catalogue writes it."""
    match = _NAME.fullmatch(text.strip().translate(_MINUS))
    if match is None:
        hint = "; query_object(...) finds sources near objects with other names"
        if text.strip().upper().startswith("GRB"):
            hint = f"; products of bursts are had with grb={text.strip()!r:.60}"
        raise RequestError([(what, f"{_EXAMPLES[what]} is needed; got {text!r:.60}{hint}")])
    if match["catalog"].lower() not in ("", catalog.lower()):
        of = "a transient" if catalog == _TRANSIENTS else catalog
        raise RequestError([(what, f"{text!r:.60} is not a name of {of}{_elsewhere(match['catalog'], what)}")])
    return f"{catalog} J{match['ra']}{match['dec']}"


def _elsewhere(prefix: str, what: str) -> str:
    """Where a name is known."""
    if prefix.lower() == _TRANSIENTS.lower():
        return "; it is that of a transient"
    if prefix.upper() == "LSXPS" and what == "transient":
        return "; it is that of a source: get_source gives it"
    if prefix.upper() in ("1SXPS", "2SXPS"):
        return f"; the match in LSXPS is found by its position, or in the table xcorr by ExtCat_ID = '{prefix.upper()} J...'"
    return ""


def _cells(value: Any, columns: tuple[str, str]) -> dict[str, Any] | None:
    """The cells of a row of a table, or of a mapping, that call it by number or name."""
    if not isinstance(value, Row | Mapping):
        return None
    names = value.colnames if isinstance(value, Row) else list(value)
    cells = {name: value[name] for name in columns if name in names}
    there = {name: cell for name, cell in cells.items() if cell is not None and cell is not np.ma.masked}
    if there:
        return there
    raise RequestError(f"a row must have {' or '.join(columns)}; it has {', '.join(map(str, names)):.200}")


def _number(value: Any, what: str, needed: str) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        value = int(value)
    if _is_whole(value) and 0 < int(value) < 2**63:
        return int(value)
    raise RequestError([(what, f"{needed} is needed; got {value!r:.60}")])


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
