"""Ready-made products of a simulated field: of the folder itself, and of a server that has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swiftxrt import SwiftXRTClass, stack_light_curves
from swiftxrt.exceptions import UnknownObjectError
from swiftxrt.testing.server import embedded_server
from tests import surveyed
from tests.backends.local_catalogs import source_id


@pytest.fixture(scope="module")
def both(
    surveyed_archive: Path, surveyed_state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SwiftXRTClass, SwiftXRTClass]]:
    """The folder, and the server."""
    folders = [tmp_path_factory.mktemp(name) for name in ("here", "there")]
    for folder in folders:
        shutil.copytree(surveyed_state, folder, dirs_exist_ok=True)
    with (
        SwiftXRTClass(backend="local", archive=surveyed_archive, state=folders[0]) as here,
        embedded_server(surveyed_archive, state=folders[1]),
        SwiftXRTClass() as there,
    ):
        yield here, there


@pytest.fixture(scope="module")
def target(both: tuple[SwiftXRTClass, SwiftXRTClass]) -> int:
    return source_id(both[0]._catalog, "target")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"binning": "snapshot", "time_format": "mjd", "bands": ["total", "HR1"], "show_obsids": False},
        {"all_types": True, "hide_piled_up": False},
        {"group_rates": False, "group_limits": False, "group_hr": False, "retrospective_as_limits": True},
        {"time_format": "tdb"},
    ],
)
def test_light_curves(both: tuple[SwiftXRTClass, SwiftXRTClass], target: int, options: dict[str, Any]) -> None:
    first, second = (one.get_light_curve(target, **options) for one in both)
    assert first.first_difference(second) == ""
    assert len(first.total)
    rate = np.average(first.total["rate"].value, weights=first.total["exposure"].value)
    assert rate == pytest.approx(surveyed.STEADY["target"][1], rel=0.25)
    if options.get("show_obsids", True):
        assert set(first.total["obsid"]) == set(surveyed.OBSIDS)


def test_times_of_the_two_formats_agree(both: tuple[SwiftXRTClass, SwiftXRTClass], target: int) -> None:
    met, mjd = (both[0].get_light_curve(target, time_format=one).total for one in ("met", "mjd"))
    assert np.allclose(met["met"].value, mjd["met"].value, rtol=0, atol=1e-3)
    tdb = both[0].get_light_curve(target, time_format="tdb").total
    assert np.all(np.abs((tdb.time - met.time).to_value("s")) < 520)


def test_many_sources(both: tuple[SwiftXRTClass, SwiftXRTClass]) -> None:
    numbers = [source_id(both[0]._catalog, name) for name in surveyed.STEADY]  # type: ignore[arg-type]
    first, second = (stack_light_curves(one.gather(one.get_light_curve, numbers), curves="total") for one in both)
    assert list(dict.fromkeys(first["item"].tolist())) == numbers
    for name in first.colnames:
        if name != "time":
            mine, others = (np.asarray(getattr(table[name], "value", table[name])) for table in (first, second))
            assert np.array_equal(mine, others, equal_nan=mine.dtype.kind == "f")


def test_spectra(both: tuple[SwiftXRTClass, SwiftXRTClass], target: int, tmp_path: Path) -> None:
    first, second = (
        one.get_spectra(target, location=tmp_path / name) for one, name in zip(both, ("here", "there"), strict=True)
    )
    assert first == second
    assert first.count_spectra[0].counts.sum() > 600
    kept = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.tar.gz"))
    assert kept == [f"{name}/{target}/interval0.tar.gz" for name in ("here", "there")]


def test_pictures(both: tuple[SwiftXRTClass, SwiftXRTClass], target: int) -> None:
    first, second = (one.get_previews(target) for one in both)
    assert list(first) == ["total", "soft", "medium", "hard", "exposure"]
    assert {band: one.content for band, one in first.items()} == {band: one.content for band, one in second.items()}


def test_images(both: tuple[SwiftXRTClass, SwiftXRTClass]) -> None:
    first, second = (one.get_images(surveyed.OBSIDS[0]) for one in both)
    assert dict(first) == dict(second)
    assert list(first) == ["total", "soft", "medium", "hard"]
    assert first["total"].exposure is not None
    for kind in ("background", "background_with_sources"):
        for band, image in getattr(first, kind).items():
            assert np.array_equal(image.data, getattr(second, kind)[band].data)
    assert np.sum(first.background_with_sources["total"].data) > np.sum(first.background["total"].data)
    assert len(first.regions["total"]) == len(second.regions["total"]) >= len(surveyed.STEADY)


def test_unknown_objects(both: tuple[SwiftXRTClass, SwiftXRTClass]) -> None:
    for one in both:
        for ask in (one.get_light_curve, one.get_spectra, one.get_previews):
            with pytest.raises(UnknownObjectError):
                ask(999999)
        with pytest.raises(UnknownObjectError):
            one.get_images("00099999999")
