"""The methods of `~swiftxrt.SwiftXRT` that ask about what is catalogued."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from astropy.table import Row

from .._calls import check_call, clear_calls
from .._threads import side_by_side
from ..catalog.protocol import CatalogBackend
from ..config import conf
from ..exceptions import RequestError, SwiftXRTError
from ..products.outcomes import Outcome, Outcomes

__all__ = ["CatalogAsking"]


@clear_calls
class CatalogAsking:
    """What the methods for catalogues have in common."""

    @property
    @abstractmethod
    def _catalog(self) -> CatalogBackend:
        """Where catalogues are asked."""

    def gather(self, method: Callable[..., Any], items: Iterable[Any], **options: Any) -> Outcomes:
        """Call a method for many objects, some at a time, and keep what came of each.

        A failure of one takes nothing from the others. As many are asked for
        side by side as ``conf.max_connections`` allows.

        Parameters
        ----------
        method : callable
            A method of this class that takes the object first, such as ``SwiftXRT.get_source``.
        items : iterable
            The objects, such as names or numbers of sources, or a table with a
            row for each.
        **options
            For each call.

        Returns
        -------
        outcomes : Outcomes
            One for each object, in their order.

        Raises
        ------
        RequestError
            If `items` is a single object, or `method` cannot be called so.

        Examples
        --------
        >>> found = SwiftXRT.gather(SwiftXRT.get_source, [209851, 209220])  # doctest: +SKIP
        >>> [outcome.value.name for outcome in found]  # doctest: +SKIP
        """
        if not callable(method):
            text = f"a method is needed, without brackets, such as SwiftXRT.get_source; got {method!r:.60}"
            raise RequestError([("method", text)])
        wanted = _listed(items)
        for one in wanted[:1]:
            check_call(method, (one,), options)
        with side_by_side(min(max(1, int(conf.max_connections)), max(1, len(wanted)))) as workers:
            futures = [workers.submit(_one, method, item, options) for item in wanted]
            return Outcomes(map(Future.result, futures))


def _listed(items: Any) -> list[Any]:
    """Objects one by one; tables are iterable without saying so."""
    if not isinstance(items, str | bytes | Mapping | Row):
        try:
            iterator = iter(items)
        except TypeError:
            iterator = None
        if iterator is not None:
            return list(iterator)
    raise RequestError([("items", f"a list of objects, or a table, is needed; got {items!r:.60}")])


def _one(method: Callable[..., Any], item: Any, options: dict[str, Any]) -> Outcome:
    try:
        return Outcome(item, method(item, **options))
    except SwiftXRTError as error:
        return Outcome(item, error=error)
