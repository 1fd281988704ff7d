"""Files of light curves with variants: the service's names, and sets that survive writing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swiftxrt.bands import HARD, SOFT, TOTAL
from swiftxrt.io.packages import write_service_files
from swiftxrt.io.qdp import read_qdp, read_qdp_folder, write_qdp
from swiftxrt.kinds import ProductKind
from swiftxrt.products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.target import Target

T0 = 551097137.0
ENDINGS = ("", "_incbad", "_nosys", "_nosys_incbad")


def one_set(n_bin: int, error: float, *, modes: tuple[str, ...] = ("WT", "PC"), quality: int = 0) -> LightCurveSet:
    """A curve in bins of one ObsID each; the number of bins and the size of the errors tell which."""
    shared = {
        "met_s": T0 + 1000.0 * np.arange(1, n_bin + 1),
        "time_err_neg": 50.0,
        "time_err_pos": 60.0,
        "mode": np.resize(modes, n_bin),
        "obsid": [f"000107240{k:02d}" for k in range(n_bin)],
        "exposure": 100.0,
    }
    common = {"t0_met": T0, "binning": "obsid"}
    rates = {"rate": 1.0, "rate_err_neg": error, "rate_err_pos": error}
    total = dict.fromkeys(("fractional_exposure", "background_rate", "background_rate_err", "correction_factor"), 0.5)
    total |= dict.fromkeys(("counts", "background_counts", "significance", "snr"), 9.0) | {"quality": quality}
    return LightCurveSet(
        LightCurve.from_columns(shared | rates | total, band=TOTAL, **common),
        soft=LightCurve.from_columns(shared | rates | {"fractional_exposure": 1.0, "significance": 5.0}, band=SOFT, **common),
        hard=LightCurve.from_columns(shared | rates | {"fractional_exposure": 1.0, "significance": 5.0}, band=HARD, **common),
        hardness_ratio=HardnessCurve.from_columns(
            shared | {"hardness_ratio": 1.0, "hardness_ratio_err": error}, soft_band=SOFT, hard_band=HARD, **common
        ),
    )  # fmt: skip


def varied() -> LightCurveSet:
    """Two bins, four with the unreliable; larger errors with systematics."""
    unreliable = LightCurveSet(**one_set(4, 0.3), variants={"without_systematics": one_set(4, 0.2)})
    variants = {"with_unreliable": unreliable, "without_systematics": one_set(2, 0.2)}
    return LightCurveSet(**one_set(2, 0.3), variants=variants)


def n_rows(path: Path) -> int:
    return len(read_qdp(path)[0].rows)


class TestServiceFiles:
    def test_every_variant_has_its_files(self, tmp_path: Path) -> None:
        write_qdp(varied(), tmp_path)
        for stem in ("WTCURVE", "PCCURVE", "WTHR", "PCHR", "curve", "hardrat"):
            assert [n_rows(tmp_path / f"{stem}{ending}.qdp") for ending in ENDINGS] == [1, 2, 1, 2]
        errors = [read_qdp(tmp_path / f"WTCURVE{ending}.qdp")[0]["Ratepos"][0] for ending in ENDINGS]
        assert errors == [0.3, 0.3, 0.2, 0.2]

    def test_systematic_factors(self, tmp_path: Path) -> None:
        """As in the service's WTCURVE files, where there is such an error."""
        write_qdp(varied(), tmp_path)
        (section,) = read_qdp(tmp_path / "WTCURVE_incbad.qdp")
        assert section.columns[-2:] == ("SYS_NEG", "SYS_POS")
        part = np.sqrt(0.3**2 - 0.2**2)
        np.testing.assert_allclose(section.rows[:, -2:], [[1 - part, 1 + part]] * 2)
        for name in ("WTCURVE_nosys.qdp", "PCCURVE.qdp"):
            assert read_qdp(tmp_path / name)[0].columns[-1] == "SNR"

    def test_reading_gives_the_same(self, tmp_path: Path) -> None:
        curves = varied()
        write_qdp(curves, tmp_path)
        again = LightCurveSet.read(tmp_path)
        assert again.first_difference(curves) == ""

    def test_variants_without_differences_are_none(self, tmp_path: Path) -> None:
        write_qdp(one_set(2, 0.3), tmp_path)
        assert (tmp_path / "PCCURVE_nosys_incbad.qdp").is_file()
        assert LightCurveSet.read(tmp_path).variants == {}

    def test_overview_of_a_variant_only(self, tmp_path: Path) -> None:
        """It has fewer columns than the detailed files, which makes no difference."""
        curves = varied()
        write_qdp(one_set(2, 0.3), tmp_path)
        for path in tmp_path.glob("*CURVE_*.qdp"):
            path.unlink()
        for path in tmp_path.glob("*HR_*.qdp"):
            path.unlink()
        assert LightCurveSet.read(tmp_path).variants == {}
        write_qdp(LightCurveSet(**curves.variants["with_unreliable"]), tmp_path / "other")
        (tmp_path / "other" / "curve.qdp").rename(tmp_path / "curve_incbad.qdp")
        variants = LightCurveSet.read(tmp_path).variants
        assert list(variants) == ["with_unreliable"]
        assert len(variants["with_unreliable"].total) == 4

    def test_nothing_reliable(self, tmp_path: Path) -> None:
        """Such curves are in files with that name only; what they count from is said there."""
        curves = one_set(2, 0.3, quality=1)
        write_qdp(curves, tmp_path)
        endings = {path.stem.partition("_")[2] for path in tmp_path.glob("*.qdp")}
        assert endings == {"incbad", "nosys_incbad"}
        again = read_qdp_folder(tmp_path)
        assert again is not None
        assert again.variants == {}
        assert (again.total.t0_met, again.total.binning, len(again.total)) == (T0, "obsid", 2)

    def test_only_one_file_of_a_variant(self, tmp_path: Path) -> None:
        """Its comments are those of the overview of the same variant."""
        write_qdp(varied(), tmp_path)
        (tmp_path / "curve.qdp").unlink()
        (tmp_path / "hardrat.qdp").unlink()
        (tmp_path / "t0.date").unlink()
        curve = LightCurve.read(tmp_path / "PCCURVE_incbad.qdp")
        assert (curve.t0_met, curve.binning) == (T0, "obsid")

    def test_archive_of_the_service(self, tmp_path: Path) -> None:
        request = XRTRequest(target=Target(name="AT2018cow", target_ids=("00010724",)), image=ImageRequest())
        write_service_files(ProductKind.LIGHT_CURVE, varied(), tmp_path / "lc", request)
        names = {path.name for path in (tmp_path / "lc").iterdir()}
        expected = {f"{stem}{ending}.qdp" for stem in ("WTCURVE", "PCCURVE", "curve", "hardrat") for ending in ENDINGS}
        assert expected < names
        assert LightCurveSet.read(tmp_path / "lc").first_difference(varied()) == ""


@pytest.mark.parametrize("chosen", ["ogip.lc", "ascii.ecsv"])
def test_lossless_formats(tmp_path: Path, chosen: str) -> None:
    curves = varied()
    curves.variants["with_unreliable"].total["quality"] = [0, 0, 1, 1]
    curves.write(tmp_path / "set", format=chosen)
    again = LightCurveSet.read(tmp_path / "set")
    assert again.first_difference(curves) == ""
    assert again.variants["with_unreliable"].total["quality"].tolist() == [0, 0, 1, 1]
    assert set(again.variants["with_unreliable"].variants) == {"without_systematics"}
