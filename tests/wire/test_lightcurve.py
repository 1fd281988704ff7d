"""Light-curve replies: what the service sends, what is sent in its place, and every way a reply can be wrong."""

from __future__ import annotations

import copy
import json

import astropy.units as u
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from swiftxrt.bands import HARD, SOFT, TOTAL, EnergyBand
from swiftxrt.exceptions import ProductNotAvailableError, ProtocolError, RequestError
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from swiftxrt.products.provenance import Provenance
from swiftxrt.wire.lightcurve import decode, encode, file_urls

T0 = 608713541.952
#: In 2026; leap seconds are not known far ahead, and Astropy warns of dates where they are not.
LATEST_MET = 8e8

RATE_COLUMNS = [
    "Time",
    "TimePos",
    "TimeNeg",
    "Rate",
    "RatePos",
    "RateNeg",
    "FracExp",
    "BGrate",
    "BGerr",
    "CorrFact",
    "CtsInSrc",
    "BGInSrc",
    "Exposure",
    "Sigma",
    "SNR",
]
# Rows documented for GRB 220427A (swifttools 4.0.5, structures.md).
RATE_ROW = [
    "231.329",
    "9.456",
    "-10.603",
    "2.492634",
    "0.547598",
    "-0.547598",
    "1.000000",
    "0.006904",
    "0.003088",
    "2.396688",
    "21",
    "0.138491",
    "20.058508",
    "336.828549",
    "4.551939",
]
LIMIT_ROW = [
    "246742.809",
    "172770.106",
    "-96881.981",
    "0.001821",
    "0.0",
    "0.0",
    "0.0364",
    "0.000125",
    "0.000005",
    "1.6836",
    "3",
    "1.2247",
    "9811.0649",
    "1.4103",
    "inf",
]
BAND_COLUMNS = ["Time", "TimePos", "TimeNeg", "Rate", "RateErr"]
RATIO_COLUMNS = ["Time", "TimePos", "TimeNeg", "HR", "HRErr"]


def service_reply() -> dict:
    """A reply in the form the reference client was recorded with: all numbers are texts."""
    return {
        "OK": 1,
        "APIVersion": "1.12",
        "Datasets": ["PC", "PCUL", "PCHard", "PCSoft", "PCHR"],
        "PCData": {"columns": list(RATE_COLUMNS), "data": [list(RATE_ROW)], "URL": "https://host/PCCURVE.qdp"},
        "PCULData": {"columns": list(RATE_COLUMNS), "data": [list(LIMIT_ROW)]},
        "PCHardData": {
            "columns": list(BAND_COLUMNS),
            "data": [["243.520", "19.831", "-22.794", "1.323371", "0.271083"]],
        },
        "PCSoftData": {"columns": list(BAND_COLUMNS), "data": [["243.520", "19.831", "-22.794", "1.151250", "0.251"]]},
        "PCHRData": {
            "columns": list(RATIO_COLUMNS),
            "data": [["243.520", "19.831", "-22.794", "1.149509", "0.344784"]],
        },
        "Binning": "Counts",
        "TimeFormat": "MET",
        "T0": T0,
    }


