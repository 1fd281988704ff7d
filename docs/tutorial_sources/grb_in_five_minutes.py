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
# Here they are simulated, with the position and the trigger time of GRB 200416A: three
# observations, the first one from 80 s after the trigger. ``local`` is the client that
# makes the products on this computer. **For the real burst, leave these lines out and
# write** ``local = SwiftXRT(user="you@example.org")``, with the address that you have
# registered at the service in Leicester, and ``Target("GRB 200416A", resolve_t0=True)``.

import tempfile

from swiftxrt import SwiftXRT, Target
from swiftxrt.testing import simulate

archive = tempfile.mkdtemp()
simulate(archive)
local = SwiftXRT(backend="local", archive=archive)
burst = Target("SIM_GRB 200416A", resolve_t0=True)

# %%
# The request
# -----------
#
# A light curve with at least 20 counts in each bin in photon counting mode and 30 in
# windowed timing mode, a spectrum, two kinds of position, and an image.

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
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
    spectrum=SpectrumRequest(),
    position=PositionRequest("standard"),
    image=ImageRequest(bands="0.3-10 keV"),
)
job = local.submit(request)
products = job.result()
products

# %%
# The light curve
# ---------------
#
# It is an Astropy `~astropy.timeseries.TimeSeries`; ``elapsed`` counts from the trigger.

curve = products.light_curve.total
curve["time", "rate", "rate_err_neg", "rate_err_pos", "mode"][:5]

# %%

curve.plot()
