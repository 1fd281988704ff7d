"""Products with something missing: built here, and through the embedded service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
import pytest

from swiftxrt import Observation, SwiftXRTClass, TimeSlice, TimeSlices
from swiftxrt.testing.server import embedded_server

NAME = "constant source"
USER = "somebody@example.org"


@pytest.fixture(scope="module", params=["local", "ukssdc"])
def xrt(request: pytest.FixtureRequest, small_archive: Path) -> Iterator[SwiftXRTClass]:
    if request.param == "local":
        yield SwiftXRTClass(backend="local", archive=small_archive)
    else:
        with embedded_server(small_archive, users=[USER]):
            yield SwiftXRTClass(user=USER)


def test_empty_time_slices_have_a_reason(xrt: SwiftXRTClass, small_archive: Path) -> None:
    (place,) = {path.parents[2] for path in small_archive.rglob("*_cl.evt.gz")}
    (good,) = [Observation.open(place).events("PC").gti]
    start, stop = float(good.start[0]), float(good.stop[-1])
    slices = TimeSlices(
        TimeSlice(label="before", intervals=((start - 2000) * u.s, (start - 1000) * u.s)),
        TimeSlice(label="during", intervals=(start * u.s, stop * u.s)),
    )
    spectra = xrt.make_spectra(NAME, slices=slices)
    assert list(spectra) == ["duringpc"]
    assert spectra.missing["before"] == "no good time lies in this time slice"
    index = spectra.fits["duringpc"]["PowerLaw"].parameters["photon_index"]
    # Made with 1.7.
    assert abs(index.value.value - 1.7) < 2.5 * index.err_neg.value
    assert index.err_neg < 1
    assert spectra.intervals["before"].value == pytest.approx([start - 2000, start - 1000])
    assert spectra.intervals["during"].value == pytest.approx([start, stop])
