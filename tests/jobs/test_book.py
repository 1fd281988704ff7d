"""The job book."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import FormatError, JobBookError, RequestError
from swiftxrt.jobs import _book_file, _book_schema
from swiftxrt.jobs.book import EntryState, JobBook
from swiftxrt.jobs.entries import OPEN_STATES
from swiftxrt.jobs.owner import KEY_NAME, key_of_folder, owner_mark
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobReport, Phase, ProductStatus, Step, StepState
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target

USER = "Someone.Known@example.org"
PLACE = ("ukssdc", "https://service.example")
REQUEST = XRTRequest(target=Target("GRB 200416A"), image=ImageRequest(), spectrum=SpectrumRequest())
RESOLVED = REQUEST.replace(target=REQUEST.target.replace(target_ids=("00966554",))).with_defaults()


def handle(job_id: str = "951", **changes: Any) -> JobHandle:
    values = {"url": "https://service.example/951", "parameters": {"name": "GRB 200416A", "cent": "1"}}
    values["service"] = PLACE[1]
    return JobHandle(job_id, "ukssdc", RESOLVED, **{**values, **changes})


@pytest.fixture
def book(tmp_path: Path) -> Any:
    with JobBook(tmp_path / "data" / "jobs.sqlite") as made:
        yield made


def accepted(book: JobBook, job_id: str = "951", **changes: Any) -> int:
    entry = book.intend(*PLACE, REQUEST, USER)
    book.send(entry)
    book.accept(entry, handle(job_id, **changes))
    return entry


# Entries


def test_life_of_a_submission(book: JobBook) -> None:
    before = datetime.now(UTC)
    number = book.intend(*PLACE, REQUEST, USER)
    entry = book.entry(number)
    assert (entry.backend, entry.service, entry.state) == (*PLACE, EntryState.INTENDED)
    assert (entry.request, entry.digest, entry.name) == (REQUEST, REQUEST.digest, "GRB 200416A")
    assert (entry.resolved, entry.job_id, entry.url) == (None, None, None)
    assert entry.kinds == (Kind.SPECTRUM, Kind.IMAGE)
    assert before <= entry.submitted <= datetime.now(UTC)
    book.send(number)
    assert book.entry(number).state == "sent"
    with pytest.raises(JobBookError, match="has no job: it is sent"):
        _ = book.entry(number).handle
    book.accept(number, handle())
    entry = book.entry(number)
    assert entry.state is EntryState.ACCEPTED
    assert (entry.resolved, entry.request) == (RESOLVED, REQUEST)
    assert entry.handle == handle(submitted=entry.submitted)
    assert entry.handle.parameters == {"name": "GRB 200416A", "cent": "1"}
    assert entry.updated >= entry.submitted


def test_what_is_written_is_there_in_the_next_session(book: JobBook) -> None:
    number = accepted(book)
    with JobBook(book.path) as other:
        assert other.entry(number) == book.entry(number)


@pytest.mark.parametrize(("change", "state"), [("refuse", "refused"), ("lose", "uncertain")])
def test_submission_without_a_job(book: JobBook, change: str, state: str) -> None:
    number = book.intend(*PLACE, REQUEST, USER)
    getattr(book, change)(number, "the reason")
    assert (book.entry(number).state, book.entry(number).note) == (state, "the reason")
    assert book.entry(number).is_open == (state == "uncertain")


def test_entries_are_found_by_everything_given(book: JobBook) -> None:
    other_request = REQUEST.replace(spectrum=None)
    first, second = accepted(book, "1"), accepted(book, "2")
    third = book.intend(*PLACE, other_request, "other@example.org")
    local = book.intend("local", "/somewhere", REQUEST, "", ticket="a/1")

    def found(**what: Any) -> list[int]:
        return [entry.entry for entry in book.find(**what)]

    assert found() == [local, third, second, first]
    assert found(backend="ukssdc") == [third, second, first]
    assert found(service=PLACE[1] + "/") == [third, second, first]
    assert found(backend="ukssdc", service="https://elsewhere.example") == []
    assert found(owner=USER) == [second, first]
    assert found(owner=f" {USER.lower()} ") == [second, first]
    assert found(owner="") == [local]
    assert found(job_id="2") == [second]
    assert found(digest=other_request.digest) == [third]
    assert found(ticket="a/1") == [local]
    assert found(state="accepted") == [second, first]
    assert found(state=OPEN_STATES) == [local, third]
    assert found(state=["accepted", EntryState.INTENDED], service="/somewhere") == [local]


def test_name_that_no_file_can_hold(book: JobBook) -> None:
    strange = REQUEST.replace(target=Target("half \ud800"))
    entry = book.entry(book.intend(*PLACE, strange, USER, ticket=None))
    assert (entry.name, entry.request) == ("half \\ud800", strange)


def test_entry_that_does_not_exist(book: JobBook) -> None:
    with pytest.raises(JobBookError, match="no entry 17"):
        book.entry(17)
    for change in (book.send, book.forget, lambda number: book.accept(number, handle())):
        with pytest.raises(JobBookError, match="no entry 17"):
            change(17)


def test_states_and_products(book: JobBook, tmp_path: Path) -> None:
    number = accepted(book)
    assert book.entry(number).report.phase is Phase.UNKNOWN
    running = ProductStatus(Phase.EXECUTING, "23 seconds", (Step("Prepare", StepState.ACTIVE),), 23.0)
    book.report(number, JobReport("951", {Kind.SPECTRUM: running, Kind.IMAGE: ProductStatus(Phase.ERROR, "no data")}))
    entry = book.entry(number)
    assert entry.phases == {Kind.SPECTRUM: Phase.EXECUTING, Kind.IMAGE: Phase.ERROR}
    assert entry.reasons == {Kind.IMAGE: "no data"}
    assert entry.report.phase is Phase.EXECUTING
    assert entry.report.products[Kind.IMAGE] == ProductStatus(Phase.ERROR, "no data")
    book.product(number, "spectrum", Path("spec.tar.gz"))
    book.product(entry, Kind.IMAGE, None, "none was made")
    products = book.products(number)
    assert products[Kind.SPECTRUM].path == Path.cwd() / "spec.tar.gz"
    assert (products[Kind.IMAGE].path, products[Kind.IMAGE].reason) == (None, "none was made")
    book.product(number, "spectrum", tmp_path / "again")
    assert book.products(entry)[Kind.SPECTRUM].path == tmp_path / "again"


def test_state_that_has_not_changed_is_not_written_again(book: JobBook) -> None:
    number = accepted(book)
    book.report(number, JobReport("951", {Kind.IMAGE: ProductStatus(Phase.QUEUED, "place 7")}))
    before = book.entry(number)
    book.report(number, JobReport("951", {Kind.IMAGE: ProductStatus(Phase.QUEUED, "place 6")}))
    assert book.entry(number) == before


def test_forgotten_entries_leave_the_number_of_their_job(book: JobBook) -> None:
    number = accepted(book)
    book.product(number, "image", Path("image.tar.gz"))
    book.forget(number)
    assert book.find() == []
    assert book.find(job_id="951") == []
    assert book.products(number) == {}
    assert book.job_ids(*PLACE) == {"951"}
    (left,) = book.find(state="forgotten")
    assert (left.digest, left.owner_mark, left.url, left.name, left.kinds) == ("", "", None, "", ())
    with pytest.raises(JobBookError, match="was forgotten"):
        _ = left.request
    book.report(number, JobReport("951", {Kind.IMAGE: ProductStatus(Phase.COMPLETED)}))
    book.product(number, "image", Path("image.tar.gz"))
    assert (book.find(), book.products(number)) == ([], {})
    with pytest.raises(JobBookError, match="forgotten"):
        book.accept(number, handle())


def test_known_jobs(book: JobBook) -> None:
    number = accepted(book, "1")
    book.refuse(book.intend(*PLACE, REQUEST, USER), "no")
    accepted(book, "3", rebin_of="1")
    book.record("https://elsewhere.example", handle("4"), USER)
    assert book.job_ids("ukssdc", PLACE[1] + "/") == {"1"}
    assert book.entry(number).rebin_of is None


def test_job_that_was_found_is_written_down_once(book: JobBook) -> None:
    when = datetime(2020, 4, 16, 7, 5, 17, tzinfo=UTC)
    number = book.record(PLACE[1], handle("7", submitted=when), USER)
    assert book.record(PLACE[1] + "/", handle("7", url="https://service.example/moved"), USER) == number
    (entry,) = book.find(owner=USER)
    assert (entry.state, entry.submitted, entry.url) == ("accepted", when, "https://service.example/moved")
    assert (entry.request, entry.delivered) == (RESOLVED, True)
    rebinning = book.record_rebinning(number, handle("7", rebin_of="7"))
    assert rebinning != number
    entry = book.entry(rebinning)
    assert (entry.rebin_of, entry.owner_mark, entry.service) == ("7", book.entry(number).owner_mark, PLACE[1])


def test_service_that_counts_from_one_again(book: JobBook) -> None:
    old = accepted(book, "1")
    new = accepted(book, "1")
    assert [book.entry(number).state for number in (old, new)] == ["refused", "accepted"]
    assert f"entry {new}" in book.entry(old).note


def test_job_is_claimed_once(book: JobBook) -> None:
    number = book.intend(*PLACE, REQUEST, USER)
    assert not book.claim(number)
    book.accept(number, handle(), delivered=False)
    assert [book.claim(number), book.claim(number)] == [True, False]
    assert not book.claim(accepted(book, "2"))


def test_ticket_belongs_to_one_submission(book: JobBook) -> None:
    first = book.intend(*PLACE, REQUEST, USER, ticket="list/1")
    for change in (lambda: None, lambda: book.lose(first, "lost"), lambda: book.accept(first, handle())):
        change()
        with pytest.raises(JobBookError, match=f"entry {first} .*has the ticket 'list/1'"):
            book.intend(*PLACE, REQUEST, USER, ticket="list/1")
    other = book.intend(*PLACE, REQUEST, USER, ticket="list/2")
    book.refuse(other, "no")
    again = book.intend(*PLACE, REQUEST, USER, ticket="list/2")
    assert (book.entry(other).ticket, book.entry(again).ticket) == (None, "list/2")
    book.forget(again)
    book.intend(*PLACE, REQUEST, USER, ticket="list/2")


def test_further_tables(book: JobBook) -> None:
    with book.transaction() as connection:
        connection.execute("CREATE TABLE lists (name TEXT)")
        connection.execute("INSERT INTO lists VALUES ('one')")
    with pytest.raises(ZeroDivisionError), book.transaction() as connection:
        connection.execute("INSERT INTO lists VALUES ('two')")
        1 / 0  # noqa: B018
    with book.transaction() as connection:
        assert connection.execute("SELECT name FROM lists").fetchall() == [("one",)]


# Privacy


def test_no_address_is_in_any_file(book: JobBook) -> None:
    number = book.intend(*PLACE, REQUEST, f" {USER} ")
    book.lose(number, f"the service said: {USER.lower()} is busy")
    accepted(book, "2", parameters={"mail": [USER.upper()]}, url=f"https://service.example/{USER}")
    book.report(2, JobReport("2", {Kind.IMAGE: ProductStatus(Phase.ERROR, f"mail sent to {USER}")}))
    book.product(2, "image", None, f"ask {USER}")
    shown = book.export_json() + repr(book) + repr(book.find()) + repr(book.entry(2).handle.parameters)
    book.close()
    shown += "".join(path.read_bytes().decode("latin-1") for path in book.path.parent.iterdir())
    assert "<your e-mail address>" in shown
    assert "someone.known" not in shown.lower()
    assert USER.lower() not in pickle.dumps(book).decode("latin-1").lower()


def test_marks_need_the_key(tmp_path: Path) -> None:
    key = key_of_folder(tmp_path)
    assert len(key) == 32
    assert key_of_folder(tmp_path) == key
    mark = owner_mark(key, USER)
    assert mark == owner_mark(key, f" {USER.lower()}\n")
    assert mark != owner_mark(key, "x" + USER)
    assert owner_mark(key, " ") == ""
    other = tmp_path / "other"
    other.mkdir()
    assert owner_mark(key_of_folder(other), USER) != mark


@pytest.mark.parametrize("damage", ["", "12", "z" * 64, "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_damaged_key_is_replaced(tmp_path: Path, damage: str) -> None:
    (tmp_path / KEY_NAME).write_text(damage, encoding="utf-8")
    key = key_of_folder(tmp_path)
    assert key_of_folder(tmp_path) == key
    assert len(key) == 32
    assert [path.name for path in tmp_path.iterdir()] == [KEY_NAME]


def test_key_of_a_faster_process_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Path.hardlink_to
    theirs = "ab" * 32

    def late(self: Path, target: Path) -> None:
        self.write_text(theirs, encoding="ascii")
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    assert key_of_folder(tmp_path) == bytes.fromhex(theirs)


def test_key_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert key_of_folder(tmp_path) == key_of_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [KEY_NAME]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_files_are_for_the_user_alone(book: JobBook) -> None:
    accepted(book)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in book.path.parent.iterdir()}
    assert modes.keys() >= {"jobs.sqlite", "jobs.sqlite-wal", KEY_NAME}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(book.path.parent.stat().st_mode) == 0o700


# Trouble


def test_damaged_book_can_be_moved_aside(book: JobBook) -> None:
    accepted(book)
    book.close()
    book.path.write_bytes(b"this is no database, but long enough to look like one" * 100)
    with pytest.raises(JobBookError, match=r"damaged.*JobBook\.set_aside\('.*jobs\.sqlite'\)") as caught:
        JobBook(book.path)
    assert caught.value.path == str(book.path)
    assert isinstance(caught.value, OSError)
    aside = JobBook.set_aside(book.path)
    assert aside.read_bytes().startswith(b"this is no database")
    with JobBook(book.path) as fresh:
        assert fresh.find() == []
        accepted(fresh)
        moved = JobBook.set_aside(book.path)
        fresh.intend(*PLACE, REQUEST, USER)
        assert [entry.entry for entry in fresh.find()] == [1]
    with JobBook(moved) as old:
        assert old.find(job_id="951")
    missing = book.path.with_name("missing.sqlite")
    with pytest.raises(JobBookError, match="cannot be moved"):
        JobBook.set_aside(missing)


def test_book_whose_inside_is_damaged(book: JobBook) -> None:
    for number in range(50):
        accepted(book, str(number))
    book.close()
    content = bytearray(book.path.read_bytes())
    content[4096:-4096] = b"\x55" * (len(content) - 8192)
    book.path.write_bytes(content)
    with pytest.raises(JobBookError, match="damaged"), JobBook(book.path) as damaged:
        damaged.find()


def test_damaged_row(book: JobBook) -> None:
    number = accepted(book)
    with book.transaction() as connection:
        connection.execute("UPDATE entries SET status = '[1]'")
    with pytest.raises(JobBookError, match=rf"entry {number} .*damaged.*forget\({number}\)"):
        book.find()
    book.forget(number)
    assert book.find() == []


def test_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(JobBookError, match="another program"):
        JobBook(path)
    assert path.read_bytes()[24:] != b""  # the file stays as it was, but for its mode
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("cookies",)]
    connection.close()
    assert len(content) == len(path.read_bytes())


def test_older_and_newer_tables(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    number = accepted(book)
    before = book.entry(number)
    book.close()
    later = [*_book_schema.MIGRATIONS, ("CREATE TABLE later (entry INTEGER)", "INSERT INTO later VALUES (3)")]
    with monkeypatch.context() as patch:
        patch.setattr(_book_schema, "MIGRATIONS", later)
        with JobBook(book.path) as upgraded:
            assert upgraded.entry(number) == before
            with upgraded.transaction() as connection:
                assert connection.execute("SELECT entry FROM later").fetchall() == [(3,)]
        with JobBook(book.path) as again, again.transaction() as connection:
            assert connection.execute("SELECT COUNT(*) FROM later").fetchone() == (1,)
    with pytest.raises(JobBookError, match="later version of swiftxrt"):
        JobBook(book.path)


def test_upgrade_that_fails_changes_nothing(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    number = accepted(book)
    book.close()
    bad = [*_book_schema.MIGRATIONS, ("CREATE TABLE later (entry INTEGER)", "INSERT INTO nowhere VALUES (3)")]
    with monkeypatch.context() as patch:
        patch.setattr(_book_schema, "MIGRATIONS", bad)
        with pytest.raises(JobBookError, match="nowhere"):
            JobBook(book.path)
    assert book.entry(number).job_id == "951"


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JobBookError, match=r"conf\.data_dir"):
        JobBook(tmp_path / "file" / "jobs.sqlite")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(JobBookError, match=r"cannot be opened; set swiftxrt\.conf\.data_dir"):
        JobBook(tmp_path / "folder.sqlite")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JobBookError, match=r"conf\.data_dir"):
            JobBook(tmp_path / "jobs.sqlite")
    finally:
        tmp_path.chmod(0o700)


def test_file_that_may_not_be_written(book: JobBook) -> None:
    with book.transaction() as connection:
        pass
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(JobBookError, match=r"cannot be written; set swiftxrt\.conf\.data_dir"):
        book.intend(*PLACE, REQUEST, USER)


def test_full_disk(book: JobBook) -> None:
    with book.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JobBookError, match="disk is full"):
        for _ in range(100):
            book.intend(*PLACE, REQUEST, USER)
    connection.execute("PRAGMA max_page_count=100000")
    assert book.entry(book.intend(*PLACE, REQUEST, USER)).state == "intended"


def test_book_that_another_process_holds(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_book_file, "_BUSY_TIMEOUT_S", 0.01)
    with JobBook(book.path) as other, book.transaction(), pytest.raises(JobBookError, match="held by another process"):
        other.intend(*PLACE, REQUEST, USER)


def test_file_that_was_removed_is_made_again(book: JobBook) -> None:
    accepted(book)
    for path in book.path.parent.glob("jobs.sqlite*"):
        path.unlink()
    number = accepted(book)
    with JobBook(book.path) as other:
        assert [entry.entry for entry in other.find()] == [number]


# Several threads and processes


def test_many_threads(book: JobBook) -> None:
    def write(number: int) -> None:
        for place in range(20):
            accepted(book, f"{number}.{place}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({entry.job_id for entry in book.find(state="accepted")}) == 160


WRITE = """
import sys
from pathlib import Path
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.target import Target
path, name, number = sys.argv[1:]
book = JobBook(path)
request = XRTRequest(target=Target(name), image=ImageRequest())
print("ready", flush=True)
sys.stdin.readline()
for place in range(int(number)):
    entry = book.intend("ukssdc", "https://service.example", request, "someone@example.org")
    book.send(entry)
    book.accept(entry, JobHandle(f"{name}.{place}", "ukssdc", request))
    print(entry, flush=True)
