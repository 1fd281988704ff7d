"""The folder of a simulated observation, with the files that the archive has beside the events.

Layouts: those of the archive's ``sw...xhd.hk`` (the columns that the simulation
has something to say about), ``sw...xpc_sk.img`` and ``sw...xpc_ex.img`` of
observation 00085374001; attitude and filter files as HEASoft reads them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._atomic import output_errors
from ..engine.scene import Scene
from ..engine.simulate import SimulatedObservation
from ..exceptions import OutputExistsError
from ..io._fitsfile import save_fits
from ..io.archive import write_observation
from ..mission import SKY_SIZE, Mode
from ..products._wcs import wcs_cards
from ..products.attitude import Attitude
from .scene_files import scene_text

__all__ = ["check_folders", "write_simulated"]

# XRTMode of the housekeeping: photon counting and windowed timing; WaveID as in 00085374001.
_HK_MODE = {Mode.PC: (7, 31), Mode.WT: (6, 60)}
# Units of FSTSub and FETSub.
_TICK_S = 2e-5
_CCD_TEMPERATURE_C = -57.0
# Cards of the events that hold for all files of the observation.
_GENERAL = (
    *("TELESCOP", "INSTRUME", "OBS_ID", "TARG_ID", "SEG_NUM", "OBJECT", "RA_OBJ", "DEC_OBJ", "RA_PNT", "DEC_PNT"),
    *("PA_PNT", "TIMESYS", "MJDREFI", "MJDREFF", "CLOCKAPP", "TIMEUNIT", "UTCFINIT", "TRIGTIME"),
    *("SIMULATE", "SIMTOOL", "SIMSEED", "SIMPILE"),
)


def check_folders(archive: Path, obsids: list[str], *, overwrite: bool) -> None:
    """Look whether folders of observations may be written.

    Raises
    ------
    OutputExistsError
        If something is in the place of one.
    """
    for place in [archive, *(archive / obsid for obsid in obsids)]:
        if place.exists() and not place.is_dir():
            raise OutputExistsError(f"{place} is a file; choose another folder")
    there = [obsid for obsid in obsids if (archive / obsid).exists()]
    if there and not overwrite:
        raise OutputExistsError(f"{archive} has {', '.join(there)} already; give another folder or overwrite=True")


def write_simulated(observation: SimulatedObservation, scene: Scene, archive: Path, *, overwrite: bool) -> Path:
    """Write the folder of an observation, all at once.

    Parameters
    ----------
    observation : SimulatedObservation
        What was simulated; with events.
    scene : Scene
        Goes into a file beside them.
    archive : Path
        Where the folder of the ObsID is put.
    overwrite : bool
        Whether a folder that is there is replaced.

    Returns
    -------
    folder : Path
    """
    folder = archive / observation.obsid
    with output_errors(folder):
        archive.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive, prefix=".new-") as scratch:
            new = write_observation([file.events for file in observation.files], scratch)
            _write_beside(observation, scene, new)
            check_folders(archive, [observation.obsid], overwrite=overwrite)
            if folder.exists():
                folder.rename(Path(scratch) / "old")
            new.rename(folder)
    return folder


def _write_beside(observation: SimulatedObservation, scene: Scene, folder: Path) -> None:
    """Everything but the events."""
    stem = f"sw{observation.obsid}"
    for name in ("auxil", "xrt/hk", "xrt/products"):
        (folder / name).mkdir(parents=True)
    header = observation.files[0].events.header
    cards = fits.Header([(key, header[key]) for key in _GENERAL if key in header])
    seed = int(header["SIMSEED"])
    (folder / "auxil" / f"{stem}_scene.json").write_text(scene_text(scene, seed=seed), encoding="utf-8")
    save_fits(_attitude(observation.attitude, cards), folder / "auxil" / f"{stem}sat.fits.gz")
    save_fits(_filter(observation.attitude, cards), folder / "auxil" / f"{stem}s.mkf.gz")
    save_fits(_housekeeping(observation, cards), folder / "xrt" / "hk" / f"{stem}xhd.hk.gz")
    for file in observation.files:
        if file.events.mode is Mode.PC:
            counts = np.zeros((SKY_SIZE, SKY_SIZE), dtype=np.int32)
            np.add.at(counts, (file.events.y, file.events.x), 1)
            products = folder / "xrt" / "products"
            image = _image(counts, observation, cards, {"BUNIT": "count"})
            exposure_cards = {"BUNIT": "s", "VIGNAPP": False, "ONTIME": file.events.header["ONTIME"]}
            exposure = _image(observation.exposure().astype(np.float32), observation, cards, exposure_cards)
            save_fits(image, products / f"{stem}xpc_sk.img.gz")
            save_fits(exposure, products / f"{stem}xpc_ex.img.gz")


def _table(name: str, columns: list[tuple[str, str, str | None, Any]], cards: fits.Header) -> list[Any]:
    """A file with one table: name, format, unit and values of each column."""
    made = [fits.Column(title, form, unit=unit, array=values) for title, form, unit, values in columns]
    table = fits.BinTableHDU.from_columns(made, name=name)
    table.header.extend(cards, update=True)
    return [fits.PrimaryHDU(header=cards.copy()), table]


def _attitude(attitude: Attitude, cards: fits.Header) -> list[Any]:
    pointing = np.stack([attitude.ra_deg, attitude.dec_deg, attitude.roll_deg], axis=1)
    return _table(
        "ATTITUDE",
        [
            ("TIME", "D", "s", attitude.met),
            ("QPARAM", "4D", None, _quaternions(attitude)),
            ("POINTING", "3D", "deg", pointing),
        ],
        cards,
    )


def _quaternions(attitude: Attitude) -> NDArray[np.float64]:
    """Rotations from J2000 to the spacecraft, whose x axis is the direction of the telescope; scalar part last."""
    halves = (0.5 * np.radians(angle) for angle in (attitude.ra_deg, attitude.dec_deg, attitude.roll_deg))
    (ca, sa), (cd, sd), (cr, sr) = ((np.cos(half), np.sin(half)) for half in halves)
    parts = [
        ca * cd * sr + sa * sd * cr,
        sa * cd * sr - ca * sd * cr,
        sa * cd * cr + ca * sd * sr,
        ca * cd * cr - sa * sd * sr,
    ]
    return np.stack(parts, axis=1)


def _filter(attitude: Attitude, cards: fits.Header) -> list[Any]:
    """The part of a filter file that follows from the pointing."""
    yes, no = np.ones(len(attitude), dtype=np.int16), np.zeros(len(attitude), dtype=np.int16)
    columns = [
        ("TIME", "D", "s", attitude.met),
        ("RA", "D", "deg", attitude.ra_deg),
        ("DEC", "D", "deg", attitude.dec_deg),
        ("ROLL", "D", "deg", attitude.roll_deg),
        ("SETTLED", "I", None, yes),
        ("TEN_ARCMIN", "I", None, yes),
        ("SAA", "I", None, no),
        ("CCDTemp", "E", "C", np.full(len(attitude), _CCD_TEMPERATURE_C)),
    ]
    return _table("FILTER", columns, cards)


def _housekeeping(observation: SimulatedObservation, cards: fits.Header) -> list[Any]:
    """Frame headers: where the telescope pointed in each frame, and how many events it has."""
    frames = observation.frames
    start_s, stop_s, counts = (
        np.concatenate([getattr(one, name) for one in frames]) for name in ("start_s", "stop_s", "counts")
    )
    mode, wave = np.concatenate([np.tile(_HK_MODE[one.mode], (one.counts.size, 1)) for one in frames]).T
    middle_s, number = 0.5 * (start_s + stop_s), start_s.size
    ra_deg, dec_deg, roll_deg = _at(observation.attitude, middle_s)
    seconds, ticks = (np.floor([start_s, stop_s]), np.floor(np.mod([start_s, stop_s], 1.0) / _TICK_S))
    window = np.where(mode == _HK_MODE[Mode.PC][0], 300, 0)
    columns = [
        ("CCDFrame", "J", None, np.arange(number)),
        ("TARGET", "J", None, np.full(number, int(observation.obsid[:8]))),
        ("ObsNum", "I", None, np.full(number, int(observation.obsid[8:]))),
        ("RA", "E", "deg", ra_deg),
        ("Dec", "E", "deg", dec_deg),
        ("Roll", "E", "deg", roll_deg),
        *((name, "X", None, np.full((number, 1), name in ("Settled", "In10Arcm", "XRTAuto"))) for name in _FLAGS),
        ("XRTMode", "B", None, mode),
        ("WaveID", "B", None, wave),
        ("ErpCntRt", "E", None, counts / (stop_s - start_s)),
        ("FSTS", "J", "s", seconds[0]),
        ("FSTSub", "J", "2*10**(-5)s", ticks[0]),
        ("FETS", "J", "s", seconds[1]),
        ("FETSub", "J", "2*10**(-5)s", ticks[1]),
        ("WinHalfW", "I", None, window),
        ("WinHalfH", "I", None, window),
        ("nPixels", "J", None, counts),
        ("TIME", "D", "s", start_s),
        ("ENDTIME", "D", "s", stop_s),
        ("CCDTemp", "E", None, np.full(number, _CCD_TEMPERATURE_C)),
    ]
    return _table("FRAME", columns, cards)


_FLAGS = ("Settled", "In10Arcm", "InSAA", "InSafeM", "XRTAuto", "XRTManul", "XRTRed")


def _at(attitude: Attitude, met_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Right ascension, declination and roll at other times, linear between the samples."""
    ra_deg, roll_deg = (np.unwrap(angle, period=360.0) for angle in (attitude.ra_deg, attitude.roll_deg))
    ra_deg, dec_deg, roll_deg = (
        np.interp(met_s, attitude.met, angle) for angle in (ra_deg, attitude.dec_deg, roll_deg)
    )
    return ra_deg % 360.0, dec_deg, roll_deg % 360.0


def _image(
    values: NDArray[Any], observation: SimulatedObservation, cards: fits.Header, more: dict[str, Any]
) -> list[Any]:
    hdu = fits.PrimaryHDU(values, header=cards.copy())
    hdu.header.update(wcs_cards(observation.wcs) | more)
    return [hdu]
