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
from swiftxrt.products.fit import FitParameter, SpectralFit
from swiftxrt.products.gti import GTI
from swiftxrt.products.spectrumset import SpectrumSet
from swiftxrt.wire.envelope import success
from swiftxrt.wire.spectrum import decode, encode, encode_missing

T0 = 608713541.952
URLS = {"interval0": "http://host/interval0.tar.gz", "late": "http://host/late.tar.gz"}
CGS = u.erg / u.cm**2 / u.s
EXCHANGES = json.loads((Path(__file__).parents[1] / "data" / "golden_exchanges.json").read_text(encoding="utf-8"))[
    "exchanges"
]


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


def sent(made: SpectrumSet, **changes: Any) -> dict[str, Any]:
    """The reply about a set, as a client gets it."""
    content = encode(made, **{"urls": URLS, "t0_met": T0, "delta_statistic": 2.706, **changes})
    through: dict[str, Any] = json.loads(json.dumps(content, allow_nan=False))
    return through


def received(made: SpectrumSet, **changes: Any) -> SpectrumSet:
    """A set as it arrives at the other side."""
    return decode(sent(made, **changes)).assemble(made.slices)


def reply(**changes: Any) -> dict[str, Any]:
    return sent(spectra(), **changes)


def test_reply_has_the_form_of_the_service() -> None:
    made = sent(spectra(galactic_nh=6.5378e20 / u.cm**2))
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


POWER_LAW = SpectralFit(
    "PowerLaw",
    {
        "nh_galactic": FitParameter(5e20 / u.cm**2, frozen=True),
        "nh": FitParameter(1e21 / u.cm**2, 1e20 / u.cm**2, 2e20 / u.cm**2),
        "redshift": FitParameter(0.347, frozen=True),
        "photon_index": FitParameter(2.0, 0.25, 0.1),
    },
    flux_observed=FitParameter(1.5e-12 * CGS, 1e-13 * CGS, 2e-13 * CGS),
    flux_unabsorbed=FitParameter(2.5e-12 * CGS),
    statistic=100.5,
    dof=90,
    test_statistic=98.25,
    delta_statistic=2.706,
    image_url="http://host/x.gif",
)
APEC = SpectralFit("APEC", {"temperature": FitParameter(64 * u.keV, 1.18 * u.keV, 0 * u.keV)}, delta_statistic=2.706)
#: Frozen, free and with a unit against the habits of the service.
UNUSUAL = SpectralFit(
    "Other",
    {
        "nh": FitParameter(1e21 / u.cm**2, frozen=True),
        "redshift": FitParameter(0.3, 0.1, 0.2),
        "norm": FitParameter(2.0 / u.keV, 1.0 / u.keV, frozen=True),
        "abundance": FitParameter(0.5),
    },
    delta_statistic=2.706,
)


def test_fit_has_the_keys_of_the_service() -> None:
    made = sent(spectra(fits={"interval0pc": {"PowerLaw": POWER_LAW, "APEC": APEC}}))
    block = made["interval0"]["PC"]
    assert block["Models"] == ["PowerLaw", "APEC"]
    assert block["APEC"] == {"KT": 64.0, "KTPos": 0.0, "KTNeg": -1.18}
    recorded = fixture_fit()
    assert set(block["PowerLaw"]) == set(recorded) - {"UnabsFluxPos", "UnabsFluxNeg"}
    assert block["PowerLaw"]["GammaNeg"] == -0.25
    assert block["PowerLaw"]["NHPos"] == 2e20
    assert block["PowerLaw"]["Redshift_abs"] == 0.347
    assert "NOFIT" not in block


@pytest.mark.parametrize("fit", [POWER_LAW, APEC, UNUSUAL])
def test_fits_arrive_as_they_were_sent(fit: SpectralFit) -> None:
    made = spectra(fits={"interval0pc": {fit.model: fit}}, t0_met=T0)
    again = received(made)
    assert again == made
    assert again.fits["interval0pc"][fit.model].image_url == fit.image_url


