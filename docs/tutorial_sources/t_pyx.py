"""
T Pyx: from name to fitted epochs
=================================

The recurrent nova T Pyx had its sixth outburst in 2011, and Swift observed it for most of a
year. This page finds the observations, takes those of one week, downloads them, and goes on
to images, spectra and fitted models of each epoch. It is the way of the tutorial *Getting
started with Swift-XRT* of HEASARC.
"""

# %%
# Where the data come from
# ------------------------
#
# Here the archive is a stand-in on this computer, filled with simulated observations that are
# like those of 2011. **For the real ones leave out this cell**, and its end at the foot of the
# page; nothing else changes.

import tempfile
from contextlib import ExitStack

from swiftxrt.testing import heasarc_server, simulate_nova

archive = tempfile.mkdtemp()
simulate_nova(archive)
stand_in = ExitStack()
server = stand_in.enter_context(heasarc_server(archive))

# %%
# Finding a name needs a network, so the position stands here; with one,
# ``query_observations("T Pyx")`` takes the name. Files go to ``folder``.

import tempfile

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time

t_pyx = SkyCoord(136.1729423, -32.37986193, unit="deg")
discovery = Time(55665, format="mjd", scale="utc")
folder = tempfile.mkdtemp()

# %%
# Observations
# ------------
#
# The table has units, times and positions; each row is one observation.

from swiftxrt import SwiftXRT

observations = SwiftXRT.query_observations(t_pyx, radius=12 * u.arcmin)
observations["obsid", "start", "exposure", "exposure_pc", "distance"]

# %%
# Those from 142 to 150 days after the discovery, when the nova was bright in X-rays:

from swiftxrt import plot_timeline, select_days

chosen = select_days(observations, discovery, 142 * u.day, 150 * u.day)
ax = plot_timeline(observations, selected=chosen, epoch=discovery)

# %%
# Downloads
# ---------
#
# Only what is needed: cleaned events, the record of the pointing, frame headers. Whole
# observations would be some hundred megabytes. The same call again keeps what is there.

files = SwiftXRT.download_observations(
    chosen,
    location=f"{folder}/data",
    contents=("events", "attitude", "hk"),
)
files["obsid", "content", "size", "outcome"][:5]

# %%
# Products of each epoch
# ----------------------
#
# Observations less than half a day apart are one epoch, named by its days. One request says
# what to make; the engine works on several epochs at once.

from swiftxrt import ImageRequest, SpectrumRequest, Target, XRTRequest, group_epochs

week = group_epochs(chosen, max_gap=0.5 * u.day, epoch=discovery)
local = SwiftXRT(backend="local", archive=f"{folder}/data")
request = XRTRequest(
    target=Target("T Pyx", position=t_pyx),
    spectrum=SpectrumRequest(),
    image=ImageRequest(bands="0.3-10 keV"),
)
epochs = local.make_epochs(request, week)
epochs.table

# %%
# Images
# ------

from swiftxrt import plot_image_panels

axes = plot_image_panels(epochs.images(), position=t_pyx, size=6 * u.arcmin, columns=2)

# %%
# Spectra and models
# ------------------
#
# A black body for the surface of the white dwarf and bremsstrahlung for gas that was heated
# by shocks, both behind interstellar matter. The statistic for counts (W) needs no groups of
# source counts, but a count of the background in each bin, without which it is biased.

from swiftxrt import fit_many, models

spectra = {name: one.group(min_background_counts=1) for name, one in epochs.spectra("PC").items()}
model = models.TBabs() * (models.BlackBody(0.1 * u.keV) + models.Bremsstrahlung(1 * u.keV))
fits = fit_many(spectra, model)
fits[0].get()

# %%

from swiftxrt import plot_fits

axes = plot_fits(fits, labels=list(spectra), columns=2)

# %%
# Does anything change in this week? Errors are those of 90 %.

import numpy as np

from swiftxrt import days_since, plot_parameter_evolution

days = days_since(week, discovery)
axes = plot_parameter_evolution(
    fits,
    ["blackbody.temperature", "bremsstrahlung.temperature", "nh"],
    x=u.Quantity([days[week["epoch"] == one].mean() for one in np.unique(week["epoch"])]),
)

# %%
# One model for all
# -----------------
#
# Spectra fitted together share the parameters, unless they are called ``free``: here the
# brightness of both components.

from swiftxrt import fit

joint = fit(list(spectra.values()), model, free=["blackbody.norm", "bremsstrahlung.norm"])
joint.table["nh", "blackbody.temperature", "bremsstrahlung.temperature"]

# %%
# The simulated nova has 2e21 cm⁻², 0.09 keV and 1.2 keV.
#
# For XSPEC, the spectra with their responses, and a script that loads and fits them:

written = joint.write_xspec(f"{folder}/xspec")
sorted(path.name for path in written.parent.iterdir())[:6]

# %%
# The end of the engine and of the stand-in:

local.close()
stand_in.close()
