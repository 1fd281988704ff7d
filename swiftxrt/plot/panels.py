"""The same part of the sky in several images, one panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.visualization import (
    BaseStretch,
    ImageNormalize,
    LinearStretch,
    LogStretch,
    SqrtStretch,
)
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import NoDataError, RequestError
from ..products._regions import region_list
from ._axes import label_sky
from .image import REGION_COLOURS, binned, draw_regions, natural_limits, round_ticks, smoothed, visible_norm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..products.image import SkyImage
    from ..products.position import Position

__all__ = ["plot_image_panels"]

_STRETCHES: dict[str, BaseStretch | None] = {
    "asinh": None,  # with a knee that follows from the counts
    "linear": LinearStretch(),
    "log": LogStretch(),
    "sqrt": SqrtStretch(),
}
#: Width and height of a panel, space above it and beside it, into which numbers reach, and around all panels: left,
#: right, below, above (inches).
_PANEL, _GAP, _SIDE_GAP = 2.3, 0.2, 0.45
_LEFT, _RIGHT, _BELOW, _ABOVE = 1.1, 1.0, 0.62, 0.15
_BAR = 0.13
#: Height of the title of a panel, and of a line of the legend.
_TITLE, _LINE = 0.3, 0.28
#: A panel has about this many squares from side to side.
_SQUARES = 160
_PANEL_SIZE = 5 * u.arcmin
_CMAP = "inferno"
#: Places of the other half of the sky have pixels too, those of their mirror images.
_FAR = 1 * u.deg


@dataclass(frozen=True)
class _Panel:
    """What is in one panel."""

    image: SkyImage
    label: str
    shapes: list[Any]


def plot_image_panels(
    images: Sequence[SkyImage] | Mapping[str, SkyImage],
    *,
    position: SkyCoord | Position | None = None,
    size: u.Quantity | None = None,
    regions: Any = (),
    labels: Sequence[str] | None = None,
    epoch: Time | None = None,
    stretch: str | BaseStretch = "asinh",
    share: bool = True,
    smoothing: u.Quantity | None = None,
    columns: int = 4,
    **artist_kwargs: Any,
) -> NDArray[Any]:
    """Draw the same part of the sky in several images side by side.

    Parameters
    ----------
    images : sequence of SkyImage, or mapping of str to SkyImage
        What to draw; the names of a mapping are the labels.
    position : `~astropy.coordinates.SkyCoord` or Position, optional
        Centre of all panels; a `Position` is drawn with its error circle. By
        default the middle of the counts of the first image.
    size : `~astropy.units.Quantity`, angle, optional
        Side of the panels; by default 5 arcmin around a position, and without
        one what holds all counts.
    regions : region, iterable of regions, or sequence of these, optional
        Shapes to draw: the same in all panels, or a list with those of each panel.
    labels : sequence of str, optional
        Above the panels; by default ObsID and object.
    epoch : `~astropy.time.Time`, optional
        Label the panels with the days from here to the start of the image.
    stretch : str or `~astropy.visualization.BaseStretch`, optional
        ``"asinh"``, ``"log"``, ``"sqrt"``, ``"linear"`` or a stretch of Astropy.
    share : bool, optional
        Whether all panels have the same scale, with a colour bar.
    smoothing : `~astropy.units.Quantity`, angle, optional
        Standard deviation of a Gaussian to smooth the counts with.
    columns : int, optional
        Most panels in a row.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.imshow`.

    Returns
    -------
    axes : ndarray of `~matplotlib.axes.Axes`
        One for each image.

    Raises
    ------
    RequestError
        If there is no image, or an argument is unusable.
    NoDataError
        If none of the images shows the position.
    """
    panels = _panels(images, regions, labels, epoch)
    chosen = _stretch(stretch)
    if not isinstance(columns, int) or columns < 1:
        raise RequestError([("columns", f"a number from 1 on is needed; got {columns!r}")], "plot")
    centre, side = _field(panels, position, size)
    circle = [] if position is None or isinstance(position, SkyCoord) else [position.region]
    names = list(dict.fromkeys(_name(shape) for panel in panels for shape in [*panel.shapes, *circle]))
    colours = {name: REGION_COLOURS[number % len(REGION_COLOURS)] for number, name in enumerate(names)}
    axes, bar = _figure(panels, min(columns, len(panels)), has_bar=share, has_legend=any(names))
    limits = [_limits(panel.image, centre, side) for panel in panels]
    squares = [max(1, round((one[1] - one[0]) / _SQUARES)) if smoothing is None else 1 for one in limits]
    factor = max(squares)
    drawn = [binned(smoothed(panel.image, smoothing), factor) for panel in panels]
    shown = [_inside(data, one, factor) for (data, _), one in zip(drawn, limits, strict=True)]
    if not any(part.size for part in shown):
        raise NoDataError(f"no image has a pixel within {side:.3g} around {centre.to_string('hmsdms', precision=1)}")
    common = _norm(np.concatenate([part.ravel() for part in shown]), chosen) if share else None
    for ax, panel, limit, (data, extent), part in zip(axes, panels, limits, drawn, shown, strict=True):
        norm = {} if {"norm", "vmin", "vmax"} & artist_kwargs.keys() else {"norm": common or _norm(part, chosen)}
        look = {"origin": "lower", "cmap": _CMAP, "interpolation": "nearest", "extent": extent, **norm}
        artist = ax.imshow(data, **{**look, **artist_kwargs})
        _draw_shapes(ax, panel.image, [*panel.shapes, *circle], colours)
        ax.set(xlim=limit[:2], ylim=limit[2:], facecolor=artist.cmap(0.0))
        ax.set_title(panel.label, fontsize="small", pad=4)
    if bar is not None:
        _colour_bar(bar, artist, factor, smoothing, common)
    if any(names):
        _legend(axes[0].figure, colours)
    return axes


def _panels(images: Any, regions: Any, labels: Sequence[str] | None, epoch: Time | None) -> list[_Panel]:
    if labels is not None and epoch is not None:
        raise RequestError([("labels", "give labels or an epoch, not both")], "plot")
    chosen = list(images.values()) if isinstance(images, Mapping) else list(images)
    if not chosen or not all(hasattr(one, "counts") and hasattr(one, "wcs") for one in chosen):
        raise RequestError([("images", "at least one SkyImage is needed, and nothing else")], "plot")
    names = list(images) if isinstance(images, Mapping) and labels is None and epoch is None else labels
    texts = [_label(one, epoch) for one in chosen] if names is None else [str(name) for name in names]
    if len(texts) != len(chosen):
        raise RequestError([("labels", f"{len(chosen)} are needed, one for each image; got {len(texts)}")], "plot")
    return [_Panel(*one) for one in zip(chosen, texts, _shapes(regions, len(chosen)), strict=True)]


def _label(image: SkyImage, epoch: Time | None) -> str:
    header = image.counts.meta
    if epoch is None:
        return " ".join(str(header.get(key, "")) for key in ("OBS_ID", "OBJECT")).strip()
    started = header.get("DATE-OBS")
    if started is None:
        raise RequestError([("epoch", "an image does not tell when it began (DATE-OBS); give labels=")], "plot")
    return f"{(Time(started, scale='utc') - epoch).to_value(u.day):+.4g} d"


def _shapes(regions: Any, number: int) -> list[list[Any]]:
    """The shapes of each panel."""
    from regions import PixelRegion, SkyRegion

    is_one = isinstance(regions, PixelRegion | SkyRegion | str)
    given = [] if is_one or not hasattr(regions, "__iter__") else list(regions)
    if given and not any(isinstance(one, PixelRegion | SkyRegion | str) for one in given):
        if len(given) != number:
            raise RequestError(
                [("regions", f"{number} lists are needed, one for each image; got {len(given)}")], "plot"
            )
        return [region_list(() if one is None else one) for one in given]
    return [region_list(given or regions) for _ in range(number)]


def _stretch(stretch: str | BaseStretch) -> BaseStretch | None:
    if isinstance(stretch, BaseStretch):
        return stretch
    if stretch not in _STRETCHES:
        text = f"must be one of {', '.join(_STRETCHES)} or a stretch of astropy.visualization; got {stretch!r}"
        raise RequestError([("stretch", f"{text}{nearest(str(stretch), _STRETCHES)}")], "plot")
    return _STRETCHES[stretch]


def _field(panels: list[_Panel], position: Any, size: u.Quantity | None) -> tuple[SkyCoord, u.Quantity]:
    """Centre and side of the panels."""
    if size is not None and not (isinstance(size, u.Quantity) and size.isscalar and size.unit.is_equivalent(u.deg)):
        raise RequestError([("size", f"an angle is needed, such as 5 * u.arcmin; got {size!r}")], "plot")
    if size is not None and not size > 0:
        raise RequestError([("size", f"must be above zero; got {size}")], "plot")
    if position is not None:
        coord = getattr(position, "coord", position)
        if not isinstance(coord, SkyCoord) or not coord.isscalar:
            raise RequestError([("position", f"one SkyCoord or a Position is needed; got {position!r}")], "plot")
        return coord, _PANEL_SIZE if size is None else size
    limits = [natural_limits(panel.image, []) for panel in panels]
    sides = [
        max(one[1] - one[0], one[3] - one[2]) * _pixel(panel.image) for one, panel in zip(limits, panels, strict=True)
    ]
    left, right, low, high = limits[0]
    centre = panels[0].image.wcs.pixel_to_world((left + right) / 2, (low + high) / 2)
    return centre, max(sides) if size is None else size


def _pixel(image: SkyImage) -> u.Quantity:
    return np.sqrt(np.abs(np.linalg.det(image.wcs.pixel_scale_matrix))) * u.deg


def _limits(image: SkyImage, centre: SkyCoord, side: u.Quantity) -> tuple[float, float, float, float]:
    """Left, right, lower and upper end of a panel in pixels."""
    x, y = (float(value) for value in image.wcs.world_to_pixel(centre))
    if not np.isfinite([x, y]).all() or image.wcs.pixel_to_world(x, y).separation(centre) > _FAR:
        raise RequestError([("position", "it lies on the other side of the sky than an image")], "plot")
    half = float((side / _pixel(image)).to_value(u.one)) / 2
    return x - half, x + half, y - half, y + half


def _inside(data: NDArray[Any], limits: tuple[float, float, float, float], factor: int) -> NDArray[Any]:
    """What can be seen of an image."""
    ends = [max(0, round((limit + 0.5) / factor)) for limit in limits]
    return data[ends[2] : ends[3], ends[0] : ends[1]]


def _norm(data: NDArray[Any], stretch: BaseStretch | None) -> ImageNormalize:
    if stretch is None:
        return visible_norm(data)
    top = float(np.max(data, initial=0)) or 1.0
    return ImageNormalize(vmin=0, vmax=top, stretch=stretch, clip=True)


def _figure(panels: list[_Panel], columns: int, *, has_bar: bool, has_legend: bool) -> tuple[NDArray[Any], Any]:
    """Axes in rows, named at the left and below, and those of the colour bar."""
    rows = -(-len(panels) // columns)
    below = _BELOW + _LINE * has_legend
    width = _LEFT + columns * _PANEL + (columns - 1) * _SIDE_GAP + _RIGHT
    height = below + rows * (_PANEL + _TITLE) + (rows - 1) * _GAP + _ABOVE
    figure = plt.figure(figsize=(width, height))
    axes = np.empty(len(panels), dtype=object)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        place = (_LEFT + column * (_PANEL + _SIDE_GAP), below + (rows - 1 - row) * (_PANEL + _TITLE + _GAP))
        box = (place[0] / width, place[1] / height, _PANEL / width, _PANEL / height)
        axes[number] = figure.add_axes(box, projection=panel.image.wcs)
        label_sky(axes[number], dark=True)
        _hide_names(axes[number], at_left=column == 0, at_bottom=number + columns >= len(panels))
    if not has_bar:
        return axes, None
    left = width - _RIGHT + _GAP
    high = rows * _PANEL + (rows - 1) * (_TITLE + _GAP)
    return axes, figure.add_axes((left / width, below / height, _BAR / width, high / height))


def _hide_names(ax: Any, *, at_left: bool, at_bottom: bool) -> None:
    core = ax.wcs.wcs
    for axis, is_shown in ((core.lng, at_bottom), (core.lat, at_left)):
        coordinate = ax.coords[axis]
        coordinate.set_ticks(number=3)
        # In full: "00s" says nothing where the number with the minutes is hidden or far away.
        coordinate.set_ticklabel(size="x-small", exclude_overlapping=True, simplify=False)
        coordinate.set_ticklabel_visible(is_shown)
        if not is_shown:
            coordinate.set_axislabel("")
            coordinate.set_auto_axislabel(False)


def _colour_bar(ax: Axes, artist: Any, factor: int, smoothing: u.Quantity | None, norm: ImageNormalize | None) -> None:
    label = "Counts per pixel" if factor == 1 else f"Counts per {factor} x {factor} pixels"
    label += "" if smoothing is None else f",\nsmoothed with {smoothing:g}"
    ticks = None if norm is None or artist.norm is not norm else round_ticks(norm)
    ax.figure.colorbar(artist, cax=ax, label=label, ticks=ticks, format="%g")


def _name(shape: Any) -> str:
    return str(shape.meta.get("text") or "")


def _draw_shapes(ax: Axes, image: SkyImage, shapes: list[Any], colours: Mapping[str, str]) -> None:
    """Shapes of one name have one colour in all panels."""
    for name, colour in colours.items():
        draw_regions(ax, image.wcs, [one for one in shapes if _name(one) == name], edgecolor=colour, label="_region")


def _legend(figure: Any, colours: Mapping[str, str]) -> None:
    """One legend for all panels, below them; its circles are on the dark ground of the images."""
    look: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "black", "markeredgewidth": 1.6}
    named = [
        Line2D([], [], linestyle="none", markeredgecolor=colour, label=name, **look)
        for name, colour in colours.items()
        if name
    ]
    figure.legend(
        handles=named,
        loc="lower center",
        ncols=min(len(named), 4),
        fontsize="small",
        frameon=False,
        handletextpad=0.2,
    )
