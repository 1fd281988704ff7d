"""What to compare in products of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import TOTAL
from ..kinds import ProductKind
from ..mission import Mode
from ._differences import Difference, Values, compare_values, known, matched_bins, matched_positions, radius_scale
from ._wcs import same_wcs
from .grouping import GOOD

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum
    from .fit import FitParameter, SpectralFit
    from .image import SkyImage
    from .lightcurve import LightCurveSet
    from .position import Position
    from .sources import SourceList
    from .spectrumset import SpectrumSet

__all__ = ["Findings", "product_differences"]

#: Confidence of the errors of sources in a `SourceList`.
_SOURCE_CONFIDENCE = 0.9


class Findings:
    """Rows of a comparison, and what is in one of the two only."""

    def __init__(self) -> None:
        self.rows: list[Difference] = []
        self.missing: dict[str, str] = {}

    def partners(self, what: str, this: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """Parts that both have; the others are noted as missing."""
        for name in dict.fromkeys([*this, *other]):
            if name in this and name in other:
                yield name, this[name], other[name]
            else:
                self.missing[f"{what} {name}"] = f"only in {'this' if name in this else 'other'}"

    def add(self, product: str, item: str, quantity: str, unit: str, this: Any, other: Any, **options: Any) -> None:
        """Compare values, given as `Values` or as plain numbers without errors."""
        sides = [side if isinstance(side, Values) else Values.of(side) for side in (this, other)]
        self.rows.append(compare_values((product, item, quantity), unit, *sides, **options))


def product_differences(kind: ProductKind, this: Any, other: Any, findings: Findings) -> None:
    """Add what there is to say about two products of one kind."""
    if kind.is_position:
        _positions(kind.title, this, other, findings)
    else:
        _COMPARED[kind](this, other, findings)


def _light_curves(this: LightCurveSet, other: LightCurveSet, findings: Findings, path: str = "") -> None:
    for name, one, two in findings.partners("light curve", *(_curves(side, path) for side in (this, other))):
        for mode in Mode:
            rows = [np.asarray(curve["mode"]) == mode.value for curve in (one, two)]
            if rows[0].any() or rows[1].any():
                _bins(f"{name} {mode.value}", one[rows[0]], two[rows[1]], findings)
    variants = [{f"{path}{name}": curves for name, curves in side.variants.items()} for side in (this, other)]
    for name, one, two in findings.partners("light curve", *variants):
        if not (_same_rows(one, this) and _same_rows(two, other)):
            _light_curves(one, two, findings, f"{name}/")


def _same_rows(variant: LightCurveSet, curves: LightCurveSet) -> bool:
    """Whether a variant holds what the curves themselves hold, as where every centroid was found."""
    if set(variant) != set(curves):
        return False
    pairs = [(variant[name], curves[name]) for name in curves]
    return all(len(one) == len(two) and bool(np.all(one == two)) for one, two in pairs)


def _curves(curves: LightCurveSet, path: str) -> dict[str, Any]:
    return {f"{path}{name}": curve for name, curve in curves.items()}


def _bins(item: str, this: Any, other: Any, findings: Findings) -> None:
    """Compare bins of one mode, as far as they cover the same time."""
    starts = [curve["met"].value - curve["time_err_neg"].value for curve in (this, other)]
    stops = [curve["met"].value + curve["time_err_pos"].value for curve in (this, other)]
    rows = matched_bins((starts[0], starts[1]), (stops[0], stops[1]))
    only = len(this) - rows[0].size, len(other) - rows[1].size
    one, two = this[rows[0]], other[rows[1]]
    at = [f"{time:.10g} s" if one.t0_met is not None else f"MET {time:.10g} s" for time in _time_s(one)]
    if "hardness_ratio" in this.colnames:
        ratios = [Values.of(curve["hardness_ratio"], curve["hardness_ratio_err"]) for curve in (one, two)]
        findings.add("light curve", item, "hardness ratio", "", *ratios, at=at, only=only)
        return
    _rates(item, one, two, findings, at=at, only=only)
    if "/" in item:  # The rest is the same in all variants.
        return
    if known(one["background_rate"], two["background_rate"]):
        backgrounds = [
            Values.of(_plain(curve, "background_rate"), _plain(curve, "background_rate_err")) for curve in (one, two)
        ]
        findings.add("light curve", item, "background rate", "ct / s", *backgrounds, at=at)
    if known(one["exposure"], two["exposure"]):
        findings.add("light curve", item, "exposure", "s", _plain(one, "exposure"), _plain(two, "exposure"), at=at)


def _time_s(curve: Any) -> NDArray[np.float64]:
    return (curve.elapsed if curve.t0_met is not None else curve.met).value


def _plain(table: Any, name: str) -> NDArray[np.float64]:
    return np.asarray(getattr(table[name], "value", table[name]), dtype=float)


def _rates(item: str, this: Any, other: Any, findings: Findings, *, at: list[str], only: tuple[int, int]) -> None:
    """Compare rates with rates, limits with limits, and rates with limits they must not exceed."""
    limits = [np.asarray(curve["is_upper_limit"]) for curve in (this, other)]
    rates = [
        Values.of(*(_plain(curve, name) for name in ("rate", "rate_err_neg", "rate_err_pos")))
        for curve in (this, other)
    ]
    groups = {
        "rate": ~limits[0] & ~limits[1],
        "upper limit": limits[0] & limits[1],
        "rate against limit": limits[0] ^ limits[1],
    }
    for quantity, chosen in groups.items():
        rows = np.flatnonzero(chosen)
        if not rows.size and quantity != "rate":
            continue
        one, two = (side.at(rows) for side in rates)
        below = np.where(limits[0][rows], one.value >= two.value, two.value >= one.value)
        mixed = {"compatible": below} if quantity == "rate against limit" else {}
        unmatched = only if quantity == "rate" else (0, 0)
        where = [at[row] for row in rows]
        findings.add("light curve", item, quantity, "ct / s", one, two, at=where, only=unmatched, **mixed)


def _spectra(this: SpectrumSet, other: SpectrumSet, findings: Findings) -> None:
    sides = [{spectrum.stem: spectrum for spectrum in side.count_spectra} for side in (this, other)]
    for stem, one, two in findings.partners("spectrum", *sides):
        _counts(stem, one, two, findings)
    fits = [
        {f"{stem} {model}": fit for stem, models in side.fits.items() for model, fit in models.items()}
        for side in (this, other)
    ]
    for name, one, two in findings.partners("fit", *fits):
        for quantity, first, second in findings.partners(f"fit {name}", *(_fitted(fit) for fit in (one, two))):
            _parameter(name, quantity, first, second, findings)


def _counts(stem: str, this: CountSpectrum, other: CountSpectrum, findings: Findings) -> None:
    sides = (this, other)
    findings.add("spectrum", stem, "exposure", "s", *(side.exposure.value for side in sides))
    findings.add("spectrum", stem, "counts", "ct", *(_poisson(side.counts.sum()) for side in sides))
    if this.background is not None and other.background is not None:
        background = (_poisson(side.background.counts.sum()) for side in (this, other) if side.background is not None)
        findings.add("spectrum", stem, "background counts", "ct", *background)
    findings.add("spectrum", stem, "net rate", "ct / s", *(_net_rate(side) for side in sides))
    channels, *rows = np.intersect1d(this.channel, other.channel, return_indices=True)
    filled = (this.counts[rows[0]] > 0) | (other.counts[rows[1]] > 0)
    per_channel = [_channel_rates(side, chosen[filled]) for side, chosen in zip(sides, rows, strict=True)]
    at = [f"channel {channel}" for channel in channels[filled]]
    only = tuple(int(side.counts.sum() - side.counts[chosen].sum()) for side, chosen in zip(sides, rows, strict=True))
    findings.add("spectrum", stem, "rate per channel", "ct / s", *per_channel, at=at, only=only)


def _poisson(counts: Any) -> Values:
    numbers = np.asarray(counts, dtype=float)
    return Values.of(numbers, np.sqrt(numbers))


def _channel_rates(spectrum: CountSpectrum, rows: NDArray[np.intp]) -> Values:
    time_s = spectrum.exposure.value * np.broadcast_to(spectrum.areascale, spectrum.counts.shape)[rows]
    return Values.of(spectrum.counts[rows] / time_s, np.sqrt(spectrum.variance[rows]) / time_s)


def _net_rate(spectrum: CountSpectrum) -> Values:
    """Net rate of 0.3-10 keV (of other instruments than the XRT: in all good channels) with its error."""
    first, last = TOTAL.channels
    inside = (spectrum.channel >= first) & (spectrum.channel <= last) if spectrum.mode else spectrum.quality == GOOD
    variance = float(spectrum.variance[inside].sum())
    if spectrum.background is not None:
        ratio = np.broadcast_to(spectrum.background_ratio, inside.shape)[inside]
        variance += float(np.sum(ratio**2 * spectrum.background.variance[inside]))
    error = np.sqrt(variance) / (spectrum.exposure.value * float(np.mean(spectrum.areascale)))
    return Values.of(spectrum.net_rate.value, error)


def _fitted(fit: SpectralFit) -> dict[str, FitParameter]:
    """Parameters and known fluxes of a fit by name."""
    fluxes = {"flux_observed": fit.flux_observed, "flux_unabsorbed": fit.flux_unabsorbed}
    return {**fit.parameters, **{name: flux for name, flux in fluxes.items() if np.isfinite(flux.value)}}


def _parameter(fit: str, name: str, this: FitParameter, other: FitParameter, findings: Findings) -> None:
    sides = [
        Values.of(*(part.to_value(this.unit) for part in (side.value, side.err_neg, side.err_pos)))
        for side in (this, other)
    ]
    findings.add("fit", fit, name, this.unit.to_string(), *sides)


def _positions(product: str, this: Position, other: Position, findings: Findings) -> None:
    """Compare positions: their separation over the standard deviation, per axis, of both together."""
    errors = [side.radius.value / radius_scale(side.confidence) for side in (this, other)]
    apart = Values.of(this.separation(other).to_value(u.arcsec), errors[0])
    findings.add(product, "", "separation", "arcsec", apart, Values.of(0.0, errors[1]))
    findings.add(product, "", "radius", "arcsec", this.radius.value, other.radius.value)


def _images(this: tuple[SkyImage, ...], other: tuple[SkyImage, ...], findings: Findings) -> None:
    sides = [{str(image.band or "all events"): image for image in side} for side in (this, other)]
    for band, one, two in findings.partners("image", *sides):
        findings.add("image", band, "counts", "ct", *(_poisson(image.counts.data.sum()) for image in (one, two)))
        if one.exposure is not None and two.exposure is not None:
            findings.add("image", band, "exposure", "s", *(np.nanmax(image.exposure.data) for image in (one, two)))
        if one.shape == two.shape and same_wcs(one.wcs, two.wcs):
            _pixels(band, one, two, findings)
        else:
            findings.missing[f"image {band} pixels"] = "this and other are on different grids of the sky"


def _pixels(band: str, this: SkyImage, other: SkyImage, findings: Findings) -> None:
    counts = [np.asarray(image.counts.data, dtype=float) for image in (this, other)]
    rows = np.nonzero((counts[0] > 0) | (counts[1] > 0))
    at = [f"x {x + 1}, y {y + 1}" for y, x in zip(*rows, strict=True)]
    findings.add("image", band, "counts per pixel", "ct", *(_poisson(data[rows]) for data in counts), at=at)


def _sources(this: SourceList, other: SourceList, findings: Findings) -> None:
    for band, one, two in findings.partners("sources", this, other):
        _source_band(band, one, two, findings)


def _source_band(band: str, this: Any, other: Any, findings: Findings) -> None:
    separation = this["position"][:, None].separation(other["position"][None, :]).to_value(u.arcsec)
    errors = [table["position_err"].to_value(u.arcsec) / radius_scale(_SOURCE_CONFIDENCE) for table in (this, other)]
    rows = matched_positions(separation, np.hypot(errors[0][:, None], errors[1][None, :]))
    only = len(this) - rows[0].size, len(other) - rows[1].size
    one, two = this[rows[0]], other[rows[1]]
    at = [f"source {number}" for number in one["source_number"]]
    apart = Values.of(separation[rows], errors[0][rows[0]])
    together = Values.of(np.zeros(len(one)), errors[1][rows[1]])
    findings.add("sources", band, "separation", "arcsec", apart, together, at=at, only=only)
    counts = (_poisson(np.clip(_plain(table, "counts"), 0, None)) for table in (one, two))
    findings.add("sources", band, "counts", "ct", *counts, at=at)
    if all("rate" in table.colnames for table in (one, two)):
        rates = [
            Values.of(*(_plain(table, name) for name in ("rate", "rate_err_neg", "rate_err_pos")))
            for table in (one, two)
        ]
        findings.add("sources", band, "rate", "ct / s", *rates, at=at)


_COMPARED: dict[ProductKind, Callable[[Any, Any, Findings], None]] = {
    ProductKind.LIGHT_CURVE: _light_curves,
    ProductKind.SPECTRUM: _spectra,
    ProductKind.IMAGE: _images,
    ProductKind.SOURCES: _sources,
}
