"""Calls with arguments that do not fit: refused as requests are, in words that help."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ._fields.base import nearest
from .exceptions import RequestError

__all__ = ["check_call", "clear_calls"]

_T = TypeVar("_T")

_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_ROLE = re.compile(r"`~?(?:[\w.]*\.)?(\w+)`")
_BARE = r"\1"
_Parameters = Mapping[str, inspect.Parameter]


def clear_calls(kind: type[_T]) -> type[_T]:
    """Decorate a class so that a call of a public method with arguments that do not fit is a `RequestError`.

    Python's own `TypeError` names the class that defines a method, which need
    not be one that users know, and not what an argument should be.

    Examples
    --------
    >>> from swiftxrt._calls import clear_calls
    >>> @clear_calls
    ... class Shop:
    ...     def sell(self, item, *, number=1):
    ...         return f"{number} {item}"
    >>> Shop().sell("pear", nmber=2)
    Traceback (most recent call last):
        ...
    swiftxrt.exceptions.RequestError: sell() cannot be used as given: nmber: there is no such argument; did you mean ...
    """
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _clear(method))
    return kind


def _clear(method: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError:
            raise _refusal(method, list(signature.parameters.values())[1:], args, kwargs) from None
        return method(self, *args, **kwargs)

    return call


def check_call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Check that a function can be called so, as far as it tells its parameters.

    Raises
    ------
    RequestError
        If it cannot.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C do not tell
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        raise _refusal(function, list(signature.parameters.values()), args, kwargs) from None


def _refusal(
    function: Callable[..., Any],
    parameters: Sequence[inspect.Parameter],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> RequestError:
    name = getattr(function, "__name__", "the function")
    by_name = {one.name: one for one in parameters}
    return RequestError(_problems(function, by_name, args, kwargs), f"{name}()")


def _problems(
    function: Callable[..., Any], parameters: _Parameters, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the arguments, in words."""
    kinds = {one.kind for one in parameters.values()}
    named = [name for name, one in parameters.items() if one.kind not in _VARIABLE]
    placed = [name for name in named if parameters[name].kind in _PLACED]
    if len(args) > len(placed) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        yield "", _too_many(function, placed, [name for name in named if name not in placed], args)
    given = placed[: len(args)]
    for word in kwargs:
        if word in given:
            yield word, "is given twice, by its place and by its name"
        elif word not in named and inspect.Parameter.VAR_KEYWORD not in kinds:
            yield word, f"there is no such argument{nearest(word, named)}; there are {', '.join(named) or 'none'}"
    for name in named if len(args) <= len(placed) else ():
        if parameters[name].default is inspect.Parameter.empty and name not in (*given, *kwargs):
            yield name, f"is needed{_told(function, name)}"


def _too_many(function: Callable[..., Any], placed: Sequence[str], others: Sequence[str], args: Sequence[Any]) -> str:
    shown = ", ".join(" ".join(repr(one).split())[:40] for one in args)
    number = {0: "no argument", 1: "one argument"}.get(len(placed), f"{len(placed)} arguments")
    which = ", ".join(f"{name}{_told(function, name)}" for name in placed)
    rest = f"; give others by name: {', '.join(f'{name}=' for name in others)}" if others else ""
    return f"{number} can be given without a name{which and f' ({which})'}; got {len(args)}: {shown:.160}{rest}"


def _told(function: Callable[..., Any], name: str) -> str:
    """What an argument should be, as far as the documentation of the function tells."""
    match = re.search(rf"^\s*{name} : (.+)$", inspect.getdoc(function) or "", re.MULTILINE)
    return f": {_ROLE.sub(_BARE, match[1]).removesuffix(', optional')}" if match else ""
