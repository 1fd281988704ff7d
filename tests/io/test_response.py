"""ARF and RMF files."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.engine.calibration import EMBEDDED
from swiftxrt.exceptions import FormatError, OutputExistsError
from swiftxrt.mission import Mode
from swiftxrt.products.response import ARF, RMF

EDGES = np.array([0.1, 1 / 3, 0.5, 2.0]) * u.keV


def arf() -> ARF:
    area = np.array([1 / 3, 2.5, 7.0]) * u.cm**2
    return ARF(energy_edges=EDGES, effective_area=area, header={"OFFAXIS": 0.1 + 0.2, "NOTE": "it's"})


def rmf(first_channel: int = 0) -> RMF:
    matrix = np.array([[0.5, 0.1, 0.0, 0.2], [0.0, 0.0, 0.0, 0.0], [0.1, 0.0, 0.0, 1 / 3]])
    return RMF(
        matrix=matrix,
        energy_edges=EDGES,
        channel_edges=[0.0, 0.5, 1.0, 1.5, 2.0] * u.keV,
        first_channel=first_channel,
        header={"CCLS0001": "CPF", "DOUBLE": 1.2345678901234567e-123},
    )


@pytest.mark.parametrize("suffix", ["arf", "arf.gz"])
def test_arf_round_trip(tmp_path: Path, suffix: str) -> None:
    arf().write(tmp_path / f"x.{suffix}")
    assert ARF.read(tmp_path / f"x.{suffix}") == arf()
    with pytest.raises(OutputExistsError):
        arf().write(tmp_path / f"x.{suffix}")
    arf().write(tmp_path / f"x.{suffix}", overwrite=True)


@pytest.mark.parametrize("first_channel", [0, 1, 30])
def test_rmf_round_trip(tmp_path: Path, first_channel: int) -> None:
    rmf(first_channel).write(tmp_path / "x.rmf")
    assert RMF.read(tmp_path / "x.rmf") == rmf(first_channel)
    with fits.open(tmp_path / "x.rmf") as hdus:
        hdus.verify("exception")
        assert hdus["MATRIX"].header["TLMIN4"] == first_channel
        assert [hdu.header["HDUCLAS1"] for hdu in hdus[1:]] == ["RESPONSE", "RESPONSE"]


def test_single_precision_is_kept_where_it_is_enough(tmp_path: Path) -> None:
    rmf().write(tmp_path / "double.rmf")
    assert fits.getdata(tmp_path / "double.rmf", "MATRIX").columns["MATRIX"].format == "4D"
    single = RMF(
        matrix=rmf().matrix.astype(np.float32), energy_edges=rmf().energy_edges, channel_edges=rmf().channel_edges
    )
    single.write(tmp_path / "single.rmf")
    assert fits.getdata(tmp_path / "single.rmf", "MATRIX").columns["MATRIX"].format == "4E"
    assert RMF.read(tmp_path / "single.rmf") == single


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_zeros_are_not_written_where_there_are_many(tmp_path: Path, kind: type) -> None:
    """A matrix that is mostly zero takes less space, and is the same again."""
    matrix = np.triu(np.tril(np.random.default_rng(1).random((300, 400)).astype(kind), 20), -20)
    matrix[7] = 0.0
    edges = np.linspace(0.1, 4.0, 401) * u.keV
    full = RMF(matrix=matrix, energy_edges=edges[:301], channel_edges=edges, first_channel=3)
    full.write(tmp_path / "x.rmf")
    assert RMF.read(tmp_path / "x.rmf") == full
    assert (tmp_path / "x.rmf").stat().st_size < 0.3 * matrix.nbytes
    with fits.open(tmp_path / "x.rmf") as hdus:
        row = hdus["MATRIX"].data[30]
        assert (row["F_CHAN"], row["N_CHAN"]) == (3 + 10, 41)
        assert hdus["MATRIX"].header["NUMELT"] == sum(len(one) for one in hdus["MATRIX"].data["MATRIX"])


def grouped_rmf(path: Path, f_chan: list[list[int]], n_chan: list[list[int]], values: list[list[float]]) -> None:
    """An RMF in groups of channels, as most programs write it."""
    columns = [
        fits.Column("ENERG_LO", "E", unit="eV", array=[100.0, 200.0]),
        fits.Column("ENERG_HI", "E", unit="eV", array=[200.0, 500.0]),
        fits.Column("N_GRP", "I", array=[len([n for n in row if n]) for row in n_chan]),
        fits.Column("F_CHAN", "2I", array=f_chan),
        fits.Column("N_CHAN", "2I", array=n_chan),
        fits.Column(
            "MATRIX", "PE()", array=np.array([np.array(row, dtype=np.float32) for row in values], dtype=object)
        ),
    ]
    bounds = [
        fits.Column("CHANNEL", "I", array=[1, 2, 3, 4]),
        fits.Column("E_MIN", "E", unit="keV", array=[0.1, 0.2, 0.3, 0.4]),
        fits.Column("E_MAX", "E", unit="keV", array=[0.2, 0.3, 0.4, 0.5]),
    ]
    tables = [
        fits.BinTableHDU.from_columns(columns, name="SPECRESP MATRIX"),
        fits.BinTableHDU.from_columns(bounds, name="EBOUNDS"),
    ]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)


def test_groups_of_channels(tmp_path: Path) -> None:
    grouped_rmf(tmp_path / "x.rmf", [[1, 4], [2, 0]], [[2, 1], [2, 0]], [[0.25, 0.5, 1.0], [0.125, 2.0]])
    made = RMF.read(tmp_path / "x.rmf")
    np.testing.assert_array_equal(made.matrix, [[0.25, 0.5, 0, 1.0], [0, 0.125, 2.0, 0]])
    assert made.first_channel == 1
    np.testing.assert_allclose(made.energy_edges.value, [0.1, 0.2, 0.5])


@pytest.mark.parametrize(
    ("f_chan", "n_chan"), [([[0, 4], [2, 0]], [[2, 1], [2, 0]]), ([[1, 4], [2, 0]], [[2, 3], [2, 0]])]
)
def test_groups_outside_the_channels(tmp_path: Path, f_chan: list[list[int]], n_chan: list[list[int]]) -> None:
    grouped_rmf(tmp_path / "x.rmf", f_chan, n_chan, [[0.25, 0.5, 1.0], [0.125, 2.0]])
    with pytest.raises(FormatError, match="does not fit the 4 channels"):
        RMF.read(tmp_path / "x.rmf")


def test_one_is_not_the_other(tmp_path: Path) -> None:
    arf().write(tmp_path / "x.arf")
    rmf().write(tmp_path / "x.rmf")
    with pytest.raises(FormatError, match="not an ARF"):
        ARF.read(tmp_path / "x.rmf")
    with pytest.raises(FormatError, match="not an RMF"):
        RMF.read(tmp_path / "x.arf")
    with pytest.raises(FormatError, match="no such file"):
        RMF.read(tmp_path / "y.rmf")


def test_damaged_files(tmp_path: Path) -> None:
    rmf().write(tmp_path / "x.rmf")
    content = (tmp_path / "x.rmf").read_bytes()
    (tmp_path / "cut.rmf").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.rmf").write_text("no FITS")
    for name in ("cut.rmf", "text.rmf"):
        with pytest.raises(FormatError):
            RMF.read(tmp_path / name)


def edited(source: Path, target: Path, name: str, values: object, unit: str | None = None) -> Path:
    with fits.open(source) as hdus:
        columns = [
            fits.Column(c.name, c.format, unit=unit if c.name == name and unit else c.unit, array=hdus[1].data[c.name])
            if c.name != name or values is not None
            else None
            for c in hdus[1].columns
        ]
        table = fits.BinTableHDU.from_columns([c for c in columns if c is not None], name=hdus[1].name)
        if values is not None:
            table.data[name] = values
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(target)
    return target


def test_wrong_content(tmp_path: Path) -> None:
    arf().write(tmp_path / "x.arf")
    with pytest.raises(FormatError, match="no column SPECRESP"):
        ARF.read(edited(tmp_path / "x.arf", tmp_path / "a.arf", "SPECRESP", None))
    with pytest.raises(FormatError, match="not contiguous"):
        ARF.read(edited(tmp_path / "x.arf", tmp_path / "b.arf", "ENERG_LO", [0.1, 0.4, 0.5]))
    with pytest.raises(FormatError, match="has the unit 's'"):
        ARF.read(edited(tmp_path / "x.arf", tmp_path / "c.arf", "SPECRESP", [1, 2, 3], "s"))
    with pytest.raises(FormatError, match="increasing energies"):
        down = edited(tmp_path / "x.arf", tmp_path / "d.arf", "ENERG_LO", [3, 2, 1])
        ARF.read(edited(down, tmp_path / "e.arf", "ENERG_HI", [2, 1, 0.5]))


# Row sums of this matrix, the detection efficiency, as read by others (science notes 5.3).
EFFICIENCY = {1.0: 0.651, 2.5: 0.822, 4.0: 0.898, 7.0: 0.420, 10.0: 0.160}


def test_official_matrices(validation_data: Path, tmp_path: Path) -> None:
    official = RMF.read(validation_data / "caldb_like" / "swxpc0to12s6_20130101v014.rmf.gz")
    assert official.matrix.shape == (2400, 1024)
    assert official.matrix.dtype == np.float64
    assert official.first_channel == 0
    for energy, efficiency in EFFICIENCY.items():
        row = np.searchsorted(official.energy_edges.value, energy) - 1
        assert official.matrix[row].sum() == pytest.approx(efficiency, abs=0.002)
    official.write(tmp_path / "x.rmf")
    assert RMF.read(tmp_path / "x.rmf") == official


def test_matrix_of_another_program(validation_data: Path) -> None:
    """Groups of channels, several per energy; folded like its own matrix multiplied out by hand."""
    path = validation_data / "xrtproducts_spectra/OP313_gammapy_mwl/MJD60373/pha_obsSwift_XRT_rmf.fits"
    made = RMF.read(path)
    assert made.matrix.shape == (2400, 33)
    with fits.open(path) as hdus:
        row = hdus["MATRIX"].data[300]
        by_hand = np.zeros(33)
        used = 0
        for start, length in zip(row["F_CHAN"], row["N_CHAN"], strict=True):
            by_hand[start : start + length] = row["MATRIX"][used : used + length]
            used += length
    np.testing.assert_array_equal(made.matrix[300], by_hand)
    assert np.count_nonzero(by_hand) > 1


def test_folding_as_sherpa_does(tmp_path: Path) -> None:
    """The same counts from the same photons, with the response that comes with the package."""
    ui = pytest.importorskip("sherpa.astro.ui", reason="sherpa is not installed")
    area, matrix = EMBEDDED.arf(Mode.PC, (0, 12), 6e8), EMBEDDED.rmf(Mode.PC, (0, 12), 6e8)
    area.write(tmp_path / "x.arf")
    matrix.write(tmp_path / "x.rmf")
    photons = np.linspace(2.0, 1.0, area.effective_area.size)
    theirs = ui.unpack_rmf(str(tmp_path / "x.rmf")).apply_rmf(ui.unpack_arf(str(tmp_path / "x.arf")).apply_arf(photons))
    ours = matrix.fold(photons, area, 1 * u.s).value
    np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-9)


def test_folding_against_official_files(validation_data: Path) -> None:
    """Folding with files read from disk is the plain sum over energies, channel by channel."""
    matrix = RMF.read(validation_data / "caldb_like" / "swxpc0to12s6_20130101v014.rmf.gz")
    area = ARF.read(validation_data / "xrtproducts_spectra" / "2M02594633_00092220001_pc" / "target_sr.arf")
    photons = np.linspace(2.0, 1.0, 2400)
    folded = matrix.fold(photons, area, 3 * u.s).value
    expected = np.zeros(1024)
    for number, row in enumerate(matrix.matrix):
        expected += 3 * photons[number] * area.effective_area.value[number] * row
    np.testing.assert_allclose(folded, expected, rtol=1e-12)
