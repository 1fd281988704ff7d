"""
A tour of LSXPS
===============

LSXPS is the catalogue of all point sources that the X-ray telescope has seen, and it grows
with each observation. This page walks from a place on the sky to sources, their light curves,
spectra and images, to transients, upper limits and the whole table.
"""

# %%
# Which catalogue
# ---------------
#
# A place on the sky:

import astropy.units as u
from astropy.coordinates import SkyCoord

centre = SkyCoord(170, 32, unit="deg")

# %%
# Here ``swift`` makes the catalogue itself, from two simulated observations of a field with three
# galaxies and something that was not there three days before. **For the real LSXPS leave out this
# cell** and write in its place ``from swiftxrt import SwiftXRT as swift``; no registration is needed.

import tempfile

from astropy.time import Time

from swiftxrt import Scene, Source, SwiftXRT, simulate_observations

start = Time("2024-03-01")


def galaxy(angle, distance, rate):
    place = centre.directional_offset_by(angle * u.deg, distance * u.arcmin)
    return Source.at(place, name=f"galaxy {angle}", rate=rate * u.ct / u.s)


brightening = (start + [0, 2, 3, 3.4] * u.day, [1e-5, 1e-5, 0.5, 0.2] * u.ct / u.s)
nova = Source.at(centre, name="nova", rate=brightening)
field = Scene.of(
    [nova, galaxy(40, 4, 0.1), galaxy(150, 6, 0.05), galaxy(260, 5, 0.03)],
    start=start + [0, 3] * u.day,
    exposure=[1.5, 1.5] * u.ks,
    snapshot=0.5 * u.ks,
)
archive = tempfile.mkdtemp()
simulate_observations(field, archive, seed=8)
swift = SwiftXRT(backend="local", archive=archive)

# %%
# Sources around a place
# ----------------------
#
# A table with units, positions and masked gaps, the nearest source first. Here the first question makes
# the catalogue. ``DetFlag`` is 0 for good sources and 2 for poor ones, which may be chance. A name does as
# well as a position, where there is a network: ``swift.query_object("GK Per")``.

sources = swift.query_region(centre, radius=10 * u.arcmin)
sources["IAUName", "distance", "Err90", "Rate_band0", "DetFlag"]

# %%
# Sources with certain values
# ---------------------------
#
# Columns are compared, with units; a wrong name or unit is an error before anything is sent.
# ``_band0`` is 0.3-10 keV.

from swiftxrt import Column

swift.query_catalog(
    where=[
        Column("Rate_band0") > 0.04 * u.ct / u.s,
        Column("DetFlag") == 0,
    ],
    columns=["IAUName", "Rate_band0", "HR1"],
    sort_by="Rate_band0",
    descending=True,
)

# %%
# One source
# ----------
#
# Of each source there is more than a row of the table. It is asked for by its name, its number, or with a
# row.

source = swift.get_source(sources[0])
source

# %%

for name in ["Rate_band0", "PeakRate_band0", "NumObs", "NumBlindDetObs"]:
    print(name, source[name])

# %%
# ``describe`` says what a field is, and in which observations the source was seen is a table:

source.describe("PeakRate_band0")

# %%

swift.get_source_observations(source)

# %%
# Its light curve, spectrum and pictures
# --------------------------------------
#
# These are ready and come at once. Bins are observations, or the snapshots that they consist of:

curves = swift.get_light_curve(source, binning="snapshot")
curves.total["time", "obsid", "is_upper_limit", "rate"]

# %%

ax = curves.plot()

# %%
# The spectrum has its background and response with it, to be fitted at once:

from swiftxrt import fit, models

spectrum = swift.get_spectra(source)["interval0pc"]
galactic = models.TBabs(3e20 / u.cm**2).freeze("nh")
result = fit(spectrum, galactic * models.PowerLaw())
axes = result.plot()

# %%
# A quick look, as on the page of the source:

ax = swift.get_previews(source)["total"].plot()

# %%
# Images of an observation
# ------------------------
#
# A *dataset* is an observation, or a stack of observations, that was searched for sources.

datasets = swift.query_catalog(
    table="datasets",
    columns=["ObsID", "IsStackedImage", "ExposureUsed"],
)
datasets

# %%
# Its images have counts, exposure and background, and ``images.regions`` has the error circles of the
# sources that were found in them. Here are larger circles around those of the table above:

from regions import CircleSkyRegion

images = swift.get_images(datasets["ObsID"][-1])
circles = [CircleSkyRegion(place, 30 * u.arcsec) for place in sources["position"]]
picture = images["total"].cutout(centre, 16 * u.arcmin)
ax = picture.plot(regions=circles, smoothing=5 * u.arcsec)

# %%
# Transients
# ----------
#
# What is brighter than earlier limits allow is told within hours. The nova is one:

transients = swift.query_catalog(table="transients")
transient = swift.get_transient(transients[0])
transient

# %%

transient.discovery.isot, transient["PeakRateAtDetection"]

# %%
# Nothing there? An upper limit
# -----------------------------
#
# Two places without a source: how bright could one be? By default it is three sigma, in all
# observations together.

empty = centre.directional_offset_by([90, 210] * u.deg, 4 * u.arcmin)
limits = swift.get_upper_limits(empty)
limits["outcome", "total_upper_limit", "total_counts", "total_background_counts"]

# %%
# The whole table
# ---------------
#
# Who asks for many sources does better with the table on disk. It is downloaded once (that of the
# sources of LSXPS has some 500 MB), and then read from there without a network, with all units, and
# only the columns that are wanted. This needs the package pyarrow, ``pip install '.[tables]'``:

columns = ["IAUName", "RA", "Decl", "Rate_band0"]
whole = swift.get_catalog_table("sources", columns=columns)
whole

# %%
# From here it is Astropy: which sources of the table are nearest to some objects of yours?

index, separation, _ = empty.match_to_catalog_sky(whole["position"])
whole["IAUName"][index].tolist(), separation.to(u.arcmin)

# %%
# The page *Catalogues* of the documentation tells the rest: subsets, stacks, sources that were replaced, bursts, and
# products of a catalogued source made to your own request.

swift.close()
