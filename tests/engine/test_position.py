"""Fitted positions of simulated sources with known truth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine import position
from swiftxrt.engine.calibration import EMBEDDED, PSF_V006, EmbeddedCalibration
from swiftxrt.engine.geometry import nominal_pointing, ring_pixels, sky_to_pixel
from swiftxrt.engine.position import SYSTEMATIC_ARCSEC, standard_position
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.psffit import fit_line_source, fit_point_source, fit_radius_pix
from swiftxrt.exceptions import NoDataError, ProductNotAvailableError, RequestError
from swiftxrt.mission import PIXEL_ARCSEC
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI

PSF = KingPSF.at()


def _fit_trial(rng: np.random.Generator, counts: float, background_per_pix: float, radius_pix: float, free: bool):
    """Error in x and y, 90 per cent radius and fitted counts of one simulated source, in pixels."""
    x0, y0 = 100 + rng.uniform(-0.5, 0.5, 2)
    dx, dy = PSF.sample(rng.poisson(counts), rng, max_radius_pix=150.0)
    image = rng.poisson(background_per_pix, (201, 201)).astype(float)
    column, row = np.rint(x0 + dx).astype(int), np.rint(y0 + dy).astype(int)
    inside = (column >= 0) & (column <= 200) & (row >= 0) & (row <= 200)
    np.add.at(image, (row[inside], column[inside]), 1.0)
    start = (x0 + rng.normal(0, 1.0), y0 + rng.normal(0, 1.0))
    x, y = ring_pixels(*start, radius_pix)
    background = None if free else background_per_pix
    fit = fit_point_source(image[y, x], x, y, start, psf=PSF, background_per_pix=background)
    return fit.x_pix - x0, fit.y_pix - y0, fit.radius90_pix, fit.counts


@pytest.mark.parametrize(
    ("counts", "background_per_pix", "radius_pix", "free"), [(30, 1e-3, 12.0, False), (150, 2e-3, 20.0, True)]
)
def test_error_radius_holds_the_truth_in_nine_of_ten(
    counts: int, background_per_pix: float, radius_pix: float, free: bool
) -> None:
    """250 trials: 90 +- 2 per cent expected; 1209 counts gave r90 sqrt(N) = 18 arcsec in a real catalogue."""
    rng = np.random.default_rng(11)
    dx, dy, radius90, fitted = np.array(
        [_fit_trial(rng, counts, background_per_pix, radius_pix, free) for _ in range(250)]
    ).T
    assert 0.84 <= np.mean(np.hypot(dx, dy) <= radius90) <= 0.95
    pulls = np.concatenate([dx, dy]) / np.concatenate([radius90, radius90]) * 2.146
    assert abs(pulls.mean()) < 0.1
    assert np.median(radius90) * PIXEL_ARCSEC * np.sqrt(counts) == pytest.approx(18.0, rel=0.3)
    assert fitted.mean() == pytest.approx(counts, rel=0.05)


def test_dead_pixels_do_not_shift_the_fit() -> None:
    """Without the dead half of the image the mean position is still right."""
    rng = np.random.default_rng(12)
    x, y = ring_pixels(100.0, 100.0, 20.0)
    live = (x < 98) | (x > 100)
    share = PSF.pixel_fractions(x - 101.5, y - 100.0)
    fits = [
        fit_point_source(rng.poisson(300 * share + 2e-3) * live, x, y, (100.0, 100.0), psf=PSF, exposure=live)
        for _ in range(12)
    ]
    assert np.mean([fit.x_pix for fit in fits]) == pytest.approx(101.5, abs=0.15)
    assert np.mean([fit.counts for fit in fits]) == pytest.approx(300, rel=0.06)


def test_pixels_seen_for_a_part_of_the_time_count_less() -> None:
    rng = np.random.default_rng(14)
    x, y = ring_pixels(100.0, 100.0, 20.0)
    exposure = np.where(x < 100, 0.3, 1.0)
    share = PSF.pixel_fractions(x - 100.0, y - 100.0)
    fits = [
        fit_point_source(rng.poisson(exposure * (300 * share + 2e-3)), x, y, (101.0, 100.0), psf=PSF, exposure=exposure)
        for _ in range(12)
    ]
    assert np.mean([fit.x_pix for fit in fits]) == pytest.approx(100.0, abs=0.15)
    assert np.mean([fit.counts for fit in fits]) == pytest.approx(300, rel=0.06)


def test_other_counts_take_the_place_of_a_flat_background() -> None:
    """A neighbour that is known does not pull; a flat one given either way is the same."""
    rng = np.random.default_rng(15)
    x, y = ring_pixels(100.0, 100.0, 20.0)
    neighbour = 400 * PSF.pixel_fractions(x - 107.0, y - 100.0) + 2e-3
    fits = []
    for _ in range(12):
        counts = rng.poisson(100 * PSF.pixel_fractions(x - 100.0, y - 100.0) + neighbour)
        fits.append(fit_point_source(counts, x, y, (100.5, 100.0), psf=PSF, other_counts=neighbour))
    assert np.mean([fit.counts for fit in fits]) == pytest.approx(100, rel=0.15)
    assert np.mean([fit.x_pix for fit in fits]) == pytest.approx(100.0, abs=0.2)
    flat = {"background_per_pix": 2e-3}, {"other_counts": np.full(x.size, 2e-3)}
    one, other = (fit_point_source(counts, x, y, (100.5, 100.0), psf=PSF, **given) for given in flat)
    assert (one.x_pix, one.counts, one.statistic) == (other.x_pix, other.counts, other.statistic)
    assert other.background_per_pix == pytest.approx(2e-3)


def test_radius_of_the_fit_grows_with_the_signal() -> None:
    assert [fit_radius_pix(snr) for snr in (0.0, 7.0, 7.1, 20.0, 1e9)] == [12.0, 12.0, 15.0, 20.0, 30.0]


def test_gradient_is_that_of_the_statistic() -> None:
    """The minimum is a minimum: the statistic rises in every direction."""
    x, y = ring_pixels(100.0, 100.0, 20.0)
    counts = np.random.default_rng(13).poisson(200 * PSF.pixel_fractions(x - 100.3, y - 99.6) + 5e-3)
    fit = fit_point_source(counts, x, y, (101.0, 100.0), psf=PSF)

    def cash(dx: float, dy: float, factor: float, background: float) -> float:
        share = PSF.pixel_fractions(x - fit.x_pix - dx, y - fit.y_pix - dy)
        model = factor * fit.counts * share + background * fit.background_per_pix
        return 2 * np.sum(model - counts * np.log(model))

    best = cash(0, 0, 1, 1)
    assert best == pytest.approx(fit.statistic)
    for step in ((0.1, 0, 1, 1), (-0.1, 0, 1, 1), (0, 0.1, 1, 1), (0, -0.1, 1, 1), (0, 0, 1.05, 1), (0, 0, 0.95, 1)):
        assert cash(*step) > best
    # A rise of 4.61 at the 90 per cent radius, mean over directions (strength and background held: a little more).
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rise = [cash(fit.radius90_pix * np.cos(a), fit.radius90_pix * np.sin(a), 1, 1) - best for a in angles]
    assert np.mean(rise) == pytest.approx(4.61, rel=0.25)


def test_fit_of_nothing_has_no_information() -> None:
    x, y = ring_pixels(100.0, 100.0, 12.0)
    fit = fit_point_source(np.zeros(x.size), x, y, (100.0, 100.0), psf=PSF, background_per_pix=1e-3)
    assert fit.significance < 0.5
    assert fit_line_source(np.zeros(9), np.arange(-4, 5), np.ones(9), psf=PSF, reach_pix=2.0).significance == 0.0


# --- From event lists ------------------------------------------------------------

TARGET = SkyCoord(150.03, 20.02, unit="deg")


def _observation(
    seed: int, counts: int, *, obsid: str = "00099999001", ra_deg: float = 150.0, background_per_pix: float = 1.5e-3
) -> EventList:
    """An observation of 1 ks before 2005 with a source at TARGET."""
    rng = np.random.default_rng(seed)
    header = {"OBS_ID": obsid, "RA_PNT": ra_deg, "DEC_PNT": 20.0, "PA_PNT": 30.0}
    start = 1.3e8 + 1e5 * int(obsid[-3:])
    gti, nothing = GTI([start], [start + 1000.0]), np.zeros(0, dtype=int)
    blank = EventList(met=nothing, x=nothing, y=nothing, pi=nothing, grade=nothing, gti=gti, mode="PC", header=header)
    x0, y0 = sky_to_pixel(blank.wcs, TARGET)
    dx, dy = PSF.sample(counts, rng, max_radius_pix=150.0)
    n = rng.poisson(background_per_pix * 1000**2)
    x = np.concatenate([x0 + dx, rng.uniform(0, 999, n)])
    y = np.concatenate([y0 + dy, rng.uniform(0, 999, n)])
    pointing = nominal_pointing(30.0, *sky_to_pixel(blank.wcs, blank.pointing))
    detx, dety = pointing.to_detector(x, y, pointing.offset[0])
    seen = (np.hypot(detx - 307, dety - 296) < 314) & (detx > 3) & (detx < 598) & (dety > 3) & (dety < 598)
    size = int(seen.sum())
    return EventList(
        met=start + np.sort(rng.uniform(0, 997, size)), x=np.rint(x[seen]), y=np.rint(y[seen]),
        detx=np.rint(detx[seen]), dety=np.rint(dety[seen]), pi=np.full(size, 150), grade=np.zeros(size),
        gti=gti, mode="PC", header=header,
    )  # fmt: skip


def _beside_dead_columns(seed: int) -> EventList:
    """The same, with dead columns two pixels from the source on one side."""
    events = _observation(seed, 800)
    inside = np.hypot(events.x - np.median(events.x), events.y - np.median(events.y)) < 30
    column = round(float(np.median(events.detx[inside]))) + 4
    live = np.abs(events.detx - column) > 2
    rows = np.array([(column - 1 + k, 0, 2, 600) for k in (-1, 0, 1)], dtype=BAD_PIXEL_DTYPE)
    names = ("met", "x", "y", "detx", "dety", "pi", "grade")
    return dataclasses.replace(events, bad_pixels=rows, **{name: getattr(events, name)[live] for name in names})


def test_centroid_method_takes_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit of the profile knows of dead columns, a barycentre does not; the last fit starts from either."""
    fit, starts = position._Window.fit, []
    monkeypatch.setattr(position._Window, "fit", lambda self, start: starts.append(start) or fit(self, start))
    apart = {}
    for method in ("simple", "iterative"):
        starts.clear()
        results = [
            standard_position([_beside_dead_columns(seed)], TARGET, method="centroid", centroid_method=method)
            for seed in range(6)
        ]
        apart[method] = np.hypot(
            *np.mean([(x - fit.x_pix, y - fit.y_pix) for (x, y), fit in zip(starts, results, strict=True)], axis=0)
        )
        assert np.mean([result.coord.separation(TARGET).arcsec for result in results]) < 1.5
    assert apart["simple"] > 0.3
    assert apart["iterative"] < 0.1


