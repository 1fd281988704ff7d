"""What people give by mistake: positions, units, times, identifiers, addresses, regions, changed requests."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt import (
    CountsBinning,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    Observations,
    SwiftXRTClass,
    Target,
    TimeIntervals,
    XRTRequest,
    conf,
)
from swiftxrt.exceptions import FormatError, JobError, NotRegisteredError, PartialResultWarning, RequestError
from swiftxrt.io.regions import read_regions
from swiftxrt.testing import FaultPlan, embedded_server

USER = "someone.known@example.org"
OBSID = "09999002000"  # the observation in the small archive
NAME = "constant source"
IMAGE = XRTRequest(target=Target(NAME, resolve_t0=True), image=ImageRequest())
CURVE = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30))


@pytest.fixture(scope="module")
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture(scope="module")
def url(small_archive: Path, plan: FaultPlan) -> Iterator[str]:
    with embedded_server(small_archive, users=[USER], faults=plan) as address, conf.set_temp("poll_interval", 0.01):
        yield address


@pytest.fixture
def sent(url: str, plan: FaultPlan) -> Callable[[], Counter[str]]:
    """What the server was asked since the test began."""
    before = Counter(plan.seen)
    return lambda: Counter(plan.seen) - before


# ---------------------------------------------------------------- 86: positions


@pytest.mark.fault_case(86)
def test_impossible_positions_do_not_arrive() -> None:
    """Astropy turns an RA of 400 degrees and refuses a declination of -95; files and the wire have no Astropy."""
    assert Target("X", position=SkyCoord(400, 3, unit="deg")) == Target("X", position=SkyCoord(40, 3, unit="deg"))
    with pytest.raises(ValueError, match="-95"):
        SkyCoord(40, -95, unit="deg")
    request = XRTRequest(target=Target("X", position=SkyCoord(40, 3, unit="deg")), image=ImageRequest())
    for old, new in (("ra: 40 deg", "ra: 400 deg"), ("dec: 3 deg", "dec: -95 deg"), ("dec: 3 deg", "dec: .nan deg")):
        text = request.to_yaml()
        assert old in text
        with pytest.raises(RequestError, match="position"):
            XRTRequest.from_yaml(text.replace(old, new))
    message = request.to_wire(user=USER)
    for change in ({"RA": 400}, {"Dec": -95}, {"RA": "nan"}):
        with pytest.raises(RequestError, match="0 <= RA <= 360 deg and -90 <= Dec <= 90 deg"):
            XRTRequest.from_wire(message | change)


@pytest.mark.fault_case(86)
@pytest.mark.parametrize("hidden", ["ra", "dec"])
def test_masked_position(hidden: str) -> None:
    """A gap in a table of positions is no position, whatever number lies below."""
    sides = {name: Masked([10.0, 20.0] * u.deg, mask=[name == hidden, False]) for name in ("ra", "dec")}
    positions = SkyCoord(**sides)
    with pytest.raises(RequestError, match="position: a known position is needed; got one that is masked"):
        Target("X", position=positions[0])
    assert Target("X", position=positions[1]) == Target("X", position=SkyCoord(20, 20, unit="deg"))


@pytest.mark.fault_case(86)
def test_other_positions() -> None:
    galactic = SkyCoord(0, 0, unit="deg", frame="galactic")
    converted = Target("Sgr A", position=galactic).position
    assert converted is not None
    assert converted.frame.name == "icrs"
    assert converted.separation(galactic) < 1 * u.mas
    unknown = [SkyCoord(*pair, unit="deg") for pair in ((np.nan, 3), (3, np.nan))]
    for wrong in (*unknown, SkyCoord([1, 2], [3, 4], unit="deg"), galactic.l, (266.4, -28.9)):
        with pytest.raises(RequestError, match="position: "):
            Target("X", position=wrong)


# ---------------------------------------------------------------- 87: units and energies


@pytest.mark.fault_case(87)
@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ExtractionSettings(centroid_tolerance=3 * u.s), "centroid_tolerance"),
        (lambda: ExtractionSettings(source_radius_max=30), "source_radius_max"),
        (lambda: LightCurveRequest(binning=CURVE.binning, band=(0.3 * u.m, 10 * u.m)), "band"),
        (lambda: LightCurveRequest(binning=CURVE.binning, band=(-1 * u.keV, 10 * u.keV)), "band"),
        (lambda: LightCurveRequest(binning=CURVE.binning, band=(10 * u.keV, 0.3 * u.keV)), "band"),
        (lambda: LightCurveRequest(binning=CURVE.binning, band="0.3-100 keV"), "band"),
        (lambda: LightCurveRequest(binning=CURVE.binning, soft=(np.nan * u.keV, 1 * u.keV)), "soft"),
        (lambda: ImageRequest(bands=["0.3-1.5 keV", "10-0.3 keV"]), "bands"),
        (lambda: TimeIntervals((0 * u.keV, 100 * u.keV)), "intervals"),
        (lambda: TimeIntervals((100 * u.s, 0 * u.s)), "intervals"),
        (lambda: TimeIntervals((100 * u.s, 100 * u.s)), "intervals"),
        (lambda: TimeIntervals((0 * u.s, np.nan * u.s)), "intervals"),
        (lambda: TimeIntervals((0 * u.s, np.inf * u.s)), "intervals"),
        (lambda: ExtractionSettings(centroid_tolerance=np.nan * u.arcsec), "centroid_tolerance"),
        (lambda: ExtractionSettings(centroid_tolerance=np.inf * u.arcsec), "centroid_tolerance"),
        (lambda: ExtractionSettings(centroid_tolerance=[1, 2] * u.arcsec), "centroid_tolerance"),
    ],
)
def test_wrong_quantities(make: Callable[[], Any], field: str) -> None:
    with pytest.raises(RequestError, match=field) as caught:
        make()
    assert [name.partition(".")[0] for name, _ in caught.value.problems] == [field]


# ---------------------------------------------------------------- 88: times


@pytest.mark.fault_case(88)
def test_all_scales_of_a_time_mean_the_same() -> None:
    moment = Time("2020-04-16T07:05:17.5", scale="utc")
    given = [getattr(moment, scale) for scale in ("utc", "tai", "tt", "tdb")]
    given += [Time(moment.mjd, format="mjd", scale="utc", val2=0.0), Time(moment.datetime, scale="utc")]
    (met,) = {round(Target("X", t0=one).t0_met or 0, 5) for one in given}
    assert Target("X", t0=met * u.s).t0_met == met
    assert met == pytest.approx(608713542.314, abs=0.001)


@pytest.mark.fault_case(88)
@pytest.mark.parametrize(
    "wrong",
    [
        *(dt.datetime(2020, 4, 16, 7), dt.date(2020, 4, 16), 58955.3, 58955.3 * u.day, 608713542.3, "608713542"),
        *(np.nan * u.s, np.inf * u.s, 1e11 * u.s, [1, 2] * u.s, Time([2020, 2021], format="jyear")),
    ],
)
def test_times_that_may_mean_several_things(wrong: Any) -> None:
    with pytest.raises(RequestError, match="t0: "):
        Target("X", t0=wrong)


@pytest.mark.fault_case(88)
@pytest.mark.parametrize(
    ("t0", "text"),
    [
        (58955.3 * u.s, "modified Julian date"),
        (Time("2004-11-20"), "before the launch"),
        (0 * u.s, "before the launch"),
    ],
)
def test_doubtful_times_are_told_when_they_are_sent(t0: Any, text: str) -> None:
    request = XRTRequest(target=Target("X", t0=t0), image=ImageRequest())
    ((field, message),) = request.cautions
    assert field == "target.t0"
    assert text in message
    with pytest.raises(RequestError, match="launch"):
        XRTRequest(target=Target("X", resolve_t0=True), image=ImageRequest(data=TimeIntervals((0 * u.s, 9 * u.s))))


@pytest.mark.fault_case(88)
@pytest.mark.parametrize("t0", [1.1e9 * u.s, Time(64328.5, format="mjd", scale="utc")])
def test_times_to_come_are_no_matter_for_astropy(t0: Any) -> None:
    """Astropy warns of times whose leap seconds nobody knows; warnings are errors here."""
    request = XRTRequest(target=Target("X", t0=t0), image=ImageRequest())
    assert "t0=<Time 2035-" in repr(request)
    assert "lies in the future" in request.cautions[0][1]
    assert XRTRequest.from_yaml(request.to_yaml()) == request


# ---------------------------------------------------------------- 89: ObsIDs


@pytest.mark.fault_case(89)
def test_obsids() -> None:
    assert Observations(32459001) == Observations("sw00032459001") == Observations("00032459001", np.int64(32459001))
    for wrong in ("32459001", "123", 32459001.0, -3, True, "", None, "0003245900x"):
        with pytest.raises(RequestError, match="obsids: "):
            Observations(wrong)


@pytest.mark.fault_case(89)
@pytest.mark.parametrize("backend", ["local", "service"])
def test_thousands_of_obsids_and_those_of_another_target(small_archive: Path, url: str, backend: str) -> None:
    options = {"backend": "local", "archive": small_archive} if backend == "local" else {"user": USER}
    others = [f"{number:08d}001" for number in range(1, 5001)]
    with SwiftXRTClass(**options) as client:
        request = IMAGE.replace(image=ImageRequest(data=Observations(*others)))
        with pytest.raises(JobError, match=rf"00000010001 and 4990 more\) is among .*, which are {OBSID}") as caught:
            client.submit(request).result(progress=False)
        assert len(str(caught.value)) < 400
        job = client.submit(IMAGE.replace(image=ImageRequest(data=Observations(*others, OBSID))))
        job.wait(progress=False)  # Threads share the filters of warnings.
        with pytest.warns(PartialResultWarning, match="no data of the observations 00000001001, .* and 4990 more"):
            products = job.result(progress=False)
        assert products.image[0].counts.data.sum() > 0
        assert client.get_job(job.id).request.image.data.obsids == (*others, OBSID)


# ---------------------------------------------------------------- 90: the registered address


@pytest.mark.fault_case(90)
@pytest.mark.parametrize(
    "address", ["someone", "someone@", f"{USER}\r\nBcc: all@example.org", f"{USER}\0", "a b@c.org"]
)
def test_malformed_addresses_are_not_sent(url: str, sent: Callable[[], Counter[str]], address: str) -> None:
    with pytest.raises(RequestError, match="user: the argument user is not an e-mail address") as caught:
        SwiftXRTClass(user=address)
    assert "someone" not in str(caught.value)
    with conf.set_temp("user", address), SwiftXRTClass() as client:
        for call in (lambda: client.submit(IMAGE), client.list_jobs, lambda: client.get_job(1)):
            with pytest.raises(RequestError, match=r"user: conf\.user is not an e-mail address") as caught:
                call()
            assert "someone" not in str(caught.value)
    assert not sent()


@pytest.mark.fault_case(90)
def test_no_address_and_one_that_nobody_knows(url: str, sent: Callable[[], Counter[str]]) -> None:
    with SwiftXRTClass() as client, pytest.raises(RequestError, match="register"):
        client.submit(IMAGE)
    assert not sent()
    with SwiftXRTClass(user="someone.else@example.org") as client, pytest.raises(NotRegisteredError, match="register"):
        client.submit(IMAGE)


# ---------------------------------------------------------------- 91: regions


@pytest.mark.fault_case(91)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("circle(500,500,20)", "each shape needs a frame before it"),
        ("", "no region could be read"),
        ("fk5\n", "no region could be read"),
        ('fk5\nannulus(150,20,60",30")', "outer_radius must be greater than inner_radius"),
        ('fk5\ncircle(150,20,0")', "radius.* must be strictly positive"),
        ('fk5\ncircle(150,95,5")', "-90 deg"),
    ],
)
def test_impossible_regions(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "source.reg"
    path.write_text(text)
    with pytest.raises(FormatError, match=rf"source\.reg: .*{reason}") as caught:
        read_regions(path)
    assert ("needs a frame" in str(caught.value)) is ("no region" in str(caught.value))


# ---------------------------------------------------------------- 92: a request that changes


@pytest.mark.fault_case(92)
@pytest.mark.parametrize("backend", ["local", "service"])
def test_requests_do_not_change(small_archive: Path, url: str, backend: str) -> None:
    options = {"backend": "local", "archive": small_archive} if backend == "local" else {"user": USER}
    obsids, given = [OBSID], SkyCoord(150.0, 20.0, unit="deg")
    request = IMAGE.replace(
        target=Target(NAME, position=given, resolve_t0=True), image=ImageRequest(data=Observations(*obsids))
    )
    before = request.to_yaml()
    with SwiftXRTClass(**options) as client:
        job = client.submit(request)
        obsids.append("00000000001")
        for part, name, value in (
            (request, "image", None),
            (request.target, "name", "Y"),
            (request.image, "bands", ()),
        ):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(part, name, value)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(part, name)
        kept = request.target.position
        assert kept is not given
        other = request.replace(light_curve=CURVE)
        assert (request.to_yaml(), job.request.kinds, len(other.kinds)) == (before, request.kinds, 2)
        assert client.get_job(job.id).request.image.data == request.image.data
        job.cancel()


@pytest.mark.fault_case(86, 89)
def test_gaps_in_a_table_of_sources() -> None:
    positions = SkyCoord(Masked([10.0, 20.0] * u.deg, mask=[True, False]), [1, 2] * u.deg)
    table = QTable({"name": ["A", "B"], "position": positions})
    with pytest.raises(RequestError, match="masked"):
        Target(table["name"][0], position=table["position"][0])
    with pytest.raises(RequestError, match="obsid"):
        Observations.from_table(QTable({"obsid": Masked(["00032459001", ""], mask=[True, True])}))