class TestDecode:
    def test_rates_and_limits(self):
        total = decode(service_reply()).total
        assert total.elapsed.value.tolist() == [231.329, 246742.809]
        assert total.met.value.tolist() == [round(T0 + 231.329, 6), round(T0 + 246742.809, 6)]
        assert total["is_upper_limit"].tolist() == [False, True]
        assert total["mode"].tolist() == ["PC", "PC"]
        rate, limit = total[0], total[1]
        assert (rate["time_err_neg"], rate["time_err_pos"]) == (10.603 * u.s, 9.456 * u.s)
        assert (rate["rate"].value, rate["rate_err_neg"].value, rate["rate_err_pos"].value) == (
            2.492634,
            0.547598,
            0.547598,
        )
        assert (rate["counts"], rate["background_counts"]) == (21 * u.ct, 0.138491 * u.ct)
        assert (rate["fractional_exposure"], rate["correction_factor"], rate["significance"], rate["snr"]) == (
            1.0,
            2.396688,
            336.828549,
            4.551939,
        )
        assert (rate["background_rate"].value, rate["background_rate_err"].value) == (0.006904, 0.003088)
        assert rate["exposure"] == 20.058508 * u.s
        assert limit["rate"].value == 0.001821
        assert np.isnan([limit["rate_err_neg"].value, limit["rate_err_pos"].value]).all()
        assert np.isinf(limit["snr"])

    def test_bands_and_ratio(self):
        curves = decode(service_reply(), bands=(TOTAL, SOFT, EnergyBand(1.51 * u.keV, 10 * u.keV)))
        assert curves.hard["rate"].value.tolist() == [1.323371]
        assert curves.soft["rate_err_neg"].value.tolist() == curves.soft["rate_err_pos"].value.tolist() == [0.251]
        assert (curves.total.band, curves.soft.band, curves.hard.band) == ("0.3-10 keV", "0.3-1.5 keV", "1.51-10 keV")
        assert curves.hardness_ratio["hardness_ratio"].tolist() == [1.149509]
        assert curves.hardness_ratio["hardness_ratio_err"].tolist() == [0.344784]
        assert curves.hardness_ratio.hard_band == "1.51-10 keV"
        assert np.isnan(curves.hard["exposure"].value).all()
        assert np.isnan(curves.hard["counts"].value).all()

    def test_attributes(self):
        total = decode(service_reply(), provenance=Provenance(backend="ukssdc")).total
        assert (total.t0_met, total.binning, total.confidence) == (T0, "counts", 0.9973)
        assert total.provenance == Provenance(backend="ukssdc")

    def test_numbers_texts_null_and_not_a_number(self):
        reply = service_reply()
        reply["PCData"]["data"] = [
            [231.329, 9.456, "-10.603", "inf", None, "nan", "NaN", 1, *RATE_ROW[8:]],
        ]
        row = decode(reply).total[0]
        assert np.isinf(row["rate"].value)
        assert np.isnan(row["rate_err_pos"].value)
        assert np.isnan(row["rate_err_neg"].value)
        assert np.isnan(row["fractional_exposure"])
        assert row["background_rate"].value == 1.0

    @pytest.mark.parametrize("flag", [1, "1"])
    def test_tables_told_by_flags(self, flag):
        """As in replies of 2021; the flag of a table that is not there was 0, or missing."""
        reply = service_reply()
        names = reply.pop("Datasets")
        reply |= {f"has{name}": flag for name in names} | {"hasWTUL": 0, "hash": 1}
        assert decode(reply) == decode(service_reply())

    def test_spellings_of_older_replies(self):
        reply = service_reply()
        old = {"TimePos": "T_+ve", "TimeNeg": "T_-ve", "RatePos": "Ratepos", "RateNeg": "Rateneg"}
        reply["PCData"]["columns"] = [old.get(name, name) for name in RATE_COLUMNS]
        reply["PCULData"]["columns"] = ["UpperLimit" if name == "Rate" else name for name in RATE_COLUMNS]
        assert decode(reply).equals(decode(service_reply()))

    @pytest.mark.parametrize(
        ("cell", "obsid"),
        [
            ("::ObsID=00016843001", "00016843001"),
            ("!::ObsID=30842007", "00030842007"),
            ("00016843001", "00016843001"),
            (16843001, "00016843001"),
            (16843001.0, "00016843001"),
            ("00000000000", ""),
            (None, ""),
            ("", ""),
        ],
    )
    def test_obsid_in_all_its_forms(self, cell, obsid):
        reply = service_reply()
        reply["PCData"]["columns"].append("ObsID")
        reply["PCData"]["data"][0].append(cell)
        assert decode(reply).total["obsid"].tolist() == [obsid, ""]

    @pytest.mark.parametrize(
        ("word", "binning"),
        [
            ("Counts", "counts"),
            ("Time", "time"),
            ("ObsID", "obsid"),
            ("Observation", "obsid"),
            ("obslc", "obsid"),
            ("Snapshot", "snapshot"),
            ("sslc", "snapshot"),
            ("Unknown", "unknown"),
            (None, "unknown"),
        ],
    )
    def test_words_for_the_binning(self, word, binning):
        reply = service_reply() | {"Binning": word}
        assert decode(reply).total.binning == binning

    def test_modified_julian_dates(self):
        """First bin of the AT2022tsd curve with an MJD axis, made by the service (annayqho/AT2022tsd)."""
        table = {
            "columns": ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg"],
            "data": [[59856.6854732141, 0.298197037037037, -0.298197037037037, 0.01042551, 0.002058491, -0.002058491]],
        }
        reply = {"Datasets": ["PC"], "PCData": table, "TimeFormat": "MJD", "T0": 686567641.8006}
        total = decode(reply).total
        # The file's header gives T0 as 2022 Oct 04 at 09:13:31.827 UT.
        assert total.time.mjd[0] == pytest.approx(59856.6854732141, abs=1e-11)
        assert total.t0.isot[:21] == "2022-10-04T09:13:31.8"
        assert total["time_err_pos"].value[0] == pytest.approx(25764.224, abs=1e-6)
        assert total.elapsed.value[0] == pytest.approx((59856.6854732141 - 59856.384396147) * 86400, abs=0.2)

    def test_absolute_times(self):
        reply = {"Datasets": ["WT"], "TimeFormat": "Swift MET", "T0": "0"}
        reply["WTData"] = {"columns": list(RATE_COLUMNS), "data": [["551097348.718", *RATE_ROW[1:]]]}
        total = decode(reply).total
        assert total.t0_met is None
        assert total.met.value.tolist() == [551097348.718]

    def test_other_keys_are_ignored(self):
        assert decode(service_reply() | {"Extra": {"a": 1}}).equals(decode(service_reply()))

    def test_only_a_ratio(self):
        reply = service_reply() | {"Datasets": ["PCHR"]}
        curves = decode(reply)
        assert list(curves) == ["total", "hardness_ratio"]
        assert len(curves.total) == 0

    @pytest.mark.parametrize("reply", [{"NOLC": 1, "Datasets": []}, {"Datasets": []}])
    def test_no_light_curve(self, reply):
        with pytest.raises(ProductNotAvailableError, match="light curve"):
            decode(reply)


