"""Requests in the words of the service, compared with what the reference client sends."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt.exceptions import RequestError
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.extraction import ExtractionSettings
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning, TimeBinning
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.selection import AllData, FirstHours, Observations, TimeIntervals
from swiftxrt.request.sources import SourceDetectionRequest
from swiftxrt.request.spectrum import ObsidSlices, SingleSlice, SpectrumRequest, TimeSlice, TimeSlices
from swiftxrt.request.target import Target

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_requests.json").read_text(encoding="utf-8"))
REQUESTS = GOLDEN["requests"]
USER = "YOUR_EMAIL_ADDRESS"

# Where we differ from the reference client on purpose: what we drop, what we send instead, and why.
DIFFERENCES = {
    "004_globals_trigger_T0_then_getT0": (set(), {"getT0": 0}, "T0 is given, so it is not to be found"),
    "011_lc_counts_all": (
        {"wtmaxGap", "pcmaxGap"},
        {"wtmaxgap": 100000000, "pcmaxgap": 100000000},
        "the client's spelling never reaches the service",
    ),
    "042_spec_useObs_left_over": ({"usespecobs"}, {}, "the client leaves a selection that is no longer in force"),
    "056_positions_stale_useObs_BUG": ({"useposobs"}, {}, "the same with another product's selection"),
    "085_setFromJSON_server_jobPars": (
        set(),
        {"getTargs": 0, "getT0": 0},
        "what is given is not to be found; a request made from a reply leaves the flags away",
    ),
}

# Whole numbers that the caller of the reference client typed with a decimal point, which it passes on.
# Quantities and bands do not know how they were typed, so we send all whole numbers as such, except
# where the reference client takes decimal numbers only (RA, Dec, redshift, delta_statistic).
TYPED_WITH_A_POINT = {
    "011_lc_counts_all": {"femin", "maxen"},  # pcmaxGap 100000000 beside wtmaxGap 100000000.0
    "012_lc_time_all": {"wtbin"},  # beside pcbin 100
    "014_lc_snapshot_bands": {"hard1", "hard2", "maxen", "soft2"},
    "019_lc_json_names_accepted": {"hard2", "maxen"},
    "037_spec_obsid_user_srcrad": {"pcpuprate", "wtpuprate"},
    # Made from texts such as "10" by the reference client, with the first type that it allows.
    "085_setFromJSON_server_jobPars": {"femin", "hard2", "maxen", "posRadius", "ratefact", "sigmin"},
}


def as_bytes(payload):
    return json.dumps(payload, sort_keys=True).encode()


def expected_payload(name):
    """What we are to send for a golden request: the same, but for the differences above."""
    dropped, changed, _ = DIFFERENCES.get(name, (set(), {}, ""))
    expected = {key: value for key, value in REQUESTS[name].items() if key not in dropped} | changed
    return expected | {key: int(expected[key]) for key in TYPED_WITH_A_POINT.get(name, ())}


def test_all_reference_requests_are_here():
    assert len({name[:3] for name in REQUESTS}) == len(REQUESTS) == 53
    assert {*DIFFERENCES, *TYPED_WITH_A_POINT} <= {*REQUESTS}


@pytest.mark.parametrize("name", REQUESTS)
def test_reference_request_comes_back_byte_by_byte(name):
    sent = XRTRequest.from_wire(json.loads(json.dumps(REQUESTS[name]))).to_wire(user=USER)
    assert as_bytes(sent) == as_bytes(expected_payload(name))
    # Nothing stands in the tables above that is not needed.
    for key in TYPED_WITH_A_POINT.get(name, ()):
        assert type(REQUESTS[name][key]) is float


def test_every_difference_is_needed():
    same = [name for name in {**DIFFERENCES, **TYPED_WITH_A_POINT} if expected_payload(name) == REQUESTS[name]]
    assert {*same} == {*TYPED_WITH_A_POINT} - {*DIFFERENCES}
    assert all(as_bytes(expected_payload(name)) != as_bytes(REQUESTS[name]) for name in TYPED_WITH_A_POINT)


@pytest.mark.parametrize("name", REQUESTS)
def test_reference_request_survives_the_round_trip(name):
    request = XRTRequest.from_wire(REQUESTS[name])
    assert XRTRequest.from_wire(expected_payload(name)) == request
    assert XRTRequest.from_wire(request.to_wire(user=USER)) == request
    assert not request.unrecognized


def test_numbers_keep_their_type():
    sent = json.dumps(XRTRequest.from_wire(REQUESTS["001_tutorial_grb200416a"]).to_wire(user=USER))
    for text in ('"RA": 335.6985', '"Dec": -7.5179', '"Tstart": 608713541.952', '"poserr": 1,', '"dchi": 2.706'):
        assert text in sent
    whole = XRTRequest(
        target=Target("X", position=SkyCoord(10, -3, unit="deg")),
        spectrum=SpectrumRequest(redshift=1, delta_statistic=1),
    ).to_wire(user=USER)
    # The reference client takes nothing but floats here.
    assert [type(whole[key]) for key in ("RA", "Dec", "zval", "dchi")] == [float] * 4


def grb_request() -> XRTRequest:
    """The request of the service's tutorial (golden 001)."""
    return XRTRequest(
        target=Target("GRB 200416A", position=SkyCoord(335.6985, -7.5179, unit="deg"), t0=608713541.952 * u.s),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30, dynamic=True)),
        spectrum=SpectrumRequest(),
        position=PositionRequest("standard", "enhanced", "astrometric", astrometric_all_data=True),
        extraction=ExtractionSettings(centroid_method="simple"),
    )


