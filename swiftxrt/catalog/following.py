"""Questions about sources that others may have replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..exceptions import ServiceWarning, SupersededError, warn
from .protocol import CatalogBackend
from .references import source_key

__all__ = ["ask_following", "asked_about", "tell_replaced"]

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
