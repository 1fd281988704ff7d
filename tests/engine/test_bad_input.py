"""Damaged and unusual observations: a clear end, or the numbers of the sound one."""

from __future__ import annotations

import re
import shutil
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs.utils import skycoord_to_pixel

from swiftxrt import (
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    ProductKind,
    ProductSet,
    SpectrumRequest,
    SwiftXRT,
    Target,
    TimeBinning,
    XRTRequest,
)
from swiftxrt.exceptions import FormatError, JobError, NoDataError, RequestError
from swiftxrt.mission import Mode
from swiftxrt.products.events import EventList
from swiftxrt.testing.synthetic import simulate, simulate_observations, small_scene
from tests.bad_files import (
    Change,
    altered,
    as_float,
    cards,
    file_of,
    good_times,
    keep,
    no_values,
    reference_as_one_number,
    twice,
    without,
)
from tests.caldb_files import write_caldb

T0 = 5e8
PLACE = SkyCoord(150 * u.deg, 20 * u.deg)
CURVE = XRTRequest(
    target=Target("constant source", position=PLACE),
    light_curve=LightCurveRequest(binning=TimeBinning(pc_bin=100 * u.s, wt_bin=100 * u.s)),
)

# What is told of these files is a warning when they are read outside of the engine.
pytestmark = pytest.mark.filterwarnings(
    "ignore::swiftxrt.exceptions.MetadataWarning",
    "ignore::swiftxrt.exceptions.CentroidWarning",
    "ignore::swiftxrt.exceptions.PartialResultWarning",
)


# --- Making products ----------------------------------------------------------------


def made(archive: Path, request: XRTRequest = CURVE, **options: object) -> ProductSet:
    with SwiftXRT(backend="local", archive=archive, **options) as local:
        return local.submit(request).result(progress=False)


def rates(products: ProductSet) -> np.ndarray:
    return products.light_curve.total["rate"].to_value(u.ct / u.s)