@pytest.mark.parametrize(
    ("method", "centroid"), [("detect", "simple"), ("centroid", "simple"), ("centroid", "iterative")]
)
def test_standard_position(method: str, centroid: str) -> None:
    near = SkyCoord(TARGET.ra, TARGET.dec + (9.0 / 3600) * TARGET.dec.unit)
    fit = standard_position([_observation(1, 120)], near, method=method, centroid_method=centroid)
    assert fit.coord.separation(TARGET).arcsec < 2.5
    assert fit.radius_arcsec == pytest.approx(np.hypot(fit.radius_statistical_arcsec, SYSTEMATIC_ARCSEC))
    assert fit.radius_statistical_arcsec == pytest.approx(15.5 / np.sqrt(120), rel=0.25)
    assert fit.counts == pytest.approx(120, rel=0.25)
    assert fit.background_per_pix == pytest.approx(1.5e-3, rel=0.4)
    assert fit.exposure_s == pytest.approx(1000.0)
    assert fit.significance > 15
    assert fit.obsids == ("00099999001",)


def test_observations_are_added_up() -> None:
    lists = [
        _observation(seed, 40, obsid=f"0009999900{seed}", ra_deg=150.0 + 0.01 * seed, background_per_pix=5e-4)
        for seed in (1, 2, 3)
    ]
    together = standard_position(lists, TARGET)
    alone = standard_position(lists[:1], TARGET)
    assert together.coord.separation(TARGET).arcsec < 2.5
    assert together.radius_statistical_arcsec < 0.75 * alone.radius_statistical_arcsec
    assert together.exposure_s == pytest.approx(3000.0)
    assert len(together.obsids) == 3
    assert any("tangent point" in note for note in together.notes)


