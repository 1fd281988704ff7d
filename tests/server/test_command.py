"""The command ``swiftxrt serve``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import astropy.units as u
import pytest
import requests

from swiftxrt import ImageRequest, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.cli.main import main

USER = "user@example.org"
COMMAND = [sys.executable, "-m", "swiftxrt", "serve"]


@contextmanager
def serving(*arguments: object, lines: int = 1) -> Iterator[list[str]]:
    """What the command announces; it is told to stop at the end and must do so in silence."""
    command = [*COMMAND, "--port", "0", "--workers", "1", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline().strip() for _ in range(lines)]
        try:
            yield said
        finally:
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert output == ""
        assert errors == ""


def test_serves_until_it_is_told_to_stop(small_archive: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("late@example.org\n")
    arguments = ("--archive", small_archive, "--state", tmp_path / "state", "--user", USER, "--users-file", users)
    with serving(*arguments, "--job-limit", 1, "--keep-days", 7) as (line,):
        assert line.startswith("Serving on http://127.0.0.1:")
        with conf.set_temp("service_url", line.removeprefix("Serving on ")):
            client = SwiftXRTClass(user=USER)
            job = client.submit(XRTRequest(target=Target(name="constant source"), image=ImageRequest()))
            assert job.result(timeout=3 * u.min, progress=False).image[0].counts.data.sum() > 100
            assert ask("late@example.org") == 1
            assert ask("later@example.org") == 0
            users.write_text("later@example.org\n")
            assert ask("later@example.org") == 1
            client._backend.close()


def ask(user: str) -> int:
    reply = requests.post(f"{conf.service_url}/user_objects/getNumJobs.php", json={"UserID": user}, timeout=30)
    return reply.json()["OK"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--archive", "{folder}/none"], "no folder"),
        (["--port", "99999"], "port"),
        (["--user", "me"], "e-mail"),
        (["--users-file", "{folder}/none"], "cannot be read"),
        (["--job-limit", "-1"], "job_limit"),
        (["--keep-days", "0"], "positive"),
        (["--certificate", "{folder}/key.pem"], "--certificate-key"),
        (["--certificate", "{folder}/key.pem", "--certificate-key", "{folder}/key.pem"], "cannot be used"),
        (["--proxy-port", "0"], "needs a --certificate"),
    ],
)
def test_an_error_is_one_sentence(
    small_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    (tmp_path / "key.pem").write_text("no key")
    given = [argument.format(folder=tmp_path) for argument in arguments]
    assert main(["serve", "--archive", str(small_archive), "--port", "0", *given]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert text in said.err
    assert len(said.err.splitlines()) == 1


# ---------------------------------------------------------------- in place of the real service

#: Unmodified programs that have the address of the service written into them.
PROGRAM = """
import json, sys
import requests
reply = requests.post(
    "https://www.swift.ac.uk/user_objects/run_userobject.php", json=json.loads(sys.argv[1]), timeout=30
).json()
print(reply["URL"])
"""
REFERENCE_CLIENT = """
import sys
from swifttools.ukssdc.xrt_prods import listOldJobs
print(listOldJobs(sys.argv[1])[0]["Name"])
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the service's name, made as the documentation says."""
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "service.pem", folder / "service.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=www.swift.ac.uk",
    ]
    command += ["-addext", "subjectAltName=DNS:www.swift.ac.uk", "-out", str(files[0]), "-keyout", str(files[1])]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("the program openssl is not installed: no certificate can be made")
    return files


def test_stands_for_the_real_service(small_archive: Path, certificate: tuple[Path, Path]) -> None:
    pem, key = certificate
    payload = f'{{"UserID": "{USER}", "name": "constant source", "getTargs": 1, "getCoords": 1, "image": 1}}'
    tls = ("--certificate", pem, "--certificate-key", key, "--proxy-port", 0)
    with serving("--archive", small_archive, *tls, lines=2) as (first, second):
        assert first.startswith("Serving on https://127.0.0.1:")
        assert second.startswith("Standing for www.swift.ac.uk behind the proxy http://127.0.0.1:")
        proxy = second.split()[-1]
        environment = {
            key: value for key, value in os.environ.items() if not key.lower().endswith(("_proxy", "_bundle"))
        }
        environment |= {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(pem)}

        def output(program: str, argument: str) -> str:
            command = [sys.executable, "-W", "ignore", "-c", program, argument]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        assert output(PROGRAM, payload) == "https://www.swift.ac.uk/user_objects/tprods/USERPROD_1"
        if find_spec("swifttools") and find_spec("distutils"):
            assert output(REFERENCE_CLIENT, USER) == "constant source"
