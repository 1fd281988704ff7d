"""What the page on jobs says about errors."""

from __future__ import annotations

import re
from pathlib import Path

from swiftxrt import exceptions
from swiftxrt.exceptions import JobError, ServiceError, SwiftXRTError

PAGE = Path(__file__).parents[2] / "docs" / "jobs.rst"


def test_page_on_jobs_names_every_error_of_jobs_and_services() -> None:
    table = PAGE.read_text(encoding="utf-8").split("When something goes wrong", 1)[1]
    named = set(re.findall(r"^`~swiftxrt\.exceptions\.(\w+)`", table, re.MULTILINE))
    errors = {
        name: item
        for name, item in vars(exceptions).items()
        if isinstance(item, type) and issubclass(item, SwiftXRTError) and item is not SwiftXRTError
    }
    assert named <= errors.keys()
    assert {name for name, item in errors.items() if issubclass(item, ServiceError | JobError)} <= named
