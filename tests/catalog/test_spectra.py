"""Spectra of catalogued sources and transients: questions and replies as recorded, their files, and odd ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import CountSpectrum, SpectrumSet, SwiftXRTClass, conf
from swiftxrt.exceptions import (
    FormatError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    ServiceUnavailableError,
    ServiceWarning,
    SupersededError,
)
from swiftxrt.io.spectrum import write_slice_archive
from swiftxrt.wire import api
from tests.catalog.replay import Replay, fixture

FUNCTION = "getSXPSSpectrumData"
NAME = "LSXPS J062131.8-622213"
ARCHIVE = "https://replay.invalid/sources/interval0.tar.gz"
PLOTS = [
    "https://replay.invalid/sources/interval0pc_pow_plot.gif",
    "https://replay.invalid/x/../interval0pc_apec.gif?1",
]
GIF = b"GIF89a..."


def spectrum(archive: str = ARCHIVE, plots: list[str] = PLOTS) -> dict[str, Any]:
    """A spectrum as the service describes it."""
    flux = {"ObsFlux": 1.0e-12, "UnabsFlux": 1.2e-12, "Cstat": 734.25, "Dof": 750, "FitChi": 895.6}
    models = {
        "PowerLaw": {"NH": 1.0e21, "Gamma": 1.96, "GammaPos": 0.04, "GammaNeg": -0.03, **flux, "Image": plots[0]},
        "APEC": {"NH": 1.8e20, "KT": 64, "KTPos": 0, "KTNeg": -1.2, **flux, "Image": plots[1]},
    }
    mode = {"Models": list(models), **models, "Exposure": 1000.0, "MeanTime": 49989545.8}
    interval = {"DataFile": archive, "Start": 49663107.6, "Stop": 55380000.0, "Modes": ["PC"], "PC": mode}
    head = {"T0": 126230399.334228, "DeltaFitStat": 2.706, "GalNH_unfitted": 5.4e20}
    return {**head, "rnames": ["interval0"], "interval0": interval}


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    path = tmp_path / "made.tar.gz"
    counts = CountSpectrum(counts=[0] * 30 + [2] * 994, exposure=1000 * u.s, mode="PC", label="interval0")
    write_slice_archive([counts], path)
    content = path.read_bytes()
    path.unlink()
    return content


def service(files: dict[str, Any], **functions: Any) -> tuple[SwiftXRTClass, Replay]:
    made, backend = SwiftXRTClass(), Replay(functions, files)
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


# ---------------------------------------------------------------- questions


def test_every_recorded_request(validation_data: Path, archive: bytes) -> None:
    calls = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")["calls"]
    cases = fixture(validation_data, "query", "wire_requests_sxps_products.json")["cases"]
    bodies = [body for call in calls for body in call["requests"]]
    bodies += [call["body"] for case in cases for call in case["calls"] if call["method"] == "POST"]
    for name in ("209851", "transient_1_discovery", "transient_both_no_full"):
        bodies.append(fixture(validation_data, "sxps", "wire", f"getSXPSSpectrumData_{name}.json")["request"])
    bodies = [body for body in bodies if body["APIFunc"] == FUNCTION]
    assert len(bodies) >= 10
    for body in bodies:
        real = {**body, "sourceName": NAME} if "sourceName" in body else body  # "A" is no name
        both = real.get("specType") == "both"
        swift, backend = service({ARCHIVE: archive}, **{FUNCTION: {"Full": spectrum()} if both else spectrum()})
        which = {} if both or not real.get("transient") else {"which": real["specType"]}
        key = "transient" if real.get("transient") else "source"
        swift.get_spectra(**{key: real.get("sourceID", real.get("sourceName"))}, **which, catalog=real["whichCat"])
        assert list(api.seal(FUNCTION, backend.sent(FUNCTION)[0]).items()) == list(real.items())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"source": 1, "which": "full"}, "for transients only"),
        ({"transient": 1, "which": "both"}, "must be one of full, discovery"),
        ({"transient": 1, "catalog": "2SXPS"}, "LSXPS only"),
        ({"source": 1, "catalog": "UK_XRT"}, "those of LSXPS and 2SXPS"),
        ({"source": 1, "location": "x", "layout": "flat"}, "must be one of folders, stems"),
        ({"source": 1, "location": 5}, "location"),
        ({"grb": "GRB 060729", "location": "x"}, "for catalogued sources and transients"),
        ({"source": 1, "transient": 2}, "got source and transient"),
    ],
)
def test_bad_options_end_before_anything_is_asked(options: dict[str, Any], text: str) -> None:
    swift, backend = service({})
    with pytest.raises(RequestError, match=text):
        swift.get_spectra(**options)
    assert not backend.asked


# ---------------------------------------------------------------- replies


def recorded(validation_data: Path, folder: str, name: str, *keys: str) -> dict[str, Any]:
    found = fixture(validation_data, folder, f"{name}.json")
    for key in keys:
        found = found[key]
    return {key: value for key, value in found.items() if key not in ("OK", "APIVersion")}


@pytest.mark.parametrize(
    ("options", "folder", "name", "keys"),
    [
        ({"source": 209851}, "sxps", "wire/getSXPSSpectrumData_209851", ("reply",)),
        ({"source": 209851}, "query", "sxps_spectrum_209851", ("value",)),
        ({"source": 209851}, "sxps", "query_spec_209851", ("spectrum", "209851")),
        ({"source": 1}, "sxps", "spec_J221755.4-082100_APEC", None),
        ({"transient": 1, "which": "discovery"}, "sxps", "wire/getSXPSSpectrumData_transient_1_discovery", ("reply",)),
        ({"transient": 1, "which": "discovery"}, "query", "sxps_transient_spectrum_1_discovery", ("value",)),
        ({"transient": 30}, "sxps", "wire/getSXPSSpectrumData_transient_both_no_full", ("reply",)),
    ],
)
def test_every_recorded_fit(
    validation_data: Path, archive: bytes, options: dict[str, Any], folder: str, name: str, keys: Any
) -> None:
    reply = apec(validation_data) if keys is None else recorded(validation_data, folder, name, *keys)
    told = reply.get("Discovery", reply)
    swift, _ = service({told["interval0"]["DataFile"]: archive}, **{FUNCTION: reply})
    spectra = swift.get_spectra(**options)
    assert list(spectra) == ["interval0pc"]
    block = told["interval0"]["PC"]
    assert list(spectra.fits["interval0pc"]) == block["Models"]
    for model, fit in spectra.fits["interval0pc"].items():
        values = block[model]
        assert (fit.statistic, fit.dof, fit.test_statistic) == (values["Cstat"], values["Dof"], values["FitChi"])
        ours, theirs = ("temperature", "KT") if model == "APEC" else ("photon_index", "Gamma")
        got = fit.parameters[ours]
        assert got.value.value == values[theirs]
        assert (got.err_pos.value, -got.err_neg.value) == (values[f"{theirs}Pos"], values[f"{theirs}Neg"])
        assert fit.image_url == values["Image"]
    assert spectra.galactic_nh == told["GalNH_unfitted"] / u.cm**2
    assert spectra.t0_met == told["T0"] == 126230399.334228


def apec(validation_data: Path) -> dict[str, Any]:
    """The recorded display of an APEC fit, in a reply."""
    found = fixture(validation_data, "sxps", "spec_J221755.4-082100_APEC.json")
    block = next(value for value in _mappings(found) if "KT" in value)
    reply = spectrum()
    reply["interval0"]["PC"] = {**reply["interval0"]["PC"], "Models": ["APEC"], "APEC": block}
    return reply


def _mappings(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _mappings(item)


def test_of_both_spectra_that_of_all_data_is_taken(archive: bytes) -> None:
    other = "https://replay.invalid/other.tar.gz"
    both = {"Discovery": spectrum(other), "Full": spectrum()}
    swift, backend = service({ARCHIVE: archive, other: archive}, **{FUNCTION: both})
    spectra = swift.get_spectra(transient=576)
    assert backend.fetched == [ARCHIVE]
    assert spectra.provenance.notes == ("the full spectrum of transient 576",)
    both["Full"] = {"NoSpectrum": "NoSpectrum"}
    swift, backend = service({ARCHIVE: archive, other: archive}, **{FUNCTION: both})
    assert swift.get_spectra(transient=576).provenance.notes == ("the discovery spectrum of transient 576",)
    assert backend.fetched == [other]


@pytest.mark.parametrize("value", ["NoSpectrum", 1, True, None])
def test_no_spectrum(value: Any) -> None:
    none = {"NoSpectrum": value}
    for options, reply, text in (
        ({"source": 1}, none, "no spectrum"),
        ({"transient": 1, "which": "full"}, none, "no full spectrum: .*try which='discovery'"),
        ({"transient": 1}, {"Discovery": none, "Full": none}, "neither of its discovery"),
        ({"transient": 1}, none, "none of this transient"),
    ):
        swift, backend = service({}, **{FUNCTION: reply})
        with pytest.raises(ProductNotAvailableError, match=text):
            swift.get_spectra(**options)
        assert not backend.fetched


def test_a_reply_about_something_else() -> None:
    swift, _ = service({}, **{FUNCTION: {"what": "else"}})
    for options in ({"source": 1}, {"transient": 1}):
        with pytest.raises(ProtocolError):
            swift.get_spectra(**options)


def test_replaced_sources(archive: bytes) -> None:
    newer = [{"LSXPS_ID": 5, "IAUName": "LSXPS J000000.0+000000"}, {"LSXPS_ID": 6, "IAUName": "LSXPS J000001.0+000000"}]
    swift, _ = service({}, **{FUNCTION: {"newerSources": newer}})
    with pytest.raises(SupersededError) as caught:
        swift.get_spectra(37562)
    assert caught.value.successors["LSXPS_ID"].tolist() == [5, 6]
    swift, backend = service({ARCHIVE: archive}, **{FUNCTION: [{"newerSources": newer[:1]}, spectrum()]})
    with pytest.warns(ServiceWarning, match="in place of 11375"):
        swift.get_spectra(11375)
    assert backend.sent(FUNCTION)[1]["sourceID"] == 5


# ---------------------------------------------------------------- files


def test_nothing_is_kept_if_nobody_asks(archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    swift, backend = service({ARCHIVE: archive}, **{FUNCTION: spectrum()})
    spectra = swift.get_spectra(1)
    assert backend.fetched == [ARCHIVE]
    assert not list(tmp_path.iterdir())
    assert spectra["interval0pc"].meta is not None
    assert int(spectra.count_spectra[0].counts.sum()) == 2 * 994
    assert spectra.fits["interval0pc"]["APEC"].parameters["temperature"].err_pos.value == 0


@pytest.mark.parametrize("layout", ["folders", "stems"])
def test_keeping_the_files(archive: bytes, tmp_path: Path, layout: str) -> None:
    files = {ARCHIVE: archive, **dict.fromkeys(PLOTS, GIF)}
    swift, _ = service(files, **{FUNCTION: spectrum()})
    found = swift.gather(swift.get_spectra, [1, NAME], location=tmp_path / "spec", layout=layout)
    assert not found.failed
    mark = "/" if layout == "folders" else "_"
    names = ["interval0.tar.gz", "interval0pc_apec.gif", "interval0pc_pow_plot.gif"]
    there = sorted(path.relative_to(tmp_path / "spec").as_posix() for path in tmp_path.rglob("interval*"))
    there = there or sorted(path.name for path in (tmp_path / "spec").iterdir())
    assert there == [f"{item}{mark}{name}" for item in ("1", NAME) for name in names]
    kept = tmp_path / "spec" / f"1{mark}interval0.tar.gz"
    assert kept.read_bytes() == archive


def test_nothing_is_overwritten(archive: bytes, tmp_path: Path) -> None:
    files = {ARCHIVE: archive, **dict.fromkeys(PLOTS, GIF)}
    (tmp_path / "1").mkdir()
    old = tmp_path / "1" / "interval0pc_pow_plot.gif"
    old.write_text("mine")
    swift, backend = service(files, **{FUNCTION: spectrum()})
    with pytest.raises(OutputExistsError):
        swift.get_spectra(1, location=tmp_path)
    assert not backend.fetched
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    swift.get_spectra(1, location=tmp_path, overwrite=True)
    assert old.read_bytes() == GIF


def test_pictures_that_are_missing(archive: bytes, tmp_path: Path) -> None:
    class Without(Replay):
        def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
            if url.endswith("plot.gif"):
                raise ServiceUnavailableError("404", url=url)
            return super().fetch(url, path, overwrite=overwrite)

    swift = SwiftXRTClass()
    swift._catalogs[conf.service_url.rstrip("/")] = Without({FUNCTION: spectrum()}, {ARCHIVE: archive, PLOTS[1]: GIF})
    with pytest.warns(PartialResultWarning, match="interval0pc_pow_plot.gif: 404"):
        swift.get_spectra(1, location=tmp_path)
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["interval0.tar.gz", "interval0pc_apec.gif"]


def test_damaged_archives_are_not_kept(tmp_path: Path) -> None:
    reply = spectrum()
    del reply["interval0"]["PC"]["Models"][:]
    for model in ("PowerLaw", "APEC"):
        del reply["interval0"]["PC"][model]
    swift, _ = service({ARCHIVE: b"<html>404</html>"}, **{FUNCTION: reply})
    with pytest.raises(FormatError):
        swift.get_spectra(1, location=tmp_path)
    assert not list(tmp_path.rglob("*.gz"))


def test_writing_many(archive: bytes, tmp_path: Path) -> None:
    swift, _ = service({ARCHIVE: archive}, **{FUNCTION: spectrum()})
    found = swift.gather(swift.get_spectra, [1, 2])
    places = found.write(tmp_path)
    assert [path.name for path in places] == ["1", "2"]
    assert SpectrumSet.read(places[0]).fits["interval0pc"].keys() == {"PowerLaw", "APEC"}
    with pytest.raises(RequestError, match="folder of its own"):
        found.write(tmp_path, layout="stems")
