"""The whole request: a target, the products wanted and the settings they share."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import astropy.units as u

from .._atomic import atomic_path
from .._fields import Flag, Nested, Record, par, record
from .._paths import as_path
from ..exceptions import FormatError
from ..kinds import ProductKind
from ._catalogued import chosen_observations
from ._text import dump_json, dump_yaml, parse_json, parse_yaml
from ._values import LAUNCH_MET_S, Span, interval_met
from .cautions import find_cautions
from .extraction import ExtractionSettings
from .image import ImageRequest
from .lightcurve import LightCurveRequest
from .position import PositionRequest
from .selection import AllData, TimeIntervals
from .sources import SourceDetectionRequest
from .spectrum import SpectrumRequest, TimeSlice, TimeSlices
from .target import Target

__all__ = ["XRTRequest", "with_unrecognized"]

_SLOTS = ("light_curve", "spectrum", "position", "image", "sources")


@record
class XRTRequest(Record):
    """A request for one or more products of one target.

    Intervals given as `~astropy.time.Time` are turned into seconds here:
    since T0 with `times_since_t0`, else mission elapsed time.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import CountsBinning, LightCurveRequest, PositionRequest, Target, XRTRequest
    >>> request = XRTRequest(
    ...     target=Target("GRB 200416A"),
    ...     light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
    ...     position=PositionRequest("enhanced"),
    ... )
    >>> [kind.title for kind in request.kinds]
    ['light curve', 'enhanced position']
    >>> XRTRequest.from_yaml(request.to_yaml()) == request
    True
    """

    target: Target = par("The target.", Nested(Target))
    light_curve: LightCurveRequest | None = par(
        "Ask for a light curve.", Nested(LightCurveRequest), default=None, wire="lc"
    )
    spectrum: SpectrumRequest | None = par("Ask for spectra.", Nested(SpectrumRequest), default=None, wire="spec")
    position: PositionRequest | None = par("Ask for positions.", Nested(PositionRequest), default=None)
    image: ImageRequest | None = par("Ask for images.", Nested(ImageRequest), default=None, wire="image")
    sources: SourceDetectionRequest | None = par(
        "Ask for a list of sources.", Nested(SourceDetectionRequest), default=None, wire="sourceDet"
    )
    extraction: ExtractionSettings = par(
        "Settings shared by all products.", Nested(ExtractionSettings), default=ExtractionSettings()
    )
    times_since_t0: bool | None = par(
        "Whether seconds in intervals count from T0, not from 2001-01-01 (MET).",
        Flag(),
        default=None,
        wire="SinceT0",
        service_default=False,
        note="``SinceT0`` in tables, ``sinceT0`` in examples and in jobs of the service. ``SinceT0`` is sent, both are "
        "read.",
    )
    notify: bool | None = par(
        "Whether the service sends a mail at the end.", Flag(), default=None, wire="notify", service_default=False
    )

    @classmethod
    def _derive(cls, values: dict[str, Any]) -> None:
        since_met = values["target"].t0_met if values["times_since_t0"] else 0.0
        if since_met is None:
            return  # `_check` says what is missing.
        for slot in _SLOTS:
            if values[slot] is not None:
                values[slot] = _in_seconds(values[slot], since_met)

    @classmethod
    def _check_given(cls, names: Collection[str]) -> Iterator[tuple[str, str]]:
        if not any(slot in names for slot in _SLOTS):
            yield "", f"no product is asked for; give at least one of {', '.join(_SLOTS)}"

    def _check(self) -> Iterator[tuple[str, str]]:
        if self.times_since_t0 and self.target.t0 is None and not self.target.resolve_t0:
            yield "times_since_t0", "needs a T0: give target.t0, or target.resolve_t0=True"
        for path, timed in self._timed():
            yield from ((path, text) for text in self._interval_problems(timed.intervals))

    def _timed(self) -> Iterator[tuple[str, TimeIntervals | TimeSlice]]:
        """All parts that hold intervals, with where they are."""
        for slot in _SLOTS:
            part = getattr(self, slot)
            if isinstance(getattr(part, "data", None), TimeIntervals):
                yield f"{slot}.data", part.data
        slices = self.spectrum.slices if self.spectrum else None
        for item in getattr(slices, "slices", ()):
            yield f"spectrum.slices.{item.label}", item

    def _interval_problems(self, intervals: tuple[Span, ...]) -> Iterator[str]:
        for start, stop in intervals:
            if not isinstance(start, u.Quantity):
                yield "times can be turned into seconds since T0 only if target.t0 is given; give seconds instead"
            elif not self.times_since_t0 and start.value < LAUNCH_MET_S:
                hint = "for seconds since T0 set times_since_t0=True"
                yield f"{start:g} to {stop:g} lies before the launch of Swift as mission elapsed time; {hint}"

    @classmethod
    def from_source(
        cls, source: Any, *, t0: str | None = None, use: str = "all", fallback: str | None = None, **parts: Any
    ) -> XRTRequest:
        """Make a request for products of a catalogued source or transient, as the service itself makes them.

        Its catalogued position is kept as it is, and other catalogued sources
        are masked, unless `extraction` is given.

        Parameters
        ----------
        source : CatalogSource, CatalogTransient or row
            What `~swiftxrt.SwiftXRTClass.get_source` or
            `~swiftxrt.SwiftXRTClass.get_transient` returned; a row of a
            catalogue does for all observations.
        t0, use, fallback
            Reference time and observations, see `Target.from_source`. The
            products are made from these observations alone, except for those
            that have ``data`` of their own.
        **parts
            Products and settings, as for `XRTRequest`: ``light_curve``,
            ``spectrum``, ``position``, ``image``, ``sources``, ``extraction`` ...

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        RequestError
            If something is missing or cannot be used.
        NoDataError
            If there are no such observations.

        Warns
        -----
        RequestWarning
            If the reference time is rounded in the catalogue.
        """
        target = Target._of_source(source, t0=t0, use=use, fallback=fallback)
        data = chosen_observations(source, use, fallback) or AllData()
        for slot in _SLOTS:
            part = parts.get(slot)
            if isinstance(part, Record) and getattr(part, "data", data) is None:
                parts[slot] = part.replace(data=data)
        fixed = ExtractionSettings(centroid=False, centroid_tolerance=1 * u.arcmin, use_sxps=True)
        return cls(**{"target": target, "extraction": fixed, **parts})

    @property
    def kinds(self) -> tuple[ProductKind, ...]:
        """The kinds of product asked for."""
        positions = self.position.kinds if self.position else ()
        return tuple(
            kind
            for kind in ProductKind
            if (kind.value.removesuffix("_position") in positions if kind.is_position else getattr(self, kind.slot))
        )

    @property
    def unrecognized(self) -> Mapping[str, Any]:
        """What the service said in words that have no place here: `from_wire` keeps it for the user to see.

        These are keys that no parameter has, and values that no parameter
        takes, such as codes internal to the service. They are not sent, not
        written to files and not compared; copies and `replace` keep them.
        """
        return MappingProxyType(self.__dict__.get("_unrecognized", {}))

    def replace(self, **changes: Any) -> XRTRequest:
        """A copy with some fields changed.

        Parameters
        ----------
        **changes
            New values, by the names of the fields.

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        RequestError
            If a value cannot be used; all problems are reported at once.
        """
        return with_unrecognized(super().replace(**changes), self.unrecognized)

    @property
    def cautions(self) -> tuple[tuple[str, str], ...]:
        """What is allowed, but probably not what was meant, as pairs of field and message.

        They become a `~swiftxrt.exceptions.RequestWarning` each when the
        request is submitted.
        """
        return find_cautions(self)

    def to_yaml(self) -> str:
        """The request as a YAML text."""
        return dump_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> XRTRequest:
        """Rebuild a request from YAML.

        Parameters
        ----------
        text : str
            As `to_yaml` gives it, or written by hand.

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        RequestError
            If the text is not YAML or holds anything that is not a parameter;
            all problems are reported at once.
        """
        return cls.from_dict(parse_yaml(text, cls.__name__))

    def to_json(self) -> str:
        """The request as a JSON text."""
        return dump_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> XRTRequest:
        """Rebuild a request from JSON.

        Parameters
        ----------
        text : str
            As `to_json` gives it, or written by hand. The names are those of
            the fields; JSON in the words of the service is read by `from_wire`.

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        RequestError
            If the text is not JSON or holds anything that is not a parameter;
            all problems are reported at once.
        """
        return cls.from_dict(parse_json(text, cls.__name__))

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the request to a file.

        Parameters
        ----------
        path : path-like
            The file: JSON if its name ends with ``.json``, YAML otherwise.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is false.
        RequestError
            If the folder of the file does not exist.
        """
        text = self.to_json() if _is_json(path) else self.to_yaml()
        target = as_path(path, "path")
        with atomic_path(target, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return target

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> XRTRequest:
        """Read a request from a file.

        Parameters
        ----------
        path : path-like
            The file: JSON if its name ends with ``.json``, YAML otherwise.

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        FormatError
            If the file cannot be read as text.
        RequestError
            If its content is not a request.
        """
        place = as_path(path, "path")
        try:
            text = place.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"the request cannot be read ({error})", path) from error
        return cls.from_json(text) if _is_json(path) else cls.from_yaml(text)

    def to_wire(self, *, user: str) -> dict[str, Any]:
        """The request in the words of the service.

        Parameters
        ----------
        user : str
            Registered e-mail address.

        Returns
        -------
        payload : dict
            What is sent as JSON to submit the request.

        Raises
        ------
        RequestError
            If there is no address.
        """
        from ..wire import request as codec

        return codec.to_wire(self, user)

    @classmethod
    def from_wire(cls, payload: Mapping[str, Any]) -> XRTRequest:
        """Rebuild a request from the words of the service.

        Parameters
        ----------
        payload : mapping
            What a client sent, or the ``jobPars`` of a reply. Numbers may be
            texts; what has no place here is kept in `unrecognized`.

        Returns
        -------
        request : XRTRequest

        Raises
        ------
        RequestError
            With all problems at once, under the names used here.
        """
        from ..wire import request as codec

        return codec.from_wire(payload)


def with_unrecognized(request: XRTRequest, words: Mapping[str, Any]) -> XRTRequest:
    """Attach words that have no place in a request; for a request that nobody else holds yet."""
    object.__setattr__(request, "_unrecognized", dict(words))
    return request


def _in_seconds(part: Record, since_met: float) -> Record:
    """The request of a product with every time in its intervals turned into seconds."""

    def changed(intervals: tuple[Span, ...]) -> list[Any]:
        return [
            pair if isinstance(pair[0], u.Quantity) else [(met - since_met) * u.s for met in interval_met(pair)]
            for pair in intervals
        ]

    changes: dict[str, Any] = {}
    data, slices = getattr(part, "data", None), getattr(part, "slices", None)
    if isinstance(data, TimeIntervals):
        changes["data"] = TimeIntervals(*changed(data.intervals))
    if isinstance(slices, TimeSlices):
        changes["slices"] = TimeSlices(*(item.replace(intervals=changed(item.intervals)) for item in slices.slices))
    return part.replace(**changes) if changes else part


def _is_json(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == ".json"
