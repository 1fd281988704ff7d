"""What a spectrum reply of the service says, and how it goes together with the spectra."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..products.countspectrum import LABEL, CountSpectrum
from ..products.fit import COLUMN_UNIT, SpectralFit
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet

__all__ = ["ModeBlock", "SliceBlock", "SpectrumReply"]

#: Times closer than this are the same; some come as differences to time zero.
_SAME_S = 1e-3


@dataclass(frozen=True)
class ModeBlock:
    """One mode of a slice.

    Parameters
    ----------
    mode : str
        ``"WT"`` or ``"PC"``.
    exposure_s : float
        Live time.
    mean_time_s : float
        Mean time of the counts since time zero.
    fits : mapping of str to SpectralFit
        Fits by name of the model.
    failed : mapping of str to str
        Models without fit, and why.
    missing : str
        Why there are no fits at all; empty if there are.
    """

    mode: str
    exposure_s: float = math.nan
    mean_time_s: float = math.nan
    fits: Mapping[str, SpectralFit] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class SliceBlock:
    """One time slice: limits (s since time zero), address of the archive, modes, and why there are none."""

    label: str
    start_s: float = math.nan
    stop_s: float = math.nan
    data_url: str = ""
    modes: Mapping[str, ModeBlock] = field(default_factory=dict)
    missing: str = ""

    def stem(self, mode: ModeBlock) -> str:
        """Name of slice and mode together, as in `CountSpectrum.stem`."""
        return f"{self.label}{mode.mode.lower()}"


@dataclass(frozen=True)
class SpectrumReply:
    """What a spectrum reply says.

    Parameters
    ----------
    slices : tuple of SliceBlock
        In the order of the reply.
    t0_met : float or None
        Time zero (MET, s).
    delta_statistic : float
        Change of the statistic that defines the errors.
    galactic_nh : float
        Galactic column (cm⁻²) that no fit includes; NaN if not known.
    missing : str
        Why there is no spectrum at all; empty if there is one.
    notes : mapping of str to str
        What else is missing, as an embedded server tells it.
    """

    slices: tuple[SliceBlock, ...] = ()
    t0_met: float | None = None
    delta_statistic: float = math.nan
    galactic_nh: float = math.nan
    missing: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, label: str) -> SliceBlock:
        """The slice of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        return {block.label: block for block in self.slices}[label]

    def assemble(
        self,
        found: Mapping[str, Sequence[CountSpectrum]],
        *,
        unread: Mapping[str, str] | None = None,
        provenance: Provenance | None = None,
    ) -> SpectrumSet:
        """Put the reply and the spectra of the archives together.

        Parameters
        ----------
        found : mapping of str to sequence of CountSpectrum
            Spectra from the archive of each slice, by the slice's label.
        unread : mapping of str to str, optional
            Slices whose archive could not be fetched or read, and why.
        provenance : Provenance, optional
            Where the set comes from.

        Returns
        -------
        spectra : SpectrumSet
            Everything that is there; the rest is in `SpectrumSet.missing`.
        """
        spectra: list[CountSpectrum] = []
        missing: dict[str, str] = {}
        for block in self.slices:
            members = self._dated(block, found.get(block.label, ()))
            spectra += members
            missing.update(_gaps(block, {one.stem for one in members}, (unread or {}).get(block.label, "")))
        fits = {block.stem(mode): mode.fits for block in self.slices for mode in block.modes.values()}
        return SpectrumSet(
            spectra,
            fits={stem: models for stem, models in fits.items() if models},
            missing={**missing, **self.notes},
            galactic_nh=self.galactic_nh * COLUMN_UNIT,
            intervals={block.label: pair for block in self.slices if (pair := self._limits(block)) is not None},
            urls={block.label: block.data_url for block in self.slices if block.data_url},
            t0_met=self.t0_met,
            provenance=provenance,
        )

    def _limits(self, block: SliceBlock) -> tuple[float, float] | None:
        """Start and stop (MET, s) of a slice."""
        if self.t0_met is None or not math.isfinite(block.start_s + block.stop_s):
            return None
        return self.t0_met + block.start_s, self.t0_met + block.stop_s

    def _dated(self, block: SliceBlock, members: Sequence[CountSpectrum]) -> list[CountSpectrum]:
        """The spectra of a slice under its name, with times that their files do not tell."""
        if len({spectrum.label for spectrum in members}) == 1 and LABEL.fullmatch(block.label):
            members = [spectrum.replace(label=block.label) for spectrum in members]
        asked = self._limits(block)
        told = SpectrumSet(members).intervals.get(block.label)
        if asked is not None and not (told is not None and np.allclose(told.value, asked, rtol=0, atol=_SAME_S)):
            members = [spectrum.replace(interval=spectrum.interval or asked) for spectrum in members]
        return [self._with_mean_time(spectrum, block.modes.get(spectrum.mode_name)) for spectrum in members]

    def _with_mean_time(self, spectrum: CountSpectrum, mode: ModeBlock | None) -> CountSpectrum:
        if mode is None or self.t0_met is None or not math.isfinite(mode.mean_time_s):
            return spectrum
        mean_met = self.t0_met + mode.mean_time_s
        if spectrum.mean_event_met is not None or abs(spectrum.mean_met.value - mean_met) < _SAME_S:
            return spectrum
        return spectrum.replace(mean_event_met=mean_met)


def _gaps(block: SliceBlock, stems: set[str], unread: str) -> Iterator[tuple[str, str]]:
    """What is missing of a slice, and why; `stems` names the spectra that are there."""
    if not stems:
        why = unread or block.missing or ("" if block.data_url else "the service names no archive of this time slice")
        yield block.label, why or "the archive holds no spectrum"
    for mode in block.modes.values():
        stem = block.stem(mode)
        if stem not in stems:
            yield stem, unread or "the archive of this time slice holds no spectrum of this mode"
        elif mode.missing:
            yield stem, mode.missing
        for model, reason in mode.failed.items():
            yield f"{stem}/{model}", reason
