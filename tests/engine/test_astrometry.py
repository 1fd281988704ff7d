"""Matching the sources of a field to a catalogue, and astrometric positions of simulated observations."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from swiftxrt.engine import make_astrometric
from swiftxrt.engine.astrometry import XraySources, match_catalog
from swiftxrt.engine.make_astrometric import _corrected, _matched, _plane
from swiftxrt.engine.reference_catalog import (
    DEFAULT_ERROR_ARCSEC,
    check_reference_catalog,
    reference_objects,
)
from swiftxrt.exceptions import ProductNotAvailableError, RequestError

CENTRE = SkyCoord(150.0, 20.0, unit="deg")
HALF_ARCSEC = 600.0


def field(
    number: int, shift: tuple[float, float], seed: int, *, related: bool = True
) -> tuple[XraySources, np.ndarray, np.ndarray]:
    """Sources that are off by a shift, and a catalogue with 70 per cent of them amid chance objects."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-500.0, 500.0, (2, number))
    sigma = rng.uniform(0.6, 2.0, number)
    noise = rng.normal(0.0, 1.0, (2, number)) * sigma
    objects = rng.uniform(-HALF_ARCSEC, HALF_ARCSEC, (2, 1200))
    if related:
        known = rng.uniform(size=number) < 0.7
        objects = np.hstack([objects, np.array([x, y])[:, known]])
    return XraySources(x + noise[0] - shift[0], y + noise[1] - shift[1], sigma), objects[0], objects[1]


def matched(sources: XraySources, x: np.ndarray, y: np.ndarray):
    return match_catalog(sources, x, y, np.full(x.size, 0.1), half_size_arcsec=HALF_ARCSEC)


def test_shift_is_found() -> None:
    match = matched(*field(15, (2.5, -1.5), 1))
    assert match.accepted
    assert np.hypot(match.x_arcsec - 2.5, match.y_arcsec + 1.5) < 1.5 * match.radius90
    assert 0.4 < match.radius90 < 2.0
    assert 0.35 <= match.share <= 0.95
    assert match.gain - match.chance_gains.mean() >= 6.0
    assert match.chance_gains.size == 100


def test_more_sources_give_a_smaller_error() -> None:
    few, many = (matched(*field(number, (1.0, 1.0), 2)) for number in (10, 40))
    assert many.radius90 < 0.7 * few.radius90


