"""What `write` gives back: the path of what it wrote, in all classes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

import swiftxrt
from swiftxrt import ARF, RMF, BurstAnalyser, CountSpectrum, ObsidBinning, SpectrumSet, Target, XRTRequest
from swiftxrt.wire.burst_analyser import decode_analyser
from tests.plot.test_lightcurve import make_curve
from tests.wire.burst_replies import bat, bin_at

WRITERS = {
    f"{name}.{method}": getattr(kind, method)
    for name in swiftxrt.__all__
    if inspect.isclass(kind := getattr(swiftxrt, name))
    for method in ("write", "write_pha", "write_bundle")
    if getattr(getattr(kind, method, None), "__module__", "").startswith("swiftxrt.")
}


@pytest.mark.parametrize("name", WRITERS)
def test_paths_are_returned(name: str) -> None:
    assert inspect.signature(WRITERS[name]).return_annotation in ("Path", "list[Path]")


def _things() -> dict[str, Any]:
    energy = np.linspace(0.3, 10.0, 6) * u.keV
    arf = ARF(effective_area=np.full(5, 100.0) * u.cm**2, energy_edges=energy)
    rmf = RMF(matrix=np.eye(5), energy_edges=energy, channel_edges=energy)
    counts = CountSpectrum(counts=[1, 2, 3], exposure=1000 * u.s, mode="PC", label="interval0")
    curve = make_curve()
    target = Target("GRB 060729", target_ids="00221755")
    return {
        "a.arf": arf,
        "a.rmf": rmf,
        "a.pha": counts,
        "spectrum.pha": counts.to_spectrum(),
        "a.fits": curve,
        "a.ecsv": curve,
        "curves": swiftxrt.LightCurveSet(curve),
        "spectra": SpectrumSet([counts]),
        "burst": decode_analyser(bat(bin_at(1.0)), name="GRB 1", target_id="1"),
        "a.yaml": XRTRequest(target=target, light_curve=swiftxrt.LightCurveRequest(binning=ObsidBinning())),
    }


@pytest.mark.parametrize("name", _things())
def test_the_path_is_that_of_what_was_written(name: str, tmp_path: Path) -> None:
    thing = _things()[name]
    path = thing.write(str(tmp_path / name))
    assert path == tmp_path / name
    assert path.exists()
    if isinstance(thing, SpectrumSet | BurstAnalyser):
        assert type(thing).read(path) == thing


def test_paths_of_other_formats(tmp_path: Path) -> None:
    curves, counts = swiftxrt.LightCurveSet(make_curve()), _things()["a.pha"]
    assert curves.write(tmp_path / "qdp", format="ukssdc.qdp") == tmp_path / "qdp"
    assert SpectrumSet([counts]).write_pha(tmp_path / "both.pha") == tmp_path / "both.pha"
    fits = tmp_path / "s.fits"
    assert counts.to_spectrum().write(fits, format="tabular-fits") == fits
