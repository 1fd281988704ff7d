"""The search for observations reads each event file once."""

from __future__ import annotations

import os
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Observation, Target
from swiftxrt.backends.local.archive import Archive
from swiftxrt.exceptions import NoDataError
from swiftxrt.testing.synthetic import small_observation


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the ObsID whenever event files are read."""
    read, found = Observation.events, []

    def counted(self: Observation, mode: object):
        found.append(self.obsid)
        return read(self, mode)

    monkeypatch.setattr(Observation, "events", counted)
    return found


def test_unchanged_files_are_read_once(small_archive: Path, reads: list[str]) -> None:
    archive = Archive(small_archive)
    first = archive.resolve(Target("constant source", resolve_t0=True))
    assert reads == ["09999002000"]
    for target in (
        Target("constant source", resolve_t0=True),
        Target("other", position=SkyCoord(150 * u.deg, 20 * u.deg), resolve_t0=True),
        Target("other", target_ids="09999002", resolve_t0=True),
    ):
        again = archive.resolve(target)
        assert (again.target_ids, again.t0_met) == (first.target_ids, first.t0_met)
    with pytest.raises(NoDataError, match="constant source"):
        archive.resolve(Target("nothing"))
    assert reads == ["09999002000"]


def test_changed_and_damaged_files_are_read_again(
    tmp_path: Path, reads: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "archive"
    small_observation(folder, duration=100 * u.s)
    archive = Archive(folder)
    target = Target("constant source")
    archive.resolve(target)
    (file,) = folder.rglob("*.evt*")
    content = file.read_bytes()
    reads.clear()
    file.write_bytes(content[:100])
    with pytest.raises(NoDataError, match="damaged"):
        archive.resolve(target)
    assert "left out of the search" in caplog.text
    file.write_bytes(content)
    os.utime(file, (1, 1))
    assert archive.resolve(target).target_ids == ("09999002",)
    assert len(reads) > 1
