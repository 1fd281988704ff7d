"""The events of all snapshots put together, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mission import Mode
from ..products.events import EventList
from .extracted import Extraction
from .inputs import ExtractedEvents
from .source_parts import Piece

__all__ = ["joined"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def joined(
    pieces: Sequence[Piece],
    lists: Sequence[EventList],
    *,
    notes: tuple[str, ...],
    cautions: tuple[tuple[str, str], ...],
) -> Extraction:
    """Put the pieces of all observations together.

    Parameters
    ----------
    pieces : sequence of Piece
        In any order; those of one snapshot have the number of the snapshot in `SnapshotRegion.snapshot`.
    lists : sequence of EventList
        The event lists, of one mode.
    notes, cautions : tuple
        See `Extraction`.
    """
    ordered = sorted(pieces, key=lambda piece: piece.region.start_s)
    numbers: dict[int, int] = {}
    for piece in ordered:
        numbers.setdefault(piece.region.snapshot, len(numbers))
    ordered = [replace(p, region=replace(p.region, snapshot=numbers[p.region.snapshot])) for p in ordered]
    intervals = [(start, stop, k) for k, piece in enumerate(ordered) for start, stop in piece.snapshot.gti]
    intervals.sort()
    return Extraction(
        events=_events(ordered, intervals, lists[0].mode, lists[0].frame_s),
        regions=tuple(piece.region for piece in ordered),
        source_masks=_masks(lists, [(piece.which, piece.source) for piece in ordered]),
        background_masks=_masks(lists, [(piece.which, piece.background) for piece in ordered]),
        notes=notes,
        cautions=cautions,
        gti_region=np.array([k for _, _, k in intervals], dtype=np.int64),
    )


def _masks(lists: Sequence[EventList], parts: list[tuple[int, NDArray[np.intp]]]) -> tuple[Flags, ...]:
    masks = tuple(np.zeros(len(events), dtype=bool) for events in lists)
    for which, index in parts:
        masks[which][index] = True
    return masks


def _events(
    pieces: list[Piece], intervals: list[tuple[float, float, int]], mode: Mode, frame_s: float
) -> ExtractedEvents:
    """Arrays of all pieces, sorted by time."""

    def gathered(part: str) -> tuple[Floats, Any, Floats]:
        indexed = [(piece.snapshot.events, getattr(piece, part)) for piece in pieces]
        time_s = np.concatenate([events.met_mid_s[index] for events, index in indexed])
        pi = np.concatenate([events.pi[index] for events, index in indexed]).astype(np.int64)
        ratio = np.concatenate([np.full(getattr(p, part).size, p.region.ratio) for p in pieces])
        order = np.argsort(time_s, kind="stable")
        return time_s[order], pi[order], ratio[order]

    regions = [pieces[k].region for _, _, k in intervals]
    step_s = np.concatenate([piece.step_s for piece in pieces])
    order = np.argsort(step_s, kind="stable")
    shifted = [piece.shifted for piece in pieces if piece.shifted is not None]
    source_time_s, source_pi, _ = gathered("source")
    background_time_s, background_pi, background_ratio = gathered("background")
    return ExtractedEvents(
        mode=mode.value,
        frame_s=frame_s,
        source_time_s=source_time_s,
        source_pi=source_pi,
        background_time_s=background_time_s,
        background_pi=background_pi,
        background_ratio=background_ratio,
        gti_start_s=np.array([start for start, _, _ in intervals]),
        gti_stop_s=np.array([stop for _, stop, _ in intervals]),
        gti_snapshot=np.array([region.snapshot for region in regions], dtype=np.int64),
        gti_obsid=np.array([region.obsid for region in regions]),
        gti_ratio=np.array([region.ratio for region in regions]),
        correction_time_s=step_s[order],
        correction_factor=np.concatenate([piece.factor for piece in pieces])[order],
        correction_shifted=np.concatenate(shifted, axis=1)[:, order] if shifted else None,
    )