def test_typed_classes_give_the_tutorial_request():
    assert grb_request().to_wire(user=USER) == REQUESTS["001_tutorial_grb200416a"]
    assert XRTRequest.from_wire(REQUESTS["001_tutorial_grb200416a"]) == grb_request()


TARGET = Target("GRB 200416A", position=SkyCoord(335.6985, -7.5179, unit="deg"), target_ids="00966554")


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        (
            "012_lc_time_all",
            XRTRequest(
                target=TARGET,
                light_curve=LightCurveRequest(
                    binning=TimeBinning(pc_bin=100 * u.s, wt_bin=10 * u.s),
                    match_hardness_bins=False,
                    pc_hardness_bin=200 * u.s,
                    wt_hardness_bin=20 * u.s,
                    min_fractional_exposure=0.1,
                ),
            ),
        ),
        (
            "035_spec_timeslice_user_4",
            XRTRequest(
                target=TARGET.replace(t0=608713541.952 * u.s),
                times_since_t0=True,
                spectrum=SpectrumRequest(
                    slices=TimeSlices(
                        TimeSlice(label="early", intervals=(0 * u.s, 1000 * u.s)),
                        TimeSlice(label="mid", intervals=(1 * u.ks, 5 * u.ks)),
                        TimeSlice(label="late", intervals=(5000 * u.s, 20000 * u.s)),
                        TimeSlice(label="verylate", intervals=(20000 * u.s, 100000 * u.s)),
                    )
                ),
            ),
        ),
        (
            "037_spec_obsid_user_srcrad",
            XRTRequest(
                target=Target(
                    "M82", position=SkyCoord(148.9627, 69.6793, unit="deg"), target_ids="00091489", resolve_t0=True
                ),
                spectrum=SpectrumRequest(
                    data=Observations("00091489001", "00091489002", "00091489003"),
                    slices=ObsidSlices(),
                    redshift=0.00067,
                    galactic_absorber=True,
                ),
                extraction=ExtractionSettings(
                    centroid=False,
                    centroid_tolerance=60 * u.arcsec,
                    pileup_rate_pc=1000 * u.ct / u.s,
                    pileup_rate_wt=1000 * u.ct / u.s,
                    source_radius_max=21 * u.pix,
                ),
            ),
        ),
        (
            "038_spec_models_dchi",
            XRTRequest(
                target=TARGET,
                spectrum=SpectrumRequest(
                    galactic_absorber=True, models=("powerlaw", "apec", "BlackBody"), delta_statistic=1
                ),
            ),
        ),
        (
            "040_spec_doNotFit_after_redshift",
            XRTRequest(target=TARGET, spectrum=SpectrumRequest(redshift=0.5, galactic_absorber=True, fit=False)),
        ),
        (
            "050_psf_all",
            XRTRequest(
                target=TARGET,
                position=PositionRequest(
                    "standard",
                    search_radius=15 * u.arcsec,
                    data=FirstHours(1 * u.day),
                    method="centroid",
                    centroid_method="iterative",
                ),
            ),
        ),
        (
            "061_image_all",
            XRTRequest(
                target=Target("X"),
                image=ImageRequest(bands=["0.3-10 keV", "1-4 keV"], data=Observations("00012345001")),
                extraction=ExtractionSettings(centroid=False),
            ),
        ),
        (
            "071_sourceDet_all",
            XRTRequest(
                target=Target("Field"),
                sources=SourceDetectionRequest(data=AllData(), bands="ALL", fit_stray_light=False),
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_typed_classes_give_the_reference_request(name, request_):
    assert request_.to_wire(user=USER) == REQUESTS[name]
    assert XRTRequest.from_wire(REQUESTS[name]) == request_


def test_kinds_of_position_cannot_differ_in_what_they_share():
    """Golden 055: radii 15, 25 and then 30 were set, the reference client sends 25."""
    first = PositionRequest("standard", search_radius=15 * u.arcsec)
    both = first.replace(kinds=("standard", "enhanced"), search_radius=25 * u.arcsec)
    last = both.replace(search_radius=30 * u.arcsec)
    sent = XRTRequest(target=TARGET, position=last).to_wire(user=USER)
    assert as_bytes(sent) == as_bytes(REQUESTS["055_positions_stale_shared_BUG"] | {"posRadius": 30})
    with pytest.raises(RequestError, match="PositionRequest"):
        XRTRequest(target=TARGET, position=(first, last))


def test_positions_have_one_selection():
    """Golden 056: the reference client sends 'all' together with ObsIDs."""
    request = XRTRequest(
        target=TARGET, position=PositionRequest("standard", "enhanced", data=Observations("00966554000"))
    )
    left_over = REQUESTS["056_positions_stale_useObs_BUG"]
    assert {"posobs": "user", "useposobs": "00966554000"}.items() <= request.to_wire(user=USER).items()
    again = request.replace(position=request.position.replace(data=AllData())).to_wire(user=USER)
    assert as_bytes(again) == as_bytes({key: value for key, value in left_over.items() if key != "useposobs"})


def test_spectra_have_one_selection():
    """Golden 042: the reference client sends 'hours' together with ObsIDs."""
    spectrum = SpectrumRequest(data=Observations("00966554000"))
    request = XRTRequest(target=TARGET, spectrum=spectrum.replace(data=FirstHours(12 * u.h)))
    left_over = REQUESTS["042_spec_useObs_left_over"]
    expected = {key: value for key, value in left_over.items() if key != "usespecobs"}
    assert as_bytes(request.to_wire(user=USER)) == as_bytes(expected)


@pytest.mark.parametrize(
    "make", [SpectrumRequest, lambda **radius: LightCurveRequest(binning=ObsidBinning(), **radius)]
)
def test_products_cannot_have_radii_of_their_own(make):
    """Golden 081: the reference client takes 20 and 40 and sends what was set last for both."""
    for name in ("srcrad", "source_radius_max"):
        with pytest.raises(RequestError, match=r"XRTRequest\.extraction\.source_radius_max"):
            make(**{name: 20 * u.pix})


def test_light_curve_and_spectrum_share_the_radius():
    request = XRTRequest(
        target=TARGET,
        light_curve=LightCurveRequest(binning=ObsidBinning()),
        spectrum=SpectrumRequest(),
        extraction=ExtractionSettings(source_radius_max=40 * u.pix),
    )
    assert as_bytes(request.to_wire(user=USER)) == as_bytes(REQUESTS["081_srcrad_collision"])


def test_reply_of_the_service_is_read():
    request = XRTRequest.from_wire(GOLDEN["job_parameters"]["exchange_01_submit_ok"])
    assert [kind.code for kind in request.kinds] == ["lc", "spec", "psf", "enh", "xastrom", "image", "sourceDet"]
    assert request.target == TARGET.replace(t0=608713541.952 * u.s)
    assert request.light_curve == LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), data=AllData())
    assert request.spectrum.data == FirstHours(12 * u.h)
    assert request.spectrum.slices == SingleSlice()
    assert request.position.search_radius == 20 * u.arcsec
    assert request.position.astrometric_all_data is False
    assert request.extraction.centroid_attempts == 10
    assert request.extraction.super_soft is False
    assert request.times_since_t0 is False


