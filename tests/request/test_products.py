"""The request of each kind of product, and the settings they share."""

from __future__ import annotations

import inspect

import astropy.units as u
import pytest

from swiftxrt._fields import Record, parameter_table
from swiftxrt.bands import HARD, IMAGE_BANDS, SOFT, TOTAL
from swiftxrt.exceptions import RequestError
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.extraction import ExtractionSettings
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, ObsidBinning, SnapshotBinning, TimeBinning
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.selection import AllData, FirstHours, Observations, TimeIntervals
from swiftxrt.request.sources import SourceDetectionRequest
from swiftxrt.request.spectrum import SingleSlice, SpectrumRequest, TimeSlice, TimeSlices
from swiftxrt.request.target import Target

COUNTS = CountsBinning(pc_counts=20, wt_counts=30)
RATE = u.ct / u.s
CLASSES = [
    XRTRequest, Target, ExtractionSettings, LightCurveRequest, CountsBinning, TimeBinning, SnapshotBinning,
    ObsidBinning, SpectrumRequest, SingleSlice, TimeSlice, TimeSlices, PositionRequest, ImageRequest,
    SourceDetectionRequest, AllData, Observations, TimeIntervals, FirstHours,
]  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_documented(cls):
    doc = inspect.getdoc(cls)
    table = parameter_table(cls)
    for field in cls.__record_fields__:
        text = field.metadata["text"]
        assert text.endswith(".")
        assert f"{field.name} : " in doc
        assert text in doc
        assert f"``{field.name}``" in table
        note = field.metadata["note"]
        assert not note or f"{text} *Note:* {note}" in table
        assert note == "" or note.endswith(".")


def problems(call) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        call()
    return dict(caught.value.problems)


# ---------------------------------------------------------------- defaults


def test_documented_defaults_of_the_service():
    """Docs of XRTProductRequest, swifttools 4.0.5."""
    curve = LightCurveRequest(binning=COUNTS).with_defaults()
    assert (curve.band, curve.soft, curve.hard) == (TOTAL, SOFT, HARD)
    assert (curve.significance, curve.grades, curve.upper_limits, curve.bayesian) == (3, "all", "both", "both")
    assert (curve.bayes_counts, curve.bayes_snr, curve.time_format) == (15, 2.4, "s")
    assert (curve.min_fractional_exposure, curve.match_hardness_bins, curve.data) == (0, True, AllData())
    assert (curve.pc_hardness_bin, curve.wt_hardness_bin) == (2.51 * u.s, 0.5 * u.s)
    bins = curve.binning
    assert (bins.rate_factor, bins.bin_factor, bins.min_counts, bins.min_snr) == (10, 1.5, 15, 2.4)
    assert (bins.pc_bin, bins.wt_bin) == (2.51 * u.s, 0.5 * u.s)
    assert bins.pc_max_gap == bins.wt_max_gap == 1e8 * u.s

    spectrum = SpectrumRequest().with_defaults()
    assert (spectrum.models, spectrum.grades, spectrum.fit) == (("PowerLaw",), "all", True)
    assert (spectrum.galactic_absorber, spectrum.redshift, spectrum.delta_statistic) == (False, None, 2.706)
    assert (spectrum.slices, spectrum.data) == (SingleSlice(label="interval0"), FirstHours(12 * u.h))

    position = PositionRequest("standard").with_defaults()
    assert (position.search_radius, position.method) == (20 * u.arcsec, "detect")
    assert (position.centroid_method, position.data) == ("simple", FirstHours(12 * u.h))
    assert position.astrometric_all_data is False

    assert ImageRequest().with_defaults() == ImageRequest(bands=IMAGE_BANDS, data=AllData())
    sources = SourceDetectionRequest(data=AllData()).with_defaults()
    assert (sources.bands, sources.fit_stray_light) == ("total", True)

    extraction = ExtractionSettings().with_defaults()
    assert (extraction.centroid, extraction.centroid_method, extraction.centroid_attempts) == (True, "simple", 10)
    assert (extraction.pileup_rate_wt, extraction.pileup_rate_pc) == (150 * RATE, 0.6 * RATE)
    assert (extraction.super_soft, extraction.use_sxps, extraction.source_radius_max) == (False, False, 30 * u.pix)


def test_defaults_reach_all_parts_of_a_request():
    request = XRTRequest(target=Target("X"), light_curve=LightCurveRequest(binning=COUNTS)).with_defaults()
    assert request.light_curve.binning.min_counts == 15
    assert request.extraction.centroid_method == "simple"
    assert request.times_since_t0 is False
    assert request.spectrum is None


