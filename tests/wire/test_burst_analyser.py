"""Replies of the burst analyser."""

from __future__ import annotations

import copy
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import PartialResultWarning, ProductNotAvailableError, ProtocolError, RequestError
from swiftxrt.products.burst_analyser import BurstAnalyser
from swiftxrt.wire.burst_analyser import SERVICE_BANDS, ask_analyser, decode_analyser
from tests.catalog.replay import fixture
from tests.wire.burst_replies import FLUXES, SPECTRAL, as_sent, bat, bin_at, frames, recorded_reply

BINNINGS = {"TimeBins_4ms": "4ms", "TimeBins_64ms": "64ms", "TimeBins_1s": "1s", "TimeBins_10s": "10s"}
OURS = {theirs: ours for ours, theirs in SERVICE_BANDS.items()}


def read(reply: dict[str, Any]) -> BurstAnalyser:
    return decode_analyser(reply, name="GRB 201013A", target_id="00999948")


@pytest.fixture(scope="module")
def recorded(validation_data: Path) -> BurstAnalyser:
    return read(recorded_reply(validation_data))


def key_of(frame: dict[str, Any]) -> str:
    """Our name of a recorded table."""
    instrument, _, no_evolution = frame["instrument"].partition("_")
    binning = frame["binning"] or ""
    binning = BINNINGS.get(binning, binning.replace("_sinceT0", "_since_t0"))
    band, *rest = frame["dataset"].split("_")
    mode = rest[0] if rest else ""
    flag = "with_unreliable" if "incbad" in rest else ""
    band = "hardness" if band == "HRData" else OURS.get(band, band)
    words = [instrument, mode, "no_evolution" if no_evolution else "", binning, band, flag]
    return "_".join(filter(None, words)).lower()


def test_every_recorded_table_is_there(recorded: BurstAnalyser, validation_data: Path) -> None:
    assert len(recorded) == 109
    assert set(recorded) == {key_of(frame) for frame in frames(validation_data)}
    assert not recorded.missing
    assert recorded.instruments == ("BAT", "XRT", "UVOT")


def test_every_recorded_number_is_there(recorded: BurstAnalyser, validation_data: Path) -> None:
    columns = {"Gamma": "photon_index", "ECF": "ecf", "HR": "hardness_ratio", "Time": "time"}
    columns |= {f"ECF_{theirs}": f"ecf_{ours}" for theirs, ours in OURS.items()}
    columns["ECF_ObservedDensity"] = "ecf_observed_density"
    for frame in frames(validation_data):
        table, sent = recorded[key_of(frame)], as_sent(frame)
        flux = next((name for name in ("flux", "flux_density") if name in table.colnames), "")
        names = {**columns, "Flux": flux, "FluxDensity": flux}
        for name, ours in names.items():
            if name in sent["columns"]:
                numbers = [row[sent["columns"].index(name)] for row in sent["data"]]
                assert getattr(table[ours], "value", table[ours]).tolist() == numbers
        if "BadBin" in sent["columns"]:
            assert table["is_bad"].tolist() == [bool(row[-1]) for row in sent["data"]]


def digits(number: float) -> int:
    """How many digits of a number were printed."""
    return len(Decimal(repr(number)).normalize().as_tuple().digits)


def test_total_errors_are_those_of_the_service(recorded: BurstAnalyser, validation_data: Path) -> None:
    """To half a percent, where enough digits were printed; below zero its errors have changed sides."""
    compared = negative = 0
    for frame in frames(validation_data):
        sent = as_sent(frame)
        if "FluxPosWithECFErr" not in sent["columns"]:
            continue
        table = recorded[key_of(frame)]
        column = "flux_density" if table.meta["band"].endswith("density") else "flux"
        for number, row in enumerate(sent["data"]):
            cells = dict(zip(sent["columns"], row, strict=True))
            signed = cells["FluxPosWithECFErr"], cells["FluxNegWithECFErr"]
            if cells["ECFPos"] < 0:  # both ends of the factor lie below it
                continue
            for side, theirs in (("pos", max(signed)), ("neg", -min(signed))):
                ours = float(table[f"{column}_total_err_{side}"].value[number])
                printed = [cells[name] for name in ("Flux", "FluxPos", "ECF", "ECFPos", "ECFNeg")]
                if math.isfinite(ours) and min(map(digits, (theirs, *printed))) >= 4:
                    assert ours == pytest.approx(theirs, rel=5e-3)
                    compared += 1
                    negative += cells["Flux"] < 0
    assert (compared, negative) == (734, 148)


