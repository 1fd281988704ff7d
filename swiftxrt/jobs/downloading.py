"""Saving the archives of a job, or what is in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .._fields import nearest
from .._log import log
from ..exceptions import (
    FormatError,
    JobError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    RequestError,
    ServiceError,
    warn,
)
from ..io.tarball import unpack
from ..kinds import ProductKind

__all__ = ["ARCHIVE_FORMATS", "download_archives"]

ARCHIVE_FORMATS = ("tar.gz", "tar", "zip")

_Failure = ProductNotAvailableError | ServiceError | FormatError


def download_archives(
    fetch: Callable[[ProductKind, Path], Path],
    kinds: Sequence[ProductKind],
    folder: Path,
    *,
    archive_format: str,
    extract: bool,
    stem: str | None,
    overwrite: bool,
    job_id: str,
) -> dict[ProductKind, Path]:
    """Save some products of a job; those that cannot be had do not cost the others.

    Parameters
    ----------
    fetch : callable
        Saves the archive of a product in a folder and returns its path.
    kinds : sequence of ProductKind
        Which products.
    folder : Path
        Where to; made if it does not exist.
    archive_format, extract, stem, overwrite
        As for `Job.download`.
    job_id : str
        The job, for the errors.

    Returns
    -------
    paths : dict of ProductKind to Path
    """
    targets = _targets(kinds, folder, archive_format, extract, stem)
    _check_free(targets.values(), folder, extract=extract, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    saved: dict[ProductKind, Path] = {}
    failed: dict[ProductKind, _Failure] = {}
    # Beside the results, so that what is complete is put in its place by renaming.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".swiftxrt-") as scratch:
        for kind, target in targets.items():
            try:
                archive = fetch(kind, Path(scratch))
                saved[kind] = _unpacked(archive, target, kind) if extract else archive.replace(target)
            except (ProductNotAvailableError, ServiceError, FormatError) as error:
                log.warning("job %s: the %s was not downloaded: %s", job_id, kind.title, error)
                failed[kind] = error
    _tell(failed, bool(saved), job_id)
    return saved


def _targets(
    kinds: Sequence[ProductKind], folder: Path, archive_format: str, extract: bool, stem: str | None
) -> dict[ProductKind, Path]:
    """Where each product goes."""
    problems = []
    if archive_format not in ARCHIVE_FORMATS:
        hint = nearest(str(archive_format), ARCHIVE_FORMATS)
        problems.append(
            ("archive_format", f"must be one of {', '.join(ARCHIVE_FORMATS)}; got {archive_format!r}{hint}")
        )
    if stem is not None and (not isinstance(stem, str) or not stem or Path(stem).name != stem):
        problems.append(("stem", f"must be the beginning of a file name, such as 'GRB200416A'; got {stem!r}"))
    if problems:
        raise RequestError(problems, "download")
    start, end = f"{stem}_" if stem else "", "" if extract else f".{archive_format}"
    return {kind: folder / f"{start}{kind.code}{end}" for kind in kinds}


def _check_free(targets: Iterable[Path], folder: Path, *, extract: bool, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; give a folder to download to")
    for target in targets:
        if target.is_dir() is not extract and target.exists():
            raise OutputExistsError(f"{target} is {'a file' if extract else 'a folder'}; give another folder or stem=")
        if not overwrite and target.exists() and (not extract or any(target.iterdir())):
            raise OutputExistsError(f"{target} exists; give another folder, stem= or overwrite=True")


def _unpacked(archive: Path, target: Path, kind: ProductKind) -> Path:
    """Put the files of an archive in a folder; other files there are left alone."""
    scratch = archive.parent / f"unpacked-{kind.code}"
    files = unpack(archive, scratch)
    archive.unlink()
    for file in files:
        place = target.joinpath(*_inner(file.relative_to(scratch).parts, kind))
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)
    target.mkdir(parents=True, exist_ok=True)
    return target


def _inner(parts: tuple[str, ...], kind: ProductKind) -> tuple[str, ...]:
    """The path of a file without the folders of job and product that the service puts around everything."""
    if len(parts) > 1 and parts[0].startswith("USERPROD_"):
        parts = parts[1:]
    return parts[1:] if len(parts) > 1 and parts[0] == kind.code else parts


def _tell(failed: dict[ProductKind, _Failure], some_saved: bool, job_id: str) -> None:
    if not failed:
        return
    first = next(iter(failed.values()))
    reasons = "; ".join(f"{kind.title}: {error}" for kind, error in failed.items())
    if some_saved:
        warn(f"not downloaded from job {job_id}: {reasons}", PartialResultWarning, stacklevel=5)
        return
    if len(failed) == 1:
        raise first
    raise JobError(
        f"nothing could be downloaded from job {job_id}: {reasons}; try again later", job_id=job_id
    ) from first
