"""The products of bursts that a local catalogue makes of observations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy import constants

from swiftxrt.backends.local.catalog import burst_products
from swiftxrt.backends.local.catalog.burst_fluxes import ASSUMED_INDEX, ASSUMED_NH_CM2, flux_factors
from swiftxrt.backends.local.catalog.burst_tables import add_bursts
from swiftxrt.backends.local.catalog.burst_targets import burst_of_target
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.engine.calibration import EMBEDDED
from swiftxrt.engine.source_models import AbsorbedPowerLaw
from swiftxrt.exceptions import (
    ProductNotAvailableError,
    RequestError,
    RequestRejectedError,
    ServiceUnavailableError,
    UnknownObjectError,
)
from swiftxrt.kinds import ProductKind
from swiftxrt.mission import Mode
from swiftxrt.server.handlers import API_PATH, Service
from swiftxrt.server.users import UserRegistry
from swiftxrt.testing.synthetic import simulate, small_scene

BURST, AGAIN, STAR = 880001, 880002, 9999002
OBSID = "00880001000"
URL = "http://server"
LC = {"type": "GRB", "objectID": BURST, "incbad": "yes", "nosys": "no"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A burst that was observed as two targets, and a star."""
    folder = tmp_path_factory.mktemp("archive")
    star = small_scene()
    burst = replace(star, name="GRB 190101B", target_id="00880001")
    later = [replace(one, start_s=one.start_s + 86400.0) for one in star.snapshots]
    for scene in (star, burst, replace(burst, target_id="00880002", snapshots=tuple(later))):
        simulate(folder, scene=scene)
    (folder / OBSID / "xrt" / "hk").mkdir()
    (folder / OBSID / "xrt" / "hk" / "notes.txt").write_text("of the observation")
    (folder / OBSID / ".secret").write_text("hidden")
    return folder


