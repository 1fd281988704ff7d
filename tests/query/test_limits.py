"""Upper limits through `SwiftXRT`."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.utils.masked import Masked

from swiftxrt import SwiftXRTClass, Target, merge_upper_limits
from swiftxrt.exceptions import NoDataError, RequestError, UnknownObjectError
from swiftxrt.query.places import as_positions

PLACE = SkyCoord(150.0, 20.0, unit="deg")
BESIDE = SkyCoord(150.08, 20.02, unit="deg")
ELSEWHERE = SkyCoord(0.0, 0.0, unit="deg")


def _find(name: str) -> SkyCoord:
    return {"beside": BESIDE, "X": PLACE}[name]


@pytest.fixture(scope="module")
def local(small_archive: Path) -> SwiftXRTClass:
    return SwiftXRTClass(backend="local", archive=small_archive)


def test_limits_from_a_folder_of_observations(local: SwiftXRTClass) -> None:
    limits = local.get_upper_limits([PLACE, BESIDE, ELSEWHERE], detections_as_rates=True, bands=["total", "hard"])
    assert limits["outcome"].tolist() == ["detection", "limit", "not observed"]
    assert limits["obsid"].tolist() == ["09999002000", "09999002000", ""]
    assert limits["total_rate"][0].to_value(u.ct / u.s) == pytest.approx(0.3, rel=0.3)
    assert limits["hard_upper_limit"][1] > 0 * u.ct / u.s
    merged = merge_upper_limits(limits, confidence=0.95)
    assert merged["total_upper_limit"][1] < limits["total_upper_limit"][1]
    assert merged["outcome"].tolist() == ["detection", "limit", "not observed"]
    # A list of sources is a list of positions.
    again = local.get_upper_limits(limits[:2])
    np.testing.assert_array_equal(again["total_counts"], limits["total_counts"][:2])


@pytest.mark.filterwarnings("ignore:Keyword name .* HIERARCH")
def test_the_radius_travels_with_the_table(local: SwiftXRTClass, tmp_path: Path) -> None:
    limits = local.get_upper_limits(PLACE, radius=20 * u.arcsec)
    limits.write(tmp_path / "limits.fits")
    assert u.Quantity(QTable.read(tmp_path / "limits.fits").meta["RADIUS"]) == 20 * u.arcsec


def test_a_call_for_the_service_works_here_too(local: SwiftXRTClass) -> None:
    usual = local.get_upper_limits(PLACE, detections_as_rates=True)
    for option in ({"catalog": "2SXPS"}, {"timeout": 5 * u.min}, {"refresh": True}):
        again = local.get_upper_limits(PLACE, detections_as_rates=True, **option)  # type: ignore[arg-type]
        assert again["total_upper_limit"] == usual["total_upper_limit"]
    with pytest.raises(RequestError, match=r"catalog: must be one of LSXPS, 2SXPS; got 'LXSPS'; did you mean 'LSXPS'"):
        local.get_upper_limits(PLACE, catalog="LXSPS")


def test_places_with_a_name(local: SwiftXRTClass) -> None:
    (target,) = {one.name for one in local._backend.archive.observations}  # type: ignore[attr-defined]
    limits = local.get_upper_limits([BESIDE, target, "150.08 20.02", Target(target)], detections_as_rates=True)
    assert limits["outcome"].tolist() == ["limit", "detection", "limit", "detection"]
    assert limits["position"][1].separation(PLACE) < 1 * u.arcmin
    with pytest.raises(UnknownObjectError, match="`GK Per` was not found among the objects and targets here"):
        local.get_upper_limits("GK Per")


def test_what_the_catalogue_knows(local: SwiftXRTClass) -> None:
    (row,) = local.query_region(PLACE, radius=1 * u.arcmin)
    limits = local.get_upper_limits(row["position"], use_catalog_values=True, detections_as_rates=True)
    assert limits["total_from_catalog"].tolist() == [True]
    assert limits["total_rate"][0].to_value(u.ct / u.s) == pytest.approx(
        row["Rate_band0"].to_value(u.ct / u.s), rel=0.1
    )
    assert len(local.get_upper_limits(row["position"], skip_detections=True, data="observations")) == 1
    with pytest.raises(RequestError, match="radius: is for measurements with backend='local'; a service, and what"):
        local.get_upper_limits(PLACE, radius=20 * u.arcsec, use_catalog_values=True)


def test_what_would_be_sent(local: SwiftXRTClass) -> None:
    payload = local.get_upper_limits([PLACE, "GK Per"], get_query_payload=True)
    assert payload == SwiftXRTClass().get_upper_limits([PLACE, "GK Per"], get_query_payload=True)
    assert [one["APIFunc"] for one in payload] == ["getSXPSUL"] * 2


def test_merged_observations(local: SwiftXRTClass) -> None:
    merged = local.get_upper_limits([PLACE, BESIDE, ELSEWHERE], data="merged")
    assert merged["outcome"].tolist() == ["limit", "limit", "not observed"]
    assert "total_rate" not in merged.colnames
    assert len(local.get_upper_limits([], data="merged")) == 0


def test_folder_without_observations(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        SwiftXRTClass(backend="local", archive=tmp_path).get_upper_limits(PLACE)


@pytest.mark.parametrize(
    "given",
    [
        PLACE,
        PLACE.galactic,
        PLACE.reshape(1),
        Target("X", position=PLACE),
        Target("X"),
        "X",
        [PLACE],
        [Target("X", position=PLACE)],
        QTable({"position": PLACE.reshape(1), "other": ELSEWHERE.reshape(1)}),
        QTable({"place": PLACE.reshape(1)}),
    ],
)
def test_what_names_a_position(given: object) -> None:
    places = as_positions(given, _find)
    assert places.shape == (1,)
    assert places.frame.name == "icrs"
    assert places[0].separation(PLACE) < 1e-6 * u.arcsec


def test_several_positions_keep_their_order() -> None:
    places = as_positions([PLACE, Target("X", position=BESIDE), SkyCoord([1.0, 2.0], [3.0, 4.0], unit="deg")], _find)
    np.testing.assert_allclose(places.ra.deg, [150.0, 150.08, 1.0, 2.0])
    distant = SkyCoord(1 * u.deg, 2 * u.deg, distance=3 * u.kpc)
    assert as_positions([distant, PLACE], _find).shape == (2,)


def test_no_positions(local: SwiftXRTClass) -> None:
    for nothing in ([], SkyCoord([], [], unit="deg")):
        limits = local.get_upper_limits(nothing)
        assert len(limits) == 0
        assert "total_upper_limit" in limits.colnames


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (SkyCoord([1.0, np.nan], [2.0, 3.0], unit="deg"), r"number \[1\] \(from 0\) of 2 is masked or not a number"),
        (SkyCoord(Masked([1.0, 2.0] * u.deg, mask=[True, False]), [2.0, 3.0] * u.deg), r"number \[0\]"),
        (12.5, "a SkyCoord, a Target"),
        ([(1.0, 2.0)], r"got 1.0; two numbers are SkyCoord\(170, 32, unit='deg'\)"),
        ("", "a SkyCoord, a Target"),
        (QTable({"ra": [1.0]}), "must have a column 'position'"),
        (QTable({"a": PLACE.reshape(1), "b": PLACE.reshape(1)}), "several columns of positions, a, b"),
    ],
)
def test_what_names_no_position(given: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        as_positions(given, _find)


def test_settings_are_checked(local: SwiftXRTClass) -> None:
    with pytest.raises(RequestError, match="did you mean 'medium'"):
        local.get_upper_limits(PLACE, bands="medum")
    with pytest.raises(RequestError, match="did you mean 'merged'"):
        local.get_upper_limits(PLACE, data="merge")
