"""The page on downloads names the parts that there are."""

from __future__ import annotations

import re
from pathlib import Path

from swiftxrt.backends.archives.contents import CONTENTS
from swiftxrt.query.downloads import ObservationDownloads

PAGE = Path(__file__).parents[2] / "docs" / "downloads.rst"


def test_parts_of_observations() -> None:
    table = PAGE.read_text(encoding="utf-8").partition(".. list-table::")[2].partition("\n\n   * - ``contents``")[2]
    rows = re.findall(r"\* - ``(\w+)``\n\s+- (.+)", table)
    assert dict(rows) == {content.name: content.about for content in CONTENTS.values()}


def test_docstring_names_all_parts() -> None:
    told = str(ObservationDownloads.download_observations.__doc__).partition("contents :")[2].partition("source :")[0]
    assert set(re.findall(r'"(\w+)"', told)) == set(CONTENTS)
