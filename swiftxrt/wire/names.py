"""The service's names of request parameters, those of its reference client, and ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .._fields import Kind, Record, wire_keys
from ..kinds import ProductKind
from ..request.bundle import XRTRequest
from ..request.extraction import ExtractionSettings
from ..request.image import ImageRequest
from ..request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning, SnapshotBinning, TimeBinning
from ..request.position import PositionRequest
from ..request.sources import SourceDetectionRequest
from ..request.spectrum import ObsidSlices, SingleSlice, SnapshotSlices, SpectrumRequest, TimeSlice, TimeSlices
from ..request.target import Target

__all__ = [
    "ALIASES",
    "BINNINGS",
    "DERIVED_FIELDS",
    "SLICES",
    "SWIFTTOOLS_NAMES",
    "field_of_key",
    "is_known_key",
    "key_of_field",
    "kind_of",
]

#: Other spellings seen in the service's texts and in its reference client.
ALIASES = {
    "SinceT0": ("sinceT0",),
    "allowB": ("allowBayes",),
    "pcmaxgap": ("pcmaxGap", "pcMaxGap"),
    "poserr": ("posErr",),
    "wtmaxgap": ("wtmaxGap", "wtMaxGap"),
}

#: Classes behind one key, by the word that stands for them.
BINNINGS: dict[str, type[Record]] = {
    "counts": CountsBinning,
    "time": TimeBinning,
    "snapshot": SnapshotBinning,
    "obsid": ObsidBinning,
}
SLICES: dict[str, type[Record]] = {
    "single": SingleSlice,
    "snapshot": SnapshotSlices,
    "obsid": ObsidSlices,
    "user": TimeSlices,
}

#: Fields that are written and read together with others.
DERIVED_FIELDS = frozenset({"resolve_t0", "kinds", "redshift"})

#: Keys of parameters and what the reference client (swifttools 4.0.5) calls
#: them in Python; each product of it has its own ``whichData``, ``useObs``, ...
SWIFTTOOLS_NAMES: Mapping[str, str] = {
    **{
        key: key
        for key in (
            *("name", "targ", "SinceT0", "RA", "Dec", "centMeth", "maxCentTries", "sss", "useSXPS", "notify"),
            *("getCoords", "getTargs", "getT0", "binMeth", "grades", "allowUL", "bayesCounts", "bayesSNR", "dynamic"),
            *("srcrad", "timeslice", "rname1", "rname2", "rname3", "rname4", "gti1", "gti2", "gti3", "gti4"),
            *("doNotFit", "galactic", "models", "posRadius", "fitStrayLight"),
        )
    },
    "Tstart": "T0",
    "cent": "centroid",
    "poserr": "posErr",
    "wtpuprate": "wtPupRate",
    "pcpuprate": "pcPupRate",
    "minen": "minEnergy",
    "maxen": "maxEnergy",
    "soft1": "softLo",
    "soft2": "softHi",
    "hard1": "hardLo",
    "hard2": "hardHi",
    "sigmin": "minSig",
    "allowB": "allowBayes",
    "lctimetype": "timeFormat",
    "lcobs": "whichData",
    "uselcobs": "useObs",
    "pccounts": "pcCounts",
    "wtcounts": "wtCounts",
    "ratefact": "rateFact",
    "binfact": "binFact",
    "pcbin": "pcBinTime",
    "wtbin": "wtBinTime",
    "mincmin": "minCounts",
    "minsnr": "minSNR",
    "pcmaxgap": "pcMaxGap",
    "wtmaxgap": "wtMaxGap",
    "hrbin": "matchHR",
    "wthrbin": "wtHRBinTime",
    "pchrbin": "pcHRBinTime",
    "femin": "minFracExp",
    "specz": "hasRedshift",
    "zval": "redshift",
    "specobs": "whichData",
    "usespecobs": "useObs",
    "specobstime": "incHours",
    "specstem": "specStem",
    "specgrades": "grades",
    "dchi": "deltaFitStat",
    "posobs": "whichData",
    "useposobs": "useObs",
    "posobstime": "incHours",
    "detornot": "detOrCent",
    "detMeth": "centMeth",
    "allxastrom": "useAllObs",
    "imen": "energies",
    "imobs": "whichData",
    "useimobs": "useObs",
    "detobs": "whichData",
    "usedetobs": "useObs",
    "detbands": "whichBands",
}

# Who asks, and in which version of the protocol.
_ENVELOPE = frozenset({"api_name", "api_version", "UserID"})
_FLAGS = frozenset(kind.flag for kind in ProductKind)

_PARTS: tuple[tuple[str, type[Record]], ...] = (
    ("", XRTRequest),
    ("target", Target),
    ("extraction", ExtractionSettings),
    ("light_curve", LightCurveRequest),
    ("light_curve.binning", CountsBinning),
    ("light_curve.binning", TimeBinning),
    ("spectrum", SpectrumRequest),
    ("spectrum.slices", SingleSlice),
    ("spectrum.slices", TimeSlice),
    ("position", PositionRequest),
    ("image", ImageRequest),
    ("sources", SourceDetectionRequest),
)


def _names() -> Iterator[tuple[str, str]]:
    for path, cls in _PARTS:
        for field in cls.__record_fields__:
            for key in wire_keys(field):
                yield key, f"{path}.{field.name}".lstrip(".")


def is_known_key(key: str) -> bool:
    """Whether a key of a request means something here: a parameter in any spelling, a product, the sender."""
    return key in _KNOWN_KEYS


_KNOWN_KEYS = _ENVELOPE | _FLAGS | {*SWIFTTOOLS_NAMES} | {other for others in ALIASES.values() for other in others}


def kind_of(cls: type[Record], name: str) -> Kind:
    """How the values of a field are checked and written."""
    kind: Kind = next(field.metadata["kind"] for field in cls.__record_fields__ if field.name == name)
    return kind


def field_of_key(key: str) -> str | None:
    """Our name of a parameter of the service, for its error texts.

    Parameters
    ----------
    key : str
        Such as ``"poserr"``.

    Returns
    -------
    field : str or None
        Such as ``"extraction.centroid_tolerance"``; `None` if there is none.
    """
    wanted = {key.lower(), *(main.lower() for main, others in ALIASES.items() if key in others)}
    return next((field for name, field in _names() if name.lower() in wanted), None)


def key_of_field(field: str) -> str | None:
    """The service's name of a parameter, for our error texts; the inverse of `field_of_key`.

    Parameters
    ----------
    field : str
        As in the problems of a `~swiftxrt.exceptions.RequestError` about a request.

    Returns
    -------
    key : str or None
        The (first) key; `None` if there is none.
    """
    return next((key for key, name in _names() if name == field), None)
