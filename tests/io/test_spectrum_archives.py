"""Archives of spectra in which something is missing or damaged, and folders of spectra with fits."""

from __future__ import annotations

import io
import json
import tarfile
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import ProductSet
from swiftxrt.exceptions import FormatError, MetadataWarning, PartialResultWarning
from swiftxrt.io.spectrum import read_slice_archive, write_slice_archive
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.fit import FitParameter, SpectralFit
from swiftxrt.products.gti import GTI
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.response import ARF, RMF
from swiftxrt.products.spectrumset import SpectrumSet
from swiftxrt.wire.spectrum import decode, encode

GRID = np.linspace(0.0, 1.2, 13) * u.keV


def counted(**changes: Any) -> CountSpectrum:
    values: dict[str, Any] = {
        "counts": np.random.default_rng(2).poisson(2, 100),
        "exposure": 1121.19 * u.s,
        "mode": "PC",
        "gti": GTI([630122828.4], [630123500.1]),
    }
    return CountSpectrum(**{**values, **changes})


def complete(**changes: Any) -> CountSpectrum:
    arf = ARF(energy_edges=GRID, effective_area=np.arange(12.0) / 7 * u.cm**2)
    matrix = np.random.default_rng(1).random((12, 100))
    rmf = RMF(matrix=matrix, energy_edges=GRID, channel_edges=np.linspace(0, 1.0001, 101) * u.keV)
    return counted(**{"background": counted(), "arf": arf, "rmf": rmf, **changes})


def repacked(path: Path, target: Path, changes: dict[str, bytes | None]) -> Path:
    """The archive with some files replaced, or left out (None)."""
    with tarfile.open(path) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            stream = old.extractfile(member)
            content = changes.get(member.name, stream.read() if stream else b"")
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return target


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_slice_archive([complete(mode="WT"), complete()], tmp_path / "interval0.tar.gz")
    return tmp_path / "interval0.tar.gz"


def one(found: tuple[CountSpectrum, ...], mode: str = "PC") -> CountSpectrum:
    (spectrum,) = (item for item in found if item.mode.value == mode)
    return spectrum


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
@pytest.mark.parametrize(("name", "part"), [("back.pi", "background"), (".arf", "arf"), (".rmf", "rmf")])
def test_companions_missing_or_damaged(
    archive: Path, tmp_path: Path, name: str, part: str, content: bytes | None
) -> None:
    path = repacked(archive, tmp_path / "x.tar.gz", {f"interval0pc{name}": content})
    with pytest.warns(MetadataWarning, match=f"interval0pc{name}"):
        found = read_slice_archive(path)
    spectrum = one(found)
    assert getattr(spectrum, part) is None
    others = {"background", "arf", "rmf"} - {part}
    assert all(getattr(spectrum, other) is not None for other in others)
    np.testing.assert_array_equal(spectrum.counts, complete().counts)
    assert one(found, "WT") == complete(mode="WT")
    assert SpectrumSet(found).missing.keys() == {f"interval0pc/{part}"}


@pytest.mark.parametrize("kept", [set(), {".arf"}, {".rmf"}, {"back.pi"}])
def test_several_companions_missing(archive: Path, tmp_path: Path, kept: set[str]) -> None:
    gone = {"back.pi", ".arf", ".rmf"} - kept
    path = repacked(archive, tmp_path / "x.tar.gz", {f"interval0pc{name}": None for name in gone})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetadataWarning)
        found = read_slice_archive(path)
    assert len(SpectrumSet(found).missing) == len(gone)


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_without_grouped_spectrum(archive: Path, tmp_path: Path, content: bytes | None) -> None:
    """Background and response are found by their names."""
    path = repacked(archive, tmp_path / "x.tar.gz", {"interval0pc.pi": content})
    if content is None:
        assert one(read_slice_archive(path)) == complete()
    else:
        with pytest.warns(MetadataWarning, match=r"interval0pc\.pi cannot be used"):
            assert one(read_slice_archive(path)) == complete()


def test_damaged_companion_without_grouped_spectrum(archive: Path, tmp_path: Path) -> None:
    changes = {"interval0pc.pi": None, "interval0pc.arf": b"nonsense"}
    with pytest.warns(MetadataWarning, match=r"interval0pc\.arf"):
        spectrum = one(read_slice_archive(repacked(archive, tmp_path / "x.tar.gz", changes)))
    assert spectrum.arf is None
    assert spectrum.rmf == complete().rmf


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_without_source_spectrum(archive: Path, tmp_path: Path, content: bytes | None) -> None:
    path = repacked(archive, tmp_path / "x.tar.gz", {"interval0pcsource.pi": content})
    if content is None:
        spectrum = one(read_slice_archive(path))
    else:
        with pytest.warns(MetadataWarning, match=r"interval0pcsource\.pi cannot be used, interval0pc\.pi takes its"):
            spectrum = one(read_slice_archive(path))
    assert spectrum.is_grouped
    np.testing.assert_array_equal(spectrum.counts, complete().counts)


