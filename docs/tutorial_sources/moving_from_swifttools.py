"""
Moving from swifttools
======================

The common tasks of the users of ``swifttools``, one after the other: first what is written there,
as text, then the same here, which is run. Each task stands for itself, so a script can be moved
piece by piece.
"""

# %%
# The service
# -----------
#
# Here the service is embedded in this program, with simulated observations of a burst. **For the
# real service leave out this cell**, and its end at the foot of the page, use the address that you
# have registered there, and write ``GRB 200416A`` for ``SIM_GRB 200416A``.

import tempfile
from contextlib import ExitStack

from swiftxrt.testing import embedded_server, simulate

archive = tempfile.mkdtemp()
simulate(archive)
service = ExitStack()
url = service.enter_context(embedded_server(archive, users=["you@example.org"]))

# %%
# One object has all methods, in place of four modules. What is ready needs no registered address; what
# is made for you does. Files go to ``folder``.

import tempfile

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import SwiftXRT

folder = tempfile.mkdtemp()
name = "SIM_GRB 200416A"
place = SkyCoord(335.6985, -7.5179, unit="deg")

# %%
# The light curve of a burst
# --------------------------
#
# There:
#
# .. code-block:: python
#
#    import swifttools.ukssdc.data.GRB as udg
#
#    curves = udg.getLightCurves(GRBName=name, saveData=False, returnData=True)
#    curves["PC_incbad"][["Time", "Rate", "RatePos", "RateNeg"]]
#
# Each mode and kind is a table of its own, and errors down are negative. Here it is one table with units,
# and mode and upper limits are columns:

curves = SwiftXRT.get_light_curve(grb=name)
photon_counting = curves.total.in_mode("PC")
photon_counting["time", "rate", "rate_err_neg", "rate_err_pos"][:3]

# %%
# Bins whose position could not be verified are in the variant ``with_unreliable`` (``incbad`` there, and what one
# gets unless one says otherwise), and curves without the systematic error of windowed timing are another
# (``nosys``):

list(curves.variants)

# %%
# A picture, ``ukssdc.plotLightCurve(curves, whichCurves=[...], xlog=True, ylog=True)``, and files,
# ``udg.saveLightCurves(curves, destDir="lc")``:

ax = curves.plot()

# %%

written = curves.write(f"{folder}/lc")
sorted(path.name for path in written.iterdir())

# %%
# Its spectra
# -----------
#
# There:
#
# .. code-block:: python
#
#    spectra = udg.getSpectra(GRBName=name, returnData=True, saveData=True, destDir="spec")
#    spectra["interval0"]["PC"]["PowerLaw"]["Gamma"]
#    udg.saveSpectra(spectra, destDir="spec", extract=True)
#
# These are the numbers of the fit and a tar file. Here the spectra themselves come along, with response
# and background, and the numbers are quantities with their errors:

spectra = SwiftXRT.get_spectra(grb=name)
spectra

# %%
# The service in Leicester fits, too, and its numbers are in ``spectra.fits``. A fit of your own is one line:

from swiftxrt import fit, models

result = fit(spectra["interval0pc"], models.TBabs() * models.PowerLaw())
result.parameters["photon_index"]

# %%
# Its position
# ------------
#
# There:
#
# .. code-block:: python
#
#    position = udg.getPositions(GRBName=name)
#    position["Best_RA"], position["Best_Decl"], position["Best_Err90"]
#
# Here:

position = SwiftXRT.get_position(grb=name)
position.coord, position.radius

