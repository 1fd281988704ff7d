"""The catalogue of a simulated field with known sources."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.calibration import EMBEDDED, EmbeddedCalibration
from swiftxrt.engine.catalogue import FIRST_STACK, Catalogue, make_catalogue, obsid_of
from swiftxrt.engine.catalogue_bins import measure_field
from swiftxrt.engine.catalogue_fields import Detected, FieldImages
from swiftxrt.engine.catalogue_fluxes import fixed_power_law
from swiftxrt.engine.catalogue_matching import UniqueSource
from swiftxrt.engine.catalogue_rates import BAND_NAMES, Bins
from swiftxrt.engine.catalogue_transients import find_transients
from swiftxrt.engine.detection_quality import Quality
from swiftxrt.engine.merge_limits import limit_columns
from tests import surveyed

KNOWN = {**{name: facts[0] for name, facts in surveyed.STEADY.items()}, "new": surveyed.NEW[0]}


def rows(catalogue: Catalogue) -> dict[str, int]:
    """The nearest source of each of those that were simulated."""
    places = SkyCoord(*np.transpose([one.best.place for one in catalogue.sources]), unit="deg")
    return {name: int(surveyed.place(offset).separation(places).argmin()) for name, offset in KNOWN.items()}


@pytest.fixture(scope="module")
def found(surveyed_catalogue: Catalogue) -> dict[str, tuple[int, UniqueSource]]:
    return {name: (row, surveyed_catalogue.sources[row]) for name, row in rows(surveyed_catalogue).items()}


def of(bins: Bins, row: int, band: int = 0) -> Bins:
    return bins[(bins.source == row) & (bins.band == band)]


def test_each_observation_and_their_stack_are_data_sets(surveyed_catalogue: Catalogue) -> None:
    searches = surveyed_catalogue.searches
    assert [one.number for one in searches] == [1, 2, 3]
    assert [obsid_of(one, searches) for one in searches] == [*surveyed.OBSIDS, str(FIRST_STACK)]
    assert surveyed_catalogue.stacks == {3}
    for search in searches:
        assert search.background_cps["total"] == pytest.approx(7.5e-7, rel=0.2)
        assert not search.uneven


def test_known_sources_are_found_where_they_are(found: dict[str, tuple[int, UniqueSource]]) -> None:
    assert len({row for row, _ in found.values()}) == len(KNOWN)
    for name, (_, source) in found.items():
        away = surveyed.place(KNOWN[name]).separation(SkyCoord(*source.best.place, unit="deg"))
        assert away < 1.5 * source.best.err90_arcsec * u.arcsec
        assert source.best.quality is Quality.GOOD
        assert [one.data_set for one in source.members if one.data_set == 3] == [3]
    assert {one.data_set for one in found["new"][1].members} == {2, 3}


def test_nothing_else_is_good(surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]) -> None:
    good = {row for row, one in enumerate(surveyed_catalogue.sources) if one.best.quality is Quality.GOOD}
    assert good == {row for row, _ in found.values()}
    assert [one.number for one in surveyed_catalogue.sources] == [*range(1, len(surveyed_catalogue.sources) + 1)]


def test_rates_of_all_observations_are_true(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    means = surveyed_catalogue.means
    for name, (_, truth, _, _) in surveyed.STEADY.items():
        slot = 4 * found[name][0]
        neg, pos = means.errors
        assert abs(means.rate[slot] - truth) < 3.0 * max(neg[slot], pos[slot]) + 0.03 * truth
        assert means.is_detected[slot]
        assert means.limit[slot] > means.rate[slot]
        # The narrow bands hold all of it.
        assert means.rate[slot + 1 : slot + 4].sum() == pytest.approx(means.rate[slot], rel=0.05)


def test_new_source_is_there_only_in_the_last_observation(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    here = of(surveyed_catalogue.observed, found["new"][0])
    assert here.data_set.tolist() == [1, 2]
    assert here.is_detected.tolist() == [False, True]
    assert here.rate[1] == pytest.approx(surveyed.NEW[1], rel=0.3)
    assert surveyed_catalogue.is_blind(here).tolist() == [False, True]


def test_limits_and_rates_of_all_observations_are_those_of_their_sums(surveyed_catalogue: Catalogue) -> None:
    means, observed = surveyed_catalogue.means, surveyed_catalogue.observed
    for row in range(len(surveyed_catalogue.sources)):
        here = of(observed, row)
        exposure_s = here.exposure_s.sum()
        factor = exposure_s / (here.exposure_s / here.factor).sum()
        merged = limit_columns(
            *(np.array([value]) for value in (here.counts.sum(), here.background.sum(), factor, exposure_s)),
            0.9973,
            0.9973,
            rates=True,
        )
        assert means.limit[4 * row] == pytest.approx(merged["upper_limit"][0])
        assert means.is_detected[4 * row] == merged["is_detected"][0]
        if merged["is_detected"][0]:
            assert means.rate[4 * row] == pytest.approx(merged["rate"][0])


def test_snapshots_make_up_their_observation(surveyed_catalogue: Catalogue) -> None:
    observed, snapshots = surveyed_catalogue.observed, surveyed_catalogue.snapshots
    assert set(snapshots.snapshot.tolist()) == {1, 2}
    for row in range(len(surveyed_catalogue.sources)):
        for band in range(len(BAND_NAMES)):
            for data_set in (1, 2):
                whole, parts = of(observed, row, band), of(snapshots, row, band)
                whole, parts = whole[whole.data_set == data_set], parts[parts.data_set == data_set]
                assert parts.counts.sum() == whole.counts[0]
                assert parts.background.sum() == pytest.approx(whole.background[0])
                assert parts.exposure_s.sum() == pytest.approx(whole.exposure_s[0])
                # What a source of one count per second gives.
                assert (1.0 / parts.scale).sum() == pytest.approx(1.0 / whole.scale[0])


def test_only_the_new_source_varies(surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]) -> None:
    for snapshots in (False, True):
        constant = surveyed_catalogue.constancy(snapshots=snapshots)
        for name, (row, _) in found.items():
            assert (constant[4 * row] < 1e-9) == (name == "new")
        for name in ("HR1", "HR2"):
            same = surveyed_catalogue.ratio_constancy(name, snapshots=snapshots)
            assert np.nanmin(same[[row for row, _ in found.values()]]) > 1e-3


def test_hardness_ratios_follow_the_spectra(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    for name in ("HR1", "HR2"):
        ratio = surveyed_catalogue.ratios(name)
        soft, target, hard = (ratio.value[found[one][0]] for one in ("soft", "target", "hard"))
        assert -1 < soft < target < hard <= 1
        assert (ratio.err_neg[[row for row, _ in found.values()]] > 0).all()


def test_peak_is_the_surely_highest_rate(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    moments, row = surveyed_catalogue.moments, found["new"][0]
    peak = moments[surveyed_catalogue.peaks[4 * row : 4 * row + 1]]
    assert peak.data_set[0] == 2
    here = of(moments, row)
    assert (peak.rate - peak.errors[0])[0] == pytest.approx((here.rate - here.errors[0]).max())


def test_new_source_is_the_only_transient(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    (one,) = find_transients(surveyed_catalogue)
    row, source = found["new"]
    assert one.source is source
    assert (one.discovery.data_set, one.limit_data_set, one.data_sets) == (2, 1, (2,))
    assert one.limit == of(surveyed_catalogue.observed, row).limit[0]
    assert one.significance == pytest.approx((one.peak.rate[0] - one.limit) / one.peak.errors[0][0])
    assert one.significance > 3
    assert one.soft_medium.counts[0] == one.peak.counts[1] + one.peak.counts[2]
    assert one.soft_medium.rate[0] == pytest.approx(one.peak.rate[1] + one.peak.rate[2], rel=0.05)


def test_nothing_without_photon_counting_data() -> None:
    empty = make_catalogue([])
    assert (empty.searches, empty.sources, len(empty.bins), len(empty.snapshots)) == ((), (), 0, 0)
    assert len(empty.means) == 0
    assert find_transients(empty) == []


def test_flux_of_the_assumed_spectrum() -> None:
    observed, unabsorbed = fixed_power_law(EMBEDDED) or (0.0, 0.0)
    assert 3.5e-11 < observed < unabsorbed < 5e-11
    assert fixed_power_law(EmbeddedCalibration()) == (observed, unabsorbed)
    assert fixed_power_law(object()) is None  # type: ignore[arg-type]  # a calibration with another response


def test_core_that_pile_up_spoils_is_left_out(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]]
) -> None:
    """With a ring, in all bands and snapshots, the rate is the same."""
    row, source = found["target"]
    search = surveyed_catalogue.searches[0]
    spoilt = {
        band: tuple(
            replace(one, point=replace(one.point, hole_pix=4.0 if source.detection(1, band) is one else 0.0))
            for one in detections
        )
        for band, detections in search.detections.items()
    }
    images = FieldImages(search.data_set, EMBEDDED)
    place = SkyCoord([source.best.place], unit="deg")
    whole, snapshots = measure_field(images, replace(search, detections=spoilt), place)
    before = surveyed_catalogue.observed
    for band in range(len(BAND_NAMES)):
        ring, circle = of(whole, 0, band), of(before, row, band)
        parts = of(snapshots, 0, band)
        assert ring.counts[0] < 0.7 * circle.counts[0]
        assert ring.rate[0] == pytest.approx(circle.rate[0], abs=3 * ring.errors[0][0])
        assert parts.counts.sum() == ring.counts[0]


@pytest.mark.parametrize("why", ["seen before", "no telling limit", "poor detection"])
def test_what_is_no_transient(
    surveyed_catalogue: Catalogue, found: dict[str, tuple[int, UniqueSource]], why: str
) -> None:
    row, source = found["new"]
    bins, sources = surveyed_catalogue.bins, list(surveyed_catalogue.sources)
    before = (bins.source == row) & (bins.data_set == 1)
    if why == "seen before":  # in one of the bands
        bins = bins.replaced(counts=np.where(before & (bins.band == 3), 20.0, bins.counts))
    elif why == "no telling limit":
        bins = bins.replaced(factor=np.where(before, 100.0 * bins.factor, bins.factor))
    else:
        members = [
            replace(one, detections={band: _poor(each) for band, each in one.detections.items()})
            for one in source.members
        ]
        sources[row] = replace(source, members=tuple(members))
    assert find_transients(replace(surveyed_catalogue, bins=bins, sources=tuple(sources))) == []


def _poor(one: Detected) -> Detected:
    return replace(one, values={**one.values, "quality": float(Quality.POOR)})
