"""The scene of the demonstration: the afterglow of a gamma-ray burst in a field of active galaxies."""

from __future__ import annotations

import numpy as np

from .scene import ORBIT_S, Scene, Snapshot
from .source import Source
from .source_models import AbsorbedPowerLaw, Afterglow, Constant

__all__ = ["default_scene", "field_sources"]

# Made up; see `swiftxrt.engine.scene`.
_TARGET_ID = "09999001"
_FIRST_SNAPSHOT_S = 80.0


def field_sources(
    ra_deg: float, dec_deg: float, *, seed: int, least_flux_cgs: float = 2.5e-14, radius_arcmin: float = 11.0
) -> tuple[Source, ...]:
    """Active galaxies around a position, at random.

    ``N(>S) = 150 (S / 1e-14 erg cm-2 s-1)^-1.2`` per square degree (0.3-10 keV).

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre.
    seed : int
        Seed of the random numbers.
    least_flux_cgs : float
        Faintest source, erg cm-2 s-1.
    radius_arcmin : float
        Radius of the field.

    Returns
    -------
    sources : tuple of Source
        Constant sources of photon index 1.7 behind 5e20 cm-2.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    spectrum = AbsorbedPowerLaw(1.7, 5e20)
    expected = 150.0 * (least_flux_cgs / 1e-14) ** -1.2 * np.pi * (radius_arcmin / 60.0) ** 2
    number = rng.poisson(expected)
    flux = least_flux_cgs * rng.uniform(size=number) ** (-1.0 / 1.2)
    offset = radius_arcmin / 60.0 * np.sqrt(rng.uniform(size=number))
    angle = rng.uniform(0.0, 2.0 * np.pi, size=number)
    dec = dec_deg + offset * np.cos(angle)
    ra = ra_deg + offset * np.sin(angle) / np.cos(np.radians(dec))
    return tuple(
        Source(f"field {i}", float(ra[i]), float(dec[i]), Constant(float(flux[i] / spectrum.flux_per_rate)), spectrum)
        for i in range(number)
    )


# Start after the trigger, length and segment of the snapshots of the default
# scene; steps of about one orbit.
_DEFAULT_TIMELINE = (
    (_FIRST_SNAPSHOT_S, 1400.0, 0),
    (_FIRST_SNAPSHOT_S + ORBIT_S - 12.0, 1200.0, 0),
    (_FIRST_SNAPSHOT_S + 2 * ORBIT_S + 21.0, 1000.0, 0),
    (_FIRST_SNAPSHOT_S + 3 * ORBIT_S + 4.0, 900.0, 0),
    (_FIRST_SNAPSHOT_S + 16 * ORBIT_S - 8.0, 850.0, 1),
    (_FIRST_SNAPSHOT_S + 17 * ORBIT_S + 15.0, 750.0, 1),
    (_FIRST_SNAPSHOT_S + 91 * ORBIT_S + 2.0, 800.0, 2),
    (_FIRST_SNAPSHOT_S + 92 * ORBIT_S - 17.0, 950.0, 2),
)


def default_scene() -> Scene:
    """A gamma-ray burst afterglow: the demonstration.

    Trigger time and place are those of GRB 200416A; everything else is made up
    and the files say so. Three ObsIDs: four snapshots from 80 s after the
    trigger (windowed timing first), two the next day, two after six days,
    when only upper limits are left.

    Returns
    -------
    scene : Scene
        About 7.9 ks in total.
    """
    t0_met_s = 608713541.952
    ra_deg, dec_deg = 335.6985, -7.5179
    burst = Source(
        "GRB", ra_deg, dec_deg, Afterglow(t0_met_s, level_cps=0.8), AbsorbedPowerLaw(photon_index=1.95, nh_cm2=1.6e21)
    )
    timeline = tuple(Snapshot(t0_met_s + start, length, segment) for start, length, segment in _DEFAULT_TIMELINE)
    return Scene(
        name="GRB 200416A",
        target_id=_TARGET_ID,
        sources=(burst, *field_sources(ra_deg, dec_deg, seed=13)),
        snapshots=timeline,
        t0_met_s=t0_met_s,
    )