# %%
# Products on demand
# ------------------
#
# There:
#
# .. code-block:: python
#
#    from swifttools.ukssdc.xrt_prods import XRTProductRequest
#
#    request = XRTProductRequest("you@example.org")
#    request.setGlobalPars(name=name, getTargs=True, getCoords=True, getT0=True)
#    request.setGlobalPars(centroid=True, posErr=1.0, useSXPS=False)
#    request.addLightCurve(binMeth="counts", pcCounts=20, wtCounts=30, dynamic=True)
#    request.addImage(energies="0.3-10,0.3-1.5")
#    if not request.submit():
#        print(request.submitError)
#    while not request.complete:
#        time.sleep(60)
#    request.downloadProducts("products")
#    curves = request.retrieveLightCurve(returnData=True)
#
# Request, job and products are three things here. A request is checked before it is sent, a job knows
# when to look again, what goes wrong is an error with a reason, and what is doubtful a warning:

from swiftxrt import (
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    Target,
    XRTRequest,
)

request = XRTRequest(
    target=Target(name, resolve_t0=True),
    light_curve=LightCurveRequest(
        binning=CountsBinning(pc_counts=20, wt_counts=30),
    ),
    image=ImageRequest(bands=["0.3-10 keV", "0.3-1.5 keV"]),
)
job = SwiftXRT(user="you@example.org").submit(request)
products = job.result()
products

# %%

products.light_curve.total["time", "rate", "mode"][:3]

# %%
# ``job.download(folder)`` gets the files of the service, and ``copyOldJob(number)`` is
# ``SwiftXRT.get_job(number)``. A request that was made for ``swifttools`` can be read:

theirs = request.to_wire(user="you@example.org")  # there: request.getJSONDict()
XRTRequest.from_wire(theirs) == request

# %%
# Sources around a place
# ----------------------
#
# There:
#
# .. code-block:: python
#
#    import swifttools.ukssdc.query as uq
#
#    query = uq.SXPSQuery(cat="LSXPS", table="sources")
#    query.addConeSearch(ra=335.6985, dec=-7.5179, radius=600, units="arcsec")
#    query.addFilter(("Rate_band0", ">", 0.001))
#    query.addCol(["LSXPS_ID", "IAUName", "Rate_band0"])
#    query.maxRows = None
#    query.submit()
#    query.results
#
# Here:

from swiftxrt import Column

sources = SwiftXRT.query_region(
    place,
    radius=10 * u.arcmin,
    where=Column("Rate_band0") > 0.001 * u.ct / u.s,
    columns=["LSXPS_ID", "IAUName", "Rate_band0"],
)
sources

# %%
# Details and products of what was found, ``query.getSourceDetails()`` or ``query.getLightCurves()``
# there: rows name the objects, and each has an outcome of its own, so that a failure of one
# costs nothing of the others.

found = SwiftXRT.gather(SwiftXRT.get_source, sources)
for source in found.values:
    print(source)

# %%
# Upper limits
# ------------
#
# There:
#
# .. code-block:: python
#
#    import swifttools.ukssdc.data.SXPS as uds
#
#    limit = uds.getUpperLimits(RA=335.75, Dec=-7.52, bands=["total"])["ULData"]
#    limit["Total_UpperLimit"]
#
# One position there, any number of them here, and a call that was interrupted goes on where it was:

places = SkyCoord([335.75, 335.65], [-7.52, -7.5], unit="deg")
limits = SwiftXRT.get_upper_limits(places)
limits["position", "outcome", "total_upper_limit", "image_exposure"]

# %%
# Observations on disk
# --------------------
#
# There:
#
# .. code-block:: python
#
#    import swifttools.ukssdc.data as ud
#
#    ud.downloadObsData("09999001000", instruments=["XRT"], destDir="data")
#
# Only the parts that are wanted; what is there and whole already stays. The folder is in the layout of the archive,
# for HEASoft as well as for the local engine:

files = SwiftXRT.download_observations(
    SwiftXRT.get_burst_observations(name)[:1],
    location=f"{folder}/data",
    contents=("events",),
    source="ukssdc",
)
files["obsid", "content", "size", "outcome"]

# %%
# And all the rest
# ----------------
#
# The page *Coming from swifttools* of the documentation has a line for each function and parameter, and
# tells what is different, and why. ``swifttools`` runs with an embedded service, too, so that both
# can be compared.

service.close()
