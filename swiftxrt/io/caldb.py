"""Calibration files of the XRT, from a CALDB tree or a folder with some of its files.

The files of the XRT lie in ``data/swift/xrt`` of a CALDB. Their names tell
what they are for: ``swxpc0to12s6_20130101v014.rmf`` is for photon counting
mode, grades 0 to 12, substrate voltage 6 V, from 2013-01-01 on. Files with
other names are recognised by the CALDB keywords in their headers (``CCNM0001``,
``CBDn0001``, ``CVSD0001``). Where there is a ``caldb.indx``, files that it
calls bad are left out.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..config import conf
from ..exceptions import CalibrationWarning, FormatError, NoDataError, RequestError, warn
from ..met import met_to_time_nominal
from ..mission import Mode
from ..products.calibration import CALIBRATION_FILE, PSFCoefficients, VignettingCoefficients
from ..products.response import ARF, RMF
from ._fitsfile import load_fits
from .response import column, find_table, read_arf, read_rmf

__all__ = ["CaldbCalibration", "CaldbFile", "open_caldb", "substrate_at"]

#: Since 2007-08-31 the substrate of the CCD is at 6 V, before at 0 V.
_SUBSTRATE_6V = "2007-08-31"
_RESPONSE = re.compile(
    r"swx(?P<mode>pc|wt)(?P<low>\d+)(?:to(?P<high>\d+))?s(?P<substrate>\d+)_(?P<date>\d{8})v(?P<version>\d+)\.(?P<kind>rmf|arf)"
)
_COEFFICIENTS = re.compile(r"swx(?P<kind>psf|vign)(?P<date>\d{8})v(?P<version>\d+)\.fits")
_ENDINGS = re.compile(r"\.(rmf|arf|fits?)(\.gz)?$", re.IGNORECASE)
_KINDS = {"MATRIX": "rmf", "SPECRESP": "arf", "SPECRESP MATRIX": "rmf"}
_NAMES = {"rmf": "redistribution matrix (RMF)", "arf": "effective area (ARF)", "psf": "PSF", "vign": "vignetting"}
_PSF_TABLES = {Mode.PC: ("PC_PSF_COEF", "PSF_COEF"), Mode.WT: ("WT_PSF_COEF", "PSF_COEF")}
#: So many response files are kept in memory; a matrix takes 20 MB.
_KEPT = 8


@dataclass(frozen=True)
class CaldbFile:
    """A calibration file and what it is for.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"rmf"``, ``"arf"``, ``"psf"`` or ``"vign"``.
    start : str
        First day of validity, ISO 8601.
    version : int
        Number after the ``v`` in its name; 0 if it has none.
    mode : Mode, optional
        None for all modes.
    grades : tuple of int, optional
        Lowest and highest event grade.
    substrate : int, optional
        Substrate voltage in V.
    """

    path: Path
    kind: str
    start: str
    version: int = 0
    mode: Mode | None = None
    grades: tuple[int, int] | None = None
    substrate: int | None = None


@dataclass(frozen=True)
class CaldbCalibration:
    """Calibration files of one folder; see `swiftxrt.products.calibration.Calibration`.

    Parameters
    ----------
    folder : Path
        Where they are.
    files : tuple of CaldbFile
        All that were found.
    psf_file, vignetting_file : CaldbFile
        Those in use.
    vignetting : VignettingCoefficients
        Loss of area off axis.
    """

    folder: Path
    files: tuple[CaldbFile, ...]
    psf_file: CaldbFile
    vignetting_file: CaldbFile
    vignetting: VignettingCoefficients

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files; each ARF and RMF tells its own in the keyword ``CALFILE`` of its header."""
        return (self.psf_file.path.name, self.vignetting_file.path.name)

    def psf(self, mode: Mode) -> PSFCoefficients:
        """Point spread function of a mode."""
        return _read_psf(self.psf_file.path, mode)

    def arf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> ARF:
        """Area on axis, as `swiftxrt.products.calibration.Calibration.arf`.

        Raises
        ------
        NoDataError
            If there is no such file; it says what was looked for.
        FormatError
            If the file is damaged or of another mission.
        """
        return _kept_arf(self._response("arf", mode, grades, met, substrate))

    def rmf(self, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None = None) -> RMF:
        """Redistribution matrix; errors as those of `arf`."""
        return _kept_rmf(self._response("rmf", mode, grades, met, substrate))

    def _response(self, kind: str, mode: Mode, grades: tuple[int, int], met: float, substrate: int | None) -> Path:
        voltage = substrate_at(met) if substrate is None else substrate
        day = _day(met)
        fitting = [
            one
            for one in self.files
            if (one.kind, one.mode, one.grades, one.substrate) == (kind, mode, grades, voltage) and one.start <= day
        ]
        if not fitting:
            low, high = grades
            there = sorted(one.path.name for one in self.files if one.kind == kind) or ["none"]
            raise NoDataError(
                f"no {_NAMES[kind]} for {mode.value} mode, grades {low} to {high}, substrate voltage {voltage} V and "
                f"{day} is in {self.folder}; looked for swx{mode.value.lower()}{_grade_text(grades)}s{voltage}_*.{kind}, "
                f"there are: {', '.join(there)}; add the file or give another folder"
            )
        return _latest(fitting).path


