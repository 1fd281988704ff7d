"""Details of sources, transients and datasets in the words of the service.

A question names one object, under ``sourceID`` or ``sourceName``, ``DatasetID`` or ``ObsID``; only that for the
sources of transients holds a list. Details of sources and datasets come in ``data``, those of transients as they are.
An object that is no longer there is answered for with what has taken its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astropy.table import QTable

from .._printable import printable
from ..exceptions import ProtocolError, SupersededError, UnknownObjectError
from ..products.catalog_dataset import CatalogDataset
from ..products.catalog_objects import CatalogSource, CatalogTransient
from ..products.catalog_record import catalog_rows

__all__ = [
    "DATASET",
    "SOURCE",
    "SOURCES_OF_TRANSIENTS",
    "TRANSIENT",
    "check_current",
    "check_stack",
    "question",
    "question_for_source",
    "read_dataset",
    "read_lookup",
    "read_source",
    "read_transient",
]

#: Functions of the service.
SOURCE, TRANSIENT, DATASET = "getSXPSSourceInfo", "getSXPSTransInfo", "getSXPSDatasetInfo"
SOURCES_OF_TRANSIENTS = "getSXPSTransAsSources"

_MISSING = "MISSING"
_OLDER = "newerSources"
_OLD_STACK = "SupersedingStacks"


def question(catalog: str, key: Mapping[str, int | str]) -> dict[str, Any]:
    """The content of a question about one object.

    Parameters
    ----------
    catalog : str
        The catalogue.
    key : mapping
        What the object is called, such as ``{"sourceID": 209851}``.
    """
    return {"whichCat": catalog, **key}


def question_for_source(catalog: str, key: Mapping[str, int | str]) -> dict[str, Any]:
    """The content of the question which source a transient is."""
    return {"whichCat": catalog, **{name: [value] for name, value in key.items()}}


def read_source(content: Mapping[str, Any], catalog: str, asked: int | str) -> CatalogSource:
    """A source from the content of a reply.

    Raises
    ------
    UnknownObjectError
        If the reply is empty.
    SupersededError
        If several sources, or none, have taken its place.
    ProtocolError
        If the reply is not what the protocol promises.
    """
    details = _details(content, f"source {asked}", catalog)
    check_current(details, catalog, asked)
    return CatalogSource.of_reply(details, catalog=catalog, asked=asked)


def check_current(content: Mapping[str, Any], catalog: str, asked: int | str) -> None:
    """Look whether a reply about a source, of any kind, tells of others instead.

    Raises
    ------
    SupersededError
        If it names what has taken the place of the source.
    """
    if _OLDER in content:
        newer = catalog_rows(content[_OLDER], "sources", position=("RA", "Decl"))
        raise SupersededError(_replaced(f"source {asked}", catalog, _named(newer, "IAUName")), newer)


def read_transient(content: Mapping[str, Any], catalog: str, asked: int | str) -> CatalogTransient:
    """A transient from the content of a reply.

    Raises
    ------
    UnknownObjectError
        If the reply is empty.
    ProtocolError
        If the reply is not what the protocol promises.
    """
    details = _details(content, f"transient {asked}", catalog)
    return CatalogTransient.of_reply(details, catalog=catalog, asked=asked)


def read_dataset(content: Mapping[str, Any], catalog: str, asked: int | str) -> CatalogDataset:
    """A dataset from the content of a reply.

    Raises
    ------
    UnknownObjectError
        If the reply is empty.
    SupersededError
        If it is a stack that others, or a later version of itself, have replaced.
    ProtocolError
        If the reply is not what the protocol promises.
    """
    details = _details(content, f"dataset {asked}", catalog)
    check_stack(details, catalog, asked)
    return CatalogDataset.of_reply(details, catalog=catalog, asked=asked)


def check_stack(content: Mapping[str, Any], catalog: str, asked: int | str) -> None:
    """Look whether a reply about a dataset, of any kind, tells of other stacks instead.

    Raises
    ------
    SupersededError
        If it names what has replaced the stack.
    """
    if _OLD_STACK in content:
        newer = catalog_rows(_newer_stacks(content[_OLD_STACK]), "datasets")
        raise SupersededError(_replaced(f"stack {asked}", catalog, _named(newer, "ObsID")), newer)


def read_lookup(content: Mapping[str, Any], asked: int | str) -> int | str:
    """Which source a transient is: its number or name.

    Raises
    ------
    UnknownObjectError
        If it is not catalogued as a source.
    ProtocolError
        If the reply is not what the protocol promises.
    """
    lookup = content.get("lookup")
    if not isinstance(lookup, Mapping):
        raise ProtocolError(f"a list of sources of transients was promised; got {lookup!r:.80}")
    found = lookup.get(str(asked), _MISSING)
    if found is None or found == _MISSING:
        text = f"transient {asked} is not among the sources of the catalogue, or not yet"
        raise UnknownObjectError(f"{text}; get_transient({asked!r}) tells what is known of it")
    if isinstance(found, int | str) and not isinstance(found, bool):
        return int(found) if str(found).isdecimal() else str(found)
    raise ProtocolError(f"the number or name of a source was promised; got {found!r:.80}")


def _details(content: Mapping[str, Any], what: str, catalog: str) -> Mapping[str, Any]:
    """The details, which may be wrapped."""
    details = content.get("data", content)
    if details is None or details == {} or details == []:
        raise UnknownObjectError(f"{catalog} has no {what}")
    if isinstance(details, Mapping):
        return details
    raise ProtocolError(f"details of an object were promised; got {details!r:.80}")


def _newer_stacks(stacks: Any) -> Any:
    """The rows of what has replaced a stack: others, or its latest version."""
    if not isinstance(stacks, Mapping):
        raise ProtocolError(f"the stacks that replace another were promised; got {stacks!r:.80}")
    latest = stacks.get("LatestVersion")
    return [latest] if isinstance(latest, Mapping) else stacks.get("OtherStacks")


def _named(newer: QTable, column: str) -> list[str]:
    return [printable(str(name)) for name in newer[column]] if column in newer.colnames else []


def _replaced(what: str, catalog: str, names: list[str]) -> str:
    gone = f"{what} is no longer in {catalog}"
    if not names:
        return f"{gone}, and nothing has taken its place"
    return f"{gone}; it became {', '.join(names)} (see the table `successors` of this error); ask for one of these"
