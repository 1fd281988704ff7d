"""Spectrum replies of the product service.

A reply describes slices, modes and fits and names an archive for each slice;
the spectra themselves are in the archives (`swiftxrt.io.spectrum`).

Clients of API versions below 1.10 get another layout (``layout="old"``): no
lists of slices, modes and models, limits as texts, ``HaveWT`` and ``HavePC``
for modes with a power-law fit, whose values stand in the object of the mode
under names such as ``gamma`` and ``nhpos``. `decode` reads both, and what is
between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..exceptions import ProtocolError, RequestError
from ..products.countspectrum import CountSpectrum
from ..products.fit import COLUMN_UNIT
from ..products.spectrumset import PARTS, SpectrumSet
from .fit import fit_reply, is_fit, old_fit_reply, read_fit
from .reading import any_case, explained, names, number, text
from .spectrumreply import ModeBlock, SliceBlock, SpectrumReply

__all__ = ["decode", "encode", "encode_missing"]

_NO_SPECTRUM, _NO_SLICE, _NO_FIT = "NoSpectrum", "NOSPEC", "NOFIT"
#: Key under which the embedded server tells what the protocol has no words for.
_MISSING = "Missing"
_MODES = ("WT", "PC")
_POWER_LAW = "PowerLaw"


def encode(
    spectra: SpectrumSet,
    *,
    urls: Mapping[str, str],
    t0_met: float,
    delta_statistic: float,
    layout: str = "new",
) -> dict[str, Any]:
    """The content of a spectrum reply.

    Parameters
    ----------
    spectra : SpectrumSet
        The spectra and their fits.
    urls : mapping of str to str
        Address of the archive of each time slice, by its label.
    t0_met : float
        Time zero (MET, s).
    delta_statistic : float
        Change of the statistic that defines the errors of the fits.
    layout : {"new", "old"}, optional
        ``"old"`` for clients of API versions below 1.10.

    Returns
    -------
    content : dict
        Values for JSON. ``GalNH_unfitted`` is always there, because the
        reference client fails without it in its default mode; it is null
        where the column is not known.

    Raises
    ------
    RequestError
        If the address of a slice is missing, or the layout is not known.
    """
    if layout not in ("new", "old"):
        raise RequestError([("layout", f"'new' or 'old' is needed; got {layout!r}")])
    if layout == "old":
        return _encode_old(spectra, t0_met)
    without = [label for label in spectra.slices if label not in urls]
    if without:
        raise RequestError([("urls", f"no address is given for the archive of {', '.join(map(repr, without))}")])
    gaps = _sorted_gaps(spectra)
    reply = _head(t0_met, delta_statistic, _or_none(spectra.galactic_nh.to_value(COLUMN_UNIT)))
    reply["rnames"] = [*spectra.slices, *gaps["slices"]]
    if not reply["rnames"]:
        reply[_NO_SPECTRUM] = 1
    for label, members in spectra.slices.items():
        modes = {one.mode_name: _encode_mode(one, spectra, gaps, t0_met) for one in members}
        limits = _limits_since(spectra, label, t0_met)
        reply[label] = {"DataFile": urls[label], **limits, "Modes": list(modes), **modes}
    for label, reason in gaps["slices"].items():
        reply[label] = {**_limits_since(spectra, label, t0_met), _NO_SLICE: reason}
    if gaps["others"]:
        reply[_MISSING] = gaps["others"]
    return reply


def encode_missing(reason: str, *, t0_met: float = 0.0, delta_statistic: float = 2.706) -> dict[str, Any]:
    """The content of a reply without any spectrum; the other keys keep the reference client from failing."""
    return {**_head(t0_met, delta_statistic, None), "rnames": [], _NO_SPECTRUM: reason}


def _head(t0_met: float, delta_statistic: float, galactic_nh: float | None) -> dict[str, Any]:
    return {"T0": float(t0_met), "DeltaFitStat": float(delta_statistic), "GalNH_unfitted": galactic_nh}


def _sorted_gaps(spectra: SpectrumSet) -> dict[str, dict[str, str]]:
    """What is missing, by the words that the protocol has for it."""
    gaps: dict[str, dict[str, str]] = {"slices": {}, "modes": {}, "models": {}, "others": {}}
    stems = {f"{label}{mode.lower()}" for label in spectra.slices for mode in _MODES}
    for what, reason in spectra.missing.items():
        stem, _, model = what.partition("/")
        if model in PARTS:
            continue  # Its absence from the archive tells.
        if model:
            kind = "models" if stem in spectra else "others"
        elif stem in spectra:
            kind = "others" if spectra.fits.get(stem) else "modes"
        else:
            kind = "others" if stem in stems else "slices"
        gaps[kind][what] = reason
    return gaps


def _limits_since(spectra: SpectrumSet, label: str, t0_met: float) -> dict[str, float | None]:
    pair = spectra.intervals.get(label)
    start, stop = (None, None) if pair is None else (float(met) - t0_met for met in pair.value)
    return {"Start": start, "Stop": stop}


def _encode_mode(
    spectrum: CountSpectrum, spectra: SpectrumSet, gaps: Mapping[str, Mapping[str, str]], t0_met: float
) -> dict[str, Any]:
    stem = spectrum.stem
    block: dict[str, Any] = {
        "MeanTime": _or_none(spectrum.mean_met.value - t0_met),
        "Exposure": float(spectrum.exposure.value),
    }
    models: dict[str, Any] = {name: fit_reply(fit) for name, fit in spectra.fits.get(stem, {}).items()}
    for what, reason in gaps["models"].items():
        if what.startswith(f"{stem}/"):
            models[what.partition("/")[2]] = {_NO_FIT: reason}
    if not models:
        return {**block, _NO_FIT: gaps["modes"].get(stem, 1)}
    return {**block, "Models": list(models), **models}


def _encode_old(spectra: SpectrumSet, t0_met: float) -> dict[str, Any]:
    """The layout before API version 1.10, which knows power laws only."""
    reply: dict[str, Any] = {"T0": float(t0_met), "GalNH": _or_none(spectra.galactic_nh.to_value(COLUMN_UNIT))}
    for label, members in spectra.slices.items():
        limits = _limits_since(spectra, label, t0_met)
        block: dict[str, Any] = {key.lower(): "" if at is None else repr(at) for key, at in limits.items()}
        by_mode = {one.mode_name: one for one in members}
        for mode in _MODES:
            spectrum = by_mode.get(mode)
            fits = {} if spectrum is None else spectra.fits.get(spectrum.stem, {})
            fit = next((fit for name, fit in fits.items() if name.lower() == _POWER_LAW.lower()), None)
            block[f"Have{mode}"] = int(fit is not None)
            if spectrum is not None and fit is not None:
                times = _encode_mode(spectrum, spectra, {"models": {}, "modes": {}}, t0_met)
                block[mode] = {
                    "meantime": times["MeanTime"],
                    **old_fit_reply(fit),
                    "exposure": times["Exposure"],
                }
        reply[label] = block
    return reply


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def decode(reply: Mapping[str, Any]) -> SpectrumReply:
    """Read a spectrum reply, in the layout of any API version.

    Numbers may come as texts, and parts may be missing; what is there is
    kept.

    Raises
    ------
    ProtocolError
        If the reply names no time slice, and does not say that there is none.
    """
    if not isinstance(reply, Mapping):
        raise ProtocolError("a spectrum reply must be a JSON object", payload_excerpt=repr(reply)[:300])
    missing = explained(reply, _NO_SPECTRUM, "the service made no spectrum")
    listed = reply.get("rnames")
    labels = names(listed) or [str(key) for key, value in reply.items() if _is_slice(value)]
    if not labels and not missing:
        if not isinstance(listed, list):
            raise ProtocolError("the spectrum reply names no time slices ('rnames')", payload_excerpt=repr(reply)[:300])
        missing = "the reply of the service lists no time slice"
    t0_met, delta = number(reply.get("T0")), number(reply.get("DeltaFitStat"))
    notes = reply.get(_MISSING)
    return SpectrumReply(
        slices=tuple(_decode_slice(label, reply.get(label), delta) for label in labels),
        t0_met=t0_met if math.isfinite(t0_met) else None,
        delta_statistic=delta,
        galactic_nh=number(any_case(reply, "GalNH_unfitted", "GalNH")),
        missing=missing,
        notes={str(what): text(why) for what, why in notes.items()} if isinstance(notes, Mapping) else {},
    )


def _is_slice(block: Any) -> bool:
    keys = {str(key) for key in block} if isinstance(block, Mapping) else set()
    return bool(keys & {"Modes", "DataFile", _NO_SLICE, "HaveWT", "HavePC"})


def _decode_slice(label: str, block: Any, delta_statistic: float) -> SliceBlock:
    if not isinstance(block, Mapping):
        return SliceBlock(label, missing="the service does not describe this time slice")
    listed = names(block.get("Modes")) or [mode for mode in _MODES if isinstance(block.get(mode), Mapping)]
    modes = {mode: _decode_mode(mode, block.get(mode), delta_statistic) for mode in listed}
    otherwise = "" if modes else "the service lists no mode of this time slice"
    return SliceBlock(
        label=label,
        start_s=number(any_case(block, "Start")),
        stop_s=number(any_case(block, "Stop")),
        data_url=text(block.get("DataFile")),
        modes=modes,
        missing=explained(block, _NO_SLICE, "no data in this time slice") or otherwise,
    )


def _decode_mode(mode: str, block: Any, delta_statistic: float) -> ModeBlock:
    if not isinstance(block, Mapping):
        return ModeBlock(mode, missing="the service does not describe this mode")
    fits, failed = {}, {}
    for model, content in _models(block).items():
        fit = read_fit(model, content, delta_statistic) if isinstance(content, Mapping) else None
        reason = explained(content, _NO_FIT, "the fit failed") if isinstance(content, Mapping) else ""
        if fit is None or reason:
            failed[model] = reason or "the service does not describe this fit"
        else:
            fits[model] = fit
    otherwise = "" if fits or failed else "the service lists no fitted model"
    return ModeBlock(
        mode=mode,
        exposure_s=number(any_case(block, "Exposure")),
        mean_time_s=number(any_case(block, "MeanTime")),
        fits=fits,
        failed=failed,
        missing=explained(block, _NO_FIT, "no fit was made") or otherwise,
    )


def _models(block: Mapping[str, Any]) -> dict[str, Any]:
    """Content by name of the model: as listed, else all objects, else the mode itself (old layout)."""
    listed = names(block.get("Models"))
    if listed:
        return {model: block.get(model) for model in listed}
    objects = {str(key): value for key, value in block.items() if isinstance(value, Mapping)}
    return objects or ({_POWER_LAW: block} if is_fit(block) else {})