def test_what_is_not_set_stays_unset():
    assert LightCurveRequest(binning=COUNTS).to_dict() == {
        "binning": {"type": "CountsBinning", "pc_counts": 20, "wt_counts": 30, "dynamic": True}
    }
    assert ImageRequest().to_dict() == {}


def test_notes_are_in_the_tables():
    """Where documentation and code of the service disagree, the tables say so (protocol of 4.0.5)."""
    assert "``SinceT0`` is sent" in parameter_table(XRTRequest)
    assert "the service's jobs have ``pcmaxgap``, which is sent" in parameter_table(CountsBinning)
    assert "``poserr`` is sent" in parameter_table(ExtractionSettings)
    assert "*Note:*" not in parameter_table(Observations)


# ---------------------------------------------------------------- extraction


def test_tolerance_of_the_centroid():
    assert ExtractionSettings().centroid_tolerance == 1 * u.arcmin
    assert ExtractionSettings(centroid_tolerance=60 * u.arcsec) == ExtractionSettings()
    assert ExtractionSettings(centroid=False).centroid_tolerance is None


def test_extraction_reports_everything():
    found = problems(
        lambda: ExtractionSettings(
            centroid="simple",
            centroid_methd="simple",
            centroid_tolerance=3 * u.s,
            centroid_attempts=0,
            pileup_rate_pc=0.6,
            pileup_rate_wt=-1 * RATE,
            source_radius_max=20.5 * u.pix,
        )
    )
    assert set(found) == {
        "centroid", "centroid_methd", "centroid_tolerance", "centroid_attempts", "pileup_rate_pc",
        "pileup_rate_wt", "source_radius_max",
    }  # fmt: skip
    assert "did you mean 'centroid_method'" in found["centroid_methd"]


# ---------------------------------------------------------------- light curves


@pytest.mark.fault_case(87)
@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"binning": None}, "binning", "is needed"),
        ({"binning": "counts"}, "binning", "did you mean 'CountsBinning'"),
        ({"binning": CountsBinning}, "binning", "the class itself"),
        ({"band": (0.3, 10)}, "band.low", "an energy is needed"),
        ({"band": "10-0.3 keV"}, "band", "0 < low < high"),
        ({"band": "0.3-11 keV"}, "band", "within 0.3-10 keV"),
        ({"band": "1-10 keV", "soft": "0.3-1.5 keV"}, "soft", "within the total band 1-10 keV"),
        ({"hard": "1.5-10.2 keV"}, "hard", "within 0.3-10 keV"),
        ({"band": "0.3-8 keV", "hard": "1.5-10 keV"}, "hard", "within the total band 0.3-8 keV"),
        ({"band": "2-8 keV"}, "soft", "is needed, because its default 0.3-1.5 keV is outside"),
        ({"band": "0.2-10 keV"}, "band", "within 0.3-10 keV"),
        ({"significance": 0}, "significance", "> 0"),
        ({"grades": "0-4"}, "grades", "'all', '0', '4'"),
        ({"upper_limits": True}, "upper_limits", "'no', 'pc', 'wt', 'both'"),
        ({"bayes_counts": -1}, "bayes_counts", ">= 0"),
        ({"time_format": "jd"}, "time_format", "'s', 'm', 'mjd', 'sec'"),
        ({"min_fractional_exposure": 1.1}, "min_fractional_exposure", "<= 1"),
        ({"pc_hardness_bin": 200}, "pc_hardness_bin", "20 \\* u.s"),
        ({"data": FirstHours()}, "data", "AllData or Observations or TimeIntervals"),
        ({"data": "00032459001"}, "data", "AllData or Observations or TimeIntervals"),
        ({"bining": COUNTS}, "bining", "did you mean 'binning'"),
        ({"pc_counts": 20}, "pc_counts", r"it belongs to the binning: binning=CountsBinning\(pc_counts=...\)"),
        ({"pccounts": 20}, "pccounts", r"binning=CountsBinning\(pc_counts=...\)"),
        ({"wt_bin": 1 * u.s}, "wt_bin", r"binning=TimeBinning\(wt_bin=...\)"),
        ({"centroid": False}, "centroid", r"extraction=ExtractionSettings\(centroid=...\)"),
        ({"pc_hardness_bin": 2 * u.s}, "pc_hardness_bin", "photon counting"),
        ({"wt_hardness_bin": 1 * u.ms}, "wt_hardness_bin", "windowed timing"),
    ],
)
def test_light_curve_refuses(values, field, text):
    with pytest.raises(RequestError, match=text) as caught:
        LightCurveRequest(**{"binning": COUNTS} | values)
    assert caught.value.problems[0][0] == field


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"pc_counts": 0}, "pc_counts"),
        ({"pc_counts": 20.5}, "pc_counts"),
        ({"wt_counts": None}, "wt_counts"),
        ({"dynamic": 1}, "dynamic"),
        ({"rate_factor": 1}, "rate_factor"),
        ({"bin_factor": 0.5}, "bin_factor"),
        ({"pc_bin": 3 * u.keV}, "pc_bin"),
        ({"pc_max_gap": 0 * u.s}, "pc_max_gap"),
        ({"min_counts": -1}, "min_counts"),
    ],
)
def test_counts_binning_refuses(values, field):
    assert set(problems(lambda: CountsBinning(**{"pc_counts": 20, "wt_counts": 30} | values))) == {field}


