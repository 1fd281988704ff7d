"""YAML and JSON texts that people write by hand: nothing in them is lost or guessed."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Hashable
from typing import Any

import yaml

from ..exceptions import RequestError

__all__ = ["dump_json", "dump_yaml", "parse_json", "parse_yaml"]

#: Far more values than any request has; a few lines of YAML that refer to each other can stand for billions.
_MOST_VALUES = 100_000
_shown = reprlib.Repr()


def dump_yaml(plain: dict[str, Any]) -> str:
    """Plain values as YAML, in their order."""
    return str(yaml.dump(plain, Dumper=_QuotingDumper, sort_keys=False, allow_unicode=True))


def dump_json(plain: dict[str, Any]) -> str:
    """Plain values as JSON, in their order, one per line."""
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse_yaml(text: Any, what: str) -> dict[str, Any]:
    """Read a YAML text that holds values by name.

    Raises
    ------
    RequestError
        If it is anything else, or a name comes twice.
    """
    try:
        plain = yaml.load(_checked(text, "YAML", what), Loader=_StrictLoader)
    # PyYAML raises the others over values that are not of the type they are marked with.
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise RequestError(f"this is not YAML: {error}", what) from error
    return _mapping(plain, "YAML", what)


def parse_json(text: Any, what: str) -> dict[str, Any]:
    """Read a JSON text that holds values by name.

    Raises
    ------
    RequestError
        If it is anything else, or a name comes twice.
    """
    try:
        plain = json.loads(_checked(text, "JSON", what), object_pairs_hook=_once, parse_constant=_no_constant)
    except (RecursionError, ValueError) as error:
        raise RequestError(f"this is not JSON: {error}", what) from error
    return _mapping(plain, "JSON", what)


def _checked(text: Any, form: str, what: str) -> str:
    if not isinstance(text, str):
        raise RequestError(f"a {form} text is needed; got {_shown.repr(text)}; files are read by {what}.read", what)
    return text


def _mapping(plain: Any, form: str, what: str) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise RequestError(
            f"the {form} must hold the parameters by name; got {_shown.repr(plain)}; files are read by {what}.read",
            what,
        )
    todo: list[Any] = [plain]
    seen = 0
    while todo:
        value = todo.pop()
        seen += 1
        if seen > _MOST_VALUES:
            raise RequestError(f"the {form} holds more than {_MOST_VALUES} values; no request has so many", what)
        if isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
    return plain


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is given twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


class _QuotingDumper(yaml.SafeDumper):
    """YAML in which texts of digits stand in quotes, whatever version of YAML their reader speaks."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.isdecimal() else None)


_QuotingDumper.add_representer(str, _quoted)


class _StrictLoader(yaml.SafeLoader):
    """YAML in which no key may be given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        lines = [key.start_mark.line + 1 for key, _ in node.value]
        for number, key in enumerate(keys):
            first = keys.index(key)
            if first < number:
                raise ValueError(f"{key!r} is given twice, in lines {lines[first]} and {lines[number]}")
        return super().construct_mapping(node, deep)