def substrate_at(met: float) -> int:
    """Substrate voltage of the CCD in V at a time in MET seconds."""
    return 6 if _day(met) >= _SUBSTRATE_6V else 0


def _day(met: float) -> str:
    return str(met_to_time_nominal(met).utc.isot)[:10]


def _grade_text(grades: tuple[int, int]) -> str:
    low, high = grades
    return str(low) if low == high else f"{low}to{high}"


def _latest(files: Iterable[CaldbFile]) -> CaldbFile:
    return max(files, key=lambda one: (one.start, one.version, one.path.name))


def open_caldb(path: str | os.PathLike[str] | None = None) -> CaldbCalibration | None:
    """Find the calibration files of the XRT.

    Parameters
    ----------
    path : path-like, optional
        A CALDB (the folder with ``data/swift/xrt``), the folder
        ``data/swift/xrt`` itself, or a folder with the files. By default
        ``conf.caldb``, else the environment variable ``CALDB``.

    Returns
    -------
    calibration : CaldbCalibration or None
        None if no folder is given anywhere: the tables that come with the
        package serve then.

    Raises
    ------
    RequestError
        If what was given is no folder.
    NoDataError
        If it holds no PSF or no vignetting of the XRT.
    FormatError
        If a file is damaged or of another mission.

    Warns
    -----
    CalibrationWarning
        If ``CALDB`` of the environment is an address or holds nothing of the
        XRT, as that of another mission; it is not used then.
    """
    given = path or conf.caldb
    if given:
        return _opened(Path(given).expanduser().absolute())
    named = os.environ.get("CALDB", "")
    if not named:
        return None
    try:
        return _opened(Path(named).expanduser().absolute())
    except (RequestError, NoDataError) as error:
        warn(f"the environment variable CALDB is not used: {error}", CalibrationWarning)
        return None


def _opened(folder: Path) -> CaldbCalibration:
    if not folder.is_dir():
        raise RequestError(
            [
                (
                    "caldb",
                    f"the folder with calibration files is needed (a copy on this computer); {str(folder)!r} is none",
                )
            ]
        )
    files = tuple(_found(folder))
    used = {kind: [one for one in files if one.kind == kind] for kind in ("psf", "vign")}
    missing = [_NAMES[kind] for kind, some in used.items() if not some]
    if missing:
        raise NoDataError(
            f"no {' and no '.join(missing)} of the Swift XRT is in {folder}; looked for swxpsf*.fits and swxvign*.fits "
            "in it and in its data/swift/xrt; copy them there, or leave caldb out to use what comes with the package"
        )
    psf, vign = _latest(used["psf"]), _latest(used["vign"])
    for mode in Mode:
        _read_psf(psf.path, mode)  # Fails now rather than in the middle of a job.
    return CaldbCalibration(folder, files, psf, vign, _read_vignetting(vign.path))


def _found(folder: Path) -> Iterator[CaldbFile]:
    """Files of a CALDB tree, or else of the folder itself."""
    for base in (folder / "data" / "swift" / "xrt", folder / "swift" / "xrt"):
        if base.is_dir():
            break
    else:
        base = folder
    is_tree = base != folder or (folder / "cpf").is_dir()
    bad = _bad_names(base)
    for path in sorted(base.rglob("*") if is_tree else base.glob("*")):
        if _ENDINGS.search(path.name) and path.name.removesuffix(".gz") not in bad and path.is_file():
            one = _by_name(path) or (None if is_tree else _by_header(path))
            if one is not None:
                yield one


def _bad_names(base: Path) -> set[str]:
    """Files that the index calls bad in all its entries (CAL_QUAL is not 0)."""
    index = base / "caldb.indx"
    if not index.is_file():
        return set()
    table = find_table(load_fits(index), index, "an index of calibration files", ("CIF",), ("CIF",))
    names = [str(name).strip().removesuffix(".gz") for name in column(table, "CAL_FILE", index)]
    good = {name for name, quality in zip(names, column(table, "CAL_QUAL", index), strict=True) if quality == 0}
    return set(names) - good