def test_error_is_that_of_the_mean_where_all_is_clear() -> None:
    """Every source in an otherwise empty catalogue: the error is that of the weighted mean of the shifts."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-500.0, 500.0, (2, 5))
    sources = XraySources(x + rng.normal(0, 1.0, 5), y + rng.normal(0, 1.0, 5), np.ones(5))
    match = matched(sources, x, y)
    one = np.sqrt(1.0 + 0.1**2 + 0.1**2) / np.sqrt(5)
    assert match.radius90 == pytest.approx(2.146 * one, rel=0.06)
    assert match.roll_deg == 0.0
    mean = np.mean(x - sources.x_arcsec), np.mean(y - sources.y_arcsec)
    assert (match.x_arcsec, match.y_arcsec) == pytest.approx(mean, abs=0.1)


def test_roll_is_found_with_many_sources() -> None:
    sources, x, y = field(60, (0.0, 0.0), 4)
    match = matched(sources.rolled(-0.1), x, y)
    assert match.roll_deg == pytest.approx(0.1, abs=0.05)


def test_unrelated_catalogue_is_not_accepted() -> None:
    accepted = [matched(*field(10, (0.0, 0.0), seed, related=False)).accepted for seed in range(6)]
    assert not any(accepted)


def test_correction_shifts_as_the_match_says() -> None:
    """East is larger right ascension, north larger declination, also off the middle of the field."""
    match = matched(*field(5, (2.5, -1.5), 1))
    assert match.roll_deg == 0.0
    for place in (CENTRE, CENTRE.directional_offset_by(60 * u.deg, 8 * u.arcmin)):
        east, north = place.spherical_offsets_to(_corrected(place, CENTRE, match))
        assert (east.arcsec, north.arcsec) == pytest.approx((match.x_arcsec, match.y_arcsec), abs=0.03)


def sky(x: np.ndarray, y: np.ndarray) -> SkyCoord:
    return CENTRE.spherical_offsets_by(x * u.arcsec, y * u.arcsec)


def test_match_on_the_sky() -> None:
    sources, x, y = field(15, (2.5, -1.5), 1)
    seen = sky(sources.x_arcsec, sources.y_arcsec)
    match, number = _matched(seen, sources.sigma_arcsec, CENTRE, QTable({"position": sky(x, y)}))
    assert number > 500
    assert (match.x_arcsec, match.y_arcsec) == pytest.approx((2.5, -1.5), abs=1.5)
    along, across = _plane(seen, CENTRE)
    assert along == pytest.approx(sources.x_arcsec, abs=0.05)
    assert across == pytest.approx(sources.y_arcsec, abs=0.05)


def test_catalogues_that_match_nothing_say_so() -> None:
    sources, x, y = field(8, (0.0, 0.0), 1, related=False)
    seen = sky(sources.x_arcsec, sources.y_arcsec)
    with pytest.raises(ProductNotAvailableError, match="better than by chance"):
        _matched(seen, sources.sigma_arcsec, CENTRE, QTable({"position": sky(x, y)}))
    far = QTable({"position": SkyCoord([10.0, 11.0], [-20.0, -21.0], unit="deg")})
    with pytest.raises(ProductNotAvailableError, match=r"no object within .* covers the field"):
        _matched(seen, sources.sigma_arcsec, CENTRE, far)


# --- Catalogues -------------------------------------------------------------------

RA, DEC = [150.0, 150.01, 200.0], [20.0, 20.01, 20.0]


def test_catalogues_in_many_forms() -> None:
    """A SkyCoord column, quantities, columns with units as VizieR has them, and a function."""
    coord = SkyCoord(RA, DEC, unit="deg")
    named = Table({"RAJ2000": RA, "DEJ2000": DEC, "errMaj": [0.2, 0.3, 0.4]})
    named["RAJ2000"].unit = named["DEJ2000"].unit = "deg"
    named["errMaj"].unit = "arcsec"
    calls = []

    def ask(centre: SkyCoord, radius: u.Quantity) -> Table:
        calls.append((centre, radius))
        return named

    tables = (QTable({"where": coord.galactic}), QTable({"ra": RA * u.deg, "dec": DEC * u.deg}), named, ask)
    for table in tables:
        check_reference_catalog(table)
        made = reference_objects(table, CENTRE, 10 * u.arcmin)
        assert made.coord.separation(coord[:2]).arcsec == pytest.approx([0.0, 0.0], abs=1e-6)
        wanted = [0.2, 0.3] if table in (named, ask) or table is named else [DEFAULT_ERROR_ARCSEC] * 2
        assert made.error_arcsec == pytest.approx(wanted)
    assert calls == [(CENTRE, 10 * u.arcmin)]


def test_rows_without_position_are_left_out() -> None:
    table = Table(
        {"ra": [150.0, np.nan, 150.02], "dec": [20.0, 20.0, 20.0]}, units={"ra": "deg", "dec": "deg"}, masked=True
    )
    table["dec"].mask[2] = True
    assert len(reference_objects(table, CENTRE, 1 * u.deg).coord) == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (3.5, "got float"),
        ([(150.0, 20.0)], "got list"),
        (Table(), "has no rows"),
        (Table({"ra": [150.0], "b": [20.0]}), "the columns are ra, b"),
        (Table({"ra": [150.0], "dec": [20.0]}), r"'ra' has no unit; set table\['ra'\].unit"),
        (QTable({"ra": [150.0] * u.m, "dec": [20.0] * u.deg}), "'ra' is in m"),
        (QTable({"ra": [150.0] * u.deg, "dec": [95.0] * u.deg}), "between -90 and 90"),
        (QTable({"ra": [np.nan] * u.deg, "dec": [20.0] * u.deg}), "no row"),
        (QTable({"ra": [150.0] * u.deg, "dec": [20.0] * u.deg, "error": [1.0]}), "'error' has no unit"),
        (QTable({"ra": [150.0] * u.deg, "dec": [20.0] * u.deg, "error": [-1.0] * u.arcsec}), "no row"),
    ],
)
def test_unusable_catalogues_are_refused(table: object, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        check_reference_catalog(table)
    assert "reference_catalog" in str(caught.value)


def test_function_that_returns_no_table_is_refused() -> None:
    with pytest.raises(RequestError, match="got NoneType"):
        reference_objects(lambda centre, radius: None, CENTRE, 1 * u.deg)
    check_reference_catalog(None)


def test_too_few_sources_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {
        "ra_deg": np.array([150.0, 150.05, 150.1, 150.15]),
        "dec_deg": np.full(4, 20.0),
        "quality": np.array([0, 0, 1, 2]),
        "position_err": np.full(4, 4.0),
    }
    monkeypatch.setattr(make_astrometric, "search_total", lambda lists, calibration: (columns, []))
    with pytest.raises(ProductNotAvailableError, match=r"2 good or reasonable .* 3 are needed; use more data"):
        make_astrometric._other_sources((), CENTRE, None)
    coord, sigma = make_astrometric._other_sources((), SkyCoord(150.0, 21.0, unit="deg"), None)
    assert len(coord) == 3
    assert sigma == pytest.approx(np.sqrt(16.0 - 3.5**2) / 2.146, rel=1e-3)
