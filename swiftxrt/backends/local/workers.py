"""Workers that build products, one product at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..._log import log
from ..._threads import Turns
from ..._workers import end_with_parent
from ...engine.reference_catalog import ReferenceCatalog
from ...exceptions import NoDataError, ProductNotAvailableError, SwiftXRTError
from ...io.manifest import write_product
from ...kinds import ProductKind
from ...products.report import Phase, Step, StepState
from .archive import Archive
from .calibration import choose_calibration
from .engines import ENGINES
from .store import JobStore
from .unused import absent_observations, unused_files

__all__ = ["TURNS", "in_turn", "load_engine", "prepare_process", "run_product"]


#: Of the thread that builds, and of who reads what was built: see `Turns`.
TURNS = Turns()
#: Steps of priority below the main process.
_NICENESS = 5


class _CancelledError(Exception):
    """Leaves the engine when the product was cancelled or the backend closes."""


class _Progress:
    """Writes the steps of one product to the store, and stops the work when it was cancelled."""

    def __init__(self, store: JobStore, job_id: str, kind: ProductKind, labels: Sequence[str]) -> None:
        self.store, self.job_id, self.kind, self.labels = store, job_id, kind, labels

    def __call__(self, index: int, note: str = "") -> None:
        TURNS.offer()
        steps = [
            Step(label, StepState.DONE if i < index else StepState.ACTIVE, note if i == index else "")
            if i <= index
            else Step(label)
            for i, label in enumerate(self.labels)
        ]
        if not self.store.set_steps(self.job_id, self.kind, steps):
            raise _CancelledError


def prepare_process() -> None:
    """Make a worker process end with the main process, and give way to it.

    Whoever asks how a job is doing need not wait for the engine.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    end_with_parent()


def load_engine() -> None:
    """Do nothing but what importing this module does."""


def in_turn(work: Callable[..., None], *args: Any) -> None:
    """Work in a thread beside those who read products."""
    with TURNS.mine():
        work(*args)


def run_product(
    state: Path,
    archive: Path,
    job_id: str,
    kind: ProductKind,
    caldb: str = "",
    reference_catalog: ReferenceCatalog | None = None,
    engine: str = "swiftxrt",
) -> None:
    """Build one product of a stored job; all that happens is recorded in the store.

    Parameters
    ----------
    state : Path
        Folder of the `JobStore`.
    archive : Path
        Folder with observations.
    job_id : str
        The job.
    kind : ProductKind
        The product.
    caldb : str, optional
        Folder with calibration files, or name of what comes with the package.
    reference_catalog : `~astropy.table.Table` or callable, optional
        For astrometric positions.
    engine : str, optional
        One of `swiftxrt.backends.local.engines.ENGINES`.
    """
    store = JobStore(state)
    if not store.move(job_id, kind, [Phase.QUEUED], Phase.EXECUTING):
        return
    request = store.get(job_id).request
    try:
        there = Archive(archive)
        observations, others = there.observations_of(request.target)
        builder = ENGINES[engine]
        progress = _Progress(store, job_id, kind, builder.step_labels(kind))
        product = builder.build_product(
            kind,
            request,
            observations,
            progress=progress,
            job_id=job_id,
            calibration=choose_calibration(caldb),
            reference_catalog=reference_catalog,
            not_used=lambda obsids: (*unused_files(observations, obsids), *others),
            absent=lambda obsids: absent_observations(there.folder, there.observations, obsids),
        )
        _hand_over(store, job_id, kind, product)
    except _CancelledError:
        log.info("job %s: work on the %s stopped", job_id, kind.title)
    except (ProductNotAvailableError, NoDataError) as error:
        store.move(job_id, kind, [Phase.EXECUTING], Phase.ERROR, getattr(error, "reason", str(error)))
    except SwiftXRTError as error:
        store.move(job_id, kind, [Phase.EXECUTING], Phase.ERROR, str(error))
    else:
        store.move(job_id, kind, [Phase.EXECUTING], Phase.COMPLETED)


def _hand_over(store: JobStore, job_id: str, kind: ProductKind, product: object) -> None:
    """Put the files of a product in their place, complete or not at all."""
    folder = store.product_folder(job_id, kind)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        new = Path(scratch) / kind.value
        write_product(kind, product, new)
        if folder.exists():  # left by a worker that died after the hand-over
            shutil.rmtree(folder)
        new.rename(folder)
