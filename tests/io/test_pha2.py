"""Several spectra in one PHA file (type II): what is written is read again, and so are files of others."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt import ARF, GTI, RMF, CountSpectrum, SpectrumSet
from swiftxrt.exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError

EDGES = np.linspace(0.5, 4.5, 9) * u.keV
MATRIX = RMF(
    matrix=np.eye(8, 40) * 0.5,
    energy_edges=EDGES,
    channel_edges=np.linspace(0.0, 4.0, 41) * u.keV,
    header={"NOTE": "x"},
)


def spectrum(label: str, mode: str = "PC", factor: int = 1, **more) -> CountSpectrum:
    counts = np.arange(40) * factor
    background = CountSpectrum(counts=counts // 2, exposure=100 * u.s, mode=mode, backscale=0.02, label=label)
    options = {
        "arf": ARF(energy_edges=EDGES, effective_area=np.full(8, 10.0 * factor) * u.cm**2),
        "rmf": MATRIX,
        "background": background.replace(energy_edges=MATRIX.channel_edges),
        "gti": GTI([100.0 * factor], [200.0 * factor]),
        "source_region": f'fk5\ncircle(10,20,{factor}")',
        **more,
    }
    return CountSpectrum(counts=counts, exposure=(100 + factor) * u.s, mode=mode, label=label, **options)


def several() -> SpectrumSet:
    return SpectrumSet(
        [
            spectrum("a", interval=(1.0, 2.0), header={"OBJECT": "one", "RA_OBJ": 1.25}),
            spectrum("a", "WT", 2, systematic=np.full(40, 0.03), header={"OBJECT": "one"}),
            spectrum("b", "PC", 3, background=None, arf=None, rmf=None, gti=None, mean_event_met=7.5),
        ]
    )


def test_round_trip(tmp_path: Path) -> None:
    written = several()
    written.write_pha(tmp_path / "all.pha")
    assert SpectrumSet.read_pha(tmp_path / "all.pha") == written
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["all.pha", "all_1.arf", "all_1.rmf", "all_2.arf", "all_bkg.pha"]


def test_round_trip_of_grouped_spectra(tmp_path: Path) -> None:
    grouped = SpectrumSet([one.group(min_counts=20) for one in several().count_spectra])
    grouped.write_pha(tmp_path / "all.pi.gz")
    assert SpectrumSet.read_pha(tmp_path / "all.pi.gz") == grouped


def test_times_of_each_row(tmp_path: Path) -> None:
    """What differs between the rows is a column of its own."""
    cards = [
        {"TSTART": 4.5e8 + 1 / 3, "DATE-OBS": "2015-04-05T08:00:00", "OBS_ID": "00032646038", "TIMESYS": "TT"},
        {"TSTART": 4.6e8 + 1 / 3, "DATE-OBS": "2015-07-30T01:46:40", "TIMESYS": "TT"},
    ]
    rows = SpectrumSet([spectrum(name, header=one) for name, one in zip("ab", cards, strict=True)])
    rows.write_pha(tmp_path / "a.pha")
    again = SpectrumSet.read_pha(tmp_path / "a.pha")
    assert [dict(one.header) for one in again.count_spectra] == cards


def test_table_is_of_type_two(tmp_path: Path) -> None:
    several().write_pha(tmp_path / "all.pha")
    with fits.open(tmp_path / "all.pha") as hdus:
        table = hdus["SPECTRUM"]
        assert table.header["HDUCLAS4"] == "TYPE:II"
        assert table.data["SPEC_NUM"].tolist() == [1, 2, 3]
        assert table.data["COUNTS"].shape == (3, 40)
        assert table.data["EXPOSURE"].tolist() == [101.0, 102.0, 103.0]
        assert table.header["TELESCOP"] == "SWIFT"
        assert [name.strip() for name in table.data["BACKFILE"]] == ["all_bkg.pha{1}", "all_bkg.pha{2}", "none"]
        assert [name.strip() for name in table.data["RESPFILE"]] == ["all_1.rmf", "all_1.rmf", "none"]


def test_one_spectrum_reads_by_both_ways(tmp_path: Path) -> None:
    single = spectrum("a")
    single.write(tmp_path / "one.pha")
    assert SpectrumSet.read_pha(tmp_path / "one.pha") == SpectrumSet([single])


def test_spectrum_of_a_file_of_several_is_refused(tmp_path: Path) -> None:
    several().write_pha(tmp_path / "all.pha")
    with pytest.raises(FormatError, match="SpectrumSet.read_pha"):
        CountSpectrum.read(tmp_path / "all.pha")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    several().write_pha(tmp_path / "all.pha")
    (tmp_path / "all.pha").unlink()
    with pytest.raises(OutputExistsError):
        several().write_pha(tmp_path / "all.pha")
    assert not (tmp_path / "all.pha").exists()
    several().write_pha(tmp_path / "all.pha", overwrite=True)


@pytest.mark.parametrize("name", ["all.txt", "all.pdf"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="cannot name a spectrum"):
        several().write_pha(tmp_path / name)


def test_different_channels_are_refused(tmp_path: Path) -> None:
    short = CountSpectrum(counts=[1, 2, 3], exposure=1 * u.s, mode="PC", label="short")
    with pytest.raises(RequestError, match="same channels"):
        SpectrumSet([spectrum("a"), short]).write_pha(tmp_path / "x.pha")


def foreign(tmp_path: Path, **columns: np.ndarray) -> Path:
    """A table as other programs write it: no labels, no GTI, exposure in the header."""
    shape = (2, 10)
    wanted = {"CHANNEL": np.tile(np.arange(10), (2, 1)), "COUNTS": np.arange(20).reshape(shape), **columns}
    made = [fits.Column("SPEC_NUM", "I", array=[1, 2])]
    made += [
        fits.Column(name, f"{value.shape[1]}J" if value.ndim == 2 else "12A", array=value)
        for name, value in wanted.items()
    ]
    table = fits.BinTableHDU.from_columns(made, name="SPECTRUM")
    table.header.update(TELESCOP="SWIFT", INSTRUME="XRT", DATAMODE="PHOTON", EXPOSURE=50.0, BACKSCAL=0.1, QUALITY=0)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "foreign.pha")
    return tmp_path / "foreign.pha"


def test_files_of_others(tmp_path: Path) -> None:
    read = SpectrumSet.read_pha(foreign(tmp_path))
    assert [one.label for one in read.count_spectra] == ["foreign_1", "foreign_2"]
    assert read.count_spectra[1].counts.tolist() == list(range(10, 20))
    assert read.count_spectra[1].exposure == 50 * u.s


@pytest.mark.parametrize(
    ("keyword", "value", "field"),
    [("QUALITY", 5, "quality"), ("GROUPING", 1, "grouping"), ("SYS_ERR", 0.03, "systematic")],
)
def test_flags_that_stand_in_the_header_are_those_of_all_channels(
    tmp_path: Path, keyword: str, value: float, field: str
) -> None:
    path = foreign(tmp_path)
    fits.setval(path, keyword, value=value, extname="SPECTRUM")
    for one in SpectrumSet.read_pha(path).count_spectra:
        assert getattr(one, field).tolist() == [value] * 10


@pytest.mark.parametrize("row", [0, 3, -1])
def test_rows_are_counted_from_one(tmp_path: Path, row: int) -> None:
    path = foreign(tmp_path)
    assert CountSpectrum.read(path, row=1).counts.tolist() == list(range(10))
    with pytest.raises(FormatError, match=f"has 2 spectra, in rows from 1; there is no row {row}"):
        CountSpectrum.read(path, row=row)


def test_missing_companions_are_told(tmp_path: Path) -> None:
    with pytest.warns(MetadataWarning, match="BACKFILE"):
        read = SpectrumSet.read_pha(foreign(tmp_path, BACKFILE=np.array(["gone.pha", "none"])))
    assert read.count_spectra[0].background is None


def test_row_that_is_not_there(tmp_path: Path) -> None:
    spectrum("a").background.write(tmp_path / "b.pha")
    with pytest.raises(FormatError, match="row 5"):
        SpectrumSet.read_pha(foreign(tmp_path, BACKFILE=np.array(["b.pha{5}", "none"])))


def test_official_spectra(validation_data: Path, tmp_path: Path) -> None:
    """Spectra of the service and of xrtproducts in one table are the same again."""
    paths = ["2M02594633_00092220001_pc/target_sr.pha", "GRB110731A_00458448000_wt/xrt_src.pha"]
    with pytest.warns(MetadataWarning):
        read = [CountSpectrum.read(validation_data / "xrtproducts_spectra" / path) for path in paths]
    written = SpectrumSet(read)
    written.write_pha(tmp_path / "official.pha")
    assert SpectrumSet.read_pha(tmp_path / "official.pha") == written