@pytest.fixture(scope="module")
def backend(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    with LocalBackend(archive, state=tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def catalog(backend: LocalBackend) -> LocalCatalog:
    return backend.catalog


def asked(catalog: LocalCatalog, function: str, **content: Any) -> dict[str, Any]:
    return catalog.answer(function, content, URL)


def served(backend: LocalBackend, function: str, **content: Any) -> dict[str, Any]:
    """The same through the server."""
    reply = Service(backend, UserRegistry()).answer(API_PATH, {**content, "APIFunc": function}, URL)
    return {key: value for key, value in reply.items() if key not in ("OK", "APIVersion", "Provenance", "provenance")}


def addresses(content: Any) -> list[str]:
    """All addresses in a reply."""
    if isinstance(content, dict):
        return [one for value in content.values() for one in addresses(value)]
    return [content] if isinstance(content, str) and content.startswith(URL) else []


# ---------------------------------------------------------------- who it is


@pytest.mark.parametrize("name", ["GRB 190101B", "GRB190101B", "grb 190101b", "SIM_GRB 190101B"])
def test_names(catalog: LocalCatalog, name: str) -> None:
    assert asked(catalog, "GRBNameToTargetID", name=name) == {"targetID": BURST}


@pytest.mark.parametrize("name", ["GRB 190101A", "constant source", "", None, 190101])
def test_names_that_are_not_there(catalog: LocalCatalog, name: Any) -> None:
    assert "NOTFOUND" in asked(catalog, "GRBNameToTargetID", name=name)


@pytest.mark.parametrize("target", [BURST, AGAIN, "00880001"])
def test_targets(catalog: LocalCatalog, target: Any) -> None:
    assert asked(catalog, "getGRBTargetList", targetID=target) == {"targetList": ["00880001", "00880002"]}


def test_what_is_no_burst(catalog: LocalCatalog) -> None:
    for target in (STAR, 1, None, "1e400", "../x", True, 10**30):
        assert asked(catalog, "getGRBTargetList", targetID=target) == {"targetList": []}
        assert "NOLC" in asked(catalog, "downloadLightCurve", type="GRB", objectID=target)
        assert "NoSpectrum" in asked(catalog, "downloadSpectrum", type="GRB", objectID=target)
        assert asked(catalog, "downloadBurstAnalyser", targetID=target) == {"Instruments": []}
        assert set(asked(catalog, "getGRBPositions", targetID=target).values()) == {None}
        with pytest.raises(UnknownObjectError, match="no such burst"):
            asked(catalog, "rebinLightCurve", type="GRB", objectID=target, binMeth="obsid")
        with pytest.raises(UnknownObjectError, match="no such burst"):
            asked(catalog, "getBurstAnalyserTarURL", targetID=target)


def test_rows_of_the_burst(catalog: LocalCatalog) -> None:
    store = CatalogStore()
    add_bursts(store, catalog.archive)
    (row,) = store.select("SELECT * FROM UK_XRT_XRTLiveCat")
    assert (row["targetID"], row["name"], row["Err90"]) == (BURST, "GRB 190101B", None)
    assert (row["RA"], row["Decl"]) == pytest.approx((150.0, 20.0), abs=1e-4)
    (row,) = store.select("SELECT * FROM SDC_GRB_SDC_Data_Table")
    assert (row["Name"], row["TriggerNumber"], row["BAT_T90"]) == ("GRB 190101B", BURST, None)
    store.close()


def test_table_has_the_position_that_is_found(catalog: LocalCatalog) -> None:
    """That of the X-ray source, as soon as somebody asks; no catalogue of sources is built for it."""
    (row,) = asked(catalog, "queryDB", database="UK_XRT", table="XRTLiveCat", cols=["RA", "Decl", "Err90"])["Results"]
    found = asked(catalog, "getGRBPositions", targetID=BURST, posToGet=["best"])
    assert row == {name: found[f"Best_{name}"] for name in ("RA", "Decl", "Err90")}
    cols = ["XRT_RA", "XRT_Dec", "XRT_Err90"]
    (other,) = asked(catalog, "queryDB", database="SDC_GRB", table="SDC_Data_Table", cols=cols)["Results"]
    assert list(other.values()) == list(row.values())
    cone = {"searchName": "GRB 190101B", "searchRad": 5, "searchUnits": "arcsec"}
    assert asked(catalog, "queryDB", database="UK_XRT", table="XRTLiveCat", **cone)["NumRows"] == 1
    assert catalog._sources.opened is None


def test_table_without_positions(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst without a source has the position of its target; where jobs are refused, it may have another one later."""
    reasons = [RequestRejectedError("too many jobs"), ProductNotAvailableError("position", "too faint"), None]
    names = {"database": "UK_XRT", "table": "XRTLiveCat", "cols": ["RA", "Err90"]}
    asked_for = []

    def refused(burst: Any, kind: Any) -> Any:
        asked_for.append(burst.name)
        raise reasons[len(asked_for) - 1] or AssertionError

    with LocalBackend(catalog.archive.folder) as backend:
        monkeypatch.setattr(backend.catalog.bursts, "get", refused)
        for number in (1, 2, 2):
            (row,) = asked(backend.catalog, "queryDB", **names)["Results"]
            assert (row["RA"], row["Err90"]) == (pytest.approx(150.0, abs=1e-4), None)
            assert len(asked_for) == number


# ---------------------------------------------------------------- products


def test_position(catalog: LocalCatalog) -> None:
    found = asked(catalog, "getGRBPositions", targetID=AGAIN, posToGet=["standard", "BEST", "SPER"])
    assert found["Best_RA"] == found["Standard_RA"] == pytest.approx(150.0, abs=1e-3)
    assert 3.5 < found["Best_Err90"] < 5.0
    assert (found["SPER_RA"], "Enhanced_RA" in found) == (None, False)
    with pytest.raises(RequestRejectedError, match="Standard"):
        asked(catalog, "getGRBPositions", targetID=BURST, posToGet=["nearby"])


def test_light_curve_is_that_of_the_engine(catalog: LocalCatalog) -> None:
    """All targets of the burst go into it; the source is of 0.3 ct/s."""
    content = asked(catalog, "downloadLightCurve", **LC)
    usual = asked(catalog, "downloadLightCurve", type="GRB", objectID=BURST)
    assert usual == content  # with unreliable bins, if there are any, and with systematic errors
    columns, rows = content["PC_incbadData"]["columns"], np.array(content["PC_incbadData"]["data"], dtype=object)
    rates = rows[:, columns.index("Rate")].astype(float)
    assert (content["Binning"], content["TimeFormat"]) == ("Counts", "MET")
    assert np.mean(rates) == pytest.approx(0.3, rel=0.15)
    assert rows[-1, columns.index("Time")] - rows[0, columns.index("Time")] > 80000.0


def test_spectra(catalog: LocalCatalog) -> None:
    content = asked(catalog, "downloadSpectrum", type="GRB", objectID=str(BURST))
    assert content["rnames"] == ["interval0", "late_time"]
    assert all("NOFIT" in content[name]["PC"] for name in content["rnames"])
    assert content["late_time"]["Start"] == 4000.0


def test_burst_analyser(catalog: LocalCatalog) -> None:
    question = {"targetID": BURST, "instruments": ["BAT", "xrt"], "bands": ["density", "XRTBand", "observedflux"]}
    content = asked(catalog, "downloadBurstAnalyser", **question)
    assert content["XRT"]["Datasets"] == ["Density_PC_incbad", "XRTBand_PC_incbad"]
    table = content["XRT"]["Density_PC_incbadData"]
    row = dict(zip(table["columns"], table["data"][0], strict=True))
    rate = asked(catalog, "downloadLightCurve", **LC)["PC_incbadData"]["data"][0][3]
    assert row["Flux"] == pytest.approx(rate * row["ECF"], rel=1e-6, abs=0)
    assert (row["Gamma"], row["GammaPos"], row["FluxPosWithECFErr"]) == (ASSUMED_INDEX, None, None)
    assert asked(catalog, "downloadBurstAnalyser", targetID=BURST, instruments=["UVOT"]) == {"Instruments": []}


def test_flux_factors_follow_from_the_response() -> None:
    factors = flux_factors(EMBEDDED, Mode.PC, 6e8)
    absorbed, free = (AbsorbedPowerLaw(ASSUMED_INDEX, column) for column in (ASSUMED_NH_CM2, 0.0))
    assert factors["XRTBand"] == pytest.approx(free.flux_per_rate * free.rate_cps / absorbed.rate_cps, rel=0.02, abs=0)
    assert factors["BATBand"] / factors["XRTBand"] == pytest.approx(np.log(50 / 15) / np.log(10 / 0.3), rel=1e-4)
    density = 10.0 * 10.0**-ASSUMED_INDEX * constants.h / (u.cm**2 * u.s)
    flux = np.log(10 / 0.3) * u.keV / (u.cm**2 * u.s)
    assert factors["Density"] / factors["XRTBand"] == pytest.approx(
        density.to_value(u.Jy) / flux.to_value(u.erg / u.cm**2 / u.s), rel=1e-4
    )


def test_every_file_of_a_reply_is_there(catalog: LocalCatalog) -> None:
    replies = [
        asked(catalog, "downloadLightCurve", **LC),
        asked(catalog, "downloadSpectrum", type="GRB", objectID=BURST),
        asked(catalog, "getBurstAnalyserTarURL", targetID=BURST),
    ]
    found = [one for reply in replies for one in addresses(reply)]
    assert len(found) > 5
    for address in found:
        path = catalog.find(address.removeprefix(f"{URL}/catalog_files/"))
        assert path is not None
        assert path.stat().st_size > 0


def test_same_through_the_server(backend: LocalBackend) -> None:
    catalog = backend.catalog
    questions: list[tuple[str, dict[str, Any]]] = [
        ("GRBNameToTargetID", {"name": "GRB 190101B"}),
        ("getGRBTargetList", {"targetID": BURST}),
        ("getObsByTarg", {"targetID": BURST}),
        ("listObsFiles", {"obsid": OBSID, "source": "uk", "dirs": ["xrt"]}),
        ("getGRBPositions", {"targetID": BURST, "posToGet": "all"}),
        ("downloadLightCurve", LC),
        ("downloadSpectrum", {"type": "GRB", "objectID": BURST}),
        ("downloadBurstAnalyser", {"targetID": BURST, "instruments": "all", "bands": "all", "BATBinning": "all"}),
        ("getBurstAnalyserTarURL", {"targetID": BURST}),
    ]
    for function, content in questions:
        assert served(backend, function, **content) == asked(catalog, function, **content), function


# ---------------------------------------------------------------- jobs


def test_rebinning_in_both_ways(backend: LocalBackend) -> None:
    """Whoever knows the number asks the server or the catalogue; the files alone are at other addresses."""
    catalog = backend.catalog
    job = {"JobID": served(backend, "rebinLightCurve", type="GRB", objectID=BURST, binMeth="obsid")["JobID"]}
    catalog.bursts.wait(backend.recall(str(job["JobID"])))
    assert served(backend, "checkRebinStatus", **job) == asked(catalog, "checkRebinStatus", **job)
    question = {"type": "REBIN_LC", "objectID": job["JobID"], "incbad": "both", "nosys": "both"}
    here, there = asked(catalog, "downloadLightCurve", **question), served(backend, "downloadLightCurve", **question)
    assert (here["Datasets"], len(here["PCData"]["data"])) == (there["Datasets"], 2)
    assert here["PCData"]["data"] == there["PCData"]["data"]
    with pytest.raises(RequestRejectedError, match="could not be cancelled"):
        asked(catalog, "cancelRebin", **job)
    assert "ERROR" in served(backend, "cancelRebin", **job)


def test_jobs_of_users_are_not_asked_about_here(backend: LocalBackend) -> None:
    """Nor do users see those of the catalogue among theirs."""
    assert backend.list_jobs() == []
    burst = burst_of_target(backend.archive, BURST)
    assert burst is not None
    spectrum_job = int(backend.catalog.bursts.ended(burst, ProductKind.SPECTRUM).id)
    curve_job = int(backend.catalog.bursts.ended(burst, ProductKind.LIGHT_CURVE).id)
    for function in ("checkRebinStatus", "cancelRebin"):
        for number in (spectrum_job, curve_job, 99):
            with pytest.raises(RequestRejectedError, match="no job"):
                asked(backend.catalog, function, JobID=number)
    for function, number in (("checkSliceStatus", 1), ("cancelSlice", "x"), ("checkSliceStatus", spectrum_job)):
        with pytest.raises(RequestRejectedError, match="no job"):
            asked(backend.catalog, function, JobID=number)


def test_time_slices(backend: LocalBackend) -> None:
    question = {
        "targetID": f"{AGAIN:08d}",
        "rnames": ["one", "all", "none"],
        "times": ["0-200,300-400", f"OBS{OBSID}-OBS00880002000", "500000001-500000100"],
        "modes": ["pc", "BOTH", "WT"],
        "grades": 4,
        "redshift": "NONE",
    }
    job = asked(backend.catalog, "timesliceSpectrum", **question)["JobID"]
    with pytest.raises(RequestRejectedError, match="not ready"):
        asked(backend.catalog, "downloadSpectrum", type="timeslice", objectID=job)
    backend.catalog.bursts.wait(backend.recall(str(job)))
    assert asked(backend.catalog, "checkSliceStatus", JobID=job)["status"] == 4
    content = asked(backend.catalog, "downloadSpectrum", type="timeslice", objectID=job)
    assert content == served(backend, "downloadSpectrum", type="timeslice", objectID=job)
    assert (content["one"]["Modes"], content["one"]["Start"], content["one"]["Stop"]) == (["PC"], 0.0, 400.0)
    assert content["all"]["PC"]["Exposure"] > 2 * content["one"]["PC"]["Exposure"]
    assert "NOSPEC" in content["none"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rnames": []}, "lists"),
        ({"times": ["1-2", "3-4"]}, "lists"),
        ({"modes": "PC"}, "lists"),
        ({"modes": ["XX"]}, "mode"),
        ({"times": ["later"]}, "100-300"),
        ({"times": ["300-100"]}, "a"),
        ({"rnames": ["with_line"]}, "letters"),
        ({"times": ["OBS00000000000-OBS00000000001"]}, "no observation"),
        ({"redshift": "far"}, "redshift"),
        ({"grades": 7}, "grades"),
        ({"rnames": list("abcde"), "times": ["1-2"] * 5, "modes": ["PC"] * 5}, "slices"),
    ],
)
def test_time_slices_that_cannot_be(backend: LocalBackend, changes: dict[str, Any], message: str) -> None:
    question = {"targetID": BURST, "rnames": ["a"], "times": ["1-2"], "modes": ["PC"], **changes}
    reply = served(backend, "timesliceSpectrum", **question)
    assert set(reply) == {"ERROR", "ERRORTEXT"}
    assert message in reply["ERRORTEXT"]
    with pytest.raises((RequestError, RequestRejectedError)):
        asked(backend.catalog, "timesliceSpectrum", **question)


def test_other_types_are_refused(catalog: LocalCatalog) -> None:
    for function in ("downloadLightCurve", "downloadSpectrum", "rebinLightCurve"):
        with pytest.raises(RequestRejectedError, match="type"):
            asked(catalog, function, type="XRT", objectID=BURST)
    with pytest.raises(RequestError, match="incbad"):
        asked(catalog, "downloadLightCurve", **{**LC, "incbad": "perhaps"})


def test_not_more_jobs_than_may_be(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst_products, "_MOST_OPEN", 0)
    with pytest.raises(RequestRejectedError, match="under way"):
        asked(catalog, "rebinLightCurve", type="GRB", objectID=BURST, binMeth="obsid")


# ---------------------------------------------------------------- what is kept


def test_made_once_until_something_changes(archive: Path, tmp_path: Path) -> None:
    def made(backend: LocalBackend) -> str:
        content = backend.catalog.answer("getGRBPositions", {"targetID": BURST, "posToGet": "all"}, URL)
        assert content["Best_RA"] is not None
        return max((job.id for job in backend.store.jobs()), key=int)

    with LocalBackend(archive, state=tmp_path) as backend:
        assert [made(backend), made(backend)] == ["1", "1"]
        backend.expire(datetime.now(UTC) + timedelta(days=1))
        assert made(backend) == "2"
    with LocalBackend(archive, state=tmp_path) as backend:
        assert made(backend) == "2"
        path = next((archive / OBSID).rglob("*.evt.gz"))
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
        assert made(backend) == "3"


def test_nobody_waits_for_a_closed_backend(archive: Path, tmp_path: Path) -> None:
    with LocalBackend(archive, state=tmp_path) as backend:
        catalog = backend.catalog
        catalog.bursts.close()
        with pytest.raises(ServiceUnavailableError, match="still being made"):
            catalog.answer("getGRBPositions", {"targetID": BURST}, URL)
    alone = LocalCatalog(backend.archive, tmp_path, EMBEDDED)
    with pytest.raises(ServiceUnavailableError, match="nobody makes"):
        alone.answer("getGRBPositions", {"targetID": BURST}, URL)


# ---------------------------------------------------------------- files of observations


def test_files_of_an_observation(catalog: LocalCatalog, archive: Path) -> None:
    assert asked(catalog, "getObsByTarg", targetID=STAR) == {"obsList": ["09999002000"]}
    assert asked(catalog, "getObsByTarg", targetID=1) == {"obsList": []}
    reply = asked(catalog, "listObsFiles", obsid=int(OBSID), source="uk_reproc", dirs=["xrt", "bat"])
    listed = reply["fileList"]
    assert listed["dirs"] == ["", "xrt/", "xrt/event/", "xrt/hk/"]  # parents first, as the client makes them one by one
    assert listed["files"] == [f"xrt/event/sw{OBSID}xpcw3po_cl.evt.gz", "xrt/hk/notes.txt"]
    place = reply["url"].removeprefix(f"{URL}/catalog_files/")
    found = catalog.find(f"{place}/xrt/hk/notes.txt")
    assert found is not None
    assert found.read_text() == "of the observation"
    assert asked(catalog, "listObsFiles", obsid=OBSID, dirs=["auxil"])["fileList"] == {}
    assert asked(catalog, "listObsFiles", obsid="1")["fileList"] == {}


def test_other_files_stay_where_they_are(catalog: LocalCatalog, archive: Path, tmp_path: Path) -> None:
    outside = tmp_path / "private.txt"
    outside.write_text("private")
    link = archive / OBSID / "xrt" / "hk" / "link.txt"
    link.symlink_to(outside)
    try:
        for name in (
            f"{OBSID}/xrt/hk/link.txt", f"{OBSID}/.secret", f"{OBSID}/../09999002000/xrt", "../../etc/passwd",
            f"{OBSID}/{outside}", f"{OBSID}/xrt", "", "\x00", "x" * 5000,
        ):  # fmt: skip
            assert catalog.find(f"observations/{name}") is None, name
        assert "link.txt" not in str(asked(catalog, "listObsFiles", obsid=OBSID))
    finally:
        link.unlink()


def test_event_files_without_a_folder_of_their_observation(archive: Path, tmp_path: Path) -> None:
    (source,) = (archive / "09999002000").rglob("*.evt.gz")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / source.name).write_bytes(source.read_bytes())
    with LocalBackend(tmp_path / "flat", state=tmp_path / "state") as backend:
        listed = asked(backend.catalog, "listObsFiles", obsid="09999002000")["fileList"]
        assert listed["files"] == [f"xrt/event/{source.name}"]
        found = backend.catalog.find(f"observations/09999002000/xrt/event/{source.name}")
        assert found == tmp_path / "flat" / source.name
