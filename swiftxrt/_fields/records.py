"""Request classes: immutable records made of checked fields."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from ..exceptions import RequestError
from .base import Kind, nearest
from .document import docstring_of, signature_of
from .values import Many

__all__ = ["Nested", "Record", "further_problems", "par", "problems_of", "record", "wire_keys"]

T = TypeVar("T")
Problems = list[tuple[str, str]]


def par(
    text: str,
    kind: Kind,
    *,
    default: Any = dataclasses.MISSING,
    wire: str | tuple[str, ...] | None = None,
    service_default: Any = None,
    note: str = "",
) -> Any:
    """Declare a field of a `record`.

    Parameters
    ----------
    text : str
        One sentence for the documentation.
    kind : Kind
        Check and conversion.
    default : object, optional
        Value when not given, or given as `None`; without it a value must be
        given. `None` means "not set": nothing is sent, the service decides.
    wire : str or tuple of str, optional
        Key, or keys, in the service's protocol.
    service_default : object, optional
        What the service documents for "not set"; the local engine uses it.
    note : str, optional
        Where the documentation of the service disagrees with its code or its
        replies, and what is sent: sentences for the documentation tables.
    """
    required = default is dataclasses.MISSING
    if service_default is not None:
        service_default = kind.convert(service_default)
    if not required and default is not None:
        default = kind.convert(default)
    metadata = {
        "text": text,
        "kind": kind,
        "wire": wire,
        "service_default": service_default,
        "required": required,
        "note": note,
    }
    return dataclasses.field(default=None if required else default, metadata=metadata)


class Record:
    """Base of all request classes: immutable, compared by value, hashable.

    Subclasses are made with the `record` decorator.
    """

    __record_fields__: ClassVar[tuple[dataclasses.Field[Any], ...]] = ()

    #: Names that might be expected here, and where they are instead.
    _elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def _check_given(cls, names: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield (field, message) for rules about which fields are given, whatever their values."""
        yield from ()

    def _check(self) -> Iterator[tuple[str, str]]:
        """Yield (field, message) for rules that concern several fields."""
        yield from ()

    @classmethod
    def _meant_by(cls, value: Any) -> str:
        """The code that makes an object of this class of something else, or an empty text."""
        return ""

    @classmethod
    def _derive(cls, values: dict[str, Any]) -> None:
        """Change checked values that follow from others, before the object is made."""

    def to_dict(self) -> dict[str, Any]:
        """The set fields as plain values (texts, numbers, lists, mappings) for JSON or YAML."""
        plain = {}
        for field in self.__record_fields__:
            value = getattr(self, field.name)
            if value is not None:
                plain[field.name] = field.metadata["kind"].to_plain(value)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuild an object from the form that `to_dict` gives.

        Raises
        ------
        RequestError
            With all problems at once; unknown keys are problems.
        """
        problems: Problems = []
        values: dict[str, Any] = {}
        kinds = {field.name: field.metadata["kind"] for field in cls.__record_fields__}
        for name, item in plain.items():
            if name not in kinds:
                problems.append((str(name), unknown_field(cls, str(name))))
                continue
            try:
                values[name] = None if item is None else kinds[name].from_plain(item)
            except ValueError as error:
                problems += problems_of(name, error)
        if problems:
            problems += cls._check_given(_given(plain))
        try:
            made = cls(**values)
        except RequestError as error:
            problems += further_problems(problems, error.problems)
        if problems:
            raise RequestError(problems, cls.__name__)
        return made

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        values = {field.name: getattr(self, field.name) for field in self.__record_fields__}
        return type(self)(**{**values, **changes})

    def with_defaults(self) -> Self:
        """A copy in which unset fields hold the values that the service documents for them."""
        changes = {}
        for field in self.__record_fields__:
            value = getattr(self, field.name)
            if value is None:
                value = field.metadata["service_default"]
            changes[field.name] = value.with_defaults() if isinstance(value, Record) else value
        return self.replace(**changes)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, the same in every process and version of Python."""
        text = json.dumps([type(self).__name__, self.to_dict()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={field.metadata['kind'].show(getattr(self, field.name))}"
            for field in self.__record_fields__
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({shown})"


def unknown_field(cls: type[Record], name: str) -> str:
    """What to say about a field that a record class does not have."""
    names = _names_of(cls)
    known = next((field.name for field in cls.__record_fields__ if name in wire_keys(field)), None)
    hint = f"; what the service calls {name!r} is {known!r} here" if known else nearest(name, names)
    if name in cls._elsewhere:
        return f"{cls.__name__} has no such parameter: {cls._elsewhere[name]}"
    return f"{cls.__name__} has no such parameter{hint} (it has {', '.join(names) or 'none'})"


def _names_of(cls: type[Record]) -> list[str]:
    return [field.name for field in cls.__record_fields__]


def wire_keys(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """The keys of a field in the service's protocol."""
    wire = field.metadata["wire"] or ()
    return (wire,) if isinstance(wire, str) else wire


def further_problems(found: Problems, others: Iterable[tuple[str, str]]) -> Problems:
    """Those of `others` that do not merely follow from what was found before.

    A field that could not be read is taken as not given by the checks that
    come later, so what they say about it, or about the whole, is dropped.
    """
    bad = {name.split(".")[0] for name, _ in found}
    return [(name, text) for name, text in others if not bad or name.split(".")[0] not in bad | {""}]


def problems_of(name: str, error: ValueError) -> Problems:
    """The problems an error speaks of, as those of the field `name` (`RequestError` is a `ValueError`)."""
    if isinstance(error, RequestError):
        return [(".".join(filter(None, (name, inner))), text) for inner, text in error.problems]
    return [(name, str(error))]


def _given(values: Mapping[str, Any]) -> set[str]:
    return {name for name, value in values.items() if value is not None}


def _missing(cls: type[Record], values: Mapping[str, Any]) -> Problems:
    return [
        (field.name, f"is needed: {field.metadata['text']}")
        for field in cls.__record_fields__
        if field.metadata["required"] and values.get(field.name) is None
    ]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(par,))
def record(cls: type[T] | None = None, *, positional: str | None = None) -> Any:
    """Turn a class with `par` fields into a frozen, checked, keyword-only record.

    Parameters
    ----------
    cls : type
        The class.
    positional : str, optional
        A field that may also be given without its name; with a leading ``*``
        it takes all positional arguments as a tuple.
    """
    if cls is None:
        return lambda klass: record(klass, positional=positional)
    made: Any = dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)
    made.__record_fields__ = dataclasses.fields(made)
    generated_init = made.__init__

    needed = {field.name for field in made.__record_fields__ if field.metadata["required"]}

    def __init__(self: Any, *args: Any, **values: Any) -> None:
        problems = _take_positional(made, positional, args, values)
        problems += made._check_given(_given(values))
        problems += _convert(made, values)
        if all(values.get(name) is not None for name in needed):
            made._derive(values)
            generated_init(self, **{field.name: values[field.name] for field in made.__record_fields__})
            problems += further_problems(problems, self._check())
        if problems:
            raise RequestError(problems, made.__name__)

    made.__init__ = __init__
    made.__signature__ = signature_of(made, positional)
    made.__doc__ = docstring_of(made)
    return made


def _take_positional(
    cls: type[Record], positional: str | None, args: tuple[Any, ...], values: dict[str, Any]
) -> Problems:
    """Put positional arguments among the named values; return what is wrong with them."""
    if not args:
        return []
    if positional is None:
        names = _names_of(cls)
        hint = f"parameters are given by name ({', '.join(names)})" if names else f"{cls.__name__} takes no parameters"
        return [("", f"{hint}; got {args[0]!r}")]
    name = positional.lstrip("*")
    takes_all = positional.startswith("*")
    repeated = name in values or (len(args) > 1 and not takes_all)
    values[name] = args if takes_all else args[0]
    if repeated:
        return [(name, "given more than once; all other parameters are given by name")]
    kinds = {field.name: field.metadata["kind"] for field in cls.__record_fields__}
    if takes_all and len(args) == 1 and isinstance(args[0], list | tuple) and isinstance(kinds[name], Many):
        values[name] = args[0]  # what is in it is checked nevertheless
        return [(name, f"are given one by one, {cls.__name__}(*{name}), or by name, {cls.__name__}({name}={name})")]
    return []


def _convert(cls: type[Record], values: dict[str, Any]) -> Problems:
    """Convert values in place and fill in defaults, also for what cannot be used; return all problems."""
    problems = [(name, unknown_field(cls, name)) for name in values if name not in _names_of(cls)]
    problems += _missing(cls, values)
    for field in cls.__record_fields__:
        name = field.name
        if values.get(name) is None:
            values[name] = field.default
            continue
        try:
            values[name] = field.metadata["kind"].convert(values[name])
        except ValueError as error:
            problems += _empty(field, values[name]) or problems_of(name, error)
            values[name] = field.default
    return problems


def _empty(field: dataclasses.Field[Any], value: Any) -> Problems:
    """What to say about an empty list for a parameter that can be left out."""
    if field.metadata["required"] or not isinstance(value, list | tuple) or value:
        return []
    return [(field.name, "must not be empty; leave it out, or give None, for the default")]


class Nested(Kind):
    """An object of one of several record classes; tagged with its class in plain form."""

    def __init__(self, *classes: type[Record]) -> None:
        self.classes = classes

    def convert(self, value: Any) -> Record:
        if isinstance(value, self.classes):
            return value
        names = [cls.__name__ for cls in self.classes]
        given = value.__name__ + " (the class itself)" if isinstance(value, type) else repr(value)
        raise ValueError(f"an object of {' or '.join(names)} is needed; got {given}{self._hint(value, names)}")

    def _hint(self, value: Any, names: list[str]) -> str:
        """What was probably meant by something that is no object of the classes."""
        meant = next(filter(None, (cls._meant_by(value) for cls in self.classes)), "")
        if meant:
            return f"; write {meant}"
        return nearest(value, names) if isinstance(value, str) else ""

    def to_plain(self, value: Record) -> dict[str, Any]:
        plain = value.to_dict()
        return plain if len(self.classes) == 1 else {"type": type(value).__name__, **plain}

    def from_plain(self, value: Any) -> Record:
        if isinstance(value, self.classes):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"a mapping of fields is needed; got {value!r}")
        fields = dict(value)
        if len(self.classes) == 1:
            return self.classes[0].from_dict(fields)
        names = {cls.__name__: cls for cls in self.classes}
        tag = fields.pop("type", None)
        if tag is None:
            fitting = [name for name, cls in names.items() if fields and fields.keys() <= set(_names_of(cls))]
            hint = f"; what is given fits 'type: {fitting[0]}'" if len(fitting) == 1 else ""
            raise ValueError(f"'type' is missing, which must be one of {', '.join(names)}{hint}")
        if not isinstance(tag, str) or tag not in names:
            hint = nearest(tag, names) if isinstance(tag, str) else ""
            raise ValueError(f"'type' must be one of {', '.join(names)}; got {tag!r}{hint}")
        return names[tag].from_dict(fields)

    def describe(self) -> str:
        return " or ".join(f"`~swiftxrt.{cls.__name__}`" for cls in self.classes)
