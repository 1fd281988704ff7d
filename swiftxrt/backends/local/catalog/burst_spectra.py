"""Spectra of bursts, of all times, of late ones and of time slices, in the words of the service."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u

from ...._atomic import atomic_path
from ...._printable import without_paths
from ....exceptions import JobLostError, NoDataError, ProductNotAvailableError, RequestRejectedError
from ....jobs.protocol import JobHandle
from ....kinds import ProductKind
from ....products.report import Phase
from ....products.spectrumset import SpectrumSet
from ....request.bundle import XRTRequest
from ....request.selection import AllData
from ....request.spectrum import SpectrumRequest, TimeSlice, TimeSlices
from ....wire import api, rebin, spectrum
from ....wire.values import is_unset, job_number
from .burst_products import LATE, span_met
from .burst_targets import Burst, burst_of_target, observations_of, require_burst

__all__ = ["FUNCTIONS"]

_KIND = ProductKind.SPECTRUM
_BURST, _SLICED = "GRB", "timeslice"
_NO_BURST = "there is no such burst here"
#: The service's name of late spectra.
_LATE = "late_time"
_MODES: Mapping[str, tuple[str, ...]] = {"WT": ("WT",), "PC": ("PC",), "BOTH": ("WT", "PC")}
_SPAN = re.compile(r"(\d+(?:\.\d*)?(?:e\d+)?)-(\d+(?:\.\d*)?(?:e\d+)?)", re.IGNORECASE)
_OBSERVATIONS = re.compile(r"OBS(\d{11})-OBS(\d{11})", re.IGNORECASE)
#: Larger numbers are MET, others count from T0.
_LEAST_MET_S = 1e8


def spectra(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The spectra of a burst, or of time slices of it.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``type`` and ``objectID``.
    base_url : str
        Address under which the client sees the server.
    """
    if content.get("type") == _SLICED:
        return _sliced(catalog, content, base_url)
    if content.get("type") != _BURST:
        raise RequestRejectedError(f"spectra are of type {_BURST} or {_SLICED}; got {content.get('type')!r:.40}")
    burst = burst_of_target(catalog.archive, content.get("objectID"))
    if burst is None:
        return spectrum.encode_missing(_NO_BURST)
    try:
        handle, found = catalog.bursts.get(burst, _KIND)
    except (ProductNotAvailableError, NoDataError) as error:
        return spectrum.encode_missing(without_paths(str(getattr(error, "reason", error))))
    shown = _renamed(found, {LATE: (_LATE, ("PC",))})
    return _content(catalog, handle, shown, catalog.files / "xrt_spectra" / burst.target_id / handle.id, base_url)


def _content(catalog: Any, handle: JobHandle, found: SpectrumSet, folder: Path, base_url: str) -> dict[str, Any]:
    if not len(found):
        return spectrum.encode_missing("no time slice holds any good time")
    catalog.bursts.files(_KIND, found, folder, handle.request)
    address = catalog.address(folder, base_url)
    asked = (handle.request.spectrum or SpectrumRequest()).with_defaults()
    return spectrum.encode(
        found,
        urls={label: f"{address}/{label}.tar.gz" for label in found.slices},
        t0_met=found.t0_met or 0.0,
        delta_statistic=asked.delta_statistic,
    )


def _renamed(found: SpectrumSet, wanted: Mapping[str, tuple[str, Sequence[str]]]) -> SpectrumSet:
    """Spectra with other names of slices, and without modes that are not wanted; others stay as they are."""
    counts, gone = [], {}
    for label, members in found.slices.items():
        name, modes = wanted.get(label, (label, _MODES["BOTH"]))
        kept = [one.replace(label=name) for one in members if one.mode.value in modes]
        counts += kept
        if not kept:
            gone[name] = f"no good time in {' or '.join(modes)} mode lies in this time slice"
    stems = {one.stem for one in counts}
    missing = {}
    for what, why in found.missing.items():
        stem, _, part = what.partition("/")
        label = next((one for one in wanted if stem in (one, f"{one}wt", f"{one}pc")), "")
        changed = (wanted[label][0] + stem[len(label) :] if label else stem) + (f"/{part}" if part else "")
        if stem == label or changed.partition("/")[0] in stems or not label:
            missing[changed] = why
    intervals = {wanted.get(label, (label, ()))[0]: tuple(pair.value) for label, pair in found.intervals.items()}
    options: dict[str, Any] = {"intervals": intervals, "t0_met": found.t0_met, "provenance": found.provenance}
    return SpectrumSet(counts, missing={**missing, **gone}, **options)


# ---------------------------------------------------------------- time slices


