"""Requests for spectra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .._fields import Choice, Flag, Many, Nested, Number, Record, Text, par, record
from ._values import Intervals, Span
from .extraction import ELSEWHERE
from .selection import AllData, FirstHours, Observations, TimeIntervals

__all__ = ["ObsidSlices", "SingleSlice", "SnapshotSlices", "SpectrumRequest", "TimeSlice", "TimeSlices"]

#: The service takes no more user-defined spectra than this.
MAX_TIME_SLICES = 4


class _Label(Text):
    """Name of a spectrum; the service drops all but letters and digits."""

    def __init__(self) -> None:
        super().__init__(lambda text: text.isascii() and text.isalnum(), "letters and digits are needed")

    def from_wire(self, value: Any) -> str:
        return self.convert("".join(filter(str.isalnum, str(value))))


@record
class SingleSlice(Record):
    """One spectrum of all the data selected."""

    label: str | None = par(
        "Name of the spectrum; the service heeds it for `AllData` only.",
        _Label(),
        default=None,
        wire="specstem",
        service_default="interval0",
    )


@record
class SnapshotSlices(Record):
    """One spectrum for each snapshot, that is, each uninterrupted pointing."""


@record
class ObsidSlices(Record):
    """One spectrum for each observation."""


@record
class TimeSlice(Record):
    """One spectrum of one or more intervals of time.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import TimeSlice
    >>> early = TimeSlice(label="early", intervals=(0 * u.s, 1000 * u.s))
    """

    label: str = par("Name of the spectrum.", _Label(), wire=("rname1", "rname2", "rname3", "rname4"))
    intervals: tuple[Span, ...] = par(
        "Pairs (start, stop) as in `TimeIntervals`.", Intervals(), wire=("gti1", "gti2", "gti3", "gti4")
    )


@record(positional="*slices")
class TimeSlices(Record):
    """One to four spectra, each of its own intervals of time."""

    slices: tuple[TimeSlice, ...] = par("The slices.", Many(Nested(TimeSlice), most=MAX_TIME_SLICES))

    if TYPE_CHECKING:

        def __init__(self, *slices: TimeSlice) -> None: ...

    @classmethod
    def _meant_by(cls, value: Any) -> str:
        if isinstance(value, TimeSlice):
            return "TimeSlices(...) around it, which takes one slice or more"
        is_list = isinstance(value, list | tuple) and value and all(isinstance(item, TimeSlice) for item in value)
        return "TimeSlices(*slices)" if is_list else ""

    def _check(self) -> Iterator[tuple[str, str]]:
        labels = [item.label for item in self.slices]
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            yield "slices", f"each slice needs its own label; {label!r} is given more than once"


@record
class SpectrumRequest(Record):
    """Spectra, with their fits.

    A redshift adds an absorber at that redshift to the models. It does not
    switch on the Galactic one, unlike in the reference client of the service.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import SpectrumRequest
    >>> SpectrumRequest(redshift=0.347, models="apec").models
    ('APEC',)
    """

    _elsewhere: ClassVar[Mapping[str, str]] = ELSEWHERE

    delta_statistic: float = par(
        "Change of the fit statistic that defines the errors: 2.706 for 90 %, 1 for 68 %.",
        Number(0, above=True, always_float=True),
        default=2.706,
        wire="dchi",
        note="Optional in the documentation, but the reference client always sends it, as a decimal number. So it is "
        "here.",
    )
    redshift: float | None = par(
        "Redshift of the source; the key ``specz`` says whether there is one.",
        Number(0, 20, always_float=True),
        default=None,
        wire="zval",
        note="Documented as whole or decimal number, while the reference client refuses whole ones. Both are taken, "
        "and a decimal number is sent.",
    )
    galactic_absorber: bool | None = par(
        "Whether there is an extra absorber fixed at the Galactic column.",
        Flag(),
        default=None,
        wire="galactic",
        service_default=False,
        note="The reference client switches it on with a redshift, which its documentation does not say. Here it is "
        "what it is set to.",
    )
    models: tuple[str, ...] | None = par(
        "Models, each fitted by itself.",
        Many(Choice("PowerLaw", "APEC", "blackbody")),
        default=None,
        wire="models",
        service_default=("PowerLaw",),
    )
    grades: str | None = par(
        "All event grades of the mode, grade 0, or grades 0-4.",
        Choice("all", "0", "4"),
        default=None,
        wire="specgrades",
        service_default="all",
    )
    slices: SingleSlice | SnapshotSlices | ObsidSlices | TimeSlices | None = par(
        "How the data are divided into spectra.",
        Nested(SingleSlice, SnapshotSlices, ObsidSlices, TimeSlices),
        default=None,
        wire="timeslice",
        service_default=SingleSlice(),
    )
    data: AllData | Observations | TimeIntervals | FirstHours | None = par(
        "The data to use.",
        Nested(AllData, Observations, TimeIntervals, FirstHours),
        default=None,
        wire=("specobs", "usespecobs", "specobstime"),
        service_default=FirstHours(),
    )
    fit: bool | None = par(
        "Whether the spectra are fitted.",
        Flag(inverted=True),
        default=None,
        wire="doNotFit",
        service_default=True,
        note="One table of the documentation says that spectra are not fitted by default. They are. It is sent if it is "
        "set.",
    )
