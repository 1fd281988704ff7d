"""Spectra of other missions: read, grouped, written and read again."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.exceptions import FormatError, MetadataWarning, RequestError
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.response import ARF, RMF
from swiftxrt.products.spectrumset import SpectrumSet
from tests import ogip_files as make

MISSIONS = {
    "isgri": {"extension": "Crab", "rmf": "rmf.fits", "arf": "arf.fits"},
    "nustar": {},
    "nicer": {},
    "epic": {},
    "acis": {},
    "gbm": {"row": 2, "rmf": "gbm.rsp2"},
}


def read(mission: str, folder: Path, **more: Any) -> CountSpectrum:
    path = getattr(make, mission)(folder)
    options = {key: folder / value if key in ("arf", "rmf") else value for key, value in MISSIONS[mission].items()}
    return CountSpectrum.read(path, **{**options, **more})


@pytest.mark.parametrize("mission", MISSIONS)
def test_written_spectra_are_read_as_they_were(mission: str, tmp_path: Path) -> None:
    spectrum = read(mission, tmp_path).with_systematic(0.01)
    again = CountSpectrum.read(spectrum.write(tmp_path / "again.pha"))
    assert again.replace(label=spectrum.label) == spectrum
    header = fits.getheader(tmp_path / "again.pha", "SPECTRUM")
    assert (header["TELESCOP"], header["INSTRUME"]) == (spectrum.telescope, spectrum.instrument)
    assert "DATAMODE" not in header
    assert header["SYS_ERR"] == 0.01


def test_isgri_rates_are_no_counts(tmp_path: Path) -> None:
    spectrum = read("isgri", tmp_path)
    assert not spectrum.has_poisson_counts
    assert repr(spectrum).startswith("<CountSpectrum Crab (INTEGRAL IBIS): ")
    assert (spectrum.mode, spectrum.stem) == (None, "Crab")
    assert spectrum.exposure == make.CRAB_EXPOSURE_S * u.s
    np.testing.assert_allclose(spectrum.energy_edges.value[[0, -1]], make.CRAB_CHANNELS)
    with fits.open(tmp_path / "isgri.fits") as hdus:
        np.testing.assert_allclose(spectrum.counts, hdus[1].data["RATE"] * make.CRAB_EXPOSURE_S)
        np.testing.assert_allclose(spectrum.counts_err, hdus[1].data["STAT_ERR"] * make.CRAB_EXPOSURE_S)
    assert spectrum.rmf is not None
    np.testing.assert_allclose(spectrum.rmf.energy_edges.value[[0, -1]], make.ISGRI_ENERGIES)
    written = fits.getdata(spectrum.write(tmp_path / "x.pha"), "SPECTRUM")
    assert written["RATE"].dtype == ">f4"
    assert fits.getval(tmp_path / "x.pha", "POISSERR", "SPECTRUM") is False


def test_rates_are_grouped_by_signal_to_noise(tmp_path: Path) -> None:
    spectrum = read("isgri", tmp_path)
    with pytest.raises(RequestError, match="signal_to_noise"):
        spectrum.group(min_counts=20)
    grouped = spectrum.group(signal_to_noise=10, band="20-200 keV").grouped()
    good = grouped.quality == 0
    assert np.all(grouped.net_counts[good] >= 10 * grouped.net_counts_err[good])
    assert grouped.energy_edges.value[:-1][good].min() >= 20
    rate = spectrum.group(signal_to_noise=10).to_spectrum(unit="ct / s")
    assert rate.uncertainty.array[0] == pytest.approx(
        grouped_error(spectrum.group(signal_to_noise=10)) / make.CRAB_EXPOSURE_S
    )
    assert spectrum.group(optimal=True).is_grouped


def grouped_error(spectrum: CountSpectrum) -> float:
    bins = spectrum.grouped()
    return float(bins.net_counts_err[np.flatnonzero(bins.quality == 0)[0]])


def test_several_spectra_in_tables_of_their_own(tmp_path: Path) -> None:
    path = make.isgri(tmp_path)
    with pytest.raises(FormatError, match=r"1 \(Crab\), 2 \(1A 0535\+262\), 3 \(Background\)"):
        CountSpectrum.read(path)
    with pytest.raises(FormatError, match="has not one spectrum 'Cyg X-1'"):
        CountSpectrum.read(path, extension="Cyg X-1")
    assert CountSpectrum.read(path, extension=2).label == "1A_0535+262"
    spectra = SpectrumSet.read_pha(path)
    assert next(iter(spectra.missing)).startswith("Crab/")
    assert [one.label for one in spectra.count_spectra] == ["Crab", "1A_0535+262", "Background"]
    spectra.write_pha(tmp_path / "rows.pha")
    again = SpectrumSet.read_pha(tmp_path / "rows.pha")
    assert again.count_spectra == spectra.count_spectra


def test_channels_and_energies_without_response(tmp_path: Path) -> None:
    spectrum = CountSpectrum.read(make.isgri(tmp_path), extension="Crab")
    assert not spectrum.has_energies
    assert "of unknown energies" in repr(spectrum)
    for call in (spectrum.to_spectrum, lambda: spectrum.group(signal_to_noise=3, band="20-100 keV")):
        with pytest.raises(RequestError, match="RMF"):
            call()
    complete = spectrum.with_response(rmf=tmp_path / "rmf.fits", arf=ARF.read(tmp_path / "arf.fits"))
    assert complete.to_spectrum().unit == u.ct / (u.s * u.keV)


def test_nustar(tmp_path: Path) -> None:
    spectrum = read("nustar", tmp_path)
    assert (spectrum.telescope, spectrum.channel[0], spectrum.channel[-1]) == ("NUSTAR", 0, 4095)
    assert spectrum.background_ratio == pytest.approx(0.25)
    np.testing.assert_allclose(spectrum.energy_edges.value[[0, -1]], [1.6, 165.44], rtol=1e-6)
    grouped = spectrum.group(min_counts=20, band="3-79 keV")
    good = grouped.quality == 0
    # Channels 35 to 1934 are those wholly between 3 and 79 keV.
    assert grouped.channel[good].min() == 35
    assert grouped.channel[good].max() <= 1934
    assert spectrum.group(min_counts=1).quality[0] == 0  # The XRT's lowest channels are bad; those of others are not.


def test_nicer(tmp_path: Path) -> None:
    spectrum = read("nicer", tmp_path)
    assert spectrum.has_poisson_counts
    assert spectrum.channel[-1] == 1500
    np.testing.assert_allclose(spectrum.systematic, 0.015, rtol=1e-6)
    assert spectrum.arf is not None
    assert spectrum.rmf is not None
    assert not spectrum.rmf.includes_area
    assert spectrum.net_rate.value == pytest.approx(spectrum.counts.sum() / 845.0)


def test_epic(tmp_path: Path) -> None:
    spectrum = read("epic", tmp_path)
    assert spectrum.background_ratio == pytest.approx(0.2)
    assert spectrum.filter_name == "Thin1"
    assert spectrum.rmf is not None
    row = spectrum.rmf.matrix[50]
    np.testing.assert_array_equal(np.flatnonzero(row), [10, 11, 2020])
    np.testing.assert_allclose(row[[10, 11, 2020]], [0.1, 0.2, 0.6], rtol=1e-6)
    np.testing.assert_array_equal(np.flatnonzero(spectrum.rmf.matrix[3]), [140])


def test_acis(tmp_path: Path) -> None:
    spectrum = read("acis", tmp_path)
    assert spectrum.has_poisson_counts
    assert spectrum.channel[0] == 1
    assert spectrum.background is not None
    assert spectrum.background_ratio == pytest.approx(0.13492064388809602)
    assert spectrum.background.counts.sum() < spectrum.counts.sum()
    assert spectrum.gti is not None
    # MJD 50814.0 is the zero of Chandra's clock, 51910.00074287037 (TT) of Swift's.
    assert spectrum.gti.start[0] == pytest.approx(100 - (51910.00074287037 - 50814.0) * 86400, abs=1e-3)
    assert spectrum.rmf is not None
    assert np.flatnonzero(spectrum.rmf.matrix[0]).tolist() == [0]
    with fits.open(tmp_path / "acis.pi", mode="update") as hdus:
        del hdus["GTI"].header["MJDREF"]
    assert CountSpectrum.read(tmp_path / "acis.pi").gti is None  # Nobody knows what clock it is.


def test_gbm(tmp_path: Path) -> None:
    spectrum = read("gbm", tmp_path)
    assert (spectrum.label, spectrum.channel[0], spectrum.channel_type) == ("gbm_2", 0, "PHA")
    assert spectrum.exposure.value == pytest.approx(4.08, rel=1e-6)
    assert spectrum.rmf is not None
    assert spectrum.rmf.includes_area
    assert np.flatnonzero(spectrum.rmf.matrix[0]).tolist() == [0]
    with pytest.raises(FormatError, match="choose one with row=1"):
        CountSpectrum.read(tmp_path / "gbm.pha")
    with pytest.raises(FormatError, match="there is no row 4"):
        CountSpectrum.read(tmp_path / "gbm.pha", row=4)
    alone = CountSpectrum.read(tmp_path / "gbm.pha", row=3)
    assert alone.has_energies  # From the table EBOUNDS in the same file.
    assert alone.quality.min() == 1
    assert len(SpectrumSet.read_pha(tmp_path / "gbm.pha")) == 3


@pytest.mark.parametrize(("counted_from", "declared"), [(0, 0), (1, 1), (1, None), (0, None), (0, 1)])
def test_where_f_chan_counts_from(counted_from: int, declared: int | None, tmp_path: Path) -> None:
    """From TLMIN, else from 1; from the first channel if that cannot be."""
    cards = {} if declared is None else {"TLMIN4": declared}
    rows = make.diagonal(32, 64, counted_from)
    path = make.save(
        tmp_path / "x.rmf", make.ebounds(0, np.arange(65) + 1.0), make.matrix(np.arange(1, 34), rows, **cards)
    )
    matrix = RMF.read(path).matrix
    assert matrix.argmax(axis=1).tolist() == list(range(0, 64, 2))


def test_matrix_by_number(tmp_path: Path) -> None:
    """``RESPFILE`` may choose one of several matrices in a file."""
    make.gbm(tmp_path)
    for named, area in (("gbm.rsp2", 70.0), ("gbm.rsp2{2}", 90.0)):
        columns = {"CHANNEL": ("I", np.arange(128)), "COUNTS": ("J", np.arange(128))}
        path = make.save(tmp_path / "one.pha", make.spectrum(columns, EXPOSURE=1.0, RESPFILE=named, TELESCOP="GLAST"))
        rmf = CountSpectrum.read(path).rmf
        assert rmf is not None
        assert rmf.matrix.max() == pytest.approx(area)
    path = make.save(tmp_path / "one.pha", make.spectrum(columns, EXPOSURE=1.0, RESPFILE="gbm.rsp2{3}"))
    with pytest.raises(FormatError, match="holds 2 matrices"):
        CountSpectrum.read(path)


def test_channels_that_are_counted_from_another_number(tmp_path: Path) -> None:
    make.gbm(tmp_path)
    columns = {"CHANNEL": ("I", np.arange(1, 129)), "COUNTS": ("J", np.arange(128))}
    back = {"CHANNEL": ("I", np.arange(128)), "RATE": ("D", np.full(128, 0.3)), "STAT_ERR": ("D", np.full(128, 0.02))}
    make.save(tmp_path / "back.pha", make.spectrum(back, EXPOSURE=20.0, HDUCLAS2="BKG", POISSERR=False))
    links = {"RESPFILE": "gbm.rsp2", "BACKFILE": "back.pha"}
    path = make.save(tmp_path / "one.pha", make.spectrum(columns, EXPOSURE=10.0, TELESCOP="GLAST", **links))
    with pytest.warns(MetadataWarning, match="taken in their order"):
        spectrum = CountSpectrum.read(path)
    assert spectrum.rmf is not None
    assert spectrum.background is not None
    assert spectrum.rmf.first_channel == spectrum.background.channel[0] == 1
    assert not spectrum.background.has_poisson_counts
    np.testing.assert_allclose(spectrum.background_ratio * spectrum.background.counts, 3.0)
    variance = spectrum.grouped().net_counts_err ** 2 - np.maximum(spectrum.counts, 1)
    np.testing.assert_allclose(variance, 0.2**2, rtol=1e-6)


def test_ebounds_without_numbers(tmp_path: Path) -> None:
    make.acis(tmp_path)
    with fits.open(tmp_path / "acis.rmf") as hdus:
        hdus["EBOUNDS"].data["CHANNEL"][:] = 0
        hdus.writeto(tmp_path / "zeros.rmf")
    with pytest.warns(MetadataWarning, match="taken as 1 and up"):
        rmf = RMF.read(tmp_path / "zeros.rmf")
    assert rmf == RMF.read(tmp_path / "acis.rmf")


def test_scaling_factors_for_each_channel(tmp_path: Path) -> None:
    """As in spectra of gratings: AREASCAL and BACKSCAL are columns, zero where a channel is not used."""
    n = 8
    columns = {
        "CHANNEL": ("I", np.arange(n)),
        "COUNTS": ("J", np.full(n, 40)),
        "AREASCAL": ("E", np.where(np.arange(n) < 4, 1.0, 0.5)),
        "BACKSCAL": ("E", np.where(np.arange(n) == 7, 0.0, 0.25)),
        "QUALITY": ("I", np.where(np.arange(n) == 7, 1, 0)),
    }
    back = {**columns, "COUNTS": ("J", np.full(n, 16)), "BACKSCAL": ("E", np.where(np.arange(n) == 7, 0.0, 1.0))}
    for name, content in (("b.pha", back), ("s.pha", columns)):
        cards = {"EXPOSURE": 100.0, "BACKFILE": "b.pha", "POISSERR": True, "TELESCOP": "XMM", "INSTRUME": "RGS1"}
        made = make.spectrum(content, **cards)
        del made.header["AREASCAL"], made.header["BACKSCAL"]
        made.header["BACKFILE"] = "b.pha" if name == "s.pha" else "none"
        make.save(tmp_path / name, made, make.ebounds(0, np.arange(n + 1) / 4 + 0.5))
    spectrum = CountSpectrum.read(tmp_path / "s.pha")
    np.testing.assert_allclose(spectrum.background_ratio, [0.25] * 7 + [0.0])
    rates = spectrum.to_spectrum(unit="ct / s").flux.value
    np.testing.assert_allclose(rates, [0.36] * 4 + [0.72] * 3)
    assert spectrum.net_rate.value == pytest.approx(4 * 0.36 + 3 * 0.72)
    joined = spectrum.replace(grouping=[1, -1, -1, -1, 1, -1, -1, 1]).grouped()
    np.testing.assert_allclose(joined.net_counts[:2], [144.0, 108.0])
    np.testing.assert_allclose(joined.net_counts_err[:2] ** 2, [160 + 4, 120 + 3])
    assert spectrum.write(tmp_path / "w.pha").exists()
    assert CountSpectrum.read(tmp_path / "w.pha").replace(label="s") == spectrum
    SpectrumSet([spectrum]).write_pha(tmp_path / "rows.pha")
    assert SpectrumSet.read_pha(tmp_path / "rows.pha").count_spectra == (spectrum,)


def test_what_counts_as_counted(tmp_path: Path) -> None:
    """Whole numbers are counts, unless the file gives errors that are not those of counts."""
    counts = np.array([0, 4, 9, 100])
    cases = [
        ({"COUNTS": counts, "STAT_ERR": np.sqrt(counts)}, False, True),
        ({"COUNTS": counts, "STAT_ERR": 1 + np.sqrt(counts + 0.75)}, False, True),
        ({"COUNTS": counts, "STAT_ERR": np.full(4, 5.0)}, False, False),
        ({"COUNTS": counts, "STAT_ERR": np.full(4, 5.0)}, True, True),
        ({"RATE": counts / 50.0, "STAT_ERR": np.sqrt(counts) / 50}, None, True),
        ({"RATE": counts / 5e6, "STAT_ERR": np.full(4, 1e-7)}, False, False),
        ({"COUNTS": counts + 0.3}, True, False),
    ]
    for columns, poisson, is_counted in cases:
        content = {"CHANNEL": ("I", np.arange(4)), **{name: ("D", values) for name, values in columns.items()}}
        cards = {"EXPOSURE": 50.0, "TELESCOP": "ROSAT", "INSTRUME": "PSPCC"}
        table = make.spectrum(content, **cards, **({} if poisson is None else {"POISSERR": poisson}))
        spectrum = CountSpectrum.read(make.save(tmp_path / "x.pha", table))
        assert spectrum.has_poisson_counts is is_counted, (columns, poisson)
    np.testing.assert_allclose(spectrum.counts_err, np.sqrt(counts + 0.3))
    table = make.spectrum({"CHANNEL": ("I", np.arange(4)), "RATE": ("D", counts + 0.123)}, EXPOSURE=1.0)
    with pytest.raises(FormatError, match="no column STAT_ERR"):
        CountSpectrum.read(make.save(tmp_path / "x.pha", table))


def test_spectra_of_one_name_are_numbered(tmp_path: Path) -> None:
    columns = {"CHANNEL": ("I", [0, 1, 2]), "COUNTS": ("J", [4, 5, 6])}
    tables = [make.spectrum(columns, EXPOSURE=1.0, NAME=name) for name in ("Crab", "Vela X-1", "Crab", "")]
    read = SpectrumSet.read_pha(make.save(tmp_path / "x.pha", *tables)).count_spectra
    assert [one.label for one in read] == ["Crab", "Vela_X-1", "Crab_3", "spectrum_4"]


@pytest.mark.parametrize("name", ["GTI", "STDGTI"])
def test_good_times_of_either_name(tmp_path: Path, name: str) -> None:
    table = make.spectrum({"CHANNEL": ("I", [0, 1]), "COUNTS": ("J", [4, 5])}, EXPOSURE=30.0, TELESCOP="SWIFT")
    times = [fits.Column(key, "D", unit="s", array=[value]) for key, value in (("START", 10.0), ("STOP", 40.0))]
    gti = CountSpectrum.read(make.save(tmp_path / "x.pha", table, fits.BinTableHDU.from_columns(times, name=name))).gti
    assert (gti.start[0], gti.stop[0]) == (10.0, 40.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"COUNTS": ("4A", ["a", "b", "c"])}, "column COUNTS .* does not hold one number"),
        ({"COUNTS": ("PJ()", np.array([[1], [2, 3], [4]], dtype=object))}, "column COUNTS .* does not hold one number"),
        ({"CHANNEL": ("D", [np.nan, 1, 2])}, "whole numbers"),
        ({"CHANNEL": ("I", [0, 1, 3])}, "contiguous"),
        ({"QUALITY": ("4A", ["a", "b", "c"])}, "column QUALITY"),
    ],
)
def test_columns_without_numbers(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    columns = {"CHANNEL": ("I", [0, 1, 2]), "COUNTS": ("J", [4, 5, 6]), **changes}
    made = [fits.Column(name, kind, array=values) for name, (kind, values) in columns.items()]
    cards = {"HDUCLAS1": "SPECTRUM", "TELESCOP": "ROSAT", "EXPOSURE": 10.0}
    path = make.save(tmp_path / "x.pha", make.table("SPECTRUM", made, **cards))
    with pytest.raises(FormatError, match=message):
        CountSpectrum.read(path)


def test_exposure_of_counts_and_of_rates(tmp_path: Path) -> None:
    counted, rates = read("nicer", tmp_path), read("isgri", tmp_path)
    np.testing.assert_array_equal(counted.with_exposure(2 * u.ks).counts, counted.counts)
    longer = rates.with_exposure(2 * rates.exposure)
    np.testing.assert_allclose(longer.counts / longer.exposure, rates.counts / rates.exposure)
    np.testing.assert_allclose(longer.counts_err / longer.exposure, rates.counts_err / rates.exposure)
    with pytest.raises(RequestError, match="exposure"):
        rates.with_exposure(100)


def test_names_for_the_header(tmp_path: Path) -> None:
    spectrum = read("isgri", tmp_path)
    spectrum.write(tmp_path / "x.pha", respfile="rmf.fits", ancrfile="arf.fits")
    assert not (tmp_path / "x.rmf").exists()
    header = fits.getheader(tmp_path / "x.pha", "SPECTRUM")
    assert (header["RESPFILE"], header["ANCRFILE"], header["BACKFILE"]) == ("rmf.fits", "arf.fits", "none")
    assert CountSpectrum.read(tmp_path / "x.pha").rmf == spectrum.rmf
    for wrong in ("x" * 69, "näme", 7):
        with pytest.raises(RequestError, match="respfile"):
            spectrum.write(tmp_path / "y.pha", respfile=wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "y.pha").exists()


@pytest.mark.parametrize(("name", "ratio"), [("nuA01_bk.pha", 5e-4), ("nuA01_sr.pha", 500.0)])
def test_background_that_cannot_be_scaled_for_sure(tmp_path: Path, name: str, ratio: float) -> None:
    make.nustar(tmp_path)
    with fits.open(tmp_path / name, mode="update") as hdus:
        del hdus["SPECTRUM"].header["BACKSCAL"]
    with pytest.warns(MetadataWarning, match=f"{name}.*BACKSCAL"):
        spectrum = CountSpectrum.read(tmp_path / "nuA01_sr.pha")
    assert spectrum.background_ratio == pytest.approx(ratio)


def test_mode_belongs_to_the_xrt() -> None:
    with pytest.raises(RequestError, match="of the Swift XRT"):
        CountSpectrum(counts=[1, 2], exposure=1 * u.s, mode="PC", telescope="NICER", instrument="XTI")
    plain = CountSpectrum(counts=[1.5, -0.5], counts_err=[0.2, 0.3], exposure=1 * u.s)
    assert (plain.telescope, plain.grades, plain.counts.dtype) == ("UNKNOWN", None, np.float64)
    for changes, message in (
        ({"counts_err": [0.2]}, "one value per channel"),
        ({"counts_err": [0.2, -1]}, "must not be negative"),
        ({"counts": [np.nan, 1]}, "finite"),
        ({"backscale": [0.0, 0.0]}, "positive"),
        ({"telescope": "ß"}, "ASCII"),
    ):
        with pytest.raises(RequestError, match=message):
            plain.replace(**changes)


FOLDER = os.environ.get("SWIFTXRT_OGIP_FILES")
#: Public files: options, sum of the counts (rate), exposure (s), ends of channels and photon energies (keV).
PUBLIC = {
    "3c273.pi": ({}, 736, 38564.608926889, (0.00146, 14.9504), (0.1, 11.0)),
    "9774.pi": ({}, 4424, 75141.2, (0.00146, 14.9504), (0.22, 11.0)),
    "pnS004-A2443_reg2.fak": ({}, 9935235, 25000.0, (0.303906, 20.48), (0.05, 16.005)),
    "gbm_bat_joint_BAT.pha": ({"rmf": "gbm_bat_joint_BAT.rsp"}, 0.790874621854465, 10.0, (0.0, 6553.6), (10.0, 9000.0)),
    "example_integral.pha": (
        {"extension": "Crab", "rmf": "isgri_rmf_Crab.fits"}, 316.1, 1857.29683437395, (12.5, 1029.5), (9.272016, 1193.4742),
    ),
}  # fmt: skip


@pytest.mark.skipif(FOLDER is None, reason="SWIFTXRT_OGIP_FILES names no folder of public files")
@pytest.mark.parametrize("name", PUBLIC)
def test_public_files(name: str) -> None:
    """Files of sherpa-test-data, threeml and oda_api in one folder."""
    folder = Path(str(FOLDER))
    options, total, exposure_s, channels, energies = PUBLIC[name]
    paths = {key: folder / value if key == "rmf" else value for key, value in options.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetadataWarning)
        spectrum = CountSpectrum.read(folder / name, **paths)
    summed = spectrum.counts.sum() / (1 if spectrum.has_poisson_counts else spectrum.exposure.value)
    assert summed == pytest.approx(total, rel=1e-3)
    assert spectrum.exposure.value == pytest.approx(exposure_s, rel=1e-6)
    assert spectrum.energy_edges.value[[0, -1]] == pytest.approx(channels, rel=1e-5)
    assert spectrum.rmf is not None
    assert spectrum.rmf.energy_edges.value[[0, -1]] == pytest.approx(energies, rel=1e-5)
