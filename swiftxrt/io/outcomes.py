"""Products of many objects on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._fields import nearest
from .._filenames import distinct_names
from .._paths import as_path
from ..exceptions import RequestError
from ..products.lightcurve import LightCurveSet
from ..products.outcomes import Outcome, Outcomes
from ..products.spectrumset import SpectrumSet
from .lightcurve import write_set

__all__ = ["write_outcomes"]

_LAYOUTS = ("folders", "stems")


def write_outcomes(
    outcomes: Outcomes,
    location: Any,
    *,
    layout: str,
    format: str | None,  # noqa: A002
    overwrite: bool,
) -> list[Path]:
    """Write what came of many objects; see `swiftxrt.products.outcomes.Outcomes.write`."""
    folder = as_path(location, "location")
    if layout not in _LAYOUTS:
        hint = nearest(str(layout), _LAYOUTS)
        raise RequestError([("layout", f"must be one of {', '.join(_LAYOUTS)}; got {layout!r}{hint}")])
    outcomes.tell_failures()
    done = [one for one in outcomes if one.is_ok]
    _check(done, layout, format)
    names = distinct_names([one.name for one in done], default="object")
    options = {} if format is None else {"format": format}
    places = []
    for name, one in zip(names, done, strict=True):
        if layout == "stems":
            write_set(one.value, folder, format=format or "ogip.lc", overwrite=overwrite, prefix=f"{name}_")
            places.append(folder)
        else:
            one.value.write(folder / name, overwrite=overwrite, **options)
            places.append(folder / name)
    return list(dict.fromkeys(places))


def _check(done: list[Outcome], layout: str, format: str | None) -> None:  # noqa: A002
    for one in done:
        if not isinstance(one.value, LightCurveSet | SpectrumSet):
            text = f"light curves and spectra can be written; {one.name:.60} is a {type(one.value).__name__}"
            raise RequestError(f"{text}; images and pictures are kept with get_images(..., location=...)")
        if isinstance(one.value, SpectrumSet) and (layout != "folders" or format is not None):
            raise RequestError("files of spectra name each other, so each set has a folder of its own, in one format")
    if layout == "stems" and format == "ukssdc.qdp":
        raise RequestError("the service's QDP files have names of their own; write them with layout='folders'")
