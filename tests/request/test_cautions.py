"""What is allowed in a request, but probably not meant: cautions and their warnings."""

from __future__ import annotations

import warnings

import astropy.units as u
import pytest
from astropy.time import Time

from swiftxrt import SwiftXRTClass
from swiftxrt.exceptions import NoDataError, RequestWarning, SwiftXRTWarning
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.cautions import warn_about
from swiftxrt.request.extraction import ExtractionSettings
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import LightCurveRequest, ObsidBinning
from swiftxrt.request.selection import AllData
from swiftxrt.request.sources import SourceDetectionRequest
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target

RATE = u.ct / u.s


def curve(**values) -> LightCurveRequest:
    return LightCurveRequest(binning=ObsidBinning(), **values)


def request(*, target: Target | None = None, **parts) -> XRTRequest:
    parts = parts if set(parts) - {"extraction"} else {"light_curve": curve(), **parts}
    return XRTRequest(target=target or Target("X"), **parts)


def at(t0: Time | u.Quantity) -> XRTRequest:
    return request(target=Target("X", t0=t0))


@pytest.mark.parametrize(
    "ordinary",
    [
        request(),
        at(608713541.952 * u.s),
        at(Time("2020-04-16T07:05:17")),
        at(Time(58955, format="mjd")),
        # The first gamma-ray burst that Swift found is of December 2004, weeks after the launch.
        at(Time("2004-12-17T07:28:30")),
        request(extraction=ExtractionSettings(centroid_tolerance=3 * u.arcmin)),
        request(extraction=ExtractionSettings(centroid_tolerance=11.8 * u.arcmin)),
        request(extraction=ExtractionSettings(centroid=False, centroid_tolerance=1 * u.deg)),
        request(extraction=ExtractionSettings(source_radius_max=30 * u.pix, pileup_rate_pc=1 * RATE)),
        request(
            extraction=ExtractionSettings(
                source_radius_max=90 * u.pix, pileup_rate_pc=1000 * RATE, pileup_rate_wt=1000 * RATE
            )
        ),
        request(image=ImageRequest(), extraction=ExtractionSettings(source_radius_max=90 * u.pix)),
        request(light_curve=curve(soft="0.3-1 keV", hard="1-10 keV")),
        request(light_curve=curve(soft="0.3-1 keV", hard="2-10 keV")),
        request(light_curve=curve(band="0.3-1.7 keV")),
        request(sources=SourceDetectionRequest(data=AllData())),
    ],
    ids=str,
)
def test_ordinary_requests_have_none(ordinary):
    assert ordinary.cautions == ()
    warn_about(ordinary)  # Warnings are errors here.
    assert ordinary.with_defaults().cautions == ()


@pytest.mark.fault_case(88)
@pytest.mark.parametrize(
    ("doubtful", "field", "text"),
    [
        (
            request(extraction=ExtractionSettings(centroid_tolerance=12 * u.arcmin)),
            "extraction.centroid_tolerance",
            "12 arcmin reaches beyond the field of view .*11.8 arcmin.*centroid=False",
        ),
        (
            request(extraction=ExtractionSettings(source_radius_max=31 * u.pix)),
            "extraction.source_radius_max",
            "31 pix .*pileup_rate_pc=1000 .*pileup_rate_wt=1000",
        ),
        (
            request(
                spectrum=SpectrumRequest(),
                extraction=ExtractionSettings(source_radius_max=90 * u.pix, pileup_rate_pc=1000 * RATE),
            ),
            "extraction.source_radius_max",
            "off with pileup_rate_wt=1000",
        ),
        (at(58955.295 * u.s), "target.t0", r"58955.295 s .*it is 2020-04-16.*Time\(58955.295, format='mjd'\)"),
        (at(0 * u.s), "target.t0", "2001-01-0.*before the launch"),
        (at(Time("2004-11-20T17:00:00")), "target.t0", "2004-11-20T17:00:00 lies before the launch"),
        # A Julian date is no MJD, and long before the launch as mission elapsed time.
        (at(2458955.5 * u.s), "target.t0", "2001-01-29.*before the launch"),
        (at(Time.now() + 1 * u.day), "target.t0", "lies in the future"),
        (
            request(light_curve=curve(soft="0.3-2 keV")),
            "light_curve.hard",
            "1.5-10 keV overlaps the soft band 0.3-2 keV",
        ),
        (request(light_curve=curve(hard="1.49-10 keV")), "light_curve.hard", "overlaps the soft band 0.3-1.5 keV"),
        (request(light_curve=curve(soft="5-9 keV", hard="1-6 keV")), "light_curve.hard", "overlaps"),
        (request(light_curve=curve(soft="0.3-10 keV", hard="2-3 keV")), "light_curve.hard", "overlaps"),
    ],
)
def test_what_is_doubtful(doubtful, field, text):
    ((found, message),) = doubtful.cautions
    assert found == field
    with pytest.warns(RequestWarning, match=f"^{field}: .*{text}") as caught:
        warn_about(doubtful)
    assert str(caught[0].message) == f"{field}: {message}"


def test_hard_band_below_the_soft_one_does_not_overlap():
    assert request(light_curve=curve(soft="5-9 keV", hard="1-5 keV")).cautions == ()


def test_all_come_together():
    doubtful = request(
        target=Target("X", t0=58955 * u.s),
        light_curve=curve(soft="0.3-2 keV"),
        extraction=ExtractionSettings(centroid_tolerance=20 * u.arcmin, source_radius_max=60 * u.pix),
    )
    fields = ["extraction.centroid_tolerance", "extraction.source_radius_max", "target.t0", "light_curve.hard"]
    assert [field for field, _ in doubtful.cautions] == fields
    assert XRTRequest.from_yaml(doubtful.to_yaml()).cautions == doubtful.cautions


def test_making_and_reading_a_request_warns_of_nothing():
    """Only the submission does: a request may be made in steps."""
    doubtful = at(58955 * u.s)
    assert XRTRequest.from_dict(doubtful.to_dict()).replace(notify=False).cautions == doubtful.cautions


def test_submission_warns_and_points_at_the_caller(tmp_path):
    doubtful = request(light_curve=curve(soft="0.3-2 keV"))
    client = SwiftXRTClass(backend="local", archive=tmp_path)
    with pytest.warns(RequestWarning, match="light_curve.hard") as caught, pytest.raises(NoDataError):
        client.submit(doubtful)
    assert [item.filename for item in caught] == [__file__]


@pytest.mark.parametrize("category", [RequestWarning, SwiftXRTWarning])
def test_warnings_can_be_silenced(tmp_path, category):
    client = SwiftXRTClass(backend="local", archive=tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", category)
        with pytest.raises(NoDataError):
            client.submit(at(58955 * u.s))
    assert caught == []
