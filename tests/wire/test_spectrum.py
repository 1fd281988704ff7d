"""Spectrum replies."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import ProtocolError, RequestError
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.gti import GTI
from swiftxrt.products.spectrumset import SpectrumSet
from swiftxrt.wire.envelope import success
from swiftxrt.wire.spectrum import FitBlock, FittedValue, decode, encode

T0 = 608713541.952
URLS = {"interval0": "http://host/interval0.tar.gz", "late": "http://host/late.tar.gz"}


def counted(**changes: Any) -> CountSpectrum:
    values: dict[str, Any] = {
        "counts": np.arange(50),
        "exposure": 3162.851695179939 * u.s,
        "mode": "PC",
        "gti": GTI([T0 + 100], [T0 + 500.25]),
    }
    return CountSpectrum(**{**values, **changes})


def spectra(**changes: Any) -> SpectrumSet:
    wt = counted(mode="WT", mean_event_met=T0 + 71.0625, exposure=10.5 * u.s, gti=GTI([T0 + 60], [T0 + 90]))
    late = counted(label="late", interval=(T0 + 50, T0 + 1e6))
    return SpectrumSet([wt, counted(), late], **changes)


def reply(**changes: Any) -> dict[str, Any]:
    return encode(spectra(), **{"urls": URLS, "t0_met": T0, "delta_statistic": 2.706, **changes})


def test_reply_has_the_form_of_the_service() -> None:
    made = reply(galactic_nh=6.5378e20)
    assert list(made) == ["T0", "DeltaFitStat", "GalNH_unfitted", "rnames", "interval0", "late"]
    assert made["rnames"] == ["interval0", "late"]
    assert made["GalNH_unfitted"] == 6.5378e20
    block = made["interval0"]
    assert list(block) == ["DataFile", "Start", "Stop", "Modes", "WT", "PC"]
    assert block["Modes"] == ["WT", "PC"]
    assert block["PC"] == {"MeanTime": pytest.approx(300.125), "Exposure": 3162.851695179939, "NOFIT": 1}
    # The good time of both modes; the slice as asked for, where that is known.
    assert (block["Start"], block["Stop"]) == pytest.approx((60, 500.25))
    assert (made["late"]["Start"], made["late"]["Stop"]) == pytest.approx((50, 1e6))
    json.dumps(made, allow_nan=False)


def test_unknown_values_are_null() -> None:
    made = encode(SpectrumSet([counted(gti=None)]), urls=URLS, t0_met=T0, delta_statistic=1)
    assert made["GalNH_unfitted"] is None
    assert made["interval0"]["Start"] is None
    assert made["interval0"]["PC"]["MeanTime"] is None
    again = decode(json.loads(json.dumps(made, allow_nan=False)))
    assert math.isnan(again.galactic_nh)
    assert math.isnan(again["interval0"].modes["PC"].mean_time_s)


def test_what_is_sent_is_read_back() -> None:
    again = decode(json.loads(json.dumps(success(reply()))))
    assert (again.t0_met, again.delta_statistic, again.missing) == (T0, 2.706, "")
    assert [block.label for block in again.slices] == ["interval0", "late"]
    block = again["interval0"]
    assert (block.data_url, block.missing, list(block.modes)) == (URLS["interval0"], "", ["WT", "PC"])
    assert block.modes["WT"].exposure_s == 10.5
    assert block.modes["WT"].mean_time_s == pytest.approx(71.0625)
    assert block.modes["WT"].missing == "no fit was made"
    with pytest.raises(KeyError):
        again["elsewhere"]


def test_fits_are_sent_and_read_back() -> None:
    fit = FitBlock(
        "PowerLaw",
        values={"NH": FittedValue(1e21, 2e20, 1e20), "Gamma": FittedValue(2.0, 0.1, 0.25)},
        statistic=100.5,
        dof=90,
        test_statistic=98.25,
        galactic_nh=5e20,
        redshift=0.347,
        image_url="http://host/x.gif",
    )
    failed = FitBlock("APEC", missing="the fit failed")
    made = encode(
        spectra(fits={"interval0pc": {"PowerLaw": fit, "APEC": failed}}), urls=URLS, t0_met=T0, delta_statistic=1
    )
    block = made["interval0"]["PC"]
    assert block["Models"] == ["PowerLaw", "APEC"]
    assert block["PowerLaw"]["GammaNeg"] == -0.25
    assert block["APEC"] == {"NOFIT": 1}
    again = decode(json.loads(json.dumps(made, allow_nan=False)))["interval0"].modes["PC"]
    assert again.fits["PowerLaw"] == fit
    assert again.fits["APEC"].missing == "the fit failed"
    assert again.missing == ""


def test_every_slice_needs_an_address() -> None:
    with pytest.raises(RequestError, match="'late'"):
        reply(urls={"interval0": "x"})


def test_empty_set() -> None:
    made = encode(SpectrumSet([]), urls={}, t0_met=T0, delta_statistic=1)
    assert (made["rnames"], made["NoSpectrum"]) == ([], 1)
    assert decode(made).missing == "the service made no spectrum"


# Replies of the service.


def golden(folder: Path, name: str) -> dict[str, Any]:
    path = folder.parent / "golden" / "product_requests" / f"{name}.json"
    if not path.is_file():
        pytest.skip("the recorded exchanges are not beside the validation data")
    content: dict[str, Any] = json.loads(path.read_text())["reply"]["json"]
    return content


def test_recorded_fit(validation_data: Path) -> None:
    made = decode(golden(validation_data, "exchange_60_spectrum"))
    assert (made.t0_met, made.galactic_nh) == (608713541.952, 6.5378e20)
    (block,) = made.slices
    assert (block.start_s, block.stop_s) == (103.678409218788, 775.816271662712)
    mode = block.modes["WT"]
    assert (mode.exposure_s, mode.mean_time_s) == (3162.851695179939, 3449.54543888569)
    fit = mode.fits["PowerLaw"]
    assert fit.values["Gamma"] == FittedValue(3.60441, 0.387164431, 0.220437508)
    assert fit.values["ObsFlux"].value == 3.2308738407058433e-09
    assert list(fit.values) == ["NH", "Gamma", "ObsFlux", "UnabsFlux"]
    assert (fit.statistic, fit.dof, fit.test_statistic) == (1389.742568, 960, 1347.730724)
    assert math.isnan(fit.redshift)
    assert fit.image_url.endswith("interval0wt_plot.gif")


def test_recorded_missing_parts(validation_data: Path) -> None:
    made = decode(golden(validation_data, "exchange_61_spectrum_missing_parts"))
    assert made["a"].missing == "no data in this time slice"
    assert made["a"].modes == {}
    assert made["b"].modes["PC"].missing == "no fit was made"
    assert made["c"].modes["PC"].fits["PowerLaw"].missing == "the fit failed"


def test_missing_spectrum_as_the_catalogues_say_it() -> None:
    reply = decode({"NoSpectrum": "NoSpectrum"})
    assert (reply.slices, reply.t0_met, reply.missing) == ((), None, "the service made no spectrum")


def test_reading_is_tolerant() -> None:
    made = decode(
        {
            "T0": "608713541.952",
            "rnames": ["x", "y"],
            "x": {
                "Start": None,
                "Stop": "nan",
                "Modes": ["PC", "WT"],
                "PC": {
                    "Exposure": "10.5",
                    "MeanTime": True,
                    "Models": ["APEC", "Blackbody", "Other"],
                    "APEC": {"kT": "64", "kTPos": 0, "kTNeg": "-1.18", "Dof": "7", "Cstat": "what"},
                    "Blackbody": {"KT": 0.5},
                },
            },
            "y": {"NOSPEC": "not enough counts"},
        }
    )
    assert made.t0_met == T0
    block = made["x"].modes["PC"]
    assert block.exposure_s == 10.5
    assert math.isnan(block.mean_time_s)
    assert block.fits["APEC"].values == {"KT": FittedValue(64.0, 0.0, 1.18)}
    assert (block.fits["APEC"].dof, math.isnan(block.fits["APEC"].statistic)) == (7, True)
    assert block.fits["Blackbody"].values["KT"].value == 0.5
    assert math.isnan(block.fits["Blackbody"].values["KT"].err_pos)
    assert block.fits["Other"].missing == "the service does not describe this fit"
    assert made["x"].modes["WT"].missing == "the service does not describe this mode"
    assert made["y"].missing == "not enough counts"
    assert decode({"rnames": ["x"], "x": {"Modes": []}})["x"].missing == "no mode is listed"
    empty = decode({"rnames": ["x"], "x": {"Modes": ["PC"], "PC": {}}})
    assert empty["x"].modes["PC"].missing == "no model is listed"


@pytest.mark.parametrize("bad", [[], None, {}, {"rnames": ["x"]}, {"rnames": ["x"], "x": "y"}])
def test_replies_that_are_none(bad: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(bad)


# The reference client.


class _Answer:
    status_code = 200
    reason = "OK"

    def __init__(self, content: dict[str, Any]) -> None:
        self.text = json.dumps(content, allow_nan=False)


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("deprecate", [False, True])
@pytest.mark.parametrize("return_data", [False, True])
def test_swifttools_takes_the_reply(
    monkeypatch: pytest.MonkeyPatch, fitted: bool, deprecate: bool, return_data: bool
) -> None:
    """Unmodified swifttools: both layouts of its result, returned or stored."""
    module = pytest.importorskip("swifttools.ukssdc.xrt_prods.prod_request")
    fits = {"interval0wt": {"PowerLaw": FitBlock("PowerLaw", {"Gamma": FittedValue(2.0, 0.1, 0.2)})}} if fitted else {}
    content = success(encode(spectra(fits=fits), urls=URLS, t0_met=T0, delta_statistic=2.706))
    monkeypatch.setattr(module.requests, "post", lambda *args, **kwargs: _Answer(content))
    client = module.XRTProductRequest("somebody@example.org", silent=True, useDeprecate=deprecate)
    client.showDepWarnings = False
    client.addProduct("Spectrum")
    client._submitted, client._jobID = True, "951"
    returned = client.retrieveSpectralFits(returnData=return_data)
    got = client.specData
    assert returned == (got if return_data else None)
    assert got["T0"] == T0
    assert got["rnames"] == ["interval0", "late"]
    assert got["GalNH" if deprecate else "GalNH_unfitted"] is None
    block = got["interval0"]
    assert block["DataFile"] == URLS["interval0"]
    assert block["Modes"] == ["WT", "PC"]
    if deprecate:
        assert float(block["start"]) == pytest.approx(60)
        assert (block["HaveWT"], block["HavePC"]) == (1, 1)
        assert block.get("WT", {}).get("gamma") == (2.0 if fitted else None)
    else:
        assert block["PC"]["NOFIT"] == 1
        assert block["WT"]["Exposure"] == 10.5
