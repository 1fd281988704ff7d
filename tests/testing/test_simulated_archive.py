"""The folders of simulated observations, and scenes in files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS

import swiftxrt
from swiftxrt import EventList, Mode, Observation, Scene, SkyImage, Source, simulate_observations
from swiftxrt.cli import main as cli
from swiftxrt.engine.demonstration import default_scene
from swiftxrt.engine.scene import Snapshot
from swiftxrt.engine.simulate import simulate_field
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Sinusoid
from swiftxrt.exceptions import FormatError, OutputExistsError, RequestError
from swiftxrt.io.attitude import read_attitude, read_housekeeping
from swiftxrt.testing import scene_files, synthetic_files
from swiftxrt.testing.scene_files import read_scene, scene_text

PLACE = SkyCoord(150.0, 20.0, unit="deg")
RATE = 0.5 * u.ct / u.s


def wcs() -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype, made.wcs.crval, made.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 20.0], [2.0, 2.0]
    made.wcs.cdelt = [-0.01, 0.01]
    return made


@pytest.fixture(scope="module")
def scene() -> Scene:
    image = CCDData(np.arange(9.0).reshape(3, 3), wcs=wcs(), unit=u.one)
    return Scene.of(
        [
            Source.at(PLACE, rate=RATE),
            Source.at(name="diffuse", image=image, rate=RATE),
            Source.at(PLACE, name="wave", rate=Sinusoid(0.1, 0.5, 300.0), extent=20 * u.arcsec),
            Source.at(PLACE, name="sum", spectrum=1e-4 * AbsorbedPowerLaw() + 1e-4 * AbsorbedPowerLaw(1.0)),
        ],
        exposure=[0.6, 0.3] * u.ks,
        roll=[10, 200] * u.deg,
        name="test field",
    )


@pytest.fixture(scope="module")
def made(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Observation]]:
    folder = tmp_path_factory.mktemp("simulated")
    return folder, simulate_observations(scene, folder, seed=5)


def test_folders_are_those_of_the_archive(made: tuple[Path, list[Observation]]) -> None:
    folder, observations = made
    assert [one.obsid for one in observations] == ["09999004000", "09999004001"]
    below = folder / "09999004000"
    assert sorted(path.relative_to(below).as_posix() for path in below.rglob("*") if path.is_file()) == [
        "auxil/sw09999004000_scene.json",
        "auxil/sw09999004000s.mkf.gz",
        "auxil/sw09999004000sat.fits.gz",
        "xrt/event/sw09999004000xpcw3po_cl.evt.gz",
        "xrt/hk/sw09999004000xhd.hk.gz",
        "xrt/products/sw09999004000xpc_ex.img.gz",
        "xrt/products/sw09999004000xpc_sk.img.gz",
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["09999004000", "09999004001"]


def test_events_are_those_of_the_simulation(made: tuple[Path, list[Observation]], scene: Scene) -> None:
    expected = [file.events for one in simulate_field(scene, seed=5) for file in one.files]
    assert [one.events(Mode.PC) for one in made[1]] == expected


def test_every_file_says_that_it_is_simulated(made: tuple[Path, list[Observation]]) -> None:
    for path in made[0].rglob("*.gz"):
        with fits.open(path) as hdus:
            for hdu in hdus[:2]:
                assert hdu.header["SIMULATE"] is True, path.name
                assert hdu.header["SIMSEED"] == 5
                assert hdu.header["OBJECT"] == "SIM_test field"


def test_attitude_and_frame_headers_agree(made: tuple[Path, list[Observation]]) -> None:
    folder = made[0] / "09999004000"
    attitude = read_attitude(folder / "auxil" / "sw09999004000sat.fits.gz")
    frames = read_housekeeping(folder / "xrt" / "hk" / "sw09999004000xhd.hk.gz")
    assert len(frames) == int(600 / 2.5073)
    assert (frames["xrt_mode"] == 7).all()
    assert frames["settled"].all()
    assert not frames["in_saa"].any()
    middle = np.searchsorted(attitude.met, frames["met"].value + 1.25)
    there = SkyCoord(frames["ra"], frames["dec"], frame="fk5")
    assert there.separation(attitude.coord[middle]).arcsec.max() < 4  # Jitter of a second, and single precision.
    assert np.ptp(attitude.roll_deg) < 0.1
    with fits.open(folder / "auxil" / "sw09999004000sat.fits.gz") as hdus:
        table = hdus["ATTITUDE"].data
        x, y, z, w = table["QPARAM"].T
        # Where the rotation takes the x axis of the spacecraft.
        axis = np.stack([1 - 2 * (y**2 + z**2), 2 * (x * y + z * w), 2 * (x * z - y * w)], axis=1)
        assert np.allclose(axis, attitude.coord.cartesian.xyz.value.T, atol=1e-9)
        assert table["POINTING"].shape[1] == 3
        roll = np.degrees(np.arctan2(2 * (y * z + x * w), 1 - 2 * (x**2 + y**2)))
        assert np.allclose(np.mod(roll, 360), attitude.roll_deg, atol=1e-6)
    with fits.open(folder / "auxil" / "sw09999004000s.mkf.gz") as hdus:
        assert np.allclose(hdus["FILTER"].data["RA"], attitude.ra_deg)


def test_image_and_exposure_belong_to_the_events(made: tuple[Path, list[Observation]]) -> None:
    products = made[0] / "09999004000" / "xrt" / "products"
    image = SkyImage.read(products / "sw09999004000xpc_sk.img.gz", exposure=products / "sw09999004000xpc_ex.img.gz")
    events = made[1][0].events(Mode.PC)
    assert image.counts.data.sum() == len(events)
    assert image.exposure is not None
    assert image.exposure.data.max() == pytest.approx(events.gti.exposure_s)
    assert (image.exposure.data[image.counts.data > 0] > 0).mean() > 0.99
    x, y = image.wcs.world_to_pixel(PLACE)
    assert (
        image.counts.data[round(float(y)) - 8 : round(float(y)) + 9, round(float(x)) - 8 : round(float(x)) + 9].sum()
        > 100
    )


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
def test_stingray_reads_the_events(made: tuple[Path, list[Observation]]) -> None:
    stingray = pytest.importorskip("stingray")
    (path,) = made[1][0].files[Mode.PC]
    ours, theirs = EventList.read(path), stingray.EventList.read(str(path), fmt="hea")
    assert np.allclose(np.asarray(theirs.time, dtype=float), ours.met)
    assert np.allclose(theirs.gti, np.array(list(ours.gti)))


# --- Whole or not at all --------------------------------------------------------


def test_what_is_there_stays_unless_told(made: tuple[Path, list[Observation]], scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "archive")
    archive = tmp_path / "archive"
    with pytest.raises(OutputExistsError, match="09999004000, 09999004001"):
        simulate_observations(scene, archive, seed=6)
    (archive / "09999004000" / "old").write_text("of before")
    again = simulate_observations(scene, archive, seed=6, overwrite=True)
    assert again[0].events(Mode.PC).header["SIMSEED"] == 6
    assert not (archive / "09999004000" / "old").exists()
    assert sorted(path.name for path in archive.iterdir()) == ["09999004000", "09999004001"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="is a file"):
        simulate_observations(scene, tmp_path / "file")


def test_half_an_observation_is_never_seen(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic_files, "_housekeeping", broken)
    with pytest.raises(KeyboardInterrupt):
        simulate_observations(scene, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_arguments_are_checked(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="whole number"):
        simulate_observations(scene, tmp_path, seed=-1)
    with pytest.raises(RequestError, match="a Scene is needed"):
        simulate_observations("scene", tmp_path)  # type: ignore[arg-type]


# --- Scenes in files ------------------------------------------------------------


def test_the_record_gives_the_same_events(made: tuple[Path, list[Observation]], scene: Scene) -> None:
    again, seed = read_scene(made[0] / "09999004001" / "auxil" / "sw09999004001_scene.json")
    assert seed == 5
    assert again.snapshots == scene.snapshots
    assert again.sources[0] == scene.sources[0]
    events = [file.events for one in simulate_field(again, seed=5) for file in one.files]
    assert events == [one.events(Mode.PC) for one in made[1]]


def test_the_default_scene_can_be_recorded(tmp_path: Path) -> None:
    path = tmp_path / "scene.json"
    path.write_text(scene_text(default_scene(), seed=2))
    assert read_scene(path) == (default_scene(), 2)


def test_curves_of_others_cannot_be_recorded(tmp_path: Path) -> None:
    class Own:
        def rate_cps(self, met_s: object) -> np.ndarray:
            return np.full(np.shape(met_s), 0.1)

    scene = Scene("x", "09999003", (Source("a", 150.0, 20.0, Own()),), (Snapshot(5e8, 100.0),))
    with pytest.raises(RequestError, match="Own cannot be recorded"):
        simulate_observations(scene, tmp_path)
    assert list(tmp_path.iterdir()) == []


SCENE = """
name: my field
exposure: [0.3 ks, 200 s]
start: [2021-03-04, "2021-05-06T07:08:09"]
roll: 30 deg
background: 8e-7 ct/s
pointing: 10h00m00s +20d01m00s
jitter_arcsec: 0.5
mode: PC
seed: 7
sources:
  - position: 10h00m00s +20d00m00s
    rate: 0.3 ct/s
    photon_index: 2
    column_density: 1e21 cm-2
  - position: [150.05, 20.05]
    flux: 1e-12 erg/(s cm2)
    extent: 40 arcsec
  - position: 150.1 19.95
    rate: {time: ["2021-03-04", "2021-03-06"], rate: [0.1 ct/s, 0.01 ct/s]}
    spectrum: spectrum.ecsv
  - image: image.fits
    rate: {kind: Sinusoid, level_cps: 0.2, fraction: 0.5, period_s: 100.0}
