"""Source and background events of a position, with everything needed to turn counts into rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import CentroidWarning, NoDataError, PileUpWarning, RequestError
from ..mission import PIXEL_ARCSEC, Mode
from ..products.events import EventList
from ..products.gti import GTI
from .background import Neighbours, find_neighbours
from .centroid import SourceFinder
from .extracted import Extraction, ExtractionParameters, SnapshotRegion
from .geometry import pixel_to_sky, sky_to_pixel
from .inputs import ExtractedEvents
from .notes import Notes
from .region_rules import (
    BACKGROUND_PIX,
    FEWEST_EVENTS,
    FIRST_RADIUS_PIX,
    Measurement,
    background_limits,
    net_rate_cps,
    pileup_radius_pix,
    pixels_inside,
    unpiled_radius_pix,
)
from .regions import Aperture, aperture
from .snapshots import Snapshot, split_snapshots

__all__ = ["Extraction", "ExtractionParameters", "SnapshotRegion", "extract"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

# A source that sits on a dead column for a while must not give infinite factors.
_MIN_FRACTION = 0.02
_LEAST_RING_PIX = 5.0
_EDGE_FRACTION = 0.98
_LARGE_CORRECTION = 5.0
# Position error (1 sigma) behind the systematic error of windowed timing: the
# 3.5 arcsec (90 per cent) of XRT positions over 2.15.
_POSITION_SIGMA_PIX = 1.6 / PIXEL_ARCSEC

_GENERAL_NOTES = {
    Mode.PC: (
        "PSF swxpsf20010101v004 and vignetting swxvign20010101v001 at 1.5 keV",
        "events in and beside bad pixels count as lost; their places follow the pointing in steps of 10 s",
    ),
    Mode.WT: (
        "PSF swxpsf20010101v004 summed over rows and vignetting swxvign20010101v001 at 1.5 keV",
        "the background strip holds up to 2 per cent of the events of the source",
    ),
}


@dataclass(frozen=True, eq=False)
class _Target:
    """The source in one snapshot: where it is, and its background."""

    place: Aperture
    centroided: bool
    graded: NDArray[np.intp]
    background: NDArray[np.intp]
    inner_pix: float
    outer_pix: float
    area_pix: float
    measured: Measurement

    @classmethod
    def around(
        cls,
        snapshot: Snapshot,
        centre: tuple[float, float],
        centroided: bool,
        neighbours: Neighbours | None,
        chosen: tuple[Flags, Flags],
    ) -> _Target:
        """`chosen` tells of all events which are of the right grade, and which of the right band too."""
        place = aperture(snapshot, *centre)
        graded, kept = (snapshot.index[flags[snapshot.index]] for flags in chosen)
        skip = neighbours.cover if neighbours is not None else None
        inner, outer, area = background_limits(place, skip)
        background = pixels_inside(place, graded, inner, outer, skip)
        density = np.count_nonzero(chosen[1][background]) / area if area else 0.0
        return cls(place, centroided, graded, background, inner, outer, area, Measurement(place, kept, density))

    @property
    def obsid(self) -> str:
        """Observation."""
        return self.place.snapshot.events.obsid


@dataclass(frozen=True, eq=False)
class _Piece:
    """What one snapshot contributes."""

    which: int
    snapshot: Snapshot
    region: SnapshotRegion
    source: NDArray[np.intp]
    background: NDArray[np.intp]
    step_s: Floats
    factor: Floats
    shifted: Floats | None


def extract(
    event_lists: Sequence[EventList], position: SkyCoord, parameters: ExtractionParameters | None = None
) -> Extraction:
    """Take source and background events of a position out of event lists of one mode.

    Each snapshot has its own regions. The radius of the source region follows
    from its raw count rate, measured in 30 pixels and, if that calls for a
    smaller region, once more in it. The background comes from an annulus of
    60 to 190 pixels without other sources (photon counting), or from the strip
    beyond 60 pixels (windowed timing). The correction factor is one over the
    part of the PSF that falls on live pixels of the region, times the
    vignetting, followed in steps of 10 s.

    Parameters
    ----------
    event_lists : sequence of EventList
        Any number of observations, all in one mode, in any order. Time that
        an earlier one covers already is not used again.
    position : `~astropy.coordinates.SkyCoord`
        The source; a scalar.
    parameters : ExtractionParameters, optional
        How to extract.

    Returns
    -------
    extraction : Extraction

    Raises
    ------
    RequestError
        If there is no event list, modes are mixed or `position` is not a single position.
    NoDataError
        If there is no good time, or the position is outside the field of view all the time.

    Examples
    --------
    >>> from swiftxrt.engine.extraction import extract
    >>> from swiftxrt.products.events import EventList
    >>> events = EventList.read("sw00085374001xpcw3po_cl.evt.gz")  # doctest: +SKIP
    >>> extraction = extract([events], events.target_position)  # doctest: +SKIP
    >>> extraction.regions[0].source_radius_pix  # doctest: +SKIP
    25.0
    """
    lists = list(event_lists)
    mode = _checked(lists, position)
    worker = _Extractor(position, parameters or ExtractionParameters(), mode)
    used = GTI.empty()
    for which in sorted(range(len(lists)), key=lambda k: lists[k].gti.start[0] if len(lists[k].gti) else np.inf):
        fresh = lists[which].gti - used
        if fresh != lists[which].gti:
            worker.notes.add("time that another event list covers too was left out", lists[which].obsid)
        used |= lists[which].gti
        worker.add_observation(which, lists[which], fresh)
    return worker.finish(lists)


def _checked(lists: list[EventList], position: SkyCoord) -> Mode:
    if not lists:
        raise RequestError([("event_lists", "at least one event list is needed")], "extraction")
    modes = sorted({events.mode.value for events in lists})
    if len(modes) > 1:
        raise RequestError([("event_lists", f"must be of one mode; got {' and '.join(modes)}")], "extraction")
    if not isinstance(position, SkyCoord) or not position.isscalar:
        raise RequestError([("position", f"a single SkyCoord is needed; got {position!r}")], "extraction")
    return lists[0].mode


class _Extractor:
    """Works through observations and collects the pieces."""

    def __init__(self, position: SkyCoord, parameters: ExtractionParameters, mode: Mode) -> None:
        self.position, self.parameters, self.mode = position, parameters, mode
        self.finder = SourceFinder(parameters)
        self.notes = Notes()
        self.pieces: list[_Piece] = []
        self.nearest_arcmin = np.inf
        self.without_centroid: list[str] = []
        for sentence in _GENERAL_NOTES[mode]:
            self.notes.add(sentence)
        if parameters.super_soft:
            self.notes.add("super-soft source: grade 0 only; the pile-up threshold is the one given")

    def add_observation(self, which: int, events: EventList, gti: GTI) -> None:
        """Extract one event list."""
        x0, y0 = sky_to_pixel(events.wcs, self.position)
        low, high = self.parameters.grade_limits(self.mode)
        graded = (events.grade >= low) & (events.grade <= high)
        first, last = self.parameters.region_channels
        kept = graded & (events.pi >= first) & (events.pi <= last)
        seen = [item for item in split_snapshots(events, gti) if self._in_view(item, x0, y0)]
        if not seen:
            return
        centres = self._centres(seen, kept, x0, y0)
        neighbours = None
        if self.mode is Mode.PC:
            neighbours = find_neighbours(seen, kept, *(centres[0] or (x0, y0)), *BACKGROUND_PIX[Mode.PC])
            if neighbours.radius_pix.size:
                self.notes.add("other sources were left out of the background region", events.obsid)
        targets = [
            _Target.around(snapshot, centre or (x0, y0), centre is not None, neighbours, (graded, kept))
            for snapshot, centre in zip(seen, centres, strict=True)
        ]
        self.pieces += [self._piece(which, target, targets) for target in targets]

    def _in_view(self, snapshot: Snapshot, x0: float, y0: float) -> bool:
        target = aperture(snapshot, x0, y0)
        self.nearest_arcmin = min(self.nearest_arcmin, target.off_axis_arcmin)
        if target.field_fraction(3.0) >= 0.5:
            return True
        self.notes.add("the position is outside the field of view in all or part of", snapshot.events.obsid)
        return False

    def _centres(self, seen: list[Snapshot], kept: Flags, x0: float, y0: float) -> list[tuple[float, float] | None]:
        """Source position in each snapshot; one for the whole observation in photon counting mode."""
        if not self.parameters.centroid:
            return [None] * len(seen)
        if self.mode is Mode.PC:
            found = [self.finder.find(seen, kept, x0, y0)] * len(seen)
        else:
            found = [self.finder.find([snapshot], kept, x0, y0) for snapshot in seen]
        if None in found:
            self.without_centroid.append(seen[0].events.obsid)
            self.notes.add("no centroid; the position given was used", seen[0].events.obsid)
        return found

    def _piece(self, which: int, target: _Target, others: list[_Target]) -> _Piece:
        """Choose the source region of one snapshot; `others` are all of the observation."""
        place = target.place
        snapshot, events = place.snapshot, place.snapshot.events
        radius, hole, rate = self._source_radii(target, others)
        fraction, source_area = place.psf_fractions(hole, radius)
        factor = _factor(fraction, place)
        start_s, length_s, _ = snapshot.steps
        correction = 1.0 / float(np.average(1.0 / factor, weights=length_s))
        self._remark(target, radius, hole, correction)
        centre = pixel_to_sky(events.wcs, place.x_pix, place.y_pix)
        region = SnapshotRegion(
            obsid=events.obsid,
            snapshot=0,  # Numbered when all are known.
            mode=self.mode,
            start_s=float(snapshot.gti.start[0]),
            stop_s=float(snapshot.gti.stop[-1]),
            x_pix=place.x_pix,
            y_pix=place.y_pix,
            ra_deg=float(centre.ra.deg),
            dec_deg=float(centre.dec.deg),
            angle_deg=snapshot.pointing.column_angle_deg,
            source_inner_pix=hole,
            source_radius_pix=radius,
            background_inner_pix=target.inner_pix,
            background_outer_pix=target.outer_pix,
            source_area_pix=source_area,
            background_area_pix=target.area_pix,
            exposure_s=snapshot.gti.exposure_s,
            live_fraction=events.live_fraction,
            net_rate_cps=rate,
            correction=correction,
            psf_fraction=float(np.average(fraction, weights=length_s)),
            off_axis_arcmin=place.off_axis_arcmin,
            centroided=target.centroided,
        )
        inside = pixels_inside(place, target.graded, hole, radius)
        shifted = _shifted_factors(place, hole, radius) if self.mode is Mode.WT else None
        return _Piece(which, snapshot, region, inside, target.background, start_s, factor, shifted)

    def _source_radii(self, target: _Target, others: list[_Target]) -> tuple[float, float, float]:
        """Radius, radius of the hole, and raw net rate (ct/s) without hole."""
        largest = self.parameters.source_radius_max_pix
        first = min(FIRST_RADIUS_PIX, largest)
        rate = net_rate_cps([target.measured], first)
        if rate > self.parameters.pileup_rate(self.mode):
            hole = pileup_radius_pix(rate, self.mode)
            if hole >= first:
                self.notes.add("the source region was enlarged because pile-up spoils all of it", target.obsid)
            return max(first, hole + _LEAST_RING_PIX), hole, rate
        enough = target.measured.counts(first) >= FEWEST_EVENTS
        radius, _ = unpiled_radius_pix([t.measured for t in ([target] if enough else others)], largest)
        return radius, 0.0, net_rate_cps([target.measured], radius)

    def _remark(self, target: _Target, radius: float, hole: float, correction: float) -> None:
        label, place = target.obsid, target.place
        if (target.inner_pix, target.outer_pix) != BACKGROUND_PIX[self.mode]:
            self.notes.add("the background region was enlarged because little of it is in view", label)
        if hole:
            self.notes.add("pile-up: the middle was left out after a fixed table of count rates (approximate)", label)
        if not place.snapshot.pointing.measured:
            self.notes.add("too few events to measure the pointing: bad columns are not accounted for", label)
        if place.field_fraction(radius) < _EDGE_FRACTION:
            self.notes.add("the source region is clipped by the edge of the field of view", label)
        if correction > _LARGE_CORRECTION and not hole:
            self.notes.add("the correction factor is above 5: the rate is uncertain", label)

    def finish(self, lists: list[EventList]) -> Extraction:
        """Put the pieces together, in order of time."""
        if not any(len(events.gti) for events in lists):
            raise NoDataError("the event lists hold no good time; check the time selection")
        if not self.pieces:
            raise NoDataError(
                f"the position {self.position.to_string('hmsdms', precision=1)} is outside the field of view of all "
                f"{len(lists)} {self.mode.value} event lists: at best {self.nearest_arcmin:.1f} arcmin off axis, the "
                "field ends at about 12 arcmin; check the position and the observations"
            )
        ordered = sorted(self.pieces, key=lambda piece: piece.region.start_s)
        pieces = [replace(p, region=replace(p.region, snapshot=k)) for k, p in enumerate(ordered)]
        return Extraction(
            events=_merged(pieces, self.mode, lists[0].frame_s),
            regions=tuple(piece.region for piece in pieces),
            source_masks=_masks(lists, [(piece.which, piece.source) for piece in pieces]),
            background_masks=_masks(lists, [(piece.which, piece.background) for piece in pieces]),
            notes=self.notes.sentences(),
            cautions=tuple(self._cautions(pieces)),
        )

    def _cautions(self, pieces: list[_Piece]) -> Iterator[tuple[str, str]]:
        piled = [piece.region for piece in pieces if piece.region.source_inner_pix > 0]
        if piled:
            rate = max(region.net_rate_cps for region in piled)
            message = (
                f"{len(piled)} of {len(pieces)} {self.mode.value} snapshots are piled up (raw rate up to {rate:.3g} "
                "ct/s): the middle of the source was left out there, after a fixed table of count rates"
            )
            yield PileUpWarning.__name__, message
        if self.without_centroid:
            named = ", ".join(self.without_centroid[:3]) + (", ..." if len(self.without_centroid) > 3 else "")
            number = f"{len(self.without_centroid)} {self.mode.value}"
            message = f"no centroid in {number} observations ({named}): the position given was used"
            yield CentroidWarning.__name__, message


def _factor(fraction: Floats, place: Aperture) -> Floats:
    return 1.0 / (np.maximum(fraction, _MIN_FRACTION) * place.vignetting)


def _shifted_factors(place: Aperture, hole: float, radius: float) -> Floats:
    """Correction factors for the same region if the source lay one standard deviation to either side along DETX."""
    shifts = (-_POSITION_SIGMA_PIX, _POSITION_SIGMA_PIX)
    return np.array([_factor(place.psf_fractions(hole, radius, shift)[0], place) for shift in shifts])


def _masks(lists: list[EventList], parts: list[tuple[int, NDArray[np.intp]]]) -> tuple[Flags, ...]:
    masks = tuple(np.zeros(len(events), dtype=bool) for events in lists)
    for which, index in parts:
        masks[which][index] = True
    return masks


def _merged(pieces: list[_Piece], mode: Mode, frame_s: float) -> ExtractedEvents:
    """Arrays of all snapshots, sorted by time."""

    def gathered(part: str) -> tuple[Floats, Any, Floats]:
        indexed = [(piece.snapshot.events, getattr(piece, part)) for piece in pieces]
        time_s = np.concatenate([events.met_mid_s[index] for events, index in indexed])
        pi = np.concatenate([events.pi[index] for events, index in indexed]).astype(np.int64)
        ratio = np.concatenate([np.full(getattr(p, part).size, p.region.ratio) for p in pieces])
        order = np.argsort(time_s, kind="stable")
        return time_s[order], pi[order], ratio[order]

    intervals = [(start, stop, piece.region) for piece in pieces for start, stop in piece.snapshot.gti]
    intervals.sort(key=lambda item: item[0])
    step_s = np.concatenate([piece.step_s for piece in pieces])
    order = np.argsort(step_s, kind="stable")
    shifted = [piece.shifted for piece in pieces if piece.shifted is not None]
    source_time_s, source_pi, _ = gathered("source")
    background_time_s, background_pi, background_ratio = gathered("background")
    return ExtractedEvents(
        mode=mode.value,
        frame_s=frame_s,
        source_time_s=source_time_s,
        source_pi=source_pi,
        background_time_s=background_time_s,
        background_pi=background_pi,
        background_ratio=background_ratio,
        gti_start_s=np.array([start for start, _, _ in intervals]),
        gti_stop_s=np.array([stop for _, stop, _ in intervals]),
        gti_snapshot=np.array([region.snapshot for _, _, region in intervals], dtype=np.int64),
        gti_obsid=np.array([region.obsid for _, _, region in intervals]),
        gti_ratio=np.array([region.ratio for _, _, region in intervals]),
        correction_time_s=step_s[order],
        correction_factor=np.concatenate([piece.factor for piece in pieces])[order],
        correction_shifted=np.concatenate(shifted, axis=1)[:, order] if shifted else None,
    )
