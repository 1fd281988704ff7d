"""Which events products are made from."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt import FirstHours, Observations, SpectrumRequest, Target, TimeIntervals, XRTRequest
from swiftxrt.engine import make_spectra, modes
from swiftxrt.engine.data import Data, select_data
from swiftxrt.exceptions import FormatError, NoDataError, RequestError
from swiftxrt.mission import Mode
from swiftxrt.products.gti import GTI
from swiftxrt.products.provenance import Provenance

#: Declination (deg) of those that did not point at the target.
POINTINGS = {"00012345009": 25.0}
REQUEST = XRTRequest(target=Target("X"), spectrum=SpectrumRequest())


class FakeEvents:
    """No events at all: their number in the good time does not matter here."""

    met = pi = x = y = np.array([])
    frame_s = 1.0

    def __init__(self, obsid: str, mode: Mode, gti: GTI) -> None:
        self.obsid, self.mode, self.gti = obsid, mode, gti
        self.object_name = "X"
        self.pointing = SkyCoord(10.0 * u.deg, POINTINGS.get(obsid, 20.0) * u.deg)

    def __len__(self) -> int:
        return 0

    def select(self, *, gti: GTI) -> FakeEvents:
        return FakeEvents(self.obsid, self.mode, self.gti & gti)


class FakeObservation:
    """An observation whose modes give a GTI, or an error."""

    attitude = None

    def __init__(self, obsid: str, **modes: GTI | Exception) -> None:
        self.obsid = obsid
        self._modes = {Mode(name): what for name, what in modes.items()}
        self.modes = tuple(self._modes)
        self.files = {mode: (Path(f"sw{obsid}x{mode.value.lower()}.evt"),) for mode in self.modes}

    def events(self, mode: Mode) -> FakeEvents:
        what = self._modes[mode]
        if isinstance(what, Exception):
            raise what
        return FakeEvents(self.obsid, mode, what)


LATE = FakeObservation("00012345002", PC=GTI([5000.0], [6000.0]), WT=NoDataError("no event"))
EARLY = FakeObservation("00012345001", PC=GTI([2000.0], [3000.0]), WT=GTI([1000.0], [1900.0]))
EMPTY = FakeObservation("00012345003", PC=NoDataError("no event"), WT=GTI.empty())


def test_lists_come_in_order_of_time_and_empty_ones_are_left_out() -> None:
    data = select_data([LATE, EMPTY, EARLY], None, REQUEST)
    assert [events.obsid for events in data.pc] == ["00012345001", "00012345002"]
    assert [events.obsid for events in data.wt] == ["00012345001"]
    assert (data.start_s, data.stop_s) == (1000.0, 6000.0)
    assert data.cautions == ()
    assert data.notes == (
        "2 event files were not used, without events: sw00012345002xwt.evt, sw00012345003xpc.evt",
        "1 event file was not used, without good time: sw00012345003xwt.evt",
    )
    assert data.files(Mode.PC) == ["sw00012345001xpc.evt", "sw00012345002xpc.evt"]


def test_without_windowed_timing() -> None:
    data = select_data([EARLY, LATE], None, REQUEST).without_wt()
    assert (data.wt, data.files(Mode.WT)) == ((), [])
    assert data.notes[-1] == (
        "1 event file was not used, of windowed timing, of which this product cannot be made: sw00012345001xwt.evt"
    )


@pytest.mark.parametrize("selection", [None, FirstHours(1 * u.h), Observations("00012345003")])
def test_nothing_left(selection: object) -> None:
    with pytest.raises(NoDataError, match="no good time is left"):
        select_data([EMPTY], selection, REQUEST)


def test_what_there_is_of_missing_observations_is_told() -> None:
    def absent(obsids: object) -> tuple[str, ...]:
        return (f"there are data of {obsids[0]}, but of another target",)  # type: ignore[index]

    with pytest.raises(NoDataError, match="which are 00012345001; there are data of 00099999001, but of"):
        select_data([EARLY], Observations("00099999001"), REQUEST, absent=absent)
    data = select_data([EARLY], Observations("00012345001", "00099999001"), REQUEST, absent=absent)
    text = "no data of the observations 00099999001; there are data of 00099999001, but of another target"
    assert data.cautions == (("PartialResultWarning", text),)


def test_times_without_data_are_told_as_users_write_them() -> None:
    lists = [FakeObservation(f"000123450{n:02d}", PC=GTI([n * 1e3], [n * 1e3 + 500.0])) for n in range(15)]
    request = REQUEST.replace(spectrum=SpectrumRequest(data=TimeIntervals(Time(["2024-01-01", "2025-01-01"]))))
    with pytest.raises(NoDataError) as caught:
        select_data(lists, request.spectrum.data, request)
    assert str(caught.value) == (
        "no good time is left in the times asked for, 2024-01-01T00:00:00 to 2025-01-01T00:00:00 UTC "
        "(MET 725760032.649 to 757382434.81 s); widen them or use AllData(); 15 event files were not used, outside of "
        "the times asked for: sw00012345000xpc.evt, sw00012345001xpc.evt, sw00012345002xpc.evt and 12 more"
    )
    late = XRTRequest(
        target=Target("X", t0=6e8 * u.s),
        times_since_t0=True,
        spectrum=SpectrumRequest(data=TimeIntervals((0 * u.s, 1000.5 * u.s))),
    )
    with pytest.raises(NoDataError, match="the times asked for, 0 to 1000.5 s since T0; widen them"):
        select_data(lists, late.spectrum.data, late)


def test_first_hours_count_from_the_first_good_time_of_any_mode() -> None:
    data = select_data([LATE, EMPTY, EARLY], FirstHours(1200 * u.s), REQUEST)
    found = [limit for events in (*data.wt, *data.pc) for pair in events.gti for limit in pair]
    assert found == pytest.approx([1000.0, 1900.0, 2000.0, 2200.0])
    assert "1 event file was not used, outside of the times asked for: sw00012345002xpc.evt" in data.notes


def test_missing_observations_are_named() -> None:
    data = select_data([LATE, EARLY], Observations("00012345001", "00012345009"), REQUEST)
    assert data.obsids == ("00012345001",)
    assert data.cautions == (("PartialResultWarning", "no data of the observations 00012345009"),)
    assert data.notes == ("1 observation was not used, not asked for: 00012345002",)
    with pytest.raises(NoDataError, match="of the target, which are 00012345002, 00012345001$"):
        select_data([LATE, EARLY], Observations("00012345009"), REQUEST)


def test_damaged_file_is_not_passed_over() -> None:
    damaged = FakeObservation("00012345004", PC=FormatError("is cut", "x.evt"))
    with pytest.raises(FormatError, match="is cut"):
        select_data([EARLY, damaged], None, REQUEST)


def test_what_to_do_without_a_damaged_observation_is_told() -> None:
    damaged = FakeObservation("00012345004", PC=FormatError("is cut", "x.evt"))
    with pytest.raises(FormatError, match=r"x.evt: is cut; .*data=Observations\('00012345001', '00012345002'\)"):
        select_data([EARLY, damaged, LATE], None, REQUEST)
    with pytest.raises(FormatError, match="x.evt: is cut$"):
        select_data([damaged], None, REQUEST)


def test_two_fields_are_refused() -> None:
    other = FakeObservation("00012345009", WT=GTI([7000.0], [7100.0]))
    with pytest.raises(RequestError, match=r"00012345001 \(X\) and 00012345009 \(X\) are 5.00 deg apart"):
        select_data([EARLY, other], None, REQUEST)
    assert select_data([EARLY, other], Observations("00012345009"), REQUEST).obsids == ("00012345009",)


def test_time_that_two_observations_cover_counts_once() -> None:
    again = FakeObservation("00012345005", PC=GTI([2500.0, 9000.0], [3100.0, 9100.0]), WT=GTI([1100.0], [1200.0]))
    data = select_data([EARLY, again], None, REQUEST)
    assert [list(events.gti) for events in data.pc] == [[(2000.0, 3000.0)], [(3000.0, 3100.0), (9000.0, 9100.0)]]
    assert [events.obsid for events in data.wt] == ["00012345001"]
    assert data.notes == (
        "500 s of 00012345005 that another observation covers too were left out",
        "100 s of 00012345005 that another observation covers too were left out",
        "1 event file was not used, with good time that other files cover too: sw00012345005xwt.evt",
    )


def test_mode_without_the_source_does_not_spoil_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def extract(lists: tuple, *arguments: object) -> None:
        tried.append(lists[0].mode)
        raise NoDataError("outside")

    monkeypatch.setattr(modes, "_extracted", extract)
    lists = [FakeEvents("00012345001", mode, GTI([0.0], [1.0])) for mode in (Mode.PC, Mode.WT)]
    data = Data((lists[0],), (lists[1],))  # type: ignore[arg-type]
    with pytest.raises(NoDataError, match="WT mode was left out: outside; PC mode was left out"):
        make_spectra.make(REQUEST.with_defaults(), data, Provenance(), lambda *arguments: None)
    assert tried == [Mode.WT, Mode.PC]
