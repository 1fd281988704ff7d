"""How events were extracted, in words: pointing, source and background regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..mission import PIXEL_ARCSEC, Mode
from .extracted import SnapshotRegion

__all__ = ["pointing_notes", "region_notes"]

# Where the pointing comes from, in words.
_SOURCES = {
    "attitude": "the attitude file",
    "events": "the events",
    "header": "the header",
    "housekeeping": "the frame headers",
}
#: Sizes are told one by one up to so many, and as a range beyond.
_MOST_SIZES = 4
_OWN = "the user's own"
_NONE = "none in view"


def pointing_notes(sources: Iterable[str], counted: str = "snapshots") -> tuple[str, ...]:
    """Where the pointings come from, and how often.

    Parameters
    ----------
    sources : iterable of str
        `swiftxrt.engine.geometry.Pointing.source` of each snapshot.
    counted : str, optional
        What is counted.

    Returns
    -------
    notes : tuple of str
        One sentence; empty if there is no snapshot.
    """
    found = Counter(sources)
    if not found:
        return ()
    parts = (f"{_SOURCES[name]} in {count} of {found.total()} {counted}" for name, count in sorted(found.items()))
    return (f"pointing from {', '.join(parts)}",)


def region_notes(regions: Sequence[SnapshotRegion]) -> tuple[str, ...]:
    """How the events in some regions were extracted.

    Parameters
    ----------
    regions : sequence of SnapshotRegion
        Of one mode, as in `Extraction.regions`; at least one.

    Returns
    -------
    notes : tuple of str
        Pointing, source regions, holes for pile-up if there are any, and background regions.
    """
    mode, number = regions[0].mode, len(regions)
    whole = number == len({region.snapshot for region in regions})
    counted = "snapshots" if whole else "parts of snapshots"
    share = f"of {number} {counted}"
    # In windowed timing sizes are half lengths along the columns.
    kind, around = ("radius ", "ring of ") if mode is Mode.PC else ("half length ", "columns at a distance of ")
    given = [region for region in regions if region.source_shape]
    chosen = [region.source_radius_pix for region in regions if not region.source_shape]
    holes = [region.source_inner_pix for region in regions if region.source_inner_pix > 0]
    notes = [
        *pointing_notes((region.pointing for region in regions), counted),
        f"source regions: {_counted([*[_OWN] * len(given), *_sizes(kind, chosen)], share)}",
        *([f"left out of their middle for pile-up: {_counted(_sizes(kind, holes), share)}"] if holes else []),
        f"background regions: {_counted([_background(around, region) for region in regions], share)}",
    ]
    return tuple(f"{mode.value}: {note}" for note in notes)


def _sizes(kind: str, sizes_pix: Sequence[float]) -> list[str]:
    """Each size in words, or else the range of all if they are many."""
    rounded = [round(size, 1) for size in sizes_pix]
    if len(set(rounded)) > _MOST_SIZES:
        return [kind + _span(min(rounded), max(rounded))] * len(rounded)
    return [f"{kind}{size:g} pixels ({size * PIXEL_ARCSEC:.1f} arcsec)" for size in rounded]


def _background(around: str, region: SnapshotRegion) -> str:
    if not region.background_area_pix:
        return _NONE
    return _OWN if region.background_shape else around + _span(region.background_inner_pix, region.background_outer_pix)


def _span(low_pix: float, high_pix: float) -> str:
    arcsec = f"{low_pix * PIXEL_ARCSEC:.0f} to {high_pix * PIXEL_ARCSEC:.0f} arcsec"
    return f"{low_pix:.4g} to {high_pix:.4g} pixels ({arcsec})"


def _counted(phrases: Sequence[str], share: str) -> str:
    """Phrases, the most frequent first, with how often there is each."""
    (first, count), *others = Counter(phrases).most_common()
    return ", ".join([f"{first} in {count} {share}", *(f"{phrase} in {times}" for phrase, times in others)])
