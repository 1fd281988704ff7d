"""Questions about sources that others may have replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..catalog_fields import catalog_info
from ..exceptions import RequestError, ServiceWarning, SupersededError, warn
from ..wire import sxps
from .protocol import CatalogBackend
from .references import Key, catalog_with_details, is_transient_name, source_key, transient_key

__all__ = ["ask_following", "asked_about", "product_key", "source_of_transient", "tell_replaced"]

_T = TypeVar("_T")

_LONGEST_CHAIN = 5
_IDENTIFIERS = ("sourceID", "sourceName")


def ask_following(
    backend: CatalogBackend, function: str, content: Mapping[str, Any], read: Callable[[dict[str, Any]], _T]
) -> tuple[_T, bool]:
    """What is made of the reply about a source, or about the only one that has taken its place.

    The service itself follows numbers, but perhaps not all.

    Parameters
    ----------
    backend : CatalogBackend
        Who is asked.
    function : str
        Name of the function.
    content : mapping
        The question, with a single source.
    read : callable
        Makes something of the content of a reply; raises `SupersededError` if others have replaced the source.

    Returns
    -------
    made : object
        What `read` gave.
    is_other : bool
        Whether it is about another source than was asked for.

    Raises
    ------
    SupersededError
        If there are several, or none, in its place.
    """
    asked = asked_about(content)
    for number in range(_LONGEST_CHAIN):
        try:
            return read(backend.ask(function, content)), number > 0
        except SupersededError as error:
            newer = error.successors
            if newer is None or len(newer) != 1:
                raise
            rest = {name: value for name, value in content.items() if name not in _IDENTIFIERS}
            content = {**rest, **source_key(newer[0], content["whichCat"])}
    raise SupersededError(
        f"source {asked} of {content['whichCat']} was replaced again and again; {_LONGEST_CHAIN} steps were followed"
    )


def asked_about(content: Mapping[str, Any]) -> int | str:
    """The name or number of the source or transient in a question."""
    value: int | str = next(content[name] for name in _IDENTIFIERS if name in content)
    return value


def tell_replaced(content: Mapping[str, Any]) -> None:
    """Warn that a product is that of the source which has taken the place of the one that was asked for."""
    text = f"{content['whichCat']} has another source in place of {asked_about(content)}, whose product this is"
    warn(text, ServiceWarning)


def product_key(
    backend: CatalogBackend | None, source: Any, *, transient: Any, catalog: str, what: str
) -> tuple[str, Key]:
    """The name of a catalogue, and what a source or transient is called there.

    Parameters
    ----------
    backend : CatalogBackend or None
        Who is asked which source a transient is, if `source` is the name of one; None if nobody may be asked.
    source, transient : object
        One of both, as users give it.
    catalog : str
        The catalogue.
    what : str
        What is wanted, such as ``"light curves"``.

    Raises
    ------
    RequestError
        If it is nothing of the kind, or somebody would have to be asked.
    UnknownObjectError
        If the transient is not among the sources.
    """
    if transient is not None:
        return catalog_with_details(catalog, f"{what} of transients"), transient_key(transient)
    info = catalog_info(catalog)
    if not info.is_sxps:
        raise RequestError([("catalog", f"{what} of sources are those of LSXPS and 2SXPS, not of {info.name}")])
    if is_transient_name(source):
        name = catalog_with_details(catalog, f"{what} of transients")
        if backend is None:
            text = "the service is asked which source this transient is before that is known"
            raise RequestError([("source", f"{text}; give transient={source!r:.60}, or the name of the source")])
        return name, source_of_transient(backend, sxps.question_for_source(name, transient_key(source)))
    return info.name, source_key(source, info.name)


def source_of_transient(backend: CatalogBackend, content: Mapping[str, Any]) -> Key:
    """What the source is called that a transient is, which the question names."""
    asked = next(value[0] for name, value in content.items() if name in _IDENTIFIERS)
    found = sxps.read_lookup(backend.ask(sxps.SOURCES_OF_TRANSIENTS, content), asked)
    return {"sourceID": found} if isinstance(found, int) else {"sourceName": found}
