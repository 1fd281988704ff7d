"""Reading requests in the words of the service; the writing is in `swiftxrt.wire.request`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .._fields import Choice, Flag, Kind, Nested, Pair, Record, problems_of
from ..exceptions import RequestError
from ..kinds import ProductKind
from ..request._values import parse_intervals
from ..request.bundle import XRTRequest, with_unrecognized
from ..request.extraction import ExtractionSettings
from ..request.image import ImageRequest
from ..request.lightcurve import LightCurveRequest
from ..request.position import PositionRequest
from ..request.selection import AllData, FirstHours, Selection, parse_selection
from ..request.sources import SourceDetectionRequest
from ..request.spectrum import MAX_TIME_SLICES, SpectrumRequest, TimeSlice, TimeSlices
from ..request.target import Target
from .names import ALIASES, BINNINGS, DERIVED_FIELDS, SLICES, is_known_key, kind_of
from .values import flag, is_unset, lookup

__all__ = ["from_wire"]

AnyRecord = TypeVar("AnyRecord", bound=Record)
Problems = list[tuple[str, str]]


def from_wire(payload: Mapping[str, Any]) -> XRTRequest:
    """Read a submission, or the parameters of a job as the service reports them.

    Numbers may be texts and keys may have older spellings. Keys and values
    that mean nothing here are kept in `XRTRequest.unrecognized`. Where a value
    is given together with the flag that asks the service to find it, the value
    counts: so look the parameters of a job after the service found them.

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
    request = reader.build(XRTRequest, "", values)
    if request is None or reader.problems:
        raise RequestError(reader.problems, XRTRequest.__name__)
    return with_unrecognized(request, reader.unrecognized())


class _Reader:
    """Reads one payload and collects what is wrong with it."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload
        self.problems: Problems = []
        self.strange: dict[str, Any] = {}
        self.relative = flag(self.get("SinceT0"))

    def get(self, key: str) -> Any:
        """The value of a key in any of its spellings, or `None`."""
        return lookup(self.payload, key, *ALIASES.get(key, ()))

    def note(self, key: str) -> None:
        """Remember a value that no parameter takes."""
        self.strange |= {name: self.payload[name] for name in (key, *ALIASES.get(key, ())) if name in self.payload}

    def unrecognized(self) -> dict[str, Any]:
        """What could not be used, without what only says who asks."""
        user = self.payload.get("UserID")
        strange = {key: value for key, value in self.payload.items() if key in self.strange or not is_known_key(key)}
        return {key: value for key, value in strange.items() if not is_unset(value) and value != user}

    def asked(self, kind: ProductKind) -> bool:
        return flag(self.get(kind.flag))

    def fields(self, cls: type[Record], path: str) -> dict[str, Any]:
        """The values of fields that have keys of their own."""
        values: dict[str, Any] = {}
        for field in cls.__record_fields__:
            keys, kind = field.metadata["wire"], field.metadata["kind"]
            if keys is None or field.name in DERIVED_FIELDS or (isinstance(kind, Nested) and field.name != "data"):
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
            return self.single(kind, keys)
        if isinstance(kind, Nested):
            return self.selection(keys)
        pair = [self.get(key) for key in keys]
        if pair.count(None) == 1:
            raise ValueError(f"{' and '.join(keys)} are needed together; got {pair[0]!r} and {pair[1]!r}")
        return kind.from_pair(*pair) if isinstance(kind, Pair) and None not in pair else None

    def single(self, kind: Kind, key: str) -> Any:
        raw = self.get(key)
        if raw is None:
            return None
        value = kind.from_wire(raw)
        if value is None or (isinstance(kind, Flag) and not kind.knows(raw)):
            self.note(key)
        return value

    def selection(self, keys: tuple[str, ...]) -> Selection | None:
        method_key, text_key, *hours_key = keys
        text = self.get(text_key)
        words = ("all", "user", "hours") if hours_key else ("all", "user")
        method = self.single(Choice(*words), method_key)
        if method == "all":
            return AllData()
        if method == "hours":
            hours = self.get(hours_key[0])
            return FirstHours() if hours is None else FirstHours(kind_of(FirstHours, "hours").from_wire(hours))
        if method == "user" and text is None:
            raise ValueError(f"{text_key} is needed with {method_key} 'user'")
        return None if text is None else parse_selection(str(text), relative=self.relative)

    def build(self, cls: type[AnyRecord], path: str, values: dict[str, Any]) -> AnyRecord | None:
        try:
            return cls(**values)
        except RequestError as error:
            # What could not be read, or a part of it, is reported already, and so is missing here.
            known = [f"{name}." for name, _ in self.problems]
            self.problems += [
                (name, text)
                for name, text in problems_of(path, error)
                if (name and not any(item.startswith(f"{name}.") for item in known))
                or not (name or any(map(self.asked, ProductKind)))
            ]
            return None

    def part(self, cls: type[AnyRecord], path: str) -> AnyRecord | None:
        return self.build(cls, path, self.fields(cls, path))

    def target(self) -> Target | None:
        values = self.fields(Target, "target")
        values["resolve_t0"] = flag(self.get("getT0")) and "t0" not in values
        return self.build(Target, "target", values)

    def word(self, key: str, table: Mapping[str, type[Record]], path: str) -> str | None:
        try:
            word: str | None = self.single(Choice(*table), key)
        except ValueError as error:
            self.problems.append((path, str(error)))
            return None
        return word

    def light_curve(self) -> LightCurveRequest | None:
        values = self.fields(LightCurveRequest, "light_curve")
        path = "light_curve.binning"
        if word := self.word("binMeth", BINNINGS, path):
            values["binning"] = self.part(BINNINGS[word], path)
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
            redshift: float = kind_of(SpectrumRequest, "redshift").from_wire(value)
        except ValueError as error:
            self.problems.append(("spectrum.redshift", str(error)))
            return None
        return redshift

    def slices(self, path: str) -> Record | None:
        word = self.word("timeslice", SLICES, path)
        if word == "user":
            found = len(self.problems)
            items = [self.time_slice(number, path) for number in range(1, MAX_TIME_SLICES + 1)]
            slices = [item for item in items if item is not None] or None
            return self.build(TimeSlices, path, {"slices": slices}) if len(self.problems) == found else None
        if word is None and self.get("specstem") is None:
            return None
        return self.part(SLICES[word or "single"], path)

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
            return TimeSlice(label=kind_of(TimeSlice, "label").from_wire(label), intervals=intervals)
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