def test_reply_with_numbers_as_texts_gives_what_the_reference_client_makes_of_it():
    request = XRTRequest.from_wire(GOLDEN["job_parameters"]["085_setFromJSON_server_jobPars"])
    sent = request.to_wire(user=USER)
    expected = REQUESTS["085_setFromJSON_server_jobPars"]
    assert {key: sent[key] for key in expected} == expected
    # The reference client loses these on the way.
    assert {key: value for key, value in sent.items() if key not in expected} == {
        "getTargs": 0,
        "getT0": 0,
        "SinceT0": 0,
        "pcmaxgap": 100000000,
        "wtmaxgap": 100000000,
    }
    assert request.light_curve.binning.min_snr == 1.5


def test_reply_of_2020_with_internal_codes_is_read():
    request = XRTRequest.from_wire(GOLDEN["job_parameters"]["2020_GK_Per"])
    # Resolved values count more than the wish to resolve them.
    assert request.target.position.ra.deg == 52.8
    assert len(request.target.target_ids) == 25
    assert request.target.target_ids[0] == "00010873"
    assert request.target.t0_met == 124048802.40058
    assert request.target.resolve_t0 is False
    # Codes of unknown meaning are taken as "not set".
    assert request.extraction.centroid_method is None
    assert request.spectrum.slices is None
    assert request.spectrum.data is None
    # The name of a catalogue is not a yes.
    assert request.extraction.use_sxps is False
    assert [kind.code for kind in request.kinds] == ["spec"]


