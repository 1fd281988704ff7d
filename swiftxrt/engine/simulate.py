"""Simulated observations: event lists like those of the archive, with a known truth.

Sources with King profiles, vignetting, the background of real fields, bad
columns, the pointing of a real spacecraft, both science modes and their frames,
points and extended sources of any spectrum, pile-up and flickering pixels on
demand. Not simulated: optical light, stray light, photons that arrive during
readout, charge that is lost or trapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..identifiers import parse_target_id
from ..met import estimate_utcf
from ..mission import DETECTOR_SIZE, PC_FRAME_TIME_S, PIXEL_ARCSEC, SKY_SIZE, WT_FRAME_TIME_S, Mode
from ..products._wcs import sky_wcs
from ..products.attitude import Attitude
from ..products.events import EventList
from ..products.gti import GTI
from .geometry import Pointing, sky_to_pixel
from .scene import Scene, Snapshot
from .simulated_photons import Photons, background_photons, flickering_photons, source_photons, stream
from .simulated_readout import (
    LIVE_FRACTION,
    WT_WINDOW_DETX,
    Interval,
    bad_pixels,
    intervals,
    pointing_path,
    read_out,
)
from .simulated_truth import Frames, attitude_of, exposure_of, frames_of

__all__ = [
    "SimulatedEvents",
    "SimulatedObservation",
    "obsid_of",
    "simulate_field",
    "simulate_labelled",
    "simulate_observations",
]

# PHA channels per PI channel (median of 00085374001).
_PHA_PER_PI = 3.385
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, eq=False)
class SimulatedEvents:
    """An event list and where each event comes from.

    Parameters
    ----------
    events : EventList
        What a file would hold.
    source : ndarray of int, shape (n,)
        Index into ``scene.sources`` for each event, -1 for background.
    """

    events: EventList
    source: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SimulatedObservation:
    """Everything that is known about one simulated observation.

    Parameters
    ----------
    obsid : str
        Eleven digits.
    files : tuple of SimulatedEvents
        Event lists, windowed timing first.
    attitude : Attitude
        Where the telescope pointed, as the sky coordinates of the events have it.
    frames : tuple of Frames
        Readout frames of all intervals, in order of time.
    parts : tuple of (Interval, Pointing)
        Intervals and where the detector looked, for `exposure`.
    wcs : `~astropy.wcs.WCS`
        Of the sky pixels.
    """

    obsid: str
    files: tuple[SimulatedEvents, ...]
    attitude: Attitude
    frames: tuple[Frames, ...]
    parts: tuple[tuple[Interval, Pointing], ...]
    wcs: WCS

    def exposure(self) -> NDArray[np.float64]:
        """True exposure map in photon counting mode, in s without vignetting, indexed [y, x]."""
        return exposure_of([part for part in self.parts if part[0].mode is Mode.PC])


def simulate_observations(scene: Scene, *, seed: int) -> list[EventList]:
    """Simulate a scene.

    Parameters
    ----------
    scene : Scene
        What to look at, and when.
    seed : int
        Seed of the random numbers; the same seed gives the same events.

    Returns
    -------
    event_lists : list of EventList
        One for each ObsID and mode in which there are events.

    Examples
    --------
    >>> from swiftxrt.engine.demonstration import default_scene
    >>> from swiftxrt.engine.simulate import simulate_observations
    >>> [f"{events.obsid} {events.mode.value}" for events in simulate_observations(default_scene(), seed=1)]
    ['09999001000 WT', '09999001000 PC', '09999001001 PC', '09999001002 PC']
    """
    return [simulated.events for simulated in simulate_labelled(scene, seed=seed)]


def simulate_labelled(scene: Scene, *, seed: int) -> list[SimulatedEvents]:
    """Simulate a scene and tell for each event which source it comes from.

    Parameters
    ----------
    scene : Scene
        What to look at, and when.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    simulated : list of SimulatedEvents
        One for each ObsID and mode in which there are events.
    """
    return [file for observation in simulate_field(scene, seed=seed) for file in observation.files]


def simulate_field(scene: Scene, *, seed: int) -> Iterator[SimulatedObservation]:
    """Simulate a scene, one observation after the other, with all that is known about it.

    Parameters
    ----------
    scene : Scene
        What to look at, and when.
    seed : int
        Seed of the random numbers.

    Yields
    ------
    observation : SimulatedObservation
        One for each ObsID; `files` is empty if there is no event.
    """
    for segment in sorted({snapshot.segment for snapshot in scene.snapshots}):
        yield _Observation(scene, seed, segment).simulated()


def obsid_of(scene: Scene, segment: int) -> str:
    """ObsID of a segment: eight digits of the target and three of the segment."""
    return f"{parse_target_id(scene.target_id)}{segment:03d}"


class _Observation:
    """One ObsID: the snapshots of one segment and the sky system they share."""

    def __init__(self, scene: Scene, seed: int, segment: int) -> None:
        self.scene, self.seed, self.segment = scene, seed, segment
        self.obsid = obsid_of(scene, segment)
        chosen = [snapshot for snapshot in scene.snapshots if snapshot.segment == segment]
        self.snapshots = sorted(chosen, key=lambda snapshot: snapshot.start_s)
        offsets = np.array([self._offset_arcmin(snapshot) for snapshot in self.snapshots])
        weights = [snapshot.duration_s for snapshot in self.snapshots]
        self.mean_pointing = self._pointed(np.average(offsets, axis=0, weights=weights))
        self.roll_deg = float(np.average([self._roll_deg(item) for item in self.snapshots], weights=weights)) % 360.0
        self.wcs: WCS = sky_wcs(float(self.mean_pointing.ra.deg), float(self.mean_pointing.dec.deg))
        ra_deg, dec_deg = np.array([(source.ra_deg, source.dec_deg) for source in scene.sources]).T
        #: Sky pixels (0-based) of the sources.
        self.pixels = np.transpose(self.wcs.world_to_pixel(SkyCoord(ra_deg, dec_deg, unit="deg", frame="icrs")))
        self.pointings = [
            self._pointing(snapshot, offset) for snapshot, offset in zip(self.snapshots, offsets, strict=True)
        ]

    def _stream(self, name: str, snapshot: Snapshot) -> np.random.Generator:
        return stream(self.seed, name, snapshot)

    def _offset_arcmin(self, snapshot: Snapshot) -> NDArray[np.float64]:
        """Pointing minus target, along right ascension and declination."""
        scatter = self._stream("offset", snapshot).normal(0.0, self.scene.pointing_scatter_arcmin, 2)
        shrink = min(1.0, self.scene.pointing_limit_arcmin / max(float(np.hypot(*scatter)), 1e-9))
        return np.array(self.scene.pointing_offset_arcmin) + shrink * scatter

    def _roll_deg(self, snapshot: Snapshot) -> float:
        if snapshot.roll_deg is not None:
            return snapshot.roll_deg
        days = (snapshot.start_s - min(item.start_s for item in self.scene.snapshots)) / _SECONDS_PER_DAY
        return self.scene.roll_deg + self.scene.roll_drift_deg_per_day * days

    def _pointed(self, offset_arcmin: NDArray[np.float64]) -> SkyCoord:
        target = SkyCoord(self.scene.target.ra_deg, self.scene.target.dec_deg, unit="deg", frame="icrs")
        return target.spherical_offsets_by(*(offset_arcmin * u.arcmin)).fk5

    def _pointing(self, snapshot: Snapshot, offset_arcmin: NDArray[np.float64]) -> Pointing:
        pixel = sky_to_pixel(self.wcs, self._pointed(offset_arcmin))
        rng = self._stream("pointing", snapshot)
        return pointing_path(self.scene, snapshot, pixel, self._roll_deg(snapshot), rng)

    def _photons(self, snapshot: Snapshot, pointing: Pointing) -> Photons:
        scene = self.scene
        parts = [background_photons(scene, snapshot, self._stream("background", snapshot))]
        if scene.flickering_pixels:
            parts.append(flickering_photons(scene.flickering_pixels, snapshot, self._stream("flickering", snapshot)))
        for label, (source, pixel) in enumerate(zip(scene.sources, self.pixels, strict=True)):
            rng = self._stream(f"source {source.name}", snapshot)
            parts.append(source_photons(source, label, snapshot, pointing, pixel, self.wcs, rng))
        return Photons.joined(parts)

    def simulated(self) -> SimulatedObservation:
        """Event lists, attitude and frames."""
        parts: list[_Part] = []
        pointed = []
        for snapshot, pointing in zip(self.snapshots, self.pointings, strict=True):
            photons = self._photons(snapshot, pointing)
            parts += [self._part(photons, interval, pointing) for interval in intervals(self.scene, snapshot)]
            pointed.append((self._reconstructed(pointing, snapshot), snapshot.start_s, snapshot.stop_s))
        files = []
        for mode in (Mode.WT, Mode.PC):
            of_mode = [part for part in parts if part.interval.mode is mode]
            if sum(part.events.time_s.size for part in of_mode):
                files.append(self._file(mode, of_mode))
        return SimulatedObservation(
            obsid=self.obsid,
            files=tuple(files),
            attitude=attitude_of(pointed, self.wcs),
            frames=tuple(frames_of(part.interval, part.frame) for part in parts),
            parts=tuple((part.interval, part.pointing) for part in parts),
            wcs=self.wcs,
        )

    def _reconstructed(self, pointing: Pointing, snapshot: Snapshot) -> Pointing:
        """Where the ground software believes the detector to be."""
        aspect = self._stream("aspect", snapshot).normal(0.0, self.scene.aspect_error_arcsec / PIXEL_ARCSEC, 2)
        return replace(pointing, offset=pointing.offset + complex(*aspect))

    def _part(self, photons: Photons, interval: Interval, pointing: Pointing) -> _Part:
        """Events of one interval with their sky pixels."""
        x_pix, y_pix = self.pixels[0]
        middle = pointing.offset_at(0.5 * (interval.start_s + interval.stop_s))
        target_dety = round(float(pointing.to_detector(x_pix, y_pix, middle)[1]))
        events, frame, grade = read_out(photons, interval, target_dety, self.scene.pile_up)
        seen = self._reconstructed(pointing, interval.snapshot)
        x, y = (
            np.rint(axis).astype(np.int64)
            for axis in seen.to_sky(events.detx, events.dety, seen.offset_at(events.time_s))
        )
        inside = (x >= 0) & (x < SKY_SIZE) & (y >= 0) & (y < SKY_SIZE)
        events, frame, x, y, grade = events[inside], frame[inside], x[inside], y[inside], grade[inside]
        return _Part(interval, seen, events, frame, interval.event_time_s(frame), x, y, grade)

    def _file(self, mode: Mode, parts: list[_Part]) -> SimulatedEvents:
        events = Photons.joined(part.events for part in parts)
        gti = GTI([part.interval.start_s for part in parts], [part.interval.stop_s for part in parts])
        met_s = np.concatenate([part.met_s for part in parts])
        detx, dety = np.rint(events.detx).astype(np.int64), np.rint(events.dety).astype(np.int64)
        made = EventList(
            met=met_s,
            x=np.concatenate([part.x for part in parts]),
            y=np.concatenate([part.y for part in parts]),
            rawx=detx - 1,
            rawy=dety - 1 if mode is Mode.PC else _wt_row(met_s, gti),
            detx=detx,
            dety=dety,
            pha=np.rint(events.pi * _PHA_PER_PI).astype(np.int64),
            pi=events.pi,
            grade=np.concatenate([part.grade for part in parts]),
            status=np.zeros(events.pi.size, dtype=np.uint16),
            gti=gti,
            mode=mode,
            header=self._header(mode, gti),
            bad_pixels=bad_pixels(mode, float(gti.start[0])),
        )
        return SimulatedEvents(made, events.label)

    def _header(self, mode: Mode, gti: GTI) -> dict[str, str | int | float | bool]:
        """Cards of the EVENTS extension that do not follow from events and good times."""
        scene, target = self.scene, SkyCoord(self.scene.target.ra_deg, self.scene.target.dec_deg, unit="deg").fk5
        pointing = {"RA": float(self.mean_pointing.ra.deg), "DEC": float(self.mean_pointing.dec.deg)}
        cards: dict[str, str | int | float | bool] = {
            "OBS_ID": self.obsid,
            "TARG_ID": int(self.obsid[:8]),
            "SEG_NUM": self.segment,
            "OBJECT": f"SIM_{scene.name}",
            "RA_OBJ": float(target.ra.deg),
            "DEC_OBJ": float(target.dec.deg),
            "PA_PNT": self.roll_deg,
            "MJDREFF": 7.4287037037037e-4,  # As many digits as a FITS card keeps.
            "DEADC": LIVE_FRACTION[mode],
            "UTCFINIT": float(estimate_utcf(gti.start[0])),
            "XRTVSUB": 6,
            "SIMULATE": True,
            "SIMTOOL": "swiftxrt simulator",
            "SIMSEED": self.seed,
            "SIMPILE": scene.pile_up,
        }
        for axis, value in pointing.items():
            cards |= {f"{axis}_PNT": value, f"{axis}_NOM": value}
        if scene.t0_met_s is not None:
            cards["TRIGTIME"] = scene.t0_met_s
        return cards | _window_cards(mode)


@dataclass(frozen=True, eq=False)
class _Part:
    """Events of one interval."""

    interval: Interval
    pointing: Pointing
    events: Photons
    frame: NDArray[np.int64]
    met_s: NDArray[np.float64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    grade: NDArray[np.int64]


def _window_cards(mode: Mode) -> dict[str, str | int | float | bool]:
    """How the detector was read."""
    if mode is Mode.PC:
        return {"XRTMODE": 7, "WHALFWD": 300, "WHALFHT": 300, "CCDEXPOS": PC_FRAME_TIME_S}
    first, last = WT_WINDOW_DETX
    return {"XRTMODE": 6, "WM1STCOL": first - 1, "WMCOLNUM": last - first + 1}


def _wt_row(time_s: NDArray[np.float64], gti: GTI) -> NDArray[np.int64]:
    """In windowed timing RAWY only counts the rows that were read."""
    return np.floor((time_s - gti.start[0]) / WT_FRAME_TIME_S).astype(np.int64) % DETECTOR_SIZE
