"""Questions about light curves, spectra and images of catalogued sources, transients and datasets.

The words of this package for bands, binnings and kinds of image become those of the service here, in the order in
which its own client sends them. Replies with light curves are read by `swiftxrt.wire.lightcurve`, those with spectra
by `swiftxrt.wire.spectrum`, those with addresses of images by `swiftxrt.wire.sxps_images`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._fields import nearest
from ..exceptions import ProductNotAvailableError, ProtocolError, RequestError

__all__ = [
    "DATASET_IMAGES",
    "IMAGE_BANDS",
    "IMAGE_TYPES",
    "LIGHT_CURVE",
    "PREVIEWS",
    "SPECTRA",
    "ask_dataset_images",
    "ask_light_curve",
    "ask_previews",
    "ask_spectra",
    "choose_spectrum",
]

#: Functions of the service.
LIGHT_CURVE, SPECTRA = "getSXPSLC", "getSXPSSpectrumData"
PREVIEWS, DATASET_IMAGES = "getSXPSSourceImages", "getSXPSDatasetImages"

_BINNINGS = {
    **dict.fromkeys(("observation", "obs", "obsid"), "Observation"),
    **dict.fromkeys(("snapshot", "ss"), "Snapshot"),
    "counts": "Counts",
}
_TIME_FORMATS = {"met": "Swift MET", "mjd": "MJD", "tdb": "TDB"}
_CURVE_BANDS = {"total": "total", "soft": "soft", "medium": "medium", "hard": "hard", "hr1": "HR1", "hr2": "HR2"}
#: Bands of images, and the exposure map, in our words and those of the service.
IMAGE_BANDS = {"total": "total", "soft": "soft", "medium": "medium", "hard": "hard", "exposure": "expmap"}
#: Kinds of image of a dataset, in our words and those of the service.
IMAGE_TYPES = {
    "counts": "image",
    "background": "backgroundmap",
    "background_with_sources": "backgroundmapwithsources",
}
_GENERAL = {"hide_piled_up": "hideBadPup", "merge_aliases": "mergeAliases"}
#: Flags for how bins are put together, which make no sense if everything comes apart.
_GROUPING = {
    "group_rates": "groupRates",
    "group_limits": "groupULs",
    "group_hr": "groupHRss",
    "retrospective_as_limits": "retroAsUL",
    "undetected_as_limits": "nondetAsUL",
    "retrospective_hr": "getRetroHR",
}
_SPECTRA = ("full", "discovery")
_NO_SPECTRUM = "NoSpectrum"


def ask_light_curve(
    catalog: str,
    key: Mapping[str, int | str],
    *,
    transient: bool = False,
    bands: Any = "all",
    binning: Any = "observation",
    time_format: Any = None,
    show_obsids: bool = True,
    all_types: bool = False,
    **flags: bool | None,
) -> dict[str, Any]:
    """The question about a light curve.

    Parameters
    ----------
    catalog : str
        The catalogue.
    key : mapping
        What the object is called, such as ``{"sourceID": 209851}``.
    transient : bool, optional
        Whether it is that of a transient.
    bands, binning, time_format, show_obsids, all_types, **flags
        As for `swiftxrt.SwiftXRTClass.get_light_curve`.

    Raises
    ------
    RequestError
        If something is not understood, or cannot be had together.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    how = _word(binning, _BINNINGS, "binning")
    problems = _flag_problems({**given, "show_obsids": show_obsids, "all_types": all_types})
    if all_types and (together := [name for name in given if name in _GROUPING]):
        problems.append(("all_types", f"everything comes apart then; leave out {', '.join(together)}"))
    if transient:
        problems += _for_transients(bands, time_format, all_types, given)
    elif how == "Counts":
        problems.append(("binning", "bins of counts are for transients and bursts; take 'observation' or 'snapshot'"))
    if problems:
        raise RequestError(problems, "light curve")
    if transient:
        return {"whichCat": catalog, "bands": "all", "binning": how, "timeFormat": None, "transient": True, **key}
    content: dict[str, Any] = {"bands": _words(bands, _CURVE_BANDS, "bands"), "binning": how}
    content["timeFormat"] = _word("met" if time_format is None else time_format, _TIME_FORMATS, "time_format")
    content |= {"showObs": True} if show_obsids else {}
    content |= {theirs: given[ours] for ours, theirs in _GENERAL.items() if ours in given}
    content |= {"getAllTypes": True} if all_types else {}
    content |= {theirs: given[ours] for ours, theirs in _GROUPING.items() if ours in given}
    return {"whichCat": catalog, **content, **key}


