"""Pictures of sources, as the service shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from .._atomic import atomic_path
from .._paths import as_path
from ..exceptions import FormatError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SourcePreview"]

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class SourcePreview:
    """A picture of a source in one band, for the eye only; notebooks show it.

    Parameters
    ----------
    band : str
        ``"total"``, ``"soft"``, ``"medium"``, ``"hard"`` or ``"exposure"``.
    content : bytes
        The picture as PNG.
    url : str, optional
        Where it came from.
    name : str, optional
        What the source is called.

    Raises
    ------
    FormatError
        If it is no PNG.
    """

    band: str
    content: bytes = field(repr=False)
    url: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.content.startswith(_PNG):
            raise FormatError(f"this is no picture (PNG): it begins with {self.content[:20]!r}", self.url or None)

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the picture to a file, such as ``"total.png"``.

        Raises
        ------
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        target = as_path(path, "path")
        with atomic_path(target, overwrite) as temporary:
            temporary.write_bytes(self.content)
        return target

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the picture, with source and band above it.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; new axes by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        from ..plot.preview import plot_preview

        return plot_preview(self, ax=ax)

    def peek(self) -> None:
        """Show the picture."""
        from ..plot.preview import peek_preview

        peek_preview(self)

    def _repr_png_(self) -> bytes:
        return self.content
