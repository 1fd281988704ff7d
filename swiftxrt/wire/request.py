"""Requests in the words of the service, both ways.

What a field is called and how it is written stands at the field itself
(`swiftxrt._fields.par`); this module adds what concerns several keys: the
flags of products, the flags for what the service is to find, selections,
binnings and slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .._fields import Choice, Kind, Nested, Pair, Record, problems_of
from ..exceptions import RequestError
from ..kinds import ProductKind
from ..request._values import parse_intervals
from ..request.bundle import XRTRequest
from ..request.extraction import ExtractionSettings
from ..request.image import ImageRequest
from ..request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning, SnapshotBinning, TimeBinning
from ..request.position import PositionRequest
from ..request.selection import AllData, FirstHours, Selection, parse_selection, selection_text
from ..request.sources import SourceDetectionRequest
from ..request.spectrum import (
    MAX_TIME_SLICES,
    ObsidSlices,
    SingleSlice,
    SnapshotSlices,
    SpectrumRequest,
    TimeSlice,
    TimeSlices,
)
from ..request.target import Target
from .envelope import API_NAME, API_VERSION
from .names import ALIASES
from .values import flag, lookup

__all__ = ["from_wire", "to_wire"]

AnyRecord = TypeVar("AnyRecord", bound=Record)
Problems = list[tuple[str, str]]

# Classes behind one key, by the word that stands for them.
_BINNINGS: dict[str, type[Record]] = {
    "counts": CountsBinning,
    "time": TimeBinning,
    "snapshot": SnapshotBinning,
    "obsid": ObsidBinning,
}
_SLICES: dict[str, type[Record]] = {
    "single": SingleSlice,
    "snapshot": SnapshotSlices,
    "obsid": ObsidSlices,
    "user": TimeSlices,
}

# Fields that are written and read together with others.
_SPECIAL = {"resolve_t0", "kinds", "redshift"}


# ---------------------------------------------------------------- writing


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
        To be sent as JSON. The order of the keys is such that the reference
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
    method = _word_for(request.binning, _BINNINGS)
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
                f"gti{number}": _kind_of(TimeSlice, "intervals").to_wire(item.intervals),
            }
    elif isinstance(request.slices, SingleSlice):
        payload |= _write_fields(request.slices)
    if request.slices is not None:
        payload["timeslice"] = _word_for(request.slices, _SLICES)
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
            or field.name in _SPECIAL
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
        return {hours[0]: _kind_of(FirstHours, "hours").to_wire(selection.hours), method: "hours"}
    return {text: selection_text(selection), method: "user"}


def _word_for(value: Record, table: Mapping[str, type[Record]]) -> str:
    return next(word for word, cls in table.items() if type(value) is cls)


def _kind_of(cls: type[Record], name: str) -> Kind:
    kind: Kind = next(field.metadata["kind"] for field in cls.__record_fields__ if field.name == name)
    return kind


# ---------------------------------------------------------------- reading


def from_wire(payload: Mapping[str, Any]) -> XRTRequest:
    """Read a submission, or the parameters of a job as the service reports them.

    Numbers may be texts, keys may have older spellings, unknown keys are
    ignored. Where a value is given together with the flag that asks the
    service to find it, the value counts: so look the parameters of a job
    after the service found them.

    Parameters
    ----------
    payload : mapping
        The decoded JSON.

    Returns
    -------
    request : XRTRequest

    Raises
    ------
    RequestError
        With all problems at once, under the names of our fields.
    """
    if not isinstance(payload, Mapping):
        raise RequestError(f"the parameters must come as an object with names; got {payload!r}", "XRTRequest")
    reader = _Reader(payload)
    values = {
        "target": reader.target(),
        "extraction": reader.part(ExtractionSettings, "extraction"),
        "light_curve": reader.light_curve() if reader.asked(ProductKind.LIGHT_CURVE) else None,
        "spectrum": reader.spectrum() if reader.asked(ProductKind.SPECTRUM) else None,
        "position": reader.position(),
        "image": reader.part(ImageRequest, "image") if reader.asked(ProductKind.IMAGE) else None,
        "sources": reader.part(SourceDetectionRequest, "sources") if reader.asked(ProductKind.SOURCES) else None,
        **reader.fields(XRTRequest, ""),
    }
    if reader.problems:
        raise RequestError(reader.problems, XRTRequest.__name__)
    return XRTRequest(**values)


class _Reader:
    """Reads one payload and collects what is wrong with it."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload
        self.problems: Problems = []
        self.relative = flag(self.get("SinceT0"))

    def get(self, key: str) -> Any:
        """The value of a key in any of its spellings, or `None`."""
        return lookup(self.payload, key, *ALIASES.get(key, ()))

    def asked(self, kind: ProductKind) -> bool:
        return flag(self.get(kind.flag))

    def fields(self, cls: type[Record], path: str) -> dict[str, Any]:
        """The values of fields that have keys of their own."""
        values: dict[str, Any] = {}
        for field in cls.__record_fields__:
            keys, kind = field.metadata["wire"], field.metadata["kind"]
            if keys is None or field.name in _SPECIAL or (isinstance(kind, Nested) and field.name != "data"):
                continue
            try:
                value = self.value(kind, keys)
            except ValueError as error:
                self.problems += problems_of(_join(path, field.name), error)
                continue
            if value is not None:
                values[field.name] = value
        return values

    def value(self, kind: Kind, keys: str | tuple[str, ...]) -> Any:
        """The value of one field, or `None`; `ValueError` if it cannot be used."""
        if isinstance(keys, str):
            raw = self.get(keys)
            return None if raw is None else kind.from_wire(raw)
        if isinstance(kind, Nested):
            return self.selection(keys)
        pair = [self.get(key) for key in keys]
        if pair.count(None) == 1:
            raise ValueError(f"{' and '.join(keys)} are needed together; got {pair[0]!r} and {pair[1]!r}")
        return kind.from_pair(*pair) if isinstance(kind, Pair) and None not in pair else None

    def selection(self, keys: tuple[str, ...]) -> Selection | None:
        method_key, text_key, *hours_key = keys
        text = self.get(text_key)
        words = ("all", "user", "hours") if hours_key else ("all", "user")
        method = self.get(method_key)
        method = None if method is None else Choice(*words).from_wire(method)
        if method == "all":
            return AllData()
        if method == "hours":
            hours = self.get(hours_key[0])
            return FirstHours() if hours is None else FirstHours(_kind_of(FirstHours, "hours").from_wire(hours))
        if method == "user" and text is None:
            raise ValueError(f"{text_key} is needed with {method_key} 'user'")
        return None if text is None else parse_selection(str(text), relative=self.relative)

    def build(self, cls: type[AnyRecord], path: str, values: dict[str, Any]) -> AnyRecord | None:
        try:
            return cls(**values)
        except RequestError as error:
            # What could not be read, or a part of it, is reported already.
            known = [f"{name}." for name, _ in self.problems]
            self.problems += [
                (name, text)
                for name, text in problems_of(path, error)
                if not any(item.startswith(f"{name}.") for item in known)
            ]
            return None

    def part(self, cls: type[AnyRecord], path: str) -> AnyRecord | None:
        return self.build(cls, path, self.fields(cls, path))

    def target(self) -> Target | None:
        values = self.fields(Target, "target")
        values["resolve_t0"] = flag(self.get("getT0")) and "t0" not in values
        return self.build(Target, "target", values)

    def word(self, key: str, table: Mapping[str, type[Record]], path: str) -> str | None:
        raw = self.get(key)
        try:
            return None if raw is None else Choice(*table).from_wire(raw)
        except ValueError as error:
            self.problems.append((path, str(error)))
            return None

    def light_curve(self) -> LightCurveRequest | None:
        values = self.fields(LightCurveRequest, "light_curve")
        path = "light_curve.binning"
        if word := self.word("binMeth", _BINNINGS, path):
            values["binning"] = self.part(_BINNINGS[word], path)
        return self.build(LightCurveRequest, "light_curve", values)

    def spectrum(self) -> SpectrumRequest | None:
        values = self.fields(SpectrumRequest, "spectrum")
        values |= {"redshift": self.redshift(), "slices": self.slices("spectrum.slices")}
        return self.build(SpectrumRequest, "spectrum", values)

    def redshift(self) -> float | None:
        """The redshift; one that is switched off counts only where switching off the fit did it."""
        value, has_redshift = self.get("zval"), self.get("specz")
        if value is None and flag(has_redshift):
            self.problems.append(("spectrum.redshift", "zval is needed when specz is 1"))
        if value is None or not (has_redshift is None or flag(has_redshift) or flag(self.get("doNotFit"))):
            return None
        try:
            redshift: float = _kind_of(SpectrumRequest, "redshift").from_wire(value)
        except ValueError as error:
            self.problems.append(("spectrum.redshift", str(error)))
            return None
        return redshift

    def slices(self, path: str) -> Record | None:
        word = self.word("timeslice", _SLICES, path)
        if word == "user":
            found = len(self.problems)
            items = [self.time_slice(number, path) for number in range(1, MAX_TIME_SLICES + 1)]
            slices = [item for item in items if item is not None] or None
            return self.build(TimeSlices, path, {"slices": slices}) if len(self.problems) == found else None
        if word is None and self.get("specstem") is None:
            return None
        return self.part(_SLICES[word or "single"], path)

    def time_slice(self, number: int, path: str) -> TimeSlice | None:
        keys = f"rname{number}", f"gti{number}"
        label, text = (self.get(key) for key in keys)
        if label is None and text is None:
            return None
        path = f"{path}.{label or number}"
        if label is None or text is None:
            self.problems.append((path, f"{' and '.join(keys)} are needed together; got {label!r} and {text!r}"))
            return None
        try:
            intervals = parse_intervals(str(text), relative=self.relative)
            return TimeSlice(label=_kind_of(TimeSlice, "label").from_wire(label), intervals=intervals)
        except ValueError as error:
            self.problems += problems_of(path, error)
            return None

    def position(self) -> PositionRequest | None:
        kinds = [kind.value.removesuffix("_position") for kind in ProductKind if kind.is_position and self.asked(kind)]
        if not kinds:
            return None
        values = self.fields(PositionRequest, "position")
        if "astrometric" not in kinds and values.get("astrometric_all_data"):
            del values["astrometric_all_data"]
        return self.build(PositionRequest, "position", {"kinds": kinds, **values})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
