"""Answers the functions of the service's catalogue interface from observations on disk."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...._atomic import atomic_path
from ...._fields import nearest
from ....catalog_fields import CatalogInfo
from ....exceptions import RequestRejectedError, ServiceError
from ....jobs.protocol import HostingBackend
from ....products.calibration import Calibration
from ..archive import Archive
from . import bursts, curves, images, limits, objects, spectra, table_files, tables
from .build import burst_digest, catalog_digest, open_catalog
from .burst_products import BurstProducts
from .burst_tables import burst_tables
from .current import CurrentStore
from .observation_files import FOLDER, observation_file
from .store import CatalogStore

__all__ = ["FUNCTIONS", "LocalCatalog"]

#: The functions by name: each makes the content of a reply of the catalogue, the arguments and the address of files.
FUNCTIONS: Mapping[str, Callable[[Any, Mapping[str, Any], str], dict[str, Any]]] = {
    name: function
    for module in (tables, table_files, objects, curves, spectra, images, limits, bursts)
    for name, function in module.FUNCTIONS.items()
}

_HERE = "local:"
#: Where files of the catalogue are, below the address of a server.
FILES = "catalog_files"


class LocalCatalog:
    """The catalogue of the observations in a folder; made of them when it is first asked for, and when they change.

    Parameters
    ----------
    archive : Archive
        The observations.
    folder : Path
        Where the catalogue and files made of it are kept.
    calibration : Calibration
        Of the engine.
    jobs : HostingBackend, optional
        Who makes products of bursts.
    """

    name = "local"

    def __init__(
        self, archive: Archive, folder: Path, calibration: Calibration, jobs: HostingBackend | None = None
    ) -> None:
        self.archive = archive
        self.folder = folder
        self.calibration = calibration
        self.bursts = BurstProducts(archive, folder / "bursts", jobs)
        self._sources = CurrentStore(
            lambda: open_catalog(archive, folder, calibration),
            lambda: catalog_digest(archive, archive.observations, calibration),
        )
        self._burst_tables = CurrentStore(
            lambda: burst_tables(archive), lambda: burst_digest(archive, archive.observations)
        )
        #: Held while a product is made, so that nobody makes the same twice.
        self.making = threading.Lock()
        #: The same for positions of bursts.
        self.filling = threading.Lock()

    @property
    def service(self) -> str:
        """The folder with the observations."""
        return str(self.archive.folder.absolute())

    @property
    def store(self) -> CatalogStore:
        """The rows of the catalogue of sources; built, or built again, if it does not go with the observations.

        Raises
        ------
        NoDataError
            If there are no observations.
        """
        return self._sources.get()

    @property
    def burst_store(self) -> CatalogStore:
        """The rows of the tables of bursts, for which no source need be looked for."""
        return self._burst_tables.get()

    def store_of(self, info: CatalogInfo) -> CatalogStore:
        """The rows of a catalogue."""
        return self.store if info.is_sxps else self.burst_store

    def opened_store(self, info: CatalogInfo) -> CatalogStore | None:
        """The same if they are there already."""
        return (self._sources if info.is_sxps else self._burst_tables).opened

    @contextmanager
    def question(self) -> Iterator[None]:
        """While it lasts, this thread sees one state of the catalogue."""
        with self._sources.pinned(), self._burst_tables.pinned():
            yield

    @property
    def files(self) -> Path:
        """Where the files are that replies name; their addresses are relative to it."""
        return self.folder / "files"

    @staticmethod
    def files_address(base_url: str) -> str:
        """Address below which all files are."""
        return f"{base_url}/{FILES}"

    def address(self, path: Path, base_url: str) -> str:
        """Address of one of `files` as a reply names it."""
        return f"{self.files_address(base_url)}/{path.relative_to(self.files).as_posix()}"

    def answer(self, function: str, content: Mapping[str, Any], base_url: str = _HERE) -> dict[str, Any]:
        """The content of the reply to a call.

        Parameters
        ----------
        function : str
            Name of the function.
        content : mapping
            Its arguments.
        base_url : str, optional
            Address under which the client sees the server.

        Raises
        ------
        SwiftXRTError
            If it cannot be answered; `UnknownObjectError` if there is no such thing.
        """
        if function not in FUNCTIONS:
            raise RequestRejectedError(f"there is no function {function!r:.60}{nearest(function, FUNCTIONS)}")
        with self.question():
            return FUNCTIONS[function](self, content, base_url)

    def ask(
        self, function: str, content: Mapping[str, Any], *, deadline_s: float | None = None, keep: Path | None = None
    ) -> dict[str, Any]:
        """Call a function; see `swiftxrt.catalog.protocol.CatalogBackend.ask`."""
        # Through JSON, as from a service: what a client gets is what was sent, and nobody shares a list with the store.
        text = json.dumps(self.answer(function, content))
        if keep is not None:
            with atomic_path(keep, overwrite=True) as temporary:
                temporary.write_text(text, encoding="ascii")
        return dict(json.loads(text))

    def find(self, name: str) -> Path | None:
        """The file behind an address below ``catalog_files``, or None."""
        first, _, rest = name.partition("/")
        if first == FOLDER:
            return observation_file(self.archive, rest)
        root = self.files.resolve()
        try:
            path = (root / name).resolve()
            return path if path.is_relative_to(root) and path.is_file() else None
        except (OSError, ValueError):  # names that no file can have: too long, or with a null byte
            return None

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Copy a file; see `swiftxrt.catalog.protocol.CatalogBackend.fetch`."""
        found = self.find(url.removeprefix(f"{_HERE}/{FILES}/")) if url.startswith(_HERE) else None
        if found is None:
            raise ServiceError(f"there is no file {url:.200} in the local catalogue; ask for it again", url=url[:200])
        with atomic_path(path, overwrite) as temporary:
            shutil.copyfile(found, temporary)
        return path

    def close(self) -> None:
        """Give back what is held open."""
        self.bursts.close()
        self._sources.close()
        self._burst_tables.close()
