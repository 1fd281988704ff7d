"""What the names of light-curve datasets mean.

Those of a job, a burst or a transient are mode, kind and flags, such as
``PCUL_nosys_incbad``: mode ``WT`` or ``PC``; nothing (rates), ``UL`` (limits),
``Hard``, ``Soft`` or ``HR``; ``_nosys`` (without the systematic error of WT
mode) and ``_incbad`` (with the bins without a reliable centroid).

Those of a catalogued source are band, origin and kind, such as ``Total_rates``
or ``Soft_retro_UL``, and ``HR1`` or ``HR2_blind`` for the ratios. The origin is
``blind`` (found in the search), ``retro`` (found when looked for at the known
position) or ``nondet`` (not found); without one the service has put them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import astropy.units as u

from ..bands import TOTAL, EnergyBand
from ..exceptions import RequestError

__all__ = ["CATALOGUE_BANDS", "CATALOGUE_RATIOS", "ORIGINS", "DatasetName", "parse_dataset_name", "variants_asked"]

#: Answers to the question for a variant.
_CHOICES = ("no", "yes", "both")

#: Bands of the SXPS catalogues.
CATALOGUE_BANDS = {
    "total": TOTAL,
    "soft": EnergyBand(0.3 * u.keV, 1.0 * u.keV),
    "medium": EnergyBand(1.0 * u.keV, 2.0 * u.keV),
    "hard": EnergyBand(2.0 * u.keV, 10.0 * u.keV),
}
#: Softer and harder band of the catalogues' ratios, which are (harder - softer) / (harder + softer).
CATALOGUE_RATIOS = {"hr1": ("soft", "medium"), "hr2": ("medium", "hard")}
#: Origins of the bins of a catalogued source, and the variants that hold them.
ORIGINS = {"blind": "blind", "retro": "retrospective", "nondet": "undetected"}

_JOB = re.compile(r"(WT|PC)(UL|Hard|Soft|HR)?((?:_nosys|_incbad)*)")
_RATES = re.compile(r"(Total|Soft|Medium|Hard)(?:_(blind|retro|nondet))?_(rates|UL)")
_RATIO = re.compile(r"(HR[12])(?:_(blind|retro|nondet))?")


@dataclass(frozen=True)
class DatasetName:
    """The name of a dataset, understood.

    Parameters
    ----------
    text : str
        The name itself.
    mode : str
        ``"WT"`` or ``"PC"``; catalogues are of PC mode.
    kind : str
        ``""`` (rates), ``"UL"`` (limits), ``"Hard"``, ``"Soft"`` or ``"HR"``
        as in `~swiftxrt.products._datasets.Dataset`; of a catalogue rates, limits or ``"HR"``.
    suffix : str
        Flags, as in `~swiftxrt.products._datasets.SUFFIXES`.
    curve : str
        Name in a `~swiftxrt.LightCurveSet` for datasets of a catalogue, else ``""``.
    origin : str
        Key of `ORIGINS`, or ``""``.
    """

    text: str
    mode: str
    kind: str
    suffix: str = ""
    curve: str = ""
    origin: str = ""


@lru_cache(maxsize=256)
def parse_dataset_name(name: str) -> DatasetName | None:
    """Understand the name of a dataset.

    Parameters
    ----------
    name : str
        Such as ``"PCUL_nosys"`` or ``"Total_rates"``.

    Returns
    -------
    parsed : DatasetName or None
        None for a name that the protocol does not have.

    Examples
    --------
    >>> from swiftxrt.wire.lightcurve_names import parse_dataset_name
    >>> parse_dataset_name("WTHard_incbad")
    DatasetName(text='WTHard_incbad', mode='WT', kind='Hard', suffix='_incbad', curve='', origin='')
    >>> parse_dataset_name("Soft_retro_UL")
    DatasetName(text='Soft_retro_UL', mode='PC', kind='UL', suffix='', curve='soft', origin='retro')
    """
    if match := _JOB.fullmatch(name):
        flags = "".join(flag for flag in ("_nosys", "_incbad") if flag in match[3])
        return DatasetName(name, match[1], match[2] or "", flags)
    if match := _RATES.fullmatch(name):
        return DatasetName(name, "PC", "UL" if match[3] == "UL" else "", "", match[1].lower(), match[2] or "")
    if match := _RATIO.fullmatch(name):
        return DatasetName(name, "PC", "HR", "", match[1].lower(), match[2] or "")
    return None


def variants_asked(content: Mapping[str, Any], *, nosys: str, incbad: str) -> dict[str, str]:
    """Which variants a question wants, ``"no"``, ``"yes"`` or ``"both"``, by their flags.

    Parameters
    ----------
    content : mapping
        The question; older clients give truth values.
    nosys, incbad : {"no", "yes", "both"}
        What counts where it does not say.

    Raises
    ------
    RequestError
        If the answer is none of these.
    """
    return {key: _choice(key, content.get(key, default)) for key, default in (("nosys", nosys), ("incbad", incbad))}


def _choice(key: str, value: Any) -> str:
    if isinstance(value, bool | int) and value in (0, 1):
        return "yes" if value else "no"
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _CHOICES:
        raise RequestError([(key, f"must be {', '.join(_CHOICES)}")])
    return word
