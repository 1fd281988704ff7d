"""A service that means harm: it must not write outside the folder, reach other hosts, fill memory or disk, or forge
what people read. For every call there is a result or an error of ours, and none of that."""

from __future__ import annotations

import logging
import re
import socket
import stat
import tempfile
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.table import Table

from swiftxrt import (
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    SnapshotBinning,
    SwiftXRTClass,
    Target,
    XRTRequest,
    conf,
)
from swiftxrt.engine import build as engine
from swiftxrt.exceptions import (
    NoDataError,
    ProductNotAvailableError,
    ProtocolError,
    RequestRejectedError,
    ServiceError,
    SwiftXRTError,
    SwiftXRTWarning,
)
from swiftxrt.jobs.job import Job
from swiftxrt.products.productset import ProductSet
from swiftxrt.testing import FaultPlan, embedded_server, faults
from swiftxrt.testing.faults import ARCHIVE_TRICKS, HOSTILE_NAMES, Fault

USER = "someone.known@example.org"
NAME = "constant source"
REQUEST = XRTRequest(
    target=Target(NAME, resolve_t0=True),
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
    image=ImageRequest(bands=["0.3-10 keV"]),
)
MAX_REPLY, MAX_DOWNLOAD = 2_000_000, 3_000_000
LIMITS = {
    "max_reply": MAX_REPLY,
    "max_download": MAX_DOWNLOAD,
    "retries": 1,
    "read_timeout": 5.0,
    "total_timeout": 20.0,
    "retry_after_max": 0.01,
    "poll_interval": 0.01,
    "cache": False,
}
#: Steers a terminal, ends or turns a line: escape, return, bell, zero, marks of direction, their one-byte forms.
UNFIT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b]0;owned\x07\x1b[2J\r\nERROR: forged\x00\u202e\u2066\x9b31m\x85\x08"


@dataclass
class Scene:
    """A client, a finished job, and a disk."""

    client: SwiftXRTClass
    job: Job
    root: Path
    plan: FaultPlan
    url: str
    elsewhere: socket.socket
    log: pytest.LogCaptureFixture

    @property
    def target(self) -> Path:
        return self.root / "deep" / "down" / "target"

    @property
    def other_port(self) -> int:
        return int(self.elsewhere.getsockname()[1])

    def outsiders(self) -> list[Path]:
        """What lies anywhere else than in the folder that was named and in that of the package."""
        own = (self.target, self.root / "data", self.root / "cache")
        found = [path for path in self.root.rglob("*") if not any(path.is_relative_to(one) for one in own)]
        return [path for path in found if not any(one.is_relative_to(path) for one in own)]


def written(products: ProductSet, folder: Path) -> ProductSet:
    products.write(folder, overwrite=True)
    return products


CALLS: dict[str, Callable[[Scene], Any]] = {
    "submit": lambda scene: scene.client.submit(REQUEST),
    "get_job": lambda scene: scene.client.get_job(scene.job.id),
    "list_jobs": lambda scene: scene.client.list_jobs(),
    "count_active_jobs": lambda scene: scene.client.count_active_jobs(),
    "refresh": lambda scene: scene.job.refresh(),
    "wait": lambda scene: scene.job.wait(timeout=0.05 * u.s, progress=False),
    "cancel": lambda scene: scene.job.cancel(),
    "light curve": lambda scene: scene.job.product("light_curve"),
    "image": lambda scene: scene.job.product("image"),
    "rebin": lambda scene: scene.job.rebin(SnapshotBinning()),
    "download": lambda scene: scene.job.download(scene.target, overwrite=True),
    "unpack": lambda scene: scene.job.download(scene.target, extract=True, stem="X", overwrite=True),
    "unpack zip": lambda scene: scene.job.download(scene.target, archive_format="zip", extract=True, overwrite=True),
    "write": lambda scene: written(scene.job.result(timeout=0.05 * u.s, progress=False), scene.target / "set"),
}
#: What is kept apart from what another call shows.
LOOKS = ("list_jobs", "get_job", "unpack", "write")
FLOODED = ("submit", "list_jobs", "wait", "light curve", "rebin", "download", "unpack zip")


@pytest.fixture(scope="module")
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture(scope="module")
def server(small_archive: Path, plan: FaultPlan) -> Iterator[str]:
    with embedded_server(small_archive, users=[USER], faults=plan, job_limit=None, workers=1) as url:
        yield url


@pytest.fixture(scope="module")
def job_id(server: str) -> Iterator[str]:
    """A job that is finished. No product is made of those that come later, which only takes time."""

    def refuse(*arguments: object, **options: object) -> None:
        raise NoDataError("one job is enough")

    with (
        SwiftXRTClass(user=USER) as client,
        conf.set_temp("poll_interval", 0.01),
        pytest.MonkeyPatch.context() as patch,
    ):
        job = client.submit(REQUEST)
        job.wait(progress=False)
        patch.setattr(engine, "build_product", refuse)
        yield job.id


@pytest.fixture
def scene(
    job_id: str,
    server: str,
    plan: FaultPlan,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "work"))
    caplog.set_level(logging.DEBUG)
    plan.clear()
    with ExitStack() as stack:
        for name, value in (
            LIMITS | {"data_dir": str(tmp_path / "data"), "cache_dir": str(tmp_path / "cache")}
        ).items():
            stack.enter_context(conf.set_temp(name, value))
        elsewhere = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        elsewhere.setblocking(False)
        client = stack.enter_context(SwiftXRTClass(user=USER))
        job = client.get_job(job_id)
        job.refresh()
        made = Scene(client, job, tmp_path, plan, server, elsewhere, caplog)
        caplog.clear()
        yield made
        plan.clear()
        with pytest.raises(BlockingIOError):  # Nobody has called.
            elsewhere.accept()
    assert made.outsiders() == [tmp_path / "work"]
    assert not list(Path(tempfile.gettempdir()).glob("*escaped*"))
    assert Path.cwd() == tmp_path / "work"


