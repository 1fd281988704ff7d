"""Pictures of sources and images of datasets: questions as recorded, replies after recorded logs, and odd ones."""

from __future__ import annotations

import base64
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from regions import CircleSkyRegion

from swiftxrt import DatasetImages, EnergyBand, SkyImage, SourcePreview, SwiftXRTClass, conf
from swiftxrt.catalog.saving import Keeping, file_name
from swiftxrt.exceptions import (
    FormatError,
    OutputExistsError,
    PartialResultWarning,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    ServiceUnavailableError,
    ServiceWarning,
    SupersededError,
    UnknownObjectError,
)
from swiftxrt.io.regions import write_ds9
from swiftxrt.wire import api
from tests.catalog.replay import URL, Replay, fixture

PREVIEWS, IMAGES = "getSXPSSourceImages", "getSXPSDatasetImages"
NAME = "LSXPS J062131.8-622213"
OBSID = "00282445000"
BANDS = {"Total": "total", "Soft": "band1", "Medium": "band2", "Hard": "band3"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Service(Replay):
    """Files that are not there cannot be fetched."""

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        if url not in self.files:
            raise ServiceUnavailableError(f"404: {url}", url=url)
        return super().fetch(url, path, overwrite=overwrite)


def service(files: dict[str, Any] | None = None, **functions: Any) -> tuple[SwiftXRTClass, Service]:
    made, backend = SwiftXRTClass(), Service(functions, files)
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


def pictures(*bands: str) -> dict[str, str]:
    return {band: f"{URL}/images/source5/{band.lower()}_xyz.png" for band in bands}


def all_pictures() -> tuple[SwiftXRTClass, Service]:
    urls = pictures("Total", "Soft", "Medium", "Hard", "Expmap")
    return service(dict.fromkeys(urls.values(), PNG), **{PREVIEWS: urls})


def images(obsid: str = OBSID, *, regions: str | None = "Region") -> dict[str, Any]:
    """A reply, as the recorded logs have the names of files."""
    base = f"{URL}/LSXPS/{obsid}"
    reply: dict[str, Any] = {}
    for band, stem in BANDS.items():
        reply[band] = {
            "Image": f"{base}/{obsid}_{stem}.img.gz",
            "BackgroundMap": f"{base}/{obsid}_{stem}_final_BGmap.img.gz",
            "BackgroundMapWithSources": f"{base}/{obsid}_{stem}_final_BGmap_w_source.img.gz",
        }
        if regions:
            reply[band][regions] = f"{base}/{stem}.reg"
    return {**reply, "Expmap": f"{base}/{obsid}_ex.img.gz"}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An image of counts, a map, and regions."""
    folder = tmp_path_factory.mktemp("images")
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 95.4, "CRVAL2": -62.4})
    header.update({"CRPIX1": 5.5, "CRPIX2": 5.5, "CDELT1": -0.000654, "CDELT2": 0.000654})
    made = {}
    for name, data in (("counts", np.full((10, 10), 2, dtype=np.int16)), ("map", np.full((10, 10), 0.25, dtype="f4"))):
        path = folder / f"{name}.img.gz"
        fits.PrimaryHDU(data, header=header).writeto(path)
        made[name] = path.read_bytes()
    write_ds9(folder / "a.reg", [CircleSkyRegion(SkyCoord(95.4, -62.4, unit="deg"), 10 * u.arcsec)])
    return {**made, "regions": (folder / "a.reg").read_bytes(), "exposure": made["map"]}


def files_of(reply: dict[str, Any], contents: dict[str, bytes]) -> dict[str, bytes]:
    found = {}
    for value in reply.values():
        for url in value.values() if isinstance(value, dict) else [value]:
            if isinstance(url, str) and url.startswith(URL):
                plain = url.endswith(tuple(f"{stem}.img.gz" for stem in BANDS.values()))
                found[url] = contents["regions" if url.endswith(".reg") else "counts" if plain else "map"]
    return found


# ---------------------------------------------------------------- questions


def recorded_requests(validation_data: Path, function: str) -> list[dict[str, Any]]:
    calls = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")["calls"]
    cases = fixture(validation_data, "query", "wire_requests_sxps_products.json")["cases"]
    bodies = [body for call in calls for body in call["requests"]]
    bodies += [call["body"] for case in cases for call in case["calls"] if call["method"] == "POST"]
    bodies.append(fixture(validation_data, "sxps", "wire", "getSXPSDatasetImages_error.json")["request"])
    return [body for body in bodies if body["APIFunc"] == function]


def test_every_recorded_request_for_pictures(validation_data: Path) -> None:
    bodies = recorded_requests(validation_data, PREVIEWS)
    assert len(bodies) >= 5
    for body in bodies:
        real = dict(body)
        if "sourceName" in real:  # "A" and "Swift J1" are no names
            real["sourceName"] = "Swift J073006.8-193709" if real.get("transient") else NAME
        swift, backend = all_pictures()
        key = "transient" if real.get("transient") else "source"
        swift.get_previews(**{key: real.get("sourceID", real.get("sourceName"))}, bands=real["bands"])
        assert list(api.seal(PREVIEWS, backend.sent(PREVIEWS)[0]).items()) == list(real.items())


def test_every_recorded_request_for_images(validation_data: Path, contents: dict[str, bytes]) -> None:
    bodies = recorded_requests(validation_data, IMAGES)
    assert len(bodies) >= 4
    for body in bodies:
        reply = images(body["ObsID"])
        swift, backend = service(files_of(reply, contents), **{IMAGES: reply})
        swift.get_images(body["ObsID"], bands=body["bands"], types=body["types"], regions=body["getRegions"])
        assert list(api.seal(IMAGES, backend.sent(IMAGES)[0]).items()) == list(body.items())


def test_our_words_become_those_of_the_service() -> None:
    swift, backend = service(**{IMAGES: {"Total": "NOTFOUND"}, PREVIEWS: {"Total": "NOTFOUND"}})
    with pytest.raises(ProductNotAvailableError):
        swift.get_images(dataset_id=9725, bands=["hard", "exposure"], types=["counts", "background_with_sources"])
    with pytest.raises(ProductNotAvailableError):
        swift.get_previews(1, bands="exposure", catalog="2SXPS")
    (sent,), (other,) = backend.sent(IMAGES), backend.sent(PREVIEWS)
    assert sent == {
        "whichCat": "LSXPS",
        "bands": ["hard", "expmap"],
        "types": ["image", "backgroundmapwithsources"],
        "getRegions": True,
        "DatasetID": 9725,
    }
    assert other == {"whichCat": "2SXPS", "bands": ["expmap"], "sourceID": 1}


@pytest.mark.parametrize(
    ("method", "options", "text"),
    [
        ("get_previews", {"source": 1, "bands": "red"}, "must be one of total, soft, medium, hard, exposure"),
        ("get_previews", {"source": 1, "transient": 1}, "got source and transient"),
        ("get_previews", {"transient": 1, "catalog": "2SXPS"}, "LSXPS only"),
        ("get_previews", {"source": 1, "catalog": "UK_XRT"}, "those of LSXPS and 2SXPS"),
        ("get_previews", {"source": 1, "layout": "x"}, "must be one of folders, stems"),
        ("get_images", {"dataset": OBSID, "types": "backgroud"}, "did you mean 'background'"),
        ("get_images", {"dataset": OBSID, "bands": []}, "'all', or some of"),
        ("get_images", {"dataset": OBSID, "regions": "yes"}, "True or False is needed"),
        ("get_images", {"dataset": OBSID, "catalog": "UK_XRT"}, "those of LSXPS and 2SXPS"),
        ("get_images", {}, "give either an ObsID or dataset_id"),
    ],
)
def test_bad_options_end_before_anything_is_asked(method: str, options: dict[str, Any], text: str) -> None:
    swift, backend = service()
    with pytest.raises(RequestError, match=text):
        getattr(swift, method)(**options)
    assert not backend.asked


# ---------------------------------------------------------------- pictures


def test_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    swift, _ = all_pictures()
    found = swift.get_previews(NAME)
    assert list(found) == ["total", "soft", "medium", "hard", "exposure"]
    assert not list(tmp_path.iterdir())
    preview = found["soft"]
    assert (preview.content, preview.band) == (PNG, "soft")
    assert preview._repr_png_() == PNG
    assert preview.write("soft.png").read_bytes() == PNG
    with pytest.raises(OutputExistsError):
        preview.write("soft.png")
    assert len(repr(preview)) < 120


def test_looking_at_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    SourcePreview("hard", PNG).peek()
    assert plt.gca().get_title() == "hard"
    _, ax = plt.subplots()
    assert SourcePreview("hard", PNG, name="LSXPS J062131.8-622213").plot(ax=ax) is ax
    assert ax.get_title() == "LSXPS J062131.8-622213, hard"
    plt.close("all")


LOGS = [
    ("query", "sxps_source_images_log", "source"),
    ("query", "sxps_transient_images_log", "transient"),
    ("sxps", "source_images_log_single", "source"),
    ("sxps", "source_images_log_list_flat", "source"),
    ("sxps", "transient_images_log", "transient"),
]


@pytest.mark.parametrize(("folder", "name", "key"), LOGS)
def test_pictures_are_kept_under_the_recorded_names(
    validation_data: Path, tmp_path: Path, folder: str, name: str, key: str
) -> None:
    """The same sources and bands as in a recorded log give the files that it tells of."""
    lines = log_lines(validation_data, folder, name)
    saved = [line.split("`")[1].split("/", 1)[1] for line in lines if line.startswith("Saving file")]
    sources = list(dict.fromkeys(line.split("`")[1] for line in lines if line.startswith("Getting ")))
    bands = ["Total", "Soft", "Medium", "Hard", "Expmap"]
    if sum("Expmap" in one for one in saved) * len(bands) != len(saved):
        bands = list(dict.fromkeys(Path(one).stem.rpartition("_")[2] for one in saved))
    urls = pictures(*bands)
    swift, _ = service(dict.fromkeys(urls.values(), PNG), **{PREVIEWS: urls})
    layout = "folders" if all("/" in one for one in saved) else "stems"
    for source in sources:
        swift.get_previews(**{key: source}, location=tmp_path, layout=layout)
    kept = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert kept == sorted(saved)


def log_lines(validation_data: Path, folder: str, name: str) -> list[str]:
    recorded = fixture(validation_data, folder, f"{name}.json")
    text = "\n".join(recorded.get("log") or recorded["stdout"])
    return text.splitlines()


def test_pictures_that_are_not_there(tmp_path: Path) -> None:
    urls = {**pictures("Total", "Soft", "Hard", "Expmap"), "Medium": "NOTFOUND"}
    files = {urls["Total"]: PNG, urls["Hard"]: b"<html>", urls["Expmap"]: PNG}
    swift, _ = service(files, **{PREVIEWS: urls})
    with pytest.warns(
        PartialResultWarning, match="medium: the service has no such image; soft: 404.*hard: .*no picture"
    ):
        found = swift.get_previews(1, location=tmp_path)
    assert list(found) == ["total", "exposure"]
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["Expmap.png", "Total.png"]


@pytest.mark.parametrize(
    ("reply", "files", "error"),
    [
        ({"Total": "NOTFOUND", "Soft": "notfound"}, {}, ProductNotAvailableError),
        (pictures("Total"), {}, ServiceUnavailableError),
        (pictures("Total"), {pictures("Total")["Total"]: b"<html>"}, FormatError),
        ({"what": "else"}, {}, ProtocolError),
        ({"newerSources": [{"LSXPS_ID": 1, "IAUName": "x"}, {"LSXPS_ID": 2, "IAUName": "y"}]}, {}, SupersededError),
    ],
)
def test_no_pictures(reply: dict[str, Any], files: dict[str, bytes], error: type[Exception]) -> None:
    swift, _ = service(files, **{PREVIEWS: reply})
    with pytest.raises(error):
        swift.get_previews(1)


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("regions", ["Region", "Regions", "DS9"])
def test_images(contents: dict[str, bytes], regions: str) -> None:
    reply = images(regions=regions)
    swift, _ = service(files_of(reply, contents), **{IMAGES: reply})
    found = swift.get_images(OBSID)
    assert list(found) == ["total", "soft", "medium", "hard"]
    image = found["soft"]
    assert isinstance(image, SkyImage)
    assert image.band == EnergyBand(0.3 * u.keV, 1 * u.keV)
    assert image.counts.data.sum() == 200
    assert np.all(image.exposure.data == 0.25)
    assert image.exposure.unit == u.s
    assert found.exposure is not None
    assert {*found.background} == {*found.background_with_sources} == {*found.regions} == {*found}
    assert found.background["hard"].unit == u.ct
    assert np.all(found.background_with_sources["hard"].data == 0.25)
    (circle,) = found.regions["total"]
    assert circle.radius.to_value(u.arcsec) == pytest.approx(10)
    assert found.missing == {}
    assert image.provenance.service == found.provenance.service == URL
    again = pickle.loads(pickle.dumps(found))
    assert again["soft"] == image
    assert repr(again) == repr(found)
    assert repr(found).startswith(f"<DatasetImages of {OBSID}: counts total, soft")


def test_images_that_were_not_asked_for(contents: dict[str, bytes]) -> None:
    whole = images(regions=None)
    reply = {"Total": {"BackgroundMap": whole["Total"]["BackgroundMap"]}}
    swift, _ = service(files_of(reply, contents), **{IMAGES: reply})
    found = swift.get_images(OBSID, bands="total", types="background", regions=False)
    assert list(found) == []
    assert list(found.background) == ["total"]
    with pytest.raises(ProductNotAvailableError, match="no image 'total'"):
        found["total"]
    assert found.get("total") is None
    assert "total" not in found
    assert isinstance(found, DatasetImages)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("sxps", "dataset_images_log_all"),
        ("sxps", "dataset_images_log_types_bands"),
        ("sxps", "dataset_images_obsolete_stack"),
        ("sxps", "query_dataset_images_missing_stack"),
        ("query", "sxps_dataset_images_log"),
    ],
)
def test_images_are_kept_under_the_recorded_names(
    validation_data: Path, tmp_path: Path, contents: dict[str, bytes], folder: str, name: str
) -> None:
    """What a recorded log tells about each dataset, played again, gives the same files and the same gaps."""
    lines = log_lines(validation_data, folder, name)
    starts = [index for index, line in enumerate(lines) if line.startswith("Getting data")]
    saved = []
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        obsid, part = lines[start].split("`")[1], lines[start:stop]
        saved += [line.split("`")[1].split("/", 1)[1] for line in part if line.startswith("Saving file")]
        reply = reply_of_log(obsid, part)
        swift, _ = service(files_of(reply, contents), **{IMAGES: reply})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                swift.get_images(obsid, location=tmp_path)
            except ProductNotAvailableError:
                assert not any(line.startswith("Saving file") for line in part)
        told = " ".join(str(one.message) for one in caught)
        assert ("obsolete stack" in told) == any("obsolete stack" in line for line in part)
    kept = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert kept == sorted(saved)


def reply_of_log(obsid: str, lines: list[str]) -> dict[str, Any]:
    """The reply about a dataset that a log was made of."""
    keys = next(line for line in lines if line.startswith("Returned keys")).partition("[")[2].partition("]")[0]
    there = [key.strip("' ") for key in keys.split(",")]
    text = "\n".join(lines)
    whole, reply = images(obsid), {}
    for key in there:
        if key == "SupersededBy":
            reply[key] = {"OtherStacks": [{"ObsID": 10000019046}]}
        elif key == "Missingexpmap":
            reply[key] = 1
        elif key == "Expmap":
            reply[key] = whole[key]
        elif key in BANDS:
            reply[key] = {
                kind: url if f"/{url.rpartition('/')[2]}`" in text else "NOTFOUND"
                for kind, url in whole[key].items()
                if f"/{url.rpartition('/')[2]}`" in text or f"No {kind} image exists for the {key}" in text
            }
    return reply


def test_images_that_are_missing(contents: dict[str, bytes]) -> None:
    reply = images()
    files = files_of(reply, contents)
    del files[reply["Soft"]["Image"]]
    files[reply["Hard"]["Image"]] = b"<html>"
    reply["Medium"]["BackgroundMap"] = "NOTFOUND"
    reply["Missingexpmap"] = reply.pop("Expmap")
    swift, _ = service(files, **{IMAGES: reply})
    with pytest.warns(PartialResultWarning, match="medium/background: the service has no such image; exposure"):
        found = swift.get_images(OBSID)
    assert list(found) == ["total", "medium"]
    assert set(found.missing) == {"medium/background", "exposure", "soft/counts", "hard/counts"}
    assert found.exposure is None
    assert found["total"].exposure is None
    with pytest.raises(ProductNotAvailableError, match="404"):
        found["soft"]


def test_an_exposure_map_of_another_size(contents: dict[str, bytes], tmp_path: Path) -> None:
    reply = images()
    files = files_of(reply, contents)
    with fits.open(_file(tmp_path, contents["map"])) as hdus:
        hdus[0].data = hdus[0].data[:5]
        hdus.writeto(tmp_path / "small.img")
    files[reply["Expmap"]] = (tmp_path / "small.img").read_bytes()
    swift, _ = service(files, **{IMAGES: reply})
    found = swift.get_images(OBSID)
    assert found["total"].exposure is None
    assert found.exposure.shape == (5, 10)


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "map.img.gz"
    path.write_bytes(content)
    return path


def test_recorded_error(validation_data: Path) -> None:
    exchange = fixture(validation_data, "sxps", "wire", "getSXPSDatasetImages_error.json")
    swift, _ = service(**{IMAGES: exchange["reply"]})
    with pytest.raises(UnknownObjectError, match="10000000668"):
        swift.get_images("10000000668")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"Total": {"Image": "NOTFOUND"}, "Missingexpmap": 1}, ProductNotAvailableError),
        ({"Total": [1]}, ProtocolError),
        ({"what": "else"}, ProtocolError),
        ({"Total": {"Image": f"{URL}/a.img.gz"}}, ServiceUnavailableError),
        ({"SupersedingStacks": {"OtherStacks": [{"DatasetID": 1, "ObsID": 10000019046}]}}, SupersededError),
    ],
)
def test_no_images(reply: dict[str, Any], error: type[Exception]) -> None:
    swift, _ = service(**{IMAGES: reply})
    with pytest.raises(error):
        swift.get_images("10000000189")


def test_obsolete_stacks(contents: dict[str, bytes]) -> None:
    reply = {"SupersededBy": ["10000019046"], **images()}
    swift, _ = service(files_of(reply, contents), **{IMAGES: reply})
    with pytest.warns(ServiceWarning, match="obsolete stack.*10000019046"):
        assert len(swift.get_images("10000000189")) == 4


def test_nothing_is_overwritten(contents: dict[str, bytes], tmp_path: Path) -> None:
    reply = images()
    swift, backend = service(files_of(reply, contents), **{IMAGES: reply})
    (tmp_path / OBSID).mkdir()
    (tmp_path / OBSID / "band3.reg").write_text("mine")
    with pytest.raises(OutputExistsError):
        swift.get_images(OBSID, location=tmp_path)
    assert not backend.fetched
    swift.get_images(OBSID, location=tmp_path, overwrite=True)
    assert len(list((tmp_path / OBSID).iterdir())) == 17
    assert json.dumps(reply)


def test_regions_of_several_datasets_do_not_collide(contents: dict[str, bytes], tmp_path: Path) -> None:
    swift, _ = service(files_of(images(), contents), **{IMAGES: images()})
    for dataset in (OBSID, 9725):
        swift.get_images(dataset, location=tmp_path, layout="stems")
    assert {f"{OBSID}_total.reg", "9725_total.reg"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("layout", ["folders", "stems"])
def test_names_from_anywhere_stay_below_the_location(tmp_path: Path, layout: str) -> None:
    keeping = Keeping.of(tmp_path, "../a/b", layout=layout)
    assert keeping is not None
    for name in ("../x.png", "/etc/x.png", "..", "a/../../x"):
        assert keeping.path(name).resolve().is_relative_to(tmp_path)
        assert keeping.path(name).parent == keeping.folder
    assert file_name("https://x/y/../../z%2F.reg?a=/b#c") == "z%2F.reg"
