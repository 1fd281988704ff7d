"""Positions with their error circle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord

from ..exceptions import RequestError
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from regions import CircleSkyRegion

    from .image import SkyImage

__all__ = ["Position"]

#: Positions closer than this are equal: far below any error circle, above rounding.
_SAME_DEG = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Position:
    """A position on the sky with the radius of its error circle; immutable.

    Parameters
    ----------
    coord : `~astropy.coordinates.SkyCoord`
        One position; kept in ICRS.
    radius : `~astropy.units.Quantity`, angle
        Radius of the error circle; kept in arcseconds.
    confidence : float, optional
        Probability that the true position lies in the circle.
    kind : str, optional
        How it was found: ``"standard"``, ``"enhanced"``, ``"astrometric"``
        or another word.
    catalog : str, optional
        Catalogue that the position was taken from, such as ``"2SXPS"``,
        where it was not measured in the data asked for.
    provenance : Provenance, optional
        How it was made; not part of comparisons.
    systematic : `~astropy.units.Quantity`, angle, optional
        What the attitude adds to the radius, in quadrature, where that is known: 3.5 arcsec for a standard position,
        the error of the match with the catalogue (AstromError) for an astrometric one; not part of comparisons.

    Raises
    ------
    RequestError
        If a value is not of the right kind.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from swiftxrt.products.position import Position
    >>> Position(SkyCoord("1h26m57.2s", "+33d07m30s"), 3.5 * u.arcsec)
    <Position 01h26m57.20s +33d07m30.0s, radius 3.5 arcsec (90%), standard>
    """

    coord: SkyCoord
    radius: u.Quantity
    confidence: float = 0.9
    kind: str = "standard"
    catalog: str | None = None
    provenance: Provenance = field(default_factory=Provenance)
    systematic: u.Quantity | None = None

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.coord, SkyCoord) or not self.coord.isscalar:
            problems.append(("coord", f"one SkyCoord is needed; got {self.coord!r}"))
        elif not np.isfinite([self.coord.spherical.lon.deg, self.coord.spherical.lat.deg]).all():
            problems.append(("coord", f"finite coordinates are needed; got {self.coord!r}"))
        radius = self.radius
        angle = isinstance(radius, u.Quantity) and radius.isscalar and radius.unit.is_equivalent(u.arcsec)
        if not angle or not 0 < radius.to_value(u.arcsec) < np.inf:
            problems.append(("radius", f"a positive angle is needed, such as 3.5 * u.arcsec; got {radius!r}"))
        if not isinstance(self.confidence, int | float | np.floating) or not 0 < self.confidence < 1:
            problems.append(("confidence", f"a probability between 0 and 1 is needed; got {self.confidence!r}"))
        extra = self.systematic
        angle = isinstance(extra, u.Quantity) and extra.isscalar and extra.unit.is_equivalent(u.arcsec)
        if extra is not None and not (angle and 0 <= extra.to_value(u.arcsec) < np.inf):
            problems.append(("systematic", f"an angle is needed, such as 3.5 * u.arcsec; got {extra!r}"))
        if problems:
            raise RequestError(problems, "position")
        # A new SkyCoord drops what came along (distance, proper motion, ...).
        icrs = self.coord.icrs
        object.__setattr__(self, "coord", SkyCoord(icrs.ra, icrs.dec))
        object.__setattr__(self, "radius", float(f"{radius.to_value(u.arcsec):.12g}") * u.arcsec)
        object.__setattr__(self, "confidence", float(self.confidence))
        if extra is not None:
            object.__setattr__(self, "systematic", float(f"{extra.to_value(u.arcsec):.12g}") * u.arcsec)

    @property
    def region(self) -> CircleSkyRegion:
        """The error circle as a `~regions.CircleSkyRegion`."""
        from regions import CircleSkyRegion, RegionMeta

        label = f"{self.kind} position ({100 * self.confidence:.10g}%)" + (f", {self.catalog}" if self.catalog else "")
        return CircleSkyRegion(self.coord, self.radius, meta=RegionMeta({"text": label}))

    def separation(self, other: Position | SkyCoord) -> Angle:
        """Angle to another position.

        Parameters
        ----------
        other : Position or `~astropy.coordinates.SkyCoord`
            The other position or positions.
        """
        if not isinstance(other, Position | SkyCoord):
            raise RequestError([("other", f"a Position or SkyCoord is needed; got {other!r}")], "separation")
        return self.coord.separation(other.coord if isinstance(other, Position) else other)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: degrees, arcseconds, texts."""
        plain: dict[str, Any] = {
            "ra_deg": float(self.coord.ra.deg),
            "dec_deg": float(self.coord.dec.deg),
            "radius_arcsec": float(self.radius.value),
            "confidence": self.confidence,
            "kind": self.kind,
        }
        if self.catalog is not None:
            plain["catalog"] = self.catalog
        if self.systematic is not None:
            plain["systematic_arcsec"] = float(self.systematic.value)
        provenance = self.provenance.to_dict()
        if provenance:
            plain["provenance"] = provenance
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Position:
        """Rebuild from `to_dict`.

        Raises
        ------
        RequestError
            If an entry is missing or not a number.
        """
        try:
            coord = SkyCoord(float(plain["ra_deg"]), float(plain["dec_deg"]), unit="deg")
            radius = float(plain["radius_arcsec"]) * u.arcsec
            systematic = float(plain["systematic_arcsec"]) * u.arcsec if "systematic_arcsec" in plain else None
        except KeyError as error:
            raise RequestError([(str(error.args[0]), "is needed")], "position") from None
        except (TypeError, ValueError) as error:
            raise RequestError(str(error), "position") from None
        return cls(
            coord,
            radius,
            plain.get("confidence", 0.9),
            plain.get("kind", "standard"),
            plain.get("catalog"),
            Provenance.from_dict(plain.get("provenance", {})),
            systematic,
        )

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Position:
        """Read a position from what the service delivers, or what this package wrote.

        Parameters
        ----------
        path : path-like
            An archive (``psf.tar.gz``, ``enh.zip``, ...), a folder of one that
            was unpacked, one of its files ``results.dat``, ``success.txt``,
            ``corrpos.dat`` or ``INSXPS``, or what `write` made (``.json``, ``.reg``).

        Raises
        ------
        FormatError
            If there is no position, or several, or a file is damaged.
        ProductNotAvailableError
            If it says that no position was found.
        """
        from ..io.position import read_position

        return read_position(path)

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the position as JSON, or its error circle as a DS9 region that HEASoft reads too.

        Both can be read back; a region has no place for the provenance.

        Parameters
        ----------
        path : path-like
            Name ending with ``.json`` or ``.reg``.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Raises
        ------
        RequestError
            If the name has another ending.
        OutputExistsError
            If `path` exists and `overwrite` is false.
        """
        from ..io.position import save_position

        return save_position(self, path, overwrite=overwrite)

    def plot(self, *, ax: Axes | None = None, image: SkyImage | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the error circle, see `swiftxrt.plot.position.plot_positions`."""
        from ..plot.position import plot_positions

        return plot_positions([self], ax=ax, image=image, **artist_kwargs)

    def peek(self) -> None:
        """Draw the error circle and show it."""
        from ..plot.position import peek_position

        peek_position(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Position):
            return NotImplemented
        words = (self.confidence, self.kind, self.catalog) == (other.confidence, other.kind, other.catalog)
        return bool(
            words
            and self.coord.separation(other.coord).deg < _SAME_DEG
            and np.isclose(self.radius.value, other.radius.value, rtol=1e-9, atol=0)
        )

    def __hash__(self) -> int:
        return hash((self.confidence, self.kind, self.catalog))

    def __repr__(self) -> str:
        where = self.coord.to_string("hmsdms", precision=2).split()
        # Arcseconds carry one digit less than seconds of right ascension.
        dec = self.coord.dec.to_string(unit=u.deg, precision=1, alwayssign=True, pad=True)
        catalog = f", {self.catalog}" if self.catalog else ""
        return (
            f"<Position {where[0]} {dec}, radius {self.radius.value:.3g} arcsec ({self.confidence:.0%}), "
            f"{self.kind}{catalog}>"
        )
