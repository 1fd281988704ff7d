"""Light curves: count rates, upper limits and hardness ratios against time."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
import numpy as np
from astropy.table import TableAttribute

from ..bands import TOTAL, EnergyBand
from ..exceptions import RequestError
from ._curve import TIME_COLUMNS, Curve, summary
from ._curve_plan import CurvePlan, PlannedCurves
from .hardness import HardnessCurve
from .provenance import Provenance, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HardnessCurve", "LightCurve", "LightCurveSet"]

_RATE = u.ct / u.s
#: Confidence of the service's upper limits: 3 sigma.
LIMIT_CONFIDENCE = 0.9973
#: Quality of bins with data of observations in which the source was looked for and not found.
UNRELIABLE = 1


class LightCurve(Curve):
    """A count-rate light curve of both modes, with its upper limits.

    Make one with `from_columns`; the constructor is that of
    `~astropy.timeseries.TimeSeries` but insists on the columns below, their
    units and types. Subsets of columns are plain tables; any other operation
    of Astropy's tables keeps class and attributes.

    ============================== ====== ==========================================
    column                         unit   meaning
    ============================== ====== ==========================================
    time                                  bin time, UTC (TDB if `barycentred`)
    time_err_neg, time_err_pos     s      from the bin time to its start and end
    met                            s      bin time as mission elapsed time, exact
    rate, rate_err_neg,            ct/s   corrected net rate and its 1-sigma errors,
    rate_err_pos                          all positive; or the limit, errors NaN
    is_upper_limit                        whether `rate` is a limit
    mode                                  ``"PC"`` or ``"WT"``
    obsid                                 ObsID of the first good time, or ``""``
    snapshot                              number of its snapshot in the data used, by
                                          time from 1 in each mode; 0 if not known
    fractional_exposure                   exposure over length of the bin
    background_rate,               ct/s   background in the source region,
    background_rate_err                   not corrected
    correction_factor                     for PSF, pile-up and bad columns
    counts, background_counts      ct     in the source region
    exposure                       s
    significance, snr                     over the background; rate over its error
    quality                               0 = good; 1 = holds data without a reliable
                                          centroid, made at the position given
    ============================== ====== ==========================================

    Attributes
    ----------
    t0_met : float or None
        Reference time, MET in seconds.
    band : str
        Energy band, such as ``"0.3-10 keV"``.
    binning : str
        ``"counts"``, ``"time"``, ``"snapshot"``, ``"obsid"`` or ``"unknown"``.
    confidence : float
        Of the upper limits.
    barycentred : bool
        Whether times are those at which the light would have reached the
        barycentre of the solar system: `time` is in TDB then, and `met` are its
        seconds since the reference time of the mission, as in event files that
        were corrected. Otherwise they are those at the satellite.
    provenance : Provenance
        Where the curve comes from; stacked curves have that of all.
    """

    band = TableAttribute(default=str(TOTAL))
    confidence = TableAttribute(default=LIMIT_CONFIDENCE)

    _title = "light curve"
    _compared = ("t0_met", "binning", "barycentred", "band", "confidence")
    _schema = TIME_COLUMNS | {
        "rate": _RATE,
        "rate_err_neg": _RATE,
        "rate_err_pos": _RATE,
        "is_upper_limit": bool,
        "mode": str,
        "obsid": str,
        "snapshot": int,
        "fractional_exposure": float,
        "background_rate": _RATE,
        "background_rate_err": _RATE,
        "correction_factor": float,
        "counts": u.ct,
        "background_counts": u.ct,
        "exposure": u.s,
        "significance": float,
        "snr": float,
        "quality": int,
    }

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        t0_met: float | None,
        band: EnergyBand | str,
        binning: str,
        confidence: float = LIMIT_CONFIDENCE,
        barycentred: bool = False,
        provenance: Provenance | Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a light curve from plain arrays in the units of the class.

        MET and `t0_met` are rounded to the microsecond, limits get NaN errors
        and rows are sorted by time, then mode, then limits last. So two
        backends that know the same numbers make equal objects.

        Parameters
        ----------
        columns : mapping of str to array or scalar
            ``met_s`` (the bin time, MET in seconds; it becomes `time` and
            `met`), ``time_err_neg``, ``time_err_pos``, ``rate`` and ``mode``
            are needed; any other column is NaN, ``""``, 0 or false if absent.
            Scalars stand for every row.
        t0_met : float or None
            Reference time, MET in seconds.
        band : EnergyBand or str
            Energy band of the rates.
        binning : str
            How the bins were made.
        confidence : float, optional
            Of the upper limits.
        barycentred : bool, optional
            Whether times are those at the barycentre of the solar system.
        provenance : Provenance or dict, optional
            Where the curve comes from.

        Raises
        ------
        RequestError
            If a column is missing, unknown, of the wrong length or type.

        Examples
        --------
        >>> from swiftxrt import LightCurve
        >>> columns = {"met_s": [551097348.718], "time_err_neg": 50, "time_err_pos": 50, "rate": 0.84, "mode": "PC"}
        >>> LightCurve.from_columns(columns, t0_met=551097137, band="0.3-10 keV", binning="time")
        <LightCurve of 1 bin, 0.3-10 keV, 161.718 s to 261.718 s since T0>
        """
        limit = np.asarray(columns.get("is_upper_limit", False), dtype=bool)
        for name in ("rate_err_neg", "rate_err_pos") if limit.any() else ():
            columns = {**columns, name: np.where(limit, np.nan, columns.get(name, np.nan))}
        band, needed = str(EnergyBand.parse(band)), ("met_s", "time_err_neg", "time_err_pos", "rate", "mode")
        attributes: dict[str, Any] = {"band": band, "confidence": confidence, "barycentred": barycentred}
        return cls._from_columns(columns, needed, t0_met, binning=binning, provenance=provenance, **attributes)

    @property
    def detections(self) -> LightCurve:
        """The bins that are not upper limits."""
        return self[~np.asarray(self["is_upper_limit"])]

    @property
    def upper_limits(self) -> LightCurve:
        """The bins that are upper limits."""
        return self[np.asarray(self["is_upper_limit"])]

    def merge_bins(self, rows: Any) -> LightCurve:
        """A light curve in which some bins have become one.

        Counts, background and good time are added, the correction factor is
        the mean weighted by counts (by time if there are none), and the sums
        become a rate or a limit as in any other bin. A systematic error is not kept.
        There may be gaps between the bins, which lower the fractional exposure, but no other bin of that mode.

        Parameters
        ----------
        rows : slice, sequence of int or of bool
            Which bins; all of one mode.

        Raises
        ------
        RequestError
            If there are fewer than two bins, they are of different modes, others
            lie between them, or their counts are not known.
        """
        from ..engine.merge_bins import merged

        return merged(self, rows)

    def plot(self, *, ax: Axes | None = None, **artist_kwargs: Any) -> Axes:
        """Draw rates and limits; see `swiftxrt.plot.lightcurve.plot_light_curve`."""
        from ..plot.lightcurve import plot_light_curve

        return plot_light_curve(self, ax=ax, **artist_kwargs)

    def __repr__(self) -> str:
        limits = int(np.count_nonzero(self["is_upper_limit"])) if self.colnames else 0
        return summary(self, f"{limits} upper limit{'s' * (limits != 1)}" if limits else "", self.band)


