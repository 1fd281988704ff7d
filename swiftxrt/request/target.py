"""What is to be observed: the target of a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.time import Time

from .._fields import Flag, Identifier, Many, Record, Text, par, record
from ..exceptions import RequestError, RequestWarning, warn
from ..identifiers import parse_target_id
from ..met import time_to_met
from ._catalogued import chosen_observations, reference_time
from ._rows import Cells
from ._values import Instant, SkyPoint

__all__ = ["Target"]


@record(positional="name")
class Target(Record):
    """A target: its name and what is known about it.

    What is not given is left to whoever runs the request: the service, or
    the archive of the local engine, finds the position by the name and the
    target IDs by name and position.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from swiftxrt import Target
    >>> grb = Target(
    ...     "GRB 200416A",
    ...     position=SkyCoord(335.6985, -7.5179, unit="deg"),
    ...     t0=608713541.952 * u.s,
    ... )
    >>> grb.t0_met
    608713541.952
    >>> print(grb.t0.isot[:19])
    2020-04-16T07:05:17
    """

    name: str = par("Name of the target, also used to find it.", Text(), wire="name")
    position: SkyCoord | None = par(
        "Position; found by the name when not given (key ``getCoords``).", SkyPoint(), default=None, wire=("RA", "Dec")
    )
    target_ids: tuple[str, ...] | None = par(
        "Swift target IDs; all that cover the target when not given (key ``getTargs``).",
        Many(Identifier(parse_target_id, "target ID"), joined=True),
        default=None,
        wire="targ",
    )
    t0: Time | None = par(
        "Reference time, such as the trigger of a burst.",
        Instant(),
        default=None,
        wire="Tstart",
        note="The service takes a number and does not say of which kind; users give MET or MJD. MET is sent, both are "
        "read.",
    )
    resolve_t0: bool = par(
        "Whether T0 is to be found: the trigger of a GRB, else the start of the first observation.",
        Flag(),
        default=False,
        wire="getT0",
    )

    if TYPE_CHECKING:  # Checkers of types do not see what `record` allows.

        def __init__(
            self,
            name: str,
            *,
            position: SkyCoord | None = ...,
            target_ids: Iterable[str] | None = ...,
            t0: Time | u.Quantity | None = ...,
            resolve_t0: bool = ...,
        ) -> None: ...

    def _check(self) -> Iterator[tuple[str, str]]:
        if self.t0 is not None and self.resolve_t0:
            yield "resolve_t0", "t0 is given, so there is nothing to resolve; leave out one of the two"

    @classmethod
    def _meant_by(cls, value: Any) -> str:
        if isinstance(value, SkyCoord):
            return "Target.from_position(...)"
        return f"Target({value!r}), or Target({value!r}, position=SkyCoord(...))" if isinstance(value, str) else ""

    @property
    def t0_met(self) -> float | None:
        """Reference time as mission elapsed time in seconds, or `None`."""
        return None if self.t0 is None else float(time_to_met(self.t0))

    @classmethod
    def from_name(cls, name: str, *, resolve: bool = False) -> Target:
        """Make a target from its name alone.

        Parameters
        ----------
        name : str
            The name.
        resolve : bool, optional
            Whether to ask the name servers of astropy for the position now;
            otherwise whoever runs the request does it.

        Returns
        -------
        target : Target

        Raises
        ------
        RequestError
            If the name servers do not know the name or cannot be reached.
        """
        target = cls(name=name)
        if not resolve:
            return target
        try:
            return target.replace(position=SkyCoord.from_name(target.name))
        except NameResolveError as error:
            hint = "check its spelling and the network, or give position=SkyCoord(...)"
            raise RequestError([("name", f"no position found for {name!r}; {hint} ({error})")], "Target") from error

    @classmethod
    def from_position(cls, position: SkyCoord, *, name: str | None = None) -> Target:
        """Make a target of a position.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`
            One position.
        name : str, optional
            The name; by default it is made of the position.

        Returns
        -------
        target : Target

        Raises
        ------
        RequestError
            If `position` is not one celestial position.

        Examples
        --------
        >>> from astropy.coordinates import SkyCoord
        >>> from swiftxrt import Target
        >>> Target.from_position(SkyCoord(335.6985, -7.5179, unit="deg")).name
        'J222247.6-073104.4'
        """
        return cls(name=_designation(position) if name is None else name, position=_checked(position))

    @classmethod
    def from_observation(cls, row: Any, *, position: SkyCoord | None = None) -> Target:
        """Make a target of a row of a list of observations.

        Parameters
        ----------
        row : `~astropy.table.Row`, mapping or similar
            With columns such as ``name``, ``object`` or ``target_name``;
            ``obsid`` or ``target_id``; a `~astropy.coordinates.SkyCoord` in
            ``position`` or ``coord``, or ``ra_obj`` and ``dec_obj``, or ``ra``
            and ``dec``, in their unit or else in degrees. Case does not matter.
        position : `~astropy.coordinates.SkyCoord`, optional
            Position of the source, in place of what the row says.

        Returns
        -------
        target : Target
            With the target ID of that observation alone; use
            ``replace(target_ids=None)`` for all that cover it.

        Raises
        ------
        RequestError
            If the row has no name, no position or no ID that can be used.

        Warns
        -----
        RequestWarning
            If the position is that of the columns ``ra`` and ``dec``: in lists
            such as HEASARC's *swiftmastr* they say where the telescope pointed,
            which may be arcminutes away from the source.
        """
        cells = Cells(row)
        found = position if position is not None else cells.object_position
        if found is None and (found := cells.position) is not None:
            warn(
                "target.position: ra and dec of an observation say where the telescope pointed, perhaps arcminutes away "
                "from the source; give Target.from_observation(row, position=...), or Target(name) to find it by name",
                RequestWarning,
            )
        return cls._from_cells(cells, position=found, target_ids=cells.target_id)

    @classmethod
    def from_source(cls, row: Any, *, t0: str | None = None, use: str = "all", fallback: str | None = None) -> Target:
        """Make a target of a catalogued source.

        Parameters
        ----------
        row : CatalogSource, mapping, `~astropy.table.Row` or similar
            With columns ``IAUName`` or ``name``; ``RA`` and ``Decl`` (or
            ``Dec``), in their unit or else in degrees, or a
            `~astropy.coordinates.SkyCoord` in ``position``. Case does not
            matter. Details of a source of 2SXPS or LSXPS are of this form.
        t0 : {"first_observation", "first_blind_detection", "first_detection", "discovery"}, optional
            Which time of the source is its reference time; ``"discovery"`` is
            for transients. By default whoever runs the request finds it: the
            trigger of a burst, else the start of the first observation.
        use : str, optional
            Which observations: ``"all"`` of its position; or, for what
            `~swiftxrt.SwiftXRTClass.get_source` returns, those of the
            ``"catalog"``, with ``"detections"`` of any kind, ``"blind"`` or
            ``"retrospective"`` ones, or ``"non_detections"``. For a transient
            ``"new"`` or ``"discovery"``.
        fallback : str, optional
            Which are taken if there are none of these.

        Returns
        -------
        target : Target

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
        return cls._of_source(row, t0=t0, use=use, fallback=fallback)

    @classmethod
    def _of_source(cls, row: Any, *, t0: str | None, use: str, fallback: str | None) -> Target:
        """As `from_source`; a warning points to the caller of the method that calls this one."""
        chosen = chosen_observations(row, use, fallback)
        target_ids = None if chosen is None else tuple(dict.fromkeys(obsid[:8] for obsid in chosen.obsids))
        cells = Cells(row)
        position = cells.object_position or cells.position
        return cls._from_cells(cells, position=position, target_ids=target_ids, **reference_time(cells, t0))

    @classmethod
    def from_transient(cls, row: Any, *, t0: str | None = "discovery", use: str = "all") -> Target:
        """Make a target of a transient that the service found.

        Parameters
        ----------
        row : CatalogTransient, mapping, `~astropy.table.Row` or similar
            As for `from_source`.
        t0 : {"discovery", None}, optional
            Its reference time: the start of the observation in which it was
            discovered; None to have it found by whoever runs the request.
        use : {"all", "new", "discovery"}, optional
            Which observations: all of its position, those from the discovery on, or that of the discovery.

        Returns
        -------
        target : Target

        Raises
        ------
        RequestError, NoDataError
            As for `from_source`.
        """
        return cls._of_source(row, t0=t0, use=use, fallback=None)

    @classmethod
    def _from_cells(cls, cells: Cells, **values: Any) -> Target:
        position = values["position"]
        name = cells.name or (None if position is None else _designation(position))
        if name is None:
            there = ", ".join(map(str, cells.names.values()))
            raise RequestError(
                [("name", f"the row has neither a name nor a position; its columns are {there}")], "Target"
            )
        return cls(name=name, **values)


def _checked(position: Any) -> SkyCoord:
    """One celestial position; `None` is none, though `Target` can do without."""
    try:
        return SkyPoint().convert(position)
    except ValueError as error:
        raise RequestError([("position", str(error))], "Target") from None


def _designation(position: Any) -> str:
    """A name made of a position, such as ``J222247.6-073104.4``."""
    return f"J{_checked(position).to_string('hmsdms', sep='', precision=1).replace(' ', '')}"