def image_with(**keys):
    return {"name": "X", "targ": "00012345", "RA": 10.5, "Dec": -3.25, "cent": 0, "image": 1, **keys}


@pytest.mark.parametrize(
    ("keys", "field", "expected"),
    [
        ({"SinceT0": 1, "Tstart": 6e8}, "times_since_t0", True),
        ({"sinceT0": "1", "Tstart": "600000000"}, "times_since_t0", True),
        ({"SinceT0": "no"}, "times_since_t0", False),
        ({"notify": True}, "notify", True),
        ({"poserr": "60"}, "extraction.centroid_tolerance", 60 * u.arcmin),
        ({"centMeth": "Iterative"}, "extraction.centroid_method", "iterative"),
        ({"centMeth": 2}, "extraction.centroid_method", None),
        ({"sss": "0"}, "extraction.super_soft", False),
        ({"maxCentTries": "5"}, "extraction.centroid_attempts", 5),
        ({"maxCentTries": None}, "extraction.centroid_attempts", None),
        ({"maxCentTries": ""}, "extraction.centroid_attempts", None),
        ({"imobs": "ALL"}, "image.data", AllData()),
        ({"imobs": 0}, "image.data", None),
        ({"useimobs": "00012345001, 00012345002"}, "image.data", Observations("00012345001", "00012345002")),
        (
            {"useimobs": "600000000-600001000.5", "imobs": "user"},
            "image.data",
            TimeIntervals((600000000 * u.s, 600001000.5 * u.s)),
        ),
        (
            {"useimobs": "-100-1e3,2000-3000", "SinceT0": 1, "Tstart": 6e8},
            "image.data",
            TimeIntervals((-100 * u.s, 1000 * u.s), (2000 * u.s, 3000 * u.s)),
        ),
        ({"imen": "0.3-10, 1-4"}, "image.bands", ImageRequest(bands=["0.3-10 keV", "1-4 keV"]).bands),
        ({"targ": "{00012345,00054321}"}, "target.target_ids", ("00012345", "00054321")),
        ({"targ": ""}, "target.target_ids", None),
        # Numbers have lost their leading zeros on the way.
        ({"targ": 5}, "target.target_ids", ("00000005",)),
        ({"targ": "123"}, "target.target_ids", ("00000123",)),
        ({"getT0": "1"}, "target.resolve_t0", True),
        ({"getT0": 1, "Tstart": 6e8}, "target.resolve_t0", False),
        ({"name": 3079}, "target.name", "3079"),
        ({"whatSXPS": "LSXPS", "enh": 0, "anything": [1]}, "target.name", "X"),
    ],
)
def test_tolerant_reading(keys, field, expected):
    value = XRTRequest.from_wire(image_with(**keys))
    for name in field.split("."):
        value = getattr(value, name)
    assert value == expected


def test_reference_time_may_be_a_modified_julian_date():
    t0 = XRTRequest.from_wire(image_with(Tstart="58288.5")).target.t0
    assert abs(t0 - Time(58288.5, format="mjd")) < 1 * u.us


