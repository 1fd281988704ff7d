"""The tasks of HEASoft for one observation in one mode."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from ...._atomic import atomic_path
from ....engine.extracted import SnapshotRegion
from ....exceptions import HEASoftError
from ....io.pha import read_pha
from ....products.countspectrum import CountSpectrum
from ....products.events import EventList
from ....products.gti import GTI
from .running import Runner

__all__ = ["Rates", "exposure_map", "light_curve", "prepare", "spectrum"]

#: Attitude file with which the events were placed on the sky, by the keyword ATTFLAG
#: (Swift XRT Data Reduction Guide; https://www.swift.ac.uk/analysis/xrt/digest_sci.php#att).
_ATTITUDE = {"100": "sat", "110": "pat", "101": "uat", "111": "uat"}
_RMF = re.compile(r"['\"\s]([^'\"\s]+\.rmf)\b")
_SOURCE, _BACKGROUND, _GOOD = "src.reg", "bkg.reg", "good.gti"
_NONE = "NONE"


@dataclass(frozen=True)
class Inputs:
    """Files of an observation, linked into the folder of the runner under short names.

    Parameters
    ----------
    events : str
        Cleaned events.
    attitude, housekeeping : str
        Attitude file and frame headers; ``"NONE"`` without one.
    """

    events: str
    attitude: str
    housekeeping: str

    def require_pointing(self, task: str) -> None:
        """Refuse what cannot be done without attitude and frame headers.

        Raises
        ------
        HEASoftError
            If one is missing.
        """
        missing = [name for name in ("attitude", "housekeeping") if getattr(self, name) == _NONE]
        if missing:
            raise HEASoftError(
                f"{task} needs the {' and the '.join(f'{name} file' for name in missing)} of the observation; "
                "download_observations(..., contents=('events', 'attitude', 'hk')) fetches them"
            )


@dataclass(frozen=True, eq=False)
class Rates:
    """A light curve as HEASoft gives it, background subtracted: one entry for each bin, ct/s and s (MET).

    Parameters
    ----------
    met_s, half_s : ndarray
        Middle and half width.
    rate, err : ndarray
        Rate corrected for losses, less background; and its error.
    exposure_fraction : ndarray
        Part of the bin that was good time.
    """

    met_s: np.ndarray
    half_s: np.ndarray
    rate: np.ndarray
    err: np.ndarray
    exposure_fraction: np.ndarray


def prepare(runner: Runner, events: EventList) -> Inputs:
    """Link the files of an observation into the folder where the tasks run.

    Names stay short there, and free of characters that mean something to
    CFITSIO.

    Raises
    ------
    HEASoftError
        If the events are not those of one file.
    """
    if events.path is None:
        raise HEASoftError(
            f"observation {events.obsid} has several event files in mode {events.mode.value}, and tasks take one; "
            "engine='swiftxrt' joins them"
        )
    # Without the keyword, the corrected record before the one that came down.
    flag = events.header.get("ATTFLAG")
    kinds = ("pat", "sat") if flag is None else (_ATTITUDE.get(str(flag).strip(), "pat"),)
    places = [events.path.parent / step for step in (".", "../../auxil", "../auxil", "../hk", "../../xrt/hk")]
    attitude = _first(places, [f"sw{events.obsid}{kind}.fits" for kind in kinds])
    housekeeping = _first(places, [f"sw{events.obsid}xhd.hk"])
    return Inputs(_linked(runner, events.path), _linked(runner, attitude), _linked(runner, housekeeping))


def write_selection(runner: Runner, region: SnapshotRegion, good: GTI) -> None:
    """Write the regions as DS9 files, and the good time as FITS."""
    (runner.folder / _SOURCE).write_text(region.source_ds9 + "\n", encoding="ascii")
    (runner.folder / _BACKGROUND).write_text(region.background_ds9 + "\n", encoding="ascii")
    columns = [
        fits.Column(name, "1D", "s", array=values) for name, values in (("START", good.start), ("STOP", good.stop))
    ]
    table = fits.BinTableHDU.from_columns(columns, name="STDGTI")
    table.header.update({"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "MJDREFI": 51910, "MJDREFF": 7.428703703703703e-4,
                         "TIMESYS": "TT", "TIMEUNIT": "s", "TIMEZERO": 0.0})  # fmt: skip
    with atomic_path(runner.folder / _GOOD, overwrite=True) as path:
        table.writeto(path)


def exposure_map(runner: Runner, inputs: Inputs) -> Path:
    """Run ``xrtexpomap``; the map is without vignetting, which the effective area has.

    Raises
    ------
    HEASoftError
        If it fails, or files are missing.
    """
    inputs.require_pointing("xrtexpomap")
    runner.run(
        "xrtexpomap",
        infile=inputs.events, attfile=inputs.attitude, hdfile=inputs.housekeeping,
        outdir=".", stemout="x", vigflag=False, clobber=True,
    )  # fmt: skip
    return runner.made("x_ex.img", "xrtexpomap")


def spectrum(runner: Runner, inputs: Inputs, exposure: Path | None) -> CountSpectrum:
    """Run ``xrtproducts`` for source and background, which runs ``xrtmkarf``, and ``ftgrouppha``.

    Groups have at least one count, as in the files of the service. The
    redistribution matrix is the one that ``xrtmkarf`` took from CALDB.

    Raises
    ------
    HEASoftError
        If a task fails or writes nothing.
    FormatError
        If what it writes is damaged.
    """
    told = runner.run(
        "xrtproducts",
        **_common(inputs, exposure),
        phafile="s.pha", bkgphafile="b.pha", arffile="s.arf", lcfile=_NONE, bkglcfile=_NONE, correctlc=False,
        attfile=_NONE, hdfile=_NONE,
    )  # fmt: skip
    source, background, area = (runner.made(name, "xrtproducts") for name in ("s.pha", "b.pha", "s.arf"))
    matrix = _matrix(source, told)
    runner.run(
        "ftgrouppha",
        infile=source.name, outfile="g.pha", backfile=background.name, respfile=str(matrix),
        grouptype="min", groupscale=1, clobber=True,
    )  # fmt: skip
    return read_pha(runner.made("g.pha", "ftgrouppha"), background=background, arf=area, rmf=matrix)


def light_curve(runner: Runner, inputs: Inputs, bin_s: float, channels: tuple[int, int], ratio: float) -> Rates:
    """Run ``xrtproducts`` for light curves, with the corrections of ``xrtlccorr``, and subtract the background.

    Parameters
    ----------
    runner, inputs
        As elsewhere.
    bin_s : float
        Width of the bins.
    channels : (int, int)
        First and last PI channel.
    ratio : float
        Area of the source region over that of the background region.

    Raises
    ------
    HEASoftError
        If the task fails, or files are missing.
    """
    inputs.require_pointing("xrtproducts with correctlc=yes")
    runner.run(
        "xrtproducts",
        **_common(inputs, None),
        phafile=_NONE, bkgphafile=_NONE, lcfile="s.lc", bkglcfile="b.lc", lccorrfile="c.lc",
        binsize=bin_s, pilow=channels[0], pihigh=channels[1],
        # One instrument map for each snapshot: bins may not be longer than what a map is made for.
        correctlc=True, pcnframe=0, wtnframe=0, attfile=inputs.attitude, hdfile=inputs.housekeeping,
    )  # fmt: skip
    raw, outside, corrected = (_rates(runner.made(name, "xrtproducts"), bin_s) for name in ("s.lc", "b.lc", "c.lc"))
    background, fixed = (_in_bins(part, raw["TIME"], raw["WIDTH"]) for part in (outside, corrected))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(raw["RATE"] > 0, fixed["RATE"] / raw["RATE"], np.nan)
    # Empty bins take the mean correction.
    factor = np.where(np.isfinite(factor), factor, np.nanmean(factor) if np.isfinite(factor).any() else 1.0)
    return Rates(
        met_s=raw["TIME"],
        half_s=raw["WIDTH"] / 2,
        rate=fixed["RATE"] - background["RATE"] * ratio * factor,
        err=np.hypot(fixed["ERROR"], background["ERROR"] * ratio * factor),
        exposure_fraction=raw["FRACEXP"],
    )


def _common(inputs: Inputs, exposure: Path | None) -> dict[str, str | bool | float]:
    """What every run of ``xrtproducts`` is told; nothing may be left to be asked for."""
    return {
        "infile": inputs.events,
        "outdir": ".",
        "stemout": "x",
        "regionfile": _SOURCE,
        "bkgextract": True,
        "bkgregionfile": _BACKGROUND,
        "gtifile": _GOOD,
        "expofile": _NONE if exposure is None else exposure.name,
        "imagefile": _NONE,
        # Of no effect beside a region file.
        "ra": 0.0, "dec": 0.0, "radius": 20.0,
        "clobber": True,
    }  # fmt: skip


def _matrix(source: Path, told: str) -> Path:
    """The redistribution matrix: named by the spectrum, else by what the task printed."""
    named = [str(fits.getheader(source, ext=1).get("RESPFILE", "")), *_RMF.findall(told)]
    for name in named:
        place = Path(name) if Path(name).is_absolute() else source.parent / name
        if name.lower() not in ("", "none") and place.is_file():
            return place
    raise HEASoftError(
        f"xrtproducts does not tell which redistribution matrix of CALDB belongs to the spectrum; named were "
        f"{', '.join(filter(None, named)) or 'none'}, and no such file exists"
    )


def _rates(path: Path, bin_s: float) -> dict[str, np.ndarray]:
    """The columns of a light curve, with the middle of each bin and its width, which tasks may round."""
    with fits.open(path) as hdus:
        table, header = hdus["RATE"].data, hdus["RATE"].header
        zero = float(header.get("TIMEZERO", header.get("TIMEZERI", 0.0)))
        zero += float(header.get("TIMEZERF", 0.0)) if "TIMEZERO" not in header else 0.0
        width = float(header.get("TIMEDEL", bin_s))
        zero += (0.5 - float(header.get("TIMEPIXR", 0.5))) * width
        columns = {name: np.array(table[name], dtype=float) for name in ("RATE", "ERROR")}
        columns["TIME"] = np.array(table["TIME"], dtype=float) + zero
        columns["WIDTH"] = np.full(len(table), width)
        has_fraction = "FRACEXP" in table.names
        columns["FRACEXP"] = np.array(table["FRACEXP"], dtype=float) if has_fraction else np.ones(len(table))
    return columns


def _in_bins(part: dict[str, np.ndarray], middle: np.ndarray, width: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of a light curve that belong to bins of another one, which may have fewer."""
    rows = np.searchsorted(part["TIME"], middle - 0.5 * width)
    if np.any(rows >= len(part["TIME"])) or np.any(np.abs(part["TIME"][rows] - middle) > 0.5 * width):
        raise HEASoftError("xrtproducts gave source, background and corrected light curves whose bins do not match")
    return {name: values[rows] for name, values in part.items()}


def _first(places: list[Path], names: list[str]) -> Path | None:
    found = (place / f"{name}{packed}" for name in names for place in places for packed in ("", ".gz"))
    return next((path for path in found if path.is_file()), None)


def _linked(runner: Runner, path: Path | None) -> str:
    if path is None:
        return _NONE
    link = runner.folder / path.name
    if not link.exists():
        link.symlink_to(path.resolve())
    return link.name
