"""Kills a process that asks for upper limits again and again, and counts what was asked twice; run by a test."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.catalog import limits

POSITIONS, KILLS = 60, 6
SLOW_S = 0.03


class Service:
    """Every second calculation takes too long; its result is given out once."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.results: dict[str, float] = {}
        self.lost = 0
        self.guard = threading.Lock()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        time.sleep(SLOW_S)
        with self.guard:
            if "ULID" in asked:
                place = self.results.pop(asked["ULID"], None)
                if place is None:
                    self.lost += 1
                    return {"ERROR": 1, "ERRORTEXT": "That upper limit is not found"}
                return self.row(place)
            self.asked[str(asked["RA"])] += 1
            if round(asked["RA"]) % 2:
                return self.row(asked["RA"])
            number = f"{len(self.asked)}-{self.asked.total()}"
            self.results[number] = asked["RA"]
            return {"OK": 1, "TIMEOUT": number}

    @staticmethod
    def row(place: float) -> dict[str, Any]:
        row = {"ObsID": "00031635001", "SourceExposure": 1.0, "ImageExposure": 1.0, "Total_UpperLimit": place}
        return {"OK": 1, "Columns": list(row), "ULData": [row]}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *given: Any) -> None:
        """Those that ask are killed: their connections break."""


def serve(service: Service) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(service.answer(asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: Any) -> None:
            """Nothing is printed."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ask(url: str, cache: str) -> list[float]:
    limits._FIRST_PAUSE_S = limits._LONGEST_PAUSE_S = 0.02
    places = SkyCoord(np.arange(1.0, POSITIONS + 1), np.zeros(POSITIONS), unit="deg")
    with conf.set_temp("service_url", url), conf.set_temp("cache_dir", cache):
        found = SwiftXRTClass().get_upper_limits(places)
    return list(found["total_upper_limit"].value.tolist())


def killed(url: str, cache: str, after_s: float) -> None:
    """A process that asks, until it is killed."""
    pid = os.fork()
    if pid == 0:
        ask(url, cache)
        os._exit(0)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def main(cache: str) -> None:
    service = Service()
    url = f"http://127.0.0.1:{serve(service).server_address[1]}"
    rng = random.Random(1)
    for _ in range(KILLS):
        killed(url, cache, rng.uniform(0.1, 0.5))
    before = service.asked.total()
    found = ask(url, cache)
    report = {
        "right": found == [float(number) for number in range(1, POSITIONS + 1)],
        "before": before,
        "twice": service.asked.total() - POSITIONS,
        "lost": service.lost,
        "kills": KILLS,
        "at_once": int(conf.max_connections),
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