def told(products: ProductSet) -> str:
    provenance = products.light_curve.provenance
    return " ".join([*provenance.notes, *(text for _, text in provenance.cautions)])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with attitude and housekeeping files."""
    folder = tmp_path_factory.mktemp("sound")
    simulate_observations(small_scene(), folder)
    return folder


@pytest.fixture(scope="module")
def expected(sound: Path) -> ProductSet:
    return made(sound, CURVE.replace(spectrum=SpectrumRequest(), image=ImageRequest()))


@pytest.fixture
def archive(sound: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(sound, tmp_path / "archive"))


# --- Files that are refused ------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("GRADE"), "the events lack GRADE"),
        (without("X", "Y"), "the events lack X, Y"),
        (as_float("TIME", 1), "times must be finite"),
        (as_float("PI", 2), "2 of 273 events have no finite PI"),
        (as_float("X", 3), "3 of 273 events have no finite X"),
        (keep(lambda data: np.zeros(len(data), dtype=bool)), "holds no event"),
        (good_times((10, 10)), "no good time"),
        (good_times((np.nan, 10)), "must be finite"),
        (good_times((-5e8, 499)), "good time of 5e\\+08 s without a break cannot be"),
        (cards(TELESCOP="NuSTAR", INSTRUME="FPMA", MJDREFI=55197, MJDREFF=0.00076601852), "come from NUSTAR FPMA"),
        (cards(MJDREFI=55197), "count from MJD 55197.00"),
        (cards(MJDREFF=0.0), "count from MJD 51910.00000000, those of Swift from 51910.00074287"),
        (reference_as_one_number, "count from MJD 55197.00"),
        (cards(TIMEUNIT="d"), "TIMEUNIT is 'd'"),
        (cards(TIMESYS="UTC"), "TIMESYS is 'UTC'"),
        (cards(DATAMODE="LOWRATE"), "'LOWRATE'; only PHOTON and WINDOWED"),
        (cards(DATAMODE="PILEDUP"), "'PILEDUP'; only PHOTON and WINDOWED"),
        (cards(EXPOSURE=4970.0), "4970.0 s of live time cannot be"),
        (cards(DEADC=99.6), "DEADC: a number above 0, at most 1"),
        (cards(TIMEDEL=0.0), "TIMEDEL: a number above 0"),
        (twice, "273 of 546 events are there twice"),
    ],
)
def test_unusable_files_say_why(archive: Path, change: Change, message: str) -> None:
    path = file_of(archive)
    altered(path, change)
    with pytest.raises((FormatError, NoDataError), match=message):
        EventList.read(path)
    with pytest.raises(NoDataError, match=rf"event files of 09999002000 are empty or damaged: .*{message}"):
        made(archive)


def test_file_that_is_cut_off(archive: Path) -> None:
    path = file_of(archive)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(NoDataError, match="09999002000 are empty or damaged: .*po_cl.evt.gz: .*truncated"):
        made(archive)


# --- Files that can be used -------------------------------------------------------------


def test_no_list_of_bad_pixels(archive: Path, expected: ProductSet) -> None:
    altered(file_of(archive), lambda hdus: hdus.pop("BADPIX"))
    products = made(archive)
    assert rates(products) == pytest.approx(rates(expected), rel=2e-3)
    assert "09999002000 PC lists no bad pixels" in told(products)


def nowhere(hdus: fits.HDUList) -> None:
    """Beyond the detector, as from a damaged record."""
    hdus["BADPIX"].data["RAWX"] = [-5, 9999, 32767, -32768]
    hdus["BADPIX"].data["YEXTENT"] = [600, 32767, -1, 1]


def test_bad_pixels_beyond_the_detector(archive: Path, expected: ProductSet) -> None:
    altered(file_of(archive), nowhere)
    assert rates(made(archive)) == pytest.approx(rates(expected), rel=2e-3)


def test_no_detector_coordinates(archive: Path, expected: ProductSet) -> None:
    """With the attitude file nothing changes; without, the header has to do."""
    altered(file_of(archive), without("DETX", "DETY", "RAWX", "RAWY"))
    assert rates(made(archive)) == pytest.approx(rates(expected), rel=1e-3)
    for folder in ("auxil", "hk"):
        shutil.rmtree(next(path for path in archive.rglob(folder) if path.is_dir()))
    products = made(archive)
    assert rates(products) == pytest.approx(rates(expected), rel=0.05)
    assert "the mean of the header, good to some tens of pixels; bad pixels are not applied" in told(products)


def not_numbers(hdus: fits.HDUList) -> None:
    hdus["ATTITUDE"].data["POINTING"] = np.nan


def other_times(hdus: fits.HDUList) -> None:
    hdus["ATTITUDE"].data["TIME"] += 1e6


def other_place(hdus: fits.HDUList) -> None:
    hdus["ATTITUDE"].data["POINTING"][:, 0] += 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (not_numbers, "pointing of 09999002000 is taken from its events: .*no sample with finite time"),
        (other_times, ""),
        (other_place, "attitude record not used in the snapshot .*: half of the events lie more than 7"),
        (None, "pointing of 09999002000 is taken from its events: .*truncated"),
    ],
)
def test_unusable_attitude(archive: Path, expected: ProductSet, change: Change | None, message: str) -> None:
    path = file_of(archive, "*sat.fits.gz")
    if change is None:
        path.write_bytes(path.read_bytes()[:4000])
    else:
        altered(path, change)
    products = made(archive)
    assert rates(products) == pytest.approx(rates(expected), rel=0.01)
    assert re.search(message, told(products))


@pytest.mark.parametrize("pairs", [[(300, 499), (0, 310), (20, 100)], [(0, 499), (0, 499)], [(0, 250), (250, 499)]])
def test_good_times_in_any_order_and_overlapping(
    archive: Path, expected: ProductSet, pairs: Sequence[tuple[float, float]]
) -> None:
    altered(file_of(archive), good_times(*pairs))
    products = made(archive)
    assert rates(products) == pytest.approx(rates(expected), rel=1e-3)
    assert products.light_curve.total["exposure"].sum().value == pytest.approx(499.0)


def test_events_outside_the_good_times(archive: Path, expected: ProductSet) -> None:
    """Cards of the whole observation are not believed either."""
    altered(file_of(archive), good_times((0, 200)))
    products = made(archive, CURVE.replace(spectrum=SpectrumRequest(), image=ImageRequest()))
    assert rates(products) == pytest.approx(rates(expected)[:2], rel=1e-3)
    (spectrum,) = products.spectrum.count_spectra
    assert spectrum.exposure.to_value(u.s) == pytest.approx(200 * 0.99600601)
    image = products.image[0]
    assert image.exposure.data.max() == pytest.approx(200)
    assert image.counts.meta["EXPOSURE"] == pytest.approx(200 * 0.99600601)
    for provenance in (products.light_curve.provenance, spectrum.provenance, image.provenance):
        said = [note for note in provenance.notes if "events of 09999002000 lie outside its good time" in note]
        assert len(said) == 1


def test_exposure_of_zero_in_the_header(archive: Path, expected: ProductSet) -> None:
    altered(file_of(archive), cards(EXPOSURE=0.0, LIVETIME=0.0, ONTIME=0.0))
    assert EventList.read(file_of(archive)).exposure.value == pytest.approx(496.96, abs=0.01)
    assert rates(made(archive)) == pytest.approx(rates(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "lost"), [(no_values(PI=-4095), "40 no energy"), (no_values(X=-1, Y=-1), "40 no place on the sky")]
)
def test_events_without_energy_or_place_are_told(archive: Path, change: Change, lost: str) -> None:
    altered(file_of(archive), change)
    with SwiftXRT(backend="local", archive=archive) as local:
        products = local.submit(CURVE).result(progress=False)
    cautions = dict(products.light_curve.provenance.cautions)
    assert f"of 273 events of 09999002000 PC, {lost}" in cautions["PartialResultWarning"]


def test_fractions_of_pixels_are_rounded(archive: Path) -> None:
    """Other programs write 462.9999 for 463."""
    path = file_of(archive)
    before = EventList.read(path)

    def change(hdus: fits.HDUList) -> None:
        as_float("X", 0)(hdus)
        hdus["EVENTS"].data["X"] -= 1e-4

    altered(path, change)
    assert np.array_equal(EventList.read(path).x, before.x)


def test_memory_grows_with_the_events(archive: Path, tmp_path: Path) -> None:
    """Ten million events need some gigabytes, not tens."""
    rng, number = np.random.default_rng(1), 200_000
    few = EventList.read(file_of(archive))
    columns = {name: rng.integers(1, 600, number) for name in ("x", "y", "detx", "dety", "pi")}
    many = replace(
        few, met=T0 + np.sort(rng.uniform(0, 499, number)), grade=np.zeros(number, int), bad_pixels=None, attitude=None,
        rawx=None, rawy=None, pha=None, status=None, **columns,
    )  # fmt: skip
    path = many.write(tmp_path / "many.evt")
    tracemalloc.start()
    try:
        read = EventList.read(path)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read) == number
    assert held < 80 * number
    assert peak < 400 * number


# --- Few counts -------------------------------------------------------------------------


def distance(archive: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Distance from the source in pixels, for `keep`."""
    x0, y0 = skycoord_to_pixel(PLACE, EventList.read(file_of(archive)).wcs, 1)
    return lambda data: np.hypot(data["X"] - x0, data["Y"] - y0)


