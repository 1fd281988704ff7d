"""What is to be observed: the target of a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.time import Time

from .._fields import Flag, Identifier, Many, Record, Text, par, record
from ..exceptions import RequestError
from ..identifiers import parse_target_id
from ..met import time_to_met
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
    t0: Time | None = par("Reference time, such as the trigger of a burst.", Instant(), default=None, wire="Tstart")
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
