"""The page that says what to do when things go wrong."""

from __future__ import annotations

from pathlib import Path

from swiftxrt import exceptions

PAGE = (Path(__file__).parents[2] / "docs" / "when_things_go_wrong.rst").read_text(encoding="utf-8")


def test_every_error_and_warning_has_its_row() -> None:
    rows = {line.split("`~swiftxrt.exceptions.")[1].split("`")[0] for line in PAGE.splitlines() if "   * - `~" in line}
    bases = {"SwiftXRTError", "SwiftXRTWarning"}
    assert rows | bases == set(exceptions.__all__)
    assert all(f"`~swiftxrt.exceptions.{name}`" in PAGE for name in bases)