def tried(scene: Scene, name: str, *strikes: Fault, bound: int | None = None) -> tuple[Any, list[str]]:
    """Call something while faults strike; return what came, and all that people may see of it."""
    scene.log.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scene.plan.replace(*strikes)
        if bound is not None:
            tracemalloc.start()
        try:
            outcome = CALLS[name](scene)
        except SwiftXRTError as error:
            outcome = error
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            scene.plan.clear()
    assert bound is None or peak < bound, f"{name}: {peak / 1e6:.0f} MB"
    assert not [one.message for one in caught if not issubclass(one.category, SwiftXRTWarning)]
    seen = [scene.log.text, *(str(one.message) for one in caught), *shown(outcome)]
    assert USER not in "".join(seen)
    return outcome, seen


def shown(outcome: Any) -> Iterator[str]:
    """All ways to look at an object that do not ask for one of its parts."""
    yield from (repr(outcome), str(outcome))
    if isinstance(outcome, SwiftXRTError):
        yield "".join(traceback.format_exception(outcome))
        yield repr(vars(outcome))
    if isinstance(outcome, Table):
        yield from outcome.pformat(-1, -1)
    if isinstance(outcome, Job):
        yield from shown(outcome.report)
    for way in ("_repr_html_", "info", "summary"):
        method = getattr(outcome, way, None)
        if callable(method) and not isinstance(outcome, Table):
            yield str(method())
    table = getattr(outcome, "table", None)
    if isinstance(table, Table):
        yield from shown(table)


# ---------------------------------------------------------------- what holds without any fault


def test_every_call_succeeds_without_faults(scene: Scene) -> None:
    for name in CALLS:
        outcome, _ = tried(scene, name)
        assert not isinstance(outcome, SwiftXRTError), f"{name}: {outcome}"
    assert scene.outsiders() == [scene.root / "work"]


def test_what_finds_faults_finds_them(scene: Scene) -> None:
    (scene.root / "escaped").touch()
    assert scene.root / "escaped" in scene.outsiders()
    (scene.root / "escaped").unlink()
    assert UNFIT.search("\x1b[2J")
    socket.create_connection(("127.0.0.1", scene.other_port)).close()
    scene.elsewhere.accept()[0].close()


# ---------------------------------------------------------------- files outside of the folder


#: Of these, what is sound is taken: regular files, under names of our own, with modes of our own.
SOUND_IN_PART = ("symlink", "hardlink", "device", "fifo", "setuid", "control characters", "nested bomb")


