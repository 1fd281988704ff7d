"""Every public method for catalogues says in our words what was wrong with a call."""

from __future__ import annotations

import inspect
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import RequestError
from swiftxrt.query.bursts import BurstAsking
from swiftxrt.query.catalog_queries import CatalogQuerying
from swiftxrt.query.catalogs import CatalogAsking
from swiftxrt.query.limits import LimitMaking
from swiftxrt.query.ready_made import ReadyMade
from swiftxrt.query.sources import SourceAsking
from swiftxrt.query.tables import TableKeeping
from tests.catalog.replay import Replay

MIXINS = (BurstAsking, CatalogQuerying, LimitMaking, ReadyMade, SourceAsking, TableKeeping, CatalogAsking)
METHODS = sorted(
    {name for kind in MIXINS for name, _ in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}
)
PLACE = SkyCoord(150.0, 20.0, unit="deg")


@pytest.fixture
def swift() -> SwiftXRTClass:
    """A client of a service that must not be asked."""
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = Replay({})
    return made


@pytest.mark.parametrize("method", METHODS)
def test_arguments_that_do_not_fit(swift: SwiftXRTClass, method: str) -> None:
    call = getattr(swift, method)
    takes_others = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(call).parameters.values())
    needed = {name for name, one in inspect.signature(call).parameters.items() if one.default is one.empty}
    wrong: list[Any] = [(("x",) * 9, {}, "without a name")]
    if needed - {"choice", "fields"}:
        wrong.append(((), {}, "is needed"))
    if not takes_others:
        wrong.append(((), {"colour": 1}, "colour: there is no such argument"))
    for args, kwargs, told in wrong:
        with pytest.raises(RequestError, match=told) as caught:
            call(*args, **kwargs)
        assert not [kind for kind in MIXINS if f"{kind.__name__}." in str(caught.value)]
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_what_newcomers_write(swift: SwiftXRTClass) -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: swift.query_region(PLACE), r"a cone needs a radius, such as 30 \* u.arcsec"),
        (lambda: swift.query_region(PLACE, radius=1 * u.deg, colums="all"), "did you mean 'columns'"),
        (lambda: swift.get_upper_limits(170, 32), r"positions: SkyCoord, Target, str, .*; got 2: 170, 32; give others"),
        (lambda: swift.get_upper_limits(170), "two numbers are SkyCoord"),
        (lambda: swift.get_previews(grb="GRB 060729"), "grb: there is no such argument; there are source, transient"),
        (lambda: swift.get_position("GRB 060729"), "give others by name: grb=, kind="),
        (lambda: swift.get_light_curve("GRB 060729"), "products of bursts are had with grb='GRB 060729'"),
        (lambda: swift.get_positions(221755, kinds=5), "must be one of best, enhanced"),
        (lambda: swift.get_burst_analyser(221755, instruments=["BTA"]), "did you mean 'bat'"),
        (lambda: swift.get_burst_analyser(221755, with_unreliable="yes"), "with_unreliable: True or False"),
        (lambda: swift.query_catalog(offline="no"), "offline: True or False is needed; got 'no'"),
        (lambda: swift.get_transient("LSXPS J062131.8-622213"), "is not a name of a transient; it is that of a source"),
        (lambda: swift.slice_spectra(221755, slices={"a": (100, 200)}), r"have a unit, such as \(100 \* u.s, 800"),
    ]
    for call, told in calls:
        with pytest.raises(RequestError, match=told):
            call()
    assert swift._catalog.asked == []  # type: ignore[attr-defined]


def test_gather(swift: SwiftXRTClass) -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: swift.gather("text", ["a"]), "method: a method is needed, without brackets.*; got 'text'"),
        (lambda: swift.gather(swift.get_source, [1], colour=1), r"get_source\(\) .*colour: there is no such argument"),
        (lambda: swift.gather(swift.get_position, ["GRB 060729"]), "no argument can be given without a name"),
        (lambda: swift.gather(lambda: None, [1]), "no argument can be given without a name; got 1: 1"),
    ]
    for call, told in calls:
        with pytest.raises(RequestError, match=told):
            call()
    single: list[Any] = ["text", b"text", 5, None, {"LSXPS_ID": 5}, Table({"LSXPS_ID": [5]})[0], PLACE]
    for one in single:
        with pytest.raises(RequestError, match="items: a list of objects, or a table, is needed; got "):
            swift.gather(swift.get_source, one)
    assert len(swift.gather(swift.get_source, [])) == 0
    rows = swift.gather(lambda row: int(row["LSXPS_ID"]), Table({"LSXPS_ID": [5, 6]}))
    assert rows.values == [5, 6]
    assert swift.gather(str.upper, ["a", "b"]).values == ["A", "B"]
