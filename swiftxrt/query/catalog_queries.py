"""The methods of `~swiftxrt.SwiftXRT` that ask catalogues for rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict, Unpack, overload

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from .._calls import clear_calls
from ..catalog import querying, tables
from ..exceptions import RequestError
from ..request.catalog import CatalogQuery
from ..request.constraints import All, Constraint
from ..request.target import Target
from .catalogs import CatalogAsking

__all__ = ["CatalogQuerying", "RowChoice"]


class RowChoice(TypedDict, total=False):
    """What all queries take: which table, rows and columns."""

    catalog: str
    table: str | None
    where: Constraint | All | Iterable[Constraint | All]
    columns: str | Iterable[str] | None
    sort_by: str | None
    descending: bool
    limit: int | None
    subset: str | None
    position_from: str | None
    offline: bool


@clear_calls
class CatalogQuerying(CatalogAsking):
    """Queries of catalogues."""

    @overload
    def query_catalog(
        self,
        position: SkyCoord | Target | str | None = ...,
        *,
        radius: u.Quantity | None = ...,
        get_query_payload: Literal[False] = ...,
        **choice: Unpack[RowChoice],
    ) -> QTable: ...

    @overload
    def query_catalog(
        self,
        position: SkyCoord | Target | str | None = ...,
        *,
        radius: u.Quantity | None = ...,
        get_query_payload: Literal[True],
        **choice: Unpack[RowChoice],
    ) -> dict[str, Any]: ...

    def query_catalog(
        self,
        position: SkyCoord | Target | str | None = None,
        *,
        radius: u.Quantity | None = None,
        catalog: str = "LSXPS",
        table: str | None = None,
        where: Constraint | All | Iterable[Constraint | All] = (),
        columns: str | Iterable[str] | None = None,
        sort_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        subset: str | None = None,
        position_from: str | None = None,
        offline: bool = False,
        get_query_payload: bool = False,
    ) -> QTable | dict[str, Any]:
        """Rows of a catalogue: around a position, or with certain values, or both.

        All rows come, however many there are, unless `limit` is given.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`, Target or str, optional
            Centre of a cone. A text is a name or a position, such as
            ``"GK Per"`` or ``"06 21 31, -62 22 13"``, which the service
            finds.
        radius : `~astropy.units.Quantity`, optional
            Radius of the cone, an angle.
        catalog : {"LSXPS", "2SXPS", "UK_XRT", "SDC_GRB", "BAT_GRB"}, optional
            Which catalogue; `list_catalogs` tells what they are.
        table : str, optional
            One of its tables, such as ``"datasets"``; by default the sources
            or bursts.
        where : Constraint or iterable of these, optional
            Comparisons of columns, such as ``Column("Rate_band0") > 0.1 * u.ct / u.s``,
            that must all hold; see `~swiftxrt.Column`.
        columns : "all" or iterable of str, optional
            The columns to get; the usual ones by default. `list_columns`
            shows them.
        sort_by : str, optional
            Column by which the rows are sorted, which need not be among
            `columns`. By default the nearest come first in cones, and other
            rows as the catalogue has them.
        descending : bool, optional
            Whether the largest comes first.
        limit : int, optional
            Number of rows at most; all by default.
        subset : {"clean", "ultraclean"}, optional
            Only reliable sources, or datasets, of LSXPS or 2SXPS.
        position_from : str, optional
            For catalogues of bursts, which have several positions: which one
            lies in the cone, and is in the column ``position``. Of UK_XRT
            ``"best"``, ``"onboard"``, ``"sper"``, ``"standard"`` or
            ``"enhanced"``; of SDC_GRB ``"BAT"``, ``"XRT"`` or ``"UVOT"``.
        offline : bool, optional
            Whether to look in the table that is kept on this computer (see
            ``get_catalog_table``), and to ask nobody.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.

        Returns
        -------
        rows : `~astropy.table.QTable`, or dict
            In front the positions (``position``), and in cones the
            ``distance`` from the centre, then the columns with the names that
            the catalogue gives them. Missing values are masked. No rows is an
            answer too. The metadata (``meta``) tell what was asked, of whom
            and when, and what was made of a name.

        Raises
        ------
        RequestError
            If something cannot be used as given; all problems are named.
        UnknownObjectError, RequestRejectedError
            If the service cannot find the name, or refuses.
        ServiceError
            If the service cannot be asked, or answers nonsense.
        NoDataError
            If `offline` is True and no such table is kept.

        Warns
        -----
        PartialResultWarning
            If the catalogue changed while it was read.

        Examples
        --------
        >>> import astropy.units as u
        >>> from swiftxrt import Column, SwiftXRT
        >>> bright = Column("Rate_band0") > 0.1 * u.ct / u.s
        >>> rows = SwiftXRT.query_catalog("GK Per", radius=10 * u.arcmin, where=bright)  # doctest: +SKIP
        """
        query = CatalogQuery(
            catalog=catalog,
            table=table,
            **_centre(position),
            radius=radius,
            where=where,
            columns=columns,
            sort_by=sort_by,
            descending=descending,
            limit=limit,
            subset=subset,
            position_from=position_from,
        )
        if not isinstance(offline, bool):
            raise RequestError([("offline", f"True or False is needed; got {offline!r:.40}")])
        if get_query_payload:
            return querying.query_payload(self._catalog, query)
        return (tables.query_table if offline else querying.query_rows)(self._catalog, query)

    @overload
    def query_region(
        self,
        position: SkyCoord | Target | str,
        *,
        radius: u.Quantity,
        get_query_payload: Literal[False] = ...,
        **choice: Unpack[RowChoice],
    ) -> QTable: ...

    @overload
    def query_region(
        self,
        position: SkyCoord | Target | str,
        *,
        radius: u.Quantity,
        get_query_payload: Literal[True],
        **choice: Unpack[RowChoice],
    ) -> dict[str, Any]: ...

    def query_region(
        self,
        position: SkyCoord | Target | str,
        *,
        radius: u.Quantity | None = None,
        get_query_payload: bool = False,
        **choice: Unpack[RowChoice],
    ) -> QTable | dict[str, Any]:
        """Rows of a catalogue around a position.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`, Target or str
            Centre of the cone.
        radius : `~astropy.units.Quantity`
            Its radius, an angle.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.
        **choice
            As for `query_catalog`.

        Returns
        -------
        rows : `~astropy.table.QTable`, or dict
            See `query_catalog`, also for errors.
        """
        _needed("position", position)
        return self.query_catalog(position, radius=radius, get_query_payload=get_query_payload, **choice)  # type: ignore[call-overload,no-any-return]

    @overload
    def query_object(
        self,
        name: str,
        *,
        radius: u.Quantity = ...,
        get_query_payload: Literal[False] = ...,
        **choice: Unpack[RowChoice],
    ) -> QTable: ...

    @overload
    def query_object(
        self,
        name: str,
        *,
        radius: u.Quantity = ...,
        get_query_payload: Literal[True],
        **choice: Unpack[RowChoice],
    ) -> dict[str, Any]: ...

    def query_object(
        self,
        name: str,
        *,
        radius: u.Quantity = 1 * u.arcmin,
        get_query_payload: bool = False,
        **choice: Unpack[RowChoice],
    ) -> QTable | dict[str, Any]:
        """Rows of a catalogue around an object, which the service finds by its name.

        Parameters
        ----------
        name : str
            The name, as name servers such as SIMBAD know it.
        radius : `~astropy.units.Quantity`, optional
            Radius of the cone around it, an angle.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.
        **choice
            As for `query_catalog`.

        Returns
        -------
        rows : `~astropy.table.QTable`, or dict
            See `query_catalog`, also for errors. ``meta["resolved_position"]``
            is where the service found the object.
        """
        if not isinstance(name, str):
            raise RequestError([("name", f"a name is needed; got {name!r:.60}; positions are for query_region()")])
        return self.query_catalog(name, radius=radius, get_query_payload=get_query_payload, **choice)  # type: ignore[call-overload,no-any-return]

    def list_catalogs(self) -> Table:
        """The catalogues that can be queried.

        Returns
        -------
        catalogs : `~astropy.table.Table`
            Columns ``catalog``, ``title``, ``tables`` and ``positions`` (what
            `query_catalog` takes as ``position_from``), all text.
        """
        return querying.catalogs_table()

    def list_columns(self, catalog: str = "LSXPS", table: str | None = None) -> Table:
        """The columns that a table of a catalogue has now.

        Parameters
        ----------
        catalog : str, optional
            The catalogue.
        table : str, optional
            One of its tables; the usual one by default.

        Returns
        -------
        columns : `~astropy.table.Table`
            ``name``; ``kind``, such as ``"float"`` or ``"utc"``; ``unit``;
            ``ucd``, a word of the Virtual Observatory for what it is;
            ``default``, whether it comes if no columns are chosen;
            ``description``.

        Raises
        ------
        RequestError
            If there is no such table.
        ServiceError
            If the service cannot be asked.
        """
        return querying.columns_table(self._catalog, catalog, table)


def _needed(name: str, value: Any) -> None:
    if value is None:
        raise RequestError([(name, "a SkyCoord, a Target, or a text that names a place is needed; got None")])


def _centre(position: Any) -> dict[str, Any]:
    """How a query names the centre of its cone."""
    if isinstance(position, Target):
        return {"name": position.name} if position.position is None else {"position": position.position}
    return {"name": position} if isinstance(position, str) else {"position": position}
