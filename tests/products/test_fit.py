"""Spectral fits."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, vstack

from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.products.fit import COLUMN_UNIT, FLUX_UNIT, FitParameter, SpectralFit

CGS = u.erg / u.cm**2 / u.s
RATE = u.ct / u.s


def power_law(**changes: Any) -> SpectralFit:
    parameters = {
        "nh_galactic": FitParameter(1.7e20 / u.cm**2, frozen=True),
        "nh": FitParameter(2.6e22 / u.cm**2, 4.1e20 / u.cm**2, 4.2e20 / u.cm**2),
        "photon_index": FitParameter(1.74, 0.015, 0.016),
    }
    values: dict[str, Any] = {
        "parameters": parameters,
        "flux_observed": FitParameter(3.2e-9 * CGS, 2e-11 * CGS, 2.1e-11 * CGS),
        "flux_unabsorbed": FitParameter(5.3e-9 * CGS),
        "statistic": 1389.7,
        "dof": 960,
    }
    return SpectralFit("PowerLaw", **{**values, **changes})


def test_errors_are_unknown_unless_given() -> None:
    item = FitParameter(2.6 * u.keV)
    assert np.isnan(item.err_neg)
    assert item.err_pos.unit == u.keV
    assert str(item) == "2.6 keV"
    assert str(FitParameter(2.6 * u.keV, frozen=True)) == "2.6 keV, frozen"
    assert str(FitParameter(2.69, 0.14, 0.15)) == "2.69 (-0.14, +0.15)"


def test_limits_are_written_as_such() -> None:
    """A value without an error on one side is a limit on the other, as in `swiftxrt.plot_parameter_evolution`."""
    assert str(FitParameter(2.6 * u.keV, None, 0.3 * u.keV)) == "< 2.9 keV (best 2.6 keV)"
    assert str(FitParameter(2.6 * u.keV, 0.25 * u.keV)) == "> 2.35 keV (best 2.6 keV)"
    assert repr(FitParameter(1e20 / u.cm**2, None, 2e20 / u.cm**2)) == (
        "<FitParameter < 3e+20 1 / cm2 (best 1e+20 1 / cm2)>"
    )
    assert str(FitParameter(1.5, None, 0.5)) == "< 2 (best 1.5)"
    assert str(FitParameter(np.nan, None, 0.3)) == "nan"


def test_errors_are_in_the_unit_of_the_value() -> None:
    item = FitParameter(2.6 * u.keV, 100 * u.eV, 200 * u.eV)
    assert (item.err_neg, item.err_pos) == (0.1 * u.keV, 0.2 * u.keV)
    assert item.err_neg.unit == item.err_pos.unit == u.keV
    assert item.to("eV").value == 2600 * u.eV
    assert item == item.to("eV").to("keV")


@pytest.mark.parametrize(
    "bad",
    [
        ("2.6",),
        ([1, 2] * u.keV,),
        (2.6 * u.keV, 0.1),
        (2.6 * u.keV, -0.1 * u.keV),
        (2.6 * u.keV, np.nan * u.keV, -0.1 * u.keV),
        (2.6 * u.keV, 1 * u.s),
        (2.6 * u.keV, [1, 2] * u.keV),
    ],
)
def test_parameters_that_are_none(bad: tuple[Any, ...]) -> None:
    with pytest.raises(RequestError, match="fit parameter"):
        FitParameter(*bad)


def test_parameters_are_equal_by_value() -> None:
    item = FitParameter(2.6 * u.keV, 0.1 * u.keV)
    assert item == FitParameter(2600 * u.eV, 0.1 * u.keV)
    assert item != FitParameter(2.6 * u.keV, 0.2 * u.keV)
    assert item != FitParameter(2.6 * u.keV, 0.1 * u.keV, frozen=True)
    assert item != FitParameter(2.6, 0.1)
    assert item != "2.6 keV"
    assert hash(item) == hash(FitParameter(2600 * u.eV, 0.1 * u.keV))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"parameters": {"nh": FitParameter(1 * u.keV)}}, "nh"),
        ({"parameters": {"photon_index": FitParameter(2 * u.keV)}}, "photon_index"),
        ({"parameters": {"photon_index": 2.0}}, "photon_index"),
        ({"flux_observed": FitParameter(2.0)}, "flux_observed"),
        ({"net_rate": 2.0}, "net_rate"),
        ({"net_rate": [1, 2] * RATE}, "net_rate"),
    ],
)
def test_fits_check_their_units(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(RequestError, match=word):
        power_law(**changes)


def test_other_parameters_keep_name_and_unit() -> None:
    fit = SpectralFit("Other", {"norm": FitParameter(3 / u.keV)})
    assert fit.parameters["norm"].unit == u.keV**-1
    assert math.isnan(fit.flux_observed.value.value)
    assert fit.flux_observed.unit == FLUX_UNIT


def test_fits_do_not_change() -> None:
    fit = power_law()
    with pytest.raises(TypeError):
        fit.parameters["nh"] = FitParameter(1 / u.cm**2)  # type: ignore[index]
    with pytest.raises(AttributeError):
        fit.dof = 3  # type: ignore[misc]


def test_fits_are_equal_by_value() -> None:
    assert power_law() == power_law(image_url="http://host/x.gif")
    for change in (
        {"statistic": 1.0},
        {"dof": None},
        {"delta_statistic": 1.0},
        {"net_rate": 1 * RATE},
        {"parameters": {}},
        {"flux_observed": FitParameter(1 * CGS)},
    ):
        assert power_law() != power_law(**change)


@pytest.mark.parametrize("fit", [power_law(image_url="http://host/x.gif", net_rate=2 * RATE), SpectralFit("Odd", {})])
def test_copies_and_plain_values(fit: SpectralFit) -> None:
    plain = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    for again in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit), SpectralFit.from_dict(plain)):
        assert again == fit
        assert again.image_url == fit.image_url


def test_table_of_fits() -> None:
    rows = [power_law().table, SpectralFit("APEC", {"temperature": FitParameter(64 * u.keV, 1.18 * u.keV)}).table]
    assert isinstance(rows[0], QTable)
    assert rows[0]["nh_err_neg"][0] == 4.1e20 / u.cm**2
    assert "nh_galactic_err_neg" not in rows[0].colnames
    assert rows[0]["flux_observed_err_pos"].unit == FLUX_UNIT
    table = vstack(rows)
    assert list(table["model"]) == ["PowerLaw", "APEC"]
    assert table["temperature"][1] == 64 * u.keV
    assert table["nh"].unit == COLUMN_UNIT
    assert list(table["dof"]) == [960, -1]


def test_counts_to_flux() -> None:
    """Figures of GRB 130925A, late slice: the factor is flux over rate."""
    fit = SpectralFit(
        "PowerLaw",
        flux_observed=FitParameter(6.826529950876817e-11 * CGS),
        flux_unabsorbed=FitParameter(2.852200160603111e-10 * CGS),
        net_rate=1.5 * RATE,
    )
    rates = [1.5, 3.0] * RATE
    np.testing.assert_allclose(fit.counts_to_flux(rates).to_value(CGS), [2.852200160603111e-10, 5.704400321206222e-10])
    assert fit.counts_to_flux(1.5 * RATE, absorbed=True).to_value(CGS) == pytest.approx(
        6.826529950876817e-11, rel=1e-6, abs=0
    )
    assert fit.counts_to_flux(90 / u.min * u.ct, net_rate=3 * RATE).to_value(CGS) == pytest.approx(
        1.4261e-10, rel=1e-6, abs=0
    )
    assert fit.counts_to_flux(1 * RATE).unit == FLUX_UNIT


def test_fluxes_that_cannot_be_told() -> None:
    with pytest.raises(NoDataError, match="net_rate="):
        power_law().counts_to_flux(1 * RATE)
    with pytest.raises(NoDataError, match="net_rate="):
        power_law(net_rate=-1 * RATE).counts_to_flux(1 * RATE)
    with pytest.raises(NoDataError, match="no observed flux"):
        SpectralFit("Odd", net_rate=1 * RATE).counts_to_flux(1 * RATE, absorbed=True)
    with pytest.raises(RequestError, match=r"0\.1 \* u\.ct"):
        power_law().counts_to_flux(1)
    with pytest.raises(RequestError, match="net_rate"):
        power_law().counts_to_flux(1 * RATE, net_rate=3.0)


def test_representation() -> None:
    assert repr(power_law()) == (
        "<SpectralFit PowerLaw: nh_galactic = 1.7e+20 1 / cm2, frozen; nh = 2.6e+22 (-4.1e+20, +4.2e+20) 1 / cm2; "
        "photon_index = 1.74 (-0.015, +0.016); statistic 1389.7 for 960 dof>"
    )
    assert repr(SpectralFit("Odd")) == "<SpectralFit Odd: no parameters; statistic nan>"
