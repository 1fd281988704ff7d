"""Position files of the service and our own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import PositionRequest, Target, XRTRequest
from swiftxrt.exceptions import FormatError, OutputExistsError, ProductNotAvailableError
from swiftxrt.io.packages import pack_folder, package_product, write_missing_files
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position

KINDS = [kind for kind in Kind if kind.is_position]
REQUEST = XRTRequest(
    target=Target(name="GRB 200416A", target_ids=("00966554",)), position=PositionRequest(kinds=("standard",))
)

#: Files as the protocol's notes describe those of the service (columns, lines); numbers of GRB 200416A.
RESULTS = "335.69849\t-7.51788\t22:22:47.64\t-07:31:04.4\t3.5\t0\t1\t0\t0\t0\t0\n"
SUCCESS = "GRB 200416A\n00966554\n5\n7123.5\n0\n0\n335.70008\n-7.51816\n22:22:48.02\n-07:31:05.4\n1.7\n"
CORRECTED = "335.70087\t-7.51741\t22:22:48.21\t-07:31:02.7\t14.3\n"
IN_SXPS = "123456\n32.1512\n56.9457\n3.5\n02:08:36.29\n+56:56:44.5\n99000\n2SXPS\n"


def position(kind: Kind, **changes: Any) -> Position:
    values: dict[str, Any] = {
        "coord": SkyCoord(335.698512345678 * u.deg, -7.517912345678 * u.deg),
        "radius": 3.51785655609 * u.arcsec,
        "kind": kind.value.removesuffix("_position"),
    }
    return Position(**{**values, **changes})


@pytest.mark.parametrize(
    ("name", "text", "kind", "expected"),
    [
        ("results.dat", RESULTS, "standard", (335.69849, -7.51788, 3.5)),
        ("success.txt", SUCCESS, "enhanced", (335.70008, -7.51816, 1.7)),
        ("corrpos.dat", CORRECTED, "astrometric", (335.70087, -7.51741, 14.3)),
    ],
)
def test_files_of_the_service(
    tmp_path: Path, name: str, text: str, kind: str, expected: tuple[float, float, float]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    (tmp_path / "summed.gif").write_bytes(b"GIF")
    for place in (path, tmp_path):
        found = Position.read(place)
        assert (found.coord.ra.deg, found.coord.dec.deg, found.radius.to_value(u.arcsec)) == expected
        assert (found.kind, found.catalog, found.confidence) == (kind, None, 0.9)


@pytest.mark.parametrize(("code", "kind"), [("psf", "standard"), ("xastrom", "astrometric")])
def test_positions_from_a_catalogue(tmp_path: Path, code: str, kind: str) -> None:
    (tmp_path / code).mkdir()
    (tmp_path / code / "INSXPS").write_text(IN_SXPS)
    found = Position.read(pack_folder(tmp_path, [Path(code)], tmp_path / f"{code}.tar.gz"))
    assert (found.coord.ra.deg, found.coord.dec.deg, found.radius) == (32.1512, 56.9457, 3.5 * u.arcsec)
    assert (found.kind, found.catalog) == (kind, "2SXPS")
    assert found.provenance.notes == ("source 123456 of the catalogue", "data set 99000 of the catalogue")
    (tmp_path / "INSXPS").write_text("\n".join(IN_SXPS.splitlines()[:4]))
    assert Position.read(tmp_path / "INSXPS").catalog == "SXPS"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["tar.gz", "tar", "zip"])
def test_archives_hold_what_was_packed(tmp_path: Path, kind: Kind, ending: str) -> None:
    made = position(kind)
    path = tmp_path / f"{kind.code}.{ending}"
    package_product(kind, made, path, root=f"USERPROD_7/{kind.code}", request=REQUEST)
    assert Position.read(path) == made


@pytest.mark.parametrize("kind", [Kind.STANDARD_POSITION, Kind.ASTROMETRIC_POSITION])
def test_catalogue_positions_are_packed_as_such(tmp_path: Path, kind: Kind) -> None:
    made = position(kind, catalog="LSXPS")
    path = package_product(kind, made, tmp_path / "x.zip", root=f"USERPROD_7/{kind.code}", request=REQUEST)
    assert Position.read(path) == made


def test_our_own_json(tmp_path: Path) -> None:
    made = position(Kind.ENHANCED_POSITION, confidence=0.683)
    (tmp_path / "position.json").write_text(json.dumps(made.to_dict()))
    assert Position.read(tmp_path / "position.json") == made
    assert Position.read(tmp_path) == made


@pytest.mark.parametrize("kind", KINDS)
def test_no_position(tmp_path: Path, kind: Kind) -> None:
    write_missing_files(kind, "the source is too faint", tmp_path / "x" / kind.code)
    marker = {Kind.STANDARD_POSITION: "results.dat", Kind.ASTROMETRIC_POSITION: "NOCORR"}.get(kind)
    names = {path.name for path in (tmp_path / "x" / kind.code).iterdir()}
    assert names == {"README.txt", *filter(None, [marker])}
    path = pack_folder(tmp_path / "x", [Path(kind.code)], tmp_path / "x.tar.gz")
    if marker is None:  # The service has no marker for the enhanced position.
        with pytest.raises(FormatError, match="holds no position"):
            Position.read(path)
        return
    for place in (path, tmp_path / "x" / kind.code / marker):
        with pytest.raises(ProductNotAvailableError, match="too faint") as caught:
            Position.read(place)
        assert caught.value.kind == kind.title


def test_no_position_without_reason(tmp_path: Path) -> None:
    (tmp_path / "results.dat").write_text("NOPOS\n")
    with pytest.raises(ProductNotAvailableError, match="found none"):
        Position.read(tmp_path)


def test_a_correction_counts_more_than_what_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "xastrom").mkdir()
    (tmp_path / "xastrom" / "corrpos.dat").write_text(CORRECTED)
    (tmp_path / "xastrom" / "NOCORR").write_text("")
    assert Position.read(tmp_path).kind == "astrometric"


def test_several_positions(tmp_path: Path) -> None:
    for code, name, text in (("psf", "results.dat", RESULTS), ("enh", "success.txt", SUCCESS)):
        (tmp_path / code).mkdir()
        (tmp_path / code / name).write_text(text)
    with pytest.raises(FormatError, match="give the folder of one"):
        Position.read(tmp_path)
    assert Position.read(tmp_path / "enh").kind == "enhanced"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("results.dat", ""),
        ("results.dat", "335.7\t-7.5\n"),
        ("results.dat", "335.7\t-7.5\tx\ty\tz\n"),
        ("results.dat", "335.7\t-97.5\tx\ty\t3.5\n"),
        ("results.dat", "nan\t-7.5\tx\ty\t3.5\n"),
        ("results.dat", "335.7\t-7.5\tx\ty\t-3.5\n"),
        ("success.txt", "GRB\n"),
        ("corrpos.dat", "NOPOSITION\n"),
        ("INSXPS", "1\n2\n"),
        ("position.json", "{}"),
        ("position.json", "nonsense"),
        ("position.json", "[]"),
        ("psf.tar.gz", "nonsense"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError):
        Position.read(tmp_path / name)


def test_places_without_position(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "nowhere.json", tmp_path / "results.dat"):
        with pytest.raises(FormatError):
            Position.read(place)


@pytest.mark.parametrize("name", ["p.json", "p.reg", "P.REG"])
@pytest.mark.parametrize(
    "changes", [{}, {"confidence": 0.9973}, {"confidence": 0.683, "catalog": "2SXPS"}, {"kind": "my own"}]
)
def test_what_is_written_is_read(tmp_path: Path, name: str, changes: dict) -> None:
    one = replace(position(Kind.ENHANCED_POSITION), **changes)
    assert one.write(tmp_path / name) == tmp_path / name
    assert Position.read(tmp_path / name) == one
    with pytest.raises(OutputExistsError):
        one.write(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        'fk5\ncircle(150,20,3.5")\n',
        'fk5\ncircle(150,20,3.5") # text={my source}\n',
        'fk5\nellipse(150,20,3.5",2",0) # text={standard position (90%)}\n',
        "fk5\n" + 2 * 'circle(150,20,3.5") # text={standard position (90%)}\n',
    ],
)
def test_regions_that_are_no_positions(tmp_path: Path, text: str) -> None:
    """What a circle means is not known unless it is told."""
    (tmp_path / "p.reg").write_text(text)
    with pytest.raises(FormatError, match=r"one circle .* make Position\(circle.center, circle.radius, confidence"):
        Position.read(tmp_path / "p.reg")


def test_impossible_confidence(tmp_path: Path) -> None:
    (tmp_path / "p.reg").write_text('fk5\ncircle(150,20,3.5") # text={standard position (900%)}\n')
    with pytest.raises(FormatError, match="a probability between 0 and 1"):
        Position.read(tmp_path / "p.reg")