def test_time_binning_has_the_documented_bins():
    assert TimeBinning() == TimeBinning(pc_bin=2.51 * u.s, wt_bin=500 * u.ms)


@pytest.mark.parametrize(
    ("name", "width", "frame"),
    [
        ("pc_bin", 1e-9 * u.s, ">= 2.5 s \\(a frame in photon counting mode takes 2.5073 s\\); got 1e-09 s"),
        ("pc_bin", 2.49 * u.s, ">= 2.5 s"),
        ("wt_bin", 1 * u.us, ">= 0.0017 s \\(a frame in windowed timing mode takes 0.0017675 s\\)"),
    ],
)
def test_fixed_bins_hold_a_frame(name, width, frame):
    with pytest.raises(RequestError, match=frame) as caught:
        TimeBinning(**{name: width})
    assert caught.value.problems[0][0] == name


def test_bins_of_one_frame():
    for pc_bin, wt_bin in ((2.5073 * u.s, 1.7675 * u.ms), (2.5 * u.s, 1.8 * u.ms), (2.5 * u.s, 1.7 * u.ms)):
        shortest = TimeBinning(pc_bin=pc_bin, wt_bin=wt_bin)
        assert TimeBinning.from_dict(shortest.to_dict()) == shortest
    # Where counts close the bins, the shortest bin makes none of its own.
    assert CountsBinning(pc_counts=20, wt_counts=30, pc_bin=1 * u.s).pc_bin == 1 * u.s


def test_binnings_without_parameters():
    assert SnapshotBinning() != ObsidBinning()
    assert "takes no parameters" in problems(lambda: SnapshotBinning(3))[""]


# ---------------------------------------------------------------- spectra


def slices(*labels: str) -> list[TimeSlice]:
    return [TimeSlice(label=label, intervals=(i * u.s, (i + 1) * u.s)) for i, label in enumerate(labels)]


def test_time_slices():
    assert [item.label for item in TimeSlices(*slices("early", "late")).slices] == ["early", "late"]
    assert TimeSlice(label="a", intervals=[(0 * u.s, 1 * u.s), (2 * u.s, 3 * u.s)]).intervals[1][0] == 2 * u.s


@pytest.mark.parametrize(
    ("call", "field", "text"),
    [
        (lambda: TimeSlices(), "slices", "is needed"),
        (lambda: TimeSlices(*slices(*"abcde")), "slices", "1 to 4 needed"),
        (lambda: TimeSlices(*slices("a", "b", "a")), "slices", "'a' is given more than once"),
        (lambda: TimeSlices("early"), "slices", "an object of TimeSlice is needed"),
        (lambda: TimeSlice(label="very late", intervals=(0 * u.s, 1 * u.s)), "label", "letters and digits"),
        (lambda: TimeSlice(label="é", intervals=(0 * u.s, 1 * u.s)), "label", "letters and digits"),
        (lambda: TimeSlice(label="a"), "intervals", "is needed"),
        (lambda: SingleSlice(label=""), "label", "letters and digits"),
        (lambda: SpectrumRequest(redshift=-1), "redshift", ">= 0 and <= 20"),
        (lambda: SpectrumRequest(redshift="0.5"), "redshift", "a number"),
        (lambda: SpectrumRequest(models="mekal"), "models", "'PowerLaw', 'APEC', 'blackbody'"),
        (lambda: SpectrumRequest(models=()), "models", "must not be empty; leave it out"),
        (lambda: SpectrumRequest(delta_statistic=0), "delta_statistic", "> 0"),
        (lambda: SpectrumRequest(slices="single"), "slices", "SingleSlice or SnapshotSlices"),
        (lambda: SpectrumRequest(fit=0), "fit", "True or False"),
        (lambda: SpectrumRequest(times_since_t0=True), "times_since_t0", r"submit\(XRTRequest\(.*times_since_t0="),
        (lambda: SpectrumRequest(slices=slices("a")[0]), "slices", r"; write TimeSlices\(...\) around it"),
        (lambda: SpectrumRequest(slices=slices("a", "b")), "slices", r"; write TimeSlices\(\*slices\)"),
        (lambda: SpectrumRequest(slices=[]), "slices", "must not be empty"),
        (lambda: TimeSlices(slices("a", "b")), "slices", r"one by one, TimeSlices\(\*slices\)"),
    ],
)
def test_spectrum_refuses(call, field, text):
    with pytest.raises(RequestError, match=text) as caught:
        call()
    assert caught.value.problems[0][0] == field