def test_one_mode_damaged(archive: Path, tmp_path: Path) -> None:
    path = repacked(archive, tmp_path / "x.tar.gz", {"interval0pcsource.pi": b"x", "interval0pc.pi": b"x"})
    with pytest.warns(PartialResultWarning, match=r"interval0pc\.pi|interval0pcsource\.pi"):
        (spectrum,) = read_slice_archive(path)
    assert spectrum == complete(mode="WT")


def test_all_modes_damaged(archive: Path, tmp_path: Path) -> None:
    names = [f"interval0{mode}{kind}.pi" for mode in ("pc", "wt") for kind in ("", "source")]
    with pytest.raises(FormatError):
        read_slice_archive(repacked(archive, tmp_path / "x.tar.gz", dict.fromkeys(names, b"x")))


def test_companions_of_another_spectrum(tmp_path: Path) -> None:
    """A response with other channels is left out rather than taken."""
    write_slice_archive([complete()], tmp_path / "x.tar.gz")
    short = counted(counts=np.ones(50, dtype=int))
    matrix = np.random.default_rng(1).random((12, 50))
    rmf = RMF(matrix=matrix, energy_edges=GRID, channel_edges=np.linspace(0, 1, 51) * u.keV)
    write_slice_archive([short.replace(rmf=rmf, background=short, energy_edges=None)], tmp_path / "y.tar.gz")
    with tarfile.open(tmp_path / "y.tar.gz") as other:
        foreign = {name: other.extractfile(name).read() for name in ("interval0pc.rmf", "interval0pcback.pi")}  # type: ignore[union-attr]
    path = repacked(tmp_path / "x.tar.gz", tmp_path / "z.tar.gz", foreign)
    with pytest.warns(MetadataWarning, match="does not fit") as caught:
        (spectrum,) = read_slice_archive(path)
    assert len(caught) == 2
    assert (spectrum.rmf, spectrum.background) == (None, None)
    assert spectrum.arf is not None


@pytest.mark.parametrize(
    ("name", "stem", "counts"),
    [("Obs_00032646038", "Obs_00032646038wt", 3543), ("Obs_00032646039", "Obs_00032646039pc", 302)],
)
def test_official_archives_open_completely(
    validation_data: Path, tmp_path: Path, name: str, stem: str, counts: int
) -> None:
    """Of May 2025; numbers of RECIPES.md, D. Warnings are errors here."""
    path = validation_data / "uk_spec_1ES0647" / f"{name}.tar.gz"
    (spectrum,) = read_slice_archive(path)
    assert (spectrum.stem, spectrum.counts.sum()) == (stem, counts)
    assert dict(SpectrumSet([spectrum]).missing) == {}
    assert spectrum.rmf is not None
    assert spectrum.background_ratio > 0
    path = repacked(path, tmp_path / f"{name}.tar.gz", {f"{stem}.rmf": None})
    with pytest.warns(MetadataWarning, match=rf"{stem}\.rmf"):
        (reduced,) = read_slice_archive(path)
    assert reduced.rmf is None
    assert reduced.arf == spectrum.arf


# Reply and archives together.


T0 = 608713541.952


@pytest.mark.parametrize(
    "members",
    [
        [complete(mode="WT", gti=GTI([T0 + 60.1], [T0 + 90.2])), complete(gti=GTI([T0 + 100.3], [T0 + 500.7]))],
        [counted(gti=GTI([T0 + 0.1, T0 + 5000.7], [T0 + 33.3, T0 + 6000.1]), mean_event_met=T0 + 1234.56789)],
        [counted(label=label, interval=(T0 + at, T0 + at + 1e4 / 3)) for label, at in (("early", 0.1), ("late", 1e6))],
        [counted(gti=None)],
    ],
    ids=["two modes", "mean time", "slices", "no good time"],
)
def test_sets_come_through_the_service(tmp_path: Path, members: list[CountSpectrum]) -> None:
    """What one side packs and tells is what the other side puts together, to the last digit."""
    fits = {members[-1].stem: {"PowerLaw": FITS["interval0pc"]["PowerLaw"]}}
    made = SpectrumSet(members, fits=fits, t0_met=T0, galactic_nh=1e20 / u.cm**2)
    urls = {label: f"http://host/{label}.tar.gz" for label in made.slices}
    reply = json.loads(json.dumps(encode(made, urls=urls, t0_met=T0, delta_statistic=2.706), allow_nan=False))
    found = {}
    for label, spectra in made.slices.items():
        write_slice_archive(spectra, tmp_path / f"{label}.tar.gz", t0_met=T0)
        found[label] = read_slice_archive(tmp_path / f"{label}.tar.gz")
    assert decode(reply).assemble(found) == made


