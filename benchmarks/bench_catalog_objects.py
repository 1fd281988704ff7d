"""Details of 100 sources at a round trip of 20 ms and 50 ms of work for each, against the reference client.

The service is imitated in a process of its own: a new connection takes two round trips (TCP and TLS 1.3), a request
one, and each reply 50 ms of work. A reply is as large as that for a source with 100 observations. The reference client
asks for one source after the other, over a new connection each time. The aim is 10 times as fast; the service answers
for one source at a time, so that no more can be gained than side by side and by keeping connections open.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

from _stub import Answer, seconds, service

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.catalog_fields import fields_of

SOURCES = 100
ROUND_TRIP_S, WORK_S = 0.02, 0.05
CONNECTIONS = (1, 4, 8)
REPEATS = 3
DETECTIONS, NON_DETECTIONS, MATCHES = 40, 60, 10
BANDS = ("Total", "Soft", "Medium", "Hard")


def row_of(table: str, number: int, **values: Any) -> dict[str, Any]:
    """A row with a value in every plain field."""
    words = {"text": "some words", "obsid": f"{221755000 + number:011d}", "uk_date": "2006-07-29 20:18:25"}
    fields = [field for field in fields_of("LSXPS", table).values() if field.kind not in ("object", "table", "list")]
    plain = {field.name: words.get(field.kind, 1 if field.kind == "int" else 0.0123456789 + number) for field in fields}
    flags = {field.name: 1 for field in fields if field.kind == "flag"}
    return {**plain, **flags, **values}


def details() -> dict[str, Any]:
    """What the service says about a source, of about the usual size."""
    info = {"sourceID": 1, "dsID": 1, "band": 0, "C": 3, "isDet": 1} | {
        f"value{number}": 0.1234567 for number in range(10)
    }
    infos = {f"{band}_Info": info for band in BANDS}
    seen = [row_of("source_detections", number, **infos) for number in range(DETECTIONS)]
    unseen = [row_of("source_nondetections", 100 + number, **infos) for number in range(NON_DETECTIONS)]
    return row_of(
        "source",
        0,
        IAUName="LSXPS J062131.8-622213",
        RA=95.38255019,
        Decl=-62.3702951,
        Detections={"NumStacks": 0, "NumObservations": len(seen), "Observations": seen},
        NonDetections={"NumStacks": 0, "NumObservations": len(unseen), "Observations": unseen},
        CrossMatch=[row_of("xcorr", number) for number in range(MATCHES)],
        lcRanges={"MET_lo": 175893506.972863, "MET_hi": 188956137.813723},
    )


TEMPLATE = json.dumps({"data": details(), "OK": 1, "APIVersion": "1.0.5"}).replace('"LSXPS_ID": 1', '"LSXPS_ID": %d')


def reply(path: str, body: bytes) -> Answer:
    number = json.loads(body)["sourceID"]
    answer = TEMPLATE.replace("%d", str(number)).encode()
    return Answer(len(answer), [answer], ROUND_TRIP_S, WORK_S)


def ours() -> None:
    """From the first connection to a look at a rate of each source."""
    with SwiftXRTClass() as client:
        found = client.gather(client.get_source, range(1, SOURCES + 1))
        assert [one.get().source_id for one in found] == list(range(1, SOURCES + 1))
        assert all(one.value["Rate_band0"].value for one in found)


def theirs(url: str) -> None:
    import swifttools.ukssdc.main as main
    from swifttools.ukssdc.data import SXPS

    main.APIURL = f"{url}/API/main.php"
    found = SXPS.getSourceDetails(sourceID=list(range(1, SOURCES + 1)), silent=True)
    assert [one["LSXPS_ID"] for one in found.values()] == list(range(1, SOURCES + 1))


def main() -> None:
    with service(reply) as url, conf.set_temp("service_url", url), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = min(seconds(lambda: theirs(url)) for _ in range(2))
        print(
            f"{SOURCES} sources, {len(TEMPLATE) / 1e3:.0f} kB each, round trip {ROUND_TRIP_S * 1e3:.0f} ms, {WORK_S * 1e3:.0f} ms of work"
        )
        print(f"  reference client                       {reference:6.2f} s")
        for number in CONNECTIONS:
            with conf.set_temp("max_connections", number):
                took = min(seconds(ours) for _ in range(REPEATS))
            print(
                f"  swiftxrt, conf.max_connections = {number:<4}  {took:6.2f} s, ratio {reference / took:4.1f} (aim: 10)"
            )


if __name__ == "__main__":
    main()
