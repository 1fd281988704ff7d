"""Spectrum replies of the product service.

A reply describes slices, modes and fits and names an archive for each slice;
the spectra themselves are in the archives (`swiftxrt.io.spectrum`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..exceptions import ProtocolError, RequestError
from ..products.countspectrum import CountSpectrum
from ..products.spectrumset import SpectrumSet

__all__ = ["FitBlock", "FittedValue", "ModeBlock", "SliceBlock", "SpectrumReply", "decode", "encode"]

_NO_SPECTRUM, _NO_SLICE, _NO_FIT = "NoSpectrum", "NOSPEC", "NOFIT"
#: Keys of a fit that are numbers without error.
_PLAIN = {"GalacticNH": "galactic_nh", "Redshift_abs": "redshift", "Cstat": "statistic", "FitChi": "test_statistic"}
#: Spellings of parameters that differ between the service's documents.
_SPELLING = {"kT": "KT"}


@dataclass(frozen=True)
class FittedValue:
    """A fitted value and its errors; ``err_neg`` is positive, too."""

    value: float
    err_pos: float = math.nan
    err_neg: float = math.nan


@dataclass(frozen=True)
class FitBlock:
    """One fit, in the units of the service.

    Parameters
    ----------
    model : str
        Name of the model, such as ``"PowerLaw"``.
    values : mapping of str to FittedValue
        Parameters and fluxes by their names on the wire: ``NH`` (cm⁻²),
        ``Gamma``, ``KT`` (keV), ``ObsFlux``, ``UnabsFlux`` (erg cm⁻² s⁻¹,
        0.3-10 keV).
    statistic, test_statistic : float
        W statistic, and the statistic for the quality of the fit.
    dof : int or None
        Degrees of freedom.
    galactic_nh, redshift : float
        Galactic column (cm⁻²) and redshift of the absorber, if used; else NaN.
    image_url : str
        Address of a picture.
    missing : str
        Why there is no fit; empty if there is one.
    """

    model: str
    values: Mapping[str, FittedValue] = field(default_factory=dict)
    statistic: float = math.nan
    dof: int | None = None
    test_statistic: float = math.nan
    galactic_nh: float = math.nan
    redshift: float = math.nan
    image_url: str = ""
    missing: str = ""


@dataclass(frozen=True)
class ModeBlock:
    """One mode of a slice: live time (s), mean time (s since time zero), fits, and why there are none."""

    mode: str
    exposure_s: float = math.nan
    mean_time_s: float = math.nan
    fits: Mapping[str, FitBlock] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class SliceBlock:
    """One time slice: limits (s since time zero), address of the archive, modes, and why there are none."""

    label: str
    start_s: float = math.nan
    stop_s: float = math.nan
    data_url: str = ""
    modes: Mapping[str, ModeBlock] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class SpectrumReply:
    """What a spectrum reply says.

    Parameters
    ----------
    slices : tuple of SliceBlock
        In the order of the reply.
    t0_met : float or None
        Time zero (MET, s).
    delta_statistic : float
        Change of the statistic that defines the errors.
    galactic_nh : float
        Galactic column (cm⁻²) that no fit includes; NaN if not known.
    missing : str
        Why there is no spectrum at all; empty if there is one.
    """

    slices: tuple[SliceBlock, ...] = ()
    t0_met: float | None = None
    delta_statistic: float = math.nan
    galactic_nh: float = math.nan
    missing: str = ""

    def __getitem__(self, label: str) -> SliceBlock:
        """The slice of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        return {block.label: block for block in self.slices}[label]


def encode(
    spectra: SpectrumSet,
    *,
    urls: Mapping[str, str],
    t0_met: float,
    delta_statistic: float,
    galactic_nh: float | None = None,
) -> dict[str, Any]:
    """The content of a spectrum reply.

    Parameters
    ----------
    spectra : SpectrumSet
        The spectra; `SpectrumSet.fits` may hold `FitBlock` objects.
    urls : mapping of str to str
        Address of the archive of each time slice, by its label.
    t0_met : float
        Time zero (MET, s).
    delta_statistic : float
        Change of the statistic that defines the errors of the fits.
    galactic_nh : float, optional
        Galactic column (cm⁻²). ``GalNH_unfitted`` is always sent, because
        the reference client fails without it in its default mode; it is null
        where the column is not known.

    Returns
    -------
    content : dict
        Values for JSON.

    Raises
    ------
    RequestError
        If the address of a slice is missing.
    """
    reply: dict[str, Any] = {
        "T0": float(t0_met),
        "DeltaFitStat": float(delta_statistic),
        "GalNH_unfitted": None if galactic_nh is None else float(galactic_nh),
        "rnames": list(spectra.slices),
    }
    if not spectra.slices:
        reply[_NO_SPECTRUM] = 1
    for label, members in spectra.slices.items():
        if label not in urls:
            raise RequestError([("urls", f"no address is given for the archive of {label!r}")])
        start, stop = _interval(members)
        reply[label] = {"DataFile": urls[label], "Start": _since(start, t0_met), "Stop": _since(stop, t0_met)}
        reply[label]["Modes"] = [member.mode.value for member in members]
        for member in members:
            reply[label][member.mode.value] = _encode_mode(member, spectra.fits.get(member.stem, {}), t0_met)
    return reply


