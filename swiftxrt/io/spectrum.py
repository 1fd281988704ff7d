"""Spectra on disk: PHA files, and the archives in which the service delivers them.

An archive ``<slice>.tar.gz`` holds the spectra of one time slice: for each mode
``<slice><mode>source.pi`` (as extracted), ``<slice><mode>back.pi``,
``<slice><mode>.pi`` (grouped, naming its companions), ``.arf`` and ``.rmf``;
further ``<slice>.areas`` (extraction regions), ``GRB_info.txt`` (position and
time zero) and ``README.txt``.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits

from .._atomic import atomic_path, usable_folder
from .._paths import as_path
from ..exceptions import FormatError, MetadataWarning, PartialResultWarning, RequestError, warn
from ..mission import Mode
from ..products.countspectrum import CountSpectrum
from ..products.fit import COLUMN_UNIT, SpectralFit
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet
from ._folders import folder_to_write
from .pha import companions, pha_content, pha_hdus, read_pha, write_pha
from .response import arf_hdus, content_errors, rmf_hdus
from .unpacking import unpack

__all__ = ["read_pha", "read_set", "read_slice_archive", "write_pha", "write_set", "write_slice_archive"]

PathLike = str | os.PathLike[str]

_INDEX = "spectra.json"
_SOURCE = re.compile(r"(?P<stem>.+(?:wt|pc))source\.pi")
_GROUPED = re.compile(r"(?P<stem>.+(?:wt|pc))\.pi")
_README = """Spectra of the Swift X-ray telescope for the time slice {label}.

*source.pi   source spectrum as extracted (OGIP PHA)
*back.pi     background spectrum
*wt.pi *pc.pi  source spectrum, channels 0-29 bad, at least one count per
             group, with the names of background and response in its header
*.arf *.rmf  effective area and redistribution matrix
*.areas      extraction regions

