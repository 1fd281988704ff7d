"""How source and background are extracted."""

from __future__ import annotations

from typing import Any

import astropy.units as u

from .._ds9 import parsed_strictly, region_text
from .._fields import Choice, Flag, Integer, Kind, Measure, Record, par, record, wire_keys

__all__ = ["ELSEWHERE", "LOCAL_ONLY", "ExtractionSettings"]

_RATE = u.ct / u.s

#: Settings that the service cannot be told.
LOCAL_ONLY = ("source_region", "background_region")


class _Shapes(Kind):
    """Regions, kept as DS9 text."""

    def convert(self, value: Any) -> str:
        return region_text(value)

    def from_plain(self, value: Any) -> str:
        # Only the user's own code may name files.
        if not isinstance(value, str):
            raise ValueError(f"the text of a DS9 file is needed; got {value!r}")
        return region_text(parsed_strictly(value))

    def describe(self) -> str:
        return "region, list of regions, DS9 text or path of a DS9 file"


@record
class ExtractionSettings(Record):
    r"""Settings shared by all products of a request.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import ExtractionSettings
    >>> ExtractionSettings(centroid_tolerance=30 * u.arcsec).centroid_tolerance
    <Quantity 0.5 arcmin>

    A source region of one's own (for the local engine), less a neighbour:

    >>> text = 'fk5\ncircle(21.738,33.125,47")\n-circle(21.745,33.125,10")'
    >>> print(ExtractionSettings(source_region=text).source_region)
    fk5
    circle(21.738,33.125,47.0")
    -circle(21.745,33.125,10.0")
    """

    centroid: bool = par(
        "Whether the source is centroided in the XRT frame.",
        Flag(),
        default=True,
        wire="cent",
        note="Needed for light curves and spectra only, but the reference client wants it for all but lists of sources. "
        "So it is sent.",
    )
    centroid_method: str | None = par(
        "One centroid, or repeated until it is stable.",
        Choice("simple", "iterative"),
        default=None,
        wire="centMeth",
        service_default="simple",
    )
    centroid_tolerance: u.Quantity | None = par(
        "How far the centroid may lie from the position; 1 arcmin when centroiding and not given.",
        Measure(u.arcmin, 0, above=True),
        default=None,
        wire="poserr",
        note="The service has refused values outside 1 to 6 in one example and reported 60 in another, so only zero and "
        "less are refused here. Also called ``posErr``; ``poserr`` is sent, both are read.",
    )
    centroid_attempts: int | None = par(
        "How many observations are tried for a centroid.",
        Integer(1),
        default=None,
        wire="maxCentTries",
        service_default=10,
    )
    super_soft: bool | None = par(
        "Whether the source is super-soft: grade 0 only and lower rates for pile-up.",
        Flag(),
        default=None,
        wire="sss",
        service_default=False,
    )
    use_sxps: bool = par(
        "Whether sources of the SXPS catalogues are masked.",
        Flag(),
        default=False,
        wire="useSXPS",
        note="Optional in the documentation, but the reference client wants it given. It is always sent, except for "
        "lists of sources alone.",
    )
    pileup_rate_wt: u.Quantity | None = par(
        "Count rate from which windowed timing data are searched for pile-up.",
        Measure(_RATE, 0, above=True),
        default=None,
        wire="wtpuprate",
        service_default=150 * _RATE,
    )
    pileup_rate_pc: u.Quantity | None = par(
        "Count rate from which photon counting data are searched for pile-up.",
        Measure(_RATE, 0, above=True),
        default=None,
        wire="pcpuprate",
        service_default=0.6 * _RATE,
    )
    source_radius_max: u.Quantity | None = par(
        "Largest radius of the source region, in sky pixels, for light curve and spectrum together.",
        Measure(u.pix, 0, above=True, whole=True),
        default=None,
        wire="srcrad",
        service_default=30 * u.pix,
        note="Documented for light curves and spectra each, but there is one key for both, and the reference client "
        "sends what was set last.",
    )
    source_region: str | None = par(
        "Source region of one's own, fixed whatever the rate; local engine only. Kept as DS9 text.",
        _Shapes(),
        default=None,
        note="Pile-up is not taken out of it. Shapes in pixels are in those of the earliest observation. In windowed "
        "timing it cuts the line along DETX through the source.",
    )
    background_region: str | None = par(
        "Background region of one's own; local engine only. Kept as DS9 text.",
        _Shapes(),
        default=None,
        note="Other sources inside are not masked: cut them out with excluded shapes.",
    )

    @classmethod
    def _derive(cls, values: dict[str, Any]) -> None:
        # The service has no default for the tolerance and refuses to centroid without one.
        if values["centroid"] and values["centroid_tolerance"] is None:
            values["centroid_tolerance"] = 1.0 * u.arcmin


#: What to say to those who look for settings of the whole request at one of its products.
ELSEWHERE = {
    **{
        name: f"all products share it: extraction=ExtractionSettings({field.name}=...)"
        for field in ExtractionSettings.__record_fields__
        for name in (field.name, *wire_keys(field))
    },
    **dict.fromkeys(
        ("source_radius_max", "source_radius", "srcrad"),
        "it is XRTRequest.extraction.source_radius_max, because the service has one value for light curve and spectrum",
    ),
    **{
        name: f"it concerns the whole request: submit(XRTRequest(target=..., {name}=...)) with this as one of its parts"
        for name in ("times_since_t0", "notify")
    },
}
