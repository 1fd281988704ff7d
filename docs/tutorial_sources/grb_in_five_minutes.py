"""
GRB 200416A in five minutes
===========================

Swift has found a burst, and within minutes the X-ray telescope has observed its
afterglow. From the name to a light curve, a spectrum with a fit, a position and an
image: one request.
"""

# %%
# The observations
# ----------------
#
# A name is all that is needed: position, observations and trigger time are found with it.

from swiftxrt import SwiftXRT, Target

burst = Target("SIM_GRB 200416A", resolve_t0=True)

# %%
# Here the observations are simulated, with the position and the trigger time of GRB 200416A: three of
# them, the first one from 80 s after the trigger. ``swift`` makes the products on this computer.
# **For the real burst leave out this cell** and write in its place
# ``swift = SwiftXRT(user="you@example.org")``, with the address that you have registered at the
# service in Leicester, and above ``Target("GRB 200416A", resolve_t0=True)``.

import tempfile

from swiftxrt.testing import simulate

archive = tempfile.mkdtemp()
folders = simulate(archive)
swift = SwiftXRT(backend="local", archive=archive)

# %%
# The request
# -----------
#
# A light curve with at least 20 counts in each bin in photon counting mode and 30 in
# windowed timing mode, a spectrum, a position, and an image.

from swiftxrt import (
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    SpectrumRequest,
    XRTRequest,
)

request = XRTRequest(
    target=burst,
    light_curve=LightCurveRequest(
        binning=CountsBinning(pc_counts=20, wt_counts=30),
    ),
    spectrum=SpectrumRequest(),
    position=PositionRequest("standard"),
    image=ImageRequest(bands="0.3-10 keV"),
)
job = swift.submit(request)
products = job.result()
products

# %%
# ``result`` has waited for the job. What could not be made would stand in
# ``products.failed``, with the reason; the rest comes all the same.
#
# The light curve
# ---------------
#
# It is a ``TimeSeries`` of Astropy with units and errors on both sides;
# ``elapsed`` counts from the trigger.

curve = products.light_curve.total
curve["time", "rate", "rate_err_neg", "rate_err_pos", "mode", "obsid"][:5]

# %%

curve.elapsed[[0, -1]]

# %%
# The curve, and the hardness ratio below:

ax = products.light_curve.plot()

# %%
# A steep decay, a flare, a plateau, and the late decay. How steep is that, from 5000 s on? A line in
# logarithms is enough for a first answer:

import numpy as np

is_late = curve.elapsed.to_value("s") > 5000
late = curve[is_late & ~curve["is_upper_limit"]]
slope, _ = np.polyfit(
    np.log(late.elapsed.to_value("s")),
    np.log(late["rate"].value),
    deg=1,
    w=(late["rate"] / late["rate_err_pos"]).value,
)
print(f"rate ~ t^{slope:.2f}")

# %%
# The spectrum
# ------------
#
# There is one for each mode, with background and response. Counts are grouped for plots only.

spectrum = products.spectrum["interval0wt"]
ax = spectrum.plot()

# %%
# A power law behind interstellar matter: what is in our galaxy is known and frozen, the rest is at
# the redshift of the burst, which is made up here. ``fit`` uses the W statistic, for which counts
# need not be grouped; errors are those of 90 %.

import astropy.units as u

from swiftxrt import fit, models

galactic = models.TBabs(5e20 / u.cm**2).freeze("nh")
model = galactic * models.ZTBabs(redshift=0.5) * models.PowerLaw()
result = fit(spectrum, model)
result.table["ztbabs.nh", "photon_index", "photon_index_err_neg", "photon_index_err_pos"]

# %%

axes = result.plot()

# %%
# And how bright?

result.flux("0.3-10 keV", absorbed=False)

# %%
# The position
# ------------
#
# A ``SkyCoord`` of Astropy with an error circle of 90 %, here on the image.

position = products.position
position

# %%

image = products.image[0]
field = image.cutout(position.coord, 4 * u.arcmin)
ax = field.plot(regions=[position.region])

# %%
# Into files
# ----------
#
# Everything is written with one call, in formats that other programs read: FITS tables, PHA files
# with responses, FITS images, DS9 regions. ``ProductSet.read`` reads the
# folder again.

import tempfile
from pathlib import Path

folder = tempfile.mkdtemp()
written = products.write(f"{folder}/products")
for path in sorted(Path(written).glob("*/*.*")):
    print(path.relative_to(written).as_posix())

# %%
# What if the job takes a night? ``job.id`` finds it again tomorrow, from another program:
# ``SwiftXRT.get_job(...).result()``. The pages *Jobs* and *Gamma-ray bursts* of the
# documentation tell more: of most bursts the service has light curves and spectra ready.

swift.close()
