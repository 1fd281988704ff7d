"""Bursts: our questions against the recorded ones of the reference client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import CountsBinning, ObsidBinning, SwiftXRTClass
from swiftxrt.exceptions import ProductNotAvailableError
from tests.catalog.burst_service import NAME, TARGET, light_curve, service, slice_archive, spectrum_files
from tests.catalog.replay import fixture
from tests.wire.burst_replies import bat, bin_at

#: The same questions with our client, by the name of the recorded case.
SAME: dict[str, Callable[[SwiftXRTClass], Any]] = {
    "lc return": lambda swift: swift.get_light_curve(grb=NAME),
    "rebin status": lambda swift: swift.get_burst_job(1234, "light_curve").refresh(),
    "rebin complete": lambda swift: swift.get_burst_job(1234, "light_curve").refresh(),
    "rebin": lambda swift: swift.rebin_light_curve(NAME, binning=ObsidBinning(), time_format="mjd"),
    "rebin target": lambda swift: swift.rebin_light_curve(
        "00221755", binning=CountsBinning(pc_counts=20, wt_counts=30)
    ),
    "rebin get": lambda swift: swift.get_burst_job(1234, "light_curve").result(),
    "rebin cancel": lambda swift: swift.get_burst_job(1234, "light_curve").cancel(),
    "spec": lambda swift: swift.get_spectra(grb=NAME),
    "spec none": lambda swift: swift.get_spectra(grb=3),
    "timeslice": lambda swift: swift.slice_spectra(
        "00635887", slices={"early": ("100-800 s", "WT"), "mixed": "100-300,500-1000 s"}, grades="all"
    ),
    "timeslice name z": lambda swift: swift.slice_spectra(NAME, slices={"a": "100-800 s"}, grades=4, redshift=2.3),
    "timeslice cancel": lambda swift: swift.get_burst_job(1518, "spectrum").cancel(),
    "timeslice get": lambda swift: swift.get_burst_job(1518, "spectrum").result(),
    "ban": lambda swift: swift.get_burst_analyser(NAME, instruments="all", bands="all", bat_binning="all"),
    "ban save": lambda swift: swift.get_burst_analyser(TARGET, instruments="xrt", bands="density"),
    "ban tar": lambda swift: swift.download_burst_analyser(TARGET, "."),
    "pos": lambda swift: swift.get_positions(NAME),
    "pos sel": lambda swift: [swift.get_positions(grb, ["enhanced", "sper"]) for grb in (TARGET, 3)],
    "obsdata": lambda swift: swift.get_burst_observations(NAME),
}
#: Where ours differs: keys of a question, or questions that are asked besides.
NUMBERS = {"objectID": int, "targetID": int}
ALL_VARIANTS = {"incbad": "both", "nosys": "both"}
#: The state is asked for once more: before the fetching, and after a cancellation to tell what came of it.
LOOKS = ("checkRebinStatus", "checkSliceStatus")
#: Files of observations are a matter of the archive, pictures of spectra are not fetched.
ELSEWHERE = ("listObsFiles",)


def as_ours(function: str, body: dict[str, Any]) -> dict[str, Any]:
    """A recorded question with the differences that are meant."""
    body = {key: value for key, value in body.items() if key not in ("APIFunc", "APIVersion")}
    if function == "getObsByTarg":
        return body
    if function == "downloadLightCurve":  # all variants in one question, whatever is wanted of them
        body |= ALL_VARIANTS
    return {key: int(value) if key in NUMBERS else value for key, value in body.items()}


@pytest.mark.parametrize("case", SAME)
def test_what_is_sent_is_what_the_reference_client_sends(
    case: str, validation_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded = fixture(validation_data, "grb", "wire_requests_grb.json")["cases"]
    calls = next(one["calls"] for one in recorded if one["case"] == case)
    wanted = [(one["body"]["APIFunc"], one["body"]) for one in calls if one["method"] == "POST"]
    wanted = [(name, as_ours(name, body)) for name, body in wanted if name not in (*LOOKS, *ELSEWHERE)]
    reply = fixture(validation_data, "grb", "spectrum_grb130925a_full.json")["value"]
    url = "https://www.swift.ac.uk/burst_analyser/00221755.tar.gz"
    swift, backend = service(
        {**spectrum_files(reply, slice_archive(tmp_path)), url: b""},
        downloadLightCurve=light_curve("PC"),
        downloadSpectrum={"NoSpectrum": 1} if case == "spec none" else reply,
        rebinLightCurve={"JobID": 1},
        timesliceSpectrum={"JobID": 1},
        **{key: {"status": 4} for key in LOOKS},
        cancelRebin={},
        cancelSlice={},
        downloadBurstAnalyser=bat(bin_at(1.0)),
        getBurstAnalyserTarURL={"URL": url},
        getGRBPositions={},
        getGRBTargetList={"targetList": ["00221755"]},
        getObsByTarg={"obsList": ["00221755000"]},
    )
    try:
        SAME[case](swift)
    except ProductNotAvailableError:
        assert case == "spec none"
    assert [one for one in backend.asked if one[0] not in LOOKS] == wanted
    looked = [one for one in backend.asked if one[0] in LOOKS]
    assert all(one[1] == {"JobID": 1518 if "slice" in case else 1234} for one in looked)


def test_every_recorded_case_is_accounted_for(validation_data: Path) -> None:
    different = {
        *(
            "lc save",
            "lc save exists no clobber",
            "lc save incbad no",
            "lc bool flags",
            "2 grbs subdirs lc",
        ),  # one question
        *("lc NOLC", "lc NOLC save"),  # number 0 is refused here
        "name not found",  # an unknown name is an error here, and null is never sent
        "two names",  # the same as one, twice
        "rebin none",  # a binning is needed here
        *("timeslice zint", "timeslice bad mode"),  # whole redshifts are taken, unknown modes refused
        "timeslice status",  # as that of a rebinning, twice
        'ban badbin string "0"',  # a matter of the reply
        *("obsdata all x2 (leak of _allowedInstruments)", "instrument check after leak"),  # files of observations
    }
    cases = {one["case"] for one in fixture(validation_data, "grb", "wire_requests_grb.json")["cases"]}
    assert cases == set(SAME) | different