class TestVariants:
    def rename(self, *suffixes: str) -> dict:
        """The same curve under several flags, its rate telling which."""
        reply = {"Datasets": [], "TimeFormat": "MET", "T0": T0}
        for number, suffix in enumerate(suffixes, start=1):
            row = [*RATE_ROW[:3], number, *RATE_ROW[4:]]
            reply["Datasets"].append(f"PC{suffix}")
            reply[f"PC{suffix}Data"] = {"columns": list(RATE_COLUMNS), "data": [row]}
        return reply

    def rate(self, curves: LightCurveSet) -> float:
        return float(curves.total["rate"].value[0])

    def test_all_four(self):
        curves = decode(self.rename("", "_incbad", "_nosys", "_nosys_incbad"))
        assert set(curves.variants) == {"with_unreliable", "without_systematics"}
        assert self.rate(curves) == 1
        assert self.rate(curves.variants["with_unreliable"]) == 2
        assert self.rate(curves.variants["without_systematics"]) == 3
        assert self.rate(curves.variants["with_unreliable"].variants["without_systematics"]) == 4

    def test_flagged_only(self):
        """Transients come in these two forms."""
        curves = decode(self.rename("_incbad", "_nosys_incbad"))
        assert self.rate(curves) == 1
        assert list(curves.variants) == ["without_systematics"]
        assert self.rate(curves.variants["without_systematics"]) == 2

    def test_one_flag_only(self):
        curves = decode(self.rename("_incbad"))
        assert self.rate(curves) == 1
        assert not curves.variants

    def test_only_without_systematics(self):
        curves = decode(self.rename("_nosys", "_nosys_incbad"))
        assert self.rate(curves) == 1
        assert list(curves.variants) == ["with_unreliable"]

    def test_both_flags_without_one_of_them(self):
        """The set in between is the one that was varied."""
        curves = decode(self.rename("", "_nosys_incbad"))
        assert self.rate(curves.variants["with_unreliable"]) == 1
        assert self.rate(curves.variants["with_unreliable"].variants["without_systematics"]) == 2

    def test_flags_in_any_order(self):
        curves = decode(self.rename("", "_incbad", "_nosys", "_incbad_nosys"))
        assert self.rate(curves.variants["with_unreliable"].variants["without_systematics"]) == 4

    def test_order_of_the_reply_does_not_matter(self):
        curves = decode(self.rename("_nosys", ""))
        assert self.rate(curves) == 2
        assert self.rate(curves.variants["without_systematics"]) == 1


