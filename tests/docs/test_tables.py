"""Tables of the documentation that are made from the code."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import astropy.units as u
import pytest
from astropy.time import Time

from swiftxrt import CountsBinning, LightCurve, LightCurveRequest, SourceList, Target, TimeBinning
from swiftxrt._fields import parameter_table

sphinx = pytest.importorskip("sphinx", reason="sphinx is not installed (extra 'docs')")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "_ext"))
        import parameter_tables

        yield parameter_tables
    sys.modules.pop("parameter_tables", None)


def test_objects_are_found_by_name(tables):
    assert tables.find("swiftxrt.Target") is Target
    assert tables.find("swiftxrt.products.compare.COLUMNS")["n"] is int
    for path in ("swiftxrt.Targett", "swiftxrt.products.nothing.X"):
        with pytest.raises(ValueError, match="there is no swiftxrt"):
            tables.find(path)


def test_bodies_are_read(tables):
    body = [":a, b: first", "   and more", "", ":c:", "   later: yes"]
    assert tables.read_body(body) == {"a, b": "first and more", "c": "later: yes"}
    for wrong in (["text"], ["   continued"], [":a: x", ":a: y"], [":a x"]):
        with pytest.raises(ValueError, match="needed|twice"):
            tables.read_body(wrong)


def test_columns_have_the_units_of_the_code(tables):
    columns = {
        "time": Time,
        "rate": u.ct / u.s,
        "err": u.ct / u.s,
        "mode": str,
        "snr": float,
        "part": u.one,
        "angle": u.arcsec,
    }
    meanings = {"time": "when", "rate, err": "how bright", "mode": "which", "snr, part": "-", "angle": "a"}
    assert tables.column_rows(columns, meanings)[1:] == [
        ("``time``", "`~astropy.time.core.Time`", "when"),
        ("``rate``, ``err``", "ct s⁻¹", "how bright"),
        ("``mode``", "str", "which"),
        ("``snr``, ``part``", "", "-"),
        ("``angle``", "arcsec", "a"),
    ]
    for changed in ({**meanings, "extra": "x"}, {"time": "when"}):
        with pytest.raises(ValueError, match="extra|'rate'"):
            tables.column_rows(columns, changed)


@pytest.mark.parametrize("owner", [LightCurve, SourceList])
def test_columns_of_products_are_all_there(tables, owner):
    columns = tables.columns_of(owner)
    if owner is LightCurve:
        plain = {"met_s": [5e8], "time_err_neg": 1, "time_err_pos": 1, "rate": 1, "mode": "PC"}
        made = LightCurve.from_columns(plain, t0_met=None, band="0.3-10 keV", binning="time")
        assert list(columns) == made.colnames
    else:
        plain = {"source_number": [1], "ra_deg": [1.0], "dec_deg": [2.0], "position_err": [3.0]}
        plain |= {"quality": [0], "rate": [1.0]}
        made = SourceList.from_columns({"total": plain})["total"]
        assert set(made.colnames) <= set(columns)
    for name in made.colnames:
        unit = getattr(made[name], "unit", None)
        assert unit is None or isinstance(columns[name], type) or unit == columns[name]


def test_what_has_no_columns_is_refused(tables):
    with pytest.raises(ValueError, match="no columns"):
        tables.columns_of(Target)


def test_tables_of_parameters_of_swifttools(tables):
    classes = [("Curve", LightCurveRequest), ("Counts", CountsBinning), ("Time", TimeBinning)]
    remarks = {"pcbin": "Always sent.", "specz": "``redshift`` -- one parameter"}
    rows = {row[0]: row[1:] for row in tables.swifttools_rows(classes, remarks)}
    # In two classes, with a remark; two keys in one field; another spelling; a key without field.
    assert rows["``pcBinTime``"] == (
        "``pcbin``",
        "``Counts.pc_bin`` or ``Time.pc_bin``",
        "Quantity [s] > 0. Quantity [s] >= 2.5. Always sent",
    )
    assert rows["``minEnergy``, ``maxEnergy``"][:2] == ("``minen``, ``maxen``", "``Curve.band``")
    assert rows["``allowBayes``"][0] == "``allowB``, ``allowBayes``"
    assert rows["``hasRedshift``"] == ("``specz``", "``redshift``", "one parameter")
    for wrong in ({"nonsense": "here -- x"}, {"specz": "no place"}):
        with pytest.raises(ValueError, match="nonsense|say where"):
            tables.swifttools_rows(classes, wrong)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory):
    """Build one page and return its text, or the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    def made(text: str) -> str:
        source = tmp_path_factory.mktemp("source")
        (source / "index.rst").write_text("Page\n====\n\n" + text, encoding="utf-8")
        settings = {"extensions": ["parameter_tables"], "default_role": "literal"}
        output = source / "out"
        with pytest.MonkeyPatch.context() as patch, docutils_namespace():
            patch.syspath_prepend(str(DOCS / "_ext"))
            app = Sphinx(source, None, output, output / "trees", "text", settings, status=None, warning=None)
            app.build()
        return (output / "index.txt").read_text(encoding="utf-8") if not app._warncount else "warnings"

    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_directives_make_tables(build):
    text = build(".. parameter-table:: swiftxrt.TimeBinning\n\n.. parameter-table:: swiftxrt.SnapshotBinning\n")
    assert "pc_bin" in text
    assert "2.51 s" in text
    assert "No parameters" in text
    text = build(".. swifttools-table:: swiftxrt.ImageRequest\n\n   :imen: a list\n")
    assert '"energies"' in text
    assert "a list" in text
    text = build(".. config-table:: read_timeout user\n")
    assert "120.0" in text
    assert "Registered e-mail address" in text
    assert "connect_timeout" not in text
    assert "connect_timeout" in build(".. config-table:: all\n")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "text",
    [
        ".. parameter-table:: swiftxrt.LightCurve\n",
        ".. column-table:: swiftxrt.HardnessCurve\n\n   :rate: not there\n",
        ".. swifttools-table:: swiftxrt.Nothing\n",
        ".. config-table:: read_time\n",
    ],
)
def test_mistakes_stop_the_build(build, text):
    assert build(text) == "warnings"


def test_tables_of_parameters_begin_as_the_directive_expects():
    assert parameter_table(Target).splitlines()[:2] == [".. list-table::", "   :header-rows: 1"]
