"""Spectra as counted."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.mission import Mode
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.grouping import BAD, GOOD, LEFT_OVER, GroupingRule
from swiftxrt.products.gti import GTI
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.response import RMF


def make(**changes: Any) -> CountSpectrum:
    counts = np.zeros(1024, dtype=int)
    counts[40:800] = np.arange(760) % 3
    return CountSpectrum(**{"counts": counts, "exposure": 1000 * u.s, "mode": "PC", **changes})


def background(**changes: Any) -> CountSpectrum:
    counts = np.zeros(1024, dtype=int)
    counts[50:900:7] = 2
    return make(**{"counts": counts, "exposure": 2000 * u.s, "backscale": 0.01, **changes})


def test_defaults() -> None:
    spectrum = make()
    assert spectrum.mode is Mode.PC
    assert spectrum.grades == (0, 12)
    assert make(mode=Mode.WT).grades == (0, 2)
    assert spectrum.stem == "interval0pc"
    np.testing.assert_array_equal(spectrum.channel, np.arange(1024))
    assert spectrum.energy_edges.unit == u.keV
    assert spectrum.energy_edges[30] == 0.3 * u.keV
    assert spectrum.energy_edges[35] == 0.35 * u.keV  # 35 * 0.01 is not
    assert not spectrum.is_grouped
    assert not spectrum.quality.any()
    assert spectrum.background_ratio == 0
    assert np.isnan(spectrum.mean_met)
    assert make(channel=np.arange(30, 1054)).energy_edges[0] == 0.3 * u.keV


@pytest.mark.parametrize(
    ("changes", "stem", "name"),
    [
        ({"label": "interval12"}, "interval12pc", "interval12pc"),
        ({"label": "zero"}, "zeropc", "zero PC"),
        ({"label": "2020-03-01", "mode": "WT"}, "2020-03-01wt", "2020-03-01 WT"),
        ({"label": "epoch 1"}, "epoch 1pc", "epoch 1 PC"),
        ({"label": "zero", "mode": None}, "zero", "zero"),
        ({"label": "src7", "mode": None}, "src7", "src7"),
    ],
)
def test_names_for_files_of_the_service_and_for_people(changes: dict[str, Any], stem: str, name: str) -> None:
    spectrum = make(**changes)
    assert (spectrum.stem, spectrum.name) == (stem, name)
    assert repr(spectrum).startswith(f"<CountSpectrum {name}")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"counts": [0.5, 1]}, "counts"),
        ({"counts": []}, "counts"),
        ({"counts": [[1]]}, "counts"),
        ({"counts": [-1, 1]}, "counts"),
        ({"counts": ["a"]}, "counts"),
        ({"exposure": 10.0}, "exposure"),
        ({"exposure": 0 * u.s}, "exposure"),
        ({"exposure": [1, 2] * u.s}, "exposure"),
        ({"exposure": 1 * u.m}, "exposure"),
        ({"backscale": 0}, "backscale"),
        ({"areascale": np.nan}, "areascale"),
        ({"mode": "IM"}, "mode"),
        ({"label": "../up"}, "label"),
        ({"label": "blank "}, "label"),
        ({"label": ""}, "label"),
        ({"label": "β"}, "label"),
        ({"interval": (0, np.inf)}, "interval"),
        ({"mean_event_met": np.nan}, "mean_event_met"),
        ({"channel": np.arange(1024)[::-1]}, "channel"),
        ({"channel": [1, 2, 3]}, "channel"),
        ({"quality": [1]}, "quality"),
        ({"grouping": np.full(1024, 2)}, "grouping"),
        ({"energy_edges": np.arange(1024) * u.keV}, "energy_edges"),
        ({"energy_edges": np.zeros(1025) * u.keV}, "energy_edges"),
        ({"background": background(counts=[1, 2])}, "background"),
        ({"source_region": "circle(1,2,3″)"}, "source_region"),
    ],
)
def test_refuses_what_does_not_fit(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as error:
        make(**changes)
    assert field in [name for name, _ in error.value.problems]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RequestError) as error:
        make(backscale=-1, areascale=-1)
    assert len(error.value.problems) == 2


def test_rmf_must_have_the_channels() -> None:
    rmf = RMF(matrix=np.ones((2, 3)), energy_edges=[1, 2, 3] * u.keV, channel_edges=[1, 2, 3, 4] * u.keV)
    spectrum = make(counts=[1, 2, 3], rmf=rmf)
    np.testing.assert_array_equal(spectrum.energy_edges, rmf.channel_edges)
    with pytest.raises(RequestError, match="has channels 0-2"):
        make(rmf=rmf)


def test_background_gets_the_energies_of_the_source() -> None:
    edges = np.linspace(0, 10.3, 1025) * u.keV
    spectrum = make(energy_edges=edges, background=background())
    assert spectrum.background is not None
    np.testing.assert_array_equal(spectrum.background.energy_edges, edges)
    np.testing.assert_array_equal(spectrum.background.counts, background().counts)


def test_background_ratio_and_net_rate() -> None:
    spectrum = make(backscale=0.002, areascale=0.5, background=background())
    assert spectrum.background_ratio == pytest.approx(1000 / 2000 * 0.002 / 0.01 * 0.5)
    inside = slice(30, 1001)
    net = spectrum.counts[inside].sum() - spectrum.background_ratio * background().counts[inside].sum()
    assert spectrum.net_rate.unit == u.ct / u.s
    assert spectrum.net_rate.value == pytest.approx(net / 1000 / 0.5, rel=1e-14)
    assert make().net_rate.value == pytest.approx(make().counts.sum() / 1000)


def test_mean_time() -> None:
    gti = GTI([100.0, 1000.0], [200.0, 1300.0])
    assert make(gti=gti).mean_met == (150 * 100 + 1150 * 300) / 400 * u.s
    assert make(gti=gti, mean_event_met=777.25).mean_met == 777.25 * u.s
    assert np.isnan(make(gti=GTI.empty()).mean_met)


def test_immutable_picklable_and_compared_by_value() -> None:
    spectrum = make(
        background=background(),
        header={"OBJECT": "Ä star", "RA_OBJ": np.float64(1.5), "SEG_NUM": np.int16(3), "FLAG": np.True_, "EXPOSURE": 1},
        gti=GTI([0.0], [1.0]),
        source_region="fk5\n\ncircle(1,2,3)  \n",
        interval=(1, 2),
    )
    assert dict(spectrum.header) == {"OBJECT": "? star", "RA_OBJ": 1.5, "SEG_NUM": 3, "FLAG": True}
    assert [type(value) for value in spectrum.header.values()] == [str, float, int, bool]
    assert spectrum.source_region == "fk5\ncircle(1,2,3)"
    again = pickle.loads(pickle.dumps(spectrum))
    assert again == spectrum
    assert copy.deepcopy(spectrum) is spectrum
    assert spectrum.replace(provenance=Provenance(backend="local")) == spectrum
    for each in (spectrum, again):
        with pytest.raises(ValueError, match="read-only"):
            each.counts[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            each.energy_edges[0] = 1 * u.keV
    with pytest.raises(AttributeError):
        spectrum.counts = [1]
    with pytest.raises(TypeError):
        hash(spectrum)


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": np.ones(1024, dtype=int)},
        {"exposure": 1001 * u.s},
        {"background": None},
        {"label": "other"},
        {"interval": (0, 1)},
        {"gti": GTI([0.0], [1.0])},
        {"header": {"OBJECT": "x"}},
        {"quality": np.full(1024, 5)},
        {"source_region": "circle(1,2,3)"},
        {"mode": "WT"},
        {"systematic": np.full(1024, 0.03)},
    ],
)
def test_every_field_counts_for_equality(changes: dict[str, Any]) -> None:
    spectrum = make(background=background())
    assert spectrum.replace(**changes) != spectrum
    assert spectrum != "something else"


@pytest.mark.parametrize("systematic", [np.full(1024, -0.1), np.full(1024, np.nan), np.zeros(7), ["x"] * 1024])
def test_systematic_errors_are_fractions(systematic: Any) -> None:
    with pytest.raises(RequestError, match="systematic"):
        make(systematic=systematic)


def test_a_systematic_error_in_per_cent_is_not_taken_for_a_fraction() -> None:
    with pytest.raises(RequestError, match="at most 1 is needed, and 0.01 is one per cent; got 3"):
        make().with_systematic(3)


# Grouping.


def test_groups_have_enough_counts_and_no_bad_channel() -> None:
    spectrum = make(quality=np.where(np.arange(1024) == 300, 1, 0)).group(min_counts=10)
    assert set(spectrum.quality[:30]) == {BAD}
    assert spectrum.quality[300] == 1
    bins = spectrum.grouped()
    assert bins.counts[bins.quality == GOOD].min() >= 10
    assert bins.counts.sum() == spectrum.counts.sum()
    assert 3.0 in bins.energy_edges.value
    left_over = np.flatnonzero(spectrum.quality == LEFT_OVER)
    assert left_over[-1] == 1023
    assert spectrum.counts[left_over[left_over > 300]].sum() < 10
    assert np.all(spectrum.grouping[left_over] == 1)


def test_grouping_starts_anew() -> None:
    once = make().group(min_counts=3)
    assert once.group(min_counts=20).group(min_counts=3) == once
    assert make().group(min_counts=100000).quality[30:].min() == LEFT_OVER


def test_grouping_within_a_band() -> None:
    spectrum = make().group(min_counts=5, band=EnergyBand.parse("0.5-5 keV"))
    good = np.flatnonzero(spectrum.quality == GOOD)
    assert good[0] == 50
    assert good[-1] <= 500


@pytest.mark.parametrize("min_counts", [0, -1, 2.5, True, "20"])
def test_grouping_needs_a_positive_number(min_counts: Any) -> None:
    with pytest.raises(RequestError, match="positive whole number"):
        make().group(min_counts=min_counts)


@given(
    hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 6)),
    st.data(),
    st.integers(1, 15),
)
@settings(max_examples=100, deadline=None)
def test_group_flags_fill_every_range_greedily(counts: np.ndarray, data: Any, min_counts: int) -> None:
    good = data.draw(hnp.arrays(np.bool_, counts.size))
    grouping, left_over = GroupingRule(min_counts=min_counts).flags(make(counts=counts), good)
    assert not np.any(left_over & ~good)
    assert np.all(grouping[~good | left_over] == 1)
    starts = np.flatnonzero(grouping == 1)
    for start, stop in zip(starts, [*starts[1:], counts.size], strict=True):
        if good[start] and not left_over[start]:
            assert good[start:stop].all()
            assert counts[start:stop].sum() >= min_counts > counts[start : stop - 1].sum()
    for stop in np.flatnonzero(np.diff(np.append(good, False).astype(int)) == -1):
        rest = left_over[: stop + 1][::-1].argmin() if not left_over[: stop + 1].all() else stop + 1
        assert counts[stop + 1 - rest : stop + 1].sum() < min_counts


OFFICIAL = [
    ("uk_spec_grb/interval0pc_00255445000/interval0pcsource.pi", "interval0pc.pi", 1),
    (
        "uk_spec_1ES0647/USERPROD_224850_Obs_00032646038wt_chi2_grp.pi",
        "USERPROD_224850_Obs_00032646038wt_chi2_grp.pi",
        20,
    ),
    (
        "uk_spec_1ES0647/USERPROD_224851_Obs_00032646039pc_chi2_grp.pi",
        "USERPROD_224851_Obs_00032646039pc_chi2_grp.pi",
        20,
    ),
]


@pytest.mark.parametrize(("source", "grouped", "min_counts"), OFFICIAL)
def test_flags_of_official_files(validation_data: Path, source: str, grouped: str, min_counts: int) -> None:
    """The service's own grouping (1 count), and grppha's by hand (20 counts)."""
    path = validation_data / source
    made = make(counts=fits.getdata(path, "SPECTRUM")["COUNTS"]).group(min_counts=min_counts)
    official = fits.getdata(path.with_name(grouped), "SPECTRUM")
    np.testing.assert_array_equal(made.grouping, official["GROUPING"])
    np.testing.assert_array_equal(made.quality, official["QUALITY"])


# From counts to rates.


def test_grouped_sums() -> None:
    grouping = [1, -1, -1, 1, 0, 1, -1]
    spectrum = make(
        counts=[1, 2, 3, 4, 5, 6, 7],
        grouping=grouping,
        quality=[0, 2, 0, 0, 0, 5, 0],
        background=background(counts=[1, 0, 1, 0, 1, 0, 1]),
    )
    bins = spectrum.grouped()
    np.testing.assert_array_equal(bins.counts, [6, 4, 5, 13])
    np.testing.assert_array_equal(bins.background_counts, [2, 0, 1, 1])
    np.testing.assert_array_equal(bins.quality, [2, 0, 0, 5])
    np.testing.assert_array_equal(bins.energy_edges.value, [0, 0.03, 0.04, 0.05, 0.07])
    np.testing.assert_allclose(bins.net_counts, bins.counts - spectrum.background_ratio * bins.background_counts)
    assert make(counts=[1, 2], grouping=[-1, -1]).grouped().counts == [3]


def test_errors_are_poisson_with_a_floor_of_one_count() -> None:
    bins = make(counts=[0, 1, 100], backscale=0.01, background=background(counts=[0, 0, 400])).grouped()
    ratio = bins.background_ratio
    np.testing.assert_allclose(bins.net_counts_err, [1, 1, np.sqrt(100 + ratio**2 * 400)])
    # The floor is the standard deviation of the Poisson mean for no counts and a flat prior.
    from scipy.stats import gamma

    assert gamma(1).std() == pytest.approx(bins.net_counts_err[0])


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("ct / (s keV)", 1 / 1000 / 0.01),
        ("ct / (ks eV)", 1 / 1 / 10),
        ("ct / s", 1 / 1000),
        ("ct", 1),
        (u.ct / u.keV, 1 / 0.01),
    ],
)
def test_units(unit: Any, factor: float) -> None:
    spectrum = make(background=background()).to_spectrum(unit=unit, subtract_background=False)
    np.testing.assert_allclose(spectrum.flux.value, make().counts * factor, rtol=1e-9)
    assert spectrum.flux.unit == u.Unit(unit)
    net = make(background=background()).to_spectrum(unit=unit)
    expected = (make().counts - make(background=background()).background_ratio * background().counts) * factor
    np.testing.assert_allclose(net.flux.value, expected, rtol=1e-9)


def test_refuses_other_units_and_empty_spectra() -> None:
    with pytest.raises(RequestError, match="are possible"):
        make().to_spectrum(unit="erg / (s cm2)")
    with pytest.raises(NoDataError, match="no good channel"):
        make().group(min_counts=100000).to_spectrum()


def test_bad_bins_are_left_out_at_the_ends_and_masked_between() -> None:
    spectrum = make(quality=np.where(np.arange(1024) == 400, 5, 0)).group(min_counts=20).to_spectrum()
    assert spectrum.energy_edges[0] == 0.3 * u.keV
    assert spectrum.mask.sum() > 0
    assert not spectrum.mask[0]
    assert not spectrum.mask[-1]
    masked = spectrum.energy_edges[:-1][spectrum.mask]
    assert masked.max() == 4.0 * u.keV


def test_repr_is_one_line() -> None:
    assert repr(make(background=background())) == (
        "<CountSpectrum interval0pc: 759 ct in 1000 s, 1024 channels 0-10.24 keV, 244 ct background, no ARF, no RMF>"
    )
