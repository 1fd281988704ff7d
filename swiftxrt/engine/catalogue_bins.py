"""Counts of the sources of a catalogue in data sets and their snapshots, all in the same circle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..mission import FIELD_RADIUS_ARCMIN
from .catalogue_fields import FieldImages, FieldSearch, in_bands
from .catalogue_rates import BAND_NAMES, Bins, joined
from .detection import Detection
from .detection_field import BANDS, Field
from .limits import LEAST_COVERAGE, RADIUS_PIX, Apertures, measure_apertures
from .psf import KingPSF
from .snapshots import Snapshot, live_time_s, split_snapshots

__all__ = ["measure_field"]

Floats = NDArray[np.float64]

# Sources farther from all pointings than this are not on the image.
_REACH_ARCMIN = 2.0 * FIELD_RADIUS_ARCMIN
# A ring around a core that pile-up spoils reaches so many times as far.
_RING_FACTOR = 4.0
# The pointing of snapshots is followed to this (pixels).
_PRECISION_PIX = 1.0


def measure_field(images: FieldImages, search: FieldSearch, places: SkyCoord) -> tuple[Bins, Bins]:
    """Measure sources in a data set, and in each of its snapshots.

    The circle has the radius of the upper limits; around a core that pile-up
    spoils in any band it is a ring. What sources outside spread into it counts
    as background. The background of a snapshot, and its correction factor,
    are those of the data set for the part of the exposure that it has at the
    source.

    Parameters
    ----------
    images : FieldImages
        Of the data set.
    search : FieldSearch
        What was found in it.
    places : `~astropy.coordinates.SkyCoord`, shape (n,)
        Of the sources.

    Returns
    -------
    whole, snapshots : Bins
        Rows for the sources that it covers. A stack has no snapshots.
    """
    pointings = SkyCoord([events.pointing.icrs for events in images.data_set.lists])
    near = np.flatnonzero(np.any(places[:, None].separation(pointings[None, :]).arcmin <= _REACH_ARCMIN, axis=1))
    x, y = images.pixels(places[near])
    known = in_bands(lambda name: images.known(name, search.points(name)))
    inner = _spoilt_pix({name: detection for name, (_, detection) in known.items()}, x, y)
    exposure_s = images.data_set.exposure_s
    found = {name: _apertures(*known[name], x, y, inner, exposure_s) for name in BAND_NAMES}
    seen = np.flatnonzero(found["total"].observed)
    whole = _whole(images, search, {name: _taken(one, seen) for name, one in found.items()}, near[seen])
    if images.data_set.kind == "stack" or not seen.size:
        return whole, whole[:0]
    return whole, _in_snapshots(images, known["total"][0], whole, x[seen], y[seen], inner[seen])


def _spoilt_pix(detections: dict[str, Detection], x: Floats, y: Floats) -> Floats:
    """Radius that pile-up spoils around each place; 0 where it does not."""
    spoilt = np.zeros(x.shape)
    for source in (one for detection in detections.values() for one in detection.sources if one.hole_pix > 0):
        here = np.hypot(source.x_pix - x, source.y_pix - y) <= RADIUS_PIX
        spoilt[here] = np.maximum(spoilt[here], source.hole_pix)
    return spoilt


def _outer_pix(inner: Floats) -> Floats:
    return np.maximum(RADIUS_PIX, _RING_FACTOR * inner)


def _apertures(field: Field, detection: Detection, x: Floats, y: Floats, inner: Floats, exposure_s: float) -> Apertures:
    """Counts in circles, and in rings where pile-up spoils the core."""
    found = measure_apertures(field, detection, x, y, exposure_s)
    for row in np.flatnonzero(inner > 0):
        outer = float(_outer_pix(inner[row]))
        disc = field.disc(x[row], y[row], outer, float(inner[row]))
        here = [one for one in detection.sources if np.hypot(one.x_pix - x[row], one.y_pix - y[row]) <= RADIUS_PIX]
        own = sum(float(one.expected(field, disc).sum()) for one in here)
        share = field.psf(x[row], y[row]).pixel_fractions(disc.x_pix - x[row], disc.y_pix - y[row])
        seen_s = float((share * disc.of(field.source_s)).sum())
        found.counts[row] = disc.sum(field.counts)
        found.background[row] = disc.sum(detection.background) + max(disc.sum(detection.model) - own, 0.0)
        found.correction_factor[row] = exposure_s / seen_s if seen_s > 0 else np.nan
    return found


def _taken(found: Apertures, rows: NDArray[np.int64]) -> Apertures:
    return Apertures(*(values[rows] for values in vars(found).values()))


def _whole(images: FieldImages, search: FieldSearch, found: dict[str, Apertures], sources: NDArray[np.int64]) -> Bins:
    """The rows of the data set as a whole: those of one band after those of the other."""
    lists = images.data_set.lists
    parts = []
    for band, name in enumerate(BAND_NAMES):
        one = found[name]
        parts.append(
            Bins(
                source=sources,
                data_set=np.full(sources.size, search.number),
                snapshot=np.zeros(sources.size, dtype=int),
                band=np.full(sources.size, band),
                counts=one.counts,
                background=one.background,
                factor=one.correction_factor,
                exposure_s=np.full(sources.size, images.data_set.exposure_s),
                source_s=one.source_s,
                off_axis=one.off_axis_arcmin,
                start_met=np.full(sources.size, min(float(events.gti.start[0]) for events in lists)),
                stop_met=np.full(sources.size, max(float(events.gti.stop[-1]) for events in lists)),
            )
        )
    return joined(parts)


def _in_snapshots(images: FieldImages, field: Field, whole: Bins, x: Floats, y: Floats, inner: Floats) -> Bins:
    """The rows of all snapshots of an observation."""
    circles = _Pixels(field, images.corner, x, y, inner)
    snapshots = [one for events in images.data_set.lists for one in split_snapshots(events)]
    seen_s = np.array([circles.seen_s(one) for one in snapshots]).reshape(len(snapshots), x.size)
    together = seen_s.sum(axis=0)
    hot = {id(events): mask for events, mask in zip(images.data_set.lists, images.hot, strict=True)}
    parts = []
    for number, (snapshot, own_s) in enumerate(zip(snapshots, seen_s, strict=True), start=1):
        share = np.divide(own_s, together, out=np.zeros(x.size), where=together > 0)
        covered = np.flatnonzero(own_s >= LEAST_COVERAGE * snapshot.gti.exposure_s * circles.total)
        counts = circles.counts(snapshot, hot[id(snapshot.events)])
        rows = np.concatenate([band * x.size + covered for band in range(len(BAND_NAMES))])
        part = whole[rows]
        part_share = np.tile(share[covered], len(BAND_NAMES))
        length_s = snapshot.gti.exposure_s
        parts.append(
            part.replaced(
                snapshot=np.full(rows.size, number),
                counts=counts[:, covered].ravel(),
                background=part.background * part_share,
                factor=part.factor * (length_s / images.data_set.exposure_s) / part_share,
                exposure_s=np.full(rows.size, length_s),
                source_s=part.source_s * part_share,
                start_met=np.full(rows.size, float(snapshot.gti.start[0])),
                stop_met=np.full(rows.size, float(snapshot.gti.stop[-1])),
            )
        )
    return joined(parts)


class _Pixels:
    """Pixels of circles or rings in the image of an observation: arrays with one row for each source.

    Parameters
    ----------
    field : Field
        The part of the image that was seen, in the total band.
    corner : (int, int)
        Row and column of its first pixel.
    x, y, inner : ndarray
        Places in its pixels, and radius of what is left out of each.
    """

    def __init__(self, field: Field, corner: tuple[int, int], x: Floats, y: Floats, inner: Floats) -> None:
        outer = _outer_pix(inner)
        half = int(np.ceil(outer.max())) + 1
        reach = np.arange(-half, half + 1)
        down, across = (part.ravel() for part in np.meshgrid(reach, reach, indexing="ij"))
        dx, dy = (np.rint(axis)[:, None] + shift - axis[:, None] for axis, shift in ((x, across), (y, down)))
        radius = np.hypot(dx, dy)
        inside = (radius <= outer[:, None]) & (radius >= inner[:, None])
        angle = np.array([field.value(field.off_axis_arcmin, *place) for place in zip(x, y, strict=True)])
        psf = KingPSF.at(BANDS["total"].energy_kev, angle[:, None], field.coefficients)
        self.share = np.asarray(psf.pixel_fractions(dx, dy)) * inside
        self.total = self.share.sum(axis=1)
        # In pixels of the observation.
        self.x, self.y = x + corner[1], y + corner[0]
        self.column, self.row = dx + self.x[:, None], dy + self.y[:, None]
        self.inner, self.outer = inner, outer

    def seen_s(self, snapshot: Snapshot) -> Floats:
        """Good time of a snapshot at the sources, weighted with the profile."""
        live = live_time_s([snapshot], self.column, self.row, _PRECISION_PIX)
        return np.asarray((self.share * live).sum(axis=1))

    def counts(self, snapshot: Snapshot, hot: NDArray[np.bool_]) -> Floats:
        """Events of a snapshot, one row for each band."""
        events = snapshot.events
        index = snapshot.index[~hot[snapshot.index]]
        column, row = np.rint(events.x[index].astype(float)), np.rint(events.y[index].astype(float))
        in_band = np.array([(events.pi[index] >= low) & (events.pi[index] <= high) for low, high in _channels()])
        counts = np.zeros((len(BAND_NAMES), self.x.size))
        for number in range(self.x.size):
            radius = np.hypot(column - self.x[number], row - self.y[number])
            inside = (radius <= self.outer[number]) & (radius >= self.inner[number])
            counts[:, number] = in_band[:, inside].sum(axis=1)
        return counts


def _channels() -> Sequence[tuple[int, int]]:
    return [BANDS[name].channels for name in BAND_NAMES]