def test_recorded_fits_are_sent_as_they_came() -> None:
    """What the service said of GRB 130925A comes out of our encoder again."""
    recorded = FIXTURE_130925A
    made = decode(recorded).assemble(grb130925a())
    urls = {label: recorded[label]["DataFile"] for label in recorded["rnames"]}
    again = encode(made, urls=urls, t0_met=recorded["T0"], delta_statistic=recorded["DeltaFitStat"])
    for label in recorded["rnames"]:
        for mode in recorded[label]["Modes"]:
            assert again[label][mode]["PowerLaw"] == recorded[label][mode]["PowerLaw"]
        assert again[label]["DataFile"] == recorded[label]["DataFile"]
        assert again[label]["Modes"] == recorded[label]["Modes"]
        for key in ("Start", "Stop"):
            assert again[label][key] == pytest.approx(recorded[label][key], abs=1e-6)


def test_everything_arrives() -> None:
    made = spectra(
        fits={"interval0pc": {"PowerLaw": POWER_LAW}},
        missing={
            "interval0pc/APEC": "the fit failed twice",
            "interval0wt": "too few counts for a fit",
            "latewt": "no WT data in this time slice",
            "empty": "nothing was observed then",
            "interval0pc": "the second fit was not tried",
        },
        intervals={"empty": (T0 + 10, T0 + 20)},
        galactic_nh=4e20 / u.cm**2,
        t0_met=T0,
    )
    content = sent(made)
    assert content["rnames"] == ["interval0", "late", "empty"]
    assert content["empty"] == {"Start": 10.0, "Stop": 20.0, "NOSPEC": "nothing was observed then"}
    assert content["interval0"]["WT"]["NOFIT"] == "too few counts for a fit"
    assert content["interval0"]["PC"]["APEC"] == {"NOFIT": "the fit failed twice"}
    again = received(made)
    assert again == made
    assert {key: again.missing[key] for key in made.missing} == dict(made.missing)
    assert list(again.intervals) == list(made.intervals)
    assert again.urls == URLS
    assert again.intervals["empty"].value == pytest.approx([T0 + 10, T0 + 20])


def test_every_slice_needs_an_address() -> None:
    with pytest.raises(RequestError, match="'late'"):
        reply(urls={"interval0": "x"})


def test_layouts_are_two() -> None:
    with pytest.raises(RequestError, match="'new' or 'old'"):
        reply(layout="newest")


def test_nothing_at_all() -> None:
    made = encode(SpectrumSet([]), urls={}, t0_met=T0, delta_statistic=1)
    assert (made["rnames"], made["NoSpectrum"]) == ([], 1)
    assert decode(made).missing == "the service made no spectrum"
    made = encode_missing("no data were selected")
    assert decode(made).missing == "no data were selected"
    assert made["GalNH_unfitted"] is None


# Replies of the service.


