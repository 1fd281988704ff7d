"""The whole request: a target, the products wanted and the settings they share."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import yaml

from .._atomic import atomic_path
from .._fields import Flag, Nested, Record, par, record
from ..exceptions import FormatError, RequestError
from ..kinds import ProductKind
from ._values import Span, interval_met
from .extraction import ExtractionSettings
from .image import ImageRequest
from .lightcurve import LightCurveRequest
from .position import PositionRequest
from .selection import TimeIntervals
from .sources import SourceDetectionRequest
from .spectrum import SpectrumRequest, TimeSlice, TimeSlices
from .target import Target

__all__ = ["XRTRequest"]

_SLOTS = ("light_curve", "spectrum", "position", "image", "sources")

# Launch of Swift, 2004-11-20 17:16 UTC: a smaller MET is a mistake.
_LAUNCH_MET_S = 122663760.0


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

    def _check(self) -> Iterator[tuple[str, str]]:
        if not self.kinds:
            yield "", f"no product is asked for; give at least one of {', '.join(_SLOTS)}"
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
            elif not self.times_since_t0 and start.value < _LAUNCH_MET_S:
                hint = "for seconds since T0 set times_since_t0=True"
                yield f"{start:g} to {stop:g} lies before the launch of Swift as mission elapsed time; {hint}"

    @property
    def kinds(self) -> tuple[ProductKind, ...]:
        """The kinds of product asked for."""
        positions = self.position.kinds if self.position else ()
        return tuple(
            kind
            for kind in ProductKind
            if (kind.value.removesuffix("_position") in positions if kind.is_position else getattr(self, kind.slot))
        )

    def to_yaml(self) -> str:
        """The request as a YAML text."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

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
        if not isinstance(text, str):
            raise RequestError(f"a YAML text is needed; got {text!r}; files are read by XRTRequest.read", cls.__name__)
        try:
            plain = yaml.load(text, Loader=_StrictLoader)
        except yaml.YAMLError as error:
            raise RequestError(f"this is not YAML: {error}", cls.__name__) from error
        if not isinstance(plain, dict):
            raise RequestError(
                f"the YAML must hold the parameters by name; got {plain!r}; files are read by XRTRequest.read",
                cls.__name__,
            )
        return cls.from_dict(plain)

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the request to a YAML file.

        Parameters
        ----------
        path : path-like
            The file.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is false.
        RequestError
            If the folder of the file does not exist.
        """
        with atomic_path(path, overwrite) as temporary:
            temporary.write_text(self.to_yaml(), encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> XRTRequest:
        """Read a request from a YAML file.

        Parameters
        ----------
        path : path-like
            The file.

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
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"the request cannot be read ({error})", path) from error
        return cls.from_yaml(text)

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
            What a client sent, or the ``jobPars`` of a reply.

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


class _StrictLoader(yaml.SafeLoader):
    """YAML in which no key may be given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
