"""What the service makes of a burst on demand, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ..config import conf
from ..exceptions import JobLostError, ProtocolError, RequestRejectedError, UnknownObjectError
from ..kinds import ProductKind
from ..products.lightcurve import LightCurveSet
from ..products.report import ALREADY_ENDED, JobReport
from ..products.spectrumset import SpectrumSet
from ..request.lightcurve import LightCurveRequest
from ..wire import burst_jobs as wire
from ..wire import lightcurve, rebin, spectrum
from .bursts import fetched_from, find_burst
from .protocol import CatalogBackend
from .spectrum_archives import collect_spectra

__all__ = ["Rebinning", "Slicing", "start_rebinning", "start_slicing"]

#: The service suggests to look every 30 s; one on this computer does not mind.
_POLITE_S = 30.0
_LOCAL_S = 0.2
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class _Task:
    """Looks after the jobs of one kind in one place."""

    catalog: CatalogBackend

    kind: ClassVar[ProductKind]
    _STATUS: ClassVar[str]
    _CANCEL: ClassVar[str]

    @property
    def name(self) -> str:
        """Name of the place."""
        return self.catalog.name

    @property
    def service(self) -> str:
        """Where it is."""
        return self.catalog.service

    @property
    def min_poll_interval_s(self) -> float:
        """Seconds between two looks at a job."""
        if self.catalog.name == "local" or urlsplit(self.service).hostname in _LOOPBACK:
            return _LOCAL_S
        return max(_POLITE_S, float(conf.poll_interval))

    def poll(self, job_id: str) -> JobReport:
        """Ask for the state of a job."""
        try:
            content = self.catalog.ask(self._STATUS, {"JobID": int(job_id)})
        except (RequestRejectedError, UnknownObjectError) as error:
            message = f"the service tells nothing of job {job_id} ({error}); ask for it again"
            raise JobLostError(message, job_id=job_id) from error
        return wire.read_status(content, job_id, self.kind)

    def cancel(self, job_id: str) -> JobReport:
        """End a job; the report says so if it had ended by itself."""
        reason = ""
        try:
            self.catalog.ask(self._CANCEL, {"JobID": int(job_id)})
        except (RequestRejectedError, UnknownObjectError, ProtocolError):  # ended ones are answered without OK
            reason = ALREADY_ENDED
        return self.poll(job_id).not_cancelled({self.kind: reason})


@dataclass(frozen=True)
class Rebinning(_Task):
    """Light curves of bursts binned anew; `request` is how, if that is known."""

    request: LightCurveRequest | None = None

    kind = ProductKind.LIGHT_CURVE
    _STATUS, _CANCEL = "checkRebinStatus", "cancelRebin"

    def collect(self, job_id: str) -> LightCurveSet:
        """Fetch the light curves."""
        content = self.catalog.ask("downloadLightCurve", wire.ask_rebinned(job_id))
        rebin.check_light_curve(content)
        bands: dict[str, Any] = {}
        if self.request is not None:
            asked = self.request.with_defaults()
            bands["bands"] = (asked.band, asked.soft, asked.hard)
        return lightcurve.decode(content, provenance=fetched_from(self.catalog, job_id=job_id), **bands)


@dataclass(frozen=True)
class Slicing(_Task):
    """Spectra of time slices of bursts."""

    kind = ProductKind.SPECTRUM
    _STATUS, _CANCEL = "checkSliceStatus", "cancelSlice"

    def collect(self, job_id: str) -> SpectrumSet:
        """Fetch the spectra."""
        content = self.catalog.ask("downloadSpectrum", wire.ask_slices(job_id))
        return collect_spectra(spectrum.decode(content), self.catalog, fetched_from(self.catalog, job_id=job_id))


def start_rebinning(catalog: CatalogBackend, grb: Any, request: LightCurveRequest) -> tuple[str, Rebinning]:
    """Start to bin the light curve of a burst anew: the number of the job, and who looks after it."""
    burst = find_burst(catalog, grb)
    content = catalog.ask("rebinLightCurve", wire.ask_rebinning(burst.target, request, burst.name))
    return wire.read_job(content), Rebinning(catalog, request)


def start_slicing(
    catalog: CatalogBackend, grb: Any, slices: Mapping[str, Any], *, grades: Any, redshift: Any
) -> tuple[str, Slicing]:
    """Start to make spectra of time slices: the number of the job, and who looks after it."""
    wire.ask_slicing(1, slices, name=None, grades=grades, redshift=redshift)  # told before anything is sent
    burst = find_burst(catalog, grb)
    question = wire.ask_slicing(burst.target, slices, name=burst.name, grades=grades, redshift=redshift)
    return wire.read_job(catalog.ask("timesliceSpectrum", question)), Slicing(catalog)
