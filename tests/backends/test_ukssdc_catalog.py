"""Which questions about catalogues are asked again when the reply is lost."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest

from swiftxrt import ObsidBinning, SwiftXRTClass, conf
from swiftxrt.backends.ukssdc.catalog import UKSSDCCatalog
from swiftxrt.exceptions import ServiceError, ServiceUnavailableError

BURST = 221755


@pytest.mark.parametrize("fault", ["lost", "busy"])
def test_what_starts_something_is_sent_once(server: Any, pauses: list[float], fault: str) -> None:
    server.script = [server.cut(b"") if fault == "lost" else server.http(b"busy", 503)]
    with conf.set_temp("service_url", server.url), SwiftXRTClass() as swift:
        for start in (
            lambda: swift.rebin_light_curve(BURST, binning=ObsidBinning()),
            lambda: swift.slice_spectra(BURST, slices={"a": (100, 200) * u.s}),
        ):
            server.asked.clear()
            with pytest.raises(ServiceUnavailableError):
                start()
            assert len(server.asked) == 1
    assert pauses == []


def test_what_only_looks_is_asked_again(server: Any, pauses: list[float]) -> None:
    server.script = [server.cut(b""), server.http(b"busy", 503), server.http(b'{"OK": 0, "ERROR": "no"}')]
    with conf.set_temp("service_url", server.url):
        catalog = UKSSDCCatalog()
        with pytest.raises(ServiceError, match="no"):
            catalog.ask("checkRebinStatus", {"JobID": 7})
        catalog.close()
    assert len(server.asked) == 3


def test_a_reply_that_exists_once_is_fetched_once(server: Any, pauses: list[float]) -> None:
    server.script = [server.cut(b"")]
    with conf.set_temp("service_url", server.url):
        catalog = UKSSDCCatalog()
        for content, times in (({"ULID": "x"}, 1), ({"ra": 1.0}, 1 + conf.retries)):
            server.asked.clear()
            with pytest.raises(ServiceUnavailableError):
                catalog.ask("getSXPSUL", content)
            assert len(server.asked) == times
        catalog.close()
