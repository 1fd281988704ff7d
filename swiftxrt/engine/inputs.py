"""What the engine's binning and spectra are made from: the extracted events of one mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExtractedEvents"]


@dataclass(frozen=True, eq=False)
class ExtractedEvents:
    """Source and background events of one mode, over any number of observations.

    All times are MET in seconds, at the middle of the readout frame; event
    arrays are sorted by time, good time intervals are sorted and disjoint.
    Times shift by half a frame is what makes counts per bin agree with the
    official light curves.

    Parameters
    ----------
    mode : str
        ``"PC"`` or ``"WT"``.
    frame_s : float
        Frame time in seconds.
    source_time_s, source_pi : ndarray, shape (n_source,)
        Time and PI channel of the events in the source region.
    background_time_s, background_pi : ndarray, shape (n_background,)
        The same for the background region.
    background_ratio : ndarray, shape (n_background,)
        Source area over background area in force for each background event.
    gti_start_s, gti_stop_s : ndarray, shape (n_gti,)
        Good time intervals.
    gti_snapshot : ndarray of int, shape (n_gti,)
        Running number of the snapshot of each interval, over all observations.
    gti_obsid : ndarray of str, shape (n_gti,)
        ObsID of each interval.
    gti_ratio : ndarray, shape (n_gti,)
        Source area over background area in each interval.
    correction_time_s, correction_factor : ndarray, shape (n_correction,)
        The factor in force from each time on (a step function, sorted).
    correction_shifted : ndarray, shape (2, n_correction), optional
        The same if the source lay one standard deviation of its position
        further down or up along DETX. Windowed timing only, where bad columns
        make the factor depend on the position; None means no such error.
    """

    mode: str
    frame_s: float
    source_time_s: NDArray[np.float64]
    source_pi: NDArray[np.int64]
    background_time_s: NDArray[np.float64]
    background_pi: NDArray[np.int64]
    background_ratio: NDArray[np.float64]
    gti_start_s: NDArray[np.float64]
    gti_stop_s: NDArray[np.float64]
    gti_snapshot: NDArray[np.int64]
    gti_obsid: NDArray[np.str_]
    gti_ratio: NDArray[np.float64]
    correction_time_s: NDArray[np.float64]
    correction_factor: NDArray[np.float64]
    correction_shifted: NDArray[np.float64] | None = None