def test_modified_julian_dates_are_told_from_mission_elapsed_time():
    request = XRTRequest.from_wire(image_with(useimobs="58288.5-58289.25"))
    (start, stop) = request.image.data.intervals[0]
    expected = XRTRequest(
        target=Target("X"), image=ImageRequest(data=TimeIntervals(Time([58288.5, 58289.25], format="mjd")))
    )
    assert request.image == expected.image
    # MET = UTC - UTCF, UTCF = -21.13 s in June 2018 (header of 00010724001).
    assert start.value == pytest.approx((58288.5 - 51910) * 86400 + 21.13, abs=0.2)
    assert (stop - start).to_value(u.s) == pytest.approx(0.75 * 86400, abs=0.01)
    sliced = XRTRequest.from_wire(image_with(spec=1, timeslice="user", rname1="a", gti1="58288.5-58289.25"))
    assert sliced.spectrum.slices.slices[0].intervals == ((start, stop),)


@pytest.mark.parametrize("spelling", ["wtmaxgap", "wtmaxGap", "wtMaxGap"])
def test_all_spellings_of_the_gap_are_read(spelling):
    request = XRTRequest.from_wire(REQUESTS["010_lc_counts_minimal"] | {spelling: "5e4"})
    assert request.light_curve.binning.wt_max_gap == 50 * u.ks


@pytest.mark.parametrize(
    ("keys", "redshift", "specz"),
    [
        ({"specz": 1, "zval": "0.5"}, 0.5, 1),
        ({"zval": 0.5}, 0.5, 1),
        ({"specz": 0, "zval": "0"}, None, 0),
        ({"specz": 0, "zval": 0.5, "doNotFit": 1}, 0.5, 0),
        ({"specz": "1", "zval": 0}, 0, 1),
        ({}, None, 0),
    ],
)
def test_redshift_and_its_flag(keys, redshift, specz):
    base = {key: value for key, value in REQUESTS["030_spec_minimal"].items() if key != "specz"}
    request = XRTRequest.from_wire(base | keys)
    assert request.spectrum.redshift == redshift
    assert request.to_wire(user=USER)["specz"] == specz


def test_name_of_the_single_spectrum():
    sent = REQUESTS["030_spec_minimal"] | {"specstem": "my-stem_1", "specobs": "all"}
    request = XRTRequest.from_wire(sent)
    assert request.spectrum.slices == SingleSlice(label="mystem1")
    # A name says by itself that there is one spectrum (as in golden 041).
    assert request.to_wire(user=USER) == sent | {"specstem": "mystem1"}


def problems_of(payload):
    with pytest.raises(RequestError) as caught:
        XRTRequest.from_wire(payload)
    return dict(caught.value.problems)


def test_all_problems_are_reported_under_our_names():
    found = problems_of(
        {"lc": 1, "binMeth": "weekly", "RA": 400, "Dec": 3, "poserr": "x", "spec": 1, "specz": 1, "srcrad": "inf"}
    )
    assert set(found) == {
        "target.name",
        "target.position",
        "extraction.centroid_tolerance",
        "extraction.source_radius_max",
        "light_curve.binning",
        "spectrum.redshift",
    }
    assert "400" in found["target.position"]
    assert "'counts', 'time', 'snapshot', 'obsid'" in found["light_curve.binning"]


