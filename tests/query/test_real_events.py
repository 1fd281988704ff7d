"""Real event files through the local engine, as a user would run them."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import AllData, LightCurveRequest, SnapshotBinning, SpectrumRequest, SwiftXRTClass, Target, XRTRequest

pytestmark = pytest.mark.filterwarnings("ignore::swiftxrt.exceptions.PileUpWarning")

# Position of GRB 221009A (GCN 32632) and the zero time of its official light curve.
GRB_221009A = Target(name="GRB 221009A", position=SkyCoord(288.2647, 19.7735, unit="deg"), t0=687014249.0 * u.s)
FILES = ("004_1", "006_1", "006_2", "006_4", "008_1", "008_2", "008_3", "010_1", "010_2")


@pytest.mark.parametrize("name", FILES)
def test_every_event_list_gives_a_light_curve_and_a_spectrum(validation_data: Path, tmp_path: Path, name: str) -> None:
    source = validation_data / "event_lists_grb221009A" / f"sw{name}.evt.gz"
    (tmp_path / source.name).symlink_to(source)
    request = XRTRequest(
        target=GRB_221009A,
        light_curve=LightCurveRequest(binning=SnapshotBinning()),
        spectrum=SpectrumRequest(data=AllData()),
    )
    products = SwiftXRTClass(backend="local", archive=tmp_path).submit(request).result(progress=False)
    curve, (spectrum,) = products.light_curve.total, products.spectrum.count_spectra
    assert products.failed == {}
    assert set(curve["obsid"]) == {f"01126853{name[:3]}"}
    assert not curve["is_upper_limit"].any()
    # The official curve falls from 5 to 0.2 ct/s over these files; pile-up makes the first rates uncertain by a quarter.
    low, high = (curve["rate"] + sign * 3 * curve["rate_err_pos"] for sign in (-1, 1))
    assert np.all((high.value > 0.2) & (low.value < 5 * 1.25))
    in_band = spectrum.counts[30:1001].sum()
    assert in_band == curve["counts"].value.sum()
    assert spectrum.background.counts.sum() > 0
    live = spectrum.exposure / curve["exposure"].sum()
    assert 0.99 < live < 1.0


def test_all_event_lists_together(validation_data: Path) -> None:
    local = SwiftXRTClass(backend="local", archive=validation_data / "event_lists_grb221009A")
    curve = local.make_light_curve(GRB_221009A, binning=SnapshotBinning()).total
    assert sorted(set(curve["obsid"].tolist())) == [f"01126853{number}" for number in ("004", "006", "008", "010")]
    assert np.all(np.diff(curve["met"].value) > 0)
    # It fades: the official light curve falls as t^-1.5 to t^-1.7 here.
    slope = np.polyfit(np.log(curve.elapsed.value), np.log(curve["rate"].value), 1)[0]
    assert -1.9 < slope < -1.3
