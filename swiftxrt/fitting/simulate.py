"""Spectra drawn from models."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from ..exceptions import RequestError
from ..products.countspectrum import CountSpectrum
from ..products.provenance import Provenance
from .fitdata import count_spectrum
from .folding import Folding
from .model import Model

__all__ = ["simulate_spectrum"]


def simulate_spectrum(
    model: Model, *, like: Any, exposure: u.Quantity | None = None, seed: int | None = None
) -> CountSpectrum:
    """Draw a spectrum from a model.

    Counts of the source follow a Poisson distribution around the folded model
    plus the background of `like`; those of the background region around the
    counts of that region, as XSPEC's ``fakeit`` does.

    Parameters
    ----------
    model : Model
        The model, with a value for each parameter.
    like : CountSpectrum or XRTSpectrum
        Its response, background, areas and bad channels are taken.
    exposure : `~astropy.units.Quantity`, optional
        Live time; by default that of `like`. The background region is observed
        longer or shorter by the same factor.
    seed : int, optional
        Seed of the random numbers.

    Returns
    -------
    spectrum : CountSpectrum
        Without grouping, which belongs to other counts.

    Raises
    ------
    RequestError
        If a response is missing, a parameter has no value, or the exposure is no positive time.
    """
    template = count_spectrum(like)
    if not isinstance(model, Model):
        raise RequestError([("model", f"a model is needed; got {model!r}")], "simulate_spectrum")
    time = template.exposure if exposure is None else exposure
    if (
        not isinstance(time, u.Quantity)
        or not time.unit.is_equivalent(u.s)
        or not time.isscalar
        or not 0 < time.value < np.inf
    ):
        raise RequestError(
            [("exposure", f"a positive time is needed, such as 1000 * u.s; got {exposure!r}")], "simulate_spectrum"
        )
    longer = float(time / template.exposure)
    rng = np.random.default_rng(seed)
    channels = np.arange(template.counts.size)
    folding = Folding(template.replace(exposure=time.to(u.s)), channels, channels + 1)
    expected = folding.counts(model.combined(model.arrays(folding.grid, model.known_values())))
    outside = template.background
    if outside is not None:
        level = np.maximum(longer * outside.counts, 0.0)
        expected = expected + template.background_ratio * level
        outside = outside.replace(
            counts=rng.poisson(level), counts_err=None, exposure=outside.exposure * longer, gti=None
        )
    return template.replace(
        counts=rng.poisson(expected),
        counts_err=None,
        exposure=time,
        background=outside,
        grouping=np.zeros_like(template.grouping),
        gti=None,
        interval=None,
        mean_event_met=None,
        provenance=Provenance(),
    )
