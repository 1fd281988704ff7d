"""Backends by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .._fields import nearest
from ..catalog.protocol import CatalogBackend
from ..config import conf
from ..exceptions import RequestError
from ..jobs.protocol import ProductBackend

__all__ = ["check_backend", "make_backend", "make_catalog"]

_NAMES = ("ukssdc", "local")


def make_backend(
    name: str,
    *,
    user: str | None = None,
    archive: str | Path | None = None,
    **options: Any,
) -> ProductBackend:
    """Make a backend.

    Parameters
    ----------
    name : {"ukssdc", "local"}
        Which one.
    user : str, optional
        Registered e-mail address, for the service.
    archive : path-like, optional
        Folder with observations, for the local engine; by default
        ``conf.archive`` or the environment variable ``SWIFTXRT_ARCHIVE``.
    **options
        Of the local engine: ``state``, ``caldb``, ``reference_catalog`` and
        ``engine``, see `swiftxrt.SwiftXRTClass`; `None` where they are not given.

    Raises
    ------
    RequestError
        If the name is unknown or an argument is missing.
    NoDataError
        If there is no calibration of the XRT in `caldb`.
    HEASoftError
        If HEASoft is asked for and is not there.
    """
    check_backend(name, archive=archive, **options)
    if name == "ukssdc":
        from .ukssdc.products import UKSSDCBackend

        return UKSSDCBackend(user=user)
    if name == "local":
        from .local.products import LocalBackend

        folder = archive or conf.archive or os.environ.get("SWIFTXRT_ARCHIVE")
        if not folder:
            raise RequestError(
                [
                    (
                        "archive",
                        "the local backend needs the folder with the observations: SwiftXRT(backend='local', "
                        "archive='...'), conf.archive or SWIFTXRT_ARCHIVE",
                    )
                ]
            )
        return LocalBackend(folder, workers=conf.max_workers or None, **options)
    raise unknown_backend(name)


def make_catalog(name: str, backend: Any = None) -> CatalogBackend:
    """Make the place where catalogues are asked.

    Parameters
    ----------
    name : {"ukssdc", "local"}
        Which one.
    backend : LocalBackend, optional
        The local engine, which has a catalogue of its observations.

    Raises
    ------
    RequestError
        If the name is unknown.
    """
    if name == "ukssdc":
        from .ukssdc.catalog import UKSSDCCatalog

        return UKSSDCCatalog()
    if name == "local":
        catalog: CatalogBackend = backend.catalog
        return catalog
    raise unknown_backend(name)


def check_backend(name: str, **options: Any) -> None:
    """Refuse what is not the name of a backend, and options of another one.

    Parameters
    ----------
    name : str
        The name.
    **options
        Those of the local engine, `None` where they are not given.

    Raises
    ------
    RequestError
        With the names there are, or if an option cannot be used.
    NoDataError, FormatError
        If there is no calibration of the XRT in `caldb`, or a file of it is damaged.
    HEASoftError
        If HEASoft is asked for and is not there.
    """
    if name not in _NAMES:
        raise unknown_backend(name)
    given = [option for option, value in options.items() if value is not None]
    if given and name != "local":
        raise RequestError([(option, f"is for backend='local'; the backend here is {name!r}") for option in given])
    if options.get("reference_catalog") is not None:
        from ..engine.reference_catalog import check_reference_catalog

        check_reference_catalog(options["reference_catalog"])
    if options.get("caldb") is not None:
        from .local.calibration import choose_calibration

        choose_calibration(options["caldb"])
    if options.get("engine") is not None:
        from .local.engines import check_engine

        check_engine(options["engine"])


def unknown_backend(name: object) -> RequestError:
    """What to say about a backend that does not exist."""
    if isinstance(name, str) and "@" in name:  # errors do not repeat addresses
        text = "an e-mail address is given by name: SwiftXRT(user=...); the backend is the first argument"
        return RequestError([("backend", f"must be one of {', '.join(map(repr, _NAMES))}; {text}")])
    hint = nearest(name, _NAMES) if isinstance(name, str) else ""
    return RequestError([("backend", f"must be one of {', '.join(map(repr, _NAMES))}; got {name!r}{hint}")])
