"""
Many jobs at once
=================

A source has been observed for years, and a spectrum of each year is wanted. The jobs are
submitted together, nobody waits in a loop, and what has failed does not cost the rest. The
spectra are written for other programs, with response and systematic error, and fitted.
"""

# %%
# The service
# -----------
#
# A place and some years; files go to ``folder``.

import tempfile

import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time

place = SkyCoord(166.1138, 38.2088, unit="deg")
years = range(2018, 2024)
folder = tempfile.mkdtemp()

# %%
# Here the service is embedded in this program, with simulated observations of a blazar
# between 2018 and 2023. **For the real service leave out this cell**, and its end at the foot of
# the page. The registered address is taken from the environment variable ``SWIFTXRT_USER`` in both
# cases: it is in no file and no notebook.

import os
from contextlib import ExitStack

import numpy as np

from swiftxrt import Scene, Source, simulate_observations
from swiftxrt.testing import embedded_server

starts = Time([f"{year}-03-01" for year in years])
blazar = Source.at(
    place,
    rate=(starts, [0.2, 0.3, 0.5, 0.25, 0.2, 0.4] * u.ct / u.s),
    photon_index=2.3,
    column_density=2e20 / u.cm**2,
)
exposures = np.full(6, 1500) * u.s
scene = Scene.of(blazar, start=starts, exposure=exposures, name="Mrk 421", mode="PC")
simulate_observations(scene, f"{folder}/archive", seed=4)

os.environ["SWIFTXRT_USER"] = "you@example.org"
service = ExitStack()
url = service.enter_context(
    embedded_server(f"{folder}/archive", users=["you@example.org"]),
)

# %%
# One request for each year
# -------------------------
#
# Six years with observations, and one without, to see what becomes of it.

from swiftxrt import (
    SingleSlice,
    SpectrumRequest,
    SwiftXRT,
    Target,
    TimeIntervals,
    XRTRequest,
)

target = Target("SIM_Mrk 421", position=place)
requests = {
    year: XRTRequest(
        target=target,
        spectrum=SpectrumRequest(
            slices=SingleSlice(label=f"y{year}"),
            data=TimeIntervals((Time(f"{year}-01-01"), Time(f"{year + 1}-01-01"))),
        ),
    )
    for year in [*years, 2024]
}

# %%
# Submit, and go on with something else
# -------------------------------------
#
# ``submit_many`` returns at once. A few jobs are under way at a time, as the service asks;
# the next ones follow. The list is on disk: if the program ends here, the same call takes it
# up again tomorrow, and nothing is made twice.

jobs = SwiftXRT.submit_many(
    requests.values(),
    name="Mrk 421 by year",
    location=f"{folder}/products",
    progress=False,
)
jobs.report

# %%
# Each item comes as soon as it has ended, one way or the other.

for item in jobs.as_completed():
    year = item.request.spectrum.slices.label
    print(year, item.outcome.value, item.error or "")

# %%
# How many of each kind?

jobs.report

# %%

jobs.table["name", "phase", "outcome", "elapsed"]

# %%
# Spectra for other programs
# --------------------------
#
# Each spectrum comes with its background and its response. A systematic error of three
# percent is added, and it is written as a PHA file whose header names all that belongs to it.

spectra = {}
for year, item in zip(requests, jobs, strict=True):
    if item.outcome.has_products:
        (counts,) = item.result().spectrum.count_spectra
        spectra[year] = counts.with_systematic(0.03)
        spectra[year].group(min_counts=20).write(f"{folder}/mrk421_{year}.pha")
spectra[2020]

# %%

from astropy.io import fits

header = fits.getheader(f"{folder}/mrk421_2020.pha", 1)
{key: header[key] for key in ["EXPOSURE", "BACKFILE", "RESPFILE", "ANCRFILE"]}

# %%
# Fitted side by side
# -------------------

from swiftxrt import fit_many, models

model = models.TBabs(2e20 / u.cm**2).freeze("nh") * models.PowerLaw()
results = fit_many(spectra, model)
results.table

# %%
# The evolution: photon index, and the flux without absorption.

from astropy.table import QTable

from swiftxrt import plot_parameter_evolution

good = {one.item: one.value for one in results if one.is_ok}
fluxes = [result.flux("0.3-10 keV", absorbed=False) for result in good.values()]
indices = [result.parameters["photon_index"] for result in good.values()]
table = QTable(
    {
        "time": Time([f"{year}-03-01" for year in good]),
        "photon_index": [index.value for index in indices],
        "photon_index_err_neg": [index.err_neg for index in indices],
        "photon_index_err_pos": [index.err_pos for index in indices],
        "flux": [flux.value for flux in fluxes],
        "flux_err_neg": [flux.err_neg for flux in fluxes],
        "flux_err_pos": [flux.err_pos for flux in fluxes],
    }
)
axes = plot_parameter_evolution(table, ["flux", "photon_index"])

# %%
# All were made with a photon index of 2.3.

service.close()
