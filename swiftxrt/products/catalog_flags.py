"""What the quality flags of the SXPS catalogues say."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ..exceptions import RequestError

__all__ = ["DetectionFlag", "decode_detection_flag", "decode_field_flag"]

_QUALITIES = ("good", "reasonable", "poor")
_QUALITY_BITS = 3
_EXTENDED, _PILED_UP, _BY_HAND = 4, 8, 16
_FIELD_BITS = {
    1: "stray light, fitted",
    2: "diffuse emission",
    4: "stray light, badly fitted",
    8: "trouble with a bright source",
}


@dataclass(frozen=True)
class DetectionFlag:
    """What ``DetFlag`` says about a detection or a source.

    Parameters
    ----------
    value : int
        The flag as the catalogue has it.
    quality : str
        ``"good"``, ``"reasonable"`` or ``"poor"``; ``"unknown"`` for a code of a later catalogue.
    in_extended_source : bool
        Whether it lies inside a known extended source.
    badly_fitted_pileup : bool
        Whether it is a piled-up source that was badly fitted.
    flagged_by_hand : bool
        Whether the area was flagged by hand.

    Examples
    --------
    >>> from swiftxrt.products.catalog_flags import decode_detection_flag
    >>> flag = decode_detection_flag(5)
    >>> flag.quality, flag.in_extended_source
    ('reasonable', True)
    >>> print(flag)
    reasonable, inside a known extended source
    """

    value: int
    quality: str
    in_extended_source: bool = False
    badly_fitted_pileup: bool = False
    flagged_by_hand: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether it is good or reasonable, and nothing speaks against it."""
        return self.value in (0, 1)

    def __str__(self) -> str:
        words = {
            "inside a known extended source": self.in_extended_source,
            "piled up and badly fitted": self.badly_fitted_pileup,
            "flagged by hand": self.flagged_by_hand,
        }
        return ", ".join([self.quality, *(word for word, holds in words.items() if holds)])


def decode_detection_flag(flag: Any) -> DetectionFlag | None:
    """What a ``DetFlag``, ``DetFlag_band0``, ``BestDetFlag`` ... says.

    Parameters
    ----------
    flag : int or None
        As in the catalogue.

    Returns
    -------
    meaning : DetectionFlag or None
        None for -1, which stands for no blind detection in the band, and where there is no flag.

    Raises
    ------
    RequestError
        If it is not a whole number.
    """
    value = _whole(flag)
    if value is None or value < 0:
        return None
    code = value & _QUALITY_BITS
    return DetectionFlag(
        value,
        _QUALITIES[code] if code < len(_QUALITIES) else "unknown",
        bool(value & _EXTENDED),
        bool(value & _PILED_UP),
        bool(value & _BY_HAND),
    )


def decode_field_flag(flag: Any) -> tuple[str, ...]:
    """What a ``FieldFlag`` warns of.

    Parameters
    ----------
    flag : int or None
        As in the catalogue.

    Returns
    -------
    warnings : tuple of str
        Such as ``("diffuse emission",)``; empty if there is nothing to say.

    Raises
    ------
    RequestError
        If it is not a whole number.

    Examples
    --------
    >>> from swiftxrt.products.catalog_flags import decode_field_flag
    >>> decode_field_flag(3)
    ('stray light, fitted', 'diffuse emission')
    """
    value = max(_whole(flag) or 0, 0)
    return tuple(word for bit, word in _FIELD_BITS.items() if value & bit)


def _whole(flag: Any) -> int | None:
    if flag is None:
        return None
    if isinstance(flag, Integral) and not isinstance(flag, bool):
        return int(flag)
    raise RequestError([("flag", f"a whole number, as in the catalogue, is needed; got {flag!r:.60}")])
