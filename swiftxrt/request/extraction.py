"""How source and background are extracted."""

from __future__ import annotations

from typing import Any

import astropy.units as u

from .._fields import Choice, Flag, Integer, Measure, Record, par, record, wire_keys

__all__ = ["ELSEWHERE", "ExtractionSettings"]

_RATE = u.ct / u.s


@record
class ExtractionSettings(Record):
    """Settings shared by all products of a request.

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
