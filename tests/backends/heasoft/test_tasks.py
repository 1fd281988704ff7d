"""What is made of the files of the tasks, and which files they get."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.backends.local.heasoft.tasks import Inputs, _matrix, exposure_map, light_curve, prepare, write_selection
from swiftxrt.exceptions import HEASoftError
from swiftxrt.mission import Mode
from swiftxrt.products.gti import GTI

OBSID = "00032459001"
INPUTS = Inputs("events", "attitude", "hk")


class _Written:
    """In place of a runner: light curves as a task would have written them."""

    def __init__(self, folder: Path, header: dict[str, float] | None = None, **rates: list[float]) -> None:
        self.folder = folder
        for name, values in rates.items():
            seen = np.isfinite(values)
            columns = {"TIME": 5.0 + 10.0 * np.arange(len(values)), "RATE": values, "ERROR": np.full(len(values), 0.1)}
            table = [
                fits.Column(name=title, format="D", array=np.array(column)[seen]) for title, column in columns.items()
            ]
            hdu = fits.BinTableHDU.from_columns(table, name="RATE")
            hdu.header.update({"TIMEZERO": 1000.0} if header is None else header)
            hdu.writeto(folder / f"{name}.lc")

    def run(self, task: str, **parameters: Any) -> str:
        return ""

    def made(self, name: str, task: str) -> Path:
        return self.folder / name


def test_background_is_scaled_corrected_and_subtracted(tmp_path: Path) -> None:
    runner = _Written(tmp_path, s=[2.0, 4.0, 0.0], b=[3.0, 3.0, 3.0], c=[3.0, 8.0, 0.0])
    rates = light_curve(runner, INPUTS, 10.0, (30, 1000), 0.1)  # type: ignore[arg-type]
    np.testing.assert_allclose(rates.met_s, [1005.0, 1015.0, 1025.0])
    # Corrections of 1.5 and 2; the empty bin takes their mean.
    np.testing.assert_allclose(rates.rate, [3.0 - 0.3 * 1.5, 8.0 - 0.3 * 2.0, -0.3 * 1.75])
    np.testing.assert_allclose(rates.err, np.hypot(0.1, 0.1 * 0.1 * np.array([1.5, 2.0, 1.75])))


def test_a_bin_that_the_source_does_not_have_is_left_out(tmp_path: Path) -> None:
    runner = _Written(tmp_path, s=[np.nan, 4.0, 2.0], b=[1.0, 2.0, 3.0], c=[np.nan, 4.0, 2.0])
    rates = light_curve(runner, INPUTS, 10.0, (30, 1000), 0.1)  # type: ignore[arg-type]
    np.testing.assert_allclose(rates.met_s, [1015.0, 1025.0])
    np.testing.assert_allclose(rates.rate, [4.0 - 0.2, 2.0 - 0.3])


@pytest.mark.parametrize("name", ["b", "c"])
@pytest.mark.parametrize("values", [[np.nan, 1.0, 1.0], [1.0, np.nan, 1.0], [1.0, 1.0, np.nan]])
def test_bins_that_do_not_match_are_an_error(tmp_path: Path, name: str, values: list[float]) -> None:
    runner = _Written(tmp_path, **{"s": [1.0] * 3, "b": [1.0] * 3, "c": [1.0] * 3, name: values})
    with pytest.raises(HEASoftError, match="whose bins do not match"):
        light_curve(runner, INPUTS, 10.0, (30, 1000), 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "first", "half"),
    [
        ({"TIMEZERO": 1000.0, "TIMEPIXR": 0.0}, 1010.0, 5.0),
        ({"TIMEZERO": 1000.0, "TIMEPIXR": 1.0}, 1000.0, 5.0),
        ({"TIMEZERO": 1000.0, "TIMEPIXR": 0.5, "TIMEDEL": 9.0}, 1005.0, 4.5),
        ({"TIMEZERO": 1000.0, "TIMEPIXR": 0.0, "TIMEDEL": 9.0}, 1009.5, 4.5),
        ({"TIMEZERI": 1000.0, "TIMEZERF": 0.25}, 1005.25, 5.0),
        ({}, 5.0, 5.0),
    ],
)
def test_times_are_those_of_the_middle(tmp_path: Path, header: dict[str, float], first: float, half: float) -> None:
    runner = _Written(tmp_path, header=header, s=[1.0, 1.0], b=[1.0, 1.0], c=[1.0, 1.0])
    rates = light_curve(runner, INPUTS, 10.0, (30, 1000), 0.1)  # type: ignore[arg-type]
    np.testing.assert_allclose(rates.met_s, [first, first + 10.0])
    np.testing.assert_allclose(rates.half_s, half)


def test_good_time_is_written_with_its_zero(tmp_path: Path) -> None:
    region: Any = SimpleNamespace(source_ds9="fk5\ncircle(1,2,3)", background_ds9="fk5\nannulus(1,2,3,4)")
    write_selection(SimpleNamespace(folder=tmp_path), region, GTI([10.0, 50.0], [20.0, 70.0]))  # type: ignore[arg-type]
    with fits.open(tmp_path / "good.gti") as hdus:
        table, header = hdus["STDGTI"].data, hdus["STDGTI"].header
        assert (table["START"].tolist(), table["STOP"].tolist()) == ([10.0, 50.0], [20.0, 70.0])
        # MET counts from 2001-01-01 00:00:00 UTC, 64.184 s later in TT.
        assert header["MJDREFI"] == 51910
        assert header["MJDREFF"] * 86400 == pytest.approx(64.184, abs=1e-9)
        assert header["TIMESYS"] == "TT"
    assert (tmp_path / "src.reg").read_text() == "fk5\ncircle(1,2,3)\n"
    assert (tmp_path / "bkg.reg").read_text() == "fk5\nannulus(1,2,3,4)\n"


@pytest.mark.parametrize(
    ("named", "told", "error"),
    [
        ("a.rmf", "", None),
        ("NONE", "Info: Processing '{folder}/a.rmf' CALDB file.", None),
        ("", "rmffile {folder}/a.rmf\n", None),
        (None, "Processing '{folder}/a.rmf'", None),
        (None, "Processing '/nowhere/b.rmf'", "named were /nowhere/b.rmf, and no such file exists"),
        (None, "", "named were none"),
    ],
)
def test_the_matrix_is_the_one_of_the_spectrum_or_the_one_told(
    tmp_path: Path, named: str | None, told: str, error: str | None
) -> None:
    (tmp_path / "a.rmf").touch()
    hdu = fits.BinTableHDU.from_columns([fits.Column("COUNTS", "J", array=np.zeros(3))])
    if named is not None:
        hdu.header["RESPFILE"] = named
    hdu.writeto(tmp_path / "s.pha")
    if error is None:
        assert _matrix(tmp_path / "s.pha", told.format(folder=tmp_path)) == tmp_path / "a.rmf"
    else:
        with pytest.raises(HEASoftError, match=error):
            _matrix(tmp_path / "s.pha", told)


@pytest.mark.parametrize(
    ("attitude", "housekeeping", "lacking"),
    [("NONE", "hk", "the attitude file of"), ("att", "NONE", "the housekeeping file of"),
     ("NONE", "NONE", "the attitude file and the housekeeping file of")],
)  # fmt: skip
def test_what_a_task_lacks_is_named(attitude: str, housekeeping: str, lacking: str) -> None:
    with pytest.raises(HEASoftError, match=f"xrtexpomap needs {lacking} the observation; download_observations"):
        exposure_map(SimpleNamespace(), Inputs("events", attitude, housekeeping))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flag", "kind"), [("100", "sat"), ("110", "pat"), ("101", "uat"), ("111", "uat"), (None, "pat")]
)
def test_the_attitude_is_that_of_the_events(tmp_path: Path, flag: str | None, kind: str) -> None:
    events = tmp_path / OBSID / "xrt" / "event" / f"sw{OBSID}xpcw3po_cl.evt"
    events.parent.mkdir(parents=True)
    (tmp_path / OBSID / "auxil").mkdir()
    for name in ("sat", "pat", "uat"):
        (tmp_path / OBSID / "auxil" / f"sw{OBSID}{name}.fits.gz").touch()
    events.touch()
    work = tmp_path / "work"
    work.mkdir()
    header = {} if flag is None else {"ATTFLAG": flag}
    given: Any = SimpleNamespace(obsid=OBSID, mode=Mode.PC, path=events, header=header)
    inputs = prepare(SimpleNamespace(folder=work), given)  # type: ignore[arg-type]
    assert inputs == Inputs(events.name, f"sw{OBSID}{kind}.fits.gz", "NONE")
    assert (work / inputs.attitude).resolve().parent == (tmp_path / OBSID / "auxil").resolve()
