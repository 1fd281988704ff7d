"""Tables of the burst analyser: finding, joining, keeping them."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.time import Time
from astropy.timeseries import TimeSeries

from swiftxrt import BurstAnalyser
from swiftxrt.exceptions import FormatError, OutputExistsError, ProductNotAvailableError, RequestError
from swiftxrt.wire.burst_analyser import decode_analyser
from tests.wire.burst_replies import FLUXES, SPECTRAL, bat, bin_at


def made(*bands: str) -> BurstAnalyser:
    """Tables of the BAT; the second band lacks the first bin and has one of its own."""
    reply = bat(bin_at(-1.0, bad=1), bin_at(2.0), bin_at(3.0, -1e-5))
    curves = reply["BAT"]["SNR4"]
    for band in bands or ("XRTBand",):
        curves["Datasets"].append(band)
        rows = [bin_at(2.0, 1e-9, bad=1), bin_at(3.0, 2e-9), bin_at(4.0, 3e-9)]
        curves[f"{band}Data"] = {"columns": curves["DensityData"]["columns"], "data": rows}
    reply["BAT"]["Binning"].append("TimeBins_1s")
    reply["BAT"]["TimeBins_1s"] = copy.deepcopy(curves)
    reply["BAT"]["HRData"] = {
        "columns": ["Time", "TimePos", "TimeNeg", "HR", "HRPos", "HRNeg"],
        "data": [[1, 1, -1, 2, 1, -1]],
    }
    reply["Instruments"].append("BAT_NoEvolution")
    reply["BAT_NoEvolution"] = {"ECFs": {"Density": 0.002}, "Binning": ["SNR4"], "SNR4": copy.deepcopy(curves)}
    return decode_analyser(reply, name="GRB 060729", target_id="00221755")


def test_tables_by_name() -> None:
    burst = made()
    assert burst["bat_snr4_density"].meta["band"] == "density"
    assert ("bat_snr4_density" in burst, "x" in burst, burst.get("x")) == (True, False, None)
    with pytest.raises(ProductNotAvailableError, match="did you mean 'bat_snr4_density'"):
        burst["bat_snr4_densiti"]
    with pytest.raises(ProductNotAvailableError, match="there are: bat_hardness"):
        burst["x"]
    assert repr(burst) == "<BurstAnalyser GRB 060729: 7 tables (BAT 7)>"


def test_tables_by_what_they_are_about() -> None:
    burst = made()
    assert burst.curve("bat", "Density", binning="SNR4") is burst["bat_snr4_density"]
    assert burst.curve("BAT", "density", evolution=False) is burst["bat_no_evolution_snr4_density"]
    assert burst.curve("BAT", "hardness")["hardness_ratio"].tolist() == [2.0]
    with pytest.raises(RequestError, match="several tables are meant: bat_snr4_density, bat_1s_density"):
        burst.curve("BAT", "density")
    with pytest.raises(ProductNotAvailableError, match="nothing is there for XRT and density"):
        burst.curve("XRT", "density")
    assert len(burst.names(band="density")) == 3


def test_overview() -> None:
    overview = made().overview
    assert overview.colnames == ["name", "instrument", "band", "binning", "mode", "evolution", "bins", "bad", "limits"]
    row = next(row for row in overview if row["name"] == "bat_snr4_density")
    assert (row["bins"], row["bad"], row["limits"]) == (3, 1, 0)


def test_evolution_is_that_of_the_factors() -> None:
    columns = [*FLUXES, *SPECTRAL]
    table = {"columns": columns, "data": [bin_at(1.0)[:-1], bin_at(2.0)[:-1]]}
    other = {"columns": columns, "data": [bin_at(1.0)[:-1], bin_at(2.0, ecf=(0.003, 0.0004, -0.0003))[:-1]]}
    plain = {"columns": FLUXES, "data": [[1.0, 1, -1, 2, 1, -1]]}
    reply = {
        "Instruments": ["XRT", "UVOT"],
        "XRT": {"Datasets": ["Density_PC", "Density_WT"], "Density_PCData": table, "Density_WTData": other},
        "UVOT": {"Datasets": ["uvw1"], "uvw1Data": plain},
    }
    overview = decode_analyser(reply, name="GRB 060729", target_id="00221755").overview
    told = dict(zip(overview["name"].tolist(), overview["evolution"].tolist(), strict=True))
    assert told == {"xrt_pc_density": False, "xrt_wt_density": True, "uvot_uvw1": False}


def test_words_that_are_misspelt() -> None:
    burst = made()
    words: list[tuple[Any, dict[str, Any], str]] = [
        (("BAT", "densty"), {}, "BAT and densty; did you mean 'density'"),
        (("BTA", "density"), {}, "BTA and density; did you mean 'BAT'"),
        (("BAT", "density"), {"binning": "snr5"}, "BAT and density and snr5; did you mean 'snr4'"),
        (("BAT", 5), {}, "BAT and 5; there are: bat_hardness"),
    ]
    for args, options, told in words:
        with pytest.raises(ProductNotAvailableError, match=f"nothing is there for {told}"):
            burst.curve(*args, **options)
    with pytest.raises(ProductNotAvailableError, match="no fluxes of BTA; did you mean 'BAT'"):
        burst.joined("BTA")
    with pytest.raises(RequestError, match=r"curve\(\) .*band: is needed"):
        burst.curve("BAT")  # type: ignore[call-arg]


def test_bands_are_joined_by_time() -> None:
    table = made().joined("BAT", binning="snr4")
    assert table["time"].value.tolist() == [-1.0, 2.0, 3.0, 4.0]
    assert table["density"].mask.tolist() == [False, False, False, True]
    assert table["xrt_band"].mask.tolist() == [True, False, False, False]
    assert table["xrt_band"].unmasked.value.tolist()[1:] == [1e-9, 2e-9, 3e-9]
    assert table["density_is_bad"].tolist() == [True, False, False, None]
    assert table["xrt_band_is_bad"].tolist() == [None, True, False, False]
    assert (table["density"].unit, table["xrt_band_total_err_pos"].unit) == (u.Jy, u.erg / u.cm**2 / u.s)
    assert not [name for name in table.colnames if "ecf" in name]


def test_joining_what_cannot_be_joined() -> None:
    with pytest.raises(RequestError, match="more than once"):
        made().joined("BAT")
    with pytest.raises(ProductNotAvailableError, match="no fluxes of XRT"):
        made().joined("XRT")


def test_absolute_times() -> None:
    t0 = Time("2006-07-29T19:12:29", scale="utc")
    series = made().time_series("bat_snr4_density", t0)
    assert isinstance(series, TimeSeries)
    assert (series.time - t0).sec.tolist() == pytest.approx([-1.0, 2.0, 3.0])
    assert series["elapsed"].value.tolist() == [-1.0, 2.0, 3.0]
    assert "elapsed" not in made()["bat_snr4_density"].colnames
    with pytest.raises(RequestError, match="t0: one Time is needed"):
        made().time_series("bat_snr4_density", 175893149.0)  # type: ignore[arg-type]


def test_equality_and_pickle() -> None:
    one, other = made(), made("BATBand")
    assert one == made()
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != other
    assert one != 1
    assert "_names" in one.first_difference(other)
    changed = made()
    changed["bat_snr4_density"]["flux_density"][0] = 5 * u.Jy
    assert one.first_difference(changed) == "bat_snr4_density: column flux_density has other values"


def test_written_and_read(tmp_path: Path) -> None:
    burst = made()
    burst.write(tmp_path / "burst")
    files = {path.name for path in (tmp_path / "burst").iterdir()}
    assert {"BAT_HR.ecsv", "BAT_SNR4_Density.ecsv", "BAT_NoEvolution_SNR4_XRTBand.ecsv"} < files
    again = BurstAnalyser.read(tmp_path / "burst")
    assert again == burst
    assert again.constant_ecf["density"] == 0.002 * u.Jy / (u.ct / u.s)
    assert again.provenance == burst.provenance
    assert again["bat_snr4_density"].meta == burst["bat_snr4_density"].meta


def test_nothing_is_overwritten_in_part(tmp_path: Path) -> None:
    burst = made()
    (tmp_path / "BAT_SNR4_XRTBand.ecsv").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"BAT_SNR4_XRTBand\.ecsv exists"):
        burst.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["BAT_SNR4_XRTBand.ecsv"]
    burst.write(tmp_path, overwrite=True)
    assert BurstAnalyser.read(tmp_path) == burst
    with pytest.raises(RequestError, match="written to a folder"):
        burst.write(tmp_path / "x.ecsv")


@pytest.mark.parametrize("damage", ["index", "no table", "table", "no time", "nothing"])
def test_damaged_folders(tmp_path: Path, damage: str) -> None:
    made().write(tmp_path)
    table = tmp_path / "BAT_HR.ecsv"
    actions: dict[str, Any] = {
        "index": lambda: (tmp_path / "burst_analyser.json").write_text("{}"),
        "no table": table.unlink,
        "table": lambda: table.write_text("# %ECSV 1.0\nx"),
        "no time": lambda: table.write_text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: x, datatype: int64}\nx\n1\n"),
        "nothing": (tmp_path / "burst_analyser.json").unlink,
    }
    actions[damage]()
    with pytest.raises(FormatError):
        BurstAnalyser.read(tmp_path)


def test_tables_are_about_different_things() -> None:
    table = made()["bat_hardness"]
    with pytest.raises(RequestError, match="several are about the same"):
        BurstAnalyser([table, table])


def test_nothing() -> None:
    burst = BurstAnalyser([], target_id="00221755")
    assert len(burst.overview) == len(burst) == 0
    assert repr(burst) == "<BurstAnalyser 00221755: 0 tables>"
