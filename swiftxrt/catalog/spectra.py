"""Ready-made spectra of catalogued sources and transients."""
