"""Parameters of jobs as the service reports them, read back as requests."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import RequestError
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, TimeBinning
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.selection import AllData, FirstHours
from swiftxrt.request.spectrum import ObsidSlices, SingleSlice, SpectrumRequest, TimeSlice, TimeSlices
from swiftxrt.request.target import Target
from swiftxrt.wire.jobpars import completed_request, job_parameters, resolved_target

DATA = Path(__file__).parents[1] / "data"
EXCHANGES = json.loads((DATA / "golden_exchanges.json").read_text(encoding="utf-8"))["exchanges"]
GOLDEN = json.loads((DATA / "golden_requests.json").read_text(encoding="utf-8"))
USER = "YOUR_EMAIL_ADDRESS"
BURST = Target(
    "GRB 200416A",
    position=SkyCoord(335.6985, -7.5179, unit="deg"),
    target_ids="00966554",
    t0=608713541.952 * u.s,
)
ALL_SEVEN = ["lc", "spec", "psf", "enh", "xastrom", "image", "sourceDet"]


def codes(request):
    return [kind.code for kind in request.kinds]


def reported(tree):
    """All parameters of jobs in a JSON value."""
    if isinstance(tree, dict) and isinstance(tree.get("jobPars"), dict):
        yield tree["jobPars"]
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from reported(item)


EXCHANGED = {name: found for name, exchange in EXCHANGES.items() if (found := list(reported(exchange)))}


def test_exchanges_with_parameters_of_jobs_are_known():
    assert set(EXCHANGED) == {"exchange_01_submit_ok", "exchange_70_old_job"}


@pytest.mark.parametrize("name", EXCHANGED)
def test_parameters_in_an_exchange_are_read(name):
    (parameters,) = EXCHANGED[name]
    request = XRTRequest.from_wire(parameters)
    assert codes(request) == ALL_SEVEN
    assert request.target == BURST
    assert request.light_curve == LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), data=AllData())
    assert (request.spectrum.data, request.spectrum.slices) == (FirstHours(12 * u.h), SingleSlice())
    assert request.position.search_radius == 20 * u.arcsec
    assert (request.extraction.centroid_attempts, request.extraction.super_soft) == (10, False)
    assert dict(request.unrecognized) == {"whatSXPS": "LSXPS"}


@pytest.mark.parametrize("name", EXCHANGED)
def test_a_request_made_from_an_exchange_can_be_sent_again(name):
    request = XRTRequest.from_wire(EXCHANGED[name][0])
    assert XRTRequest.from_wire(request.to_wire(user=USER)) == request


def test_a_reply_completes_what_was_sent():
    exchange = EXCHANGES["exchange_01_submit_ok"]
    sent, told = exchange["request"]["json"], exchange["reply"]["json"]["jobPars"]
    request = completed_request(told, sent)
    assert codes(request) == ALL_SEVEN
    assert request.target == resolved_target(told, sent) == BURST
    # What the reply does not say stays as it was sent.
    bare = {key: value for key, value in told.items() if key not in ("pccounts", "binMeth", "name")}
    assert completed_request(bare, sent) == request
    silent = told | {"pccounts": None, "binMeth": "", "name": " "}
    assert completed_request(silent, sent) == request


@pytest.mark.parametrize(
    ("told", "field", "expected", "kept"),
    [
        ({"useSXPS": "2SXPS"}, "extraction.use_sxps", False, {"useSXPS": "2SXPS"}),
        ({"lcobs": 0}, "light_curve.data", None, {"lcobs": 0}),
        ({"centMeth": "3"}, "extraction.centroid_method", None, {"centMeth": "3"}),
        ({"targ": "{00966554,00966555}"}, "target.target_ids", ("00966554", "00966555"), {}),
        ({"minsnr": None, "ratefact": ""}, "light_curve.binning.rate_factor", None, {}),
        ({"minen": "0.5", "maxen": "8"}, "light_curve.band", LightCurveRequest(
            binning=TimeBinning(), band="0.5-8 keV").band, {}),
        ({"outdir": "USERPROD_14", "new": {"a": [1]}}, "target.name", "GRB 200416A",
         {"outdir": "USERPROD_14", "new": {"a": [1]}}),
        ({"outdir": None, "do3col": ""}, "target.name", "GRB 200416A", {}),
    ],
)  # fmt: skip
def test_odd_values_in_parameters_of_jobs(told, field, expected, kept):
    request = XRTRequest.from_wire(EXCHANGED["exchange_01_submit_ok"][0] | told)
    value = request
    for name in field.split("."):
        value = getattr(value, name)
    assert value == expected
    assert dict(request.unrecognized) == {"whatSXPS": "LSXPS"} | kept
    assert request.replace(notify=True).unrecognized == request.unrecognized
    assert not set(request.to_wire(user=USER)) & {"whatSXPS", "outdir", "new"}


def test_codes_of_the_service_do_not_hide_what_was_sent():
    sent = {"name": "X", "cent": 1, "poserr": 1, "centMeth": "iterative", "useSXPS": 1, "lc": 1, "binMeth": "obsid"}
    told = sent | {"centMeth": "3", "useSXPS": "2SXPS", "lcobs": 0}
    request = completed_request(told, sent | {"lcobs": "all"})
    assert request.extraction.centroid_method == "iterative"
    assert request.extraction.use_sxps is True
    assert request.light_curve.data == AllData()


@pytest.mark.parametrize("name", GOLDEN["requests"])
def test_what_our_service_reports_is_the_request_with_its_defaults(name):
    request = XRTRequest.from_wire(GOLDEN["requests"][name])
    if request.target.resolve_t0:  # A job is reported when its target is known.
        request = request.replace(target=request.target.replace(resolve_t0=False, t0=608713541.952 * u.s))
    told = json.loads(json.dumps(job_parameters(request, USER)))
    assert XRTRequest.from_wire(told) == request.with_defaults()
    assert completed_request(told, request.to_wire(user=USER)) == request.with_defaults()
    assert not {"getCoords", "getTargs", "getT0", "SinceT0"} & set(told)
    assert told["sinceT0"] == int(request.times_since_t0 or 0)
    as_texts = {key: value if isinstance(value, list) else str(value) for key, value in told.items()}
    assert XRTRequest.from_wire(as_texts) == request.with_defaults()


# What is quoted in the documentation of the service (2020); the files are not part of the package.


@pytest.fixture(scope="module")
def documented(validation_data):
    """The JSON blocks of the documentation by name; those with comments without them."""
    folder = validation_data / "protocol_json"
    if not folder.is_dir():
        pytest.skip("the JSON blocks of the service's documentation are not among the validation data")
    return {
        path.name.removesuffix(".json").removesuffix(".stripped"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def test_documented_parameters_of_a_job_are_read(documented):
    found = {name: pars for name, block in documented.items() for pars in reported(block)}
    assert set(found) == {"ReturnExamples_00", "tutorial_02"}
    request = XRTRequest.from_wire(found["ReturnExamples_00"])
    assert codes(request) == ["spec"]
    assert request.target.name == "GK Per"
    assert (request.target.position.ra.deg, request.target.position.dec.deg) == (52.8, 43.9043)
    assert len(request.target.target_ids) == 25
    assert request.target.t0_met == 124048802.40058
    assert request.target.resolve_t0 is False
    assert request.extraction.centroid_tolerance == 60 * u.arcmin
    assert request.extraction.centroid_attempts == 10
    assert dict(request.unrecognized) == {
        "centMeth": "3",
        "timeslice": 1,
        "specobs": 1,
        "whatSXPS": "2SXPS",
        "useSXPS": "2SXPS",
        "do3col": 0,
        "enh": 0,
        "outdir": "USERPROD_14",
    }
    assert XRTRequest.from_wire(request.to_wire(user=USER)) == request


def test_left_out_parameters_of_a_job_stand_for_what_was_sent(documented):
    """The tutorial prints none at all."""
    (told,) = reported(documented["tutorial_02"])
    assert told == {}
    with pytest.raises(RequestError, match="no product"):
        XRTRequest.from_wire(told)
    assert completed_request(told, documented["tutorial_00"]) == XRTRequest.from_wire(documented["tutorial_00"])


def test_documented_requests_are_read(documented):
    curve = XRTRequest.from_wire(documented["JobRequestExamples2_01"])
    assert codes(curve) == ["lc"]
    assert curve.target == BURST.replace(t0=608713541 * u.s)
    assert curve.light_curve == LightCurveRequest(
        binning=CountsBinning(pc_counts=20, wt_counts=30, wt_bin=0.5 * u.s, pc_bin=2.51 * u.s), time_format="s"
    )
    spectrum = XRTRequest.from_wire(documented["JobRequestExamples2_02"])
    assert spectrum.target == Target("FO Aqr", resolve_t0=True)
    assert spectrum.spectrum == SpectrumRequest(slices=SingleSlice(), data=AllData(), grades="all")
    tutorial = XRTRequest.from_wire(documented["tutorial_00"])
    assert codes(tutorial) == ["lc", "spec", "psf", "enh", "xastrom", "image"]
    assert tutorial.spectrum == SpectrumRequest(slices=ObsidSlices(), data=AllData())
    assert tutorial.position == PositionRequest("standard", "enhanced", "astrometric", data=AllData())
    assert [str(band) for band in tutorial.image.bands] == ["0.3-10 keV", "1-4 keV"]
    for request in (curve, spectrum, tutorial):
        assert not request.unrecognized
        assert XRTRequest.from_wire(request.to_wire(user=USER)) == request


def test_documented_pieces_of_a_request_are_read_together(documented):
    """The documentation explains the keys in pieces: globals, light curve, binning, spectrum, positions."""
    pieces = {number: documented[f"JobRequestExamples1_{number:02d}"] for number in (0, 2, 3, 4, 5, 6, 7, 8)}
    with pytest.raises(RequestError, match="no product"):
        XRTRequest.from_wire(pieces[0])
    whole = {key: value for number in (0, 2, 4, 7, 8) for key, value in pieces[number].items()}
    request = XRTRequest.from_wire(whole)
    assert codes(request) == ["lc", "spec", "psf", "enh", "xastrom"]
    assert request.target == BURST.replace(target_ids=None, t0=None)
    assert request.light_curve.bayesian == "both"  # printed as allowBayes
    assert request.light_curve.binning.wt_max_gap == 1e8 * u.s
    assert request.light_curve.binning.min_snr == 1.5
    early = TimeSlice(label="Early", intervals=(608713541 * u.s, 608714541 * u.s))
    assert request.spectrum == SpectrumRequest(redshift=0.123, data=AllData(), grades="all", slices=TimeSlices(early))
    assert request.position.data == FirstHours(12 * u.h)
    assert request.position.astrometric_all_data is True
    assert dict(request.unrecognized) == {"centMeth": 2, "detornot": 1, "detMeth": 0}
    bins = XRTRequest.from_wire(whole | pieces[3]).light_curve
    assert bins.binning == TimeBinning(pc_bin=100 * u.s, wt_bin=10 * u.s)
    assert (bins.match_hardness_bins, bins.pc_hardness_bin) == (False, 200 * u.s)
    for number in (5, 6):
        method = pieces[number]["binMeth"]
        assert XRTRequest.from_wire(whole | pieces[number]).to_wire(user=USER)["binMeth"] == method


def test_documented_calls_without_a_request_are_refused(documented):
    """Calls about jobs hold no parameters of products."""
    calls = [name for name in documented if name.startswith(("History", "CancelJob"))]
    assert len(calls) == 10
    for name in calls:
        assert not list(reported(documented[name]))
        with pytest.raises(RequestError, match="no product|object with names"):
            XRTRequest.from_wire(documented[name])
