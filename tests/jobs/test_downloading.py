"""Saving the archives of a job."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.exceptions import (
    FormatError,
    JobError,
    JobLostError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    RequestError,
    ServiceUnavailableError,
)
from swiftxrt.jobs.job import Job
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobReport, Phase, ProductStatus
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target

REQUEST = XRTRequest(target=Target(name="X"), image=ImageRequest(), spectrum=SpectrumRequest())
FILES = {"USERPROD_7/{code}/main.txt": b"main", "USERPROD_7/{code}/models/one.txt": b"one", "other/file": b"other"}


class Shelf:
    """A backend with archives, or the errors that come instead."""

    name = "shelf"
    capabilities = frozenset(Kind)
    min_poll_interval_s = 0.0

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors
        self.phases = dict.fromkeys(REQUEST.kinds, Phase.COMPLETED)
        self.asked: list[Kind] = []

    def poll(self, handle: JobHandle) -> JobReport:
        return JobReport(handle.id, {kind: ProductStatus(phase) for kind, phase in self.phases.items()})

    def download(self, handle: JobHandle, kind: Kind, folder: Path, *, archive_format: str, overwrite: bool) -> Path:
        self.asked.append(kind)
        if kind.value in self.errors:
            raise self.errors[kind.value]
        path = folder / f"{kind.code}.{archive_format}"
        files = {name.format(code=kind.code): content for name, content in FILES.items()}
        if archive_format == "zip":
            with zipfile.ZipFile(path, "w") as packed:
                for name, content in files.items():
                    packed.writestr(name, content)
            return path
        with tarfile.open(path, "w:gz" if archive_format == "tar.gz" else "w") as packed:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        return path


def job(**errors: Exception) -> Job:
    return Job(JobHandle("7", "shelf", REQUEST), Shelf(**errors))  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("archive_format", ["tar.gz", "tar", "zip"])
def test_archives(tmp_path: Path, archive_format: str) -> None:
    folder = tmp_path / "new" / "folder"
    paths = job().download(folder, archive_format=archive_format)
    assert paths == {kind: folder / f"{kind.code}.{archive_format}" for kind in REQUEST.kinds}
    assert names(folder) == [f"image.{archive_format}", f"spec.{archive_format}"]


@pytest.mark.parametrize("archive_format", ["tar.gz", "tar", "zip"])
def test_unpacked_archives(tmp_path: Path, archive_format: str) -> None:
    paths = job().download(tmp_path, archive_format=archive_format, extract=True, stem="X")
    assert paths == {Kind.SPECTRUM: tmp_path / "X_spec", Kind.IMAGE: tmp_path / "X_image"}
    assert names(tmp_path) == [
        f"X_{code}/{name}" for code in ("image", "spec") for name in ("main.txt", "models/one.txt", "other/file")
    ]
    assert (tmp_path / "X_spec" / "models" / "one.txt").read_bytes() == b"one"


def test_chosen_products(tmp_path: Path) -> None:
    made = job()
    assert made.download(tmp_path, kinds="image", stem="X") == {Kind.IMAGE: tmp_path / "X_image.tar.gz"}
    made._backend.phases[Kind.SPECTRUM] = Phase.ERROR  # type: ignore[attr-defined]
    assert list(made.download(tmp_path)) == [Kind.IMAGE]
    # The service keeps archives, with log files, of products that failed or were cancelled too.
    assert list(made.download(tmp_path, kinds=["spectrum"])) == [Kind.SPECTRUM]
    with pytest.raises(RequestError, match="did you mean 'spectrum'"):
        made.download(tmp_path, kinds="spectra")


def test_nothing_is_complete(tmp_path: Path) -> None:
    made = job()
    made._backend.phases = dict.fromkeys(REQUEST.kinds, Phase.QUEUED)  # type: ignore[attr-defined]
    assert made.download(tmp_path) == {}


@pytest.mark.parametrize("stem", ["", "a/b", "../x", ".", "/x", 7])
def test_unusable_stems(tmp_path: Path, stem: Any) -> None:
    with pytest.raises(RequestError, match="stem"):
        job().download(tmp_path, stem=stem)


def test_unusable_formats(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'tar.gz'"):
        job().download(tmp_path, archive_format="tgz.")
    with pytest.raises(RequestError) as caught:
        job().download(tmp_path, archive_format="rar", stem="")
    assert [field for field, _ in caught.value.problems] == ["archive_format", "stem"]


def test_existing_archives_are_seen_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "image.tar.gz").write_text("mine")
    made = job()
    with pytest.raises(OutputExistsError, match="image.tar.gz exists"):
        made.download(tmp_path)
    assert made._backend.asked == []  # type: ignore[attr-defined]
    assert names(tmp_path) == ["image.tar.gz"]
    made.download(tmp_path, overwrite=True)
    assert tarfile.is_tarfile(tmp_path / "image.tar.gz")


def test_existing_folders_are_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    assert len(job().download(tmp_path, extract=True)) == 2  # an empty folder is free
    (tmp_path / "spec" / "mine.txt").write_text("mine")
    (tmp_path / "spec" / "main.txt").write_text("changed")
    with pytest.raises(OutputExistsError, match="spec exists"):
        job().download(tmp_path, extract=True)
    job().download(tmp_path, extract=True, overwrite=True)
    assert (tmp_path / "spec" / "mine.txt").read_text() == "mine"
    assert (tmp_path / "spec" / "main.txt").read_text() == "main"


def test_places_that_are_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="is a file; give a folder"):
        job().download(tmp_path / "file")
    (tmp_path / "image.zip").mkdir()
    with pytest.raises(OutputExistsError, match="image.zip is a folder"):
        job().download(tmp_path, archive_format="zip", overwrite=True)
    (tmp_path / "image").write_text("")
    with pytest.raises(OutputExistsError, match="image is a file"):
        job().download(tmp_path, extract=True, overwrite=True)


@pytest.mark.parametrize(
    "error",
    [ServiceUnavailableError("no network"), FormatError("damaged"), ProductNotAvailableError("image", "not kept")],
)
def test_one_failure_does_not_cost_the_others(tmp_path: Path, error: Exception) -> None:
    with pytest.warns(PartialResultWarning, match=f"image: {error}") as caught:
        assert job(image=error).download(tmp_path) == {Kind.SPECTRUM: tmp_path / "spec.tar.gz"}
    assert caught[0].filename == __file__
    assert names(tmp_path) == ["spec.tar.gz"]
    with pytest.raises(type(error)):
        job(image=error).download(tmp_path, kinds="image")
    with pytest.raises(JobError, match="nothing could be downloaded from job 7: spectrum: .*; image: ") as failed:
        job(image=error, spectrum=FormatError("damaged")).download(tmp_path, overwrite=True)
    assert failed.value.job_id == "7"
    assert names(tmp_path) == ["spec.tar.gz"]


def test_vanished_job_is_told_at_once(tmp_path: Path) -> None:
    made = job(spectrum=JobLostError("gone", job_id="7"))
    with pytest.raises(JobLostError):
        made.download(tmp_path)
    assert names(tmp_path) == []


def test_hostile_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "../../evil", b"evil")
    for archive_format in ("tar", "zip"):
        with pytest.raises(JobError, match="unsafe name"):
            job().download(tmp_path / "out", extract=True, archive_format=archive_format)
    assert names(tmp_path) == []
