"""Help for tests of code that uses this package: simulated observations, an embedded server, scripted faults."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import faults
    from .examples import simulate_nova
    from .faults import FaultPlan
    from .heasarc import heasarc_server
    from .server import embedded_server
    from .synthetic import simulate, small_observation, small_scene

__all__ = [
    "FaultPlan",
    "embedded_server",
    "faults",
    "heasarc_server",
    "simulate",
    "simulate_nova",
    "small_observation",
    "small_scene",
]

_MODULES = {
    "FaultPlan": "faults",
    "embedded_server": "server",
    "heasarc_server": "heasarc",
    "simulate": "synthetic",
    "simulate_nova": "examples",
    "small_observation": "synthetic",
    "small_scene": "synthetic",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the server needs packages that not everybody has."""
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    if name == "faults":
        return import_module(".faults", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
