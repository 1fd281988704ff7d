"""QDP files of the service: every form seen in real files, in small, and the real files themselves."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from swiftxrt.bands import HARD, SOFT, TOTAL
from swiftxrt.exceptions import FormatError, OutputExistsError
from swiftxrt.io.qdp import read_qdp, read_qdp_folder, read_qdp_set, write_qdp
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet

T0 = 551097137.0

OVERVIEW = """\
 ! Swift/XRT lightcurve of trigger: 458448, name: GRB 110731A
 ! T0 for this burst is Swift MET=333803377.7 s, = 2011 Jul 31 at 11:09:30.452 UT
 ! Data covers 0.3-10 keV
 ! The data are in 5 columns:  ! time, time error (+ve), time error (-ve), source count-rate, source error
 ! BINMODE: GRB-like (counts)

READ TERR 1 2
! WTSLEW data
!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg
57.2859739251894\t0.423646090534767\t-0.551240896880543\t50.3231663088147\t7.52508727907864\t-7.54969541631594
NO\tNO\tNO\tNO\tNO\tNO
! WT data
!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg
73.118\t0.335\t-0.352\t1.060816e+02\t1.296025e+01\t-1.296140e+01
73.740\t0.343\t-0.287\t1.149315e+02\t1.414184e+01\t-1.414306e+01
NO\tNO\tNO\tNO\tNO\tNO
! PC data
!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg
655.702\t6.884\t-8.160\t6.499999e+00\t1.306184e+00\t-1.306184e+00
NO\tNO\tNO\tNO\tNO\tNO
! PC Upper limit
!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg
1732891.446\t359787.510\t-103165.893\t1.4287e-03\t0.0000e+00\t0.0000e+00
"""

DETAILED = """\
READ TERR 1 2\x20
READ SERR 4
!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg \tFracExp \tBGrate  \tBGerr   \tCorrFact\tCtsInSrc\
\tBGInSrc \tExposure\tSigma   \tSNR
178511.718\t50.000  \t-50.000\t1.8641e+00\t0.0000e+00\t0.0000e+00\t0.1179  \t2.4351e-03\t2.4351e-03\t2.7149  \t1       \
\t0.0287  \t11.7939 \t2.1289  \tinf    \x20
"""

RATIO = """\
READ TERR 1
READ SERR 2 4 6
!Time    \tT_+ve   \tT_-ve   \tHardRate\tHarderr \tHardSig \tSoftRate\tSoftErr \tSoftSig \tHR      \tHRerr   \
\tFracExp \tExposure
261.718 \t100.000 \t-100.000\t0.409583\t0.064107\t658.243139\t0.395005\t0.063471\t510.602363\t1.036908\t0.232593\
\t1.000000\t200.000000
461.718 \t100.000 \t-100.000\t0.1\t0.05\t3.0\t0.000000\t0.000000\t0.0\tinf     \t-nan    \t0.5\t100.000000
"""

HARDRAT = """\
! Swift/XRT hardness ratio of trigger: 10724, name: AT2018cow
 ! T0 for this burst is Swift MET=551097137.0, = 2018 Jun 19 at 10:31:55.845 UT
 ! The hard band is 2-10 keV
 ! The soft band is 0.3-2 keV
