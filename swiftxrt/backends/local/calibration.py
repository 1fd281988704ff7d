"""Which calibration the local engine works with."""

from __future__ import annotations

import os

from ...config import conf
from ...engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from ...io.caldb import CaldbCalibration, open_caldb
from ...products.calibration import Calibration

__all__ = ["choose_calibration", "name_of"]


def choose_calibration(caldb: str | os.PathLike[str] | None = None) -> Calibration:
    """The calibration that a user wants.

    Parameters
    ----------
    caldb : path-like or {"v004", "v006"}, optional
        Folder with calibration files, see `swiftxrt.io.caldb.open_caldb`, or
        the PSF of what comes with the package. By default ``conf.caldb``, else
        the environment variable ``CALDB``, else what comes with the package.

    Raises
    ------
    RequestError
        If it is no folder.
    NoDataError
        If there is no calibration of the XRT in the folder.
    FormatError
        If a calibration file is damaged or of another mission.
    """
    embedded = EMBEDDED_BY_NAME.get(str(caldb or conf.caldb))
    return embedded or open_caldb(caldb) or EMBEDDED


def name_of(calibration: Calibration) -> str:
    """What gives the same calibration in another process: a folder or a name."""
    if isinstance(calibration, CaldbCalibration):
        return str(calibration.folder)
    return next((name for name, one in EMBEDDED_BY_NAME.items() if one == calibration), "")
