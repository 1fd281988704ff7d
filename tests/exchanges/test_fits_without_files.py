"""A reply with fits whose archives cannot be had."""

from __future__ import annotations

from typing import Any

import pytest

from swiftxrt.exceptions import PartialResultWarning, ServiceError


def test_fits_stay_where_no_archive_can_be_had(played: Any, find_job: Any) -> None:
    job = find_job("spec")
    fit = {"Models": ["PowerLaw"], "PowerLaw": {"Gamma": "1.75", "GammaPos": "0.22", "GammaNeg": "-0.21"}}
    part = {"DataFile": f"{played.url}/user_objects/absent.tar.gz", "Modes": ["PC"], "PC": fit}
    played.answer("tprods/getSpecData.php", played.ok(T0=6e8, rnames=["interval0"], interval0=part))
    with pytest.warns(PartialResultWarning, match="interval0"):
        spectra = job.product("spectrum")
    assert list(spectra) == []
    assert spectra.fits["interval0pc"]["PowerLaw"].parameters["photon_index"].value == 1.75
    assert "404" in spectra.missing["interval0pc"]


def test_neither_files_nor_fits_is_an_error(played: Any, find_job: Any) -> None:
    job = find_job("spec")
    part = {"DataFile": f"{played.url}/user_objects/absent.tar.gz", "Modes": ["PC"], "PC": {"NOFIT": 1}}
    played.answer("tprods/getSpecData.php", played.ok(T0=6e8, rnames=["interval0"], interval0=part))
    with pytest.raises(ServiceError):
        job.product("spectrum")
