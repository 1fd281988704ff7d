"""What the service makes of bursts on demand: light curves binned anew, and spectra of time slices."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import ObsidBinning
from swiftxrt.exceptions import (
    JobLostError,
    RequestError,
    ServiceUnavailableError,
)
from swiftxrt.wire import api
from tests.catalog.burst_service import TARGET, light_curve, service, slice_archive, spectrum_files
from tests.catalog.replay import fixture


def test_recorded_rebinning(validation_data: Path) -> None:
    recorded = fixture(validation_data, "grb", "rebin_session.json")
    states = [
        {"status": recorded[key]["statusCode"], "text": recorded[key]["statusText"]}
        for key in ("status_running", "status_complete")
    ]
    names = [key for key in recorded["keys"] if key not in ("Datasets", "Binning", "TimeFormat", "T0", "URLs")]
    reply = light_curve(*names, **recorded["header"])
    for table in (value for key, value in reply.items() if key.endswith("Data")):
        table["data"] = [[58000.5, 0.1, -0.1, *table["data"][0][3:]]]
    swift, backend = service(
        rebinLightCurve={"JobID": "1234"},
        checkRebinStatus=states,
        downloadLightCurve=copy.deepcopy(reply),
        cancelRebin=api.failure("The job could not be cancelled - has it already finished?"),
    )
    task = swift.rebin_light_curve("GRB 070616", binning=ObsidBinning(), time_format="mjd")
    assert (task.id, task.refresh().phase.value) == ("1234", "EXECUTING")
    curves = task.result(timeout=1 * u.min)
    assert curves.total.binning == "obsid"
    assert curves.total.time.mjd[0] == pytest.approx(58000.5)
    assert curves.total.provenance.job_id == "1234"
    assert "already finished" in str(task.cancel())
    assert backend.sent("downloadLightCurve")[0]["type"] == "REBIN_LC"


def test_recorded_time_slices(validation_data: Path, tmp_path: Path) -> None:
    session = fixture(validation_data, "grb", "timeslice_session.json")
    early = fixture(validation_data, "grb", "timeslice_early_WT.json")["value"]
    folder = "https://www.swift.ac.uk/xrt_spectra/tprods/sliceSpec_1518"
    blocks: dict[str, Any] = {
        label: {"DataFile": f"{folder}/{label}.tar.gz", "Start": 100.0, "Stop": 800.0, "Modes": ["WT"], "WT": early}
        for label in ("early", "mixed")
    }
    reply = {"T0": 448_000_000, "DeltaFitStat": 2.706, "rnames": list(blocks), **blocks}
    assert [key for key in session["returned_keys"] if key not in ("OK", "APIVersion")] == list(reply)
    status = session["status"]
    swift, backend = service(
        spectrum_files(reply, slice_archive(tmp_path)),
        timesliceSpectrum={"JobID": 1518},
        checkSliceStatus=[{"status": status["statusCode"], "text": status["statusText"]}, {"status": 4}],
        downloadSpectrum=reply,
    )
    task = swift.slice_spectra("00635887", slices={"early": ("100-800 s", "WT"), "mixed": "100-300,500-1000 s"})
    assert task.id == "1518"
    task.refresh()
    spectra = task.result(timeout=1 * u.min)
    assert list(spectra) == ["earlywt", "mixedwt"]
    fit = spectra.fits["earlywt"]["PowerLaw"]
    assert fit.statistic == early["PowerLaw"]["Cstat"]
    assert backend.sent("downloadSpectrum") == [{"type": "timeslice", "objectID": 1518}]


def test_submissions_are_never_repeated() -> None:
    lost = ServiceUnavailableError("the reply was lost")
    swift, backend = service(rebinLightCurve=lost, timesliceSpectrum=lost)
    with pytest.raises(ServiceUnavailableError):
        swift.rebin_light_curve(TARGET, binning=ObsidBinning())
    with pytest.raises(ServiceUnavailableError):
        swift.slice_spectra(TARGET, slices={"a": "1-2 s"})
    assert len(backend.asked) == 2


@pytest.mark.parametrize("text", ["no such job", "There is no job 7 with a light curve.", "refused"])
def test_jobs_that_the_service_does_not_know(text: str) -> None:
    swift, _ = service(checkRebinStatus=api.failure(text), cancelRebin=api.failure(text))
    task = swift.get_burst_job(7, "light_curve")
    for call in (task.refresh, task.wait, task.cancel):
        with pytest.raises(JobLostError, match="tells nothing of job 7"):
            call()


def test_jobs_are_found_again() -> None:
    swift, backend = service(checkRebinStatus={"status": 3}, checkSliceStatus={"status": -3, "text": "nothing"})
    assert swift.get_burst_job("7", "light_curve").refresh().phase.value == "EXECUTING"
    assert swift.get_burst_job(7, "spectrum").refresh().phase.value == "ERROR"
    assert backend.asked == [("checkRebinStatus", {"JobID": 7}), ("checkSliceStatus", {"JobID": 7})]
    for kind in ("image", "curve", ["spectrum"]):
        with pytest.raises(RequestError, match="kind: must be 'light_curve' or 'spectrum'"):
            swift.get_burst_job(7, kind)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="number of a job"):
        swift.get_burst_job("x", "spectrum")
