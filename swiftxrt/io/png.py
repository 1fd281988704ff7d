"""Pictures as PNG files, without the help of a library for figures."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["write_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS, _RGB = 8, 2


def write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Red, green and blue, the top row first.
    path : Path
        The file; it is replaced if it exists.
    """
    height, width, colours = pixels.shape
    if colours != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"red, green and blue of 8 bits are needed; got {pixels.dtype} of shape {pixels.shape}")
    # Each row begins with the number of its filter: none.
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, 3 * width)
    head = struct.pack(">IIBBBBB", width, height, _EIGHT_BITS, _RGB, 0, 0, 0)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)), _chunk(b"IEND", b""))
    path.write_bytes(_SIGNATURE + b"".join(parts))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
