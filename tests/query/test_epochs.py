"""The same products at several times."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    CountSpectrum,
    ImageRequest,
    ProductKind,
    ProductSet,
    Scene,
    Source,
    SpectrumRequest,
    SpectrumSet,
    SwiftXRTClass,
    Target,
    XRTRequest,
)
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import (
    JobError,
    JobTimeoutError,
    NoDataError,
    PartialResultWarning,
    ProductNotAvailableError,
    RequestError,
)
from swiftxrt.products.epochs import EpochSet
from swiftxrt.products.outcomes import Outcome
from swiftxrt.testing import simulate

PLACE = SkyCoord(136.17, -32.38, unit="deg")
REQUEST = XRTRequest(
    target=Target("SIM_TPyx", position=PLACE), spectrum=SpectrumRequest(), image=ImageRequest(bands="0.3-10 keV")
)
OBSIDS = ("09999004000", "09999004001")
ABSENT = "00011111001"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    star = Source.at(PLACE, rate=0.3 * u.ct / u.s)
    folder = tmp_path_factory.mktemp("epochs")
    simulate(folder, scene=Scene.of(star, exposure=[400, 300] * u.s, name="TPyx"))
    return folder


@pytest.fixture(scope="module")
def xrt(archive: Path) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(backend="local", archive=archive) as client:
        yield client


@pytest.fixture(scope="module")
def epochs(xrt: SwiftXRTClass) -> EpochSet:
    return xrt.make_epochs(REQUEST, [*OBSIDS, ABSENT])


def test_each_epoch_has_products_of_its_own(epochs: EpochSet) -> None:
    assert list(epochs) == list(OBSIDS)
    assert (len(epochs), repr(epochs)) == (2, "<EpochSet: 2 of 3 epochs>")
    for obsid in OBSIDS:
        assert {kind.value for kind in epochs[obsid]} == {"image", "spectrum"}
    exposures = [epochs[obsid].spectrum.count_spectra[0].exposure.to_value(u.s) for obsid in OBSIDS]
    assert exposures == pytest.approx([400, 300], rel=0.02)


def test_a_failed_epoch_takes_nothing_from_the_others(epochs: EpochSet) -> None:
    assert list(epochs.failed) == [ABSENT]
    assert ABSENT not in epochs
    with pytest.raises(JobError, match="none of the observations asked for"):
        epochs[ABSENT]
    assert epochs.table["ok"].tolist() == [True, True, False]
    assert epochs.table["epoch"].tolist() == epochs.table["obsids"].tolist() == [*OBSIDS, ABSENT]
    assert "none of the observations" in epochs.table["error"][2]


def test_spectra_and_images_by_epoch(epochs: EpochSet) -> None:
    with pytest.warns(PartialResultWarning, match="1 of 3 are missing"):
        spectra = epochs.spectra("PC")
    assert list(spectra) == list(OBSIDS)
    assert all(one.rmf is not None for one in spectra.values())
    with (
        pytest.warns(PartialResultWarning, match="1 of 3 are missing"),
        pytest.warns(PartialResultWarning, match=f"there is no WT spectrum of {OBSIDS[0]}, {OBSIDS[1]}$"),
    ):
        assert epochs.spectra("WT") == {}
    for band in (0, "0.3-10 keV", EnergyBand.parse("0.3-10 keV")):
        with pytest.warns(PartialResultWarning):
            assert [one.band.text for one in epochs.images(band).values()] == ["0.3-10"] * 2
    for wrong in (1, -1, "0.3-1.5 keV", EnergyBand.parse("1-2 keV")):
        text = r"there are images of '0\.3-10 keV', or 0 to 0; got"
        with pytest.warns(PartialResultWarning), pytest.raises(RequestError, match=text):
            epochs.images(wrong)
    with pytest.raises(RequestError, match="must be one of PC, WT; got 'XX'"):
        epochs.spectra("XX")


def test_spectra_have_the_names_of_their_epochs(tmp_path: Path) -> None:
    labels = ["2011-09-04", "day 12/3", "day 12?3", "..", "", "-3", "Day 1", "day 1", "M\xe4rz", "x" * 400]
    spectrum = CountSpectrum(counts=[1] * 100, exposure=1 * u.ks, mode="PC")
    outcomes = [Outcome(label, ProductSet({ProductKind.SPECTRUM: SpectrumSet([spectrum])})) for label in labels]
    spectra = EpochSet(outcomes, dict.fromkeys(labels, (OBSIDS[0],))).spectra()
    assert list(spectra) == labels
    assert [one.label for one in spectra.values()] == [
        "2011-09-04", "day 12_3", "day 12_3-2", "epoch", "epoch-2", "epoch -3", "Day 1", "day 1-2", "M_rz", "x" * 60,
    ]  # fmt: skip
    for number, one in enumerate(spectra.values()):
        one.write(tmp_path / f"{number}.pha")
        assert CountSpectrum.read(tmp_path / f"{number}.pha").label == one.label


def test_unknown_epoch_has_a_nearest_one(epochs: EpochSet) -> None:
    with pytest.raises(
        ProductNotAvailableError, match="no epoch: none is called '0999900400'; did you mean '0999900400[01]'"
    ):
        epochs["0999900400"]


def test_epochs_survive_pickling(epochs: EpochSet) -> None:
    again = pickle.loads(pickle.dumps(epochs))
    assert again.obsids == epochs.obsids
    assert again[OBSIDS[0]].spectrum.count_spectra == epochs[OBSIDS[0]].spectrum.count_spectra


def test_products_on_disk_are_taken_up_again(
    xrt: SwiftXRTClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = tmp_path / "products"
    first = xrt.make_epochs(REQUEST, {"both": OBSIDS}, location=location)
    assert first.obsids == {"both": OBSIDS}
    exposure = first["both"].spectrum.count_spectra[0].exposure
    assert exposure.to_value(u.s) == pytest.approx(700, rel=0.02)

    def never(*_: object) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr(type(xrt._backend), "submit", never)
    again = xrt.make_epochs(REQUEST, {"both": OBSIDS}, location=location)
    assert np.array_equal(again["both"].image[0].counts.data, first["both"].image[0].counts.data)


class _Job:
    """A job that nobody works on."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.is_cancelled = error, False

    def result(self, timeout: u.Quantity | None = None) -> ProductSet:
        if self.error is not None:
            raise self.error
        return ProductSet({})

    def cancel(self) -> None:
        self.is_cancelled = True


@pytest.mark.parametrize(
    ("made", "error"),
    [
        ([_Job(), _Job(JobTimeoutError("over")), _Job()], JobTimeoutError),
        ([_Job(KeyboardInterrupt()), _Job(), _Job()], KeyboardInterrupt),
        ([_Job(), _Job(), KeyboardInterrupt()], KeyboardInterrupt),
        ([_Job(), _Job(), RequestError("no")], RequestError),
    ],
)
def test_what_ends_all_epochs_ends_their_jobs(
    xrt: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch, made: list[object], error: type[BaseException]
) -> None:
    left = list(made)

    def submit(self: object, request: XRTRequest) -> object:
        one = left.pop(0)
        if isinstance(one, BaseException):
            raise one
        return one

    monkeypatch.setattr(type(xrt), "_submit", submit)
    with pytest.raises(error):
        xrt.make_epochs(REQUEST, [*OBSIDS, ABSENT])
    assert all(one.is_cancelled for one in made if isinstance(one, _Job))


def test_an_epoch_that_cannot_be_handed_over_takes_nothing_from_the_others(
    xrt: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[object] = [_Job(), JobError("full"), _Job(NoDataError("nothing"))]
    jobs = [one for one in left if isinstance(one, _Job)]

    def submit(self: object, request: XRTRequest) -> object:
        one = left.pop(0)
        if isinstance(one, BaseException):
            raise one
        return one

    monkeypatch.setattr(type(xrt), "_submit", submit)
    epochs = xrt.make_epochs(REQUEST, [*OBSIDS, ABSENT])
    assert list(epochs) == [OBSIDS[0]]
    assert {label: str(error) for label, error in epochs.failed.items()} == {OBSIDS[1]: "full", ABSENT: "nothing"}
    assert not any(job.is_cancelled for job in jobs)


def test_time_that_is_over_is_an_error(xrt: SwiftXRTClass, tmp_path: Path) -> None:
    with pytest.raises(JobTimeoutError, match=r"not all of 2 epochs were done within 0.0 s; .* or a location"):
        xrt.make_epochs(REQUEST, OBSIDS, timeout=0 * u.s)
    with pytest.raises(JobTimeoutError, match=r"not all of 2 epochs .* within 0.0 s; the same call goes on"):
        xrt.make_epochs(REQUEST, OBSIDS, timeout=0 * u.s, location=tmp_path)


def test_observations_may_come_one_by_one(xrt: SwiftXRTClass) -> None:
    assert list(xrt.make_epochs(REQUEST, (obsid for obsid in OBSIDS[:1]))) == [OBSIDS[0]]


def test_a_request_that_cannot_be_is_refused_at_once(xrt: SwiftXRTClass) -> None:
    with pytest.raises(RequestError, match="at least one observation"):
        xrt.make_epochs(REQUEST, [])


def test_what_the_outcomes_must_be() -> None:
    lost = Outcome("a", error=NoDataError("nothing"))
    assert EpochSet([lost], {"a": [ABSENT]}).table["error"].tolist() == ["nothing"]
    for obsids in ({}, {"b": [ABSENT]}, {"a": [ABSENT], "b": [ABSENT]}):
        with pytest.raises(RequestError, match="one outcome for each epoch"):
            EpochSet([lost], obsids)
    assert len(EpochSet([], {}).table) == 0


def test_the_mode_with_more_counts_is_taken() -> None:
    spectra = [
        CountSpectrum(counts=[0] * 50 + [number] * 50, exposure=1 * u.ks, mode=mode)
        for mode, number in (("WT", 1), ("PC", 3))
    ]
    products = ProductSet({ProductKind.SPECTRUM: SpectrumSet(spectra)})
    epochs = EpochSet([Outcome("a", products)], {"a": [OBSIDS[0]]})
    assert epochs.spectra()["a"].mode == "PC"
    assert epochs.spectra("WT")["a"].mode == "WT"


def test_a_request_that_is_probably_not_meant_is_told(xrt: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr("swiftxrt.query.epochs.warn_about", told.append)
    xrt.make_epochs(REQUEST, [ABSENT])
    assert len(told) == 1


def test_what_was_warned_of_stands_in_the_table(xrt: SwiftXRTClass) -> None:
    request = XRTRequest(target=REQUEST.target, image=REQUEST.image)
    with pytest.warns(PartialResultWarning, match=f"no data of the observations {ABSENT}"):
        epochs = xrt.make_epochs(request, {"both": [OBSIDS[0], ABSENT], "one": [OBSIDS[1]]})
    assert epochs.table["remarks"].tolist() == [f"image: no data of the observations {ABSENT}", ""]
