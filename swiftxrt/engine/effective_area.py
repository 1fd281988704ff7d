"""Effective area and redistribution that belong to a spectrum.

The area of a region is the area on axis, times the vignetting at its place,
times the part of the PSF that falls on live pixels of the region, each as a
function of energy. A spectrum is the sum over snapshots with regions of their
own; its area is the mean over these, weighted with the counts that each gave
(with the exposures where there are none).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import FormatError, NoDataError
from ..mission import N_CHANNELS, Mode
from ..products.calibration import CALIBRATION_FILE, Calibration, is_embedded
from ..products.response import ARF, RMF
from .extracted import PSF_ENERGIES_KEV, SnapshotRegion
from .psf import vignetting
from .spectrum import SpectrumCounts

__all__ = ["Response", "area_of_regions", "region_loss", "response_of"]

Floats = NDArray[np.float64]

#: The embedded tables describe the time since 2013-01-01, in MET seconds.
_EMBEDDED_SINCE_MET = 378_691_210.0
_EMBEDDED_NOTE = (
    "effective area and redistribution are embedded approximations (10 %, more below 0.4 keV); give the CALDB for those "
    "of the mode and date"
)
_OLD_NOTE = "the embedded redistribution is that of 2013; the CCD resolved better, and lines were elsewhere, before"
_GRADES_NOTE = "the embedded redistribution is that of all grades; with fewer the area is too large by some 10 %"


@dataclass(frozen=True)
class Response:
    """Response of one spectrum.

    Parameters
    ----------
    arf : ARF
        Effective area of its regions.
    rmf : RMF
        Redistribution.
    notes : tuple of str
        What they are made from, and every approximation.
    """

    arf: ARF
    rmf: RMF
    notes: tuple[str, ...]


def response_of(
    counts: SpectrumCounts,
    grades: tuple[int, int],
    calibration: Calibration,
    substrates: Mapping[str, int | None] | None = None,
) -> Response:
    """Effective area and redistribution of a spectrum.

    Parameters
    ----------
    counts : SpectrumCounts
        What was counted where.
    grades : tuple of int
        Lowest and highest event grade.
    calibration : Calibration
        Where area, redistribution, PSF and vignetting come from.
    substrates : mapping of str to int, optional
        Substrate voltage (V) by ObsID; that of the date where it is not known.

    Returns
    -------
    response : Response

    Raises
    ------
    NoDataError
        If no region has live pixels, or the calibration has no file for mode,
        grades and date.
    FormatError
        If a calibration file is damaged or of another mission.
    """
    weights = _weights(counts)
    main = counts.regions[int(np.argmax(weights))]
    mode, met = Mode(counts.mode), float(main.start_s)
    voltage = (substrates or {}).get(main.obsid)
    on_axis, rmf = (read(mode, grades, met, voltage) for read in (calibration.arf, calibration.rmf))
    if rmf.matrix.shape[1] != N_CHANNELS:
        name = rmf.header.get(CALIBRATION_FILE, "the redistribution matrix")
        raise FormatError(f"{name} has {rmf.matrix.shape[1]} channels; spectra of the XRT have {N_CHANNELS}")
    arf = area_of_regions(counts.regions, weights, on_axis, rmf, calibration)
    files = dict.fromkeys(str(part.header.get(CALIBRATION_FILE, "")) for part in (on_axis, rmf))
    notes = [f"effective area: {' and '.join(calibration.sources[:2])}; {', '.join(filter(None, files))}"]
    if is_embedded(on_axis) or is_embedded(rmf):
        notes.append(_EMBEDDED_NOTE)
        notes += [_OLD_NOTE] if met < _EMBEDDED_SINCE_MET else []
        notes += [_GRADES_NOTE] if grades != mode.grades else []
    elif len({_epoch(one, mode, grades, calibration, substrates) for one in counts.regions}) > 1:
        notes.append("the data reach over several redistribution matrices; that of most counts was taken")
    return Response(arf, rmf, tuple(notes))


def _epoch(
    region: SnapshotRegion,
    mode: Mode,
    grades: tuple[int, int],
    calibration: Calibration,
    substrates: Mapping[str, int | None] | None,
) -> str:
    """Name of the matrix of a snapshot; nothing where there is none."""
    try:
        rmf = calibration.rmf(mode, grades, region.start_s, (substrates or {}).get(region.obsid))
    except NoDataError:
        return ""
    return str(rmf.header.get(CALIBRATION_FILE, ""))


def _weights(counts: SpectrumCounts) -> Floats:
    """How much each region counts: by its events, or by its time if there is none in all."""
    seen = np.array([max(region.psf_fractions) > 0 for region in counts.regions])
    if not seen.any():
        raise NoDataError("the source region has no live pixels: there is no effective area; take another region")
    by_counts = counts.region_counts * seen
    return np.asarray(by_counts if by_counts.sum() else counts.region_exposure_s * seen, dtype=float)


def area_of_regions(
    regions: Sequence[SnapshotRegion], weights: Floats, on_axis: ARF, rmf: RMF, calibration: Calibration
) -> ARF:
    """Mean effective area of regions on the energies of a redistribution matrix.

    Parameters
    ----------
    regions : sequence of SnapshotRegion
        The source regions.
    weights : ndarray, shape (n_region,)
        Not all zero.
    on_axis : ARF
        Area on axis without loss of PSF.
    rmf : RMF
        Gives the energies.
    calibration : Calibration
        Vignetting.

    Returns
    -------
    arf : ARF
    """
    edges_kev = rmf.energy_edges.value
    middle_kev = (edges_kev[1:] + edges_kev[:-1]) / 2
    loss = np.average([region_loss(region, middle_kev, calibration) for region in regions], axis=0, weights=weights)
    area = on_axis.area_at(middle_kev * u.keV) * loss
    return ARF(energy_edges=rmf.energy_edges, effective_area=area, header=dict(on_axis.header))


def region_loss(region: SnapshotRegion, energy_kev: Floats, calibration: Calibration) -> Floats:
    """Area of a region relative to that on axis without loss: vignetting times PSF fraction.

    Parameters
    ----------
    region : SnapshotRegion
        The region.
    energy_kev : ndarray
        Photon energies in keV.
    calibration : Calibration
        Vignetting.

    Returns
    -------
    loss : ndarray
        Between 0 and 1.
    """
    fraction = np.interp(energy_kev, PSF_ENERGIES_KEV, region.psf_fractions)
    return np.asarray(fraction * vignetting(energy_kev, region.off_axis_arcmin, calibration.vignetting))
