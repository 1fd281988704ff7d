"""What a report shows."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobReport, Phase, ProductStatus, Step, StepState

STEPS = (
    Step("Prepare data", StepState.DONE),
    Step("Build <spectra>", StepState.ACTIVE, "14 of 156", (Step("Extract", StepState.DONE), Step("Fit"))),
    Step("Write"),
)
REPORT = JobReport(
    "951",
    {
        Kind.SPECTRUM: ProductStatus(Phase.EXECUTING, "", STEPS, 3683.9, "Two modes & all grades:"),
        Kind.STANDARD_POSITION: ProductStatus(Phase.COMPLETED),
        Kind.ENHANCED_POSITION: ProductStatus(Phase.ERROR, "no UVOT data"),
        Kind.IMAGE: ProductStatus(Phase.ABORTED),
    },
)


def test_text_is_a_tree() -> None:
    assert str(REPORT).splitlines() == [
        "job 951: EXECUTING, 2 of 4 products failed or cancelled",
        "  spectrum: EXECUTING for 1:01:23",
        "    Two modes & all grades:",
        "    [x] Prepare data",
        "    [>] Build <spectra> (14 of 156)",
        "      [x] Extract",
        "      [ ] Fit",
        "    [ ] Write",
        "  standard position: COMPLETED",
        "  enhanced position: ERROR: no UVOT data",
        "  image: ABORTED",
    ]
    assert str(STEPS[1]).splitlines() == ["[>] Build <spectra> (14 of 156)", "  [x] Extract", "  [ ] Fit"]
    assert str(REPORT.products[Kind.SPECTRUM]).splitlines()[:3] == [
        "EXECUTING for 1:01:23",
        "  Two modes & all grades:",
        "  [x] Prepare data",
    ]


class Words(HTMLParser):
    """The texts of a piece of HTML, which must be well formed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)
        self.depth = max(self.depth, self.open.count("ul"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_notebooks_show_the_same() -> None:
    parser = Words()
    parser.feed(REPORT._repr_html_())
    parser.close()
    assert parser.open == []
    assert parser.depth == 3
    for line in str(REPORT).splitlines():
        assert line.strip() in parser.words


def test_complete_is_not_failed() -> None:
    report = JobReport("1", {Kind.SPECTRUM: ProductStatus(Phase.COMPLETED), Kind.IMAGE: ProductStatus(Phase.ERROR)})
    assert (report.phase, report.is_final) == (Phase.COMPLETED, True)
    assert report.completed == (Kind.SPECTRUM,)
    assert report.failed == (Kind.IMAGE,)
    assert "1 of 2 products failed" in str(report)
    assert not REPORT.is_final


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (ProductStatus(Phase.COMPLETED), "COMPLETED: could not be cancelled: too late"),
        (ProductStatus(Phase.ERROR, "no data"), "ERROR: no data; could not be cancelled: too late"),
        (ProductStatus(Phase.ABORTED, "by me"), "ABORTED: by me; is cancelled already"),
    ],
)
def test_remark_on_what_could_not_be_cancelled(status: ProductStatus, line: str) -> None:
    report = JobReport("1", {Kind.IMAGE: status, Kind.SPECTRUM: status})
    after = report.not_cancelled({Kind.IMAGE: "too late", Kind.SPECTRUM: ""})
    assert after.products[Kind.IMAGE].text == status.text
    assert f"image: {line}" in str(after.not_cancelled({Kind.IMAGE: "too late"}))
    assert after.products[Kind.SPECTRUM] == status
    assert after.time == report.time


def test_job_of_which_only_its_acceptance_is_known() -> None:
    report = JobReport.accepted("7", [Kind.SPECTRUM, Kind.IMAGE])
    assert (report.phase, report.is_final, report.fraction) == (Phase.PENDING, False, 0.0)
    assert list(report.products) == [Kind.SPECTRUM, Kind.IMAGE]


def test_progress_never_goes_back() -> None:
    def at(*states: StepState) -> JobReport:
        steps = tuple(Step(str(number), state) for number, state in enumerate(states))
        return JobReport("1", {Kind.SPECTRUM: ProductStatus(Phase.EXECUTING, "", steps)})

    first = at(StepState.DONE, StepState.ACTIVE).after(None)
    again = at(StepState.ACTIVE, StepState.WAITING).after(first)
    assert (first.fraction, again.fraction) == (0.75, 0.75)
    assert again == at(StepState.ACTIVE, StepState.WAITING)
    assert at(StepState.DONE, StepState.DONE).after(again).fraction == 1.0
    assert JobReport("1", {}).after(again).fraction == 0.75


@pytest.mark.parametrize("later", [Phase.UNKNOWN, Phase.PENDING, Phase.EXECUTING])
def test_what_has_ended_stays_so(later: Phase) -> None:
    ended = JobReport("1", {Kind.SPECTRUM: ProductStatus(Phase.ERROR, "no data"), Kind.IMAGE: ProductStatus(later)})
    again = JobReport("1", dict.fromkeys(ended.products, ProductStatus(later, "again", remark="too late")))
    known = again.after(ended).products
    assert known[Kind.SPECTRUM] == ProductStatus(Phase.ERROR, "no data", remark="too late")
    assert known[Kind.IMAGE] == ProductStatus(later, "again", remark="too late")
    complete = JobReport("1", dict.fromkeys(ended.products, ProductStatus(Phase.COMPLETED)))
    assert complete.after(ended) == complete


def test_report_of_nothing() -> None:
    empty = JobReport("1", {})
    assert (empty.phase, empty.fraction, str(empty)) == (Phase.UNKNOWN, 0.0, "job 1: UNKNOWN")
    assert "<ul></ul>" in empty._repr_html_()
