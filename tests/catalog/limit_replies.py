"""Replies about upper limits, a service that gives them, and a clock."""

from __future__ import annotations

from typing import Any

from astropy.coordinates import SkyCoord

from swiftxrt import SwiftXRTClass, conf
from tests.catalog.replay import Replay

UL = "getSXPSUL"
PLACE = SkyCoord(77.969042, -62.324167, unit="deg")
THREE = SkyCoord([10.0, 20.0, 30.0], [1.0, 2.0, 3.0], unit="deg")


def row(obsid: str = "00031635001", **changes: Any) -> dict[str, Any]:
    made = {
        "StartTime": 275000000.0,
        "StopTime": 275001000.0,
        "ObsID": obsid,
        "SourceExposure": 900.0,
        "ImageExposure": 1000.0,
        "Total_UpperLimit": 0.0123,
        "Total_Counts": 2,
        "Total_BGCounts": 0.5,
        "Total_CorrectionFactor": 1.25,
    }
    return {**made, **changes}


def reply(*rows: dict[str, Any], **others: Any) -> dict[str, Any]:
    rows = rows or (row(),)
    return {"Columns": list(rows[0]), "ULData": list(rows), **others}


class Clock:
    """Time that passes while one waits."""

    def __init__(self) -> None:
        self.time = 1.6e9
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def service(answer: Any) -> tuple[SwiftXRTClass, Replay]:
    made, backend = SwiftXRTClass(), Replay({UL: answer})
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend
