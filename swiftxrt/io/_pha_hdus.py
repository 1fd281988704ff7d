"""The HDUs of a PHA file (OGIP memo 92-007)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..mission import MJDREFF, MJDREFI
from ..products.countspectrum import CountSpectrum
from ..products.gti import GTI
from ._history import add_sources
from .response import add_cards, real_column

__all__ = ["REGIONS", "count_columns", "edges_follow", "pha_hdus"]

#: Table with the regions' text; our own, other programs pass over it.
REGIONS = "REGIONTXT"
_ROUNDING = 1e-14


def pha_hdus(spectrum: CountSpectrum, files: dict[str, str], *, background: bool = False) -> fits.HDUList:
    """The HDUs of a PHA file.

    Parameters
    ----------
    spectrum : CountSpectrum
        What to write.
    files : dict
        Names of the companion files by keyword (``BACKFILE``, ``RESPFILE``, ``ANCRFILE``).
    background : bool, optional
        Whether this is the background of another spectrum.
    """
    columns = [fits.Column("CHANNEL", "J", array=spectrum.channel), *count_columns(spectrum)]
    errors = spectrum.systematic
    keywords: dict[str, Any] = {"SYS_ERR": 0}
    if spectrum.has_poisson_counts:
        keywords["STAT_ERR"] = 0
    for name, value in (("AREASCAL", spectrum.areascale), ("BACKSCAL", spectrum.backscale)):
        if isinstance(value, np.ndarray):
            columns.append(real_column(name, value))
        else:
            keywords[name] = value
    if np.any(errors != errors[0]):
        del keywords["SYS_ERR"]
        columns.append(real_column("SYS_ERR", errors))
    elif errors[0]:
        keywords["SYS_ERR"] = float(errors[0])
    for name, flags in (("QUALITY", spectrum.quality), ("GROUPING", spectrum.grouping)):
        if np.any(flags):
            columns.append(fits.Column(name, "I", array=flags))
        else:
            keywords[name] = 0
    if not background and not edges_follow(spectrum):
        edges = spectrum.energy_edges.value
        columns.append(fits.Column("E_MIN", "D", unit="keV", array=edges[:-1]))
        columns.append(fits.Column("E_MAX", "D", unit="keV", array=edges[1:]))
    table = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    add_cards(table, {**_ogip(spectrum, background), **keywords, **_metadata(spectrum)})
    add_cards(table, {key: files.get(key, "none") for key in ("BACKFILE", "RESPFILE", "ANCRFILE")})
    add_cards(table, dict(spectrum.header))
    add_sources(table.header, spectrum.provenance)
    more = [_gti_hdu(spectrum)] if spectrum.gti is not None else []
    if spectrum.source_region or spectrum.background_region:
        more.append(_region_hdu(spectrum))
    return fits.HDUList([fits.PrimaryHDU(), table, *more])


def count_columns(spectrum: CountSpectrum) -> list[fits.Column]:
    """Counts; or rates and their errors, where these do not follow from counts."""
    if spectrum.counts_err is None:
        return [fits.Column("COUNTS", "J" if _is_short(spectrum) else "K", unit="count", array=spectrum.counts)]
    exposure_s = float(spectrum.exposure.value)
    rates = [spectrum.counts / exposure_s, spectrum.counts_err / exposure_s]
    return [real_column(name, _single(rate), "count/s") for name, rate in zip(("RATE", "STAT_ERR"), rates, strict=True)]


def _is_short(spectrum: CountSpectrum) -> bool:
    return int(spectrum.counts.max()) <= np.iinfo(np.int32).max


def _single(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that were of single precision before they were multiplied and divided are so again."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32).astype(float)
    return single if np.allclose(single, values, rtol=_ROUNDING, atol=0.0) else values


def edges_follow(spectrum: CountSpectrum) -> bool:
    """Whether a reader finds the channel energies without columns for them."""
    usual = spectrum.replace(energy_edges=None, background=None).energy_edges
    return bool(np.array_equal(spectrum.energy_edges.value, usual.value, equal_nan=True))


def _ogip(spectrum: CountSpectrum, background: bool) -> dict[str, Any]:
    first, last = int(spectrum.channel[0]), int(spectrum.channel[-1])
    return {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "SPECTRUM",
        "HDUVERS": "1.2.0",
        "HDUCLAS2": "BKG" if background else "TOTAL",
        "HDUCLAS3": "COUNT" if spectrum.has_poisson_counts else "RATE",
        "TLMIN1": first,
        "TLMAX1": last,
        "TELESCOP": spectrum.telescope,
        "INSTRUME": spectrum.instrument,
        "FILTER": spectrum.filter_name,
        **({} if spectrum.mode is None else {"DATAMODE": spectrum.mode.datamode}),
        "EXPOSURE": float(spectrum.exposure.value),
        "CORRFILE": "none",
        "CORRSCAL": 1.0,
        "PHAVERSN": "1992a",
        "DETCHANS": spectrum.channel.size,
        "CHANTYPE": spectrum.channel_type,
        "POISSERR": spectrum.has_poisson_counts,
        **({"TOTCTS": int(spectrum.counts.sum())} if spectrum.has_poisson_counts else {}),
        **_grades(spectrum),
    }


def _grades(spectrum: CountSpectrum) -> dict[str, str]:
    if spectrum.grades is None:
        return {}
    return {"DSTYP1": "GRADE", "DSFORM1": "I", "DSVAL1": f"{spectrum.grades[0]}:{spectrum.grades[1]}"}


def _metadata(spectrum: CountSpectrum) -> dict[str, Any]:
    """Keywords of our own for what OGIP has none."""
    cards: dict[str, Any] = {"XRTLABEL": spectrum.label}
    if spectrum.interval is not None:
        cards["SLICEBEG"], cards["SLICEEND"] = spectrum.interval
    if spectrum.mean_event_met is not None:
        cards["MEANMET"] = spectrum.mean_event_met
    provenance = spectrum.provenance.to_dict()
    if provenance:
        cards["XRTPROV"] = json.dumps(provenance, sort_keys=True)
    return cards


def _gti_hdu(spectrum: CountSpectrum) -> Any:
    """Good times, on the clock of Swift whatever the instrument."""
    gti: GTI = spectrum.gti  # type: ignore[assignment]  # There is one.
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", unit="s", array=gti.start), fits.Column("STOP", "D", unit="s", array=gti.stop)],
        name="GTI",
    )
    origin = {"TELESCOP": spectrum.telescope, "INSTRUME": spectrum.instrument}
    classes = {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "HDUCLAS2": "STANDARD", **origin}
    clock = {"MJDREFI": MJDREFI, "MJDREFF": MJDREFF, "TIMESYS": "TT", "TIMEUNIT": "s"}
    add_cards(hdu, {**classes, **clock})
    return hdu


def _region_hdu(spectrum: CountSpectrum) -> Any:
    regions = (("SOURCE", spectrum.source_region), ("BACKGROUND", spectrum.background_region))
    rows = [(kind, line) for kind, text in regions if text for line in text.splitlines()]
    width = max(len(line) for _, line in rows)
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("KIND", "10A", array=[kind for kind, _ in rows]),
            fits.Column("TEXT", f"{width}A", array=[line for _, line in rows]),
        ],
        name=REGIONS,
    )
