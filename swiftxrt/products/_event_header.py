"""The header of an event list: what it must hold and how it follows the good time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..exceptions import IdentifierError, RequestError
from ..identifiers import parse_obsid
from ..met import met_to_time_nominal
from ..mission import MJDREFF, MJDREFI, PC_LIVE_FRACTION, Mode
from .gti import GTI

__all__ = ["as_mode", "completed", "image_cards", "joint_cards", "live_fraction", "restricted", "time_cards"]

Header = dict[str, str | int | float | bool]

# What an image tells about where it comes from.
_IMAGE_KEYS = (
    "TELESCOP", "INSTRUME", "OBS_ID", "TARG_ID", "SEG_NUM", "OBJECT", "DATAMODE", "OBS_MODE", "TSTART", "TSTOP",
    "DATE-OBS", "DATE-END", "ONTIME", "LIVETIME", "EXPOSURE", "DEADC", "RA_OBJ", "DEC_OBJ", "RA_PNT", "DEC_PNT",
    "PA_PNT", "UTCFINIT", "MJDREFI", "MJDREFF", "TIMESYS", "TIMEUNIT", "TIMEREF", "CLOCKAPP",
    "MJD-OBS",
)  # fmt: skip

# Good time of the header that differs by more than this from the intervals is that of others.
_MOST_OFF = 0.001
# What has to be a number, and how large it may be.
_LIMITS = {"DEADC": (0.0, 1.0 + _MOST_OFF), "TIMEDEL": (0.0, 100.0)}

_TIME_KEYS = frozenset({"ONTIME", "LIVETIME", "EXPOSURE", "TSTART", "TSTOP", "DATE-OBS", "DATE-END"})


def completed(header: Mapping[str, Any], gti: GTI, mode: Mode) -> Header:
    """A checked copy of a header, with all cards that event files of the XRT have.

    Parameters
    ----------
    header : mapping
        Cards, any case; ``RADECSYS``, the old spelling, becomes ``RADESYS``.
    gti : GTI
        Where times and exposures come from that the header lacks, or has of other good time.
    mode : Mode
        Where ``DATAMODE``, ``TIMEDEL`` and the like come from.

    Raises
    ------
    RequestError
        If ``OBS_ID``, ``RA_PNT``, ``DEC_PNT`` or ``PA_PNT`` is missing or
        unusable, the mode contradicts ``DATAMODE``, or the live time is longer
        than the good time.
    """
    given = {str(key).upper(): _plain(str(key).upper(), value) for key, value in header.items()}
    _check(given, mode)
    cards: Header = {
        "TELESCOP": "SWIFT",
        "INSTRUME": "XRT",
        "DATAMODE": mode.datamode,
        "OBS_MODE": "POINTING",
        "TIMESYS": "TT",
        "MJDREFI": MJDREFI,
        "MJDREFF": MJDREFF,
        "TIMEREF": "LOCAL",
        "TIMEUNIT": "s",
        "TIMEDEL": mode.frame_time_s,
        "TIMEPIXR": 0.0 if mode is Mode.PC else 0.5,
        "RADESYS": given.pop("RADECSYS", "FK5"),
        "EQUINOX": 2000.0,
        # Sky position of the reference pixel, close to the mean pointing.
        "RA_NOM": given["RA_PNT"],
        "DEC_NOM": given["DEC_PNT"],
        "DEADC": PC_LIVE_FRACTION if mode is Mode.PC else 1.0,
        **given,
    }
    if not cards.keys() >= _TIME_KEYS:
        cards = {**time_cards(gti, live_fraction(cards)), **cards}
    _check_live_time(cards)
    if len(gti) and abs(float(cards["ONTIME"]) - gti.exposure_s) > _MOST_OFF * gti.exposure_s:
        cards = restricted(cards, gti)
    return {key: _storable(value) for key, value in cards.items()}


def _storable(value: str | int | float | bool) -> str | int | float | bool:
    """The value as it comes back from a FITS card, which holds twenty characters of a number."""
    too_long = isinstance(value, float) and len(repr(value)) > 20
    return float(f"{value:.13g}") if too_long else value


def restricted(header: Mapping[str, Any], gti: GTI) -> Header:
    """The header after the good time was cut down to `gti`."""
    return {**header, **time_cards(gti, live_fraction(header))}


def live_fraction(header: Mapping[str, Any]) -> float:
    """Live over good time, from the times of the header or else its (rounded) ``DEADC``."""
    live, good = header.get("EXPOSURE"), header.get("ONTIME")
    return float(live) / float(good) if live and good else float(header["DEADC"])


def image_cards(header: Mapping[str, Any]) -> Header:
    """The cards that an image takes over from its events."""
    return {key: header[key] for key in _IMAGE_KEYS if key in header}


def joint_cards(headers: Sequence[Mapping[str, Any]]) -> Header:
    """The cards that a product takes over from the events of several observations.

    What all have in common, the start of the first, the end of the last and
    the sums of their exposures. Dates are those of the headers, which follow
    from MET by the nominal relation; the clock correction, where it is known,
    is that at the start: true UTC is 2001-01-01 + TSTART + UTCFINIT.
    """
    ordered = sorted(headers, key=lambda header: float(header["TSTART"]))
    first, last = ordered[0], max(ordered, key=lambda header: float(header["TSTOP"]))
    cards: Header = {"CLOCKAPP": False, **image_cards(first)}
    common: Header = {
        key: value for key, value in cards.items() if all(other.get(key, value) == value for other in ordered)
    }
    begin: Header = {key: cards[key] for key in ("TSTART", "DATE-OBS", "MJD-OBS", "UTCFINIT") if key in cards}
    end: Header = {key: last[key] for key in ("TSTOP", "DATE-END") if key in last}
    sums: Header = {key: sum(float(header[key]) for header in ordered) for key in ("ONTIME", "LIVETIME", "EXPOSURE")}
    return {**common, **begin, **end, **sums}


def as_mode(mode: Any) -> Mode:
    """A mode from a mode or its name.

    Raises
    ------
    RequestError
        If there is no such mode.
    """
    try:
        return Mode(mode.upper() if isinstance(mode, str) else mode)
    except ValueError:
        raise RequestError([("mode", f"must be 'PC' or 'WT'; got {mode!r}")]) from None


def _plain(key: str, value: Any) -> str | int | float | bool:
    """A header value as a plain Python object, as it comes back from a FITS file."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        # FITS holds ASCII only and does not keep trailing blanks.
        return "".join(char if " " <= char <= "~" else "?" for char in value).rstrip()
    if not isinstance(value, bool | int | float) or value in (np.inf, -np.inf) or value != value:
        raise RequestError([(key, f"header cards hold a text, finite number or flag; got {value!r}")], "event header")
    return value