wt: windowed timing mode; pc: photon counting mode. Load the *wt.pi and *pc.pi
files from within this folder, and fit them with the C statistic.
"""


def write_slice_archive(
    spectra: Sequence[CountSpectrum],
    path: PathLike,
    *,
    t0_met: float | None = None,
    position: SkyCoord | None = None,
    overwrite: bool = False,
) -> None:
    """Write the spectra of one time slice as the service's archive.

    The same spectra give the same bytes.

    Parameters
    ----------
    spectra : sequence of CountSpectrum
        One per mode, all with the same label.
    path : path-like
        Name of the archive, usually ``<label>.tar.gz``.
    t0_met : float, optional
        Time zero (MET, s) for ``GRB_info.txt``; without it the file is left out.
    position : SkyCoord, optional
        Source position for ``GRB_info.txt``; by default that of the target.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Raises
    ------
    RequestError
        If there are no spectra, or they are not of one slice.
    OutputExistsError
        If the file exists and `overwrite` is False.
    """
    stems = [spectrum.stem for spectrum in spectra]
    labels = {spectrum.label for spectrum in spectra}
    if len(labels) != 1 or len(set(stems)) != len(stems):
        raise RequestError(
            f"an archive holds one spectrum per mode of one time slice; got {', '.join(stems) or 'none'}"
        )
    label = labels.pop()
    with atomic_path(path, overwrite) as temporary, temporary.open("wb") as raw, _packing(raw) as archive:
        for name, content in _members(spectra, label, t0_met, position):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@contextmanager
def _packing(raw: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """A gzipped tar archive without file name and time in its head."""
    with (
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        yield archive


def _members(
    spectra: Sequence[CountSpectrum], label: str, t0_met: float | None, position: SkyCoord | None
) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", _README.format(label=label).encode()
    for spectrum in spectra:
        yield from _spectrum_members(spectrum)
    yield f"{label}.areas", "\n".join(_areas(spectrum, t0_met) for spectrum in spectra).encode()
    ra, dec = (spectra[0].header.get(key) for key in ("RA_OBJ", "DEC_OBJ"))
    if position is not None:
        ra, dec = float(position.icrs.ra.deg), float(position.icrs.dec.deg)
    if ra is not None and dec is not None and t0_met is not None:
        yield "GRB_info.txt", f"{ra!r}\n{dec!r}\n{float(t0_met)!r}\n".encode()


def _spectrum_members(spectrum: CountSpectrum) -> Iterator[tuple[str, bytes]]:
    stem = spectrum.stem
    files = {}
    if spectrum.background is not None:
        files["BACKFILE"] = f"{stem}back.pi"
        yield files["BACKFILE"], _bytes(pha_hdus(spectrum.background, {}, background=True))
    if spectrum.arf is not None:
        files["ANCRFILE"] = f"{stem}.arf"
        yield files["ANCRFILE"], _bytes(arf_hdus(spectrum.arf))
    if spectrum.rmf is not None:
        files["RESPFILE"] = f"{stem}.rmf"
        yield files["RESPFILE"], _bytes(rmf_hdus(spectrum.rmf))
    yield f"{stem}source.pi", _bytes(pha_hdus(spectrum, {}))
    grouped = spectrum if spectrum.is_grouped else spectrum.group(min_counts=1)
    yield f"{stem}.pi", _bytes(pha_hdus(grouped, files))


def _bytes(hdus: fits.HDUList) -> bytes:
    stream = io.BytesIO()
    hdus.writeto(stream)
    return stream.getvalue()


def _areas(spectrum: CountSpectrum, t0_met: float | None) -> str:
    """A block of the ``.areas`` file: times since time zero, region, counts, BACKSCAL."""
    interval = spectrum.interval
    if interval is None and spectrum.gti is not None and len(spectrum.gti):
        interval = (float(spectrum.gti.start[0]), float(spectrum.gti.stop[-1]))
    times = ""
    if interval is not None:
        zero = interval[0] if t0_met is None else t0_met
        times = f", {interval[0] - zero:.0f} -- {interval[1] - zero:.0f}"
    region = "".join(f"  {line}\n" for line in (spectrum.source_region or "").splitlines())
    return f"{spectrum.stem}{times}\n{region}  Counts: {spectrum.counts.sum()}\n  BACKSCAL {spectrum.backscale!r}\n"


def read_slice_archive(path: PathLike) -> tuple[CountSpectrum, ...]:
    """Read the spectra of an archive ``<slice>.tar.gz``.

    The counts are those of ``*source.pi``, which has all digits of the
    exposure and no grouping; background and response are those that the
    grouped ``*.pi`` names.

    Parameters
    ----------
    path : path-like
        The archive.

    Returns
    -------
    spectra : tuple of CountSpectrum
        One per mode, in the order of the archive.

    Raises
    ------
    FormatError
        If it is not an archive, holds no spectrum, or is damaged or unsafe.

    Warns
    -----
    MetadataWarning
        If a background or response is missing, damaged or does not fit; the
        spectrum is read without it.
    PartialResultWarning
        If one of several spectra cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        names = [file.name for file in unpack(path, folder, flat=True)]
        stems = [match["stem"] for name in names if (match := _SOURCE.fullmatch(name))]
        stems += [match["stem"] for name in names if (match := _GROUPED.fullmatch(name)) if match["stem"] not in stems]
        if not stems:
            raise FormatError("is not an archive of spectra: it holds no file *wt.pi or *pc.pi", path)
        areas = "\n".join((folder / name).read_text("utf-8", "replace") for name in names if name.endswith(".areas"))
        return tuple(_read_members(folder, stems, areas))


def _read_members(folder: Path, stems: Sequence[str], areas: str) -> Iterator[CountSpectrum]:
    """The spectra that can be read; one that cannot is no reason to lose the others."""
    errors: list[FormatError] = []
    for stem in stems:
        try:
            yield _read_member(folder, stem, areas)
        except FormatError as error:
            errors.append(error)
    if len(errors) == len(stems):
        raise errors[0]
    for one in errors:
        warn(f"a spectrum of the archive is left out: {Path(str(one.path)).name}: {one.reason}", PartialResultWarning)


def _read_member(folder: Path, stem: str, areas: str) -> CountSpectrum:
    source, grouped = folder / f"{stem}source.pi", folder / f"{stem}.pi"
    try:
        content = pha_content(source if source.exists() else grouped)
    except FormatError as error:
        if not (source.exists() and grouped.exists()):
            raise
        content = pha_content(grouped)
        warn(f"{source.name} cannot be used, {grouped.name} takes its place: {error.reason}", MetadataWarning)
    if not content.get("source_region"):
        content["source_region"] = _region_of(areas, content["mode"])
    parts = _companions(folder, stem)
    with content_errors(source):
        return _joined(content, parts, source.name)


