"""What all plots share: new axes, colours and labels.

Nothing here, or in any plotting module, changes the global style or shows a
figure; only the ``peek`` functions call `show`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from ..mission import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.visualization.wcsaxes import WCSAxes
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "MODE_COLOURS",
    "MODE_MARKERS",
    "axis_label",
    "energy_axis",
    "label_sky",
    "mode_colour",
    "new_axes",
    "new_panels",
    "show",
]

#: Colours that colour-blind people can tell apart (Okabe and Ito 2008).
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}

#: Colour and marker of each mode in all plots.
MODE_COLOURS = {Mode.PC: COLOURS["blue"], Mode.WT: COLOURS["vermillion"]}
MODE_MARKERS = {Mode.PC: "o", Mode.WT: "s"}


#: Labels of logarithmic axes of energy.
_ENERGIES_KEV = (0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)


def mode_colour(mode: Mode | str) -> str:
    """Colour of a mode; black for anything else."""
    try:
        return MODE_COLOURS[Mode(mode)]
    except ValueError:
        return COLOURS["black"]


def new_axes(projection: Any = None, figsize: tuple[float, float] = (6.4, 4.8)) -> Axes:
    """Axes on a figure of their own.

    Parameters
    ----------
    projection : object, optional
        Projection, such as an `~astropy.wcs.WCS`.
    figsize : tuple of float, optional
        Width and height in inches.
    """
    if projection is None:
        return plt.figure(figsize=figsize, layout="constrained").add_subplot()
    # The constrained layout cannot cope with celestial axes: it measures
    # their labels before they are placed.
    figure = plt.figure(figsize=figsize)
    figure.subplots_adjust(left=0.19, right=0.96, bottom=0.12, top=0.93)
    return figure.add_subplot(projection=projection)


def new_panels(heights: Sequence[float], figsize: tuple[float, float] = (6.4, 6.4)) -> list[Axes]:
    """Axes above each other with a common horizontal axis, on a new figure.

    Parameters
    ----------
    heights : sequence of float
        Relative heights from top to bottom.
    figsize : tuple of float, optional
        Width and height in inches.
    """
    figure = plt.figure(figsize=figsize, layout="constrained")
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": list(heights)})
    return list(grid[:, 0])


def axis_label(name: str, unit: u.UnitBase | str | None = None) -> str:
    """A label with the unit in brackets: ``Count rate (ct s$^{-1}$)``."""
    if unit is None or u.Unit(unit) == u.dimensionless_unscaled:
        return name
    text = u.Unit(unit).to_string("latex_inline").replace(r"\mathrm", r"\mathregular")
    return f"{name} ({text})"


def energy_axis(ax: Axes) -> None:
    """A logarithmic energy axis (keV) with the numbers one would say."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(_ENERGIES_KEV))
    ax.xaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda energy_kev, _: f"{energy_kev:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(axis_label("Energy", u.keV))


def label_sky(ax: WCSAxes, *, dark: bool = False) -> None:
    """Name celestial axes after their coordinates, and keep the numbers apart.

    FK5 of the equinox 2000 and ICRS, which differ by less than 0.1 arcsec, are both called J2000.

    Parameters
    ----------
    ax : `~astropy.visualization.wcsaxes.WCSAxes`
        The axes.
    dark : bool, optional
        Whether there is a dark image below, on which ticks must be white.
    """
    core = ax.wcs.wcs
    if core.lngtyp == "GLON":
        names = ("Galactic longitude", "Galactic latitude")
    else:
        letter = "B" if core.radesys.startswith("FK4") else "J"
        frame = f"{letter}{core.equinox:g}" if np.isfinite(core.equinox) else "J2000"
        names = (f"Right ascension ({frame})", f"Declination ({frame})")
    for axis, name in zip((core.lng, core.lat), names, strict=True):
        ax.coords[axis].set_axislabel(name)
        ax.coords[axis].set_ticklabel(exclude_overlapping=True)
        if dark:
            ax.coords[axis].tick_params(color="white", direction="in")


def show() -> None:
    """Show all new figures (``peek`` only)."""
    plt.show()