#: GRB 130925A, as recorded from the live service in the documentation of
#: swifttools 4.0.5 (structures.md), shortened by digits that say nothing here.
FIXTURE_130925A: dict[str, Any] = {
    "T0": 401775096,
    "DeltaFitStat": 2.706,
    "rnames": ["interval0", "late_time"],
    "interval0": {
        "DataFile": "https://www.swift.ac.uk/xrt_spectra/00571830/interval0.tar.gz",
        "Start": 151.206299126148,
        "Stop": 40413.0104033947,
        "Modes": ["WT", "PC"],
        "WT": {
            "Models": ["PowerLaw"],
            "PowerLaw": {
                "GalacticNH": 1.74728e20,
                "NH": 2.61822e22,
                "NHPos": 4.195329499999989e20,
                "NHNeg": -4.114560899999997e20,
                "Redshift_abs": 0.347,
                "Gamma": 1.74059,
                "GammaPos": 0.01495348799999996,
                "GammaNeg": -0.014803381000000115,
                "ObsFlux": 3.2308738407058433e-09,
                "ObsFluxPos": 2.0927980842864315e-11,
                "ObsFluxNeg": -2.0775434446476415e-11,
                "UnabsFlux": 5.272662824293303e-09,
                "UnabsFluxPos": 4.9185968693846606e-11,
                "UnabsFluxNeg": -4.730966359732954e-11,
                "Cstat": 1389.742568,
                "Dof": 960,
                "FitChi": 1347.730724,
                "Image": "https://www.swift.ac.uk/xrt_spectra/00571830/interval0wt_plot.gif",
            },
            "Exposure": 3162.851695179939,
            "MeanTime": 3449.54543888569,
        },
        "PC": {
            "Models": ["PowerLaw"],
            "PowerLaw": {"GalacticNH": 1.74728e20, "NH": 3.05251e22, "NHPos": 3.13e21, "NHNeg": -2.94e21, "Dof": 490},
            "Exposure": 5029.643800079823,
            "MeanTime": 17427.6717456579,
        },
    },
    "late_time": {
        "DataFile": "https://www.swift.ac.uk/xrt_spectra/00571830/late_time.tar.gz",
        "Start": 5502.69384342432,
        "Stop": 40413.0104033947,
        "Modes": ["PC"],
        "PC": {
            "Models": ["PowerLaw"],
            "PowerLaw": {"Gamma": 2.68868, "GammaPos": 0.14820270499999966, "GammaNeg": -0.13902135400000004},
            "Exposure": 4966.961300075054,
            "MeanTime": 18497.190929234,
        },
    },
}


def fixture_fit() -> dict[str, Any]:
    fit: dict[str, Any] = FIXTURE_130925A["interval0"]["WT"]["PowerLaw"]
    return fit


def grb130925a() -> dict[str, list[CountSpectrum]]:
    """Spectra as the archives of the service hold them: without limits and mean times."""
    good = GTI([401775096 + 160.0], [401775096 + 40000.0])
    return {
        "interval0": [counted(mode="WT", gti=good), counted(gti=good)],
        "late_time": [counted(label="late_time", gti=good)],
    }


def test_recorded_burst() -> None:
    spectra = decode(FIXTURE_130925A).assemble(grb130925a())
    assert list(spectra) == ["interval0wt", "interval0pc", "late_timepc"]
    fit = spectra.fits["interval0wt"]["PowerLaw"]
    assert fit.parameters["nh_galactic"] == FitParameter(1.74728e20 / u.cm**2, frozen=True)
    assert fit.parameters["redshift"] == FitParameter(0.347, frozen=True)
    assert fit.parameters["photon_index"] == FitParameter(1.74059, 0.014803381000000115, 0.01495348799999996)
    assert fit.flux_observed == FitParameter(
        3.2308738407058433e-09 * CGS, 2.0775434446476415e-11 * CGS, 2.0927980842864315e-11 * CGS
    )
    assert (fit.statistic, fit.dof, fit.test_statistic, fit.delta_statistic) == (1389.742568, 960, 1347.730724, 2.706)
    assert spectra["interval0pc"].counts.mean_met.value == pytest.approx(401775096 + 17427.6717456579)
    assert spectra.intervals["late_time"].value == pytest.approx([401780598.69384342, 401815509.0104033947])
    assert spectra.count_spectra[0].interval == pytest.approx((401775247.206299126, 401815509.0104033947))
    assert np.isnan(spectra.galactic_nh)


def test_times_of_the_files_are_kept() -> None:
    found = counted(gti=GTI([T0 + 60], [T0 + 90.0]), interval=(T0 + 5, T0 + 6), mean_event_met=T0 + 7)
    content = {"T0": T0, "rnames": ["interval0"], "interval0": {"Start": 1, "Stop": 2, "DataFile": "u", "Modes": "PC"}}
    content["interval0"]["PC"] = {"MeanTime": 1.5, "NOFIT": 1}  # type: ignore[index]
    (again,) = decode(content).assemble({"interval0": [found]}).count_spectra
    assert again == found


