"""Ready-made light curves of catalogued sources and transients."""
