"""The methods of `~swiftxrt.SwiftXRT` that give all that is known of a source, transient or dataset."""

from __future__ import annotations

from typing import Any, Literal, overload

from astropy.table import QTable

from .._calls import clear_calls
from ..catalog import objects
from ..products.catalog_dataset import CatalogDataset
from ..products.catalog_objects import CatalogSource, CatalogTransient
from ..wire import api
from .catalogs import CatalogAsking

__all__ = ["SourceAsking"]

_LSXPS = "LSXPS"


@clear_calls
class SourceAsking(CatalogAsking):
    """Details of sources, transients and datasets."""

    @overload
    def get_source(
        self,
        source: Any = ...,
        *,
        transient: Any = ...,
        catalog: str = ...,
        get_query_payload: Literal[False] = ...,
    ) -> CatalogSource: ...

    @overload
    def get_source(
        self, source: Any = ..., *, transient: Any = ..., catalog: str = ..., get_query_payload: Literal[True]
    ) -> dict[str, Any]: ...

    def get_source(
        self,
        source: Any = None,
        *,
        transient: Any = None,
        catalog: str = _LSXPS,
        get_query_payload: bool = False,
    ) -> CatalogSource | dict[str, Any]:
        """All that is known of a catalogued source.

        Parameters
        ----------
        source : str, int, row or CatalogTransient
            Its name, such as ``"LSXPS J062131.8-622213"``, in upper or lower
            case, with or without the name of the catalogue and blanks; its
            number; a row of the catalogue; or the transient that it is. The
            name of a transient is also understood.
        transient : str, int, row or CatalogTransient, optional
            In place of `source`: the transient that it is, by name or by its
            number among the transients.
        catalog : str, optional
            The catalogue; the service has details of LSXPS only.
        get_query_payload : bool, optional
            Whether only to return what would be sent.

        Returns
        -------
        source : CatalogSource

        Raises
        ------
        UnknownObjectError
            If there is no such source.
        SupersededError
            If several sources, which it names, have taken its place.
        RequestError
            If it is not a name or number of a source of this catalogue.
        ServiceError
            If the service cannot be asked.

        Warns
        -----
        ServiceWarning
            If another source has taken its place, which is the one returned.

        Examples
        --------
        >>> source = SwiftXRT.get_source("LSXPS J062131.8-622213")  # doctest: +SKIP
        >>> source["Rate_band0"]  # doctest: +SKIP
        >>> found = SwiftXRT.gather(SwiftXRT.get_source, [209851, 209220])  # doctest: +SKIP
        """
        if get_query_payload:
            return api.seal(*objects.source_question(source, transient=transient, catalog=catalog))
        return objects.find_source(self._catalog, source, transient=transient, catalog=catalog)

    @overload
    def get_transient(
        self, transient: Any, *, catalog: str = ..., get_query_payload: Literal[False] = ...
    ) -> CatalogTransient: ...

    @overload
    def get_transient(
        self, transient: Any, *, catalog: str = ..., get_query_payload: Literal[True]
    ) -> dict[str, Any]: ...

    def get_transient(
        self, transient: Any, *, catalog: str = _LSXPS, get_query_payload: bool = False
    ) -> CatalogTransient | dict[str, Any]:
        """All that is known of a transient that the service found.

        Parameters
        ----------
        transient : str, int or row
            Its name, such as ``"Swift J073006.8-193709"``, its number among
            the transients, or a row of their table.
        catalog : str, optional
            The catalogue; there are transients in LSXPS only.
        get_query_payload : bool, optional
            Whether only to return what would be sent.

        Returns
        -------
        transient : CatalogTransient

        Raises
        ------
        UnknownObjectError
            If there is no such transient.
        RequestError
            If it is not a name or number of a transient.
        ServiceError
            If the service cannot be asked.

        Examples
        --------
        >>> transient = SwiftXRT.get_transient("Swift J073006.8-193709")  # doctest: +SKIP
        >>> transient.discovery, transient.notes  # doctest: +SKIP
        """
        if get_query_payload:
            return api.seal(*objects.transient_question(transient, catalog=catalog))
        return objects.find_transient(self._catalog, transient, catalog=catalog)

    @overload
    def get_dataset(
        self,
        dataset: Any = ...,
        *,
        dataset_id: int | None = ...,
        catalog: str = ...,
        get_query_payload: Literal[False] = ...,
    ) -> CatalogDataset: ...

    @overload
    def get_dataset(
        self, dataset: Any = ..., *, dataset_id: int | None = ..., catalog: str = ..., get_query_payload: Literal[True]
    ) -> dict[str, Any]: ...

    def get_dataset(
        self,
        dataset: Any = None,
        *,
        dataset_id: int | None = None,
        catalog: str = _LSXPS,
        get_query_payload: bool = False,
    ) -> CatalogDataset | dict[str, Any]:
        """All that is known of an observation, or of a stack of observations, with the sources in it.

        Parameters
        ----------
        dataset : str, int or row
            An ObsID, such as ``"00282445000"``, or a row of the catalogue with
            one. An integer is an ObsID that has lost its zeros, or below
            10000000 the number of a dataset.
        dataset_id : int, optional
            In place of `dataset`: the number of a dataset, which is one
            version of an observation or stack.
        catalog : str, optional
            The catalogue; the service has details of LSXPS only.
        get_query_payload : bool, optional
            Whether only to return what would be sent.

        Returns
        -------
        dataset : CatalogDataset

        Raises
        ------
        UnknownObjectError
            If there is no such dataset.
        SupersededError
            If other stacks, or a later version, which it names, have replaced the stack.
        IdentifierError, RequestError
            If it is not an ObsID or number.
        ServiceError
            If the service cannot be asked.

        Examples
        --------
        >>> dataset = SwiftXRT.get_dataset("00282445000")  # doctest: +SKIP
        >>> dataset.sources  # doctest: +SKIP
        """
        if get_query_payload:
            return api.seal(*objects.dataset_question(dataset, dataset_id=dataset_id, catalog=catalog))
        return objects.find_dataset(self._catalog, dataset, dataset_id=dataset_id, catalog=catalog)

    def get_source_observations(
        self,
        source: Any = None,
        *,
        which: str = "all",
        fallback: str | None = None,
        transient: Any = None,
        catalog: str = _LSXPS,
    ) -> QTable:
        """The observations of a source, with what was detected in them.

        Parameters
        ----------
        source, transient, catalog
            As for `get_source`; a `CatalogSource` is not asked for again.
        which : {"all", "detections", "blind", "retrospective", "non_detections"}, optional
            All; those with a detection of any kind; those in which it was
            found; those in which it was not found, but has a rate above zero
            at 3 sigma; those without either.
        fallback : str, optional
            What is taken if there are none of these: a faint source that is
            only seen in a stack has no blind detections in observations.

        Returns
        -------
        observations : `~astropy.table.QTable`
            Columns ``obsid``, ``target_id``, ``detection`` ("blind",
            "retrospective", "none") and ``dataset_id``. Stacks are left out.

        Raises
        ------
        NoDataError
            If there are none.
        UnknownObjectError, RequestError, ServiceError
            As for `get_source`.

        Examples
        --------
        >>> SwiftXRT.get_source_observations(209220, which="blind", fallback="all")  # doctest: +SKIP
        """
        found = source if isinstance(source, CatalogSource) and transient is None else None
        if found is None:
            found = objects.find_source(self._catalog, source, transient=transient, catalog=catalog)
        return found.observations(which, fallback=fallback)
