"""Source and background events of a position, with everything needed to turn counts into rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import CentroidWarning, NoDataError, PileUpWarning, RequestError
from ..mission import Mode
from ..products._merging import uncovered
from ..products.events import EventList
from ..products.gti import GTI
from .background import find_neighbours
from .centroid import SourceFinder
from .extracted import Extraction, ExtractionParameters, SnapshotRegion
from .geometry import sky_to_pixel
from .joined_parts import joined
from .notes import Notes
from .piled_intervals import part_of, piled_time
from .pileup import find_pileup
from .region_rules import (
    BACKGROUND_PIX,
    FEWEST_EVENTS,
    FIRST_RADIUS_PIX,
    net_rate_cps,
    unpiled_radius_pix,
)
from .regions import REFERENCE_KEV, XRTLCCORR, aperture
from .snapshots import Snapshot, split_snapshots
from .source_parts import Piece, Surroundings, Target
from .user_regions import UserRegion

__all__ = ["Extraction", "ExtractionParameters", "SnapshotRegion", "extract"]

Flags = NDArray[np.bool_]

_LEAST_RING_PIX = 5.0
_EDGE_FRACTION = 0.98
_LARGE_CORRECTION = 5.0
_LITTLE_PSF = 0.1

_GENERAL_NOTES = {
    Mode.PC: (
        "PSF {psf} and vignetting {vignetting} at 1.5 keV",
        "bad pixels, and those beside the ones known when events were made, count as lost; their places follow the "
        "pointing in steps of 10 s",
    ),
    Mode.WT: (
        "PSF {psf} summed over rows and vignetting {vignetting} at 1.5 keV",
        "the background strip holds up to 2 per cent of the events of the source",
    ),
}
_PILEUP_NOTES = {
    "profile": "pile-up: the middle was left out as far as its profile falls short of the PSF",
    "surface brightness": "pile-up: few events; the middle was left out where the PSF is brighter than 4 counts per "
    "frame and square arcminute",
    "columns": "pile-up: columns in the middle were left out until the rest is below the threshold and its colour settled",
    "table": "pile-up: the middle was left out after a fixed table of count rates (approximate)",
}


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
    vignetting, followed in steps of 10 s. While the source is bright enough
    for pile-up, the middle is left out (`swiftxrt.engine.pileup`); if that is
    for a part of a snapshot only, this part has regions of its own.

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
    _check(lists, position)
    worker = _Extractor(position, parameters or ExtractionParameters(), lists)
    order = sorted(range(len(lists)), key=lambda k: lists[k].gti.start[0] if len(lists[k].gti) else np.inf)
    for which, fresh in zip(order, uncovered([lists[k] for k in order]), strict=True):
        if fresh != lists[which].gti:
            worker.notes.add("time that another event list covers too was left out", lists[which].obsid)
        worker.add_observation(which, lists[which], fresh)
    return worker.finish(lists)


def _check(lists: list[EventList], position: SkyCoord) -> None:
    if not lists:
        raise RequestError([("event_lists", "at least one event list is needed")], "extraction")
    modes = sorted({events.mode.value for events in lists})
    if len(modes) > 1:
        raise RequestError([("event_lists", f"must be of one mode; got {' and '.join(modes)}")], "extraction")
    if not isinstance(position, SkyCoord) or not position.isscalar:
        raise RequestError([("position", f"a single SkyCoord is needed; got {position!r}")], "extraction")


class _Extractor:
    """Works through observations and collects the pieces."""

    def __init__(self, position: SkyCoord, parameters: ExtractionParameters, lists: list[EventList]) -> None:
        self.position, self.parameters, self.mode = position, parameters, lists[0].mode
        self.finder = SourceFinder(parameters)
        self.notes = Notes()
        self.pieces: list[Piece] = []
        self.snapshots = 0
        self.nearest_arcmin = np.inf
        self.missed: UserRegion | None = None
        self.without_centroid: list[str] = []
        self.bright_cps = 0.0
        first = min(lists, key=lambda events: events.gti.start[0] if len(events.gti) else np.inf)
        self.own = [
            None if text is None else UserRegion(name, text, first)
            for name in ("source_region", "background_region")
            for text in (getattr(parameters, name),)
        ]
        calibration = parameters.calibration
        for sentence in _GENERAL_NOTES[self.mode]:
            names = {"psf": calibration.psf(self.mode).name, "vignetting": calibration.vignetting.name}
            self.notes.add(sentence.format(**names))
        if parameters.super_soft:
            self.notes.add("super-soft source: grade 0 only; the pile-up threshold is the one given")
        if parameters.compat == XRTLCCORR:
            self.notes.add("correction factors as those of xrtlccorr, whose profile hardly changes over the field")

    def add_observation(self, which: int, events: EventList, gti: GTI) -> None:
        """Extract one event list."""
        x0, y0 = sky_to_pixel(events.wcs, self.position)
        low, high = self.parameters.grade_limits(self.mode)
        graded = (events.grade >= low) & (events.grade <= high)
        first, last = self.parameters.region_channels
        kept = graded & (events.pi >= first) & (events.pi <= last)
        snapshots = split_snapshots(events, gti)
        for note in dict.fromkeys(note for snapshot in snapshots for note in snapshot.notes):
            self.notes.add(note)
        seen = [item for item in snapshots if self._in_view(item, x0, y0)]
        around = Surroundings(self.parameters, graded, kept, None, *self.own)
        seen = [item for item in seen if self._regions_in_view(around, item, x0, y0)]
        if not seen:
            return
        centres = self._centres(seen, kept, x0, y0)
        if self.mode is Mode.PC and around.background is None:
            around = self._without_neighbours(around, seen, centres[0] or (x0, y0))
        targets = [
            Target.of(snapshot, centre or (x0, y0), centre is not None, around)
            for snapshot, centre in zip(seen, centres, strict=True)
        ]
        for target in targets:
            for piece in self._pieces_of(which, target, targets):
                self.pieces.append(replace(piece, region=replace(piece.region, snapshot=self.snapshots)))
            self.snapshots += 1

    def _in_view(self, snapshot: Snapshot, x0: float, y0: float) -> bool:
        target = aperture(snapshot, x0, y0)
        self.nearest_arcmin = min(self.nearest_arcmin, target.off_axis_arcmin)
        if target.field_fraction(3.0) >= 0.5:
            return True
        self.notes.add("the position is outside the field of view in all or part of", snapshot.events.obsid)
        return False

    def _regions_in_view(self, around: Surroundings, snapshot: Snapshot, x0: float, y0: float) -> bool:
        """Whether regions of the user's own have pixels in the field of view."""
        for name, own, region in zip(
            ("source", "background"), self.own, around.regions(snapshot, (x0, y0)), strict=True
        ):
            if own is None:
                continue
            label, part = snapshot.events.obsid, region.field_fraction(FIRST_RADIUS_PIX)
            if part <= 0:
                self.missed = own
                self.notes.add(f"the {name} region is outside the field of view in all or part of", label)
                return False
            if part < _EDGE_FRACTION and name == "background":
                self.notes.add("the background region is clipped by the edge of the field of view", label)
        return True

    def _without_neighbours(
        self, around: Surroundings, seen: list[Snapshot], centre: tuple[float, float]
    ) -> Surroundings:
        psf = aperture(seen[0], *centre, self.parameters.calibration).psf_at(REFERENCE_KEV)
        neighbours = find_neighbours(seen, around.kept, *centre, *BACKGROUND_PIX[Mode.PC], psf)
        if neighbours.radius_pix.size:
            self.notes.add("other sources were left out of the background region", seen[0].events.obsid)
        return replace(around, neighbours=neighbours)

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

    def _pieces_of(self, which: int, target: Target, others: list[Target]) -> Iterator[Piece]:
        """The snapshot, or its piled-up part and the rest; `others` are all of the observation."""
        whole, threshold = target.place.snapshot, self.parameters.pileup_rate(self.mode)
        first = min(FIRST_RADIUS_PIX, self.parameters.source_radius_max_pix)
        if self.own[0] is not None:
            yield self._with_own_region(which, target, threshold)
            return
        piled = piled_time(target.measured, threshold, first)
        if len(piled):
            bright = target.during(part_of(whole, piled))
            found = find_pileup(bright.measured, threshold)
            if found.radius_pix:
                yield self._piled_piece(which, bright, found.radius_pix, found.method)
                rest = whole.gti - piled
                if not len(rest):
                    return
                target = target.during(part_of(whole, rest))
        yield self._plain_piece(which, target, others)

    def _piled_piece(self, which: int, target: Target, hole: float, method: str) -> Piece:
        first = min(FIRST_RADIUS_PIX, self.parameters.source_radius_max_pix)
        radius, rate = max(first, hole + _LEAST_RING_PIX), net_rate_cps([target.measured], first)
        if hole >= first:
            self.notes.add("the source region was enlarged because pile-up spoils all of it", target.obsid)
        self.notes.add(_PILEUP_NOTES[method], target.obsid)
        return self._remarked(Piece.of(which, target, radius, hole, rate, method), target)

    def _plain_piece(self, which: int, target: Target, others: list[Target]) -> Piece:
        largest = self.parameters.source_radius_max_pix
        enough = target.measured.counts(min(FIRST_RADIUS_PIX, largest)) >= FEWEST_EVENTS
        radius, _ = unpiled_radius_pix([t.measured for t in ([target] if enough else others)], largest)
        rate = net_rate_cps([target.measured], radius)
        return self._remarked(Piece.of(which, target, radius, 0.0, rate, ""), target)

    def _with_own_region(self, which: int, target: Target, threshold: float) -> Piece:
        rate = net_rate_cps([target.measured], FIRST_RADIUS_PIX)
        if rate > threshold:
            self.bright_cps = max(self.bright_cps, rate)
        piece = Piece.of(which, target, FIRST_RADIUS_PIX, 0.0, rate, "")
        if piece.region.psf_fraction < _LITTLE_PSF:
            self.notes.add("the source region holds less than a tenth of the source's events", target.obsid)
        return self._remarked(piece, target)

    def _remarked(self, piece: Piece, target: Target) -> Piece:
        """Note what is unusual about a piece."""
        label, region, place = target.obsid, piece.region, target.place
        if not target.has_usual_background:
            self.notes.add("the background region was enlarged because little of it is in view", label)
        if not region.background_area_pix:
            self.notes.add("no background region is in view: no background was taken off", label)
        if not place.snapshot.pointing.measured:
            self.notes.add("too few events to measure the pointing: bad columns are not accounted for", label)
        if place.field_fraction(region.source_radius_pix) < _EDGE_FRACTION:
            self.notes.add("the source region is clipped by the edge of the field of view", label)
        if region.correction > _LARGE_CORRECTION and not region.source_inner_pix:
            self.notes.add("the correction factor is above 5: the rate is uncertain", label)
        return piece

    def finish(self, lists: list[EventList]) -> Extraction:
        """Put the pieces together, in order of time."""
        if not any(len(events.gti) for events in lists):
            raise NoDataError("the event lists hold no good time; check the time selection")
        if not self.pieces:
            if self.missed is not None:
                raise NoDataError(self.missed.why_nothing(lists))
            raise NoDataError(
                f"the position {self.position.to_string('hmsdms', precision=1)} is outside the field of view of all "
                f"{len(lists)} {self.mode.value} event lists: the position is at best {self.nearest_arcmin:.1f} arcmin "
                "off axis, the field ends at about 12 arcmin; check the position and the observations"
            )
        return joined(self.pieces, lists, notes=self.notes.sentences(), cautions=tuple(self._cautions()))

    def _cautions(self) -> Iterator[tuple[str, str]]:
        piled = [piece.region for piece in self.pieces if piece.region.source_inner_pix > 0]
        if piled:
            rate = max(region.net_rate_cps for region in piled)
            number = len({region.snapshot for region in piled})
            message = (
                f"{number} of {self.snapshots} {self.mode.value} snapshots are piled up, all the time or part of it (raw "
                f"rate up to {rate:.3g} ct/s): the middle of the source was left out there, out to "
                f"{max(region.source_inner_pix for region in piled):.0f} pixels"
            )
            yield PileUpWarning.__name__, message
        if self.bright_cps:
            message = (
                f"the source may be piled up in {self.mode.value} mode (raw rate up to {self.bright_cps:.3g} ct/s); the "
                "source region given was used as it is: cut the middle out of it, or let the engine choose the region"
            )
            yield PileUpWarning.__name__, message
        if self.without_centroid:
            named = ", ".join(self.without_centroid[:3]) + (", ..." if len(self.without_centroid) > 3 else "")
            number_text = f"{len(self.without_centroid)} {self.mode.value}"
            message = f"no centroid in {number_text} observations ({named}): the position given was used"
            yield CentroidWarning.__name__, message
