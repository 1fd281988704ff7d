"""Events of a source in both modes."""

from __future__ import annotations

from collections.abc import Callable

from ..exceptions import NoDataError
from ..mission import Mode
from ..request.bundle import XRTRequest
from .data import Data
from .extracted import Extraction, ExtractionParameters
from .extraction import extract

__all__ = ["extract_modes"]


def extract_modes(
    request: XRTRequest, data: Data, parameters: ExtractionParameters, progress: Callable[..., None]
) -> tuple[dict[Mode, Extraction], list[str]]:
    """Take source and background events out of the data of both modes.

    Both are extracted before anything is made of them, so that the steps of a
    product come one after the other.

    Parameters
    ----------
    request : XRTRequest
        Says where the source is.
    data : Data
        The data.
    parameters : ExtractionParameters
        How to extract.
    progress : callable
        Told the mode, as news of the first step.

    Returns
    -------
    extractions : dict of Mode to Extraction
        Windowed timing first; a mode without events is left out.
    left_out : list of str
        Why a mode with data was left out.
    """
    extractions: dict[Mode, Extraction] = {}
    left_out: list[str] = []
    for mode in (Mode.WT, Mode.PC):
        lists = data.of(mode)
        if not lists:
            continue
        progress(0, f"{mode.value} mode")
        try:
            extractions[mode] = extract(lists, request.target.position, parameters)
        except NoDataError as error:
            left_out.append(f"{mode.value} mode was left out: {error}")
    return extractions, left_out