def _by_name(path: Path) -> CaldbFile | None:
    if match := _RESPONSE.search(path.name):
        low = int(match["low"])
        return CaldbFile(
            path=path,
            kind=match["kind"],
            start=_iso(match["date"]),
            version=int(match["version"]),
            mode=Mode(match["mode"].upper()),
            grades=(low, int(match["high"] or low)),
            substrate=int(match["substrate"]),
        )
    if match := _COEFFICIENTS.search(path.name):
        return CaldbFile(path, match["kind"], _iso(match["date"]), int(match["version"]))
    return None


def _iso(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _by_header(path: Path) -> CaldbFile | None:
    """A response file with a name of its own, by its CALDB keywords; None for anything else."""
    for hdu in load_fits(path)[1:]:
        kind = _KINDS.get(str(hdu.header.get("CCNM0001", "")).strip().upper())
        if kind is None:
            continue
        _check_mission(hdu.header, path)
        limits = " ".join(str(value) for key, value in hdu.header.items() if re.fullmatch(r"CBD\d0001", key))
        mode, grades = re.search(r"DATAMODE\((\w+)\)", limits), re.search(r"GRADE\(G?(\d+)(?:[:-](\d+))?\)", limits)
        voltage = re.search(r"XRTVSUB\((\d+)\)", limits)
        if mode is None or grades is None or voltage is None or mode[1] not in ("PHOTON", "WINDOWED"):
            continue
        pair = (int(grades[1]), int(grades[2] or grades[1]))
        start = str(hdu.header.get("CVSD0001", "2001-01-01")).strip()
        return CaldbFile(path, kind, start, 0, Mode.from_datamode(mode[1]), pair, int(voltage[1]))
    return None


def _check_mission(header: Any, path: Path) -> None:
    origin = tuple(str(header.get(name, "")).strip().upper() for name in ("TELESCOP", "INSTRUME"))
    if origin != ("SWIFT", "XRT"):
        raise FormatError(f"is no calibration of the Swift XRT: TELESCOP, INSTRUME are {origin}", path)


@lru_cache(maxsize=_KEPT)
def _read_psf(path: Path, mode: Mode) -> PSFCoefficients:
    """Rows P0 to P3 of the columns COEF0 to COEF3."""
    hdus = load_fits(path)
    table = next((hdus[name] for name in _PSF_TABLES[mode] if name in hdus), None)
    if table is None:
        names = " or ".join(_PSF_TABLES[mode])
        raise FormatError(f"is not a PSF of {mode.value} mode: it holds no extension {names}", path)
    _check_mission(table.header, path)
    rows = np.array([column(table, f"COEF{number}", path) for number in range(4)], dtype=float).T
    if rows.shape != (4, 4) or not np.all(np.isfinite(rows)):
        raise FormatError(f"{table.name} must have 4 rows of 4 coefficients; found {rows.shape}", path)
    fraction, sigma, core, slope = (tuple(map(float, row)) for row in rows)
    return PSFCoefficients(_plain_name(path), fraction, sigma, core, slope)  # type: ignore[arg-type]


def _read_vignetting(path: Path) -> VignettingCoefficients:
    """The three numbers of the first row."""
    hdus = load_fits(path)
    table = find_table(hdus, path, "a vignetting of the XRT", ("VIG_COEF",), ("RESPONSE", "VIGNET"))
    _check_mission(table.header, path)
    names = table.columns.names
    if len(names) != 3 or len(table.data) < 1:
        raise FormatError(f"{table.name} must have one row of 3 coefficients; its columns are {', '.join(names)}", path)
    p0, p1, p2 = (float(column(table, name, path)[0]) for name in names)
    return VignettingCoefficients(_plain_name(path), p0, p1, p2)


def _plain_name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".fits")


@lru_cache(maxsize=_KEPT)
def _kept_arf(path: Path) -> ARF:
    _check_response(path)
    arf = read_arf(path)
    return ARF(energy_edges=arf.energy_edges, effective_area=arf.effective_area, header=_named(path))


@lru_cache(maxsize=_KEPT)
def _kept_rmf(path: Path) -> RMF:
    _check_response(path)
    return dataclasses.replace(read_rmf(path), header=_named(path))


def _named(path: Path) -> dict[str, str]:
    """Header of a response: where it comes from."""
    return {CALIBRATION_FILE: path.name.removesuffix(".gz")}


def _check_response(path: Path) -> None:
    for hdu in load_fits(path)[1:]:
        _check_mission(hdu.header, path)