def _check(given: Mapping[str, Any], mode: Mode) -> None:
    problems = []
    try:
        parse_obsid(given.get("OBS_ID", ""))
    except IdentifierError as error:
        problems.append(("OBS_ID", str(error)))
    for key in ("RA_PNT", "DEC_PNT", "PA_PNT"):
        value = given.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            problems.append((key, f"degrees are needed; got {value!r}"))
    for key, (lowest, highest) in _LIMITS.items():
        value = given.get(key, highest)
        if isinstance(value, bool | str) or not lowest < value <= highest:
            problems.append((key, f"a number above {lowest:g}, at most {highest:g}, is needed; got {value!r}"))
    if given.get("DATAMODE", mode.datamode) != mode.datamode:
        problems.append(("DATAMODE", f"{given['DATAMODE']!r} contradicts the mode {mode.value}"))
    if problems:
        raise RequestError(problems, "event header")


def _check_live_time(cards: Mapping[str, Any]) -> None:
    """Refuse live time that cannot be, from which all rates would follow."""
    texts = [key for key in ("EXPOSURE", "ONTIME") if isinstance(cards[key], bool | str)]
    if texts:
        raise RequestError([(key, f"seconds are needed; got {cards[key]!r}") for key in texts], "event header")
    if not 0 < live_fraction(cards) <= 1.0 + _MOST_OFF:
        raise RequestError(
            [
                (
                    "EXPOSURE",
                    f"{cards['EXPOSURE']} s of live time cannot be in {cards['ONTIME']} s of good time (ONTIME)",
                )
            ],
            "event header",
        )


def time_cards(gti: GTI, live_fraction: float) -> Header:
    """The cards of times that follow from good time and the live part of it."""
    cards: Header = {"ONTIME": gti.exposure_s}
    cards["LIVETIME"] = cards["EXPOSURE"] = gti.exposure_s * live_fraction
    if not len(gti):
        return cards
    start, stop = float(gti.start[0]), float(gti.stop[-1])
    begin, end = met_to_time_nominal(start), met_to_time_nominal(stop)
    return {
        **cards,
        "TSTART": start,
        "TSTOP": stop,
        "TELAPSE": stop - start,
        "DATE-OBS": begin.utc.strftime("%Y-%m-%dT%H:%M:%S"),
        "DATE-END": end.utc.strftime("%Y-%m-%dT%H:%M:%S"),
        "MJD-OBS": float(begin.mjd),
    }