def test_errors_are_positive_and_known_or_nan(recorded: BurstAnalyser) -> None:
    for table in recorded.values():
        for name in table.colnames:
            if "_err" in name:
                values = np.asarray(getattr(table[name], "value", table[name]))
                assert not np.any(values < 0)
    hardness = recorded["bat_hardness"]
    assert np.isnan(hardness["ecf_xrt_band_err_pos"][0])  # 2e23, where the factor is 1.5e-7
    assert hardness["ecf_observed_density_err_pos"][0] == 0
    assert hardness["ecf_observed_density_err_neg"].value[0] == 0.002379
    assert np.isnan(recorded["bat_snr4_density"]["flux_density_total_err_pos"][0])  # the service has 19.6 Jy
    assert recorded["bat_snr4_density"]["flux_density_total_err_neg"].value[0] == pytest.approx(1.6e-5, rel=0.05)


def test_units_and_what_is_said_of_the_tables(recorded: BurstAnalyser) -> None:
    flux = u.erg / u.cm**2 / u.s
    for band, column, unit in (
        ("density", "flux_density", u.Jy),
        ("observed_density", "flux_density", u.Jy),
        ("xrt_band", "flux", flux),
        ("bat_band", "flux", flux),
    ):
        table = recorded.curve("BAT", band, binning="snr4")
        assert table[column].unit == table[f"{column}_total_err_pos"].unit == unit
        assert table["ecf"].unit == unit / (u.ct / u.s)
    assert recorded.curve("UVOT", "uvm2")["flux_density"].unit == u.Jy
    assert recorded["bat_snr4_observed_density"].meta["service_name"] == "BAT_SNR4_ObservedFlux"
    assert "density" in recorded["bat_snr4_observed_density"].meta["description"]


def test_single_recorded_tables(recorded: BurstAnalyser, validation_data: Path) -> None:
    def shown(name: str) -> dict[str, Any]:
        table: dict[str, Any] = as_sent(fixture(validation_data, "grb", f"ban_grb201013a_{name}.json")["table"])
        return table

    for name, key in (
        ("BAT_SNR4_Density", "bat_snr4_density"),
        ("BATNoEvo_SNR4_Density", "bat_no_evolution_snr4_density"),
        ("XRT_Density_PC_incbad", "xrt_pc_density_with_unreliable"),
        ("UVOT_uvm2", "uvot_uvm2"),
        ("BAT_HRData", "bat_hardness"),
        ("XRT_HRData_PC", "xrt_pc_hardness"),
    ):
        table = shown(name)
        assert recorded[key]["time"].value.tolist() == [row[0] for row in table["data"]]
        column = next(one for one in ("flux_density", "hardness_ratio") if one in recorded[key].colnames)
        assert np.asarray(recorded[key][column]).tolist() == pytest.approx([row[3] for row in table["data"]], abs=1e-6)


def test_recorded_lists(recorded: BurstAnalyser, validation_data: Path) -> None:
    def listed(name: str) -> Any:
        return fixture(validation_data, "grb", f"ban_grb201013a_{name}.json")["value"]

    names = {recorded[key].meta["service_name"] for key in recorded}
    assert {f"BAT_{binning}_{band}" for binning in listed("BAT_binning") for band in OURS} <= names
    assert {f"BAT_{binning}_{band}" for binning in listed("BAT_keys")[1:-1] for band in OURS} <= names
    assert {f"BAT_SNR4_{band}" for band in listed("BAT_SNR4_keys") if band != "Datasets"} <= names
    kept = [key for key in listed("BATNoEvo_keys") if key not in ("ECFs", "Binning")]
    assert {f"BAT_NoEvolution_{binning}_{band}" for binning in kept for band in OURS} <= names
    assert {f"XRT_{one}" for one in listed("XRT_keys") if one not in ("HRData_PC", "Datasets")} <= names
    assert {f"UVOT_{one}" for one in listed("UVOT_keys") if one != "Datasets"} <= names
    assert {one.partition("_")[0] for one in listed("instruments")} == set(recorded.instruments)
    factors = listed("BATNoEvo_ECFs")
    assert {OURS[band]: value for band, value in factors.items()} == {
        band: ecf.value for band, ecf in recorded.constant_ecf.items()
    }


