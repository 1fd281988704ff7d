"""Simulated observations on disk: for tests, examples and work without a network."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from .._paths import as_path
from ..engine.demonstration import default_scene
from ..engine.scene import Scene, Snapshot, Source
from ..engine.simulate import obsid_of, simulate_field
from ..engine.source_models import AbsorbedPowerLaw, Constant
from ..exceptions import RequestError
from ..io.archive import write_observation
from ..products.observation import Observation
from .scene_files import scene_text
from .synthetic_files import check_folders, write_simulated

__all__ = ["simulate", "simulate_observations", "small_observation", "small_scene"]

#: ObsID of `small_observation`; see `swiftxrt.engine.scene` on made-up target IDs.
_SMALL_TARGET_ID = "09999002"

# 2005-02-12, before the columns were damaged, and 2016-11-05.
_START_WITHOUT_BAD_COLUMNS_S, _START_S = 1.3e8, 5.0e8

# Keeps the source 33 pixels away from the bad columns, which run close to the boresight.
_POINTING_OFFSET_ARCMIN = (-1.5, 0.0)


def simulate_observations(
    scene: Scene,
    folder: str | PathLike[str],
    *,
    seed: int = 1,
    overwrite: bool = False,
) -> list[Observation]:
    """Simulate observations and write them as the Swift archive has them.

    Parameters
    ----------
    scene : Scene
        What to look at, and when.
    folder : path-like
        Where the folders of the observations are made; made itself if it does
        not exist. Each appears complete or not at all: cleaned events, attitude
        and filter file, frame headers, image, the true exposure map, and the
        scene with the seed as JSON (``auxil/sw..._scene.json``).
    seed : int, optional
        Seed of the random numbers; the same seed gives the same events.
    overwrite : bool, optional
        Whether observations that exist there are replaced.

    Returns
    -------
    observations : list of Observation
        One for each ObsID with at least one event.

    Raises
    ------
    RequestError
        If `seed` is not a whole number from 0 on.
    OutputExistsError
        If one of the observations exists there already, and `overwrite` is false.

    Examples
    --------
    >>> import tempfile
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from swiftxrt import Scene, Source, simulate_observations
    >>> star = Source.at(SkyCoord(150, 20, unit="deg"), rate=0.1 * u.ct / u.s)
    >>> scene = Scene.of(star, exposure=1 * u.ks)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(simulate_observations(scene, folder))
    [<Observation 09999004000: PC>]
    """
    checked = _seed(seed)
    if not isinstance(scene, Scene):
        raise RequestError(
            [("scene", f"a Scene is needed, as from Scene.of; got {type(scene).__name__}")], "simulation"
        )
    archive = as_path(folder, "folder")
    obsids = sorted({obsid_of(scene, snapshot.segment) for snapshot in scene.snapshots})
    check_folders(archive, obsids, overwrite=overwrite)
    scene_text(scene, seed=checked)  # What cannot be recorded is refused before the work.
    return [
        Observation.open(write_simulated(observation, scene, archive, overwrite=overwrite))
        for observation in simulate_field(scene, seed=checked)
        if observation.files
    ]


def simulate(
    output: str | PathLike[str], *, seed: int = 1, scene: Scene | None = None, overwrite: bool = False
) -> list[Path]:
    """Simulate event files and nothing else: the least that tests and examples need.

    Parameters
    ----------
    output : path-like
        Archive folder; made if it does not exist.
    seed : int, optional
        Seed of the random numbers; the same seed gives the same events.
    scene : Scene, optional
        What to observe; the afterglow of `default_scene` if not given.
    overwrite : bool, optional
        Whether observations that exist there may be replaced.

    Returns
    -------
    folders : list of `~pathlib.Path`
        One for each ObsID.

    Raises
    ------
    RequestError
        If `seed` is not a whole number from 0 on.
    OutputExistsError
        If one of the observations exists there already, and `overwrite` is false.
    """
    field = simulate_field(scene or default_scene(), seed=_seed(seed))
    lists = [[file.events for file in observation.files] for observation in field]
    return [write_observation(group, as_path(output, "output"), overwrite=overwrite) for group in lists if group]


def _seed(seed: Any) -> int:
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise RequestError([("seed", f"a whole number from 0 on is needed; got {seed!r}")], "simulation")
    return int(seed)


def small_scene(
    *,
    duration: u.Quantity = 500 * u.s,
    rate: u.Quantity = 0.3 * u.ct / u.s,
    snapshots: int = 1,
    position: SkyCoord | None = None,
    pointing_scatter: u.Quantity = 0 * u.arcmin,
    bad_columns: bool = True,
    photon_index: float = 1.7,
    column_density: u.Quantity = 5e20 / u.cm**2,
) -> Scene:
    """A constant source 1.5 arcmin off axis, a background and nothing else.

    The count rate of 0.3-10 keV is `rate`, corrected for the point-spread
    function and per live second; above 5 ct/s it is taken in windowed timing.

    Parameters
    ----------
    duration : `~astropy.units.Quantity`, time
        Length of each snapshot.
    rate : `~astropy.units.Quantity`
        Count rate of the source.
    snapshots : int
        How many snapshots, 96 minutes apart.
    position : `~astropy.coordinates.SkyCoord`, optional
        Position of the source; right ascension 150, declination 20 degrees by default.
    pointing_scatter : `~astropy.units.Quantity`, angle
        Standard deviation per axis of the pointing; with 0 the source falls on
        the same detector pixels in all snapshots, 33 pixels from bad columns.
    bad_columns : bool
        Whether the detector has its bad columns (the observation is of 2016)
        or not yet (of 2005).
    photon_index : float
        Photon index of the power law.
    column_density : `~astropy.units.Quantity`
        Hydrogen column of the absorber.

    Returns
    -------
    scene : Scene

    Raises
    ------
    RequestError
        If a quantity has no or another unit.
    """
    position = SkyCoord(150.0, 20.0, unit="deg") if position is None else position
    spectrum = AbsorbedPowerLaw(photon_index, _value("column_density", column_density, 1 / u.cm**2))
    curve = Constant(_value("rate", rate, u.ct / u.s))
    length_s = _value("duration", duration, u.s)
    start_s = _START_S if bad_columns else _START_WITHOUT_BAD_COLUMNS_S
    source = Source("target", float(position.icrs.ra.deg), float(position.icrs.dec.deg), curve, spectrum)
    return Scene(
        name="constant source",
        target_id=_SMALL_TARGET_ID,
        sources=(source,),
        snapshots=tuple(Snapshot(start_s + 5760.0 * number, length_s) for number in range(snapshots)),
        t0_met_s=start_s,
        pointing_offset_arcmin=_POINTING_OFFSET_ARCMIN,
        pointing_scatter_arcmin=_value("pointing_scatter", pointing_scatter, u.arcmin),
    )


def small_observation(folder: str | PathLike[str], *, seed: int = 1, **scene_options: Any) -> Observation:
    """Simulate `small_scene`, write it to an archive folder and open it.

    Parameters
    ----------
    folder : path-like
        Archive folder.
    seed : int, optional
        Seed of the random numbers.
    **scene_options
        Parameters of `small_scene`.

    Returns
    -------
    observation : Observation
        ObsID 09999002000.

    Examples
    --------
    >>> import tempfile
    >>> from swiftxrt.testing.synthetic import small_observation
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(small_observation(folder).obsid)
    09999002000
    """
    (path,) = simulate(folder, seed=seed, scene=small_scene(**scene_options))
    return Observation.open(path)


def _value(name: str, quantity: Any, unit: u.UnitBase) -> float:
    if not isinstance(quantity, u.Quantity) or not quantity.isscalar or not quantity.unit.is_equivalent(unit):
        raise RequestError([(name, f"a quantity in {unit} is needed; got {quantity!r}")], "scene")
    return float(quantity.to_value(unit))
