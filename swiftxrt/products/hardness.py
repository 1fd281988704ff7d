"""Hardness ratios against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
from astropy.table import TableAttribute

from ..bands import HARD, SOFT, EnergyBand
from ._curve import TIME_COLUMNS, Curve, summary
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HardnessCurve"]


class HardnessCurve(Curve):
    """A hardness ratio against time, both modes in one table.

    Columns: `time`, `time_err_neg`, `time_err_pos` (s), `met` (s),
    `hardness_ratio`, `hardness_ratio_err`, `mode`, `obsid`, `snapshot`,
    `exposure` (s).
    A band without counts makes the ratio zero, NaN or infinite, as the
    service does.

    Attributes
    ----------
    definition : str
        ``"hard/soft"``; the catalogue's HR1 and HR2 are ``"(hard-soft)/(hard+soft)"``.
    soft_band, hard_band : str
        Energy bands.
    t0_met, binning, barycentred, provenance
        As of `LightCurve`.
    """

    definition = TableAttribute(default="hard/soft")
    soft_band = TableAttribute(default=str(SOFT))
    hard_band = TableAttribute(default=str(HARD))

    _title = "hardness ratio"
    _compared = ("t0_met", "binning", "barycentred", "definition", "soft_band", "hard_band")
    _schema = TIME_COLUMNS | {
        "hardness_ratio": float,
        "hardness_ratio_err": float,
        "mode": str,
        "obsid": str,
        "snapshot": int,
        "exposure": u.s,
    }

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        t0_met: float | None,
        soft_band: EnergyBand | str,
        hard_band: EnergyBand | str,
        binning: str,
        definition: str = "hard/soft",
        barycentred: bool = False,
        provenance: Provenance | Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a hardness ratio from plain arrays; see `LightCurve.from_columns`.

        Needed are ``met_s``, ``time_err_neg``, ``time_err_pos``, ``hardness_ratio`` and ``mode``.

        Raises
        ------
        RequestError
            If a column is missing, unknown, of the wrong length or type.
        """
        soft, hard = str(EnergyBand.parse(soft_band)), str(EnergyBand.parse(hard_band))
        needed = ("met_s", "time_err_neg", "time_err_pos", "hardness_ratio", "mode")
        attributes: dict[str, Any] = {
            "definition": definition,
            "soft_band": soft,
            "hard_band": hard,
            "barycentred": barycentred,
        }
        return cls._from_columns(columns, needed, t0_met, binning=binning, provenance=provenance, **attributes)

    @property
    def formula(self) -> str:
        """The definition with its bands, such as ``"(1.5-10 keV) / (0.3-1.5 keV)"``."""
        soft, hard = f"({self.soft_band})", f"({self.hard_band})"
        if self.definition == "hard/soft":
            return f"{hard} / {soft}"
        return f"{self.definition}, hard {hard}, soft {soft}"

    def plot(self, *, ax: Axes | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the ratio; see `swiftxrt.plot.lightcurve.plot_hardness`."""
        from ..plot.lightcurve import plot_hardness

        return plot_hardness(self, ax=ax, **artist_kwargs)

    def __repr__(self) -> str:
        return summary(self, self.formula)
