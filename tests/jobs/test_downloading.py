"""Saving the archives of a job."""

from __future__ import annotations

import io
import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt.exceptions import (
    FormatError,
    JobError,
    JobLostError,
    OfflineError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    ServiceUnavailableError,
    StorageError,
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
        self.texts: dict[Kind, str] = {}
        self.asked: list[Kind] = []

    def poll(self, handle: JobHandle) -> JobReport:
        return JobReport(
            handle.id, {kind: ProductStatus(phase, self.texts.get(kind, "")) for kind, phase in self.phases.items()}
        )

    def download(self, handle: JobHandle, kind: Kind, path: Path, *, overwrite: bool) -> str:
        self.asked.append(kind)
        if kind.value in self.errors:
            raise self.errors[kind.value]
        files = {name.format(code=kind.code): content for name, content in FILES.items()}
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w") as packed:
                for name, content in files.items():
                    packed.writestr(name, content)
            return "fetched"
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as packed:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        return "fetched"


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
    with pytest.raises(RequestError, match="did you mean 'spectrum'"):
        made.download(tmp_path, kinds="spectra")


@pytest.mark.fault_case(60)
@pytest.mark.parametrize(
    ("phase", "text", "reason"),
    [
        (Phase.ERROR, "no events in any snapshot", "no events in any snapshot"),
        (Phase.ERROR, "", "no product was made"),
        (Phase.ABORTED, "", "it was cancelled"),
        (Phase.EXECUTING, "", "its state is EXECUTING: call wait\\(\\) first"),
    ],
)
def test_products_that_were_not_made(tmp_path: Path, phase: Phase, text: str, reason: str) -> None:
    made = job()
    shelf: Shelf = made._backend  # type: ignore[assignment]
    shelf.phases[Kind.SPECTRUM], shelf.texts[Kind.SPECTRUM] = phase, text
    # The service keeps archives with log files only; nobody should take them for the product.
    saved = made.download(tmp_path)
    assert saved == {Kind.IMAGE: tmp_path / "image.tar.gz"}
    assert re.search(reason, saved.failed[Kind.SPECTRUM])
    assert shelf.asked == [Kind.IMAGE]
    with pytest.raises(ProductNotAvailableError, match=reason):
        made.download(tmp_path, kinds="spectrum")
    with pytest.warns(PartialResultWarning, match=f"spectrum: .*{reason}"):
        made.download(tmp_path, kinds=["spectrum", "image"], overwrite=True)
    assert names(tmp_path) == ["image.tar.gz"]


@pytest.mark.fault_case(61)
def test_nothing_is_complete(tmp_path: Path) -> None:
    made = job()
    made._backend.phases = dict.fromkeys(REQUEST.kinds, Phase.QUEUED)  # type: ignore[attr-defined]
    with pytest.raises(
        JobError, match=r"nothing could be downloaded from job 7: spectrum: .*QUEUED: call wait\(\) first"
    ):
        made.download(tmp_path)
    made._backend.phases = dict.fromkeys(REQUEST.kinds, Phase.ERROR)  # type: ignore[attr-defined]
    with pytest.raises(JobError, match="no product was made; image"):
        made.download(tmp_path)
    assert names(tmp_path) == []


def test_table_and_retry(tmp_path: Path) -> None:
    made = job(image=ServiceUnavailableError("no network"))
    shelf: Shelf = made._backend  # type: ignore[assignment]
    with pytest.warns(PartialResultWarning, match="retry"):
        saved = made.download(tmp_path)
    assert list(saved.table["product"]) == ["spectrum", "image"]
    assert list(saved.table["outcome"]) == ["fetched", "failed"]
    assert list(saved.table["error"]) == ["", "no network"]
    assert saved.table["size"][0] == (tmp_path / "spec.tar.gz").stat().st_size * u.byte
    assert saved.failed == {Kind.IMAGE: "no network"}
    for absent, reason in (("image", "no network"), (Kind.SOURCES, "not asked for")):
        with pytest.raises(ProductNotAvailableError, match=reason):
            saved[absent]
        assert absent not in saved
        assert saved.get(absent) is None
    with pytest.raises(RequestError, match="must be one of"):
        saved["picture"]
    assert saved["spectrum"] == saved.get(Kind.SPECTRUM) == tmp_path / "spec.tar.gz"
    assert "1 of 2 products" in repr(saved)
    assert "no network" in saved._repr_html_()
    with pytest.warns(PartialResultWarning, match="no network") as caught:
        saved = saved.retry()
    assert caught[0].filename == __file__
    shelf.errors.clear()
    shelf.asked.clear()
    saved = saved.retry()
    assert shelf.asked == [Kind.IMAGE]
    assert saved == {Kind.SPECTRUM: tmp_path / "spec.tar.gz", Kind.IMAGE: tmp_path / "image.tar.gz"}
    assert list(saved.table["outcome"]) == ["fetched", "fetched"]
    assert saved.failed == {}
    assert saved.retry() == saved


def test_retry_looks_whether_products_are_there_now(tmp_path: Path) -> None:
    made = job()
    made._backend.phases[Kind.IMAGE] = Phase.EXECUTING  # type: ignore[attr-defined]
    saved = made.download(tmp_path, extract=True)
    assert list(saved) == [Kind.SPECTRUM]
    made._backend.phases[Kind.IMAGE] = Phase.COMPLETED  # type: ignore[attr-defined]
    assert len(saved.retry()) == 2
    assert made.phase is Phase.COMPLETED


def test_downloads_survive_pickling(tmp_path: Path) -> None:
    saved = job().download(tmp_path)
    copy = pickle.loads(pickle.dumps(saved))
    assert (dict(copy), copy.failed) == (dict(saved), {})


@pytest.mark.fault_case(77)
@pytest.mark.parametrize("stem", ["", "a/b", "../x", ".", "/x", 7, "C:x", "CON", "a\nb", "-x"])
def test_unusable_stems(tmp_path: Path, stem: Any) -> None:
    with pytest.raises(RequestError, match="stem"):
        job().download(tmp_path, stem=stem)


def test_unusable_formats(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="must be one of tar.gz, tar, zip; got 'rar'$"):
        job().download(tmp_path, archive_format="rar")
    for name in ("extract", "overwrite"):
        with pytest.raises(RequestError, match=f"{name}: must be True or False; got 'yes'"):
            job().download(tmp_path, **{name: "yes"})
    for bad in ([], (), 5):
        with pytest.raises(RequestError, match="kinds: .*spectrum, image.*; got"):
            job().download(tmp_path, kinds=bad)
    for place in (None, 3, "a" * 300, "a\0b", ""):
        with pytest.raises(RequestError, match="location: "):
            job().download(place)
    assert names(tmp_path) == []
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
    was_made = not isinstance(error, ProductNotAvailableError)
    with pytest.raises(JobError if was_made else ProtocolError) as failed:
        job(image=error, spectrum=ProtocolError("damaged")).download(tmp_path, overwrite=True)
    text = str(failed.value) if was_made else failed.value.__notes__[0]
    assert re.match("nothing could be downloaded from job 7: spectrum: .*; image: ", text)
    assert names(tmp_path) == ["spec.tar.gz"]


@pytest.mark.parametrize("error", [OfflineError("offline"), FormatError("damaged"), StorageError("full")])
def test_one_reason_for_all_is_told_by_its_class(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)) as failed:
        job(image=error, spectrum=type(error)("once more")).download(tmp_path)
    text = "nothing could be downloaded from job 7: spectrum: .*once more; image: "
    assert re.match(text, failed.value.__notes__[0])