"""


def write_scene(folder: Path) -> Path:
    energy = np.geomspace(0.2, 12, 100) * u.keV
    QTable([energy, energy.value**-2 / (u.cm**2 * u.s * u.keV)]).write(folder / "spectrum.ecsv")
    fits.PrimaryHDU(np.eye(3), wcs().to_header()).writeto(folder / "image.fits")
    (folder / "scene.yaml").write_text(SCENE)
    return folder / "scene.yaml"


def test_scenes_written_by_hand(tmp_path: Path) -> None:
    scene, seed = read_scene(write_scene(tmp_path))
    assert seed == 7
    assert [one.name for one in scene.sources] == ["target", "source 1", "source 2", "source 3"]
    assert scene.sources[0].spectrum == AbsorbedPowerLaw(2, 1e21)
    assert scene.sources[3].curve == Sinusoid(0.2, 0.5, 100.0)
    assert scene.sources[3].position.separation(PLACE).arcsec < 0.1
    assert scene.exposure == 500 * u.s
    assert scene.start.isot.startswith("2021-03-04T00:00:00")
    assert scene.pointing_offset_arcmin == pytest.approx((0, 1), abs=1e-6)
    assert scene.jitter_arcsec == 0.5


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[1, 2]", FormatError, "a scene is a mapping"),
        ("a: [", FormatError, "neither YAML nor JSON"),
        ("sources: 3", RequestError, "a list of mappings"),
        ("sources: []", RequestError, "target is missing"),
        ("sources: [{position: here, rate: 1 ct/s}]", RequestError, r"sources\[0\].position"),
        ("sources: [{position: 150 20, rate: 1 parsnip}]", RequestError, r"sources\[0\].rate"),
        ("sources: [{position: 150 20, rate: 1 ct/s, colour: red}]", RequestError, r"sources\[0\].*colour"),
        ("sources: [{position: 150 20, rate: {kind: Nova}}]", RequestError, "one of .*Afterglow"),
        ("sources: [{kind: Constant, level_cps: 1}]", RequestError, "a Source is needed"),
        ("sources: [{position: 150 20, rate: 1 ct/s}]\nexposure: 3 deg", RequestError, "exposure"),
        ("sources: [{position: 150 20, rate: 1 ct/s}]\nstart: someday", RequestError, "start"),
        ("sources: [{position: 150 20, spectrum: none.ecsv}]", FormatError, "no such file"),
        ("kind: Constant\nlevel_cps: 1", RequestError, "Scene is needed"),
        ("kind: Scene\nname: x", RequestError, "scene.target_id: is missing"),
        ("kind: Scene\nname: x\ntarget_id: y\nsources: 3\nsnapshots: 4", RequestError, "do not fit"),
    ],
)
def test_scene_files_say_what_is_wrong(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(error, match=said):
        read_scene(path)


def test_all_problems_of_a_scene_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "exposre: 5 ks\nroll: 3 parsnip\nsources: [{positon: 150 20, rate: 1 ct/s}, {position: 150 20, rate: 1}]"
    )
    with pytest.raises(RequestError) as caught:
        read_scene(path)
    assert [name for name, _ in caught.value.problems] == [
        *("sources[0].positon", "sources[1].rate", "scene.exposre", "scene.roll")
    ]
    assert "did you mean 'position'?" in caught.value.problems[0][1]
    assert "did you mean 'exposure'?" in caught.value.problems[2][1]
    assert "unexpected keyword" not in str(caught.value)


def test_no_scene_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        read_scene(tmp_path / "scene.yaml")
    (tmp_path / "scene.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not a text"):
        read_scene(tmp_path / "scene.yaml")
    (tmp_path / "scene.json").write_text(json.dumps({"sources": [{"position": "150 20", "image": "scene.json"}]}))
    with pytest.raises(FormatError):
        read_scene(tmp_path / "scene.json")


def test_command_simulates_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_scene(tmp_path)
    archive = tmp_path / "archive"
    command = ["simulate", str(archive), "--scene", str(path)]
    assert cli.main(command) == 0
    assert capsys.readouterr().out.split() == [str(archive / "09999004000"), str(archive / "09999004001")]
    assert Observation.open(archive / "09999004000").header["SIMSEED"] == 7
    assert cli.main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*command, "--overwrite", "--seed", "8"]) == 0
    assert Observation.open(archive / "09999004000").header["SIMSEED"] == 8


def test_public_names_are_these() -> None:
    assert swiftxrt.Scene is Scene
    assert swiftxrt.Source is Source
    assert scene_files.__all__ == ["read_scene", "scene_text"]
