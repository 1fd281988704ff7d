"""Typed fields of request classes: the one place where a parameter is defined.

A request class is a frozen dataclass made by `record`. Each field is declared
with `par`, which takes a sentence of documentation, a *kind* (how a value is
checked and converted), the default, the key on the wire and the value that the
service documents for "not given". From that one line come the check at
construction, the plain form for YAML and JSON, the wire form and the tables
in the documentation.
"""

from __future__ import annotations

from .base import Kind, Pair, nearest
from .document import parameter_table
from .numbers import Integer, Measure, Number
from .records import Nested, Record, further_problems, par, problems_of, record, wire_keys
from .values import Band, Choice, Flag, Identifier, Many, Text, Words

__all__ = [
    "Band",
    "Choice",
    "Flag",
    "Identifier",
    "Integer",
    "Kind",
    "Many",
    "Measure",
    "Nested",
    "Number",
    "Pair",
    "Record",
    "Text",
    "Words",
    "further_problems",
    "nearest",
    "par",
    "parameter_table",
    "problems_of",
    "record",
    "wire_keys",
]
