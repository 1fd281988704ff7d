"""Effective areas of regions, and the response of spectra."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from swiftxrt import ARF, GTI
from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from swiftxrt.engine.effective_area import area_of_regions, region_loss, response_of
from swiftxrt.engine.extracted import PSF_ENERGIES_KEV, SnapshotRegion
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.spectrum import SpectrumCounts
from swiftxrt.exceptions import FormatError, NoDataError
from swiftxrt.io.spectrum import read_slice_archive
from swiftxrt.mission import Mode
from swiftxrt.products.calibration import Calibration

ENERGY = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0])
AFTER_2013, BEFORE_2013 = 6e8, 2.5e8


def region(
    inner: float = 0.0,
    outer: float = 20.0,
    angle: float = 2.0,
    mode: Mode = Mode.PC,
    calibration: Calibration = EMBEDDED,
    **more,
) -> SnapshotRegion:
    """A region without bad pixels."""
    psf = KingPSF.at(np.array(PSF_ENERGIES_KEV), angle, calibration.psf(mode))
    held = psf.enclosed if mode is Mode.PC else psf.line_enclosed
    fractions = np.broadcast_to(held(outer) - held(inner), (len(PSF_ENERGIES_KEV),))
    values = {
        "obsid": "00099999001", "snapshot": 0, "mode": mode, "start_s": AFTER_2013, "stop_s": AFTER_2013 + 100.0,
        "x_pix": 500.0, "y_pix": 500.0, "ra_deg": 10.0, "dec_deg": 20.0, "angle_deg": 0.0, "source_inner_pix": inner,
        "source_radius_pix": outer, "background_inner_pix": 60.0, "background_outer_pix": 190.0,
        "source_area_pix": 1200.0, "background_area_pix": 1e5, "exposure_s": 100.0, "live_fraction": 1.0,
        "net_rate_cps": 0.1, "correction": 1.2, "psf_fraction": float(fractions[1]), "off_axis_arcmin": angle,
        "centroided": True, "psf_fractions": tuple(fractions.tolist()),
    }  # fmt: skip
    return SnapshotRegion(**{**values, **more})


def counted(
    *regions: SnapshotRegion, counts: tuple[int, ...], exposure_s: tuple[float, ...] | None = None
) -> SpectrumCounts:
    empty = np.zeros(1024, dtype=np.int64)
    time_s = np.array(exposure_s or (100.0,) * len(regions))
    return SpectrumCounts(
        mode=regions[0].mode.value, source_counts=empty, background_counts=empty, exposure_s=100.0,
        backscale_source=1e-3, backscale_background=0.1, gti=GTI([0.0], [1.0]), mean_met=0.5, regions=regions,
        region_exposure_s=time_s, region_counts=np.array(counts),
    )  # fmt: skip


def area(arf: ARF) -> np.ndarray:
    return np.interp(ENERGY, (arf.energy_edges.value[1:] + arf.energy_edges.value[:-1]) / 2, arf.effective_area.value)


def on_axis() -> np.ndarray:
    return area(EMBEDDED.arf(Mode.PC, (0, 12), AFTER_2013))


def test_loss_is_vignetting_times_psf() -> None:
    psf = KingPSF.at(ENERGY, 6.0)
    expected = (psf.enclosed(30.0) - psf.enclosed(5.0)) * vignetting(ENERGY, 6.0)
    loss = region_loss(region(5.0, 30.0, 6.0), ENERGY, EMBEDDED)
    assert loss == pytest.approx(expected, rel=1e-3)
    assert loss[-1] / loss[0] == pytest.approx(1.06, abs=0.01)  # not the same at all energies


def test_area_is_the_mean_weighted_by_counts() -> None:
    wide, narrow = region(outer=30.0), region(outer=5.0)
    made = area(response_of(counted(wide, narrow, counts=(30, 10)), (0, 12), EMBEDDED).arf)
    shares = [region_loss(one, ENERGY, EMBEDDED) for one in (wide, narrow)]
    assert made == pytest.approx(on_axis() * (3 * shares[0] + shares[1]) / 4, rel=1e-3)


def test_area_without_counts_is_weighted_by_exposure() -> None:
    wide, narrow = region(outer=30.0), region(outer=5.0)
    made = area(response_of(counted(wide, narrow, counts=(0, 0), exposure_s=(100.0, 300.0)), (0, 12), EMBEDDED).arf)
    shares = [region_loss(one, ENERGY, EMBEDDED) for one in (wide, narrow)]
    assert made == pytest.approx(on_axis() * (shares[0] + 3 * shares[1]) / 4, rel=1e-3)


def test_region_without_live_pixels() -> None:
    dead = region(psf_fractions=(0.0,) * len(PSF_ENERGIES_KEV))
    with pytest.raises(NoDataError, match="no live pixels"):
        response_of(counted(dead, counts=(3,)), (0, 12), EMBEDDED)
    made = response_of(counted(dead, region(), counts=(3, 5)), (0, 12), EMBEDDED)  # its counts are no weight
    assert area(made.arf) == pytest.approx(on_axis() * region_loss(region(), ENERGY, EMBEDDED), rel=1e-3)


def test_modes_have_matrices_of_their_own() -> None:
    strip = region(outer=30.0, mode=Mode.WT)
    made = response_of(counted(strip, counts=(5,)), (0, 2), EMBEDDED)
    assert made.rmf is EMBEDDED.rmf(Mode.WT, (0, 2), AFTER_2013)
    assert area(made.arf) == pytest.approx(
        on_axis() * KingPSF.at(ENERGY, 2.0).line_enclosed(30.0) * vignetting(ENERGY, 2.0), rel=1e-3
    )


@pytest.mark.parametrize(
    ("start_s", "grades", "words"),
    [
        (AFTER_2013, (0, 12), ()),
        (BEFORE_2013, (0, 12), ("that of 2013",)),
        (AFTER_2013, (0, 4), ("of all grades",)),
        (BEFORE_2013, (0, 0), ("that of 2013", "of all grades")),
    ],
)
def test_notes_say_what_is_approximate(start_s: float, grades: tuple[int, int], words: tuple[str, ...]) -> None:
    notes = response_of(counted(region(start_s=start_s), counts=(5,)), grades, EMBEDDED).notes
    assert "swxpsf20010101v004" in notes[0]
    assert "embedded approximation" in notes[1]
    assert len(notes) == 2 + len(words)
    assert all(any(word in note for note in notes[2:]) for word in words)


class _Files:
    """A calibration with two epochs of matrices."""

    vignetting = EMBEDDED.vignetting
    sources = ("psf.fits", "vign.fits")

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def psf(self, mode: Mode):
        return EMBEDDED.psf(mode)

    def arf(self, mode: Mode, grades, met, substrate=None):
        return replace(EMBEDDED.arf(mode, grades, met), header={"CALFILE": "area.arf"})

    def rmf(self, mode: Mode, grades, met, substrate=None):
        self.asked.append((mode, grades, met, substrate))
        if met < 0:
            raise NoDataError("no matrix so early")
        name = "old.rmf" if met < AFTER_2013 else "new.rmf"
        return replace(EMBEDDED.rmf(mode, grades, met), header={"CALFILE": name})


def test_files_are_named_and_chosen_by_most_counts() -> None:
    files = _Files()
    first, second = region(obsid="00099999001", start_s=BEFORE_2013), region(obsid="00099999002")
    made = response_of(counted(first, second, counts=(5, 50)), (0, 4), files, {"00099999002": 6})
    assert files.asked[0] == (Mode.PC, (0, 4), AFTER_2013, 6)
    assert made.notes[0] == "effective area: psf.fits and vign.fits; area.arf, new.rmf"
    assert "several redistribution matrices" in made.notes[1]
    assert response_of(counted(second, counts=(5,)), (0, 4), files).notes[1:] == ()


def test_missing_files_are_errors() -> None:
    with pytest.raises(NoDataError, match="so early"):
        response_of(counted(region(start_s=-1.0), counts=(5,)), (0, 12), _Files())


#: Official areas: file, inner and outer radius (half width of a strip) in pixels, angle in arcmin, mode, PSF of the
#: version that its history names, and how far the area may be off.
OFFICIAL = {
    "circle of 19.1 pixels": ("2M02594633_00092220001_pc/target_sr.arf", 0.0, 19.09, 2.28, Mode.PC, "v004", 0.025),
    "circle of 20 pixels": ("OP313_00036384074_pc/swift_xrt_00036384074.arf", 0.0, 20.0, 3.83, Mode.PC, "v006", 0.07),
    "strip": ("Obs_00032646038.tar.gz", 0.0, 30.0, 3.03, Mode.WT, "v006", 0.02),
    "annulus": ("Obs_00032646039.tar.gz", 5.5, 30.03, 5.92, Mode.PC, "v006", 0.02),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_areas(validation_data: Path, name: str) -> None:
    """Size within the tolerance (exposure maps are not considered), shape within 2 per cent."""
    file, inner, outer, angle, mode, version, tolerance = OFFICIAL[name]
    if file.endswith(".arf"):
        official = ARF.read(validation_data / "xrtproducts_spectra" / file)
    else:
        official = read_slice_archive(validation_data / "uk_spec_1ES0647" / file)[0].arf
    calibration = EMBEDDED_BY_NAME[version]
    place = region(inner, outer, angle, mode, calibration)
    rmf = EMBEDDED.rmf(mode, mode.grades, AFTER_2013)
    ours = area_of_regions([place], np.ones(1), EMBEDDED.arf(mode, mode.grades, AFTER_2013), rmf, calibration)
    ratio = area(ours) / area(official)
    assert ratio == pytest.approx(np.ones(ENERGY.size), abs=tolerance)
    assert ratio / ratio[2] == pytest.approx(np.ones(ENERGY.size), abs=0.02)


def test_damaged_files_are_errors() -> None:
    class Damaged(_Files):
        def arf(self, mode, grades, met, substrate=None):
            raise FormatError("is damaged", "x.arf")

    with pytest.raises(FormatError, match="damaged"):
        response_of(counted(region(), counts=(5,)), (0, 12), Damaged())


def test_matrix_of_other_channels() -> None:
    class Short(_Files):
        def rmf(self, mode, grades, met, substrate=None):
            whole = EMBEDDED.rmf(mode, grades, met)
            return replace(whole, matrix=whole.matrix[:, :100], channel_edges=whole.channel_edges[:101])

    with pytest.raises(FormatError, match="100 channels"):
        response_of(counted(region(), counts=(5,)), (0, 12), Short())
