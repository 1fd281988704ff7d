"""Swift X-ray Telescope data as Astropy objects.

`SwiftXRT` is the entry point: it finds, requests and builds light curves,
spectra, positions, images and lists of sources. Everything in this namespace is imported the
first time it is used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import exceptions as exceptions
    from ._log import log as log
    from ._version import __version__ as __version__
    from .backends.local.heasoft.reprocessing import reprocess_observations as reprocess_observations
    from .bands import EnergyBand as EnergyBand
    from .catalog.joining import join_bursts as join_bursts
    from .config import conf as conf
    from .engine.merge_limits import merge_upper_limits as merge_upper_limits
    from .engine.plan import plan_exposure as plan_exposure
    from .engine.scene import Scene as Scene
    from .engine.source import Source as Source
    from .fitting import models as models
    from .fitting.fit import fit as fit
    from .fitting.many import fit_many as fit_many
    from .fitting.result import FitResult as FitResult
    from .fitting.simulate import simulate_spectrum as simulate_spectrum
    from .io.tables import read_table as read_table
    from .jobs.book import JobBook as JobBook
    from .jobs.job import Job as Job
    from .jobs.joblist import JobList as JobList
    from .kinds import ProductKind as ProductKind
    from .mission import Mode as Mode
    from .plot.evolution import plot_parameter_evolution as plot_parameter_evolution
    from .plot.fit import plot_fits as plot_fits
    from .plot.panels import plot_image_panels as plot_image_panels
    from .plot.timeline import plot_timeline as plot_timeline
    from .products.burst_analyser import BurstAnalyser as BurstAnalyser
    from .products.catalog_dataset import CatalogDataset as CatalogDataset
    from .products.catalog_objects import CatalogSource as CatalogSource
    from .products.catalog_objects import CatalogTransient as CatalogTransient
    from .products.compare import Comparison as Comparison
    from .products.countspectrum import CountSpectrum as CountSpectrum
    from .products.dataset_images import DatasetImages as DatasetImages
    from .products.epochs import EpochSet as EpochSet
    from .products.events import EventList as EventList
    from .products.fit import FitParameter as FitParameter
    from .products.fit import SpectralFit as SpectralFit
    from .products.gti import GTI as GTI
    from .products.image import SkyImage as SkyImage
    from .products.lightcurve import HardnessCurve as HardnessCurve
    from .products.lightcurve import LightCurve as LightCurve
    from .products.lightcurve import LightCurveSet as LightCurveSet
    from .products.observation import Observation as Observation
    from .products.observation_epochs import days_since as days_since
    from .products.observation_epochs import group_epochs as group_epochs
    from .products.observation_epochs import select_days as select_days
    from .products.position import Position as Position
    from .products.preview import SourcePreview as SourcePreview
    from .products.productset import ProductSet as ProductSet
    from .products.provenance import Provenance as Provenance
    from .products.report import JobReport as JobReport
    from .products.report import Phase as Phase
    from .products.response import ARF as ARF
    from .products.response import RMF as RMF
    from .products.sources import SourceList as SourceList
    from .products.spectrum import XRTSpectrum as XRTSpectrum
    from .products.spectrumset import SpectrumSet as SpectrumSet
    from .products.stacking import stack_light_curves as stack_light_curves
    from .query.core import SwiftXRT as SwiftXRT
    from .query.core import SwiftXRTClass as SwiftXRTClass
    from .request.bundle import XRTRequest as XRTRequest
    from .request.constraints import Column as Column
    from .request.extraction import ExtractionSettings as ExtractionSettings
    from .request.image import ImageRequest as ImageRequest
    from .request.lightcurve import CountsBinning as CountsBinning
    from .request.lightcurve import LightCurveRequest as LightCurveRequest
    from .request.lightcurve import ObsidBinning as ObsidBinning
    from .request.lightcurve import SnapshotBinning as SnapshotBinning
    from .request.lightcurve import TimeBinning as TimeBinning
    from .request.position import PositionRequest as PositionRequest
    from .request.selection import AllData as AllData
    from .request.selection import FirstHours as FirstHours
    from .request.selection import Observations as Observations
    from .request.selection import TimeIntervals as TimeIntervals
    from .request.sources import SourceDetectionRequest as SourceDetectionRequest
    from .request.spectrum import ObsidSlices as ObsidSlices
    from .request.spectrum import SingleSlice as SingleSlice
    from .request.spectrum import SnapshotSlices as SnapshotSlices
    from .request.spectrum import SpectrumRequest as SpectrumRequest
    from .request.spectrum import TimeSlice as TimeSlice
    from .request.spectrum import TimeSlices as TimeSlices
    from .request.target import Target as Target
    from .testing.synthetic import simulate_observations as simulate_observations

__citation__ = (
    "Please cite swiftxrt (see CITATION.cff), the instrument (Burrows et al. 2005, SSRv 120, 165) and, for light "
    "curves, spectra and positions, the methods of the UK Swift Science Data Centre (Evans et al. 2007, A&A 469, 379; "
    "Evans et al. 2009, MNRAS 397, 1177)."
)

# Where each public name lives; a test compares it with the imports above.
_PUBLIC: dict[str, tuple[str, ...]] = {
    "_log": ("log",),
    "_version": ("__version__",),
    "backends.local.heasoft.reprocessing": ("reprocess_observations",),
    "bands": ("EnergyBand",),
    "catalog.joining": ("join_bursts",),
    "config": ("conf",),
    "engine.merge_limits": ("merge_upper_limits",),
    "engine.plan": ("plan_exposure",),
    "engine.scene": ("Scene",),
    "engine.source": ("Source",),
    "fitting": ("models",),
    "fitting.fit": ("fit",),
    "fitting.many": ("fit_many",),
    "fitting.result": ("FitResult",),
    "fitting.simulate": ("simulate_spectrum",),
    "io.tables": ("read_table",),
    "jobs.book": ("JobBook",),
    "jobs.job": ("Job",),
    "jobs.joblist": ("JobList",),
    "kinds": ("ProductKind",),
    "mission": ("Mode",),
    "plot.evolution": ("plot_parameter_evolution",),
    "plot.fit": ("plot_fits",),
    "plot.panels": ("plot_image_panels",),
    "plot.timeline": ("plot_timeline",),
    "products.burst_analyser": ("BurstAnalyser",),
    "products.catalog_dataset": ("CatalogDataset",),
    "products.catalog_objects": ("CatalogSource", "CatalogTransient"),
    "products.compare": ("Comparison",),
    "products.countspectrum": ("CountSpectrum",),
    "products.dataset_images": ("DatasetImages",),
    "products.epochs": ("EpochSet",),
    "products.events": ("EventList",),
    "products.fit": ("FitParameter", "SpectralFit"),
    "products.gti": ("GTI",),
    "products.image": ("SkyImage",),
    "products.lightcurve": ("HardnessCurve", "LightCurve", "LightCurveSet"),
    "products.observation": ("Observation",),
    "products.observation_epochs": ("days_since", "group_epochs", "select_days"),
    "products.position": ("Position",),
    "products.preview": ("SourcePreview",),
    "products.productset": ("ProductSet",),
    "products.provenance": ("Provenance",),
    "products.report": ("JobReport", "Phase"),
    "products.response": ("ARF", "RMF"),
    "products.sources": ("SourceList",),
    "products.spectrum": ("XRTSpectrum",),
    "products.spectrumset": ("SpectrumSet",),
    "products.stacking": ("stack_light_curves",),
    "query.core": ("SwiftXRT", "SwiftXRTClass"),
    "request.bundle": ("XRTRequest",),
    "request.constraints": ("Column",),
    "request.extraction": ("ExtractionSettings",),
    "request.image": ("ImageRequest",),
    "request.lightcurve": ("CountsBinning", "LightCurveRequest", "ObsidBinning", "SnapshotBinning", "TimeBinning"),
    "request.position": ("PositionRequest",),
    "request.selection": ("AllData", "FirstHours", "Observations", "TimeIntervals"),
    "request.sources": ("SourceDetectionRequest",),
    "request.spectrum": ("ObsidSlices", "SingleSlice", "SnapshotSlices", "SpectrumRequest", "TimeSlice", "TimeSlices"),
    "request.target": ("Target",),
    "testing.synthetic": ("simulate_observations",),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = sorted(["__citation__", "exceptions", *_MODULE_OF])


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name == "exceptions":
        return import_module(".exceptions", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
