"""Upper limits at positions, in one call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, overload, runtime_checkable

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.utils.masked import Masked

from ..exceptions import ProductNotAvailableError, RequestError
from ..jobs.protocol import ProductBackend
from ..request.target import Target

__all__ = ["LimitMaking"]

_MOST_NAMED = 5
_AXES = ("lon", "lat")
_NEEDED = "a SkyCoord, a Target with a position, or a list or table of them is needed"


@runtime_checkable
class _LimitBackend(Protocol):
    """A backend that measures upper limits."""

    def upper_limits(self, positions: SkyCoord, **settings: Any) -> QTable:
        """Upper limits at some positions."""
        ...


class LimitMaking:
    """The method of `~swiftxrt.SwiftXRT` that gives upper limits."""

    @property
    @abstractmethod
    def _backend(self) -> ProductBackend:
        """Where they are made."""

    def get_upper_limits(
        self,
        positions: SkyCoord | Target | Sequence[SkyCoord | Target] | Table,
        *,
        bands: str | Sequence[str] = "total",
        data: str = "deepest",
        detections_as_rates: bool = False,
        confidence: float = 0.9973,
        detection_threshold: float | None = None,
        radius: u.Quantity | None = None,
    ) -> QTable:
        """Upper limits on the count rate at any positions, or rates where there is something.

        Nothing is searched or fitted at the positions: the events in a circle
        are compared with the background there. So far only the local engine
        does this, on the observations in its folder.

        Parameters
        ----------
        positions : `~astropy.coordinates.SkyCoord`, Target, list of these, or table
            Where. A table has a column ``position``, as lists of sources have,
            or another column of positions.
        bands : str or sequence of str, optional
            ``"total"`` (0.3-10 keV), ``"soft"`` (0.3-1), ``"medium"`` (1-2),
            ``"hard"`` (2-10), several of them, or ``"all"``.
        data : {"deepest", "all", "observations", "stack", "merged"}, optional
            What the limits are made from. ``"deepest"``: one row for each
            position, of the data set with the longest exposure there, usually
            the stack of all observations; ``"observations"``: a row for each
            observation; ``"stack"``: the image of all observations of a
            field; ``"all"``: both; ``"merged"``: the observations together,
            as by `~swiftxrt.merge_upper_limits`.
        detections_as_rates : bool, optional
            Whether to give rates with their errors too, where there is a source.
        confidence : float, optional
            Probability of the limits: three sigma by default.
        detection_threshold : float, optional
            There is a source if its rate is above zero with this probability;
            by default `confidence`.
        radius : `~astropy.units.Quantity`, optional
            Radius of the circle, 12 pixels (28.3 arcsec) by default.

        Returns
        -------
        limits : `~astropy.table.QTable`
            The rows of a position follow each other, in the order of the
            positions; one that no observation covers has one row with the
            ``outcome`` "not observed".

        Raises
        ------
        RequestError
            If a position is masked or not a number, or a setting cannot be used.
        NoDataError
            If the folder holds no observations.
        FormatError
            If an event file is damaged.
        ProductNotAvailableError
            If the backend gives no upper limits.

        Examples
        --------
        >>> local = SwiftXRT(backend="local", archive="observations")  # doctest: +SKIP
        >>> limits = local.get_upper_limits(SkyCoord("05h11m52.6s -62d19m28s"))  # doctest: +SKIP
        >>> limits["total_upper_limit"][0]  # doctest: +SKIP
        <Quantity 0.00196668 ct / s>
        """
        places = as_positions(positions)
        backend = self._backend
        if not isinstance(backend, _LimitBackend):
            text = "are not available from this service yet; SwiftXRT(backend='local', archive=...) measures them"
            raise ProductNotAvailableError("upper limits", f"they {text} in observations on disk")
        return backend.upper_limits(
            places,
            bands=bands,
            data=data,
            detections_as_rates=detections_as_rates,
            confidence=confidence,
            detection_threshold=detection_threshold,
            radius=radius,
        )


def as_positions(value: Any) -> SkyCoord:
    """One array of positions of whatever names positions.

    Raises
    ------
    RequestError
        If it names something else, or a position is masked or not finite.
    """
    parts = [place.icrs.spherical for place in _positions(value)]
    lon, lat = (np.concatenate([np.zeros(0), *(_degrees(getattr(part, axis)) for part in parts)]) for axis in _AXES)
    rows = np.flatnonzero(~np.isfinite(lon + lat))
    if rows.size:
        shown = f"{rows[:_MOST_NAMED].tolist()}{' and more' if rows.size > _MOST_NAMED else ''}"
        text = f"number {shown} (from 0) of {lon.size} is masked or not a number; leave it out"
        raise RequestError([("positions", text)], "upper limits")
    return SkyCoord(lon, lat, unit="deg", frame="icrs")


def _positions(value: Any) -> list[SkyCoord]:
    """The positions in the order in which they are named."""
    if isinstance(value, SkyCoord):
        return [value]
    if isinstance(value, Target):
        return [_of_target(value)]
    if isinstance(value, Table):
        return [_of_table(value)]
    if isinstance(value, str) or not isinstance(value, Iterable):
        hint = "; SkyCoord.from_name() finds positions by name" if isinstance(value, str) else ""
        raise RequestError([("positions", f"{_NEEDED}; got {value!r:.60}{hint}")], "upper limits")
    return [place for one in value for place in _positions(one)]


def _of_target(target: Target) -> SkyCoord:
    if target.position is None:
        text = f"the target {target.name!r} has no position; give one, as in Target(name, position=SkyCoord(...))"
        raise RequestError([("positions", text)], "upper limits")
    position: SkyCoord = target.position
    return position


def _of_table(table: Table) -> SkyCoord:
    names = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    if "position" in names or len(names) == 1:
        column: SkyCoord = table["position" if "position" in names else names[0]]
        return column
    what = f"several columns of positions, {', '.join(names)}, and none called position" if names else "none"
    text = f"the table must have a column 'position' of SkyCoord; it has {what}"
    raise RequestError([("positions", text)], "upper limits")


def _degrees(angle: Any) -> Any:
    """Degrees, NaN where they are masked."""
    values = np.atleast_1d(angle.deg).ravel()
    return np.asarray(values.filled(np.nan) if isinstance(values, Masked) else values)
