"""Light curves, spectra and positions of bursts: jobs of the engine, started when somebody asks for the first time."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u

from ...._atomic import atomic_path
from ....exceptions import (
    JobLostError,
    NoDataError,
    ProductNotAvailableError,
    RequestRejectedError,
    ServiceUnavailableError,
)
from ....io.packages import write_service_files
from ....jobs.protocol import HostingBackend, JobHandle
from ....kinds import ProductKind
from ....mission import Mode
from ....products.observation import Observation
from ....products.report import Phase
from ....request.bundle import XRTRequest
from ....request.lightcurve import CountsBinning, LightCurveRequest
from ....request.position import PositionRequest
from ....request.selection import AllData
from ....request.spectrum import SpectrumRequest, TimeSlice, TimeSlices
from ....request.target import Target
from ..archive import Archive
from .burst_targets import Burst, observations_of

__all__ = ["LATE", "BurstProducts", "span_met"]

#: In whose name the jobs are; users are empty texts or digests.
_OWNER = "catalogue"
#: Nobody says who he is who asks for jobs here: so many may be under way in all.
_MOST_OPEN = 50
#: The service's binning of bursts.
_BINNING = CountsBinning(pc_counts=20, wt_counts=30, dynamic=True)
#: The BAT knows where a burst is to within this.
_SEARCH_RADIUS = 3 * u.arcmin
#: Late spectra begin here, with what is left in photon counting mode.
_LATE_S = 4000.0
#: Name of the late spectrum in requests, which have letters and digits only.
LATE = "latetime"

_LONGEST_WAIT_S = 1800.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


class BurstProducts:
    """The products of the bursts of an archive.

    Parameters
    ----------
    archive : Archive
        The observations.
    folder : Path
        Where the numbers of the jobs are kept.
    jobs : HostingBackend or None
        Who runs them.
    """

    def __init__(self, archive: Archive, folder: Path, jobs: HostingBackend | None) -> None:
        self.archive = archive
        self._folder = folder
        self._jobs = jobs
        self._guard = threading.RLock()
        self._closed = threading.Event()

    @property
    def jobs(self) -> HostingBackend:
        """Who runs the jobs."""
        if self._jobs is None:
            raise ServiceUnavailableError("nobody makes products of bursts here; use the catalogue of a backend")
        return self._jobs

    def get(self, burst: Burst, kind: ProductKind) -> tuple[JobHandle, Any]:
        """A product with the job that made it; waits until it is made.

        Raises
        ------
        ProductNotAvailableError, NoDataError
            If it cannot be made.
        """
        handle = self.ended(burst, kind)
        try:
            return handle, self.jobs.collect(handle, kind)
        except ProductNotAvailableError:
            if self.jobs.poll(handle).phase is not Phase.COMPLETED:
                raise
            with self._guard:  # it was made, but is no longer kept
                self._note(burst, kind, None)
        handle = self.ended(burst, kind)
        return handle, self.jobs.collect(handle, kind)

    def ended(self, burst: Burst, kind: ProductKind) -> JobHandle:
        """The job that makes a product, after its end, whatever that was."""
        with self._guard:
            handle = self._kept(burst, kind)
        if handle is None:
            request = self.request(burst, kind)
            with self._guard:  # perhaps somebody else was faster
                handle = self._kept(burst, kind)
                if handle is None:
                    handle = self.start(request)
                    self._note(burst, kind, handle.id)
        self.wait(handle)
        return handle

    def start(self, request: XRTRequest) -> JobHandle:
        """Start a job."""
        return self._unless_busy(lambda: self.jobs.submit(request, owner=_OWNER))

    def rebin(self, parent: JobHandle, request: LightCurveRequest) -> JobHandle:
        """Start to bin a light curve anew."""
        return self._unless_busy(lambda: self.jobs.rebin(parent, request))

    def _unless_busy(self, start: Callable[[], JobHandle]) -> JobHandle:
        with self._guard:
            if self.jobs.count_active_jobs(owner=_OWNER) >= _MOST_OPEN:
                raise RequestRejectedError(
                    f"{_MOST_OPEN} jobs for bursts are under way; ask again when some have ended"
                )
            return start()

    def find(self, job_id: str, kind: ProductKind, *, rebinned: bool) -> JobHandle:
        """A job that was started here.

        Raises
        ------
        JobLostError
            If there is none of the number, or it is one of another kind.
        """
        handle = self.jobs.recall(job_id)
        if self.jobs.owner_of(job_id) != _OWNER or handle.request.kinds != (kind,):
            raise JobLostError(f"there is no such job here: {job_id:.40}", job_id=job_id)
        if (handle.rebin_of is not None) != rebinned:
            raise JobLostError(f"job {job_id:.40} is of another kind", job_id=job_id)
        return handle

    def wait(self, handle: JobHandle) -> None:
        """Wait for the end of a job."""
        deadline, pause = time.monotonic() + _LONGEST_WAIT_S, _FIRST_PAUSE_S
        while not self.jobs.poll(handle).phase.is_final:
            if time.monotonic() > deadline or self._closed.wait(pause):
                name = handle.request.target.name
                raise ServiceUnavailableError(f"a product of {name} is still being made; ask for it again")
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def files(self, kind: ProductKind, product: Any, folder: Path, request: XRTRequest) -> Path:
        """The folder with the files of a product, written if they are not there."""
        with self._guard:
            if not folder.exists():
                write_service_files(kind, product, folder, request)
        return folder

    def close(self) -> None:
        """Let go whoever waits."""
        self._closed.set()

    # ------------------------------------------------------------ what is asked of the engine

    def request(self, burst: Burst, kind: ProductKind) -> XRTRequest:
        """What is asked of the engine for a product; it waits for the position that others are made at."""
        target = Target(burst.object_name, target_ids=burst.target_ids, resolve_t0=True)
        if kind is ProductKind.STANDARD_POSITION:
            return XRTRequest(target=target, position=PositionRequest("standard", search_radius=_SEARCH_RADIUS))
        target = self.archive.resolve(self._placed(target, burst))
        if kind is ProductKind.LIGHT_CURVE:
            return XRTRequest(target=target, light_curve=LightCurveRequest(binning=_BINNING, data=AllData()))
        slices = _slices(observations_of(self.archive, burst.target_ids), float(target.t0_met or 0.0))
        return XRTRequest(target=target, spectrum=SpectrumRequest(slices=slices, data=AllData()))

    def _placed(self, target: Target, burst: Burst) -> Target:
        """The target at the position of the X-ray source, if that is known."""
        try:
            return target.replace(position=self.get(burst, ProductKind.STANDARD_POSITION)[1].coord)
        except (ProductNotAvailableError, NoDataError):
            return target

    # ------------------------------------------------------------ the numbers of the jobs

    def _kept(self, burst: Burst, kind: ProductKind) -> JobHandle | None:
        """The job of a product, unless it is gone, was given up, or was made of other files."""
        notes = self._notes(burst)
        if kind.value not in notes or notes.get("files") != self._stamp(burst):
            return None
        try:
            handle = self.jobs.recall(notes[kind.value])
            return None if self.jobs.poll(handle).phase is Phase.ABORTED else handle
        except JobLostError:
            return None

    def _note(self, burst: Burst, kind: ProductKind, job_id: str | None) -> None:
        notes, stamp = self._notes(burst), self._stamp(burst)
        kept = notes if notes.get("files") == stamp else {}
        with atomic_path(self._path(burst), overwrite=True) as temporary:
            temporary.write_text(json.dumps({**kept, "files": stamp, kind.value: job_id or ""}), encoding="utf-8")

    def _notes(self, burst: Burst) -> dict[str, str]:
        path = self._path(burst)
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def _path(self, burst: Burst) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{burst.target_id}.json"

    def _stamp(self, burst: Burst) -> str:
        """Changes with the event files of a burst."""
        observations = observations_of(self.archive, burst.target_ids)
        paths = [path for one in observations for paths in one.files.values() for path in paths]
        stats = [(str(path), stat.st_size, stat.st_mtime_ns) for path in paths for stat in [path.stat()]]
        return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def _slices(observations: list[Observation], t0_met: float) -> TimeSlices:
    """Everything, and what is late."""
    start, stop = span_met(observations)
    slices = [TimeSlice(label="interval0", intervals=((start * u.s, stop * u.s),))]
    in_pc = [one for one in observations if Mode.PC in one.modes]
    late = t0_met + _LATE_S
    if in_pc and start < late and span_met(in_pc, (Mode.PC,))[1] > late:
        slices.append(TimeSlice(label=LATE, intervals=((late * u.s, stop * u.s),)))
    return TimeSlices(*slices)


def span_met(observations: list[Observation], modes: tuple[Mode, ...] = (Mode.WT, Mode.PC)) -> tuple[float, float]:
    """Start of the first and end of the last good time of some observations."""
    lists = [one.events(mode).gti for one in observations for mode in one.modes if mode in modes]
    starts = [float(gti.start[0]) for gti in lists if len(gti)]
    stops = [float(gti.stop[-1]) for gti in lists if len(gti)]
    if not starts:
        raise NoDataError("these observations have no good time")
    return min(starts), max(stops)
