"""What a place must offer so that catalogues and ready-made products can be had from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["CatalogBackend"]


class CatalogBackend(Protocol):
    """A place that answers the functions of the service's catalogue interface.

    The service itself, an embedded one, or a folder with observations: all
    understand the same questions, so what is made of the answers is written
    once, in this package. May be used in several threads.
    """

    name: str

    @property
    def service(self) -> str:
        """Where it is, such as the address of a service."""
        ...

    def ask(
        self, function: str, content: Mapping[str, Any], *, deadline_s: float | None = None, keep: Path | None = None
    ) -> dict[str, Any]:
        """Call a function and return the content of the reply, without its envelope.

        Parameters
        ----------
        function : str
            Name of the function, as ``"queryDB"``.
        content : mapping
            Its arguments.
        deadline_s : float, optional
            Seconds that it may take with all repetitions; by default ``conf.total_timeout``.
        keep : Path, optional
            Where the reply is written, as it came, before it is read: for
            replies that exist only once.

        Raises
        ------
        UnknownObjectError
            If there is no such thing.
        RequestRejectedError
            If it was refused for another reason.
        ServiceError
            If there is no answer, or none that can be used.
        """
        ...

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Download a file that a reply names; it appears complete or not at all.

        Raises
        ------
        ServiceError
            If it lies outside the service, or cannot be had.
        OutputExistsError
            If the file exists and `overwrite` is False.
        StorageError
            If it cannot be written.
        """
        ...

    def close(self) -> None:
        """Give back what is held open; a second call does nothing."""
        ...