READ TERR 1\x20
READ SERR 2
! PC -- hard data
!Time\t\tErr (pos)\tErr(neg)\tRate\t\tError
261.718\t100.000\t-100.000\t0.409583\t0.064107
NO NO NO NO NO
! PC -- soft data
!Time\t\tErr (pos)\tErr(neg)\tRate\t\tError
261.718\t100.000\t-100.000\t0.395005\t0.063471
NO NO NO NO NO
! PC -- hardness ratio
!Time\t\tErr (pos)\tErr(neg)\tRate\t\tError
261.718\t100.000\t-100.000\t1.036908\t-nan
"""


@pytest.fixture
def save(tmp_path):
    def save_text(name: str, text: str):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return save_text


class TestRead:
    def test_tables_names_and_columns(self, save):
        sections = read_qdp(save("curve.qdp", OVERVIEW))
        assert [section.name for section in sections] == ["WTSLEW data", "WT data", "PC data", "PC Upper limit"]
        assert [len(section.rows) for section in sections] == [1, 2, 1, 1]
        assert sections[1].columns == ("Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg")
        assert sections[1]["Rate"].tolist() == [106.0816, 114.9315]
        assert sections[1]["T_-ve"].tolist() == [-0.352, -0.287]

    def test_numbers_that_are_none(self, save):
        (section,) = read_qdp(save("PCHR.qdp", RATIO))
        assert section["HR"].tolist() == [1.036908, np.inf]
        assert np.isnan(section["HRerr"]).tolist() == [False, True]
        text = "!Time T_+ve T_-ve Rate\n1 NO -1 -inf\n2 nan -nan 1.5e-3\nNO NO\n"
        (section,) = read_qdp(save("a.qdp", text))
        assert np.array_equal(section.rows, [[1, np.nan, -1, -np.inf], [2, np.nan, np.nan, 1.5e-3]], equal_nan=True)

    def test_row_that_begins_with_no_number(self, save):
        (section,) = read_qdp(save("a.qdp", "1 2\nNO 3\nnan 4\n"))
        assert section.rows[:, 1].tolist() == [2, 3, 4]
        assert np.isnan(section.rows[1:, 0]).all()

    @pytest.mark.parametrize("separator", ["NO", "NO NO NO", "NO\tNO\tNO\tNO\tNO\tNO\tNO\tNO\tNO", "no no no"])
    def test_separators_of_any_width(self, save, separator):
        sections = read_qdp(save("a.qdp", f"! PC data\n1 2 3\n{separator.upper()}\n! PC upper limits\n4 5 6\n"))
        assert [section.rows[0, 0] for section in sections] == [1, 4]

    def test_header_above_the_title_serves_all_tables(self, save):
        text = "READ TERR 1 2\n!Time\tT_+ve\tT_-ve\n! PC data\n1 2 -3\nNO\tNO\n! PC Upper limit\n4 5 -6\n"
        assert [section.columns for section in read_qdp(save("curve2.qdp", text))] == [("Time", "T_+ve", "T_-ve")] * 2

    def test_comment_ends_a_table_too(self, save):
        assert len(read_qdp(save("a.qdp", "! WT data\n1 2\n! PC data\n3 4\n"))) == 2

    @pytest.mark.parametrize("tag", ["!::ObsID=00030083001", "::ObsID=00030083001", "! ::ObsID=30083001"])
    def test_obsid_at_the_end_of_a_row(self, save, tag):
        (section,) = read_qdp(save("a.qdp", f"!Time\tT_+ve\tT_-ve\n1\t2\t-3\t{tag}\n4\t5\t-6\n"))
        assert section.obsids == ("00030083001", "")
        assert section.rows.shape == (2, 3)

    def test_snapshot_before_the_obsid(self, save):
        text = "1\t2\t-3\t!::Snapshot=12::ObsID=00030083001\n4\t5\t-6\t!::ObsID=00030083002\n7\t8\t-9\n"
        (section,) = read_qdp(save("a.qdp", "!Time\tT_+ve\tT_-ve\n" + text))
        assert section.obsids == ("00030083001", "00030083002", "")
        assert section.snapshots == (12, 0, 0)
        assert section.rows.shape == (3, 3)

    def test_other_comments_at_the_end_of_a_row(self, save):
        (section,) = read_qdp(save("a.qdp", "1 2 ! a note\n3 4\n"))
        assert section.rows.tolist() == [[1, 2], [3, 4]]
        assert section.obsids == ()

    def test_header_behind_a_hash(self, save):
        """As in the M51 ULX-7 curve of avapolzin/X-rayLCs, whose column ObsID holds no numbers."""
        text = "#READ TERR 1 2 \n#READ SERR 4\n#!Time    \tT_+ve   \tT_-ve   \tRate\tObsID\n"
        (section,) = read_qdp(save("a.qdp", text + "1\t2\t-2\t0.5\t::ObsID=00030083001\n"))
        assert section.columns == ("Time", "T_+ve", "T_-ve", "Rate")
        assert section.name == ""

    def test_names_after_the_read_lines(self, save):
        (section,) = read_qdp(save("a.qdp", "READ SERR 1\nREAD TERR 2\n1 2 3 4 -5 6\n"))
        assert section.columns == ("col1", "col1_err", "col2", "col2_perr", "col2_nerr", "col3")
        assert not section.named
        (section,) = read_qdp(save("b.qdp", "1 2\n"))
        assert section.columns == ("col1", "col2")

    def test_commands_of_the_plotting_program(self, save):
        (section,) = read_qdp(save("a.qdp", "@curve.pco\nskip on\nla x Time\n1 2\n"))
        assert section.rows.tolist() == [[1, 2]]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no rows of numbers"),
            ("READ TERR 1 2\n! nothing\n", "no rows of numbers"),
            ("<!DOCTYPE html>\n<p>1 2</p>\n", "line 1 is no QDP"),
            ("1 2 3\n4 5\n", "lines 1 to 2 should be a table"),
            ("1 2 3\n4 5 six\n", "lines 1 to 2 should be a table"),
        ],
    )
    def test_other_files_are_refused(self, save, text, words):
        with pytest.raises(FormatError, match=words):
            read_qdp(save("a.qdp", text))

    def test_binary_file_is_refused(self, tmp_path):
        path = tmp_path / "a.qdp"
        path.write_bytes(b"\x1f\x8b\xff\xfe 1 2 3")
        with pytest.raises(FormatError, match="not a text file"):
            read_qdp(path)


class TestLightCurves:
    def test_overview(self, save):
        curve = read_qdp_set(save("curve.qdp", OVERVIEW)).total
        assert curve.elapsed.value.tolist() == [57.285974, 73.118, 73.74, 655.702, 1732891.446]
        assert curve["mode"].tolist() == ["WT", "WT", "WT", "PC", "PC"]
        assert curve["is_upper_limit"].tolist() == [False] * 4 + [True]
        assert (curve.t0_met, curve.band, curve.binning) == (333803377.7, "0.3-10 keV", "counts")
        assert curve["time_err_neg"].value[1] == 0.352
        assert curve["rate_err_neg"].value[1] == 12.9614
        assert np.isnan(curve["exposure"].value).all()
        # The file gives T0 as 11:09:30.452 UT.
        assert curve.t0.isot[:21] == "2011-07-31T11:09:30.4"

    @pytest.mark.parametrize(("table", "n_bin"), [("WT", 2), ("WTSLEW", 1), ("PC", 1), ("PCUL", 1)])
    def test_one_table(self, save, table, n_bin):
        assert len(read_qdp_set(save("curve.qdp", OVERVIEW), table=table).total) == n_bin

    def test_missing_table(self, save):
        with pytest.raises(FormatError, match="no table 'WTUL'; it has WTSLEW, WT, PC, PCUL"):
            read_qdp_set(save("curve.qdp", OVERVIEW), table="WTUL")

    def test_detailed_file(self, save):
        row = read_qdp_set(save("PCUL.qdp", DETAILED), t0_met=T0).total[0]
        assert row["is_upper_limit"]
        assert row["mode"] == "PC"
        assert (row["rate"].value, row["counts"].value, row["snr"]) == (1.8641, 1, np.inf)
        assert np.isnan(row["rate_err_pos"].value)

    @pytest.mark.parametrize("name", ["PCUL.qdp", "PCUL_incbad.qdp", "GRB 060729_PCUL_incbad.qdp", "PCCURVE.qdp"])
    def test_limits_by_name_or_without_error(self, save, name):
        assert read_qdp_set(save(name, DETAILED), t0_met=T0).total["is_upper_limit"].all()

    def test_ratio_file_has_three_curves(self, save):
        curves = read_qdp_set(save("PCHR.qdp", RATIO), t0_met=T0)
        assert len(curves.total) == 0
        assert curves.hard["rate"].value.tolist() == [0.409583, 0.1]
        assert curves.hard["rate_err_neg"].value.tolist() == [0.064107, 0.05]
        assert curves.hard["significance"].tolist() == [658.243139, 3.0]
        assert curves.soft["exposure"].value.tolist() == [200.0, 100.0]
        assert curves.soft["fractional_exposure"].tolist() == [1.0, 0.5]
        assert curves.hardness_ratio["hardness_ratio"].tolist() == [1.036908, np.inf]

    def test_hardrat_names_its_bands(self, save):
        curves = read_qdp_set(save("hardrat.qdp", HARDRAT))
        assert (curves.soft.band, curves.hard.band) == ("0.3-2 keV", "2-10 keV")
        assert curves.hard["rate"].value.tolist() == [0.409583]
        assert curves.soft["rate"].value.tolist() == [0.395005]
        assert curves.hardness_ratio["hardness_ratio"].tolist() == [1.036908]
        assert curves.hardness_ratio.t0_met == T0

    def test_days(self, save):
        text = "! T0 for this burst is Swift MET=333803377.7 s\nREAD TERR 1 2\n! PC data\n"
        text += "!MJD    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg\n"
        text += "55773.5\t0.25\t-0.5\t1.0\t0.1\t-0.1\n"
        curve = read_qdp_set(save("curve.qdp", text)).total
        assert curve.time.mjd[0] == pytest.approx(55773.5, abs=1e-6 / 86400)
        assert (curve["time_err_pos"].value[0], curve["time_err_neg"].value[0]) == (21600.0, 43200.0)
        assert curve.t0_met == 333803377.7
        assert curve.elapsed.value[0] == pytest.approx(3029.548, abs=0.2)  # 12:00:00 less 11:09:30.452

    def test_t0_of_neighbours(self, save):
        path = save("PCUL.qdp", DETAILED)
        with pytest.raises(FormatError, match="t0_met"):
            read_qdp_set(path)
        save("t0.date", "551097137.0\n2018 Jun 19 at 10:31:55.845 UT\n")
        assert read_qdp_set(path).total.t0_met == T0
        save("curve.qdp", OVERVIEW)
        assert read_qdp_set(path).total.t0_met == 333803377.7
        assert read_qdp_set(path).total.binning == "counts"
        assert read_qdp_set(path, t0_met=5.5e8).total.t0_met == 5.5e8

    def test_broken_t0_file(self, save):
        path = save("PCUL.qdp", DETAILED)
        save("t0.date", "unknown\n")
        with pytest.raises(FormatError, match=r"t0\.date: should have T0"):
            read_qdp_set(path)

    def test_absolute_times(self, save):
        text = "!Time\tT_+ve\tT_-ve\tRate\n551097348.718\t50\t-50\t1\n"
        curve = read_qdp_set(save("PCCURVE.qdp", text)).total
        assert curve.t0_met is None
        assert curve.met.value.tolist() == [551097348.718]

    def test_fluxes_are_refused_with_their_names(self, save):
        text = OVERVIEW.replace("Ratepos", "Fluxpos").replace("Rateneg", "Fluxneg").replace("Rate ", "Flux ")
        with pytest.raises(FormatError, match="Flux, Fluxpos, Fluxneg is no count-rate curve"):
            read_qdp_set(save("flux.qdp", text))

    def test_nameless_columns_need_names(self, save):
        path = save("PC.qdp", "READ TERR 1 2\n211.7\t50\t-50\t0.84\t0.13\t-0.13\n")
        with pytest.raises(FormatError, match="rates cannot be told from fluxes"):
            read_qdp_set(path, t0_met=T0)
        names = ("Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg")
        assert read_qdp_set(path, t0_met=T0, columns=names).total["rate_err_pos"].value.tolist() == [0.13]

    def test_mode_can_be_told(self, save):
        path = save("mine.qdp", "!Time\tT_+ve\tT_-ve\tRate\n211.7\t50\t-50\t0.84\t!::ObsID=1\n")
        with pytest.raises(FormatError, match="table='PC'"):
            read_qdp_set(path, t0_met=T0)
        curve = read_qdp_set(path, t0_met=T0, table="WT").total
        assert (curve["mode"][0], curve["obsid"][0]) == ("WT", "00000000001")

    def test_drawings_are_refused(self, save):
        with pytest.raises(FormatError, match="drawing"):
            read_qdp_set(save("curve_plot.qdp", OVERVIEW))


def make_set(*, t0_met: float | None = T0, fraction: float = 0.5, binning: str = "obsid") -> LightCurveSet:
    rng = np.random.default_rng(20180616)
    n_bin = 12
    met_s = np.sort(T0 + rng.uniform(-50, 1e6, n_bin))
    common = {"t0_met": t0_met, "binning": binning}
    shared = {"met_s": met_s, "time_err_neg": rng.uniform(0, 50, n_bin), "time_err_pos": rng.uniform(0, 50, n_bin)}
    shared["mode"] = np.where(np.arange(n_bin) % 3 == 0, "WT", "PC")
    shared["obsid"] = np.where(np.arange(n_bin) % 2 == 0, "00010724002", "")
    shared["snapshot"] = np.where(np.arange(n_bin) % 4 == 0, np.arange(n_bin) + 1, 0)  # Where there is an ObsID.
    shared["exposure"] = rng.uniform(1, 100, n_bin)
    total = shared | {"is_upper_limit": np.arange(n_bin) > 8, "counts": rng.integers(0, 100, n_bin)}
    names = ["rate", "rate_err_neg", "rate_err_pos", "fractional_exposure", "background_rate", "background_rate_err"]
    for name in [*names, "correction_factor", "background_counts", "significance", "snr"]:
        total[name] = rng.uniform(1e-5, 10, n_bin)
    total["snr"][-1] = np.inf
    total["rate"][0] = np.nan
    members = {"total": LightCurve.from_columns(total, band=TOTAL, **common)}
    for name, band in (("soft", SOFT), ("hard", HARD)):
        columns = shared | {"rate": rng.uniform(0, 1, n_bin), "fractional_exposure": fraction}
        columns["rate_err_neg"] = columns["rate_err_pos"] = rng.uniform(0.01, 0.1, n_bin)
        columns["significance"] = rng.uniform(1, 1000, n_bin)
        members[name] = LightCurve.from_columns(columns, band=band, **common)
    ratio = shared | {"hardness_ratio": rng.uniform(0, 3, n_bin), "hardness_ratio_err": rng.uniform(0, 1, n_bin)}
    ratio["hardness_ratio"][3], ratio["hardness_ratio_err"][3] = np.inf, np.nan
    members["hardness_ratio"] = HardnessCurve.from_columns(ratio, soft_band=SOFT, hard_band=HARD, **common)
    return LightCurveSet(**members)


class TestWrite:
    def test_names(self, tmp_path):
        paths = write_qdp(make_set(), tmp_path / "lc")
        stems = ["WTCURVE", "WTUL", "WTHR", "PCCURVE", "PCUL", "PCHR", "curve", "hardrat"]
        expected = [f"{stem}{suffix}.qdp" for suffix in ("", "_incbad", "_nosys", "_nosys_incbad") for stem in stems]
        assert sorted(path.name for path in paths) == sorted([*expected, "t0.date"])

    @pytest.mark.parametrize("t0_met", [T0 + 0.125, None])
    def test_reading_gives_the_same(self, tmp_path, t0_met):
        curves = make_set(t0_met=t0_met)
        write_qdp(curves, tmp_path)
        again = read_qdp_folder(tmp_path)
        assert again.first_difference(curves) == ""

    def test_days(self, tmp_path):
        curves = make_set()
        write_qdp(curves, tmp_path, mjd=True)
        assert (tmp_path / "curve.qdp").read_text().count("!MJD") == 4
        again = read_qdp_folder(tmp_path)
        for name, curve in curves.items():
            assert np.allclose(again[name].met.value, curve.met.value, rtol=0, atol=2e-6)
            assert np.allclose(again[name]["time_err_pos"].value, curve["time_err_pos"].value, rtol=0, atol=2e-6)

    def test_variants_have_files_of_their_own(self, tmp_path):
        curves, other = make_set(), make_set(fraction=0.25)
        varied = LightCurveSet(**curves, variants={"with_unreliable": other})
        write_qdp(varied, tmp_path)
        again = read_qdp_folder(tmp_path)
        assert again.variants["with_unreliable"].first_difference(other) == ""
        assert LightCurveSet(**again).first_difference(curves) == ""

    def test_header_lines_are_those_of_the_service(self, tmp_path):
        write_qdp(make_set(), tmp_path, name="AT2018cow", target_id="00010724")
        for name, original in (("PCUL.qdp", DETAILED), ("PCHR.qdp", RATIO)):
            assert (tmp_path / name).read_text().splitlines()[:3] == original.splitlines()[:3]
        lines = (tmp_path / "curve.qdp").read_text().splitlines()
        assert lines[0] == " ! Swift/XRT lightcurve of trigger: 00010724, name: AT2018cow"
        assert "READ TERR 1 2" in lines
        assert lines.count("!Time    \tT_+ve   \tT_-ve   \tRate    \tRatepos \tRateneg") == 4
        hardrat = (tmp_path / "hardrat.qdp").read_text().splitlines()
        assert hardrat.count("!Time\t\tErr (pos)\tErr(neg)\tRate\t\tError") == 6
        assert "! PC -- hardness ratio" in hardrat

    def test_t0_file(self, tmp_path):
        write_qdp(make_set(), tmp_path)
        met, date, mjd = (tmp_path / "t0.date").read_text().splitlines()
        assert met == "551097137.0"
        # The service gives 10:31:55.845 with its own clock correction.
        assert date.startswith("2018 Jun 19 at 10:31:55.8")
        assert float(mjd) == pytest.approx(58288.4388407986116, abs=0.05 / 86400)

    def test_astropy_reads_the_overview(self, tmp_path):
        curves = make_set(binning="counts")
        write_qdp(curves, tmp_path)
        # Its grammar knows nan but not inf, which is in other files only.
        table = Table.read(tmp_path / "curve.qdp", format="ascii.qdp", table_id=1, names=["time", "rate"])
        rows = ~curves.total["is_upper_limit"] & (curves.total["mode"] == "PC")
        assert table["rate"].tolist() == curves.total["rate"].value[rows].tolist()
        assert table["time_nerr"].tolist() == (-curves.total["time_err_neg"].value[rows]).tolist()

    def test_existing_files_are_kept(self, tmp_path):
        write_qdp(make_set(), tmp_path)
        with pytest.raises(OutputExistsError):
            write_qdp(make_set(), tmp_path)
        write_qdp(make_set(), tmp_path, overwrite=True)

    def test_bands_with_other_bins(self, tmp_path):
        curves = make_set()
        part = LightCurveSet(curves.total, soft=curves.soft[2:], hardness_ratio=curves.hardness_ratio)
        write_qdp(part, tmp_path)
        (section,) = read_qdp(tmp_path / "PCHR.qdp")
        assert np.isnan(section["HardRate"]).all()
        assert np.isnan(section["SoftRate"]).tolist() == [True] + [False] * 7
        assert np.isfinite(section["Exposure"]).all()


class TestRealFiles:
    """Counts and values read off the files; sources in the data's provenance."""

    @pytest.fixture
    def cow(self, validation_data):
        return validation_data / "uklc_AT2018cow"

    def test_detections(self, cow):
        curve = LightCurve.read(cow / "PCCURVE.qdp")
        assert len(curve) == 264
        assert (curve.t0_met, curve.binning, curve.band) == (T0, "time", "0.3-10 keV")
        first = curve[0]
        assert first["rate"].value == 0.8404978
        assert (first["rate_err_neg"].value, first["rate_err_pos"].value) == (0.1315519, 0.1315519)
        assert (first["counts"].value, first["background_counts"].value, first["exposure"].value) == (41, 0.087898, 100)
        assert (first["significance"], first["snr"], first["correction_factor"]) == (658.243139, 6.389096, 2.054399)
        assert curve.elapsed.value[0] == 211.718
        assert not np.isnan(curve["snr"]).any()
        assert not curve["is_upper_limit"].any()

    def test_columns_obey_their_definitions(self, cow):
        """Net counts times correction over exposure is the rate; so is exposure over length the fraction."""
        curve = LightCurve.read(cow / "PCCURVE.qdp")
        net = curve["counts"] - curve["background_counts"]
        rate = (net * curve["correction_factor"] / curve["exposure"]).value
        bright = curve["counts"].value >= 15  # Fainter bins have the most probable rate.
        assert np.allclose(rate[bright], curve["rate"].value[bright], rtol=2e-5)
        length = (curve["time_err_neg"] + curve["time_err_pos"]).value
        assert np.allclose(curve["exposure"].value / length, curve["fractional_exposure"], atol=1e-6)

    def test_limits(self, cow):
        curve = LightCurve.read(cow / "PCUL.qdp")
        assert curve["is_upper_limit"].tolist() == [True] * 5
        assert curve["rate"].value.tolist() == [1.8641, 536.15, 216.22, 3.9712, 257.63]

    def test_overview_has_both(self, cow):
        curve = LightCurve.read(cow / "curve.qdp")
        detailed = LightCurve.read(cow / "PCCURVE.qdp")
        assert (len(curve), len(curve.upper_limits)) == (269, 5)
        assert curve.detections["rate"].value.tolist() == detailed["rate"].value.tolist()
        assert LightCurve.read(cow / "curve_nosys.qdp").equals(curve)
        assert len(LightCurve.read(cow / "curve2_nosys.qdp").upper_limits) == 5
        background = LightCurve.read(cow / "curve2.qdp").detections["background_rate"]
        assert background.value.tolist() == detailed["background_rate"].value.tolist()

    def test_hardness(self, cow):
        ratio = HardnessCurve.read(cow / "PCHR.qdp")
        assert len(ratio) == 145
        assert np.isinf(ratio["hardness_ratio"]).sum() == 1
        assert np.isnan(ratio["hardness_ratio"]).sum() == 1
        assert np.isnan(ratio["hardness_ratio_err"]).sum() == 5
        short = HardnessCurve.read(cow / "hardrat.qdp")
        assert np.array_equal(short["hardness_ratio"], ratio["hardness_ratio"], equal_nan=True)
        soft, hard = (LightCurve.read(cow / "PCHR.qdp", table=name) for name in ("PCSoft", "PCHard"))
        both = (soft["rate"].value > 0) & (hard["rate"].value > 0)
        quotient = hard["rate"].value[both] / soft["rate"].value[both]
        assert np.allclose(quotient, ratio["hardness_ratio"][both], rtol=1e-3)

    def test_folder(self, cow):
        curves = LightCurveSet.read(cow)
        assert {name: len(curve) for name, curve in curves.items()} == {
            "total": 269,
            "soft": 145,
            "hard": 145,
            "hardness_ratio": 145,
        }

    def test_writing_the_same_numbers(self, cow, tmp_path):
        """What is written differs from the original in the number of digits only."""
        write_qdp(LightCurveSet.read(cow), tmp_path)
        for name in ("PCCURVE.qdp", "PCUL.qdp", "PCHR.qdp"):
            (ours,), (theirs,) = read_qdp(tmp_path / name), read_qdp(cow / name)
            assert ours.columns == theirs.columns
            assert np.array_equal(ours.rows, theirs.rows, equal_nan=True)

    def test_every_curve_of_gamma_ray_bursts(self, validation_data):
        folders = sorted((validation_data / "grb_lightcurves" / "swift_xrt_curves").iterdir())
        assert len(folders) == 13
        for folder in folders:
            curves = read_qdp_folder(folder).total
            overview = LightCurve.read(folder / "curve.qdp")
            names = [name for name in ("WTCURVE", "PCCURVE", "PCUL") if (folder / f"{name}.qdp").is_file()]
            rows = sum(len(read_qdp(folder / f"{name}.qdp")[0].rows) for name in names)
            rows += sum(len(one.rows) for one in read_qdp(folder / "curve.qdp") if one.name == "WTSLEW data")
            assert len(curves) == rows
            assert len(overview) == sum(len(one.rows) for one in read_qdp(folder / "curve.qdp"))
            assert curves.t0_met == overview.t0_met
            limits = read_qdp(folder / "PCUL.qdp")[0].rows if (folder / "PCUL.qdp").is_file() else ()
            # The overview is of another processing in some folders, and has other bins.
            assert len(curves.upper_limits) == len(limits)

    def test_flux_files_are_tables_but_no_light_curves(self, validation_data):
        paths = sorted((validation_data / "grb_lightcurves" / "flux_qdp").glob("*.qdp"))
        assert len(paths) == 16
        for path in paths:
            assert sum(len(section.rows) for section in read_qdp(path)) > 10
            with pytest.raises(FormatError, match=r"fluxes|Flux"):
                read_qdp_set(path)

    def test_every_other_curve(self, validation_data):
        sizes = {
            path.name: [section.rows.shape for section in read_qdp(path)]
            for path in (validation_data / "other_curves").rglob("*.qdp")
        }
        assert sizes == {
            "curve_nosys.qdp": [(68, 6)],
            "AT2022tsd_XRT_binned.qdp": [(8, 6)],
            "AT2022tsd_XRT_binned_luminosity.qdp": [(7, 7)],
            "AT2022tsd_XRT_unbinned.qdp": [(10, 6), (4, 6)],
            "Novae_RSOph_fluxlc.qdp": [(3175, 4)],
            "Novae_TPyx_fluxlc.qdp": sizes["Novae_TPyx_fluxlc.qdp"],
            "Novae_V339Del_fluxlc.qdp": sizes["Novae_V339Del_fluxlc.qdp"],
            "ULXs_M51_ULX7_lc_AVA.qdp": [(145, 15)],
        }

    def test_days_and_obsids(self, validation_data):
        folder = validation_data / "other_curves"
        curve = LightCurve.read(folder / "AT2022tsd" / "AT2022tsd_XRT_unbinned.qdp")
        assert (len(curve), len(curve.upper_limits), curve.t0_met) == (14, 4, 686567641.8006)
        assert curve.time.mjd[0] == pytest.approx(59856.6854732141, abs=1e-10)
        names = ("Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg")
        curve = LightCurve.read(folder / "AT2018cow" / "curve_nosys.qdp", table="PC", columns=names, t0_met=T0)
        assert curve["obsid"][:2].tolist() == ["00010724002", "00010724003"]
