"""A stand-in for the archive of Swift at the HEASARC."""
