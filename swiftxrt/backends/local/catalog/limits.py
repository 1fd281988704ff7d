"""Upper limits, in the words of the service."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from scipy.special import erf

from ...._threads import DaemonThreads
from ....catalog_fields import catalog_info
from ....engine.catalogue import FIRST_STACK
from ....engine.make_limits import LimitSettings
from ....exceptions import RequestRejectedError, UnknownObjectError
from ....met import time_to_met
from ....products.limits import known_values
from ....wire.sxps_limit_calls import encode_limits, encode_nearby, read_limit_request
from ....wire.sxps_limits import FUNCTION, LimitRequest, Nearby
from ..limits import measure_upper_limits
from .clock import bjd_of, mjd_of, utc_date
from .resolving import Resolved, resolve
from .store import CatalogStore

__all__ = ["FUNCTIONS", "upper_limits"]

#: Seconds after which a caller is told to come back later; that is what the service does.
_PATIENCE_S = 300.0
#: Sources within this are told of.
_NEARBY_ARCSEC = 30.0
#: Limits are worked out side by side, and results wait to be fetched, up to so many.
_WORKERS, _MOST_RESULTS = 2, 1000
#: What begins later is not in a catalogue that does not grow: 2SXPS has data to the end of July 2018.
_ENDS = {"2SXPS": float(time_to_met(Time("2018-08-01", scale="utc")))}
_BANDS = ("total", "soft", "medium", "hard")


class _Desk:
    """Works limits out, and keeps the results that nobody has waited for."""

    def __init__(self) -> None:
        self._workers = DaemonThreads(_WORKERS)
        self._results: dict[str, Future[dict[str, Any]]] = {}
        self._guard = threading.Lock()

    def begin(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of some work, or by what it can be asked for later."""
        return self._result(self._workers.submit(work), secrets.token_hex(8))

    def ask(self, number: str) -> dict[str, Any]:
        """The same for work that was begun earlier; a result is given out once."""
        with self._guard:
            future = self._results.pop(number, None)
        if future is None:
            raise UnknownObjectError(f"The upper limit `{number[:40]}` was not found: ask for the position again")
        return self._result(future, number)

    def _result(self, future: Future[dict[str, Any]], number: str) -> dict[str, Any]:
        if wait([future], timeout=_PATIENCE_S).done:
            return future.result()
        with self._guard:
            self._results[number] = future
            while len(self._results) > _MOST_RESULTS:
                self._results.pop(next(iter(self._results)))
        return {"TIMEOUT": number}


_desks: WeakKeyDictionary[Any, _Desk] = WeakKeyDictionary()
_desks_guard = threading.Lock()