@pytest.mark.fault_case(77, 78, 79, 80)
@pytest.mark.parametrize("call", ["unpack", "unpack zip"])
@pytest.mark.parametrize("trick", ARCHIVE_TRICKS)
def test_archives(scene: Scene, call: str, trick: str) -> None:
    suffix = ".zip" if call.endswith("zip") else ".tar.gz"
    try:
        faults.hostile_archive(trick, suffix, size=1, members=1)
    except SwiftXRTError:
        pytest.skip(f"no {suffix} archive has that")
    strike = faults.hostile_file(trick, size=1 << 29, members=20_001)
    bound = None if trick == "many members" else 60_000_000  # Following memory makes it slow.
    outcome, seen = tried(scene, call, strike, bound=bound)
    assert not [text for text in seen if UNFIT.search(text)]
    for path in scene.root.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), path
        assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXOTH) or path.is_dir()
        assert path.name.isprintable()
    left_over = sum(path.stat().st_size for path in scene.target.rglob("*") if path.is_file())
    assert left_over < 2 * MAX_DOWNLOAD
    assert isinstance(outcome, SwiftXRTError) is (trick not in SOUND_IN_PART), outcome
    if isinstance(outcome, SwiftXRTError):
        assert not list(scene.target.iterdir())


@pytest.mark.parametrize("name", [HOSTILE_NAMES[number] for number in (0, 1, 4, 13, 15)], ids=ascii)
def test_names(scene: Scene, name: str) -> None:
    """Names of targets and of datasets, products and files, wherever the service gives one."""
    known = (NAME, "PC", "image", "lc", "0.3-10 keV")
    for call in LOOKS:
        _, seen = tried(scene, call, faults.change_texts(lambda text: name if text in known else text))
        assert not [text for text in seen if UNFIT.search(text)]
    _, seen = tried(scene, "write", faults.rename("PCData", name), faults.rename("image", name))
    assert not [text for text in seen if UNFIT.search(text)]
    assert all(path.name.isprintable() for path in scene.root.rglob("*"))


@pytest.mark.parametrize("name", HOSTILE_NAMES[::3], ids=ascii)
def test_jobs_with_names_that_are_no_numbers(scene: Scene, name: str) -> None:
    def renamed(content: Any) -> Any:
        if isinstance(content, dict):
            return {key: name if key in ("JobID", "oldJob", "URL") else renamed(one) for key, one in content.items()}
        return [renamed(one) for one in content] if isinstance(content, list) else content

    for call in ("submit", "get_job", "list_jobs", "rebin"):
        _, seen = tried(scene, call, faults.change_reply(renamed))
        assert not [text for text in seen if UNFIT.search(text)]
    tried(scene, "list_jobs")


# ---------------------------------------------------------------- other hosts


def places_elsewhere(scene: Scene) -> list[str]:
    port, own = scene.other_port, scene.url.removeprefix("http://")
    return [
        f"http://127.0.0.1:{port}/user_objects/x",
        f"http://localhost:{port}/user_objects/x",
        f"https://127.0.0.1:{port}/user_objects/x",
        f"http://{own}@127.0.0.1:{port}/user_objects/x",
        f"http://127.0.0.1:{port}\\@{own}/x",
        f"http://127.0.0.1:{port}#@{own}/x",
        f"http://2130706433:{port}/x",
        f"http://[::ffff:127.0.0.1]:{port}/x",
    ]


@pytest.mark.parametrize("call", ["submit", "get_job"])
def test_addresses_in_replies(scene: Scene, call: str) -> None:
    """The address of a job, which all its files are fetched from."""
    for place in [*places_elsewhere(scene), "http://", "http://["]:
        job, _ = tried(scene, call, faults.hostile_urls(place))
        assert isinstance(job, Job)
        scene.job = job
        for look in ("refresh", "download", "unpack"):
            tried(scene, look)
        if call == "get_job":
            scene.job.refresh()
            assert isinstance(tried(scene, "download")[0], SwiftXRTError), place


@pytest.mark.parametrize("call", CALLS)
def test_redirects(scene: Scene, call: str) -> None:
    port = scene.other_port
    places = [f"//127.0.0.1:{port}/x", f"\\\\127.0.0.1:{port}/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://["]
    for number, place in enumerate([*places_elsewhere(scene), *places]):
        outcome, seen = tried(scene, call, faults.redirect(place, status=(301, 302, 307)[number % 3]))
        assert isinstance(outcome, SwiftXRTError), place
        assert "root:" not in "".join(seen)


