"""Requests built with every method of the reference client, beside the same request in our words.

No server is needed: what counts is the message that would be sent.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    AllData,
    CountsBinning,
    ExtractionSettings,
    ImageRequest,
    LightCurveRequest,
    Observations,
    PositionRequest,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    TimeBinning,
    XRTRequest,
)

with warnings.catch_warnings():
    # distutils, which swifttools still imports, and its own escapes
    warnings.simplefilter("ignore")
    swifttools = pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
    prods = pytest.importorskip("swifttools.ukssdc.xrt_prods", reason="swifttools needs setuptools (extra 'interop')")

USER = "tutorial@example.org"
GLOBALS = {
    "name": "GRB 200416A",
    "targ": "00966554",
    "RA": 335.6985,
    "Dec": -7.5179,
    "centroid": True,
    "posErr": 1.0,
    "useSXPS": False,
}
COMMON: dict[str, Any] = {
    "target": Target("GRB 200416A", position=SkyCoord(335.6985, -7.5179, unit="deg"), target_ids="00966554"),
    "extraction": ExtractionSettings(centroid=True, centroid_tolerance=1 * u.arcmin),
}

# Product, its methods and properties, its code, parameters, one of them, another value of it, and our two requests.
PRODUCTS = [
    (
        ("LightCurve", "hasLightCurve", "addLightCurve", "removeLightCurve"),
        ("setLightCurvePars", "getLightCurvePars", "removeLightCurvePar"),
        ("lc", {"binMeth": "counts", "pcCounts": 20, "wtCounts": 30, "dynamic": True, "minSig": 3.0}, "minSig", 4.0),
        {"light_curve": LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), significance=3)},
        {"light_curve": LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), significance=4)},
    ),
    (
        ("Spectrum", "hasSpectrum", "addSpectrum", "removeSpectrum"),
        ("setSpectrumPars", "getSpectrumPars", "removeSpectrumPar"),
        ("spec", {"hasRedshift": False, "whichData": "all", "grades": "0"}, "grades", "4"),
        {"spectrum": SpectrumRequest(data=AllData(), grades="0")},
        {"spectrum": SpectrumRequest(data=AllData(), grades="4")},
    ),
    (
        ("StandardPos", "hasStandardPos", "addStandardPos", "removeStandardPos"),
        ("setStandardPosPars", "getStandardPosPars", "removeStandardPosPar"),
        ("psf", {"posRadius": 15.0}, "posRadius", 16.0),
        {"position": PositionRequest("standard", search_radius=15 * u.arcsec)},
        {"position": PositionRequest("standard", search_radius=16 * u.arcsec)},
    ),
    (
        ("EnhancedPos", "hasEnhancedPos", "addEnhancedPos", "removeEnhancedPos"),
        ("setEnhancedPosPars", "getEnhancedPosPars", "removeEnhancedPosPar"),
        ("enh", {"posRadius": 15.0}, "posRadius", 16.0),
        {"position": PositionRequest("enhanced", search_radius=15 * u.arcsec)},
        {"position": PositionRequest("enhanced", search_radius=16 * u.arcsec)},
    ),
    (
        ("AstromPos", "hasAstromPos", "addAstromPos", "removeAstromPos"),
        ("setAstromPosPars", "getAstromPosPars", "removeAstromPosPar"),
        ("xastrom", {"useAllObs": True}, "useAllObs", False),
        {"position": PositionRequest("astrometric", astrometric_all_data=True)},
        {"position": PositionRequest("astrometric", astrometric_all_data=False)},
    ),
    (
        ("Image", "hasImage", "addImage", "removeImage"),
        ("setImagePars", "getImagePars", "removeImagePar"),
        ("image", {"energies": "0.3-10"}, "energies", "1-4"),
        {"image": ImageRequest(bands="0.3-10 keV")},
        {"image": ImageRequest(bands="1-4 keV")},
    ),
    (
        ("SourceDet", "hasSourceDet", "addSourceDet", "removeSourceDet"),
        ("setSourceDetPars", "getSourceDetPars", "removeSourceDetPar"),
        ("sourceDet", {"whichData": "all", "whichBands": "all"}, "whichBands", "total"),
        {"sources": SourceDetectionRequest(data=AllData(), bands="all")},
        {"sources": SourceDetectionRequest(data=AllData(), bands="total")},
    ),
]


def new_request(**globals_: Any) -> Any:
    request = prods.XRTProductRequest(USER, silent=True)
    request.setGlobalPars(**(GLOBALS | globals_))
    return request


def ours(**products: Any) -> dict[str, Any]:
    return XRTRequest(**COMMON, **products).to_wire(user=USER)


def comparable(message: dict[str, Any]) -> dict[str, Any]:
    """What the message asks for.

    The reference client also tells what is not to be found, and how to centroid where nothing is extracted.
    """
    left_out = ["getTargs", "getT0"]
    if "sourceDet" in message:
        left_out += ["cent", "poserr", "useSXPS"]
    return {key: value for key, value in message.items() if key not in left_out}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product[0][0])
def test_each_product(product: Any) -> None:
    (name, has, add, remove), (set_pars, get_pars, remove_par), (code, given, key, value), first, second = product
    request = new_request()
    assert getattr(request, has) is False
    getattr(request, add)(**given)
    assert getattr(request, has) is True
    assert getattr(request, name) is request.getProduct(code)
    assert {key: getattr(request, get_pars)(key) for key in given} == given
    assert comparable(request.getJSONDict()) == comparable(ours(**first))
    getattr(request, set_pars)(**{key: value})
    assert getattr(request, get_pars)()[key] == value
    assert comparable(request.getJSONDict()) == comparable(ours(**second))
    if key != "posRadius":  # shared parameters cannot be removed through a product
        getattr(request, remove_par)(key)
        assert getattr(request, get_pars)(key) is None
        assert set(ours(**second)) - set(request.getJSONDict()) - {"getTargs", "getT0"} <= {
            request.getProduct(code).pythonParsToJSONPars.get(key, key)
        }
    else:
        with pytest.raises(ValueError, match="not a recognised"):
            getattr(request, remove_par)(key)
    getattr(request, remove)()
    assert request.productList == []


@pytest.mark.parametrize("name", ["lc", "LightCurve"])
def test_products_by_name(name: str) -> None:
    request = new_request()
    request.addProduct(name, binMeth="time", pcBinTime=100, wtBinTime=10)
    assert request.hasProd(name)
    request.setProductPars(name, pcBinTime=50)
    assert request.getProductPars(name, "pcBinTime") == 50
    wanted = LightCurveRequest(binning=TimeBinning(pc_bin=50 * u.s, wt_bin=10 * u.s))
    assert comparable(request.getJSONDict()) == comparable(ours(light_curve=wanted))
    request.removeProductPar(name, "pcBinTime")
    assert request.getProductPars(name, "pcBinTime") is None
    request.removeProduct(name)
    assert not request.hasProd(name)


def test_replacing_a_product_is_broken_there() -> None:
    """``clobber`` calls a method that does not exist; removing first does the same."""
    request = new_request()
    request.addImage(energies="0.3-10")
    with pytest.raises(AttributeError, match="_removeProcuct"):
        request.addImage(clobber=True, energies="1-4")
    request.removeImage()
    request.addImage(energies="1-4")
    assert comparable(request.getJSONDict()) == comparable(ours(image=ImageRequest(bands="1-4 keV")))


def test_copies_of_products() -> None:
    first, second = new_request(), new_request()
    first.addImage(useObs="00012345001")
    second.copyProd("image", first.getProduct("image"))
    third = new_request()
    third.Image = first.Image
    wanted = ours(image=ImageRequest(data=Observations("00012345001")))
    assert comparable(second.getJSONDict()) == comparable(third.getJSONDict()) == comparable(wanted)


def test_globals() -> None:
    request = new_request(T0=608713541.952, pcPupRate=0.5, wtPupRate=100.0, maxCentTries=5, sss=True)
    request.addImage()
    request.setGlobalPars(notify=False)
    assert request.getGlobalPars("T0") == request.globalPars["T0"] == 608713541.952
    assert request.getGlobalPars()["name"] == "GRB 200416A"
    assert request.getGlobalPars(showUnset=True)["getCoords"] is None
    everything = request.getAllPars()
    assert everything["Image"] == {}
    assert everything["pcPupRate"] == 0.5
    extraction = COMMON["extraction"].replace(
        pileup_rate_pc=0.5 * u.ct / u.s, pileup_rate_wt=100 * u.ct / u.s, centroid_attempts=5, super_soft=True
    )
    target = COMMON["target"].replace(t0=608713541.952 * u.s)
    wanted = XRTRequest(target=target, extraction=extraction, image=ImageRequest(), notify=False)
    assert comparable(request.getJSONDict()) == comparable(wanted.to_wire(user=USER))


def test_text_of_a_request_is_read_by_both() -> None:
    request = new_request()
    request.addLightCurve(binMeth="counts", pcCounts=20, wtCounts=30, dynamic=True)
    request.addSpectrum(hasRedshift=True, redshift=0.347, galactic=True)
    sent = request.getJSON()
    read = XRTRequest.from_wire(json.loads(sent))
    assert read.spectrum.redshift == 0.347
    again = prods.XRTProductRequest("nobody@example.org")
    again.setFromJSON(json.dumps(read.to_wire(user=USER)))
    again.UserID = USER
    assert again.getJSONDict() == request.getJSONDict() == json.loads(sent)
    by_constructor = prods.XRTProductRequest(USER, JSONVals=read.to_wire(user=USER))
    assert by_constructor.getJSONDict() == request.getJSONDict()


def test_what_is_missing() -> None:
    request = prods.XRTProductRequest(USER)
    valid, text = request.isValid()
    assert not valid
    for key in ("name", "targ", "RA", "centroid"):
        assert f"`{key}`" in text
    assert not request.submit()
    assert "not ready" in request.submitError
    assert not request.submitted
    assert request.statusCode == 3
    request = new_request()
    request.addLightCurve(binMeth="counts")
    assert "pcCounts" in request.isValid(["lc"])[1]


@pytest.mark.parametrize("name", ["JobID", "URL", "jobPars", "complete"])
def test_before_submission(name: str) -> None:
    with pytest.raises(RuntimeError, match="submit"):
        getattr(new_request(), name)


def test_switches() -> None:
    request = new_request()
    assert type(request).useDeprecate is True
    assert request.deprecate is True
    assert prods.XRTProductRequest(USER, useDeprecate=False).deprecate is False
    request.showDepWarnings = False
    assert request.showDepWarnings is False
    request.silent = True
    request.addImage()
    request.silent = False
    assert request.Image.silent is False
    with pytest.raises(RuntimeError, match="no submitError"):
        _ = request.submitError
    with pytest.raises(AttributeError, match="_rebinID"):
        _ = request.RebinID  # there is none before a rebinning, and the property does not say so


def test_product_objects() -> None:
    """What a product of a request can do by itself."""
    request = new_request()
    request.addLightCurve(binMeth="time", pcBinTime=100, wtBinTime=10)
    product = request.LightCurve
    assert type(product).validType("lc")
    assert not type(product).validType("moon")
    assert product.prodType == "lc"
    assert "centroid" in product.needGlobals
    assert tuple(product.useGlobals) == ()
    assert product.pythonParsToJSONPars["minEnergy"] == "minen"
    assert not product.usesGlobal("posRadius")
    assert product.isValid() == (True, "")
    assert product.silent is True
    assert product.complete is False
    product.setPars(minEnergy=0.5)
    # A server's words for the same.
    product.updatePars(XRTRequest(**COMMON, light_curve=LightCurveRequest(
        binning=TimeBinning(pc_bin=50 * u.s, wt_bin=10 * u.s), band="0.5-10 keV", soft="0.5-1.5 keV"
    )).to_wire(user=USER))  # fmt: skip
    product.removePar("softHi")
    assert product.getPars() == {
        "binMeth": "time", "pcBinTime": 50.0, "wtBinTime": 10.0, "minEnergy": 0.5, "maxEnergy": 10.0, "softLo": 0.5
    }  # fmt: skip
    assert product.getPars("softHi") is None
    assert product.getJSONDict()["soft1"] == 0.5
