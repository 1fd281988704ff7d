"""The class users talk to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from astroquery.query import BaseQuery

from .._paths import as_path
from ..backends.cache import clear_cache
from ..backends.credentials import check_user
from ..backends.registry import check_backend, make_backend, make_catalog
from ..catalog.protocol import CatalogBackend
from ..config import conf
from ..jobs.book import JobBook
from ..jobs.protocol import ProductBackend
from .bursts import BurstAsking
from .catalog_queries import CatalogQuerying
from .catalogs import CatalogAsking
from .downloads import ObservationDownloads
from .epochs import EpochMaking
from .jobs import JobAsking
from .limits import LimitMaking
from .making import ProductMaking
from .observations import ObservationAsking
from .ready_made import ReadyMade
from .sources import SourceAsking
from .tables import TableKeeping

if TYPE_CHECKING:
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from astropy.table import Table

    from ..jobs.joblist import JobList

__all__ = ["SwiftXRT", "SwiftXRTClass"]


class SwiftXRTClass(
    JobAsking,
    ProductMaking,
    EpochMaking,
    LimitMaking,
    SourceAsking,
    CatalogQuerying,
    TableKeeping,
    ReadyMade,
    BurstAsking,
    CatalogAsking,
    ObservationAsking,
    ObservationDownloads,
    BaseQuery,
):
    """Swift-XRT products on demand, as Astropy objects.

    ``swiftxrt.SwiftXRT`` is a ready instance that uses the service in
    Leicester; call it, or this class, for another set-up.

    Parameters
    ----------
    backend : {"ukssdc", "local"}, optional
        Where requests run: on the service, or on observations on disk.
    user : str, optional
        Registered e-mail address for the service; by default ``conf.user``,
        the environment variable ``SWIFTXRT_USER`` or what the command
        ``swiftxrt user set`` put into the keyring of the system. It is left
        out of pickles.
    archive : path-like, optional
        Folder with observations for the local engine; by default
        ``conf.archive`` or the environment variable ``SWIFTXRT_ARCHIVE``.
    state : path-like, optional
        Folder where the local engine keeps its jobs, so that they can be found
        again, and go on, in a later session; one session at a time. By default
        they are lost when this one ends.
    caldb : path-like or {"v004", "v006"}, optional
        Folder with calibration files of the XRT (CALDB) for the local engine,
        or the PSF to take with the approximate tables that come with the
        package; by default ``conf.caldb`` or the environment variable
        ``CALDB``, else ``"v004"``.
    reference_catalog : `~astropy.table.Table` or callable, optional
        Objects with well-known positions, such as 2MASS, to which the local
        engine matches the sources of the field for an astrometric position:
        a table with a `~astropy.coordinates.SkyCoord` column, or with columns
        ``ra`` and ``dec`` and if wanted ``error`` (one sigma) with units; or
        a function that is called with the centre (SkyCoord) and the radius
        (Quantity) of the field and returns such a table.
    engine : {"swiftxrt", "heasoft"}, optional
        What makes the products of local observations: this package, or the
        tasks of HEASoft, where that is installed and set up.

    Examples
    --------
    >>> from swiftxrt import SwiftXRT
    >>> local = SwiftXRT(backend="local", archive="observations")  # doctest: +SKIP
    >>> curves = local.make_light_curve("GRB 200416A", binning=SnapshotBinning())  # doctest: +SKIP
    """

    def __init__(
        self,
        backend: str = "ukssdc",
        *,
        user: str | None = None,
        archive: str | Path | None = None,
        state: str | Path | None = None,
        caldb: str | Path | None = None,
        reference_catalog: Table | Callable[[SkyCoord, u.Quantity], Table] | None = None,
        engine: str | None = None,
    ) -> None:
        super().__init__()
        self._options = {
            "archive": None if archive is None else as_path(archive, "archive"),
            "state": None if state is None else as_path(state, "state"),
            "caldb": caldb,
            "reference_catalog": reference_catalog,
            "engine": engine,
        }
        check_backend(backend, **self._options)
        check_user(user)
        self._backend_name = backend
        self._user = user
        self._made: dict[str, ProductBackend] = {}
        self._catalogs: dict[str, CatalogBackend] = {}
        self._book: JobBook | None = None
        self._lists: WeakSet[JobList] = WeakSet()
        self._has_book = True

    @property
    def _backend(self) -> ProductBackend:
        """The backend, made at first use: importing the package touches nothing.

        There is one for each service that ``conf.service_url`` has named: jobs
        stay where they are when it changes.
        """
        place = conf.service_url.rstrip("/") if self._backend_name == "ukssdc" else ""
        if place not in self._made:
            self._made[place] = make_backend(self._backend_name, user=self._user, **self._options)
        return self._made[place]

    @property
    def _catalog(self) -> CatalogBackend:
        """Where catalogues are asked; nobody's address is needed for that."""
        if self._backend_name == "local":
            return make_catalog(self._backend_name, self._backend)
        place = conf.service_url.rstrip("/")
        if place not in self._catalogs:
            self._catalogs[place] = make_catalog(self._backend_name)
        return self._catalogs[place]

    def __call__(self, *args: Any, **kwargs: Any) -> SwiftXRTClass:
        """Make an instance with another set-up; arguments as for the class."""
        return type(self)(*args, **kwargs)

    def _response_hook(self, response: Any, *args: Any, **kwargs: Any) -> None:
        """Not used: astroquery's hook would decode every body, whatever its size."""

    def clear_cache(self) -> None:
        """Remove all replies of services that were kept on this computer.

        They are in ``conf.cache_dir``, or in a folder of the system for such
        things if that is not set; ``conf.cache = False`` keeps none.
        """
        clear_cache()

    def close(self) -> None:
        """Close connections and stop the local engine; the next request starts anew.

        Jobs of the local engine that have not ended are lost, unless it has a
        folder for them (``state``); those of the service go on. Lists of jobs
        are closed too.
        """
        for jobs in list(self._lists):
            jobs.close()
        for made in (*self._made.values(), *self._catalogs.values()):
            made.close()
        self._made, self._catalogs = {}, {}
        if self._book is not None:
            self._book.close()

    def __enter__(self) -> SwiftXRTClass:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # A pickle travels: it holds neither connections nor the user's address.
        return {**vars(self), "_made": {}, "_catalogs": {}, "_user": None, "_book": None, "_lists": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lists=WeakSet())

    def __repr__(self) -> str:
        return f"<SwiftXRT on {self._backend_name!r}>"


SwiftXRT = SwiftXRTClass()