def test_empty_field_gives_no_position() -> None:
    """One of about 40 chance peaks may pass; none of these 12 does."""
    for seed in range(12):
        with pytest.raises(ProductNotAvailableError, match="no significant source within 20 arcsec"):
            standard_position([_observation(seed, 0)], TARGET)


def test_source_outside_the_search_radius_gives_no_position() -> None:
    away = SkyCoord(TARGET.ra, TARGET.dec + (60.0 / 3600) * TARGET.dec.unit)
    with pytest.raises(ProductNotAvailableError, match="larger search radius"):
        standard_position([_observation(4, 200)], away)
    assert standard_position([_observation(4, 200)], away, search_radius_arcsec=90.0).significance > 10
    # The fit walks to a source a little outside, which does not count either.
    near = SkyCoord(TARGET.ra, TARGET.dec + (27.0 / 3600) * TARGET.dec.unit)
    with pytest.raises(ProductNotAvailableError, match=r"2[678] arcsec away"):
        standard_position([_observation(4, 200)], near)


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(RequestError, match="'detect' or 'centroid'"):
        standard_position([_observation(1, 10)], TARGET, method="guess")
    with pytest.raises(RequestError, match="'simple' or 'iterative'; got 'guess'"):
        standard_position([_observation(1, 10)], TARGET, centroid_method="guess")
    with pytest.raises(RequestError, match="photon counting"):
        standard_position([], TARGET)
    with pytest.raises(NoDataError, match="outside the field of view"):
        standard_position([_observation(1, 10)], SkyCoord(151.0, 20.0, unit="deg"))
    with pytest.raises(ProductNotAvailableError, match="method 'detect'"):
        standard_position([_observation(1, 0)], TARGET, method="centroid")