class TestEncode:
    def test_names_columns_and_order(self):
        reply = encode(decode(service_reply()), urls={"PC": "https://host/PCCURVE.qdp"})
        expected = service_reply()
        assert reply["Datasets"] == expected["Datasets"]
        for name in reply["Datasets"]:
            ours, theirs = reply[f"{name}Data"], expected[f"{name}Data"]
            assert ours["columns"] == theirs["columns"]
            assert [[float(cell) for cell in row] for row in ours["data"]] == [
                [float(cell) for cell in row] for row in theirs["data"]
            ]
        assert reply["PCData"]["URL"] == "https://host/PCCURVE.qdp"
        assert "URL" not in reply["PCULData"]
        assert (reply["Binning"], reply["TimeFormat"], reply["T0"]) == ("Counts", "MET", T0)

    def test_is_strict_json(self):
        reply = encode(decode(service_reply()), urls={})
        again = json.loads(json.dumps(reply, allow_nan=False))
        assert again == reply
        assert again["PCULData"]["data"][0][-1] == "inf"
        assert again["PCData"]["data"][0][10] == 21

    def test_obsid_column_is_a_number_everywhere(self):
        values = {"met_s": [T0, T0 + 1], "time_err_neg": 1, "time_err_pos": 1, "rate": 1.0, "mode": "PC"}
        curve = LightCurve.from_columns(values | {"obsid": ["00016843001", ""]}, t0_met=T0, band=TOTAL, binning="obsid")
        reply = encode(LightCurveSet(curve), urls={})
        assert reply["PCData"]["columns"][-1] == "ObsID"
        assert [row[-1] for row in reply["PCData"]["data"]] == ["00016843001", "00000000000"]
        assert decode(reply).total["obsid"].tolist() == ["00016843001", ""]
        assert reply["Binning"] == "ObsID"

    def test_rates_always_have_all_columns(self):
        values = {"met_s": [T0], "time_err_neg": 1, "time_err_pos": 1, "rate": 1.0, "mode": "PC"}
        curves = LightCurveSet(LightCurve.from_columns(values, t0_met=T0, band=TOTAL, binning="time"))
        reply = encode(curves, urls={})
        assert reply["PCData"]["columns"] == RATE_COLUMNS
        assert reply["PCData"]["data"] == [[0, 1, -1, 1, *["nan"] * 11]]

    def test_no_t0(self):
        values = {"met_s": [551097348.718], "time_err_neg": 1, "time_err_pos": 1, "rate": 1.0, "mode": "PC"}
        curves = LightCurveSet(LightCurve.from_columns(values, t0_met=None, band=TOTAL, binning="time"))
        reply = encode(curves, urls={})
        assert "T0" not in reply
        assert reply["PCData"]["data"][0][0] == 551097348.718
        assert decode(reply).equals(curves)

    def test_empty_curve(self):
        curves = decode(service_reply())
        reply = encode(LightCurveSet(curves.total[:0]), urls={})
        assert (reply["Datasets"], reply["NOLC"]) == ([], 1)

    @pytest.mark.parametrize(
        ("nosys", "incbad", "suffixes"),
        [
            ("no", "no", [""]),
            ("no", "yes", ["_incbad"]),
            ("yes", "no", ["_nosys"]),
            ("yes", "yes", ["_nosys_incbad"]),
            ("both", "no", ["", "_nosys"]),
            ("no", "both", ["", "_incbad"]),
            ("yes", "both", ["_nosys", "_nosys_incbad"]),
            ("both", "both", ["", "_incbad", "_nosys", "_nosys_incbad"]),
        ],
    )
    def test_flags_choose_datasets(self, nosys, incbad, suffixes):
        curves = decode(service_reply())
        rates = [LightCurveSet(part) for part in (curves.total[:1], curves.total[1:], curves.total)]
        plain, unreliable, both = rates
        unreliable = LightCurveSet(**unreliable, variants={"without_systematics": both})
        varied = LightCurveSet(**plain, variants={"with_unreliable": unreliable, "without_systematics": plain})
        kinds = {"": ["PC"], "_nosys": ["PC"], "_incbad": ["PCUL"], "_nosys_incbad": ["PC", "PCUL"]}
        reply = encode(varied, urls={}, nosys=nosys, incbad=incbad)
        assert reply["Datasets"] == [f"{kind}{suffix}" for suffix in suffixes for kind in kinds[suffix]]

    @pytest.mark.parametrize(
        ("nosys", "incbad", "suffix"),
        [("both", "both", ""), ("yes", "both", "_nosys"), ("both", "yes", "_incbad"), ("yes", "yes", "_nosys_incbad")],
    )
    def test_without_variants(self, nosys, incbad, suffix):
        """Both gets what there is; who asks for a variant gets the set itself."""
        curves = LightCurveSet(decode(service_reply()).total)
        reply = encode(curves, urls={}, nosys=nosys, incbad=incbad)
        assert reply["Datasets"] == [f"PC{suffix}", f"PCUL{suffix}"]

    @pytest.mark.parametrize(
        ("nosys", "incbad", "suffixes"),
        [
            ("no", "no", []),
            ("both", "no", []),
            ("no", "yes", ["_incbad"]),
            ("no", "both", ["_incbad"]),
            ("yes", "both", ["_nosys_incbad"]),
            ("both", "both", ["_incbad", "_nosys_incbad"]),
        ],
    )
    def test_nothing_reliable(self, nosys, incbad, suffixes):
        """Such curves have names with flag only, as those of the service have."""
        total = decode(service_reply()).total
        total["quality"] = 1
        plain = LightCurveSet(total[:1])
        curves = LightCurveSet(plain.total, variants={"without_systematics": plain})
        reply = encode(curves, urls={}, nosys=nosys, incbad=incbad)
        assert reply["Datasets"] == [f"PC{suffix}" for suffix in suffixes]
        assert ("NOLC" in reply) == (not suffixes)
        if suffixes == ["_incbad", "_nosys_incbad"]:
            assert decode(reply).first_difference(curves) == ""

    def test_quality(self):
        """A column of its own, only where there is something to say."""
        curves = decode(service_reply())
        curves.total["quality"] = [1, 0]
        reply = encode(LightCurveSet(curves.total), urls={})
        assert reply["PCData"]["columns"] == [*RATE_COLUMNS, "Quality"]
        assert reply["PCData"]["data"][0][-1] == 1
        assert reply["PCULData"]["columns"] == RATE_COLUMNS
        assert decode(reply).total["quality"].tolist() == [1, 0]

    @pytest.mark.parametrize("layout", ["new", "old"])
    def test_what_is_known_of_a_band(self, layout):
        """In columns of its own, after those of the service, only where there is something to say."""
        curves = decode(service_reply())
        soft = curves.soft
        known = {"counts": 12 * u.ct, "background_counts": 0.25 * u.ct, "correction_factor": 1.5, "significance": 9.0}
        for name, value in known.items():
            soft[name] = np.full(len(soft), getattr(value, "value", value)) * getattr(value, "unit", 1)
        reply = encode(curves, urls={}, layout=layout)
        more = ["CorrFact", "CtsInSrc", "BGInSrc", "Sigma"]
        assert reply["PCSoftData"]["columns"][:4] == [*reply["PCHardData"]["columns"][:4]]
        assert [name for name in reply["PCSoftData"]["columns"] if name in more] == more
        assert not set(more) & set(reply["PCHardData"]["columns"])
        assert decode(reply) == curves

    def test_old_clients_find_the_tables(self):
        """Those of 2021 by flags, those of 2022 in a list, all with the columns of files."""
        reply = encode(decode(service_reply()), urls={}, layout="old")
        assert reply["datasets"] == reply["Datasets"]
        assert [key for key in reply if key.startswith("has")] == [f"has{name}" for name in reply["datasets"]]
        for name in ("PC", "PCUL"):  # All that the oldest ones knew, and WT.
            assert reply[f"has{name}"] == 1
            assert reply[f"{name}Data"]["columns"][:6] == ["Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg"]
        assert not any(key.startswith("has") for key in encode(decode(service_reply()), urls={}))

    def test_curves_of_a_catalogue_have_no_place(self):
        curves = decode(service_reply())
        with pytest.raises(RequestError, match="no place for the curves medium"):
            encode(LightCurveSet(curves.total, medium=curves.soft), urls={})

    def test_wt_comes_first(self):
        curves = decode(service_reply())
        wt = service_reply()
        for name in list(wt["Datasets"]):
            wt["Datasets"].append(name.replace("PC", "WT"))
            wt[name.replace("PC", "WT") + "Data"] = copy.deepcopy(wt[f"{name}Data"])
        both = decode(wt)
        assert len(both.total) == 2 * len(curves.total)
        reply = encode(LightCurveSet(**both, variants={"without_systematics": both}), urls={}, nosys="both")
        # The order recorded for GRB 220427A: all of WT, then PC; in a mode the variants; in them the kinds.
        kinds = ("", "UL", "Hard", "Soft", "HR")
        assert reply["Datasets"] == [m + k + s for m in ("WT", "PC") for s in ("", "_nosys") for k in kinds]

    def test_bad_answer(self):
        with pytest.raises(ProtocolError, match="nosys and incbad must be"):
            encode(decode(service_reply()), urls={}, nosys="true")
        with pytest.raises(ProtocolError, match="layout is 'new' or 'old'"):
            encode(decode(service_reply()), urls={}, layout="1.9")

    def test_dates(self):
        curves = decode(service_reply())
        reply = encode(curves, urls={}, mjd=True)
        assert reply["TimeFormat"] == "MJD"
        again = decode(reply)
        assert np.allclose(again.total.met.value, curves.total.met.value, rtol=0, atol=2e-6)
        assert np.allclose(again.total["time_err_neg"].value, curves.total["time_err_neg"].value, atol=1e-6)
        assert reply["PCData"]["data"][0][0] == pytest.approx(curves.total.time.mjd[0], abs=1e-10)

    def test_file_names_are_those_of_the_service(self):
        urls = file_urls("https://host/lc/")
        assert len(urls) == 40
        assert urls["PC_incbad"] == "https://host/lc/PCCURVE_incbad.qdp"
        assert urls["PCUL_nosys_incbad"] == "https://host/lc/PCUL_nosys_incbad.qdp"
        assert urls["WTHard"] == urls["WTSoft"] == urls["WTHR"] == "https://host/lc/WTHR.qdp"


