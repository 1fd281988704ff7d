"""Rows of the datasets, detections and light curves of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ....catalog_fields import fields_of
from ....engine.catalogue import Catalogue, obsid_of
from ....engine.catalogue_fields import FieldSearch
from ....engine.catalogue_matching import DataSource, nearest_neighbours
from ....engine.catalogue_rates import BAND_NAMES, RATIOS, Bins
from ....engine.detection_quality import Quality
from .clock import bjd_of, mjd_of, utc_date
from .numbers import COORDINATES, number

__all__ = ["bin_rows", "data_source_rows", "dataset_rows", "detection_rows", "hardness_rows", "point_rows"]

Row = dict[str, Any]

_DIFFUSE = 2


def dataset_rows(catalogue: Catalogue, made: str) -> list[Row]:
    """One for each dataset, with all that is known of it; some of it is not in the table."""
    stacks = {
        obsid: obsid_of(one, catalogue.searches)
        for one in catalogue.searches
        if one.number in catalogue.stacks
        for obsid in one.data_set.obsids
    }
    found = [one.data_set for source in catalogue.sources for one in source.members]
    covered = catalogue.bins[catalogue.bins.band == 0].data_set
    rows = []
    for search in catalogue.searches:
        obsid = obsid_of(search, catalogue.searches)
        row: Row = {name: None for name in fields_of("LSXPS", "dataset") if name not in ("OK", "Sources")}
        row |= _facts(search, obsid) | _times(search)
        row |= {
            "LiveDate": made,
            "inStack": [int(stacks[obsid])] if obsid in stacks else [],
            "SourcesThisField": found.count(search.number),
            "NumAllSources": int((covered == search.number).sum()),
        }
        for band, name in enumerate(BAND_NAMES):
            row |= _of_band(search, name, f"_band{band}")
        rows.append(row)
    return rows


def _facts(search: FieldSearch, obsid: str) -> Row:
    events = search.data_set.lists[0]
    is_stack = search.data_set.kind == "stack"
    place = events.pointing.icrs
    galactic = place.galactic
    target = None if is_stack else events.target_position
    return {
        "DatasetID": search.number,
        "ObsID": obsid,
        "DataVersion": search.version,
        "IsStackedImage": int(is_stack),
        "IsObsoleteStack": 0,
        "FieldFlag": _DIFFUSE if search.uneven else 0,
        "RA": round(float(place.ra.deg), COORDINATES),
        "Decl": round(float(place.dec.deg), COORDINATES),
        "l": round(float(galactic.l.deg), COORDINATES),
        "b": round(float(galactic.b.deg), COORDINATES),
        "ra_rad": float(place.ra.rad),
        "sindec": float(np.sin(place.dec.rad)),
        "cosdec": float(np.cos(place.dec.rad)),
        "ExposureUsed": search.data_set.exposure_s,
        "ImageSize": search.image_size,
        "TargetID": None if is_stack else int(obsid[:8]),
        "FieldName": f"{'Stack' if is_stack else 'Observation'} {obsid}",
        "TargetObjectName": None if is_stack else events.object_name.strip() or None,
        "TargetObjectRA": None if target is None else round(float(target.icrs.ra.deg), COORDINATES),
        "TargetObjectDec": None if target is None else round(float(target.icrs.dec.deg), COORDINATES),
    }


def _times(search: FieldSearch) -> Row:
    lists = search.data_set.lists
    start = min(float(events.gti.start[0]) for events in lists)
    stop = max(float(events.gti.stop[-1]) for events in lists)
    middle, place = (start + stop) / 2.0, lists[0].pointing.icrs
    return {
        "StartTime_MET": start,
        "StopTime_MET": stop,
        "MidTime_MET": middle,
        "MidTime_TDB": float(bjd_of(middle, float(place.ra.deg), float(place.dec.deg))),
        "MidTime_MJD": float(mjd_of(middle)),
        "StartTime_UTC": utc_date(start),
        "StopTime_UTC": utc_date(stop),
        "NumberOfSnapshots": sum(len(events.gti.snapshots()) for events in lists),
    }


def _of_band(search: FieldSearch, name: str, end: str) -> Row:
    found = search.detections[name]
    places = np.array([one.place for one in found]).reshape(-1, 2)
    apart = [one.arcsec for one in nearest_neighbours(*places.T)] if len(found) > 1 else []
    return {
        f"FieldBG{end}": number(search.background_cps[name]),
        f"NumSrc{end}": len(found),
        f"NumOK{end}": sum(one.quality <= Quality.REASONABLE for one in found),
        f"MedianDist{end}": float(np.median(apart)) if apart else None,
    }


def detection_rows(catalogue: Catalogue) -> list[Row]:
    """One for each detection in a band of a dataset."""
    made = [
        _detection_row(member, band)
        for source in catalogue.sources
        for member in source.members
        for band in member.detections
    ]
    return sorted(made, key=lambda row: int(row["DetectionID"]))


def _detection_row(member: DataSource, band: str) -> Row:
    one = member.detections[band]
    values = one.values
    return {
        "DetectionID": one.number,
        "DatasetID": one.data_set,
        "ObsSourceID": member.number,
        "Band": BAND_NAMES.index(band),
        "Rate": number(values["rate"]),
        "Rate_pos": number(values["rate_err_pos"]),
        "Rate_neg": number(-values["rate_err_neg"]),
        "DetFlag": int(one.quality),
        "CtsInRate": number(values["counts"]),
        "BGCtsInRate": number(values["background_counts"]),
        "SNR": number(values["snr"]),
        "PileupFitted": int(one.point.hole_pix > 0),
        "RA": round(values["ra_deg"], COORDINATES),
        "Decl": round(values["dec_deg"], COORDINATES),
        "Err90": round(one.err90_arcsec, 6),
        **dict.fromkeys(("RA_corrected", "Decl_corrected", "Err90_corrected")),
    }


def data_source_rows(catalogue: Catalogue) -> list[Row]:
    """One for each source of a dataset."""
    made = {name: catalogue.bin_ratios[name, False] for name in RATIOS}
    part = next(iter(made.values())).bins
    rows_of = {key: row for row, key in enumerate(zip(part.source.tolist(), part.data_set.tolist(), strict=True))}
    by_field: dict[int, list[tuple[int, DataSource]]] = {}
    for index, source in enumerate(catalogue.sources):
        for member in source.members:
            by_field.setdefault(member.data_set, []).append((index, member))
    rows = []
    for pairs in by_field.values():
        members = [member for _, member in pairs]
        near = _near(members)
        for place, (index, member) in enumerate(pairs):
            row: Row = {
                "ObsSourceID": member.number,
                "DatasetID": member.data_set,
                "LSXPS_ID": catalogue.sources[index].number,
                "OSNum": member.order,
                "UsedCorrectedPosition": 0,
                "NearestNeighbour": near[0][place],
                "NearestOKNeighbour": near[1][place],
                "Exposure": number(member.best.values["exposure"]),
                "BestBand": BAND_NAMES.index(member.best.band),
                "PileupWarning": int(any(one.point.hole_pix > 0 for one in member.detections.values())),
                "BestDetectionID": member.best.number,
                "IsOrphanSource": 0,
            }
            where = rows_of.get((index, member.data_set))
            for name, one in made.items():
                ratio = one.ratio
                columns = {name: ratio.value, f"{name}_pos": ratio.err_pos, f"{name}_neg": -ratio.err_neg}
                row |= {label: None if where is None else number(values[where]) for label, values in columns.items()}
            rows.append(row)
    return sorted(rows, key=lambda row: int(row["ObsSourceID"]))


def _near(members: Sequence[DataSource]) -> tuple[list[float], list[float]]:
    """Distances of the nearest source of the dataset, and of the nearest good or reasonable one."""
    ra, dec = np.array([one.best.place for one in members]).T
    fine = [one.quality <= Quality.REASONABLE for one in members]
    every, good = nearest_neighbours(ra, dec), nearest_neighbours(ra, dec, fine)
    return [one.arcsec for one in every], [one.arcsec for one in good]


def bin_rows(catalogue: Catalogue, obsids: Mapping[int, str]) -> Iterator[Row]:
    """One for each source, band and dataset, and for each snapshot of observations."""
    for bins in (catalogue.bins, catalogue.snapshots):
        blind, (neg, pos) = catalogue.is_blind(bins), bins.errors
        for row in range(len(bins)):
            data_set, found = int(bins.data_set[row]), bool(bins.is_detected[row])
            yield {
                **_when(bins, row, obsids, catalogue),
                "Band": int(bins.band[row]),
                "IsStack": int(data_set in catalogue.stacks),
                "Counts": number(bins.counts[row]),
                "BgCounts": number(bins.background[row]),
                "CorrFact": number(bins.factor[row]),
                "SourceExposure": number(bins.source_s[row]),
                "OffAxis": number(bins.off_axis[row]),
                "Rate": number(bins.rate[row]),
                "RatePos": number(pos[row]),
                "RateNeg": number(-neg[row]),
                "UpperLimit": number(bins.limit[row]),
                "IsDet": int(found),
                "Origin": "blind" if blind[row] else "retro" if found else "nondet",
            }


def hardness_rows(catalogue: Catalogue, obsids: Mapping[int, str]) -> Iterator[Row]:
    """One for each hardness ratio that is known, of a source in a dataset or snapshot."""
    for (name, _), made in catalogue.bin_ratios.items():
        ratio = made.ratio
        for row in np.flatnonzero(np.isfinite(ratio.value)).tolist():
            yield {
                **_when(made.bins, row, obsids, catalogue),
                "Ratio": name,
                "HR": number(ratio.value[row]),
                "HRPos": number(ratio.err_pos[row]),
                "HRNeg": number(-ratio.err_neg[row]),
                "Origin": "blind" if made.blind[row] else "retro",
            }


def _when(bins: Bins, row: int, obsids: Mapping[int, str], catalogue: Catalogue) -> Row:
    data_set = int(bins.data_set[row])
    return {
        "LSXPS_ID": catalogue.sources[int(bins.source[row])].number,
        "DatasetID": data_set,
        "ObsID": obsids[data_set],
        "Snapshot": int(bins.snapshot[row]),
        "StartMET": float(bins.start_met[row]),
        "StopMET": float(bins.stop_met[row]),
        "Exposure": float(bins.exposure_s[row]),
    }


def point_rows(catalogue: Catalogue) -> list[Row]:
    """The sources as they were fitted, for images with and without them: those of each band of each dataset."""
    return [
        {
            "DetectionID": one.number,
            "DatasetID": one.data_set,
            "Band": BAND_NAMES.index(band),
            **vars(one.point),
        }
        for search in catalogue.searches
        for band, found in search.detections.items()
        for one in found
    ]