def _with_neighbour(seed: int, counts: int) -> EventList:
    """A source at TARGET, and another one 40 arcsec east of it."""
    events, extra = _observation(seed, 60), _observation(seed + 100, counts, background_per_pix=0.0)
    names = ("met", "x", "y", "detx", "dety", "pi", "grade")
    east = dataclasses.replace(extra, x=extra.x - round(40.0 / PIXEL_ARCSEC), detx=extra.detx)
    joined = {name: np.concatenate([getattr(events, name), getattr(east, name)]) for name in names}
    order = np.argsort(joined["met"])
    return dataclasses.replace(events, **{name: values[order] for name, values in joined.items()})


def test_bright_neighbour_does_not_pull() -> None:
    """Ten times as bright and 40 arcsec away: its wings are in the model, and it is not what is looked for."""
    fits = [standard_position([_with_neighbour(seed, 600)], TARGET) for seed in range(4)]
    east, north = np.array(
        [[part.arcsec for part in TARGET.spherical_offsets_to(SkyCoord(fit.coord.ra, fit.coord.dec))] for fit in fits]
    ).T
    assert abs(east.mean()) < 1.5
    assert abs(north.mean()) < 1.5
    assert np.mean([fit.counts for fit in fits]) == pytest.approx(60, rel=0.3)
    assert np.mean([fit.background_per_pix for fit in fits]) == pytest.approx(1.5e-3, rel=0.3)
    assert all("1 other source(s) around" in " ".join(fit.notes) for fit in fits)


def test_profile_is_that_of_the_calibration() -> None:
    wide = EmbeddedCalibration(PSF_V006)
    narrow, made = (standard_position([_observation(1, 300)], TARGET, calibration=one) for one in (EMBEDDED, wide))
    assert made.counts > 1.02 * narrow.counts
    assert "swxpsf20010101v006" in made.notes[0]
    assert "swxpsf20010101v004" in narrow.notes[0]


def test_next_to_no_events_give_no_position() -> None:
    for counts in (0, 1):
        with pytest.raises(ProductNotAvailableError, match="no significant source"):
            standard_position([_observation(1, counts, background_per_pix=0.0)], TARGET)


def test_source_at_the_edge_of_the_field() -> None:
    """TARGET is at the rim: half of the profile was seen."""
    events = _observation(5, 400, ra_deg=150.03 + 0.2 / np.cos(np.deg2rad(20.0)))
    fit = standard_position([events], TARGET)
    assert fit.coord.separation(TARGET).arcsec < 2.0 * fit.radius_statistical_arcsec
    assert fit.radius_statistical_arcsec < 5.0
