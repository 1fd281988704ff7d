"""From a request and observations to products, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..exceptions import ProductNotAvailableError
from ..kinds import ProductKind
from ..mission import Mode
from ..products.calibration import Calibration
from ..products.observation import Observation
from ..products.provenance import CLIENT, Provenance, utc_now
from ..request.bundle import XRTRequest
from ..request.selection import AllData
from . import make_astrometric, make_images, make_lightcurve, make_position, make_sources, make_spectra
from .calibration import EMBEDDED
from .data import select_data
from .left_out import listed
from .reference_catalog import ReferenceCatalog
from .without_effect import settings_without_effect

__all__ = ["Progress", "build_product", "step_labels"]


class Progress(Protocol):
    """Told which step begins; it may raise to stop the work."""

    def __call__(self, index: int, note: str = "") -> None:
        """Step number `index` (from 0) begins, or has news in `note`."""
        ...


_MAKERS: dict[ProductKind, Any] = {
    ProductKind.LIGHT_CURVE: make_lightcurve,
    ProductKind.SPECTRUM: make_spectra,
    ProductKind.STANDARD_POSITION: make_position,
    ProductKind.ASTROMETRIC_POSITION: make_astrometric,
    ProductKind.IMAGE: make_images,
    ProductKind.SOURCES: make_sources,
}

_OF_BOTH_MODES = (ProductKind.LIGHT_CURVE, ProductKind.SPECTRUM)
# What cannot be made from event files alone, and why.
_IMPOSSIBLE = {
    ProductKind.ENHANCED_POSITION: (
        "an enhanced position needs UVOT aspect solutions; the local engine has X-ray events only"
    ),
}
_NO_CATALOG = (
    "an astrometric position needs X-ray sources matched to a reference catalogue, and none was given: "
    "SwiftXRT(backend='local', reference_catalog=...) takes a table or a function that returns one"
)


def step_labels(kind: ProductKind) -> tuple[str, ...]:
    """Names of the steps in which a product is built.

    Parameters
    ----------
    kind : ProductKind
        The product.

    Returns
    -------
    labels : tuple of str
    """
    if kind in _IMPOSSIBLE:
        return ("Check the data.",)
    steps: tuple[str, ...] = _MAKERS[kind].STEPS
    return steps


def build_product(
    kind: ProductKind,
    request: XRTRequest,
    observations: Sequence[Observation],
    *,
    progress: Callable[..., None] = lambda index, note="": None,
    job_id: str = "",
    calibration: Calibration = EMBEDDED,
    reference_catalog: ReferenceCatalog | None = None,
    not_used: Callable[[Sequence[str]], Sequence[str]] = lambda obsids: (),
    absent: Callable[[Sequence[str]], Sequence[str]] = lambda obsids: (),
) -> Any:
    """Build one product of a request.

    Parameters
    ----------
    kind : ProductKind
        Which one.
    request : XRTRequest
        The request, its target resolved to a position.
    observations : sequence of Observation
        The observations of the target.
    progress : callable, optional
        Called as ``progress(index, note)`` when a step of `step_labels` begins; the index never gets less.
    job_id : str, optional
        The job, for the provenance.
    calibration : Calibration, optional
        Point spread function, vignetting and response; those that come with the package by default.
    reference_catalog : `~astropy.table.Table` or callable, optional
        For astrometric positions; see `swiftxrt.engine.reference_catalog`.
    not_used : callable, optional
        Gives for the ObsIDs that are used sentences on what was left out
        before, for the provenance.
    absent : callable, optional
        As for `swiftxrt.engine.data.select_data`.

    Returns
    -------
    product : LightCurveSet, SpectrumSet, Position, SourceList or tuple of SkyImage

    Raises
    ------
    ProductNotAvailableError
        If the engine cannot make such a product, or it failed: no source was
        found, or nothing matched.
    NoDataError
        If there are no events or no exposure for what was asked.
    RequestError
        If the observations are of targets too far apart for one field.
    FormatError
        If an event file is damaged.
    """
    progress(0)
    if kind in _IMPOSSIBLE:
        raise ProductNotAvailableError(kind.title, _IMPOSSIBLE[kind])
    options: dict[str, Any] = {}
    complete = request.with_defaults()
    wanted = getattr(complete, kind.slot).data
    if kind is ProductKind.ASTROMETRIC_POSITION:
        if reference_catalog is None:
            raise ProductNotAvailableError(kind.title, _NO_CATALOG)
        options = {"reference_catalog": reference_catalog}
        wanted = AllData() if complete.position.astrometric_all_data else wanted
    data = select_data(observations, wanted, complete, absent=absent)
    if kind not in _OF_BOTH_MODES and data.pc:
        data = data.without_wt()
    files = [name for mode in Mode for name in data.files(mode)]
    provenance = Provenance(
        backend="local",
        request_digest=request.digest,
        software=CLIENT,
        inputs=data.obsids,
        notes=(
            *settings_without_effect(request, kind),
            *((f"event files: {listed(files)}",) if files else ()),
            *data.notes,
            *not_used(data.obsids),
        ),
        cautions=data.cautions,
        created=utc_now(),
        job_id=job_id,
        client=CLIENT,
    )
    return _MAKERS[kind].make(complete, data, provenance, progress, calibration, **options)
