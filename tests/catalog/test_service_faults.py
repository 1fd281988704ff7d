"""A service of catalogues that fails, is slow, or means harm, over a real socket: for every call there is a result or an
error of ours, before its deadline, and nothing outside of the folders that were named."""

from __future__ import annotations

import gzip
import json
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData

from swiftxrt import SkyImage, SwiftXRTClass, conf
from swiftxrt.backends.ukssdc import catalog as ukssdc
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import SwiftXRTError, SwiftXRTWarning
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.faults import HOSTILE_NAMES, Fault, Reply, Request
from swiftxrt.testing.faults.proxy import fault_proxy
from swiftxrt.wire import api
from tests.catalog.example_burst import _archive
from tests.catalog.replay import URL
from tests.catalog.replies import REPLIES
from tests.catalog.test_tables import CSV

pytest.importorskip("pyarrow", reason="whole tables need the extra 'tables'")

PLACE = SkyCoord(95.4, -62.4, unit="deg")
LIMITS = {
    "max_reply": 1_000_000,
    "max_download": 2_000_000,
    "retries": 1,
    "read_timeout": 0.3,
    "total_timeout": 2.0,
    "retry_after_max": 0.01,
    "cache": False,
}
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\0IEND\xaeB`\x82"


@dataclass
class Scene:
    """A client, a disk, and a neighbour whom nobody should call."""

    client: SwiftXRTClass
    root: Path
    plan: FaultPlan
    url: str
    elsewhere: socket.socket

    @property
    def target(self) -> Path:
        return self.root / "deep" / "down" / "target"

    def outsiders(self) -> list[Path]:
        """What lies anywhere else than in the folder that was named and in that of the package."""
        own = (self.target, self.root / "cache")
        found = [path for path in self.root.rglob("*") if not any(path.is_relative_to(one) for one in own)]
        return [path for path in found if not any(one.is_relative_to(path) for one in own)]


_SAVED: dict[str, Any] = {"overwrite": True}
CALLS: dict[str, Callable[[Scene], Any]] = {
    "columns": lambda scene: scene.client.list_columns(),
    "rows": lambda scene: scene.client.query_catalog("GK Per", radius=1 * u.deg),
    "source": lambda scene: scene.client.get_source(209851),
    "transient": lambda scene: scene.client.get_transient(576),
    "dataset": lambda scene: scene.client.get_dataset(9725),
    "light curve": lambda scene: scene.client.get_light_curve(209851),
    "spectra": lambda scene: scene.client.get_spectra(209851, location=scene.target, **_SAVED),
    "previews": lambda scene: scene.client.get_previews(209851, location=scene.target, **_SAVED),
    "images": lambda scene: scene.client.get_images(9725, location=scene.target, layout="stems", **_SAVED),
    "limits": lambda scene: scene.client.get_upper_limits(PLACE, refresh=True),
    "epochs": lambda scene: scene.client.list_catalog_epochs(),
    "table": lambda scene: scene.client.get_catalog_table(columns=["LSXPS_ID"]),
    "burst by name": lambda scene: scene.client.get_burst_observations("GRB 060729"),
    "light curve of a burst": lambda scene: scene.client.get_light_curve(grb=221755),
    "spectra of a burst": lambda scene: scene.client.get_spectra(grb=221755),
    "positions": lambda scene: scene.client.get_positions(221755),
    "burst analyser": lambda scene: scene.client.get_burst_analyser(221755),
    "files of a burst": lambda scene: scene.client.download_burst_analyser(221755, scene.target, **_SAVED),
}
#: Those whose replies name files.
WITH_FILES = ("spectra", "previews", "images", "table", "spectra of a burst", "files of a burst")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """What the service has, by the end of the name."""
    folder = Path(tempfile.mkdtemp())
    wcs = sky_wcs(150.0, 20.0)
    counts = CCDData(np.ones((12, 10), dtype=int), unit=u.ct, wcs=wcs)
    exposure = CCDData(np.ones((12, 10)), unit=u.s, wcs=wcs)
    SkyImage(counts, exposure, EnergyBand.parse("0.3-10 keV")).write(folder / "a.img")
    image = gzip.compress((folder / "a.img").read_bytes())
    (folder / "a.img").unlink()
    folder.rmdir()
    archive = _archive("interval0")
    made = {".png": _PNG, ".img.gz": image, ".csv": CSV.encode(), "interval0.tar.gz": archive, "all.tar.gz": archive}
    return {**made, ".gif": b"GIF89a"}


@pytest.fixture(scope="module")
def served(files: dict[str, bytes]) -> Iterator[tuple[str, FaultPlan, Fault]]:
    """Address of a service that has nothing behind it but prepared replies."""

    def answer(request: Request, reply: Reply) -> Reply:
        sent = request.json
        if isinstance(sent, dict):
            text = json.dumps(api.success(REPLIES[sent["APIFunc"]])).replace(URL, url)
            return replace(reply, headers=(("Content-Type", "application/json"),), body=text.encode())
        found = next((content for ending, content in files.items() if request.path.endswith(ending)), None)
        return Reply(404) if found is None else replace(reply, body=found)

    plan = FaultPlan()
    with fault_proxy(("127.0.0.1", 9), plan) as port:
        url = f"http://127.0.0.1:{port}"
        yield url, plan, Fault("the service", answer, processed=False)


@pytest.fixture
def scene(served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    url, plan, _ = served
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ukssdc, "_LATE_S", {})  # limits have five minutes otherwise
    with ExitStack() as stack:
        settings = LIMITS | {"service_url": url, "cache_dir": str(tmp_path / "cache")}
        for key, value in settings.items():
            stack.enter_context(conf.set_temp(key, value))
        elsewhere = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        elsewhere.setblocking(False)
        made = Scene(stack.enter_context(SwiftXRTClass()), tmp_path, plan, url, elsewhere)
        yield made
        plan.clear()
        with pytest.raises(BlockingIOError):  # Nobody has called.
            elsewhere.accept()
    assert made.outsiders() == [tmp_path / "work"]
    assert not list(Path(tempfile.gettempdir()).glob("*escaped*"))


@pytest.fixture
def tried(scene: Scene, served: Any) -> Callable[..., Any]:
    """Call something while faults strike; warnings are ours."""

    def run(call: str, *strikes: Fault) -> Any:
        scene.plan.replace(served[2], *strikes)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                outcome = CALLS[call](scene)
                repr(outcome)
            except SwiftXRTError as error:
                outcome = error
        assert not [one.message for one in caught if not issubclass(one.category, SwiftXRTWarning)]
        assert scene.outsiders() == [scene.root / "work"]
        return outcome

    return run


def test_every_call_succeeds_without_faults(tried: Callable[..., Any]) -> None:
    for call in CALLS:
        outcome = tried(call)
        assert not isinstance(outcome, SwiftXRTError), f"{call}: {outcome}"


#: Trouble after which nothing can be had.
TROUBLE: dict[str, Callable[[], Fault]] = {
    "reset": faults.reset,
    "reset in the body": lambda: faults.reset_in_body(0.5),
    "cut off": lambda: faults.truncate(0.5),
    "silence": faults.never_answer,
    "silence in the body": lambda: faults.stall(0.5),
    "slow": lambda: faults.drip(20 * u.byte / u.s, head=True),
    "500": lambda: faults.status(500),
    "503": lambda: faults.status(503),
    "429": lambda: faults.status(429, retry_after=1000 * u.s),
    "page": faults.html,
    "empty": faults.empty,
    "half of the JSON": faults.bad_json,
    "endless": faults.endless_body,
    "packed zeros": lambda: faults.gzip_bomb(1 << 24),
    "deep": faults.deep_json,
    "refusal": lambda: faults.replace_body(json.dumps(api.failure("it is broken")).encode()),
    "list": lambda: faults.replace_body(b"[]"),
    "number": lambda: faults.replace_body(b"5"),
    "nothing inside": lambda: faults.replace_body(b'{"OK": 1}'),
}
#: Those to whom an empty reply says that there is nothing.
NOTHING_IS_AN_ANSWER = {("nothing inside", "epochs"), ("nothing inside", "positions"), ("nothing inside", "table")}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble(tried: Callable[..., Any], trouble: str) -> None:
    with conf.set_temp("total_timeout", 0.15 if trouble in ("silence", "silence in the body", "slow") else 2.0):
        for call in CALLS:
            outcome = tried(call, TROUBLE[trouble]())
            if (trouble, call) not in NOTHING_IS_AN_ANSWER:
                assert isinstance(outcome, SwiftXRTError), f"{call}: {outcome!r:.200}"
                assert len(str(outcome)) < 2000


@pytest.mark.parametrize("fault", ["503", "reset"])
def test_trouble_that_passes(tried: Callable[..., Any], fault: str) -> None:
    """What only looks is tried again."""
    for call in CALLS:
        outcome = tried(call, TROUBLE[fault]().on(count=1))
        assert not isinstance(outcome, SwiftXRTError), f"{call}: {outcome}"


def test_trouble_with_files_alone(tried: Callable[..., Any], scene: Scene) -> None:
    for trouble in ("reset", "cut off", "500", "page", "empty", "endless"):
        for call in WITH_FILES:
            outcome = tried(call, TROUBLE[trouble]().on(method="GET"))
            if call not in ("spectra", "spectra of a burst"):  # the fits are there without
                assert isinstance(outcome, SwiftXRTError), f"{call}, {trouble}: {outcome!r:.200}"
    left = [path for path in scene.root.rglob("*") if path.suffix in (".parquet", ".png", ".gz", ".gif", ".part")]
    assert [path.name for path in left if path.stat().st_size > LIMITS["max_download"]] == []


@pytest.mark.parametrize("value", [None, 5, -1.5, "x", "", [], [[1]], {}, {"a": {"b": []}}, True], ids=repr)
def test_wrong_types_inside(tried: Callable[..., Any], value: Any) -> None:
    def everywhere(content: dict[str, Any]) -> dict[str, Any]:
        return {"OK": 1, **{key: value for key in content if key != "OK"}}

    def deeper(content: dict[str, Any]) -> dict[str, Any]:
        inner = {key: [value, one] if isinstance(one, list) else dict.fromkeys(one, value) if isinstance(one, dict) else one
                 for key, one in content.items()}  # fmt: skip
        return {**inner, "OK": 1}

    for call in CALLS:
        tried(call, faults.change_reply(everywhere))
        tried(call, faults.change_reply(deeper))


def _elsewhere(scene: Scene) -> list[str]:
    port, own = scene.elsewhere.getsockname()[1], scene.url.removeprefix("http://")
    return [
        f"http://127.0.0.1:{port}/x/a.png",
        f"https://127.0.0.1:{port}/x/a.png",
        f"http://{own}@127.0.0.1:{port}/a.png",
        f"http://127.0.0.1:{port}\\@{own}/a.png",
        f"http://127.0.0.1:{port}#@{own}/a.png",
        f"//127.0.0.1:{port}/a.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        "http://[",
        "",
    ]


@pytest.mark.parametrize("call", WITH_FILES)
def test_files_on_other_hosts(tried: Callable[..., Any], scene: Scene, call: str) -> None:
    for place in _elsewhere(scene):
        outcome = tried(call, faults.change_texts(lambda text, place=place: place if "://" in text else text))
        assert isinstance(outcome, SwiftXRTError) or call.startswith("spectra"), f"{place}: {outcome!r:.100}"
        redirect = faults.redirect(place or "http://[").on(method="GET")
        assert isinstance(tried(call, redirect), SwiftXRTError) or call.startswith("spectra"), place
    assert not any(b"root:" in path.read_bytes() for path in scene.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("call", WITH_FILES)
@pytest.mark.parametrize("name", HOSTILE_NAMES[::2], ids=ascii)
def test_names_of_files(tried: Callable[..., Any], scene: Scene, call: str, name: str) -> None:
    """Names that lead out of the folder, in addresses and beside them; what is kept has a name of letters."""

    def renamed(text: str) -> str:
        head, slash, tail = text.rpartition("/")
        ending = tail[tail.find(".") :] if "." in tail else ""
        return f"{head}/{name}{ending}" if slash and ending else text

    tried(call, faults.change_texts(renamed))
    tried(call, faults.rename("FILE", name))
    for path in scene.root.rglob("*"):
        assert path.name.isprintable()
        assert not path.is_symlink()


@pytest.mark.parametrize(
    "file", ["../../escaped.csv", "/srv/escaped.csv", "..", "", "LSXPS_Sources.csv/../x.csv", "a.exe"]
)
def test_names_of_tables(tried: Callable[..., Any], scene: Scene, file: str) -> None:
    strike = faults.change_reply(lambda content: {**content, **({"FILE": file} if "FILE" in content else {})})
    assert isinstance(tried("table", strike), SwiftXRTError)
    both = faults.change_reply(
        lambda content: {**content, **({"FILE": file, "URL": f"{scene.url}/{file}"} if "FILE" in content else {})}
    )
    tried("table", both)


def test_large_replies_are_refused_before_they_fill_memory(tried: Callable[..., Any]) -> None:
    many = b'{"OK":1,"NumRows":1,"Results":[' + b'{"RA":1},' * 300_000 + b"{}]}"
    for call in CALLS:
        assert isinstance(tried(call, faults.replace_body(many)), SwiftXRTError)
