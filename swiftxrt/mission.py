"""Constants of Swift and its X-ray telescope.

Sources: the FITS headers of archived XRT event files, HEASoft's
``xrtdefs.h``, and the Leicester XRT digest on bad columns.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Mode"]


class Mode(str, Enum):
    """Science mode of the XRT CCD.

    ``PC`` is photon counting (two-dimensional images, 2.5 s frames), ``WT``
    windowed timing (one-dimensional images, 1.8 ms resolution).
    """

    PC = "PC"
    WT = "WT"

    @property
    def datamode(self) -> str:
        """Value of the FITS keyword ``DATAMODE``."""
        return {"PC": "PHOTON", "WT": "WINDOWED"}[self.value]

    @property
    def frame_time_s(self) -> float:
        """Time resolution in seconds (``TIMEDEL`` of the event files)."""
        return {"PC": PC_FRAME_TIME_S, "WT": WT_FRAME_TIME_S}[self.value]

    @property
    def grades(self) -> tuple[int, int]:
        """Lowest and highest event grade kept in cleaned files."""
        return {"PC": (0, 12), "WT": (0, 2)}[self.value]

    @classmethod
    def from_datamode(cls, datamode: str) -> Mode:
        """Mode for a value of the FITS keyword ``DATAMODE``.

        Raises
        ------
        KeyError
            If the mode is not one of the two that the engine handles.
        """
        return {"PHOTON": cls.PC, "WINDOWED": cls.WT}[datamode.strip().upper()]


#: MJD (TT) of mission elapsed time zero: integer and fractional part.
MJDREFI = 51910
MJDREFF = 7.428703703703703e-4

#: Sky pixel, degrees and arcseconds (``TCDLT`` of the event files).
PIXEL_DEG = 6.548089e-4
PIXEL_ARCSEC = PIXEL_DEG * 3600.0

#: Sky images are 1000 x 1000 pixels, reference pixel 500.5 (FITS, 1-based).
SKY_SIZE = 1000
SKY_CENTRE_FITS = 500.5

#: The CCD has 600 x 600 pixels; DETX = RAWX + 1.
DETECTOR_SIZE = 600
#: Optical axis on the detector (DET pixels, 1-based) as used by HEASoft.
OPTICAL_AXIS_DET = (300.0, 300.0)

#: Radius of the field of view in arcminutes.
FIELD_RADIUS_ARCMIN = 12.3

#: Frame times in seconds and dead-time correction of photon counting mode.
PC_FRAME_TIME_S = 2.5073
WT_FRAME_TIME_S = 0.0017675
PC_LIVE_FRACTION = 0.99600601

#: Pulse-invariant channels: 1024 channels of 10 eV.
CHANNEL_KEV = 0.01
N_CHANNELS = 1024

#: Two good time intervals closer than this (s) belong to one snapshot.
SNAPSHOT_GAP_S = 300.0

#: BACKSCAL of XRT spectra is the region's area in sky pixels over this number.
BACKSCALE_AREA_PIX = 1.0e6

#: Bad detector columns since the micrometeoroid hit of 2005-05-27, as
#: inclusive DETX ranges (Leicester XRT digest).
BAD_COLUMNS_DETX = {Mode.PC: ((291, 294), (319, 321)), Mode.WT: ((291, 295), (319, 321))}
