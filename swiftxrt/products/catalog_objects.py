"""Sources and transients of the SXPS catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from .._printable import printable
from ..exceptions import NoDataError, ProtocolError, RequestError
from ..met import fuller_met, met_to_time
from ._catalog_columns import known_met
from ._display import ReadableTable
from .catalog_flags import DetectionFlag, decode_detection_flag
from .catalog_observations import LEADING, band_details, band_word, listed_obsids, observation_table
from .catalog_record import CatalogRecord, catalog_rows, number_or_none

if TYPE_CHECKING:
    from regions import CircleSkyRegion

__all__ = ["CatalogSource", "CatalogTransient"]

_TIMES = ("Obs", "Det", "BlindDet")


class _PointSource(CatalogRecord):
    """What sources and transients have in common."""

    @property
    def error_radius(self) -> u.Quantity | None:
        """Radius of the 90 per cent error circle."""
        return self.get("Err90")

    @property
    def region(self) -> CircleSkyRegion:
        """The error circle.

        Raises
        ------
        NoDataError
            If the catalogue has none.
        """
        if self.error_radius is None or not self.error_radius > 0:
            raise NoDataError(f"the catalogue has no error circle of {self.name}")
        from regions import CircleSkyRegion, RegionMeta

        return CircleSkyRegion(self.position, self.error_radius, meta=RegionMeta({"text": self.name}))

    @property
    def detection_flag(self) -> DetectionFlag | None:
        """What ``DetFlag`` says about it."""
        return decode_detection_flag(self.get("DetFlag", None))

    def _place(self) -> str:
        ra, dec = self.position.to_string("hmsdms", precision=1).split()
        radius = self.error_radius
        error = "" if radius is None else f", radius {radius.value:.2g} arcsec (90%)"
        return f"{ra} {dec}{error}"


class CatalogSource(_PointSource):
    """A source of the SXPS catalogues: all that the service knows about it, by the names of the catalogue.

    It is a mapping: ``source["Rate_band0"]`` is a quantity, ``source["FirstObsMET"]`` a time; None where the
    catalogue has no value. Bands 0 to 3 are 0.3-10, 0.3-1, 1-2 and 2-10 keV.

    Parameters
    ----------
    record : mapping
        The fields as the service sent them.
    catalog : str, optional
        The catalogue.
    asked : str or int, optional
        The name or number that was asked for.

    Raises
    ------
    ProtocolError
        If it has no name, number or position.

    Examples
    --------
    >>> from swiftxrt import CatalogSource
    >>> source = CatalogSource(
    ...     {"IAUName": "LSXPS J062131.8-622213", "LSXPS_ID": 209851, "RA": 95.38255, "Decl": -62.3703, "Err90": 3.5,
    ...      "Rate_band0": 0.02, "DetFlag": 0})
    >>> source
    <CatalogSource LSXPS J062131.8-622213 (209851): 06h21m31.8s -62d22m13.1s, radius 3.5 arcsec (90%), 0.02 ct / s, good>
    >>> source["Rate_band0"], source.position.galactic.b.round(1)
    (<Quantity 0.02 ct / s>, <Latitude -27.2 deg>)
    """

    kind = "source"
    _needed = ("IAUName", "LSXPS_ID", "RA", "Decl")

    @property
    def source_id(self) -> int:
        """Its number in the catalogue; it changes when the source is identified anew."""
        return int(self["LSXPS_ID"])

    @property
    def replaces(self) -> str | int | None:
        """The name or number that was asked for, if the catalogue now has this source in its place, else None."""
        same = self.asked in (None, self.source_id, self.name)
        return None if same else self.asked

    @property
    def times(self) -> QTable:
        """First and last observation and detections, and how well their times are known.

        The catalogue often gives six digits of mission elapsed time only, which
        is half a kilosecond to either side. Where another field holds the same
        time in full, that is taken. Rows ``observation``, ``detection`` (rate
        above zero at 3 sigma) and ``blind_detection``; columns ``event``,
        ``first``, ``first_error``, ``last`` and ``last_error``. Times that are
        not known are masked.
        """
        table = ReadableTable({"event": ["observation", "detection", "blind_detection"]})
        for end in ("first", "last"):
            pairs = [self._met(end, what) for what in _TIMES]
            missing = [pair is None for pair in pairs]
            times = met_to_time(np.array([0.0 if pair is None else pair[0] for pair in pairs]))
            if any(missing):
                times[np.array(missing)] = np.ma.masked
            table[end] = times
            table[f"{end}_error"] = [0.0 if pair is None else pair[1] for pair in pairs] * u.s
        return table

    def _met(self, end: str, what: str) -> tuple[float, float] | None:
        """A MET, and how far it may be off."""
        values = {one: known_met(number_or_none(self._record.get(f"{end.title()}{one}MET"))) for one in _TIMES}
        met = values[what]
        if met is None:
            return None
        ranges = self._record.get("lcRanges")
        limit = ranges.get("MET_lo" if end == "first" else "MET_hi") if isinstance(ranges, Mapping) else None
        return fuller_met(met, [*values.values(), known_met(number_or_none(limit))])

    def _best_time(self, end: str, what: str) -> Time | None:
        pair = self._met(end, what)
        return None if pair is None else met_to_time(pair[0])

    @property
    def first_observation(self) -> Time | None:
        """Start of the first observation of its position; see `times` for how well it is known."""
        return self._best_time("first", "Obs")

    @property
    def last_observation(self) -> Time | None:
        """End of the last observation of its position."""
        return self._best_time("last", "Obs")

    @property
    def first_detection(self) -> Time | None:
        """Start of the first observation with a rate above zero at 3 sigma."""
        return self._best_time("first", "Det")

    @property
    def first_blind_detection(self) -> Time | None:
        """Start of the first observation in which it was found."""
        return self._best_time("first", "BlindDet")

    @property
    def detections(self) -> QTable:
        """The observations in which it was found."""
        return self._part("Detections", "Observations", "source_detections")

    @property
    def stack_detections(self) -> QTable:
        """The stacked images in which it was found."""
        return self._part("Detections", "Stacks", "source_detections")

    @property
    def non_detections(self) -> QTable:
        """The observations in which it was not found, though the rate may be above zero there."""
        return self._part("NonDetections", "Observations", "source_nondetections")

    @property
    def stack_non_detections(self) -> QTable:
        """The stacked images in which it was not found."""
        return self._part("NonDetections", "Stacks", "source_nondetections")

    @property
    def cross_matches(self) -> QTable:
        """Objects of other catalogues near it, the nearest first."""
        return catalog_rows(self._record.get("CrossMatch"), "xcorr", position=("Ext_RA", "Ext_Decl"))

    def band_details(self, band: str = "total") -> QTable:
        """What was measured in a band in each observation: detections, and forced photometry in the others.

        Parameters
        ----------
        band : {"total", "soft", "medium", "hard"}, optional
            The band.

        Returns
        -------
        details : `~astropy.table.QTable`
            A row for each observation that says something about the band.
        """
        rows = [row for part in ("Detections", "NonDetections") for row in self._rows(part, "Observations")]
        return band_details(rows, [f"{band_word(band)}_Info"], leading=LEADING)

    def observations(self, which: str = "all", *, fallback: str | None = None) -> QTable:
        """The observations that cover it, or some of them; stacked images are left out.

        Parameters
        ----------
        which : {"all", "detections", "blind", "retrospective", "non_detections"}, optional
            All; those with a detection of any kind; those in which it was
            found; those in which it was not found, but has a rate above zero at
            3 sigma; those without either.
        fallback : str, optional
            What is taken if there are none of these, for instance ``"all"``.

        Returns
        -------
        observations : `~astropy.table.QTable`
            Columns ``obsid``, ``target_id``, ``detection`` ("blind", "retrospective", "none") and ``dataset_id``.
            Its ``meta["which"]`` says which they are.

        Raises
        ------
        RequestError
            If there is no such choice.
        NoDataError
            If there are none.
        """
        return observation_table(self._record, which, fallback=fallback)

    def _rows(self, part: str, name: str) -> list[Any]:
        group = self._record.get(part)
        rows = group.get(name) if isinstance(group, Mapping) else None
        return rows if isinstance(rows, list) else []

    def _part(self, part: str, name: str, table: str) -> QTable:
        group = self._record.get(part) or {}
        if not isinstance(group, Mapping):
            raise ProtocolError(f"{part!r} was promised to hold tables; got {group!r:.80}")
        return catalog_rows(group.get(name), table)

    def _nested(self, name: str, value: Any) -> Any:
        if name == "CrossMatch":
            return self.cross_matches
        if name not in ("Detections", "NonDetections") or not isinstance(value, Mapping):
            return super()._nested(name, value)
        table = "source_detections" if name == "Detections" else "source_nondetections"
        return {key: catalog_rows(rows, table) if isinstance(rows, list) else rows for key, rows in value.items()}

    def __repr__(self) -> str:
        rate = self.get("Rate_band0")
        parts = [self._place(), "" if rate is None else f"{rate:.3g}", str(self.detection_flag or "")]
        return f"<CatalogSource {self.name} ({self.source_id}): {', '.join(filter(None, parts))}>"


class CatalogTransient(_PointSource):
    """A transient found by the service: all that it knows about it, by the names of the catalogue.

    A mapping like `CatalogSource`.

    Parameters
    ----------
    record : mapping
        The fields as the service sent them.
    catalog : str, optional
        The catalogue.
    asked : str or int, optional
        The name or number that was asked for.

    Raises
    ------
    ProtocolError
        If it has no name, number or position.
    """

    kind = "transient"
    _needed = ("IAUName", "TransientID", "RA", "Decl")

    @property
    def transient_id(self) -> int:
        """Its number among the transients, which is not that of a source."""
        return int(self["TransientID"])

    @property
    def source_id(self) -> int | None:
        """Number of its source in LSXPS; None as long as it is not catalogued there."""
        value = self.get("LSXPS_ID", None)
        return None if value is None else int(value)

    @property
    def classification(self) -> str | None:
        """What it is taken for, such as "Confirmed transient"."""
        return self.get("Classification")

    @property
    def discovery(self) -> Time | None:
        """Start of the observation in which it was discovered, the T0 of its products."""
        return self._time("DetectionMET")

    @property
    def notes(self) -> str:
        """What was written about it; empty if nothing was."""
        return self.get("Notes") or ""

    def observations(self, which: str = "new") -> QTable:
        """The observations since its discovery, or that of the discovery.

        Parameters
        ----------
        which : {"new", "discovery"}, optional
            All from the discovery on, also if they are not in the catalogue yet; or the first of these.

        Returns
        -------
        observations : `~astropy.table.QTable`
            Columns ``obsid`` and ``target_id``.

        Raises
        ------
        RequestError
            If there is no such choice.
        NoDataError
            If none is listed.
        """
        if which not in ("new", "discovery"):
            known = "must be 'new' or 'discovery' for a transient"
            raise RequestError(
                [("which", f"{known}; got {which!r:.60}; other choices are of its source in the catalogue")]
            )
        record = self._record if which == "new" else {"AllNewObs": [self._record.get("DiscoveryObs")]}
        obsids = list(listed_obsids(record, "AllNewObs"))
        if not obsids:
            raise NoDataError(f"no observation is listed for {which!r}")
        return ReadableTable({"obsid": obsids, "target_id": [one[:8] for one in obsids]}, meta={"which": which})

    def __repr__(self) -> str:
        source = f", LSXPS {self.source_id}" if self.source_id is not None else ""
        kind = printable(self.classification or "not classified")
        return f"<CatalogTransient {self.name} ({self.transient_id}{source}): {self._place()}, {kind}>"
