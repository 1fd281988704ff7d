"""Light curves of catalogued sources: every name of a dataset, bands, origins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.engine.counts import kbn_interval, kbn_mode, kbn_upper_limit
from swiftxrt.exceptions import PartialResultWarning
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from swiftxrt.wire.lightcurve import decode
from swiftxrt.wire.lightcurve_names import parse_dataset_name

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "recorded_light_curves.json").read_text(encoding="utf-8"))
RATES = ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg", "CtsInSrc", "BGInSrc", "CorrFact", "Exposure"]
LIMITS = ["Time", "TimePos", "TimeNeg", "UpperLimit", "CtsInSrc", "BGInSrc", "CorrFact", "Exposure"]
RATIO = ["Time", "TimePos", "TimeNeg", "HR", "HRPos", "HRNeg"]


def reply(*names: str) -> dict[str, Any]:
    """One row in each dataset; its value is the place in the list, its date another day each."""
    made: dict[str, Any] = {"TimeFormat": "MJD", "T0": 0, "Binning": "Observation", "Datasets": list(names)}
    for number, name in enumerate(names, start=1):
        start = [54000.0 + number, 0.5, -0.5, number]
        if name.startswith("HR"):
            table = {"columns": RATIO, "data": [[*start, 0.2, -0.4]]}
        elif name.endswith("UL"):
            table = {"columns": LIMITS, "data": [[*start, 3, 1.2, 1.5, 1000.0]]}
        else:
            table = {"columns": RATES, "data": [[*start, 0.1, -0.2, 30, 1.2, 1.5, 1000.0]]}
        made[f"{name}Data"] = table
    return made


def values(curve: LightCurve) -> list[float]:
    return curve["rate"].value.tolist()


class TestNames:
    @pytest.mark.parametrize("name", [*RECORDED["burst"]["Datasets"], "WTUL", "PCUL", "WTUL_nosys"])
    def test_jobs(self, name: str) -> None:
        parsed = parse_dataset_name(name)
        assert parsed is not None
        assert parsed.mode + parsed.kind + parsed.suffix == parsed.text == name
        assert (parsed.curve, parsed.origin) == ("", "")

    @pytest.mark.parametrize("name", RECORDED["catalogue_names"])
    def test_all_types_of_a_catalogue(self, name: str) -> None:
        parsed = parse_dataset_name(name)
        assert parsed is not None
        assert parsed.mode == "PC"
        ratio = name.startswith("HR")
        kind = {"UL": "_UL", "": "_rates", "HR": ""}[parsed.kind]
        curve = parsed.curve.upper() if ratio else parsed.curve.capitalize()
        assert f"{curve}_{parsed.origin}{kind}" == name

    @pytest.mark.parametrize("name", ["Total_rates", "Medium_UL", "HR1", "HR2"])
    def test_origins_put_together(self, name: str) -> None:
        parsed = parse_dataset_name(name)
        assert parsed is not None
        assert parsed.origin == ""

    @pytest.mark.parametrize("name", ["Total", "Total_flux", "HR", "HR3", "PCMedium", "pc", "Total_new_rates", "XPC"])
    def test_others(self, name: str) -> None:
        assert parse_dataset_name(name) is None


class TestRecordedSource:
    """LSXPS J062131.8-622213, 44 rates and 51 limits."""

    @pytest.fixture
    def curve(self) -> LightCurve:
        return decode(RECORDED["catalogued"]).total

    def test_rates_and_limits_in_one_table(self, curve: LightCurve) -> None:
        assert (len(curve.detections), len(curve.upper_limits)) == (44, 51)
        assert (curve.binning, curve.t0_met, set(curve["mode"])) == ("obsid", None, {"PC"})
        assert curve.time.mjd[0] == pytest.approx(53945.873326, abs=1e-10)
        assert curve["rate"][0] == 0.764142 * u.ct / u.s
        assert curve["counts"][0] == 2354 * u.ct

    def test_rates_over_errors_are_worked_out(self, curve: LightCurve) -> None:
        """The service sends them for transients only, infinite for limits."""
        rates = curve.detections
        np.testing.assert_allclose(rates["snr"], rates["rate"] / rates["rate_err_neg"])
        assert np.isposinf(curve.upper_limits["snr"]).all()

    def test_limits_are_those_of_the_engine(self, curve: LightCurve) -> None:
        limits = curve.upper_limits
        counts, background = limits["counts"].value, limits["background_counts"].value
        scale = limits["correction_factor"] / limits["exposure"].value
        expected = kbn_upper_limit(counts, background, 0.9973) * scale
        np.testing.assert_allclose(limits["rate"].value, expected, rtol=3e-3)

    def test_faint_rates_are_those_of_the_engine(self, curve: LightCurve) -> None:
        rates = curve.detections[curve.detections["counts"] < 100 * u.ct]
        counts, background = rates["counts"].value, rates["background_counts"].value
        scale = rates["correction_factor"] / rates["exposure"].value
        lower, upper = kbn_interval(counts, background, 0.683)
        mode = kbn_mode(counts, background)
        np.testing.assert_allclose(rates["rate"].value, mode * scale, rtol=1e-3)
        np.testing.assert_allclose(rates["rate_err_pos"].value, (upper - mode) * scale, rtol=3e-3, atol=1e-6)
        np.testing.assert_allclose(rates["rate_err_neg"].value, (mode - lower) * scale, rtol=3e-3, atol=1e-6)


class TestSets:
    def test_grouped(self) -> None:
        names = [f"{band}_{kind}" for band in ("Total", "Soft", "Medium", "Hard") for kind in ("rates", "UL")]
        curves = decode(reply(*names, "HR1", "HR2"))
        assert list(curves) == ["total", "soft", "medium", "hard", "hr1", "hr2"]
        assert not curves.variants
        assert values(curves.medium) == [5, 6]
        assert curves.medium["is_upper_limit"].tolist() == [False, True]
        bands = [curves[name].band for name in ("total", "soft", "medium", "hard")]
        assert bands == ["0.3-10 keV", "0.3-1 keV", "1-2 keV", "2-10 keV"]
        assert (curves.hr1.soft_band, curves.hr1.hard_band) == ("0.3-1 keV", "1-2 keV")
        assert (curves.hr2.soft_band, curves.hr2.hard_band) == ("1-2 keV", "2-10 keV")
        assert curves.hr2.definition == "(hard-soft)/(hard+soft)"
        assert isinstance(curves.hr2, HardnessCurve)
        assert (curves.hr2["hardness_ratio"][0], curves.hr2["hardness_ratio_err"][0]) == (10, pytest.approx(0.3))

    def test_some_bands(self) -> None:
        curves = decode(reply("Hard_rates", "HR1"))
        assert list(curves) == ["total", "hard", "hr1"]
        assert len(curves.total) == 0

    def test_all_types(self) -> None:
        """Rates of detections, limits of the others, as the service groups them; everything is in the variants."""
        curves = decode(reply(*RECORDED["catalogue_names"]))
        assert values(curves.total) == [1, 2, 5]
        assert curves.total["is_upper_limit"].tolist() == [False, False, True]
        assert values(curves.hard) == [16, 17, 20]
        assert curves.hr1["hardness_ratio"].tolist() == [21, 22]
        assert list(curves.variants) == ["blind", "retrospective", "undetected"]
        assert values(curves.variants["blind"].total) == [1]
        retrospective = curves.variants["retrospective"]
        assert values(retrospective.total) == [2, 4]
        assert retrospective.total["is_upper_limit"].tolist() == [False, True]
        assert retrospective.hr2["hardness_ratio"].tolist() == [24]
        assert values(curves.variants["undetected"].soft) == [8, 10]
        assert "hr1" not in curves.variants["undetected"]

    def test_retrospective_detections_as_limits(self) -> None:
        names = RECORDED["catalogue_groupings"]["retroAsUL_ungrouped"]
        assert names == ["Total_rates", "Total_retro_UL", "Total_nondet_UL"]
        curves = decode(reply(*names))
        assert values(curves.total) == [1, 2, 3]
        assert curves.total["is_upper_limit"].tolist() == [False, True, True]
        assert list(curves.variants) == ["retrospective", "undetected"]

    def test_no_detection_as_rate(self) -> None:
        curves = decode(reply("Total_blind_rates", "Total_nondet_rates"))
        assert values(curves.total) == [1, 2]
        assert not curves.total["is_upper_limit"].any()

    def test_preference_is_one_of_each_band(self) -> None:
        curves = decode(reply("Total_retro_rates", "Total_retro_UL", "Soft_retro_UL"))
        assert values(curves.total) == [1]
        assert values(curves.soft) == [3]

    def test_damaged(self) -> None:
        damaged = reply("Total_rates", "Total_UL", "HR1")
        damaged["Total_ULData"]["data"][0].pop()
        with pytest.warns(PartialResultWarning, match="row 0 of 'Total_UL'"):
            assert values(decode(damaged).total) == [1]

    def test_with_obsids(self) -> None:
        made = reply("Total_rates")
        made["Total_ratesData"] = {
            "columns": [*RATES, "ObsID"],
            "data": [[*made["Total_ratesData"]["data"][0], 35742001]],
        }
        assert decode(made).total["obsid"].tolist() == ["00035742001"]

    def test_sets_survive(self, tmp_path: Path) -> None:
        curves = decode(reply(*RECORDED["catalogue_names"]))
        for chosen in ("ogip.lc", "ascii.ecsv"):
            curves.write(tmp_path / chosen.replace(".", "_"), format=chosen)
            again = LightCurveSet.read(tmp_path / chosen.replace(".", "_"))
            assert again.first_difference(curves) == ""
            assert again.hr1.definition == "(hard-soft)/(hard+soft)"
