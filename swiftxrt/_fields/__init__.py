"""Typed fields of request classes: the one place where a parameter is defined.

A request class is a frozen dataclass made by `record`. Each field is declared
with `par`, which takes a sentence of documentation, a *kind* (how a value is
checked and converted), the default, the key on the wire and the value that the
service documents for "not given". From that one line come the check at
construction, the plain form for YAML and JSON, the wire form and the tables
in the documentation.
"""

from __future__ import annotations

from .document import parameter_table
from .records import Nested, Record, par, problems_of, record
from .values import Band, Choice, Flag, Identifier, Integer, Kind, Many, Measure, Number, Pair, Text, Words, nearest

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
    "nearest",
    "par",
    "parameter_table",
    "problems_of",
    "record",
]
