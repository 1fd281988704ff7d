"""Source detection on real observations."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import AllData, SourceDetectionRequest, Target, XRTRequest
from swiftxrt.engine import make_sources
from swiftxrt.engine.data import Data
from swiftxrt.products.events import EventList
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.sources import SourceList


def _found(path: Path, bands: str = "total") -> SourceList:
    request = XRTRequest(target=Target("X"), sources=SourceDetectionRequest(data=AllData(), bands=bands))
    data = Data(pc=(EventList.read(path),), wt=())
    return make_sources.make(request.with_defaults(), data, Provenance(), lambda index, note="": None)


@pytest.fixture(scope="module")
def blazar(validation_data: Path) -> Path:
    return validation_data / "deepsky_archive_obs"


def test_sources_of_the_archive_image(blazar: Path) -> None:
    """SRCLIST of sw00085374001xpc_sk.img: position, ct/s and its error, made with XIMAGE by the ground software."""
    folder = blazar / "obs" / "2014_11" / "00085374001" / "xrt" / "event"
    found = _found(folder / "sw00085374001xpcw3po_cl.evt.gz", "all")
    total = found["total"]
    official = SkyCoord([21.737732, 21.877609], [33.123912, 33.046346], unit="deg")
    assert (total["quality"] == 0).sum() == 2
    assert np.all(official.separation(total["position"][:2]) < total["position_err"][:2])
    # Their errors are 11 and 28 per cent, of the same events.
    assert (total["rate"][:2].value / [0.0658, 0.0113]) == pytest.approx([1.0, 1.0], abs=0.2)
    # The blazar is seen in all bands, at one place; the other bands have no false good source.
    for band in ("soft", "medium", "hard"):
        assert found[band]["position"][0].separation(total["position"][0]) < found[band]["position_err"][0]
        assert set(found[band]["source_number"][found[band]["quality"] == 0]) <= {1, 2}
    assert found.provenance.cautions == ()


def test_sources_of_two_observations_in_one_list(blazar: Path) -> None:
    """The stacked events of the Swift DeepSky pipeline and its table of detections (XIMAGE)."""
    total = _found(blazar / "22_33_15" / "22_33_15_sum.evt.gz")["total"]
    published = SkyCoord(["01h26m57.165s", "01h27m30.469s"], ["+33d07m27.14s", "+33d02m44.23s"])
    assert (total["quality"] == 0).sum() == 2
    assert np.all(published.separation(total["position"][:2]) < total["position_err"][:2])
    # Its rates are higher than a plain correction gives, and their recipe is not known.
    ratio = total["rate"][:2].value / [5.422e-2, 7.63e-3]
    assert ratio == pytest.approx([1.0, 1.0], abs=0.15)
    assert total["exposure"][0].value == pytest.approx(3700, rel=0.03)


def test_burst_with_dust_rings_and_hot_pixels(validation_data: Path) -> None:
    """GRB 221009A on 2022-10-19: RA 288.2645, Dec 19.7735 (radio)."""
    found = _found(validation_data / "event_lists_grb221009A" / "sw010_1.evt.gz")
    total = found["total"]
    burst = SkyCoord(288.2645, 19.7735, unit="deg")
    assert total["position"][0].separation(burst) < 4.5 * u.arcsec
    assert total["likelihood"][0] > 1000
    # Eight of eight events on DETX 211 and 212, DETY 76, PI 35 to 54.
    hot = SkyCoord("19h13m14.35s", "+19d55m04.9s")
    assert np.all(total["position"].separation(hot) > 20 * u.arcsec)
    assert any("hot pixels" in note for note in found.provenance.notes)


def test_dust_rings_are_told_of(validation_data: Path) -> None:
    found = _found(validation_data / "event_lists_grb221009A" / "sw008_1.evt.gz")
    cautions = dict(found.provenance.cautions)
    assert "background is uneven" in cautions["CalibrationWarning"]
    assert "pile-up" in cautions["PileUpWarning"]
    assert len(found["total"]) < 20
