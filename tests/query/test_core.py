"""The class users talk to, on the local engine."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

import swiftxrt
from swiftxrt import (
    CountsBinning,
    EnergyBand,
    ExtractionSettings,
    FirstHours,
    ImageRequest,
    LightCurveRequest,
    Observations,
    ObsidBinning,
    ObsidSlices,
    PositionRequest,
    SnapshotBinning,
    SnapshotSlices,
    SpectrumRequest,
    SwiftXRT,
    SwiftXRTClass,
    Target,
    TimeBinning,
    TimeIntervals,
    TimeSlice,
    TimeSlices,
    XRTRequest,
    conf,
)
from swiftxrt.exceptions import NoDataError, PartialResultWarning, ProductNotAvailableError, RequestError
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase
from swiftxrt.query.resolve import as_target
from swiftxrt.testing.synthetic import simulate, small_observation, small_scene

NAME = "constant source"
BINNING = CountsBinning(pc_counts=20, wt_counts=30)


@pytest.fixture(scope="module")
def local(small_archive: Path) -> SwiftXRTClass:
    return SwiftXRTClass(backend="local", archive=small_archive)


@pytest.fixture(scope="module")
def three_snapshots(tmp_path_factory: pytest.TempPathFactory) -> SwiftXRTClass:
    folder = tmp_path_factory.mktemp("three")
    small_observation(folder, snapshots=3)
    return SwiftXRTClass(backend="local", archive=folder)


def test_ready_instance_makes_others() -> None:
    assert isinstance(SwiftXRT, SwiftXRTClass)
    other = SwiftXRT(backend="local", archive="somewhere")
    assert type(other) is SwiftXRTClass
    assert other is not SwiftXRT
    assert "local" in repr(other)


def test_backend_names_and_archives_are_checked(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'local'"):
        SwiftXRTClass(backend="locl")
    with pytest.raises(RequestError, match="backend='local'"):
        SwiftXRTClass(archive=tmp_path)
    for bad in ({"archive": 5}, {"archive": "a\0b"}, {"archive": tmp_path, "state": ""}):
        with pytest.raises(RequestError, match="a path is needed|NUL character"):
            SwiftXRTClass(backend="local", **bad)
    with pytest.raises(RequestError, match="SWIFTXRT_ARCHIVE"):
        SwiftXRTClass(backend="local").make_image("X")
    with pytest.raises(RequestError, match="no folder"):
        SwiftXRTClass(backend="local", archive=tmp_path / "none").make_image("X")
    with pytest.raises(NoDataError, match="no XRT event file"):
        SwiftXRTClass(backend="local", archive=tmp_path).make_image("X")


def test_service_needs_a_registered_address() -> None:
    with pytest.raises(RequestError, match="SWIFTXRT_USER"):
        SwiftXRTClass().make_image("X")


def test_address_is_given_by_name() -> None:
    with pytest.raises(RequestError, match=r"given by name: SwiftXRT\(user=...\)") as caught:
        SwiftXRTClass("me@example.org")
    assert "me@" not in str(caught.value)


def test_submit_wants_a_request(local: SwiftXRTClass) -> None:
    with pytest.raises(RequestError, match="XRTRequest"):
        local.submit({"lc": 1})  # type: ignore[arg-type]


def test_targets_in_every_form() -> None:
    coord = SkyCoord(150 * u.deg, 20 * u.deg)
    assert as_target("GK Per") == Target(name="GK Per")
    assert as_target(coord).position.separation(coord) < 1e-6 * u.arcsec
    assert as_target(coord).name.startswith("J1000")
    with pytest.raises(RequestError, match="SkyCoord"):
        as_target((150, 20))


def test_light_curve_by_name_and_by_position(local: SwiftXRTClass) -> None:
    by_name = local.make_light_curve(NAME, binning=BINNING)
    by_position = local.make_light_curve(SkyCoord(150 * u.deg, 20 * u.deg), binning=BINNING)
    assert by_name.total["rate"].unit == u.ct / u.s
    assert len(by_name.total) == len(by_position.total) > 3
    assert set(by_name.total["mode"]) == {"PC"}


@pytest.mark.parametrize(
    ("binning", "bins"),
    [(SnapshotBinning(), 3), (ObsidBinning(), 1), (TimeBinning(pc_bin=250 * u.s), 6), (BINNING, None)],
)
def test_four_binnings_count_the_same_events(three_snapshots: SwiftXRTClass, binning: object, bins: int | None) -> None:
    curve = three_snapshots.make_light_curve(NAME, binning=binning).total
    assert bins is None or abs(len(curve) - bins) <= (isinstance(binning, TimeBinning) * 3)
    reference = three_snapshots.make_light_curve(NAME, binning=ObsidBinning()).total
    assert curve["counts"].sum() == reference["counts"].sum()
    assert u.isclose(curve["exposure"].sum(), reference["exposure"].sum(), rtol=1e-9)
    assert curve.binning in ("counts", "time", "snapshot", "obsid")
    assert set(curve["obsid"]) == {"09999002000"}


def test_bands_add_up(local: SwiftXRTClass) -> None:
    curves = local.make_light_curve(
        NAME,
        binning=ObsidBinning(),
        band="0.3-10 keV",
        soft=EnergyBand(0.3 * u.keV, 1.5 * u.keV),
        hard=EnergyBand(1.51 * u.keV, 10 * u.keV),
    )
    total, soft, hard = (curves[name]["rate"][0].value for name in ("total", "soft", "hard"))
    assert soft + hard == pytest.approx(total, rel=0.02)
    assert curves.hardness_ratio["hardness_ratio"][0] == pytest.approx(hard / soft, rel=1e-6)


def test_spectra_by_slice(three_snapshots: SwiftXRTClass) -> None:
    whole = three_snapshots.make_spectrum(NAME, data=FirstHours(24 * u.h))
    assert whole.counts.stem == "interval0pc"
    by_snapshot = three_snapshots.make_spectra(NAME, slices=SnapshotSlices())
    assert [one.label for one in by_snapshot.count_spectra] == [f"Obs_09999002000snap{n}" for n in (1, 2, 3)]
    assert sum(one.counts.sum() for one in by_snapshot.count_spectra) == whole.counts.counts.sum()
    by_obsid = three_snapshots.make_spectra(NAME, slices=ObsidSlices())
    assert list(by_obsid) == ["Obs_09999002000pc"]
    start = whole.counts.gti.start[0] * u.s
    halves = TimeSlices(
        TimeSlice(label="early", intervals=(start, start + 1000 * u.s)),
        TimeSlice(label="late", intervals=(start + 1000 * u.s, start + 20000 * u.s)),
    )
    sliced = three_snapshots.make_spectra(NAME, slices=halves)
    assert list(sliced) == ["earlypc", "latepc"]
    assert sum(one.counts.sum() for one in sliced.count_spectra) == whole.counts.counts.sum()


def test_one_spectrum_of_one_mode(local: SwiftXRTClass) -> None:
    spectrum = local.make_spectrum(NAME, mode="PC")
    assert spectrum.counts.background.counts.sum() > 0
    assert spectrum.counts.source_region.startswith("fk5\ncircle(150.0")
    assert spectrum.counts.background_region.startswith("fk5\nannulus(150.0")
    with pytest.raises(ProductNotAvailableError, match="interval0pc"):
        local.make_spectrum(NAME, mode="WT")
    with pytest.raises(RequestError, match="PC, WT; got 'pc'"):
        local.make_spectrum(NAME, mode="pc")


def test_one_spectrum_is_not_taken_out_of_several_slices(
    three_snapshots: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = 4e8 * u.s
    first, second = (TimeSlice(label=name, intervals=(start, end * u.s)) for name, end in (("a", 9e8), ("b", 8e8)))
    assert three_snapshots.make_spectrum(NAME, slices=TimeSlices(first)).counts.stem == "apc"
    monkeypatch.setattr(three_snapshots, "_submit", lambda request: pytest.fail("nothing is to be submitted"))
    with pytest.raises(
        RequestError, match=r"slices: one spectrum is made here, and 2 slices make several: make_spectr"
    ):
        three_snapshots.make_spectrum(NAME, slices=TimeSlices(first, second))
    for slices in (SnapshotSlices(), ObsidSlices()):
        with pytest.raises(RequestError, match=rf"and {type(slices).__name__}\(\) make several: make_spectra\(\)"):
            three_snapshots.make_spectrum(NAME, slices=slices)


def test_one_spectrum_of_two_modes(burst_archive: Path) -> None:
    with SwiftXRTClass(backend="local", archive=burst_archive) as local:
        target = Target("GRB 200416A", resolve_t0=True)
        early = FirstHours(0.5 * u.h)
        with pytest.warns(PartialResultWarning, match=r"2 spectra were made \(.*\), and .*, which has the most counts"):
            best = local.make_spectrum(target, data=early)
        assert best.counts.mode == "WT"
        assert best.counts.counts.sum() > 1000


def test_interrupted_waiting_leaves_no_job_behind(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Job, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Job, "wait", interrupt)
    with SwiftXRTClass(backend="local", archive=small_archive) as xrt:
        with pytest.raises(KeyboardInterrupt):
            xrt.make_spectra(NAME)
        (job_id,) = xrt.list_jobs()["job_id"]
        assert xrt.get_job(job_id).refresh().phase in (Phase.ABORTED, Phase.COMPLETED)


def test_closing_gives_everything_back(small_archive: Path) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive) as xrt:
        assert len(xrt.make_image(NAME)) == 3
        folder = xrt._backend.store.folder
    assert not folder.exists()
    xrt.close()
    assert len(xrt.make_image(NAME)) == 3
    xrt.close()


def test_selections(three_snapshots: SwiftXRTClass) -> None:
    whole = three_snapshots.make_image(NAME)[0].counts.data.sum()
    first = three_snapshots.make_spectra(NAME, slices=SnapshotSlices()).count_spectra[0].gti
    window = TimeIntervals((first.start[0] * u.s, first.stop[-1] * u.s))
    assert 0 < three_snapshots.make_image(NAME, data=window)[0].counts.data.sum() < whole / 2
    with pytest.raises(ProductNotAvailableError, match="09999002000"):
        three_snapshots.make_image(NAME, data=Observations("09999002001"))
    with pytest.raises(ProductNotAvailableError, match="no good time"):
        three_snapshots.make_image(NAME, data=TimeIntervals((2e8 * u.s, 2.1e8 * u.s)))
    parts = Observations("09999002000", "09999002001")
    with pytest.warns(PartialResultWarning, match="no data of the observations 09999002001"):
        assert three_snapshots.make_image(NAME, data=parts)[0].counts.data.sum() == whole
    with pytest.warns(PartialResultWarning, match="09999002001"):
        three_snapshots.make_light_curve(NAME, binning=BINNING, data=parts)
    with pytest.warns(PartialResultWarning, match="09999002001"):
        three_snapshots.make_spectra(NAME, data=parts)


def test_first_hours_in_two_products_count_from_the_same_start(three_snapshots: SwiftXRTClass) -> None:
    hour = FirstHours(1 * u.h)
    request = XRTRequest(
        target=Target(NAME),
        light_curve=LightCurveRequest(binning=SnapshotBinning()),
        spectrum=SpectrumRequest(data=hour),
        position=PositionRequest(kinds="standard", data=hour),
    )
    products = three_snapshots.submit(request).result(progress=False)
    (spectrum,) = products.spectrum.count_spectra
    snapshots = products.light_curve.total
    assert len(snapshots) == 3
    assert u.isclose(spectrum.exposure, snapshots["exposure"][0], rtol=0.01)


def test_position(local: SwiftXRTClass) -> None:
    position = local.make_position(NAME)
    assert position.separation(SkyCoord(150 * u.deg, 20 * u.deg)) < 1.5 * position.radius
    assert position.region.radius == position.radius
    with pytest.raises(ProductNotAvailableError, match="UVOT"):
        local.make_position(NAME, kind="enhanced")
    with pytest.raises(RequestError, match="did you mean 'standard'"):
        local.make_position(NAME, kind="standrad")
    with pytest.raises(RequestError, match="give kind="):
        local.make_position(NAME, kinds=("standard", "enhanced"))


def test_other_bands_take_their_soft_and_hard_part_along(local: SwiftXRTClass) -> None:
    curves = local.make_light_curve(NAME, binning=ObsidBinning(), band="1-2 keV")
    assert (curves.total.band, curves.soft.band, curves.hard.band) == ("1-2 keV", "1-1.5 keV", "1.5-2 keV")
    with pytest.raises(RequestError, match="soft: is needed"):
        local.make_light_curve(NAME, binning=ObsidBinning(), band="2-10 keV")


def test_no_source_no_position(local: SwiftXRTClass) -> None:
    empty = SkyCoord(150.08 * u.deg, 20.08 * u.deg)
    with pytest.raises(ProductNotAvailableError, match="position"):
        local.make_position(Target(name="nothing", position=empty), search_radius=10 * u.arcsec)


def test_images(local: SwiftXRTClass) -> None:
    images = local.make_image(NAME, bands=["0.3-10 keV", "1-2 keV"])
    assert [str(image.band) for image in images] == ["0.3-10 keV", "1-2 keV"]
    assert images[0].counts.unit == u.ct
    assert images[0].exposure.unit == u.s
    assert images[0].counts.meta["INSTRUME"] == "XRT"
    assert images[0].counts.meta["OBJECT"] == NAME
    assert images[0].counts.meta["EXPOSURE"] == pytest.approx(498, abs=5)
    assert images[1].counts.data.sum() < images[0].counts.data.sum()


def test_position_outside_the_field(local: SwiftXRTClass) -> None:
    with pytest.raises(NoDataError, match="outside the field of view"):
        local.make_image(SkyCoord(150 * u.deg, 21 * u.deg))
    with pytest.raises(NoDataError, match="outside the field of view"):
        local.make_image(Target(name="X", position=SkyCoord(150 * u.deg, 21 * u.deg), target_ids=("09999002",)))


def test_unknown_names_and_targets(local: SwiftXRTClass) -> None:
    with pytest.raises(NoDataError, match="did you mean"):
        local.make_image("constant sorce")
    with pytest.raises(NoDataError, match="09999002"):
        local.make_image(Target(name="X", target_ids=("00012345",)))


def test_windowed_timing_only(tmp_path: Path) -> None:
    simulate(tmp_path, scene=small_scene(rate=20 * u.ct / u.s, duration=100 * u.s))
    local = SwiftXRTClass(backend="local", archive=tmp_path)
    request = XRTRequest(
        target=Target(name=NAME),
        light_curve=LightCurveRequest(binning=BINNING),
        spectrum=SpectrumRequest(),
        position=PositionRequest(kinds="standard"),
        image=ImageRequest(),
    )
    products = local.submit(request).result(progress=False)
    assert set(products.light_curve.total["mode"]) == {"WT"}
    assert list(products.spectrum) == ["interval0wt"]
    for kind in (Kind.STANDARD_POSITION, Kind.IMAGE):
        assert "photon-counting data" in products.failed[kind]


def test_reference_time_of_a_burst(burst_archive: Path) -> None:
    local = SwiftXRTClass(backend="local", archive=burst_archive)
    job = local.submit(XRTRequest(target=Target(name="SIM_GRB 200416A", resolve_t0=True), image=ImageRequest()))
    assert job.request.target.t0_met == 608713541.952
    assert job.request.target.position is not None
    job.wait(progress=False)


def test_settings_are_used(local: SwiftXRTClass) -> None:
    small = local.make_spectrum(NAME, extraction=ExtractionSettings(source_radius_max=8 * u.pix))
    large = local.make_spectrum(NAME)
    assert small.counts.backscale < large.counts.backscale
    assert small.counts.backscale == pytest.approx(3.1416 * 8**2 / 1e6, rel=0.1)


def test_archive_from_configuration(small_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with conf.set_temp("archive", str(small_archive)):
        assert len(SwiftXRTClass(backend="local").make_image(NAME)) == 3
    monkeypatch.setenv("SWIFTXRT_ARCHIVE", str(small_archive))
    assert len(SwiftXRTClass(backend="local").make_image(NAME)) == 3


def test_products_survive_writing(local: SwiftXRTClass, tmp_path: Path) -> None:
    request = XRTRequest(
        target=Target(name=NAME),
        light_curve=LightCurveRequest(binning=BINNING),
        spectrum=SpectrumRequest(),
        position=PositionRequest(kinds=("standard", "enhanced")),
        image=ImageRequest(bands="0.3-10 keV"),
    )
    products = local.submit(request).result(progress=False)
    products.write(tmp_path / "out")
    again = swiftxrt.ProductSet.read(tmp_path / "out")
    assert again.light_curve.total.equals(products.light_curve.total)
    assert again.spectrum == products.spectrum
    assert again.standard_position == products.standard_position == again.position
    assert again.image == products.image
    assert again.failed == products.failed
    assert again.request == products.request
    with pytest.raises(swiftxrt.exceptions.OutputExistsError):
        products.write(tmp_path / "out")
    (tmp_path / "out" / "standard_position" / "position.json").write_text("{}")
    with pytest.raises(swiftxrt.exceptions.FormatError, match="changed"):
        swiftxrt.ProductSet.read(tmp_path / "out")
