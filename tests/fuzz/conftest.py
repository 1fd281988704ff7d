"""How much is tried, and what may come of it.

A few examples, always the same, by default; ``SWIFTXRT_FUZZ=2000 pytest
tests/fuzz`` tries 2000 of each kind, others in each run.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from swiftxrt.exceptions import SwiftXRTError, SwiftXRTWarning

_WANTED = int(os.environ.get("SWIFTXRT_FUZZ", "0"))

settings.register_profile(
    "fuzz",
    max_examples=_WANTED or 10,
    derandomize=not _WANTED,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink] if _WANTED else [Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="session")
def sound() -> Callable[[Callable[[], Any]], bool]:
    """Run something: it succeeds, or ends with an error of ours, and warns in our words or not at all.

    It returns whether it succeeded.
    """

    def run(function: Callable[[], Any]) -> bool:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                repr(function())
            except SwiftXRTError:
                succeeded = False
            else:
                succeeded = True
        foreign = [one for one in caught if not issubclass(one.category, SwiftXRTWarning)]
        assert not foreign, f"{foreign[0].category.__name__}: {foreign[0].message}"
        return succeeded

    return run