def test_slices_give_spectra_their_names() -> None:
    """The service strips labels for file names; the reply has them in full."""
    content = {"rnames": ["spectrum 1"], "spectrum 1": {"Modes": ["PC"], "PC": {"NOFIT": 1}}}
    spectra = decode(content).assemble({"spectrum 1": [counted(label="spectrum_1")]})
    assert list(spectra) == ["spectrum 1pc"]
    content = {"rnames": ["a/b"], "a/b": {"Modes": ["PC"], "PC": {"NOFIT": 1}}}
    spectra = decode(content).assemble({"a/b": [counted(label="ab")]})
    assert list(spectra) == ["abpc"]
    assert spectra.missing["a/bpc"] == "the archive of this time slice holds no spectrum of this mode"


def test_recorded_fit_of_two_models() -> None:
    """LSXPS source 209851 (swifttools 4.0.5, query/SXPS.md): power law and APEC, whose temperature is called KT."""
    content = {
        "T0": 126230399.334228,
        "DeltaFitStat": 2.706,
        "GalNH_unfitted": 5.400326e20,
        "rnames": ["interval0"],
        "interval0": {
            "Modes": ["PC"],
            "PC": {
                "Models": ["PowerLaw", "APEC"],
                "PowerLaw": {"Gamma": 1.96167, "GammaPos": 0.0370174379999999, "GammaNeg": -0.03668947300000003},
                "APEC": {"KT": 4.60222, "KTPos": 0.24289140000000042, "KTNeg": -0.22265284499999982},
            },
        },
    }
    spectra = decode(content).assemble({"interval0": [counted()]})
    assert spectra.galactic_nh == 5.400326e20 / u.cm**2
    assert spectra.fits["interval0pc"]["APEC"].parameters["temperature"] == FitParameter(
        4.60222 * u.keV, 0.22265284499999982 * u.keV, 0.24289140000000042 * u.keV
    )
    spelt = json.loads(json.dumps(content).replace('"KT', '"kT'))
    assert decode(spelt).assemble({"interval0": [counted()]}) == spectra


def test_recorded_exchange() -> None:
    made = decode(EXCHANGES["exchange_60_spectrum"]["reply"]["json"])
    assert (made.t0_met, made.galactic_nh) == (608713541.952, 6.5378e20)
    (block,) = made.slices
    assert (block.start_s, block.stop_s) == (103.678409218788, 775.816271662712)
    mode = block.modes["WT"]
    assert (mode.exposure_s, mode.mean_time_s) == (3162.851695179939, 3449.54543888569)
    fit = mode.fits["PowerLaw"]
    assert fit.parameters == {
        "nh": FitParameter(1.57609e17 / u.cm**2, 1.57609e17 / u.cm**2, 5.17391978e20 / u.cm**2),
        "photon_index": FitParameter(3.60441, 0.220437508, 0.387164431),
    }
    assert fit.flux_observed.value == 3.2308738407058433e-09 * CGS
    assert (fit.statistic, fit.dof, fit.test_statistic) == (1389.742568, 960, 1347.730724)
    assert fit.image_url.endswith("interval0wt_plot.gif")


def test_recorded_missing_parts() -> None:
    made = decode(EXCHANGES["exchange_61_spectrum_missing_parts"]["reply"]["json"])
    found = {label: [counted(label=label, gti=GTI([1.5], [1.7]))] for label in ("b", "c")}
    spectra = made.assemble(found)
    assert list(spectra) == ["bpc", "cpc"]
    assert {key: why for key, why in spectra.missing.items() if key.count("/") == 0 or key.endswith("PowerLaw")} == {
        "a": "no data in this time slice",
        "bpc": "no fit was made",
        "cpc/PowerLaw": "the fit failed",
    }
    assert dict(spectra.fits) == {}
    assert tuple(spectra.intervals["a"].value) == (2, 3)


