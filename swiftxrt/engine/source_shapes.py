"""Shapes of extended sources: where on the sky a photon of the source comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import PIXEL_ARCSEC

__all__ = ["BetaModel", "ImageShape", "Shape"]

Floats = NDArray[np.float64]


class Shape(Protocol):
    """Anything that can say where photons come from."""

    def places(self, number: int, wcs: WCS, centre: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Sky pixels (x, y; 0-based) of so many photons of a source at `centre`."""


@dataclass(frozen=True)
class BetaModel:
    """Surface brightness ``(1 + (r / core)^2)^(1/2 - 3 beta)``: gas of clusters and galaxies.

    Parameters
    ----------
    core_arcsec : float
        Core radius.
    beta : float
        Exponent; more than 1/2, or the total would be infinite.
    reach_arcsec : float
        Nothing comes from farther out.
    """

    core_arcsec: float
    beta: float = 2.0 / 3.0
    reach_arcsec: float = 900.0

    def __post_init__(self) -> None:
        if not (0.0 < self.core_arcsec < self.reach_arcsec and self.beta > 0.5):
            given = f"{self.core_arcsec:g} arcsec of {self.reach_arcsec:g} and beta {self.beta:g}"
            raise RequestError(
                [("extent", f"a core radius within the reach and beta above 0.5 are needed; got {given}")], "source"
            )

    def places(self, number: int, wcs: WCS, centre: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Sky pixels (x, y; 0-based) of so many photons of a source at `centre`."""
        power = 1.5 - 3.0 * self.beta  # Of 1 + (r / core)^2 in the integral over circles.
        reach = (1.0 + (self.reach_arcsec / self.core_arcsec) ** 2) ** power
        share = rng.uniform(size=number)
        radius_arcsec = self.core_arcsec * np.sqrt((1.0 - share * (1.0 - reach)) ** (1.0 / power) - 1.0)
        angle = rng.uniform(0.0, 2.0 * np.pi, size=number)
        x, y = (radius_arcsec / PIXEL_ARCSEC * side for side in (np.cos(angle), np.sin(angle)))
        return centre[0] + x, centre[1] + y


@dataclass(frozen=True, eq=False)
class ImageShape:
    """The shape of an image of the sky.

    Parameters
    ----------
    brightness : ndarray, shape (ny, nx)
        Relative surface brightness.
    wcs : `~astropy.wcs.WCS`
        Where the image lies; it fixes the place of the source.
    """

    brightness: Floats
    wcs: WCS = field(repr=False)

    def __post_init__(self) -> None:
        image = np.asarray(self.brightness, dtype=float)
        if image.ndim != 2 or not np.isfinite(image).all() or (image < 0).any() or not image.sum() > 0:
            text = "an image of two dimensions with finite values, none negative and some positive, is needed"
            raise RequestError([("image", text)], "source")
        if not self.wcs.has_celestial:
            raise RequestError([("image", "its WCS has no celestial coordinates")], "source")
        object.__setattr__(self, "brightness", image)

    @property
    def centroid(self) -> SkyCoord:
        """Mean position of the light."""
        weight = self.brightness / self.brightness.sum()
        y, x = np.indices(weight.shape)
        return self.wcs.celestial.pixel_to_world(float((weight * x).sum()), float((weight * y).sum())).icrs

    def places(self, number: int, wcs: WCS, centre: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Sky pixels (x, y; 0-based) of so many photons of a source at `centre`."""
        cumulated = np.cumsum(self.brightness)
        pixel = np.searchsorted(cumulated, cumulated[-1] * rng.uniform(size=number), side="right")
        row, column = np.divmod(pixel, self.brightness.shape[1])
        dx, dy = rng.uniform(-0.5, 0.5, size=(2, number))
        x, y = wcs.world_to_pixel(self.wcs.celestial.pixel_to_world(column + dx, row + dy))
        return np.asarray(x, dtype=float), np.asarray(y, dtype=float)
