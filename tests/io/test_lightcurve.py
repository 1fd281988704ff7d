"""Files of light curves: nothing is lost, the format is found, and other files are refused."""

from __future__ import annotations

import gc
import gzip
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.timeseries import TimeSeries

from swiftxrt.bands import HARD, SOFT, TOTAL
from swiftxrt.exceptions import FormatError, OutputExistsError, RequestError
from swiftxrt.met import met_to_time_nominal
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet

T0 = 551097137.125

# Long enough to need several FITS cards, with every character that is special there.
NOTES = ['it\'s a note & has "quotes", / and = ' * 5, "grüße"]


def make_curve(*, t0_met: float | None = T0, band=TOTAL) -> LightCurve:
    """Both modes, a limit, NaN, infinity and a bin before T0, with awkward numbers."""
    values = {
        "met_s": T0 + np.array([-88.5, 63.0, 63.0, 211.718123, 863.000001]),
        "time_err_neg": [1 / 3, 2.5, 3.0, 4.0, 5.5],
        "time_err_pos": [0.0, 50.0, 1e7, 1e-7, 3.0],
        "rate": [2.0, np.nan, 1e-300, 0.1 + 0.2, 1.8641],
        "rate_err_neg": [0.1, np.nan, 0.3, 1 / 7, np.nan],
        "rate_err_pos": [0.1, np.nan, 0.3, 1 / 9, np.nan],
        "is_upper_limit": [False, False, False, False, True],
        "mode": ["WT", "PC", "WT", "PC", "PC"],
        "obsid": ["00010724001", "", "00010724001", "00010724002", ""],
        "snapshot": [1, 0, 2, 1, 0],
        "fractional_exposure": 1.0,
        "counts": [7, 0, 12, 41, 1],
        "snr": [3.0, np.nan, 5.0, 6.4, np.inf],
        "quality": [0, 1, 0, 0, 4],
    }
    provenance = {"backend": "local", "inputs": ["00010724001", "00010724002"], "notes": NOTES}
    return LightCurve.from_columns(
        values, t0_met=t0_met, band=band, binning="counts", confidence=0.95, provenance=provenance
    )


def make_ratio() -> HardnessCurve:
    values = {"met_s": T0 + np.array([100.0, 300.0]), "time_err_neg": 100, "time_err_pos": 100, "mode": "PC"}
    values |= {
        "snapshot": [3, 4],
        "hardness_ratio": [1.036908, np.inf],
        "hardness_ratio_err": [0.23, np.nan],
        "exposure": [200, 78.9],
    }
    return HardnessCurve.from_columns(values, t0_met=T0, soft_band=SOFT, hard_band=HARD, binning="counts")


@pytest.fixture
def curve() -> LightCurve:
    return make_curve()


