"""Upper limits from a service: requests per second, and what is kept.

The server is in a process of its own, and answers all questions alike: after a
round trip and the time that it takes a service, and two round trips more on a
new connection, as those of TCP and TLS 1.3. The reference client asks about
one position after the other. On a busy machine the processor time of 10,000
kept answers tells more than the rates.
"""

from __future__ import annotations

import json
import tempfile
import warnings

import numpy as np
from _stub import Answer, seconds, service
from astropy.coordinates import SkyCoord

from swiftxrt import SwiftXRTClass, conf

POSITIONS, KEPT = 100, 10_000
ROUND_TRIP_S, SERVICE_S = 0.02, 0.05
CONNECTIONS = (1, 4, 8)
ROW = {
    "StartTime": 167883600.0,
    "StopTime": 593125570.0,
    "ObsID": "10000018414",
    "SourceExposure": 50071.75,
    "ImageExposure": 55395.777344,
    "Total_UpperLimit": 0.000321,
    "Total_Counts": 17.0,
    "Total_BGCounts": 22.100154,
    "Total_CorrectionFactor": 1.326975,
}
BODY = json.dumps({"OK": 1, "APIVersion": "1.0.5", "Columns": list(ROW), "ULData": [ROW]}).encode()


def reply(path: str, body: bytes) -> Answer:
    if b"at once" in body:
        return Answer(len(BODY), [BODY])
    return Answer(len(BODY), [BODY], ROUND_TRIP_S, SERVICE_S)


def places(number: int) -> SkyCoord:
    return SkyCoord(np.linspace(0.0, 350.0, number), np.linspace(-80.0, 80.0, number), unit="deg")


def reference(url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import swifttools.ukssdc.main
        from swifttools.ukssdc.data import SXPS
    swifttools.ukssdc.main.APIURL = f"{url}/API/main.php"
    for place in places(POSITIONS):
        SXPS.getUpperLimits(RA=float(place.ra.deg), Dec=float(place.dec.deg))


def ours(connections: int) -> float:
    limited = conf.set_temp("max_connections", connections)
    with tempfile.TemporaryDirectory() as folder, conf.set_temp("cache_dir", folder), limited:
        return seconds(lambda: SwiftXRTClass().get_upper_limits(places(POSITIONS)))


def kept() -> tuple[float, float]:
    """Seconds to ask about positions that a service knows at once, and about the same again."""
    named = [f"at once {number}" for number in range(KEPT)]
    with tempfile.TemporaryDirectory() as folder, conf.set_temp("cache_dir", folder):
        return tuple(seconds(lambda: SwiftXRTClass().get_upper_limits(named)) for _ in range(2))  # type: ignore[return-value]


def main() -> None:
    with service(reply) as url, conf.set_temp("service_url", url):
        reference(url)  # what is imported at first use is not counted
        ours(1)
        slow = seconds(lambda: reference(url))
        print(f"{POSITIONS} positions, round trip {1e3 * ROUND_TRIP_S:g} ms, service {1e3 * SERVICE_S:g} ms")
        print("                              s     per second    ratio")
        print(f"  swifttools          {slow:10.2f}{POSITIONS / slow:12.1f}{1.0:10.1f}")
        for connections in CONNECTIONS:
            taken = ours(connections)
            print(f"  {connections} connections{taken:18.2f}{POSITIONS / taken:12.1f}{slow / taken:10.1f}")
        first, again = kept()
        print(f"{KEPT} positions at once     {first:10.2f}{KEPT / first:12.0f}")
        print(f"  the same, kept      {again:10.2f}{KEPT / again:12.0f}")


if __name__ == "__main__":
    main()
