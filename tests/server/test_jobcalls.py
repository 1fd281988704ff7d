"""Calls about jobs, without a network: what comes back for what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from swiftxrt.exceptions import (
    FormatError,
    JobError,
    JobLostError,
    ProductNotAvailableError,
    RequestError,
    SwiftXRTError,
)
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase, Step, StepState
from swiftxrt.server.handlers import PATHS, Service
from swiftxrt.server.limits import JobLimit
from swiftxrt.server.refusals import refusal_of, without_paths

SUBMIT = "run_userobject.php"
STATUS = "checkProductStatus.php"
CANCEL = "canceljob.php"
IMAGE = {"name": "X", "getTargs": 1, "getCoords": 1, "image": 1}


def texts(reply: dict[str, Any]) -> list[str]:
    return [item for group in reply["listErr"] for item in group["list"]]


@pytest.fixture
def job(ask, everything) -> str:
    return ask(SUBMIT, **everything)["JobID"]


# ---------------------------------------------------------------- submission


def test_accepted_submission(ask, everything) -> None:
    reply = ask(SUBMIT, **everything)
    assert {**reply, "jobPars": None} == {
        "OK": 1,
        "APIVersion": "1.12",
        "URL": "http://server/user_objects/tprods/USERPROD_1",
        "JobID": "1",
        "jobPars": None,
    }


def test_parameters_come_back_in_the_form_the_reference_client_needs(ask, everything) -> None:
    parameters = ask(SUBMIT, **everything)["jobPars"]
    assert all(value is not None and value != "" for value in parameters.values())
    for flag in ("lc", "spec", "dopsf", "doenh", "doxastrom", "image", "sourceDet"):
        assert parameters[flag] == 1
        assert type(parameters[flag]) is int
    for key, words in {
        **dict.fromkeys(("lcobs", "imobs", "detobs"), ("all", "user")),
        **dict.fromkeys(("specobs", "posobs"), ("all", "user", "hours")),
        **dict.fromkeys(("centMeth", "detMeth"), ("simple", "iterative")),
        **dict.fromkeys(("grades", "specgrades"), ("all", "0", "4")),
        **dict.fromkeys(("allowUL", "allowB"), ("no", "pc", "wt", "both")),
        "detornot": ("detect", "centroid"),
        "binMeth": ("counts", "time", "snapshot", "obsid"),
        "timeslice": ("single", "user", "snapshot", "obsid"),
        "lctimetype": ("m", "s", "mjd", "sec"),
        "detbands": ("total", "all"),
    }.items():
        assert parameters[key] in words, key
    assert float(parameters["RA"]) == 335.6985
    assert parameters["targ"] == "00012345"
    assert parameters["Tstart"] == 608713541.952
    assert isinstance(parameters.get("models", []), list)
    assert not {"getCoords", "getTargs", "getT0"} & set(parameters)
    # The reference client reacts to the keys one by one, in this order.
    order = list(parameters)
    for after, before in [
        *(("galactic", "specz"), ("galactic", "zval"), ("lcobs", "uselcobs"), ("posobs", "useposobs")),
        *(("imobs", "useimobs"), ("detobs", "usedetobs")),
    ]:
        assert order.index(after) > order.index(before), after
    assert (parameters["specz"], parameters["zval"], parameters["galactic"]) == (1, 0.347, 1)


def test_no_redshift_no_key(ask, everything) -> None:
    everything |= {"specz": 0}
    del everything["zval"]
    parameters = ask(SUBMIT, **everything)["jobPars"]
    assert "zval" not in parameters
    assert parameters["specz"] == 0


def test_values_in_every_spelling(ask) -> None:
    loose = {
        "name": "X",
        "targ": "12345",
        "RA": "150",
        "Dec": "20",
        "cent": "yes",
        "poserr": "1",
        "useSXPS": False,
        "sinceT0": 0,
        "getT0": True,
        "lc": "1",
        "binMeth": "counts",
        "pccounts": "20",
        "wtcounts": 30.0,
        "dynamic": True,
        "wtmaxGap": "1e7",
        "pcmaxGap": 1e7,
        "allowBayes": "no",
        "lctimetype": "sec",
        "rubbish": {},
    }
    parameters = ask(SUBMIT, **loose)["jobPars"]
    assert (parameters["wtmaxgap"], parameters["pcmaxgap"]) == (1e7, 1e7)
    assert (parameters["allowB"], parameters["cent"], parameters["lc"]) == ("no", 1, 1)
    assert (parameters["pccounts"], parameters["wtcounts"], parameters["targ"]) == (20, 30, "00012345")


def test_what_is_needed_and_missing_is_listed_by_name(ask) -> None:
    reply = ask(SUBMIT, lc=1, spec=1, cent=1, specz=1, binMeth="counts", RA=1.0)
    assert (reply["OK"], reply["ERROR"]) == (0, "There were problems with the parameters you supplied.")
    groups = {group["label"]: group["list"] for group in reply["listErr"]}
    missing = groups["The following parameters are needed, but were not supplied:"]
    assert set(missing) == {"name", "targ", "Dec", "poserr", "pccounts", "wtcounts", "zval"}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"image": 1, "lc": 0, "cent": None}, set()),
        ({"lc": 1, "binMeth": "time", "pcbin": 100, "wtbin": 10}, set()),
        ({"lc": 1, "binMeth": None}, {"binMeth"}),
        ({"lc": 1, "cent": None, "binMeth": "obsid"}, {"cent"}),
        ({"spec": 1}, {"specz"}),
        ({"sourceDet": 1, "detobs": "all", "getCoords": 0}, set()),
        ({"dopsf": 1, "getCoords": 0}, {"RA", "Dec"}),
        ({"image": 1, "getTargs": 0}, {"targ"}),
    ],
)
def test_what_is_needed_depends_on_the_products(ask, change, missing) -> None:
    reply = ask(SUBMIT, **{"name": "X", "getTargs": 1, "getCoords": 1, "cent": 0, **change})
    assert set(texts(reply) if reply["OK"] == 0 else ()) == missing


def test_values_that_cannot_be_are_listed_in_the_services_words(ask, everything) -> None:
    reply = ask(SUBMIT, **everything | {"binMeth": "weeks", "RA": 400, "minen": 20})
    assert reply["OK"] == 0
    (group,) = reply["listErr"]
    assert group["label"] == "The following parameters have invalid values:"
    assert {item.split()[0] for item in group["list"]} >= {"binMeth", "RA", "minen"}


def test_unknown_target_is_refused_without_telling_where_it_was_looked_for(ask) -> None:
    reply = ask(SUBMIT, **IMAGE | {"name": "nowhere"})
    assert reply["OK"] == 0
    assert "no observation of it" in reply["ERROR"]
    assert "sw01.evt.gz" in reply["ERROR"]
    assert "srv" not in reply["ERROR"]


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize("path", list(PATHS))
@pytest.mark.parametrize("user", ["NO-ONE", "stranger@example.org", None, 5, "a" * 1000])
def test_unregistered_user(service: Service, path: str, user: object) -> None:
    reply = service.answer(path, {"UserID": user, "JobID": 1}, "http://server")
    assert (reply["OK"], reply["APIVersion"]) == (0, "1.12")
    assert reply["ERROR"].startswith("The user `")
    assert reply["ERROR"].endswith("` is not recognised / validated")
    assert len(reply["ERROR"]) < 200


@pytest.mark.parametrize("path", [path for path in PATHS if path not in (SUBMIT, "listOldJobs.php", "getNumJobs.php")])
def test_jobs_of_others_are_as_if_they_were_not_there(service: Service, job: str, path: str) -> None:
    for user, job_id in (("other@example.org", job), ("user@example.org", "4711"), ("user@example.org", "None")):
        payload = {"UserID": user, "JobID": job_id, "oldJob": job_id, "what": "lc"}
        reply = service.answer(path, payload, "http://server")
        assert (reply["OK"], reply["ERROR"]) == (0, f"Job {job_id} is not owned by user {user}")


@pytest.mark.parametrize("job_id", [1, "1"])
@pytest.mark.parametrize("user", ["USER@example.org", "user@example.org "])
def test_identifiers_and_addresses_in_every_spelling(service: Service, job: str, job_id: object, user: str) -> None:
    reply = service.answer(STATUS, {"UserID": user, "JobID": job_id, "what": "image"}, "http://server")
    assert reply["OK"] == 1


# ---------------------------------------------------------------- status


def test_status_of_every_phase(ask, backend, job: str) -> None:
    steps = (
        Step("Prepare data.", StepState.DONE),
        Step("Build spectra.", StepState.ACTIVE, "1/3", (Step("Extract data."), Step("Fit spectrum."))),
    )
    backend.set_status(job, Kind.LIGHT_CURVE, phase=Phase.PENDING)
    backend.set_status(job, Kind.SPECTRUM, phase=Phase.EXECUTING, steps=steps, running_s=3723.9)
    backend.end(job, Kind.STANDARD_POSITION)
    backend.end(job, Kind.ENHANCED_POSITION, error="FileNotFoundError: '/srv/my secret place/x'")
    backend.set_status(job, Kind.ASTROMETRIC_POSITION, phase=Phase.SUSPENDED)
    backend.set_status(job, Kind.IMAGE, phase=Phase.ABORTED)
    what = "lc,spec,psf,enh,xastrom,image,sourceDet"
    reply = ask(STATUS, JobID=job, what=what, whatProg=what)
    assert reply.pop("JobID") == 1
    assert (reply.pop("OK"), reply.pop("APIVersion")) == (1, "1.12")
    codes = {code: (one["statusCode"], one["progress"]["GotProgress"]) for code, one in reply.items()}
    assert codes == {
        "lc": (1, 0),
        "spec": (3, 1),
        "psf": (4, 0),
        "enh": (-3, 0),
        "xastrom": (5, 0),
        "image": (-4, 0),
        "sourceDet": (2, 0),
    }
    assert {code: reply[code]["statusText"] for code in ("spec", "psf", "image")} == {
        "spec": "Running",
        "psf": "Complete",
        "image": "Cancelled at your request",
    }
    assert "secret" not in reply["enh"]["statusText"]
    assert reply["spec"]["progress"] == {
        "GotProgress": 1,
        "ProgressSteps": [
            {"StepLabel": "Prepare data.", "StepStatus": 2},
            {
                "StepLabel": "Build spectra.",
                "StepStatus": 1,
                "StepExtra": "1/3",
                "SubStep": [
                    {"StepLabel": "Extract data.", "StepStatus": 0},
                    {"StepLabel": "Fit spectrum.", "StepStatus": 0},
                ],
            },
        ],
        "TimeRunning": "01:02:03",
    }


def test_status_of_what_is_not_in_the_job_is_null(ask) -> None:
    job = ask(SUBMIT, **IMAGE)["JobID"]
    reply = ask(STATUS, JobID=job, what="image, lc,nonsense,")
    for code in ("lc", "nonsense"):
        assert reply[code] == {"statusCode": None, "statusText": "Unknown status", "progress": {"GotProgress": 0}}
    assert reply["image"]["statusCode"] == 2


@pytest.mark.parametrize("path", [STATUS, CANCEL])
@pytest.mark.parametrize("what", [None, "", " , ", ",".join(map(str, range(100))), "OK", "lc,JobID", "ERROR"])
def test_lists_of_products_that_are_none(ask, job: str, path: str, what: str | None) -> None:
    reply = ask(path, JobID=job, what=what)
    assert (reply["OK"], reply["APIVersion"]) == (0, "1.12")
    assert texts(reply)[0].split()[0] == "what"


# ---------------------------------------------------------------- cancellation


def test_cancellation_codes(ask, backend, everything) -> None:
    del everything["sourceDet"], everything["image"]
    job = ask(SUBMIT, **everything)["JobID"]
    backend.end(job, Kind.SPECTRUM)
    reply = ask(CANCEL, JobID=job, what="lc,spec,image,nonsense")
    assert (reply["OK"], reply["JobID"]) == (2, 1)
    assert reply["statusCodes"] == {"lc": 0, "spec": 1, "image": 2, "nonsense": 4}
    assert reply["status"]["lc"] == "Job cancelled OK"
    assert reply["status"]["spec"] == "Job could not be cancelled - has it already finished?"
    assert set(reply["status"]) == set(reply["statusCodes"])
    again = ask(CANCEL, JobID=job, what="lc")
    assert (again["OK"], again["statusCodes"]) == (2, {"lc": 1})
    assert ask(CANCEL, JobID=job, what="psf,enh")["OK"] == 1
    assert backend.jobs[job].products[Kind.SPECTRUM].phase is Phase.COMPLETED


# ---------------------------------------------------------------- history


def test_list_of_jobs_newest_first(ask, backend, everything) -> None:
    ask(SUBMIT, **everything)
    ask(SUBMIT, **IMAGE)
    backend.end("1", Kind.IMAGE)
    assert ask("listOldJobs.php")["jobs"] == [
        {
            "JobID": 2,
            "Name": "X",
            "DateSubmitted": "2026-01-02 03:05:05",
            **dict.fromkeys(("LightCurve", "Spectrum", "StandardPos", "EnhancedPos", "AstromPos"), False),
            "Image": True,
            "SourceDet": False,
            "hasProd": False,
        },
        {
            "JobID": 1,
            "Name": "GRB 200416A",
            "DateSubmitted": "2026-01-02 03:04:05",
            **dict.fromkeys(("LightCurve", "Spectrum", "StandardPos", "EnhancedPos", "AstromPos"), True),
            "Image": True,
            "SourceDet": True,
            "hasProd": True,
        },
    ]
    assert ask("getNumJobs.php") == {"OK": 1, "APIVersion": "1.12", "numJobs": 2}
    backend.end("2", Kind.IMAGE, error="no")
    assert ask("getNumJobs.php")["numJobs"] == 1
    assert ask("listOldJobs.php", UserID="other@example.org")["jobs"] == []


@pytest.mark.parametrize("key", ["oldJob", "JobID"])
def test_old_job_is_the_job_as_it_was_accepted(ask, everything, key: str) -> None:
    accepted = ask(SUBMIT, **everything)
    reply = ask("getOldProduct.php", **{key: 1})
    assert reply == {
        "OK": 1,
        "APIVersion": "1.12",
        "oldJob": 1,
        "URL": accepted["URL"],
        "jobPars": accepted["jobPars"],
    }
    assert list(reply["jobPars"]) == list(accepted["jobPars"])


# ---------------------------------------------------------------- limits


def test_no_more_jobs_under_way_than_allowed(ask, backend) -> None:
    ids = [ask(SUBMIT, **IMAGE)["JobID"] for _ in range(3)]
    refused = ask(SUBMIT, **IMAGE)
    assert refused["OK"] == 0
    assert refused["ERROR"] == (
        "You have 3 jobs that have not ended, and this server allows 3 at a time. "
        "Wait until some of them have ended, or cancel some, and submit this one again."
    )
    assert ask(SUBMIT, UserID="other@example.org", **IMAGE)["OK"] == 1
    ask(CANCEL, JobID=ids[0], what="image")
    assert ask(SUBMIT, **IMAGE)["OK"] == 1
    assert ask(SUBMIT, **IMAGE)["OK"] == 0
    assert len(backend.jobs) == 5


def test_limit_of_jobs_is_checked() -> None:
    with pytest.raises(RequestError, match="job_limit"):
        JobLimit(0)
    assert JobLimit().most == 20


def test_without_limit(service: Service, ask) -> None:
    service.job_limit = JobLimit(None)
    assert {ask(SUBMIT, **IMAGE)["OK"] for _ in range(30)} == {1}


# ---------------------------------------------------------------- errors


def _classes(parent: type) -> set[type]:
    return {parent}.union(*(_classes(child) for child in parent.__subclasses__()))


def _made(cls: type[SwiftXRTError]) -> SwiftXRTError:
    """An error of a class whose text tells about folders."""
    text = "something is wrong in '/data/my archive/x' and /data/state/jobs.sqlite"
    return cls("image", text) if cls is ProductNotAvailableError else cls(text)


#: Every kind of error there is; a lost job is answered like somebody else's.
FAULTS = [
    *(
        _made(cls)
        for cls in sorted(_classes(SwiftXRTError) - {JobLostError}, key=str)
        if cls.__module__ == "swiftxrt.exceptions"
    ),
    RequestError([("target.name", "is bad"), ("target.position", "is needed: the position")]),
    FormatError("is damaged", "/data/archive/x.fits"),
    PermissionError(13, "Permission denied", "/data/state/jobs"),
    OSError(28, "No space left on device", "/data/state/jobs"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_every_error_is_an_answer_that_tells_nothing_about_the_machine(ask, backend, fault, caplog) -> None:
    job = ask(SUBMIT, **IMAGE)["JobID"]
    backend.fault = fault
    for path, payload in ((SUBMIT, IMAGE), (STATUS, {"what": "image"}), ("tprods/getLCData.php", {})):
        reply = ask(path, JobID=job, **payload)
        assert (reply["OK"], reply["APIVersion"]) == (0, "1.12")
        assert reply["ERROR"]
        assert "data" not in str(reply).replace("There were problems", "")
        assert "Traceback" not in str(reply)


def test_faults_of_the_server_are_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    reply = refusal_of(JobError("/data/state/jobs.sqlite cannot be read"), "x.php")
    assert "fault of its own" in reply["ERROR"]
    assert "/data/state/jobs.sqlite cannot be read" in caplog.text


def test_faults_of_the_program_are_not_hidden(ask, backend) -> None:
    backend.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        ask(SUBMIT, **IMAGE)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("no file below /srv/xrt/archive; look", "no file below (a folder of the server); look"),
        ("/a/b/sw00.evt.gz: is damaged", "sw00.evt.gz: is damaged"),
        ("[Errno 2] No such file: '/srv/x y/z'", "[Errno 2] No such file: (a folder of the server)"),
        (r"cannot read C:\Users\me\x.fits today", "cannot read x.fits today"),
        ("rate 3 ct/s in PC/WT, 2020/01/02, see https://www.swift.ac.uk/user_objects/x", None),
        ("<obsid>/xrt/event/sw<obsid>x[pc|wt]w?po_cl.evt[.gz]", None),
        ("interval0/PC/model and / or n/a", None),
    ],
)
def test_paths_are_taken_out_of_texts_and_nothing_else(text: str, clean: str | None) -> None:
    assert without_paths(text) == (text if clean is None else clean)