def test_no_background_count(archive: Path, expected: ProductSet) -> None:
    away = distance(archive)
    altered(file_of(archive), keep(lambda data: away(data) < 35))
    products = made(archive, CURVE.replace(spectrum=SpectrumRequest()))
    (spectrum,) = products.spectrum.count_spectra
    (before,) = expected.spectrum.count_spectra
    assert spectrum.background.counts.sum() == 0
    assert spectrum.counts.sum() == before.counts.sum()
    assert np.all(rates(products) >= rates(expected))
    assert rates(products) == pytest.approx(rates(expected), rel=0.02)


def test_no_source_count(archive: Path) -> None:
    away = distance(archive)
    altered(file_of(archive), keep(lambda data: away(data) > 45))
    products = made(archive, CURVE.replace(spectrum=SpectrumRequest(), position=PositionRequest("standard")))
    curve = products.light_curve.total
    assert curve["is_upper_limit"].all()
    assert np.isfinite(rates(products)).all()
    (spectrum,) = products.spectrum.count_spectra
    assert (spectrum.counts.sum(), spectrum.background.counts.sum() > 0) == (0, True)
    assert "no significant source" in products.failed[ProductKind.STANDARD_POSITION]


def test_one_event(archive: Path) -> None:
    away = distance(archive)
    altered(file_of(archive), keep(lambda data: np.arange(len(data)) == np.argmin(away(data))))
    products = made(archive, CURVE.replace(spectrum=SpectrumRequest(), image=ImageRequest()))
    (spectrum,) = products.spectrum.count_spectra
    assert spectrum.counts.sum() == products.image[0].counts.data.sum() == 1
    assert np.isfinite(rates(products)).all()
    assert "no centroid" in told(products)


# --- Places on the detector --------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset_arcmin", "said"),
    [((0.0, 0.0), ""), ((-11.3, 0.0), "the source region is clipped by the edge of the field of view")],
)
def test_source_on_bad_columns_or_at_the_edge(tmp_path: Path, offset_arcmin: tuple[float, float], said: str) -> None:
    scene = replace(small_scene(duration=1 * u.ks, rate=0.5 * u.ct / u.s), pointing_offset_arcmin=offset_arcmin)
    simulate(tmp_path, scene=scene)
    products = made(tmp_path)
    curve = products.light_curve.total
    weight = curve["exposure"].value
    assert np.average(rates(products), weights=weight) == pytest.approx(0.5, rel=0.15)
    assert np.all(curve["correction_factor"] > 1.25)
    assert said in told(products)


def test_position_outside_the_field(sound: Path) -> None:
    near, far = (SkyCoord((150 + step) * u.deg, 20 * u.deg) for step in (0.19, 0.30))
    with pytest.raises(JobError, match=r"outside the field of view of all 1 PC event lists: .* 12\.4 arcmin off"):
        made(sound, CURVE.replace(target=Target("constant source", position=near)))
    with pytest.raises(NoDataError, match="outside the field of view of every observation"):
        made(sound, CURVE.replace(target=Target("constant source", position=far)))


