"""Upper limits at positions, in one call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, TypedDict, Unpack, overload, runtime_checkable

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from .._calls import clear_calls
from ..catalog.querying import query_rows
from ..catalog.upper_limits import LimitQuestion, find_limits, limit_payloads
from ..engine.make_limits import LimitSettings
from ..exceptions import ProductNotAvailableError
from ..jobs.protocol import ProductBackend
from ..jobs.waiting import seconds_of
from ..request.catalog import CatalogQuery
from ..request.target import Target
from .catalogs import CatalogAsking
from .places import as_places, as_positions

__all__ = ["LimitChoice", "LimitMaking"]

_Places = SkyCoord | Target | str | Sequence[SkyCoord | Target | str] | Table
_LSXPS = "LSXPS"
# The service ends calculations after some such time.
_TIMEOUT = 20 * u.min


class LimitChoice(TypedDict, total=False):
    """What `LimitMaking.get_upper_limits` takes besides positions."""

    bands: str | Sequence[str]
    data: str
    detections_as_rates: bool
    confidence: float
    detection_threshold: float | None
    radius: u.Quantity | None
    catalog: str
    skip_detections: bool
    use_catalog_values: bool
    timeout: u.Quantity
    refresh: bool


@runtime_checkable
class _LimitBackend(Protocol):
    """A backend that measures upper limits."""

    def upper_limits(self, positions: SkyCoord, **settings: Any) -> QTable:
        """Upper limits at some positions."""
        ...


@clear_calls
class LimitMaking(CatalogAsking):
    """The method of `~swiftxrt.SwiftXRT` that gives upper limits."""

    @property
    @abstractmethod
    def _backend(self) -> ProductBackend:
        """Where they are made."""

    @overload
    def get_upper_limits(
        self, positions: _Places, *, get_query_payload: Literal[False] = ..., **choice: Unpack[LimitChoice]
    ) -> QTable: ...

    @overload
    def get_upper_limits(
        self, positions: _Places, *, get_query_payload: Literal[True], **choice: Unpack[LimitChoice]
    ) -> list[dict[str, Any]]: ...

    def get_upper_limits(
        self,
        positions: _Places,
        *,
        bands: str | Sequence[str] = "total",
        data: str = "deepest",
        detections_as_rates: bool = False,
        confidence: float = 0.9973,
        detection_threshold: float | None = None,
        radius: u.Quantity | None = None,
        catalog: str = _LSXPS,
        skip_detections: bool = False,
        use_catalog_values: bool = False,
        timeout: u.Quantity = _TIMEOUT,
        refresh: bool = False,
        get_query_payload: bool = False,
    ) -> QTable | list[dict[str, Any]]:
        """Upper limits on the count rate at any positions, or rates where there is something.

        Nothing is searched or fitted at the positions: the events in a circle
        are compared with the background there, by the service in all
        observations, or by the local engine in those in its folder.

        The service is asked about each position by itself, as many at a time
        as ``conf.max_connections`` allows. Its answers are kept for
        ``conf.cache_expiry``: a call that ended early, however it did, is
        repeated, and asks only for what is missing.

        Parameters
        ----------
        positions : `~astropy.coordinates.SkyCoord`, Target, str, list of these, or table
            Where. A table has a column ``position``, as lists of sources have,
            or another column of positions. Objects are also found by name, in
            texts or targets without a position: by the service, or among the
            targets and sources of the folder.
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
            by default `confidence`, or what the service takes.
        radius : `~astropy.units.Quantity`, optional
            Local engine only: radius of the circle, 12 pixels (28.3 arcsec)
            by default.
        catalog : {"LSXPS", "2SXPS"}, optional
            Whose data are used, and whose sources are told of; with the local
            engine the data are always those in its folder.
        skip_detections : bool, optional
            Whether to leave out data sets in which the catalogue has a source
            within 30 arcsec. The local engine makes a catalogue of its folder
            for this, as for `use_catalog_values`.
        use_catalog_values : bool, optional
            Whether to take the numbers of the catalogue where the position is
            that of a source.
        timeout : `~astropy.units.Quantity`, optional
            How long to wait for a limit that the service could not work out
            in the five minutes that it takes for a reply. It ends such
            calculations after about 20 minutes. The local engine takes its
            time.
        refresh : bool, optional
            Whether to ask the service for all anew, whatever is kept. The
            local engine always measures anew.
        get_query_payload : bool, optional
            Whether to return what would be sent to a service, a list with
            one body for each position, and send nothing.

        Returns
        -------
        limits : `~astropy.table.QTable`, or list of dict
            The rows of a position follow each other, in the order of the
            positions. Each position has at least one; its ``outcome`` is
            "limit", "detection", "catalogued source nearby", "not observed",
            "timed out" or "failed".

        Raises
        ------
        RequestError
            If a position is masked or not a number, or a setting cannot be
            used, or not on this backend.
        NoDataError
            If the folder holds no observations.
        FormatError
            If an event file is damaged.
        UnknownObjectError, ServiceError
            If the service gives no answer at all: why there is none for the
            first position. A failure among others that have an answer is a
            row with the outcome "failed".
        ProductNotAvailableError
            If the backend gives no upper limits.

        Warns
        -----
        PartialResultWarning
            If some positions failed or timed out.
        ServiceWarning
            If answers cannot be kept.

        Examples
        --------
        >>> place = SkyCoord("05h11m52.6s -62d19m28s")  # doctest: +SKIP
        >>> SwiftXRT.get_upper_limits(place, data="all", detections_as_rates=True)  # doctest: +SKIP
        >>> local = SwiftXRT(backend="local", archive="observations")  # doctest: +SKIP
        >>> local.get_upper_limits(place)["total_upper_limit"][0]  # doctest: +SKIP
        <Quantity 0.00196668 ct / s>
        """
        settings = LimitSettings(bands, data, detections_as_rates, confidence, detection_threshold, radius)
        patience_s = seconds_of(timeout, "timeout")
        is_local = self._catalog.name == "local"
        if is_local and not (skip_detections or use_catalog_values or get_query_payload):
            # What a service would refuse is refused here, too.
            LimitQuestion((), replace(settings, radius=None), catalog, skip_detections, use_catalog_values)
            return _measured(self._backend, as_positions(positions, self._place_of), settings)
        question = LimitQuestion(as_places(positions), settings, catalog, skip_detections, use_catalog_values)
        if get_query_payload:
            return limit_payloads(question)
        # Observations may have come to a folder since it was asked.
        return find_limits(self._catalog, question, patience_s=patience_s, refresh=refresh or is_local)

    def _place_of(self, name: str) -> SkyCoord:
        """Where an object is that is known by its name."""
        query = CatalogQuery(name=name, radius=1 * u.arcsec, limit=1)
        place: SkyCoord = query_rows(self._catalog, query).meta["resolved_position"]
        return place


def _measured(backend: ProductBackend, places: SkyCoord, settings: LimitSettings) -> QTable:
    if not isinstance(backend, _LimitBackend):
        raise ProductNotAvailableError("upper limits", f"the backend {backend.name!r} does not measure them")
    return backend.upper_limits(places, **vars(settings))
