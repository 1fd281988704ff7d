"""Replies about catalogues and bursts with anything in any place: they are read and can be used, or there is an error of
ours."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import NoDataError, ServiceError
from swiftxrt.kinds import ProductKind
from swiftxrt.products.catalog_record import CatalogRecord
from swiftxrt.wire import api, burst_jobs
from swiftxrt.wire.query import read_row_request
from swiftxrt.wire.sxps_limit_calls import read_limit_request
from tests.catalog.replay import URL
from tests.catalog.replies import REPLIES
from tests.fuzz.test_replies import CHANGES, JUNK, changed

PLACE = SkyCoord(95.4, -62.4, unit="deg")


class Fixed:
    """A service that always says the same, and has no files."""

    name, service = "ukssdc", URL

    def __init__(self, function: str, reply: Any) -> None:
        self._replies = {**{key: api.success(one) for key, one in REPLIES.items()}, function: reply}

    def ask(self, function: str, content: Any, *, deadline_s: float | None = None, keep: Path | None = None) -> Any:
        reply = copy.deepcopy(self._replies[function])
        if keep is not None:
            keep.write_text(json.dumps(reply))
        return api.open_reply(reply, url=self.service)

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        raise ServiceError("there is no such file", url=url)

    def close(self) -> None:
        pass


def used(entry: CatalogRecord) -> Any:
    """All that can be had of an entry without a name of one of its fields."""
    shown = (
        [repr(entry[name]) for name in entry],
        repr(entry.table),
        hash(entry),
        repr(entry),
        entry.describe(entry._needed[0]),
    )
    for name in ("band_details", "detections", "observations"):
        method = getattr(entry, name, None)
        with contextlib.suppress(NoDataError):
            shown += (repr(method() if callable(method) else method),)
    again = type(entry).from_dict(entry.to_dict())
    assert again == entry
    return shown, [getattr(entry, name) for name in dir(type(entry)) if not name.startswith("_")]


def _request(read: Callable[[dict[str, Any]], Any]) -> Callable[[SwiftXRTClass], Any]:
    """A server reads what was sent to it."""
    return lambda swift: read(dict(swift._catalog.ask("request", {})))


#: Function whose reply has faults, what it is replaced by, and the call that reads it.
READERS: dict[str, tuple[str, str, Callable[[SwiftXRTClass], Any]]] = {
    "columns": ("getMetadata", "", lambda swift: swift.list_columns()),
    "columns of a query": ("getMetadata", "", lambda swift: swift.query_catalog(PLACE, radius=1 * u.deg)),
    "rows": ("queryDB", "", lambda swift: swift.query_catalog("GK Per", radius=1 * u.deg)),
    "rows in order": ("queryDB", "", lambda swift: swift.query_catalog(limit=5, columns=["LSXPS_ID", "Notes"])),
    "source": ("getSXPSSourceInfo", "", lambda swift: used(swift.get_source(209851))),
    "older source": ("getSXPSSourceInfo", "older", lambda swift: used(swift.get_source(209851))),
    "observations": ("getSXPSSourceInfo", "", lambda swift: swift.get_source_observations(209851, which="all")),
    "transient": ("getSXPSTransInfo", "", lambda swift: used(swift.get_transient(576))),
    "source of a transient": ("getSXPSTransAsSources", "", lambda swift: swift.get_source(transient=576)),
    "dataset": ("getSXPSDatasetInfo", "", lambda swift: used(swift.get_dataset(9725))),
    "older stack": ("getSXPSDatasetInfo", "stack", lambda swift: used(swift.get_dataset(9725))),
    "light curve": ("getSXPSLC", "", lambda swift: swift.get_light_curve(209851)),
    "spectra": ("getSXPSSpectrumData", "", lambda swift: swift.get_spectra(209851)),
    "spectra of a transient": ("getSXPSSpectrumData", "both", lambda swift: swift.get_spectra(transient=576)),
    "previews": ("getSXPSSourceImages", "", lambda swift: swift.get_previews(209851)),
    "images": ("getSXPSDatasetImages", "", lambda swift: swift.get_images(9725)),
    "limits": ("getSXPSUL", "", lambda swift: swift.get_upper_limits(PLACE, refresh=True)),
    "late limits": ("getSXPSUL", "late", lambda swift: swift.get_upper_limits(PLACE, timeout=0 * u.s, refresh=True)),
    "epochs": ("getOldSXPSTables", "", lambda swift: swift.list_catalog_epochs()),
    "table": ("getSXPSTable", "", lambda swift: swift.get_catalog_table()),
    "name of a burst": ("GRBNameToTargetID", "", lambda swift: swift.get_light_curve(grb="GRB 060729")),
    "light curve of a burst": ("downloadLightCurve", "", lambda swift: swift.get_light_curve(grb=221755)),
    "spectra of a burst": ("downloadSpectrum", "", lambda swift: swift.get_spectra(grb=221755)),
    "positions": ("getGRBPositions", "", lambda swift: swift.get_positions(221755)),
    "burst analyser": ("downloadBurstAnalyser", "", lambda swift: swift.get_burst_analyser(221755)),
    "files": ("getBurstAnalyserTarURL", "", lambda swift: swift.download_burst_analyser(221755, conf.cache_dir)),
    "targets": ("getGRBTargetList", "", lambda swift: swift.get_burst_observations(221755)),
    "observations of a target": ("getObsByTarg", "", lambda swift: swift.get_burst_observations(221755)),
    "rebinning": ("rebinLightCurve", "", lambda swift: burst_jobs.read_job(swift._catalog.ask("rebinLightCurve", {}))),
    "state": (
        "checkRebinStatus",
        "",
        lambda swift: burst_jobs.read_status(swift._catalog.ask("checkRebinStatus", {}), "1", ProductKind.SPECTRUM),
    ),
    "rows that are asked for": ("request", "question", _request(read_row_request)),
    "limits that are asked for": ("request", "limits question", _request(read_limit_request)),
}
QUESTIONS = {
    "question": {
        "database": "LSXPS",
        "table": "sources",
        "numRows": 10,
        "firstRow": 0,
        "cols": ["RA"],
        "constraints": [
            {"colName": "RA", "filter": "BETWEEN", "val": [1, 2], "combiner": "OR", "filter2": "<", "val2": 5}
        ],
        "searchRA": 1.5,
        "searchDec": 2.5,
        "searchRad": 30,
    },
    "limits question": {"catalogue": "LSXPS", "bands": ["total"], "RA": 1.5, "Dec": 2.5, "sigma": 3},
}
#: A sound reply is an error for these: what was asked for was replaced, or is a file.
NOTHING = {"older source", "older stack", "previews", "images", "table", "files"}


def reply_of(name: str) -> Any:
    function, other, _ = READERS[name]
    content = QUESTIONS[other] if other in QUESTIONS else REPLIES[other or function]
    return {"OK": 1, "APIVersion": "1.0.5", **content}


def client(name: str, reply: Any) -> SwiftXRTClass:
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = Fixed(READERS[name][0], reply)
    return made


@pytest.fixture(autouse=True, scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with conf.set_temp("cache_dir", str(tmp_path_factory.mktemp("cache"))):
        yield


@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.SwiftXRTWarning")
@pytest.mark.parametrize("name", READERS)
def test_replies_as_they_should_be(name: str, sound: Any) -> None:
    assert sound(lambda: READERS[name][2](client(name, reply_of(name)))) is (name not in NOTHING)


@pytest.mark.parametrize("name", READERS)
def test_replies(name: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(CHANGES)
    def check(changes: list[tuple[int, str, int, Any]]) -> None:
        swift = client(name, changed(reply_of(name), changes))
        sound(lambda: READERS[name][2](swift))

    check()


@pytest.mark.parametrize("name", READERS)
def test_anything(name: str, sound: Any) -> None:
    @settings.get_profile("fuzz")
    @given(st.one_of(JUNK, st.dictionaries(st.sampled_from(sorted(reply_of(name))), JUNK)))
    def check(content: Any) -> None:
        swift = client(name, {"OK": 1, **content} if isinstance(content, dict) else content)
        sound(lambda: READERS[name][2](swift))

    check()
