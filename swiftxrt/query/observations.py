"""Which observations there are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Literal, TypedDict, Unpack, overload

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from ..catalog.observations import ObservationSource
from ..config import conf
from ..exceptions import OfflineError, RequestError
from ..jobs.protocol import ProductBackend
from ..mission import Mode
from ..request._rows import is_row
from ..request.observations import ObservationQuery
from ..request.target import Target
from .resolve import as_target

__all__ = ["ObservationAsking", "ObservationChoice"]

_WHAT = "query of observations"
_SOMEWHERE = SkyCoord(0.0, 0.0, unit="deg", frame="icrs")


class ObservationChoice(TypedDict, total=False):
    """What `query_observations` takes besides the position."""

    radius: u.Quantity
    start: Time | None
    stop: Time | None
    mode: Mode | str | None
    min_exposure: u.Quantity | None
    target_id: str | int | Iterable[str | int] | None
    obsid: str | int | Iterable[str | int] | None


class ObservationAsking:
    """Queries of observations; mixed into `swiftxrt.SwiftXRTClass`."""

    _backend_name: str

    @property
    @abstractmethod
    def _backend(self) -> ProductBackend:
        """Where requests run."""

    @overload
    def query_observations(
        self,
        position: SkyCoord | Target | str | None = ...,
        *,
        get_query_payload: Literal[False] = ...,
        **choice: Unpack[ObservationChoice],
    ) -> QTable: ...

    @overload
    def query_observations(
        self,
        position: SkyCoord | Target | str | None = ...,
        *,
        get_query_payload: Literal[True],
        **choice: Unpack[ObservationChoice],
    ) -> dict[str, Any]: ...

    def query_observations(
        self,
        position: SkyCoord | Target | str | None = None,
        *,
        radius: u.Quantity = 12 * u.arcmin,
        start: Time | None = None,
        stop: Time | None = None,
        mode: Mode | str | None = None,
        min_exposure: u.Quantity | None = None,
        target_id: str | int | Iterable[str | int] | None = None,
        obsid: str | int | Iterable[str | int] | None = None,
        get_query_payload: bool = False,
    ) -> QTable | dict[str, Any]:
        """Observations of Swift: of a place, a target, a time, or by their numbers.

        All conditions that are given must hold. With ``backend="local"`` they
        are looked for in the archive folder, else in the table *swiftmastr*
        of the HEASARC, at ``conf.heasarc_url``; the tables are alike.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`, Target or str, optional
            Centre of a cone in which the telescope pointed. A text is a name,
            which name servers such as SIMBAD, or the observations in the
            folder, know, or a position, such as ``"06 21 31, -62 22 13"``.
        radius : `~astropy.units.Quantity`, optional
            Radius of the cone; by default that of the field of view.
        start, stop : `~astropy.time.Time`, optional
            Observations that began at `start` or later, and not after `stop`.
        mode : {"PC", "WT"}, optional
            Observations with data of that mode of the XRT.
        min_exposure : `~astropy.units.Quantity`, optional
            How long the XRT observed at least, in `mode` if that is given.
        target_id : str, int or iterable of these, optional
            All observations of targets.
        obsid : str, int or iterable of these, optional
            Observations by their numbers. Of an integer the leading zeros are
            put back.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.

        Returns
        -------
        observations : `~astropy.table.QTable`, or dict
            The first one first: ``obsid`` and ``target_id`` (text), ``name``,
            ``position`` of the pointing, in cones its ``distance`` from the
            centre, ``start`` and ``stop`` (UTC), ``exposure`` of the XRT,
            ``exposure_pc`` and ``exposure_wt``, ``uvot_exposure``,
            ``bat_exposure``, ``roll``, ``archive_date``, ``processing_date``,
            and ``row``, the number of the row in *swiftmastr*. What is not known is masked. No
            rows is an answer too. The metadata (``meta``) tell what was asked.

        Raises
        ------
        RequestError
            If something cannot be used as given, or name servers do not know a name.
        NoDataError
            If none of the observations or targets given by number is there, or
            no target of the observations in the folder has the name.
        RequestRejectedError
            If the archive refuses the question.
        ServiceError
            If the archive cannot be asked, or answers nonsense.

        Warns
        -----
        PartialResultWarning
            If the archive gave a part of the rows only, or does not have some
            of the observations or targets given by number.

        Examples
        --------
        >>> import astropy.units as u
        >>> from swiftxrt import SwiftXRT
        >>> found = SwiftXRT.query_observations("T Pyx", min_exposure=1 * u.ks)  # doctest: +SKIP
        """
        given = {"start": start, "stop": stop, "mode": mode, "min_exposure": min_exposure, "obsid": obsid}
        if isinstance(position, Target) and position.position is None and target_id is None:
            target_id = position.target_ids
            position = position.name if target_id is None else None
        # What is wrong with the rest is told before a name server is asked.
        ObservationQuery(_SOMEWHERE, radius, target_id=target_id, **given)
        centre = None if position is None else self._centre(position)
        query = ObservationQuery(centre, radius, target_id=target_id, **given)
        source = self._observations
        return source.payload(query) if get_query_payload else source.find(query)

    @property
    def _observations(self) -> ObservationSource:
        """Who answers."""
        if self._backend_name == "local":
            from ..backends.local.observations import LocalObservations

            return LocalObservations(self._backend.archive)  # type: ignore[attr-defined]
        from ..backends.archives.heasarc import HeasarcObservations

        return HeasarcObservations()

    def _centre(self, position: Any) -> SkyCoord:
        """The place of what is not a place yet."""
        from ..backends.local.catalog.resolving import parse_position

        if isinstance(position, SkyCoord):
            return position
        if not isinstance(position, str | Target) and not is_row(position):
            raise RequestError([("position", f"a SkyCoord, a name or a Target is needed; got {position!r:.60}")], _WHAT)
        target = as_target(position)
        if target.position is not None:
            return target.position
        place = parse_position(target.name)
        if place is not None:
            return SkyCoord(*place, unit="deg", frame="icrs")
        if self._backend_name == "local":
            return self._backend.archive.resolve(Target(target.name)).position  # type: ignore[attr-defined]
        if conf.offline:
            text = f"name servers are not asked for {target.name!r} because conf.offline is set; give a SkyCoord"
            raise OfflineError(text)
        return Target.from_name(target.name, resolve=True).position  # type: ignore[return-value]
