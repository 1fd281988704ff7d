"""Event files and observations in a folder that no product is made from, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ...engine.left_out import LeftOut, listed
from ...products.observation import EVENT_FILE, Observation

__all__ = ["absent_observations", "unused_files"]

_ARCHIVE_NAME = re.compile(r"sw(?P<obsid>\d{11})x[a-z]{2}\w*\.evt(?:\.gz)?", re.IGNORECASE)
_OF_EVENTS = re.compile(r".*\.evt(?:\.gz)?", re.IGNORECASE)
# Parts of names in the archive; the first that fits is the reason.
_REASONS = (
    (re.compile(r"sw\d{11}x(?!pc|wt)", re.IGNORECASE), "of other modes than PC and WT"),
    (re.compile(r"sl_\w+\.evt", re.IGNORECASE), "taken during slews"),
    (re.compile(r"st_\w+\.evt", re.IGNORECASE), "taken while the pointing settled"),
    (re.compile(r"_uf\w*\.evt", re.IGNORECASE), "not cleaned"),
)
_COPY = "copies of files that are used"
_UNKNOWN = "without po_cl (cleaned pointing data) in their names"
_UNNAMED = "without a name of the archive, beside files that have one"


def unused_files(observations: Sequence[Observation], obsids: Collection[str]) -> tuple[str, ...]:
    """What to tell about the event files beside those that are used.

    Parameters
    ----------
    observations : sequence of Observation
        All of the target.
    obsids : collection of str
        Those that are used.

    Returns
    -------
    notes : tuple of str
        One sentence for each reason; none about folders whose files do not have the names of the archive.
    """
    left_out = LeftOut()
    for observation in observations:
        if observation.obsid in obsids:
            for reason, name in _beside(observation):
                left_out.add(reason, [name])
    return left_out.sentences()


def absent_observations(folder: Path, every: Sequence[Observation], obsids: Collection[str]) -> tuple[str, ...]:
    """What there is in a folder of observations that are not among those of a target.

    Parameters
    ----------
    folder : Path
        The folder.
    every : sequence of Observation
        All observations in it, of whatever target.
    obsids : collection of str
        Those in question.

    Returns
    -------
    notes : tuple of str
        Sentences on those of which there is something.
    """
    wanted = set(obsids)
    others = [one.obsid for one in every if one.obsid in wanted]
    wanted -= set(others)
    reasons: dict[str, set[str]] = {}
    for path in folder.rglob("*.evt*"):
        match = _ARCHIVE_NAME.fullmatch(path.name)
        if match is not None and match["obsid"] in wanted:
            reasons.setdefault(match["obsid"], set()).add(_reason(path.name, match["obsid"]) or _UNKNOWN)
    same: dict[str, list[str]] = {}
    for obsid, found in sorted(reasons.items()):
        same.setdefault(" or ".join(sorted(found)), []).append(obsid)
    target = "another target" if len(others) == 1 else "other targets"
    elsewhere = [f"there are data of {listed(others)}, but of {target}"] if others else []
    return (*elsewhere, *(f"of {listed(few)} there are only event files {why}" for why, few in same.items()))


def _beside(observation: Observation) -> Iterator[tuple[str, str]]:
    used = {path for paths in observation.files.values() for path in paths}
    if not all(_ARCHIVE_NAME.fullmatch(path.name) for path in used):
        return
    for folder in sorted({path.parent for path in used}):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            reason = None if path in used else _reason(path.name, observation.obsid)
            if reason is not None:
                yield reason, path.name


def _reason(name: str, obsid: str) -> str | None:
    """Why an event file is not used; `None` for other files and those of other observations."""
    match = _ARCHIVE_NAME.fullmatch(name)
    if match is None:
        return _UNNAMED if _OF_EVENTS.fullmatch(name) else None
    if match["obsid"] != obsid:
        return None
    if EVENT_FILE.fullmatch(name):
        return _COPY
    return next((reason for pattern, reason in _REASONS if pattern.search(name)), _UNKNOWN)
