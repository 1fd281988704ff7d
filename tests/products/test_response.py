"""Effective areas and redistribution matrices."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.products.response import ARF, RMF

EDGES = np.array([0.3, 0.5, 1.0, 2.0]) * u.keV


def arf(**changes: Any) -> ARF:
    return ARF(**{"energy_edges": EDGES, "effective_area": [10.0, 20.0, 30.0] * u.cm**2, **changes})


def rmf(**changes: Any) -> RMF:
    values = {
        "matrix": [[0.5, 0.1], [0.2, 0.4], [0.0, 0.9]],
        "energy_edges": EDGES,
        "channel_edges": [0.3, 1.0, 2.0] * u.keV,
    }
    return RMF(**{**values, **changes})


def test_fold_is_the_sum_over_energies() -> None:
    photons = np.array([1.0, 2.0, 3.0])
    expected = 10.0 * np.array([1 * 10 * 0.5 + 2 * 20 * 0.2, 1 * 10 * 0.1 + 2 * 20 * 0.4 + 3 * 30 * 0.9])
    counts = rmf().fold(photons, arf(), 10 * u.s)
    assert counts.unit == u.ct
    np.testing.assert_allclose(counts.value, expected, rtol=1e-14)
    for unit in (1 / u.cm**2 / u.s, u.ph / u.cm**2 / u.s, u.ph / u.m**2 / u.s):
        folded = rmf().fold(
            (photons / u.cm**2 / u.s * (u.ph if "ph" in unit.to_string() else 1)).to(unit), arf(), 10 * u.s
        )
        np.testing.assert_allclose(folded.value, expected, rtol=1e-14)


def test_fold_without_arf_takes_photons_per_time() -> None:
    counts = rmf().fold([1.0, 0.0, 0.0] / u.s, None, 1 * u.min)
    np.testing.assert_allclose(counts.value, [30.0, 6.0])


@pytest.mark.parametrize(
    "arguments",
    [
        ([1.0, 2.0] / u.cm**2 / u.s, arf(), 1 * u.s),
        ([1.0, 2.0, 3.0] * u.keV, arf(), 1 * u.s),
        ([1.0, 2.0, 3.0] / u.cm**2 / u.s, None, 1 * u.s),
        ([1.0, 2.0, 3.0] / u.cm**2 / u.s, arf(), 1.0),
        ([1.0, 2.0, 3.0] / u.cm**2 / u.s, arf(energy_edges=EDGES * 1.01), 1 * u.s),
        ([1.0, 2.0, 3.0] / u.cm**2 / u.s, arf(energy_edges=EDGES[:-1], effective_area=[1, 1] * u.cm**2), 1 * u.s),
    ],
)
def test_fold_refuses_what_does_not_fit(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(RequestError):
        rmf().fold(*arguments)


def test_other_energies_are_refused() -> None:
    edges = rmf().energy_edges
    rmf().check_grid(arf())
    for wrong in (edges * 1.01, edges[:-1]):
        area = np.ones(wrong.size - 1) * u.cm**2
        with pytest.raises(RequestError, match="ARF and RMF have different energy bins"):
            rmf().check_grid(ARF(energy_edges=wrong, effective_area=area))


def test_grids_may_differ_by_rounding() -> None:
    other = arf(energy_edges=u.Quantity(EDGES.value.astype(np.float32), u.keV) + 5e-5 * u.keV)
    assert rmf().fold([1.0, 1.0, 1.0], other, 1 * u.s).value.sum() > 0


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (arf, {"energy_edges": [0.3, 0.5, 1.0, 2.0]}),
        (arf, {"energy_edges": [0.3, 1.0, 0.5, 2.0] * u.keV}),
        (arf, {"effective_area": [1.0, 2.0] * u.cm**2}),
        (arf, {"effective_area": [1.0, 2.0, 3.0] * u.s}),
        (arf, {"header": {"TOOLONGNAME": 1}}),
        (arf, {"header": {"BAD": np.inf}}),
        (rmf, {"channel_edges": [0.3, 1.0] * u.keV}),
        (rmf, {"matrix": [1.0, 2.0]}),
    ],
)
def test_refuses_what_does_not_fit(make: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        make(**changes)


@pytest.mark.parametrize("make", [arf, rmf])
def test_immutable_picklable_and_compared_by_value(make: Any) -> None:
    one = make(header={"ROOM": "a", "NAXIS": 2})
    assert dict(one.header) == {"ROOM": "a"}
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) is one
    assert one != make()
    assert one != "something else"
    again = pickle.loads(pickle.dumps(one))
    for name in ("energy_edges", "effective_area" if make is arf else "matrix"):
        for each in (one, again):
            with pytest.raises(ValueError, match="read-only"):
                getattr(each, name)[0] = getattr(each, name)[1]
    with pytest.raises(AttributeError):
        one.header = {}
    with pytest.raises(TypeError):
        hash(one)


@pytest.mark.parametrize("change", [1e-12, 1e300, np.nan])
def test_matrices_are_pickled_short_and_whole(change: float) -> None:
    """Zeros are left out, and numbers of single precision stay so; any other matrix comes back to the last digit."""
    rng = np.random.default_rng(1)
    matrix = np.where(rng.random((60, 90)) < 0.5, rng.random((60, 90)), 0.0).astype(np.float32).astype(float)
    edges = [np.arange(size + 1) * u.keV for size in matrix.shape]
    one = RMF(matrix=matrix, energy_edges=edges[0], channel_edges=edges[1], first_channel=3, includes_area=True)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert (again.first_channel, again.includes_area) == (3, True)
    assert not again.matrix.flags.writeable
    assert len(pickle.dumps(one)) < 0.4 * matrix.nbytes
    matrix[0, 0] = change
    other = RMF(matrix=matrix, energy_edges=edges[0], channel_edges=edges[1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(other)).matrix, matrix)


def test_units_are_converted_and_values_copied() -> None:
    given = np.array([0.3, 0.5, 1.0, 2.0])
    made = arf(energy_edges=given * 1000 * u.eV, effective_area=[1e-3, 2e-3, 3e-3] * u.m**2)
    np.testing.assert_allclose(made.energy_edges.value, given)
    np.testing.assert_allclose(made.effective_area.value, [10, 20, 30])
    matrix = np.ones((3, 2))
    response = rmf(matrix=matrix)
    matrix[:] = 7
    assert response.matrix.max() == 1
    assert list(rmf(first_channel=30).channels) == [30, 31]


def test_reprs_are_one_line() -> None:
    assert repr(arf()) == "<ARF 0.3-2 keV, 3 bins, peak 30.0 cm2 at 1.50 keV>"
    assert repr(rmf()) == "<RMF 3 energies 0.3-2 keV, 2 channels 0.3-2 keV>"


# Effective areas at 1.5 keV of these files as read by others (RECIPES.md of the validation data, D).
@pytest.mark.parametrize(
    ("name", "area_cm2"),
    [
        ("xrtproducts_spectra/2M02594633_00092220001_pc/target_sr.arf", 144.5),
        ("xrtproducts_spectra/OP313_00036384074_pc/swift_xrt_00036384074.arf", 123.9),
    ],
)
def test_official_areas(validation_data: Path, name: str, area_cm2: float) -> None:
    made = ARF.read(validation_data / name)
    assert made.effective_area.shape == (2400,)
    assert float(made.area_at(1500 * u.eV).value) == pytest.approx(area_cm2, abs=0.06)
