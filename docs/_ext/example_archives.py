"""Simulated observations that the pictures of several pages share; each made once in a build."""

from __future__ import annotations

import tempfile
from functools import cache

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import Scene, Source, SwiftXRTClass, simulate_observations
from swiftxrt.testing.synthetic import simulate

__all__ = ["burst", "field"]

# They are removed when the build ends.
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def _folder() -> str:
    _FOLDERS.append(tempfile.TemporaryDirectory())
    return _FOLDERS[-1].name


@cache
def field() -> tuple[SwiftXRTClass, SkyCoord]:
    """The catalogue of a field with a bright and a faint source, observed twice; the place of the bright one."""
    folder = _folder()
    centre = SkyCoord(170, 32, unit="deg")
    star = Source.at(centre, rate=0.2 * u.ct / u.s)
    beside = centre.directional_offset_by(40 * u.deg, 3 * u.arcmin)
    other = Source.at(beside, rate=0.04 * u.ct / u.s, name="other")
    simulate_observations(Scene.of([star, other], exposure=[1.5, 1] * u.ks), folder, seed=1)
    return SwiftXRTClass(backend="local", archive=folder, state=_folder()), centre


@cache
def burst() -> SwiftXRTClass:
    """What is known of a simulated burst, SIM_GRB 200416A."""
    folder = _folder()
    simulate(folder)
    return SwiftXRTClass(backend="local", archive=folder, state=_folder())
