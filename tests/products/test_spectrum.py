"""Spectra as `specutils.Spectrum` that keep their edges, and sets of them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from specutils import SpectralAxis, SpectralRegion, Spectrum
from specutils.analysis import line_flux
from specutils.manipulation import extract_region, gaussian_smooth

from swiftxrt.exceptions import FormatError, NoDataError, OutputExistsError, ProductNotAvailableError, RequestError
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.spectrum import XRTSpectrum
from swiftxrt.products.spectrumset import SpectrumSet

CT = u.ct / (u.s * u.keV)


def counted(**changes: Any) -> CountSpectrum:
    energy = (np.arange(1024) + 0.5) / 100
    counts = np.random.default_rng(7).poisson(6 * np.exp(-energy))
    background = CountSpectrum(
        counts=np.random.default_rng(8).poisson(0.3, 1024), exposure=900 * u.s, mode="PC", backscale=0.02
    )
    values = {"counts": counts, "exposure": 1000 * u.s, "mode": "PC", "backscale": 0.001, "background": background}
    return CountSpectrum(**{**values, "header": {"OBJECT": "X"}, **changes})


@pytest.fixture
def channels() -> XRTSpectrum:
    return counted().to_spectrum()


@pytest.fixture
def grouped() -> XRTSpectrum:
    """Bins of very different widths, one of them masked."""
    quality = np.where(np.arange(1024) == 100, 5, 0)
    spectrum = counted(quality=quality).group(min_counts=25).to_spectrum()
    assert len(np.unique(np.round(np.diff(spectrum.energy_edges.value), 4))) > 3
    assert spectrum.mask.any()
    return spectrum


def plain(spectrum: XRTSpectrum) -> Spectrum:
    """What specutils alone makes of the same bins."""
    return Spectrum(
        spectrum.flux,
        spectrum.energy_edges,
        uncertainty=copy.deepcopy(spectrum.uncertainty),
        mask=spectrum.mask,
        bin_specification="edges",
    )


def test_is_a_specutils_spectrum(channels: XRTSpectrum) -> None:
    assert isinstance(channels, Spectrum)
    assert channels.flux.unit == CT
    assert channels.spectral_axis.unit == u.keV
    assert channels.flux.shape == (1024,)
    assert type(channels.uncertainty).__name__ == "StdDevUncertainty"
    assert channels.counts == counted()
    assert channels.meta["label"] == "interval0"
    assert dict(channels.meta["header"]) == {"OBJECT": "X"}


def test_integral_is_the_net_rate(channels: XRTSpectrum) -> None:
    band = channels[0.3 * u.keV : 10.01 * u.keV]  # channels 30 to 1000
    inside = (band.flux * np.diff(band.energy_edges)).sum()
    assert inside.to_value("ct / s") == pytest.approx(counted().net_rate.value, rel=1e-12)
    assert line_flux(band).to_value("ct / s") == pytest.approx(counted().net_rate.value, rel=1e-12)


def test_grouping_keeps_counts(channels: XRTSpectrum) -> None:
    made = channels.group(min_counts=30)
    assert made.energy_edges[0] == 0.3 * u.keV
    source, background = counted(), counted().background
    assert background is not None
    edges = np.rint(made.energy_edges.value * 100).astype(int)
    for number, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        counts, outside = source.counts[first:last].sum(), background.counts[first:last].sum()
        assert counts >= 30
        per_count = 1 / 1000 / (last - first) * 100
        assert made.flux[number].value == pytest.approx((counts - source.background_ratio * outside) * per_count)
        error = np.sqrt(counts + source.background_ratio**2 * outside) * per_count
        assert made.uncertainty.array[number] == pytest.approx(error)


# Edges. Specutils alone derives new ones from the centres in most of these.


KEEPING: list[Callable[[XRTSpectrum], Any]] = [
    lambda s: s[:],
    lambda s: s * 2,
    lambda s: 2 * s,
    lambda s: s * (2 * u.s),
    lambda s: s / 2,
    lambda s: s / (2 * u.s),
    lambda s: s + s,
    lambda s: s - s,
    lambda s: s + 1 * CT,
    lambda s: 1 * CT - s,
    lambda s: -s,
    lambda s: s.add(s),
    lambda s: s.subtract(s),
    lambda s: s.multiply(2),
    lambda s: s.divide(2),
    copy.copy,
    copy.deepcopy,
    lambda s: pickle.loads(pickle.dumps(s)),
    lambda s: pickle.loads(pickle.dumps(s * 2)),
    lambda s: s.with_flux_unit("ct / (ks eV)"),
    lambda s: s.with_spectral_axis_unit("Angstrom").with_spectral_axis_unit("keV"),
    lambda s: s.with_spectral_axis_unit("eV"),
    lambda s: s.with_spectral_axis_and_flux_units(u.eV, "ct / (ks eV)"),
    lambda s: extract_region(s, SpectralRegion(0.01 * u.keV, 20 * u.keV)),
    lambda s: copy.deepcopy(s[:])[:] * 2 / 2,
]


@pytest.mark.parametrize("operation", KEEPING, ids=range(len(KEEPING)))
def test_edges_stay_exact(grouped: XRTSpectrum, operation: Callable[[XRTSpectrum], Any]) -> None:
    made = operation(grouped)
    assert type(made) is XRTSpectrum
    np.testing.assert_allclose(made.energy_edges.value, grouped.energy_edges.value, rtol=1e-14)
    np.testing.assert_allclose(made.spectral_axis.bin_edges.to_value(u.keV), grouped.energy_edges.value, rtol=1e-14)
    np.testing.assert_array_equal(made.bin_edges, made.spectral_axis.bin_edges)
    np.testing.assert_array_equal(made.mask, grouped.mask)
    assert made.flux.shape == grouped.flux.shape == made.uncertainty.array.shape
    assert pickle.loads(pickle.dumps(made)).flux.unit == made.flux.unit


@pytest.mark.parametrize("operation", KEEPING[1:5] + KEEPING[6:11], ids=range(9))
def test_values_are_those_of_specutils(grouped: XRTSpectrum, operation: Callable[[Any], Any]) -> None:
    """Also the propagated errors; negation fails in specutils 2.4."""
    made = operation(grouped)
    expected = operation(plain(grouped)) if operation is not KEEPING[10] else -1 * plain(grouped)
    np.testing.assert_allclose(made.flux.value, expected.flux.value)
    assert made.unit == expected.unit
    np.testing.assert_allclose(made.uncertainty.array, expected.uncertainty.array)
    assert made.counts is None


def test_others_may_know_how_to_subtract(grouped: XRTSpectrum) -> None:
    class Other:
        def __rsub__(self, spectrum: Any) -> str:
            return "done"

    assert grouped - Other() == "done"


def test_powers_and_inverse(grouped: XRTSpectrum) -> None:
    grouped = grouped[: 0.9 * u.keV]  # no empty bin
    relative = grouped.uncertainty.array / grouped.flux.value
    for made, power in ((grouped**2, 2), ((3 * u.s) / grouped, -1), (grouped**0.5, 0.5)):
        np.testing.assert_array_equal(made.energy_edges, grouped.energy_edges)
        np.testing.assert_array_equal(made.mask, grouped.mask)
        np.testing.assert_allclose(made.uncertainty.array / made.flux.value, np.abs(power * relative))
        assert made.counts is None
        assert made.uncertainty.unit == made.unit
    np.testing.assert_allclose((grouped**2).flux.value, grouped.flux.value**2)
    assert ((3 * u.s) / grouped).unit == u.s**2 * u.keV / u.ct
    np.testing.assert_allclose((1 / grouped).flux.value, 1 / grouped.flux.value)
    bare = XRTSpectrum([1.0, 2.0] * CT, [0.3, 1.0, 10.0] * u.keV)
    assert (bare**2).uncertainty is None
    assert np.isinf(((bare - bare) ** -1).flux.value).all()


@pytest.mark.parametrize(
    "item", [slice(3, 9), slice(None, 4), slice(-5, None), slice(2, 3), 2, -1, np.int64(5), (slice(1, 4),)]
)
def test_slices_by_number(grouped: XRTSpectrum, item: Any) -> None:
    made = grouped[item]
    number = np.atleast_1d(np.arange(grouped.flux.size)[item])
    np.testing.assert_array_equal(made.flux, grouped.flux[number])
    np.testing.assert_array_equal(made.uncertainty.array, grouped.uncertainty.array[number])
    np.testing.assert_array_equal(made.mask, grouped.mask[number])
    np.testing.assert_array_equal(made.energy_edges, grouped.energy_edges[number[0] : number[-1] + 2])
    np.testing.assert_array_equal(made.spectral_axis.value, grouped.spectral_axis.value[number])
    assert made.counts is grouped.counts
    assert "original_wcs" not in made.meta
    again = pickle.loads(pickle.dumps(made * 2))
    np.testing.assert_array_equal(again.energy_edges, made.energy_edges)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.5 * u.keV, 2 * u.keV),
        (500 * u.eV, 2000 * u.eV),
        (None, 1 * u.keV),
        (2 * u.keV, None),
        (0.3 * u.keV, 10 * u.keV),
    ],
)
def test_slices_by_energy_take_the_bins_of_specutils(grouped: XRTSpectrum, low: Any, high: Any) -> None:
    made, expected = grouped[low:high], plain(grouped)[low:high]
    np.testing.assert_array_equal(made.flux, expected.flux)
    np.testing.assert_allclose(made.spectral_axis.value, expected.spectral_axis.value)
    assert np.all(np.isin(made.energy_edges, grouped.energy_edges))


def test_upper_end_of_a_slice_is_open(grouped: XRTSpectrum) -> None:
    at = grouped.spectral_axis[5]
    assert grouped[:at].flux.size == plain(grouped)[: u.Quantity(at)].flux.size == 5


def test_channel_slice_is_the_usual_band(channels: XRTSpectrum) -> None:
    band = channels[0.3 * u.keV : 10 * u.keV]
    assert band.flux.shape == (970,)
    np.testing.assert_array_equal(band.energy_edges[[0, -1]].value, [0.3, 10])


def test_counts_of_a_slice_know_which_channels_it_has(channels: XRTSpectrum) -> None:
    assert channels.selected_counts() == channels.counts
    part = channels[1 * u.keV : 3 * u.keV]
    selected = part.selected_counts()
    inside = (selected.channel >= 100) & (selected.channel < 300)
    assert np.all(selected.quality[~inside] == 5)
    assert np.array_equal(selected.quality[inside], channels.counts.quality[inside])
    assert np.array_equal(selected.counts, channels.counts.counts)
    with pytest.raises(RequestError, match="has no counts and cannot be fitted"):
        (part * 2).selected_counts("fitted")


def test_slices_in_wavelength(grouped: XRTSpectrum) -> None:
    wave = grouped.with_spectral_axis_unit(u.AA)
    assert wave.bin_edges.unit == u.AA
    np.testing.assert_allclose(wave.bin_edges.value, grouped.energy_edges.to_value(u.AA, u.spectral()), rtol=1e-14)
    expected = grouped.spectral_axis.to_value(u.AA, u.spectral())
    np.testing.assert_allclose(wave.spectral_axis.value, expected)
    for spectrum in (wave, grouped):
        made = spectrum[1 * u.keV : 2 * u.keV]
        inside = (grouped.spectral_axis.value >= 1) & (grouped.spectral_axis.value <= 2)
        np.testing.assert_array_equal(made.flux, grouped.flux[inside])
        np.testing.assert_array_equal(spectrum[6.2 * u.AA : 12.4 * u.AA].flux, made.flux)
    assert wave[3].bin_edges.shape == (2,)


@pytest.mark.parametrize(
    "item",
    [slice(None, None, 2), slice(None, None, -1), [1, 2], 1 * u.keV, slice(1 * u.s, 2 * u.s), slice(1 * u.keV, 3)],
)
def test_refuses_bins_that_are_not_contiguous(grouped: XRTSpectrum, item: Any) -> None:
    with pytest.raises(RequestError):
        grouped[item]


def test_empty_slices_are_told(grouped: XRTSpectrum) -> None:
    with pytest.raises(NoDataError, match=r"covers 0\.3 to"):
        grouped[50 * u.keV : 60 * u.keV]
    with pytest.raises(NoDataError):
        grouped[4:4]
    with pytest.raises(IndexError):
        grouped[1000]


def test_iterates_over_bins(grouped: XRTSpectrum) -> None:
    bins = list(grouped[:3])
    assert [each.flux.shape for each in bins] == [(1,)] * 3
    assert bins[2].energy_edges[1] == grouped.energy_edges[3]


def test_functions_of_specutils_see_the_edges(grouped: XRTSpectrum) -> None:
    smooth = gaussian_smooth(grouped, 1)
    np.testing.assert_array_equal(smooth.spectral_axis.bin_edges, grouped.energy_edges)
    parts = extract_region(grouped, SpectralRegion([(0.4 * u.keV, 0.8 * u.keV), (1 * u.keV, 2 * u.keV)]))
    assert all(np.all(np.isin(part.energy_edges, grouped.energy_edges)) for part in parts)


def test_shift_takes_the_edges_along(grouped: XRTSpectrum) -> None:
    shifted = copy.copy(grouped)
    shifted.shift_spectrum_to(redshift=1)
    np.testing.assert_allclose(shifted.energy_edges.value, grouped.energy_edges.value / 2)
    np.testing.assert_allclose(shifted.spectral_axis.bin_edges.value, grouped.energy_edges.value / 2)
    assert shifted.counts is None
    for each in (shifted[:], copy.copy(shifted), pickle.loads(pickle.dumps(shifted))):
        assert float(each.redshift) == pytest.approx(1)
        np.testing.assert_array_equal(each.energy_edges, shifted.energy_edges)
    marked = copy.copy(grouped)
    marked.set_redshift_to(0.5)
    np.testing.assert_array_equal(marked.spectral_axis.bin_edges, grouped.energy_edges)


def test_specutils_alone_does_lose_them(grouped: XRTSpectrum) -> None:
    """The reason for the class; when this fails, specutils has learnt it."""
    doubled = plain(grouped) * 2
    assert not np.allclose(doubled.spectral_axis.bin_edges.value, grouped.energy_edges.value, rtol=1e-6)


def test_parts_do_not_share_memory(grouped: XRTSpectrum) -> None:
    before = grouped.flux.copy()
    other = copy.deepcopy(grouped)
    other.data[:] = -1
    other.meta["header"]["OBJECT"] = "Y"
    edges = grouped.bin_edges
    edges[:] = 0 * u.keV
    np.testing.assert_array_equal(grouped.flux, before)
    assert grouped.meta["header"]["OBJECT"] == "X"
    assert grouped.energy_edges[0] == 0.3 * u.keV


def test_pickle_in_another_process(tmp_path: Path, grouped: XRTSpectrum) -> None:
    path = tmp_path / "spectrum.pickle"
    path.write_bytes(pickle.dumps(grouped))
    code = f"import pickle; s = pickle.load(open({str(path)!r}, 'rb')); print(type(s).__name__, s.bin_edges[-1], s.counts.counts.sum())"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["XRTSpectrum", *str(grouped.bin_edges[-1]).split(), str(counted().counts.sum())]


def test_plain_construction() -> None:
    spectrum = XRTSpectrum([1.0, 2.0] * CT, [0.3, 1.0, 10.0] * u.keV)
    np.testing.assert_array_equal((spectrum * 2).energy_edges.value, [0.3, 1.0, 10.0])
    by_centres = XRTSpectrum([1.0, 2.0] * CT, SpectralAxis([1.0, 2.0] * u.keV))
    np.testing.assert_array_equal(by_centres.energy_edges.value, [0.5, 1.5, 2.5])
    with pytest.raises(RequestError, match="one bin needs the edges"):
        XRTSpectrum([1.0] * CT, [1.0] * u.keV)
    assert repr(spectrum) == "<XRTSpectrum: 2 bins, 0.3-10 keV, mean 1.5 ct / (keV s)>"


# Grouping and files.


def test_group_stays_within_the_slice(channels: XRTSpectrum) -> None:
    made = channels[1 * u.keV : 3 * u.keV].group(min_counts=10)
    assert made.energy_edges[0] == 1 * u.keV
    assert made.energy_edges[-1] <= 3 * u.keV
    eighth = channels.with_flux_unit("ct / (ks eV)").with_spectral_axis_unit("Angstrom").group(min_counts=10)
    assert eighth.unit == u.Unit("ct / (ks eV)")
    assert eighth.spectral_axis.unit == u.AA
    with pytest.raises(NoDataError):
        channels[0.1 * u.keV : 0.2 * u.keV].group(min_counts=1)
    with pytest.raises(NoDataError):
        channels[1 * u.keV : 1.02 * u.keV].group(min_counts=1000)


def test_results_of_arithmetic_have_no_counts(tmp_path: Path, channels: XRTSpectrum) -> None:
    doubled = channels * 2
    with pytest.raises(RequestError, match="cannot be grouped"):
        doubled.group(min_counts=2)
    with pytest.raises(RequestError, match="tabular-fits"):
        doubled.write(tmp_path / "x.pha")
    doubled.write(tmp_path / "x.fits", format="tabular-fits")
    np.testing.assert_allclose(fits.getdata(tmp_path / "x.fits", 1)["flux"], doubled.flux.value)
    assert fits.getheader(tmp_path / "x.fits")["OBJECT"] == "X"


def test_round_trip_through_a_file(tmp_path: Path, channels: XRTSpectrum) -> None:
    path = tmp_path / "x.pha"
    channels.write(path)
    again = XRTSpectrum.read(path)
    assert again.counts == counted()
    assert again == channels
    with pytest.raises(OutputExistsError):
        channels.write(path)
    channels.write(path, overwrite=True)


@pytest.mark.parametrize("unit", ["keV", "Angstrom"])
def test_slices_are_written_with_all_counts_and_flags(tmp_path: Path, channels: XRTSpectrum, unit: str) -> None:
    part = channels[1 * u.keV : 3 * u.keV]
    part.with_spectral_axis_unit(unit).write(tmp_path / "x.pha")
    again = XRTSpectrum.read(tmp_path / "x.pha")
    assert again.counts is not None
    assert again.counts.replace(quality=counted().quality) == counted()
    assert np.flatnonzero(again.counts.quality == 0).tolist() == list(range(100, 300))
    assert set(again.counts.quality) == {0, 5}
    np.testing.assert_array_equal(again.flux, part.flux)
    np.testing.assert_array_equal(again.energy_edges, part.energy_edges)
    assert part.counts == counted()


def test_slices_of_groups_keep_the_groups(tmp_path: Path, grouped: XRTSpectrum) -> None:
    grouped.write(tmp_path / "whole.pha")
    assert grouped.counts is not None
    assert {2, 5} <= set(grouped.counts.quality)
    assert XRTSpectrum.read(tmp_path / "whole.pha") == grouped
    grouped[2:7].write(tmp_path / "part.pha")
    again = XRTSpectrum.read(tmp_path / "part.pha")
    np.testing.assert_array_equal(again.flux, grouped[2:7].flux)
    np.testing.assert_array_equal(again.energy_edges, grouped[2:7].energy_edges)


def test_compared_by_content(channels: XRTSpectrum, grouped: XRTSpectrum) -> None:
    same = counted().to_spectrum()
    assert same == channels
    assert copy.copy(grouped) == grouped  # NaN included, if there is any.
    others = [
        channels[1:],
        channels * 1,  # No counts.
        channels.with_spectral_axis_unit("eV"),
        counted(exposure=2000 * u.s).to_spectrum(),
        counted(header={}).to_spectrum(),
        counted().to_spectrum(unit="ct / s"),
    ]
    assert all(other != channels for other in others)
    for name, value in (("mask", np.ones(1024, dtype=bool)), ("uncertainty", None)):
        changed = counted().to_spectrum()
        setattr(changed, name, value)
        assert changed != channels
    assert channels * 2 == channels * 2
    assert channels != "spectrum"
    assert channels.__eq__(plain(channels)) is NotImplemented
    with pytest.raises(TypeError, match="unhashable"):
        hash(channels)


# Sets.


def spectra() -> SpectrumSet:
    members = [counted(mode="WT"), counted(), counted(label="late")]
    return SpectrumSet(members, t0_met=5.5, provenance=Provenance(backend="local"))


def test_set_is_a_mapping_of_spectra() -> None:
    made = spectra()
    assert list(made) == ["interval0wt", "interval0pc", "latepc"]
    assert len(made) == 3
    assert isinstance(made["latepc"], XRTSpectrum)
    assert made["latepc"] is made["latepc"]
    assert made["latepc"].counts is made.count_spectra[2]
    assert {label: len(members) for label, members in made.slices.items()} == {"interval0": 2, "late": 1}
    assert dict(made.fits) == {}
    assert made.get("latewt") is None
    assert "latepc" in made
    assert repr(made).startswith("<SpectrumSet interval0wt, interval0pc, latepc: ")
    with pytest.raises(ProductNotAvailableError, match="did you mean 'latepc'"):
        made["latewt"]


def test_set_is_picklable_and_compared_by_value() -> None:
    made = spectra()
    _ = made["latepc"]
    assert pickle.loads(pickle.dumps(made)) == made
    assert SpectrumSet(made.count_spectra, t0_met=5.5) == made
    assert SpectrumSet(made.count_spectra, t0_met=5) != made
    assert SpectrumSet(made.count_spectra[:2], t0_met=5.5) != made
    assert made != "something else"


def test_set_refuses_what_does_not_fit() -> None:
    with pytest.raises(RequestError, match="one spectrum per mode"):
        SpectrumSet([counted(), counted()])
    with pytest.raises(RequestError, match="no spectra, of elsewhere"):
        SpectrumSet([counted()], fits={"elsewhere": {}})


def test_set_round_trip(tmp_path: Path) -> None:
    made = spectra()
    made.write(tmp_path / "folder")
    again = SpectrumSet.read(tmp_path / "folder")
    assert again == made
    assert again.provenance == made.provenance
    with pytest.raises(OutputExistsError):
        made.write(tmp_path / "folder")
    (tmp_path / "folder" / "spectra.json").write_text("{}")
    with pytest.raises(FormatError, match="spectra"):
        SpectrumSet.read(tmp_path / "folder")


def test_set_does_not_import_specutils() -> None:
    code = (
        "import sys; from swiftxrt.products.spectrumset import SpectrumSet; import swiftxrt.io.spectrum;"
        "import swiftxrt.wire.spectrum; print(sorted({'specutils', 'matplotlib', 'gwcs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
