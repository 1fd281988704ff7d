"""Rows of the sources and transients of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord

from ....catalog_fields import fields_of
from ....engine.catalogue import Catalogue, obsid_of
from ....engine.catalogue_matching import Neighbour, UniqueSource, nearest_neighbours
from ....engine.catalogue_rates import BAND_NAMES, RATIOS, Bins
from ....engine.catalogue_transients import Transient
from ....engine.detection_quality import Quality
from .clock import uk_date
from .numbers import COORDINATES, designation, number

__all__ = ["SourceRows", "transient_details"]

Row = dict[str, Any]

_N = len(BAND_NAMES)
_DIFFUSE = 2


class SourceRows:
    """Makes the rows of the sources.

    Parameters
    ----------
    catalogue : Catalogue
        What was measured.
    flux_per_rate : (float, float) or None
        Observed and unabsorbed flux for a count, if they are known.
    """

    def __init__(self, catalogue: Catalogue, flux_per_rate: tuple[float, float] | None) -> None:
        self.catalogue, self.flux_per_rate = catalogue, flux_per_rate
        self.ratios = {name: catalogue.ratios(name) for name in RATIOS}
        self.constancy = {
            label: self._constancy(snapshots) for label, snapshots in (("Snapshot", True), ("ObsID", False))
        }
        self.searches = {one.number: one for one in catalogue.searches}

    def _constancy(self, snapshots: bool) -> dict[str, Any]:
        bands = self.catalogue.constancy(snapshots=snapshots).reshape(-1, _N)
        named = {f"band{band}": bands[:, band] for band in range(_N)}
        return named | {name: self.catalogue.ratio_constancy(name, snapshots=snapshots) for name in RATIOS}

    @cached_property
    def neighbours(self) -> dict[str, list[Neighbour]]:
        """Of each source, among all and among those that are good or reasonable."""
        ra, dec = np.array([source.best.place for source in self.catalogue.sources]).reshape(-1, 2).T
        fine = [source.best.quality <= Quality.REASONABLE for source in self.catalogue.sources]
        return {"": nearest_neighbours(ra, dec), "OK": nearest_neighbours(ra, dec, fine)}

    def rows(self) -> list[Row]:
        """One for each source, with all columns."""
        names = [name for name, field in fields_of("LSXPS", "sources").items() if field.kind != "table"]
        made = [self._row(index, source) for index, source in enumerate(self.catalogue.sources)]
        return [{name: row.get(name) for name in names} for row in made]

    def _row(self, index: int, source: UniqueSource) -> Row:
        best = source.best
        ra, dec = best.place
        galactic = SkyCoord(ra, dec, unit="deg").galactic
        row: Row = {
            "LSXPS_ID": source.number,
            "IAUName": designation("LSXPS", ra, dec),
            "RA": round(ra, COORDINATES),
            "Decl": round(dec, COORDINATES),
            "Err90": round(best.err90_arcsec, 6),
            "AstromType": 0,
            "l": round(float(galactic.l.deg), COORDINATES),
            "b": round(float(galactic.b.deg), COORDINATES),
            "DetFlag": int(best.quality),
            "FieldFlag": _DIFFUSE if self.searches[best.data_set].uneven else 0,
            "BestDetectionID": best.number,
            "IsPotentialAlias": 0,
            "WhichPow": None if self.flux_per_rate is None else 0,
        }
        for label, neighbours in self.neighbours.items():
            near = neighbours[index]
            row[f"Nearest{label}Neighbour"] = number(near.arcsec)
            row[f"Nearest{label}Neighbour_ID"] = None if near.row < 0 else self.catalogue.sources[near.row].number
        row |= self._coverage(index, source) | self._spectral(index)
        for band in range(_N):
            row |= self._of_band(index, band, source)
        row |= self._fluxes(row)
        return row

    def _coverage(self, index: int, source: UniqueSource) -> Row:
        """How long, and when, it was observed and detected."""
        observed = self.catalogue.observed
        here = observed[observed.source == index]
        total = here[here.band == 0]
        blind = np.isin(total.data_set, [one.data_set for one in source.members])
        found = blind | np.isin(total.data_set, here.data_set[here.is_detected])
        whole = self.catalogue.bins
        members = (whole.source == index) & (whole.band == 0)
        members &= np.isin(whole.data_set, [one.data_set for one in source.members])
        row: Row = {
            "Exposure": float(total.source_s.sum()),
            "MeanOffAxisAngle": number(whole.off_axis[members].mean()) if members.any() else None,
            "NumObs": len(total),
            "NumDetObs": int(found.sum()),
            "NumBlindDetObs": int(blind.sum()),
            "HasSpec": int(found.any()),
        }
        for name, chosen in (("Obs", np.ones(len(total), dtype=bool)), ("Det", found), ("BlindDet", blind)):
            first = number(total.start_met[chosen].min()) if chosen.any() else None
            last = number(total.stop_met[chosen].max()) if chosen.any() else None
            row |= {f"First{name}MET": first, f"Last{name}MET": last}
            row |= {f"First{name}Date": uk_date(first), f"Last{name}Date": uk_date(last)}
        return row

    def _spectral(self, index: int) -> Row:
        row: Row = {}
        for name, ratio in self.ratios.items():
            row[name] = number(ratio.value[index])
            row[f"{name}_pos"] = number(ratio.err_pos[index])
            row[f"{name}_neg"] = number(-ratio.err_neg[index])
        for label, columns in self.constancy.items():
            row |= {f"PvarPchi{label}_{name}": number(values[index]) for name, values in columns.items()}
        return row

    def _of_band(self, index: int, band: int, source: UniqueSource) -> Row:
        slot = index * _N + band
        mean, end = self.catalogue.means, f"_band{band}"
        flags = [one.detections[BAND_NAMES[band]] for one in source.members if BAND_NAMES[band] in one.detections]
        row: Row = {
            f"DetFlag{end}": min((int(one.quality) for one in flags), default=-1),
            f"Counts{end}": number(mean.counts[slot]),
            f"BgCounts{end}": number(mean.background[slot]),
            f"RateCF{end}": number(mean.factor[slot]),
            f"NonBlindDet{end}": int(mean.is_detected[slot]),
            f"UL{end}": number(mean.limit[slot]),
            **_rate(f"Rate{end}", mean, slot),
        }
        peak = int(self.catalogue.peaks[slot])
        return row | (_rate(f"PeakRate{end}", self.catalogue.moments, peak) if peak >= 0 else {})

    def _fluxes(self, row: Row) -> Row:
        """Fluxes for the assumed power law."""
        if self.flux_per_rate is None:
            return {}
        made: Row = {}
        for kind, factor in zip(("", "Unabs"), self.flux_per_rate, strict=True):
            made |= dict.fromkeys((f"{which}PowECF{'U' if kind else 'O'}" for which in ("", "Fixed")), factor)
            for end in ("", "_pos", "_neg"):
                mean, peak = row.get(f"Rate_band0{end}"), row.get(f"PeakRate_band0{end}")
                flux = None if mean is None else mean * factor
                made |= {f"Pow{kind}Flux{end}": flux, f"FixedPow{kind}Flux{end}": flux}
                made[f"PowPeak{kind}Flux{end}"] = None if peak is None else peak * factor
        return made


def _rate(name: str, bins: Bins, row: int) -> Row:
    neg, pos = bins.errors
    return {name: number(bins.rate[row]), f"{name}_pos": number(pos[row]), f"{name}_neg": number(-neg[row])}


def transient_details(
    transient: Transient, index: int, catalogue: Catalogue, sources: Mapping[int, Row], made: str
) -> Row:
    """All that is known of a transient; its columns of the table are among them."""
    searches = {one.number: one for one in catalogue.searches}
    best = transient.discovery.best
    ra, dec = best.place
    galactic = SkyCoord(ra, dec, unit="deg").galactic
    source = sources[transient.source.number]
    search = searches[transient.discovery.data_set]
    start = min(float(events.gti.start[0]) for events in search.data_set.lists)
    obsids = [obsid_of(searches[one], catalogue.searches) for one in transient.data_sets]
    limit_obsid = obsid_of(searches[transient.limit_data_set], catalogue.searches)
    row: Row = dict.fromkeys(fields_of("LSXPS", "transient"))
    return row | {
        "TransientID": index,
        "IAUName": designation("Swift", ra, dec),
        "LSXPS_ID": transient.source.number,
        "LSXPSName": source["IAUName"],
        "RA": round(ra, COORDINATES),
        "Decl": round(dec, COORDINATES),
        "Err90": round(best.err90_arcsec, 6),
        "l": round(float(galactic.l.deg), COORDINATES),
        "b": round(float(galactic.b.deg), COORDINATES),
        "DiscoveryDatasetID": search.number,
        "ObsSourceID": transient.discovery.number,
        **_rate("PeakRateAtDetection", transient.peak, 0),
        **_rate("PeakSoftMedBandRateAtDetection", transient.soft_medium, 0),
        "Significance": number(transient.significance),
        "DetectionMET": start,
        "DetectionDate": uk_date(start),
        "DiscoveryDate": made,
        "UpperLimitSource_Canned": "LSXPS",
        "LSXPS_UpperLimit": transient.limit,
        "LSXPS_UpperLimit_ObsID": limit_obsid,
        "LSXPS_UpperLimit_ObsID_Live": 1,
        "BestUpperLimitSource": "LSXPS",
        "BestUpperLimit": transient.limit,
        "BestUpperLimitBand": "0.3 &#8212; 10 keV",
        "DiscoveryObs": search.data_set.obsids[0],
        "DiscoveryDatasetProgress": "live",
        "DetFlag": int(best.quality),
        **dict.fromkeys(("HasLC", "HasLCCountBin", "HasLCObsBin", "HasLCSnapshotBin"), 1),
        "HasInitialSpectrum": 1,
        "HasFullSpectrum": 1,
        "AllNewObs": obsids,
        "AllNewTargs": sorted({int(obsid[:8]) for obsid in obsids}),
    }
