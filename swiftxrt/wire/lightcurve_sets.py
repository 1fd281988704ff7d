"""From the datasets of one reply to a set of light curves with its variants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..bands import EnergyBand
from ..products._dataset_curves import build_set, empty_curve, rate_plan, ratio_plan
from ..products._datasets import SUFFIXES, Dataset, nest
from ..products.lightcurve import LightCurveSet
from .lightcurve_names import CATALOGUE_BANDS, CATALOGUE_RATIOS, ORIGINS, DatasetName

__all__ = ["catalogue_set", "job_set"]

_Named = Sequence[tuple[DatasetName, Dataset]]


def job_set(
    found: _Named, *, listed: Collection[str], bands: tuple[EnergyBand, EnergyBand, EnergyBand], **common: Any
) -> LightCurveSet:
    """The set of a job, burst or transient: the least flagged curves, others its variants.

    Parameters
    ----------
    found : sequence of (DatasetName, Dataset)
        What could be read.
    listed : collection of str
        Suffixes of all datasets listed, damaged ones too. Where all without
        flag are damaged the set is empty: flagged ones do not take their place.
    bands : tuple of EnergyBand
        Total, soft and hard band.
    **common
        As for `~swiftxrt.products._dataset_curves.build_set`.
    """
    groups = {suffix: [dataset for name, dataset in found if name.suffix == suffix] for suffix in SUFFIXES}
    sets = {suffix: build_set(group, bands=bands, **common) for suffix, group in groups.items() if group}
    if "" not in sets and "" in listed:
        attributes = {name: value for name, value in common.items() if name != "mjd"}
        sets = {"": LightCurveSet(empty_curve(band=bands[0], **attributes)), **sets}
    return nest(sets)


def catalogue_set(found: _Named, **common: Any) -> LightCurveSet:
    """The set of a catalogued source; bins of one origin are variants if the origins were sent apart.

    Parameters
    ----------
    found : sequence of (DatasetName, Dataset)
        What could be read.
    **common
        As for `~swiftxrt.products._dataset_curves.build_set`.
    """
    origins = {name.origin for name, _ in found}
    variants = {
        variant: LightCurveSet(**_by_curve([pair for pair in found if pair[0].origin == origin], common))
        for origin, variant in ORIGINS.items()
        if origin in origins
    }
    return LightCurveSet(**_by_curve(_grouped(found), common), variants=variants)


def _grouped(found: _Named) -> _Named:
    """Each bin once: retrospective detections rather as rates, bins without detection rather as limits."""
    preferred = {"retro": "", "nondet": "UL"}
    there = {(name.curve, name.origin, name.kind) for name, _ in found}
    return [
        (name, dataset)
        for name, dataset in found
        if name.kind in ("HR", wanted := preferred.get(name.origin, name.kind))
        or (name.curve, name.origin, wanted) not in there
    ]


def _by_curve(found: _Named, common: dict[str, Any]) -> dict[str, Any]:
    def of(curve: str) -> list[Dataset]:
        return [dataset for name, dataset in found if name.curve == curve]

    curves: dict[str, Any] = {"total": rate_plan(of("total"), band=CATALOGUE_BANDS["total"], **common)}
    for curve, band in CATALOGUE_BANDS.items():
        if datasets := of(curve):
            curves[curve] = rate_plan(datasets, band=band, **common)
    for curve, (soft, hard) in CATALOGUE_RATIOS.items():
        if datasets := of(curve):
            curves[curve] = ratio_plan(
                datasets,
                soft=CATALOGUE_BANDS[soft],
                hard=CATALOGUE_BANDS[hard],
                definition="(hard-soft)/(hard+soft)",
                **common,
            )
    return curves