def _interval(members: tuple[CountSpectrum, ...]) -> tuple[float | None, float | None]:
    """Start and stop (MET, s) of a slice as asked for, else of its good time."""
    asked = [member.interval for member in members if member.interval is not None]
    good = [(float(m.gti.start[0]), float(m.gti.stop[-1])) for m in members if m.gti is not None and len(m.gti)]
    pairs = asked or good
    if not pairs:
        return None, None
    return min(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def _since(met: float | None, t0_met: float) -> float | None:
    return None if met is None else met - t0_met


def _encode_mode(spectrum: CountSpectrum, fits: Mapping[str, FitBlock], t0_met: float) -> dict[str, Any]:
    mean_met = float(spectrum.mean_met.value)
    block: dict[str, Any] = {
        "MeanTime": None if math.isnan(mean_met) else mean_met - t0_met,
        "Exposure": float(spectrum.exposure.value),
    }
    if not fits:
        return {**block, _NO_FIT: 1}
    return {**block, "Models": list(fits), **{name: _encode_fit(fit) for name, fit in fits.items()}}


def _encode_fit(fit: FitBlock) -> dict[str, Any]:
    block: dict[str, Any] = {_NO_FIT: 1} if fit.missing else {}
    for name, item in fit.values.items():
        block.update({name: item.value, f"{name}Pos": item.err_pos, f"{name}Neg": -item.err_neg})
    block.update({key: getattr(fit, name) for key, name in _PLAIN.items()})
    block = {key: value for key, value in block.items() if not math.isnan(value)}
    if fit.dof is not None:
        block["Dof"] = fit.dof
    if fit.image_url:
        block["Image"] = fit.image_url
    return block


def decode(reply: Mapping[str, Any]) -> SpectrumReply:
    """Read a spectrum reply.

    Numbers may come as texts, and parts may be missing; what is there is
    kept.

    Raises
    ------
    ProtocolError
        If the reply lists no time slices, or one that it does not describe.
    """
    if not isinstance(reply, Mapping):
        raise ProtocolError("a spectrum reply must be a JSON object", payload_excerpt=repr(reply)[:300])
    labels = reply.get("rnames")
    missing = _reason(reply, _NO_SPECTRUM, "the service made no spectrum")
    if labels is None and not missing:
        raise ProtocolError("the spectrum reply lists no time slices ('rnames')", payload_excerpt=repr(reply)[:300])
    t0_met = _number(reply.get("T0"))
    return SpectrumReply(
        slices=tuple(_decode_slice(str(label), reply.get(label)) for label in labels or ()),
        t0_met=None if math.isnan(t0_met) else t0_met,
        delta_statistic=_number(reply.get("DeltaFitStat")),
        galactic_nh=_number(reply.get("GalNH_unfitted")),
        missing=missing,
    )


def _decode_slice(label: str, block: Any) -> SliceBlock:
    if not isinstance(block, Mapping):
        raise ProtocolError(
            f"the spectrum reply does not describe the slice {label!r}", payload_excerpt=repr(block)[:300]
        )
    modes = {str(mode): _decode_mode(str(mode), block.get(mode)) for mode in block.get("Modes") or ()}
    return SliceBlock(
        label=label,
        start_s=_number(block.get("Start")),
        stop_s=_number(block.get("Stop")),
        data_url=str(block.get("DataFile") or ""),
        modes=modes,
        missing=_reason(block, _NO_SLICE, "no data in this time slice", default="" if modes else "no mode is listed"),
    )


def _decode_mode(mode: str, block: Any) -> ModeBlock:
    if not isinstance(block, Mapping):
        return ModeBlock(mode, missing="the service does not describe this mode")
    fits = {str(model): _decode_fit(str(model), block.get(model)) for model in block.get("Models") or ()}
    return ModeBlock(
        mode=mode,
        exposure_s=_number(block.get("Exposure")),
        mean_time_s=_number(block.get("MeanTime")),
        fits=fits,
        missing=_reason(block, _NO_FIT, "no fit was made", default="" if fits else "no model is listed"),
    )


def _decode_fit(model: str, block: Any) -> FitBlock:
    if not isinstance(block, Mapping):
        return FitBlock(model, missing="the service does not describe this fit")
    dof = _number(block.get("Dof"))
    return FitBlock(
        model=model,
        values=dict(_fitted_values(block)),
        dof=None if math.isnan(dof) else int(dof),
        image_url=str(block.get("Image") or ""),
        missing=_reason(block, _NO_FIT, "the fit failed"),
        **{name: _number(block.get(key)) for key, name in _PLAIN.items()},
    )


def _fitted_values(block: Mapping[str, Any]) -> Iterator[tuple[str, FittedValue]]:
    for key, value in block.items():
        if key in _PLAIN or key in ("Dof", "Image", _NO_FIT) or key[-3:] in ("Pos", "Neg"):
            continue
        errors = [abs(_number(block.get(key + side))) for side in ("Pos", "Neg")]
        yield _SPELLING.get(key, key), FittedValue(_number(value), *errors)


def _reason(block: Mapping[str, Any], key: str, text: str, *, default: str = "") -> str:
    """Why something is missing: the presence of a key says that it is; its value may say why."""
    if key not in block:
        return default
    said = block[key]
    explained = isinstance(said, str) and said.strip() not in ("", "1", "0", key)
    return said.strip() if explained else text


def _number(value: Any) -> float:
    """A number or its text; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | np.number):
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan
