"""What the local catalogue answers about sources, datasets, transients and their light curves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt.backends.local.catalog.clock import bjd_of, mjd_of, uk_date
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.numbers import designation, healpix, number, sexagesimal
from swiftxrt.catalog.objects import find_dataset, find_source, find_transient
from swiftxrt.catalog_fields import fields_of
from swiftxrt.exceptions import RequestRejectedError, ServiceWarning, SupersededError, UnknownObjectError
from swiftxrt.wire import lightcurve
from tests import surveyed
from tests.backends.local_catalogs import source_id, surveyed_catalog

BANDS = ("Total", "Soft", "Medium", "Hard")


@pytest.fixture(scope="module")
def catalog(
    surveyed_archive: Path, surveyed_state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCatalog]:
    made = surveyed_catalog(surveyed_archive, surveyed_state, tmp_path_factory.mktemp("catalog"))
    yield made
    made.close()


def curves(catalog: LocalCatalog, name: str = "soft", **options: Any) -> dict[str, Any]:
    usual = {"binning": "obsid", "timeFormat": "MJD"}
    return catalog.ask("getSXPSLC", {"whichCat": "LSXPS", "sourceID": source_id(catalog, name), **usual, **options})


def table(reply: dict[str, Any], name: str) -> dict[str, np.ndarray]:
    part = reply[f"{name}Data"]
    return dict(zip(part["columns"], map(np.array, zip(*part["data"], strict=True)), strict=True))


# --- Sources -------------------------------------------------------------------


def test_details_of_a_source(catalog: LocalCatalog) -> None:
    asked = source_id(catalog, "hard")
    data = catalog.ask("getSXPSSourceInfo", {"whichCat": "LSXPS", "sourceID": asked})["data"]
    assert list(data) == list(fields_of("LSXPS", "source"))
    assert data["IAUName"] == designation("LSXPS", data["RA"], data["Decl"])
    assert data["HPPIX"] == healpix(data["RA"], data["Decl"])
    assert (data["NumObs"], data["NumBlindDetObs"], data["NumDetObs"], data["HasSpec"], data["OK"]) == (2, 2, 2, 1, 1)
    assert data["Exposure"] == pytest.approx(2 * surveyed.EXPOSURE_S, rel=0.2)
    assert data["FirstObsMET"] < data["LastObsMET"]
    assert data["FirstBlindDetDate"] == uk_date(data["FirstBlindDetMET"])
    assert data["lcRanges"]["MET_lo"] == data["FirstObsMET"]
    assert data["lcRanges"]["MJD_hi"] == pytest.approx(float(mjd_of(data["LastObsMET"])))
    assert data["Rate_band0_neg"] < 0 < data["Rate_band0"] < data["UL_band0"]
    assert data["PowFlux"] == pytest.approx(data["Rate_band0"] * data["PowECFO"], rel=1e-6, abs=0)
    assert data["PowPeakUnabsFlux_pos"] == pytest.approx(data["PeakRate_band0_pos"] * data["PowECFU"], rel=1e-6, abs=0)
    unknown = ("GalacticNH", "APECFlux", "InterpPowNH", "MatchIn2MASS", "NumExternalMatches", "WhenAdded")
    assert [data[name] for name in unknown] == [None] * len(unknown)
    assert data["CrossMatch"] == []


def test_neighbours_have_numbers_and_names(catalog: LocalCatalog) -> None:
    data = catalog.ask("getSXPSSourceInfo", {"sourceID": source_id(catalog, "soft")})["data"]
    other = catalog.ask("getSXPSSourceInfo", {"sourceID": data["NearestOKNeighbour_ID"]})["data"]
    assert other["IAUName"] == data["NearestOKNeighbour_name"]
    places = [SkyCoord(one["RA"], one["Decl"], unit="deg") for one in (data, other)]
    assert data["NearestOKNeighbour"] == pytest.approx(places[0].separation(places[1]).arcsec, rel=1e-5)
    assert data["NearestNeighbour"] <= data["NearestOKNeighbour"]


def test_detections_and_non_detections(catalog: LocalCatalog) -> None:
    data = catalog.ask("getSXPSSourceInfo", {"sourceID": source_id(catalog, "new")})["data"]
    found, missed = data["Detections"], data["NonDetections"]
    assert (found["NumStacks"], found["NumObservations"]) == (1, 1)
    assert (missed["NumStacks"], missed["NumObservations"]) == (0, 1)
    assert "Stacks" not in missed
    (row,) = found["Observations"]
    assert row["ObsID"] == surveyed.OBSIDS[1]
    assert row["HasBlindDetection_band0"] == 1
    assert set(row["Total_Info"]) >= {"DetectionID", "DatasetID", "Band", "Rate", "DetFlag"}
    (other,) = missed["Observations"]
    assert other["ObsID"] == int(surveyed.OBSIDS[0])  # as recorded: a number here
    for band, name in enumerate(BANDS):
        info = other[f"{name}_Info"]
        assert (info["sourceID"], info["dsID"], info["band"], info["isDet"]) == (data["LSXPS_ID"], 1, band, 0)
        assert info["UL"] > 0


@pytest.mark.parametrize("spelling", [str, str.lower, lambda name: f"  {name.replace(' ', '')} "])
def test_sources_by_name_in_any_spelling(catalog: LocalCatalog, spelling: Any) -> None:
    asked = source_id(catalog, "target")
    name = catalog.ask("getSXPSSourceInfo", {"sourceID": str(asked)})["data"]["IAUName"]
    assert catalog.ask("getSXPSSourceInfo", {"sourceName": spelling(name)})["data"]["LSXPS_ID"] == asked


@pytest.mark.parametrize(
    ("function", "content", "told"),
    [
        ("getSXPSSourceInfo", {"sourceID": 999}, "Source with sourceID: `999` is not found in the LSXPS catalogue."),
        ("getSXPSSourceInfo", {"sourceName": "LSXPS J0"}, "Source with sourceName: `LSXPS J0` is not found"),
        ("getSXPSLC", {"sourceID": 999}, "`999` is not found"),
        ("getSXPSSpectrumData", {"sourceID": 999}, "`999` is not found"),
        ("getSXPSSourceImages", {"sourceID": 999}, "`999` is not found"),
        ("getSXPSLC", {"sourceID": 1, "whichCat": "2SXPS"}, "not found in the 2SXPS catalogue"),
        ("getSXPSTransInfo", {"sourceID": 9}, "Transient with sourceID: `9` is not found in the LSXPS catalogue."),
        (
            "getSXPSDatasetInfo",
            {"ObsID": "10000000668"},
            "Dataset with obsid: `10000000668` is not found in the LSXPS catalogue.",
        ),
        ("getSXPSDatasetImages", {"DatasetID": 77}, "Dataset with datasetid: `77` is not found"),
    ],
)
def test_what_is_not_there(catalog: LocalCatalog, function: str, content: dict[str, Any], told: str) -> None:
    with pytest.raises(UnknownObjectError) as caught:
        catalog.ask(function, content)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("function", "content", "told"),
    [
        ("getSXPSSourceInfo", {}, "none was given"),
        ("getSXPSSourceInfo", {"sourceID": 1, "sourceName": "x"}, "both"),
        ("getSXPSSourceInfo", {"sourceID": True}, "whole number"),
        ("getSXPSSourceInfo", {"sourceID": "1; DROP TABLE bins"}, "whole number"),
        ("getSXPSSourceInfo", {"sourceID": "9" * 30}, "whole number"),
        ("getSXPSSourceInfo", {"sourceID": 1, "whichCat": "2SXPS"}, "LSXPS only"),
        ("getSXPSSourceInfo", {"sourceID": 1, "whichCat": "UK_XRT"}, "LSXPS or 2SXPS"),
        ("getSXPSTransAsSources", {"sourceID": 1}, "a list of transients"),
        ("getSXPSLC", {"sourceID": 1, "binning": "weekly"}, "binning must be"),
        ("getSXPSLC", {"sourceID": 1, "binning": "counts"}, "transients only"),
        ("getSXPSLC", {"sourceID": 1, "timeFormat": "BJD"}, "timeFormat must be"),
        ("getSXPSLC", {"sourceID": 1, "bands": ["total", "ultraviolet"]}, "ultraviolet"),
        ("getSXPSLC", {"sourceID": 1, "bands": 7}, "bands must be"),
        ("getSXPSLC", {"sourceID": 1, "retroAsUL": "maybe"}, "retroAsUL must be true or false"),
        ("getSXPSSpectrumData", {"sourceID": 1, "transient": True, "specType": "x"}, "specType"),
        ("getSXPSDatasetImages", {"DatasetID": 1, "types": ["movie"]}, "types must be"),
    ],
)
def test_questions_that_cannot_be_understood(
    catalog: LocalCatalog, function: str, content: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestRejectedError, match=told):
        catalog.ask(function, content)


def test_our_client_understands_the_objects(catalog: LocalCatalog) -> None:
    source = find_source(catalog, source_id(catalog, "new"), catalog="LSXPS")
    assert len(source.detections) == len(source.non_detections) == 1
    assert source.observations()["detection"].tolist() == ["blind", "none"]
    transient = find_transient(catalog, 1, catalog="LSXPS")
    assert find_source(catalog, transient=transient.name, catalog="LSXPS").name == source.name
    dataset = find_dataset(catalog, surveyed.OBSIDS[1], catalog="LSXPS")
    assert abs((dataset["StartTime_UTC"] - dataset["StartTime_MET"]).sec) < 1.0


def test_sources_that_are_gone(catalog: LocalCatalog) -> None:
    """Numbers of an earlier catalogue lead to the source, or the sources, in their place."""
    one, two = source_id(catalog, "hard"), source_id(catalog, "soft")
    columns = ["LSXPS_ID", "IAUName", "RA", "Decl", "Successors"]
    gone = [(901, [one]), (902, [one, two]), (903, [])]
    catalog.store.add("gone", [dict(zip(columns, (i, f"X{i}", 0.0, 0.0, to), strict=True)) for i, to in gone])
    catalog.store.add("names", [{"LSXPS_ID": i, "IAUName": f"X{i}"} for i, _ in gone])
    assert catalog.ask("getSXPSSourceInfo", {"sourceID": 901})["data"]["LSXPS_ID"] == one
    newer = catalog.ask("getSXPSSourceInfo", {"sourceName": "X902"})["newerSources"]
    assert sorted(row["LSXPS_ID"] for row in newer) == sorted([one, two])
    assert list(newer[0]) == ["LSXPS_ID", "IAUName", "RA", "Decl", "Err90"]
    reply = catalog.ask("getSXPSLC", {"sourceID": 902, "binning": "obs"})
    assert (reply["newerSources"], reply["Binning"]) == (newer, "obslc")
    with pytest.raises(SupersededError):
        find_source(catalog, 902, catalog="LSXPS")
    with pytest.raises(UnknownObjectError):
        catalog.ask("getSXPSSourceInfo", {"sourceID": 903})


def test_names_of_before_lead_to_the_source(catalog: LocalCatalog) -> None:
    """A source keeps its number when it is found at a slightly other place, but has another name then."""
    one, two = source_id(catalog, "hard"), source_id(catalog, "soft")
    names = [(one, "LSXPS J095959.9+195959"), (one, "X910"), (two, "X910"), (one, current(catalog, one))]
    catalog.store.add("names", [{"LSXPS_ID": number, "IAUName": name} for number, name in names])
    with pytest.warns(ServiceWarning, match="in place of LSXPS J095959"):
        assert find_source(catalog, "LSXPS J095959.9+195959", catalog="LSXPS").source_id == one
    assert catalog.ask("getSXPSLC", {"sourceName": "lsxps j095959.9+195959"})["Datasets"]
    newer = catalog.ask("getSXPSSourceInfo", {"sourceName": "X910"})["newerSources"]
    assert [row["LSXPS_ID"] for row in newer] == [one, two]
    assert catalog.ask("getSXPSSourceInfo", {"sourceName": current(catalog, one)})["data"]["LSXPS_ID"] == one


def current(catalog: LocalCatalog, number: int) -> str:
    return str(catalog.ask("getSXPSSourceInfo", {"sourceID": number})["data"]["IAUName"])


def test_stacks_that_are_gone(catalog: LocalCatalog) -> None:
    """A new version of a stack has a new number; a stack that is no more has others in its place."""
    live = catalog.ask("getSXPSDatasetInfo", {"ObsID": 10000000001})["data"]
    names = ("number", "obsid", "version", "content", "members", "is_stack", "is_live")
    members = [surveyed.OBSIDS[0], "00000000009"]
    old = [
        (901, "10000000001", 0, "", members, 1, 0),
        (902, "10000000009", 1, "", members, 1, 0),
        (903, "10000000008", 1, "", members[1:], 1, 0),
    ]
    catalog.store.add("known_datasets", [dict(zip(names, one, strict=True)) for one in old])
    told = {name: live[name] for name in ("DatasetID", "DataVersion", "ExposureUsed")} | {"ObsID": 10000000001}
    ask = partial(catalog.ask, "getSXPSDatasetInfo")
    assert ask({"DatasetID": 901}) == {"SupersedingStacks": {"LatestVersion": told}}
    for content in ({"ObsID": "10000000009"}, {"DatasetID": 902}):
        assert ask(content) == {"SupersedingStacks": {"OtherStacks": [told]}}
    with pytest.raises(SupersededError) as caught:
        find_dataset(catalog, 10000000009, catalog="LSXPS")
    assert caught.value.successors is not None
    assert caught.value.successors["DatasetID"].tolist() == [live["DatasetID"]]
    for content in ({"DatasetID": 903}, {"ObsID": 10000000008}):
        with pytest.raises(UnknownObjectError, match="is not found"):
            ask(content)
    with pytest.raises(UnknownObjectError, match="is not found"):
        catalog.ask("getSXPSDatasetImages", {"ObsID": "10000000009"})


# --- Transients ----------------------------------------------------------------


def test_details_of_a_transient(catalog: LocalCatalog) -> None:
    made = catalog.ask("getSXPSTransInfo", {"sourceID": 1})
    assert set(made) == set(fields_of("LSXPS", "transient"))
    assert made["IAUName"] == designation("Swift", made["RA"], made["Decl"])
    assert made["LSXPS_ID"] == source_id(catalog, "new")
    excess = made["PeakRateAtDetection"] - made["BestUpperLimit"]
    assert made["Significance"] == pytest.approx(excess / abs(made["PeakRateAtDetection_neg"]))
    assert (made["DiscoveryObs"], made["LSXPS_UpperLimit_ObsID"]) == (surveyed.OBSIDS[1], surveyed.OBSIDS[0])
    assert (made["AllNewObs"], made["AllNewTargs"]) == ([surveyed.OBSIDS[1]], [int(surveyed.OBSIDS[1][:8])])
    assert 0 < made["PeakSoftMedBandRateAtDetection"] < made["PeakRateAtDetection"]
    assert made["Classification"] is None
    assert catalog.ask("getSXPSTransInfo", {"sourceName": made["IAUName"]}) == made


def test_transients_as_sources(catalog: LocalCatalog) -> None:
    made = catalog.ask("getSXPSTransInfo", {"sourceID": 1})
    found = catalog.ask("getSXPSTransAsSources", {"whichCat": "LSXPS", "sourceID": [1, 7]})["lookup"]
    assert found == {"1": made["LSXPS_ID"], "7": "MISSING"}
    names = catalog.ask("getSXPSTransAsSources", {"sourceName": [made["IAUName"]]})["lookup"]
    assert names == {made["IAUName"]: made["LSXPSName"]}


def test_light_curves_of_transients(catalog: LocalCatalog) -> None:
    content = {"sourceID": 1, "transient": True, "bands": "all", "timeFormat": None}
    for binning, told in (("counts", "counts"), ("Observation", "obslc"), ("ss", "sslc")):
        reply = catalog.ask("getSXPSLC", {**content, "binning": binning})
        assert (reply["TimeFormat"], reply["T0"], reply["Binning"]) == ("MJD", 0, told)
        assert "PC_incbad" in reply["Datasets"]
        assert all(name.endswith("_incbad") for name in reply["Datasets"])
        rates = table(reply, "PC_incbad")
        assert np.average(rates["Rate"], weights=rates["Exposure"]) == pytest.approx(surveyed.NEW[1], rel=0.3)
        assert catalog.ask("getSXPSLC", {**content, "binning": binning}) == reply
        assert len(lightcurve.decode(reply).total) >= len(rates["Rate"])


# --- Datasets ------------------------------------------------------------------


@pytest.mark.parametrize("obsid", [surveyed.OBSIDS[0], int(surveyed.OBSIDS[0]), surveyed.OBSIDS[0].lstrip("0")])
def test_details_of_a_dataset(catalog: LocalCatalog, obsid: Any) -> None:
    data = catalog.ask("getSXPSDatasetInfo", {"whichCat": "LSXPS", "ObsID": obsid})["data"]
    assert list(data) == list(fields_of("LSXPS", "dataset"))
    assert (data["ObsID"], data["IsStackedImage"], data["inStack"]) == (surveyed.OBSIDS[0], 0, [10000000001])
    assert (data["TargetID"], data["NumberOfSnapshots"]) == (int(surveyed.OBSIDS[0][:8]), 2)
    assert data["ExposureUsed"] == pytest.approx(surveyed.EXPOSURE_S, rel=0.01)
    assert data["SourcesThisField"] == len(data["Sources"]) <= data["NumAllSources"]
    assert data["MidTime_TDB"] == pytest.approx(data["MidTime_MJD"] + 2400000.5, abs=0.01)
    assert catalog.ask("getSXPSDatasetInfo", {"DatasetID": data["DatasetID"]})["data"] == data


def test_sources_of_a_dataset(catalog: LocalCatalog) -> None:
    data = catalog.ask("getSXPSDatasetInfo", {"ObsID": 10000000001})["data"]
    assert (data["IsStackedImage"], data["TargetID"], data["inStack"]) == (1, None, [])
    for row in data["Sources"]:
        for band in BANDS:
            has = [f"{band}_{kind}" in row for kind in ("DetectionDetails", "NonDetectionDetails")]
            assert sorted(has) == [False, True]
        assert (row["RA_sexagesimal"], row["Decl_sexagesimal"]) == sexagesimal(row["RA"], row["Decl"])
    details = next(row for row in data["Sources"] if row["LSXPS_ID"] == source_id(catalog, "target"))
    assert len(details["Total_DetectionDetails"]) == 15
    assert -1 < details["HR1"] < 1


# --- Light curves --------------------------------------------------------------


def test_light_curves_by_observation(catalog: LocalCatalog) -> None:
    reply = curves(catalog, "target")
    assert list(reply)[:4] == ["TimeFormat", "T0", "Binning", "Datasets"]
    assert reply["Datasets"] == [*(f"{band}_rates" for band in BANDS), "HR1", "HR2"]
    rates = table(reply, "Total_rates")
    expected = "Time TimePos TimeNeg Rate RatePos RateNeg CtsInSrc BGInSrc CorrFact Exposure"
    assert list(rates) == expected.split()
    made = (rates["CtsInSrc"] - rates["BGInSrc"]) * rates["CorrFact"] / rates["Exposure"]
    assert rates["Rate"] == pytest.approx(made)
    assert (rates["RateNeg"] < 0).all()
    assert rates["Rate"] == pytest.approx(surveyed.STEADY["target"][1], rel=0.2)
    assert rates["TimePos"] == pytest.approx(-rates["TimeNeg"])
    assert lightcurve.decode(reply).total["rate"].value == pytest.approx(rates["Rate"])


def test_limits_of_what_was_not_found(catalog: LocalCatalog) -> None:
    reply = curves(catalog, "new", showObs=True)
    assert reply["Datasets"][:2] == ["Total_rates", "Total_UL"]
    limits = table(reply, "Total_UL")
    assert list(limits) == [
        "Time",
        "TimePos",
        "TimeNeg",
        "UpperLimit",
        "CtsInSrc",
        "BGInSrc",
        "CorrFact",
        "Exposure",
        "ObsID",
    ]
    assert limits["ObsID"].tolist() == [surveyed.OBSIDS[0]]
    assert table(reply, "Total_rates")["ObsID"].tolist() == [surveyed.OBSIDS[1]]


def test_times_in_all_formats(catalog: LocalCatalog) -> None:
    of = {name: table(curves(catalog, timeFormat=name), "Total_rates") for name in ("met", "MJD", "Tdb")}
    met = of["met"]["Time"]
    assert of["MJD"]["Time"] == pytest.approx(mjd_of(met), abs=1e-9)
    place = surveyed.place(surveyed.STEADY["soft"][0])
    assert of["Tdb"]["Time"] == pytest.approx(bjd_of(met, place.ra.deg, place.dec.deg), abs=1e-7)
    assert of["met"]["TimePos"] == pytest.approx(of["MJD"]["TimePos"] * 86400)
    assert curves(catalog, timeFormat="swift met")["TimeFormat"] == "Swift MET"
    assert curves(catalog, timeFormat=None)["TimeFormat"] == "MJD"


def test_light_at_the_barycentre_as_astropy_has_it() -> None:
    """Astropy's own way needs a place on the Earth; the light needs 0.02 s from there to its centre."""
    met, place = np.array([2e8, 6e8]), SkyCoord(32.2, 56.9, unit="deg")
    from astropy.coordinates import EarthLocation

    time = Time(mjd_of(met), format="mjd", scale="utc", location=EarthLocation.from_geodetic(0, 0))
    expected = (time.tdb + time.light_travel_time(place, ephemeris="builtin")).jd
    assert (bjd_of(met, 32.2, 56.9) - expected) * 86400 == pytest.approx([0, 0], abs=0.05)


