"""What came of fits to many spectra."""

from __future__ import annotations

from astropy.table import QTable, vstack

from ..products._display import ReadableTable
from ..products.outcomes import Outcomes

__all__ = ["FitOutcomes"]

#: Columns of text behind all others.
_LAST = ("messages", "error")


class FitOutcomes(Outcomes):
    """The outcomes of `swiftxrt.fit_many`: each a `FitResult`, or why there is none."""

    @property
    def table(self) -> QTable:
        """A row for each fit: ``item``, its parameters with errors and statistic, ``messages`` and ``error``.

        The columns are those of `FitResult.table`; masked where a fit failed.
        """
        parts = []
        for one in self:
            row = QTable({"item": [str(one.item)]}) if one.error is not None else QTable(one.value.table, copy=True)
            if one.error is None:
                row.replace_column("spectrum", [str(one.item)])
                row.rename_column("spectrum", "item")
            row["messages"] = ["" if one.error is not None else "; ".join(one.value.messages)]
            row["error"] = [str(one.error or "")]
            parts.append(row)
        if not any(one.is_ok for one in self):
            return super().table
        joined = vstack(parts, join_type="outer", metadata_conflicts="silent")
        names = [name for name in joined.colnames if name not in _LAST]
        return ReadableTable(joined[[*names, *_LAST]])