@pytest.mark.fault_case(73)
@pytest.mark.parametrize("place", ["taken/folder", "taken/in/a/folder"])
def test_folder_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").touch()
    made = job()
    with pytest.raises(StorageError, match=f"{place}: cannot be written .*name another place"):
        made.download(tmp_path / place)
    assert made._backend.asked == []  # type: ignore[attr-defined]


def test_table_and_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    saved = job().download(Path("~") / "saved")
    assert saved["spectrum"] == tmp_path / "saved" / "spec.tar.gz"
    shown = saved.table.pformat(max_width=60)[0].split()
    assert (shown[:2], shown[-2:]) == (["product", "outcome"], ["size", "time"])


@pytest.mark.fault_case(63)
def test_vanished_job(tmp_path: Path) -> None:
    lost = JobLostError("gone", job_id="7")
    with pytest.warns(PartialResultWarning, match="gone"):
        assert list(job(spectrum=lost).download(tmp_path)) == [Kind.IMAGE]
    with pytest.raises(JobLostError):
        job(spectrum=lost, image=ServiceUnavailableError("no network")).download(tmp_path / "new")


@pytest.mark.fault_case(75)
def test_old_archive_stays_when_replacing_fails(tmp_path: Path) -> None:
    job().download(tmp_path, extract=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for fault in (ServiceUnavailableError("no network"), FormatError("damaged")):
        with pytest.raises(type(fault)):
            job(spectrum=fault, image=fault).download(tmp_path, extract=True, overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.fault_case(74, 78)
def test_links_in_the_way_are_not_followed(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "image").symlink_to(elsewhere)
    with pytest.raises(OutputExistsError, match="image is a link"):
        job().download(folder, extract=True, overwrite=True)
    (folder / "image").unlink()
    (folder / "image").mkdir()
    (folder / "image" / "models").symlink_to(elsewhere)
    with pytest.warns(PartialResultWarning, match="leads out of"):
        job().download(folder, extract=True, overwrite=True)
    assert names(folder / "image") == []
    (folder / "image" / "models").unlink()
    (folder / "image" / "main.txt").mkdir()
    with pytest.warns(PartialResultWarning, match="main.txt is a folder"):
        job().download(folder, extract=True, overwrite=True)
    assert names(folder / "image") == []
    assert list(elsewhere.iterdir()) == []
    (folder / "image.tar.gz").symlink_to(elsewhere / "nothing")
    with pytest.raises(OutputExistsError, match=r"image\.tar\.gz exists"):
        job().download(folder)


def test_two_files_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "main.txt", b"another")
    with pytest.raises(FormatError, match=r"holds main\.txt twice"):
        job().download(tmp_path, extract=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault_case(77, 78, 79)
def test_hostile_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "../../evil", b"evil")
    for archive_format in ("tar", "zip"):
        with pytest.raises(FormatError, match="unsafe name"):
            job().download(tmp_path / "out", extract=True, archive_format=archive_format)
    assert names(tmp_path) == []
