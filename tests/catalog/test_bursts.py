"""Bursts: what is asked, and what is made of the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from swiftxrt import CountsBinning
from swiftxrt.exceptions import (
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    UnknownObjectError,
)
from swiftxrt.wire import api
from tests.catalog.burst_service import IDS, NAME, TARGET, light_curve, service, slice_archive, spectrum_files
from tests.catalog.replay import fixture
from tests.wire.burst_replies import bat, bin_at, recorded_reply

# ---------------------------------------------------------------- who it is


def test_names_are_asked_for_once() -> None:
    swift, backend = service(downloadLightCurve=light_curve("PC"))
    for spelling in (NAME, "060729", "grb060729"):
        swift.get_light_curve(grb=spelling)
    assert backend.sent("GRBNameToTargetID") == [{"name": NAME}]
    assert [one["objectID"] for one in backend.sent("downloadLightCurve")] == [TARGET] * 3


def test_another_service_is_asked_again() -> None:
    for _ in range(2):
        swift, backend = service(downloadLightCurve=light_curve("PC"))
        swift.get_light_curve(grb=NAME)
        assert len(backend.sent("GRBNameToTargetID")) == 1


@pytest.mark.parametrize("target", [TARGET, str(TARGET), "00221755", np.int64(TARGET)])
def test_numbers_need_no_name(target: Any) -> None:
    swift, backend = service(downloadLightCurve=light_curve("PC"))
    swift.get_light_curve(grb=target)
    assert [name for name, _ in backend.asked] == ["downloadLightCurve"]


def test_unknown_names_end_before_anything_else_is_asked() -> None:
    swift, backend = service(GRBNameToTargetID={"NOTFOUND": 1})
    with pytest.raises(UnknownObjectError, match="'GRB 160101'"):
        swift.get_light_curve(grb="160101")
    assert backend.asked == [("GRBNameToTargetID", {"name": f"GRB 160101{letter}"}) for letter in ("", "A")]
    refusing, _ = service(GRBNameToTargetID=api.failure("no such burst"))
    with pytest.raises(UnknownObjectError):
        refusing.get_spectra(grb=NAME)


def test_the_only_burst_of_a_day_is_found_without_its_letter() -> None:
    swift, backend = service(
        GRBNameToTargetID=lambda sent: {"targetID": 7} if sent["name"] == "GRB 200416A" else {"NOTFOUND": 1},
        downloadLightCurve=light_curve("PC"),
    )
    swift.get_light_curve(grb="GRB 200416")
    assert backend.sent("downloadLightCurve")[0]["objectID"] == 7


def test_rows_of_catalogues(validation_data: Path) -> None:
    swift, backend = service(downloadLightCurve=light_curve("PC"))
    swift.get_light_curve(grb=Table({"name": [NAME], "targetID": ["00000007"]})[0])
    swift.get_light_curve(grb=Table({"GRBname": ["GRB 160623A"], "Trig_ID": [0]})[0])
    swift.get_light_curve(grb={"Name": "160623A", "TriggerNumber": 5})
    assert [one["objectID"] for one in backend.sent("downloadLightCurve")] == [7, TARGET, TARGET]
    with pytest.raises(RequestError, match="a row of a catalogue of bursts is needed"):
        swift.get_light_curve(grb={"ra": 1})


def test_recorded_names(validation_data: Path) -> None:
    ids = fixture(validation_data, "grb", "grb_name_to_target_id.json")["value"]
    swift, backend = service(
        GRBNameToTargetID=lambda sent: {"targetID": ids[sent["name"]]}, downloadLightCurve=light_curve("PC")
    )
    for name in ids:
        swift.get_light_curve(grb=name.replace(" ", "").lower())
    assert [one["objectID"] for one in backend.sent("downloadLightCurve")] == list(ids.values())
    triggers = fixture(validation_data, "grb", "lc_target_ids_from_merged_query.json")["value"]
    assert set(triggers) - {0} <= set(ids.values())


def test_one_object_is_given() -> None:
    swift, _ = service()
    for call in (swift.get_light_curve, swift.get_spectra, swift.get_position):
        with pytest.raises(RequestError, match="one object is needed"):
            call()


def test_many_bursts() -> None:
    swift, _ = service(
        GRBNameToTargetID=lambda sent: IDS if sent["name"] == NAME else {"NOTFOUND": 1},
        downloadLightCurve=light_curve("PC"),
    )
    outcomes = swift.gather(lambda grb: swift.get_light_curve(grb=grb), [NAME, "GRB 999999A"])
    assert [one.is_ok for one in outcomes] == [True, False]
    assert isinstance(outcomes[1].error, UnknownObjectError)


# ---------------------------------------------------------------- light curves and spectra


@pytest.mark.parametrize(
    "name", ["lc_grb070616_keys", "lc_grb220427a_keys_both", "lc_keys_incbad", "lc_keys_incbad_then_noincbad"]
)
def test_recorded_sets_of_light_curves(name: str, validation_data: Path) -> None:
    head = ("Datasets", "Binning", "TimeFormat", "T0", "URLs")
    names = [key for key in fixture(validation_data, "grb", f"{name}.json")["value"] if key not in head]
    swift, backend = service(downloadLightCurve=light_curve(*names))
    curves = swift.get_light_curve(grb=NAME)
    assert set(curves) == {"total", "soft", "hard", "hardness_ratio"}
    both = any(one.endswith("_incbad") for one in names) and not all(one.endswith("_incbad") for one in names)
    assert ("with_unreliable" in curves.variants) is both
    assert backend.sent("downloadLightCurve") == [
        {"type": "GRB", "objectID": TARGET, "incbad": "both", "nosys": "both"}
    ]
    assert curves.total.t0_met == 175945168


def test_recorded_light_curve(validation_data: Path) -> None:
    table = fixture(validation_data, "grb", "lc_grb220427a_PC.json")["table"]
    head = fixture(validation_data, "grb", "lc_grb220427a_header.json")["value"]
    names = fixture(validation_data, "grb", "lc_grb220427a_datasets_both.json")["value"]
    reply = light_curve(*names, **head)
    reply["PCData"] = {"columns": table["columns"], "data": table["rows"]}
    swift, _ = service(downloadLightCurve=reply)
    curves = swift.get_light_curve(grb="GRB 220427A")
    found = curves.total.in_mode("PC")
    assert found["rate"].value.tolist() == [row[3] for row in table["rows"]]
    assert found.elapsed.value.tolist() == pytest.approx([row[0] for row in table["rows"]], abs=1e-6)
    assert (curves.total.binning, curves.total.t0_met) == ("counts", 672786064)
    assert curves.total.provenance.backend == "ukssdc"


def test_no_light_curve(validation_data: Path) -> None:
    swift, _ = service(downloadLightCurve=fixture(validation_data, "grb", "lc_nolc_reply.json")["value"])
    with pytest.raises(ProductNotAvailableError, match=f"no light curve: the service has none of {NAME}"):
        swift.get_light_curve(grb=NAME)
    without_list, _ = service(downloadLightCurve={"NOLC": 1})
    with pytest.raises(ProductNotAvailableError, match="target 00221755"):
        without_list.get_light_curve(grb=TARGET)


def test_recorded_spectra(validation_data: Path, tmp_path: Path) -> None:
    reply = fixture(validation_data, "grb", "spectrum_grb130925a_full.json")["value"]
    swift, backend = service(spectrum_files(reply, slice_archive(tmp_path)), downloadSpectrum=reply)
    spectra = swift.get_spectra(grb="GRB 130925A")
    assert list(spectra) == ["interval0wt", "interval0pc", "late_timepc"]
    assert not [what for what in spectra.missing if what.count("/") == 0]
    assert backend.sent("downloadSpectrum") == [{"type": "GRB", "objectID": TARGET}]
    late = fixture(validation_data, "grb", "spectrum_grb130925a_late_time_PC_PowerLaw.json")["value"]
    fit = spectra.fits["late_timepc"]["PowerLaw"]
    photon_index = next(one for one in fit.parameters.values() if one.value == late["Gamma"])
    assert photon_index.err_pos == late["GammaPos"]
    assert spectra.fits["interval0wt"]["PowerLaw"].statistic == 1389.742568
    assert spectra.t0_met == 401775096
    assert spectra.intervals["late_time"].value.tolist() == pytest.approx([401780598.6938434, 401815509.0104034])
    files = fixture(validation_data, "grb", "spectrum_grb130925a_files.json")
    assert sorted(spectra.slices) == sorted(files["tar_members"])


def test_a_slice_that_cannot_be_read_does_not_cost_the_other(validation_data: Path, tmp_path: Path) -> None:
    reply = fixture(validation_data, "grb", "spectrum_grb130925a_full.json")["value"]
    files = spectrum_files(reply, slice_archive(tmp_path))
    files[reply["late_time"]["DataFile"]] = b"<html>"
    swift, _ = service(files, downloadSpectrum=reply)
    with pytest.warns(PartialResultWarning, match="late_time"):
        spectra = swift.get_spectra(grb=NAME)
    assert list(spectra.slices) == ["interval0"]
    assert "PowerLaw" in spectra.fits["late_timepc"]


def test_no_spectrum() -> None:
    swift, _ = service(downloadSpectrum={"NoSpectrum": 1})
    with pytest.raises(ProductNotAvailableError, match=f"no spectrum: the service has none of {NAME}"):
        swift.get_spectra(grb=NAME)


# ---------------------------------------------------------------- positions


def test_recorded_positions(validation_data: Path) -> None:
    value = fixture(validation_data, "grb", "positions_grb080319b.json")["value"]
    swift, backend = service(getGRBPositions=value)
    assert swift.get_position(grb=NAME).kind == "enhanced"
    assert swift.get_position(grb=NAME, kind="Onboard").radius == 4.7 * u.arcsec
    with pytest.raises(ProductNotAvailableError, match=f"no sper position of {NAME}: .* enhanced, standard, onboard"):
        swift.get_position(grb=NAME, kind="sper")
    assert backend.sent("getGRBPositions") == [{"posToGet": "all", "targetID": TARGET}] * 3
    with pytest.raises(RequestError, match="kind: must be one of"):
        swift.get_position(grb=NAME, kind="worst")
    with pytest.raises(RequestError, match="kind: must be one of"):
        swift.get_position(grb=NAME, kind=None)  # type: ignore[arg-type]


def test_recorded_positions_of_two_bursts(validation_data: Path) -> None:
    value = fixture(validation_data, "grb", "positions_selected_two_grbs.json")["value"]
    swift, _ = service(getGRBPositions=list(value.values()))
    found = [swift.get_positions(grb, ["enhanced", "sper"]) for grb in (1, 2)]
    assert [list(one) for one in found] == [["enhanced"], ["enhanced"]]


def test_no_position_at_all() -> None:
    swift, _ = service(getGRBPositions={})
    with pytest.raises(ProductNotAvailableError, match=f"no best position of {NAME}: the service has none of any kind"):
        swift.get_position(grb=NAME)
    assert swift.get_positions(NAME) == {}


# ---------------------------------------------------------------- burst analyser and observations


def test_recorded_burst_analyser(validation_data: Path) -> None:
    swift, backend = service(downloadBurstAnalyser=recorded_reply(validation_data))
    analyser = swift.get_burst_analyser("GRB 201013A", instruments="all", bands="all", bat_binning="all")
    assert len(analyser) == 109
    assert (analyser.name, analyser.target_id, analyser.provenance.backend) == ("GRB 201013A", "00221755", "ukssdc")
    assert backend.sent("downloadBurstAnalyser")[0]["bands"] == "all"


def test_the_burst_analyser_is_asked_for_a_part_by_default() -> None:
    swift, backend = service(downloadBurstAnalyser=bat(bin_at(1.0)))
    swift.get_burst_analyser(NAME)
    assert backend.sent("downloadBurstAnalyser") == [
        {
            "targetID": TARGET,
            "instruments": ["BAT", "XRT", "UVOT"],
            "bands": ["Density"],
            "BATBinning": ["snr4"],
            "incbad": "yes",
            "nosys": "no",
        }
    ]


def test_what_cannot_be_asked_for_is_told_before_anything_is_sent() -> None:
    swift, backend = service()
    for call in (
        lambda: swift.get_burst_analyser(NAME, bands="flux"),
        lambda: swift.slice_spectra(NAME, slices={"a": "1-2"}),
        lambda: swift.rebin_light_curve(NAME, binning=CountsBinning(pc_counts=20, wt_counts=30), gradess="all"),
        lambda: swift.get_positions(NAME, ["nearest"]),
    ):
        with pytest.raises(RequestError):
            call()
    assert backend.asked == []


def test_files_of_the_burst_analyser(tmp_path: Path) -> None:
    url = "https://www.swift.ac.uk/burst_analyser/00221755.tar.gz"
    swift, backend = service({url: b"tar"}, getBurstAnalyserTarURL={"URL": url})
    path = swift.download_burst_analyser(NAME, tmp_path / "new")
    assert (path.name, path.read_bytes()) == ("burst_analyser_GRB060729.tar.gz", b"tar")
    assert backend.sent("getBurstAnalyserTarURL") == [IDS]
    nameless, _ = service(getBurstAnalyserTarURL={})
    with pytest.raises(ProtocolError, match="names no file"):
        nameless.download_burst_analyser(TARGET, tmp_path)


def test_recorded_observations(validation_data: Path) -> None:
    recorded = fixture(validation_data, "grb", "obsdata_grb201013a.json")
    listed = sorted(recorded["files_per_obs"])
    swift, backend = service(
        getGRBTargetList={"targetList": ["00999948"]}, getObsByTarg={"obsList": [listed[0], *map(int, listed[1:])]}
    )
    assert swift.get_burst_observations("GRB 201013A") == listed
    assert backend.sent("getObsByTarg") == [{"targetID": "00999948"}]
    none, _ = service(getGRBTargetList={"targetList": []})
    with pytest.raises(ProductNotAvailableError, match="the service lists none"):
        none.get_burst_observations(NAME)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    swift, _ = service(downloadBurstAnalyser=bat(bin_at(1.0)))
    analyser = swift.get_burst_analyser(NAME)
    analyser.write(tmp_path / "burst")
    with pytest.raises(OutputExistsError):
        analyser.write(tmp_path / "burst")
    analyser.write(tmp_path / "burst", overwrite=True)