def finite(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


anything = st.floats(allow_nan=True, allow_infinity=True)
positive_or_unknown = st.one_of(st.just(float("nan")), st.floats(0, allow_nan=False, allow_infinity=True))


@st.composite
def bins(draw, *names_of_more: str) -> dict[str, list]:
    n_bin = draw(st.integers(1, 8))

    def column(strategy):
        return draw(st.lists(strategy, min_size=n_bin, max_size=n_bin))

    columns = {
        "met_s": column(finite(1.3e8, LATEST_MET)),
        "time_err_neg": column(finite(0, 1e7)),
        "time_err_pos": column(finite(0, 1e7)),
        "mode": column(st.sampled_from(["PC", "WT"])),
        "obsid": column(st.one_of(st.just(""), st.integers(1, 10**11 - 1).map("{:011d}".format))),
        "exposure": column(anything),
    }
    for name in names_of_more:
        columns[name] = column(positive_or_unknown if "_err" in name else anything)
    if "fractional_exposure" in names_of_more:
        columns["is_upper_limit"] = column(st.booleans())
        columns["quality"] = column(st.sampled_from([0, 0, 2]))
    return columns


@st.composite
def curve_sets(draw, depth: int = 1) -> LightCurveSet:
    t0_met = draw(st.one_of(st.none(), finite(1.3e8, LATEST_MET)))
    common = {"t0_met": t0_met, "binning": draw(st.sampled_from(["counts", "time", "snapshot", "obsid", "unknown"]))}
    rates = ["rate", "rate_err_neg", "rate_err_pos", "fractional_exposure", "background_rate", "background_rate_err"]
    rates += ["correction_factor", "counts", "background_counts", "significance", "snr"]
    return draw(_sets(common, rates, depth))


@st.composite
def _sets(draw, common, rates, depth) -> LightCurveSet:
    members = {}
    for name, band in (("soft", SOFT), ("hard", HARD)):
        if draw(st.booleans()):
            columns = draw(bins("rate", "rate_err_neg"))
            columns["rate_err_pos"] = columns["rate_err_neg"]  # The protocol has one error for both sides.
            members[name] = LightCurve.from_columns(columns, band=band, **common)
    if draw(st.booleans()):
        columns = draw(bins("hardness_ratio", "hardness_ratio_err"))
        members["hardness_ratio"] = HardnessCurve.from_columns(columns, soft_band=SOFT, hard_band=HARD, **common)
    variants = {}
    if depth:
        unreliable = draw(_sets(common, rates, 0))
        inner = {"without_systematics": draw(_sets(common, rates, 0))}
        variants["with_unreliable"] = LightCurveSet(**unreliable, variants=inner)
        variants["without_systematics"] = draw(_sets(common, rates, 0))
    total = LightCurve.from_columns(draw(bins(*rates)), band=TOTAL, **common)
    return LightCurveSet(total, **members, variants=variants)


# Making a failing set smaller takes minutes; the difference found says enough.
quick = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def over_the_wire(curves: LightCurveSet, **flags: str) -> LightCurveSet:
    return decode(json.loads(json.dumps(encode(curves, urls={}, **flags), allow_nan=False)))


class TestRoundTrip:
    @settings(quick, max_examples=60)
    @given(curve_sets(depth=0))
    def test_is_exact(self, curves):
        assert over_the_wire(curves).first_difference(curves) == ""

    @settings(quick, max_examples=15)
    @given(curve_sets(depth=1))
    def test_is_exact_with_all_variants(self, curves):
        assert over_the_wire(curves, nosys="both", incbad="both").first_difference(curves) == ""

    @settings(deadline=None)
    @given(
        met_us=st.integers(130 * 10**12, int(LATEST_MET) * 10**6),
        t0_us=st.integers(130 * 10**12, int(LATEST_MET) * 10**6),
    )
    def test_every_microsecond_survives(self, met_us, t0_us):
        values = {"met_s": [met_us / 1e6], "time_err_neg": 1, "time_err_pos": 1, "rate": 1.0, "mode": "PC"}
        curve = LightCurve.from_columns(values, t0_met=t0_us / 1e6, band=TOTAL, binning="time")
        assert curve.met.value[0] == met_us / 1e6
        assert curve.t0_met == t0_us / 1e6
        assert curve.elapsed.value[0] == (met_us - t0_us) / 1e6
        assert over_the_wire(LightCurveSet(curve)).total.met.value[0] == met_us / 1e6


class TestReferenceClient:
    """The parser of the service's own client reads what is encoded here."""

    @pytest.fixture
    def parse(self):
        download = pytest.importorskip("swifttools.ukssdc.data.download", exc_type=ImportError)
        return download._handleLightCurve

    def test_reads_everything(self, parse):
        reply = service_reply()
        reply["PCData"]["columns"].append("ObsID")
        reply["PCData"]["data"][0].append("::ObsID=00016843001")
        curves = decode(reply)
        twin = LightCurveSet(**curves, variants={"without_systematics": curves})
        varied = LightCurveSet(**twin, variants={**twin.variants, "with_unreliable": twin})
        sent = encode(varied, urls=file_urls("https://host/lc"), nosys="both", incbad="both")
        read = parse(json.loads(json.dumps(sent)))
        assert read["PC"]["Rate"].tolist() == [2.492634]
        assert read["PC"]["ObsID"].tolist() == ["00016843001"]
        assert read["PCUL"]["UpperLimit"].tolist() == [0.001821]
        assert read["PCUL"]["SNR"].tolist() == [np.inf]
        assert read["PCHR_nosys_incbad"]["HRErr"].tolist() == [0.344784]
        assert read["URLs"]["PCHard"] == "https://host/lc/PCHR.qdp"
        assert (read["T0"], read["TimeFormat"], read["Binning"]) == (T0, "MET", "Counts")
