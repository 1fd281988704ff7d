"""Images as large as the pointings need."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.grid import LARGEST_SIZE, centred_wcs, enclosing_wcs, image_shape, require_one_field
from swiftxrt.exceptions import RequestError
from swiftxrt.mission import PIXEL_ARCSEC
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI


def _at(ra_deg: float, dec_deg: float = 20.0, number: int = 1, name: str = "") -> EventList:
    header = {"OBS_ID": f"0009999900{number}", "RA_PNT": ra_deg, "DEC_PNT": dec_deg, "PA_PNT": 0.0, "OBJECT": name}
    nothing = np.zeros(0, dtype=int)
    return EventList(
        met=nothing, x=nothing, y=nothing, pi=nothing, grade=nothing, gti=GTI([0.0], [10.0]), mode="PC", header=header
    )


def test_usual_pointings_need_the_usual_image() -> None:
    lists = [_at(150.0), _at(150.1), _at(150.0, 20.1)]
    wcs = enclosing_wcs(lists)
    assert image_shape(wcs) == (1000, 1000)
    assert wcs.wcs.compare(lists[0].wcs.wcs, cmp=0, tolerance=1e-9)
    assert image_shape(centred_wcs(lists, SkyCoord(151.0, 20.0, unit="deg"))) == (1000, 1000)


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(150.0, 20.0), (359.8, 0.0), (0.1, -85.0), (40.0, 89.9)])
def test_distant_pointings_need_a_larger_one(ra_deg: float, dec_deg: float) -> None:
    first = SkyCoord(ra_deg, dec_deg, unit="deg", frame="fk5")
    second = first.directional_offset_by(60 * u.deg, 40 * u.arcmin)
    lists = [_at(point.ra.deg, point.dec.deg) for point in (first, second)]
    wcs = enclosing_wcs(lists)
    height, width = image_shape(wcs)
    assert height == width
    assert 1000 < height <= LARGEST_SIZE
    for events in lists:
        x, y = wcs.world_to_pixel(events.pointing)
        assert 314 <= x <= width - 314
        assert 314 <= y <= height - 314
    middle = wcs.pixel_to_world((width - 1) / 2, (height - 1) / 2)
    separations = [middle.separation(events.pointing).arcmin for events in lists]
    assert separations == pytest.approx([20.0, 20.0], abs=1.5)
    assert wcs.proj_plane_pixel_scales()[0].to_value(u.arcsec) == pytest.approx(PIXEL_ARCSEC)


def test_a_tangent_point_far_from_the_field() -> None:
    lists = [_at(150.0)]
    assert image_shape(enclosing_wcs(lists, SkyCoord(150.3, 20.0, unit="deg"))) > (1000, 1000)
    for far in (SkyCoord(152.0, 20.0, unit="deg"), SkyCoord(330.0, -20.0, unit="deg")):
        with pytest.raises(RequestError, match="position"):
            enclosing_wcs(lists, far)


def test_two_targets_are_refused_by_name() -> None:
    lists = [_at(150.0, name="T Pyx"), _at(150.2, number=2), _at(152.0, number=3, name="Crab")]
    for refuse in (require_one_field, enclosing_wcs):
        with pytest.raises(RequestError, match=r"00099999001 \(T Pyx\) and 00099999003 \(Crab\) are 1\.88 deg apart"):
            refuse(lists)
    require_one_field(lists[:2])
