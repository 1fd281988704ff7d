"""Files of the catalogue that a server gives away: those below its folder, and no others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swiftxrt.backends.local.catalog.host import LocalCatalog


@pytest.mark.parametrize(
    "name", ["../secret.txt", "a/../../secret.txt", "a", "", "..", "missing.txt", "x\0y", "x" * 5000]
)
def test_nothing_else_is_found(name: str, tmp_path: Path) -> None:
    catalog = local_catalog(tmp_path)
    assert catalog.find("a/map.png") == (catalog.files / "a" / "map.png").resolve()
    assert catalog.find(name) is None


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    catalog = local_catalog(tmp_path)
    (catalog.files / "link.txt").symlink_to(catalog.folder / "secret.txt")
    assert catalog.find("link.txt") is None
    assert catalog.find(str(catalog.folder / "secret.txt")) is None


def local_catalog(folder: Path) -> LocalCatalog:
    nothing: Any = SimpleNamespace(folder=folder)
    catalog = LocalCatalog(nothing, folder / "catalog", nothing)
    (catalog.files / "a").mkdir(parents=True)
    (catalog.files / "a" / "map.png").write_text("a map")
    (catalog.folder / "secret.txt").write_text("nobody's business")
    return catalog
