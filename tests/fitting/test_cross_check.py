"""Fits by sherpa, where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting.fit import fit


def test_a_package_that_is_missing_is_named(spectrum, absorbed, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("swiftxrt.fitting.cross_check.import_module", missing)
    with pytest.raises(RequestError, match="'sherpa' needs the package sherpa.*install it"):
        fit(spectrum, absorbed, backend="sherpa")


@pytest.mark.skipif(find_spec("sherpa") is None, reason="sherpa is not installed")
def test_sherpa_finds_the_same(spectrum, absorbed):
    ours, theirs = (fit(spectrum, absorbed, errors=False, backend=name) for name in ("swiftxrt", "sherpa"))
    assert theirs.statistic == pytest.approx(ours.statistic, abs=1e-6)
    assert theirs.values == pytest.approx(ours.values, rel=1e-3)
    assert theirs.backend == "sherpa"
