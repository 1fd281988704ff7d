"""A simulated field with known sources, observed twice; the second observation has a new one."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt.engine.scene import Scene, Source
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant, TabulatedCurve
from swiftxrt.testing.synthetic import simulate

CENTRE = SkyCoord(150.0, 20.0, unit="deg")
#: Names, offsets (arcmin east and north), rates (ct/s, 0.3-10 keV), photon indices and columns (cm-2).
STEADY = {
    "target": ((0.0, 0.0), 0.2, 1.7, 5e20),
    "hard": ((5.0, 1.5), 0.06, 1.0, 2e22),
    "soft": ((-2.5, -4.5), 0.06, 3.0, 1e20),
}
NEW = ((-4.0, 4.0), 0.08, 1.7, 5e20)
OBSIDS = ("09999004000", "09999004001")
EXPOSURE_S = 2000.0


def place(offset: tuple[float, float]) -> SkyCoord:
    """Where a source is."""
    return CENTRE.spherical_offsets_by(offset[0] * u.arcmin, offset[1] * u.arcmin)


def scene() -> Scene:
    """The field: each observation has two snapshots of 1 ks."""
    sources = [
        _source(name, offset, Constant(rate), AbsorbedPowerLaw(index, column))
        for name, (offset, rate, index, column) in STEADY.items()
    ]
    empty = Scene.of(sources, exposure=[EXPOSURE_S] * len(OBSIDS) * u.s, snapshot=1 * u.ks)
    begin = min(one.start_s for one in empty.snapshots if one.segment == len(OBSIDS) - 1)
    offset, rate, index, column = NEW
    curve = TabulatedCurve((begin - 2000.0, begin - 1000.0), (0.0, rate))
    sources.append(_source("new", offset, curve, AbsorbedPowerLaw(index, column)))
    return Scene.of(sources, exposure=[EXPOSURE_S] * len(OBSIDS) * u.s, snapshot=1 * u.ks)


def observe(folder: Path) -> None:
    """Write the observations to an archive."""
    simulate(folder, scene=scene(), seed=4)


def _source(
    name: str, offset: tuple[float, float], curve: Constant | TabulatedCurve, spectrum: AbsorbedPowerLaw
) -> Source:
    at = place(offset).icrs
    return Source(name, float(at.ra.deg), float(at.dec.deg), curve, spectrum)
