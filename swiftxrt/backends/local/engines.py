"""What makes products on this machine: the engine of this package, or HEASoft."""

from __future__ import annotations

from typing import Any

from ..._fields import nearest
from ...engine import build as own_engine
from ...exceptions import RequestError
from .heasoft import build as heasoft_engine
from .heasoft.installation import find_heasoft

__all__ = ["ENGINES", "check_engine"]

#: Modules with ``build_product`` and ``step_labels``, by name.
ENGINES: dict[str, Any] = {"swiftxrt": own_engine, "heasoft": heasoft_engine}


def check_engine(name: Any) -> str:
    """Refuse what is no engine, or is not installed.

    Parameters
    ----------
    name : {"swiftxrt", "heasoft"}
        The engine.

    Returns
    -------
    name : str
        As given.

    Raises
    ------
    RequestError
        If there is no such engine.
    HEASoftError
        If HEASoft is asked for and is not there.
    """
    if not isinstance(name, str) or name not in ENGINES:
        hint = nearest(name, ENGINES) if isinstance(name, str) else ""
        raise RequestError([("engine", f"must be one of {', '.join(map(repr, ENGINES))}; got {name!r}{hint}")])
    if name == "heasoft":
        find_heasoft()
    return name