class TestRoundTrip:
    @pytest.mark.parametrize("name", ["a.fits", "a.lc", "a.fits.gz", "a.ecsv"])
    @pytest.mark.parametrize("make", [make_curve, lambda: make_curve(t0_met=None), make_ratio])
    def test_nothing_is_lost(self, tmp_path, name, make):
        one = make()
        one.write(tmp_path / name)
        again = type(one).read(tmp_path / name)
        assert again.first_difference(one) == ""
        assert again.provenance == one.provenance
        for column in one.colnames[1:]:
            assert again[column].dtype.kind == one[column].dtype.kind
            assert again[column].dtype.isnative
        assert (again.time.format, again.time.scale) == ("isot", "utc")

    def test_fits_keeps_every_bit_of_the_time(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        again = LightCurve.read(tmp_path / "a.fits")
        assert np.array_equal(again.time.jd1, curve.time.jd1)
        assert np.array_equal(again.time.jd2, curve.time.jd2)

    def test_ecsv_keeps_nanoseconds_whatever_the_format_of_the_time(self, tmp_path, curve):
        curve.time.format = "jd"  # Alone worth 20 microseconds.
        curve.write(tmp_path / "a.ecsv")
        again = LightCurve.read(tmp_path / "a.ecsv")
        assert np.max(np.abs((again.time - curve.time).sec)) < 1e-9
        assert curve.time.format == "jd"

    @pytest.mark.parametrize("name", ["a.fits", "a.ecsv"])
    def test_no_bins(self, tmp_path, curve, name):
        curve[:0].write(tmp_path / name)
        again = LightCurve.read(tmp_path / name)
        assert again.first_difference(curve[:0]) == ""
        assert again.band == "0.3-10 keV"

    def test_fits_means_our_own_tables(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits", format="fits")
        again = LightCurve.read(tmp_path / "a.fits", format="fits")
        assert again.first_difference(curve) == ""

    def test_astropy_opens_the_ecsv_file(self, tmp_path, curve):
        curve.write(tmp_path / "a.ecsv")
        series = TimeSeries.read(tmp_path / "a.ecsv", format="ascii.ecsv")
        assert series["rate"].unit == u.ct / u.s
        assert np.array_equal(series["met"].value, curve.met.value)

    def test_more_columns_need_ecsv(self, tmp_path, curve):
        curve["flux"] = curve["rate"].value * u.erg / u.s / u.cm**2
        curve.write(tmp_path / "a.ecsv")
        assert LightCurve.read(tmp_path / "a.ecsv")["flux"].unit == u.erg / u.s / u.cm**2
        with pytest.raises(RequestError, match="no place for flux"):
            curve.write(tmp_path / "a.fits")
        assert not (tmp_path / "a.fits").exists()


class TestOgip:
    @pytest.fixture
    def hdus(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        with fits.open(tmp_path / "a.fits") as hdus:
            hdus.verify("exception")
            yield hdus

    def test_keywords(self, hdus, curve):
        header = hdus["RATE"].header
        expected = {
            "HDUCLASS": "OGIP",
            "HDUCLAS1": "LIGHTCURVE",
            "HDUCLAS2": "NET",
            "HDUCLAS3": "RATE",
            "TELESCOP": "SWIFT",
            "INSTRUME": "XRT",
            "TIMESYS": "TT",
            "TIMEUNIT": "s",
            "MJDREFI": 51910,
            "MJDREFF": pytest.approx(7.428703703703703e-4, rel=1e-14),
            "TIMEZERO": 0.0,
            "E_MIN": 0.3,
            "E_MAX": 10.0,
            "T0MET": T0,
            "CONFLEV": 0.95,
        }
        assert {key: header[key] for key in expected} == expected
        assert header["TSTART"] == curve.met.value[0] - 1 / 3
        assert header["TSTOP"] == curve.met.value[2] + 1e7

    def test_columns(self, hdus, curve):
        records = hdus["RATE"].data
        assert records["TIME"].tolist() == curve.met.value.tolist()
        assert records["MODE"].tolist() == ["WT", "PC", "WT", "PC", "PC"]
        assert records["FRACEXP"].tolist() == [1.0] * 5
        assert np.allclose(records["TIMEDEL"], (curve["time_err_neg"] + curve["time_err_pos"]).value)
        assert records["ERROR"][3] == pytest.approx((1 / 7 + 1 / 9) / 2)
        units = {column.name: column.unit for column in hdus["RATE"].columns}
        assert (units["TIME"], units["RATE"], units["COUNTS"], units["SNR"]) == ("s", "count/s", "count", None)

    def test_time_and_reference_give_the_nominal_date(self, hdus, curve):
        header, records = hdus["RATE"].header, hdus["RATE"].data
        mjd = header["MJDREFI"] + header["MJDREFF"] + records["TIME"] / 86400
        assert np.allclose(mjd, met_to_time_nominal(curve.met).mjd, rtol=0, atol=1e-9)

    def test_stingray_reads_it(self, tmp_path):
        """A reader of OGIP light curves that was written elsewhere."""
        values = {"met_s": T0 + 10.0 * np.arange(6), "time_err_neg": 5, "time_err_pos": 5, "mode": "PC"}
        values |= {"rate": np.arange(1.0, 7.0), "rate_err_neg": 0.5, "rate_err_pos": 0.7, "fractional_exposure": 1}
        curve = LightCurve.from_columns(values, t0_met=T0, band=TOTAL, binning="time")
        curve.write(tmp_path / "a.fits")
        with warnings.catch_warnings():
            # It warns that its reader is new, recommends packages, and leaves the file open.
            warnings.simplefilter("ignore")
            timing = pytest.importorskip("stingray.io")
            read = timing.lcurve_from_fits(tmp_path / "a.fits")
            gc.collect()
        assert read["counts"].tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
        assert np.allclose(read["err"].astype(float), 6.0)
        assert np.allclose(read["time"].astype(float), curve.met.value, rtol=0, atol=1e-6)
        assert read["dt"] == 10.0
        assert read["instr"] == "XRT"

    @pytest.mark.filterwarnings("ignore:.*DATASUM:swiftxrt.exceptions.MetadataWarning")
    def test_time_without_utc_columns(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        with fits.open(tmp_path / "a.fits") as hdus:
            columns = [column for column in hdus["RATE"].columns if not column.name.startswith("UTC_")]
            table = fits.BinTableHDU.from_columns(columns, header=hdus["RATE"].header, name="RATE")
            fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "b.fits")
        assert LightCurve.read(tmp_path / "b.fits").first_difference(curve) == ""


class TestFormats:
    def test_are_found_without_a_telling_name(self, tmp_path, curve):
        for number, chosen in enumerate(("ogip.lc", "ascii.ecsv")):
            path = tmp_path / f"curve{number}"
            curve.write(path, format=chosen)
            assert LightCurve.read(path).equals(curve)
        (tmp_path / "PC").write_text("! MET=551097137.0\nREAD TERR 1 2\n!Time\tT_+ve\tT_-ve\tRate\n1\t2\t-3\t4\n")
        assert len(LightCurve.read(tmp_path / "PC")) == 1

    def test_unknown_file_lists_the_formats(self, tmp_path):
        (tmp_path / "a.txt").write_text("1 2 3\n")
        with pytest.raises(FormatError, match=r"ogip\.lc, ascii\.ecsv, ukssdc\.qdp"):
            LightCurve.read(tmp_path / "a.txt")

    @pytest.mark.parametrize(
        "chosen",
        ["ukssdc.qdp", "nonsense", "ascii.csv", "ascii.fixed_width", "ascii.qdp", "votable", "asdf", "hdf5", "parquet"],
    )
    def test_writing_what_would_not_come_back(self, tmp_path, curve, chosen):
        for one in (curve, make_ratio()):
            with pytest.raises(RequestError, match=rf"ogip\.lc .*ascii\.ecsv .*got '{chosen}'"):
                one.write(tmp_path / "a.fits", format=chosen)
        with pytest.raises(RequestError, match=r"a\.x"):
            curve.write(tmp_path / "a.x")
        assert not list(tmp_path.iterdir())

    def test_reading_in_a_format_that_does_not_exist(self, tmp_path, curve):
        curve.write(tmp_path / "a.ecsv")
        with pytest.raises(FormatError, match="known formats"):
            LightCurve.read(tmp_path / "a.ecsv", format="nonsense")

    def test_existing_file_is_kept(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        with pytest.raises(OutputExistsError):
            curve[:2].write(tmp_path / "a.fits")
        assert len(LightCurve.read(tmp_path / "a.fits")) == 5
        curve[:2].write(tmp_path / "a.fits", overwrite=True)
        assert len(LightCurve.read(tmp_path / "a.fits")) == 2

    def test_options_of_qdp_files_elsewhere(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        with pytest.raises(RequestError, match="for QDP files"):
            LightCurve.read(tmp_path / "a.fits", table="PC")


class TestOtherFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(FormatError, match="not a file"):
            LightCurve.read(tmp_path / "a.fits")
        with pytest.raises(FormatError, match=r"LightCurveSet\.read"):
            LightCurve.read(tmp_path)

    def test_wrong_class(self, tmp_path, curve):
        for name in ("a.fits", "a.ecsv"):
            curve.write(tmp_path / name)
            with pytest.raises(FormatError, match="no hardness ratio"):
                HardnessCurve.read(tmp_path / name)
        make_ratio().write(tmp_path / "b.fits")
        with pytest.raises(FormatError, match=r"no light curve of this package: the table RATE lacks RATE"):
            LightCurve.read(tmp_path / "b.fits")

    def test_fits_without_light_curve(self, tmp_path):
        fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "a.fits")
        with pytest.raises(FormatError, match="no table RATE"):
            LightCurve.read(tmp_path / "a.fits")

    @pytest.mark.parametrize("content", [b"SIMPLE  = nothing", b"hello", gzip.compress(b"hello", mtime=0)])
    def test_damaged_fits(self, tmp_path, content):
        (tmp_path / "a.fits").write_bytes(content)
        with pytest.raises(FormatError, match=r"a\.fits"):
            LightCurve.read(tmp_path / "a.fits")

    def test_truncated_fits(self, tmp_path, curve):
        curve.write(tmp_path / "a.fits")
        whole = (tmp_path / "a.fits").read_bytes()
        (tmp_path / "a.fits").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(FormatError):
            LightCurve.read(tmp_path / "a.fits")

    def test_ecsv_of_something_else(self, tmp_path):
        QTable({"a": [1, 2]}).write(tmp_path / "a.ecsv")
        with pytest.raises(FormatError, match="no light curve"):
            LightCurve.read(tmp_path / "a.ecsv")

    def test_file_of_ratios(self, tmp_path):
        text = "!Time\tT_+ve\tT_-ve\tHardRate\tHarderr\tHardSig\tSoftRate\tSoftErr\tSoftSig\tHR\tHRerr\tFracExp\tExposure\n"
        (tmp_path / "PCHR.qdp").write_text(text + "5.5e8\t1\t-1\t1\t1\t1\t2\t1\t1\t0.5\t0.5\t1\t1\n")
        with pytest.raises(FormatError, match="table='PCSoft' or 'PCHard'"):
            LightCurve.read(tmp_path / "PCHR.qdp")
        assert LightCurve.read(tmp_path / "PCHR.qdp", table="PCSoft").band == "0.3-1.5 keV"
        assert HardnessCurve.read(tmp_path / "PCHR.qdp")["hardness_ratio"].tolist() == [0.5]
        with pytest.raises(FormatError, match="no hardness ratio"):
            HardnessCurve.read(tmp_path / "PCHR.qdp", table="PCSoft")


class TestSet:
    @pytest.fixture
    def curves(self) -> LightCurveSet:
        variants = {"without_systematics": LightCurveSet(make_curve()[:3])}
        unreliable = LightCurveSet(make_curve()[1:], variants=variants)
        return LightCurveSet(
            make_curve(),
            soft=make_curve(band=SOFT),
            hard=make_curve(band=HARD),
            hardness_ratio=make_ratio(),
            variants={"with_unreliable": unreliable},
        )

    @pytest.mark.parametrize("chosen", ["ogip.lc", "ascii.ecsv"])
    def test_round_trip(self, tmp_path, curves, chosen):
        curves.write(tmp_path / "lc", format=chosen)
        assert LightCurveSet.read(tmp_path / "lc").first_difference(curves) == ""

    def test_names(self, tmp_path, curves):
        curves.write(tmp_path)
        names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.fits")}
        assert names == {
            "total.fits",
            "soft.fits",
            "hard.fits",
            "hardness_ratio.fits",
            "with_unreliable/total.fits",
            "with_unreliable/without_systematics/total.fits",
        }

    def test_files_of_the_service(self, tmp_path, curves):
        curves.write(tmp_path, format="ukssdc.qdp")
        assert (tmp_path / "PCCURVE.qdp").is_file()
        assert len(LightCurveSet.read(tmp_path).total) == 5

    def test_nothing_there(self, tmp_path):
        with pytest.raises(FormatError, match=r"neither total\.fits"):
            LightCurveSet.read(tmp_path)
        with pytest.raises(FormatError, match="not a folder"):
            LightCurveSet.read(tmp_path / "missing")

    def test_unknown_format(self, tmp_path, curves):
        with pytest.raises(RequestError, match=r"ogip\.lc, ascii\.ecsv, ukssdc\.qdp, ukssdc\.dat; got 'csv'"):
            curves.write(tmp_path, format="csv")

    def test_existing_files_are_kept(self, tmp_path, curves):
        curves.write(tmp_path)
        with pytest.raises(OutputExistsError):
            curves.write(tmp_path)
        curves.write(tmp_path, overwrite=True)


class TestTimes:
    """MET has a resolution of a tenth of a microsecond: times are shown without the noise below."""

    def test_are_shown_without_noise(self, tmp_path):
        # Noon to the microsecond of MET: with nine decimals it is 10:00:00.000000106.
        values = {"met_s": 551181621.135452, "time_err_neg": 1, "time_err_pos": 1, "rate": 1.0, "mode": "PC"}
        curve = LightCurve.from_columns(values, t0_met=551181621.135452, band=TOTAL, binning="time")
        for name in ("a.fits", "a.ecsv"):
            curve.write(tmp_path / name)
            again = LightCurve.read(tmp_path / name)
            assert again.time[0].isot == curve.time[0].isot == curve.t0.isot == "2018-06-20T10:00:00.000000"
            assert again.time[0] == curve.time[0]
        assert "T10:00:00.000000 " in (tmp_path / "a.ecsv").read_text()

    def test_ecsv_keeps_every_bit(self, tmp_path, curve):
        curve.write(tmp_path / "a.ecsv")
        again = LightCurve.read(tmp_path / "a.ecsv")
        assert np.array_equal(again.time.jd1, curve.time.jd1)
        assert np.array_equal(again.time.jd2, curve.time.jd2)

    def test_that_do_not_follow_from_met_keep_their_own_digits(self, tmp_path, curve):
        """Such as times corrected to the barycentre."""
        curve["time"] = curve["time"] + 123.456789123 * u.s
        curve.write(tmp_path / "a.ecsv")
        assert np.max(np.abs((LightCurve.read(tmp_path / "a.ecsv").time - curve.time).sec)) < 1e-9


@pytest.mark.parametrize("kind", ["ogip.lc", "ascii.ecsv", "ukssdc.qdp"])
def test_a_set_is_no_file(tmp_path, curve, kind):
    with pytest.raises(RequestError, match="'x.fits' names a file. Name a folder, such as 'x'"):
        LightCurveSet(curve).write(tmp_path / "x.fits", format=kind)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["3", "{", '["a"]'])
def test_damaged_provenance(tmp_path, curve, text):
    curve.write(tmp_path / "a.fits")
    fits.setval(tmp_path / "a.fits", "PROVENAN", value=text, ext=1)
    with pytest.raises(FormatError):
        LightCurve.read(tmp_path / "a.fits")
