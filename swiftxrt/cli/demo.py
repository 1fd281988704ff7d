"""``swiftxrt demo``: the tutorial of the product generator as one job."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u

from ..backends.local.archive import Archive
from ..config import conf
from ..exceptions import NoDataError, OutputExistsError, ProductNotAvailableError
from ..kinds import ProductKind
from ..mission import Mode
from ..plot.files import save_figure
from ..products.productset import ProductSet
from ..products.report import JobReport, Phase, StepState
from ..query.core import SwiftXRTClass
from ..request.bundle import XRTRequest
from ..request.image import ImageRequest
from ..request.lightcurve import CountsBinning, LightCurveRequest
from ..request.position import PositionRequest
from ..request.selection import Observations
from ..request.spectrum import SpectrumRequest
from ..request.target import Target
from ..testing.server import embedded_server
from ..testing.synthetic import simulate
from .demo_report import summary_text

__all__ = ["run"]

_USER = "demo@example.org"
_TIMEOUT = 10 * u.min


def run(*, archive: Path | None, obsid: str | None, output: Path) -> int:
    """Make every product and write it, with pictures, to a folder.

    Raises
    ------
    OutputExistsError
        If the output folder holds files.
    NoDataError
        If there is no such observation.
    """
    _require_empty(output)
    if archive is None:
        with _stage("Simulating the observations of a gamma-ray burst"):
            archive = output / "observations"
            simulate(archive)
    request = _request(archive, obsid)
    output.mkdir(parents=True, exist_ok=True)
    request.write(output / "request.yaml")
    with (
        tempfile.TemporaryDirectory(prefix="swiftxrt-") as own,
        conf.set_temp("data_dir", own),  # nothing of this belongs into the user's job book,
        conf.set_temp("cache", False),  # noqa: FBT003 - or among the replies of a real service
        embedded_server(archive, users=[_USER], processes=True) as url,
        SwiftXRTClass(user=_USER) as client,
    ):
        print(f"Serving the product service on {url}")
        job = client.submit(request)
        print(f"Job {job.id} accepted: {', '.join(kind.title for kind in job.kinds)}")
        job.cancel([ProductKind.ASTROMETRIC_POSITION])
        print("Cancelled the astrometric position")
        products = job.result(timeout=_TIMEOUT, progress=_Ticker())
        archives = job.download(output / "archives")
    with _stage("Writing files and pictures"):
        written = [*archives.values(), output / "request.yaml", *_write(products, output)]
    text = summary_text(products, job)
    (output / "summary.txt").write_text(text, encoding="utf-8")
    written.append(output / "summary.txt")
    print(f"\n{text}\nFiles:")
    for path in written:
        print(f"  {path}")
    return 0


def _require_empty(output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputExistsError(f"{output} exists and is not empty; remove it or choose another folder with --output")


def _request(archive: Path, obsid: str | None) -> XRTRequest:
    observations = Archive(archive).observations
    chosen = [one for one in observations if obsid in (None, one.obsid)]
    if not chosen:
        known = ", ".join(one.obsid for one in observations)
        raise NoDataError(f"no observation {obsid} below {archive}; there are: {known}")
    first = chosen[0]
    data: dict[str, Any] = {} if obsid is None else {"data": Observations(obsid)}
    return XRTRequest(
        target=Target(name=first.name, position=first.target_position, target_ids=(first.target_id,), resolve_t0=True),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30, dynamic=True), **data),
        spectrum=SpectrumRequest(**data),
        position=PositionRequest(kinds=("standard", "enhanced", "astrometric"), astrometric_all_data=True, **data),
        image=ImageRequest(**data),
    )


class _Ticker:
    """Prints one line whenever a product takes a step."""

    def __init__(self) -> None:
        self._shown: dict[ProductKind, str] = {}
        self._start = time.monotonic()

    def __call__(self, report: JobReport) -> None:
        for kind, status in report.products.items():
            active = [step.label for step in status.steps if step.state is StepState.ACTIVE]
            line = active[0] if status.phase is Phase.EXECUTING and active else str(status.phase).lower()
            if status.phase is Phase.ERROR:
                line = f"not made: {status.text}"
            if self._shown.get(kind) != line:
                self._shown[kind] = line
                print(f"  {time.monotonic() - self._start:5.1f} s  {kind.title}: {line}", flush=True)


@contextmanager
def _stage(title: str) -> Iterator[None]:
    start = time.monotonic()
    print(f"{title} ...", end=" ", flush=True)
    yield
    print(f"{time.monotonic() - start:.1f} s", flush=True)


def _write(products: ProductSet, output: Path) -> list[Path]:
    """Write one file of each kind and the three pictures."""
    written: list[Path] = []
    for write in (_write_light_curve, _write_spectrum, _write_image):
        try:
            written += write(products, output)
        except ProductNotAvailableError as error:
            print(f"\n  {error}")
    return written


def _write_light_curve(products: ProductSet, output: Path) -> list[Path]:
    curves = products.light_curve
    paths = [output / "lightcurve.ecsv", output / "lightcurve.fits", output / "lightcurve.png"]
    curves.total.write(paths[0], format="ascii.ecsv")
    curves.total.write(paths[1], format="ogip.lc")
    save_figure(curves.plot(), paths[2])
    return paths


def _write_spectrum(products: ProductSet, output: Path) -> list[Path]:
    spectra = products.spectrum
    best = max(spectra.count_spectra, key=lambda one: int(one.counts.sum()))
    spectra[best.stem].write(output / "spectrum.pha")
    save_figure(spectra[best.stem].plot(), output / "spectrum.png")
    return sorted(output.glob("spectrum*"))


def _write_image(products: ProductSet, output: Path) -> list[Path]:
    image = products.image[0]
    paths = [output / "image.fits", output / "image.png"]
    image.write(paths[0])
    regions = []
    if ProductKind.STANDARD_POSITION in products:
        paths.append(output / "position.reg")
        products.standard_position.write(paths[-1])
        regions.append(products.standard_position.region)
    save_figure(image.plot(regions=[*_extraction_regions(products), *regions]), paths[1])
    return paths


def _extraction_regions(products: ProductSet) -> list[Any]:
    """Regions of the photon-counting spectrum, which differ between snapshots."""
    if ProductKind.SPECTRUM not in products:
        return []
    from regions import Regions

    found = []
    for spectrum in products.spectrum.count_spectra:
        if spectrum.mode is not Mode.PC:
            continue
        for name, text in (("source", spectrum.source_region), ("background", spectrum.background_region)):
            for region in Regions.parse(text, format="ds9") if text else ():
                region.meta["text"] = name
                found.append(region)
    return found
