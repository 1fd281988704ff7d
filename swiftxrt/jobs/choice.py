"""Choosing among the products of a job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._fields import nearest
from ..exceptions import RequestError
from ..kinds import ProductKind

__all__ = ["Kinds", "chosen_kinds"]

#: One kind of product, or several, as users give them.
Kinds = ProductKind | str | Iterable[ProductKind | str]


def chosen_kinds(wanted: Kinds, there: Sequence[ProductKind], what: str) -> list[ProductKind]:
    """The kinds that a user named.

    Parameters
    ----------
    wanted : ProductKind, str or iterable of them
        What was named.
    there : sequence of ProductKind
        What can be named.
    what : str
        What has those kinds, for the error.

    Returns
    -------
    kinds : list of ProductKind

    Raises
    ------
    RequestError
        If one of them is not there, or something else was given.
    """
    names = [kind.value for kind in there]
    if not isinstance(wanted, ProductKind | str | Iterable):
        raise RequestError([("kinds", f"one or more of {', '.join(names)} are needed; got {wanted!r:.60}")], what)
    words = [wanted] if isinstance(wanted, ProductKind | str) else list(wanted)
    for word in words:
        if str(word) not in names:
            hint = nearest(str(word), names)
            text = f"{str(word)!r} is not part of this job, which has {', '.join(names)}{hint}"
            raise RequestError([("kinds", text)], what)
    return [ProductKind.of(word) for word in words]
