"""Simulated observations: event lists like those of the archive, with a known truth.

Sources with King profiles, vignetting, the background of real fields, bad
columns, the pointing of a real spacecraft, both science modes and their frames.
Not simulated: pixel-to-pixel defects, optical light, stray light, photons that
arrive during readout; pile-up only on demand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..identifiers import parse_target_id
from ..met import estimate_utcf
from ..mission import DETECTOR_SIZE, PC_FRAME_TIME_S, PIXEL_ARCSEC, SKY_SIZE, WT_FRAME_TIME_S, Mode
from ..products._wcs import sky_wcs
from ..products.events import EventList
from ..products.gti import GTI
from .geometry import Pointing, sky_to_pixel
from .scene import Scene, Snapshot
from .simulated_photons import Photons, background_photons, source_photons, stream
from .simulated_readout import (
    LIVE_FRACTION,
    WT_WINDOW_DETX,
    Interval,
    bad_pixels,
    grades,
    intervals,
    pointing_path,
    read_out,
)

__all__ = ["SimulatedEvents", "simulate_labelled", "simulate_observations"]

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
    >>> from swiftxrt.engine.scene import default_scene
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
    segments = sorted({snapshot.segment for snapshot in scene.snapshots})
    return [file for segment in segments for file in _Observation(scene, seed, segment).files()]


class _Observation:
    """One ObsID: the snapshots of one segment and the sky system they share."""

    def __init__(self, scene: Scene, seed: int, segment: int) -> None:
        self.scene, self.seed, self.segment = scene, seed, segment
        self.obsid = f"{parse_target_id(scene.target_id)}{segment:03d}"
        chosen = [snapshot for snapshot in scene.snapshots if snapshot.segment == segment]
        self.snapshots = sorted(chosen, key=lambda snapshot: snapshot.start_s)
        offsets = np.array([self._offset_arcmin(snapshot) for snapshot in self.snapshots])
        weights = [snapshot.duration_s for snapshot in self.snapshots]
        self.mean_pointing = self._pointed(np.average(offsets, axis=0, weights=weights))
        self.roll_deg = float(np.average([self._roll_deg(item) for item in self.snapshots], weights=weights))
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
        days = (snapshot.start_s - min(item.start_s for item in self.scene.snapshots)) / _SECONDS_PER_DAY
        return (self.scene.roll_deg + self.scene.roll_drift_deg_per_day * days) % 360.0

    def _pointed(self, offset_arcmin: NDArray[np.float64]) -> SkyCoord:
        target = SkyCoord(self.scene.target.ra_deg, self.scene.target.dec_deg, unit="deg", frame="icrs")
        return target.spherical_offsets_by(*(offset_arcmin * u.arcmin)).fk5

    def _pointing(self, snapshot: Snapshot, offset_arcmin: NDArray[np.float64]) -> Pointing:
        pixel = sky_to_pixel(self.wcs, self._pointed(offset_arcmin))
        rng = self._stream("pointing", snapshot)
        return pointing_path(self.scene, snapshot, pixel, self._roll_deg(snapshot), rng)

    def _photons(self, snapshot: Snapshot, pointing: Pointing) -> Photons:
        scene = self.scene
        parts = [background_photons(scene.background_cps_per_pixel, snapshot, self._stream("background", snapshot))]
        for label, (source, pixel) in enumerate(zip(scene.sources, self.pixels, strict=True)):
            rng = self._stream(f"source {source.name}", snapshot)
            parts.append(source_photons(source, label, snapshot, pointing, pixel, rng))
        return Photons.joined(parts)

    def files(self) -> Iterator[SimulatedEvents]:
        """The event lists, windowed timing first."""
        parts: dict[Mode, list[_Part]] = {Mode.WT: [], Mode.PC: []}
        for snapshot, pointing in zip(self.snapshots, self.pointings, strict=True):
            photons = self._photons(snapshot, pointing)
            for interval in intervals(self.scene, snapshot):
                parts[interval.mode].append(self._part(photons, interval, pointing))
        for mode, mode_parts in parts.items():
            if sum(part.events.time_s.size for part in mode_parts):
                yield self._file(mode, mode_parts)

    def _part(self, photons: Photons, interval: Interval, pointing: Pointing) -> _Part:
        """Events of one interval with their sky pixels."""
        rng = self._stream(f"readout {interval.mode.value} {interval.first}", interval.snapshot)
        x_pix, y_pix = self.pixels[0]
        middle = pointing.offset_at(0.5 * (interval.start_s + interval.stop_s))
        target_dety = round(float(pointing.to_detector(x_pix, y_pix, middle)[1]))
        events, frame = read_out(photons, interval, target_dety, self.scene.pile_up, rng)
        aspect = self._stream("aspect", interval.snapshot).normal(0.0, self.scene.aspect_error_arcsec / PIXEL_ARCSEC, 2)
        sky = pointing.to_sky(events.detx, events.dety, pointing.offset_at(events.time_s))
        x, y = (np.rint(axis + shift).astype(np.int64) for axis, shift in zip(sky, aspect, strict=True))
        on_image = (x >= 0) & (x < SKY_SIZE) & (y >= 0) & (y < SKY_SIZE)
        events, met_s = events[on_image], interval.event_time_s(frame[on_image])
        return _Part(interval, events, met_s, x[on_image], y[on_image], grades(interval.mode, events))

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
    events: Photons
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
