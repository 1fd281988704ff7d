"""Cleaned events made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Observation, SwiftXRTClass, Target, reprocess_observations
from swiftxrt.exceptions import HEASoftError, NoDataError, OutputExistsError, RequestError

from .conftest import FakeHEASoft

FIRST, SECOND = "09999004000", "09999004001"


@pytest.fixture
def raw(observed: Path, tmp_path: Path) -> Path:
    """The first observation with raw events beside the cleaned ones, the second without."""
    folder = tmp_path / "raw"
    shutil.copytree(observed, folder)
    events = folder / FIRST / "xrt" / "event"
    (events / f"sw{FIRST}xpcw3po_cl.evt.gz").rename(events / f"sw{FIRST}xpcw3po_uf.evt.gz")
    return folder


def test_new_observations_are_an_archive(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    told: list[str] = []
    place = tmp_path / "new"
    outcomes = reprocess_observations(raw, place, progress=told.append, at_once=2)
    assert [one.item for one in outcomes] == told == [FIRST, SECOND]
    assert isinstance(outcomes[0].get(), Observation)
    assert isinstance(outcomes[1].error, NoDataError)
    assert "download_observations" in str(outcomes[1].error)
    assert sorted(path.name for path in place.iterdir()) == [FIRST]
    assert outcomes[0].value.attitude is not None
    with SwiftXRTClass(backend="local", archive=place, caldb="v004") as xrt:
        assert xrt.make_spectrum(Target("SIM_star")).counts.counts.sum() > 50
    call = heasoft.calls[0]
    assert call["parameters"]["srcra"] == "OBJECT"
    assert call["parameters"]["exitstage"] == "2"


def test_what_exists_is_kept_unless_told(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    place = tmp_path / "new"
    reprocess_observations(raw, place, obsids=[FIRST])
    again = reprocess_observations(raw, place, obsids=[FIRST])
    assert isinstance(again[0].error, OutputExistsError)
    where = SkyCoord(150.0, 20.0, unit="deg")
    assert reprocess_observations(raw, place, obsids=[FIRST], overwrite=True, position=where)[0].is_ok
    assert heasoft.calls[-1]["parameters"]["srcra"] == "150.0"


@pytest.mark.parametrize(("how", "match"), [("fail", "failed with status 3"), ("silent", "left no cleaned events")])
def test_a_pipeline_that_fails_leaves_nothing(
    heasoft: FakeHEASoft, raw: Path, tmp_path: Path, how: str, match: str
) -> None:
    heasoft.behave("xrtpipeline", how)
    outcomes = reprocess_observations(raw, tmp_path / "new", obsids=[FIRST])
    assert isinstance(outcomes[0].error, HEASoftError)
    assert match in str(outcomes[0].error)
    assert list((tmp_path / "new").iterdir()) == []


def test_bad_arguments(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="a whole number from 1 on"):
        reprocess_observations(raw, tmp_path / "new", at_once=0)
    with pytest.raises(RequestError, match="one SkyCoord is needed"):
        reprocess_observations(raw, tmp_path / "new", position="here")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="there is no folder"):
        reprocess_observations(tmp_path / "nowhere", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoDataError, match="named by its ObsID"):
        reprocess_observations(tmp_path / "empty", tmp_path / "new")
