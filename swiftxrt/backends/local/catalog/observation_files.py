"""The files of the archive for who downloads whole observations, in the words of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path, PurePosixPath
from typing import Any
from weakref import WeakKeyDictionary

from ....products.observation import Observation
from ....wire.values import job_number
from ..archive import Archive
from .burst_targets import observations_of, target_of

__all__ = ["FOLDER", "FUNCTIONS", "observation_file"]

#: Where they are, below the address of the catalogue's files.
FOLDER = "observations"
#: Where event files belong that do not lie in a folder of their observation.
_EVENTS = "xrt/event"
_DIGITS = 11
_EVERYTHING = ("auxil", "bat", "log", "tdrss", "uvot", "xrt")
#: Observations whose files were listed: who fetches them one by one need not search the archive for each.
_LISTED: MutableMapping[Archive, dict[str, Observation]] = WeakKeyDictionary()


def list_observations(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The ObsIDs of a target.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the archive.
    content : mapping
        Of the call: ``targetID``.
    base_url : str
        Not used.
    """
    found = observations_of(catalog.archive, [target_of(content.get("targetID"))[-8:]])
    return {"obsList": [one.obsid for one in found]}


def list_files(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The folders and files of an observation; neither if it is not there, as the service says it.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the archive.
    content : mapping
        Of the call: ``obsid`` and ``dirs``, the folders that are wanted.
    base_url : str
        Address under which the client sees the server.
    """
    obsid = job_number(content.get("obsid")).zfill(_DIGITS)
    wanted = content.get("dirs")
    names = {str(one).lower().strip("/") for one in (wanted if isinstance(wanted, list) else _EVERYTHING)}
    there = _files(catalog.archive, _search(catalog.archive, obsid))
    found = [name for name in sorted(there) if PurePosixPath(name).parts[0].lower() in names]
    listed: dict[str, list[str]] = {}
    if found:
        parents = {f"{parent}/" for name in found for parent in PurePosixPath(name).parents if parent.name}
        listed = {"dirs": ["", *sorted(parents)], "files": found}  # sorted: parents come first
    return {"url": f"{catalog.files_address(base_url)}/{FOLDER}/{obsid}", "fileList": listed}


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "getObsByTarg": list_observations,
    "listObsFiles": list_files,
}


def observation_file(archive: Archive, name: str) -> Path | None:
    """The file behind an address below `FOLDER`; none but files that `list_files` lists are found."""
    obsid, _, inner = name.partition("/")
    observation = _LISTED.get(archive, {}).get(obsid) or _search(archive, obsid)
    return _files(archive, observation).get(inner)


def _search(archive: Archive, obsid: str) -> Observation | None:
    """An observation, as it is now."""
    observation = next((one for one in archive.observations if one.obsid == obsid), None)
    if observation is not None:
        _LISTED.setdefault(archive, {})[obsid] = observation
    return observation


def _files(archive: Archive, observation: Observation | None) -> dict[str, Path]:
    """The files of an observation by their place in it."""
    if observation is None:
        return {}
    root = archive.folder.resolve()
    events = [path for paths in observation.files.values() for path in paths]
    found = {f"{_EVENTS}/{path.name}": path for path in events}
    for folder in _folders(observation):
        there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        # Links may lead anywhere; the event files are wanted wherever they are.
        inside = {name: path for name, path in there.items() if path in events or path.resolve().is_relative_to(root)}
        found = {name: path for name, path in found.items() if path not in there.values()} | inside
    return {name: path for name, path in found.items() if not any(part[0] == "." for part in name.split("/"))}


def _folders(observation: Observation) -> list[Path]:
    """The folders named after an observation in which its event files are."""
    paths = [path for paths in observation.files.values() for path in paths]
    return list({folder: None for path in paths for folder in path.parents if folder.name == observation.obsid})
