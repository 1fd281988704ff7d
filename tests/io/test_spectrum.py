"""PHA files and archives of spectra."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError
from swiftxrt.io.response import add_cards
from swiftxrt.io.spectrum import read_slice_archive, write_slice_archive
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.gti import GTI
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.response import ARF, RMF

GRID = np.linspace(0.0, 1.2, 13) * u.keV


def response() -> tuple[ARF, RMF]:
    arf = ARF(energy_edges=GRID, effective_area=np.arange(12.0) / 7 * u.cm**2)
    matrix = np.random.default_rng(1).random((12, 100))
    return arf, RMF(matrix=matrix, energy_edges=GRID, channel_edges=np.linspace(0, 1.0001, 101) * u.keV)


def make(**changes: Any) -> CountSpectrum:
    values: dict[str, Any] = {
        "counts": np.random.default_rng(2).poisson(2, 100),
        "exposure": 1121.1928962628977 * u.s,
        "mode": "PC",
        "backscale": 0.00029768835577086213,
        "areascale": 1 / 3,
        "gti": GTI([630122828.435265, 630123900.1], [630123500.123456789, 630124400.7]),
        "label": "interval0",
        "header": {
            "OBJECT": "it's a star",
            "OBS_ID": "00032646038",
            "SEG_NUM": 38,
            "RA_OBJ": 0.1 + 0.2,
            "CLOCKAPP": False,
        },
    }
    return CountSpectrum(**{**values, **changes})


def complete(**changes: Any) -> CountSpectrum:
    arf, rmf = response()
    background = make(
        counts=np.random.default_rng(3).poisson(0.4, 100), backscale=1 / 7, header={"OBJECT": "around"}, label="b"
    )
    values = {
        "background": background,
        "arf": arf,
        "rmf": rmf,
        "interval": (630122828.0, 630124400.1234567),
        "mean_event_met": 630123456.78901234,
        "source_region": 'fk5\nannulus(102.6951071126,25.0483855619,12.9652157",70.8")',
        "background_region": 'fk5\n  circle(102.7,25.05,300")\n-circle(102.7,25.05,100")',
        "provenance": Provenance(backend="local", inputs=("00032646038",), notes=("α is not ASCII; " * 20,)),
        "grades": (0, 4),
        "label": "a slice",
    }
    return make(**{**values, **changes})


SPECTRA = {
    "plain": make,
    "complete": complete,
    "grouped": lambda: complete().group(min_counts=10),
    "systematic errors": lambda: complete(systematic=np.linspace(0.0, 0.1, 100)),
    "one systematic error": lambda: make(systematic=np.full(100, 0.03)),
    "without RMF": lambda: complete(rmf=None),
    "own energies": lambda: make(energy_edges=np.sqrt(np.arange(1, 102)) * u.keV),
    "own energies beside RMF": lambda: complete(energy_edges=np.sqrt(np.arange(1, 102)) * u.keV),
    "later channels": lambda: make(channel=np.arange(30, 130)),
    "WT": lambda: make(mode="WT", gti=None),
    "region of the background only": lambda: make(background_region="circle(1,2,3)"),
    "numbers of numpy": lambda: make(interval=(np.float32(1.1), np.int64(7)), mean_event_met=np.float64(1 / 3)),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("file", ["x.pha", "x.pi.gz", "x"])
def test_round_trip_is_exact(tmp_path: Path, name: str, file: str) -> None:
    spectrum = SPECTRA[name]()
    spectrum.write(tmp_path / file)
    again = CountSpectrum.read(tmp_path / file)
    assert again == spectrum
    assert again.provenance == spectrum.provenance
    if spectrum.background is not None:
        assert again.background is not None
        assert again.background.provenance == spectrum.background.provenance


def test_companions_and_keywords(tmp_path: Path) -> None:
    complete().group(min_counts=3).write(tmp_path / "x.pha")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.arf", "x.pha", "x.rmf", "x_bkg.pha"]
    with fits.open(tmp_path / "x.pha", checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus["SPECTRUM"].header
        assert hdus["SPECTRUM"].columns.names == ["CHANNEL", "COUNTS", "QUALITY", "GROUPING"]
        assert hdus["SPECTRUM"].columns.formats == ["J", "J", "I", "I"]
        assert hdus["GTI"].header["HDUCLAS1"] == "GTI"
        assert header["BACKFILE"] == "x_bkg.pha"
        assert header["ANCRFILE"] == "x.arf"
        assert header["RESPFILE"] == "x.rmf"
    # The keywords and values of the service's files.
    expected = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "SPECTRUM",
        "HDUCLAS2": "TOTAL",
        "HDUCLAS3": "COUNT",
        "HDUVERS": "1.2.0",
        "TELESCOP": "SWIFT",
        "INSTRUME": "XRT",
        "FILTER": "NONE",
        "DATAMODE": "PHOTON",
        "CHANTYPE": "PI",
        "DETCHANS": 100,
        "TLMIN1": 0,
        "TLMAX1": 99,
        "POISSERR": True,
        "CORRSCAL": 1.0,
        "CORRFILE": "none",
        "SYS_ERR": 0,
        "STAT_ERR": 0,
        "DSTYP1": "GRADE",
        "DSVAL1": "0:4",
        "TOTCTS": int(complete().counts.sum()),
    }
    assert {key: header[key] for key in expected} == expected
    assert fits.getheader(tmp_path / "x_bkg.pha", "SPECTRUM")["HDUCLAS2"] == "BKG"
    assert fits.getheader(tmp_path / "x_bkg.pha", "SPECTRUM")["QUALITY"] == 0


def test_several_observations_are_named_in_the_history(tmp_path: Path) -> None:
    """Each time the file is written: OBS_ID has room for one."""
    made = make(provenance=Provenance(inputs=("00032646038", "00032646039", "näme")))
    for name in ("a.pha", "b.pha"):
        made.write(tmp_path / name)
        history = list(fits.getheader(tmp_path / name, "SPECTRUM")["HISTORY"])
        assert history == ["made from 00032646038", "made from 00032646039", "made from n?me"]
        made = CountSpectrum.read(tmp_path / name)
    make(provenance=Provenance(inputs=("00032646038",))).write(tmp_path / "c.pha")
    assert "HISTORY" not in fits.getheader(tmp_path / "c.pha", "SPECTRUM")


def test_nothing_is_overwritten_by_accident(tmp_path: Path) -> None:
    (tmp_path / "x.arf").write_text("precious")
    with pytest.raises(OutputExistsError, match=r"x\.arf exist"):
        complete().write(tmp_path / "x.pha")
    assert [path.name for path in tmp_path.iterdir()] == ["x.arf"]
    complete().write(tmp_path / "x.pha", overwrite=True)
    assert CountSpectrum.read(tmp_path / "x.pha") == complete()


@pytest.mark.parametrize("name", ["y.rmf", "y.txt", "y.ecsv", "y.txt.gz", "y.gz.txt"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    for spectrum in (complete(), complete().to_spectrum()):
        with pytest.raises(
            RequestError, match=r"cannot name a spectrum.*\.pha, \.pi, \.fits, \.fit, or these with \.gz"
        ):
            spectrum.write(tmp_path / name)
    assert not list(tmp_path.iterdir())


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_header_values_are_exact(number: float, text: str) -> None:
    hdu = fits.BinTableHDU()
    kept = make(header={"NUMBER": number, "TEXT": text}).header
    add_cards(hdu, dict(kept))
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    with fits.open(io.BytesIO(stream.getvalue())) as hdus:
        assert make(header=dict(hdus[1].header.items())).header == kept


def test_companions_are_found_by_name_only(tmp_path: Path) -> None:
    complete().write(tmp_path / "x.pha")
    with fits.open(tmp_path / "x.pha", mode="update") as hdus:
        hdus[1].header["BACKFILE"] = "../somewhere/else/x_bkg.pha"
        hdus[1].header["RESPFILE"] = "C:\\data\\x.rmf"
    content = (tmp_path / "x.arf").read_bytes()
    (tmp_path / "x.arf").unlink()
    (tmp_path / "x.arf.gz").write_bytes(gzip.compress(content))
    assert CountSpectrum.read(tmp_path / "x.pha") == complete()


def test_missing_companions_are_told(tmp_path: Path) -> None:
    complete().write(tmp_path / "x.pha")
    for name in ("x.arf", "x_bkg.pha"):
        (tmp_path / name).unlink()
    with pytest.warns(MetadataWarning) as caught:
        again = CountSpectrum.read(tmp_path / "x.pha")
    assert sorted(str(item.message).split("'")[1] for item in caught) == ["x.arf", "x_bkg.pha"]
    assert again == complete(arf=None, background=None)


def test_companions_by_hand(tmp_path: Path) -> None:
    make().write(tmp_path / "x.pha")
    complete().write(tmp_path / "y.pha")
    again = CountSpectrum.read(
        tmp_path / "x.pha", background=tmp_path / "y_bkg.pha", arf=tmp_path / "y.arf", rmf=tmp_path / "y.rmf"
    )
    assert (again.background, again.arf, again.rmf) == (complete().background, *response())


def rewritten(path: Path, *, drop: tuple[str, ...] = (), columns: Any = None, **keywords: Any) -> Path:
    """The file with another table and other keywords."""
    target = path.with_name("changed.pha")
    with fits.open(path) as hdus:
        header = hdus["SPECTRUM"].header.copy()
        table = hdus["SPECTRUM"].data.copy() if columns is None else fits.FITS_rec.from_columns(columns)
        for name in drop:
            del header[name]
        header.update(keywords)
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, header=header, name="SPECTRUM")]).writeto(
            target, overwrite=True
        )
    return target


@pytest.mark.filterwarnings("ignore:.*DATASUM:swiftxrt.exceptions.MetadataWarning")
def test_rates_become_counts(tmp_path: Path) -> None:
    make().write(tmp_path / "x.pha")
    rate = (make().counts / make().exposure.value).astype(np.float32)
    columns = [fits.Column("CHANNEL", "I", array=np.arange(100)), fits.Column("RATE", "E", unit="count/s", array=rate)]
    path = rewritten(tmp_path / "x.pha", columns=columns, HDUCLAS3="RATE")
    np.testing.assert_array_equal(CountSpectrum.read(path).counts, make().counts)
    columns[1] = fits.Column("RATE", "E", array=rate * 1.3)
    with pytest.raises(FormatError, match="holds no counts"):
        CountSpectrum.read(rewritten(tmp_path / "x.pha", columns=columns))


def test_flags_may_be_keywords_or_missing(tmp_path: Path) -> None:
    make().write(tmp_path / "x.pha")
    path = rewritten(tmp_path / "x.pha", drop=("QUALITY", "GROUPING", "AREASCAL", "BACKSCAL"))
    again = CountSpectrum.read(path)
    assert not again.quality.any()
    assert not again.is_grouped
    assert (again.areascale, again.backscale) == (1.0, 1.0)
    assert CountSpectrum.read(rewritten(tmp_path / "x.pha", QUALITY=5)).quality.min() == 5


@pytest.mark.filterwarnings("ignore:.*DATASUM:swiftxrt.exceptions.MetadataWarning")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"HDUCLAS1": "LIGHTCURVE"}, "HDUCLAS1 is 'LIGHTCURVE'"),
        ({"DATAMODE": "IMAGE"}, "DATAMODE 'IMAGE'"),
        ({"EXPOSURE": "long"}, "no usable EXPOSURE"),
        ({"EXPOSURE": 0.0}, "positive"),
        ({"drop": ("EXPOSURE",)}, "no usable EXPOSURE"),
        ({"drop": ("DATAMODE",)}, "DATAMODE ''"),
        ({"columns": [fits.Column("CHANNEL", "I", array=[1, 2])]}, "no column RATE"),
        ({"columns": [fits.Column("COUNTS", "I", array=[1, 2])]}, "no column CHANNEL"),
        (
            {"columns": [fits.Column(name, "I", array=[1, 2]) for name in ("CHANNEL", "BACKSCAL")]},
            "no column RATE",
        ),
        ({"columns": [fits.Column(name, "I", array=[1, 7]) for name in ("CHANNEL", "COUNTS")]}, "contiguous"),
    ],
)
def test_wrong_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    make().write(tmp_path / "x.pha")
    with pytest.raises(FormatError, match=message) as error:
        CountSpectrum.read(rewritten(tmp_path / "x.pha", **changes))
    assert error.value.path is not None


def test_files_that_are_no_spectra(tmp_path: Path) -> None:
    complete().write(tmp_path / "x.pha")
    content = (tmp_path / "x.pha").read_bytes()
    (tmp_path / "cut.pha").write_bytes(content[: 2880 * 5])
    (tmp_path / "text.pha").write_text("SIMPLE")
    for name in ("cut.pha", "text.pha", "none.pha", "x.arf"):
        with pytest.raises(FormatError):
            CountSpectrum.read(tmp_path / name)


OFFICIAL = [
    "uk_spec_grb/GRB160425A_00684098000_wt/interval0wtsource.pi",
    "uk_spec_grb/interval0pc_00255445000/interval0pc.pi",
    "uk_spec_grb/interval0pc_00255445000/interval0pcback.pi",
    "uk_spec_1ES0647/USERPROD_224850_Obs_00032646038wt_chi2_grp.pi",
    "xrtproducts_spectra/2M02594633_00092220001_pc/target_sr.pha",
    "xrtproducts_spectra/GRB110731A_00458448000_wt/xrt_bkg.pha.gz",
    "xrtproducts_spectra/GRB110731A_00458448000_wt/xrt_src.pha",
    "xrtproducts_spectra/OP313_00036384074_pc/swift_xrt_00036384074_src.pha",
]


@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.MetadataWarning")
def test_official_files_keep_everything(validation_data: Path, tmp_path: Path, name: str) -> None:
    path = validation_data / name
    spectrum = CountSpectrum.read(path)
    spectrum.write(tmp_path / "x.pha")
    again = CountSpectrum.read(tmp_path / "x.pha")
    assert again == spectrum
    with fits.open(path) as hdus, fits.open(tmp_path / "x.pha") as ours:
        official, header = hdus["SPECTRUM"], ours["SPECTRUM"].header
        for column in official.columns.names:
            np.testing.assert_array_equal(ours["SPECTRUM"].data[column], official.data[column])
        # Everything but what describes the table, the history and names of files.
        for key in ("EXPOSURE", "BACKSCAL", "AREASCAL", "TOTCTS", "DSTYP1", "DSVAL1", *spectrum.header):
            assert header[key] == official.header[key]
        assert {"TSTART", "TSTOP", "ONTIME", "DEADC", "MJDREFI", "OBJECT", "RA_OBJ"} - set(spectrum.header) <= {
            "RA_OBJ",
            "OBJECT",
        }
        # Rows of official tables that touch each other are one interval.
        good = (hdus["GTI"].data["STOP"] - hdus["GTI"].data["START"]).sum()
        assert spectrum.gti is not None
        assert spectrum.gti.exposure_s == pytest.approx(good, abs=1e-5)


# Counts and exposures (s) listed in the provenance of the files.
@pytest.mark.parametrize(
    ("name", "counts", "exposure_s", "label", "stem"),
    [
        (OFFICIAL[0], 16370, 300.37, "interval0", "interval0wt"),
        (OFFICIAL[1], 2751, 9504.67, "interval0", "interval0pc"),
        (OFFICIAL[4], 58, 4812.27, "target_sr", "target_srpc"),
        (OFFICIAL[7], 384, 2949.30, "swift_xrt_00036384074_src", "swift_xrt_00036384074_srcpc"),
    ],
)
@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.MetadataWarning")
def test_official_numbers(
    validation_data: Path, name: str, counts: int, exposure_s: float, label: str, stem: str
) -> None:
    spectrum = CountSpectrum.read(validation_data / name)
    assert spectrum.counts.sum() == counts
    assert spectrum.exposure.value == pytest.approx(exposure_s, abs=0.006)
    assert (spectrum.label, spectrum.stem) == (label, stem)


def test_official_background(validation_data: Path) -> None:
    with pytest.warns(MetadataWarning, match="swxpc0to12s6_20210101v016"):
        spectrum = CountSpectrum.read(validation_data / OFFICIAL[7])
    assert spectrum.background is not None
    assert spectrum.background.counts.sum() == 280
    # Both regions have the same exposure: the ratio is that of the BACKSCAL keywords.
    assert spectrum.background_ratio == pytest.approx(1.255e-3 / 0.086853, rel=1e-12)


def test_other_programs_read_our_files(tmp_path: Path) -> None:
    """Sherpa reads spectrum, background and response, and folds the same."""
    ui = pytest.importorskip("sherpa.astro.ui")
    complete(areascale=1.0, channel=np.arange(100)).write(tmp_path / "x.pha")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ui.clean()
        ui.load_pha(str(tmp_path / "x.pha"))
    data = ui.get_data()
    np.testing.assert_array_equal(data.counts, complete().counts)
    assert data.exposure == complete().exposure.value
    assert data.backscal == complete().backscale
    assert data.get_arf() is not None
    assert data.get_rmf() is not None
    background = complete().background
    assert background is not None
    np.testing.assert_array_equal(ui.get_bkg().counts, background.counts)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("interval0pcsource.pi", "interval0"),
        ("late_timepc.pi.gz", "late_time"),
        ("Obs_00032646039pcback.pi", "Obs_00032646039"),
        ("swift_bkg.pha", "swift"),
        ("my spectrum (1).pha", "my_spectrum__1_"),
        ("pc.pi", "pc"),
        ("x.fits", "x"),
    ],
)
def test_labels_from_names(tmp_path: Path, name: str, label: str) -> None:
    make().write(tmp_path / "y.pha")
    rewritten(tmp_path / "y.pha", drop=("XRTLABEL",)).rename(tmp_path / name)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    assert CountSpectrum.read(tmp_path / name).label == label


@pytest.mark.parametrize(
    ("label", "file", "name"),
    [
        ("interval0", "crab_2012.pha", "crab_2012 PC"),
        ("interval0", "crab_2012pc.pi.gz", "crab_2012 PC"),
        ("interval0", "interval0pc.pha", "interval0pc"),
        ("interval2", "interval2pcsource.pi", "interval2pc"),
        ("early", "crab_2012.pha", "early PC"),
    ],
)
def test_names_of_files_are_kept_apart(tmp_path: Path, label: str, file: str, name: str) -> None:
    """Else all spectra of the service would have the same name in tables and legends."""
    written = make(label=label)
    read = CountSpectrum.read(written.write(tmp_path / file))
    assert (read.name, read.stem, read.replace(label="late").name) == (name, f"{label}pc", "late PC")
    assert read == written
    assert pickle.loads(pickle.dumps(read)).name == name
    assert read.to_spectrum().counts.name == name


# Archives.


def two_modes() -> tuple[CountSpectrum, CountSpectrum]:
    return complete(mode="WT", label="late"), complete(label="late", arf=None, rmf=None, background=None)


@pytest.mark.parametrize("name", SPECTRA)
def test_archive_round_trip_is_exact(tmp_path: Path, name: str) -> None:
    spectrum = SPECTRA[name]()
    write_slice_archive([spectrum], tmp_path / "x.tar.gz")
    (again,) = read_slice_archive(tmp_path / "x.tar.gz")
    assert again == spectrum
    assert again.provenance == spectrum.provenance


def test_archive_of_two_modes(tmp_path: Path) -> None:
    path = tmp_path / "late.tar.gz"
    write_slice_archive(two_modes(), path, t0_met=630122800.5, position=SkyCoord(1.5 * u.deg, -2 * u.deg))
    assert read_slice_archive(path) == two_modes()
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    assert set(files) == {
        "README.txt", "GRB_info.txt", "late.areas",
        "latewtsource.pi", "latewtback.pi", "latewt.pi", "latewt.arf", "latewt.rmf",
        "latepcsource.pi", "latepc.pi",
    }  # fmt: skip
    assert files["GRB_info.txt"].decode().split() == ["1.5", "-2.0", "630122800.5"]
    assert "annulus(102.6951071126" in files["late.areas"].decode()
    assert "latewt, 28 -- 1600\n" in files["late.areas"].decode()
    grouped = fits.getdata(io.BytesIO(files["latepc.pi"]), "SPECTRUM")
    np.testing.assert_array_equal(grouped["GROUPING"], two_modes()[1].group(min_counts=1).grouping)
    source = fits.getheader(io.BytesIO(files["latewtsource.pi"]), "SPECTRUM")
    assert [source[key] for key in ("BACKFILE", "RESPFILE", "ANCRFILE")] == ["none"] * 3
    named = fits.getheader(io.BytesIO(files["latewt.pi"]), "SPECTRUM")
    assert [named[key] for key in ("BACKFILE", "RESPFILE", "ANCRFILE")] == ["latewtback.pi", "latewt.rmf", "latewt.arf"]


def test_archive_bytes_are_always_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_slice_archive(two_modes(), tmp_path / f"{name}.tar.gz", t0_met=1.0)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(0, 0, "")}
    with pytest.raises(OutputExistsError):
        write_slice_archive(two_modes(), tmp_path / "a.tar.gz")


@pytest.mark.parametrize("spectra", [[], [make(), make(label="b")], [make(), make()]])
def test_archive_holds_one_slice(tmp_path: Path, spectra: list[CountSpectrum]) -> None:
    with pytest.raises(RequestError, match="one spectrum per mode of one time slice"):
        write_slice_archive(spectra, tmp_path / "x.tar.gz")
    assert not list(tmp_path.iterdir())


def repacked(path: Path, target: Path, *, without: str = "", extra: Any = ()) -> Path:
    with tarfile.open(path) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            if not without or not member.name.endswith(without):
                new.addfile(member, old.extractfile(member))
        for member, content in extra:
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


def test_archive_with_parts_missing(tmp_path: Path) -> None:
    wt, _ = two_modes()
    write_slice_archive([wt], tmp_path / "x.tar.gz")
    assert read_slice_archive(repacked(tmp_path / "x.tar.gz", tmp_path / "y.tar.gz", without="wt.pi")) == (wt,)
    (grouped,) = read_slice_archive(repacked(tmp_path / "x.tar.gz", tmp_path / "z.tar.gz", without="source.pi"))
    assert grouped == wt.group(min_counts=1)
    with pytest.warns(MetadataWarning, match=r"latewt\.rmf"):
        (bare,) = read_slice_archive(repacked(tmp_path / "x.tar.gz", tmp_path / "v.tar.gz", without=".rmf"))
    assert bare == wt.replace(rmf=None, energy_edges=None)


def test_archive_members_stay_inside(tmp_path: Path) -> None:
    write_slice_archive([make()], tmp_path / "x.tar.gz")
    for name in ("../evil.pi", "/etc/evil.pi", "a/../../evil.pi"):
        path = repacked(tmp_path / "x.tar.gz", tmp_path / "evil.tar.gz", extra=[(tarfile.TarInfo(name), b"evil")])
        with pytest.raises(FormatError, match="unsafe name"):
            read_slice_archive(path)
    link = tarfile.TarInfo("interval0pcback.pi")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    path = repacked(tmp_path / "x.tar.gz", tmp_path / "link.tar.gz", extra=[(link, b"")])
    assert read_slice_archive(path) == (make(),)
    assert not list(tmp_path.glob("**/evil.pi"))


def test_archive_in_a_folder(tmp_path: Path) -> None:
    write_slice_archive([make()], tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as old, tarfile.open(tmp_path / "y.tar", "w") as new:
        new.addfile(_folder())
        for member in old:
            content = old.extractfile(member)
            member.name = f"USERPROD_1/spec/{member.name}"
            new.addfile(member, content)
    assert read_slice_archive(tmp_path / "y.tar") == (make(),)


def _folder() -> tarfile.TarInfo:
    folder = tarfile.TarInfo("USERPROD_1")
    folder.type = tarfile.DIRTYPE
    return folder


def test_broken_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_slice_archive([complete()], tmp_path / "x.tar.gz")
    content = (tmp_path / "x.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.tar.gz").write_text("nothing")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz"):
        pass
    for name in ("cut", "text", "empty", "none"):
        with pytest.raises(FormatError):
            read_slice_archive(tmp_path / f"{name}.tar.gz")
    monkeypatch.setattr("swiftxrt.io.unpacking._MAX_BYTES", 10_000)
    with pytest.raises(FormatError, match="larger than any"):
        read_slice_archive(tmp_path / "x.tar.gz")


# Numbers of the archives: provenance of the validation data and RECIPES.md, D.
@pytest.mark.parametrize(
    ("obsid", "mode", "counts", "background", "exposure_s", "backscale", "area_cm2", "region"),
    [
        ("00032646038", "WT", 3543, 229, 1121.192896262898, 0.000297688355770862, 146.1, "box(102.6971,25.00872"),
        ("00032646039", "PC", 302, 62, 432.0327580237033, 0.00272160920249963, 42.3, "annulus(102.6951071126"),
    ],
)
def test_official_archives(
    validation_data: Path,
    tmp_path: Path,
    obsid: str,
    mode: str,
    counts: int,
    background: int,
    exposure_s: float,
    backscale: float,
    area_cm2: float,
    region: str,
) -> None:
    path = validation_data / "uk_spec_1ES0647" / f"Obs_{obsid}.tar.gz"
    (spectrum,) = read_slice_archive(path)
    assert spectrum.stem == f"Obs_{obsid}{mode.lower()}"
    assert (spectrum.counts.sum(), spectrum.exposure.value, spectrum.backscale) == (counts, exposure_s, backscale)
    assert spectrum.background is not None
    assert spectrum.background.counts.sum() == background
    assert spectrum.arf is not None
    assert float(spectrum.arf.area_at(1.5 * u.keV).value) == pytest.approx(area_cm2, abs=0.06)
    assert spectrum.rmf is not None
    assert spectrum.rmf.matrix.shape == (2400, 1024)
    np.testing.assert_array_equal(spectrum.energy_edges, spectrum.rmf.channel_edges)
    assert str(spectrum.source_region).startswith(f"fk5\n{region}")
    with tarfile.open(path) as archive:
        official = fits.getdata(io.BytesIO(archive.extractfile(f"{spectrum.stem}.pi").read()), "SPECTRUM")  # type: ignore[union-attr]
    grouped = spectrum.group(min_counts=1)
    np.testing.assert_array_equal(grouped.grouping, official["GROUPING"])
    np.testing.assert_array_equal(grouped.quality, official["QUALITY"])
    write_slice_archive([spectrum], tmp_path / "x.tar.gz")
    assert read_slice_archive(tmp_path / "x.tar.gz") == (spectrum,)


def test_power_law_folds_like_xspec(validation_data: Path) -> None:
    """Observed counts against XSPEC's best fit, without the absorption below 2 keV.

    Above 2 keV the fixed column of 1.57e21 cm**-2 takes less than 2 % of the
    photons. Fit of the WT spectrum: Gamma 2.28752, norm 0.0281025.
    """
    (spectrum,) = read_slice_archive(validation_data / "uk_spec_1ES0647" / "Obs_00032646038.tar.gz")
    assert spectrum.rmf is not None
    low, high = spectrum.rmf.energy_edges.value[:-1].clip(1e-3), spectrum.rmf.energy_edges.value[1:]
    photons = 0.0281025 / 1.28752 * (low**-1.28752 - high**-1.28752)
    model = spectrum.rmf.fold(photons, spectrum.arf, spectrum.exposure).value
    inside = slice(250, 1001)
    assert spectrum.background is not None
    net = spectrum.counts[inside].sum() - spectrum.background_ratio * spectrum.background.counts[inside].sum()
    assert net == pytest.approx(model[inside].sum(), abs=2 * np.sqrt(net))


# Specutils.


def test_specutils_recognises_the_files(tmp_path: Path) -> None:
    from specutils import Spectrum, SpectrumList

    import swiftxrt.io.specutils
    from swiftxrt.products.spectrum import XRTSpectrum

    complete().write(tmp_path / "x.pha")
    spectrum = Spectrum.read(tmp_path / "x.pha")
    assert isinstance(spectrum, XRTSpectrum)
    assert spectrum.counts == complete()
    assert Spectrum.read(str(tmp_path / "x.pha"), format=swiftxrt.io.specutils.FORMAT).counts == complete()
    (listed,) = SpectrumList.read(tmp_path / "x.pha")
    assert listed.counts == complete()


def test_specutils_leaves_other_files_alone(tmp_path: Path) -> None:
    from swiftxrt.io.specutils import is_xrt_pha

    complete().write(tmp_path / "x.pha")
    (tmp_path / "text.pha").write_text("no FITS")
    assert is_xrt_pha("read", tmp_path / "x.pha")
    assert not is_xrt_pha("write", tmp_path / "x.pha")
    assert not is_xrt_pha("read", None)
    for name in ("x.arf", "x.rmf", "text.pha", "none.pha"):
        assert not is_xrt_pha("read", tmp_path / name)
    for changes in ({"TELESCOP": "CHANDRA"}, {"INSTRUME": "BAT"}, {"HDUCLAS1": "RESPONSE"}):
        assert not is_xrt_pha("read", rewritten(tmp_path / "x.pha", **changes))


def test_specutils_reads_official_files(validation_data: Path) -> None:
    from specutils import Spectrum

    import swiftxrt.io.specutils  # noqa: F401

    spectrum = Spectrum.read(validation_data / OFFICIAL[4])
    assert spectrum.counts.counts.sum() == 58