# Folders.


FITS = {
    "interval0pc": {
        "PowerLaw": SpectralFit(
            "PowerLaw",
            {
                "nh": FitParameter(2.6e22 / u.cm**2, 4.1e20 / u.cm**2, 4.2e20 / u.cm**2),
                "photon_index": FitParameter(1.74, 0.015, 0.016),
                "redshift": FitParameter(0.347, frozen=True),
                "norm": FitParameter(1 / 3 / u.keV),
            },
            flux_observed=FitParameter(3.2e-9 * u.erg / u.cm**2 / u.s),
            statistic=1 / 3,
            dof=960,
            delta_statistic=2.706,
            image_url="http://host/x.gif",
        ),
        "APEC": SpectralFit("APEC", {"temperature": FitParameter(64 * u.keV, 1.18 * u.keV, 0 * u.keV)}),
    },
    "gonepc": {"PowerLaw": SpectralFit("PowerLaw", {"photon_index": FitParameter(2.0)})},
}


def spectra_with_fits() -> SpectrumSet:
    return SpectrumSet(
        [complete(mode="WT"), complete()],
        fits=FITS,
        missing={
            "gone": "its archive is damaged",
            "gonepc": "its archive is damaged",
            "interval0wt": "no fit was made",
        },
        galactic_nh=4.465814e21 / u.cm**2,
        intervals={"gone": (10.5, 20.25)},
        urls={"interval0": "http://host/interval0.tar.gz"},
        t0_met=5.5,
        provenance=Provenance(backend="ukssdc"),
    )


def test_folder_keeps_fits_and_gaps(tmp_path: Path) -> None:
    made = spectra_with_fits()
    made.write(tmp_path / "spectra")
    again = SpectrumSet.read(tmp_path / "spectra")
    assert again == made
    assert dict(again.missing) == dict(made.missing)
    assert dict(again.urls) == dict(made.urls)
    assert list(again.fits["interval0pc"]) == ["PowerLaw", "APEC"]
    assert again.fits["interval0pc"]["PowerLaw"].image_url == "http://host/x.gif"
    assert list(again.intervals["gone"].value) == [10.5, 20.25]
    assert again.provenance == made.provenance
    json.loads((tmp_path / "spectra" / "spectra.json").read_text(), parse_constant=_no_constants)


def _no_constants(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def test_sets_of_products_keep_fits(tmp_path: Path) -> None:
    made = ProductSet({Kind.SPECTRUM: spectra_with_fits()})
    assert ProductSet.read(made.write(tmp_path / "products")).spectrum == made.spectrum


def test_folders_from_before_there_were_fits(tmp_path: Path) -> None:
    SpectrumSet([counted()], t0_met=3.0).write(tmp_path)
    index = json.loads((tmp_path / "spectra.json").read_text())
    old = {key: index[key] for key in ("spectra", "t0_met", "provenance")}
    (tmp_path / "spectra.json").write_text(json.dumps(old))
    assert SpectrumSet.read(tmp_path) == SpectrumSet([counted()], t0_met=3.0)


@pytest.mark.parametrize(
    "change",
    [
        {"fits": {"interval0pc": [{}]}},
        {"fits": {"interval0pc": 3}},
        {"fits": {"elsewhere": []}},
        {"fits": {"interval0pc": [{"model": "x", "parameters": {"nh": {"value": 1}}}]}},
        {"fits": {"interval0pc": [{"model": "x", "parameters": {"nh": {"value": "y", "unit": "furlong"}}}]}},
        {"missing": 3},
        {"galactic_nh_cm2": "much"},
        {"intervals_met_s": {"interval0": 3}},
        {"intervals_met_s": {"interval0": []}},
        {"urls": [1]},
    ],
)
def test_damaged_indexes(tmp_path: Path, change: dict[str, Any]) -> None:
    spectra_with_fits().write(tmp_path)
    index = json.loads((tmp_path / "spectra.json").read_text())
    (tmp_path / "spectra.json").write_text(json.dumps(index | change))
    with pytest.raises(FormatError):
        SpectrumSet.read(tmp_path)
