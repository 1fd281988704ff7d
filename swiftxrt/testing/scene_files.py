"""Scenes of simulated observations in files: what a user writes, and the record that goes with the data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import yaml
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.time import Time
from astropy.wcs import WCS

from .._fields import nearest, problems_of
from ..engine import source_models
from ..engine.scene import Scene, Snapshot, Source
from ..engine.source_shapes import BetaModel, ImageShape
from ..exceptions import FormatError, RequestError
from ..io._fitsfile import load_fits
from ..io._reading import foreign_content
from ..products._wcs import celestial_wcs

__all__ = ["read_scene", "scene_text"]

_KIND = "kind"
_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        *(Scene, Snapshot, Source, BetaModel, ImageShape),
        *(getattr(source_models, name) for name in source_models.__all__ if name not in ("CurveLike", "Spectrum")),
    )
}
_MORE_OF_SCENE = tuple(item.name for item in fields(Scene) if item.name != "snapshots")
_QUANTITIES = ("rate", "flux", "column_density", "extent", "exposure", "roll", "snapshot", "background")


def scene_text(scene: Scene, *, seed: int) -> str:
    """A scene and the seed as JSON, with every digit: `read_scene` gives the same scene again.

    Parameters
    ----------
    scene : Scene
        What was simulated.
    seed : int
        Seed of the random numbers.
    """
    return json.dumps({"seed": seed, **_encoded(scene)}, indent=1, allow_nan=False) + "\n"


def _encoded(value: Any) -> Any:
    """A value as JSON knows it; objects are mappings with their kind."""
    if isinstance(value, WCS):
        return value.to_header_string(relax=True)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if type(value).__name__ in _CLASSES and is_dataclass(value):
        members = {item.name: _encoded(getattr(value, item.name)) for item in fields(value)}
        return {_KIND: type(value).__name__, **members}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise RequestError(
        [("scene", f"{type(value).__name__} cannot be recorded in a file; take a class of "
                   f"swiftxrt.engine.source_models, or a table of rates or fluxes")], "simulation"
    )  # fmt: skip


def read_scene(path: str | os.PathLike[str]) -> tuple[Scene, int | None]:
    """Read a scene from a file.

    Parameters
    ----------
    path : path-like
        YAML, or JSON if the name ends so: the arguments of `Scene.of`, with the
        sources as a list of arguments of `Source.at`. Quantities are texts such
        as ``5 ks``. Spectra and images may be names of files beside this one.

    Returns
    -------
    scene : Scene
    seed : int or None
        The seed, if the file has one.

    Raises
    ------
    FormatError
        If the file cannot be read, or is no mapping.
    RequestError
        If the scene lacks something, or a value cannot be used.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FormatError("there is no such file", place) from error
    except UnicodeDecodeError as error:
        raise FormatError("this is not a text", place) from error
    try:
        content = json.loads(text) if place.suffix.lower() == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"this is neither YAML nor JSON ({error})", place) from error
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise FormatError("a scene is a mapping of names to values, such as 'exposure: 5 ks'", place)
    given = dict(content)
    seed = given.pop("seed", None)
    scene = _decoded(given, "scene") if _KIND in given else _asked_scene(given, place.parent)
    if not isinstance(scene, Scene):
        raise RequestError([(_KIND, f"Scene is needed; got {given[_KIND]!r}")], "scene")
    return scene, seed


def _decoded(value: Any, where: str) -> Any:
    """The inverse of `_encoded`."""
    if isinstance(value, list):
        return tuple(_decoded(item, where) for item in value)
    if not isinstance(value, Mapping):
        return value
    kind = value.get(_KIND)
    if kind not in _CLASSES:
        raise RequestError([(f"{where}.{_KIND}", f"one of {', '.join(_CLASSES)} is needed; got {kind!r}")], "scene")
    members = {key: _decoded(item, f"{where}.{key}") for key, item in value.items() if key != _KIND}
    if kind == "ImageShape":
        header = fits.Header.fromstring(members.get("wcs", ""))
        members = {"brightness": np.array(members.get("brightness", ()), dtype=float), "wcs": WCS(header)}
    return _made(_CLASSES[kind], members, where)


def _made(maker: Callable[..., Any], members: dict[str, Any], where: str) -> Any:
    """Call a class or a function with values from a file."""
    problems = _misnamed(maker, members, where)
    if problems:
        raise RequestError(problems, "scene")
    try:
        return maker(**members)
    except RequestError as error:
        raise RequestError(problems_of(where, error), "scene") from error
    except TypeError as error:
        raise RequestError([(where, f"the values do not fit: {error}")], "scene") from error


