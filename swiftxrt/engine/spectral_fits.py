"""Fits of the spectra of a request, as the product service makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..exceptions import SwiftXRTError
from ..fitting import models
from ..fitting.fit import FitSettings, fitted
from ..fitting.model import Model
from ..products.countspectrum import CountSpectrum
from ..products.fit import SpectralFit
from ..request.spectrum import SpectrumRequest

__all__ = ["fit_spectra"]

NOT_ASKED = "fits were not asked for"
_NO_GALAXY = (
    "the Galactic column towards the source, which galactic_absorber asks for, is not known to the local engine"
)
_NO_PLASMA = "the local engine has no model of a plasma in collisional equilibrium; the service fits it"
_NO_COUNTS = "fewer than {least} net counts"
#: Net counts below which three parameters mean nothing.
_LEAST_COUNTS = 10


def fit_spectra(
    spectra: Iterable[CountSpectrum], request: SpectrumRequest, progress: Callable[[str], None]
) -> tuple[dict[str, dict[str, SpectralFit]], dict[str, str]]:
    """Fit each spectrum with each model that was asked for.

    Spectra are grouped to at least one count per bin, and fitted in
    0.3-10 keV with the W statistic. The source is absorbed by interstellar
    matter (`models.TBabs`), at its redshift if there is one
    (`models.ZTBabs`).

    Parameters
    ----------
    spectra : iterable of CountSpectrum
        The spectra.
    request : SpectrumRequest
        Models, redshift and errors; with defaults.
    progress : callable
        Told what is fitted next.

    Returns
    -------
    fits : dict of str to dict of str to SpectralFit
        By name of the spectrum and name of the model.
    missing : dict of str to str
        Why a fit is missing: by name of the spectrum if all are, else
        ``"<spectrum>/<model>"``.
    """
    fits: dict[str, dict[str, SpectralFit]] = {}
    missing: dict[str, str] = {}
    for spectrum in spectra:
        reason = _against(spectrum, request)
        if reason:
            missing[spectrum.stem] = reason
            continue
        made: dict[str, SpectralFit] = {}
        for name in request.models or ():
            progress(f"{name} fit of {spectrum.stem}")
            found = _fitted(spectrum, name, request)
            if isinstance(found, SpectralFit):
                made[name] = found
            else:
                missing[f"{spectrum.stem}/{name}"] = found
        fits[spectrum.stem] = made
    return {stem: found for stem, found in fits.items() if found}, missing


def _against(spectrum: CountSpectrum, request: SpectrumRequest) -> str:
    """Why a spectrum is not fitted at all; empty if it is."""
    if request.fit is False:
        return NOT_ASKED
    if request.galactic_absorber:
        return _NO_GALAXY
    if spectrum.arf is None or spectrum.rmf is None:
        return "a spectrum without response cannot be fitted"
    if spectrum.grouped().net_counts.sum() < _LEAST_COUNTS:
        return _NO_COUNTS.format(least=_LEAST_COUNTS)
    return ""


_EMISSION: Mapping[str, Callable[[], Model]] = {"PowerLaw": models.PowerLaw, "blackbody": models.BlackBody}


def _fitted(spectrum: CountSpectrum, name: str, request: SpectrumRequest) -> SpectralFit | str:
    if name not in _EMISSION:
        return _NO_PLASMA
    settings = FitSettings(delta_statistic=request.delta_statistic)
    absorber = models.TBabs() if request.redshift is None else models.ZTBabs(redshift=request.redshift)
    try:
        result = fitted(spectrum.group(min_counts=1), absorber * _EMISSION[name](), settings)
        summary = result.summary()
    except SwiftXRTError as error:
        return f"the fit failed: {error}"
    if not result.is_converged:
        return f"the fit failed: {result.messages[0]}"
    return replace(summary, model=name)