def slice_spectra(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Start to make spectra of time slices.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``targetID``, ``rnames``, ``times`` and ``modes``, if wanted ``grades`` and ``redshift``.
    base_url : str
        Not used.
    """
    burst = require_burst(catalog.archive, content.get("targetID"))
    lists = [content.get(key) for key in ("rnames", "times", "modes")]
    if not all(isinstance(one, list) and one for one in lists) or len({len(one) for one in lists if one}) != 1:
        raise RequestRejectedError("rnames, times and modes are lists with a value for each time slice")
    labels, times, modes = lists
    wanted = {str(label): str(mode).strip().upper() for label, mode in zip(labels or (), modes or (), strict=True)}
    if bad := [mode for mode in wanted.values() if mode not in _MODES]:
        raise RequestRejectedError(f"the mode of a time slice is {', '.join(_MODES)}; got {bad[0]!r:.40}")
    handle = catalog.bursts.start(_slice_request(catalog, burst, list(labels or ()), list(times or ()), content))
    path = _modes_path(catalog, handle.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(wanted), encoding="utf-8")
    return {"JobID": int(handle.id)}


def _slice_request(
    catalog: Any, burst: Burst, labels: list[Any], times: list[Any], content: Mapping[str, Any]
) -> XRTRequest:
    """What is asked of the engine; the rest is as in the spectra that are there for every burst."""
    base: XRTRequest = catalog.bursts.request(burst, _KIND)
    t0_met = float(base.target.t0_met or 0.0)
    slices = [
        TimeSlice(label=str(label), intervals=_intervals(catalog, burst, str(text), t0_met))
        for label, text in zip(labels, times, strict=True)
    ]
    grades = content.get("grades")
    wanted = SpectrumRequest(
        slices=TimeSlices(*slices),
        data=AllData(),
        redshift=_redshift(content.get("redshift")),
        grades=None if is_unset(grades) else str(grades),
    )
    return base.replace(spectrum=wanted)


def _redshift(value: Any) -> float | None:
    """A redshift; nobody here knows that of a burst, so what is not given is none."""
    if is_unset(value) or str(value).strip().upper() == "NONE":
        return None
    try:
        return float(str(value))
    except ValueError:
        raise RequestRejectedError(f"the redshift is a number or NONE; got {value!r:.40}") from None


def _intervals(catalog: Any, burst: Burst, text: str, t0_met: float) -> list[tuple[u.Quantity, u.Quantity]]:
    """Pairs of MET of a text such as ``100-300,OBS00635887000-OBS00635887001``."""
    pairs = []
    for part in text.replace(" ", "").split(","):
        if span := _SPAN.fullmatch(part):
            ends = [float(end) for end in span.groups()]
            pairs.append([end if end > _LEAST_MET_S else end + t0_met for end in ends])
        elif ends_of := _OBSERVATIONS.fullmatch(part):
            first, last = ends_of.groups()
            there = [one for one in observations_of(catalog.archive, burst.target_ids) if first <= one.obsid <= last]
            if not there:
                raise RequestRejectedError(f"there is no observation of {burst.name} in {part}")
            pairs.append(list(span_met(there)))
        else:
            raise RequestRejectedError(f"times are as 100-300,500-1000 or OBS<obsid>-OBS<obsid>; got {part!r:.60}")
    return [(start * u.s, stop * u.s) for start, stop in pairs]


def slice_status(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """State of the spectra of time slices.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the jobs.
    content : mapping
        Of the call: ``JobID``.
    base_url : str
        Not used.
    """
    status = catalog.bursts.jobs.poll(_slicing(catalog, content.get("JobID"))).products[_KIND]
    found = api.open_reply(rebin.encode_status(status), url=base_url)
    return {**found, "text": without_paths(found["text"])}


def cancel_slices(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """End the making of spectra of time slices.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the jobs.
    content : mapping
        Of the call: ``JobID``.
    base_url : str
        Not used.
    """
    handle, jobs = _slicing(catalog, content.get("JobID")), catalog.bursts.jobs
    before = jobs.poll(handle).products[_KIND].phase
    after = jobs.cancel(handle, [_KIND]).products[_KIND].phase
    cancelled = after is Phase.ABORTED and not before.is_final
    return api.open_reply(rebin.encode_cancel(cancelled=cancelled), url=base_url)


def _sliced(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    handle, jobs = _slicing(catalog, content.get("objectID")), catalog.bursts.jobs
    try:
        found = jobs.collect(handle, _KIND)
    except ProductNotAvailableError as error:
        if not jobs.poll(handle).phase.is_final:
            raise RequestRejectedError(f"the spectra of job {handle.id} are not ready: {error.reason}") from error
        return spectrum.encode_missing(without_paths(error.reason))
    modes = json.loads(_modes_path(catalog, handle.id).read_text(encoding="utf-8"))
    shown = _renamed(found, {label: (label, _MODES[mode]) for label, mode in modes.items()})
    return _content(catalog, handle, shown, catalog.files / "xrt_spectra" / "slices" / handle.id, base_url)


def _slicing(catalog: Any, number: Any) -> JobHandle:
    job_id = job_number(number)
    try:
        handle: JobHandle = catalog.bursts.find(job_id, _KIND, rebinned=False)
    except JobLostError as error:
        raise RequestRejectedError(f"There is no job {number!s:.60} of time slices.") from error
    if not _modes_path(catalog, handle.id).exists():
        raise RequestRejectedError(f"There is no job {number!s:.60} of time slices.")
    return handle


def _modes_path(catalog: Any, job_id: str) -> Path:
    """The file that tells of a job which mode was wanted of which slice."""
    path: Path = catalog.folder / "bursts" / f"slices_{job_id}.json"
    return path


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "downloadSpectrum": spectra,
    "timesliceSpectrum": slice_spectra,
    "checkSliceStatus": slice_status,
    "cancelSlice": cancel_slices,
}