# ---------------------------------------------------------------- made up replies


def test_below_zero_the_errors_of_the_factor_change_sides() -> None:
    table = read(bat(bin_at(1.0, 1e-3), bin_at(2.0, -1e-3), bin_at(3.0, 0.0)))["bat_snr4_density"]
    up, down = (table[f"flux_density_total_err_{side}"].value for side in ("pos", "neg"))
    assert up == pytest.approx([np.hypot(1e-4, 2e-4), np.hypot(1e-4, 1.5e-4), 1e-4])
    assert down == pytest.approx([np.hypot(1e-4, 1.5e-4), np.hypot(1e-4, 2e-4), 1e-4])


@pytest.mark.parametrize(
    "ecf", [(0.002, 7538.0, -0.0003), (0.0, 0.1, -0.1), (0.002, None, -0.0003), (0.002, "inf", -1e-4)]
)
def test_factors_without_error_give_no_total_error(ecf: Any) -> None:
    table = read(bat(bin_at(1.0, 1e-3, ecf)))["bat_snr4_density"]
    assert np.isnan(table["flux_density_total_err_pos"][0])
    assert table["flux_density_err_pos"][0] == 1e-4 * u.Jy


def test_limits_join_the_table_they_belong_to() -> None:
    columns = ["Time", "TimePos", "TimeNeg", "FluxDensity", "FluxDensityPos", "FluxDensityNeg"]
    block = {
        "Datasets": ["b", "b_UL", "u_UL"],
        "bData": {"columns": columns, "data": [[20.0, 1, -1, 1e-4, 1e-5, -1e-5]]},
        "b_ULData": {"columns": columns, "data": [[30.0, 1, -1, 3e-5, 0, 0], [10.0, 1, -1, 2e-5, 0, 0]]},
        "u_ULData": {"columns": [*columns[:3], "Rate"], "data": [["5", 1, -1, "1e-5"]]},
    }
    found = read({"Instruments": ["UVOT"], "UVOT": block})
    assert list(found) == ["uvot_b", "uvot_u"]
    table = found["uvot_b"]
    assert table["time"].value.tolist() == [10.0, 20.0, 30.0]
    assert table["is_upper_limit"].tolist() == [True, False, True]
    assert np.isnan(table["flux_density_err_pos"]).tolist() == [True, False, True]
    assert found["uvot_u"]["flux_density"].value.tolist() == [1e-5]


def test_modes_and_flags_of_the_xrt() -> None:
    table = {"columns": FLUXES + SPECTRAL, "data": [bin_at(1.0)[:-1]]}
    names = ["Density_WT", "Density_PC_incbad", "Density_WT_nosys_incbad", "XRTBand_PCUL"]
    found = read({"Instruments": ["XRT"], "XRT": {"Datasets": names, **{f"{name}Data": table for name in names}}})
    assert list(found) == [
        "xrt_wt_density",
        "xrt_pc_density_with_unreliable",
        "xrt_wt_density_without_systematics_with_unreliable",
        "xrt_pc_xrt_band",
    ]
    assert found["xrt_pc_xrt_band"]["is_upper_limit"].all()


@pytest.mark.parametrize("flag", [1, "1", True, "yes", 1.0])
def test_bad_bins_in_every_spelling(flag: Any) -> None:
    assert read(bat(bin_at(1.0, bad=flag), bin_at(2.0, bad="0")))["bat_snr4_density"]["is_bad"].tolist() == [
        True,
        False,
    ]


def damaged(**changes: Any) -> dict[str, Any]:
    """A reply with a good table and a damaged one."""
    reply = bat(bin_at(1.0))
    curves = reply["BAT"]["SNR4"]
    curves["Datasets"].append("XRTBand")
    curves["XRTBandData"] = {**copy.deepcopy(curves["DensityData"]), **changes}
    return reply