def test_archives_that_could_not_be_read() -> None:
    """Fits stay, and the reason says what became of the spectra."""
    spectra = decode(FIXTURE_130925A).assemble(
        {"late_time": grb130925a()["late_time"]}, unread={"interval0": "HTTP 404"}
    )
    assert list(spectra) == ["late_timepc"]
    assert spectra.missing["interval0"] == spectra.missing["interval0wt"] == "HTTP 404"
    assert spectra.fits["interval0wt"]["PowerLaw"].dof == 960
    assert np.isnan(spectra.fits["interval0wt"]["PowerLaw"].net_rate)
    half = decode(FIXTURE_130925A).assemble({**grb130925a(), "interval0": grb130925a()["interval0"][:1]})
    assert half.missing["interval0pc"] == "the archive of this time slice holds no spectrum of this mode"


def test_missing_spectrum_as_the_catalogues_say_it() -> None:
    reply = decode({"NoSpectrum": "NoSpectrum"})
    assert (reply.slices, reply.t0_met, reply.missing) == ((), None, "the service made no spectrum")
    assert decode({"NoSpectrum": "the source is too faint", "rnames": None}).missing == "the source is too faint"


def test_reading_is_tolerant() -> None:
    made = decode(
        {
            "T0": "608713541.952",
            "GalNH_unfitted": "nonsense",
            "rnames": ["x", "y", "z", "w", "x"],
            "x": {
                "Start": None,
                "Stop": "nan",
                "Modes": ["PC", "WT"],
                "PC": {
                    "Exposure": "10.5",
                    "MeanTime": True,
                    "Models": ["APEC", "Blackbody", "Other", "Empty", "Void"],
                    "APEC": {"kT": "64", "kTPos": 0, "kTNeg": "-1.18", "NH": None, "Dof": "7", "Cstat": "what"},
                    "Blackbody": {"KT": 0.5, "KTPos": "inf", "Image": None, "Note": "hot", "More": [1], "Dof": 7.0},
                    "Empty": {},
                    "Void": {"KT": None, "ObsFlux": "nan"},
                },
            },
            "y": {"NOSPEC": "not enough counts"},
            "w": None,
        }
    )
    assert (made.t0_met, math.isnan(made.galactic_nh)) == (T0, True)
    assert [block.label for block in made.slices] == ["x", "y", "z", "w"]
    block = made["x"].modes["PC"]
    assert block.exposure_s == 10.5
    assert math.isnan(block.mean_time_s)
    apec = block.fits["APEC"]
    assert apec.parameters == {"temperature": FitParameter(64 * u.keV, 1.18 * u.keV, 0 * u.keV)}
    assert (apec.dof, math.isnan(apec.statistic)) == (7, True)
    temperature = block.fits["Blackbody"].parameters["temperature"]
    assert temperature == FitParameter(0.5 * u.keV, err_pos=np.inf * u.keV)
    assert dict(block.failed) == dict.fromkeys(("Other", "Empty", "Void"), "the service does not describe this fit")
    assert made["x"].modes["WT"].missing == "the service does not describe this mode"
    assert made["y"].missing == "not enough counts"
    assert made["z"].missing == made["w"].missing == "the service does not describe this time slice"
    assert decode({"rnames": ["x"], "x": {"Modes": []}})["x"].missing == "the service lists no mode of this time slice"
    empty = decode({"rnames": ["x"], "x": {"Modes": ["PC"], "PC": {}}})
    assert empty["x"].modes["PC"].missing == "the service lists no fitted model"
    assert set(made.assemble({}).missing) == {"x", "xpc", "xwt", "y", "z", "w"} | {
        f"xpc/{model}" for model in block.failed
    }


def test_lists_that_were_forgotten() -> None:
    """Slices, modes and models without the lists that name them."""
    content = json.loads(json.dumps(FIXTURE_130925A))
    del content["rnames"], content["interval0"]["Modes"], content["interval0"]["WT"]["Models"]
    assert decode(content).assemble(grb130925a()) == decode(FIXTURE_130925A).assemble(grb130925a())
    content["rnames"], content["interval0"]["Modes"] = "interval0,late_time", "WT, PC"
    content["late_time"]["PC"]["Models"] = {"PowerLaw": 1}
    assert decode(content).assemble(grb130925a()) == decode(FIXTURE_130925A).assemble(grb130925a())


