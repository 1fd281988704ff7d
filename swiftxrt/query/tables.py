"""The methods of `~swiftxrt.SwiftXRT` for whole tables of catalogues."""

from __future__ import annotations

from collections.abc import Iterable

from astropy.table import QTable, Table

from .._calls import clear_calls
from ..catalog import tables
from ..catalog_fields import catalog_info
from ..exceptions import RequestError
from ..request.catalog import CatalogQuery
from .catalogs import CatalogAsking

__all__ = ["TableKeeping"]


@clear_calls
class TableKeeping(CatalogAsking):
    """Whole tables of catalogues, kept on this computer."""

    def list_catalog_epochs(self, catalog: str = "LSXPS") -> Table:
        """The earlier versions of the tables of a catalogue.

        Parameters
        ----------
        catalog : str, optional
            ``"LSXPS"``, the only one that changes.

        Returns
        -------
        epochs : `~astropy.table.Table`
            Columns ``epoch``, the name to give to `get_catalog_table`,
            ``interval``, ``"hourly"`` (kept for some time) or ``"daily"``
            (kept for good), and ``time`` (`~astropy.time.Time`); oldest first.

        Raises
        ------
        RequestError
            If the catalogue has no versions.
        ServiceError
            If the service cannot be asked.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> epochs = SwiftXRT.list_catalog_epochs()  # doctest: +SKIP
        """
        if (name := catalog_info(catalog).name) != "LSXPS":
            raise RequestError([("catalog", f"{name} has no epochs; LSXPS is the only catalogue that is kept in them")])
        return tables.epochs_table(self._catalog)

    def get_catalog_table(
        self,
        table: str | None = None,
        *,
        catalog: str = "LSXPS",
        subset: str | None = None,
        epoch: str | None = None,
        columns: str | Iterable[str] | None = None,
    ) -> QTable:
        """A whole table of LSXPS or 2SXPS.

        It is downloaded once and kept in ``conf.cache_dir``. Later calls look
        whether the service has a newer version, and read from disk if it has
        not; only the columns that are wanted are read. Needs the package
        ``pyarrow`` (``pip install 'swiftxrt[tables]'``).

        Parameters
        ----------
        table : str, optional
            As in `query_catalog`; the sources by default.
        catalog : {"LSXPS", "2SXPS"}, optional
            Which catalogue.
        subset : {"clean", "ultraclean"}, optional
            Only reliable sources, or datasets.
        epoch : str, optional
            An earlier version of LSXPS, as `list_catalog_epochs` names it; it
            stays on this computer.
        columns : "all" or iterable of str, optional
            The columns to read; all by default.

        Returns
        -------
        table : `~astropy.table.QTable`
            In front the positions (``position``) if their columns are among
            those read, then the columns with the names, units and
            descriptions of the catalogue, missing values masked. ``meta``
            tells the ``version``, when and from where it was had. With
            ``conf.offline`` set it is the newest version on this computer.

        Raises
        ------
        RequestError
            If there is no such table, epoch or column.
        OfflineError
            If ``conf.offline`` is set and the table was not had before.
        FormatError
            If what the service sent is another table, or cut off.
        ServiceError
            If it cannot be had.
        StorageError
            If it cannot be kept.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> wanted = ["LSXPS_ID", "RA", "Decl", "Err90", "Rate_band0"]
        >>> sources = SwiftXRT.get_catalog_table("sources", columns=wanted)  # doctest: +SKIP
        """
        query = CatalogQuery(catalog=catalog, table=table, subset=subset, columns=columns)
        return tables.get_table(self._catalog, query, epoch=epoch)