def _companions(folder: Path, stem: str) -> dict[str, Any]:
    """Background and response: those that the grouped spectrum names, without one those with the usual names."""
    grouped = folder / f"{stem}.pi"
    if grouped.exists():
        try:
            return companions(grouped, forgiving=True)
        except FormatError as error:
            warn(f"{grouped.name} cannot be used: {error.reason}", MetadataWarning)
    names = {"background": f"{stem}back.pi", "arf": f"{stem}.arf", "rmf": f"{stem}.rmf"}
    there = {key: folder / name for key, name in names.items() if (folder / name).exists()}
    return companions(folder / f"{stem}source.pi", **there, forgiving=True)


def _joined(content: dict[str, Any], parts: dict[str, Any], name: str) -> CountSpectrum:
    """A spectrum with those of its companions that fit."""
    kept: dict[str, Any] = {}
    for part, value in parts.items():
        try:
            CountSpectrum(**content, **kept, **{part: value})
        except RequestError as error:
            warn(f"the {part} of {name} does not fit and is left out: {error}", MetadataWarning)
        else:
            kept[part] = value
    return CountSpectrum(**content, **kept)


def _region_of(areas: str, mode: Mode) -> str | None:
    """The source regions of one mode in the service's ``.areas`` file, as DS9 text.

    Its blocks open with the name of an event list (``<obsid>/wt…evt, 0 -- 653``)
    and hold indented region, counts and BACKSCAL.
    """
    shapes: dict[str, None] = {}
    wanted = False
    for line in areas.splitlines():
        if not line.startswith(" "):
            wanted = PurePosixPath(line.partition(",")[0]).name.startswith(mode.value.lower())
        elif wanted and "(" in line:
            shapes[line.strip()] = None
    return "\n".join(["fk5", *shapes]) if shapes else None


def write_set(spectra: SpectrumSet, folder: PathLike, *, overwrite: bool = False) -> Path:
    """Write spectra as PHA files with an index; see `swiftxrt.SpectrumSet.write`."""
    example = next(iter(spectra), "interval0pc")
    folder = folder_to_write(folder, "a set of spectra", f"spectra[{example!r}].write('{example}.pha')")
    usable_folder(folder)
    written: dict[int, str] = {}
    for spectrum in spectra.count_spectra:
        write_pha(spectrum, folder / f"{spectrum.stem}.pha", overwrite=overwrite, known=written)
    index = {
        "spectra": list(spectra),
        "t0_met": spectra.t0_met,
        "fits": {stem: [fit.to_dict() for fit in models.values()] for stem, models in spectra.fits.items()},
        "missing": dict(spectra.missing),
        "galactic_nh_cm2": None if np.isnan(spectra.galactic_nh) else float(spectra.galactic_nh.to_value(COLUMN_UNIT)),
        "intervals_met_s": {label: list(pair.value) for label, pair in spectra.intervals.items()},
        "urls": dict(spectra.urls),
        "provenance": spectra.provenance.to_dict(),
    }
    with atomic_path(folder / _INDEX, overwrite) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
    return folder


def read_set(folder: PathLike) -> SpectrumSet:
    """Read a folder written by `write_set`; see `swiftxrt.SpectrumSet.read`."""
    folder = as_path(folder, "folder")
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        stems = [str(stem) for stem in index["spectra"]]
        options = _options(index)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise FormatError(f"holds no usable {_INDEX}, the index of a set of spectra: {error}", folder) from error
    known: dict[Path, Any] = {}
    spectra = [read_pha(folder / f"{Path(stem).name}.pha", known=known) for stem in stems]
    with content_errors(folder / _INDEX):
        return SpectrumSet(spectra, **options)


def _options(index: dict[str, Any]) -> dict[str, Any]:
    """What the index tells; sets written before there were fits tell less."""
    column = index.get("galactic_nh_cm2")
    fits = {stem: [SpectralFit.from_dict(item) for item in models] for stem, models in index.get("fits", {}).items()}
    return {
        "t0_met": index["t0_met"],
        "fits": {stem: {fit.model: fit for fit in models} for stem, models in fits.items()},
        "missing": dict(index.get("missing", {})),
        "galactic_nh": None if column is None else float(column) * COLUMN_UNIT,
        "intervals": {str(label): (pair[0], pair[1]) for label, pair in index.get("intervals_met_s", {}).items()},
        "urls": dict(index.get("urls", {})),
        "provenance": Provenance.from_dict(index["provenance"]),
    }
