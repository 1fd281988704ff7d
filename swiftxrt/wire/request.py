"""Requests in the words of the service, both ways.

What a field is called and how it is written stands at the field itself
(`swiftxrt._fields.par`); this module and `swiftxrt.wire.request_reading` add what
concerns several keys: the flags of products, the flags for what the service
is to find, selections, binnings and slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._fields import Nested, Pair, Record
from ..exceptions import RequestError
from ..kinds import ProductKind
from ..request.bundle import XRTRequest
from ..request.lightcurve import LightCurveRequest
from ..request.selection import AllData, FirstHours, Selection, selection_text
from ..request.spectrum import SingleSlice, SpectrumRequest, TimeSlice, TimeSlices
from ..request.target import Target
from .envelope import API_NAME, API_VERSION
from .names import BINNINGS, DERIVED_FIELDS, SLICES, kind_of
from .request_reading import from_wire

__all__ = ["from_wire", "to_wire"]


def to_wire(request: XRTRequest, user: str) -> dict[str, Any]:
    """Translate a request for submission.

    Parameters
    ----------
    request : XRTRequest
        The request.
    user : str
        Registered e-mail address of the sender.

    Returns
    -------
    payload : dict
        To be sent as JSON; without regions of one's own, which have no key. The order of the keys is such that the reference
        client, which reacts to them one by one, rebuilds the same request.

    Raises
    ------
    RequestError
        If there is no address.
    """
    if not isinstance(user, str) or not user.strip():
        raise RequestError([("user", "the service needs a registered e-mail address; give user= or set conf.user")])
    alone = request.kinds == (ProductKind.SOURCES,)
    payload: dict[str, Any] = {"api_name": API_NAME, "api_version": API_VERSION, "UserID": user.strip()}
    payload |= _write_target(request.target, find_position=not alone)
    # Lists of sources need no position and no extraction: only what was asked for is sent.
    payload |= _write_fields(request.extraction, unless_default=alone)
    payload |= _write_fields(request)
    payload |= {kind.flag: 1 for kind in request.kinds if kind.is_position}
    if request.light_curve:
        payload |= {"lc": 1} | _write_light_curve(request.light_curve)
    if request.spectrum:
        payload |= {"spec": 1} | _write_spectrum(request.spectrum)
    for part, name in ((request.position, ""), (request.image, "image"), (request.sources, "sourceDet")):
        if part:
            payload |= ({name: 1} if name else {}) | _write_fields(part)
    return payload


def _write_target(target: Target, *, find_position: bool) -> dict[str, Any]:
    payload = _write_fields(target)
    payload["getTargs"] = int(target.target_ids is None)
    if target.position is None and find_position:
        payload["getCoords"] = 1
    if target.t0 is not None or target.resolve_t0:
        payload["getT0"] = int(target.resolve_t0)
    return payload


def _write_light_curve(request: LightCurveRequest) -> dict[str, Any]:
    """The parameters of a light curve in the words of the service, without those of the target."""
    method = _word_for(request.binning, BINNINGS)
    return {"binMeth": method} | _write_fields(request.binning) | _write_fields(request)


def _write_spectrum(request: SpectrumRequest) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    if request.redshift is not None:
        payload["zval"] = request.redshift
    payload["specz"] = int(request.redshift is not None and request.fit is not False)
    payload |= _write_fields(request)
    if isinstance(request.slices, TimeSlices):
        for number, item in enumerate(request.slices.slices, start=1):
            payload |= {
                f"rname{number}": item.label,
                f"gti{number}": kind_of(TimeSlice, "intervals").to_wire(item.intervals),
            }
    elif isinstance(request.slices, SingleSlice):
        payload |= _write_fields(request.slices)
    if request.slices is not None and "specstem" not in payload:
        payload["timeslice"] = _word_for(request.slices, SLICES)
    return payload


def _write_fields(part: Record, *, unless_default: bool = False) -> dict[str, Any]:
    """The fields of one object that have keys of their own."""
    payload: dict[str, Any] = {}
    defaults = type(part)() if unless_default else None
    for field in part.__record_fields__:
        value, keys, kind = getattr(part, field.name), field.metadata["wire"], field.metadata["kind"]
        if (
            value is None
            or keys is None
            or field.name in DERIVED_FIELDS
            or (defaults and value == getattr(defaults, field.name))
        ):
            continue
        if isinstance(kind, Nested):
            payload |= _write_selection(value, keys) if isinstance(value, Selection) else {}
        elif isinstance(kind, Pair) and isinstance(keys, tuple):
            payload |= dict(zip(keys, kind.to_pair(value), strict=True))
        else:
            payload[keys] = kind.to_wire(value)
    return payload


def _write_selection(selection: Selection, keys: tuple[str, ...]) -> dict[str, Any]:
    """What data to use: the words first, since the reference client sets the method from them."""
    method, text, *hours = keys
    if isinstance(selection, AllData):
        return {method: "all"}
    if isinstance(selection, FirstHours):
        return {hours[0]: kind_of(FirstHours, "hours").to_wire(selection.hours), method: "hours"}
    return {text: selection_text(selection), method: "user"}


def _word_for(value: Record, table: Mapping[str, type[Record]]) -> str:
    return next(word for word, cls in table.items() if type(value) is cls)
