"""Pictures of positions and their error circles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import astropy.units as u
from astropy.visualization.wcsaxes import WCSAxes

from ..exceptions import RequestError
from ..products._wcs import sky_wcs
from ._axes import COLOURS, label_sky, new_axes, show
from .image import draw_regions, plot_image

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from matplotlib.axes import Axes
    from regions import CircleSkyRegion

    from ..products.image import SkyImage
    from ..products.position import Position

__all__ = ["peek_position", "plot_positions", "position_axes"]

# The picture reaches this many radii of the largest circle from its centre.
_EXTENT = 3.0

_ON_WHITE = tuple(COLOURS[name] for name in ("blue", "vermillion", "green", "purple", "orange"))


def plot_positions(
    positions: Sequence[Position], *, ax: Axes | None = None, image: SkyImage | None = None, **artist_kwargs: Any
) -> Axes:
    """Draw error circles, alone or on an image.

    Parameters
    ----------
    positions : sequence of Position
        At least one.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; axes with a celestial projection. New ones by default.
    image : SkyImage, optional
        Image to draw below the circles.
    **artist_kwargs
        Passed on to the circles.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If there is no position, or `ax` has no celestial coordinates.
    """
    if not positions:
        raise RequestError([("positions", "at least one position is needed")], "plot")
    circles = _circles(positions)
    if image is not None:
        return plot_image(image, ax=ax, regions=circles, region_style=artist_kwargs)
    ax = position_axes(positions, partial(new_axes, figsize=(5.6, 5.2))) if ax is None else ax
    if not isinstance(ax, WCSAxes):
        raise RequestError([("ax", "axes with a celestial projection are needed (projection=image.wcs)")], "plot")
    for number, item in enumerate(positions):
        colour = {"edgecolor": _ON_WHITE[number % len(_ON_WHITE)], **artist_kwargs}
        draw_regions(ax, ax.wcs, [circles[number]], **colour)
        ax.plot(
            item.coord.ra.deg, item.coord.dec.deg, marker="+", markersize=9, color=colour["edgecolor"],
            transform=ax.get_transform("icrs"), linestyle="none",
        )  # fmt: skip
    ax.legend(loc="upper right", fontsize="small")
    return ax


def peek_position(position: Position) -> None:
    """Draw a position and show it."""
    plot_positions([position])
    show()


def _circles(positions: Sequence[Position]) -> list[CircleSkyRegion]:
    """The error circles, numbered where several positions are called the same."""
    circles = [item.region for item in positions]
    texts = [circle.meta["text"] for circle in circles]
    for number, circle in enumerate(circles):
        if texts.count(texts[number]) > 1:
            circle.meta["text"] = f"{texts[number]}, no. {texts[: number + 1].count(texts[number])}"
    return circles


def position_axes(positions: Sequence[Position], make: Callable[[WCS], Any]) -> WCSAxes:
    """A square around the first position that holds all circles, on axes that `make` makes for a projection."""
    centre = positions[0].coord
    wcs = sky_wcs(centre.ra.deg, centre.dec.deg, "ICRS")
    ax = make(wcs)
    pixel = wcs.proj_plane_pixel_scales()[0]
    first = positions[0]
    reach = max((first.separation(item) + _EXTENT / 2 * item.radius).to(u.arcsec) for item in positions)
    half = float((max(reach, _EXTENT / 2 * first.radius) / pixel).to_value(u.one))
    x, y = wcs.world_to_pixel(first.coord)
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y - half, y + half)
    ax.set_aspect("equal")
    label_sky(ax)
    return ax