# ---------------------------------------------------------------- memory and disk

FLOODS: dict[str, Callable[[], Fault]] = {
    "endless text": faults.endless_body,
    "endless list": lambda: faults.endless_body(b'{"OK":1,"jobs":[', chunk=b"1," * 30_000),
    "endless zeros": lambda: faults.endless_body(b"", chunk=bytes(1 << 16)),
    "packed zeros": lambda: faults.gzip_bomb(1 << 29),
    "deep JSON": faults.deep_json,
    "huge headers": faults.huge_headers,
    "long number": lambda: faults.replace_body(b'{"OK":1,"JobID":' + b"9" * 1_000_000 + b"}"),
    "many keys": lambda: faults.replace_body(
        b'{"OK":1' + b"".join(b',"%0200d":0' % number for number in range(9000)) + b"}"
    ),
    "long error": lambda: faults.replace_body(b'{"OK":0,"ERROR":"' + b"x" * 1_900_000 + b'"}'),
    "long page": lambda: faults.html("<html><title>" + "x" * 1_900_000, status=500),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_floods(scene: Scene, flood: str) -> None:
    strike = replace(FLOODS[flood](), processed=False)  # No job is made in this process.
    for call in FLOODED:
        _, seen = tried(scene, call, strike, bound=80_000_000)
        assert max(map(len, seen)) < 500_000, call
    sizes = [path.stat().st_size for path in scene.root.rglob("*") if path.is_file()]
    assert sum(sizes) < 6 * MAX_DOWNLOAD


# ---------------------------------------------------------------- logs and terminals

FORGERIES: dict[str, Callable[[], list[Fault]]] = {
    "control characters": lambda: [faults.control_characters()],
    "everywhere": lambda: [faults.change_texts(lambda text: text + EVIL)],
    "in front": lambda: [faults.change_texts(lambda text: EVIL + text)],
    "instead": lambda: [faults.change_texts(lambda text: EVIL)],
    "in keys": lambda: [faults.change_texts(lambda text: text + EVIL, keys=True)],
    "refusal": lambda: [faults.change_reply(lambda content: {"OK": 0, "ERROR": EVIL, "listErr": [{EVIL: EVIL}, EVIL]})],
    "error page": lambda: [faults.html(f"<html><title>{EVIL}</title>{EVIL}", status=500)],
    "page": lambda: [faults.html(EVIL)],
    "error text": lambda: [faults.status(400, EVIL)],
    "media type": lambda: [faults.replace_body(b"?", media_type="text/\x1b[2J\x9b31m")],
    "encoding": lambda: [faults.bad_encoding("\x1b[2J\x9b31m")],
    "pause": lambda: [faults.status(503, EVIL, headers={"Retry-After": "\x1b[2J\x9b31m"})],
    "redirect": lambda: [faults.redirect("http://\x1b[2J\x9b31m/\x85\x08")],
    "version": lambda: [faults.change_reply(lambda content: {**content, "APIVersion": EVIL})],
}


@pytest.mark.parametrize(
    "error",
    [
        ServiceError(EVIL, url=EVIL, payload_excerpt=EVIL),
        ProtocolError(EVIL, advice=EVIL),
        RequestRejectedError(EVIL, problems=[("field", EVIL)]),
        ProductNotAvailableError("image", EVIL),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_hold_nothing_that_is_not_text(error: SwiftXRTError) -> None:
    """Whoever shows a part of an error, or writes it to a log, need not look at it first."""
    parts = [str(error), *(value for value in vars(error).values() if isinstance(value, str))]
    parts += [text for _, text in getattr(error, "problems", ())]
    assert not [text for text in parts if UNFIT.search(text)]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgeries(scene: Scene, forgery: str, capsys: pytest.CaptureFixture[str]) -> None:
    for call in CALLS:
        _, seen = tried(scene, call, *FORGERIES[forgery]())
        assert not [(call, text) for text in seen if UNFIT.search(text)]
        assert not [line for text in seen[:1] for line in text.splitlines() if line.startswith("ERROR: forged")]
    assert "".join(capsys.readouterr()) == ""
