"""Folders for XSPEC: what the scripts say, followed by a small reader of their commands.

There is no XSPEC here; the reader knows the commands that the scripts use, and
is strict about files, numbers of parameters, bounds and links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from swiftxrt import fit, models
from swiftxrt.exceptions import OutputExistsError, RequestError
from swiftxrt.io.xspec import write_xspec
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.response import ARF, RMF
from tests import ogip_files as make

NORM = u.ph / (u.keV * u.s * u.cm**2)
GRID = np.linspace(0.1, 10.1, 51) * u.keV
#: Number of parameters of components in XSPEC 12.
PARAMETERS = {
    "TBabs": 1,
    "zTBabs": 2,
    "powerlaw": 2,
    "bbody": 2,
    "bremss": 2,
    "cutoffpl": 3,
    "bknpower": 4,
    "gaussian": 3,
    "constant": 1,
}


@dataclass
class Session:
    """What XSPEC would hold after a script."""

    folder: Path
    spectra: dict[int, Path] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    statistics: dict[int, str] = field(default_factory=dict)
    default: str = "chi"
    settings: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    expression: str = ""
    parameters: list[tuple[float, ...] | str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def run(self, name: str) -> Session:
        for line in (self.folder / name).read_text("ascii").splitlines():
            self._line(line.strip())
        return self

    def _line(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            return
        if self.expression and len(self.parameters) < self._wanted():
            self.parameters.append(line if line.startswith("=") else tuple(map(float, line.split())))
        elif line.startswith("@"):
            self.run(line[1:])
        elif word == "data":
            for place, name in re.findall(r"(\d+:\d+) (\S+)", rest):
                group, number = map(int, place.split(":"))
                self.spectra[number], self.groups[number] = self.folder / name, group
                self.statistics[number] = self.default
        elif word == "statistic":
            # Without a number for spectra to come, with one for a spectrum that is there.
            name, _, number = rest.partition(" ")
            if number:
                assert int(number) in self.spectra, line
                self.statistics[int(number)] = name
            else:
                self.default = name
        elif word in ("method", "abund", "xsect", "systematic"):
            self.settings[word] = rest
        elif word == "ignore":
            self.ignored.append(rest)
        elif word == "model":
            self.expression = rest
        else:
            assert word in ("query", "renorm", "fit", "error"), line
            self.commands.append(line)

    def _wanted(self) -> int:
        return len(set(self.groups.values())) * sum(PARAMETERS[name] for name in self.components)

    @property
    def components(self) -> list[str]:
        return re.findall(r"[A-Za-z]+", self.expression)

    def value(self, number: int) -> float:
        """Value of a parameter, links followed."""
        line = self.parameters[number - 1]
        if not isinstance(line, str):
            return line[0]
        match = re.fullmatch(r"= (?:(\S+)\*)?p(\d+)", line)
        assert match, line
        assert int(match[2]) != number
        return float(match[1] or 1) * self.value(int(match[2]))

    def check(self) -> None:
        assert sorted(self.spectra) == sorted(self.statistics) == list(range(1, len(self.spectra) + 1))
        for path in self.spectra.values():
            header = fits.getheader(path, "SPECTRUM")
            for keyword in ("BACKFILE", "RESPFILE", "ANCRFILE"):
                assert header[keyword] == "none" or (self.folder / header[keyword]).is_file()
        assert len(self.parameters) == self._wanted()
        for number, line in enumerate(self.parameters, start=1):
            if isinstance(line, str):
                assert np.isfinite(self.value(number))
            else:
                value, _, low, bottom, top, high = line
                assert low <= bottom <= value <= top <= high


def spectrum(label: str = "interval0", **changes: Any) -> CountSpectrum:
    counts = np.random.default_rng(3).poisson(3, 1000)
    rmf = RMF(matrix=np.full((50, 1000), 1e-3), energy_edges=GRID, channel_edges=np.linspace(0, 10, 1001) * u.keV)
    values: dict[str, Any] = {
        "counts": counts,
        "exposure": 1000 * u.s,
        "mode": "PC",
        "label": label,
        "rmf": rmf,
        "arf": ARF(energy_edges=GRID, effective_area=np.full(50, 100.0) * u.cm**2),
        "background": CountSpectrum(counts=counts // 3, exposure=1000 * u.s, mode="PC", backscale=20),
    }
    return CountSpectrum(**{**values, **changes})


def absorbed() -> Any:
    return models.TBabs(2e21 / u.cm**2).freeze("nh") * models.PowerLaw(1.8)


def test_one_spectrum(tmp_path: Path) -> None:
    path = spectrum().write_xspec(tmp_path / "xspec", model=absorbed())
    assert path == tmp_path / "xspec" / "fit.xcm"
    session = Session(path.parent).run("fit.xcm")
    session.check()
    assert session.spectra == {1: path.parent / "interval0pc.pha"}
    assert session.statistics == {1: "cstat"}
    assert session.settings["abund"] == "wilm"
    assert session.ignored == ["bad", "1:**-0.3", "1:10.0-**"]
    assert session.components == ["TBabs", "powerlaw"]
    assert session.value(1) == pytest.approx(0.2)  # In 1e22 / cm2.
    assert session.parameters[0][1] < 0 < session.parameters[1][1]  # A step below zero freezes.
    assert session.value(2) == pytest.approx(1.8)
    assert session.commands == ["query yes", "renorm", "fit", "error 2.706 2 3"]
    again = CountSpectrum.read(session.spectra[1])
    assert again.is_grouped
    assert again.replace(quality=None, grouping=None) == spectrum()


def test_scripts_only_name_what_is_beside_them(tmp_path: Path) -> None:
    spectrum().write_xspec(tmp_path / "a folder", model=absorbed())
    for name in ("load.xcm", "fit.xcm"):
        text = (tmp_path / "a folder" / name).read_text()
        assert str(tmp_path) not in text
        assert "cd " not in text
    # What PyXspec restores has none but the commands of XSPEC's own "save".
    assert not Session(tmp_path / "a folder").run("load.xcm").commands


def test_shared_and_own_parameters(tmp_path: Path) -> None:
    one, two = absorbed().set(norm=1e-3 * NORM), absorbed().set(norm=2e-3 * NORM)
    first = spectrum("first")
    spectra = [first, first.replace(label="second")]
    path = write_xspec(spectra, tmp_path, model=[one, two], own=("norm",), statistic="wstat+chi2", band=(0.5, 5.0))
    session = Session(tmp_path).run(path.name)
    session.check()
    assert session.groups == {1: 1, 2: 2}
    assert session.statistics == {1: "cstat", 2: "chi"}
    assert [session.value(number) for number in range(1, 7)] == pytest.approx([0.2, 1.8, 1e-3, 0.2, 1.8, 2e-3])
    assert session.parameters[3:5] == ["= p1", "= p2"]
    assert session.commands[-1] == "error 2.706 2 3 6"
    assert session.ignored[1:] == ["1:**-0.5", "1:5.0-**", "2:**-0.5", "2:5.0-**"]
    # Both have the same matrix, which is written once.
    assert len(list(tmp_path.glob("*.rmf"))) == 1


def test_a_joint_fit_is_repeated(tmp_path: Path) -> None:
    """With the names that fits have for parameters; a frozen factor is that of the first spectrum."""
    first = spectrum("first")
    spectra = [first, first.replace(label="second", counts=first.counts // 2)]
    norms = fit(spectra, absorbed(), free=["norm"], errors=False)
    session = Session(tmp_path / "norms").run(norms.write_xspec(tmp_path / "norms").name)
    session.check()
    assert [session.value(number) for number in (3, 6)] == pytest.approx(
        [norms.parameters[name].value.value for name in ("norm[0]", "norm[1]")]
    )
    factors = fit(spectra, models.Constant() * absorbed(), free=["factor"], errors=False)
    session = Session(tmp_path / "factors").run(factors.write_xspec(tmp_path / "factors").name)
    session.check()
    assert [session.value(number) for number in (1, 5)] == pytest.approx(
        [1, factors.parameters["factor[1]"].value.value]
    )
    assert session.parameters[0][1] < 0 < session.parameters[4][1]
    assert session.commands[-1].startswith("error 2.70")
    assert session.commands[-1].endswith(" 3 4 5")


def test_same_parameters_for_all(tmp_path: Path) -> None:
    spectrum("a").write_xspec(tmp_path, model=absorbed(), with_spectra=[spectrum("b c"), spectrum("b c")])
    session = Session(tmp_path).run("fit.xcm")
    session.check()
    assert set(session.groups.values()) == {1}
    assert [path.name for path in session.spectra.values()] == ["a_PC.pha", "b_c_PC.pha", "b_c_PC_3.pha"]
    assert len(session.parameters) == 3


def test_ties(tmp_path: Path) -> None:
    tied = models.PowerLaw(1.8) + models.PowerLaw(1.2)
    names = list(tied.parameters)
    tied = tied.tie(names[3], to=names[1], factor=0.5).set(**{names[1]: 4e-3 * NORM})
    spectrum().write_xspec(tmp_path, model=tied)
    session = Session(tmp_path).run("fit.xcm")
    session.check()
    assert session.parameters[3] == "= 0.5*p2"
    assert session.value(4) == pytest.approx(2e-3)
    assert session.commands[-1] == "error 2.706 1 2 3"


def test_ties_stay_within_their_data_group(tmp_path: Path) -> None:
    tied = (models.PowerLaw(1.8) + models.PowerLaw(1.2)).tie("powerlaw_2.norm", to="powerlaw_1.norm", factor=0.5)
    pair = [tied.set({"powerlaw_1.norm": norm * NORM}) for norm in (4e-3, 1e-3)]
    first = spectrum("first")
    write_xspec([first, first.replace(label="second")], tmp_path, model=pair, own=("powerlaw_1.norm",), statistic="chi")
    session = Session(tmp_path).run("fit.xcm")
    session.check()
    assert session.statistics == {1: "chi", 2: "chi"}
    assert [session.parameters[number] for number in (3, 4, 6, 7)] == ["= 0.5*p2", "= p1", "= p3", "= 0.5*p6"]
    assert [session.value(number) for number in (2, 4, 6, 8)] == pytest.approx([4e-3, 2e-3, 1e-3, 5e-4])


def test_a_line(tmp_path: Path) -> None:
    line = models.Gaussian(6.4 * u.keV, 50 * u.eV, 2e-5 * u.ph / (u.cm**2 * u.s))
    session = Session(tmp_path).run(spectrum().write_xspec(tmp_path, model=models.PowerLaw(1.8) + line).name)
    session.check()
    assert session.expression == "powerlaw+gaussian"
    assert [session.value(number) for number in range(3, 6)] == pytest.approx([6.4, 0.05, 2e-5], rel=1e-6, abs=0)


def test_numbers_are_such_as_xspec_takes(tmp_path: Path) -> None:
    flat = models.PowerLaw(0.0, 1e-3 * NORM).bound("norm", high=1e30 * NORM)
    write_xspec([spectrum()], tmp_path, model=flat, band=(1e-5, 5.0))
    session = Session(tmp_path).run("fit.xcm")
    assert session.parameters[0][:2] == (0.0, 0.01)  # A step of zero would freeze it.
    assert session.parameters[1][-1] == 1e20
    assert session.ignored == ["bad", "1:**-1.0e-05", "1:5.0-**"]


def test_rates_are_fitted_with_chi_squared(tmp_path: Path) -> None:
    path = make.isgri(tmp_path)
    crab = CountSpectrum.read(path, extension="Crab", rmf=tmp_path / "rmf.fits", arf=tmp_path / "arf.fits")
    crab.with_systematic(0.02).write_xspec(tmp_path / "x", model=models.PowerLaw(2.1), band="20-200 keV")
    session = Session(tmp_path / "x").run("fit.xcm")
    session.check()
    assert session.statistics == {1: "chi"}
    assert session.ignored == ["bad", "1:**-20.0", "1:200.0-**"]
    header = fits.getheader(session.spectra[1], "SPECTRUM")
    assert (header["SYS_ERR"], header["POISSERR"]) == (0.02, False)
    with pytest.raises(RequestError, match="need 'chi'"):
        crab.write_xspec(tmp_path / "y", model=models.PowerLaw(2.1), statistic="cstat")


def test_without_model_it_is_only_loaded(tmp_path: Path) -> None:
    path = spectrum().to_spectrum()[1 * u.keV : 2 * u.keV].write_xspec(tmp_path)
    assert path == tmp_path / "load.xcm"
    session = Session(tmp_path).run("load.xcm")
    assert not (tmp_path / "fit.xcm").exists()
    good = CountSpectrum.read(session.spectra[1])
    assert good.energy_edges.value[:-1][good.quality == 0].min() == pytest.approx(1.0)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    one = spectrum()
    cases: list[tuple[Any, dict[str, Any], str]] = [
        ([], {}, "at least one spectrum"),
        ([one.replace(rmf=None)], {}, "needs the RMF"),
        ([one], {"model": "powerlaw"}, "a model of swiftxrt.models"),
        ([one], {"model": [absorbed(), absorbed()]}, "one for each of the 1 spectra"),
        ([one], {"model": absorbed(), "own": ("gamma",)}, "no parameter gamma"),
        ([one], {"statistic": "lstat"}, "'cstat' or 'chi'"),
        ([one], {"band": "0.3-10"}, "with its unit"),
    ]
    for spectra, options, message in cases:
        with pytest.raises(RequestError, match=message):
            write_xspec(spectra, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_files_that_exist_stay(tmp_path: Path) -> None:
    (tmp_path / "interval0pc.rmf").write_text("mine")
    with pytest.raises(OutputExistsError, match="interval0pc.rmf"):
        spectrum().write_xspec(tmp_path, model=absorbed())
    assert [path.name for path in tmp_path.iterdir()] == ["interval0pc.rmf"]
    spectrum().write_xspec(tmp_path, model=absorbed(), overwrite=True)
    Session(tmp_path).run("fit.xcm").check()