def _flag_problems(flags: Mapping[str, Any]) -> list[tuple[str, str]]:
    wrong = {name: value for name, value in flags.items() if value is not True and value is not False}
    return [(name, f"True or False is needed; got {value!r:.40}") for name, value in wrong.items()]


def _for_transients(bands: Any, time_format: Any, all_types: bool, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What cannot be chosen for transients: the service makes their curves as it makes those of bursts."""
    text = "cannot be chosen for a transient; leave it out"
    problems = [(name, text) for name in (*given, *(["all_types"] if all_types else []))]
    if bands != "all":
        problems.append(("bands", f"{text}: its curves are of 0.3-10 keV, with a hardness ratio"))
    if time_format is not None and str(time_format).strip().lower() != "mjd":
        problems.append(("time_format", f"{text}: its curves come in MJD (UTC)"))
    return problems


def ask_spectra(
    catalog: str, key: Mapping[str, int | str], *, transient: bool = False, which: Any = None
) -> dict[str, Any]:
    """The question about the spectrum of a source, or about those of a transient: ``which`` one, or both.

    Raises
    ------
    RequestError
        If there is no such spectrum.
    """
    if transient:
        word = "both" if which is None else _word(which, dict(zip(_SPECTRA, _SPECTRA, strict=True)), "which")
        return {"whichCat": catalog, "transient": True, "specType": word, **key}
    if which is not None:
        raise RequestError([("which", "can be chosen for transients only: a source has one spectrum")])
    return {"whichCat": catalog, **key}


def choose_spectrum(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Of both spectra of a transient the name and content of that of all its data, or else of its discovery.

    Raises
    ------
    ProductNotAvailableError
        If there is neither.
    ProtocolError
        If the reply is about something else.
    """
    if _NO_SPECTRUM in content:
        raise ProductNotAvailableError("spectrum", "the service has none of this transient")
    found = {name.lower(): block for name, block in content.items() if name.lower() in _SPECTRA}
    if not found or not all(isinstance(block, Mapping) for block in found.values()):
        raise ProtocolError(f"both spectra of a transient were promised; got {', '.join(content):.100}")
    there = [name for name in _SPECTRA if name in found and _NO_SPECTRUM not in found[name]]
    if not there:
        reason = "the service has made none of this transient, neither of its discovery nor of all its data"
        raise ProductNotAvailableError("spectrum", reason)
    return there[0], found[there[0]]


def ask_previews(
    catalog: str, key: Mapping[str, int | str], *, transient: bool = False, bands: Any = "all"
) -> dict[str, Any]:
    """The question about pictures of a source or transient.

    Raises
    ------
    RequestError
        If a band is not known.
    """
    content = {"whichCat": catalog, "bands": _words(bands, IMAGE_BANDS, "bands")}
    return {**content, **({"transient": True} if transient else {}), **key}


def ask_dataset_images(
    catalog: str, key: Mapping[str, int | str], *, bands: Any = "all", types: Any = "all", regions: bool = True
) -> dict[str, Any]:
    """The question about images of a dataset.

    Raises
    ------
    RequestError
        If a band or a kind of image is not known.
    """
    if problems := _flag_problems({"regions": regions}):
        raise RequestError(problems, "images")
    content = {"bands": _words(bands, IMAGE_BANDS, "bands"), "types": _words(types, IMAGE_TYPES, "types")}
    return {"whichCat": catalog, **content, "getRegions": regions, **key}


def _words(given: Any, known: Mapping[str, str], what: str) -> str | list[str]:
    """Words of the service for one or several of ours; "all" stays what it is."""
    if isinstance(given, str):
        if given.strip().lower() == "all":
            return "all"
        given = [given]
    if not isinstance(given, Iterable) or not (items := list(given)):
        raise RequestError([(what, f"'all', or some of {', '.join(known)} are needed; got {given!r:.60}")])
    return list(dict.fromkeys(_word(item, known, what) for item in items))


def _word(given: Any, known: Mapping[str, str], what: str) -> str:
    """The word of the service for one of ours; the service's own is understood too."""
    word = given.strip().lower() if isinstance(given, str) else ""
    for ours, theirs in known.items():
        if word in (ours, theirs.lower()):
            return theirs
    first = [ours for number, (ours, theirs) in enumerate(known.items()) if theirs not in list(known.values())[:number]]
    raise RequestError([(what, f"must be one of {', '.join(first)}; got {given!r:.60}{nearest(word, first)}")])
