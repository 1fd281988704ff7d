"""The methods of `~swiftxrt.SwiftXRT` for gamma-ray bursts alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from .._calls import clear_calls
from ..catalog import burst_jobs, bursts
from ..exceptions import RequestError
from ..jobs.task import Task
from ..kinds import ProductKind
from ..products.burst_analyser import BurstAnalyser
from ..products.position import Position
from ..request.lightcurve import LightCurveRequest
from .catalogs import CatalogAsking

__all__ = ["AnalyserChoice", "BurstAsking"]

_KEEPERS: Mapping[ProductKind, Any] = {
    ProductKind.LIGHT_CURVE: burst_jobs.Rebinning,
    ProductKind.SPECTRUM: burst_jobs.Slicing,
}


class AnalyserChoice(TypedDict, total=False):
    """What `BurstAsking.get_burst_analyser` takes besides a burst."""

    instruments: Any
    bands: Any
    bat_binning: Any
    with_unreliable: bool
    without_systematics: bool


@clear_calls
class BurstAsking(CatalogAsking):
    """Burst analyser, positions, rebinning and time-sliced spectra."""

    @overload
    def get_burst_analyser(
        self, grb: Any, *, get_query_payload: Literal[False] = ..., **choice: Unpack[AnalyserChoice]
    ) -> BurstAnalyser: ...

    @overload
    def get_burst_analyser(
        self, grb: Any, *, get_query_payload: Literal[True], **choice: Unpack[AnalyserChoice]
    ) -> dict[str, Any]: ...

    def get_burst_analyser(
        self,
        grb: Any,
        *,
        instruments: Any = ("bat", "xrt", "uvot"),
        bands: Any = ("density",),
        bat_binning: Any = ("snr4",),
        with_unreliable: bool = True,
        without_systematics: bool = False,
        get_query_payload: bool = False,
    ) -> BurstAnalyser | dict[str, Any]:
        """Fluxes of a burst as seen by BAT, XRT and UVOT, from the burst analyser.

        Only what is asked for is sent: everything of a long burst is more than
        the service can put together.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.
        instruments : str or list of str, optional
            Of ``"bat"``, ``"xrt"`` and ``"uvot"``, or ``"all"``.
        bands : str or list of str, optional
            Of ``"density"`` (unabsorbed flux density at 10 keV),
            ``"xrt_band"`` (unabsorbed flux, 0.3-10 keV), ``"bat_band"``
            (unabsorbed flux, 15-50 keV) and ``"observed_density"`` (what the
            service calls ObservedFlux: a flux density as observed, at another
            energy for each instrument), or ``"all"``.
        bat_binning : str, list of str or `~astropy.units.Quantity`, optional
            Signal-to-noise ratio in each bin of the BAT, ``"snr4"`` to
            ``"snr7"``, or their length: 4 ms, 64 ms, 1 s or 10 s, also as
            ``"4ms"``; or ``"all"``.
        with_unreliable : bool, optional
            Whether XRT bins without a reliable centroid are included.
        without_systematics : bool, optional
            Whether the systematic error of WT mode is left out.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing; the burst
            must be given by number then, as names are asked for first.

        Returns
        -------
        analyser : BurstAnalyser, or dict

        Raises
        ------
        RequestError
            If it is not a burst, or there is no such instrument, band or binning.
        UnknownObjectError
            If there is no such burst.
        ProductNotAvailableError
            If the service has nothing of it.
        ServiceError
            If the service cannot be reached or answers nonsense.

        Warns
        -----
        PartialResultWarning
            If a table cannot be read.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> analyser = SwiftXRT.get_burst_analyser("GRB 201013A")  # doctest: +SKIP
        >>> analyser.plot()  # doctest: +SKIP
        """
        ask = bursts.analyser_payload if get_query_payload else bursts.burst_analyser
        return ask(
            self._catalog,
            grb,
            instruments=instruments,
            bands=bands,
            bat_binning=bat_binning,
            with_unreliable=with_unreliable,
            without_systematics=without_systematics,
        )

    def download_burst_analyser(self, grb: Any, location: str | Path = ".", *, overwrite: bool = False) -> Path:
        """Save the files of the burst analyser, all of them, as one archive (tar.gz).

        Fluxes, photon indices and conversion factors are in files of their
        own there, and errors are not propagated.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.
        location : path-like, optional
            Folder; made if it is not there.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Returns
        -------
        path : Path
            The archive.

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_burst_analyser`.
        OutputExistsError, StorageError
            If the file exists, or cannot be written.
        """
        return bursts.download_analyser(self._catalog, grb, location, overwrite=overwrite)

    @overload
    def get_positions(
        self, grb: Any, kinds: Iterable[str] | None = ..., *, get_query_payload: Literal[False] = ...
    ) -> dict[str, Position]: ...

    @overload
    def get_positions(
        self, grb: Any, kinds: Iterable[str] | None = ..., *, get_query_payload: Literal[True]
    ) -> dict[str, Any]: ...

    def get_positions(
        self, grb: Any, kinds: Iterable[str] | None = None, *, get_query_payload: bool = False
    ) -> dict[str, Position] | dict[str, Any]:
        """Several positions of a burst.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.
        kinds : list of str, optional
            As for `get_position`; all by default.
        get_query_payload
            As for `get_burst_analyser`.

        Returns
        -------
        positions : dict of str to Position, or dict
            Those that there are, by kind.

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_position`.
        """
        ask = bursts.positions_payload if get_query_payload else bursts.burst_positions
        return ask(self._catalog, grb, kinds)

    def get_burst_observations(self, grb: Any) -> list[str]:
        """The ObsIDs of a burst, of all targets that it was observed as.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.

        Returns
        -------
        obsids : list of str

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_burst_analyser`.
        ProductNotAvailableError
            If there are none.
        """
        return bursts.burst_observations(self._catalog, grb)

    def rebin_light_curve(self, grb: Any, *, binning: Any, **fields: Any) -> Task:
        """Have the light curve of a burst binned anew on the service.

        Each call starts a job: it is sent once, even if the reply gets lost.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.
        binning : CountsBinning, TimeBinning, SnapshotBinning or ObsidBinning
            How to bin.
        **fields
            Further fields of `~swiftxrt.LightCurveRequest`.

        Returns
        -------
        task : Task
            Its ``result(timeout=...)`` waits and gives a `~swiftxrt.LightCurveSet`.

        Raises
        ------
        RequestError, UnknownObjectError
            As for `get_light_curve`, or if a field cannot be used; nothing was sent then.
        ServiceError
            If the service cannot be reached or refuses.
        """
        job_id, keeper = burst_jobs.start_rebinning(self._catalog, grb, LightCurveRequest(binning=binning, **fields))
        return Task(job_id, keeper, accepted=True)

    def slice_spectra(
        self, grb: Any, *, slices: Mapping[str, Any], grades: str | int | None = None, redshift: Any = None
    ) -> Task:
        """Have spectra of time slices of a burst made on the service, and fitted with an absorbed power law.

        Each call starts a job: it is sent once, even if the reply gets lost.

        Parameters
        ----------
        grb : str, int or row
            The burst, as for `get_light_curve`.
        slices : mapping of str to object
            For each name (letters and digits) the intervals of time: one
            pair (start, stop) or several, as times since T0, as MET or as
            `~astropy.time.Time`; or a text with a unit, such as
            ``"100-300,500-1000 s"``, or with observations, such as
            ``"OBS00635887000-OBS00635887001"``. A mode, ``"WT"`` or ``"PC"``,
            may follow: ``("100-800 s", "WT")``.
        grades : {"all", 0, 4}, optional
            Grades of events; 4 stands for 0-4 in PC mode and 0 in WT mode.
        redshift : float or "none", optional
            Of the absorber; by default the one that the service knows.

        Returns
        -------
        task : Task
            Its ``result(timeout=...)`` waits and gives a `~swiftxrt.SpectrumSet`.

        Raises
        ------
        RequestError, UnknownObjectError
            As for `get_spectra`, or if a slice cannot be used; nothing was sent then.
        ServiceError
            If the service cannot be reached or refuses.

        Examples
        --------
        >>> import astropy.units as u
        >>> from swiftxrt import SwiftXRT
        >>> slices = {"early": ("100-800 s", "WT"), "late": (5 * u.ks, 9 * u.ks)}
        >>> task = SwiftXRT.slice_spectra("GRB 150314A", slices=slices, redshift=1.758)  # doctest: +SKIP
        >>> spectra = task.result(timeout=10 * u.min)  # doctest: +SKIP
        """
        job_id, keeper = burst_jobs.start_slicing(self._catalog, grb, slices, grades=grades, redshift=redshift)
        return Task(job_id, keeper, accepted=True)

    def get_burst_job(self, job_id: str | int, kind: ProductKind | str) -> Task:
        """Find a rebinning or time slicing again that was started earlier, perhaps elsewhere.

        Nothing is asked of the service; the first look at the job tells whether it knows it.

        Parameters
        ----------
        job_id : str or int
            Its number.
        kind : {"light_curve", "spectrum"}
            What it makes: the two have numbers of their own.

        Returns
        -------
        task : Task

        Raises
        ------
        RequestError
            If it cannot be the number of a job, or there is no such kind.
        """
        try:
            keeper = _KEEPERS[ProductKind(kind)]
        except (ValueError, KeyError):
            allowed = " or ".join(repr(one.value) for one in _KEEPERS)
            raise RequestError([("kind", f"must be {allowed}; got {kind!r:.60}")]) from None
        return Task(job_id, keeper(self._catalog))
