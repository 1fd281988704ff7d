"""Pictures of everything that one job made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from ..exceptions import RequestError
from ..kinds import ProductKind
from ._axes import show
from .image import plot_image
from .lightcurve import plot_light_curve
from .position import plot_positions, position_axes
from .sources import plot_sources, source_axes
from .spectrum import plot_spectra

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from matplotlib.axes import Axes

    from ..products.productset import ProductSet

__all__ = ["peek_products", "plot_products"]

#: Width and height of a panel in inches.
_PANEL_INCH = (6.8, 5.4)

#: Makes axes in the next place of the figure, with a celestial projection or without.
_Place = Callable[..., Any]
_Panel = Callable[[_Place], "Axes"]


def plot_products(products: ProductSet) -> list[Axes]:
    """Draw all products into one figure.

    The light curve in the total band, the spectra, the first image with the
    error circles of all positions (or these alone), and the sources.

    Parameters
    ----------
    products : ProductSet
        What to draw.

    Returns
    -------
    axes : list of `~matplotlib.axes.Axes`
        One per panel.

    Raises
    ------
    RequestError
        If there is nothing to draw.
    """
    panels = list(_panels(products))
    if not panels:
        raise RequestError("there is nothing to draw: no product was made, or they are empty")
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    figure = plt.figure(figsize=(_PANEL_INCH[0] * columns, _PANEL_INCH[1] * rows))
    below = 0.26 if ProductKind.SOURCES in products else 0.13  # Their legend is below the picture.
    grid = figure.add_gridspec(
        rows, columns, left=0.13 / columns, right=1 - 0.07 / columns, bottom=below / rows, top=1 - 0.12 / rows,
        wspace=0.3, hspace=0.32,
    )  # fmt: skip
    # With an odd number the first panel is as wide as the figure.
    wide = len(panels) % 2 == 1
    axes = []
    for number, panel in enumerate(panels):
        row, column = divmod(number + (wide and number > 0), columns)
        place = grid[row, :] if wide and number == 0 else grid[row, column]
        axes.append(panel(lambda wcs=None, place=place: figure.add_subplot(place, projection=wcs)))
    if products.request is not None:
        figure.suptitle(products.request.target.name)
    return axes


def peek_products(products: ProductSet) -> None:
    """Draw all products and show them."""
    plot_products(products)
    show()


def _panels(products: ProductSet) -> Iterator[_Panel]:
    """What draws the products that there are, each into a place of the figure."""
    curves, spectra = products.get(ProductKind.LIGHT_CURVE), products.get(ProductKind.SPECTRUM)
    if curves is not None and len(curves.total):
        yield lambda place: plot_light_curve(curves.total, ax=place())
    if spectra is not None and len(spectra):
        yield lambda place: plot_spectra(spectra, ax=place())
    positions = [product for kind, product in products.items() if kind.is_position]
    image = next(iter(products.get(ProductKind.IMAGE, ())), None)
    if image is not None:
        circles = [position.region for position in positions]
        yield lambda place: plot_image(image, ax=place(image.wcs), regions=circles)
    elif positions:
        yield lambda place: plot_positions(positions, ax=position_axes(positions, place))
    sources = products.get(ProductKind.SOURCES)
    if sources is not None and any(len(table) for table in sources.values()):
        yield lambda place: plot_sources(sources, ax=_sources_place(sources, image, place), image=image)


def _sources_place(sources: Any, image: Any, place: _Place) -> Any:
    """Axes for the sources: those of the image, if they are drawn over one."""
    wcs: WCS | None = None if image is None else image.wcs
    return source_axes(dict(sources), place) if wcs is None else place(wcs)
