"""What a simulated observation looks at, and when.

All values are plain numbers in the unit their name ends with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from .._fields import nearest
from ..exceptions import IdentifierError, RequestError
from ..identifiers import parse_target_id
from ..met import met_to_time, time_to_met
from ..mission import PC_FRAME_TIME_S, Mode
from ..request._values import LAUNCH_MET_S
from .scene_units import Arguments
from .source import Source

__all__ = ["Scene", "Snapshot", "Source"]

Floats = NDArray[np.float64]

# A made-up target: as far as is known no real one begins with 0999 (triggers count
# up and have passed 01000000; stacked images of the catalogues have 1000xxxx).
_OWN_TARGET_ID = "09999004"

#: Time from one orbit of Swift to the next.
ORBIT_S = 5754.0
_DAY_S = 86400.0
_NEVER_CPS = 1e12


@dataclass(frozen=True)
class Snapshot:
    """One continuous pointing.

    Parameters
    ----------
    start_s : float
        Start, MET.
    duration_s : float
        Length.
    segment : int
        Segment of the ObsID it belongs to.
    roll_deg : float or None
        Roll angle, if it is not that of the scene.
    """

    start_s: float
    duration_s: float
    segment: int = 0
    roll_deg: float | None = None

    @property
    def stop_s(self) -> float:
        """End, MET."""
        return self.start_s + self.duration_s


@dataclass(frozen=True)
class Scene:
    """Everything a simulation needs to know, apart from the seed.

    Parameters
    ----------
    name : str
        Name of the target; files carry it with the prefix ``SIM_``.
    target_id : str
        Eight digits.
    sources : tuple of Source
        The first is the target.
    snapshots : tuple of Snapshot
        Timeline. After 2005-05-27 the detector has bad columns.
    t0_met_s : float or None
        Trigger (``TRIGTIME`` of the files).
    roll_deg : float
        Roll angle of the first snapshot.
    roll_drift_deg_per_day : float
        Change of the roll angle with time.
    background_cps_per_pixel : float
        Background of 0.3-10 keV per pixel on the optical axis; 6e-7 to 1e-6 in
        real fields.
    cosmic_share : float
        How much of it is cosmic and vignetted; the rest are particles.
    particle_gradient : (float, float)
        Growth of the particle background from the middle to the edge of the
        detector along DETX and DETY, relative to the middle, -1 to 1.
    flickering_pixels : int
        Pixels that give events of low energy for a part of each snapshot, as
        those that screening has missed.
    pointing_offset_arcmin : (float, float)
        Mean pointing minus target, along right ascension and declination.
    pointing_scatter_arcmin : float
        Standard deviation per axis of the pointing, snapshot by snapshot.
    pointing_limit_arcmin : float
        Largest scatter of the pointing.
    jitter_arcsec : float
        Standard deviation per axis of the pointing within a snapshot.
    drift_arcsec : float
        Standard deviation per axis of the steady drift over a snapshot.
    aspect_error_arcsec : float
        Standard deviation per axis of a constant error of the sky coordinates
        of each snapshot; the archive's is about 1.6.
    wt_above_cps, pc_below_cps : float
        Windowed timing starts above the first rate of the target and ends
        below the second.
    pile_up : bool
        Whether photons that fall together are merged.
    """

    name: str
    target_id: str
    sources: tuple[Source, ...]
    snapshots: tuple[Snapshot, ...]
    t0_met_s: float | None = None
    roll_deg: float = 260.0
    roll_drift_deg_per_day: float = 1.0
    background_cps_per_pixel: float = 7.5e-7
    cosmic_share: float = 0.36
    particle_gradient: tuple[float, float] = (0.0, 0.0)
    flickering_pixels: int = 0
    pointing_offset_arcmin: tuple[float, float] = (0.0, 0.0)
    pointing_scatter_arcmin: float = 1.0
    pointing_limit_arcmin: float = 3.5
    jitter_arcsec: float = 1.5
    drift_arcsec: float = 5.0
    aspect_error_arcsec: float = 0.0
    wt_above_cps: float = 5.0
    pc_below_cps: float = 1.0
    pile_up: bool = False

    def __post_init__(self) -> None:
        problems = self._problems()
        if problems:
            raise RequestError(problems, "scene")

    def _problems(self) -> list[tuple[str, str]]:
        problems = []
        if not self.sources:
            problems.append(("sources", "the target is missing: give at least one Source"))
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            problems.append(("sources", f"names must differ, they seed the random numbers; got {names}"))
        if not self.snapshots:
            problems.append(("snapshots", "nothing is observed: give at least one Snapshot"))
        ordered = sorted(self.snapshots, key=lambda snapshot: snapshot.start_s)
        if any(first.stop_s > second.start_s for first, second in zip(ordered, ordered[1:], strict=False)):
            problems.append(("snapshots", "snapshots overlap"))
        if any(snapshot.duration_s < PC_FRAME_TIME_S for snapshot in self.snapshots):
            problems.append(("snapshots", f"a snapshot lasts at least one frame, {PC_FRAME_TIME_S} s"))
        if not (0.0 <= self.cosmic_share <= 1.0 and self.background_cps_per_pixel >= 0.0):
            problems.append(("background", "a rate and a share of 0 to 1 are needed, neither negative"))
        if max(map(abs, self.particle_gradient)) > 1.0:
            problems.append(("particle_gradient", f"two numbers from -1 to 1 are needed; got {self.particle_gradient}"))
        return problems

    @classmethod
    def of(
        cls,
        sources: Source | Sequence[Source],
        *,
        exposure: u.Quantity = 5 * u.ks,
        start: Time | None = None,
        roll: u.Quantity | None = None,
        pointing: SkyCoord | None = None,
        snapshot: u.Quantity = 1.5 * u.ks,
        background: u.Quantity = 7.5e-7 * u.ct / u.s,
        mode: Mode | str | None = None,
        pile_up: bool = True,
        name: str = "simulated field",
        target_id: str = _OWN_TARGET_ID,
        **details: Any,
    ) -> Scene:
        """Observations as an astronomer plans them.

        Parameters
        ----------
        sources : Source or sequence of Source
            What is in the field; the first one is the target.
        exposure : `~astropy.units.Quantity`, time
            How long, good time. Several values are several observations (ObsIDs).
        start : `~astropy.time.Time`, optional
            When the first, or each, observation begins, after the launch of
            Swift on 2004-11-20; 2020-01-01 if not given.
            The detector has its bad columns since 2005-05-27.
        roll : `~astropy.units.Quantity`, angle, optional
            Roll angle, one or one for each observation. If it is not given it
            is 260 degrees at first and drifts by one degree per day.
        pointing : `~astropy.coordinates.SkyCoord`, optional
            Where Swift looks; at the target if not given. Each snapshot is
            1 arcmin (1 sigma per axis) off.
        snapshot : `~astropy.units.Quantity`, time
            Longest continuous exposure; there is one per orbit of 96 minutes.
        background : `~astropy.units.Quantity`
            Background of 0.3-10 keV per pixel of 2.36 arcsec on the optical axis.
        mode : Mode or str, optional
            ``"PC"`` or ``"WT"``; if not given the XRT chooses by the count rate
            of the target (windowed timing above 5, until below 1 ct/s).
        pile_up : bool
            Whether photons that fall together are merged.
        name, target_id : str
            Name of the field and the eight digits that begin the ObsIDs.
        **details
            Other parameters of `Scene` by name, as plain numbers.

        Returns
        -------
        scene : Scene

        Raises
        ------
        RequestError
            If something is missing or has the wrong unit; all problems are listed.
        """
        asked = Arguments("scene")
        fields: dict[str, Any] = {"name": name, "target_id": _own_id(asked, target_id), "pile_up": pile_up}
        if not isinstance(name, str) or not name.strip():
            asked.complain("name", f"a text is needed; got {name!r:.60}")
        if not isinstance(pile_up, bool | np.bool_):
            asked.complain("pile_up", f"True or False is needed; got {pile_up!r:.60}")
        fields["sources"] = asked.several("sources", sources, Source)
        fields["snapshots"] = _timeline(asked, exposure, start, roll, snapshot)
        fields["background_cps_per_pixel"] = asked.number("background", background, u.ct / u.s, least=0.0)
        fields |= _mode_limits(asked, mode) | details
        if pointing is not None and fields["sources"]:
            fields["pointing_offset_arcmin"] = _offset_arcmin(asked, fields["sources"][0], pointing)
        known = cls.__dataclass_fields__
        for key in sorted(set(details) - set(known)):
            asked.complain(key, f"a scene has no such parameter; it has {', '.join(known)}{nearest(key, known)}")
        asked.done()
        return cls(**fields)

    @property
    def start(self) -> Time:
        """When the first snapshot begins."""
        return met_to_time(min(snapshot.start_s for snapshot in self.snapshots))

    @property
    def exposure(self) -> u.Quantity:
        """Length of all snapshots together."""
        return sum(snapshot.duration_s for snapshot in self.snapshots) * u.s

    @property
    def target(self) -> Source:
        """The first source."""
        return self.sources[0]

    def expected_rate(self, met_s: ArrayLike) -> Floats:
        """True count rate of the target: 0.3-10 keV, on axis, whole PSF, per live second.

        Light curves that divide by good time instead of live time, as the
        official ones do, come out lower by the dead time (0.4 per cent).

        Parameters
        ----------
        met_s : array_like
            Mission elapsed time in seconds.

        Returns
        -------
        rate_cps : ndarray
            What a corrected light curve estimates.
        """
        return self.target.curve.rate_cps(met_s)


def _own_id(asked: Arguments, target_id: Any) -> str:
    try:
        return parse_target_id(target_id)
    except IdentifierError as error:
        asked.complain("target_id", str(error))
        return _OWN_TARGET_ID


def _timeline(asked: Arguments, exposure: Any, start: Any, roll: Any, longest: Any) -> tuple[Snapshot, ...]:
    """Snapshots of the observations of `Scene.of`."""
    lengths_s = asked.numbers("exposure", exposure, u.s, least=PC_FRAME_TIME_S)
    longest_s = asked.number("snapshot", longest, u.s, least=PC_FRAME_TIME_S)
    first = asked.time("start", Time("2020-01-01T00:00:00", scale="utc") if start is None else start)
    starts_s = np.atleast_1d(time_to_met(first))
    if not (starts_s >= LAUNCH_MET_S).all():
        asked.complain("start", f"the launch of Swift, 2004-11-20, or later is needed; got {first!r}")
        return ()
    if not (lengths_s.size and longest_s > 0):
        return ()
    if starts_s.size == 1:
        # The next observation begins on the day after the last snapshot of the one before.
        orbits = np.ceil(lengths_s / longest_s)
        days = np.floor(orbits * ORBIT_S / _DAY_S) + 1.0
        starts_s = starts_s[0] + _DAY_S * np.concatenate([[0.0], np.cumsum(days)[:-1]])
    rolls = [None] if roll is None else asked.numbers("roll", roll, u.deg).tolist()
    if not rolls:
        return ()
    rolls = rolls * lengths_s.size if len(rolls) == 1 else rolls
    for name, values in (("start", starts_s), ("roll", rolls)):
        if len(values) != lengths_s.size:
            asked.complain(name, f"one value, or one for each of {lengths_s.size} exposures; got {len(values)}")
            return ()
    return tuple(
        Snapshot(float(begin) + ORBIT_S * orbit, part, segment, angle)
        for segment, (begin, length, angle) in enumerate(zip(starts_s, lengths_s, rolls, strict=True))
        for orbit, part in enumerate(_parts(float(length), longest_s))
    )


def _parts(length_s: float, longest_s: float) -> list[float]:
    """Equal parts of an exposure, none longer than the longest snapshot."""
    number = int(np.ceil(length_s / longest_s))
    return [length_s / number] * number


def _mode_limits(asked: Arguments, mode: Mode | str | None) -> dict[str, float]:
    """Count rates that make the XRT choose a mode."""
    if mode is None:
        return {}
    name = str(getattr(mode, "value", mode)).upper()
    if name not in ("PC", "WT"):
        asked.complain("mode", f"'PC', 'WT' or None is needed; got {mode!r}")
    limit_cps = _NEVER_CPS if name == "PC" else -1.0
    return {"wt_above_cps": limit_cps, "pc_below_cps": limit_cps}


def _offset_arcmin(asked: Arguments, target: Source, pointing: Any) -> tuple[float, float]:
    """Pointing minus target along right ascension and declination."""
    place = SkyCoord(*asked.position("pointing", pointing), unit="deg", frame="icrs")
    offsets = target.position.spherical_offsets_to(place)
    return float(offsets[0].arcmin), float(offsets[1].arcmin)
