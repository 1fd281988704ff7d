"""Pictures as PNG files."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from swiftxrt.io.png import write_png


def test_another_reader_sees_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_png(pixels, tmp_path / "a.png")
    assert np.array_equal((matplotlib.image.imread(tmp_path / "a.png")[..., :3] * 255).round(), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 4), dtype=np.uint8), np.zeros((4, 4, 3))])
def test_other_arrays_are_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="8 bits"):
        write_png(pixels, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
