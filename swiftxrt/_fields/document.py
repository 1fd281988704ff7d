"""What users read about fields: signatures, docstrings and tables."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .records import Record

__all__ = ["docstring_of", "parameter_table", "signature_of"]

# Sections that numpydoc wants after the parameters.
_LATER_SECTIONS = ("Raises", "See Also", "Notes", "Examples")


def signature_of(cls: type[Record], positional: str | None) -> inspect.Signature:
    """The signature for help() and documentation: the fields, by name."""
    star, name = ("*", positional[1:]) if positional and positional.startswith("*") else ("", positional)
    first: list[inspect.Parameter] = []
    others: list[inspect.Parameter] = []
    for field in cls.__record_fields__:
        if field.name == name and star:
            first.append(inspect.Parameter(field.name, inspect.Parameter.VAR_POSITIONAL))
            continue
        default = inspect.Parameter.empty if field.metadata["required"] else field.default
        is_first = field.name == name
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if is_first else inspect.Parameter.KEYWORD_ONLY
        (first if is_first else others).append(
            inspect.Parameter(field.name, kind, default=default, annotation=field.type)
        )
    return inspect.Signature(first + others)


def docstring_of(cls: type[Record]) -> str:
    """The docstring of a class with a section about its fields."""
    lines = inspect.cleandoc(cls.__doc__ or "").splitlines()
    section = ["Parameters", "----------"]
    for field in cls.__record_fields__:
        needed = "" if field.metadata["required"] else ", optional"
        section += [f"{field.name} : {field.metadata['kind'].describe()}{needed}", f"    {field.metadata['text']}"]
        default = _default_text(field)
        section += [f"    Default: {default}."] if default else []
    if len(section) == 2:
        return "\n".join(lines)
    later = (number for number, line in enumerate(lines) if line in _LATER_SECTIONS)
    at = next(later, len(lines))
    head = [*lines[:at], ""] if at == len(lines) else lines[:at]
    return "\n".join([*head, *section, "", *lines[at:]]).rstrip()


def _default_text(field: dataclasses.Field[Any]) -> str:
    """The default of a field in words, or an empty text if it must be given."""
    kind, service_default = field.metadata["kind"], field.metadata["service_default"]

    def shown(value: Any) -> str:
        plain = kind.to_plain(value)
        if isinstance(plain, Mapping):
            return f"``{value!r}``"
        return f"``{', '.join(map(str, plain)) if isinstance(plain, list) else plain}``"

    if field.metadata["required"]:
        return ""
    if field.default is not None:
        return shown(field.default)
    return f"left to the service ({shown(service_default)})" if service_default is not None else "not set"


def parameter_table(cls: type[Record]) -> str:
    """The parameters of a request class as a table in reStructuredText.

    Parameters
    ----------
    cls : type
        A request class.

    Returns
    -------
    table : str
        A ``list-table`` with name, allowed values, default, key of the
        service and meaning of each parameter, and with the note on it, if
        there is one.
    """
    rows = [("Parameter", "Values", "Default", "Key of the service", "Meaning")]
    for field in cls.__record_fields__:
        wire, note = field.metadata["wire"] or (), field.metadata["note"]
        keys = (wire,) if isinstance(wire, str) else wire
        rows.append(
            (
                f"``{field.name}``",
                field.metadata["kind"].describe(),
                _default_text(field) or "needed",
                ", ".join(f"``{key}``" for key in keys) or "–",
                f"{field.metadata['text']} *Note:* {note}" if note else field.metadata["text"],
            )
        )
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(row)]
    return "\n".join(lines) + "\n"
