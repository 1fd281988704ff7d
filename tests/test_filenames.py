"""File names made of texts that nobody chose."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swiftxrt._filenames import distinct_names, name_key, safe_name

pytestmark = pytest.mark.fault_case(55, 77)

NASTY = st.text(st.sampled_from("./\\:*?\0 \n-~\u202e\u200b\ud800aA.ßé😀CONU1x"), max_size=12) | st.text(max_size=300)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GRB 200416A", "GRB 200416A"),
        ("lc.tar.gz", "lc.tar.gz"),
        ("Swift J1818.0-1607", "Swift J1818.0-1607"),
        ("../../x", "x"),
        ("/etc/passwd", "etc_passwd"),
        ("a/../b", "a_.._b"),
        ("C:\\x", "C_x"),
        ("\\\\host\\share", "host_share"),
        ("a\0b.fits", "a_b.fits"),
        ("x.fits. . ", "x.fits"),
        ("-rf", "rf"),
        (".bashrc", "bashrc"),
        ("~root", "root"),
        ("CON", "_CON"),
        ("aux.fits", "_aux.fits"),
        ("com1 .txt", "_com1 .txt"),
        ("console", "console"),
        ("sure\u202eexe.fits", "sure_exe.fits"),
        ("a\x1b[31mb\r\nc", "a_[31mb_c"),
        ("half\ud800", "half_"),
        ("e\u0301ta", "éta"),
        ("μ Cep 😀 星", "μ Cep 😀 星"),
        ("", "file"),
        ("..", "file"),
        (" / ", "file"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_long_names_keep_their_ending() -> None:
    assert safe_name("x" * 300 + ".tar.gz") == "x" * 193 + ".tar.gz"
    assert len(safe_name("é" * 300).encode()) == 200
    assert len(safe_name("x." + "y" * 300)) == 200


def test_nothing_of_a_text_can_be_used() -> None:
    assert safe_name("///", default="source") == "source"


@given(NASTY)
@example("aux\0")
@example("x" * 199 + ". a")
def test_every_name_is_safe_and_stays_as_it_is(text: str) -> None:
    name = safe_name(text)
    assert safe_name(name) == name
    assert 0 < len(name.encode()) <= 201
    assert Path(name).name == name and not Path(name).is_absolute()  # noqa: PT018
    assert PureWindowsPath(name).name == name
    assert name.partition(".")[0].strip().upper() not in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT1")
    assert name.isprintable()
    assert name[0] not in ".-~ " and name[-1] not in ". "  # noqa: PT018


@given(st.lists(NASTY, max_size=8))
@example(["a-2.x", "A.x", "a.x", "a.x"])
def test_no_two_names_are_one_file(texts: list[str]) -> None:
    names = distinct_names(texts)
    assert len(names) == len(texts)
    assert len({name_key(name) for name in names}) == len(names)
    assert all(safe_name(name) == name for name in names if len(name.encode()) <= 200)


def test_names_that_differ_in_case_or_accents_only() -> None:
    assert distinct_names(["Jet.fits", "JET.FITS", "jet.fits"]) == ["Jet.fits", "JET-2.FITS", "jet-3.fits"]
    assert distinct_names(["\u00e9", "e\u0301", "\u00c9"]) == ["é", "é-2", "É-3"]


def test_a_name_can_be_made_on_this_system(tmp_path: Path) -> None:
    for text in ("../x", "C:\\y", "a\0b", "x" * 500, "nul", "\u202e"):
        (tmp_path / safe_name(text)).write_text("")
    assert len(list(tmp_path.iterdir())) == 6