def test_models_have_one_spelling():
    assert SpectrumRequest(models=("POWERLAW", "apec", "BlackBody")).models == ("PowerLaw", "APEC", "blackbody")
    assert SpectrumRequest(models="powerlaw").models == ("PowerLaw",)


def test_redshift_zero_is_a_redshift():
    assert SpectrumRequest(redshift=0).redshift == 0.0
    assert "redshift" in problems(lambda: SpectrumRequest(redshift=-0.001))


def test_slices_are_refused_with_everything_else():
    found = problems(lambda: SpectrumRequest(slices=TimeSlice(label="a", intervals=(0 * u.s, 1 * u.s)), redshift=-1))
    assert set(found) == {"slices", "redshift"}
    five = [{"label": label, "intervals": [["0 s", "1 s"]]} for label in "abcde"]
    plain = {"slices": {"type": "TimeSlices", "slices": five}, "models": "mekal"}
    found = problems(lambda: SpectrumRequest.from_dict(plain))
    assert set(found) == {"slices.slices", "models"}
    assert "1 to 4 needed" in found["slices.slices"]
    assert len(TimeSlices(*slices(*"abcd")).slices) == 4


# ---------------------------------------------------------------- positions, images, sources


@pytest.mark.parametrize(
    "request_",
    [
        PositionRequest("enhanced", "standard"),
        PositionRequest("STANDARD", "enhanced", "standard"),
        PositionRequest(kinds=["enhanced", "standard"]),
        PositionRequest(kinds={"enhanced", "standard"}),
    ],
)
def test_kinds_of_position_have_one_order(request_):
    assert request_.kinds == ("standard", "enhanced")


@pytest.mark.parametrize(
    ("call", "field", "text"),
    [
        (lambda: PositionRequest(), "kinds", "is needed"),
        (lambda: PositionRequest("standart"), "kinds", "did you mean 'standard'"),
        (lambda: PositionRequest(("standard", "enhanced")), "kinds", r"PositionRequest\(\*kinds\)"),
        (lambda: PositionRequest("standard", search_radius=20), "search_radius", r"20 \* u.arcsec"),
        (lambda: PositionRequest("standard", astrometric_all_data=True), "astrometric_all_data", "not among the kinds"),
        (lambda: ImageRequest(bands="0.3-10"), "bands", "did you mean '0.3-10 keV'"),
        (lambda: ImageRequest(bands=[]), "bands", "must not be empty; leave it out"),
        (lambda: ImageRequest(data=FirstHours()), "data", "AllData or"),
        (lambda: ImageRequest(data="00032459001"), "data", r"; write Observations\('00032459001'\)"),
        (lambda: ImageRequest(data=["00032459001", "x"]), "data", "got \\['00032459001', 'x'\\]$"),
        (lambda: ImageRequest(times_since_t0=True), "times_since_t0", "whole request"),
        (lambda: SourceDetectionRequest(data=AllData(), notify=True), "notify", "whole request"),
        (lambda: PositionRequest("standard", centroid=False), "centroid", "ExtractionSettings"),
        (lambda: SourceDetectionRequest(), "data", "is needed"),
        (lambda: SourceDetectionRequest(data=AllData(), bands="soft"), "bands", "'total', 'all'"),
    ],
)
def test_others_refuse(call, field, text):
    with pytest.raises(RequestError, match=text) as caught:
        call()
    assert caught.value.problems[0][0] == field


def test_one_band_may_stand_alone():
    assert ImageRequest(bands="0.3-10 keV") == ImageRequest(bands=[TOTAL]) == ImageRequest(bands=TOTAL)


@pytest.mark.parametrize("cls", CLASSES)
def test_all_are_records(cls):
    assert issubclass(cls, Record)
    assert str(inspect.signature(cls)).startswith("(")
