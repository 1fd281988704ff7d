"""What an extraction is asked for and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import BACKSCALE_AREA_PIX, Mode
from .inputs import ExtractedEvents
from .selection import in_intervals, select_good_time

__all__ = ["Extraction", "ExtractionParameters", "SnapshotRegion"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ExtractionParameters:
    """How source and background events are chosen.

    Parameters
    ----------
    centroid : bool
        Look for the source around the position given.
    method : str
        ``"simple"`` (barycentre) or ``"iterative"`` (fit of the profile), see
        `swiftxrt.engine.centroid`.
    tolerance_arcmin : float
        How far from the position given the source may be.
    attempts : int
        After so many observations in a row without a centroid no more is tried.
    pileup_rate_pc, pileup_rate_wt : float
        Raw count rates in ct/s above which the middle of the region is left out.
    source_radius_max_pix : float
        Largest radius of the source region.
    super_soft : bool
        Use single-pixel events (grade 0) only.
    grades : tuple of int, optional
        Lowest and highest grade; those of the mode when not given.
    region_channels : tuple of int
        First and last PI channel of the events that choose the regions; events
        of all channels are extracted.
    """

    centroid: bool = True
    method: str = "simple"
    tolerance_arcmin: float = 1.0
    attempts: int = 10
    pileup_rate_pc: float = 0.6
    pileup_rate_wt: float = 150.0
    source_radius_max_pix: float = 30.0
    super_soft: bool = False
    grades: tuple[int, int] | None = None
    region_channels: tuple[int, int] = (30, 1000)

    def __post_init__(self) -> None:
        problems = []
        if self.method not in ("simple", "iterative"):
            problems.append(("method", f"must be 'simple' or 'iterative'; got {self.method!r}"))
        for name in ("tolerance_arcmin", "attempts", "pileup_rate_pc", "pileup_rate_wt", "source_radius_max_pix"):
            if not getattr(self, name) > 0:
                problems.append((name, f"must be positive; got {getattr(self, name)!r}"))
        if problems:
            raise RequestError(problems, "extraction")

    def grade_limits(self, mode: Mode) -> tuple[int, int]:
        """Lowest and highest grade in force."""
        return (0, 0) if self.super_soft else self.grades or mode.grades

    def pileup_rate(self, mode: Mode) -> float:
        """Threshold of pile-up in ct/s."""
        return self.pileup_rate_pc if mode is Mode.PC else self.pileup_rate_wt


@dataclass(frozen=True)
class SnapshotRegion:
    """The regions used in one snapshot and what they hold.

    Parameters
    ----------
    obsid : str
        Observation.
    snapshot : int
        Running number over all observations, as in `ExtractedEvents`.
    mode : Mode
        In windowed timing the radii are half lengths along DETX.
    start_s, stop_s : float
        First and last MET of good time.
    x_pix, y_pix : float
        Centre in 0-based sky pixels of the observation.
    ra_deg, dec_deg : float
        The same, ICRS.
    angle_deg : float
        Position angle on the image (from x to y) of the DETX direction.
    source_inner_pix, source_radius_pix : float
        Source region; the inner radius is 0 unless there is pile-up.
    background_inner_pix, background_outer_pix : float
        Background region.
    source_area_pix, background_area_pix : float
        Live areas in square sky pixels, averaged over the snapshot.
    exposure_s : float
        Good time; dead time is not taken off.
    live_fraction : float
        Live time over good time.
    net_rate_cps : float
        Raw rate less background in the source region without hole.
    correction : float
        Mean factor from raw to corrected counts (PSF, dead pixels, vignetting at 1.5 keV).
    psf_fraction : float
        Fraction of the source's events that the region holds, dead pixels considered.
    off_axis_arcmin : float
        Angle from the optical axis.
    centroided : bool
        Whether the source was found; otherwise the position given was used.
    """

    obsid: str
    snapshot: int
    mode: Mode
    start_s: float
    stop_s: float
    x_pix: float
    y_pix: float
    ra_deg: float
    dec_deg: float
    angle_deg: float
    source_inner_pix: float
    source_radius_pix: float
    background_inner_pix: float
    background_outer_pix: float
    source_area_pix: float
    background_area_pix: float
    exposure_s: float
    live_fraction: float
    net_rate_cps: float
    correction: float
    psf_fraction: float
    off_axis_arcmin: float
    centroided: bool

    @property
    def ratio(self) -> float:
        """Source area over background area."""
        return self.source_area_pix / self.background_area_pix if self.background_area_pix else 0.0

    @property
    def source_backscale(self) -> float:
        """BACKSCAL of the source region."""
        return self.source_area_pix / BACKSCALE_AREA_PIX

    @property
    def background_backscale(self) -> float:
        """BACKSCAL of the background region."""
        return self.background_area_pix / BACKSCALE_AREA_PIX


@dataclass(frozen=True, eq=False)
class Extraction:
    """Extracted events of one mode, and how they were extracted.

    Parameters
    ----------
    events : ExtractedEvents
        What light curves and spectra are made from.
    regions : tuple of SnapshotRegion
        In order of time; `SnapshotRegion.snapshot` is the position here.
    source_masks, background_masks : tuple of ndarray of bool
        For each event list given, which of its events are in the regions.
    notes : tuple of str
        Every approximation and everything unusual, one sentence each.
    cautions : tuple of (str, str)
        What the user should be warned of: class of the warning and text.
    """

    events: ExtractedEvents
    regions: tuple[SnapshotRegion, ...]
    source_masks: tuple[Flags, ...]
    background_masks: tuple[Flags, ...]
    notes: tuple[str, ...]
    cautions: tuple[tuple[str, str], ...] = ()

    def with_centroid(self) -> ExtractedEvents | None:
        """The events of the snapshots in which the source was found; None if there is none."""
        found = np.array([region.centroided for region in self.regions])[self.events.gti_snapshot]
        if found.all():
            return self.events
        if not found.any():
            return None
        part = select_good_time(self.events, found)
        kept = in_intervals(part.correction_time_s, part.gti_start_s, part.gti_stop_s)
        shifted = part.correction_shifted
        return replace(
            part,
            correction_time_s=part.correction_time_s[kept],
            correction_factor=part.correction_factor[kept],
            correction_shifted=None if shifted is None else shifted[:, kept],
        )

    @property
    def position(self) -> SkyCoord:
        """Centre of the source region, ICRS; mean over the snapshots, weighted by exposure."""
        centres = SkyCoord([item.ra_deg for item in self.regions], [item.dec_deg for item in self.regions], unit="deg")
        weights = np.array([item.exposure_s for item in self.regions])
        mean = SkyCoord(*(centres.cartesian.xyz.value @ weights), representation_type="cartesian")
        return SkyCoord(mean.spherical.lon, mean.spherical.lat)
