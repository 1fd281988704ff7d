"""Whether a file is of the kind that its name says."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ...exceptions import FormatError, ProtocolError
from .encodings import as_text, gist, is_page

__all__ = ["check_content"]

_START = 4096
_PIECE = 1 << 18
_FITS_BLOCK = 2880
_FITS = (b"SIMPLE  =",)
_GZIP = (b"\x1f\x8b",)
# How files of each kind begin; a product compressed or not keeps its name otherwise.
_BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    ".gz": _GZIP,
    ".tgz": _GZIP,
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    **dict.fromkeys((".fits", ".fit", ".img", ".evt", ".pi", ".pha", ".arf", ".rmf", ".hk", ".lc"), _FITS),
    ".png": (b"\x89PNG",),
    ".gif": (b"GIF8",),
    ".jpg": (b"\xff\xd8",),
    ".pdf": (b"%PDF",),
    ".ps": (b"%!", b"\xc5\xd0\xd3\xc6"),
}
_PAGES = (".html", ".htm", ".php")


def check_content(path: Path, target: Path, *, url: str, whole: bool) -> None:
    """Look whether what came is what was wanted.

    Parameters
    ----------
    path : Path
        What came.
    target : Path
        What it shall be; its ending tells.
    url : str
        Where it comes from.
    whole : bool
        Whether all of it has certainly come. If not, its end is looked for.

    Raises
    ------
    ProtocolError
        If it is a web page.
    FormatError
        If it is of another kind, or incomplete.
    """
    suffix = target.suffix.lower()
    with path.open("rb") as file:
        start = file.read(_START)
    if suffix not in _PAGES and is_page(text := as_text(start)):
        said = gist(text)
        raise ProtocolError(
            f"{url} answered with a web page{f' ({said})' if said else ''} instead of {target.name}",
            advice="the service may be under maintenance: try again later",
            url=url,
            status=200,
        )
    if not _begins_well(start, suffix):
        raise FormatError(f"what {url} sent is no {suffix} file ({_shown(start)}); try again later", target)
    ends_well = _ENDS.get(suffix)
    if not whole and ends_well is not None and not ends_well(path):
        raise FormatError(f"what {url} sent breaks off after {path.stat().st_size} bytes; try again", target)


def _begins_well(start: bytes, suffix: str) -> bool:
    if suffix == ".tar":
        return start[257:262] == b"ustar" or (len(start) >= 512 and start[:512].count(0) == 512)
    return start.startswith(_BEGINNINGS.get(suffix, (b"",)))


def _shown(start: bytes) -> str:
    return f"it begins with {start[:12]!r}" if start else "it is empty"


def _gzip_ends(path: Path) -> bool:
    """Whether the checksums at the end of the packed parts are there and right."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                while piece:
                    if unpacker.eof:
                        if not piece.strip(b"\0"):  # filling up to a whole block
                            break
                        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
                    unpacker.decompress(piece, 1 << 20)
                    piece = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error:
        return False
    return unpacker.eof


def _tar_ends(path: Path) -> bool:
    """Whether the empty blocks that end an archive are there."""
    try:
        with tarfile.open(path, "r:") as archive:
            end = 0
            for member in archive:
                end = member.offset_data + -(-member.size // 512) * 512 * member.isreg()
            with path.open("rb") as file:
                file.seek(end)
                return file.read(1024) == bytes(1024)
    except (tarfile.TarError, OSError, ValueError):
        return False


def _zip_ends(path: Path) -> bool:
    return zipfile.is_zipfile(path)


def _fits_ends(path: Path) -> bool:
    return path.stat().st_size % _FITS_BLOCK == 0


_ENDS: Mapping[str, Callable[[Path], bool]] = {
    **dict.fromkeys((".gz", ".tgz"), _gzip_ends),
    ".tar": _tar_ends,
    ".zip": _zip_ends,
    **{suffix: _fits_ends for suffix, start in _BEGINNINGS.items() if start is _FITS},
}
