"""Saving the archives of a job, or what is in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from astropy.table import QTable

from .._atomic import output_errors, usable_folder
from .._filenames import safe_name
from ..exceptions import (
    FormatError,
    JobError,
    JobLostError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    RequestError,
    SwiftXRTError,
    warn,
)
from ..io.unpacking import unpack
from ..kinds import ProductKind
from ..products.report import JobReport, Phase
from .downloads import DownloadResult, download_all, results_table
from .protocol import JobHandle, ProductBackend
from .record import JobRecord

__all__ = ["ARCHIVE_FORMATS", "Downloads", "SavingPlan", "not_available"]

ARCHIVE_FORMATS = ("tar.gz", "tar", "zip")


class Downloads(Mapping[ProductKind, Path]):
    """The files of products that were saved, and what became of the others.

    A mapping of product to path, of those that are there.

    Parameters
    ----------
    results : mapping of ProductKind to DownloadResult
        What became of each product.
    plan : SavingPlan
        What was to be done.

    Examples
    --------
    >>> saved = job.download("files")  # doctest: +SKIP
    >>> saved.table["product", "outcome", "error"]  # doctest: +SKIP
    >>> saved = saved.retry() if saved.failed else saved  # doctest: +SKIP
    """

    def __init__(self, results: Mapping[ProductKind, DownloadResult], plan: SavingPlan) -> None:
        self._results = dict(results)
        self._plan = plan

    @property
    def failed(self) -> dict[ProductKind, str]:
        """Products that are not there, and why."""
        return {kind: str(one.error) for kind, one in self._results.items() if one.is_failed}

    @property
    def table(self) -> QTable:
        """One row for each product: product, outcome, source, path, error, size, time."""
        table = results_table(self._results.values())
        table.add_column([kind.value for kind in self._results], name="product")
        return table["product", "outcome", "source", "path", "error", "size", "time"]

    def retry(self) -> Downloads:
        """Try again what failed, and only that.

        Returns
        -------
        saved : Downloads
            With what was saved before, and now.

        Raises
        ------
        ServiceError, JobError
            As for `Job.download`, if there is still nothing.

        Warns
        -----
        PartialResultWarning
            If some products still could not be had.
        """
        return self._plan.save(list(self.failed), self._results)

    def __getitem__(self, kind: ProductKind | str) -> Path:
        wanted = ProductKind.of(kind)
        if wanted not in self:
            raise ProductNotAvailableError(wanted.title, self.failed.get(wanted, "it was not asked for"))
        return self._results[wanted].path

    def get(self, kind: ProductKind | str, default: Any = None) -> Any:
        """The path of a product, or `default` if it is not there."""
        try:
            return self[kind]
        except ProductNotAvailableError:
            return default

    def __contains__(self, kind: object) -> bool:
        return any(kind in (saved, saved.value) for saved in self)

    def __iter__(self) -> Iterator[ProductKind]:
        return (kind for kind, one in self._results.items() if not one.is_failed)

    def __len__(self) -> int:
        return sum(not one.is_failed for one in self._results.values())

    def __repr__(self) -> str:
        lines = [
            f"  {kind.value}: {one.error if one.is_failed else f'{one.outcome}, {one.path}'}"
            for kind, one in self._results.items()
        ]
        counted = f"{len(self)} of {len(self._results)} product{'s' * (len(self._results) != 1)}"
        return "\n".join([f"<Downloads: {counted}", *lines]) + ">"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True)
class SavingPlan:
    """How products of a job are saved.

    Parameters
    ----------
    backend, handle, record
        The job.
    refresh : callable
        Asks for its state.
    folder : Path
        Where to; made if it does not exist.
    archive_format, extract, stem, overwrite
        As for `Job.download`.
    tolerant : bool
        Whether products that the job has not made are no reason for a warning.
    """

    backend: ProductBackend
    handle: JobHandle
    record: JobRecord
    refresh: Callable[[], JobReport]
    folder: Path
    archive_format: str = "tar.gz"
    extract: bool = False
    stem: str | None = None
    overwrite: bool = False
    tolerant: bool = True

    def __post_init__(self) -> None:
        problems = []
        if self.archive_format not in ARCHIVE_FORMATS:
            text = f"must be one of {', '.join(ARCHIVE_FORMATS)}; got {self.archive_format!r:.60}"
            problems.append(("archive_format", text))
        for name in ("extract", "overwrite"):
            if not isinstance(value := getattr(self, name), bool):
                problems.append((name, f"must be True or False; got {value!r:.60}"))
        if self.stem is not None and (not isinstance(self.stem, str) or safe_name(self.stem) != self.stem):
            hint = f", such as {safe_name(self.stem, default='GRB200416A')!r}" if isinstance(self.stem, str) else ""
            problems.append(("stem", f"must be the beginning of a file name{hint}; got {self.stem!r}"))
        if problems:
            raise RequestError(problems, "download")

    def save(
        self, kinds: Sequence[ProductKind], earlier: Mapping[ProductKind, DownloadResult] | None = None
    ) -> Downloads:
        """Save products; those that cannot be had do not cost the others.

        Parameters
        ----------
        kinds : sequence of ProductKind
            Which ones.
        earlier : mapping of ProductKind to DownloadResult, optional
            What has become of them and of others before.

        Raises
        ------
        OutputExistsError
            If something is there already that must not be replaced; nothing is fetched then.
        StorageError
            If the folder cannot be written to; nothing is fetched then.
        ProductNotAvailableError, JobError, ServiceError, FormatError, StorageError
            If nothing could be had, now or earlier: what all of them have in common.

        Warns
        -----
        PartialResultWarning
            If some products could not be had.
        """
        targets = {kind: self._target(kind) for kind in kinds}
        report = self.refresh()
        missing = {kind: error for kind in kinds if (error := not_available(kind, report)) is not None}
        with output_errors(self.folder):
            self._check_free(target for kind, target in targets.items() if kind not in missing)
        if len(missing) < len(kinds):
            usable_folder(self.folder)
        results = {
            kind: DownloadResult(self._source(kind), targets[kind], "failed", error=error)
            for kind, error in missing.items()
        }
        ready = [kind for kind in kinds if kind not in missing]
        fetched = download_all(
            self._fetch, [(self._source(kind), targets[kind]) for kind in ready], overwrite=self.overwrite
        )
        results.update(zip(ready, fetched, strict=True))
        for kind, one in results.items():
            if not one.is_failed:
                self.record.product(kind, one.path)
        results = {**(earlier or {}), **{kind: results[kind] for kind in kinds}}
        self._tell(results, quiet=missing if self.tolerant else {})
        return Downloads(results, self)

    def _target(self, kind: ProductKind) -> Path:
        start, end = f"{self.stem}_" if self.stem else "", "" if self.extract else f".{self.archive_format}"
        return self.folder / f"{start}{kind.code}{end}"

    def _source(self, kind: ProductKind) -> str:
        """What stands for a product: its address, where there is one."""
        name = f"{kind.code}.{self.archive_format}"
        return f"{self.handle.url}/{name}" if self.handle.url else f"job {self.handle.id}: {name}"

    def _fetch(self, source: str, path: Path, *, overwrite: bool) -> str:
        (kind,) = (kind for kind in self.handle.request.kinds if self._source(kind) == source)
        if not self.extract:
            return self.backend.download(self.handle, kind, path, overwrite=overwrite)
        # Hidden, but always under one name: so the next call can take it up where this one is broken off.
        archive = path.with_name(f".{path.name}.{self.archive_format}")
        outcome = self.backend.download(self.handle, kind, archive, overwrite=True)
        try:
            _unpack_to(path, archive, kind)
        finally:
            archive.unlink(missing_ok=True)
        return outcome

    def _check_free(self, targets: Iterable[Path]) -> None:
        folder, extract = self.folder, self.extract
        if folder.exists() and not folder.is_dir():
            raise OutputExistsError(f"{folder} is a file; give a folder to download to")
        for target in targets:
            if extract and target.is_symlink():
                raise OutputExistsError(f"{target} is a link; give another folder or stem=")
            if target.is_dir() is not extract and target.exists():
                what = "a file" if extract else "a folder"
                raise OutputExistsError(f"{target} is {what}; give another folder or stem=")
            taken = target.is_symlink() or target.exists()
            if not self.overwrite and taken and (not extract or any(target.iterdir())):
                raise OutputExistsError(f"{target} exists; give another folder, stem= or overwrite=True")

    def _tell(self, results: Mapping[ProductKind, DownloadResult], quiet: Mapping[ProductKind, object]) -> None:
        """Warn of what is missing; raise if that is everything."""
        failed = {kind: one.error for kind, one in results.items() if one.error is not None}
        if len(failed) < len(results):
            told = [f"{kind.title}: {error}" for kind, error in failed.items() if kind not in quiet]
            if told:
                text = f"not downloaded from job {self.handle.id}: {'; '.join(told)}; retry() tries again"
                warn(text, PartialResultWarning, stacklevel=5)
            return
        told = [f"{kind.title}: {error}" for kind, error in failed.items()]
        text = f"nothing could be downloaded from job {self.handle.id}: {'; '.join(told)}"
        common = _common(list(failed.values()))
        if common is None:
            raise JobError(text, job_id=self.handle.id) from next(iter(failed.values()), None)
        if len(failed) > 1:
            common.add_note(text)
        raise common


def _common(errors: Sequence[SwiftXRTError]) -> SwiftXRTError | None:
    """The error that stands for all, if what went wrong is the same with all products that were made."""
    tried = [error for error in errors if not isinstance(error, ProductNotAvailableError)]
    lost = [error for error in tried if isinstance(error, JobLostError)]
    if lost or len(errors) == 1:
        return (lost or errors)[0]
    return tried[0] if len({type(error) for error in tried}) == 1 else None


def not_available(kind: ProductKind, report: JobReport | None) -> ProductNotAvailableError | None:
    """Why a product cannot be had, in the words of the service if it gives a reason; `None` if it was made."""
    status = report.products.get(kind) if report else None
    phase = status.phase if status else Phase.UNKNOWN
    if phase is Phase.COMPLETED:
        return None
    reason = {Phase.ABORTED: "it was cancelled", Phase.ERROR: "no product was made"}.get(
        phase, f"its state is {phase}: call wait() first"
    )
    return ProductNotAvailableError(kind.title, (status.text if status else "") or reason)


def _unpack_to(target: Path, archive: Path, kind: ProductKind) -> None:
    """Put the files of an archive in a folder; other files there are left alone."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".swiftxrt-") as scratch:
        there, new = Path(scratch) / "archive", Path(scratch) / "new"
        for file in unpack(archive, there):
            place = new.joinpath(*_inner(file.relative_to(there).parts, kind))
            if place.exists():
                raise FormatError(f"holds {place.relative_to(new)} twice; nothing was used", archive.name)
            with output_errors(target):
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
        with output_errors(target):
            new.mkdir(exist_ok=True)
            _put(new, target)


def _put(new: Path, target: Path) -> None:
    """Move a folder to its place, or its files one by one where there are others."""
    if not target.exists() or not any(target.iterdir()):
        if target.exists() and os.name == "nt":
            target.rmdir()
        os.replace(new, target)
        return
    places = {file: target / file.relative_to(new) for file in new.rglob("*") if file.is_file()}
    for place in places.values():
        if not place.parent.resolve().is_relative_to(target.resolve()):
            raise OutputExistsError(f"{place.parent} is a link that leads out of {target}; give another folder")
        if place.is_dir():
            raise OutputExistsError(f"{place} is a folder, and there is a file of this name now; give another folder")
    for file, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)


def _inner(parts: tuple[str, ...], kind: ProductKind) -> tuple[str, ...]:
    """The path of a file without the folders of job and product that the service puts around everything."""
    if len(parts) > 1 and parts[0].startswith("USERPROD_"):
        parts = parts[1:]
    return parts[1:] if len(parts) > 1 and parts[0] == kind.code else parts
