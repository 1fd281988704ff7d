"""Upper limits at positions: from event lists to a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from ..met import met_to_time
from ..mission import FIELD_RADIUS_ARCMIN, PIXEL_ARCSEC, Mode
from ..products.calibration import Calibration
from ..products.events import EventList
from ..products.limits import DETECTION, LIMIT, SOURCE_NEARBY, band_names, limit_table
from .calibration import EMBEDDED
from .detection_field import BANDS
from .limit_fields import LimitFields
from .limits import RADIUS_PIX, Apertures, measure_apertures
from .merge_limits import DEFAULT_CONFIDENCE, check_probability, limit_columns, merge_upper_limits, outcomes

__all__ = ["DATA", "DataSet", "LimitSettings", "data_sets", "make_limits", "merged_limits"]

Floats = NDArray[np.float64]
Columns = dict[str, Any]

#: What limits are made from.
DATA = ("deepest", "all", "observations", "stack", "merged")

# Observations that point to within this of each other make one stack: their
# fields of view share at least a third of their area.
_STACK_ARCMIN = 12.0
# Positions farther from a pointing than this are not on its image.
_REACH_ARCMIN = 2.0 * FIELD_RADIUS_ARCMIN
_WIDEST_ARCSEC = 120.0


@dataclass(frozen=True)
class LimitSettings:
    """How limits are made; see `swiftxrt.SwiftXRTClass.get_upper_limits` for the meaning.

    Parameters
    ----------
    bands : str or sequence of str
        Names of bands, or ``"all"``.
    data : {"deepest", "all", "observations", "stack", "merged"}
        Which data sets.
    detections_as_rates : bool
        Whether detections are given as rates.
    confidence : float
        Of the limits.
    detection_threshold : float, optional
        Of detections; that of the limits by default.
    radius : `~astropy.units.Quantity`, optional
        Of the circles; 12 pixels by default.

    Raises
    ------
    RequestError
        If a value cannot be used.
    """

    bands: str | Sequence[str] = "total"
    data: str = "deepest"
    detections_as_rates: bool = False
    confidence: float = DEFAULT_CONFIDENCE
    detection_threshold: float | None = None
    radius: u.Quantity | None = None

    def __post_init__(self) -> None:
        check_probability("confidence", self.confidence)
        check_probability("detection_threshold", self.threshold)
        band_names(self.bands)
        if self.data not in DATA:
            hint = nearest(self.data, DATA) if isinstance(self.data, str) else ""
            text = f"must be one of {', '.join(map(repr, DATA))}; got {self.data!r:.60}{hint}"
            raise RequestError([("data", text)], "upper limits")
        if not isinstance(self.detections_as_rates, bool | np.bool_):
            text = f"must be True or False; got {self.detections_as_rates!r:.60}"
            raise RequestError([("detections_as_rates", text)], "upper limits")
        if self.radius is not None and not _is_radius(self.radius):
            text = f"must be an angle above 0 and up to {_WIDEST_ARCSEC:.0f} arcsec; got {self.radius!r:.60}"
            raise RequestError([("radius", text)], "upper limits")

    @property
    def threshold(self) -> float:
        """Of detections."""
        return self.confidence if self.detection_threshold is None else self.detection_threshold

    @property
    def names(self) -> tuple[str, ...]:
        """Of the bands."""
        return band_names(self.bands)

    @property
    def radius_pix(self) -> float:
        """Of the circles."""
        return RADIUS_PIX if self.radius is None else float(self.radius.to_value(u.arcsec)) / PIXEL_ARCSEC


def _is_radius(value: Any) -> bool:
    right = isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.arcsec)
    return right and bool(0.0 < value.to_value(u.arcsec) <= _WIDEST_ARCSEC)


def make_limits(
    event_lists: Sequence[EventList],
    positions: SkyCoord,
    settings: LimitSettings = LimitSettings(),
    *,
    calibration: Calibration = EMBEDDED,
    progress: Callable[[str], None] = lambda note: None,
    fields: LimitFields | None = None,
) -> QTable:
    """Upper limits at positions.

    Parameters
    ----------
    event_lists : sequence of EventList
        Those of windowed timing, and those without good time, are left out.
    positions : `~astropy.coordinates.SkyCoord`, shape (n,)
        Where.
    settings : LimitSettings, optional
        How.
    calibration : Calibration, optional
        For the correction factors: point spread function and vignetting.
    progress : callable, optional
        Told what comes next; it may raise to stop the work.
    fields : LimitFields, optional
        What is known of the data sets, with their calibration; what is not is found out and kept there.

    Returns
    -------
    limits : `~astropy.table.QTable`
        For each position one row for each data set that observed it, or one
        row that says that none did.
    """
    places = positions.icrs
    usable = [events for events in event_lists if events.mode is Mode.PC and events.gti.exposure_s > 0]
    usable = [events for events, near in zip(usable, _near(usable, places), strict=True) if near.any()]
    usable.sort(key=lambda events: float(events.gti.start[0]))
    fields = LimitFields(calibration, most_bytes=0) if fields is None else fields
    parts = []
    for data_set in data_sets(usable, settings.data):
        parts.append(_measured(data_set, places, settings, fields, progress))
    columns = _joined(parts, len(places), settings)
    if settings.data == "deepest":
        columns = _deepest(columns)
    used = [fields.calibration.psf(Mode.PC).name, fields.calibration.vignetting.name]
    return _table(columns, places, settings, used)


@dataclass(frozen=True)
class DataSet:
    """Observations that are measured together."""

    lists: tuple[EventList, ...]

    @property
    def kind(self) -> str:
        """``"stack"`` or ``"observation"``."""
        return "stack" if len(self.obsids) > 1 else "observation"

    @property
    def obsids(self) -> tuple[str, ...]:
        """What is in it."""
        return tuple(dict.fromkeys(events.obsid for events in self.lists))

    @property
    def title(self) -> str:
        """For messages."""
        return self.obsids[0] if self.kind == "observation" else f"stack of {len(self.obsids)} observations"

    @property
    def exposure_s(self) -> float:
        """Good time."""
        return float(sum(events.gti.exposure_s for events in self.lists))


def _near(lists: Sequence[EventList], places: SkyCoord) -> NDArray[np.bool_]:
    """Which places lie near the pointings: one row for each event list."""
    vectors = places.icrs.cartesian.xyz.value.T
    return _arcmin(_directions(lists)[:, None], vectors[None]) <= _REACH_ARCMIN


def _directions(lists: Sequence[EventList]) -> Floats:
    """Unit vectors to the pointings; the coordinates of many at once cost as much as those of one."""
    made = np.zeros((len(lists), 3))
    frames = np.array([str(events.header["RADESYS"]).lower() for events in lists], dtype=object)
    for frame in set(frames.tolist()):
        here = np.flatnonzero(frames == frame)
        ra, dec = ([float(lists[row].header[name]) for row in here] for name in ("RA_PNT", "DEC_PNT"))
        made[here] = SkyCoord(ra, dec, unit="deg", frame=frame).icrs.cartesian.xyz.value.T
    return made


def _arcmin(one: Floats, other: Floats) -> Floats:
    """Angles between unit vectors, exact for small ones."""
    chord = np.linalg.norm(one - other, axis=-1)
    return np.asarray(np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))) * 60.0)


def data_sets(lists: Sequence[EventList], data: str) -> Iterator[DataSet]:
    """The data sets that have to be measured, stacks first.

    Parameters
    ----------
    lists : sequence of EventList
        Photon counting mode, with good time.
    data : str
        One of `DATA`.
    """
    directions = _directions(lists)
    stacks: list[list[int]] = []
    for row, direction in enumerate(directions):
        found = next((one for one in stacks if _arcmin(directions[one[0]], direction) <= _STACK_ARCMIN), None)
        if found is None:
            stacks.append([row])
        else:
            found.append(row)
    together = [DataSet(tuple(lists[row] for row in one)) for one in stacks]
    if data in ("deepest", "stack"):
        yield from together
        return
    if data == "all":
        yield from (one for one in together if one.kind == "stack")
    obsids = dict.fromkeys(events.obsid for events in lists)
    yield from (DataSet(tuple(events for events in lists if events.obsid == obsid)) for obsid in obsids)


def _measured(
    data_set: DataSet,
    places: SkyCoord,
    settings: LimitSettings,
    fields: LimitFields,
    progress: Callable[[str], None],
) -> Columns:
    """Columns of one data set, one row for each position that it observed."""
    progress(data_set.title)
    lists = data_set.lists
    # Beyond the hemisphere of the tangent point there is no pixel.
    near = np.flatnonzero(_near(lists, places).any(axis=0))
    known = fields.of(lists)
    if not known.is_seen:
        return {"position_number": near[:0]}
    row, column = known.corner
    x, y = (np.asarray(axis, dtype=float) for axis in known.wcs.world_to_pixel(places[near]))
    found: dict[str, Apertures] = {}
    for band in (BANDS[name] for name in settings.names):
        progress(f"{data_set.title}, {band.name} band")
        where = (x - column, y - row, data_set.exposure_s)
        found[band.name] = measure_apertures(*known.searched(band), *where, radius_pix=settings.radius_pix)
    return _columns(data_set, found, near)


def _columns(data_set: DataSet, found: dict[str, Apertures], near: NDArray[np.int64]) -> Columns:
    """What was found, for the positions that were observed, without limits."""
    first = next(iter(found.values()))
    seen = np.flatnonzero(first.observed)
    every = {
        "dataset": data_set.kind,
        "obsid": data_set.obsids[0] if data_set.kind == "observation" else "",
        "n_observations": len(data_set.obsids),
        "start_met": min(float(events.gti.start[0]) for events in data_set.lists),
        "stop_met": max(float(events.gti.stop[-1]) for events in data_set.lists),
        "image_exposure": data_set.exposure_s,
    }
    columns: Columns = {"position_number": near[seen], **{k: np.full(seen.size, v) for k, v in every.items()}}
    columns |= {"source_exposure": first.source_s[seen], "off_axis": first.off_axis_arcmin[seen]}
    columns["nearest_source"] = first.nearest_arcsec[seen]
    for name, one in found.items():
        columns[f"{name}_counts"] = one.counts[seen]
        columns[f"{name}_background_counts"] = one.background[seen]
        columns[f"{name}_correction_factor"] = one.correction_factor[seen]
    return columns


def _joined(parts: Sequence[Columns], n_places: int, settings: LimitSettings) -> Columns:
    """The rows of all data sets by position, with a row for each position that nobody observed."""
    filled = [part for part in parts if part["position_number"].size]
    seen = [part["position_number"] for part in filled]
    missing = np.setdiff1d(np.arange(n_places), np.concatenate([*seen, np.zeros(0, dtype=int)]))
    unknown = ("off_axis", "nearest_source", "start_met", "stop_met")
    unknown += tuple(f"{name}_correction_factor" for name in settings.names)
    zero = ("n_observations", "image_exposure", "source_exposure")
    zero += tuple(f"{name}_{what}" for name in settings.names for what in ("counts", "background_counts"))
    empty: Columns = {"position_number": missing}
    empty |= {name: np.full(missing.size, "") for name in ("dataset", "obsid")}
    empty |= {name: np.full(missing.size, np.nan) for name in unknown}
    empty |= {name: np.zeros(missing.size) for name in zero}
    columns = {name: np.concatenate([*(part[name] for part in filled), empty[name]]) for name in empty}
    order = np.argsort(columns["position_number"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _deepest(columns: Columns) -> Columns:
    """Of each position, the row with the longest exposure there."""
    order = np.lexsort((-columns["source_exposure"], columns["position_number"]))
    _, first = np.unique(columns["position_number"][order], return_index=True)
    return {name: values[order[first]] for name, values in columns.items()}


def _table(columns: Columns, places: SkyCoord, settings: LimitSettings, calibration: list[str]) -> QTable:
    observed = columns["image_exposure"] > 0
    columns["position"] = places[columns["position_number"]]
    for name in ("start", "stop"):
        met = columns.pop(f"{name}_met")
        columns[name] = met_to_time(np.where(observed, met, 0.0))
        if not observed.all():
            columns[name][~observed] = np.ma.masked
    merging = settings.data == "merged"
    detected = np.zeros(observed.shape, dtype=bool)
    for band in settings.names:
        parts = [columns[f"{band}_{name}"] for name in ("counts", "background_counts", "correction_factor")]
        made = limit_columns(
            *parts,
            columns["image_exposure"],
            settings.confidence,
            settings.threshold,
            rates=settings.detections_as_rates or merging,
        )
        columns |= {f"{band}_{name}": values for name, values in made.items()}
        detected |= made.get("is_detected", detected)
    columns["outcome"] = outcomes(observed, detected)
    columns["confidence"] = np.full(observed.shape, settings.confidence)
    table = limit_table(
        columns,
        meta={
            "detection_threshold": settings.threshold,
            "radius": f"{settings.radius_pix * PIXEL_ARCSEC:.3f} arcsec",  # FITS headers hold no quantities
            "calibration": calibration,
        },
    )
    return merged_limits(table, settings) if merging else table


def merged_limits(table: QTable, settings: LimitSettings) -> QTable:
    """The rows of each position together, as they were asked for.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Upper limits of single observations.
    settings : LimitSettings
        What was asked for.
    """
    merged = merge_upper_limits(
        table, confidence=settings.confidence, detection_threshold=settings.threshold, bands=settings.names
    )
    if not settings.detections_as_rates:
        ends = ("_rate", "_rate_err_neg", "_rate_err_pos", "_is_detected")
        merged.remove_columns([name for name in merged.colnames if name.endswith(ends)])
        named = np.asarray(
            merged["catalog_source"] if "catalog_source" in merged.colnames else np.full(len(merged), "")
        )
        outcome = np.asarray(merged["outcome"], dtype=object)
        merged["outcome"] = np.where(outcome == DETECTION, np.where(named != "", SOURCE_NEARBY, LIMIT), outcome).astype(
            str
        )
    return merged