def test_snapshots_and_spellings(catalog: LocalCatalog) -> None:
    for word in ("snapshot", "SS"):
        reply = curves(catalog, "target", binning=word)
        assert reply["Binning"] == "sslc"
        assert len(table(reply, "Total_rates")["Rate"]) == 4
    for word in ("Observation", "obs", None):
        assert curves(catalog, "target", binning=word)["Binning"] == "obslc"


def test_bands(catalog: LocalCatalog) -> None:
    assert curves(catalog, "target", bands=["Hard", "hr2"])["Datasets"] == ["Hard_rates", "HR2"]
    assert curves(catalog, "target", bands="total")["Datasets"] == ["Total_rates"]
    ratio = table(curves(catalog, "target", bands="HR1"), "HR1")
    assert list(ratio) == ["Time", "TimePos", "TimeNeg", "HR", "HRPos", "HRNeg", "Exposure"]


def _origins(catalog: LocalCatalog, name: str, **options: Any) -> dict[str, int]:
    """Numbers of bins of the datasets of the hard band and the first ratio, by snapshot."""
    reply = curves(catalog, name, binning="snapshot", bands=["hard", "hr1"], **options)
    return {one: len(reply[f"{one}Data"]["data"]) for one in reply["Datasets"]}


def test_grouping_of_rates_and_limits(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bin of each origin, and one more blind one."""
    number = source_id(catalog, "hard")
    columns = "SELECT * FROM bins WHERE LSXPS_ID = ? AND Snapshot > 0 AND Band = 3 ORDER BY StartMET"
    rows = catalog.store.select(columns, [number])
    ratios = [{**row, "Ratio": "HR1", "HR": 0.1, "HRPos": 0.1, "HRNeg": -0.1} for row in rows]
    origins = ("blind", "retro", "nondet", "blind")
    rows, ratios = ([{**row, "Origin": one} for row, one in zip(part, origins, strict=True)] for part in (rows, ratios))
    ratios = [row for row in ratios if row["Origin"] != "nondet"]

    class Store:
        def select(self, sql: str, values: Any = ()) -> Any:
            return (
                rows if "FROM bins" in sql else ratios if "FROM hardness" in sql else catalog.store.select(sql, values)
            )

    import swiftxrt.backends.local.catalog.curves as module

    real = module._datasets
    monkeypatch.setattr(module, "_datasets", lambda store, *others: real(Store(), *others))
    assert _origins(catalog, "hard") == {"Hard_rates": 3, "Hard_UL": 1, "HR1": 3}
    assert _origins(catalog, "hard", groupRates=False) == {
        "Hard_blind_rates": 2, "Hard_retro_rates": 1, "Hard_UL": 1, "HR1": 3,
    }  # fmt: skip
    assert _origins(catalog, "hard", groupULs=False, retroAsUL=True) == {
        "Hard_rates": 2, "Hard_retro_UL": 1, "Hard_nondet_UL": 1, "HR1": 3,
    }  # fmt: skip
    assert _origins(catalog, "hard", nondetAsUL=False, groupRates=False) == {
        "Hard_blind_rates": 2, "Hard_retro_rates": 1, "Hard_nondet_rates": 1, "HR1": 3,
    }  # fmt: skip
    assert _origins(catalog, "hard", retroAsUL=True) == {"Hard_rates": 2, "Hard_UL": 2, "HR1": 3}
    assert _origins(catalog, "hard", groupHRss=False)["HR1_retro"] == 1
    assert _origins(catalog, "hard", getRetroHR=False)["HR1"] == 2
    assert _origins(catalog, "hard", getAllTypes=True) == {
        "Hard_blind_rates": 2, "Hard_retro_rates": 1, "Hard_nondet_rates": 1, "Hard_retro_UL": 1, "Hard_nondet_UL": 1,
        "HR1_blind": 2, "HR1_retro": 1,
    }  # fmt: skip


# --- Numbers -------------------------------------------------------------------


def test_names_are_cut_off_not_rounded() -> None:
    """Those of sources of LSXPS."""
    assert designation("LSXPS", 95.36212207, -62.38828768) == "LSXPS J062126.9-622317"
    assert designation("LSXPS", 249.2525355614, 7.6539136659) == "LSXPS J163700.6+073914"
    assert designation("Swift", 359.999999, -0.5) == "Swift J235959.9-003000"


@pytest.mark.parametrize(
    ("ra", "dec", "pixel"),
    [(95.36212207, -62.38828768, 185287), (112.5286087, -19.61960257, 131488), (249.2525355614, 7.6539136659, 85090)],
)
def test_pixels_as_of_sources_of_lsxps(ra: float, dec: float, pixel: int) -> None:
    assert healpix(ra, dec) == pixel


def test_numbers() -> None:
    assert sexagesimal(32.15125, 56.9457222) == ("02 08 36.30", "+56 56 44.6")
    assert sexagesimal(359.9999999, -0.1) == ("00 00 00.00", "-00 06 00.0")
    assert number(np.nan) is number(np.inf) is None
    assert str(number(-0.0)) == "0.0"
    assert number(1.23456, 2) == 1.23
    assert uk_date(None) is None
    # Source 209920 of LSXPS: a summer and a winter date.
    assert uk_date(175893506.972863) == "2006-07-29 20:18:25"
    assert uk_date(188956137.813723) == "2006-12-27 23:48:56"
