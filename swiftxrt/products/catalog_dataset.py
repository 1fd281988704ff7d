"""Datasets of the SXPS catalogues: observations and stacks of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import astropy.units as u
from astropy.table import QTable
from astropy.time import Time

from .._printable import printable
from ..exceptions import ProtocolError
from ..identifiers import parse_obsid, parse_target_id
from .catalog_observations import LEADING, band_details, band_word, listed_obsids
from .catalog_record import CatalogRecord, catalog_rows

__all__ = ["CatalogDataset"]


class CatalogDataset(CatalogRecord):
    """A dataset of the SXPS catalogues: one version of an observation or of a stacked image.

    A mapping like `CatalogSource`.

    Parameters
    ----------
    record : mapping
        The fields as the service sent them.
    catalog : str, optional
        The catalogue.
    asked : str or int, optional
        The ObsID or number that was asked for.

    Raises
    ------
    ProtocolError
        If it has no ObsID or number.
    """

    kind = "dataset"
    _needed = ("ObsID", "DatasetID")

    @property
    def obsid(self) -> str:
        """ObsID; that of a stacked image begins with 1."""
        return parse_obsid(str(self._record["ObsID"]).zfill(11))

    @property
    def name(self) -> str:
        """The ObsID."""
        return self.obsid

    @property
    def dataset_id(self) -> int:
        """Number of this version."""
        return int(self["DatasetID"])

    @property
    def target_id(self) -> str | None:
        """Target of the observation; None for a stacked image."""
        value = self._record.get("TargetID")
        return None if value is None or self.is_stack else parse_target_id(str(value).zfill(8))

    @property
    def target_name(self) -> str | None:
        """What the observation was of."""
        return self.get("TargetObjectName")

    @property
    def is_stack(self) -> bool:
        """Whether it is a stack of observations."""
        return bool(self.get("IsStackedImage")) or self.obsid.startswith("1")

    @property
    def is_obsolete(self) -> bool:
        """Whether a newer stack has taken its place."""
        return bool(self.get("IsObsoleteStack"))

    @property
    def start(self) -> Time | None:
        """Start of the observation, or of the first one in the stack."""
        return self._time("StartTime_MET")

    @property
    def stop(self) -> Time | None:
        """End of the observation, or of the last one in the stack."""
        return self._time("StopTime_MET")

    @property
    def exposure(self) -> u.Quantity | None:
        """Exposure that was used."""
        return self.get("ExposureUsed")

    @property
    def stacks(self) -> tuple[str, ...]:
        """ObsIDs of the stacked images that it is part of."""
        return listed_obsids(self._record, "inStack")

    @property
    def sources(self) -> QTable:
        """The sources detected in it."""
        rows = self._source_rows
        has_position = any("RA" in row and "Decl" in row for row in rows)
        return catalog_rows(rows, "dataset_sources", position=("RA", "Decl") if has_position else None)

    def detections(self, band: str = "total") -> QTable:
        """The detections in a band, one row for each source that was found in it.

        Parameters
        ----------
        band : {"total", "soft", "medium", "hard"}, optional
            The band.

        Returns
        -------
        detections : `~astropy.table.QTable`
            With rates, counts and positions, and ``LSXPS_ID`` to match `sources`.
        """
        return band_details(self._source_rows, [f"{band_word(band)}_DetectionDetails"], leading=LEADING)

    @property
    def _source_rows(self) -> list[Mapping[str, Any]]:
        rows = self._record.get("Sources") or []
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return rows
        raise ProtocolError(f"a list of sources was promised in a dataset; got {rows!r:.80}")

    def _nested(self, name: str, value: Any) -> Any:
        return self.sources if name == "Sources" else super()._nested(name, value)

    def __repr__(self) -> str:
        kind = ("obsolete " if self.is_obsolete else "") + ("stack" if self.is_stack else "observation")
        parts = [
            "" if self.exposure is None else f"{self.exposure.to(u.ks):.3g}",
            printable(self.target_name or ""),
            f"{len(self._source_rows)} sources",
        ]
        return f"<CatalogDataset {self.obsid} ({self.dataset_id}): {kind}, {', '.join(filter(None, parts))}>"
