"""Product files and archives for download, made when first asked for."""

from __future__ import annotations

import threading
from pathlib import Path

from ..exceptions import JobLostError, ProductNotAvailableError
from ..io.packages import pack_folder, write_service_files
from ..jobs.job import ARCHIVE_FORMATS
from ..jobs.protocol import HostingBackend, JobHandle
from ..kinds import ProductKind

__all__ = ["ProductFiles"]


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
        self._lock = threading.Lock()

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
        with self._lock:
            if "/" not in name and suffix in ARCHIVE_FORMATS:
                return self._archive(handle, stem, suffix)
            return self._single(handle, name)

    def _archive(self, handle: JobHandle, stem: str, suffix: str) -> Path | None:
        root = self.folder / handle.id / f"USERPROD_{handle.id}"
        if stem == "all":
            kinds = self._finished(handle)
        else:
            kinds = [kind for kind in self._finished(handle) if kind.code == stem]
        if not kinds:
            return None
        for kind in kinds:
            self._write(handle, kind)
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

    def _write(self, handle: JobHandle, kind: ProductKind) -> None:
        folder = self.folder / handle.id / f"USERPROD_{handle.id}" / kind.code
        if folder.exists():
            return
        try:
            product = self.backend.collect(handle, kind)
        except ProductNotAvailableError as error:
            folder.mkdir(parents=True)
            (folder / "README.txt").write_text(f"{error}\n", encoding="utf-8")
            return
        write_service_files(kind, product, folder, handle.request)
