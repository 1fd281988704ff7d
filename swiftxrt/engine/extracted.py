"""What an extraction is asked for and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import BACKSCALE_AREA_PIX, PIXEL_ARCSEC, Mode
from ..products.calibration import Calibration
from .calibration import EMBEDDED
from .inputs import ExtractedEvents
from .regions import WT_HEIGHT_PIX, XRTLCCORR
from .selection import in_intervals, select_good_time

__all__ = ["PSF_ENERGIES_KEV", "Extraction", "ExtractionParameters", "SnapshotRegion"]

Flags = NDArray[np.bool_]

#: Energies of `SnapshotRegion.psf_fractions`; in between the fraction is straight to 0.1 per cent.
PSF_ENERGIES_KEV = (0.3, 1.5, 3.0, 5.0, 7.5, 10.0)


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
    source_region, background_region : str, optional
        Regions of the user's own, as the text of a DS9 file. The source region
        is then the same all the time, whatever the rate, and pile-up is not
        taken out of it.
    calibration : Calibration
        Point spread function and vignetting.
    compat : str, optional
        ``"xrtlccorr"`` works out correction factors as HEASoft's task does,
        see `swiftxrt.engine.regions.XRTLCCORR`.
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
    source_region: str | None = None
    background_region: str | None = None
    calibration: Calibration = EMBEDDED
    compat: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.method not in ("simple", "iterative"):
            problems.append(("method", f"must be 'simple' or 'iterative'; got {self.method!r}"))
        if self.compat not in (None, XRTLCCORR):
            problems.append(("compat", f"must be None or {XRTLCCORR!r}; got {self.compat!r}"))
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
    """The regions used in one snapshot, or in a part of it, and what they hold.

    A snapshot in which the source is piled up for some of the time has two.

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
        Source region; the inner radius is 0 unless there is pile-up. Of a
        region of the user's own, the radius of a circle (half length of a
        strip) of the same area.
    background_inner_pix, background_outer_pix : float
        Background region, likewise.
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
    psf_fractions : tuple of float
        As `psf_fraction` (that of 1.5 keV), at each of `PSF_ENERGIES_KEV`; what effective areas are made with.
    pileup : str
        How the hole was found, `swiftxrt.engine.pileup.PileUp.method`; empty without one.
    pointing : str
        What the pointing was taken from, `swiftxrt.engine.geometry.Pointing.source`.
    source_shape, background_shape : str
        DS9 text of regions of the user's own; empty for circles, rings and strips.
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
    psf_fractions: tuple[float, ...]
    pileup: str = ""
    pointing: str = "events"
    source_shape: str = ""
    background_shape: str = ""

    @property
    def source_ds9(self) -> str:
        """Source region as DS9 text, frame included."""
        return self.source_shape or self._ds9(self.source_inner_pix, self.source_radius_pix)

    @property
    def background_ds9(self) -> str:
        """Background region as DS9 text, frame included; other sources inside are left out besides."""
        return self.background_shape or self._ds9(self.background_inner_pix, self.background_outer_pix)

    def _ds9(self, inner_pix: float, outer_pix: float) -> str:
        centre = f"{self.ra_deg:.6f},{self.dec_deg:.6f}"
        inner, outer = (f'{radius * PIXEL_ARCSEC:.3f}"' for radius in (inner_pix, outer_pix))
        if self.mode is Mode.PC:
            shapes = [f"annulus({centre},{inner},{outer})" if inner_pix > 0 else f"circle({centre},{outer})"]
        else:  # One-dimensional: boxes along DETX, the hole with a minus.
            height = f'{WT_HEIGHT_PIX * PIXEL_ARCSEC:.3f}"'
            shapes = [
                f'{sign}box({centre},{2 * half * PIXEL_ARCSEC:.3f}",{height},{self.angle_deg:.2f})'
                for sign, half in (("", outer_pix), ("-", inner_pix))
                if half > 0
            ]
        return "\n".join(["fk5", *shapes])

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
        In order of time.
    source_masks, background_masks : tuple of ndarray of bool
        For each event list given, which of its events are in the regions.
    notes : tuple of str
        Every approximation and everything unusual, one sentence each.
    cautions : tuple of (str, str)
        What the user should be warned of: class of the warning and text.
    gti_region : ndarray of int, optional
        Which of the regions is in force in each good time interval of
        `events`; by default there is one for each snapshot.
    """

    events: ExtractedEvents
    regions: tuple[SnapshotRegion, ...]
    source_masks: tuple[Flags, ...]
    background_masks: tuple[Flags, ...]
    notes: tuple[str, ...]
    cautions: tuple[tuple[str, str], ...] = ()
    gti_region: NDArray[np.int64] | None = None

    @property
    def region_of_gti(self) -> NDArray[np.int64]:
        """Number of the region in force in each good time interval of `events`."""
        return self.events.gti_snapshot if self.gti_region is None else self.gti_region

    def with_centroid(self) -> ExtractedEvents | None:
        """The events of the snapshots in which the source was found; None if there is none."""
        found = np.array([region.centroided for region in self.regions])[self.region_of_gti]
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
