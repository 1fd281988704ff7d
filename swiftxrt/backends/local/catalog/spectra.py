"""Spectra of catalogued sources and transients, in the words of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FUNCTIONS"]

FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {}
