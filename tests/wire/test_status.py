"""Status and cancellation replies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swiftxrt.exceptions import ProtocolError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobReport, Phase, ProductStatus, Step, StepState
from swiftxrt.wire import status


@pytest.fixture
def exchange(validation_data: Path):
    """Recorded replies of the service, by name."""

    def load(name: str) -> dict:
        path = validation_data.parent / "golden" / "product_requests" / f"{name}.json"
        if not path.is_file():
            pytest.skip("the recorded replies do not lie beside the validation data")
        return json.loads(path.read_text())["reply"]["json"]

    return load


def test_recorded_progress(exchange) -> None:
    kinds = [Kind.from_code(code) for code in ("lc", "spec", "psf", "enh", "xastrom", "image")]
    report = status.decode_status(exchange("exchange_10_status_progress"), "951", kinds)
    assert report.phase is Phase.EXECUTING
    assert report.products[Kind.STANDARD_POSITION].phase is Phase.COMPLETED
    spectrum = report.products[Kind.SPECTRUM]
    assert [step.state for step in spectrum.steps] == [StepState.DONE, StepState.ACTIVE]
    assert spectrum.steps[1].note == "Working on spectrum: Obs_00081637001 (14/156)"
    assert [step.label for step in spectrum.steps[1].steps] == ["Extract data.", "Fit spectrum."]
    assert spectrum.running_s == 20 * 60 + 40
    assert report.products[Kind.ENHANCED_POSITION].preface == "Trying using the v,b,white filters:"


def test_recorded_end(exchange) -> None:
    reply = exchange("exchange_11_status_all_done")
    kinds = [kind for kind in Kind if kind.code in reply]
    report = status.decode_status(reply, "951", kinds)
    assert report.phase is Phase.COMPLETED
    assert {one.phase for one in report.products.values()} == {Phase.COMPLETED, Phase.ABORTED}


def test_recorded_null_status_is_unknown(exchange) -> None:
    reply = exchange("exchange_12_status_unknown_product")
    kinds = [kind for kind in Kind if kind.code in reply]
    report = status.decode_status(reply, "951", kinds)
    assert Phase.UNKNOWN in {one.phase for one in report.products.values()}


def test_encode_decode_gives_the_same_report() -> None:
    steps = (Step("Prepare", StepState.DONE), Step("Bin", StepState.ACTIVE, "PC", (Step("Inner"),)), Step("Write"))
    report = JobReport(
        "7",
        {
            Kind.LIGHT_CURVE: ProductStatus(Phase.EXECUTING, "", steps, 83.0, "With two modes:"),
            Kind.SPECTRUM: ProductStatus(Phase.QUEUED),
            Kind.ASTROMETRIC_POSITION: ProductStatus(Phase.SUSPENDED),
            Kind.STANDARD_POSITION: ProductStatus(Phase.COMPLETED),
            Kind.ENHANCED_POSITION: ProductStatus(Phase.ERROR, "no UVOT data"),
            Kind.IMAGE: ProductStatus(Phase.ABORTED),
        },
    )
    reply = json.loads(json.dumps(status.encode_status(report, report.products)))
    assert status.decode_status(reply, "7", report.products) == report
    assert reply["lc"]["progress"]["TimeRunning"] == "00:01:23"
    assert [reply[kind.code]["statusCode"] for kind in report.products] == [3, 2, 5, 4, -3, -4]
    assert all("GotProgress" in reply[kind.code]["progress"] for kind in report.products)


@pytest.mark.parametrize("steps", [5, "abc", {"a": 1}, [7], [{"StepStatus": float("inf"), "SubStep": 3}]])
def test_strange_progress_is_never_an_error(steps: object) -> None:
    reply = {"lc": {"statusCode": 3, "progress": {"GotProgress": 1, "ProgressSteps": steps, "TimeRunning": "x"}}}
    status_ = status.decode_status(reply, "1", [Kind.LIGHT_CURVE]).products[Kind.LIGHT_CURVE]
    assert status_.phase is Phase.EXECUTING
    assert status_.running_s is None


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        (-4, Phase.ABORTED),
        (-3, Phase.ERROR),
        (-2, Phase.ERROR),
        (-1, Phase.ERROR),
        (1, Phase.PENDING),
        (2, Phase.QUEUED),
        (3, Phase.EXECUTING),
        (4, Phase.COMPLETED),
        (5, Phase.SUSPENDED),
    ],
)
def test_codes_of_the_service(code: int, phase: Phase) -> None:
    assert status.decode_phase(code, "")[0] is phase


@pytest.mark.parametrize("code", [None, "x", 99, [1], float("inf")])
def test_strange_codes_are_unknown(code: object) -> None:
    reply = {"lc": {"statusCode": code, "statusText": "?", "progress": None}}
    unknown = status.decode_status(reply, "1", [Kind.LIGHT_CURVE]).products[Kind.LIGHT_CURVE]
    assert unknown.phase is Phase.UNKNOWN
    assert "?" in unknown.text
    assert str(code).strip("[]") in unknown.text or "no state" in unknown.text


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("Trying the <em>v,b</em> filters:", "Trying the v,b filters:"),
        ("one<br/>two<BR>three", "one two three"),
        ('<a href="x">link</a> &lt; 5 &amp; more', "link < 5 & more"),
        ("a < b > c, <obsid>/xrt", "a < b > c, <obsid>/xrt"),
        ("<div class='x'><p>text</p></div>", "text"),
        (None, ""),
        (17, "17"),
    ],
)
def test_texts_lose_their_html_and_nothing_else(html: object, plain: str) -> None:
    progress = {"GotProgress": 1, "PreProgress": html, "ProgressSteps": [{"StepLabel": html, "StepExtra": html}]}
    reply = {"lc": {"statusCode": 3, "statusText": html, "progress": progress}}
    found = status.decode_status(reply, "1", [Kind.LIGHT_CURVE]).products[Kind.LIGHT_CURVE]
    assert (found.text, found.preface, found.steps) == (plain, plain, (Step(plain, StepState.WAITING, plain),))


def test_code_as_text_is_read() -> None:
    reply = {"lc": {"statusCode": "4", "statusText": "Complete", "progress": {"GotProgress": 0}}}
    assert status.decode_status(reply, "1", [Kind.LIGHT_CURVE]).phase is Phase.COMPLETED


def test_missing_product_leaves_the_others_alone() -> None:
    reply = {"lc": {"statusCode": 4}}
    report = status.decode_status(reply, "1", [Kind.LIGHT_CURVE, Kind.IMAGE])
    assert report.products[Kind.LIGHT_CURVE].phase is Phase.COMPLETED
    assert report.products[Kind.IMAGE].phase is Phase.UNKNOWN
    assert report.phase is Phase.UNKNOWN


def test_status_that_is_no_object() -> None:
    with pytest.raises(ProtocolError, match="light curve"):
        status.decode_status({"lc": "Running"}, "1", [Kind.LIGHT_CURVE])


def test_recorded_cancellation(exchange) -> None:
    outcome = status.decode_cancel(exchange("exchange_20_cancel_ok"), [Kind.LIGHT_CURVE])
    assert outcome == {Kind.LIGHT_CURVE: status.CancelCode.CANCELLED}


def test_cancel_round_trip() -> None:
    outcome = {"lc": status.CancelCode.CANCELLED, "spec": status.CancelCode.FINISHED}
    content, code = status.encode_cancel("5", outcome)
    assert code == 2
    assert status.encode_cancel("5", {"lc": status.CancelCode.CANCELLED})[1] == 1
    assert status.decode_cancel(content, [Kind.SPECTRUM, Kind.LIGHT_CURVE, Kind.IMAGE]) == {
        Kind.LIGHT_CURVE: status.CancelCode.CANCELLED,
        Kind.SPECTRUM: status.CancelCode.FINISHED,
        Kind.IMAGE: status.CancelCode.UNKNOWN,
    }
    with pytest.raises(ProtocolError):
        status.decode_cancel({"status": {}}, [Kind.IMAGE])


@pytest.mark.parametrize("code", ["x", None, 17, float("inf"), [0]])
def test_strange_codes_of_a_cancellation(code: object) -> None:
    outcome = status.decode_cancel({"statusCodes": {"lc": code}}, [Kind.LIGHT_CURVE])
    assert outcome == {Kind.LIGHT_CURVE: status.CancelCode.UNKNOWN}


def test_codes_of_a_cancellation() -> None:
    codes = {
        0: status.CancelCode.CANCELLED,
        1: status.CancelCode.FINISHED,
        2: status.CancelCode.NOT_IN_JOB,
        3: status.CancelCode.REFUSED,
        4: status.CancelCode.UNKNOWN,
    }
    for code, meaning in codes.items():
        assert status.decode_cancel({"statusCodes": {"lc": code}}, [Kind.LIGHT_CURVE]) == {Kind.LIGHT_CURVE: meaning}


def test_lists_of_products() -> None:
    assert status.what([Kind.LIGHT_CURVE, Kind.STANDARD_POSITION]) == "lc,psf"
    assert status.kinds_of("lc, psf,nonsense") == ([Kind.LIGHT_CURVE, Kind.STANDARD_POSITION], ["nonsense"])
    assert status.kinds_of(None) == ([], [])
