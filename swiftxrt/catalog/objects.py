"""Details of sources, transients and datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exceptions import RequestError, ServiceWarning, warn
from ..products.catalog_dataset import CatalogDataset
from ..products.catalog_objects import CatalogSource, CatalogTransient
from ..wire import sxps
from .following import ask_following, source_of_transient
from .protocol import CatalogBackend
from .references import catalog_with_details, dataset_key, is_transient_name, source_key, transient_key

__all__ = [
    "dataset_question",
    "find_dataset",
    "find_source",
    "find_transient",
    "source_question",
    "transient_question",
]


def find_source(backend: CatalogBackend, source: Any = None, *, transient: Any = None, catalog: str) -> CatalogSource:
    """A source of a catalogue; see `swiftxrt.SwiftXRTClass.get_source`."""
    function, content = source_question(source, transient=transient, catalog=catalog)
    if function == sxps.SOURCES_OF_TRANSIENTS:
        content = sxps.question(content["whichCat"], source_of_transient(backend, content))
    found = _followed(backend, content)
    if found.replaces is not None:
        warn(f"{found.catalog} has {found.name} ({found.source_id}) in place of {found.asked}", ServiceWarning)
    return found


def source_question(source: Any = None, *, transient: Any = None, catalog: str) -> tuple[str, dict[str, Any]]:
    """The function, and the content, of the first question about a source.

    Raises
    ------
    RequestError
        If both are given, none, or something else.
    """
    name = catalog_with_details(catalog, "details of sources")
    if (source is None) == (transient is None):
        raise RequestError([("source", "give either a source, by name or number, or the transient that it is")])
    if transient is None and is_transient_name(source):
        source, transient = None, source
    if transient is None:
        return sxps.SOURCE, sxps.question(name, source_key(source, name))
    return sxps.SOURCES_OF_TRANSIENTS, sxps.question_for_source(name, transient_key(transient))


def find_transient(backend: CatalogBackend, transient: Any, *, catalog: str) -> CatalogTransient:
    """A transient; see `swiftxrt.SwiftXRTClass.get_transient`."""
    function, content = transient_question(transient, catalog=catalog)
    return sxps.read_transient(backend.ask(function, content), content["whichCat"], _asked(content))


def transient_question(transient: Any, *, catalog: str) -> tuple[str, dict[str, Any]]:
    """The function and the content of the question about a transient."""
    name = catalog_with_details(catalog, "transients")
    return sxps.TRANSIENT, sxps.question(name, transient_key(transient))


def find_dataset(
    backend: CatalogBackend, dataset: Any = None, *, dataset_id: int | None = None, catalog: str
) -> CatalogDataset:
    """A dataset; see `swiftxrt.SwiftXRTClass.get_dataset`."""
    function, content = dataset_question(dataset, dataset_id=dataset_id, catalog=catalog)
    return sxps.read_dataset(backend.ask(function, content), content["whichCat"], _asked(content))


def dataset_question(dataset: Any, *, dataset_id: int | None, catalog: str) -> tuple[str, dict[str, Any]]:
    """The function and the content of the question about a dataset."""
    name = catalog_with_details(catalog, "details of datasets")
    return sxps.DATASET, sxps.question(name, dataset_key(dataset, dataset_id))


def _followed(backend: CatalogBackend, content: dict[str, Any]) -> CatalogSource:
    """The source, or the only one that has taken its place."""
    catalog, asked = content["whichCat"], _asked(content)
    return ask_following(backend, sxps.SOURCE, content, lambda reply: sxps.read_source(reply, catalog, asked))[0]


def _asked(content: Mapping[str, Any]) -> int | str:
    """The name or number in a question."""
    value: int | str = next(value for name, value in content.items() if name != "whichCat")
    return value