@pytest.mark.parametrize("bad", [[], None, {}, "x", {"T0": 3}, {"rnames": 3}, {"rnames": None}])
def test_replies_that_are_none(bad: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(bad)


def test_empty_lists_are_an_answer() -> None:
    assert decode({"rnames": []}).missing == "the reply of the service lists no time slice"
    made = decode({"rnames": ["x"], "x": "y"})
    assert made.assemble({}).missing == {"x": "the service does not describe this time slice"}


# The layout of API versions below 1.10.


#: Recorded output of a job, in the documentation of xrt_prods 1.8 and 1.9
#: (swifttools, pyDocs/RetrieveProducts.md); the client of then passed the reply on as it was.
OLD: dict[str, Any] = {
    "T0": 636878303,
    "GalNH": 4.465814e21,
    "spectrum 1": {
        "start": "91.5458518266678",
        "stop": "998.996383428574",
        "HaveWT": 1,
        "WT": {
            "meantime": 112.45307648182,
            "nh": 7.58231e21,
            "nhpos": 3.63443658e21,
            "nhneg": -2.765281571e21,
            "gamma": 2.0417,
            "gammapos": 0.415690796,
            "gammaneg": -0.373606428,
            "obsFlux": 2.4276719478251e-10,
            "obsFluxpos": 5.1385948118663e-11,
            "obsFluxneg": -4.3181474356172e-11,
            "unabsFlux": 4.4164162583654e-10,
            "unabsFluxpos": 1.925535760887e-10,
            "unabsFluxneg": -9.3536052181061e-11,
            "cstat": 158.3754728,
            "dof": 181,
            "fitChi": 194.9756569,
            "exposure": 45.74681532383,
        },
        "HavePC": 1,
        "PC": {"meantime": 461.84811258316, "nh": 7.47829e21, "gamma": 1.75085, "exposure": 860.00390005112},
    },
    "spectrum 2": {
        "start": "1000",
        "stop": "6089.67395174503",
        "HaveWT": 0,
        "HavePC": 1,
        "PC": {"meantime": 3507.7555564642, "gamma": 1.80562, "gammapos": 0.326599551, "exposure": 1890.5042001009},
    },
}


def old_spectra() -> dict[str, list[CountSpectrum]]:
    first = [counted(label="spectrum 1", mode=mode, gti=None) for mode in ("WT", "PC")]
    return {"spectrum 1": first, "spectrum 2": [counted(label="spectrum 2", gti=None)]}


def test_old_layout_is_read() -> None:
    made = decode(OLD)
    assert [block.label for block in made.slices] == ["spectrum 1", "spectrum 2"]
    assert (made["spectrum 1"].start_s, made["spectrum 2"].stop_s) == (91.5458518266678, 6089.67395174503)
    assert list(made["spectrum 2"].modes) == ["PC"]
    mode = made["spectrum 1"].modes["WT"]
    assert (mode.exposure_s, mode.mean_time_s) == (45.74681532383, 112.45307648182)
    fit = mode.fits["PowerLaw"]
    assert fit.parameters == {
        "nh": FitParameter(7.58231e21 / u.cm**2, 2.765281571e21 / u.cm**2, 3.63443658e21 / u.cm**2),
        "photon_index": FitParameter(2.0417, 0.373606428, 0.415690796),
    }
    assert fit.flux_unabsorbed == FitParameter(
        4.4164162583654e-10 * CGS, 9.3536052181061e-11 * CGS, 1.925535760887e-10 * CGS
    )
    assert (fit.statistic, fit.dof, fit.test_statistic) == (158.3754728, 181, 194.9756569)
    spectra = made.assemble(old_spectra())
    assert spectra.galactic_nh == 4.465814e21 / u.cm**2
    assert spectra.intervals["spectrum 1"].value == pytest.approx([636878394.5458518, 636879301.9963834])


def test_old_layout_is_written() -> None:
    made = decode(OLD).assemble(old_spectra())
    again = encode(made, urls={}, t0_met=OLD["T0"], delta_statistic=2.706, layout="old")
    assert list(again) == list(OLD)
    assert again["GalNH"] == OLD["GalNH"]
    for label in ("spectrum 1", "spectrum 2"):
        wanted = OLD[label]
        assert set(again[label]) == set(wanted)
        assert {type(again[label][key]) for key in ("start", "stop")} == {str}
        assert float(again[label]["start"]) == pytest.approx(float(wanted["start"]), abs=1e-6)
        assert (again[label]["HaveWT"], again[label]["HavePC"]) == (wanted["HaveWT"], wanted["HavePC"])
    values = dict(again["spectrum 1"]["WT"])
    # The spectra of this test are not those of the job.
    assert values.pop("exposure") == 3162.851695179939
    assert values.pop("meantime") == pytest.approx(112.45307648182, abs=1e-6)
    assert values == {key: OLD["spectrum 1"]["WT"][key] for key in values}
    assert set(values) == set(OLD["spectrum 1"]["WT"]) - {"exposure", "meantime"}
    assert decode(again).assemble(old_spectra()).fits == made.fits


def test_old_layout_has_power_laws_only() -> None:
    made = sent(spectra(fits={"interval0pc": {"APEC": APEC}, "latepc": {"powerlaw": POWER_LAW}}), layout="old")
    assert (made["interval0"]["HavePC"], made["late"]["HavePC"]) == (0, 1)
    assert "PC" not in made["interval0"]
    assert made["late"]["PC"]["gammaneg"] == -0.25
    assert "rnames" not in made


def test_what_the_reference_client_makes_of_it_is_read() -> None:
    """Its default mode rewrites new replies in the old style, with the new lists."""
    module = pytest.importorskip("swifttools.ukssdc.xrt_prods.prod_request")
    content = success(sent(spectra(fits={"interval0wt": {"PowerLaw": POWER_LAW}}, galactic_nh=1e20 / u.cm**2)))
    rewritten = swifttools_says(module, content, deprecate=True, return_data=False)
    assert rewritten["interval0"]["WT"]["galacticnh"] == 5e20
    made = decode(rewritten)
    fit = made["interval0"].modes["WT"].fits["PowerLaw"]
    assert (fit.parameters, fit.flux_observed, fit.dof) == (POWER_LAW.parameters, POWER_LAW.flux_observed, 90)
    assert made.galactic_nh == 1e20
    assert made["interval0"].data_url == URLS["interval0"]


# The reference client.


class _Answer:
    status_code = 200
    reason = "OK"

    def __init__(self, content: dict[str, Any]) -> None:
        self.text = json.dumps(content, allow_nan=False)


def swifttools_says(module: Any, content: dict[str, Any], *, deprecate: bool, return_data: bool) -> dict[str, Any]:
    """What the client of that module makes of a reply."""
    client = module.XRTProductRequest("somebody@example.org", silent=True, useDeprecate=deprecate)
    client.showDepWarnings = False
    client.addProduct("Spectrum")
    client._submitted, client._jobID = True, "951"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.requests, "post", lambda *args, **kwargs: _Answer(content))
        returned = client.retrieveSpectralFits(returnData=return_data)
    got: dict[str, Any] = client.specData
    assert returned == (got if return_data else None)
    return got


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("deprecate", [False, True])
@pytest.mark.parametrize("return_data", [False, True])
def test_swifttools_takes_the_reply(fitted: bool, deprecate: bool, return_data: bool) -> None:
    """Unmodified swifttools: both layouts of its result, returned or stored."""
    module = pytest.importorskip("swifttools.ukssdc.xrt_prods.prod_request")
    fits = {"interval0wt": {"PowerLaw": POWER_LAW}} if fitted else {}
    missing = {"interval0pc/APEC": "the fit failed"} if fitted else {}
    content = success(sent(spectra(fits=fits, missing=missing)))
    got = swifttools_says(module, content, deprecate=deprecate, return_data=return_data)
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
        assert "NOFIT" in (block["PC"]["APEC"] if fitted else block["PC"])
        assert block["WT"]["Exposure"] == 10.5
