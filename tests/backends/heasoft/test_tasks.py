"""What is made of the files of the tasks, and which files they get."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.backends.local.heasoft.tasks import Inputs, light_curve, prepare
from swiftxrt.mission import Mode

OBSID = "00032459001"
INPUTS = Inputs("events", "attitude", "hk")


class _Written:
    """In place of a runner: light curves as a task would have written them."""

    def __init__(self, folder: Path, **rates: list[float]) -> None:
        self.folder = folder
        for name, values in rates.items():
            columns = {"TIME": 5.0 + 10.0 * np.arange(len(values)), "RATE": values, "ERROR": np.full(len(values), 0.1)}
            table = [fits.Column(name=title, format="D", array=column) for title, column in columns.items()]
            hdu = fits.BinTableHDU.from_columns(table, name="RATE")
            hdu.header["TIMEZERO"] = 1000.0
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
