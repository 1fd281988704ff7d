"""Every QDP file of the service there is, against a count of its lines that knows nothing of QDP.

94 files: the light curves of 13 bursts (45 files), 16 curves in flux, 8
others, and the product archive of AT2018cow (19 and 6 of the same form with
the ending ``.dat``, one of them empty). Sources are in the provenance of the data.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import FormatError
from swiftxrt.io.qdp import read_qdp, read_qdp_set
from swiftxrt.products.lightcurve import LightCurve, LightCurveSet
from swiftxrt.wire.lightcurve import decode, encode

FOLDERS = {
    "grb_lightcurves/swift_xrt_curves": 45,
    "grb_lightcurves/flux_qdp": 16,
    "other_curves": 8,
    "uklc_AT2018cow": 19,
}
NAMES = ("Time", "T_+ve", "T_-ve", "Rate", "Ratepos", "Rateneg")

#: Files that are no count-rate curves as they stand: pattern of the path, and what the error says.
EXCEPTIONS = {
    r"flux_qdp/.*_flux\.qdp": r"Flux.* is no count-rate curve|have no names, so rates cannot be told from fluxes",
    r"flux_qdp/.*_lc\.qdp": "have no names, so rates cannot be told from fluxes",
    r"other_curves/AT2018cow/curve_nosys\.qdp": "have no names",
    r"other_curves/AT2022tsd/AT2022tsd_XRT_binned\.qdp": "have no names",
    r"other_curves/AT2022tsd/AT2022tsd_XRT_binned_luminosity\.qdp": "is no count-rate curve",
    r"other_curves/ava_MIT/Novae_\w+_fluxlc\.qdp": "have no names",
    r"other_curves/ava_MIT/ULXs_M51_ULX7_lc_AVA\.qdp": "tell a mode the file does not name with table='PC'",
    r"uklc_AT2018cow/(PC|PCNOSYS|PLOTPCUL)\.qdp": "have no names",
    r"uklc_AT2018cow/(curve2?|hardrat)_.*plot.*\.qdp": "is a drawing",
    r"uklc_AT2018cow/(curve2?|hardrat)_plot\.qdp": "is a drawing",
    r"uklc_AT2018cow/(curve_plain|table_to_plot)\.dat": "tell a mode the file does not name with table='PC'",
}


def files(data: Path) -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((data / folder).rglob("*.qdp"))]
    return found + [path for path in sorted((data / "uklc_AT2018cow").glob("*.dat")) if path.stat().st_size]


def count_rows(path: Path) -> int:
    """Lines that begin with a digit."""
    return sum(line.lstrip()[:1].isdigit() for line in path.read_text(encoding="utf-8").splitlines())


def count_tables(path: Path) -> int:
    """Runs of such lines, whatever is between them."""
    marks = "".join("1" if line.lstrip()[:1].isdigit() else "0" for line in path.read_text("utf-8").splitlines())
    return len(re.findall("1+", marks))


def exception(path: Path) -> str:
    return next((words for pattern, words in EXCEPTIONS.items() if re.search(pattern + "$", path.as_posix())), "")


def test_none_is_missing(validation_data: Path) -> None:
    numbers = {folder: len(list((validation_data / folder).rglob("*.qdp"))) for folder in FOLDERS}
    assert numbers == FOLDERS
    assert len(files(validation_data)) == 94


def test_every_row_of_every_table(validation_data: Path) -> None:
    for path in files(validation_data):
        sections = read_qdp(path)
        assert sum(len(section.rows) for section in sections) == count_rows(path), path
        assert len(sections) == count_tables(path), path


def test_first_numbers_of_every_row(validation_data: Path) -> None:
    """The first three columns as they stand in the text."""
    for path in files(validation_data):
        lines = [line.split()[:3] for line in path.read_text("utf-8").splitlines() if line.lstrip()[:1].isdigit()]
        rows = np.concatenate([section.rows[:, :3] for section in read_qdp(path)])
        assert np.array_equal(rows, np.array(lines, dtype=float)), path


def test_every_curve_of_count_rates(validation_data: Path) -> None:
    read = 0
    for path in files(validation_data):
        if exception(path):
            continue
        read += 1
        curves = read_qdp_set(path)
        bins = [len(curve) for curve in curves.values()]
        once = path.name.startswith("PCHR")  # Bands and ratio in one row.
        assert sum(bins) == count_rows(path) * (3 if once else 1), path
        if len(curves.total):
            one = LightCurve.read(path, format="ukssdc.qdp")
            assert one.equals(curves.total)
            assert one.t0_met is not None
    assert read == 60


def test_every_exception_says_why(validation_data: Path) -> None:
    refused = [path for path in files(validation_data) if exception(path)]
    assert len(refused) == 34
    for path in refused:
        with pytest.raises(FormatError, match=exception(path)):
            read_qdp_set(path)


@pytest.mark.parametrize(
    ("name", "options", "n_bins", "n_limits"),
    [
        ("other_curves/AT2018cow/curve_nosys.qdp", {"table": "PC", "columns": NAMES, "t0_met": 551097137.0}, 68, 0),
        ("other_curves/AT2022tsd/AT2022tsd_XRT_binned.qdp", {"table": "PC", "columns": NAMES, "t0_met": 6.8e8}, 7, 0),
        ("other_curves/AT2022tsd/AT2022tsd_XRT_binned.qdp", {"table": "PCUL", "columns": NAMES, "t0_met": 6.8e8}, 1, 1),
        ("other_curves/ava_MIT/ULXs_M51_ULX7_lc_AVA.qdp", {"table": "PC", "t0_met": 1.7e8}, 145, 0),
        ("uklc_AT2018cow/PCNOSYS.qdp", {"table": "PC", "columns": NAMES}, 264, 0),
        ("uklc_AT2018cow/PCNOSYS.qdp", {"columns": NAMES}, 269, 5),
        ("uklc_AT2018cow/curve_plain.dat", {"table": "PC"}, 264, 0),
        ("uklc_AT2018cow/table_to_plot.dat", {"table": "PC"}, 49, 0),
    ],
)
def test_some_exceptions_with_what_they_do_not_say(
    validation_data: Path, name: str, options: dict, n_bins: int, n_limits: int
) -> None:
    curve = LightCurve.read(validation_data / name, format="ukssdc.qdp", **options)
    assert (len(curve), len(curve.upper_limits)) == (n_bins, n_limits)
    text = (validation_data / name).read_text("utf-8")
    assert (curve["obsid"] != "").all() == ("::ObsID=" in text)


def test_dates_agree_with_seconds(validation_data: Path) -> None:
    """The first observation of AT2018cow as a date and in seconds since T0, by different processings."""
    folder = validation_data / "uklc_AT2018cow"
    dates = LightCurve.read(folder / "table_to_plot.dat", format="ukssdc.qdp", table="PC")
    seconds = LightCurve.read(folder / "PCCURVE.qdp")
    assert dates.t0_met == seconds.t0_met == 551097137.0
    starts = [(curve.met - curve["time_err_neg"]).min() for curve in (dates, seconds)]
    assert abs(starts[0] - starts[1]) < 1 * u.s


def test_nothing_changes_without_systematics_in_photon_counting(validation_data: Path) -> None:
    folder = validation_data / "uklc_AT2018cow"
    for one, other in (("PCHR", "PCHRNOSYS"), ("curve", "curve_nosys"), ("hardrat", "hardrat_nosys")):
        first, second = (read_qdp_set(folder / f"{name}.qdp") for name in (one, other))
        assert first.first_difference(second) == ""
    assert LightCurveSet.read(folder).variants == {}


def test_saved_frames_of_the_client(validation_data: Path) -> None:
    """25 curves saved by swifttools as JSON: what is decoded and encoded again has the same numbers."""
    folder = validation_data / "grb_lightcurves" / "json_incbad"
    paths = sorted(folder.rglob("*.json"))
    assert len(paths) == 25
    for path in paths:
        frame = json.loads(path.read_text(encoding="utf-8"))
        rows = [list(row) for row in zip(*(column.values() for column in frame.values()), strict=True)]
        name = path.parent.name  # PC_incbad or WT_incbad
        reply = {
            "Datasets": [name],
            f"{name}Data": {"columns": list(frame), "data": rows},
            "T0": 2e8,
            "Binning": "Counts",
        }
        sent = encode(decode(reply), urls={}, incbad="yes")
        assert sent["Datasets"] == [name]
        table = sent[f"{name}Data"]
        # Systematic factors of WT mode are in the errors; they come back with the variant without them only.
        assert table["columns"] == [column for column in frame if not column.startswith("SYS_")]
        ours, theirs = (np.array(data, dtype=float)[:, :15] for data in (table["data"], rows))
        order = np.argsort(theirs[:, 0], kind="stable")
        assert np.array_equal(ours, theirs[order], equal_nan=True), path
