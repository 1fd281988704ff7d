"""Models of spectra and their fit to counts: forward folding, statistics, errors."""

from . import models as models

__all__ = ["models"]
