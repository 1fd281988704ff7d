"""The products of a source at several times: one set for each epoch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from .._fields import nearest
from .._filenames import distinct_names
from .._printable import first_few
from ..bands import EnergyBand
from ..exceptions import PartialResultWarning, ProductNotAvailableError, RequestError, SwiftXRTError, warn
from ..kinds import ProductKind
from ..mission import Mode
from .countspectrum import CountSpectrum
from .outcomes import Outcomes
from .productset import ProductSet
from .provenance import provenance_of

if TYPE_CHECKING:
    from .image import SkyImage

__all__ = ["EpochSet"]

# What no name of a spectrum has, and how long one may be, as it goes into a keyword of a file.
_UNNAMED = re.compile(r"[^A-Za-z0-9_.+ -]+")
_LONGEST_NAME = 60
_MOST_NAMED = 10


class EpochSet(Mapping[str, ProductSet]):
    """Products by epoch, and the reasons why some epochs have none.

    A mapping from the name of each epoch to its `ProductSet`, in the order in
    which the epochs were named; an epoch that failed raises its error when it
    is asked for, and is not iterated over. Picklable.

    Parameters
    ----------
    outcomes : iterable of Outcome
        One for each epoch: ``item`` is its name, ``value`` its products.
    obsids : mapping of str to sequence of str
        The observations of each epoch.

    Raises
    ------
    RequestError
        If an epoch is there twice, or has no observations.
    """

    def __init__(self, outcomes: Iterable[Any], obsids: Mapping[str, Iterable[str]]) -> None:
        self._outcomes = Outcomes(outcomes)
        self._obsids = {str(label): tuple(several) for label, several in obsids.items()}
        self._by_label = {one.item: one for one in self._outcomes}
        if len(self._by_label) != len(self._outcomes) or set(self._by_label) != set(self._obsids):
            raise RequestError([("outcomes", "one outcome for each epoch, and ObsIDs for each, are needed")], "epochs")

    @property
    def outcomes(self) -> Outcomes:
        """What came of each epoch, failures included."""
        return self._outcomes

    @property
    def failed(self) -> dict[str, SwiftXRTError]:
        """The epochs without products, with the reason."""
        return {one.item: one.error for one in self._outcomes.failed if one.error is not None}

    @property
    def obsids(self) -> dict[str, tuple[str, ...]]:
        """The observations of each epoch."""
        return dict(self._obsids)

    @property
    def table(self) -> QTable:
        """An overview: columns ``epoch``, ``obsids`` (text), ``ok``, ``products`` (text), ``error`` and ``remarks``.

        A product that could not be made while others of its epoch could is
        named in ``error`` too. What was warned of while the products were made,
        such as observations without data, is in ``remarks``.
        """
        rows = [
            (one.item, " ".join(self._obsids[one.item]), one.is_ok, _made(one.value), _problems(one), _remarks(one))
            for one in self._outcomes
        ]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
        names = ("epoch", "obsids", "ok", "products", "error", "remarks")
        return QTable(columns, names=names, dtype=(str, str, bool, str, str, str))

    def spectra(self, mode: Mode | str | None = None) -> dict[str, CountSpectrum]:
        """One spectrum for each epoch that has one.

        Parameters
        ----------
        mode : {"PC", "WT"}, optional
            The mode; by default the one with more counts.

        Returns
        -------
        spectra : dict of str to CountSpectrum
            By name of the epoch; `swiftxrt.fit_many` fits them. Each has the
            name of its epoch as its ``label``, as far as a label can hold it,
            and so in tables of fits and files for XSPEC.

        Raises
        ------
        RequestError
            If there is no such mode.

        Warns
        -----
        PartialResultWarning
            If epochs failed, or have no such spectrum.
        """
        known = [item.value for item in Mode]
        if mode is not None and str(getattr(mode, "value", mode)) not in known:
            raise RequestError([("mode", f"must be one of {', '.join(known)}; got {mode!r}")], "epochs")
        self._outcomes.tell_failures()
        found = {}
        for label, products in self.items():
            counts = [one for one in _spectra_of(products) if mode in (None, one.mode)]
            if counts:
                found[label] = max(counts, key=lambda one: int(one.counts.sum()))
        if without := [label for label in self if label not in found]:
            kind = "spectrum" if mode is None else f"{mode} spectrum"
            warn(f"there is no {kind} of {first_few(without, _MOST_NAMED)}", PartialResultWarning)
        return {label: one.replace(label=name) for (label, one), name in zip(found.items(), _names(found), strict=True)}

    def images(self, band: EnergyBand | str | int = 0) -> dict[str, SkyImage]:
        """One image for each epoch that has one.

        Parameters
        ----------
        band : EnergyBand, str or int, optional
            The band, such as ``"0.3-1.5 keV"``, or which of those asked for, from 0.

        Returns
        -------
        images : dict of str to SkyImage
            By name of the epoch.

        Raises
        ------
        RequestError
            If the band was not asked for.

        Warns
        -----
        PartialResultWarning
            If epochs failed.
        """
        self._outcomes.tell_failures()
        found = {label: products.image for label, products in self.items() if ProductKind.IMAGE in products}
        number = _band_number(band, list(found.values()))
        return {label: images[number] for label, images in found.items()}

    def __getitem__(self, label: str) -> ProductSet:
        if label not in self._by_label:
            text = f"none is called {label!r}{nearest(str(label), self._by_label)}"
            raise ProductNotAvailableError("epoch", text)
        products: ProductSet = self._by_label[label].get()
        return products

    def __contains__(self, label: object) -> bool:
        return label in self._by_label and self._by_label[str(label)].is_ok

    def __iter__(self) -> Iterator[str]:
        return (one.item for one in self._outcomes if one.is_ok)

    def __len__(self) -> int:
        return len(self._outcomes) - len(self._outcomes.failed)

    def __repr__(self) -> str:
        return f"<EpochSet: {len(self)} of {len(self._outcomes)} epochs>"


def _band_number(band: Any, sets: list[Sequence[SkyImage]]) -> int:
    """Which of the images of each epoch is that of a band."""
    if not sets:
        return 0
    bands = [one.band for one in min(sets, key=len)]
    is_number = isinstance(band, int) and not isinstance(band, bool)
    if is_number and 0 <= band < len(bands):
        return int(band)
    if not is_number and (wanted := EnergyBand.parse(band)) in bands:
        return bands.index(wanted)
    named = ", ".join(f"'{one}'" for one in bands)
    text = f"there are images of {named}, or 0 to {len(bands) - 1}; got {band!r}"
    raise RequestError([("band", text)], "epochs")


def _names(labels: Iterable[str]) -> list[str]:
    """Names of spectra made of those of their epochs, no two of them alike."""
    plain = [_UNNAMED.sub("_", label)[:_LONGEST_NAME] for label in labels]
    return distinct_names(name if name[:1].isalnum() else f"epoch {name}" for name in plain)


def _spectra_of(products: ProductSet) -> tuple[CountSpectrum, ...]:
    return products.spectrum.count_spectra if ProductKind.SPECTRUM in products else ()


def _made(products: ProductSet | None) -> str:
    return " ".join(kind.value for kind in products or ())


def _remarks(outcome: Any) -> str:
    remarks = (
        f"{kind.title}: {message}"
        for kind, product in (outcome.value or {}).items()
        for _, message in provenance_of(product).cautions
    )
    return "; ".join(dict.fromkeys(remarks))


def _problems(outcome: Any) -> str:
    if outcome.error is not None:
        return str(outcome.error)
    return "; ".join(f"{kind.title}: {reason}" for kind, reason in outcome.value.failed.items())
