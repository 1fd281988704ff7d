"""Simulated observations of the tutorials."""

from __future__ import annotations

from os import PathLike

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..engine.scene import Scene
from ..engine.source import Source
from ..fitting import models
from ..products.observation import Observation
from .synthetic import simulate_observations

__all__ = ["simulate_nova"]

# Position of T Pyx (SIMBAD) and the day on which its outburst of 2011 was discovered.
_PLACE = (136.1729423, -32.37986193)
_DISCOVERY_MJD = 55665.0
# Days after the discovery, exposures in seconds.
_VISITS = (
    (0.6, 600), (10.2, 500), (40.1, 700), (90.3, 800),
    (142.74, 1130), (142.95, 3270), (144.62, 1020), (144.83, 2020),
    (146.50, 1290), (146.70, 3410), (148.83, 940), (149.02, 2330),
    (180.2, 1500), (240.4, 1200),
)  # fmt: skip
# Count rates (ct/s) of the surface of the white dwarf, which is seen when the shell has
# become thin, and of the gas heated by shocks.
_SURFACE = ([0.0, 110.0, 145.0, 150.0, 250.0], [0.0, 0.0, 0.18, 0.25, 0.0])
_SHOCKS = ([0.0, 10.0, 120.0, 150.0, 250.0], [0.01, 0.02, 0.10, 0.10, 0.02])


def simulate_nova(folder: str | PathLike[str], *, seed: int = 2, overwrite: bool = False) -> list[Observation]:
    """Simulate observations of a nova like T Pyx in the year 2011.

    Place, dates and exposures are like those of the real observations from the
    discovery on 2011-04-14 to day 240; the source is made up: a black body of
    90 eV that appears after day 110, and bremsstrahlung of 1.2 keV, both
    behind 2e21 cm⁻². The name in the files is ``SIM_T Pyx``.

    Parameters
    ----------
    folder : path-like
        Where the folders of the observations are made.
    seed : int, optional
        Seed of the random numbers.
    overwrite : bool, optional
        Whether observations that exist there are replaced.

    Returns
    -------
    observations : list of Observation
        One for each of the 14 visits.

    Raises
    ------
    RequestError, OutputExistsError
        As for `swiftxrt.simulate_observations`.
    """
    place = SkyCoord(*_PLACE, unit="deg")
    discovery = Time(_DISCOVERY_MJD, format="mjd", scale="utc")
    absorber = models.TBabs(2e21 / u.cm**2)
    spectra = {
        "surface": absorber * models.BlackBody(0.09 * u.keV, 1e-4),
        "shocks": absorber * models.Bremsstrahlung(1.2 * u.keV, 1e-3),
    }
    rates = {"surface": _SURFACE, "shocks": _SHOCKS}
    sources = [
        Source.at(
            place, name=name, spectrum=spectra[name], rate=(discovery + np.array(days) * u.day, values * u.ct / u.s)
        )
        for name, (days, values) in rates.items()
    ]
    days, exposures = zip(*_VISITS, strict=True)
    scene = Scene.of(
        sources, start=discovery + np.array(days) * u.day, exposure=np.array(exposures) * u.s, name="T Pyx", mode="PC"
    )
    return simulate_observations(scene, folder, seed=seed, overwrite=overwrite)
