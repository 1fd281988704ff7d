"""Two sets of products side by side: differences in units of their errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from scipy import stats

from swiftxrt import (
    AllData,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    ProductSet,
    SnapshotBinning,
    SourceDetectionRequest,
    SpectrumRequest,
    SwiftXRT,
    Target,
    TimeBinning,
    XRTRequest,
)
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import RequestError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products._differences import Difference, Values, compare_values, matched_bins, matched_positions
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.compare import Comparison
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.fit import FLUX_UNIT, FitParameter, SpectralFit
from swiftxrt.products.image import SkyImage
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from swiftxrt.products.position import Position
from swiftxrt.products.sources import SourceList
from swiftxrt.products.spectrumset import SpectrumSet
from swiftxrt.testing.server import embedded_server
from swiftxrt.testing.synthetic import small_observation

T0 = 5e8
NAMES = ("product", "item", "quantity")


def row(comparison: Comparison, product: str, item: str, quantity: str) -> Any:
    (found,) = [
        one for one in comparison.table if (one["product"], one["item"], one["quantity"]) == (product, item, quantity)
    ]
    return found


# ---------------------------------------------------------------- values


def difference(this: Values, other: Values, **options: Any) -> Difference:
    return compare_values(NAMES, "", this, other, **options)


def test_errors_are_those_that_face_the_other_value():
    # 5 -1 +9 against 2 -9 +1: the gap of 3 is bridged by the 1 below and the 1 above.
    this, other = Values.of(5, 1, 9), Values.of(2, 9, 1)
    assert difference(this, other).sigma == pytest.approx(3 / np.sqrt(2))
    assert difference(other, this).pulls == pytest.approx([-3 / np.sqrt(2)])
    assert difference(Values.of(2, 1, 9), Values.of(5, 9, 1)).sigma == pytest.approx(3 / np.hypot(9, 9))


@pytest.mark.parametrize(
    ("this", "other", "sigma"),
    [
        ((5, 0), (5, 0), 0.0),  # no error, no difference
        ((5, 0), (4, 0), np.inf),
        ((5, 0), (4, 0.5), 2.0),
        ((5, np.nan), (4, 0.5), 2.0),  # one error is known
        ((5, np.nan), (4, np.nan), np.nan),
        ((5, np.nan), (5, np.nan), np.nan),
    ],
)
def test_errors_that_are_zero_or_unknown(this, other, sigma):
    result = difference(Values.of(*this), Values.of(*other))
    assert result.sigma == pytest.approx(sigma, nan_ok=True)
    assert result.difference == this[0] - other[0]
    assert difference(Values.of(*other), Values.of(*this)).pulls == pytest.approx(-result.pulls)
    assert result.pulls.size == (not np.isnan(sigma))


def test_the_worst_value_is_shown_and_all_count():
    result = difference(Values.of([1, 2, 3], 1), Values.of([1, 5, 5], 1), at=["a", "b", "c"], only=(2, 0))
    assert (result.this, result.other, result.difference, result.at) == (2, 5, -3, "b")
    assert result.pulls == pytest.approx(np.array([0, -3, -2]) / np.sqrt(2))
    assert result.rms == pytest.approx(np.sqrt(np.mean(result.pulls**2)))
    assert (result.n, result.only_this, result.only_other, result.identical) == (3, 2, 0, False)


def test_values_that_are_not_finite_have_no_partner():
    this, other = Values.of([3, np.nan, np.nan, np.inf, 1], 1), Values.of([np.nan, 2, np.nan, 7, 1], 1)
    result = difference(this, other, at=list("abcde"))
    assert (result.n, result.only_this, result.only_other, result.at) == (1, 1, 2, "e")
    assert not result.identical
    nothing = difference(Values.of([np.nan], 1), Values.of([np.nan], 1))
    assert (nothing.n, nothing.only_this, nothing.only_other) == (0, 0, 0)
    assert np.isnan(nothing.sigma)
    assert nothing.identical


def test_identical_includes_the_errors():
    assert difference(Values.of([1, 2], 0.1), Values.of([1, 2], 0.1)).identical
    assert difference(Values.of([1, 2]), Values.of([1, 2])).identical  # unknown errors
    assert not difference(Values.of([1, 2], 0.1), Values.of([1, 2], 0.2)).identical
    assert not difference(Values.of([1, 2], 0.1), Values.of([1, 2], 0.1), only=(0, 1)).identical


# ---------------------------------------------------------------- partners


def partners(this: list, other: list) -> list:
    arrays = [np.array(side, dtype=float).reshape(-1, 2) for side in (this, other)]
    found = matched_bins((arrays[0][:, 0], arrays[1][:, 0]), (arrays[0][:, 1], arrays[1][:, 1]))
    return list(zip(*(side.tolist() for side in found), strict=True))


@pytest.mark.parametrize(
    ("this", "other", "expected"),
    [
        ([(0, 10), (10, 20)], [(0, 10), (10, 20)], [(0, 0), (1, 1)]),
        ([(0, 10)], [(4.9, 14.9)], []),  # 5.1 of 14.9
        ([(0, 10)], [(3, 13)], [(0, 0)]),  # 7 of 13
        ([(0, 10)], [(0, 5), (5, 10)], []),  # half is not more than half
        ([(0, 10)], [(0, 4), (4, 10)], [(0, 1)]),
        ([(0, 10), (20, 30)], [(21, 30), (40, 50), (0, 9)], [(0, 2), (1, 0)]),  # not in order
        ([(5, 5)], [(5, 5)], [(0, 0)]),  # no extent
        ([(5, 5)], [(6, 6)], []),
        ([], [(0, 1)], []),
        ([(0, 1)], [], []),
        ([(0, 10), (1, 10)], [(0, 10)], [(0, 0)]),  # overlapping bins: one partner all the same
    ],
)
def test_bins_that_share_most_of_their_time(this, other, expected):
    assert partners(this, other) == expected


def test_bins_find_the_same_partners_as_by_trying_all():
    rng = np.random.default_rng(3)
    sides = []
    for _ in range(2):
        edges = np.cumsum(rng.uniform(0.1, 2, 400)).reshape(-1, 2)
        sides.append(edges)
    common = np.minimum(sides[0][:, None, 1], sides[1][None, :, 1]) - np.maximum(
        sides[0][:, None, 0], sides[1][None, :, 0]
    )
    joint = np.maximum(sides[0][:, None, 1], sides[1][None, :, 1]) - np.minimum(
        sides[0][:, None, 0], sides[1][None, :, 0]
    )
    expected = list(zip(*(side.tolist() for side in np.nonzero(2 * common > joint)), strict=True))
    assert 5 < len(expected) < 150
    assert partners(*(side.tolist() for side in sides)) == expected


def test_sources_that_are_each_others_nearest():
    separation = np.array([[1.0, 50, 3], [2, 60, 0.5], [70, 9, 80]])
    this, other = matched_positions(separation, np.full((3, 3), 1.0))
    assert list(zip(this, other, strict=True)) == [(0, 0), (1, 2)]  # 9 arcsec are too many sigma
    this, other = matched_positions(np.array([[1.0], [2.0]]), np.full((2, 1), 1.0))
    assert list(zip(this, other, strict=True)) == [(0, 0)]  # the second is close too, but not the nearest
    assert all(side.size == 0 for side in matched_positions(np.empty((0, 3)), np.empty((0, 3))))


# ---------------------------------------------------------------- products


def curve(rates: list, *, mode: str = "PC", start: float = 0.0, length: float = 100.0, **columns: Any) -> LightCurve:
    number = len(rates)
    half = length / 2
    plain = {
        "met_s": T0 + start + half + length * np.arange(number),
        "time_err_neg": half,
        "time_err_pos": half,
        "rate": np.array(rates, dtype=float),
        "rate_err_neg": 0.1,
        "rate_err_pos": 0.1,
        "mode": mode,
    }
    return LightCurve.from_columns({**plain, **columns}, t0_met=T0, band="0.3-10 keV", binning="time")


def curves(*args: Any, **columns: Any) -> ProductSet:
    return ProductSet({Kind.LIGHT_CURVE: LightCurveSet(curve(*args, **columns))})


def test_light_curves_bin_by_bin():
    comparison = curves([1.0, 2.0, 3.0], exposure=90.0).compare(curves([1.1, 2.0, 2.5, 7.0], exposure=91.0))
    rate = row(comparison, "light curve", "total PC", "rate")
    assert (rate["this"], rate["other"], rate["difference"]) == (3.0, 2.5, 0.5)
    assert rate["sigma"] == pytest.approx(0.5 / np.hypot(0.1, 0.1))
    assert (rate["n"], rate["only_this"], rate["only_other"], rate["unit"]) == (3, 0, 1, "ct / s")
    assert rate["at"] == "250 s"
    exposure = row(comparison, "light curve", "total PC", "exposure")
    assert exposure["difference"] == -1
    assert np.isnan(exposure["sigma"])
    assert not comparison.agrees(sigma=10)  # one bin has no partner
    assert comparison.agrees(sigma=10, complete=False)


def test_modes_are_compared_with_themselves():
    this = ProductSet({Kind.LIGHT_CURVE: LightCurveSet(curve([1.0, 2.0], mode=["WT", "PC"]))})
    other = ProductSet({Kind.LIGHT_CURVE: LightCurveSet(curve([1.0, 2.0], mode=["PC", "PC"]))})
    comparison = this.compare(other)
    assert [row(comparison, "light curve", f"total {mode}", "rate")["n"] for mode in ("PC", "WT")] == [1, 0]
    assert row(comparison, "light curve", "total WT", "rate")["only_this"] == 1


@pytest.mark.parametrize(
    ("this", "other", "sigma"),
    [(0.5, 0.8, 0.0), (1.1, 0.8, 3.0)],  # a rate below the limit, and three of its errors above
)
@pytest.mark.parametrize("swapped", [False, True])
def test_limits_are_contradicted_only_by_rates_above_them(this, other, sigma, swapped):
    pair = [
        curves([this, 0.4, 1.0], is_upper_limit=[False, True, False]),
        curves([other, 0.6, 1.0], is_upper_limit=[True, True, False]),
    ]
    comparison = pair[swapped].compare(pair[not swapped])
    assert row(comparison, "light curve", "total PC", "rate against limit")["sigma"] == pytest.approx(sigma)
    limit = row(comparison, "light curve", "total PC", "upper limit")
    assert limit["difference"] == pytest.approx(0.2 if swapped else -0.2)
    assert np.isnan(limit["sigma"])
    assert row(comparison, "light curve", "total PC", "rate")["n"] == 1


def hardness(ratios: list) -> HardnessCurve:
    number = len(ratios)
    plain = {
        "met_s": T0 + 50 + 100 * np.arange(number),
        "time_err_neg": 50,
        "time_err_pos": 50,
        "hardness_ratio": ratios,
        "hardness_ratio_err": 0.2,
        "mode": "PC",
    }
    return HardnessCurve.from_columns(plain, t0_met=T0, soft_band="0.3-1.5 keV", hard_band="1.5-10 keV", binning="time")


def test_hardness_ratios_and_variants():
    def made(ratio: float, **extra: Any) -> ProductSet:
        total = curve([1.0, 2.0])
        curves = LightCurveSet(
            total,
            hardness_ratio=hardness([ratio, np.inf]),
            variants={"with_unreliable": LightCurveSet(curve([ratio, 2.0], exposure=9.0))},
            **extra,
        )
        return ProductSet({Kind.LIGHT_CURVE: curves})

    comparison = made(1.0).compare(made(1.4, soft=curve([0.5])))
    assert row(comparison, "light curve", "hardness_ratio PC", "hardness ratio")["sigma"] == pytest.approx(
        0.4 / np.hypot(0.2, 0.2)
    )
    assert row(comparison, "light curve", "with_unreliable/total PC", "rate")["difference"] == pytest.approx(-0.4)
    assert sum("/" in item for item in comparison.table["item"]) == 1  # no exposure
    assert dict(comparison.missing) == {"light curve soft": "only in other"}


def test_variants_with_the_same_rows_are_not_listed_again():
    def made(rate: float, other: float) -> ProductSet:
        variants = {"with_unreliable": LightCurveSet(curve([other, 2.0]))}
        return ProductSet({Kind.LIGHT_CURVE: LightCurveSet(curve([rate, 2.0]), variants=variants)})

    items = [list(made(1.0, 1.0).compare(two).table["item"]) for two in (made(1.4, 1.4), made(1.4, 1.5))]
    assert [any("/" in item for item in listed) for listed in items] == [False, True]


def test_curve_without_t0_says_when_in_met():
    this, other = (ProductSet({Kind.LIGHT_CURVE: LightCurveSet(one)}) for one in (curve([1.0]), curve([1.5])))
    this.light_curve.total.t0_met = None
    assert row(this.compare(other), "light curve", "total PC", "rate")["at"] == "MET 500000050 s"


def spectrum(counts: Any, *, label: str = "interval0", exposure: float = 1000.0, **options: Any) -> CountSpectrum:
    return CountSpectrum(counts=counts, exposure=exposure * u.s, mode="PC", label=label, **options)


def test_spectra_channel_by_channel():
    counts = [np.zeros(1024, dtype=int) for _ in range(2)]
    counts[0][[50, 200]] = 100, 4
    counts[1][[50, 200]] = 64, 4
    backgrounds = [spectrum(np.eye(1024, dtype=int)[100] * n, backscale=4.0) for n in (16, 25)]
    products = [
        ProductSet({Kind.SPECTRUM: SpectrumSet([spectrum(one, background=back)])})
        for one, back in zip(counts, backgrounds, strict=True)
    ]
    comparison = products[0].compare(products[1])
    channel = row(comparison, "spectrum", "interval0pc", "rate per channel")
    assert channel["sigma"] == pytest.approx(36 / np.sqrt(164))
    assert (channel["n"], channel["at"]) == (2, "channel 50")
    assert row(comparison, "spectrum", "interval0pc", "counts")["difference"] == 36
    assert row(comparison, "spectrum", "interval0pc", "background counts")["sigma"] == pytest.approx(9 / np.sqrt(41))
    net = row(comparison, "spectrum", "interval0pc", "net rate")
    assert net["this"] == pytest.approx((104 - 16 / 4) / 1000)
    assert net["sigma"] == pytest.approx((36 + 9 / 4) / np.sqrt(104 + 68 + (16 + 25) / 16))
    assert row(comparison, "spectrum", "interval0pc", "exposure")["identical"]


def test_spectra_with_other_exposures_and_slices():
    this = SpectrumSet([spectrum([0] * 50 + [100] * 10), spectrum([1] * 60, label="late")])
    other = SpectrumSet([spectrum([0] * 50 + [200] * 10, exposure=2000)])
    comparison = ProductSet({Kind.SPECTRUM: this}).compare(ProductSet({Kind.SPECTRUM: other}))
    assert row(comparison, "spectrum", "interval0pc", "rate per channel")["sigma"] == pytest.approx(0, abs=1e-12)
    assert dict(comparison.missing) == {"spectrum latepc": "only in this"}


def fit(**changes: Any) -> SpectrumSet:
    parameters = {
        "photon_index": FitParameter(2.0, 0.3, 0.1),
        "nh_galactic": FitParameter(5e20 / u.cm**2, frozen=True),
        **changes.pop("parameters", {}),
    }
    flux = FitParameter(1e-11 * FLUX_UNIT, 1e-12 * FLUX_UNIT, 1e-12 * FLUX_UNIT)
    values = {"flux_observed": flux, **changes}
    return SpectrumSet(
        [spectrum([1] * 60)], fits={"interval0pc": {"PowerLaw": SpectralFit("PowerLaw", parameters, **values)}}
    )


def test_fits_parameter_by_parameter():
    other = fit(
        parameters={
            "photon_index": FitParameter(2.5, 0.4, 0.4),
            "nh": FitParameter(1e21 / u.cm**2, 1e20 / u.cm**2, 1e20 / u.cm**2),
            "nh_galactic": FitParameter(6e24 / u.m**2, frozen=True),
        }
    )
    comparison = ProductSet({Kind.SPECTRUM: fit()}).compare(ProductSet({Kind.SPECTRUM: other}))
    name = "interval0pc PowerLaw"
    assert row(comparison, "fit", name, "photon_index")["sigma"] == pytest.approx(0.5 / np.hypot(0.1, 0.4))
    galactic = row(comparison, "fit", name, "nh_galactic")
    assert galactic["difference"] == pytest.approx(-1e20)
    assert galactic["unit"] == "1 / cm2"
    assert np.isnan(galactic["sigma"])
    assert row(comparison, "fit", name, "flux_observed")["identical"]
    assert "flux_unabsorbed" not in comparison.table["quantity"]  # neither knows it
    assert dict(comparison.missing) == {f"fit {name} nh": "only in other"}


COORD = SkyCoord(150.0, 20.0, unit="deg")


def test_positions_in_units_of_a_standard_deviation():
    # 90 % of a two-dimensional Gaussian lie within 2.146 standard deviations.
    assert stats.rayleigh.cdf(2.145966) == pytest.approx(0.9, abs=1e-6)
    this = Position(COORD, 3 * u.arcsec)
    other = Position(COORD.directional_offset_by(30 * u.deg, 5 * u.arcsec), 4 * u.arcsec)
    comparison = ProductSet({Kind.STANDARD_POSITION: this}).compare(ProductSet({Kind.STANDARD_POSITION: other}))
    apart = row(comparison, "standard position", "", "separation")
    assert apart["difference"] == pytest.approx(5, abs=1e-6)
    assert apart["sigma"] == pytest.approx(2.145966, abs=1e-5)  # as far as the radius of both together
    assert row(comparison, "standard position", "", "radius")["difference"] == -1


def image(counts: Any, *, band: str = "0.3-10 keV", ra: float = 150.0, exposure: float | None = 500.0) -> SkyImage:
    wcs = sky_wcs(ra, 20.0)
    data = np.array(counts, dtype=np.int32)
    exposures = None if exposure is None else CCDData(np.full(data.shape, exposure), unit=u.s, wcs=wcs)
    return SkyImage(CCDData(data, unit=u.ct, wcs=wcs), exposures, EnergyBand.parse(band))


def images(*made: SkyImage) -> ProductSet:
    return ProductSet({Kind.IMAGE: made})


def test_images_pixel_by_pixel():
    other = images(image([[0, 9], [3, 0]]), image([[1, 1]], band="0.3-1.5 keV"))
    comparison = images(image([[0, 4], [3, 1]], exposure=499.0)).compare(other)
    pixels = row(comparison, "image", "0.3-10 keV", "counts per pixel")
    assert (pixels["this"], pixels["other"], pixels["n"]) == (4, 9, 3)
    assert pixels["sigma"] == pytest.approx(5 / np.sqrt(13))
    assert pixels["at"] == "x 2, y 1"
    assert row(comparison, "image", "0.3-10 keV", "counts")["sigma"] == pytest.approx(4 / np.sqrt(8 + 12))
    assert row(comparison, "image", "0.3-10 keV", "exposure")["difference"] == -1
    assert dict(comparison.missing) == {"image 0.3-1.5 keV": "only in other"}


def test_images_of_other_parts_of_the_sky():
    comparison = images(image([[4]], exposure=None)).compare(images(image([[4]], ra=151.0)))
    assert comparison.table["quantity"].tolist() == ["counts"]
    assert "different grids" in comparison.missing["image 0.3-10 keV pixels"]


def sources(*offsets: float, rate: bool = True, counts: float = 16.0) -> ProductSet:
    number = len(offsets)
    columns: dict[str, Any] = {
        "source_number": np.arange(1, number + 1),
        "ra_deg": np.full(number, 150.0),
        "dec_deg": 20 + np.array(offsets, dtype=float) / 3600,
        "position_err": np.full(number, 4.0),
        "counts": np.full(number, counts),
    }
    columns |= {
        name: np.full(number, 2.0) for name in ("ra_err_neg", "ra_err_pos", "dec_err_neg", "dec_err_pos", "x", "y")
    }
    if rate:
        columns |= {"rate": np.full(number, counts / 100), "rate_err_neg": np.full(number, 0.03)}
        columns |= {"rate_err_pos": np.full(number, 0.04)}
    return ProductSet({Kind.SOURCES: SourceList.from_columns({"total": columns})})


def test_sources_by_position():
    comparison = sources(0, 100, 300).compare(sources(303, 1, counts=25.0))
    apart = row(comparison, "sources", "total", "separation")
    assert (apart["n"], apart["only_this"], apart["only_other"]) == (2, 1, 0)
    assert apart["difference"] == pytest.approx(3, abs=1e-6)
    assert apart["sigma"] == pytest.approx(3 / np.hypot(4, 4) * 2.145966, rel=1e-5)
    assert apart["at"] == "source 3"
    assert row(comparison, "sources", "total", "counts")["sigma"] == pytest.approx(9 / np.sqrt(16 + 25))
    assert row(comparison, "sources", "total", "rate")["sigma"] == pytest.approx(0.09 / np.hypot(0.04, 0.03))


def test_sources_without_rates_or_without_sources():
    comparison = sources(0, rate=False).compare(sources())
    assert comparison.table["quantity"].tolist() == ["separation", "counts"]
    assert comparison.table["only_this"].tolist() == [1, 0]
    assert not comparison.agrees()


# ---------------------------------------------------------------- the whole


def everything(**changes: Any) -> ProductSet:
    values = {
        Kind.LIGHT_CURVE: LightCurveSet(curve([1.0, 2.0]), hardness_ratio=hardness([1.0])),
        Kind.SPECTRUM: fit(),
        Kind.STANDARD_POSITION: Position(COORD, 3 * u.arcsec),
        Kind.IMAGE: (image([[1, 2]]),),
        Kind.SOURCES: sources(0).sources,
    }
    return ProductSet({**values, **changes.pop("products", {})}, **changes)


def test_the_same_is_identical():
    comparison = everything().compare(everything())
    assert comparison.identical
    assert all(comparison.table["identical"])
    assert comparison.agrees(sigma=1e-6)
    assert "all identical" in repr(comparison)
    assert {one["product"] for one in comparison.table} == {
        "light curve", "spectrum", "fit", "standard position", "image", "sources",
    }  # fmt: skip


def test_a_difference_in_any_product_is_seen():
    others = {
        Kind.LIGHT_CURVE: LightCurveSet(curve([1.0, 3.0]), hardness_ratio=hardness([1.0])),
        Kind.SPECTRUM: fit(flux_observed=FitParameter(2e-11 * FLUX_UNIT, 1e-13 * FLUX_UNIT, 1e-13 * FLUX_UNIT)),
        Kind.STANDARD_POSITION: Position(COORD.directional_offset_by(0 * u.deg, 1 * u.arcmin), 3 * u.arcsec),
        Kind.IMAGE: (image([[1, 200]]),),
        Kind.SOURCES: sources(0, counts=400.0).sources,
    }
    for kind, product in others.items():
        comparison = everything().compare(everything(products={kind: product}))
        assert not comparison.agrees(), kind
        assert not comparison.identical
        worst = comparison.table[np.nanargmax(comparison.table["sigma"])]
        assert worst["product"] == {Kind.SPECTRUM: "fit"}.get(kind, kind.title)


def test_products_in_one_of_the_two_only():
    this = ProductSet({Kind.STANDARD_POSITION: Position(COORD, 3 * u.arcsec)}, failed={Kind.IMAGE: "no exposure"})
    other = ProductSet({Kind.IMAGE: (image([[1]]),)})
    comparison = this.compare(other)
    assert dict(comparison.missing) == {
        "standard position": "only in this; other: not asked for",
        "image": "only in other; this: no exposure",
    }
    assert len(comparison.table) == 0
    assert not comparison.agrees()
    assert not comparison.agrees(complete=False)  # nothing was compared
    assert "image: only in other; this: no exposure" in str(comparison)
    with pytest.raises(TypeError):
        comparison.missing["image"] = ""  # type: ignore[index]


def test_the_largest_of_many_differences_is_judged_as_such():
    # One of 1000 values is 3.3 sigma away more often than not.
    rng = np.random.default_rng(1)
    pulls = np.clip(rng.normal(size=1000), -3, 3)
    pulls[500] = 3.3
    rates = 5 + pulls * np.hypot(0.1, 0.1)
    this, other = curves(rates.tolist()), curves([5.0] * 1000)
    assert row(this.compare(other), "light curve", "total PC", "rate")["sigma"] == pytest.approx(3.3)
    assert this.compare(other).agrees()
    assert not curves([5 + 3.3 * np.hypot(0.1, 0.1)]).compare(curves([5.0])).agrees()
    # The probability is that of the largest of 1000: P = 1 - (1 - p)^1000.
    equivalent = stats.norm.isf((1 - (1 - 2 * stats.norm.sf(5.0)) ** 1000) / 2)
    rates[500] = 5 + 5 * np.hypot(0.1, 0.1)
    worse = curves(rates.tolist()).compare(other)
    assert worse.agrees(sigma=equivalent + 1e-6)
    assert not worse.agrees(sigma=equivalent - 1e-6)


def test_what_is_missing_counts_unless_told_otherwise():
    one = ProductSet({Kind.STANDARD_POSITION: Position(COORD, 3 * u.arcsec)})
    for comparison in (one.compare(everything()), everything().compare(one)):
        assert comparison.agrees(complete=False)
        assert not comparison.agrees()
        assert not comparison.identical


@pytest.mark.parametrize("sigma", [0, -1, np.nan, "3", True, None])
def test_sigma_is_a_positive_number(sigma):
    with pytest.raises(RequestError, match="sigma"):
        everything().compare(everything()).agrees(sigma=sigma)


def test_other_must_be_products():
    with pytest.raises(RequestError, match="ProductSet is needed; got LightCurve"):
        everything().compare(curve([1.0]))  # type: ignore[arg-type]


def test_requests_are_compared_field_by_field():
    request = XRTRequest(target=Target("X"), light_curve=LightCurveRequest(binning=TimeBinning(pc_bin=100 * u.s)))
    changed = XRTRequest(
        target=Target("X"),
        light_curve=LightCurveRequest(binning=SnapshotBinning(), significance=3),  # 3 is the default
        image=ImageRequest(bands=["0.3-10 keV", "1-4 keV"]),
    )
    changes = everything(request=request).compare(everything(request=changed)).request_changes
    assert ("light_curve.binning.type", "TimeBinning", "SnapshotBinning") in changes
    assert ("light_curve.binning.pc_bin", "100 s", "") in changes
    assert ("image.bands", "", "0.3-10 keV, 1-4 keV") in changes
    assert all(change.field.startswith(("light_curve.binning", "image")) for change in changes)
    assert everything(request=request).compare(everything(request=request)).request_changes == ()
    assert everything(request=request).compare(everything()).request_changes == ()  # one of them is not known


def test_text_and_html():
    request = XRTRequest(target=Target("X <b>"), light_curve=LightCurveRequest(binning=SnapshotBinning()))
    other = everything(products={Kind.LIGHT_CURVE: LightCurveSet(curve([1.0, 2.3, 4.0]))})
    other.request = request.replace(target=Target("Y"))
    this = everything(request=request)
    comparison = this.compare(other)
    text = str(comparison)
    lines = text.splitlines()
    assert "2.12 sigma" in lines[0]
    assert any(line.startswith("light curve") and "2.1213" in line for line in lines)
    assert "light curve hardness_ratio: only in this" in text
    assert "target.name: X <b> (this), Y (other)" in text
    assert "nan" not in text
    html = comparison._repr_html_()
    assert "<table" in html
    assert "X &lt;b&gt; (this)" in html
    assert "<b>" not in html
    assert html.count("<tr>") == len(comparison.table) + 1


def test_copies_hold_the_same():
    comparison = everything().compare(everything(products={Kind.IMAGE: (image([[3, 2]]),)}))
    for again in (pickle.loads(pickle.dumps(comparison)), copy.deepcopy(comparison)):
        assert str(again) == str(comparison)
        assert all(np.array_equal(*pair) for pair in zip(again.pulls, comparison.pulls, strict=True))
        assert again.table["sigma"].tolist() == pytest.approx(comparison.table["sigma"].tolist(), nan_ok=True)


@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.SwiftXRTWarning")
def test_independent_data_differ_by_their_errors(tmp_path):
    """A source observed twice: the differences have the size that the errors say."""
    request = XRTRequest(
        target=Target("constant source"),
        light_curve=LightCurveRequest(binning=TimeBinning(pc_bin=40 * u.s)),
        spectrum=SpectrumRequest(),
        position=PositionRequest("standard"),
    )
    made = []
    for seed in (1, 2):
        small_observation(tmp_path / str(seed), seed=seed, duration=2 * u.ks, rate=0.5 * u.ct / u.s)
        with SwiftXRT(backend="local", archive=tmp_path / str(seed)) as local:
            made.append(local.submit(request).result(progress=False))
    comparison = made[0].compare(made[1])
    table = comparison.table[comparison.table["n"] > 40]
    judged = table[~np.isnan(table["sigma"])]
    assert len(judged) > 4
    # Errors of few counts are not Gaussian, so this is rough.
    assert np.all((judged["rms"] > 0.7) & (judged["rms"] < 1.3))
    assert comparison.agrees(sigma=4, complete=False)
    assert not comparison.identical


@pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.SwiftXRTWarning")
def test_service_and_engine_give_the_same(small_archive):
    """The same request, over HTTP and without: every number of every product is the same."""
    request = XRTRequest(
        target=Target("constant source"),
        light_curve=LightCurveRequest(binning=TimeBinning(pc_bin=40 * u.s)),
        spectrum=SpectrumRequest(),
        position=PositionRequest("standard", "enhanced"),
        image=ImageRequest(bands=["0.3-10 keV"]),
        sources=SourceDetectionRequest(data=AllData()),
    )
    with SwiftXRT(backend="local", archive=small_archive) as local:
        this = local.submit(request).result(progress=False)
    with embedded_server(small_archive), SwiftXRT(user="me@example.org") as remote:
        other = remote.submit(request).result(progress=False)
    comparison = this.compare(other)
    assert len(comparison.table) > 15
    assert comparison.identical, comparison
    assert comparison.agrees(sigma=1e-9)
    assert comparison.request_changes == ()
