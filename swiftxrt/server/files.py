"""Product files and archives for download, made when first asked for."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from ..exceptions import JobLostError, ProductNotAvailableError
from ..io.packages import pack_folder, write_missing_files, write_service_files
from ..jobs.job import ARCHIVE_FORMATS
from ..jobs.protocol import HostingBackend, JobHandle
from ..kinds import ProductKind
from ..products.report import Phase
from .refusals import without_paths

__all__ = ["ProductFiles"]

_LOCKS = 64
_ALL = "all"


class ProductFiles:
    """Files of finished products, in the layout of the service.

    Parameters
    ----------
    backend : HostingBackend
        What built the products.
    folder : Path
        Where files are kept.
    """

    def __init__(self, backend: HostingBackend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        # One client's archive does not wait for another's; the number is fixed, as jobs are many.
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def find(self, job_id: str, name: str) -> Path | None:
        """The file behind ``USERPROD_<job_id>/<name>``, or `None`.

        Parameters
        ----------
        job_id : str
            The job.
        name : str
            ``lc.tar.gz``, ``all.zip`` or the path of a single file such as
            ``lc/PCCURVE.qdp``.
        """
        try:
            handle = self.backend.recall(job_id)
        except JobLostError:
            return None
        stem, _, suffix = name.partition(".")
        with self._lock(handle.id):
            if "/" not in name and suffix in ARCHIVE_FORMATS:
                return self._archive(handle, stem, suffix)
            return self._single(handle, name)

    def forget(self, job_id: str) -> None:
        """Remove all files of a job; those a client is just fetching reach it in whole."""
        with self._lock(job_id):
            shutil.rmtree(self.folder / job_id, ignore_errors=True)

    def _lock(self, job_id: str) -> threading.Lock:
        return self._locks[hash(job_id) % _LOCKS]

    def _archive(self, handle: JobHandle, stem: str, suffix: str) -> Path | None:
        root = self.folder / handle.id / f"USERPROD_{handle.id}"
        wanted = [kind for kind in self._finished(handle) if stem in (kind.code, _ALL)]
        kinds = [kind for kind in wanted if self._write(handle, kind)]
        if not kinds:
            return None
        # Products may still be on their way: what is packed now is not all there will be.
        packed = "-".join(kind.code for kind in kinds)
        path = self.folder / handle.id / f"{packed}.{suffix}"
        if not path.exists():
            pack_folder(root.parent, [Path(root.name) / kind.code for kind in kinds], path)
        return path

    def _single(self, handle: JobHandle, name: str) -> Path | None:
        root = self.folder / handle.id / f"USERPROD_{handle.id}"
        code = name.partition("/")[0]
        for kind in self._finished(handle):
            if kind.code == code:
                self._write(handle, kind)
        try:
            path = (root / name).resolve()
            return path if path.is_relative_to(root.resolve()) and path.is_file() else None
        except (OSError, ValueError):  # names that no file can have: too long, or with a null byte
            return None

    def _finished(self, handle: JobHandle) -> list[ProductKind]:
        products = self.backend.poll(handle).products
        return [kind for kind, status in products.items() if status.phase.is_final]

    def _write(self, handle: JobHandle, kind: ProductKind) -> bool:
        """Put the files of a product in place; of one that could not be made, the reason.

        Returns
        -------
        written : bool
            False if the product was made, but is no longer kept.
        """
        folder = self.folder / handle.id / f"USERPROD_{handle.id}" / kind.code
        if folder.exists():
            return True
        try:
            product = self.backend.collect(handle, kind)
        except ProductNotAvailableError as error:
            if self.backend.poll(handle).products[kind].phase is Phase.COMPLETED:
                return False
            write_missing_files(kind, without_paths(error.reason), folder)
            return True
        write_service_files(kind, product, folder, handle.request)
        return True
