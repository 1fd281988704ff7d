"""The short table of results that ``swiftxrt demo`` prints."""

from __future__ import annotations

from collections.abc import Iterator

import astropy.units as u
import numpy as np

from ..jobs.job import Job
from ..kinds import ProductKind
from ..products.fit import FitParameter
from ..products.productset import ProductSet

__all__ = ["summary_text"]

Row = tuple[str, str]


def summary_text(products: ProductSet, job: Job) -> str:
    """Results with units, one line each.

    Parameters
    ----------
    products : ProductSet
        What the job made.
    job : Job
        The job.

    Returns
    -------
    text : str
    """
    target = job.request.target
    rows: list[Row] = [("Target", target.name), ("Target IDs", ", ".join(target.target_ids or ()))]
    if target.t0 is not None:
        rows.append(("Reference time T0", f"{target.t0.isot} UTC (MET {target.t0_met:.3f} s)"))
    for section in (_position, _light_curve, _spectra, _images):
        rows += section(products, job)
    rows += [(f"No {kind.title}", reason) for kind, reason in products.failed.items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows) + "\n"


def _position(products: ProductSet, job: Job) -> Iterator[Row]:
    if ProductKind.STANDARD_POSITION not in products:
        return
    found = products.standard_position
    yield "Standard position", f"{found.coord.to_string('hmsdms', precision=2)} (ICRS)"
    yield "  90% error radius", f"{found.radius.to_value(u.arcsec):.2f} arcsec"
    if job.request.target.position is not None:
        offset = found.coord.separation(job.request.target.position)
        yield "  offset from target", f"{offset.to_value(u.arcsec):.2f} arcsec"


def _light_curve(products: ProductSet, job: Job) -> Iterator[Row]:
    if ProductKind.LIGHT_CURVE not in products:
        return
    curve = products.light_curve.total
    limits = np.asarray(curve["is_upper_limit"])
    modes = np.asarray(curve["mode"])
    for mode in dict.fromkeys(modes.tolist()):
        mine = modes == mode
        rates = curve["rate"][mine & ~limits].to_value(u.ct / u.s)
        span = f", {rates.min():.3g} to {rates.max():.3g} ct/s" if len(rates) else ""
        yield (
            f"Light curve, {mode}",
            f"{np.sum(mine & ~limits)} bins, {np.sum(mine & limits)} upper limits{span} ({curve.band})",
        )


def _spectra(products: ProductSet, job: Job) -> Iterator[Row]:
    if ProductKind.SPECTRUM not in products:
        return
    for one in products.spectrum.count_spectra:
        background = 0 if one.background is None else int(one.background.counts.sum())
        exposure = u.Quantity(one.exposure, u.s).value
        yield (
            f"Spectrum {one.stem}",
            f"{int(one.counts.sum())} ct in the source region, {background} ct in the background region, "
            f"{exposure:.1f} s",
        )
        for model, fit in products.spectrum.fits.get(one.stem, {}).items():
            values = (f"{name} = {_rounded(item)}" for name, item in fit.parameters.items())
            yield f"  {model}", f"{', '.join(values)}; {fit.statistic:.1f} for {fit.dof} dof"


def _rounded(item: FitParameter) -> str:
    """Value and errors with three digits."""
    unit = "" if item.unit == u.dimensionless_unscaled else f" {item.unit}"
    if item.frozen:
        return f"{item.value.value:.3g}{unit}"
    return f"{item.value.value:.3g} (-{item.err_neg.value:.2g}, +{item.err_pos.value:.2g}){unit}"


def _images(products: ProductSet, job: Job) -> Iterator[Row]:
    if ProductKind.IMAGE not in products:
        return
    for image in products.image:
        yield f"Image, {image.band}", f"{int(np.sum(image.counts.data))} ct"