# --- Regions -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["source_region", "background_region"])
def test_region_outside_the_field(sound: Path, name: str) -> None:
    settings = ExtractionSettings(**{name: 'fk5\ncircle(149.0,20,30")'})
    with pytest.raises(JobError, match=f"the {name.split('_')[0]} region given is outside the field of view"):
        made(sound, CURVE.replace(extraction=settings))


@pytest.mark.parametrize("text", ["# Region file format: DS9\n", 'circle(150,20,30")\n', ""])
def test_region_file_without_a_region(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.reg"
    path.write_text(text)
    with pytest.raises((RequestError, FormatError), match="no region could be read; each shape needs a frame"):
        ExtractionSettings(source_region=path)


# --- Several observations ----------------------------------------------------------------------


def renamed(folder: Path, obsid: str) -> None:
    """Give an observation another ObsID, but in names only."""
    new = folder.rename(folder.with_name(obsid))
    for path in list(new.rglob("*09999002000*")):
        path.rename(path.with_name(path.name.replace("09999002000", obsid)))


def in_two_folders(source: Path, archive: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(source, archive / name)


def with_two_names(source: Path, archive: Path) -> None:
    archive.mkdir()
    for name in ("a.evt.gz", "b.evt.gz"):
        shutil.copy(file_of(source), archive / name)


def with_two_obsids(source: Path, archive: Path) -> None:
    shutil.copytree(source, archive)
    renamed(archive / "09999002000", "09999002001")
    shutil.copytree(source, archive, dirs_exist_ok=True)


@pytest.mark.parametrize("copy", [in_two_folders, with_two_names, with_two_obsids])
def test_observations_that_are_there_twice_count_once(
    sound: Path, tmp_path: Path, expected: ProductSet, copy: Callable[[Path, Path], None]
) -> None:
    copy(sound, tmp_path / "archive")
    products = made(tmp_path / "archive", CURVE.replace(image=ImageRequest()))
    assert rates(products) == pytest.approx(rates(expected), rel=0.01)
    assert np.array_equal(products.image[0].counts.data, expected.image[0].counts.data)
    assert ("499 s of 09999002000 that another observation covers too" in told(products)) is (copy is with_two_obsids)


def test_two_targets(sound: Path, tmp_path: Path, expected: ProductSet) -> None:
    """By identifier they are refused, by position the other one is not looked at."""
    archive = Path(shutil.copytree(sound, tmp_path / "archive"))
    other = small_scene(position=SkyCoord(160 * u.deg, 20 * u.deg))
    simulate(archive, scene=replace(other, target_id="09999003"), seed=2)
    both = Target("constant source", target_ids=("09999002", "09999003"))
    request = CURVE.replace(spectrum=SpectrumRequest(), image=ImageRequest())
    with pytest.raises(JobError, match=r"(?s)09999002000.*and 09999003000.*are 9\.40 deg apart.*each target by itself"):
        made(archive, request.replace(target=both))
    assert np.array_equal(rates(made(archive)), rates(expected))


def in_windowed_timing(archive: Path, moved: u.Quantity) -> None:
    """Add a windowed timing file of the same observation, pointed elsewhere."""
    position = PLACE.directional_offset_by(0 * u.deg, moved)
    scene = small_scene(position=position, rate=20 * u.ct / u.s, duration=100 * u.s)
    snapshots = tuple(replace(one, start_s=one.start_s + 1000.0) for one in scene.snapshots)
    simulate(archive, scene=replace(scene, snapshots=snapshots))


@pytest.mark.parametrize(("moved", "said"), [(20 * u.arcmin, "WT mode was left out"), (3 * u.deg, "")])
def test_modes_of_different_pointings(archive: Path, expected: ProductSet, moved: u.Quantity, said: str) -> None:
    in_windowed_timing(archive, moved)
    if not said:
        with pytest.raises(JobError, match=r"are 3\.\d\d deg apart"):
            made(archive)
        return
    products = made(archive)
    assert set(products.light_curve.total["mode"]) == {Mode.PC.value}
    assert rates(products) == pytest.approx(rates(expected), rel=0.01)
    assert said in told(products)


# --- Calibration -----------------------------------------------------------------------------


def test_calibration_that_is_missing_or_of_another_mission(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="swxpsf"):
        made(sound, caldb=tmp_path)
    tree = write_caldb(tmp_path / "caldb")
    altered(next(tree.rglob("swxpsf*")), cards(TELESCOP="NuSTAR", INSTRUME="FPMA"))
    with pytest.raises((FormatError, NoDataError), match="(?i)nustar"):
        made(sound, caldb=tree)