def _misnamed(maker: Callable[..., Any], names: Iterable[str], where: str) -> list[tuple[str, str]]:
    """Names of arguments that do not exist, and of those that are missing."""
    named = {one.name: one for one in signature(maker).parameters.values() if one.kind is not one.VAR_KEYWORD}
    known = dict.fromkeys([*named, *(_MORE_OF_SCENE if maker == Scene.of else ())])
    needed = [name for name, one in named.items() if one.default is one.empty]
    wrong = [
        (f"{where}.{name}", f"there is no such name{nearest(name, known)}; there are {', '.join(known)}")
        for name in names
        if name not in known
    ]
    return wrong + [(f"{where}.{name}", "is missing") for name in needed if name not in names]


def _kept(problems: list[tuple[str, str]], read: Callable[..., Any], *arguments: Any) -> Any:
    """What a function reads, or None with its problems noted."""
    try:
        return read(*arguments)
    except RequestError as error:
        problems += error.problems
        return None


def _asked_scene(given: dict[str, Any], folder: Path) -> Scene:
    """A scene from the arguments of `Scene.of`."""
    listed = given.pop("sources", [])
    listed = [listed] if isinstance(listed, Mapping) else listed
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise RequestError([("sources", f"a list of mappings is needed; got {listed!r}")], "scene")
    problems: list[tuple[str, str]] = []
    sources = [_kept(problems, _asked_source, dict(item), number, folder) for number, item in enumerate(listed)]
    problems += _misnamed(Scene.of, ["sources", *given], "scene")
    arguments = {key: _kept(problems, _argument, key, value, folder, f"scene.{key}") for key, value in given.items()}
    if problems:
        raise RequestError(problems, "scene")
    scene: Scene = _made(Scene.of, {"sources": sources, **arguments}, "scene")
    return scene


def _asked_source(given: dict[str, Any], number: int, folder: Path) -> Source:
    """A source from the arguments of `Source.at`."""
    where = f"sources[{number}]"
    if _KIND in given:
        source = _decoded(given, where)
    else:
        given.setdefault("name", "target" if number == 0 else f"source {number}")
        problems = _misnamed(Source.at, given, where)
        read = {key: _kept(problems, _argument, key, value, folder, f"{where}.{key}") for key, value in given.items()}
        if problems:
            raise RequestError(problems, "scene")
        source = _made(Source.at, read, where)
    if not isinstance(source, Source):
        raise RequestError([(where, f"a Source is needed; got {given.get(_KIND)!r}")], "scene")
    return source


def _argument(key: str, value: Any, folder: Path, where: str) -> Any:
    """A value of a file as an argument."""
    is_curve = key == "rate" and isinstance(value, Mapping) and set(value) == {"time", "rate"}
    if isinstance(value, Mapping) and not is_curve:
        return _decoded(value, where)
    try:
        if is_curve:
            return _time(value["time"]), _quantity(value["rate"])
        if key in _QUANTITIES:
            return _quantity(value)
        if key in ("position", "pointing"):
            return _position(value)
        if key == "start":
            return _time(value)
    except (ValueError, TypeError, u.UnitsError) as error:
        raise RequestError([(where, f"{value!r} cannot be used ({error})")], "scene") from error
    if key == "spectrum":
        return _table(folder / str(value))
    if key == "image":
        return _image(folder / str(value))
    return tuple(value) if isinstance(value, list) else value


def _quantity(value: Any) -> u.Quantity:
    if isinstance(value, list):
        return u.Quantity([u.Quantity(item) for item in value])
    return u.Quantity(value)


def _time(value: Any) -> Time:
    """One or several times, UTC; YAML has made dates of some."""
    if isinstance(value, list):
        return Time([_time(item) for item in value])
    return Time(str(value), scale="utc")


def _position(value: Any) -> SkyCoord:
    """Right ascension and declination, as text or as two numbers of degrees."""
    if isinstance(value, list):
        return SkyCoord(*(float(item) for item in value), unit="deg")
    has_units = any(letter in str(value) for letter in "hd:")
    return SkyCoord(str(value), unit=(u.hourangle, u.deg) if has_units else u.deg)


def _table(path: Path) -> QTable:
    if not path.is_file():
        raise FormatError("there is no such file", path)
    with foreign_content(path, "this is not a table of energies and fluxes"):
        return QTable.read(path)


def _image(path: Path) -> CCDData:
    hdu = next((one for one in load_fits(path) if one.data is not None and one.is_image and one.data.ndim == 2), None)
    wcs = celestial_wcs(hdu.header, hdu.data.shape) if hdu is not None else None
    if hdu is None or wcs is None:
        raise FormatError("there is no image with celestial coordinates", path)
    return CCDData(hdu.data.astype(float), wcs=wcs, unit=u.dimensionless_unscaled)
