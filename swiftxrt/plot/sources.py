"""Pictures of lists of sources, alone or over an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import matplotlib.patheffects as effects
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.visualization.wcsaxes import WCSAxes

from ..exceptions import RequestError
from ..products._wcs import sky_wcs
from ._axes import COLOURS, label_sky, new_axes, show
from ._legend import legend_below
from .image import draw_regions, plot_image

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.wcs import WCS
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..products.image import SkyImage
    from ..products.sources import SourceList

__all__ = ["peek_sources", "plot_sources", "source_axes"]

#: Marker and its size (points) of each band: shapes inside each other, so that a source in all bands shows all.
_MARKERS = {"total": ("o", 18.0), "soft": ("s", 12.0), "medium": ("D", 8.0), "hard": ("^", 5.0)}
_OTHER_MARKER = ("h", 11.0)
_ON_WHITE = tuple(COLOURS[name] for name in ("blue", "vermillion", "green", "purple", "orange"))
_ON_DARK = ("#FFFFFF", *(COLOURS[name] for name in ("sky blue", "yellow", "green", "purple")))
#: Sources with a number: so many have room.
_MOST_NUMBERS = 25
#: Room around the sources where there is no image, as part of their extent, and at least (pixels).
_MARGIN, _LEAST_PIX = 0.12, 20.0


def plot_sources(
    sources: SourceList,
    *,
    ax: Axes | None = None,
    image: SkyImage | None = None,
    bands: Iterable[str] | None = None,
    numbers: bool = True,
    **artist_kwargs: Any,
) -> Axes:
    """Draw sources, alone or over an image.

    A symbol marks each source, the circle in it is the error circle. Sources
    of the first band drawn carry their number; of more than 25 only the
    brightest 25 do (by rate, else by counts), because the others would stand
    on each other.

    Parameters
    ----------
    sources : SourceList
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; axes with a celestial projection. New ones by default.
    image : SkyImage, optional
        Image to draw below the sources.
    bands : iterable of str, optional
        Which bands; all by default.
    numbers : bool, optional
        Whether to write the numbers.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.plot` for the symbols.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If there is no source and nothing else to tell which part of the sky
        to draw, or `ax` has no celestial coordinates.
    ProductNotAvailableError
        If there is no band of that name.
    """
    tables = {band: sources[band] for band in (sources if bands is None else bands)}
    own_figure = ax is None
    if image is not None:
        ax, wcs = plot_image(image, ax=ax), image.wcs
    else:
        ax = source_axes(tables, partial(new_axes, figsize=(6.2, 5.8))) if ax is None else ax
        if not isinstance(ax, WCSAxes):
            raise RequestError([("ax", "axes with a celestial projection are needed (projection=image.wcs)")], "plot")
        wcs = ax.wcs
    colours = _ON_WHITE if image is None else _ON_DARK
    for number, (band, table) in enumerate(tables.items()):
        options = {"color": colours[number % len(colours)], **artist_kwargs}
        _draw_band(ax, wcs, band, table, options)
        draw_regions(ax, wcs, sources.band_regions(band), edgecolor=options["color"], linewidth=0.8, label="_region")
        if number == 0 and numbers:
            _write_numbers(ax, wcs, table, options["color"], dark=image is not None)
    if any(len(table) for table in tables.values()):
        legend_below(ax, dark=image is not None, make_room=own_figure)
    return ax


def peek_sources(sources: SourceList) -> None:
    """Draw sources and show them."""
    plot_sources(sources)
    show()


def _draw_band(ax: Axes, wcs: WCS, band: str, table: QTable, options: dict[str, Any]) -> None:
    if not len(table):
        return
    marker, size = _MARKERS.get(band, _OTHER_MARKER)
    x, y = wcs.world_to_pixel(table["position"])
    symbols = {"linestyle": "none", "marker": marker, "markersize": size, "fillstyle": "none", "markeredgewidth": 1.2}
    plural = "" if len(table) == 1 else "s"
    ax.plot(x, y, **{**symbols, "label": f"{band}: {len(table)} source{plural}", **options})


def _write_numbers(ax: Axes, wcs: WCS, table: QTable, colour: str, *, dark: bool) -> None:
    outline = [effects.withStroke(linewidth=2, foreground="black" if dark else "white")]
    for row in table[_brightest(table)]:
        x, y = (float(value) for value in wcs.world_to_pixel(row["position"]))
        ax.annotate(
            str(row["source_number"]), (x, y), xytext=(9, 7), textcoords="offset points", fontsize="small",
            color=colour, path_effects=outline, annotation_clip=True,
        )  # fmt: skip


def _brightest(table: QTable) -> NDArray[np.int64]:
    """Rows of the brightest sources, as many as numbers find room; the first ones if nothing is known of them."""
    known = (np.asarray(table[name].value) for name in ("rate", "counts") if name in table.colnames)
    flux = next((values for values in known if np.isfinite(values).any()), np.zeros(len(table)))
    return np.argsort(-np.nan_to_num(flux, nan=-np.inf), kind="stable")[:_MOST_NUMBERS]


def source_axes(tables: Mapping[str, QTable], make: Callable[[WCS], Any]) -> Any:
    """Axes that hold all sources, which `make` makes for a projection."""
    positions = list(_positions(tables))
    if not positions:
        raise RequestError(
            [("sources", "there is no source to draw; give ax= or image= to draw the sky alone")], "plot"
        )
    vectors = np.concatenate([one.cartesian.xyz.value.T for one in positions]).mean(axis=0)
    centre = SkyCoord(*vectors, representation_type="cartesian", frame="icrs").spherical
    ax = make(sky_wcs(centre.lon.deg, centre.lat.deg, "ICRS"))
    pixels = np.concatenate([np.stack(ax.wcs.world_to_pixel(one), axis=-1) for one in positions])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    half = max(float(np.max(high - low)) * (0.5 + _MARGIN), _LEAST_PIX)
    x, y = (low + high) / 2
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y - half, y + half)
    ax.set_aspect("equal")
    label_sky(ax)
    return ax


def _positions(tables: Mapping[str, QTable]) -> Iterator[SkyCoord]:
    return (table["position"] for table in tables.values() if len(table))