COLUMNS = [*FLUXES, *SPECTRAL, "BadBin"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"columns": COLUMNS[1:], "data": [bin_at(1.0)[1:]]}, "lacks Time"),
        ({"columns": COLUMNS[:-1], "data": [bin_at(1.0)[:-1]]}, "which bins are bad"),
        ({"data": [bin_at(1.0, bad="perhaps")]}, "BadBin should be 0 or 1"),
        ({"data": [bin_at(1.0)[:5]]}, "row 0 should have 13 values"),
        ({"data": [["soon", *bin_at(1.0)[1:]]]}, "Time should hold numbers"),
        ({"data": [[None, *bin_at(1.0)[1:]]]}, "rows without a time"),
        ({"data": [[[1], *bin_at(1.0)[1:]]]}, "Time should hold numbers"),
        ({"data": None}, "needs the lists"),
        ({"columns": ["Time"] * 13}, "a column is there twice"),
    ],
)
def test_damaged_tables_are_left_out(changes: dict[str, Any], reason: str) -> None:
    with pytest.warns(PartialResultWarning, match=reason):
        found = read(damaged(**changes))
    assert list(found) == ["bat_snr4_density"]
    assert reason in found.missing["BAT SNR4 XRTBand"]


def test_what_is_listed_and_absent_or_unknown() -> None:
    reply = bat(bin_at(1.0))
    reply["Instruments"] += ["XRT", "GUANO"]
    reply["GUANO"] = {}
    reply["BAT"]["Binning"].append("SNR5")
    reply["BAT"]["HRData"] = {"columns": ["Time"], "data": []}
    reply["BAT"]["SNR4"]["Datasets"] += ["BATBand", "GammaRays"]
    with pytest.warns(PartialResultWarning):
        found = read(reply)
    assert set(found.missing) == {"XRT", "GUANO", "BAT SNR5", "BAT HRData", "BAT SNR4 BATBand", "BAT SNR4 GammaRays"}


def test_tables_without_rows_are_no_fault() -> None:
    assert len(read(bat())["bat_snr4_density"]) == 0


def test_nothing_at_all() -> None:
    with pytest.raises(ProductNotAvailableError, match="the service has none of GRB 201013A"):
        read({"Instruments": []})
    with pytest.raises(ProtocolError, match="no list of 'Instruments'"):
        read({"BAT": {}})
    with pytest.raises(ProtocolError, match="nothing in the reply"):
        read({"Instruments": ["BAT"]})


def test_words_of_questions() -> None:
    asked = ask_analyser(
        1, instruments="XRT", bands=["density", "ObservedFlux"], bat_binning=[4 * u.ms, "SNR5", 10 * u.s]
    )
    assert asked["instruments"] == ["XRT"]
    assert asked["bands"] == ["Density", "ObservedFlux"]
    assert asked["BATBinning"] == ["timedel0.004", "snr5", "timedel10"]
    assert ask_analyser(1, bat_binning=[64, 1000] * u.ms)["BATBinning"] == ["timedel0.064", "timedel1"]
    assert (asked["incbad"], asked["nosys"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instruments": "batt"}, "instruments: must be 'all' or of bat.*did you mean 'bat'"),
        ({"bands": ["flux"]}, "bands: must be 'all' or of observed_density"),
        ({"bat_binning": 5 * u.s}, "bat_binning: must be"),
        ({"bat_binning": 4 * u.keV}, "bat_binning: must be"),
        ({"bat_binning": 4}, "bat_binning: must be"),
        ({"bands": []}, "bands: is empty"),
        ({"bands": ["all", "density"]}, "bands: must be"),
    ],
)
def test_words_that_are_not_known(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        ask_analyser(1, **options)


def test_what_was_asked_is_told_if_there_is_nothing() -> None:
    with pytest.raises(ProductNotAvailableError, match=r"none of GRB 1 with instruments=\['BAT'\]; ask for other"):
        decode_analyser({"Instruments": []}, name="GRB 1", target_id="1", asked={"instruments": ["BAT"]})
    with pytest.raises(ProductNotAvailableError, match="the service has none of GRB 1$"):
        decode_analyser({"Instruments": []}, name="GRB 1", target_id="1")
