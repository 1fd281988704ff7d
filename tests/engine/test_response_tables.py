"""The embedded response against published figures and real response files."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.engine import response_tables as tables
from swiftxrt.engine.source_models import ENERGY_KEV, ENERGY_STEP_KEV, AbsorbedPowerLaw
from swiftxrt.mission import Mode

ERG_PER_KEV = 1.602177e-9


@pytest.mark.parametrize(
    ("photon_index", "nh_cm2", "observed", "unabsorbed"),
    [  # Published by the XRT team in GCN circulars, erg cm-2 per count.
        (1.56, 4.1e20, 4.2e-11, 4.4e-11),
        (1.89, 4.3e21, 4.2e-11, 6.3e-11),
        (2.05, 3.98e21, 3.8e-11, 6.1e-11),
        (1.97, 1.8e20, 3.2e-11, 3.4e-11),
        (2.38, 7.5e21, 3.7e-11, 8.8e-11),
        (2.3, 1.2e22, 4.4e-11, 11e-11),
    ],
)
def test_flux_per_rate_of_circulars(photon_index, nh_cm2, observed, unabsorbed):
    absorbed, bare = AbsorbedPowerLaw(photon_index, nh_cm2), AbsorbedPowerLaw(photon_index, 0.0)
    # Printed with two digits, up to 1.6 % off.
    assert absorbed.flux_per_rate == pytest.approx(observed, rel=0.025, abs=0)
    ratio = bare.flux_per_rate * bare.rate_cps / absorbed.rate_cps
    assert ratio == pytest.approx(unabsorbed, rel=0.025, abs=0)


@pytest.mark.parametrize(
    ("nh_cm2", "ratio"),
    [(5.046859e20, 1.083665), (7.422117e20, 1.114646), (8.681859e21, 1.502537), (1.037617e22, 1.545515)],
)
def test_absorption_ratio_of_the_catalogue(nh_cm2, ratio):
    """LSXPS: unabsorbed over absorbed flux of a power law of index 1.7."""
    energy = ENERGY_KEV[(ENERGY_KEV > 0.3) & (ENERGY_KEV < 10)]
    flux = energy**-0.7
    assert flux.sum() / (flux * tables.transmission(energy, nh_cm2)).sum() == pytest.approx(ratio, rel=2e-3)


def test_cross_section_at_one_kev():
    assert tables.absorption_cross_section_cm2(1.0) == pytest.approx(1.736e-22, rel=0.01, abs=0)


def test_redistribution_rows_sum_to_the_efficiency():
    energy = np.array([0.5, 1.0, 1.5, 4.0, 6.0])
    assert tables.redistribution(energy).sum(axis=1) == pytest.approx(tables.quantum_efficiency(energy), rel=1e-6)


def test_channel_probability_is_a_sum_of_channels():
    matrix = tables.redistribution(2.0)[0] / tables.quantum_efficiency(2.0)
    assert tables.channel_probability(2.0, 30, 1000) == pytest.approx(matrix[30:1001].sum(), rel=1e-12)


def test_line_width_of_the_redistribution():
    """FWHM of 130 eV at 1.5 keV and 261 eV at 5.9 keV (2013 response)."""
    for energy, fwhm_ev in ((1.5, 130.0), (5.9, 261.0)):
        row = tables.redistribution(energy)[0]
        above = np.flatnonzero(row > row.max() / 2)
        assert (above[-1] - above[0] + 1) * 10.0 == pytest.approx(fwhm_ev, abs=12)
        assert row.argmax() == pytest.approx(100 * energy, abs=2)


def test_registered_energies_follow_the_redistribution():
    for energy in (0.4, 1.5, 6.0):
        registered = tables.registered_kev(np.full(40_000, energy), np.random.default_rng(3))
        for first, last in ((28, 60), (100, 140), (300, 420), (560, 600), (600, 640)):
            share = ((registered >= first / 100) & (registered < (last + 1) / 100)).mean()
            expected = float(tables.channel_probability(energy, first, last))
            assert share == pytest.approx(expected, abs=4 * np.sqrt((expected + 1e-4) / 40_000))


def test_nothing_is_registered_below_the_threshold():
    assert not tables.redistribution(np.array([0.3, 0.5, 1.5, 6.0]))[:, :28].any()
    assert tables.registered_kev(np.full(2000, 0.3), np.random.default_rng(3)).min() >= 0.28


def test_silicon_escapes():
    """A peak 1.74 keV below the photon energy, and none below the edge of silicon."""
    row = tables.redistribution(np.array([1.7, 4.0]))
    assert row[1, 226] > 3 * row[1, 180]
    assert row[0, 28:].argmax() == pytest.approx(142, abs=2)


def test_windowed_timing_has_another_efficiency():
    """Row sums of the matrices of 2013 differ by 18 per cent at 7 keV."""
    ratio = tables.quantum_efficiency(7.0, Mode.WT) / tables.quantum_efficiency(7.0)
    assert ratio == pytest.approx(1.177, abs=0.02)


def test_background_table_is_relative_to_the_band():
    edges, density = tables.background_density_per_kev()
    middle = 0.5 * (edges[1:] + edges[:-1])
    share = (density * np.diff(edges))[(middle > 0.3) & (middle < 10)]
    assert share.sum() == pytest.approx(1.0, abs=0.005)
    assert [share[middle[(middle > 0.3) & (middle < 10)] < limit].sum() for limit in (1, 2)] == pytest.approx(
        [0.39, 0.57], abs=0.01
    )


def test_grades_sum_to_one_and_harden():
    fraction = tables.grade_fractions(np.array([0.2, 1.0, 6.0]))
    assert fraction.shape == (3, 13)
    assert fraction.sum(axis=1) == pytest.approx(1.0)
    assert fraction[1, 0] > fraction[2, 0]


def test_area_is_zero_outside_the_table():
    assert tables.mirror_area_cm2([0.1, 12.0]) == pytest.approx(0.0)
    assert tables.mirror_area_cm2(1.5) == pytest.approx(164.5, abs=0.5)


def test_against_a_real_redistribution_matrix(validation_data):
    """Row sums and the share of events in channels of a power law, with the matrix of 2013."""
    with fits.open(validation_data / "caldb_like" / "swxpc0to12s6_20130101v014.rmf.gz") as hdus:
        rows = next(hdu for hdu in hdus if hdu.name in ("MATRIX", "SPECRESP MATRIX")).data
        middle = 0.5 * (rows["ENERG_LO"] + rows["ENERG_HI"])
        inside = (middle > 0.3) & (middle < 10)
        real = np.zeros((inside.sum(), 1024))
        for target, row in zip(real, rows[inside], strict=True):
            taken, firsts, counts = 0, np.atleast_1d(row["F_CHAN"]), np.atleast_1d(row["N_CHAN"])
            for first, number in list(zip(firsts, counts, strict=True))[: row["N_GRP"]]:
                target[first : first + number] = row["MATRIX"][taken : taken + number]
                taken += number
    energy = middle[inside].astype(float)
    ours = tables.redistribution(energy)
    flux = energy**-2.0 * tables.transmission(energy, 1e21) * tables.mirror_area_cm2(energy)
    folded, expected = flux @ ours, flux @ real
    assert folded[30:1001].sum() == pytest.approx(expected[30:1001].sum(), rel=0.01)
    bands = ((30, 40), (40, 60), (60, 100), (100, 150), (150, 200), (200, 400), (400, 800), (800, 1000))
    for first, last in bands:
        assert folded[first:last].sum() == pytest.approx(expected[first:last].sum(), rel=0.05 if first == 30 else 0.025)


def test_energy_grid_covers_the_area():
    assert ENERGY_KEV[0] == pytest.approx(0.28 + ENERGY_STEP_KEV / 2)
    assert tables.mirror_area_cm2(ENERGY_KEV).min() > 0
