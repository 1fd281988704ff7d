"""What a file is made from, told in its HISTORY."""

from __future__ import annotations

from astropy.io import fits

from ..products.provenance import Provenance

__all__ = ["add_sources"]


def add_sources(header: fits.Header, provenance: Provenance) -> None:
    """Add a line of HISTORY for each of several observations: ``OBS_ID`` has room for one only."""
    if len(provenance.inputs) > 1:
        for name in provenance.inputs:
            header.add_history("made from " + "".join(char if " " <= char <= "~" else "?" for char in name))
