"""The recorded exchanges about products, replayed: positions, source list, light curves, spectra."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import ProductNotAvailableError

T0 = 608713541.952


def is_at(position: Any, ra: float, dec: float, radius: float) -> bool:
    return (position.coord.ra.deg, position.coord.dec.deg, position.radius) == (ra, dec, radius * u.arcsec)


def test_exchange_30_psf_pos(scene: Any) -> None:
    position = scene.product("psf")
    assert is_at(position, 335.69849, -7.51788, 3.5)
    assert (position.kind, position.confidence, position.catalog) == ("standard", 0.9, None)


def test_exchange_31_psf_pos_from_sxps(scene: Any) -> None:
    position = scene.product("psf")
    assert is_at(position, 335.69849, -7.51788, 3.5)
    assert position.catalog == "2SXPS"


def test_exchange_32_psf_no_pos(scene: Any) -> None:
    with pytest.raises(ProductNotAvailableError, match="no standard position: the service could not"):
        scene.product("psf")


def test_exchange_33_enh_pos(scene: Any) -> None:
    position = scene.product("enh")
    assert is_at(position, 335.70008, -7.51816, 1.7)
    assert (position.kind, position.catalog) == ("enhanced", None)


def test_exchange_34_astrom_pos(scene: Any) -> None:
    position = scene.product("xastrom")
    assert is_at(position, 335.70087, -7.51741, 14.3)
    assert (position.kind, position.catalog) == ("astrometric", None)


def test_exchange_40_source_list(scene: Any) -> None:
    sources = scene.product("sourceDet")
    assert list(sources) == ["total"]
    table = sources["total"]
    assert list(table["source_number"]) == [1, 2]
    assert list(table["position"].ra.deg) == [32.1512078019, 32.1491304755]
    assert list(table["position"].dec.deg) == [56.9457088209, 56.8897966012]
    assert list(table["counts"]) == [1236 * u.ct, 99 * u.ct]
    assert list(table["position_err"]) == [3.51785655609393 * u.arcsec, 3.67746465069338 * u.arcsec]
    # Degrees on the wire, with the sign of the direction; those of RA are differences of coordinates.
    across = np.cos(table["position"].dec)
    np.testing.assert_allclose(
        table["ra_err_pos"].to_value(u.deg) / across, [0.000128926995607521, 0.000417017531127109]
    )
    np.testing.assert_allclose(
        table["ra_err_neg"].to_value(u.deg) / across, [0.000128907561523676, 0.000422543926959555]
    )
    np.testing.assert_allclose(table["dec_err_neg"].to_value(u.deg), [0.0000688257, 0.0002128258])
    np.testing.assert_allclose(table["dec_err_pos"].to_value(u.deg), [0.0000683090, 0.0002141267])
    assert list(table["x"]) == [504.0032304685 * u.pix, 505.8163867861 * u.pix]
    galactic = table["position"].galactic  # sent as well, and not kept a second time
    np.testing.assert_allclose(galactic.l.deg, [133.343722697934, 133.35917186564], rtol=0, atol=1e-5)
    np.testing.assert_allclose(galactic.b.deg, [-4.35794075074313, -4.41170114887941], rtol=0, atol=1e-5)
    assert len(sources.table) == len(sources.regions) == 2


def test_exchange_50_light_curve(scene: Any) -> None:
    curves = scene.product("lc")
    total = curves.total
    assert list(total["is_upper_limit"]) == [False, True]
    assert list(total["mode"]) == ["PC", "PC"]
    assert total.binning == "counts"
    assert total.t0_met == T0
    np.testing.assert_allclose(total.elapsed.to_value(u.s), [231.329, 246742.809], rtol=0, atol=1e-6)
    first = total[0]
    expected = {
        "time_err_pos": 9.456 * u.s,
        "time_err_neg": 10.603 * u.s,
        "rate": 2.492634 * u.ct / u.s,
        "rate_err_pos": 0.547598 * u.ct / u.s,
        "rate_err_neg": 0.547598 * u.ct / u.s,
        "fractional_exposure": 1.0,
        "background_rate": 0.006904 * u.ct / u.s,
        "background_rate_err": 0.003088 * u.ct / u.s,
        "correction_factor": 2.396688,
        "counts": 21 * u.ct,
        "background_counts": 0.138491 * u.ct,
        "exposure": 20.058508 * u.s,
        "significance": 336.828549,
        "snr": 4.551939,
    }
    for column, value in expected.items():
        assert first[column] == value, column
    limit = total.upper_limits[0]
    assert limit["rate"] == 0.001821 * u.ct / u.s
    assert np.isnan(limit["rate_err_pos"])
    assert limit["snr"] == np.inf
    assert curves.hard["rate"][0] == curves.soft["rate"][0] == 1.323371 * u.ct / u.s
    assert curves.hardness_ratio["hardness_ratio"][0] == 1.149509
    assert curves.hardness_ratio["hardness_ratio_err"][0] == 0.344784


def test_exchange_51_light_curve_obsid_incbad(scene: Any) -> None:
    total = scene.product("lc").total
    assert list(total["obsid"]) == ["00016843001"]
    assert total["rate"][0] == 2.492634 * u.ct / u.s
    assert total.binning == "obsid"


def test_exchange_60_spectrum(scene: Any) -> None:
    scene.played.answer("tprods/USERPROD_951/spec/interval0.tar.gz", scene.archive("interval0", "WT"))
    spectra = scene.product("spec")
    assert list(spectra) == ["interval0wt"]
    assert spectra.t0_met == T0
    assert spectra.galactic_nh == 6.5378e20 / u.cm**2
    fit = spectra.fits["interval0wt"]["PowerLaw"]
    expected = {
        "nh": (1.57609e17 / u.cm**2, 1.57609e17 / u.cm**2, 5.17391978e20 / u.cm**2),
        "photon_index": (3.60441 * u.one, 0.220437508 * u.one, 0.387164431 * u.one),
    }
    for name, (value, below, above) in expected.items():
        parameter = fit.parameters[name]
        assert (parameter.value, parameter.err_neg, parameter.err_pos) == (value, below, above), name
    cgs = u.erg / u.cm**2 / u.s
    assert fit.flux_observed.value == 3.2308738407058433e-09 * cgs
    assert fit.flux_unabsorbed.err_neg == 4.730966359732954e-11 * cgs
    assert (fit.statistic, fit.dof, fit.test_statistic) == (1389.742568, 960, 1347.730724)
    assert fit.delta_statistic == 2.706
    assert fit.image_url == f"{scene.played.url}/user_objects/tprods/USERPROD_951/spec/interval0wt_plot.gif"


def test_exchange_61_spectrum_missing_parts(scene: Any) -> None:
    # "u" stands for an address in the documentation.
    reply = json.loads(json.dumps(scene.exchange["reply"]["json"]))
    for label in ("b", "c"):
        reply[label]["DataFile"] = f"{scene.played.url}/user_objects/{label}.tar.gz"
        scene.played.answer(f"{label}.tar.gz", scene.archive(label, "PC"))
    scene.played.answer("tprods/getSpecData.php", reply)
    spectra = scene.product("spec")
    assert list(spectra) == ["bpc", "cpc"]
    assert {"a", "bpc", "cpc/PowerLaw"} <= set(spectra.missing)
    assert all(spectra.missing.values())
    assert not any(spectra.fits.get(stem) for stem in spectra)
