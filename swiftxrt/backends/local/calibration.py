"""Which calibration the local engine works with."""

from __future__ import annotations

import os
from pathlib import Path

from ..._fields import nearest
from ..._paths import as_path
from ...config import conf
from ...engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from ...exceptions import RequestError
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
        If it is neither a folder nor such a name.
    NoDataError
        If there is no calibration of the XRT in the folder.
    FormatError
        If a calibration file is damaged or of another mission.
    """
    wanted = caldb or conf.caldb
    embedded = EMBEDDED_BY_NAME.get(str(wanted))
    if embedded is None and wanted:
        _check_folder(as_path(wanted, "caldb"))
    return embedded or open_caldb(caldb) or EMBEDDED


def _check_folder(folder: Path) -> None:
    """Refuse what is no folder, with the nearest of all that it could be."""
    if folder.expanduser().is_dir():
        return
    parent = folder.expanduser().absolute().parent
    beside = [one.name for one in parent.iterdir() if one.is_dir()] if parent.is_dir() else []
    hint = nearest(folder.name, [*EMBEDDED_BY_NAME, *beside])
    text = (
        f"must be a folder with calibration files (a copy on this computer), or {' or '.join(map(repr, EMBEDDED_BY_NAME))}; "
        f"there is no folder {str(folder)!r}{hint}"
    )
    raise RequestError([("caldb", text)])


def name_of(calibration: Calibration) -> str:
    """What gives the same calibration in another process: a folder or a name."""
    if isinstance(calibration, CaldbCalibration):
        return str(calibration.folder)
    return next((name for name, one in EMBEDDED_BY_NAME.items() if one == calibration), "")