@pytest.mark.parametrize(
    ("payload", "field", "text"),
    [
        ([1], "", "object with names"),
        ({"name": "X"}, "", "no product"),
        (image_with(Dec=None), "target.position", "RA and Dec are needed together"),
        (image_with(RA="22:22:47"), "target.position", "a number is needed"),
        (image_with(RA="nan"), "target.position", "nan"),
        (image_with(targ="123456789"), "target.target_ids", "eight digits"),
        (image_with(targ="00012345;00054321"), "target.target_ids", "eight digits"),
        (image_with(targ="{}"), "target.target_ids", "eight digits"),
        (image_with(targ=1.5), "target.target_ids", "a text with commas"),
        (image_with(targ=True), "target.target_ids", "a text with commas"),
        (image_with(Tstart="soon"), "target.t0", "a number is needed; got 'soon'"),
        (image_with(maxCentTries=2.5), "extraction.centroid_attempts", "whole number"),
        (image_with(maxCentTries="inf"), "extraction.centroid_attempts", "whole number"),
        (image_with(poserr=[1]), "extraction.centroid_tolerance", "a number is needed"),
        (image_with(imobs="user"), "image.data", "useimobs is needed"),
        (image_with(imobs="hours"), "image.data", "'all', 'user'"),
        (image_with(useimobs="00012345001;2"), "image.data", "608713541-608714541"),
        (image_with(useimobs="0-1000"), "image.data", "times_since_t0"),
        (image_with(useimobs="7e8-6e8"), "image.data", "must start before it stops"),
        (image_with(imen="0.3-10,4-1"), "image.bands", "0 < low < high"),
        (image_with(imen="a"), "image.bands", "a band is written"),
        (image_with(lc=1), "light_curve.binning", "is needed"),
        (image_with(lc=1, binMeth="counts", pccounts=3), "light_curve.binning.wt_counts", "is needed"),
        (image_with(spec=1, timeslice="user"), "spectrum.slices.slices", "is needed"),
        (image_with(spec=1, timeslice="user", gti1="6e8-7e8"), "spectrum.slices.1", "rname1 and gti1"),
        (image_with(spec=1, timeslice="user", gti1="x", rname1="a"), "spectrum.slices.a", "608713541-608714541"),
        (image_with(spec=1, zval="z"), "spectrum.redshift", "a number is needed"),
        (image_with(spec=1, specz=1, zval=-0.001), "spectrum.redshift", ">= 0"),
        (image_with(spec=1, models="powerlaw,mekal"), "spectrum.models", "'mekal'"),
        (image_with(sourceDet=1), "sources.data", "is needed"),
        (image_with(dopsf=1, detornot="detekt"), "position.method", "did you mean 'detect'"),
    ],
)
def test_bad_payloads(payload, field, text):
    found = problems_of(payload)
    assert set(found) == {field}
    assert text in found[field]


def test_astrometric_switch_without_astrometric_position_is_not_an_error_of_the_service():
    request = XRTRequest.from_wire(image_with(dopsf=1, doxastrom=0, allxastrom=1))
    assert request.position == PositionRequest("standard")


@pytest.mark.parametrize("user", ["", "  ", None])
def test_an_address_is_needed(user):
    with pytest.raises(RequestError, match="e-mail"):
        grb_request().to_wire(user=user)


def test_lists_of_sources_alone_need_no_position_and_no_extraction():
    request = XRTRequest(target=Target("Field"), sources=SourceDetectionRequest(data=AllData()))
    assert set(request.to_wire(user=USER)) == {
        "api_name", "api_version", "UserID", "name", "getTargs", "sourceDet", "detobs",
    }  # fmt: skip
    asked = request.replace(extraction=ExtractionSettings(super_soft=True, use_sxps=True)).to_wire(user=USER)
    assert (asked["sss"], asked["useSXPS"]) == (1, 1)


def test_times_go_out_as_seconds():
    times = Time(["2020-04-16T08:00:00", "2020-04-16T09:00:00"])
    data = LightCurveRequest(binning=ObsidBinning(), data=TimeIntervals(times))
    target = Target("GRB 200416A", t0=608713541.952 * u.s)
    absolute = XRTRequest(target=target, light_curve=data).to_wire(user=USER)["uselcobs"]
    relative = XRTRequest(target=target, light_curve=data, times_since_t0=True).to_wire(user=USER)["uselcobs"]
    starts = [float(text.split("-")[0]) for text in (absolute, relative)]
    assert starts[0] - starts[1] == pytest.approx(608713541.952, abs=1e-6)
    assert starts[1] == pytest.approx((times[0] - target.t0).to_value(u.s), abs=1e-3)


def test_reference_client_rebuilds_our_payload():
    """The client reacts to parameters in their order, so the order of our keys matters."""
    xrt_prods = pytest.importorskip("swifttools.ukssdc.xrt_prods")
    quirks = {"pcmaxgap", "wtmaxgap", "detMeth"}  # lost, lost, and invented from centMeth
    for name, payload in REQUESTS.items():
        ours = XRTRequest.from_wire(payload).to_wire(user=USER)
        theirs = xrt_prods.XRTProductRequest(USER, JSONVals=dict(ours), fromServer=False, silent=True).getJSONDict()
        assert {key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)} <= quirks, name