"""


def writer(path: Path, name: str, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(path), name, str(number)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_eight_processes_write_fifty_entries_each(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"  # made by whoever is first
    processes = [writer(path, f"p{number}", 50) for number in range(8)]
    for process in processes:
        start(process)
    written = [int(line) for process in processes for line in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in processes] == [0] * 8
    with JobBook(path) as book:
        entries = book.find(owner="someone@example.org")
    assert len(entries) == 400
    assert sorted(written) == [entry.entry for entry in reversed(entries)]
    assert {entry.job_id for entry in entries} == {f"p{number}.{place}" for number in range(8) for place in range(50)}
    assert {entry.state for entry in entries} == {EntryState.ACCEPTED}


@pytest.mark.parametrize("after", [0, 3, 17])
def test_nothing_is_lost_when_the_process_is_killed(tmp_path: Path, after: int) -> None:
    path = tmp_path / "jobs.sqlite"
    process = writer(path, "p", 100_000)
    start(process)
    assert process.stdout is not None
    written = [int(process.stdout.readline()) for _ in range(after)]
    process.kill()
    written += [int(line) for line in process.stdout if line.endswith("\n")]  # also what was read ahead
    process.communicate(timeout=60)
    with JobBook(path) as book:
        known = {entry.entry: entry.state for entry in book.find()}
        assert {known[entry] for entry in written} <= {EntryState.ACCEPTED}
        assert set(known) - set(written) <= {len(written) + 1, len(written) + 2}
        with book.transaction() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        accepted(book)


FORK = """
import os, sys
from swiftxrt.jobs.book import JobBook
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.target import Target
book = JobBook(sys.argv[1])
request = XRTRequest(target=Target("X"), image=ImageRequest())
book.intend("ukssdc", "s", request, "")
child = os.fork()
for _ in range(20):
    book.intend("ukssdc", "s", request, "child" if child == 0 else "parent")
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(len(book.find(owner="child")), len(book.find(owner="parent")), len(book.find()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_book_after_a_fork(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK, str(tmp_path / "jobs.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["20", "20", "41"]


def test_connection_of_the_parent_process_is_left_alone(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    number = accepted(book)
    with book.transaction() as of_parent:
        pass
    kept: list[sqlite3.Connection] = []
    monkeypatch.setattr(_book_file, "_inherited", kept)
    with monkeypatch.context() as patch:
        patch.setattr(_book_file.os, "getpid", lambda: -1)
        assert book.entry(number).job_id == "951"
        with book.transaction() as of_child:
            assert of_child is not of_parent
        assert kept == [of_parent]
        assert of_parent.execute("SELECT COUNT(*) FROM entries").fetchone() == (1,)
        of_parent.close()
        book.close()


def test_pickled_book_is_the_same_book(book: JobBook) -> None:
    number = accepted(book)
    with pickle.loads(pickle.dumps(book)) as other:
        assert other.entry(number) == book.entry(number)


# JSON


def filled(book: JobBook) -> JobBook:
    accepted(book, "1")
    book.report(1, JobReport("1", {Kind.IMAGE: ProductStatus(Phase.ERROR, "no data")}))
    book.product(1, "spectrum", Path("/data/spec.tar.gz"))
    book.record_rebinning(1, handle("1", rebin_of="1", parameters={}))
    book.lose(book.intend(*PLACE, REQUEST, USER, ticket="list/1"), "no answer")
    book.forget(accepted(book, "4"))
    book.intend("local", "/folder", REQUEST, "")
    return book


def without_number(book: JobBook, **what: Any) -> list[Any]:
    entries = [{**vars(entry), "products": book.products(entry)} for entry in book.find(**what)]
    return [{key: value for key, value in entry.items() if key not in ("entry", "owner_mark")} for entry in entries]


def test_export_and_import(book: JobBook, tmp_path: Path) -> None:
    text = filled(book).export_json()
    with JobBook(tmp_path / "other" / "jobs.sqlite") as other:
        accepted(other, "99")
        assert other.import_json(text, owner=USER) == 4
        assert without_number(other)[:-1] == without_number(book)
        assert len(other.find(owner=USER)) == 4
        assert len(other.find(owner="")) == 1
        assert other.import_json(text, owner=USER) == 0
        assert other.import_json(other.export_json()) == 0
    assert book.import_json(text) == 0


def test_import_of_a_copy_keeps_the_users_apart(book: JobBook) -> None:
    text = filled(book).export_json()
    book.intend(*PLACE, REQUEST, "other@example.org")
    for entry in book.find():
        book.forget(entry)
    book.import_json(text, owner="other@example.org")
    assert len(book.find(owner=USER)) == 3
    assert book.find(owner="other@example.org") == []


def test_import_without_a_user_is_everybodys_until_one_asks(book: JobBook, tmp_path: Path) -> None:
    text = filled(book).export_json()
    with JobBook(tmp_path / "other" / "jobs.sqlite") as other:
        assert other.import_json(text) == 4
        assert len(other.find(owner=USER)) == len(other.find(owner="other@example.org")) == 3
        assert len(other.find(owner="")) == 1
        assert len(other.find(owner=USER, job_id="1")) == 2
        other.record(PLACE[1], handle("1"), USER)
        assert len(other.find(owner=USER, job_id="1")) == 2
        assert len(other.find(owner="other@example.org", job_id="1")) == 1  # the rebinning
        with pytest.raises(RequestError, match="JobBook.export_json is needed; got NoneType"):
            other.import_json(None)
    for bad in (5, None, "", "a\0b"):
        for use in (JobBook, JobBook.set_aside):
            with pytest.raises(RequestError, match="path: "):
                use(bad)


def test_import_meets_a_ticket_that_is_taken(book: JobBook, tmp_path: Path) -> None:
    text = filled(book).export_json()
    with JobBook(tmp_path / "other" / "jobs.sqlite") as other:
        mine = other.intend(*PLACE, REQUEST, USER, ticket="list/1")
        assert other.import_json(text) == 4
        assert [entry.entry for entry in other.find(ticket="list/1")] == [mine]


def spoil(path: list[Any], value: Any) -> Any:
    def change(plain: Any) -> Any:
        inner = plain
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return plain

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plain: [], "not a job book"),
        (spoil(["format"], "other"), "not a job book"),
        (spoil(["entries"], {}), "not a job book"),
        (spoil(["version"], 2), "format 2"),
        (spoil(["entries", 1], 3), "number 1"),
        (spoil(["entries", 0, "request"], {"target": {}}), "number 0"),
        (spoil(["entries", 0, "request"], None), "number 0"),
        (spoil(["entries", 0, "state"], "lost"), "'lost'"),
        (spoil(["entries", 0, "job_id"], None), "needs a job_id"),
        (spoil(["entries", 0, "job_id"], 7), "a text is needed"),
        (spoil(["entries", 0, "submitted"], "yesterday"), "yesterday"),
        (spoil(["entries", 0, "submitted"], "2020-01-01T00:00:00"), "with its zone"),
        (spoil(["entries", 0, "status"], {"image": ["SLEEPING", ""]}), "SLEEPING"),
        (spoil(["entries", 0, "status"], {"moon": ["ERROR", ""]}), "moon"),
        (spoil(["entries", 0, "products", 0, "kind"], "moon"), "moon"),
        (spoil(["entries", 0, "parameters"], [1]), "number 0"),
    ],
)
def test_damaged_text_is_refused_as_a_whole(book: JobBook, tmp_path: Path, change: Any, words: str) -> None:
    text = json.dumps(change(json.loads(filled(book).export_json())))
    with JobBook(tmp_path / "other" / "jobs.sqlite") as other:
        with pytest.raises(FormatError, match=words):
            other.import_json(text)
        assert other.find() == []


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", "null", '"\\ud800"'])
def test_text_that_is_no_book(book: JobBook, text: str) -> None:
    with pytest.raises(FormatError, match="not a job book"):
        book.import_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with JobBook(tmp_path_factory.mktemp("sample") / "jobs.sqlite") as book:
        return json.loads(filled(book).export_json())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_a_book_gives_our_errors_only(
    sample: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    entry = dict(data.draw(st.sampled_from(sample["entries"])))
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(JSON)
    text = json.dumps({**sample, "entries": [entry]})
    with JobBook(tmp_path_factory.mktemp("junk") / "jobs.sqlite") as book:
        try:
            book.import_json(text)
        except FormatError:
            return
        book.find()
