"""Spectra of simulated observations: their response, slice by slice."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from swiftxrt import (
    Mode,
    ObsidSlices,
    SnapshotSlices,
    SpectrumRequest,
    SpectrumSet,
    Target,
    TimeSlice,
    TimeSlices,
    XRTRequest,
)
from swiftxrt.engine import make_spectra
from swiftxrt.engine.build import build_product
from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME, EmbeddedCalibration
from swiftxrt.engine.data import Data
from swiftxrt.engine.source_models import AbsorbedPowerLaw
from swiftxrt.exceptions import NoDataError
from swiftxrt.kinds import ProductKind
from swiftxrt.met import estimate_utcf, met_to_time_nominal
from swiftxrt.mission import BACKSCALE_AREA_PIX
from swiftxrt.products.calibration import is_embedded
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.events import EventList
from swiftxrt.products.observation import Observation
from swiftxrt.products.provenance import Provenance
from swiftxrt.testing.synthetic import small_observation

TARGET = Target(name="X", position=SkyCoord(150 * u.deg, 20 * u.deg))
RATE, INDEX, COLUMN = 0.35, 1.7, 5e20


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    """Three snapshots of 500 s with the source at different places."""
    folder = tmp_path_factory.mktemp("three")
    return small_observation(
        folder, seed=5, rate=RATE * u.ct / u.s, snapshots=3, pointing_scatter=1.5 * u.arcmin,
        photon_index=INDEX, column_density=COLUMN / u.cm**2,
    )  # fmt: skip


def spectra(observation: Observation, calibration=EMBEDDED, **settings) -> SpectrumSet:
    request = XRTRequest(target=TARGET, spectrum=SpectrumRequest(**settings))
    return build_product(ProductKind.SPECTRUM, request, [observation], calibration=calibration)


@pytest.fixture(scope="module")
def whole(observation: Observation) -> CountSpectrum:
    return spectra(observation).count_spectra[0]


@pytest.fixture(scope="module")
def parts(observation: Observation) -> tuple[CountSpectrum, ...]:
    return spectra(observation, slices=SnapshotSlices()).count_spectra


def photons(spectrum: CountSpectrum) -> u.Quantity:
    """What the simulated source sends in each energy bin, scaled to its count rate."""
    edges = spectrum.rmf.energy_edges.value
    model = AbsorbedPowerLaw(INDEX, COLUMN)
    density = model.photon_density(np.maximum((edges[1:] + edges[:-1]) / 2, 0.1))
    return density * np.diff(edges) * (RATE / model.rate_cps) / (u.cm**2 * u.s)


def in_band(counts) -> float:
    return float(np.asarray(counts)[30:1001].sum())


def test_folded_model_gives_the_counts(whole: CountSpectrum) -> None:
    """Photons through ARF and RMF are the counts that the simulator, which knows nothing of these, gave."""
    expected = in_band(whole.rmf.fold(photons(whole), whole.arf, whole.exposure).value)
    measured = in_band(whole.counts) - whole.background_ratio * in_band(whole.background.counts)
    assert measured == pytest.approx(expected, abs=4 * np.sqrt(in_band(whole.counts)))
    assert expected > 300


def test_folding_is_a_plain_sum(whole: CountSpectrum) -> None:
    folded = whole.rmf.fold(photons(whole), whole.arf, whole.exposure)
    incident, area = photons(whole).value, whole.arf.effective_area.value
    for channel in (40, 100, 150, 600):
        by_hand = sum(incident[k] * area[k] * whole.rmf.matrix[k, channel] for k in range(incident.size))
        assert folded[channel].value == pytest.approx(by_hand * whole.exposure.value, rel=1e-12)


def test_each_snapshot_has_its_own_area(parts: tuple[CountSpectrum, ...], whole: CountSpectrum) -> None:
    assert len(parts) == 3
    areas = np.array([part.arf.area_at(1.5 * u.keV).value for part in parts])
    assert np.ptp(areas) > 0.005 * areas.mean()
    weights = [part.counts.sum() for part in parts]
    assert whole.arf.area_at(1.5 * u.keV).value == pytest.approx(np.average(areas, weights=weights), rel=1e-9)
    assert all(part.rmf is parts[0].rmf for part in parts)


def test_exposure_and_area_on_the_chip_follow_the_slice(parts: tuple[CountSpectrum, ...], whole: CountSpectrum) -> None:
    exposures = u.Quantity([part.exposure for part in parts])
    assert exposures.sum().value == pytest.approx(whole.exposure.value, rel=1e-9)
    mean = np.average([part.backscale for part in parts], weights=exposures.value)
    assert whole.backscale == pytest.approx(mean, rel=1e-9)
    assert sum(part.counts.sum() for part in parts) == whole.counts.sum()
    for part in parts:
        assert part.backscale * BACKSCALE_AREA_PIX == pytest.approx(np.pi * 20**2, rel=0.6)


def test_interval_inside_one_snapshot_has_its_response(
    observation: Observation, parts: tuple[CountSpectrum, ...]
) -> None:
    start = float(parts[1].gti.start[0])
    wanted = TimeSlice(label="inside", intervals=((start + 10) * u.s, (start + 210) * u.s))
    (inside,) = spectra(observation, slices=TimeSlices(wanted)).count_spectra
    assert inside.exposure.value == pytest.approx(200 * parts[1].exposure.value / parts[1].gti.exposure_s, rel=0.02)
    np.testing.assert_allclose(inside.arf.effective_area.value, parts[1].arf.effective_area.value, rtol=1e-12)
    assert inside.backscale == pytest.approx(parts[1].backscale, rel=1e-12)


def test_times_are_those_of_the_slice(whole: CountSpectrum, parts: tuple[CountSpectrum, ...]) -> None:
    """TSTART and what goes with it, in source and background; dates by the nominal relation, as in event files."""
    for spectrum in (whole, *parts):
        header = spectrum.header
        assert (header["TSTART"], header["TSTOP"]) == (spectrum.gti.start[0], spectrum.gti.stop[-1])
        assert header["ONTIME"] == spectrum.gti.exposure_s
        assert header["LIVETIME"] == pytest.approx(spectrum.exposure.value, rel=1e-12)
        for key, met_s in (("DATE-OBS", header["TSTART"]), ("DATE-END", header["TSTOP"])):
            assert header[key] == met_to_time_nominal(met_s).utc.isot[:19]
        assert (header["MJDREFI"], header["MJDREFF"], header["TIMESYS"]) == (51910, pytest.approx(64.184 / 86400), "TT")
        assert header["CLOCKAPP"] is False
        assert header["UTCFINIT"] == pytest.approx(estimate_utcf(whole.gti.start[0]), abs=0.01)
        assert spectrum.background.header == header
    assert len({part.header["DATE-OBS"] for part in parts}) == 3


def test_observations_are_named(observation: Observation, parts: tuple[CountSpectrum, ...], tmp_path: Path) -> None:
    assert {part.header["OBS_ID"] for part in parts} == {observation.obsid}
    assert {part.provenance.inputs for part in parts} == {(observation.obsid,)}
    parts[0].write(tmp_path / "a.pha")
    again = CountSpectrum.read(tmp_path / "a.pha")
    assert again.header == parts[0].header
    assert again.background.header == parts[0].header
    header = fits.getheader(tmp_path / "a.pha", "SPECTRUM")
    assert [header[key] for key in ("TSTART", "OBS_ID")] == [parts[0].gti.start[0], observation.obsid]
    assert "HISTORY" not in header


def test_several_observations(validation_data: Path) -> None:
    """Keywords that differ are left out, and the observations are named in the provenance."""
    folder = validation_data / "event_lists_grb221009A"
    lists = [EventList.read(folder / f"sw{name}.evt.gz") for name in ("006_1", "004_1")]
    target = Target(name="GRB 221009A", position=SkyCoord(288.2646 * u.deg, 19.7735 * u.deg))
    request = XRTRequest(target=target, spectrum=SpectrumRequest()).with_defaults()
    data = Data(
        pc=tuple(one for one in lists if one.mode is Mode.PC), wt=tuple(one for one in lists if one.mode is Mode.WT)
    )
    (made,) = make_spectra.make(request, data, Provenance(), lambda *_, **__: None).count_spectra
    assert made.provenance.inputs == ("01126853004", "01126853006")
    assert not {"OBS_ID", "SEG_NUM", "RA_PNT"} & set(made.header)
    assert made.header["TARG_ID"] == 1126853
    assert made.header["TSTART"] == lists[1].header["TSTART"]
    assert made.header["TSTOP"] == lists[0].header["TSTOP"]
    assert made.header["DATE-OBS"] == lists[1].header["DATE-OBS"]
    assert made.header["UTCFINIT"] == lists[1].header["UTCFINIT"]


def test_slices_by_observation_equal_the_whole(observation: Observation, whole: CountSpectrum) -> None:
    (one,) = spectra(observation, slices=ObsidSlices()).count_spectra
    assert one.arf == whole.arf
    assert np.array_equal(one.counts, whole.counts)


def test_calibration_is_told(whole: CountSpectrum) -> None:
    assert is_embedded(whole.arf)
    told = " ".join(whole.provenance.calibration)
    for words in ("swxpsf20010101v004", "swxvign20010101v001", "embedded approximation"):
        assert words in told


def test_profile_of_the_calibration_counts(observation: Observation, whole: CountSpectrum) -> None:
    (wide,) = spectra(observation, EMBEDDED_BY_NAME["v006"]).count_spectra
    ratio = float(wide.arf.area_at(1.5 * u.keV) / whole.arf.area_at(1.5 * u.keV))
    assert ratio == pytest.approx(0.92, abs=0.02)  # 0.823 / 0.896 in 20 pixels
    assert "swxpsf20010101v006" in wide.provenance.calibration[0]


class _WithoutMatrix(EmbeddedCalibration):
    def rmf(self, mode, grades, met, substrate=None):
        raise NoDataError("no redistribution matrix of that date")


def test_spectrum_without_response_stays_usable(observation: Observation, whole: CountSpectrum, tmp_path: Path) -> None:
    made = spectra(observation, _WithoutMatrix())
    (bare,) = made.count_spectra
    assert bare.arf is None
    assert bare.rmf is None
    assert np.array_equal(bare.counts, whole.counts)
    assert any(name == "CalibrationWarning" and "of that date" in text for name, text in made.provenance.cautions)
    assert "of that date" in bare.provenance.calibration[0]
    bare.group(min_counts=20).to_spectrum()
    made.write(tmp_path / "set")
    assert SpectrumSet.read(tmp_path / "set") == made


def test_matrix_is_written_once(observation: Observation, tmp_path: Path) -> None:
    made = spectra(observation, slices=SnapshotSlices())
    made.write(tmp_path / "set")
    assert len(list((tmp_path / "set").glob("*.rmf"))) == 1
    assert len(list((tmp_path / "set").glob("*.arf"))) == 3
    again = SpectrumSet.read(tmp_path / "set")
    assert again == made
    first, *others = again.count_spectra
    assert all(one.rmf is first.rmf for one in others)
