"""Pictures of sky images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.visualization import AsinhStretch, ImageNormalize
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes as PlainAxes
from mpl_toolkits.axes_grid1 import make_axes_locatable

from ..exceptions import RequestError
from ..products._regions import region_list
from ..products._wcs import same_wcs
from ._axes import COLOURS, label_sky, new_axes, show
from ._legend import legend_below, legend_in_corner

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from ..products.image import SkyImage

__all__ = [
    "REGION_COLOURS",
    "binned",
    "draw_regions",
    "natural_limits",
    "peek_image",
    "plot_image",
    "round_ticks",
    "smoothed",
    "visible_norm",
]

#: Colours that stand out from the dark colour map of the image.
REGION_COLOURS = tuple(COLOURS[name] for name in ("sky blue", "yellow", "green", "orange", "purple"))

# Free space around the regions as a share of their extent, and the least size
# of the picture in pixels.
_MARGIN = 0.15
_SMALLEST_PIX = 60

# A picture has about this many squares from side to side; were it more, some
# pixels with a single count would fall between those of the screen.
_SQUARES = 240

#: Between two numbers of the colour bar, as a part of its length.
_LEAST_STEP = 0.045


def plot_image(
    image: SkyImage,
    *,
    ax: Axes | None = None,
    regions: Any = (),
    region_style: Mapping[str, Any] | None = None,
    smoothing: u.Quantity | None = None,
    zoom: bool = True,
    colorbar: bool = True,
    **artist_kwargs: Any,
) -> Axes:
    """Draw a sky image with celestial axes.

    Large fields are shown in squares of several pixels, so that single counts
    stay visible; the colour bar says how many.

    Parameters
    ----------
    image : SkyImage
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw: axes made with ``projection=image.wcs``, or plain ones
        for pixel coordinates; new ones by default.
    regions : region or iterable of regions, optional
        Shapes to draw; ``meta["text"]`` goes to the legend.
    region_style : mapping, optional
        Options of the patches of the regions, such as ``{"edgecolor": "w"}``.
    smoothing : `~astropy.units.Quantity`, angle, optional
        Standard deviation of a Gaussian to smooth the counts with.
    zoom : bool, optional
        Show the surroundings of the regions only, or without regions the part
        that has counts.
    colorbar : bool, optional
        Draw a colour bar.
    **artist_kwargs
        Passed on to `~matplotlib.axes.Axes.imshow`.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If `ax` shows another part of the sky, or an argument is unusable.
    """
    shapes = region_list(regions)
    own_figure = ax is None
    if ax is None:
        ax = new_axes(image.wcs, figsize=(6.8, 5.6))
        ax.figure.subplots_adjust(left=0.16, right=0.87)
    elif isinstance(ax, WCSAxes) and not same_wcs(ax.wcs, image.wcs):
        raise RequestError([("ax", "the axes have other coordinates; make them with projection=image.wcs")], "plot")
    limits = natural_limits(image, shapes) if zoom else _whole(image)
    factor = 1 if smoothing is not None else max(1, round((limits[1] - limits[0]) / _SQUARES))
    data, extent = binned(smoothed(image, smoothing), factor)
    norm = None if {"vmin", "vmax", "norm"} & artist_kwargs.keys() else visible_norm(data)
    options = {"origin": "lower", "cmap": "inferno", "interpolation": "nearest", "norm": norm, "extent": extent}
    artist = ax.imshow(data, **{**options, **artist_kwargs})
    if colorbar:
        _colorbar(ax, artist, factor, smoothing, norm)
    _label(ax, image)
    patches = draw_regions(ax, image.wcs, shapes, **(region_style or {}))
    ax.set_xlim(limits[0], limits[1])
    ax.set_ylim(limits[2], limits[3])
    if any(not str(patch.get_label()).startswith("_") for patch in patches):
        if own_figure:
            legend_below(ax, dark=True, make_room=True)
        else:
            legend_in_corner(ax, artist)
    return ax


def peek_image(image: SkyImage) -> None:
    """Draw an image and show it."""
    plot_image(image)
    show()


def draw_regions(ax: Axes, wcs: WCS, regions: Iterable[Any], **artist_kwargs: Any) -> list[Patch]:
    """Draw shapes on axes in pixels; excluded ones are dashed.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        Where to draw.
    wcs : `~astropy.wcs.WCS`
        System of the pixels of the axes.
    regions : iterable of regions
        Shapes on the sky or in pixels.
    **artist_kwargs
        Passed on to the patches.

    Returns
    -------
    patches : list of `~matplotlib.patches.Patch`
    """
    from regions import SkyRegion

    patches = []
    colours: dict[str, str] = {}
    shapes = region_list(regions)
    texts = [region.meta.get("text") for region in shapes]
    for number, (region, text) in enumerate(zip(shapes, texts, strict=True)):
        # Shapes with the same text share a colour and one line in the legend, which tells how many they are.
        first = text not in colours
        colour = colours.setdefault(text or f"_{number}", REGION_COLOURS[len(colours) % len(REGION_COLOURS)])
        pixel_region = region.to_pixel(wcs) if isinstance(region, SkyRegion) else region
        options = {
            "facecolor": "none",
            "edgecolor": colour,
            "linewidth": 1.6,
            "linestyle": "-" if region.meta.get("include", True) else "--",
            "label": _entry(text, texts.count(text)) if text and first else "_region",
            **artist_kwargs,
        }
        patches.append(ax.add_patch(pixel_region.as_artist(**options)))
    return patches


def _entry(text: str, number: int) -> str:
    return text if number == 1 else f"{number} \N{MULTIPLICATION SIGN} {text}"


def smoothed(image: SkyImage, smoothing: u.Quantity | None) -> Any:
    """The counts, smoothed with a Gaussian of this standard deviation."""
    if smoothing is None:
        return image.counts.data
    if not isinstance(smoothing, u.Quantity) or not smoothing.unit.is_equivalent(u.arcsec) or not smoothing > 0:
        raise RequestError(
            [("smoothing", f"a positive angle is needed, such as 5 * u.arcsec; got {smoothing!r}")], "plot"
        )
    from scipy.ndimage import gaussian_filter

    pixel_deg = float(np.sqrt(np.abs(np.linalg.det(image.wcs.pixel_scale_matrix))))
    return gaussian_filter(image.counts.data.astype(float), smoothing.to_value(u.deg) / pixel_deg)


def binned(data: Any, factor: int) -> tuple[Any, tuple[float, float, float, float]]:
    """Sums of squares of pixels, and the edges of the whole in pixels."""
    height, width = (-(-size // factor) for size in data.shape)
    padded = np.zeros((height * factor, width * factor), dtype=data.dtype)
    padded[: data.shape[0], : data.shape[1]] = data
    sums = padded.reshape(height, factor, width, factor).sum(axis=(1, 3))
    return sums, (-0.5, width * factor - 0.5, -0.5, height * factor - 0.5)


def visible_norm(data: Any) -> ImageNormalize:
    """Close to linear up to the typical non-empty pixel, logarithmic above it.

    Single counts are then well above the black of empty pixels, whatever the
    brightest pixel holds.
    """
    top = float(np.max(data, initial=0)) or 1.0
    filled = data[data > 0.02 * top] if data.dtype.kind == "f" else data[data > 0]
    knee = 0.5 * float(np.median(filled)) if filled.size else 0.5
    return ImageNormalize(vmin=0, vmax=top, stretch=AsinhStretch(min(knee / top, 1.0)), clip=True)


def _colorbar(ax: Axes, artist: Any, factor: int, smoothing: u.Quantity | None, norm: ImageNormalize | None) -> None:
    """A bar as high as the axes, with its unit."""
    label = "Counts per pixel" if factor == 1 else f"Counts per {factor} x {factor} pixels"
    label += "" if smoothing is None else f", smoothed with {smoothing:g}"
    side = make_axes_locatable(ax).append_axes("right", size="5%", pad=0.1, axes_class=PlainAxes)
    ax.figure.colorbar(artist, cax=side, label=label, ticks=None if norm is None else round_ticks(norm), format="%g")


def round_ticks(norm: ImageNormalize) -> list[float]:
    """Round values from zero to the largest, not too close on the stretched scale."""
    top = float(norm.vmax)
    if 1 <= top <= 6:
        return [float(number) for number in range(int(top) + 1)]
    start = 1.0 if top > 1 else 10.0 ** np.floor(np.log10(top or 1.0) - 1)
    steps = [start * factor * 10**power for power in range(8) for factor in (1, 2, 5)]
    chosen = [0.0]
    for step in steps:
        if step <= top and norm(step) - norm(chosen[-1]) > _LEAST_STEP:
            chosen.append(step)
    return chosen


def _label(ax: Axes, image: SkyImage) -> None:
    title = " ".join(str(image.counts.meta.get(key, "")) for key in ("OBJECT", "OBS_ID")).strip()
    band = str(image.band) if image.band else ""
    ax.set_title(", ".join(filter(None, (title, band))), fontsize="medium")
    if isinstance(ax, WCSAxes):
        label_sky(ax, dark=True)
    else:
        ax.set_xlabel("x (pixel)")
        ax.set_ylabel("y (pixel)")


def _whole(image: SkyImage) -> tuple[float, float, float, float]:
    height, width = image.shape
    return -0.5, width - 0.5, -0.5, height - 0.5


def natural_limits(image: SkyImage, shapes: list[Any]) -> tuple[float, float, float, float]:
    """The square around all shapes, or around the counts, within the image."""
    from regions import SkyRegion

    if shapes:
        boxes = [(item.to_pixel(image.wcs) if isinstance(item, SkyRegion) else item).bounding_box for item in shapes]
        left, right = min(box.ixmin for box in boxes), max(box.ixmax for box in boxes)
        low, high = min(box.iymin for box in boxes), max(box.iymax for box in boxes)
    else:
        rows, columns = (np.flatnonzero(image.counts.data.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return _whole(image)
        left, right, low, high = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    margin = 1 + (_MARGIN if shapes else 0.04)
    half = max(max(right - left, high - low) / 2 * margin, _SMALLEST_PIX / 2)
    x, y = (left + right) / 2 - 0.5, (low + high) / 2 - 0.5
    first_x, last_x, first_y, last_y = _whole(image)
    return max(x - half, first_x), min(x + half, last_x), max(y - half, first_y), min(y + half, last_y)