class LightCurveSet(PlannedCurves):
    """The light curves one job makes, or those of a catalogued source.

    A mapping over the names that exist, out of ``"total"``, ``"soft"``,
    ``"hard"`` and ``"hardness_ratio"``, and for sources of a catalogue
    ``"medium"``, ``"hr1"`` and ``"hr2"``. The same names are attributes;
    asking for one that does not exist is a `ProductNotAvailableError`.

    Parameters
    ----------
    total : LightCurve
        Rates and limits in the total band; without any bin if nothing is known of it.
    soft, hard : LightCurve, optional
        Rates in the bands of the hardness ratio; soft and hard band of the catalogue.
    hardness_ratio : HardnessCurve, optional
        Hard over soft.
    medium : LightCurve, optional
        Medium band of the catalogue.
    hr1, hr2 : HardnessCurve, optional
        Hardness ratios of the catalogue: medium against soft, hard against medium.
    variants : mapping of str to LightCurveSet, optional
        The same data treated otherwise: ``"with_unreliable"`` has also the
        bins without a reliable centroid, made at the position given;
        ``"without_systematics"`` leaves out the systematic error of WT mode;
        ``"blind"``, ``"retrospective"`` and ``"undetected"`` are parts of a
        catalogued source's curve. A variant may have variants itself.

    Raises
    ------
    RequestError
        If something is not of its class, or a variant has another name.
    """

    NAMES = ("total", "soft", "medium", "hard", "hardness_ratio", "hr1", "hr2")
    RATIOS = ("hardness_ratio", "hr1", "hr2")
    VARIANTS = ("with_unreliable", "without_systematics", "blind", "retrospective", "undetected")

    def __init__(
        self,
        total: LightCurve,
        *,
        soft: LightCurve | None = None,
        medium: LightCurve | None = None,
        hard: LightCurve | None = None,
        hardness_ratio: HardnessCurve | None = None,
        hr1: HardnessCurve | None = None,
        hr2: HardnessCurve | None = None,
        variants: Mapping[str, LightCurveSet] | None = None,
    ) -> None:
        given = dict(zip(self.NAMES, (total, soft, medium, hard, hardness_ratio, hr1, hr2), strict=True))
        curves: dict[str, Any] = {name: curve for name, curve in given.items() if curve is not None or name == "total"}
        problems = []
        for name, curve in curves.items():
            kind = HardnessCurve if name in self.RATIOS else LightCurve
            if not isinstance(curve, kind) and not (isinstance(curve, CurvePlan) and issubclass(curve.kind, kind)):
                problems.append((name, f"a {kind.__name__} is needed; got {type(curve).__name__}"))
        for name, variant in (variants or {}).items():
            if name not in self.VARIANTS or not isinstance(variant, LightCurveSet):
                problems.append(("variants", f"LightCurveSets named {', '.join(self.VARIANTS)}; got {name!r}"))
        if problems:
            raise RequestError(problems, "light-curve set")
        super().__init__(curves)
        self.variants: Mapping[str, LightCurveSet] = MappingProxyType(dict(variants or {}))

    @property
    def total(self) -> LightCurve:
        """Rates and limits in the total band."""
        return self._get("total")

    @property
    def soft(self) -> LightCurve:
        """Rates in the soft band."""
        return self._get("soft")

    @property
    def hard(self) -> LightCurve:
        """Rates in the hard band."""
        return self._get("hard")

    @property
    def medium(self) -> LightCurve:
        """Rates in the medium band of the catalogue."""
        return self._get("medium")

    @property
    def hardness_ratio(self) -> HardnessCurve:
        """Hard over soft."""
        return self._get("hardness_ratio")

    @property
    def hr1(self) -> HardnessCurve:
        """Medium against soft band of the catalogue."""
        return self._get("hr1")

    @property
    def hr2(self) -> HardnessCurve:
        """Hard against medium band of the catalogue."""
        return self._get("hr2")

    @property
    def provenance(self) -> Provenance:
        """Where the curves come from."""
        return joined(curve.provenance for curve in self.values())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_set, (dict(self), dict(self.variants))

    def first_difference(self, other: Any) -> str:
        """Where two sets differ first, in words; empty if they are equal."""
        if not isinstance(other, LightCurveSet):
            return f"a {type(other).__name__} is not a LightCurveSet"
        for what, mine, others in (("curves", self, other), ("variants", self.variants, other.variants)):
            if set(mine) != set(others):
                return f"{what} {sorted(mine)} are not {sorted(others)}"
            for name in mine:
                if difference := mine[name].first_difference(others[name]):
                    return f"{name}: {difference}"
        return ""

    def equals(self, other: Any) -> bool:
        """Whether two sets hold the same curves and variants; see `LightCurve.equals`."""
        return not self.first_difference(other)

    def __eq__(self, other: object) -> bool:
        """The same as `equals`: one answer, where two curves are compared row by row."""
        return self.equals(other) if isinstance(other, LightCurveSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # The content is arrays.

    def plot(self, *, hardness: bool | str = True, elapsed: bool | None = None) -> Axes:
        """Draw rates above and a hardness ratio below, on one time axis.

        Parameters
        ----------
        hardness : bool or str, optional
            Whether to draw the ratio, or which: ``"hardness_ratio"``, ``"hr1"`` or
            ``"hr2"``; by default the first of these that there is.
        elapsed : bool, optional
            Whether to draw over the time since T0 (or since the first bin)
            instead of dates; by default if that is easier to read.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
            The upper panel; the other one is ``ax.figure.axes[1]``.
        """
        from ..plot.lightcurve import plot_overview

        return plot_overview(self, hardness=hardness, elapsed=elapsed)

    def peek(self) -> None:
        """Show rates and hardness ratio."""
        from ..plot.lightcurve import peek_overview

        peek_overview(self)

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> LightCurveSet:
        """Read a folder made by `write`, or the light-curve files of the service; else a `FormatError`."""
        from ..io.lightcurve import read_set

        return read_set(cls, folder)

    def write(
        self,
        folder: str | PathLike[str],
        *,
        format: str = "ogip.lc",  # noqa: A002
        overwrite: bool = False,
    ) -> Path:
        """Write every curve to a folder, which is made if needed, and variants to folders inside.

        The format is ``"ogip.lc"``, ``"ascii.ecsv"`` (both lossless),
        ``"ukssdc.qdp"``, the files of the service, or for catalogued sources
        ``"ukssdc.dat"``, those of its client, which other programs read.

        Returns
        -------
        folder : Path
            The folder; `read` takes it.

        Raises
        ------
        RequestError
            If the name is that of a file, such as ``"x.fits"``.
        OutputExistsError
            If a file exists and `overwrite` is false.
        """
        from ..io.lightcurve import write_set

        return write_set(self, folder, format=format, overwrite=overwrite)

    def __repr__(self) -> str:
        parts = [f"{name} {len(curve)}" for name, curve in self.items()]
        extra = f"; variants {', '.join(self.variants)}" if self.variants else ""
        return f"<LightCurveSet of {', '.join(parts)} bins{extra}>"


def _rebuild_set(curves: dict[str, Any], variants: dict[str, Any]) -> LightCurveSet:
    return LightCurveSet(**curves, variants=variants)