def upper_limits(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Upper limits at a position, or the result of a calculation that took too long.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    content : mapping
        Of the call.
    base_url : str
        Not used.
    """
    request = read_limit_request(content)
    with _desks_guard:
        if catalog not in _desks:
            _desks[catalog] = _Desk()
        desk = _desks[catalog]
    if request.job is not None:
        return desk.ask(request.job)
    if not catalog_info(request.catalog).is_sxps:
        raise RequestRejectedError(f"catalogue must be LSXPS or 2SXPS; got {request.catalog:.60}")
    return desk.begin(lambda: _answer(catalog, request))


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {FUNCTION: upper_limits}


def _answer(catalog: Any, request: LimitRequest) -> dict[str, Any]:
    with catalog.question():  # in a thread of its own
        return _found(catalog, request)


def _found(catalog: Any, request: LimitRequest) -> dict[str, Any]:
    resolved = None if request.name is None else resolve(catalog, request.name)
    place = _place(request, resolved)
    name, store = catalog_info(request.catalog).name, catalog.store
    near = _sources(store, name, place)
    end = _ENDS.get(name)
    settings = _settings(request)
    table = measure_upper_limits(catalog.archive, place, settings, catalog.calibration, end_met=end)
    table = table[known_values(table, "image_exposure")[0] > 0]
    obsids = [str(row["obsid"]) or _stack(store, row) for row in table]
    bins = _bins(store, near[0][0]) if near else {}
    if request.skip_detections:
        keep = [all(bins.get((one, band), {}).get("Origin") != "blind" for band in range(4)) for one in obsids]
        table, obsids = table[keep], [one for one, is_kept in zip(obsids, keep, strict=True) if is_kept]
    made = encode_limits(
        table, obsids, (_told(table["start"], request, place), _told(table["stop"], request, place)), request
    )
    if request.use_catalog_values:
        _use_catalog(made, bins, request)
    found = {"DetData": encode_nearby(one for _, one in near)} if near else {}
    return {**({} if resolved is None else resolved.content), **found, **made}


def _told(times: Time, request: LimitRequest, place: SkyCoord) -> list[Any]:
    """Times as the catalogue tells them."""
    met = np.atleast_1d(time_to_met(times)).tolist()
    ra, dec = float(place.ra.deg[0]), float(place.dec.deg[0])
    tell: dict[str, Callable[[float], Any]] = {
        "cal": utc_date,
        "met": float,
        "mjd": lambda one: float(mjd_of(one)),
        "tdb": lambda one: float(bjd_of(one, ra, dec)),
    }
    return [tell[request.time_format](one) for one in met]


def _place(request: LimitRequest, resolved: Resolved | None) -> SkyCoord:
    ra, dec = (request.ra, request.dec) if resolved is None else (resolved.ra, resolved.dec)
    if ra is None or dec is None or not -90.0 <= dec <= 90.0:
        raise RequestRejectedError(f"RA and Dec must be degrees, Dec between -90 and 90; got {ra!r}, {dec!r}")
    return SkyCoord([ra], [dec], unit="deg", frame="icrs")


def _settings(request: LimitRequest) -> LimitSettings:
    confidence = _confidence(request.sigma, "sigma")
    threshold = request.detection_sigma
    return LimitSettings(
        bands=request.band_names,
        data=request.data,
        detections_as_rates=request.detections_as_rates,
        confidence=confidence,
        detection_threshold=None if threshold is None else _confidence(threshold, "detThresh"),
    )


def _confidence(sigma: float, name: str) -> float:
    """Which part of a normal distribution lies within so many sigmas."""
    confidence = float(erf(sigma / math.sqrt(2.0)))
    if not 0.0 < confidence < 1.0:
        raise RequestRejectedError(f"{name} must be a number of sigmas above 0 and up to 8; got {sigma!r}")
    return confidence


def _sources(store: CatalogStore, catalog: str, place: SkyCoord) -> list[tuple[int, Nearby]]:
    """Sources near a position, the nearest first: their numbers and what replies say."""
    reach = _NEARBY_ARCSEC / 3600.0
    sql = f'SELECT * FROM "{catalog}_sources" WHERE "Decl" BETWEEN ? AND ?'
    dec = float(place.dec.deg[0])
    rows = store.select(sql, [dec - reach, dec + reach]) if store.columns(f"{catalog}_sources") else []
    rows = [row for row in rows if row["RA"] is not None]
    if not rows:
        return []
    places = SkyCoord([row["RA"] for row in rows], [row["Decl"] for row in rows], unit="deg", frame="icrs")
    distances = places.separation(place[0]).arcsec
    pairs = sorted(zip(distances, rows, strict=True), key=lambda pair: float(pair[0]))
    return [
        (int(row[f"{catalog}_ID"]), Nearby(str(row["IAUName"]), float(distance)))
        for distance, row in pairs
        if distance <= _NEARBY_ARCSEC
    ]


def _bins(store: CatalogStore, source: int) -> dict[tuple[str, int], dict[str, Any]]:
    """What the catalogue knows of a source in each data set and band."""
    sql = 'SELECT * FROM bins WHERE "LSXPS_ID" = ? AND "Snapshot" = 0'
    rows = store.select(sql, [source]) if store.columns("bins") else []
    return {(str(row["ObsID"]), int(row["Band"])): row for row in rows}


def _stack(store: CatalogStore, row: Any) -> str:
    """ObsID of the stack of the catalogue that a row is about: the one that lasts as long."""
    names = ("ObsID", "StartTime_MET", "StopTime_MET")
    columns = store.columns("LSXPS_datasets")
    rows = (
        store.select('SELECT * FROM "LSXPS_datasets" WHERE "IsStackedImage" = 1') if set(names) <= set(columns) else []
    )
    if not rows:
        return str(FIRST_STACK)
    times = np.array([[float(one[name]) for name in names[1:]] for one in rows])
    here = np.array([float(time_to_met(row[name])) for name in ("start", "stop")])
    return str(rows[int(np.argmin(np.abs(times - here).sum(axis=1)))]["ObsID"])


def _use_catalog(
    made: dict[str, Any], bins: Mapping[tuple[str, int], Mapping[str, Any]], request: LimitRequest
) -> None:
    """Put what the catalogue says of the position in the place of what was measured."""
    for band in request.band_names:
        title, number = band.capitalize(), _BANDS.index(band)
        for row in made["ULData"]:
            found = bins.get((row["ObsID"], number), {})
            row |= _catalog_values(title, found, request) if found else {}
            row[f"{title}_IsRetrospectiveDetection"] = int(found.get("Origin") == "retro")
            row[f"{title}_DataFromCatalogue"] = int(bool(found))
        made["Columns"] += [f"{title}_IsRetrospectiveDetection", f"{title}_DataFromCatalogue"]


def _catalog_values(title: str, found: Mapping[str, Any], request: LimitRequest) -> dict[str, Any]:
    names = {"UpperLimit": "UpperLimit", "Counts": "Counts", "BGCounts": "BgCounts", "CorrectionFactor": "CorrFact"}
    is_detected = bool(found["IsDet"])
    values = {f"{title}_{theirs}": found[ours] for theirs, ours in names.items()}
    if request.detections_as_rates:
        rates = {f"{title}_{name}": found[name] if is_detected else None for name in ("Rate", "RatePos", "RateNeg")}
        values |= {**rates, f"{title}_IsDetected": int(is_detected)}
    return {name: "NaN" if value is None else value for name, value in values.items()}
